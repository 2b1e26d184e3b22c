/* The answers of $lookup, $validate-code, $subsumes and $translate, as JSON. */
#include "world.h"

static const char *const resources[] = {
	"{'resourceType':'CodeSystem','url':'http://x/cs','version':'1','name':'Letters','content':'complete',"
	"'property':[{'code':'size','type':'integer'},{'code':'status','type':'code'},{'code':'see','type':'Coding'}],"
	"'concept':[{'code':'a','display':'A','definition':'The first','designation':[{'language':'de','use':{'system':"
	"'http://u','code':'short'},'value':'Ah'}],'concept':[{'code':'b','display':'B','property':["
	"{'code':'size','valueInteger':3},{'code':'status','valueCode':'retired'},"
	"{'code':'see','valueCoding':{'system':'http://y','code':'z'}}]}]},{'code':'c'}]}",
	"{'resourceType':'ValueSet','url':'http://x/vs','compose':{'include':[{'system':'http://x/cs'}]}}",
	"{'resourceType':'ConceptMap','url':'http://x/map','sourceUri':'http://x/vs','targetUri':'http://y/"
	"vs','group':["
	"{'source':'http://x/cs','target':'http://y','element':[{'code':'a','target':[{'code':'1','display':'One',"
	"'equivalence':'wider'},{'code':'2','equivalence':'equal','dependsOn':[{'property':'sex','system':'http://s',"
	"'value':'f'}],'product':[{'property':'p','system':'http://q','value':'r'}]}]},"
	"{'code':'b','target':[{'equivalence':'unmatched','comment':'There is no B'}]}],"
	"'unmapped':{'mode':'fixed','code':'9','display':'Nine'}},"
	"{'source':'http://x/cs','target':'http://z','element':[],'unmapped':{'mode':'other-map','url':'http://x/"
	"map2'}}]}",
	("{'resourceType':'ConceptMap','url':'http://x/map2','group':[{'source':'http://x/cs','target':'http://z',"
	 "'element':[{'code':'a','target':[{'code':'za','equivalence':'equivalent'}]}],'unmapped':{'mode':'provided'}}]"
	 "}"),
	"{'resourceType':'ConceptMap','url':'http://x/circle','group':[{'source':'http://x/cs','target':'http://z',"
	"'element':[],'unmapped':{'mode':'other-map','url':'http://x/circle'}}]}",
};

static struct world *world_of(void **state)
{
	return *state;
}

/* Compares with JSON in single quotes. */
static void assert_json(struct buf *got, const char *wanted, const char *what)
{
	char text[4096];
	size_t n = strlen(wanted);
	assert_true(n < sizeof(text));
	for (size_t i = 0; i <= n; i++)
		text[i] = wanted[i] == '\'' ? '"' : wanted[i];
	if (!str_is(buf_str(got), text))
		fail_msg("%s: %.*s", what, STR_ARG(buf_str(got)));
	buf_done(got);
}

#define BEGIN "{'resourceType':'Parameters','parameter':["

static void lookup(void **state)
{
	struct world *w = world_of(state);
	struct error err = {0};
	struct buf out;
	struct lookup_options all = {.language = S("de")};
	struct coding a = world_coding("http://x/cs|a", NULL), b = world_coding("http://x/cs|b", NULL);
	buf_init(&out, 1 << 20);
	assert_true(terminology_lookup(w->terminology, &w->arena, &a, &all, &out, &err));
	assert_json(&out,
		    BEGIN "{'name':'name','valueString':'Letters'},{'name':'version','valueString':'1'},"
			  "{'name':'display','valueString':'Ah'},{'name':'definition','valueString':'The first'},"
			  "{'name':'abstract','valueBoolean':false},"
			  "{'name':'designation','part':[{'name':'language','valueCode':'de'},{'name':'use',"
			  "'valueCoding':{'system':'http://u','code':'short'}},{'name':'value','valueString':'Ah'}]},"
			  "{'name':'property','part':[{'name':'code','valueCode':'inactive'},{'name':'value',"
			  "'valueBoolean':false}]},"
			  "{'name':'property','part':[{'name':'code','valueCode':'child'},{'name':'value','valueCode':"
			  "'b'},{'name':'description','valueString':'B'}]}]}",
		    "lookup a");
	static const struct str names[] = {{"size", 4}, {"see", 3}, {"parent", 6}};
	struct lookup_options some = {.properties = names, .property_count = 3};
	assert_true(terminology_lookup(w->terminology, &w->arena, &b, &some, &out, &err));
	assert_json(&out,
		    BEGIN "{'name':'name','valueString':'Letters'},{'name':'version','valueString':'1'},"
			  "{'name':'display','valueString':'B'},{'name':'abstract','valueBoolean':false},"
			  "{'name':'property','part':[{'name':'code','valueCode':'parent'},{'name':'value','valueCode':"
			  "'a'},{'name':'description','valueString':'A'}]},"
			  "{'name':'property','part':[{'name':'code','valueCode':'size'},{'name':'value',"
			  "'valueInteger':3}]},"
			  "{'name':'property','part':[{'name':'code','valueCode':'see'},{'name':'value','valueCoding':"
			  "{'system':'http://y','code':'z'}}]}]}",
		    "lookup b");
	struct coding none = world_coding("http://x/cs|zz", NULL), nowhere = world_coding("http://nowhere|a", NULL);
	assert_false(terminology_lookup(w->terminology, &w->arena, &none, &all, &out, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	err = (struct error){0};
	assert_false(terminology_lookup(w->terminology, &w->arena, &nowhere, &all, &out, &err));
	assert_non_null(strstr(err.text, "http://nowhere is not at hand"));
}

static const struct {
	const char *value_set, *coding, *display, *wanted;
} checks[] = {
	{"http://x/vs", "http://x/cs|a", "a",
	 BEGIN "{'name':'result','valueBoolean':true},{'name':'display','valueString':'A'}]}"},
	{NULL, "http://x/cs|a", "x",
	 BEGIN
	 "{'name':'result','valueBoolean':false},{'name':'message','valueString':'\\'x\\' is no display of the code "
	 "\\'a\\': the display is \\'A\\''},{'name':'display','valueString':'A'}]}"},
	{"http://x/vs", "http://x/cs|b", NULL,
	 BEGIN
	 "{'name':'result','valueBoolean':true},{'name':'message','valueString':'The code \\'b\\' of http://x/cs is "
	 "inactive'},{'name':'display','valueString':'B'}]}"},
	{"http://x/vs", "http://x/cs|zz", NULL,
	 BEGIN
	 "{'name':'result','valueBoolean':false},{'name':'message','valueString':'The code system http://x/cs has "
	 "no code \\'zz\\''}]}"},
	{"http://nowhere", "http://x/cs|a", NULL,
	 BEGIN
	 "{'name':'result','valueBoolean':false},{'name':'message','valueString':'The value set http://nowhere is "
	 "not at hand'}]}"},
	{NULL, "http://nowhere|1", NULL,
	 BEGIN
	 "{'name':'result','valueBoolean':false},{'name':'message','valueString':'It cannot be decided whether the "
	 "code is valid: http://nowhere is not at hand'}]}"},
};

static void validate_code(void **state)
{
	struct world *w = world_of(state);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct coding coding = world_coding(checks[i].coding, checks[i].display);
		struct buf out;
		buf_init(&out, 1 << 20);
		terminology_validate_code(w->terminology, &w->arena, str_from(checks[i].value_set), &coding, false,
					  &out);
		assert_json(&out, checks[i].wanted, checks[i].coding);
	}
}

static const struct {
	const char *coding, *map, *source, *target_system, *depends;
	bool reverse;
	const char *wanted; /* NULL: an error */
} translations[] = {
	{"http://x/cs|a", "http://x/map", NULL, "http://y", NULL, false,
	 "{'name':'result','valueBoolean':true},{'name':'match','part':[{'name':'equivalence','valueCode':'wider'},"
	 "{'name':'concept','valueCoding':{'system':'http://"
	 "y','code':'1','display':'One'}},{'name':'source','valueUri':"
	 "'http://x/map'}]}]}"},
	{"http://x/cs|a", "http://x/map", "http://x/vs", "http://y", "f", false,
	 "{'name':'result','valueBoolean':true},{'name':'match','part':[{'name':'equivalence','valueCode':'wider'},"
	 "{'name':'concept','valueCoding':{'system':'http://"
	 "y','code':'1','display':'One'}},{'name':'source','valueUri':"
	 "'http://x/map'}]},{'name':'match','part':[{'name':'equivalence','valueCode':'equal'},{'name':'concept',"
	 "'valueCoding':{'system':'http://y','code':'2'}},{'name':'product','part':[{'name':'element','valueUri':'p'},"
	 "{'name':'concept','valueCoding':{'system':'http://q','code':'r'}}]},{'name':'source','valueUri':'http://x/"
	 "map'}]}]}"},
	{"http://x/cs|b", "http://x/map", NULL, "http://y", NULL, false,
	 "{'name':'result','valueBoolean':false},{'name':'message','valueString':'There is no "
	 "B'},{'name':'match','part':"
	 "[{'name':'equivalence','valueCode':'unmatched'},{'name':'source','valueUri':'http://x/map'}]}]}"},
	{"http://x/cs|c", "http://x/map", NULL, "http://y", NULL, false,
	 "{'name':'result','valueBoolean':true},{'name':'match','part':[{'name':'equivalence','valueCode':'relatedto'},"
	 "{'name':'concept','valueCoding':{'system':'http://y','code':'9','display':'Nine'}},{'name':'source',"
	 "'valueUri':'http://x/map'}]}]}"},
	{"http://x/cs|a", "http://x/map", NULL, "http://z", NULL, false,
	 "{'name':'result','valueBoolean':true},{'name':'match','part':[{'name':'equivalence','valueCode':'equivalent'}"
	 ","
	 "{'name':'concept','valueCoding':{'system':'http://z','code':'za'}},{'name':'source','valueUri':'http://x/"
	 "map2'}]}]}"},
	{"http://y|1", "http://x/map", NULL, NULL, NULL, true,
	 "{'name':'result','valueBoolean':true},{'name':'match','part':[{'name':'equivalence','valueCode':'narrower'},"
	 "{'name':'concept','valueCoding':{'system':'http://x/cs','code':'a','display':'A'}},{'name':'source',"
	 "'valueUri':'http://x/map'}]}]}"},
	{"http://x/cs|c", NULL, NULL, NULL, NULL, false,
	 "{'name':'result','valueBoolean':false},{'name':'message','valueString':'No map lists the code \\'c\\''}]}"},
	{"http://nowhere|c", NULL, NULL, NULL, NULL, false,
	 "{'name':'result','valueBoolean':false},{'name':'message','valueString':'No map at hand is about the code "
	 "system "
	 "http://nowhere'}]}"},
	{"http://x/cs|a", "http://x/none", NULL, NULL, NULL, false, NULL},
	{"http://x/cs|a", "http://x/circle", NULL, NULL, NULL, false, NULL},
	{"|a", "http://x/map", NULL, NULL, NULL, false, NULL},
};

static void translate(void **state)
{
	struct world *w = world_of(state);
	for (size_t i = 0; i < sizeof(translations) / sizeof(translations[0]); i++) {
		struct error err = {0};
		struct coding coding = world_coding(translations[i].coding, NULL);
		struct translate_dependency depends = {S("sex"), S("http://s"), str_from(translations[i].depends)};
		struct translate_options o = {.map = str_from(translations[i].map),
					      .source = str_from(translations[i].source),
					      .target_system = str_from(translations[i].target_system),
					      .reverse = translations[i].reverse,
					      .dependencies = &depends,
					      .dependency_count = translations[i].depends ? 1 : 0};
		struct buf out;
		buf_init(&out, 1 << 20);
		bool ok = terminology_translate(w->terminology, &w->arena, &coding, &o, &out, &err);
		assert_int_equal(ok, translations[i].wanted != NULL);
		struct str text =
			translations[i].wanted ? arena_printf(&w->arena, "%s%s", BEGIN, translations[i].wanted) : S("");
		assert_json(&out, text.p, translations[i].coding);
	}
}

static void subsumes(void **state)
{
	struct world *w = world_of(state);
	struct error err = {0};
	struct buf out;
	buf_init(&out, 1 << 20);
	assert_true(terminology_subsumes_write(w->terminology, S("http://x/cs"), STR_NULL, S("a"), S("b"), &out, &err));
	assert_json(&out, BEGIN "{'name':'outcome','valueCode':'subsumes'}]}", "subsumes");
	assert_false(
		terminology_subsumes_write(w->terminology, S("http://x/cs"), STR_NULL, S("a"), S("zz"), &out, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
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
		cmocka_unit_test(lookup),
		cmocka_unit_test(validate_code),
		cmocka_unit_test(translate),
		cmocka_unit_test(subsumes),
	};
	return cmocka_run_group_tests(tests, open_world, close_world);
}
