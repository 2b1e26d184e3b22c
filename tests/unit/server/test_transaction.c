/*
 * Preparation of resources and transaction bundles without a store: ids, order, links between entries, stored form, and
 * which entry is to blame.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "server/rest/rest_priv.h"

#define BASE "http://localhost/fhir"

struct fixture {
	struct arena arena;
	const struct definitions *d;
	struct extractor *x;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err = {0};
	arena_init(&f->arena, (size_t)512 << 20);
	f->d = definitions_builtin();
	f->x = extractor_new(f->d, &err);
	*state = f;
	return f->x ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	extractor_free(f->x);
	arena_done(&f->arena);
	free(f);
	return 0;
}

static bool prepare(struct fixture *f, const char *text, struct rest_transaction *ret, struct error *err)
{
	const struct json *bundle = json_parse(&f->arena, str_from(text), 0, err);
	assert_non_null(bundle);
	return rest_transaction_prepare(f->d, f->x, &f->arena, bundle, S(BASE), ret, err);
}

static const struct json *stored(struct fixture *f, const struct store_change *c)
{
	struct error err = {0};
	const struct json *j = json_parse(&f->arena, c->stored, 0, &err);
	assert_non_null(j);
	return j;
}

static const struct index_row *row_of(const struct store_change *c, const char *code)
{
	for (size_t i = 0; i < c->row_count; i++)
		if (str_is(c->rows[i].param->code, code))
			return &c->rows[i];
	return NULL;
}

static void test_resource(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct rest_prepared p;
	const struct json *j =
		json_parse(&f->arena,
			   S("{\"name\":[{\"family\":\"Doe\"}],\"id\":\"x\",\"meta\":{\"versionId\":\"9\"},"
			     "\"resourceType\":\"Patient\"}"),
			   0, &err);
	assert_true(rest_prepare(f->d, f->x, &f->arena, j, S("abc"), NULL, S(BASE), &p, &err));
	assert_true(str_is(p.change.type->name, "Patient"));
	assert_true(str_is(p.change.id, "abc"));
	assert_true(str_starts(p.change.stored, S("{\"resourceType\":\"Patient\",\"id\":\"abc\",\"meta\":{")));
	assert_int_equal(str_find(p.change.stored, S("versionId")), STR_NONE);
	assert_non_null(row_of(&p.change, "family"));
	assert_int_equal(p.rows.count, p.change.row_count);

	j = json_parse(&f->arena, S("{\"resourceType\":\"Patient\",\"active\":1}"), 0, &err);
	assert_false(rest_prepare(f->d, f->x, &f->arena, j, S("abc"), NULL, S(BASE), &p, &err));
	assert_string_equal(err.path, "Patient.active");
	assert_int_equal(error_http_status(err.code), 400);
}

#define PATIENT_URN	"urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059"
#define OBSERVATION_URN "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"

static void test_links(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct rest_transaction t = {0};
	assert_true(prepare(f,
			    "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["
			    "{\"fullUrl\":\"" OBSERVATION_URN
			    "\",\"resource\":{\"resourceType\":\"Observation\",\"status\":\"final\","
			    "\"code\":{\"text\":\"" PATIENT_URN "\"},\"subject\":{\"reference\":\"" PATIENT_URN "\"},"
			    "\"extension\":[{\"url\":\"http://x\",\"valueUri\":\"" PATIENT_URN "\"},"
			    "{\"url\":\"http://y\",\"valueString\":\"" PATIENT_URN "\"}],"
			    "\"identifier\":[{\"system\":\"urn:ietf:rfc:3986\",\"value\":\"" PATIENT_URN "\"}]},"
			    "\"request\":{\"method\":\"POST\",\"url\":\"Observation\"}},"
			    "{\"fullUrl\":\"" PATIENT_URN
			    "\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"own\"},"
			    "\"request\":{\"method\":\"POST\",\"url\":\"Patient\"}}]}",
			    &t, &err));
	assert_int_equal(t.count, 2);
	assert_int_equal(t.entries[0], 0);
	assert_int_equal(t.entries[1], 1);
	assert_int_equal(t.changes[0].op, STORE_CREATE);
	assert_int_equal(t.changes[1].id.n, 36);
	assert_false(str_is(t.changes[1].id, "own"));
	const struct json *o = stored(f, &t.changes[0]);
	struct str target = arena_printf(&f->arena, "Patient/%.*s", STR_ARG(t.changes[1].id));
	assert_true(str_eq(json_get_str(json_get(o, S("subject")), S("reference")), target));
	const struct json *extensions = json_get(o, S("extension"));
	assert_true(str_eq(json_get_str(json_at(extensions, 0), S("valueUri")), target));
	assert_true(str_is(json_get_str(json_at(extensions, 1), S("valueString")), PATIENT_URN));
	assert_true(str_is(json_get_str(json_get(o, S("code")), S("text")), PATIENT_URN));
	assert_true(str_is(json_get_str(json_at(json_get(o, S("identifier")), 0), S("value")), PATIENT_URN));
	/* The index says what the stored bytes say, also where the type of the target decides. */
	assert_true(str_eq(row_of(&t.changes[0], "subject")->ref_id, t.changes[1].id));
	assert_non_null(row_of(&t.changes[0], "patient"));
	assert_true(str_eq(row_of(&t.changes[0], "patient")->ref_id, t.changes[1].id));
}

static void test_absolute_full_urls(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct rest_transaction t = {0};
	assert_true(
		prepare(f,
			"{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["
			"{\"fullUrl\":\"http://e.x/fhir/Patient/1\",\"resource\":{\"resourceType\":\"Patient\","
			"\"id\":\"1\"},\"request\":{\"method\":\"POST\",\"url\":\"Patient\"}},"
			"{\"fullUrl\":\"http://e.x/fhir/Flag/2\",\"resource\":{\"resourceType\":\"Flag\",\"status\":"
			"\"active\",\"code\":{\"text\":\"c\"},\"subject\":{\"reference\":\"Patient/1\"},"
			"\"author\":{\"reference\":\"http://e.x/fhir/Patient/1\"}},"
			"\"request\":{\"method\":\"POST\",\"url\":\"Flag\"}}]}",
			&t, &err));
	struct str target = arena_printf(&f->arena, "Patient/%.*s", STR_ARG(t.changes[0].id));
	const struct json *flag = stored(f, &t.changes[1]);
	assert_true(str_eq(json_get_str(json_get(flag, S("subject")), S("reference")), target));
	assert_true(str_eq(json_get_str(json_get(flag, S("author")), S("reference")), target));
}

static void test_order(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct rest_transaction t = {0};
	assert_true(prepare(f,
			    "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["
			    "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"a\"},"
			    "\"request\":{\"method\":\"PUT\",\"url\":\"Patient/a\",\"ifMatch\":\"W/\\\"3\\\"\"}},"
			    "{\"resource\":{\"resourceType\":\"Patient\"},"
			    "\"request\":{\"method\":\"POST\",\"url\":\"/Patient\"}},"
			    "{\"request\":{\"method\":\"DELETE\",\"url\":\"" BASE "/Patient/b\"}}]}",
			    &t, &err));
	assert_int_equal(t.count, 3);
	assert_int_equal(t.changes[0].op, STORE_DELETE);
	assert_int_equal(t.entries[0], 2);
	assert_true(str_is(t.changes[0].id, "b"));
	assert_int_equal(t.changes[1].op, STORE_CREATE);
	assert_int_equal(t.changes[2].op, STORE_UPDATE);
	assert_int_equal(t.changes[2].if_match, 3);
	assert_int_equal(t.entries[2], 0);
}

static void test_plain_bundles(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct rest_transaction t = {0};
	assert_true(prepare(f,
			    "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":["
			    "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"keep\"}},"
			    "{\"fullUrl\":\"" PATIENT_URN "\",\"resource\":{\"resourceType\":\"Patient\"}}]}",
			    &t, &err));
	assert_int_equal(t.count, 2);
	assert_int_equal(t.changes[0].op, STORE_CREATE);
	assert_int_equal(t.changes[1].op, STORE_UPDATE);
	assert_true(str_is(t.changes[1].id, "keep"));
	assert_int_equal(t.entries[1], 0);
}

#define ENTRY(resource, method, url)                                                                                   \
	"{\"resource\":" resource ",\"request\":{\"method\":\"" method "\",\"url\":\"" url "\"}}"
#define BUNDLE(entries) "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[" entries "]}"

static const struct {
	const char *bundle;
	enum error_code code;
	const char *path;
} refused[] = {
	{"{\"resourceType\":\"Patient\"}", ERR_STRUCTURE, ""},
	{"{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":{}}", ERR_STRUCTURE, "Bundle.entry"},
	{"{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"x\":1}", ERR_STRUCTURE, "Bundle"},
	{BUNDLE("1"), ERR_STRUCTURE, "Bundle.entry[0]"},
	{BUNDLE("{\"resource\":{\"resourceType\":\"Patient\"}}"), ERR_REQUIRED, "Bundle.entry[0].request"},
	{BUNDLE("{\"colour\":1}"), ERR_STRUCTURE, "Bundle.entry[0]"},
	{BUNDLE("{\"request\":{\"method\":\"POST\",\"url\":\"Patient\"}}"), ERR_REQUIRED, "Bundle.entry[0].resource"},
	{BUNDLE(ENTRY("{\"resourceType\":\"Patient\"}", "TRACE", "Patient/1")), ERR_NOT_SUPPORTED,
	 "Bundle.entry[0].request.method"},
	{BUNDLE(ENTRY("{\"resourceType\":\"Patient\"}", "PATCH", "Patient/1")), ERR_STRUCTURE, "Bundle.entry[0]"},
	{BUNDLE(ENTRY("{\"resourceType\":\"Parameters\"}", "PATCH", "Patient/1")), ERR_NOT_SUPPORTED,
	 "Bundle.entry[0]"},
	{BUNDLE(ENTRY("{\"resourceType\":\"Patient\"}", "POST", "Observation")), ERR_STRUCTURE,
	 "Bundle.entry[0].resource"},
	{BUNDLE(ENTRY("{\"resourceType\":\"Patient\"}", "POST", "Patient/1")), ERR_VALUE,
	 "Bundle.entry[0].request.url"},
	{BUNDLE(ENTRY("{\"resourceType\":\"Patient\",\"id\":\"2\"}", "PUT", "Patient/1")), ERR_VALUE,
	 "Bundle.entry[0].resource.id"},
	{BUNDLE(ENTRY("{\"resourceType\":\"Patient\",\"id\":\"a_b\"}", "PUT", "Patient/a_b")), ERR_VALUE,
	 "Bundle.entry[0].request.url"},
	{BUNDLE(ENTRY("{\"resourceType\":\"Patient\"}", "POST", "Nothing")), ERR_UNKNOWN_TYPE,
	 "Bundle.entry[0].request.url"},
	{BUNDLE(ENTRY("{\"resourceType\":\"Patient\"}", "POST", "http://other/fhir/Patient")), ERR_VALUE,
	 "Bundle.entry[0].request.url"},
	{BUNDLE(ENTRY("{\"resourceType\":\"Patient\",\"id\":\"1\"}", "PUT", "Patient?name=x")), ERR_NOT_SUPPORTED,
	 "Bundle.entry[0]"},
	{BUNDLE(ENTRY("{\"resourceType\":\"Patient\"}", "POST", "Patient") "," ENTRY(
		 "{\"resourceType\":\"Patient\",\"name\":[{\"family\":[]}]}", "POST", "Patient")),
	 ERR_STRUCTURE, "Bundle.entry[1].resource.name[0].family"},
	{BUNDLE(ENTRY("{\"resourceType\":\"Patient\",\"id\":\"1\"}", "PUT",
		      "Patient/1") ","
				   "{\"request\":{\"method\":\"DELETE\",\"url\":\"Patient/1\"}}"),
	 ERR_INVARIANT, "Bundle.entry[1].request.url"},
	{BUNDLE("{\"request\":{\"method\":\"GET\",\"url\":\"Patient/1\"}}"), ERR_NOT_SUPPORTED,
	 "Bundle.entry[0].request.method"},
	{BUNDLE(ENTRY("{\"resourceType\":\"Basic\",\"code\":{\"text\":\"x\"},\"author\":{\"reference\":"
		      "\"Practitioner?identifier=1\"}}",
		      "POST", "Basic")),
	 ERR_NOT_SUPPORTED, "Bundle.entry[0]"},
};

static void test_refused(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct error err = {0};
		struct rest_transaction t = {0};
		print_message("%s\n", refused[i].bundle);
		assert_false(prepare(f, refused[i].bundle, &t, &err));
		print_message("  %s: %s (%s)\n", error_name(err.code), err.text, err.path);
		assert_int_equal(err.code, refused[i].code);
		assert_string_equal(err.path, refused[i].path);
		assert_null(t.changes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resource),	   cmocka_unit_test(test_links),
		cmocka_unit_test(test_absolute_full_urls), cmocka_unit_test(test_order),
		cmocka_unit_test(test_plain_bundles),	   cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
