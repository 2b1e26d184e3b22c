/*
 * firth why: what was decided about a request, by the id that its answer carried. A refusal is shown with all of its
 * checks; of what was let in the audit trail tells who asked, by which scope, for which patient. Opens stores for
 * reading only, so it works beside a running server.
 */
#include "app/why.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "fhir/definitions.h"

enum {
	MOST_KEPT = 64, /* decisions of one request id */
	MOST_ROWS = 256, /* audit rows of it that are shown */
	PAGE = 1000,
	MOMENT_NS = 400 * 1000 * 1000,
	MOST_WALKED = 2000000, /* audit rows that are looked at */
	BEHIND = 5000 /* rows of one request lie close together: so many further back nothing is expected any more */
};

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static bool add_row(struct why_request *r, const struct audit_row *row)
{
	if (r->row_count == MOST_ROWS) {
		r->rows_left++;
		return true;
	}
	r->rows[r->row_count++] = *row;
	return true;
}

static bool find_rows(struct store *s, struct arena *a, struct why_request *r, struct error *err)
{
	int64_t before = 0, walked = 0, since = 0;
	struct audit_row *rows;
	size_t count;
	do {
		struct arena page; /* most of what is looked at is of no interest */
		arena_init(&page, ARENA_NO_CAP);
		bool ok = store_audit_list(s, &page, before, PAGE, &rows, &count, err);
		for (size_t i = 0; ok && i < count; i++) {
			before = rows[i].number;
			since++;
			if (!str_eq(rows[i].event.request_id, r->id))
				continue;
			since = 0;
			ok = why_copy_row(a, &rows[i]) ? add_row(r, &rows[i]) : error_memory(err);
		}
		arena_done(&page);
		if (!ok)
			return false;
		walked += (int64_t)count;
	} while (count == PAGE && walked < MOST_WALKED && !(r->row_count && since > BEHIND));
	return true;
}

static bool look(struct store *s, struct arena *a, struct str id, struct why_request *r, struct error *err)
{
	*r = (struct why_request){.id = id};
	r->kept = ARENA_ARRAY(a, const struct json *, MOST_KEPT);
	r->rows = ARENA_ARRAY(a, struct audit_row, MOST_ROWS);
	if (!r->kept || !r->rows)
		return error_memory(err);
	return decision_find(s, a, id, MOST_KEPT, r->kept, &r->kept_count, err) && find_rows(s, a, r, err);
}

static bool is_refusal(const struct audit_row *row)
{
	const struct audit_event *e = &row->event;
	return e->outcome == 4 && e->request_id.n &&
	       (str_starts(e->detail, S("concealed: ")) || e->http_status == 401 || e->http_status == 403 ||
		str_is(e->interaction, "token") || str_is(e->interaction, "authorize") ||
		str_is(e->interaction, "login"));
}

/* The ids of the newest refused requests, newest first. */
static bool newest(struct store *s, struct arena *a, size_t want, struct str *ids, size_t *ret_count, struct error *err)
{
	int64_t before = 0, walked = 0;
	struct audit_row *rows;
	size_t count, found = 0;
	do {
		struct arena page;
		arena_init(&page, ARENA_NO_CAP);
		bool ok = store_audit_list(s, &page, before, PAGE, &rows, &count, err);
		for (size_t i = 0; ok && i < count && found < want; i++) {
			before = rows[i].number;
			if (!is_refusal(&rows[i]) || (found && str_eq(ids[found - 1], rows[i].event.request_id)))
				continue;
			ids[found] = arena_str(a, rows[i].event.request_id);
			ok = ids[found++].p || error_memory(err);
		}
		arena_done(&page);
		if (!ok)
			return false;
		walked += (int64_t)count;
	} while (count == PAGE && walked < MOST_WALKED && found < want);
	*ret_count = found;
	return true;
}

/* ---- the command --------------------------------------------------------------------------------------------------
 */

struct why_command {
	struct app *app;
	struct config config;
	struct config_options shared;
	struct str tenant;
	bool last;
	size_t want; /* --last */
	size_t shown;
	struct buf out; /* --format json */
	struct json_writer w;
};

static void show(struct why_command *c, const struct why_request *r, struct str tenant)
{
	if (c->app->json)
		why_write(&c->w, r, tenant);
	else
		why_print(c->app, r, tenant, c->shown > 0);
	c->shown++;
}

static bool look_at_store(struct why_command *c, struct str tenant, struct error *err)
{
	struct app *app = c->app;
	const struct store_options options = {
		.definitions = definitions_builtin(), .read_only = true, .tenant = tenant};
	struct store *s = store_open(config_store(&c->config), &options, err);
	struct str *ids = ARENA_ARRAY(&app->arena, struct str, c->want + 1);
	size_t count = 1;
	if (!s)
		return false;
	bool ok = ids || error_memory(err);
	if (ok && c->last)
		ok = newest(s, &app->arena, c->want, ids, &count, err);
	else if (ok)
		ids[0] = app->args[0];
	for (size_t i = 0; ok && i < count; i++) {
		struct why_request r;
		ok = look(s, &app->arena, ids[i], &r, err);
		if (ok && (r.kept_count || r.row_count))
			show(c, &r, tenant);
	}
	store_close(s);
	return ok;
}

/* An id tells nothing of the tenant, so without one all are looked at. */
static bool look_everywhere(struct why_command *c, struct error *err)
{
	struct str *names = NULL;
	size_t count = 0;
	if (c->tenant.p)
		return look_at_store(c, c->tenant, err);
	if (!look_at_store(c, STR_NULL, err))
		return false;
	if (c->last || c->shown)
		return true;
	if (!store_tenant_list(config_store(&c->config), &c->app->arena, &names, &count, err))
		return false;
	for (size_t i = 0; i < count && !c->shown; i++)
		if (!look_at_store(c, names[i], err))
			return false;
	return true;
}

static int nothing(struct why_command *c)
{
	if (c->last)
		fprintf(stderr, "firth why: the audit trail holds no refused request\n");
	else
		fprintf(stderr,
			"firth why: nothing is known of request %.*s: decisions and audit records go by the "
			"X-Request-Id "
			"of the answer; look at --data, --db and --tenant\n",
			STR_ARG(str_slice(c->app->args[0], 0, 80)));
	return APP_FAILED;
}

static int run(struct why_command *c)
{
	struct error err = {0};
	buf_init(&c->out, (size_t)256 << 20);
	c->w = json_writer(&c->out);
	json_object_begin(&c->w);
	json_key(&c->w, S("requests"));
	json_array_begin(&c->w);
	bool ok = look_everywhere(c, &err);
	if (ok && !c->shown) {
		/* Records of reading join the next commit, a moment after the answer. */
		nanosleep(&(struct timespec){.tv_nsec = MOMENT_NS}, NULL);
		ok = look_everywhere(c, &err);
	}
	json_array_end(&c->w);
	json_object_end(&c->w);
	buf_char(&c->out, '\n');
	int status = ok ? c->shown ? APP_OK : nothing(c) : app_fail(c->app, &err);
	if (ok && c->app->json && !(buf_ok(&c->out) && app_write(c->app, buf_str(&c->out))))
		status = APP_FAILED;
	buf_done(&c->out);
	return status;
}

int command_why(struct app *app)
{
	struct why_command c = {.app = app};
	if (!config_open(app, &c.config))
		return app->status;
	const struct option options[] = {
		CONFIG_OPTIONS(c.shared, c.config),
		{"tenant", OPTION_TEXT, "NAME", "of this tenant (default: the root, then every tenant)", &c.tenant},
		{"last", OPTION_FLAG, NULL, "the newest refused request instead; --last 5: the newest five", &c.last},
	};
	const struct command_line line = {
		OPTIONS(options), .arguments = "REQUEST-ID", .max_args = 1,
		.details =
			"The id is in the answer's header X-Request-Id, and in the text of a refusal. Shown is every "
			"check in its\norder, what was had and what was needed, and what to do. Of requests that were "
			"let "
			"in the audit trail\ntells the client, the grant, the scope that allowed it and the patient. "
			"Refusals are kept for 30 days,\nas far as there were not too many at once."};
	uint64_t want = 1;
	if (!app_options(app, &line) || !config_finish(app, &c.config, &c.shared))
		return app->status;
	if (!c.last && !app->arg_count)
		return app_misuse(app, "name a request, or ask for --last");
	if (c.last && app->arg_count && (!str_to_u64(app->args[0], &want) || want < 1 || want > 1000))
		return app_misuse(app, "--last takes a number from 1 to 1000");
	if (c.tenant.p && !store_tenant_name_valid(c.tenant))
		return app_misuse(app, "a tenant's name is 1 to 40 of a-z, 0-9 and -, not - at either end");
	c.want = (size_t)want;
	return run(&c);
}
