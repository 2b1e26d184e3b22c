/* Reads, writes, retries and failures against a scripted EHR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake.h"

#define OUTCOME(severity, epic_code, diagnostics)                                                                      \
	"{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"information\",\"code\":\"invalid\"},"       \
	"{\"severity\":\"" severity                                                                                    \
	"\",\"code\":\"processing\",\"details\":{\"coding\":[{\"system\":\"urn:oid:1.2.840.114350.1.13.861.1.7.2."     \
	"657369\",\"code\":\"" epic_code "\"}]},\"diagnostics\":\"" diagnostics "\"}]}"

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 16 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static void reads_with_the_right_headers_and_audit(void **state)
{
	(void)state;
	struct fake f;
	struct ehr_resource r;
	struct ehr_failure failure = {0};
	FAKE_START(&f, {"GET /Patient/a.b-1", 200, FHIR_JSON,
			"{\"resourceType\":\"Patient\",\"id\":\"a.b-1\",\"meta\":{\"versionId\":\"7\"}}", "ETag",
			"W/\"8\""});
	struct ehr_client *c = fake_client(&f, EHR_GENERIC, false);
	assert_true(ehr_read(c, &arena, S("Patient"), S("a.b-1"), &r, &failure));
	assert_true(str_is(r.version, "8")); /* the header is closer to the version than the body */
	assert_string_equal(f.accept, "application/fhir+json");
	assert_int_equal(strlen(f.request_id), 36);
	assert_string_equal(f.authorization, "");
	assert_int_equal(f.audits, 1);
	assert_string_equal(f.audit_last, "read R out=1 outcome=0 status=200 type=Patient id=a.b-1 query= "
					  "patient=Patient/a.b-1");
	assert_string_equal(f.address, FAKE_BASE);
	fake_end(&f, c);
}

static void ids_cannot_leave_their_place_in_the_path(void **state)
{
	(void)state;
	struct fake f;
	struct ehr_resource r;
	struct ehr_failure failure = {0};
	FAKE_START(&f, {"GET /Patient/..%2Fx%3Fy", 404, NULL, ""});
	struct ehr_client *c = fake_client(&f, EHR_GENERIC, false);
	assert_false(ehr_read(c, &arena, S("Patient"), S("../x?y"), &r, &failure));
	assert_int_equal(failure.error.code, ERR_NOT_FOUND);
	fake_end(&f, c);
}

/* One read, one answer, one failure. */
static void every_useless_answer_is_one_failure(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum ehr_vendor vendor;
		struct fake_step step;
		enum error_code code;
		const char *vendor_code;
		const char *words; /* in the text */
		const char *correlation; /* NULL: our own */
	} cases[] = {
		{"epic HTML 404",
		 EHR_EPIC,
		 {"GET /Patient/1", 404, "text/html",
		  "<!DOCTYPE html><title>404 - File or directory not found.</title>"},
		 ERR_REMOTE_REFUSED,
		 "",
		 "does not offer this resource type",
		 NULL},
		{"cerner 406 empty",
		 EHR_CERNER,
		 {"GET /Patient/1", 406, NULL, ""},
		 ERR_REMOTE_REFUSED,
		 "",
		 "empty body",
		 NULL},
		{"epic 401 with two quotes",
		 EHR_EPIC,
		 {"GET /Patient/1", 401, "application/json", "\"\"", "WWW-Authenticate",
		  "Bearer error=\"invalid_token\", error_description=\"The access token provided is not valid\""},
		 ERR_TOKEN_INVALID,
		 "invalid_token",
		 "access token",
		 NULL},
		{"cerner bare JSON 403",
		 EHR_CERNER,
		 {"GET /Patient/1", 403, "application/json",
		  "{\"code\":403,\"message\":\"code=\\\"urn:cerner:error:oauth2:resource-access:insufficient-"
		  "scopes\\\", "
		  "error=\\\"insufficient_scope\\\"\"}",
		  "X-Request-Id", "11112222-aaaa"},
		 ERR_REMOTE_REFUSED,
		 "urn:cerner:error:oauth2:resource-access:insufficient-scopes",
		 "scopes",
		 "11112222-aaaa"},
		{"cerner plain text 403",
		 EHR_CERNER,
		 {"GET /Patient/1", 403, "text/plain", "Forbidden resource", "opc-request-id", "/0A/0B"},
		 ERR_REMOTE_REFUSED,
		 "",
		 "plain text",
		 "/0A/0B"},
		{"epic 404",
		 EHR_EPIC,
		 {"GET /Patient/1", 404, FHIR_JSON, OUTCOME("fatal", "59008", "Invalid FHIR ID MILLER")},
		 ERR_NOT_FOUND,
		 "59008",
		 "no resource with this id",
		 NULL},
		{"fatal outcome in 200",
		 EHR_EPIC,
		 {"GET /Patient/1", 200, FHIR_JSON, OUTCOME("fatal", "4130", "BTG MILLER")},
		 ERR_REMOTE_REFUSED,
		 "4130",
		 "break-the-glass",
		 NULL},
		{"unknown code",
		 EHR_EPIC,
		 {"GET /Patient/1", 400, FHIR_JSON, OUTCOME("fatal", "77777", "MILLER born 1970")},
		 ERR_REMOTE_REFUSED,
		 "77777",
		 "does not accept the request",
		 NULL},
		{"truncated JSON",
		 EHR_CERNER,
		 {"GET /Patient/1", 200, FHIR_JSON, "{\"resourceType\":\"Patient\",\"id\":\"1\",\"name\":[{\"fam"},
		 ERR_REMOTE,
		 "",
		 "cut off",
		 NULL},
		{"HTML in 200",
		 EHR_EPIC,
		 {"GET /Patient/1", 200, "text/html", "<html>sign in</html>"},
		 ERR_REMOTE,
		 "",
		 "page of HTML",
		 NULL},
		{"XML in 200",
		 EHR_EPIC,
		 {"GET /Patient/1", 200, "application/fhir+xml", "<Patient/>"},
		 ERR_REMOTE,
		 "",
		 "with XML",
		 NULL},
		{"empty 200", EHR_EPIC, {"GET /Patient/1", 200, FHIR_JSON, ""}, ERR_REMOTE, "", "empty body", NULL},
		{"another resource",
		 EHR_CERNER,
		 {"GET /Patient/1", 200, FHIR_JSON, "{\"resourceType\":\"Patient\",\"id\":\"2\"}"},
		 ERR_REMOTE,
		 "",
		 "another resource",
		 NULL},
		{"redirect of a merged patient",
		 EHR_EPIC,
		 {"GET /Patient/1", 302, NULL, "", "Location", "https://elsewhere.example/Patient/2"},
		 ERR_REMOTE,
		 "",
		 "merged",
		 NULL},
		{"internal error is not retried",
		 EHR_CERNER,
		 {"GET /Patient/1", 500, FHIR_JSON, OUTCOME("fatal", "59177", "")},
		 ERR_REMOTE,
		 "59177",
		 "failed inside",
		 NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fake f;
		struct ehr_resource r;
		struct ehr_failure failure = {0};
		print_message("%s\n", cases[i].name);
		fake_start(&f, &cases[i].step, 1);
		struct ehr_client *c = fake_client(&f, cases[i].vendor, false);
		assert_false(ehr_read(c, &arena, S("Patient"), S("1"), &r, &failure));
		print_message("   %s\n", failure.error.text);
		assert_int_equal(failure.error.code, cases[i].code);
		assert_int_equal(failure.http_status, cases[i].step.status);
		assert_string_equal(failure.vendor_code, cases[i].vendor_code);
		assert_non_null(strstr(failure.error.text, cases[i].words));
		assert_null(strstr(failure.error.text, "MILLER"));
		assert_string_equal(failure.correlation_id, cases[i].correlation ? cases[i].correlation : f.request_id);
		assert_false(failure.retryable);
		assert_int_equal(f.wait_count, 0);
		assert_int_equal(f.audits, 1);
		fake_end(&f, c);
	}
}

static void retries_what_says_later(void **state)
{
	(void)state;
	struct fake f;
	struct ehr_resource r;
	struct ehr_failure failure = {0};
	FAKE_START(&f, {"GET /Patient/1", 503, "text/plain", "busy"}, {"GET /Patient/1", 504, NULL, NULL},
		   {"GET /Patient/1", 0, .error = ERR_TIMEOUT},
		   {"GET /Patient/1", 200, "application/json", "{\"resourceType\":\"Patient\",\"id\":\"1\"}"});
	struct ehr_client *c = fake_client(&f, EHR_CERNER, false);
	assert_true(ehr_read(c, &arena, S("Patient"), S("1"), &r, &failure));
	assert_null(r.version.p);
	assert_int_equal(f.wait_count, 3);
	assert_in_range(f.waits[0], 250, 500);
	assert_in_range(f.waits[1], 500, 1000);
	assert_in_range(f.waits[2], 1000, 2000);
	assert_int_equal(f.audits, 4); /* each attempt is a call */
	fake_end(&f, c);
}

static void waits_as_long_as_it_is_asked_to_but_not_for_ever(void **state)
{
	(void)state;
	struct fake f;
	struct ehr_resource r;
	struct ehr_failure failure = {0};
	/* The fake's clock stands at 2025-11-24T16:00:00Z; after 7 s the date below is 23 s ahead. */
	FAKE_START(&f, {"GET /Patient/1", 429, NULL, "", "Retry-After", "7"},
		   {"GET /Patient/1", 429, NULL, "", "Retry-After", "Mon, 24 Nov 2025 16:00:30 GMT"},
		   {"GET /Patient/1", 429, NULL, "", "Retry-After", "600"});
	struct ehr_client *c = fake_client(&f, EHR_CERNER, false);
	assert_false(ehr_read(c, &arena, S("Patient"), S("1"), &r, &failure));
	assert_int_equal(failure.error.code, ERR_THROTTLED);
	assert_true(failure.retryable);
	assert_int_equal(f.wait_count, 2);
	assert_int_equal(f.waits[0], 7000);
	assert_int_equal(f.waits[1], 23000);
	assert_non_null(strstr(failure.error.text, "asks to be left alone for 600 s: After 3 attempts"));
	/* And is: the next request is not sent at all. */
	assert_false(ehr_read(c, &arena, S("Patient"), S("1"), &r, &failure));
	assert_int_equal(failure.error.code, ERR_THROTTLED);
	assert_non_null(strstr(failure.error.text, "left alone for 600 s more"));
	fake_end(&f, c);
}

static void a_create_that_may_have_happened_is_not_repeated(void **state)
{
	(void)state;
	static const struct fake_step steps[] = {
		{"POST /Flag", 0, .error = ERR_TIMEOUT},
		{"POST /Flag", 0, .error = ERR_NETWORK},
		{"POST /Flag", 503, NULL, ""},
		{"POST /Flag", 504, NULL, ""},
	};
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct fake f;
		struct ehr_written w;
		struct ehr_failure failure = {0};
		fake_start(&f, &steps[i], 1);
		struct ehr_client *c = fake_client(&f, EHR_CERNER, false);
		assert_false(ehr_create(c, &arena, S("Flag"), S("{}"), &w, &failure));
		assert_true(failure.retryable);
		assert_int_equal(f.wait_count, 0);
		fake_end(&f, c);
	}
}

static void creates_are_understood_in_every_form(void **state)
{
	(void)state;
	static const struct {
		struct fake_step step;
		const char *id, *version;
	} cases[] = {
		{{"POST /Flag", 201, "text/html", "", "Location", FAKE_BASE "/Flag/197466617"}, "197466617", NULL},
		{{"POST /Flag", 201, NULL, NULL, "Location", "Flag/eAbc3"}, "eAbc3", NULL},
		{{"POST /Flag", 201, NULL, NULL, "Location", "/fhir/r4/Flag/x/_history/3"}, "x", "3"},
		{{"POST /Flag", 200, FHIR_JSON, "{\"resourceType\":\"Flag\",\"id\":\"b\"}", "ETag", "W/\"1-1\""},
		 "b",
		 "1-1"},
		{{"POST /Flag", 201, NULL, NULL, "ETag", "W/\"1\""}, NULL, "1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fake f;
		struct ehr_written w = {0};
		struct ehr_failure failure = {0};
		fake_start(&f, &cases[i].step, 1);
		struct ehr_client *c = fake_client(&f, EHR_CERNER, false);
		assert_true(ehr_create(c, &arena, S("Flag"), S("{\"resourceType\":\"Flag\"}"), &w, &failure));
		assert_true(str_eq(w.id, str_from(cases[i].id)));
		assert_true(str_eq(w.version, str_from(cases[i].version)));
		assert_string_equal(f.content_type, "application/fhir+json");
		assert_string_equal(f.body, "{\"resourceType\":\"Flag\"}");
		fake_end(&f, c);
	}
}

static void a_page_of_a_proxy_is_no_created_resource(void **state)
{
	(void)state;
	struct fake f;
	struct ehr_written w;
	struct ehr_failure failure = {0};
	FAKE_START(&f, {"POST /Flag", 200, "text/html", "<html>Please sign in</html>"});
	struct ehr_client *c = fake_client(&f, EHR_EPIC, false);
	assert_false(ehr_create(c, &arena, S("Flag"), S("{}"), &w, &failure));
	assert_int_equal(failure.error.code, ERR_REMOTE);
	fake_end(&f, c);
}

static void updates_name_the_version_and_tell_what_stood_in_the_way(void **state)
{
	(void)state;
	struct fake f;
	struct ehr_written w;
	struct ehr_failure failure = {0};
	FAKE_START(&f, {"PUT /Flag/1", 200, NULL, NULL, "ETag", "W/\"5\""}, {"PUT /Flag/1", 409, FHIR_JSON, "{}"},
		   {"PUT /Flag/1", 412, NULL, ""}, {"POST /Flag", 404, FHIR_JSON, "{}"}, {"POST /Flag", 405, NULL, ""},
		   {"POST /Flag", 422, FHIR_JSON, "{}"});
	struct ehr_client *c = fake_client(&f, EHR_CERNER, false);
	assert_true(ehr_update(c, &arena, S("Flag"), S("1"), S("{}"), S("4"), &w, &failure));
	assert_string_equal(f.if_match, "W/\"4\"");
	assert_true(str_is(w.version, "5"));
	assert_true(str_is(w.id, "1"));
	assert_false(ehr_update(c, &arena, S("Flag"), S("1"), S("{}"), S("4"), &w, &failure));
	assert_int_equal(failure.error.code, ERR_CONFLICT);
	assert_false(ehr_update(c, &arena, S("Flag"), S("1"), S("{}"), STR_NULL, &w, &failure));
	assert_string_equal(f.if_match, "");
	assert_int_equal(failure.error.code, ERR_PRECONDITION);
	for (int i = 0; i < 3; i++) {
		assert_false(ehr_create(c, &arena, S("Flag"), S("{}"), &w, &failure));
		assert_int_equal(failure.error.code, ERR_REMOTE_REFUSED);
	}
	fake_end(&f, c);
}

static void refuses_broken_configurations(void **state)
{
	(void)state;
	static const struct ehr_config configs[] = {
		{.name = {"Epic Main", 9}, .base_url = {"https://a.example", 17}},
		{.name = {"", 0}, .base_url = {"https://a.example", 17}},
		{.name = {"epic", 4}, .base_url = {"ftp://a.example", 15}},
		{.name = {"epic", 4}, .base_url = {"https://u@a.example", 19}},
		{.name = {"epic", 4}, .base_url = {"https://a.example/?x", 20}},
		{.name = {"epic", 4}, .base_url = {"https://a.example", 17}, .client_id = {"c", 1}},
	};
	for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
		struct error err = {0};
		assert_null(ehr_open(&configs[i], &(struct ehr_client_options){0}, &err));
		assert_int_equal(err.code, ERR_CONFIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_with_the_right_headers_and_audit, setup, teardown),
		cmocka_unit_test_setup_teardown(ids_cannot_leave_their_place_in_the_path, setup, teardown),
		cmocka_unit_test_setup_teardown(every_useless_answer_is_one_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(retries_what_says_later, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_as_long_as_it_is_asked_to_but_not_for_ever, setup, teardown),
		cmocka_unit_test_setup_teardown(a_create_that_may_have_happened_is_not_repeated, setup, teardown),
		cmocka_unit_test_setup_teardown(creates_are_understood_in_every_form, setup, teardown),
		cmocka_unit_test_setup_teardown(a_page_of_a_proxy_is_no_created_resource, setup, teardown),
		cmocka_unit_test_setup_teardown(updates_name_the_version_and_tell_what_stood_in_the_way, setup,
						teardown),
		cmocka_unit_test_setup_teardown(refuses_broken_configurations, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
