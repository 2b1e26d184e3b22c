/* firth pipeline run: pull, score, write back, read back, and say what happened. */
#include "app/pipeline.h"

#include <stdio.h>

#include "app/login.h"
#include "app/store_parameters.h"
#include "base/clock.h"

#define SCORE_LIMIT 40 /* the largest Charlson sum is below this */

static bool wanted(const struct option_list *names, struct str name)
{
	for (size_t i = 0; names && i < names->count; i++) {
		if (str_eq(names->items[i], name))
			return true;
	}
	return !names || names->count == 0;
}

static bool names_known(const struct config *config, const struct option_list *names, struct error *err)
{
	for (size_t i = 0; names && i < names->count; i++) {
		bool known = false;
		for (size_t j = 0; j < config->ehr_count; j++)
			known = known || str_eq(config->ehrs[j].name, names->items[i]);
		if (!known)
			return error_set(err, ERR_USAGE, "no EHR named '%.*s' is configured", STR_ARG(names->items[i]));
	}
	return true;
}

bool pipeline_open(struct pipeline *p, struct app *app, const struct config *config, const struct option_list *names,
		   struct error *err)
{
	p->app = app;
	p->definitions = definitions_builtin();
	if (config->ehr_count == 0)
		return error_set(err, ERR_CONFIG, "no EHR is configured; docs/configuration.md shows how");
	if (!names_known(config, names, err))
		return false;
	p->charlson = charlson_builtin(&app->arena, err);
	p->normaliser = normaliser_new(p->definitions, err);
	p->ehrs = ARENA_ARRAY(&app->arena, struct ehr_client *, config->ehr_count);
	if (!p->charlson || !p->normaliser)
		return false;
	if (!p->ehrs)
		return error_memory(err);
	struct ehr_client_options options = {
		.definitions = p->definitions, .audit = p->store, .transport = p->transport, .budgets = p->budgets};
	for (size_t i = 0; i < config->ehr_count; i++) {
		if (!wanted(names, config->ehrs[i].name))
			continue;
		/* Background work goes with the app's own authority where there is one. */
		options.logins = ehr_config_is_backend(&config->ehrs[i]) ? NULL : p->logins;
		struct ehr_client *client = ehr_open(&config->ehrs[i], &options, err);
		if (!client)
			return error_context(err, "ehr %.*s", STR_ARG(config->ehrs[i].name));
		p->ehrs[p->ehr_count++] = client;
	}
	return true;
}

void pipeline_close(struct pipeline *p)
{
	for (size_t i = 0; i < p->ehr_count; i++)
		ehr_close(p->ehrs[i]);
	p->ehr_count = 0;
	normaliser_free(p->normaliser);
	p->normaliser = NULL;
}

static void show_progress(void *ctx, struct str ehr, const char *step, size_t done, size_t total)
{
	struct pipeline *p = ctx;
	if (step != p->step || !str_eq(ehr, p->ehr)) {
		static char label[64];
		progress_clear(&p->progress);
		snprintf(label, sizeof(label), "%.*s %s", STR_ARG(ehr), step);
		p->step = step;
		p->ehr = ehr;
		progress_start(&p->progress, label, "patients", total);
	}
	progress_update(&p->progress, done, done);
}

bool pipeline_run(struct pipeline *p, struct arena *a, struct population_result *ret_result, struct error *err)
{
	struct store_parameters parameters;
	if (!store_parameters_open(&parameters, p->definitions, p->store, STR_NULL, true, err)) {
		store_parameters_close(&parameters);
		return false;
	}
	const struct population_options options = {.definitions = p->definitions,
						   .extractor = parameters.set->extractor,
						   .revision = parameters.set->revision,
						   .store = p->store,
						   .ehrs = p->ehrs,
						   .ehr_count = p->ehr_count,
						   .charlson = p->charlson,
						   .normaliser = p->normaliser,
						   .pull = true,
						   .score = true,
						   .write = p->write,
						   .progress = show_progress,
						   .progress_ctx = p};
	bool ok = population_run(&options, a, ret_result, err);
	store_parameters_close(&parameters);
	progress_clear(&p->progress);
	p->step = NULL;
	return ok;
}

struct pipeline_totals pipeline_totals(const struct population_result *result)
{
	struct pipeline_totals t = {0};
	for (size_t i = 0; i < result->ehr_count; i++) {
		const struct population_ehr *e = &result->ehrs[i];
		t.patients += e->patients;
		for (size_t k = 0; k < e->type_count; k++)
			t.resources += e->types[k].count;
		t.created += e->created;
		t.updated += e->updated;
		t.unchanged += e->unchanged;
		t.refused += e->refused;
		t.failed += e->failed;
		t.read_back += e->read_back;
		t.changed += e->changed;
		t.rejected += e->rejected;
		t.ehr_problems += e->problem.p != NULL;
	}
	for (size_t i = 0; i < result->patient_count; i++) {
		t.scored += result->patients[i].scored;
		t.unverified += result->patients[i].scored && result->patients[i].unverified;
		t.conflicts += result->patients[i].conflicts;
	}
	return t;
}

bool pipeline_succeeded(const struct population_result *result)
{
	struct pipeline_totals t = pipeline_totals(result);
	return t.ehr_problems == 0 && t.failed == 0 && t.rejected == 0 && t.scored == t.patients &&
	       t.read_back >= t.created + t.updated;
}

static void count_scores(const struct population_result *result, size_t ret_counts[SCORE_LIMIT])
{
	memset(ret_counts, 0, SCORE_LIMIT * sizeof(*ret_counts));
	for (size_t i = 0; i < result->patient_count; i++) {
		const struct population_patient *p = &result->patients[i];
		if (p->scored && p->score >= 0 && p->score < SCORE_LIMIT)
			ret_counts[p->score]++;
	}
}

/* ---- for people ---------------------------------------------------------------------------------------------------
 */

static void print_ehr(const struct app *app, const struct population_ehr *e)
{
	size_t resources = 0;
	for (size_t i = 0; i < e->type_count; i++)
		resources += e->types[i].count;
	printf("%-20.*s %-8s %8zu %9zu %8zu %8zu %9zu %8zu %7zu %9zu\n", STR_ARG(e->name), ehr_vendor_name(e->vendor),
	       e->patients, resources, e->created, e->updated, e->unchanged, e->refused, e->failed, e->read_back);
	if (e->problem.p)
		printf("  %s%.*s%s\n", app_style(app, STYLE_BAD), STR_ARG(e->problem), app_style(app, STYLE_PLAIN));
}

static void print_types(const struct population_result *result)
{
	for (size_t i = 0; i < result->ehr_count; i++) {
		const struct population_ehr *e = &result->ehrs[i];
		printf("  %.*s:", STR_ARG(e->name));
		for (size_t k = 0; k < e->type_count; k++)
			printf("%s %zu %.*s", k ? "," : "", e->types[k].count, STR_ARG(e->types[k].type));
		printf(" (%zu new or changed)\n", e->changed);
		if (e->withdrawn)
			printf("    %zu were entered in error at the EHR and are not kept here\n", e->withdrawn);
		if (e->findings)
			printf("    %zu are not quite R4 and were kept as they are\n", e->findings);
		if (e->rejected)
			printf("    %zu could not be kept\n", e->rejected);
	}
}

static void print_scores(const struct app *app, const struct population_result *result)
{
	size_t counts[SCORE_LIMIT], most = 1;
	count_scores(result, counts);
	for (size_t i = 0; i < SCORE_LIMIT; i++) {
		if (counts[i] > most)
			most = counts[i];
	}
	printf("\n%sCharlson score   patients%s\n", app_style(app, STYLE_BOLD), app_style(app, STYLE_PLAIN));
	for (size_t i = 0; i < SCORE_LIMIT; i++) {
		if (!counts[i])
			continue;
		char bar[41];
		size_t n = (counts[i] * (sizeof(bar) - 1) + most - 1) / most;
		memset(bar, '#', n);
		bar[n] = 0;
		printf("%14zu   %8zu  %s\n", i, counts[i], bar);
	}
}

static void print_problems(const struct population_result *result)
{
	enum { SHOWN = 10 };
	size_t count = 0;
	for (size_t i = 0; i < result->patient_count; i++) {
		const struct population_patient *p = &result->patients[i];
		if (p->problem.p && count++ < SHOWN)
			printf("%s  %.*s, patient %.*s (%s): %.*s\n", count == 1 ? "\n" : "", STR_ARG(p->ehr),
			       STR_ARG(p->vendor_id), population_decision_name(p->decision), STR_ARG(p->problem));
	}
	if (count > SHOWN)
		printf("  and %zu more like these\n", count - SHOWN);
}

void pipeline_print(const struct app *app, const struct population_result *result)
{
	printf("%s%-20s %-8s %8s %9s %8s %8s %9s %8s %7s %9s%s\n", app_style(app, STYLE_BOLD), "EHR", "vendor",
	       "patients", "resources", "created", "updated", "unchanged", "refused", "failed", "read back",
	       app_style(app, STYLE_PLAIN));
	for (size_t i = 0; i < result->ehr_count; i++)
		print_ehr(app, &result->ehrs[i]);
	print_types(result);
	print_scores(app, result);
	print_problems(result);
	struct pipeline_totals t = pipeline_totals(result);
	if (t.conflicts)
		printf("\n%zu Flags had changed at the EHR in between; each was read again and decided anew.\n",
		       t.conflicts);
	if (t.unverified)
		printf("\n%zu scores rest on rows of the SNOMED map that are not fully verified.\n", t.unverified);
}

/* ---- for programs -------------------------------------------------------------------------------------------------
 */

static void put_count(struct json_writer *w, struct str key, size_t value)
{
	json_key(w, key);
	json_put_i64(w, (int64_t)value);
}

/* What normalising did, by rule. */
static void write_rules(struct json_writer *w, const struct population_ehr *e)
{
	json_key(w, S("normalised"));
	json_object_begin(w);
	for (size_t i = 0; i < NORMAL_RULES; i++)
		if (e->normalised[i])
			put_count(w, str_from(normal_rule_name((enum normal_rule)i)), e->normalised[i]);
	json_object_end(w);
}

static void write_ehr(struct json_writer *w, const struct population_ehr *e)
{
	json_object_begin(w);
	json_put_member(w, S("name"), e->name);
	json_put_member(w, S("vendor"), str_from(ehr_vendor_name(e->vendor)));
	put_count(w, S("patients"), e->patients);
	json_key(w, S("resources"));
	json_object_begin(w);
	for (size_t i = 0; i < e->type_count; i++)
		put_count(w, e->types[i].type, e->types[i].count);
	json_object_end(w);
	put_count(w, S("changed"), e->changed);
	put_count(w, S("withdrawn"), e->withdrawn);
	put_count(w, S("not_quite_r4"), e->findings);
	put_count(w, S("rejected"), e->rejected);
	put_count(w, S("merged"), e->merged);
	write_rules(w, e);
	put_count(w, S("created"), e->created);
	put_count(w, S("updated"), e->updated);
	put_count(w, S("unchanged"), e->unchanged);
	put_count(w, S("refused"), e->refused);
	put_count(w, S("failed"), e->failed);
	put_count(w, S("read_back"), e->read_back);
	json_put_member(w, S("problem"), e->problem);
	json_object_end(w);
}

static void write_person(struct json_writer *w, const struct population_patient *p)
{
	json_object_begin(w);
	json_put_member(w, S("ehr"), p->ehr);
	json_put_member(w, S("id"), p->vendor_id);
	json_put_member(w, S("local_id"), p->local_id);
	put_count(w, S("resources"), p->resources);
	if (p->scored) {
		json_key(w, S("score"));
		json_put_i64(w, p->score);
		json_key(w, S("unverified"));
		json_put_bool(w, p->unverified);
	}
	json_put_member(w, S("decision"), str_from(population_decision_name(p->decision)));
	json_put_member(w, S("flag"), p->flag_id);
	json_put_member(w, S("flag_version"), p->flag_version);
	json_key(w, S("read_back"));
	json_put_bool(w, p->read_back);
	put_count(w, S("conflicts"), p->conflicts);
	json_put_member(w, S("problem"), p->problem);
	json_object_end(w);
}

void pipeline_write(struct json_writer *w, const struct population_result *result, bool people)
{
	struct pipeline_totals t = pipeline_totals(result);
	size_t counts[SCORE_LIMIT];
	json_key(w, S("ehrs"));
	json_array_begin(w);
	for (size_t i = 0; i < result->ehr_count; i++)
		write_ehr(w, &result->ehrs[i]);
	json_array_end(w);
	put_count(w, S("patients"), t.patients);
	put_count(w, S("scored"), t.scored);
	put_count(w, S("scores_unverified"), t.unverified);
	count_scores(result, counts);
	json_key(w, S("scores"));
	json_object_begin(w);
	for (size_t i = 0; i < SCORE_LIMIT; i++) {
		char key[16];
		if (counts[i])
			put_count(w, str_make(key, (size_t)snprintf(key, sizeof(key), "%zu", i)), counts[i]);
	}
	json_object_end(w);
	put_count(w, S("conflicts"), t.conflicts);
	if (!people)
		return;
	json_key(w, S("people"));
	json_array_begin(w);
	for (size_t i = 0; i < result->patient_count; i++)
		write_person(w, &result->patients[i]);
	json_array_end(w);
}

/* ---- the command --------------------------------------------------------------------------------------------------
 */

static bool write_json(const struct app *app, const struct population_result *result, bool people, double seconds)
{
	struct buf out;
	char number[40];
	buf_init(&out, (size_t)1 << 30);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	pipeline_write(&w, result, people);
	json_key(&w, S("seconds"));
	json_put_raw(&w, str_make(number, (size_t)snprintf(number, sizeof(number), "%.3f", seconds)));
	json_object_end(&w);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok;
}

static int run(struct app *app, const struct config *config, const struct option_list *names, struct pipeline *p,
	       bool people)
{
	struct error err = {0};
	struct population_result result;
	uint64_t start = clock_monotonic_ns();
	if (!pipeline_open(p, app, config, names, &err) || !pipeline_run(p, &app->arena, &result, &err))
		return app_fail(app, &err);
	double seconds = (double)(clock_monotonic_ns() - start) / 1e9;
	if (app->json && !write_json(app, &result, people, seconds))
		return APP_FAILED;
	if (!app->json) {
		pipeline_print(app, &result);
		printf("\n%.1f s\n", seconds);
	}
	return pipeline_succeeded(&result) ? APP_OK : APP_FAILED;
}

static bool people_log_in(const struct config *config)
{
	for (size_t i = 0; i < config->ehr_count; i++)
		if (config->ehrs[i].login_client_id.n && !ehr_config_is_backend(&config->ehrs[i]))
			return true;
	return false;
}

int command_pipeline_run(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct option_list names = {0};
	struct error err = {0};
	bool no_write = false, people = false;
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {
		CONFIG_OPTIONS(shared, config),
		{"ehr", OPTION_LIST, "NAME", "only these EHRs (default: all that are configured)", &names},
		{"no-write", OPTION_FLAG, NULL, "pull and score, but write nothing back", &no_write},
		{"people", OPTION_FLAG, NULL, "with --format json: one entry a patient too", &people},
	};
	if (!app_options(app, &(struct command_line){OPTIONS(options)}) || !config_finish(app, &config, &shared))
		return app->status;
	struct pipeline p = {.write = !no_write};
	p.store =
		store_open(config_store(&config), &(struct store_options){.definitions = definitions_builtin()}, &err);
	struct login_place place = {0};
	bool ok = p.store && (!people_log_in(&config) || login_place_over(&place, app, &config, p.store, &err));
	p.logins = place.logins;
	p.budgets = ok ? login_budgets_open(app, &config, p.store, &err) : NULL;
	ok = ok && p.budgets;
	int status = ok ? run(app, &config, &names, &p, people) : app_fail(app, &err);
	pipeline_close(&p);
	ehr_budgets_close(p.budgets);
	login_place_close(&place);
	if (p.store)
		store_close(p.store);
	return status;
}
