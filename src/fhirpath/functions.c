/* The functions of the language and the table that names them. */
#include "fhirpath/fhirpath_priv.h"

static bool add_truth(struct eval *e, struct path_items *out, bool truth)
{
	return eval_add(e, out, item_boolean(truth));
}

/* Does the condition hold for an item? Empty counts as false. */
static bool holds(struct eval *e, const struct path_node *condition, const struct path_item *item, bool *ret_holds)
{
	struct path_items result = {0};
	int truth;
	if (!eval_node(e, condition, item, &result) || !path_truth(&result, &truth, e->err))
		return false;
	*ret_holds = truth == 1;
	return true;
}

static bool fn_where(struct eval *e, const struct path_node *call, const struct path_item *focus,
		     const struct path_items *input, struct path_items *out)
{
	(void)focus;
	for (size_t i = 0; i < input->count; i++) {
		bool keep;
		if (!holds(e, call->args, &input->items[i], &keep))
			return false;
		if (keep && !eval_add(e, out, input->items[i]))
			return false;
	}
	return true;
}

static bool fn_empty(struct eval *e, const struct path_node *call, const struct path_item *focus,
		     const struct path_items *input, struct path_items *out)
{
	(void)call;
	(void)focus;
	return add_truth(e, out, input->count == 0);
}

static bool fn_exists(struct eval *e, const struct path_node *call, const struct path_item *focus,
		      const struct path_items *input, struct path_items *out)
{
	struct path_items kept = {0};
	if (!call->args)
		return add_truth(e, out, input->count > 0);
	return fn_where(e, call, focus, input, &kept) && add_truth(e, out, kept.count > 0);
}

static bool fn_not(struct eval *e, const struct path_node *call, const struct path_item *focus,
		   const struct path_items *input, struct path_items *out)
{
	int truth;
	(void)call;
	(void)focus;
	if (!path_truth(input, &truth, e->err))
		return false;
	return truth < 0 || add_truth(e, out, truth == 0);
}

static bool fn_count(struct eval *e, const struct path_node *call, const struct path_item *focus,
		     const struct path_items *input, struct path_items *out)
{
	(void)call;
	(void)focus;
	struct path_item item = {.kind = PATH_INTEGER, .text = arena_printf(e->arena, "%zu", input->count)};
	return item.text.p ? eval_add(e, out, item) : error_memory(e->err);
}

static bool fn_first(struct eval *e, const struct path_node *call, const struct path_item *focus,
		     const struct path_items *input, struct path_items *out)
{
	(void)call;
	(void)focus;
	return input->count == 0 || eval_add(e, out, input->items[0]);
}

static bool fn_last(struct eval *e, const struct path_node *call, const struct path_item *focus,
		    const struct path_items *input, struct path_items *out)
{
	(void)call;
	(void)focus;
	return input->count == 0 || eval_add(e, out, input->items[input->count - 1]);
}

static bool fn_has_value(struct eval *e, const struct path_node *call, const struct path_item *focus,
			 const struct path_items *input, struct path_items *out)
{
	struct path_item simple;
	(void)call;
	(void)focus;
	return add_truth(e, out, input->count == 1 && item_simple(&input->items[0], &simple));
}

/* The one string that an argument must give; STR_NULL when it gives nothing. */
static bool string_argument(struct eval *e, const struct path_node *call, const struct path_item *focus,
			    struct str *ret_text)
{
	struct path_items result = {0};
	struct path_item simple;
	if (!eval_node(e, call->args, focus, &result))
		return false;
	*ret_text = STR_NULL;
	if (result.count == 0)
		return true;
	if (result.count > 1 || !item_simple(&result.items[0], &simple) || simple.kind != PATH_STRING)
		return error_set(e->err, ERR_VALUE, "The FHIRPath function %s() needs one string",
				 call->function->name);
	*ret_text = simple.text;
	return true;
}

static bool fn_extension(struct eval *e, const struct path_node *call, const struct path_item *focus,
			 const struct path_items *input, struct path_items *out)
{
	struct str url;
	if (!string_argument(e, call, focus, &url))
		return false;
	for (size_t i = 0; url.p && i < input->count; i++) {
		struct path_items extensions = {0};
		if (!eval_member(e, &input->items[i], S("extension"), &extensions))
			return false;
		for (size_t j = 0; j < extensions.count; j++)
			if (str_eq(json_get_str(extensions.items[j].value, S("url")), url) &&
			    !eval_add(e, out, extensions.items[j]))
				return false;
	}
	return true;
}

static bool fn_has_extension(struct eval *e, const struct path_node *call, const struct path_item *focus,
			     const struct path_items *input, struct path_items *out)
{
	struct path_items found = {0};
	return fn_extension(e, call, focus, input, &found) && add_truth(e, out, found.count > 0);
}

static bool fn_resolve(struct eval *e, const struct path_node *call, const struct path_item *focus,
		       const struct path_items *input, struct path_items *out)
{
	(void)call;
	(void)focus;
	for (size_t i = 0; i < input->count; i++)
		if (!eval_resolve(e, &input->items[i], out))
			return false;
	return true;
}

static bool fn_is(struct eval *e, const struct path_node *call, const struct path_item *focus,
		  const struct path_items *input, struct path_items *out)
{
	(void)focus;
	if (input->count > 1)
		return error_set(e->err, ERR_VALUE, "The FHIRPath function is() needs one item and got %zu",
				 input->count);
	return input->count == 0 || add_truth(e, out, item_is(&input->items[0], call->type));
}

static bool fn_of_type(struct eval *e, const struct path_node *call, const struct path_item *focus,
		       const struct path_items *input, struct path_items *out)
{
	(void)focus;
	for (size_t i = 0; i < input->count; i++)
		if (item_as(&input->items[i], call->type) && !eval_add(e, out, input->items[i]))
			return false;
	return true;
}

static const struct path_function functions[] = {
#define FUNCTION(name, least, most, run) {name, least, most, false, run},
#define TYPE_FUNCTION(name, run)	 {name, 1, 1, true, run},
#define LATER(name)			 {name, 0, 0, false, NULL},
#include "fhirpath/functions.def"
#undef FUNCTION
#undef TYPE_FUNCTION
#undef LATER
};

const struct path_function *function_find(struct str name)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (str_is(name, functions[i].name))
			return &functions[i];
	return NULL;
}
