/* Whole runs against a tiny EHR and a real store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ftw.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "population/population_priv.h"
#include "tiny_ehr.h"

#define PATIENT(id, family, given)                                                                                     \
	"{\"resourceType\":\"Patient\",\"id\":\"" id "\",\"name\":[{\"use\":\"official\",\"family\":\"" family         \
	"\",\"given\":[\"" given "\",\"Q.\"],\"prefix\":[\"Mr.\"]}],\"gender\":\"male\",\"birthDate\":\"1950-02-03\"," \
	"\"identifier\":[{\"type\":{\"text\":\"EPI\"},\"value\":\"M" id "\"}]}"
#define CONDITION(id, patient, icd10, more)                                                                            \
	"{\"resourceType\":\"Condition\",\"id\":\"" id "\",\"subject\":{\"reference\":\"Patient/" patient              \
	"\"},\"code\":{\"coding\":[{\"system\":\"http://hl7.org/fhir/sid/icd-10-cm\",\"code\":\"" icd10 "\"}]}" more   \
	"}"
#define DAY_MS (86400 * (int64_t)1000)

struct world {
	char dir[64], roster[96];
	struct store *store;
	struct extractor *extractor;
	struct charlson *charlson;
	struct normaliser *normaliser;
	struct arena arena;
	struct tiny_ehr ehr;
	struct ehr_client *client;
	struct population_result result;
};

static int64_t now; /* the pipeline's clock */

static int64_t tell_time(void)
{
	return now;
}

static void no_sleep(unsigned ms)
{
	(void)ms;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void open_client(struct world *w, enum ehr_vendor vendor, const char *roster)
{
	struct error err = {0};
	assert_true(file_write(str_from(w->roster), str_from(roster), 0600, &err));
	const struct ehr_config config = {
		.name = S("main"), .vendor = vendor, .base_url = S(TINY_BASE), .roster = str_from(w->roster)};
	ehr_close(w->client);
	w->client = ehr_open(
		&config,
		&(struct ehr_client_options){
			.transport = &w->ehr.transport, .audit = w->store, .sleep_ms = no_sleep, .max_attempts = 2},
		&err);
	assert_non_null(w->client);
}

static int setup(void **state)
{
	struct error err = {0};
	struct world *w = calloc(1, sizeof *w);
	snprintf(w->dir, sizeof w->dir, "/tmp/firth-test-population-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->roster, sizeof w->roster, "%s/roster", w->dir);
	char data[96];
	snprintf(data, sizeof data, "%s/data", w->dir);
	arena_init(&w->arena, 256 << 20);
	w->store = store_open(str_from(data), &(struct store_options){.definitions = definitions_builtin()}, &err);
	if (!w->store)
		fail_msg("%s", err.text);
	w->extractor = extractor_new(definitions_builtin(), &err);
	w->charlson = charlson_builtin(&w->arena, &err);
	w->normaliser = normaliser_new(definitions_builtin(), &err);
	assert_non_null(w->normaliser);
	assert_non_null(w->extractor);
	assert_non_null(w->charlson);
	tiny_start(&w->ehr);
	tiny_add(&w->ehr, PATIENT("p1", "M\xC3\xBCller", "Anna"));
	tiny_add(&w->ehr, CONDITION("c1", "p1", "I50.9", ""));
	now = 1764000000000; /* 2025-11-24 */
	open_client(w, EHR_EPIC, "p1\n");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	ehr_close(w->client);
	store_close(w->store);
	extractor_free(w->extractor);
	normaliser_free(w->normaliser);
	arena_done(&w->arena);
	nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

static const struct population_patient *run(struct world *w)
{
	struct error err = {0};
	const struct population_options options = {
		.definitions = definitions_builtin(),
		.extractor = w->extractor,
		.store = w->store,
		.ehrs = &w->client,
		.ehr_count = 1,
		.charlson = w->charlson,
		.normaliser = w->normaliser,
		.pull = true,
		.score = true,
		.write = true,
		.now_ms = tell_time,
	};
	if (!population_run(&options, &w->arena, &w->result, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < w->result.patient_count; i++)
		if (w->result.patients[i].problem.p)
			print_message("   %s\n", w->result.patients[i].problem.p);
	return w->result.patients;
}

static const struct json *stored(struct world *w, struct str type, struct str id, int64_t *ret_version)
{
	struct store_entry entry;
	struct error err = {0};
	if (!store_read(w->store, &w->arena, definitions_resource(definitions_builtin(), type), id, 0, &entry, &err))
		return NULL;
	if (ret_version)
		*ret_version = entry.version;
	return json_parse(&w->arena, entry.body, 0, &err);
}

static void check_flag(struct world *w, const char *code, const char *start)
{
	const char *body = tiny_flag(&w->ehr)->body;
	assert_non_null(strstr(body, code));
	assert_non_null(strstr(body, start));
}

/* ---- the usual story ----------------------------------------------------------------------------------------------
 */

static void a_run_pulls_scores_writes_and_reads_back(void **state)
{
	struct world *w = *state;
	tiny_add(&w->ehr,
		 "{\"resourceType\":\"Observation\",\"id\":\"o1\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"
		 "\"subject\":{\"reference\":\"" TINY_BASE "/Patient/p1/_history/4\"}}");
	const struct population_patient *p = run(w);
	assert_int_equal(w->result.patient_count, 1);
	assert_null(p->problem.p);
	assert_true(str_is(p->local_id, "main.p1"));
	assert_true(str_is(p->name, "M\xC3\xBCller, Anna Q."));
	assert_true(str_is(p->mrn, "Mp1"));
	assert_int_equal(p->resources, 3); /* the Condition came by two searches and counts once */
	assert_int_equal(p->changed, 3);
	assert_true(p->scored);
	assert_int_equal(p->score, 2); /* heart failure, Quan 2011 */
	assert_int_equal(p->decision, POPULATION_CREATED);
	assert_true(p->read_back);
	assert_int_equal(w->ehr.creates, 1);
	check_flag(w, "Charlson comorbidity index 2 (Quan 2011 weights)", "\"start\":\"2025-11-24\"");
	const struct json *condition = stored(w, S("Condition"), S("main.c1"), NULL);
	assert_true(str_is(json_get_str(json_get(condition, S("subject")), S("reference")), "Patient/main.p1"));
	assert_true(str_is(json_get_str(json_get(condition, S("meta")), S("source")), TINY_BASE "/Condition/c1"));
	const struct json *observation = stored(w, S("Observation"), S("main.o1"), NULL);
	assert_true(str_is(json_get_str(json_get(observation, S("subject")), S("reference")), "Patient/main.p1"));
}

static void a_second_run_changes_nothing(void **state)
{
	struct world *w = *state;
	struct str first_flag = arena_str(&w->arena, run(w)->flag_id);
	int64_t version = 0;
	now += DAY_MS;
	const struct population_patient *p = run(w);
	assert_int_equal(p->changed, 0);
	assert_non_null(stored(w, S("Condition"), S("main.c1"), &version));
	assert_int_equal(version, 1);
	assert_int_equal(p->decision, POPULATION_UNCHANGED);
	assert_true(p->read_back);
	assert_true(str_eq(p->flag_id, first_flag));
	assert_int_equal(w->ehr.creates, 1);
	assert_int_equal(w->ehr.updates, 0);
	check_flag(w, "quan-2011-2", "2025-11-24"); /* the date of the score, not of the run */
	assert_int_equal(w->result.ehrs[0].unchanged, 1);
}

static void a_new_score_updates_with_the_version_read(void **state)
{
	struct world *w = *state;
	run(w);
	now += DAY_MS;
	tiny_add(&w->ehr, CONDITION("c2", "p1", "C78.0", ""));
	const struct population_patient *p = run(w);
	assert_int_equal(p->changed, 1);
	assert_true(p->score > 2);
	assert_int_equal(p->decision, POPULATION_UPDATED);
	assert_true(p->read_back);
	assert_int_equal(p->conflicts, 0);
	assert_int_equal(w->ehr.unguarded, 0);
	assert_int_equal(w->ehr.creates, 1);
	check_flag(w, "(Quan 2011 weights)", "2025-11-25");
	assert_true(str_is(p->flag_version, "2"));
}

static void what_became_an_error_counts_no_longer(void **state)
{
	struct world *w = *state;
	open_client(w, EHR_CERNER, "p1\n");
	tiny_add(&w->ehr, CONDITION("c2", "p1", "C78.0", ""));
	int before = run(w)->score;
	tiny_add(&w->ehr, CONDITION("c2", "p1", "C78.0",
				    ",\"verificationStatus\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/"
				    "CodeSystem/condition-ver-status\",\"code\":\"entered-in-error\"}]}"));
	const struct population_patient *p = run(w);
	assert_true(before > 2);
	assert_int_equal(p->score, 2);
	assert_int_equal(p->withdrawn, 1);
	assert_null(stored(w, S("Condition"), S("main.c2"), NULL));
	p = run(w);
	assert_int_equal(p->changed, 0);
}

static void what_is_not_shown_any_more_counts_no_longer(void **state)
{
	struct world *w = *state;
	tiny_add(&w->ehr, CONDITION("c2", "p1", "C78.0", ""));
	assert_true(run(w)->score > 2);
	tiny_find(&w->ehr, "Condition", "c2")->gone = true;
	const struct population_patient *p = run(w);
	assert_int_equal(p->withdrawn, 1);
	assert_int_equal(p->score, 2);
	assert_int_equal(p->decision, POPULATION_UPDATED);
	assert_null(stored(w, S("Condition"), S("main.c2"), NULL));
	w->ehr.broken_type = "Condition"; /* a failed search takes nothing away */
	run(w);
	assert_non_null(stored(w, S("Condition"), S("main.c1"), NULL));
}

/* ---- others write too ---------------------------------------------------------------------------------------------
 */

static void change_score(struct world *w)
{
	run(w);
	tiny_add(&w->ehr, CONDITION("c2", "p1", "C78.0", ""));
}

static void a_version_in_between_is_read_and_decided_again(void **state)
{
	struct world *w = *state;
	static const int statuses[] = {412, 409};
	for (size_t i = 0; i < 2; i++) {
		change_score(w);
		w->ehr.intrusions = 1;
		w->ehr.conflict_status = statuses[i];
		const struct population_patient *p = run(w);
		assert_int_equal(p->decision, POPULATION_UPDATED);
		assert_int_equal(p->conflicts, 1);
		assert_true(p->read_back);
		assert_non_null(strstr(tiny_flag(&w->ehr)->body, "Someone")); /* theirs is kept */
		tiny_find(&w->ehr, "Condition", "c2")->gone = true;
		assert_int_equal(w->ehr.unguarded, 0);
		if (i == 0) { /* back to the old score for the second round */
			tiny_add(&w->ehr, CONDITION("c2", "p1", "Z00.0", ""));
			tiny_find(&w->ehr, "Condition", "c2")->gone = false;
		}
	}
}

static void who_was_forestalled_with_the_same_leaves_it(void **state)
{
	struct world *w = *state;
	change_score(w);
	size_t updates = w->ehr.updates;
	w->ehr.intrusions = 1;
	w->ehr.intruder_agrees = true;
	const struct population_patient *p = run(w);
	assert_int_equal(p->decision, POPULATION_UNCHANGED);
	assert_int_equal(p->conflicts, 1);
	assert_true(p->read_back);
	assert_int_equal(w->ehr.updates, updates);
}

static void an_everlasting_quarrel_is_given_up(void **state)
{
	struct world *w = *state;
	change_score(w);
	size_t updates = w->ehr.updates;
	w->ehr.intrusions = 100;
	const struct population_patient *p = run(w);
	assert_int_equal(p->decision, POPULATION_FAILED);
	assert_int_equal(p->conflicts, 4);
	assert_int_equal(w->ehr.updates, updates);
	assert_non_null(p->problem.p);
}

static void an_inactive_flag_is_left_until_the_score_changes(void **state)
{
	struct world *w = *state;
	run(w);
	struct tiny_item *flag = tiny_flag(&w->ehr);
	struct str body = str_from(flag->body), active = S("\"status\":\"active\"");
	size_t at = str_find(body, active);
	struct str inactive =
		arena_printf(&w->arena, "%.*s\"status\":\"inactive\"%s", (int)at, body.p, body.p + at + active.n);
	tiny_add(&w->ehr, inactive.p);
	const struct population_patient *p = run(w);
	assert_int_equal(p->decision, POPULATION_UNCHANGED);
	assert_false(p->read_back);
	assert_int_equal(w->ehr.updates, 0);
	tiny_add(&w->ehr, CONDITION("c2", "p1", "C78.0", ""));
	assert_int_equal(run(w)->decision, POPULATION_UPDATED);
	assert_non_null(strstr(tiny_flag(&w->ehr)->body, "\"status\":\"active\""));
}

/* ---- EHRs that do not help ----------------------------------------------------------------------------------------
 */

static void refusals_are_told_and_the_run_goes_on(void **state)
{
	struct world *w = *state;
	static const struct {
		int status;
		const char *type, *body;
		bool writes_only;
	} cases[] = {
		{403, NULL, "", true},
		{404, "text/html", "<html>404</html>", false},
		{404, "application/json",
		 "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\"}]}", false},
		{404, "application/json", "{}", true},
		{405, NULL, "", true},
		{422, "application/fhir+json", "{}", true},
	};
	tiny_add(&w->ehr, PATIENT("p2", "Beta", "Bo"));
	open_client(w, EHR_EPIC, "p1\n# nobody\n\n p2 # second\np1\n");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		w->ehr.refuse_status = cases[i].status;
		w->ehr.refuse_type = cases[i].type;
		w->ehr.refuse_body = cases[i].body;
		w->ehr.refuse_writes_only = cases[i].writes_only;
		const struct population_patient *p = run(w);
		assert_int_equal(w->result.patient_count, 2);
		for (size_t k = 0; k < 2; k++) {
			assert_int_equal(p[k].decision, POPULATION_REFUSED);
			assert_non_null(p[k].problem.p);
			assert_true(p[k].scored);
		}
		assert_int_equal(w->result.ehrs[0].refused, 2);
		assert_int_equal(w->ehr.creates, 0);
	}
}

static void a_lost_answer_makes_no_second_flag(void **state)
{
	struct world *w = *state;
	w->ehr.lose_create = true;
	const struct population_patient *p = run(w);
	assert_int_equal(p->decision, POPULATION_CREATED);
	assert_true(p->read_back);
	tiny_flag(&w->ehr);
	assert_int_equal(run(w)->decision, POPULATION_UNCHANGED);
}

static void a_create_that_never_arrived_is_sent_again(void **state)
{
	struct world *w = *state;
	w->ehr.drop_create = true;
	const struct population_patient *p = run(w);
	assert_int_equal(p->decision, POPULATION_CREATED);
	tiny_flag(&w->ehr);
}

static void the_ledger_finds_what_searches_do_not(void **state)
{
	struct world *w = *state;
	run(w);
	w->ehr.hide_flags = true;
	assert_int_equal(run(w)->decision, POPULATION_UNCHANGED);
	w->ehr.hide_flags = false;
	w->ehr.broken_type = "Flag";
	assert_int_equal(run(w)->decision, POPULATION_UNCHANGED);
	tiny_flag(&w->ehr);
}

static void without_search_and_ledger_nothing_is_written(void **state)
{
	struct world *w = *state;
	w->ehr.broken_type = "Flag";
	assert_int_equal(run(w)->decision, POPULATION_FAILED);
	assert_int_equal(w->ehr.creates, 0);
}

static void a_deleted_flag_is_written_anew(void **state)
{
	struct world *w = *state;
	run(w);
	tiny_flag(&w->ehr)->gone = true;
	assert_int_equal(run(w)->decision, POPULATION_CREATED);
	assert_int_equal(tiny_count(&w->ehr, "Flag"), 2);
}

static void without_versions_the_content_is_compared(void **state)
{
	struct world *w = *state;
	w->ehr.without_versions = true;
	assert_int_equal(run(w)->decision, POPULATION_CREATED);
	assert_int_equal(run(w)->decision, POPULATION_UNCHANGED);
	tiny_add(&w->ehr, CONDITION("c2", "p1", "C78.0", ""));
	const struct population_patient *p = run(w);
	assert_int_equal(p->decision, POPULATION_UPDATED);
	assert_true(p->read_back);
	assert_null(p->flag_version.p);
	assert_int_equal(w->ehr.unguarded, 1);
}

static void a_server_that_drops_what_was_written_is_found_out(void **state)
{
	struct world *w = *state;
	w->ehr.drop_identifier = true;
	const struct population_patient *p = run(w);
	assert_int_equal(p->decision, POPULATION_CREATED);
	assert_false(p->read_back);
	assert_true(str_find(p->problem, S("identifier")) != STR_NONE);
	assert_int_equal(run(w)->decision, POPULATION_UNCHANGED); /* the ledger knows it */
	tiny_flag(&w->ehr);
}

static void flags_of_others_are_not_touched(void **state)
{
	struct world *w = *state;
	tiny_add(&w->ehr,
		 "{\"resourceType\":\"Flag\",\"id\":\"f\",\"status\":\"active\",\"code\":{\"text\":\"Fall risk\"},"
		 "\"subject\":{\"reference\":\"Patient/p1\"}}");
	tiny_add(&w->ehr, "{\"resourceType\":\"Flag\",\"id\":\"g\",\"status\":\"active\",\"code\":{\"text\":\"x\"},"
			  "\"identifier\":[{\"system\":\"" POPULATION_FLAG_SYSTEM
			  "\",\"value\":\"another-model\"}],\"subject\":{\"reference\":\"Patient/p1\"}}");
	assert_int_equal(run(w)->decision, POPULATION_CREATED);
	assert_int_equal(tiny_count(&w->ehr, "Flag"), 3);
	assert_int_equal(w->ehr.updates, 0);
}

/* ---- pulling what is not perfect ----------------------------------------------------------------------------------
 */

static void a_failing_type_does_not_stop_the_others(void **state)
{
	struct world *w = *state;
	w->ehr.broken_type = "Encounter";
	const struct population_patient *p = run(w);
	assert_true(str_find(p->problem, S("Encounter")) != STR_NONE);
	assert_int_equal(p->decision, POPULATION_CREATED);
}

static void half_the_problems_make_no_score(void **state)
{
	struct world *w = *state;
	w->ehr.broken_type = "Condition";
	const struct population_patient *p = run(w);
	assert_true(p->incomplete);
	assert_false(p->scored);
	assert_int_equal(p->decision, POPULATION_FAILED);
	assert_int_equal(w->ehr.creates, 0);
}

static void a_missing_patient_does_not_stop_the_others(void **state)
{
	struct world *w = *state;
	open_client(w, EHR_EPIC, "nobody\nPatient/p1\n");
	const struct population_patient *p = run(w);
	assert_int_equal(p[0].decision, POPULATION_FAILED);
	assert_true(str_find(p[0].problem, S("404")) != STR_NONE);
	assert_int_equal(p[1].decision, POPULATION_CREATED);
	assert_int_equal(w->result.ehrs[0].patients, 1);
}

static void a_merged_record_is_not_scored(void **state)
{
	struct world *w = *state;
	run(w);
	tiny_add(&w->ehr,
		 "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"active\":false,\"link\":[{\"type\":\"replaced-by\","
		 "\"other\":{\"reference\":\"Patient/p7\"}}]}");
	tiny_find(&w->ehr, "Condition", "c1")->gone = true; /* they went with it */
	const struct population_patient *p = run(w);
	assert_false(p->scored);
	assert_true(str_find(p->problem, S("merged")) != STR_NONE);
	assert_non_null(stored(w, S("Condition"), S("main.c1"), NULL));
	check_flag(w, "quan-2011-2", "2025-11-24");
}

static void row_13_a_merged_record_is_followed_to_the_one_that_replaced_it(void **state)
{
	struct world *w = *state;
	run(w);
	tiny_add(&w->ehr, PATIENT("p7", "Meyer", "Anna"));
	tiny_add(&w->ehr, CONDITION("c1", "p7", "I50.9", ""));
	tiny_add(&w->ehr,
		 "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"active\":false,\"link\":[{\"type\":\"replaced-by\","
		 "\"other\":{\"reference\":\"Patient/p7\"}}]}");
	const struct population_patient *p = run(w);
	assert_true(p->scored);
	assert_int_equal(p->score, 2);
	assert_true(str_is(p->vendor_id, "p7"));
	assert_true(str_is(p->merged_into, "p7"));
	assert_int_equal(w->result.ehrs[0].merged, 1);
	assert_null(stored(w, S("Patient"), S("main.p1"), NULL));
	assert_non_null(stored(w, S("Patient"), S("main.p7"), NULL));
	const struct json *c = stored(w, S("Condition"), S("main.c1"), NULL);
	assert_true(str_is(json_get_str(json_get(c, S("subject")), S("reference")), "Patient/main.p7"));
}

static void row_13_a_redirected_record_is_followed(void **state)
{
	struct world *w = *state;
	run(w);
	tiny_add(&w->ehr, PATIENT("p7", "Meyer", "Anna"));
	tiny_add(&w->ehr, CONDITION("c1", "p7", "I50.9", ""));
	w->ehr.moved_from = "p1";
	w->ehr.moved_to = "p7";
	const struct population_patient *p = run(w);
	assert_true(p->scored);
	assert_true(str_is(p->merged_into, "p7"));
	assert_null(stored(w, S("Patient"), S("main.p1"), NULL));
	assert_non_null(stored(w, S("Patient"), S("main.p7"), NULL));
}

static void redirects_in_a_circle_end(void **state)
{
	struct world *w = *state;
	w->ehr.moved_from = w->ehr.moved_to = "p1";
	const struct population_patient *p = run(w);
	assert_true(p->incomplete);
	assert_false(p->scored);
}

static void a_site_that_states_no_flags_is_sent_none(void **state)
{
	struct world *w = *state;
	w->ehr.statement = "{\"resourceType\":\"CapabilityStatement\",\"rest\":[{\"resource\":[{\"type\":\"Flag\","
			   "\"interaction\":[{\"code\":\"read\"}]}]}]}";
	const struct population_patient *p = run(w);
	assert_int_equal(p->decision, POPULATION_REFUSED);
	assert_true(str_find(p->problem, S("capability statement")) != STR_NONE);
	assert_int_equal(w->ehr.creates, 0);
	w->ehr.statement = "{\"resourceType\":\"CapabilityStatement\",\"rest\":[{\"resource\":[{\"type\":\"Flag\","
			   "\"interaction\":[{\"code\":\"create\"},{\"code\":\"update\"}]}]}]}";
	p = run(w);
	assert_int_equal(p->decision, POPULATION_CREATED);
}

static void a_merged_record_is_pulled_once(void **state)
{
	struct world *w = *state;
	tiny_add(&w->ehr, PATIENT("p7", "Meyer", "Anna"));
	tiny_add(&w->ehr,
		 "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"active\":false,\"link\":[{\"type\":\"replaced-by\","
		 "\"other\":{\"reference\":\"Patient/p7\"}}]}");
	open_client(w, EHR_CERNER, "p1\np7\n");
	const struct population_patient *p = run(w);
	assert_false(p[0].scored);
	assert_true(p[1].scored);
	assert_int_equal(tiny_count(&w->ehr, "Flag"), 1);
}

static void what_is_pulled_is_kept_in_one_form(void **state)
{
	struct world *w = *state;
	tiny_add(&w->ehr, "{\"resourceType\":\"Encounter\",\"id\":\"e1\",\"status\":\"finished\",\"class\":{\"system\":"
			  "\"urn:oid:2.16.840.1.113883.5.4\",\"code\":\"AMB\"},\"subject\":{\"reference\":\"" TINY_BASE
			  "/Patient/p1\"},\"period\":{\"start\":\"2020-01-02T03:04:05.000+00:00\"}}");
	run(w);
	const struct json *e = stored(w, S("Encounter"), S("main.e1"), NULL);
	assert_true(str_is(json_get_str(json_get(e, S("class")), S("system")),
			   "http://terminology.hl7.org/CodeSystem/v3-ActCode"));
	assert_true(str_is(json_get_str(json_get(e, S("period")), S("start")), "2020-01-02T03:04:05Z"));
	assert_true(str_is(json_get_str(json_get(e, S("subject")), S("reference")), "Patient/main.p1"));
	assert_int_equal(w->result.ehrs[0].normalised[NORMAL_SYSTEM], 1);
}

static void not_quite_r4_is_kept_and_counted(void **state)
{
	struct world *w = *state;
	tiny_add(&w->ehr, "{\"resourceType\":\"Encounter\",\"id\":\"e1\",\"status\":\"walked-off\",\"wrong\":1,"
			  "\"class\":{\"code\":\"AMB\"},\"subject\":{\"reference\":\"Patient/p1\"}}");
	const struct population_patient *p = run(w);
	assert_int_equal(p->rejected, 0);
	assert_true(p->findings >= 1);
	assert_non_null(stored(w, S("Encounter"), S("main.e1"), NULL));
}

static void what_belongs_to_another_patient_is_not_taken(void **state)
{
	struct world *w = *state;
	tiny_add(&w->ehr,
		 CONDITION("c9", "p9", "C78.0", ",\"evidence\":[{\"detail\":[{\"reference\":\"Patient/p1\"}]}]"));
	const struct population_patient *p = run(w);
	assert_int_equal(p->rejected, 1);
	assert_int_equal(p->score, 2);
	assert_null(stored(w, S("Condition"), S("main.c9"), NULL));
}

static void without_roster_the_ehr_has_a_problem(void **state)
{
	struct world *w = *state;
	unlink(w->roster);
	run(w);
	assert_int_equal(w->result.patient_count, 0);
	assert_true(str_find(w->result.ehrs[0].problem, S("roster")) != STR_NONE);
}

/* ---- ids and finding ----------------------------------------------------------------------------------------------
 */

static void local_ids_are_ids(void **state)
{
	struct world *w = *state;
	assert_true(str_is(population_local_id(&w->arena, S("epic-main"), S("eAbc3")), "epic-main.eAbc3"));
	struct str lengthy = S("eA_very_long_identifier_that_no_FHIR_server_should_give_but_some_do_anyway");
	struct str one = population_local_id(&w->arena, S("epic-main"), lengthy);
	struct str two = population_local_id(&w->arena, S("epic-main"), str_slice(lengthy, 0, lengthy.n - 1));
	assert_true(fhir_id_valid(one) && str_starts(one, S("epic-main.")));
	assert_false(str_eq(one, two));
	assert_true(str_eq(one, population_local_id(&w->arena, S("epic-main"), lengthy)));
}

static size_t find(struct world *w, const char *name, const char *ehr, struct population_match **ret_matches)
{
	struct error err = {0};
	size_t count = 0;
	if (!population_find(w->store, definitions_builtin(), &w->arena, str_from(name), str_from(ehr), 10, ret_matches,
			     &count, &err))
		fail_msg("%s", err.text);
	return count;
}

static void finds_by_the_start_of_names(void **state)
{
	struct world *w = *state;
	struct population_match *m;
	tiny_add(&w->ehr, PATIENT("p2", "Mulligan", "Bo"));
	open_client(w, EHR_EPIC, "p1\np2\n");
	run(w);
	assert_int_equal(find(w, "mul", NULL, &m), 2);
	assert_int_equal(find(w, "muller ANN", NULL, &m), 1);
	assert_true(str_is(m[0].local_id, "main.p1"));
	assert_true(str_is(m[0].ehr, "main"));
	assert_true(str_is(m[0].name, "M\xC3\xBCller, Anna Q."));
	assert_true(str_is(m[0].birth_date, "1950-02-03"));
	assert_true(str_is(m[0].sex, "male"));
	assert_true(str_is(m[0].mrn, "Mp1")); /* by Epic's rule, from the stored vendor */
	assert_int_equal(find(w, "mul", "main", &m), 2);
	assert_int_equal(find(w, "mul", "other", &m), 0);
	assert_int_equal(find(w, "ulligan", NULL, &m), 0);
	assert_int_equal(find(w, "mr", NULL, &m), 0); /* a prefix is no name */
	struct error err = {0};
	size_t count;
	assert_false(
		population_find(w->store, definitions_builtin(), &w->arena, S("  "), STR_NULL, 10, &m, &count, &err));
	assert_int_equal(err.code, ERR_USAGE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_run_pulls_scores_writes_and_reads_back),
		T(a_second_run_changes_nothing),
		T(a_new_score_updates_with_the_version_read),
		T(what_became_an_error_counts_no_longer),
		T(what_is_not_shown_any_more_counts_no_longer),
		T(a_version_in_between_is_read_and_decided_again),
		T(who_was_forestalled_with_the_same_leaves_it),
		T(an_everlasting_quarrel_is_given_up),
		T(an_inactive_flag_is_left_until_the_score_changes),
		T(refusals_are_told_and_the_run_goes_on),
		T(a_lost_answer_makes_no_second_flag),
		T(a_create_that_never_arrived_is_sent_again),
		T(the_ledger_finds_what_searches_do_not),
		T(without_search_and_ledger_nothing_is_written),
		T(a_deleted_flag_is_written_anew),
		T(without_versions_the_content_is_compared),
		T(a_server_that_drops_what_was_written_is_found_out),
		T(flags_of_others_are_not_touched),
		T(a_failing_type_does_not_stop_the_others),
		T(half_the_problems_make_no_score),
		T(a_missing_patient_does_not_stop_the_others),
		T(a_merged_record_is_not_scored),
		T(row_13_a_merged_record_is_followed_to_the_one_that_replaced_it),
		T(a_merged_record_is_pulled_once),
		T(row_13_a_redirected_record_is_followed),
		T(redirects_in_a_circle_end),
		T(a_site_that_states_no_flags_is_sent_none),
		T(what_is_pulled_is_kept_in_one_form),
		T(not_quite_r4_is_kept_and_counted),
		T(what_belongs_to_another_patient_is_not_taken),
		T(without_roster_the_ehr_has_a_problem),
		T(local_ids_are_ids),
		T(finds_by_the_start_of_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
