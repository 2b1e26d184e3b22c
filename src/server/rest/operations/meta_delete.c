/* $meta-delete (http://hl7.org/fhir/R4/resource-operation-meta-delete.html), as a new version guarded by If-Match. */
#include "server/rest/operations/meta.h"

const struct operation_param operation_meta_delete_params[] = {{"meta", IN_META, false, NULL}, {0}};

bool operation_meta_delete(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	return meta_change(op, true, answer, err);
}
