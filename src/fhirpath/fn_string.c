/* Functions on texts (FHIRPath 5.6 and what later editions add). Positions and lengths count code points. */
#include "base/encode.h"
#include "base/unicode.h"
#include "fhirpath/fhirpath_priv.h"

/* The input and one string argument; *ret_there when both are there. */
static bool two_strings(struct eval *e, const struct call *c, struct str *ret_text, struct str *ret_other,
			bool *ret_there)
{
	bool has_text, has_other;
	if (!input_string(e, c, ret_text, &has_text) || !arg_string(e, c, c->node->args, ret_other, &has_other))
		return false;
	*ret_there = has_text && has_other;
	return true;
}

/* A function of a text and a part, which is empty when one of them is. */
typedef bool (*of_two)(struct eval *e, struct str text, struct str part, struct path_items *out);
static bool with_two(struct eval *e, const struct call *c, of_two function, struct path_items *out)
{
	struct str text, part;
	bool there;
	return two_strings(e, c, &text, &part, &there) && (!there || function(e, text, part, out));
}
#define OF_TWO(name)                                                                                                   \
	bool fn_##name(struct eval *e, const struct call *c, struct path_items *out)                                   \
	{                                                                                                              \
		return with_two(e, c, name, out);                                                                      \
	}

/* ---- looking --------------------------------------------------------------------------------------------------- */

static bool index_of(struct eval *e, struct str text, struct str part, struct path_items *out)
{
	size_t at = str_find(text, part);
	return add_integer(e, out, at == STR_NONE ? -1 : (int64_t)unicode_length(str_slice(text, 0, at)));
}
OF_TWO(index_of)

static bool last_index_of(struct eval *e, struct str text, struct str part, struct path_items *out)
{
	for (size_t at = text.n >= part.n ? text.n - part.n + 1 : 0; at-- > 0;)
		if (part.n == 0 || memcmp(text.p + at, part.p, part.n) == 0)
			return add_integer(e, out, (int64_t)unicode_length(str_slice(text, 0, at)));
	return add_integer(e, out, -1);
}
OF_TWO(last_index_of)

static bool starts_with(struct eval *e, struct str text, struct str part, struct path_items *out)
{
	return add_boolean(e, out, str_starts(text, part));
}
OF_TWO(starts_with)

static bool ends_with(struct eval *e, struct str text, struct str part, struct path_items *out)
{
	return add_boolean(e, out, str_ends(text, part));
}
OF_TWO(ends_with)

static bool contains(struct eval *e, struct str text, struct str part, struct path_items *out)
{
	return add_boolean(e, out, str_find(text, part) != STR_NONE);
}
OF_TWO(contains)

bool fn_length(struct eval *e, const struct call *c, struct path_items *out)
{
	struct str text;
	bool there;
	if (!input_string(e, c, &text, &there))
		return false;
	return !there || add_integer(e, out, (int64_t)unicode_length(text));
}

/* ---- parts ----------------------------------------------------------------------------------------------------- */

bool fn_substring(struct eval *e, const struct call *c, struct path_items *out)
{
	struct str text;
	int64_t start = 0, length = INT64_MAX;
	bool there, has_start, has_length;
	const struct path_node *second = c->node->args->next;
	if (!input_string(e, c, &text, &there) || !arg_integer(e, c, c->node->args, &start, &has_start) ||
	    (second && !arg_integer(e, c, second, &length, &has_length)))
		return false;
	if (!there || !has_start || start < 0)
		return true;
	size_t from = unicode_offset(text, (size_t)start);
	if (from >= text.n)
		return true;
	struct str rest = str_slice(text, from, text.n);
	if (length <= 0)
		return add_string(e, out, S(""));
	return add_string(e, out, str_slice(rest, 0, unicode_offset(rest, (size_t)length)));
}

bool fn_to_chars(struct eval *e, const struct call *c, struct path_items *out)
{
	struct str text;
	bool there;
	if (!input_string(e, c, &text, &there))
		return false;
	for (struct str one; there && (one = unicode_next(&text)).p;)
		if (!add_string(e, out, one))
			return false;
	return true;
}

bool fn_split(struct eval *e, const struct call *c, struct path_items *out)
{
	struct str text, by;
	bool there;
	if (!two_strings(e, c, &text, &by, &there))
		return false;
	if (!there)
		return true;
	if (by.n == 0)
		return fn_to_chars(e, c, out);
	for (size_t at; (at = str_find(text, by)) != STR_NONE; text = str_slice(text, at + by.n, text.n))
		if (!add_string(e, out, str_slice(text, 0, at)))
			return false;
	return add_string(e, out, text);
}

bool fn_join(struct eval *e, const struct call *c, struct path_items *out)
{
	struct buf text;
	struct path_item value;
	struct str by = S("");
	bool there = true, first = true;
	if (c->node->args && !arg_string(e, c, c->node->args, &by, &there))
		return false;
	if (!there || c->input->count == 0)
		return true;
	buf_init(&text, PATH_MAX_TEXT);
	for (size_t i = 0; i < c->input->count; i++) {
		if (item_is_hollow(&c->input->items[i]))
			continue;
		const struct path_items one = {.items = c->input->items + i, .count = 1};
		if (!item_simple(e, one.items, &value) || !item_has_text(&one, &value)) {
			buf_done(&text);
			return eval_fail(e, c->node, ERR_VALUE, "join() needs strings");
		}
		if (!first)
			buf_add(&text, by);
		value_write(&text, &value);
		first = false;
	}
	return add_buffer(e, out, &text);
}

bool fn_trim(struct eval *e, const struct call *c, struct path_items *out)
{
	struct str text;
	bool there;
	if (!input_string(e, c, &text, &there))
		return false;
	if (!there)
		return true;
	struct str rest = text, one;
	size_t from = 0, to = 0;
	bool started = false;
	while ((one = unicode_next(&rest)).p) {
		size_t at = (size_t)(one.p - text.p);
		if (unicode_is_space(unicode_point(one)))
			continue;
		if (!started)
			from = at;
		started = true;
		to = at + one.n;
	}
	return add_string(e, out, str_slice(text, from, to));
}

/* ---- changing -------------------------------------------------------------------------------------------------- */

static bool change_case(struct eval *e, const struct call *c, struct path_items *out,
			void (*change)(struct buf *, struct str))
{
	struct str text;
	struct buf changed;
	bool there;
	if (!input_string(e, c, &text, &there))
		return false;
	if (!there)
		return true;
	buf_init(&changed, PATH_MAX_TEXT);
	change(&changed, text);
	return add_buffer(e, out, &changed);
}

bool fn_upper(struct eval *e, const struct call *c, struct path_items *out)
{
	return change_case(e, c, out, unicode_upper);
}

bool fn_lower(struct eval *e, const struct call *c, struct path_items *out)
{
	return change_case(e, c, out, unicode_lower);
}

/* An empty pattern puts the substitution around every character. */
static void replace_all(struct buf *out, struct str text, struct str pattern, struct str by)
{
	if (pattern.n == 0) {
		buf_add(out, by);
		for (struct str one; (one = unicode_next(&text)).p;) {
			buf_add(out, one);
			buf_add(out, by);
		}
		return;
	}
	for (size_t at; (at = str_find(text, pattern)) != STR_NONE; text = str_slice(text, at + pattern.n, text.n)) {
		buf_add(out, str_slice(text, 0, at));
		buf_add(out, by);
	}
	buf_add(out, text);
}

bool fn_replace(struct eval *e, const struct call *c, struct path_items *out)
{
	struct str text, pattern, by;
	struct buf replaced;
	bool there, has_by;
	if (!two_strings(e, c, &text, &pattern, &there) || !arg_string(e, c, c->node->args->next, &by, &has_by))
		return false;
	if (!there || !has_by)
		return true;
	buf_init(&replaced, PATH_MAX_TEXT);
	replace_all(&replaced, text, pattern, by);
	return add_buffer(e, out, &replaced);
}

/* ---- regular expressions --------------------------------------------------------------------------------------- */

/* Flags of the language: i and m. */
static bool regex_flags_of(struct eval *e, const struct call *c, const struct path_node *arg, unsigned *flags)
{
	struct str text = S("");
	bool there;
	if (arg && !arg_string(e, c, arg, &text, &there))
		return false;
	for (size_t i = 0; arg && there && i < text.n; i++) {
		if (text.p[i] != 'i' && text.p[i] != 'm')
			return eval_fail(e, arg, ERR_VALUE, "the flags of a regular expression are i and m");
		*flags |= text.p[i] == 'i' ? REGEX_NO_CASE : REGEX_LINES;
	}
	return true;
}

static const struct regex *kept_pattern(const struct eval *e, struct str pattern, unsigned flags)
{
	for (size_t i = 0; e->patterns && i < PATTERNS_KEPT; i++) {
		const struct kept_pattern *k = &e->patterns->kept[i];
		if (k->regex && k->flags == flags && str_eq(k->text, pattern))
			return k->regex;
	}
	return NULL;
}

static void keep_pattern(struct eval *e, struct str pattern, unsigned flags, const struct regex *regex)
{
	if (!e->patterns)
		e->patterns = ARENA_NEW(e->arena, struct patterns);
	if (e->patterns)
		e->patterns->kept[e->patterns->next++ % PATTERNS_KEPT] =
			(struct kept_pattern){.text = pattern, .flags = flags, .regex = regex};
}

/* The expression of the first argument: compiled beforehand when it is a literal without flags. */
static bool regex_of(struct eval *e, const struct call *c, struct str pattern, const struct path_node *flag_arg,
		     unsigned flags, const struct regex **ret)
{
	struct error why = {0};
	if (c->node->regex && !flag_arg) {
		*ret = c->node->regex;
		return true;
	}
	if (!regex_flags_of(e, c, flag_arg, &flags))
		return false;
	*ret = kept_pattern(e, pattern, flags);
	if (*ret)
		return true;
	if (!eval_work(e, 200))
		return false;
	*ret = regex_compile(e->arena, pattern, flags, &why);
	if (*ret)
		keep_pattern(e, pattern, flags, *ret);
	return *ret || eval_fail(e, c->node->args, why.code, "%s", why.text);
}

static bool matches(struct eval *e, const struct call *c, unsigned flags, struct path_items *out)
{
	struct str text, pattern;
	struct error why = {0};
	const struct regex *regex;
	bool there, found;
	if (!two_strings(e, c, &text, &pattern, &there))
		return false;
	if (!there)
		return true;
	if (!regex_of(e, c, pattern, c->node->args->next, flags, &regex) || !eval_work(e, 20))
		return false;
	if (!regex_search_counted(regex, text, &found, &e->work, &why))
		return eval_fail(e, c->node, why.code, "%s", why.text);
	return add_boolean(e, out, found);
}

bool fn_matches(struct eval *e, const struct call *c, struct path_items *out)
{
	return matches(e, c, 0, out);
}

bool fn_matches_full(struct eval *e, const struct call *c, struct path_items *out)
{
	return matches(e, c, REGEX_WHOLE, out);
}

bool fn_replace_matches(struct eval *e, const struct call *c, struct path_items *out)
{
	struct str text, pattern, by;
	struct error why = {0};
	struct buf replaced;
	const struct regex *regex;
	bool there, has_by;
	const struct path_node *second = c->node->args->next;
	if (!two_strings(e, c, &text, &pattern, &there) || !arg_string(e, c, second, &by, &has_by))
		return false;
	if (!there || !has_by)
		return true;
	if (pattern.n == 0)
		return add_string(e, out, text);
	if (!regex_of(e, c, pattern, second->next, 0, &regex) || !eval_work(e, 20))
		return false;
	buf_init(&replaced, PATH_MAX_TEXT);
	if (regex_replace(regex, text, by, &replaced, &e->work, &why))
		return add_buffer(e, out, &replaced);
	buf_done(&replaced);
	return eval_fail(e, c->node, why.code, "%s", why.text);
}

/* ---- encodings ------------------------------------------------------------------------------------------------- */

static bool encode_text(struct buf *out, struct str text, struct str format)
{
	if (str_is(format, "base64")) {
		encode_base64(out, text);
	} else if (str_is(format, "urlbase64")) {
		struct buf plain;
		buf_init(&plain, PATH_MAX_TEXT);
		encode_base64(&plain, text);
		for (size_t i = 0; i < plain.n; i++)
			buf_char(out, plain.p[i] == '+' ? '-' : plain.p[i] == '/' ? '_' : plain.p[i]);
		buf_done(&plain);
	} else if (str_is(format, "hex")) {
		encode_hex(out, text);
	} else {
		return false;
	}
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static bool decode_hex(struct buf *out, struct str text)
{
	for (size_t i = 0; i + 1 < text.n; i += 2) {
		int high = hex_digit(text.p[i]), low = hex_digit(text.p[i + 1]);
		if (high < 0 || low < 0)
			return false;
		buf_char(out, (char)(high << 4 | low));
	}
	return text.n % 2 == 0;
}

/* Base64 in either alphabet, with or without padding. */
static bool decode_any_base64(struct buf *out, struct str text, bool url)
{
	struct buf plain;
	buf_init(&plain, PATH_MAX_TEXT);
	bool ok = true;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '=' && i + 2 >= text.n)
			continue;
		ok = ok && !(url ? c == '+' || c == '/' : c == '-' || c == '_');
		buf_char(&plain, c == '+' ? '-' : c == '/' ? '_' : c);
	}
	ok = ok && buf_ok(&plain) && decode_base64url(out, buf_str(&plain));
	buf_done(&plain);
	return ok;
}

static bool decode_text(struct buf *out, struct str text, struct str format, bool *ret_known)
{
	*ret_known = true;
	if (str_is(format, "hex"))
		return decode_hex(out, text);
	if (str_is(format, "base64") || str_is(format, "urlbase64"))
		return decode_any_base64(out, text, str_is(format, "urlbase64"));
	*ret_known = false;
	return false;
}

static bool unknown_format(struct eval *e, const struct call *c, struct str format)
{
	return eval_fail(e, c->node->args, ERR_VALUE, "%s() knows no format \"%.*s\"", c->node->function->name,
			 STR_ARG(str_slice(format, 0, 32)));
}

bool fn_encode(struct eval *e, const struct call *c, struct path_items *out)
{
	struct str text, format;
	struct buf coded;
	bool there;
	if (!two_strings(e, c, &text, &format, &there))
		return false;
	if (!there)
		return true;
	buf_init(&coded, PATH_MAX_TEXT);
	if (encode_text(&coded, text, format))
		return add_buffer(e, out, &coded);
	buf_done(&coded);
	return unknown_format(e, c, format);
}

bool fn_decode(struct eval *e, const struct call *c, struct path_items *out)
{
	struct str text, format;
	struct buf plain;
	bool there, known;
	if (!two_strings(e, c, &text, &format, &there))
		return false;
	if (!there)
		return true;
	buf_init(&plain, PATH_MAX_TEXT);
	if (decode_text(&plain, text, format, &known) && str_is_utf8(buf_str(&plain)))
		return add_buffer(e, out, &plain);
	buf_done(&plain);
	return known ? eval_fail(e, c->node, ERR_VALUE, "the text is not in the format \"%.*s\"", STR_ARG(format))
		     : unknown_format(e, c, format);
}

static void escape_json(struct buf *out, struct str text)
{
	struct buf quoted;
	buf_init(&quoted, PATH_MAX_TEXT);
	struct json_writer w = json_writer(&quoted);
	json_put_str(&w, text);
	if (quoted.n >= 2)
		buf_add(out, str_slice(buf_str(&quoted), 1, quoted.n - 1));
	buf_done(&quoted);
}

typedef void text_coder(struct buf *out, struct str text);

static bool code_text(struct eval *e, const struct call *c, text_coder *html, text_coder *json, struct path_items *out)
{
	struct str text, format;
	struct buf coded;
	bool there;
	if (!two_strings(e, c, &text, &format, &there))
		return false;
	if (!there)
		return true;
	if (!str_is(format, "html") && !str_is(format, "json"))
		return unknown_format(e, c, format);
	buf_init(&coded, PATH_MAX_TEXT);
	(str_is(format, "html") ? html : json)(&coded, text);
	return add_buffer(e, out, &coded);
}

bool fn_escape(struct eval *e, const struct call *c, struct path_items *out)
{
	return code_text(e, c, encode_html, escape_json, out);
}

static void unescape_html(struct buf *out, struct str text)
{
	static const struct {
		const char *name, *text;
	} entities[] = {{"&quot;", "\""}, {"&lt;", "<"},  {"&gt;", ">"},  {"&amp;", "&"},
			{"&apos;", "'"},  {"&#39;", "'"}, {"&#34;", "\""}};
	while (text.n) {
		struct str taken = str_slice(text, 0, 1), gives = taken;
		for (size_t i = 0; text.p[0] == '&' && i < sizeof(entities) / sizeof(entities[0]); i++) {
			if (str_starts(text, str_from(entities[i].name))) {
				taken = str_from(entities[i].name);
				gives = str_from(entities[i].text);
				break;
			}
		}
		buf_add(out, gives);
		text = str_slice(text, taken.n, text.n);
	}
}

/* A \uXXXX, or a pair of them for a character past U+FFFF; the number of bytes it takes, 0 when it is none. */
static size_t unescape_unicode(struct buf *out, struct str text)
{
	uint32_t code[2] = {0};
	size_t n = 0;
	for (int half = 0; half < 2; half++, n += 6) {
		struct str one = str_slice(text, n, n + 6);
		if (one.n < 6 || one.p[0] != '\\' || one.p[1] != 'u')
			break;
		for (size_t i = 2; i < 6; i++) {
			if (hex_digit(one.p[i]) < 0)
				return 0;
			code[half] = code[half] * 16 + (uint32_t)hex_digit(one.p[i]);
		}
		if (code[0] < 0xD800 || code[0] > 0xDBFF)
			break;
	}
	bool pair = code[1] >= 0xDC00 && code[1] <= 0xDFFF;
	if (n == 0 && code[0] == 0 && !str_starts(text, S("\\u")))
		return 0;
	unicode_write(out, pair ? 0x10000 + ((code[0] - 0xD800) << 10) + (code[1] - 0xDC00) : code[0]);
	return pair ? 12 : 6;
}

/* What is no escape of JSON stays as it is. */
static void unescape_json(struct buf *out, struct str text)
{
	static const char from[] = "\"\\/bfnrt";
	static const char gives[] = "\"\\/\b\f\n\r\t";
	while (text.n) {
		char c = text.n > 1 ? text.p[1] : '\0';
		const char *hit = text.p[0] == '\\' && c ? strchr(from, c) : NULL;
		size_t taken = text.p[0] == '\\' && c == 'u' && text.n >= 6 ? unescape_unicode(out, text) : 0;
		if (hit)
			buf_char(out, gives[hit - from]);
		else if (!taken)
			buf_char(out, text.p[0]);
		text = str_slice(text, hit ? 2 : taken ? taken : 1, text.n);
	}
}

bool fn_unescape(struct eval *e, const struct call *c, struct path_items *out)
{
	return code_text(e, c, unescape_html, unescape_json, out);
}
