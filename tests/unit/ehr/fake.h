/*
 * An EHR made of a script: each step says which call must come and what is answered. A call that does not fit its
 * step fails the test; so does a script that was not played to its end.
 */
#ifndef FIRTH_TESTS_EHR_FAKE_H
#define FIRTH_TESTS_EHR_FAKE_H

#include "ehr/ehr.h"

#define FAKE_BASE "https://ehr.example/fhir/r4"
#define FHIR_JSON "application/fhir+json;charset=utf-8"

struct fake_step {
	const char *call; /* "GET /Patient/1": method and what follows the base, or a whole URL */
	int status; /* 0: no answer, error says why */
	const char *type; /* content type; NULL: none */
	const char *body;
	const char *header, *value; /* one more header */
	enum error_code error;
};

struct fake {
	const struct fake_step *steps;
	size_t count, at;
	char authorization[200], if_match[64], accept[80], request_id[64], body[8192], content_type[80]; /* last call */
	unsigned waits[16]; /* what the client slept */
	size_t wait_count;
	int64_t now_ms;
	/* What the client handed to store_audit. */
	size_t audits;
	char audit_last[400]; /* "search-type E out=1 outcome=0 status=200 type=Flag id= query=... patient=..." */
	char agent[80], address[120];
};

extern struct fake *fake_current;
/* One at a time per process: the client's clock and sleep carry no context. */
void fake_start(struct fake *f, const struct fake_step *steps, size_t count);
struct ehr_client *fake_client(struct fake *f, enum ehr_vendor vendor, bool with_key);
/* One that proves itself by a secret. */
struct ehr_client *fake_client_secret(struct fake *f, enum ehr_vendor vendor, const char *secret);
/* Closes and checks that the whole script was played. */
void fake_end(struct fake *f, struct ehr_client *c);

#define FAKE_START(f, ...)                                                                                             \
	static const struct fake_step fake_steps[] = {__VA_ARGS__};                                                    \
	fake_start((f), fake_steps, sizeof fake_steps / sizeof fake_steps[0])

#endif
