/* Index rows of real shapes: one table of resource, parameter and the rows expected, for every data type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "search/search.h"

/* Rows as text, each in brackets:
 * string [folded/as written], token [system|code], uri [url], reference [Type/id] or [url], date [low,high] as
 * instants, number [value] or [low..high], quantity [value system|code unit]. */
struct example {
	const char *resource, *param, *rows;
};

#define OBS(members)  "{\"resourceType\":\"Observation\",\"status\":\"final\"," members "}"
#define PAT(members)  "{\"resourceType\":\"Patient\"," members "}"
#define COND(members) "{\"resourceType\":\"Condition\"," members "}"
#define NO_ROWS	      ""

static const struct example examples[] = {
	/* string */
	{PAT("\"name\":[{\"text\":\"Dr. Zo\\u00eb O'Neil\",\"family\":\"O'Neil\",\"given\":[\"Zo\\u00eb\"],"
	     "\"prefix\":[\"Dr.\"],\"period\":{\"start\":\"2000\"}}]"),
	 "name", "[dr zoe o neil/Dr. Zo\xC3\xAB O'Neil][o neil/O'Neil][zoe/Zo\xC3\xAB][dr/Dr.]"},
	{PAT("\"name\":[{\"family\":\"Green\",\"given\":[\"A\",\"B\"]}]"), "given", "[a/A][b/B]"},
	{PAT("\"name\":[{\"family\":\"Green\"},{\"family\":\"Green\"}]"), "family", "[green/Green]"},
	{PAT("\"name\":[{\"family\":\"...\"}]"), "family", "[present:-|]"},
	{PAT("\"address\":[{\"line\":[\"1 Main St.\"],\"city\":\"Bonn\",\"postalCode\":\"53113\",\"use\":\"home\"}]"),
	 "address", "[1 main st/1 Main St.][bonn/Bonn][53113/53113]"},
	{PAT("\"address\":[{\"line\":[\"x\"],\"city\":\"Bonn\"}]"), "address-city", "[bonn/Bonn]"},
	{OBS("\"valueCodeableConcept\":{\"text\":\"Very High\"}"), "value-string", "[very high/Very High]"},
	{OBS("\"valueString\":\"Low\""), "value-string", "[low/Low]"},
	{COND("\"onsetString\":\"as a child\""), "onset-info", "[as a child/as a child]"},
	/* token */
	{PAT("\"gender\":\"female\""), "gender", "[http://hl7.org/fhir/administrative-gender|female]"},
	{"{\"resourceType\":\"MedicationRequest\",\"status\":\"active\"}", "status",
	 "[http://hl7.org/fhir/CodeSystem/medicationrequest-status|active]"},
	{PAT("\"active\":true"), "active", "[-|true]"},
	{PAT("\"deceasedDateTime\":\"2020-01-01\""), "deceased", "[-|true]"},
	{PAT("\"deceasedBoolean\":false"), "deceased", "[-|false]"},
	{PAT("\"active\":false"), "deceased", "[-|false]"},
	{PAT("\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"77\"},{\"value\":\"x\"},{\"system\":\"urn:none\"}]"),
	 "identifier", "[urn:mrn|77][-|x]"},
	{PAT("\"telecom\":[{\"system\":\"phone\",\"value\":\"555\"},{\"system\":\"email\",\"value\":\"a@b.c\"}]"),
	 "phone", "[-|555]"},
	{PAT("\"telecom\":[{\"system\":\"phone\",\"value\":\"555\"},{\"system\":\"email\",\"value\":\"a@b.c\"}]"),
	 "telecom", "[-|555][-|a@b.c]"},
	{OBS("\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"8302-2\"},{\"code\":\"h\"},"
	     "{\"display\":\"no code\"}],\"text\":\"Height\"}"),
	 "code", "[http://loinc.org|8302-2][-|h]"},
	{OBS("\"component\":[{\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"c\"}]}}],"
	     "\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"d\"}]}"),
	 "combo-code", "[1:s|c][s|d]"},
	{PAT("\"meta\":{\"tag\":[{\"system\":\"t\",\"code\":\"1\"}],\"security\":[{\"code\":\"R\"}]}"), "_tag",
	 "[t|1]"},
	{PAT("\"meta\":{\"security\":[{\"code\":\"R\"}]}"), "_security", "[-|R]"},
	{"{\"resourceType\":\"Encounter\",\"class\":{\"system\":\"http://x\",\"code\":\"AMB\"}}", "class",
	 "[http://x|AMB]"},
	/* uri */
	{PAT("\"meta\":{\"profile\":[\"http://x/p|1.0\"],\"source\":\"urn:s\"}"), "_profile",
	 "[http://x/p|1.0][http://x/p]"},
	{PAT("\"meta\":{\"source\":\"urn:s\"}"), "_source", "[urn:s]"},
	{"{\"resourceType\":\"ValueSet\",\"url\":\"http://x/vs\"}", "url", "[http://x/vs]"},
	/* reference */
	{OBS("\"subject\":{\"reference\":\"Patient/1\"}"), "patient", "[Patient/1]"},
	{OBS("\"subject\":{\"reference\":\"Patient/1\"}"), "subject", "[Patient/1]"},
	{OBS("\"subject\":{\"reference\":\"Group/1\"}"), "patient", NO_ROWS},
	{OBS("\"subject\":{\"reference\":\"Patient/1/_history/4\"}"), "subject", "[Patient/1]"},
	{OBS("\"subject\":{\"reference\":\"http://me/fhir/Patient/1\"}"), "subject", "[Patient/1]"},
	{OBS("\"subject\":{\"reference\":\"http://far/fhir/Patient/1\"}"), "subject", "[http://far/fhir/Patient/1]"},
	{OBS("\"subject\":{\"reference\":\"http://far/fhir/Patient/1\"}"), "patient", "[http://far/fhir/Patient/1]"},
	{OBS("\"subject\":{\"reference\":\"urn:uuid:11111111-1111-4111-8111-111111111111\"}"), "subject",
	 "[urn:uuid:11111111-1111-4111-8111-111111111111]"},
	{OBS("\"contained\":[{\"resourceType\":\"Patient\",\"id\":\"c\"}],\"subject\":{\"reference\":\"#c\"}"),
	 "subject", "[present:-|]"},
	{OBS("\"code\":{\"text\":\"Height\"}"), "code", "[present:-|]"},
	{OBS("\"category\":[{\"text\":\"a\"},{\"coding\":[{\"code\":\"b\"}]},{\"text\":\"c\"}]"), "category", "[-|b]"},
	{OBS("\"subject\":{\"identifier\":{\"value\":\"1\"},\"display\":\"x\"}"), "subject",
	 "[identifier:-|1][present:-|]"},
	{OBS("\"component\":[{\"code\":{\"coding\":[{\"code\":\"a\"}]},\"valueQuantity\":{\"value\":1}},{\"code\":{"
	     "\"coding\":[{\"code\":\"a\"},{\"code\":\"b\"}]}}]"),
	 "component-code", "[1:-|a][2:-|a][2:-|b]"},
	{OBS("\"component\":[{\"code\":{\"coding\":[{\"code\":\"a\"}]},\"valueQuantity\":{\"value\":1}}],\"code\":{"
	     "\"coding\":[{\"code\":\"top\"}]}"),
	 "combo-code", "[1:-|a][-|top]"},
	{OBS("\"valueQuantity\":{\"value\":5.4,\"system\":\"http://unitsofmeasure.org\",\"code\":\"mg\"}"),
	 "value-quantity", "[5.4 http://unitsofmeasure.org|mg - =0.0054 g]"},
	{OBS("\"valueQuantity\":{\"value\":37,\"comparator\":\">\",\"system\":\"http://"
	     "unitsofmeasure.org\",\"code\":\"Cel\"}"),
	 "value-quantity", "[37..inf http://unitsofmeasure.org|Cel - =310.15..inf K]"},
	{OBS("\"valueQuantity\":{\"value\":7,\"system\":\"http://unitsofmeasure.org\",\"code\":\"[pH]\"}"),
	 "value-quantity", "[7 http://unitsofmeasure.org|[pH] -]"},
	{"{\"resourceType\":\"Patient\",\"identifier\":[{\"type\":{\"coding\":[{\"system\":\"http://"
	 "t\",\"code\":\"MR\"}]},"
	 "\"value\":\"77\"}]}",
	 "identifier", "[-|77][of-type:http://t|MR=77]"},
	{"{\"resourceType\":\"Location\",\"position\":{\"latitude\":52.5,\"longitude\":-13.25}}", "near",
	 "[52.5,-13.25]"},
	{"{\"resourceType\":\"Location\",\"position\":{\"latitude\":52.5}}", "near", "[present:-|]"},
	{"{\"resourceType\":\"QuestionnaireResponse\",\"questionnaire\":\"http://x/q|2\"}", "questionnaire",
	 "[http://x/q|2][http://x/q]"},
	{"{\"resourceType\":\"QuestionnaireResponse\",\"questionnaire\":\"http://me/fhir/Questionnaire/q|2\"}",
	 "questionnaire", "[http://me/fhir/Questionnaire/q|2][http://me/fhir/Questionnaire/q][Questionnaire/q]"},
	{"{\"resourceType\":\"Bundle\",\"type\":\"document\",\"entry\":[{\"resource\":{\"resourceType\":"
	 "\"Composition\","
	 "\"id\":\"c1\"}},{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"p1\"}}]}",
	 "composition", "[Composition/c1]"},
	{"{\"resourceType\":\"PlanDefinition\",\"relatedArtifact\":[{\"type\":\"depends-on\",\"resource\":\"http://x/"
	 "1\"},"
	 "{\"type\":\"citation\",\"resource\":\"http://x/2\"}],\"library\":[\"http://x/3\"]}",
	 "depends-on", "[http://x/1][http://x/3]"},
	{"{\"resourceType\":\"List\",\"entry\":[{\"item\":{\"reference\":\"Patient/"
	 "1\"},\"deleted\":true},{\"item\":{\"reference\":"
	 "\"Patient/2\"},\"deleted\":true},{\"item\":{\"reference\":\"Patient/2\"}}]}",
	 "item", "[Patient/1][Patient/2][removed:Patient/1]"},
	/* date */
	{PAT("\"birthDate\":\"1970-03\""), "birthdate", "[1970-03-01T00:00:00.000Z,1970-03-31T23:59:59.999Z]"},
	{OBS("\"effectiveDateTime\":\"2020-02-29T23:30:00-05:00\""), "date",
	 "[2020-03-01T04:30:00.000Z,2020-03-01T04:30:00.999Z]"},
	{OBS("\"effectiveInstant\":\"2020-02-29T23:30:00.250Z\""), "date",
	 "[2020-02-29T23:30:00.250Z,2020-02-29T23:30:00.250Z]"},
	{OBS("\"effectivePeriod\":{\"start\":\"2020\",\"end\":\"2021\"}"), "date",
	 "[2020-01-01T00:00:00.000Z,2021-12-31T23:59:59.999Z]"},
	{"{\"resourceType\":\"Immunization\",\"occurrenceString\":\"1946-08-29\"}", "date", "[present:-|]"},
	{OBS("\"effectivePeriod\":{\"start\":\"2020\"}"), "date", "[2020-01-01T00:00:00.000Z,open]"},
	{OBS("\"effectivePeriod\":{\"end\":\"2020\"}"), "date", "[open,2020-12-31T23:59:59.999Z]"},
	{OBS("\"effectivePeriod\":{}"), "date", NO_ROWS},
	{OBS("\"effectiveDateTime\":\"yesterday\""), "date", "[present:-|]"},
	{OBS("\"effectiveTiming\":{\"event\":[\"2020-05-02\",\"2020-01-01\"],\"repeat\":{\"boundsPeriod\":"
	     "{\"start\":\"2020-02-01\",\"end\":\"2020-06-30\"}}}"),
	 "date", "[2020-01-01T00:00:00.000Z,2020-06-30T23:59:59.999Z]"},
	{COND("\"onsetDateTime\":\"2020\""), "onset-date", "[2020-01-01T00:00:00.000Z,2020-12-31T23:59:59.999Z]"},
	/* quantity */
	{OBS("\"valueQuantity\":{\"value\":5.40,\"unit\":\"mg\",\"system\":\"http://u\",\"code\":\"mg\"}"),
	 "value-quantity", "[5.4 http://u|mg -]"},
	{OBS("\"valueQuantity\":{\"value\":1,\"unit\":\"beats\",\"system\":\"http://u\",\"code\":\"/min\"}"),
	 "value-quantity", "[1 http://u|/min beats]"},
	{OBS("\"valueQuantity\":{\"value\":1e2,\"unit\":\"x\"}"), "value-quantity", "[100 -|- x]"},
	{OBS("\"valueQuantity\":{\"value\":3,\"comparator\":\"<\"}"), "value-quantity", "[-inf..3 -|- -]"},
	{OBS("\"valueQuantity\":{\"value\":3,\"comparator\":\">=\"}"), "value-quantity", "[3..inf -|- -]"},
	{OBS("\"valueQuantity\":{\"unit\":\"mg\"}"), "value-quantity", "[present:-|]"},
	{OBS("\"valueSampledData\":{\"period\":1}"), "value-quantity", NO_ROWS},
	{OBS("\"component\":[{\"valueQuantity\":{\"value\":80}},{\"valueQuantity\":{\"value\":120}}]"),
	 "component-value-quantity", "[1:80 -|- -][2:120 -|- -]"},
	{COND("\"onsetAge\":{\"value\":40,\"system\":\"http://u\",\"code\":\"a\"}"), "onset-age", "[40 http://u|a -]"},
	{COND("\"onsetRange\":{\"low\":{\"value\":40,\"unit\":\"y\"},\"high\":{\"value\":50}}"), "onset-age",
	 "[40..50 -|- y]"},
	{COND("\"onsetRange\":{\"high\":{\"value\":50,\"unit\":\"y\"}}"), "onset-age", "[-inf..50 -|- y]"},
	{"{\"resourceType\":\"Invoice\",\"totalNet\":{\"value\":9.99,\"currency\":\"EUR\"}}", "totalnet",
	 "[9.99 urn:iso:std:iso:4217|EUR -]"},
	/* number */
	{"{\"resourceType\":\"RiskAssessment\",\"prediction\":[{\"probabilityDecimal\":0.02},{\"probabilityDecimal\":1}"
	 "]}",
	 "probability", "[0.02][1]"},
};

static void put(struct buf *out, struct str s)
{
	buf_add(out, s.p ? s : S("-"));
}

static void put_instant(struct buf *out, int64_t ms)
{
	char text[CLOCK_INSTANT_SIZE];
	if (ms == INT64_MIN || ms == INT64_MAX) {
		buf_add(out, S("open"));
		return;
	}
	clock_format_instant(ms, text);
	buf_add(out, str_make(text, sizeof(text)));
}

static void put_number(struct buf *out, const struct index_row *row)
{
	if (row->number_low == row->number_high)
		buf_printf(out, "%g", row->number);
	else
		buf_printf(out, "%g..%g", row->number_low, row->number_high);
}

static void put_coded(struct buf *out, const struct index_row *row)
{
	put(out, row->system);
	buf_char(out, '|');
	put(out, row->code);
}

static void describe(struct buf *out, const struct index_row *row)
{
	buf_char(out, '[');
	if (row->element)
		buf_printf(out, "%u:", row->element);
	if (row->variant == ROW_REMOVED) {
		buf_printf(out, "removed:%.*s/%.*s]", STR_ARG(row->ref_type), STR_ARG(row->ref_id));
		return;
	}
	if (row->variant != ROW_PLAIN) {
		buf_add(out, row->variant == ROW_OF_TYPE   ? S("of-type:")
			     : row->variant == ROW_PRESENT ? S("present:")
							   : S("identifier:"));
		put_coded(out, row);
		if (row->text.p)
			buf_printf(out, "=%.*s", STR_ARG(row->text));
		buf_char(out, ']');
		return;
	}
	switch (row->param->type) {
	case PARAM_STRING:
		put(out, row->code);
		buf_char(out, '/');
		put(out, row->text);
		break;
	case PARAM_TOKEN:
		put_coded(out, row);
		break;
	case PARAM_REFERENCE:
		if (row->ref_id.p)
			buf_printf(out, "%.*s/%.*s", STR_ARG(row->ref_type), STR_ARG(row->ref_id));
		else
			put(out, row->code);
		break;
	case PARAM_DATE:
		put_instant(out, row->low);
		buf_char(out, ',');
		put_instant(out, row->high);
		break;
	case PARAM_NUMBER:
		put_number(out, row);
		break;
	case PARAM_QUANTITY:
		put_number(out, row);
		buf_char(out, ' ');
		put_coded(out, row);
		buf_char(out, ' ');
		put(out, row->unit);
		if (row->canonical.p && row->canonical_low == row->canonical_high)
			buf_printf(out, " =%g %.*s", row->canonical_number, STR_ARG(row->canonical));
		else if (row->canonical.p)
			buf_printf(out, " =%g..%g %.*s", row->canonical_low, row->canonical_high,
				   STR_ARG(row->canonical));
		break;
	case PARAM_SPECIAL:
		buf_printf(out, "%g,%g", row->number_low, row->number_high);
		break;
	default:
		put(out, row->code);
		break;
	}
	buf_char(out, ']');
}

static void check(const struct extractor *x, const struct example *example)
{
	struct arena a;
	struct buf got;
	struct error err = {0};
	struct index_rows rows = {0};
	arena_init(&a, 1 << 20);
	buf_init(&got, 65536);
	const struct json *resource = json_parse(&a, str_from(example->resource), 0, &err);
	if (!resource || !extract(x, &a, resource, S("http://me/fhir/"), &rows, &err))
		fail_msg("%s: %s", example->resource, err.text);
	for (size_t i = 0; i < rows.count; i++)
		if (example->param && str_is(rows.rows[i].param->code, example->param))
			describe(&got, &rows.rows[i]);
	if (!str_eq(buf_str(&got), str_from(example->rows)))
		fail_msg("%s of %s\n  wanted %s\n  got    %.*s", example->param, example->resource, example->rows,
			 STR_ARG(buf_str(&got)));
	buf_done(&got);
	arena_done(&a);
}

static void every_data_type_gives_its_rows(void **state)
{
	(void)state;
	struct error err = {0};
	struct extractor *x = extractor_new(definitions_builtin(), &err);
	assert_non_null(x);
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		check(x, &examples[i]);
	extractor_free(x);
}

static void id_and_last_updated_are_no_rows(void **state)
{
	(void)state;
	struct arena a;
	struct error err = {0};
	struct index_rows rows = {0};
	arena_init(&a, 1 << 20);
	struct extractor *x = extractor_new(definitions_builtin(), &err);
	const struct json *resource = json_parse(
		&a, S("{\"resourceType\":\"Basic\",\"id\":\"x\",\"meta\":{\"lastUpdated\":\"2020-01-01T00:00:00Z\"}}"),
		0, &err);
	assert_true(extract(x, &a, resource, STR_NULL, &rows, &err));
	assert_int_equal(rows.count, 0);
	extractor_free(x);
	arena_done(&a);
}

/* Hundreds of codings: the list and its hash grow, and equal rows still appear once. */
static void many_rows_stay_distinct(void **state)
{
	(void)state;
	struct arena a;
	struct buf text;
	struct error err = {0};
	struct index_rows rows = {0};
	arena_init(&a, 16 << 20);
	buf_init(&text, 1 << 20);
	struct extractor *x = extractor_new(definitions_builtin(), &err);
	buf_add(&text, S("{\"resourceType\":\"Basic\",\"code\":{\"coding\":["));
	for (unsigned i = 0; i < 2000; i++)
		buf_printf(&text, "%s{\"system\":\"s\",\"code\":\"c%u\"}", i ? "," : "", i % 700);
	buf_add(&text, S("]}}"));
	const struct json *resource = json_parse(&a, buf_str(&text), 0, &err);
	assert_true(extract(x, &a, resource, STR_NULL, &rows, &err));
	assert_int_equal(rows.count, 700);
	extractor_free(x);
	buf_done(&text);
	arena_done(&a);
}

static void odd_shapes_do_no_harm(void **state)
{
	(void)state;
	static const char *const odd[] = {
		"{\"resourceType\":\"Patient\",\"name\":\"x\",\"active\":\"yes\",\"birthDate\":5,\"telecom\":{}}",
		"{\"resourceType\":\"Patient\",\"name\":[null,[],{\"given\":{\"x\":1},\"family\":[null]}],\"\":1}",
		"{\"resourceType\":\"Observation\",\"subject\":\"Patient/1\",\"valueQuantity\":[{\"value\":\"x\"}]}",
		"{\"resourceType\":\"Observation\",\"subject\":{\"reference\":\"\"},\"effectivePeriod\":[1]}",
		"{\"resourceType\":\"Bundle\",\"entry\":[null]}",
	};
	struct error err = {0};
	struct extractor *x = extractor_new(definitions_builtin(), &err);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct arena a;
		struct index_rows rows = {0};
		arena_init(&a, 1 << 20);
		const struct json *resource = json_parse(&a, str_from(odd[i]), 0, &err);
		assert_non_null(resource);
		assert_true(extract(x, &a, resource, STR_NULL, &rows, &err));
		arena_done(&a);
	}
	extractor_free(x);
}

static void refuses_what_is_no_resource_and_no_memory(void **state)
{
	(void)state;
	struct error err = {0};
	struct extractor *x = extractor_new(definitions_builtin(), &err);
	struct arena a, small;
	struct index_rows rows = {0};
	arena_init(&a, 1 << 20);
	const struct json *none = json_parse(&a, S("{\"resourceType\":\"Nothing\"}"), 0, &err);
	assert_false(extract(x, &a, none, STR_NULL, &rows, &err));
	assert_int_not_equal(err.code, ERR_NONE);
	const struct json *resource = json_parse(&a, str_from(examples[0].resource), 0, &err);
	bool done = false;
	for (size_t cap = 0; cap < 65536 && !done; cap += 256) {
		err = (struct error){0};
		arena_init(&small, cap);
		done = extract(x, &small, resource, STR_NULL, &rows, &err);
		assert_true(done || err.code == ERR_MEMORY);
		arena_done(&small);
	}
	assert_true(done);
	arena_done(&a);
	extractor_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_data_type_gives_its_rows),
		cmocka_unit_test(id_and_last_updated_are_no_rows),
		cmocka_unit_test(many_rows_stay_distinct),
		cmocka_unit_test(odd_shapes_do_no_harm),
		cmocka_unit_test(refuses_what_is_no_resource_and_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
