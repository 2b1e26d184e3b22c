/*
 * An authorization server for tests: a store (SQLite, or PostgreSQL with FIRTH_TEST_POSTGRES), the endpoints and the
 * FHIR API over HTTP on a free port of this machine, a clock that can be moved, and clients of every kind. A second
 * server on the same store stands for another process. What a person does on the pages is done by place_code().
 */
#ifndef FIRTH_TESTS_AUTH_PLACE_H
#define FIRTH_TESTS_AUTH_PLACE_H

#include "http/client.h"
#include "jose/jose.h"
#include "server/login/login.h"
#include "server/rest/rest.h"

#define PLACE_REDIRECT	"https://app.example.org/cb"
#define PLACE_VERIFIER	"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" /* RFC 7636 appendix B */
#define PLACE_CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define PLACE_SECRET	"correct+horse battery"
#define PLACE_PASSWORD	"a few plain words"

struct place_server {
	struct place *place;
	struct store *store;
	struct smart *smart;
	struct access *access; /* with people, and so is login */
	struct login *login;
	struct rest_server *rest;
	struct http_server *http;
	char base[64];
};
struct place {
	char directory[64], tenant[40];
	struct arena arena;
	struct extractor *extractor;
	struct jose_key *keys[2]; /* RS384, ES384: those of the clients "signed" and "backend" */
	const struct json *jwks[2];
	struct http_client *client;
	struct place_server
		servers[2]; /* the second is open on PostgreSQL, and on SQLite shares the store of the first */
	struct place_options {
		bool registration;
		/* The pages, an outside provider that is this very server, and the site's policy: observations tagged
		 * "secret" are nobody's, Consents hold for all, nurses break the glass. Users: anna (Practitioner/7,
		 * any patient), ed (no patient), both with PLACE_PASSWORD. */
		bool people;
		unsigned token_lifetime_s; /* 0: the usual */
	} options;
	struct vault *vault;
	struct decision_journal *journal;
	char hash[VAULT_HASH_SIZE];
};

bool place_open(struct place *p, const struct place_options *options, struct error *err) MUST_USE;
void place_close(struct place *p);
/* As setup and teardown of tests: a new place, the usual one (NULL) or another, in *state. */
int place_set_up_as(void **state, const struct place_options *options);
int place_set_up(void **state);
int place_tear_down(void **state);
/* A directory with all that is in it. */
void place_remove(const char *directory);
/* As if the server were stopped and started. */
bool place_restart(struct place *p, struct error *err) MUST_USE;
/* Moves the clock of all. */
void place_wait(int64_t ms);
int64_t place_now(void);

struct place_answer {
	int status;
	const struct json *json; /* NULL: it is none */
	struct http_answer http;
};
/* A form to a path of a server (0 or 1). authorization STR_NULL: none. */
struct place_answer place_post(struct place *p, int server, const char *path, struct str form,
			       struct str authorization);
struct place_answer place_send(struct place *p, int server, const char *method, const char *path, struct str body,
			       const struct http_header *headers, size_t header_count);
struct place_answer place_fetch(struct place *p, int server, const char *path, struct str bearer);

/* What a person agreed to: the scopes, all of them when scopes is NULL. */
struct place_login {
	const char *client; /* NULL: "public" */
	const char *scope; /* asked for; NULL: identity, a patient, offline_access, and all of the patient to read */
	const char *left; /* of it; NULL: all */
	const char *user; /* NULL: "anna" */
	const char *patient; /* NULL: "p1" */
	const char *session; /* NULL: none */
	const struct smart_launch *launch;
};
struct str place_code(struct place *p, const struct place_login *login);
/* The form that redeems it, as that client. */
struct str place_code_form(struct place *p, const char *client, struct str code);
/* Both, by server 0, for clients that need no proof. */
const struct json *place_tokens(struct place *p, const struct place_login *login);
/* "Basic ..." */
struct str place_basic(struct place *p, const char *id, const char *secret);
/* "&client_assertion_type=...&client_assertion=..." by key 0 or 1. */
struct str place_assertion(struct place *p, const char *client, int key);
/* Does the access token open the door? The status of a read of server. */
int place_read_status(struct place *p, int server, struct str token);

#endif
