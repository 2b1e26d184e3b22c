/* Parameters that shape the result: _count, _sort, _include and their kin (R4 search.html#return). */
#include "search/search_priv.h"

struct control_use {
	struct str name, modifier, value;
};

typedef bool control_fn(struct parsing *p, const struct control_use *use);

static bool bad_control(struct parsing *p, const struct control_use *use, const char *wanted)
{
	return error_set(p->err, ERR_VALUE, "The value of %.*s is not %s", STR_ARG(use->name), wanted);
}

static bool control_never(struct parsing *p, const struct control_use *use)
{
	return error_set(p->err, ERR_NOT_SUPPORTED, "The search parameter %.*s is not supported", STR_ARG(use->name));
}

/* The types were read before anything else. */
static bool control_type(struct parsing *p, const struct control_use *use)
{
	if (!p->whole_type)
		return true;
	return error_set(p->err, ERR_NOT_SUPPORTED, "%.*s goes with searches over several types, not with this one",
			 STR_ARG(use->name));
}

static bool control_explain(struct parsing *p, const struct control_use *use)
{
	if (!str_is(use->value, "true") && !str_is(use->value, "false"))
		return bad_control(p, use, "true or false");
	p->query->explain = str_is(use->value, "true");
	return true;
}

static bool control_count(struct parsing *p, const struct control_use *use)
{
	uint64_t count;
	if (!str_to_u64(use->value, &count))
		return bad_control(p, use, "a whole number of 0 or more");
	unsigned most = p->options->count_max ? p->options->count_max : SEARCH_COUNT_MAX;
	p->query->count = count > most ? (int64_t)most : (int64_t)count;
	return true;
}

static bool control_total(struct parsing *p, const struct control_use *use)
{
	if (str_is(use->value, "none"))
		p->query->total = TOTAL_NONE;
	else if (str_is(use->value, "estimate"))
		p->query->total = TOTAL_ESTIMATE;
	else if (str_is(use->value, "accurate"))
		p->query->total = TOTAL_ACCURATE;
	else
		return bad_control(p, use, "none, estimate or accurate");
	return true;
}

static bool control_summary(struct parsing *p, const struct control_use *use)
{
	static const char *const names[] = {"false", "true", "text", "data", "count"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!str_is(use->value, names[i]))
			continue;
		p->query->summary = (enum search_summary)i;
		return true;
	}
	return bad_control(p, use, "true, text, data, count or false");
}

static bool is_element(const struct search_query *q, struct str name)
{
	for (size_t i = 0; i < q->part_count; i++)
		for (size_t k = 0; k < q->parts[i].type->element_count; k++)
			if (str_eq(q->parts[i].type->elements[k].name, name))
				return true;
	return false;
}

static bool control_elements(struct parsing *p, const struct control_use *use)
{
	struct search_query *q = p->query;
	if (!q->elements)
		q->elements = ARENA_ARRAY(p->arena, struct str, SEARCH_MAX_ELEMENTS);
	if (!q->elements)
		return error_memory(p->err);
	for (struct str rest = use->value; rest.p;) {
		struct str name = str_trim(str_split(&rest, ','));
		if (q->element_count == SEARCH_MAX_ELEMENTS)
			return error_set(p->err, ERR_LIMIT, "_elements names more than %d elements",
					 SEARCH_MAX_ELEMENTS);
		if (!is_element(q, name))
			return error_set(p->err, ERR_VALUE, "_elements: \"%.*s\" is no element at the top of %.*s",
					 STR_ARG(str_slice(name, 0, 64)), STR_ARG(q->parts->type->name));
		q->elements[q->element_count++] = name;
	}
	return true;
}

static bool control_cursor(struct parsing *p, const struct control_use *use)
{
	p->query->cursor = use->value;
	return true;
}

/* ---- _sort ----------------------------------------------------------------------------------------------------- */

static bool sort_key(struct parsing *p, struct str code, struct search_sort *sort)
{
	if (str_is(code, "_id")) {
		sort->kind = SORT_ID;
		return true;
	}
	if (str_is(code, "_lastUpdated")) {
		sort->kind = SORT_LAST_UPDATED;
		return true;
	}
	const struct search_query *q = p->query;
	struct str shown = str_slice(code, 0, 64);
	sort->kind = SORT_PARAM;
	for (size_t i = 0; i < q->part_count && !sort->param; i++)
		sort->param = parse_find_param(p, q->parts[i].type, code);
	if (!sort->param)
		return parse_unknown_param(p, "_sort: ", q->parts->type, code);
	if (!param_indexed(sort->param) || sort->param->type == PARAM_SPECIAL)
		return error_set(p->err, ERR_NOT_SUPPORTED, "_sort by \"%.*s\" is not supported", STR_ARG(shown));
	return true;
}

static bool control_sort(struct parsing *p, const struct control_use *use)
{
	for (struct str rest = use->value; rest.p;) {
		struct str code = str_split(&rest, ',');
		struct search_sort sort = {.descending = code.n && code.p[0] == '-'};
		if (sort.descending)
			code = str_slice(code, 1, code.n);
		if (code.n == 0)
			return bad_control(p, use, "a comma list of parameters, each with an optional - in front");
		if (!sort_key(p, code, &sort))
			return false;
		void *grown = arena_grow(p->arena, p->query->sorts, p->query->sort_count, &p->sort_capacity,
					 p->query->sort_count + 1, sizeof(sort));
		if (!grown)
			return error_memory(p->err);
		p->query->sorts = grown;
		p->query->sorts[p->query->sort_count++] = sort;
	}
	return true;
}

/* ---- _include, _revinclude ------------------------------------------------------------------------------------- */

static bool include_source(struct parsing *p, const struct control_use *use, struct str name,
			   struct search_include *include)
{
	include->source = definitions_resource(p->definitions, name);
	if (include->source)
		return true;
	return error_set(p->err, ERR_VALUE, "%.*s: \"%.*s\" is no resource type", STR_ARG(use->name),
			 STR_ARG(str_slice(name, 0, 64)));
}

static bool include_param(struct parsing *p, const struct control_use *use, struct str code,
			  struct search_include *include)
{
	struct str shown = str_slice(code, 0, 64);
	if (str_is(code, "*"))
		return true;
	include->param = parse_find_param(p, include->source, code);
	if (!include->param)
		return parse_unknown_param(p, include->reverse ? "_revinclude: " : "_include: ", include->source, code);
	if (include->param->type != PARAM_REFERENCE)
		return error_set(p->err, ERR_VALUE, "%.*s: the parameter \"%.*s\" of %.*s is no reference",
				 STR_ARG(use->name), STR_ARG(shown), STR_ARG(include->source->name));
	return true;
}

/* Source:param[:Target], Source:* or, for _include, * alone. */
static bool parse_include(struct parsing *p, const struct control_use *use, struct search_include *include)
{
	struct str rest = use->value, source = str_split(&rest, ':');
	if (str_is(use->value, "*")) {
		bool one = p->query->part_count == 1 && !include->reverse && !include->iterate;
		include->source = one ? p->query->parts->type : NULL;
		return true;
	}
	if (!rest.p)
		return bad_control(p, use, "of the form Type:parameter or Type:parameter:Target");
	struct str code = str_split(&rest, ':');
	if (!include_source(p, use, source, include) || !include_param(p, use, code, include))
		return false;
	if (!rest.p || str_is(rest, "*"))
		return true;
	if (!definitions_resource(p->definitions, rest))
		return error_set(p->err, ERR_VALUE, "%.*s: the target \"%.*s\" is no resource type", STR_ARG(use->name),
				 STR_ARG(str_slice(rest, 0, 64)));
	include->target = rest;
	return true;
}

static bool add_include(struct parsing *p, const struct control_use *use, bool reverse)
{
	struct search_include include = {.reverse = reverse};
	/* :recurse is the name of :iterate before R4. */
	if (use->modifier.p && !str_is(use->modifier, "iterate") && !str_is(use->modifier, "recurse"))
		return modifier_refused(p, use->name, use->modifier, "is not supported, only :iterate");
	include.iterate = use->modifier.p;
	if (!parse_include(p, use, &include))
		return false;
	void *grown = arena_grow(p->arena, p->query->includes, p->query->include_count, &p->include_capacity,
				 p->query->include_count + 1, sizeof(include));
	if (!grown)
		return error_memory(p->err);
	p->query->includes = grown;
	p->query->includes[p->query->include_count++] = include;
	return true;
}

static bool control_include(struct parsing *p, const struct control_use *use)
{
	return add_include(p, use, false);
}

static bool control_revinclude(struct parsing *p, const struct control_use *use)
{
	return add_include(p, use, true);
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

static const struct control {
	const char *name;
	control_fn *run;
	bool in_self;
} controls[] = {
#define CONTROL(name, run, in_self) {name, run, in_self},
#include "search/controls.def"
#undef CONTROL
};

bool search_is_control(struct str name)
{
	for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
		if (str_is(name, controls[i].name))
			return true;
	return false;
}

bool parse_control(struct parsing *p, struct str name, struct str modifier, struct str value, bool *ret_known,
		   bool *ret_in_self)
{
	struct control_use use = {name, modifier, value};
	*ret_known = false;
	for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
		const struct control *c = &controls[i];
		if (!str_is(name, c->name))
			continue;
		*ret_known = true;
		*ret_in_self = c->in_self;
		bool include = c->run == control_include || c->run == control_revinclude;
		if (modifier.p && !include && c->run != control_never)
			return modifier_refused(p, name, modifier, "is not known");
		return !c->run || c->run(p, &use);
	}
	return true;
}
