/* Request targets: what is decoded, and what is refused because it could be read in two ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/server_priv.h"

static void reads_targets(void **state)
{
	(void)state;
	static const struct {
		const char *target, *path, *query; /* path NULL: refused */
	} cases[] = {
		{"/", "/", ""},
		{"/fhir/Patient/1", "/fhir/Patient/1", ""},
		{"/fhir/", "/fhir/", ""},
		{"/fhir/Patient?name=a%20b&x=..//", "/fhir/Patient", "name=a%20b&x=..//"},
		{"/a?", "/a", ""},
		{"/%46hir/Zo%C3%AB", "/Fhir/Zo\xC3\xAB", ""},
		{"/a+b", "/a+b", ""},
		{"/.well-known/x", "/.well-known/x", ""},
		{"/...", "/...", ""},
		{"http://example.org:8080/fhir?x", "/fhir", "x"},
		{"http://example.org", "/", ""},
		{"*", "*", ""},
		{"fhir", NULL, NULL},
		{"", NULL, NULL},
		{"?x", NULL, NULL},
		{"/a//b", NULL, NULL},
		{"//a", NULL, NULL},
		{"//", NULL, NULL},
		{"/a//", NULL, NULL},
		{"/a/../b", NULL, NULL},
		{"/a/..", NULL, NULL},
		{"/./a", NULL, NULL},
		{"/%2e%2E/a", NULL, NULL},
		{"/a/.%2e", NULL, NULL},
		{"/a%2Fb", NULL, NULL},
		{"/a%2fb", NULL, NULL},
		{"/a%", NULL, NULL},
		{"/a%4", NULL, NULL},
		{"/a%zz", NULL, NULL},
		{"/a%00b", NULL, NULL},
		{"/a%0d%0aX: y", NULL, NULL},
		{"/a%7f", NULL, NULL},
		{"/%ff", NULL, NULL},
		{"/%c0%ae", NULL, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		struct str path = STR_NULL, query = STR_NULL;
		arena_init(&a, 1024 * 1024);
		bool good = target_parse(&a, str_from(cases[i].target), &path, &query, &err);
		if (good != (cases[i].path != NULL))
			fail_msg("%s: %s", cases[i].target, good ? "accepted" : err.text);
		if (good && (!str_is(path, cases[i].path) || !str_is(query, cases[i].query)))
			fail_msg("%s: \"%.*s\" \"%.*s\"", cases[i].target, STR_ARG(path), STR_ARG(query));
		if (!good)
			assert_int_equal(error_http_status(err.code), 400);
		arena_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads_targets)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
