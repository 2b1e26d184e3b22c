/* What is masked and what stays: resources by type, addresses, forms, headers, documents of OAuth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/encode.h"
#include "record/record_priv.h"

struct world {
	struct masker m;
	struct arena a;
};

static int setup(void **state)
{
	static struct world w;
	masker_init(&w.m, definitions_builtin(), RECORD_BIRTHS_YEAR);
	arena_init(&w.a, ARENA_NO_CAP);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	masker_done(&w->m);
	arena_done(&w->a);
	return 0;
}

struct one {
	const char *in, *out;
};

#define PATIENT(members)     "{\"resourceType\":\"Patient\"," members "}"
#define OBSERVATION(members) "{\"resourceType\":\"Observation\"," members "}"

/* Each in a world of its own, so numbers begin at 1. */
static const struct one resources[] = {
	{PATIENT("\"id\":\"e1\",\"name\":[{\"family\":\"Lopez\",\"given\":[\"Ana\",\"M\"],\"use\":\"official\"}]"),
	 PATIENT("\"id\":\"id-1\",\"name\":[{\"family\":\"family-1\",\"given\":[\"given-1\",\"given-2\"],\"use\":"
		 "\"official\"}]")},
	{PATIENT("\"birthDate\":\"1980-02-03\",\"gender\":\"female\",\"deceasedDateTime\":\"2020-05-06T07:08:09.5Z\""),
	 PATIENT("\"birthDate\":\"1980-01-01\",\"gender\":\"female\",\"deceasedDateTime\":\"2020-01-01T00:00:00.0Z\"")},
	{PATIENT("\"name\":[{\"period\":{\"start\":\"1980-02-03\"}}],\"contact\":[{\"period\":{\"start\":\"2001-02-"
		 "03\"}}]"),
	 PATIENT("\"name\":[{\"period\":{\"start\":\"1980-01-01\"}}],\"contact\":[{\"period\":{\"start\":\"2001-02-"
		 "03\"}}]")},
	{PATIENT("\"_birthDate\":{\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/"
		 "patient-birthTime\",\"valueDateTime\":\"1980-02-03T04:05:06-05:00\"}]}"),
	 PATIENT("\"_birthDate\":{\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/"
		 "patient-birthTime\",\"valueDateTime\":\"1980-01-01T00:00:00-05:00\"}]}")},
	{PATIENT("\"address\":[{\"line\":[\"1 Oak St\"],\"city\":\"Troy\",\"state\":\"NY\",\"postalCode\":\"12180\","
		 "\"country\":\"US\",\"text\":\"1 Oak St, Troy\",\"district\":\"X\"}]"),
	 PATIENT("\"address\":[{\"line\":[\"line-1\"],\"city\":\"city-1\",\"state\":\"NY\",\"postalCode\":\"postcode-"
		 "1\","
		 "\"country\":\"US\",\"text\":\"address-1\",\"district\":\"address-2\"}]")},
	{PATIENT("\"address\":[{\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/geolocation\","
		 "\"extension\":[{\"url\":\"latitude\",\"valueDecimal\":42.728}]}]}]"),
	 PATIENT("\"address\":[{\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/geolocation\","
		 "\"extension\":[{\"url\":\"latitude\",\"valueDecimal\":0.0}]}]}]")},
	{PATIENT("\"identifier\":[{\"system\":\"urn:oid:1.2\",\"value\":\"203\",\"type\":{\"text\":\"EPI\"}}],"
		 "\"telecom\":"
		 "[{\"system\":\"phone\",\"value\":\"555-1\"}]"),
	 PATIENT("\"identifier\":[{\"system\":\"urn:oid:1.2\",\"value\":\"identifier-1\",\"type\":{\"text\":\"EPI\"}}],"
		 "\"telecom\":[{\"system\":\"phone\",\"value\":\"telecom-1\"}]")},
	{PATIENT("\"text\":{\"status\":\"generated\",\"div\":\"<div>Ana</div>\"},\"photo\":[{\"contentType\":\"image/"
		 "png\",\"data\":\"QW5h\",\"title\":\"Ana\"}]"),
	 PATIENT("\"text\":{\"status\":\"generated\",\"div\":\"<div xmlns=\\\"http://www.w3.org/1999/"
		 "xhtml\\\">narrative-1</div>\"},\"photo\":[{\"contentType\":\"image/"
		 "png\",\"data\":\"Y29udGVudC0x\",\"title\":\"text-1\"}]")},
	/* the same value, the same placeholder, of whatever type it is */
	{PATIENT("\"id\":\"e1\",\"identifier\":[{\"value\":\"e1\"}],\"link\":[{\"other\":{\"reference\":\"Patient/e1\","
		 "\"display\":\"Lopez, Ana\"}}]"),
	 PATIENT("\"id\":\"id-1\",\"identifier\":[{\"value\":\"id-1\"}],\"link\":[{\"other\":{\"reference\":\"Patient/"
		 "id-1\",\"display\":\"name-1\"}}]")},
	{OBSERVATION("\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"8867-4\",\"display\":\"Heart "
		     "rate\"}],\"text\":\"heart rate\"},\"valueQuantity\":{\"value\":72.0,\"unit\":\"/min\"}"),
	 OBSERVATION("\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"8867-4\",\"display\":\"Heart "
		     "rate\"}],\"text\":\"heart rate\"},\"valueQuantity\":{\"value\":72.0,\"unit\":\"/min\"}")},
	{OBSERVATION("\"code\":{\"text\":\"Ana's pulse\"},\"valueString\":\"fine\",\"note\":[{\"text\":\"ask Ana\"}],"
		     "\"effectiveDateTime\":\"2024-02-19T08:01:00Z\""),
	 OBSERVATION("\"code\":{\"text\":\"text-1\"},\"valueString\":\"text-2\",\"note\":[{\"text\":\"text-3\"}],"
		     "\"effectiveDateTime\":\"2024-02-19T08:01:00Z\"")},
	{OBSERVATION("\"contained\":[{\"resourceType\":\"Practitioner\",\"id\":\"p\",\"name\":[{\"text\":\"Dr B\"}]}],"
		     "\"performer\":[{\"reference\":\"#p\"}]"),
	 OBSERVATION(
		 "\"contained\":[{\"resourceType\":\"Practitioner\",\"id\":\"id-1\",\"name\":[{\"text\":\"name-1\"}]}"
		 "],\"performer\":[{\"reference\":\"#id-1\"}]")},
	/* what R4 does not know is masked, too */
	{PATIENT("\"nickname\":\"Anita\",\"more\":{\"deep\":[\"x\",1,true,null]}"),
	 PATIENT("\"nickname\":\"text-1\",\"more\":{\"deep\":[\"text-2\",1,true,null]}")},
	{"{\"resourceType\":\"Petient\",\"name\":\"Ana\"}", "{\"resourceType\":\"text-1\",\"name\":\"text-2\"}"},
	/* nobody's: as it is */
	{"{\"resourceType\":\"CapabilityStatement\",\"publisher\":\"Acme\",\"contact\":[{\"name\":\"A\"}]}",
	 "{\"resourceType\":\"CapabilityStatement\",\"publisher\":\"Acme\",\"contact\":[{\"name\":\"A\"}]}"},
	/* an error's text stays, but for values that were seen before */
	{"[{\"resourceType\":\"Patient\",\"id\":\"e1\",\"name\":[{\"family\":\"von Berg\"}]},{\"resourceType\":"
	 "\"OperationOutcome\",\"issue\":[{\"code\":\"invalid\",\"diagnostics\":\"von Berg (e1) is "
	 "unknown\",\"details\":{"
	 "\"text\":\"No e1, e11\"}}]}]",
	 "[{\"resourceType\":\"Patient\",\"id\":\"id-1\",\"name\":[{\"family\":\"family-1\"}]},{\"resourceType\":"
	 "\"OperationOutcome\",\"issue\":[{\"code\":\"invalid\",\"diagnostics\":\"family-1 (id-1) is "
	 "unknown\",\"details\":{\"text\":\"No id-1, e11\"}}]}]"},
	{"{\"resourceType\":\"Bundle\",\"id\":\"b\",\"link\":[{\"relation\":\"next\",\"url\":\"https://e/r4/"
	 "Patient?family=Lopez&_count=2&sessionID=x\"}],\"entry\":[{\"fullUrl\":\"https://e/r4/Patient/"
	 "e1\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"e1\",\"name\":[{\"family\":\"Lopez\"}]}}]}",
	 "{\"resourceType\":\"Bundle\",\"id\":\"id-1\",\"link\":[{\"relation\":\"next\",\"url\":\"https://e/r4/"
	 "Patient?family=family-1&_count=2&sessionID=masked-value-1\"}],\"entry\":[{\"fullUrl\":\"https://e/r4/Patient/"
	 "id-2\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"id-2\",\"name\":[{\"family\":\"family-1\"}]}}]}"},
	/* spaces, order, escapes of what stays and numbers are the text's own */
	{"{ \"resourceType\" : \"Observation\",\n\t\"valueQuantity\":{\"value\": 1.50, \"unit\":\"m\\u0067\"},\"id\" "
	 ":\"a\"}\n",
	 "{ \"resourceType\" : \"Observation\",\n\t\"valueQuantity\":{\"value\": 1.50, \"unit\":\"m\\u0067\"},\"id\" "
	 ":\"id-1\"}\n"},
};

static const struct one documents[] = {
	{"{\"access_token\":\"AT\",\"token_type\":\"Bearer\",\"expires_in\":570,\"scope\":\"launch "
	 "openid\",\"patient\":"
	 "\"127\",\"refresh_token\":\"RT\",\"username\":\"portal\"}",
	 "{\"access_token\":\"masked-token-1\",\"token_type\":\"Bearer\",\"expires_in\":570,\"scope\":\"launch "
	 "openid\",\"patient\":\"id-1\",\"refresh_token\":\"masked-refresh-token-1\",\"username\":\"name-1\"}"},
	{"{\"issuer\":\"https://e\",\"token_endpoint\":\"https://e/t\",\"capabilities\":[\"launch-ehr\"]}",
	 "{\"issuer\":\"https://e\",\"token_endpoint\":\"https://e/t\",\"capabilities\":[\"launch-ehr\"]}"},
	{"{\"transactionTime\":\"2026-01-01T00:00:00Z\",\"request\":\"https://e/r4/Group/"
	 "g1/$export\",\"output\":[{\"type\":\"Patient\",\"url\":\"https://e/r4/Binary/b1\",\"count\":2}]}",
	 "{\"transactionTime\":\"2026-01-01T00:00:00Z\",\"request\":\"https://e/r4/Group/"
	 "id-1/$export\",\"output\":[{\"type\":\"Patient\",\"url\":\"https://e/r4/Binary/id-2\",\"count\":2}]}"},
	{"{\"fhirUser\":\"https://e/r4/Practitioner/77\",\"unheard\":\"of\"}",
	 "{\"fhirUser\":\"https://e/r4/Practitioner/id-1\",\"unheard\":\"text-1\"}"},
	{"\"\"", "\"\""},
	{"{\"code\":403,\"message\":\"no scope\"}", "{\"code\":403,\"message\":\"no scope\"}"},
};

static const struct one urls[] = {
	{"https://e/r4/Patient/e1?_format=json", "https://e/r4/Patient/id-1?_format=json"},
	{"https://e/r4/Patient/e1/_history/3", "https://e/r4/Patient/id-1/_history/3"},
	{"https://e/r4/Patient/e1/$everything?start=2020", "https://e/r4/Patient/id-1/$everything?start=2020"},
	{"https://e/r4/Group/g/Patient/p", "https://e/r4/Group/id-1/Patient/id-2"},
	{"https://e/r4/Patient/_search", "https://e/r4/Patient/_search"},
	{"https://e/r4/Patient/p1/Observation?patient=p%31#p1",
	 "https://e/r4/Patient/id-1/Observation?patient=id-1#p1"},
	{"https://e/r4/Patient/p%31?_id=p1", "https://e/r4/Patient/id-1?_id=id-1"},
	{"https://e/r4/StructureDefinition/x", "https://e/r4/StructureDefinition/x"},
	{"Observation?patient=e1&category=laboratory&code=http://loinc.org|1-8",
	 "Observation?patient=id-1&category=laboratory&code=http://loinc.org|1-8"},
	{"Observation?patient=Patient%2Fe1&subject:Patient.name=Ana",
	 "Observation?patient=Patient%2Fid-1&subject:Patient.name=name-1"},
	{"Patient?name=Ana,Bo&birthdate=ge1980-02-03&identifier=urn:x|77",
	 "Patient?name=name-1,name-2&birthdate=ge1980-01-01&identifier=urn%3Ax%7Cidentifier-1"},
	{"Patient?_id=a,b&gender=male&_sort=family", "Patient?_id=id-1,id-2&gender=male&_sort=family"},
	{"Patient?iss=x&id_token=a", "Patient?iss=masked-value-1&id_token=masked-value-2"},
	{"Patient?-pageContext=eJx", "Patient?-pageContext=masked-value-1"},
	{"https://e/oauth2/authorize?response_type=code&client_id=app&state=abc&code_challenge=xyz&launch=L&scope=a+b",
	 "https://e/oauth2/authorize?response_type=code&client_id=app&state=masked-state-1&code_challenge=masked-"
	 "challenge-1&launch=masked-launch-1&scope=a+b"},
	{"http://127.0.0.1:9/cb?code=C&state=abc", "http://127.0.0.1:9/cb?code=masked-code-1&state=masked-state-1"},
	{"http://127.0.0.1:9/cb#access_token=T", "http://127.0.0.1:9/cb#access_token=masked-token-1"},
	{"mailto:ana@x.org", "telecom-1"},
	{"urn:uuid:3a715356-fb1c-4c3b-8168-e2f7d346580a", "urn:uuid:3a715356-fb1c-4c3b-8168-e2f7d346580a"},
};

static void check(const struct one *cases, size_t count, struct str (*mask)(struct world *w, struct str in))
{
	for (size_t i = 0; i < count; i++) {
		struct world *w;
		setup((void **)&w);
		struct str out = mask(w, str_from(cases[i].in));
		if (!out.p || !str_is(out, cases[i].out))
			fail_msg("%s\n  became %.*s\n  not    %s", cases[i].in, STR_ARG(out), cases[i].out);
		assert_false(w->m.failed);
		teardown((void **)&w);
	}
}

static struct str as_json(struct world *w, struct str in)
{
	return mask_json(&w->m, &w->a, in);
}

static struct str as_url(struct world *w, struct str in)
{
	return mask_url(&w->m, &w->a, in);
}

#define CHECK(cases, mask) check(cases, sizeof(cases) / sizeof((cases)[0]), mask)

static void test_resources(void **state)
{
	(void)state;
	CHECK(resources, as_json);
}

static void test_documents(void **state)
{
	(void)state;
	CHECK(documents, as_json);
}

static void test_urls(void **state)
{
	(void)state;
	CHECK(urls, as_url);
}

static void test_headers(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *name, *in, *out;
	} cases[] = {
		{"authorization", "Bearer AT", "Bearer masked-token-1"},
		{"Authorization", "Basic YTpi", "Basic masked-basic-1"},
		{"Cookie", "a=1; b=2", "a=masked-cookie-1; b=masked-cookie-2"},
		{"Set-Cookie", "a=1; Path=/; HttpOnly", "a=masked-cookie-1; Path=/; HttpOnly"},
		{"ETag", "W/\"3\"", "W/\"3\""},
		{"Location", "https://e/r4/Patient/e1", "https://e/r4/Patient/id-1"},
		{"Link", "<https://e/r4/Patient/e1>; rel=\"self\"", "<https://e/r4/Patient/id-1>; rel=\"self\""},
		{"WWW-Authenticate", "Bearer error=\"invalid_token\"", "Bearer error=\"invalid_token\""},
		{"X-Epic-User", "someone", "masked-header-1"},
		{"Content-Type", "application/fhir+json", "application/fhir+json"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str out = mask_header(&w->m, &w->a, str_from(cases[i].name), str_from(cases[i].in));
		assert_string_equal(arena_str(&w->a, out).p, cases[i].out);
	}
	/* the token of an answer is the one of the header */
	struct str answer = as_json(w, S("{\"access_token\":\"AT\"}"));
	assert_true(str_is(answer, "{\"access_token\":\"masked-token-1\"}"));
}

static void test_bodies(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *url, *type, *in, *out; /* NULL: left out */
	} cases[] = {
		{"https://e/token", "application/x-www-form-urlencoded",
		 "grant_type=authorization_code&code=C&code_verifier=V&client_secret=S",
		 "grant_type=authorization_code&code=masked-code-1&code_verifier=masked-verifier-1&client_secret="
		 "masked-"
		 "secret-1"},
		{"https://e/r4/Patient/_search", "application/x-www-form-urlencoded; charset=utf-8",
		 "family=Lopez&gender=male", "family=family-1&gender=male"},
		{"https://e/f", "application/fhir+ndjson",
		 "{\"resourceType\":\"Patient\",\"id\":\"a\"}\n{\"resourceType\":\"Patient\",\"id\":\"b\"}\n",
		 "{\"resourceType\":\"Patient\",\"id\":\"id-1\"}\n{\"resourceType\":\"Patient\",\"id\":\"id-2\"}\n"},
		{"https://e/r4/Patient/a", "application/fhir+xml",
		 "<Patient xmlns=\"http://hl7.org/fhir\"><id value=\"a\"/><name><family "
		 "value=\"Lopez\"/></name></Patient>",
		 "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Patient xmlns=\"http://hl7.org/fhir\"><id "
		 "value=\"id-1\"/><name>"
		 "<family value=\"family-1\"/></name></Patient>"},
		{"https://e/r4/Patient/a", "application/fhir+xml", "<Patient>Ana</Patient>", NULL},
		{"https://e/login", "text/html", "<p>Ana</p>", NULL},
		{"https://e/r4/Patient/a", "application/fhir+json",
		 "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"Lop", NULL},
		{"https://e/r4/Binary/a", "application/pdf", "%PDF", NULL},
		{"https://e/x", "", "Ana", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str out =
			mask_body(&w->m, &w->a, str_from(cases[i].url), str_from(cases[i].type), str_from(cases[i].in));
		if (cases[i].out ? !str_is(out, cases[i].out) : out.p != NULL)
			fail_msg("%s became %.*s", cases[i].in, STR_ARG(out));
	}
}

static void test_id_token(void **state)
{
	struct world *w = *state;
	struct str header = S("eyJhbGciOiJSUzI1NiJ9"), out;
	struct buf token, plain;
	buf_init(&token, 4096);
	buf_init(&plain, 4096);
	buf_printf(&token, "{\"id_token\":\"%s.", header.p);
	encode_base64url(&token,
			 S("{\"iss\":\"https://e\",\"sub\":\"ana\",\"exp\":9,\"fhirUser\":\"Practitioner/7\"}"));
	buf_add(&token, S(".c2ln\"}"));
	out = as_json(w, buf_str(&token));
	assert_true(out.p != NULL);
	struct error err = {0};
	struct str rest = json_get_str(json_parse(&w->a, out, 0, &err), S("id_token"));
	assert_true(str_eq(str_split(&rest, '.'), header));
	assert_true(decode_base64url(&plain, str_split(&rest, '.')));
	buf_char(&plain, '\0');
	assert_string_equal(plain.p,
			    "{\"iss\":\"https://e\",\"sub\":\"id-1\",\"exp\":9,\"fhirUser\":\"Practitioner/id-2\"}");
	assert_false(str_is(rest, "c2ln"));
	buf_done(&token);
	buf_done(&plain);
}

static void test_births(void **state)
{
	struct world *w = *state;
	static const struct one year[] = {{"1980", "1980"}, {"1980-02", "1980-01"}, {"", ""}},
				mask[] = {{"1980", "1900"}, {"1980-02-03", "1900-01-01"}, {"x", "x"}};
	for (size_t i = 0; i < 3; i++) {
		w->m.births = RECORD_BIRTHS_YEAR;
		assert_true(str_is(masker_birth(&w->m, &w->a, str_from(year[i].in)), year[i].out));
		w->m.births = RECORD_BIRTHS_MASK;
		assert_true(str_is(masker_birth(&w->m, &w->a, str_from(mask[i].in)), mask[i].out));
	}
	w->m.births = RECORD_BIRTHS_KEEP;
	assert_true(str_is(masker_birth(&w->m, &w->a, S("1980-02-03")), "1980-02-03"));
}

static void test_moves(void **state)
{
	struct world *w = *state;
	static const struct one cases[] = {
		{"\"http://a:1/x\" http://a:1", "\"http://b:2/x\" http://b:2"},
		{"http://a:12/x http://a:1.x/", "http://a:12/x http://a:1.x/"},
		{"aud=http%3A%2F%2Fa%3A1%2Ffhir&x", "aud=http%3A%2F%2Fb%3A2%2Ffhir&x"},
		{"nothing", "nothing"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(str_is(place_move(&w->a, str_from(cases[i].in), S("http://a:1"), S("http://b:2")),
				   cases[i].out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_resources, setup, teardown),
		cmocka_unit_test_setup_teardown(test_documents, setup, teardown),
		cmocka_unit_test_setup_teardown(test_urls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bodies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_id_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_births, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moves, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
