/*
 * Every cause that the doctor knows is provoked on a crooked server, and recognised at its step; what it says holds no
 * secret.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "crooked.h"
#include "doctor/doctor.h"
#include "fhir/definitions.h"
#include "jose/jose.h"
#include "vault/vault.h"

#define FHIR "application/fhir+json"
#define CODED(code)                                                                                                    \
	"{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"fatal\",\"code\":\"processing\","           \
	"\"details\":"                                                                                                 \
	"{\"coding\":[{\"system\":\"urn:oid:1.2.840.114350.1.13.0.1.7.2.657369\",\"code\":\"" code "\"}]}}]}"
#define STATEMENT(rest) "{\"resourceType\":\"CapabilityStatement\"," rest ",\"rest\":[]}"
#define ERROR_IS(code)	"{\"error\":\"" code "\"}"

enum way { OPEN, BACKEND, BACKEND_ES, BACKEND_NO_KEY, PEOPLE };
struct bad_day {
	enum doctor_step step;
	enum doctor_cause cause;
	enum ehr_vendor vendor;
	enum way way;
	struct crooked_answer answer;
	const char *base; /* instead of the server's; %d: its port */
	const char *login_scopes;
	long date_off_s;
	bool no_patient;
};

static char long_scopes[3000], public_keys[4000];
static struct arena arena;
static struct crooked *server;
static char directory[80], rsa_file[120], es_file[120];
static struct vault *vault;
static struct ehr_logins *logins;

#define D(step, cause) DOCTOR_##step, DOCTOR_CAUSE_##cause
static const struct bad_day days[] = {
	{D(DNS, NO_NAME), EHR_GENERIC, OPEN, {NULL}, "http://nobody.invalid/fhir"},
	{D(TLS, NO_CONNECTION), EHR_GENERIC, OPEN, {NULL}, "http://127.0.0.1:1/fhir"},
	{D(TLS, TLS_REFUSED), EHR_GENERIC, OPEN, {NULL}, "https://127.0.0.1:%d/fhir"},
	{D(TLS, PLAIN_HTTP), EHR_GENERIC, OPEN, {NULL}, "http://0x7f000001:%d/fhir"},
	{D(BASE, NOT_A_BASE),
	 EHR_EPIC,
	 OPEN,
	 {"/metadata", 404, "text/html", "<html>404 - File or directory not found.", NULL}},
	{D(BASE, NOT_A_BASE), EHR_GENERIC, OPEN, {"/metadata", 200, "text/html", "<html>welcome", NULL}},
	{D(BASE, XML_ANSWER),
	 EHR_EPIC,
	 OPEN,
	 {"/metadata", 200, "application/fhir+xml", "<CapabilityStatement/>", NULL}},
	{D(BASE, WRONG_VERSION),
	 EHR_EPIC,
	 OPEN,
	 {"/metadata", 200, FHIR, STATEMENT("\"fhirVersion\":\"3.0.1\""), NULL}},
	{D(BASE, WRONG_TENANT),
	 EHR_CERNER,
	 OPEN,
	 {"/metadata", 403, "text/plain", "Tenant not valid or accessible", NULL}},
	{D(BASE, OTHER_VENDOR),
	 EHR_CERNER,
	 OPEN,
	 {"/metadata", 200, FHIR, STATEMENT("\"fhirVersion\":\"4.0.1\",\"software\":{\"name\":\"Epic\"}"), NULL}},
	{D(BASE, AUD_DIFFERS),
	 EHR_EPIC,
	 OPEN,
	 {"/metadata", 200, FHIR,
	  STATEMENT("\"fhirVersion\":\"4.0.1\",\"implementation\":{\"url\":\"https://other.example/R4\"}"), NULL}},
	{D(BASE, THROTTLED), EHR_GENERIC, OPEN, {"/metadata", 429, "text/plain", "slow down", NULL}},
	{D(BASE, EHR_DOWN), EHR_GENERIC, OPEN, {"/metadata", 503, "text/html", "<html>", NULL}},
	{D(DISCOVERY, NO_DISCOVERY), EHR_CERNER, BACKEND, {"smart-configuration", 404, "application/json", "{}", NULL}},
	{D(DISCOVERY, PERSONA_HOST),
	 EHR_CERNER,
	 PEOPLE,
	 {"smart-configuration", 200, "application/json",
	  "{\"token_endpoint\":\"%s/token\",\"authorization_endpoint\":\"%s/personas/patient/authorize\"}", NULL},
	 NULL,
	 "openid user/Patient.read",
	 0},
	{D(JWKS, JWKS_AWAY), EHR_EPIC, PEOPLE, {"/jwks", 503, "text/plain", "", NULL}},
	{D(JWKS, JWKS_WRONG), EHR_EPIC, PEOPLE, {"/jwks", 200, "application/json", "{\"keys\":[]}", NULL}},
	{D(CLOCK, CLOCK_SKEW), EHR_EPIC, BACKEND, {NULL}, NULL, NULL, 600},
	{D(CLOCK, CLOCK_SKEW), EHR_EPIC, BACKEND, {NULL}, NULL, NULL, -400},
	{D(CLIENT, NO_CLIENT), EHR_EPIC, OPEN, {NULL}},
	{D(CLIENT, NO_KEY), EHR_EPIC, BACKEND_NO_KEY, {NULL}},
	{D(CLIENT, ES_KEY), EHR_EPIC, BACKEND_ES, {NULL}},
	{D(REDIRECT, REDIRECT_UNREGISTERED),
	 EHR_GENERIC,
	 PEOPLE,
	 {"/authorize", 400, "text/html", "<html>unknown", NULL}},
	{D(REDIRECT, AUD_DIFFERS), EHR_EPIC, PEOPLE, {"/authorize", 200, "text/html", "<html>OAuth2 Error", NULL}},
	{D(REDIRECT, SCOPES_NOT_REGISTERED),
	 EHR_CERNER,
	 PEOPLE,
	 {"/authorize", 302, NULL, "", "Location: http://127.0.0.1:8765/callback?error=invalid_scope"}},
	{D(REDIRECT, WRONG_ENVIRONMENT),
	 EHR_CERNER,
	 PEOPLE,
	 {"/authorize", 302, NULL, "", "Location: http://127.0.0.1:8765/callback?error=unauthorized_client"}},
	{D(REDIRECT, URL_TOO_LONG),
	 EHR_EPIC,
	 PEOPLE,
	 {"/authorize", 404, "text/html", "<html>", NULL},
	 NULL,
	 long_scopes,
	 0},
	{D(PKCE, NO_PKCE),
	 EHR_CERNER,
	 PEOPLE,
	 {"smart-configuration", 200, "application/json",
	  "{\"token_endpoint\":\"%s/token\",\"authorization_endpoint\":\"%s/authorize\"}", NULL}},
	{D(TOKEN, NOT_LOGGED_IN), EHR_EPIC, PEOPLE, {NULL}},
	{D(TOKEN, WRONG_ENVIRONMENT),
	 EHR_EPIC,
	 BACKEND,
	 {"/token", 400, "application/json", ERROR_IS("invalid_client"), NULL}},
	{D(TOKEN, KEY_NOT_REGISTERED),
	 EHR_CERNER,
	 BACKEND,
	 {"/token", 400, "application/json", ERROR_IS("invalid_client"), NULL}},
	{D(TOKEN, NOT_ACTIVATED),
	 EHR_EPIC,
	 BACKEND,
	 {"/token", 400, "application/json", ERROR_IS("invalid_client"), NULL}},
	{D(TOKEN, NOT_SYNCED),
	 EHR_EPIC,
	 BACKEND,
	 {"/token", 400, "application/json", ERROR_IS("invalid_client"), NULL}},
	{D(TOKEN, CLOCK_SKEW),
	 EHR_EPIC,
	 BACKEND,
	 {"/token", 400, "application/json", ERROR_IS("invalid_client"), NULL},
	 NULL,
	 NULL,
	 600},
	{D(TOKEN, ES_KEY), EHR_EPIC, BACKEND_ES, {"/token", 400, "application/json", ERROR_IS("invalid_client"), NULL}},
	{D(TOKEN, NO_BACKGROUND_USER),
	 EHR_EPIC,
	 BACKEND,
	 {"/token", 400, "application/json", ERROR_IS("unauthorized_client"), NULL}},
	{D(TOKEN, SCOPES_NOT_REGISTERED),
	 EHR_CERNER,
	 BACKEND,
	 {"/token", 400, "application/json", ERROR_IS("invalid_scope"), NULL}},
	{D(SCOPES, API_NOT_TICKED),
	 EHR_GENERIC,
	 BACKEND,
	 {"/token", 200, "application/json",
	  "{\"access_token\":\"secret-token\",\"token_type\":\"bearer\",\"scope\":\"system/Patient.rs\"}", NULL}},
	{D(SCOPES, TIER_LIMITED),
	 EHR_CERNER,
	 BACKEND,
	 {"/token", 200, "application/json",
	  "{\"access_token\":\"secret-token\",\"token_type\":\"Bearer\",\"scope\":\"fhirUser launch online_access "
	  "openid profile\"}",
	  NULL}},
	{D(READ, NO_PATIENT), EHR_EPIC, BACKEND, {NULL}, NULL, NULL, 0, true},
	{D(READ, NO_SUCH_PATIENT), EHR_EPIC, BACKEND, {"/Patient/", 404, FHIR, CODED("59008"), NULL}},
	{D(READ, TOKEN_REFUSED), EHR_EPIC, BACKEND, {"/Patient/", 401, "application/json", "\"\"", NULL}},
	{D(READ, PERSONA_HOST), EHR_CERNER, BACKEND, {"/Patient/", 401, NULL, "", NULL}},
	{D(READ, NO_CLIENT), EHR_CERNER, OPEN, {"/Patient/", 401, NULL, "", NULL}},
	{D(READ, API_NOT_TICKED), EHR_CERNER, BACKEND, {"/Condition?", 403, "text/plain", "Forbidden resource", NULL}},
	{D(READ, API_NOT_TICKED),
	 EHR_EPIC,
	 BACKEND,
	 {"/Condition?", 200, FHIR,
	  "{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":\"OperationOutcome\",\"issue\":[{"
	  "\"severity\":"
	  "\"warning\",\"code\":\"suppressed\",\"details\":{\"coding\":[{\"system\":\"urn:oid:1.2.840.114350.1.13.0.1."
	  "7.2.657369\","
	  "\"code\":\"59204\"}]}}]}}]}",
	  NULL}},
	{D(READ, SEARCH_NEEDS), EHR_EPIC, BACKEND, {"/Condition?", 400, FHIR, CODED("59159"), NULL}},
	{D(READ, USER_SECURITY), EHR_EPIC, BACKEND, {"/Condition?", 403, FHIR, CODED("4118"), NULL}},
	{D(READ, NOT_A_BASE), EHR_EPIC, BACKEND, {"/Condition?", 404, "text/html", "<html>404", NULL}},
	{D(READ, XML_ANSWER), EHR_EPIC, BACKEND, {"/Condition?", 200, "application/fhir+xml", "<Bundle/>", NULL}},
	{D(READ, BAD_RECORD),
	 EHR_CERNER,
	 BACKEND,
	 {"/Condition?", 500, FHIR,
	  "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"fatal\",\"code\":\"required\"}]}", NULL}},
	{D(PAGING, SESSION_EXPIRED), EHR_EPIC, BACKEND, {"page=2", 400, FHIR, CODED("4113"), NULL}},
	{D(PAGING, FOREIGN_LINK),
	 EHR_EPIC,
	 BACKEND,
	 {"_count=2", 200, FHIR,
	  "{\"resourceType\":\"Bundle\",\"link\":[{\"relation\":\"next\",\"url\":\"https://foreign.invalid/x\"}]}",
	  NULL}},
};

static void write_key(enum jose_algorithm algorithm, char *path, size_t size, const char *name)
{
	struct buf text;
	struct error err = {0};
	struct jose_key *key = jose_key_new(algorithm, &err);
	assert_non_null(key);
	buf_init(&text, 1 << 16);
	assert_true(jose_key_write_private(key, &text, &err));
	snprintf(path, size, "%s/%s", directory, name);
	assert_true(file_write(str_from(path), buf_str(&text), 0600, &err));
	buf_reset(&text);
	assert_true(jose_key_write_public_set(key, &text, &err));
	snprintf(public_keys, sizeof public_keys, "%.*s", STR_ARG(buf_str(&text)));
	buf_done(&text);
	jose_key_free(key);
}

static int setup(void **state)
{
	(void)state;
	struct error err = {0};
	char path[120];
	arena_init(&arena, 256 << 20);
	snprintf(directory, sizeof directory, "/tmp/firth-doctor-XXXXXX");
	assert_non_null(mkdtemp(directory));
	write_key(JOSE_RS384, rsa_file, sizeof rsa_file, "rsa.jwk");
	write_key(JOSE_ES384, es_file, sizeof es_file, "es.jwk");
	snprintf(path, sizeof path, "%s/seal.key", directory);
	vault = vault_open(str_from(path), &err);
	assert_non_null(vault);
	snprintf(path, sizeof path, "%s/logins", directory);
	logins = ehr_logins_open(&(struct ehr_logins_options){.vault = vault, .directory = str_from(path)}, &err);
	assert_non_null(logins);
	for (size_t i = 0; i + 20 < sizeof long_scopes; i += 20)
		memcpy(long_scopes + i, "user/Condition.read ", 21);
	server = crooked_start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	char path[160];
	crooked_stop(server);
	ehr_logins_close(logins);
	vault_close(vault);
	static const char *const made[] = {"rsa.jwk", "es.jwk", "seal.key", "logins/crooked.lock", "logins"};
	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", directory, made[i]);
		if (unlink(path) != 0)
			rmdir(path);
	}
	rmdir(directory);
	arena_done(&arena);
	return 0;
}

static struct ehr_config config_of(const struct bad_day *day, const char *base)
{
	bool people = day->way == PEOPLE, backend = day->way != OPEN && !people;
	const char *key = day->way == BACKEND_ES ? es_file : day->way == BACKEND_NO_KEY ? "/nowhere" : rsa_file;
	return (struct ehr_config){.name = S("crooked"),
				   .vendor = day->vendor,
				   .base_url = str_from(base),
				   .client_id = backend ? S("client-1") : STR_NULL,
				   .key_file = backend ? str_from(key) : STR_NULL,
				   .login_client_id = people ? S("app-1") : STR_NULL,
				   .login_scopes = str_from(day->login_scopes)};
}

static void examine(const struct bad_day *day, struct doctor_report *ret_report)
{
	static struct crooked_answer answers[3];
	char base[200];
	struct error err = {0};
	answers[0] = day->answer;
	answers[0].path = day->answer.path ? day->answer.path : "nothing like this";
	answers[1] = (struct crooked_answer){"/jwks", 200, "application/json", public_keys, NULL};
	answers[2] = (struct crooked_answer){0};
	crooked_set(server, answers, day->date_off_s);
	snprintf(base, sizeof base, day->base ? day->base : "http://127.0.0.1:%d/fhir", crooked_port(server));
	const struct ehr_config config = config_of(day, base);
	const struct doctor_options options = {.ehr = &config,
					       .definitions = definitions_builtin(),
					       .logins = day->way == PEOPLE ? logins : NULL,
					       .patient = day->no_patient ? STR_NULL : S("p1"),
					       .timeout_ms = 4000};
	if (!doctor_run(&options, &arena, ret_report, &err))
		fail_msg("%s", err.text);
}

static const struct doctor_finding *find(const struct doctor_report *r, const struct bad_day *day)
{
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < r->findings[i].cause_count; k++)
			if (r->findings[i].step == day->step && r->findings[i].causes[k] == day->cause)
				return &r->findings[i];
	return NULL;
}

static void tell(const struct doctor_report *r)
{
	for (size_t i = 0; i < r->count; i++)
		print_message("    %s %s %.*s [%s]\n", doctor_step_name(r->findings[i].step),
			      doctor_result_name(r->findings[i].result), STR_ARG(r->findings[i].happened),
			      r->findings[i].cause_count ? doctor_cause_name(r->findings[i].causes[0]) : "");
}

static void each_cause_is_recognised(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
		struct doctor_report r;
		examine(&days[i], &r);
		const struct doctor_finding *f = find(&r, &days[i]);
		bool bad = days[i].no_patient ? f && f->result == DOCTOR_SKIPPED
					      : f && (f->result == DOCTOR_BAD || f->result == DOCTOR_WARNING);
		if (!bad) {
			wrong++;
			print_message("day %zu: %s at %s was not recognised\n", i, doctor_cause_name(days[i].cause),
				      doctor_step_name(days[i].step));
			tell(&r);
		}
		for (size_t k = 0; k < r.count; k++)
			assert_true(str_find(r.findings[k].happened, S("secret-token")) == STR_NONE);
	}
	assert_int_equal(wrong, 0);
}

static void a_healthy_ehr_is_well(void **state)
{
	(void)state;
	static const struct bad_day healthy[] = {
		{.vendor = EHR_GENERIC, .way = BACKEND},
		{.vendor = EHR_EPIC, .way = BACKEND},
	};
	for (size_t i = 0; i < 2; i++) {
		struct doctor_report r;
		examine(&healthy[i], &r);
		if (r.bad || r.warnings)
			tell(&r);
		assert_int_equal(r.bad + r.warnings, 0);
		assert_true(r.count >= 14);
	}
}

/* What no loopback server can be: certificates are in tests/app/doctor.sh; and what exports meet, with that room. */
static bool elsewhere(enum doctor_cause cause)
{
	return cause == DOCTOR_CAUSE_CERT_EXPIRED || cause == DOCTOR_CAUSE_CERT_NAME ||
	       cause == DOCTOR_CAUSE_CERT_CHAIN || cause == DOCTOR_CAUSE_CERT_SOON ||
	       cause == DOCTOR_CAUSE_TOKEN_AT_FILES;
}

static void the_table_is_whole(void **state)
{
	(void)state;
	for (int cause = 1; cause < DOCTOR_CAUSES; cause++) {
		bool provoked = elsewhere((enum doctor_cause)cause);
		for (size_t i = 0; i < sizeof days / sizeof days[0]; i++)
			provoked = provoked || days[i].cause == (enum doctor_cause)cause;
		if (!provoked)
			fail_msg("%s is provoked by no test", doctor_cause_name((enum doctor_cause)cause));
		for (int v = EHR_GENERIC; v <= EHR_CERNER; v++)
			assert_true(strlen(doctor_next((enum doctor_cause)cause, (enum ehr_vendor)v)) >= 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cause_is_recognised),
		cmocka_unit_test(a_healthy_ehr_is_well),
		cmocka_unit_test(the_table_is_whole),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
