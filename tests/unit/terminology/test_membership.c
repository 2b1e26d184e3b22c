/* Membership in value sets: every rule of a composition, on small code systems made for it. */
#include "world.h"

static const char *const resources[] = {
	/* A tree with two parents for d (nested under b, and subsumedBy c), one abstract and one retired concept. */
	"{'resourceType':'CodeSystem','url':'http://x/cs','version':'1.2.0','content':'complete','caseSensitive':true,"
	"'hierarchyMeaning':'is-a','property':[{'code':'subsumedBy','uri':'http://hl7.org/fhir/"
	"concept-properties#parent','type':'code'},"
	"{'code':'colour','type':'string'},{'code':'none','uri':'http://hl7.org/fhir/"
	"concept-properties#notSelectable','type':'boolean'},{'code':'status','type':'code'}],"
	"'concept':[{'code':'a','display':'Letter A','concept':["
	"{'code':'b','display':'Letter  B','designation':[{'language':'de','value':'Buchstabe B'}],"
	"'property':[{'code':'colour','valueString':'red'}],'concept':[{'code':'d','display':'Letter D',"
	"'property':[{'code':'subsumedBy','valueCode':'c'},{'code':'colour','valueString':'blue'},"
	"{'code':'colour','valueString':'green'}]}]},"
	"{'code':'c','display':'Letter C','property':[{'code':'none','valueBoolean':true}]},"
	"{'code':'e','display':'Letter E','property':[{'code':'status','valueCode':'retired'}]}]},"
	"{'code':'f','property':[{'code':'status','valueCode':'deprecated'}]}]}",
	"{'resourceType':'CodeSystem','url':'http://x/nocase','content':'complete','caseSensitive':false,"
	"'concept':[{'code':'Left'},{'code':'right'}]}",
	"{'resourceType':'CodeSystem','url':'http://x/part','content':'fragment','concept':[{'code':'p'}]}",
	"{'resourceType':'CodeSystem','url':'http://x/away','content':'not-present'}",
	"{'resourceType':'ValueSet','url':'http://x/all','compose':{'include':[{'system':'http://x/cs'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/active','compose':{'inactive':false,'include':[{'system':'http://x/"
	"cs'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/list','compose':{'include':[{'system':'http://x/cs','concept':["
	"{'code':'a','display':'First'},{'code':'e'}]},{'system':'http://x/nocase','concept':[{'code':'LEFT'}]}]}}",
	"{'resourceType':'ValueSet','url':'http://x/both','compose':{'include':[{'valueSet':['http://x/list','http://"
	"x/below-a']}]}}",
	"{'resourceType':'ValueSet','url':'http://x/below-a','compose':{'include':[{'system':'http://x/cs','filter':"
	"[{'property':'concept','op':'descendent-of','value':'a'}]}]}}",
	"{'resourceType':'ValueSet','url':'http://x/without','compose':{'include':[{'valueSet':['http://x/all']}],"
	"'exclude':[{'system':'http://x/cs','filter':[{'property':'concept','op':'is-a','value':'b'}]}]}}",
	"{'resourceType':'ValueSet','url':'http://x/some-away','compose':{'include':[{'system':'http://x/cs'},"
	"{'system':'http://x/away'},{'system':'http://nowhere/cs'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/list-away','compose':{'include':[{'system':'http://nowhere/cs',"
	"'concept':[{'code':'1','display':'One'}]}]}}",
	"{'resourceType':'ValueSet','url':'http://x/out-away','compose':{'include':[{'system':'http://x/cs'}],"
	"'exclude':[{'system':'http://x/cs','filter':[{'property':'concept','op':'is-a','value':'gone'}]}]}}",
	"{'resourceType':'ValueSet','url':'http://x/part','compose':{'include':[{'system':'http://x/part'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/loop','compose':{'include':[{'valueSet':['http://x/loop2']}]}}",
	"{'resourceType':'ValueSet','url':'http://x/loop2','compose':{'include':[{'valueSet':['http://x/loop']}]}}",
	"{'resourceType':'ValueSet','url':'http://x/version','compose':{'include':[{'system':'http://x/"
	"cs','version':'1.2'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/version2','compose':{'include':[{'system':'http://x/"
	"cs','version':'2'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/expanded','expansion':{'contains':[{'system':'http://y','code':'1',"
	"'display':'One','contains':[{'system':'http://y','code':'2'}]}]}}",
	"{'resourceType':'ValueSet','url':'http://x/page','expansion':{'total':20,'contains':[{'system':'http://y',"
	"'code':'1'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/rescued','compose':{'include':[{'system':'http://nowhere/cs'}]},"
	"'expansion':{'total':1,'contains':[{'system':'http://nowhere/cs','code':'1'}]}}",
	"{'resourceType':'ValueSet','url':'http://x/empty','compose':{'include':[]}}",
	"{'resourceType':'ValueSet','url':'http://x/languages','compose':{'include':[{'system':'urn:ietf:bcp:47'}]}}",
};

struct example {
	const char *value_set, *coding, *display;
	bool bare;
	enum code_answer answer;
	enum code_reason reason;
};

static const struct example examples[] = {
	/* whole systems */
	{"all", "http://x/cs|a", NULL, false, CODE_IN, CODE_FINE},
	{"all", "http://x/cs|d", NULL, false, CODE_IN, CODE_FINE},
	{"all", "http://x/cs|D", NULL, false, CODE_NOT_IN, CODE_INVALID},
	{"all", "http://x/cs|zz", NULL, false, CODE_NOT_IN, CODE_INVALID},
	{"all", "http://x/cs|c", NULL, false, CODE_NOT_IN, CODE_ABSTRACT},
	{"all", "http://x/cs|e", NULL, false, CODE_IN, CODE_INACTIVE},
	{"all", "http://x/cs|f", NULL, false, CODE_IN, CODE_INACTIVE},
	{"active", "http://x/cs|e", NULL, false, CODE_NOT_IN, CODE_NOT_MEMBER},
	{"active", "http://x/cs|f", NULL, false, CODE_IN, CODE_INACTIVE},
	{"all", "http://y/cs|a", NULL, false, CODE_NOT_IN, CODE_NOT_MEMBER},
	{"all", "|a", NULL, false, CODE_NOT_IN, CODE_SYSTEM_MISSING},
	{"all", "|a", NULL, true, CODE_IN, CODE_FINE},
	{"all", "|zz", NULL, true, CODE_NOT_IN, CODE_NOT_MEMBER},
	/* displays */
	{"all", "http://x/cs|b", "letter b", false, CODE_IN, CODE_FINE},
	{"all", "http://x/cs|b", " Buchstabe  B ", false, CODE_IN, CODE_FINE},
	{"all", "http://x/cs|b", "LetterB", false, CODE_IN, CODE_DISPLAY_WRONG},
	{"all", "http://x/cs|f", "anything: it has none", false, CODE_IN, CODE_INACTIVE},
	{"list", "http://x/cs|a", "First", false, CODE_IN, CODE_FINE},
	{"list", "http://x/cs|a", "Letter A", false, CODE_IN, CODE_FINE},
	{"list", "http://x/cs|a", "Second", false, CODE_IN, CODE_DISPLAY_WRONG},
	/* lists */
	{"list", "http://x/cs|b", NULL, false, CODE_NOT_IN, CODE_NOT_MEMBER},
	{"list", "http://x/nocase|left", NULL, false, CODE_IN, CODE_FINE},
	{"list", "|left", NULL, true, CODE_IN, CODE_FINE},
	{"list-away", "http://nowhere/cs|1", "one", false, CODE_IN, CODE_FINE},
	{"list-away", "http://nowhere/cs|1", "two", false, CODE_IN, CODE_DISPLAY_WRONG},
	{"list-away", "http://nowhere/cs|2", NULL, false, CODE_NOT_IN, CODE_NOT_MEMBER},
	/* imports, several are an intersection; exclude */
	{"both", "http://x/cs|e", NULL, false, CODE_IN, CODE_INACTIVE},
	{"both", "http://x/cs|a", NULL, false, CODE_NOT_IN, CODE_NOT_MEMBER},
	{"both", "|e", NULL, true, CODE_IN, CODE_INACTIVE},
	{"without", "http://x/cs|a", NULL, false, CODE_IN, CODE_FINE},
	{"without", "http://x/cs|d", NULL, false, CODE_NOT_IN, CODE_NOT_MEMBER},
	/* in doubt only where the doubt is */
	{"some-away", "http://x/cs|a", NULL, false, CODE_IN, CODE_FINE},
	{"some-away", "http://x/away|1", NULL, false, CODE_UNKNOWN, CODE_VALUE_SET_UNDECIDED},
	{"some-away", "http://nowhere/cs|1", NULL, false, CODE_UNKNOWN, CODE_SYSTEM_UNKNOWN},
	{"some-away", "http://y/cs|1", NULL, false, CODE_NOT_IN, CODE_NOT_MEMBER},
	{"some-away", "|zz", NULL, true, CODE_UNKNOWN, CODE_VALUE_SET_UNDECIDED},
	{"out-away", "http://x/cs|a", NULL, false, CODE_UNKNOWN, CODE_VALUE_SET_UNDECIDED},
	{"out-away", "http://x/cs|zz", NULL, false, CODE_NOT_IN, CODE_INVALID},
	{"part", "http://x/part|p", NULL, false, CODE_IN, CODE_FINE},
	{"part", "http://x/part|q", NULL, false, CODE_UNKNOWN, CODE_SYSTEM_PARTIAL},
	{"loop", "http://x/cs|a", NULL, false, CODE_UNKNOWN, CODE_VALUE_SET_UNDECIDED},
	{"loop2", "http://x/cs|a", NULL, false, CODE_UNKNOWN, CODE_VALUE_SET_UNDECIDED},
	{"empty", "http://x/cs|a", NULL, false, CODE_UNKNOWN, CODE_VALUE_SET_UNDECIDED},
	{"missing", "http://x/cs|a", NULL, false, CODE_UNKNOWN, CODE_VALUE_SET_UNKNOWN},
	{"version", "http://x/cs|a", NULL, false, CODE_IN, CODE_FINE},
	{"version2", "http://x/cs|a", NULL, false, CODE_UNKNOWN, CODE_SYSTEM_UNKNOWN},
	/* expansions that came with the value set */
	{"expanded", "http://y|2", NULL, false, CODE_IN, CODE_FINE},
	{"expanded", "http://y|1", "Two", false, CODE_IN, CODE_DISPLAY_WRONG},
	{"expanded", "http://y|3", NULL, false, CODE_NOT_IN, CODE_NOT_MEMBER},
	{"page", "http://y|1", NULL, false, CODE_UNKNOWN, CODE_VALUE_SET_UNDECIDED},
	{"rescued", "http://nowhere/cs|1", NULL, false, CODE_IN, CODE_FINE},
	{"rescued", "http://nowhere/cs|2", NULL, false, CODE_NOT_IN, CODE_NOT_MEMBER},
	/* systems that have rules */
	{"languages", "urn:ietf:bcp:47|de-CH-1996", NULL, false, CODE_IN, CODE_FINE},
	{"languages", "|en_US", NULL, true, CODE_NOT_IN, CODE_NOT_MEMBER},
};

static void membership(void **state)
{
	(void)state;
	struct world w;
	world_open(&w, resources, sizeof(resources) / sizeof(resources[0]));
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *e = &examples[i];
		struct coding coding = world_coding(e->coding, e->display);
		struct str url = arena_printf(&w.arena, "http://x/%s", e->value_set);
		struct code_verdict v = terminology_validate_in(w.terminology, &w.arena, url, NULL, &coding, e->bare);
		if (v.answer != e->answer || v.reason != e->reason)
			fail_msg("%s in %s: answer %d reason %d (%.*s)", e->coding, e->value_set, v.answer, v.reason,
				 STR_ARG(v.detail));
	}
	world_close(&w);
}

/* op, property, value, and the codes of http://x/cs that pass. */
static const struct {
	const char *op, *property, *value, *codes;
} filters[] = {
	{"is-a", "concept", "b", "bd"},
	{"is-a", "code", "c", "cd"},
	{"descendent-of", "concept", "a", "bcde"},
	{"is-not-a", "concept", "b", "acef"},
	{"generalizes", "concept", "d", "abcd"},
	{"=", "code", "b", "b"},
	{"=", "display", "Letter D", "d"},
	{"=", "parent", "a", "bce"},
	{"=", "parent", "c", "d"},
	{"=", "child", "d", "bc"},
	{"=", "ancestor", "a", "bcde"},
	{"=", "colour", "green", "d"},
	{"in", "colour", "red, green", "bd"},
	{"in", "code", "a,f,zz", "af"},
	{"not-in", "code", "a,f", "bcde"},
	{"not-in", "colour", "red,blue", "acef"},
	{"exists", "colour", "true", "bd"},
	{"exists", "colour", "false", "acef"},
	{"exists", "display", "false", "f"},
	{"exists", "parent", "false", "af"},
	{"=", "designation", "Buchstabe B", "b"},
	{"=", "status", "retired", "e"},
	{"regex", "code", "[a-c]", "abc"},
	{"regex", "display", "Letter [BD]", "d"}, /* as a whole: that of b has two spaces */
	{"regex", "display", "Letter", ""},
	{"regex", "colour", "gre+n|re.", "bd"},
	/* refused: no code can be judged */
	{"regex", "code", "[a-", NULL},
	{"is-a", "concept", "zz", NULL},
	{"is-a", "colour", "red", NULL},
	{"=", "taste", "sweet", NULL},
	{"resembles", "code", "a", NULL},
	{"exists", "colour", "perhaps", NULL},
};

static void filter_operations(void **state)
{
	(void)state;
	struct world w;
	char text[512];
	world_open(&w, resources, sizeof(resources) / sizeof(resources[0]));
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		snprintf(text, sizeof(text),
			 "{'resourceType':'ValueSet','url':'http://x/filter%zu','compose':{'include':[{'system':'http:/"
			 "/x/"
			 "cs','filter':[{'property':'%s','op':'%s','value':'%s'}]}]}}",
			 i, filters[i].property, filters[i].op, filters[i].value);
		world_add(&w, text);
		struct str url = arena_printf(&w.arena, "http://x/filter%zu", i);
		for (const char *code = "abcdef"; *code; code++) {
			struct coding coding = {.system = S("http://x/cs"), .code = str_make(code, 1)};
			struct code_verdict v =
				terminology_validate_in(w.terminology, &w.arena, url, NULL, &coding, false);
			bool in = v.answer == CODE_IN || v.reason == CODE_ABSTRACT;
			enum code_answer wanted = !filters[i].codes		    ? CODE_UNKNOWN
						  : strchr(filters[i].codes, *code) ? CODE_IN
										    : CODE_NOT_IN;
			if ((in ? CODE_IN : v.answer) != wanted)
				fail_msg("%s %s %s on %c: %d %d (%.*s)", filters[i].property, filters[i].op,
					 filters[i].value, *code, v.answer, v.reason, STR_ARG(v.detail));
		}
	}
	world_close(&w);
}

static void troubles_say_why(void **state)
{
	(void)state;
	struct world w;
	static const char *const wanted[][2] = {
		{"loop", "imports itself"}, {"some-away", "http://nowhere/cs is not at hand"},
		{"version2", "version 2"},  {"out-away", "\"gone\""},
		{"page", "not complete"},
	};
	world_open(&w, resources, sizeof(resources) / sizeof(resources[0]));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct coding coding = world_coding(i == 1 ? "http://nowhere/cs|1" : "http://x/cs|a", NULL);
		struct str url = arena_printf(&w.arena, "http://x/%s", wanted[i][0]);
		struct code_verdict v = terminology_validate_in(w.terminology, &w.arena, url, NULL, &coding, false);
		if (str_find(v.detail, str_from(wanted[i][1])) == STR_NONE)
			fail_msg("%s says \"%.*s\"", wanted[i][0], STR_ARG(v.detail));
	}
	world_close(&w);
}

static void built_in(void **state)
{
	(void)state;
	struct world w;
	world_open(&w, NULL, 0);
	struct coding coding = {.code = S("male")};
	struct str gender = S("http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1");
	struct code_verdict v = terminology_validate_in(w.terminology, &w.arena, gender, NULL, &coding, true);
	assert_int_equal(v.answer, CODE_IN);
	assert_true(str_is(v.display, "Male"));
	assert_true(str_is(v.system, "http://hl7.org/fhir/administrative-gender"));
	coding = world_coding("http://terminology.hl7.org/CodeSystem/v3-ActCode|IMP", NULL);
	v = terminology_validate_in(w.terminology, &w.arena,
				    S("http://terminology.hl7.org/ValueSet/v3-ActEncounterCode"), NULL, &coding, false);
	assert_int_equal(v.answer, CODE_IN);
	coding = world_coding("http://snomed.info/sct|123037004", NULL);
	v = terminology_validate(w.terminology, &w.arena, &coding);
	assert_int_equal(v.answer, CODE_UNKNOWN);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(membership),
		cmocka_unit_test(filter_operations),
		cmocka_unit_test(troubles_say_why),
		cmocka_unit_test(built_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
