/* Searches over pages: links, repeated entries, outcomes, expired sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake.h"

#define BUNDLE(links, entries)                                                                                         \
	"{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"total\":99,\"link\":[" links "],\"entry\":[" entries "]}"
#define NEXT(url) "{\"relation\":\"self\",\"url\":\"x\"},{\"relation\":\"next\",\"url\":\"" url "\"}"
#define CONDITION(id, rest)                                                                                            \
	"{\"resource\":{\"resourceType\":\"Condition\",\"id\":\"" id "\"" rest "},\"search\":{\"mode\":\"match\"}}"
#define META(version, updated) ",\"meta\":{\"versionId\":\"" version "\",\"lastUpdated\":\"" updated "\"}"
#define ISSUE(severity, code)                                                                                          \
	"{\"severity\":\"" severity                                                                                    \
	"\",\"code\":\"suppressed\",\"details\":{\"coding\":[{\"system\":\"urn:oid:1.2.840.114350.1.13.0.1.7.2."       \
	"657369\",\"code\":\"" code "\"}]},\"diagnostics\":\"secret\"}"
#define OUTCOME(severity, code)                                                                                        \
	"{\"resource\":{\"resourceType\":\"OperationOutcome\",\"issue\":[" ISSUE(severity,                             \
										 code) "]},\"search\":{"               \
										       "\"mode\":\"outcome\"}}"
#define EXPIRED "{\"resourceType\":\"OperationOutcome\",\"issue\":[" ISSUE("fatal", "4113") "]}"

static struct arena arena;
static struct fake f;
static struct ehr_client *client;
static struct ehr_matches matches;
static struct ehr_failure failure;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 64 << 20);
	matches = (struct ehr_matches){0};
	failure = (struct ehr_failure){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static bool search(enum ehr_vendor vendor)
{
	client = fake_client(&f, vendor, false);
	bool ok = ehr_search(client, &arena, S("Condition"), S("patient=1"), &matches, &failure);
	fake_end(&f, client);
	return ok;
}

#define FIRST "GET /Condition?patient=1"

static void follows_next_as_it_is_and_keeps_each_once(void **state)
{
	(void)state;
	FAKE_START(&f,
		   {FIRST, 200, FHIR_JSON,
		    BUNDLE(NEXT(FAKE_BASE "/Condition?-pageContext=eJx%2B&-pageDirection=NEXT"),
			   CONDITION("a", META("1", "2020-01-01T00:00:00Z")) "," CONDITION("b", ""))},
		   {"GET /Condition?-pageContext=eJx%2B&-pageDirection=NEXT", 200, FHIR_JSON,
		    BUNDLE(NEXT("Condition?page=3"),
			   CONDITION("c", "") "," CONDITION("a", META("2", "2020-01-02T00:00:00+01:00")))},
		   {"GET /Condition?page=3", 200, FHIR_JSON,
		    BUNDLE("", CONDITION("a", META("0", "2019-01-01T00:00:00Z")))});
	assert_true(search(EHR_CERNER));
	assert_int_equal(matches.count, 3);
	assert_int_equal(matches.pages, 3);
	assert_int_equal(matches.duplicates, 2);
	assert_true(str_is(matches.items[0].id, "a"));
	assert_true(str_is(matches.items[0].version, "2")); /* neither first nor last, but newest */
	assert_true(str_is(matches.items[0].body,
			   "{\"resourceType\":\"Condition\",\"id\":\"a\"" META("2", "2020-01-02T00:00:00+01:00") "}"));
	assert_null(matches.items[1].version.p);
	assert_int_equal(f.audits, 3);
	assert_string_equal(f.audit_last, "search-type E out=1 outcome=0 status=200 type=Condition id= query=patient=1 "
					  "patient=Patient/1");
}

static void never_leaves_the_origin(void **state)
{
	(void)state;
	static const char *const links[] = {
		"https://evil.example/fhir/r4/Condition?x",
		"http://ehr.example/fhir/r4/Condition?x",
		"https://ehr.example:8443/fhir/r4/Condition",
		"//evil.example/x",
		"https://ehr.example@evil.example/x",
		"file:///etc/passwd",
		"https://ehr.example\\\\@evil.example/",
		"javascript:x",
		"",
	};
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
		struct str body = arena_printf(&arena,
					       "{\"resourceType\":\"Bundle\",\"link\":[{\"relation\":\"next\",\"url\":"
					       "\"%s\"}]}",
					       links[i]);
		const struct fake_step step = {FIRST, 200, FHIR_JSON, body.p};
		fake_start(&f, &step, 1);
		assert_false(search(EHR_GENERIC));
		assert_int_equal(failure.error.code, ERR_REMOTE);
		assert_non_null(strstr(failure.error.text, "another host"));
	}
}

static void a_default_port_is_the_same_origin(void **state)
{
	(void)state;
	FAKE_START(&f, {FIRST, 200, FHIR_JSON, BUNDLE(NEXT("https://EHR.example:443/fhir/r4/Condition?2"), "")},
		   {"GET https://EHR.example:443/fhir/r4/Condition?2", 200, FHIR_JSON, BUNDLE("", "")});
	assert_true(search(EHR_GENERIC));
	assert_int_equal(matches.count, 0);
}

static void a_circle_of_pages_ends(void **state)
{
	(void)state;
	FAKE_START(&f, {FIRST, 200, FHIR_JSON, BUNDLE(NEXT("?page=2"), CONDITION("a", ""))},
		   {"GET /Condition?page=2", 200, FHIR_JSON, BUNDLE(NEXT("/fhir/r4/Condition?patient=1"), "")});
	assert_false(search(EHR_GENERIC));
	assert_non_null(strstr(failure.error.text, "already read"));
}

static void outcomes_are_warnings_not_matches(void **state)
{
	(void)state;
	FAKE_START(&f, {FIRST, 200, FHIR_JSON,
			BUNDLE("", OUTCOME("warning", "4101") "," CONDITION("a", "") "," OUTCOME("warning", "59204"))});
	assert_true(search(EHR_EPIC));
	assert_int_equal(matches.count, 1);
	assert_int_equal(matches.outcomes, 2);
	assert_true(matches.incomplete);
	assert_true(str_find(matches.warning, S("59204")) != STR_NONE);
	assert_true(str_find(matches.warning, S("secret")) == STR_NONE);
}

static void missing_records_of_others_are_a_warning_only(void **state)
{
	(void)state;
	FAKE_START(
		&f,
		{FIRST, 200, FHIR_JSON,
		 BUNDLE("", "{\"resource\":{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"warning\","
			    "\"code\":\"suppressed\",\"details\":{\"coding\":[{\"system\":\"urn:oid:"
			    "1.2.840.114350.1.13.0.1.7.2.657369\",\"code\":\"59204\"}]},\"diagnostics\":"
			    "\"Client not authorized for Condition - Outside Record Problems.\"}]}}")});
	assert_true(search(EHR_EPIC));
	assert_non_null(matches.warning.p);
	assert_false(matches.incomplete);
}

static void finding_nothing_is_no_warning(void **state)
{
	(void)state;
	FAKE_START(&f, {FIRST, 200, FHIR_JSON, BUNDLE("", OUTCOME("warning", "4101"))});
	assert_true(search(EHR_EPIC));
	assert_int_equal(matches.count, 0);
	assert_null(matches.warning.p);
	assert_false(matches.incomplete);
}

static void a_fatal_outcome_among_entries_fails_the_search(void **state)
{
	(void)state;
	FAKE_START(&f, {FIRST, 200, FHIR_JSON, BUNDLE("", CONDITION("a", "") "," OUTCOME("fatal", "4118"))});
	assert_false(search(EHR_EPIC));
	assert_int_equal(failure.error.code, ERR_REMOTE_REFUSED);
	assert_string_equal(failure.vendor_code, "4118");
}

static void an_expired_session_starts_again_once(void **state)
{
	(void)state;
	FAKE_START(&f, {FIRST, 200, FHIR_JSON, BUNDLE(NEXT("?sessionID=17-67"), CONDITION("a", ""))},
		   {"GET /Condition?sessionID=17-67", 400, FHIR_JSON, EXPIRED},
		   {FIRST, 200, FHIR_JSON, BUNDLE(NEXT("?sessionID=18-00"), CONDITION("a", ""))},
		   {"GET /Condition?sessionID=18-00", 200, FHIR_JSON, BUNDLE("", CONDITION("b", ""))});
	assert_true(search(EHR_EPIC));
	assert_int_equal(matches.count, 2);
	assert_int_equal(matches.duplicates, 0);
}

static void an_expired_session_starts_again_only_once(void **state)
{
	(void)state;
	FAKE_START(&f, {FIRST, 200, FHIR_JSON, BUNDLE(NEXT("?s=1"), "")},
		   {"GET /Condition?s=1", 400, FHIR_JSON, EXPIRED}, {FIRST, 200, FHIR_JSON, BUNDLE(NEXT("?s=2"), "")},
		   {"GET /Condition?s=2", 400, FHIR_JSON, EXPIRED});
	assert_false(search(EHR_EPIC));
	assert_int_equal(failure.error.code, ERR_CURSOR);
}

static void entered_in_error_is_set_apart_where_it_comes(void **state)
{
	(void)state;
#define WITHDRAWN                                                                                                      \
	CONDITION("a", ",\"verificationStatus\":{\"coding\":[{\"code\":\"entered-in-error\"}]}")                       \
	"," CONDITION("b", "") "," CONDITION("c", ",\"status\":\"entered-in-error \"")
	FAKE_START(&f, {FIRST, 200, FHIR_JSON, BUNDLE("", WITHDRAWN)}, {FIRST, 200, FHIR_JSON, BUNDLE("", WITHDRAWN)});
	client = fake_client(&f, EHR_CERNER, false);
	assert_true(ehr_search(client, &arena, S("Condition"), S("patient=1"), &matches, &failure));
	assert_int_equal(matches.count, 1);
	assert_true(str_is(matches.items[0].id, "b"));
	assert_int_equal(matches.withdrawn_count, 2);
	assert_true(str_is(matches.withdrawn[1].id, "c"));
	ehr_close(client);
	client = fake_client(&f, EHR_EPIC, false);
	assert_true(ehr_search(client, &arena, S("Condition"), S("patient=1"), &matches, &failure));
	assert_int_equal(matches.count, 3);
	fake_end(&f, client);
}

static void includes_and_broken_entries_are_no_matches(void **state)
{
	(void)state;
	FAKE_START(&f, {FIRST, 200, FHIR_JSON,
			BUNDLE("", "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"1\"},\"search\":{\"mode\":"
				   "\"include\"}},{\"resource\":{\"resourceType\":\"Condition\"}},{},7,"
				   "{\"resource\":{\"resourceType\":\"Condition\",\"id\":\"a\"}}")});
	assert_true(search(EHR_GENERIC));
	assert_int_equal(matches.count, 1); /* without search.mode it is a match */
	assert_int_equal(matches.skipped, 3);
}

static void no_bundle_is_a_failure(void **state)
{
	(void)state;
	FAKE_START(&f, {FIRST, 200, FHIR_JSON, "{\"resourceType\":\"Condition\",\"id\":\"a\"}"});
	assert_false(search(EHR_GENERIC));
	assert_int_equal(failure.error.code, ERR_REMOTE);
}

static void a_later_page_is_retried_like_a_first(void **state)
{
	(void)state;
	FAKE_START(&f, {FIRST, 200, FHIR_JSON, BUNDLE(NEXT("?p=2"), CONDITION("a", ""))},
		   {"GET /Condition?p=2", 502, "text/html", "<html>"},
		   {"GET /Condition?p=2", 200, FHIR_JSON, BUNDLE("", CONDITION("b", ""))});
	assert_true(search(EHR_GENERIC));
	assert_int_equal(matches.count, 2);
	assert_int_equal(f.wait_count, 1);
}

static void a_bundle_cut_off_or_damaged_anywhere_does_no_harm(void **state)
{
	(void)state;
	static const char whole[] = BUNDLE("{\"relation\":\"self\",\"url\":\"x\"}",
					   CONDITION("a", META("1", "2020-01-01T00:00:00Z")) "," CONDITION(
						   "a", "") "," OUTCOME("warning", "59204"));
	static const char bytes[] = "\"{}[]:,0\\\x01\xff";
	char body[sizeof whole];
	const struct fake_step step = {FIRST, 200, FHIR_JSON, body};
	for (size_t i = 0; i < sizeof whole - 1; i++) {
		memcpy(body, whole, sizeof whole);
		body[i] = 0;
		fake_start(&f, &step, 1);
		assert_false(search(EHR_EPIC));
		for (size_t k = 0; k < sizeof bytes - 1; k++) {
			memcpy(body, whole, sizeof whole);
			body[i] = bytes[k];
			fake_start(&f, &step, 1);
			matches = (struct ehr_matches){0};
			if (search(EHR_EPIC))
				assert_true(matches.count <= 2);
			else
				assert_true(failure.error.code != ERR_NONE);
			arena_reset(&arena);
		}
	}
}

/* ---- page by page ------------------------------------------------------------------------------------------------ */

static size_t next_page(struct ehr_pages *pages, struct ehr_page *page, bool *more)
{
	*page = (struct ehr_page){0};
	if (!ehr_pages_next(pages, &arena, page, more, &failure))
		fail_msg("%s", failure.error.text);
	return page->count;
}

static void a_page_at_a_time_gives_each_once_and_newer_again(void **state)
{
	(void)state;
	static const struct str queries[] = {S("patient=1"), S("patient=2")};
	struct ehr_page page;
	struct error err = {0};
	bool more;
	FAKE_START(&f,
		   {FIRST, 200, FHIR_JSON,
		    BUNDLE(NEXT("?p=2"), CONDITION("a", META("1", "2020-01-01T00:00:00Z")) "," CONDITION("b", ""))},
		   {"GET /Condition?p=2", 200, FHIR_JSON,
		    BUNDLE("", CONDITION("a", META("1", "2020-01-01T00:00:00Z")) "," CONDITION("b", ""))},
		   {"GET /Condition?patient=2", 200, FHIR_JSON,
		    BUNDLE("", CONDITION("a", META("2", "2020-01-02T00:00:00Z")) "," CONDITION(
				       "b", ",\"recorder\":{\"display\":\"x\"}"))});
	client = fake_client(&f, EHR_EPIC, false);
	const struct ehr_pages_options options = {.type = S("Condition"), .queries = queries, .query_count = 2};
	struct ehr_pages *pages = ehr_pages_open(client, &options, &err);
	assert_non_null(pages);
	assert_int_equal(next_page(pages, &page, &more), 2);
	assert_true(more && str_is(page.items[1].body, "{\"resourceType\":\"Condition\",\"id\":\"b\"}"));
	assert_int_equal(next_page(pages, &page, &more), 0); /* nothing new on it */
	assert_true(more);
	assert_int_equal(next_page(pages, &page, &more), 2);
	assert_true(page.items[0].newer && str_is(page.items[0].version, "2"));
	assert_true(page.items[1].newer); /* no version, but another content */
	assert_int_equal(next_page(pages, &page, &more), 0);
	assert_false(more);
	assert_int_equal(next_page(pages, &page, &more), 0);
	const struct ehr_tally *t = ehr_pages_tally(pages);
	assert_true(t->pages == 3 && t->duplicates == 4 && t->newer == 2);
	ehr_pages_close(pages);
	fake_end(&f, client);
}

static void a_session_that_ran_out_goes_on_without_repeating(void **state)
{
	(void)state;
	static const struct str query = S("patient=1");
	struct ehr_page page;
	struct error err = {0};
	bool more;
	FAKE_START(&f, {FIRST, 200, FHIR_JSON, BUNDLE(NEXT("?s=1"), CONDITION("a", ""))},
		   {"GET /Condition?s=1", 400, FHIR_JSON, EXPIRED},
		   {FIRST, 200, FHIR_JSON, BUNDLE(NEXT("?s=2"), CONDITION("a", ""))},
		   {"GET /Condition?s=2", 200, FHIR_JSON, BUNDLE("", CONDITION("b", ""))});
	client = fake_client(&f, EHR_EPIC, false);
	const struct ehr_pages_options options = {.type = S("Condition"), .queries = &query, .query_count = 1};
	struct ehr_pages *pages = ehr_pages_open(client, &options, &err);
	assert_int_equal(next_page(pages, &page, &more), 1);
	assert_int_equal(next_page(pages, &page, &more), 0); /* the first page again */
	assert_int_equal(next_page(pages, &page, &more), 1);
	assert_true(str_is(page.items[0].id, "b"));
	assert_int_equal(ehr_pages_tally(pages)->restarts, 1);
	ehr_pages_close(pages);
	fake_end(&f, client);
}

static void included_ones_are_handed_out_when_asked_for(void **state)
{
	(void)state;
	static const struct str query = S("patient=1");
	struct ehr_page page;
	struct error err = {0};
	bool more;
	FAKE_START(&f, {FIRST, 200, FHIR_JSON,
			BUNDLE("", CONDITION("a", "") ",{\"resource\":{\"resourceType\":\"Provenance\",\"id\":\"p\"},"
						      "\"search\":{\"mode\":\"include\"}}")});
	client = fake_client(&f, EHR_EPIC, false);
	const struct ehr_pages_options options = {
		.type = S("Condition"), .queries = &query, .query_count = 1, .included = true};
	struct ehr_pages *pages = ehr_pages_open(client, &options, &err);
	assert_int_equal(next_page(pages, &page, &more), 1);
	assert_true(page.included_count == 1 && str_is(page.included[0].type, "Provenance"));
	ehr_pages_close(pages);
	fake_end(&f, client);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(follows_next_as_it_is_and_keeps_each_once),
		T(never_leaves_the_origin),
		T(a_default_port_is_the_same_origin),
		T(a_circle_of_pages_ends),
		T(outcomes_are_warnings_not_matches),
		T(missing_records_of_others_are_a_warning_only),
		T(finding_nothing_is_no_warning),
		T(a_fatal_outcome_among_entries_fails_the_search),
		T(an_expired_session_starts_again_once),
		T(an_expired_session_starts_again_only_once),
		T(entered_in_error_is_set_apart_where_it_comes),
		T(includes_and_broken_entries_are_no_matches),
		T(no_bundle_is_a_failure),
		T(a_bundle_cut_off_or_damaged_anywhere_does_no_harm),
		T(a_later_page_is_retried_like_a_first),
		T(a_page_at_a_time_gives_each_once_and_newer_again),
		T(a_session_that_ran_out_goes_on_without_repeating),
		T(included_ones_are_handed_out_when_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
