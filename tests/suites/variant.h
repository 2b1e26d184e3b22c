/*
 * Other recordings of the same servers: a document as it might have come from another site, on another day, of another
 * patient. Each seed gives one variant: other ids (references follow), other sites (OIDs, tenants, hosts), members left
 * out and added, lists for single values, other words and languages, codes, times, numbers, order of members, entries
 * that nobody expected, other links.
 */
#ifndef FIRTH_SUITES_VARIANT_H
#define FIRTH_SUITES_VARIANT_H

#include "base/arena.h"
#include "json/json.h"

/* The variant's text, in the arena; STR_NULL without memory. *ret_how: the names of what was done to it. */
struct str variant_make(struct arena *a, const struct json *document, uint64_t seed, struct str *ret_how);

#endif
