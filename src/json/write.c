/* Writing compact JSON, and the indented form for people. */
#include "json/json.h"

#include <stdio.h>

struct json_writer json_writer(struct buf *out)
{
	return (struct json_writer){.out = out};
}

static void separate(struct json_writer *w)
{
	if (w->comma)
		buf_char(w->out, ',');
	w->comma = true;
}

static void open_with(struct json_writer *w, char bracket)
{
	separate(w);
	buf_char(w->out, bracket);
	w->comma = false;
}

static void close_with(struct json_writer *w, char bracket)
{
	buf_char(w->out, bracket);
	w->comma = true;
}

void json_object_begin(struct json_writer *w)
{
	open_with(w, '{');
}

void json_object_end(struct json_writer *w)
{
	close_with(w, '}');
}

void json_array_begin(struct json_writer *w)
{
	open_with(w, '[');
}

void json_array_end(struct json_writer *w)
{
	close_with(w, ']');
}

static void add_escape(struct buf *out, unsigned char c)
{
	switch (c) {
	case '"':
		buf_add(out, S("\\\""));
		break;
	case '\\':
		buf_add(out, S("\\\\"));
		break;
	case '\n':
		buf_add(out, S("\\n"));
		break;
	case '\r':
		buf_add(out, S("\\r"));
		break;
	case '\t':
		buf_add(out, S("\\t"));
		break;
	default:
		buf_printf(out, "\\u%04x", c);
	}
}

static void add_quoted(struct buf *out, struct str text)
{
	buf_char(out, '"');
	size_t plain = 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(out, str_slice(text, plain, i));
		add_escape(out, c);
		plain = i + 1;
	}
	buf_add(out, str_slice(text, plain, text.n));
	buf_char(out, '"');
}

void json_key(struct json_writer *w, struct str key)
{
	separate(w);
	add_quoted(w->out, key);
	buf_char(w->out, ':');
	w->comma = false;
}

void json_put_str(struct json_writer *w, struct str text)
{
	separate(w);
	add_quoted(w->out, text);
}

void json_put_raw(struct json_writer *w, struct str json_text)
{
	separate(w);
	buf_add(w->out, json_text);
}

void json_put_i64(struct json_writer *w, int64_t value)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%lld", (long long)value);
	json_put_raw(w, str_make(digits, (size_t)n));
}

void json_put_bool(struct json_writer *w, bool value)
{
	json_put_raw(w, value ? S("true") : S("false"));
}

void json_put_value(struct json_writer *w, const struct json *j)
{
	struct json_iter it;
	switch (json_type(j)) {
	case JSON_NONE:
	case JSON_NULL:
		json_put_raw(w, S("null"));
		break;
	case JSON_BOOL:
		json_put_bool(w, json_bool(j));
		break;
	case JSON_NUMBER:
		json_put_raw(w, json_number(j));
		break;
	case JSON_STRING:
		json_put_str(w, json_str(j));
		break;
	case JSON_ARRAY:
		json_array_begin(w);
		for (it = json_iter(j); json_next(&it);)
			json_put_value(w, it.value);
		json_array_end(w);
		break;
	case JSON_OBJECT:
		json_object_begin(w);
		for (it = json_iter(j); json_next(&it);) {
			json_key(w, it.key);
			json_put_value(w, it.value);
		}
		json_object_end(w);
		break;
	}
}

void json_put_member(struct json_writer *w, struct str key, struct str text)
{
	if (!text.p)
		return;
	json_key(w, key);
	json_put_str(w, text);
}

static void indent(struct buf *out, unsigned depth)
{
	buf_char(out, '\n');
	for (unsigned i = 0; i < depth; i++)
		buf_add(out, S("  "));
}

static void pretty(struct buf *out, const struct json *j, unsigned depth)
{
	struct json_iter it = json_iter(j);
	bool object = json_is(j, JSON_OBJECT), first = true;
	if (!it.left) {
		struct json_writer w = json_writer(out);
		json_put_value(&w, j);
		return;
	}
	buf_char(out, object ? '{' : '[');
	while (json_next(&it)) {
		if (!first)
			buf_char(out, ',');
		first = false;
		indent(out, depth + 1);
		if (object) {
			add_quoted(out, it.key);
			buf_add(out, S(": "));
		}
		pretty(out, it.value, depth + 1);
	}
	indent(out, depth);
	buf_char(out, object ? '}' : ']');
}

void json_pretty(struct buf *out, const struct json *j)
{
	pretty(out, j, 0);
}
