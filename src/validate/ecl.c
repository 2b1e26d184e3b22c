/*
 * The form of expression constraints over SNOMED CT (ECL, http://snomed.org/ecl): a recursive descent that only says
 * whether a text is one. What it means takes SNOMED CT itself. Filters in double braces are passed over.
 */
#include "validate/validate_priv.h"

enum { MAX_DEPTH = 32 };

struct ecl {
	struct str text;
	size_t at;
	unsigned depth;
};

static bool expression(struct ecl *e);

static void skip_space(struct ecl *e)
{
	while (e->at < e->text.n) {
		struct str rest = str_slice(e->text, e->at, e->text.n);
		size_t end = str_starts(rest, S("/*")) ? str_find(rest, S("*/")) : STR_NONE;
		if (end != STR_NONE)
			e->at += end + 2;
		else if (strchr(" \t\r\n", rest.p[0]))
			e->at++;
		else
			return;
	}
}

static bool take(struct ecl *e, struct str what)
{
	skip_space(e);
	if (!str_starts(str_slice(e->text, e->at, e->text.n), what))
		return false;
	e->at += what.n;
	return true;
}

/* The longest of several operators, separated by blanks. */
static bool take_any(struct ecl *e, const char *operators)
{
	struct str rest = str_from(operators);
	while (rest.p)
		if (take(e, str_split(&rest, ' ')))
			return true;
	return false;
}

static bool take_word(struct ecl *e, struct str word)
{
	skip_space(e);
	struct str found = str_slice(e->text, e->at, e->at + word.n);
	char after = e->at + word.n < e->text.n ? e->text.p[e->at + word.n] : ' ';
	if (!str_eq_nocase(found, word) || ((after | 32) >= 'a' && (after | 32) <= 'z'))
		return false;
	e->at += word.n;
	return true;
}

static size_t take_digits(struct ecl *e)
{
	size_t from = e->at;
	while (e->at < e->text.n && e->text.p[e->at] >= '0' && e->text.p[e->at] <= '9')
		e->at++;
	return e->at - from;
}

/* From an opening mark to the next closing one. */
static bool take_between(struct ecl *e, struct str open, struct str close)
{
	if (!take(e, open))
		return false;
	size_t end = str_find(str_slice(e->text, e->at, e->text.n), close);
	e->at = end == STR_NONE ? e->text.n : e->at + end + close.n;
	return end != STR_NONE;
}

/* A concept with or without its term, any concept, or an expression in parentheses. */
static bool focus(struct ecl *e)
{
	if (take(e, S("(")))
		return expression(e) && take(e, S(")"));
	if (take(e, S("*")))
		return true;
	skip_space(e);
	size_t digits = take_digits(e);
	if (digits < 6 || digits > 18)
		return false;
	take_between(e, S("|"), S("|"));
	return true;
}

static bool sub_expression(struct ecl *e)
{
	if (e->depth == MAX_DEPTH)
		return false;
	e->depth++;
	take_any(e, "<<! <! << < >>! >! >> > !!> !!<");
	if (take(e, S("^")))
		take_between(e, S("["), S("]"));
	bool ok = focus(e);
	while (ok && take_between(e, S("{{"), S("}}")))
		;
	e->depth--;
	return ok;
}

static bool attribute_value(struct ecl *e)
{
	if (take(e, S("#"))) {
		take_any(e, "- +");
		size_t digits = take_digits(e);
		return digits && (!take(e, S(".")) || take_digits(e));
	}
	if (take_between(e, S("\""), S("\"")))
		return true;
	return take_word(e, S("true")) || take_word(e, S("false")) || sub_expression(e);
}

static bool attributes(struct ecl *e);

static bool attribute(struct ecl *e)
{
	if (take(e, S("["))) {
		take_digits(e);
		if (!take(e, S("..")) || (!take(e, S("*")) && !take_digits(e)) || !take(e, S("]")))
			return false;
	}
	if (take(e, S("{")))
		return attributes(e) && take(e, S("}"));
	if (take(e, S("(")))
		return attributes(e) && take(e, S(")"));
	take_word(e, S("R"));
	return sub_expression(e) && take_any(e, "= != <= >= < >") && attribute_value(e);
}

static bool attributes(struct ecl *e)
{
	if (e->depth == MAX_DEPTH)
		return false;
	e->depth++;
	bool ok = attribute(e);
	while (ok && (take(e, S(",")) || take_word(e, S("AND")) || take_word(e, S("OR"))))
		ok = attribute(e);
	e->depth--;
	return ok;
}

static bool expression(struct ecl *e)
{
	bool ok = sub_expression(e);
	if (ok && take(e, S(":")))
		return attributes(e);
	while (ok && take(e, S(".")))
		ok = sub_expression(e);
	while (ok && (take(e, S(",")) || take_word(e, S("AND")) || take_word(e, S("OR")) || take_word(e, S("MINUS"))))
		ok = sub_expression(e);
	return ok;
}

bool ecl_is_formed(struct str text, size_t *ret_at)
{
	struct ecl e = {.text = text};
	bool ok = expression(&e);
	skip_space(&e);
	*ret_at = e.at;
	return ok && e.at == text.n;
}
