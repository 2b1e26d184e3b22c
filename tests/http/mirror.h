/*
 * Two servers that should be one to whoever asks: asking both the same, and comparing all that they answer but for
 * names of the day. Shared by the tests that walk every row of the tables of interactions and operations.
 */
#ifndef FIRTH_TESTS_HTTP_MIRROR_H
#define FIRTH_TESTS_HTTP_MIRROR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/client.h"
#include "world.h"

struct probe {
	const char *rows, *method, *path, *header, *body;
};
extern const struct probe mirror_probes[]; /* mirror.def */
extern const size_t mirror_probe_count;

struct side {
	struct world world; /* of tests that have one */
	const char *base; /* FHIR base */
	struct http_client *client;
	struct str token;
};
struct mirror {
	struct side both, alone;
	struct arena arena;
};

struct str mirror_url(struct mirror *m, const struct side *s, const char *path);
struct http_answer mirror_ask(struct mirror *m, struct side *s, const struct probe *p, struct str url);
/* Status, headers and body as one text, without what differs from day to day. */
struct str mirror_flat(struct mirror *m, const struct side *s, const struct http_answer *answer);
/* The state of a job once it is over. */
struct http_answer mirror_when_done(struct mirror *m, struct side *s, struct str url);
struct str mirror_next(struct mirror *m, const struct http_answer *answer);
/* Both answer the probe alike, page after page, and tell nothing of bravo. */
void mirror_compare(struct mirror *m, const struct probe *p, const char *scopes);

/* What there is of a patient, "alpha" or "bravo"; and what all have. By a token that may write everything. */
void mirror_load_patient(struct mirror *m, struct side *s, const char *who);
void mirror_load_shared(struct mirror *m, struct side *s);
void mirror_send(struct mirror *m, struct side *s, const char *method, struct str body);

#endif
