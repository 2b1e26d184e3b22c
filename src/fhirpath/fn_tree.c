/* Walking trees: children, descendants, repeat; and what type an item is of. */
#include "fhirpath/fhirpath_priv.h"

bool fn_children(struct eval *e, const struct call *c, struct path_items *out)
{
	for (size_t i = 0; i < c->input->count; i++)
		if (!item_children(e, &c->input->items[i], out))
			return false;
	return eval_work(e, out->count);
}

/* Level by level. */
bool fn_descendants(struct eval *e, const struct call *c, struct path_items *out)
{
	if (!fn_children(e, c, out))
		return false;
	for (size_t i = 0; i < out->count; i++) {
		const struct path_item parent = out->items[i]; /* the array may move */
		if (!item_children(e, &parent, out) || !eval_work(e, 1))
			return false;
	}
	return true;
}

static bool project(struct eval *e, const struct call *c, const struct path_item *self, int64_t index,
		    struct path_items *out)
{
	const struct scope scope = {.self = self, .index = index, .total = c->scope->total};
	const struct binding *bindings = e->bindings;
	bool ok = eval_items(e, c->node->args, &scope, out);
	e->bindings = bindings;
	return ok;
}

/* Applies the projection to the input and to all that it gives, new items only. */
bool fn_repeat(struct eval *e, const struct call *c, struct path_items *out)
{
	struct item_set seen = {0};
	size_t input = c->input->count;
	for (size_t i = 0; i < input + seen.items.count; i++) {
		SMALL_ITEMS(found);
		const struct path_item self = i < input ? c->input->items[i] : seen.items.items[i - input];
		bool is_new;
		if (!project(e, c, &self, (int64_t)i, &found))
			return false;
		for (size_t j = 0; j < found.count; j++)
			if (!item_set_add(e, &seen, &found.items[j], &is_new))
				return false;
	}
	return add_all(e, out, &seen.items);
}

/* The same with duplicates: what goes round in circles runs into the limit. */
bool fn_repeat_all(struct eval *e, const struct call *c, struct path_items *out)
{
	size_t input = c->input->count;
	for (size_t i = 0; i < input + out->count; i++) {
		const struct path_item self = i < input ? c->input->items[i] : out->items[i - input];
		if (!project(e, c, &self, (int64_t)i, out) || !eval_work(e, 1))
			return false;
	}
	return true;
}

bool fn_type(struct eval *e, const struct call *c, struct path_items *out)
{
	for (size_t i = 0; i < c->input->count; i++) {
		struct str name = path_item_type_name(e->arena, &c->input->items[i]);
		struct path_item info = {.kind = PATH_TYPE_INFO, .text = name};
		if (!name.p)
			return error_memory(e->err);
		info.truth = str_starts(name, S("System."));
		if (info.truth || str_starts(name, S("FHIR.")))
			info.text = str_slice(name, info.truth ? 7 : 5, name.n);
		if (!eval_add(e, out, &info))
			return false;
	}
	return true;
}
