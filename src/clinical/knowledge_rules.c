/*
 * The tables of rules, and what makes them quick: each ingredient has a set of bits that says on which side of which
 * rule it stands, so two drugs are compared by a few ANDs. Rules between two single ingredients, of which a commercial
 * table has a hundred thousand, are a sorted list instead.
 */
#include <stdlib.h>

#include "clinical/knowledge_priv.h"

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static bool group_index(struct knowledge *k, struct str group, unsigned *ret, struct error *err)
{
	bool is_new = false;
	uint64_t *slot = map_put(&k->group_names, group, &is_new);
	if (!slot)
		return error_memory(err);
	if (is_new) {
		if (!knowledge_grow(k, &k->groups, k->group_count, &k->group_capacity, sizeof(*k->groups), 1000, err))
			return false;
		*slot = k->group_count;
		k->groups[k->group_count++] = group;
	}
	*ret = (unsigned)*slot;
	return true;
}

bool knowledge_load_chains(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	int i = knowledge_rxcui(k, f[1]);
	unsigned group = 0;
	if (i < 0)
		return knowledge_row_error(err, t, "an ingredient that no table has");
	if (!group_index(k, f[0], &group, err) ||
	    !knowledge_grow(k, &k->chains, k->chain_count, &k->chain_capacity, sizeof(*k->chains), 10000, err))
		return false;
	k->chains[k->chain_count++] = (struct side_chain){
		.group = (uint16_t)group,
		.ingredient = k->ingredients[i].base,
		.identical = str_is(f[2], "identical"),
		.unique = str_is(f[2], "unique"),
		.verified = knowledge_verified(f[3]),
	};
	return true;
}

bool knowledge_load_reactions(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	uint64_t code = 0;
	if (f[0].n && !str_to_u64(f[0], &code))
		return knowledge_row_error(err, t, "not a SNOMED CT code");
	if (!knowledge_grow(k, &k->reactions, k->reaction_count, &k->reaction_capacity, sizeof(*k->reactions), 10000,
			    err))
		return false;
	k->reactions[k->reaction_count++] = (struct reaction){code, f[1], f[2], f[3], f[4]};
	return true;
}

static bool read_side(struct knowledge *k, struct str text, struct side *ret, const struct tsv *t, struct error *err)
{
	*ret = (struct side){.kind = SIDE_OTHER, .token = text};
	if (str_is(text, "same-ingredient")) {
		ret->kind = SIDE_SAME;
		return true;
	}
	if (str_starts(text, S("other:"))) {
		ret->token = str_slice(text, 6, text.n);
		return true;
	}
	if (str_starts(text, S("r1:"))) {
		ret->kind = SIDE_GROUP;
		return group_index(k, text, &ret->index, err);
	}
	if (str_starts(text, S("class:"))) {
		int c = knowledge_class_named(k, str_slice(text, 6, text.n));
		ret->kind = SIDE_CLASS;
		ret->index = (unsigned)c;
		return c >= 0 || knowledge_row_error(err, t, "an unknown class");
	}
	int i = knowledge_rxcui(k, str_starts(text, S("ingredient:")) ? str_slice(text, 11, text.n) : text);
	if (i < 0)
		return knowledge_row_error(err, t, "an ingredient that no table has");
	ret->kind = SIDE_INGREDIENT;
	ret->index = k->ingredients[i].base;
	return true;
}

static struct cross_rule *cross_named(const struct knowledge *k, struct str id)
{
	for (size_t i = 0; i < k->cross_count; i++) {
		if (str_eq(k->cross[i].id, id))
			return &k->cross[i];
	}
	return NULL;
}

bool knowledge_load_cross(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	struct cross_rule r = {.id = f[0],
			       .relation = f[3],
			       .scope = f[4],
			       .when = f[6],
			       .severity = f[7],
			       .likelihood = f[8],
			       .reason = f[9],
			       .verified = knowledge_verified(f[10]),
			       .source = knowledge_source(k, f[11])};
	if (!f[0].n || !level_named(f[5], &r.level))
		return knowledge_row_error(err, t, "no rule id, or an unknown level");
	if (!read_side(k, f[1], &r.allergen, t, err) || !read_side(k, f[2], &r.target, t, err))
		return false;
	struct cross_rule *old = cross_named(k, f[0]);
	if (!old) {
		if (!knowledge_grow(k, &k->cross, k->cross_count, &k->cross_capacity, sizeof(*k->cross),
				    KNOWLEDGE_RULES_MAX, err))
			return false;
		old = &k->cross[k->cross_count++];
	}
	*old = r;
	return true;
}

static bool put_interaction(struct knowledge *k, const struct interaction_rule *r, struct error *err)
{
	bool is_new = false;
	uint64_t *slot = map_put(&k->rule_names, r->id, &is_new);
	if (!slot)
		return error_set(err, ERR_LIMIT, "There are more interaction rules than fit.");
	if (is_new) {
		if (!knowledge_grow(k, &k->rules, k->rule_count, &k->rule_capacity, sizeof(*k->rules),
				    KNOWLEDGE_PAIRS_MAX, err))
			return false;
		*slot = k->rule_count++;
	}
	k->rules[*slot] = *r;
	return true;
}

enum { WASHOUT_MAX = 400 };

static bool washouts_are_read(struct str list)
{
	while (list.p && list.n) {
		uint64_t rxcui, days;
		struct str item = str_split(&list, ','), of = str_split(&item, '=');
		if (!str_to_u64(of, &rxcui) || !item.p || !str_to_u64(item, &days) || days > WASHOUT_MAX)
			return false;
	}
	return true;
}

bool knowledge_load_interactions(struct knowledge *k, struct tsv *t, struct str *f, struct error *err)
{
	uint64_t days = 0;
	struct interaction_rule r = {.id = f[0],
				     .tier = f[1],
				     .severity = f[4],
				     .adjust = f[6],
				     .local = f[7],
				     .mechanism = f[9],
				     .effect = f[10],
				     .advice = f[11],
				     .verified = knowledge_verified(f[12]),
				     .source = knowledge_source(k, f[13])};
	if (!f[0].n || !level_named(f[5], &r.level))
		return knowledge_row_error(err, t, "no rule id, or an unknown level");
	r.washout_of = f[8];
	if (f[8].n && (!str_to_u64(str_split(&r.washout_of, ';'), &days) || days > WASHOUT_MAX))
		return knowledge_row_error(err, t, "not a number of days");
	r.washout_days = (int)days;
	if (!washouts_are_read(r.washout_of))
		return knowledge_row_error(err, t, "not days of ingredients such as 4493=35");
	if (!read_side(k, f[2], &r.a, t, err) || !read_side(k, f[3], &r.b, t, err) || !put_interaction(k, &r, err))
		return false;
	return true;
}

/* ---- finishing -----------------------------------------------------------------------------------------------------
 */

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	return x->ingredient != y->ingredient ? (x->ingredient < y->ingredient ? -1 : 1)
					      : (x->drug_class > y->drug_class) - (x->drug_class < y->drug_class);
}

static size_t add_class(uint16_t *list, size_t n, unsigned c)
{
	size_t at = 0;
	while (at < n && list[at] < c)
		at++;
	if (at < n && list[at] == c)
		return n;
	memmove(list + at + 1, list + at, (n - at) * sizeof(*list));
	list[at] = (uint16_t)c;
	return n + 1;
}

enum { CLASSES_EACH = 100, PARENTS_MAX = 10 };

static bool give_classes(struct knowledge *k, struct error *err)
{
	for (size_t i = 0; i < k->member_count; i++)
		k->members[i].ingredient = k->ingredients[k->members[i].ingredient].base;
	if (k->member_count)
		qsort(k->members, k->member_count, sizeof(*k->members), compare_members);
	for (size_t i = 0; i < k->member_count;) {
		uint16_t list[CLASSES_EACH + 1];
		size_t n = 0;
		unsigned of = k->members[i].ingredient;
		for (; i < k->member_count && k->members[i].ingredient == of; i++) {
			int c = k->members[i].drug_class;
			for (int up = 0; c >= 0 && up < PARENTS_MAX && n < CLASSES_EACH; up++) {
				n = add_class(list, n, (unsigned)c);
				c = k->classes[c].parent;
			}
		}
		uint16_t *kept = ARENA_ARRAY(k->arena, uint16_t, n);
		if (!kept)
			return error_memory(err);
		memcpy(kept, list, n * sizeof(*kept));
		k->ingredients[of].classes = kept;
		k->ingredients[of].class_count = n;
	}
	for (size_t i = 0; i < k->ingredient_count; i++) {
		const struct ingredient *base = &k->ingredients[k->ingredients[i].base];
		k->ingredients[i].classes = base->classes;
		k->ingredients[i].class_count = base->class_count;
		k->ingredients[i].source = knowledge_source(k, k->ingredients[i].source);
	}
	for (size_t i = 0; i < k->class_count; i++)
		k->classes[i].source = knowledge_source(k, k->classes[i].source);
	return true;
}

static void set_bit(uint64_t *words, size_t bit)
{
	words[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static bool is_class_within(const struct knowledge *k, int c, unsigned wanted)
{
	for (int up = 0; c >= 0 && up < PARENTS_MAX; up++, c = k->classes[c].parent) {
		if ((unsigned)c == wanted)
			return true;
	}
	return false;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	return x->key != y->key ? (x->key < y->key ? -1 : 1) : (x->rule > y->rule) - (x->rule < y->rule);
}

static bool split_rules(struct knowledge *k, struct error *err)
{
	for (size_t i = 0; i < k->rule_count; i++) {
		const struct interaction_rule *r = &k->rules[i];
		if (r->a.kind == SIDE_INGREDIENT && r->b.kind == SIDE_INGREDIENT) {
			uint32_t low = r->a.index < r->b.index ? r->a.index : r->b.index;
			uint32_t high = r->a.index < r->b.index ? r->b.index : r->a.index;
			if (!knowledge_grow(k, &k->pairs, k->pair_count, &k->pair_capacity, sizeof(*k->pairs),
					    KNOWLEDGE_PAIRS_MAX, err))
				return false;
			k->pairs[k->pair_count++] = (struct pair){low << 16 | high, (uint32_t)i};
			continue;
		}
		if (!knowledge_grow(k, &k->masked, k->masked_count, &k->masked_capacity, sizeof(*k->masked),
				    KNOWLEDGE_RULES_MAX, err))
			return false;
		k->masked[k->masked_count++] = (uint32_t)i;
	}
	if (k->pair_count)
		qsort(k->pairs, k->pair_count, sizeof(*k->pairs), compare_pairs);
	return true;
}

/* The bit of a rule, at every ingredient that stands on a side of it. Only bases are ever asked for. */
static void mark_side(const struct knowledge *k, const struct side *s, uint64_t *masks, size_t words, size_t bit)
{
	if (s->kind == SIDE_INGREDIENT)
		set_bit(masks + s->index * words, bit);
	for (size_t i = 0; s->kind == SIDE_GROUP && i < k->chain_count; i++) {
		if (k->chains[i].group == s->index)
			set_bit(masks + k->chains[i].ingredient * words, bit);
	}
	if (s->kind != SIDE_CLASS)
		return;
	/* Members are sorted by ingredient; classes above come with those below. */
	for (size_t i = 0; i < k->member_count; i++) {
		unsigned ingredient = k->members[i].ingredient;
		bool repeated = i && k->members[i - 1].ingredient == ingredient;
		if (!repeated && knowledge_is_in(k, ingredient, s->index))
			set_bit(masks + ingredient * words, bit);
	}
}

static void fill_masks(struct knowledge *k)
{
	for (size_t m = 0; m < k->masked_count; m++) {
		const struct interaction_rule *r = &k->rules[k->masked[m]];
		mark_side(k, &r->a, k->rule_a, k->rule_words, m);
		mark_side(k, &r->b, k->rule_b, k->rule_words, m);
	}
	for (size_t m = 0; m < k->cross_count; m++) {
		const struct side *s = &k->cross[m].allergen;
		mark_side(k, s, k->cross_allergen, k->cross_words, m);
		mark_side(k, &k->cross[m].target, k->cross_target, k->cross_words, m);
		for (size_t c = 0; s->kind == SIDE_CLASS && c < k->class_count; c++) {
			if (is_class_within(k, (int)c, s->index))
				set_bit(k->class_allergen + c * k->cross_words, m);
		}
	}
}

bool knowledge_finish(struct knowledge *k, struct error *err)
{
	if (!give_classes(k, err) || !split_rules(k, err))
		return false;
	k->rule_words = k->masked_count / 64 + 1;
	k->cross_words = k->cross_count / 64 + 1;
	k->rule_a = ARENA_ARRAY(k->arena, uint64_t, k->ingredient_count * k->rule_words);
	k->rule_b = ARENA_ARRAY(k->arena, uint64_t, k->ingredient_count * k->rule_words);
	k->cross_allergen = ARENA_ARRAY(k->arena, uint64_t, k->ingredient_count * k->cross_words);
	k->cross_target = ARENA_ARRAY(k->arena, uint64_t, k->ingredient_count * k->cross_words);
	k->class_allergen = ARENA_ARRAY(k->arena, uint64_t, k->class_count * k->cross_words);
	if (!k->rule_a || !k->rule_b || !k->cross_allergen || !k->cross_target || !k->class_allergen)
		return error_memory(err);
	fill_masks(k);
	return true;
}
