/*
 * What the resources of one vendor look like, as a set of facts: which members there are, which code systems stand at
 * which place, which extensions, and what form references have. Taken from recordings, or from an extract of them.
 */
#ifndef FIRTH_TESTS_SANDBOX_SHAPES_H
#define FIRTH_TESTS_SANDBOX_SHAPES_H

#include "base/map.h"
#include "json/json.h"

struct shapes {
	struct arena *arena;
	struct map counts; /* fact -> how many resources have it */
	struct str facts[20000]; /* in the order of finding */
	size_t fact_count;
};
void shapes_init(struct shapes *s, struct arena *a);
void shapes_done(struct shapes *s);
/* The facts of one resource, each once. A fact is "Patient.name", "Patient.name.family",
 * "Observation.code.coding|http:..." (a code system), "Patient.extension(url)", "Condition.subject>Patient/" (a
 * reference), or the type alone. */
void shapes_of(struct arena *a, const struct json *resource, void (*see)(void *ctx, struct str fact), void *ctx);
/* Counts a recorded resource. */
void shapes_learn(struct shapes *s, const struct json *resource);
/* All resources of a recorded answer: a Bundle, or one resource. */
void shapes_learn_answer(struct shapes *s, const struct json *answer);
size_t shapes_count(const struct shapes *s, struct str fact);
/* The fact that another is a part of: its member's, without the last step. STR_NULL for a type. */
struct str shapes_parent(struct str fact);
/* The extract: lines of fact, tab, count. */
void shapes_read(struct shapes *s, struct str text);
void shapes_write(const struct shapes *s, struct buf *out);

#endif
