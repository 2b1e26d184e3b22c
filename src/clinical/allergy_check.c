/*
 * An ordered drug against recorded allergies, in this order: the same ingredient; an identical side chain; a similar
 * one; rules of classes; and rows that say "no cross-reactivity", which silence what classes alone would suggest but
 * never what names the ingredient or the side chain. What the record tells of the reaction then raises or lowers the
 * level.
 */
#include "clinical/allergy_priv.h"
#include "clinical/knowledge_priv.h"

/* One allergen of a record: an ingredient or a class. */
struct allergen {
	bool is_class;
	unsigned index;
};
struct candidate {
	const struct cross_rule *rule; /* NULL: same ingredient, or member of the documented class */
	enum level level;
	enum verified verified;
	enum level meant; /* before it was capped */
	bool capped; /* held at information: nothing raises it */
	bool lowered; /* by the rule itself, for the reaction that is recorded */
	bool raised; /* the rule itself took the reaction into account */
	struct allergen allergen;
};
struct checker {
	const struct knowledge *k;
	const struct policy *policy;
	struct arena *arena;
	const struct allergy *allergy;
	unsigned drug; /* base ingredient */
	struct candidate best;
	bool found;
};

static const struct cross_rule *same_ingredient_rule(const struct knowledge *k)
{
	for (size_t i = 0; i < k->cross_count; i++) {
		if (k->cross[i].allergen.kind == SIDE_SAME)
			return &k->cross[i];
	}
	return NULL;
}

/* ---- side chains ---------------------------------------------------------------------------------------------------
 */

enum shared { SHARED_NOTHING, SHARED_SIMILAR, SHARED_IDENTICAL };

static enum shared shared_chain(const struct knowledge *k, unsigned a, unsigned b, enum verified *ret_verified)
{
	enum shared best = SHARED_NOTHING;
	for (size_t i = 0; i < k->chain_count; i++) {
		const struct side_chain *x = &k->chains[i];
		if (x->ingredient != a || x->unique)
			continue;
		for (size_t j = 0; j < k->chain_count; j++) {
			const struct side_chain *y = &k->chains[j];
			if (y->ingredient != b || y->group != x->group || y->unique)
				continue;
			enum shared s = x->identical && y->identical ? SHARED_IDENTICAL : SHARED_SIMILAR;
			if (s <= best)
				continue;
			best = s;
			*ret_verified = x->verified < y->verified ? x->verified : y->verified;
		}
	}
	return best;
}

/* ---- conditions on the reaction ------------------------------------------------------------------------------------
 */

/* What a rule says in the light of the recorded reactions: "only:" groups hold unless other reactions are recorded,
 * "need:" groups must be recorded, "group=level" replaces the level: upwards when one such reaction is recorded,
 * downwards when there are no others. */
static enum level level_for(const struct cross_rule *r, const struct allergy *g)
{
	enum level level = r->level, named = LEVEL_NONE;
	uint32_t lowering = 0;
	bool recorded = g->reactions || g->unknown_reaction, raised = false;
	enum level low = LEVEL_CRITICAL;
	for (struct str rest = r->when; rest.p && rest.n;) {
		struct str part = str_split(&rest, ';');
		if (str_starts(part, S("only:"))) {
			if (recorded && !g->unknown_reaction &&
			    !(g->reactions & allergy_groups(str_slice(part, 5, part.n))))
				return LEVEL_NONE;
			continue;
		}
		if (str_starts(part, S("need:"))) {
			if (!(g->reactions & allergy_groups(str_slice(part, 5, part.n))))
				return LEVEL_NONE;
			continue;
		}
		struct str group = str_split(&part, '=');
		uint32_t bits = allergy_group(group);
		if (!part.p || !level_named(part, &named))
			continue;
		if (named < r->level) {
			lowering |= bits;
			low = named < low ? named : low;
		} else if (g->reactions & bits) {
			level = named;
			raised = true;
		}
	}
	bool all_low = lowering && g->reactions && !(g->reactions & ~lowering) && !g->unknown_reaction;
	return all_low && !raised ? low : level;
}

static bool needs_reaction(const struct cross_rule *r)
{
	return str_starts(r->when, S("need:"));
}

/* ---- candidates ----------------------------------------------------------------------------------------------------
 */

/* The higher, then the one that was verified, then the one that was held back more. */
static bool is_better(const struct candidate *x, const struct candidate *best)
{
	if (x->level != best->level)
		return x->level > best->level;
	if (x->verified != best->verified)
		return x->verified > best->verified;
	return x->meant > best->meant;
}

static void offer(struct checker *c, const struct candidate *x)
{
	if (x->level == LEVEL_NONE)
		return;
	if (!c->found || is_better(x, &c->best))
		c->best = *x;
	c->found = true;
}

static bool depends_on_chains(const struct cross_rule *r)
{
	return str_is(r->relation, "r1-dependent") || str_is(r->relation, "dissimilar-R1") ||
	       str_is(r->relation, "unique-R1");
}

static void offer_rule(struct checker *c, const struct cross_rule *r, const struct allergen *from)
{
	struct candidate x = {.rule = r, .level = level_for(r, c->allergy), .verified = r->verified, .allergen = *from};
	enum verified chains = VERIFIED_NO;
	enum shared s = from->is_class ? SHARED_NOTHING : shared_chain(c->k, from->index, c->drug, &chains);
	if (s != SHARED_NOTHING && depends_on_chains(r)) {
		x.level = s == SHARED_IDENTICAL ? LEVEL_CRITICAL : LEVEL_WARNING;
		x.verified = chains;
	} else if (s != SHARED_NOTHING && str_ends(r->relation, S("-R1")) && chains > x.verified) {
		x.verified = chains; /* the group itself was seen, and the rule is no more than that */
	}
	if (str_is(r->relation, "identical-R1") && s == SHARED_SIMILAR && x.level > LEVEL_WARNING) {
		x.level = LEVEL_WARNING;
	}
	x.meant = x.level;
	if (str_is(r->scope, "cross") && x.verified == VERIFIED_NO) {
		x.capped = x.level >= c->policy->unverified_cross;
		if (x.level > c->policy->unverified_cross)
			x.level = c->policy->unverified_cross;
	}
	x.raised = x.level > r->level;
	x.lowered = str_is(r->scope, "same") && x.level < r->level;
	offer(c, &x);
}

/* Rows of "no cross-reactivity" silence rules whose target is a class. */
static bool is_silenced(const struct cross_rule *r, bool silence)
{
	return silence && r->target.kind == SIDE_CLASS && !needs_reaction(r);
}

static void check_allergen(struct checker *c, const struct allergen *from)
{
	const struct knowledge *k = c->k;
	const uint64_t *mine = (from->is_class ? k->class_allergen : k->cross_allergen) + from->index * k->cross_words;
	const uint64_t *target = k->cross_target + c->drug * k->cross_words;
	bool silence = false;
	if (!from->is_class && from->index == c->drug) {
		offer(c, &(struct candidate){.rule = same_ingredient_rule(k),
					     .level = LEVEL_CRITICAL,
					     .verified = VERIFIED_YES,
					     .allergen = *from});
		return;
	}
	/* A food or an environment that is coded as a drug alerts for that drug and goes no further. */
	bool member = from->is_class && knowledge_is_in(k, c->drug, from->index);
	if (!c->allergy->drug && !member)
		return;
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < k->cross_count; i++) {
			const struct cross_rule *r = &k->cross[i];
			if (!(mine[i / 64] & target[i / 64] & UINT64_C(1) << (i % 64)))
				continue;
			if (pass == 0)
				silence |= str_is(r->scope, "suppress");
			else if (!str_is(r->scope, "suppress") && !is_silenced(r, silence))
				offer_rule(c, r, from);
		}
	}
	/* A recorded class holds the drug: that is worth a warning, unless the class's own rule knows the reaction
	 * better. */
	if (member && (!c->found || (c->best.level < LEVEL_WARNING && !c->best.lowered)))
		offer(c, &(struct candidate){.level = LEVEL_WARNING,
					     .verified = k->classes[from->index].verified,
					     .allergen = *from});
}

/* ---- what the record adds ------------------------------------------------------------------------------------------
 */

static void adjust(const struct allergy *g, struct candidate *x, struct str *ret_note)
{
	enum level level = x->level;
	if (g->state == ALLERGY_RESOLVED) {
		x->level = LEVEL_INFO;
		*ret_note = S("the record is inactive or resolved");
		return;
	}
	if (g->only_side_effects && g->criticality == CRITICALITY_HIGH) {
		x->level = level > LEVEL_WARNING ? LEVEL_WARNING : level;
		*ret_note = S("only side effects are recorded, but criticality high");
		return;
	}
	if (g->only_side_effects) {
		x->level = LEVEL_INFO;
		*ret_note = S("only side effects are recorded");
		return;
	}
	if (g->only_pharmacologic && level > LEVEL_WARNING) {
		level = LEVEL_WARNING;
		*ret_note = S("the recorded reaction is an effect of the drug rather than an allergy");
	}
	if (g->intolerance && !g->severe && level > LEVEL_INFO) {
		level = (enum level)(level - 1);
		*ret_note = S("recorded as intolerance");
	}
	if (g->criticality == CRITICALITY_LOW && !g->severe && level > LEVEL_WARNING) {
		level = LEVEL_WARNING;
		*ret_note = S("criticality low");
	}
	if ((g->criticality == CRITICALITY_HIGH || g->severe) && level < LEVEL_CRITICAL && !x->capped && !x->raised) {
		level = (enum level)(level + 1);
		*ret_note = g->severe ? S("a severe reaction is recorded") : S("criticality high");
	}
	x->level = level;
}

static struct str allergen_id(const struct knowledge *k, const struct allergen *from)
{
	return from->is_class ? k->classes[from->index].id : k->ingredients[from->index].name;
}

static bool report(struct checker *c, const struct medication *m, size_t drug, size_t record, struct findings *f,
		   struct error *err)
{
	const struct knowledge *k = c->k;
	struct candidate *x = &c->best;
	struct str note = S("");
	adjust(c->allergy, x, &note);
	struct finding out = {
		.kind = FINDING_ALLERGY,
		.level = x->level,
		.rule = x->rule ? x->rule->id : S("CLASS"),
		.severity = x->rule ? x->rule->severity : S(""),
		.drug = drug,
		.other = record,
		.ingredient = c->drug,
		.other_ingredient = x->allergen.is_class ? FINDING_NO_INGREDIENT : x->allergen.index,
		.other_class = x->allergen.is_class ? k->classes[x->allergen.index].id : S(""),
		.mechanism = x->rule ? x->rule->reason : S("The ordered drug belongs to the recorded class"),
		.effect = x->rule ? x->rule->likelihood : S(""),
		.advice = x->level >= LEVEL_WARNING ? S("Choose another drug, or have the allergy evaluated first.")
						    : S("Weigh the risk; usually no reason to withhold the drug."),
		.note = note,
		.source = x->rule ? x->rule->source : k->classes[x->allergen.index].source,
		.verified = x->verified,
		.sure = c->allergy->sure && m->found <= MEDICATION_BY_LIST && !c->allergy->ambiguous,
		.spelled = c->allergy->spelled || m->spelled,
		.interruptive = true,
	};
	out.topic =
		arena_printf(c->arena, "allergy/%.*s/%.*s", STR_ARG(out.rule), STR_ARG(allergen_id(k, &x->allergen)));
	return out.topic.p ? findings_add(f, c->arena, &out, err) : error_memory(err);
}

static void check_record(struct checker *c)
{
	for (size_t i = 0; i < c->allergy->ingredient_count; i++)
		check_allergen(c, &(struct allergen){false, c->allergy->ingredients[i]});
	for (size_t i = 0; i < c->allergy->class_count; i++)
		check_allergen(c, &(struct allergen){true, c->allergy->classes[i]});
}

bool allergies_check(const struct knowledge *k, const struct policy *p, struct arena *a, const struct allergies *list,
		     const struct medication *m, size_t drug, struct findings *f, struct error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct allergy *g = &list->items[i];
		struct checker best = {0};
		if (g->state == ALLERGY_VOID || g->state == ALLERGY_REFUTED ||
		    (g->state == ALLERGY_RESOLVED && !p->resolved_allergies))
			continue;
		for (size_t n = 0; n < m->count; n++) {
			struct checker c = {.k = k, .policy = p, .arena = a, .allergy = g, .drug = m->ingredients[n]};
			check_record(&c);
			if (c.found && (!best.found || is_better(&c.best, &best.best)))
				best = c;
		}
		if (best.found && !report(&best, m, drug, i, f, err))
			return false;
	}
	return true;
}
