/*
 * The record of each call that leaves the house: whom we called, as which client, what for, and how it ended. Retries
 * and token requests are calls too. Queries may hold PHI, so they go into the store only.
 */
#include "ehr/ehr_priv.h"

bool ehr_audit(struct ehr_client *c, const struct ehr_request *request, const struct ehr_failure *failure,
	       int http_status, struct str request_id, struct error *err)
{
	if (!c->options.audit && !c->options.record)
		return true;
	const struct audit_event event = {
		.action = request->action,
		.interaction = str_from(request->interaction),
		.outgoing = true,
		.outcome = !failure				     ? 0
			   : http_status >= 400 && http_status < 500 ? 4
								     : 8,
		.http_status = http_status,
		.agent = c->config.client_id.n ? c->config.client_id : S("anonymous"),
		.address = c->config.base_url,
		.request_id = request_id,
		.type = request->type,
		.id = request->id,
		.query = request->query,
		.patient = request->patient,
		.detail = failure ? str_from(failure->error.text) : STR_NULL,
	};
	return c->options.audit ? store_audit(c->options.audit, &event, 1, err)
				: c->options.record(c->options.record_ctx, &event, err);
}
