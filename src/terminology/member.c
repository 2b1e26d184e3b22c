/*
 * Membership: is a code in a value set? Nothing is expanded. A clause answers by hash look-ups and by climbing the
 * hierarchy; a value set is in doubt only when the clauses that could decide are.
 */
#include "terminology/terminology_priv.h"

static struct hit answer(enum code_answer what, enum code_reason reason, struct str detail)
{
	return (struct hit){.answer = what, .reason = reason, .detail = detail, .id = IMAGE_NONE};
}

static struct hit not_in(void)
{
	return answer(CODE_NOT_IN, CODE_NOT_MEMBER, STR_NULL);
}

static const struct json *find_listed(const struct clause *c, struct arena *a, struct str code)
{
	const uint64_t *slot = map_get(&c->listed, code);
	bool no_case =
		c->system && !c->system->rules && !c->system->trouble && (c->system->image.head->flags & IMAGE_NO_CASE);
	if (!slot && no_case) {
		struct str lower = arena_str(a, code);
		for (size_t i = 0; lower.p && i < lower.n; i++)
			if (lower.p[i] >= 'A' && lower.p[i] <= 'Z')
				((char *)(uintptr_t)lower.p)[i] = (char)(lower.p[i] + 32);
		slot = lower.p ? map_get(&c->listed, lower) : NULL;
	}
	return slot ? (const struct json *)(uintptr_t)*slot : NULL;
}

static struct hit imports_contain(const struct clause *c, struct arena *a, struct str system, struct str version,
				  struct str code, struct hit found)
{
	for (size_t i = 0; i < c->import_count; i++) {
		struct hit in = value_set_contains(c->imports[i], a, system, version, code);
		if (in.answer == CODE_NOT_IN)
			return in;
		if (in.answer == CODE_UNKNOWN && found.answer == CODE_IN)
			found = in;
		else if (in.answer == CODE_IN && !found.system_url.p)
			found = in;
	}
	return found;
}

struct hit clause_passes(const struct clause *c, struct arena *a, uint32_t id)
{
	struct hit found = {.answer = CODE_IN, .system = c->system, .system_url = c->system_url, .id = id};
	for (size_t i = 0; i < c->filter_count; i++) {
		enum code_answer passes = filter_passes(&c->filters[i], c->system, id);
		if (passes == CODE_NOT_IN)
			return not_in();
		if (passes == CODE_UNKNOWN)
			found = answer(CODE_UNKNOWN, CODE_VALUE_SET_UNDECIDED, S("a filter cannot be evaluated"));
	}
	return imports_contain(c, a, c->system_url, STR_NULL, image_concept(&c->system->image, id).code, found);
}

/* A clause of a whole system or with filters. */
static struct hit system_contains(const struct clause *c, struct str code, struct hit *found)
{
	uint32_t id;
	enum code_answer has = system_has(c->system, code, &id);
	if (has == CODE_NOT_IN)
		return answer(CODE_NOT_IN, CODE_INVALID, c->system_url);
	if (has == CODE_UNKNOWN && code_form_wrong(c->system, c->system_url, code))
		return answer(CODE_NOT_IN, CODE_INVALID, c->system_url);
	if (has == CODE_UNKNOWN)
		return answer(CODE_UNKNOWN, CODE_SYSTEM_PARTIAL, c->system_url);
	found->id = id;
	for (size_t i = 0; i < c->filter_count; i++) {
		enum code_answer passes = filter_passes(&c->filters[i], c->system, id);
		if (passes == CODE_NOT_IN)
			return not_in();
		if (passes == CODE_UNKNOWN)
			return answer(CODE_UNKNOWN, CODE_VALUE_SET_UNDECIDED, S("a filter cannot be evaluated"));
	}
	return *found;
}

struct hit clause_contains(const struct clause *c, struct arena *a, struct str system, struct str version,
			   struct str code)
{
	struct hit found = {.answer = CODE_IN, .system = c->system, .system_url = c->system_url, .id = IMAGE_NONE};
	if (c->system_url.p) {
		if (system.p && !str_eq(system, c->system_url))
			return not_in();
		if (version.n && c->version.n && !system_version_fits(c->version, version) &&
		    !system_version_fits(version, c->version))
			return not_in();
		if (c->listed.count) {
			found.listed = find_listed(c, a, code);
			if (!found.listed)
				return not_in();
			if (c->system && !c->system->rules && !c->system->trouble)
				found.id = image_find(&c->system->image, code);
		}
	}
	if (c->trouble.p && c->system_url.p && code_form_wrong(c->system, c->system_url, code))
		return answer(CODE_NOT_IN, CODE_INVALID, c->system_url);
	if (c->trouble.p)
		return answer(CODE_UNKNOWN,
			      c->system_url.p && !c->system ? CODE_SYSTEM_UNKNOWN : CODE_VALUE_SET_UNDECIDED,
			      c->trouble);
	if (c->system_url.p && !c->listed.count) {
		struct hit in = system_contains(c, code, &found);
		if (in.answer != CODE_IN)
			return in;
	}
	return imports_contain(c, a, system, version, code, found);
}

static bool is_inactive(const struct hit *h)
{
	return h->id != IMAGE_NONE && h->system && (image_concept_flags(&h->system->image, h->id) & CONCEPT_INACTIVE);
}

static struct hit includes_contain(const struct value_set *vs, struct arena *a, struct str system, struct str version,
				   struct str code)
{
	struct hit best = not_in();
	for (size_t i = 0; i < vs->include_count; i++) {
		struct hit h = clause_contains(&vs->clauses[i], a, system, version, code);
		if (h.answer == CODE_IN)
			return h;
		if (h.answer == CODE_UNKNOWN && best.answer != CODE_UNKNOWN)
			best = h;
	}
	return best;
}

struct hit value_set_contains(const struct value_set *vs, struct arena *a, struct str system, struct str version,
			      struct str code)
{
	if (vs->trouble.p)
		return answer(CODE_UNKNOWN, CODE_VALUE_SET_UNDECIDED, vs->trouble);
	struct hit found = includes_contain(vs, a, system, version, code);
	if (found.answer == CODE_NOT_IN)
		return found;
	for (size_t i = vs->include_count; i < vs->clause_count; i++) {
		struct hit out =
			clause_contains(&vs->clauses[i], a, system.p ? system : found.system_url, version, code);
		if (out.answer == CODE_IN)
			return not_in();
		if (out.answer == CODE_UNKNOWN && found.answer == CODE_IN)
			found = out;
	}
	if (found.answer == CODE_IN && vs->without_inactive && is_inactive(&found))
		return not_in();
	return found;
}
