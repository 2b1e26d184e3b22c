/*
 * Compartments: which parameters of which resource types refer to the Patient, Encounter, ... that a compartment is
 * about. Only the definitions of R4 itself, which carry its version; the package also holds an example.
 */
#include "model.h"

#include <stdlib.h>

static bool read_member(struct model *m, const struct json *from, struct model_member *to, struct error *err)
{
	const struct json *params = json_get(from, S("param"));
	to->type = json_get_str(from, S("code"));
	to->params = ARENA_ARRAY(&m->arena, struct str, json_size(params));
	if (!to->params)
		return error_memory(err);
	/* "{def}" is the resource itself, which needs no parameter. */
	for (struct json_iter it = json_iter(params); json_next(&it);)
		if (!str_is(json_str(it.value), "{def}"))
			to->params[to->param_count++] = json_str(it.value);
	return true;
}

bool model_add_compartment(struct model *m, const struct json *resource, struct error *err)
{
	const struct json *list = json_get(resource, S("resource"));
	if (!str_is(json_get_str(resource, S("version")), "4.0.1"))
		return true;
	struct model_compartment *grown =
		arena_grow(&m->arena, m->compartments, m->compartment_count, &m->compartment_capacity,
			   m->compartment_count + 1, sizeof(*grown));
	struct model_member *members = ARENA_ARRAY(&m->arena, struct model_member, json_size(list) + 1);
	if (!grown || !members)
		return error_memory(err);
	m->compartments = grown;
	struct model_compartment *c = &grown[m->compartment_count++];
	*c = (struct model_compartment){.type = json_get_str(resource, S("code")), .members = members};
	for (struct json_iter it = json_iter(list); json_next(&it);) {
		if (!json_size(json_get(it.value, S("param"))))
			continue;
		if (!read_member(m, it.value, &members[c->member_count], err))
			return false;
		c->member_count += members[c->member_count].param_count > 0;
	}
	return true;
}

static int by_type(const void *a, const void *b)
{
	return str_cmp(((const struct model_compartment *)a)->type, ((const struct model_compartment *)b)->type);
}

static int by_member(const void *a, const void *b)
{
	return str_cmp(((const struct model_member *)a)->type, ((const struct model_member *)b)->type);
}

static bool check_member(const struct model *m, const struct model_member *member, struct error *err)
{
	const struct model_type *type = model_type(m, member->type);
	for (size_t i = 0; i < member->param_count; i++) {
		bool known = false;
		for (size_t k = 0; type && k < type->param_count && !known; k++)
			known = str_eq(type->params[k].code, member->params[i]);
		if (!known)
			return error_set(err, ERR_STRUCTURE, "a compartment names the unknown parameter %.*s of %.*s",
					 STR_ARG(member->params[i]), STR_ARG(member->type));
	}
	return true;
}

bool model_finish_compartments(struct model *m, struct error *err)
{
	if (m->compartment_count == 0)
		return error_set(err, ERR_STRUCTURE, "the package has no compartments");
	qsort(m->compartments, m->compartment_count, sizeof(*m->compartments), by_type);
	for (size_t i = 0; i < m->compartment_count; i++) {
		struct model_compartment *c = &m->compartments[i];
		qsort(c->members, c->member_count, sizeof(*c->members), by_member);
		for (size_t k = 0; k < c->member_count; k++)
			if (!check_member(m, &c->members[k], err))
				return error_context(err, "CompartmentDefinition %.*s", STR_ARG(c->type));
	}
	return true;
}
