/* Saying why: the scope that something is allowed by, or what is missing. */
#include <stdio.h>

#include "server/access/access_priv.h"

static const char letters[] = "cruds";

static bool is_about(const struct scope *s, const struct fhir_type *type, unsigned permission)
{
	return (s->permissions & permission) && (str_is(s->type, "*") || str_eq(s->type, type->name));
}

static const struct scope *scope_of(const struct access_pass *pass, const struct fhir_type *type, unsigned permission)
{
	for (size_t i = 0; i < pass->grant.scope_count; i++)
		if (is_about(&pass->grant.scopes[i], type, permission))
			return &pass->grant.scopes[i];
	return NULL;
}

static const char *context_of(const struct grant *g)
{
	bool person = false, patient = false;
	for (size_t i = 0; i < g->scope_count; i++) {
		person = person || str_is(g->scopes[i].context, "user");
		patient = patient || str_is(g->scopes[i].context, "patient");
	}
	return patient && !person ? "patient" : person || g->user.n ? "user" : "system";
}

static bool is_everything(const void *arg, const struct criterion *matter)
{
	(void)arg;
	return matter == &access_all;
}

static bool refuse(struct access_pass *pass, const struct fhir_type *type, unsigned slot, struct decision *d,
		   struct error *err)
{
	const struct grant *g = &pass->grant;
	const struct scope *scope = scope_of(pass, type, 1u << slot);
	char text[128];
	int n = snprintf(text, sizeof(text), "%s/%.*s.%c", context_of(g), STR_ARG(type->name), letters[slot]);
	struct str needed = str_make(text, (size_t)n), had = g->scope_text.n ? g->scope_text : S("");
	if (!scope)
		return decision_refuse(d, CHECK_SCOPE, REFUSAL_SCOPE_MISSING, had, needed, STR_NULL, err);
	if (str_is(scope->context, "patient") && !g->patient.n)
		return decision_refuse(d, CHECK_PATIENT_CONTEXT, REFUSAL_PATIENT_MISSING, had, needed, STR_NULL, err);
	if (access_is_nothing(access_scope_criterion(pass, scope, type, 1u << slot))) {
		n = snprintf(text, sizeof(text), "a scope that is not about one patient's own %.*s",
			     STR_ARG(type->name));
		return decision_refuse(d, CHECK_PATIENT_CONTEXT, REFUSAL_OUTSIDE_PATIENT, scope->text,
				       str_make(text, (size_t)n), STR_NULL, err);
	}
	(void)!decision_refuse(d, CHECK_POLICY, REFUSAL_POLICY, g->roles.n ? g->roles : S("no role"), needed, STR_NULL,
			       err);
	if (d && d->refusal == REFUSAL_POLICY) {
		struct access_pass own;
		struct str context = context_of_scope(g, scope);
		pass_apart(pass, &own);
		decision_explain(d, policy_blame(&own, context, type, 1u << slot, is_everything, NULL));
		arena_done(&own.arena);
	}
	return false;
}

bool access_require(struct access_pass *pass, const struct fhir_type *type, unsigned permissions, struct decision *d,
		    struct error *err)
{
	for (unsigned slot = 0; slot < PERMISSIONS; slot++) {
		if (!(permissions & (1u << slot)))
			continue;
		if (access_is_nothing(access_criterion(pass, type, 1u << slot)))
			return refuse(pass, type, slot, d, err);
		const struct scope *scope = d ? scope_of(pass, type, 1u << slot) : NULL;
		if (scope)
			decision_allow(d, CHECK_SCOPE, scope->text);
	}
	return true;
}
