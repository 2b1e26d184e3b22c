/*
 * `firth knowledge check`: whether the tables of drug knowledge hold together, those that came with the program and
 * those of a site on top. Whatever refuses to load is said with its line; the rest is listed.
 */
#include <stdio.h>

#include "app/knowledge.h"
#include "base/file.h"
#include "json/json.h"

const char *const app_knowledge_tables[] = {
	"sources",     "ingredients",	"classes",	    "members",	    "texts",
	"drugs",       "branded_drugs", "brand_names",	    "ndc",	    "allergens",
	"side_chains", "reactions",	"cross_reactivity", "interactions", NULL};

static bool read_table(struct arena *a, struct str directory, const char *name, struct knowledge_table *ret,
		       bool *ret_there, struct error *err)
{
	struct error mine = {0};
	struct str path = arena_printf(a, "%.*s/%s.tsv", STR_ARG(directory), name);
	if (!path.p)
		return error_memory(err);
	ret->name = str_from(name);
	*ret_there = file_read(a, path, KNOWLEDGE_FILE_MAX, &ret->text, &mine);
	if (*ret_there || mine.code == ERR_NOT_FOUND)
		return true;
	if (err)
		*err = mine;
	return false;
}

struct knowledge *app_knowledge(struct arena *a, struct str directory, struct error *err)
{
	struct knowledge_table tables[sizeof(app_knowledge_tables) / sizeof(app_knowledge_tables[0])];
	size_t count = 0;
	for (size_t i = 0; directory.n && app_knowledge_tables[i]; i++) {
		bool there = false;
		if (!read_table(a, directory, app_knowledge_tables[i], &tables[count], &there, err))
			return NULL;
		count += there;
	}
	if (directory.n && !count) {
		error_set(err, ERR_NOT_FOUND, "There is no knowledge table (such as interactions.tsv) in %.*s.",
			  STR_ARG(directory));
		return NULL;
	}
	return knowledge_new(a, tables, count, err);
}

struct list {
	struct app *app;
	struct buf out;
	struct json_writer w;
};

static void say(void *context, const char *line)
{
	struct list *l = context;
	if (l->app->json)
		json_put_str(&l->w, str_from(line));
	else
		buf_printf(&l->out, "%s\n", line);
}

static void begin(struct list *l)
{
	l->w = json_writer(&l->out);
	if (!l->app->json)
		return;
	json_object_begin(&l->w);
	json_key(&l->w, S("problems"));
	json_array_begin(&l->w);
}

static void end(struct list *l, const struct knowledge *k, size_t problems)
{
	if (!l->app->json) {
		buf_printf(&l->out, "%s%s%s: %zu ingredients, %zu classes; %zu problems\n",
			   app_style(l->app, problems ? STYLE_BAD : STYLE_GOOD),
			   problems ? "not consistent" : "consistent", app_style(l->app, STYLE_PLAIN),
			   knowledge_ingredient_count(k), knowledge_class_count(k), problems);
		return;
	}
	json_array_end(&l->w);
	json_put_member(&l->w, S("version"), knowledge_version(k));
	json_key(&l->w, S("ingredients"));
	json_put_i64(&l->w, (int64_t)knowledge_ingredient_count(k));
	json_key(&l->w, S("classes"));
	json_put_i64(&l->w, (int64_t)knowledge_class_count(k));
	json_object_end(&l->w);
	buf_char(&l->out, '\n');
}

int command_knowledge_check(struct app *app)
{
	struct str tables = S("");
	const struct option options[] = {
		{"tables", OPTION_TEXT, "DIR", "a site's own tables, read on top", &tables, NULL}};
	const struct command_line line = {
		OPTIONS(options),
		.details =
			"Checks that every code resolves, that classes have members and no loops, that rules do not\n"
			"contradict each other, and check digits. The exit status is 1 when something is amiss.",
	};
	struct error err = {0};
	struct list l = {.app = app};
	if (!app_options(app, &line))
		return app->status;
	struct knowledge *k = app_knowledge(&app->arena, tables, &err);
	if (!k)
		return app_fail(app, &err);
	buf_init(&l.out, 64 << 20);
	begin(&l);
	size_t problems = knowledge_check(k, say, &l);
	end(&l, k, problems);
	bool written = buf_ok(&l.out) && app_write(app, buf_str(&l.out));
	buf_done(&l.out);
	knowledge_free(k);
	return written && !problems ? APP_OK : APP_FAILED;
}
