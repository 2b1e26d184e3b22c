/* Cerner's generated narrative: one paragraph per fact, the label in bold (http://hl7.org/fhir/R4/narrative.html). */
#include "sandbox/adapt_priv.h"

#include "base/encode.h"

/* Facts that are told, per element of any resource, in this order. */
static const struct {
	const char *key, *label;
} facts[] = {
	{"code", "Code"},
	{"medicationCodeableConcept", "Medication"},
	{"vaccineCode", "Vaccine"},
	{"valueQuantity", "Result"},
	{"clinicalStatus", "Clinical Status"},
	{"verificationStatus", "Verification Status"},
	{"status", "Status"},
	{"gender", "Administrative Gender"},
	{"birthDate", "DOB"},
	{"effectiveDateTime", "Date"},
	{"authoredOn", "Authored On"},
};

static struct str concept_text(const struct json *concept)
{
	const struct json *coding = json_at(json_get(concept, S("coding")), 0);
	struct str text = json_get_str(concept, S("text"));
	if (!text.p)
		text = json_get_str(coding, S("display"));
	return text.p ? text : json_get_str(coding, S("code"));
}

static struct str fact_text(struct arena *a, const struct json *value)
{
	struct str number = json_number(json_get(value, S("value")));
	if (json_is(value, JSON_STRING))
		return json_str(value);
	if (number.p) {
		struct str unit = json_get_str(value, S("unit"));
		return arena_printf(a, "%.*s%s%.*s", STR_ARG(number), unit.p ? " " : "", STR_ARG(unit));
	}
	return concept_text(value);
}

static void paragraph(struct buf *div, const char *label, struct str text)
{
	if (!text.p)
		return;
	buf_printf(div, "<p><b>%s</b>: ", label);
	encode_html(div, text);
	buf_add(div, S("</p>"));
}

void adapter_narrative(struct json_writer *w, struct arena *a, const struct json *resource, struct str patient_name)
{
	struct buf div;
	buf_init(&div, 1 << 16);
	buf_printf(&div, "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p><b>%.*s</b></p>",
		   STR_ARG(json_get_str(resource, S("resourceType"))));
	paragraph(&div, "Patient", patient_name);
	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
		paragraph(&div, facts[i].label, fact_text(a, json_get(resource, str_from(facts[i].key))));
	buf_add(&div, S("</div>"));
	json_object_begin(w);
	json_put_member(w, S("status"), S("generated"));
	json_put_member(w, S("div"),
			buf_ok(&div) ? buf_str(&div) : S("<div xmlns=\"http://www.w3.org/1999/xhtml\">-</div>"));
	json_object_end(w);
	buf_done(&div);
}
