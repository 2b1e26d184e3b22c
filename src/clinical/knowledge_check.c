/* What loading does not refuse but would make rules wrong or silent: check digits, loops, rules that can never hold. */
#include <stdio.h>

#include "clinical/knowledge_priv.h"

struct report {
	void (*say)(void *context, const char *line);
	void *context;
	size_t count;
};

static void report(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void report(struct report *r, const char *format, ...)
{
	char line[300];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	r->count++;
	if (r->say)
		r->say(r->context, line);
}

/* SNOMED CT identifiers end in a Verhoeff check digit (SCTID, section 4.2 of the release file specification). */
static bool sctid_checks(uint64_t id)
{
	static const unsigned char permute[8][10] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4},
						     {5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
						     {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
						     {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}};
	unsigned check = 0;
	for (unsigned i = 0; id; i++, id /= 10) {
		unsigned d = permute[i % 8][id % 10], c = check;
		/* The product in the dihedral group of order ten. */
		check = c < 5 ? (d < 5 ? (c + d) % 5 : 5 + (c + d - 5) % 5)
			      : (d < 5 ? 5 + (c - 5 + 5 - d) % 5 : (c - d + 5) % 5);
	}
	return check == 0;
}

static void check_codes(const struct knowledge *k, struct report *r)
{
	for (size_t i = 0; i < k->code_capacity; i++) {
		uint64_t key = k->codes[i].key, id = key & ((UINT64_C(1) << 60) - 1);
		if (key >> 60 == CODE_SNOMED && !sctid_checks(id))
			report(r, "SNOMED CT code %llu of an allergen has a wrong check digit", (unsigned long long)id);
	}
	for (size_t i = 0; i < k->reaction_count; i++) {
		if (k->reactions[i].snomed && !sctid_checks(k->reactions[i].snomed))
			report(r, "SNOMED CT code %llu of a reaction has a wrong check digit",
			       (unsigned long long)k->reactions[i].snomed);
	}
}

static size_t members_of(const struct knowledge *k, unsigned c)
{
	size_t n = 0;
	for (size_t i = 0; i < k->ingredient_count; i++)
		n += k->ingredients[i].base == i && knowledge_is_in(k, (unsigned)i, c);
	return n;
}

static void check_classes(const struct knowledge *k, struct report *r)
{
	for (size_t i = 0; i < k->class_count; i++) {
		int up = (int)i;
		size_t steps = 0;
		while (up >= 0 && steps++ < 12)
			up = k->classes[up].parent;
		if (up >= 0)
			report(r, "class %.*s is its own ancestor", STR_ARG(k->classes[i].id));
		else if (!members_of(k, (unsigned)i))
			report(r, "class %.*s has no member", STR_ARG(k->classes[i].id));
	}
}

static void check_ingredients(const struct knowledge *k, struct report *r)
{
	for (size_t i = 0; i < k->ingredient_count; i++) {
		const struct ingredient *g = &k->ingredients[i];
		if (k->ingredients[g->base].precise && g->base != i)
			report(r, "the base of %.*s is a precise ingredient itself", STR_ARG(g->name));
		if (!g->source.n)
			report(r, "ingredient %.*s has no source", STR_ARG(g->name));
	}
}

static bool same_side(const struct side *a, const struct side *b)
{
	return a->kind == b->kind && (a->kind == SIDE_OTHER ? str_eq(a->token, b->token) : a->index == b->index);
}

static void check_cross(const struct knowledge *k, struct report *r)
{
	for (size_t i = 0; i < k->cross_count; i++) {
		const struct cross_rule *x = &k->cross[i];
		if (str_is(x->scope, "suppress") && x->level != LEVEL_NONE)
			report(r, "rule %.*s suppresses and has a level", STR_ARG(x->id));
		if (!x->source.n)
			report(r, "rule %.*s has no source", STR_ARG(x->id));
		for (size_t j = 0; j < i; j++) {
			const struct cross_rule *y = &k->cross[j];
			if (same_side(&x->allergen, &y->allergen) && same_side(&x->target, &y->target))
				report(r, "rules %.*s and %.*s are about the same two sides", STR_ARG(y->id),
				       STR_ARG(x->id));
			/* What does not react one way must not be said to react the other way. */
			bool mirrored = same_side(&x->allergen, &y->target) && same_side(&x->target, &y->allergen);
			if (mirrored && str_is(x->scope, "suppress") != str_is(y->scope, "suppress"))
				report(r, "rules %.*s and %.*s contradict each other", STR_ARG(y->id), STR_ARG(x->id));
		}
	}
}

static void check_interactions(const struct knowledge *k, struct report *r)
{
	for (size_t i = 0; i < k->rule_count; i++) {
		const struct interaction_rule *x = &k->rules[i];
		if (!x->source.n)
			report(r, "rule %.*s has no source", STR_ARG(x->id));
		if (x->level == LEVEL_NONE)
			report(r, "rule %.*s has no level", STR_ARG(x->id));
	}
	/* The same two sides twice: the higher one wins, but was that meant? */
	for (size_t i = 0; i < k->masked_count; i++) {
		for (size_t j = 0; j < i; j++) {
			const struct interaction_rule *x = &k->rules[k->masked[i]], *y = &k->rules[k->masked[j]];
			if ((same_side(&x->a, &y->a) && same_side(&x->b, &y->b)) ||
			    (same_side(&x->a, &y->b) && same_side(&x->b, &y->a)))
				report(r, "rules %.*s and %.*s are about the same two sides", STR_ARG(y->id),
				       STR_ARG(x->id));
		}
	}
}

size_t knowledge_check(const struct knowledge *k, void (*say)(void *context, const char *line), void *context)
{
	struct report r = {say, context, 0};
	check_codes(k, &r);
	check_classes(k, &r);
	check_ingredients(k, &r);
	check_cross(k, &r);
	check_interactions(k, &r);
	return r.count;
}
