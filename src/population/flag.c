/*
 * The Flag that carries a score: how it is written, how ours is recognised among others, and when two say the same.
 * Only our own statements are compared and replaced; whatever the EHR or a clinician added stays.
 */
#include "base/clock.h"
#include "population/population_priv.h"

#define CATEGORY_SYSTEM "http://terminology.hl7.org/CodeSystem/flag-category"

enum { FLAG_MAX = 1 << 20 };

struct population_flag population_flag_of(struct arena *a, const struct population_patient *patient, int64_t now_ms)
{
	char instant[CLOCK_INSTANT_SIZE];
	clock_format_instant(now_ms, instant);
	struct population_flag flag = {
		.patient_id = patient->vendor_id,
		.model = S(POPULATION_CHARLSON_MODEL),
		.code = arena_printf(a, POPULATION_CHARLSON_MODEL "-%d", patient->score),
		.text = arena_printf(a, "Charlson comorbidity index %d (Quan 2011 weights)", patient->score),
	};
	memcpy(flag.date, instant, sizeof flag.date);
	return flag;
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static bool is_our_identifier(const struct population_flag *flag, const struct json *identifier)
{
	return str_is(json_get_str(identifier, S("system")), POPULATION_FLAG_SYSTEM) &&
	       str_eq(json_get_str(identifier, S("value")), flag->model);
}

static void write_identifiers(struct json_writer *w, const struct population_flag *flag, const struct json *existing)
{
	json_key(w, S("identifier"));
	json_array_begin(w);
	struct json_iter it = json_iter(json_get(existing, S("identifier")));
	while (json_next(&it))
		if (!is_our_identifier(flag, it.value))
			json_put_value(w, it.value);
	json_object_begin(w);
	json_put_member(w, S("system"), S(POPULATION_FLAG_SYSTEM));
	json_put_member(w, S("value"), flag->model);
	json_object_end(w);
	json_array_end(w);
}

static bool has_coding(const struct json *concept, struct str system, struct str code)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	while (json_next(&it))
		if (str_eq(json_get_str(it.value, S("system")), system) &&
		    str_eq(json_get_str(it.value, S("code")), code))
			return true;
	return false;
}

static bool is_clinical(const struct json *resource)
{
	struct json_iter it = json_iter(json_get(resource, S("category")));
	while (json_next(&it))
		if (has_coding(it.value, S(CATEGORY_SYSTEM), S("clinical")))
			return true;
	return false;
}

static void write_concept(struct json_writer *w, struct str system, struct str code, struct str display,
			  struct str text)
{
	json_object_begin(w);
	json_key(w, S("coding"));
	json_array_begin(w);
	json_object_begin(w);
	json_put_member(w, S("system"), system);
	json_put_member(w, S("code"), code);
	json_put_member(w, S("display"), display);
	json_object_end(w);
	json_array_end(w);
	json_put_member(w, S("text"), text);
	json_object_end(w);
}

static void write_statements(struct json_writer *w, const struct population_flag *flag, const struct json *existing)
{
	write_identifiers(w, flag, existing);
	json_put_member(w, S("status"), S("active"));
	json_key(w, S("category"));
	json_array_begin(w);
	struct json_iter it = json_iter(json_get(existing, S("category")));
	while (json_next(&it))
		json_put_value(w, it.value);
	if (!is_clinical(existing))
		write_concept(w, S(CATEGORY_SYSTEM), S("clinical"), S("Clinical"), STR_NULL);
	json_array_end(w);
	json_key(w, S("code"));
	write_concept(w, S(POPULATION_SCORE_SYSTEM), flag->code, flag->text, flag->text);
	json_key(w, S("subject"));
	if (json_get(existing, S("subject"))) {
		json_put_value(w, json_get(existing, S("subject")));
	} else {
		struct buf reference;
		buf_init(&reference, 1 << 14);
		buf_printf(&reference, "Patient/%.*s", STR_ARG(flag->patient_id));
		json_object_begin(w);
		json_put_member(w, S("reference"), buf_str(&reference));
		json_object_end(w);
		buf_done(&reference);
	}
	json_key(w, S("period"));
	json_object_begin(w);
	json_put_member(w, S("start"), str_make(flag->date, sizeof flag->date));
	json_object_end(w);
}

/* What write_statements says, and what the server says about itself; the narrative would tell the old score. */
static bool is_replaced(struct str key)
{
	static const char *const keys[] = {"resourceType", "id",   "meta",    "text",	"identifier", "status",
					   "category",	   "code", "subject", "period", "_status",    "_period"};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (str_is(key, keys[i]))
			return true;
	return false;
}

static void write_meta(struct json_writer *w, const struct json *meta)
{
	json_key(w, S("meta"));
	json_object_begin(w);
	struct json_iter it = json_iter(meta);
	while (json_next(&it)) {
		if (str_is(it.key, "versionId") || str_is(it.key, "lastUpdated"))
			continue;
		json_key(w, it.key);
		json_put_value(w, it.value);
	}
	json_object_end(w);
}

static bool meta_says_more(const struct json *meta)
{
	struct json_iter it = json_iter(meta);
	while (json_next(&it))
		if (!str_is(it.key, "versionId") && !str_is(it.key, "lastUpdated"))
			return true;
	return false;
}

struct str population_flag_write(struct arena *a, const struct population_flag *flag, const struct json *existing)
{
	struct buf out;
	buf_init(&out, FLAG_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("Flag"));
	json_put_member(&w, S("id"), json_get_str(existing, S("id")));
	if (meta_says_more(json_get(existing, S("meta"))))
		write_meta(&w, json_get(existing, S("meta")));
	write_statements(&w, flag, existing);
	struct json_iter it = json_iter(existing);
	while (json_next(&it)) {
		if (is_replaced(it.key))
			continue;
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	json_object_end(&w);
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

/* ---- comparing ----------------------------------------------------------------------------------------------------
 */

bool population_flag_is_ours(const struct population_flag *flag, const struct json *resource)
{
	struct json_iter it = json_iter(json_get(resource, S("identifier")));
	while (json_next(&it))
		if (is_our_identifier(flag, it.value))
			return true;
	return false;
}

const char *population_flag_differs(const struct definitions *d, const struct population_flag *flag,
				    const struct json *resource)
{
	const struct json *code = json_get(resource, S("code"));
	struct reference subject = reference_parse(d, json_get_str(json_get(resource, S("subject")), S("reference")));
	if (!str_is(subject.type, "Patient") || !str_eq(subject.id, flag->patient_id))
		return "subject";
	if (!has_coding(code, S(POPULATION_SCORE_SYSTEM), flag->code))
		return "code.coding";
	if (!str_eq(json_get_str(code, S("text")), flag->text))
		return "code.text";
	if (!is_clinical(resource))
		return "category";
	if (!str_is(json_get_str(resource, S("status")), "active"))
		return "status";
	return NULL;
}
