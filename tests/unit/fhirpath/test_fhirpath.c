/* FHIRPath as the search parameters of R4 need it: expression, resource, expected items; and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fhirpath/fhirpath.h"

static const char patient[] =
	"{\"resourceType\":\"Patient\",\"id\":\"p\",\"active\":true,\"gender\":\"male\","
	"\"extension\":[{\"url\":\"http://x/a\",\"valueString\":\"one\"},{\"url\":\"http://x/b\",\"valueInteger\":5},"
	"{\"url\":\"http://x/a\",\"valueString\":\"two\"}],"
	"\"name\":[{\"use\":\"official\",\"family\":\"Green\",\"given\":[\"Ada\",\"B\"]},{\"use\":\"nickname\","
	"\"given\":[\"Ad\"]}],"
	"\"telecom\":[{\"system\":\"phone\",\"value\":\"1\"},{\"system\":\"email\",\"value\":\"a@b\"}],"
	"\"birthDate\":\"1970-03-30\",\"_birthDate\":{\"extension\":[{\"url\":\"http://x/"
	"t\",\"valueString\":\"noon\"}]},"
	"\"deceasedBoolean\":false,\"multipleBirthInteger\":2}";

static const char observation[] =
	"{\"resourceType\":\"Observation\",\"status\":\"final\",\"contained\":[{\"resourceType\":\"Group\",\"id\":"
	"\"g\"},"
	"{\"resourceType\":\"Patient\",\"id\":\"c\",\"active\":true}],"
	"\"subject\":{\"reference\":\"Patient/1\"},\"focus\":[{\"reference\":\"#g\"},{\"reference\":\"#c\"},"
	"{\"reference\":\"http://far.org/fhir/Device/9\"},{\"reference\":\"urn:uuid:0c1\",\"type\":\"Patient\"}],"
	"\"valueQuantity\":{\"value\":7.50,\"unit\":\"mg\"},"
	"\"component\":[{\"valueQuantity\":{\"value\":1}},{\"valueString\":\"x\"},{\"valueCodeableConcept\":{\"text\":"
	"\"t\"}}]}";

struct example {
	const char *resource, *expression, *wanted; /* wanted: items as JSON or text, joined by a space */
};

static const struct example examples[] = {
	/* paths */
	{patient, "Patient.name.given", "\"Ada\" \"B\" \"Ad\""},
	{patient, "name.family", "\"Green\""},
	{patient, "Observation.status", ""},
	{patient, "Resource.id", "\"p\""},
	{patient, "DomainResource.active", "true"},
	{patient, "Patient.nonsense", ""},
	{patient, "Patient.`name` . given [ 1 ] // a comment", "\"B\""},
	{patient, "Patient.name[1].given", "\"Ad\""},
	{patient, "Patient.name[9]", ""},
	{patient, "Patient.name.first().given.last()", "\"B\""},
	{patient, "Patient.birthDate.extension.value", "\"noon\""},
	{patient, "$this.birthDate", "\"1970-03-30\""},
	/* choices and types */
	{observation, "Observation.value.value", "7.50"},
	{observation, "(Observation.value as Quantity).unit", "\"mg\""},
	{observation, "Observation.value.as(Quantity).unit", "\"mg\""},
	{observation, "Observation.value as string", ""},
	{observation, "Observation.component.value.ofType(string)", "\"x\""},
	{observation, "(Observation.component.value as CodeableConcept).text", "\"t\""},
	{observation, "Observation.value is Quantity", "true"},
	{observation, "Observation.value.is(FHIR.Quantity)", "true"},
	{observation, "Observation.value is Element", "true"},
	{observation, "Observation.value is Period", "false"},
	{observation, "Observation.valueQuantity.unit", "\"mg\""},
	{patient, "Patient.multipleBirth is integer", "true"},
	{patient, "Patient.active is System.Boolean", "false"},
	{patient, "Patient.active is boolean", "true"},
	{patient, "true is System.Boolean", "true"},
	{patient, "Patient.gender.is(string)", "true"},
	{patient, "Patient.gender.as(string)", ""},
	{patient, "Patient.gender.as(code)", "\"male\""},
	{patient, "Patient is DomainResource", "true"},
	{patient, "Patient.telecom.system is string", NULL},
	{patient, "Patient.telecom[0].system is string", "true"},
	{patient, "Patient.name.coalesce(where(use = 'none'), given).first()", "\"Ada\""},
	{patient, "Patient.birthDate & '!'", "1970-03-30!"},
	{patient, "(Patient.birthDate | 'x').join(' ')", "1970-03-30 x"},
	/* conditions */
	{patient, "Patient.telecom.where(system='email').value", "\"a@b\""},
	{patient, "Patient.telecom.where(system = 'fax')", ""},
	{patient, "Patient.telecom.where(system='email' or system='phone').value", "\"1\" \"a@b\""},
	{patient, "Patient.telecom.exists(system='email')", "true"},
	{patient, "Patient.deceased.exists() and Patient.deceased != false", "false"},
	{"{\"resourceType\":\"Patient\",\"deceasedDateTime\":\"2020\"}",
	 "Patient.deceased.exists() and Patient.deceased != false", "true"},
	{"{\"resourceType\":\"Patient\"}", "Patient.deceased.exists() and Patient.deceased != false", "false"},
	{patient, "Patient.photo.empty()", "true"},
	{patient, "Patient.active.not()", "false"},
	{patient, "Patient.photo.not()", ""},
	{patient, "Patient.name.count() = 2", "true"},
	{patient, "Patient.multipleBirth = 2.0", "true"},
	{patient, "Patient.multipleBirth = -2", "false"},
	{patient, "Patient.name.given = 'Ada'", "false"},
	{patient, "Patient.photo = 'x'", ""},
	{patient, "true xor false", "true"},
	{patient, "{} and false", "false"},
	{patient, "{} and true", ""},
	{patient, "{} or true", "true"},
	{patient, "true or false and false", "true"},
	{patient, "'it\\'s' = 'it\\u0027s'", "true"},
	{observation, "Observation.value.value = 7.5", "true"},
	{observation, "Observation.value.value = 75", "false"},
	{observation, "100 = 100.00", "true"},
	{observation, "0.0 = -0", "true"},
	{observation, "10 = 1", "false"},
	{observation, "1.05 = 1.5", "false"},
	/* unions drop duplicates */
	{patient, "Patient.name.family | Patient.name.family | Patient.id", "\"Green\" \"p\""},
	{patient, "(Patient.active | Patient.deceased) | 'x'", "true false x"},
	/* extensions */
	{patient, "Patient.extension('http://x/a').value", "\"one\" \"two\""},
	{patient, "Patient.hasExtension('http://x/b')", "true"},
	{patient, "Patient.hasExtension('http://x/c')", "false"},
	{patient, "Patient.birthDate.hasExtension('http://x/t')", "true"},
	/* references */
	{observation, "Observation.subject.where(resolve() is Patient).reference", "\"Patient/1\""},
	{observation, "Observation.subject.where(resolve() is Group)", ""},
	{observation, "Observation.focus.where(resolve() is Patient).reference", "\"#c\" \"urn:uuid:0c1\""},
	{observation, "Observation.focus.where(resolve() is Device).reference", "\"http://far.org/fhir/Device/9\""},
	{observation, "Observation.focus.resolve().active", "true"},
};

static void describe(struct buf *out, const struct path_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct path_item *item = &items->items[i];
		struct json_writer w = json_writer(out);
		if (i)
			buf_char(out, ' ');
		if (item->value)
			json_put_value(&w, item->value);
		else
			path_item_print(out, item);
	}
}

static bool run(struct arena *a, const struct example *x, struct path_items *items, struct error *err)
{
	const struct definitions *d = definitions_builtin();
	const struct json *resource = json_parse(a, str_from(x->resource), 0, err);
	static const struct path_options search = {.as_filters = true};
	const struct path_program *program = path_compile(a, d, str_from(x->expression), &search, err);
	struct path_context context = {.resource = resource};
	struct path_item focus = path_item_resource(d, resource);
	return resource && program && path_eval(program, a, &context, &focus, items, err);
}

static void evaluates(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct arena a;
		struct buf got;
		struct error err = {0};
		struct path_items items = {0};
		arena_init(&a, 1 << 20);
		buf_init(&got, 4096);
		bool ok = run(&a, &examples[i], &items, &err);
		describe(&got, &items);
		if (ok != (examples[i].wanted != NULL) || (ok && !str_eq(buf_str(&got), str_from(examples[i].wanted))))
			fail_msg("%s\n  wanted %s\n  got    %.*s%s", examples[i].expression,
				 examples[i].wanted ? examples[i].wanted : "an error", STR_ARG(buf_str(&got)),
				 err.text);
		buf_done(&got);
		arena_done(&a);
	}
}

static void refuses(void **state)
{
	(void)state;
	static const struct {
		const char *expression;
		enum error_code code;
		const char *names;
		size_t column;
	} bad[] = {
		{"", ERR_VALUE, "ends too early", 1},
		{"Patient.", ERR_VALUE, "name is expected", 9},
		{"Patient.name)", ERR_VALUE, "not expected", 13},
		{"(Patient.name", ERR_VALUE, "\")\" is expected", 14},
		{"Patient.name = 'x", ERR_VALUE, "closing '", 16},
		{"Patient.name = '\\q'", ERR_VALUE, "escape", 17},
		{"Patient ; 1", ERR_VALUE, "no meaning", 9},
		{"Patent.name", ERR_VALUE, "\"Patent\"", 1},
		{"Patient.name as Quantum", ERR_VALUE, "\"Quantum\"", 17},
		{"Patient.name.where()", ERR_VALUE, "where() does not take 0", 14},
		{"Patient.name.frist()", ERR_VALUE, "frist()", 14},
		{"/* no end", ERR_VALUE, "comment", 1},
		{"5 + 'x", ERR_VALUE, "closing '", 5},
		{"@2020-13", ERR_VALUE, "no Date", 1},
		{"@T25", ERR_VALUE, "no Time", 1},
		{"'x'.matches('(')", ERR_VALUE, "regular expression", 13},
		{"$that", ERR_VALUE, "$this", 1},
		{"%", ERR_VALUE, "variable", 1},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, 1 << 20);
		static const struct path_options strict = {.strict = true};
		if (path_compile(&a, definitions_builtin(), str_from(bad[i].expression), &strict, &err))
			fail_msg("%s compiled", bad[i].expression);
		if (err.code != bad[i].code || !strstr(err.text, bad[i].names) || err.column != bad[i].column)
			fail_msg("%s: %s, column %zu: %s", bad[i].expression, error_name(err.code), err.column,
				 err.text);
		arena_done(&a);
	}
}

static void bounds_nesting_and_length(void **state)
{
	(void)state;
	static const char *const parts[] = {"(", "name.where(", "a[", "a.", "true or ", "-", "'"};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct arena a;
		struct buf text;
		struct error err = {0};
		arena_init(&a, 64 << 20);
		buf_init(&text, 1 << 20);
		for (size_t n = 0; n < 2000; n++)
			buf_add(&text, str_from(parts[i]));
		assert_null(path_compile(&a, definitions_builtin(), str_slice(buf_str(&text), 0, 8000), NULL, &err));
		assert_int_not_equal(err.code, ERR_NONE);
		err = (struct error){0};
		while (text.n <= PATH_MAX_EXPRESSION)
			buf_char(&text, ' ');
		assert_null(path_compile(&a, definitions_builtin(), buf_str(&text), NULL, &err));
		assert_int_equal(err.code, ERR_LIMIT);
		buf_done(&text);
		arena_done(&a);
	}
}

static void fails_cleanly_without_memory(void **state)
{
	(void)state;
	const struct example x = {patient, "Patient.telecom.where(system='email' or system='phone').value | name.given",
				  ""};
	bool done = false;
	for (size_t cap = 0; cap < 256 * 1024 && !done; cap += 512) {
		struct arena a;
		struct error err = {0};
		struct path_items items = {0};
		arena_init(&a, cap);
		done = run(&a, &x, &items, &err);
		assert_true(done || err.code == ERR_MEMORY);
		arena_done(&a);
	}
	assert_true(done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evaluates),
		cmocka_unit_test(refuses),
		cmocka_unit_test(bounds_nesting_and_length),
		cmocka_unit_test(fails_cleanly_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
