/*
 * The way of one call: who calls, what is asked, the data it takes, the service, the answer. Where it must wait for an
 * EHR, for keys or for data, it goes on later on a thread that may wait.
 */
#include "server/cds/cds_priv.h"

#include "base/clock.h"
#include "base/zone.h"

enum { ANSWER_MAX = 16 << 20 };

/* ---- running -------------------------------------------------------------------------------------------------------
 */

/* Epic takes suggestions of one action that create or delete; it says in extensions that it is Epic. */
static bool is_plain(const struct visit *v)
{
	struct json_iter it = json_iter(json_get(v->request.document, S("extension")));
	while (json_next(&it))
		if (str_starts(it.key, S("com.epic.")))
			return true;
	return false;
}

static bool run_service(struct visit *v, struct error *err)
{
	const struct hook_prefetch prefetch = {v->values, v->value_count};
	const struct cds_call call = {.request = &v->request,
				      .prefetch = &prefetch,
				      .arena = v->a,
				      .now_ms = v->now_ms,
				      .role = hook_role(&v->request, &prefetch),
				      .plain = is_plain(v)};
	return v->service->run(v->service->ctx, &call, &v->answer, err) && overrides_apply(v, err);
}

static void finish(struct visit *v)
{
	struct error err = {0};
	bool ok = run_service(v, &err);
	if (ok) {
		answer_name(v);
		buf_init(&v->body, ANSWER_MAX);
		ok = hook_answer_write(&v->answer, &v->body, &err);
		if (!ok)
			buf_done(&v->body);
	}
	if (ok)
		answer_record(v);
	else
		answer_refuse(v, &err);
}

/* ---- data ----------------------------------------------------------------------------------------------------------
 */

static void take_references(struct visit *v)
{
	struct error err = {0};
	if (data_take(v, &err))
		finish(v);
	else
		answer_refuse(v, &err);
}

static void fetch_references(struct visit *v)
{
	struct error err = {0};
	if (!data_plan_references(v, &err))
		answer_refuse(v, &err);
	else if (v->fetch_count)
		fetch_all(v, take_references);
	else
		finish(v);
}

static void take_data(struct visit *v)
{
	struct error err = {0};
	if (data_take(v, &err))
		fetch_references(v);
	else
		answer_refuse(v, &err);
}

static bool read_request(struct visit *v, struct error *err)
{
	if (!hook_request_read(v->a, http_request(v->x)->body, &v->request, err))
		return false;
	if (v->cds->o.zone)
		v->request.zone = zone_minutes(v->cds->o.zone, v->now_ms);
	const char *hook = hook_definition(v->service->hook)->name;
	if (v->request.hook->id != v->service->hook)
		return error_set_at(err, ERR_VALUE, S("hook"), "hook is %s, but this service is called at %s",
				    v->request.hook->name, hook);
	if (v->decision) {
		v->decision->user = v->request.user;
		v->decision->patient = v->request.patient;
	}
	return true;
}

static void go_on(struct visit *v)
{
	struct error err = {0};
	if (v->feedback) {
		feedback_take(v);
		return;
	}
	v->deadline_ns = clock_monotonic_ns() + (uint64_t)v->cds->o.fetch_ms * 1000000;
	if (!read_request(v, &err) || !data_plan(v, &err))
		answer_refuse(v, &err);
	else if (v->fetch_count)
		fetch_all(v, take_data);
	else
		fetch_references(v);
}

/* ---- who calls -----------------------------------------------------------------------------------------------------
 */

static void verify(void *ctx, void *client)
{
	struct visit *v = ctx;
	struct error err = {0};
	(void)client;
	if (caller_verify(v, &err))
		go_on(v);
	else
		answer_refuse(v, &err);
}

void visit_begin(struct visit *v)
{
	struct error err = {0};
	bool wait = false;
	bool ok = caller_check(v, &wait, &err);
	v->waiting = (struct workers_job){.run = verify, .ctx = v};
	if (ok && wait && !workers_add(v->cds->workers, &v->waiting))
		ok = error_set(&err, ERR_BUSY, "Too many calls wait for an EHR");
	if (!ok)
		answer_refuse(v, &err);
	else if (!wait)
		go_on(v);
}
