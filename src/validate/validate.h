/*
 * Validation of resources against R4 and any profiles (http://hl7.org/fhir/R4/validation.html): structure, cardinality,
 * formats, fixed values and patterns, slicing, bindings, invariants, references, extensions, bundles, narrative,
 * questionnaires. Findings are data. A validator is made once, learns profiles as it meets them, and is used by any
 * thread; memory of one validation is the caller's arena.
 */
#ifndef FIRTH_VALIDATE_VALIDATE_H
#define FIRTH_VALIDATE_VALIDATE_H

#include "fhir/canonicals.h"
#include "fhir/resource.h"
#include "terminology/terminology.h"

struct path_item;
struct validator;

/* All three must outlive it. */
struct validator *validator_new(const struct definitions *d, const struct canonicals *c, struct terminology *t,
				struct error *err) MUST_USE;
void validator_free(struct validator *v);

struct validation_options {
	const struct str *profiles; /* canonicals that the resource must conform to, besides its own meta.profile */
	size_t profile_count;
	bool ignore_meta_profiles;
	bool structure_only; /* what every write must satisfy: no bindings, invariants, profiles */
	bool best_practices; /* tell of recommendations that are not followed, such as dom-6 */
	bool displays_must_match; /* a display that its code does not have is an error, not a warning */
	bool extensions_must_be_known; /* extensions that are not at hand are errors, but for those of examples */
	bool unresolved_unchecked; /* types that references only name are not compared with the allowed ones */
	bool no_markup; /* texts that look as if they contained HTML are errors */
	bool skip_contained; /* contained resources are taken as they are */
	bool references_must_resolve; /* a relative reference to what is not at hand is an error */
	bool rest_references; /* absolute references have the form of RESTful URLs: Type/id at the end */
	int64_t now_ms; /* for invariants that ask for today; 0: such invariants see 1970 */
	/* Other resources of the same load, by relative or absolute reference; NULL: only what the document holds. */
	const struct json *(*resolve)(void *ctx, struct str reference);
	void *resolve_ctx;
};

/* Validates one resource. Findings go to the list with severity, code, FHIRPath location, rule and text. False only
 * when validation itself failed (memory, limits). `a` may be reset afterwards unless findings are still needed. */
bool validate_resource(struct validator *v, struct arena *a, const struct json *resource,
		       const struct validation_options *options, struct issues *findings, struct error *err) MUST_USE;

/* For FHIRPath outside of a validation: elementDefinition() and slice() of struct path_services. */
bool validator_element_definition(struct validator *v, const struct path_item *item, struct path_item *ret_item,
				  struct error *err) MUST_USE;
bool validator_in_slice(struct validator *v, struct arena *a, const struct path_item *item, struct str structure,
			struct str name, int *ret_answer, struct error *err) MUST_USE;

#endif
