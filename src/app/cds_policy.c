/* See cds_policy.h. */
#include "app/cds_policy.h"

static void take_level(struct str text, enum level *level)
{
	if (text.n)
		(void)level_named(text, level); /* was looked at with the configuration */
}

bool cds_policy_make(struct arena *a, const struct config *c, const struct knowledge *k, size_t more,
		     struct policy *ret_policy, struct error *err)
{
	struct policy_line *lines = ARENA_ARRAY(a, struct policy_line, c->cds_policy_count + more + 1);
	struct policy policy = policy_default();
	if (!lines)
		return error_memory(err);
	take_level(c->cds.threshold, &policy.threshold);
	take_level(c->cds.unverified_interactions, &policy.unverified_interactions);
	take_level(c->cds.unverified_cross, &policy.unverified_cross);
	take_level(c->cds.noninterruptive, &policy.noninterruptive);
	policy.resolved_allergies = c->cds.resolved_allergies;
	for (size_t i = 0; i < c->cds_policy_count; i++) {
		const struct config_cds_policy *p = &c->cds_policy[i];
		lines[i] = (struct policy_line){
			.rule = p->rule, .drug_class = p->drug_class, .kind = p->kind, .role = p->role};
		(void)policy_action_named(p->action, &lines[i].action);
		if (p->drug_class.n && knowledge_class_named(k, p->drug_class) < 0)
			return error_set(err, ERR_CONFIG, "cds_policy %.*s: there is no class %.*s", STR_ARG(p->name),
					 STR_ARG(str_slice(p->drug_class, 0, 60)));
	}
	policy.lines = lines;
	policy.line_count = c->cds_policy_count;
	*ret_policy = policy;
	return true;
}
