/*
 * Break-glass: a person in a role that may, with a reason in the header Break-Glass, reads and searches past the rules
 * of the policy that are not absolute. Each such access leaves an audit record of its own, and whoever runs the server
 * is told without anything of anybody.
 */
#include "server/rest/rest_priv.h"

enum { LEAST_REASON = 10, MOST_REASON = 500 };

bool glass_check(struct rest_call *call, bool *ret_broken, struct error *err)
{
	struct str reason = str_trim(http_request_header(call->exchange, "Break-Glass"));
	const struct rest_options *o = &call->server->o;
	*ret_broken = false;
	if (!reason.n)
		return true;
	if (!access_may_break(o->access, &call->grant))
		return decision_refuse(call->decision, CHECK_POLICY, REFUSAL_POLICY, S("Break-Glass"), STR_NULL,
				       S("The policy of this site does not let you break the glass"), err);
	if (reason.n < LEAST_REASON || reason.n > MOST_REASON)
		return error_set(err, ERR_VALUE, "Break-Glass must hold a reason of %d to %d characters", LEAST_REASON,
				 MOST_REASON);
	struct audit_event event = audit_describe(call, 200, NULL);
	event.action = 'E';
	event.interaction = S("break-glass");
	event.query = call->query.n ? call->query : STR_NULL;
	event.detail = arena_printf(call->arena, "ALERT break-glass by %.*s: %.*s", STR_ARG(call->grant.user),
				    STR_ARG(reason));
	/* In the chain whether other records are taken or not. */
	if (!event.detail.p)
		return error_memory(err);
	if (!store_audit(o->store, &event, 1, err))
		return false;
	if (o->alert)
		o->alert(o->alert_ctx, "break-glass", call->request->request_id);
	*ret_broken = true;
	return true;
}
