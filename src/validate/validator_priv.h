/* What a validator keeps between validations. */
#ifndef FIRTH_VALIDATE_VALIDATOR_PRIV_H
#define FIRTH_VALIDATE_VALIDATOR_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "validate/validate_priv.h"

enum { VERDICT_BUCKETS = 16384, VERDICT_MAX = 100000 };

struct verdict_entry {
	uint64_t hash;
	struct str key;
	struct code_verdict verdict;
	const struct verdict_entry *next;
};

struct validator {
	const struct definitions *definitions;
	const struct canonicals *canonicals;
	struct terminology *terminology;
	struct profiles *profiles;
	bool *has_rules; /* by fhir_type.id */
	pthread_mutex_t lock; /* over the arena and what is added to the verdicts */
	struct arena arena;
	_Atomic(const struct verdict_entry *) verdicts[VERDICT_BUCKETS];
	size_t verdict_count;
	const struct global_profile *globals; /* fixed once they are read; see globals.c */
	atomic_bool globals_read;
};

#endif
