/* What surrounds an evaluation: resources, services, types known beforehand, documents without definitions, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fhirpath/fhirpath.h"

static const char bundle_text[] =
	"{\"resourceType\":\"Bundle\",\"id\":\"b\",\"entry\":[{\"resource\":{\"resourceType\":\"Observation\",\"id\":"
	"\"o\","
	"\"contained\":[{\"resourceType\":\"Patient\",\"id\":\"p\",\"link\":[{\"other\":{\"reference\":\"#q\"}}]},"
	"{\"resourceType\":\"Patient\",\"id\":\"q\",\"active\":true}],\"subject\":{\"reference\":\"#p\"},\"status\":"
	"\"final\","
	"\"valueCodeableConcept\":{\"coding\":[{\"code\":\"x\"}]}}}]}";

struct world {
	struct arena arena;
	const struct definitions *definitions;
	const struct json *bundle;
	struct path_context context;
	struct path_item focus;
	struct path_options options;
	struct error err;
	size_t traced;
};

static void world_open(struct world *w)
{
	*w = (struct world){.definitions = definitions_builtin()};
	arena_init(&w->arena, 64 << 20);
	w->bundle = json_parse(&w->arena, str_from(bundle_text), 0, NULL);
	assert_non_null(w->bundle);
	w->focus = path_item_resource(w->definitions, w->bundle);
	w->context.resource = w->bundle;
}

/* The results as text joined by a comma; "failed: ..." when it fails. */
static struct str ask(struct world *w, const char *expression)
{
	struct path_items items;
	struct buf out;
	w->err = (struct error){0};
	const struct path_program *p =
		path_compile(&w->arena, w->definitions, str_from(expression), &w->options, &w->err);
	if (!p || !path_eval(p, &w->arena, &w->context, &w->focus, &items, &w->err))
		return arena_printf(&w->arena, "failed: %s", w->err.text);
	buf_init(&out, 1 << 16);
	for (size_t i = 0; i < items.count; i++) {
		if (i)
			buf_char(&out, ',');
		path_item_print(&out, &items.items[i]);
	}
	struct str text = arena_str(&w->arena, buf_str(&out));
	buf_done(&out);
	return text;
}

static void gives(struct world *w, const char *expression, const char *wanted)
{
	struct str got = ask(w, expression);
	if (!str_is(got, wanted))
		fail_msg("%s\n  wanted %s\n  got    %.*s", expression, wanted, STR_ARG(got));
}

static void fails(struct world *w, const char *expression, enum error_code code, const char *why)
{
	struct str got = ask(w, expression);
	if (!str_starts(got, S("failed: ")) || w->err.code != code || !strstr(w->err.text, why))
		fail_msg("%s\n  wanted %s: %s\n  got    %.*s", expression, error_name(code), why, STR_ARG(got));
}

static void fragments_look_in_their_own_container(void **state)
{
	struct world w;
	(void)state;
	world_open(&w);
	gives(&w, "Bundle.entry.resource.subject.resolve().id", "p");
	gives(&w, "Bundle.entry.resource.contained.first().link.other.resolve().active", "true");
	gives(&w, "Bundle.entry.resource.subject.resolve().link.other.resolve().active", "true");
	arena_done(&w.arena);
}

static void the_context_is_what_the_caller_says(void **state)
{
	struct world w;
	(void)state;
	world_open(&w);
	const struct json *observation = json_get(json_at(json_get(w.bundle, S("entry")), 0), S("resource"));
	const struct json *patient = json_at(json_get(observation, S("contained")), 0);
	const struct json *link = json_at(json_get(patient, S("link")), 0);
	w.focus = path_item_element(definitions_type(w.definitions, S("Patient.link")), NULL, link, NULL, observation);
	w.context = (struct path_context){.resource = patient, .root_resource = observation};
	gives(&w, "%resource.id", "p");
	gives(&w, "%rootResource.id", "o");
	gives(&w, "%context.other.reference", "#q");
	gives(&w, "other.resolve().id", "q");
	gives(&w, "other.where(resolve() is Patient).count()", "1");
	arena_done(&w.arena);
}

static bool find(void *ctx, struct arena *a, const struct path_item *from, struct str reference,
		 struct path_item *ret_item, struct error *err)
{
	struct world *w = ctx;
	(void)a;
	(void)from;
	if (str_is(reference, "Patient/broken"))
		return error_set(err, ERR_NETWORK, "the line is dead");
	if (str_is(reference, "Patient/here"))
		*ret_item = path_item_resource(w->definitions, w->bundle);
	return true;
}

static bool member(void *ctx, struct arena *a, const struct path_item *item, struct str url, int *ret_answer,
		   struct error *err)
{
	(void)ctx;
	(void)a;
	(void)item;
	(void)err;
	*ret_answer = str_is(url, "http://x/yes") ? 1 : str_is(url, "http://x/no") ? 0 : -1;
	return true;
}

static bool includes(void *ctx, struct arena *a, const struct path_item *general, const struct path_item *special,
		     int *ret_answer, struct error *err)
{
	(void)ctx;
	(void)a;
	(void)err;
	*ret_answer = str_is(json_get_str(general->value, S("code")), "x") && special->value;
	return true;
}

static void trace(void *ctx, struct str name, const struct path_items *items)
{
	struct world *w = ctx;
	assert_true(str_is(name, "seen"));
	w->traced += items->count;
}

static void services_are_asked(void **state)
{
	struct world w;
	(void)state;
	world_open(&w);
	const struct path_services services = {&w, find, member, member, includes, trace};
	w.context.services = &services;
	gives(&w, "'Patient/here'.resolve().id", "b");
	gives(&w, "'Patient/elsewhere'.resolve() is Patient", "true");
	gives(&w, "'nowhere'.resolve()", "");
	fails(&w, "'Patient/broken'.resolve()", ERR_NETWORK, "the line is dead");
	gives(&w, "entry.resource.value.memberOf('http://x/yes')", "true");
	gives(&w, "entry.resource.value.memberOf('http://x/no')", "false");
	gives(&w, "entry.resource.value.memberOf('http://x/perhaps')", "");
	gives(&w, "entry.resource.conformsTo('http://x/no')", "false");
	gives(&w, "entry.resource.value.coding.subsumes(%factory.Coding('s', 'y'))", "true");
	gives(&w, "entry.resource.value.coding.subsumedBy(%factory.Coding('s', 'y'))", "false");
	gives(&w, "entry.resource.contained.trace('seen').count()", "2");
	assert_int_equal(w.traced, 2);
	arena_done(&w.arena);
}

static void what_is_not_at_hand_is_said(void **state)
{
	struct world w;
	(void)state;
	world_open(&w);
	fails(&w, "entry.resource.value.memberOf('http://x/yes')", ERR_NOT_SUPPORTED, "terminology");
	fails(&w, "now()", ERR_NOT_SUPPORTED, "clock");
	fails(&w, "slice('x', 'y')", ERR_NOT_SUPPORTED, "profile");
	fails(&w, "conformsTo('http://x/none')", ERR_VALUE, "not known");
	gives(&w, "entry.resource.status.memberOf('http://hl7.org/fhir/ValueSet/observation-status')", "true");
	gives(&w, "entry.resource.conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')", "false");
	arena_done(&w.arena);
}

static void strict_mode_refuses_what_cannot_be(void **state)
{
	static const struct {
		const char *expression, *why;
		size_t column;
	} rows[] = {
		{"Bundle.entry.nonsense", "Bundle.entry has no element \"nonsense\"", 14},
		{"Patient.name", "of type Bundle, not Patient", 1},
		{"Bundle.entry.search.score.contains('x')", "no meaning for decimal", 27},
		{"Bundle.total < 'x'", "cannot be compared", 14},
		{"iif('x', 1)", "needs a boolean", 5},
		{"Bundle.entry.where(recource.exists())", "no element \"recource\"", 20},
		{"Bundle.identifier.select(sytem)", "no element \"sytem\"", 26},
		{"Bundle.timestamp.abs()", "no meaning for instant", 18},
		{"Bundle.children().skip(1)", "no order", 19},
		{"Bundle.descendants().where(true)[0]", "no order", 33},
	};
	struct world w;
	(void)state;
	world_open(&w);
	w.options = (struct path_options){.start = w.focus.type, .strict = true};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fails(&w, rows[i].expression, ERR_VALUE, rows[i].why);
		assert_int_equal(w.err.column, rows[i].column);
	}
	fails(&w, "Bundle.entry.resource.ofType(Observation).valueCodeableConcept", ERR_VALUE,
	      "value.ofType(CodeableConcept)");
	gives(&w, "Bundle.entry.resource.subject.reference", "#p");
	gives(&w, "Bundle.entry.resource.ofType(Observation).value.coding.code", "x");
	gives(&w, "children().entry.empty()", "true");
	w.options.strict = false;
	gives(&w, "Bundle.entry.nonsense", "");
	gives(&w, "Bundle.entry.resource.valueCodeableConcept.coding.code", "x");
	gives(&w, "Bundle.entry.resource.resourceType", "Observation");
	arena_done(&w.arena);
}

static void without_definitions_json_is_json(void **state)
{
	struct world w;
	(void)state;
	world_open(&w);
	w.definitions = NULL;
	w.focus = path_item_resource(NULL, w.bundle);
	gives(&w, "Bundle.entry.resource.valueCodeableConcept.coding.code", "x");
	gives(&w, "entry.resource.contained.where(active).id", "q");
	gives(&w, "entry.resource.contained[1].active is Boolean", "true");
	gives(&w, "entry.resource.value", "");
	gives(&w, "Patient.id", "");
	gives(&w, "entry.type().name", "object");
	fails(&w, "entry.ofType(Patient)", ERR_VALUE, "not known");
	arena_done(&w.arena);
}

static void only_the_type_asked_for_is_taken(void **state)
{
	struct world w;
	(void)state;
	world_open(&w);
	w.options.start = w.focus.type;
	gives(&w, "Bundle.entry.resource.ofType(Observation).value.ofType(CodeableConcept).coding.code", "x");
	gives(&w, "Bundle.entry.resource.ofType(Observation).value.ofType(Quantity)", "");
	w.focus.value =
		json_parse(&w.arena,
			   S("{\"resourceType\":\"Patient\",\"extension\":[{\"url\":\"u\",\"valueAge\":{\"value\":3}},"
			     "{\"url\":\"v\",\"valueQuantity\":{\"value\":4}}]}"),
			   0, NULL);
	w.focus = path_item_resource(w.definitions, w.focus.value);
	w.options.start = w.focus.type;
	gives(&w, "Patient.extension.value.ofType(Quantity).value", "3,4");
	gives(&w, "Patient.extension.value.ofType(Age).value", "3");
	arena_done(&w.arena);
}

static void nothing_runs_for_ever(void **state)
{
	static const char *const rows[] = {
		"1.repeat($this + 1)",
		"'x'.repeat($this & $this)",
		"(1|2|3|4|5|6|7|8|9).repeatAll($this)",
		"('a').repeatAll('b' | 'c').count()",
		"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')",
	};
	struct world w;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_open(&w);
		struct str got = ask(&w, rows[i]);
		if (!str_starts(got, S("failed: ")) || (w.err.code != ERR_LIMIT && w.err.code != ERR_MEMORY))
			fail_msg("%s: %.*s", rows[i], STR_ARG(str_slice(got, 0, 100)));
		arena_done(&w.arena);
	}
}

static void declared_variables_have_types(void **state)
{
	struct world w;
	(void)state;
	world_open(&w);
	const struct path_type observation = {.fhir = definitions_type(w.definitions, S("Observation"))};
	const struct path_declaration known[] = {{S("seen"), {.types = &observation, .count = 1}},
						 {S("other"), {.open = true}}};
	struct path_item item =
		path_item_resource(w.definitions, json_get(json_at(json_get(w.bundle, S("entry")), 0), S("resource")));
	const struct path_variable values[] = {{S("seen"), {&item, 1, 1}}, {S("other"), {&item, 1, 1}}};
	w.options = (struct path_options){
		.strict = true, .variables = known, .variable_count = 2, .closed = true, .focus = &known[0].given};
	w.context.variables = values;
	w.context.variable_count = 2;
	gives(&w, "%seen.status", "final");
	gives(&w, "%other.colour.exists()", "false");
	gives(&w, "%seen.id.defineVariable('it').select(%it & '!')", "o!");
	gives(&w, "%seen.colour", "failed: FHIRPath, line 1, column 7: Observation has no element \"colour\"");
	gives(&w, "birthDate", "failed: FHIRPath, line 1, column 1: Observation has no element \"birthDate\"");
	gives(&w, "%sen.status", "failed: FHIRPath, line 1, column 1: there is no variable %sen");
	const struct path_program *p =
		path_compile(&w.arena, w.definitions, S("%seen.code | %seen.status"), &w.options, NULL);
	assert_true(p && p->given.count == 2 && !p->given.open);
	assert_true(str_is(p->given.types[0].fhir->name, "CodeableConcept"));
	arena_done(&w.arena);
}

static void evaluations_share_their_steps(void **state)
{
	struct world w;
	uint64_t steps = 300;
	size_t n = 0;
	(void)state;
	world_open(&w);
	w.context.steps = &steps;
	while (n < 300 && !str_starts(ask(&w, "(1 | 2 | 3).count()"), S("failed")))
		n++;
	assert_true(n > 3 && n < 100);
	assert_int_equal(w.err.code, ERR_LIMIT);
	arena_done(&w.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments_look_in_their_own_container),
		cmocka_unit_test(the_context_is_what_the_caller_says),
		cmocka_unit_test(services_are_asked),
		cmocka_unit_test(what_is_not_at_hand_is_said),
		cmocka_unit_test(strict_mode_refuses_what_cannot_be),
		cmocka_unit_test(without_definitions_json_is_json),
		cmocka_unit_test(only_the_type_asked_for_is_taken),
		cmocka_unit_test(nothing_runs_for_ever),
		cmocka_unit_test(declared_variables_have_types),
		cmocka_unit_test(evaluations_share_their_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
