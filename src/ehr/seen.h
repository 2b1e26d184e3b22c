/*
 * What went by in a search, in 16 bytes each: a hash of type and id, and how new it was. Two of two million with the
 * same hash are one chance in ten million. One thread.
 */
#ifndef FIRTH_EHR_SEEN_H
#define FIRTH_EHR_SEEN_H

#include "base/str.h"

struct ehr_seen_slot {
	uint64_t hash; /* 0: free */
	int64_t stamp;
};
struct ehr_seen {
	struct ehr_seen_slot *slots;
	size_t count, capacity, max;
};

void ehr_seen_init(struct ehr_seen *s, size_t max);
void ehr_seen_done(struct ehr_seen *s);
void ehr_seen_clear(struct ehr_seen *s);
/* The stamp of what the parts, one after the other, name; *ret_fresh when it was not there, and then it is 0. NULL past
 * max or without memory. Valid until the next call. */
int64_t *ehr_seen_put(struct ehr_seen *s, struct str first, struct str second, bool *ret_fresh);

#endif
