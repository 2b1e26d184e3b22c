/*
 * What codes mean: code systems, value sets and concept maps of a set of canonical resources
 * (http://hl7.org/fhir/R4/terminology-module.html). Answers come from what is at hand only; what cannot be decided
 * without more is CODE_UNKNOWN with the reason, never a guess.
 *
 * A terminology lives as long as its canonicals and is used by any thread: what it learns (indexes of code systems,
 * expansions) is kept inside, behind a lock, and bounded.
 */
#ifndef FIRTH_TERMINOLOGY_TERMINOLOGY_H
#define FIRTH_TERMINOLOGY_TERMINOLOGY_H

#include "base/arena.h"
#include "base/error.h"
#include "fhir/canonicals.h"

struct terminology;

struct terminology *terminology_new(const struct canonicals *c, struct error *err) MUST_USE;
void terminology_free(struct terminology *t);

/* Takes in a release that release.h made, such as a file that is mapped; the bytes must outlive the terminology. It is
 * found before CodeSystem resources of the same url. Not while other threads use the terminology. */
bool terminology_add_release(struct terminology *t, struct str bytes, struct error *err) MUST_USE;

/* A code as an instance has it; texts that are not there are STR_NULL. */
struct coding {
	struct str system, version, code, display;
};

enum code_answer { CODE_UNKNOWN, CODE_IN, CODE_NOT_IN };

enum code_reason {
	CODE_FINE,
	CODE_SYSTEM_UNKNOWN, /* no such code system at hand: nothing can be said */
	CODE_SYSTEM_PARTIAL, /* at hand, but as a fragment or without its content, and the code is not among what is
				there */
	CODE_INVALID, /* the code system is complete and has no such code */
	CODE_NOT_MEMBER, /* a code of its system, but the value set does not include it */
	CODE_DISPLAY_WRONG, /* the code is in; the display is none of those it has */
	CODE_SYSTEM_MISSING, /* the coding has no system and none can be inferred */
	CODE_VALUE_SET_UNKNOWN,
	CODE_VALUE_SET_UNDECIDED, /* it needs a filter or a system that cannot be evaluated here */
	CODE_INACTIVE, /* in, but inactive or deprecated */
	CODE_ABSTRACT /* in the system, but not selectable: no code for a value set to be chosen from */
};

struct code_verdict {
	enum code_answer answer;
	enum code_reason reason;
	struct str display; /* the preferred one, when known */
	struct str system; /* found for a bare code, or that of the coding */
	struct str detail; /* for people: the system, value set or filter that was the trouble; in the arena */
};

/* Is the coding in the value set (canonical, resolved as seen from `from`)? Also understood: the value set of all codes
 * that a CodeSystem names, SYSTEM?fhir_vs, http://snomed.info/sct?fhir_vs=isa/ID|refset|refset/ID|ecl/CONSTRAINT,
 * http://loinc.org/vs,
 * and http://loinc.org/vs/ with an answer list or a part. A coding without system is looked up in
 * all systems of the value set when `bare` is true (elements of type code). */
struct code_verdict terminology_validate_in(struct terminology *t, struct arena *a, struct str value_set,
					    const struct canonical *from, const struct coding *coding, bool bare);
/* Is the coding a code of its system? Display compared without case and with white space folded. */
struct code_verdict terminology_validate(struct terminology *t, struct arena *a, const struct coding *coding);

/* Does a subsume b in this system? */
enum subsumption { SUBSUMES_UNKNOWN, SUBSUMES_EQUIVALENT, SUBSUMES, SUBSUMED_BY, SUBSUMES_NOT };
enum subsumption terminology_subsumes(struct terminology *t, struct str system, struct str version, struct str a,
				      struct str b);

/* The codes below (or above) a code in its system, itself first. ERR_NOT_FOUND when the system or code is not there,
 * ERR_LIMIT past max. In the arena. */
bool terminology_related(struct terminology *t, struct arena *a, const struct coding *coding, bool below, size_t max,
			 struct coding **ret_codes, size_t *ret_count, struct error *err) MUST_USE;

/* ---- expansion --------------------------------------------------------------------------------------------------- */

struct expand_options {
	struct str filter; /* words that all must be in a display or start a code; case and accents do not count */
	bool paged;
	size_t offset, count; /* when paged */
	bool active_only; /* no inactive codes */
	bool flat; /* excludeNested: no headings, so abstract codes are left out unless a list names them */
	struct str language; /* displays in this language where there are any */
	size_t limit; /* codes at most, 0: 100,000. More are ERR_LIMIT ("too-costly"); pages help */
};

struct system;
struct expanded { /* a code of an expansion */
	struct str system, version, code, display;
	bool abstract, inactive, deprecated;
	size_t parent; /* place of the code that it is shown under + 1; 0: none. Parents may come later */
	const struct system *source; /* private, as the next two */
	uint32_t id;
	const struct json *listed;
};

struct expansion {
	struct str url, version;
	const struct json *definition; /* the ValueSet; NULL for implicit ones */
	struct expanded *codes; /* in the order of the includes, and within each of its list or system */
	size_t count, total; /* total: on all pages */
	bool unclosed; /* a system of it is at hand in part only, so there may be more codes */
};

/* All codes of a value set, or a page of them, which is always flat. As in the expansions of R4, deprecated codes are
 * left out, unless a list names them or compose.inactive is true; retired ones are left out only where it is false.
 * ERR_NOT_FOUND when there is none of that name; ERR_NOT_SUPPORTED when it
 * needs content that is not at hand or systems that cannot be listed, with the reason; ERR_LIMIT. In the arena. */
const struct expansion *terminology_expand(struct terminology *t, struct arena *a, struct str value_set,
					   const struct canonical *from, const struct expand_options *o,
					   struct error *err) MUST_USE;
/* The same of a ValueSet that is not among the canonicals; it must live as long as the terminology. */
const struct expansion *terminology_expand_resource(struct terminology *t, struct arena *a,
						    const struct json *value_set, const struct canonical *from,
						    const struct expand_options *o, struct error *err) MUST_USE;

/* The answer of $expand: a ValueSet with that expansion. */
struct expansion_style {
	struct str timestamp; /* now, as a dateTime: an expansion must have one */
	bool designations, definition; /* includeDesignations, includeDefinition */
};
void expansion_write(struct buf *out, const struct expansion *e, const struct expand_options *o,
		     const struct expansion_style *style);

/* ---- operations -------------------------------------------------------------------------------------------------- */

/* What a verdict says to people, in one sentence; STR_NULL when all is well. */
struct str code_verdict_text(struct arena *a, const struct code_verdict *v, const struct coding *coding,
			     struct str value_set);

/* The operations of R4 on codes: each appends its answer, a Parameters resource. */

/* CodeSystem/$lookup. ERR_NOT_FOUND with the reason when the system or the code is not there. */
struct lookup_options {
	struct str language; /* of the display, where there is one */
	const struct str *properties; /* only these; NULL: all */
	size_t property_count;
};
bool terminology_lookup(struct terminology *t, struct arena *a, const struct coding *coding,
			const struct lookup_options *o, struct buf *out, struct error *err) MUST_USE;

/* ValueSet/$validate-code, and CodeSystem/$validate-code when value_set is STR_NULL. What cannot be decided is result
 * false with a message that says so. */
void terminology_validate_code(struct terminology *t, struct arena *a, struct str value_set,
			       const struct coding *coding, bool bare, struct buf *out);

/* CodeSystem/$subsumes. ERR_NOT_SUPPORTED, ERR_NOT_FOUND when it cannot be told. */
bool terminology_subsumes_write(struct terminology *t, struct str system, struct str version, struct str a,
				struct str b, struct buf *out, struct error *err) MUST_USE;

/* ConceptMap/$translate. Without map, every map at hand that fits is asked. ERR_NOT_FOUND when there is none. */
struct translate_dependency {
	struct str property, system, value;
};
struct translate_options {
	struct str map; /* canonical of the ConceptMap, or STR_NULL */
	struct str source, target; /* canonicals of value sets, or STR_NULL */
	struct str target_system; /* or STR_NULL */
	bool reverse;
	const struct translate_dependency *dependencies;
	size_t dependency_count;
};
bool terminology_translate(struct terminology *t, struct arena *a, const struct coding *coding,
			   const struct translate_options *o, struct buf *out, struct error *err) MUST_USE;

#endif
