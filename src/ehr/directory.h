/*
 * Directories of EHRs: the bundles of endpoints that vendors publish, and finding a hospital in them by its name as
 * people say it. Pure.
 */
#ifndef FIRTH_EHR_DIRECTORY_H
#define FIRTH_EHR_DIRECTORY_H

#include "ehr/ehr.h"

struct ehr_place {
	struct str name, place; /* "Britt, IA 50423"; STR_NULL: the directory does not say */
	struct str base_url; /* without a slash at the end */
	enum ehr_vendor vendor;
	struct str words; /* folded name and place, made by reading */
	unsigned met, score; /* of a search: how well the words are met; the same, and few other words */
};
struct ehr_places {
	struct ehr_place *items;
	size_t count, capacity;
	size_t skipped; /* endpoints without a usable address or a name */
};

/* Adds the endpoints of a Bundle (Endpoint and Organization, side by side or contained) or of places written by
 * ehr_directory_write(). Text stays in the document or goes into the arena. ERR_VALUE when it is neither; ERR_LIMIT
 * past 200,000 places. */
bool ehr_directory_read(struct arena *a, const struct json *document, struct ehr_places *places,
			struct error *err) MUST_USE;
bool ehr_directory_write(const struct ehr_places *places, struct buf *out, struct error *err) MUST_USE;

/* Those that have every word of the text, best first, at most max; words may be abbreviated, begun, in any order, and
 * mistyped in one letter. */
bool ehr_directory_find(struct arena *a, const struct ehr_places *places, struct str text, size_t max,
			struct ehr_place **ret_found, size_t *ret_count, struct error *err) MUST_USE;

#endif
