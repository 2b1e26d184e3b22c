/*
 * The door of $export: it answers nothing itself but starts a job, with an exchange of its own that keeps the caller's
 * rights as they are now.
 */
#include <stdlib.h>

#include "server/rest/operations/export.h"

const struct operation_param operation_export_system_params[] = {{"_outputFormat", IN_TEXT, false, NULL},
								 {"_since", IN_TIME, false, NULL},
								 {"_until", IN_TIME, false, NULL},
								 {"_type", IN_TEXT, true, NULL},
								 {"_typeFilter", IN_TEXT, true, NULL},
								 {"_elements", IN_TEXT, true, NULL},
								 {0}};
const struct operation_param operation_export_patient_params[] = {
	{"_outputFormat", IN_TEXT, false, NULL}, {"_since", IN_TIME, false, NULL},
	{"_until", IN_TIME, false, NULL},	 {"_type", IN_TEXT, true, NULL},
	{"_typeFilter", IN_TEXT, true, NULL},	 {"_elements", IN_TEXT, true, NULL},
	{"patient", IN_REFERENCE, true, NULL},	 {0}};
const struct operation_param operation_export_group_params[] = {
	{"_outputFormat", IN_TEXT, false, NULL}, {"_since", IN_TIME, false, NULL},
	{"_until", IN_TIME, false, NULL},	 {"_type", IN_TEXT, true, NULL},
	{"_typeFilter", IN_TEXT, true, NULL},	 {"_elements", IN_TEXT, true, NULL},
	{"patient", IN_REFERENCE, true, NULL},	 {0}};

static void ignore_answer(void *ctx, const struct http_response *response)
{
	(void)ctx;
	(void)response;
}

void rest_export_free(struct rest_export *e)
{
	if (!e)
		return;
	map_done(&e->members);
	for (size_t i = 0; i < e->type_count; i++)
		map_done(&e->types[i].met);
	/* It lies in the arena of this exchange. */
	http_respond(e->call->exchange, &(struct http_response){.status = 200, .content_type = S("")});
}

static struct rest_export *open_export(struct operation_call *op, struct error *err)
{
	struct rest_call *call = call_apart(op->call, ignore_answer, NULL, err);
	struct rest_export *e = call ? ARENA_NEW(call->arena, struct rest_export) : NULL;
	if (!e) {
		if (call)
			http_respond(call->exchange, &(struct http_response){.status = 503});
		error_memory(err);
		return NULL;
	}
	e->call = call;
	call->lenient = op->call->lenient; /* a face may have set it */
	call->query = op->call->query;
	e->level = op->level == AT_SYSTEM ? EXPORT_SYSTEM : op->level == AT_TYPE ? EXPORT_PATIENTS : EXPORT_GROUP;
	if (export_plan(e, err))
		return e;
	rest_export_free(e);
	return NULL;
}

static bool start(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	const struct rest_options *o = &op->call->server->o;
	if (!o->export || !o->jobs)
		return error_set(err, ERR_NOT_SUPPORTED, "This server does not offer $export");
	if (op->call->inner)
		return error_set(err, ERR_NOT_SUPPORTED, "$export is a request of its own, not an entry of a Bundle");
	if (!async_preferred(op->call))
		return error_set(err, ERR_REQUIRED,
				 "$export is asynchronous alone: it needs the header Prefer: "
				 "respond-async");
	struct rest_export *e = open_export(op, err);
	if (!e)
		return false;
	op->audited = true; /* with the job */
	if (o->export(o->export_ctx, op->call, e, answer, err))
		return true;
	rest_export_free(e);
	return false;
}

bool operation_export_system(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	return start(op, answer, err);
}

bool operation_export_patient(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	return start(op, answer, err);
}

bool operation_export_group(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	return start(op, answer, err);
}

struct str rest_export_request(const struct rest_export *e)
{
	return e->request;
}

int64_t rest_export_time(const struct rest_export *e)
{
	return e->time_ms;
}
