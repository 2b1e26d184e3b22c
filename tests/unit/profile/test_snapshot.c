/* Snapshots from differentials: each rule of merging, slicing and opening types by a small profile of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "profile/snapshot.h"

struct world {
	struct canonicals *set;
	struct arena arena;
	struct issues problems;
	struct error err;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	arena_init(&w->arena, ARENA_NO_CAP);
	issues_init(&w->problems, &w->arena);
	w->set = canonicals_new(&w->err);
	assert_non_null(w->set);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	canonicals_free(w->set);
	arena_done(&w->arena);
	free(w);
	return 0;
}

/* A profile "http://example.org/NAME" on a type, with single quotes for double ones. */
static const struct json *profile(struct world *w, const char *name, const char *base, const char *type,
				  const char *more, const char *elements)
{
	const char *prefix = strchr(base, ':') ? "" : "http://hl7.org/fhir/StructureDefinition/";
	struct str text = arena_printf(
		&w->arena,
		"{'resourceType':'StructureDefinition','url':'http://example.org/%s','name':'%s','type':'%s',"
		"'kind':'resource','abstract':false,%s'baseDefinition':'%s%s','differential':{'element':[%s]}}",
		name, name, type, *more ? more : "'derivation':'constraint',", prefix, base, elements);
	char *p = (char *)(uintptr_t)text.p;
	for (size_t i = 0; i < text.n; i++)
		if (p[i] == '\'')
			p[i] = '"';
	const struct json *json = json_parse(canonicals_arena(w->set), text, 0, &w->err);
	if (!json)
		print_message("%s\n", w->err.text);
	assert_non_null(json);
	return json;
}

static const struct json *snapshot(struct world *w, const struct json *profile_json)
{
	const struct snapshot_options options = {.problems = &w->problems};
	return profile_snapshot(&w->arena, w->set, profile_json, &options, &w->err);
}

static const struct json *made(struct world *w, const char *type, const char *elements)
{
	const struct json *s = snapshot(w, profile(w, "p", type, type, "", elements));
	if (!s)
		print_message("%s (%s)\n", w->err.text, w->err.path);
	assert_non_null(s);
	return s;
}

static const struct json *find(const struct json *snapshot_json, const char *id)
{
	struct json_iter it = json_iter(json_get(json_get(snapshot_json, S("snapshot")), S("element")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("id")), id))
			return it.value;
	return NULL;
}

/* A member, or a path of members, of an element as compact JSON without quotes; "" when it is not there. */
static void assert_fact(const struct json *s, const char *id, const char *path, const char *expected)
{
	const struct json *at = find(s, id);
	struct str rest = str_from(path);
	struct buf out;
	if (!at)
		print_message("there is no %s\n", id);
	assert_non_null(at);
	while (rest.p) {
		struct str name = str_split(&rest, '/');
		uint64_t index;
		at = str_to_u64(name, &index) ? json_at(at, (size_t)index) : json_get(at, name);
	}
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	if (at)
		json_put_value(&w, at);
	size_t n = 0;
	for (size_t i = 0; i < out.n; i++)
		if (out.p[i] != '"')
			out.p[n++] = out.p[i];
	if (n != strlen(expected) || (n && memcmp(out.p, expected, n) != 0))
		print_message("%s %s is %.*s, not %s\n", id, path, (int)n, out.p ? out.p : "", expected);
	assert_true(n == strlen(expected) && (n == 0 || memcmp(out.p, expected, n) == 0));
	buf_done(&out);
}

/* "Patient.name|Patient.name:a": these ids in this order, perhaps with others between. */
static void assert_order(const struct json *s, const char *ids)
{
	struct str rest = str_from(ids), wanted = str_split(&rest, '|');
	struct json_iter it = json_iter(json_get(json_get(s, S("snapshot")), S("element")));
	while (json_next(&it))
		if (str_eq(json_get_str(it.value, S("id")), wanted))
			wanted = rest.p ? str_split(&rest, '|') : STR_NULL;
	if (wanted.p)
		print_message("%.*s is missing or out of order\n", STR_ARG(wanted));
	assert_null(wanted.p);
}

static void merging(void **state)
{
	struct world *w = *state;
	const struct json *s = made(w, "Patient",
				    "{'id':'Patient','path':'Patient','constraint':[{'key':'x-1','severity':'error','"
				    "human':'x','expression':'true'}]},"
				    "{'id':'Patient.gender','path':'Patient.gender','min':1,'mustSupport':true,'"
				    "binding':{'strength':'required'}},"
				    "{'id':'Patient.birthDate','path':'Patient.birthDate','fixedDate':'2000-01-01'}");
	assert_fact(s, "Patient.gender", "min", "1");
	assert_fact(s, "Patient.gender", "max", "1");
	assert_fact(s, "Patient.gender", "mustSupport", "true");
	assert_fact(s, "Patient.gender", "binding/valueSet",
		    "http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1");
	assert_fact(s, "Patient.gender", "base", "{path:Patient.gender,min:0,max:1}");
	assert_fact(s, "Patient.birthDate", "fixedDate", "2000-01-01");
	assert_fact(s, "Patient", "constraint/5/key", "x-1");
	assert_fact(s, "Patient", "constraint/5/source", "http://example.org/p");
	assert_order(s, "Patient|Patient.id|Patient.name|Patient.contact|Patient.contact.name|Patient.link.type");
	assert_int_equal(w->problems.count, 0);
}

static void slicing(void **state)
{
	struct world *w = *state;
	const struct json *s = made(
		w, "Patient",
		"{'id':'Patient.identifier','path':'Patient.identifier','mustSupport':true,'min':1,'slicing':{'"
		"discriminator':"
		"[{'type':'value','path':'system'}],'rules':'open'}},"
		"{'id':'Patient.identifier:a','path':'Patient.identifier','sliceName':'a','max':'1'},"
		"{'id':'Patient.identifier:a.system','path':'Patient.identifier.system','min':1,'fixedUri':'urn:a'},"
		"{'id':'Patient.identifier:b','path':'Patient.identifier','sliceName':'b','min':2},"
		"{'id':'Patient.identifier:a/c','path':'Patient.identifier','sliceName':'a/c'}");
	assert_order(s, "Patient.identifier|Patient.identifier:a|Patient.identifier:a.id|Patient.identifier:a.system|"
			"Patient.identifier:a/c|Patient.identifier:b|Patient.active");
	assert_fact(s, "Patient.identifier:a", "min", "0");
	assert_fact(s, "Patient.identifier:a", "max", "1");
	assert_fact(s, "Patient.identifier:a", "path", "Patient.identifier");
	assert_fact(s, "Patient.identifier:a", "slicing", "");
	assert_fact(s, "Patient.identifier:a.system", "fixedUri", "urn:a");
	assert_fact(s, "Patient.identifier:a.system", "base/path", "Identifier.system");
	assert_fact(s, "Patient.identifier:a/c", "max", "1"); /* of the slice that it slices again */
	assert_fact(s, "Patient.identifier:b", "min", "2");
}

/* A profile on a profile finds the slices of its base, by order when there are no ids. */
static void inherited_slices(void **state)
{
	struct world *w = *state;
	const struct json *base =
		profile(w, "base", "Observation", "Observation", "",
			"{'path':'Observation.component','slicing':{'discriminator':[{'type':'value','path':'code'}],'"
			"rules':'open'}},"
			"{'path':'Observation.component','sliceName':'a','min':1},"
			"{'path':'Observation.component.code','patternCodeableConcept':{'text':'a'}},"
			"{'path':'Observation.component','sliceName':'b'},"
			"{'path':'Observation.component.code','patternCodeableConcept':{'text':'b'}}");
	assert_true(canonicals_add(w->set, NULL, base, &w->err));
	const struct json *s =
		snapshot(w, profile(w, "derived", "http://example.org/base", "Observation", "",
				    "{'path':'Observation.component','sliceName':'c'},"
				    "{'path':'Observation.component','sliceName':'b','max':'1'},"
				    "{'path':'Observation.component.value[x]','type':[{'code':'Quantity'}]}"));
	assert_non_null(s);
	assert_order(s,
		     "Observation.component|Observation.component:a|Observation.component:b|Observation.component:c");
	assert_fact(s, "Observation.component:a", "min", "1");
	assert_fact(s, "Observation.component:b.code", "patternCodeableConcept", "{text:b}");
	assert_fact(s, "Observation.component:b.value[x]", "type", "[{code:Quantity}]");
	assert_fact(s, "Observation.component:c.code", "patternCodeableConcept", "");
}

static void choices(void **state)
{
	struct world *w = *state;
	const struct json *s =
		made(w, "Observation",
		     "{'id':'Observation.valueQuantity','path':'Observation.valueQuantity','mustSupport':true},"
		     "{'id':'Observation.valueQuantity.unit','path':'Observation.valueQuantity.unit','min':1}");
	assert_fact(s, "Observation.value[x]", "slicing/rules", "open");
	assert_fact(s, "Observation.value[x]:valueQuantity", "type", "[{code:Quantity}]");
	assert_fact(s, "Observation.value[x]:valueQuantity", "path", "Observation.value[x]");
	assert_fact(s, "Observation.value[x]:valueQuantity.unit", "path", "Observation.value[x].unit");
	assert_fact(s, "Observation.value[x]:valueQuantity.unit", "min", "1");
	s = made(w, "Observation", "{'path':'Observation.valueString','min':1}");
	assert_fact(s, "Observation.value[x]", "slicing/rules", "closed");
	assert_fact(s, "Observation.value[x]", "type", "[{code:string}]");
	assert_fact(s, "Observation.value[x]", "min", "1");
	s = made(w, "Observation",
		 "{'path':'Observation.value[x]','type':[{'code':'CodeableConcept'}]},"
		 "{'path':'Observation.value[x].coding','min':1}");
	assert_fact(s, "Observation.value[x].coding", "min", "1");
}

static void extensions(void **state)
{
	struct world *w = *state;
	const struct json *extension =
		profile(w, "ext", "Extension", "Extension", "",
			"{'path':'Extension','max':'1','constraint':[{'key':'e-1','severity':'error','human':'e'}]},"
			"{'path':'Extension.url','fixedUri':'http://example.org/ext'},"
			"{'path':'Extension.value[x]','type':[{'code':'boolean'}]}");
	assert_true(canonicals_add(w->set, NULL, extension, &w->err));
	const struct json *s =
		made(w, "Patient",
		     "{'path':'Patient.extension','sliceName':'e','type':[{'code':'Extension','profile':"
		     "['http://example.org/ext']}]},"
		     "{'path':'Patient.extension.value[x]','min':1},"
		     "{'path':'Patient.name.extension','sliceName':'unknown','type':[{'code':'Extension','profile':"
		     "['http://example.org/nowhere']}]}");
	assert_fact(s, "Patient.extension", "slicing/discriminator", "[{type:value,path:url}]");
	assert_fact(s, "Patient.extension:e", "max", "1");
	assert_fact(s, "Patient.extension:e", "constraint/2/key", "e-1");
	assert_fact(s, "Patient.extension:e.url", "fixedUri", "http://example.org/ext");
	assert_fact(s, "Patient.extension:e.value[x]", "type", "[{code:boolean}]");
	assert_fact(s, "Patient.extension:e.value[x]", "min", "1");
	assert_fact(s, "Patient.name.extension:unknown", "type/0/profile/0", "http://example.org/nowhere");
}

static void content_references(void **state)
{
	const struct json *s = made(*state, "Questionnaire",
				    "{'path':'Questionnaire.item.item.item','max':'0'},"
				    "{'path':'Questionnaire.item.item.linkId','maxLength':9}");
	assert_fact(s, "Questionnaire.item.item", "contentReference", "");
	assert_fact(s, "Questionnaire.item.item", "type", "[{code:BackboneElement}]");
	assert_fact(s, "Questionnaire.item.item.item", "max", "0");
	assert_fact(s, "Questionnaire.item.item.linkId", "maxLength", "9");
	assert_fact(s, "Questionnaire.item.linkId", "maxLength", "");
}

static void logical_models(void **state)
{
	struct world *w = *state;
	const struct json *s = snapshot(
		w, profile(w, "Model", "Element", "http://example.org/Model", "'derivation':'specialization',",
			   "{'path':'Model','min':0,'max':'*'},{'path':'Model.part','min':1,'max':'*','type':[{'code':"
			   "'BackboneElement'}]},{'path':'Model.part.size','min':0,'max':'1','type':[{'code':'decimal'}"
			   "]}"));
	assert_non_null(s);
	assert_order(s, "Model|Model.id|Model.extension|Model.part|Model.part.size");
	assert_fact(s, "Model.part", "base", "{path:Model.part,min:1,max:*}");
	assert_fact(s, "Model.part.size", "constraint/0/key", "ele-1");
}

static void refusals(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *base, *type, *elements, *says, *path;
	} rows[] = {
		{"Patient", "Patient", "{'path':'Patient.nose'}", "no such element", "Patient.nose"},
		{"Patient", "Patient", "{'path':'Patient.name.given.tip'}", "no such element",
		 "Patient.name.given.tip"},
		{"Patient", "Observation", "{'path':'Observation.code'}", "not on the type", "Observation"},
		{"Observation", "Observation", "{'path':'Observation.value[x].unit'}", "no such element", ""},
		{"http://example.org/none", "Patient", "{'path':'Patient'}", "not at hand", ""},
		{"Patient", "Patient", "{'id':'Patient'}", "no usable path", ""},
		{"http://example.org/circle", "Patient", "{'path':'Patient'}", "built on itself", ""},
	};
	assert_true(canonicals_add(
		w->set, NULL, profile(w, "circle", "http://example.org/circle2", "Patient", "", "{'path':'Patient'}"),
		&w->err));
	assert_true(canonicals_add(
		w->set, NULL, profile(w, "circle2", "http://example.org/circle", "Patient", "", "{'path':'Patient'}"),
		&w->err));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		error_clear(&w->err);
		assert_null(snapshot(w, profile(w, "p", rows[i].base, rows[i].type, "", rows[i].elements)));
		if (!strstr(w->err.text, rows[i].says) || !strstr(w->err.path, rows[i].path))
			print_message("%zu: %s (%s)\n", i, w->err.text, w->err.path);
		assert_non_null(strstr(w->err.text, rows[i].says));
		assert_non_null(strstr(w->err.path, rows[i].path));
	}
}

static void problems(void **state)
{
	static const struct {
		const char *elements, *says;
	} rows[] = {
		{"{'path':'Observation.status','min':0}", "min 0 is less than 1"},
		{"{'path':'Observation.status','max':'2'}", "max 2 is more than 1"},
		{"{'path':'Observation.code','type':[{'code':'Quantity'}]}", "the type Quantity"},
		{"{'path':'Observation.category','sliceName':'a'}", "nothing says how it is sliced"},
		{"{'id':'Observation.value[x]:valueString','path':'Observation.value[x]','sliceName':'valueString','"
		 "type':[{'code':"
		 "'string'}]},{'id':'Observation.value[x]:valueBoolean','path':'Observation.value[x]','sliceName':'"
		 "valueBoolean',"
		 "'min':1,'type':[{'code':'boolean'}]}",
		 "one of several slices"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		issues_init(&w->problems, &w->arena);
		made(w, "Observation", rows[i].elements);
		assert_int_equal(w->problems.count, 1);
		assert_true(str_find(w->problems.first->text, str_from(rows[i].says)) != STR_NONE);
	}
	assert_fact(made(w, "Observation", rows[0].elements), "Observation.status", "min", "1");
	const char *few =
		"{'path':'Observation.category','max':'3','slicing':{'discriminator':[{'type':'value','path':'text'}],"
		"'rules':'open'}},{'id':'Observation.category:a','path':'Observation.category','sliceName':'a'}";
	assert_fact(made(w, "Observation", few), "Observation.category:a", "max", "3");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(merging),	      TEST(slicing),	TEST(inherited_slices),
		TEST(choices),	      TEST(extensions), TEST(content_references),
		TEST(logical_models), TEST(refusals),	TEST(problems),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
