/*
 * What was sent against what the EHR shows. Lists are matched item by item with the one that differs least, so a coding
 * that was added in front is an addition and not a change of all that follow.
 */
#include "base/decimal.h"
#include "population/writing_priv.h"

enum { LIST_MAX = 512, TEXT_SHOWN = 200 };

static const struct {
	enum ehr_vendor vendor;
	const char *type, *path, *text;
} silent[] = {
#define SILENT(vendor, type, path, text) {EHR_##vendor, type, path, text},
#include "population/writing_silent.def"
#undef SILENT
};

struct comparing {
	const struct definitions *d;
	enum ehr_vendor vendor;
	struct arena *a;
	struct str type;
	struct writing_differences *list; /* NULL: only counted */
	size_t weight;
	bool failed;
};

static const char *known(const struct comparing *c, struct str path)
{
	struct str inner = str_slice(path, c->type.n + 1, path.n);
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		if (silent[i].vendor == c->vendor && (!silent[i].type[0] || str_is(c->type, silent[i].type)) &&
		    str_starts(inner, str_from(silent[i].path)))
			return silent[i].text;
	return NULL;
}

static struct str shown_text(struct comparing *c, const struct json *j)
{
	struct buf out;
	if (!j)
		return STR_NULL;
	if (json_is(j, JSON_STRING))
		return str_slice(json_str(j), 0, TEXT_SHOWN);
	buf_init(&out, 64 << 20);
	struct json_writer w = json_writer(&out);
	json_put_value(&w, j);
	struct str text = arena_str(c->a, str_slice(buf_str(&out), 0, TEXT_SHOWN));
	buf_done(&out);
	return text;
}

static size_t leaves(const struct json *j)
{
	size_t n = 0;
	struct json_iter it = json_iter(j);
	if (json_type(j) < JSON_ARRAY)
		return 1;
	while (json_next(&it))
		n += leaves(it.value);
	return n ? n : 1;
}

static void differ(struct comparing *c, enum writing_change change, struct str path, const struct json *sent,
		   const struct json *shown)
{
	c->weight += change == WRITING_ADDED ? 0 : leaves(sent);
	if (!c->list)
		return;
	struct writing_differences *l = c->list;
	struct writing_difference *items =
		arena_grow(c->a, l->items, l->count, &l->capacity, l->count + 1, sizeof(*items));
	if (!items) {
		c->failed = true;
		return;
	}
	l->items = items;
	items[l->count++] = (struct writing_difference){.change = change,
							.path = arena_str(c->a, path),
							.sent = shown_text(c, sent),
							.shown = shown_text(c, shown),
							.known = known(c, path)};
	l->surprising += change != WRITING_ADDED && !items[l->count - 1].known;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool same_number(const struct json *a, const struct json *b)
{
	struct decimal x, y;
	return decimal_parse(json_number(a), &x) && decimal_parse(json_number(b), &y) && decimal_cmp(&x, &y) == 0;
}

static bool same_text(const struct comparing *c, struct str a, struct str b)
{
	int64_t low_a, high_a, low_b, high_b;
	if (str_eq(a, b))
		return true;
	if (a.n > 15 && b.n > 15 && date_range(a, &low_a, &high_a) && date_range(b, &low_b, &high_b))
		return low_a == low_b; /* fractions may be left out */
	struct reference x = reference_parse(c->d, a), y = reference_parse(c->d, b);
	return x.type.n && x.id.n && str_eq(x.type, y.type) && str_eq(x.id, y.id);
}

static bool same_value(const struct comparing *c, const struct json *a, const struct json *b)
{
	if (json_type(a) != json_type(b))
		return false;
	return json_is(a, JSON_STRING)	 ? same_text(c, json_str(a), json_str(b))
	       : json_is(a, JSON_NUMBER) ? same_number(a, b)
	       : json_is(a, JSON_BOOL)	 ? json_bool(a) == json_bool(b)
					 : true;
}

/* ---- trees ------------------------------------------------------------------------------------------------------- */

static void compare(struct comparing *c, const struct json *sent, const struct json *shown, struct str path);

static size_t weigh(const struct comparing *c, const struct json *sent, const struct json *shown)
{
	struct comparing inner = *c;
	inner.list = NULL;
	inner.weight = 0;
	compare(&inner, sent, shown, STR_NULL);
	return inner.weight;
}

static struct str below(struct comparing *c, struct str path, struct str name)
{
	return c->list ? arena_printf(c->a, "%.*s.%.*s", STR_ARG(path), STR_ARG(name)) : path;
}

static void compare_lists(struct comparing *c, const struct json *sent, const struct json *shown, struct str path)
{
	bool taken[LIST_MAX] = {0};
	struct json_iter it = json_iter(sent);
	if (json_size(sent) > LIST_MAX || json_size(shown) > LIST_MAX) {
		differ(c, WRITING_CHANGED, path, sent, shown);
		return;
	}
	for (size_t i = 0; json_next(&it); i++) {
		size_t best = LIST_MAX, least = leaves(it.value);
		const struct json *nearest = NULL;
		struct json_iter other = json_iter(shown);
		for (size_t o = 0; json_next(&other); o++) {
			size_t weight = taken[o] ? least : weigh(c, it.value, other.value);
			if (weight < least) {
				least = weight;
				best = o;
				nearest = other.value;
			}
		}
		struct str here = c->list ? arena_printf(c->a, "%.*s[%zu]", STR_ARG(path), i) : path;
		if (!nearest) {
			differ(c, WRITING_DROPPED, here, it.value, NULL);
			continue;
		}
		taken[best] = true;
		compare(c, it.value, nearest, here);
	}
	it = json_iter(shown);
	for (size_t o = 0; json_next(&it); o++)
		if (!taken[o])
			differ(c, WRITING_ADDED, path, NULL, it.value);
}

static void compare_objects(struct comparing *c, const struct json *sent, const struct json *shown, struct str path)
{
	struct json_iter it = json_iter(sent);
	while (json_next(&it)) {
		const struct json *other = json_get(shown, it.key);
		if (other)
			compare(c, it.value, other, below(c, path, it.key));
		else
			differ(c, WRITING_DROPPED, below(c, path, it.key), it.value, NULL);
	}
	it = json_iter(shown);
	while (json_next(&it))
		if (!json_get(sent, it.key))
			differ(c, WRITING_ADDED, below(c, path, it.key), NULL, it.value);
}

static void compare(struct comparing *c, const struct json *sent, const struct json *shown, struct str path)
{
	if (json_is(sent, JSON_OBJECT) && json_is(shown, JSON_OBJECT))
		compare_objects(c, sent, shown, path);
	else if (json_is(sent, JSON_ARRAY) && json_is(shown, JSON_ARRAY))
		compare_lists(c, sent, shown, path);
	else if (!same_value(c, sent, shown))
		differ(c, WRITING_CHANGED, path, sent, shown);
}

static bool is_own(struct str key)
{
	return str_is(key, "id") || str_is(key, "meta") || str_is(key, "text");
}

bool writing_compare(const struct definitions *d, enum ehr_vendor vendor, struct arena *a, const struct json *sent,
		     const struct json *shown, struct writing_differences *ret_differences, struct error *err)
{
	*ret_differences = (struct writing_differences){0};
	struct comparing c = {.d = d,
			      .vendor = vendor,
			      .a = a,
			      .type = json_get_str(sent, S("resourceType")),
			      .list = ret_differences};
	struct json_iter it = json_iter(sent);
	while (json_next(&it)) {
		const struct json *other = json_get(shown, it.key);
		if (is_own(it.key))
			continue;
		if (other)
			compare(&c, it.value, other, below(&c, c.type, it.key));
		else
			differ(&c, WRITING_DROPPED, below(&c, c.type, it.key), it.value, NULL);
	}
	it = json_iter(shown);
	while (json_next(&it))
		if (!is_own(it.key) && !json_get(sent, it.key))
			differ(&c, WRITING_ADDED, below(&c, c.type, it.key), NULL, it.value);
	return !c.failed || error_memory(err);
}
