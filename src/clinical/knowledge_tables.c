/* The embedded tables, and simple questions about what was built from them. */
#include "clinical/knowledge_priv.h"

#define EMBEDDED(X)                                                                                                    \
	X(sources)                                                                                                     \
	X(ingredients)                                                                                                 \
	X(classes)                                                                                                     \
	X(members)                                                                                                     \
	X(texts)                                                                                                       \
	X(drugs)                                                                                                       \
	X(branded_drugs)                                                                                               \
	X(brand_names)                                                                                                 \
	X(allergens)                                                                                                   \
	X(side_chains)                                                                                                 \
	X(reactions)                                                                                                   \
	X(cross_reactivity)                                                                                            \
	X(interactions)

#define DECLARE(name) extern const char data_##name[], data_##name##_end[];
EMBEDDED(DECLARE)

size_t knowledge_embedded(struct knowledge_table *ret)
{
#define ONE(name) {S(#name), {data_##name, (size_t)(data_##name##_end - data_##name)}},
	const struct knowledge_table all[] = {EMBEDDED(ONE)};
	size_t count = sizeof(all) / sizeof(all[0]);
	memcpy(ret, all, sizeof(all));
	return count;
}

size_t knowledge_ingredient_count(const struct knowledge *k)
{
	return k->ingredient_count;
}

size_t knowledge_class_count(const struct knowledge *k)
{
	return k->class_count;
}

const struct ingredient *knowledge_ingredient(const struct knowledge *k, unsigned index)
{
	return &k->ingredients[index];
}

const struct drug_class *knowledge_class(const struct knowledge *k, unsigned index)
{
	return &k->classes[index];
}

int knowledge_class_named(const struct knowledge *k, struct str id)
{
	const uint64_t *slot = map_get(&k->class_names, id);
	return slot ? (int)*slot : -1;
}

int knowledge_ingredient_named(const struct knowledge *k, struct str name)
{
	struct meaning m;
	int found = knowledge_rxcui(k, name);
	if (found >= 0)
		return found;
	bool one = knowledge_phrase(k, name, false, &m) && m.kind == MEANS_INGREDIENTS && m.count == 1 && !m.product;
	return one ? m.ingredients[0] : -1;
}

bool knowledge_is_in(const struct knowledge *k, unsigned ingredient, unsigned drug_class)
{
	const struct ingredient *i = &k->ingredients[ingredient];
	for (size_t n = 0; n < i->class_count; n++) {
		if (i->classes[n] == drug_class)
			return true;
	}
	return false;
}

struct str knowledge_version(const struct knowledge *k)
{
	return k->version;
}

/* ---- findings ---------------------------------------------------------------------------------------------------- */

static const char *const level_names[] = {"none", "info", "warning", "critical"};

const char *level_name(enum level level)
{
	return level_names[level];
}

bool level_named(struct str name, enum level *ret_level)
{
	for (int i = 0; i < 4; i++) {
		if (str_is(name, level_names[i])) {
			*ret_level = (enum level)i;
			return true;
		}
	}
	if (!str_is(name, "off"))
		return false;
	*ret_level = LEVEL_NONE;
	return true;
}

const char *finding_kind_name(enum finding_kind kind)
{
	static const char *const names[] = {"allergy", "uncoded-allergy", "interaction", "duplicate", "unread-drug"};
	return names[kind];
}

bool findings_add(struct findings *f, struct arena *a, const struct finding *finding, struct error *err)
{
	if (f->count == FINDINGS_MAX) {
		f->cut = true;
		while (f->spare < f->count && f->items[f->spare].level == LEVEL_CRITICAL)
			f->spare++;
		if (finding->level == LEVEL_CRITICAL && f->spare < f->count)
			f->items[f->spare] = *finding;
		return true;
	}
	struct finding *items = f->items;
	if (f->count == f->capacity)
		items = arena_grow(a, f->items, f->count, &f->capacity, f->count + 1, sizeof(*items));
	if (!items)
		return error_memory(err);
	f->items = items;
	items[f->count++] = *finding;
	return true;
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

size_t rule_count(const struct knowledge *k)
{
	return k->cross_count + k->rule_count;
}

static struct str side_name(const struct knowledge *k, const struct side *s)
{
	switch (s->kind) {
	case SIDE_INGREDIENT:
		return k->ingredients[s->index].name;
	case SIDE_CLASS:
		return k->classes[s->index].id;
	case SIDE_GROUP:
		return k->groups[s->index];
	case SIDE_SAME:
		return S("the same ingredient");
	default:
		return s->token;
	}
}

static bool side_is(const struct knowledge *k, const struct side *s, int ingredient, int drug_class)
{
	if (s->kind == SIDE_CLASS && (int)s->index == drug_class)
		return true;
	if (ingredient < 0)
		return false;
	for (size_t i = 0; s->kind == SIDE_GROUP && i < k->chain_count; i++) {
		if (k->chains[i].group == s->index && k->chains[i].ingredient == ingredient)
			return true;
	}
	return s->kind == SIDE_CLASS ? knowledge_is_in(k, (unsigned)ingredient, s->index)
				     : s->kind == SIDE_INGREDIENT && (int)s->index == ingredient;
}

void rule_at(const struct knowledge *k, size_t index, int ingredient, int drug_class, struct rule_info *ret)
{
	const struct side *a, *b;
	if (index < k->cross_count) {
		const struct cross_rule *r = &k->cross[index];
		*ret = (struct rule_info){.id = r->id,
					  .severity = r->severity,
					  .why = r->reason,
					  .source = r->source,
					  .allergy = true,
					  .level = r->level,
					  .verified = r->verified};
		a = &r->allergen;
		b = &r->target;
	} else {
		const struct interaction_rule *r = &k->rules[index - k->cross_count];
		*ret = (struct rule_info){.id = r->id,
					  .severity = r->severity,
					  .why = r->effect,
					  .source = r->source,
					  .level = r->level,
					  .verified = r->verified};
		a = &r->a;
		b = &r->b;
	}
	ret->a = side_name(k, a);
	ret->b = side_name(k, b);
	ret->about = side_is(k, a, ingredient, drug_class) || side_is(k, b, ingredient, drug_class);
}
