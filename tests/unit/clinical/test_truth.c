/*
 * The clinical truth table: every case of the tables in tests/clinical, orders against allergies and current drugs, has
 * exactly the findings it says. tests/clinical/README.md tells how a case is written. Arguments: the tables.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "clinical/allergy.h"
#include "clinical/interaction.h"
#include "clinical/tsv.h"

#define NOW_MS	    (INT64_C(20000) * 86400000) /* 2024-10-04 */
#define CASE_DRUGS  40
#define CASE_TOKENS 40

struct truth {
	struct arena tables, work;
	struct knowledge *knowledge;
	size_t passed, failed;
};

static const char *system_of(struct str name)
{
	static const char *const systems[][2] = {
		{"rxnorm", "http://www.nlm.nih.gov/research/umls/rxnorm"},
		{"snomed", "http://snomed.info/sct"},
		{"ndfrt", "urn:oid:2.16.840.1.113883.3.26.1.5"},
		{"unii", "http://fdasis.nlm.nih.gov"},
		{"atc", "http://www.whocc.no/atc"},
		{"medrt", "http://va.gov/terminology/medrt"},
		{"ndc", "http://hl7.org/fhir/sid/ndc"},
		{"v3", "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration"},
		{"unsystematic", ""},
		{"epic", "urn:oid:1.2.840.114350.1.13.0.1.7.2.798268"}};
	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
		if (str_is(name, systems[i][0]))
			return systems[i][1];
	}
	return NULL;
}

static void put_coding(struct json_writer *w, struct str system, struct str code, struct str display)
{
	json_object_begin(w);
	json_put_member(w, S("system"), system);
	json_put_member(w, S("code"), code);
	json_put_member(w, S("display"), display);
	json_object_end(w);
}

/* "rxnorm:723", "rxnorm:723,161", "display:words" as codings; "text:PCN" is none. */
static bool put_codings(struct json_writer *w, struct str what)
{
	struct str name = str_split(&what, ':');
	const char *system = system_of(name);
	if (str_is(name, "text"))
		return true;
	if (str_is(name, "display"))
		put_coding(w, S("urn:unknown"), S("1"), what);
	else if (!system)
		return false;
	while (system && what.p)
		put_coding(w, str_from(system), str_split(&what, ','), STR_NULL);
	return true;
}

/* Parts with '&' between them as one CodeableConcept: "snomed:1&rxnorm:723&text:PCN". */
static bool put_concept(struct json_writer *w, struct str what)
{
	bool ok = true, coded = str_find(what, S("text:")) != 0 || str_find_char(what, '&', 0) != STR_NONE;
	json_object_begin(w);
	if (coded) {
		json_key(w, S("coding"));
		json_array_begin(w);
		for (struct str rest = what; ok && rest.p;)
			ok = put_codings(w, str_split(&rest, '&'));
		json_array_end(w);
	}
	for (struct str rest = what; rest.p;) {
		struct str part = str_split(&rest, '&');
		if (str_starts(part, S("text:")))
			json_put_member(w, S("text"), str_slice(part, 5, part.n));
	}
	json_object_end(w);
	return ok;
}

static void put_coded(struct json_writer *w, struct str key, struct str system, struct str code)
{
	json_key(w, key);
	json_object_begin(w);
	json_key(w, S("coding"));
	json_array_begin(w);
	json_object_begin(w);
	json_put_member(w, S("system"), system);
	json_put_member(w, S("code"), code);
	json_object_end(w);
	json_array_end(w);
	json_object_end(w);
}

/* A day so many days ago; "-3" lies ahead. */
static struct str day(struct truth *t, struct str ago)
{
	int y, m, d;
	uint64_t n = 0;
	bool ahead = str_starts(ago, S("-")), ok = str_to_u64(str_slice(ago, ahead ? 1 : 0, ago.n), &n);
	clock_date_from_days(20000 + (ok ? (ahead ? (int64_t)n : -(int64_t)n) : 0), &y, &m, &d);
	return arena_printf(&t->work, "%04d-%02d-%02d", y, m, d);
}

static void put_period(struct json_writer *w, struct str key, struct str end)
{
	json_key(w, key);
	json_object_begin(w);
	json_put_member(w, S("end"), end);
	json_object_end(w);
}

/* What stands in dosageInstruction; false: it is nothing of it. */
static bool put_dosage(struct truth *t, struct json_writer *w, struct str key, struct str mark)
{
	static const char *const keys[] = {"route", "routecode", "mgday", "mgweek", "bounds"};
	bool ok = false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		ok = ok || str_is(key, keys[i]);
	if (!ok)
		return false;
	json_key(w, S("dosageInstruction"));
	json_array_begin(w);
	if (str_is(key, "mgday") || str_is(key, "mgweek")) {
		buf_printf(w->out,
			   "{\"timing\":{\"repeat\":{\"frequency\":1,\"period\":1,\"periodUnit\":\"%s\"}},"
			   "\"doseAndRate\":[{\"doseQuantity\":{\"value\":%.*s,\"code\":\"mg\"}}]}",
			   str_is(key, "mgday") ? "d" : "wk", STR_ARG(mark));
	} else if (str_is(key, "bounds")) {
		buf_printf(w->out, "{\"timing\":{\"repeat\":{\"boundsPeriod\":{\"end\":\"%.*s\"}}}}",
			   STR_ARG(day(t, mark)));
	} else {
		json_object_begin(w);
		json_key(w, S("route"));
		ok = put_concept(w, str_is(key, "route") ? arena_printf(&t->work, "text:%.*s", STR_ARG(mark)) : mark);
		json_object_end(w);
	}
	json_array_end(w);
	return ok;
}

static bool put_drug_mark(struct truth *t, struct json_writer *w, struct str mark)
{
	struct str key = str_split(&mark, '=');
	if (str_is(key, "stopped")) {
		put_period(w, S("effectivePeriod"), day(t, mark));
		json_put_member(w, S("status"), S("stopped"));
	} else if (str_is(key, "ended")) {
		put_period(w, S("effectivePeriod"), day(t, mark));
	} else if (str_is(key, "authored")) {
		json_put_member(w, S("authoredOn"), day(t, mark));
	} else if (str_is(key, "prior")) {
		json_key(w, S("priorPrescription"));
		json_object_begin(w);
		json_put_member(w, S("reference"), mark);
		json_object_end(w);
	} else if (str_is(key, "doNotPerform") || str_is(key, "wasNotTaken")) {
		json_key(w, key);
		json_put_bool(w, true);
	} else if (str_is(key, "status") || str_is(key, "intent") || str_is(key, "id") || str_is(key, "taken")) {
		json_put_member(w, key, mark);
	} else {
		return str_is(key, "statement") || str_is(key, "order") || str_is(key, "contained") ||
		       str_is(key, "named") || put_dosage(t, w, key, mark);
	}
	return true;
}

static bool put_allergy_mark(struct json_writer *w, struct str mark, struct buf *reactions)
{
	static const char *const severities[] = {"mild", "moderate", "severe"};
	struct str key = str_split(&mark, '=');
	if (str_is(key, "r")) { /* a manifestation by SNOMED CT code or text */
		uint64_t n = 0;
		if (reactions->n)
			buf_char(reactions, ',');
		if (str_to_u64(mark, &n))
			buf_printf(reactions,
				   "{\"coding\":[{\"system\":\"http://snomed.info/sct\",\"code\":\"%.*s\"}]}",
				   STR_ARG(mark));
		else
			buf_printf(reactions, "{\"text\":\"%.*s\"}", STR_ARG(mark));
		return true;
	}
	for (size_t i = 0; i < 3; i++) {
		if (str_is(key, severities[i]))
			return true; /* read with the reactions */
	}
	if (str_is(key, "substance"))
		return true;
	if (str_is(key, "high") || str_is(key, "low") || str_is(key, "CRITH") || str_is(key, "CRITL") ||
	    str_is(key, "unable-to-assess"))
		json_put_member(w, S("criticality"), key);
	else if (str_is(key, "intolerance"))
		json_put_member(w, S("type"), key);
	else if (str_is(key, "food") || str_is(key, "environment") || str_is(key, "medication")) {
		json_key(w, S("category"));
		json_array_begin(w);
		json_put_str(w, key);
		json_array_end(w);
	} else if (str_is(key, "dstu2"))
		json_put_member(w, S("status"), mark);
	else if (str_is(key, "stu3"))
		json_put_member(w, S("clinicalStatus"), mark);
	else if (str_is(key, "stu3v"))
		json_put_member(w, S("verificationStatus"), mark);
	else if (str_is(key, "refuted") || str_is(key, "entered-in-error") || str_is(key, "unconfirmed") ||
		 str_is(key, "confirmed") || str_is(key, "presumed"))
		put_coded(w, S("verificationStatus"),
			  S("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"), key);
	else if (str_is(key, "resolved") || str_is(key, "inactive"))
		put_coded(w, S("clinicalStatus"),
			  S("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"), key);
	else if (str_is(key, "patient")) {
		json_key(w, S("patient"));
		json_object_begin(w);
		json_put_member(w, S("reference"), mark);
		json_object_end(w);
	} else
		return false;
	return true;
}

static bool put_reactions(struct json_writer *w, struct str marks, struct str manifestations)
{
	struct str substance = STR_NULL, severity = STR_NULL;
	bool ok = true;
	for (struct str rest = marks; rest.p;) {
		struct str mark = str_split(&rest, '+');
		if (str_starts(mark, S("substance=")))
			substance = str_slice(mark, 10, mark.n);
		else if (str_is(mark, "severe") || str_is(mark, "mild") || str_is(mark, "moderate"))
			severity = mark;
	}
	if (!substance.p && !severity.p && !manifestations.n)
		return true;
	json_key(w, S("reaction"));
	json_array_begin(w);
	json_object_begin(w);
	if (substance.p) {
		json_key(w, S("substance"));
		ok = put_concept(w, substance);
	}
	if (severity.p)
		json_put_member(w, S("severity"), severity);
	if (manifestations.n) {
		json_key(w, S("manifestation"));
		buf_char(w->out, '[');
		buf_add(w->out, manifestations);
		buf_char(w->out, ']');
	}
	json_object_end(w);
	json_array_end(w);
	return ok;
}

static bool has_mark(struct str marks, const char *name)
{
	for (struct str rest = marks; rest.p;) {
		struct str mark = str_split(&rest, '+');
		if (str_is(str_split(&mark, '='), name))
			return true;
	}
	return false;
}

/* The drug of a record: its concept, or a contained Medication of it, or no more than the words of a reference. */
static bool put_drug(struct json_writer *w, struct str concept, struct str marks)
{
	bool ok = true;
	if (!has_mark(marks, "contained") && !has_mark(marks, "named")) {
		json_key(w, S("medicationCodeableConcept"));
		return put_concept(w, concept);
	}
	if (has_mark(marks, "contained")) {
		json_key(w, S("contained"));
		json_array_begin(w);
		json_object_begin(w);
		json_put_member(w, S("resourceType"), S("Medication"));
		json_put_member(w, S("id"), S("m"));
		json_key(w, S("code"));
		ok = put_concept(w, concept);
		json_object_end(w);
		json_array_end(w);
	}
	json_key(w, S("medicationReference"));
	json_object_begin(w);
	if (has_mark(marks, "named"))
		json_put_member(w, S("display"), str_slice(concept, 5, concept.n));
	else
		json_put_member(w, S("reference"), S("#m"));
	json_object_end(w);
	return ok;
}

/* One record from its notation: a concept and marks, "+" between them. */
static const struct json *make_record(struct truth *t, struct str token, bool allergy, struct error *err)
{
	struct buf out, reactions;
	struct str rest = token, concept = str_split(&rest, '+'), marks = rest;
	bool ok = true;
	buf_init(&out, 1 << 16);
	buf_init(&reactions, 1 << 12);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"),
			allergy			       ? S("AllergyIntolerance")
			: has_mark(marks, "statement") ? S("MedicationStatement")
			: has_mark(marks, "order")     ? S("MedicationOrder")
						       : S("MedicationRequest"));
	if (!allergy) {
		ok = put_drug(&w, concept, marks);
	} else if (!str_is(concept, "none")) {
		json_key(&w, has_mark(marks, "dstu2") ? S("substance") : S("code"));
		ok = put_concept(&w, concept);
	}
	while (ok && rest.p) {
		struct str mark = str_split(&rest, '+');
		ok = allergy ? put_allergy_mark(&w, mark, &reactions) : put_drug_mark(t, &w, mark);
	}
	ok = ok && (!allergy || put_reactions(&w, marks, buf_str(&reactions)));
	json_object_end(&w);
	const struct json *j = NULL;
	if (ok)
		j = json_parse(&t->work, arena_str(&t->work, buf_str(&out)), 0, err);
	else
		error_set(err, ERR_CONFIG, "the notation is not understood: %.*s", STR_ARG(token));
	buf_done(&out);
	buf_done(&reactions);
	return j;
}

static bool make_records(struct truth *t, struct str list, bool allergy, const struct json **ret, size_t *count,
			 struct error *err)
{
	for (struct str rest = list; rest.p && rest.n && !str_is(list, "-");) {
		struct str token = str_trim(str_split(&rest, ';'));
		if (*count == CASE_DRUGS)
			return error_set(err, ERR_LIMIT, "too many records");
		ret[*count] = make_record(t, token, allergy, err);
		if (!ret[(*count)++])
			return false;
	}
	return true;
}

static bool read_labs(struct str text, struct lab_values *ret)
{
	for (struct str rest = text; rest.p && rest.n && !str_is(text, "-");) {
		struct str value = str_split(&rest, ';'), name = str_split(&value, '=');
		char room[24] = "";
		if (!value.p || value.n >= sizeof(room))
			return false;
		memcpy(room, value.p, value.n);
		enum lab lab = lab_named(name);
		if (lab == LAB_COUNT)
			return false;
		ret->of[lab] = (struct lab_value){
			.known = true, .value = strtod(room, NULL), .number = value, .when = S("2026-01-01")};
	}
	return true;
}

static int compare_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static struct str sorted(struct truth *t, struct str *items, size_t n)
{
	struct str out = S("");
	qsort(items, n, sizeof(*items), compare_text);
	for (size_t i = 0; i < n && out.p; i++)
		out = arena_printf(&t->work, "%.*s%s%.*s", STR_ARG(out), i ? ";" : "", STR_ARG(items[i]));
	return n ? out : S("-");
}

static bool find(struct truth *t, struct str *f, struct findings *ret, struct error *err)
{
	const struct json *records[CASE_DRUGS], *allergies[CASE_DRUGS];
	size_t orders = 0, drugs = 0, allergy_count = 0;
	struct medication meds[CASE_DRUGS];
	struct allergies list;
	struct lab_values labs = {0};
	struct policy p = policy_default();
	if (!make_records(t, f[1], false, records, &orders, err))
		return false;
	drugs = orders;
	if (!make_records(t, f[3], false, records, &drugs, err) ||
	    !make_records(t, f[2], true, allergies, &allergy_count, err))
		return false;
	if (!read_labs(f[4], &labs))
		return error_set(err, ERR_CONFIG, "the laboratory values are not understood");
	for (size_t i = 0; i < drugs; i++) {
		if (!medication_read(t->knowledge, &t->work, records[i], NULL, NOW_MS, &meds[i], err))
			return false;
	}
	if (!allergies_read(t->knowledge, &t->work, allergies, allergy_count, S("Patient/1"), &list, err) ||
	    !allergies_unread(&list, &t->work, ret, err))
		return false;
	for (size_t i = 0; i < orders; i++) {
		if (meds[i].state == MEDICATION_TAKEN &&
		    !allergies_check(t->knowledge, &p, &t->work, &list, &meds[i], i, ret, err))
			return false;
	}
	if (!interactions_check(t->knowledge, &p, S(""), &t->work, meds, drugs, orders, &labs, NOW_MS, ret, err))
		return false;
	if (!drafts_unread(meds, orders, &t->work, ret, err))
		return false;
	policy_apply(&p, t->knowledge, S(""), ret);
	return true;
}

static void run_case(struct truth *t, struct str *f)
{
	struct findings found = {0};
	struct error err = {0};
	struct str items[CASE_TOKENS], wanted[CASE_TOKENS];
	size_t n = 0, w = 0;
	if (!find(t, f, &found, &err)) {
		printf("%.*s: %s\n", STR_ARG(f[0]), err.text);
		t->failed++;
		return;
	}
	for (size_t i = 0; i < found.count && n < CASE_TOKENS; i++)
		items[n++] = arena_printf(&t->work, "%.*s=%s", STR_ARG(found.items[i].rule),
					  level_name(found.items[i].level));
	for (struct str rest = f[5]; rest.p && rest.n && !str_is(f[5], "-") && w < CASE_TOKENS;)
		wanted[w++] = str_trim(str_split(&rest, ';'));
	struct str got = sorted(t, items, n), want = sorted(t, wanted, w);
	bool same = str_eq(got, want);
	*(same ? &t->passed : &t->failed) += 1;
	if (!same)
		printf("%.*s: found %.*s instead of %.*s\n", STR_ARG(f[0]), STR_ARG(got), STR_ARG(want));
}

static bool run_table(struct truth *t, const char *path, struct error *err)
{
	static const char *const columns[] = {"case", "orders", "allergies", "current", "labs", "expect", "source"};
	struct tsv table;
	struct str text, f[7];
	struct error row = {0};
	if (!file_read(&t->tables, str_from(path), 8 << 20, &text, err) ||
	    !tsv_open(&table, path, text, columns, 7, err))
		return false;
	while (tsv_next(&table, f, &row)) {
		if (!f[6].n) {
			printf("%.*s: no source\n", STR_ARG(f[0]));
			t->failed++;
		}
		run_case(t, f);
		arena_reset(&t->work);
	}
	if (row.code)
		*err = row;
	return !row.code;
}

int main(int argc, char **argv)
{
	static struct truth t;
	struct error err = {0};
	bool ok = true;
	arena_init(&t.tables, 256 << 20);
	arena_init(&t.work, 64 << 20);
	t.knowledge = knowledge_new(&t.tables, NULL, 0, &err);
	ok = t.knowledge != NULL;
	for (int i = 1; ok && i < argc; i++)
		ok = run_table(&t, argv[i], &err);
	if (!ok)
		printf("%s\n", err.text);
	printf("%zu passed, %zu failed\n", t.passed, t.failed);
	knowledge_free(t.knowledge);
	arena_done(&t.work);
	arena_done(&t.tables);
	return ok && !t.failed && t.passed ? 0 : 1;
}
