/* Epic's form of procedures, reports and documents: what has an order, an accession number or an author. */
#include "sandbox/reshape_priv.h"

#include "base/encode.h"

/* An order that a result or procedure came from; nobody sent it, but references must lead somewhere. */
static void based_on(struct reshape *x, const struct json *value)
{
	struct arena *a = x->ad->arena;
	struct str text = reshape_text(x, json_get(x->resource, S("code")));
	struct str subject = json_get_str(json_get(x->resource, S("subject")), S("reference"));
	if (value || !text.p) {
		reshape_copy(x, "basedOn", value);
		return;
	}
	struct str id = adapter_id(EHR_EPIC, a, S("ServiceRequest"), x->id, NULL);
	adapter_extra(x->ad, S("ServiceRequest"), id,
		      reshape_form(a,
				   "{'resourceType':'ServiceRequest','id':$,'identifier':[{'use':'usual','system':$,"
				   "'value':$}],'status':'completed','intent':'order','code':{'text':$},'subject':"
				   "{'reference':$}}",
				   id, S(EPIC_OID "2.798268"), reshape_number(x, "order", x->id, 1000000), text,
				   adapter_reference(x->ad, subject)));
	reshape_put(x, "basedOn", "[{'reference':$,'display':$}]", arena_printf(a, "ServiceRequest/%.*s", STR_ARG(id)),
		    text);
}

static struct str cpt_of(const struct json *concept)
{
	struct str code = reshape_code(concept, "http://www.ama-assn.org/go/cpt");
	return code.p ? code : reshape_code(concept, "urn:oid:2.16.840.1.113883.6.12");
}

/* ---- Procedure -------------------------------------------------------------------------------------------------- */

static struct str procedure_number(struct reshape *x)
{
	return reshape_number(x, "EAP", reshape_text(x, json_get(x->resource, S("code"))), 10000);
}

static void procedure_identifier(struct reshape *x, const struct json *value)
{
	(void)value;
	reshape_put(x, "identifier",
		    "[{'use':'usual','type':{'text':'ORD'},'system':$,'value':$},"
		    "{'use':'usual','type':{'text':'EAP'},'system':$,'value':$}]",
		    S(EPIC_OID "2.798268"), reshape_number(x, "order", x->id, 1000000), S(EPIC_OID "2.696580"),
		    procedure_number(x));
}

static void procedure_category(struct reshape *x, const struct json *value)
{
	(void)value;
	reshape_put(x, "category",
		    "{'coding':[{'system':'http://snomed.info/sct','code':'103693007',"
		    "'display':'Diagnostic procedure'}],'text':'Ordered Procedures'}");
}

static void procedure_code(struct reshape *x, const struct json *value)
{
	struct str text = reshape_text(x, value), cpt = cpt_of(value);
	struct arena *a = x->ad->arena;
	if (text.p)
		reshape_put(x, "code", "{'coding':[#{'system':$,'code':$,'display':$}],'text':$}",
			    cpt.p ? reshape_form(a, "{'system':'urn:oid:2.16.840.1.113883.6.12','code':$},", cpt)
				  : S(""),
			    S(EPIC_OID "2.696580"), procedure_number(x), text, text);
}

static void performed(struct reshape *x, const struct json *value)
{
	struct str time =
		reshape_time_of(x->resource, (const char *const[]){"performedDateTime", "performedPeriod", NULL});
	(void)value;
	if (time.p)
		reshape_put(x, "performedDateTime", "$", reshape_time(x, time));
}

/* A person of this role, or who performed it. */
static void person(struct reshape *x, const char *key, const struct json *value)
{
	const struct json *performer = json_get(json_at(json_get(x->resource, S("performer")), 0), S("actor"));
	reshape_put(x, key, "#", reshape_link_form(x, reshape_person(x, value ? value : performer), "Practitioner"));
}

static void procedure_recorder(struct reshape *x, const struct json *value)
{
	person(x, "recorder", value);
}

static void procedure_asserter(struct reshape *x, const struct json *value)
{
	person(x, "asserter", value);
}

static const struct reshape_member procedure[] = {{"identifier", procedure_identifier},
						  {"basedOn", based_on},
						  {"status", NULL},
						  {"category", procedure_category},
						  {"code", procedure_code},
						  {"subject", NULL},
						  {"encounter", reshape_encounter},
						  {"performedDateTime", performed},
						  {"recorder", procedure_recorder},
						  {"asserter", procedure_asserter},
						  {"report", NULL},
						  {NULL, NULL}};

/* ---- DiagnosticReport ------------------------------------------------------------------------------------------- */

static void report_identifier(struct reshape *x, const struct json *value)
{
	struct str number = reshape_number(x, "accession", x->id, 1000);
	(void)value;
	reshape_put(x, "identifier",
		    "[{'use':'official','type':{'coding':[{'system':'" HL7
		    "v2-0203','code':'PLAC','display':'Placer Identifier'}],'text':'Placer Identifier'},'system':$,"
		    "'value':$},{'use':'official','type':{'coding':[{'system':'" HL7
		    "v2-0203','code':'FILL','display':'Filler Identifier'}],'text':'Filler Identifier'},"
		    "'system':'https://open.epic.com/FHIR/0/order-accession-number/Beaker','value':$}]",
		    S(EPIC_OID "2.798268"), reshape_number(x, "order", x->id, 1000000),
		    arena_printf(x->ad->arena, "19H-%.*sC0001", STR_ARG(number)));
}

static void report_category(struct reshape *x, const struct json *value)
{
	bool lab = reshape_has(value, "LAB") || reshape_has(value, "LP29693-6") || !json_size(value);
	if (!lab) {
		reshape_copy(x, "category", value);
		return;
	}
	reshape_put(x, "category",
		    "[{'coding':[{'system':$,'code':'Lab'}],'text':'Lab'},{'coding':[{'system':'" HL7
		    "v2-0074','code':'LAB','display':'Laboratory'}],'text':'Laboratory'}]",
		    S(EPIC_OID "10.798268.30"));
}

static void report_code(struct reshape *x, const struct json *value)
{
	struct str loinc = reshape_code(value, "http://loinc.org"), text = reshape_text(x, value), cpt = cpt_of(value);
	struct arena *a = x->ad->arena;
	if (!text.p)
		return;
	struct str first = loinc.p ? reshape_form(a, "{'system':'http://loinc.org','code':$}", loinc) : S("");
	struct str second =
		cpt.p ? reshape_form(a, "{'system':'urn:oid:2.16.840.1.113883.6.12','code':$,'display':$}", cpt, text)
		      : S("");
	reshape_put(x, "code", "{'coding':[###],'text':$}", first, first.n && second.n ? S(",") : S(""), second, text);
}

static void report_time(struct reshape *x, const struct json *value)
{
	struct str time = reshape_time_of(
		x->resource, (const char *const[]){"effectiveDateTime", "effectivePeriod", "issued", NULL});
	(void)value;
	if (time.p)
		reshape_put(x, "effectiveDateTime", "$", reshape_time(x, time));
}

static void report_performer(struct reshape *x, const struct json *value)
{
	const struct json *organization = NULL, *practitioner = NULL;
	struct json_iter it = json_iter(value);
	while (json_next(&it)) {
		bool place = str_starts(json_get_str(it.value, S("reference")), S("Organization"));
		*(place ? &organization : &practitioner) = it.value;
	}
	reshape_put(x, "performer", "[#,#]", reshape_link_form(x, reshape_person(x, practitioner), "Practitioner"),
		    reshape_link_form(x, reshape_organization(x, organization), "Organization"));
}

static void report_result(struct reshape *x, const struct json *value)
{
	struct json_iter it = json_iter(value);
	struct arena *a = x->ad->arena;
	struct str list = S("");
	unsigned n = 0;
	while (json_next(&it)) {
		struct str old = json_get_str(it.value, S("reference"));
		struct str name = reshape_text(x, json_get(adapter_target(x->ad, old), S("code")));
		if (!name.p)
			name = json_get_str(it.value, S("display"));
		list = reshape_form(a, "##{'reference':$,'display':$}", list, list.n ? S(",") : S(""),
				    adapter_reference(x->ad, old),
				    arena_printf(a, "Component (%u): %.*s", ++n, STR_ARG(name)));
	}
	if (n)
		reshape_put(x, "result", "[#]", list);
}

static const struct reshape_member report[] = {{"identifier", report_identifier},
					       {"basedOn", based_on},
					       {"status", NULL},
					       {"category", report_category},
					       {"code", report_code},
					       {"subject", NULL},
					       {"encounter", reshape_encounter},
					       {"effectiveDateTime", report_time},
					       {"issued", reshape_put_issued},
					       {"performer", report_performer},
					       {"result", report_result},
					       {"imagingStudy", NULL},
					       {"conclusion", NULL},
					       {NULL, NULL}};

/* ---- DocumentReference and Binary ------------------------------------------------------------------------------- */

/* Note types of the site, by the LOINC code that each stands for. */
static const char *const notes[][3] = {
	{"11506-3", "1", "Progress Notes"},    {"11488-4", "2", "Consults"},	     {"34117-2", "4", "H&P"},
	{"18842-5", "5", "Discharge Summary"}, {"34133-9", "19", "Summary of Care"},
};

static void note_identifier(struct reshape *x, const struct json *value)
{
	struct str number = reshape_number(x, "note", x->id, 100000);
	(void)value;
	reshape_put(x, "identifier", "[{'system':$,'value':$},{'system':'urn:oid:1.2.840.114350.1.72.3.15','value':$}]",
		    S(EPIC_OID "2.727879"), number,
		    arena_printf(x->ad->arena, "1.2.840.114350.1.13.0.1.7.2.727879_%.*s", STR_ARG(number)));
}

static void note_type(struct reshape *x, const struct json *value)
{
	struct str loinc = reshape_code(value, "http://loinc.org"), text = reshape_text(x, value);
	struct str display = json_get_str(json_at(json_get(value, S("coding")), 0), S("display"));
	struct str number = reshape_number(x, "note type", text, 100), name = text;
	for (size_t i = 0; i < sizeof(notes) / sizeof(*notes); i++) {
		if (!str_is(loinc, notes[i][0]))
			continue;
		number = str_from(notes[i][1]);
		name = str_from(notes[i][2]);
	}
	if (!name.p)
		name = S("Progress Notes");
	reshape_put(x, "type",
		    "{'coding':[{'system':$,'code':$,'display':$},"
		    "{'system':'urn:oid:1.2.840.114350.1.72.727879.69848980','code':$,'display':$}#],'text':$}",
		    S(EPIC_OID "4.737880.5010"), number, name, number, name,
		    loinc.p ? reshape_form(x->ad->arena,
					   ",{'system':'http://loinc.org','code':$,'display':$,'userSelected':true}",
					   loinc, display.p ? display : text)
			    : S(""),
		    name);
}

static void note_category(struct reshape *x, const struct json *value)
{
	(void)value;
	reshape_put(x, "category",
		    "[{'coding':[{'system':'" DOCUMENT_CATEGORIES
		    "','code':'clinical-note','display':'Clinical Note'}],'text':'Clinical Note'}]");
}

static void note_date(struct reshape *x, const struct json *value)
{
	if (json_str(value).p)
		reshape_put(x, "date", "$", reshape_time(x, json_str(value)));
}

static void note_author(struct reshape *x, const struct json *value)
{
	reshape_put(x, "author", "[#]", reshape_link_form(x, reshape_person(x, json_at(value, 0)), "Practitioner"));
}

static void note_custodian(struct reshape *x, const struct json *value)
{
	(void)value;
	reshape_put(x, "custodian", "{'identifier':{'system':'urn:ietf:rfc:3986','value':$},'display':'FHIR Sandbox'}",
		    S(EPIC_OID "3.688884.100"));
}

/* One content: the Binary that holds it, by a relative link. */
static struct str note_content(struct reshape *x, const char *media, struct str data)
{
	struct arena *a = x->ad->arena;
	struct str key = arena_printf(a, "%.*s %s", STR_ARG(x->id), media);
	struct str id = adapter_id(EHR_EPIC, a, S("Binary"), key, NULL);
	adapter_extra(x->ad, S("Binary"), id,
		      reshape_form(a, "{'resourceType':'Binary','id':$,'contentType':$,'data':$}", id, str_from(media),
				   data));
	return reshape_form(a,
			    "{'attachment':{'contentType':$,'url':$},'format':{'system':'" FORMAT_CODE_SYSTEM
			    "','code':'" FORMAT_CODE_MIME "','display':'mimeType Sufficient'}}",
			    str_from(media), arena_printf(a, "Binary/%.*s", STR_ARG(id)));
}

/* A note of plain text comes back as HTML and as RTF; anything else as itself. */
static void note_contents(struct reshape *x, const struct json *value)
{
	const struct json *attachment = json_get(json_at(value, 0), S("attachment"));
	struct str media = json_get_str(attachment, S("contentType")), data = json_get_str(attachment, S("data"));
	if (!data.p) {
		if (json_get_str(attachment, S("url")).p)
			reshape_copy(x, "content", value);
		else
			reshape_put(x, "content",
				    "[{'attachment':{'extension':[{'valueCode':'not-applicable','url':'" DATA_ABSENT
				    "'}]}}]");
		return;
	}
	if (!str_starts(media, S("text/plain"))) {
		reshape_put(x, "content", "[#]", note_content(x, arena_str(x->ad->arena, media).p, data));
		return;
	}
	struct str html, rtf;
	adapter_note_forms(x->ad->arena, data, &html, &rtf);
	reshape_put(x, "content", "[#,#]", note_content(x, "text/html", html), note_content(x, "text/rtf", rtf));
}

static void note_context(struct reshape *x, const struct json *value)
{
	struct arena *a = x->ad->arena;
	struct str number, start = json_get_str(json_get(value, S("period")), S("start"));
	struct reshape_link visit = reshape_visit(x, &number);
	if (!start.p)
		start = json_get_str(x->resource, S("date"));
	struct str seen =
		visit.reference.p
			? reshape_form(a,
				       "'encounter':[{'reference':$,'identifier':{'use':'usual','system':$,'value':$},"
				       "'display':$}]#",
				       visit.reference, S(EPIC_OID "3.698084.8"), number,
				       visit.display.p ? visit.display : S("Office Visit"), start.p ? S(",") : S(""))
			: S("");
	struct str period = start.p ? reshape_form(a, "'period':{'start':$}", reshape_time(x, start)) : S("");
	if (seen.n || period.n)
		reshape_put(x, "context", "{##}", seen, period);
}

static const struct reshape_member document[] = {{"identifier", note_identifier},
						 {"status", NULL},
						 {"docStatus", reshape_put_document_status},
						 {"type", note_type},
						 {"category", note_category},
						 {"subject", NULL},
						 {"date", note_date},
						 {"author", note_author},
						 {"custodian", note_custodian},
						 {"content", note_contents},
						 {"context", note_context},
						 {NULL, NULL}};

/* ---- a document, as a write comes back -------------------------------------------------------------------------- */

static struct str user(struct reshape *x, const char *type)
{
	return reshape_link_form(x, reshape_person(x, NULL), type);
}

static void written_attester(struct reshape *x, const struct json *value)
{
	(void)value;
	reshape_put(x, "extension",
		    "[{'extension':[{'valueCodeableConcept':{'coding':[{'system':"
		    "'urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.72072','code':'1','display':'Signer'}],'text':"
		    "'Signer'},'url':'mode'},{'valueDateTime':$,'url':'time'},{'valueReference':#,'url':'party'}],"
		    "'url':'http://hl7.org/fhir/5.0/StructureDefinition/extension-DocumentReference.attester'}]",
		    x->ad->now, user(x, NULL));
}

static void written_date(struct reshape *x, const struct json *value)
{
	(void)value;
	reshape_put(x, "date", "$", x->ad->now);
}

static void written_authenticator(struct reshape *x, const struct json *value)
{
	struct str who = user(x, "Practitioner");
	(void)value;
	reshape_put(x, "authenticator",
		    "{'extension':[{'valueDateTime':$,'url':'" OPEN_EPIC
		    "extension/clinical-note-authentication-instant'}],#",
		    x->ad->now, str_slice(who, 1, who.n));
}

static void written_label(struct reshape *x, const struct json *value)
{
	static const char text[] =
		"no disclosure to patient, family or caregivers without attending provider's authorization";
	(void)value;
	reshape_put(x, "securityLabel", "[{'coding':[{'system':$,'code':'NOPAT','display':$}],'text':$}]",
		    S(HL7 "v3-ActCode"), str_from(text), str_from(text));
}

/* Of the visit: its number and when it began. */
static void written_context(struct reshape *x, const struct json *value)
{
	struct arena *a = x->ad->arena;
	struct str number;
	struct reshape_link visit = reshape_visit(x, &number);
	struct str start = json_get_str(json_get(reshape_visit_resource(x), S("period")), S("start"));
	(void)value;
	if (!visit.reference.p)
		return;
	reshape_put(x, "context",
		    "{'extension':[{'valueCodeableConcept':{'coding':[{'system':$,'code':'3','display':"
		    "'Registered Nurse'}],'text':'Registered Nurse'},'url':'" OPEN_EPIC
		    "extension/clinical-note-author-provider-type'}],'encounter':[{'reference':$,'identifier':{'use':"
		    "'usual','system':$,'value':$},'display':$}]#}",
		    S(EPIC_OID "4.836982.1040"), visit.reference, S(EPIC_OID "3.698084.8"), number,
		    visit.display.p ? visit.display : S("Office Visit"),
		    start.p ? reshape_form(a, ",'period':{'start':$}", reshape_time(x, start)) : S(""));
}

static const struct reshape_member written_document[] = {{"extension", written_attester},
							 {"identifier", note_identifier},
							 {"status", NULL},
							 {"docStatus", reshape_put_document_status},
							 {"type", note_type},
							 {"category", note_category},
							 {"subject", NULL},
							 {"date", written_date},
							 {"author", note_author},
							 {"authenticator", written_authenticator},
							 {"custodian", note_custodian},
							 {"securityLabel", written_label},
							 {"content", note_contents},
							 {"context", written_context},
							 {NULL, NULL}};

const struct reshape_member *reshape_epic_written_paper(struct str type)
{
	return str_is(type, "DocumentReference") ? written_document : NULL;
}

const struct reshape_member *reshape_epic_papers(struct str type)
{
	return str_is(type, "Procedure")	   ? procedure
	       : str_is(type, "DiagnosticReport")  ? report
	       : str_is(type, "DocumentReference") ? document
						   : NULL;
}
