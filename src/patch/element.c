/*
 * Changing FHIR elements in the JSON form, where one element may be two members: a primitive has its value in "name"
 * and its id and extensions in "_name", and in lists the two stand side by side with null for what is absent.
 */
#include "fhir/definitions.h"
#include "patch/patch_priv.h"

static bool is_null(const struct node *node)
{
	return !node || node->type == JSON_NULL;
}

static struct str twin_name(struct edit *e, struct str name)
{
	struct str twin = arena_printf(e->arena, "_%.*s", STR_ARG(name));
	if (!twin.p)
		error_memory(e->err);
	return twin;
}

/* The place of a member among the others: that of its element, a twin behind its value. */
static size_t order_of(const struct fhir_type *owner, struct str key)
{
	const struct fhir_type *type;
	bool twin = key.n > 1 && key.p[0] == '_';
	if (str_is(key, "resourceType"))
		return 0;
	const struct fhir_element *element =
		owner ? definitions_element(owner, twin ? str_slice(key, 1, key.n) : key, &type) : NULL;
	return element ? 2 * (size_t)(element - owner->elements) + 1 + twin : STR_NONE;
}

/* Sets, adds in its place, or (node NULL) removes a member. */
static bool set_member(struct edit *e, struct node *object, const struct fhir_type *owner, struct str key,
		       struct node *node)
{
	size_t at = node_find(object, key);
	if (at != STR_NONE) {
		if (node)
			object->children[at].node = node;
		else
			node_remove(object, at);
		return true;
	}
	if (!node)
		return true;
	size_t order = order_of(owner, key);
	for (at = object->count; at > 0; at--) {
		size_t before = order_of(owner, object->children[at - 1].key);
		if (before == STR_NONE || before <= order)
			break;
	}
	return node_insert(e, object, at, key, node);
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

struct lists {
	struct node *values, *twins; /* of equal length */
	struct str twin_key;
};

static struct node *open_list(struct edit *e, const struct node *object, struct str key)
{
	size_t at = node_find(object, key);
	if (at == STR_NONE)
		return patch_node_new(e, JSON_ARRAY);
	struct node *list = object->children[at].node;
	if (list->type != JSON_ARRAY) {
		error_set(e->err, ERR_PATCH, "there is one value where a list should be");
		return NULL;
	}
	return node_open(e, list) ? list : NULL;
}

static bool pad(struct edit *e, struct node *list, size_t count)
{
	while (list->count < count) {
		struct node *null = patch_node_new(e, JSON_NULL);
		if (!null || !node_insert(e, list, list->count, STR_NULL, null))
			return false;
	}
	return true;
}

static bool lists_open(struct edit *e, const struct spot *spot, struct lists *ret_lists)
{
	ret_lists->twin_key = twin_name(e, spot->name);
	if (!ret_lists->twin_key.p)
		return false;
	ret_lists->values = open_list(e, spot->object, spot->name);
	ret_lists->twins = ret_lists->values ? open_list(e, spot->object, ret_lists->twin_key) : NULL;
	return ret_lists->twins && pad(e, ret_lists->values, ret_lists->twins->count) &&
	       pad(e, ret_lists->twins, ret_lists->values->count);
}

static struct node *unless_void(struct node *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!is_null(list->children[i].node))
			return list;
	return NULL;
}

static bool lists_close(struct edit *e, const struct spot *spot, const struct lists *lists)
{
	return set_member(e, spot->object, spot->owner, spot->name, unless_void(lists->values)) &&
	       set_member(e, spot->object, spot->owner, lists->twin_key, unless_void(lists->twins));
}

static bool put_item(struct edit *e, const struct spot *spot, const struct content *content)
{
	struct lists lists;
	if (!lists_open(e, spot, &lists))
		return false;
	if (spot->index >= lists.values->count)
		return error_set(e->err, ERR_PATCH, "the list has no item of this index");
	if (is_null(content->value) && is_null(content->twin)) {
		node_remove(lists.values, spot->index);
		node_remove(lists.twins, spot->index);
	} else {
		struct node *null = patch_node_new(e, JSON_NULL);
		if (!null)
			return false;
		lists.values->children[spot->index].node = content->value ? content->value : null;
		lists.twins->children[spot->index].node = content->twin ? content->twin : null;
	}
	return lists_close(e, spot, &lists);
}

bool spot_put(struct edit *e, const struct spot *spot, const struct content *content)
{
	if (spot->index != STR_NONE)
		return put_item(e, spot, content);
	struct str twin = twin_name(e, spot->name);
	return twin.p && set_member(e, spot->object, spot->owner, spot->name, content->value) &&
	       set_member(e, spot->object, spot->owner, twin, content->twin);
}

bool spot_insert(struct edit *e, const struct spot *spot, const struct content *content)
{
	struct lists lists;
	struct node *null = patch_node_new(e, JSON_NULL);
	if (!null || !lists_open(e, spot, &lists))
		return false;
	size_t at = spot->index < lists.values->count ? spot->index : lists.values->count;
	return node_insert(e, lists.values, at, STR_NULL, content->value ? content->value : null) &&
	       node_insert(e, lists.twins, at, STR_NULL, content->twin ? content->twin : null) &&
	       lists_close(e, spot, &lists);
}

static bool move_item(struct edit *e, struct node *list, size_t from, size_t to)
{
	struct node *node = list->children[from].node;
	node_remove(list, from);
	return node_insert(e, list, to, STR_NULL, node);
}

bool spot_move(struct edit *e, const struct spot *spot, size_t to)
{
	struct lists lists;
	if (!lists_open(e, spot, &lists))
		return false;
	if (spot->index >= lists.values->count || to >= lists.values->count)
		return error_set(e->err, ERR_PATCH, "the list has no item of this index");
	return move_item(e, lists.values, spot->index, to) && move_item(e, lists.twins, spot->index, to) &&
	       lists_close(e, spot, &lists);
}

/* ---- what is left empty ----------------------------------------------------------------------------------------- */

static bool is_empty(const struct node *node)
{
	return !node->source && (node->type == JSON_OBJECT || node->type == JSON_ARRAY) && !node->count;
}

/* An item of "_given" that lost its last extension: the value beside it stays, if there is one. */
static bool drop_twin(struct edit *e, struct node *object, const struct json_step *step)
{
	struct spot spot = {object, NULL, str_slice(step->name, 1, step->name.n), step->index};
	struct content content = {NULL, NULL};
	size_t at = node_find(object, spot.name);
	struct node *values = at != STR_NONE ? object->children[at].node : NULL;
	if (values && !node_open(e, values))
		return false;
	if (values && step->index < values->count && !is_null(values->children[step->index].node))
		content.value = values->children[step->index].node;
	return put_item(e, &spot, &content);
}

static bool prune_item(struct edit *e, struct node *root, size_t at, const struct json_step *steps, size_t count)
{
	struct node *list = root->children[at].node, *item = list->children[steps->index].node;
	if (!prune(e, item, steps + 1, count - 1))
		return false;
	if (!is_empty(item))
		return true;
	if (str_starts(steps->name, S("_")))
		return drop_twin(e, root, steps);
	node_remove(list, steps->index);
	if (!list->count)
		node_remove(root, at);
	return true;
}

/* One step is a member and perhaps one of its items; only what was opened can have become empty. */
bool prune(struct edit *e, struct node *root, const struct json_step *steps, size_t count)
{
	size_t at = count && !root->source ? node_find(root, steps->name) : STR_NONE;
	if (at == STR_NONE)
		return true;
	struct node *member = root->children[at].node;
	if (member->type == JSON_ARRAY)
		return member->source || steps->index >= member->count || prune_item(e, root, at, steps, count);
	if (!prune(e, member, steps + 1, count - 1))
		return false;
	if (is_empty(member))
		node_remove(root, at);
	return true;
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

const struct fhir_element *element_by_name(struct arena *a, const struct fhir_type *owner, struct str name,
					   struct str suffix, const struct fhir_type **ret_type, struct str *ret_name)
{
	if (str_ends(name, S("[x]")))
		name = str_slice(name, 0, name.n - 3);
	const struct fhir_element *element = definitions_element(owner, name, ret_type);
	if (!element && suffix.n) {
		name = arena_printf(a, "%.*s%.*s", STR_ARG(name), STR_ARG(suffix));
		element = name.p ? definitions_element(owner, name, ret_type) : NULL;
	}
	*ret_name = name;
	return element;
}
