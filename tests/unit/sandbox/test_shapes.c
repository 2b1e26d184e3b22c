/*
 * Every resource that a sandbox answers with looks like those that the vendor's public sandbox was recorded with: no
 * member, code system, extension or form of reference that no recording has, and none missing that every recording has.
 * The rules come from the recordings when FIRTH_ASSETS is set, otherwise from an extract of them beside this file;
 * `test-sandbox-shapes --extract DIR` writes it anew.
 */
#include "world.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "shapes.h"

#define LEAST 3 /* recordings that make "always" a rule */

/* What recordings happen not to have, or always have by chance; a last * stands for anything. */
static const char *const excused_epic[] = {
	"Condition.abatementDateTime", /* D: search by abatement-date; no recorded problem was resolved */
	"Condition.code.coding|*", /* some synthetic problems carry one code system only, and none has ICD-9-CM */
	"Patient.identifier|urn:oid:1.2.840.114350.1.13.0.1.7.5.737384.14", /* some synthetic patients have no number */
	"Patient.extension(http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity)*", /* recorded: unknown */
	"Observation.valueQuantity*", /* dossier: results without a unit exist */
	"Procedure.report*", /* one recording, of a stress test */
};
static const char *const excused_cerner[] = {
	"Condition.onsetDateTime", /* one recorded problem only; D: field list */
	"Condition.abatementDateTime",
	"Condition.encounter*",
	"Condition.code.coding|http://hl7.org/fhir/sid/icd-10-cm",
	"Encounter.reasonCode", /* D: field list; no recorded visit gave a reason */
	"Encounter.reasonCode.text",
	"Condition.clinicalStatus", /* C: those entered in error have none */
	"Observation.valueQuantity*",
};

/* What patients of Synthea have and no recorded patient had, and what their records lack: it is data, not shape. */
static const char *const excused_imports[] = {
	"Patient.name.prefix",
	"Patient.deceasedDateTime",
	"Patient.deceasedBoolean",
	"Encounter.hospitalization*",
	"MedicationRequest.dosageInstruction.timing.code",
	"MedicationRequest.dosageInstruction.route",
	"MedicationRequest.dosageInstruction.doseAndRate*",
	"MedicationRequest.dispenseRequest.*",
	"Observation.valueCodeableConcept*",
};

struct judging {
	struct shapes *recorded;
	struct map ours; /* facts of one resource */
	const char *const *excused;
	size_t excused_count;
	struct arena *arena;
	unsigned wrong;
	bool imported; /* the records came from elsewhere */
	struct map told;
};

static bool is_among(struct str fact, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct str text = str_from(list[i]);
		bool open = str_ends(text, S("*"));
		if (open ? str_starts(fact, str_slice(text, 0, text.n - 1)) : str_eq(fact, text))
			return true;
	}
	return false;
}

static bool is_excused(const struct judging *j, struct str fact)
{
	return is_among(fact, j->excused, j->excused_count) ||
	       (j->imported && is_among(fact, excused_imports, sizeof(excused_imports) / sizeof(*excused_imports)));
}

static void complain(struct judging *j, const char *what, struct str fact)
{
	bool fresh;
	if (map_put(&j->told, arena_printf(j->arena, "%s %.*s", what, STR_ARG(fact)), &fresh) && fresh) {
		print_message("%s: %.*s\n", what, STR_ARG(fact));
		j->wrong++;
	}
}

static void see(void *ctx, struct str fact)
{
	struct judging *j = ctx;
	bool fresh;
	map_put(&j->ours, fact, &fresh);
	if (!shapes_count(j->recorded, fact) && !is_excused(j, fact))
		complain(j, "never recorded", fact);
}

static void judge(struct judging *j, const struct json *resource)
{
	struct str type = json_get_str(resource, S("resourceType"));
	if (!shapes_count(j->recorded, type))
		return; /* nothing is known of it */
	map_init(&j->ours, 100000);
	shapes_of(j->arena, resource, see, j);
	for (size_t i = 0; i < j->recorded->fact_count; i++) {
		struct str fact = j->recorded->facts[i], parent = shapes_parent(fact);
		size_t n = parent.p ? shapes_count(j->recorded, parent) : 0;
		if (n >= LEAST && shapes_count(j->recorded, fact) == n && map_get(&j->ours, parent) &&
		    !map_get(&j->ours, fact) && !is_excused(j, fact))
			complain(j, "always recorded, missing here", fact);
	}
	map_done(&j->ours);
}

static void learn_directory(struct shapes *s, const char *vendor)
{
	struct arena *a = s->arena;
	struct str path = arena_printf(a, "%s/ehr-captures/%s", getenv("FIRTH_ASSETS"), vendor);
	DIR *d = opendir(path.p);
	struct dirent *entry;
	assert_non_null(d);
	while ((entry = readdir(d))) {
		struct error err = {0};
		struct str text, name = str_from(entry->d_name);
		if (!str_starts(name, S("phase-")) || !str_ends(name, S(".json")))
			continue;
		must(file_read(a, arena_printf(a, "%.*s/%s", STR_ARG(path), entry->d_name), (size_t)64 << 20, &text,
			       &err),
		     &err);
		const struct json *j = json_parse(a, text, 0, &err);
		assert_non_null(j);
		shapes_learn_answer(s, json_get(j, S("body")));
	}
	closedir(d);
}

static void learn(struct shapes *s, const char *vendor)
{
	struct error err = {0};
	struct str text;
	if (getenv("FIRTH_ASSETS")) {
		learn_directory(s, vendor);
		return;
	}
	must(file_read(s->arena, arena_printf(s->arena, SHAPES_DIR "/%s.tsv", vendor), 8 << 20, &text, &err), &err);
	shapes_read(s, text);
}

static size_t judge_search(struct world *w, struct judging *j, const char *path)
{
	const struct json *bundle = get(w, path);
	struct json_iter it = json_iter(json_get(bundle, S("entry")));
	size_t n = 0;
	while (json_next(&it)) {
		if (str_is(json_get_str(json_get(it.value, S("search")), S("mode")), "outcome"))
			continue;
		judge(j, json_get(it.value, S("resource")));
		n++;
	}
	return n;
}

static const char *const searches[] = {
	"Patient?_id=$P",
	"Encounter?patient=$P",
	"Condition?patient=$P",
	"AllergyIntolerance?patient=$P",
	"MedicationRequest?patient=$P",
	"Observation?patient=$P&category=laboratory",
	"Observation?patient=$P&category=vital-signs",
	"Immunization?patient=$P",
	"Procedure?patient=$P",
	"DiagnosticReport?patient=$P",
	"DocumentReference?patient=$P",
};

static void judge_all(struct world *w, const char *vendor, const char *const *excused, size_t excused_count,
		      bool imports)
{
	static struct shapes recorded;
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	shapes_init(&recorded, &a);
	learn(&recorded, vendor);
	struct judging j = {.recorded = &recorded,
			    .excused = excused,
			    .excused_count = excused_count,
			    .arena = &a,
			    .imported = imports};
	map_init(&j.told, 100000);
	for (size_t k = 0; k < sizeof(searches) / sizeof(*searches); k++) {
		size_t n = 0;
		for (size_t i = 0; i < w->loaded.patient_count; i++) {
			w->patient = w->loaded.patients[i];
			n += judge_search(w, &j, searches[k]);
		}
		if (!n && !imports)
			fail_msg("%s: nothing to look at", searches[k]);
	}
	assert_int_equal(j.wrong, 0);
	map_done(&j.told);
	shapes_done(&recorded);
	arena_done(&a);
}

static void epic_resources_have_the_recorded_shapes(void **state)
{
	judge_all(*state, "epic", excused_epic, sizeof(excused_epic) / sizeof(*excused_epic), false);
}

static void cerner_resources_have_the_recorded_shapes(void **state)
{
	judge_all(*state, "cerner", excused_cerner, sizeof(excused_cerner) / sizeof(*excused_cerner), false);
}

static void load_directory(struct world *w, const char *path)
{
	struct dirent *entry;
	DIR *d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d))) {
		struct error err = {0};
		struct str text;
		if (!str_ends(str_from(entry->d_name), S(".json")))
			continue;
		must(file_read(&w->arena, arena_printf(&w->arena, "%s/%s", path, entry->d_name), (size_t)64 << 20,
			       &text, &err),
		     &err);
		must(sandbox_load(w->sandbox, text, &w->loaded, &err), &err);
	}
	closedir(d);
}

/* All patients of Synthea that are at hand. */
static void imported(enum ehr_vendor vendor, const char *name, const char *const *excused, size_t excused_count)
{
	if (!getenv("FIRTH_ASSETS")) {
		print_message("skipped: FIRTH_ASSETS is not set\n");
		skip();
	}
	struct world *w = world_open(&(struct world_options){.vendor = vendor});
	load_directory(w, arena_printf(&w->arena, "%s/synthea-2019-bundles", getenv("FIRTH_ASSETS")).p);
	assert_true(w->loaded.patient_count >= 10);
	if (w->loaded.rejected)
		fail_msg("%s %s", w->loaded.first_rejection.path, w->loaded.first_rejection.text);
	judge_all(w, name, excused, excused_count, true);
	world_close(w);
}

static void epic_imports_have_the_recorded_shapes(void **state)
{
	(void)state;
	imported(EHR_EPIC, "epic", excused_epic, sizeof(excused_epic) / sizeof(*excused_epic));
}

static void cerner_imports_have_the_recorded_shapes(void **state)
{
	(void)state;
	imported(EHR_CERNER, "cerner", excused_cerner, sizeof(excused_cerner) / sizeof(*excused_cerner));
}

/* The rules themselves: a fact and what it is a part of. */
static void facts_know_what_they_are_part_of(void **state)
{
	static const char *const pairs[][2] = {
		{"Patient.name.family", "Patient.name"},
		{"Patient.name", "Patient"},
		{"Observation.code.coding|http://loinc.org", "Observation.code.coding"},
		{"Condition.subject>Patient", "Condition.subject"},
		{"Patient.extension(http://a.b/c)", "Patient.extension"},
		{"Patient.extension(http://a.b/c).valueCode", "Patient.extension(http://a.b/c)"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct str parent = shapes_parent(str_from(pairs[i][0]));
		if (!str_is(parent, pairs[i][1]))
			fail_msg("%s: %.*s", pairs[i][0], STR_ARG(parent));
	}
	assert_null(shapes_parent(S("Patient")).p);
}

static int write_extract(const char *directory)
{
	static const char *const vendors[] = {"epic", "cerner"};
	for (size_t i = 0; i < 2; i++) {
		static struct shapes s;
		struct arena a;
		struct buf out;
		struct error err = {0};
		arena_init(&a, ARENA_NO_CAP);
		buf_init(&out, 8 << 20);
		shapes_init(&s, &a);
		learn_directory(&s, vendors[i]);
		shapes_write(&s, &out);
		if (!file_write(arena_printf(&a, "%s/%s.tsv", directory, vendors[i]), buf_str(&out), 0644, &err))
			return 1;
		shapes_done(&s);
		buf_done(&out);
		arena_done(&a);
	}
	return 0;
}

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

static int close_it(void **state)
{
	world_close(*state);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--extract") == 0)
		return write_extract(argv[2]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_know_what_they_are_part_of),
		cmocka_unit_test_setup_teardown(epic_resources_have_the_recorded_shapes, with_epic, close_it),
		cmocka_unit_test_setup_teardown(cerner_resources_have_the_recorded_shapes, with_cerner, close_it),
		cmocka_unit_test(epic_imports_have_the_recorded_shapes),
		cmocka_unit_test(cerner_imports_have_the_recorded_shapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
