/*
 * The values of a criterion: the comma list, its escapes, prefixes and the forms that each parameter type takes
 * (R4 search.html#escaping, #prefix and the section of each type). Messages name the parameter, never the value.
 */
#include <math.h>

#include "search/search_priv.h"

bool bad_value(struct parsing *p, struct str name, const char *wanted)
{
	return error_set(p->err, ERR_VALUE, "A value of the search parameter \"%.*s\" is not %s",
			 STR_ARG(str_slice(name, 0, 64)), wanted);
}

/* ---- splitting ------------------------------------------------------------------------------------------------- */

/* Position of the first separator that no backslash escapes, or STR_NONE. */
static size_t find_unescaped(struct str text, char separator)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\')
			i++;
		else if (text.p[i] == separator)
			return i;
	}
	return STR_NONE;
}

struct str split_unescaped(struct str *rest, char separator)
{
	size_t at = find_unescaped(*rest, separator);
	struct str part = *rest;
	if (at == STR_NONE) {
		*rest = STR_NULL;
		return part;
	}
	part.n = at;
	*rest = str_slice(*rest, at + 1, rest->n);
	return part;
}

/* Takes \, \$ \| \\ apart. False for any other use of the backslash. Values of _filter have no such escapes. */
bool unescape(struct parsing *p, struct str name, struct str text, struct str *ret_text)
{
	*ret_text = text;
	if (p->plain_values || str_find_char(text, '\\', 0) == STR_NONE)
		return true;
	char *to = arena_alloc(p->arena, text.n);
	size_t n = 0;
	if (!to)
		return error_memory(p->err);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\' && (++i == text.n || !strchr(",$|\\", text.p[i])))
			return bad_value(p, name, "escaped correctly: a backslash goes before , $ | or \\ only");
		to[n++] = text.p[i];
	}
	*ret_text = str_make(to, n);
	return true;
}

/* ---- prefixes -------------------------------------------------------------------------------------------------- */

static enum search_prefix take_prefix(struct str *text)
{
	static const char names[][3] = {"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (str_starts(*text, str_make(names[i], 2))) {
			*text = str_slice(*text, 2, text->n);
			return (enum search_prefix)i;
		}
	}
	return PREFIX_EQ;
}

/* An instant moved by an amount, stopping at the ends of time. */
static int64_t move_instant(int64_t at, int64_t by)
{
	int64_t moved;
	if (__builtin_add_overflow(at, by, &moved))
		return by < 0 ? INT64_MIN : INT64_MAX;
	return moved;
}

/* A tenth of the distance from now, to both sides (R4 search.html#prefix, ap). */
static void widen_date(struct search_value *v, int64_t now)
{
	int64_t distance = 0;
	if (now == 0)
		return;
	if (now < v->low)
		distance = v->low - now;
	else if (now > v->high)
		distance = now - v->high;
	v->low = move_instant(v->low, -(distance / 10));
	v->high = move_instant(v->high, distance / 10);
}

static bool parse_date(struct parsing *p, struct str name, struct str text, struct search_value *v)
{
	v->prefix = take_prefix(&text);
	/* A plus sign that was not percent-encoded has become a space. */
	size_t space = str_find_char(text, ' ', 0);
	if (space != STR_NONE) {
		text = arena_str(p->arena, text);
		if (!text.p)
			return error_memory(p->err);
		((char *)(uintptr_t)text.p)[space] = '+';
	}
	if (!date_range(text, &v->low, &v->high))
		return bad_value(p, name, "a date such as 2024, 2024-05, 2024-05-31 or 2024-05-31T10:00:00Z");
	if (v->prefix == PREFIX_AP)
		widen_date(v, p->options->now_ms);
	return true;
}

static bool parse_number(struct parsing *p, struct str name, struct str text, struct search_value *v)
{
	v->prefix = take_prefix(&text);
	if (!decimal_range(text, &v->number, &v->number_low, &v->number_high))
		return bad_value(p, name, "a number such as 100, 5.4 or 1e-3");
	if (v->prefix == PREFIX_AP) {
		double tenth = (v->number < 0 ? -v->number : v->number) / 10;
		if (v->number - tenth < v->number_low)
			v->number_low = v->number - tenth;
		if (v->number + tenth > v->number_high)
			v->number_high = v->number + tenth;
	}
	return true;
}

/* ---- the forms ------------------------------------------------------------------------------------------------- */

/* The ends of what the value stands for, exactly: half a unit of its last digit to both sides, or a tenth for ap. */
static bool value_ends(const struct decimal *value, bool approximate, struct decimal *ret_low, struct decimal *ret_high)
{
	struct decimal half = decimal_from_i64(5), tenth = *value;
	half.exponent = value->exponent - 1;
	tenth.exponent--;
	tenth.negative = false;
	if (approximate && decimal_cmp(&tenth, &half) > 0)
		half = tenth;
	return decimal_sub(value, &half, ret_low) && decimal_add(value, &half, ret_high);
}

/* The value in base units, when its unit has them. */
static bool make_canonical(struct parsing *p, struct str number, struct search_value *v)
{
	struct canonical_unit unit;
	struct decimal value, low, high;
	double numbers[3];
	if (!str_is(v->system, UNIT_SYSTEM) || !v->code.n || !canonical_unit_read(v->code, &unit) ||
	    !decimal_parse(number, &value) || !value_ends(&value, v->prefix == PREFIX_AP, &low, &high) ||
	    !canonical_value(&unit, &low, &numbers[0]) || !canonical_value(&unit, &value, &numbers[1]) ||
	    !canonical_value(&unit, &high, &numbers[2]))
		return true;
	v->canonical = arena_str(p->arena, str_make(unit.base, unit.base_size));
	v->number_low = numbers[0];
	v->number = numbers[1];
	v->number_high = numbers[2];
	return v->canonical.p || error_memory(p->err);
}

/* [prefix]number[|system|code] */
static bool parse_quantity(struct parsing *p, struct str name, struct str text, struct search_value *v)
{
	struct str rest = text, system, code, number = split_unescaped(&rest, '|');
	if (!parse_number(p, name, number, v))
		return false;
	if (!rest.p)
		return true;
	system = split_unescaped(&rest, '|');
	if (!rest.p || find_unescaped(rest, '|') != STR_NONE)
		return bad_value(p, name, "of the form number|system|code");
	if (!unescape(p, name, system, &system) || !unescape(p, name, rest, &code))
		return false;
	if (system.n)
		v->system = system;
	if (code.n)
		v->code = code;
	(void)take_prefix(&number);
	return make_canonical(p, number, v);
}

static bool parse_place(struct parsing *p, struct str name, struct str text, struct search_value *v)
{
	static const double MOST_METRES = 2.1e7; /* half around the earth */
	struct str rest = text, latitude = split_unescaped(&rest, '|');
	struct str longitude = rest.p ? split_unescaped(&rest, '|') : STR_NULL;
	struct str distance = rest.p ? split_unescaped(&rest, '|') : STR_NULL;
	struct str code = rest.n ? rest : S("km");
	struct unit from, metre;
	struct decimal value, metres;
	double low, high;
	if (!decimal_range(latitude, &v->number_low, &low, &high) || fabs(v->number_low) > 90 || !longitude.p ||
	    !decimal_range(longitude, &v->number_high, &low, &high) || fabs(v->number_high) > 180)
		return bad_value(p, name, "of the form latitude|longitude|distance|unit, in degrees");
	if (!decimal_parse(distance.n ? distance : S(SEARCH_NEAR_DEFAULT), &value) || value.negative ||
	    !unit_parse(code, &from, NULL) || !unit_parse(S("m"), &metre, NULL) ||
	    !unit_convert(&value, &from, &metre, UNIT_EXACT, &metres, NULL))
		return bad_value(p, name, "a distance in a UCUM unit of length, such as 10|km or 5|[mi_i]");
	v->number = decimal_to_double(&metres);
	return v->number <= MOST_METRES || bad_value(p, name, "a distance on earth");
}

/* code, system|code, |code, system| */
static bool parse_token(struct parsing *p, struct str name, struct str text, struct search_value *v)
{
	struct str rest = text, first = split_unescaped(&rest, '|');
	if (!rest.p)
		return unescape(p, name, first, &v->code);
	if (find_unescaped(rest, '|') != STR_NONE)
		return bad_value(p, name, "of the form system|code");
	if (!unescape(p, name, first, &v->system) || !unescape(p, name, rest, &rest))
		return false;
	if (first.n == 0 && rest.n == 0)
		return bad_value(p, name, "of the form system|code with at least one of the two");
	if (rest.n)
		v->code = rest;
	return true;
}

/* system|code|value of Identifier.type and Identifier.value */
static bool parse_of_type(struct parsing *p, struct str name, struct str text, struct search_value *v)
{
	struct str rest = text, system = split_unescaped(&rest, '|');
	struct str code = rest.p ? split_unescaped(&rest, '|') : STR_NULL;
	if (!code.n || !rest.n || find_unescaped(rest, '|') != STR_NONE)
		return bad_value(p, name, "of the form system|code|value, as :of-type needs");
	return unescape(p, name, system, &v->system) && unescape(p, name, code, &v->code) &&
	       unescape(p, name, rest, &v->text);
}

static bool parse_string(struct parsing *p, struct str name, enum search_modifier modifier, struct str text,
			 struct search_value *v)
{
	if (!unescape(p, name, text, &v->code))
		return false;
	if (modifier == MOD_EXACT)
		return true;
	v->code = str_fold(p->arena, v->code);
	if (!v->code.p)
		return error_memory(p->err);
	/* Punctuation alone folds to nothing, which every text would start with. */
	return v->code.n ? true : bad_value(p, name, "a text with letters or digits");
}

static bool is_target(const struct search_param *param, struct str type)
{
	for (size_t i = 0; i < param->target_count; i++)
		if (str_eq(param->targets[i], type))
			return true;
	return param->target_count == 0;
}

static bool is_own(const struct parsing *p, const struct reference *r)
{
	struct str base = p->options->base;
	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	return r->kind == REF_RELATIVE || (r->kind == REF_ABSOLUTE && r->type.p && base.n && str_eq(r->base, base));
}

/* v->ref_type holds the type of a :Type modifier, or STR_NULL. */
static bool parse_reference(struct parsing *p, struct str name, const struct search_param *param, struct str text,
			    struct search_value *v)
{
	if (!unescape(p, name, text, &text))
		return false;
	if (fhir_id_valid(text)) {
		v->ref_id = text;
		if (!v->ref_type.p && param->target_count == 1)
			v->ref_type = param->targets[0];
		return true;
	}
	struct reference r = reference_parse(p->definitions, text);
	if (is_own(p, &r)) {
		if ((v->ref_type.p && !str_eq(v->ref_type, r.type)) || !is_target(param, r.type))
			return bad_value(p, name, "a reference to a type that this parameter refers to");
		v->ref_type = r.type;
		v->ref_id = r.id;
		return true;
	}
	if (r.kind != REF_ABSOLUTE && r.kind != REF_URN)
		return bad_value(p, name, "an id, a Type/id or an absolute URL");
	v->ref_type = STR_NULL;
	v->code = text;
	return true;
}

/* A URL and everything above it, cut off at slashes down to the host (R4 search.html#modifiers). */
static bool parse_uri(struct parsing *p, const struct criterion *c, struct str name, struct str text,
		      struct search_value *v)
{
	if (!unescape(p, name, text, &v->code))
		return false;
	if (c->modifier == MOD_BELOW && str_find(v->code, S("://")) == STR_NONE)
		return bad_value(p, name, "a URL with a path, as :above and :below need");
	return true;
}

static bool parse_missing(struct parsing *p, struct str name, struct str text, struct search_value *v)
{
	v->missing = str_is(text, "true");
	return v->missing || str_is(text, "false") ? true : bad_value(p, name, "true or false, as :missing needs");
}

static bool parse_id(struct parsing *p, struct str name, struct str text, struct search_value *v)
{
	v->code = text;
	return fhir_id_valid(text) ? true : bad_value(p, name, "a FHIR id (1 to 64 letters, digits, - and .)");
}

static bool parse_param_value(struct parsing *p, const struct criterion *c, struct str name, struct str text,
			      struct search_value *v)
{
	if (c->modifier == MOD_MISSING)
		return parse_missing(p, name, text, v);
	if (c->modifier == MOD_TEXT)
		return parse_string(p, name, MOD_NONE, text, v);
	if (c->modifier == MOD_OF_TYPE)
		return parse_of_type(p, name, text, v);
	if (c->modifier == MOD_IDENTIFIER)
		return parse_token(p, name, text, v);
	switch (c->param->type) {
	case PARAM_STRING:
		return parse_string(p, name, c->modifier, text, v);
	case PARAM_TOKEN:
		return parse_token(p, name, text, v);
	case PARAM_SPECIAL:
		return parse_place(p, name, text, v);
	case PARAM_URI:
		return parse_uri(p, c, name, text, v);
	case PARAM_DATE:
		return parse_date(p, name, text, v);
	case PARAM_NUMBER:
		return parse_number(p, name, text, v);
	case PARAM_QUANTITY:
		return parse_quantity(p, name, text, v);
	case PARAM_REFERENCE:
		return parse_reference(p, name, c->param, text, v);
	default:
		return error_set(p->err, ERR_NOT_SUPPORTED, "Search parameters of type %s are not supported yet",
				 search_param_type_name(c->param->type));
	}
}

static bool parse_value(struct parsing *p, const struct criterion *c, struct str name, struct str text,
			struct search_value *v)
{
	switch (c->kind) {
	case CRITERION_ID:
		return parse_id(p, name, text, v);
	case CRITERION_LAST_UPDATED:
		return parse_date(p, name, text, v);
	default:
		return parse_param_value(p, c, name, text, v);
	}
}

bool criterion_add_value(struct parsing *p, struct criterion *c, size_t max, struct str name,
			 const struct search_value *v)
{
	if (c->value_count >= max)
		return error_set(p->err, ERR_LIMIT, "The search parameter \"%.*s\" has more than %zu values",
				 STR_ARG(str_slice(name, 0, 64)), max);
	if (++p->value_total > SEARCH_MAX_TOTAL)
		return error_set(p->err, ERR_LIMIT, "The query comes to more than %d values", SEARCH_MAX_TOTAL);
	/* The values of one criterion come one after the other. */
	if (c->value_count == 0)
		p->value_capacity = 0;
	void *grown = arena_grow(p->arena, c->values, c->value_count, &p->value_capacity, c->value_count + 1,
				 sizeof(*c->values));
	if (!grown)
		return error_memory(p->err);
	c->values = grown;
	c->values[c->value_count++] = *v;
	return true;
}

bool parse_one_value(struct parsing *p, struct criterion *c, struct str name, struct str type, struct str text)
{
	struct search_value v = {.ref_type = type};
	if (text.n == 0)
		return error_set(p->err, ERR_VALUE, "The search parameter \"%.*s\" has an empty value",
				 STR_ARG(str_slice(name, 0, 64)));
	return parse_value(p, c, name, text, &v) && criterion_add_value(p, c, SEARCH_MAX_VALUES, name, &v);
}

bool parse_values(struct parsing *p, struct criterion *c, struct str name, struct str type, struct str text)
{
	for (struct str rest = text; rest.p;)
		if (!parse_one_value(p, c, name, type, split_unescaped(&rest, ',')))
			return false;
	return true;
}
