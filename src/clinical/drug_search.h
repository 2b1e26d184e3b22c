/* Finding drugs by the beginning of a name, for people who type: ingredients, synonyms and brands. Pure. */
#ifndef FIRTH_CLINICAL_DRUG_SEARCH_H
#define FIRTH_CLINICAL_DRUG_SEARCH_H

#include "clinical/knowledge.h"

struct drug_hit {
	struct str name; /* in small letters, without punctuation */
	struct meaning meaning; /* MEANS_INGREDIENTS */
	struct str code; /* RXCUI when it is one ingredient, in the arena; otherwise STR_NULL */
};
#define DRUG_SEARCH_MAX 50

/* The names that begin with the text, those that are it first, then those with a word that does; the short ones first.
 * Fewer than two letters find nothing. At most max (and DRUG_SEARCH_MAX); returns how many. */
size_t drug_search(const struct knowledge *k, struct arena *a, struct str text, struct drug_hit *ret_hits, size_t max);

#endif
