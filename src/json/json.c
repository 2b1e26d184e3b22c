/* Reading: yyjson with raw numbers in an arena, plus the checks that yyjson leaves to us. */
#include "json/json.h"

#include <yyjson.h>

/* The tree is yyjson's, read through our own words for it. */
_Static_assert(sizeof(struct json) == sizeof(yyjson_val) && offsetof(yyjson_val, uni) == offsetof(struct json, text),
	       "a value is two words");
_Static_assert(YYJSON_TYPE_RAW == JSON_NUMBER && YYJSON_TYPE_NULL == JSON_NULL && YYJSON_TYPE_BOOL == JSON_BOOL &&
		       YYJSON_TYPE_STR == JSON_STRING && YYJSON_TYPE_ARR == JSON_ARRAY &&
		       YYJSON_TYPE_OBJ == JSON_OBJECT,
	       "the types are yyjson's");
_Static_assert(YYJSON_TAG_BIT == JSON_LENGTH_SHIFT, "the length stands behind the type");

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

static struct str text_of(const struct json *j)
{
	return str_make(j->text, j->head >> JSON_LENGTH_SHIFT);
}

/* No FHIR type has a hundred elements; the bound keeps the table below on the stack and every check linear. */
enum { MAX_OBJECT_KEYS = 512, KEY_SLOTS = 4 * MAX_OBJECT_KEYS };

/* The names of an object while they are compared. Names that fall on different bits of a word are different, so most
 * objects need no comparison at all. */
struct names {
	uint64_t bits;
	bool sibling; /* one begins with "_" */
	const char *repeated; /* where the name stands that is there twice */
};

static uint64_t name_bit(struct names *names, struct str key)
{
	uint64_t bit = (uint64_t)1 << (json_name_mix(key) & 63);
	names->sibling = names->sibling || (key.n && key.p[0] == '_');
	return bit;
}

static struct names small_object_names(const struct json *object)
{
	struct str seen[16];
	struct names names = {0};
	size_t count = 0;
	for (struct json_iter it = json_iter(object); json_next(&it);) {
		uint64_t bit = name_bit(&names, it.key);
		for (size_t j = 0; (names.bits & bit) && j < count; j++)
			if (str_eq(seen[j], it.key))
				names.repeated = it.key.p;
		names.bits |= bit;
		seen[count++] = it.key;
	}
	return names;
}

static struct names large_object_names(const struct json *object)
{
	struct str slots[KEY_SLOTS] = {0};
	struct names names = {0};
	for (struct json_iter it = json_iter(object); json_next(&it);) {
		size_t at = str_hash(it.key) % KEY_SLOTS;
		for (; slots[at].p; at = (at + 1) % KEY_SLOTS)
			if (str_eq(slots[at], it.key))
				names.repeated = it.key.p;
		names.bits |= name_bit(&names, it.key);
		slots[at] = it.key;
	}
	return names;
}

struct soundness {
	struct str text;
	const char *pool; /* yyjson's copy of the text, in which it decodes strings where they stand */
	bool deep; /* the depth was the reason to fail */
	struct error *err;
};

/* Checks the names, and notes in the head what json_get() asks. */
static bool object_is_sound(struct soundness *s, struct json *object)
{
	uint64_t length = object->head >> JSON_LENGTH_SHIFT;
	if (length > MAX_OBJECT_KEYS)
		return error_set(s->err, ERR_LIMIT, "An object has more than %d members", MAX_OBJECT_KEYS);
	struct names names = length <= 16 ? small_object_names(object) : large_object_names(object);
	object->head |= (names.bits | names.bits >> 32) << JSON_NAMES_SHIFT;
	object->head |= (uint64_t)names.sibling << JSON_SIBLING_SHIFT;
	if (!names.repeated)
		return true;
	size_t at = (size_t)(names.repeated - s->pool), n = strlen(names.repeated);
	if (s->err && !s->err->code)
		json_position(s->text, at - 1, &s->err->line, &s->err->column);
	return error_set(s->err, ERR_JSON, "The property \"%.*s\" appears twice in one object", n > 64 ? 64 : (int)n,
			 names.repeated);
}

/* yyjson reads without recursion at any depth; our walks recurse, so the depth is bounded before anything else: this
 * one goes no deeper than what it allows. */
static bool tree_is_sound(struct soundness *s, struct json *container, unsigned depth_left)
{
	if (depth_left == 0) {
		s->deep = true;
		return false;
	}
	if (json_is(container, JSON_OBJECT) && !object_is_sound(s, container))
		return false;
	for (struct json_iter it = json_iter(container); json_next(&it);)
		if (json_type(it.value) >= JSON_ARRAY &&
		    !tree_is_sound(s, (struct json *)(uintptr_t)it.value, depth_left - 1))
			return false;
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
	struct json *root = (struct json *)yyjson_doc_get_root(doc);
	unsigned depth = max_depth ? max_depth : JSON_MAX_DEPTH;
	struct soundness s = {json, doc->str_pool, false, err};
	if (json_type(root) < JSON_ARRAY || tree_is_sound(&s, root, depth))
		return root;
	if (s.deep) {
		error_set(err, ERR_LIMIT, "The content is nested deeper than %u levels", depth);
		if (err)
			json_position(text, find_too_deep(text, depth), &err->line, &err->column);
	}
	return NULL;
}

const char *json_type_name(enum json_type type)
{
	static const char *const names[] = {
		[JSON_NONE] = "nothing",  [JSON_NULL] = "null",	  [JSON_BOOL] = "boolean",  [JSON_NUMBER] = "number",
		[JSON_STRING] = "string", [JSON_ARRAY] = "array", [JSON_OBJECT] = "object",
	};
	return names[type];
}

struct str json_str(const struct json *j)
{
	return json_is(j, JSON_STRING) ? text_of(j) : STR_NULL;
}

struct str json_number(const struct json *j)
{
	return json_is(j, JSON_NUMBER) ? text_of(j) : STR_NULL;
}

bool json_bool(const struct json *j)
{
	return json_is(j, JSON_BOOL) && (j->head & YYJSON_TAG_MASK) == (YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE);
}

static inline bool same_4(const char *a, const char *b)
{
	uint32_t x, y;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x == y;
}

static inline bool same_8(const char *a, const char *b)
{
	uint64_t x, y;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x == y;
}

/* Names are short: words that overlap at the end are faster than a call. */
static inline bool same_key(const char *a, const char *b, size_t n)
{
	if (n < 4) {
		for (size_t i = 0; i < n; i++)
			if (a[i] != b[i])
				return false;
		return true;
	}
	if (n < 8)
		return same_4(a, b) && same_4(a + n - 4, b + n - 4);
	for (size_t i = 0; i + 8 < n; i += 8)
		if (!same_8(a + i, b + i))
			return false;
	return same_8(a + n - 8, b + n - 8);
}

/* The last letter tells most names of one length apart. */
const struct json *json_find(const struct json *object, struct str key)
{
	const struct json *k = object + 1;
	size_t last = key.n ? key.n - 1 : 0;
	for (size_t left = (uint16_t)(object->head >> JSON_LENGTH_SHIFT); left; left--) {
		const struct json *value = k + 1;
		if (k->head >> JSON_LENGTH_SHIFT == key.n && k->text[last] == key.p[last] &&
		    same_key(k->text, key.p, key.n))
			return value;
		k = (const struct json *)((const char *)value +
					  ((value->head & 7) >= JSON_ARRAY ? value->span : sizeof(*value)));
	}
	return NULL;
}

const struct json *json_at(const struct json *j, size_t index)
{
	size_t size = json_size(j);
	if (!json_is(j, JSON_ARRAY) || index >= size)
		return NULL;
	if (j->span == (size + 1) * sizeof(*j)) /* no item is an array or object */
		return j + 1 + index;
	for (struct json_iter it = json_iter(j); json_next(&it);)
		if (index-- == 0)
			return it.value;
	return NULL;
}

const struct json *json_find_pair(const struct json *object, struct str key, const struct json **ret_sibling)
{
	const struct json *found = NULL;
	for (struct json_iter it = json_iter(object); json_next(&it);) {
		struct str name = it.key;
		if (name.n == key.n && same_key(name.p, key.p, key.n))
			found = it.value;
		else if (name.n == key.n + 1 && name.p[0] == '_' && same_key(name.p + 1, key.p, key.n))
			*ret_sibling = it.value;
	}
	return found;
}

struct str json_get_str(const struct json *j, struct str key)
{
	return json_str(json_get(j, key));
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
