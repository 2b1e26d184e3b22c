/*
 * Why a resource is not there for whoever asks: the step of the decision at which it fails. The caller hears nothing of
 * it; `firth why` tells the operator. Of several scopes, the one that came nearest to letting it in tells most.
 */
#include "server/access/access_priv.h"

enum step { NO_SCOPE, OTHER_PATIENT, OTHER_FILTER, BY_POLICY, BY_CONSENT };

static const struct {
	enum check check;
	enum refusal refusal;
} steps[] = {[NO_SCOPE] = {CHECK_SCOPE, REFUSAL_SCOPE_MISSING},
	     [OTHER_PATIENT] = {CHECK_PATIENT_CONTEXT, REFUSAL_OUTSIDE_PATIENT},
	     [OTHER_FILTER] = {CHECK_FILTER, REFUSAL_SCOPE_FILTER},
	     [BY_POLICY] = {CHECK_POLICY, REFUSAL_POLICY},
	     [BY_CONSENT] = {CHECK_CONSENT, REFUSAL_CONSENT}};

struct concealing {
	struct access_pass *pass;
	struct access_pass own; /* the same grant, whose criteria live as long as this */
	const struct access_judge *judge;
	struct access_subject *subject;
	unsigned permission;
};

/* Failing to find out counts as not met: nothing depends on it but words. */
static bool meets(const struct concealing *c, const struct criterion *criterion)
{
	struct error ignored = {0};
	bool met = criterion == &access_all;
	if (!criterion || criterion == &access_all || criterion == &access_nothing)
		return met;
	return access_meets(c->pass, c->judge, criterion, c->subject, &met, &ignored) && met;
}

static bool is_met(const void *arg, const struct criterion *matter)
{
	return meets(arg, matter);
}

void pass_apart(const struct access_pass *pass, struct access_pass *own)
{
	*own = (struct access_pass){.access = pass->access,
				    .grant = pass->grant,
				    .broken = pass->broken,
				    .consents = pass->consents,
				    .holds = pass->holds};
	arena_init(&own->arena, (size_t)16 << 20);
}

static enum step step_of(struct concealing *c, const struct scope *scope)
{
	const struct fhir_type *type = c->subject->type;
	struct str context = context_of_scope(&c->own.grant, scope);
	if (!meets(c, compile_scope(&c->own, scope, type, c->permission)))
		return OTHER_PATIENT;
	if (scope->filter.p && !meets(c, compile_query(&c->own, type, scope->filter)))
		return OTHER_FILTER;
	return meets(c, policy_criterion(&c->own, context, type, c->permission)) ? BY_CONSENT : BY_POLICY;
}

void access_conceal(struct access_pass *pass, const struct access_judge *judge, struct access_subject *subject,
		    unsigned permission, struct decision *d)
{
	struct error *why = d && !d->concealed ? ARENA_NEW(d->arena, struct error) : NULL;
	const struct scope *nearest = NULL;
	enum step farthest = NO_SCOPE;
	if (!why)
		return;
	struct concealing c = {.pass = pass, .judge = judge, .subject = subject, .permission = permission};
	pass_apart(pass, &c.own);
	for (size_t i = 0; i < pass->grant.scope_count; i++) {
		const struct scope *s = &pass->grant.scopes[i];
		if (!(s->permissions & permission) || !(str_is(s->type, "*") || str_eq(s->type, subject->type->name)))
			continue;
		enum step step = step_of(&c, s);
		if (!nearest || step > farthest)
			nearest = s;
		farthest = step > farthest ? step : farthest;
	}
	/* user/ scopes of a person who is no practitioner come to the own compartment. */
	(void)!decision_refuse(d, steps[farthest].check, steps[farthest].refusal, nearest ? nearest->text : STR_NULL,
			       STR_NULL, STR_NULL, why);
	if (farthest == BY_POLICY && d->refusal == REFUSAL_POLICY)
		decision_explain(d, policy_blame(&c.own, context_of_scope(&c.own.grant, nearest), subject->type,
						 permission, is_met, &c));
	arena_done(&c.own.arena);
	d->concealed = why;
}
