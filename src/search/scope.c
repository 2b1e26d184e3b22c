/*
 * The types a query is about: one, those of _type, all, or those of a compartment, whose resources refer to its
 * resource by one of the parameters of the compartment's definition (R4 compartmentdefinition.html).
 */
#include "search/search_priv.h"

bool row_enters(const struct index_row *row, const struct compartment *compartment,
		const struct compartment_member *member)
{
	if (row->param->type != PARAM_REFERENCE || row->variant != ROW_PLAIN || !row->ref_id.n ||
	    !str_eq(row->ref_type, compartment->type->name))
		return false;
	for (size_t i = 0; i < member->param_count; i++)
		if (str_eq(row->param->code, member->params[i]))
			return true;
	return false;
}

struct str compartment_owner(const struct compartment *compartment, const struct fhir_type *type, struct str id,
			     const struct index_row *rows, size_t count)
{
	const struct compartment_member *member = compartment_member(compartment, type);
	struct str owner = S("");
	if (type == compartment->type)
		return id;
	for (size_t i = 0; member && i < count; i++) {
		if (!row_enters(&rows[i], compartment, member))
			continue;
		if (owner.n && !str_eq(owner, rows[i].ref_id))
			return S("");
		owner = rows[i].ref_id;
	}
	return owner;
}

static bool is_wanted(const struct parsing *p, const struct search_scope *scope, const struct fhir_type *type)
{
	const struct compartment *c =
		scope->compartment ? definitions_compartment(p->definitions, scope->compartment) : NULL;
	if (!scope->compartment)
		return true;
	return type == scope->compartment || (c && compartment_member(c, type));
}

static bool add_reference(struct parsing *p, const struct search_scope *scope, const struct fhir_type *type,
			  struct str code, struct criterion *any)
{
	struct criterion c = {.kind = CRITERION_PARAM, .param = definitions_search_param(type, code)};
	struct search_value v = {.ref_type = scope->compartment->name, .ref_id = scope->compartment_id};
	return criterion_add_value(p, &c, 1, code, &v) && criterion_add_child(p, any, &c);
}

static bool add_membership(struct parsing *p, const struct search_scope *scope, struct search_part *part)
{
	const struct compartment *compartment = definitions_compartment(p->definitions, scope->compartment);
	const struct compartment_member *member = compartment_member(compartment, part->type);
	struct criterion any = {.kind = CRITERION_OR};
	for (size_t i = 0; member && i < member->param_count; i++)
		if (!add_reference(p, scope, part->type, member->params[i], &any))
			return false;
	if (part->type == scope->compartment) {
		struct criterion id = {.kind = CRITERION_ID};
		struct search_value v = {.code = scope->compartment_id};
		if (!criterion_add_value(p, &id, 1, S("_id"), &v) || !criterion_add_child(p, &any, &id))
			return false;
	}
	part->criteria = ARENA_NEW(p->arena, struct criterion);
	if (!part->criteria)
		return error_memory(p->err);
	part->criteria[part->criterion_count++] = any.child_count == 1 ? *any.children : any;
	return true;
}

static bool add_part(struct parsing *p, const struct search_scope *scope, const struct fhir_type *type)
{
	struct search_query *q = p->query;
	for (size_t i = 0; i < q->part_count; i++)
		if (q->parts[i].type == type)
			return true;
	if (q->part_count == SEARCH_MAX_TYPES)
		return error_set(p->err, ERR_LIMIT, "_type names more than %d types", SEARCH_MAX_TYPES);
	struct search_part *part = &q->parts[q->part_count];
	part->type = type;
	if (scope->compartment && !add_membership(p, scope, part))
		return false;
	p->criterion_capacities[q->part_count++] = part->criterion_count;
	return true;
}

static bool add_named(struct parsing *p, const struct search_scope *scope, struct str types)
{
	for (struct str rest = types; rest.p;) {
		struct str name = str_split(&rest, ',');
		const struct fhir_type *type = definitions_resource(p->definitions, name);
		if (!type)
			return error_set(p->err, ERR_VALUE, "_type: \"%.*s\" is no resource type",
					 STR_ARG(str_slice(name, 0, 64)));
		if (!is_wanted(p, scope, type))
			return error_set(p->err, ERR_VALUE, "_type: %.*s is not in the compartment of a %.*s",
					 STR_ARG(type->name), STR_ARG(scope->compartment->name));
		if (!add_part(p, scope, type))
			return false;
	}
	return true;
}

static bool add_all(struct parsing *p, const struct search_scope *scope)
{
	for (size_t i = 0; i < definitions_resource_count(p->definitions); i++) {
		const struct fhir_type *type = definitions_resource_at(p->definitions, i);
		if (is_wanted(p, scope, type) && !add_part(p, scope, type))
			return false;
	}
	return true;
}

bool parse_scope(struct parsing *p, const struct search_scope *scope, struct str types)
{
	size_t most = scope->type ? 1 : SEARCH_MAX_TYPES;
	p->query->parts = ARENA_ARRAY(p->arena, struct search_part, most);
	p->criterion_capacities = ARENA_ARRAY(p->arena, size_t, most);
	if (!p->query->parts || !p->criterion_capacities)
		return error_memory(p->err);
	if (scope->compartment && !definitions_compartment(p->definitions, scope->compartment))
		return error_set(p->err, ERR_NOT_FOUND, "There is no compartment of a %.*s",
				 STR_ARG(scope->compartment->name));
	if (scope->compartment && scope->type && !is_wanted(p, scope, scope->type))
		return error_set(p->err, ERR_NOT_FOUND, "%.*s is not in the compartment of a %.*s",
				 STR_ARG(scope->type->name), STR_ARG(scope->compartment->name));
	p->implied = scope->compartment != NULL;
	if (scope->type)
		return add_part(p, scope, scope->type);
	return types.p ? add_named(p, scope, types) : add_all(p, scope);
}
