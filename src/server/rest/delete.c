/* delete (http://hl7.org/fhir/R4/http.html#delete): the resource is gone, its history stays; again is no error. With a
 * condition all that match are deleted together, up to a limit (#cdelete). */
#include "server/rest/rest_priv.h"

enum { DEFAULT_MAX = 100 };

bool delete_resolve(const struct bundle_options *o, struct bundle_entry *e, struct error *err)
{
	struct condition_answer found;
	size_t max = o->max_delete ? o->max_delete : DEFAULT_MAX;
	if (max > REST_MAX_DELETE)
		max = REST_MAX_DELETE;
	if (!e->condition.p) {
		bool absent;
		if (!sight_before(o, e, &absent, err))
			return false;
		e->change_count = absent ? 0 : 1;
		return true;
	}
	if (!condition_find(o, e->type, e->condition, max, &found, err))
		return false;
	if (found.count > max)
		return error_set(err, ERR_MULTIPLE,
				 "The condition matches more than %zu resources, the most that one request may delete "
				 "here (limits.deletes); nothing was deleted. Narrow the condition",
				 max);
	e->guard = found.guard;
	e->found = found.entries;
	e->found_count = e->change_count = found.count;
	if (found.count == 1)
		e->id = found.entries[0].id;
	return true;
}
