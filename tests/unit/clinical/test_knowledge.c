/* The knowledge tables: they load, hold together, and know drugs by every kind of code and name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "clinical/allergy.h"
#include "clinical/interaction.h"

static struct arena arena;
static struct knowledge *k;

static int set_up(void **state)
{
	struct error err = {0};
	(void)state;
	arena_init(&arena, 64 << 20);
	k = knowledge_new(&arena, NULL, 0, &err);
	assert_string_equal(err.text, "");
	return k ? 0 : 1;
}

static int tear_down(void **state)
{
	(void)state;
	knowledge_free(k);
	arena_done(&arena);
	return 0;
}

static void say(void *context, const char *line)
{
	(void)context;
	printf("%s\n", line);
}

static void test_consistent(void **state)
{
	(void)state;
	assert_int_equal(knowledge_check(k, say, NULL), 0);
	assert_true(knowledge_ingredient_count(k) > 3000);
	assert_true(arena.used < 16 << 20);
}

static void test_codes(void **state)
{
	static const struct {
		const char *system, *code, *name;
		size_t count;
	} cases[] = {
		{"http://www.nlm.nih.gov/research/umls/rxnorm", "723", "amoxicillin", 1},
		{"urn:oid:2.16.840.1.113883.6.88", "723", "amoxicillin", 1},
		{"http://www.nlm.nih.gov/research/umls/rxnorm", "855635", "diclofenac", 1}, /* Voltaren gel */
		{"http://www.nlm.nih.gov/research/umls/rxnorm", "214618", "hydrochlorothiazide",
		 2}, /* with lisinopril */
		{"http://www.nlm.nih.gov/research/umls/rxnorm", "1049637", "oxycodone", 2}, /* Percocet */
		{"http://fdasis.nlm.nih.gov", "R16CO5Y76E", "aspirin", 1},
		{"http://www.whocc.no/atc", "J01CA04", "amoxicillin", 1},
		{"http://snomed.info/sct", "387458008", "aspirin", 1},
		{"urn:oid:2.16.840.1.113883.3.26.1.5", "N0000006582", "aspirin", 1},
		{"http://snomed.info/sct", "294594004", "trimethoprim", 2},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct meaning m;
		bool has = false;
		assert_true(knowledge_code(k, str_from(cases[i].system), str_from(cases[i].code), &m));
		assert_int_equal(m.kind, MEANS_INGREDIENTS);
		assert_int_equal(m.count, cases[i].count);
		for (size_t n = 0; n < m.count; n++) {
			const struct ingredient *g = knowledge_ingredient(k, m.ingredients[n]);
			has |= str_is(knowledge_ingredient(k, g->base)->name, cases[i].name);
		}
		assert_true(has);
	}
	struct meaning m;
	assert_false(knowledge_code(k, S("http://snomed.info/sct"), S("723"), &m));
	assert_false(knowledge_code(k, S("urn:other"), S("723"), &m));
	assert_false(knowledge_code(k, S("rxnorm"), S("72x3"), &m));
	assert_false(knowledge_code(k, S("rxnorm"), S(""), &m));
	assert_false(knowledge_code(k, S("ndfrt"), S("6582"), &m));
}

static void test_site_tables(void **state)
{
	struct arena a;
	struct error err = {0};
	struct meaning m;
	const struct knowledge_table tables[] = {
		{S("ndc"), S("ndc\trxcui\tsource\n00093-3109-01\t308182\ttest\n")},
		{S("interactions"),
		 S("rule\ttier\ta\tb\tseverity\tlevel\tadjust\tlocal\twashout\tmechanism\teffect\tadvice\t"
		   "verified\tsource\nDD022\tsite\t11289\tclass:nsaid\tmajor\tcritical\t\t\t\tm\te\ta\tyes\tsite\n")}};
	const struct knowledge_table wrong = {S("interactions"), S("rule\ttier\n")};
	(void)state;
	arena_init(&a, 64 << 20);
	struct knowledge *site = knowledge_new(&a, tables, 2, &err);
	assert_non_null(site);
	assert_true(knowledge_code(site, S("http://hl7.org/fhir/sid/ndc"), S("00093310901"), &m));
	assert_true(knowledge_code(site, S("http://hl7.org/fhir/sid/ndc"), S("0093-3109-01"), &m));
	assert_false(knowledge_code(site, S("http://hl7.org/fhir/sid/ndc"), S("0093310901"), &m));
	assert_int_equal(m.count, 1);
	knowledge_free(site);
	arena_reset(&a);
	assert_null(knowledge_new(&a, &wrong, 1, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	arena_done(&a);
}

static size_t read_text(const char *text, bool allergens, struct meaning *ret)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	size_t n = knowledge_read_text(k, &a, str_from(text), allergens, ret, 8);
	arena_done(&a);
	return n;
}

static void test_texts(void **state)
{
	static const struct {
		const char *text;
		bool allergens;
		size_t count;
		const char *first;
	} cases[] = {
		{"Amoxicillin 500 mg oral capsule", false, 1, "amoxicillin"},
		{"MORPHINE SULFATE 15 MG TABLET", false, 1, "morphine"},
		{"losartan potassium 50 mg", false, 1, "losartan"},
		{"acetaminophen 325 mg / oxycodone 5 mg", false, 2, "acetaminophen"},
		{"penicillamine 250 mg", false, 1, "penicillamine"},
		{"amox 500", false, 1, "amoxicillin"},
		{"hit", false, 0, NULL}, /* an abbreviation of allergy lists, no name of a drug */
		{"hit", true, 1, "heparin"},
		{"amox", true, 1, "amoxicillin"},
		{"amoxicillin-free diet", false, 0, NULL},
		{"no reaction to amoxicillin", true, 0, NULL},
		{"xyamoxicillin", false, 0, NULL},
		{"amoxicilin", false, 1, "amoxicillin"}, /* one letter apart */
		{"amoxicilin", true, 1, "amoxicillin"},
		{"amoxiclin", true, 0, NULL}, /* two */
		{"codeine, pencillamine", true, 2, "codeine"},
		{"codeine / pencillamine", false, 1, "codeine"}, /* in a drug only when nothing else is read */
		{"no amoxicilin", true, 0, NULL},
		{"citrate", true, 0, NULL}, /* near nitrate, and a word of its own */
		{"", false, 0, NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct meaning m[8];
		size_t n = read_text(cases[i].text, cases[i].allergens, m);
		if (n != cases[i].count)
			print_error("%s\n", cases[i].text);
		assert_int_equal(n, cases[i].count);
		if (!cases[i].first)
			continue;
		const struct ingredient *g = knowledge_ingredient(k, m[0].ingredients[0]);
		struct str name = knowledge_ingredient(k, g->base)->name;
		assert_true(str_is(name, cases[i].first));
	}
}

static void test_medication_of_parts(void **state)
{
	struct error err = {0};
	struct medication m;
	const struct json *j = json_parse(
		&arena,
		S("{\"resourceType\":\"MedicationRequest\",\"id\":\"1\",\"status\":\"active\",\"medicationReference\":"
		  "{\"reference\":\"#m\"},\"contained\":[{\"resourceType\":\"Medication\",\"id\":\"m\",\"ingredient\":["
		  "{\"itemCodeableConcept\":{\"coding\":[{\"system\":\"http://www.nlm.nih.gov/research/umls/rxnorm\","
		  "\"code\":\"5640\"}]}},{\"itemCodeableConcept\":{\"text\":\"something else\"}}]}]}"),
		0, &err);
	(void)state;
	assert_non_null(j);
	assert_true(medication_read(k, &arena, j, NULL, 0, &m, &err));
	assert_int_equal(m.count, 1);
	assert_int_equal(m.found, MEDICATION_BY_LIST);
	assert_true(m.partial);
	assert_true(str_is(m.id, "MedicationRequest/1"));
}

static void test_class_written_out(void **state)
{
	/* As Epic writes a class: the NUIs of its members. */
	static const char *const members[] = {"723", "733", "7980", "7984", "8339", "7233", "3356", "7773"};
	struct str text = S("{\"resourceType\":\"AllergyIntolerance\",\"code\":{\"coding\":[");
	struct error err = {0};
	struct allergies list;
	(void)state;
	for (size_t i = 0; i < 8; i++)
		text = arena_printf(&arena, "%.*s%s{\"system\":\"rxnorm\",\"code\":\"%s\"}", STR_ARG(text),
				    i ? "," : "", members[i]);
	text = arena_printf(&arena, "%.*s]}}", STR_ARG(text));
	const struct json *j = json_parse(&arena, text, 0, &err);
	assert_true(allergies_read(k, &arena, &j, 1, S(""), &list, &err));
	assert_int_equal(list.items[0].ingredient_count, 0);
	assert_int_equal(list.items[0].class_count, 1);
	assert_true(str_is(knowledge_class(k, list.items[0].classes[0])->id, "penicillin"));
	assert_int_equal(list.known, ALLERGIES_SOME);
}

static void test_policy(void **state)
{
	const struct policy_line lines[] = {{.rule = S("DD022"), .action = POLICY_LOWER},
					    {.kind = S("duplicate"), .action = POLICY_OFF},
					    {.rule = S("DD022"), .role = S("pharmacist"), .action = POLICY_CRITICAL}};
	struct policy p = policy_default();
	struct finding items[] = {{.kind = FINDING_DUPLICATE,
				   .level = LEVEL_WARNING,
				   .rule = S("DUP-CLASS"),
				   .with_drug = true,
				   .other = 1},
				  {.kind = FINDING_INTERACTION,
				   .level = LEVEL_WARNING,
				   .rule = S("DD022"),
				   .with_drug = true,
				   .other = 1},
				  {.kind = FINDING_INTERACTION,
				   .level = LEVEL_CRITICAL,
				   .rule = S("DD044"),
				   .with_drug = true,
				   .other = 2}};
	struct finding copy[3];
	struct findings f = {.items = items, .count = 3};
	(void)state;
	memcpy(copy, items, sizeof(items));
	p.lines = lines;
	p.line_count = 3;
	policy_apply(&p, k, S("nurse"), &f);
	assert_int_equal(f.count, 2);
	assert_true(str_is(f.items[0].rule, "DD044"));
	assert_int_equal(f.items[1].level, LEVEL_INFO);
	f = (struct findings){.items = copy, .count = 3};
	p.threshold = LEVEL_CRITICAL;
	policy_apply(&p, k, S("pharmacist"), &f);
	assert_int_equal(f.count, 2);
	enum policy_action action;
	assert_true(policy_action_named(S("raise"), &action));
	assert_int_equal(action, POLICY_RAISE);
	assert_false(policy_action_named(S("louder"), &action));
}

/* What is off by default comes back for whom a line names its rule. */
static void test_brought_back(void **state)
{
	static const char *const pairs[][3] = {{"tramadol", "sertraline", "DD087"},
					       {"acetaminophen", "warfarin", "DN019"}};
	struct error err = {0};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct policy p = policy_default();
		struct policy_line line = {
			.rule = str_from(pairs[i][2]), .role = S("pharmacist"), .action = POLICY_KEEP};
		struct medication drugs[2] = {0};
		for (size_t n = 0; n < 2; n++) {
			int drug = knowledge_ingredient_named(k, str_from(pairs[i][n]));
			drugs[n] = (struct medication){
				.count = 1, .ingredients = {(uint16_t)drug}, .mg_day = -1, .mg_week = -1};
			drugs[n].record = (const struct json *)&drugs[n];
		}
		p.lines = &line;
		p.line_count = 1;
		struct findings nobody = {0}, told = {0};
		assert_true(interactions_check(k, &p, S("nurse"), &arena, drugs, 2, 1, NULL, 0, &nobody, &err));
		assert_int_equal(nobody.count, 0);
		assert_true(interactions_check(k, &p, S("pharmacist"), &arena, drugs, 2, 1, NULL, 0, &told, &err));
		policy_apply(&p, k, S("pharmacist"), &told);
		assert_int_equal(told.count, 1);
		assert_true(str_is(told.items[0].rule, pairs[i][2]));
	}
}

static void test_many(void **state)
{
	static struct medication drugs[INTERACTION_DRUGS_MAX + 1];
	struct arena a;
	struct error err = {0};
	struct findings f = {0};
	struct policy p = policy_default();
	(void)state;
	arena_init(&a, 256 << 20);
	int warfarin = knowledge_ingredient_named(k, S("warfarin")),
	    ibuprofen = knowledge_ingredient_named(k, S("ibuprofen"));
	int apixaban = knowledge_ingredient_named(k, S("apixaban"));
	for (size_t i = 0; i <= INTERACTION_DRUGS_MAX; i++) {
		int drug = i == 0 ? warfarin : i == INTERACTION_DRUGS_MAX - 1 ? apixaban : ibuprofen;
		drugs[i] =
			(struct medication){.count = 1, .ingredients = {(uint16_t)drug}, .mg_day = -1, .mg_week = -1};
		drugs[i].record = (const struct json *)&drugs[i];
	}
	assert_true(interactions_check(k, &p, S(""), &a, drugs, INTERACTION_DRUGS_MAX, 1, NULL, 0, &f, &err));
	assert_true(f.cut);
	policy_apply(&p, k, S(""), &f);
	assert_true(str_is(f.items[0].rule, "DD030")); /* the last drug, and critical: not among those left out */
	assert_false(interactions_check(k, &p, S(""), &a, drugs, INTERACTION_DRUGS_MAX + 1, 1, NULL, 0, &f, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_consistent),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_site_tables),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_medication_of_parts),
		cmocka_unit_test(test_class_written_out),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_brought_back),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
