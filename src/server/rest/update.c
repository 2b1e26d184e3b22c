/*
 * update (http://hl7.org/fhir/R4/http.html#update): replaces the current version, guarded by If-Match; creates under
 * the id of the URL when there is none. With a condition instead of an id (#cond-update) it replaces the one match;
 * when nothing matches it creates, under the id of the body if that has one and it is not taken.
 */
#include "server/rest/rest_priv.h"

static bool check_own_id(const struct bundle_entry *e, struct str own, struct error *err)
{
	if (!own.p)
		return error_set_at(err, ERR_REQUIRED, S("Resource.id"),
				    "The resource has no id; it must be that of the URL");
	if (!str_eq(own, e->id))
		return error_set_at(err, ERR_VALUE, S("Resource.id"), "The id of the resource is not that of the URL");
	return true;
}

static bool take_match(struct bundle_entry *e, const struct condition_answer *found, struct str own, struct error *err)
{
	e->found = found->entries;
	e->found_count = 1;
	e->id = found->entries[0].id;
	if (own.p && !str_eq(own, e->id))
		return error_set_at(err, ERR_VALUE, S("Resource.id"),
				    "The condition matches a %.*s with another id than that of the resource",
				    STR_ARG(e->type->name));
	return true;
}

bool update_resolve(const struct bundle_options *o, struct bundle_entry *e, struct error *err)
{
	struct str own = json_get_str(e->resource, S("id"));
	struct condition_answer found;
	e->change_count = 1;
	if (!e->condition.p) {
		bool absent;
		if (!check_own_id(e, own, err) || !sight_before(o, e, &absent, err))
			return false;
		/* Whoever may not see everything cannot choose ids: those that are taken would show. */
		return !absent ||
		       error_set(err, ERR_NOT_FOUND, "There is no %.*s with this id", STR_ARG(e->type->name));
	}
	if (own.p && !fhir_id_valid(own))
		return error_set_at(err, ERR_VALUE, S("Resource.id"), "The id of the resource is not a valid FHIR id");
	if (!condition_find(o, e->type, e->condition, 1, &found, err))
		return false;
	if (found.count > 1)
		return error_set(err, ERR_MULTIPLE, "The condition matches more than one %.*s; an update needs one",
				 STR_ARG(e->type->name));
	e->guard = found.guard;
	if (found.count)
		return take_match(e, &found, own, err);
	if (own.p && !sight_chooses_ids(o, e->type))
		return error_set(err, ERR_BUSINESS_RULE,
				 "The condition matches nothing, and this token does not let clients choose ids");
	if (own.p && o->no_update_create)
		return error_set(err, ERR_BUSINESS_RULE,
				 "The condition matches nothing, and this server does not let clients choose ids");
	e->must_be_new = true;
	e->id = own.p ? own : rest_new_id(o->face, o->preparer.arena, e->type, e->resource);
	return e->id.p || error_memory(err);
}
