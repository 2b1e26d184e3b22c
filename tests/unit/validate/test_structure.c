/* What R4 itself says of instances: JSON form, elements, formats, invariants, extensions, codes, references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"

#define EXTENSION                                                                                                      \
	"{'resourceType':'StructureDefinition','url':'http://x.test/"                                                  \
	"ext','name':'E','status':'active','kind':'complex-type',"                                                     \
	"'abstract':false,'type':'Extension','baseDefinition':'http://hl7.org/fhir/StructureDefinition/Extension',"    \
	"'derivation':'constraint','context':[{'type':'element','expression':'Patient.name'},"                         \
	"{'type':'fhirpath','expression':'Patient.where(active)'}],'contextInvariant':['%extension.value = true'],"    \
	"'differential':{'element':[{'id':'Extension.url','path':'Extension.url','fixedUri':'http://x.test/ext'},"     \
	"{'id':'Extension.value[x]','path':'Extension.value[x]','type':[{'code':'boolean'}]}]}}"
#define MODIFIER                                                                                                       \
	"{'resourceType':'StructureDefinition','url':'http://x.test/"                                                  \
	"mod','name':'M','status':'active','kind':'complex-type',"                                                     \
	"'abstract':false,'type':'Extension','baseDefinition':'http://hl7.org/fhir/StructureDefinition/Extension',"    \
	"'derivation':'constraint','context':[{'type':'element','expression':'DomainResource'}],"                      \
	"'differential':{'element':[{'id':'Extension','path':'Extension','isModifier':true},"                          \
	"{'id':'Extension.value[x]','path':'Extension.value[x]','type':[{'code':'boolean'}]}]}}"

static const char *const definitions[] = {EXTENSION, MODIFIER, NULL};

static const struct fixture_case form[] = {
	{"{'resourceType':'Patient','active':true}", NULL, ""},
	{"{'resourceType':'Patient','colour':'red'}", NULL, "error Patient unknown-property"},
	{"{'resourceType':'Pateint'}", NULL, "error Pateint resource-type"},
	{"{'id':'a'}", NULL, "error $ resource-type"},
	{"{'resourceType':'Patient','name':{'family':'A'}}", NULL, "error Patient.name json-list"},
	{"{'resourceType':'Patient','gender':['male']}", NULL, "error Patient.gender max"},
	{"{'resourceType':'Patient','gender':['male','female']}", NULL, "error Patient max"},
	{"{'resourceType':'Patient','gender':null}", NULL,
	 "error Patient.gender json-null\nerror Patient.gender json-null"},
	{"{'resourceType':'Patient','name':[]}", NULL, "error Patient.name json-empty"},
	{"{'resourceType':'Patient','name':[{}]}", NULL, "error Patient.name[0] ele-1"},
	{"{'resourceType':'Patient','name':['A']}", NULL, "error Patient.name[0] json-type"},
	{"{'resourceType':'Patient','name':[null]}", NULL, "error Patient.name[0] json-type"},
	{"{'resourceType':'Observation','status':'final','code':{'text':'x'},'valueQuantity':{'value':1,'system':'x'}}",
	 NULL, "error Observation.value.ofType(Quantity) system"},
	{"{'resourceType':'Patient','active':'true'}", NULL, "error Patient.active json-type"},
	{"{'resourceType':'Patient','name':[{'given':['A',null]}]}", NULL, "error Patient.name[0].given[1] json-null"},
	{"{'resourceType':'Patient','name':[{'given':['A',null],'_given':[null,{'id':'x'}]}]}", NULL,
	 "error Patient.name[0].given[1] ele-1"},
	{"{'resourceType':'Patient','_birthDate':{'extension':[{'url':'http://y.test/e','valueCode':'x'}]}}", NULL, ""},
	{"{'resourceType':'Patient','deceasedBoolean':true,'deceasedDateTime':'2020'}", NULL, "error Patient max"},
	{"{'resourceType':'Patient','gender':'male','_gender':{}}", NULL, "error Patient.gender json-empty"},
	{"{'resourceType':'Patient','_gender':{'extension':[{'url':'http://hl7.org/fhir/StructureDefinition/"
	 "data-absent-reason','valueCode':'unknown'}]}}",
	 NULL, "error Patient.gender binding"},
	{"{'resourceType':'Patient','language':'de\\tAT'}", NULL,
	 "error Patient.language format\nerror Patient.language binding"},
	{"{'resourceType':'Library','url':'mine','name':'L','status':'draft','type':{'text':'x'}}", NULL,
	 "error Library.url canonical"},
	{"{'resourceType':'Patient','meta':{'profile':['urn:uuid:1e2ab9f4-9b1e-4dcb-9b35-5b0d4c9f2a10|1']}}", NULL,
	 "warning Patient.meta.profile[0] profile-unknown"},
	{"{'resourceType':'Patient','id':'a_b'}", NULL, "error Patient.id id"},
	{"{'resourceType':'Observation','status':'final'}", NULL, "error Observation min"},
	{"{'resourceType':'Observation','status':'final','code':{'text':'x'},'valueMoney':{'value':1}}", NULL,
	 "error Observation unknown-property"},
	{"{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'urn:uuid:1e2ab9f4-9b1e-4dcb-9b35-"
	 "5b0d4c9f2a10',"
	 "'resource':{'resourceType':'Patient','x':1}}]}",
	 NULL, "error Bundle.entry[0].resource unknown-property"},
};

#define XML(inside) "<Patient xmlns='http://hl7.org/fhir'>" inside "</Patient>"
static const struct fixture_case xml[] = {
	{"<?xml version='1.0'?><!-- <?no?> -->" XML("<active value='true'/>"), NULL, ""},
	{"\xef\xbb\xbf<?xml version='1.0'?>\n" XML("<active value='true'/>"), NULL, ""},
	{"<?xml-stylesheet href='x'?>" XML("<active value='true'/>"), NULL, "error  "},
	{"<?xml version='1.0'?><?pi x?>" XML("<active value='true'/>"), NULL, "error  "},
	{XML("<deceasedBoolean value='true'/><active value='true'/>"), NULL, "error Patient.active "},
	{XML("<multipleBirthInteger value='1'/><deceasedBoolean value='true'/>"), NULL,
	 "error Patient.deceased.ofType(boolean) "},
	{"<Patient xmlns='http://x.test'/>", NULL, "error Patient "},
	{"<Pateint xmlns='http://hl7.org/fhir'/>", NULL, "error Pateint "},
};

static const struct fixture_case ids[] = {
	{"{'resourceType':'Patient','name':[{'id':'a'},{'id':'b','given':['x'],'_given':[{'id':'a'}]}]}", NULL,
	 "error Patient.name[0] ele-1\nerror Patient.name[1].given[0] id-unique"},
	{"{'resourceType':'Patient','id':'a','name':[{'id':'a','text':'x'},{'id':'a','text':'y'}]}", NULL,
	 "error Patient.name[1] id-unique"},
	{"{'resourceType':'Patient','id':'p','name':[{'id':'a','text':'x'}],'managingOrganization':{'reference':'#o'},"
	 "'contained':[{'resourceType':'Organization','id':'o','_name':{'id':'a'},'name':'O'}]}",
	 NULL, ""},
};

static const struct fixture_case formats[] = {
	{"{'resourceType':'Patient','birthDate':'2020-02-30'}", NULL, "error Patient.birthDate format"},
	{"{'resourceType':'Patient','birthDate':'1492-10-12'}", NULL, "warning Patient.birthDate year"},
	{"{'resourceType':'Patient','deceasedDateTime':'2020-01-01T10:00'}", NULL,
	 "error Patient.deceased.ofType(dateTime) format"},
	{"{'resourceType':'Patient','multipleBirthInteger':1.5}", NULL,
	 "error Patient.multipleBirth.ofType(integer) format"},
	{"{'resourceType':'Patient','name':[{'family':''}]}", NULL, "error Patient.name[0].family json-empty"},
	{"{'resourceType':'Patient','name':[{'family':'  '}]}", NULL, "warning Patient.name[0].family blank"},
	{"{'resourceType':'Patient','implicitRules':'urn:oid:1.02'}", NULL, "error Patient.implicitRules oid"},
	{"{'resourceType':'Patient','implicitRules':'urn:uuid:1E2AB9F4-9b1e-4dcb-9b35-5b0d4c9f2a10'}", NULL,
	 "error Patient.implicitRules uuid"},
	{"{'resourceType':'Patient','photo':[{'contentType':'image/png','data':'ab'}]}", NULL,
	 "error Patient.photo[0] base64"},
	{"{'resourceType':'QuestionnaireResponse','status':'completed','questionnaire':'q1'}", NULL,
	 "error QuestionnaireResponse.questionnaire canonical\nwarning QuestionnaireResponse questionnaire"},
};

static const struct fixture_case invariants[] = {
	{"{'resourceType':'Patient','contact':[{'gender':'male'}]}", NULL, "error Patient.contact[0] pat-1"},
	{"{'resourceType':'Patient','name':[{'text':'A','period':{'start':'2021','end':'2020'}}]}", NULL,
	 "error Patient.name[0].period per-1"},
	{"{'resourceType':'Observation','status':'final','code':{'text':'x'},'component':[{'code':{'text':'y'},"
	 "'referenceRange':[{'appliesTo':[{'text':'z'}]}]}]}",
	 NULL, "error Observation.component[0].referenceRange[0] obs-3"},
	{"{'resourceType':'Patient','contained':[{'resourceType':'Organization','id':'o','name':'O'}]}", NULL,
	 "error Patient.contained[0] dom-3"},
	{"{'resourceType':'Patient','managingOrganization':{'reference':'#o'},"
	 "'contained':[{'resourceType':'Organization','id':'o','name':'O','meta':{'versionId':'1'}}]}",
	 NULL, "error Patient dom-4"},
	{"{'resourceType':'Patient','extension':[{'url':'http://y.test/e'}]}", NULL,
	 "error Patient.extension[0] ext-1"},
};

static const struct fixture_case extensions[] = {
	{"{'resourceType':'Patient','name':[{'text':'A','extension':[{'url':'http://x.test/"
	 "ext','valueBoolean':true}]}]}",
	 NULL, ""},
	{"{'resourceType':'Patient','active':true,'extension':[{'url':'http://x.test/ext','valueBoolean':true}]}", NULL,
	 ""},
	{"{'resourceType':'Patient','extension':[{'url':'http://x.test/ext','valueBoolean':true}]}", NULL,
	 "error Patient extension-context"},
	{"{'resourceType':'Patient','active':true,'extension':[{'url':'http://x.test/ext','valueBoolean':false}]}",
	 NULL, "error Patient extension-context"},
	{"{'resourceType':'Patient','active':true,'extension':[{'url':'http://x.test/ext','valueString':'a'}]}", NULL,
	 "error Patient extension-context\nerror Patient.extension[0] type"},
	{"{'resourceType':'Patient','extension':[{'url':'http://x.test/mod','valueBoolean':true}]}", NULL,
	 "error Patient.extension[0] extension-modifier"},
	{"{'resourceType':'Patient','modifierExtension':[{'url':'http://x.test/mod','valueBoolean':true}]}", NULL, ""},
	{"{'resourceType':'Patient','modifierExtension':[{'url':'http://y.test/e','valueBoolean':true}]}", NULL,
	 "error Patient.modifierExtension[0] extension-unknown"},
	{"{'resourceType':'Patient','extension':[{'url':'http://y.test/e','valueBoolean':true}]}", NULL, ""},
	{"{'resourceType':'Patient','extension':[{'valueBoolean':true}]}", NULL, "error Patient.extension[0] min"},
	{"{'resourceType':'Patient','extension':[{'url':'a','valueBoolean':true}]}", NULL,
	 "error Patient.extension[0] extension-url"},
};

static const struct fixture_case codes[] = {
	{"{'resourceType':'Patient','gender':'m'}", NULL, "error Patient.gender binding"},
	{"{'resourceType':'Patient','maritalStatus':{'coding':[{'system':"
	 "'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus','code':'M','display':'Wed'}]}}",
	 NULL, "warning Patient.maritalStatus.coding[0].display display"},
	{"{'resourceType':'Patient','maritalStatus':{'coding':[{'system':"
	 "'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus','code':'MM'}]}}",
	 NULL, "warning Patient.maritalStatus binding\nerror Patient.maritalStatus.coding[0].code code"},
	{"{'resourceType':'Patient','maritalStatus':{'coding':[{'system':'http://y.test/cs','code':'MM'}]}}", NULL,
	 "warning Patient.maritalStatus binding"},
	{"{'resourceType':'Patient','meta':{'tag':[{'system':'http://y.test/cs','code':'a'}]}}", NULL, ""},
	{"{'resourceType':'Patient','meta':{'tag':[{'system':'Somewhere','code':'a'}]}}", NULL,
	 "error Patient.meta.tag[0].system system"},
	{"{'resourceType':'Patient','meta':{'tag':[{'system':'http://hl7.org/fhir/ValueSet/"
	 "measure-type','code':'a'}]}}",
	 NULL, "error Patient.meta.tag[0].system system"},
	{"{'resourceType':'Observation','status':'final','code':{'text':'x'},'valueQuantity':{'value':1,'system':"
	 "'http://unitsofmeasure.org','code':'mg/dl/'}}",
	 NULL, "error Observation.value.ofType(Quantity).code unit"},
};

static const struct fixture_case references[] = {
	{"{'resourceType':'Patient','managingOrganization':{'reference':'Organization/1'}}", NULL, ""},
	{"{'resourceType':'Patient','managingOrganization':{'reference':'Practitioner/1'}}", NULL,
	 "error Patient.managingOrganization target-type"},
	{"{'resourceType':'Patient','managingOrganization':{'reference':'#o'},"
	 "'contained':[{'resourceType':'Practitioner','id':'o'}]}",
	 NULL, "error Patient.managingOrganization target-type"},
	{"{'resourceType':'Patient','meta':{'profile':['http://y.test/unknown']}}", NULL,
	 "warning Patient.meta.profile[0] profile-unknown"},
	{"{'resourceType':'Patient','meta':{'profile':['http://hl7.org/fhir/StructureDefinition/vitalsigns']}}", NULL,
	 "error Patient.meta.profile[0] profile-type"},
};

FIXTURE_OPEN(definitions)

FIXTURE_TABLE(json_form_is_checked, form)
FIXTURE_TABLE(primitive_formats_are_checked, formats)
FIXTURE_TABLE(element_ids_are_unique, ids)
FIXTURE_TABLE(xml_form_is_checked, xml)
FIXTURE_TABLE(invariants_are_asked, invariants)
FIXTURE_TABLE(extensions_know_their_places, extensions)
FIXTURE_TABLE(codes_are_looked_up, codes)
FIXTURE_TABLE(references_know_their_targets, references)

static void options_decide_how_strict_it_is(void **state)
{
	const struct fixture_case display = {"{'resourceType':'Patient','maritalStatus':{'coding':[{'system':"
					     "'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus','code':'M',"
					     "'display':'Wed'}]}}",
					     NULL, "error Patient.maritalStatus.coding[0].display display"};
	const struct fixture_case extension = {
		"{'resourceType':'Patient','extension':[{'url':'http://y.test/e','valueBoolean':true}]}", NULL,
		"error Patient.extension[0] extension-unknown"};
	const struct fixture_case markup = {"{'resourceType':'Patient','name':[{'text':'<b>A</b> < B'}]}", NULL,
					    "error Patient.name[0].text markup"};
	const struct fixture_case structure = {
		"{'resourceType':'Patient','contact':[{'gender':'m'}],'meta':{'profile':['http://y.test/p']}}", NULL,
		""};
	fixture_check(*state, &display, &(struct validation_options){.displays_must_match = true});
	fixture_check(*state, &extension, &(struct validation_options){.extensions_must_be_known = true});
	fixture_check(*state, &markup, &(struct validation_options){.no_markup = true});
	fixture_check(*state, &structure, &(struct validation_options){.structure_only = true});
}

static void depth_is_bounded(void **state)
{
	const struct fixture *f = *state;
	struct arena a;
	struct buf text;
	struct issues findings;
	struct error err = {0};
	arena_init(&a, 64 << 20);
	buf_init(&text, 1 << 20);
	buf_add(&text, S("{\"resourceType\":\"Questionnaire\",\"status\":\"draft\""));
	for (int i = 0; i < 200; i++)
		buf_add(&text, S(",\"item\":[{\"linkId\":\"1\",\"type\":\"group\""));
	for (int i = 0; i < 200; i++)
		buf_add(&text, S("}]"));
	buf_char(&text, '}');
	issues_init(&findings, &a);
	const struct json *j = json_parse(&a, buf_str(&text), 1000, &err);
	assert_non_null(j);
	assert_false(validate_resource(f->validator, &a, j, NULL, &findings, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_done(&text);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_form_is_checked),
		cmocka_unit_test(primitive_formats_are_checked),
		cmocka_unit_test(xml_form_is_checked),
		cmocka_unit_test(element_ids_are_unique),
		cmocka_unit_test(invariants_are_asked),
		cmocka_unit_test(extensions_know_their_places),
		cmocka_unit_test(codes_are_looked_up),
		cmocka_unit_test(references_know_their_targets),
		cmocka_unit_test(options_decide_how_strict_it_is),
		cmocka_unit_test(depth_is_bounded),
	};
	return cmocka_run_group_tests(tests, open_fixture, fixture_close_group);
}
