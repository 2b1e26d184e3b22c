/* FHIRPath Patch: each operation on singles, lists, primitives with extensions and choices, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fhir/definitions.h"
#include "patch/patch.h"

#define P "{\"resourceType\":\"Patient\",\"id\":\"p\""
#define OP(type, path)                                                                                                 \
	"{\"name\":\"operation\",\"part\":[{\"name\":\"type\",\"valueCode\":\"" type                                   \
	"\"},{\"name\":\"path\",\"valueString\":\"" path "\"}"
#define NAME(n)	  ",{\"name\":\"name\",\"valueString\":\"" n "\"}"
#define VALUE(v)  ",{\"name\":\"value\"," v "}"
#define INT(n, i) ",{\"name\":\"" n "\",\"valueInteger\":" i "}"
#define END	  "]}"

static const struct json *apply(struct arena *a, const char *resource, const char *operations, struct error *err)
{
	struct str text = arena_printf(a, "{\"resourceType\":\"Parameters\",\"parameter\":[%s]}", operations);
	const struct json *r = json_parse(a, str_from(resource), 0, err), *p = json_parse(a, text, 0, err);
	if (!r || !p)
		fail_msg("%s in %s or %s", err->text, resource, text.p);
	return patch_fhirpath(a, definitions_builtin(), r, p, err);
}

static void operations_change_what_the_path_gives(void **state)
{
	(void)state;
	static const struct {
		const char *resource, *operations, *result;
	} cases[] = {
		{P "}", "", P "}"},
		/* add: in the order of the definitions, to lists at the end, to choices by the type of the value */
		{P ",\"birthDate\":\"1970\"}", OP("add", "Patient") NAME("active") VALUE("\"valueBoolean\":true") END,
		 P ",\"active\":true,\"birthDate\":\"1970\"}"},
		{P ",\"name\":[{\"text\":\"a\"}]}",
		 OP("add", "Patient") NAME("name") VALUE("\"valueHumanName\":{\"text\":\"b\"}") END,
		 P ",\"name\":[{\"text\":\"a\"},{\"text\":\"b\"}]}"},
		{P "}", OP("add", "Patient") NAME("deceased") VALUE("\"valueDateTime\":\"2020\"") END,
		 P ",\"deceasedDateTime\":\"2020\"}"},
		{P "}", OP("add", "Patient") NAME("deceased[x]") VALUE("\"valueBoolean\":false") END,
		 P ",\"deceasedBoolean\":false}"},
		{P ",\"name\":[{\"given\":[\"a\"]}]}",
		 OP("add", "Patient.name[0]") NAME("given")
			 VALUE("\"valueString\":\"b\",\"_valueString\":{\"id\":\"i\"}") END,
		 P ",\"name\":[{\"given\":[\"a\",\"b\"],\"_given\":[null,{\"id\":\"i\"}]}]}"},
		{P ",\"birthDate\":\"1970\"}",
		 OP("add", "Patient.birthDate") NAME("extension")
			 VALUE("\"valueExtension\":{\"url\":\"u\",\"valueCode\":\"c\"}") END,
		 P ",\"birthDate\":\"1970\",\"_birthDate\":{\"extension\":[{\"url\":\"u\",\"valueCode\":\"c\"}]}}"},
		{P ",\"name\":[{\"given\":[\"a\",\"b\"]}]}",
		 OP("add", "Patient.name.given[1]") NAME("id") VALUE("\"valueString\":\"i\"") END,
		 P ",\"name\":[{\"given\":[\"a\",\"b\"],\"_given\":[null,{\"id\":\"i\"}]}]}"},
		{P "}",
		 OP("add", "Patient") NAME("contact")
			 VALUE("\"part\":[{\"name\":\"name\",\"valueHumanName\":{\"text\":\"n\"}},"
			       "{\"name\":\"telecom\",\"valueContactPoint\":{\"value\":\"1\"}},"
			       "{\"name\":\"telecom\",\"valueContactPoint\":{\"value\":\"2\"}}]") END,
		 P ",\"contact\":[{\"name\":{\"text\":\"n\"},\"telecom\":[{\"value\":\"1\"},{\"value\":\"2\"}]}]}"},
		{P "}",
		 OP("add", "Patient") NAME("contained") VALUE("\"resource\":{\"resourceType\":\"Basic\",\"id\":\"b\"}")
			 END,
		 P ",\"contained\":[{\"resourceType\":\"Basic\",\"id\":\"b\"}]}"},
		/* insert */
		{P ",\"name\":[{\"given\":[\"a\",\"b\"],\"_given\":[{\"id\":\"i\"},null]}]}",
		 OP("insert", "Patient.name[0].given") INT("index", "1") VALUE("\"valueString\":\"x\"") END,
		 P ",\"name\":[{\"given\":[\"a\",\"x\",\"b\"],\"_given\":[{\"id\":\"i\"},null,null]}]}"},
		{P "}", OP("insert", "Patient.name") INT("index", "0") VALUE("\"valueHumanName\":{\"text\":\"a\"}") END,
		 P ",\"name\":[{\"text\":\"a\"}]}"},
		{P ",\"name\":[{\"use\":\"old\"},{\"use\":\"usual\"},{\"use\":\"old\",\"id\":\"x\"}]}",
		 OP("insert", "Patient.name.where(use = 'old')") INT("index", "1")
			 VALUE("\"valueHumanName\":{\"text\":\"a\"}") END,
		 P
		 ",\"name\":[{\"use\":\"old\"},{\"use\":\"usual\"},{\"text\":\"a\"},{\"use\":\"old\",\"id\":\"x\"}]}"},
		/* delete, with what is left empty */
		{P ",\"birthDate\":\"1970\",\"_birthDate\":{\"id\":\"i\"}}", OP("delete", "Patient.birthDate") END,
		 P "}"},
		{P ",\"active\":true}", OP("delete", "Patient.birthDate") END, P ",\"active\":true}"},
		{P ",\"contact\":[{\"name\":{\"given\":[\"a\"]}}],\"active\":true}",
		 OP("delete", "Patient.contact[0].name.given[0]") END, P ",\"active\":true}"},
		{P ",\"name\":[{\"given\":[\"a\",null],\"_given\":[null,{\"extension\":[{\"url\":\"u\"}]}]}]}",
		 OP("delete", "Patient.name.given.extension") END, P ",\"name\":[{\"given\":[\"a\"]}]}"},
		{P ",\"_birthDate\":{\"extension\":[{\"url\":\"u\"}]}}",
		 OP("delete", "Patient.birthDate.extension") END, P "}"},
		{P ",\"name\":[{\"given\":[\"a\",\"b\"],\"_given\":[null,{\"id\":\"i\"}]}]}",
		 OP("delete", "Patient.name.given[1]") END, P ",\"name\":[{\"given\":[\"a\"]}]}"},
		/* replace */
		{P ",\"deceasedBoolean\":true}",
		 OP("replace", "Patient.deceased") VALUE("\"valueDateTime\":\"2020\"") END,
		 P ",\"deceasedDateTime\":\"2020\"}"},
		{P ",\"birthDate\":\"1970\",\"_birthDate\":{\"id\":\"i\"},\"multipleBirthInteger\":2}",
		 OP("replace", "Patient.birthDate") VALUE("\"valueDate\":\"1971\"") END,
		 P ",\"birthDate\":\"1971\",\"multipleBirthInteger\":2}"},
		{P ",\"name\":[{\"text\":\"a\"},{\"text\":\"b\"}]}",
		 OP("replace", "Patient.name.where(text = 'b')") VALUE("\"valueHumanName\":{\"family\":\"c\"}") END,
		 P ",\"name\":[{\"text\":\"a\"},{\"family\":\"c\"}]}"},
		/* move */
		{P ",\"name\":[{\"given\":[\"a\",\"b\",\"c\"],\"_given\":[null,null,{\"id\":\"i\"}]}]}",
		 OP("move", "Patient.name.given") INT("source", "2") INT("destination", "0") END,
		 P ",\"name\":[{\"given\":[\"c\",\"a\",\"b\"],\"_given\":[{\"id\":\"i\"},null,null]}]}"},
		/* one after the other, decimals untouched */
		{"{\"resourceType\":\"Observation\",\"valueQuantity\":{\"value\":1.50}}",
		 OP("add", "Observation") NAME("status") VALUE("\"valueCode\":\"final\"") END
		 "," OP("replace", "Observation.status") VALUE("\"valueCode\":\"amended\"") END
		 "," OP("add", "Observation.value") NAME("unit") VALUE("\"valueString\":\"g\"") END,
		 "{\"resourceType\":\"Observation\",\"status\":\"amended\",\"valueQuantity\":{\"value\":1.50,\"unit\":"
		 "\"g\"}}"},
		{"{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":\"Patient\",\"active\":true}}"
		 "]}",
		 OP("add", "Bundle.entry[0].resource") NAME("id") VALUE("\"valueId\":\"x\"") END,
		 "{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"x\","
		 "\"active\":"
		 "true}}]}"},
	};
	struct buf out;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, 4 << 20);
		const struct json *result = apply(&a, cases[i].resource, cases[i].operations, &err);
		if (!result)
			fail_msg("%s: %s", cases[i].operations, err.text);
		struct json_writer w = json_writer(&out);
		buf_reset(&out);
		json_put_value(&w, result);
		if (!str_eq(buf_str(&out), str_from(cases[i].result)))
			fail_msg("%s gave %.*s", cases[i].operations, STR_ARG(buf_str(&out)));
		arena_done(&a);
	}
	buf_done(&out);
}

static void refusals_name_the_operation(void **state)
{
	(void)state;
	static const char *const resource =
		P ",\"active\":true,\"name\":[{\"family\":\"f\",\"given\":[\"a\",\"b\"]},{\"family\":\"g\"}]}";
	static const struct {
		const char *operations;
		enum error_code code;
		const char *says;
	} cases[] = {
		{"{\"name\":\"operations\"}", ERR_STRUCTURE, "operation 1"},
		{OP("spam", "Patient") END, ERR_STRUCTURE, "operation 1 (spam Patient): \"type\""},
		{OP("add", "Patient") VALUE("\"valueString\":\"a\"") END, ERR_STRUCTURE, "\"name\""},
		{OP("add", "Patient") NAME("birthDate") END, ERR_STRUCTURE, "\"value\""},
		{OP("add", "Patient") NAME("x") VALUE("\"valueString\":\"a\"") END, ERR_PATCH, "no element \"x\""},
		{OP("add", "Patient") NAME("active") VALUE("\"valueBoolean\":true") END, ERR_PATCH, "there already"},
		{OP("add", "Patient") NAME("birthDate") VALUE("\"valueBoolean\":true") END, ERR_PATCH, "no date"},
		{OP("add", "Patient") NAME("name") VALUE("\"valueString\":\"a\"") END, ERR_PATCH, "no HumanName"},
		{OP("add", "Patient") NAME("deceased") VALUE("\"valueQuantity\":{\"value\":1}") END, ERR_PATCH,
		 "no element"},
		{OP("add", "Patient.contact") NAME("gender") VALUE("\"valueCode\":\"male\"") END, ERR_PATCH,
		 "operation 1 (add Patient.contact): the path gives no element"},
		{OP("add", "Patient.name") NAME("text") VALUE("\"valueString\":\"male\"") END, ERR_PATCH, "several"},
		{OP("delete", "Patient.name") END, ERR_PATCH, "several"},
		{OP("delete", "Patient") END, ERR_PATCH, "itself"},
		{OP("delete", "Patient.name.count()") END, ERR_PATCH, "computed"},
		{OP("delete", "Patient.name[0") END, ERR_VALUE, "operation 1 (delete Patient.name[0)"},
		{OP("replace", "Patient.birthDate") VALUE("\"valueDate\":\"1970\"") END, ERR_PATCH, "no element"},
		{OP("insert", "Patient.name") INT("index", "3") VALUE("\"valueHumanName\":{\"text\":\"a\"}") END,
		 ERR_PATCH, "behind the end"},
		{OP("insert", "Patient.active") INT("index", "0") VALUE("\"valueBoolean\":true") END, ERR_PATCH,
		 "list"},
		{OP("insert", "Patient.name") VALUE("\"valueHumanName\":{\"text\":\"a\"}") END, ERR_STRUCTURE,
		 "\"index\""},
		{OP("move", "Patient.name") INT("source", "2") INT("destination", "0") END, ERR_PATCH, "index"},
		{OP("move", "Patient.name.family") INT("source", "0") INT("destination", "1") END, ERR_PATCH, "list"},
		{OP("add", "Patient") NAME("contained") VALUE("\"valueString\":\"a\"") END, ERR_PATCH, "resource"},
		{OP("add", "Patient") NAME("birthDate") VALUE("\"valueDate\":\"1970\",\"valueString\":\"a\"") END,
		 ERR_STRUCTURE, "one value"},
		{OP("delete", "Patient.active") END "," OP("replace", "Patient.name.where(family = 'secret')")
			 VALUE("\"valueHumanName\":{\"text\":\"a\"}") END,
		 ERR_PATCH, "operation 2 (replace Patient.name.where(family = '')): the path gives no element"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, 4 << 20);
		if (apply(&a, resource, cases[i].operations, &err))
			fail_msg("%s was applied", cases[i].operations);
		if (err.code != cases[i].code || !strstr(err.text, cases[i].says) || strstr(err.text, "secret"))
			fail_msg("%s: %d %s", cases[i].operations, err.code, err.text);
		arena_done(&a);
	}
}

static void only_parameters_are_a_patch(void **state)
{
	(void)state;
	struct arena a;
	struct error err = {0};
	arena_init(&a, 1 << 20);
	const struct json *patient = json_parse(&a, S(P "}"), 0, &err);
	assert_null(patch_fhirpath(&a, definitions_builtin(), patient, patient, &err));
	assert_int_equal(err.code, ERR_STRUCTURE);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_change_what_the_path_gives),
		cmocka_unit_test(refusals_name_the_operation),
		cmocka_unit_test(only_parameters_are_a_patch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
