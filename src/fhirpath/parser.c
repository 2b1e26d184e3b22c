/* Tokens to a tree: precedence climbing over the operator table. */
#include "fhirpath/fhirpath_priv.h"

static const struct operation {
	enum path_op op;
	const char *text;
	int precedence;
} operators[] = {
#define OPERATOR(name, text, precedence) {PATH_OP_##name, text, precedence},
#include "fhirpath/operators.def"
#undef OPERATOR
};

static const struct path_node *parse_expression(struct parser *p, int least);
static const struct path_node *parse_signed(struct parser *p);

bool parser_advance(struct parser *p)
{
	return lexer_next(&p->lexer, &p->token);
}

static bool at_symbol(const struct parser *p, const char *text)
{
	return p->token.kind == TOKEN_SYMBOL && str_is(p->token.text, text);
}

static bool at_name(const struct parser *p)
{
	return p->token.kind == TOKEN_NAME || p->token.kind == TOKEN_QUOTED_NAME;
}

static bool expect(struct parser *p, const char *text)
{
	if (!at_symbol(p, text))
		return path_error_at(p->lexer.err, p->lexer.text, p->token.at, ERR_VALUE, "\"%s\" is expected", text);
	return parser_advance(p);
}

struct path_node *parser_node(struct parser *p, enum path_op op, size_t at)
{
	struct path_node *node = ARENA_NEW(p->lexer.arena, struct path_node);
	if (!node) {
		error_memory(p->lexer.err);
		return NULL;
	}
	node->op = op;
	node->at = at;
	return node;
}

/* [FHIR. | System.] name; the name as written goes to *ret_name. */
static bool parse_type(struct parser *p, struct path_type *ret_type, struct str *ret_name)
{
	struct str space = S(""), name = p->token.text;
	size_t at = p->token.at;
	if (!at_name(p))
		return path_error_at(p->lexer.err, p->lexer.text, at, ERR_VALUE, "the name of a type is expected");
	if (!parser_advance(p))
		return false;
	if ((str_is(name, "FHIR") || str_is(name, "System")) && at_symbol(p, ".")) {
		if (!parser_advance(p))
			return false;
		space = name;
		name = p->token.text;
		if (!at_name(p))
			return path_error_at(p->lexer.err, p->lexer.text, p->token.at, ERR_VALUE,
					     "the name of a type is expected");
		if (!parser_advance(p))
			return false;
	}
	*ret_name = name;
	return type_find(p, at, space, name, ret_type);
}

/* ---- terms ----------------------------------------------------------------------------------------------------- */

static bool parse_arguments(struct parser *p, struct path_node *call)
{
	const struct path_node **link = &call->args;
	size_t count = 0;
	if (call->function->type_argument)
		return parse_type(p, &call->type, &call->name) && expect(p, ")");
	while (!at_symbol(p, ")")) {
		if (count && !expect(p, ","))
			return false;
		struct path_node *arg = (struct path_node *)(uintptr_t)parse_expression(p, 0);
		if (!arg)
			return false;
		/* sort(name desc) */
		if (str_is(call->name, "sort") && p->token.kind == TOKEN_NAME &&
		    (str_is(p->token.text, "asc") || str_is(p->token.text, "desc"))) {
			struct path_node *wrapped =
				parser_node(p, str_is(p->token.text, "desc") ? PATH_OP_NEGATE : PATH_OP_PLUS, arg->at);
			if (!wrapped || !parser_advance(p))
				return false;
			wrapped->left = arg;
			arg = wrapped;
		}
		*link = arg;
		link = &arg->next;
		count++;
	}
	if (count < call->function->least || count > call->function->most)
		return path_error_at(p->lexer.err, p->lexer.text, call->at, ERR_VALUE,
				     "%s() does not take %zu argument%s", call->function->name, count,
				     count == 1 ? "" : "s");
	return expect(p, ")");
}

static const struct path_node *parse_call(struct parser *p, const struct path_node *left, struct token name)
{
	bool factory = left->op == PATH_OP_VARIABLE && str_is(left->name, "factory");
	const struct path_function *function = factory ? factory_find(name.text) : function_find(name.text);
	if (!function)
		return PARSE_FAIL(p, name.at, ERR_VALUE, "there is no function %.*s()",
				  STR_ARG(str_slice(name.text, 0, 64)));
	struct path_node *call = parser_node(p, PATH_OP_CALL, name.at);
	if (!call || !expect(p, "("))
		return NULL;
	call->left = left;
	call->name = name.text;
	call->function = function;
	if (!parse_arguments(p, call))
		return NULL;
	if (function->type_argument)
		call->name = name.text;
	return call;
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
	if (!at_name(p))
		return PARSE_FAIL(p, name.at, ERR_VALUE, "a name is expected");
	if (!parser_advance(p))
		return NULL;
	if (first && !(left = parser_node(p, PATH_OP_THIS, name.at)))
		return NULL;
	if (at_symbol(p, "(") && name.kind == TOKEN_NAME)
		return parse_call(p, left, name);
	bool type = first && is_type_name(name.text);
	struct path_node *node = parser_node(p, type ? PATH_OP_TYPE : PATH_OP_MEMBER, name.at);
	if (!node)
		return NULL;
	if (type && p->definitions)
		node->type.fhir = definitions_type(p->definitions, name.text);
	node->left = left;
	node->name = name.text;
	return node;
}

/* $this, $index, $total */
static const struct path_node *parse_dollar(struct parser *p)
{
	size_t at = p->token.at;
	struct str name;
	if (!parser_advance(p))
		return NULL;
	name = p->token.kind == TOKEN_NAME ? p->token.text : S("");
	enum path_op op = str_is(name, "this")	  ? PATH_OP_THIS
			  : str_is(name, "index") ? PATH_OP_COUNTER
			  : str_is(name, "total") ? PATH_OP_TOTAL
						  : PATH_OP_EMPTY;
	if (op == PATH_OP_EMPTY)
		return PARSE_FAIL(p, at, ERR_VALUE, "after $ there is only $this, $index and $total");
	struct path_node *node = parser_node(p, op, at);
	if (node)
		node->name = name;
	return node && parser_advance(p) ? node : NULL;
}

static const struct path_node *parse_variable(struct parser *p)
{
	struct path_node *node = parser_node(p, PATH_OP_VARIABLE, p->token.at);
	if (!node)
		return NULL;
	node->name = p->token.text;
	return parser_advance(p) ? node : NULL;
}

static const struct path_node *parse_start(struct parser *p)
{
	struct token t = p->token;
	bool is_literal;
	const struct path_node *node = parse_literal(p, &is_literal);
	if (is_literal)
		return node;
	if (at_name(p))
		return parse_invocation(p, NULL);
	if (t.kind == TOKEN_VARIABLE)
		return parse_variable(p);
	if (t.kind == TOKEN_END)
		return PARSE_FAIL(p, t.at, ERR_VALUE, "the expression ends too early");
	if (at_symbol(p, "("))
		return expect(p, "(") && (node = parse_expression(p, 0)) && expect(p, ")") ? node : NULL;
	if (at_symbol(p, "{"))
		return (node = parser_node(p, PATH_OP_EMPTY, t.at)) && expect(p, "{") && expect(p, "}") ? node : NULL;
	if (at_symbol(p, "$"))
		return parse_dollar(p);
	return PARSE_FAIL(p, t.at, ERR_VALUE, "\"%.*s\" cannot start an expression", STR_ARG(t.text));
}

static const struct path_node *parse_index(struct parser *p, const struct path_node *left)
{
	struct path_node *node = parser_node(p, PATH_OP_INDEX, p->token.at);
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
		if (!at_symbol(p, "[") && !at_symbol(p, "."))
			return node;
		/* The evaluator recurses along a path, so its length counts as nesting. */
		if (++links > PATH_MAX_NESTING)
			return PARSE_FAIL(p, p->token.at, ERR_LIMIT, "a path has more than %d steps", PATH_MAX_NESTING);
		if (at_symbol(p, "["))
			node = parse_index(p, node);
		else
			node = parser_advance(p) ? parse_invocation(p, node) : NULL;
	}
	return NULL;
}

/* ---- operators ------------------------------------------------------------------------------------------------- */

/* A sign in front of a plain number makes a literal of it. */
static const struct path_node *fold_sign(struct path_node *sign)
{
	const struct path_node *operand = sign->left;
	if (operand->op != PATH_OP_LITERAL || !item_is_number(&operand->literal))
		return sign;
	if (sign->op == PATH_OP_PLUS)
		return operand;
	if (operand->literal.kind == PATH_DECIMAL)
		return sign;
	struct path_node *literal = (struct path_node *)(uintptr_t)operand;
	literal->literal.integer = -literal->literal.integer;
	literal->at = sign->at;
	return literal;
}

static const struct path_node *parse_signed(struct parser *p)
{
	size_t at = p->token.at;
	bool minus = at_symbol(p, "-");
	if (!minus && !at_symbol(p, "+"))
		return parse_term(p);
	struct path_node *node = parser_node(p, minus ? PATH_OP_NEGATE : PATH_OP_PLUS, at);
	if (!node || !parser_advance(p))
		return NULL;
	if (++p->depth > PATH_MAX_NESTING)
		return PARSE_FAIL(p, at, ERR_LIMIT, "the expression is nested deeper than %d levels", PATH_MAX_NESTING);
	node->left = parse_signed(p);
	p->depth--;
	return node->left ? fold_sign(node) : NULL;
}

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
	struct path_node *node = parser_node(p, o->op, p->token.at);
	if (!node || !parser_advance(p))
		return NULL;
	node->left = left;
	if (o->op == PATH_OP_IS || o->op == PATH_OP_AS)
		return parse_type(p, &node->type, &node->name) ? node : NULL;
	node->right = parse_expression(p, o->precedence + 1);
	return node->right ? node : NULL;
}

static const struct path_node *parse_operations(struct parser *p, int least)
{
	const struct path_node *left = parse_signed(p);
	const struct operation *o;
	size_t links = 0;
	while (left && (o = current_operator(p)) && o->precedence >= least) {
		if (++links > 4 * PATH_MAX_NESTING)
			return PARSE_FAIL(p, p->token.at, ERR_LIMIT, "too many operators in a row");
		left = parse_operation(p, o, left);
	}
	return left;
}

static const struct path_node *parse_expression(struct parser *p, int least)
{
	if (++p->depth > PATH_MAX_NESTING)
		return PARSE_FAIL(p, p->token.at, ERR_LIMIT, "the expression is nested deeper than %d levels",
				  PATH_MAX_NESTING);
	const struct path_node *node = parse_operations(p, least);
	p->depth--;
	return node;
}

const struct path_program *path_compile(struct arena *a, const struct definitions *d, struct str expression,
					const struct path_options *options, struct error *err)
{
	static const struct path_options defaults = {0};
	if (!options)
		options = &defaults;
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
	struct parser p = {.lexer = {.arena = a, .text = own, .strict = options->strict, .err = err}, .definitions = d};
	if (!parser_advance(&p))
		return NULL;
	*program = (struct path_program){.expression = own,
					 .definitions = d,
					 .strict = options->strict,
					 .as_filters = options->as_filters,
					 .root = parse_expression(&p, 0)};
	if (!program->root)
		return NULL;
	if (p.token.kind != TOKEN_END)
		return PARSE_FAIL(&p, p.token.at, ERR_VALUE, "\"%.*s\" is not expected here",
				  STR_ARG(str_slice(p.token.text, 0, 64)));
	return check_program(a, program, options, err) ? program : NULL;
}

bool path_is_call(const struct path_node *node, const char *name)
{
	return node && node->op == PATH_OP_CALL && str_is(node->name, name);
}
