/* create (http://hl7.org/fhir/R4/http.html#create): the server chooses the id; one in the body is ignored. With
 * If-None-Exist, only when nothing matches: one match is the answer then, and several are an error (#ccreate). */
#include "server/rest/rest_priv.h"

bool create_condition(const struct fhir_type *type, struct str text, struct str *ret_condition, struct error *err)
{
	size_t mark = str_find_char(text, '?', 0);
	struct str path = mark == STR_NONE ? STR_NULL : str_slice(text, 0, mark);
	*ret_condition = text;
	if (!path.p || str_find_char(path, '=', 0) != STR_NONE)
		return true;
	size_t slash = str_rfind_char(path, '/');
	struct str name = slash == STR_NONE ? path : str_slice(path, slash + 1, path.n);
	if (path.n && !str_eq(name, type->name))
		return error_set(err, ERR_VALUE, "If-None-Exist holds search parameters, or a search of the type %.*s",
				 STR_ARG(type->name));
	*ret_condition = str_slice(text, mark + 1, text.n);
	return true;
}

bool create_resolve(const struct bundle_options *o, struct bundle_entry *e, struct error *err)
{
	struct condition_answer found = {0};
	if (e->condition.p && !condition_find(o, e->type, e->condition, 1, &found, err))
		return false;
	if (found.count > 1)
		return error_set(err, ERR_MULTIPLE,
				 "If-None-Exist matches more than one %.*s, so it is not clear which is meant",
				 STR_ARG(e->type->name));
	e->guard = found.guard;
	e->found = found.entries;
	e->found_count = found.count;
	e->change_count = found.count ? 0 : 1;
	e->id = found.count ? found.entries[0].id : rest_new_id(o->face, o->preparer.arena, e->type, e->resource);
	return e->id.p || error_memory(err);
}
