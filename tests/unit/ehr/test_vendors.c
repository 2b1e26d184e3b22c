/* What is told apart by vendor: record numbers, queries, names; and the recordings of both vendors' sandboxes when
 * FIRTH_ASSETS names a directory that has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <glob.h>
#include <cmocka.h>

#include "base/file.h"
#include "fhir/resource.h"
#include "fake.h"

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, ARENA_NO_CAP);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static const struct json *parse(const char *text)
{
	struct error err = {0};
	const struct json *j = json_parse(&arena, str_from(text), 0, &err);
	assert_non_null(j);
	return j;
}

static void names(void **state)
{
	(void)state;
	assert_int_equal(ehr_vendor_parse(S("Epic")), EHR_EPIC);
	assert_int_equal(ehr_vendor_parse(S("cerner")), EHR_CERNER);
	assert_int_equal(ehr_vendor_parse(S("hapi")), EHR_GENERIC);
	assert_string_equal(ehr_vendor_name(EHR_CERNER), "cerner");
}

static void record_numbers(void **state)
{
	(void)state;
	static const struct {
		enum ehr_vendor vendor;
		const char *patient, *mrn;
	} cases[] = {
		{EHR_EPIC,
		 "{\"identifier\":[{\"type\":{\"text\":\"EPIC\"},\"value\":\"E1\"},{\"type\":{\"text\":\"EPI\"},"
		 "\"value\":"
		 "\" 203 \"}]}",
		 "203"},
		{EHR_EPIC,
		 "{\"identifier\":[{\"type\":{\"text\":\"MRN\"},\"system\":"
		 "\"urn:oid:1.2.840.114350.1.13.861.2.7.5.737384.14\",\"value\":\"77\"}]}",
		 "77"},
		{EHR_EPIC, "{\"identifier\":[{\"type\":{\"text\":\"EPIC\"},\"value\":\"E1\"}]}", NULL},
		{EHR_CERNER,
		 "{\"identifier\":[{\"type\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/"
		 "v2-0203\","
		 "\"code\":\"MR\"}]},\"value\":\"community\"},{\"type\":{\"coding\":[{\"system\":"
		 "\"https://fhir.cerner.com/t/codeSet/4\",\"code\":\"10\"}]},\"value\":\"old\",\"period\":{\"end\":"
		 "\"2021-01-01\"}},{\"type\":{\"coding\":[{\"system\":\"https://fhir.cerner.com/t/codeSet/4\",\"code\":"
		 "\"10\"}]},\"value\":\"now\"}]}",
		 "now"},
		{EHR_CERNER,
		 "{\"identifier\":[{\"type\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/"
		 "v2-0203\","
		 "\"code\":\"MR\"}]},\"value\":\"community\"}]}",
		 "community"},
		{EHR_CERNER,
		 "{\"identifier\":[{\"type\":{\"coding\":[{\"system\":\"https://fhir.cerner.com/t/codeSet/"
		 "44\",\"code\":"
		 "\"10\"}]},\"value\":\"x\"}]}",
		 NULL},
		{EHR_GENERIC,
		 "{\"identifier\":[{\"value\":\"a\"},{\"type\":{\"coding\":[{\"system\":"
		 "\"http://terminology.hl7.org/CodeSystem/v2-0203\",\"code\":\"MR\"}]},\"value\":\"b\"}]}",
		 "b"},
		{EHR_GENERIC, "{\"identifier\":7}", NULL},
		{EHR_EPIC, "{}", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct str mrn = ehr_patient_mrn(cases[i].vendor, parse(cases[i].patient));
		assert_true(str_eq(mrn, str_from(cases[i].mrn)));
		assert_int_equal(mrn.p == NULL, cases[i].mrn == NULL);
	}
}

static void queries(void **state)
{
	(void)state;
	struct str q[8];
	assert_int_equal(ehr_pull_queries(EHR_EPIC, &arena, S("Condition"), S("e.1-x"), q, 8), 2);
	assert_true(str_is(q[0], "patient=e.1-x&category=problem-list-item"));
	assert_true(str_is(q[1], "patient=e.1-x&category=encounter-diagnosis"));
	assert_int_equal(ehr_pull_queries(EHR_EPIC, &arena, S("Condition"), S("1"), q, 1), 1);
	assert_int_equal(ehr_pull_queries(EHR_CERNER, &arena, S("Condition"), S("1"), q, 8), 1);
	assert_true(str_is(q[0], "patient=1"));
	assert_int_equal(ehr_pull_queries(EHR_CERNER, &arena, S("Flag"), S("1&x"), q, 8), 1);
	assert_true(str_is(q[0], "patient=1%26x"));
}

/* ---- recordings ---------------------------------------------------------------------------------------------------
 */

static const char *assets(void)
{
	const char *dir = getenv("FIRTH_ASSETS");
	if (!dir || !*dir)
		print_message("skipped: FIRTH_ASSETS is not set\n");
	return dir && *dir ? dir : NULL;
}

struct replay {
	const struct json *body;
	size_t calls;
	struct str second; /* what the client asked for after the first page */
};

/* The recorded page first, then an empty last page. */
static bool replay_call(void *ctx, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
			struct error *err)
{
	(void)err;
	struct replay *r = ctx;
	struct buf text;
	buf_init(&text, 64 << 20);
	struct json_writer w = json_writer(&text);
	if (r->calls++ == 0)
		json_put_value(&w, r->body);
	else {
		r->second = arena_str(&arena, call->url);
		buf_add(&text, S("{\"resourceType\":\"Bundle\"}"));
	}
	*ret_answer = (struct http_answer){
		.status = 200, .content_type = S("application/fhir+json"), .body = arena_str(a, buf_str(&text))};
	buf_done(&text);
	return true;
}

static void search_recording(enum ehr_vendor vendor, const struct json *capture)
{
	const struct json *body = json_get(capture, S("body"));
	struct str url = json_get_str(json_get(capture, S("_request")), S("url"));
	size_t question = str_find_char(url, '?', 0);
	size_t slash = str_rfind_char(str_slice(url, 0, question), '/');
	struct replay replay = {.body = body};
	const struct ehr_transport transport = {replay_call, &replay};
	const struct ehr_config config = {.name = S("rec"), .vendor = vendor, .base_url = str_slice(url, 0, slash)};
	struct error err = {0};
	struct ehr_failure failure = {0};
	struct ehr_matches matches;
	struct ehr_client *c = ehr_open(&config, &(struct ehr_client_options){.transport = &transport}, &err);
	assert_non_null(c);
	if (!ehr_search(c, &arena, str_slice(url, slash + 1, question), str_slice(url, question + 1, url.n), &matches,
			&failure))
		fail_msg("%s", failure.error.text);
	size_t expected = 0, outcomes = 0;
	struct json_iter it = json_iter(json_get(body, S("entry")));
	while (json_next(&it)) {
		bool outcome =
			str_is(json_get_str(json_get(it.value, S("resource")), S("resourceType")), "OperationOutcome");
		expected += !outcome;
		outcomes += outcome;
	}
	assert_int_equal(matches.count + matches.withdrawn_count + matches.duplicates, expected);
	assert_int_equal(matches.outcomes, outcomes);
	assert_int_equal(matches.skipped, 0);
	struct str next = resource_next_page(body);
	assert_int_equal(replay.calls, next.p ? 2 : 1);
	assert_true(str_eq(replay.second, next));
	ehr_close(c);
}

static void recordings_are_read_as_they_are(void **state)
{
	(void)state;
	const char *dir = assets();
	static const struct {
		const char *pattern;
		enum ehr_vendor vendor;
	} sets[] = {{"%s/ehr-captures/epic/*.json", EHR_EPIC}, {"%s/ehr-captures/cerner/*.json", EHR_CERNER}};
	size_t bundles = 0, paged = 0;
	for (size_t s = 0; dir && s < 2; s++) {
		glob_t files;
		char pattern[512];
		snprintf(pattern, sizeof pattern, sets[s].pattern, dir);
		if (glob(pattern, 0, NULL, &files) != 0)
			continue;
		for (size_t i = 0; i < files.gl_pathc; i++) {
			struct error err = {0};
			struct str text;
			assert_true(file_read(&arena, str_from(files.gl_pathv[i]), 64 << 20, &text, &err));
			const struct json *capture = json_parse(&arena, text, 0, &err);
			if (!capture)
				fail_msg("%s: %s", files.gl_pathv[i], err.text);
			const struct json *body = json_get(capture, S("body"));
			if (!str_is(json_get_str(body, S("resourceType")), "Bundle"))
				continue;
			search_recording(sets[s].vendor, capture);
			bundles++;
			paged += resource_next_page(body).p != NULL;
		}
		globfree(&files);
	}
	if (dir)
		print_message("%zu recorded searches, %zu with a next page\n", bundles, paged);
}

/* As the vendors' documentation of their test patients gives them. */
static void recorded_patients_have_their_record_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *file;
		enum ehr_vendor vendor;
		const char *mrn;
	} cases[] = {
		{"epic/phase-b-2026-04-26_patient.json", EHR_EPIC, "203711"},
		{"epic/phase-b-2026-04-26_patient-eq081-VQEgP8drUUqCWzHfw3.json", EHR_EPIC, "203711"},
		{"epic/phase-b-2026-04-26_patient-eD.LxhDyX35TntF77l7etUA3.json", EHR_EPIC, "203675"},
		{"cerner/phase-b-2026-04-27_patient-12724066.json", EHR_CERNER, "6930"},
		{"cerner/phase-b-2026-04-27_patient-12744580.json", EHR_CERNER, "8230"},
	};
	const char *dir = assets();
	for (size_t i = 0; dir && i < sizeof cases / sizeof cases[0]; i++) {
		struct error err = {0};
		struct str text, path = arena_printf(&arena, "%s/ehr-captures/%s", dir, cases[i].file);
		if (!file_read(&arena, path, 64 << 20, &text, &err)) {
			print_message("skipped: %s\n", cases[i].file);
			continue;
		}
		const struct json *capture = json_parse(&arena, text, 0, &err);
		struct str mrn = ehr_patient_mrn(cases[i].vendor, json_get(capture, S("body")));
		assert_true(str_is(mrn, cases[i].mrn));
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(names),
		T(record_numbers),
		T(queries),
		T(recordings_are_read_as_they_are),
		T(recorded_patients_have_their_record_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
