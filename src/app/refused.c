/* See refused.h. */
#include "app/refused.h"

#include "base/clock.h"

bool refused_record(const struct realm *realm, const struct http_request *request, const char *what,
		    const struct decision *d, const struct error *refusal, struct error *err)
{
	int status = error_http_status(refusal->code);
	struct audit_event event = {.action = 'E',
				    .interaction = str_from(what),
				    .outcome = 4,
				    .http_status = status,
				    .agent = S("anonymous"),
				    .address = request->address,
				    .request_id = request->request_id,
				    .detail = str_from(refusal->text)};
	const struct decision_request about = {.request_id = request->request_id,
					       .method = request->method,
					       .address = request->address,
					       .route = str_from(what),
					       .status = status,
					       .now_ms = clock_now_ms()};
	struct store_fact fact;
	struct store_txn txn = {.events = &event, .event_count = 1, .facts = &fact};
	txn.fact_count = decision_fact(realm->journal, request->arena, d, &about, refusal, &fact);
	return store_commit(realm->store, &txn, err);
}
