/*
 * The stored form of a resource: compact, resourceType, id and meta in front, so that reading is two copies with
 * versionId and lastUpdated in between.
 */
#include "fhir/resource.h"

#include "base/clock.h"

/* Strings that are data even when they read like a link: Identifier.value and its kind. */
static bool is_text(struct str key)
{
	static const char *const names[] = {"value",	     "valueString", "valueCode", "valueId",
					    "valueMarkdown", "display",	    "text",	 "title"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_is(key, names[i]))
			return true;
	return false;
}

/* ---- links in narrative -------------------------------------------------------------------------------------------
 */

/* The attribute of a link or an image whose value opens with the quote at `at`. Text that only looks like one stands
 * outside of tags. */
static bool is_link(struct str tag, size_t at)
{
	bool a = str_starts(tag, S("<a")) && (unsigned char)tag.p[2] <= ' ';
	bool img = str_starts(tag, S("<img")) && (unsigned char)tag.p[4] <= ' ';
	struct str before = str_slice(tag, 0, at);
	return (a && str_ends(before, S("href="))) || (img && str_ends(before, S("src=")));
}

/* A tag from its < to its >, which may stand in a value; STR_NULL where it does not end. */
static struct str tag_at(struct str div, size_t start)
{
	char quote = 0;
	for (size_t i = start; i < div.n; i++) {
		char c = div.p[i];
		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '>')
			return str_slice(div, start, i + 1);
	}
	return STR_NULL;
}

static void put_tag(struct buf *out, struct str tag, const struct resource_rewrite *rewrite)
{
	size_t done = 0;
	for (size_t i = 0; i < tag.n; i++) {
		if (tag.p[i] != '"' && tag.p[i] != '\'')
			continue;
		size_t end = str_find_char(tag, tag.p[i], i + 1);
		if (end == STR_NONE)
			break;
		struct str link = str_slice(tag, i + 1, end), changed = STR_NULL;
		/* Relative ones are never those of an entry, and conditions have no meaning here. */
		if (is_link(tag, i) && (str_starts(link, S("urn:")) || str_starts(link, S("http"))))
			changed = rewrite->reference(rewrite->ctx, link);
		if (changed.p) {
			buf_add(out, str_slice(tag, done, i + 1));
			buf_add(out, changed);
			done = end;
		}
		i = end;
	}
	buf_add(out, str_slice(tag, done, tag.n));
}

static void put_narrative(struct json_writer *w, struct str div, const struct resource_rewrite *rewrite)
{
	struct buf out;
	buf_init(&out, 2 * div.n + 1024);
	size_t done = 0, start;
	while ((start = str_find_char(div, '<', done)) != STR_NONE) {
		struct str tag = tag_at(div, start);
		if (!tag.p)
			break;
		buf_add(&out, str_slice(div, done, start));
		put_tag(&out, tag, rewrite);
		done = start + tag.n;
	}
	buf_add(&out, str_slice(div, done, div.n));
	json_put_str(w, buf_ok(&out) ? buf_str(&out) : div);
	buf_done(&out);
}

/* ---- the stored form ----------------------------------------------------------------------------------------------
 */

/* Where links stand: Reference.reference, and the uri-like primitives that transactions must rewrite. They are told by
 * their value, since only links to entries of the bundle are ever replaced. */
static void put_value(struct json_writer *w, const struct json *j, struct str key,
		      const struct resource_rewrite *rewrite)
{
	struct json_iter it = json_iter(j);
	switch (json_type(j)) {
	case JSON_OBJECT:
		json_object_begin(w);
		while (json_next(&it)) {
			json_key(w, it.key);
			put_value(w, it.value, it.key, rewrite);
		}
		json_object_end(w);
		break;
	case JSON_ARRAY:
		json_array_begin(w);
		while (json_next(&it))
			put_value(w, it.value, key, rewrite);
		json_array_end(w);
		break;
	case JSON_STRING: {
		struct str text = json_str(j), changed = STR_NULL;
		/* http://hl7.org/fhir/R4/http.html#trules: links and images of the narrative, too. */
		if (str_is(key, "div") &&
		    (str_find(text, S("<a")) != STR_NONE || str_find(text, S("<img")) != STR_NONE)) {
			put_narrative(w, text, rewrite);
			break;
		}
		if (str_is(key, "reference") || (str_starts(text, S("urn:")) && !is_text(key)))
			changed = rewrite->reference(rewrite->ctx, text);
		json_put_str(w, changed.p ? changed : text);
		break;
	}
	default:
		json_put_value(w, j);
	}
}

static void put(struct json_writer *w, struct str key, const struct json *j, const struct resource_rewrite *rewrite)
{
	json_key(w, key);
	if (rewrite)
		put_value(w, j, key, rewrite);
	else
		json_put_value(w, j);
}

void resource_write_stored(struct buf *out, const struct json *resource, struct str id,
			   const struct resource_rewrite *rewrite, size_t *ret_meta_at)
{
	size_t start = out->n;
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), json_get_str(resource, S("resourceType")));
	json_put_member(&w, S("id"), id);
	json_key(&w, S("meta"));
	json_object_begin(&w);
	*ret_meta_at = out->n - start;
	for (struct json_iter it = json_iter(json_get(resource, S("meta"))); json_next(&it);)
		if (!str_is(it.key, "versionId") && !str_is(it.key, "lastUpdated"))
			put(&w, it.key, it.value, rewrite);
	json_object_end(&w);
	for (struct json_iter it = json_iter(resource); json_next(&it);)
		if (!str_is(it.key, "resourceType") && !str_is(it.key, "id") && !str_is(it.key, "meta"))
			put(&w, it.key, it.value, rewrite);
	json_object_end(&w);
}

void resource_write_served(struct buf *out, struct str stored, size_t meta_at, int64_t version, int64_t updated_ms)
{
	char instant[CLOCK_INSTANT_SIZE];
	bool alone = meta_at >= stored.n || stored.p[meta_at] == '}';
	clock_format_instant(updated_ms, instant);
	buf_add(out, str_slice(stored, 0, meta_at));
	buf_add(out, S("\"versionId\":\""));
	buf_u64(out, (uint64_t)version);
	buf_add(out, S("\",\"lastUpdated\":\""));
	buf_add(out, str_make(instant, sizeof(instant)));
	buf_add(out, alone ? S("\"") : S("\","));
	buf_add(out, str_slice(stored, meta_at, stored.n));
}
