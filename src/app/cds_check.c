/*
 * `firth cds check FILE...`: compiles a site's own CDS services and says what they would do, or where they are wrong,
 * before a server reads them.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "app/app.h"
#include "app/cds_rules.h"
#include "app/code_priv.h"
#include "base/clock.h"
#include "base/file.h"
#include "fhir/resource.h"

struct check {
	struct app *app;
	struct cds_rules rules;
	struct code_world world;
	struct buf out;
	struct json_writer w;
	bool brief;
	struct str vocabulary;
	struct str request, now; /* to try the services on */
	size_t failed;
};

static bool is_directory(struct str path)
{
	struct stat s;
	return stat(path.p, &s) == 0 && S_ISDIR(s.st_mode);
}

static void put_prefetch(struct json_writer *w, const struct rule_service *s)
{
	json_key(w, S("prefetch"));
	json_object_begin(w);
	for (size_t i = 0; i < s->prefetch_count; i++)
		json_put_member(w, s->prefetch[i].key, s->prefetch[i].query);
	json_object_end(w);
}

static void put_service(struct check *c, struct str file, const struct rule_service *s)
{
	if (!c->app->json) {
		if (!c->brief) {
			rule_explain(&c->out, s);
			buf_char(&c->out, '\n');
		}
		buf_printf(&c->out, "%s%.*s%s: %.*s at %.*s: fine, %zu rules\n", app_style(c->app, STYLE_GOOD),
			   STR_ARG(file), app_style(c->app, STYLE_PLAIN), STR_ARG(s->id), STR_ARG(s->hook),
			   s->rule_count);
		return;
	}
	json_object_begin(&c->w);
	json_put_member(&c->w, S("file"), file);
	json_put_member(&c->w, S("id"), s->id);
	json_put_member(&c->w, S("hook"), s->hook);
	json_put_member(&c->w, S("title"), s->title);
	json_put_member(&c->w, S("description"), s->description);
	put_prefetch(&c->w, s);
	json_key(&c->w, S("rules"));
	json_put_i64(&c->w, (int64_t)s->rule_count);
	json_object_end(&c->w);
}

static void put_error(struct check *c, const struct error *err)
{
	c->failed++;
	if (!c->app->json) {
		buf_printf(&c->out, "%s%s%s\n", app_style(c->app, STYLE_BAD), err->text,
			   app_style(c->app, STYLE_PLAIN));
		return;
	}
	json_object_begin(&c->w);
	json_put_member(&c->w, S("error"), str_from(err->text));
	json_object_end(&c->w);
}

/* ---- trying a service
 * ------------------------------------------------------------------------------------------------ */

static bool now_of(const struct check *c, int64_t *ret_ms, struct error *err)
{
	int64_t high;
	*ret_ms = clock_now_ms();
	return !c->now.n || date_range(c->now, ret_ms, &high) ||
	       error_set(err, ERR_USAGE, "--now needs a date or time such as 2024-05-01T12:00:00Z");
}

/* What the server would ask the EHR for is not there. */
static void note_missing(const struct rule_service *s, const struct json *request)
{
	const struct json *prefetch = json_get(request, S("prefetch"));
	for (size_t i = 0; i < s->prefetch_count; i++)
		if (!json_get(prefetch, s->prefetch[i].key) && !s->prefetch[i].optional)
			fprintf(stderr, "note: the request has no prefetch '%.*s', which a server would fetch\n",
				STR_ARG(s->prefetch[i].key));
}

static bool answer(struct check *c, struct arena *a, const struct rule_service *s, struct error *err)
{
	struct str text;
	struct rule_result result;
	struct buf written;
	const struct json *request = NULL, *cards;
	int64_t now;
	if (!now_of(c, &now, err) || !file_read(a, c->request, CDS_RULE_FILE_MAX, &text, err) ||
	    !(request = json_parse(a, text, 0, err)) || !cds_rules_try(s, a, request, now, &result, err))
		return false;
	note_missing(s, request);
	for (size_t i = 0; i < result.failure_count; i++) {
		c->failed++;
		fprintf(stderr, "rule %.*s: %s\n", STR_ARG(result.failures[i].rule), result.failures[i].error.text);
	}
	buf_init(&written, (size_t)64 << 20);
	bool ok = hook_answer_write(&result.answer, &written, err) &&
		  (cards = json_parse(a, buf_str(&written), 0, err)) != NULL;
	if (ok && c->app->json)
		json_put_value(&c->w, cards);
	else if (ok)
		json_pretty(&c->out, cards);
	if (!c->app->json)
		buf_char(&c->out, '\n');
	buf_done(&written);
	return ok;
}

static void try_service(struct check *c, const struct rule_service *s)
{
	struct arena a;
	struct error err = {0};
	arena_init(&a, (size_t)256 << 20);
	if (!answer(c, &a, s, &err))
		put_error(c, &err);
	arena_done(&a);
}

static void check_paths(struct check *c)
{
	for (size_t i = 0; i < c->app->arg_count; i++) {
		struct str path = c->app->args[i];
		struct error err = {0};
		size_t before = c->rules.count;
		bool ok = is_directory(path) ? cds_rules_directory(&c->rules, path, &err)
					     : cds_rules_file(&c->rules, path, &err);
		for (size_t n = before; n < c->rules.count; n++) {
			if (c->request.n)
				try_service(c, c->rules.services[n]);
			else
				put_service(c, c->rules.files[n], c->rules.services[n]);
		}
		if (!ok)
			put_error(c, &err);
	}
}

int command_cds_check(struct app *app)
{
	struct check c = {.app = app};
	struct error err = {0};
	const struct option options[] = {
		{"brief", OPTION_FLAG, NULL, "one line for each file", &c.brief, NULL},
		{"vocabulary", OPTION_TEXT, "DIR", "look for the files that services name here first", &c.vocabulary,
		 NULL},
		{"request", OPTION_TEXT, "FILE", "answer this request of a hook instead, with the prefetch in it",
		 &c.request, NULL},
		{"now", OPTION_TEXT, "TIME", "as if it were then (default: now)", &c.now, NULL},
		CODE_WORLD_OPTIONS(c.world)};
	const struct command_line line = {OPTIONS(options), .arguments = "FILE|DIRECTORY...", .min_args = 1,
					  .max_args = 1000,
					  .details = "Compiles services in YAML or JSON, and PlanDefinitions, as the "
						     "server would: every expression is\n"
						     "checked against the types of FHIR, every value set must be at "
						     "hand. The exit status is 1 when\n"
						     "something is wrong. docs/cds-rules.md describes the form."};
	if (!app_options(app, &line))
		return app->status;
	if (!code_world_open(app, &c.world, &err))
		return app_fail(app, &err);
	buf_init(&c.out, (size_t)64 << 20);
	c.w = json_writer(&c.out);
	cds_rules_init(&c.rules, c.world.terminology, c.world.canonicals);
	c.rules.vocabulary = c.vocabulary;
	if (app->json)
		json_array_begin(&c.w);
	check_paths(&c);
	if (app->json) {
		json_array_end(&c.w);
		buf_char(&c.out, '\n');
	}
	bool written = buf_ok(&c.out) && app_write(app, buf_str(&c.out));
	cds_rules_done(&c.rules);
	code_world_close(&c.world);
	buf_done(&c.out);
	return written && !c.failed ? APP_OK : APP_FAILED;
}
