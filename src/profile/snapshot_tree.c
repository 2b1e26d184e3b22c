/* Trees of elements: read from lists, copied, searched. */
#include "profile/snapshot_priv.h"

struct snap_node *node_new(struct snap *s, struct str name, struct str slice, struct error *err)
{
	if (++s->node_count > SNAPSHOT_MAX_ELEMENTS) {
		error_set(err, ERR_LIMIT, "the snapshot has more than %d elements", SNAPSHOT_MAX_ELEMENTS);
		return NULL;
	}
	struct snap_node *n = ARENA_NEW(s->a, struct snap_node);
	if (!n) {
		error_memory(err);
		return NULL;
	}
	n->name = name;
	n->slice = slice;
	return n;
}

void node_append(struct snap_node *parent, struct snap_node *child)
{
	child->parent = parent;
	child->next = NULL;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

void node_insert_after(struct snap_node *where, struct snap_node *child)
{
	child->parent = where->parent;
	child->next = where->next;
	where->next = child;
	if (where->parent->last == where)
		where->parent->last = child;
}

static bool copy_facts(struct snap *s, const struct snap_node *from, struct snap_node *to, struct error *err)
{
	to->members = ARENA_ARRAY(s->a, struct snap_member, from->member_count + 4);
	to->constraints = ARENA_ARRAY(s->a, struct snap_constraint, from->constraint_count + 2);
	if (!to->members || !to->constraints)
		return error_memory(err);
	to->member_capacity = from->member_count + 4;
	to->constraint_capacity = from->constraint_count + 2;
	to->member_count = from->member_count;
	to->constraint_count = from->constraint_count;
	if (from->member_count)
		memcpy(to->members, from->members, from->member_count * sizeof(*to->members));
	if (from->constraint_count)
		memcpy(to->constraints, from->constraints, from->constraint_count * sizeof(*to->constraints));
	to->own = from->own;
	return true;
}

bool node_copy_children(struct snap *s, const struct snap_node *from, struct snap_node *to, struct error *err)
{
	for (const struct snap_node *child = from->first; child; child = child->next) {
		struct snap_node *copy = node_copy(s, child, err);
		if (!copy)
			return false;
		copy->slice = child->slice;
		node_append(to, copy);
	}
	return true;
}

struct snap_node *node_copy(struct snap *s, const struct snap_node *from, struct error *err)
{
	struct snap_node *to = node_new(s, from->name, STR_NULL, err);
	return to && copy_facts(s, from, to, err) && node_copy_children(s, from, to, err) ? to : NULL;
}

const struct json *node_get(const struct snap_node *n, struct str key)
{
	for (size_t i = 0; i < n->member_count; i++)
		if (str_eq(n->members[i].key, key))
			return n->members[i].value;
	return NULL;
}

bool node_set(struct snap *s, struct snap_node *n, struct str key, const struct json *value, struct error *err)
{
	for (size_t i = 0; i < n->member_count; i++) {
		if (str_eq(n->members[i].key, key)) {
			n->members[i].value = value;
			return true;
		}
	}
	struct snap_member *grown = arena_grow(s->a, n->members, n->member_count, &n->member_capacity,
					       n->member_count + 1, sizeof(*n->members));
	if (!grown)
		return error_memory(err);
	n->members = grown;
	n->members[n->member_count++] = (struct snap_member){key, value};
	return true;
}

void node_unset(struct snap_node *n, struct str key)
{
	for (size_t i = 0; i < n->member_count; i++) {
		if (!str_eq(n->members[i].key, key))
			continue;
		memmove(&n->members[i], &n->members[i + 1], (n->member_count - i - 1) * sizeof(*n->members));
		n->member_count--;
		return;
	}
}

struct str node_id(struct snap *s, const struct snap_node *n)
{
	const char *mark = n->slice.p ? ":" : "";
	if (!n->parent)
		return n->name;
	struct str above = node_id(s, n->parent);
	return arena_printf(s->a, "%.*s.%.*s%s%.*s", STR_ARG(above), STR_ARG(n->name), mark, STR_ARG(n->slice));
}

struct snap_node *snapshot_node_child(const struct snap_node *parent, struct str name, struct str slice)
{
	for (struct snap_node *n = parent->first; n; n = n->next)
		if (str_eq(n->name, name) && (slice.p != NULL) == (n->slice.p != NULL) && str_eq(n->slice, slice))
			return n;
	return NULL;
}

struct str choice_type(struct str choice, struct str name)
{
	if (!str_ends(choice, S("[x]")))
		return STR_NULL;
	struct str stem = str_slice(choice, 0, choice.n - 3);
	if (!str_starts(name, stem) || name.n == stem.n || name.p[stem.n] < 'A' || name.p[stem.n] > 'Z')
		return STR_NULL;
	return str_slice(name, stem.n, name.n);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* One step of the way to an element. */
struct step {
	struct str name, slice;
};
struct steps {
	struct step list[SNAPSHOT_MAX_DEPTH];
	size_t count;
};

static bool split_path(struct str path, struct steps *ret_steps)
{
	ret_steps->count = 0;
	while (path.p) {
		if (ret_steps->count == SNAPSHOT_MAX_DEPTH)
			return false;
		ret_steps->list[ret_steps->count++] = (struct step){str_split(&path, '.'), STR_NULL};
	}
	return true;
}

/* The slices on the way as the id tells them: false when it does not go the way of the path. Names of slices may hold
 * anything, dots too; ids of such are not understood. */
static bool slices_by_id(struct str id, struct steps *steps)
{
	struct steps told;
	if (!split_path(id, &told) || told.count != steps->count)
		return false;
	for (size_t i = 0; i < told.count; i++) {
		struct str slice = told.list[i].name, name = str_split(&slice, ':');
		if (!str_eq(name, steps->list[i].name) && !choice_type(name, steps->list[i].name).p)
			return false;
		told.list[i] = (struct step){name, slice};
	}
	*steps = told;
	return true;
}

/* Without ids: the parents are those that were named last. */
static void slices_by_order(struct steps *steps, const struct steps *before)
{
	for (size_t i = 0; i + 1 < steps->count && i < before->count; i++) {
		if (!str_eq(steps->list[i].name, before->list[i].name))
			return;
		steps->list[i].slice = before->list[i].slice;
	}
}

/* Ids can be relied on when each is there, none twice, and slices stand in them. */
static bool ids_are_good(const struct json *elements)
{
	struct json_iter it = json_iter(elements);
	struct str last = STR_NULL;
	while (json_next(&it)) {
		struct str id = json_get_str(it.value, S("id")), slice = json_get_str(it.value, S("sliceName"));
		size_t dot = id.p ? str_rfind_char(id, '.') : STR_NONE;
		struct str tail = dot == STR_NONE ? id : str_slice(id, dot + 1, id.n);
		if (!id.p || str_eq(id, last) || (slice.p && str_find_char(tail, ':', 0) == STR_NONE))
			return false;
		last = id;
	}
	return true;
}

static bool find_steps(const struct json *element, bool by_id, const struct steps *before, struct steps *ret_steps,
		       struct error *err)
{
	struct str path = json_get_str(element, S("path")), slice = json_get_str(element, S("sliceName"));
	if (!path.n || !split_path(path, ret_steps))
		return error_set(err, ERR_STRUCTURE, "an element has no usable path");
	struct step *last = &ret_steps->list[ret_steps->count - 1];
	if (!by_id || !slices_by_id(json_get_str(element, S("id")), ret_steps))
		slices_by_order(ret_steps, before);
	if (slice.p)
		last->slice = slice;
	return true;
}

static struct snap_node *descend(struct snap *s, struct snap_node *at, const struct step *step, struct error *err)
{
	struct snap_node *child = snapshot_node_child(at, step->name, step->slice);
	if (child)
		return child;
	child = node_new(s, step->name, step->slice, err);
	if (child)
		node_append(at, child);
	return child;
}

static bool take_facts(struct snap *s, struct snap_node *n, const struct json *element, struct error *err)
{
	struct json_iter it = json_iter(element);
	while (json_next(&it)) {
		if (str_is(it.key, "id") || str_is(it.key, "path") || str_is(it.key, "sliceName"))
			continue;
		if (str_is(it.key, "constraint")) {
			struct json_iter rule = json_iter(it.value);
			while (json_next(&rule))
				if (!add_constraint(s, n, rule.value, STR_NULL, err))
					return false;
		} else if (!node_set(s, n, it.key, it.value, err)) {
			return false;
		}
	}
	return true;
}

static struct snap_node *read_list(struct snap *s, const struct json *elements, bool facts, struct error *err)
{
	struct snap_node *root = NULL;
	struct steps steps, before = {.count = 0};
	bool by_id = ids_are_good(elements);
	struct json_iter it = json_iter(elements);
	while (json_next(&it)) {
		if (!find_steps(it.value, by_id, &before, &steps, err))
			return NULL;
		if (!root)
			root = node_new(s, steps.list[0].name, STR_NULL, err);
		struct snap_node *n = root;
		for (size_t i = 1; n && i < steps.count; i++)
			n = descend(s, n, &steps.list[i], err);
		if (!n)
			return NULL;
		before = steps;
		if (facts && !take_facts(s, n, it.value, err))
			return NULL;
		if (n->origin && !facts) {
			/* Said twice: both count, one after the other. */
			struct snap_node *again = node_new(s, n->name, n->slice, err);
			if (!again || !n->parent)
				return NULL;
			node_insert_after(n, again);
			n = again;
		}
		n->origin = it.value;
	}
	if (!root)
		error_set(err, ERR_STRUCTURE, "there are no elements");
	return root;
}

struct snap_node *tree_read(struct snap *s, const struct json *elements, struct error *err)
{
	return read_list(s, elements, true, err);
}

struct snap_node *tree_read_differential(struct snap *s, const struct json *elements, struct error *err)
{
	return read_list(s, elements, false, err);
}
