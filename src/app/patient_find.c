/* firth patient find NAME: looks a person up among the patients that were pulled from the EHRs. */
#include <stdio.h>

#include "app/config.h"
#include "population/population.h"

/* How wide each column must be, in bytes; names with accents come out a little narrow, which does no harm. */
static int width_of(const struct population_match *matches, size_t count, size_t offset, int least)
{
	int width = least;
	for (size_t i = 0; i < count; i++) {
		const struct str *text = (const void *)((const char *)&matches[i] + offset);
		if ((int)text->n > width)
			width = (int)text->n;
	}
	return width;
}

static void print_table(const struct app *app, const struct population_match *m, size_t count)
{
	int name = width_of(m, count, offsetof(struct population_match, name), 4);
	int mrn = width_of(m, count, offsetof(struct population_match, mrn), 3);
	printf("%s%-*s  %-10s  %-7s  %-*s  %s%s\n", app_style(app, STYLE_BOLD), name, "NAME", "BORN", "SEX", mrn, "MRN",
	       "EHR", app_style(app, STYLE_PLAIN));
	for (size_t i = 0; i < count; i++)
		printf("%-*.*s  %-10.*s  %-7.*s  %-*.*s  %.*s\n", name, STR_ARG(m[i].name), STR_ARG(m[i].birth_date),
		       STR_ARG(m[i].sex), mrn, STR_ARG(m[i].mrn), STR_ARG(m[i].ehr));
}

static bool write_json(const struct app *app, const struct population_match *m, size_t count, bool more)
{
	struct buf out;
	buf_init(&out, (size_t)256 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_key(&w, S("patients"));
	json_array_begin(&w);
	for (size_t i = 0; i < count; i++) {
		json_object_begin(&w);
		json_put_member(&w, S("id"), m[i].local_id);
		json_put_member(&w, S("ehr"), m[i].ehr);
		json_put_member(&w, S("name"), m[i].name);
		json_put_member(&w, S("birthDate"), m[i].birth_date);
		json_put_member(&w, S("sex"), m[i].sex);
		json_put_member(&w, S("mrn"), m[i].mrn);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_key(&w, S("more"));
	json_put_bool(&w, more);
	json_object_end(&w);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok;
}

static bool ehr_known(const struct config *config, struct str name)
{
	for (size_t i = 0; i < config->ehr_count; i++) {
		if (str_eq(config->ehrs[i].name, name))
			return true;
	}
	return config->ehr_count == 0;
}

/* The words of the name: several arguments are joined. */
static struct str joined_name(struct app *app)
{
	struct str name = S("");
	for (size_t i = 0; i < app->arg_count && name.p; i++)
		name = arena_printf(&app->arena, "%.*s%s%.*s", STR_ARG(name), i ? " " : "", STR_ARG(app->args[i]));
	return name;
}

/* Looking somebody up is an access and leaves its record, as it does on the page. */
static bool record(struct store *store, struct str name, struct str ehr, struct arena *a, size_t found,
		   struct error *err)
{
	const struct audit_event event = {
		.action = 'E',
		.interaction = S("patient-find"),
		.agent = S("cli"),
		.type = S("Patient"),
		.query = arena_printf(a, "name=%.*s%s%.*s", STR_ARG(name), ehr.p ? "&ehr=" : "", STR_ARG(ehr)),
		.detail = arena_printf(a, "%zu shown", found)};
	return store_audit(store, &event, 1, err);
}

int command_patient_find(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct error err = {0};
	struct str ehr = STR_NULL;
	int64_t limit = 50;
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {
		CONFIG_OPTIONS(shared, config),
		{"ehr", OPTION_TEXT, "NAME", "only patients of this EHR", &ehr},
		{"limit", OPTION_NUMBER, "N", "at most this many (default 50)", &limit},
	};
	if (!app_options(app,
			 &(struct command_line){OPTIONS(options), .arguments = "NAME...", .min_args = 1, .max_args = 16,
						.details = "Each word must begin a family or given name, in any "
							   "order; case and accents do not matter."}))
		return app->status;
	if (!config_finish(app, &config, &shared))
		return app->status;
	if (ehr.p && !ehr_known(&config, ehr))
		return app_misuse(app, "no EHR named '%.*s' is configured", STR_ARG(ehr));
	if (limit < 1 || limit > 10000)
		return app_misuse(app, "--limit must be from 1 to 10000");
	const struct definitions *d = definitions_builtin();
	struct store *store = store_open(config_store(&config), &(struct store_options){.definitions = d}, &err);
	if (!store)
		return app_fail(app, &err);
	struct population_match *matches;
	size_t count;
	struct str name = joined_name(app);
	bool ok = population_find(store, d, &app->arena, name, ehr, (size_t)limit + 1, &matches, &count, &err);
	bool more = ok && count > (size_t)limit;
	if (more)
		count = (size_t)limit;
	ok = ok && record(store, name, ehr, &app->arena, count, &err);
	store_close(store);
	if (!ok)
		return app_fail(app, &err);
	if (app->json)
		return write_json(app, matches, count, more) ? (count ? APP_OK : APP_FAILED) : APP_FAILED;
	if (!count) {
		fprintf(stderr, "no patient is known by that name\n");
		return APP_FAILED;
	}
	print_table(app, matches, count);
	if (more)
		printf("there are more; give more of the name, or --limit\n");
	return APP_OK;
}
