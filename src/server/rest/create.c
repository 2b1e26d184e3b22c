/* create (http://hl7.org/fhir/R4/http.html#create): the server chooses the id; one in the body is ignored. */
#include "server/rest/rest_priv.h"

bool create_prepare(struct rest_call *call, const struct json *resource, const struct write_headers *headers,
		    struct store_change *ret_change, struct error *err)
{
	if (headers->if_none_exist.p)
		return error_set(err, ERR_NOT_SUPPORTED, "Conditional creates (If-None-Exist) are not supported");
	if (!write_check_type(call, resource, err))
		return false;
	struct str id = rest_new_id(call->server->o.face, call->arena, call->type);
	if (!id.p)
		return error_memory(err);
	if (!write_resource(call, resource, id, ret_change, err))
		return false;
	ret_change->op = STORE_CREATE;
	return true;
}
