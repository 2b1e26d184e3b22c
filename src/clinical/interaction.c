/*
 * Pairs of drugs. The rules that two ingredients meet are found by their sets of bits and by the list of single pairs;
 * what a rule's exceptions say (another route, a low dose, a laboratory value) is looked at only for rules that hold.
 */
#include "clinical/interaction.h"

#include <stdlib.h>

#include "clinical/knowledge_priv.h"

#define DAY_MS INT64_C(86400000)

struct check {
	const struct knowledge *k;
	const struct policy *policy;
	struct str role;
	struct arena *arena;
	const struct lab_values *labs;
	int64_t now_ms;
};
/* One side of a pair under test. */
struct party {
	const struct medication *drug;
	size_t index;
	unsigned ingredient;
};
struct hit {
	const struct interaction_rule *rule;
	enum level level;
	struct party a, b;
	struct str note;
	enum lab lab; /* whose value decided; LAB_COUNT: none */
	int stopped_days; /* -1: both are taken */
};

/* ---- exceptions ----------------------------------------------------------------------------------------------------
 */

/* "class:x" or an RXCUI. */
static bool is_of(const struct knowledge *k, unsigned ingredient, struct str what)
{
	if (str_starts(what, S("class:"))) {
		int c = knowledge_class_named(k, str_slice(what, 6, what.n));
		return c >= 0 && knowledge_is_in(k, ingredient, (unsigned)c);
	}
	int i = knowledge_rxcui(k, what);
	return i >= 0 && k->ingredients[i].base == ingredient;
}

static double decimal(struct str text)
{
	char room[24] = "";
	memcpy(room, text.p, text.n < sizeof(room) - 1 ? text.n : sizeof(room) - 1);
	return strtod(room, NULL);
}

static bool with_any(const struct check *c, const struct party *a, const struct party *b, struct str list)
{
	for (struct str rest = list; rest.p && rest.n;) {
		struct str what = str_split(&rest, ',');
		if (is_of(c->k, a->ingredient, what) || is_of(c->k, b->ingredient, what))
			return true;
	}
	return false;
}

static bool both(const struct check *c, const struct party *a, const struct party *b, struct str list)
{
	struct str first = str_split(&list, ',');
	return (is_of(c->k, a->ingredient, first) && is_of(c->k, b->ingredient, list)) ||
	       (is_of(c->k, b->ingredient, first) && is_of(c->k, a->ingredient, list));
}

static bool stands_on(const struct knowledge *k, unsigned ingredient, const struct side *s)
{
	return s->kind == SIDE_CLASS ? knowledge_is_in(k, ingredient, s->index)
				     : s->kind == SIDE_INGREDIENT && s->index == ingredient;
}

/* The pair is one of another rule as well, which then speaks alone. */
static bool under_any(const struct check *c, const struct party *a, const struct party *b, struct str rules)
{
	while (rules.p && rules.n) {
		const uint64_t *slot = map_get(&c->k->rule_names, str_split(&rules, ','));
		const struct interaction_rule *r = slot ? &c->k->rules[*slot] : NULL;
		if (r && ((stands_on(c->k, a->ingredient, &r->a) && stands_on(c->k, b->ingredient, &r->b)) ||
			  (stands_on(c->k, a->ingredient, &r->b) && stands_on(c->k, b->ingredient, &r->a))))
			return true;
	}
	return false;
}

/* "<=325:1191": the dose of that ingredient, when it is known. */
static bool dose_within(const struct check *c, const struct party *p, struct str condition, bool week)
{
	struct str limit = str_split(&condition, ':');
	double mg = week ? p->drug->mg_week : p->drug->mg_day;
	return is_of(c->k, p->ingredient, condition) && mg >= 0 && mg <= decimal(str_slice(limit, 2, limit.n));
}

/* "potassium>5.0", "egfr<30", "egfr>=60"; LAB_COUNT when it does not hold, or the value is not known. */
static enum lab lab_that_holds(const struct lab_values *labs, struct str condition)
{
	size_t n = 0;
	while (n < condition.n && condition.p[n] != '<' && condition.p[n] != '>')
		n++;
	enum lab lab = lab_named(str_slice(condition, 0, n));
	struct str rest = str_slice(condition, n, condition.n);
	if (!labs || lab == LAB_COUNT || !labs->of[lab].known)
		return LAB_COUNT;
	double value = labs->of[lab].value;
	int bound =
		labs->of[lab].bound; /* what is only known to be more, say, is never known to be less than a limit */
	bool above = bound >= 0, below = bound <= 0, holds;
	if (str_starts(rest, S(">=")))
		holds = above && value >= decimal(str_slice(rest, 2, rest.n));
	else if (str_starts(rest, S(">")))
		holds = above && (value > decimal(str_slice(rest, 1, rest.n)) ||
				  (bound > 0 && value >= decimal(str_slice(rest, 1, rest.n))));
	else
		holds = str_starts(rest, S("<")) && below &&
			(value < decimal(str_slice(rest, 1, rest.n)) ||
			 (bound < 0 && value <= decimal(str_slice(rest, 1, rest.n))));
	return holds ? lab : LAB_COUNT;
}

static bool exception_holds(const struct check *c, struct str condition, const struct party *a, const struct party *b)
{
	if (str_is(condition, "local"))
		return medication_is_local(c->k, a->drug, a->ingredient) ||
		       medication_is_local(c->k, b->drug, b->ingredient);
	struct str kind = str_split(&condition, ':');
	if (str_is(kind, "with"))
		return with_any(c, a, b, condition);
	if (str_is(kind, "both"))
		return both(c, a, b, condition);
	if (str_is(kind, "under"))
		return under_any(c, a, b, condition);
	if (str_is(kind, "lab"))
		return lab_that_holds(c->labs, condition) != LAB_COUNT;
	if (str_starts(kind, S("dose-"))) {
		bool week = str_starts(kind, S("dose-week"));
		struct str whole = str_make(kind.p + (week ? 9 : 8),
					    (size_t)(condition.p + condition.n - kind.p) - (week ? 9 : 8));
		return dose_within(c, a, whole, week) || dose_within(c, b, whole, week);
	}
	return false;
}

/* The first exception that holds decides, but laboratory values come on top. */
static void apply_exceptions(const struct check *c, struct hit *h)
{
	bool decided = false;
	for (struct str rest = h->rule->adjust; rest.p && rest.n;) {
		struct str part = str_split(&rest, ';');
		size_t equals = str_rfind_char(part, '=');
		enum level level = LEVEL_NONE;
		bool lab = str_starts(part, S("lab:"));
		if (equals == STR_NONE || (decided && !lab) ||
		    !level_named(str_slice(part, equals + 1, part.n), &level) ||
		    !exception_holds(c, str_slice(part, 0, equals), &h->a, &h->b))
			continue;
		h->level = level;
		h->note = lab ? S("") : S("an exception of the rule applies");
		h->lab = lab ? lab_that_holds(c->labs, str_slice(part, 4, equals)) : LAB_COUNT;
		decided = true;
	}
}

/* What acts locally is not in the blood: only rules that name its route hold. */
static bool route_allows(const struct check *c, const struct interaction_rule *r, const struct party *p)
{
	if (!medication_is_local(c->k, p->drug, p->ingredient))
		return true;
	for (struct str rest = r->local; rest.p && rest.n;) {
		if (str_is(str_split(&rest, '|'), drug_route_name(p->drug->route)))
			return true;
	}
	return false;
}

/* ---- finding rules -------------------------------------------------------------------------------------------------
 */

/* Days that a stopped drug still counts: of its ingredient, or of the rule. */
static int washout_of(const struct check *c, const struct interaction_rule *r, const struct party *p)
{
	for (struct str rest = r->washout_of; rest.p && rest.n;) {
		struct str days = str_split(&rest, ','), of = str_split(&days, '=');
		if (is_of(c->k, p->ingredient, of))
			return (int)decimal(days);
	}
	return r->washout_days;
}

static bool stop_allows(const struct check *c, const struct interaction_rule *r, const struct party *p, int *days)
{
	if (p->drug->state == MEDICATION_TAKEN)
		return true;
	int washout = washout_of(c, r, p);
	if (!washout || !p->drug->has_stop)
		return false;
	int64_t since = (c->now_ms - p->drug->stopped_ms) / DAY_MS;
	if (since < 0 || since > washout)
		return false;
	*days = (int)since;
	return true;
}

static bool is_quiet(const struct interaction_rule *r)
{
	return str_is(r->tier, "onc-noninterruptive");
}

static enum level limit_of(const struct check *c, const struct interaction_rule *r)
{
	const struct policy *p = c->policy;
	enum level limit = r->verified == VERIFIED_NO ? p->unverified_interactions : LEVEL_CRITICAL;
	if (is_quiet(r) && p->noninterruptive < limit)
		limit = p->noninterruptive;
	return limit == LEVEL_CRITICAL ? limit : policy_limit(p, r->id, c->role, limit);
}

/* How many sides name an ingredient rather than a class. */
static int specific(const struct interaction_rule *r)
{
	return (r->a.kind == SIDE_INGREDIENT) + (r->b.kind == SIDE_INGREDIENT);
}

/* Of two rules for one pair: the higher, the one that may interrupt, the more specific, the one of the ONC list. */
static bool is_better(const struct hit *h, const struct hit *best)
{
	const struct interaction_rule *r = h->rule, *old = best->rule;
	if (h->level != best->level)
		return h->level > best->level;
	if (is_quiet(r) != is_quiet(old))
		return is_quiet(old);
	if (specific(r) != specific(old))
		return specific(r) > specific(old);
	bool listed = str_is(r->tier, "onc-high");
	if (listed != str_is(old->tier, "onc-high"))
		return listed;
	return r->verified > old->verified;
}

static void offer(const struct check *c, const struct interaction_rule *r, const struct party *a, const struct party *b,
		  struct hit *best)
{
	struct hit h = {.rule = r, .level = r->level, .a = *a, .b = *b, .lab = LAB_COUNT, .stopped_days = -1};
	enum level limit = limit_of(c, r);
	if (limit == LEVEL_NONE || !stop_allows(c, r, a, &h.stopped_days) || !stop_allows(c, r, b, &h.stopped_days) ||
	    !route_allows(c, r, a) || !route_allows(c, r, b))
		return;
	apply_exceptions(c, &h);
	if (h.level > limit)
		h.level = limit;
	if (h.level == LEVEL_NONE)
		return;
	if (!best->rule || is_better(&h, best))
		*best = h;
}

static void check_listed(const struct check *c, const struct party *a, const struct party *b, struct hit *best)
{
	const struct knowledge *k = c->k;
	unsigned low = a->ingredient < b->ingredient ? a->ingredient : b->ingredient;
	unsigned high = a->ingredient < b->ingredient ? b->ingredient : a->ingredient;
	uint32_t key = (uint32_t)low << 16 | high;
	size_t from = 0, to = k->pair_count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (k->pairs[middle].key < key)
			from = middle + 1;
		else
			to = middle;
	}
	for (; from < k->pair_count && k->pairs[from].key == key; from++)
		offer(c, &k->rules[k->pairs[from].rule], a, b, best);
}

static void check_ingredients(const struct check *c, const struct party *a, const struct party *b, struct hit *best)
{
	const struct knowledge *k = c->k;
	if (a->ingredient == b->ingredient)
		return;
	const uint64_t *aa = k->rule_a + a->ingredient * k->rule_words, *ab = k->rule_b + a->ingredient * k->rule_words;
	const uint64_t *ba = k->rule_a + b->ingredient * k->rule_words, *bb = k->rule_b + b->ingredient * k->rule_words;
	for (size_t w = 0; w < k->rule_words; w++) {
		for (uint64_t bits = (aa[w] & bb[w]) | (ab[w] & ba[w]); bits; bits &= bits - 1)
			offer(c, &k->rules[k->masked[w * 64 + (size_t)__builtin_ctzll(bits)]], a, b, best);
	}
	check_listed(c, a, b, best);
}

/* ---- duplicates ----------------------------------------------------------------------------------------------------
 */

static bool same_place(const struct check *c, const struct party *a, const struct party *b)
{
	bool local = medication_is_local(c->k, a->drug, a->ingredient);
	return local == medication_is_local(c->k, b->drug, b->ingredient) &&
	       (!local || a->drug->route == b->drug->route);
}

/* The smallest class that both are in and of which two are one too many; -1. */
static int doubled_class(const struct check *c, const struct party *a, const struct party *b)
{
	const struct ingredient *g = &c->k->ingredients[a->ingredient];
	for (size_t i = 0; i < g->class_count; i++) {
		if (c->k->classes[g->classes[i]].duplicate.n && knowledge_is_in(c->k, b->ingredient, g->classes[i]))
			return g->classes[i];
	}
	return -1;
}

/* "MedicationRequest/7", perhaps behind a base URL, perhaps with a version. */
static bool is_reference_to(const struct json *value, struct str id)
{
	struct str reference = json_get_str(value, S("reference"));
	reference = str_slice(reference, 0, str_find(reference, S("/_history/")));
	size_t before = reference.n > id.n ? reference.n - id.n : 0;
	return id.n && str_ends(reference, id) && (!before || reference.p[before - 1] == '/');
}

/* The order that a record renews, carries out, or was told after. */
static bool refers_to(const struct medication *m, struct str id)
{
	static const char *const keys[] = {"priorPrescription", "request", "basedOn", "authorizingPrescription",
					   "derivedFrom"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct json *value = json_get(m->record, str_from(keys[i]));
		struct json_iter it = json_iter(value);
		if (is_reference_to(value, id))
			return true;
		while (json_is(value, JSON_ARRAY) && json_next(&it))
			if (is_reference_to(it.value, id))
				return true;
	}
	return false;
}

/* One treatment told twice: a renewal and what it renews, an order and what was handed out for it. */
static bool is_same_treatment(const struct medication *a, const struct medication *b)
{
	struct str prior = json_get_str(json_get(a->record, S("priorPrescription")), S("reference"));
	size_t from = str_find(prior, S("MedicationRequest/"));
	struct str renewed = from == STR_NONE ? STR_NULL : str_slice(prior, from, str_find(prior, S("/_history/")));
	return refers_to(a, b->id) || refers_to(b, a->id) || refers_to(b, renewed);
}

static bool report_duplicate(const struct check *c, const struct party *a, const struct party *b, struct findings *f,
			     struct error *err)
{
	bool same = a->ingredient == b->ingredient;
	int cls = same || a->drug->state != MEDICATION_TAKEN ? -1 : doubled_class(c, a, b);
	if (a->drug->state != MEDICATION_TAKEN || b->drug->state != MEDICATION_TAKEN || (!same && cls < 0) ||
	    !same_place(c, a, b) || is_same_treatment(a->drug, b->drug))
		return true;
	struct finding x = {
		.kind = FINDING_DUPLICATE,
		.level = LEVEL_WARNING,
		.rule = same ? S("DUP-INGREDIENT") : S("DUP-CLASS"),
		.drug = a->index,
		.other = b->index,
		.with_drug = true,
		.ingredient = a->ingredient,
		.other_ingredient = b->ingredient,
		.mechanism = same ? S("Both orders hold the same ingredient") : S("Both orders are of the same class"),
		.advice = S("Check that both are meant; otherwise end one of them."),
		.source = S("project rule"),
		.verified = same ? VERIFIED_YES : VERIFIED_PARTLY,
		.sure = a->drug->found <= MEDICATION_BY_LIST && b->drug->found <= MEDICATION_BY_LIST,
		.spelled = a->drug->spelled || b->drug->spelled,
		.interruptive = true,
	};
	if (!same) {
		const struct drug_class *d = &c->k->classes[cls];
		x.other_class = d->id;
		x.source = d->source;
		if (!level_named(d->duplicate, &x.level))
			x.level = LEVEL_INFO;
	}
	x.topic = arena_printf(c->arena, "duplicate/%.*s",
			       STR_ARG(same ? c->k->ingredients[a->ingredient].name : x.other_class));
	return x.topic.p ? findings_add(f, c->arena, &x, err) : error_memory(err);
}

/* ---- pairs of records ----------------------------------------------------------------------------------------------
 */

/* The value that decided, or that the rule speaks of. */
static struct str lab_note(const struct check *c, const struct hit *h)
{
	enum lab lab = h->lab;
	bool about_inr =
		str_find(h->rule->effect, S("INR")) != STR_NONE || str_find(h->rule->advice, S("INR")) != STR_NONE;
	if (lab == LAB_COUNT && about_inr && !h->note.n)
		lab = LAB_INR;
	return c->labs && lab < LAB_COUNT && c->labs->of[lab].known ? lab_text(c->arena, lab, &c->labs->of[lab])
								    : h->note;
}

static bool report_hit(const struct check *c, const struct hit *h, struct findings *f, struct error *err)
{
	const struct interaction_rule *r = h->rule;
	struct finding x = {
		.kind = FINDING_INTERACTION,
		.level = h->level,
		.rule = r->id,
		.severity = r->severity,
		.drug = h->a.index,
		.other = h->b.index,
		.with_drug = true,
		.ingredient = h->a.ingredient,
		.other_ingredient = h->b.ingredient,
		.mechanism = r->mechanism,
		.effect = r->effect,
		.advice = r->advice,
		.note = lab_note(c, h),
		.source = r->source,
		.verified = r->verified,
		.sure = h->a.drug->found <= MEDICATION_BY_LIST && h->b.drug->found <= MEDICATION_BY_LIST,
		.spelled = h->a.drug->spelled || h->b.drug->spelled,
		.interruptive = !is_quiet(r),
	};
	if (h->stopped_days >= 0)
		x.note = arena_printf(c->arena,
				      h->a.drug->stopped_since || h->b.drug->stopped_since
					      ? "one of them was stopped in the last %d days"
					      : "one of them was stopped %d days ago",
				      h->stopped_days);
	x.topic = arena_printf(c->arena, "interaction/%.*s", STR_ARG(r->id));
	bool told = h->stopped_days < 0 || x.note.p;
	return x.topic.p && told ? findings_add(f, c->arena, &x, err) : error_memory(err);
}

static bool check_pair(const struct check *c, const struct medication *drugs, size_t i, size_t j, struct findings *f,
		       struct error *err)
{
	const struct medication *x = &drugs[i], *y = &drugs[j];
	struct hit best = {0};
	struct party doubled_a = {0}, doubled_b = {0};
	for (size_t n = 0; n < x->count; n++) {
		for (size_t m = 0; m < y->count; m++) {
			struct party a = {x, i, x->ingredients[n]}, b = {y, j, y->ingredients[m]};
			check_ingredients(c, &a, &b, &best);
			if (a.ingredient == b.ingredient || (!doubled_a.drug && doubled_class(c, &a, &b) >= 0)) {
				doubled_a = a;
				doubled_b = b;
			}
		}
	}
	if (best.rule && !report_hit(c, &best, f, err))
		return false;
	if (!doubled_a.drug || (best.rule && doubled_a.ingredient != doubled_b.ingredient))
		return true;
	return report_duplicate(c, &doubled_a, &doubled_b, f, err);
}

/* The same order once as draft and once as stored is no pair. */
static bool is_same_record(const struct medication *a, const struct medication *b)
{
	return a->record == b->record || (a->id.n && str_eq(a->id, b->id));
}

bool interactions_check(const struct knowledge *k, const struct policy *p, struct str role, struct arena *a,
			const struct medication *drugs, size_t count, size_t drafts, const struct lab_values *labs,
			int64_t now_ms, struct findings *f, struct error *err)
{
	struct check c = {k, p, role, a, labs, now_ms};
	if (count > INTERACTION_DRUGS_MAX)
		return error_set(err, ERR_LIMIT, "There are more than %d medications.", INTERACTION_DRUGS_MAX);
	if (drafts > INTERACTION_DRAFTS_MAX)
		return error_set(err, ERR_LIMIT, "There are more than %d orders.", INTERACTION_DRAFTS_MAX);
	for (size_t i = 0; i < drafts && i < count; i++) {
		if (drugs[i].state != MEDICATION_TAKEN || !drugs[i].count)
			continue;
		for (size_t j = i + 1; j < count; j++) {
			if (drugs[j].state == MEDICATION_VOID || !drugs[j].count ||
			    is_same_record(&drugs[i], &drugs[j]))
				continue;
			if (!check_pair(&c, drugs, i, j, f, err))
				return false;
		}
	}
	return true;
}

bool drafts_unread(const struct medication *drugs, size_t drafts, struct arena *a, struct findings *f,
		   struct error *err)
{
	for (size_t i = 0; i < drafts; i++) {
		const struct medication *m = &drugs[i];
		if (m->state != MEDICATION_TAKEN || (m->count && !m->partial && !m->cut))
			continue;
		struct finding x = {
			.kind = FINDING_UNREAD_DRUG,
			.level = LEVEL_INFO,
			.rule = m->count ? S("PARTLY-READ-DRUG") : S("UNREAD-DRUG"),
			.topic = m->count ? S("drug/partly-read") : S("drug/unread"),
			.drug = i,
			.other = FINDING_NONE,
			.ingredient = m->count ? m->ingredients[0] : FINDING_NO_INGREDIENT,
			.other_ingredient = FINDING_NO_INGREDIENT,
			.mechanism =
				m->count ? S("Not every ingredient of the drug could be read: only some were checked.")
					 : S("The drug could not be read: it was not checked."),
			.advice = S("Check it by hand."),
			.source = S("project rule"),
			.verified = VERIFIED_YES,
			.interruptive = true,
		};
		if (!findings_add(f, a, &x, err))
			return false;
	}
	return true;
}
