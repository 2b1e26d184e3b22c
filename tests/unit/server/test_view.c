/* Parts of resources: what _elements and _summary keep, and the tag that says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/rest/rest_priv.h"

#define TAG                                                                                                            \
	"{\"system\":\"http://terminology.hl7.org/CodeSystem/"                                                         \
	"v3-ObservationValue\",\"code\":\"SUBSETTED\",\"display\":"                                                    \
	"\"Resource encoded in summary mode\"}"
#define META "\"meta\":{\"tag\":[" TAG "]}"

static const struct {
	const char *query, *resource, *shown;
} rows[] = {
	/* What is asked for, mandatory elements, and those that change the meaning of others. */
	{"_elements=valueInteger",
	 "{\"resourceType\":\"Observation\",\"id\":\"1\",\"status\":\"final\",\"code\":{\"text\":\"c\"},"
	 "\"valueInteger\":3,"
	 "\"note\":[{\"text\":\"n\"}]}",
	 "{\"resourceType\":\"Observation\",\"id\":\"1\",\"status\":\"final\",\"code\":{\"text\":\"c\"},"
	 "\"valueInteger\":3," META "}"},
	/* A choice by its element's name, and the siblings of primitives. */
	{"_elements=value,issued",
	 "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{},\"_issued\":{\"id\":\"x\"},"
	 "\"valueString\":\"v\","
	 "\"_valueString\":{\"id\":\"y\"}}",
	 "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{},\"_issued\":{\"id\":\"x\"},"
	 "\"valueString\":\"v\","
	 "\"_valueString\":{\"id\":\"y\"}," META "}"},
	/* Summaries go down into elements; the tag joins others. */
	{"_summary=true",
	 "{\"resourceType\":\"Patient\",\"meta\":{\"versionId\":\"2\",\"tag\":[{\"code\":\"a\"}]},\"name\":[{"
	 "\"family\":\"F\","
	 "\"_family\":{\"extension\":[]},\"extension\":[]}],\"contact\":[{}],\"photo\":[{\"url\":\"u\"}]}",
	 "{\"resourceType\":\"Patient\",\"meta\":{\"versionId\":\"2\",\"tag\":[{\"code\":\"a\"}," TAG
	 "]},\"name\":[{\"family\":\"F\"}]}"},
	/* The sibling of a mandatory primitive without a value stays: it says why there is none. */
	{"_summary=true",
	 "{\"resourceType\":\"Observation\",\"_status\":{\"extension\":[{\"url\":\"u\"}]},\"code\":{}}",
	 "{\"resourceType\":\"Observation\",\"_status\":{\"extension\":[{\"url\":\"u\"}]},\"code\":{}," META "}"},
	{"_summary=text", "{\"resourceType\":\"Patient\",\"id\":\"1\",\"text\":{\"status\":\"empty\"},\"active\":true}",
	 "{\"resourceType\":\"Patient\",\"id\":\"1\",\"text\":{\"status\":\"empty\"}," META "}"},
	{"_summary=data", "{\"resourceType\":\"Patient\",\"text\":{\"status\":\"empty\"},\"active\":true}",
	 "{\"resourceType\":\"Patient\",\"active\":true," META "}"},
	/* Asked for as a view once more, the tag is there once. */
	{"_summary=data", "{\"resourceType\":\"Patient\",\"meta\":{\"tag\":[" TAG "]}}",
	 "{\"resourceType\":\"Patient\"," META "}"},
};

static struct rest_call call_of(struct arena *a, struct rest_server *s, const char *query)
{
	return (struct rest_call){.server = s,
				  .arena = a,
				  .query = str_from(query),
				  .type = definitions_resource(s->o.definitions, S("Observation"))};
}

static void test_views(void **state)
{
	struct arena *a = *state;
	struct rest_server s = {.o = {.definitions = definitions_builtin()}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		struct buf out;
		struct str body = str_from(rows[i].resource);
		struct rest_call call = call_of(a, &s, rows[i].query);
		const struct json *j = json_parse(a, body, 0, &err);
		const struct fhir_type *type = resource_type(s.o.definitions, j, &err);
		print_message("%s of %s\n", rows[i].query, rows[i].resource);
		assert_non_null(type);
		assert_true(view_read(&call, &err));
		assert_non_null(call.view);
		buf_init(&out, 1 << 20);
		assert_true(view_write(&call, type, body, &out, &err));
		assert_string_equal(arena_str(a, buf_str(&out)).p, rows[i].shown);
		buf_done(&out);
	}
}

static const struct {
	const char *query;
	bool lenient;
	enum error_code code;
} asked[] = {
	{"_summary=false", false, ERR_NONE},	{"_pretty=true", false, ERR_NONE},
	{"_summary=count", false, ERR_VALUE},	{"_summary=everything", false, ERR_VALUE},
	{"_elements=colour", false, ERR_VALUE}, {"_elements=status&_summary=true", false, ERR_VALUE},
};

static void test_asked(void **state)
{
	struct rest_server s = {.o = {.definitions = definitions_builtin()}};
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct error err = {0};
		struct rest_call call = call_of(*state, &s, asked[i].query);
		call.lenient = asked[i].lenient;
		print_message("%s\n", asked[i].query);
		assert_int_equal(view_read(&call, &err), asked[i].code == ERR_NONE);
		assert_int_equal(err.code, asked[i].code);
		assert_null(call.view);
	}
	struct error err = {0};
	struct rest_call call = call_of(*state, &s, "_elements=colour,status");
	call.lenient = true;
	assert_true(view_read(&call, &err));
	assert_int_equal(call.view->element_count, 2);
}

int main(void)
{
	struct arena a;
	arena_init(&a, 1 << 24);
	const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(test_views, &a),
					   cmocka_unit_test_prestate(test_asked, &a)};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&a);
	return failed;
}
