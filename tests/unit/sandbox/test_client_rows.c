/*
 * What a client of both vendors must do, rule by rule, over the sandboxes' real HTTP: row_N_ is rule N of the list of
 * rules for tolerant clients. Bulk exports (rule 12) are tested with their room.
 */
#include "client.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "ehr/login.h"
#include "ehr/plan.h"
#include "fhir/resource.h"
#include "normal/normal.h"
#include "population/writing.h"
#include "sandbox/faults_priv.h"

struct rig {
	struct client_world *c;
	struct ehr_client *ehr;
	struct http_client *http;
	char key_file[64];
	unsigned calls, accepted; /* to the FHIR base, and those with the right Accept */
	struct str token_body, url; /* of the last token request; of the last call */
};

static void no_sleep(unsigned ms)
{
	(void)ms;
}

static bool call(void *ctx, struct arena *a, const struct http_call *how, struct http_answer *ret_answer,
		 struct error *err)
{
	struct rig *r = ctx;
	bool fhir = str_starts(how->url, r->c->world->base) && str_find(how->url, S("well-known")) == STR_NONE;
	r->calls += fhir;
	r->url = arena_str(&r->c->arena, how->url);
	for (size_t i = 0; i < how->header_count && fhir; i++)
		r->accepted += str_is(how->headers[i].name, "Accept") &&
			       str_is(how->headers[i].value, "application/fhir+json");
	if (str_is(how->method, "POST") && !fhir)
		r->token_body = arena_str(&r->c->arena, how->body);
	return http_call(r->http, a, how, ret_answer, err);
}

static struct rig *open_rig(enum ehr_vendor vendor, const char *tail, bool identified)
{
	static struct rig rig;
	static struct ehr_transport transport;
	struct rig *r = &rig;
	struct error err = {0};
	struct buf text;
	*r = (struct rig){.c = open_client(vendor, "", 3)};
	buf_init(&text, 1 << 16);
	must(jose_key_write_private(r->c->key, &text, &err), &err);
	snprintf(r->key_file, sizeof r->key_file, "/tmp/firth-rows-key-%d", (int)getpid());
	must(file_write(str_from(r->key_file), buf_str(&text), 0600, &err), &err);
	buf_done(&text);
	r->http = http_client_new(&(struct http_client_options){.timeout_ms = 5000}, &err);
	must(r->http, &err);
	transport = (struct ehr_transport){call, r};
	const struct ehr_config config = {
		.name = S("rows"),
		.vendor = vendor,
		.base_url = arena_printf(&r->c->arena, "%.*s%s", STR_ARG(r->c->world->base), tail),
		.client_id = identified ? S("client-1") : STR_NULL,
		.key_file = identified ? str_from(r->key_file) : STR_NULL};
	r->ehr = ehr_open(&config,
			  &(struct ehr_client_options){
				  .definitions = definitions_builtin(), .sleep_ms = no_sleep, .transport = &transport},
			  &err);
	must(r->ehr, &err);
	return r;
}

static void close_rig(struct rig *r)
{
	ehr_close(r->ehr);
	http_client_free(r->http);
	unlink(r->key_file);
	close_client(r->c);
}

static void fault(struct rig *r, const char *text)
{
	struct error err = {0};
	fault_clear_all(r->c->world->sandbox);
	if (text)
		must(fault_set(r->c->world->sandbox, str_from(text), &err), &err);
}

static bool read_patient(struct rig *r, struct ehr_resource *ret_resource, struct ehr_failure *f)
{
	*f = (struct ehr_failure){0};
	return ehr_read(r->ehr, &r->c->arena, S("Patient"), r->c->world->patient, ret_resource, f);
}

static void find(struct rig *r, const char *type, const char *more, struct ehr_matches *ret_matches)
{
	struct ehr_failure f = {0};
	struct str query = arena_printf(&r->c->arena, "patient=%.*s%s", STR_ARG(r->c->world->patient), more);
	must(ehr_search(r->ehr, &r->c->arena, str_from(type), query, ret_matches, &f), &f.error);
}

#define FOR_BOTH(v) for (int v = EHR_EPIC; v <= EHR_CERNER; v++)

static void row_1_answers_are_looked_at_before_they_are_parsed(void **state)
{
	(void)state;
	FOR_BOTH(v)
	{
		struct rig *r = open_rig((enum ehr_vendor)v, "", true);
		struct ehr_resource got;
		struct ehr_failure f;
		must(read_patient(r, &got, &f), &f.error);
		assert_true(r->calls == 1 && r->accepted == 1);
		fault(r, "html=1");
		assert_false(read_patient(r, &got, &f));
		assert_string_equal(f.body, "with a page of HTML");
		close_rig(r);
		r = open_rig((enum ehr_vendor)v, "", false); /* bodies that are empty, or two quotes */
		assert_false(read_patient(r, &got, &f));
		assert_int_equal(f.http_status, 401);
		close_rig(r);
	}
}

static void row_2_a_failure_is_one_value_and_later_is_not_never(void **state)
{
	(void)state;
	FOR_BOTH(v)
	{
		struct rig *r = open_rig((enum ehr_vendor)v, "", true);
		struct ehr_resource got;
		struct ehr_failure f = {0};
		assert_false(ehr_read(r->ehr, &r->c->arena, S("Patient"), S("nobody"), &got, &f));
		assert_true(f.http_status == 404 && f.error.code == ERR_NOT_FOUND && !f.retryable);
		assert_true(f.correlation_id[0] != 0);
		if (v == EHR_EPIC)
			assert_string_equal(f.vendor_code, "59008");
		static const char *const later[] = {"429=1", "503=2", "504=1", "cut=1"};
		for (size_t i = 0; i < 4; i++) {
			fault(r, later[i]);
			must(read_patient(r, &got, &f), &f.error);
		}
		fault(r, "500"); /* a fatal outcome: once is enough */
		r->calls = 0;
		assert_false(read_patient(r, &got, &f));
		assert_true(r->calls == 1 && !f.retryable);
		close_rig(r);
	}
}

static void row_3_token_answers_are_read_as_they_come(void **state)
{
	(void)state;
	FOR_BOTH(v) /* "bearer" and "Bearer" */
	{
		struct rig *r = open_rig((enum ehr_vendor)v, "", true);
		struct ehr_resource got;
		struct ehr_failure f;
		bool needed;
		must(ehr_token_now(r->ehr, &r->c->arena, &needed, &f), &f.error);
		assert_true(needed);
		must(read_patient(r, &got, &f), &f.error);
		close_rig(r);
	}
}

static void row_4_a_token_that_ends_early_is_renewed(void **state)
{
	(void)state;
	FOR_BOTH(v)
	{
		struct rig *r = open_rig((enum ehr_vendor)v, "", true);
		struct ehr_resource got;
		struct ehr_failure f;
		fault(r, "token-expiry=2");
		for (int i = 0; i < 5; i++)
			must(read_patient(r, &got, &f), &f.error);
		assert_in_range(r->calls, 6, 9); /* five, and those that found the token ended */
		close_rig(r);
	}
}

static void row_5_scopes_are_asked_for_as_the_vendor_wants_and_compared(void **state)
{
	(void)state;
	FOR_BOTH(v)
	{
		struct rig *r = open_rig((enum ehr_vendor)v, "", true);
		struct ehr_resource got;
		struct ehr_failure f;
		struct ehr_scope_line *lines;
		struct error err = {0};
		size_t count;
		must(read_patient(r, &got, &f), &f.error);
		bool named = str_find(r->token_body, S("scope=")) != STR_NONE;
		assert_int_equal(named, v == EHR_CERNER);
		if (named)
			assert_true(str_find(r->token_body, S("%2A")) == STR_NONE); /* no wildcards */
		struct str granted = ehr_granted_scopes(r->ehr);
		assert_true(granted.n > 0);
		must(ehr_scope_compare(&r->c->arena, S("system/Patient.rs system/Nothing.rs"), granted, &lines, &count,
				       &err),
		     &err);
		assert_true(lines[0].fate == EHR_SCOPE_GRANTED || lines[0].fate == EHR_SCOPE_PARTLY);
		assert_int_equal(lines[1].fate, EHR_SCOPE_REFUSED);
		close_rig(r);
	}
}

static void row_6_pages_are_followed_and_each_resource_comes_once(void **state)
{
	(void)state;
	FOR_BOTH(v)
	{
		struct rig *r = open_rig((enum ehr_vendor)v, "", true);
		struct ehr_matches right, again;
		find(r, "Observation", "&category=vital-signs&_count=4", &right);
		assert_true(right.pages > 1 && right.count > 4);
		if (v == EHR_EPIC)
			assert_true(right.outcomes > 0); /* and none of them is a match */
		for (size_t i = 0; i < right.count; i++)
			assert_true(str_is(right.items[i].type, "Observation"));
		fault(r, "duplicates");
		find(r, "Observation", "&category=vital-signs&_count=4", &again);
		assert_true(again.count == right.count && again.duplicates > 0);
		if (v == EHR_EPIC) { /* 4113: once more from the start */
			fault(r, "expired-pages=1");
			find(r, "Observation", "&category=vital-signs&_count=4", &again);
			assert_int_equal(again.count, right.count);
		}
		close_rig(r);
	}
}

/* What passes the filter of a plan, and what came. */
static void sift(struct rig *r, enum ehr_vendor vendor, const char *type, const char *more, size_t *ret_came,
		 size_t *ret_kept)
{
	struct ehr_plan plan;
	struct error err = {0};
	struct ehr_failure f = {0};
	struct ehr_page page;
	bool goes_on = true, holds;
	const struct definitions *d = definitions_builtin();
	const struct ehr_plan_options options = {
		.vendor = vendor,
		.type = definitions_resource(d, str_from(type)),
		.query = arena_printf(&r->c->arena, "patient=%.*s%s", STR_ARG(r->c->world->patient), more)};
	must(ehr_plan_make(&options, &r->c->arena, &plan, &err), &err);
	assert_true(plan.count > 0 && plan.filter.n > 0);
	struct ehr_sieve *sieve = ehr_sieve_new(d, options.type, plan.filter, r->c->world->base, &err);
	must(sieve, &err);
	const struct ehr_pages_options asked = {.type = plan.type, .queries = plan.queries, .query_count = plan.count};
	struct ehr_pages *pages = ehr_pages_open(r->ehr, &asked, &err);
	must(pages, &err);
	*ret_came = *ret_kept = 0;
	while (goes_on) {
		page = (struct ehr_page){0};
		must(ehr_pages_next(pages, &r->c->arena, &page, &goes_on, &f), &f.error);
		*ret_came += page.count;
		for (size_t i = 0; i < page.count; i++) {
			must(ehr_sieve_holds(sieve, &r->c->arena, page.items[i].resource, &holds, &err), &err);
			*ret_kept += holds;
		}
	}
	ehr_pages_close(pages);
	ehr_sieve_free(sieve);
}

static void row_7_what_the_vendor_ignores_is_filtered_here(void **state)
{
	(void)state;
	size_t came, kept;
	struct rig *r = open_rig(EHR_EPIC, "", true);
	sift(r, EHR_EPIC, "Observation", "&category=vital-signs&status=amended", &came, &kept);
	assert_true(came > 0 && kept == 0);
	sift(r, EHR_EPIC, "Observation", "&category=vital-signs&status=final", &came, &kept);
	assert_true(came > 0 && kept == came);
	close_rig(r);
	/* And what was entered in error is set apart. */
	r = open_rig(EHR_CERNER, "", true);
	struct ehr_matches m;
	find(r, "Condition", "", &m);
	for (size_t i = 0; i < m.count; i++)
		assert_true(str_find(m.items[i].body, S("\"entered-in-error\"")) == STR_NONE);
	for (size_t i = 0; i < m.withdrawn_count; i++)
		assert_true(str_find(m.withdrawn[i].body, S("entered-in-error")) != STR_NONE);
	close_rig(r);
}

static void row_8_a_version_is_an_opaque_text_or_none(void **state)
{
	(void)state;
	FOR_BOTH(v)
	{
		struct rig *r = open_rig((enum ehr_vendor)v, "", true);
		struct ehr_resource got;
		struct ehr_failure f;
		must(read_patient(r, &got, &f), &f.error);
		assert_int_equal(got.version.p != NULL, v == EHR_CERNER);
		close_rig(r);
	}
}

static void row_9_a_write_that_cannot_be_fails_early_with_a_reason(void **state)
{
	(void)state;
	static const struct {
		enum ehr_vendor vendor;
		const char *body, *reason;
	} writes[] = {
		{EHR_EPIC, "{\"resourceType\":\"Flag\",\"status\":\"active\"}", "does not let clients write Flag"},
		{EHR_CERNER, "{\"resourceType\":\"Flag\",\"status\":\"active\"}", "has no Flag"},
		{EHR_EPIC, "{\"resourceType\":\"DiagnosticReport\",\"status\":\"final\"}",
		 "update DiagnosticReport, not create"},
		{EHR_CERNER, "{\"resourceType\":\"DiagnosticReport\",\"status\":\"final\"}", "breaks"},
	};
	struct arena a;
	arena_init(&a, 16 << 20);
	for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
		struct writing_plan plan;
		struct error err = {0};
		const struct writing_options options = {.definitions = definitions_builtin(),
							.vendor = writes[i].vendor,
							.ehr = S("rows"),
							.exact = true};
		must(writing_plan_make(&options, &a, json_parse(&a, str_from(writes[i].body), 0, &err), &plan, &err),
		     &err);
		assert_int_equal(plan.count, 0);
		if (str_find(plan.reason, str_from(writes[i].reason)) == STR_NONE)
			fail_msg("%.*s", STR_ARG(plan.reason));
	}
	arena_done(&a);
}

static void row_10_codings_are_found_by_their_system_in_any_order(void **state)
{
	(void)state;
	struct error err = {0};
	struct normaliser *n = normaliser_new(definitions_builtin(), &err);
	must(n, &err);
	FOR_BOTH(v)
	{
		struct rig *r = open_rig((enum ehr_vendor)v, "", true);
		struct ehr_matches m;
		struct buf out;
		enum normal_fate fate;
		size_t standard = 0;
		find(r, "Observation", "&category=vital-signs", &m);
		buf_init(&out, 1 << 20);
		for (size_t i = 0; i < m.count; i++) {
			const struct normal_options options = {.vendor = v == EHR_EPIC ? NORMAL_EPIC : NORMAL_CERNER,
							       .base_url = r->c->world->base};
			buf_reset(&out);
			must(normalise(n, m.items[i].resource, &options, &out, NULL, &fate, &err), &err);
			const struct json *j = json_parse(&r->c->arena, buf_str(&out), 0, &err);
			struct json_iter it = json_iter(json_get(json_get(j, S("code")), S("coding")));
			bool first = json_next(&it);
			standard += first && str_is(json_get_str(it.value, S("system")), "http://loinc.org");
		}
		buf_done(&out);
		assert_true(m.count > 0 && standard == m.count);
		close_rig(r);
	}
	normaliser_free(n);
}

static void row_11_references_lead_to_what_they_mean(void **state)
{
	(void)state;
	FOR_BOTH(v)
	{
		struct rig *r = open_rig((enum ehr_vendor)v, "", true);
		struct ehr_matches m;
		struct ehr_resource got;
		struct ehr_failure f = {0};
		find(r, "Observation", "&category=vital-signs", &m);
		static const char *const members[] = {"subject", "encounter"};
		for (size_t i = 0; i < 2; i++) {
			struct str text =
				json_get_str(json_get(m.items[0].resource, str_from(members[i])), S("reference"));
			if (!text.n)
				continue;
			struct reference ref = reference_parse(definitions_builtin(), text);
			must(ehr_read(r->ehr, &r->c->arena, ref.type, ref.id, &got, &f), &f.error);
		}
		close_rig(r);
	}
}

/* The claims of an assertion in a form. */
static const struct json *claims_of(struct rig *r)
{
	struct error err = {0};
	size_t at = str_find(r->token_body, S("client_assertion=ey"));
	assert_true(at != STR_NONE);
	struct str rest = str_slice(r->token_body, at + 17, r->token_body.n), jwt = str_split(&rest, '&');
	(void)str_split(&jwt, '.');
	struct str payload = str_split(&jwt, '.');
	struct buf plain;
	buf_init(&plain, 1 << 16);
	assert_true(decode_base64url(&plain, payload));
	const struct json *claims = json_parse(&r->c->arena, arena_str(&r->c->arena, buf_str(&plain)), 0, &err);
	must(claims, &err);
	buf_done(&plain);
	return claims;
}

static void row_14_assertions_are_dated_back_short_and_new(void **state)
{
	(void)state;
	FOR_BOTH(v)
	{
		struct str ids[2];
		struct rig *r = open_rig((enum ehr_vendor)v, "", true);
		struct ehr_resource got;
		struct ehr_failure f;
		for (int i = 0; i < 2; i++) {
			int64_t iat, exp, now = clock_now_ms() / 1000;
			fault(r, i ? "token-expiry=1" : NULL);
			must(read_patient(r, &got, &f), &f.error);
			if (i)
				must(read_patient(r, &got, &f), &f.error);
			const struct json *claims = claims_of(r);
			assert_true(str_to_i64(json_number(json_get(claims, S("iat"))), &iat));
			assert_true(str_to_i64(json_number(json_get(claims, S("exp"))), &exp));
			assert_in_range(now - iat, 25, 40);
			assert_in_range(exp - now, 60, 270);
			assert_true(exp - iat <= 300);
			ids[i] = json_get_str(claims, S("jti"));
			assert_true(ids[i].n > 0 && ids[i].n <= 151);
		}
		assert_false(str_eq(ids[0], ids[1]));
		close_rig(r);
	}
}

static void row_15_one_slash_at_the_end_makes_no_difference(void **state)
{
	(void)state;
	FOR_BOTH(v)
	{
		struct rig *r = open_rig((enum ehr_vendor)v, "/", true);
		struct ehr_resource got;
		struct ehr_failure f;
		must(read_patient(r, &got, &f), &f.error);
		assert_true(str_find(str_slice(r->url, 8, r->url.n), S("//")) == STR_NONE);
		close_rig(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_1_answers_are_looked_at_before_they_are_parsed),
		cmocka_unit_test(row_2_a_failure_is_one_value_and_later_is_not_never),
		cmocka_unit_test(row_3_token_answers_are_read_as_they_come),
		cmocka_unit_test(row_4_a_token_that_ends_early_is_renewed),
		cmocka_unit_test(row_5_scopes_are_asked_for_as_the_vendor_wants_and_compared),
		cmocka_unit_test(row_6_pages_are_followed_and_each_resource_comes_once),
		cmocka_unit_test(row_7_what_the_vendor_ignores_is_filtered_here),
		cmocka_unit_test(row_8_a_version_is_an_opaque_text_or_none),
		cmocka_unit_test(row_9_a_write_that_cannot_be_fails_early_with_a_reason),
		cmocka_unit_test(row_10_codings_are_found_by_their_system_in_any_order),
		cmocka_unit_test(row_11_references_lead_to_what_they_mean),
		cmocka_unit_test(row_14_assertions_are_dated_back_short_and_new),
		cmocka_unit_test(row_15_one_slash_at_the_end_makes_no_difference),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
