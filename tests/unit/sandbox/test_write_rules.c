/*
 * The rules of writing, line by line as the documentation and the recordings have them: who takes what, the protocol
 * around it, and what each type needs at Cerner. What nobody says for certain is a behaviour and is tried both ways.
 */
#include "write_rows.h"

#include <string.h>

#include "sandbox/faults_priv.h"

/* ---- who takes what --------------------------------------------------------------------------------------------- */

/* c create, u update, p patch, d delete. */
static const struct {
	const char *type, *epic, *cerner;
} matrix[] = {
	{"AllergyIntolerance", "c", "cu"},
	{"Appointment", "", "cp"},
	{"Basic", "", "c"},
	{"BodyStructure", "cu", ""},
	{"ChargeItem", "", ""},
	{"Communication", "c", "cp"},
	{"ConceptMap", "c", ""},
	{"Condition", "c", "cu"},
	{"Coverage", "", "cpd"},
	{"DiagnosticReport", "u", "c"},
	{"DocumentReference", "cu", "cu"},
	{"Encounter", "", "cp"},
	{"FamilyMemberHistory", "", "cu"},
	{"Flag", "", ""},
	{"Immunization", "", "cu"},
	{"MedicationRequest", "", "cp"},
	{"Observation", "cu", "cu"},
	{"Organization", "", "c"},
	{"Practitioner", "", "c"},
	{"Patient", "c", "cp"},
	{"Procedure", "cu", "c"},
	{"Provenance", "", "c"},
	{"QuestionnaireResponse", "c", "u"},
	{"RelatedPerson", "", "cp"},
	{"ServiceRequest", "cu", ""},
	{"Slot", "", "p"},
	{"Task", "u", ""},
};

static void takes_what_it_lists(struct world *w, bool epic)
{
	static const struct {
		char letter;
		const char *method, *type;
	} ops[] = {{'c', "POST", NULL},
		   {'u', "PUT", NULL},
		   {'p', "PATCH", "application/json-patch+json"},
		   {'d', "DELETE", NULL}};
	for (size_t i = 0; i < sizeof(matrix) / sizeof(*matrix); i++) {
		const char *listed = epic ? matrix[i].epic : matrix[i].cerner;
		for (size_t op = 0; op < 4; op++) {
			struct arena *a = &w->arena;
			struct str path = arena_printf(a, "%s%s", matrix[i].type, op ? "/none" : "");
			struct asked how = {
				.method = ops[op].method,
				.accept = "application/fhir+json",
				.if_match = op ? "W/\"1\"" : NULL,
				.type = ops[op].type,
				.body = op == 2	  ? "[]"
					: op == 3 ? NULL
						  : arena_printf(a, "{\"resourceType\":\"%s\"}", matrix[i].type).p};
			struct http_answer answer = ask(w, path.p, how);
			/* A body that is refused, or an id that is not there, is another answer than "there is no such
			 * interaction". */
			bool there = answer.status != 404 || (epic ? str_find(answer.body, S("<html")) == STR_NONE
								   : op > 0 && strchr(listed, ops[op].letter));
			if (answer.status < 500 && there == (strchr(listed, ops[op].letter) != NULL))
				continue;
			fail_msg("%s %s: %d", ops[op].method, path.p, answer.status);
		}
	}
}

static void write_5_1_epic_takes_what_it_lists_C(void **state)
{
	takes_what_it_lists(*state, true);
}

static void write_5_1_cerner_takes_what_it_lists_C(void **state)
{
	takes_what_it_lists(*state, false);
}

/* ---- the protocol ----------------------------------------------------------------------------------------------- */

static struct http_answer post(struct ids *ids, const char *path, const char *body, const char *name, const char *value)
{
	struct asked how = {.method = "POST",
			    .accept = "application/fhir+json",
			    .body = write_filled(ids, body).p,
			    .more = {name ? str_from(name) : STR_NULL, value ? str_from(value) : STR_NULL}};
	return ask(ids->w, write_filled(ids, path).p, how);
}

static bool twice_makes_two(struct ids *ids, const char *body)
{
	struct http_answer one = post(ids, "Observation", body, "If-None-Exist", "identifier=urn:x|1");
	struct http_answer two = post(ids, "Observation", body, "If-None-Exist", "identifier=urn:x|1");
	struct str first = http_answer_header(&one, "Location"), second = http_answer_header(&two, "Location");
	return one.status == 201 && two.status == 201 && first.n && !str_eq(first, second);
}

static void write_5_2_epic_answers_without_a_body_C(void **state)
{
	struct ids ids = write_ids_of(*state);
	struct http_answer a = post(&ids, "Observation", VITAL("8867-4") "}", "Prefer", "return=representation");
	assert_int_equal(a.status, 201);
	assert_int_equal(a.body.n, 0);
	assert_true(str_starts(http_answer_header(&a, "Location"), ids.w->base));
	assert_true(!http_answer_header(&a, "ETag").p);
	/* There are no conditional creates: whoever says it twice has two. */
	assert_true(twice_makes_two(&ids, VITAL("8867-4") "}"));
}

static void write_5_2_cerner_answers_with_headers_alone_D(void **state)
{
	struct ids ids = write_ids_of(*state);
	struct http_answer a = post(&ids, "Observation", VITAL("8867-4") LA "}", "Prefer", "return=representation");
	assert_int_equal(a.status, 201);
	assert_int_equal(a.body.n, 0);
	assert_true(str_starts(a.content_type, S("text/html")));
	assert_true(str_starts(http_answer_header(&a, "Location"), ids.w->base));
	assert_true(str_starts(http_answer_header(&a, "ETag"), S("W/\"")));
	assert_true(http_answer_header(&a, "Last-Modified").n && http_answer_header(&a, "X-Request-Id").n);
	assert_true(twice_makes_two(&ids, VITAL("8867-4") LA "}"));
	struct str location = http_answer_header(&a, "Location");
	ids.last = str_slice(location, str_rfind_char(location, '/') + 1, location.n);
	struct asked put = {.method = "PUT",
			    .accept = "application/fhir+json",
			    .if_match = "W/\"1\"",
			    .body = write_filled(&ids,
						 "{'resourceType':'Observation','id':'$L','status':'amended'," CATEGORY(
							 "vital-signs") LOINC("8867-4") WHO
						 "'identifier':[{'system':'urn:x','value':'1'}],"
						 "'effectiveDateTime':'2026-04-28T17:00:27+00:00',"
						 "'valueQuantity':{'value':62,'unit':'/min','system':"
						 "'http://unitsofmeasure.org','code':'/min'}" LA "}")
					    .p};
	struct http_answer u = ask(ids.w, write_filled(&ids, "Observation/$L").p, put);
	assert_int_equal(u.status, 200);
	assert_int_equal(u.body.n, 0);
	assert_true(str_is(http_answer_header(&u, "ETag"), "W/\"2\""));
}

static const struct row protocol[] = {
	{"a Coverage", "POST", "Coverage", NULL,
	 "{'resourceType':'Coverage','status':'active','beneficiary':{'reference':'Patient/$P'},'payor':[{'display':"
	 "'x'}],'subscriberId':'17'}",
	 201, "'17'", NULL},
	{"is patched", "PATCH", "Coverage/$L", ETAG, "[{'op':'replace','path':'/subscriberId','value':'18'}]", 200,
	 "'18'", NULL},
	{"not deleted in another version", "DELETE", "Coverage/$L", ETAG, NULL, 409, NULL, NULL},
	{"nor without one", "DELETE", "Coverage/$L", NULL, NULL, 412, "If-Match is required", NULL},
	{"but in this one", "DELETE", "Coverage/$L", "W/\"2\"", NULL, 204, NULL, NULL},
	{"and is gone", "GET", "Coverage/$L", NULL, NULL, 404, "Not Found", NULL},
	{"a problem with its onset", "POST", "Condition", NULL,
	 PROBLEM("problem-list-item") ",'onsetDateTime':'2001-02-03T00:00:00Z'}", 201, "2001-02-03", NULL},
	{"what an update leaves out is gone", "PUT", "Condition/$L", ETAG, PROBLEM("problem-list-item") ",'id':'$L'}",
	 200, "Eye", "2001-02-03"},
};

static void write_5_2_cerner_versions_and_deletes_D(void **state)
{
	write_rows_try(*state, protocol, sizeof(protocol) / sizeof(*protocol));
}

static void write_5_2_cerner_patches_by_post_D(void **state)
{
	struct ids ids = write_ids_of(*state);
	struct asked how = {.method = "POST",
			    .accept = "application/fhir+json",
			    .if_match = ETAG,
			    .type = "application/json-patch+json",
			    .body = "[{\"op\":\"replace\",\"path\":\"/gender\",\"value\":\"other\"}]"};
	assert_int_equal(ask(ids.w, "Patient/$P?_method=patch", how).status, 200);
	how.if_match = "W/\"2\"";
	how.body = "[{\"op\":\"replace\",\"path\":\"/gender\",\"value\":\"unknown\"}]";
	how.more = (struct http_header){S("X-HTTP-Method-Override"), S("PATCH")};
	struct http_answer a = ask(ids.w, "Patient/$P", how);
	assert_int_equal(a.status, 200);
	assert_true(str_is(http_answer_header(&a, "ETag"), "W/\"3\""));
	how.if_match = ETAG;
	assert_int_equal(ask(ids.w, "Patient/$P", how).status, 409);
}

/* ---- reports ---------------------------------------------------------------------------------------------------- */

#define MOMENT	"'effectiveDateTime':'2026-04-28T17:00:27Z',"
#define SPAN	"'effectivePeriod':{'start':'2026-04-28T17:00:27Z','end':'2026-04-28T18:00:27Z'},"
#define OWN(n)	"{'system':'https://fhir.cerner.com/t/codeSet/72','code':'" n "'}"
#define BY(who) "'performer':[{'reference':'" who "'}],"
#define REPORT_OF(category, code, performer, identifier)                                                               \
	"{'resourceType':'DiagnosticReport','status':'final','category':[{'coding':[{'system':'http://loinc.org',"     \
	"'code':'" category "'}]}],'code':{'coding':[" code                                                            \
	"],'text':'x'},'subject':{'reference':'Patient/$P'}," performer "'identifier':[" identifier "],"
#define ECG	 "{'system':'http://loinc.org','code':'34552-0'}"
#define NUMBERED "{'system':'urn:x','value':'1'}"
#define DOCTOR	 BY("Practitioner/$D")

static const struct row reports[] = {
	{"one code of the site", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP7839-6", OWN("1"), DOCTOR, NUMBERED) MOMENT FORM "}", 201, "LP7839-6", NULL},
	{"not two", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP7839-6", OWN("1") "," OWN("2"), DOCTOR, NUMBERED) MOMENT FORM "}", 422, "exactly one", NULL},
	{"not both kinds", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP7839-6", OWN("1") "," ECG, DOCTOR, NUMBERED) MOMENT FORM "}", 422, "cannot be combined", NULL},
	{"no SNOMED CT", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP7839-6", "{'system':'http://snomed.info/sct','code':'252886007'}", DOCTOR, NUMBERED) MOMENT FORM
	 "}",
	 422, "code must be of LOINC", NULL},
	{"a performer", "POST", "DiagnosticReport", NULL, REPORT_OF("LP7839-6", ECG, "", NUMBERED) MOMENT FORM "}", 422,
	 "performer is required", NULL},
	{"who is there", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP7839-6", ECG, BY("Practitioner/404"), NUMBERED) MOMENT FORM "}", 422,
	 "performer must be a valid reference", NULL},
	{"and is no patient", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP7839-6", ECG, BY("Patient/$P"), NUMBERED) MOMENT FORM "}", 422,
	 "performer must be a valid reference", NULL},
	{"an identifier with its system", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP7839-6", ECG, DOCTOR, "{'value':'1'}") MOMENT FORM "}", 422, "system and value", NULL},
	{"pathology knows the identifier's two members", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP7839-6", ECG, DOCTOR, "{'use':'usual','system':'urn:x','value':'1'}") MOMENT FORM "}", 201,
	 "LP7839-6", NULL},
	{"and the form's", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP7839-6", ECG, DOCTOR, NUMBERED) MOMENT
	 "'presentedForm':[{'contentType':'application/pdf','data':'JVBERi0=','title':'A title'}]}",
	 201, "LP7839-6", "A title"},
	{"cardiology knows more", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP29708-2", ECG, DOCTOR, "{'use':'usual','type':{'text':'x'},'system':'urn:x','value':'1'}") SPAN
	 "'conclusion':'fine','resultsInterpreter':[{'reference':'Practitioner/$D'}],"
	 "'presentedForm':[{'contentType':'application/pdf;charset=utf-8','data':'JVBERi0=','title':'A title',"
	 "'creation':'2026-04-28T17:00:27Z'}]}",
	 201, "LP29708-2", NULL},
	{"creation has a time, too", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP29708-2", ECG, DOCTOR, NUMBERED) SPAN
	 "'presentedForm':[{'contentType':'application/pdf','data':'JVBERi0=','creation':'2026-04-28'}]}",
	 422, "dates must have a time", NULL},
	{"cardiology has no basedOn", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP29708-2", ECG, DOCTOR, NUMBERED) SPAN "'basedOn':[{'reference':'ServiceRequest/1'}]," FORM "}",
	 201, "LP29708-2", "basedOn"},
	{"a form without its bytes", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP29708-2", ECG, DOCTOR, NUMBERED) SPAN
	 "'presentedForm':[{'contentType':'application/pdf','url':'http://x.example/1'}]}",
	 422, "presentedForm needs data", NULL},
	{"a key that FHIR does not have, as the example sends", "POST", "DiagnosticReport", NULL,
	 REPORT_OF("LP29708-2", "{'system':'http://loinc.org','code':'34552-0','isUserSelected':true}", DOCTOR,
		   NUMBERED) SPAN FORM "}",
	 201, "LP29708-2", "isUserSelected"},
	{"no patch", "PATCH", "DiagnosticReport/$L", ETAG, "[]", 404, "Not Found", NULL},
};

static void write_5_3_reports_D(void **state)
{
	write_rows_try(*state, reports, sizeof(reports) / sizeof(*reports));
}

static void write_5_3_unsupported_members_may_be_refused_D(void **state)
{
	static const struct str strict[] = {{"unsupported-field=refuse", 24}};
	static const struct row rows[] = {
		{"a conclusion of pathology", "POST", "DiagnosticReport", NULL,
		 REPORT_OF("LP7839-6", ECG, DOCTOR, NUMBERED) MOMENT "'conclusion':'x'," FORM "}", 422,
		 "conclusion is not supported", NULL},
		{"a title", "POST", "DiagnosticReport", NULL,
		 REPORT_OF("LP7839-6", ECG, DOCTOR, NUMBERED) MOMENT
		 "'presentedForm':[{'contentType':'application/pdf','data':'JVBERi0=','title':'A title'}]}",
		 422, "presentedForm.title is not supported", NULL},
		{"an order of cardiology", "POST", "DiagnosticReport", NULL,
		 REPORT_OF("LP29708-2", ECG, DOCTOR, NUMBERED) SPAN "'basedOn':[{'reference':'ServiceRequest/1'}]," FORM
								    "}",
		 422, "basedOn is not supported", NULL},
	};
	(void)state;
	struct world *w = world_open(&(struct world_options){
		.vendor = EHR_CERNER, .patients = 1, .behaviours = strict, .behaviour_count = 1});
	write_rows_try(w, rows, sizeof(rows) / sizeof(*rows));
	world_close(w);
}

/* ---- observations ----------------------------------------------------------------------------------------------- */

#define RESULT(status, value)                                                                                          \
	"{'resourceType':'Observation','status':'" status "'," CATEGORY("laboratory") LOINC("718-7") WHO MOMENT value
#define GRAMS "'valueQuantity':{'value':14.1,'unit':'g/dL','system':'http://unitsofmeasure.org','code':'g/dL'}"
#define AS(function)                                                                                                   \
	",'performer':[{'extension':[{'url':'http://hl7.org/fhir/StructureDefinition/event-performerFunction',"        \
	"'valueCodeableConcept':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',"    \
	"'code':'" function "'}]}}],'reference':'Practitioner/$D'}]"
#define PART(loinc, value)                                                                                             \
	"{'code':{'coding':[{'system':'http://loinc.org','code':'" loinc "'}]},'valueQuantity':{'value':" value        \
	",'unit':'mm[Hg]','system':'http://unitsofmeasure.org','code':'mm[Hg]'}}"

static const struct row observations[] = {
	{"a code of SNOMED CT", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY(
		 "laboratory") "'code':{'coding':[{'system':"
			       "'http://snomed.info/sct','code':'259695003'}],'text':'x'}," WHO MOMENT GRAMS "}",
	 201, "'id':'L-", NULL},
	{"of nobody's", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY("laboratory") "'code':{'coding':[{'system':'urn:x',"
										  "'code':'1'}]}," WHO MOMENT GRAMS "}",
	 422, "code must be of LOINC", NULL},
	{"two categories", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final','category':[{'coding':[{'code':'laboratory'}]},{'coding':[{"
	 "'code':'vital-signs'}]}]," LOINC("718-7") WHO MOMENT GRAMS "}",
	 422, "exactly one category", NULL},
	{"a status that is not taken", "POST", "Observation", NULL, RESULT("preliminary", GRAMS) "}", 422,
	 "status must be one of", NULL},
	{"a time", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY("laboratory") LOINC("718-7") WHO GRAMS "}", 422,
	 "effectiveDateTime is required", NULL},
	{"a vital sign in words", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY("vital-signs") LOINC("8867-4") WHO MOMENT
	 "'valueString':'fast'" LA "}",
	 422, "valueQuantity is required", NULL},
	{"by the primary performer alone", "POST", "Observation", NULL, VITAL("8867-4") AS("PPRF") "}", 422,
	 "performerFunction LA", NULL},
	{"a function of results", "POST", "Observation", NULL, RESULT("final", GRAMS) AS("AUTHEN") "}", 201, "'L-",
	 NULL},
	{"a function that there is not", "POST", "Observation", NULL, RESULT("final", GRAMS) AS("ATND") "}", 422,
	 "performerFunction is not supported", NULL},
	{"a performer who is not there", "POST", "Observation", NULL,
	 RESULT("final", GRAMS) ",'performer':[{'reference':'Practitioner/404'}]}", 422,
	 "performer must be a valid reference", NULL},
	{"two interpretations", "POST", "Observation", NULL,
	 RESULT("final", GRAMS) ",'interpretation':[{'text':'H'},{'text':'L'}]}", 422, "at most one interpretation",
	 NULL},
	{"two ranges", "POST", "Observation", NULL,
	 RESULT("final", GRAMS) ",'referenceRange':[{'text':'a'},{'text':'b'}]}", 422, "at most one referenceRange",
	 NULL},
	{"a range in words and numbers", "POST", "Observation", NULL,
	 RESULT("final", GRAMS) ",'referenceRange':[{'text':'a','low':{'value':1}}]}", 422, "text, or low and high",
	 NULL},
	{"a range of another type", "POST", "Observation", NULL,
	 RESULT("final", GRAMS) ",'referenceRange':[{'low':{'value':1},'type':{'coding':[{'code':'therapeutic'}]}}]}",
	 422, "type normal", NULL},
	{"the normal range", "POST", "Observation", NULL,
	 RESULT("final", GRAMS) ",'referenceRange':[{'low':{'value':1},'type':{'coding':[{'system':"
				"'http://terminology.hl7.org/CodeSystem/referencerange-meaning','code':'normal'}]}}]}",
	 201, "'L-", NULL},
	{"components of a result", "POST", "Observation", NULL,
	 RESULT("final", "'component':[" PART("718-7", "1") "]") "}", 422, "blood pressure and pulse oximetry", NULL},
	{"blood pressure", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY("vital-signs") LOINC("85354-9") WHO MOMENT
	 "'component':[" PART("8480-6", "120") "," PART("8462-4", "80") "]" LA "}",
	 201, "8480-6", NULL},
	{"a result in words", "POST", "Observation", NULL, RESULT("final", "'valueString':'some'") "}", 201, "some",
	 NULL},
	{"may become a number", "PUT", "Observation/$L", ETAG, RESULT("amended", GRAMS) ",'id':'$L'}", 200, "14.1",
	 NULL},
	{"but not a time", "PUT", "Observation/$L", "W/\"2\"",
	 RESULT("corrected", "'valueDateTime':'2026-04-28T17:00:27Z'") ",'id':'$L'}", 422,
	 "type of the value cannot be changed", NULL},
	{"nor a vital sign", "PUT", "Observation/$L", "W/\"2\"",
	 "{'resourceType':'Observation','id':'$L','status':'amended'," CATEGORY("vital-signs") LOINC("718-7")
		 WHO MOMENT GRAMS LA "}",
	 422, "category cannot be changed", NULL},
	{"nor somebody else's", "PUT", "Observation/$L", "W/\"2\"",
	 "{'resourceType':'Observation','id':'$L','status':'amended'," CATEGORY("laboratory")
		 LOINC("718-7") "'subject':{'reference':'Patient/1'}," MOMENT GRAMS "}",
	 422, "subject cannot be changed", NULL},
	{"a pulse", "POST", "Observation", NULL, VITAL("8867-4") LA "}", 201, "'VS-", NULL},
	{"is amended by its identifier", "PUT", "Observation/$L", ETAG,
	 "{'resourceType':'Observation','id':'$L','status':'amended'," CATEGORY("vital-signs") LOINC("8867-4")
		 WHO MOMENT GRAMS LA "}",
	 422, "identifier is required", NULL},
};

static void write_5_5_observations_D(void **state)
{
	write_rows_try(*state, observations, sizeof(observations) / sizeof(*observations));
}

static const struct row epic_observations[] = {
	{"blood pressure in components", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY("vital-signs") LOINC("85354-9") WHO MOMENT
	 "'component':[" PART("8480-6", "120") "," PART("8462-4", "80") "]}",
	 201, "8480-6", NULL},
	{"has the panel's codes", "GET", "Observation/$L", NULL, NULL, 200, "55284-4", NULL},
	{"a visit is needed", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY("vital-signs")
		 LOINC("8867-4") "'subject':{'reference':'Patient/$P'}," MOMENT GRAMS "}",
	 400, "'59108'", NULL},
	{"a code is needed", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','status':'final'," CATEGORY("vital-signs") WHO MOMENT GRAMS "}", 400, "'59108'",
	 NULL},
};

static void write_5_5_epic_observations_C(void **state)
{
	write_rows_try(*state, epic_observations, sizeof(epic_observations) / sizeof(*epic_observations));
}

/* ---- other types ------------------------------------------------------------------------------------------------ */

#define FACT(code)                                                                                                     \
	"{'resourceType':'AllergyIntolerance','clinicalStatus':{'coding':[{'system':"                                  \
	"'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical','code':'active'}]},"                      \
	"'verificationStatus':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/"                            \
	"allergyintolerance-verification','code':'" code "'}]},'patient':{'reference':'Patient/$P'},"
#define EGG  "'code':{'text':'egg'}"
#define RASH ",'reaction':[{'manifestation':[{'text':'rash'}]}]"
#define NOTE ",'note':[{'text':'since childhood'}]"

static const struct row allergies[] = {
	{"refuted is not created", "POST", "AllergyIntolerance", NULL, FACT("refuted") EGG "}", 422,
	 "verificationStatus must be one of", NULL},
	{"nor entered in error", "POST", "AllergyIntolerance", NULL, FACT("entered-in-error") EGG "}", 422,
	 "verificationStatus must be one of", NULL},
	{"biologic is refused", "POST", "AllergyIntolerance", NULL,
	 FACT("confirmed") EGG ",'category':['food','biologic']}", 422, "biologic", NULL},
	{"of several categories one is kept", "POST", "AllergyIntolerance", NULL,
	 FACT("confirmed") EGG ",'category':['environment','food','medication']}", 201, "'category':['medication']",
	 NULL},
	{"an allergy", "POST", "AllergyIntolerance", NULL, FACT("confirmed") EGG RASH NOTE "}", 201, "rash", NULL},
	{"its substance stays", "PUT", "AllergyIntolerance/$L", ETAG,
	 FACT("confirmed") "'id':'$L','code':{'text':'milk'}" RASH NOTE "}", 422, "code cannot be changed", NULL},
	{"its reactions stay", "PUT", "AllergyIntolerance/$L", ETAG,
	 FACT("confirmed") "'id':'$L'," EGG ",'reaction':[{'manifestation':[{'text':'death'}]}]" NOTE "}", 422,
	 "manifestations cannot be changed", NULL},
	{"its notes stay", "PUT", "AllergyIntolerance/$L", ETAG, FACT("confirmed") "'id':'$L'," EGG RASH "}", 422,
	 "notes can be added only", NULL},
	{"one may be added", "PUT", "AllergyIntolerance/$L", ETAG,
	 FACT("confirmed") "'id':'$L'," EGG RASH ",'note':[{'text':'since childhood'},{'text':'seen again'}]}", 200,
	 "seen again", NULL},
	{"its patient stays", "PUT", "AllergyIntolerance/$L", "W/\"2\"",
	 "{'resourceType':'AllergyIntolerance','id':'$L','clinicalStatus':{'coding':[{'code':'active'}]},'patient':{"
	 "'reference':'Patient/1'}," EGG "}",
	 422, "patient", NULL},
};

static void write_5_6_allergies_D(void **state)
{
	write_rows_try(*state, allergies, sizeof(allergies) / sizeof(*allergies));
}

#define DOCUMENT(status, state, type, author, content, context)                                                        \
	"{'resourceType':'DocumentReference','status':'" status "','docStatus':'" state "','type':" type               \
	",'subject':{'reference':'Patient/$P'},'author':[" author "],'content':[" content "]" context
#define NOTED  "{'coding':[{'system':'http://loinc.org','code':'34109-9'}],'text':'Note'}"
#define WROTE  "{'reference':'Practitioner/$D'}"
#define PLAIN  "{'attachment':{'contentType':'text/plain;charset=utf-8','data':'SGVsbG8='}}"
#define WITHIN ",'context':{'encounter':[{'reference':'Encounter/$E'}],'period':{'end':'2026-04-28T17:00:27Z'}}"
/* <html><body><script>alert(1)</script><p>Hello <b>world</b></p></body></html> */
#define PAGE                                                                                                           \
	"{'attachment':{'contentType':'application/xhtml+xml;charset=utf-8','data':"                                   \
	"'PGh0bWw+PGJvZHk+PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0PjxwPkhlbGxvIDxiPndvcmxkPC9iPjwvcD48L2JvZHk+PC9odG1sPg=='}}"

static const struct row documents[] = {
	{"a note", "POST", "DocumentReference", NULL, DOCUMENT("current", "final", NOTED, WROTE, PLAIN, WITHIN) "}",
	 201, "Clinical Note", NULL},
	{"is marked as an error", "PUT", "DocumentReference/$L", ETAG,
	 DOCUMENT("entered-in-error", "final", NOTED, WROTE, PLAIN, WITHIN) ",'id':'$L'}", 200, "entered-in-error",
	 NULL},
	{"created as an error", "POST", "DocumentReference", NULL,
	 DOCUMENT("entered-in-error", "final", NOTED, WROTE, PLAIN, WITHIN) "}", 422, "status must be one of", NULL},
	{"not final", "POST", "DocumentReference", NULL,
	 DOCUMENT("current", "preliminary", NOTED, WROTE, PLAIN, WITHIN) "}", 422, "docStatus must be one of", NULL},
	{"of a type of nobody's", "POST", "DocumentReference", NULL,
	 DOCUMENT("current", "final", "{'text':'Note'}", WROTE, PLAIN, WITHIN) "}", 422, "type must be of LOINC", NULL},
	{"by two", "POST", "DocumentReference", NULL,
	 DOCUMENT("current", "final", NOTED, WROTE "," WROTE, PLAIN, WITHIN) "}", 422, "exactly one author", NULL},
	{"by nobody who is there", "POST", "DocumentReference", NULL,
	 DOCUMENT("current", "final", NOTED, "{'reference':'Practitioner/404'}", PLAIN, WITHIN) "}", 422,
	 "author must be a valid reference", NULL},
	{"with two contents", "POST", "DocumentReference", NULL,
	 DOCUMENT("current", "final", NOTED, WROTE, PLAIN "," PLAIN, WITHIN) "}", 422, "exactly one content", NULL},
	{"without a charset", "POST", "DocumentReference", NULL,
	 DOCUMENT("current", "final", NOTED, WROTE, "{'attachment':{'contentType':'text/plain','data':'SGVsbG8='}}",
		  WITHIN) "}",
	 422, "contentType", NULL},
	{"without an end", "POST", "DocumentReference", NULL, DOCUMENT("current", "final", NOTED, WROTE, PLAIN, "") "}",
	 422, "context.period.end is required", NULL},
	{"a page becomes RTF", "POST", "DocumentReference", NULL,
	 DOCUMENT("current", "final", NOTED, WROTE, PAGE, WITHIN) "}", 201, "text/rtf", "application/xhtml"},
};

static void write_5_6_documents_D(void **state)
{
	struct ids ids = write_ids_of(*state);
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++)
		write_row_try(&ids, &documents[i]);
	const struct json *note = get(ids.w, write_filled(&ids, "DocumentReference/$L").p);
	const struct json *content = json_get(json_at(json_get(note, S("content")), 0), S("attachment"));
	struct http_answer page = ask_url(ids.w, json_get_str(content, S("url")), (struct asked){.accept = "text/rtf"});
	assert_int_equal(page.status, 200);
	assert_true(str_find(page.body, S("Hello world")) != STR_NONE);
	assert_true(str_find(page.body, S("alert")) == STR_NONE);
}

static const struct row others[] = {
	{"a diagnosis that is over", "POST", "Condition", NULL,
	 "{'resourceType':'Condition','clinicalStatus':{'coding':[{'code':'resolved'}]},'category':[{'coding':[{'code':"
	 "'encounter-diagnosis'}]}],'code':{'text':'x'}," WHO "'onsetString':'x'}",
	 422, "must be active", NULL},
	{"a problem without status", "POST", "Condition", NULL,
	 "{'resourceType':'Condition','category':[{'coding':[{'code':'problem-list-item'}]}],'code':{'text':'x'},"
	 "'subject':{'reference':'Patient/$P'}}",
	 422, "clinicalStatus is required", NULL},
	{"another category", "POST", "Condition", NULL, PROBLEM("health-concern") "}", 422, "category must be one of",
	 NULL},
	{"of nobody who is there", "POST", "Condition", NULL,
	 "{'resourceType':'Condition','clinicalStatus':{'coding':[{'code':'active'}]},'category':[{'coding':[{'code':"
	 "'problem-list-item'}]}],'code':{'text':'x'},'subject':{'reference':'Patient/404'}}",
	 422, "subject must be a valid reference", NULL},
	{"one coding that was chosen, and one that was not", "POST", "Condition", NULL,
	 PROBLEM_CODED("{'system':'http://snomed.info/sct','code':'41652007','display':'Eye pain','userSelected':true},"
		       "{'system':'http://hl7.org/fhir/sid/icd-10-cm','code':'H57.10','display':'Ocular pain',"
		       "'userSelected':false},{'system':'http://hl7.org/fhir/sid/icd-9-cm','code':'379.91','display':"
		       "'Pain','userSelected':false}") "}",
	 201, "H57.10", "379.91"},
	{"a visit at a place and of a provider", "POST", "Encounter", NULL,
	 "{'resourceType':'Encounter','status':'planned','class':{'code':'AMB'},'type':[{'text':'x'}],'subject':{"
	 "'reference':'Patient/$P'},'serviceProvider':{'display':'x'},'location':[{'location':{'display':'y'}}]}",
	 422, "exclude each other", NULL},
	{"a visit's status is not patched", "PATCH", "Encounter/$E", ETAG,
	 "[{'op':'replace','path':'/status','value':'finished'}]", 422, "only period type extension", NULL},
	{"its period is", "PATCH", "Encounter/$E", ETAG,
	 "[{'op':'add','path':'/period/end','value':'2026-04-28T17:00:27Z'}]", 200, "2026-04-28", NULL},
	{"an order without its drug", "POST", "MedicationRequest", NULL,
	 "{'resourceType':'MedicationRequest','status':'active','intent':'order','reportedBoolean':false,'subject':{"
	 "'reference':'Patient/$P'}}",
	 422, "medication", NULL},
	{"an order that does not say who reported it", "POST", "MedicationRequest", NULL,
	 "{'resourceType':'MedicationRequest','status':'active','intent':'order','medicationCodeableConcept':{'text':"
	 "'x'},'subject':{'reference':'Patient/$P'}}",
	 422, "reportedBoolean", NULL},
	{"an order", "POST", "MedicationRequest", NULL,
	 "{'resourceType':'MedicationRequest','status':'active','intent':'order','reportedBoolean':false,"
	 "'medicationCodeableConcept':{'text':'x'},'subject':{'reference':'Patient/$P'}}",
	 201, "'reportedBoolean':false", NULL},
	{"is stopped", "PATCH", "MedicationRequest/$L", ETAG, "[{'op':'replace','path':'/status','value':'stopped'}]",
	 200, "stopped", NULL},
	{"and nothing else", "PATCH", "MedicationRequest/$L", "W/\"2\"",
	 "[{'op':'replace','path':'/intent','value':'plan'}]", 422, "only status", NULL},
	{"where something is from, without who", "POST", "Provenance", NULL,
	 "{'resourceType':'Provenance','target':[{'reference':'Patient/$P'}],'recorded':'2026-04-28T17:00:27Z','agent':"
	 "[{'type':{'text':'x'}}]}",
	 422, "agent.who is required", NULL},
	{"of two things", "POST", "Provenance", NULL,
	 "{'resourceType':'Provenance','target':[{'reference':'Patient/$P'},{'reference':'Encounter/$E'}],'recorded':"
	 "'2026-04-28T17:00:27Z','agent':[{'who':{'reference':'Practitioner/$D'}}]}",
	 422, "exactly one target", NULL},
	{"two official names", "POST", "Patient", NULL,
	 "{'resourceType':'Patient','identifier':[{'value':'1','assigner':{'reference':'Organization/675844'}}],'name':"
	 "[{'use':'official','family':'K'},{'use':'official','family':'L'}]}",
	 422, "exactly one official name", NULL},
	{"an appointment", "POST", "Appointment", NULL,
	 "{'resourceType':'Appointment','status':'booked','participant':[{'actor':{'reference':'Patient/$P'},'status':"
	 "'accepted'}]}",
	 201, "booked", NULL},
	{"is cancelled with its version", "PATCH", "Appointment/$L", NULL,
	 "[{'op':'replace','path':'/status','value':'cancelled'}]", 412, "If-Match is required", NULL},
	{"its comment is not patched", "PATCH", "Appointment/$L", ETAG, "[{'op':'add','path':'/comment','value':'x'}]",
	 422, "only status", NULL},
	{"no rules from elsewhere", "POST", "Observation", NULL,
	 "{'resourceType':'Observation','implicitRules':'urn:x'}", 422, "'not-supported'", NULL},
};

static void write_5_6_other_types_D(void **state)
{
	write_rows_try(*state, others, sizeof(others) / sizeof(*others));
}

static void write_5_6_appointments_that_cannot_be_changed_now_D(void **state)
{
	static const struct row rows[] = {
		{"locked", "POST", "Appointment", NULL, "{'resourceType':'Appointment'}", 423, "being modified", NULL},
		{"dependency", "POST", "Appointment", NULL, "{'resourceType':'Appointment'}", 424, "depends on", NULL},
	};
	struct world *w = *state;
	struct error err = {0};
	for (size_t i = 0; i < 2; i++) {
		must(fault_set(w->sandbox, arena_printf(&w->arena, "%s=1", rows[i].what), &err), &err);
		write_rows_try(w, &rows[i], 1);
	}
}

/* Of appointments it is documented that a version is needed, whatever the switch says of others. */
static void write_5_2_a_missing_version_elsewhere_is_a_switch_D(void **state)
{
	static const struct str lax[] = {{"missing-if-match=accept", 23}};
	static const struct row rows[] = {
		{"a patient", "PATCH", "Patient/$P", NULL, "[{'op':'replace','path':'/gender','value':'other'}]", 200,
		 "'other'", NULL},
		{"an appointment", "POST", "Appointment", NULL,
		 "{'resourceType':'Appointment','status':'booked','participant':[{'actor':{'reference':'Patient/$P'},"
		 "'status':'accepted'}]}",
		 201, "booked", NULL},
		{"without its version", "PATCH", "Appointment/$L", NULL,
		 "[{'op':'replace','path':'/status','value':'cancelled'}]", 412, "If-Match is required", NULL},
	};
	(void)state;
	struct world *w = world_open(
		&(struct world_options){.vendor = EHR_CERNER, .patients = 1, .behaviours = lax, .behaviour_count = 1});
	write_rows_try(w, rows, sizeof(rows) / sizeof(*rows));
	world_close(w);
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

#define AT(vendor, test) cmocka_unit_test_setup_teardown(test, with_##vendor, close_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT(epic, write_5_1_epic_takes_what_it_lists_C),
		AT(cerner, write_5_1_cerner_takes_what_it_lists_C),
		AT(epic, write_5_2_epic_answers_without_a_body_C),
		AT(cerner, write_5_2_cerner_answers_with_headers_alone_D),
		AT(cerner, write_5_2_cerner_versions_and_deletes_D),
		AT(cerner, write_5_2_cerner_patches_by_post_D),
		cmocka_unit_test(write_5_2_a_missing_version_elsewhere_is_a_switch_D),
		AT(cerner, write_5_3_reports_D),
		cmocka_unit_test(write_5_3_unsupported_members_may_be_refused_D),
		AT(cerner, write_5_5_observations_D),
		AT(epic, write_5_5_epic_observations_C),
		AT(cerner, write_5_6_allergies_D),
		AT(cerner, write_5_6_documents_D),
		AT(cerner, write_5_6_other_types_D),
		AT(cerner, write_5_6_appointments_that_cannot_be_changed_now_D),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
