/*
 * An EHR of a few dozen resources behind the client's transport: reads, searches by patient, creates and updates with
 * versions, and switches for what real ones do wrong.
 */
#ifndef FIRTH_TESTS_POPULATION_TINY_EHR_H
#define FIRTH_TESTS_POPULATION_TINY_EHR_H

#include "ehr/ehr.h"

#define TINY_BASE "https://tiny.example/r4"

struct tiny_item {
	char type[32], id[80], body[4096];
	unsigned version;
	bool gone;
};

struct tiny_ehr {
	struct tiny_item items[64];
	size_t count;
	bool without_versions; /* no ETag, no meta, If-Match ignored */
	const char *broken_type; /* searches of it fail with 500 */
	int refuse_status; /* every call about a Flag is answered so */
	const char *refuse_type, *refuse_body;
	bool refuse_writes_only;
	/* Someone else writes the Flag just before our update arrives, this many times, adding a member. */
	unsigned intrusions;
	bool intruder_agrees; /* instead of that, writes what we were about to */
	int conflict_status; /* 412 unless set */
	bool lose_create; /* carries the next create out, but the answer is lost */
	bool drop_create; /* neither */
	bool hide_flags; /* searches of Flag find nothing */
	bool drop_identifier; /* of what is written */
	const char *moved_from, *moved_to; /* Patients: reads of the one are redirected to the other */
	const char *statement; /* its capability statement; NULL: 404 */
	/* Counted: */
	size_t creates, updates, searches, unguarded; /* unguarded: updates without If-Match */
	struct ehr_transport transport;
};

void tiny_start(struct tiny_ehr *t);
void tiny_add(struct tiny_ehr *t, const char *body); /* type and id from the body; replaces one that is there */
struct tiny_item *tiny_find(struct tiny_ehr *t, const char *type, const char *id);
size_t tiny_count(const struct tiny_ehr *t, const char *type);
/* The Flag when there is exactly one. */
struct tiny_item *tiny_flag(struct tiny_ehr *t);

#endif
