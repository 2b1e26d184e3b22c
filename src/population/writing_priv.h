/* What the files about writing to EHRs share. */
#ifndef FIRTH_POPULATION_WRITING_PRIV_H
#define FIRTH_POPULATION_WRITING_PRIV_H

#include "fhir/resource.h"
#include "population/writing.h"

/* How a create can be taken back. */
enum writing_undo { WRITING_UNDO_NONE, WRITING_UNDO_MARK, WRITING_UNDO_DELETE };
/* May a patch change a member of the type? STR_NULL: any. */
bool writing_may_patch(enum ehr_vendor vendor, struct str type, struct str member);
enum writing_undo writing_undo(enum ehr_vendor vendor, struct str type);

struct planning {
	const struct writing_options *options;
	struct arena *a;
	const struct json *resource;
	struct str type;
	struct writing_plan *plan;
	size_t broken; /* rules */
	bool failed; /* out of memory */
};
/* Adds a rule that the resource breaks. Always false. */
bool planning_break(struct planning *p, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void planning_hint(struct planning *p, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The rules of the vendor for a resource, into plan->notes and broken. */
void planning_check(struct planning *p, const struct json *resource, struct str type, enum writing_op op);
/* The steps for the nearest thing that the vendor takes; none when there is none. */
void planning_nearest(struct planning *p);
bool planning_add(struct planning *p, enum writing_op op, struct str type, struct str id, struct str body);

/* Why an update that says `sent` is not taken where `shown` stands; NULL: it may be. Static text. */
const char *writing_keeps(const struct definitions *d, enum ehr_vendor vendor, struct arena *a, struct str type,
			  const struct json *sent, const struct json *shown);
/* A code of a system in a concept, or in any concept of a list. code STR_NULL: any. */
bool writing_has_code(const struct json *concept, const char *system, const char *code);

#endif
