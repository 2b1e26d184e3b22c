/*
 * Does one element meet one value? The comparisons of http://hl7.org/fhir/R4/search.html, written from its text for the
 * words that the oracle uses: numbers without exponents, instants with offsets, masses in UCUM units.
 */
#include <math.h>
#include <stdlib.h>

#include "oracle.h"

/* ---- texts ------------------------------------------------------------------------------------------------------ */

struct str naive_fold(struct arena *a, struct str text)
{
	static const struct {
		const char *from, *to;
	} letters[] = {{"ü", "u"}, {"é", "e"}, {"Ü", "u"}};
	struct buf b;
	buf_init(&b, text.n * 2 + 16);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c >= 'A' && c <= 'Z')
			buf_char(&b, (char)(c + 32));
		else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			buf_char(&b, (char)c);
		else if (c < 0x80 && b.n && b.p[b.n - 1] != ' ')
			buf_char(&b, ' ');
		for (size_t k = 0; c >= 0x80 && k < 3; k++)
			if (str_starts(str_slice(text, i, text.n), str_from(letters[k].from)))
				buf_add(&b, str_from(letters[k].to));
	}
	struct str folded = arena_str(a, str_trim(buf_str(&b)));
	buf_done(&b);
	return folded;
}

static bool text_meets(struct oracle *o, const struct ask *ask, struct str text, const char *value)
{
	if (!text.p)
		return false;
	if (strcmp(ask->modifier, "exact") == 0)
		return str_is(text, value);
	struct str have = naive_fold(o->arena, text), want = naive_fold(o->arena, str_from(value));
	return strcmp(ask->modifier, "contains") == 0 ? str_find(have, want) != STR_NONE : str_starts(have, want);
}

static bool any_text(struct oracle *o, const struct ask *ask, const struct json *value, const char *wanted)
{
	if (json_is(value, JSON_STRING))
		return text_meets(o, ask, json_str(value), wanted);
	bool meets = false;
	for (struct json_iter it = json_iter(value); !meets && json_next(&it);)
		meets = any_text(o, ask, it.value, wanted);
	return meets;
}

/* ---- dates ------------------------------------------------------------------------------------------------------ */

static int number_at(const char *text, size_t from, size_t n)
{
	int value = 0;
	for (size_t i = from; i < from + n; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

static int64_t days_until(int year, int month, int day)
{
	int64_t days = 0;
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	for (int y = 1970; y < year; y++)
		days += (y % 4 == 0 && y % 100 != 0) || y % 400 == 0 ? 366 : 365;
	for (int m = 1; m < month; m++)
		days += lengths[m - 1] + (m == 2 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0));
	return days + day - 1;
}

bool naive_date(const char *text, size_t n, int64_t *ret_low, int64_t *ret_high)
{
	const int64_t day_ms = 86400000;
	if (n < 4)
		return false;
	int year = number_at(text, 0, 4), month = n >= 7 ? number_at(text, 5, 2) : 1;
	int day = n >= 10 ? number_at(text, 8, 2) : 1;
	*ret_low = days_until(year, month, day) * day_ms;
	if (n == 4)
		*ret_high = days_until(year + 1, 1, 1) * day_ms - 1;
	else if (n == 7)
		*ret_high = days_until(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) * day_ms - 1;
	else if (n == 10)
		*ret_high = *ret_low + day_ms - 1;
	else {
		int64_t precision = 1000;
		*ret_low +=
			((number_at(text, 11, 2) * 60 + number_at(text, 14, 2)) * 60 + number_at(text, 17, 2)) * 1000ll;
		size_t at = 19;
		if (text[at] == '.') {
			*ret_low += number_at(text, 20, 3);
			precision = 1;
			at = 23;
		}
		if (text[at] != 'Z')
			*ret_low -= (text[at] == '-' ? -1 : 1) *
				    (number_at(text, at + 1, 2) * 60 + number_at(text, at + 4, 2)) * 60000ll;
		*ret_high = *ret_low + precision - 1;
	}
	return true;
}

bool naive_date_compare(const char *prefix, int64_t low, int64_t high, int64_t value_low, int64_t value_high)
{
	bool inside = value_low <= low && high <= value_high;
	if (!prefix || !prefix[0] || strcmp(prefix, "eq") == 0)
		return inside;
	if (strcmp(prefix, "ne") == 0)
		return !inside;
	if (strcmp(prefix, "gt") == 0)
		return high > value_high;
	if (strcmp(prefix, "lt") == 0)
		return low < value_low;
	if (strcmp(prefix, "ge") == 0)
		return high > value_high || inside;
	if (strcmp(prefix, "le") == 0)
		return low < value_low || inside;
	if (strcmp(prefix, "sa") == 0)
		return low > value_high;
	if (strcmp(prefix, "eb") == 0)
		return high < value_low;
	int64_t away = value_low > ORACLE_NOW	 ? value_low - ORACLE_NOW
		       : ORACLE_NOW > value_high ? ORACLE_NOW - value_high
						 : 0;
	return low <= value_high + away / 10 && high >= value_low - away / 10; /* ap */
}

static bool date_meets(const struct ask_value *v, const struct json *element)
{
	int64_t low = INT64_MIN, high = INT64_MAX, other, value_low, value_high;
	struct str text = json_str(element);
	if (!naive_date(v->code, strlen(v->code), &value_low, &value_high))
		return false;
	if (text.p) {
		if (!naive_date(text.p, text.n, &low, &high))
			return false;
	} else {
		struct str start = json_get_str(element, S("start")), end = json_get_str(element, S("end"));
		if (!start.p && !end.p)
			return false;
		if (start.p && !naive_date(start.p, start.n, &low, &other))
			return false;
		if (end.p && !naive_date(end.p, end.n, &other, &high))
			return false;
		if (low > high)
			return false;
	}
	return naive_date_compare(v->prefix, low, high, value_low, value_high);
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

/* A number times 10^12 as a whole, and half of the last digit it has. */
typedef __int128 whole;
static whole read_number(struct str text, whole *ret_half)
{
	whole value = 0, scale = 1000000000000;
	bool negative = text.n && text.p[0] == '-', point = false;
	for (size_t i = negative; i < text.n; i++) {
		if (text.p[i] == '.') {
			point = true;
			continue;
		}
		value = value * 10 + (text.p[i] - '0');
		if (point)
			scale /= 10;
	}
	*ret_half = scale / 2;
	return (negative ? -value : value) * scale;
}

/* Micrograms in a unit; 0: no mass. */
static whole mass_of(struct str unit)
{
	return str_is(unit, "ug")   ? 1
	       : str_is(unit, "mg") ? 1000
	       : str_is(unit, "g")  ? 1000000
	       : str_is(unit, "kg") ? 1000000000
				    : 0;
}

struct span {
	whole low, high;
	bool low_open, high_open;
};

static bool number_meets(const char *prefix, struct span s, whole value, whole half)
{
	whole tenth = (value < 0 ? -value : value) / 10, wide = tenth > half ? tenth : half;
	bool equal = !s.low_open && !s.high_open && s.low >= value - half && s.high < value + half;
	if (!prefix || !prefix[0] || strcmp(prefix, "eq") == 0)
		return equal;
	if (strcmp(prefix, "ne") == 0)
		return !equal;
	if (strcmp(prefix, "gt") == 0)
		return s.high_open || s.high > value;
	if (strcmp(prefix, "ge") == 0)
		return s.high_open || s.high >= value;
	if (strcmp(prefix, "lt") == 0)
		return s.low_open || s.low < value;
	if (strcmp(prefix, "le") == 0)
		return s.low_open || s.low <= value;
	if (strcmp(prefix, "sa") == 0)
		return !s.low_open && s.low > value;
	if (strcmp(prefix, "eb") == 0)
		return !s.high_open && s.high < value;
	return (s.low_open || s.low <= value + wide) && (s.high_open || s.high >= value - wide); /* ap */
}

static bool read_span(const struct json *element, struct span *ret_span)
{
	whole half;
	struct str text = json_number(element);
	*ret_span = (struct span){0};
	if (!text.p)
		text = json_number(json_get(element, S("value")));
	if (text.p) {
		struct str comparator = json_get_str(element, S("comparator"));
		ret_span->low = ret_span->high = read_number(text, &half);
		ret_span->low_open = comparator.n && comparator.p[0] == '<';
		ret_span->high_open = comparator.n && comparator.p[0] == '>';
		return true;
	}
	struct str low = json_number(json_get(json_get(element, S("low")), S("value")));
	struct str high = json_number(json_get(json_get(element, S("high")), S("value")));
	ret_span->low_open = !low.p;
	ret_span->high_open = !high.p;
	if (low.p)
		ret_span->low = read_number(low, &half);
	if (high.p)
		ret_span->high = read_number(high, &half);
	return low.p || high.p;
}

static bool quantity_meets(const struct ask_value *v, const struct json *element)
{
	struct span s;
	whole half, value = read_number(str_from(v->code), &half);
	struct str system = json_get_str(element, S("system")), code = json_get_str(element, S("code"));
	struct str unit = json_get_str(element, S("unit"));
	if (!read_span(element, &s))
		return false;
	if (!v->extra)
		return number_meets(v->prefix, s, value, half);
	if (!v->system[0])
		return (str_is(code, v->extra) || str_is(unit, v->extra)) && number_meets(v->prefix, s, value, half);
	if (!str_is(system, v->system))
		return false;
	whole ours = mass_of(code), wanted = mass_of(str_from(v->extra));
	if (!ours || !wanted)
		return str_is(code, v->extra) && number_meets(v->prefix, s, value, half);
	s.low *= ours;
	s.high *= ours;
	return number_meets(v->prefix, s, value * wanted, half * wanted);
}

/* ---- tokens ----------------------------------------------------------------------------------------------------- */

static bool coded_meets(const struct ask_value *v, struct str system, struct str code)
{
	if (!code.n || (v->code[0] && !str_is(code, v->code)))
		return false;
	return !v->system || (v->system[0] ? str_is(system, v->system) : !system.p);
}

static bool code_meets(const struct ask *ask, const struct ask_value *v, struct str code)
{
	struct str system = STR_NULL;
	if (strcmp(ask->field.param, "gender") == 0)
		system = S("http://hl7.org/fhir/administrative-gender");
	if (strcmp(ask->field.param, "status") == 0)
		system = strcmp(ask->field.type, "Observation") == 0 ? S("http://hl7.org/fhir/observation-status")
								     : S("http://hl7.org/fhir/encounter-status");
	return coded_meets(v, system, code);
}

static bool word_start(struct oracle *o, struct str text, const char *wanted)
{
	struct str have = naive_fold(o->arena, text), want = naive_fold(o->arena, str_from(wanted));
	for (size_t at = 0; text.p && at + want.n <= have.n; at++)
		if ((at == 0 || have.p[at - 1] == ' ') && str_starts(str_slice(have, at, have.n), want))
			return true;
	return false;
}

static bool token_meets(struct oracle *o, const struct ask *ask, const struct ask_value *v, struct str type,
			const struct json *element)
{
	bool texts = strcmp(ask->modifier, "text") == 0, of_type = strcmp(ask->modifier, "of-type") == 0;
	if (str_is(type, "Identifier")) {
		const struct json *kind = json_get(element, S("type"));
		if (texts)
			return token_meets(o, ask, v, S("CodeableConcept"), kind);
		if (!of_type)
			return coded_meets(v, json_get_str(element, S("system")), json_get_str(element, S("value")));
		struct ask_value of = {.system = v->system, .code = v->code};
		bool meets = false;
		for (struct json_iter it = json_iter(json_get(kind, S("coding"))); json_next(&it);)
			meets |= coded_meets(&of, json_get_str(it.value, S("system")),
					     json_get_str(it.value, S("code")));
		return meets && str_is(json_get_str(element, S("value")), v->extra);
	}
	if (str_is(type, "Coding"))
		return texts ? word_start(o, json_get_str(element, S("display")), v->code)
			     : coded_meets(v, json_get_str(element, S("system")), json_get_str(element, S("code")));
	if (str_is(type, "CodeableConcept")) {
		bool meets = texts && word_start(o, json_get_str(element, S("text")), v->code);
		for (struct json_iter it = json_iter(json_get(element, S("coding"))); json_next(&it) && !meets;)
			meets = token_meets(o, ask, v, S("Coding"), it.value);
		return meets;
	}
	if (texts)
		return false;
	if (json_is(element, JSON_BOOL))
		return coded_meets(v, STR_NULL, json_bool(element) ? S("true") : S("false"));
	return code_meets(ask, v, json_str(element));
}

/* ---- references, urls, places ------------------------------------------------------------------------------------ */

struct str naive_reference(const struct json *element)
{
	struct str text = json_get_str(element, S("reference"));
	if (text.p && str_starts(text, S(ORACLE_BASE "/")))
		text = str_slice(text, sizeof(ORACLE_BASE), text.n);
	return text;
}

static bool reference_meets(const struct ask *ask, const struct ask_value *v, const struct json *element)
{
	struct str text = naive_reference(element), wanted = str_from(v->code);
	if (strcmp(ask->modifier, "identifier") == 0) {
		const struct json *identifier = json_get(element, S("identifier"));
		return coded_meets(v, json_get_str(identifier, S("system")), json_get_str(identifier, S("value")));
	}
	if (str_starts(wanted, S(ORACLE_BASE "/")))
		wanted = str_slice(wanted, sizeof(ORACLE_BASE), wanted.n);
	if (!text.p || str_find_char(wanted, '/', 0) != STR_NONE)
		return text.p && str_eq(text, wanted);
	size_t slash = str_find_char(text, '/', 0);
	return str_find(text, S("://")) == STR_NONE && str_eq(str_slice(text, slash + 1, text.n), wanted);
}

static bool url_meets(const struct ask *ask, struct str url, struct str wanted)
{
	struct str upper = url, lower = wanted;
	if (!url.p || str_eq(url, wanted))
		return url.p;
	if (strcmp(ask->modifier, "below") == 0) {
		upper = wanted;
		lower = url;
	} else if (strcmp(ask->modifier, "above") != 0)
		return false;
	return str_find(upper, S("://")) != STR_NONE && lower.n > upper.n && str_starts(lower, upper) &&
	       lower.p[upper.n] == '/';
}

static bool near_meets(const struct ask_value *v, const struct json *element)
{
	double place[3] = {0}, latitude, longitude, radians = acos(-1) / 180;
	struct str rest = str_from(v->code), unit;
	for (int i = 0; i < 3; i++)
		place[i] = strtod(str_split(&rest, '|').p, NULL);
	unit = rest;
	struct str a = json_number(json_get(element, S("latitude"))),
		   b = json_number(json_get(element, S("longitude")));
	if (!a.p || !b.p)
		return false;
	latitude = strtod(a.p, NULL);
	longitude = strtod(b.p, NULL);
	double cosine = sin(latitude * radians) * sin(place[0] * radians) +
			cos(latitude * radians) * cos(place[0] * radians) * cos((longitude - place[1]) * radians);
	return 6371.0088 * acos(cosine > 1 ? 1 : cosine) <= (str_is(unit, "km") ? place[2] : place[2] / 1000);
}

/* Value sets and hierarchies: any of their codes. */
static bool coded_by_terms(struct oracle *o, const struct ask *ask, const struct ask_value *value,
			   const struct fhir_type *type, const struct json *element)
{
	struct term_code codes[8];
	struct ask plain = *ask;
	bool in = strcmp(ask->modifier, "in") == 0 || strcmp(ask->modifier, "not-in") == 0;
	size_t count = in ? terms_in(value->code, codes)
			  : terms_related(value->system, value->code, strcmp(ask->modifier, "below") == 0, codes);
	plain.modifier = "";
	for (size_t i = 0; i < count; i++) {
		struct ask_value one = {.system = codes[i].system, .code = codes[i].code};
		if (token_meets(o, &plain, &one, type->name, element))
			return true;
	}
	return false;
}

bool naive_meets(struct oracle *o, const struct ask *ask, const struct ask_value *value, const struct fhir_type *type,
		 const struct json *element)
{
	static const char *const by_terms[] = {"in", "not-in", "below", "above"};
	for (size_t i = 0; i < 4 && ask->field.kind == FIELD_TOKEN; i++)
		if (strcmp(ask->modifier, by_terms[i]) == 0)
			return coded_by_terms(o, ask, value, type, element);
	switch (ask->field.kind) {
	case FIELD_STRING:
		return any_text(o, ask, element, value->code);
	case FIELD_TOKEN:
		return token_meets(o, ask, value, type->name, element);
	case FIELD_DATE:
		return date_meets(value, element);
	case FIELD_NUMBER: {
		struct span s;
		whole half, number = read_number(str_from(value->code), &half);
		return json_number(element).p && read_span(element, &s) && number_meets(value->prefix, s, number, half);
	}
	case FIELD_QUANTITY:
		return quantity_meets(value, element);
	case FIELD_REFERENCE:
		return reference_meets(ask, value, element);
	case FIELD_URI:
		return url_meets(ask, json_str(element), str_from(value->code));
	case FIELD_NEAR:
		return near_meets(value, element);
	}
	return false;
}
