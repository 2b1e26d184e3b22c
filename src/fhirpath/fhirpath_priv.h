/* What the files of this room share: tokens, the evaluator's state, the table of functions. */
#ifndef FIRTH_FHIRPATH_PRIV_H
#define FIRTH_FHIRPATH_PRIV_H

#include "fhirpath/fhirpath.h"

/* ---- lexer ----------------------------------------------------------------------------------------------------- */

enum token_kind {
	TOKEN_END,
	TOKEN_NAME, /* identifiers and keywords alike: the grammar lets some keywords be names */
	TOKEN_QUOTED_NAME, /* `name`: never a keyword */
	TOKEN_STRING, /* escapes resolved */
	TOKEN_NUMBER,
	TOKEN_SYMBOL /* operators and punctuation, text as written */
};

struct token {
	enum token_kind kind;
	size_t at;
	struct str text;
};

struct lexer {
	struct arena *arena;
	struct str text;
	size_t at;
	struct error *err;
};

/* The next token; false when the text at that place is no token of the language. */
bool lexer_next(struct lexer *l, struct token *ret_token) MUST_USE;
/* Sets the error with line and column of an offset. Always false. */
bool path_error_at(struct error *err, struct str expression, size_t at, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* ---- evaluator ------------------------------------------------------------------------------------------------- */

struct eval {
	struct arena *arena;
	const struct path_program *program;
	const struct path_context *context;
	struct error *err;
	size_t produced; /* items so far, bounded by PATH_MAX_ITEMS */
};

bool eval_node(struct eval *e, const struct path_node *node, const struct path_item *focus,
	       struct path_items *out) MUST_USE;
bool eval_add(struct eval *e, struct path_items *out, struct path_item item) MUST_USE;
/* Children of an item by FHIR element name, choices and primitive siblings included. */
bool eval_member(struct eval *e, const struct path_item *item, struct str name, struct path_items *out) MUST_USE;
bool eval_resolve(struct eval *e, const struct path_item *item, struct path_items *out) MUST_USE;

bool item_is(const struct path_item *item, struct path_type type);
bool item_as(const struct path_item *item, struct path_type type);
/* The item as a System value when it is a primitive; false when it is not. */
bool item_simple(const struct path_item *item, struct path_item *ret_simple);
/* FHIRPath equality of two items. */
bool item_equal(const struct path_item *a, const struct path_item *b);
struct path_item item_boolean(bool truth);

/* ---- functions ------------------------------------------------------------------------------------------------- */

typedef bool path_fn(struct eval *e, const struct path_node *call, const struct path_item *focus,
		     const struct path_items *input, struct path_items *out);

struct path_function {
	const char *name;
	unsigned char least, most;
	bool type_argument;
	path_fn *run; /* NULL: not yet */
};

const struct path_function *function_find(struct str name);

#endif
