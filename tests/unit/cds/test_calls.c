/* Calls of the services over HTTP: what is answered, fetched, refused, remembered and written down. */
#include "world.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "jose/jose.h"

static struct cds_world w;

#define TOKEN "\"fhirAuthorization\":{\"access_token\":\"tok\",\"token_type\":\"Bearer\",\"expires_in\":300},"

static const char *server_of(struct arena *a, const char *url, const char *more)
{
	return arena_printf(a, "\"fhirServer\":\"%s\",%s", url, more).p;
}

static const struct json *card(const struct cds_reply *r, size_t i)
{
	return json_at(json_get(r->json, S("cards")), i);
}

static size_t cards(const struct cds_reply *r)
{
	assert_int_equal(r->status, 200);
	return json_size(json_get(r->json, S("cards")));
}

static const char *header(const struct cds_reply *r, struct arena *a, const char *name)
{
	struct str value = http_answer_header(&r->http, name);
	return value.p ? arena_str(a, value).p : "";
}

static void test_discovery(void **state)
{
	struct fixture *f = *state;
	struct arena *a = &f->arena;
	const struct http_header page = {S("Origin"), S("https://app.example")};
	cds_world_open(&w, f, &(struct cds_server_options){.origins = S("https://app.example")});
	struct cds_reply r = cds_world_ask(&w, a, "GET", "", NULL, &page, 1);
	assert_int_equal(r.status, 200);
	assert_int_equal(json_size(json_get(r.json, S("services"))), 3);
	assert_string_equal(header(&r, a, "Access-Control-Allow-Origin"), "https://app.example");
	r = cds_world_ask(&w, a, "OPTIONS", "/firth-order-sign", NULL, &page, 1);
	assert_int_equal(r.status, 204);
	assert_string_equal(header(&r, a, "Access-Control-Allow-Origin"), "https://app.example");
	assert_non_null(strstr(header(&r, a, "Access-Control-Allow-Methods"), "POST"));
	const struct http_header other[] = {{S("Origin"), S("https://evil.example")},
					    {S("Content-Type"), S("application/json")}};
	r = cds_world_ask(&w, a, "OPTIONS", "/firth-order-sign", NULL, other, 1);
	assert_string_equal(header(&r, a, "Access-Control-Allow-Origin"), "");
	r = cds_world_ask(&w, a, "POST", "/firth-order-sign", "{}", other, 2);
	assert_int_equal(r.status, 403);
	r = cds_world_ask(&w, a, "GET", "/openapi.json", NULL, NULL, 0);
	assert_int_equal(json_size(json_get(r.json, S("paths"))), 7);
	cds_world_close(&w);
}

static void test_refused(void **state)
{
	static const struct {
		const char *method, *path, *body;
		int status;
	} cases[] = {
		{"GET", "/nothing", NULL, 404},
		{"GET", "/firth-order-sign", NULL, 405},
		{"PUT", "/firth-order-sign", "{}", 405},
		{"POST", "", "{}", 405},
		{"POST", "/nothing", "{}", 404},
		{"POST", "/firth-order-sign", "{", 400},
		{"POST", "/firth-order-sign", "{\"hook\":\"order-sign\"}", 400},
		{"POST", "/firth-order-sign",
		 "{\"hook\":\"patient-view\",\"hookInstance\":\"1\",\"context\":{\"userId\":\"Practitioner/1\","
		 "\"patientId\":\"1\"}}",
		 400},
		{"POST", "/firth-order-sign/feedback", "{}", 400},
		{"POST", "/firth-order-sign/feedback", "{\"feedback\":[]}", 400},
		{"POST", "/firth-order-sign/feedback", "{\"feedback\":[{\"card\":\"x\",\"outcome\":\"liked\"}]}", 400},
		{"POST", "/firth-order-sign/feedback", "{\"feedback\":[{\"card\":\"x\",\"outcome\":\"accepted\"}]}",
		 400},
	};
	struct fixture *f = *state;
	const struct http_header type = {S("Content-Type"), S("application/json")};
	const struct http_header text = {S("Content-Type"), S("text/plain")};
	cds_world_open(&w, f, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cds_reply r =
			cds_world_ask(&w, &f->arena, cases[i].method, cases[i].path, cases[i].body, &type, 1);
		if (r.status != cases[i].status || !str_is(json_get_str(r.json, S("resourceType")), "OperationOutcome"))
			fail_msg("%s %s: %d %.*s", cases[i].method, cases[i].path, r.status, STR_ARG(r.http.body));
	}
	struct cds_reply r = cds_world_ask(&w, &f->arena, "POST", "/firth-order-sign", "{}", &text, 1);
	assert_int_equal(r.status, 415);
	cds_world_close(&w);
}

/* Everything sent along: nothing is fetched. */
static void test_sent_along(void **state)
{
	struct fixture *f = *state;
	struct arena *a = &f->arena;
	cds_world_open(&w, f, NULL);
	struct cds_reply r = cds_world_call(
		&w, "firth-order-sign",
		request_text(a, "order-sign", server_of(a, w.fhir, TOKEN), BUNDLE(ENTRY(AMOXICILLIN)),
			     "\"allergies\":" BUNDLE(ENTRY(ALLERGY("a1", "723"))) ",\"medications\":null," QUIET));
	assert_int_equal(cards(&r), 1);
	assert_int_equal(w.asked, 0);
	assert_true(str_is(json_get_str(card(&r, 0), S("indicator")), "critical"));
	assert_int_equal(json_get_str(card(&r, 0), S("uuid")).n, 36);
	r = cds_world_call(&w, "firth-order-sign",
			   request_text(a, "order-sign", "", BUNDLE(ENTRY(AMOXICILLIN)),
					"\"allergies\":null,\"medications\":null," QUIET));
	assert_int_equal(cards(&r), 0);
	/* without optional data it works as well */
	r = cds_world_call(&w, "firth-order-sign",
			   request_text(a, "order-sign", "", BUNDLE(ENTRY(AMOXICILLIN)),
					"\"allergies\":null,\"medications\":null"));
	assert_int_equal(cards(&r), 0);
	struct audit_row *rows;
	size_t count;
	struct error err = {0};
	usleep(300000);
	assert_true(store_audit_list(f->store, a, 0, 10, &rows, &count, &err));
	assert_int_equal(count, 3);
	assert_true(str_is(rows[0].event.interaction, "cds-call"));
	assert_true(str_is(rows[0].event.patient, "Patient/1"));
	assert_true(str_is(rows[0].event.detail,
			   "service firth-order-sign: 0 cards, without statements, ended, laboratory"));
	cds_world_close(&w);
}

static void test_fetched(void **state)
{
	static const struct ehr_answer answers[] = {
		{"AllergyIntolerance?patient=1&page=2", 200, BUNDLE(ENTRY(ALLERGY("a2", "723"))), 0},
		{"AllergyIntolerance?patient=1", 200,
		 "{\"resourceType\":\"Bundle\",\"link\":[{\"relation\":\"next\",\"url\":"
		 "\"%BASE%/AllergyIntolerance?patient=1&page=2\"}],\"entry\":[" ENTRY(ALLERGY("a1", "11289")) "]}",
		 0},
		{"MedicationRequest?patient=1&status=active", 200,
		 BUNDLE(ENTRY("{\"resourceType\":\"MedicationRequest\",\"id\":\"m1\",\"status\":\"active\","
			      "\"medicationReference\":{\"reference\":\"Medication/w\"}}")),
		 0},
		{"Medication/w", 200,
		 "{\"resourceType\":\"Medication\",\"id\":\"w\",\"code\":{\"coding\":[{\"system\":"
		 "\"http://www.nlm.nih.gov/research/umls/rxnorm\",\"code\":\"11289\"}]}}",
		 0},
		{"Observation", 403, "{}", 0},
		{NULL, 0, NULL, 0}};
	struct fixture *f = *state;
	struct arena *a = &f->arena;
	cds_world_open(&w, f, NULL);
	w.answers = answers;
	struct cds_reply r = cds_world_call(&w, "firth-order-sign",
					    request_text(a, "order-sign", server_of(a, w.fhir, TOKEN),
							 BUNDLE(ENTRY(AMOXICILLIN) "," ENTRY(IBUPROFEN)), NULL));
	assert_int_equal(cards(&r), 2); /* the second page's allergy, and the drug behind a reference */
	assert_true(str_find(json_get_str(card(&r, 0), S("detail")), S("AllergyIntolerance/a2")) != STR_NONE);
	assert_true(str_find(json_get_str(card(&r, 1), S("detail")), S("MedicationRequest/m1")) != STR_NONE);
	assert_string_equal(w.bearer, "Bearer tok");
	assert_int_equal(w.asked, 7);
	/* A part was sent along: the rest is fetched. An error in place of data is no data. */
	w.asked = 0;
	r = cds_world_call(
		&w, "firth-order-sign",
		request_text(a, "order-sign", server_of(a, w.fhir, ""), BUNDLE(ENTRY(AMOXICILLIN)),
			     arena_printf(a,
					  "\"allergies\":{\"resourceType\":\"Bundle\",\"link\":[{\"relation\":"
					  "\"next\",\"url\":\"%s/AllergyIntolerance?patient=1&page=2\"}]},"
					  "\"medications\":{\"resourceType\":\"OperationOutcome\"}," QUIET,
					  w.fhir)
				     .p));
	assert_int_equal(cards(&r), 1);
	assert_int_equal(w.asked, 3);
	assert_string_equal(w.bearer, "");
	cds_world_close(&w);
}

static void expect_missing(const char *more, const char *prefetch, const char *text)
{
	struct arena *a = &w.f->arena;
	struct cds_reply r = cds_world_call(&w, "firth-order-sign",
					    request_text(a, "order-sign", more, BUNDLE(ENTRY(AMOXICILLIN)), prefetch));
	if (r.status != 412 || str_find(r.http.body, str_from(text)) == STR_NONE)
		fail_msg("%d, not %s: %.*s", r.status, text, STR_ARG(r.http.body));
}

static void test_missing(void **state)
{
	static const struct ehr_answer refusing[] = {{"AllergyIntolerance", 403, "{}", 0}, {NULL, 0, NULL, 0}};
	static const struct ehr_answer slow[] = {{"AllergyIntolerance", 200, BUNDLE(""), 2500}, {NULL, 0, NULL, 0}};
	static const struct ehr_answer leading[] = {
		{"AllergyIntolerance", 200,
		 "{\"resourceType\":\"Bundle\",\"link\":[{\"relation\":\"next\",\"url\":\"http://localhost:1/x\"}]}",
		 0},
		{NULL, 0, NULL, 0}};
	static const struct ehr_answer turning[] = {
		{"AllergyIntolerance", 200,
		 "{\"resourceType\":\"Bundle\",\"link\":[{\"relation\":\"next\",\"url\":\"AllergyIntolerance?x\"}]}",
		 0},
		{NULL, 0, NULL, 0}};
	struct fixture *f = *state;
	struct arena *a = &f->arena;
	cds_world_open(&w, f, &(struct cds_server_options){.loopback = true, .fetch_ms = 400});
	expect_missing("", NULL, "no fhirServer");
	expect_missing("\"fhirServer\":\"https://evil.example/fhir\",", NULL, "cds.fhir_servers");
	expect_missing("\"fhirServer\":\"http://127.0.0.1.evil.example/fhir\",", NULL, "cds.fhir_servers");
	expect_missing("\"fhirServer\":\"http://localhost@evil.example/fhir\",", NULL, "cds.fhir_servers");
	expect_missing("",
		       "\"allergies\":{\"resourceType\":\"Bundle\",\"link\":[{\"relation\":\"next\",\"url\":\"x\"}]},"
		       "\"medications\":null",
		       "only a part");
	/* More were found than are here; what was included is none of them. */
	expect_missing(
		"",
		"\"allergies\":{\"resourceType\":\"Bundle\",\"total\":2,\"entry\":[{\"search\":{\"mode\":\"match\"},"
		"\"resource\":{\"resourceType\":\"AllergyIntolerance\"}},{\"search\":{\"mode\":\"include\"},"
		"\"resource\":{\"resourceType\":\"Patient\"}}]},\"medications\":null",
		"only a part");
	w.answers = refusing;
	expect_missing(server_of(a, w.fhir, TOKEN), NULL, "status 403");
	w.answers = leading;
	expect_missing(server_of(a, w.fhir, TOKEN), NULL, "to another server");
	w.answers = turning;
	expect_missing(server_of(a, w.fhir, TOKEN), NULL, "prefetch allergies");
	assert_true(w.asked < 250);
	w.answers = slow;
	/* the last: its EHR sleeps on */
	uint64_t began = clock_monotonic_ns();
	expect_missing(server_of(a, w.fhir, TOKEN), NULL, "in time");
	assert_true(clock_monotonic_ns() - began < 2300000000);
	cds_world_close(&w);
	cds_world_open(&w, f, &(struct cds_server_options){.loopback = true, .fetch_bytes = 100});
	expect_missing(server_of(a, w.fhir, TOKEN), NULL, "prefetch");
	cds_world_close(&w);
	/* Loopback is for those who sit here; a server that listens to others names its EHRs. */
	cds_world_open(&w, f, &(struct cds_server_options){.fhir_servers = S("https://ehr.example")});
	expect_missing(server_of(a, w.fhir, TOKEN), NULL, "cds.fhir_servers");
	cds_world_close(&w);
	/* Nor may a page of elsewhere have data of this machine fetched. */
	const struct http_header page[] = {{S("Origin"), S("https://any.example")},
					   {S("Content-Type"), S("application/json")}};
	cds_world_open(&w, f, &(struct cds_server_options){.loopback = true, .origins = S("*")});
	struct cds_reply r = cds_world_ask(
		&w, a, "POST", "/firth-order-sign",
		request_text(a, "order-sign", server_of(a, w.fhir, ""), BUNDLE(ENTRY(AMOXICILLIN)), NULL), page, 2);
	assert_int_equal(r.status, 412);
	assert_int_equal(w.asked, 0);
	cds_world_close(&w);
}

/* ---- feedback ------------------------------------------------------------------------------------------------------
 */

#define BOTH "\"allergies\":" BUNDLE(ENTRY(ALLERGY("a1", "723"))) ",\"medications\":" BUNDLE(ENTRY(WARFARIN)) "," QUIET

static struct cds_reply sign_both(const char *user)
{
	struct arena *a = &w.f->arena;
	const char *text = request_text(a, "order-sign", "", BUNDLE(ENTRY(AMOXICILLIN) "," ENTRY(IBUPROFEN)), BOTH);
	struct str copy = arena_str(a, str_from(text));
	size_t at = str_find(copy, S("Practitioner/7"));
	memcpy((char *)(uintptr_t)copy.p + at, user, strlen(user));
	return cds_world_call(&w, "firth-order-sign", copy.p);
}

static int give_feedback(struct str uuid, const char *outcome)
{
	struct arena *a = &w.f->arena;
	struct str body =
		arena_printf(a,
			     "{\"feedback\":[{\"card\":\"%.*s\",\"outcome\":\"%s\",\"outcomeTimestamp\":"
			     "\"2026-11-26T10:00:00Z\",\"overrideReason\":{\"reason\":{\"code\":\"monitored\"},"
			     "\"userComment\":\"seen\"}}]}",
			     STR_ARG(uuid), outcome);
	return cds_world_call(&w, "firth-order-sign/feedback", body.p).status;
}

static void test_feedback(void **state)
{
	struct fixture *f = *state;
	struct arena *a = &f->arena;
	struct store_fact *facts;
	struct error err = {0};
	size_t count;
	cds_world_open(&w, f, &(struct cds_server_options){.remember_ms = 3600000});
	struct cds_reply r = sign_both("Practitioner/7");
	assert_int_equal(cards(&r), 2);
	struct str critical = json_get_str(card(&r, 0), S("uuid")), warning = json_get_str(card(&r, 1), S("uuid"));
	assert_int_equal(give_feedback(critical, "overridden"), 200);
	assert_int_equal(give_feedback(warning, "accepted"), 200);
	r = sign_both("Practitioner/7");
	assert_int_equal(cards(&r), 2); /* what is critical is said again; accepting silences nothing */
	assert_int_equal(give_feedback(json_get_str(card(&r, 1), S("uuid")), "overridden"), 200);
	r = sign_both("Practitioner/7");
	assert_int_equal(cards(&r), 1);
	r = sign_both("Practitioner/8");
	assert_int_equal(cards(&r), 2);
	/* By topic, as Epic does, and about cards that nobody knows. */
	assert_int_equal(give_feedback(S("interactionDD022"), "overridden"), 200);
	assert_int_equal(give_feedback(S("d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"), "overridden"), 200);
	assert_true(store_fact_list(f->store, a, S("cds-feedback"), STR_NULL, 10, &facts, &count, &err));
	assert_int_equal(count, 5);
	for (size_t i = 0; i < count; i++)
		assert_true(str_find(facts[i].value, S("seen")) == STR_NONE);
	assert_true(store_fact_list(f->store, a, S("cds-counts"), STR_NULL, 10, &facts, &count, &err));
	assert_true(count >= 4);
	struct cds_tally *tallies;
	size_t topics, shown = 0, overridden = 0;
	cds_world_close(&w); /* what is shown is on disk then */
	assert_true(cds_tally_read(f->store, a, clock_now_ms() - 60000, &tallies, &topics, &err));
	for (size_t i = 0; i < topics; i++) {
		shown += tallies[i].shown;
		overridden += tallies[i].overridden;
	}
	assert_int_equal(shown, 7);
	assert_int_equal(overridden, 4);
	assert_true(str_is(tallies[0].topic, "allergyAX001amoxicillin") && tallies[0].shown == 4);
	assert_true(str_is(tallies[0].reasons[0].code, "monitored"));
	assert_true(cds_tally_read(f->store, a, clock_now_ms() + 60000, &tallies, &topics, &err));
	assert_int_equal(topics, 0);
	assert_true(store_fact_list(f->store, a, S("cds-override"), STR_NULL, 10, &facts, &count, &err));
	assert_int_equal(count, 2);
}

/* ---- limits --------------------------------------------------------------------------------------------------------
 */

static void test_limits(void **state)
{
	struct fixture *f = *state;
	struct arena *a = &f->arena;
	struct buf body;
	cds_world_open(&w, f, &(struct cds_server_options){.max_body = 8 << 20, .max_cards = 3});
	buf_init(&body, 64 << 20);
	for (int i = 0; i < 10001; i++)
		buf_printf(&body, "%s" ENTRY(RX("m%d", "5640", "x")), i ? "," : "", i);
	struct str entries = arena_str(a, buf_str(&body));
	struct cds_reply r = cds_world_call(
		&w, "firth-order-sign",
		request_text(a, "order-sign", "", BUNDLE(ENTRY(AMOXICILLIN)),
			     arena_printf(a, "\"allergies\":null," QUIET ",\"medications\":" BUNDLE("%.*s"),
					  STR_ARG(entries))
				     .p));
	assert_int_equal(r.status, 422);
	buf_reset(&body);
	for (int i = 0; i < 40000; i++)
		buf_printf(&body, "%s" ENTRY(RX("m%d", "5640", "x")), i ? "," : "", i);
	r = cds_world_call(&w, "firth-order-sign", arena_str(a, buf_str(&body)).p);
	assert_int_equal(r.status, 413);
	/* Many problems: the least are counted, not shown. */
	buf_reset(&body);
	for (int i = 0; i < 9; i++)
		buf_printf(&body, "%s" ENTRY(RX("d%d", "723", "x")), i ? "," : "", i);
	r = cds_world_call(&w, "firth-order-sign",
			   request_text(a, "order-sign", "", arena_printf(a, BUNDLE("%.*s"), STR_ARG(buf_str(&body))).p,
					"\"allergies\":" BUNDLE(ENTRY(ALLERGY("a1", "723"))) ",\"medications\":null"));
	assert_int_equal(cards(&r), 4);
	assert_true(str_find(json_get_str(card(&r, 3), S("summary")), S("further warnings")) != STR_NONE);
	buf_done(&body);
	cds_world_close(&w);
}

/* What is taken already cannot be removed by a suggestion; at order-select only the selected order is spoken of. */
static void test_other_hooks(void **state)
{
	struct fixture *f = *state;
	struct arena *a = &f->arena;
	cds_world_open(&w, f, NULL);
	struct cds_reply r = cds_world_call(
		&w, "firth-patient-view",
		request_text(a, "patient-view", "", NULL,
			     "\"allergies\":" BUNDLE(ENTRY(ALLERGY("a1", "723"))) ",\"medications\":" BUNDLE(
				     ENTRY(AMOXICILLIN)) "," QUIET));
	assert_int_equal(cards(&r), 1);
	assert_null(json_get(card(&r, 0), S("suggestions")));
	assert_true(str_starts(json_get_str(card(&r, 0), S("detail")), S("**Taken:**")));
	const char *select = request_text(
		a, "order-select", "",
		BUNDLE(ENTRY(AMOXICILLIN) "," ENTRY(IBUPROFEN)) ",\"selections\":[\"MedicationRequest/d2\"]", BOTH);
	r = cds_world_call(&w, "firth-order-select", select);
	assert_int_equal(cards(&r), 1);
	assert_true(str_starts(json_get_str(card(&r, 0), S("summary")), S("Ibuprofen with warfarin")));
	cds_world_close(&w);
}

static void test_epic(void **state)
{
	struct fixture *f = *state;
	struct arena *a = &f->arena;
	cds_world_open(&w, f, NULL);
	struct cds_reply r = cds_world_call(
		&w, "firth-order-sign",
		request_text(a, "order-sign", "\"extension\":{\"com.epic.cdshooks.request.epic-version\":\"11.1\"},",
			     BUNDLE(ENTRY(IBUPROFEN)),
			     "\"allergies\":null,\"medications\":" BUNDLE(ENTRY(WARFARIN)) "," QUIET));
	assert_int_equal(cards(&r), 1);
	assert_int_equal(json_size(json_get(card(&r, 0), S("suggestions"))), 1);
	assert_true(str_is(json_get_str(card(&r, 0), S("selectionBehavior")), "any"));
	cds_world_close(&w);
}

static void test_policy(void **state)
{
	static const struct policy_line lines[] = {{.rule = {"DD022", 5}, .role = {"pharmacist", 10}}};
	static const char role[] =
		"\"user\":{\"resourceType\":\"PractitionerRole\",\"code\":[{\"coding\":[{\"code\":"
		"\"pharmacist\"}]}]},\"allergies\":null,\"medications\":" BUNDLE(ENTRY(WARFARIN)) "," QUIET;
	struct fixture *f = *state;
	struct arena *a = &f->arena;
	cds_world_open(&w, f, NULL);
	w.policy.lines = lines; /* off for one role */
	w.policy.line_count = 1;
	struct cds_reply r = cds_world_call(&w, "firth-order-sign",
					    request_text(a, "order-sign", "", BUNDLE(ENTRY(IBUPROFEN)), role));
	assert_int_equal(cards(&r), 0);
	r = cds_world_call(&w, "firth-order-sign",
			   request_text(a, "order-sign", "", BUNDLE(ENTRY(IBUPROFEN)), strstr(role, "\"allergies")));
	assert_int_equal(cards(&r), 1);
	cds_world_close(&w);
}

/* ---- tokens of EHRs whose keys are at a URL ------------------------------------------------------------------------
 */

static struct str signed_token(const struct jose_key *key, const char *jku, int number)
{
	struct arena *a = &w.f->arena;
	struct error err = {0};
	struct buf token;
	struct str claims =
		arena_printf(a,
			     "{\"iss\":\"https://ehr.example\",\"aud\":\"%s/cds-services/firth-order-sign\","
			     "\"exp\":%lld,\"jti\":\"n%d\"}",
			     w.base, (long long)(clock_now_ms() / 1000 + 300), number);
	buf_init(&token, 64 * 1024);
	assert_true(jose_sign_linked(key, str_from(jku), claims, &token, &err));
	struct str header = arena_printf(a, "Bearer %.*s", STR_ARG(buf_str(&token)));
	buf_done(&token);
	return header;
}

static int call_with(struct str authorization)
{
	struct arena *a = &w.f->arena;
	const struct http_header headers[] = {{S("Content-Type"), S("application/json")},
					      {S("Authorization"), authorization}};
	const char *text = request_text(a, "order-sign", "", BUNDLE(ENTRY(AMOXICILLIN)), BOTH);
	return cds_world_ask(&w, a, "POST", "/firth-order-sign", text, headers, 2).status;
}

/* An override of an information does not silence the warning that it has become. */
static void test_raised(void **state)
{
	static const struct policy_line low = {.rule = {"DD022", 5}, .action = POLICY_INFO};
	struct fixture *f = *state;
	cds_world_open(&w, f, &(struct cds_server_options){.remember_ms = 3600000});
	w.policy.lines = &low;
	w.policy.line_count = 1;
	struct cds_reply r = sign_both("Practitioner/7");
	assert_int_equal(cards(&r), 2);
	assert_true(str_is(json_get_str(card(&r, 1), S("indicator")), "info"));
	assert_int_equal(give_feedback(json_get_str(card(&r, 1), S("uuid")), "overridden"), 200);
	r = sign_both("Practitioner/7");
	assert_int_equal(cards(&r), 1);
	w.policy.line_count = 0;
	r = sign_both("Practitioner/7");
	assert_int_equal(cards(&r), 2);
	cds_world_close(&w);
}

static void test_keys_by_url(void **state)
{
	struct fixture *f = *state;
	struct arena *a = &f->arena;
	struct error err = {0};
	struct buf set;
	struct cds_ehr ehr = {.issuer = S("https://ehr.example")};
	struct jose_key *key = jose_key_new(JOSE_ES384, &err), *other = jose_key_new(JOSE_ES384, &err);
	struct ehr_answer answers[] = {{"jwks", 200, NULL, 0}, {NULL, 0, NULL, 0}};
	assert_non_null(key);
	buf_init(&set, 64 * 1024);
	assert_true(jose_key_write_public_set(key, &set, &err));
	answers[0].body = arena_str(a, buf_str(&set)).p;
	/* Its port is known only when it listens. */
	cds_world_open(&w, f, NULL);
	const char *jku = arena_printf(a, "%s/jwks", w.fhir).p;
	ehr.key_urls = str_from(jku);
	cds_server_close(w.cds);
	w.cds = cds_server_open(&(struct cds_server_options){.services = w.services,
							     .service_count = 2,
							     .store = f->store,
							     .base_url = str_from(w.base),
							     .clients = &ehr,
							     .client_count = 1},
				&err);
	assert_non_null(w.cds);
	w.answers = answers;
	assert_int_equal(call_with(signed_token(key, jku, 1)), 200);
	assert_int_equal(call_with(signed_token(key, jku, 2)), 200);
	assert_int_equal(w.asked, 1); /* the keys are kept */
	assert_int_equal(call_with(signed_token(key, jku, 2)), 401);
	assert_int_equal(call_with(signed_token(other, jku, 3)), 401);
	assert_int_equal(call_with(STR_NULL), 401);
	cds_world_close(&w);
	jose_key_free(key);
	jose_key_free(other);
	buf_done(&set);
}

/* ---- waiting -------------------------------------------------------------------------------------------------------
 */

static void *call_slowly(void *arg)
{
	struct arena a;
	struct error err = {0};
	struct http_answer answer = {0};
	const struct http_header type = {S("Content-Type"), S("application/json")};
	arena_init(&a, 16 << 20);
	struct http_client *client = http_client_new(NULL, &err);
	const struct http_call call = {.method = S("POST"),
				       .url = arena_printf(&a, "%s/cds-services/firth-order-sign", w.base),
				       .headers = &type,
				       .header_count = 1,
				       .body = str_from(arg)};
	bool ok = http_call(client, &a, &call, &answer, &err) && answer.status == 200;
	http_client_free(client);
	arena_done(&a);
	return ok ? arg : NULL;
}

/* The server has one thread; calls that wait for their EHR leave it free. */
static void test_no_thread_held(void **state)
{
	enum { SLOW = 4 };
	static const struct ehr_answer slow[] = {{"AllergyIntolerance", 200, BUNDLE(""), 700}, {NULL, 0, NULL, 0}};
	struct fixture *f = *state;
	struct arena *a = &f->arena;
	pthread_t threads[SLOW];
	cds_world_open(&w, f, NULL);
	w.answers = slow;
	const char *text = request_text(a, "order-sign", server_of(a, w.fhir, ""), BUNDLE(ENTRY(AMOXICILLIN)),
					"\"medications\":null," QUIET);
	for (size_t i = 0; i < SLOW; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_slowly, (void *)(uintptr_t)text), 0);
	while (__atomic_load_n(&w.asked, __ATOMIC_SEQ_CST) < SLOW)
		usleep(5000);
	uint64_t began = clock_monotonic_ns();
	struct cds_reply r = cds_world_ask(&w, a, "GET", "", NULL, NULL, 0);
	assert_int_equal(r.status, 200);
	assert_true(clock_monotonic_ns() - began < 400000000);
	for (size_t i = 0; i < SLOW; i++) {
		void *ok;
		pthread_join(threads[i], &ok);
		assert_non_null(ok);
	}
	cds_world_close(&w);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {TEST(test_discovery),     TEST(test_refused), TEST(test_sent_along),
					   TEST(test_fetched),	     TEST(test_missing), TEST(test_feedback),
					   TEST(test_limits),	     TEST(test_epic),	 TEST(test_other_hooks),
					   TEST(test_policy),	     TEST(test_raised),	 TEST(test_keys_by_url),
					   TEST(test_no_thread_held)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
