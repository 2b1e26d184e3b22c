/* delete (http://hl7.org/fhir/R4/http.html#delete): the resource is gone, its history stays; again is no error. */
#include "server/rest/rest_priv.h"

bool delete_prepare(struct rest_call *call, const struct json *resource, const struct write_headers *headers,
		    struct store_change *ret_change, struct error *err)
{
	struct store_change change = {.op = STORE_DELETE, .type = call->type, .id = call->id};
	(void)resource;
	if (is_audit_event(call->type))
		return error_set(err, ERR_BUSINESS_RULE, "AuditEvents are never deleted");
	if (!fhir_id_valid(call->id))
		return error_set(err, ERR_VALUE,
				 "The id in the URL is not valid: 1 to 64 letters, digits, dashes and dots");
	if (!write_if_match(headers->if_match, &change, err))
		return false;
	*ret_change = change;
	return true;
}
