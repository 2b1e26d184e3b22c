/*
 * Writes: what each vendor takes, what it refuses and how, and what becomes of what it took. Rows: see
 * write_rows.h.
 */
#include "write_rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "shapes.h"

/* ---- Epic ------------------------------------------------------------------------------------------------------- */

static const struct row epic_rows[] = {
	{"a pulse is filed in the flowsheet", "POST", "Observation", NULL,
	 VITAL("8867-4") ",'performer':[{'display':'Somebody Else'}]}", 201, "2.707679','code':'8','display':'Pulse'",
	 "Somebody Else"},
	{"its time is in UTC", "GET", "Observation/$L", NULL, NULL, 200, "'effectiveDateTime':'2026-04-28T17:00:27Z'",
	 NULL},
	{"the integration user wrote it", "GET", "Observation/$L", NULL, NULL, 200, "User Interconnect", NULL},
	{"an unknown vital sign has no row", "POST", "Observation", NULL, VITAL("1234-5") "}", 400, "'59188'", NULL},
	{"results are not filed", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY("laboratory") LOINC("718-7") WHO
	 "'effectiveDateTime':'2026-04-28T17:00:27Z','valueQuantity':{'value':1}}",
	 400, "'59187'", NULL},
	{"a value is required", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY("vital-signs") LOINC("8867-4") WHO
	 "'effectiveDateTime':'2026-04-28T17:00:27Z'}",
	 400, "'59108'", NULL},
	{"a visit must exist", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY("vital-signs")
		 LOINC("8867-4") "'subject':{"
				 "'reference':'Patient/$P'},'encounter':{'reference':'Encounter/none'},"
				 "'effectiveDateTime':'2026-04-28T17:00:27Z','valueQuantity':{'value':61}}",
	 400, "'59144'", NULL},
	{"a diagnosis becomes a problem", "POST", "Condition", NULL,
	 "{'resourceType':'Condition','clinicalStatus':{'coding':[{'system':"
	 "'http://terminology.hl7.org/CodeSystem/condition-clinical','code':'active'}]},'category':[{'coding':[{"
	 "'system':'http://terminology.hl7.org/CodeSystem/condition-category','code':'encounter-diagnosis'}]}],"
	 "'code':{'coding':[{'system':'http://snomed.info/sct','code':'41652007','display':'Eye "
	 "pain'}],'text':'Eye'}," WHO "'onsetDateTime':'1966-04-09T13:56:40-05:00'}",
	 201, "problem-list-item", "1966"},
	{"its id is long", "GET", "Condition/$L", NULL, NULL, 200, "'id':'O.", "'text':'Eye'"},
	{"it has no update", "PUT", "Condition/$L", NULL, "{'resourceType':'Condition','id':'$L'}", 404, "<html", NULL},
	{"reports cannot be created", "POST", "DiagnosticReport", NULL, "{'resourceType':'DiagnosticReport'}", 404,
	 "<html", NULL},
	{"nor can reports that are not there be updated", "PUT", "DiagnosticReport/none", NULL,
	 "{'resourceType':'DiagnosticReport','id':'none','status':'final','code':{'text':'x'}}", 404, "'59008'", NULL},
	{"flags cannot be written", "POST", "Flag", NULL, "{'resourceType':'Flag'}", 404, "<html", NULL},
	{"nothing is patched", "PATCH", "Patient/$P", NULL, "[]", 404, "<html", NULL},
	{"nothing is deleted", "DELETE", "Patient/$P", NULL, NULL, 404, "<html", NULL},
	{"a patient's name is required", "POST", "Patient", NULL,
	 "{'resourceType':'Patient','gender':'male','birthDate':'1942-07-04'}", 400, "'59108'", NULL},
	{"a patient loses number and telephone", "POST", "Patient", NULL,
	 "{'resourceType':'Patient','identifier':[{'use':'official','system':'urn:oid:2.16.840.1.113883.4.1','value':"
	 "'927-80-3287'}],'name':[{'use':'official','family':'Kanter','given':['Adalberto'],'prefix':['Mr.']}],"
	 "'telecom':[{'system':'phone','value':'555-513-1682'}],'gender':'male','birthDate':'1942-07-04'}",
	 201, "'PATRPT'", "927-80"},
	{"its prefix is in capitals", "GET", "Patient/$L", NULL, NULL, 200, "'MR.'", "555-513"},
	{"it knows its own id", "GET", "Patient/$L", NULL, NULL, 200, "patient-fhir-id','value':'$L'", "@self@"},
	{"a note becomes HTML and RTF", "POST", "DocumentReference", NULL,
	 "{'resourceType':'DocumentReference','status':'current','type':{'coding':[{'system':'http://loinc.org','code':"
	 "'34117-2','display':'History and physical note'}]},'subject':{'reference':'Patient/$P'},'author':[{'display':"
	 "'Somebody Else'}],'content':[{'attachment':{'contentType':'text/plain; charset=utf-8','data':'SGVsbG8='}}],"
	 "'context':{'encounter':[{'reference':'Encounter/$E'}]}}",
	 201, "text/rtf", "Somebody Else"},
	{"with the note type of the site", "GET", "DocumentReference/$L", NULL, NULL, 200,
	 "4.737880.5010','code':'4','display':'H&P'", NULL},
};

static void row_15_epic_takes_and_changes(void **state)
{
	write_rows_try(*state, epic_rows, sizeof(epic_rows) / sizeof(*epic_rows));
}

/* ---- Cerner ----------------------------------------------------------------------------------------------------- */

static const struct row cerner_rows[] = {
	{"a pulse is charted", "POST", "Observation", NULL, VITAL("8867-4") LA "}", 201, "codeSet/72','code':'", NULL},
	{"an update needs If-Match", "PUT", "Observation/$L", NULL, VITAL("8867-4") LA ",'id':'$L'}", 412,
	 "If-Match is required", NULL},
	{"an update is amended or corrected", "PUT", "Observation/$L", ETAG, VITAL("8867-4") LA ",'id':'$L'}", 422,
	 "status must be one of", NULL},
	{"a vital sign needs a legal authenticator", "POST", "Observation", NULL, VITAL("8867-4") "}", 422,
	 "performerFunction", NULL},
	{"a subject is a patient", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY("laboratory")
		 LOINC("718-7") "'subject':{'reference':'Group/"
				"1'},'effectiveDateTime':'2026-04-28T17:00:27Z','valueQuantity':{'value':1}}",
	 422, "subject must be a Patient", NULL},
	{"only two categories are taken", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY("survey") LOINC("718-7") WHO
	 "'effectiveDateTime':'2026-04-28T17:00:27Z','valueQuantity':{'value':1}}",
	 422, "category must be one of", NULL},
	{"a result is taken", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY("laboratory") LOINC("718-7") WHO
	 "'effectiveDateTime':'2026-04-28T17:00:27Z','valueQuantity':{'value':14.1,'unit':'g/dL'}}",
	 201, "'id':'L-", NULL},
	{"own and standard codes do not mix", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY(
		 "laboratory") "'code':{'coding':[{'system':'http://loinc.org','code':'718-7'},{'system':'https://"
			       "fhir.cerner.com/t/"
			       "codeSet/72','code':'1'}]}," WHO
			       "'effectiveDateTime':'2026-04-28T17:00:27Z','valueQuantity':{'value':1}}",
	 422, "cannot be combined", NULL},
	{"no modifiers", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','modifierExtension':[{'url':'urn:x','valueCode':'y'}]}", 422, "'extension'",
	 NULL},
	{"laboratory reports cannot be created", "POST", "DiagnosticReport", NULL,
	 REPORT("LP29693-6") "'effectiveDateTime':'2026-04-28T17:00:27Z'," FORM "}", 422, "category must be one of",
	 NULL},
	{"cardiology has a period", "POST", "DiagnosticReport", NULL,
	 REPORT("LP29708-2") "'effectiveDateTime':'2026-04-28T17:00:27Z'," FORM "}", 422, "effectivePeriod is required",
	 NULL},
	{"dates have times", "POST", "DiagnosticReport", NULL,
	 REPORT("LP29708-2") "'effectivePeriod':{'start':'2026-04-28','end':'2026-04-28'}," FORM "}", 422,
	 "dates must have a time", NULL},
	{"cardiology is taken", "POST", "DiagnosticReport", NULL,
	 REPORT("LP29708-2") "'effectivePeriod':{'start':'2026-04-28T17:00:27Z','end':'2026-04-28T17:00:27Z'},"
			     "'conclusion':'fine'," FORM "}",
	 201, "/Binary/XR-", NULL},
	{"reports are not updated", "PUT", "DiagnosticReport/$L", ETAG, REPORT("LP29708-2") FORM "}", 404, "Not Found",
	 NULL},
	{"pathology has a moment", "POST", "DiagnosticReport", NULL,
	 REPORT("LP7839-6") "'effectivePeriod':{'start':'2026-04-28T17:00:27Z'}," FORM "}", 422,
	 "effectiveDateTime is required", NULL},
	{"pathology has no conclusion", "POST", "DiagnosticReport", NULL,
	 REPORT("LP7839-6") "'effectiveDateTime':'2026-04-28T17:00:27Z','conclusion':'x'," FORM "}", 201, "LP7839-6",
	 "'conclusion'"},
	{"pathology is taken", "POST", "DiagnosticReport", NULL,
	 REPORT("LP7839-6") "'effectiveDateTime':'2026-04-28T17:00:27Z'," FORM "}", 201, "LP7839-6", NULL},
	{"a form needs a charset", "POST", "DiagnosticReport", NULL,
	 REPORT("LP7839-6") "'effectiveDateTime':'2026-04-28T17:00:27Z','presentedForm':[{'contentType':'text/plain',"
			    "'data':'SGVsbG8='}]}",
	 422, "contentType", NULL},
	{"an allergy", "POST", "AllergyIntolerance", NULL, ALLERGY "}", 201, "unable-to-assess", NULL},
	{"has one manifestation a reaction", "POST", "AllergyIntolerance", NULL,
	 ALLERGY ",'reaction':[{'manifestation':[{'text':'a'},{'text':'b'}]}]}", 422, "exactly one manifestation",
	 NULL},
	{"a diagnosis needs its visit", "POST", "Condition", NULL,
	 "{'resourceType':'Condition','clinicalStatus':{'coding':[{'system':"
	 "'http://terminology.hl7.org/CodeSystem/condition-clinical','code':'active'}]},'category':[{'coding':[{"
	 "'code':'encounter-diagnosis'}]}],'code':{'text':'x'},'subject':{'reference':'Patient/$P'}}",
	 422, "encounter is required", NULL},
	{"a patient's identifier has an assigner", "POST", "Patient", NULL,
	 "{'resourceType':'Patient','identifier':[{'value':'1'}],'name':[{'use':'official','family':'K'}]}", 422,
	 "assigner", NULL},
	{"a stale version is a conflict", "PATCH", "Patient/$P", "W/\"77\"",
	 "[{'op':'replace','path':'/gender','value':'other'}]", 409, "conflict", NULL},
	{"a patch needs If-Match", "PATCH", "Patient/$P", NULL, "[{'op':'replace','path':'/gender','value':'other'}]",
	 412, "If-Match", NULL},
	{"an item is removed by its id only", "PATCH", "Patient/$P", ETAG, "[{'op':'remove','path':'/telecom/0'}]", 422,
	 "a test of the element", NULL},
	{"a wrong id changes nothing", "PATCH", "Patient/$P", ETAG,
	 "[{'op':'test','path':'/telecom/0/id','value':'CI-PH-1-0'},{'op':'remove','path':'/telecom/0'}]", 422, NULL,
	 NULL},
	{"what is no list needs no test", "PATCH", "Patient/$P", ETAG,
	 "[{'op':'replace','path':'/gender','value':'other'}]", 200, "'gender':'other'", NULL},
	{"one ETag serves one update", "PATCH", "Patient/$P", ETAG,
	 "[{'op':'replace','path':'/gender','value':'male'}]", 409, "conflict", NULL},
	{"flags do not exist", "POST", "Flag", NULL, "{'resourceType':'Flag'}", 404, "Not Found", NULL},
	{"goals are not written", "POST", "Goal", NULL, "{'resourceType':'Goal'}", 404, "Not Found", NULL},
};

static void row_15_and_16_cerner_takes_by_its_rules_D(void **state)
{
	write_rows_try(*state, cerner_rows, sizeof(cerner_rows) / sizeof(*cerner_rows));
}

/* ---- switches --------------------------------------------------------------------------------------------------- */

static void row_15_switches_change_writes(void **state)
{
	static const struct str off[] = {{"silent-changes=off", 18}, {"location=relative", 17}};
	static const struct str strict[] = {
		{"unsupported-field=refuse", 24}, {"missing-if-match=accept", 23}, {"charting-user=none", 18}};
	static const struct row kept = {"what is sent stays",
					"POST",
					"Observation",
					NULL,
					VITAL("8867-4") ",'performer':[{'display':'Somebody Else'}]}",
					201,
					"Somebody Else",
					"User Interconnect"};
	static const struct row refused[] = {
		{"what is not supported is refused", "POST", "AllergyIntolerance", NULL,
		 ALLERGY ",'lastOccurrence':'2020-01-01'}", 422, "lastOccurrence is not supported", NULL},
		{"a patch without If-Match is done", "PATCH", "Patient/$P", NULL,
		 "[{'op':'replace','path':'/gender','value':'other'}]", 200, "'gender':'other'", NULL},
		{"an interpreter is required", "POST", "DiagnosticReport", NULL,
		 REPORT("LP29708-2") "'effectivePeriod':{'start':'2026-04-28T17:00:27Z'}," FORM "}", 422,
		 "resultsInterpreter is required", NULL},
	};
	(void)state;
	struct world *w = world_open(
		&(struct world_options){.vendor = EHR_EPIC, .patients = 1, .behaviours = off, .behaviour_count = 2});
	write_rows_try(w, &kept, 1);
	world_close(w);
	w = world_open(&(struct world_options){
		.vendor = EHR_CERNER, .patients = 1, .behaviours = strict, .behaviour_count = 3});
	write_rows_try(w, refused, 3);
	world_close(w);
}

/* ---- what comes back, against recordings ------------------------------------------------------------------------ */

static const char *const probes[] = {"Condition", "DocumentReference", "Observation", "Patient"};

struct comparing {
	struct shapes *recorded;
	struct map ours;
};

static void note(void *ctx, struct str fact)
{
	bool fresh;
	map_put(&((struct comparing *)ctx)->ours, fact, &fresh);
}

/* Submits what was submitted to Epic, for a patient and a visit of ours, and compares the shape of what is read. */
static unsigned compare_probe(struct world *w, struct ids *ids, const char *type)
{
	static struct shapes recorded;
	struct comparing c = {.recorded = &recorded};
	struct error err = {0};
	struct str text;
	unsigned wrong = 0;
	struct arena *a = &w->arena;
	must(file_read(a,
		       arena_printf(a, "%s/ehr-captures/epic/write-probe-2026-04-28_%s.json", getenv("FIRTH_ASSETS"),
				    type),
		       8 << 20, &text, &err),
	     &err);
	const struct json *probe = json_parse(a, text, 0, &err);
	assert_non_null(probe);
	struct buf body;
	buf_init(&body, 8 << 20);
	struct json_writer out = json_writer(&body);
	json_object_begin(&out);
	struct json_iter it = json_iter(json_get(probe, S("_canonical_submitted")));
	while (json_next(&it)) {
		json_key(&out, it.key);
		if (str_is(it.key, "subject"))
			json_put_raw(&out, write_filled(ids, "{'reference':'Patient/$P'}"));
		else if (str_is(it.key, "encounter"))
			json_put_raw(&out, write_filled(ids, "{'reference':'Encounter/$E'}"));
		else if (str_is(it.key, "context"))
			json_put_raw(&out, write_filled(ids, "{'encounter':[{'reference':'Encounter/$E'}]}"));
		else
			json_put_value(&out, it.value);
	}
	json_object_end(&out);
	struct asked post = {.method = "POST", .accept = "application/json", .body = arena_str(a, buf_str(&body)).p};
	struct http_answer answer = ask(w, type, post);
	buf_done(&body);
	if (answer.status != 201)
		fail_msg("%s: %d %.*s", type, answer.status, STR_ARG(str_slice(answer.body, 0, 400)));
	const struct json *back = parsed(w, ask_url(w, http_answer_header(&answer, "Location"), JSON));
	shapes_init(&recorded, a);
	shapes_learn(&recorded, json_get(probe, S("_epic_returned_get")));
	map_init(&c.ours, 10000);
	shapes_of(a, back, note, &c);
	for (size_t i = 0; i < recorded.fact_count; i++) {
		if (!map_get(&c.ours, recorded.facts[i])) {
			print_message("missing: %.*s\n", STR_ARG(recorded.facts[i]));
			wrong++;
		}
	}
	for (size_t i = 0; i < c.ours.capacity; i++) {
		if (c.ours.slots[i].key.p && !shapes_count(&recorded, c.ours.slots[i].key)) {
			print_message("too much: %.*s\n", STR_ARG(c.ours.slots[i].key));
			wrong++;
		}
	}
	map_done(&c.ours);
	shapes_done(&recorded);
	return wrong;
}

static void row_15_epic_writes_come_back_as_recorded_C(void **state)
{
	struct world *w = *state;
	unsigned wrong = 0;
	if (!getenv("FIRTH_ASSETS")) {
		print_message("skipped: FIRTH_ASSETS is not set\n");
		skip();
	}
	struct ids ids = write_ids_of(w);
	for (size_t i = 0; i < sizeof(probes) / sizeof(*probes); i++)
		wrong += compare_probe(w, &ids, probes[i]);
	assert_int_equal(wrong, 0);
}

/* ---- fixtures --------------------------------------------------------------------------------------------------- */

static int with_epic(void **state)
{
	*state = world_open(&(struct world_options){.vendor = EHR_EPIC, .patients = 2});
	return 0;
}

static int with_cerner(void **state)
{
	*state = world_open(&(struct world_options){.vendor = EHR_CERNER, .patients = 2});
	return 0;
}

static int close_it(void **state)
{
	world_close(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(row_15_epic_takes_and_changes, with_epic, close_it),
		cmocka_unit_test_setup_teardown(row_15_epic_writes_come_back_as_recorded_C, with_epic, close_it),
		cmocka_unit_test_setup_teardown(row_15_and_16_cerner_takes_by_its_rules_D, with_cerner, close_it),
		cmocka_unit_test(row_15_switches_change_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
