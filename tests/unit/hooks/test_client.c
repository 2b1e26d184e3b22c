/* Drafts, feedback and claims as a client writes them, and how it takes URLs and discovery documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hooks/answer.h"
#include "hooks/client.h"

static struct arena arena;
static struct buf out;

static const struct json *parsed(const char *text)
{
	struct error err = {0};
	const struct json *j = json_parse(&arena, str_from(text), 0, &err);
	if (!j)
		fail_msg("%s: %s", text, err.text);
	return j;
}

static void must_be(const char *expected)
{
	if (!str_is(buf_str(&out), expected))
		fail_msg("%.*s\n is not %s", STR_ARG(buf_str(&out)), expected);
	buf_reset(&out);
}

static void urls_lead_to_base_and_service(void **state)
{
	static const struct {
		const char *url, *base, *service;
	} cases[] = {
		{"https://x.example", "https://x.example", NULL},
		{"https://x.example/", "https://x.example", NULL},
		{"https://x.example/a/", "https://x.example/a", NULL},
		{"https://x.example/cds-services", "https://x.example", NULL},
		{"https://x.example/a/cds-services/", "https://x.example/a", NULL},
		{"https://x.example/a/cds-services/sign", "https://x.example/a", "sign"},
		{"https://x.example/a/cds-services/sign/", "https://x.example/a", "sign"},
		{"https://x.example/cds-services-of-ours", "https://x.example/cds-services-of-ours", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct hook_address at = hook_address(str_from(cases[i].url));
		if (!str_is(at.base, cases[i].base) ||
		    (cases[i].service ? !str_is(at.service, cases[i].service) : at.service.p != NULL))
			fail_msg("%s: %.*s, %.*s", cases[i].url, STR_ARG(at.base), STR_ARG(at.service));
	}
}

static void services_are_found(void **state)
{
	const struct json *two = parsed("{\"services\":[{\"id\":\"a\",\"hook\":\"x\"},{\"id\":\"b\",\"hook\":\"x\"},"
					"{\"id\":\"b\",\"hook\":\"y\"},{\"hook\":\"z\"}]}"),
			  *one = parsed("{\"services\":[{\"id\":\"a\",\"hook\":\"x\"}]}");
	(void)state;
	assert_null(hook_service_find(two, STR_NULL, STR_NULL));
	assert_non_null(hook_service_find(one, STR_NULL, STR_NULL));
	assert_true(str_is(json_get_str(hook_service_find(two, STR_NULL, S("x")), S("id")), "a"));
	assert_true(str_is(json_get_str(hook_service_find(two, S("b"), S("y")), S("hook")), "y"));
	assert_true(str_is(json_get_str(hook_service_find(two, S("b"), STR_NULL), S("hook")), "x"));
	assert_null(hook_service_find(two, S("a"), S("y")));
	assert_null(hook_service_find(two, STR_NULL, S("z"))); /* it has no id */
	assert_null(hook_service_find(NULL, STR_NULL, STR_NULL));
}

static void feedback_is_as_the_specification_has_it(void **state)
{
	const struct str accepted[] = {S("s-1"), S("s-2")};
	const struct hook_outcome outcomes[] = {
		{.card = S("c-1"), .accepted = accepted, .accepted_count = 2, .at_ms = 0},
		{.card = S("c-2"),
		 .reason = parsed("{\"code\":\"r\",\"system\":\"u\",\"display\":\"d\",\"more\":1}"),
		 .comment = S("w"),
		 .at_ms = 1000},
		{.card = S("c-3"), .comment = STR_NULL, .at_ms = 2000}};
	struct judgement j = {.a = &arena};
	(void)state;
	hook_feedback_write(&out, outcomes, 3);
	judge_feedback(&j, parsed(arena_str(&arena, buf_str(&out)).p));
	assert_int_equal(j.count, 0);
	must_be("{\"feedback\":[{\"card\":\"c-1\",\"outcome\":\"accepted\",\"acceptedSuggestions\":[{\"id\":\"s-1\"},{"
		"\"id\":\"s-2\"}],\"outcomeTimestamp\":\"1970-01-01T00:00:00.000Z\"},{\"card\":\"c-2\",\"outcome\":"
		"\"overridden\",\"overrideReason\":{\"reason\":{\"code\":\"r\",\"system\":\"u\",\"display\":\"d\"},"
		"\"userComment\":\"w\"},\"outcomeTimestamp\":\"1970-01-01T00:00:01.000Z\"},{\"card\":\"c-3\","
		"\"outcome\":"
		"\"overridden\",\"outcomeTimestamp\":\"1970-01-01T00:00:02.000Z\"}]}");
}

static void drafts_and_claims_are_written(void **state)
{
	struct json_writer w = json_writer(&out);
	(void)state;
	hook_draft_write(&w, &(struct hook_draft){.id = S("d"),
						  .patient = S("Patient/1"),
						  .requester = S("Practitioner/2"),
						  .system = S("u"),
						  .code = S("723"),
						  .display = S("amoxicillin"),
						  .text = S("Amoxil"),
						  .dosage = S("daily"),
						  .status = "draft"});
	must_be("{\"resourceType\":\"MedicationRequest\",\"id\":\"d\",\"status\":\"draft\",\"intent\":\"order\","
		"\"medicationCodeableConcept\":{\"coding\":[{\"system\":\"u\",\"code\":\"723\",\"display\":"
		"\"amoxicillin\"}"
		"],\"text\":\"Amoxil\"},\"subject\":{\"reference\":\"Patient/1\"},\"requester\":{\"reference\":"
		"\"Practitioner/2\"},\"dosageInstruction\":[{\"text\":\"daily\"}]}");
	w = json_writer(&out);
	hook_draft_copy(
		&w,
		parsed("{\"resourceType\":\"MedicationRequest\",\"id\":\"7\",\"meta\":{},\"text\":{},"
		       "\"identifier\":[],\"status\":\"active\",\"intent\":\"order\",\"note\":[{\"text\":\"n\"}]}"),
		S("draft-1"));
	must_be("{\"resourceType\":\"MedicationRequest\",\"id\":\"draft-1\",\"status\":\"draft\",\"intent\":\"order\","
		"\"note\":[{\"text\":\"n\"}]}");
	hook_claims_write(&out,
			  &(struct hook_claims){
				  .issuer = S("i"), .audience = S("a"), .issued_s = 1, .expires_s = 2, .id = S("j")});
	must_be("{\"iss\":\"i\",\"aud\":\"a\",\"iat\":1,\"exp\":2,\"jti\":\"j\"}");
}

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, ARENA_NO_CAP);
	buf_init(&out, 1 << 20);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buf_done(&out);
	arena_done(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_lead_to_base_and_service),
		cmocka_unit_test(services_are_found),
		cmocka_unit_test(feedback_is_as_the_specification_has_it),
		cmocka_unit_test(drafts_and_claims_are_written),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
