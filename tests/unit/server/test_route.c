/* Paths and methods to interactions: every row of the table, near misses, and what Allow says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/rest/rest_priv.h"

struct row {
	const char *method, *path;
	enum rest_interaction interaction;
	const char *type, *id, *version, *within, *within_id;
};

static const struct row found[] = {
	{"GET", "metadata", REST_CAPABILITIES, "", "", ""},
	{"HEAD", "metadata", REST_CAPABILITIES, "", "", ""},
	{"GET", ".well-known/smart-configuration", REST_SMART_CONFIGURATION, "", "", ""},
	{"GET", "Patient/1", REST_READ, "Patient", "1", ""},
	{"GET", "Patient/1/", REST_READ, "Patient", "1", ""},
	{"HEAD", "Patient/1", REST_READ, "Patient", "1", ""},
	{"GET", "Patient/1/_history/2", REST_VREAD, "Patient", "1", "2"},
	{"GET", "Patient/1/_history", REST_HISTORY_INSTANCE, "Patient", "1", ""},
	{"GET", "Patient", REST_SEARCH_TYPE, "Patient", "", ""},
	{"POST", "Patient/_search", REST_SEARCH_POST, "Patient", "", ""},
	{"POST", "Patient", REST_CREATE, "Patient", "", ""},
	{"PUT", "Patient/1", REST_UPDATE, "Patient", "1", ""},
	{"DELETE", "Patient/1", REST_DELETE, "Patient", "1", ""},
	{"POST", "", REST_BATCH, "", "", ""},
	{"PATCH", "Patient/1", REST_PATCH, "Patient", "1", ""},
	{"PATCH", "Patient", REST_PATCH_IF, "Patient", "", ""},
	{"PUT", "Patient", REST_UPDATE_IF, "Patient", "", ""},
	{"DELETE", "Patient", REST_DELETE_IF, "Patient", "", ""},
	{"GET", "_history", REST_HISTORY_SYSTEM, "", "", ""},
	{"GET", "Patient/_history", REST_HISTORY_TYPE, "Patient", "", ""},
	{"GET", "", REST_SEARCH_SYSTEM, "", "", ""},
	{"POST", "_search", REST_SEARCH_SYSTEM_POST, "", "", ""},
	{"GET", "Patient/1/Observation", REST_SEARCH_WITHIN, "Observation", "", "", "Patient", "1"},
	{"POST", "Patient/1/Observation/_search", REST_SEARCH_WITHIN_POST, "Observation", "", "", "Patient", "1"},
	{"GET", "Patient/1/*", REST_SEARCH_WITHIN_ALL, "", "", "", "Patient", "1"},
	{"POST", "Patient/1/_search", REST_SEARCH_WITHIN_ALL_POST, "", "", "", "Patient", "1"},
	{"GET", "NoSuchType/1", REST_READ, "NoSuchType", "1", ""}, /* types are known later */
};

static void test_found(void **state)
{
	struct arena *a = *state;
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		struct route r = {0};
		struct error err = {0};
		print_message("%s %s\n", found[i].method, found[i].path);
		assert_true(route_find(a, str_from(found[i].method), str_from(found[i].path), &r, &err));
		assert_int_equal(r.interaction, found[i].interaction);
		assert_true(str_is(r.type_name, found[i].type));
		assert_true(str_is(r.id, found[i].id));
		assert_true(str_is(r.version, found[i].version));
		assert_true(str_eq(r.within, str_from(found[i].within)));
		assert_true(str_eq(r.within_id, str_from(found[i].within_id)));
	}
}

static const struct {
	const char *method, *path;
	enum error_code code;
	const char *allow;
} refused[] = {
	{"PUT", "", ERR_METHOD, "GET, HEAD, POST"},
	{"TRACE", "Patient", ERR_METHOD, "GET, HEAD, POST, PUT, PATCH, DELETE"},
	{"POST", "Patient/1", ERR_METHOD, "GET, HEAD, PUT, PATCH, DELETE"},
	{"DELETE", "Patient/1/*", ERR_METHOD, "GET, HEAD"},
	{"POST", "metadata", ERR_METHOD, "GET, HEAD"},
	{"GET", "Patient/_search", ERR_METHOD, "POST"},
	{"DELETE", "Patient/1/_history/1", ERR_METHOD, "GET, HEAD"},
	{"GET", "patient/1", ERR_NOT_FOUND, ""},
	{"GET", "Patient/$everything", ERR_NOT_FOUND, ""},
	{"POST", "$convert", ERR_NOT_FOUND, ""},
	{"GET", "Patient/1/_history/2/3", ERR_NOT_FOUND, ""},
	{"GET", "_history/1", ERR_NOT_FOUND, ""},
	{"GET", "*", ERR_NOT_FOUND, ""},
	{"GET", "Patient/1/observation", ERR_NOT_FOUND, ""},
	{"GET", "metadata/x", ERR_NOT_FOUND, ""},
};

static void test_refused(void **state)
{
	struct arena *a = *state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct route r = {0};
		struct error err = {0};
		print_message("%s %s\n", refused[i].method, refused[i].path);
		assert_false(route_find(a, str_from(refused[i].method), str_from(refused[i].path), &r, &err));
		assert_int_equal(err.code, refused[i].code);
		assert_int_equal(r.interaction, REST_UNKNOWN);
		assert_true(str_is(r.allow, refused[i].allow));
	}
}

static void test_codes(void **state)
{
	(void)state;
	assert_string_equal(rest_interaction_code(REST_SEARCH_POST), "search-type");
	assert_string_equal(rest_interaction_code(REST_HISTORY_INSTANCE), "history-instance");
	assert_int_equal(rest_interaction(REST_DELETE)->permissions, SCOPE_D);
	assert_int_equal(rest_interaction(REST_UPDATE)->audit_action, 'U');
}

int main(void)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_found, &a),
		cmocka_unit_test_prestate(test_refused, &a),
		cmocka_unit_test(test_codes),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&a);
	return failed;
}
