/* Applying a site's policy, and ranking: the most severe first, allergies before interactions, one finding per problem.
 */
#include "clinical/policy.h"

#include <stdlib.h>

struct policy policy_default(void)
{
	return (struct policy){.threshold = LEVEL_INFO, .unverified_cross = LEVEL_INFO};
}

bool policy_action_named(struct str name, enum policy_action *ret)
{
	static const char *const names[] = {"off", "info", "warning", "critical", "raise", "lower", "keep"};
	for (int i = 0; i <= POLICY_KEEP; i++) {
		if (str_is(name, names[i])) {
			*ret = (enum policy_action)i;
			return true;
		}
	}
	return false;
}

enum level policy_limit(const struct policy *p, struct str rule, struct str role, enum level otherwise)
{
	enum level limit = otherwise;
	for (size_t i = 0; i < p->line_count; i++) {
		const struct policy_line *l = &p->lines[i];
		if (str_eq(l->rule, rule) && (!l->role.n || str_eq(l->role, role)))
			limit = l->action == POLICY_OFF ? LEVEL_NONE : LEVEL_CRITICAL;
	}
	return limit;
}

static bool fits(const struct policy_line *l, const struct knowledge *k, struct str role, const struct finding *f)
{
	if (l->rule.n && !str_eq(l->rule, f->rule))
		return false;
	if (l->kind.n && !str_is(l->kind, finding_kind_name(f->kind)))
		return false;
	if (l->role.n && !str_eq(l->role, role))
		return false;
	if (!l->drug_class.n || str_eq(l->drug_class, f->other_class))
		return true;
	int c = knowledge_class_named(k, l->drug_class);
	return c >= 0 && f->ingredient != FINDING_NO_INGREDIENT && knowledge_is_in(k, f->ingredient, (unsigned)c);
}

static enum level apply(enum policy_action action, enum level level)
{
	switch (action) {
	case POLICY_RAISE:
		return level < LEVEL_CRITICAL ? (enum level)(level + 1) : level;
	case POLICY_LOWER:
		return level > LEVEL_NONE ? (enum level)(level - 1) : level;
	case POLICY_KEEP:
		return level;
	default:
		return (enum level)action;
	}
}

static bool same_problem(const struct finding *a, const struct finding *b)
{
	if (a->kind != b->kind || a->drug != b->drug || a->with_drug != b->with_drug)
		return false;
	if (a->kind == FINDING_ALLERGY) /* two records of one allergy are one problem */
		return a->other_ingredient == b->other_ingredient && str_eq(a->other_class, b->other_class);
	return a->other == b->other;
}

static int compare(const void *x, const void *y)
{
	const struct finding *a = x, *b = y;
	if (a->level != b->level)
		return a->level > b->level ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->verified != b->verified)
		return a->verified > b->verified ? -1 : 1;
	if (a->drug != b->drug)
		return a->drug < b->drug ? -1 : 1;
	if (a->other != b->other)
		return a->other < b->other ? -1 : 1;
	return str_cmp(a->rule, b->rule);
}

void policy_apply(const struct policy *p, const struct knowledge *k, struct str role, struct findings *f)
{
	size_t kept = 0;
	for (size_t i = 0; i < f->count; i++) {
		struct finding x = f->items[i];
		enum policy_action action = POLICY_KEEP;
		for (size_t n = 0; n < p->line_count; n++) {
			if (fits(&p->lines[n], k, role, &x))
				action = p->lines[n].action;
		}
		x.level = apply(action, x.level);
		if (x.level != LEVEL_NONE && x.level >= p->threshold)
			f->items[kept++] = x;
	}
	f->count = kept;
	if (kept)
		qsort(f->items, kept, sizeof(*f->items), compare);
	kept = 0;
	for (size_t i = 0; i < f->count; i++) {
		size_t n = 0;
		while (n < kept && !same_problem(&f->items[n], &f->items[i]))
			n++;
		if (n == kept)
			f->items[kept++] = f->items[i];
	}
	f->count = kept;
}
