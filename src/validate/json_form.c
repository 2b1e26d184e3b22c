/*
 * The reader of imperfect JSON: a recursive descent that writes down, beside its findings, the JSON that was meant, and
 * has that parsed. Only texts that the parser refused come here, so it may take its time.
 */
#include "validate/json_form.h"

#include <stdio.h>

enum { MAX_DEPTH = JSON_MAX_DEPTH, MAX_KEYS = 512, SHOWN = 40 };

struct key {
	struct str name;
	const struct key *next;
};

struct segment {
	struct str name; /* STR_NULL: an item of an array */
	size_t index;
};

struct reader {
	struct arena *arena;
	struct str text;
	size_t at;
	struct buf out;
	struct issues *findings;
	const struct json_form_options *options;
	struct str root;
	struct segment path[MAX_DEPTH + 1];
	size_t depth;
	bool comment_told, broken;
};

/* ---- findings -------------------------------------------------------------------------------------------------- */

/* "Patient.name[0].given[1]" of where the reader is. */
static struct str path_text(const struct reader *r)
{
	struct buf b;
	buf_init(&b, 1 << 16);
	buf_add(&b, r->root);
	for (size_t i = 0; i < r->depth; i++) {
		const struct segment *s = &r->path[i];
		if (s->name.p)
			buf_printf(&b, ".%.*s", STR_ARG(s->name));
		else
			buf_printf(&b, "[%zu]", s->index);
	}
	struct str text = buf_ok(&b) ? arena_str(r->arena, buf_str(&b)) : STR_NULL;
	buf_done(&b);
	return text;
}

static void report(struct reader *r, enum issue_severity severity, enum error_code code, size_t at, const char *text)
{
	const struct issue *before = r->findings->last;
	issues_add(r->findings, severity, code, path_text(r), "%s", text);
	struct issue *added = r->findings->last;
	if (added == before)
		return;
	added->rule = S("json");
	json_position(r->text, at, &added->line, &added->column);
}

static void fault(struct reader *r, size_t at, const char *text)
{
	report(r, ISSUE_ERROR, ERR_JSON, at, text);
}

/* Nothing sensible can be read from here on. Always false. */
static bool give_up(struct reader *r, size_t at, const char *text)
{
	if (!r->broken)
		report(r, ISSUE_FATAL, ERR_JSON, at, text);
	r->broken = true;
	return false;
}

/* ---- characters ------------------------------------------------------------------------------------------------ */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == '+' || c == '.' || c == '$';
}

static char peek(const struct reader *r)
{
	return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static bool ahead(const struct reader *r, struct str what)
{
	return str_starts(str_slice(r->text, r->at, r->text.n), what);
}

static void skip_comment(struct reader *r)
{
	bool block = r->text.p[r->at + 1] == '*';
	if (!r->options->allow_comments && !r->comment_told)
		fault(r, r->at, "Comments are not allowed in JSON");
	r->comment_told = true;
	for (r->at += 2; r->at < r->text.n; r->at++) {
		if (!block && r->text.p[r->at] == '\n')
			return;
		if (block && ahead(r, S("*/"))) {
			r->at += 2;
			return;
		}
	}
	if (block)
		give_up(r, r->at, "A comment does not end");
}

static void skip_space(struct reader *r)
{
	while (r->at < r->text.n) {
		if (is_space(peek(r)))
			r->at++;
		else if (ahead(r, S("//")) || ahead(r, S("/*")))
			skip_comment(r);
		else
			return;
	}
}

/* Length of the UTF-8 sequence at the place, 0 when there is none. */
static size_t utf8_length(const struct reader *r)
{
	for (size_t n = 1; n <= 4 && r->at + n <= r->text.n; n++)
		if (str_is_utf8(str_slice(r->text, r->at, r->at + n)))
			return n;
	return 0;
}

static int hex_value(struct str digits)
{
	int value = 0;
	if (digits.n != 4)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		char c = digits.p[i];
		int d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
		if (d < 0)
			return -1;
		value = value * 16 + d;
	}
	return value;
}

static void unreadable_escape(struct reader *r, const char *text)
{
	fault(r, r->at, text);
	buf_add(&r->out, S("\\ufffd"));
}

/* \uXXXX, and a pair of them for what lies beyond 16 bits. */
static void copy_unicode(struct reader *r)
{
	int first = hex_value(str_slice(r->text, r->at + 2, r->at + 6));
	if (first < 0) {
		unreadable_escape(r, "\\u must be followed by four hexadecimal digits");
		r->at += 2;
		return;
	}
	size_t n = 6;
	if (first >= 0xd800 && first <= 0xdfff) {
		struct str next = str_slice(r->text, r->at + 6, r->at + 12);
		int second = next.n == 6 && str_starts(next, S("\\u")) ? hex_value(str_slice(next, 2, 6)) : -1;
		if (first >= 0xdc00 || second < 0xdc00 || second > 0xdfff) {
			unreadable_escape(r, "Half a surrogate pair is no character");
			r->at += 6;
			return;
		}
		n = 12;
	}
	buf_add(&r->out, str_slice(r->text, r->at, r->at + n));
	r->at += n;
}

static void copy_escape(struct reader *r)
{
	char c = r->at + 1 < r->text.n ? r->text.p[r->at + 1] : '\0';
	if (c == 'u') {
		copy_unicode(r);
		return;
	}
	if (c && strchr("\"\\/bfnrt", c)) {
		buf_add(&r->out, str_slice(r->text, r->at, r->at + 2));
	} else if (c == '\'') {
		fault(r, r->at, "An apostrophe is not escaped in JSON");
		buf_char(&r->out, '\'');
	} else {
		unreadable_escape(r, "This escape does not exist in JSON; write a backslash as \\\\");
	}
	r->at += r->at + 1 < r->text.n ? 2 : 1;
}

static void copy_plain(struct reader *r)
{
	unsigned char c = (unsigned char)peek(r);
	if (c < 0x20) {
		char text[80];
		snprintf(text, sizeof(text),
			 "A string holds the control character U+%04X as it is; write it as an escape", c);
		fault(r, r->at, text);
		buf_printf(&r->out, "\\u%04x", c);
		r->at++;
		return;
	}
	size_t n = c < 0x80 ? 1 : utf8_length(r);
	if (n == 0) {
		report(r, ISSUE_ERROR, ERR_UTF8, r->at, "A byte that is not valid UTF-8");
		buf_add(&r->out, S("\\ufffd"));
		r->at++;
		return;
	}
	if (c == '"')
		buf_char(&r->out, '\\'); /* within apostrophes */
	buf_add(&r->out, str_slice(r->text, r->at, r->at + n));
	r->at += n;
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static bool take_string(struct reader *r)
{
	size_t from = r->at;
	char quote = peek(r);
	if (quote == '\'')
		fault(r, from, "Strings stand in double quotes, not in apostrophes");
	buf_char(&r->out, '"');
	for (r->at++; peek(r) != quote || r->at >= r->text.n;) {
		if (r->at >= r->text.n)
			return give_up(r, from, "A string does not end");
		if (peek(r) == '\\')
			copy_escape(r);
		else
			copy_plain(r);
	}
	r->at++;
	buf_char(&r->out, '"');
	return true;
}

static struct str take_word(struct reader *r)
{
	size_t from = r->at;
	while (r->at < r->text.n && is_word(peek(r)))
		r->at++;
	return str_slice(r->text, from, r->at);
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool is_number(struct str s)
{
	size_t at = s.n && s.p[0] == '-', from = at;
	while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9')
		at++;
	if (at == from || (at > from + 1 && s.p[from] == '0'))
		return false;
	if (at < s.n && s.p[at] == '.') {
		for (from = ++at; at < s.n && s.p[at] >= '0' && s.p[at] <= '9';)
			at++;
		if (at == from)
			return false;
	}
	if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
		at++;
		at += at < s.n && (s.p[at] == '+' || s.p[at] == '-');
		for (from = at; at < s.n && s.p[at] >= '0' && s.p[at] <= '9';)
			at++;
		if (at == from)
			return false;
	}
	return at == s.n;
}

static bool take_bare(struct reader *r)
{
	size_t from = r->at;
	struct str word = take_word(r);
	char text[120];
	if (!word.n)
		return give_up(r, from, "Something that is no JSON value");
	if (str_is(word, "true") || str_is(word, "false") || str_is(word, "null") || is_number(word)) {
		buf_add(&r->out, word);
		return true;
	}
	bool number = strchr("+-.0123456789", word.p[0]) || str_is(word, "NaN") || str_is(word, "Infinity");
	snprintf(text, sizeof(text), "\"%.*s\" is %s", STR_ARG(str_slice(word, 0, SHOWN)),
		 number ? "no number as JSON writes it" : "no JSON value; strings stand in double quotes");
	fault(r, from, text);
	buf_printf(&r->out, "\"%.*s\"", STR_ARG(word));
	return true;
}

static bool take_value(struct reader *r);

static bool enter(struct reader *r, size_t at)
{
	if (r->depth < MAX_DEPTH)
		return true;
	report(r, ISSUE_FATAL, ERR_LIMIT, at, "The content is nested too deeply");
	r->broken = true;
	return false;
}

/* Between two items: the comma, or the word that it is missing. *ret_end: the container ends here. */
static bool take_separator(struct reader *r, char close, size_t count, bool *ret_end)
{
	skip_space(r);
	size_t comma = r->at;
	bool had = false;
	while (peek(r) == ',') {
		if (had || !count)
			fault(r, r->at, "A comma too many");
		had = true;
		comma = r->at++;
		skip_space(r);
	}
	*ret_end = peek(r) == close;
	if (r->broken || r->at >= r->text.n)
		return give_up(r, r->at, close == '}' ? "An object does not end" : "An array does not end");
	if (*ret_end) {
		if (had && count)
			fault(r, comma, "A comma after the last item");
		r->at++;
		return true;
	}
	if (peek(r) == '}' || peek(r) == ']')
		return give_up(r, r->at,
			       close == '}' ? "A ] where the object should end with }"
					    : "A } where the array should end with ]");
	if (count && !had) {
		if (peek(r) != '"' && peek(r) != '{' && peek(r) != '[' && peek(r) != '\'' && !is_word(peek(r)))
			return give_up(r, r->at, "Something that is no JSON");
		fault(r, r->at, "A comma is missing");
	}
	if (count)
		buf_char(&r->out, ',');
	return true;
}

static bool take_array(struct reader *r)
{
	size_t count = 0, from = r->at++;
	bool end = false;
	if (!enter(r, from))
		return false;
	buf_char(&r->out, '[');
	for (;; count++) {
		if (!take_separator(r, ']', count, &end))
			return false;
		if (end)
			break;
		r->path[r->depth++] = (struct segment){STR_NULL, count};
		bool ok = take_value(r);
		r->depth--;
		if (!ok)
			return false;
	}
	buf_char(&r->out, ']');
	return true;
}

/* A key as it will be found in the tree, written to the output. */
static bool take_key(struct reader *r, struct str *ret_key)
{
	size_t out = r->out.n, from = r->at;
	if (peek(r) == '"' || peek(r) == '\'') {
		if (!take_string(r))
			return false;
	} else {
		struct str word = take_word(r);
		if (!word.n)
			return give_up(r, from, "A property must start with its name in double quotes");
		fault(r, from, "The name of a property stands in double quotes");
		buf_printf(&r->out, "\"%.*s\"", STR_ARG(word));
	}
	if (!buf_ok(&r->out))
		return false;
	*ret_key = arena_str(r->arena, str_slice(buf_str(&r->out), out + 1, r->out.n - 1));
	skip_space(r);
	if (peek(r) != ':')
		return give_up(r, r->at, "A colon is missing after the name of a property");
	r->at++;
	buf_char(&r->out, ':');
	return ret_key->p != NULL;
}

static bool is_among(const struct key *keys, struct str name)
{
	for (; keys; keys = keys->next)
		if (str_eq(keys->name, name))
			return true;
	return false;
}

/* One member; a second one of the same name is read, told and left out. */
static bool take_member(struct reader *r, struct key **keys)
{
	size_t out = r->out.n, from = r->at;
	struct str name = STR_NULL;
	if (!take_key(r, &name))
		return false;
	bool twice = is_among(*keys, name);
	if (twice) {
		char text[120];
		snprintf(text, sizeof(text), "The property \"%.*s\" appears twice in one object",
			 STR_ARG(str_slice(name, 0, SHOWN)));
		fault(r, from, text);
	} else {
		struct key *key = ARENA_NEW(r->arena, struct key);
		if (!key)
			return false;
		*key = (struct key){name, *keys};
		*keys = key;
	}
	r->path[r->depth++] = (struct segment){name, 0};
	bool ok = take_value(r);
	r->depth--;
	if (twice && ok)
		r->out.n = out - 1; /* with the comma in front */
	return ok;
}

static bool take_object(struct reader *r)
{
	struct key *keys = NULL;
	size_t from = r->at++;
	bool end = false;
	if (!enter(r, from))
		return false;
	buf_char(&r->out, '{');
	for (size_t count = 0;; count++) {
		if (count == MAX_KEYS)
			return give_up(r, from, "An object has too many members");
		if (!take_separator(r, '}', count, &end))
			return false;
		if (end)
			break;
		if (!take_member(r, &keys))
			return false;
	}
	buf_char(&r->out, '}');
	return true;
}

static bool take_value(struct reader *r)
{
	skip_space(r);
	if (r->at >= r->text.n)
		return give_up(r, r->at, "A value is missing at the end");
	char c = peek(r);
	if (c == '{')
		return take_object(r);
	if (c == '[')
		return take_array(r);
	return c == '"' || c == '\'' ? take_string(r) : take_bare(r);
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

/* What the first "resourceType" says, to name the paths by. */
static struct str find_root(struct str text)
{
	size_t at = str_find(text, S("\"resourceType\""));
	if (at == STR_NONE)
		return S("$");
	size_t colon = str_find_char(text, ':', at), open = str_find_char(text, '"', colon);
	size_t close = open == STR_NONE ? STR_NONE : str_find_char(text, '"', open + 1);
	struct str name = close == STR_NONE ? STR_NULL : str_slice(text, open + 1, close);
	if (!name.n || name.n > 64)
		return S("$");
	for (size_t i = 0; i < name.n; i++)
		if (!((name.p[i] | 32) >= 'a' && (name.p[i] | 32) <= 'z'))
			return S("$");
	return name;
}

static const struct json *read_on(struct reader *r, struct error *err)
{
	bool ok = take_value(r);
	if (ok) {
		skip_space(r);
		if (r->at < r->text.n)
			fault(r, r->at, "Something follows after the end of the resource");
	}
	if (!ok && !r->broken) {
		error_memory(err);
		return NULL;
	}
	if (!ok)
		return NULL;
	struct str repaired = buf_ok(&r->out) ? arena_str(r->arena, buf_str(&r->out)) : STR_NULL;
	if (!repaired.p) {
		error_memory(err);
		return NULL;
	}
	struct error why = {0};
	const struct json *tree = json_parse(r->arena, repaired, 0, &why);
	if (tree)
		return tree;
	if (why.code == ERR_MEMORY)
		error_memory(err);
	else
		report(r, ISSUE_FATAL, why.code, 0, why.text);
	return NULL;
}

const struct json *json_form_read(struct arena *a, struct str text, const struct json_form_options *options,
				  struct issues *findings, struct error *err)
{
	static const struct json_form_options plain = {0};
	struct error why = {0};
	if (str_starts(text, S("\xef\xbb\xbf")))
		text = str_slice(text, 3, text.n);
	const struct json *tree = json_parse(a, text, 0, &why);
	if (tree || why.code == ERR_MEMORY) {
		if (!tree)
			error_memory(err);
		return tree;
	}
	struct reader r = {.arena = a,
			   .text = text,
			   .findings = findings,
			   .options = options ? options : &plain,
			   .root = find_root(text)};
	size_t before = findings->errors;
	buf_init(&r.out, 6 * text.n + 64);
	tree = read_on(&r, err);
	buf_done(&r.out);
	/* The parser refused it, so it must not pass for sound unless comments were all there was. */
	if (findings->errors == before && !(r.comment_told && r.options->allow_comments))
		report(&r, ISSUE_ERROR, why.code, 0, why.text);
	return tree;
}
