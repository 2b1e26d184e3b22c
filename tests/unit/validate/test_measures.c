/* MeasureReports against their Measures: parts by code, subjects, counts and scores. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"

#define CODE(code)                                                                                                     \
	"'code':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/measure-population','code':'" code "'}]}"
#define CRITERIA      "'criteria':{'language':'text/fhirpath','expression':'true'}"
#define DEFINED(code) "{" CODE(code) "," CRITERIA "}"
#define MEASURE(name, scoring, groups)                                                                                 \
	"{'resourceType':'Measure','url':'http://x.test/" name "','status':'active','scoring':{'coding':[{'system':"   \
	"'http://terminology.hl7.org/CodeSystem/measure-scoring','code':'" scoring "'}]},'group':[" groups "]}"
#define BOTH		  DEFINED("numerator") "," DEFINED("denominator")
#define NAMED(name, more) "{'code':{'text':'" name "'}" more "}"

static const char *const definitions[] = {
	MEASURE("p", "proportion", "{'population':[" BOTH "]}"),
	MEASURE("c", "cohort",
		"{'population':[" DEFINED("initial-population") "],'stratifier':[{'code':{'text':'Age'}," CRITERIA
								"}]}"),
	MEASURE("two", "cohort", NAMED("a", "") "," NAMED("b", "")), NULL};

#define REPORT(measure, status, type, groups)                                                                          \
	"{'resourceType':'MeasureReport','status':'" status "','type':'" type "','measure':'http://x.test/" measure    \
	"','period':{'start':'2020-01-01'},'group':[" groups "]}"
#define COUNTED(code, count) "{" CODE(code) ",'count':" count "}"
#define SCORED(score)	     "{'population':[" COUNTED("numerator", "1") "," COUNTED("denominator", "2") "]" score "}"
#define COHORT(population)   "{'population':[" population "],'stratifier':[{'code':[{'text':'age'}]}]}"

static const struct fixture_case parts[] = {
	{REPORT("c", "complete", "summary", COHORT(COUNTED("initial-population", "3"))), NULL, ""},
	{REPORT("none", "complete", "summary", "{}"), NULL, "error MeasureReport.group[0] ele-1"},
	{REPORT("c", "complete", "summary", COHORT(COUNTED("numerator", "3"))), NULL,
	 "error MeasureReport.group[0].population[0] measure-code\nerror MeasureReport.group[0] measure-missing"},
	{REPORT("c", "pending", "summary", COHORT(COUNTED("numerator", "3"))), NULL,
	 "error MeasureReport.group[0].population[0] measure-code"},
	{REPORT("c", "pending", "summary",
		COHORT(COUNTED("initial-population", "3") "," COUNTED("initial-population", "3"))),
	 NULL, "error MeasureReport.group[0].population[1] measure-code"},
	{REPORT("c", "pending", "summary", "{'stratifier':[{'id':'s'},{'code':[{'text':'Sex'}]}]}"), NULL,
	 "error MeasureReport.group[0].stratifier[0] ele-1\nerror MeasureReport.group[0].stratifier[0] measure-code\n"
	 "error MeasureReport.group[0].stratifier[1] measure-code"},
	{REPORT("two", "complete", "summary", NAMED("b", "") "," NAMED("a", "")), NULL, ""},
	{REPORT("two", "complete", "summary", NAMED("b", "")), NULL, "error MeasureReport measure-missing"},
	{REPORT("two", "pending", "summary", NAMED("c", "")), NULL, "error MeasureReport.group[0] measure-code"},
};

static const struct fixture_case subjects[] = {
	{REPORT("c", "complete", "summary", COHORT("{" CODE("initial-population") "}")), NULL,
	 "warning MeasureReport.group[0].population[0] measure-count"},
	{REPORT("c", "complete", "summary",
		COHORT("{" CODE("initial-population") ",'count':1,'subjectResults':{'reference':'List/1'}}")),
	 NULL, "error MeasureReport.group[0].population[0] measure-subjects"},
	{REPORT("c", "complete", "subject-list",
		COHORT("{" CODE("initial-population") ",'count':7,'subjectResults':{'reference':'List/1'}}")),
	 NULL, ""},
};

static const struct fixture_case scores[] = {
	{REPORT("p", "complete", "summary", SCORED(",'measureScore':{'value':0.5}")), NULL, ""},
	{REPORT("p", "complete", "summary", SCORED(",'measureScore':{'value':50}")), NULL,
	 "error MeasureReport.group[0].measureScore measure-score"},
	{REPORT("p", "complete", "summary", SCORED(",'measureScore':{'value':0.5,'unit':'%'}")), NULL,
	 "error MeasureReport.group[0].measureScore measure-score"},
	{REPORT("p", "complete", "summary", SCORED(",'measureScore':{'unit':'1'}")), NULL,
	 "error MeasureReport.group[0].measureScore measure-score"},
	{REPORT("p", "complete", "summary", SCORED("")), NULL, "error MeasureReport.group[0] measure-score"},
	{REPORT("p", "pending", "summary", SCORED("")), NULL, ""},
	{REPORT("p", "complete", "individual", SCORED("")), NULL, ""},
	{REPORT("p", "complete", "summary",
		"{'population':[" COUNTED("numerator", "0") "," COUNTED("denominator", "0") "]}"),
	 NULL, ""},
	{REPORT("c", "complete", "summary",
		"{'measureScore':{'value':1},'population':[" COUNTED("initial-population", "3") //
		"],'stratifier':[{'code':[{'text':'age'}]}]}"),
	 NULL, "error MeasureReport.group[0].measureScore measure-score"},
};

#define CHECK(table) FIXTURE_TABLE(check_##table, table)
CHECK(parts)
CHECK(subjects)
CHECK(scores)

FIXTURE_OPEN(definitions)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_parts),
		cmocka_unit_test(check_subjects),
		cmocka_unit_test(check_scores),
	};
	return cmocka_run_group_tests(tests, open_fixture, fixture_close_group);
}
