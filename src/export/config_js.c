/*
 * Modules of JavaScript that hold one object of constants, as configuration files of Node programs are: made into JSON.
 * Comments, names without quotes, other quotes, and commas at the end are understood; whatever would have to be run
 * (calls, variables, sums) is an error that names its line.
 */
#include "export/config_priv.h"

struct scan {
	struct str text;
	size_t at;
	struct buf *out;
	struct error *err;
};

static bool fail(struct scan *s, const char *what)
{
	size_t line, column;
	json_position(s->text, s->at < s->text.n ? s->at : s->text.n, &line, &column);
	return error_set(s->err, ERR_CONFIG, "line %zu: %s", line, what);
}

static char peek(const struct scan *s)
{
	return s->at < s->text.n ? s->text.p[s->at] : '\0';
}

/* Space and comments. */
static void skip(struct scan *s)
{
	for (;;) {
		struct str rest = str_slice(s->text, s->at, s->text.n);
		if (rest.n && strchr(" \t\r\n", rest.p[0])) {
			s->at++;
		} else if (str_starts(rest, S("//"))) {
			size_t end = str_find_char(rest, '\n', 0);
			s->at = end == STR_NONE ? s->text.n : s->at + end;
		} else if (str_starts(rest, S("/*"))) {
			size_t end = str_find(rest, S("*/"));
			s->at = end == STR_NONE ? s->text.n : s->at + end + 2;
		} else {
			return;
		}
	}
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

static struct str take_word(struct scan *s)
{
	size_t start = s->at;
	while (is_word(peek(s)))
		s->at++;
	return str_slice(s->text, start, s->at);
}

static bool put_string(struct scan *s)
{
	char quote = s->text.p[s->at++];
	buf_char(s->out, '"');
	for (; peek(s) != quote; s->at++) {
		char c = peek(s);
		if (!c || (c == '\n' && quote != '`') || (c == '$' && quote == '`'))
			return fail(s, c == '$' ? "a text that has to be put together" : "a text does not end");
		if (c == '\\') {
			char next = s->at + 1 < s->text.n ? s->text.p[s->at + 1] : '\0';
			s->at++;
			if (!next || !strchr("\"\\/bfnrtu'`\n", next))
				return fail(s, "a text has an escape that is not understood");
			if (next == '\n')
				continue;
			if (!strchr("'`", next))
				buf_char(s->out, '\\');
			buf_char(s->out, next);
		} else if (c == '"') {
			buf_add(s->out, S("\\\""));
		} else if (c == '\n') {
			buf_add(s->out, S("\\n"));
		} else {
			buf_char(s->out, c);
		}
	}
	s->at++;
	buf_char(s->out, '"');
	return true;
}

static bool put_value(struct scan *s, unsigned depth);

static bool put_key(struct scan *s)
{
	if (peek(s) == '"' || peek(s) == '\'')
		return put_string(s);
	struct str word = take_word(s);
	if (!word.n)
		return fail(s, "the name of a member is missing");
	buf_char(s->out, '"');
	buf_add(s->out, word);
	buf_char(s->out, '"');
	return true;
}

/* Behind what was opened. */
static bool put_members(struct scan *s, bool object, unsigned depth)
{
	char end = object ? '}' : ']';
	bool first = true;
	for (skip(s); peek(s) != end; skip(s)) {
		if (!first)
			buf_char(s->out, ',');
		first = false;
		if (object && !put_key(s))
			return false;
		skip(s);
		if (object && peek(s) != ':')
			return fail(s, "a member without a value, or one that has to be run");
		if (object) {
			s->at++;
			buf_char(s->out, ':');
		}
		if (!put_value(s, depth + 1))
			return false;
		skip(s);
		if (peek(s) == ',')
			s->at++;
		else if (peek(s) != end)
			return fail(s, "a value that has to be run, or a comma that is missing");
	}
	s->at++;
	buf_char(s->out, end);
	return true;
}

static bool put_plain(struct scan *s)
{
	size_t start = s->at;
	while (is_word(peek(s)) || (peek(s) && strchr("+-.", peek(s))))
		s->at++;
	struct str word = str_slice(s->text, start, s->at);
	if (str_is(word, "undefined")) {
		buf_add(s->out, S("null"));
		return true;
	}
	bool number = word.n && (word.p[0] == '-' || (word.p[0] >= '0' && word.p[0] <= '9'));
	if (!number && !str_is(word, "true") && !str_is(word, "false") && !str_is(word, "null")) {
		s->at = start;
		return fail(s, "a value that has to be run: write it down as a constant");
	}
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] != '_') /* 300_000 */
			buf_char(s->out, word.p[i]);
	return true;
}

static bool put_value(struct scan *s, unsigned depth)
{
	skip(s);
	char c = peek(s);
	if (depth > JSON_MAX_DEPTH)
		return fail(s, "it is nested too deeply");
	if (c == '{' || c == '[') {
		s->at++;
		buf_char(s->out, c);
		return put_members(s, c == '{', depth);
	}
	return c == '"' || c == '\'' || c == '`' ? put_string(s) : put_plain(s);
}

bool config_js_to_json(struct str text, struct buf *out, struct error *err)
{
	static const char *const starts[] = {"module.exports", "export default", "exports.default"};
	struct scan s = {.text = text, .out = out, .err = err};
	skip(&s);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]) && peek(&s) != '{'; i++) {
		size_t at = str_find(text, str_from(starts[i]));
		if (at == STR_NONE)
			continue;
		s.at = at + strlen(starts[i]);
		skip(&s);
		if (peek(&s) == '=')
			s.at++;
		skip(&s);
	}
	if (peek(&s) != '{')
		return fail(&s, "there is no object that the file exports");
	return put_value(&s, 0) && (buf_ok(out) || error_memory(err));
}
