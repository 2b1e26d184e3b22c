/* Cerner's form of procedures, reports and documents. Attachments are links to Binary, absolute where they are read. */
#include "sandbox/reshape_priv.h"

#include "base/encode.h"

/* ---- Procedure -------------------------------------------------------------------------------------------------- */

static void procedure_code(struct reshape *x, const struct json *value)
{
	static const char *const systems[] = {"http://snomed.info/sct", "http://www.ama-assn.org/go/cpt"};
	struct str text = reshape_text(x, value), coding = S("");
	for (size_t i = 0; i < 2 && !coding.n; i++) {
		struct str code = reshape_code(value, systems[i]);
		if (code.p)
			coding = reshape_form(x->ad->arena,
					      "'coding':[{'system':$,'code':$,'display':$,'userSelected':true}],",
					      str_from(systems[i]), code, text);
	}
	if (text.p)
		reshape_put(x, "code", "{#'text':$}", coding, text);
}

static void performed_time(struct reshape *x, const struct json *value)
{
	if (json_str(value).p)
		reshape_put(x, "performedDateTime", "$", reshape_seconds(x, json_str(value)));
}

static void performed_period(struct reshape *x, const struct json *value)
{
	struct str start = json_get_str(value, S("start")), end = json_get_str(value, S("end"));
	if (start.p)
		reshape_put(x, "performedPeriod", "{'start':$,'end':$}", reshape_seconds(x, start),
			    reshape_seconds(x, end.p ? end : start));
}

static void procedure_performer(struct reshape *x, const struct json *value)
{
	reshape_put(x, "performer", "[{'actor':#}]",
		    reshape_link_form(x, reshape_person(x, json_get(json_at(value, 0), S("actor"))), NULL));
}

static const struct reshape_member procedure[] = {{"status", NULL},
						  {"code", procedure_code},
						  {"subject", NULL},
						  {"encounter", reshape_encounter},
						  {"performedDateTime", performed_time},
						  {"performedPeriod", performed_period},
						  {"recorder", reshape_put_recorder},
						  {"performer", procedure_performer},
						  {"location", NULL},
						  {"note", NULL},
						  {NULL, NULL}};

/* ---- what reports and documents have in common ------------------------------------------------------------------ */

static void event_identifier(struct reshape *x, const struct json *value)
{
	(void)value;
	reshape_put(x, "identifier", "[{'system':'https://fhir.cerner.com/ceuuid','value':$}]",
		    arena_printf(x->ad->arena, "CE87caf4b7-9397-4667-9897-702218017c9e-%.*s-2024092612262300",
				 STR_ARG(x->id)));
}

/* The link to an attachment that came with its bytes; the prefix says what it is. */
static struct str binary_link(struct reshape *x, struct str media, struct str data)
{
	struct arena *a = x->ad->arena;
	const char *prefix = str_starts(media, S("application/pdf"))   ? "XR"
			     : str_starts(media, S("application/xml")) ? "XML"
			     : str_starts(media, S("text/plain"))      ? "R"
								       : "TR";
	struct str id = arena_printf(a, "%s-%.*s", prefix, STR_ARG(x->id));
	adapter_extra(x->ad, S("Binary"), id,
		      reshape_form(a, "{'resourceType':'Binary','id':$,'contentType':$,'data':$}", id, media, data));
	return arena_printf(a, "Binary/%.*s", STR_ARG(id));
}

static struct str attachment(struct reshape *x, const struct json *value, struct str title, struct str time)
{
	struct arena *a = x->ad->arena;
	struct str media = json_get_str(value, S("contentType")), data = json_get_str(value, S("data"));
	struct str url = json_get_str(value, S("url"));
	/* What is written as a page becomes RTF, without what could run or lead elsewhere. */
	if (data.p && x->ad->native && str_starts(media, S("application/xhtml+xml"))) {
		data = adapter_page_rtf(a, data);
		media = S("text/rtf");
	}
	if (data.p)
		url = binary_link(x, media.p ? media : S("text/plain"), data);
	if (!url.p)
		return STR_NULL;
	return reshape_form(a, "{'contentType':$,'url':$,'title':$#}", media.p ? media : S("text/plain"), url, title,
			    time.p ? reshape_form(a, ",'creation':$", reshape_time(x, time)) : S(""));
}

/* ---- DiagnosticReport ------------------------------------------------------------------------------------------- */

static void report_based_on(struct reshape *x, const struct json *value)
{
	struct str old = json_get_str(json_at(value, 0), S("reference"));
	if (old.p)
		reshape_put(x, "basedOn", "[{'reference':$}]", adapter_reference(x->ad, old));
}

static bool has_form(const struct reshape *x)
{
	return json_size(json_get(x->resource, S("presentedForm"))) > 0;
}

static void report_category(struct reshape *x, const struct json *value)
{
	bool lab = reshape_has(value, "LAB") || reshape_has(value, "LP29693-6") || !json_size(value);
	if (!lab)
		reshape_copy(x, "category", value);
	else
		reshape_put(x, "category",
			    "[{'coding':[{'system':'" HL7
			    "v2-0074','code':'LAB','display':'Laboratory','userSelected':#}],'text':'Laboratory'}#]",
			    has_form(x) ? S("true") : S("false"),
			    has_form(x) ? S(",{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"LP75011-4\","
					    "\"userSelected\":false}]}")
					: S(""));
}

static void event_code(struct reshape *x, const struct json *value)
{
	struct str loinc = reshape_code(value, "http://loinc.org"), text = reshape_text(x, value);
	struct arena *a = x->ad->arena;
	if (text.p)
		reshape_put(x, "code",
			    "{'coding':[{'system':'" CERNER_SET("72") "','code':$,'display':$,'userSelected':true}#],"
								      "'text':$}",
			    reshape_number(x, "codeSet/72", loinc.p ? loinc : text, 1000000), text,
			    loinc.p ? reshape_form(a,
						   ",{'system':'http://loinc.org','code':$,'display':$,"
						   "'userSelected':false}",
						   loinc, text)
				    : S(""),
			    text);
}

static struct str report_moment(struct reshape *x)
{
	return reshape_time_of(x->resource,
			       (const char *const[]){"effectiveDateTime", "effectivePeriod", "issued", NULL});
}

/* A result panel has a moment, a document a period that starts and ends with it. */
static void report_time(struct reshape *x, const struct json *value)
{
	struct str time = report_moment(x);
	(void)value;
	if (time.p && !has_form(x))
		reshape_put(x, "effectiveDateTime", "$", reshape_seconds(x, time));
}

static void report_period(struct reshape *x, const struct json *value)
{
	struct str time = report_moment(x);
	(void)value;
	if (time.p && has_form(x))
		reshape_put(x, "effectivePeriod", "{'start':$,'end':$}", reshape_time(x, time), reshape_time(x, time));
}

static void report_issued(struct reshape *x, const struct json *value)
{
	struct str time = json_str(value).p ? json_str(value) : report_moment(x);
	if (str_find_char(time, 'T', 0) != STR_NONE)
		reshape_put(x, "issued", "$", reshape_seconds(x, time));
}

static void report_performer(struct reshape *x, const struct json *value)
{
	struct reshape_link who = has_form(x) ? reshape_person(x, json_at(value, 0)) : reshape_organization(x, NULL);
	if (has_form(x))
		reshape_put(x, "performer", "[#]", reshape_link_form(x, who, NULL));
	else
		reshape_put(x, "performer",
			    "[{'extension':[{'valueCodeableConcept':{'coding':[{'system':'" HL7
			    "v3-ParticipationType','code':'LA','display':'legal authenticator'}],'text':"
			    "'legal authenticator'},'url':'" PERFORMER_FUNCTION "'}],'reference':$}]",
			    who.reference);
}

static void report_interpreter(struct reshape *x, const struct json *value)
{
	const struct json *who = json_at(value ? value : json_get(x->resource, S("performer")), 0);
	if (has_form(x))
		reshape_put(x, "resultsInterpreter", "[#]", reshape_link_form(x, reshape_person(x, who), NULL));
}

static void report_result(struct reshape *x, const struct json *value)
{
	struct json_iter it = json_iter(value);
	struct str list = S("");
	while (json_next(&it))
		list = reshape_form(x->ad->arena, "##{'reference':$}", list, list.n ? S(",") : S(""),
				    adapter_reference(x->ad, json_get_str(it.value, S("reference"))));
	if (list.n)
		reshape_put(x, "result", "[#]", list);
}

static void report_form(struct reshape *x, const struct json *value)
{
	struct str one =
		attachment(x, json_at(value, 0), reshape_text(x, json_get(x->resource, S("code"))), report_moment(x));
	if (one.p)
		reshape_put(x, "presentedForm", "[#]", one);
}

static const struct reshape_member report[] = {{"identifier", event_identifier},
					       {"basedOn", report_based_on},
					       {"status", NULL},
					       {"category", report_category},
					       {"code", event_code},
					       {"subject", NULL},
					       {"encounter", reshape_encounter},
					       {"effectiveDateTime", report_time},
					       {"effectivePeriod", report_period},
					       {"issued", report_issued},
					       {"performer", report_performer},
					       {"resultsInterpreter", report_interpreter},
					       {"result", report_result},
					       {"conclusion", NULL},
					       {"presentedForm", report_form},
					       {NULL, NULL}};

/* ---- DocumentReference ------------------------------------------------------------------------------------------ */

static void document_type(struct reshape *x, const struct json *value)
{
	struct str loinc = reshape_code(value, "http://loinc.org"), text = reshape_text(x, value);
	if (!text.p)
		text = S("Clinical Note");
	reshape_put(x, "type", "#",
		    loinc.p ? reshape_cerner_concept(x, "72", reshape_number(x, "codeSet/72", loinc, 1000000), text,
						     "http://loinc.org", loinc, text)
			    : reshape_form(x->ad->arena, "{'text':$}", text));
}

static void document_category(struct reshape *x, const struct json *value)
{
	const struct json *type = json_get(x->resource, S("type"));
	struct str loinc = reshape_code(type, "http://loinc.org");
	(void)value;
	reshape_put(x, "category",
		    "[#{'coding':[{'system':'" DOCUMENT_CATEGORIES
		    "','code':'clinical-note','display':'Clinical Note','userSelected':false}],'text':'Clinical "
		    "Note'}]",
		    loinc.p ? reshape_form(x->ad->arena,
					   "{'coding':[{'system':'http://loinc.org','code':$,'display':$,"
					   "'userSelected':false}]},",
					   loinc, reshape_text(x, type))
			    : S(""));
}

static struct str document_moment(struct reshape *x)
{
	struct str time = json_get_str(x->resource, S("date"));
	return time.p ? time : json_get_str(json_get(json_get(x->resource, S("context")), S("period")), S("start"));
}

static void document_date(struct reshape *x, const struct json *value)
{
	struct str time = document_moment(x);
	(void)value;
	if (time.p)
		reshape_put(x, "date", "$", reshape_seconds(x, time));
}

static void document_author(struct reshape *x, const struct json *value)
{
	reshape_put(x, "author", "[#]", reshape_link_form(x, reshape_person(x, json_at(value, 0)), NULL));
}

static void document_authenticator(struct reshape *x, const struct json *value)
{
	const struct json *who = value ? value : json_at(json_get(x->resource, S("author")), 0);
	reshape_put(x, "authenticator", "#", reshape_link_form(x, reshape_person(x, who), NULL));
}

static void document_custodian(struct reshape *x, const struct json *value)
{
	reshape_put(x, "custodian", "#", reshape_link_form(x, reshape_organization(x, value), NULL));
}

static void document_content(struct reshape *x, const struct json *value)
{
	struct str title = reshape_text(x, json_get(x->resource, S("type")));
	struct str one = attachment(x, json_get(json_at(value, 0), S("attachment")),
				    title.p ? title : S("Clinical Note"), document_moment(x));
	if (one.p)
		reshape_put(x, "content",
			    "[{'attachment':#,'format':{'system':'" FORMAT_CODE_SYSTEM "','code':'" FORMAT_CODE_MIME
			    "','display':'mimeType Sufficient'}}]",
			    one);
	else
		reshape_copy(x, "content", value);
}

static void document_context(struct reshape *x, const struct json *value)
{
	struct arena *a = x->ad->arena;
	struct str number, time = document_moment(x);
	struct str start = json_get_str(json_get(value, S("period")), S("start"));
	struct str end = json_get_str(json_get(value, S("period")), S("end"));
	struct reshape_link visit = reshape_visit(x, &number);
	start = start.p ? start : time;
	end = end.p ? end : start;
	if (!start.p)
		return;
	reshape_put(x, "context", "{#'period':{'start':$,'end':$}}",
		    visit.reference.p ? reshape_form(a, "'encounter':[{'reference':$}],", visit.reference) : S(""),
		    reshape_seconds(x, start), reshape_seconds(x, end));
}

static const struct reshape_member document[] = {{"identifier", event_identifier},
						 {"status", NULL},
						 {"docStatus", reshape_put_document_status},
						 {"type", document_type},
						 {"category", document_category},
						 {"subject", NULL},
						 {"date", document_date},
						 {"author", document_author},
						 {"authenticator", document_authenticator},
						 {"custodian", document_custodian},
						 {"content", document_content},
						 {"context", document_context},
						 {NULL, NULL}};

const struct reshape_member *reshape_cerner_papers(struct str type)
{
	return str_is(type, "Procedure")	   ? procedure
	       : str_is(type, "DiagnosticReport")  ? report
	       : str_is(type, "DocumentReference") ? document
						   : NULL;
}
