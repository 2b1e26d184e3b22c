/* %name: what the expression, the caller, FHIRPath and FHIR define (R4 fhirpath.html#variables). */
#include "fhirpath/fhirpath_priv.h"

static const struct {
	const char *name, *text;
} constants[] = {
	{"ucum", "http://unitsofmeasure.org"},
	{"sct", "http://snomed.info/sct"},
	{"loinc", "http://loinc.org"},
};

static bool add_resource(struct eval *e, const struct json *resource, struct path_items *out)
{
	if (!resource)
		return true;
	struct path_item item = path_item_resource(e->program->definitions, resource);
	return eval_add(e, out, &item);
}

static bool prefixed(struct eval *e, struct str prefix, struct str name, struct path_items *out)
{
	struct str text = arena_printf(e->arena, "http://hl7.org/fhir/%.*s/%.*s", STR_ARG(prefix), STR_ARG(name));
	return text.p ? add_string(e, out, text) : error_memory(e->err);
}

static bool standard(struct eval *e, const struct path_node *node, struct path_items *out)
{
	const struct path_context *c = e->context;
	struct str name = node->name;
	if (str_is(name, "resource"))
		return add_resource(e, c->resource, out);
	if (str_is(name, "rootResource"))
		return add_resource(e, c->root_resource ? c->root_resource : c->resource, out);
	if (str_is(name, "context"))
		return item_is_hollow(e->root) && !c->context ? true
							      : eval_add(e, out, c->context ? c->context : e->root);
	if (str_is(name, "factory"))
		return true; /* its functions need no input */
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		if (str_is(name, constants[i].name))
			return add_string(e, out, str_from(constants[i].text));
	if (str_starts(name, S("vs-")))
		return prefixed(e, S("ValueSet"), str_slice(name, 3, name.n), out);
	if (str_starts(name, S("ext-")))
		return prefixed(e, S("StructureDefinition"), str_slice(name, 4, name.n), out);
	return eval_fail(e, node, ERR_VALUE, "there is no variable %%%.*s", STR_ARG(str_slice(name, 0, 64)));
}

bool variable_items(struct eval *e, const struct path_node *node, struct path_items *out)
{
	for (const struct binding *b = e->bindings; b; b = b->older)
		if (str_eq(b->name, node->name))
			return add_all(e, out, &b->items);
	for (size_t i = 0; i < e->context->variable_count; i++)
		if (str_eq(e->context->variables[i].name, node->name))
			return add_all(e, out, &e->context->variables[i].items);
	return standard(e, node, out);
}

/* A name that is taken cannot be defined again. */
static bool taken(const struct eval *e, struct str name)
{
	static const char *const own[] = {"resource", "rootResource", "context", "ucum", "sct", "loinc", "factory"};
	for (const struct binding *b = e->bindings; b; b = b->older)
		if (str_eq(b->name, name))
			return true;
	for (size_t i = 0; i < e->context->variable_count; i++)
		if (str_eq(e->context->variables[i].name, name))
			return true;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (str_is(name, own[i]))
			return true;
	return false;
}

/* defineVariable(name [, expression]): the value is that of the expression, or the input. */
bool fn_define_variable(struct eval *e, const struct call *c, struct path_items *out)
{
	struct str name;
	bool there;
	const struct binding *before = e->bindings;
	struct binding *b = ARENA_NEW(e->arena, struct binding);
	if (!b)
		return error_memory(e->err);
	if (!arg_string(e, c, c->node->args, &name, &there))
		return false;
	if (!there || name.n == 0)
		return eval_fail(e, c->node, ERR_VALUE, "defineVariable() needs a name");
	if (taken(e, name))
		return eval_fail(e, c->node, ERR_VALUE, "the variable %%%.*s is defined already",
				 STR_ARG(str_slice(name, 0, 64)));
	if (c->node->args->next) {
		/* The focus of the expression is the input as a whole. */
		const struct scope inner = {.self = c->input->count ? &c->input->items[0] : c->scope->self,
					    .all = c->input->count == 1 ? NULL : c->input,
					    .index = c->scope->index,
					    .total = c->scope->total};
		if (!eval_items(e, c->node->args->next, &inner, &b->items))
			return false;
		e->bindings = before;
	} else if (!add_all(e, &b->items, c->input)) {
		return false;
	}
	b->name = name;
	b->older = before;
	e->bindings = b;
	return add_all(e, out, c->input);
}
