/* The Charlson index: the worked examples, hierarchy, code systems, mapped codes, withdrawn problems, broken tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "clinical/charlson.h"
#include "clinical/tsv.h"

#define ICD10CM "http://hl7.org/fhir/sid/icd-10-cm"
#define SNOMED	"http://snomed.info/sct"

struct fixture {
	struct arena arena;
	const struct charlson *charlson;
	const struct json *conditions[32];
	size_t count;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct error err = {0};
	f = (struct fixture){0};
	arena_init(&f.arena, 1 << 24);
	f.charlson = charlson_builtin(&f.arena, &err);
	assert_string_equal(err.text, "");
	assert_non_null(f.charlson);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	arena_done(&((struct fixture *)*state)->arena);
	return 0;
}

static void add_text(struct fixture *f, const char *text)
{
	struct error err = {0};
	const struct json *j = json_parse(&f->arena, str_from(text), 0, &err);
	assert_non_null(j);
	f->conditions[f->count++] = j;
}

static void add(struct fixture *f, struct str system, struct str code, const char *verification)
{
	struct str text =
		arena_printf(&f->arena,
			     "{\"resourceType\":\"Condition\",\"verificationStatus\":{\"coding\":[{\"system\":"
			     "\"http://terminology.hl7.org/CodeSystem/condition-ver-status\",\"code\":\"%s\"}]},"
			     "\"code\":{\"coding\":[{\"system\":\"%.*s\",\"code\":\"%.*s\"}]},\"subject\":{"
			     "\"reference\":\"Patient/1\"}}",
			     verification, STR_ARG(system), STR_ARG(code));
	add_text(f, text.p);
}

static struct charlson_score score(struct fixture *f)
{
	struct charlson_score s = {0};
	struct error err = {0};
	assert_true(charlson_score(f->charlson, &f->arena, f->conditions, f->count, &s, &err));
	return s;
}

static struct str read_file(struct fixture *f, const char *path)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	char *text = arena_alloc(&f->arena, 1 << 20);
	size_t n = fread(text, 1, 1 << 20, file);
	fclose(file);
	return str_make(text, n);
}

static bool names(const struct json *list, struct str name)
{
	struct json_iter it = json_iter(list);
	while (json_next(&it)) {
		if (str_eq(json_str(it.value), name))
			return true;
	}
	return false;
}

static void check_vector(struct fixture *f, const struct json *inputs, const struct json *expected)
{
	f->count = 0;
	struct json_iter it = json_iter(json_get(inputs, S("icd10cm")));
	while (json_next(&it))
		add(f, S(ICD10CM), json_str(it.value), "confirmed");
	struct charlson_score s = score(f);
	int64_t want = -1;
	assert_true(str_to_i64(json_number(json_get(expected, S("score_2011"))), &want));
	assert_int_equal(s.score, want);
	size_t standing = 0;
	for (size_t i = 0; i < s.evidence_count; i++)
		standing += names(json_get(expected, S("conditions")), s.evidence[i].condition);
	assert_int_equal(standing, json_size(json_get(expected, S("conditions"))));
	assert_false(s.unverified);
	assert_int_equal(s.unmapped, 0);
}

static void agrees_with_the_worked_examples(void **state)
{
	struct fixture *f = *state;
	static const char *const columns[] = {"id", "inputs_json", "expected"};
	struct tsv t;
	struct str row[3];
	struct error err = {0};
	size_t rows = 0;
	assert_true(tsv_open(&t, "vectors", read_file(f, DATA_DIR "/charlson_vectors.tsv"), columns, 3, &err));
	for (; tsv_next(&t, row, &err); rows++) {
		const struct json *inputs = json_parse(&f->arena, row[1], 0, &err);
		const struct json *expected = json_parse(&f->arena, row[2], 0, &err);
		assert_non_null(inputs);
		assert_non_null(expected);
		check_vector(f, inputs, expected);
	}
	assert_int_equal(err.code, ERR_NONE);
	assert_true(rows >= 5);
}

static void the_severe_form_silences_the_mild_one(void **state)
{
	struct fixture *f = *state;
	add(f, S(ICD10CM), S("K74.60"), "confirmed"); /* mild liver disease: 2 */
	assert_int_equal(score(f).score, 2);
	add(f, S(ICD10CM), S("K72.10"), "confirmed"); /* severe: 4, alone */
	struct charlson_score s = score(f);
	assert_int_equal(s.score, 4);
	assert_int_equal(s.evidence_count, 2);
	assert_true(str_is(s.evidence[0].condition, "mld"));
	assert_int_equal(s.evidence[0].weight, 0);
	add(f, S(ICD10CM), S("C50.911"), "confirmed");
	add(f, S(ICD10CM), S("C78.7"), "confirmed");
	assert_int_equal(score(f).score, 10);
}

static void every_spelling_of_icd10_counts(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *system, *code;
		int score;
	} cases[] = {
		{ICD10CM, "I50.9", 2},
		{ICD10CM, "I509", 2},
		{ICD10CM, " i50.9 ", 2},
		{ICD10CM, "I50", 2},
		{"urn:oid:2.16.840.1.113883.6.90", "I50.22", 2},
		{"http://hl7.org/fhir/sid/icd-10", "I50.0", 2},
		{"urn:oid:2.16.840.1.113883.6.3", "I50.0", 2},
		{ICD10CM, "I5", 0}, /* shorter than the prefix */
		{ICD10CM, "XI50.9", 0},
		{ICD10CM, "I50.99999999999999999999", 0},
		{"http://hl7.org/fhir/sid/icd-9-cm", "I50.9", 0},
		{"", "I50.9", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		f->count = 0;
		add(f, str_make(cases[i].system, strlen(cases[i].system)), str_from(cases[i].code), "confirmed");
		assert_int_equal(score(f).score, cases[i].score);
	}
}

static void snomed_goes_through_the_map(void **state)
{
	struct fixture *f = *state;
	add(f, S(SNOMED), S("88805009"), "confirmed"); /* chronic congestive heart failure */
	struct charlson_score s = score(f);
	assert_int_equal(s.score, 2);
	assert_int_equal(s.evidence_count, 1);
	assert_true(s.evidence[0].mapped);
	assert_true(str_is(s.evidence[0].code, "88805009"));
	assert_true(str_starts(s.evidence[0].icd10, S("I50")));
	f->count = 0;
	add(f, S("urn:oid:2.16.840.1.113883.6.96"), S("88805009"), "confirmed");
	assert_int_equal(score(f).score, 2);
}

static void codings_of_one_problem_count_once_and_the_recorded_code_leads(void **state)
{
	struct fixture *f = *state;
	add_text(f, "{\"resourceType\":\"Condition\",\"code\":{\"coding\":["
		    "{\"system\":\"" SNOMED "\",\"code\":\"88805009\"},"
		    "{\"system\":\"" ICD10CM "\",\"code\":\"I50.9\"},"
		    "{\"system\":\"urn:oid:2.16.840.1.113883.6.90\",\"code\":\"I50.22\"}]}}");
	add(f, S(ICD10CM), S("I42.0"), "provisional"); /* the same comorbidity again */
	struct charlson_score s = score(f);
	assert_int_equal(s.score, 2);
	assert_int_equal(s.evidence_count, 1);
	assert_false(s.evidence[0].mapped);
	assert_false(s.unverified);
	assert_true(str_is(s.evidence[0].code, "I50.9"));
}

static void withdrawn_problems_do_not_count_but_old_ones_do(void **state)
{
	struct fixture *f = *state;
	add(f, S(ICD10CM), S("I50.9"), "entered-in-error");
	add(f, S(ICD10CM), S("C78.7"), "refuted");
	struct charlson_score s = score(f);
	assert_int_equal(s.score, 0);
	assert_int_equal(s.evidence_count, 0);
	assert_int_equal(s.unmapped, 0);
	add_text(f, "{\"resourceType\":\"Condition\",\"clinicalStatus\":{\"coding\":[{\"code\":\"resolved\"}]},"
		    "\"category\":[{\"coding\":[{\"code\":\"encounter-diagnosis\"}]}],"
		    "\"code\":{\"coding\":[{\"system\":\"" ICD10CM "\",\"code\":\"J44.9\"}]}}");
	assert_int_equal(score(f).score, 1);
}

static void tells_what_it_could_not_judge(void **state)
{
	struct fixture *f = *state;
	add(f, S(SNOMED), S("1234567890"), "confirmed");
	add(f, S("http://e-imo.com/products/problem-it"), S("28827"), "confirmed");
	add_text(f, "{\"resourceType\":\"Condition\",\"code\":{\"text\":\"sugar\"}}");
	add_text(f, "{\"resourceType\":\"Condition\"}");
	add_text(f, "{\"resourceType\":\"Condition\",\"code\":{\"coding\":\"broken\"}}");
	add_text(f, "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{\"system\":\"" ICD10CM
		    "\",\"code\":\"I50.9\"}]}}");
	add(f, S(ICD10CM), S("R05.9"), "confirmed"); /* known, and no comorbidity */
	struct charlson_score s = score(f);
	assert_int_equal(s.score, 0);
	assert_int_equal(s.unmapped, 5);
	f->count = 0;
	assert_int_equal(score(f).score, 0);
}

static const char weights[] = "condition\tweight_quan2011\tsuppressed_if_present\tlabel\nx\t3\t\tX\ny\t1\tx\tY\n";
static const char codes[] = "condition\ticd10_prefix\tmatch\nx\tA1\tprefix\ny\tA\tprefix\n";
static const char map[] = "snomed_code\ticd10cm_code\tverified\n22\tA1.0\tcodes-yes\n23\tA2\tyes\n";

static void an_unverified_mapping_marks_the_score(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	f->charlson = charlson_new(&f->arena, str_from(codes), str_from(weights), str_from(map), &err);
	assert_non_null(f->charlson);
	add(f, S(SNOMED), S("23"), "confirmed");
	assert_int_equal(score(f).score, 1);
	assert_false(score(f).unverified);
	add(f, S(SNOMED), S("22"), "confirmed");
	assert_int_equal(score(f).score, 3); /* x silences y */
	assert_true(score(f).unverified);
	add(f, S(ICD10CM), S("A19"), "confirmed");
	assert_false(score(f).unverified);
}

static void broken_tables_are_refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *codes, *weights, *map;
	} bad[] = {
		{"", weights, map},
		{codes, "condition\tlabel\nx\tX\n", map},
		{codes, "condition\tweight_quan2011\tsuppressed_if_present\tlabel\nx\tmuch\t\tX\ny\t1\t\tY\n", map},
		{codes, "condition\tweight_quan2011\tsuppressed_if_present\tlabel\nx\t3\t\tX\ny\t1\tz\tY\n", map},
		{codes, "condition\tweight_quan2011\tsuppressed_if_present\tlabel\nx\t3\t\tX\nx\t1\t\tY\n", map},
		{"condition\ticd10_prefix\tmatch\nz\tA1\tprefix\n", weights, map},
		{"condition\ticd10_prefix\tmatch\nx\tA1\tregex\n", weights, map},
		{"condition\ticd10_prefix\tmatch\nx\tA1\n", weights, map},
		{codes, weights, "snomed_code\ticd10cm_code\tverified\n22\t\tyes\n"},
		{codes, weights, "snomed_code\ticd10cm_code\tverified\n22\tA\tyes\textra\n"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error err = {0};
		assert_null(charlson_new(&f->arena, str_from(bad[i].codes), str_from(bad[i].weights),
					 str_from(bad[i].map), &err));
		assert_int_equal(err.code, ERR_CONFIG);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(agrees_with_the_worked_examples),
		TEST(the_severe_form_silences_the_mild_one),
		TEST(every_spelling_of_icd10_counts),
		TEST(snomed_goes_through_the_map),
		TEST(codings_of_one_problem_count_once_and_the_recorded_code_leads),
		TEST(withdrawn_problems_do_not_count_but_old_ones_do),
		TEST(tells_what_it_could_not_judge),
		TEST(an_unverified_mapping_marks_the_score),
		TEST(broken_tables_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
