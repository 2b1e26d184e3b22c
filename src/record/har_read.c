/*
 * Recordings from disk: ours, and those of browsers' developer tools (HTTP/2 pseudo headers, bodies in base64, requests
 * without an answer). A file whose writer was killed ends in the middle of an entry, which is then cut off.
 */
#include <stdlib.h>

#include "base/encode.h"
#include "record/record_priv.h"

enum { ENTRIES_MAX = 1000000, TEXT_MAX_DEPTH = 64 };

/* ---- the text --------------------------------------------------------------------------------------------------- */

/* Our entries are a line each: without the last one, the end put in its place. STR_NULL: nothing to cut at. */
static struct str without_last(struct arena *a, struct str text)
{
	size_t line = str_rfind_char(text, '\n');
	if (line == STR_NONE || !str_starts(text, S("{\"log\":{")))
		return STR_NULL;
	struct str kept = str_slice(text, 0, line);
	if (str_ends(kept, S(",")))
		kept = str_slice(kept, 0, kept.n - 1);
	return arena_printf(a, "%.*s%s", STR_ARG(kept), "\n]}}\n");
}

static const struct json *parse(struct arena *a, struct str text, struct recording *ret, struct error *err)
{
	struct error first = {0}, again = {0};
	const struct json *j = json_parse(a, text, TEXT_MAX_DEPTH, &first);
	struct str kept = text;
	/* A torn end is an entry's line or what follows it: two lines at most. */
	for (int i = 0; !j && i < 3 && kept.n; i++) {
		size_t line = str_rfind_char(kept, '\n');
		struct str mended = without_last(a, kept);
		j = mended.p ? json_parse(a, mended, TEXT_MAX_DEPTH, &again) : NULL;
		ret->whole = mended;
		ret->repaired = true;
		error_clear(&again);
		kept = str_slice(kept, 0, line == STR_NONE ? 0 : line);
	}
	if (!j && err)
		*err = first;
	return j;
}

/* ---- entries ---------------------------------------------------------------------------------------------------- */

static bool decode(struct arena *a, const struct json *holder, struct str *ret_bytes)
{
	struct str text = json_get_str(holder, S("text"));
	*ret_bytes = text.p ? text : S("");
	if (!text.p || !str_is(json_get_str(holder, S("encoding")), "base64"))
		return true;
	struct buf plain;
	buf_init(&plain, text.n + 16);
	bool ok = decode_base64(&plain, text) && buf_ok(&plain);
	*ret_bytes = ok ? arena_str(a, buf_str(&plain)) : STR_NULL;
	buf_done(&plain);
	return ret_bytes->p != NULL;
}

static bool read_headers(struct arena *a, const struct json *list, struct recorded *r)
{
	struct http_header *headers = ARENA_ARRAY(a, struct http_header, json_size(list) + 1);
	struct json_iter it = json_iter(list);
	while (headers && json_next(&it)) {
		struct str name = json_get_str(it.value, S("name")), value = json_get_str(it.value, S("value"));
		if (name.n && value.p && name.p[0] != ':')
			headers[r->header_count++] = (struct http_header){name, value};
	}
	r->headers = headers;
	return headers != NULL;
}

/* A parameter list is the body of a form when there is no text: some browsers write that. */
static struct str form_of(struct arena *a, const struct json *post)
{
	struct buf out;
	struct json_iter it = json_iter(json_get(post, S("params")));
	buf_init(&out, 1 << 20);
	while (json_next(&it)) {
		buf_add(&out, out.n ? S("&") : S(""));
		buf_add(&out, json_get_str(it.value, S("name")));
		buf_char(&out, '=');
		buf_add(&out, json_get_str(it.value, S("value")));
	}
	struct str text = arena_str(a, buf_str(&out));
	buf_done(&out);
	return text;
}

static bool read_entry(struct arena *a, const struct json *j, struct recorded *r, bool *ret_skip, struct error *err)
{
	const struct json *request = json_get(j, S("request")), *response = json_get(j, S("response"));
	const struct json *content = json_get(response, S("content")), *post = json_get(request, S("postData"));
	uint64_t status = 0, size = 0;
	struct place place;
	struct str number = json_number(json_get(response, S("status")));
	*r = (struct recorded){.method = json_get_str(request, S("method")), .url = json_get_str(request, S("url"))};
	bool answered = str_to_u64(number, &status) && status >= 100 && status <= 999;
	*ret_skip = !r->method.n || !place_of(r->url, &place) || !answered;
	if (*ret_skip)
		return true;
	r->status = (int)status;
	r->answer_type = json_get_str(content, S("mimeType"));
	if (json_is(post, JSON_OBJECT)) {
		r->body_type = json_get_str(post, S("mimeType"));
		if (!decode(a, post, &r->body))
			return error_set(err, ERR_STRUCTURE, "An entry has a body that is no base64");
		if (!r->body.n && json_size(json_get(post, S("params"))))
			r->body = form_of(a, post);
	}
	if (!decode(a, content, &r->answer))
		return error_set(err, ERR_STRUCTURE, "An entry has an answer that is no base64");
	bool had = str_to_u64(json_number(json_get(content, S("size"))), &size) && size > 0;
	had = had || json_get_str(content, S("comment")).p;
	r->answer_missing = had && !json_get_str(content, S("text")).p;
	return read_headers(a, json_get(response, S("headers")), r) || error_memory(err);
}

static bool read_entries(struct arena *a, const struct json *list, struct recording *ret, struct error *err)
{
	size_t count = json_size(list);
	if (count > ENTRIES_MAX)
		return error_set(err, ERR_LIMIT, "The recording has more than %d entries", ENTRIES_MAX);
	ret->entries = ARENA_ARRAY(a, struct recorded, count + 1);
	struct json_iter it = json_iter(list);
	while (ret->entries && json_next(&it)) {
		bool skip;
		if (!read_entry(a, it.value, &ret->entries[ret->count], &skip, err))
			return false;
		ret->skipped += skip;
		ret->count += !skip;
	}
	return ret->entries ? true : error_memory(err);
}

bool record_read(struct arena *a, struct str text, struct recording *ret_recording, struct error *err)
{
	struct recording r = {.whole = text};
	const struct json *j = parse(a, text, &r, err);
	if (!j)
		return error_context(err, "The recording");
	const struct json *entries = json_get(json_get(j, S("log")), S("entries"));
	if (!json_is(entries, JSON_ARRAY))
		return error_set(err, ERR_STRUCTURE, "This is no HAR file: it has no log.entries");
	if (!read_entries(a, entries, &r, err))
		return false;
	*ret_recording = r;
	return true;
}
