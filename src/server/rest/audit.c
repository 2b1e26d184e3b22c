/*
 * The audit events of calls (http://hl7.org/fhir/R4/auditevent.html): who asked for what, whose data it was, and how it
 * ended. An access that cannot be recorded does not happen.
 */
#include "base/clock.h"
#include "server/rest/rest_priv.h"

struct audit_event audit_describe(const struct rest_call *call, int status, const struct error *err)
{
	const struct interaction *i = rest_interaction(call->interaction);
	struct audit_event event = {.action = i->audit_action ? i->audit_action : 'E',
				    .interaction = str_from(rest_interaction_code(call->interaction)),
				    .http_status = status,
				    .agent = call->grant.client_id,
				    .address = call->request->address,
				    .request_id = call->request->request_id,
				    .type = call->type ? call->type->name : STR_NULL,
				    .id = call->type ? call->id : STR_NULL};
	if (call->operation) {
		event.action = operation_audit_action(call->operation);
		event.query = arena_printf(call->arena, "$%s%s%.*s", operation_name(call->operation),
					   call->query.n ? "?" : "", STR_ARG(call->query));
	}
	/* Of a token that is known but no longer good, too. */
	if (call->decision && call->decision->client.n)
		event.agent = call->decision->client;
	event.outcome = status >= 500 ? 8 : status >= 400 ? 4 : 0;
	event.detail = err ? str_from(err->text) : decision_detail(call->decision, call->arena);
	if (err && call->decision && call->decision->concealed)
		event.detail = arena_printf(call->arena, "concealed: %s", call->decision->concealed->text);
	return event;
}

/* ---- whose data
 * ------------------------------------------------------------------------------------------------------ */

struct str audit_patient(struct arena *a, const struct fhir_type *type, struct str id, struct str body)
{
	static const char *const names[] = {"subject", "patient", "beneficiary"};
	if (str_is(type->name, "Patient"))
		return arena_printf(a, "Patient/%.*s", STR_ARG(id));
	for (size_t i = 0; body.p && i < sizeof(names) / sizeof(names[0]); i++) {
		struct str text = access_peek_text(access_peek_object(body, str_from(names[i])), S("reference"));
		size_t at = text.p ? str_find(text, S("Patient/")) : STR_NONE;
		if (at != STR_NONE && (at == 0 || text.p[at - 1] == '/'))
			return str_slice(text, at, text.n);
	}
	return STR_NULL;
}

struct str audit_query_patient(struct arena *a, const struct search_query *query)
{
	const struct search_part *part = query->part_count == 1 ? query->parts : NULL;
	for (size_t i = 0; part && i < part->criterion_count; i++) {
		const struct criterion *c = &part->criteria[i];
		if (c->value_count != 1 || c->modifier == MOD_NOT || c->modifier == MOD_MISSING)
			continue;
		const struct search_value *v = &c->values[0];
		if (c->kind == CRITERION_ID && str_is(part->type->name, "Patient") && v->code.p)
			return arena_printf(a, "Patient/%.*s", STR_ARG(v->code));
		if (c->kind != CRITERION_PARAM || c->param->type != PARAM_REFERENCE || !v->ref_id.p)
			continue;
		if (str_is(v->ref_type, "Patient") || (!v->ref_type.p && str_is(c->param->code, "patient")))
			return arena_printf(a, "Patient/%.*s", STR_ARG(v->ref_id));
	}
	return STR_NULL;
}

/* ---- taking
 * ---------------------------------------------------------------------------------------------------------- */

bool audit_take(const struct rest_call *call, const struct audit_event *event, struct error *err)
{
	return call->server->o.audit_off || store_audit(call->server->o.store, event, 1, err);
}

struct refused {
	struct rest_call *call;
	struct rest_answer answer;
	struct error err;
	struct audit_event event;
	struct store_fact fact; /* the decision */
	struct store_txn txn;
};

static void refusal_done(void *ctx, struct store_txn *txn)
{
	struct refused *r = ctx;
	if (txn->err.code)
		answer_error(r->call, &r->answer, &txn->err);
	answer_send(r->call, &r->answer);
}

/* Metadata holds no data of anyone, and paths that lead nowhere touch nothing. */
static bool is_recorded(const struct rest_call *call)
{
	return !call->server->o.audit_off && call->interaction != REST_UNKNOWN && !is_open(call->interaction);
}

static bool keep_decision(const struct rest_call *call, int status, const struct error *err,
			  struct store_fact *ret_fact)
{
	const struct decision_request request = {.request_id = call->request->request_id,
						 .method = call->request->method,
						 .address = call->request->address,
						 .route = str_from(rest_interaction(call->interaction)->path),
						 .status = status,
						 .now_ms = clock_now_ms()};
	if (call->decision && call->decision->concealed && refusal_of(err) == REFUSAL_NONE)
		err = call->decision->concealed;
	return call->server->o.journal &&
	       decision_fact(call->server->o.journal, call->arena, call->decision, &request, err, ret_fact);
}

void audit_then_send(struct rest_call *call, struct rest_answer *answer, const struct error *err)
{
	if (err)
		answer_error(call, answer, err);
	struct refused *r = is_recorded(call) ? ARENA_NEW(call->arena, struct refused) : NULL;
	if (!r) {
		answer_send(call, answer);
		return;
	}
	r->call = call;
	r->answer = *answer;
	if (err)
		r->err = *err;
	r->event = audit_describe(call, answer->status, err ? &r->err : NULL);
	if (call->query.n)
		r->event.query = call->query;
	bool kept = err && keep_decision(call, answer->status, &r->err, &r->fact);
	r->txn = (struct store_txn){.events = &r->event,
				    .event_count = 1,
				    .facts = &r->fact,
				    .fact_count = kept,
				    .done = refusal_done,
				    .ctx = r};
	store_submit(call->server->o.store, &r->txn);
}
