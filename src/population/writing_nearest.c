/*
 * The nearest thing. A report that a vendor does not take as a report is still a document with words, and single
 * results in it: the results go as laboratory Observations where the vendor takes these, the document as a
 * DocumentReference. For a Flag there is nothing near: a document would be found by nobody, and a message interrupts
 * people; that is for them to choose.
 */
#include "base/encode.h"
#include "population/writing_priv.h"

enum { DOCUMENT_MAX = 64 << 20 };

static void copy(struct json_writer *w, const struct json *from, const char *key, const char *as)
{
	const struct json *value = json_get(from, str_from(key));
	if (!value)
		return;
	json_key(w, str_from(as ? as : key));
	json_put_value(w, value);
}

/* Adds a step when the rules allow it. */
static void add_checked(struct planning *p, struct str type, struct str body)
{
	struct error err = {0};
	const struct json *resource = body.p ? json_parse(p->a, body, 0, &err) : NULL;
	size_t broken = p->broken;
	struct str own = p->type;
	if (!resource) {
		p->failed = true;
		return;
	}
	p->type = type;
	planning_check(p, resource, type, WRITING_CREATE);
	p->type = own;
	if (p->broken == broken)
		planning_add(p, WRITING_CREATE, type, STR_NULL, body);
	p->broken = broken;
}

/* ---- single results ---------------------------------------------------------------------------------------------- */

static struct str result_body(struct planning *p, const struct json *o)
{
	static const char *const inherited[] = {"subject", "encounter", "effectiveDateTime"};
	struct buf out;
	buf_init(&out, DOCUMENT_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	struct json_iter it = json_iter(o);
	while (json_next(&it)) {
		if (str_is(it.key, "id") || str_is(it.key, "meta") || str_is(it.key, "text"))
			continue;
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	for (size_t i = 0; i < sizeof(inherited) / sizeof(inherited[0]); i++)
		if (!json_get(o, str_from(inherited[i])))
			copy(&w, p->resource, inherited[i], NULL);
	json_object_end(&w);
	struct str body = buf_ok(&out) ? arena_str(p->a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return body;
}

static void add_results(struct planning *p)
{
	size_t elsewhere = 0;
	struct json_iter it = json_iter(json_get(p->resource, S("contained")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("resourceType")), "Observation"))
			add_checked(p, S("Observation"), result_body(p, it.value));
	it = json_iter(json_get(p->resource, S("result")));
	while (json_next(&it))
		elsewhere += !str_starts(json_get_str(it.value, S("reference")), S("#"));
	if (elsewhere)
		planning_hint(p, "result", "%zu results are resources of their own: write each as an Observation",
			      elsewhere);
}

/* ---- the document ------------------------------------------------------------------------------------------------ */

static void put_content_type(struct planning *p, struct json_writer *w, struct str type)
{
	bool bare = str_starts(type, S("text/")) && str_find(type, S("charset")) == STR_NONE;
	json_put_member(w, S("contentType"), bare ? arena_printf(p->a, "%.*s;charset=utf-8", STR_ARG(type)) : type);
}

static bool put_attachment(struct planning *p, struct json_writer *w)
{
	const struct json *form = json_at(json_get(p->resource, S("presentedForm")), 0);
	struct str words = json_get_str(p->resource, S("conclusion"));
	bool has_form = json_get(form, S("data")) != NULL;
	if (!has_form && !words.n)
		return false;
	json_key(w, S("attachment"));
	json_object_begin(w);
	if (has_form) {
		put_content_type(p, w, json_get_str(form, S("contentType")));
		copy(w, form, "data", NULL);
		copy(w, form, "title", NULL);
		copy(w, form, "creation", NULL);
	} else {
		struct buf data;
		buf_init(&data, DOCUMENT_MAX);
		encode_base64(&data, words);
		json_put_member(w, S("contentType"), S("text/plain;charset=utf-8"));
		json_put_member(w, S("data"), buf_str(&data));
		p->failed = p->failed || !buf_ok(&data);
		buf_done(&data);
	}
	json_object_end(w);
	return true;
}

static void put_context(struct planning *p, struct json_writer *w)
{
	const struct json *period = json_get(p->resource, S("effectivePeriod"));
	const struct json *encounter = json_get(p->resource, S("encounter"));
	struct str at = json_get_str(p->resource, S("effectiveDateTime"));
	json_key(w, S("context"));
	json_object_begin(w);
	if (encounter) {
		json_key(w, S("encounter"));
		json_array_begin(w);
		json_put_value(w, encounter);
		json_array_end(w);
	}
	if (period) {
		copy(w, p->resource, "effectivePeriod", "period");
	} else if (at.n) {
		json_key(w, S("period"));
		json_object_begin(w);
		json_put_member(w, S("start"), at);
		json_put_member(w, S("end"), at);
		json_object_end(w);
	}
	json_object_end(w);
}

static void put_document(struct planning *p, struct json_writer *w, bool *ret_content)
{
	const struct json *author = json_at(json_get(p->resource, S("performer")), 0);
	json_object_begin(w);
	json_put_member(w, S("resourceType"), S("DocumentReference"));
	copy(w, p->resource, "identifier", NULL);
	json_put_member(w, S("status"), S("current"));
	json_put_member(w, S("docStatus"), S("final"));
	copy(w, p->resource, "code", "type");
	copy(w, p->resource, "subject", NULL);
	copy(w, p->resource, "issued", "date");
	if (author) {
		json_key(w, S("author"));
		json_array_begin(w);
		json_put_value(w, author);
		json_array_end(w);
	}
	json_key(w, S("content"));
	json_array_begin(w);
	json_object_begin(w);
	*ret_content = put_attachment(p, w);
	json_object_end(w);
	json_array_end(w);
	put_context(p, w);
	json_object_end(w);
}

static void add_document(struct planning *p)
{
	static const char *const unfinished[] = {"registered", "partial", "preliminary"};
	for (size_t i = 0; i < sizeof(unfinished) / sizeof(unfinished[0]); i++)
		if (str_is(json_get_str(p->resource, S("status")), unfinished[i])) {
			planning_hint(p, "status",
				      "an unfinished report does not become a document, which would be final");
			return;
		}
	struct buf out;
	bool content = false;
	buf_init(&out, DOCUMENT_MAX);
	struct json_writer w = json_writer(&out);
	put_document(p, &w, &content);
	struct str body = buf_ok(&out) ? arena_str(p->a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	if (content)
		add_checked(p, S("DocumentReference"), body);
	else
		planning_hint(p, "presentedForm",
			      "without a document or a conclusion in it, there is nothing for a DocumentReference");
}

void planning_nearest(struct planning *p)
{
	bool vital_signs_only = p->options->vendor == EHR_EPIC;
	if (str_is(p->type, "DiagnosticReport")) {
		bool wrong = str_is(json_get_str(p->resource, S("status")), "entered-in-error") ||
			     str_is(json_get_str(p->resource, S("status")), "cancelled");
		if (wrong)
			return;
		if (!vital_signs_only)
			add_results(p);
		add_document(p);
	} else if (str_is(p->type, "Flag")) {
		planning_hint(
			p, NULL,
			p->options->vendor == EHR_EPIC
				? "alerts reach people at Epic by a CDS Hooks card; a Communication or "
				  "DocumentReference can be written"
				: "alerts reach people by a CDS Hooks card where the site has it; a Communication or "
				  "DocumentReference can be written");
		planning_hint(p, NULL, "a site whose capability statement names writing of Flag is asked as it says");
	} else if (str_is(p->type, "Observation") && vital_signs_only) {
		planning_hint(p, NULL, "laboratory results come to Epic by its interfaces (HL7 v2), not by FHIR");
	}
}
