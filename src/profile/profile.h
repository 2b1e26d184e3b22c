/*
 * Profiles compiled for validation. A StructureDefinition, be it a core type, a profile or a logical model, becomes a
 * compact immutable tree of element nodes, once, when it is first asked for. Core types and logical models carry their
 * shape: which JSON properties exist and of which type. The tree of a profile says what it adds to the core type: every
 * node knows which of its facts differ, and whether anything below it does, so that one walk over an instance serves
 * the core type and any number of profiles.
 *
 * A set of profiles belongs to one set of canonicals and is used by any thread: compiling locks, reading does not.
 * Everything returned lives as long as the set.
 */
#ifndef FIRTH_PROFILE_PROFILE_H
#define FIRTH_PROFILE_PROFILE_H

#include <stdatomic.h>

#include "fhir/canonicals.h"
#include "fhir/definitions.h"
#include "fhirpath/fhirpath.h"

struct profile;
struct profile_element;

/* ---- facts of an element ----------------------------------------------------------------------------------------- */

/* One type that an element may have. */
struct profile_type {
	struct str code; /* "Quantity"; a URL for types of logical models */
	const struct fhir_type *type; /* NULL: not a type of R4 */
	const struct str *profiles, *targets; /* canonicals */
	const struct str
		*parts; /* per profile the id of the element of it that is meant, p NULL: all; NULL: no parts */
	size_t profile_count, target_count;
	bool contained, referenced, bundled; /* aggregation; none set: any */
	bool must_version, must_not_version; /* versioning: specific, independent */
};

enum constraint_severity { CONSTRAINT_WARNING, CONSTRAINT_ERROR };

/* Expressions that a validator decides by looking, without evaluating; told by their text. */
enum constraint_form {
	CONSTRAINT_GENERAL,
	CONSTRAINT_HAS_CONTENT, /* ele-1: hasValue() or (children().count() > id.count()) */
	CONSTRAINT_EXTENSION_OR_VALUE, /* ext-1: extension.exists() != value.exists() */
	CONSTRAINT_CONTAINED_FLAT, /* dom-2 */
	CONSTRAINT_CONTAINED_USED, /* dom-3 */
	CONSTRAINT_CONTAINED_UNVERSIONED, /* dom-4 */
	CONSTRAINT_CONTAINED_UNSECURED, /* dom-5 */
	CONSTRAINT_HAS_NARRATIVE, /* dom-6 */
	CONSTRAINT_LOCAL_REFERENCE, /* ref-1 */
	CONSTRAINT_NARRATIVE /* txt-1 and txt-2: one expression, two sentences */
};

struct profile_constraint {
	struct str key, human, expression;
	struct str source; /* canonical of the definition that brought it, or STR_NULL */
	enum constraint_severity severity;
	bool best_practice;
	_Atomic(struct constraint_program *) compiled; /* see constraint_program() */
	enum constraint_form form;
};

/* The situation that an additional binding is for: a Coding or reference at a place of the resource. */
struct profile_usage {
	const struct json *json; /* UsageContext */
	const struct profile_usage *next;
};

struct profile_binding {
	enum binding_strength strength;
	struct str value_set; /* STR_NULL: only described */
	struct str max_value_set, min_value_set; /* extensions */
	struct str purpose; /* of an additional binding: "required", "maximum", ...; STR_NULL for the main one */
	const struct profile_usage *usage; /* additional bindings: the contexts that they are meant for */
	bool any; /* additional: one repetition suffices */
	struct profile_binding *next; /* additional bindings */
};

enum discriminator_kind {
	DISCRIMINATOR_VALUE, /* and pattern: the same question */
	DISCRIMINATOR_EXISTS,
	DISCRIMINATOR_TYPE,
	DISCRIMINATOR_PROFILE,
	DISCRIMINATOR_POSITION
};

/* A step of a discriminator's path. */
enum discriminator_step_kind { STEP_MEMBER, STEP_EXTENSION, STEP_RESOLVE, STEP_OF_TYPE };
struct discriminator_step {
	enum discriminator_step_kind kind;
	struct str name; /* member, extension's url, type */
};

struct discriminator {
	enum discriminator_kind kind;
	struct str path;
	const struct discriminator_step *steps; /* none: $this */
	size_t step_count;
	bool broken; /* the path is beyond what discriminators may say */
};

enum slicing_rules { SLICING_OPEN, SLICING_CLOSED, SLICING_OPEN_AT_END };

struct profile_slicing {
	const struct discriminator *discriminators;
	size_t count;
	enum slicing_rules rules;
	bool ordered;
};

/* What a slice says at the end of a discriminator's path: elements of the slice itself and of the profiles of types on
 * the way. An item fits when it fits all of them, or one of them behind resolve(), where each stands for a profile that
 * the target may have. */
struct slice_test {
	const struct profile_element *const *elements;
	size_t count;
	bool any;
};

/* Which facts of a node go beyond those of the core type. */
enum profile_fact {
	FACT_MIN = 1,
	FACT_MAX = 2,
	FACT_TYPES = 4,
	FACT_VALUE = 8, /* fixed, pattern, ranges, lengths, value present */
	FACT_BINDING = 16,
	FACT_CONSTRAINTS = 32,
	FACT_SLICES = 64,
	FACT_CHILDREN = 128 /* something below */
};

struct profile_element {
	const struct profile *profile;
	struct str name; /* JSON name without [x] and type: "value" */
	struct str path, id; /* "Observation.value[x]", "Observation.component:systolic.value[x]" */
	struct str slice; /* slice name or STR_NULL */
	unsigned facts; /* enum profile_fact; core types and logical models: those that are there */
	uint32_t min, max; /* max UINT32_MAX for "*" */
	bool choice, modifier, list; /* list: an array in JSON, whatever max says here */
	bool required_value; /* mustHaveValue */
	struct str json_key; /* logical models: a list written as an object, by this child (json-property-key) */
	const struct json *narrative_languages; /* the definition, when it has narrative-language-control */
	const struct profile_type *types;
	size_t type_count;
	const struct fhir_element *element; /* in the definitions, NULL when they do not know it */
	const struct fhir_type *content_type; /* backbone elements: their type in the definitions */

	const struct json *fixed, *pattern, *min_value, *max_value;
	struct str fixed_type, pattern_type, min_type, max_type; /* "CodeableConcept" of patternCodeableConcept */
	uint32_t max_length, min_length; /* 0: none */
	struct str regex; /* primitives, STR_NULL: none */
	const struct profile_binding *binding;
	const struct profile_constraint *const *constraints;
	size_t constraint_count;

	const struct profile_element *const *children; /* all, in order, slices not among them */
	size_t child_count;
	const struct profile_element *content; /* contentReference: whose children these are */
	const struct profile_slicing *slicing;
	const struct profile_element *const *slices;
	size_t slice_count;
	_Atomic(const struct slice_test *) tests; /* of a slice: one per discriminator, see slice_tests() */
	const struct profile_element *parent, *sliced; /* sliced: of a slice, the element that is sliced */
	const struct profile_property *properties; /* with a shape: hash table over JSON property names */
	size_t property_mask;
	size_t property_count;
	unsigned position; /* among the parent's children */
};

/* A JSON property of an element with a shape. */
struct profile_property {
	struct str name; /* "valueQuantity"; p NULL: empty slot */
	const struct profile_element *element;
	const struct profile_type *type;
};

struct profile {
	const struct canonical *canonical;
	const struct json *json;
	struct str url, version, name, title;
	struct str type; /* "Observation"; URL of a logical type */
	const struct fhir_type *fhir_type; /* NULL for logical models */
	bool constraint; /* a profile; otherwise a type of its own */
	bool logical, abstract;
	const struct profile_element *root;
	const struct profile *base; /* NULL: none, or not at hand */
};

/* ---- the set ----------------------------------------------------------------------------------------------------- */

struct profiles;

/* Both must outlive it. */
struct profiles *profiles_new(const struct definitions *d, const struct canonicals *c, struct error *err) MUST_USE;
void profiles_free(struct profiles *p);

/* The profile of a canonical as seen from a resource of a package (NULL: from an instance). NULL when it is not at hand
 * (err untouched) or cannot be compiled (err says why; the same answer every time). */
const struct profile *profiles_find(struct profiles *p, struct str canonical, const struct canonical *from,
				    struct error *err);
/* A core type by its name: "Patient", "Quantity". NULL when R4 has none. */
const struct profile *profiles_type(struct profiles *p, struct str name);
/* The same by the definitions' type; backbone elements have none. */
const struct profile *profiles_fhir_type(struct profiles *p, const struct fhir_type *type);

/* The property of an element with a shape, or NULL. */
const struct profile_property *profile_property(const struct profile_element *e, struct str name);
/* The child of an element by name; content references followed. */
const struct profile_element *profile_child(const struct profile_element *e, struct str name);
/* The program of a constraint, compiled when first asked for; NULL with an error when it cannot be. */
const struct path_program *constraint_program(struct profiles *p, const struct profile_constraint *c,
					      struct error *err);
/* What a profile of a type says on an element of that type: its root, or the element that is meant of it. NULL when the
 * profile is not at hand. i: which of the type's profiles; of: the element that has the type. */
const struct profile_element *profile_of_type(struct profiles *p, const struct profile_element *of,
					      const struct profile_type *type, size_t i);
/* What a slice says for each discriminator of its slicing. */
const struct slice_test *slice_tests(struct profiles *p, const struct profile_element *slice, struct error *err);

#endif
