/*
 * Names become small numbers, once per store: types, search parameters of a type, systems of codes. What was met
 * lately is kept in bounded caches, compared exactly; a full cache is emptied, since what is used comes back at the
 * price of one look-up. Not locked: the committing thread has one, each reader its own.
 */
#ifndef FIRTH_STORE_NAMES_H
#define FIRTH_STORE_NAMES_H

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "search/search.h"

/* Text to number, bounded: forgets everything when full. */
struct cache {
	struct arena arena;
	struct map map;
};

void cache_init(struct cache *c, size_t max);
void cache_done(struct cache *c);
void cache_clear(struct cache *c);
bool cache_get(const struct cache *c, struct str key, int64_t *ret_value);
void cache_put(struct cache *c, struct str key, int64_t value);

enum names_kind { NAMES_TYPE, NAMES_PARAM, NAMES_SYSTEM };

/* The number of a name, made when it is new; type is 0 except for NAMES_PARAM. 0 with an error. */
typedef int64_t names_intern(void *ctx, enum names_kind kind, int64_t type, struct str text, struct error *err);

struct name_slot;
struct names {
	names_intern *intern;
	void *ctx;
	struct cache systems, types;
	struct cache added; /* parameters that were added, by type and name: their addresses are used again */
	struct name_slot *slots; /* types and parameters by address */
};

bool names_init(struct names *n, names_intern *intern, void *ctx, struct error *err) MUST_USE;
void names_done(struct names *n);
void names_clear(struct names *n);
int64_t names_type(struct names *n, const struct fhir_type *type, struct error *err);
int64_t names_type_named(struct names *n, struct str name, struct error *err);
/* Each variant of a parameter has a number of its own, by the name names_variant(). */
int64_t names_param(struct names *n, const struct fhir_type *type, int64_t type_id, const struct search_param *param,
		    enum row_variant variant, struct error *err);
/* "code", "code:of-type", "code:identifier", "code:removed", "code:present": the code itself, or in the buffer.
 * STR_NULL when it does not fit. */
enum { NAMES_VARIANT_MAX = 256 };
struct str names_variant(const struct search_param *param, enum row_variant variant, char buffer[NAMES_VARIANT_MAX]);
int64_t names_system(struct names *n, struct str system, struct error *err);

#endif
