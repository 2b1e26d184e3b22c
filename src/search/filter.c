/*
 * _filter (http://hl7.org/fhir/R4/search_filter.html): comparisons joined by and, or, not and parentheses, into the
 * same criteria that parameters become. `and` binds closer than `or`. Errors name the position, from 1.
 */
#include "search/search_priv.h"

enum { MAX_FILTER_DEPTH = 20 };

struct filter {
	struct parsing *p;
	const struct fhir_type *type;
	struct str text;
	size_t at;
	unsigned depth;
};

static bool wrong(struct filter *f, const char *wanted)
{
	if (f->p->err && !f->p->err->code)
		f->p->err->column = f->at + 1;
	return error_set(f->p->err, ERR_VALUE, "_filter: at %zu %s is expected", f->at + 1, wanted);
}

/* ---- characters ------------------------------------------------------------------------------------------------ */

static char look(const struct filter *f)
{
	return f->at < f->text.n ? f->text.p[f->at] : '\0';
}

static void skip_space(struct filter *f)
{
	while (f->at < f->text.n && (unsigned char)f->text.p[f->at] <= ' ')
		f->at++;
}

static bool take(struct filter *f, char c)
{
	skip_space(f);
	if (look(f) != c || f->at >= f->text.n)
		return false;
	f->at++;
	return true;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == ':';
}

static struct str take_name(struct filter *f)
{
	size_t from = f->at;
	while (f->at < f->text.n && is_name_char(f->text.p[f->at]))
		f->at++;
	return str_slice(f->text, from, f->at);
}

/* A word that stands alone; nothing is taken when it is another one. */
static bool take_word(struct filter *f, const char *word)
{
	skip_space(f);
	size_t before = f->at;
	if (str_is(take_name(f), word))
		return true;
	f->at = before;
	return false;
}

/* A JSON string, or everything up to a space, ) or ]. */
static bool take_value(struct filter *f, struct str *ret_value)
{
	skip_space(f);
	size_t from = f->at;
	if (look(f) != '"') {
		while (f->at < f->text.n && (unsigned char)f->text.p[f->at] > ' ' && f->text.p[f->at] != ')' &&
		       f->text.p[f->at] != ']')
			f->at++;
		*ret_value = str_slice(f->text, from, f->at);
		return f->at > from || wrong(f, "a value");
	}
	for (f->at++; f->at < f->text.n && f->text.p[f->at] != '"'; f->at++)
		if (f->text.p[f->at] == '\\')
			f->at++;
	if (f->at >= f->text.n)
		return wrong(f, "the end of a string");
	f->at++;
	struct error own = {0};
	const struct json *j = json_parse(f->p->arena, str_slice(f->text, from, f->at), 0, &own);
	if (!json_is(j, JSON_STRING)) {
		f->at = from;
		return wrong(f, "a JSON string");
	}
	*ret_value = json_str(j);
	return true;
}

/* ---- comparisons ----------------------------------------------------------------------------------------------- */

enum filter_way { COMPARE, EQUAL, UNEQUAL, PRESENT, LIKE, MODIFIED, REFERS };

#define TEXTS	 (1u << PARAM_STRING)
#define TOKENS	 (1u << PARAM_TOKEN)
#define LINKS	 (1u << PARAM_REFERENCE)
#define ORDERED	 (1u << PARAM_DATE | 1u << PARAM_NUMBER | 1u << PARAM_QUANTITY)
#define ANYTHING (TEXTS | TOKENS | LINKS | ORDERED | 1u << PARAM_URI)

static const struct filter_op {
	const char *name;
	enum filter_way way;
	unsigned types; /* bits of the parameter types it goes with */
	enum search_modifier modifier; /* LIKE */
	const char *text; /* COMPARE: the prefix; MODIFIED: the modifier of a query string */
} ops[] = {
	{"eq", EQUAL, ANYTHING, MOD_NONE, "eq"},
	{"ne", UNEQUAL, ANYTHING, MOD_NONE, "ne"},
	{"co", LIKE, TEXTS, MOD_CONTAINS, ""},
	{"sw", LIKE, TEXTS, MOD_NONE, ""},
	{"ew", LIKE, TEXTS, MOD_ENDS, ""},
	{"gt", COMPARE, ORDERED, MOD_NONE, "gt"},
	{"lt", COMPARE, ORDERED, MOD_NONE, "lt"},
	{"ge", COMPARE, ORDERED, MOD_NONE, "ge"},
	{"le", COMPARE, ORDERED, MOD_NONE, "le"},
	{"ap", COMPARE, ORDERED, MOD_NONE, "ap"},
	{"sa", COMPARE, ORDERED, MOD_NONE, "sa"},
	{"eb", COMPARE, ORDERED, MOD_NONE, "eb"},
	{"po", COMPARE, 1u << PARAM_DATE, MOD_NONE, "eq"},
	{"pr", PRESENT, ANYTHING, MOD_NONE, ""},
	{"ss", MODIFIED, TOKENS, MOD_NONE, "below"},
	{"sb", MODIFIED, TOKENS, MOD_NONE, "above"},
	{"in", MODIFIED, TOKENS, MOD_NONE, "in"},
	{"ni", MODIFIED, TOKENS, MOD_NONE, "not-in"},
	{"re", REFERS, LINKS, MOD_NONE, ""},
};

static const struct filter_op *take_op(struct filter *f)
{
	skip_space(f);
	size_t from = f->at;
	struct str name = take_name(f);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (str_is(name, ops[i].name))
			return &ops[i];
	f->at = from;
	return NULL;
}

static bool prefixed(struct filter *f, struct criterion *c, struct str name, const char *prefix, struct str value)
{
	struct str text = arena_printf(f->p->arena, "%s%.*s", prefix, STR_ARG(value));
	return text.p ? parse_one_value(f->p, c, name, STR_NULL, text) : error_memory(f->p->err);
}

static bool equal(struct filter *f, struct criterion *c, struct str name, struct str value)
{
	unsigned type = 1u << c->param->type;
	if (type & ORDERED)
		return prefixed(f, c, name, "eq", value);
	if (type & TEXTS)
		c->modifier = MOD_EQUAL;
	return parse_one_value(f->p, c, name, STR_NULL, value);
}

/* There is a value, and none is the one given. */
static bool unequal(struct filter *f, struct criterion *c, struct str name, struct str value)
{
	struct criterion same = *c, not_same = {.kind = CRITERION_NOT}, present = *c, both = {.kind = CRITERION_AND};
	present.modifier = MOD_MISSING;
	if (1u << c->param->type & ORDERED)
		return prefixed(f, c, name, "ne", value);
	if (!equal(f, &same, name, value) || !criterion_add_child(f->p, &not_same, &same) ||
	    !parse_one_value(f->p, &present, name, STR_NULL, S("false")) ||
	    !criterion_add_child(f->p, &both, &present) || !criterion_add_child(f->p, &both, &not_same))
		return false;
	*c = both;
	return true;
}

static bool present(struct filter *f, struct criterion *c, struct str name, struct str value)
{
	c->modifier = MOD_MISSING;
	if (!str_is(value, "true") && !str_is(value, "false"))
		return bad_value(f->p, name, "true or false, as pr needs");
	return parse_one_value(f->p, c, name, STR_NULL, str_is(value, "true") ? S("false") : S("true"));
}

static bool compare(struct filter *f, const struct filter_op *op, struct criterion *c, struct str name,
		    struct str value)
{
	switch (op->way) {
	case EQUAL:
		return equal(f, c, name, value);
	case UNEQUAL:
		return unequal(f, c, name, value);
	case PRESENT:
		return present(f, c, name, value);
	case MODIFIED:
		return parse_modified(f->p, c, name, str_from(op->text), value, true);
	case COMPARE:
		if (!prefixed(f, c, name, op->text, value))
			return false;
		if (str_is(str_from(op->name), "po"))
			c->values->prefix = PREFIX_AP; /* the ranges overlap, without widening */
		return true;
	default:
		c->modifier = op->modifier;
		return parse_one_value(f->p, c, name, STR_NULL, value);
	}
}

/* _id and _lastUpdated are compared like a token and a date. */
static bool compare_own(struct filter *f, const struct filter_op *op, struct str name, struct str value,
			struct criterion *c)
{
	bool id = str_is(name, "_id"), ordered = op->way == COMPARE || op->way == EQUAL || op->way == UNEQUAL;
	struct criterion inner = {.kind = id ? CRITERION_ID : CRITERION_LAST_UPDATED};
	if (id ? op->way != EQUAL && op->way != UNEQUAL : !ordered)
		return wrong(f, "another comparison");
	if (!(id ? parse_one_value(f->p, &inner, name, STR_NULL, value) : prefixed(f, &inner, name, op->text, value)))
		return false;
	if (!id || op->way == EQUAL) {
		*c = inner;
		return true;
	}
	*c = (struct criterion){.kind = CRITERION_NOT};
	return criterion_add_child(f->p, c, &inner);
}

/* ---- paths ----------------------------------------------------------------------------------------------------- */

static bool parse_any(struct filter *f, struct criterion *ret);
static bool parse_path(struct filter *f, struct criterion *ret);

/* What follows a reference is read again for every type that it may lead to. */
struct filter_rest {
	struct filter *f;
	size_t at, end;
	bool bracket;
};

static bool bracket_rest(struct filter *inner, struct criterion *ret)
{
	struct criterion one;
	*ret = (struct criterion){.kind = CRITERION_AND};
	if (!parse_any(inner, &one))
		return false;
	if (!take(inner, ']'))
		return wrong(inner, "]");
	if (!take(inner, '.'))
		return wrong(inner, ". and a parameter");
	if (!criterion_add_child(inner->p, ret, &one) || !parse_path(inner, &one))
		return false;
	return criterion_add_child(inner->p, ret, &one);
}

static bool filter_rest(struct parsing *p, const struct fhir_type *type, void *ctx, struct criterion *ret)
{
	struct filter_rest *rest = ctx;
	struct filter inner = {.p = p, .type = type, .text = rest->f->text, .at = rest->at, .depth = rest->f->depth};
	if (!(rest->bracket ? bracket_rest(&inner, ret) : parse_path(&inner, ret)))
		return false;
	rest->end = inner.at;
	return true;
}

static bool parse_link(struct filter *f, struct str head, bool bracket, struct criterion *ret)
{
	struct str target = head, code = str_split(&target, ':');
	const struct search_param *param = parse_find_param(f->p, f->type, code);
	struct filter_rest rest = {.f = f, .at = f->at, .bracket = bracket};
	if (!param)
		return parse_unknown_param(f->p, "_filter: ", f->type, code);
	if (++f->depth > MAX_FILTER_DEPTH)
		return error_set(f->p->err, ERR_LIMIT, "_filter is nested more than %d times", MAX_FILTER_DEPTH);
	bool ok = parse_chain(f->p, param, S("_filter"), target, filter_rest, &rest, ret);
	f->depth--;
	f->at = rest.end;
	return ok;
}

static bool check_goes(struct filter *f, const struct filter_op *op, const struct search_param *param, struct str name)
{
	if (!param)
		return parse_unknown_param(f->p, "_filter: ", f->type, name);
	if (op->types & 1u << param->type)
		return true;
	f->p->never_ignored = true;
	return error_set(f->p->err, ERR_NOT_SUPPORTED, "_filter: \"%s\" does not go with \"%.*s\", which is a %s",
			 op->name, STR_ARG(str_slice(name, 0, 64)), search_param_type_name(param->type));
}

static bool parse_comparison(struct filter *f, struct str name, struct criterion *ret)
{
	struct str value;
	const struct filter_op *op = take_op(f);
	if (!op)
		return wrong(f, "a comparison such as eq, gt or co");
	if (!take_value(f, &value))
		return false;
	if (str_is(name, "_id") || str_is(name, "_lastUpdated"))
		return compare_own(f, op, name, value, ret);
	const struct search_param *param = parse_find_param(f->p, f->type, name);
	*ret = (struct criterion){.kind = CRITERION_PARAM, .param = param};
	return check_goes(f, op, param, name) && compare(f, op, ret, name, value);
}

/* name.rest, name[filter].rest or name comparison value */
static bool parse_path(struct filter *f, struct criterion *ret)
{
	skip_space(f);
	struct str name = take_name(f);
	if (!name.n)
		return wrong(f, "the name of a search parameter");
	char next = look(f);
	if (next == '.' || next == '[') {
		f->at++;
		return parse_link(f, name, next == '[', ret);
	}
	return parse_comparison(f, name, ret);
}

/* ---- joining --------------------------------------------------------------------------------------------------- */

static bool parse_group(struct filter *f, struct criterion *ret)
{
	if (++f->depth > MAX_FILTER_DEPTH)
		return error_set(f->p->err, ERR_LIMIT, "_filter is nested more than %d times", MAX_FILTER_DEPTH);
	bool ok = parse_any(f, ret);
	f->depth--;
	return ok && (take(f, ')') || wrong(f, ")"));
}

static bool parse_term(struct filter *f, struct criterion *ret)
{
	struct criterion inner;
	if (take(f, '('))
		return parse_group(f, ret);
	size_t before = f->at;
	if (!take_word(f, "not") || !take(f, '(')) {
		f->at = before;
		return parse_path(f, ret);
	}
	*ret = (struct criterion){.kind = CRITERION_NOT};
	return parse_group(f, &inner) && criterion_add_child(f->p, ret, &inner);
}

typedef bool parse_operand(struct filter *f, struct criterion *ret);

/* Operands with the word between them; one alone stands for itself. */
static bool parse_joined(struct filter *f, enum criterion_kind kind, const char *word, parse_operand *operand,
			 struct criterion *ret)
{
	struct criterion all = {.kind = kind}, one;
	do {
		if (!operand(f, &one) || !criterion_add_child(f->p, &all, &one))
			return false;
	} while (take_word(f, word));
	*ret = all.child_count == 1 ? *all.children : all;
	return true;
}

static bool parse_all(struct filter *f, struct criterion *ret)
{
	return parse_joined(f, CRITERION_AND, "and", parse_term, ret);
}

static bool parse_any(struct filter *f, struct criterion *ret)
{
	return parse_joined(f, CRITERION_OR, "or", parse_all, ret);
}

bool parse_filter(struct parsing *p, const struct fhir_type *type, struct str value, struct criterion *ret)
{
	struct filter f = {.p = p, .type = type, .text = value};
	bool before = p->plain_values;
	p->plain_values = true;
	bool ok = parse_any(&f, ret);
	skip_space(&f);
	if (ok && f.at < value.n)
		ok = wrong(&f, "and, or or the end");
	p->plain_values = before;
	return ok;
}
