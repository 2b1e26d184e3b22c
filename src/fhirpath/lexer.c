/* Characters to tokens. White space and comments vanish here; strings and quoted names lose their escapes. */
#include "base/unicode.h"
#include "fhirpath/fhirpath_priv.h"

#include <stdio.h>

bool path_error_at(struct error *err, struct str expression, size_t at, enum error_code code, const char *format, ...)
{
	if (!err || err->code)
		return false;
	va_list args;
	char text[sizeof(err->text) - 64];
	size_t line = 1, start = 0;
	for (size_t i = 0; i < at && i < expression.n; i++) {
		if (expression.p[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error_set(err, code, "FHIRPath, line %zu, column %zu: %s", line, at - start + 1, text);
	err->line = line;
	err->column = at - start + 1;
	return false;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char peek(const struct lexer *l, size_t ahead)
{
	return l->at + ahead < l->text.n ? l->text.p[l->at + ahead] : '\0';
}

/* False when a block comment does not end. */
static bool skip_space(struct lexer *l)
{
	for (;;) {
		char c = peek(l, 0);
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			l->at++;
		} else if (c == '/' && peek(l, 1) == '/') {
			size_t end = str_find_char(l->text, '\n', l->at);
			l->at = end == STR_NONE ? l->text.n : end;
		} else if (c == '/' && peek(l, 1) == '*') {
			struct str rest = str_slice(l->text, l->at + 2, l->text.n);
			size_t end = str_find(rest, S("*/"));
			if (end == STR_NONE)
				return path_error_at(l->err, l->text, l->at, ERR_VALUE, "a comment does not end");
			l->at += 2 + end + 2;
		} else {
			return true;
		}
	}
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits after \u at an offset; negative when there are none. */
static int unicode_escape(const struct lexer *l, size_t at)
{
	int code = 0;
	for (size_t i = 0; i < 4; i++) {
		int digit = at + i < l->text.n ? hex_digit(l->text.p[at + i]) : -1;
		if (digit < 0)
			return -1;
		code = code * 16 + digit;
	}
	return code;
}

/* An escape whose letter is at the lexer's position. What is no escape of the language loses its backslash, or is
 * refused in strict mode. */
static bool escape(struct lexer *l, struct buf *out)
{
	static const char from[] = "'\"`rntf\\/";
	static const char gives[] = "'\"`\r\n\t\f\\/";
	char c = peek(l, 0);
	const char *hit = c ? strchr(from, c) : NULL;
	int code = c == 'u' ? unicode_escape(l, l->at + 1) : -1;
	if (code >= 0) {
		l->at += 5;
		if (code >= 0xD800 && code < 0xDC00 && peek(l, 0) == '\\' && peek(l, 1) == 'u') {
			int low = unicode_escape(l, l->at + 2);
			if (low >= 0xDC00 && low < 0xE000) {
				code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
				l->at += 6;
			}
		}
		unicode_write(out, (uint32_t)code);
		return true;
	}
	if (!hit && l->strict)
		return path_error_at(l->err, l->text, l->at - 1, ERR_VALUE, "unknown escape in a string");
	buf_char(out, hit ? gives[hit - from] : c);
	l->at++;
	return true;
}

/* Text between quotes of one kind, escapes resolved. */
static bool quoted(struct lexer *l, struct str *ret_text)
{
	size_t from = l->at;
	char quote = peek(l, 0);
	struct buf out;
	buf_init(&out, PATH_MAX_EXPRESSION * 4);
	for (l->at++; l->at < l->text.n && l->text.p[l->at] != quote;) {
		char c = l->text.p[l->at++];
		if (c != '\\' || l->at >= l->text.n) {
			buf_char(&out, c);
		} else if (!escape(l, &out)) {
			buf_done(&out);
			return false;
		}
	}
	bool closed = l->at < l->text.n;
	struct str text = arena_str(l->arena, buf_str(&out));
	bool ok = buf_ok(&out) && text.p;
	buf_done(&out);
	if (!closed)
		return path_error_at(l->err, l->text, from, ERR_VALUE, "the closing %c is missing", quote);
	if (!ok)
		return error_memory(l->err);
	l->at++;
	*ret_text = text;
	return true;
}

static void skip_name(struct lexer *l)
{
	while (is_letter(peek(l, 0)) || is_digit(peek(l, 0)))
		l->at++;
}

static void skip_digits(struct lexer *l)
{
	while (is_digit(peek(l, 0)))
		l->at++;
}

static void number(struct lexer *l, struct token *t)
{
	t->kind = TOKEN_NUMBER;
	skip_digits(l);
	if (peek(l, 0) == '.' && is_digit(peek(l, 1))) {
		l->at++;
		skip_digits(l);
	} else if (peek(l, 0) == 'L' && !is_letter(peek(l, 1)) && !is_digit(peek(l, 1))) {
		t->kind = TOKEN_LONG;
		t->text = str_slice(l->text, t->at, l->at);
		l->at++;
		return;
	}
	t->text = str_slice(l->text, t->at, l->at);
}

/* @YYYY-MM-DDThh:mm:ss.fff+hh:mm or @Thh:mm:ss.fff, as far as it goes. What it means is the parser's affair. */
static void moment(struct lexer *l, struct token *t)
{
	l->at++;
	while (is_digit(peek(l, 0)) || (peek(l, 0) == '-' && is_digit(peek(l, 1))))
		l->at++;
	if (peek(l, 0) == 'T') {
		l->at++;
		while (is_digit(peek(l, 0)) || ((peek(l, 0) == ':' || peek(l, 0) == '.') && is_digit(peek(l, 1))))
			l->at++;
		if (peek(l, 0) == 'Z') {
			l->at++;
		} else if ((peek(l, 0) == '+' || peek(l, 0) == '-') && is_digit(peek(l, 1)) && is_digit(peek(l, 2)) &&
			   peek(l, 3) == ':') {
			l->at += 4;
			skip_digits(l);
		}
	}
	t->kind = TOKEN_MOMENT;
	t->text = str_slice(l->text, t->at + 1, l->at);
}

/* %name, %`name`, %'name', %"name". The value sets and extensions that FHIR names %vs-... and %ext-... may stand
 * without quotes. */
static bool variable(struct lexer *l, struct token *t)
{
	l->at++;
	t->kind = TOKEN_VARIABLE;
	char c = peek(l, 0);
	if (c == '`' || c == '\'' || c == '"')
		return quoted(l, &t->text);
	size_t from = l->at;
	if (!is_letter(c))
		return path_error_at(l->err, l->text, t->at, ERR_VALUE, "the name of a variable is expected after %%");
	skip_name(l);
	struct str name = str_slice(l->text, from, l->at);
	while ((str_starts(name, S("vs")) || str_starts(name, S("ext"))) && peek(l, 0) == '-' &&
	       is_letter(peek(l, 1))) {
		l->at++;
		skip_name(l);
	}
	t->text = str_slice(l->text, from, l->at);
	return true;
}

static bool symbol(struct lexer *l, struct token *t)
{
	char c = peek(l, 0), d = peek(l, 1);
	size_t n = 1;
	if (d == '=' && (c == '!' || c == '<' || c == '>'))
		n = 2;
	else if (c == '!' && d == '~')
		n = 2;
	else if (!c || !strchr(".,()[]{}|=~<>+-*/&$", c))
		return path_error_at(l->err, l->text, l->at, ERR_VALUE, "this character has no meaning here");
	l->at += n;
	t->kind = TOKEN_SYMBOL;
	t->text = str_slice(l->text, t->at, l->at);
	return true;
}

bool lexer_next(struct lexer *l, struct token *ret_token)
{
	if (!skip_space(l))
		return false;
	struct token t = {.kind = TOKEN_END, .at = l->at, .text = S("")};
	char c = peek(l, 0);
	bool ok = true;
	if (l->at >= l->text.n) {
		t.kind = TOKEN_END;
	} else if (is_letter(c)) {
		skip_name(l);
		t.kind = TOKEN_NAME;
		t.text = str_slice(l->text, t.at, l->at);
	} else if (is_digit(c)) {
		number(l, &t);
	} else if (c == '\'' || c == '`') {
		t.kind = c == '\'' ? TOKEN_STRING : TOKEN_QUOTED_NAME;
		ok = quoted(l, &t.text);
	} else if (c == '@') {
		moment(l, &t);
	} else if (c == '%') {
		ok = variable(l, &t);
	} else {
		ok = symbol(l, &t);
	}
	if (ok)
		*ret_token = t;
	return ok;
}
