/*
 * Code systems that are defined by a grammar: units (UCUM), language tags (BCP 47), media types (BCP 13), URIs (RFC
 * 3986). Only what the grammar decides is answered; whether a subtag or a media type is registered is not known here.
 */
#include "terminology/terminology_priv.h"
#include "units/units.h"

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool all_letters(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_letter(s.p[i]))
			return false;
	return true;
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]))
			return false;
	return true;
}

static bool all_alphanumeric(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_letter(s.p[i]) && !is_digit(s.p[i]))
			return false;
	return true;
}

/* ---- language tags (RFC 5646, 2.1) ------------------------------------------------------------------------------- */

/* Tags from before the grammar that it does not cover. */
static const char *const old_tags[] = {"en-GB-oed",   "i-ami",	 "i-bnn",     "i-default", "i-enochian", "i-hak",
				       "i-klingon",   "i-lux",	 "i-mingo",   "i-navajo",  "i-pwn",	 "i-tao",
				       "i-tay",	      "i-tsu",	 "sgn-BE-FR", "sgn-BE-NL", "sgn-CH-DE",	 "art-lojban",
				       "cel-gaulish", "no-bok",	 "no-nyn",    "zh-guoyu",  "zh-hakka",	 "zh-min",
				       "zh-min-nan",  "zh-xiang"};

static struct str peek(struct str rest)
{
	struct str copy = rest;
	return rest.p ? str_split(&copy, '-') : STR_NULL;
}

static bool take_subtags(struct str *rest, size_t min, size_t max, size_t *ret_count)
{
	size_t count = 0;
	for (struct str s = peek(*rest); s.p && s.n >= min && s.n <= max; s = peek(*rest)) {
		if (!all_alphanumeric(s))
			return false;
		str_split(rest, '-');
		count++;
	}
	*ret_count = count;
	return true;
}

static bool take_private(struct str *rest)
{
	size_t count;
	str_split(rest, '-');
	return take_subtags(rest, 1, 8, &count) && count > 0 && !rest->p;
}

static void take_script_and_region(struct str *rest)
{
	struct str s = peek(*rest);
	if (s.n == 4 && all_letters(s))
		str_split(rest, '-');
	s = peek(*rest);
	if ((s.n == 2 && all_letters(s)) || (s.n == 3 && all_digits(s)))
		str_split(rest, '-');
}

static bool take_variants(struct str *rest)
{
	for (struct str s = peek(*rest); s.p; s = peek(*rest)) {
		if (!all_alphanumeric(s) || s.n > 8 || !((s.n == 4 && is_digit(s.p[0])) || s.n >= 5))
			break;
		str_split(rest, '-');
	}
	for (struct str s = peek(*rest); s.p && s.n == 1; s = peek(*rest)) {
		size_t count;
		if (s.p[0] == 'x' || s.p[0] == 'X')
			return take_private(rest);
		if (!all_alphanumeric(s))
			return false;
		str_split(rest, '-');
		if (!take_subtags(rest, 2, 8, &count) || !count)
			return false;
	}
	return !rest->p;
}

static enum code_answer check_language(struct str code)
{
	for (size_t i = 0; i < sizeof(old_tags) / sizeof(old_tags[0]); i++)
		if (str_eq_nocase(code, str_from(old_tags[i])))
			return CODE_IN;
	struct str rest = code;
	struct str language = peek(rest);
	if (language.n == 1 && (language.p[0] == 'x' || language.p[0] == 'X'))
		return take_private(&rest) ? CODE_IN : CODE_NOT_IN;
	if (language.n < 2 || language.n > 8 || !all_letters(language))
		return CODE_NOT_IN;
	str_split(&rest, '-');
	for (int i = 0; language.n <= 3 && i < 3 && peek(rest).n == 3 && all_letters(peek(rest)); i++)
		str_split(&rest, '-');
	take_script_and_region(&rest);
	return take_variants(&rest) ? CODE_IN : CODE_NOT_IN;
}

/* ---- media types (RFC 6838, 4.2; parameters of RFC 2045) --------------------------------------------------------- */

static bool restricted_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_letter(s.p[i]) && !is_digit(s.p[i]) && (i == 0 || !memchr("!#$&-^_.+", s.p[i], 9)))
			return false;
	return s.n >= 1 && s.n <= 127;
}

static bool media_parameter(struct str s)
{
	struct str value = str_trim(s), name = str_split(&value, '=');
	if (!restricted_name(name) || !value.n)
		return false;
	if (value.p[0] == '"')
		return value.n >= 2 && value.p[value.n - 1] == '"';
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] <= ' ' || memchr("()<>@,;:\\\"[]?=", value.p[i], 14))
			return false;
	return true;
}

static enum code_answer check_media_type(struct str code)
{
	struct str rest = code, type = str_split(&rest, ';'), subtype = str_trim(type);
	struct str top = str_split(&subtype, '/');
	if (!restricted_name(top) || !subtype.p || !restricted_name(subtype))
		return CODE_NOT_IN;
	while (rest.p)
		if (!media_parameter(str_split(&rest, ';')))
			return CODE_NOT_IN;
	return CODE_IN;
}

/* ---- URIs (RFC 3986, 3) ------------------------------------------------------------------------------------------ */

static bool uri_character(struct str s, size_t i)
{
	char c = s.p[i];
	if (c == '%')
		return i + 2 < s.n && str_find_char(S("0123456789abcdefABCDEF"), s.p[i + 1], 0) != STR_NONE &&
		       str_find_char(S("0123456789abcdefABCDEF"), s.p[i + 2], 0) != STR_NONE;
	return is_letter(c) || is_digit(c) || str_find_char(S("-._~:/?#[]@!$&'()*+,;="), c, 0) != STR_NONE;
}

static enum code_answer check_uri(struct str code)
{
	size_t colon = str_find_char(code, ':', 0);
	if (colon == STR_NONE || colon == 0 || !is_letter(code.p[0]))
		return CODE_NOT_IN;
	for (size_t i = 0; i < colon; i++)
		if (!is_letter(code.p[i]) && !is_digit(code.p[i]) && !memchr("+-.", code.p[i], 3))
			return CODE_NOT_IN;
	for (size_t i = colon + 1; i < code.n; i++)
		if (!uri_character(code, i))
			return CODE_NOT_IN;
	return CODE_IN;
}

/* ---- units ------------------------------------------------------------------------------------------------------- */

static enum code_answer check_unit(struct str code)
{
	struct unit u;
	return code.n && unit_parse(code, &u, NULL) ? CODE_IN : CODE_NOT_IN;
}

static const struct rule_system systems[] = {
	{UNIT_SYSTEM, "Unified Code for Units of Measure (UCUM)", check_unit, NULL},
	{"urn:ietf:bcp:47", "Tags for the identification of languages", check_language, NULL},
	{"urn:ietf:bcp:13", "Media types", check_media_type, NULL},
	{"urn:ietf:rfc:3986", "Uniform resource identifiers", check_uri, NULL},
};

const struct rule_system *rule_system_find(struct str url)
{
	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++)
		if (str_is(url, systems[i].url))
			return &systems[i];
	return NULL;
}
