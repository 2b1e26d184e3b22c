/* create (http://hl7.org/fhir/R4/http.html#create): the server chooses the id; one in the body is ignored. With
 * If-None-Exist, only when nothing matches: one match is the answer then, and several are an error (#ccreate). */
#include "server/rest/rest_priv.h"

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
	e->id = found.count ? found.entries[0].id : rest_new_id(o->face, o->preparer.arena, e->type);
	return e->id.p || error_memory(err);
}
