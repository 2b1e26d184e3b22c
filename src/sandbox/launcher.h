/*
 * The launch simulator: a page that plays the EHR's part of a SMART launch (SMART App Launch 2.2, "EHR launch").
 * Somebody chooses user, patient, encounter and app, launches it, and watches each request and answer of the flow as it
 * happens, secrets masked. For sandboxes and development: whoever reaches it can open any patient for any app, and what
 * it watches lies in memory only. Any thread.
 */
#ifndef FIRTH_SANDBOX_LAUNCHER_H
#define FIRTH_SANDBOX_LAUNCHER_H

#include "http/server.h"
#include "server/login/login.h"
#include "server/smart/smart.h"
#include "store/store.h"

struct launcher;
struct launcher_options {
	struct store *store;
	const struct definitions *definitions;
	struct smart *smart;
	struct login *login;
	bool sandbox; /* there are the sandbox's other pages, to be led to */
	struct str hint; /* shown where a user is chosen, such as how they sign in; STR_NULL: none */
};
struct launcher *launcher_open(const struct launcher_options *options, struct error *err) MUST_USE;
void launcher_close(struct launcher *l);

/* Launches an app by one of its URLs, as a SMART link of a CDS Hooks card has it: the launch's client is the one whose
 * launch_url is that URL, a query left aside. The path of the page that watches it, in the arena. ERR_NOT_FOUND: no
 * such app is registered; ERR_NOT_SUPPORTED when l is NULL. */
bool launcher_launch(struct launcher *l, struct arena *a, struct str url, const struct smart_launch *launch,
		     struct str *ret_path, struct error *err) MUST_USE;

/* Answers /launcher and what is below it (true), and leaves everything else alone (false). l may be NULL. */
bool launcher_handle(struct launcher *l, struct http_exchange *x);
/* The exchange to go on with instead of x, which must be answered like x: for requests that belong to flows it is
 * another one, whose answer is looked at on its way out. */
struct http_exchange *launcher_tap(struct launcher *l, struct http_exchange *x);

#endif
