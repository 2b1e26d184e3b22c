/*
 * A grant as criteria: OR over the scopes that name the type and the permission, each the resources of its context
 * narrowed by its filter (SMART App Launch 2.2, "Scopes for requesting FHIR resources").
 */
#include "server/access/access_priv.h"

/* ---- joining ------------------------------------------------------------------------------------------------------
 */

static const struct criterion *join(struct access_pass *pass, enum criterion_kind kind, const struct criterion *a,
				    const struct criterion *b)
{
	struct criterion *c = ARENA_NEW(&pass->arena, struct criterion);
	struct criterion *children = ARENA_ARRAY(&pass->arena, struct criterion, 2);
	if (!c || !children)
		return NULL;
	children[0] = *a;
	children[1] = *b;
	*c = (struct criterion){.kind = kind, .children = children, .child_count = 2};
	return c;
}

const struct criterion *criterion_both(struct access_pass *pass, const struct criterion *a, const struct criterion *b)
{
	if (!a || !b)
		return NULL;
	if (a == &access_nothing || b == &access_all)
		return a;
	return b == &access_nothing || a == &access_all ? b : join(pass, CRITERION_AND, a, b);
}

const struct criterion *criterion_either(struct access_pass *pass, const struct criterion *a, const struct criterion *b)
{
	if (!a || !b)
		return NULL;
	if (a == &access_all || b == &access_nothing || a == b)
		return a;
	return b == &access_all || a == &access_nothing ? b : join(pass, CRITERION_OR, a, b);
}

const struct criterion *criterion_without(struct access_pass *pass, const struct criterion *c,
					  const struct criterion *denied)
{
	if (!c || !denied)
		return NULL;
	if (denied == &access_nothing)
		return c;
	if (denied == &access_all)
		return &access_nothing;
	struct criterion *not = ARENA_NEW(&pass->arena, struct criterion);
	if (!not )
		return NULL;
	*not = (struct criterion){
		.kind = CRITERION_NOT, .children = (struct criterion *)(uintptr_t)denied, .child_count = 1};
	return criterion_both(pass, c, not );
}

const struct criterion *compile_query(struct access_pass *pass, const struct fhir_type *type, struct str query)
{
	struct search_query parsed;
	struct error err = {0};
	/* It was checked when it was granted or configured; what cannot be read any more allows nothing. */
	if (!access_parse(pass->access, &pass->arena, type, query, &parsed, &err))
		return &access_nothing;
	if (parsed.parts->criterion_count == 1)
		return parsed.parts->criteria;
	struct criterion *c = ARENA_NEW(&pass->arena, struct criterion);
	if (c)
		*c = (struct criterion){.kind = CRITERION_AND,
					.children = parsed.parts->criteria,
					.child_count = parsed.parts->criterion_count};
	return c;
}

/* ---- scopes -------------------------------------------------------------------------------------------------------
 */

/* user/ scopes are the rights of the person: a patient has those to the own compartment, a practitioner those that the
 * policy leaves, and other persons none. */
static const struct criterion *of_person(struct access_pass *pass, const struct fhir_type *type, bool writing)
{
	struct str id = pass->grant.fhir_user;
	struct str kind = id.p ? str_split(&id, '/') : STR_NULL;
	if (!kind.p || str_is(kind, "Practitioner") || str_is(kind, "PractitionerRole"))
		return &access_all;
	return str_is(kind, "Patient") && id.n ? compile_patient(pass, type, id, writing) : &access_nothing;
}

/* Without its filter. */
const struct criterion *compile_scope(struct access_pass *pass, const struct scope *scope, const struct fhir_type *type,
				      unsigned permission)
{
	bool writing = permission != SCOPE_R && permission != SCOPE_S;
	if (!(scope->permissions & permission) || (!str_is(scope->type, "*") && !str_eq(scope->type, type->name)))
		return &access_nothing;
	if (str_is(scope->context, "system"))
		return &access_all;
	if (str_is(scope->context, "user"))
		return of_person(pass, type, writing);
	return str_is(scope->context, "patient") && pass->grant.patient.n
		       ? compile_patient(pass, type, pass->grant.patient, writing)
		       : &access_nothing;
}

const struct criterion *access_scope_criterion(struct access_pass *pass, const struct scope *scope,
					       const struct fhir_type *type, unsigned permission)
{
	pthread_mutex_lock(&pass->lock);
	const struct criterion *c = compile_scope(pass, scope, type, permission);
	pthread_mutex_unlock(&pass->lock);
	return c;
}

static const struct criterion *of_scope(struct access_pass *pass, const struct scope *scope,
					const struct fhir_type *type, unsigned permission)
{
	const struct criterion *c = compile_scope(pass, scope, type, permission);
	if (c && c != &access_nothing && scope->filter.p)
		c = criterion_both(pass, c, compile_query(pass, type, scope->filter));
	if (!c || c == &access_nothing)
		return c;
	return criterion_both(pass, c, policy_criterion(pass, context_of_scope(&pass->grant, scope), type, permission));
}

static const struct criterion *of_scopes(struct access_pass *pass, const struct fhir_type *type, unsigned permission)
{
	const struct criterion *c = &access_nothing;
	for (size_t i = 0; c && i < pass->grant.scope_count; i++)
		c = criterion_either(pass, c, of_scope(pass, &pass->grant.scopes[i], type, permission));
	return c && c != &access_nothing ? criterion_without(pass, c, consent_denied(pass, type, permission)) : c;
}

const struct criterion *compile_slot(struct access_pass *pass, const struct fhir_type *type, unsigned slot)
{
	if (slot != SLOT_INCLUDED)
		return of_scopes(pass, type, 1u << slot);
	/* The usual scopes name both, and then both are the same. */
	bool apart = false;
	for (size_t i = 0; i < pass->grant.scope_count; i++) {
		unsigned both = pass->grant.scopes[i].permissions & (SCOPE_R | SCOPE_S);
		apart = apart || both == SCOPE_R || both == SCOPE_S;
	}
	const struct criterion *searched = of_scopes(pass, type, SCOPE_S);
	return apart ? criterion_either(pass, searched, of_scopes(pass, type, SCOPE_R)) : searched;
}
