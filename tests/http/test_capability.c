/*
 * The CapabilityStatement, tried: everything in it works, and what is not in it is refused. Values are placeholders, so
 * searches find nothing; what counts is that they are understood.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/client.h"
#include "world.h"

struct trial {
	struct world *world;
	struct http_client *client;
	struct arena kept, arena; /* of the statement; of one request */
	const struct json *rest; /* CapabilityStatement.rest[0] */
	size_t tried, wrong;
};

static int ask(struct trial *t, const char *method, struct str below, const char *content_type, struct str body)
{
	struct error err = {0};
	struct http_answer answer;
	struct http_header header = {S("Content-Type"), str_from(content_type)};
	struct http_call request = {.method = str_from(method),
				    .url = arena_printf(&t->arena, "%s/%.*s", t->world->base_url, STR_ARG(below)),
				    .headers = &header,
				    .header_count = content_type ? 1 : 0,
				    .body = body};
	t->tried++;
	return http_call(t->client, &t->arena, &request, &answer, &err) ? answer.status : -1;
}

static void expect(struct trial *t, const char *method, struct str below, struct str body, int wanted)
{
	const char *type = !body.p			  ? NULL
			   : strcmp(method, "PATCH") == 0 ? "application/json-patch+json"
							  : "application/fhir+json";
	int status = ask(t, method, below, type, body);
	if (status != wanted) {
		print_message("%s %.*s: %d, not %d\n", method, STR_ARG(str_slice(below, 0, 200)), status, wanted);
		t->wrong++;
	}
	arena_reset(&t->arena);
}

static bool has_item(const struct json *list, const char *member, struct str wanted)
{
	struct json_iter it = json_iter(list);
	while (json_next(&it))
		if (str_eq(json_get_str(it.value, str_from(member)), wanted))
			return true;
	return false;
}

/* ---- search parameters ---------------------------------------------------------------------------------------------
 */

static const char *sample(enum search_param_type type)
{
	switch (type) {
	case PARAM_NUMBER:
	case PARAM_QUANTITY:
		return "1";
	case PARAM_DATE:
		return "2020-01-01";
	case PARAM_URI:
		return "urn:x";
	case PARAM_SPECIAL:
		return "1|1|1|km";
	default:
		return "x";
	}
}

/* A composite's parts joined by $. */
static struct str sample_value(struct trial *t, const struct search_param *p)
{
	struct str value = S("");
	if (p->type != PARAM_COMPOSITE)
		return str_from(sample(p->type));
	for (size_t i = 0; i < p->component_count; i++)
		value = arena_printf(&t->arena, "%.*s%s%s", STR_ARG(value), i ? "$" : "",
				     sample(p->components[i].param->type));
	return value;
}

static void try_params(struct trial *t, const struct fhir_type *type, const struct json *listed)
{
	for (size_t i = 0; i < type->search_param_count; i++) {
		const struct search_param *p = &type->search_params[i];
		bool known = has_item(listed, "name", p->code);
		struct str value = sample_value(t, p);
		expect(t, "GET",
		       arena_printf(&t->arena, "%.*s?%.*s=%.*s", STR_ARG(type->name), STR_ARG(p->code), STR_ARG(value)),
		       STR_NULL, known ? 200 : 400);
	}
}

static void try_includes(struct trial *t, struct str type, const char *name, const struct json *list)
{
	struct json_iter it = json_iter(list);
	while (json_next(&it))
		expect(t, "GET",
		       arena_printf(&t->arena, "%.*s?%s=%.*s", STR_ARG(type), name, STR_ARG(json_str(it.value))),
		       STR_NULL, 200);
}

/* ---- interactions --------------------------------------------------------------------------------------------------
 */

/* What each interaction answers when there is nothing yet: never that it does not exist. */
static const struct {
	const char *code, *method, *below, *body;
	int status, read_only_status;
} interactions[] = {
	{"read", "GET", "%/none", NULL, 404, 404},
	{"vread", "GET", "%/none/_history/1", NULL, 404, 404},
	{"update", "PUT", "%/none", "{\"resourceType\":\"%\",\"id\":\"other\"}", 400, 422},
	{"update", "PUT", "%?_id=none,other", "{\"resourceType\":\"%\",\"colour\":1}", 400, 422},
	{"patch", "PATCH", "%/none", "[]", 404, 422},
	{"patch", "PATCH", "%?_id=none", "[]", 404, 422},
	{"delete", "DELETE", "%/none", NULL, 204, 422},
	{"delete", "DELETE", "%?_id=none", NULL, 204, 422},
	{"history-instance", "GET", "%/none/_history", NULL, 404, 404},
	{"history-type", "GET", "%/_history", NULL, 200, 404},
	{"create", "POST", "%", "{\"resourceType\":\"%\",\"colour\":1}", 400, 422},
	{"search-type", "GET", "%?_count=1", NULL, 200, 200},
};

static struct str fill(struct trial *t, const char *pattern, struct str type)
{
	struct str text = str_from(pattern);
	size_t at = text.p ? str_find_char(text, '%', 0) : STR_NONE;
	if (at == STR_NONE)
		return text;
	return arena_printf(&t->arena, "%.*s%.*s%s", (int)at, text.p, STR_ARG(type), pattern + at + 1);
}

static void try_interactions(struct trial *t, struct str type, const struct json *listed)
{
	bool read_only = str_is(type, "AuditEvent");
	for (size_t i = 0; i < sizeof(interactions) / sizeof(interactions[0]); i++) {
		if (!read_only && !has_item(listed, "code", str_from(interactions[i].code))) {
			print_message("%.*s does not list %s\n", STR_ARG(type), interactions[i].code);
			t->wrong++;
		}
		expect(t, interactions[i].method, fill(t, interactions[i].below, type),
		       fill(t, interactions[i].body, type),
		       read_only ? interactions[i].read_only_status : interactions[i].status);
	}
	/* Nothing is listed twice, and nothing that is not tried here. */
	struct json_iter it = json_iter(listed);
	while (json_next(&it)) {
		bool tried = false;
		for (size_t i = 0; i < sizeof(interactions) / sizeof(interactions[0]); i++)
			tried = tried || str_is(json_get_str(it.value, S("code")), interactions[i].code);
		assert_true(tried);
	}
}

static void test_types(void **state)
{
	struct trial *t = *state;
	const struct definitions *d = t->world->definitions;
	struct json_iter it = json_iter(json_get(t->rest, S("resource")));
	assert_int_equal(json_size(json_get(t->rest, S("resource"))), definitions_resource_count(d));
	while (json_next(&it)) {
		struct str name = json_get_str(it.value, S("type"));
		const struct fhir_type *type = definitions_resource(d, name);
		assert_non_null(type);
		try_interactions(t, name, json_get(it.value, S("interaction")));
		if (str_is(name, "AuditEvent"))
			continue;
		try_params(t, type, json_get(it.value, S("searchParam")));
		try_includes(t, name, "_include", json_get(it.value, S("searchInclude")));
		try_includes(t, name, "_revinclude", json_get(it.value, S("searchRevInclude")));
	}
	print_message("%zu requests\n", t->tried);
	assert_int_equal(t->wrong, 0);
}

static void test_system(void **state)
{
	struct trial *t = *state;
	const struct json *listed = json_get(t->rest, S("interaction"));
	static const char *const codes[] = {"transaction", "batch", "search-system", "history-system"};
	for (size_t i = 0; i < 4; i++)
		assert_true(has_item(listed, "code", str_from(codes[i])));
	assert_int_equal(json_size(listed), 4);
	expect(t, "GET", S("_history?_count=1"), STR_NULL, 200);
	expect(t, "GET", S("?_type=Patient,Observation&_count=1"), STR_NULL, 200);
	expect(t, "POST", S(""), S("{\"resourceType\":\"Bundle\",\"type\":\"batch\"}"), 200);
	expect(t, "POST", S(""), S("{\"resourceType\":\"Bundle\",\"type\":\"transaction\"}"), 200);
	struct json_iter it = json_iter(json_get(t->rest, S("compartment")));
	assert_int_equal(it.left, 5);
	static const char *const within[] = {"Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"};
	for (size_t i = 0; i < 5; i++)
		expect(t, "GET", arena_printf(&t->arena, "%s/none/Observation", within[i]), STR_NULL, 200);
	expect(t, "GET", S("Patient/none/*"), STR_NULL, 200);
	assert_int_equal(t->wrong, 0);
}

static int set_up(void **state)
{
	struct trial *t = calloc(1, sizeof(*t));
	struct error err = {0};
	struct http_answer answer;
	t->world = calloc(1, sizeof(*t->world));
	*state = t;
	arena_init(&t->kept, (size_t)256 << 20);
	arena_init(&t->arena, (size_t)64 << 20);
	t->client = world_open(t->world, &(struct world_options){0}, &err)
			    ? http_client_new(&(struct http_client_options){0}, &err)
			    : NULL;
	if (!t->client) {
		print_error("%s\n", err.text);
		return -1;
	}
	struct http_call request = {.method = S("GET"),
				    .url = arena_printf(&t->kept, "%s/metadata", t->world->base_url)};
	if (!http_call(t->client, &t->kept, &request, &answer, &err))
		return -1;
	t->rest = json_at(json_get(json_parse(&t->kept, answer.body, 0, &err), S("rest")), 0);
	return t->rest ? 0 : -1;
}

static int tear_down(void **state)
{
	struct trial *t = *state;
	if (t->client)
		http_client_free(t->client);
	world_close(t->world);
	arena_done(&t->arena);
	arena_done(&t->kept);
	free(t->world);
	free(t);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_system), cmocka_unit_test(test_types)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
