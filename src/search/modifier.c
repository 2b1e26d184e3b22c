/*
 * Modifiers (R4 search.html#modifiers): which go with which type of parameter, and what those mean that are answered
 * while parsing, because terminology or the form of a URL decides them.
 */
#include "search/search_priv.h"

enum modifier_way { WAY_PLAIN, WAY_IN, WAY_NOT_IN, WAY_ABOVE, WAY_BELOW };

static const struct modifier {
	const char *name;
	enum search_modifier modifier;
	enum search_param_type type;
	enum modifier_way way;
} modifiers[] = {
	{"exact", MOD_EXACT, PARAM_STRING, WAY_PLAIN},	  {"contains", MOD_CONTAINS, PARAM_STRING, WAY_PLAIN},
	{"not", MOD_NOT, PARAM_TOKEN, WAY_PLAIN},	  {"text", MOD_TEXT, PARAM_TOKEN, WAY_PLAIN},
	{"of-type", MOD_OF_TYPE, PARAM_TOKEN, WAY_PLAIN}, {"in", MOD_NONE, PARAM_TOKEN, WAY_IN},
	{"not-in", MOD_NOT, PARAM_TOKEN, WAY_NOT_IN},	  {"above", MOD_NONE, PARAM_TOKEN, WAY_ABOVE},
	{"below", MOD_NONE, PARAM_TOKEN, WAY_BELOW},	  {"above", MOD_NONE, PARAM_URI, WAY_ABOVE},
	{"below", MOD_BELOW, PARAM_URI, WAY_PLAIN},	  {"identifier", MOD_IDENTIFIER, PARAM_REFERENCE, WAY_PLAIN},
	{"above", MOD_NONE, PARAM_REFERENCE, WAY_ABOVE},  {"below", MOD_NONE, PARAM_REFERENCE, WAY_BELOW},
};
enum { MODIFIER_COUNT = sizeof(modifiers) / sizeof(modifiers[0]) };

/* A modifier that does not go is refused even with lenient handling: dropping it would change the question. */
bool modifier_refused(struct parsing *p, struct str name, struct str modifier, const char *why)
{
	p->never_ignored = true;
	return error_set(p->err, ERR_NOT_SUPPORTED, "The modifier :%.*s of the search parameter \"%.*s\" %s",
			 STR_ARG(str_slice(modifier, 0, 64)), STR_ARG(str_slice(name, 0, 64)), why);
}

bool param_has_target(const struct search_param *param, struct str type)
{
	for (size_t i = 0; i < param->target_count; i++)
		if (str_eq(param->targets[i], type) || str_is(param->targets[i], "Resource"))
			return true;
	return param->target_count == 0;
}

/* ---- terminology ----------------------------------------------------------------------------------------------- */

static bool add_codes(struct parsing *p, struct criterion *c, struct str name, const struct search_code *codes,
		      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct search_value v = {.system = codes[i].system, .code = codes[i].code};
		if (!criterion_add_value(p, c, SEARCH_MAX_CODES, name, &v))
			return false;
	}
	return true;
}

static bool expand_value(struct parsing *p, struct criterion *c, struct str name, struct str text)
{
	const struct search_terminology *t = p->options->terminology;
	struct search_code *codes = NULL;
	size_t count = 0;
	if (!unescape(p, name, text, &text))
		return false;
	if (!t->expand(t->ctx, p->arena, text, SEARCH_MAX_CODES, &codes, &count, p->err)) {
		p->never_ignored = true;
		return error_context(p->err, "The value set of the search parameter \"%.*s\"",
				     STR_ARG(str_slice(name, 0, 64)));
	}
	return add_codes(p, c, name, codes, count);
}

static bool relate_value(struct parsing *p, struct criterion *c, struct str name, struct str text, bool below)
{
	const struct search_terminology *t = p->options->terminology;
	struct search_code *codes = NULL, code;
	struct criterion one = {.kind = CRITERION_PARAM, .param = c->param};
	size_t count = 0;
	size_t capacity = p->value_capacity;
	if (!parse_one_value(p, &one, name, STR_NULL, text))
		return false;
	p->value_capacity = capacity;
	code = (struct search_code){one.values->system, one.values->code};
	if (!code.system.n || !code.code.n)
		return bad_value(p, name, "of the form system|code, as :above and :below need");
	if (!t->related(t->ctx, p->arena, &code, below, SEARCH_MAX_CODES, &codes, &count, p->err)) {
		p->never_ignored = true;
		return error_context(p->err, "The codes %s a value of the search parameter \"%.*s\"",
				     below ? "below" : "above", STR_ARG(str_slice(name, 0, 64)));
	}
	return add_codes(p, c, name, codes, count);
}

/* The URLs above a URL: what is left after cutting at each slash, down to the host (R4 search.html#modifiers). */
static bool urls_above(struct parsing *p, struct criterion *c, struct str name, struct str text)
{
	size_t host;
	if (!unescape(p, name, text, &text))
		return false;
	if ((host = str_find(text, S("://"))) == STR_NONE)
		return bad_value(p, name, "a URL with a path, as :above and :below need");
	for (size_t n = text.n; n != STR_NONE && n > host + 3; n = str_rfind_char(str_slice(text, 0, n), '/')) {
		struct search_value v = {.code = str_slice(text, 0, n)};
		if (!criterion_add_value(p, c, SEARCH_MAX_VALUES, name, &v))
			return false;
	}
	return true;
}

static bool one_by_way(struct parsing *p, enum modifier_way way, struct criterion *c, struct str name, struct str text)
{
	if (c->param->type == PARAM_URI)
		return urls_above(p, c, name, text);
	if (way == WAY_IN || way == WAY_NOT_IN)
		return expand_value(p, c, name, text);
	return relate_value(p, c, name, text, way == WAY_BELOW);
}

static bool values_by_way(struct parsing *p, enum modifier_way way, struct criterion *c, struct str name,
			  struct str text, bool single)
{
	if (c->param->type == PARAM_TOKEN && !p->options->terminology) {
		p->never_ignored = true;
		return error_set(p->err, ERR_NOT_SUPPORTED,
				 "The search parameter \"%.*s\" asks for terminology, which this server does not have",
				 STR_ARG(str_slice(name, 0, 64)));
	}
	for (struct str rest = text; rest.p;) {
		struct str part = single ? rest : split_unescaped(&rest, ',');
		if (part.n == 0)
			return bad_value(p, name, "without empty parts");
		if (!one_by_way(p, way, c, name, part))
			return false;
		if (single)
			break;
	}
	if (c->value_count)
		return true;
	/* Nothing is in an empty value set, and everything is outside of it. */
	*c = (struct criterion){.kind = way == WAY_NOT_IN ? CRITERION_AND : CRITERION_NONE};
	return true;
}

/* ---- one criterion --------------------------------------------------------------------------------------------- */

static bool parse_type_modifier(struct parsing *p, struct str name, struct str modifier, struct criterion *c,
				struct str *ret_type)
{
	const struct fhir_type *type = definitions_resource(p->definitions, modifier);
	if (!type || c->param->type != PARAM_REFERENCE)
		return modifier_refused(p, name, modifier, "is not known");
	c->modifier = MOD_TYPE;
	*ret_type = type->name;
	if (param_has_target(c->param, type->name))
		return true;
	p->never_ignored = true;
	return error_set(p->err, ERR_VALUE, "The search parameter \"%.*s\" does not refer to %.*s",
			 STR_ARG(str_slice(name, 0, 64)), STR_ARG(type->name));
}

static const struct modifier *find_modifier(const struct search_param *param, struct str name, bool *ret_known)
{
	*ret_known = false;
	for (size_t i = 0; i < MODIFIER_COUNT; i++) {
		if (!str_is(name, modifiers[i].name))
			continue;
		*ret_known = true;
		if (modifiers[i].type == param->type)
			return &modifiers[i];
	}
	return NULL;
}

bool parse_modified(struct parsing *p, struct criterion *c, struct str name, struct str modifier, struct str value,
		    bool single)
{
	struct str type = STR_NULL;
	bool known = false;
	const struct modifier *m = modifier.p ? find_modifier(c->param, modifier, &known) : NULL;
	if (m) {
		c->modifier = m->modifier;
		if (m->way != WAY_PLAIN && c->param->type == PARAM_REFERENCE)
			return parse_hierarchy(p, c->param, name, value, m->way == WAY_BELOW, single, c);
		if (m->way != WAY_PLAIN)
			return values_by_way(p, m->way, c, name, value, single);
	} else if (modifier.p && str_is(modifier, "missing"))
		c->modifier = MOD_MISSING;
	else if (modifier.p && known)
		return modifier_refused(p, name, modifier, "does not go with its type");
	else if (modifier.p && !parse_type_modifier(p, name, modifier, c, &type))
		return false;
	return single ? parse_one_value(p, c, name, type, value) : parse_values(p, c, name, type, value);
}
