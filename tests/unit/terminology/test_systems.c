/* Codes in their systems: validity, displays, supplements, versions, subsumption, systems that have rules. */
#include "world.h"

static const char *const resources[] = {
	"{'resourceType':'CodeSystem','url':'http://x/cs','version':'2.0.0','content':'complete','concept':["
	"{'code':'a','display':'New A','concept':[{'code':'b','concept':[{'code':'c'}]}]},{'code':'d'}]}",
	"{'resourceType':'CodeSystem','url':'http://x/cs','version':'1.0.0','content':'complete','concept':["
	"{'code':'a','display':'Old A'},{'code':'old'}]}",
	"{'resourceType':'CodeSystem','url':'http://x/more','content':'supplement','supplements':'http://x/cs',"
	"'concept':[{'code':'a','designation':[{'language':'fr','value':'Lettre A'}]},{'code':'zz',"
	"'display':'is not added'},{'code':'b','display':'Bee','property':[{'code':'p','valueCode':'v'}]}]}",
	"{'resourceType':'CodeSystem','url':'http://x/groups','content':'complete','hierarchyMeaning':'grouped-by',"
	"'concept':[{'code':'g','concept':[{'code':'h'}]}]}",
	"{'resourceType':'CodeSystem','url':'http://x/round','content':'complete','property':[{'code':'parent',"
	"'uri':'http://hl7.org/fhir/concept-properties#parent','type':'code'}],'concept':["
	"{'code':'a','property':[{'code':'parent','valueCode':'b'}]},"
	"{'code':'b','property':[{'code':'parent','valueCode':'a'}]},{'code':'c'}]}",
	"{'resourceType':'ValueSet','url':'http://x/by-supplement','compose':{'include':[{'system':'http://x/cs',"
	"'filter':[{'property':'p','op':'=','value':'v'}]}]}}",
};

static const struct {
	const char *system, *version, *code, *display;
	enum code_answer answer;
	enum code_reason reason;
} codings[] = {
	{"http://x/cs", NULL, "a", "New A", CODE_IN, CODE_FINE},
	{"http://x/cs", NULL, "a", "Old A", CODE_IN, CODE_DISPLAY_WRONG},
	{"http://x/cs", NULL, "a", "lettre a", CODE_IN, CODE_FINE},
	{"http://x/cs", NULL, "b", "Bee", CODE_IN, CODE_FINE},
	{"http://x/cs", NULL, "b", "Wasp", CODE_IN, CODE_DISPLAY_WRONG},
	{"http://x/cs", NULL, "old", NULL, CODE_NOT_IN, CODE_INVALID},
	{"http://x/cs", NULL, "zz", NULL, CODE_NOT_IN, CODE_INVALID},
	{"http://x/cs", "1.0.0", "a", "Old A", CODE_IN, CODE_FINE},
	{"http://x/cs", "1.0", "old", NULL, CODE_IN, CODE_FINE},
	{"http://x/cs", "3.0.0", "a", NULL, CODE_UNKNOWN, CODE_SYSTEM_UNKNOWN},
	{"http://x/more", NULL, "a", NULL, CODE_UNKNOWN, CODE_SYSTEM_UNKNOWN},
	{"http://nowhere", NULL, "a", NULL, CODE_UNKNOWN, CODE_SYSTEM_UNKNOWN},
	{NULL, NULL, "a", NULL, CODE_UNKNOWN, CODE_SYSTEM_MISSING},
	{"http://snomed.info/sct", NULL, "22298006", NULL, CODE_UNKNOWN, CODE_SYSTEM_PARTIAL},
	{"http://snomed.info/sct", NULL, "22298007", NULL, CODE_NOT_IN, CODE_INVALID},
	{"http://snomed.info/sct", NULL, "1", NULL, CODE_NOT_IN, CODE_INVALID},
	{"http://snomed.info/sct", NULL, "22298006:363698007=80891009", NULL, CODE_UNKNOWN, CODE_SYSTEM_PARTIAL},
	{"urn:iso:std:iso:3166", NULL, "Australia", NULL, CODE_NOT_IN, CODE_INVALID},
	{"urn:iso:std:iso:3166", NULL, "DE", NULL, CODE_UNKNOWN, CODE_SYSTEM_UNKNOWN},
	{"http://hl7.org/fhir/administrative-gender", NULL, "male", "male", CODE_IN, CODE_FINE},
};

static void codes(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
		struct coding coding = {str_from(codings[i].system), str_from(codings[i].version),
					str_from(codings[i].code), str_from(codings[i].display)};
		struct code_verdict v = terminology_validate(w->terminology, &w->arena, &coding);
		if (v.answer != codings[i].answer || v.reason != codings[i].reason)
			fail_msg("%s|%s: answer %d reason %d (%.*s)", codings[i].system, codings[i].code, v.answer,
				 v.reason, STR_ARG(v.detail));
	}
	struct coding b = world_coding("http://x/cs|b", NULL);
	struct code_verdict v =
		terminology_validate_in(w->terminology, &w->arena, S("http://x/by-supplement"), NULL, &b, false);
	assert_int_equal(v.answer, CODE_IN);
}

static const struct {
	const char *system, *a, *b;
	enum subsumption wanted;
} pairs[] = {
	{"http://x/cs", "a", "c", SUBSUMES},
	{"http://x/cs", "c", "a", SUBSUMED_BY},
	{"http://x/cs", "c", "c", SUBSUMES_EQUIVALENT},
	{"http://x/cs", "a", "d", SUBSUMES_NOT},
	{"http://x/cs", "a", "zz", SUBSUMES_UNKNOWN},
	{"http://x/groups", "g", "h", SUBSUMES_UNKNOWN},
	{"http://x/groups", "g", "g", SUBSUMES_EQUIVALENT},
	{"http://x/round", "a", "c", SUBSUMES_NOT}, /* a circle ends */
	{"http://nowhere", "a", "b", SUBSUMES_UNKNOWN},
};

static void subsumption(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		enum subsumption got = terminology_subsumes(w->terminology, str_from(pairs[i].system), STR_NULL,
							    str_from(pairs[i].a), str_from(pairs[i].b));
		if (got != pairs[i].wanted)
			fail_msg("%s %s %s: %d", pairs[i].system, pairs[i].a, pairs[i].b, got);
	}
}

static const struct {
	const char *system;
	const char *good[14], *bad[14];
} rules[] = {
	{"http://unitsofmeasure.org", {"mg/dL", "1", "Cel", "{score}", "10*3/uL"}, {"", "mg/dl x", "furlongs", "mg//"}},
	{"urn:ietf:bcp:47",
	 {"de", "en-US", "zh-Hant-TW", "sl-rozaj-biske", "de-CH-1901", "en-a-bbb-x-a-ccc", "x-whatever", "i-klingon",
	  "zh-yue-HK", "es-419", "EN-gb"},
	 {"", "d", "en_US", "de-", "-de", "de--CH", "english language", "a-DE", "de-a", "de-CH-x", "d1",
	  "de-123456789"}},
	{"urn:ietf:bcp:13",
	 {"text/plain", "application/fhir+json", "text/html; charset=utf-8", "image/svg+xml",
	  "application/vnd.ms-excel", "text/plain;a=\"b c\""},
	 {"", "text", "text/", "/plain", "text/pl ain", "text/*", "text/plain;", "text/plain; charset", "a/b/c",
	  "text/plain;a=b c"}},
	{"urn:ietf:rfc:3986",
	 {"http://x/y?z#f", "urn:oid:1.2.3", "mailto:a@b", "a+b-c.d:"},
	 {"", "x", "1a:b", "http://a b", "http://x/%zz", ":x", "urn:\"x"}},
};

static void rule_systems(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		for (int good = 0; good < 2; good++)
			for (size_t k = 0; k < 14; k++) {
				const char *code = good ? rules[i].good[k] : rules[i].bad[k];
				if (!code)
					break;
				struct coding coding = {.system = str_from(rules[i].system), .code = str_from(code)};
				struct code_verdict v = terminology_validate(w->terminology, &w->arena, &coding);
				if (v.answer != (good ? CODE_IN : CODE_NOT_IN))
					fail_msg("%s|%s: %d", rules[i].system, code, v.answer);
			}
}

static int open_world(void **state)
{
	static struct world w;
	world_open(&w, resources, sizeof(resources) / sizeof(resources[0]));
	*state = &w;
	return 0;
}

static int close_world(void **state)
{
	world_close(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes),
		cmocka_unit_test(subsumption),
		cmocka_unit_test(rule_systems),
	};
	return cmocka_run_group_tests(tests, open_world, close_world);
}
