/*
 * FHIRPath (http://hl7.org/fhirpath/N1, with the additions of http://hl7.org/fhir/R4/fhirpath.html): compile an
 * expression once, evaluate it over any number of resources from any thread.
 *
 * A program is an immutable tree in the arena it was compiled into. Evaluation allocates only from the arena given,
 * which may be reset as soon as the items are used, and borrows from the program and from the JSON documents. This room
 * knows no clock, network or terminology: what an expression needs from outside comes in struct path_context, and an
 * expression that asks for what is not there fails with ERR_NOT_SUPPORTED instead of giving a half-true answer.
 */
#ifndef FIRTH_FHIRPATH_FHIRPATH_H
#define FIRTH_FHIRPATH_FHIRPATH_H

#include "base/arena.h"
#include "base/decimal.h"
#include "fhir/definitions.h"
#include "json/json.h"

/* ---- items ----------------------------------------------------------------------------------------------------- */

/* An item is an element of a resource, or a value that an expression computed. Computed values are of the System types
 * of the language and have no FHIR type. */
enum path_kind {
	PATH_ELEMENT,
	PATH_BOOLEAN, /* truth */
	PATH_STRING, /* text */
	PATH_INTEGER, /* integer, 32 bits */
	PATH_LONG, /* integer, 64 bits */
	PATH_DECIMAL, /* decimal */
	PATH_DATE, /* moment */
	PATH_DATETIME, /* moment */
	PATH_TIME, /* moment */
	PATH_QUANTITY, /* quantity */
	PATH_TYPE_INFO, /* what type() gives: text is the name, truth says System rather than FHIR */
	PATH_NO_TYPE /* as a type in an expression: one that does not exist, so nothing is of it */
};

/* How far a date or time is known; also the number of its parts. */
enum path_precision {
	PATH_TO_YEAR = 1,
	PATH_TO_MONTH,
	PATH_TO_DAY,
	PATH_TO_HOUR,
	PATH_TO_MINUTE,
	PATH_TO_SECOND,
	PATH_TO_FRACTION
};

struct path_moment {
	int16_t year, zone; /* zone: minutes east of UTC */
	uint8_t month, day, hour, minute, second; /* month and day count from 1; parts past the precision are 0 */
	uint8_t precision; /* enum path_precision; a time has no year, month and day */
	uint8_t digits; /* of the fraction of a second as written */
	bool zoned;
	uint32_t nanoseconds;
};

struct path_quantity {
	struct decimal value;
	struct str
		unit; /* UCUM code, or the word of a calendar duration as written ("years"); "1" when there is none */
	bool calendar; /* unit is such a word */
	bool either; /* from a FHIR Quantity in UCUM: "a" may be read as a calendar year as well */
};

struct path_item {
	enum path_kind kind;
	bool truth;
	const struct fhir_type *type; /* PATH_ELEMENT: its type, NULL when the definitions know none */
	const struct fhir_element *element; /* PATH_ELEMENT: its definition, NULL for a resource or when unknown */
	/* PATH_ELEMENT: where it stands in its document. value is NULL when there are only extensions, and for a
	 * resolved reference to a resource that is not at hand: then type and text are known. extra is the "_name"
	 * sibling of a primitive: id and extensions. container is the resource in which its "#id" references look, NULL
	 * when not known. */
	const struct json *value, *extra, *container;
	union {
		struct str text;
		int64_t integer;
		const struct decimal *decimal;
		struct path_moment moment;
		const struct path_quantity *quantity;
	};
};

struct path_items {
	struct path_item *items;
	size_t count, capacity;
};

/* A whole resource as an item; its type is NULL when the definitions do not know it. d NULL: no definitions, as for
 * programs compiled without. */
struct path_item path_item_resource(const struct definitions *d, const struct json *resource);
/* A part of a resource: the validator starts at any. container: see above. */
struct path_item path_item_element(const struct fhir_type *type, const struct fhir_element *element,
				   const struct json *value, const struct json *extra, const struct json *container);
/* The System value that an item is or, being a primitive with a value, stands for; elements of type Quantity give
 * PATH_QUANTITY when their unit is UCUM or absent. False for everything else. */
bool path_item_system(struct arena *a, const struct path_item *item, struct path_item *ret_value);
/* "FHIR.string", "System.Integer", or the name alone for an element of unknown type ("object"). */
struct str path_item_type_name(struct arena *a, const struct path_item *item);
/* As one JSON value: elements as they stand, numbers with their digits, dates and quantities as strings. An element
 * without a value is null. */
void path_item_write(struct json_writer *w, const struct path_item *item);
/* For people: text without quotes, objects as JSON. */
void path_item_print(struct buf *out, const struct path_item *item);

/* ---- programs -------------------------------------------------------------------------------------------------- */

enum path_op {
	PATH_OP_THIS, /* the focus: start of a path, $this */
	PATH_OP_TYPE, /* a type name at the start of a path: the focus when it is of that type */
	PATH_OP_MEMBER, /* left.name */
	PATH_OP_INDEX, /* left[right] */
	PATH_OP_CALL, /* left.function(args) */
	PATH_OP_LITERAL,
	PATH_OP_EMPTY, /* {} */
	PATH_OP_NEGATE, /* -left */
	PATH_OP_PLUS, /* +left */
	PATH_OP_VARIABLE, /* %name */
	PATH_OP_COUNTER, /* $index */
	PATH_OP_TOTAL, /* $total */
#define OPERATOR(name, text, precedence) PATH_OP_##name,
#include "fhirpath/operators.def"
#undef OPERATOR
};

struct path_function;
struct path_member;
struct path_chain;
struct regex;

/* A type name in an expression: one of FHIR, a System type given by its kind, or, for "Quantity" alone, both. */
struct path_type {
	const struct fhir_type *fhir; /* NULL: system only */
	enum path_kind system; /* PATH_ELEMENT: FHIR only */
};

/* One node of the tree. It can be read by planners that know a faster way for expressions of a certain form. */
struct path_node {
	enum path_op op;
	size_t at; /* offset in the expression */
	const struct path_node *left, *right;
	struct str name; /* names of members, functions, variables, types */
	struct path_type type; /* PATH_OP_TYPE, PATH_OP_AS, PATH_OP_IS; calls of as, is, ofType */
	struct path_item literal; /* PATH_OP_LITERAL */
	const struct path_function *function;
	const struct path_node *args; /* first argument of a call */
	const struct path_node *next; /* next argument */
	const struct path_member *member; /* PATH_OP_MEMBER: where the name is found, for the types known beforehand */
	const struct path_chain *chain; /* PATH_OP_MEMBER: this and the steps before it, when all are known */
	const struct regex *regex; /* calls of matches() and the like whose pattern is a literal */
};

/* What an expression or a variable can give: items of these types, and, when open, of others that are not known. */
struct path_given {
	const struct path_type *types;
	size_t count;
	bool open;
};

struct path_program {
	const struct path_node *root;
	struct str expression;
	const struct definitions *definitions; /* NULL: none, everything is plain JSON */
	bool strict, as_filters;
	struct path_given given;
};

/* A variable that the caller will pass. */
struct path_declaration {
	struct str name; /* without % */
	struct path_given given;
};

struct path_options {
	/* The type of the focus. With it every step whose type is known is checked. NULL: not known. */
	const struct fhir_type *start;
	/* The same for a focus of one of several types; NULL: see start. No type and not open: there is no focus. */
	const struct path_given *focus;
	/* The types of variables. With `closed` a variable that is neither one of them nor of FHIR is refused. */
	const struct path_declaration *variables;
	size_t variable_count;
	bool closed;
	/* Refuses what can never mean anything: members that a known type does not have, JSON names of choices
	 * ("valueQuantity"), arguments and operands of a wrong type. Otherwise such a member is empty, and JSON names
	 * and resourceType are members too. */
	bool strict;
	/* `as` and as() filter collections instead of refusing several items: the search parameters and the invariants
	 * of R4 are written that way. */
	bool as_filters;
};

/* Compiles an expression; NULL with ERR_VALUE (position in line and column of err) when it is malformed or does not fit
 * the types, ERR_LIMIT (length, nesting). options NULL: all defaults. d NULL: members are those of the JSON and every
 * value is of the System type of its JSON form. */
const struct path_program *path_compile(struct arena *a, const struct definitions *d, struct str expression,
					const struct path_options *options, struct error *err) MUST_USE;
/* The compiled form for people: one node a line, with what was resolved. */
void path_explain(struct buf *out, const struct path_program *program);

/* ---- evaluation ------------------------------------------------------------------------------------------------ */

/* What the world outside can tell. Any of them may be NULL. They return false with an error when they cannot answer;
 * ret_answer is 1 yes, 0 no, -1 not known (an empty result). Called from the thread that evaluates. */
struct path_services {
	void *ctx;
	/* A reference or canonical that is not "#id": gives the resource. Leave *ret_item untouched when there is none:
	 * then resolve() gives an item that knows the type that the reference names, if it does. */
	bool (*resolve)(void *ctx, struct arena *a, const struct path_item *from, struct str reference,
			struct path_item *ret_item, struct error *err);
	bool (*member_of)(void *ctx, struct arena *a, const struct path_item *item, struct str value_set,
			  int *ret_answer, struct error *err);
	bool (*conforms_to)(void *ctx, struct arena *a, const struct path_item *item, struct str profile,
			    int *ret_answer, struct error *err);
	/* Does the concept a include b? Both are code, Coding or CodeableConcept. */
	bool (*subsumes)(void *ctx, struct arena *a, const struct path_item *general, const struct path_item *special,
			 int *ret_answer, struct error *err);
	void (*trace)(void *ctx, struct str name, const struct path_items *items);
	/* Does the item belong to the slice of that name in a profile? -1: there is no such slice. */
	bool (*in_slice)(void *ctx, struct arena *a, const struct path_item *item, struct str structure,
			 struct str name, int *ret_answer, struct error *err);
	/* The ElementDefinition of an item's element; leave *ret_item untouched when there is none. */
	bool (*element_definition)(void *ctx, struct arena *a, const struct path_item *item, struct path_item *ret_item,
				   struct error *err);
};

struct path_variable {
	struct str name; /* without % */
	struct path_items items;
};

struct path_context {
	const struct json *resource; /* %resource: the nearest resource around the focus, also contained ones */
	const struct json *root_resource; /* %rootResource: the one that contains it; NULL: the same */
	const struct path_item *context; /* %context; NULL: the focus */
	const struct path_services *services; /* NULL: none */
	const struct path_variable *variables; /* %name */
	size_t variable_count;
	bool clock; /* now(), today() and timeOfDay() work: */
	int64_t now_ms; /* since 1970 UTC */
	int zone; /* minutes east of UTC of the results */
	/* What is left of the steps that several evaluations may take together: each takes from it, and none goes on
	 * when it is used up (ERR_LIMIT). NULL: each has PATH_MAX_WORK of its own. */
	uint64_t *steps;
};

/* Evaluates a program on one item, or on nothing when focus is NULL. ERR_VALUE with position when the data does not fit
 * the expression (several items where one is needed, wrong types), ERR_NOT_SUPPORTED for what the context does not
 * offer, ERR_LIMIT past PATH_MAX_ITEMS or PATH_MAX_WORK. *ret_items lies in the arena. */
bool path_eval(const struct path_program *program, struct arena *a, const struct path_context *c,
	       const struct path_item *focus, struct path_items *ret_items, struct error *err) MUST_USE;
/* One node of the program, for planners. */
bool path_eval_node(const struct path_program *program, const struct path_node *node, struct arena *a,
		    const struct path_context *c, const struct path_item *focus, struct path_items *ret_items,
		    struct error *err) MUST_USE;
/* What the result means as a condition, for invariants: -1 empty, 0 false, 1 true; one item that is no boolean is true.
 * ERR_VALUE for several items. */
bool path_eval_truth(const struct path_program *program, struct arena *a, const struct path_context *c,
		     const struct path_item *focus, int *ret_truth, struct error *err) MUST_USE;

#define PATH_MAX_EXPRESSION 65536
#define PATH_MAX_NESTING    128
#define PATH_MAX_ITEMS	    1000000
#define PATH_MAX_WORK	    20000000 /* steps and comparisons of one evaluation: some seconds */

/* What a collection means as a condition: -1 empty, 0 false, 1 true; one item that is no boolean is true. False with
 * ERR_VALUE for more than one item. */
bool path_truth(const struct path_items *items, int *ret_truth, struct error *err) MUST_USE;

/* `is`: the type or one derived from it. */
bool path_type_derives(const struct fhir_type *type, const struct fhir_type *ancestor);
/* `as`, ofType(): the same, but a primitive is of its own type only, so a code is not taken for a string nor a
 * canonical for a uri: the official suite says so, and the search parameters of R4 are written that way. */
bool path_type_selects(const struct fhir_type *type, const struct fhir_type *wanted);

/* Is this node a call of the named function? */
bool path_is_call(const struct path_node *node, const char *name);

#endif
