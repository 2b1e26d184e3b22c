/* PlanDefinitions: what they become as services and as CarePlans, and what of them is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "fhir/resource.h"
#include "world.h"

#define HEAD                                                                                                           \
	"{'resourceType':'PlanDefinition','id':'plan','url':'http://example.org/plan','title':'A "                     \
	"plan','status':'draft',"
#define TRIGGER "'trigger':[{'type':'named-event','name':'patient-view'}],"
#define CONDITION(text)                                                                                                \
	"'condition':[{'kind':'applicability','expression':{'language':'text/fhirpath','expression':'" text "'}}]"
/* An action with a title, a trigger and more. */
#define PLAN(more) HEAD "'action':[{'title':'Do it'," TRIGGER more "}]}"
#define CONTEXT	   "{'userId':'Practitioner/u','patientId':'p'}"
#define PREFETCH                                                                                                       \
	"{'patient':{'resourceType':'Patient','id':'p','gender':'female','birthDate':'1960-03-01'},'things':{"         \
	"'resourceType':'Bundle','type':'searchset','entry':[{'resource':{'resourceType':'Condition','id':'c','"       \
	"subject':{"                                                                                                   \
	"'reference':'Patient/"                                                                                        \
	"p'},'code':{'coding':[{'system':'urn:x','code':'inner'}]}}},{'resource':{'resourceType':"                     \
	"'Condition','id':'d','subject':{'reference':'Patient/"                                                        \
	"p'},'code':{'coding':[{'system':'urn:x','code':'b'}]}}}]}}"
#define VISIT "'definitionCanonical':'http://example.org/ad/visit'"

static const struct {
	const char *plan, *wanted;
} refused[] = {
	{HEAD "'action':[{'title':'t'}]}", "The plan has no trigger that names a hook"},
	{HEAD "'goal':[{}],'action':[]}", "goal: 'goal' is not supported"},
	{"{'resourceType':'PlanDefinition','id':'p','title':'t','status':'retired'}", "The plan is retired"},
	{HEAD "'action':[{'trigger':[{'type':'periodic'}]}]}",
	 "action[0].trigger[0]: A trigger of type 'periodic' is not supported"},
	{HEAD "'action':[{'trigger':[{'type':'named-event','name':'monday'}]}]}",
	 "action[0].trigger[0]: 'monday' is no hook"},
	{HEAD "'action':[{'trigger':[{'type':'named-event','name':'patient-view'},{'type':'named-event','name':"
	      "'order-sign'}]}]}",
	 "action[0].trigger[1]: A plan with triggers of two hooks"},
	{HEAD "'action':[{" TRIGGER "'description':'d'}]}", "action[0]: 'title' is missing"},
	{PLAN("'condition':[{'kind':'start'}]"), "action[0].condition[0]: 'kind' of 'start' is not supported"},
	{PLAN("'condition':[{'kind':'applicability','expression':{'language':'text/cql','expression':'X'}}]"),
	 "action[0].condition[0].expression: The language 'text/cql' is not supported"},
	{PLAN("'condition':[{'kind':'applicability','expression':{'language':'text/"
	      "cql-identifier','expression':'X'}}]"),
	 "action[0].condition[0].expression: The language 'text/cql-identifier' is not supported"},
	{PLAN("'condition':[{'kind':'applicability','expression':{'language':'text/fhirpath','reference':'urn:l',"
	      "'expression':'true'}}]"),
	 "action[0].condition[0].expression: 'reference' to an expression is not supported"},
	{PLAN(CONDITION("birthdate.exists()")),
	 "action[0].condition[0].expression: FHIRPath, line 1, column 1: Patient has no element \"birthdate\""},
	{PLAN(CONDITION("birthDate")), "action[0].condition[0].expression: A condition must be true or false"},
	{PLAN("'relatedAction':[{}]"), "action[0].relatedAction: 'relatedAction' is not supported"},
	{PLAN("'timingDateTime':'2024'"), "action[0].timingDateTime: 'timingDateTime' is not supported"},
	{PLAN("'participant':[{}]"), "action[0].participant: 'participant' is not supported"},
	{PLAN("'transform':'urn:t'"), "action[0].transform: 'transform' is not supported"},
	{PLAN("'selectionBehavior':'all'"),
	 "action[0].selectionBehavior: 'selectionBehavior' of 'all' is not supported"},
	{PLAN("'type':{'coding':[{'code':'fire-event'}]}"), "action[0].code: 'code' of 'fire-event' is not supported"},
	{PLAN("'definitionCanonical':'http://nowhere.example'"),
	 "action[0].definitionCanonical: The ActivityDefinition http://nowhere.example is not at hand"},
	{PLAN("'dynamicValue':[{'path':'action.timing','expression':{'language':'text/fhirpath','expression':'1'}}]"),
	 "action[0].dynamicValue[0]: The path 'action.timing' is not supported"},
	{PLAN(VISIT ",'dynamicValue':[{'path':'colour','expression':{'language':'text/fhirpath','expression':'1'}}]"),
	 "action[0].dynamicValue[0]: ServiceRequest has no element 'colour'"},
	{PLAN(VISIT
	      ",'dynamicValue':[{'path':'code','expression':{'language':'text/fhirpath','expression':'maritalStatus'}},"
	      "{'path':'code.text','expression':{'language':'text/fhirpath','expression':'gender'}}]"),
	 "action[0].dynamicValue[1]: 'code.text' is within an element that is set as a whole already"},
	{PLAN(VISIT
	      ",'dynamicValue':[{'path':'note[3].text','expression':{'language':'text/fhirpath','expression':'1'}}]"),
	 "action[0].dynamicValue[0]: The path 'note[3].text' leaves places empty"},
	{PLAN("'input':[{'type':'Medication'}]"), "action[0].input[0]: Data of type 'Medication' is not supported"},
	{PLAN("'input':[{'type':'Condition','dateFilter':[{}]}]"),
	 "action[0].input[0]: 'dateFilter' of a data requirement is not supported"},
	{PLAN("'input':[{'type':'Condition','codeFilter':[{'path':'code'}]}]"),
	 "action[0].input[0]: A data requirement with a codeFilter needs an id"},
	{PLAN("'action':[{'title':'t','action':[{'condition':[{}]}]}]"),
	 "action[0].action[0].action[0].condition: 'condition' is not supported"},
	{PLAN("'action':[{'title':'t','action':[{'title':'x'}]}]"),
	 "action[0].action[0].action[0]: An action here needs a definitionCanonical"},
};

static void what_is_not_done_is_refused_by_name(void **state)
{
	struct world w;
	size_t wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		world_open(&w);
		struct str got = S("(compiled)");
		if (!world_compile(&w, refused[i].plan))
			got = arena_printf(&w.arena, "%s%s%s", w.err.path, w.err.path[0] ? ": " : "", w.err.text);
		if (!str_starts(got, str_from(refused[i].wanted))) {
			wrong++;
			print_message("row %zu\n wanted %s\n got %.*s\n", i, refused[i].wanted, STR_ARG(got));
		}
		world_close(&w);
	}
	assert_int_equal(wrong, 0);
}

static const struct {
	const char *plan, *wanted;
} answered[] = {
	{PLAN(CONDITION("birthDate > @2000-01-01")), "{\"cards\":[]}"},
	{PLAN(CONDITION("birthDate < @2000-01-01")),
	 "{\"cards\":[{\"summary\":\"Do it\",\"indicator\":\"info\",\"source\":{\"label\":\"A "
	 "plan\",\"topic\":{\"code\":\"plan.action-1\",\"display\":\"Do it\"}}}]}"},
	{PLAN("'description':'{{ as it *stands* "
	      "}}','priority':'asap','code':[{'coding':[{'system':'urn:s','code':'c'}]}],"
	      "'documentation':[{'type':'citation','display':'D','url':'http://d.example'}]"),
	 "{\"cards\":[{\"summary\":\"Do it\",\"detail\":\"{{ as it *stands* "
	 "}}\",\"indicator\":\"critical\",\"source\":{"
	 "\"label\":\"A "
	 "plan\",\"url\":\"http://d.example\",\"topic\":{\"system\":\"urn:s\",\"code\":\"c\"}},\"links\":[{"
	 "\"label\":\"D\",\"url\":\"http://d.example\",\"type\":\"absolute\"}]}]}"},
	{PLAN("'input':[{'id':'things','type':'Condition'},{'id':'some','type':'Condition','codeFilter':[{'path':'code'"
	      ","
	      "'valueSet':'http://example.org/vs/opioids'}]}],'dynamicValue':[{'path':'title','expression':{'language':"
	      "'text/fhirpath','expression':'%things.count().toString() & `, ` & %some.id'}}]"),
	 "{\"cards\":[{\"summary\":\"2, c\",\"indicator\":\"info\",\"source\":{\"label\":\"A "
	 "plan\",\"topic\":{\"code\":\"plan.action-1\",\"display\":\"Do it\"}}}]}"},
	{HEAD "'action':[{" TRIGGER CONDITION(
		 "gender = `female`") ",'action':[{'title':'one'},{'title':'two'," CONDITION("gender = `male`") "}]}]}",
	 "{\"cards\":[{\"summary\":\"one\",\"indicator\":\"info\",\"source\":{\"label\":\"A "
	 "plan\",\"topic\":{\"code\":\"plan.action-1\",\"display\":\"one\"}}}]}"},
	{PLAN("'action':[{'title':'Visit','precheckBehavior':'yes'," VISIT
	      ",'dynamicValue':[{'path':'priority','expression':{'language':'text/"
	      "fhirpath','expression':'`stat`'}},{'path':"
	      "'ServiceRequest.category[0].text','expression':{'language':'text/"
	      "fhirpath','expression':'gender'}}]},{'title':"
	      "'Never'," CONDITION("false") "}]"),
	 "{\"cards\":[{\"summary\":\"Do it\",\"indicator\":\"info\",\"source\":{\"label\":\"A "
	 "plan\",\"topic\":{\"code\":\"plan.action-1\",\"display\":\"Do it\"}},\"suggestions\":[{\"label\":\"Visit\","
	 "\"isRecommended\":true,\"actions\":[{\"type\":\"create\",\"description\":\"Visit\",\"resource\":{"
	 "\"resourceType\":\"ServiceRequest\",\"instantiatesCanonical\":[\"http://example.org/ad/visit\"],\"status\":"
	 "\"draft\",\"intent\":\"proposal\",\"priority\":\"stat\",\"code\":{\"text\":\"Visit\"},\"subject\":{"
	 "\"reference\":"
	 "\"Patient/p\"},\"note\":[{\"text\":\"for "
	 "p\"}],\"category\":[{\"text\":\"female\"}]}}]}],\"selectionBehavior\":"
	 "\"at-most-one\"}]}"},
};

static void plans_answer_as_services(void **state)
{
	struct world w;
	size_t wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(answered) / sizeof(answered[0]); i++) {
		world_open(&w);
		struct str got = world_run(&w, answered[i].plan, CONTEXT, PREFETCH);
		if (!str_is(got, answered[i].wanted)) {
			wrong++;
			print_message("row %zu\n wanted %s\n got %.*s\n", i, answered[i].wanted, STR_ARG(got));
		}
		world_close(&w);
	}
	assert_int_equal(wrong, 0);
}

/* The operation's answer is a CarePlan that FHIR allows, whose references lead to what it contains. */
static void the_care_plan_is_valid(void **state)
{
	struct world w;
	struct buf out;
	struct issues findings;
	(void)state;
	world_open(&w);
	world_run(&w, answered[5].plan, CONTEXT, PREFETCH);
	const struct json *plan =
		json_parse(&w.arena, S("{\"url\":\"http://example.org/plan\",\"title\":\"T\"}"), 0, NULL);
	buf_init(&out, 1 << 20);
	assert_true(rule_care_plan(&w.arena, &w.result.answer, plan, S("Patient/p"), &out, NULL));
	const struct json *care = json_parse(&w.arena, buf_str(&out), 0, NULL);
	issues_init(&findings, &w.arena);
	if (!care || !resource_check(definitions_builtin(), care, &findings))
		fail_msg("%.*s: %.*s", STR_ARG(buf_str(&out)), findings.first ? (int)findings.first->text.n : 0,
			 findings.first ? findings.first->text.p : "");
	const struct json *contained = json_get(care, S("contained"));
	assert_int_equal(json_size(contained), 2);
	const struct json *action = json_at(json_get(json_at(contained, 0), S("action")), 0);
	const struct json *inner = json_at(json_get(action, S("action")), 0);
	assert_true(str_is(json_get_str(json_get(inner, S("resource")), S("reference")), "#r1"));
	assert_true(str_is(json_get_str(json_at(contained, 1), S("id")), "r1"));
	buf_done(&out);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_done_is_refused_by_name),
		cmocka_unit_test(plans_answer_as_services),
		cmocka_unit_test(the_care_plan_is_valid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
