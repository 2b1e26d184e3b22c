/*
 * Decisions: the tables are whole, what is noted stays in order, a refusal says the same in every place it goes to, and
 * a flood of refusals is kept within its budget.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>

#include "server/decision/decision.h"

static int begin(void **state)
{
	static struct arena a;
	arena_init(&a, 1 << 20);
	*state = &a;
	return 0;
}

static int end(void **state)
{
	arena_done(*state);
	return 0;
}

static bool is_word(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!islower((unsigned char)*c) && *c != '-')
			return false;
	return *text;
}

static void test_tables_are_whole(void **state)
{
	(void)state;
	for (int i = 0; i < CHECK_COUNT; i++) {
		assert_true(is_word(check_word((enum check)i)));
		assert_true(strlen(check_question((enum check)i)) > 8);
	}
	for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++) {
		const struct refusal_facts *f = refusal_facts((enum refusal)i);
		assert_true(is_word(f->code));
		assert_int_equal(refusal_find(f->code), i); /* none twice */
		int status = error_http_status(f->error);
		assert_true(status >= 400 && status < 500);
		assert_true(strlen(f->text) > 8 && f->text[strlen(f->text) - 1] != '.');
		assert_true(strlen(f->hint) > 8 && f->hint[strlen(f->hint) - 1] != '.');
		/* Both fit the text of an error with something had and needed. */
		assert_true(strlen(f->text) + strlen(f->hint) < 260);
		for (const char *c = f->text; *c; c++)
			assert_true(*c >= 0x20 && *c < 0x7f && *c != '"' && *c != '\\');
	}
	assert_int_equal(refusal_find("no-such-code"), REFUSAL_NONE);
	assert_int_equal(refusal_find(NULL), REFUSAL_NONE);
}

static void test_refusing_says_what_and_what_to_do(void **state)
{
	struct error err = {0};
	struct decision *d = decision_new(*state);
	decision_note(d, CHECK_TOKEN_FOUND, STR_NULL, STR_NULL);
	decision_note(d, CHECK_EXPIRY, S("in 4 minutes"), STR_NULL);
	assert_false(decision_refuse(d, CHECK_SCOPE, REFUSAL_SCOPE_MISSING, S("user/Patient.r"), S("user/Patient.u"),
				     STR_NULL, &err));
	assert_int_equal(err.code, ERR_FORBIDDEN);
	assert_string_equal(err.reason, "scope-missing");
	assert_non_null(strstr(err.text, "had user/Patient.r, needed user/Patient.u. Ask for"));
	assert_int_equal(refusal_of(&err), REFUSAL_SCOPE_MISSING);
	assert_int_equal(d->count, 3);
	assert_true(d->notes[1].passed && !d->notes[2].passed);
	assert_true(str_is(decision_needed_scope(d), "user/Patient.u"));
	/* What was first stays. */
	assert_false(decision_refuse(d, CHECK_POLICY, REFUSAL_POLICY, STR_NULL, STR_NULL, STR_NULL, &err));
	assert_int_equal(d->refusal, REFUSAL_SCOPE_MISSING);
	assert_int_equal(d->count, 3);
	assert_string_equal(err.reason, "scope-missing");
}

static void test_had_nothing_is_told(void **state)
{
	(void)state;
	struct error err = {0};
	decision_refuse(NULL, CHECK_SCOPE, REFUSAL_SCOPE_MISSING, S(""), S("a/b.c"), S("Do this"), &err);
	assert_string_equal(err.text, "The token's scopes do not allow this: had none, needed a/b.c. Do this");
	error_clear(&err);
	decision_refuse(NULL, CHECK_SCOPE, REFUSAL_SCOPE_MISSING, STR_NULL, S("a/b.c"), S("Do this"), &err);
	assert_string_equal(err.text, "The token's scopes do not allow this: needed a/b.c. Do this");
}

static void test_more_notes_than_slots(void **state)
{
	struct error err = {0};
	struct decision *d = decision_new(*state);
	for (int i = 0; i < DECISION_MOST + 5; i++)
		decision_note(d, CHECK_SCOPE, STR_NULL, STR_NULL);
	decision_refuse(d, CHECK_POLICY, REFUSAL_POLICY, STR_NULL, STR_NULL, STR_NULL, &err);
	assert_int_equal(d->count, DECISION_MOST);
	assert_int_equal(d->left, 6);
	assert_int_equal(d->notes[DECISION_MOST - 1].check, CHECK_POLICY);
	assert_false(d->notes[DECISION_MOST - 1].passed);
}

static void test_nobody_wants_to_know(void **state)
{
	(void)state;
	decision_note(NULL, CHECK_SCOPE, STR_NULL, STR_NULL);
	assert_false(decision_refuse(NULL, CHECK_SCOPE, REFUSAL_POLICY, STR_NULL, STR_NULL, STR_NULL, NULL));
	assert_int_equal(decision_mark(NULL), 0);
	decision_rewind(NULL, 0);
	assert_null(decision_needed_scope(NULL).p);
	assert_null(decision_detail(NULL, *state).p);
}

static void test_tried_rights_leave_no_trace(void **state)
{
	struct decision *d = decision_new(*state);
	decision_note(d, CHECK_TOKEN_FOUND, STR_NULL, STR_NULL);
	unsigned mark = decision_mark(d);
	decision_note(d, CHECK_FILTER, STR_NULL, STR_NULL);
	decision_rewind(d, mark);
	assert_int_equal(d->count, 1);
}

static void test_outcome_carries_the_code(void **state)
{
	struct error err = {0}, cause = {0};
	struct buf out;
	buf_init(&out, 1 << 16);
	decision_refuse(NULL, CHECK_EXPIRY, REFUSAL_TOKEN_EXPIRED, S("3 minutes ago"), STR_NULL, STR_NULL, &err);
	decision_write_outcome(&out, &err, S("req-1"));
	const struct json *j = json_parse(*state, buf_str(&out), 0, &cause);
	const struct json *issue = json_at(json_get(j, S("issue")), 0);
	const struct json *coding = json_at(json_get(json_get(issue, S("details")), S("coding")), 0);
	assert_true(str_is(json_get_str(issue, S("code")), "expired"));
	assert_true(str_is(json_get_str(coding, S("system")), "https://firth.dev/fhir/CodeSystem/refusal"));
	assert_true(str_is(json_get_str(coding, S("code")), "token-expired"));
	assert_true(str_ends(json_get_str(issue, S("diagnostics")), S("firth why req-1")));
	/* Any other error is written as ever. */
	buf_reset(&out);
	decision_write_outcome(&out, &(struct error){.code = ERR_NOT_FOUND, .text = "no"}, S("req-1"));
	assert_true(str_find(buf_str(&out), S("details")) == STR_NONE);
	buf_done(&out);
}

static struct str challenge(struct arena *a, enum refusal refusal, struct str scope)
{
	struct error err = {0};
	decision_refuse(NULL, CHECK_SCOPE, refusal, S("a\"b\\"), STR_NULL, STR_NULL, &err);
	return decision_challenge(a, &err, scope, S("https://x/meta"));
}

static void test_challenges(void **state)
{
	/* RFC 6750 section 3.1: no error for a request without a token. */
	assert_true(str_is(challenge(*state, REFUSAL_TOKEN_MISSING, STR_NULL),
			   "Bearer realm=\"fhir\", resource_metadata=\"https://x/meta\""));
	struct str text = challenge(*state, REFUSAL_TOKEN_EXPIRED, STR_NULL);
	assert_true(str_find(text, S("error=\"invalid_token\"")) != STR_NONE);
	assert_true(str_find(text, S("had a'b'.")) != STR_NONE);
	assert_true(str_find(text, S("resource_metadata=")) != STR_NONE);
	text = challenge(*state, REFUSAL_SCOPE_MISSING, S("user/Patient.r"));
	assert_true(str_find(text, S("error=\"insufficient_scope\"")) != STR_NONE);
	assert_true(str_ends(text, S("scope=\"user/Patient.r\"")));
	/* A policy is no fault of the token. */
	assert_true(str_is(challenge(*state, REFUSAL_POLICY, STR_NULL), "Bearer realm=\"fhir\""));
	assert_null(challenge(*state, REFUSAL_SCOPE_ABSENT, STR_NULL).p);
}

static void test_oauth_errors(void **state)
{
	struct error err = {0}, cause = {0};
	struct buf out;
	buf_init(&out, 1 << 16);
	decision_refuse(NULL, CHECK_PKCE, REFUSAL_PKCE_WRONG, STR_NULL, STR_NULL, STR_NULL, &err);
	assert_string_equal(decision_write_oauth(&out, &err, "server_error"), "invalid_grant");
	const struct json *j = json_parse(*state, buf_str(&out), 0, &cause);
	assert_true(str_is(json_get_str(j, S("error")), "invalid_grant"));
	assert_true(str_is(json_get_str(j, S("refusal")), "pkce-wrong"));
	assert_true(str_starts(json_get_str(j, S("error_description")), S("code_verifier does not fit")));
	buf_reset(&out);
	assert_string_equal(
		decision_write_oauth(&out, &(struct error){.code = ERR_STORE, .text = "a \"b\" \n"}, "server_error"),
		"server_error");
	assert_true(str_is(buf_str(&out), "{\"error\":\"server_error\",\"error_description\":\"a 'b' ?\"}"));
	buf_done(&out);
}

static void test_detail_of_what_was_let_in(void **state)
{
	struct decision *d = decision_new(*state);
	assert_null(decision_detail(d, *state).p);
	d->grant = S("g1");
	d->scope = S("patient/Observation.rs");
	d->patient = S("Patient/7");
	assert_true(str_is(decision_detail(d, *state), "grant g1, scope patient/Observation.rs, patient Patient/7"));
}

/* ---- keeping ------------------------------------------------------------------------------------------------------
 */

static bool keep(struct decision_journal *j, struct arena *a, struct str client, int64_t now_ms, struct store_fact *f)
{
	struct error err = {0};
	struct decision *d = decision_new(a);
	d->client = client;
	decision_note(d, CHECK_TOKEN_FOUND, STR_NULL, STR_NULL);
	decision_refuse(d, CHECK_SCOPE, REFUSAL_SCOPE_MISSING, S("x"), S("y"), STR_NULL, &err);
	const struct decision_request request = {.request_id = S("req-9"),
						 .method = S("GET"),
						 .route = S(":type/:id"),
						 .status = 403,
						 .address = S("10.0.0.1"),
						 .now_ms = now_ms};
	return decision_fact(j, a, d, &request, &err, f);
}

static void test_fact_of_a_refusal(void **state)
{
	struct store_fact f;
	struct error err = {0};
	assert_true(keep(NULL, *state, S("app"), 1700000000000, &f));
	assert_true(str_is(f.shelf, "decision"));
	assert_true(str_starts(f.key, S("req-9 1700000000000")));
	assert_int_equal(f.expires_ms, 1700000000000 + 30LL * 24 * 3600 * 1000);
	const struct json *j = json_parse(*state, f.value, 0, &err);
	const struct json *checks = json_get(j, S("checks"));
	assert_true(str_is(json_get_str(j, S("refusal")), "scope-missing"));
	assert_true(str_is(json_get_str(j, S("client")), "app"));
	assert_int_equal(json_size(checks), 2);
	assert_true(json_bool(json_get(json_at(checks, 0), S("passed"))));
	assert_false(json_bool(json_get(json_at(checks, 1), S("passed"))));
	assert_true(str_is(json_get_str(json_at(checks, 1), S("needed")), "y"));
	/* What was let in leaves none. */
	struct decision *d = decision_new(*state);
	assert_false(decision_fact(NULL, *state, d, &(struct decision_request){.request_id = S("r")}, &err, &f));
}

static void test_flood_is_kept_within_its_budget(void **state)
{
	struct error err = {0};
	struct store_fact f;
	struct arena a;
	(void)state;
	struct decision_journal *j = decision_journal_new(&err);
	assert_non_null(j);
	arena_init(&a, ARENA_NO_CAP);
	const int64_t day = 20000LL * 24 * 3600 * 1000;
	unsigned kept = 0;
	for (int i = 0; i < 1000; i++)
		kept += keep(j, &a, S("loud"), day, &f);
	assert_int_equal(kept, DECISION_PER_SOURCE);
	assert_true(keep(j, &a, S("quiet"), day, &f)); /* others are still heard */
	kept++;
	for (int i = 0; i < 1000; i++) {
		char name[16];
		snprintf(name, sizeof(name), "c%d", i);
		kept += keep(j, &a, str_from(name), day, &f);
	}
	assert_int_equal(kept, DECISION_PER_MINUTE);
	assert_true(keep(j, &a, S("loud"), day + 60000, &f)); /* another minute */
	kept++;
	for (int64_t minute = 2; minute < 24 * 60; minute++) {
		for (int i = 0; i < 100; i++) {
			char name[16];
			snprintf(name, sizeof(name), "c%d", i);
			kept += keep(j, &a, str_from(name), day + minute * 60000, &f);
		}
		arena_reset(&a);
	}
	assert_int_equal(kept, DECISION_PER_DAY);
	assert_true(keep(j, &a, S("loud"), day + 24LL * 3600 * 1000, &f));
	arena_done(&a);
	decision_journal_free(j);
}

static void test_texts_are_cut_whole(void **state)
{
	struct error err = {0}, cause = {0};
	struct store_fact f;
	struct decision *d = decision_new(*state);
	char long_text[1001];
	for (size_t i = 0; i + 1 < sizeof(long_text); i += 2)
		memcpy(long_text + i, "\xc3\xa9", 2);
	struct str cut = str_make(long_text + 1, 999); /* begins inside a letter: what a caller may send */
	decision_refuse(d, CHECK_SCOPE, REFUSAL_SCOPE_MISSING, str_make(long_text, 1000), cut, STR_NULL, &err);
	assert_true(decision_fact(NULL, *state, d, &(struct decision_request){.request_id = S("r")}, &err, &f));
	const struct json *j = json_parse(*state, f.value, 0, &cause);
	assert_non_null(j);
	const struct json *note = json_at(json_get(j, S("checks")), 0);
	assert_int_equal(json_get_str(note, S("had")).n, 500);
	assert_true(str_is(json_get_str(note, S("needed")), "(not UTF-8)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables_are_whole),
		cmocka_unit_test_setup_teardown(test_refusing_says_what_and_what_to_do, begin, end),
		cmocka_unit_test(test_had_nothing_is_told),
		cmocka_unit_test_setup_teardown(test_more_notes_than_slots, begin, end),
		cmocka_unit_test_setup_teardown(test_nobody_wants_to_know, begin, end),
		cmocka_unit_test_setup_teardown(test_tried_rights_leave_no_trace, begin, end),
		cmocka_unit_test_setup_teardown(test_outcome_carries_the_code, begin, end),
		cmocka_unit_test_setup_teardown(test_challenges, begin, end),
		cmocka_unit_test_setup_teardown(test_oauth_errors, begin, end),
		cmocka_unit_test_setup_teardown(test_detail_of_what_was_let_in, begin, end),
		cmocka_unit_test_setup_teardown(test_fact_of_a_refusal, begin, end),
		cmocka_unit_test(test_flood_is_kept_within_its_budget),
		cmocka_unit_test_setup_teardown(test_texts_are_cut_whole, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
