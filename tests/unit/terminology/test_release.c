/* Releases of LOINC, SNOMED CT and RxNorm, on small files of the same form with made-up content. */
#include "world.h"

#include "terminology/release.h"

static struct buf make(struct world *w, enum release_kind kind, struct release_file *files, size_t count,
		       struct release_report *report)
{
	struct error err = {0};
	struct buf out;
	buf_init(&out, 64 << 20);
	if (!release_make(kind, files, count, STR_NULL, &w->arena, &out, report, &err))
		fail_msg("%s", err.text);
	assert_true(terminology_add_release(w->terminology, buf_str(&out), &err));
	return out;
}

struct question {
	const char *value_set; /* NULL: the system */
	const char *coding, *display;
	enum code_answer answer;
	enum code_reason reason;
};

static void ask(struct world *w, const struct question *q, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct coding coding = world_coding(q[i].coding, q[i].display);
		struct code_verdict v =
			q[i].value_set ? terminology_validate_in(w->terminology, &w->arena, str_from(q[i].value_set),
								 NULL, &coding, false)
				       : terminology_validate(w->terminology, &w->arena, &coding);
		if (v.answer != q[i].answer || v.reason != q[i].reason)
			fail_msg("%s in %s: %d %d (%.*s)", q[i].coding, q[i].value_set ? q[i].value_set : "its system",
				 v.answer, v.reason, STR_ARG(v.detail));
	}
}

/* A value set with one filter. */
static void add_filtered(struct world *w, const char *url, const char *system, const char *property, const char *op,
			 const char *value)
{
	char text[1024];
	snprintf(
		text, sizeof(text),
		"{'resourceType':'ValueSet','url':'%s','compose':{'include':[{'system':'%s','filter':[{'property':'%s',"
		"'op':'%s','value':'%s'}]}]}}",
		url, system, property, op, value);
	world_add(w, text);
}

/* ---- LOINC ------------------------------------------------------------------------------------------------------- */

static const char loinc_terms[] =
	"\xEF\xBB\xBF\"LOINC_NUM\",\"COMPONENT\",\"PROPERTY\",\"TIME_ASPCT\",\"SYSTEM\",\"SCALE_TYP\",\"METHOD_TYP\","
	"\"CLASS\",\"STATUS\",\"SHORTNAME\",\"LONG_COMMON_NAME\",\"RELATEDNAMES2\"\r\n"
	"\"1-8\",\"Thing\",\"MCnc\",\"Pt\",\"Ser\",\"Qn\",\"\",\"CHEM\",\"ACTIVE\",\"Thing Ser\",\"Thing, \"\"so "
	"called\"\"\nin Serum\"\r\n"
	"\"2-6\",\"Report\",\"Find\",\"Pt\",\"{Setting}\",\"Doc\",\"\",\"DOC\",\"DEPRECATED\",\"\",\"A report\"\r\n"
	"3-4,Other,,,,Qn,,,ACTIVE,,Other thing\n";
/* Another order of columns; terms that are there already add nothing. */
static const char loinc_core[] = "LONG_COMMON_NAME,LOINC_NUM,COMPONENT,STATUS,SCALE_TYP\nAgain,1-8,Thing,ACTIVE,"
				 "Qn\nOnly here,4-2,X,ACTIVE,Ord\n";
static const char loinc_parts[] = "\"PartNumber\",\"PartTypeName\",\"PartName\",\"PartDisplayName\",\"Status\"\n"
				  "\"LP1-1\",\"COMPONENT\",\"Thing\",\"The thing\",\"ACTIVE\"\n";
static const char loinc_links[] =
	"\"LoincNumber\",\"LongCommonName\",\"PartNumber\",\"PartName\",\"PartCodeSystem\",\"PartTypeName\","
	"\"LinkTypeName\",\"Property\"\n\"1-8\",\"x\",\"LP1-1\",\"Thing\",\"http://"
	"loinc.org\",\"COMPONENT\",\"Primary\","
	"\"http://loinc.org/property/COMPONENT\"\n";
static const char loinc_answers[] =
	"\"AnswerListId\",\"AnswerListName\",\"AnswerStringId\",\"SequenceNumber\",\"DisplayText\"\n"
	"\"LL1-9\",\"Yes or no\",\"LA1-2\",\"1\",\"Yes\"\n\"LL1-9\",\"Yes or no\",\"LA2-0\",\"2\",\"No\"\n"
	"\"LL2-7\",\"Maybe\",\"LA3-8\",\"1\",\"Maybe\"\n";
static const char loinc_hierarchy[] = "PATH_TO_ROOT,SEQUENCE,IMMEDIATE_PARENT,CODE,CODE_TEXT\n"
				      ",1,,LP9-0,Root\nLP9-0,1,LP9-0,LP1-1,Thing\nLP9-0.LP1-1,1,LP1-1,1-8,Thing Ser\n";

static void loinc(void **state)
{
	struct world *w = *state;
	struct release_report report;
	struct release_file files[] = {{S("MultiAxialHierarchy.csv"), str_from(loinc_hierarchy), false},
				       {S("LoincTableCore.csv"), str_from(loinc_core), false},
				       {S("Loinc.csv"), str_from(loinc_terms), false},
				       {S("Part.csv"), str_from(loinc_parts), false},
				       {S("LoincPartLink_Primary.csv"), str_from(loinc_links), false},
				       {S("AnswerList.csv"), str_from(loinc_answers), false},
				       {S("ReadMe.txt"), S("Read me\n"), false}};
	add_filtered(w, "http://x/doc", "http://loinc.org", "SCALE_TYP", "=", "Doc");
	add_filtered(w, "http://x/part", "http://loinc.org", "COMPONENT", "=", "LP1-1");
	add_filtered(w, "http://x/name", "http://loinc.org", "COMPONENT", "=", "Thing");
	struct buf image = make(w, RELEASE_LOINC, files, 7, &report);
	assert_true(files[0].used && files[1].used && files[5].used);
	assert_false(files[6].used);
	static const struct question questions[] = {
		{NULL, "http://loinc.org|3-4", "other thing", CODE_IN, CODE_FINE},
		{NULL, "http://loinc.org|4-2", "Only here", CODE_IN, CODE_FINE},
		{NULL, "http://loinc.org|2-6", NULL, CODE_IN, CODE_INACTIVE},
		{NULL, "http://loinc.org|9-9", NULL, CODE_NOT_IN, CODE_INVALID},
		{NULL, "http://loinc.org|LP1-1", "The thing", CODE_IN, CODE_FINE},
		{"http://x/doc", "http://loinc.org|2-6", NULL, CODE_IN, CODE_INACTIVE},
		{"http://x/doc", "http://loinc.org|1-8", NULL, CODE_NOT_IN, CODE_NOT_MEMBER},
		{"http://x/part", "http://loinc.org|1-8", NULL, CODE_IN, CODE_FINE},
		{"http://x/name", "http://loinc.org|1-8", NULL, CODE_IN, CODE_FINE},
		{"http://x/name", "http://loinc.org|3-4", NULL, CODE_NOT_IN, CODE_NOT_MEMBER},
		{"http://loinc.org/vs", "http://loinc.org|3-4", NULL, CODE_IN, CODE_FINE},
		{"http://loinc.org/vs", "http://loinc.org|LA1-2", NULL, CODE_NOT_IN, CODE_NOT_MEMBER},
		{"http://loinc.org/vs/LL1-9", "http://loinc.org|LA2-0", "No", CODE_IN, CODE_FINE},
		{"http://loinc.org/vs/LL1-9", "http://loinc.org|LA3-8", NULL, CODE_NOT_IN, CODE_NOT_MEMBER},
		{"http://loinc.org/vs/LP9-0", "http://loinc.org|1-8", NULL, CODE_IN, CODE_FINE},
		{"http://loinc.org/vs/LP9-0", "http://loinc.org|3-4", NULL, CODE_NOT_IN, CODE_NOT_MEMBER},
	};
	ask(w, questions, sizeof(questions) / sizeof(questions[0]));
	struct coding thing = world_coding("http://loinc.org|1-8", NULL);
	struct code_verdict v = terminology_validate(w->terminology, &w->arena, &thing);
	assert_true(str_is(v.display, "Thing, \"so called\"\nin Serum"));
	terminology_free(w->terminology);
	w->terminology = NULL;
	buf_done(&image);
}

/* ---- SNOMED CT --------------------------------------------------------------------------------------------------- */

#define CONCEPT(id, time, active)     id "\t" time "\t" active "\t900000000000207008\t900000000000074008\n"
#define TERM(id, concept, type, term) id "\t20240101\t1\t900000000000207008\t" concept "\ten\t" type "\t" term "\t1\n"
#define REL(id, time, active, from, to, type)                                                                          \
	id "\t" time "\t" active "\t900000000000207008\t" from "\t" to "\t0\t" type                                    \
	   "\t900000000000011006\t900000000000451002\n"

static const char sct_concepts[] =
	"id\teffectiveTime\tactive\tmoduleId\tdefinitionStatusId\n" CONCEPT("138875005", "20020131", "1")
		CONCEPT("10", "20200101", "1") CONCEPT("20", "20200101", "1") CONCEPT("30", "20200101", "1")
	/* a full release: the newest row counts, wherever it stands */
	CONCEPT("40", "20240101", "0") CONCEPT("40", "20020131", "1");
static const char sct_terms[] =
	"id\teffectiveTime\tactive\tmoduleId\tconceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId\r\n" TERM(
		"1", "10", "900000000000003001", "Disease (disorder)") TERM("2", "10", "900000000000013009", "Illness")
		TERM("3", "10", "900000000000013009", "Disease")
			TERM("4", "20", "900000000000003001", "Heart \"disease\" (disorder)");
static const char sct_language[] =
	"id\teffectiveTime\tactive\tmoduleId\trefsetId\treferencedComponentId\tacceptabilityId\n"
	"u1\t20240101\t1\tm\t900000000000508004\t2\t900000000000548007\n"
	"u2\t20240101\t1\tm\t900000000000509007\t3\t900000000000548007\n";
static const char sct_relationships[] =
	"id\teffectiveTime\tactive\tmoduleId\tsourceId\tdestinationId\trelationshipGroup\ttypeId\tcharacteristicTypeId"
	"\t"
	"modifierId\n" REL("1", "20240101", "1", "10", "138875005", "116680003")
		REL("2", "20240101", "1", "20", "10", "116680003") REL("3", "20240101", "1", "30", "20", "116680003")
			REL("4", "20200101", "1", "40", "10", "116680003")
				REL("4", "20240101", "0", "40", "10", "116680003")
					REL("5", "20240101", "1", "20", "30", "363698007");
static const char sct_refset[] = "id\teffectiveTime\tactive\tmoduleId\trefsetId\treferencedComponentId\n"
				 "u3\t20240101\t1\tm\t700\t20\nu4\t20240101\t0\tm\t700\t30\n";

/* Constraints, and which of the concepts 10 20 30 40 138875005 they have; NULL: refused. */
static const struct {
	const char *ecl, *codes;
} constraints[] = {
	{"<< 10", "10 20 30"},
	{"<10 |Disease|", "20 30"},
	{"<!10", "20"},
	{"> 20", "138875005 10"},
	{">> 20", "138875005 10 20"},
	{">!30", "20"},
	{"^ 700", "20"},
	{"10", "10"},
	{"*", "138875005 10 20 30 40"},
	{"<< 20 OR 138875005", "20 30 138875005"},
	{"<< 10 AND >> 20", "10 20"},
	{"(<<10 and >>20) or 30 /* the last */", "10 20 30"},
	{"<< 10 MINUS (20 OR 30)", "10"},
	{"%3C%3C%2020", "20 30"},
	{"", NULL},
	{"<<", NULL},
	{"<< x", NULL},
	{"10 20", NULL},
	{"(10", NULL},
	{"10 AND 20 OR 30", NULL},
	{"(10 OR 20) AND 30", NULL},
	{"<<! 10", NULL},
	{"10 : 363698007 = 30", NULL},
	{"10 |Disease", NULL},
};

static void expression_constraints(struct world *w)
{
	for (size_t i = 0; i < sizeof(constraints) / sizeof(constraints[0]); i++) {
		struct error err = {0};
		struct buf got;
		struct expand_options o = {.flat = true};
		struct str url = arena_printf(&w->arena, "http://snomed.info/sct?fhir_vs=ecl/%s", constraints[i].ecl);
		const struct expansion *e = terminology_expand(w->terminology, &w->arena, url, NULL, &o, &err);
		buf_init(&got, 4096);
		for (size_t k = 0; e && k < e->count; k++)
			buf_printf(&got, "%s%.*s", k ? " " : "", STR_ARG(e->codes[k].code));
		if (!e != !constraints[i].codes || (e && !str_is(buf_str(&got), constraints[i].codes)))
			fail_msg("%s: %.*s %s", constraints[i].ecl, STR_ARG(buf_str(&got)), err.text);
		buf_done(&got);
	}
}

static void snomed(void **state)
{
	struct world *w = *state;
	struct release_report report;
	struct release_file files[] = {{S("sct2_Relationship_Full_INT.txt"), str_from(sct_relationships), false},
				       {S("sct2_Concept_Full_INT.txt"), str_from(sct_concepts), false},
				       {S("der2_cRefset_LanguageFull-en_INT.txt"), str_from(sct_language), false},
				       {S("sct2_Description_Full-en_INT.txt"), str_from(sct_terms), false},
				       {S("der2_Refset_SimpleFull_INT.txt"), str_from(sct_refset), false},
				       {S("sct2_StatedRelationship_Full_INT.txt"), str_from(sct_relationships), false}};
	add_filtered(w, "http://x/below", "http://snomed.info/sct", "concept", "is-a", "20");
	add_filtered(w, "http://x/site", "http://snomed.info/sct", "363698007", "=", "30");
	add_filtered(w, "http://x/in-refset", "http://snomed.info/sct", "concept", "in", "700");
	struct buf image = make(w, RELEASE_SNOMED, files, 6, &report);
	assert_true(files[0].used);
	assert_false(files[5].used);
	assert_true(str_is(report.version, "http://snomed.info/sct/900000000000207008/version/20240101"));
	static const struct question questions[] = {
		{NULL, "http://snomed.info/sct|10", "disease", CODE_IN, CODE_FINE},
		{NULL, "http://snomed.info/sct|10", "illness", CODE_IN, CODE_FINE},
		{NULL, "http://snomed.info/sct|10", "flu", CODE_IN, CODE_DISPLAY_WRONG},
		{NULL, "http://snomed.info/sct|40", NULL, CODE_IN, CODE_INACTIVE},
		{NULL, "http://snomed.info/sct|50", NULL, CODE_NOT_IN, CODE_INVALID},
		{NULL, "http://snomed.info/sct|20:363698007=30", NULL, CODE_UNKNOWN, CODE_SYSTEM_PARTIAL},
		{"http://x/below", "http://snomed.info/sct|30", NULL, CODE_IN, CODE_FINE},
		{"http://x/below", "http://snomed.info/sct|10", NULL, CODE_NOT_IN, CODE_NOT_MEMBER},
		{"http://x/site", "http://snomed.info/sct|20", NULL, CODE_IN, CODE_FINE},
		{"http://x/site", "http://snomed.info/sct|10", NULL, CODE_NOT_IN, CODE_NOT_MEMBER},
		{"http://x/in-refset", "http://snomed.info/sct|20", NULL, CODE_IN, CODE_FINE},
		{"http://x/in-refset", "http://snomed.info/sct|30", NULL, CODE_NOT_IN, CODE_NOT_MEMBER},
		{"http://snomed.info/sct?fhir_vs", "http://snomed.info/sct|10", NULL, CODE_IN, CODE_FINE},
		{"http://snomed.info/sct?fhir_vs=isa/10", "http://snomed.info/sct|30", NULL, CODE_IN, CODE_FINE},
		{"http://snomed.info/sct?fhir_vs=isa/10", "http://snomed.info/sct|40", NULL, CODE_NOT_IN,
		 CODE_NOT_MEMBER},
		{"http://snomed.info/sct?fhir_vs=refset/700", "http://snomed.info/sct|20", NULL, CODE_IN, CODE_FINE},
		{"http://snomed.info/sct?fhir_vs=refset", "http://snomed.info/sct|30", NULL, CODE_NOT_IN,
		 CODE_NOT_MEMBER},
		{"http://snomed.info/sct/900000000000207008?fhir_vs=isa/10", "http://snomed.info/sct|20", NULL, CODE_IN,
		 CODE_FINE},
		{"http://snomed.info/sct/731000124108?fhir_vs=isa/10", "http://snomed.info/sct|22298006", NULL,
		 CODE_UNKNOWN, CODE_SYSTEM_UNKNOWN},
		{"http://snomed.info/sct?fhir_vs=ecl/whatever", "http://snomed.info/sct|20", NULL, CODE_UNKNOWN,
		 CODE_VALUE_SET_UNDECIDED},
	};
	ask(w, questions, sizeof(questions) / sizeof(questions[0]));
	expression_constraints(w);
	assert_int_equal(terminology_subsumes(w->terminology, S("http://snomed.info/sct"), STR_NULL, S("10"), S("30")),
			 SUBSUMES);
	struct coding heart = world_coding("http://snomed.info/sct|20", NULL);
	struct code_verdict v = terminology_validate(w->terminology, &w->arena, &heart);
	assert_true(str_is(v.display, "Heart \"disease\" (disorder)"));
	terminology_free(w->terminology);
	w->terminology = NULL;
	buf_done(&image);
}

/* ---- RxNorm ------------------------------------------------------------------------------------------------------ */

static const char rx_conso[] = "1|ENG||||||101||1||RXNORM|IN|1|aspirin||N|4096|\n"
			       "1|ENG||||||102||1||RXNORM|SY|1|acetylsalicylic acid||N|4096|\n"
			       "1|ENG||||||103||D1||DRUGBANK|IN|D1|Aspirin of another source||N||\n"
			       "2|ENG||||||104||2||RXNORM|SCD|2|aspirin 81 MG Oral Tablet||N|4096|\n"
			       "3|ENG||||||105||3||RXNORM|SCD|3|aspirin 80 MG Oral Tablet||O||\n"
			       "4|ENG||||||106||4||RXNORM|SCDG|4|aspirin Oral Product||N||\n";
static const char rx_rel[] = "1||CUI|RO|2||CUI|has_ingredient|9||RXNORM|RXNORM||||\n"
			     "4||CUI|RN|2||CUI|isa|10||RXNORM|RXNORM||||\n"
			     "1||CUI|RO|3||CUI|other|11||MTH|MTH||||\n";
static const char rx_sat[] = "2|||104|AUI|2|||NDC|RXNORM|00000000001|N||\n2|||104|AUI|2|||NDC|VANDF|00000000002|N||\n";
static const char rx_sab[] = "C1|C2|RXNORM_20AA_240102F|RXNORM|RxNorm|RXNORM|20AA_240102F||||||\n";

static void rxnorm(void **state)
{
	struct world *w = *state;
	struct release_report report;
	const char *url = "http://www.nlm.nih.gov/research/umls/rxnorm";
	struct release_file files[] = {{S("RXNREL.RRF"), str_from(rx_rel), false},
				       {S("rxnconso.rrf"), str_from(rx_conso), false},
				       {S("RXNSAT.RRF"), str_from(rx_sat), false},
				       {S("RXNSAB.RRF"), str_from(rx_sab), false}};
	add_filtered(w, "http://x/scd", url, "TTY", "in", "SCD,SBD");
	add_filtered(w, "http://x/aspirin", url, "has_ingredient", "=", "CUI:1");
	add_filtered(w, "http://x/ndc", url, "NDC", "=", "00000000001");
	add_filtered(w, "http://x/ndc2", url, "NDC", "=", "00000000002");
	add_filtered(w, "http://x/isa", url, "concept", "descendent-of", "4");
	struct buf image = make(w, RELEASE_RXNORM, files, 4, &report);
	assert_true(str_is(report.version, "20AA_240102F"));
	assert_int_equal(report.concepts, 4);
#define RX "http://www.nlm.nih.gov/research/umls/rxnorm|"
	static const struct question questions[] = {
		{NULL, RX "1", "ASPIRIN", CODE_IN, CODE_FINE},
		{NULL, RX "1", "Acetylsalicylic Acid", CODE_IN, CODE_FINE},
		{NULL, RX "3", NULL, CODE_IN, CODE_INACTIVE},
		{NULL, RX "9", NULL, CODE_NOT_IN, CODE_INVALID},
		{"http://x/scd", RX "2", NULL, CODE_IN, CODE_FINE},
		{"http://x/scd", RX "1", NULL, CODE_NOT_IN, CODE_NOT_MEMBER},
		{"http://x/aspirin", RX "2", NULL, CODE_IN, CODE_FINE},
		{"http://x/aspirin", RX "3", NULL, CODE_NOT_IN, CODE_NOT_MEMBER},
		{"http://x/ndc", RX "2", NULL, CODE_IN, CODE_FINE},
		{"http://x/ndc2", RX "2", NULL, CODE_NOT_IN, CODE_NOT_MEMBER},
		{"http://x/isa", RX "2", NULL, CODE_IN, CODE_FINE},
	};
	ask(w, questions, sizeof(questions) / sizeof(questions[0]));
	terminology_free(w->terminology);
	w->terminology = NULL;
	buf_done(&image);
}

/* ---- what is wrong with files ------------------------------------------------------------------------------------ */

static const struct {
	enum release_kind kind;
	const char *name, *text, *wanted;
	enum error_code code;
} broken[] = {
	{RELEASE_LOINC, "Loinc.csv", "a,b\n1,2\n", "none of the files", ERR_STRUCTURE},
	{RELEASE_LOINC, "Loinc.csv", "LOINC_NUM,COMPONENT,SCALE_TYP,STATUS\n1-8,x,y,ACTIVE\n", "LONG_COMMON_NAME",
	 ERR_STRUCTURE},
	{RELEASE_SNOMED, "x.txt", "", "none of the files", ERR_STRUCTURE},
	{RELEASE_RXNORM, "RXNREL.RRF", "", "RXNCONSO.RRF", ERR_STRUCTURE},
	{RELEASE_RXNORM, "RXNCONSO.RRF", "1|ENG|\n", "line 1", ERR_VALUE},
	{RELEASE_SNOMED, "x.txt", "id\t\xFF\n", "UTF-8", ERR_UTF8},
};

static void broken_files(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct error err = {0};
		struct buf out;
		struct release_report report;
		struct release_file file = {str_from(broken[i].name), str_from(broken[i].text), false};
		buf_init(&out, 1 << 20);
		assert_false(release_make(broken[i].kind, &file, 1, STR_NULL, &w->arena, &out, &report, &err));
		assert_int_equal(err.code, broken[i].code);
		if (!strstr(err.text, broken[i].wanted))
			fail_msg("%zu: %s", i, err.text);
		buf_done(&out);
	}
}

/* No damage to an image may lead to a read outside of it. */
static void damaged_images(void **state)
{
	struct world *w = *state;
	struct release_report report;
	struct error err = {0};
	struct release_file files[] = {{S("a.txt"), str_from(sct_concepts), false},
				       {S("b.txt"), str_from(sct_terms), false},
				       {S("c.txt"), str_from(sct_relationships), false}};
	struct buf out;
	buf_init(&out, 1 << 20);
	assert_true(release_make(RELEASE_SNOMED, files, 3, STR_NULL, &w->arena, &out, &report, &err));
	uint32_t seed = 1;
	for (size_t i = 0; i < 3000; i++) {
		struct error e = {0};
		struct buf answer;
		struct lookup_options o = {0};
		char *copy = malloc(out.n);
		memcpy(copy, out.p, out.n);
		for (int k = 0; k < 4; k++) {
			seed = seed * 1664525u + 1013904223u;
			copy[(seed >> 8) % out.n] = (char)(seed >> 3);
		}
		size_t n = i % 10 ? out.n : i % out.n;
		struct terminology *t = terminology_new(w->canonicals, &e);
		struct coding coding = world_coding("http://snomed.info/sct|20", NULL);
		buf_init(&answer, 1 << 20);
		if (terminology_add_release(t, str_make(copy, n), &e)) {
			(void)!terminology_lookup(t, &w->arena, &coding, &o, &answer, &e);
			terminology_subsumes(t, S("http://snomed.info/sct"), STR_NULL, S("138875005"), S("30"));
		}
		buf_done(&answer);
		terminology_free(t);
		free(copy);
	}
	buf_done(&out);
}

static int open_world(void **state)
{
	static struct world w;
	world_open(&w, NULL, 0);
	*state = &w;
	return 0;
}

static int close_world(void **state)
{
	world_close(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(loinc, open_world, close_world),
		cmocka_unit_test_setup_teardown(snomed, open_world, close_world),
		cmocka_unit_test_setup_teardown(rxnorm, open_world, close_world),
		cmocka_unit_test_setup_teardown(broken_files, open_world, close_world),
		cmocka_unit_test_setup_teardown(damaged_images, open_world, close_world),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
