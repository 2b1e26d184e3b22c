/* What is refused by what a token is for: writes that are told so, and reads that seem to be of nothing. */
#include "refusals.h"

static struct place_answer ask(const char *method, const char *path, struct str token, const char *body,
			       struct http_header more)
{
	const struct http_header headers[] = {
		{S("Authorization"), arena_printf(&p->arena, "Bearer %.*s", STR_ARG(token))},
		{S("Content-Type"), S("application/fhir+json")},
		more};
	return place_send(p, 0, method, path, str_from(body), headers, more.name.p ? 3 : 2);
}

static struct place_answer read_as(struct str token, const char *path)
{
	return ask("GET", path, token, NULL, (struct http_header){STR_NULL, STR_NULL});
}

static struct place_answer write_as(struct str token, const char *path, const char *body)
{
	return ask("PUT", path, token, body, (struct http_header){STR_NULL, STR_NULL});
}

static struct str operators_token(void)
{
	struct error err = {0};
	struct str secret;
	struct smart_client client = {.client_id = S("operator"),
				      .auth = AUTH_SECRET_BASIC,
				      .scope = S("system/*.cruds"),
				      .grant_types = S("client_credentials")};
	assert_true(smart_client_add(p->servers[0].smart, &p->arena, &client, &secret, &err));
	const struct place_answer answer =
		place_post(p, 0, "/auth/token", S("grant_type=client_credentials&scope=system/*.cruds"),
			   place_basic(p, "operator", arena_str(&p->arena, secret).p));
	return json_get_str(answer.json, S("access_token"));
}

static struct str persons_token(const char *scope, const char *patient)
{
	return json_get_str(place_tokens(p, &(struct place_login){.scope = scope, .patient = patient}),
			    S("access_token"));
}

static const struct {
	const char *path, *body;
} resources[] = {
	{"/fhir/Patient/p1", "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"active\":true}"},
	{"/fhir/Patient/p2", "{\"resourceType\":\"Patient\",\"id\":\"p2\",\"active\":true}"},
	{"/fhir/Encounter/visit",
	 "{\"resourceType\":\"Encounter\",\"id\":\"visit\",\"status\":\"finished\",\"class\":{\"code\":\"AMB\"},"
	 "\"subject\":{\"reference\":\"Patient/p1\"}}"},
	{"/fhir/Observation/lab",
	 "{\"resourceType\":\"Observation\",\"id\":\"lab\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"category\":"
	 "[{"
	 "\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/observation-category\",\"code\":"
	 "\"laboratory\"}]}],\"subject\":{\"reference\":\"Patient/p1\"}}"},
	{"/fhir/Observation/secret",
	 "{\"resourceType\":\"Observation\",\"id\":\"secret\",\"meta\":{\"tag\":[{\"code\":\"secret\"}]},\"status\":"
	 "\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/p1\"}}"},
};

/* p2 wants nobody else to see anything. */
static const char consent[] =
	"{\"resourceType\":\"Consent\",\"id\":\"c\",\"status\":\"active\",\"scope\":{\"coding\":[{\"system\":\"http://"
	"terminology.hl7.org/CodeSystem/consentscope\",\"code\":\"patient-privacy\"}]},\"category\":[{\"text\":\"x\"}],"
	"\"policyRule\":{\"text\":\"x\"},\"patient\":{\"reference\":\"Patient/p2\"},\"provision\":{\"type\":\"deny\"}}";

void refusals_of_access(void **state)
{
	(void)state;
	struct str operator= operators_token();
	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++)
		assert_int_equal(write_as(operator, resources[i].path, resources[i].body).status, 201);
	struct str own = persons_token("launch/patient patient/*.rs", "p1"), all = persons_token("user/*.rs", "");
	struct place_answer answer = read_as(own, "/fhir/Patient/p1");
	assert_int_equal(answer.status, 200);
	answer = read_as(own, "/fhir/Patient/p2");
	refusal_expect_concealed(REFUSAL_OUTSIDE_PATIENT, &answer);
	answer = read_as(own, "/fhir/Observation/secret");
	refusal_expect_concealed(REFUSAL_POLICY, &answer);
	struct str labs = persons_token("launch/patient patient/Observation.rs?category=laboratory", "p1");
	answer = read_as(labs, "/fhir/Observation/lab");
	assert_int_equal(answer.status, 200);
	answer = write_as(operator, "/fhir/Observation/other",
			  "{\"resourceType\":\"Observation\",\"id\":\"other\",\"status\":\"final\",\"code\":{\"text\":"
			  "\"x\"},\"subject\":{\"reference\":\"Patient/p1\"}}");
	assert_int_equal(answer.status, 201);
	answer = read_as(labs, "/fhir/Observation/other");
	refusal_expect_concealed(REFUSAL_SCOPE_FILTER, &answer);
	/* The token may see it, but may not make such a one. */
	struct str writing = persons_token("launch/patient patient/*.cruds", "p1");
	answer = write_as(writing, "/fhir/Observation/lab",
			  "{\"resourceType\":\"Observation\",\"id\":\"lab\",\"status\":\"final\",\"code\":{\"text\":"
			  "\"x\"},\"subject\":{\"reference\":\"Patient/p2\"}}");
	refusal_expect(REFUSAL_OUTSIDE_TOKEN, &answer);
	answer = read_as(persons_token("patient/*.rs", ""), "/fhir/Patient/p1");
	refusal_expect(REFUSAL_PATIENT_MISSING, &answer);
	answer = ask("POST", "/fhir/Patient/p1/$purge", all, NULL, (struct http_header){STR_NULL, STR_NULL});
	refusal_expect(REFUSAL_OPERATOR_ONLY, &answer);
	/* A patient's own wish. */
	answer = read_as(all, "/fhir/Patient/p2");
	assert_int_equal(answer.status, 200);
	answer = write_as(operator, "/fhir/Consent/c", consent);
	assert_int_equal(answer.status, 201);
	answer = read_as(all, "/fhir/Patient/p2");
	refusal_expect_concealed(REFUSAL_CONSENT, &answer);
}

/* Whose role does not let them. */
void refusals_of_breaking_glass(void **state)
{
	(void)state;
	const struct place_answer answer = ask("GET", "/fhir/Patient/p1", persons_token("user/*.rs", ""), NULL,
					       (struct http_header){S("Break-Glass"), S("an emergency in room 7")});
	refusal_expect(REFUSAL_POLICY, &answer);
}
