/* The site's policy over HTTP: rules, hidden elements, breaking the glass, Consents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/client.h"
#include "world.h"

static const struct access_rule rules[] = {
	{.name = S("staff"), .roles = S("nurse breaker clerk")},
	{.name = S("no secrets"), .effect = S("deny"), .types = S("Patient Observation"), .where = S("_tag=secret")},
	{.name = S("no telephones"),
	 .effect = S("mask"),
	 .roles = S("clerk"),
	 .mask = S("Patient.telecom Patient.generalPractitioner Observation.value")},
};

struct fixture {
	struct world world;
	struct http_client *client;
	struct arena arena;
	struct str tokens[3];
};
enum { NURSE, BREAKER, CLERK };

static struct http_answer ask(struct fixture *f, struct str token, const char *method, const char *path,
			      const char *header, const char *body)
{
	struct error err = {0};
	struct http_answer answer;
	struct str value = str_from(header), name = header ? str_split(&value, ':') : STR_NULL;
	struct str type = str_is(name, "Content-Type") ? str_trim(value) : S("application/fhir+json");
	struct http_header headers[3] = {{S("Authorization"), arena_printf(&f->arena, "Bearer %.*s", STR_ARG(token))},
					 {S("Content-Type"), type},
					 {name, str_trim(value)}};
	const struct http_call call = {.method = str_from(method),
				       .url = arena_printf(&f->arena, "%s/%s", f->world.base_url, path),
				       .headers = headers,
				       .header_count = header && !str_is(name, "Content-Type") ? 3 : 2,
				       .body = body ? str_from(body) : STR_NULL};
	if (!http_call(f->client, &f->arena, &call, &answer, &err))
		fail_msg("%s %s: %s", method, path, err.text);
	return answer;
}

#define PATIENT                                                                                                        \
	"{\"resourceType\":\"Patient\",\"id\":\"p\",\"text\":{\"status\":\"generated\",\"div\":\"<div "                \
	"xmlns=\\\"http://www.w3.org/1999/xhtml\\\">call "                                                             \
	"5550199</div>\"},\"name\":[{\"family\":\"Doe\"}],\"telecom\":[{"                                              \
	"\"system\":\"phone\",\"value\":\"5550199\"}],\"gender\":\"male\",\"generalPractitioner\":[{\"reference\":"    \
	"\"Practitioner/g\"}]}"
static const char *const data[] = {
	"{\"resourceType\":\"Practitioner\",\"id\":\"g\",\"name\":[{\"family\":\"Gee\"}]}",
	PATIENT,
	"{\"resourceType\":\"Patient\",\"id\":\"vip\",\"meta\":{\"tag\":[{\"code\":\"secret\"}]},\"name\":[{\"family\":"
	"\"Vee\"}]}",
	"{\"resourceType\":\"Basic\",\"id\":\"holds\",\"contained\":[{\"resourceType\":\"Patient\",\"id\":\"in\","
	"\"telecom\":[{"
	"\"value\":\"5550199\"}]}],\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"#in\"}}",
	"{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"final\",\"code\":{\"coding\":[{\"code\":\"c\"}]},"
	"\"subject\":{\"reference\":\"Patient/p\"},\"valueQuantity\":{\"value\":7770199}}",
};

static void load(struct fixture *f)
{
	struct error err = {0};
	struct str token = world_token(&f->world, &f->arena, S("system/*.cruds"));
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		const struct json *tree = json_parse(&f->arena, str_from(data[i]), 0, &err);
		struct str path = arena_printf(&f->arena, "%.*s/%.*s", STR_ARG(json_get_str(tree, S("resourceType"))),
					       STR_ARG(json_get_str(tree, S("id"))));
		assert_int_equal(ask(f, token, "PUT", path.p, NULL, data[i]).status, 201);
	}
}

static const struct step {
	int who;
	const char *method, *path, *header, *body;
	int status;
	const char *there, *away; /* in the answer; NULL: not looked at */
} steps[] = {
	{NURSE, "GET", "Patient/p", NULL, NULL, 200, "5550199", "REDACTED"},
	{NURSE, "GET", "Patient/vip", NULL, NULL, 404, "There is no Patient with this id", "Vee"},
	{NURSE, "GET", "Patient?_total=accurate", NULL, NULL, 200, "\"total\":1", "Vee"},
	{NURSE, "GET", "Patient?name=vee", NULL, NULL, 200, "\"total\":0", "Vee"},
	{NURSE, "DELETE", "Patient/vip", NULL, NULL, 204, NULL, NULL},
	{NURSE, "GET", "Patient/vip", "Break-Glass: unconscious in the ambulance", NULL, 403, "policy-denied", "Vee"},
	/* the glass: reading alone, with a reason */
	{BREAKER, "GET", "Patient/vip", NULL, NULL, 404, NULL, "Vee"},
	{BREAKER, "GET", "Patient/vip", "Break-Glass: because", NULL, 400, "reason", "Vee"},
	{BREAKER, "GET", "Patient/vip", "Break-Glass: unconscious in the ambulance", NULL, 200, "Vee", NULL},
	{BREAKER, "GET", "Patient?name=vee", "Break-Glass: unconscious in the ambulance", NULL, 200, "Vee", NULL},
	{BREAKER, "PUT", "Patient/vip", "Break-Glass: unconscious in the ambulance",
	 "{\"resourceType\":\"Patient\",\"id\":\"vip\"}", 403, NULL, NULL},
	/* what is hidden is nowhere */
	{CLERK, "GET", "Patient/p", NULL, NULL, 200, "REDACTED", "5550199"},
	{CLERK, "GET", "Patient/p?_elements=telecom,name", NULL, NULL, 200, "Doe", "5550199"},
	{CLERK, "GET", "Patient/p", "Accept: application/fhir+xml", NULL, 200, "Doe", "5550199"},
	{CLERK, "GET", "Patient/p/_history", NULL, NULL, 200, "Doe", "5550199"},
	{CLERK, "GET", "Patient/_history", NULL, NULL, 200, "Doe", "5550199"},
	{CLERK, "GET", "Patient/p/_history/1", NULL, NULL, 200, "Doe", "5550199"},
	{CLERK, "GET", "Patient?name=doe", NULL, NULL, 200, "Doe", "5550199"},
	{CLERK, "GET", "Patient/p/$everything", NULL, NULL, 200, "Doe", "7770199"},
	{CLERK, "GET", "Observation?_include=Observation:patient", NULL, NULL, 200, "Doe", "5550199"},
	{CLERK, "POST", "$graphql", NULL, "{\"query\":\"{Patient(id:\\\"p\\\"){id telecom{value} gender}}\"}", 200,
	 "male", "5550199"},
	{CLERK, "GET", "Observation/$stats?subject=Patient/p&code=c&duration=1000000&statistic=maximum", NULL, NULL,
	 200, NULL, "7770199"},
	{CLERK, "POST", "", NULL,
	 "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{\"request\":{\"method\":\"GET\",\"url\":"
	 "\"Patient/"
	 "p\"}}]}",
	 200, "Doe", "5550199"},
	{CLERK, "GET", "Basic/holds", NULL, NULL, 200, "REDACTED", "5550199"},
	{CLERK, "GET", "Basic?_content=5550199", NULL, NULL, 403, "hidden", NULL},
	{CLERK, "PUT", "Basic/holds", NULL,
	 "{\"resourceType\":\"Basic\",\"id\":\"holds\",\"code\":{\"text\":\"y\"},\"subject\":{\"reference\":\"#in\"}}",
	 200, NULL, "5550199"},
	{NURSE, "GET", "Basic/holds", NULL, NULL, 200, "5550199", "REDACTED"},
	/* and cannot be found out */
	{CLERK, "GET", "Patient?phone=5550199", NULL, NULL, 403, "hidden", NULL},
	{CLERK, "GET", "Patient?telecom:missing=true", NULL, NULL, 403, "hidden", NULL},
	{CLERK, "GET", "Observation?patient.phone=5550199", NULL, NULL, 403, "hidden", NULL},
	{CLERK, "GET", "Patient?_filter=phone%20eq%20%225550199%22", NULL, NULL, 403, "hidden", NULL},
	{CLERK, "GET", "Patient?_sort=phone", NULL, NULL, 403, "hidden", NULL},
	{CLERK, "GET", "Patient?_content=5550199", NULL, NULL, 403, "hidden", NULL},
	{CLERK, "GET", "Patient?_text=call", NULL, NULL, 403, "hidden", NULL},
	{CLERK, "GET", "Observation?value-quantity=7770199", NULL, NULL, 403, "hidden", NULL},
	{CLERK, "GET", "Observation?code-value-quantity=c$7770199", NULL, NULL, 403, "hidden", NULL},
	{CLERK, "GET", "Practitioner?_has:Patient:general-practitioner:_id=p", NULL, NULL, 403, "hidden", NULL},
	{CLERK, "GET", "Patient?_include=Patient:general-practitioner", NULL, NULL, 403, "hidden", NULL},
	{CLERK, "GET", "Patient?_include=*", NULL, NULL, 403, "hidden", NULL},
	{CLERK, "POST", "$graphql", NULL, "{\"query\":\"{PatientList(phone:\\\"5550199\\\"){id}}\"}", 403, "hidden",
	 "\\\"id\\\""},
	{CLERK, "PATCH", "Patient/p", "Content-Type: application/json-patch+json",
	 "[{\"op\":\"test\",\"path\":\"/telecom/0/value\",\"value\":\"5550199\"}]", 422, NULL, "5550199"},
	{CLERK, "PUT", "Patient?phone=5550199", NULL, "{\"resourceType\":\"Patient\"}", 403, "hidden", NULL},
	{CLERK, "PUT", "Patient/p", NULL, "{\"resourceType\":\"Patient\",\"id\":\"p\",\"telecom\":[{\"value\":\"1\"}]}",
	 403, "telecom", NULL},
	/* but stays, when what was shown is written back */
	{CLERK, "PUT", "Patient/p", NULL, "{\"resourceType\":\"Patient\",\"id\":\"p\",\"name\":[{\"family\":\"Roe\"}]}",
	 200, "Roe", "5550199"},
	{NURSE, "GET", "Patient/p", NULL, NULL, 200, "\"5550199\"", "REDACTED"},
	{CLERK, "PATCH", "Patient/p", "Content-Type: application/json-patch+json",
	 "[{\"op\":\"replace\",\"path\":\"/name/0/family\",\"value\":\"Poe\"}]", 200, "Poe", "5550199"},
	{CLERK, "POST", "Patient/p/$meta-add", NULL,
	 "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"meta\",\"valueMeta\":{\"tag\":[{\"code\":\"t\"}]}"
	 "}]}",
	 200, NULL, "5550199"},
	{NURSE, "GET", "Patient/p", NULL, NULL, 200, "\"5550199\"", "REDACTED"},
	{NURSE, "GET", "Patient/p", NULL, NULL, 200, "call 5550199", NULL},
	/* Consents of the patient */
	{NURSE, "PUT", "Consent/c", NULL,
	 "{\"resourceType\":\"Consent\",\"id\":\"c\",\"status\":\"active\",\"scope\":{\"coding\":[{\"code\":\"patient-"
	 "privacy\"}]},"
	 "\"category\":[{\"text\":\"x\"}],\"policyRule\":{\"text\":\"x\"},\"patient\":{\"reference\":\"Patient/p\"},"
	 "\"provision\":{\"type\":\"deny\"}}",
	 201, NULL, NULL},
	{NURSE, "GET", "Patient/p", NULL, NULL, 404, NULL, "Poe"},
	{NURSE, "GET", "Observation?_total=accurate", NULL, NULL, 200, "\"total\":0", "7770199"},
	{BREAKER, "GET", "Patient/p", "Break-Glass: unconscious in the ambulance", NULL, 200, "Poe", NULL},
};

static void test_steps(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct step *s = &steps[i];
		struct http_answer a = ask(f, f->tokens[s->who], s->method, s->path, s->header, s->body);
		bool there = !s->there || str_find(a.body, str_from(s->there)) != STR_NONE;
		bool away = !s->away || str_find(a.body, str_from(s->away)) == STR_NONE;
		if (a.status != s->status || !there || !away)
			fail_msg("step %zu: %s %s: %d %.*s", i, s->method, s->path, a.status,
				 STR_ARG(str_slice(a.body, 0, 1500)));
	}
}

static void test_broken_glass_is_recorded(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct audit_row *rows;
	size_t count, found = 0;
	/* The last records join the next commit. */
	for (int tries = 0; tries < 1000 && found != 4; tries++) {
		usleep(tries ? 20000 : 0);
		found = 0;
		assert_true(store_audit_list(f->world.store, &f->arena, 0, 200, &rows, &count, &err));
		for (size_t i = 0; i < count; i++)
			found += str_is(rows[i].event.interaction, "break-glass") &&
				 str_starts(rows[i].event.detail, S("ALERT")) &&
				 str_find(rows[i].event.detail, S("unconscious in the ambulance")) != STR_NONE;
	}
	assert_int_equal(found, 4);
}

static int set_up(void **state)
{
	static const char *const roles[] = {"nurse", "breaker", "clerk"};
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err = {0};
	arena_init(&f->arena, (size_t)256 << 20);
	if (!world_open(&f->world,
			&(struct world_options){.guarded = true, .policy = rules, .policy_count = 3, .consents = true},
			&err))
		fail_msg("%s", err.text);
	f->client = http_client_new(&(struct http_client_options){0}, &err);
	load(f);
	for (int i = 0; i < 3; i++) {
		const struct grant grant = {
			.user = str_from(roles[i]), .fhir_user = S("Practitioner/g"), .roles = str_from(roles[i])};
		f->tokens[i] = world_grant(&f->world, &f->arena, "user/*.cruds", &grant);
		assert_non_null(f->tokens[i].p);
	}
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	http_client_free(f->client);
	world_close(&f->world);
	arena_done(&f->arena);
	free(f);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_broken_glass_is_recorded),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
