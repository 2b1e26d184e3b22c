/* Services that are wrong are refused with the member and what would be right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "world.h"

#define HEAD	   "{'id':'t','hook':'order-select','description':'d','source':{'label':'us'},'indicator':'info',"
#define CARD	   "'card':{'summary':'s'}"
#define RULE(body) HEAD "'prefetch':{'p':'Patient/{{context.patientId}}'},'rules':[{'id':'r'," body "}]}"

static const struct {
	const char *service, *wanted;
} rows[] = {
	{"[]", "This is array; expected names and values"},
	{"{'hook':'patient-view'}", "'id' is missing"},
	{"{'id':'a b','hook':'patient-view'}", "'id' is part of the service's address"},
	{"{'id':'a','hook':'patient-look','description':'d'}", "hook: There is no hook 'patient-look'"},
	{"{'id':'a','hook':'patient-view','descripton':'d'}",
	 "descripton: There is no 'descripton' here; did you mean 'description'?"},
	{"{'id':'a','hook':[],'description':'d'}", "hook: 'hook' needs one or more different hooks"},
	{"{'id':'a','hook':['patient-view'],'description':'d'}", "The service has no 'rules'"},
	{HEAD "'rules':[]}", "The service has no 'rules'"},
	{RULE("'when':true"), "rules[0]: The rule has no 'card'"},
	{RULE(CARD), "rules[0]: The rule has neither 'when' nor 'forEach'"},
	{RULE("'when':'%p.birthDat > %today'," CARD),
	 "rules[0].when: FHIRPath, line 1, column 4: Patient has no element \"birthDat\""},
	{RULE("'when':'%q.exists()'," CARD), "rules[0].when: FHIRPath, line 1, column 1: there is no variable %q"},
	{RULE("'when':'birthDate.exists()'," CARD),
	 "rules[0].when: FHIRPath, line 1, column 1: \"birthDate\" has nothing"},
	{RULE("'when':'Patient.birthDate.exists()'," CARD),
	 "rules[0].when: FHIRPath, line 1, column 1: \"Patient\" has"},
	{RULE("'when':'%p.birthDate'," CARD), "rules[0].when: A condition must be true or false, and this is date"},
	{RULE("'when':'%p.birthDate > '," CARD), "rules[0].when: FHIRPath"},
	{RULE("'when':'%p.maritalStatus.memberOf(`x`)'," CARD),
	 "rules[0].when: There is no value set 'x' in valueSets"},
	{RULE("'when':'%p.maritalStatus.memberOf(`http://nowhere.example`)'," CARD),
	 "rules[0].when: The codes of value set http://nowhere.example are not listed here: it is not at hand"},
	{RULE("'when':true,'card':{'summary':'{{ %p'}"), "rules[0].card.summary: A {{ has no }}"},
	{RULE("'when':true,'card':{'summary':'{{ %p.contact }}'}"),
	 "rules[0].card.summary: {{%p.contact}} gives Patient.contact, which has no text of its own"},
	{RULE("'when':true,'card':{'summary':'{{#each %p}}x'}"), "rules[0].card.summary: {{/each}} is missing"},
	{RULE("'when':true,'card':{'summary':'x{{/if}}'}"), "rules[0].card.summary: {{/if}} is not expected here"},
	{RULE("'when':true,'card':{'summary':'s','indicator':'hard-stop'}"),
	 "rules[0].card: 'indicator' is 'info', 'warning' or 'critical'"},
	{RULE("'forEach':'%p','card':{'summary':'{{ %item.birthdate }}'}"),
	 "rules[0].card.summary: FHIRPath, line 1, column 7: Patient has no element \"birthdate\""},
	{RULE("'when':true,'card':{'summary':'{{ %item.id }}'}"), "rules[0].card.summary: FHIRPath"},
	{RULE("'when':true,'card':{'summary':'s','suggestions':[{'label':'l','actions':[{'type':'create','description':"
	      "'d'"
	      "}]}]}"),
	 "rules[0].card.suggestions[0].actions[0]: create and update need 'resource'"},
	{RULE("'when':true,'card':{'summary':'s','suggestions':[{'label':'l','actions':[{'type':'create','description':"
	      "'d','resource':{'resourceType':'Ptient'}}]}]}"),
	 "rules[0].card.suggestions[0].actions[0].resource: A resource needs a 'resourceType' of FHIR R4"},
	{RULE("'when':true,'card':{'summary':'s','suggestions':[{'label':'l','actions':[{'type':'create','description':"
	      "'d','resource':{'resourceType':'Task','for':{'reference':'{{ %p.idd }}'}}}]}]}"),
	 "rules[0].card.suggestions[0].actions[0].resource.for.reference: FHIRPath, line 1, column 4"},
	{RULE("'when':true,'card':{'summary':'s','links':[{'label':'l','url':'u','type':'smrt'}]}"),
	 "rules[0].card.links[0]: A link's type is 'absolute' or 'smart'"},
	{HEAD "'prefetch':{'p':'Ptient/1'},'rules':[]}", "prefetch.p: A prefetch template begins with a resource type"},
	{HEAD "'prefetch':{'p':'Patient/{{context.nobody}}'},'rules':[]}", "prefetch.p: "},
	{HEAD "'prefetch':{'today':'Patient/1'},'rules':[]}", "prefetch.today: The name 'today' is taken already"},
	{HEAD "'define':{'a-b':'1'},'rules':[]}", "define.a-b: 'a-b' cannot be a name"},
	{HEAD "'define':{'a':'%b','b':'1'},'rules':[]}",
	 "define.a: FHIRPath, line 1, column 1: there is no variable %b"},
	{HEAD "'use':'shared.json','rules':[]}", "use: in shared.json, define.broken: FHIRPath, line 1, column 1"},
	{HEAD "'use':5,'rules':[]}", "use: 'use' is a file or a list of files"},
	{HEAD "'valueSets':{'v':'no.json'},'rules':[]}", "valueSets.v: There is no file no.json"},
	{HEAD "'valueSets':{'v':'list.json'},'rules':[]}", "valueSets.v: list.json is no ValueSet"},
	{HEAD "'valueSets':{'v':'filtered.json'},'rules':[]}",
	 "valueSets.v: The codes of value set filtered.json are not listed here: it has no expansion"},
	{"{'id':'t','hook':'patient-view','description':'d','rules':[{'id':'r','when':true,'card':{'summary':'s',"
	 "'indicator':'info'}}]}",
	 "source: 'source' is missing"},
	{HEAD "'rules':[{'id':'r','when':true," CARD "},{'id':'r','when':true," CARD "}]}",
	 "rules[1]: Two rules have the id 'r'"},
};

static void what_is_wrong_is_said(void **state)
{
	struct world w;
	size_t wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_open(&w);
		struct str got = S("(compiled)");
		if (!world_compile(&w, rows[i].service))
			got = arena_printf(&w.arena, "%s%s%s", w.err.path, w.err.path[0] ? ": " : "", w.err.text);
		if (!str_starts(got, str_from(rows[i].wanted))) {
			wrong++;
			print_message("row %zu %s\n wanted %s\n got %.*s\n", i, rows[i].service, rows[i].wanted,
				      STR_ARG(got));
		}
		world_close(&w);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_wrong_is_said)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
