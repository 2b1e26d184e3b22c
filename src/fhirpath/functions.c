/* The table of functions, and what most of them need: arguments, the one value of a collection, results. */
#include "fhirpath/fhirpath_priv.h"

static const struct path_function functions[] = {
#define FUNCTION(name, least, most, lambdas, takes, gives, fn)                                                         \
	{name, least, most, lambdas, SHAPE_##takes, SHAPE_##gives, false, fn, NULL},
#define STREAM(name, least, most, lambdas, takes, gives, fn)                                                           \
	{name, least, most, lambdas, SHAPE_##takes, SHAPE_##gives, false, NULL, fn},
#define STREAM_TYPED(name, takes, gives, fn) {name, 1, 1, 0, SHAPE_##takes, SHAPE_##gives, true, NULL, fn},
#define TYPED(name, takes, gives, fn)	     {name, 1, 1, 0, SHAPE_##takes, SHAPE_##gives, true, fn, NULL},
#include "fhirpath/functions.def"
#undef FUNCTION
#undef STREAM
#undef TYPED
#undef STREAM_TYPED
};

const struct path_function *function_find(struct str name)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (str_is(name, functions[i].name))
			return &functions[i];
	return NULL;
}

bool add_boolean(struct eval *e, struct path_items *out, bool truth)
{
	struct path_item item = item_boolean(truth);
	return eval_add(e, out, &item);
}

bool add_integer(struct eval *e, struct path_items *out, int64_t value)
{
	struct path_item item = item_integer(value);
	return eval_add(e, out, &item);
}

bool add_string(struct eval *e, struct path_items *out, struct str text)
{
	struct path_item item = item_string(text);
	return eval_add(e, out, &item);
}

bool add_buffer(struct eval *e, struct path_items *out, struct buf *text)
{
	bool fits = buf_ok(text);
	struct str own = fits ? arena_str(e->arena, buf_str(text)) : STR_NULL;
	buf_done(text);
	if (!fits)
		return error_set(e->err, ERR_LIMIT, "A FHIRPath expression makes a text of more than %d bytes",
				 PATH_MAX_TEXT);
	return own.p ? eval_work(e, own.n / 16) && add_string(e, out, own) : error_memory(e->err);
}

bool add_all(struct eval *e, struct path_items *out, const struct path_items *items)
{
	for (size_t i = 0; i < items->count; i++)
		if (!eval_add(e, out, &items->items[i]))
			return false;
	return true;
}

bool one_value(struct eval *e, const struct path_node *node, const struct path_items *items,
	       struct path_item *ret_value, bool *ret_there)
{
	*ret_there = false;
	if (items->count == 0)
		return true;
	if (items->count > 1)
		return eval_fail(e, node, ERR_VALUE, "one item is needed here, and there are %zu", items->count);
	if (item_is_hollow(&items->items[0]))
		return true;
	/* A FHIR Quantity whose unit is not UCUM has no value of the language. */
	if (!item_value(e, &items->items[0], ret_value))
		*ret_value = items->items[0];
	*ret_there = true;
	return true;
}

/* The value of an argument, evaluated where the function is called. */
static bool arg_value(struct eval *e, const struct call *c, const struct path_node *arg, struct path_items *items,
		      struct path_item *ret_value, bool *ret_there)
{
	const struct binding *bindings = e->bindings;
	bool ok = eval_items(e, arg, c->scope, items) && one_value(e, arg, items, ret_value, ret_there);
	e->bindings = bindings;
	return ok;
}

bool arg_string(struct eval *e, const struct call *c, const struct path_node *arg, struct str *ret_text,
		bool *ret_there)
{
	SMALL_ITEMS(items);
	struct path_item value;
	if (!arg_value(e, c, arg, &items, &value, ret_there))
		return false;
	if (!*ret_there)
		return true;
	if (!item_has_text(&items, &value))
		return eval_fail(e, arg, ERR_VALUE, "%s() needs a string here", c->node->function->name);
	*ret_text = value_text(e, &value);
	return ret_text->p || error_memory(e->err);
}

bool arg_integer(struct eval *e, const struct call *c, const struct path_node *arg, int64_t *ret_value, bool *ret_there)
{
	SMALL_ITEMS(items);
	struct path_item value;
	if (!arg_value(e, c, arg, &items, &value, ret_there))
		return false;
	if (!*ret_there)
		return true;
	if (value.kind != PATH_INTEGER && value.kind != PATH_LONG)
		return eval_fail(e, arg, ERR_VALUE, "%s() needs an integer here", c->node->function->name);
	*ret_value = value.integer;
	return true;
}

bool item_has_text(const struct path_items *one, const struct path_item *value)
{
	return value->kind == PATH_STRING ||
	       (one->items[0].kind == PATH_ELEMENT &&
		(value->kind == PATH_DATE || value->kind == PATH_DATETIME || value->kind == PATH_TIME));
}

bool input_string(struct eval *e, const struct call *c, struct str *ret_text, bool *ret_there)
{
	struct path_item value;
	if (!one_value(e, c->node, c->input, &value, ret_there))
		return false;
	if (!*ret_there)
		return true;
	if (!item_has_text(c->input, &value))
		return eval_fail(e, c->node, ERR_VALUE, "%s() needs a string, and this is %.*s",
				 c->node->function->name, STR_ARG(kind_name(value.kind)));
	*ret_text = value_text(e, &value);
	/* Long texts are long work. */
	return ret_text->p ? eval_work(e, ret_text->n / 16) : error_memory(e->err);
}
