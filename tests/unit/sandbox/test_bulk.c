/*
 * Rows 17 and 18 of the emulation (docs/sandbox.md): bulk export of each vendor, over HTTP, with what is known of its
 * rules, states, manifests and files, and with its faults.
 */
#include "sandbox/faults_priv.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct http_answer call(struct world *w, const char *method, struct str url, const char *prefer,
			       const char *header, const char *value, const char *body)
{
	struct http_header headers[5] = {{S("Accept"), S("application/fhir+json")}};
	struct http_answer answer;
	struct error err = {0};
	size_t n = 1;
	if (prefer)
		headers[n++] = (struct http_header){S("Prefer"), str_from(prefer)};
	if (header)
		headers[n++] = (struct http_header){str_from(header), str_from(value)};
	if (body && !header)
		headers[n++] = (struct http_header){S("Content-Type"), S("application/fhir+json")};
	const struct http_call c = {.method = str_from(method),
				    .url = url,
				    .headers = headers,
				    .header_count = n,
				    .body = body ? str_from(body) : STR_NULL};
	must(http_call(w->client, &w->arena, &c, &answer, &err), &err);
	return answer;
}

static struct str group_url(struct world *w, const char *query)
{
	return arena_printf(&w->arena, "%.*s/Group/%.*s/$export%s", STR_ARG(w->base), STR_ARG(w->group), query);
}

static struct http_answer kick(struct world *w, const char *query)
{
	return call(w, "GET", group_url(w, query), "respond-async", NULL, NULL, NULL);
}

static const struct json *finish(struct world *w, struct str status)
{
	struct http_answer answer;
	for (int i = 0; i < 1000; i++) {
		answer = call(w, "GET", status, NULL, NULL, NULL, NULL);
		if (answer.status != 202)
			break;
		usleep(10000);
	}
	if (answer.status != 200)
		fail_msg("%d %.*s", answer.status, STR_ARG(str_slice(answer.body, 0, 400)));
	assert_true(http_answer_header(&answer, "Expires").n > 0);
	return parsed(w, answer);
}

static const struct json *export(struct world *w, const char *query)
{
	struct http_answer answer = kick(w, query);
	if (answer.status != 202)
		fail_msg("%d %.*s", answer.status, STR_ARG(str_slice(answer.body, 0, 400)));
	return finish(w, http_answer_header(&answer, "Content-Location"));
}

/* The url of the first output of the type. */
static struct str output(const struct json *manifest, const char *list, const char *type)
{
	for (struct json_iter it = json_iter(json_get(manifest, str_from(list))); json_next(&it);)
		if (str_is(json_get_str(it.value, S("type")), type))
			return json_get_str(it.value, S("url"));
	fail_msg("there is no %s in %s", type, list);
	return STR_NULL;
}

static size_t lines(struct str text)
{
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static struct world *open_behaving(enum ehr_vendor vendor, const char *behaviour, const char *fault)
{
	static struct str behaviours[2], faults[1];
	behaviours[0] = S("bulk-seconds=0");
	behaviours[1] = behaviour ? str_from(behaviour) : S("bulk-seconds=0");
	faults[0] = str_from(fault);
	return world_open(&(struct world_options){.vendor = vendor,
						  .patients = 12,
						  .behaviours = behaviours,
						  .behaviour_count = 2,
						  .faults = faults,
						  .fault_count = fault != NULL});
}

static struct world *epic(const char *behaviour, const char *fault)
{
	return open_behaving(EHR_EPIC, behaviour, fault);
}

static struct world *cerner(const char *behaviour)
{
	return open_behaving(EHR_CERNER, behaviour, NULL);
}

/* ---- Epic ------------------------------------------------------------------------------------------------------- */

static void row_17_epic_exports_groups_alone(void **state)
{
	struct world *w = epic(NULL, NULL);
	(void)state;
	struct http_answer system = call(w, "GET", arena_printf(&w->arena, "%.*s/$export", STR_ARG(w->base)),
					 "respond-async", NULL, NULL, NULL);
	struct http_answer patients = call(w, "GET", arena_printf(&w->arena, "%.*s/Patient/$export", STR_ARG(w->base)),
					   "respond-async", NULL, NULL, NULL);
	assert_int_equal(system.status, 404); /* C */
	assert_true(str_find(system.body, S("<html")) != STR_NONE);
	assert_int_equal(patients.status, 404);
	const struct json *manifest = export(w, "?_type=Patient,Condition");
	struct http_answer file = call(w, "GET", output(manifest, "output", "Patient"), NULL, NULL, NULL, NULL);
	assert_int_equal(file.status, 200);
	assert_int_equal(lines(file.body), 12);
	assert_true(str_find(file.body, S("\"meta\"")) == STR_NONE);
	/* S: error entries in a good export */
	file = call(w, "GET", output(manifest, "error", "OperationOutcome"), NULL, NULL, NULL, NULL);
	assert_true(str_find(file.body, S("\"59204\"")) != STR_NONE);
	world_close(w);
}

static void row_17_epic_takes_a_group_once_in_a_day(void **state)
{
	struct world *w = epic("bulk-window-status=429", NULL);
	(void)state;
	struct http_answer first = kick(w, "?_type=Patient"), again = kick(w, "?_type=Condition");
	assert_int_equal(first.status, 202);
	assert_int_equal(again.status, 429); /* the status is a switch, the text is known (S) */
	assert_true(
		str_find(again.body, S("Error processing Bulk Data Kickoff request: Request not allowed: The Client "
				       "requested this Group too recently.")) != STR_NONE);
	/* What was started is not hurt by it. */
	finish(w, http_answer_header(&first, "Content-Location"));
	world_close(w);
}

static void row_17_epic_knows_no_since(void **state)
{
	struct world *w = epic("bulk-window=0", NULL);
	(void)state;
	const struct json *manifest = export(w, "?_type=Patient&_since=2999-01-01T00:00:00Z"); /* S: ignored */
	struct http_answer file = call(w, "GET", output(manifest, "output", "Patient"), NULL, NULL, NULL, NULL);
	assert_int_equal(lines(file.body), 12);
	world_close(w);
	w = epic("bulk-since=refuse", NULL);
	assert_int_equal(kick(w, "?_since=2999-01-01T00:00:00Z").status, 400);
	world_close(w);
}

static void row_17_epic_tells_progress_in_words(void **state)
{
	struct world *w = epic("bulk-seconds=1", NULL);
	(void)state;
	struct http_answer first = kick(w, "?_type=Patient");
	struct str status = http_answer_header(&first, "Content-Location");
	usleep(300000);
	struct http_answer running = call(w, "GET", status, NULL, NULL, NULL, NULL);
	assert_int_equal(running.status, 202);
	assert_true(str_find(http_answer_header(&running, "X-Progress"), S("ids processed")) != STR_NONE);
	assert_null(http_answer_header(&running, "Retry-After").p);
	assert_int_equal(call(w, "DELETE", status, NULL, NULL, NULL, NULL).status, 202); /* S */
	assert_int_equal(call(w, "GET", status, NULL, NULL, NULL, NULL).status, 404);
	world_close(w);
}

static void row_18_epic_ids_in_bulk_are_longer_than_64(void **state)
{
	struct world *w = epic("bulk-window=0", NULL);
	(void)state;
	const struct json *manifest = export(w, "?_type=Medication,MedicationRequest");
	struct http_answer file = call(w, "GET", output(manifest, "output", "Medication"), NULL, NULL, NULL, NULL);
	struct error err = {0};
	struct str rest = file.body;
	const struct json *one = json_parse(&w->arena, str_split(&rest, '\n'), 0, &err);
	struct str id = json_get_str(one, S("id"));
	assert_int_equal(id.n, 110);
	/* It is referred to by that id, and can be read by it. */
	file = call(w, "GET", output(manifest, "output", "MedicationRequest"), NULL, NULL, NULL, NULL);
	assert_true(str_find(file.body, arena_printf(&w->arena, "Medication/%.*s\"", STR_ARG(id))) != STR_NONE);
	struct http_answer read = ask(w, arena_printf(&w->arena, "Medication/%.*s", STR_ARG(id)).p, JSON);
	assert_int_equal(read.status, 200);
	world_close(w);
}

/* ---- Cerner ----------------------------------------------------------------------------------------------------- */

static void row_17_cerner_takes_one_job_of_a_client(void **state)
{
	struct world *w = cerner("bulk-seconds=1");
	(void)state;
	struct http_answer first = kick(w, "?_type=Patient"), again = kick(w, "?_type=Patient");
	struct str status = http_answer_header(&first, "Content-Location");
	assert_int_equal(first.status, 202);
	assert_true(str_find(status, S("/bulk-export/jobs/")) != STR_NONE);
	assert_int_equal(again.status, 429);
	assert_true(str_find(again.body, S("\"throttled\"")) != STR_NONE);
	struct http_answer running = call(w, "GET", status, NULL, NULL, NULL, NULL);
	assert_int_equal(running.status, 202);
	assert_true(str_is(http_answer_header(&running, "X-Progress"), "in-progress"));
	assert_true(str_is(http_answer_header(&running, "Retry-After"), "600"));
	finish(w, status);
	first = kick(w, "?_type=Patient");
	assert_int_equal(first.status, 202);
	status = http_answer_header(&first, "Content-Location");
	assert_int_equal(call(w, "DELETE", status, NULL, NULL, NULL, NULL).status, 204); /* 202 in 2024 */
	world_close(w);
}

static void row_17_cerner_files_are_elsewhere_and_take_no_token(void **state)
{
	struct world *w = cerner(NULL);
	(void)state;
	const struct json *manifest = export(w, "?_type=Patient,Observation");
	assert_non_null(json_get(manifest, S("error")));
	assert_null(json_get(json_at(json_get(manifest, S("output")), 0), S("count")));
	struct str url = output(manifest, "output", "Patient");
	assert_true(str_find(url, S("/bulk-export/files/")) != STR_NONE);
	struct http_answer moved = call(w, "GET", url, NULL, NULL, NULL, NULL);
	struct str there = http_answer_header(&moved, "Location");
	assert_int_equal(moved.status, 307);
	assert_true(str_starts(there, S("http://localhost:")));
	assert_int_equal(call(w, "GET", there, NULL, "Authorization", "Bearer x", NULL).status, 400);
	struct http_answer file = call(w, "GET", there, NULL, NULL, NULL, NULL);
	assert_int_equal(file.status, 200);
	assert_int_equal(lines(file.body), 12);
	struct str forged = arena_printf(&w->arena, "%.*s0", STR_ARG(there));
	assert_int_equal(call(w, "GET", forged, NULL, NULL, NULL, NULL).status, 403);
	world_close(w);
}

#define LIST(more)                                                                                                     \
	"{\"resourceType\":\"Parameters\",\"parameter\":[" more                                                        \
	"{\"name\":\"patient\",\"valueReference\":{\"reference\":\"Patient/%.*s\"}}]}"
#define INPUT(name, type, value) "{\"name\":\"" name "\",\"value" type "\":\"" value "\"},"

/* What is judged in a query is judged in the body of a POST as well. */
static void row_17_cerner_takes_all_parameters_by_post(void **state)
{
	static const struct {
		const char *body;
		int status;
	} cases[] = {
		{LIST(INPUT("_type", "String", "Location")), 400},
		{LIST(INPUT("_typeFilter", "String", "Observation?category=laboratory")), 400},
		{LIST(INPUT("_type", "String", "Patient") INPUT("_elements", "String", "id")), 400},
		{LIST(INPUT("_type", "String", "Patient") INPUT("includeAssociatedData", "Code", "All")), 400},
		{LIST(INPUT("_type", "String", "Patient") INPUT("_nonsense", "Code", "x")), 400},
		{LIST(INPUT("_type", "String", "Patient,Observation") INPUT("_typeFilter", "String",
									    "Observation?category=laboratory")
			      INPUT("_since", "Instant", "2001-01-01T00:00:00Z")
				      INPUT("_outputFormat", "String", "application/fhir+ndjson")
					      INPUT("includeAssociatedData", "Code", "LatestProvenanceResources")),
		 202},
	};
	struct world *w = cerner(NULL);
	struct str url = arena_printf(&w->arena, "%.*s/Patient/$export", STR_ARG(w->base));
	struct http_answer answer = {0};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *body = arena_printf(&w->arena, cases[i].body, STR_ARG(w->patient)).p;
		answer = call(w, "POST", url, "respond-async", NULL, NULL, body);
		if (answer.status != cases[i].status)
			fail_msg("%s: %d %.*s", body, answer.status, STR_ARG(str_slice(answer.body, 0, 400)));
	}
	const struct json *manifest = finish(w, http_answer_header(&answer, "Content-Location"));
	assert_true(output(manifest, "output", "Provenance").n > 0);
	assert_true(output(manifest, "output", "Observation").n > 0);
	world_close(w);
}

static void row_17_cerner_refuses_by_its_rules(void **state)
{
	static const struct {
		const char *query, *prefer;
		int status;
	} cases[] = {
		{"?_type=Patient", NULL, 422},
		{"?_type=Location,Practitioner", "respond-async", 400},
		{"?_typeFilter=Observation%3Fcategory%3Dlaboratory", "respond-async", 400},
		{"?_type=Patient&_typeFilter=Patient%3Fgender%3Dmale", "respond-async", 400},
		{"?_type=Observation&_typeFilter=Observation%3Fpatient%3D1", "respond-async", 400},
		{"?_type=Observation&_typeFilter=Observation%3Fcategory%3D", "respond-async", 422},
		{"?_type=Observation&_typeFilter=Observation%3Fstatus%3Dfinal&_typeFilter=Observation%3Fstatus%"
		 "3Damended",
		 "respond-async", 400},
		{"?_type=Patient&_elements=id", "respond-async", 400},
		{"?_type=Patient&_nonsense=1", "respond-async", 400},
		{"?_type=Patient&_elements=id&_nonsense=1", "respond-async, handling=lenient", 202},
	};
	struct world *w = cerner(NULL);
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_answer a = call(w, "GET", group_url(w, cases[i].query), cases[i].prefer, NULL, NULL, NULL);
		if (a.status != cases[i].status)
			fail_msg("%s: %d %.*s", cases[i].query, a.status, STR_ARG(str_slice(a.body, 0, 300)));
	}
	world_close(w);
}

static void row_17_cerner_exports_a_list_of_patients(void **state)
{
	struct world *w = cerner(NULL);
	(void)state;
	struct str url = arena_printf(&w->arena, "%.*s/Patient/$export?_type=Patient", STR_ARG(w->base));
	const char *list = arena_printf(&w->arena,
					"{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"patient\","
					"\"valueReference\":{\"reference\":\"Patient/%.*s\"}}]}",
					STR_ARG(w->patient))
				   .p;
	assert_int_equal(call(w, "GET", url, "respond-async", NULL, NULL, NULL).status, 404);
	assert_int_equal(call(w, "POST", url, "respond-async", "Content-Type", "text/plain", list).status, 415); /* S */
	struct http_answer a = call(w, "POST", url, "respond-async", NULL, NULL, list);
	assert_int_equal(a.status, 202);
	const struct json *manifest = finish(w, http_answer_header(&a, "Content-Location"));
	assert_int_equal(json_size(json_get(manifest, S("output"))), 1);
	world_close(w);
}

/* Who wrote what is beside the resources when it is asked for, but for places, organisations and people. */
static void row_17_cerner_adds_provenance_D(void **state)
{
	static const char *const values[] = {"LatestProvenanceResources", "RelevantProvenanceResources"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world *w = cerner(NULL);
		const struct json *manifest = export(
			w,
			arena_printf(&w->arena, "?_type=Patient,Organization&includeAssociatedData=%s", values[i]).p);
		struct str url = output(manifest, "output", "Provenance");
		struct http_answer moved = call(w, "GET", url, NULL, NULL, NULL, NULL);
		struct http_answer file =
			call(w, "GET", http_answer_header(&moved, "Location"), NULL, NULL, NULL, NULL);
		assert_int_equal(lines(file.body), 12); /* one for each patient */
		assert_true(str_find(file.body, S("\"target\":[{\"reference\":\"Patient/")) != STR_NONE);
		assert_true(str_find(file.body, S("Organization/")) == STR_NONE);
		manifest = export(w, "?_type=Patient");
		assert_int_equal(json_size(json_get(manifest, S("output"))), 1);
		struct http_answer a = call(w, "GET", group_url(w, "?_type=Patient&includeAssociatedData=All"),
					    "respond-async", NULL, NULL, NULL);
		assert_int_equal(a.status, 400);
		world_close(w);
	}
}

/* ---- faults ----------------------------------------------------------------------------------------------------- */

static void row_20_bulk_files_go_wrong_on_demand(void **state)
{
	struct world *w = epic("bulk-window=0", "bulk-lines");
	struct error err = {0};
	(void)state;
	const struct json *manifest = export(w, "?_type=Patient,Observation");
	assert_true(json_size(json_get(manifest, S("output"))) > 50);
	must(fault_set(w->sandbox, S("bulk-lines=2"), &err), &err);
	must(fault_set(w->sandbox, S("bulk-duplicates=1"), &err), &err);
	manifest = export(w, "?_type=Patient");
	assert_int_equal(json_size(json_get(manifest, S("output"))), 11); /* 2, then one old and one new each */
	fault_clear_all(w->sandbox);
	must(fault_set(w->sandbox, S("bulk-counts=1"), &err), &err);
	manifest = export(w, "?_type=Patient");
	const struct json *first = json_at(json_get(manifest, S("output")), 0);
	assert_true(str_is(json_number(json_get(first, S("count"))), "13"));
	must(fault_set(w->sandbox, S("bulk-truncated=1"), &err), &err);
	manifest = export(w, "?_type=Patient");
	struct http_answer file = call(w, "GET", output(manifest, "output", "Patient"), NULL, NULL, NULL, NULL);
	assert_int_equal(lines(file.body), 11);
	must(fault_set(w->sandbox, S("bulk-links=1"), &err), &err);
	assert_int_equal(call(w, "GET", output(manifest, "output", "Patient"), NULL, NULL, NULL, NULL).status, 404);
	must(fault_set(w->sandbox, S("foreign-links"), &err), &err);
	manifest = export(w, "?_type=Patient");
	assert_true(str_starts(output(manifest, "output", "Patient"), S("http://foreign.invalid/")));
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_17_epic_exports_groups_alone),
		cmocka_unit_test(row_17_epic_takes_a_group_once_in_a_day),
		cmocka_unit_test(row_17_epic_knows_no_since),
		cmocka_unit_test(row_17_epic_tells_progress_in_words),
		cmocka_unit_test(row_18_epic_ids_in_bulk_are_longer_than_64),
		cmocka_unit_test(row_17_cerner_takes_one_job_of_a_client),
		cmocka_unit_test(row_17_cerner_files_are_elsewhere_and_take_no_token),
		cmocka_unit_test(row_17_cerner_takes_all_parameters_by_post),
		cmocka_unit_test(row_17_cerner_refuses_by_its_rules),
		cmocka_unit_test(row_17_cerner_exports_a_list_of_patients),
		cmocka_unit_test(row_17_cerner_adds_provenance_D),
		cmocka_unit_test(row_20_bulk_files_go_wrong_on_demand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
