/*
 * JSON documents (RFC 8259) as immutable trees over yyjson. Numbers keep their text, so decimals are exact. A document
 * lives in the arena it was parsed into. Only this room includes yyjson.h.
 *
 * json_ functions that look at a value accept NULL and answer as for a value of another type, so chains of json_get()
 * need no checks in between.
 */
#ifndef FIRTH_JSON_JSON_H
#define FIRTH_JSON_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* One value; belongs to its document. What it is made of is this room's business: it stands here so that the functions
 * that everything calls all the time cost no calls. head has the type in its low three bits; for the rest see below. */
struct json {
	uint64_t head;
	union {
		const char *text;
		uint64_t span; /* of an array or object: bytes to what follows it */
	};
};

enum json_type {
	JSON_NONE,
	JSON_NUMBER,
	JSON_NULL,
	JSON_BOOL,
	JSON_STRING = 5,
	JSON_ARRAY,
	JSON_OBJECT,
};

#define JSON_MAX_DEPTH 64 /* default; deep enough for any FHIR resource, shallow enough for recursion */

/* Parses one document and nothing else. Errors: ERR_JSON with line and column, ERR_UTF8, ERR_LIMIT (depth), ERR_MEMORY.
 * Duplicate keys in an object are ERR_JSON too: FHIR forbids them and two readers could see two different resources.
 * max_depth 0 means JSON_MAX_DEPTH. A byte order mark in front is passed over. */
const struct json *json_parse(struct arena *a, struct str text, unsigned max_depth, struct error *err) MUST_USE;

static inline enum json_type json_type(const struct json *j)
{
	return j ? (enum json_type)(j->head & 7) : JSON_NONE;
}
/* "string", "object" and so on, for messages. */
const char *json_type_name(enum json_type type);

/* Text of a string; of a number exactly as written; STR_NULL for anything else. */
struct str json_str(const struct json *j);
struct str json_number(const struct json *j);
bool json_bool(const struct json *j); /* false unless it is true */
static inline bool json_is(const struct json *j, enum json_type type)
{
	return json_type(j) == type;
}

/* The head of an object, from the low end: type, length (16 bits from bit 8), whether a name begins with "_" (bit 24),
 * and 32 bits of which each name sets one, so that most names that are absent are known to be so at once. */
enum { JSON_LENGTH_SHIFT = 8, JSON_SIBLING_SHIFT = 24, JSON_NAMES_SHIFT = 32 };
static inline unsigned json_name_mix(struct str name)
{
	const unsigned char *p = (const unsigned char *)name.p;
	return (unsigned)name.n + (name.n ? 7u * p[0] + 31u * p[name.n - 1] : 0);
}
/* The bit of a name; worth keeping for names that are asked for again and again. */
static inline uint64_t json_name_mark(struct str name)
{
	return (uint64_t)1 << (JSON_NAMES_SHIFT | (json_name_mix(name) & 31));
}
static inline bool json_may_have(const struct json *object, struct str name)
{
	return object->head & json_name_mark(name);
}
/* Private: the searches themselves. */
const struct json *json_find(const struct json *object, struct str key);
const struct json *json_find_pair(const struct json *object, struct str key, const struct json **ret_sibling);

/* Members of an object or items of an array; 0 for anything else. */
static inline size_t json_size(const struct json *j)
{
	enum json_type type = json_type(j);
	return type == JSON_OBJECT  ? (uint16_t)(j->head >> JSON_LENGTH_SHIFT)
	       : type == JSON_ARRAY ? j->head >> JSON_LENGTH_SHIFT
				    : 0;
}
/* Member by name, NULL when absent or j is no object. */
static inline const struct json *json_get(const struct json *j, struct str key)
{
	return key.p && json_is(j, JSON_OBJECT) && json_may_have(j, key) ? json_find(j, key) : NULL;
}
/* Item by position; a walk should use the iterator. */
const struct json *json_at(const struct json *j, size_t index);
/* The member of a name and that of the same name with "_" in front, in one pass: how FHIR writes what belongs to a
 * primitive (json.html#primitive). */
static inline const struct json *json_get_pair(const struct json *j, struct str key, const struct json **ret_sibling)
{
	*ret_sibling = NULL;
	if (!key.p || !json_is(j, JSON_OBJECT))
		return NULL;
	if (j->head >> JSON_SIBLING_SHIFT & 1)
		return json_find_pair(j, key, ret_sibling);
	return json_may_have(j, key) ? json_find(j, key) : NULL;
}
/* The same two for a name whose mark was kept. */
static inline const struct json *json_get_marked(const struct json *j, struct str key, uint64_t mark)
{
	return json_is(j, JSON_OBJECT) && j->head & mark ? json_find(j, key) : NULL;
}
static inline const struct json *json_get_pair_marked(const struct json *j, struct str key, uint64_t mark,
						      const struct json **ret_sibling)
{
	*ret_sibling = NULL;
	if (json_is(j, JSON_OBJECT) && j->head >> JSON_SIBLING_SHIFT & 1)
		return json_find_pair(j, key, ret_sibling);
	return json_get_marked(j, key, mark);
}
/* json_str(json_get(j, key)). */
struct str json_get_str(const struct json *j, struct str key);

/* Walks an array or object in document order:
 *     struct json_iter it = json_iter(j);
 *     while (json_next(&it)) use(it.key, it.value);
 * key is STR_NULL for array items. Walking anything else ends at once. */
struct json_iter {
	struct str key;
	const struct json *value;
	const struct json *cursor; /* private */
	size_t left;
	bool object;
};
static inline struct json_iter json_iter(const struct json *j)
{
	size_t left = json_size(j);
	return (struct json_iter){.cursor = left ? j + 1 : NULL, .left = left, .object = json_is(j, JSON_OBJECT)};
}
/* Private: the value that stands behind one and all that is in it. */
static inline const struct json *json_behind(const struct json *j)
{
	bool container = json_type(j) >= JSON_ARRAY;
	return (const struct json *)((const char *)j + (container ? j->span : sizeof(*j)));
}
static inline bool json_next(struct json_iter *it)
{
	if (!it->left)
		return false;
	const struct json *v = it->cursor;
	it->left--;
	if (it->object) {
		it->key = str_make(v->text, v->head >> JSON_LENGTH_SHIFT);
		v++;
	}
	it->value = v;
	it->cursor = json_behind(v);
	return true;
}
/* Goes on to the next member whose name, a "_" in front left aside, is longer than the prefix and starts with it. */
bool json_next_prefixed(struct json_iter *it, struct str prefix);

/* ---- positions --------------------------------------------------------------------------------------------------- */

/* One step down a document: a member of an object, an item of an array, or a member and then one of its items. */
#define JSON_NO_INDEX ((size_t)-1)
struct json_step {
	struct str name; /* STR_NULL: no member, only an index */
	size_t index; /* JSON_NO_INDEX: none */
};

/* Line and column (1-based, in bytes) where the value at the end of the steps starts in the text, by one scan. The text
 * is one that json_parse accepted; of any other the answer is some position in it. Returns how many steps could be
 * taken: when an element is missing, the position is that of the value it is missing from. FHIR's ways of naming are
 * understood: "value" finds valueQuantity, item 0 of a single value is the value, and id and extension of a primitive
 * are found in its "_name" sibling. Names written with escapes in the text are not found. */
size_t json_locate(struct str text, const struct json_step *steps, size_t count, size_t *ret_line, size_t *ret_column);
/* Steps of a FHIRPath location such as "Patient.name[0].given[1]" or "Observation.value.ofType(Quantity).unit"; a type
 * name in front names the whole. At most max; false when it has another form or does not fit. */
bool json_path_parse(struct arena *a, struct str path, struct json_step *steps, size_t max, size_t *ret_count) MUST_USE;
/* Line and column of an offset. */
void json_position(struct str text, size_t at, size_t *ret_line, size_t *ret_column);

/* ---- writing ------------------------------------------------------------------------------------------------- */

/* A writer puts compact JSON into a buf and places the commas. Objects and arrays must be closed by whoever opened
 * them; check buf_ok() at the end. */
struct json_writer {
	struct buf *out;
	bool comma; /* the next value or key needs one in front */
};
struct json_writer json_writer(struct buf *out);
void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, struct str key);
void json_put_str(struct json_writer *w, struct str text);
void json_put_raw(struct json_writer *w, struct str json_text); /* ready JSON, such as a number's text */
void json_put_i64(struct json_writer *w, int64_t value);
void json_put_bool(struct json_writer *w, bool value);
void json_put_value(struct json_writer *w, const struct json *j); /* a whole tree, numbers as written */
/* key and string in one call; nothing at all when text is STR_NULL. */
void json_put_member(struct json_writer *w, struct str key, struct str text);

/* Re-indents compact JSON by two spaces, for people. */
void json_pretty(struct buf *out, const struct json *j);

#endif
