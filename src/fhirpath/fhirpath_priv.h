/* What the files of this room share: tokens, the evaluator's state, values, the table of functions. */
#ifndef FIRTH_FHIRPATH_PRIV_H
#define FIRTH_FHIRPATH_PRIV_H

#include "base/regex.h"
#include "fhirpath/fhirpath.h"

/* ---- lexer ----------------------------------------------------------------------------------------------------- */

enum token_kind {
	TOKEN_END,
	TOKEN_NAME, /* identifiers and keywords alike: the grammar lets some keywords be names */
	TOKEN_QUOTED_NAME, /* `name`: never a keyword; escapes resolved */
	TOKEN_STRING, /* escapes resolved */
	TOKEN_NUMBER,
	TOKEN_LONG, /* 5L: the digits */
	TOKEN_MOMENT, /* @2019-02, @T10:30: what follows the @ */
	TOKEN_VARIABLE, /* %name, %`name`: the name */
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
	bool strict; /* refuses escapes that the language does not have */
	struct error *err;
};

/* The next token; false when the text at that place is no token of the language. */
bool lexer_next(struct lexer *l, struct token *ret_token) MUST_USE;
/* Sets the error with line and column of an offset. Always false. */
bool path_error_at(struct error *err, struct str expression, size_t at, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* ---- parser ---------------------------------------------------------------------------------------------------- */

struct parser {
	struct lexer lexer;
	struct token token;
	const struct definitions *definitions;
	unsigned depth;
};

/* Sets the error at an offset; always NULL, for functions that give nodes. */
#define PARSE_FAIL(p, position, code, ...)                                                                             \
	(path_error_at((p)->lexer.err, (p)->lexer.text, (position), (code), __VA_ARGS__), NULL)

bool parser_advance(struct parser *p) MUST_USE;
struct path_node *parser_node(struct parser *p, enum path_op op, size_t at);
/* Number, quantity, date, time, string, boolean. NULL with an error; *ret_is tells whether the token starts one. */
const struct path_node *parse_literal(struct parser *p, bool *ret_is);
/* A name (or Namespace.Name) as a type. Without definitions FHIR names give a type that nothing is of. */
bool type_find(struct parser *p, size_t at, struct str space, struct str name, struct path_type *ret_type) MUST_USE;
struct str kind_name(enum path_kind kind); /* "Integer" */

/* Where a name is found in one type, known before any data is seen. */
struct path_member {
	const struct fhir_type *owner;
	const struct fhir_element *element;
	const struct path_member *next;
	/* The JSON name. STR_NULL for a choice, unless only one type is asked for, as in value.ofType(Quantity). */
	struct str property;
	uint64_t mark; /* json_name_mark() of it */
	struct path_item like; /* what all its items have in common: element and, but for open choices, type */
	bool contained; /* its values are resources in a resource */
};
/* Several members in a row of which each leads from one known type to the next: followed through the JSON at once,
 * without an item for the steps between. */
struct path_chain {
	const struct path_member **steps;
	size_t count;
};
bool chain_members(struct arena *a, const struct path_node *node, struct error *err) MUST_USE;
/* Walks the tree with the types that are known, links members, and refuses what does not fit in strict mode. */
bool check_program(struct arena *a, struct path_program *program, const struct path_options *options,
		   struct error *err) MUST_USE;

/* ---- evaluator ------------------------------------------------------------------------------------------------- */

/* A variable of the expression itself (defineVariable): seen by everything after it in the same chain. */
struct binding {
	struct str name;
	struct path_items items;
	const struct binding *older;
};

/* Patterns that came from data or from other expressions, so that one which is used again and again is compiled once.
 */
enum { PATTERNS_KEPT = 16 };
struct patterns {
	struct kept_pattern {
		struct str text;
		unsigned flags;
		const struct regex *regex;
	} kept[PATTERNS_KEPT];
	size_t next; /* the place of the next one */
};

struct eval {
	struct patterns *patterns; /* NULL: none yet */
	struct arena *arena;
	const struct path_program *program;
	const struct path_context *context;
	const struct path_item *root; /* the focus of the whole expression */
	const struct binding *bindings;
	struct error *err;
	size_t produced; /* items so far, bounded by PATH_MAX_ITEMS */
	uint64_t work, limit; /* steps so far, and at most */
};

/* What $this, $index and $total are. */
struct scope {
	const struct path_item *self;
	const struct path_items *all; /* not NULL: the focus is this collection as a whole */
	const struct path_items *total;
	int64_t index;
};

/* Results are handed on one by one, so that a path makes no collections on its way and exists() stops at the first. */
enum flow { FLOW_MORE, FLOW_STOP, FLOW_FAIL };
struct sink {
	enum flow (*take)(struct eval *e, struct sink *s, const struct path_item *item);
	/* Where the sink only collects: the collection. Who makes items may put them there, instead of making them
	 * somewhere else and having them copied. */
	struct path_items *out;
};

enum flow eval_stream(struct eval *e, const struct path_node *node, const struct scope *scope, struct sink *s) MUST_USE;
/* The take of a sink with a collection. */
enum flow sink_collect(struct eval *e, struct sink *s, const struct path_item *item);
/* All results of a node. */
bool eval_items(struct eval *e, const struct path_node *node, const struct scope *scope,
		struct path_items *out) MUST_USE;
/* A node as a condition: -1 empty, 0, 1. */
bool eval_truth(struct eval *e, const struct path_node *node, const struct scope *scope, int *ret_truth) MUST_USE;
bool eval_add(struct eval *e, struct path_items *out, const struct path_item *item) MUST_USE;
/* Room for one more item, which has to be filled; NULL past the limits. */
struct path_item *eval_add_room(struct eval *e, struct path_items *out) MUST_USE;
/* Counts n units of work; false past the limit. */
bool eval_work(struct eval *e, uint64_t n) MUST_USE;
/* Fails with the position of a node. Always false. */
bool eval_fail(struct eval *e, const struct path_node *node, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static inline enum flow flow_of(bool ok)
{
	return ok ? FLOW_MORE : FLOW_FAIL;
}

/* A collection whose first few items need no allocation. */
enum { FEW = 4 };
#define SMALL_ITEMS(name)                                                                                              \
	struct path_item name##_room[FEW];                                                                             \
	struct path_items name = {.items = name##_room, .capacity = FEW}

/* ---- navigation ------------------------------------------------------------------------------------------------ */

/* Children of an item by FHIR element name, choices and primitive siblings included. node: for the links of check. */
enum flow member_stream(struct eval *e, const struct path_node *node, struct str name, const struct path_item *item,
			struct sink *s) MUST_USE;
/* All steps of node's chain from an item of the type that it starts at. */
enum flow chain_stream(struct eval *e, const struct path_node *node, const struct path_item *item,
		       struct sink *s) MUST_USE;
bool item_children(struct eval *e, const struct path_item *item, struct path_items *out) MUST_USE;
bool item_resolve(struct eval *e, const struct path_node *node, const struct path_item *item,
		  struct path_items *out) MUST_USE;
/* The element of a type by name, choices by their name without type. */
const struct fhir_element *type_element(const struct fhir_type *type, struct str name);

/* ---- values ---------------------------------------------------------------------------------------------------- */

bool item_is(const struct path_item *item, struct path_type type);
bool item_as(const struct path_item *item, struct path_type type);
enum path_kind type_kind(const struct fhir_type *type);
/* The item as a System value when it is a primitive with a value; false when it is not. */
bool item_simple(struct eval *e, const struct path_item *item, struct path_item *ret_simple);
/* The same, and FHIR Quantities too. */
bool item_value(struct eval *e, const struct path_item *item, struct path_item *ret_value);
/* Is it a primitive that has only an id or extensions? */
bool item_is_hollow(const struct path_item *item);

struct path_item item_boolean(bool truth);
struct path_item item_integer(int64_t value);
struct path_item item_string(struct str text);
bool item_decimal(struct eval *e, const struct decimal *value, struct path_item *ret_item) MUST_USE;
bool item_quantity(struct eval *e, const struct path_quantity *value, struct path_item *ret_item) MUST_USE;
bool item_is_number(const struct path_item *item); /* Integer, Long, Decimal */
struct decimal item_number(const struct path_item *item);
/* A number of the text's form: Integer, Long or Decimal. */
bool item_from_number(struct eval *e, struct str text, struct path_item *ret_item) MUST_USE;
/* The System value as text, as toString() gives it. */
void value_write(struct buf *out, const struct path_item *value);
struct str value_text(struct eval *e, const struct path_item *value); /* STR_NULL without memory */

/* Comparison of two items. */
enum order { ORDER_LESS, ORDER_EQUAL, ORDER_GREATER, ORDER_UNKNOWN, ORDER_NEVER /* types that do not compare */ };
enum order item_order(struct eval *e, const struct path_item *a, const struct path_item *b);
/* FHIRPath equality: 1, 0, or -1 when it cannot be known. Counts its work; past the limit e->work says so. */
int item_equal(struct eval *e, const struct path_item *a, const struct path_item *b);
bool item_equivalent(struct eval *e, const struct path_item *a, const struct path_item *b);
bool decimals_equivalent(const struct decimal *a, const struct decimal *b);
/* Digits after the point without trailing zeros; and equality of two numbers rounded to so many. */
int decimals_places(const struct decimal *d);
bool decimals_equal_to(const struct decimal *a, const struct decimal *b, int places);
int items_equal(struct eval *e, const struct path_items *a, const struct path_items *b);
bool items_equivalent(struct eval *e, const struct path_items *a, const struct path_items *b);

/* A set of items by equality, for unions and the like. */
struct item_set {
	uint32_t *slots; /* position + 1 */
	size_t slot_count;
	struct path_items items;
};
/* Adds unless an equal one is there; *ret_new tells. */
bool item_set_add(struct eval *e, struct item_set *set, const struct path_item *item, bool *ret_new) MUST_USE;
bool item_set_has(struct eval *e, const struct item_set *set, const struct path_item *item);

/* ---- dates and times ------------------------------------------------------------------------------------------- */

/* kind: PATH_DATE, PATH_DATETIME or PATH_TIME. A dateTime may be a date alone, with or without a T. */
bool moment_parse(struct str text, enum path_kind kind, struct path_moment *ret_moment);
void moment_write(struct buf *out, const struct path_moment *m, enum path_kind kind);
/* kind_a and kind_b may be a date and a dateTime. */
enum order moment_order(const struct path_moment *a, const struct path_moment *b);
/* Adds a number of calendar units; false when the result is out of range or the unit does not fit the kind. */
enum span {
	SPAN_NONE,
	SPAN_YEAR,
	SPAN_MONTH,
	SPAN_WEEK,
	SPAN_DAY,
	SPAN_HOUR,
	SPAN_MINUTE,
	SPAN_SECOND,
	SPAN_MILLISECOND
};
bool moment_add(struct path_moment *m, enum path_kind kind, const struct decimal *amount, enum span unit);
/* The first or last moment that m stands for, to `digits` digits of precision as precision() counts them. */
bool moment_boundary(struct path_moment *m, enum path_kind kind, int digits, bool high);
int moment_digits(const struct path_moment *m, enum path_kind kind);
struct path_moment moment_of_ms(int64_t ms, int zone);

/* ---- quantities ------------------------------------------------------------------------------------------------ */

enum span calendar_word(struct str word); /* "year", "years"; SPAN_NONE for others */
enum span calendar_code(struct str ucum); /* "a", "mo", "wk", "d", "h", "min", "s", "ms" */
/* The unit that a duration adds to a date; SPAN_NONE when it is none or has no calendar meaning. */
enum span quantity_calendar(const struct path_quantity *q);
/* "4 days", "1.5 'mg'", "3". */
bool quantity_parse(struct eval *e, struct str text, struct path_quantity *ret_quantity);
struct path_quantity quantity_of_number(const struct path_item *number);
enum order quantity_order(struct eval *e, const struct path_quantity *a, const struct path_quantity *b);
bool quantity_equivalent(struct eval *e, const struct path_quantity *a, const struct path_quantity *b);
bool quantity_comparable(struct eval *e, const struct path_quantity *a, const struct path_quantity *b);
bool quantity_convert(struct eval *e, const struct path_quantity *q, struct str unit, struct path_quantity *ret);
/* op: PATH_OP_ADD, SUBTRACT, MULTIPLY, DIVIDE. False when there is no result. */
bool quantity_calculate(struct eval *e, enum path_op op, const struct path_quantity *a, const struct path_quantity *b,
			struct path_quantity *ret);

/* ---- operators ------------------------------------------------------------------------------------------------- */

/* + - * / div mod & on two collections. */
bool calculate(struct eval *e, const struct path_node *node, const struct path_items *left,
	       const struct path_items *right, struct path_items *out) MUST_USE;
bool negate(struct eval *e, const struct path_node *node, const struct path_items *input,
	    struct path_items *out) MUST_USE;
/* %name */
bool variable_items(struct eval *e, const struct path_node *node, struct path_items *out) MUST_USE;

/* ---- functions ------------------------------------------------------------------------------------------------- */

struct call {
	const struct path_node *node;
	const struct scope *scope; /* of the caller: where arguments that are no lambdas look */
	const struct path_items *input;
};
typedef bool path_fn(struct eval *e, const struct call *c, struct path_items *out);
typedef enum flow path_stream_fn(struct eval *e, const struct path_node *node, const struct scope *scope,
				 struct sink *s);

enum { LAMBDA_FIRST = 1, LAMBDA_SECOND = 2, LAMBDA_ALL = 255 };

/* What a function takes and gives, for the type checker. */
enum shape {
	SHAPE_ANY, /* not known */
	SHAPE_SAME, /* what came in */
	SHAPE_ARGUMENT, /* what the first argument gives */
	SHAPE_BOOLEAN,
	SHAPE_STRING,
	SHAPE_INTEGER,
	SHAPE_LONG,
	SHAPE_DECIMAL,
	SHAPE_NUMBER, /* takes Integer, Long, Decimal, Quantity */
	SHAPE_DATE,
	SHAPE_DATETIME,
	SHAPE_TIME,
	SHAPE_QUANTITY
};

struct path_function {
	const char *name;
	unsigned char least, most;
	unsigned char lambdas; /* which arguments are evaluated on the items: bits */
	enum shape takes, gives;
	bool type_argument;
	path_fn *run; /* one of the two */
	path_stream_fn *stream;
};

const struct path_function *function_find(struct str name);
/* Those of %factory. */
const struct path_function *factory_find(struct str name);

/* The one string, integer or value that an argument gives. *ret_there is false when it gives nothing. */
bool arg_string(struct eval *e, const struct call *c, const struct path_node *arg, struct str *ret_text,
		bool *ret_there) MUST_USE;
bool arg_integer(struct eval *e, const struct call *c, const struct path_node *arg, int64_t *ret_value,
		 bool *ret_there) MUST_USE;
/* The one value of a collection, as System value; *ret_there false when it is empty or hollow, and then nothing is
 * wrong. Fails for several. */
bool one_value(struct eval *e, const struct path_node *node, const struct path_items *items,
	       struct path_item *ret_value, bool *ret_there) MUST_USE;
/* Whether the System value of the one item can stand where a string is needed: dates and times of FHIR are primitives
 * that are written as strings, those of the language are not. */
bool item_has_text(const struct path_items *one, const struct path_item *value);
/* The one string of the input. */
bool input_string(struct eval *e, const struct call *c, struct str *ret_text, bool *ret_there) MUST_USE;

bool add_boolean(struct eval *e, struct path_items *out, bool truth) MUST_USE;
bool add_integer(struct eval *e, struct path_items *out, int64_t value) MUST_USE;
bool add_string(struct eval *e, struct path_items *out, struct str text) MUST_USE;
/* Takes the text of a buffer and ends the buffer. */
bool add_buffer(struct eval *e, struct path_items *out, struct buf *text) MUST_USE;
bool add_all(struct eval *e, struct path_items *out, const struct path_items *items) MUST_USE;

enum { PATH_MAX_TEXT = 16 * 1024 * 1024 };

#define FUNCTION(name, least, most, lambdas, takes, gives, fn) path_fn fn;
#define STREAM(name, least, most, lambdas, takes, gives, fn)   path_stream_fn fn;
#define STREAM_TYPED(name, takes, gives, fn)		       path_stream_fn fn;
#define TYPED(name, takes, gives, fn)			       path_fn fn;
#include "fhirpath/functions.def"
#undef FUNCTION
#undef STREAM
#undef TYPED
#undef STREAM_TYPED

#endif
