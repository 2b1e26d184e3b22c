/* What a URL leads to: every trick by which a host can be made to look like another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/cds/cds_priv.h"

static void test_origin(void **state)
{
	static const struct {
		const char *url, *origin; /* NULL: none */
	} cases[] = {
		{"https://ehr.example/fhir?x=1", "https://ehr.example"},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"http://[::1]:80/x", "http://[::1]:80"},
		{"https://ehr.example#a", "https://ehr.example"},
		{"https://user@ehr.example/", NULL},
		{"https://ehr.example\\@evil/", NULL},
		{"https://ehr%2eexample/", NULL},
		{"https://ehr example/", NULL},
		{"https://\xC3\xA4.example/", NULL},
		{"https:///fhir", NULL},
		{"ftp://ehr.example/", NULL},
		{"//ehr.example/", NULL},
		{"file:///etc/passwd", NULL},
		{"", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str origin = url_origin(str_from(cases[i].url));
		if (cases[i].origin ? !str_is(origin, cases[i].origin) : origin.p != NULL)
			fail_msg("%s: %.*s", cases[i].url, STR_ARG(origin));
	}
}

static void test_loopback(void **state)
{
	static const char *const here[] = {"http://127.0.0.1", "http://127.0.0.1:9/fhir", "https://localhost/x",
					   "http://LOCALHOST:1", "http://[::1]:8080/fhir"};
	static const char *const elsewhere[] = {"http://127.0.0.1.example.org/", "http://localhost.example.org/",
						"http://localhost@example.org/", "http://127.0.0.1@example.org/",
						"http://example.org/127.0.0.1",	 "http://0.0.0.0/",
						"http://169.254.169.254/latest", "http://[::1].example/"};
	(void)state;
	for (size_t i = 0; i < sizeof(here) / sizeof(*here); i++)
		if (!url_is_loopback(str_from(here[i])))
			fail_msg("%s", here[i]);
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++)
		if (url_is_loopback(str_from(elsewhere[i])))
			fail_msg("%s", elsewhere[i]);
}

static void test_below(void **state)
{
	static const struct {
		const char *bases, *url;
		bool below;
	} cases[] = {
		{"https://ehr.example/fhir", "https://ehr.example/fhir", true},
		{"https://ehr.example/fhir/", "https://ehr.example/fhir/Patient?x", true},
		{"https://a.example https://ehr.example", "https://ehr.example/fhir", true},
		{"https://ehr.example/fhir", "https://ehr.example/fhirier", false},
		{"https://ehr.example", "https://ehr.example.evil.org/", false},
		{"https://ehr.example", "https://ehr.example@evil.org/", false},
		{"https://ehr.example", "https://ehr.example:8443/", false},
		{"https://ehr.example", "http://ehr.example/", false},
		{"https://ehr.example/fhir", "https://ehr.example/fhir/../admin", false},
		{"https://ehr.example/fhir", "https://ehr.example/fhir/..", false},
		{"https://ehr.example/fhir", "https://ehr.example/fhir/%2E%2e/admin", false},
		{"https://ehr.example/fhir", "https://ehr.example/fhir?page=/../%2e", true},
		{"", "https://ehr.example", false},
		{"https://ehr.example", "", false},
	};
	(void)state;
	assert_false(url_is_below(STR_NULL, S("https://ehr.example")));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (url_is_below(str_from(cases[i].bases), str_from(cases[i].url)) != cases[i].below)
			fail_msg("%s below %s", cases[i].url, cases[i].bases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_origin), cmocka_unit_test(test_loopback),
					   cmocka_unit_test(test_below)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
