/*
 * Profiles that implementation guides declare for all resources of a type (ImplementationGuide.global). The guides at
 * hand are read once, when the first resource is validated.
 */
#include "validate/validator_priv.h"
#include "validate/walk_priv.h"

struct global_profile {
	struct str type, profile;
	const struct canonical *guide;
	const struct global_profile *next;
};

static bool built_in(const struct canonical *guide)
{
	struct str name = canonical_package_name(guide->package);
	return str_is(name, "hl7.fhir.r4.core") || str_starts(name, S("hl7.terminology"));
}

static void read_guide(struct validator *r, const struct canonical *guide)
{
	struct error ignored = {0};
	const struct json *j = canonical_json(r->canonicals, guide, &ignored);
	struct json_iter it = json_iter(json_get(j, S("global")));
	while (json_next(&it)) {
		struct global_profile *g = ARENA_NEW(&r->arena, struct global_profile);
		if (!g)
			return;
		*g = (struct global_profile){json_get_str(it.value, S("type")), json_get_str(it.value, S("profile")),
					     guide, r->globals};
		r->globals = g;
	}
}

static void read_guides(struct validator *r)
{
	const struct canonical *guide;
	size_t at = 0;
	while ((guide = canonicals_next(r->canonicals, S("ImplementationGuide"), &at)))
		if (!built_in(guide))
			read_guide(r, guide);
}

void add_global_profiles(struct validation *v, const struct node *n, struct overlays *o)
{
	struct validator *r = v->validator;
	if (!atomic_load_explicit(&r->globals_read, memory_order_acquire)) {
		pthread_mutex_lock(&r->lock);
		if (!atomic_load_explicit(&r->globals_read, memory_order_relaxed)) {
			read_guides(r);
			atomic_store_explicit(&r->globals_read, true, memory_order_release);
		}
		pthread_mutex_unlock(&r->lock);
	}
	for (const struct global_profile *g = r->globals; g; g = g->next) {
		if (!n->type || !str_eq(g->type, n->type->name))
			continue;
		const struct profile *p = profiles_find(v->profiles, g->profile, g->guide, NULL);
		if (p && p->constraint && p->fhir_type == n->type)
			overlays_add(v, o, p->root);
	}
}
