/* Discovery, assertions, token cache and renewal, key files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/encode.h"
#include "fake.h"

#define TOKEN_URL "https://auth.example/token"
#define DISCOVERY                                                                                                      \
	{                                                                                                              \
		"GET /.well-known/smart-configuration", 200, "application/json",                                       \
			"{\"token_endpoint\":\"" TOKEN_URL "\"}"                                                       \
	}
#define GRANT(token, life)                                                                                             \
	{                                                                                                              \
		"POST " TOKEN_URL, 200, "application/json",                                                            \
			"{\"access_token\":\"" token "\",\"token_type\":\"bearer\",\"expires_in\":" life               \
			",\"scope\":\"system/Patient.rs system/Observation.rs?category=a|b\"}"                         \
	}
#define PATIENT                                                                                                        \
	{                                                                                                              \
		"GET /Patient/1", 200, FHIR_JSON, "{\"resourceType\":\"Patient\",\"id\":\"1\"}"                        \
	}
#define REFUSED                                                                                                        \
	{                                                                                                              \
		"GET /Patient/1", 401, "application/json", "\"\""                                                      \
	}

static struct arena arena;
static struct fake f;
static struct ehr_client *client;
static struct ehr_failure failure;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 64 << 20);
	failure = (struct ehr_failure){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static bool read_patient(void)
{
	struct ehr_resource r;
	return ehr_read(client, &arena, S("Patient"), S("1"), &r, &failure);
}

/* A parameter of the form that the fake saw last. */
static struct str form_value(const char *name)
{
	struct str rest = str_from(f.body);
	while (rest.p) {
		struct str part = str_split(&rest, '&'), key = str_split(&part, '=');
		if (!str_is(key, name))
			continue;
		struct buf plain;
		buf_init(&plain, 1 << 16);
		assert_true(decode_percent(&plain, part, true));
		struct str value = arena_str(&arena, buf_str(&plain));
		buf_done(&plain);
		return value;
	}
	return STR_NULL;
}

static int64_t claim(const struct json *claims, struct str name)
{
	int64_t value = 0;
	assert_true(str_to_i64(json_number(json_get(claims, name)), &value));
	return value;
}

static void gets_a_token_over_a_short_trouble_and_uses_it(void **state)
{
	(void)state;
	FAKE_START(&f, DISCOVERY, {"POST " TOKEN_URL, 503, NULL, ""}, GRANT("abc", "570"), PATIENT);
	client = fake_client(&f, EHR_CERNER, true);
	assert_true(read_patient());
	assert_string_equal(f.authorization, "Bearer abc");
	assert_true(str_find(ehr_granted_scopes(client), S("system/Patient.rs")) != STR_NONE);
	fake_end(&f, client);
}

/* An account of Oracle Health without keys: RFC 6749 section 2.3.1, both parts encoded first. */
static void a_secret_goes_into_the_header(void **state)
{
	(void)state;
	FAKE_START(&f, DISCOVERY, GRANT("abc", "570"));
	client = fake_client_secret(&f, EHR_CERNER, "a:b c");
	bool needed;
	assert_true(ehr_token_now(client, &arena, &needed, &failure));
	assert_true(needed);
	assert_string_equal(f.authorization, "Basic Y2xpZW50LTE6YSUzQWIlMjBj");
	assert_null(strstr(f.body, "assertion"));
	assert_null(strstr(f.body, "a%3Ab"));
	assert_non_null(strstr(f.body, "scope=system%2FPatient.rs"));
	fake_end(&f, client);
}

static void the_assertion_is_dated_back_and_short(void **state)
{
	(void)state;
	FAKE_START(&f, DISCOVERY, {"POST " TOKEN_URL, 400, "application/json", "{\"error\":\"invalid_client\"}"});
	client = fake_client(&f, EHR_CERNER, true);
	assert_false(read_patient());
	assert_true(str_is(form_value("grant_type"), "client_credentials"));
	assert_true(
		str_is(form_value("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
	assert_true(str_find(form_value("scope"), S("system/Patient.rs")) != STR_NONE);
	assert_true(str_find(form_value("scope"), S("*")) == STR_NONE); /* Cerner refuses wildcards */
	assert_string_equal(f.accept, "application/json");
	struct jose_token token;
	struct error err = {0};
	assert_true(jose_peek(&arena, form_value("client_assertion"), &token, &err));
	assert_true(token.kid.n > 0);
	assert_true(str_is(json_get_str(token.claims, S("iss")), "client-1"));
	assert_true(str_is(json_get_str(token.claims, S("sub")), "client-1"));
	assert_true(str_is(json_get_str(token.claims, S("aud")), TOKEN_URL));
	int64_t now = f.now_ms / 1000;
	assert_int_equal(claim(token.claims, S("iat")), now - 30);
	assert_true(claim(token.claims, S("exp")) > now && claim(token.claims, S("exp")) <= now + 270);
	assert_true(claim(token.claims, S("exp")) - claim(token.claims, S("iat")) <= 300);
	assert_in_range(json_get_str(token.claims, S("jti")).n, 16, 151);
	fake_end(&f, client);
}

static void epic_is_asked_without_scopes(void **state)
{
	(void)state;
	FAKE_START(&f, DISCOVERY,
		   {"POST " TOKEN_URL, 400, "application/json",
		    "{\"error\":\"unauthorized_client\",\"error_description\":null}"});
	client = fake_client(&f, EHR_EPIC, true);
	assert_false(read_patient());
	assert_null(form_value("scope").p);
	assert_int_equal(failure.error.code, ERR_INVALID_CLIENT);
	assert_string_equal(failure.vendor_code, "unauthorized_client");
	assert_non_null(strstr(failure.error.text, "background user"));
	assert_false(failure.retryable);
	fake_end(&f, client);
}

static void a_token_is_used_for_four_fifths_of_its_life(void **state)
{
	(void)state;
	FAKE_START(&f, DISCOVERY, GRANT("one", "570"), PATIENT, PATIENT, GRANT("two", "\"570\""), PATIENT);
	client = fake_client(&f, EHR_CERNER, true);
	assert_true(read_patient());
	f.now_ms += 455 * 1000;
	assert_true(read_patient());
	assert_string_equal(f.authorization, "Bearer one");
	f.now_ms += 2 * 1000;
	assert_true(read_patient());
	assert_string_equal(f.authorization, "Bearer two");
	fake_end(&f, client);
}

static void a_refused_token_is_renewed_once(void **state)
{
	(void)state;
	FAKE_START(&f, DISCOVERY, GRANT("one", "570"), PATIENT, REFUSED, GRANT("two", "570"), PATIENT, REFUSED,
		   GRANT("three", "570"), REFUSED);
	client = fake_client(&f, EHR_EPIC, true);
	assert_true(read_patient());
	assert_true(read_patient());
	assert_string_equal(f.authorization, "Bearer two");
	assert_false(read_patient());
	assert_int_equal(failure.error.code, ERR_TOKEN_INVALID);
	assert_int_equal(f.wait_count, 0);
	fake_end(&f, client);
}

static void a_new_token_that_is_refused_is_not_renewed(void **state)
{
	(void)state;
	FAKE_START(&f, DISCOVERY, GRANT("one", "570"), REFUSED);
	client = fake_client(&f, EHR_EPIC, true);
	assert_false(read_patient());
	assert_int_equal(failure.http_status, 401);
	fake_end(&f, client);
}

static void cerner_errors_name_their_instance(void **state)
{
	(void)state;
#define EMPTY_SCOPES                                                                                                   \
	{"POST " TOKEN_URL, 400, "application/json",                                                                   \
	 "{\"error\":\"invalid_scope\",\"error_uri\":\"https://authorization.cerner.com/errors/"                       \
	 "urn%3Acerner%3Aerror%3Aauthorization-server%3Aoauth2%3Atoken%3Aempty-scopes/instances/"                      \
	 "6813f4e8-18a2-4745-941c-9898536f4585?client=c&tenant=t\"}"}
	FAKE_START(&f, DISCOVERY, EMPTY_SCOPES, EMPTY_SCOPES);
	client = fake_client(&f, EHR_CERNER, true);
	assert_false(read_patient());
	assert_true(str_find(form_value("scope"), S("system/Patient.read")) != STR_NONE); /* the older grammar */
	assert_int_equal(failure.error.code, ERR_INVALID_SCOPE);
	assert_string_equal(failure.vendor_code, "invalid_scope");
	assert_string_equal(failure.correlation_id, "6813f4e8-18a2-4745-941c-9898536f4585");
	fake_end(&f, client);
}

static void useless_token_answers_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *body, *words;
	} cases[] = {
		{"{\"token_type\":\"Bearer\"}", "no usable access token"},
		{"{\"access_token\":\"a b\",\"token_type\":\"Bearer\"}", "no usable access token"},
		{"{\"access_token\":\"a\\r\\nX: y\",\"token_type\":\"Bearer\"}", "no usable access token"},
		{"{\"access_token\":\"a\",\"token_type\":\"mac\"}", "no bearer token"},
		{"{\"access_token\":", "cut off"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct fake_step steps[] = {DISCOVERY,
						  {"POST " TOKEN_URL, 200, "application/json", cases[i].body}};
		fake_start(&f, steps, 2);
		client = fake_client(&f, EHR_EPIC, true);
		assert_false(read_patient());
		assert_non_null(strstr(failure.error.text, cases[i].words));
		fake_end(&f, client);
	}
}

#define METADATA(token)                                                                                                \
	"{\"resourceType\":\"CapabilityStatement\",\"rest\":[{\"security\":{\"extension\":[{\"url\":"                  \
	"\"http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris\",\"extension\":[{\"url\":"           \
	"\"authorize\",\"valueUri\":\"https://x\"},{\"url\":\"token\",\"valueUri\":\"" token "\"}]}]}}]}"

static void falls_back_to_metadata(void **state)
{
	(void)state;
	FAKE_START(&f, {"GET /.well-known/smart-configuration", 404, "text/html", "<html>"},
		   {"GET /metadata", 200, FHIR_JSON, METADATA(TOKEN_URL)}, GRANT("one", "570"), PATIENT);
	client = fake_client(&f, EHR_EPIC, true);
	assert_true(read_patient());
	fake_end(&f, client);
}

static void says_which_step_of_discovery_failed(void **state)
{
	(void)state;
	FAKE_START(&f, {"GET /.well-known/smart-configuration", 200, "application/json", "{}"},
		   {"GET /metadata", 200, FHIR_JSON, "{\"resourceType\":\"CapabilityStatement\"}"},
		   {"GET /.well-known/smart-configuration", 404, NULL, ""},
		   {"GET /metadata", 403, "text/plain", "Tenant not valid or accessible"});
	client = fake_client(&f, EHR_CERNER, true);
	assert_false(read_patient());
	assert_non_null(strstr(failure.error.text, "smart-configuration names no token endpoint"));
	assert_non_null(strstr(failure.error.text, "metadata names no token endpoint"));
	assert_false(read_patient());
	assert_non_null(strstr(failure.error.text, "HTTP 404"));
	assert_non_null(strstr(failure.error.text, "HTTP 403"));
	fake_end(&f, client);
}

static void a_dead_host_is_asked_for_one_document_only(void **state)
{
	(void)state;
	FAKE_START(&f, {"GET /.well-known/smart-configuration", 0, .error = ERR_NETWORK},
		   {"GET /.well-known/smart-configuration", 0, .error = ERR_NETWORK},
		   {"GET /.well-known/smart-configuration", 0, .error = ERR_NETWORK},
		   {"GET /.well-known/smart-configuration", 0, .error = ERR_NETWORK});
	client = fake_client(&f, EHR_CERNER, true);
	assert_false(read_patient());
	assert_int_equal(failure.error.code, ERR_NETWORK);
	assert_true(failure.retryable);
	assert_non_null(strstr(failure.error.text, "discovery"));
	fake_end(&f, client);
}

static void an_assertion_never_goes_out_in_the_clear(void **state)
{
	(void)state;
	FAKE_START(&f, {"GET /.well-known/smart-configuration", 200, "application/json",
			"{\"token_endpoint\":\"http://auth.example/token\"}"});
	client = fake_client(&f, EHR_EPIC, true);
	assert_false(read_patient());
	assert_non_null(strstr(failure.error.text, "not https"));
	fake_end(&f, client);
}

static void a_403_says_when_no_scope_names_the_type(void **state)
{
	(void)state;
	FAKE_START(&f, DISCOVERY, GRANT("one", "570"), {"GET /Encounter/1", 403, NULL, ""});
	client = fake_client(&f, EHR_EPIC, true);
	struct ehr_resource r;
	assert_false(ehr_read(client, &arena, S("Encounter"), S("1"), &r, &failure));
	assert_non_null(strstr(failure.error.text, "scopes granted"));
	fake_end(&f, client);
}

static void keys_that_others_may_read_are_refused(void **state)
{
	(void)state;
	char path[] = "/tmp/firth-test-key-XXXXXX";
	int fd = mkstemp(path);
	assert_int_equal(write(fd, "{}", 2), 2);
	assert_int_equal(fchmod(fd, 0640), 0);
	struct ehr_config config = {
		.name = S("main"), .base_url = S(FAKE_BASE), .client_id = S("c"), .key_file = str_from(path)};
	struct error err = {0};
	assert_null(ehr_open(&config, &(struct ehr_client_options){0}, &err));
	assert_int_equal(err.code, ERR_KEY);
	assert_non_null(strstr(err.text, "chmod 600"));
	error_clear(&err);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_null(ehr_open(&config, &(struct ehr_client_options){0}, &err));
	assert_null(strstr(err.text, "chmod"));
	close(fd);
	unlink(path);
	error_clear(&err);
	assert_null(ehr_open(&config, &(struct ehr_client_options){0}, &err));
	assert_int_equal(err.code, ERR_IO);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(gets_a_token_over_a_short_trouble_and_uses_it), T(a_secret_goes_into_the_header),
		T(the_assertion_is_dated_back_and_short),	  T(epic_is_asked_without_scopes),
		T(a_token_is_used_for_four_fifths_of_its_life),	  T(a_refused_token_is_renewed_once),
		T(a_new_token_that_is_refused_is_not_renewed),	  T(cerner_errors_name_their_instance),
		T(useless_token_answers_are_told_apart),	  T(falls_back_to_metadata),
		T(says_which_step_of_discovery_failed),		  T(a_dead_host_is_asked_for_one_document_only),
		T(an_assertion_never_goes_out_in_the_clear),	  T(a_403_says_when_no_scope_names_the_type),
		T(keys_that_others_may_read_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
