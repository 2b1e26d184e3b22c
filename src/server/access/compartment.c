/*
 * What belongs to one patient: the compartment of R4 (compartmentdefinition-patient.html), with two differences that
 * SMART asks servers to tell: a Patient is in the own compartment alone, not in those of the Patients it is linked to
 * (Patient.link), and Groups are in none. Types that are in no patient's compartment: outside.def.
 */
#include "server/access/access_priv.h"

enum outside { MEMBER, OPEN, BY, CONTEXT, CLOSED };

static const struct {
	const char *type;
	enum outside how;
	const char *param;
} outsiders[] = {
#define OUTSIDE(type, how, param) {type, how, param},
#include "server/access/outside.def"
#undef OUTSIDE
};

static enum outside outside_of(const struct fhir_type *type, const char **ret_param)
{
	for (size_t i = 0; i < sizeof(outsiders) / sizeof(outsiders[0]); i++) {
		if (!str_is(type->name, outsiders[i].type))
			continue;
		*ret_param = outsiders[i].param;
		return outsiders[i].how;
	}
	return MEMBER;
}

/* A reference to the patient by a parameter of the type. */
static bool put_reference(struct access_pass *pass, struct criterion *c, const struct fhir_type *type, struct str param,
			  const struct str *ids, size_t count)
{
	struct search_value *v = ARENA_ARRAY(&pass->arena, struct search_value, count + 1);
	const struct search_param *p = definitions_search_param(type, param);
	if (!v)
		return false;
	for (size_t i = 0; i < count; i++)
		v[i] = (struct search_value){.ref_type = pass->access->patient->name, .ref_id = ids[i]};
	*c = p ? (struct criterion){.kind = CRITERION_PARAM, .param = p, .values = v, .value_count = count}
	       : access_nothing;
	return true;
}

static const struct criterion *by_params(struct access_pass *pass, const struct fhir_type *type,
					 const struct str *params, size_t count, const struct str *ids, size_t id_count)
{
	struct criterion *any = ARENA_NEW(&pass->arena, struct criterion);
	struct criterion *children = ARENA_ARRAY(&pass->arena, struct criterion, count + 1);
	if (!any || !children)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (!put_reference(pass, &children[i], type, params[i], ids, id_count))
			return NULL;
	*any = (struct criterion){.kind = CRITERION_OR, .children = children, .child_count = count};
	return count == 1 ? children : any;
}

static const struct criterion *themselves(struct access_pass *pass, const struct str *ids, size_t count)
{
	struct criterion *c = ARENA_NEW(&pass->arena, struct criterion);
	struct search_value *v = ARENA_ARRAY(&pass->arena, struct search_value, count + 1);
	if (!c || !v)
		return NULL;
	for (size_t i = 0; i < count; i++)
		v[i] = (struct search_value){.code = ids[i]};
	*c = (struct criterion){.kind = CRITERION_ID, .values = v, .value_count = count};
	return c;
}

const struct criterion *compile_patients(struct access_pass *pass, const struct fhir_type *type, const struct str *ids,
					 size_t count)
{
	const char *param = NULL;
	const struct compartment *c = definitions_compartment(pass->access->o.definitions, pass->access->patient);
	const struct compartment_member *member = c ? compartment_member(c, type) : NULL;
	if (type == pass->access->patient)
		return themselves(pass, ids, count);
	if (outside_of(type, &param) == BY) {
		struct str name = str_from(param);
		return by_params(pass, type, &name, 1, ids, count);
	}
	return member && member->param_count ? by_params(pass, type, member->params, member->param_count, ids, count)
					     : &access_nothing;
}

const struct criterion *compile_patient(struct access_pass *pass, const struct fhir_type *type, struct str id,
					bool writing)
{
	const char *param = NULL;
	switch (outside_of(type, &param)) {
	case OPEN:
		return writing ? &access_nothing : &access_all;
	case CONTEXT:
		return writing ? &access_nothing : &access_by_context;
	case CLOSED:
		return &access_nothing;
	case BY:
	case MEMBER:
		break;
	}
	return compile_patients(pass, type, &id, 1);
}
