/* Expressions of a service: FHIRPath that is checked strictly against the types of its names, with the value sets that
 * it asks for known to be there. */
#include "rule/rule_priv.h"

static void need(const struct compiler *c, struct str name, uint64_t *needs)
{
	for (size_t i = 0; i < c->name_count; i++)
		if (str_eq(c->declarations[i].name, name))
			needs[i / 64] |= (uint64_t)1 << (i % 64);
}

static bool has_value_set(const struct compiler *c, struct str name)
{
	for (size_t i = 0; i < c->value_count; i++)
		if (str_eq(c->values[i].name, name))
			return true;
	return false;
}

/* memberOf('name') with a name or url that is written out. One by url that no line of valueSets names is looked for
 * here, and then is one of the service's. */
static bool check_member_of(struct compiler *c, const struct path_node *call)
{
	const struct path_node *arg = call->args;
	if (!path_is_call(call, "memberOf") || arg->op != PATH_OP_LITERAL || arg->literal.kind != PATH_STRING ||
	    has_value_set(c, arg->literal.text))
		return true;
	struct rule_values_named *named = &c->values[c->value_count];
	if (str_find_char(arg->literal.text, ':', 0) == STR_NONE)
		return compile_fail(c, ERR_VALUE, "There is no value set '%.*s' in valueSets",
				    STR_ARG(str_slice(arg->literal.text, 0, 100)));
	if (c->value_count == RULE_RULES_MAX)
		return compile_fail(c, ERR_LIMIT, "A service has at most %d value sets", RULE_RULES_MAX);
	named->name = arg->literal.text;
	if (!values_open(c, arg->literal.text, &named->values, &named->url))
		return false;
	c->value_count++;
	return true;
}

static bool look(struct compiler *c, const struct path_node *node, uint64_t *needs)
{
	if (!node)
		return true;
	if (node->op == PATH_OP_VARIABLE)
		need(c, node->name, needs);
	if (node->op == PATH_OP_CALL && !check_member_of(c, node))
		return false;
	for (const struct path_node *arg = node->args; arg; arg = arg->next)
		if (!look(c, arg, needs))
			return false;
	return look(c, node->left, needs) && look(c, node->right, needs);
}

const struct rule_expression *expression_compile(struct compiler *c, struct str text)
{
	static const struct path_given nothing = {0};
	const struct path_options options = {.strict = true,
					     .as_filters = true,
					     .closed = true,
					     .focus = c->focus ? c->focus : &nothing,
					     .variables = c->declarations,
					     .variable_count = c->name_count};
	struct error why = {0};
	struct rule_expression *e = ARENA_NEW(c->arena, struct rule_expression);
	if (!e) {
		error_memory(c->err);
		return NULL;
	}
	e->program = path_compile(c->arena, c->library->definitions, text, &options, &why);
	if (!e->program) {
		compile_fail(c, why.code, "%s", why.text);
		return NULL;
	}
	return look(c, e->program->root, e->needs) ? e : NULL;
}

static bool is_boolean(const struct path_type *type)
{
	return type->fhir ? type->fhir->primitive == PRIMITIVE_BOOLEAN : type->system == PATH_BOOLEAN;
}

const struct rule_expression *expression_condition(struct compiler *c, struct str text)
{
	const struct rule_expression *e = expression_compile(c, text);
	if (!e)
		return NULL;
	const struct path_given *given = &e->program->given;
	bool may = given->open || !given->count;
	for (size_t i = 0; i < given->count; i++)
		may |= is_boolean(&given->types[i]);
	if (may)
		return e;
	struct str type = given->types[0].fhir ? given->types[0].fhir->name : S("a value that is none");
	compile_fail(c, ERR_VALUE, "A condition must be true or false, and this is %.*s; did you mean .exists()?",
		     STR_ARG(type));
	return NULL;
}
