/*
 * Tokens to a tree: precedence climbing over the operator table, with the whole grammar known, so that what the
 * evaluator cannot do yet is refused by name instead of being called malformed.
 */
#include "fhirpath/fhirpath_priv.h"

struct parser {
	struct lexer lexer;
	struct token token; /* the one looked at */
	const struct definitions *definitions;
	unsigned depth;
};

static const struct operation {
	enum path_op op;
	const char *text;
	int precedence;
	bool supported;
} operators[] = {
#define OPERATOR(name, text, precedence, supported) {PATH_OP_##name, text, precedence, supported},
#include "fhirpath/operators.def"
#undef OPERATOR
};

static const struct path_node *parse_expression(struct parser *p, int least);

static struct error *err_of(struct parser *p)
{
	return p->lexer.err;
}

#define FAIL(p, where, code, ...) (path_error_at(err_of(p), (p)->lexer.text, (where), (code), __VA_ARGS__), NULL)

static bool advance(struct parser *p)
{
	return lexer_next(&p->lexer, &p->token);
}

static bool at_symbol(const struct parser *p, const char *text)
{
	return p->token.kind == TOKEN_SYMBOL && str_is(p->token.text, text);
}

static bool expect(struct parser *p, const char *text)
{
	if (!at_symbol(p, text))
		return path_error_at(err_of(p), p->lexer.text, p->token.at, ERR_VALUE, "\"%s\" is expected", text);
	return advance(p);
}

static struct path_node *new_node(struct parser *p, enum path_op op, size_t at)
{
	struct path_node *node = ARENA_NEW(p->lexer.arena, struct path_node);
	if (!node) {
		error_memory(err_of(p));
		return NULL;
	}
	node->op = op;
	node->at = at;
	return node;
}

/* ---- types ----------------------------------------------------------------------------------------------------- */

static bool system_kind(struct str name, enum path_kind *ret_kind)
{
	static const struct {
		const char *name;
		enum path_kind kind;
	} names[] = {{"Boolean", PATH_BOOLEAN}, {"String", PATH_STRING},    {"Integer", PATH_INTEGER},
		     {"Decimal", PATH_DECIMAL}, {"Date", PATH_QUANTITY},    {"DateTime", PATH_QUANTITY},
		     {"Time", PATH_QUANTITY},	{"Quantity", PATH_QUANTITY}};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (str_is(name, names[i].name)) {
			*ret_kind = names[i].kind;
			return true;
		}
	}
	return false;
}

static bool find_type(struct parser *p, size_t at, struct str space, struct str name, struct path_type *ret_type)
{
	if (!str_is(space, "System"))
		ret_type->fhir = definitions_type(p->definitions, name);
	if (ret_type->fhir)
		return true;
	if (!str_is(space, "FHIR") && system_kind(name, &ret_type->system))
		return true;
	if (str_is(space, "System")) {
		/* The official suite wants this to be a type that nothing is of. */
		ret_type->system = PATH_QUANTITY;
		return true;
	}
	return path_error_at(err_of(p), p->lexer.text, at, ERR_VALUE, "the type \"%.*s\" is not known",
			     STR_ARG(str_slice(name, 0, 64)));
}

/* [FHIR. | System.] name */
static bool parse_type(struct parser *p, struct path_type *ret_type)
{
	struct str space = S(""), name = p->token.text;
	size_t at = p->token.at;
	if (p->token.kind != TOKEN_NAME && p->token.kind != TOKEN_QUOTED_NAME)
		return path_error_at(err_of(p), p->lexer.text, at, ERR_VALUE, "the name of a type is expected");
	if (!advance(p))
		return false;
	if ((str_is(name, "FHIR") || str_is(name, "System")) && at_symbol(p, ".")) {
		if (!advance(p))
			return false;
		space = name;
		name = p->token.text;
		if (!advance(p))
			return false;
	}
	return find_type(p, at, space, name, ret_type);
}

/* ---- terms ----------------------------------------------------------------------------------------------------- */

static bool parse_arguments(struct parser *p, struct path_node *call)
{
	const struct path_node **link = &call->args;
	size_t count = 0;
	if (call->function->type_argument)
		return parse_type(p, &call->type) && expect(p, ")");
	while (!at_symbol(p, ")")) {
		if (count && !expect(p, ","))
			return false;
		struct path_node *arg = (struct path_node *)(uintptr_t)parse_expression(p, 0);
		if (!arg)
			return false;
		*link = arg;
		link = &arg->next;
		count++;
	}
	if (count < call->function->least || count > call->function->most)
		return path_error_at(err_of(p), p->lexer.text, call->at, ERR_VALUE, "%s() does not take %zu arguments",
				     call->function->name, count);
	return expect(p, ")");
}

static const struct path_node *parse_call(struct parser *p, const struct path_node *left, struct token name)
{
	const struct path_function *function = function_find(name.text);
	struct str shown = str_slice(name.text, 0, 64);
	if (!function)
		return FAIL(p, name.at, ERR_VALUE, "there is no function %.*s()", STR_ARG(shown));
	if (!function->run)
		return FAIL(p, name.at, ERR_NOT_SUPPORTED, "the function %.*s() is not supported yet", STR_ARG(shown));
	struct path_node *call = new_node(p, PATH_OP_CALL, name.at);
	if (!call || !expect(p, "("))
		return NULL;
	call->left = left;
	call->name = name.text;
	call->function = function;
	return parse_arguments(p, call) ? call : NULL;
}

static bool is_type_name(struct str name)
{
	return name.n && name.p[0] >= 'A' && name.p[0] <= 'Z';
}

/* A name after a dot, or at the start of a path when left is NULL: member, call or type. */
static const struct path_node *parse_invocation(struct parser *p, const struct path_node *left)
{
	struct token name = p->token;
	bool first = !left;
	if (name.kind != TOKEN_NAME && name.kind != TOKEN_QUOTED_NAME)
		return FAIL(p, name.at, ERR_VALUE, "a name is expected");
	if (!advance(p))
		return NULL;
	if (first && !(left = new_node(p, PATH_OP_THIS, name.at)))
		return NULL;
	if (at_symbol(p, "("))
		return parse_call(p, left, name);
	bool type = first && is_type_name(name.text);
	struct path_node *node = new_node(p, type ? PATH_OP_TYPE : PATH_OP_MEMBER, name.at);
	if (!node || (type && !find_type(p, name.at, S("FHIR"), name.text, &node->type)))
		return NULL;
	node->left = left;
	node->name = name.text;
	return node;
}

static const struct path_node *parse_number(struct parser *p, bool negative)
{
	struct token t = p->token;
	struct path_node *node = new_node(p, PATH_OP_LITERAL, t.at);
	if (!node || !advance(p))
		return NULL;
	static const char *const units[] = {"year",   "month",	     "week",	"day",	       "hour",	"minute",
					    "second", "millisecond", "years",	"months",      "weeks", "days",
					    "hours",  "minutes",     "seconds", "milliseconds"};
	bool quantity = p->token.kind == TOKEN_STRING;
	for (size_t i = 0; p->token.kind == TOKEN_NAME && i < sizeof(units) / sizeof(units[0]); i++)
		quantity |= str_is(p->token.text, units[i]);
	if (quantity)
		return FAIL(p, t.at, ERR_NOT_SUPPORTED, "quantity literals are not supported yet");
	struct str text = t.text;
	if (negative)
		text = arena_printf(p->lexer.arena, "-%.*s", STR_ARG(text));
	if (!text.p) {
		error_memory(err_of(p));
		return NULL;
	}
	node->literal.kind = str_find_char(text, '.', 0) == STR_NONE ? PATH_INTEGER : PATH_DECIMAL;
	node->literal.text = text;
	return node;
}

static const struct path_node *parse_simple_literal(struct parser *p, enum path_kind kind)
{
	struct path_node *node = new_node(p, PATH_OP_LITERAL, p->token.at);
	if (!node)
		return NULL;
	node->literal = (struct path_item){.kind = kind, .text = p->token.text, .truth = str_is(p->token.text, "true")};
	return advance(p) ? node : NULL;
}

static const struct path_node *parse_variable(struct parser *p)
{
	size_t at = p->token.at;
	if (!advance(p))
		return NULL;
	if (p->token.kind != TOKEN_NAME || !str_is(p->token.text, "this"))
		return FAIL(p, at, ERR_NOT_SUPPORTED, "of the variables of the language, only $this is supported yet");
	const struct path_node *node = new_node(p, PATH_OP_THIS, at);
	return node && advance(p) ? node : NULL;
}

static const struct path_node *parse_group(struct parser *p)
{
	const struct path_node *inner;
	if (!expect(p, "(") || !(inner = parse_expression(p, 0)) || !expect(p, ")"))
		return NULL;
	return inner;
}

static const struct path_node *parse_symbol(struct parser *p)
{
	struct token t = p->token;
	if (at_symbol(p, "("))
		return parse_group(p);
	if (at_symbol(p, "{")) {
		const struct path_node *node = new_node(p, PATH_OP_EMPTY, t.at);
		return node && advance(p) && expect(p, "}") ? node : NULL;
	}
	if (at_symbol(p, "$"))
		return parse_variable(p);
	if (at_symbol(p, "%"))
		return FAIL(p, t.at, ERR_NOT_SUPPORTED, "environment variables (%%name) are not supported yet");
	if (at_symbol(p, "@"))
		return FAIL(p, t.at, ERR_NOT_SUPPORTED, "date and time literals are not supported yet");
	if (at_symbol(p, "-") || at_symbol(p, "+")) {
		if (!advance(p))
			return NULL;
		if (p->token.kind == TOKEN_NUMBER)
			return parse_number(p, str_is(t.text, "-"));
		return FAIL(p, t.at, ERR_NOT_SUPPORTED, "a sign is supported in front of number literals only");
	}
	return FAIL(p, t.at, ERR_VALUE, "\"%.*s\" cannot start an expression", STR_ARG(t.text));
}

static const struct path_node *parse_start(struct parser *p)
{
	switch (p->token.kind) {
	case TOKEN_END:
		return FAIL(p, p->token.at, ERR_VALUE, "the expression ends too early");
	case TOKEN_STRING:
		return parse_simple_literal(p, PATH_STRING);
	case TOKEN_NUMBER:
		return parse_number(p, false);
	case TOKEN_NAME:
		if (str_is(p->token.text, "true") || str_is(p->token.text, "false"))
			return parse_simple_literal(p, PATH_BOOLEAN);
		return parse_invocation(p, NULL);
	case TOKEN_QUOTED_NAME:
		return parse_invocation(p, NULL);
	case TOKEN_SYMBOL:
		return parse_symbol(p);
	}
	return NULL;
}

static const struct path_node *parse_index(struct parser *p, const struct path_node *left)
{
	struct path_node *node = new_node(p, PATH_OP_INDEX, p->token.at);
	if (!node || !expect(p, "["))
		return NULL;
	node->left = left;
	node->right = parse_expression(p, 0);
	return node->right && expect(p, "]") ? node : NULL;
}

static const struct path_node *parse_term(struct parser *p)
{
	const struct path_node *node = parse_start(p);
	size_t links = 0;
	while (node) {
		/* The evaluator recurses along a path, so its length counts as nesting. */
		if (++links > PATH_MAX_NESTING)
			return FAIL(p, p->token.at, ERR_LIMIT, "a path has more than %d steps", PATH_MAX_NESTING);
		if (at_symbol(p, "["))
			node = parse_index(p, node);
		else if (at_symbol(p, "."))
			node = advance(p) ? parse_invocation(p, node) : NULL;
		else
			return node;
	}
	return NULL;
}

/* ---- operators ------------------------------------------------------------------------------------------------- */

static const struct operation *current_operator(const struct parser *p)
{
	if (p->token.kind != TOKEN_NAME && p->token.kind != TOKEN_SYMBOL)
		return NULL;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (str_is(p->token.text, operators[i].text))
			return &operators[i];
	return NULL;
}

static const struct path_node *parse_operation(struct parser *p, const struct operation *o,
					       const struct path_node *left)
{
	size_t at = p->token.at;
	if (!o->supported)
		return FAIL(p, at, ERR_NOT_SUPPORTED, "the operator \"%s\" is not supported yet", o->text);
	struct path_node *node = new_node(p, o->op, at);
	if (!node || !advance(p))
		return NULL;
	node->left = left;
	if (o->op == PATH_OP_IS || o->op == PATH_OP_AS)
		return parse_type(p, &node->type) ? node : NULL;
	node->right = parse_expression(p, o->precedence + 1);
	return node->right ? node : NULL;
}

static const struct path_node *parse_operations(struct parser *p, int least)
{
	const struct path_node *left = parse_term(p);
	const struct operation *o;
	size_t links = 0;
	while (left && (o = current_operator(p)) && o->precedence >= least) {
		if (++links > 4 * PATH_MAX_NESTING)
			return FAIL(p, p->token.at, ERR_LIMIT, "too many operators in a row");
		left = parse_operation(p, o, left);
	}
	return left;
}

static const struct path_node *parse_expression(struct parser *p, int least)
{
	if (++p->depth > PATH_MAX_NESTING)
		return FAIL(p, p->token.at, ERR_LIMIT, "the expression is nested deeper than %d levels",
			    PATH_MAX_NESTING);
	const struct path_node *node = parse_operations(p, least);
	p->depth--;
	return node;
}

const struct path_program *path_compile(struct arena *a, const struct definitions *d, struct str expression,
					const struct path_options *options, struct error *err)
{
	if (expression.n > PATH_MAX_EXPRESSION) {
		error_set(err, ERR_LIMIT, "The FHIRPath expression is longer than %d bytes", PATH_MAX_EXPRESSION);
		return NULL;
	}
	struct path_program *program = ARENA_NEW(a, struct path_program);
	struct str own = arena_str(a, expression);
	if (!program || !own.p) {
		error_memory(err);
		return NULL;
	}
	struct parser p = {.lexer = {.arena = a, .text = own, .err = err}, .definitions = d};
	if (!advance(&p))
		return NULL;
	program->expression = own;
	program->definitions = d;
	program->strict = options && options->strict;
	program->as_filters = options && options->as_filters;
	program->root = parse_expression(&p, 0);
	if (!program->root)
		return NULL;
	if (p.token.kind != TOKEN_END)
		return FAIL(&p, p.token.at, ERR_VALUE, "\"%.*s\" is not expected here",
			    STR_ARG(str_slice(p.token.text, 0, 64)));
	return program;
}

bool path_is_call(const struct path_node *node, const char *name)
{
	return node && node->op == PATH_OP_CALL && str_is(node->name, name);
}
