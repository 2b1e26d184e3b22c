/* What profiles add: values, cardinality, slices of all kinds, bindings, targets, profiles of types, logical models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"

#define PROFILE(name, type, elements)                                                                                  \
	"{'resourceType':'StructureDefinition','url':'http://x.test/" name "','name':'" name                           \
	"','status':'active','kind':'resource','abstract':false,'type':'" type                                         \
	"','baseDefinition':'http://hl7.org/fhir/StructureDefinition/" type                                            \
	"','derivation':'constraint','differential':{'element':[" elements "]}}"
#define AT(path)		 "{'id':'" path "','path':'" path "',"
#define SLICE(path, name, below) "{'id':'" path ":" name below "','path':'" path below "',"
#define NAMED(path, name)	 "{'id':'" path ":" name "','path':'" path "','sliceName':'" name "',"
#define SLICING(type, path, rules)                                                                                     \
	"'slicing':{'discriminator':[{'type':'" type "','path':'" path "'}],'rules':'" rules "'}}"

#define FORM(text) "'extension':[{'url':'http://hl7.org/fhir/StructureDefinition/regex','valueString':'" text "'}]"
/* clang-format off */
#define FORMED_PROFILE                                                                                                 \
	PROFILE("formed", "Patient",                                                                                   \
		AT("Patient.name.family") FORM("[A-Z]+[0-9]+") "},"                                                    \
		AT("Patient.name.given") "'type':[{'code':'string'," FORM("[0-9]") "}]},"                              \
		AT("Patient.name.text") FORM("[") "}")
#define OVERLAPPING                                                                                                    \
	PROFILE("overlapping", "Patient",                                                                              \
		AT("Patient.identifier") SLICING("value", "system", "open") ","                                        \
		NAMED("Patient.identifier", "one") "'min':0},"                                                         \
		SLICE("Patient.identifier", "one", ".system") "'min':1,'patternUri':'http://x.test/any'},"             \
		NAMED("Patient.identifier", "other") "'min':0},"                                                       \
		SLICE("Patient.identifier", "other", ".system") "'min':1,'patternUri':'http://x.test/any'}")
#define Q(text) "\\u0027" text "\\u0027"
#define BP	Q("http://hl7.org/fhir/StructureDefinition/bp")
#define SLICED                                                                                                         \
	PROFILE("sliced", "Observation",                                                                               \
		AT("Observation") "'constraint':[{'key':'x-2','severity':'error','human':'x','expression':'component"      \
		".slice(" BP "," Q("SystolicBP") ").count() = 1 and component.slice(" BP "," Q("none") ").empty() and "   \
		"component.code.elementDefinition().path = " Q("Observation.component.code") "'}]}")
#define COMPONENT(code)                                                                                                \
	"{'resourceType':'Observation','status':'final','code':{'text':'a'},'component':[{'code':{'coding':["          \
	"{'system':'http://loinc.org','code':'" code "'}]},'valueString':'x'}]}"
#define POSITIONED                                                                                                     \
	PROFILE("positioned", "Patient",                                                                               \
		AT("Patient.name") SLICING("position", "$this", "open") ","                                            \
		NAMED("Patient.name", "first") "'min':1,'max':'1'},"                                                   \
		SLICE("Patient.name", "first", ".family") "'min':1},"                                                  \
		NAMED("Patient.name", "rest") "'min':0,'max':'*'},"                                                    \
		SLICE("Patient.name", "rest", ".family") "'max':'0'}")
#define MARITAL_SYSTEM "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"
#define MARITAL_SET(id, code, more)                                                                                    \
	"{'resourceType':'ValueSet','id':'" id "','status':'active','compose':{'include':[{'system':'" MARITAL_SYSTEM      \
	"','concept':[{'code':'" code "'" more "}]}]}}"
#define ADDITIONAL(url, type, value) "{'url':'" url "','value" type "':" value "}"
/* Only married women may be divorced, and the profile has its own words for it. */
#define CONDITIONAL                                                                                                    \
	"{'resourceType':'StructureDefinition','url':'http://x.test/conditional','name':'conditional','status':'active',"  \
	"'kind':'resource','abstract':false,'type':'Patient','baseDefinition':"                                            \
	"'http://hl7.org/fhir/StructureDefinition/Patient','derivation':'constraint','contained':["                       \
	MARITAL_SET("d", "D", ",'display':'parted'") "," MARITAL_SET("s", "S", "") "],'differential':{'element':["         \
	AT("Patient.maritalStatus") "'binding':{'strength':'preferred','valueSet':'#d','extension':[{'url':"               \
	"'http://hl7.org/fhir/tools/StructureDefinition/additional-binding','extension':["                                \
	ADDITIONAL("purpose", "Code", "'required'") "," ADDITIONAL("valueSet", "Canonical", "'#d'") ","                   \
	ADDITIONAL("usage", "UsageContext", "{'code':{'system':'http://x.test/conditional','code':'Patient.gender'},"     \
		"'valueCodeableConcept':{'coding':[{'code':'female'}]}}") "]}]}}]}}"
#define KEYED                                                                                                          \
	"{'resourceType':'StructureDefinition','url':'http://x.test/Keyed','name':'Keyed','status':'active',"              \
	"'kind':'logical','abstract':false,'type':'http://x.test/Keyed','derivation':'specialization',"                   \
	"'baseDefinition':'http://hl7.org/fhir/StructureDefinition/Base','differential':{'element':["                     \
	AT("Keyed") "'min':0,'max':'*'},"                                                                              \
	AT("Keyed.size") "'min':0,'max':'*','type':[{'code':'Base'}],'extension':[{'url':"                             \
	"'http://hl7.org/fhir/tools/StructureDefinition/json-property-key','valueCode':'name'}]},"                        \
	AT("Keyed.size.name") "'min':1,'max':'1','type':[{'code':'id'}]},"                                             \
	AT("Keyed.size.value") "'min':1,'max':'1','type':[{'code':'integer'}]}]}}"
/* clang-format on */

static const char
	*const
		definitions[] =
			{
				FORMED_PROFILE,
				OVERLAPPING,
				POSITIONED,
				SLICED,
				CONDITIONAL,
				KEYED,
				PROFILE("values", "Patient",
					AT("Patient.gender") "'min':1,'fixedCode':'female'}," AT("Patient.birthDate") "'minValueDate':'1900-01-01','maxValueDate':'2000'}," AT(
						"Patient.maritalStatus") "'patternCodeableConcept':{'coding':[{'code':'"
									 "M'}]}}," AT(
										 "Patient.name") "'max':'1','"
												 "constraint':[{'"
												 "key':'x-1','"
												 "severity':'"
												 "warning','human'"
												 ":'Has a family "
												 "name',"
												 "'expression':'"
												 "family.exists()'"
												 "}]}," AT(
													 "Patien"
													 "t."
													 "name."
													 "famil"
													 "y") "'"
													      "m"
													      "a"
													      "x"
													      "L"
													      "e"
													      "n"
													      "g"
													      "t"
													      "h"
													      "'"
													      ":"
													      "5"
													      "}"
													      "," AT("P"
														     "a"
														     "t"
														     "i"
														     "e"
														     "n"
														     "t"
														     "."
														     "c"
														     "o"
														     "n"
														     "t"
														     "a"
														     "c"
														     "t") "'max':'0'}"),
				PROFILE("by-value", "Patient",
					AT("Patient.identifier")
						SLICING("value", "system", "closed") "," NAMED("Patient.identifier", "a") "'min':1,'max':'1'}," SLICE(
							"Patient.identifier", "a",
							".system") "'min':1,'fixedUri':'urn:a'"
								   "}," SLICE("Patient."
									      "identifier",
									      "a",
									      ".value") "'min'"
											":1}"
											"," NAMED(
												"Patient.identifier",
												"b") "'min':0,'max':'1'"
												     "}," SLICE(
													     "Patien"
													     "t."
													     "identi"
													     "fier",
													     "b",
													     ".syste"
													     "m") "'"
														  "m"
														  "i"
														  "n"
														  "'"
														  ":"
														  "1"
														  ","
														  "'"
														  "p"
														  "a"
														  "t"
														  "t"
														  "e"
														  "r"
														  "n"
														  "U"
														  "r"
														  "i"
														  "'"
														  ":"
														  "'"
														  "u"
														  "r"
														  "n"
														  ":"
														  "b"
														  "'"
														  "}"),
				PROFILE("by-exists", "Patient",
					AT("Patient.name")
						SLICING("exists", "family", "open") "," NAMED("Patient.name", "with") "'min':1,'max':'*'}," SLICE(
							"Patient.name", "with",
							".family") "'min':1}," NAMED("Patient.name",
										     "without") "'min':0,'max':'1'}"
												"," SLICE(
													"Patient."
													"name",
													"without",
													".family") "'"
														   "m"
														   "a"
														   "x"
														   "'"
														   ":"
														   "'"
														   "0"
														   "'"
														   "}"),
				PROFILE("by-type", "Observation",
					AT("Observation.value[x]") SLICING("type", "$this", "closed") "," NAMED(
						"Observation.value[x]",
						"valueQuantity") "'min':0,'max':'1','type':[{'code':'Quantity'}]}"
								 "," SLICE("Observation.value[x]", "valueQuantity",
									   ".unit") "'min':1}"),
				PROFILE("organization", "Organization", AT("Organization.name") "'min':1}"),
				PROFILE("by-profile", "Bundle",
					AT("Bundle.entry") SLICING("profile", "resource", "open") "," NAMED(
						"Bundle.entry",
						"org") "'min':1,'max':'1'}," SLICE("Bundle.entry", "org",
										   ".resource") "'min':1,'type':[{'"
												"code':'Organization','"
												"profile':['http://"
												"x.test/"
												"organization']}]}"),
				PROFILE("by-target", "Patient",
					AT("Patient.generalPractitioner")
						SLICING("type", "resolve()", "open") "," NAMED(
							"Patient.generalPractitioner",
							"org") "'min':1,'max':'1','type':[{'code':'Reference',"
							       "'targetProfile':['http://hl7.org/fhir/"
							       "StructureDefinition/Organization']}]}"),
				PROFILE("targets", "Patient",
					AT("Patient.managingOrganization") "'type':[{'code':'Reference','aggregation':["
									   "'contained'],"
									   "'targetProfile':['http://x.test/"
									   "organization']}]}"),
				PROFILE("choices", "Patient",
					AT("Patient.contact.organization") "'min':1}," AT(
						"Patient.address") "'type':[{'code':'Address','profile':['http://"
								   "x.test/city','http://x.test/line']}]}"),
				PROFILE("city", "Address", AT("Address.city") "'min':1}"),
				PROFILE("line", "Address", AT("Address.line") "'min':1}"),
				"{'resourceType':'ValueSet','url':'http://x.test/"
				"vs','status':'active','compose':{'include':[{'system':"
				"'http://terminology.hl7.org/CodeSystem/"
				"v3-MaritalStatus','concept':[{'code':'M'},{'code':'S'}]}]}}",
				PROFILE("bound", "Patient",
					AT("Patient.maritalStatus") "'binding':{'strength':'required','valueSet':'http:"
								    "//x.test/vs'}}"),
				"{'resourceType':'StructureDefinition','url':'http://x.test/"
				"Thing','name':'Thing','status':'active',"
				"'kind':'logical','abstract':false,'type':'http://x.test/Thing',"
				"'baseDefinition':'http://hl7.org/fhir/StructureDefinition/"
				"Element','derivation':'specialization',"
				"'differential':{'element':[{'id':'Thing','path':'Thing'},"
				"{'id':'Thing.part','path':'Thing.part','min':1,'max':'*','type':[{'code':'"
				"BackboneElement'}]},"
				"{'id':'Thing.part.size','path':'Thing.part.size','min':1,'max':'1','type':[{'code':'"
				"integer'}]}]}}",
				NULL,
};

#define PATIENT	      "{'resourceType':'Patient',"
#define ORG(id, more) "{'resourceType':'Organization','id':'" id "'" more "}"

static const struct fixture_case values[] = {
	{PATIENT "'gender':'female'}", "http://x.test/values", ""},
	{PATIENT "'gender':'male'}", "http://x.test/values", "error Patient.gender fixed"},
	{PATIENT "'active':true}", "http://x.test/values", "error Patient min"},
	{PATIENT "'gender':'female','birthDate':'1899-12-31'}", "http://x.test/values",
	 "error Patient.birthDate min-value"},
	{PATIENT "'gender':'female','birthDate':'2001'}", "http://x.test/values", "error Patient.birthDate max-value"},
	{PATIENT "'gender':'female','maritalStatus':{'coding':[{'code':'S'},{'system':'http://terminology.hl7.org/"
		 "CodeSystem/v3-MaritalStatus','code':'M','userSelected':true}]}}",
	 "http://x.test/values", ""},
	{PATIENT "'gender':'female','maritalStatus':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/"
		 "v3-MaritalStatus','code':'S'}]}}",
	 "http://x.test/values", "error Patient.maritalStatus pattern"},
	{PATIENT "'gender':'female','name':[{'family':'Abcdef'},{'family':'B'}]}", "http://x.test/values",
	 "error Patient max\nerror Patient.name[0].family max-length"},
	{PATIENT "'gender':'female','name':[{'text':'B'}]}", "http://x.test/values", "warning Patient.name[0] x-1"},
	{PATIENT "'gender':'female','contact':[{'name':{'text':'B'}}]}", "http://x.test/values", "error Patient max"},
	{"{'resourceType':'Group','type':'person','actual':true}", "http://x.test/values", "error Group profile-type"},
	{PATIENT "'active':true}", "http://x.test/none", "error Patient profile-unknown"},
};

#define FORMED(name) PATIENT "'name':[{'family':'" name "'}]}"
static const struct fixture_case forms[] = {
	{FORMED("AB12"), "http://x.test/formed", ""},
	{FORMED("AB12x"), "http://x.test/formed", "error Patient.name[0].family regex"},
	{FORMED("xAB12"), "http://x.test/formed", "error Patient.name[0].family regex"},
	{PATIENT "'name':[{'given':['7']}]}", "http://x.test/formed", ""},
	{PATIENT "'name':[{'given':['x']}]}", "http://x.test/formed", "error Patient.name[0].given[0] regex"},
	{PATIENT "'name':[{'text':'x'}]}", "http://x.test/formed", ""},
};

static const struct fixture_case slices[] = {
	{PATIENT "'identifier':[{'system':'http://x.test/any','value':'1'}]}", "http://x.test/overlapping",
	 "error Patient.identifier[0] slice-ambiguous"},
	{PATIENT "'identifier':[{'system':'http://x.test/else','value':'1'}]}", "http://x.test/overlapping", ""},
	{PATIENT "'identifier':[{'system':'urn:b'},{'system':'urn:a','value':'1'}]}", "http://x.test/by-value", ""},
	{PATIENT "'identifier':[{'system':'urn:a'}]}", "http://x.test/by-value", "error Patient.identifier[0] min"},
	{PATIENT "'identifier':[{'system':'urn:b'}]}", "http://x.test/by-value", "error Patient slice-min"},
	{PATIENT "'identifier':[{'system':'urn:a','value':'1'},{'system':'urn:b'},{'system':'urn:b'}]}",
	 "http://x.test/by-value", "error Patient slice-max"},
	{PATIENT "'identifier':[{'system':'urn:a','value':'1'},{'value':'2'}]}", "http://x.test/by-value",
	 "error Patient.identifier[1] slice-closed"},
	{PATIENT "'name':[{'family':'A'},{'text':'B'}]}", "http://x.test/by-exists", ""},
	{PATIENT "'name':[{'text':'A'},{'text':'B'}]}", "http://x.test/by-exists",
	 "error Patient slice-min\nerror Patient slice-max"},
	{"{'resourceType':'Observation','status':'final','code':{'text':'x'},'valueQuantity':{'value':1,'unit':'g'}}",
	 "http://x.test/by-type", ""},
	{"{'resourceType':'Observation','status':'final','code':{'text':'x'},'valueQuantity':{'value':1}}",
	 "http://x.test/by-type", "error Observation.value.ofType(Quantity) min"},
	{"{'resourceType':'Observation','status':'final','code':{'text':'x'},'valueString':'y'}",
	 "http://x.test/by-type", "error Observation.value.ofType(string) slice-closed"},
	{"{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'http://s.test/Organization/"
	 "a','resource':" ORG("a", ",'name':'A'") "}]}",
	 "http://x.test/by-profile", ""},
	{"{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'http://s.test/Organization/"
	 "a','resource':" ORG("a", ",'alias':['A'],'active':true,'identifier':[{'value':'1'}]") "}]}",
	 "http://x.test/by-profile", "error Bundle slice-min"},
	{PATIENT "'generalPractitioner':[{'reference':'Practitioner/1'},{'reference':'Organization/1'}]}",
	 "http://x.test/by-target", ""},
	{PATIENT "'generalPractitioner':[{'reference':'Practitioner/1'}]}", "http://x.test/by-target",
	 "error Patient slice-min"},
};

static const struct fixture_case types[] = {
	{PATIENT "'managingOrganization':{'reference':'#o'},'contained':[" ORG("o", ",'name':'A'") "]}",
	 "http://x.test/targets", ""},
	{PATIENT
	 "'managingOrganization':{'reference':'#o'},'contained':[" ORG("o", ",'identifier':[{'value':'1'}]") "]}",
	 "http://x.test/targets", "error Patient.managingOrganization target-profile"},
	{PATIENT "'managingOrganization':{'reference':'Organization/1'}}", "http://x.test/targets",
	 "error Patient.managingOrganization aggregation"},
	{PATIENT "'address':[{'city':'A'},{'line':['B']}]}", "http://x.test/choices", ""},
	{PATIENT "'address':[{'state':'A'}]}", "http://x.test/choices", "error Patient.address[0] profile-none"},
	{PATIENT "'contact':[{'name':{'text':'A'}}]}", "http://x.test/choices", "error Patient.contact[0] min"},
};

#define MARITAL(code)                                                                                                  \
	PATIENT "'maritalStatus':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/"                         \
		"v3-MaritalStatus','code':'" code "'}]}}"

static const struct fixture_case bindings[] = {
	{MARITAL("S"), "http://x.test/bound", ""},
	{MARITAL("D"), "http://x.test/bound", "error Patient.maritalStatus binding"},
	{PATIENT "'maritalStatus':{'text':'married'}}", "http://x.test/bound", "error Patient.maritalStatus binding"},
};

#define STATUS(gender, coding)                                                                                         \
	PATIENT "'gender':'" gender "','maritalStatus':{'coding':[{'system':'" MARITAL_SYSTEM "'," coding "}]}}"

static const struct fixture_case conditional[] = {
	{STATUS("male", "'code':'S'"), "http://x.test/conditional", ""},
	{STATUS("female", "'code':'S'"), "http://x.test/conditional", "error Patient.maritalStatus binding"},
	{STATUS("female", "'code':'D','display':'Parted'"), "http://x.test/conditional", ""},
	{STATUS("female", "'code':'D','display':'Left'"), "http://x.test/conditional",
	 "warning Patient.maritalStatus.coding[0].display display"},
	{STATUS("female", "'code':'D','display':'Parted'"), NULL,
	 "warning Patient.maritalStatus.coding[0].display display"},
};

static const struct fixture_case positions[] = {
	{COMPONENT("8480-6"), "http://x.test/sliced", ""},
	{COMPONENT("8480-7"), "http://x.test/sliced", "error Observation x-2"},
	{PATIENT "'name':[{'family':'A'}]}", "http://x.test/positioned", ""},
	{PATIENT "'name':[{'family':'A'},{'text':'B'},{'text':'C'}]}", "http://x.test/positioned", ""},
	{PATIENT "'name':[{'text':'A'}]}", "http://x.test/positioned", "error Patient.name[0] min"},
	{PATIENT "'name':[{'family':'A'},{'text':'B'},{'family':'C'}]}", "http://x.test/positioned",
	 "error Patient.name[2] max"},
	{PATIENT "'active':true}", "http://x.test/positioned", "error Patient slice-min"},
};

static const struct fixture_case logical[] = {
	{"{'size':{'a':1,'b':2}}", "http://x.test/Keyed", ""},
	{"{'size':{'a':1,'b':{'value':2}}}", "http://x.test/Keyed", ""},
	{"{'size':{'a':1,'b':'2','c':{}}}", "http://x.test/Keyed",
	 "error Keyed.size[1].value json-type\nerror Keyed.size[2] min"},
	{"{'part':[{'size':1}]}", "http://x.test/Thing", ""},
	{"{'part':[{'size':'1'}]}", "http://x.test/Thing", "error Thing.part[0].size json-type"},
	{"{'part':[{'colour':1}]}", "http://x.test/Thing",
	 "error Thing.part[0] unknown-property\nerror Thing.part[0] min"},
	{"{'part':{'size':1}}", "http://x.test/Thing", "error Thing.part json-list"},
};

FIXTURE_OPEN(definitions)

FIXTURE_TABLE(values_are_compared, values)
FIXTURE_TABLE(texts_have_their_form, forms)
FIXTURE_TABLE(items_find_their_slices, slices)
FIXTURE_TABLE(profiles_of_types_are_asked, types)
FIXTURE_TABLE(bindings_of_profiles_hold, bindings)
FIXTURE_TABLE(bindings_hold_in_their_situation, conditional)
FIXTURE_TABLE(positions_tell_slices_apart, positions)
FIXTURE_TABLE(logical_models_have_instances, logical)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_compared),
		cmocka_unit_test(items_find_their_slices),
		cmocka_unit_test(profiles_of_types_are_asked),
		cmocka_unit_test(bindings_of_profiles_hold),
		cmocka_unit_test(logical_models_have_instances),
		cmocka_unit_test(texts_have_their_form),
		cmocka_unit_test(bindings_hold_in_their_situation),
		cmocka_unit_test(positions_tell_slices_apart),
	};
	return cmocka_run_group_tests(tests, open_fixture, fixture_close_group);
}
