/*
 * The values of a criterion: the comma list, its escapes, prefixes and the forms that each parameter type takes
 * (R4 search.html#escaping, #prefix and the section of each type). Messages name the parameter, never the value.
 */
#include "search/search_priv.h"

static bool bad_value(struct parsing *p, struct str name, const char *wanted)
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

static struct str split_unescaped(struct str *rest, char separator)
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

/* Takes \, \$ \| \\ apart. False for any other use of the backslash. */
static bool unescape(struct parsing *p, struct str name, struct str text, struct str *ret_text)
{
	*ret_text = text;
	if (str_find_char(text, '\\', 0) == STR_NONE)
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

/* [prefix]number[|system|code] */
static bool parse_quantity(struct parsing *p, struct str name, struct str text, struct search_value *v)
{
	struct str rest = text, system, code;
	if (!parse_number(p, name, split_unescaped(&rest, '|'), v))
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
	return true;
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
	switch (c->param->type) {
	case PARAM_STRING:
		return parse_string(p, name, c->modifier, text, v);
	case PARAM_TOKEN:
		return parse_token(p, name, text, v);
	case PARAM_URI:
		return unescape(p, name, text, &v->code);
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

bool parse_values(struct parsing *p, struct criterion *c, struct str name, struct str text)
{
	size_t capacity = 0;
	/* Set by the :Type modifier for every value. */
	struct str type = c->modifier == MOD_TYPE ? c->values[0].ref_type : STR_NULL;
	c->values = NULL;
	c->value_count = 0;
	for (struct str rest = text; rest.p;) {
		struct str part = split_unescaped(&rest, ',');
		struct search_value v = {.ref_type = type};
		if (part.n == 0)
			return error_set(p->err, ERR_VALUE, "The search parameter \"%.*s\" has an empty value",
					 STR_ARG(str_slice(name, 0, 64)));
		if (c->value_count == SEARCH_MAX_VALUES)
			return error_set(p->err, ERR_LIMIT, "The search parameter \"%.*s\" has more than %d values",
					 STR_ARG(str_slice(name, 0, 64)), SEARCH_MAX_VALUES);
		if (!parse_value(p, c, name, part, &v))
			return false;
		void *grown = arena_grow(p->arena, c->values, c->value_count, &capacity, c->value_count + 1,
					 sizeof(*c->values));
		if (!grown)
			return error_memory(p->err);
		c->values = grown;
		c->values[c->value_count++] = v;
	}
	return true;
}
