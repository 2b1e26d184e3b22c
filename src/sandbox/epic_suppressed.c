/*
 * Parts of a search that Epic leaves out because the app has not registered their API, and says so: records from
 * other organizations, which are APIs of their own that nobody registers here (as recorded), and categories that the
 * token's scopes do not name.
 */
#include "sandbox/epic_priv.h"

/* category NULL: whatever is searched for. */
static const struct {
	const char *type, *category, *part;
} outside[] = {
	{"AllergyIntolerance", NULL, "Outside Record"},
	{"Condition", "encounter-diagnosis", "Outside Record Encounter Diagnosis"},
	{"Condition", "health-concern", "Outside Record Health Concern"},
	{"Condition", "problem-list-item", "Outside Record Problems"},
	{"DiagnosticReport", NULL, "Outside Record Results"},
	{"Encounter", NULL, "Outside Record"},
	{"Immunization", NULL, "Outside Record"},
	{"MedicationRequest", NULL, "Outside Record"},
	{"Observation", "laboratory", "Outside Record Results"},
	{"Observation", "vital-signs", "Outside Record Vital Signs"},
	{"Procedure", NULL, "Outside Record"},
};

/* APIs of their own for one category each. */
static const struct {
	const char *type, *category, *part;
} own[] = {
	{"Condition", "encounter-diagnosis", "Encounter Diagnosis"},
	{"Condition", "health-concern", "Health Concern"},
	{"Condition", "problem-list-item", "Problems"},
	{"Observation", "laboratory", "Results"},
	{"Observation", "social-history", "Social History"},
	{"Observation", "vital-signs", "Vital Signs"},
};

/* Does the list of a parameter hold the code, with or without a system? Values come as they were sent. */
static bool names(struct str value, const char *code)
{
	while (value.p) {
		struct str one = str_split(&value, ',');
		if (str_is(one, code) || (str_ends(one, str_from(code)) && one.n > strlen(code) &&
					  (one.p[one.n - strlen(code) - 1] == '|' ||
					   str_ends(str_slice(one, 0, one.n - strlen(code)), S("%7C")) ||
					   str_ends(str_slice(one, 0, one.n - strlen(code)), S("%7c")))))
			return true;
	}
	return false;
}

static bool is_searched(struct str query, const char *category)
{
	return !category || !face_has(query, S("category")) || names(face_value(query, S("category")), category);
}

/* May the token search this category of the type? */
static bool is_registered(const struct rest_call *call, const char *category)
{
	const struct grant *g = &call->grant;
	for (size_t i = 0; i < g->scope_count; i++) {
		const struct scope *s = &g->scopes[i];
		if (!(s->permissions & SCOPE_S) || !(str_is(s->type, "*") || str_eq(s->type, call->type_name)))
			continue;
		if (!s->filter.p || names(face_value(s->filter, S("category")), category))
			return true;
	}
	return !g->scope_count; /* without authorization */
}

static void add(struct rest_call *call, const char *part, struct epic_issue *issue)
{
	*issue = (struct epic_issue){
		"warning", "suppressed", "59204",
		arena_printf(call->arena,
			     "Client not authorized for %.*s - %s. Search results of this type have not been included.",
			     STR_ARG(call->type_name), part),
		NULL};
}

size_t epic_suppressed(struct rest_call *call, struct str query, struct epic_issue *issues, size_t max)
{
	size_t n = 0;
	if (face_has(query, S("_id")))
		return 0;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own) && n < max; i++)
		if (str_is(call->type_name, own[i].type) && is_searched(query, own[i].category) &&
		    !is_registered(call, own[i].category))
			add(call, own[i].part, &issues[n++]);
	for (size_t i = 0; i < sizeof(outside) / sizeof(*outside) && n < max; i++)
		if (str_is(call->type_name, outside[i].type) && is_searched(query, outside[i].category))
			add(call, outside[i].part, &issues[n++]);
	return n;
}
