/* What a request would need, told without making it: for judging a token against it. */
#include "server/rest/rest_priv.h"

bool rest_request_needs(struct arena *a, const struct definitions *d, struct str method, struct str path,
			struct rest_needs *ret_needs, struct error *err)
{
	struct route route;
	if (!route_find(a, method, path, &route, err))
		return false;
	const struct interaction *i = rest_interaction(route.interaction);
	*ret_needs = (struct rest_needs){
		.interaction = rest_interaction_code(route.interaction), .id = route.id, .permissions = i->permissions};
	if (!route.type_name.p)
		return true;
	ret_needs->type = definitions_resource(d, route.type_name);
	return ret_needs->type || error_set(err, ERR_UNKNOWN_TYPE, "%.*s is not a resource type of FHIR R4",
					    STR_ARG(str_slice(route.type_name, 0, 64)));
}
