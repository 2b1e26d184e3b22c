/*
 * FHIRPath (http://hl7.org/fhirpath/N1, with the additions of http://hl7.org/fhir/R4/fhirpath.html): compile an
 * expression once, evaluate it over any number of resources from any thread.
 *
 * A program is an immutable tree in the arena it was compiled into. Evaluation allocates only from the arena given and
 * borrows from the program and from the JSON document. What is not implemented yet is refused when compiling, with
 * ERR_NOT_SUPPORTED and the name of the function or operator, so no expression ever gives a half-true answer.
 */
#ifndef FIRTH_FHIRPATH_FHIRPATH_H
#define FIRTH_FHIRPATH_FHIRPATH_H

#include "base/arena.h"
#include "fhir/definitions.h"
#include "json/json.h"

/* ---- items ----------------------------------------------------------------------------------------------------- */

/* An item is an element of a resource, or a value that an expression computed. Computed values carry the System types
 * of the language and no FHIR type. */
enum path_kind { PATH_ELEMENT, PATH_BOOLEAN, PATH_STRING, PATH_INTEGER, PATH_DECIMAL, PATH_OTHER /* no values yet */ };

struct path_item {
	enum path_kind kind;
	const struct fhir_type *type; /* PATH_ELEMENT: its type, NULL when the definitions know none */
	const struct fhir_element *element; /* PATH_ELEMENT: its definition, NULL for a resource */
	const struct json *value; /* PATH_ELEMENT: NULL when there are only extensions, and for a resolved reference to
				     a resource that is not at hand: then type and text are known */
	const struct json *extra; /* PATH_ELEMENT: the "_name" sibling of a primitive: id and extensions */
	struct str text; /* PATH_STRING: the text; numbers: as written; resolved reference: its text */
	bool truth; /* PATH_BOOLEAN */
};

struct path_items {
	struct path_item *items;
	size_t count, capacity;
};

/* A whole resource as an item; its type is NULL when the definitions do not know it. */
struct path_item path_item_resource(const struct definitions *d, const struct json *resource);

/* ---- programs -------------------------------------------------------------------------------------------------- */

enum path_op {
	PATH_OP_THIS, /* the focus: start of a path, $this */
	PATH_OP_TYPE, /* a type name at the start of a path: the focus when it is of that type */
	PATH_OP_MEMBER, /* left.name */
	PATH_OP_INDEX, /* left[right] */
	PATH_OP_CALL, /* left.function(args) */
	PATH_OP_LITERAL,
	PATH_OP_EMPTY, /* {} */
#define OPERATOR(name, text, precedence, supported) PATH_OP_##name,
#include "fhirpath/operators.def"
#undef OPERATOR
};

struct path_function;

/* A type name in an expression: one of FHIR, or a System type given by its kind. */
struct path_type {
	const struct fhir_type *fhir; /* NULL: system */
	enum path_kind system;
};

/* One node of the tree. It can be read by planners that know a faster way for expressions of a certain form. */
struct path_node {
	enum path_op op;
	size_t at; /* offset in the expression */
	const struct path_node *left, *right;
	struct str name; /* member and function names */
	struct path_type type; /* PATH_OP_TYPE, PATH_OP_AS, PATH_OP_IS; calls of as, is, ofType */
	struct path_item literal; /* PATH_OP_LITERAL */
	const struct path_function *function;
	const struct path_node *args; /* first argument of a call */
	const struct path_node *next; /* next argument */
};

struct path_program {
	const struct path_node *root;
	struct str expression;
};

/* Compiles an expression; NULL with ERR_VALUE (position in line and column) when it is malformed, ERR_NOT_SUPPORTED,
 * ERR_LIMIT (length, nesting). Type names are looked up in the definitions. */
const struct path_program *path_compile(struct arena *a, const struct definitions *d, struct str expression,
					struct error *err) MUST_USE;

struct path_context {
	const struct definitions *definitions;
	const struct json *resource; /* the resource that contained references are looked up in */
};

/* Evaluates a program, or one node of it, on one item. ERR_VALUE when the data does not fit the expression (several
 * items where one is needed), ERR_LIMIT past PATH_MAX_ITEMS. *ret_items lies in the arena. */
bool path_eval(const struct path_node *node, struct arena *a, const struct path_context *c,
	       const struct path_item *focus, struct path_items *ret_items, struct error *err) MUST_USE;

#define PATH_MAX_EXPRESSION 8192
#define PATH_MAX_NESTING    64
#define PATH_MAX_ITEMS	    100000

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
