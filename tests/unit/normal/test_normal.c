/* Normalising, rule by rule: what goes in, what comes out, and that doing it again changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "normal/normal_priv.h"

#define EPIC(tail) "\"urn:oid:1.2.840.114350.1.13.861.1.7." tail "\""
#define TENANT	   "https://fhir.cerner.com/ec2458f2-1e24-41c8-b71b-0e701af7583d"
#define SCT	   "\"system\":\"http://snomed.info/sct\""
#define LOINC	   "\"system\":\"http://loinc.org\""
#define UCUM	   "\"system\":\"http://unitsofmeasure.org\""
#define ADDED	   "{\"extension\":[{\"url\":\"" NORMAL_MARK "\",\"valueCode\":\"code-added\"}],"
#define BASE	   "https://ehr.example/fhir"

struct world {
	struct arena arena;
	struct normaliser *n;
};

static int setup(void **state)
{
	static struct world w;
	struct error err = {0};
	arena_init(&w.arena, ARENA_NO_CAP);
	w.n = normaliser_new(definitions_builtin(), &err);
	if (!w.n)
		fail_msg("%s", err.text);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	normaliser_free(w->n);
	arena_done(&w->arena);
	return 0;
}

static const struct json *parse(struct world *w, const char *text)
{
	struct error err = {0};
	const struct json *j = json_parse(&w->arena, str_from(text), 0, &err);
	if (!j)
		fail_msg("%s in %s", err.text, text);
	return j;
}

static struct str run(struct world *w, const struct json *j, const struct normal_options *options,
		      struct normal_report *report, enum normal_fate *ret_fate)
{
	struct error err = {0};
	struct buf out;
	buf_init(&out, 1 << 20);
	if (!normalise(w->n, j, options, &out, report, ret_fate, &err))
		fail_msg("%s", err.text);
	struct str text = arena_str(&w->arena, buf_str(&out));
	buf_done(&out);
	return text;
}

struct example {
	const char *name;
	enum normal_vendor vendor;
	enum normal_rule rule; /* that must have been used, or noticed */
	const char *before, *after; /* NULL: unchanged */
};

static const struct example examples[] = {
	{"an OID of a code system becomes its URL", NORMAL_GENERIC, NORMAL_SYSTEM,
	 "{\"resourceType\":\"Procedure\",\"code\":{\"coding\":[{\"system\":\"urn:oid:2.16.840.1.113883.6.12\","
	 "\"code\":"
	 "\"82465\"}]}}",
	 "{\"resourceType\":\"Procedure\",\"code\":{\"coding\":[{\"system\":\"http://www.ama-assn.org/go/"
	 "cpt\",\"code\":"
	 "\"82465\"}]}}"},
	{"so does one of HL7's own systems", NORMAL_GENERIC, NORMAL_SYSTEM,
	 "{\"resourceType\":\"Encounter\",\"class\":{\"system\":\"urn:oid:2.16.840.1.113883.5.4\",\"code\":\"AMB\"}}",
	 "{\"resourceType\":\"Encounter\",\"class\":{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-ActCode\","
	 "\"code\":\"AMB\"}}"},
	{"a system that US Core writes as an OID stays one", NORMAL_GENERIC, NORMAL_RULES,
	 "{\"resourceType\":\"Patient\",\"extension\":[{\"url\":\"r\",\"valueCoding\":{\"system\":"
	 "\"urn:oid:2.16.840.1.113883.6.238\",\"code\":\"2028-9\"}}]}",
	 NULL},
	{"LOINC of a flowsheet panel is first, its parts are not taken for the panel", NORMAL_EPIC, NORMAL_CODE_ORDER,
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{\"system\":" EPIC(
		 "2.707679") ",\"code\":\"5\"},{\"system\":\"urn:oid:1.2.246.537.6.96\",\"code\":\"8462-4\"},{" LOINC
			     ",\"code\":\"8716-3\"},{" LOINC ",\"code\":\"85354-9\"}]}}",
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{" LOINC ",\"code\":\"85354-9\"},{" LOINC
	 ",\"code\":\"8716-3\"},{\"system\":\"urn:oid:1.2.246.537.6.96\",\"code\":\"8462-4\"},{\"system\":" EPIC(
		 "2.707679") ",\"code\":\"5\"}]}}"},
	{"alone the Finnish OID is LOINC", NORMAL_EPIC, NORMAL_SYSTEM,
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{\"system\":\"urn:oid:1.2.246.537.6.96\",\"code\":"
	 "\"8867-4\"}]}}",
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{" LOINC ",\"code\":\"8867-4\"}]}}"},
	{"but not with a wrong check digit", NORMAL_EPIC, NORMAL_CODE_LOCAL,
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{\"system\":\"urn:oid:1.2.246.537.6.96\",\"code\":"
	 "\"8867-5\"}]}}",
	 NULL},
	{"a flowsheet row at any site gets its LOINC code", NORMAL_EPIC, NORMAL_CODE_ADDED,
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{\"system\":" EPIC("2.707679") ",\"code\":\"8\"}]}}",
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[" ADDED LOINC
	 ",\"code\":\"8867-4\",\"display\":\"Heart rate\"},{\"system\":" EPIC("2.707679") ",\"code\":\"8\"}]}}"},
	{"from a row nobody verified it is told", NORMAL_EPIC, NORMAL_CODE_UNVERIFIED,
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{\"system\":" EPIC("2.707679") ",\"code\":\"6\"}]}}",
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{\"extension\":[{\"url\":\"" NORMAL_MARK
	 "\",\"valueCode\":\"code-added-unverified\"}]," LOINC
	 ",\"code\":\"8310-5\",\"display\":\"Body temperature\"},{\"system\":" EPIC("2.707679") ",\"code\":\"6\"}]}}"},
	{"a code set of another Cerner tenant is not the same", NORMAL_CERNER, NORMAL_CODE_LOCAL,
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{\"system\":\"https://fhir.cerner.com/other/codeSet/"
	 "72\",\"code\":\"21704910\"}]}}",
	 NULL},
	{"the vendor's own code goes behind the standard one", NORMAL_CERNER, NORMAL_CODE_ORDER,
	 "{\"resourceType\":\"DiagnosticReport\",\"code\":{\"coding\":[{\"system\":\"" TENANT
	 "/codeSet/72\",\"code\":\"21704910\",\"userSelected\":true},{" LOINC ",\"code\":\"2823-3\"}],\"text\":\"K\"}}",
	 "{\"resourceType\":\"DiagnosticReport\",\"code\":{\"coding\":[{" LOINC
	 ",\"code\":\"2823-3\"},{\"system\":\"" TENANT
	 "/codeSet/72\",\"code\":\"21704910\",\"userSelected\":true}],\"text\":\"K\"}}"},
	{"problems have SNOMED CT before ICD-10", NORMAL_EPIC, NORMAL_CODE_ORDER,
	 "{\"resourceType\":\"Condition\",\"code\":{\"coding\":[{\"system\":\"http://hl7.org/fhir/sid/icd-10-cm\","
	 "\"code\":\"I10\"},{" SCT ",\"code\":\"38341003\"}]}}",
	 "{\"resourceType\":\"Condition\",\"code\":{\"coding\":[{" SCT
	 ",\"code\":\"38341003\"},{\"system\":\"http://hl7.org/fhir/sid/icd-10-cm\",\"code\":\"I10\"}]}}"},
	{"what says the same twice is said once", NORMAL_GENERIC, NORMAL_CODE_REPEATED,
	 "{\"resourceType\":\"Condition\",\"code\":{\"coding\":[{" SCT ",\"code\":\"38341003\",\"display\":\"H\"},{" SCT
	 ",\"code\":\"38341003\"},{" SCT ",\"code\":\"38341003\",\"display\":\"other words\"}]}}",
	 "{\"resourceType\":\"Condition\",\"code\":{\"coding\":[{" SCT ",\"code\":\"38341003\",\"display\":\"H\"},{" SCT
	 ",\"code\":\"38341003\",\"display\":\"other words\"}]}}"},
	{"words are no SNOMED CT code", NORMAL_EPIC, NORMAL_CODE_TEXT,
	 "{\"resourceType\":\"AllergyIntolerance\",\"reaction\":[{\"manifestation\":[{\"coding\":[{" SCT
	 ",\"code\":\"Hives\"}]}]}]}",
	 "{\"resourceType\":\"AllergyIntolerance\",\"reaction\":[{\"manifestation\":[{\"coding\":[{\"display\":"
	 "\"Hives\"}],\"text\":\"Hives\"}]}]}"},
	{"a wrong check digit is told", NORMAL_GENERIC, NORMAL_CODE_DOUBTFUL,
	 "{\"resourceType\":\"Condition\",\"code\":{\"coding\":[{" SCT ",\"code\":\"38341004\"}]}}", NULL},
	{"a unit that is spelled out", NORMAL_GENERIC, NORMAL_UNIT_CODE,
	 "{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":7.20,\"unit\":\"K/uL\"}}",
	 "{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":7.20,\"unit\":\"K/uL\"," UCUM
	 ",\"code\":\"10*3/uL\"}}"},
	{"a unit that nobody knows", NORMAL_GENERIC, NORMAL_UNIT_UNKNOWN,
	 "{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":7,\"unit\":\"handfuls\"}}", NULL},
	{"a unit that is a code of UCUM", NORMAL_GENERIC, NORMAL_UNIT_CODE,
	 "{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":7,\"unit\":\"mL\"}}",
	 "{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":7,\"unit\":\"mL\"," UCUM ",\"code\":\"mL\"}}"},
	{"a code that the EHR says it does not know", NORMAL_CERNER, NORMAL_UNIT_UNKNOWN,
	 "{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":7,\"unit\":\"mL\"," UCUM
	 ",\"_code\":{\"extension\":[{\"url\":\"" NORMAL_ABSENT "\",\"valueCode\":\"unknown\"}]}}}",
	 NULL},
	{"no unit at all", NORMAL_EPIC, NORMAL_RULES,
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{" LOINC
	 ",\"code\":\"4548-4\"}]},\"valueQuantity\":{\"value\":5.1}}",
	 NULL},
	{"Fahrenheit into Celsius, and the original beside it", NORMAL_GENERIC, NORMAL_UNIT_CONVERTED,
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{" LOINC
	 ",\"code\":\"8310-5\"}]},\"valueQuantity\":{\"value\":98.6,\"unit\":\"F\"," UCUM ",\"code\":\"[degF]\"}}",
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{" LOINC
	 ",\"code\":\"8310-5\"}]},\"valueQuantity\":{\"extension\":[{\"url\":\"" NORMAL_TRANSLATION
	 "\",\"valueQuantity\":{\"value\":98.6,\"unit\":\"F\"," UCUM ",\"code\":\"[degF]\"}}],\"value\":37,\"unit\":"
	 "\"Cel\"," UCUM ",\"code\":\"Cel\"}}"},
	{"moles into grams where the table knows the substance, the range too", NORMAL_GENERIC, NORMAL_UNIT_CONVERTED,
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{" LOINC
	 ",\"code\":\"2160-0\"}]},\"valueQuantity\":{\"value\":32,\"unit\":\"umol/L\"," UCUM
	 ",\"code\":\"umol/L\"},\"referenceRange\":[{\"low\":{\"value\":50," UCUM ",\"code\":\"umol/L\"}}]}",
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{" LOINC
	 ",\"code\":\"2160-0\"}]},\"valueQuantity\":{\"extension\":[{\"url\":\"" NORMAL_TRANSLATION
	 "\",\"valueQuantity\":{\"value\":32,\"unit\":\"umol/L\"," UCUM
	 ",\"code\":\"umol/L\"}}],\"value\":0.3619,\"unit\":\"mg/dL\"," UCUM
	 ",\"code\":\"mg/dL\"},\"referenceRange\":[{\"low\":{\"extension\":[{\"url\":\"" NORMAL_TRANSLATION
	 "\",\"valueQuantity\":{\"value\":50," UCUM ",\"code\":\"umol/L\"}}],\"value\":0.5655,\"unit\":\"mg/dL\"," UCUM
	 ",\"code\":\"mg/dL\"}}]}"},
	{"haemoglobin A1c of the IFCC into that of the NGSP", NORMAL_GENERIC, NORMAL_UNIT_CONVERTED,
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{" LOINC
	 ",\"code\":\"4548-4\"}]},\"valueQuantity\":{\"value\":53," UCUM ",\"code\":\"mmol/mol\"}}",
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{" LOINC
	 ",\"code\":\"4548-4\"}]},\"valueQuantity\":{\"extension\":[{\"url\":\"" NORMAL_TRANSLATION
	 "\",\"valueQuantity\":{\"value\":53," UCUM ",\"code\":\"mmol/mol\"}}],\"value\":6.999,\"unit\":\"%\"," UCUM
	 ",\"code\":\"%\"}}"},
	{"equivalents are moles for sodium", NORMAL_GENERIC, NORMAL_UNIT_CONVERTED,
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{" LOINC
	 ",\"code\":\"2951-2\"}]},\"valueQuantity\":{\"value\":140," UCUM ",\"code\":\"meq/L\"}}",
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{" LOINC
	 ",\"code\":\"2951-2\"}]},\"valueQuantity\":{\"extension\":[{\"url\":\"" NORMAL_TRANSLATION
	 "\",\"valueQuantity\":{\"value\":140," UCUM ",\"code\":\"meq/L\"}}],\"value\":140,\"unit\":\"mmol/L\"," UCUM
	 ",\"code\":\"mmol/L\"}}"},
	{"and not for calcium", NORMAL_GENERIC, NORMAL_RULES,
	 "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{" LOINC
	 ",\"code\":\"17861-6\"}]},\"valueQuantity\":{\"value\":5," UCUM ",\"code\":\"meq/L\"}}",
	 NULL},
	{"the record number of any Epic site", NORMAL_EPIC, NORMAL_CODE_ADDED,
	 "{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":" EPIC(
		 "2.878082") ",\"value\":\"738\"},{\"type\":{\"text\":\"EPI\"},\"system\":" EPIC("5.737384.14") ",\"val"
														"ue\":"
														"\" 7 "
														"\"}]}",
	 "{\"resourceType\":\"Patient\",\"identifier\":[{\"type\":{\"coding\":[" ADDED "\"system\":\"" NORMAL_V2_ID
	 "\",\"code\":\"MR\"}],\"text\":\"EPI\"},\"system\":" EPIC("5.737384.14") ",\"value\":\"7\"},{\"system\":" EPIC(
		 "2.878082") ",\"value\":\"738\"}]}"},
	{"the name in use before former ones", NORMAL_CERNER, NORMAL_NAME_ORDER,
	 "{\"resourceType\":\"Patient\",\"name\":[{\"use\":\"old\",\"family\":\"A\"},{\"use\":\"official\",\"family\":"
	 "\"B\",\"period\":{\"end\":\"2020-01-01\"}},{\"use\":\"official\",\"family\":\"C\"}]}",
	 "{\"resourceType\":\"Patient\",\"name\":[{\"use\":\"official\",\"family\":\"C\"},{\"use\":\"official\","
	 "\"family\":\"B\",\"period\":{\"end\":\"2020-01-01\"}},{\"use\":\"old\",\"family\":\"A\"}]}"},
	{"times in one form, the offset kept", NORMAL_CERNER, NORMAL_DATE_FORM,
	 "{\"resourceType\":\"Encounter\",\"period\":{\"start\":\"2020-01-02T03:04:05.000Z\",\"end\":\"2020-01-02T03:"
	 "04-"
	 "0600\"}}",
	 "{\"resourceType\":\"Encounter\",\"period\":{\"start\":\"2020-01-02T03:04:05Z\",\"end\":\"2020-01-02T03:04:00-"
	 "06:00\"}}"},
	{"zero is Z, and a fraction that says something stays", NORMAL_GENERIC, NORMAL_DATE_FORM,
	 "{\"resourceType\":\"Encounter\",\"period\":{\"start\":\"2020-01-02 "
	 "03:04:05.120+00:00\",\"end\":\"2020-01\"}}",
	 "{\"resourceType\":\"Encounter\",\"period\":{\"start\":\"2020-01-02T03:04:05.120Z\",\"end\":\"2020-01\"}}"},
	{"a time without a zone is not guessed at", NORMAL_GENERIC, NORMAL_DATE_ZONELESS,
	 "{\"resourceType\":\"Encounter\",\"period\":{\"start\":\"2020-01-02T03:04:05\"}}", NULL},
	{"Cerner's word for an unknown onset", NORMAL_CERNER, NORMAL_DATE_UNKNOWN,
	 "{\"resourceType\":\"AllergyIntolerance\",\"onsetDateTime\":\"1900-01-01T00:00:00Z\"}",
	 "{\"resourceType\":\"AllergyIntolerance\",\"_onsetDateTime\":{\"extension\":[{\"url\":\"" NORMAL_ABSENT
	 "\",\"valueCode\":\"unknown\"}]}}"},
	{"elsewhere it is a date", NORMAL_EPIC, NORMAL_RULES,
	 "{\"resourceType\":\"AllergyIntolerance\",\"onsetDateTime\":\"1900-01-01T00:00:00Z\"}", NULL},
	{"white space, but not in narrative or markdown", NORMAL_GENERIC, NORMAL_TRIMMED,
	 "{\"resourceType\":\"AllergyIntolerance\",\"code\":{\"text\":\"Peanut \"},\"note\":[{\"text\":\" as it is "
	 "\"}]}",
	 "{\"resourceType\":\"AllergyIntolerance\",\"code\":{\"text\":\"Peanut\"},\"note\":[{\"text\":\" as it is "
	 "\"}]}"},
	{"a list where R4 has one", NORMAL_GENERIC, NORMAL_LIST,
	 "{\"resourceType\":\"MedicationRequest\",\"category\":{\"text\":\"x\"},\"status\":[\"active\"]}",
	 "{\"resourceType\":\"MedicationRequest\",\"category\":[{\"text\":\"x\"}],\"status\":\"active\"}"},
	{"references below the base", NORMAL_GENERIC, NORMAL_REFERENCE,
	 "{\"resourceType\":\"Encounter\",\"subject\":{\"reference\":\"" BASE
	 "/Patient/1\"},\"partOf\":{\"reference\":\"" BASE "2/Encounter/1\"}}",
	 "{\"resourceType\":\"Encounter\",\"subject\":{\"reference\":\"Patient/1\"},\"partOf\":{\"reference\":\"" BASE
	 "2/Encounter/1\"}}"},
	{"documents below the base", NORMAL_CERNER, NORMAL_ATTACHMENT,
	 "{\"resourceType\":\"DocumentReference\",\"content\":[{\"attachment\":{\"url\":\"" BASE "/Binary/XR-1\"}}]}",
	 "{\"resourceType\":\"DocumentReference\",\"content\":[{\"attachment\":{\"url\":\"Binary/XR-1\"}}]}"},
	{"a reference that is only words is told", NORMAL_EPIC, NORMAL_REFERENCE_OPEN,
	 "{\"resourceType\":\"Immunization\",\"manufacturer\":{\"display\":\"Acme\"}}", NULL},
	{"an element that R4 does not know is told and stays", NORMAL_GENERIC, NORMAL_NOT_KNOWN,
	 "{\"resourceType\":\"Patient\",\"animal\":{\"species\":{\"text\":\" cat \"}}}", NULL},
};

static void each_rule_does_what_it_says(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *e = &examples[i];
		const struct normal_options options = {.vendor = e->vendor, .base_url = S(BASE)};
		struct normal_report report = {.arena = &w->arena};
		enum normal_fate fate;
		struct str after = run(w, parse(w, e->before), &options, &report, &fate);
		if (!str_is(after, e->after ? e->after : e->before))
			fail_msg("%s: %.*s", e->name, STR_ARG(after));
		if (e->rule < NORMAL_RULES && !report.counts[e->rule])
			fail_msg("%s: the rule %s was not told", e->name, normal_rule_name(e->rule));
		for (size_t c = 0; c < report.count; c++)
			if (!report.changes[c].path.n)
				fail_msg("%s: a change without a path", e->name);
		struct str again = run(w, parse(w, after.p), &options, NULL, &fate);
		if (!str_eq(after, again))
			fail_msg("%s: again %.*s", e->name, STR_ARG(again));
	}
}

static void what_was_entered_in_error_is_left_out(void **state)
{
	static const char condition[] = "{\"resourceType\":\"Condition\",\"verificationStatus\":{\"coding\":[{"
					"\"code\":\"entered-in-error\"}]}}";
	static const char *const texts[] = {"{\"resourceType\":\"Observation\",\"status\":\"entered-in-error \"}",
					    condition, "{\"resourceType\":\"OperationOutcome\",\"issue\":[]}"};
	struct world *w = *state;
	for (size_t i = 0; i < 3; i++) {
		struct normal_report report = {.arena = &w->arena};
		enum normal_fate fate;
		struct str out = run(w, parse(w, texts[i]), &(struct normal_options){0}, &report, &fate);
		assert_int_equal(fate, NORMAL_DROPPED);
		assert_int_equal(out.n, 0);
		assert_int_equal(report.count, 1);
		assert_true(str_is(report.changes[0].before, texts[i]));
	}
}

static void add(struct world *w, struct normal_book *book, const char *text, struct str url)
{
	struct error err = {0};
	assert_true(normal_book_add(book, definitions_builtin(), parse(w, text), url, &err));
}

static void the_book_resolves_entries_identifiers_and_merges(void **state)
{
	struct world *w = *state;
	struct normal_book book;
	enum normal_fate fate;
	normal_book_init(&book);
	add(w, &book,
	    "{\"resourceType\":\"Patient\",\"id\":\"a\",\"link\":[{\"type\":\"replaced-by\",\"other\":{\"reference\":"
	    "\"Patient/b\"}}]}",
	    S("urn:uuid:1"));
	add(w, &book,
	    "{\"resourceType\":\"Patient\",\"id\":\"b\",\"link\":[{\"type\":\"replaced-by\",\"other\":{\"reference\":"
	    "\"Patient/c\"}}]}",
	    STR_NULL);
	add(w, &book,
	    "{\"resourceType\":\"Encounter\",\"id\":\"e\",\"identifier\":[{\"system\":\"s\",\"value\":\"9\"}]}",
	    STR_NULL);
	add(w, &book,
	    "{\"resourceType\":\"Organization\",\"id\":\"o\",\"identifier\":[{\"system\":\"t\",\"value\":\"1\"}]}",
	    STR_NULL);
	add(w, &book,
	    "{\"resourceType\":\"Location\",\"id\":\"l\",\"identifier\":[{\"system\":\"t\",\"value\":\"1\"}]}",
	    STR_NULL);
	const struct normal_options options = {.book = &book};
	struct str out = run(
		w,
		parse(w,
		      "{\"resourceType\":\"Observation\",\"subject\":{\"reference\":\"urn:uuid:1\"},"
		      "\"encounter\":{\"identifier\":{\"system\":\"s\",\"value\":\" 9\"}},"
		      "\"performer\":[{\"identifier\":{\"system\":\"t\",\"value\":\"1\"}},{\"type\":\"Organization\","
		      "\"identifier\":{\"system\":\"t\",\"value\":\"1\"}}]}"),
		&options, NULL, &fate);
	assert_string_equal(
		out.p,
		"{\"resourceType\":\"Observation\",\"subject\":{\"reference\":\"Patient/c\"},"
		"\"encounter\":{\"reference\":\"Encounter/e\",\"identifier\":{\"system\":\"s\",\"value\":\"9\"}},"
		"\"performer\":[{\"identifier\":{\"system\":\"t\",\"value\":\"1\"}},{\"reference\":"
		"\"Organization/o\",\"type\":\"Organization\",\"identifier\":{\"system\":\"t\",\"value\":\"1\"}}]}");
	/* The link between the records still names the one that it names. */
	const char *stub = "{\"resourceType\":\"Patient\",\"id\":\"c\",\"link\":[{\"other\":{\"reference\":\"Patient/"
			   "a\"},\"type\":\"replaces\"}]}";
	assert_string_equal(run(w, parse(w, stub), &options, NULL, &fate).p, stub);
	add(w, &book,
	    "{\"resourceType\":\"Patient\",\"id\":\"c\",\"link\":[{\"type\":\"replaced-by\",\"other\":{\"reference\":"
	    "\"Patient/a\"}}]}",
	    STR_NULL);
	assert_null(normal_book_survivor(&book, S("Patient/a")).p); /* a circle */
	normal_book_done(&book);
}

static void the_source_is_kept(void **state)
{
	struct world *w = *state;
	enum normal_fate fate;
	const struct normal_options options = {.source = S(BASE "/Patient/1")};
	assert_string_equal(
		run(w, parse(w, "{\"resourceType\":\"Patient\",\"id\":\"1\",\"active\":true}"), &options, NULL, &fate)
			.p,
		"{\"resourceType\":\"Patient\",\"id\":\"1\",\"meta\":{\"source\":\"" BASE
		"/Patient/1\"},\"active\":true}");
	assert_string_equal(
		run(w, parse(w, "{\"resourceType\":\"Patient\",\"meta\":{\"versionId\":\"2\"}}"), &options, NULL, &fate)
			.p,
		"{\"resourceType\":\"Patient\",\"meta\":{\"versionId\":\"2\",\"source\":\"" BASE "/Patient/1\"}}");
	const char *own = "{\"resourceType\":\"Patient\",\"meta\":{\"source\":\"x\"}}";
	assert_string_equal(run(w, parse(w, own), &options, NULL, &fate).p, own);
}

static void check_digits(void **state)
{
	(void)state;
	static const char *const loinc[] = {"8867-4", "85354-9", "2160-0", "718-7", "LP29708-2", "LA29518-0"};
	static const char *const snomed[] = {"38341003", "44054006", "591000119102", "260548002"};
	for (size_t i = 0; i < sizeof(loinc) / sizeof(loinc[0]); i++)
		assert_true(check_digit_loinc(str_from(loinc[i])));
	for (size_t i = 0; i < sizeof(snomed) / sizeof(snomed[0]); i++)
		assert_true(check_digit_snomed(str_from(snomed[i])));
	assert_false(check_digit_loinc(S("8867-5")));
	assert_false(check_digit_loinc(S("8867")));
	assert_false(check_digit_loinc(S("-4")));
	assert_false(check_digit_snomed(S("38341004")));
	assert_false(check_digit_snomed(S("Hives")));
	assert_false(check_digit_snomed(S("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_does_what_it_says),
		cmocka_unit_test(what_was_entered_in_error_is_left_out),
		cmocka_unit_test(the_book_resolves_entries_identifiers_and_merges),
		cmocka_unit_test(the_source_is_kept),
		cmocka_unit_test(check_digits),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
