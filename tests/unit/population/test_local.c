/* Resources of an EHR made ours: ids, references, meta, names; and every recorded resource when FIRTH_ASSETS names a
 * directory that has recordings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <glob.h>
#include <cmocka.h>

#include "base/file.h"
#include "population/population_priv.h"

struct world {
	struct arena arena;
	struct ehr_config config;
	struct population_options options;
	struct population_run run;
	struct population_ehr run_ehr;
};

static int setup(void **state)
{
	struct error err = {0};
	struct world *w = calloc(1, sizeof *w);
	arena_init(&w->arena, ARENA_NO_CAP);
	w->config = (struct ehr_config){
		.name = S("main"), .vendor = EHR_CERNER, .base_url = S("https://ehr.example/r4/tenant")};
	w->options.definitions = definitions_builtin();
	w->options.extractor = extractor_new(definitions_builtin(), &err);
	w->options.normaliser = normaliser_new(definitions_builtin(), &err);
	w->run_ehr = (struct population_ehr){0};
	assert_non_null(w->options.normaliser);
	assert_non_null(w->options.extractor);
	w->run = (struct population_run){
		.options = &w->options, .config = &w->config, .a = &w->arena, .ehr = &w->run_ehr};
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	extractor_free((struct extractor *)w->options.extractor);
	normaliser_free((struct normaliser *)w->options.normaliser);
	arena_done(&w->arena);
	free(w);
	return 0;
}

static const struct json *parse(struct world *w, const char *text)
{
	struct error err = {0};
	const struct json *j = json_parse(&w->arena, str_from(text), 0, &err);
	if (!j)
		fail_msg("%s", err.text);
	return j;
}

static struct ehr_resource theirs(const struct json *resource)
{
	return (struct ehr_resource){.resource = resource,
				     .type = json_get_str(resource, S("resourceType")),
				     .id = json_get_str(resource, S("id"))};
}

static void everything_local_is_renamed_and_nothing_else(void **state)
{
	struct world *w = *state;
	struct error err = {0};
	struct population_kept kept;
	struct ehr_resource r = theirs(parse(
		w,
		"{\"resourceType\":\"Encounter\",\"id\":\"e1\",\"status\":\"finished\",\"class\":{\"code\":\"AMB\"},"
		"\"meta\":{\"versionId\":\"9\",\"lastUpdated\":\"2020-01-01T00:00:00Z\",\"source\":\"x\",\"profile\":["
		"\"http://example.org/p\"],\"tag\":[{\"code\":\"theirs\"}]},"
		"\"contained\":[{\"resourceType\":\"Location\",\"id\":\"l\"}],"
		"\"subject\":{\"reference\":\"Patient/12/_history/3\",\"display\":\"N\"},"
		"\"serviceProvider\":{\"reference\":\"https://ehr.example/r4/tenant/Organization/7\"},"
		"\"partOf\":{\"reference\":\"https://other.example/r4/Encounter/7\"},"
		"\"location\":[{\"location\":{\"reference\":\"#l\"}}],"
		"\"basedOn\":[{\"reference\":\"urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7\"},{\"display\":\"x\"}]"
		"}"));
	assert_true(population_adapt(&w->run, &w->arena, &r, &kept, &err));
	assert_false(kept.findings);
	assert_true(str_is(kept.change.id, "main.e1"));
	assert_true(str_is(
		kept.change.stored,
		"{\"resourceType\":\"Encounter\",\"id\":\"main.e1\",\"meta\":{\"profile\":[\"http://example.org/p\"],"
		"\"source\":\"https://ehr.example/r4/tenant/Encounter/e1\",\"tag\":[{\"code\":\"theirs\"},{\"system\":"
		"\"" POPULATION_SOURCE_SYSTEM "\",\"code\":\"main\"},{\"system\":\"" POPULATION_VENDOR_SYSTEM
		"\",\"code\":\"cerner\"}]},\"status\":\"finished\",\"class\":{\"code\":\"AMB\"},"
		"\"contained\":[{\"resourceType\":\"Location\",\"id\":\"l\"}],"
		"\"subject\":{\"reference\":\"Patient/main.12\",\"display\":\"N\"},"
		"\"serviceProvider\":{\"reference\":\"Organization/main.7\"},"
		"\"partOf\":{\"reference\":\"https://other.example/r4/Encounter/7\"},"
		"\"location\":[{\"location\":{\"reference\":\"#l\"}}],"
		"\"basedOn\":[{\"reference\":\"urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7\"},{\"display\":\"x\"}]"
		"}"));
	bool found = false;
	for (size_t i = 0; i < kept.change.row_count; i++)
		found = found || (str_is(kept.change.rows[i].param->code, "subject") &&
				  str_is(kept.change.rows[i].ref_id, "main.12"));
	assert_true(found);
}

static void a_version_of_theirs_alone_changes_no_byte(void **state)
{
	struct world *w = *state;
	struct error err = {0};
	struct population_kept one, two;
#define VERSIONED(v)                                                                                                   \
	"{\"resourceType\":\"Patient\",\"id\":\"1\",\"meta\":{\"versionId\":\"" v "\",\"lastUpdated\":\"2020-01-0" v   \
	"T00:00:00Z\"},\"active\":true}"
	struct ehr_resource a = theirs(parse(w, VERSIONED("1"))), b = theirs(parse(w, VERSIONED("2")));
	assert_true(population_adapt(&w->run, &w->arena, &a, &one, &err));
	assert_true(population_adapt(&w->run, &w->arena, &b, &two, &err));
	assert_true(str_eq(one.change.stored, two.change.stored));
}

static void decimals_keep_their_digits(void **state)
{
	struct world *w = *state;
	struct error err = {0};
	struct population_kept kept;
	struct ehr_resource r = theirs(parse(
		w, "{\"resourceType\":\"Observation\",\"id\":\"1\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"
		   "\"valueQuantity\":{\"value\":0.010000000000000000000000000001}}"));
	assert_true(population_adapt(&w->run, &w->arena, &r, &kept, &err));
	assert_true(str_find(kept.change.stored, S("0.010000000000000000000000000001")) != STR_NONE);
}

static void a_type_unknown_to_r4_is_refused(void **state)
{
	struct world *w = *state;
	struct error err = {0};
	struct population_kept kept;
	struct ehr_resource r = theirs(parse(w, "{\"resourceType\":\"CriteriaReview\",\"id\":\"1\"}"));
	assert_false(population_adapt(&w->run, &w->arena, &r, &kept, &err));
	assert_int_equal(err.code, ERR_UNKNOWN_TYPE);
}

static void names_are_chosen_for_people(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *patient, *name;
	} cases[] = {
		{"{\"name\":[{\"use\":\"old\",\"family\":\"A\"},{\"use\":\"usual\",\"family\":\"B\"},{\"use\":"
		 "\"official\",\"family\":\"C \",\"given\":[\"D\",\" \",\"E\"]}]}",
		 "C, D E"},
		{"{\"name\":[{\"use\":\"official\",\"family\":\"A\",\"period\":{\"end\":\"2000\"}},{\"family\":\"B\"}]"
		 "}",
		 "B"},
		{"{\"name\":[{\"given\":[\"D\"]}]}", "D"},
		{"{\"name\":[{\"text\":\"Whole Name\"}]}", "Whole Name"},
		{"{\"name\":7}", ""},
		{"{}", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_true(str_is(population_display_name(&w->arena, parse(w, cases[i].patient)), cases[i].name));
}

static void another_patient_is_noticed(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *resource;
		bool foreign;
	} cases[] = {
		{"{\"subject\":{\"reference\":\"Patient/1\"}}", false},
		{"{\"patient\":{\"reference\":\"https://ehr.example/r4/tenant/Patient/1/_history/2\"}}", false},
		{"{\"patient\":{\"reference\":\"Patient/2\"}}", true},
		{"{\"subject\":{\"reference\":\"Patient/11\"}}", true},
		{"{\"subject\":{\"reference\":\"Group/2\"}}", false},
		{"{\"subject\":{\"display\":\"x\"}}", false},
		{"{}", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(population_is_foreign(&w->run, parse(w, cases[i].resource), S("1")), cases[i].foreign);
}

/* ---- recordings ---------------------------------------------------------------------------------------------------
 */

struct tally {
	size_t resources, findings;
};

static void adapt_recorded(struct world *w, const struct json *resource, struct tally *tally)
{
	struct error err = {0};
	struct population_kept kept;
	struct ehr_resource r = theirs(resource);
	if (!r.id.n || str_is(r.type, "OperationOutcome"))
		return;
	if (!population_adapt(&w->run, &w->arena, &r, &kept, &err))
		fail_msg("%.*s: %s", STR_ARG(r.type), err.text);
	if (kept.withdrawn)
		return;
	assert_true(fhir_id_valid(kept.change.id));
	assert_true(kept.change.row_count > 0);
	assert_true(str_find(kept.change.stored, S("\"reference\":\"Patient/1")) == STR_NONE); /* all renamed */
	assert_true(str_find(kept.change.stored, S("\"reference\":\"Patient/e")) == STR_NONE);
	tally->resources++;
	tally->findings += kept.findings;
}

static void adapt_capture(struct world *w, const char *path, struct tally *tally)
{
	struct error err = {0};
	struct str text;
	assert_true(file_read(&w->arena, str_from(path), 64 << 20, &text, &err));
	const struct json *body = json_get(json_parse(&w->arena, text, 0, &err), S("body"));
	if (str_is(json_get_str(body, S("resourceType")), "Patient"))
		adapt_recorded(w, body, tally);
	struct json_iter it = json_iter(json_get(body, S("entry")));
	while (json_next(&it))
		adapt_recorded(w, json_get(it.value, S("resource")), tally);
}

static void every_recorded_resource_can_be_kept(void **state)
{
	struct world *w = *state;
	const char *dir = getenv("FIRTH_ASSETS");
	struct tally tally = {0};
	glob_t files;
	char pattern[512];
	snprintf(pattern, sizeof pattern, "%s/ehr-captures/*/phase-b*.json", dir && *dir ? dir : "/nowhere");
	if (!dir || glob(pattern, 0, NULL, &files) != 0) {
		print_message("skipped: FIRTH_ASSETS names no recordings\n");
		return;
	}
	for (size_t i = 0; i < files.gl_pathc; i++)
		adapt_capture(w, files.gl_pathv[i], &tally);
	globfree(&files);
	print_message("%zu recorded resources, %zu not quite R4\n", tally.resources, tally.findings);
	assert_true(tally.resources > 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(everything_local_is_renamed_and_nothing_else),
		T(a_version_of_theirs_alone_changes_no_byte),
		T(decimals_keep_their_digits),
		T(a_type_unknown_to_r4_is_refused),
		T(names_are_chosen_for_people),
		T(another_patient_is_noticed),
		T(every_recorded_resource_can_be_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
