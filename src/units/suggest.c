/*
 * What somebody probably meant. The text is mended piece by piece: the place where parsing stumbles is replaced by the
 * likeliest valid piece, until all of it parses or nothing helps. A suggestion is always a valid code; where two
 * meanings are equally near, none is made.
 */
#include "units/units_priv.h"

#include "base/near.h"

enum { REPAIRS_MAX = 12, SYMBOL_MAX = 40 };

/* A prefix and a unit, or a unit alone. */
struct candidate {
	int prefix;
	size_t row;
};

static const struct unit_table *table(void)
{
	return &unit_builtin_table;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool starts_nocase(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq_nocase(str_slice(s, 0, prefix.n), prefix);
}

static void write_candidate(struct buf *out, struct candidate c)
{
	struct str code = table()->rows[c.row].code;
	if (c.prefix >= 0)
		buf_add(out, table()->prefixes[c.prefix].code);
	/* Both are the litre; the capital one cannot be taken for a 1. */
	buf_add(out, str_is(code, "l") ? S("L") : code);
}

/* ---- ways to find a symbol --------------------------------------------------------------------------------------- */

static struct str alias(struct str written)
{
	static const struct {
		struct str written, code;
	} aliases[] = {
#define ALIAS(written, code) {{written, sizeof(written) - 1}, {code, sizeof(code) - 1}},
#include "units/aliases.def"
#undef ALIAS
	};
	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
		if (str_eq(written, aliases[i].written))
			return aliases[i].code;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
		if (str_eq_nocase(written, aliases[i].written))
			return aliases[i].code;
	return STR_NULL;
}

typedef struct str text_of_row(const struct unit_row *row);
typedef struct str text_of_prefix(const struct unit_prefix *prefix);

static struct str row_code(const struct unit_row *row)
{
	return row->code;
}
static struct str row_ci_code(const struct unit_row *row)
{
	return row->ci_code;
}
static struct str row_name(const struct unit_row *row)
{
	return row->name;
}
static struct str row_symbol(const struct unit_row *row)
{
	return row->symbol;
}
static struct str prefix_code(const struct unit_prefix *prefix)
{
	return prefix->code;
}
static struct str prefix_ci_code(const struct unit_prefix *prefix)
{
	return prefix->ci_code;
}
static struct str prefix_name(const struct unit_prefix *prefix)
{
	return prefix->name;
}

static bool row_is(struct str text, text_of_row *row_text, size_t row)
{
	struct str wanted = row_text(&table()->rows[row]);
	return wanted.n > 0 && str_eq_nocase(text, wanted);
}

/* Nobody who writes ea means the exaampere. */
static bool is_rare(const struct unit_prefix *prefix)
{
	return prefix->power >= 18 || prefix->power <= -18;
}

/* The symbol whose prefix and unit are spelled like this in one of the table's columns, without case; of several the
 * last with the same prefix to the letter, or the first. */
static bool find_spelled(struct str text, text_of_prefix *prefix_text, text_of_row *row_text,
			 struct candidate *ret_candidate)
{
	size_t found = 0;
	for (size_t row = 0; row < table()->row_count; row++) {
		if (row_is(text, row_text, row) && found++ == 0)
			*ret_candidate = (struct candidate){-1, row};
		for (size_t i = 0; table()->rows[row].metric && i < table()->prefix_count; i++) {
			struct str prefix = prefix_text(&table()->prefixes[i]);
			if (!starts_nocase(text, prefix) ||
			    (!str_starts(text, prefix) && is_rare(&table()->prefixes[i])) ||
			    !row_is(str_slice(text, prefix.n, text.n), row_text, row))
				continue;
			if (found++ == 0)
				*ret_candidate = (struct candidate){(int)i, row};
			else if (str_starts(text, prefix))
				*ret_candidate = (struct candidate){(int)i, row};
		}
	}
	return found > 0;
}

/* A name that one unit has: the minutes of an hour and of an arc are both called minute. l and L are one unit. */
static bool find_only_name(struct str text, struct candidate *ret_candidate)
{
	size_t others = 0;
	if (!find_spelled(text, prefix_name, row_name, ret_candidate))
		return false;
	const struct unit_row *found = &table()->rows[ret_candidate->row];
	for (size_t row = 0; row < table()->row_count; row++) {
		const struct unit_row *other = &table()->rows[row];
		others += other != found && str_eq_nocase(other->name, found->name) &&
			  !str_eq_nocase(other->code, found->code);
	}
	return others == 0;
}

static bool find_name(struct str text, struct candidate *ret_candidate)
{
	if (find_only_name(text, ret_candidate))
		return true;
	struct str singular = str_slice(text, 0, text.n ? text.n - 1 : 0);
	return text.n > 3 && lower(text.p[text.n - 1]) == 's' && find_only_name(singular, ret_candidate);
}

/* One letter is a constant of physics there, [e] or [c], which nobody means. */
static bool find_print_symbol(struct str text, struct candidate *ret_candidate)
{
	return text.n > 1 && find_spelled(text, prefix_code, row_symbol, ret_candidate);
}

static bool find_in_brackets(struct str text, struct candidate *ret_candidate)
{
	if (text.n < 2) /* likewise */
		return false;
	char room[SYMBOL_MAX + 2] = "[";
	memcpy(room + 1, text.p, text.n);
	room[text.n + 1] = ']';
	return find_spelled(str_make(room, text.n + 2), prefix_code, row_code, ret_candidate);
}

/* The only symbol that is a slip of the pen away. */
static bool find_near(struct str text, struct candidate *ret_candidate)
{
	size_t best = text.n < 3 ? 0 : text.n < 7 ? 1 : 2, ties = 0;
	for (size_t row = 0; row < table()->row_count; row++) {
		for (int i = -1; i < (int)table()->prefix_count && (i < 0 || table()->rows[row].metric); i++) {
			char room[2 * SYMBOL_MAX];
			struct str prefix = i < 0 ? S("") : table()->prefixes[i].code, code = table()->rows[row].code;
			size_t n = prefix.n + code.n;
			if (n > sizeof(room) || n > text.n + best || n + best < text.n)
				continue;
			memcpy(room, prefix.p, prefix.n);
			memcpy(room + prefix.n, code.p, code.n);
			size_t distance = str_distance(text, str_make(room, n));
			if (distance > best || (distance == best && ties > 0 && ++ties))
				continue;
			best = distance;
			ties = 1;
			*ret_candidate = (struct candidate){i, row};
		}
	}
	return ties == 1;
}

/* A valid piece instead of a symbol that the table does not have. */
static bool replace_symbol(struct str symbol, struct buf *out)
{
	struct candidate found;
	struct str code = alias(symbol);
	if (code.p) {
		buf_add(out, code);
		return code.n > 0;
	}
	if (symbol.n == 0 || symbol.n > SYMBOL_MAX)
		return false;
	if (str_ends(symbol, S("^"))) { /* m^2 */
		buf_add(out, str_slice(symbol, 0, symbol.n - 1));
		return true;
	}
	if (!find_spelled(symbol, prefix_code, row_code, &found) &&
	    !find_spelled(symbol, prefix_ci_code, row_ci_code, &found) && !find_name(symbol, &found) &&
	    !find_in_brackets(symbol, &found) && !find_print_symbol(symbol, &found) && !find_near(symbol, &found))
		return false;
	write_candidate(out, found);
	return true;
}

/* ---- characters -------------------------------------------------------------------------------------------------- */

/* Whether a space is only for the eye: beside an operator, or between a number and its unit. Between two symbols it
 * could be a product or a slip. */
static bool is_spacing(struct str text, size_t at)
{
	char before = text.p[at - 1], after = text.p[at + 1];
	return memchr("./() ", before, 5) || memchr("./() ", after, 5) || (before >= '0' && before <= '9');
}

/* Signs that keyboards and word processors make of UCUM's, and words between units. */
static void replace_signs(struct str text, struct buf *out)
{
	static const struct {
		struct str from, to;
	} signs[] = {
		{{"\xC2\xB5", 2}, {"u", 1}}, /* micro sign */
		{{"\xCE\xBC", 2}, {"u", 1}}, /* mu */
		{{"\xC2\xB0"
		  "C",
		  3},
		 {"Cel", 3}},
		{{"\xC2\xB0"
		  "F",
		  3},
		 {"[degF]", 6}},
		{{"\xC2\xB0", 2}, {"deg", 3}},
		{{"\xC2\xB2", 2}, {"2", 1}},
		{{"\xC2\xB3", 2}, {"3", 1}},
		{{"\xC2\xB7", 2}, {".", 1}},
		{{"\xE2\x8B\x85", 3}, {".", 1}},
		{{"\xE2\x81\xBB", 3}, {"-", 1}}, /* superscript minus */
		{{"\xE2\x88\x92", 3}, {"-", 1}}, /* minus sign */
		{{"\xC2\xB9", 2}, {"1", 1}},
		{{"\xCE\xA9", 2}, {"Ohm", 3}},
		{{"\xE2\x84\xA6", 3}, {"Ohm", 3}},
		{{"\xC3\x97"
		  "10",
		  4},
		 {"10", 2}}, /* multiplication sign */
		{{"\xC3\x97", 2}, {".", 1}},
		{{"x10E", 4}, {"10*", 3}},
		{{"X10E", 4}, {"10*", 3}},
		{{"x10e", 4}, {"10*", 3}},
		{{"x10", 3}, {"10", 2}},
		{{"10E", 3}, {"10*", 3}},
		{{"10e", 3}, {"10*", 3}},
		{{"1.73m2", 6}, {"{1.73_m2}", 9}}, /* of body surface, in clearances */
		{{"1.73m^2", 7}, {"{1.73_m2}", 9}},
		{{"1.73 m2", 7}, {"{1.73_m2}", 9}},
		{{"1.73 m^2", 8}, {"{1.73_m2}", 9}},
		{{"1.73m\xC2\xB2", 7}, {"{1.73_m2}", 9}},
		{{"1.73 m\xC2\xB2", 8}, {"{1.73_m2}", 9}},
		{{"X10", 3}, {"10", 2}},
		{{" per ", 5}, {"/", 1}},
		{{" / ", 3}, {"/", 1}},
		{{"**", 2}, {"", 0}},
	};
	for (size_t at = 0; at < text.n;) {
		struct str rest = str_slice(text, at, text.n);
		size_t i = 0, count = sizeof(signs) / sizeof(*signs);
		while (i < count && !str_starts(rest, signs[i].from))
			i++;
		if (text.p[at] == ' ' && i == count && is_spacing(text, at)) {
			at++;
			continue;
		}
		if (i < count)
			buf_add(out, signs[i].to);
		else
			buf_char(out, text.p[at]);
		at += i < count ? signs[i].from.n : 1;
	}
}

/* Text in capitals alone is probably the case-insensitive form of UCUM, where MG is the milligram and not the
 * megagauss. Writes it with each symbol in its other form; false when a symbol has none. */
static bool from_capitals(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 'a' && text.p[i] <= 'z')
			return false;
	for (size_t at = 0; at < text.n;) {
		size_t from = at;
		while (at < text.n && !memchr("./()0123456789+-{}", text.p[at], 18)) {
			size_t close = text.p[at] == '[' ? str_find_char(text, ']', at) : STR_NONE;
			at = close == STR_NONE ? at + 1 : close + 1;
		}
		struct candidate found;
		struct str symbol = str_slice(text, from, at);
		if (symbol.n == 0) {
			buf_char(out, text.p[at++]);
			continue;
		}
		if (!find_spelled(symbol, prefix_ci_code, row_ci_code, &found))
			return false;
		write_candidate(out, found);
	}
	return buf_ok(out);
}

/* Puts what replaces [from, to) into the text. */
static void splice(struct str text, size_t from, size_t to, struct str by, struct buf *out)
{
	buf_add(out, str_slice(text, 0, from));
	buf_add(out, by);
	buf_add(out, str_slice(text, to, text.n));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number that runs into a symbol: 24h is 24.h, and mg/24h is mg/(24.h). A decimal point is none of UCUM's: what 1.5h
 * should be cannot be said with a '.'. */
static bool repair_number(struct str text, const struct unit_fault *fault, struct buf *out)
{
	size_t from = fault->from, end = fault->to;
	if (from > 1 && text.p[from - 1] == '.' && is_digit(text.p[from - 2]))
		return false;
	while (end < text.n && !memchr("./(){}", text.p[end], 6))
		end++;
	bool divided = from > 0 && text.p[from - 1] == '/';
	buf_add(out, str_slice(text, 0, from));
	buf_add(out, divided ? S("(") : S(""));
	buf_add(out, str_slice(text, from, fault->to));
	buf_char(out, '.');
	buf_add(out, str_slice(text, fault->to, end));
	buf_add(out, divided ? S(")") : S(""));
	buf_add(out, str_slice(text, end, text.n));
	return buf_ok(out);
}

/* One repair of the first fault. False when there is none to make. */
static bool repair(struct str text, const struct unit_fault *fault, struct buf *out)
{
	struct buf piece;
	struct str wrong = str_slice(text, fault->from, fault->to);
	if (!fault->symbol)
		return wrong.n > 0 && is_digit(wrong.p[0]) && repair_number(text, fault, out);
	size_t star = str_find_char(wrong, '*', 0);
	if (star != STR_NONE && star > 0 && star + 1 < wrong.n) {
		splice(text, fault->from + star, fault->from + star + 1, S("."), out);
		return buf_ok(out);
	}
	buf_init(&piece, 2 * SYMBOL_MAX);
	bool found = replace_symbol(wrong, &piece);
	if (found && str_find_char(buf_str(&piece), '/', 0) != STR_NONE && wrong.n < text.n)
		found = false; /* g/mM is not g/mmol/L */
	if (found)
		splice(text, fault->from, fault->to, buf_str(&piece), out);
	buf_done(&piece);
	return found && buf_ok(out);
}

static bool mend(struct buf *text)
{
	struct unit_parts parts;
	struct unit_fault fault;
	struct buf next;
	bool valid = false, hope = true;
	buf_init(&next, UNIT_MAX_TEXT);
	for (int i = 0; i < REPAIRS_MAX && hope && !valid; i++) {
		valid = unit_parse_parts(table(), buf_str(text), &parts, &fault, NULL);
		if (valid)
			break;
		buf_reset(&next);
		hope = repair(buf_str(text), &fault, &next);
		if (hope) {
			buf_reset(text);
			buf_add(text, buf_str(&next));
		}
	}
	buf_done(&next);
	struct unit u;
	return valid && text->n > 0 && unit_reduce(table(), &parts, &u, NULL);
}

bool unit_suggest(struct str text, struct buf *out)
{
	struct buf working;
	struct str trimmed = str_trim(text), whole = alias(trimmed);
	struct candidate named;
	bool found = false;
	if (trimmed.n == 0 || trimmed.n > UNIT_MAX_TEXT || (whole.p && whole.n == 0))
		return false;
	buf_init(&working, UNIT_MAX_TEXT);
	if (whole.p)
		buf_add(&working, whole);
	else if (find_name(trimmed, &named))
		write_candidate(&working, named);
	else if (!from_capitals(trimmed, &working)) {
		buf_reset(&working);
		replace_signs(trimmed, &working);
	}
	if (buf_ok(&working) && mend(&working) && !str_eq(buf_str(&working), text)) {
		buf_add(out, buf_str(&working));
		found = true;
	}
	buf_done(&working);
	return found && buf_ok(out);
}

bool unit_check(struct str text, struct error *err)
{
	struct unit u;
	struct error first = {0};
	struct buf near;
	if (text.n == 0)
		return error_set(err, ERR_VALUE, "a unit is missing");
	if (unit_parse(text, &u, &first))
		return true;
	buf_init(&near, UNIT_MAX_TEXT);
	if (unit_suggest(text, &near))
		error_set(err, first.code, "%s; did you mean \"%.*s\"?", first.text, STR_ARG(buf_str(&near)));
	else
		error_set(err, first.code, "%s", first.text);
	buf_done(&near);
	if (err)
		err->column = first.column;
	return false;
}
