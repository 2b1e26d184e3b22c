/*
 * Vendors as tables, so that the client itself knows none of them: what they are called, which searches their servers
 * accept, what they ask for at the token endpoint, and what their error codes mean. Here also the generic vendor: a
 * server that follows the specification.
 */
#include "base/encode.h"
#include "ehr/ehr_priv.h"

static const struct ehr_query generic_queries[] = {
	{"Observation", "&category=vital-signs,laboratory"},
	{NULL, NULL},
};

static const struct ehr_code generic_codes[] = {{NULL, ERR_NONE, false, NULL}};

static struct str generic_mrn(const struct json *patient)
{
	return ehr_identifier(patient, ehr_identifier_is_mr);
}

const struct ehr_rules ehr_generic_rules = {
	.name = "generic",
	.label = "FHIR server",
	.scopes = "system/*.cruds",
	.older_scopes = "system/*.*",
	.withdraws = true,
	.queries = generic_queries,
	.codes = generic_codes,
	.mrn = generic_mrn,
};

const struct ehr_rules *ehr_rules(enum ehr_vendor vendor)
{
	return vendor == EHR_EPIC ? &ehr_epic_rules : vendor == EHR_CERNER ? &ehr_cerner_rules : &ehr_generic_rules;
}

enum ehr_vendor ehr_vendor_parse(struct str text)
{
	return str_eq_nocase(text, S("epic")) ? EHR_EPIC : str_eq_nocase(text, S("cerner")) ? EHR_CERNER : EHR_GENERIC;
}

const char *ehr_vendor_name(enum ehr_vendor vendor)
{
	return ehr_rules(vendor)->name;
}

const struct ehr_code *ehr_code_find(const struct ehr_rules *rules, struct str code)
{
	for (const struct ehr_code *c = rules->codes; c->code; c++)
		if (str_is(code, c->code))
			return c;
	return NULL;
}

bool ehr_identifier_is_mr(const struct json *identifier)
{
	struct json_iter it = json_iter(json_get(json_get(identifier, S("type")), S("coding")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("code")), "MR") &&
		    str_ends(json_get_str(it.value, S("system")), S("v2-0203")))
			return true;
	return false;
}

struct str ehr_identifier(const struct json *patient, bool (*is)(const struct json *identifier))
{
	struct str ended = STR_NULL;
	struct json_iter it = json_iter(json_get(patient, S("identifier")));
	while (json_next(&it)) {
		struct str value = str_trim(json_get_str(it.value, S("value")));
		if (!value.n || !is(it.value))
			continue;
		bool current = !json_get(json_get(it.value, S("period")), S("end")) &&
			       !str_is(json_get_str(it.value, S("use")), "old");
		if (current)
			return value;
		if (!ended.p)
			ended = value;
	}
	return ended;
}

struct str ehr_patient_mrn(enum ehr_vendor vendor, const struct json *patient)
{
	return ehr_rules(vendor)->mrn(patient);
}

size_t ehr_pull_queries(enum ehr_vendor vendor, struct arena *a, struct str type, struct str patient_id,
			struct str *ret_queries, size_t max)
{
	size_t count = 0;
	struct buf id;
	buf_init(&id, 4096);
	encode_percent(&id, patient_id);
	bool listed = false;
	for (const struct ehr_query *q = ehr_rules(vendor)->queries; q->type; q++) {
		if (!str_is(type, q->type))
			continue;
		listed = true;
		if (count < max)
			ret_queries[count++] = arena_printf(a, "patient=%.*s%s", STR_ARG(buf_str(&id)), q->parameters);
	}
	if (!listed && max)
		ret_queries[count++] = arena_printf(a, "patient=%.*s", STR_ARG(buf_str(&id)));
	buf_done(&id);
	return count;
}
