/*
 * The name of a parameter to a criterion: plain parameters, composites, chains (R4 search.html#chaining), reverse
 * chains (#has), and the names that stand for no element. Chains and reverse chains nest in each other; how deep, and
 * how many criteria they may come to, is limited.
 */
#include "search/search_priv.h"

static struct str shown(struct str name)
{
	return str_slice(name, 0, 64);
}

bool criterion_add_child(struct parsing *p, struct criterion *parent, const struct criterion *child)
{
	/* Kept at powers of two, so that the capacity is known from the count. */
	size_t capacity = parent->child_count;
	if (++p->node_count > SEARCH_MAX_NODES)
		return error_set(p->err, ERR_LIMIT, "The query comes to more than %d criteria", SEARCH_MAX_NODES);
	if ((capacity & (capacity - 1)) == 0) {
		void *grown = ARENA_ARRAY(p->arena, struct criterion, capacity ? capacity * 2 : 1);
		if (!grown)
			return error_memory(p->err);
		if (capacity)
			memcpy(grown, parent->children, capacity * sizeof(*child));
		parent->children = grown;
	}
	parent->children[parent->child_count++] = *child;
	return true;
}

bool criterion_add_inner(struct parsing *p, struct criterion *c, const struct fhir_type *type,
			 const struct criterion *inner)
{
	struct search_part *part = &c->inner[c->inner_count];
	part->type = type;
	part->criteria = ARENA_NEW(p->arena, struct criterion);
	if (!part->criteria)
		return error_memory(p->err);
	if (++p->node_count > SEARCH_MAX_NODES)
		return error_set(p->err, ERR_LIMIT, "The query comes to more than %d criteria", SEARCH_MAX_NODES);
	*part->criteria = *inner;
	part->criterion_count = 1;
	c->inner_count++;
	return true;
}

static bool deeper(struct parsing *p, struct str name)
{
	unsigned most = p->options->chain_depth ? p->options->chain_depth : SEARCH_CHAIN_DEPTH;
	if (p->depth < most) {
		p->depth++;
		return true;
	}
	return error_set(p->err, ERR_LIMIT,
			 "The search parameter \"%.*s\" is chained more than %u times (limits.chain)",
			 STR_ARG(shown(name)), most);
}

const struct search_param *parse_find_param(struct parsing *p, const struct fhir_type *type, struct str code)
{
	return search_registry_param(p->options->registry, type, code);
}

bool parse_unknown_param(struct parsing *p, const char *where, const struct fhir_type *type, struct str name)
{
	const struct search_options *o = p->options;
	if (o->adding && search_registry_param(o->adding, type, name))
		return error_set(
			p->err, ERR_NOT_SUPPORTED,
			"%sThe search parameter \"%.*s\" of %.*s cannot be asked for yet, it is being indexed: "
			"%.*s",
			where, STR_ARG(shown(name)), STR_ARG(type->name), STR_ARG(o->adding_progress));
	return error_set(p->err, ERR_UNKNOWN_PARAM, "%s%.*s has no search parameter \"%.*s\"%.*s", where,
			 STR_ARG(type->name), STR_ARG(shown(name)),
			 STR_ARG(suggest_params(p->arena, o->registry, type, shown(name))));
}

/* ---- composites ------------------------------------------------------------------------------------------------ */

/* One value: its parts between dollar signs, each as a value of its component. */
static bool parse_pairing(struct parsing *p, const struct search_param *param, struct str name, struct str text,
			  struct criterion *ret_pairing)
{
	struct criterion pairing = {.kind = CRITERION_COMPOSITE, .param = param};
	struct str rest = text;
	for (size_t i = 0; i < param->component_count; i++) {
		struct criterion child = {.kind = CRITERION_PARAM, .param = param->components[i].param};
		if (!rest.p)
			return bad_value(p, name, "made of one part for each component, with $ between");
		struct str part = split_unescaped(&rest, '$');
		if (!parse_one_value(p, &child, name, STR_NULL, part) || !criterion_add_child(p, &pairing, &child))
			return false;
	}
	if (rest.p)
		return bad_value(p, name, "made of one part for each component, with $ between");
	*ret_pairing = pairing;
	return true;
}

static bool parse_composite(struct parsing *p, const struct search_param *param, struct str name, struct str modifier,
			    struct str value, bool single, struct criterion *ret)
{
	struct criterion any = {.kind = CRITERION_OR}, pairing;
	if (modifier.p)
		return modifier_refused(p, name, modifier, "does not go with a composite");
	if (single)
		return parse_pairing(p, param, name, value, ret);
	for (struct str rest = value; rest.p;) {
		if (!parse_pairing(p, param, name, split_unescaped(&rest, ','), &pairing) ||
		    !criterion_add_child(p, &any, &pairing))
			return false;
	}
	*ret = any.child_count == 1 ? *any.children : any;
	return true;
}

/* ---- chains ---------------------------------------------------------------------------------------------------- */

/* Adds a type that the chain may lead to. Types without the parameter that follows are left out. */
static bool chain_target(struct parsing *p, const struct fhir_type *type, chain_rest *rest, void *ctx,
			 struct criterion *c, struct error *ret_unknown)
{
	struct criterion inner = {.kind = CRITERION_AND};
	struct error own = {0}, *err = p->err;
	p->err = &own;
	bool ok = rest(p, type, ctx, &inner) && criterion_add_inner(p, c, type, &inner);
	p->err = err;
	if (ok)
		return true;
	if (own.code == ERR_UNKNOWN_PARAM) {
		*ret_unknown = own;
		return true;
	}
	if (err && !err->code)
		*err = own;
	return false;
}

bool parse_chain(struct parsing *p, const struct search_param *param, struct str name, struct str target,
		 chain_rest *rest, void *ctx, struct criterion *ret)
{
	struct criterion c = {.kind = CRITERION_CHAIN, .param = param};
	struct error unknown = {0};
	const struct fhir_type *type = target.p ? definitions_resource(p->definitions, target) : NULL;
	if (param->type != PARAM_REFERENCE)
		return error_set(p->err, ERR_VALUE, "The search parameter \"%.*s\" is chained but is no reference",
				 STR_ARG(shown(name)));
	if (target.p && (!type || !param_has_target(param, target)))
		return error_set(p->err, ERR_VALUE, "The search parameter \"%.*s\" does not refer to such a type",
				 STR_ARG(shown(name)));
	c.inner = ARENA_ARRAY(p->arena, struct search_part, target.p ? 1 : definitions_resource_count(p->definitions));
	if (!c.inner)
		return error_memory(p->err);
	if (!deeper(p, name))
		return false;
	bool ok = true;
	if (type)
		ok = chain_target(p, type, rest, ctx, &c, &unknown);
	for (size_t i = 0; !type && ok && i < definitions_resource_count(p->definitions); i++) {
		const struct fhir_type *each = definitions_resource_at(p->definitions, i);
		if (param_has_target(param, each->name))
			ok = chain_target(p, each, rest, ctx, &c, &unknown);
	}
	p->depth--;
	if (ok && !c.inner_count)
		return error_set(p->err, ERR_UNKNOWN_PARAM, "%s", unknown.text);
	*ret = c;
	return ok;
}

struct named_rest {
	struct str name, value;
};

static bool named_rest(struct parsing *p, const struct fhir_type *type, void *ctx, struct criterion *ret)
{
	const struct named_rest *rest = ctx;
	return parse_named(p, type, rest->name, rest->value, ret);
}

static bool parse_link(struct parsing *p, const struct fhir_type *type, struct str head, struct str rest,
		       struct str value, struct criterion *ret)
{
	struct str target = head, code = str_split(&target, ':');
	const struct search_param *param = parse_find_param(p, type, code);
	if (!param)
		return parse_unknown_param(p, "", type, code);
	if (rest.n == 0)
		return error_set(p->err, ERR_VALUE, "The chain of the search parameter \"%.*s\" ends with a dot",
				 STR_ARG(shown(head)));
	return parse_chain(p, param, head, target, named_rest, &(struct named_rest){rest, value}, ret);
}

/* _has:Observation:patient:code */
static bool parse_has(struct parsing *p, const struct fhir_type *type, struct str rest, struct str value,
		      struct criterion *ret)
{
	struct criterion c = {.kind = CRITERION_HAS}, inner = {.kind = CRITERION_AND};
	struct str source = rest.p ? str_split(&rest, ':') : STR_NULL, code = rest.p ? str_split(&rest, ':') : STR_NULL;
	const struct fhir_type *other = definitions_resource(p->definitions, source);
	if (!source.n || !code.n || !rest.n)
		return error_set(p->err, ERR_VALUE, "_has is not of the form _has:Type:reference:parameter");
	if (!other)
		return error_set(p->err, ERR_VALUE, "_has: \"%.*s\" is no resource type", STR_ARG(shown(source)));
	c.param = parse_find_param(p, other, code);
	if (!c.param)
		return parse_unknown_param(p, "", other, code);
	if (c.param->type != PARAM_REFERENCE || !param_has_target(c.param, type->name))
		return error_set(p->err, ERR_VALUE, "_has: the parameter \"%.*s\" of %.*s does not refer to %.*s",
				 STR_ARG(shown(code)), STR_ARG(other->name), STR_ARG(type->name));
	c.inner = ARENA_NEW(p->arena, struct search_part);
	if (!c.inner)
		return error_memory(p->err);
	if (!deeper(p, S("_has")))
		return false;
	bool ok = parse_named(p, other, rest, value, &inner) && criterion_add_inner(p, &c, other, &inner);
	p->depth--;
	*ret = c;
	return ok;
}

/* ---- names without an element ---------------------------------------------------------------------------------- */

/* What an entry of a list refers to, or what only deleted entries do. */
static bool listed(struct parsing *p, struct str value, enum search_modifier modifier, struct criterion *ret)
{
	const struct fhir_type *list = definitions_resource(p->definitions, S("List"));
	struct criterion c = {
		.kind = CRITERION_HAS, .param = definitions_search_param(list, S("item")), .modifier = modifier};
	struct criterion id = {.kind = CRITERION_ID};
	c.inner = ARENA_NEW(p->arena, struct search_part);
	if (!c.inner)
		return error_memory(p->err);
	if (!parse_one_value(p, &id, S("_list"), STR_NULL, value) || !criterion_add_inner(p, &c, list, &id))
		return false;
	*ret = c;
	return true;
}

/* Members of a list are what its entries refer to, as far as they are not deleted. */
static bool parse_list(struct parsing *p, const struct fhir_type *type, struct str value, struct criterion *ret)
{
	*ret = (struct criterion){.kind = CRITERION_OR};
	(void)type;
	if (value.n && value.p[0] == '$') {
		p->never_ignored = true;
		return error_set(p->err, ERR_NOT_SUPPORTED, "_list: lists that a server makes up are not supported");
	}
	for (struct str rest = value; rest.p;) {
		struct criterion member = {.kind = CRITERION_AND}, has, had, not_had = {.kind = CRITERION_NOT};
		struct str id = split_unescaped(&rest, ',');
		if (ret->child_count >= SEARCH_MAX_VALUES)
			return error_set(p->err, ERR_LIMIT, "_list has more than %d values", SEARCH_MAX_VALUES);
		if (!listed(p, id, MOD_NONE, &has) || !listed(p, id, MOD_REMOVED, &had) ||
		    !criterion_add_child(p, &not_had, &had) || !criterion_add_child(p, &member, &has) ||
		    !criterion_add_child(p, &member, &not_had) || !criterion_add_child(p, ret, &member))
			return false;
	}
	return true;
}

static bool parse_instant(struct parsing *p, const struct fhir_type *type, struct str value, struct criterion *ret)
{
	(void)type;
	*ret = (struct criterion){.kind = CRITERION_LAST_UPDATED};
	return parse_values(p, ret, S("_lastUpdated"), STR_NULL, value);
}

static bool parse_ids(struct parsing *p, const struct fhir_type *type, struct str value, struct criterion *ret)
{
	(void)type;
	*ret = (struct criterion){.kind = CRITERION_ID};
	return parse_values(p, ret, S("_id"), STR_NULL, value);
}

static bool parse_narrative(struct parsing *p, const struct fhir_type *type, struct str value, struct criterion *ret)
{
	(void)type;
	return parse_words(p, CRITERION_NARRATIVE, S("_text"), value, ret);
}

static bool parse_content(struct parsing *p, const struct fhir_type *type, struct str value, struct criterion *ret)
{
	(void)type;
	return parse_words(p, CRITERION_CONTENT, S("_content"), value, ret);
}

static const struct special {
	const char *name;
	bool (*parse)(struct parsing *p, const struct fhir_type *type, struct str value, struct criterion *ret);
} specials[] = {{"_id", parse_ids},	    {"_lastUpdated", parse_instant}, {"_list", parse_list},
		{"_text", parse_narrative}, {"_content", parse_content},     {"_filter", parse_filter}};

static const struct special *find_special(struct str name)
{
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
		if (str_is(name, specials[i].name))
			return &specials[i];
	return NULL;
}

bool search_param_supported(const struct search_param *param)
{
	return param_indexed(param) || param->component_count > 0 || find_special(param->code);
}

/* ---- all together ---------------------------------------------------------------------------------------------- */

bool parse_coded(struct parsing *p, const struct fhir_type *type, struct str code, struct str modifier,
		 struct str value, bool single, struct criterion *ret)
{
	const struct special *special = find_special(code);
	if (special && modifier.p)
		return modifier_refused(p, code, modifier, "is not known");
	if (special)
		return special->parse(p, type, value, ret);
	const struct search_param *param = parse_find_param(p, type, code);
	if (!param)
		return parse_unknown_param(p, "", type, code);
	if (param->type == PARAM_COMPOSITE)
		return parse_composite(p, param, code, modifier, value, single, ret);
	if (!param_indexed(param))
		return error_set(p->err, ERR_NOT_SUPPORTED, "The search parameter \"%.*s\" is not supported",
				 STR_ARG(shown(code)));
	*ret = (struct criterion){.kind = CRITERION_PARAM, .param = param};
	return parse_modified(p, ret, code, modifier, value, single);
}

bool parse_named(struct parsing *p, const struct fhir_type *type, struct str name, struct str value,
		 struct criterion *ret)
{
	struct str rest = name, head, code;
	if (str_starts(name, S("_has:"))) {
		rest = str_slice(name, 5, name.n);
		return parse_has(p, type, rest, value, ret);
	}
	head = str_split(&rest, '.');
	if (rest.p)
		return parse_link(p, type, head, rest, value, ret);
	code = str_split(&head, ':');
	return parse_coded(p, type, code, head, value, false, ret);
}
