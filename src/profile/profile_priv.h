/* Shared by the files that compile profiles. All of it runs under the lock of the set. */
#ifndef FIRTH_PROFILE_PROFILE_PRIV_H
#define FIRTH_PROFILE_PROFILE_PRIV_H

#include <pthread.h>

#include "base/map.h"
#include "profile/profile.h"

enum { PROFILE_BUCKETS = 4096, PROFILE_MAX_UNKNOWN = 100000, PROFILE_MAX_TYPES = 4096, PROFILE_MAX_DEPTH = 32 };

/* A canonical that was asked for, with the answer. Never changed once it is in its bucket. */
struct profile_lookup {
	struct str canonical;
	const struct canonical_package *package;
	const struct profile *profile; /* NULL: unknown or broken */
	const struct error *error; /* NULL: unknown */
	const struct profile_lookup *next;
};

struct profiles {
	const struct definitions *definitions;
	const struct canonicals *canonicals;
	struct arena arena;
	pthread_mutex_t lock; /* recursive: compiling a profile asks for the types it uses */
	_Atomic(const struct profile_lookup *) lookups[PROFILE_BUCKETS];
	_Atomic(const struct profile *) by_type[PROFILE_MAX_TYPES]; /* by fhir_type.id */
	struct map compiled; /* struct canonical * (as bytes) to struct profile * */
	struct map constraints; /* key, expression and severity to struct profile_constraint * */
	size_t lookup_count;
};

/* An element while its tree grows; e comes first, so both are one. */
struct draft {
	struct profile_element e;
	struct draft *first_child, *last_child, *next_child;
	struct draft *first_slice, *last_slice, *next_slice;
	struct str content_reference;
	const struct json *json;
};

struct compilation {
	struct profiles *set;
	struct arena *a;
	struct profile *profile;
	struct error *err;
};

/* facts.c: everything that one ElementDefinition says about the element itself. */
bool element_read_facts(struct compilation *c, const struct json *definition, struct draft *into);
/* slice.c */
const struct profile_slicing *slicing_read(struct compilation *c, const struct json *slicing);
/* compare.c: marks what a profile adds to the core type. */
void element_mark_facts(struct compilation *c, struct draft *e, const struct profile_element *core);
/* compile.c */
const struct profile *profile_compile(struct profiles *set, const struct canonical *canonical, struct error *err);
struct draft *draft_of(const struct profile_element *e);

bool out_of_memory(struct compilation *c);

#endif
