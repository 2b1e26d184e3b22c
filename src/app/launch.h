/*
 * The web app's door for EHRs: /launch takes a launch from within an EHR (SMART App Launch 2.2, "EHR launch"), and
 * /launch/callback its answer. State, PKCE verifier and nonce stay on the server, keyed by the state, so nothing is
 * lost with a browser that drops storage; a session follows, whose tokens are sealed in the store. Only configured EHRs
 * may launch. Any thread; the talking to EHRs is done on threads of its own, so that no server thread waits for one.
 */
#ifndef FIRTH_APP_LAUNCH_H
#define FIRTH_APP_LAUNCH_H

#include "app/config.h"
#include "http/server.h"
#include "store/store.h"

struct launch;
struct launch_options {
	const struct config *config; /* outlives it */
	struct store *store;
	struct str base_url; /* of the server: the redirect URI is BASE/launch/callback */
};
/* ERR_CONFIG, ERR_IO: the sealing keys cannot be read. NULL and no error when no EHR is configured. */
struct launch *launch_open(const struct launch_options *options, struct error *err) MUST_USE;
/* Waits for those under way. */
void launch_close(struct launch *l);
/* Answers /launch and what is below it (true), and leaves everything else alone (false). l may be NULL. */
bool launch_handle(struct launch *l, struct http_exchange *x);
bool launch_has(struct str path);

#endif
