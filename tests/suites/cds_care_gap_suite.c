/*
 * Holds the reminders of examples/cds/care-gap.yaml to the test cases of the measures that they are made after
 * (cqframework/ecqm-content-qicore-2024): DIRECTORY/NAME.ndjson has a Bundle on each line, with a patient's records and
 * a MeasureReport that says how the measure counts them. A reminder must come for whoever is in the denominator, not
 * excluded and not in the numerator, and for nobody in the numerator; for the measure of poor control, where the
 * numerator also holds high results, it must come when there is no result at all, and never when the control is good.
 * Nobody whom the measure excludes may be reminded. A line per failing case, then "N passed, N failed".
 */
#include <stdio.h>

#include "app/cds_rules.h"
#include "base/file.h"
#include "fhir/resource.h"

enum { FILE_MAX = 64 << 20 };

static const struct measure {
	const char *name, *topic;
	bool inverse; /* lower is better: the numerator is what should not be */
} measures[] = {
	{"BreastCancerScreeningFHIR", "care-gap-mammography", false},
	{"KidneyHealthEvaluationFHIR", "care-gap-kidney", false},
	{"DiabetesGlycemicStatusAssessmentGreaterThan9PercentFHIR", "care-gap-hba1c", true},
};

struct suite {
	struct arena arena, work;
	struct cds_rules rules;
	size_t passed, failed, outside;
};

/* ---- a case --------------------------------------------------------------------------------------------------------
 */

static const struct json *resource_of(const struct json *bundle, const char *type)
{
	for (struct json_iter it = json_iter(json_get(bundle, S("entry"))); json_next(&it);) {
		const struct json *resource = json_get(it.value, S("resource"));
		if (str_is(json_get_str(resource, S("resourceType")), type))
			return resource;
	}
	return NULL;
}

static bool counts(const struct json *report, const char *population)
{
	const struct json *group = json_at(json_get(report, S("group")), 0);
	for (struct json_iter it = json_iter(json_get(group, S("population"))); json_next(&it);) {
		const struct json *coding = json_at(json_get(json_get(it.value, S("code")), S("coding")), 0);
		if (str_is(json_get_str(coding, S("code")), population))
			return !str_is(json_number(json_get(it.value, S("count"))), "0");
	}
	return false;
}

static void put_records(struct json_writer *w, const char *key, const struct json *bundle, const char *type)
{
	json_key(w, str_from(key));
	json_object_begin(w);
	json_put_member(w, S("resourceType"), S("Bundle"));
	json_put_member(w, S("type"), S("searchset"));
	json_key(w, S("entry"));
	json_array_begin(w);
	for (struct json_iter it = json_iter(json_get(bundle, S("entry"))); json_next(&it);) {
		const struct json *resource = json_get(it.value, S("resource"));
		if (!str_is(json_get_str(resource, S("resourceType")), type))
			continue;
		json_object_begin(w);
		json_key(w, S("resource"));
		json_put_value(w, resource);
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
}

/* The call that an EHR would make for this patient. */
static const struct json *request_of(struct suite *s, const struct json *bundle, struct error *err)
{
	struct buf out;
	const struct json *patient = resource_of(bundle, "Patient");
	buf_init(&out, FILE_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("hook"), S("patient-view"));
	json_put_member(&w, S("hookInstance"), S("9d02e4d7-2d5b-492f-8f77-d76edb47168b"));
	json_key(&w, S("context"));
	json_object_begin(&w);
	json_put_member(&w, S("userId"), S("Practitioner/u"));
	json_put_member(&w, S("patientId"), json_get_str(patient, S("id")));
	json_object_end(&w);
	json_key(&w, S("prefetch"));
	json_object_begin(&w);
	json_key(&w, S("patient"));
	json_put_value(&w, patient);
	put_records(&w, "conditions", bundle, "Condition");
	put_records(&w, "results", bundle, "Observation");
	put_records(&w, "reports", bundle, "DiagnosticReport");
	put_records(&w, "encounters", bundle, "Encounter");
	put_records(&w, "procedures", bundle, "Procedure");
	put_records(&w, "services", bundle, "ServiceRequest");
	put_records(&w, "devices", bundle, "DeviceRequest");
	put_records(&w, "medications", bundle, "MedicationRequest");
	json_object_end(&w);
	json_object_end(&w);
	const struct json *request = patient ? json_parse(&s->work, buf_str(&out), 0, err) : NULL;
	buf_done(&out);
	return request;
}

static bool has_card(const struct rule_result *result, const char *topic)
{
	for (size_t i = 0; i < result->answer.count; i++)
		if (str_is(result->answer.cards[i].source.topic.code, topic))
			return true;
	return false;
}

/* 1: it must come, 0: it must not, -1: either. */
static int wanted(const struct measure *m, const struct json *bundle, const struct json *report)
{
	bool numerator = counts(report, "numerator");
	if (counts(report, "denominator-exclusion"))
		return 0;
	if (!m->inverse || !numerator)
		return m->inverse ? 0 : !numerator;
	return resource_of(bundle, "Observation") ? -1 : 1;
}

static bool run_case(struct suite *s, const struct measure *m, const struct json *bundle, const struct json *report)
{
	struct rule_result result;
	struct error err = {0};
	int64_t now, high;
	struct str end = json_get_str(json_get(report, S("period")), S("end"));
	const struct json *request = request_of(s, bundle, &err);
	struct str id = json_get_str(bundle, S("id"));
	if (!request || !date_range(end, &now, &high) ||
	    !cds_rules_try(s->rules.services[0], &s->work, request, high - 1, &result, &err) || result.failure_count) {
		printf("FAILED %s %.*s: %s\n", m->name, STR_ARG(id),
		       err.code		      ? err.text
		       : result.failure_count ? result.failures[0].error.text
					      : "it cannot be read");
		return false;
	}
	int want = wanted(m, bundle, report);
	bool got = has_card(&result, m->topic);
	if (want < 0 || got == (want == 1))
		return true;
	printf("FAILED %s %.*s: the reminder %s\n", m->name, STR_ARG(id), got ? "came" : "did not come");
	return false;
}

static void run_measure(struct suite *s, const char *directory, const struct measure *m)
{
	struct str text = STR_NULL;
	struct error err = {0};
	struct str path = arena_printf(&s->arena, "%s/%s.ndjson", directory, m->name);
	if (!file_read(&s->arena, path, FILE_MAX, &text, &err)) {
		printf("FAILED %s\n", err.text);
		s->failed++;
		return;
	}
	while (text.p) {
		struct str line = str_trim(str_split(&text, '\n'));
		const struct json *bundle = line.n ? json_parse(&s->work, line, 0, &err) : NULL;
		const struct json *report = resource_of(bundle, "MeasureReport");
		if (!line.n)
			continue;
		if (!counts(report, "denominator"))
			s->outside++;
		else
			*(run_case(s, m, bundle, report) ? &s->passed : &s->failed) += 1;
		arena_reset(&s->work);
	}
}

int main(int argc, char **argv)
{
	static struct suite s;
	struct error err = {0};
	if (argc != 2) {
		fprintf(stderr, "usage: cds_care_gap_suite DIRECTORY\n");
		return 2;
	}
	arena_init(&s.arena, 128 << 20);
	arena_init(&s.work, 128 << 20);
	cds_rules_init(&s.rules, NULL, NULL);
	if (!cds_rules_file(&s.rules, S(EXAMPLES_DIR "/cds/care-gap.yaml"), &err)) {
		printf("FAILED to read the service: %s\n", err.text);
		return 1;
	}
	for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++)
		run_measure(&s, argv[1], &measures[i]);
	printf("%zu outside of the measures\n%zu passed, %zu failed\n", s.outside, s.passed, s.failed);
	cds_rules_done(&s.rules);
	arena_done(&s.work);
	arena_done(&s.arena);
	return s.failed || !s.passed;
}
