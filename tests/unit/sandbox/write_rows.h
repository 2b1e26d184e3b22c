/*
 * Writes as rows: requests in the order they are made, and what comes of each. In paths and bodies "$P" is the patient,
 * "$E" a visit of the patient, "$D" a practitioner, "$L" the last Location, and ' a quotation mark.
 */
#ifndef FIRTH_TESTS_SANDBOX_WRITE_ROWS_H
#define FIRTH_TESTS_SANDBOX_WRITE_ROWS_H

#include "world.h"

struct ids {
	struct world *w;
	struct str visit, doctor, last;
};

struct row {
	const char *what;
	const char *method, *path, *if_match, *body;
	int status;
	const char *contains; /* in the body of the answer, or of what is read afterwards when it was written */
	const char *lacks;
};

struct ids write_ids_of(struct world *w);
struct str write_filled(struct ids *ids, const char *text);
void write_row_try(struct ids *ids, const struct row *r);
void write_rows_try(struct world *w, const struct row *rows, size_t count);

#define CATEGORY(code)                                                                                                 \
	"'category':[{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/observation-category','code':'" code  \
	"'}]}],"
#define LOINC(code) "'code':{'coding':[{'system':'http://loinc.org','code':'" code "'}],'text':'x'},"
#define WHO	    "'subject':{'reference':'Patient/$P'},'encounter':{'reference':'Encounter/$E'},"
#define VITAL(loinc)                                                                                                   \
	"{'resourceType':'Observation','status':'final'," CATEGORY("vital-signs") LOINC(loinc) WHO                     \
		"'effectiveDateTime':'2026-04-28T17:00:27+00:00','valueQuantity':{'value':61,'unit':'/min',"           \
		"'system':'http://unitsofmeasure.org','code':'/min'}"
#define LA                                                                                                             \
	",'performer':[{'extension':[{'url':'http://hl7.org/fhir/StructureDefinition/event-performerFunction',"        \
	"'valueCodeableConcept':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',"    \
	"'code':'LA'}]}}],'reference':'Practitioner/$D'}]"
#define REPORT(category)                                                                                               \
	"{'resourceType':'DiagnosticReport','status':'final','category':[{'coding':[{'system':'http://loinc.org',"     \
	"'code':'" category                                                                                            \
	"'}]}]," LOINC("34552-0") "'subject':{'reference':'Patient/$P'},'performer':[{"                                \
				  "'reference':'Practitioner/$D'}],'identifier':[{'system':'urn:x','value':'1'}],"
#define FORM "'presentedForm':[{'contentType':'application/pdf','data':'JVBERi0='}]"
#define ETAG "W/\"1\""
#define ALLERGY                                                                                                        \
	"{'resourceType':'AllergyIntolerance','clinicalStatus':{'coding':[{'system':"                                  \
	"'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical','code':'active'}]},"                      \
	"'verificationStatus':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/"                            \
	"allergyintolerance-verification','code':'confirmed'}]},'category':['food'],'code':{'text':'egg'},'patient':{" \
	"'reference':'Patient/$P'}"

#define PROBLEM_CODED(codings)                                                                                         \
	"{'resourceType':'Condition','clinicalStatus':{'coding':[{'system':"                                           \
	"'http://terminology.hl7.org/CodeSystem/"                                                                      \
	"condition-clinical','code':'active'}]},'category':[{'coding':[{'system':"                                     \
	"'http://terminology.hl7.org/CodeSystem/"                                                                      \
	"condition-category','code':'problem-list-item'}]}],'code':{'coding':[" codings                                \
	"],'text':'Eye'},'subject':{'reference':'Patient/$P'}"
#define PROBLEM(category)                                                                                              \
	"{'resourceType':'Condition','clinicalStatus':{'coding':[{'system':"                                           \
	"'http://terminology.hl7.org/CodeSystem/condition-clinical','code':'active'}]},'category':[{'coding':[{"       \
	"'system':'http://terminology.hl7.org/CodeSystem/condition-category','code':'" category "'}]}],"               \
	"'code':{'coding':[{'system':'http://snomed.info/sct','code':'41652007','display':'Eye pain'}],'text':'Eye'}," \
	"'subject':{'reference':'Patient/$P'}"

#endif
