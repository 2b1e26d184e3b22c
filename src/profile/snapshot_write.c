/* The finished tree as the snapshot of a StructureDefinition. */
#include "profile/snapshot_priv.h"

/* Members of ElementDefinition in the order of the specification; choices by their stem. */
static const char *const order[] = {"representation",
				    "sliceIsConstraining",
				    "label",
				    "code",
				    "slicing",
				    "short",
				    "definition",
				    "comment",
				    "requirements",
				    "alias",
				    "min",
				    "max",
				    "base",
				    "contentReference",
				    "type",
				    "defaultValue[x]",
				    "meaningWhenMissing",
				    "orderMeaning",
				    "fixed[x]",
				    "pattern[x]",
				    "example",
				    "minValue[x]",
				    "maxValue[x]",
				    "maxLength",
				    "condition",
				    "constraint",
				    "mustSupport",
				    "isModifier",
				    "isModifierReason",
				    "isSummary",
				    "binding",
				    "mapping"};

static bool is_named(struct str key, struct str name)
{
	if (key.n && key.p[0] == '_')
		key = str_slice(key, 1, key.n);
	return str_eq(key, name) || choice_type(name, key).p;
}

static bool is_ordered(struct str key)
{
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (is_named(key, str_from(order[i])))
			return true;
	return false;
}

static void write_member(struct json_writer *w, const struct snap_member *m)
{
	json_key(w, m->key);
	json_put_value(w, m->value);
}

static void write_constraint(struct json_writer *w, const struct snap_constraint *c)
{
	struct json_iter it = json_iter(c->json);
	if (!c->source.p || json_get(c->json, S("source"))) {
		json_put_value(w, c->json);
		return;
	}
	json_object_begin(w);
	while (json_next(&it)) {
		json_key(w, it.key);
		json_put_value(w, it.value);
	}
	json_put_member(w, S("source"), c->source);
	json_object_end(w);
}

static void write_constraints(struct json_writer *w, const struct snap_node *n)
{
	if (!n->constraint_count)
		return;
	json_key(w, S("constraint"));
	json_array_begin(w);
	for (size_t i = 0; i < n->constraint_count; i++)
		write_constraint(w, &n->constraints[i]);
	json_array_end(w);
}

static void write_base(struct json_writer *w, const struct snap_node *n, struct str path)
{
	if (node_get(n, S("base")))
		return;
	const struct json *min = node_get(n, S("min")), *max = node_get(n, S("max"));
	json_key(w, S("base"));
	json_object_begin(w);
	json_put_member(w, S("path"), path);
	json_key(w, S("min"));
	if (min)
		json_put_value(w, min);
	else
		json_put_i64(w, 0);
	json_put_member(w, S("max"), max ? json_str(max) : S("*"));
	json_object_end(w);
}

static void write_facts(struct json_writer *w, const struct snap_node *n, struct str path)
{
	for (size_t i = 0; i < n->member_count; i++)
		if (!is_ordered(n->members[i].key))
			write_member(w, &n->members[i]);
	for (size_t o = 0; o < sizeof(order) / sizeof(order[0]); o++) {
		struct str name = str_from(order[o]);
		if (str_is(name, "constraint"))
			write_constraints(w, n);
		if (str_is(name, "base"))
			write_base(w, n, path);
		for (size_t i = 0; i < n->member_count; i++)
			if (is_named(n->members[i].key, name))
				write_member(w, &n->members[i]);
	}
}

static void write_node(struct json_writer *w, struct snap *s, const struct snap_node *n, struct str path, struct str id)
{
	json_object_begin(w);
	json_put_member(w, S("id"), id);
	json_put_member(w, S("path"), path);
	json_put_member(w, S("sliceName"), n->slice);
	write_facts(w, n, path);
	json_object_end(w);
	for (const struct snap_node *child = n->first; child; child = child->next) {
		struct str child_path = arena_printf(s->a, "%.*s.%.*s", STR_ARG(path), STR_ARG(child->name));
		struct str child_id = arena_printf(s->a, "%.*s.%.*s%s%.*s", STR_ARG(id), STR_ARG(child->name),
						   child->slice.p ? ":" : "", (int)child->slice.n,
						   child->slice.p ? child->slice.p : "");
		write_node(w, s, child, child_path, child_id);
	}
}

static void write_snapshot(struct json_writer *w, struct snap *s, const struct snap_node *root)
{
	json_key(w, S("snapshot"));
	json_object_begin(w);
	json_key(w, S("element"));
	json_array_begin(w);
	write_node(w, s, root, root->name, root->name);
	json_array_end(w);
	json_object_end(w);
}

void snapshot_write(struct buf *out, struct snap *s, const struct json *profile, const struct snap_node *root)
{
	struct json_writer w = json_writer(out);
	struct json_iter it = json_iter(profile);
	json_object_begin(&w);
	while (json_next(&it)) {
		if (str_is(it.key, "snapshot"))
			continue;
		if (str_is(it.key, "differential"))
			write_snapshot(&w, s, root);
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	if (!json_get(profile, S("differential")))
		write_snapshot(&w, s, root);
	json_object_end(&w);
}
