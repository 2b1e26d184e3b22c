/*
 * :above and :below of references (R4 search.html#reference): along the references by which resources of a type are
 * parts of each other, as Location.partOf, and along the versions of canonical URLs. A hierarchy is asked step by step
 * as a chain within a chain, so that it is seen as of the search's snapshot, and only as far as may be seen; it has a
 * limit of depth and therefore an end, whatever circles there are. What lies beyond that limit is asked for as well: if
 * there is anything the query is refused, since an answer that lacks it would be taken for whole.
 */
#include "search/search_priv.h"

/* The parameter by which resources of a type refer to the one that they are a part of; NULL: they have none. */
static const struct search_param *parent_param(struct parsing *p, const struct fhir_type *type)
{
	static const char *const codes[] = {"partof", "part-of"};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		const struct search_param *param = parse_find_param(p, type, str_from(codes[i]));
		if (param && param->type == PARAM_REFERENCE && param->target_count &&
		    param_has_target(param, type->name))
			return param;
	}
	return NULL;
}

struct climb {
	const struct search_value *value; /* of the modifier */
	bool below;
};

/* A criterion over a reference that has a room for inner parts. */
static bool link_new(struct parsing *p, enum criterion_kind kind, const struct search_param *param, size_t room,
		     struct criterion *ret)
{
	*ret = (struct criterion){.kind = kind, .param = param};
	ret->inner = ARENA_ARRAY(p->arena, struct search_part, room);
	return ret->inner || error_memory(p->err);
}

static bool refers_to(struct parsing *p, const struct search_param *param, const struct climb *climb,
		      struct criterion *ret)
{
	*ret = (struct criterion){.kind = CRITERION_PARAM, .param = param};
	return criterion_add_value(p, ret, SEARCH_MAX_VALUES, param->code, climb->value);
}

static bool either(struct parsing *p, const struct criterion *a, const struct criterion *b, struct criterion *ret)
{
	*ret = (struct criterion){.kind = CRITERION_OR};
	return criterion_add_child(p, ret, a) && criterion_add_child(p, ret, b);
}

/* Resources that are a part of the value, by at most `left` steps. */
static bool part_of_value(struct parsing *p, const struct climb *climb, const struct fhir_type *type,
			  const struct search_param *parent, unsigned left, struct criterion *ret)
{
	struct criterion at_once, link, inner;
	if (!refers_to(p, parent, climb, left > 1 ? &at_once : ret))
		return false;
	return left <= 1 || (link_new(p, CRITERION_CHAIN, parent, 1, &link) &&
			     part_of_value(p, climb, type, parent, left - 1, &inner) &&
			     criterion_add_inner(p, &link, type, &inner) && either(p, &at_once, &link, ret));
}

/* Resources that the value is a part of, by at most `left` steps. */
static bool whole_of_value(struct parsing *p, const struct climb *climb, const struct fhir_type *type,
			   const struct search_param *parent, unsigned left, struct criterion *ret)
{
	struct criterion id = {.kind = CRITERION_ID}, further, inner;
	struct search_value v = {.code = climb->value->ref_id};
	if (!link_new(p, CRITERION_HAS, parent, 1, ret) ||
	    !criterion_add_value(p, &id, SEARCH_MAX_VALUES, parent->code, &v))
		return false;
	inner = id;
	if (left > 1 &&
	    (!whole_of_value(p, climb, type, parent, left - 1, &further) || !either(p, &id, &further, &inner)))
		return false;
	return criterion_add_inner(p, ret, type, &inner);
}

/* By `left` steps, no less. */
static bool steps_away(struct parsing *p, const struct climb *climb, const struct fhir_type *type,
		       const struct search_param *parent, unsigned left, struct criterion *ret)
{
	struct criterion inner = {.kind = CRITERION_ID};
	struct search_value v = {.code = climb->value->ref_id};
	if (climb->below && left <= 1)
		return refers_to(p, parent, climb, ret);
	if (!link_new(p, climb->below ? CRITERION_CHAIN : CRITERION_HAS, parent, 1, ret))
		return false;
	if (left > 1 ? !steps_away(p, climb, type, parent, left - 1, &inner)
		     : !criterion_add_value(p, &inner, SEARCH_MAX_VALUES, parent->code, &v))
		return false;
	return criterion_add_inner(p, ret, type, &inner);
}

static bool negate(struct parsing *p, const struct criterion *c, struct criterion *ret)
{
	*ret = (struct criterion){.kind = CRITERION_NOT};
	return criterion_add_child(p, ret, c);
}

/* Anything one step beyond what is followed, not in a circle: whatever is farther has something there on its way. */
static bool ask_beyond(struct parsing *p, const struct climb *climb, const struct fhir_type *type,
		       const struct search_param *parent, const struct criterion *within)
{
	struct search_query *q = p->query;
	struct criterion *criteria = ARENA_ARRAY(p->arena, struct criterion, 3), id = {.kind = CRITERION_ID};
	struct search_value v = {.code = climb->value->ref_id};
	struct search_part *parts = arena_grow(p->arena, q->beyond, q->beyond_count, &p->beyond_capacity,
					       q->beyond_count + 1, sizeof(*parts));
	if (!criteria || !parts)
		return error_memory(p->err);
	q->beyond = parts;
	parts[q->beyond_count++] = (struct search_part){.type = type, .criteria = criteria, .criterion_count = 3};
	return steps_away(p, climb, type, parent, SEARCH_HIERARCHY_DEPTH + 1, &criteria[0]) &&
	       negate(p, within, &criteria[1]) && criterion_add_value(p, &id, SEARCH_MAX_VALUES, parent->code, &v) &&
	       negate(p, &id, &criteria[2]);
}

static bool add_type(struct parsing *p, const struct climb *climb, const struct fhir_type *type,
		     struct criterion *chain)
{
	const struct search_param *parent = parent_param(p, type);
	struct criterion inner;
	if (!parent)
		return true;
	return (climb->below ? part_of_value : whole_of_value)(p, climb, type, parent, SEARCH_HIERARCHY_DEPTH,
							       &inner) &&
	       ask_beyond(p, climb, type, parent, &inner) && criterion_add_inner(p, chain, type, &inner);
}

/* Types that the parameter refers to and the value may be of. */
static bool add_types(struct parsing *p, const struct climb *climb, const struct search_param *param,
		      struct criterion *chain)
{
	struct str only = climb->value->ref_type;
	for (size_t i = 0; i < definitions_resource_count(p->definitions); i++) {
		const struct fhir_type *type = definitions_resource_at(p->definitions, i);
		if ((only.p ? str_eq(only, type->name) : param_has_target(param, type->name)) &&
		    !add_type(p, climb, type, chain))
			return false;
	}
	return true;
}

static bool no_hierarchy(struct parsing *p, struct str name, const char *why)
{
	p->never_ignored = true;
	return error_set(p->err, ERR_NOT_SUPPORTED, "The search parameter \"%.*s\" has no :above and :below here: %s",
			 STR_ARG(str_slice(name, 0, 64)), why);
}

static bool by_parents(struct parsing *p, const struct search_param *param, struct str name,
		       const struct search_value *value, bool below, struct criterion *ret)
{
	struct climb climb = {value, below};
	struct criterion at_once, chain;
	if (!link_new(p, CRITERION_CHAIN, param, definitions_resource_count(p->definitions), &chain) ||
	    !add_types(p, &climb, param, &chain))
		return false;
	if (!chain.inner_count)
		return no_hierarchy(p, name, "resources of that type are not parts of each other");
	return refers_to(p, param, &climb, &at_once) && either(p, &at_once, &chain, ret);
}

/* ---- versions of canonical URLs --------------------------------------------------------------------------------- */

bool search_version_below(struct str canonical, struct str value)
{
	if (!canonical.p || !value.p || !str_starts(canonical, value))
		return false;
	return canonical.n == value.n || canonical.p[value.n] == '.';
}

/* The value and what is left of its version when it is cut at its dots. */
static bool versions_above(struct parsing *p, struct str name, struct str text, struct criterion *ret)
{
	size_t version = str_rfind_char(text, '|') + 1;
	for (size_t n = text.n; n != STR_NONE && n > version; n = str_rfind_char(str_slice(text, 0, n), '.')) {
		struct search_value v = {.code = str_slice(text, 0, n)};
		if (!criterion_add_value(p, ret, SEARCH_MAX_VALUES, name, &v))
			return false;
	}
	return true;
}

static bool by_versions(struct parsing *p, const struct search_param *param, struct str name,
			const struct search_value *value, bool below, struct criterion *ret)
{
	size_t bar = str_rfind_char(value->code, '|');
	*ret = (struct criterion){.kind = CRITERION_PARAM, .param = param};
	if (bar == STR_NONE)
		return no_hierarchy(p, name, "a URL needs a version behind | for that");
	if (bar + 1 == value->code.n)
		return bad_value(p, name, "a URL with a version behind its |");
	if (!below)
		return versions_above(p, name, value->code, ret);
	ret->modifier = MOD_BELOW;
	return criterion_add_value(p, ret, SEARCH_MAX_VALUES, name, value);
}

bool parse_hierarchy(struct parsing *p, const struct search_param *param, struct str name, struct str text, bool below,
		     bool single, struct criterion *ret)
{
	struct criterion any = {.kind = CRITERION_OR}, one;
	for (struct str rest = text; rest.p;) {
		struct criterion plain = {.kind = CRITERION_PARAM, .param = param};
		struct str part = single ? rest : split_unescaped(&rest, ',');
		if (any.child_count >= SEARCH_MAX_HIERARCHIES)
			return error_set(p->err, ERR_LIMIT,
					 "The search parameter \"%.*s\" asks for more than %d hierarchies",
					 STR_ARG(str_slice(name, 0, 64)), SEARCH_MAX_HIERARCHIES);
		if (!parse_one_value(p, &plain, name, STR_NULL, part))
			return false;
		bool local = plain.values->ref_id.p;
		if (!(local ? by_parents : by_versions)(p, param, name, plain.values, below, &one) ||
		    !criterion_add_child(p, &any, &one))
			return false;
		if (single)
			break;
	}
	*ret = any.child_count == 1 ? *any.children : any;
	return true;
}
