/*
 * The loopback redirect of a login (RFC 8252 section 7.3): a server on this machine for one answer, and the browser
 * that brings it. The answer's page is shown when the login is done, so that it can say how it went.
 */
#ifndef FIRTH_APP_LOGIN_REDIRECT_H
#define FIRTH_APP_LOGIN_REDIRECT_H

#include "base/arena.h"
#include "base/error.h"

struct login_redirect;
/* port 0: any free one. ERR_NETWORK when it is taken. */
struct login_redirect *login_redirect_open(uint16_t port, struct error *err) MUST_USE;
/* "http://127.0.0.1:PORT/callback" */
struct str login_redirect_uri(const struct login_redirect *r);
/* The query of the answer that carries the state, in a; others are told that they are not expected. ERR_TIMEOUT. */
bool login_redirect_wait(struct login_redirect *r, struct arena *a, struct str state, int64_t timeout_ms,
			 struct str *ret_query, struct error *err) MUST_USE;
/* What the person sees in the browser then: title and sentence, as text. */
void login_redirect_tell(struct login_redirect *r, bool good, struct str title, struct str sentence);
/* Waits until the answer is delivered. */
void login_redirect_close(struct login_redirect *r);

/* Starts the desktop's browser. False when there is no desktop or it has no opener. */
bool login_browser_open(struct str url);

#endif
