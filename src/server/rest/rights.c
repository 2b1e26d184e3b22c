/*
 * Rights that depend on what a query looks at: a chain or _has tells about resources of other types, so it needs the
 * right to search those as well. Otherwise the answer, though of permitted types, would say what is in forbidden ones.
 */
#include "server/rest/rest_priv.h"

static bool allow_part(const struct rest_call *call, const struct search_part *part, struct error *err);

static bool allow_criterion(const struct rest_call *call, const struct criterion *c, struct error *err)
{
	size_t allowed = 0;
	/* A reference may lead to several types; those without a right match nothing, and one with it is enough. */
	for (size_t i = 0; i < c->inner_count; i++)
		allowed += allow_part(call, &c->inner[i], c->inner_count == 1 ? err : NULL);
	if (c->inner_count && !allowed)
		return allow_part(call, &c->inner[0], err);
	for (size_t i = 0; i < c->child_count; i++)
		if (!allow_criterion(call, &c->children[i], err))
			return false;
	return true;
}

static bool allow_part(const struct rest_call *call, const struct search_part *part, struct error *err)
{
	if (!call_allowed(call, part->type, SCOPE_S, err))
		return false;
	for (size_t i = 0; i < part->criterion_count; i++)
		if (!allow_criterion(call, &part->criteria[i], err))
			return false;
	return true;
}

static void drop_forbidden(const struct rest_call *call, struct search_query *query)
{
	size_t kept = 0;
	for (size_t i = 0; i < query->part_count; i++)
		if (access_allows(call->pass, query->parts[i].type, SCOPE_S))
			query->parts[kept++] = query->parts[i];
	query->part_count = kept;
}

/* Chains nest no deeper than parsing allows, and so does this. */
bool rights_to_query(const struct rest_call *call, struct search_query *query, bool named, struct error *err)
{
	if (!call->pass)
		return true;
	if (!named)
		drop_forbidden(call, query);
	if (!query->part_count)
		return decision_refuse(call->decision, CHECK_SCOPE, REFUSAL_SCOPE_MISSING, call->grant.scope_text,
				       STR_NULL, S("The token may search no type of resources here"), err);
	for (size_t i = 0; i < query->part_count; i++)
		if (!allow_part(call, &query->parts[i], err))
			return false;
	return true;
}

/* Whoever runs the server: without authorization everyone on this machine, otherwise a token that may do everything to
 * every type, whoever's. */
bool rights_to_operate(const struct rest_call *call, const char *what, struct error *err)
{
	const struct grant *g = &call->grant;
	const unsigned all = SCOPE_C | SCOPE_R | SCOPE_U | SCOPE_D | SCOPE_S;
	for (size_t i = 0; i < g->scope_count; i++)
		if (!g->scopes[i].filter.p && str_is(g->scopes[i].context, "system") &&
		    str_is(g->scopes[i].type, "*") && g->scopes[i].permissions == all)
			return true;
	return !call->server->o.smart ||
	       decision_refuse(call->decision, CHECK_OPERATOR, REFUSAL_OPERATOR_ONLY, g->scope_text,
			       S("system/*.cruds"), arena_printf(call->arena, "%s is for operators", what), err);
}

/* ---- what the policy hides ----------------------------------------------------------------------------------------
 */

static bool refuse_masked(const struct rest_call *call, const struct fhir_type *type, struct str param,
			  struct error *err)
{
	return decision_refuse(call->decision, CHECK_POLICY, REFUSAL_POLICY, STR_NULL, STR_NULL,
			       arena_printf(call->arena, "The search looks at what is hidden of %.*s%s%.*s",
					    STR_ARG(type->name), param.n ? ": " : "", STR_ARG(param)),
			       err);
}

static bool part_unmasked(const struct rest_call *call, const struct search_part *part, struct error *err);

static bool criterion_unmasked(const struct rest_call *call, const struct fhir_type *type, const struct criterion *c,
			       struct error *err)
{
	bool words = c->kind == CRITERION_NARRATIVE || c->kind == CRITERION_CONTENT;
	const struct fhir_type *of = c->kind == CRITERION_HAS && c->inner_count ? c->inner->type : type;
	/* Words are looked for in what a resource contains as well. */
	if (words ? access_masks(call->pass, NULL) : c->param && access_masks_param(call->pass, of, c->param))
		return refuse_masked(call, of, c->param ? c->param->code : STR_NULL, err);
	for (size_t i = 0; i < c->child_count; i++)
		if (!criterion_unmasked(call, type, &c->children[i], err))
			return false;
	for (size_t i = 0; i < c->inner_count; i++)
		if (!part_unmasked(call, &c->inner[i], err))
			return false;
	return true;
}

static bool part_unmasked(const struct rest_call *call, const struct search_part *part, struct error *err)
{
	for (size_t i = 0; i < part->criterion_count; i++)
		if (!criterion_unmasked(call, part->type, &part->criteria[i], err))
			return false;
	return true;
}

/* Includes tell where hidden references lead. */
static bool include_unmasked(const struct rest_call *call, const struct search_include *in, struct error *err)
{
	const struct rest_server *s = call->server;
	for (size_t i = 0; !in->source && i < definitions_resource_count(s->o.definitions); i++) {
		const struct fhir_type *type = definitions_resource_at(s->o.definitions, i);
		if (access_masks(call->pass, type))
			return refuse_masked(call, type, S("*"), err);
	}
	return !in->source || !access_masks_param(call->pass, in->source, in->param) ||
	       refuse_masked(call, in->source, in->param ? in->param->code : S("*"), err);
}

bool rights_to_masked(const struct rest_call *call, const struct search_query *query, struct error *err)
{
	if (!call->pass || !access_masks(call->pass, NULL))
		return true;
	for (size_t i = 0; i < query->part_count; i++) {
		const struct search_part *part = &query->parts[i];
		if (!part_unmasked(call, part, err))
			return false;
		for (size_t k = 0; k < query->sort_count; k++)
			if (query->sorts[k].kind == SORT_PARAM &&
			    access_masks_param(call->pass, part->type, query->sorts[k].param))
				return refuse_masked(call, part->type, query->sorts[k].param->code, err);
	}
	for (size_t i = 0; i < query->include_count; i++)
		if (!include_unmasked(call, &query->includes[i], err))
			return false;
	return true;
}

/* ---- for documents --------------------------------------------------------------------------------------------------
 */

static struct str letters_of(struct arena *a, unsigned needs)
{
	static const char *const words[] = {"c (create)", "r (read)", "u (update)", "d (delete)", "s (search)"};
	struct str text = STR_NULL;
	for (unsigned i = 0; i < 5; i++)
		if (needs & (1u << i))
			text = text.p ? arena_printf(a, "%.*s and %s", STR_ARG(text), words[i]) : str_from(words[i]);
	return text;
}

struct str rest_need_text(struct arena *a, unsigned needs)
{
	struct str letters = letters_of(a, needs);
	if (needs & NEEDS_OPERATOR)
		return S("Needs system/*.cruds.");
	if (needs & NEEDS_OWNER)
		return S("Needs a token of whoever started the job.");
	if (needs & NEEDS_WHOLE)
		return arena_printf(a, "Needs the permissions %.*s for all resources of all types.", STR_ARG(letters));
	if (letters.p && (needs & NEEDS_EACH))
		return arena_printf(a, "Needs the permissions %.*s for each type that it is about.", STR_ARG(letters));
	if (letters.p)
		return arena_printf(a, "Needs the permissions %.*s for the type.", STR_ARG(letters));
	if (needs & NEEDS_EACH)
		return S("Needs what each of its entries would need by itself.");
	return needs ? S("Needs a token.") : S("Needs no token.");
}
