/* Lines of bulk files: what is a whole resource, what it is and refers to, and why another line is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "export/config_priv.h"

static void lines_are_whole_resources_or_not(void **state)
{
	static const struct {
		const char *line, *why, *type, *id;
		size_t references;
	} cases[] = {
		{"{\"resourceType\":\"Patient\",\"id\":\"1\"}", NULL, "Patient", "1"},
		{" {\"id\" : \"1\" , \"resourceType\" : \"Patient\" } ", NULL, "Patient", "1"},
		{"{\"id\":\"1\",\"contained\":[{\"resourceType\":\"X\",\"id\":\"2\"}],\"resourceType\":\"Patient\"}",
		 NULL, "Patient", "1"},
		{"{\"resourceType\":\"A\",\"id\":\"1\",\"s\":{\"reference\":\"P/1\"},\"t\":[{\"reference\":\"P/2\"}]}",
		 NULL, "A", "1", 2},
		{"{\"resourceType\":\"A\",\"id\":\"1\",\"v\":[true,false,null,-1.5e+3,0,[],{},\"\\\"}\"]}", NULL, "A",
		 "1"},
		{"{}", NULL, NULL, NULL},
		{"{\"x\":\"reference\"}", NULL, NULL, NULL},
		{"{\"reference\":{\"reference\":\"P/1\"}}", NULL, NULL, NULL, 1},
		{"", "the line is no JSON object"},
		{"[]", "the line is no JSON object"},
		{"{\"resourceType\":\"Patient\",\"id\":\"1\"", "the line ends in the middle"},
		{"{\"resourceType\":\"Patient\",\"id\":\"1", "the line ends within a text"},
		{"{\"resourceType\":\"Patient\",\"id\":\"1\\\"}", "the line ends within a text"},
		{"{\"resourceType\":\"Patient\",", "the line ends in the middle"},
		{"{\"resourceType\":", "the line ends in the middle"},
		{"{\"resourceType\"", "the line is no JSON"},
		{"{\"a\":[1,2}", "the line is no JSON"},
		{"{\"a\":1]", "the line is no JSON"},
		{"{\"a\":nul}", "the line is no JSON"},
		{"{\"a\":1x}", "the line is no JSON"},
		{"{\"a\":}", "the line is no JSON"},
		{"{a:1}", "the line is no JSON"},
		{"{\"a\":1}{\"b\":2}", "there is something behind the resource"},
		{"<html></html>", "the line is no JSON object"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct look_reference references[4];
		struct looked looked;
		size_t count;
		const char *why = look_line(str_from(cases[i].line), &looked, references, 4, &count);
		if ((why != NULL) != (cases[i].why != NULL) || (why && strcmp(why, cases[i].why) != 0))
			fail_msg("%s: %s", cases[i].line, why ? why : "good");
		if (why)
			continue;
		assert_true(cases[i].type ? str_is(looked.type, cases[i].type) : !looked.type.p);
		assert_true(cases[i].id ? str_is(looked.id, cases[i].id) : !looked.id.p);
		assert_int_equal(count, cases[i].references);
	}
}

static void nesting_has_an_end(void **state)
{
	char deep[400];
	struct looked looked;
	size_t count;
	(void)state;
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	assert_string_equal(look_line(str_make(deep, sizeof(deep)), &looked, NULL, 0, &count),
			    "the line is nested too deeply");
}

/* More than fits into memory, in runs; merged in steps, each once. */
static void sets_are_sorted_however_large(void **state)
{
	enum { COUNT = 7000000, DISTINCT = 300007 }; /* more runs than are read at once */
	char directory[] = "/tmp/firth-set-XXXXXX", id[32];
	struct error err = {0};
	struct set s;
	struct set_entry e, last = {0};
	size_t seen = 0;
	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_true(set_open(&s, str_from(directory), "ids", &err));
	for (unsigned i = 0; i < COUNT; i++) {
		int n = snprintf(id, sizeof(id), "%u", i * 7919u % DISTINCT);
		e = set_entry_of(S("Patient"), str_make(id, (size_t)n));
		e.offset = i;
		assert_true(set_add(&s, &e, 1, &err));
	}
	assert_true(set_finish(&s, true, &err));
	struct set_reader *r = set_read(&s, &err);
	assert_non_null(r);
	while (set_next(r, &e, &err)) {
		assert_true(!seen || set_compare(&last, &e) < 0);
		last = e;
		seen++;
	}
	assert_int_equal(err.code, ERR_NONE);
	assert_int_equal(seen, DISTINCT);
	set_read_end(r);
	set_close(&s);
	assert_int_equal(rmdir(directory), 0);
}

static void an_empty_set_ends_at_once(void **state)
{
	struct error err = {0};
	struct set s;
	struct set_entry e;
	(void)state;
	assert_true(set_open(&s, S("/tmp"), "none", &err) && set_finish(&s, false, &err));
	struct set_reader *r = set_read(&s, &err);
	assert_true(r && !set_next(r, &e, &err) && !err.code);
	set_read_end(r);
	set_close(&s);
}

static void types_are_part_of_what_is_compared(void **state)
{
	struct set_entry a = set_entry_of(S("Patient"), S("1")), b = set_entry_of(S("Patien"), S("t1"));
	struct set_entry c = set_entry_of(S("Patient"), S("2")), d = set_entry_of(S("Patient"), S("1"));
	(void)state;
	assert_int_not_equal(set_compare(&a, &b), 0);
	assert_int_not_equal(set_compare(&a, &c), 0);
	assert_int_equal(set_compare(&a, &d), 0);
}

/* ---- configuration --------------------------------------------------------------------------------------------------
 */

static void configurations_of_others_are_read(void **state)
{
	static const struct {
		const char *text, *error; /* error: what its text has, NULL: it is read */
	} cases[] = {
		{"{\"fhirUrl\":\"http://h/f\",\"tokenUrl\":\"none\"}", NULL},
		{"module.exports = { fhirUrl: 'http://h/f', tokenUrl: 'none', };", NULL},
		{"export default { fhirUrl: `http://h/f`, /* c */ tokenUrl: \"none\" }", NULL},
		{"\"use strict\"\n// c\nmodule.exports={fhirUrl:'http://h/f',tokenUrl:'none',parallelDownloads:5}",
		 NULL},
		{"module.exports = { fhirUrl: f() }", "line 1: a value that has to be run"},
		{"module.exports = {\n fhirUrl: 'a' + 'b' }", "line 2: a value that has to be run, or a comma"},
		{"module.exports = { fhirUrl: `http://${h}` }", "put together"},
		{"module.exports = { fhirUrl: 'http://h", "does not end"},
		{"module.exports = { ...others }", "name of a member"},
		{"const a = 1", "no object"},
		{"{\"tokenUrl\":\"none\"}", "fhirUrl is missing"},
		{"{\"fhirUrl\":\"http://h\",\"clientId\":\"c\"}", "clientId needs privateKey"},
		{"{\"fhirUrl\":\"http://h\",\"tokenUrl\":\"none\",\"parallelDownloads\":\"x\"}", "parallelDownloads"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		struct export_config c;
		arena_init(&a, 1 << 20);
		bool ok = export_config_read(&a, str_from(cases[i].text), &c, &err);
		if (ok != !cases[i].error || (!ok && !strstr(err.text, cases[i].error)))
			fail_msg("%s: %s", cases[i].text, ok ? "read" : err.text);
		if (ok)
			assert_true(str_is(c.ehr.base_url, "http://h/f") && !c.ehr.client_id.n);
		arena_done(&a);
	}
}

static void its_options_become_ours(void **state)
{
	struct arena a;
	struct error err = {0};
	struct export_config c;
	(void)state;
	arena_init(&a, 1 << 20);
	assert_true(export_config_read(
		&a,
		S("{\"fhirUrl\":\"http://h\",\"tokenUrl\":\"http://h/"
		  "t\",\"clientId\":\"c\",\"privateKey\":{\"kty\":\"EC\"},"
		  "\"group\":\"g\",\"_type\":[\"Patient\",\"Group\"],\"_typeFilter\":\"Patient?active=true\",\"_"
		  "since\":"
		  "\"2020\",\"lenient\":true,\"parallelDownloads\":99,\"patient\":\"1, 2\",\"scope\":\"system/*.rs\","
		  "\"log\":{\"enabled\":true},\"ndjsonMaxLineLength\":5,\"awsRegion\":\"\",\"destination\":\"./x\"}"),
		&c, &err));
	assert_true(str_is(c.ehr.token_url, "http://h/t") && str_is(c.ehr.client_id, "c"));
	assert_true(str_is(c.ehr.key_text, "{\"kty\":\"EC\"}") && str_is(c.ehr.scopes, "system/*.rs"));
	assert_int_equal(c.options.scope, EXPORT_OF_GROUP);
	assert_true(str_is(c.options.types, "Patient,Group") && str_is(c.options.since, "2020"));
	assert_true(c.options.filter_count == 1 && c.options.patient_count == 2 && c.options.parallel == 16);
	assert_true(c.options.lenient && str_is(c.options.patients[1], "2") && str_is(c.options.directory, "./x"));
	assert_true(str_is(c.ignored, "log, ndjsonMaxLineLength"));
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_whole_resources_or_not),
		cmocka_unit_test(nesting_has_an_end),
		cmocka_unit_test(sets_are_sorted_however_large),
		cmocka_unit_test(an_empty_set_ends_at_once),
		cmocka_unit_test(types_are_part_of_what_is_compared),
		cmocka_unit_test(configurations_of_others_are_read),
		cmocka_unit_test(its_options_become_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
