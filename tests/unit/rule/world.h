/* A library of services for the tests, over texts instead of files. */
#ifndef FIRTH_TESTS_RULE_WORLD_H
#define FIRTH_TESTS_RULE_WORLD_H

#include "rule/rule.h"

struct world {
	struct arena arena;
	struct rule_library library;
	struct rule_result result;
	struct error err;
	const struct json *prefetch;
	bool knows; /* terminology is at hand */
};

/* 2023-05-01T12:00:00Z */
#define WORLD_NOW 1682942400000

void world_open(struct world *w);
void world_close(struct world *w);
/* A service's text with ' for ". */
const struct rule_service *world_compile(struct world *w, const char *service);
/* Compiles and runs it with context and prefetch (an object of keys), with ' for ", and gives the answer's JSON;
 * "failed: " and the error's path and text when it fails. */
struct str world_run(struct world *w, const char *service, const char *context, const char *prefetch);

#endif
