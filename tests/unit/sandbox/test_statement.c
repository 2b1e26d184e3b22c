/*
 * What each sandbox says of itself, walked: what is in its capability statement and in its discovery document works,
 * and what works is in it. And batches, which only one of them takes.
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>

static struct world *worlds[3];

/* Does the answer say that there is no such interaction? At Epic a page, at Cerner the outcome of unknown routes. */
static bool is_unknown(struct http_answer answer, enum ehr_vendor vendor)
{
	return answer.status == 404 && (vendor == EHR_EPIC ? str_find(answer.body, S("<html")) != STR_NONE
							   : str_find(answer.body, S("\"Not Found\"")) != STR_NONE);
}

static const struct json *row_of(const struct json *statement, struct str type)
{
	struct json_iter it = json_iter(json_get(json_at(json_get(statement, S("rest")), 0), S("resource")));
	while (json_next(&it))
		if (str_eq(json_get_str(it.value, S("type")), type))
			return it.value;
	return NULL;
}

static bool says(const struct json *row, const char *code)
{
	struct json_iter it = json_iter(json_get(row, S("interaction")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("code")), code))
			return true;
	return false;
}

/* The id of anything of the type that is here; STR_NULL: nothing is. */
static struct str some_id(struct world *w, const struct fhir_type *type)
{
	struct search_query query;
	struct store_page page = {0};
	struct error err = {0};
	if (!search_parse(definitions_builtin(), &w->arena, type, S("_count=1"),
			  &(struct search_options){.base = w->base}, &query, &err) ||
	    !store_search(w->store, &w->arena, &query, &(struct store_search_options){.timeout_ms = 5000}, &page, &err))
		return STR_NULL;
	return page.count ? page.entries[0].id : STR_NULL;
}

static const char *text_of(struct world *w, const char *format, const char *type, struct str id)
{
	return arena_printf(&w->arena, format, type, STR_ARG(id)).p;
}

static void walk_type(struct world *w, enum ehr_vendor vendor, const struct json *statement,
		      const struct fhir_type *type)
{
	const struct json *row = row_of(statement, type->name);
	const char *name = arena_printf(&w->arena, "%.*s", STR_ARG(type->name)).p;
	struct str id = some_id(w, type);
	const char *body = arena_printf(&w->arena, "{\"resourceType\":\"%s\"}", name).p;
	struct asked send = {.accept = "application/fhir+json", .body = body, .if_match = "W/\"99\""};
	struct asked patch = send;
	patch.type = "application/json-patch+json";
	patch.body = "[{\"op\":\"test\",\"path\":\"/id\",\"value\":\"x\"}]";
	const struct {
		const char *code, *method, *path;
		struct asked how;
		bool needs_one;
	} tries[] = {{"read", "GET", "%s/%.*s", JSON, true},
		     {"search-type", "GET", "%s?_id=%.*s", JSON, false},
		     {"create", "POST", "%s", send, false},
		     {"update", "PUT", "%s/%.*s", send, true},
		     {"patch", "PATCH", "%s/%.*s", patch, true}};
	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		struct asked how = tries[i].how;
		if (tries[i].needs_one && !id.p)
			continue;
		how.method = tries[i].method;
		const char *path = strcmp(tries[i].path, "%s") == 0
					   ? name
					   : text_of(w, tries[i].path, name, id.p ? id : S("none"));
		struct http_answer answer = ask(w, path, how);
		if (is_unknown(answer, vendor) == says(row, tries[i].code))
			fail_msg("%s %s: %d %.*s, and the statement says %s", tries[i].code, name, answer.status,
				 STR_ARG(str_slice(answer.body, 0, 200)), says(row, tries[i].code) ? "yes" : "no");
	}
}

/* Each parameter that is named is known; at Cerner any other is refused. */
static void walk_params(struct world *w, enum ehr_vendor vendor, const struct json *row, const char *name)
{
	struct json_iter it = json_iter(json_get(row, S("searchParam")));
	while (json_next(&it)) {
		struct str param = json_get_str(it.value, S("name"));
		struct http_answer answer = ask(w, arena_printf(&w->arena, "%s?%.*s=1", name, STR_ARG(param)).p, JSON);
		if (str_find(answer.body, S("is not a supported search parameter")) != STR_NONE ||
		    str_find(answer.body, S("Unknown parameter")) != STR_NONE || answer.status >= 500)
			fail_msg("%s?%.*s: %d %.*s", name, STR_ARG(param), answer.status,
				 STR_ARG(str_slice(answer.body, 0, 300)));
	}
	(void)vendor;
}

static void what_is_said_works_and_what_works_is_said(void **state)
{
	const struct definitions *d = definitions_builtin();
	(void)state;
	for (int v = EHR_EPIC; v <= EHR_CERNER; v++) {
		struct world *w = worlds[v];
		const struct json *statement = get(w, "metadata");
		size_t types = 0;
		for (size_t i = 0; i < definitions_resource_count(d); i++) {
			const struct fhir_type *type = definitions_resource_at(d, i);
			const struct json *row = row_of(statement, type->name);
			walk_type(w, v, statement, type);
			if (row && says(row, "search-type"))
				walk_params(w, v, row, arena_printf(&w->arena, "%.*s", STR_ARG(type->name)).p);
			types += row != NULL;
		}
		assert_int_equal(types, json_size(json_get(json_at(json_get(statement, S("rest")), 0), S("resource"))));
		assert_int_equal(says(json_at(json_get(statement, S("rest")), 0), "batch"), v == EHR_CERNER);
	}
}

static struct http_answer post_bundle(struct world *w, const char *body)
{
	return ask_url(w, w->base, (struct asked){.method = "POST", .accept = "application/fhir+json", .body = body});
}

/* ---- discovery ----------------------------------------------------------------------------------------------------
 */

static void addresses_of_discovery_answer(void **state)
{
	static const struct {
		const char *member;
		bool posts;
	} members[] = {
		{"authorization_endpoint", false}, {"token_endpoint", true},	     {"jwks_uri", false},
		{"revocation_endpoint", true},	   {"introspection_endpoint", true}, {"management_endpoint", false}};
	(void)state;
	for (int v = EHR_EPIC; v <= EHR_CERNER; v++) {
		struct client_world *c = open_client(v, "", 0);
		struct world *w = c->world;
		const struct json *j = get(w, ".well-known/smart-configuration");
		for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
			struct str url = json_get_str(j, str_from(members[i].member));
			assert_int_equal(url.p != NULL, v == EHR_CERNER || i < 3);
			if (!url.p)
				continue;
			struct http_answer answer = ask_url(w, url,
							    (struct asked){.method = members[i].posts ? "POST" : "GET",
									   .form = members[i].posts,
									   .body = members[i].posts ? "x=y" : NULL});
			if (answer.status == 404 || answer.status >= 500)
				fail_msg("%s: %d", members[i].member, answer.status);
		}
		/* the statement names the same ones */
		const struct json *security =
			json_get(json_at(json_get(get(w, "metadata"), S("rest")), 0), S("security"));
		struct json_iter it =
			json_iter(json_get(json_at(json_get(security, S("extension")), 0), S("extension")));
		size_t n = 0;
		while (json_next(&it)) {
			struct str name = json_get_str(it.value, S("url"));
			const char *member = str_is(name, "token")	 ? "token_endpoint"
					     : str_is(name, "authorize") ? "authorization_endpoint"
					     : str_is(name, "revoke")	 ? "revocation_endpoint"
					     : str_is(name, "manage")	 ? "management_endpoint"
									 : "introspection_endpoint";
			assert_true(str_eq(json_get_str(it.value, S("valueUri")), json_get_str(j, str_from(member))));
			n++;
		}
		assert_int_equal(n, v == EHR_EPIC ? 2 : 5);
		/* batches are for those who have a token */
		assert_int_equal(post_bundle(w, "{\"resourceType\":\"Bundle\",\"type\":\"batch\"}").status,
				 v == EHR_EPIC ? 404 : 401);
		close_client(c);
	}
}

/* ---- batches ------------------------------------------------------------------------------------------------------
 */

static void cerner_takes_batches_C(void **state)
{
	(void)state;
	struct world *w = worlds[EHR_CERNER];
	const char *body =
		arena_printf(
			&w->arena,
			"{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":["
			"{\"request\":{\"method\":\"GET\",\"url\":\"Patient/%.*s\"}},"
			"{\"request\":{\"method\":\"GET\",\"url\":\"%.*s/Observation?patient=%.*s&_count=2\"}},"
			"{\"request\":{\"method\":\"GET\",\"url\":\"Patient/none\"}},"
			"{\"request\":{\"method\":\"POST\",\"url\":\"AllergyIntolerance\"},\"resource\":{"
			"\"resourceType\":"
			"\"AllergyIntolerance\",\"clinicalStatus\":{\"coding\":[{\"system\":\"http://"
			"terminology.hl7.org/"
			"CodeSystem/allergyintolerance-clinical\",\"code\":\"active\"}]},\"code\":{\"text\":\"dust\"},"
			"\"patient\":{\"reference\":\"Patient/%.*s\"}}},"
			"{\"request\":{\"method\":\"GET\",\"url\":\"Flag?patient=1\"}},{}]}",
			STR_ARG(w->patient), STR_ARG(w->base), STR_ARG(w->patient), STR_ARG(w->patient))
			.p;
	struct http_answer answer = post_bundle(w, body);
	if (answer.status != 200)
		fail_msg("%d %.*s", answer.status, STR_ARG(answer.body));
	const struct json *j = parsed(w, answer), *entries = json_get(j, S("entry"));
	static const char *const statuses[] = {"200", "200", "404", "201", "404", "400"};
	assert_true(str_is(json_get_str(j, S("type")), "batch-response"));
	assert_int_equal(json_size(entries), 6);
	for (size_t i = 0; i < 6; i++) {
		struct str status = json_get_str(json_get(json_at(entries, i), S("response")), S("status"));
		if (!str_is(status, statuses[i]))
			fail_msg("%zu: %.*s", i, STR_ARG(status));
	}
	assert_true(str_eq(json_get_str(json_get(json_at(entries, 0), S("resource")), S("id")), w->patient));
	assert_true(str_is(json_get_str(json_get(json_at(entries, 1), S("resource")), S("type")), "searchset"));
	const struct json *made = json_get(json_at(entries, 3), S("response"));
	assert_true(str_find(json_get_str(made, S("location")), S("/AllergyIntolerance/")) != STR_NONE);
	assert_true(str_is(json_get_str(made, S("etag")), "W/\"1\""));
	assert_non_null(json_get(json_get(json_at(entries, 2), S("response")), S("outcome")));
	/* nothing else goes there */
	assert_int_equal(post_bundle(w, "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[]}").status,
			 422);
	assert_int_equal(post_bundle(w, "{\"resourceType\":\"Patient\"}").status, 400);
	assert_int_equal(post_bundle(w, "no").status, 400);
	assert_int_equal(post_bundle(worlds[EHR_EPIC], "{\"resourceType\":\"Bundle\",\"type\":\"batch\"}").status, 404);
}

static int open_worlds(void **state)
{
	(void)state;
	for (int v = EHR_EPIC; v <= EHR_CERNER; v++)
		worlds[v] = world_open(&(struct world_options){.vendor = v, .patients = 3, .actors = true});
	return 0;
}

static int close_worlds(void **state)
{
	(void)state;
	for (int v = EHR_EPIC; v <= EHR_CERNER; v++)
		world_close(worlds[v]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest walked[] = {
		cmocka_unit_test(what_is_said_works_and_what_works_is_said),
		cmocka_unit_test(cerner_takes_batches_C),
	};
	const struct CMUnitTest others[] = {
		cmocka_unit_test(addresses_of_discovery_answer),
	};
	int failed = cmocka_run_group_tests(others, NULL, NULL);
	return failed + cmocka_run_group_tests(walked, open_worlds, close_worlds);
}
