/*
 * firth write, create and update EHR FILE: resources of a file to an EHR, by the vendor's rules: what would be sent and
 * why (--preview), then the write, what the EHR made of it, and how it can be taken back. create and update send what
 * the file says or nothing; write also sends the nearest thing.
 */
#include <stdio.h>

#include "app/change.h"
#include "app/input.h"
#include "app/login.h"
#include "base/clock.h"

struct write {
	struct login_command c;
	struct app *app;
	bool preview, exact, create, update, any_version, unchecked;
	const struct json *capabilities; /* of the site, when they were asked for */
	bool asked;
	struct arena arena; /* of one resource */
	struct buf out; /* JSON */
	struct json_writer w;
	size_t written, refused, surprises;
	bool stopped;
};

/* What the site itself says; a vendor's table is about the vendor in general. */
static unsigned site_allows(struct write *w, struct str type)
{
	struct ehr_failure failure = {0};
	if (writing_allowed(w->c.ehr->vendor, type) & WRITING_CREATE)
		return 0;
	if (!w->asked && !ehr_capabilities(w->c.client, &w->app->arena, &w->capabilities, &failure))
		fprintf(stderr, "note: %s\n", failure.error.text);
	w->asked = true;
	return writing_stated(w->capabilities, type);
}

/* ---- one resource ------------------------------------------------------------------------------------------------ */

static bool send_steps(struct write *w, struct writing_plan *plan, struct error *err)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct writing_outcome o;
		if (w->any_version)
			plan->steps[i].version = STR_NULL;
		if (!writing_send(w->c.client, w->c.place.store, definitions_builtin(), &w->arena, &plan->steps[i],
				  clock_now_ms(), &o, err))
			return false;
		w->written += o.result <= WRITING_UNCHANGED;
		w->refused += o.result > WRITING_UNCHANGED;
		w->surprises += o.differences.surprising;
		if (w->app->json)
			change_write_outcome(&w->w, &plan->steps[i], &o);
		else
			change_print_outcome(w->app, &plan->steps[i], &o);
		if (o.result > WRITING_UNCHANGED)
			break;
	}
	return true;
}

static bool take(struct write *w, const struct json *resource, struct error *err)
{
	struct writing_plan plan;
	struct str type = json_get_str(resource, S("resourceType"));
	if (w->update && !json_get_str(resource, S("id")).n)
		return error_set(err, ERR_REQUIRED, "an update needs the id of the resource; firth create needs none");
	const struct writing_options options = {.definitions = definitions_builtin(),
						.vendor = w->c.ehr->vendor,
						.ehr = w->c.ehr->name,
						.site = w->unchecked ? 0 : site_allows(w, type),
						.create = w->create,
						.exact = w->exact,
						.unchecked = w->unchecked};
	if (!writing_plan_make(&options, &w->arena, resource, &plan, err))
		return false;
	w->refused += plan.count == 0;
	if (!w->app->json)
		change_print_plan(w->app, type, &plan);
	else
		change_write_plan(&w->w, type, &plan, w->preview);
	if (w->preview)
		return true;
	if (w->app->json) {
		json_key(&w->w, S("outcomes"));
		json_array_begin(&w->w);
	}
	bool ok = send_steps(w, &plan, err);
	if (w->app->json)
		json_array_end(&w->w);
	return ok;
}

static bool complain(void *ctx, const struct input *in, const struct error *err)
{
	struct write *w = ctx;
	fprintf(stderr, "firth %s: %.*s", w->app->command->name, STR_ARG(in->file));
	if (in->line)
		fprintf(stderr, ":%zu", in->line);
	fprintf(stderr, ": %s\n", err->text[0] ? err->text : error_default_text(err->code));
	w->refused++;
	return !w->stopped;
}

static bool take_document(void *ctx, const struct input *in)
{
	struct write *w = ctx;
	struct error err = {0};
	arena_reset(&w->arena);
	buf_reset(&w->out);
	w->w = json_writer(&w->out);
	const struct json *resource = json_parse(&w->arena, in->text, 0, &err);
	json_object_begin(&w->w);
	bool ok = resource && take(w, resource, &err);
	json_object_end(&w->w);
	buf_char(&w->out, '\n');
	if (ok && w->app->json)
		ok = buf_ok(&w->out) ? app_write(w->app, buf_str(&w->out)) : error_memory(&err);
	return ok || complain(w, in, &err);
}

static int run(struct write *w, const struct option *options, size_t count, const char *details)
{
	struct app *app = w->app;
	struct error err = {0};
	if (!login_command_begin(&w->c, app, options, count, 2, "EHR FILE", details))
		return app->status;
	if (!w->c.place.store && !w->preview) {
		error_set(&err, ERR_BUSY, "writes need the ledger in the store, which another process has open");
		login_command_end(&w->c);
		return app_fail(app, &err);
	}
	if (w->unchecked)
		fprintf(stderr, "note: sent as it is, whatever the vendor is known to take\n");
	arena_init(&w->arena, (size_t)1 << 30);
	buf_init(&w->out, (size_t)256 << 20);
	const struct input_user user = {w, take_document, complain};
	bool all = input_read(&app->arena, &app->args[1], 1, &user);
	buf_done(&w->out);
	arena_done(&w->arena);
	login_command_end(&w->c);
	return all && !w->refused && !w->surprises ? APP_OK : APP_FAILED;
}

#define PREVIEW(w)                                                                                                     \
	{                                                                                                              \
		"preview", OPTION_FLAG, NULL, "say what would be sent, and send nothing", &(w).preview, NULL           \
	}
#define ANY_VERSION(w)                                                                                                 \
	{                                                                                                              \
		"any-version", OPTION_FLAG, NULL, "update even though the EHR has another version than the file says", \
			&(w).any_version, NULL                                                                         \
	}
#define UNCHECKED(w)                                                                                                   \
	{                                                                                                              \
		"unchecked", OPTION_FLAG, NULL, "send it as it is, without looking at the vendor's rules",             \
			&(w).unchecked, NULL                                                                           \
	}
#define FILE_IS "FILE is one resource as JSON, or NDJSON with one a line; - is standard input. "
#define AFTERWARDS                                                                                                     \
	"After each write it is\nread back, and what the EHR changed is listed; the status is 1 when something was "   \
	"refused or changed\nthat this vendor is not known to."

int command_write(struct app *app)
{
	struct write w = {.app = app};
	const struct option options[] = {
		PREVIEW(w),
		{"exact", OPTION_FLAG, NULL, "send what the file says or nothing, never the nearest thing", &w.exact,
		 NULL},
		ANY_VERSION(w),
		{"create", OPTION_FLAG, NULL, "create, even though the resource has an id", &w.create, NULL},
	};
	return run(&w, options, sizeof(options) / sizeof(options[0]),
		   FILE_IS "Without an id a resource is\n"
			   "created, with one it is updated. What the vendor does not take is refused before "
			   "anything is sent, or the\n"
			   "nearest thing is sent that it takes, and the reason told. " AFTERWARDS);
}

int command_create(struct app *app)
{
	struct write w = {.app = app, .create = true, .exact = true};
	const struct option options[] = {PREVIEW(w), UNCHECKED(w)};
	return run(&w, options, sizeof(options) / sizeof(options[0]),
		   FILE_IS "What the vendor does not take is\n"
			   "refused before anything is sent; firth write finds the nearest thing that it takes. "
			   "The same content is created\nonce, also by another run. " AFTERWARDS);
}

int command_update(struct app *app)
{
	struct write w = {.app = app, .update = true, .exact = true};
	const struct option options[] = {PREVIEW(w), ANY_VERSION(w), UNCHECKED(w)};
	return run(&w, options, sizeof(options) / sizeof(options[0]),
		   FILE_IS "What the vendor does not take is\n"
			   "refused before anything is sent. The version in the file must be the EHR's. " AFTERWARDS);
}
