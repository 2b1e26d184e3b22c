/* Characters to tokens. White space and comments vanish here; strings and quoted names lose their escapes. */
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

/* The \uXXXX at the lexer's position, as UTF-8. Lone surrogates are no characters. */
static size_t unicode_escape(struct lexer *l, char *to)
{
	unsigned code = 0;
	for (size_t i = 1; i <= 4; i++) {
		int digit = hex_digit(peek(l, i));
		if (digit < 0)
			return 0;
		code = code * 16 + (unsigned)digit;
	}
	if (code >= 0xD800 && code <= 0xDFFF)
		return 0;
	l->at += 4;
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xC0 | code >> 6);
		to[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	to[0] = (char)(0xE0 | code >> 12);
	to[1] = (char)(0x80 | (code >> 6 & 0x3F));
	to[2] = (char)(0x80 | (code & 0x3F));
	return 3;
}

/* Bytes written for the escape whose letter is at the lexer's position; 0 when there is no such escape. */
static size_t escape(struct lexer *l, char *to)
{
	static const char from[] = "'\"`rntf\\/";
	static const char gives[] = "'\"`\r\n\t\f\\/";
	char c = peek(l, 0);
	if (c == 'u')
		return unicode_escape(l, to);
	const char *hit = c ? strchr(from, c) : NULL;
	if (!hit)
		return 0;
	to[0] = gives[hit - from];
	return 1;
}

/* 'text' or `name`; the result is never longer than the source. */
static bool quoted(struct lexer *l, struct token *t)
{
	char quote = peek(l, 0);
	char *to = arena_alloc(l->arena, l->text.n - l->at);
	size_t n = 0;
	if (!to)
		return error_memory(l->err);
	for (l->at++; l->at < l->text.n && l->text.p[l->at] != quote; l->at++) {
		if (l->text.p[l->at] != '\\') {
			to[n++] = l->text.p[l->at];
			continue;
		}
		l->at++;
		size_t written = escape(l, to + n);
		if (!written)
			return path_error_at(l->err, l->text, l->at - 1, ERR_VALUE, "unknown escape in a string");
		n += written;
	}
	if (l->at >= l->text.n)
		return path_error_at(l->err, l->text, t->at, ERR_VALUE, "the closing %c is missing", quote);
	l->at++;
	t->kind = quote == '\'' ? TOKEN_STRING : TOKEN_QUOTED_NAME;
	t->text = str_make(to, n);
	return true;
}

static void name(struct lexer *l, struct token *t)
{
	while (is_letter(peek(l, 0)) || is_digit(peek(l, 0)))
		l->at++;
	t->kind = TOKEN_NAME;
	t->text = str_slice(l->text, t->at, l->at);
}

static void number(struct lexer *l, struct token *t)
{
	while (is_digit(peek(l, 0)))
		l->at++;
	if (peek(l, 0) == '.' && is_digit(peek(l, 1))) {
		l->at++;
		while (is_digit(peek(l, 0)))
			l->at++;
	}
	t->kind = TOKEN_NUMBER;
	t->text = str_slice(l->text, t->at, l->at);
}

static bool symbol(struct lexer *l, struct token *t)
{
	char c = peek(l, 0), d = peek(l, 1);
	size_t n = 1;
	if (d == '=' && (c == '!' || c == '<' || c == '>'))
		n = 2;
	else if (c == '!' && d == '~')
		n = 2;
	else if (!c || !strchr(".,()[]{}|=~<>+-*/&$%@", c))
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
	if (l->at >= l->text.n)
		t.kind = TOKEN_END;
	else if (is_letter(c))
		name(l, &t);
	else if (is_digit(c))
		number(l, &t);
	else if (c == '\'' || c == '`')
		ok = quoted(l, &t);
	else
		ok = symbol(l, &t);
	if (ok)
		*ret_token = t;
	return ok;
}
