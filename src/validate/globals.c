/*
 * Profiles that count without being claimed: those that implementation guides declare for all resources of a type
 * (ImplementationGuide.global), and those of R4 for vital signs. The guides at hand are read once, when the first
 * resource is validated.
 */
#include "validate/validator_priv.h"
#include "validate/walk_priv.h"

#include <stdio.h>

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

/* An Observation with one of these LOINC codes must conform to the profile of R4 for that vital sign
 * (http://hl7.org/fhir/R4/observation-vitalsigns.html). */
static const struct {
	const char *code, *profile;
} vital_signs[] = {
	{"85353-1", "vitalspanel"}, {"9279-1", "resprate"},   {"8867-4", "heartrate"},	{"2708-6", "oxygensat"},
	{"8310-5", "bodytemp"},	    {"8302-2", "bodyheight"}, {"9843-4", "headcircum"}, {"29463-7", "bodyweight"},
	{"39156-5", "bmi"},	    {"85354-9", "bp"},
};

static void add_vital_sign(struct validation *v, const struct json *coding, struct overlays *o)
{
	struct str code = json_get_str(coding, S("code"));
	if (!str_is(json_get_str(coding, S("system")), "http://loinc.org"))
		return;
	for (size_t i = 0; i < sizeof(vital_signs) / sizeof(vital_signs[0]); i++) {
		if (!str_is(code, vital_signs[i].code))
			continue;
		char url[80];
		snprintf(url, sizeof(url), "http://hl7.org/fhir/StructureDefinition/%s", vital_signs[i].profile);
		const struct profile *p = profiles_find(v->profiles, str_from(url), NULL, NULL);
		if (p)
			overlays_add(v, o, p->root);
	}
}

void add_global_profiles(struct validation *v, const struct node *n, struct overlays *o)
{
	if (n->type && str_is(n->type->name, "Observation"))
		for (struct json_iter it = json_iter(json_get(json_get(n->value, S("code")), S("coding")));
		     json_next(&it);)
			add_vital_sign(v, it.value, o);
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
