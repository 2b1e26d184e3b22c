/* The changeable tree. */
#include "patch/patch_priv.h"

#include "base/decimal.h"

enum { MAX_WORK = 50000000 };

bool edit_work(struct edit *e, size_t n)
{
	e->work += n;
	return e->work <= MAX_WORK || error_set(e->err, ERR_LIMIT, "The patch takes too much work");
}

struct node *node_wrap(struct edit *e, const struct json *source)
{
	struct node *node = ARENA_NEW(e->arena, struct node);
	if (!node) {
		error_memory(e->err);
		return NULL;
	}
	node->type = json_type(source);
	node->source = source;
	return node;
}

struct node *patch_node_new(struct edit *e, enum json_type type)
{
	struct node *node = node_wrap(e, NULL);
	if (node)
		node->type = type;
	return node;
}

bool node_open(struct edit *e, struct node *node)
{
	if (!node->source || (node->type != JSON_OBJECT && node->type != JSON_ARRAY))
		return true;
	size_t count = json_size(node->source), at = 0;
	struct child *children = ARENA_ARRAY(e->arena, struct child, count + 1);
	if (!children)
		return error_memory(e->err);
	for (struct json_iter it = json_iter(node->source); json_next(&it); at++) {
		children[at].key = it.key;
		children[at].node = node_wrap(e, it.value);
		if (!children[at].node)
			return false;
	}
	node->children = children;
	node->count = count;
	node->capacity = count + 1;
	node->source = NULL;
	return true;
}

bool node_insert(struct edit *e, struct node *parent, size_t at, struct str key, struct node *child)
{
	struct child *children = arena_grow(e->arena, parent->children, parent->count, &parent->capacity,
					    parent->count + 1, sizeof(*children));
	if (!children)
		return error_memory(e->err);
	parent->children = children;
	memmove(children + at + 1, children + at, (parent->count - at) * sizeof(*children));
	children[at] = (struct child){key, child};
	parent->count++;
	return edit_work(e, (parent->count - at) / 64);
}

void node_remove(struct node *parent, size_t at)
{
	struct child *children = parent->children;
	memmove(children + at, children + at + 1, (parent->count - at - 1) * sizeof(*children));
	parent->count--;
}

/* Recursion is bounded: no tree is deeper than JSON_MAX_DEPTH, see the callers that insert. */
struct node *patch_node_copy(struct edit *e, const struct node *node)
{
	if (!edit_work(e, 1))
		return NULL;
	if (node->source)
		return node_wrap(e, node->source);
	struct node *copy = patch_node_new(e, node->type);
	struct child *children = copy ? ARENA_ARRAY(e->arena, struct child, node->count + 1) : NULL;
	if (!children) {
		error_memory(e->err);
		return NULL;
	}
	for (size_t i = 0; i < node->count; i++) {
		children[i].key = node->children[i].key;
		children[i].node = patch_node_copy(e, node->children[i].node);
		if (!children[i].node)
			return NULL;
	}
	copy->children = children;
	copy->count = node->count;
	copy->capacity = node->count + 1;
	return copy;
}

size_t node_find(const struct node *object, struct str key)
{
	for (size_t i = 0; i < object->count; i++)
		if (str_eq(object->children[i].key, key))
			return i;
	return STR_NONE;
}

static bool source_depth(struct edit *e, const struct json *j, unsigned *ret_depth)
{
	unsigned deepest = 0, depth;
	if (!edit_work(e, 1))
		return false;
	for (struct json_iter it = json_iter(j); json_next(&it);) {
		if (!source_depth(e, it.value, &depth))
			return false;
		deepest = depth > deepest ? depth : deepest;
	}
	*ret_depth = deepest + (json_is(j, JSON_OBJECT) || json_is(j, JSON_ARRAY));
	return true;
}

bool node_depth(struct edit *e, const struct node *node, unsigned *ret_depth)
{
	unsigned deepest = 0, depth;
	if (node->source)
		return source_depth(e, node->source, ret_depth);
	if (!edit_work(e, 1))
		return false;
	for (size_t i = 0; i < node->count; i++) {
		if (!node_depth(e, node->children[i].node, &depth))
			return false;
		deepest = depth > deepest ? depth : deepest;
	}
	*ret_depth = deepest + (node->type == JSON_OBJECT || node->type == JSON_ARRAY);
	return true;
}

static bool numbers_equal(struct str a, struct str b)
{
	struct decimal x, y;
	return str_eq(a, b) || (decimal_parse(a, &x) && decimal_parse(b, &y) && decimal_cmp(&x, &y) == 0);
}

static bool scalars_equal(const struct json *a, const struct json *b)
{
	switch (json_type(a)) {
	case JSON_STRING:
		return str_eq(json_str(a), json_str(b));
	case JSON_NUMBER:
		return numbers_equal(json_number(a), json_number(b));
	default:
		return json_bool(a) == json_bool(b);
	}
}

bool node_equal(struct edit *e, struct node *a, const struct json *b, bool *ret_equal)
{
	*ret_equal = false;
	if (!edit_work(e, 1))
		return false;
	if (a->type != json_type(b))
		return true;
	if (a->type != JSON_OBJECT && a->type != JSON_ARRAY) {
		*ret_equal = scalars_equal(a->source, b);
		return true;
	}
	if (!node_open(e, a))
		return false;
	if (a->count != json_size(b))
		return true;
	*ret_equal = true;
	struct json_iter items = json_iter(b);
	for (size_t i = 0; i < a->count && *ret_equal; i++) {
		json_next(&items);
		const struct json *other = a->type == JSON_OBJECT ? json_get(b, a->children[i].key) : items.value;
		if (!other)
			*ret_equal = false;
		else if (!node_equal(e, a->children[i].node, other, ret_equal))
			return false;
	}
	return true;
}

void node_write(struct json_writer *w, const struct node *node)
{
	if (node->source || (node->type != JSON_OBJECT && node->type != JSON_ARRAY)) {
		json_put_value(w, node->source);
		return;
	}
	if (node->type == JSON_OBJECT)
		json_object_begin(w);
	else
		json_array_begin(w);
	for (size_t i = 0; i < node->count && buf_ok(w->out); i++) {
		if (node->type == JSON_OBJECT)
			json_key(w, node->children[i].key);
		node_write(w, node->children[i].node);
	}
	if (node->type == JSON_OBJECT)
		json_object_end(w);
	else
		json_array_end(w);
}

const struct json *node_finish(struct edit *e, const struct node *root)
{
	const struct json *result = NULL;
	struct buf out;
	buf_init(&out, PATCH_MAX_BYTES);
	struct json_writer w = json_writer(&out);
	node_write(&w, root);
	if (buf_ok(&out))
		result = json_parse(e->arena, buf_str(&out), 0, e->err);
	else
		error_set(e->err, ERR_LIMIT, "The result of the patch is too large");
	buf_done(&out);
	return result;
}
