/* Where URLs lead, and what is this machine: a host must end where it seems to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/origin.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void an_origin_is_scheme_host_and_port(void **state)
{
	(void)state;
	static const struct {
		const char *url, *origin;
	} cases[] = {
		{"https://ehr.example.org/fhir", "https://ehr.example.org"},
		{"http://ehr.example.org:8080?x=1", "http://ehr.example.org:8080"},
		{"http://[::1]:80/fhir", "http://[::1]:80"},
		{"https://10.0.0.1#part", "https://10.0.0.1"},
		{"https://ehr_1.example.org", "https://ehr_1.example.org"},
		{"https://user:pass@example.org/", NULL},
		{"https://example.org\\@127.0.0.1/", NULL},
		{"https://exa mple.org/", NULL},
		{"https://ex%61mple.org/", NULL},
		{"https://*.example.org/", NULL},
		{"https://example.org:/", NULL},
		{"https://example.org:80x/", NULL},
		{"https://example.org:65536/", NULL},
		{"https://example.org:000080/", NULL},
		{"https://[::1/", NULL},
		{"https://[::1]x/", NULL},
		{"https://[::1%25lo]/", NULL},
		{"https://::1/", NULL},
		{"https:///fhir", NULL},
		{"https://:80/", NULL},
		{"https://", NULL},
		{"HTTPS://example.org", NULL},
		{"ftp://example.org", NULL},
		{"//example.org", NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str got = url_origin(str_from(cases[i].url));
		if (!str_eq(got, str_from(cases[i].origin)) || !got.p != !cases[i].origin)
			fail_msg("%s: %.*s", cases[i].url, STR_ARG(got));
	}
	assert_null(url_origin(STR_NULL).p);
	assert_null(url_origin(str_make("http://a\0b", 10)).p);
}

static void this_machine_has_few_names(void **state)
{
	(void)state;
	static const char *const here[] = {"localhost",	      "LocalHost",	  "127.0.0.1",
					   "127.0.0.11",      "127.255.255.255",  "::1",
					   "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::FFFF:7f00:1"};
	static const char *const elsewhere[] = {"",
						"localhost.",
						"a.localhost",
						"localhost.example.org",
						"127.0.0.1.",
						"127.0.0.1.example.org",
						"127.1",
						"0127.0.0.1",
						"127.0.0.01",
						"0x7f.0.0.1",
						"2130706433",
						"128.0.0.1",
						"0.0.0.0",
						"10.0.0.1",
						"::",
						"::2",
						"::127.0.0.1",
						"::ffff:10.0.0.1",
						"::1%lo",
						"[::1]",
						"fe80::1",
						"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001"};
	for (size_t i = 0; i < COUNT(here); i++)
		if (!host_is_loopback(str_from(here[i])))
			fail_msg("%s", here[i]);
	for (size_t i = 0; i < COUNT(elsewhere); i++)
		if (host_is_loopback(str_from(elsewhere[i])))
			fail_msg("%s", elsewhere[i]);
	assert_false(host_is_loopback(STR_NULL));
	assert_false(host_is_loopback(str_make("127.0.0.1\0x", 11)));
	assert_true(authority_is_loopback(S("[::1]:8080")));
	assert_true(authority_is_loopback(S("localhost:8080")));
	assert_false(authority_is_loopback(S("localhost:8080@example.org")));
	assert_false(authority_is_loopback(S("::1")));
}

static void secrets_travel_sealed_or_not_at_all(void **state)
{
	(void)state;
	static const char *const good[] = {"https://app.example.org/jwks.json", "http://127.0.0.1:8080/jwks",
					   "http://localhost/jwks", "http://[::1]:80/jwks", "http://127.0.0.11/jwks"};
	static const char *const bad[] = {"http://app.example.org/jwks",
					  "http://127.0.0.1.example.org/jwks",
					  "http://localhost.example.org/jwks",
					  "http://localhost:1@example.org/jwks",
					  "http://localhost\\.example.org/jwks",
					  "https://user:pass@example.org/jwks",
					  "file:///etc/passwd",
					  "ftp://127.0.0.1/x",
					  "jwks",
					  ""};
	for (size_t i = 0; i < COUNT(good); i++)
		if (!url_is_private(str_from(good[i])))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (url_is_private(str_from(bad[i])))
			fail_msg("%s", bad[i]);
	assert_true(url_is_loopback(S("https://localhost:1/x")));
	assert_false(url_is_loopback(S("https://example.org")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_origin_is_scheme_host_and_port),
		cmocka_unit_test(this_machine_has_few_names),
		cmocka_unit_test(secrets_travel_sealed_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
