/* JSON Patch: RFC 6902 on the changeable tree, with the pointers of RFC 6901. */
#include "patch/patch_priv.h"

enum { MAX_TOKENS = JSON_MAX_DEPTH, MAX_SHOWN = 100 };

/* A pointer taken apart; tokens are unescaped. */
struct pointer {
	struct str tokens[MAX_TOKENS];
	size_t count;
};

struct operation {
	struct str op, path_text, from_text;
	const struct json *value;
	struct pointer path, from;
	struct str fault; /* the pointer that an error speaks of */
};

static bool malformed(struct edit *e, const char *text)
{
	return error_set(e->err, ERR_STRUCTURE, "%s", text);
}

static bool impossible(struct edit *e, const char *text)
{
	return error_set(e->err, ERR_PATCH, "%s", text);
}

/* ~1 is / and ~0 is ~. */
static bool unescape(struct edit *e, struct str token, struct str *ret_text)
{
	if (str_find_char(token, '~', 0) == STR_NONE) {
		*ret_text = token;
		return true;
	}
	char *text = arena_alloc(e->arena, token.n);
	size_t n = 0;
	if (!text)
		return error_memory(e->err);
	for (size_t i = 0; i < token.n; i++) {
		if (token.p[i] != '~') {
			text[n++] = token.p[i];
			continue;
		}
		if (++i == token.n || (token.p[i] != '0' && token.p[i] != '1'))
			return malformed(e, "a ~ in a JSON Pointer must be followed by 0 or 1");
		text[n++] = token.p[i] == '0' ? '~' : '/';
	}
	*ret_text = str_make(text, n);
	return true;
}

static bool parse_pointer(struct edit *e, struct str text, struct pointer *ret_pointer)
{
	struct str rest = text;
	ret_pointer->count = 0;
	if (!text.n)
		return true;
	if (text.p[0] != '/')
		return malformed(e, "a JSON Pointer must be empty or start with /");
	for (str_split(&rest, '/'); rest.p;) {
		if (ret_pointer->count == MAX_TOKENS)
			return error_set(e->err, ERR_LIMIT, "a JSON Pointer has more than %d parts", MAX_TOKENS);
		if (!unescape(e, str_split(&rest, '/'), &ret_pointer->tokens[ret_pointer->count++]))
			return false;
	}
	return true;
}

/* An index without leading zeros; with `end`, "-" is the position behind the last. */
static bool parse_index(struct str token, size_t count, bool end, size_t *ret_index)
{
	uint64_t index;
	if (end && str_is(token, "-")) {
		*ret_index = count;
		return true;
	}
	if (!str_to_u64(token, &index) || (token.n > 1 && token.p[0] == '0') || index >= count + end)
		return false;
	*ret_index = (size_t)index;
	return true;
}

/* The node that the first `count` tokens lead to, opened on the way. */
static struct node *walk(struct edit *e, struct node *root, const struct pointer *pointer, size_t count)
{
	struct node *node = root;
	for (size_t i = 0; i < count; i++) {
		size_t at = STR_NONE;
		if (!node_open(e, node) || !edit_work(e, 1))
			return NULL;
		if (node->type == JSON_OBJECT)
			at = node_find(node, pointer->tokens[i]);
		else if (node->type != JSON_ARRAY || !parse_index(pointer->tokens[i], node->count, false, &at))
			at = STR_NONE;
		if (at == STR_NONE) {
			impossible(e, "there is nothing at this place");
			return NULL;
		}
		node = node->children[at].node;
	}
	if (!node_open(e, node))
		return NULL;
	return node;
}

/* Where the last token leads: the parent and the position in it, which must exist unless something is to be added. For
 * an object without the member the position is its size. */
static bool find_place(struct edit *e, struct node *root, const struct pointer *pointer, bool add,
		       struct node **ret_parent, size_t *ret_at)
{
	struct node *parent = walk(e, root, pointer, pointer->count - 1);
	struct str last = pointer->tokens[pointer->count - 1];
	if (!parent)
		return false;
	size_t at = parent->count;
	if (parent->type == JSON_OBJECT) {
		size_t found = node_find(parent, last);
		if (found == STR_NONE && !add)
			return impossible(e, "there is nothing at this place");
		at = found == STR_NONE ? at : found;
	} else if (parent->type != JSON_ARRAY) {
		return impossible(e, "the place is in something that is no object or list");
	} else if (!parse_index(last, parent->count, add, &at)) {
		return impossible(e, add ? "the index is no position of the list" : "there is nothing at this place");
	}
	*ret_parent = parent;
	*ret_at = at;
	return true;
}

static bool put(struct edit *e, struct node **root, const struct pointer *pointer, struct node *value)
{
	struct node *parent = NULL;
	unsigned depth;
	size_t at = 0;
	if (!node_depth(e, value, &depth))
		return false;
	if (depth + pointer->count > JSON_MAX_DEPTH)
		return error_set(e->err, ERR_LIMIT, "the result would be nested deeper than %d levels", JSON_MAX_DEPTH);
	if (!pointer->count) {
		*root = value;
		return true;
	}
	if (!find_place(e, *root, pointer, true, &parent, &at))
		return false;
	if (parent->type == JSON_OBJECT && at < parent->count) {
		parent->children[at].node = value;
		return true;
	}
	return node_insert(e, parent, at, parent->type == JSON_OBJECT ? pointer->tokens[pointer->count - 1] : STR_NULL,
			   value);
}

static bool remove_at(struct edit *e, struct node **root, const struct pointer *pointer)
{
	struct node *parent = NULL;
	size_t at = 0;
	if (!pointer->count) {
		*root = patch_node_new(e, JSON_NULL);
		return *root != NULL;
	}
	if (!find_place(e, *root, pointer, false, &parent, &at))
		return false;
	node_remove(parent, at);
	return true;
}

/* ---- operations ------------------------------------------------------------------------------------------------- */

static bool do_add(struct edit *e, struct node **root, const struct operation *o)
{
	struct node *value = node_wrap(e, o->value);
	return value && put(e, root, &o->path, value);
}

static bool do_remove(struct edit *e, struct node **root, const struct operation *o)
{
	return remove_at(e, root, &o->path);
}

static bool do_replace(struct edit *e, struct node **root, const struct operation *o)
{
	struct node *parent, *value = node_wrap(e, o->value);
	unsigned depth;
	size_t at;
	if (!value || !node_depth(e, value, &depth))
		return false;
	if (depth + o->path.count > JSON_MAX_DEPTH)
		return error_set(e->err, ERR_LIMIT, "the result would be nested deeper than %d levels", JSON_MAX_DEPTH);
	if (!o->path.count) {
		*root = value;
		return true;
	}
	if (!find_place(e, *root, &o->path, false, &parent, &at))
		return false;
	parent->children[at].node = value;
	return true;
}

static bool is_inside(const struct pointer *outer, const struct pointer *inner)
{
	if (inner->count <= outer->count)
		return false;
	for (size_t i = 0; i < outer->count; i++)
		if (!str_eq(outer->tokens[i], inner->tokens[i]))
			return false;
	return true;
}

static bool do_move(struct edit *e, struct node **root, const struct operation *o)
{
	struct node *moved = walk(e, *root, &o->from, o->from.count);
	if (!moved)
		return false;
	if (is_inside(&o->from, &o->path))
		return impossible(e, "a value cannot be moved into itself");
	/* A move to where it is changes nothing; a member keeps its place then. */
	if (o->from.count == o->path.count && !is_inside(&o->from, &o->path)) {
		size_t i = 0;
		while (i < o->from.count && str_eq(o->from.tokens[i], o->path.tokens[i]))
			i++;
		if (i == o->from.count)
			return true;
	}
	return remove_at(e, root, &o->from) && put(e, root, &o->path, moved);
}

static bool do_copy(struct edit *e, struct node **root, const struct operation *o)
{
	struct node *source = walk(e, *root, &o->from, o->from.count);
	struct node *copy = source ? patch_node_copy(e, source) : NULL;
	return copy && put(e, root, &o->path, copy);
}

static bool do_test(struct edit *e, struct node **root, const struct operation *o)
{
	bool equal;
	struct node *node = walk(e, *root, &o->path, o->path.count);
	if (!node || !node_equal(e, node, o->value, &equal))
		return false;
	return equal || impossible(e, "the value is not the one that is expected");
}

static const struct {
	const char *name;
	bool value, from;
	bool (*run)(struct edit *e, struct node **root, const struct operation *o);
} operations[] = {
	{"add", true, false, do_add},	{"remove", false, false, do_remove}, {"replace", true, false, do_replace},
	{"move", false, true, do_move}, {"copy", false, true, do_copy},	     {"test", true, false, do_test},
};
enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

static bool read_operation(struct edit *e, const struct json *item, struct operation *o, size_t *ret_kind)
{
	if (!json_is(item, JSON_OBJECT))
		return malformed(e, "an operation must be an object");
	size_t kind = 0;
	o->op = json_get_str(item, S("op"));
	o->path_text = json_get_str(item, S("path"));
	o->from_text = json_get_str(item, S("from"));
	o->value = json_get(item, S("value"));
	if (!o->op.p)
		return malformed(e, "\"op\" is missing or no text");
	while (kind < OPERATIONS && !str_is(o->op, operations[kind].name))
		kind++;
	if (kind == OPERATIONS)
		return malformed(e, "\"op\" must be add, remove, replace, move, copy or test");
	if (!o->path_text.p)
		return malformed(e, "\"path\" is missing or no text");
	if (operations[kind].value && !o->value)
		return malformed(e, "\"value\" is missing");
	if (operations[kind].from && !o->from_text.p)
		return malformed(e, "\"from\" is missing or no text");
	if (!parse_pointer(e, o->path_text, &o->path) ||
	    (operations[kind].from && !parse_pointer(e, o->from_text, &o->from)))
		return false;
	*ret_kind = kind;
	return true;
}

static bool run_operation(struct edit *e, struct node **root, const struct json *item, size_t number)
{
	struct operation o = {.op = STR_NULL};
	size_t kind = 0;
	if (read_operation(e, item, &o, &kind) && operations[kind].run(e, root, &o))
		return true;
	struct str op = str_slice(o.op, 0, 16), path = str_slice(o.path_text, 0, MAX_SHOWN);
	struct str from = str_slice(o.from_text, 0, MAX_SHOWN);
	bool two = o.path_text.p && o.from_text.p;
	return error_context(e->err, "operation %zu (%.*s %.*s%s%.*s)", number, STR_ARG(op),
			     two ? (int)from.n : (int)path.n, two ? from.p : path.p, two ? " to " : "",
			     two ? (int)path.n : 0, path.p);
}

const struct json *patch_json(struct arena *a, const struct json *document, const struct json *patch, struct error *err)
{
	struct error own = {0};
	struct edit e = {a, err ? err : &own, 0};
	size_t number = 0;
	if (!json_is(patch, JSON_ARRAY)) {
		malformed(&e, "a JSON Patch must be a list of operations");
		return NULL;
	}
	if (json_size(patch) > PATCH_MAX_OPERATIONS) {
		error_set(e.err, ERR_LIMIT, "The patch has more than %d operations", PATCH_MAX_OPERATIONS);
		return NULL;
	}
	struct node *root = node_wrap(&e, document);
	for (struct json_iter it = json_iter(patch); root && json_next(&it);)
		if (!run_operation(&e, &root, it.value, ++number))
			return NULL;
	return root ? node_finish(&e, root) : NULL;
}
