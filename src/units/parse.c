/*
 * The grammar of UCUM: a unit is a row of components with '.' and '/' between them, read from left to right, so that
 * a/b.c is (a/b).c. A component is a symbol with an optional exponent, a whole number, a term in parentheses or an
 * annotation in braces; an annotation may also follow a component. What each symbol means is asked of the table at
 * once, so that the error of an unknown one has its place in the text.
 */
#include "units/units_priv.h"

struct parser {
	const struct unit_table *table;
	struct str text;
	size_t at;
	unsigned depth;
	struct unit_parts *parts;
	struct unit_fault *fault;
	struct error *err;
};

/* Fails at [from, to) of the text. */
static bool fail(struct parser *p, size_t from, size_t to, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static bool fail(struct parser *p, size_t from, size_t to, const char *format, ...)
{
	va_list args;
	struct buf text;
	buf_init(&text, 512);
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	error_set(p->err, ERR_VALUE, "%.*s", STR_ARG(buf_str(&text)));
	buf_done(&text);
	if (p->err)
		p->err->column = from + 1;
	p->fault->from = from;
	p->fault->to = to;
	return false;
}

static char peek(const struct parser *p)
{
	return p->at < p->text.n ? p->text.p[p->at] : '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_visible(char c)
{
	return c > 32 && c < 127;
}

static struct unit_part *add_part(struct parser *p, enum unit_part_kind kind, size_t from, bool inverted)
{
	if (p->parts->count == sizeof(p->parts->parts) / sizeof(*p->parts->parts)) {
		error_set(p->err, ERR_LIMIT, "a unit has at most %d parts", UNIT_MAX_PARTS);
		return NULL;
	}
	struct unit_part *part = &p->parts->parts[p->parts->count++];
	*part = (struct unit_part){.kind = kind,
				   .at = (uint16_t)from,
				   .end = (uint16_t)p->at,
				   .prefix = -1,
				   .exponent = 1,
				   .inverted = inverted};
	return part;
}

static bool parse_annotation(struct parser *p)
{
	size_t from = p->at++;
	while (p->at < p->text.n && p->text.p[p->at] != '}') {
		if (p->text.p[p->at] == '{')
			return fail(p, p->at, p->at + 1, "an annotation has no braces inside");
		/* UCUM has no spaces there, but HL7's own list of common units has: {# of fetuses}. */
		if (!is_visible(p->text.p[p->at]) && p->text.p[p->at] != ' ')
			return fail(p, p->at, p->at + 1, "an annotation has only ASCII characters");
		p->at++;
	}
	if (p->at == p->text.n)
		return fail(p, from, p->text.n, "the annotation is not closed: '}' is missing");
	p->at++;
	return add_part(p, PART_ANNOTATION, from, false) != NULL;
}

/* [+-]digits behind a symbol, or nothing. */
static bool parse_exponent(struct parser *p, int16_t *ret_exponent)
{
	size_t from = p->at;
	bool negative = peek(p) == '-', sign = negative || peek(p) == '+';
	if (sign)
		p->at++;
	int exponent = 0;
	size_t digits = p->at;
	for (; is_digit(peek(p)); p->at++) {
		exponent = exponent * 10 + (peek(p) - '0');
		if (exponent > UNIT_MAX_EXPONENT) {
			if (p->err)
				p->err->column = from + 1;
			return error_set(p->err, ERR_LIMIT, "an exponent is at most %d", UNIT_MAX_EXPONENT);
		}
	}
	if (sign && p->at == digits)
		return fail(p, from, p->at, "the exponent has no digits");
	if (p->at == digits)
		exponent = 1;
	*ret_exponent = (int16_t)(negative ? -exponent : exponent);
	return true;
}

/* Moves over the characters of a symbol; square brackets may hold anything. */
static bool scan_symbol(struct parser *p)
{
	size_t from = p->at;
	/* The number ten for arbitrary powers is written with digits. */
	if (str_starts(str_slice(p->text, from, p->text.n), S("10*")) ||
	    str_starts(str_slice(p->text, from, p->text.n), S("10^"))) {
		p->at += 3;
		return true;
	}
	for (; is_visible(peek(p)); p->at++) {
		char c = peek(p);
		if (is_digit(c) || memchr("./(){}+-", c, 8))
			break;
		if (c == ']')
			return fail(p, p->at, p->at + 1, "']' has no '[' before it");
		if (c != '[')
			continue;
		size_t open = p->at;
		while (p->at < p->text.n && p->text.p[p->at] != ']' && is_visible(p->text.p[p->at]))
			p->at++;
		if (peek(p) != ']')
			return fail(p, open, p->at, "the bracket is not closed: ']' is missing");
	}
	if (p->at == from && (peek(p) == ' ' || peek(p) == '\t'))
		return fail(p, from, from + 1, "a unit has no spaces");
	if (p->at == from && p->at < p->text.n && !is_visible(peek(p)))
		return fail(p, from, p->text.n, "a unit has only visible ASCII characters");
	if (p->at == from)
		return fail(p, from, from + 1, "a unit is missing before '%c'", peek(p));
	return true;
}

static bool parse_symbol(struct parser *p, bool inverted)
{
	size_t from = p->at;
	int16_t prefix = -1, exponent = 1;
	uint16_t row = 0;
	if (!scan_symbol(p))
		return false;
	struct str symbol = str_slice(p->text, from, p->at);
	if (!unit_find_symbol(p->table, symbol, &prefix, &row)) {
		p->fault->symbol = true;
		return fail(p, from, p->at, "there is no unit \"%.*s\"", STR_ARG(str_slice(symbol, 0, 60)));
	}
	if (!parse_exponent(p, &exponent))
		return false;
	struct unit_part *part = add_part(p, PART_SYMBOL, from, inverted);
	if (!part)
		return false;
	part->prefix = prefix;
	part->row = row;
	part->exponent = exponent;
	return true;
}

static bool parse_factor(struct parser *p, bool inverted)
{
	size_t from = p->at;
	bool zero = true;
	for (; is_digit(peek(p)); p->at++)
		zero = zero && peek(p) == '0';
	if (zero)
		return fail(p, from, p->at, "a unit cannot be zero");
	if (p->at - from > DECIMAL_MAX_DIGITS)
		return error_set(p->err, ERR_LIMIT, "a number in a unit has at most %d digits", DECIMAL_MAX_DIGITS);
	char next = peek(p);
	if (next != '\0' && is_visible(next) && !memchr("./(){}", next, 6)) {
		struct str number = str_slice(p->text, from, p->at);
		return fail(p, from, p->at, "a '.' is missing after the number %.*s",
			    STR_ARG(str_slice(number, 0, 20)));
	}
	return add_part(p, PART_FACTOR, from, inverted) != NULL;
}

static bool parse_term(struct parser *p, bool inverted);

static bool parse_parentheses(struct parser *p, bool inverted)
{
	size_t from = p->at++;
	if (p->depth == UNIT_MAX_DEPTH)
		return error_set(p->err, ERR_LIMIT, "parentheses in a unit are nested at most %d deep", UNIT_MAX_DEPTH);
	p->depth++;
	if (!add_part(p, PART_OPEN, from, inverted) || !parse_term(p, inverted))
		return false;
	p->depth--;
	if (peek(p) != ')')
		return fail(p, from, p->at, "the parenthesis is not closed: ')' is missing");
	p->at++;
	if (!add_part(p, PART_CLOSE, p->at - 1, inverted))
		return false;
	if (is_digit(peek(p)) || peek(p) == '-' || peek(p) == '+')
		return fail(p, p->at, p->at + 1, "an exponent belongs to a symbol, not to parentheses");
	return true;
}

static bool parse_component(struct parser *p, bool inverted)
{
	if (peek(p) == '{')
		return parse_annotation(p);
	if (p->at == p->text.n)
		return fail(p, p->at ? p->at - 1 : 0, p->at, "a unit is missing at the end");
	bool ten = str_starts(str_slice(p->text, p->at, p->text.n), S("10*")) ||
		   str_starts(str_slice(p->text, p->at, p->text.n), S("10^"));
	bool parsed = peek(p) == '('		  ? parse_parentheses(p, inverted)
		      : is_digit(peek(p)) && !ten ? parse_factor(p, inverted)
						  : parse_symbol(p, inverted);
	return parsed && (peek(p) != '{' || parse_annotation(p));
}

/* What stands where only '.', '/' or the end may stand. */
static bool fail_after_component(struct parser *p)
{
	size_t at = p->at;
	char c = peek(p);
	if (c == ')')
		return fail(p, at, at + 1, "')' has no '(' before it");
	if (c == ' ' || c == '\t')
		return fail(p, at, at + 1, "a unit has no spaces");
	if (!is_visible(c))
		return fail(p, at, p->text.n, "a unit has only visible ASCII characters");
	if (at > 0 && p->text.p[at - 1] == '}')
		return fail(p, at, at + 1, "after an annotation comes '.', '/' or the end");
	if (at > 0 && is_digit(p->text.p[at - 1]))
		return fail(p, at, at + 1, "after an exponent comes '.', '/' or the end");
	return fail(p, at, at + 1, "'.' or '/' is missing before '%c'", c);
}

/* A leading '/' divides 1. */
static bool parse_term(struct parser *p, bool inverted)
{
	bool divide = false;
	if (peek(p) == '/') {
		p->at++;
		divide = true;
		if (!add_part(p, PART_DIVIDE, p->at - 1, inverted))
			return false;
	}
	for (;;) {
		if (!parse_component(p, inverted != divide))
			return false;
		char c = peek(p);
		if (p->at == p->text.n || (c == ')' && p->depth > 0))
			return true;
		if (c != '.' && c != '/')
			return fail_after_component(p);
		divide = c == '/';
		p->at++;
		if (!add_part(p, divide ? PART_DIVIDE : PART_TIMES, p->at - 1, inverted))
			return false;
	}
}

bool unit_parse_parts(const struct unit_table *table, struct str text, struct unit_parts *ret_parts,
		      struct unit_fault *ret_fault, struct error *err)
{
	struct parser p = {.table = table, .text = text, .parts = ret_parts, .fault = ret_fault, .err = err};
	ret_parts->text = text;
	ret_parts->count = 0;
	*ret_fault = (struct unit_fault){.to = text.n};
	if (text.n > UNIT_MAX_TEXT)
		return error_set(err, ERR_LIMIT, "a unit has at most %d characters", UNIT_MAX_TEXT);
	return text.n == 0 || parse_term(&p, false);
}
