/*
 * The index rows of a stretch of versions, made from their terms and sorted in the order of the tables, because
 * neighbours share pages. Both backends put index rows off and write many versions' at once.
 */
#ifndef FIRTH_STORE_INDEX_H
#define FIRTH_STORE_INDEX_H

#include "store/seek/seek.h"

struct index_entry {
	uint64_t rank; /* sorts by table, parameter and the start of the key */
	struct seek_row row;
	int64_t patient; /* as given with the version */
};

struct index_list {
	struct index_entry *entries;
	size_t count, capacity;
};

/* Adds the rows of one version; a row may come twice. The texts are borrowed from the terms. False
 * without memory. */
bool index_add(struct index_list *list, int64_t vid, int64_t type, int64_t patient, struct str terms) MUST_USE;
void index_sort(struct index_list *list);
void index_done(struct index_list *list);

#endif
