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
	CODE_ABSTRACT /* in the system, but not selectable */
};

struct code_verdict {
	enum code_answer answer;
	enum code_reason reason;
	struct str display; /* the preferred one, when known */
	struct str system; /* found for a bare code, or that of the coding */
	struct str detail; /* for people: the system, value set or filter that was the trouble; in the arena */
};

/* Is the coding in the value set (canonical, resolved as seen from `from`)? A coding without system is looked up in
 * all systems of the value set when `bare` is true (elements of type code). */
struct code_verdict terminology_validate_in(struct terminology *t, struct arena *a, struct str value_set,
					    const struct canonical *from, const struct coding *coding, bool bare);
/* Is the coding a code of its system? Display compared without case and with white space folded. */
struct code_verdict terminology_validate(struct terminology *t, struct arena *a, const struct coding *coding);

/* Does a subsume b in this system? */
enum subsumption { SUBSUMES_UNKNOWN, SUBSUMES_EQUIVALENT, SUBSUMES, SUBSUMED_BY, SUBSUMES_NOT };
enum subsumption terminology_subsumes(struct terminology *t, struct str system, struct str version, struct str a,
				      struct str b);

#endif
