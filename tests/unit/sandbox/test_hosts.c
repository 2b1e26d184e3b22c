/*
 * Row 1 at Cerner: three virtual hosts over one store, by the name of the host and by path; and what lies beside them.
 * Each test says its row and how far it is known (docs/sandbox.md).
 */
#include "person.h"

#include <stdio.h>

#include "base/encode.h"

#define TENANT "ec2458f2-1e24-41c8-b71b-0e701af7583d"
#define BASE   "/r4/" TENANT

static struct world *open_world(void)
{
	static struct smart_client client;
	size_t users;
	client = (struct smart_client){.client_id = S("public"),
				       .name = S("Growth"),
				       .scope = S("openid launch/patient patient/Patient.rs user/Patient.rs"),
				       .redirect_uris = S(PERSON_CALLBACK)};
	return world_open(&(struct world_options){.vendor = EHR_CERNER,
						  .patients = 1,
						  .actors = true,
						  .clients = &client,
						  .client_count = 1,
						  .users = person_users("Practitioner/12742069", &users),
						  .user_count = 1});
}

static struct http_answer at(struct world *w, const char *host, const char *path, struct asked how)
{
	how.host = host;
	if (!how.accept)
		how.accept = "application/fhir+json";
	return ask_url(w, arena_printf(&w->arena, "%.*s%s", STR_ARG(w->host), path), how);
}

static void row_1_cerner_open_host_needs_no_token_D(void **state)
{
	static const struct {
		const char *host, *path, *link;
	} ways[] = {{"fhir-open.cerner.com", BASE, "http://fhir-open.cerner.com" BASE},
		    {"fhir-open.localhost:8081", BASE, "http://fhir-open.localhost:8081" BASE},
		    {NULL, "/open" BASE, NULL}};
	(void)state;
	struct world *w = open_world();
	assert_int_equal(at(w, NULL, BASE "/Patient/12724066", JSON).status, 401);
	for (size_t i = 0; i < 3; i++) {
		const char *link =
			ways[i].link ? ways[i].link : arena_printf(&w->arena, "%.*s/open" BASE, STR_ARG(w->host)).p;
		const char *path = arena_printf(&w->arena, "%s/Observation?patient=12724066&_count=2", ways[i].path).p;
		struct http_answer answer = at(w, ways[i].host, path, JSON);
		assert_int_equal(answer.status, 200);
		const struct json *bundle = parsed(w, answer);
		/* every link is one of the host that was called, and can be followed */
		struct str first = json_get_str(json_at(json_get(bundle, S("entry")), 0), S("fullUrl"));
		assert_true(str_starts(first, arena_printf(&w->arena, "%s/Observation/", link)));
		assert_true(str_starts(link_url(bundle, "self"), str_from(link)));
		struct str next = link_url(bundle, "next");
		assert_true(str_starts(next, str_from(link)));
		const char *rest =
			arena_printf(&w->arena, "%s%.*s", ways[i].path, STR_ARG(str_slice(next, strlen(link), next.n)))
				.p;
		assert_int_equal(at(w, ways[i].host, rest, JSON).status, 200);
		answer = at(w, ways[i].host, arena_printf(&w->arena, "%s/metadata", ways[i].path).p, JSON);
		assert_true(str_is(json_get_str(json_get(parsed(w, answer), S("implementation")), S("url")), link));
		assert_true(str_find(answer.body, S("\"type\":\"Group\"")) == STR_NONE);
		assert_true(str_find(answer.body, S("\"create\"")) == STR_NONE);
		/* no writes, no Group, no discovery of authorization */
		answer = at(w, ways[i].host, arena_printf(&w->arena, "%s/Observation", ways[i].path).p,
			    (struct asked){.method = "POST", .body = "{\"resourceType\":\"Observation\"}"});
		assert_int_equal(answer.status, 404);
		answer = at(w, ways[i].host, arena_printf(&w->arena, "%s/Group/1", ways[i].path).p, JSON);
		assert_int_equal(answer.status, 404);
		answer = at(w, ways[i].host,
			    arena_printf(&w->arena, "%s/.well-known/smart-configuration", ways[i].path).p, JSON);
		assert_int_equal(answer.status, 404);
	}
	world_close(w);
}

static void row_1_cerner_tenants_are_checked_D(void **state)
{
	(void)state;
	struct world *w = open_world();
	struct http_answer answer = at(w, NULL, "/r4/another-tenant/metadata", JSON);
	assert_int_equal(answer.status, 403);
	assert_true(str_is(answer.body, "Tenant not valid or accessible"));
	assert_int_equal(at(w, "fhir-ehr.cerner.com", "/r4/another-tenant/metadata", JSON).status, 403);
	assert_int_equal(at(w, NULL, "/", JSON).status, 502); /* C */
	world_close(w);
}

static void row_1_cerner_provider_host_answers_to_its_name_D(void **state)
{
	static const char *const names[] = {"fhir-ehr.cerner.com", "fhir-ehr-code.cerner.com"};
	(void)state;
	struct world *w = open_world();
	for (size_t i = 0; i < 2; i++) {
		struct http_answer answer = at(w, names[i], BASE "/metadata", JSON);
		assert_true(str_find(answer.body, arena_printf(&w->arena, "\"http://%s" BASE "\"", names[i])) !=
			    STR_NONE);
		assert_int_equal(at(w, names[i], BASE "/Patient/12724066", JSON).status, 401);
	}
	/* a name that only begins alike is none of them */
	struct http_answer answer = at(w, "fhir-openly.example.org", BASE "/Patient/12724066", JSON);
	assert_int_equal(answer.status, 401);
	world_close(w);
}

/* A token of the persona for a user that is a Practitioner. */
static struct str token_of(struct world *w, const char *persona, const char *base, struct ended *ret_end)
{
	struct person p = {.user = "clinician", .patient = arena_printf(&w->arena, "%.*s", STR_ARG(w->patient)).p};
	struct str url =
		arena_printf(&w->arena,
			     "%.*s/tenants/" TENANT "/protocols/oauth2/profiles/smart-v1/personas/%s/authorize?"
			     "response_type=code&client_id=public&redirect_uri=" PERSON_CALLBACK
			     "&scope=launch/patient%%20patient/Patient.rs%%20user/Patient.rs&aud=%s" PERSON_PKCE,
			     STR_ARG(w->host), persona, base);
	*ret_end = person_opens(w, &p, url);
	struct str code = url_parameter(w, ret_end->url, "code");
	if (!code.p)
		return STR_NULL;
	const char *form = arena_printf(&w->arena,
					"grant_type=authorization_code&client_id=public&redirect_uri=" PERSON_CALLBACK
					"&code=%.*s&code_verifier=" PERSON_VERIFIER,
					STR_ARG(code))
				   .p;
	struct http_answer answer =
		ask_url(w, sandbox_token_url(w->sandbox), (struct asked){.method = "POST", .form = true, .body = form});
	assert_int_equal(answer.status, 200);
	return json_get_str(parsed(w, answer), S("access_token"));
}

static void row_1_cerner_patients_have_a_host_of_their_own_C(void **state)
{
	(void)state;
	struct world *w = open_world();
	struct ended end;
	const char *provider = arena_printf(&w->arena, "%.*s" BASE, STR_ARG(w->host)).p,
		   *patient = arena_printf(&w->arena, "%.*s/myrecord" BASE, STR_ARG(w->host)).p;
	/* its discovery names the other persona, and no scopes but those of patients */
	const struct json *j = parsed(w, at(w, NULL, "/myrecord" BASE "/.well-known/smart-configuration", JSON));
	assert_true(str_ends(json_get_str(j, S("authorization_endpoint")), S("/personas/patient/authorize")));
	assert_true(str_ends(json_get_str(j, S("management_endpoint")), S("/personas/patient/my-authorizations")));
	struct json_iter it = json_iter(json_get(j, S("scopes_supported")));
	while (json_next(&it))
		assert_true(!str_starts(json_str(it.value), S("system/")) &&
			    !str_starts(json_str(it.value), S("user/")));
	j = parsed(w, at(w, NULL, BASE "/.well-known/smart-configuration", JSON));
	assert_true(str_ends(json_get_str(j, S("authorization_endpoint")), S("/personas/provider/authorize")));
	/* types that it does not have */
	static const char *const missing[] = {"Account", "Basic", "ChargeItem", "Communication", "Group"};
	struct http_answer answer = at(w, NULL, "/myrecord" BASE "/metadata", JSON);
	for (size_t i = 0; i < 5; i++)
		assert_true(str_find(answer.body, arena_printf(&w->arena, "\"type\":\"%s\"", missing[i])) == STR_NONE);
	assert_true(str_find(answer.body, S("\"type\":\"Observation\"")) != STR_NONE);
	/* aud and persona belong together */
	assert_true(!token_of(w, "patient", provider, &end).p);
	assert_true(str_is(url_parameter(w, end.url, "error"), "invalid_request"));
	assert_true(!token_of(w, "provider", patient, &end).p);
	/* and a provider's token is for the provider's host */
	struct str token = token_of(w, "provider", provider, &end);
	assert_true(token.n > 0);
	const char *path = arena_printf(&w->arena, BASE "/Patient/%.*s", STR_ARG(w->patient)).p;
	assert_int_equal(at(w, NULL, path, (struct asked){.token = token}).status, 200);
	answer = at(w, "fhir-myrecord.cerner.com", path, (struct asked){.token = token});
	assert_int_equal(answer.status, 403);
	assert_true(str_find(answer.body, S("{\"code\":403,\"message\":")) != STR_NONE);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_1_cerner_open_host_needs_no_token_D),
		cmocka_unit_test(row_1_cerner_tenants_are_checked_D),
		cmocka_unit_test(row_1_cerner_provider_host_answers_to_its_name_D),
		cmocka_unit_test(row_1_cerner_patients_have_a_host_of_their_own_C),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
