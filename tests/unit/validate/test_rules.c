/* Rules of single types: Bundles, references, narratives, attachments, questionnaires, definitions, CDS Hooks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"

#define QUESTIONNAIRE                                                                                                  \
	"{'resourceType':'Questionnaire','url':'http://x.test/q','status':'active','item':["                           \
	"{'linkId':'1','type':'boolean','required':true},"                                                             \
	"{'linkId':'2','type':'group','enableWhen':[{'question':'1','operator':'=','answerBoolean':true}],'item':["    \
	"{'linkId':'2.1','type':'integer','repeats':true,'extension':[{'url':'http://hl7.org/fhir/"                    \
	"StructureDefinition/"                                                                                         \
	"maxValue','valueInteger':3}]}]},"                                                                             \
	"{'linkId':'3','type':'choice','answerOption':[{'valueCoding':{'system':'http://x.test/s','code':'a'}}]},"     \
	"{'linkId':'4','type':'string','maxLength':3,'extension':[{'url':'http://hl7.org/fhir/StructureDefinition/"    \
	"regex','valueString':'[a-z]+'}]},{'linkId':'5','type':'display','text':'x'}]}"

static const char *const definitions[] = {QUESTIONNAIRE, NULL};

#define ORG "{'resourceType':'Organization','id':'o','name':'O'}"
#define COMPOSITION(subject)                                                                                           \
	"{'resourceType':'Composition','id':'c','status':'final','type':{'text':'t'},'date':'2020','title':'T',"       \
	"'author':[{'reference':'" subject "'}]}"
#define DOCUMENT(entries)                                                                                              \
	"{'resourceType':'Bundle','type':'document','timestamp':'2020-01-01T00:00:00Z',"                               \
	"'identifier':{'system':'http://x.test/i','value':'1'},'entry':[" entries "]}"
#define ENTRY(url, resource) "{'fullUrl':'" url "','resource':" resource "}"

static const struct fixture_case bundles[] = {
	{DOCUMENT(ENTRY("http://x.test/Composition/c",
			COMPOSITION("Organization/o")) "," ENTRY("http://x.test/Organization/o", ORG)),
	 NULL, ""},
	{DOCUMENT(ENTRY("http://x.test/Composition/c",
			COMPOSITION("Organization/p")) "," ENTRY("http://x.test/Organization/o", ORG)),
	 NULL, "error Bundle.entry[0].resource.author[0] bundle-reference\nerror Bundle.entry[1] bundle-linked"},
	{DOCUMENT(ENTRY("http://x.test/Organization/o", ORG)), NULL,
	 "error Bundle bdl-11\nerror Bundle.entry[0] bundle-first"},
	{"{'resourceType':'Bundle','type':'collection','entry':[{'resource':" ORG "}]}", NULL,
	 "error Bundle.entry[0] full-url"},
	{"{'resourceType':'Bundle','type':'collection','entry':[" ENTRY("Organization/o", ORG) "]}", NULL,
	 "error Bundle.entry[0] full-url"},
	{"{'resourceType':'Bundle','type':'collection','entry':[" ENTRY("http://x.test/Organization/p", ORG) "]}", NULL,
	 "error Bundle.entry[0] full-url"},
	{"{'resourceType':'Bundle','type':'transaction','entry':[{'resource':" ORG
	 ",'request':{'method':'PUT','url':'Organization/p'}}]}",
	 NULL, "error Bundle.entry[0].request.url bundle-request"},
	{"{'resourceType':'Bundle','type':'transaction','entry':[{'resource':" ORG
	 ",'request':{'method':'POST','url':'Patient'}}]}",
	 NULL, "error Bundle.entry[0].request.url bundle-request"},
	{"{'resourceType':'Bundle','type':'searchset','entry':[{'fullUrl':'http://x.test/f/"
	 "x','resource':{'resourceType':"
	 "'Patient'},'search':{'mode':'match'}}]}",
	 NULL, "error Bundle.entry[0].resource search-id"},
	{"{'resourceType':'Bundle','type':'collection','link':[{'relation':'next','url':'http://x.test'}]}", NULL,
	 "error Bundle.link[0].relation bundle-link"},
	{"{'resourceType':'Bundle','type':'collection','link':[{'relation':'self','url':'http://x.test'},"
	 "{'relation':'self','url':'http://x.test'}]}",
	 NULL, "error Bundle.link[1].relation bundle-link"},
	{"{'resourceType':'Bundle','type':'history','link':[{'relation':'next','url':'http://x.test'},"
	 "{'relation':'next','url':'http://x.test'}]}",
	 NULL, "error Bundle.link[1] bundle-link"},
};

static const struct fixture_case references[] = {
	{"{'resourceType':'Patient','managingOrganization':{'reference':'#x'}}", NULL,
	 "error Patient.managingOrganization reference-contained"},
	{"{'resourceType':'Patient','managingOrganization':{'reference':'Organisation/1'}}", NULL,
	 "error Patient.managingOrganization reference-form"},
	{"{'resourceType':'Patient','managingOrganization':{'reference':'http://x.test/a b'}}", NULL,
	 "error Patient.managingOrganization reference-form"},
	{"{'resourceType':'Patient','managingOrganization':{'reference':'Organization/1','type':'Patient'}}", NULL,
	 "error Patient.managingOrganization reference-type"},
	{"{'resourceType':'Patient','managingOrganization':{'reference':'Organization/1'}}", NULL, ""},
	{"{'resourceType':'Patient','managingOrganization':{'reference':'#'}}", NULL,
	 "error Patient.managingOrganization target-type\n"
	 "error Patient.managingOrganization reference-contained"},
	{"{'resourceType':'Measure','name':'M','status':'draft','library':['#l','#m'],'contained':[{'resourceType':"
	 "'Library','id':'l','name':'L','status':'draft','type':{'text':'x'}}]}",
	 NULL, "error Measure.library[1] canonical\nwarning Measure measure-group"},
	{"{'resourceType':'Patient','managingOrganization':{'display':'x','type':"
	 "'http://hl7.org/fhir/StructureDefinition/Organization'}}",
	 NULL, "warning Patient.managingOrganization.type binding\nerror Patient.managingOrganization reference-type"},
};

#define NARRATIVE(html)                                                                                                \
	"{'resourceType':'Patient','text':{'status':'generated','div':'<div "                                          \
	"xmlns=\\\"http://www.w3.org/1999/xhtml\\\">" html "</div>'}}"
static const struct fixture_case narratives[] = {
	{NARRATIVE("<p id=\\\"a\\\">x <a href=\\\"#a\\\">y</a>&nbsp;</p>"), NULL, ""},
	{NARRATIVE("<a href=\\\"#b\\\">y</a>"), NULL, "error Patient.text.div narrative-link"},
	{NARRATIVE("<a href=\\\"urn:x\\\">y</a>"), NULL, "error Patient.text.div narrative-link"},
	{NARRATIVE("<p id=\\\"a\\\">x</p><p id=\\\"a\\\">y</p>"), NULL, "warning Patient.text.div narrative-id"},
};

static const struct fixture_case narrative_forms[] = {
	{"{'resourceType':'Patient','text':{'status':'generated','div':'<div "
	 "xmlns=\\\"http://www.w3.org/1999/xhtml\\\">x"
	 "</div>','_div':{'extension':[{'url':'http://example.org/x','valueString':'x'}]}}}",
	 NULL, "error Patient.text.div unknown-property"},
	{NARRATIVE("<p>x"), NULL, "error Patient.text.div xhtml"},
	{NARRATIVE("<p>a & b</p>"), NULL, "error Patient.text.div xhtml"},
	{NARRATIVE("<p>&eacute;</p>"), NULL, ""},
	{NARRATIVE("<p>&nothing;</p>"), NULL, "error Patient.text.div xhtml"},
	{NARRATIVE("<table><tr><td>x</td></tr></table><ul><li>y</li></ul>"), NULL, ""},
	{NARRATIVE("<table>x</table>"), NULL, "error Patient.text.div xhtml"},
	{NARRATIVE("<ul><p>x</p></ul>"), NULL, "error Patient.text.div xhtml"},
	{NARRATIVE("<li>x</li>"), NULL, "error Patient.text.div xhtml"},
	{NARRATIVE("<p>x<br>y</br></p>"), NULL, "error Patient.text.div xhtml"},
	{NARRATIVE("<p><span><div>x</div></span></p>"), NULL, "error Patient.text.div xhtml"},
	{NARRATIVE("<b>x <i><b>y</b></i></b>"), NULL, "error Patient.text.div xhtml"},
	{NARRATIVE("<font>x</font>"), NULL, "error Patient.text.div txt-1"},
	{NARRATIVE("<p bgcolor=\\\"red\\\">x</p>"), NULL, "error Patient.text.div txt-1"},
};

#define IDENTIFIER(members) "{'resourceType':'Patient','identifier':[{" members "}]}"
static const struct fixture_case identifiers[] = {
	{IDENTIFIER("'system':'urn:oid:2.16.840.1.113883.4.1','value':'x'"), NULL, ""},
	{IDENTIFIER("'system':'mine','value':'x'"), NULL, "error Patient.identifier[0] identifier-system"},
	{IDENTIFIER("'system':'urn:ietf:rfc:3986','value':'x'"), NULL, "error Patient.identifier[0] identifier-value"},
	{IDENTIFIER("'system':'urn:ietf:rfc:3986','value':'urn:oid:1.2.840'"), NULL, ""},
};

#define NATIONALITY(parts)                                                                                             \
	"{'resourceType':'Patient','extension':[{'url':'http://hl7.org/fhir/StructureDefinition/"                      \
	"patient-nationality','extension':[" parts "]}]}"
static const struct fixture_case extension_parts[] = {
	{NATIONALITY("{'url':'code','valueCodeableConcept':{'text':'x'}}"), NULL, ""},
	{NATIONALITY("{'url':'kode','valueCodeableConcept':{'text':'x'}}"), NULL,
	 "error Patient.extension[0].extension[0] extension-part"},
};

static const struct fixture_case attachments[] = {
	{"{'resourceType':'Patient','photo':[{'contentType':'text/plain','hash':'abc'}]}", NULL,
	 "error Patient.photo[0] base64"},
	{"{'resourceType':'Patient','photo':[{'contentType':'text/"
	 "plain','data':'aGVsbG8=','size':5,'hash':'qvTGHdzF6KLavt4PO0gs2a6pQ00='}]}",
	 NULL, ""},
	{"{'resourceType':'Patient','photo':[{'contentType':'text/plain','data':'aGVsbG8=','size':4}]}", NULL,
	 "error Patient.photo[0] attachment-size"},
	{"{'resourceType':'Patient','photo':[{'contentType':'text/"
	 "plain','data':'aGVsbG9v','hash':'qvTGHdzF6KLavt4PO0gs2a6pQ00='}]}",
	 NULL, "error Patient.photo[0] attachment-hash"},
	{"{'resourceType':'Patient','photo':[{'contentType':'image/png','data':'a.b'}]}", NULL,
	 "error Patient.photo[0] base64"},
	{"{'resourceType':'Patient','photo':[{'title':'x'}]}", NULL, "warning Patient.photo[0] attachment"},
};

static const struct fixture_case questionnaires[] = {
	{"{'resourceType':'Questionnaire','name':'Q','status':'draft','item':[{'linkId':'1','type':'group','enableWhen'"
	 ":[{'"
	 "question':'2',"
	 "'operator':'exists','answerBoolean':true}],'item':[{'linkId':'2','type':'boolean'}]}]}",
	 NULL, "error Questionnaire.item[0] enable-when"},
	{"{'resourceType':'Questionnaire','name':'Q','status':'draft','item':[{'linkId':'1','type':'boolean'},{'linkId'"
	 ":'2','type'"
	 ":"
	 "'string','enableWhen':[{'question':'1','operator':'=','answerString':'x'}]}]}",
	 NULL, "error Questionnaire.item[1] enable-when"},
	{"{'resourceType':'Questionnaire','name':'Q','status':'draft','item':[{'linkId':'2','type':'string','"
	 "enableWhen':[{'"
	 "question':"
	 "'9','operator':'=','answerString':'x'}]}]}",
	 NULL, "error Questionnaire.item[0] enable-when"},
};

#define RESPONSE(items)                                                                                                \
	"{'resourceType':'QuestionnaireResponse','questionnaire':'http://x.test/"                                      \
	"q','status':'completed','item':[" items "]}"
static const struct fixture_case responses[] = {
	{RESPONSE("{'linkId':'1','answer':[{'valueBoolean':true}]},{'linkId':'2','item':[{'linkId':'2.1','answer':["
		  "{'valueInteger':1},{'valueInteger':2}]}]},{'linkId':'3','answer':[{'valueCoding':{'system':"
		  "'http://x.test/s','code':'a'}}]},{'linkId':'4','answer':[{'valueString':'abc'}]}"),
	 NULL, ""},
	{RESPONSE("{'linkId':'3','answer':[{'valueCoding':{'system':'http://x.test/s','code':'b'}}]}"), NULL,
	 "error QuestionnaireResponse.item[0].answer[0] questionnaire-option\nerror QuestionnaireResponse "
	 "questionnaire-required"},
	{RESPONSE("{'linkId':'1','answer':[{'valueBoolean':false}]},{'linkId':'2','item':[{'linkId':'2.1','answer':["
		  "{'valueInteger':1}]}]}"),
	 NULL, "error QuestionnaireResponse.item[1] enable-when"},
	{RESPONSE("{'linkId':'1','answer':[{'valueBoolean':true}]},{'linkId':'2','item':[{'linkId':'2.1','answer':["
		  "{'valueInteger':4}]}]}"),
	 NULL, "error QuestionnaireResponse.item[1].item[0].answer[0].value.ofType(integer) questionnaire-range"},
	{RESPONSE("{'linkId':'1','answer':[{'valueBoolean':true},{'valueBoolean':true}]}"), NULL,
	 "error QuestionnaireResponse.item[0] questionnaire-repeats"},
	{RESPONSE("{'linkId':'1','answer':[{'valueString':'x'}]}"), NULL,
	 "error QuestionnaireResponse.item[0].answer[0].value.ofType(string) questionnaire-type"},
	{RESPONSE("{'linkId':'1','answer':[{'valueBoolean':true}]},{'linkId':'9'}"), NULL,
	 "error QuestionnaireResponse questionnaire-link"},
	{RESPONSE("{'linkId':'4','answer':[{'valueString':'AB12'}]},{'linkId':'1','answer':[{'valueBoolean':true}]}"),
	 NULL,
	 "error QuestionnaireResponse.item[0].answer[0].value.ofType(string) questionnaire-length\n"
	 "error QuestionnaireResponse.item[0].answer[0].value.ofType(string) questionnaire-format\n"
	 "error QuestionnaireResponse questionnaire-order"},
	{RESPONSE("{'linkId':'1','answer':[{'valueBoolean':true}]},{'linkId':'5','answer':[{'valueString':'x'}]}"),
	 NULL, "error QuestionnaireResponse.item[1] questionnaire-shape"},
};

#define PROFILE(type, elements)                                                                                        \
	"{'resourceType':'StructureDefinition','url':'http://x.test/p','name':'P','status':'draft','kind':'resource'," \
	"'abstract':false,'type':'" type "','baseDefinition':'http://hl7.org/fhir/StructureDefinition/Patient',"       \
	"'derivation':'constraint','differential':{'element':[" elements "]}}"
static const struct fixture_case conformance[] = {
	{PROFILE("Patient", "{'id':'Patient.birthDate','path':'Patient.birthDate','min':1}"), NULL, ""},
	{PROFILE("Patient", "{'id':'Patient.x','path':'Patient.x'}"), NULL,
	 "error StructureDefinition.differential.element[0] sd-path"},
	{PROFILE("Patient", "{'id':'Patient.birthDate','path':'Patient.birthDate','binding':{'strength':'required'}}"),
	 NULL, "error StructureDefinition.differential.element[0] sd-binding"},
	{PROFILE("Pateint", "{'id':'Pateint.name','path':'Pateint.name'}"), NULL,
	 "warning StructureDefinition.type binding\nerror StructureDefinition.type sd-type\n"
	 "error StructureDefinition sd-type"},
	{"{'resourceType':'SearchParameter','url':'http://x.test/"
	 "s','name':'S','status':'draft','description':'d','code':'c',"
	 "'base':['Patient'],'type':'composite'}",
	 NULL, "error SearchParameter search-composite"},
	{"{'resourceType':'SearchParameter','url':'http://x.test/"
	 "s','name':'S','status':'draft','description':'d','code':'c',"
	 "'base':['Patient'],'type':'string','expression':'Patient.(name'}",
	 NULL, "error SearchParameter.expression fhirpath"},
	{"{'resourceType':'CodeSystem','name':'C','status':'draft','content':'complete','count':2,'concept':[{'code':'"
	 "a'}]}",
	 NULL, "error CodeSystem.count cs-count"},
	{"{'resourceType':'CodeSystem','name':'C','status':'draft','content':'complete','property':[{'code':'p','type':"
	 "'boolean'}]"
	 ","
	 "'concept':[{'code':'a','property':[{'code':'p','valueString':'x'}]}]}",
	 NULL, "error CodeSystem.concept[0].property[0] cs-property"},
	{"{'resourceType':'ValueSet','name':'V','status':'draft','compose':{'include':[{'system':'#x'}]}}", NULL,
	 "error ValueSet.compose.include[0] vs-system"},
	{"{'resourceType':'ValueSet','name':'V','status':'draft','compose':{'include':[{'system':'http://hl7.org/fhir/"
	 "administrative-gender','concept':[{'code':'man'}]}]}}",
	 NULL, "error ValueSet.compose.include[0].concept[0] vs-code"},
	{"{'resourceType':'ValueSet','name':'V','status':'draft','compose':{'include':[{'system':'http://snomed.info/"
	 "sct','filter':["
	 "{'property':'concept','op':'is-a','value':'heart'}]}]}}",
	 NULL, "error ValueSet.compose.include[0].filter[0] vs-filter"},
};

#define SYSTEM(more)                                                                                                   \
	"{'resourceType':'CodeSystem','url':'http://x.test/cs','name':'C','status':'draft','content':'complete'," more \
	"}"
#define INCLUDE(more) "{'resourceType':'ValueSet','name':'V','status':'draft','compose':{'include':[{" more "}]}}"
static const struct fixture_case code_systems[] = {
	{SYSTEM("'property':[{'code':'p','type':'string'},{'code':'p','type':'code'}]"), NULL,
	 "error CodeSystem.property[1] cs-property"},
	{SYSTEM("'property':[{'code':'p','uri':'http://x.test/p','type':'string'},{'code':'q','uri':'http://x.test/p',"
		"'type':'code'}]"),
	 NULL, "error CodeSystem.property[1] cs-property"},
	{SYSTEM("'property':[{'code':'p','uri':'p','type':'string'}]"), NULL,
	 "error CodeSystem.property[0] cs-property"},
	{SYSTEM("'property':[{'code':'parent','uri':'http://hl7.org/fhir/concept-properties#child','type':'code'}]"),
	 NULL, "error CodeSystem.property[0] cs-property"},
	{SYSTEM("'property':[{'code':'status','uri':'http://hl7.org/fhir/concept-properties#status','type':'Coding'}]"),
	 NULL, "error CodeSystem.property[0] cs-property"},
	{SYSTEM("'concept':[{'code':'a','property':[{'code':'q','valueString':'x'}]}]"), NULL,
	 "error CodeSystem.concept[0].property[0] cs-property"},
	{SYSTEM("'property':[{'code':'parent','uri':'http://hl7.org/fhir/concept-properties#parent','type':'code'}],"
		"'concept':[{'code':'a'},{'code':'b','property':[{'code':'parent','valueCode':'a'}]},{'code':'c',"
		"'property':[{'code':'parent','valueCode':'z'}]}]"),
	 NULL, "error CodeSystem.concept[2].property[0] cs-property"},
	{SYSTEM("'valueSet':'http://hl7.org/fhir/ValueSet/administrative-gender'"), NULL,
	 "error CodeSystem cs-value-set"},
	{SYSTEM("'supplements':'http://x.test/other'"), NULL, "error CodeSystem.content cs-supplement"},
	{INCLUDE("'system':'http://hl7.org/fhir/administrative-gender|4.0.1'"), NULL,
	 "error ValueSet.compose.include[0] vs-system"},
	{INCLUDE("'system':'http://hl7.org/fhir/"
		 "administrative-gender','filter':[{'property':'code','op':'regex','value':"
		 "'m(.*'}]"),
	 NULL, "error ValueSet.compose.include[0].filter[0] vs-filter"},
	{INCLUDE("'system':'http://hl7.org/fhir/administrative-gender','filter':[{'property':'concept','op':'regex',"
		 "'value':'m.*'}]"),
	 NULL, "error ValueSet.compose.include[0].filter[0] vs-filter"},
};

#define STRUCTURE(type, elements, more)                                                                                \
	"{'resourceType':'StructureDefinition','url':'http://x.test/"                                                  \
	"sd','name':'S','status':'draft','kind':'resource',"                                                           \
	"'abstract':false,'type':'" type "','baseDefinition':'http://hl7.org/fhir/StructureDefinition/" type "',"      \
	"'derivation':'constraint'," more "'differential':{'element':[{'id':'" type "','path':'" type "'}" elements    \
	"]}}"
#define ELEMENT(path, more) ",{'id':'" path "','path':'" path "'," more "}"
#define EXTENDED(more, url)                                                                                            \
	"{'resourceType':'StructureDefinition','url':'http://x.test/e','name':'E','status':'draft','kind':"            \
	"'complex-type','abstract':false,'type':'Extension','baseDefinition':'http://hl7.org/fhir/"                    \
	"StructureDefinition/"                                                                                         \
	"Extension','derivation':'constraint'," more                                                                   \
	"'differential':{'element':[{'id':'Extension','path':'Extension'}" ELEMENT("Extension.url",                    \
										   "'fixedUri':'" url "'") "]}}"
#define CONTEXT(expression) "'context':[{'type':'element','expression':'" expression "'}],"
static const struct fixture_case structures[] = {
	{STRUCTURE("Patient", ELEMENT("Patient.active", "'min':1") ELEMENT("Patient.gender", "'fixedCode':'male'"), ""),
	 NULL, ""},
	{STRUCTURE("Patient", ELEMENT("Patient.gender", "'min':1") ELEMENT("Patient.active", "'min':1"), ""), NULL,
	 "error StructureDefinition.differential.element[1] sd-order"},
	{STRUCTURE("Patient", ELEMENT("Patient.gender", "'type':[{'code':'string'}]"), ""), NULL,
	 "error StructureDefinition sd-type"},
	{STRUCTURE("Patient", ELEMENT("Patient.gender", "'fixedString':'male'"), ""), NULL,
	 "error StructureDefinition sd-value"},
	{STRUCTURE("Patient",
		   ELEMENT("Patient.gender", "'binding':{'strength':'required','valueSet':"
					     "'http://hl7.org/fhir/administrative-gender'}"),
		   ""),
	 NULL,
	 "error StructureDefinition.differential.element[1].binding.valueSet target-type\n"
	 "error StructureDefinition.differential.element[1].binding sd-binding"},
	{STRUCTURE("Patient", "", "'context':[{'type':'element','expression':'Patient'}],"), NULL,
	 "error StructureDefinition.context[0] sd-context"},
	{STRUCTURE("Patient",
		   ELEMENT("Patient.gender", "'constraint':[{'key':'ele-1','severity':'error','human':'h','expression':"
					     "'true'}]"),
		   ""),
	 NULL, "error StructureDefinition.differential.element[1].constraint[0] sd-key"},
	{EXTENDED(CONTEXT("Patient.contact.name"), "http://x.test/e"), NULL, ""},
	{EXTENDED(CONTEXT("Patient"), "http://x.test/other"), NULL, "error StructureDefinition sd-extension-url"},
	{EXTENDED(CONTEXT("Patient.nothing"), "http://x.test/e"), NULL,
	 "error StructureDefinition.context[0] sd-context"},
	{EXTENDED(CONTEXT("Patient") "'contextInvariant':['a.(b'],", "http://x.test/e"), NULL,
	 "error StructureDefinition.contextInvariant[0] fhirpath"},
};

#define ECL(text)                                                                                                      \
	"{'resourceType':'ValueSet','name':'V','status':'draft','compose':{'include':[{'system':'http://snomed.info/"  \
	"sct',"                                                                                                        \
	"'filter':[{'property':'constraint','op':'=','value':'" text "'}]}]}}"
static const struct fixture_case constraints[] = {
	{ECL("<< 404684003 |Clinical finding|: 363698007 = (<< 39057004 OR 1234567), {116676008=*, 246075003 != "
	     "22298006}"),
	 NULL, ""},
	{ECL("^ 700043003 MINUS <! 73211009 {{ term = x }}"), NULL, ""},
	{ECL("< 19829001 . 363698007"), NULL, ""},
	{ECL("234234 << 234234"), NULL, "error ValueSet.compose.include[0].filter[0] vs-filter"},
	{ECL("<< (73211009"), NULL, "error ValueSet.compose.include[0].filter[0] vs-filter"},
	{ECL("<< 73211009: 363698007"), NULL, "error ValueSet.compose.include[0].filter[0] vs-filter"},
	{ECL("heart"), NULL, "error ValueSet.compose.include[0].filter[0] vs-filter"},
};

#define CDS_REQUEST  "http://hl7.org/fhir/tools/StructureDefinition/CDSHooksRequest"
#define CDS_RESPONSE "http://hl7.org/fhir/tools/StructureDefinition/CDSHooksResponse"
static const struct fixture_case cds_hooks[] = {
	{"{'cards':[]}", CDS_RESPONSE, ""},
	{"{'cards':[{'summary':'s','indicator':'red','source':{}}]}", CDS_RESPONSE,
	 "error CDSHooksResponse.cards[0].indicator code\nerror CDSHooksResponse.cards[0].source ele-1\n"
	 "error CDSHooksResponse.cards[0].source min"},
	{"{'hook':'order-sign','hookInstance':'1','context':{'userId':'x','patientId':'1'}}", CDS_REQUEST,
	 "error CDSHooksRequest.context.userId reference-form\nerror CDSHooksRequest.context min"},
	{"{'hook':'other','hookInstance':'1','context':{},'prefetch':{'a':{'resourceType':'Patient','x':1}}}",
	 CDS_REQUEST, "error CDSHooksRequest.context ele-1\nerror CDSHooksRequest.prefetch[0].value unknown-property"},
};

#define MAP(code, target)                                                                                              \
	"{'resourceType':'ConceptMap','name':'M','status':'draft','group':[{'source':'http://hl7.org/fhir/"            \
	"administrative-gender','target':'http://hl7.org/fhir/administrative-gender','element':[{'code':'" code        \
	"','target':[" target "]}]}]}"
static const struct fixture_case maps[] = {
	{MAP("male", "{'code':'female','equivalence':'disjoint','comment':'c'}"), NULL, ""},
	{MAP("m", "{'code':'f','equivalence':'equal'}"), NULL,
	 "error ConceptMap.group[0].element[0].code cm-code\n"
	 "error ConceptMap.group[0].element[0].target[0].code cm-code"},
	{MAP("male", "{'equivalence':'unmatched'}"), NULL, ""},
	{MAP("male", "{'equivalence':'equal'}"), NULL,
	 "warning ConceptMap.group[0].element[0].target[0] cm-equivalence"},
	{MAP("male", "{'code':'female','equivalence':'unmatched'}"), NULL,
	 "warning ConceptMap.group[0].element[0].target[0] cm-equivalence"},
	{"{'resourceType':'ConceptMap','name':'M','status':'draft','group':[{'source':'http://x.test/"
	 "s','element':[{'code':'a'}]}]}",
	 NULL, ""},
};

#define LOINC(code, more)                                                                                              \
	"{'resourceType':'Observation','status':'final','category':[{'coding':[{'system':"                             \
	"'http://terminology.hl7.org/CodeSystem/observation-category','code':'vital-signs'}]}],"                       \
	"'subject':{'reference':'Patient/1'},'effectiveDateTime':'2020-01-01',"                                        \
	"'code':{'coding':[{'system':'http://loinc.org','code':'" code "'}]}," more "}"
#define PRESSURE(code, unit)                                                                                           \
	"{'code':{'coding':[{'system':'http://x.test/own','code':'a'},{'system':'http://loinc.org','code':'" code      \
	"'}]},'valueQuantity':{'value':120,'unit':'x','system':'http://unitsofmeasure.org','code':'" unit "'}}"

static const struct fixture_case vital_signs[] = {
	{LOINC("85354-9", "'component':[" PRESSURE("8480-6", "mm[Hg]") "," PRESSURE("8462-4", "mm[Hg]") "]"), NULL, ""},
	{LOINC("85354-9", "'component':[" PRESSURE("8480-6", "mm[Hg]") "," PRESSURE("8462-4", "kPa") "]"), NULL,
	 "warning Observation.component[1].value.ofType(Quantity) binding\n"
	 "error Observation.component[1].value.ofType(Quantity).code fixed"},
	{LOINC("85354-9", "'component':[" PRESSURE("8480-6", "mm[Hg]") "," PRESSURE("8867-4", "/min") "]"), NULL,
	 "error Observation slice-min"},
	{LOINC("8867-5", "'valueString':'x'"), NULL, ""},
};

#define OPERATION(more)                                                                                                \
	"{'resourceType':'OperationDefinition','name':'Op','status':'draft','kind':'operation','code':'op',"           \
	"'system':true,'type':false,'instance':false," more "}"
#define PARAMETER(name, more) "{'name':'" name "','use':'in','min':1," more "}"
#define MEASURE(more)	      "{'resourceType':'Measure','name':'M','status':'draft'," more "}"
#define CRITERIA	      "'criteria':{'language':'text/cql','expression':'a'}"

static const struct fixture_case operations_and_measures[] = {
	{OPERATION("'parameter':[" PARAMETER("a", "'max':'1','type':'string'") "," PARAMETER(
		 "b", "'max':'*','type':'Reference','targetProfile':['http://x.test/p']") "]"),
	 NULL, ""},
	{OPERATION("'parameter':[" PARAMETER("a", "'max':'0','type':'string'") "," PARAMETER(
		 "a", "'max':'n','type':'string'") "]"),
	 NULL,
	 "error OperationDefinition.parameter[0].max operation-max\n"
	 "error OperationDefinition.parameter[1].max operation-max\n"

	 "error OperationDefinition.parameter[1] operation-name"},
	{OPERATION("'inputProfile':'http://hl7.org/fhir/StructureDefinition/bp','outputProfile':"
		   "'http://hl7.org/fhir/StructureDefinition/Parameters'"),
	 NULL, "error OperationDefinition.inputProfile operation-profile"},
	{MEASURE("'library':['http://x.test/l'],'group':[{'population':[{" CRITERIA "}],'stratifier':[{" CRITERIA
		 "}]}]"),
	 NULL, ""},
	{MEASURE("'group':[{'population':[{" CRITERIA "},{" CRITERIA "}],'stratifier':[{" CRITERIA "}]}]"), NULL,
	 "warning Measure.group[0].population[0] measure-code\n"
	 "warning Measure.group[0].population[1] measure-code\n"
	 "error Measure.group[0].stratifier[0].criteria measure-library"},
};

#define CHECK(table) FIXTURE_TABLE(check_##table, table)
CHECK(bundles)
CHECK(references)
CHECK(narratives)
CHECK(narrative_forms)
CHECK(identifiers)
CHECK(attachments)
CHECK(extension_parts)
CHECK(questionnaires)
CHECK(responses)
CHECK(conformance)
CHECK(constraints)
CHECK(code_systems)
CHECK(structures)
CHECK(cds_hooks)
CHECK(maps)
CHECK(vital_signs)
CHECK(operations_and_measures)

static void unresolved_references_on_request(void **state)
{
	static const struct fixture_case c = {
		"{'resourceType':'Patient','managingOrganization':{'reference':'Organization/1'}}", NULL,
		"error Patient.managingOrganization reference"};
	struct validation_options options = {.references_must_resolve = true};
	fixture_check(*state, &c, &options);
}

FIXTURE_OPEN(definitions)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_bundles),
		cmocka_unit_test(check_references),
		cmocka_unit_test(check_narratives),
		cmocka_unit_test(check_narrative_forms),
		cmocka_unit_test(check_identifiers),
		cmocka_unit_test(check_attachments),
		cmocka_unit_test(check_extension_parts),
		cmocka_unit_test(check_questionnaires),
		cmocka_unit_test(check_responses),
		cmocka_unit_test(check_conformance),
		cmocka_unit_test(check_constraints),
		cmocka_unit_test(check_code_systems),
		cmocka_unit_test(check_structures),
		cmocka_unit_test(check_cds_hooks),
		cmocka_unit_test(check_maps),
		cmocka_unit_test(check_vital_signs),
		cmocka_unit_test(check_operations_and_measures),
		cmocka_unit_test(unresolved_references_on_request),
	};
	return cmocka_run_group_tests(tests, open_fixture, fixture_close_group);
}
