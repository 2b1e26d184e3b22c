/*
 * A browser, so to say, before a login in this process: a store in a directory of its own, the authorization server,
 * users, patients and a clock that can be moved. Requests go to login_handle() without a connection; the cookies that
 * come are kept and sent.
 */
#ifndef FIRTH_TESTS_UNIT_LOGIN_WORLD_H
#define FIRTH_TESTS_UNIT_LOGIN_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "search/search.h"
#include "server/login/login_priv.h"

#define BASE	  "http://127.0.0.1:8080"
#define CALLBACK  "https://app.example.org/back"
#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" /* of RFC 7636 appendix B */
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define PASSWORD  "a few plain words"

struct answer {
	int status;
	struct str location, cookies, body, policy; /* cookies: all of Set-Cookie, a line each */
	int64_t retry_after;
};

struct world {
	char directory[64], key_path[96];
	struct store *store;
	struct extractor *extractor;
	struct smart *smart;
	struct vault *vault;
	struct login *login;
	struct arena a;
	struct str session, browser; /* cookies of the browser; empty: none */
	struct http_header more; /* another header of requests; STR_NULL: none */
};

/* As setup and teardown of cmocka. Users: anna (Practitioner/7, any patient), paula (Patient/p1), dora (disabled), ed
 * (any patient named Berg). All have PASSWORD. Clients: app (public, https), tool (public, loopback), web (secret).
 * Patients p1 Paula Berg, p2 Peter Berg, p3 Carl Weiss. */
int world_set_up(void **state);
int world_tear_down(void **state);
/* A directory of files alone. */
void world_remove(const char *directory);
/* With other options over the usual ones. */
void world_open_login(struct world *w, const struct login_options *changes);

/* The store goes by its own clock: what is timed by it there, as waits are, ends here. */
int64_t world_now(void);
void world_sleep(struct world *w, int64_t ms);

struct answer world_get(struct world *w, struct str path);
struct answer world_post(struct world *w, const char *path, struct str form);
struct str world_text(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The hidden field of that name on a page. */
struct str world_field(struct world *w, struct str page, const char *name);
/* /auth/authorize?... of a client with scopes; more is added as it is. */
struct str world_authorize(struct world *w, const char *client, const char *scopes, const char *more);
/* Signs in on the page that the answer leads to, and gives the answer to that. */
struct answer world_sign_in(struct world *w, struct answer to_login, const char *user, const char *password);
/* The request's id out of a Location. */
struct str world_request(struct world *w, struct answer answer);
bool has(struct str text, const char *part);
void world_add(struct world *w, const char *json);
void world_user(struct world *w, const struct login_user *user);
/* What the token endpoint gives for the code of an answer to the app; NULL with a message of why not. */
const struct json *world_redeem(struct world *w, struct answer to_app, const char *client);
/* A browser that has never been here. */
void world_new_browser(struct world *w);
/* Rows of the audit trail, newest first: whether one of the first few has that interaction and outcome. */
bool world_recorded(struct world *w, const char *interaction, int outcome);

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

#endif
