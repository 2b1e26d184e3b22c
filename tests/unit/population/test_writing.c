/* Writing to EHRs: plans by the vendors' rules, comparing, and sending with the ledger against a tiny EHR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ftw.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "population/writing_priv.h"
#include "tiny_ehr.h"

#define CATEGORY(code)                                                                                                 \
	"\"category\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/observation-category\","       \
	"\"code\":\"" code "\"}]}]"
#define LOINC(code) "{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"" code "\"}]}"
#define PATIENT	    "\"subject\":{\"reference\":\"Patient/p1\"}"
#define AT	    "\"effectiveDateTime\":\"2020-04-03T19:21:00Z\""
#define VALUE                                                                                                          \
	"\"valueQuantity\":{\"value\":37.2,\"unit\":\"Cel\",\"system\":\"http://"                                      \
	"unitsofmeasure.org\",\"code\":\"Cel\"}"
#define AUTHENTICATOR                                                                                                  \
	"\"performer\":[{\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/event-performerFunction\"," \
	"\"valueCodeableConcept\":{\"coding\":[{\"code\":\"LA\"}]}}],\"reference\":\"Practitioner/1\"}]"
#define VITAL                                                                                                          \
	"{\"resourceType\":\"Observation\",\"status\":\"final\"," CATEGORY("vital-signs") ",\"code\":" LOINC(          \
		"8331-1") "," PATIENT "," AT ","
#define LAB                                                                                                            \
	"{\"resourceType\":\"Observation\",\"status\":\"final\"," CATEGORY("laboratory") ",\"code\":" LOINC(           \
		"718-7") "," PATIENT "," AT "," VALUE
#define REPORT(category, more)                                                                                         \
	"{\"resourceType\":\"DiagnosticReport\",\"status\":\"final\",\"category\":[" LOINC(                            \
		category) "],\"code\":" LOINC("11524-6") "," PATIENT ",\"performer\":[{\"reference\":\"Practitioner/"  \
							 "1\"}],\"identifier\":[{\"system\":"                          \
							 "\"urn:x\",\"value\":\"1\"}]," more "}"
#define FORM   "\"presentedForm\":[{\"contentType\":\"application/pdf\",\"data\":\"AAAA\"}]"
#define PERIOD "\"effectivePeriod\":{\"start\":\"2020-04-03T19:21:00Z\",\"end\":\"2020-04-03T19:22:00Z\"}"

struct world {
	char dir[64];
	struct arena arena;
	struct store *store;
	struct tiny_ehr ehr;
	struct ehr_client *client;
};

static void no_sleep(unsigned ms)
{
	(void)ms;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void open_client(struct world *w, enum ehr_vendor vendor)
{
	struct error err = {0};
	const struct ehr_config config = {.name = S("main"), .vendor = vendor, .base_url = S(TINY_BASE)};
	ehr_close(w->client);
	w->client = ehr_open(&config,
			     &(struct ehr_client_options){.transport = &w->ehr.transport,
							  .audit = w->store,
							  .definitions = definitions_builtin(),
							  .sleep_ms = no_sleep,
							  .max_attempts = 2},
			     &err);
	assert_non_null(w->client);
}

static int setup(void **state)
{
	struct error err = {0};
	char data[96];
	struct world *w = calloc(1, sizeof *w);
	snprintf(w->dir, sizeof w->dir, "/tmp/firth-test-writing-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(data, sizeof data, "%s/data", w->dir);
	arena_init(&w->arena, ARENA_NO_CAP);
	w->store = store_open(str_from(data), &(struct store_options){.definitions = definitions_builtin()}, &err);
	if (!w->store)
		fail_msg("%s", err.text);
	tiny_start(&w->ehr);
	open_client(w, EHR_CERNER);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	ehr_close(w->client);
	store_close(w->store);
	arena_done(&w->arena);
	nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

static const struct json *parse(struct world *w, const char *text)
{
	struct error err = {0};
	const struct json *j = json_parse(&w->arena, str_from(text), 0, &err);
	if (!j)
		fail_msg("%s in %s", err.text, text);
	return j;
}

static struct writing_plan plan_of(struct world *w, enum ehr_vendor vendor, const char *text, bool exact)
{
	struct error err = {0};
	struct writing_plan plan;
	const struct writing_options options = {
		.definitions = definitions_builtin(), .vendor = vendor, .ehr = S("main"), .exact = exact};
	if (!writing_plan_make(&options, &w->arena, parse(w, text), &plan, &err))
		fail_msg("%s", err.text);
	return plan;
}

/* ---- plans ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum ehr_vendor vendor;
	const char *resource;
	const char *steps; /* "create Observation, create DocumentReference" */
	const char *reason; /* a part of it; NULL: none */
	const char *note; /* the path of a note that is there; NULL: any */
} plans[] = {
	{"a vital sign to Oracle Health", EHR_CERNER, VITAL AUTHENTICATOR "," VALUE "}", "create Observation", NULL,
	 NULL},
	{"without an authenticator", EHR_CERNER, VITAL VALUE "}", "", "breaks 1 rule", "Observation.performer"},
	{"without a time", EHR_CERNER,
	 "{\"resourceType\":\"Observation\",\"status\":\"final\"," CATEGORY("laboratory") ",\"code\":" LOINC(
		 "718-7") "," PATIENT ",\"effectiveDateTime\":\"2020-04-03\"," VALUE "}",
	 "", "breaks 1 rule", "Observation.effectiveDateTime"},
	{"codes of both kinds", EHR_CERNER,
	 "{\"resourceType\":\"Observation\",\"status\":\"final\"," CATEGORY(
		 "laboratory") ",\"code\":{\"coding\":[{\"system\":\"http://"
			       "loinc.org\",\"code\":\"718-7\"},{\"system\":"
			       "\"https://fhir.cerner.com/t/codeSet/72\",\"code\":\"1\"}]}," PATIENT "," AT "," VALUE
			       "}",
	 "", "breaks 1 rule", "Observation.code"},
	{"a laboratory result to Oracle Health", EHR_CERNER, LAB "}", "create Observation", NULL, NULL},
	{"a modifier extension", EHR_CERNER, LAB ",\"modifierExtension\":[{\"url\":\"x\",\"valueCode\":\"y\"}]}", "",
	 "breaks 1 rule", "Observation.modifierExtension"},
	{"an amendment", EHR_CERNER,
	 "{\"id\":\"L-1\",\"status\":\"amended\"," CATEGORY(
		 "laboratory") ",\"resourceType\":\"Observation\",\"code\":" LOINC("718-7") "," PATIENT "," AT "," VALUE
											    "}",
	 "update Observation", NULL, NULL},
	{"a laboratory result to Epic", EHR_EPIC, LAB ",\"encounter\":{\"reference\":\"Encounter/e\"}}", "",
	 "breaks 1 rule", "Observation.category"},
	{"a vital sign to Epic", EHR_EPIC, VITAL VALUE ",\"encounter\":{\"reference\":\"Encounter/e\"}}",
	 "create Observation", NULL, "Observation.code"},
	{"a vital sign without its encounter", EHR_EPIC, VITAL VALUE "}", "", "breaks 1 rule",
	 "Observation.encounter.reference"},
	{"a cardiology report", EHR_CERNER, REPORT("LP29708-2", FORM "," PERIOD), "create DiagnosticReport", NULL,
	 NULL},
	{"a pathology report", EHR_CERNER, REPORT("LP7839-6", FORM "," AT), "create DiagnosticReport", NULL, NULL},
	{"a pathology report with a period is a document", EHR_CERNER, REPORT("LP7839-6", FORM "," PERIOD),
	 "create DocumentReference", "breaks 1 rule", "DiagnosticReport.effective"},
	{"a cardiology report without its document", EHR_CERNER, REPORT("LP29708-2", PERIOD), "", "breaks", NULL},
	{"a laboratory report: its results and its words", EHR_CERNER,
	 REPORT("LP29693-6",
		AT ",\"conclusion\":\"all well\",\"contained\":[{\"resourceType\":\"Observation\",\"id\":\"o\","
		   "\"status\":\"final\"," CATEGORY("laboratory") ",\"code\":" LOINC(
			   "718-7") "," VALUE "}],\"result\":[{\"reference\":\"#o\"}]"),
	 "create Observation, create DocumentReference", "breaks", "DiagnosticReport.category"},
	{"an unfinished one becomes nothing", EHR_CERNER,
	 "{\"resourceType\":\"DiagnosticReport\",\"status\":\"preliminary\",\"code\":" LOINC(
		 "11524-6") ",\"conclusion\":\"x\"}",
	 "", "breaks", "DiagnosticReport.status"},
	{"a new report at Epic is a document", EHR_EPIC, REPORT("LP29693-6", FORM "," AT), "create DocumentReference",
	 "lets clients update DiagnosticReport, not create it", NULL},
	{"Oracle Health has no Flag", EHR_CERNER, "{\"resourceType\":\"Flag\",\"status\":\"active\"}", "",
	 "has no Flag", NULL},
	{"Epic's cannot be written", EHR_EPIC, "{\"resourceType\":\"Flag\",\"status\":\"active\"}", "",
	 "does not let clients write Flag", NULL},
	{"a plain server takes it", EHR_GENERIC, "{\"resourceType\":\"Flag\",\"status\":\"active\"}", "create Flag",
	 NULL, NULL},
	{"an order changes by a patch", EHR_CERNER, "{\"resourceType\":\"MedicationRequest\",\"id\":\"1\"}",
	 "patch MedicationRequest", NULL, NULL},
	{"patients change by patches", EHR_CERNER, "{\"resourceType\":\"Patient\",\"id\":\"1\"}", "", "as patches only",
	 NULL},
	{"a diagnosis needs its encounter", EHR_CERNER,
	 "{\"resourceType\":\"Condition\",\"category\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/"
	 "CodeSystem/"
	 "condition-category\",\"code\":\"encounter-diagnosis\"}]}],\"clinicalStatus\":{\"coding\":[{\"system\":\"http:"
	 "//"
	 "terminology.hl7.org/CodeSystem/condition-clinical\",\"code\":\"active\"}]},\"code\":{\"text\":\"x\"}," PATIENT
	 "}",
	 "", "breaks 1 rule", "Condition.encounter"},
	{"two manifestations", EHR_CERNER,
	 "{\"resourceType\":\"AllergyIntolerance\",\"clinicalStatus\":{\"coding\":[{\"code\":\"active\"}]},\"code\":{"
	 "\"text\":"
	 "\"x\"},\"patient\":{\"reference\":\"Patient/"
	 "1\"},\"reaction\":[{\"manifestation\":[{\"text\":\"a\"},{\"text\":\"b\"}]"
	 "}]}",
	 "", "breaks 1 rule", "AllergyIntolerance.reaction.manifestation"},
	/* Line by line. */
	{"write_5_3: a report coded by SNOMED CT", EHR_CERNER,
	 "{\"resourceType\":\"DiagnosticReport\",\"status\":\"final\",\"category\":[" LOINC(
		 "LP7839-6") "],\"code\":{\"coding\":[{\"system\":\"http://snomed.info/sct\",\"code\":\"1\"}]}," PATIENT
			     ",\"performer\":[{\"reference\":\"Practitioner/"
			     "1\"}],\"identifier\":[{\"system\":\"urn:x\","
			     "\"value\":\"1\"}]," FORM "," AT "}",
	 "", "breaks 1 rule", "DiagnosticReport.code"},
	{"write_5_3: performed by a patient", EHR_CERNER,
	 "{\"resourceType\":\"DiagnosticReport\",\"status\":\"final\",\"category\":[" LOINC(
		 "LP7839-6") "],\"code\":" LOINC("11524-6") "," PATIENT
							    ",\"performer\":[{\"reference\":\"Patient/1\"}],"
							    "\"identifier\":[{\"system\":\"urn:x\",\"value\":\"1\"}]"
							    "," FORM "," AT "}",
	 "", "breaks 1 rule", "DiagnosticReport.performer"},
	{"write_5_3: a form of a day", EHR_CERNER,
	 REPORT("LP29708-2", PERIOD ",\"presentedForm\":[{\"contentType\":\"application/pdf\",\"data\":\"AAAA\","
				    "\"creation\":\"2020-04-03\"}]"),
	 "create DocumentReference", "breaks 1 rule", "DiagnosticReport.presentedForm.creation"},
	{"write_5_3: an interpreter may be needed", EHR_CERNER, REPORT("LP29708-2", FORM "," PERIOD),
	 "create DiagnosticReport", NULL, "DiagnosticReport.resultsInterpreter"},
	{"write_5_5: a function that vital signs do not have", EHR_CERNER,
	 VITAL VALUE
	 ",\"performer\":[{\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/"
	 "event-performerFunction\",\"valueCodeableConcept\":{\"coding\":[{\"code\":\"LA\"}]}}],\"reference\":"
	 "\"Practitioner/1\"},{\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/"
	 "event-performerFunction\",\"valueCodeableConcept\":{\"coding\":[{\"code\":\"AUTHEN\"}]}}],"
	 "\"reference\":\"Practitioner/2\"}]}",
	 "", "breaks 1 rule", "Observation.performer"},
	{"write_5_5: a critical range", EHR_CERNER,
	 LAB ",\"referenceRange\":[{\"low\":{\"value\":1},\"type\":{\"coding\":[{\"code\":\"critical\"}]}}]}", "",
	 "breaks 1 rule", "Observation.referenceRange.type"},
	{"write_5_5: a range in words and numbers", EHR_CERNER,
	 LAB ",\"referenceRange\":[{\"text\":\"a\",\"low\":{\"value\":1}}]}", "", "breaks 1 rule",
	 "Observation.referenceRange"},
	{"write_5_5: a vital sign's update names its identifier", EHR_CERNER,
	 "{\"id\":\"VS-1\",\"resourceType\":\"Observation\",\"status\":\"amended\"," CATEGORY(
		 "vital-signs") ",\"code\":" LOINC("8331-1") "," PATIENT "," AT "," VALUE "," AUTHENTICATOR "}",
	 "", "breaks 1 rule", "Observation.identifier"},
	{"write_5_6: another category of problems", EHR_CERNER,
	 "{\"resourceType\":\"Condition\",\"category\":[{\"coding\":[{\"code\":\"health-concern\"}]}],"
	 "\"clinicalStatus\":{\"coding\":[{\"code\":\"active\"}]},\"code\":{\"text\":\"x\"}," PATIENT "}",
	 "", "breaks 1 rule", "Condition.category"},
	{"write_5_6: two official names", EHR_CERNER,
	 "{\"resourceType\":\"Patient\",\"identifier\":[{\"value\":\"1\",\"assigner\":{\"reference\":\"Organization/"
	 "1\"}}]"
	 ",\"name\":[{\"use\":\"official\",\"family\":\"a\"},{\"use\":\"official\",\"family\":\"b\"}]}",
	 "", "breaks 1 rule", "Patient.name"},
	{"write_5_6: a visit of both kinds", EHR_CERNER,
	 "{\"resourceType\":\"Encounter\",\"status\":\"planned\",\"type\":[{\"text\":\"x\"}]," PATIENT
	 ",\"serviceProvider\":{\"reference\":\"Organization/1\"},\"location\":[{\"location\":{\"reference\":"
	 "\"Location/1\"}}]}",
	 "", "breaks 1 rule", "Encounter.location"},
	{"write_5_6: a visit of neither", EHR_CERNER,
	 "{\"resourceType\":\"Encounter\",\"status\":\"planned\",\"type\":[{\"text\":\"x\"}]," PATIENT "}", "",
	 "breaks 1 rule", "Encounter.serviceProvider|location"},
	{"write_5_6: an order reported by somebody", EHR_CERNER,
	 "{\"resourceType\":\"MedicationRequest\",\"status\":\"active\",\"intent\":\"order\","
	 "\"reportedReference\":{\"reference\":\"Practitioner/"
	 "1\"},\"medicationCodeableConcept\":{\"text\":\"x\"}," PATIENT "}",
	 "create MedicationRequest", NULL, NULL},
	{"write_5_6: an order of nothing", EHR_CERNER,
	 "{\"resourceType\":\"MedicationRequest\",\"status\":\"active\",\"intent\":\"order\","
	 "\"reportedBoolean\":false," PATIENT "}",
	 "", "breaks 1 rule", "MedicationRequest.medicationCodeableConcept|medicationReference"},
};

static void plans_follow_the_vendors_rules(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
		struct writing_plan plan = plan_of(w, plans[i].vendor, plans[i].resource, false);
		char steps[256] = "";
		size_t n = 0;
		for (size_t s = 0; s < plan.count; s++)
			n += (size_t)snprintf(steps + n, sizeof steps - n, "%s%s %.*s", s ? ", " : "",
					      writing_op_name(plan.steps[s].op), STR_ARG(plan.steps[s].type));
		bool noted = !plans[i].note;
		for (const struct writing_note *note = plan.notes; note; note = note->next)
			noted = noted || str_is(note->path, plans[i].note);
		bool reason = plans[i].reason
				      ? str_find(plan.reason, str_from(plans[i].reason)) != STR_NONE && plan.reason.p
				      : !plan.reason.p;
		if (strcmp(steps, plans[i].steps) != 0 || !noted || !reason) {
			for (const struct writing_note *note = plan.notes; note; note = note->next)
				print_message("   %.*s: %.*s\n", STR_ARG(note->path), STR_ARG(note->text));
			fail_msg("%s: \"%s\" because %.*s", plans[i].name, steps, STR_ARG(plan.reason));
		}
	}
}

static void exactly_means_exactly(void **state)
{
	struct world *w = *state;
	struct writing_plan plan = plan_of(w, EHR_EPIC, REPORT("LP29693-6", FORM "," AT), true);
	assert_int_equal(plan.count, 0);
	assert_false(plan.nearest);
}

static void what_carries_our_name_becomes_theirs(void **state)
{
	struct world *w = *state;
	struct writing_plan plan = plan_of(w, EHR_GENERIC,
					   "{\"resourceType\":\"Flag\",\"id\":\"main.f1\",\"meta\":{\"versionId\":"
					   "\"7\",\"tag\":[{\"code\":\"x\"}],\"profile\":["
					   "\"p\"]},\"text\":{\"status\":\"generated\"},\"subject\":{\"reference\":"
					   "\"Patient/main.p1\"},\"encounter\":{"
					   "\"reference\":\"Encounter/other.e\"}}",
					   false);
	assert_int_equal(plan.count, 1);
	assert_true(str_is(plan.steps[0].id, "f1"));
	assert_null(plan.steps[0].version.p); /* ours says nothing about theirs */
	assert_true(str_is(plan.steps[0].body,
			   "{\"resourceType\":\"Flag\",\"id\":\"f1\",\"meta\":{\"profile\":[\"p\"]},"
			   "\"subject\":{\"reference\":\"Patient/p1\"},\"encounter\":{\"reference\":"
			   "\"Encounter/other.e\"}}"));
}

static void the_site_may_allow_more(void **state)
{
	struct world *w = *state;
	const struct json *statement = parse(w, "{\"rest\":[{\"resource\":[{\"type\":\"Flag\",\"interaction\":[{"
						"\"code\":\"read\"},{\"code\":\"create\"}]}]}]}");
	assert_int_equal(writing_stated(statement, S("Flag")), WRITING_CREATE);
	assert_int_equal(writing_stated(statement, S("Task")), 0);
	struct error err = {0};
	struct writing_plan plan;
	const struct writing_options options = {
		.definitions = definitions_builtin(), .vendor = EHR_EPIC, .site = WRITING_CREATE};
	assert_true(writing_plan_make(&options, &w->arena, parse(w, "{\"resourceType\":\"Flag\"}"), &plan, &err));
	assert_int_equal(plan.count, 1);
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

static struct writing_differences differences_of(struct world *w, enum ehr_vendor vendor, const char *sent,
						 const char *shown)
{
	struct writing_differences d;
	struct error err = {0};
	assert_true(
		writing_compare(definitions_builtin(), vendor, &w->arena, parse(w, sent), parse(w, shown), &d, &err));
	return d;
}

static void what_epic_makes_of_a_blood_pressure_is_known(void **state)
{
	struct world *w = *state;
	struct writing_differences d = differences_of(
		w, EHR_EPIC,
		"{\"resourceType\":\"Observation\",\"status\":\"final\"," CATEGORY(
			"vital-signs") ",\"code\":{\"coding\":[{\"system\":"
				       "\"http://loinc.org\",\"code\":\"85354-9\"}],\"text\":\"Blood pressure "
				       "panel\"}," PATIENT ",\"effectiveDateTime\":"
				       "\"2026-04-28T17:00:27+00:00\",\"issued\":\"2026-04-28T17:00:27+00:00\","
				       "\"component\":[{\"code\":" LOINC("8480-6") ",\"valueQuantity\":{\"value\":105}}"
										   ",{\"code\":" LOINC(
											   "8462-4") ",\"valueQuantity"
												     "\":{\"value\":72}"
												     "}]}",
		"{\"resourceType\":\"Observation\",\"id\":\"f\",\"extension\":[{\"url\":\"t\"}],\"status\":\"final\","
		"\"category\":[{"
		"\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/"
		"observation-category\",\"code\":\"vital-signs\"}],"
		"\"text\":\"Vital "
		"Signs\"}],\"code\":{\"coding\":[{\"system\":\"urn:oid:1\",\"code\":\"5\"},{\"system\":\"http://"
		"loinc.org\",\"code\":\"85354-9\"}],\"text\":\"BP\"},\"subject\":{\"reference\":\"" TINY_BASE
		"/Patient/p1\","
		"\"display\":\"Lin\"},\"effectiveDateTime\":\"2026-04-28T17:00:27Z\",\"issued\":\"2026-04-28T17:00:"
		"28Z\",\"component\":"
		"[{\"code\":" LOINC("8462-4") ",\"valueQuantity\":{\"value\":72.0}},{\"code\":" LOINC(
			"8480-6") ",\"valueQuantity\":{"
				  "\"value\":105}}]}");
	assert_int_equal(d.surprising, 0);
	bool text = false, coding = false;
	for (size_t i = 0; i < d.count; i++) {
		text = text || (str_is(d.items[i].path, "Observation.code.text") &&
				d.items[i].change == WRITING_CHANGED && d.items[i].known);
		coding = coding ||
			 (str_is(d.items[i].path, "Observation.code.coding") && d.items[i].change == WRITING_ADDED);
	}
	assert_true(text);
	assert_true(coding);
}

static void what_nobody_expects_is_told(void **state)
{
	struct world *w = *state;
	struct writing_differences d = differences_of(
		w, EHR_CERNER,
		"{\"resourceType\":\"Observation\",\"status\":\"final\"," VALUE ",\"note\":[{\"text\":\"a\"}]}",
		"{\"resourceType\":\"Observation\",\"status\":\"amended\",\"valueQuantity\":{\"value\":37.3,\"unit\":"
		"\"Cel\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"Cel\"}}");
	assert_int_equal(d.count, 3);
	assert_int_equal(d.surprising, 3);
	assert_true(str_is(d.items[1].path, "Observation.valueQuantity.value"));
	assert_true(str_is(d.items[1].sent, "37.2"));
	assert_int_equal(d.items[2].change, WRITING_DROPPED);
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static struct writing_outcome send(struct world *w, enum writing_op op, const char *id, const char *version,
				   const char *body)
{
	struct writing_outcome o;
	struct error err = {0};
	const struct json *j = parse(w, body);
	const struct writing_step step = {.op = op,
					  .type = json_get_str(j, S("resourceType")),
					  .id = str_from(id),
					  .version = str_from(version),
					  .body = str_from(body)};
	if (!writing_send(w->client, w->store, definitions_builtin(), &w->arena, &step, 1764000000000, &o, &err))
		fail_msg("%s", err.text);
	if (o.problem.p)
		print_message("   %.*s\n", STR_ARG(o.problem));
	return o;
}

static void the_same_is_written_once(void **state)
{
	struct world *w = *state;
	struct writing_outcome o = send(w, WRITING_CREATE, NULL, NULL, LAB "}");
	assert_int_equal(o.result, WRITING_CREATED);
	assert_true(o.read_back);
	assert_int_equal(o.differences.count, 0);
	struct str id = o.id;
	o = send(w, WRITING_CREATE, NULL, NULL, LAB "}");
	assert_int_equal(o.result, WRITING_UNCHANGED);
	assert_true(str_eq(o.id, id));
	assert_int_equal(tiny_count(&w->ehr, "Observation"), 1);
	tiny_find(&w->ehr, "Observation", arena_str(&w->arena, id).p)->gone = true; /* taken away there */
	o = send(w, WRITING_CREATE, NULL, NULL, LAB "}");
	assert_int_equal(o.result, WRITING_CREATED);
	assert_int_equal(w->ehr.creates, 2);
}

#define FLAG(status) "{\"resourceType\":\"Flag\",\"status\":\"" status "\",\"code\":{\"text\":\"x\"}," PATIENT "}"

static void a_lost_answer_makes_no_second_one(void **state)
{
	struct world *w = *state;
	open_client(w, EHR_GENERIC);
	w->ehr.lose_create = true;
	struct writing_outcome o = send(w, WRITING_CREATE, NULL, NULL, FLAG("active"));
	assert_int_equal(o.result, WRITING_CREATED);
	assert_int_equal(tiny_count(&w->ehr, "Flag"), 1);
}

static void a_lost_answer_is_looked_for_by_the_next_run(void **state)
{
	struct world *w = *state;
	open_client(w, EHR_GENERIC);
	w->ehr.lose_create = true;
	w->ehr.hide_flags = true;
	struct writing_outcome o = send(w, WRITING_CREATE, NULL, NULL, FLAG("active"));
	assert_int_equal(o.result, WRITING_FAILED);
	w->ehr.hide_flags = false;
	o = send(w, WRITING_CREATE, NULL, NULL, FLAG("active"));
	assert_int_equal(o.result, WRITING_CREATED);
	assert_int_equal(w->ehr.creates, 1);
}

static void a_create_that_never_arrived_is_sent_again(void **state)
{
	struct world *w = *state;
	open_client(w, EHR_GENERIC);
	w->ehr.drop_create = true;
	struct writing_outcome o = send(w, WRITING_CREATE, NULL, NULL, FLAG("active"));
	assert_int_equal(o.result, WRITING_FAILED);
	o = send(w, WRITING_CREATE, NULL, NULL, FLAG("active"));
	assert_int_equal(o.result, WRITING_CREATED);
	assert_int_equal(tiny_count(&w->ehr, "Flag"), 1);
}

static void updates_name_the_version_and_keep_what_stood_there(void **state)
{
	struct world *w = *state;
	struct store_fact *facts;
	size_t count;
	struct error err = {0};
	tiny_add(&w->ehr,
		 "{\"resourceType\":\"Flag\",\"id\":\"f1\",\"status\":\"active\",\"code\":{\"text\":\"x\"}," PATIENT
		 "}");
	struct writing_outcome o = send(w, WRITING_UPDATE, "f1", NULL, FLAG("active"));
	assert_int_equal(o.result, WRITING_UNCHANGED);
	o = send(w, WRITING_UPDATE, "f1", NULL, FLAG("inactive"));
	assert_int_equal(o.result, WRITING_UPDATED);
	assert_true(o.guarded);
	assert_int_equal(w->ehr.unguarded, 0);
	assert_string_equal(o.undo, "write the former content");
	assert_true(store_fact_list(w->store, &w->arena, S("ledger"), STR_NULL, 10, &facts, &count, &err));
	assert_int_equal(count, 1);
	assert_true(str_find(facts[0].value, S("\\\"status\\\":\\\"active\\\"")) != STR_NONE);
	o = send(w, WRITING_UPDATE, "f1", "0", FLAG("active"));
	assert_int_equal(o.result, WRITING_CONFLICT);
	assert_int_equal(w->ehr.updates, 1);
}

static void who_was_forestalled_writes_nothing(void **state)
{
	struct world *w = *state;
	tiny_add(&w->ehr,
		 "{\"resourceType\":\"Flag\",\"id\":\"f1\",\"status\":\"active\",\"code\":{\"text\":\"x\"}," PATIENT
		 "}");
	w->ehr.intrusions = 1;
	struct writing_outcome o = send(w, WRITING_UPDATE, "f1", NULL, FLAG("inactive"));
	assert_int_equal(o.result, WRITING_CONFLICT);
	assert_non_null(strstr(tiny_flag(&w->ehr)->body, "\"active\""));
}

static void without_versions_it_is_told(void **state)
{
	struct world *w = *state;
	w->ehr.without_versions = true;
	open_client(w, EHR_EPIC);
	tiny_add(&w->ehr,
		 "{\"resourceType\":\"Flag\",\"id\":\"f1\",\"status\":\"active\",\"code\":{\"text\":\"x\"}," PATIENT
		 "}");
	struct writing_outcome o = send(w, WRITING_UPDATE, "f1", NULL, FLAG("inactive"));
	assert_int_equal(o.result, WRITING_UPDATED);
	assert_false(o.guarded);
}

/* What an update must not touch at Oracle Health is known before anything is sent. */
static void write_5_5_and_5_6_updates_keep_what_stays(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *type, *id, *there, *sent, *problem;
	} rows[] = {
#define NUMBER(status, patient, value)                                                                                 \
	"{\"resourceType\":\"Observation\",\"id\":\"L-1\",\"status\":\"" status                                        \
	"\"," CATEGORY("laboratory") ",\"code\":" LOINC("718-7") ",\"subject\":{\"reference\":\"Patient/" patient      \
								 "\"}," AT "," value "}"
		{"Observation", "L-1", NUMBER("final", "p1", VALUE), NUMBER("amended", "p2", VALUE), "patient"},
		{"Observation", "L-1", NUMBER("final", "p1", VALUE),
		 NUMBER("amended", "p1", "\"valueDateTime\":\"2020-04-03T19:21:00Z\""), "kind of the value"},
		{"Observation", "L-1", NUMBER("final", "p1", VALUE),
		 NUMBER("amended", "p1", "\"valueString\":\"much\""), NULL},
#define EGG(code, note)                                                                                                \
	"{\"resourceType\":\"AllergyIntolerance\",\"id\":\"1\",\"code\":{\"text\":\"" code                             \
	"\"},\"patient\":{\"reference\":\"Patient/p1\"},\"note\":[" note "]}"
		{"AllergyIntolerance", "1", EGG("egg", "{\"text\":\"a\"}"), EGG("milk", "{\"text\":\"a\"}"),
		 "substance"},
		{"AllergyIntolerance", "1", EGG("egg", "{\"text\":\"a\"}"), EGG("egg", "{\"text\":\"b\"}"), "notes"},
		{"AllergyIntolerance", "1", EGG("egg", "{\"text\":\"a\"}"),
		 EGG("egg", "{\"text\":\"a\"},{\"text\":\"b\"}"), NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *why = writing_keeps(definitions_builtin(), EHR_CERNER, &w->arena, str_from(rows[i].type),
						parse(w, rows[i].sent), parse(w, rows[i].there));
		if (rows[i].problem ? !why || !strstr(why, rows[i].problem) : why != NULL)
			fail_msg("row %zu: %s", i, why ? why : "nothing");
		assert_null(writing_keeps(definitions_builtin(), EHR_GENERIC, &w->arena, str_from(rows[i].type),
					  parse(w, rows[i].sent), parse(w, rows[i].there)));
	}
	open_client(w, EHR_CERNER);
	tiny_add(&w->ehr, rows[0].there);
	const struct writing_step step = {
		.op = WRITING_UPDATE, .type = S("Observation"), .id = S("L-1"), .body = str_from(rows[0].sent)};
	struct writing_outcome o;
	struct error err = {0};
	assert_true(writing_send(w->client, w->store, definitions_builtin(), &w->arena, &step, 1, &o, &err));
	assert_int_equal(o.result, WRITING_REFUSED);
	assert_non_null(strstr(o.problem.p, "Nothing was sent"));
	assert_int_equal(w->ehr.updates, 0);
}

#define ORDER(id, status, intent)                                                                                      \
	"{\"resourceType\":\"MedicationRequest\",\"id\":\"" id "\",\"status\":\"" status "\",\"intent\":\"" intent     \
	"\"," PATIENT "}"

static void what_a_patch_may_change_is_patched(void **state)
{
	struct world *w = *state;
	tiny_add(&w->ehr, ORDER("m1", "active", "order"));
	struct writing_outcome o = send(w, WRITING_PATCH, "m1", NULL, ORDER("m1", "stopped", "order"));
	assert_int_equal(o.result, WRITING_UPDATED);
	assert_true(o.guarded);
	assert_int_equal(o.differences.count, 0);
	assert_non_null(strstr(tiny_find(&w->ehr, "MedicationRequest", "m1")->body, "\"stopped\""));
	o = send(w, WRITING_PATCH, "m1", NULL, ORDER("m1", "stopped", "plan"));
	assert_int_equal(o.result, WRITING_REFUSED);
	assert_true(str_find(o.problem, S("intent of MedicationRequest")) != STR_NONE);
	assert_int_equal(w->ehr.updates, 1);
}

/* ---- recordings -------------------------------------------------------------------------------------------------- */

static void what_was_recorded_at_epic_is_known(void **state)
{
	static const char *const types[] = {"Condition", "DocumentReference", "Observation", "Patient"};
	struct world *w = *state;
	const char *dir = getenv("FIRTH_ASSETS");
	struct error err = {0};
	struct str text;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		struct str path = arena_printf(&w->arena, "%s/ehr-captures/epic/write-probe-2026-04-28_%s.json",
					       dir ? dir : "/nowhere", types[i]);
		if (!file_read(&w->arena, path, 64 << 20, &text, &err)) {
			print_message("skipped: FIRTH_ASSETS names no recordings\n");
			return;
		}
		const struct json *probe = json_parse(&w->arena, text, 0, &err);
		struct writing_differences d;
		assert_true(writing_compare(definitions_builtin(), EHR_EPIC, &w->arena,
					    json_get(probe, S("_canonical_submitted")),
					    json_get(probe, S("_epic_returned_get")), &d, &err));
		for (size_t k = 0; k < d.count; k++)
			if (d.items[k].change != WRITING_ADDED && !d.items[k].known)
				print_message("   %.*s: %.*s -> %.*s\n", STR_ARG(d.items[k].path),
					      STR_ARG(d.items[k].sent), STR_ARG(d.items[k].shown));
		assert_true(d.count > 0);
		assert_int_equal(d.surprising, 0);
	}
}

static void refusals_are_told_and_forgotten(void **state)
{
	struct world *w = *state;
	struct store_fact *facts;
	size_t count;
	struct error err = {0};
	w->ehr.refuse_status = 422;
	w->ehr.refuse_type = "application/fhir+json";
	w->ehr.refuse_body = "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":"
			     "\"business-rule\"}]}";
	struct writing_outcome o = send(w, WRITING_CREATE, NULL, NULL, FLAG("active"));
	assert_int_equal(o.result, WRITING_REFUSED);
	assert_true(store_fact_list(w->store, &w->arena, S("ledger"), STR_NULL, 10, &facts, &count, &err));
	assert_int_equal(count, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(plans_follow_the_vendors_rules),
		T(exactly_means_exactly),
		T(what_carries_our_name_becomes_theirs),
		T(the_site_may_allow_more),
		T(what_epic_makes_of_a_blood_pressure_is_known),
		T(what_nobody_expects_is_told),
		T(the_same_is_written_once),
		T(a_lost_answer_makes_no_second_one),
		T(a_lost_answer_is_looked_for_by_the_next_run),
		T(a_create_that_never_arrived_is_sent_again),
		T(updates_name_the_version_and_keep_what_stood_there),
		T(who_was_forestalled_writes_nothing),
		T(without_versions_it_is_told),
		T(write_5_5_and_5_6_updates_keep_what_stays),
		T(what_a_patch_may_change_is_patched),
		T(what_was_recorded_at_epic_is_known),
		T(refusals_are_told_and_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
