/* firth.yaml: what is understood, and that every mistake is refused with its place and a hint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app/config.h"
#include "base/file.h"

static struct arena arena;

static void test_full_file(void **state)
{
	(void)state;
	static const char text[] =
		"server:\n  host: 127.0.0.2\n  port: 0\n  data: store\n  base_url: https://x.example/\n"
		"  auth: off\n  packages: [a#1, b.tgz]\n  match: gender=0.9/0.5\n"
		"validation:\n  Patient: [declared, 'http://example.org/p']\n  '*': off\n"
		"clients:\n  - client_id: app\n    name: The App\n    jwks_url: http://127.0.0.1:9/jwks\n"
		"    scopes: [system/Patient.rs, system/Flag.cu]\n"
		"ehrs:\n  - name: epic-main\n    vendor: epic\n    base_url: http://127.0.0.1:1/fhir\n"
		"    client_id: 12345\n    key_file: keys/a.jwk\n    roster: /abs/roster.txt\n"
		"  - {name: two, vendor: cerner, base_url: 'https://c.example/r4', scopes: a b}\n";
	struct config c;
	struct error err = {0};
	config_defaults(&c);
	c.directory = S("/etc/firth");
	assert_true(config_parse(&c, &arena, str_from(text), S("firth.yaml"), &err));
	assert_true(str_is(c.host, "127.0.0.2") && c.port == 0 && !c.auth && c.auth_given);
	assert_true(str_is(c.data, "/etc/firth/store") && str_is(c.base_url, "https://x.example"));
	assert_int_equal(c.client_count, 1);
	assert_true(str_is(c.clients[0].client.scope, "system/Patient.rs system/Flag.cu"));
	assert_int_equal(c.ehr_count, 2);
	assert_true(str_is(c.ehrs[0].client_id, "12345") && c.ehrs[0].vendor == EHR_EPIC);
	assert_true(str_is(c.ehrs[0].key_file, "/etc/firth/keys/a.jwk") && str_is(c.ehrs[0].roster, "/abs/roster.txt"));
	assert_true(c.ehrs[1].vendor == EHR_CERNER && str_is(c.ehrs[1].scopes, "a b"));

	assert_true(str_is(c.packages, "a#1 b.tgz") && str_is(c.match, "gender=0.9/0.5"));
	assert_int_equal(c.rule_count, 2);
	assert_true(str_is(c.rules[0].type, "Patient") && c.rules[0].declared && c.rules[0].profile_count == 1);
	assert_true(str_is(c.rules[1].type, "*") && c.rules[1].level == ADMISSION_OFF);
	assert_true(config_set(&c, &arena, S("validation.Patient=structure"), &err));
	assert_true(c.rule_count == 2 && c.rules[0].level == ADMISSION_STRUCTURE);
	assert_false(config_set(&c, &arena, S("validation.Patent=structure"), &(struct error){0}));

	assert_true(config_set(&c, &arena, S("ehrs.two.base_url=https://d.example/"), &err));
	assert_true(str_is(c.ehrs[1].base_url, "https://d.example"));
	setenv("FIRTH_EHR_EPIC_MAIN_KEY_FILE", "/run/secret", 1);
	assert_true(config_environment(&c, &arena, &err));
	assert_true(str_is(c.ehrs[0].key_file, "/run/secret"));
	unsetenv("FIRTH_EHR_EPIC_MAIN_KEY_FILE");
	static const char *const wrong[] = {"ehrs.three.base_url=https://x", "ehrs.two.colour=red", "nonsense",
					    "server.port", "ehrs.two"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct error e = {0};
		assert_false(config_set(&c, &arena, str_from(wrong[i]), &e));
		assert_int_equal(e.code, ERR_USAGE);
	}
}

static void test_mistakes_have_a_place_and_a_hint(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t line, column;
		const char *says;
	} cases[] = {
		{"server:\n  hots: x\n", 2, 3, "did you mean 'host'"},
		{"servr:\n  host: x\n", 1, 1, "did you mean 'server'"},
		{"zebra: 1\n", 1, 1,
		 "known are server, limits, tokens, clients, policy, login, provider, users, ehrs, cds, cds_clients, "},
		{"server:\n  port: eighty\n", 2, 9, "a port from 0 to 65535"},
		{"server:\n  port: 70000\n", 2, 9, "no port number"},
		{"server:\n  port: \"80\"\n", 2, 9, "without quotes"},
		{"server:\n  auth: maybe\n", 2, 9, "neither on nor off"},
		{"server:\n  host: [a, b]\n", 2, 9, "is a list"},
		{"server:\n  host:\n", 2, 8, "is empty"},
		{"server:\n  host: a\n  host: b\n", 3, 3, "given twice"},
		{"server: 5\n", 1, 9, "expected keys and values"},
		{"- a\n", 1, 1, "the file is a list"},
		{"ehrs:\n  name: x\n", 2, 3, "expected a list"},
		{"ehrs:\n  - vendor: epic\n    base_url: http://x\n", 2, 5, "needs 'name'"},
		{"ehrs:\n  - {name: Big Name, vendor: epic, base_url: 'http://x'}\n", 2, 12, "a-z, 0-9 and -"},
		{"ehrs:\n  - {name: a, vendor: allscripts, base_url: 'http://x'}\n", 2, 23, "epic, cerner or generic"},
		{"ehrs:\n  - {name: a, vendor: epic, base_url: 'ftp://x'}\n", 2, 39, "http:// or https://"},
		{"ehrs:\n  - {name: a, vendor: epic, base_url: 'http://'}\n", 2, 39, "names no host"},
		{"ehrs:\n  - {name: a, vendor: epic, base_url: 'http://x/?q=1'}\n", 2, 39, "does not belong"},
		{"ehrs:\n  - &e {name: a, vendor: epic, base_url: 'http://x'}\n  - *e\n", 2, 5, "two entries"},
		{"clients:\n  - {client_id: a, scopes: s}\n", 2, 5, "needs jwks_file, jwks_url or secret_sha256"},
		{"clients:\n  - {client_id: a, scopes: [], jwks_url: 'http://x'}\n", 2, 28, "empty"},
		{"validation:\n  Patent: off\n", 2, 11, "Patent"},
		{"validation:\n  Patient: strict\n", 2, 12, "none of off, structure, declared"},
		{"validation: off\n", 1, 13, "expected types"},
		{"server: {port: 1\nehrs: x\n", 2, 5, "not valid YAML"},
		{"server:\n\tport: 1\n", 2, 1, "not valid YAML"},
		{"server:\n  port: 1\n---\nserver:\n  port: 2\n", 4, 1, "second document"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config c;
		struct error err = {0};
		config_defaults(&c);
		assert_false(config_parse(&c, &arena, str_from(cases[i].text), S("f.yaml"), &err));
		if (err.code != ERR_CONFIG || err.line != cases[i].line || err.column != cases[i].column ||
		    !strstr(err.text, cases[i].says))
			fail_msg("case %zu: got %zu:%zu %s", i, err.line, err.column, err.text);
	}
}

static void test_cds(void **state)
{
	static const struct {
		const char *text, *says; /* NULL: it is good */
	} cases[] = {
		{"cds:\n  threshold: warning\n  remember: 0 s\n", NULL},
		{"cds:\n  enabled: off\n  threshold: nonsense\n", NULL}, /* of no interest then */
		{"cds:\n  threshold: loud\n", "cds.threshold"},
		{"cds:\n  cards: 0\n", "cds.cards"},
		{"cds:\n  fetch_time: 5 min\n", "cds.fetch_time"},
		{"cds_clients:\n  - {iss: 'https://x'}\n", "needs jku or jwks_file"},
		{"cds_clients:\n  - {iss: 'https://x', jku: 'https://x/k'}\ncds:\n  open: on\n", "do not go together"},
		{"cds_policy:\n  - {name: a, action: shout}\n", "action is none of"},
		{"cds_policy:\n  - {name: a, kind: food, action: off}\n", "kind is none of"},
		{"cds_policy:\n  - {name: a, rule: DD022, role: pharmacist, action: off}\n", NULL},
		{"server:\n  host: 0.0.0.0\n  auth: on\ncds:\n  cards: 5\n", "without asking who calls"},
		{"server:\n  host: 0.0.0.0\n  auth: on\ncds:\n  open: on\n", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config c;
		struct error err = {0};
		config_defaults(&c);
		assert_false(c.cds.enabled);
		bool ok = config_parse(&c, &arena, str_from(cases[i].text), S("f.yaml"), &err) &&
			  config_load_cds(&c, &arena, &err) && config_settle(&c, &err);
		if (ok != !cases[i].says || (!ok && !strstr(err.text, cases[i].says)))
			fail_msg("%s: %s", cases[i].text, err.text);
		if (ok)
			assert_int_equal(c.cds.enabled, i != 1);
	}
}

static void test_empty_files_say_nothing(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "# only a comment\n", "---\n", "server:\nehrs:\n"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config c;
		struct error err = {0};
		config_defaults(&c);
		assert_true(config_parse(&c, &arena, str_from(texts[i]), S("f.yaml"), &err));
		assert_int_equal(c.port, CONFIG_DEFAULT_PORT);
	}
}

/* The example in the documentation is a configuration that works. */
static void test_documented_example(void **state)
{
	(void)state;
	struct str text, file = S(FIRTH_DOCS "/configuration.md");
	struct error err = {0};
	struct config c;
	assert_true(file_read(&arena, file, 1 << 20, &text, &err));
	size_t start = str_find(text, S("```yaml\n"));
	assert_true(start != STR_NONE);
	text = str_slice(text, start + 8, text.n);
	text = str_slice(text, 0, str_find(text, S("```")));
	config_defaults(&c);
	if (!config_parse(&c, &arena, text, file, &err))
		fail_msg("%s", err.text);
	assert_int_equal(c.client_count, 3);
	assert_int_equal(c.ehr_count, 2);
	assert_true(config_settle(&c, &err));
}

static void test_only_loopback_without_auth(void **state)
{
	(void)state;
	static const struct {
		struct str host;
		bool given, auth;
		size_t clients;
		bool ok, auth_after;
	} cases[] = {
		{S("127.0.0.1"), false, false, 0, true, false}, {S("::1"), false, false, 0, true, false},
		{S("localhost"), false, false, 0, true, false}, {S("0.0.0.0"), false, false, 0, false, false},
		{S("10.0.0.1"), true, false, 1, false, false},	{S("10.0.0.1"), false, false, 1, true, true},
		{S("127.0.0.1"), false, false, 1, true, true},	{S("127.0.0.1"), true, false, 1, true, false},
		{S("127.0.0.1"), true, true, 0, true, true},	{S("::"), false, false, 0, false, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config c;
		struct error err = {0};
		config_defaults(&c);
		c.host = cases[i].host;
		c.auth_given = cases[i].given;
		c.auth = cases[i].auth;
		c.client_count = cases[i].clients;
		assert_int_equal(config_settle(&c, &err), cases[i].ok);
		assert_int_equal(c.auth, cases[i].auth_after);
	}
}

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, ARENA_NO_CAP);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_file),
		cmocka_unit_test(test_mistakes_have_a_place_and_a_hint),
		cmocka_unit_test(test_cds),
		cmocka_unit_test(test_empty_files_say_nothing),
		cmocka_unit_test(test_documented_example),
		cmocka_unit_test(test_only_loopback_without_auth),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
