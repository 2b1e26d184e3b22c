/*
 * `firth cds check FILE...`: compiles a site's own CDS services and says what they would do, or where they are wrong,
 * before a server reads them.
 */
#include <sys/stat.h>

#include "app/app.h"
#include "app/cds_rules.h"
#include "app/code_priv.h"

struct check {
	struct app *app;
	struct cds_rules rules;
	struct code_world world;
	struct buf out;
	struct json_writer w;
	bool brief;
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
		buf_printf(&c->out, "%s%.*s%s: fine, %zu rules\n", app_style(c->app, STYLE_GOOD), STR_ARG(file),
			   app_style(c->app, STYLE_PLAIN), s->rule_count);
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

static void check_paths(struct check *c)
{
	for (size_t i = 0; i < c->app->arg_count; i++) {
		struct str path = c->app->args[i];
		struct error err = {0};
		size_t before = c->rules.count;
		bool ok = is_directory(path) ? cds_rules_directory(&c->rules, path, &err)
					     : cds_rules_file(&c->rules, path, &err);
		for (size_t n = before; n < c->rules.count; n++)
			put_service(c, c->rules.files[n], c->rules.services[n]);
		if (!ok)
			put_error(c, &err);
	}
}

int command_cds_check(struct app *app)
{
	struct check c = {.app = app};
	struct error err = {0};
	const struct option options[] = {{"brief", OPTION_FLAG, NULL, "one line for each file", &c.brief, NULL},
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
