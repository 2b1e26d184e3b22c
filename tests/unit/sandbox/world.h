/* A sandbox on a free port with synthetic patients and a client to ask it, for the tests of this room. */
#ifndef FIRTH_TESTS_SANDBOX_WORLD_H
#define FIRTH_TESTS_SANDBOX_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/client.h"
#include "sandbox/face_priv.h"

#define TODAY INT64_C(1795478400000) /* 2026-11-24 */

struct world {
	struct arena arena;
	char directory[64];
	struct extractor *extractor;
	struct store *store;
	struct http_server *server;
	struct sandbox *sandbox;
	struct sandbox_loaded loaded;
	struct http_client *client;
	struct str base, host, group;
	struct str patient; /* an adult's id */
};

struct world_options {
	enum ehr_vendor vendor;
	bool flag; /* the site opens Flag */
	const struct smart_client *clients; /* NULL: no authorization */
	size_t client_count;
	unsigned patients; /* 0: none */
	bool actors; /* and the test patients of the public sandbox */
	const struct login_user *users;
	size_t user_count;
	const struct str *behaviours, *faults;
	size_t behaviour_count, fault_count;
};
struct world *world_open(const struct world_options *options);
void world_close(struct world *w);

struct asked {
	const char *method, *accept, *if_match, *body, *type; /* type: of the body; NULL: FHIR JSON */
	struct str token; /* Bearer */
	struct str authorization; /* whole value; without token */
	const char *host; /* NULL: that of the URL */
	struct http_header more; /* another header; name STR_NULL: none */
	bool form; /* the body is a form */
};
#define JSON ((struct asked){.accept = "application/fhir+json"})
/* path below the FHIR base; "$P" in it stands for the patient's id. */
struct http_answer ask(struct world *w, const char *path, struct asked how);
struct http_answer ask_url(struct world *w, struct str url, struct asked how);
const struct json *parsed(struct world *w, struct http_answer answer);
/* A 200 answer, parsed. */
const struct json *get(struct world *w, const char *path);
struct str link_url(const struct json *bundle, const char *relation);
size_t matches(const struct json *bundle);
void must(bool ok, const struct error *err);

#endif
