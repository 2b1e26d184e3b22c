/*
 * Both faces over real HTTP: a sandbox with twelve synthetic patients, asked what clients ask, and what they should
 * not. Every row says which vendor rule it checks.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- rows ------------------------------------------------------------------------------------------------------- */

struct row {
	const char *path;
	int status;
	const char *contains, *lacks;
};

static void check_rows(struct world *w, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct http_answer answer = ask(w, rows[i].path, JSON);
		bool ok = answer.status == rows[i].status &&
			  (!rows[i].contains || str_find(answer.body, str_from(rows[i].contains)) != STR_NONE) &&
			  (!rows[i].lacks || str_find(answer.body, str_from(rows[i].lacks)) == STR_NONE);
		if (!ok)
			fail_msg("%s: %d %.*s", rows[i].path, answer.status, STR_ARG(str_slice(answer.body, 0, 600)));
	}
}

static const struct row epic_rows[] = {
	{"Patient/$P", 200, "\"EPI\"", "\"meta\""},
	{"Patient/$P", 200, "birthDate", "\"text\":{\"status\""},
	{"Patient/nobody", 404, "\"59008\"", NULL},
	{"Patient/nobody", 404, "\"expression\":[\"id\"]", NULL},
	{"Patient", 400, "demographics/_id", NULL},
	{"Patient?totally-bogus=1", 400, "Unknown parameter: TOTALLY-BOGUS. Parameter has been ignored.", NULL},
	{"Patient?totally-bogus=1", 400, "\"59159\"", NULL},
	{"Patient?family=A", 200, "\"total\":0", "\"match\""},
	{"Patient?family=A", 200, "\"4101\"", NULL},
	{"Patient?birthdate=ge1950&family=A&given=B", 400, "\"4115\"", NULL},
	{"Patient?_id=$P", 200, "\"total\":1", NULL},
	{"Observation?patient=$P", 400, "\"code\":\"required\"", NULL},
	{"Observation?category=vital-signs", 400, "\"code\":\"required\"", NULL},
	{"Observation", 400, "\"code\":\"business-rule\"", NULL},
	{"Observation?patient=$P&category=vital-signs", 200, "\"59204\"", "\"meta\""},
	{"Observation?patient=$P&category=laboratory&bogus=7", 200, "bogus=7", NULL},
	{"Condition", 400, "business-rule", NULL},
	{"Condition?patient=$P", 200, "\"total\":", NULL},
	{"AllergyIntolerance", 403, "\"processing\"", NULL},
	{"AllergyIntolerance?patient=$P", 200, "\"match\"", NULL},
	{"MedicationRequest", 400, "business-rule", NULL},
	{"MedicationRequest?patient=$P", 200, "\"total\"", NULL},
	{"Encounter?patient=$P", 200, "\"match\"", NULL},
	{"Encounter", 400, "business-rule", NULL},
	{"Procedure", 400, "\"required\"", NULL},
	{"Goal?patient=$P", 200, "\"total\":0", NULL},
	{"CarePlan?patient=$P", 200, "\"4101\"", NULL},
	{"Flag?patient=$P", 200, "\"total\":0", NULL},
	{"Flag", 400, "business-rule", NULL},
	{"Location?name=x", 400, "business-rule", NULL},
	{"Basic?patient=$P", 404, "File or directory not found", NULL},
	{"Nonsense", 404, "File or directory not found", NULL},
	{"$export", 404, "File or directory not found", NULL},
	{"Patient/$P/_history", 404, "File or directory not found", NULL},
	{"Observation?sessionID=17-00", 400, "\"4113\"", NULL},
	{"metadata", 200, "\"CapabilityStatement\"", NULL},
	{".well-known/smart-configuration", 200, "/interconnect-fhir-oauth/oauth2/token", NULL},
};

static void row_9_epic_answers_as_its_rules_say(void **state)
{
	check_rows(*state, epic_rows, sizeof(epic_rows) / sizeof(*epic_rows));
}

static const struct row cerner_rows[] = {
	{"Patient/$P", 200, "\"versionId\":\"1\"", NULL},
	{"Patient/$P", 200, "\"text\":{\"status\":\"generated\"", NULL},
	{"Patient/nobody", 404, "\"details\":{\"text\":\"Not Found\"}", "diagnostics"},
	{"Patient", 400,
	 "at least one of _id, identifier, name, family, given, birthdate, phone, email, address-postalcode, or "
	 "-pageContext must be provided",
	 NULL},
	{"Patient?totally-bogus=1", 400, "at least one of", NULL},
	{"Patient?gender=male", 400, "at least one of", NULL},
	{"Patient?family=A", 200, "\"Bundle\"", "\"total\""},
	{"Patient?_id=$P", 200, "\"match\"", NULL},
	{"Patient?_id=$P&name=x", 400, "_id cannot be combined", NULL},
	{"Observation", 400, "at least one of _id, patient, subject, or -pageContext", NULL},
	{"Observation?patient=$P", 200, "\"match\"", NULL},
	{"Observation?patient=$P&category=vital-signs,laboratory&_count=200", 200, "userSelected", "\"outcome\""},
	{"Observation?patient=$P&bogus=7", 400, "bogus is not a supported search parameter", NULL},
	{"Observation?patient=$P&date=2020&_lastUpdated=2020", 400, "cannot be combined", NULL},
	{"Observation?patient=$P&date=ge2020-01-01&date=le2030-01-01", 400, "with times", NULL},
	{"Observation?patient=$P&date=ge2020-01-01T00:00:00Z&date=lt2030-01-01T00:00:00Z", 200, "\"match\"", NULL},
	{"Observation?patient=$P&date=ge2020-01-01T00:00:00Z&date=ge2030-01-01T00:00:00Z", 400, "with times", NULL},
	{"Condition?patient=$P", 200, "\"Bundle\"", "\"total\""},
	{"Condition?code=x", 400, "at least one of", NULL},
	{"AllergyIntolerance?patient=$P", 200, "\"match\"", NULL},
	{"MedicationRequest?patient=$P", 200, "\"Bundle\"", NULL},
	{"Encounter?patient=$P&_count=100", 200, "\"total\":", NULL},
	{"Immunization?patient=$P", 200, "\"total\":2", NULL},
	{"Goal?patient=$P", 200, "\"Bundle\"", "\"entry\""},
	{"CarePlan?patient=$P", 400, "patient+category", NULL},
	{"Flag?patient=$P", 404, "Not Found", NULL},
	{"Nonsense", 404, "Not Found", NULL},
	{"Patient/$P/_history", 404, "Not Found", NULL},
	{"Observation?patient=$P&-pageContext=forged&-pageDirection=NEXT", 400, "-pageContext is not valid", NULL},
	{"metadata", 200, "OracleHealthCapabilityStatement", "\"Flag\""},
	{".well-known/smart-configuration", 200, "smart-v1/token", NULL},
};

static void row_9_cerner_answers_as_its_rules_say(void **state)
{
	check_rows(*state, cerner_rows, sizeof(cerner_rows) / sizeof(*cerner_rows));
}

/* ---- media types ------------------------------------------------------------------------------------------------ */

static void row_2_epic_speaks_xml_unless_asked_C(void **state)
{
	struct world *w = *state;
	static const char *const not_json[] = {NULL, "*/*", "text/plain", "application/fhir+xml"};
	for (size_t i = 0; i < 4; i++) {
		struct http_answer answer = ask(w, "Patient/$P", (struct asked){.accept = not_json[i]});
		assert_int_equal(answer.status, 200);
		assert_true(str_find(answer.content_type, S("xml")) != STR_NONE);
		assert_true(str_find(answer.body, S("<Patient")) != STR_NONE);
	}
	struct http_answer answer = ask(w, "Patient/$P", (struct asked){.accept = "application/json"});
	assert_true(str_find(answer.content_type, S("json")) != STR_NONE);
	assert_null(http_answer_header(&answer, "ETag").p);
	answer = ask(w, ".well-known/smart-configuration", (struct asked){.accept = NULL});
	assert_true(str_starts(answer.body, S("{")));
}

static void row_2_cerner_speaks_json_or_nothing_D(void **state)
{
	struct world *w = *state;
	struct http_answer answer = ask(w, "Patient/$P", (struct asked){.accept = "application/fhir+xml"});
	assert_int_equal(answer.status, 406);
	assert_int_equal(answer.body.n, 0);
	answer = ask(w, "Patient/$P", (struct asked){.accept = NULL});
	assert_int_equal(answer.status, 200);
	assert_true(str_starts(answer.body, S("{")));
	assert_true(str_is(http_answer_header(&answer, "ETag"), "W/\"1\""));
}

/* ---- paging ----------------------------------------------------------------------------------------------------- */

/* Follows next links; returns how many matches there were, each counted, and checks every page. */
static size_t walk(struct world *w, const struct json *bundle, size_t page, size_t *ret_pages)
{
	struct map seen;
	size_t total = 0;
	*ret_pages = 1;
	map_init(&seen, 100000);
	for (;;) {
		struct json_iter it = json_iter(json_get(bundle, S("entry")));
		assert_true(matches(bundle) <= page);
		while (json_next(&it)) {
			if (!str_is(json_get_str(json_get(it.value, S("search")), S("mode")), "match"))
				continue;
			bool fresh;
			assert_non_null(map_put(&seen, json_get_str(it.value, S("fullUrl")), &fresh));
			assert_true(fresh);
			total++;
		}
		struct str next = link_url(bundle, "next");
		if (!next.p)
			break;
		assert_true(*ret_pages < 500);
		bundle = parsed(w, ask_url(w, next, JSON));
		++*ret_pages;
	}
	map_done(&seen);
	return total;
}

static void row_8_epic_pages_by_session_C(void **state)
{
	struct world *w = *state;
	size_t pages;
	const struct json *all = get(w, "Observation?patient=$P&category=vital-signs");
	const struct json *first = get(w, "Observation?patient=$P&category=vital-signs&_count=3");
	struct str next = link_url(first, "next");
	int64_t total = 0;
	assert_true(str_to_i64(json_number(json_get(all, S("total"))), &total));
	assert_int_equal(total, matches(all));
	assert_true(total > 3);
	assert_true(str_is(json_number(json_get(first, S("total"))), "3"));
	assert_null(json_get(first, S("id")));
	size_t mark = str_find(next, S("?sessionID=17-"));
	assert_true(mark != STR_NONE && mark + strlen("?sessionID=17-") + 32 == next.n);
	assert_int_equal(walk(w, first, 3, &pages), (size_t)total);
	assert_int_equal(pages, ((size_t)total + 2) / 3);
	struct str self = link_url(first, "self");
	assert_true(str_find(self, S("?category=vital-signs&patient=")) != STR_NONE && str_ends(self, S("&_count=3")));
	/* A client that did not get the answer asks again. */
	assert_int_equal(matches(parsed(w, ask_url(w, next, JSON))), 3);
	assert_int_equal(matches(parsed(w, ask_url(w, next, JSON))), 3);
}

static void row_8_cerner_pages_by_context_C(void **state)
{
	struct world *w = *state;
	size_t pages, pages_of_seven;
	const struct json *first = get(w, "Observation?patient=$P");
	struct str next = link_url(first, "next");
	assert_true(json_is(json_get(first, S("id")), JSON_STRING));
	size_t all = walk(w, first, 50, &pages);
	assert_int_equal(walk(w, get(w, "Observation?patient=$P&_count=7"), 7, &pages_of_seven), all);
	assert_int_equal(pages_of_seven, (all + 6) / 7);
	if (next.p) {
		assert_true(str_find(next, S("&-pageContext=")) != STR_NONE);
		assert_true(str_ends(next, S("&-pageDirection=NEXT")));
	}
	const struct json *clamped = get(w, "Observation?patient=$P&_count=5000");
	assert_true(matches(clamped) <= 200);
	/* A context belongs to its query. */
	struct str seven = link_url(get(w, "Observation?patient=$P&_count=7"), "next");
	struct str context = str_slice(seven, str_find(seven, S("-pageContext=")), seven.n);
	struct str other = arena_printf(&w->arena, "%.*s/Condition?patient=%.*s&%.*s", STR_ARG(w->base),
					STR_ARG(w->patient), STR_ARG(context));
	assert_int_equal(ask_url(w, other, JSON).status, 400);
}

/* ---- writes ----------------------------------------------------------------------------------------------------- */

static const char *flag_for(struct world *w, const char *id, const char *text)
{
	return arena_printf(&w->arena,
			    "{\"resourceType\":\"Flag\",%s%s%s\"status\":\"active\",\"code\":{\"text\":\"%s\"},"
			    "\"subject\":{\"reference\":\"Patient/%.*s\"}}",
			    id ? "\"id\":\"" : "", id ? id : "", id ? "\"," : "", text, STR_ARG(w->patient))
		.p;
}

static void epic_refuses_flags_unless_opened(void **state)
{
	struct world *w = *state;
	struct http_answer answer =
		ask(w, "Flag",
		    (struct asked){.method = "POST", .accept = "application/json", .body = flag_for(w, NULL, "x")});
	assert_int_equal(answer.status, 404);
	assert_true(str_find(answer.body, S("<html")) != STR_NONE);
	answer = ask(w, "Patient/$P", (struct asked){.method = "DELETE"});
	assert_int_equal(answer.status, 404);
}

static void cerner_refuses_flags_unless_opened(void **state)
{
	struct world *w = *state;
	struct http_answer answer =
		ask(w, "Flag",
		    (struct asked){.method = "POST", .accept = "application/json", .body = flag_for(w, NULL, "x")});
	assert_int_equal(answer.status, 404);
	assert_true(str_find(answer.body, S("Not Found")) != STR_NONE);
}

/* Creates, reads, updates by version, and is refused with an old one. stale: the vendor's status. */
static void write_flags(struct world *w, int stale)
{
	struct asked post = {.method = "POST", .accept = "application/json", .body = flag_for(w, NULL, "one")};
	struct http_answer answer = ask(w, "Flag", post);
	assert_int_equal(answer.status, 201);
	assert_int_equal(answer.body.n, 0);
	struct str location = http_answer_header(&answer, "Location");
	assert_true(str_starts(location, arena_printf(&w->arena, "%.*s/Flag/", STR_ARG(w->base))));
	assert_true(str_find(location, S("_history")) == STR_NONE);
	assert_true(str_is(http_answer_header(&answer, "ETag"), "W/\"1\""));
	answer = ask_url(w, location, JSON);
	assert_int_equal(answer.status, 200);
	assert_true(str_is(http_answer_header(&answer, "ETag"), "W/\"1\""));
	struct str id = str_slice(location, str_rfind_char(location, '/') + 1, location.n);
	id = arena_str(&w->arena, id);
	struct asked put = {
		.method = "PUT", .accept = "application/json", .if_match = "W/\"1\"", .body = flag_for(w, id.p, "two")};
	answer = ask_url(w, location, put);
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.body.n, 0);
	assert_true(str_is(http_answer_header(&answer, "ETag"), "W/\"2\""));
	answer = ask_url(w, location, put);
	assert_int_equal(answer.status, stale);
	assert_true(str_find(ask_url(w, location, JSON).body, S("\"two\"")) != STR_NONE);
	assert_int_equal(matches(get(w, "Flag?patient=$P")), 1);
	put.body = flag_for(w, "absent", "two");
	assert_int_equal(ask(w, "Flag/absent", put).status, 404);
}

static void epic_opens_flag_by_the_switch(void **state)
{
	write_flags(*state, 412);
}

static void cerner_opens_flag_by_the_switch(void **state)
{
	struct world *w = *state;
	write_flags(w, 409);
	assert_true(str_find(ask(w, "metadata", JSON).body, S("\"Flag\"")) != STR_NONE);
	struct str found = json_get_str(
		json_get(json_at(json_get(get(w, "Flag?patient=$P"), S("entry")), 0), S("resource")), S("id"));
	const char *path = arena_printf(&w->arena, "Flag/%.*s", STR_ARG(found)).p;
	struct asked put = {
		.method = "PUT", .accept = "application/json", .body = flag_for(w, arena_str(&w->arena, found).p, "3")};
	assert_int_equal(ask(w, path, put).status, 412); /* If-Match is missing */
	struct asked post = {.method = "POST",
			     .accept = "application/json",
			     .body = "{\"resourceType\":\"Flag\",\"implicitRules\":\"http://x.example/y\"}"};
	assert_int_equal(ask(w, "Flag", post).status, 422);
}

static void own_types_can_be_created(void **state)
{
	struct world *w = *state;
	const char *body =
		arena_printf(&w->arena,
			     "{\"resourceType\":\"Condition\",\"clinicalStatus\":{\"coding\":[{\"system\":"
			     "\"http://terminology.hl7.org/CodeSystem/condition-clinical\",\"code\":\"active\"}]},"
			     "\"category\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/"
			     "condition-category\",\"code\":\"problem-list-item\"}]}],"
			     "\"code\":{\"text\":\"cough\"},\"subject\":"
			     "{\"reference\":\"Patient/%.*s\"}}",
			     STR_ARG(w->patient))
			.p;
	struct http_answer answer =
		ask(w, "Condition", (struct asked){.method = "POST", .accept = "application/json", .body = body});
	assert_int_equal(answer.status, 201);
	assert_int_equal(answer.body.n, 0);
	answer = ask_url(w, http_answer_header(&answer, "Location"), JSON);
	assert_int_equal(answer.status, 200);
	assert_true(str_find(answer.body, S("cough")) != STR_NONE);
	answer = ask(w, "Condition", (struct asked){.method = "POST", .accept = "application/json", .body = "{broken"});
	assert_int_equal(answer.status, 400);
	assert_true(str_find(answer.body, S("OperationOutcome")) != STR_NONE);
}

/* ---- the list of patients, and shapes ---------------------------------------------------------------------------- */

static void the_group_holds_every_patient(void **state)
{
	struct world *w = *state;
	const struct json *group = get(w, arena_printf(&w->arena, "Group/%.*s", STR_ARG(w->group)).p);
	struct json_iter it = json_iter(json_get(group, S("member")));
	assert_int_equal(json_size(json_get(group, S("member"))), 12);
	while (json_next(&it)) {
		struct str reference = json_get_str(json_get(it.value, S("entity")), S("reference"));
		assert_int_equal(ask(w, arena_str(&w->arena, reference).p, JSON).status, 200);
	}
}

static const struct json *capture(struct world *w, const char *name)
{
	struct str text;
	struct error err = {0};
	struct str path = arena_printf(&w->arena, "%s/ehr-captures/%s", getenv("FIRTH_ASSETS"), name);
	FILE *f = fopen(path.p, "rb");
	assert_non_null(f);
	char *bytes = arena_alloc(&w->arena, 8 << 20);
	text = str_make(bytes, fread(bytes, 1, 8 << 20, f));
	fclose(f);
	const struct json *j = json_parse(&w->arena, text, 0, &err);
	assert_non_null(j);
	return json_get(j, S("body"));
}

/* The same members in the same order, here and in a recording. */
static void same_keys(const struct json *ours, const struct json *theirs)
{
	struct json_iter a = json_iter(ours), b = json_iter(theirs);
	while (json_next(&b)) {
		assert_true(json_next(&a));
		if (!str_eq(a.key, b.key))
			fail_msg("%.*s instead of %.*s", STR_ARG(a.key), STR_ARG(b.key));
	}
	assert_false(json_next(&a));
}

static void same_issue_shape(const struct json *ours, const struct json *theirs)
{
	same_keys(ours, theirs);
	assert_int_equal(json_size(json_get(ours, S("issue"))), json_size(json_get(theirs, S("issue"))));
	for (size_t i = 0; i < json_size(json_get(theirs, S("issue"))); i++) {
		const struct json *x = json_at(json_get(ours, S("issue")), i);
		const struct json *y = json_at(json_get(theirs, S("issue")), i);
		same_keys(x, y);
		assert_true(str_eq(json_get_str(x, S("severity")), json_get_str(y, S("severity"))));
		assert_true(str_eq(json_get_str(x, S("code")), json_get_str(y, S("code"))));
		same_keys(json_get(x, S("details")), json_get(y, S("details")));
	}
}

static bool without_assets(void)
{
	if (getenv("FIRTH_ASSETS"))
		return false;
	print_message("skipped: FIRTH_ASSETS is not set\n");
	return true;
}

static void epic_shapes_are_those_of_the_recordings(void **state)
{
	struct world *w = *state;
	if (without_assets())
		skip();
	same_issue_shape(parsed(w, ask(w, "Patient/no", JSON)),
			 capture(w, "epic/phase-b-2026-04-26_error-404-on-nonexistent-patient-id.json"));
	same_issue_shape(parsed(w, ask(w, "Patient?totally-bogus-param=foo", JSON)),
			 capture(w, "epic/phase-b-2026-04-26_error-search-with-unsupported-param.json"));
	const struct json *ours = get(w, "Encounter?patient=$P");
	const struct json *theirs = capture(w, "epic/phase-b-2026-04-26_encounter.json");
	const struct json *a = json_get(ours, S("entry")), *b = json_get(theirs, S("entry"));
	same_keys(ours, theirs);
	same_keys(json_at(a, 0), json_at(b, 0));
	same_keys(json_at(a, json_size(a) - 1), json_at(b, json_size(b) - 1));
	same_issue_shape(json_get(json_at(a, json_size(a) - 1), S("resource")),
			 json_get(json_at(b, json_size(b) - 1), S("resource")));
	same_keys(get(w, "Goal?patient=$P"), capture(w, "epic/phase-b-2026-04-26_observation-lab.json"));
}

static void cerner_shapes_are_those_of_the_recordings(void **state)
{
	struct world *w = *state;
	if (without_assets())
		skip();
	same_issue_shape(parsed(w, ask(w, "Patient/no", JSON)),
			 capture(w, "cerner/phase-b-2026-04-27_error-404-on-nonexistent-patient-id.json"));
	same_issue_shape(parsed(w, ask(w, "Nonsense?_count=1", JSON)),
			 capture(w, "cerner/phase-b-2026-04-27_error-request-unsupported-resource-type.json"));
	const struct json *ours = parsed(w, ask(w, "Patient?totally-bogus-param=foo", JSON));
	const struct json *theirs = capture(w, "cerner/phase-b-2026-04-27_error-search-with-unsupported-param.json");
	same_issue_shape(ours, theirs);
	assert_true(str_eq(json_get_str(json_get(json_at(json_get(ours, S("issue")), 0), S("details")), S("text")),
			   json_get_str(json_get(json_at(json_get(theirs, S("issue")), 0), S("details")), S("text"))));
	ours = get(w, "Encounter?patient=$P&_count=100");
	theirs = capture(w, "cerner/phase-b-2026-04-27_encounter-12752183.json");
	same_keys(ours, theirs);
	same_keys(json_at(json_get(ours, S("entry")), 0), json_at(json_get(theirs, S("entry")), 0));
	ours = json_get(json_at(json_get(ours, S("entry")), 0), S("resource"));
	theirs = json_get(json_at(json_get(theirs, S("entry")), 0), S("resource"));
	same_keys(json_get(ours, S("meta")), json_get(theirs, S("meta")));
	same_keys(json_get(ours, S("text")), json_get(theirs, S("text")));
	same_keys(json_get(ours, S("subject")), json_get(theirs, S("subject")));
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

static void check_type(const struct face_type *t)
{
	static const char own[] = "onlyscannable legal-sex own-name own-prefix partner-name partner-prefix docstatus "
				  "service-category category status issued subject research-subject seriousness study "
				  "service-date service-start-date billable-period-start type use performer request "
				  "context effective-time encounter";
	const struct fhir_type *type = definitions_resource(definitions_builtin(), str_from(t->name));
	struct str rest = str_from(t->params);
	assert_non_null(type);
	assert_true(t->page <= t->page_max);
	assert_int_equal(strspn(t->interactions, "crsupd"), strlen(t->interactions));
	assert_true(t->missing.status >= 400 && t->missing.issue);
	while (rest.p) {
		struct str name = str_split(&rest, ' ');
		bool custom = name.n && name.p[0] == '-'; /* Cerner's own begin with a dash */
		if (!custom && !definitions_search_param(type, name) && !face_listed("_count _revinclude", name) &&
		    !face_listed(own, name))
			fail_msg("%s has no parameter %.*s", t->name, STR_ARG(name));
	}
	rest = str_from(t->needs);
	while (rest.p) {
		struct str all = str_split(&rest, '|');
		while (all.p) {
			struct str name = str_split(&all, '+');
			if (!face_listed(t->params, name))
				fail_msg("%s needs %.*s but does not know it", t->name, STR_ARG(name));
		}
	}
}

static void the_tables_agree_with_r4_and_themselves(void **state)
{
	(void)state;
	for (const struct face_type *t = epic_types; t->name; t++)
		check_type(t);
	for (const struct face_type *t = cerner_types; t->name; t++)
		check_type(t);
}

static void queries_are_read_as_sent(void **state)
{
	(void)state;
	assert_true(face_has(S("patient=1&category=x"), S("patient")));
	assert_true(face_has(S("patient:Patient=1"), S("patient")));
	assert_true(face_has(S("patient%3APatient=1"), S("patient")));
	assert_false(face_has(S("patient=&x=1"), S("patient")));
	assert_false(face_has(S("patients=1"), S("patient")));
	assert_int_equal(face_count(S("a=1&&a=2&=3&b"), S("a")), 2);
	assert_true(face_needs_met("patient+category|_id", S("_id=1")));
	assert_false(face_needs_met("patient+category|_id", S("patient=1")));
	assert_true(face_needs_touched("patient+category|_id", S("category=1")));
	assert_false(face_needs_touched("patient+category|_id", S("code=1")));
}

/* ---- fixtures --------------------------------------------------------------------------------------------------- */

static int with_epic(void **state)
{
	*state = world_open(&(struct world_options){.vendor = EHR_EPIC, .patients = 12});
	return 0;
}

static int with_cerner(void **state)
{
	*state = world_open(&(struct world_options){.vendor = EHR_CERNER, .patients = 12});
	return 0;
}

static int with_open_epic(void **state)
{
	*state = world_open(&(struct world_options){.vendor = EHR_EPIC, .patients = 1, .flag = true});
	return 0;
}

static int with_open_cerner(void **state)
{
	*state = world_open(&(struct world_options){.vendor = EHR_CERNER, .patients = 1, .flag = true});
	return 0;
}

static int close_it(void **state)
{
	world_close(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest epic[] = {
		cmocka_unit_test(row_9_epic_answers_as_its_rules_say),
		cmocka_unit_test(row_2_epic_speaks_xml_unless_asked_C),
		cmocka_unit_test(row_8_epic_pages_by_session_C),
		cmocka_unit_test(epic_refuses_flags_unless_opened),
		cmocka_unit_test(own_types_can_be_created),
		cmocka_unit_test(the_group_holds_every_patient),
		cmocka_unit_test(epic_shapes_are_those_of_the_recordings),
	};
	const struct CMUnitTest cerner[] = {
		cmocka_unit_test(row_9_cerner_answers_as_its_rules_say),
		cmocka_unit_test(row_2_cerner_speaks_json_or_nothing_D),
		cmocka_unit_test(row_8_cerner_pages_by_context_C),
		cmocka_unit_test(cerner_refuses_flags_unless_opened),
		cmocka_unit_test(own_types_can_be_created),
		cmocka_unit_test(the_group_holds_every_patient),
		cmocka_unit_test(cerner_shapes_are_those_of_the_recordings),
	};
	const struct CMUnitTest pure[] = {
		cmocka_unit_test(the_tables_agree_with_r4_and_themselves),
		cmocka_unit_test(queries_are_read_as_sent),
	};
	const struct CMUnitTest open_epic[] = {cmocka_unit_test(epic_opens_flag_by_the_switch)};
	const struct CMUnitTest open_cerner[] = {cmocka_unit_test(cerner_opens_flag_by_the_switch)};
	return cmocka_run_group_tests(pure, NULL, NULL) + cmocka_run_group_tests(epic, with_epic, close_it) +
	       cmocka_run_group_tests(cerner, with_cerner, close_it) +
	       cmocka_run_group_tests(open_epic, with_open_epic, close_it) +
	       cmocka_run_group_tests(open_cerner, with_open_cerner, close_it);
}
