/*
 * firth write EHR FILE: resources of a file to an EHR, by the vendor's rules: what would be sent and why (--preview),
 * then the write, what the EHR made of it, and how it can be taken back.
 */
#include <stdio.h>

#include "app/input.h"
#include "app/login.h"
#include "base/clock.h"
#include "population/writing.h"

struct write {
	struct login_command c;
	struct app *app;
	bool preview, exact, create, any_version;
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

/* ---- for people -------------------------------------------------------------------------------------------------- */

static void print_plan(const struct app *app, struct str type, const struct writing_plan *plan)
{
	if (plan->reason.p)
		printf("%s%.*s cannot be written as it is%s: %.*s\n", app_style(app, STYLE_WARN), STR_ARG(type),
		       app_style(app, STYLE_PLAIN), STR_ARG(plan->reason));
	for (const struct writing_note *n = plan->notes; n; n = n->next)
		printf("  %.*s%s%.*s\n", STR_ARG(n->path), n->path.n ? ": " : "", STR_ARG(n->text));
	if (plan->nearest)
		printf("The nearest that the EHR takes:\n");
	for (size_t i = 0; i < plan->count; i++) {
		const struct writing_step *s = &plan->steps[i];
		printf("  %s %.*s%s%.*s\n", writing_op_name(s->op), STR_ARG(s->type), s->id.n ? "/" : "",
		       STR_ARG(s->id));
	}
}

static void print_difference(const struct writing_difference *d)
{
	static const char *const words[] = {"dropped", "changed", "added"};
	printf("    %-8s %.*s", words[d->change], STR_ARG(d->path));
	if (d->change == WRITING_CHANGED)
		printf(": %.*s -> %.*s", STR_ARG(d->sent), STR_ARG(d->shown));
	else
		printf(": %.*s", STR_ARG(d->change == WRITING_ADDED ? d->shown : d->sent));
	printf("%s%s%s\n", d->known ? "  (" : "", d->known ? d->known : "", d->known ? ")" : "");
}

static void print_outcome(const struct app *app, const struct writing_step *step, const struct writing_outcome *o)
{
	enum style style = o->result <= WRITING_UNCHANGED ? STYLE_GOOD : STYLE_BAD;
	printf("%s%s%s %.*s%s%.*s", app_style(app, style), writing_result_name(o->result), app_style(app, STYLE_PLAIN),
	       STR_ARG(step->type), o->id.n ? "/" : "", STR_ARG(o->id));
	if (o->version.n)
		printf(", version %.*s", STR_ARG(o->version));
	printf("\n");
	if (o->problem.n)
		printf("  %.*s\n", STR_ARG(o->problem));
	if (o->result == WRITING_UPDATED && !o->guarded)
		printf("  the EHR has no versions: the moment between the last reading and the write was not "
		       "guarded\n");
	if (o->read_back && !o->differences.count)
		printf("  read back: it says what was sent\n");
	else if (o->read_back)
		printf("  read back, the EHR made of it:\n");
	for (size_t i = 0; i < o->differences.count; i++)
		print_difference(&o->differences.items[i]);
	if (o->result == WRITING_CREATED || o->result == WRITING_UPDATED)
		printf("  to take it back: %s\n", o->undo);
}

/* ---- for programs ------------------------------------------------------------------------------------------------ */

static void write_plan(struct json_writer *w, struct str type, const struct writing_plan *plan, bool bodies)
{
	json_put_member(w, S("type"), type);
	json_put_member(w, S("reason"), plan->reason);
	json_key(w, S("nearest"));
	json_put_bool(w, plan->nearest);
	json_key(w, S("notes"));
	json_array_begin(w);
	for (const struct writing_note *n = plan->notes; n; n = n->next) {
		json_object_begin(w);
		json_put_member(w, S("path"), n->path);
		json_put_member(w, S("text"), n->text);
		json_object_end(w);
	}
	json_array_end(w);
	if (!bodies)
		return;
	json_key(w, S("steps"));
	json_array_begin(w);
	for (size_t i = 0; i < plan->count; i++) {
		json_object_begin(w);
		json_put_member(w, S("op"), str_from(writing_op_name(plan->steps[i].op)));
		json_put_member(w, S("type"), plan->steps[i].type);
		json_put_member(w, S("id"), plan->steps[i].id);
		json_key(w, S("resource"));
		json_put_raw(w, plan->steps[i].body);
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_outcome(struct json_writer *w, const struct writing_step *step, const struct writing_outcome *o)
{
	static const char *const words[] = {"dropped", "changed", "added"};
	json_object_begin(w);
	json_put_member(w, S("op"), str_from(writing_op_name(step->op)));
	json_put_member(w, S("type"), step->type);
	json_put_member(w, S("result"), str_from(writing_result_name(o->result)));
	json_put_member(w, S("id"), o->id);
	json_put_member(w, S("version"), o->version);
	json_key(w, S("guarded"));
	json_put_bool(w, o->guarded);
	json_key(w, S("readBack"));
	json_put_bool(w, o->read_back);
	json_put_member(w, S("problem"), o->problem);
	json_put_member(w, S("undo"), str_from(o->undo));
	json_key(w, S("differences"));
	json_array_begin(w);
	for (size_t i = 0; i < o->differences.count; i++) {
		const struct writing_difference *d = &o->differences.items[i];
		json_object_begin(w);
		json_put_member(w, S("change"), str_from(words[d->change]));
		json_put_member(w, S("path"), d->path);
		json_put_member(w, S("sent"), d->sent);
		json_put_member(w, S("shown"), d->shown);
		json_put_member(w, S("known"), str_from(d->known));
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
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
			write_outcome(&w->w, &plan->steps[i], &o);
		else
			print_outcome(w->app, &plan->steps[i], &o);
		if (o.result > WRITING_UNCHANGED)
			break;
	}
	return true;
}

static bool take(struct write *w, const struct json *resource, struct error *err)
{
	struct writing_plan plan;
	struct str type = json_get_str(resource, S("resourceType"));
	const struct writing_options options = {.definitions = definitions_builtin(),
						.vendor = w->c.ehr->vendor,
						.ehr = w->c.ehr->name,
						.site = site_allows(w, type),
						.create = w->create,
						.exact = w->exact};
	if (!writing_plan_make(&options, &w->arena, resource, &plan, err))
		return false;
	w->refused += plan.count == 0;
	if (!w->app->json)
		print_plan(w->app, type, &plan);
	else
		write_plan(&w->w, type, &plan, w->preview);
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
	fprintf(stderr, "firth write: %.*s", STR_ARG(in->file));
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

int command_write(struct app *app)
{
	struct write w = {.app = app};
	struct error err = {0};
	const struct option options[] = {
		{"preview", OPTION_FLAG, NULL, "say what would be sent, and send nothing", &w.preview, NULL},
		{"exact", OPTION_FLAG, NULL, "send what the file says or nothing, never the nearest thing", &w.exact,
		 NULL},
		{"any-version", OPTION_FLAG, NULL, "update even though the EHR has another version than the file says",
		 &w.any_version, NULL},
		{"create", OPTION_FLAG, NULL, "create, even though the resource has an id", &w.create, NULL},
	};
	const char *details = "FILE is one resource as JSON, or NDJSON with one a line; - is standard input. Without "
			      "an id a resource is\n"
			      "created, with one it is updated. What the vendor does not take is refused before "
			      "anything is sent, or the\n"
			      "nearest thing is sent that it takes, and the reason told. After each write it is read "
			      "back, and what the EHR\n"
			      "changed is listed; the status is 1 when something was refused or changed that this "
			      "vendor is not known to.";
	if (!login_command_begin(&w.c, app, options, sizeof(options) / sizeof(options[0]), 2, "EHR FILE", details))
		return app->status;
	if (!w.c.place.store && !w.preview) {
		error_set(&err, ERR_BUSY, "writes need the ledger in the store, which another process has open");
		login_command_end(&w.c);
		return app_fail(app, &err);
	}
	arena_init(&w.arena, (size_t)1 << 30);
	buf_init(&w.out, (size_t)256 << 20);
	const struct input_user user = {&w, take_document, complain};
	bool all = input_read(&app->arena, &app->args[1], 1, &user);
	buf_done(&w.out);
	arena_done(&w.arena);
	login_command_end(&w.c);
	return all && !w.refused && !w.surprises ? APP_OK : APP_FAILED;
}
