/*
 * Records of calls that a command makes to EHRs while a server has the store: the command has them written by the
 * operator's door. Only calls that leave the house can be told of in this way.
 */
#include "app/govern.h"

#include "app/trail.h"

static const struct {
	const char *name;
	size_t offset;
} texts[] = {{"interaction", offsetof(struct audit_event, interaction)},
	     {"agent", offsetof(struct audit_event, agent)},
	     {"address", offsetof(struct audit_event, address)},
	     {"request_id", offsetof(struct audit_event, request_id)},
	     {"type", offsetof(struct audit_event, type)},
	     {"id", offsetof(struct audit_event, id)},
	     {"query", offsetof(struct audit_event, query)},
	     {"patient", offsetof(struct audit_event, patient)},
	     {"detail", offsetof(struct audit_event, detail)}};
enum { TEXTS = sizeof(texts) / sizeof(texts[0]), MOST_EVENT = 1 << 20 };

static int64_t number(const struct json *command, const char *name)
{
	int64_t value = 0;
	(void)!str_to_i64(json_number(json_get(command, str_from(name))), &value);
	return value;
}

bool govern_audit_record(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
			 struct error *err)
{
	struct audit_event event = {.outgoing = true};
	struct str action = json_get_str(command, S("action"));
	(void)a;
	for (size_t i = 0; i < TEXTS; i++)
		*(struct str *)(void *)((char *)&event + texts[i].offset) =
			json_get_str(command, str_from(texts[i].name));
	if (action.n != 1 || !strchr("CRUDE", action.p[0]) || !event.interaction.n || !event.address.n)
		return error_set(err, ERR_VALUE, "A record needs action, interaction and address");
	event.action = action.p[0];
	event.outcome = (int)number(command, "outcome");
	event.http_status = (int)number(command, "http_status");
	if (!store_audit(g->realm->store, &event, 1, err))
		return false;
	json_key(w, S("recorded"));
	json_put_bool(w, true);
	return true;
}

/* ---- the command's side ------------------------------------------------------------------------------------------ */

bool trail_record_by_server(void *ctx, const struct audit_event *event, struct error *err)
{
	const struct trail *t = ctx;
	struct arena a;
	struct buf command;
	const struct json *answer;
	const char action[2] = {event->action, 0};
	bool asked = false;
	arena_init(&a, (size_t)16 << 20);
	struct json_writer w = govern_begin(&command, MOST_EVENT, "audit.record");
	json_put_member(&w, S("action"), str_from(action));
	for (size_t i = 0; i < TEXTS; i++)
		json_put_member(&w, str_from(texts[i].name),
				*(const struct str *)(const void *)((const char *)event + texts[i].offset));
	json_key(&w, S("outcome"));
	json_put_i64(&w, event->outcome);
	json_key(&w, S("http_status"));
	json_put_i64(&w, event->http_status);
	json_object_end(&w);
	bool ok = (buf_ok(&command) || error_memory(err)) &&
		  operator_call(&a, t->config, buf_str(&command), &asked, &answer, err);
	buf_done(&command);
	arena_done(&a);
	return ok || error_context(err, "the audit record of the call");
}
