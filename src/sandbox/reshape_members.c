/* Members that both vendors write alike, for the lists of reshape_epic*.c and reshape_cerner*.c. */
#include "sandbox/reshape_priv.h"

void reshape_put_active(struct reshape *x, const struct json *value)
{
	reshape_put(x, "active", value && !json_bool(value) ? "false" : "true");
}

void reshape_put_merged(struct reshape *x, const struct json *value)
{
	struct json_iter it = json_iter(value);
	while (json_next(&it)) {
		struct str other = json_get_str(json_get(it.value, S("other")), S("reference"));
		if (!str_is(json_get_str(it.value, S("type")), "replaced-by") || !other.n)
			continue;
		reshape_put(x, "link", "[{'other':{'reference':$},'type':'replaced-by'}]",
			    adapter_reference(x->ad, other));
		return;
	}
}

void reshape_put_death(struct reshape *x, const struct json *value)
{
	if (value)
		reshape_put(x, "deceasedDateTime", "$", reshape_time(x, json_str(value)));
}

void reshape_put_provider(struct reshape *x, const struct json *value)
{
	reshape_put(x, "serviceProvider", "#", reshape_link_form(x, reshape_organization(x, value), NULL));
}

void reshape_put_clinical_status(struct reshape *x, const struct json *value)
{
	reshape_status(x, "clinicalStatus", value);
}

void reshape_put_verification(struct reshape *x, const struct json *value)
{
	reshape_status(x, "verificationStatus", value);
}

void reshape_put_code(struct reshape *x, const struct json *value)
{
	reshape_concept(x, "code", value);
}

void reshape_put_diagnosed_at(struct reshape *x, const struct json *value)
{
	if (reshape_has(json_get(x->resource, S("category")), "encounter-diagnosis"))
		reshape_encounter(x, value);
}

void reshape_put_recorder(struct reshape *x, const struct json *value)
{
	reshape_put(x, "recorder", "#", reshape_link_form(x, reshape_person(x, value), NULL));
}

void reshape_put_primary_source(struct reshape *x, const struct json *value)
{
	reshape_put(x, "primarySource", json_bool(value) ? "true" : "false");
}

bool reshape_is_lab(const struct reshape *x)
{
	return reshape_has(json_get(x->resource, S("category")), "laboratory");
}

void reshape_put_effective(struct reshape *x, const struct json *value)
{
	struct str time = reshape_time_of(x->resource, (const char *const[]){"effectiveDateTime", "effectivePeriod",
									     "effectiveInstant", "issued", NULL});
	(void)value;
	if (time.p)
		reshape_put(x, "effectiveDateTime", "$", reshape_time(x, time));
}

void reshape_put_issued(struct reshape *x, const struct json *value)
{
	struct str time = reshape_time_of(
		x->resource, (const char *const[]){"issued", "effectiveDateTime", "effectivePeriod", NULL});
	(void)value;
	if (str_find_char(time, 'T', 0) != STR_NONE)
		reshape_put(x, "issued", "$", reshape_time(x, time));
}

void reshape_put_document_status(struct reshape *x, const struct json *value)
{
	reshape_put(x, "docStatus", "$", json_str(value).p ? json_str(value) : S("final"));
}

void reshape_put_problem_category(struct reshape *x, const struct json *value, struct str beside_visit,
				  struct str beside_others)
{
	bool visit = reshape_has(value, "encounter-diagnosis"), concern = reshape_has(value, "health-concern");
	struct str code = visit ? S("encounter-diagnosis") : concern ? S("health-concern") : S("problem-list-item");
	struct str name = visit ? S("Encounter Diagnosis") : concern ? S("Health Concern") : S("Problem List Item");
	reshape_put(x, "category", "[{'coding':[{'system':$,'code':$,'display':$}],'text':$}#]",
		    concern ? S("http://hl7.org/fhir/us/core/CodeSystem/condition-category")
			    : S(HL7 "condition-category"),
		    code, name, name, visit ? beside_visit : beside_others);
}
