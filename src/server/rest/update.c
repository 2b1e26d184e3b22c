/*
 * update (http://hl7.org/fhir/R4/http.html#update): replaces the current version, guarded by If-Match; creates under
 * the id of the URL when there is none.
 */
#include "server/rest/rest_priv.h"

static bool check_id(const struct rest_call *call, const struct json *resource, struct error *err)
{
	struct str own = json_get_str(resource, S("id"));
	if (!fhir_id_valid(call->id))
		return error_set(err, ERR_VALUE,
				 "The id in the URL is not valid: 1 to 64 letters, digits, dashes and dots");
	if (!own.p)
		return error_set(err, ERR_REQUIRED, "The resource has no id; it must be that of the URL");
	if (!str_eq(own, call->id))
		return error_set(err, ERR_VALUE, "The id of the resource is not that of the URL");
	return true;
}

bool update_prepare(struct rest_call *call, const struct json *resource, const struct write_headers *headers,
		    struct store_change *ret_change, struct error *err)
{
	struct store_change change;
	/* A condition that is not understood must never be ignored on a write. */
	if (headers->if_none_match.p)
		return error_set(err, ERR_NOT_SUPPORTED, "If-None-Match is not supported when updating");
	if (!write_check_type(call, resource, err) || !check_id(call, resource, err) ||
	    !write_resource(call, resource, call->id, &change, err) || !write_if_match(headers->if_match, &change, err))
		return false;
	change.op = STORE_UPDATE;
	*ret_change = change;
	return true;
}
