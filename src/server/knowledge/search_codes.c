/* The answers to :in, :not-in, :above and :below of searches, out of the knowledge of the moment. */
#include "server/knowledge/knowledge.h"

/* A canonical, or ValueSet/id of a stored one. */
static struct str canonical_of(const struct knowledge_state *state, struct str value_set)
{
	size_t at = 0;
	const struct canonical *c;
	if (!str_starts(value_set, S("ValueSet/")))
		return value_set;
	struct str id = str_slice(value_set, 9, value_set.n);
	while ((c = canonicals_next(state->canonicals, S("ValueSet"), &at)))
		if (!c->package && str_eq(c->id, id))
			return c->url;
	return STR_NULL;
}

static bool copy_code(struct arena *a, struct str system, struct str code, struct search_code *ret_code)
{
	ret_code->system = system.p ? arena_str(a, system) : S("");
	ret_code->code = arena_str(a, code);
	return ret_code->system.p && ret_code->code.p;
}

static bool expand_in(const struct knowledge_state *state, struct arena *a, struct str value_set, size_t max,
		      struct search_code **ret_codes, size_t *ret_count, struct error *err)
{
	const struct expand_options options = {.flat = true, .limit = max};
	struct str canonical = canonical_of(state, value_set);
	if (!canonical.p)
		return error_set(err, ERR_NOT_FOUND, "There is no value set %.*s on this server",
				 STR_ARG(str_slice(value_set, 0, 100)));
	const struct expansion *e = terminology_expand(state->terminology, a, canonical, NULL, &options, err);
	struct search_code *codes = e ? ARENA_ARRAY(a, struct search_code, e->count + 1) : NULL;
	if (!codes)
		return e ? error_memory(err) : false;
	for (size_t i = 0; i < e->count; i++)
		if (!copy_code(a, e->codes[i].system, e->codes[i].code, &codes[i]))
			return error_memory(err);
	*ret_codes = codes;
	*ret_count = e->count;
	return true;
}

static bool expand(void *ctx, struct arena *a, struct str value_set, size_t max, struct search_code **ret_codes,
		   size_t *ret_count, struct error *err)
{
	struct knowledge *k = ctx;
	const struct knowledge_state *state = knowledge_enter(k, 0, err);
	if (!state)
		return false;
	bool ok = expand_in(state, a, value_set, max, ret_codes, ret_count, err);
	knowledge_leave(k, state);
	return ok;
}

static bool related_in(const struct knowledge_state *state, struct arena *a, const struct search_code *code, bool below,
		       size_t max, struct search_code **ret_codes, size_t *ret_count, struct error *err)
{
	const struct coding asked = {.system = code->system, .code = code->code};
	struct coding *found;
	size_t count;
	if (!terminology_related(state->terminology, a, &asked, below, max, &found, &count, err))
		return false;
	struct search_code *codes = ARENA_ARRAY(a, struct search_code, count);
	if (!codes)
		return error_memory(err);
	for (size_t i = 0; i < count; i++)
		codes[i] = (struct search_code){code->system, found[i].code};
	*ret_codes = codes;
	*ret_count = count;
	return true;
}

static bool related(void *ctx, struct arena *a, const struct search_code *code, bool below, size_t max,
		    struct search_code **ret_codes, size_t *ret_count, struct error *err)
{
	struct knowledge *k = ctx;
	const struct knowledge_state *state = knowledge_enter(k, 0, err);
	if (!state)
		return false;
	bool ok = related_in(state, a, code, below, max, ret_codes, ret_count, err);
	knowledge_leave(k, state);
	return ok;
}

struct search_terminology knowledge_search_terminology(struct knowledge *k)
{
	return (struct search_terminology){.ctx = k, .expand = expand, .related = related};
}
