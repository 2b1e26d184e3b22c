/* Criteria that index rows cannot decide: texts beside codes, the narrative, all strings of a resource. */
#include "search/search_priv.h"

bool search_body_meets(const struct extractor *x, struct arena *a, const struct criterion *c,
		       const struct search_resource *resource, const struct search_world *world, bool *ret_meets,
		       struct error *err)
{
	(void)x, (void)a, (void)c, (void)resource, (void)world, (void)ret_meets;
	return error_set(err, ERR_NOT_SUPPORTED, "Searching texts is not supported yet");
}
