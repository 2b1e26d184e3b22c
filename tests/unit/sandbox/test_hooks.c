/*
 * CDS Hooks: the sandbox as the caller of a service, which is a small one of this
 * test. What is asked of it, what is made of its answer, and which of its mistakes are told.
 */
#include "hook_world.h"

#include <stdio.h>

#include "jose/jose.h"

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static struct http_answer call(const char *body)
{
	return ask_url(
		w, arena_printf(&w->arena, "%.*s/sandbox/hooks", STR_ARG(w->host)),
		(struct asked){
			.method = "POST", .accept = "application/json", .type = "application/json", .body = body});
}

static const struct json *called(const char *hook, const char *patient, const char *more)
{
	const char *body =
		arena_printf(&w->arena,
			     "{\"hook\":\"%s\",\"service\":\"%.*s/svc\",\"patient\":\"%s\",\"client_id\":\"cds\"%s}",
			     hook, STR_ARG(service.base), patient, more)
			.p;
	struct http_answer answer = call(body);
	if (answer.status != 200)
		fail_msg("%d %.*s", answer.status, STR_ARG(answer.body));
	return parsed(w, answer);
}

static const struct json *got(void)
{
	struct error err = {0};
	const struct json *j = json_parse(&w->arena, arena_str(&w->arena, str_from(service.got)), 0, &err);
	must(j, &err);
	return j;
}

static bool is_found(const struct json *run, const char *where, const char *what)
{
	struct json_iter it = json_iter(json_get(run, S("findings")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("where")), where) &&
		    str_find(json_get_str(it.value, S("what")), str_from(what)) != STR_NONE)
			return true;
	return false;
}

/* ---- Epic -------------------------------------------------------------------------------------------------------- */

static void epic_calls_with_its_jwt_and_extensions(void **state)
{
	(void)state;
	open_vendor(EHR_EPIC, NULL);
	called("patient-view", CAMILA,
	       ",\"encounter\":\"visit-7\",\"prefetch\":{\"who\":\"Patient/"
	       "{{context.patientId}}\",\"none\":\"Condition?patient="
	       "{{context.patientId}}&code=nothing\",\"outside\":\"Observation?patient={{context.patientId}}&"
	       "category=laboratory\",\"user\":\"{{userPractitionerId}}\"}");
	const struct json *j = got(), *context = json_get(j, S("context")), *prefetch = json_get(j, S("prefetch"));
	assert_int_equal(service.discoveries, 0);
	assert_true(str_is(json_get_str(j, S("hook")), "patient-view"));
	assert_int_equal(json_get_str(j, S("hookInstance")).n, 36);
	assert_true(str_eq(json_get_str(j, S("fhirServer")), w->base));
	assert_true(str_is(json_get_str(context, S("patientId")), CAMILA));
	assert_true(str_is(json_get_str(context, S("encounterId")), "visit-7"));
	assert_true(str_starts(json_get_str(context, S("userId")), S("Practitioner/")));
	assert_null(json_get(context, S("draftOrders")));
	/* what came along: as Epic answers, the outcome of nothing found among it; what the app may not read is left
	 * out */
	assert_true(str_is(json_get_str(json_get(prefetch, S("who")), S("id")), CAMILA));
	assert_null(json_get(json_get(prefetch, S("who")), S("meta")));
	const struct json *none = json_get(prefetch, S("none"));
	assert_true(str_is(json_get_str(none, S("type")), "searchset"));
	assert_true(json_size(json_get(none, S("entry"))) == 1);
	assert_null(json_get(prefetch, S("outside")));
	/* the token opens what the app may */
	const struct json *fhir = json_get(j, S("fhirAuthorization"));
	assert_true(str_is(json_number(json_get(fhir, S("expires_in"))), "300"));
	assert_true(str_is(json_get_str(fhir, S("subject")), "cds"));
	assert_true(str_find(json_get_str(fhir, S("scope")), S("Patient.Read")) != STR_NONE);
	struct asked with = {.accept = "application/fhir+json", .token = json_get_str(fhir, S("access_token"))};
	assert_int_equal(ask(w, "Patient/" CAMILA, with).status, 200);
	assert_int_equal(ask(w, "Encounter?patient=" CAMILA, with).status, 403);
	const struct json *extension = json_get(j, S("extension"));
	assert_true(str_is(json_get_str(extension, S("com.epic.cdshooks.request.bpa-trigger-action")), "60"));
	assert_true(json_get_str(extension, S("internal.epic.cdshooks.request.epic-emp-id")).n > 0);
	assert_int_equal(json_size(extension), 8);
	close_vendor();
}

static void epic_signs_its_calls(void **state)
{
	(void)state;
	open_vendor(EHR_EPIC, NULL);
	struct jose_token token;
	struct error err = {0};
	called("patient-view", CAMILA, "");
	struct str header = str_from(service.authorization);
	assert_true(str_starts(header, S("Bearer ")));
	struct str jwt = str_slice(header, 7, header.n);
	must(jose_peek(&w->arena, jwt, &token, &err), &err);
	assert_true(str_is(token.algorithm, "RS384"));
	assert_true(str_ends(token.jku, S("/api/epic/2019/Security/Open/PublicKeys/530013/530013")));
	/* the keys are where it says */
	struct jose_key_set *keys = jose_key_set_parse(parsed(w, ask_url(w, token.jku, JSON)), &err);
	must(keys, &err);
	must(jose_verify(&w->arena, jwt, keys, &token, &err), &err);
	jose_key_set_free(keys);
	assert_true(str_eq(json_get_str(token.claims, S("iss")), w->base));
	assert_true(str_eq(json_get_str(token.claims, S("aud")),
			   arena_printf(&w->arena, "%.*s/svc", STR_ARG(service.base))));
	assert_true(str_is(json_get_str(token.claims, S("sub")), "cds"));
	int64_t iat = 0, nbf = 0, exp = 0;
	assert_true(str_to_i64(json_number(json_get(token.claims, S("iat"))), &iat) &&
		    str_to_i64(json_number(json_get(token.claims, S("nbf"))), &nbf) &&
		    str_to_i64(json_number(json_get(token.claims, S("exp"))), &exp));
	assert_int_equal(iat - nbf, 300);
	assert_int_equal(exp - iat, 900);
	assert_true(json_get_str(token.claims, S("jti")).n > 0);
	close_vendor();
}

static void epic_sends_draft_orders(void **state)
{
	static const struct {
		const char *hook, *trigger;
		bool selections;
	} hooks[] = {{"order-select", "18", true}, {"order-sign", "23", false}};
	(void)state;
	open_vendor(EHR_EPIC, NULL);
	/* somebody who takes something */
	const char *patient = NULL;
	for (size_t i = 0; i < w->loaded.patient_count && !patient; i++) {
		const char *id = arena_printf(&w->arena, "%.*s", STR_ARG(w->loaded.patients[i])).p;
		const char *body =
			arena_printf(
				&w->arena,
				"{\"hook\":\"order-sign\",\"service\":\"%.*s/svc\",\"client_id\":\"cds\",\"patient\":"
				"\"%s\"}",
				STR_ARG(service.base), id)
				.p;
		if (call(body).status == 200)
			patient = id;
	}
	assert_non_null(patient);
	for (size_t i = 0; i < 2; i++) {
		called(hooks[i].hook, patient, "");
		const struct json *context = json_get(got(), S("context")),
				  *drafts = json_get(context, S("draftOrders"));
		assert_true(str_is(json_get_str(drafts, S("type")), "collection"));
		assert_true(json_size(json_get(drafts, S("entry"))) > 0);
		const struct json *entry = json_at(json_get(drafts, S("entry")), 0),
				  *order = json_get(entry, S("resource"));
		assert_null(json_get(entry, S("fullUrl")));
		assert_true(str_is(json_get_str(order, S("status")), "draft"));
		assert_int_equal(json_get_str(order, S("id")).n, 200); /* longer than FHIR lets ids be */
		/* what it leads to comes along */
		struct str medication = json_get_str(json_get(order, S("medicationReference")), S("reference"));
		const struct json *second = json_get(json_at(json_get(drafts, S("entry")), 1), S("resource"));
		assert_true(str_ends(medication, json_get_str(second, S("id"))));
		struct str selected = json_str(json_at(json_get(context, S("selections")), 0));
		assert_int_equal(selected.p != NULL, hooks[i].selections);
		if (selected.p)
			assert_true(str_eq(selected, arena_printf(&w->arena, "MedicationRequest/%.*s",
								  STR_ARG(json_get_str(order, S("id"))))));
		assert_true(str_is(json_get_str(json_get(got(), S("extension")),
						S("com.epic.cdshooks.request.bpa-trigger-action")),
				   hooks[i].trigger));
	}
	/* orders of one's own */
	called("order-sign", patient,
	       ",\"orders\":[{\"resourceType\":\"ServiceRequest\",\"status\":\"active\",\"intent\":\"order\","
	       "\"subject\":{"
	       "\"reference\":\"Patient/x\"}}]");
	const struct json *entries = json_get(json_get(json_get(got(), S("context")), S("draftOrders")), S("entry"));
	assert_int_equal(json_size(entries), 1);
	assert_true(str_is(json_get_str(json_get(json_at(entries, 0), S("resource")), S("resourceType")),
			   "ServiceRequest"));
	close_vendor();
}

static void epic_sends_nothing_to_urls_that_are_not_registered(void **state)
{
	(void)state;
	open_vendor(EHR_EPIC, NULL);
	const char *body =
		arena_printf(&w->arena,
			     "{\"hook\":\"patient-view\",\"service\":\"%.*s/elsewhere\",\"patient\":\"" CAMILA
			     "\",\"client_id\":\"cds\",\"prefetch\":{\"who\":\"Patient/" CAMILA "\"}}",
			     STR_ARG(service.base))
			.p;
	const struct json *run = parsed(w, call(body));
	assert_true(is_found(run, "request", "registered URIs"));
	assert_int_equal(json_size(json_get(got(), S("context"))), 0);
	assert_null(json_get(got(), S("prefetch")));
	assert_null(json_get(got(), S("fhirAuthorization")));
	assert_true(str_find(str_from(service.got), S(CAMILA)) == STR_NONE);
	close_vendor();
}

/* ---- Cerner ------------------------------------------------------------------------------------------------------ */

static void cerner_calls_as_the_specification_has_it_when_it_is_switched_on(void **state)
{
	(void)state;
	open_vendor(EHR_CERNER, NULL);
	const char *body =
		arena_printf(&w->arena,
			     "{\"hook\":\"patient-view\",\"service\":\"%.*s/\",\"patient\":\"12724066\",\"client_id\":"
			     "\"cds\"}",
			     STR_ARG(service.base))
			.p;
	struct http_answer answer = call(body);
	assert_int_equal(answer.status, 409);
	assert_null(service.got);
	close_vendor();
	open_vendor(EHR_CERNER, "cds-hooks=on");
	body = arena_printf(&w->arena,
			    "{\"hook\":\"patient-view\",\"service\":\"%.*s/"
			    "\",\"patient\":\"12724066\",\"client_id\":\"cds\"}",
			    STR_ARG(service.base))
		       .p;
	answer = call(body);
	if (answer.status != 200)
		fail_msg("%.*s", STR_ARG(answer.body));
	assert_int_equal(service.discoveries, 1);
	assert_true(strcmp(service.path, "/cds-services/hello") == 0);
	assert_int_equal(strlen(service.authorization), 0);
	const struct json *j = got(), *prefetch = json_get(j, S("prefetch"));
	assert_null(json_get(j, S("extension")));
	assert_true(str_is(json_get_str(json_get(prefetch, S("who")), S("id")), "12724066"));
	assert_non_null(json_get(json_get(prefetch, S("who")), S("meta")));
	assert_true(str_is(json_get_str(json_get(prefetch, S("what")), S("resourceType")), "Bundle"));
	assert_true(str_find(json_get_str(json_get(j, S("fhirAuthorization")), S("scope")), S("system/Patient.rs")) !=
		    STR_NONE);
	answer = call(arena_printf(&w->arena,
				   "{\"hook\":\"order-select\",\"service\":\"%.*s\",\"patient\":\"12724066\"}",
				   STR_ARG(service.base))
			      .p);
	assert_int_equal(answer.status, 400); /* discovery tells of none */
	close_vendor();
}

/* ---- what is wrong with answers ---------------------------------------------------------------------------------- */

#define GOOD "{\"summary\":\"s\",\"indicator\":\"info\",\"source\":{\"label\":\"l\",\"topic\":{\"code\":\"a1\"}}"

static void mistakes_of_services_are_told(void **state)
{
	static const struct {
		const char *answer, *where, *what;
		enum ehr_vendor vendor; /* EHR_GENERIC: both */
	} cases[] = {
		{"[]", "answer", "not JSON", 0},
		{"{}", "cards", "is required", 0},
		{"{\"cards\":{}}", "cards", "must be a list", 0},
		{"{\"cards\":[7]}", "cards[0]", "must be an object", 0},
		{"{\"cards\":[{}]}", "cards[0].summary", "is required", 0},
		{"{\"cards\":[{}]}", "cards[0].indicator", "is required", 0},
		{"{\"cards\":[{}]}", "cards[0].source", "is required", 0},
		{"{\"cards\":[{\"summary\":\"s\",\"indicator\":\"hard-stop\",\"source\":{\"label\":\"l\"}}]}",
		 "cards[0].indicator", "info, warning or critical", 0},
		{"{\"cards\":[" GOOD ",\"detail\":7}]}", "cards[0].detail", "must be a text", 0},
		{"{\"cards\":[" GOOD ",\"colour\":\"red\"}]}", "cards[0].colour", "no member", 0},
		{"{\"cards\":[" GOOD ",\"suggestions\":[{\"label\":\"x\"}]}]}", "cards[0].selectionBehavior",
		 "is required", 0},
		{"{\"cards\":[" GOOD ",\"selectionBehavior\":\"all\",\"suggestions\":[{\"label\":\"x\"}]}]}",
		 "cards[0].selectionBehavior", "at-most-one or any", 0},
		{"{\"cards\":[" GOOD ",\"selectionBehavior\":\"any\",\"suggestions\":[{}]}]}",
		 "cards[0].suggestions[0].label", "is required", 0},
		{"{\"cards\":[" GOOD
		 ",\"selectionBehavior\":\"any\",\"suggestions\":[{\"label\":\"x\",\"actions\":[{\"type\":"
		 "\"add\",\"description\":\"d\"}]}]}]}",
		 "cards[0].suggestions[0].actions[0].type", "create, update or delete", 0},
		{"{\"cards\":[" GOOD
		 ",\"selectionBehavior\":\"any\",\"suggestions\":[{\"label\":\"x\",\"actions\":[{\"type\":"
		 "\"create\",\"description\":\"d\"}]}]}]}",
		 "cards[0].suggestions[0].actions[0].resource", "is required", 0},
		{"{\"cards\":[" GOOD ",\"links\":[{\"label\":\"x\",\"url\":\"y\",\"type\":\"smart\"}]}]}",
		 "cards[0].links[0].url", "absolute URL", 0},
		{"{\"cards\":[" GOOD ",\"links\":[{\"label\":\"x\",\"url\":\"https://x.example\",\"type\":\"absolute\","
		 "\"appContext\":\"c\"}]}]}",
		 "cards[0].links[0].appContext", "smart alone", 0},
		{"{\"cards\":[" GOOD ",\"overrideReasons\":[{\"display\":\"d\"}]}]}",
		 "cards[0].overrideReasons[0].code", "is required", 0},
		{"{\"cards\":[" GOOD ",\"selectionBehavior\":\"at-most-one\",\"suggestions\":[{\"label\":\"x\"}]}]}",
		 "cards[0].selectionBehavior", "only any", EHR_EPIC},
		{"{\"cards\":[" GOOD
		 ",\"selectionBehavior\":\"any\",\"suggestions\":[{\"label\":\"x\",\"actions\":[{\"type\":"
		 "\"update\",\"description\":\"d\",\"resource\":{\"resourceType\":\"ServiceRequest\"}}]}]}]}",
		 "cards[0].suggestions[0].actions[0]", "only create and delete", EHR_EPIC},
		{"{\"cards\":[" GOOD
		 ",\"selectionBehavior\":\"any\",\"suggestions\":[{\"label\":\"x\",\"actions\":[{\"type\":"
		 "\"create\",\"description\":\"d\",\"resource\":{\"resourceType\":\"Flag\"}}]}]}]}",
		 "cards[0].suggestions[0].actions[0]", "only Condition", EHR_EPIC},
		{"{\"cards\":[{\"summary\":\"s\",\"indicator\":\"info\",\"source\":{\"label\":\"l\",\"topic\":{"
		 "\"code\":\"a-1\"}}}]}",
		 "cards[0].source.topic.code", "letters and digits", EHR_EPIC},
		{"{\"cards\":[],\"systemActions\":[{\"type\":\"create\",\"resource\":{\"resourceType\":\"Task\"}}]}",
		 "systemActions[0]", "ServiceRequest", EHR_EPIC},
	};
	(void)state;
	open_vendor(EHR_EPIC, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		service.answer = cases[i].answer;
		const struct json *run = called("patient-view", CAMILA, "");
		if (!is_found(run, cases[i].where, cases[i].what))
			fail_msg("%s: %s not found", cases[i].answer, cases[i].what);
	}
	/* a good card has none */
	service.answer =
		"{\"cards\":[" GOOD ",\"selectionBehavior\":\"any\",\"suggestions\":[{\"label\":\"x\",\"uuid\":\"u\","
		"\"actions\":[{\"type\":\"create\",\"description\":\"d\",\"resource\":{\"resourceType\":\"Condition\"}}"
		"]}]}"
		"]}";
	assert_int_equal(json_size(json_get(called("patient-view", CAMILA, ""), S("findings"))), 0);
	/* beside the body */
	service.answer = "{\"cards\":[]}";
	service.content_type = "text/html";
	assert_true(is_found(called("patient-view", CAMILA, ""), "answer", "application/json"));
	service.status = 500;
	assert_true(is_found(called("patient-view", CAMILA, ""), "answer", "status 500"));
	service.status = 412;
	assert_true(is_found(called("patient-view", CAMILA, ""), "answer", "412"));
	close_vendor();
}

static void silent_services_are_told_as_such(void **state)
{
	(void)state;
	open_vendor(EHR_EPIC, NULL);
	const char *body =
		"{\"hook\":\"patient-view\",\"service\":\"http://127.0.0.1:1/svc\",\"patient\":\"" CAMILA "\"}";
	const struct json *run = parsed(w, call(body));
	assert_true(str_is(json_number(json_get(json_get(run, S("answer")), S("status"))), "0"));
	assert_true(json_get_str(json_get(run, S("answer")), S("failure")).n > 0);
	assert_int_equal(json_size(json_get(run, S("findings"))), 1);
	static const char *const bad[] = {"{}", "{\"hook\":\"other\",\"service\":\"http://x\",\"patient\":\"p\"}",
					  "{\"hook\":\"patient-view\",\"service\":\"x\",\"patient\":\"p\"}",
					  "{\"hook\":\"patient-view\",\"service\":\"http://x\"}", "no json"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(call(bad[i]).status, 400);
	/* a form of another site's page */
	struct str url = arena_printf(&w->arena, "%.*s/sandbox/hooks", STR_ARG(w->host));
	assert_int_equal(
		ask_url(w, url, (struct asked){.method = "POST", .form = true, .body = "hook=patient-view"}).status,
		403);
	close_vendor();
}

static void the_page_shows_cards_and_mistakes(void **state)
{
	(void)state;
	open_vendor(EHR_EPIC, NULL);
	service.answer = "{\"cards\":[{\"summary\":\"Mind <this>\",\"indicator\":\"critical\",\"source\":{}}]}";
	struct str url = arena_printf(&w->arena, "%.*s/sandbox/hooks", STR_ARG(w->host));
	struct http_answer answer = ask_url(w, url, (struct asked){.accept = "text/html"});
	assert_int_equal(answer.status, 200);
	assert_true(str_find(answer.body, S("Lopez, Camila")) != STR_NONE);
	const char *form =
		arena_printf(&w->arena,
			     "hook=patient-view&service=%.*s/svc&patient=" CAMILA
			     "&client_id=cds&prefetch=who%%3DPatient/%%7B%%7Bcontext.patientId%%7D%%7D%%0D%%0A",
			     STR_ARG(service.base))
			.p;
	answer = ask_url(w, url,
			 (struct asked){.method = "POST",
					.form = true,
					.body = form,
					.accept = "text/html",
					.more = {S("Origin"), w->host}});
	if (answer.status != 200)
		fail_msg("%d %.*s", answer.status, STR_ARG(answer.body));
	assert_true(str_find(answer.body, S("Mind &lt;this&gt;")) != STR_NONE);
	assert_true(str_find(answer.body, S("cards[0].source.label")) != STR_NONE);
	assert_true(str_is(json_get_str(json_get(json_get(got(), S("prefetch")), S("who")), S("id")), CAMILA));
	close_vendor();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(epic_calls_with_its_jwt_and_extensions),
		cmocka_unit_test(epic_signs_its_calls),
		cmocka_unit_test(epic_sends_draft_orders),
		cmocka_unit_test(epic_sends_nothing_to_urls_that_are_not_registered),
		cmocka_unit_test(cerner_calls_as_the_specification_has_it_when_it_is_switched_on),
		cmocka_unit_test(mistakes_of_services_are_told),
		cmocka_unit_test(silent_services_are_told_as_such),
		cmocka_unit_test(the_page_shows_cards_and_mistakes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
