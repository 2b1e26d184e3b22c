/* Reading: yyjson with raw numbers in an arena, plus the checks that yyjson leaves to us. */
#include "json/json.h"

#include <yyjson.h>

static yyjson_val *val(const struct json *j)
{
	return (yyjson_val *)(uintptr_t)j;
}

/* The position of the first bracket that goes deeper than max. Only called on text that yyjson found well-formed, so
 * strings are the only thing to skip. */
static size_t find_too_deep(struct str text, unsigned max)
{
	unsigned depth = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '"') {
			for (i++; i < text.n && text.p[i] != '"'; i++)
				if (text.p[i] == '\\')
					i++;
		} else if (c == '{' || c == '[') {
			if (++depth > max)
				return i;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return text.n;
}

static struct str key_of(yyjson_val *k)
{
	return str_make(k->uni.str, unsafe_yyjson_get_len(k));
}

/* No FHIR type has a hundred elements; the bound keeps the table below on the stack and every check linear. */
enum { MAX_OBJECT_KEYS = 512, KEY_SLOTS = 4 * MAX_OBJECT_KEYS };

/* Keys that fall on different bits of a word are different, so most objects need no comparison at all. */
static bool small_keys_unique(yyjson_val *object, yyjson_val **ret_key)
{
	struct str seen[16];
	uint64_t bits = 0;
	size_t i, max, count = 0;
	yyjson_val *k, *v;
	yyjson_obj_foreach(object, i, max, k, v)
	{
		struct str key = key_of(k);
		unsigned mix = (unsigned)key.n;
		if (key.n)
			mix += 7u * (unsigned char)key.p[0] + 31u * (unsigned char)key.p[key.n - 1];
		uint64_t bit = (uint64_t)1 << (mix & 63);
		for (size_t j = 0; (bits & bit) && j < count; j++) {
			if (str_eq(seen[j], key)) {
				*ret_key = k;
				return false;
			}
		}
		bits |= bit;
		seen[count++] = key;
	}
	return true;
}

static bool large_keys_unique(yyjson_val *object, yyjson_val **ret_key)
{
	yyjson_val *slots[KEY_SLOTS] = {0};
	size_t i, max;
	yyjson_val *k, *v;
	yyjson_obj_foreach(object, i, max, k, v)
	{
		struct str key = key_of(k);
		size_t at = str_hash(key) % KEY_SLOTS;
		for (; slots[at]; at = (at + 1) % KEY_SLOTS) {
			if (str_eq(key_of(slots[at]), key)) {
				*ret_key = k;
				return false;
			}
		}
		slots[at] = k;
	}
	return true;
}

static bool keys_unique(yyjson_val *object, yyjson_val **ret_key)
{
	return unsafe_yyjson_get_len(object) <= 16 ? small_keys_unique(object, ret_key)
						   : large_keys_unique(object, ret_key);
}

struct soundness {
	struct str text;
	const char *pool; /* yyjson's copy of the text, in which it decodes strings where they stand */
	bool deep; /* the depth was the reason to fail */
	struct error *err;
};

static bool object_is_sound(struct soundness *s, yyjson_val *object)
{
	yyjson_val *key = NULL;
	if (unsafe_yyjson_get_len(object) > MAX_OBJECT_KEYS)
		return error_set(s->err, ERR_LIMIT, "An object has more than %d members", MAX_OBJECT_KEYS);
	if (keys_unique(object, &key))
		return true;
	if (s->err && !s->err->code)
		json_position(s->text, (size_t)(key->uni.str - s->pool) - 1, &s->err->line, &s->err->column);
	return error_set(s->err, ERR_JSON, "The property \"%.*s\" appears twice in one object",
			 STR_ARG(str_slice(key_of(key), 0, 64)));
}

/* yyjson reads without recursion at any depth; our walks recurse, so the depth is bounded before anything else: this
 * one goes no deeper than what it allows. */
static bool tree_is_sound(struct soundness *s, yyjson_val *v, unsigned depth_left)
{
	bool object = unsafe_yyjson_get_type(v) == YYJSON_TYPE_OBJ;
	if (depth_left == 0) {
		s->deep = true;
		return false;
	}
	if (object && !object_is_sound(s, v))
		return false;
	yyjson_val *child = unsafe_yyjson_get_first(v);
	for (size_t left = unsafe_yyjson_get_len(v); left; left--) {
		if (object)
			child++; /* past the key */
		if (unsafe_yyjson_is_ctn(child) && !tree_is_sound(s, child, depth_left - 1))
			return false;
		child = unsafe_yyjson_get_next(child);
	}
	return true;
}

static void *pool_malloc(void *ctx, size_t n)
{
	return arena_alloc(ctx, n);
}

static void *pool_realloc(void *ctx, void *old, size_t old_n, size_t n)
{
	if (n <= old_n)
		return old;
	void *p = arena_alloc(ctx, n);
	if (p)
		memcpy(p, old, old_n);
	return p;
}

static void pool_free(void *ctx, void *p)
{
	(void)ctx;
	(void)p;
}

static bool set_read_error(struct error *err, struct str text, size_t skipped, const yyjson_read_err *e)
{
	if (!err || err->code)
		return false;
	if (e->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
		return error_memory(err);
	size_t line, column;
	json_position(text, e->pos + skipped, &line, &column);
	if (!str_is_utf8(text))
		error_set(err, ERR_UTF8, "The content is not valid UTF-8 at line %zu, column %zu", line, column);
	else if (e->code == YYJSON_READ_ERROR_EMPTY_CONTENT)
		error_set(err, ERR_JSON, "The content is empty where JSON was expected");
	else
		error_set(err, ERR_JSON, "Invalid JSON at line %zu, column %zu: %s", line, column, e->msg);
	err->line = line;
	err->column = column;
	return false;
}

const struct json *json_parse(struct arena *a, struct str text, unsigned max_depth, struct error *err)
{
	yyjson_alc pool = {pool_malloc, pool_realloc, pool_free, a};
	yyjson_read_err e;
	size_t mark =
		str_starts(text, S("\xef\xbb\xbf")) ? 3 : 0; /* a byte order mark may be passed over (RFC 8259, 8.1) */
	struct str json = str_slice(text, mark, text.n);
	if (json.n == 0) {
		error_set(err, ERR_JSON, "The content is empty where JSON was expected");
		return NULL;
	}
	yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json.p, json.n, YYJSON_READ_NUMBER_AS_RAW, &pool, &e);
	if (!doc) {
		set_read_error(err, text, mark, &e);
		return NULL;
	}
	yyjson_val *root = yyjson_doc_get_root(doc);
	unsigned depth = max_depth ? max_depth : JSON_MAX_DEPTH;
	struct soundness s = {json, doc->str_pool, false, err};
	if (!unsafe_yyjson_is_ctn(root) || tree_is_sound(&s, root, depth))
		return (const struct json *)root;
	if (s.deep) {
		error_set(err, ERR_LIMIT, "The content is nested deeper than %u levels", depth);
		if (err)
			json_position(text, find_too_deep(text, depth), &err->line, &err->column);
	}
	return NULL;
}

enum json_type json_type(const struct json *j)
{
	if (!j)
		return JSON_NONE;
	switch (unsafe_yyjson_get_type(val(j))) {
	case YYJSON_TYPE_NULL:
		return JSON_NULL;
	case YYJSON_TYPE_BOOL:
		return JSON_BOOL;
	case YYJSON_TYPE_RAW:
	case YYJSON_TYPE_NUM:
		return JSON_NUMBER;
	case YYJSON_TYPE_STR:
		return JSON_STRING;
	case YYJSON_TYPE_ARR:
		return JSON_ARRAY;
	case YYJSON_TYPE_OBJ:
		return JSON_OBJECT;
	default:
		return JSON_NONE;
	}
}

const char *json_type_name(enum json_type type)
{
	static const char *const names[] = {"nothing", "null", "boolean", "number", "string", "array", "object"};
	return names[type];
}

static struct str text_of(yyjson_val *v)
{
	return str_make(v->uni.str, unsafe_yyjson_get_len(v));
}

struct str json_str(const struct json *j)
{
	return json_is(j, JSON_STRING) ? text_of(val(j)) : STR_NULL;
}

struct str json_number(const struct json *j)
{
	return json_is(j, JSON_NUMBER) ? text_of(val(j)) : STR_NULL;
}

bool json_bool(const struct json *j)
{
	return json_is(j, JSON_BOOL) && unsafe_yyjson_get_bool(val(j));
}

size_t json_size(const struct json *j)
{
	enum json_type type = json_type(j);
	return type == JSON_ARRAY || type == JSON_OBJECT ? unsafe_yyjson_get_len(val(j)) : 0;
}

/* Names are short, so most comparisons end without a call. */
static inline bool same_key(const char *a, const char *b, size_t n)
{
	uint32_t x, y;
	if (n < sizeof(x)) {
		for (size_t i = 0; i < n; i++)
			if (a[i] != b[i])
				return false;
		return true;
	}
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	if (x != y)
		return false;
	if (n > 2 * sizeof(x))
		return memcmp(a + sizeof(x), b + sizeof(x), n - sizeof(x)) == 0;
	memcpy(&x, a + n - sizeof(x), sizeof(x));
	memcpy(&y, b + n - sizeof(y), sizeof(y));
	return x == y;
}

const struct json *json_get(const struct json *j, struct str key)
{
	if (!key.p || !json_is(j, JSON_OBJECT))
		return NULL;
	yyjson_val *k = unsafe_yyjson_get_first(val(j));
	for (size_t left = unsafe_yyjson_get_len(val(j)); left; left--) {
		if (unsafe_yyjson_get_len(k) == key.n && same_key(k->uni.str, key.p, key.n))
			return (const struct json *)(k + 1);
		k = unsafe_yyjson_get_next(k + 1);
	}
	return NULL;
}

const struct json *json_at(const struct json *j, size_t index)
{
	return json_is(j, JSON_ARRAY) ? (const struct json *)yyjson_arr_get(val(j), index) : NULL;
}

const struct json *json_get_pair(const struct json *j, struct str key, const struct json **ret_sibling)
{
	const struct json *found = NULL;
	*ret_sibling = NULL;
	if (!key.p || !json_is(j, JSON_OBJECT))
		return NULL;
	yyjson_val *k = unsafe_yyjson_get_first(val(j));
	for (size_t left = unsafe_yyjson_get_len(val(j)); left; left--) {
		size_t n = unsafe_yyjson_get_len(k);
		if (n == key.n && same_key(k->uni.str, key.p, n))
			found = (const struct json *)(k + 1);
		else if (n == key.n + 1 && k->uni.str[0] == '_' && same_key(k->uni.str + 1, key.p, key.n))
			*ret_sibling = (const struct json *)(k + 1);
		k = unsafe_yyjson_get_next(k + 1);
	}
	return found;
}

struct str json_get_str(const struct json *j, struct str key)
{
	return json_str(json_get(j, key));
}

struct json_iter json_iter(const struct json *j)
{
	struct json_iter it = {.left = json_size(j), .object = json_is(j, JSON_OBJECT)};
	if (it.left)
		it.cursor = unsafe_yyjson_get_first(val(j));
	return it;
}

bool json_next(struct json_iter *it)
{
	if (!it->left)
		return false;
	it->left--;
	yyjson_val *v = (yyjson_val *)(uintptr_t)it->cursor;
	if (it->object) {
		it->key = text_of(v);
		v++;
	}
	it->value = (const struct json *)v;
	it->cursor = unsafe_yyjson_get_next(v);
	return true;
}

bool json_next_prefixed(struct json_iter *it, struct str prefix)
{
	while (json_next(it)) {
		struct str key = it->key;
		if (key.n && key.p[0] == '_')
			key = str_make(key.p + 1, key.n - 1);
		if (key.n > prefix.n && memcmp(key.p, prefix.p, prefix.n) == 0)
			return true;
	}
	return false;
}
