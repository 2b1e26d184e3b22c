/*
 * What a search becomes at a vendor, before anything is sent: which requests are issued, what is applied here since the
 * vendor would ignore or refuse it, and why a search is not sent at all. The tables are types.def and the vendors' own;
 * a generic server is asked as it is. Pure.
 */
#ifndef FIRTH_EHR_PLAN_H
#define FIRTH_EHR_PLAN_H

#include "ehr/ehr.h"

/* What a vendor does with a resource type, of types.def. */
struct ehr_type {
	const char *name;
	const char *interactions; /* c create, r read, s search, u update, p patch, d delete */
	const char *needs; /* alternatives, one of which a search must have: "patient+category|_id" */
	const char *parameters; /* separated by spaces */
	unsigned page, page_max; /* 0: everything on one page */
};
/* NULL: the vendor does not have it, or is generic. */
const struct ehr_type *ehr_type_find(enum ehr_vendor vendor, struct str type);
const char *ehr_vendor_label(enum ehr_vendor vendor); /* "Epic", for people */

enum { EHR_PLAN_QUERIES = 16, EHR_PLAN_NOTES = 16 };
struct ehr_plan {
	struct str type;
	struct str queries[EHR_PLAN_QUERIES]; /* what is sent, one after the other */
	size_t count; /* 0: nothing is */
	struct str filter; /* what is applied here to every match, as a query; STR_NULL: nothing */
	struct str refused; /* why nothing is sent, one sentence; STR_NULL: something is */
	struct str notes[EHR_PLAN_NOTES]; /* what a person should know, one sentence each */
	size_t note_count;
};
struct ehr_plan_options {
	enum ehr_vendor vendor;
	const struct fhir_type *type;
	struct str query; /* as a URL has it, percent-coded */
	int64_t page; /* resources on a page; 0: the most that the vendor gives */
	bool unchecked; /* send it as it is */
};
/* ERR_UNKNOWN_PARAM for a parameter that neither R4 nor the vendor knows, ERR_LIMIT for more than 64 of them,
 * ERR_MEMORY. The text of the plan is in the arena. */
bool ehr_plan_make(const struct ehr_plan_options *options, struct arena *a, struct ehr_plan *ret_plan,
		   struct error *err) MUST_USE;

/* The filter of a plan over what comes. One thread; the definitions must outlive it. */
struct ehr_sieve;
/* base: of the server, which absolute references may name. Errors of the query: as of search_parse(). */
struct ehr_sieve *ehr_sieve_new(const struct definitions *d, const struct fhir_type *type, struct str query,
				struct str base, struct error *err) MUST_USE;
void ehr_sieve_free(struct ehr_sieve *s);
bool ehr_sieve_holds(struct ehr_sieve *s, struct arena *a, const struct json *resource, bool *ret_holds,
		     struct error *err) MUST_USE;

#endif
