/* What services answer: names, conditions, cards, templates, value sets, suggestions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "world.h"

#define PREFETCH                                                                                                       \
	"{'patient':{'resourceType':'Patient','id':'p','birthDate':'1960-03-01','name':[{'given':['An<b>na'],"         \
	"'family':'B*ck'}]},"                                                                                          \
	"'meds':{'resourceType':'Bundle','type':'searchset','entry':[{'fullUrl':'http://h/MedicationRequest/m1',"      \
	"'resource':{'resourceType':'MedicationRequest','id':'m1','status':'active','intent':'order','subject':"       \
	"{'reference':'Patient/p'},'medicationCodeableConcept':{'coding':[{'system':"                                  \
	"'http://www.nlm.nih.gov/research/umls/rxnorm','code':'7804','display':'oxycodone'}]}}},"                      \
	"{'resource':{'resourceType':'MedicationRequest','id':'m2','status':'active','intent':'order','subject':"      \
	"{'reference':'Patient/p'},'medicationReference':{'reference':'#med'},'contained':[{'resourceType':"           \
	"'Medication','id':'med','code':{'text':'tea','coding':[{'system':'urn:x','code':'inner'}]}}]}},"              \
	"{'resource':{'resourceType':'MedicationRequest','id':'m3','status':'stopped','intent':'order','subject':"     \
	"{'reference':'Patient/p'},'medicationReference':{'reference':'Medication/far'}}},"                            \
	"{'resource':{'resourceType':'OperationOutcome'}}]},"                                                          \
	"'more':{'response':{'status':'200'},'resource':{'resourceType':'Medication','id':'far','code':{'coding':[{"   \
	"'system':'urn:x','code':'a','display':'salt'}]}}},'none':null}"
#define CONTEXT                                                                                                        \
	"{'userId':'Practitioner/u','patientId':'p','selections':['ServiceRequest/s2'],'draftOrders':{'resourceType':" \
	"'Bundle','type':'collection','entry':[{'resource':{'resourceType':'ServiceRequest','id':'s1','status':'"      \
	"draft',"                                                                                                      \
	"'intent':'order','subject':{'reference':'Patient/"                                                            \
	"p'}}},{'resource':{'resourceType':'ServiceRequest','id':'s2',"                                                \
	"'status':'draft','intent':'order','subject':{'reference':'Patient/p'}}}]}}"

/* A service with these definitions whose one card's summary is the template. */
#define SERVICE(extra, when, summary)                                                                                  \
	"{'id':'t','hook':'order-select','description':'d','source':{'label':'us'},'prefetch':{'patient':"             \
	"'Patient/{{context.patientId}}','meds':'MedicationRequest?patient={{context.patientId}}','more':"             \
	"'Medication?code=x','none':'Condition?patient={{context.patientId}}'},'valueSets':{'opioids':"                \
	"'opioids.json','both':'both.json'},'tables':{'rows':[{'name':'one','factor':2},{'name':'two','factor':1.5}]," \
	"'file':'list.json'}," extra "'rules':[{'id':'r','when':'" when                                                \
	"','card':{'indicator':'info','summary':'" summary "'}}]}"

/* The summary, or what the answer was instead. */
static struct str summary(struct world *w, const char *service)
{
	struct str text = world_run(w, service, CONTEXT, PREFETCH);
	if (str_starts(text, S("failed")))
		return text;
	return w->result.answer.count ? w->result.answer.cards[0].summary : S("(no card)");
}

static void summaries_say_what_expressions_give(void **state)
{
	static const struct {
		const char *service, *wanted;
	} rows[] = {
		{SERVICE("", "true", "plain"), "plain"},
		{SERVICE("", "%patient.exists()", "{{ %patient.birthDate }} {{%patient.id}}"), "1960-03-01 p"},
		{SERVICE("", "true", "{{ %patient.name }}"), "An<b>na B*ck"},
		{SERVICE("", "true", "{{ %today }} {{ %now.toString() }} {{ today() }}"),
		 "2023-05-01 2023-05-01T12:00:00.000Z 2023-05-01"},
		{SERVICE("", "%patient.birthDate <= %today - 65 years", "old"), "(no card)"},
		{SERVICE("", "%patient.birthDate <= %today - 63 years", "old"), "old"},
		{SERVICE("", "%none.exists()", "x"), "(no card)"},
		{SERVICE("", "{}", "x"), "(no card)"},
		{SERVICE("", "true", "{{ %meds.count() }} {{ %resources.count() }} {{ %more.id }}"), "3 5 far"},
		{SERVICE("", "true", "{{ %meds.id }}"), "m1, m2, m3"},
		{SERVICE("", "true", "{{ %orders.id }}; {{ %selected.id }}"), "s1, s2; s2"},
		{SERVICE("", "true", "{{ %context.patientId }} {{ %context.draftOrders.entry.resource.id.first() }}"),
		 "p s1"},
		{SERVICE("", "true", "{{ %prefetch.meds.entry.count() }} {{ %prefetch.none.exists() }}"), "4 false"},
		{SERVICE("", "true", "{{ %meds.where(medication.memberOf(`opioids`)).id }}"), "m1, m2"},
		{SERVICE("", "true", "{{ %meds.where(medication.memberOf(`both`)).id }}"), "m1, m2, m3"},
		{SERVICE("", "true", "{{ %meds.where(medication.memberOf(`http://example.org/vs/opioids`)).id }}"),
		 "m1, m2"},
		{SERVICE("", "true", "{{ %meds.medication }}"), "oxycodone, tea, salt"},
		{SERVICE("", "true",
			 "{{ %meds.medication.ofType(Reference).resolve().ofType(Medication).code.coding.code }}"),
		 "inner, a"},
		{SERVICE("", "true", "{{ %rows.where(name = `two`).factor }} {{ %file.name }}"), "1.5 one, two"},
		{SERVICE("'define':{'active':'%meds.where(status = `active`)','two':'%active.count() = 2'},", "%two",
			 "{{ %active.id }}"),
		 "m1, m2"},
		{SERVICE("", "true", "{{#each %meds}}[{{ id }}{{#if status = `stopped`}}!{{/if}}]{{/each}}"),
		 "[m1][m2][m3!]"},
		{SERVICE("", "true", "{{ `}}` & `a` }}"), "}}a"},
		{SERVICE("'use':['good.json'],'define':{'own':'%shared & `!`'},", "true", "{{ %own }}"), "yes!"},
		{SERVICE("", "true", "a\\n{{#each %meds}}\\n- {{ id }}\\n{{#if true}}\\n!\\n{{/if}}\\n{{/each}}\\nb"),
		 "a\n- m1\n!\n- m2\n!\n- m3\n!\nb"},
		{SERVICE("", "true", "{{ (%rows.repeatAll(iif(name.exists(), 7, {})) | %file.name).count() }}"), "3"},
		{SERVICE("", "true",
			 "{{ "
			 "(1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16|17|18|19|20|21|22|23|24|25|26|27|28|29|30|31|32|33|"
			 "34|"
			 "35|36|37|38|39|40|41|42|43|44|45|46|47|48|49|50|51|52).skip(49) }} {{ "
			 "(1|2|3|4|5|6|7).select($this|10+$this|20+$this|30+$this|40+$this|50+$this|60+$this|70+$this)."
			 "take("
			 "52).count() }}"),
		 "50, 51, 52 52"},
		{SERVICE("", "true", "{{ 5 `mg` }}"), "5 'mg'"},
	};
	struct world w;
	size_t wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_open(&w);
		struct str got = summary(&w, rows[i].service);
		if (!str_is(got, rows[i].wanted)) {
			wrong++;
			print_message("row %zu: wanted %s\n got %.*s\n", i, rows[i].wanted, STR_ARG(got));
		}
		world_close(&w);
	}
	assert_int_equal(wrong, 0);
}

static void details_keep_data_as_text(void **state)
{
	struct world w;
	(void)state;
	world_open(&w);
	struct str got =
		world_run(&w,
			  "{'id':'t','hook':'patient-view','description':'d','prefetch':{'patient':'Patient/"
			  "{{context.patientId}}'},"
			  "'rules':[{'id':'r','when':true,'card':{'indicator':'critical','summary':'s','detail':'**{{ "
			  "%patient.name "
			  "}}**','source':{'label':'us','url':'http://us.example'},'topic':{'system':'urn:t','code':"
			  "'c'}}}]}",
			  CONTEXT, PREFETCH);
	assert_string_equal(got.p,
			    "{\"cards\":[{\"summary\":\"s\",\"detail\":\"**An&lt;b&gt;na "
			    "B\\\\*ck**\",\"indicator\":\"critical\",\"source\":{\"label\":\"us\",\"url\":\"http://"
			    "us.example\",\"topic\":{\"system\":\"urn:t\",\"code\":\"c\"}}}]}");
	world_close(&w);
}

static void each_item_has_its_card(void **state)
{
	struct world w;
	struct buf out;
	(void)state;
	world_open(&w);
	struct str got = world_run(
		&w,
		"{'id':'t','hook':'order-select','description':'d','indicator':'warning','source':{'label':'us'},"
		"'overrideReasons':[{'code':'no','system':'urn:o','display':'No'}],"
		"'prefetch':{'meds':'MedicationRequest?patient={{context.patientId}}'},"
		"'rules':[{'id':'r','forEach':'%meds.where(status = `active`)','card':{'summary':'{{ id }} {{ "
		"%item.status "
		"}}','suggestions':[{'label':'Stop {{ id "
		"}}','isRecommended':true,'actions':[{'type':'update','description':"
		"'stop','resource':{'resourceType':'MedicationRequest','id':'{{ id }}','status':'stopped','intent':'{{ "
		"intent "
		"}}','subject':'{{ subject }}','medicationCodeableConcept':'{{ medication.ofType(CodeableConcept) }}',"
		"'medicationReference':{'reference':'Medication/x-{{ id }}'},'note':[{'text':'{{ %meds.id }}'}],"
		"'priority':'{{ {} }}'}},{'type':'delete','description':'go','resourceId':'MedicationRequest/{{ id "
		"}}'}]}],"
		"'links':[{'label':'app','url':'https://a.example/{{ id }}','type':'smart','appContext':'{{ id }}'}]}},"
		"{'id':'q','when':false,'card':{'summary':'never'}}]}",
		CONTEXT, PREFETCH);
	assert_true(str_starts(got, S("failed: rule r: ")));
	assert_non_null(strstr(got.p, "the suggested resource is not valid"));
	world_close(&w);
	world_open(&w);
	got = world_run(
		&w,
		"{'id':'t','hook':'order-select','description':'d','indicator':'warning','source':{'label':'us'},"
		"'overrideReasons':[{'code':'no','system':'urn:o','display':'No'}],"
		"'prefetch':{'meds':'MedicationRequest?patient={{context.patientId}}'},"
		"'rules':[{'id':'r','forEach':'%meds.where(id = `m1`)','card':{'summary':'{{ id "
		"}}','suggestions':[{'label':"
		"'Stop {{ id }}','isRecommended':true,'actions':[{'type':'update','description':'stop','resource':{"
		"'resourceType':'MedicationRequest','id':'{{ id }}','status':'stopped','intent':'{{ intent "
		"}}','subject':"
		"'{{ subject }}','medicationCodeableConcept':'{{ medication }}','note':[{'text':'{{ %meds.id.first() & "
		"`\\\"` "
		"}}'}],'priority':'{{ {} }}'}}]}]}}]}",
		CONTEXT, PREFETCH);
	buf_init(&out, 1 << 16);
	if (w.result.answer.count != 1)
		fail_msg("%s", got.p);
	const struct hook_card *card = &w.result.answer.cards[0];
	assert_int_equal(card->suggestion_count, 1);
	assert_string_equal(card->override_reasons[0].code.p, "no");
	struct json_writer writer = json_writer(&out);
	json_put_value(&writer, card->suggestions[0].actions[0].resource);
	buf_char(&out, 0);
	assert_string_equal(out.p,
			    "{\"resourceType\":\"MedicationRequest\",\"id\":\"m1\",\"status\":\"stopped\",\"intent\":"
			    "\"order\",\"subject\":{\"reference\":\"Patient/p\"},\"medicationCodeableConcept\":{"
			    "\"coding\":[{\"system\":\"http://www.nlm.nih.gov/research/umls/rxnorm\",\"code\":\"7804\","
			    "\"display\":\"oxycodone\"}]},\"note\":[{\"text\":\"m1\\\"\"}]}");
	buf_done(&out);
	world_close(&w);
}

/* The url of a link by this template. */
static struct str link_by(const char *url)
{
	static struct world w;
	static char service[2000], got[400];
	world_open(&w);
	snprintf(service, sizeof(service),
		 "{'id':'t','hook':'order-select','description':'d','source':{'label':'us'},'indicator':'info','"
		 "prefetch':{"
		 "'patient':'Patient/"
		 "{{context.patientId}}'},'rules':[{'id':'r','when':true,'card':{'summary':'s','links':[{"
		 "'label':'l','url':'%s'}]}}]}",
		 url);
	struct str answer = world_run(&w, service, CONTEXT, PREFETCH);
	struct str text = w.result.answer.count ? w.result.answer.cards[0].links[0].url : answer;
	snprintf(got, sizeof(got), "%.*s", STR_ARG(text));
	world_close(&w);
	return str_from(got);
}

static void links_lead_into_the_web(void **state)
{
	(void)state;
	assert_string_equal(link_by("https://a.example/{{ %patient.name.family }}?x=1").p,
			    "https://a.example/B%2Ack?x=1");
	assert_string_equal(link_by("{{ `https://a.example/b?c=d&e` }}").p, "https://a.example/b?c=d&e");
	assert_true(str_starts(link_by("{{ `javascript:alert(1)` }}"), S("failed: rule r: an address must begin")));
	assert_true(str_starts(link_by("{{ %patient.name.family }}://x"), S("failed: rule r: an address must begin")));
}

static void one_failing_rule_leaves_the_others(void **state)
{
	struct world w;
	(void)state;
	world_open(&w);
	struct str got = world_run(
		&w,
		"{'id':'t','hook':'order-select','description':'d','indicator':'info','source':{'label':'us'},"
		"'prefetch':{'meds':'MedicationRequest?patient={{context.patientId}}'},'define':{'bad':'%meds.status > "
		"`a`'},"
		"'rules':[{'id':'a','when':true,'card':{'summary':'one'}},{'id':'b','when':'%bad','card':{'summary':'"
		"two'}},"
		"{'id':'c','when':'%bad','card':{'summary':'three'}},{'id':'d','when':true,'card':{'summary':'four'}}]"
		"}",
		CONTEXT, PREFETCH);
	if (w.result.failure_count != 2)
		fail_msg("%s", got.p);
	assert_string_equal(w.result.failures[0].rule.p, "b");
	assert_int_equal(w.result.answer.count, 2);
	assert_string_equal(w.result.answer.cards[1].summary.p, "four");
	assert_true(w.result.steps > 0);
	world_close(&w);
}

static void steps_of_a_request_are_bounded(void **state)
{
	struct world w;
	(void)state;
	world_open(&w);
	struct str got = summary(&w, SERVICE("'define':{'a':'%rows.repeatAll(%rows)'},", "%a.count() > 5", "x"));
	assert_true(str_starts(got, S("failed: ")));
	assert_int_equal(w.err.code, ERR_LIMIT);
	world_close(&w);
}

static void terminology_is_asked_for_what_no_file_lists(void **state)
{
	static const char service[] =
		"{'id':'t','hook':'patient-view','description':'d','indicator':'info','source':{'label':'us'},'"
		"prefetch':{"
		"'more':'Medication?code=x'},'valueSets':{'f':'filtered.json'},'rules':[{'id':'r','when':"
		"'%more.code.memberOf(`f`)','card':{'summary':'in'}}]}";
	struct world w;
	(void)state;
	world_open(&w);
	w.knows = true;
	assert_string_equal(summary(&w, service).p, "in");
	w.knows = false;
	assert_true(str_starts(summary(&w, service), S("failed: valueSets.f: ")));
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(summaries_say_what_expressions_give),
		cmocka_unit_test(details_keep_data_as_text),
		cmocka_unit_test(each_item_has_its_card),
		cmocka_unit_test(links_lead_into_the_web),
		cmocka_unit_test(one_failing_rule_leaves_the_others),
		cmocka_unit_test(steps_of_a_request_are_bounded),
		cmocka_unit_test(terminology_is_asked_for_what_no_file_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
