/* From a request to cards: what speaks, what is silent, what a card says, and that records' texts stay text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "hooks/orders.h"

static struct arena whole;
static struct knowledge *k;

#define NOW 1795651200000

static int set_up(void **state)
{
	struct error err = {0};
	(void)state;
	arena_init(&whole, 64 << 20);
	k = knowledge_new(&whole, NULL, 0, &err);
	return k ? 0 : 1;
}

static int tear_down(void **state)
{
	(void)state;
	knowledge_free(k);
	arena_done(&whole);
	return 0;
}

#define RX(id, code, text)                                                                                             \
	"{\"resourceType\":\"MedicationRequest\",\"id\":\"" id "\",\"status\":\"active\",\"intent\":\"order\","        \
	"\"medicationCodeableConcept\":{\"text\":\"" text                                                              \
	"\",\"coding\":[{\"system\":\"http://www.nlm.nih.gov/research/umls/rxnorm\",\"code\":\"" code "\"}]}}"
#define ALLERGY(id, code, text)                                                                                        \
	"{\"resourceType\":\"AllergyIntolerance\",\"id\":\"" id "\",\"patient\":{\"reference\":\"Patient/1\"},"        \
	"\"criticality\":\"high\",\"code\":{\"text\":\"" text                                                          \
	"\",\"coding\":[{\"system\":\"http://www.nlm.nih.gov/research/umls/rxnorm\",\"code\":\"" code "\"}]}}"
#define ENTRY(resource) "{\"resource\":" resource "}"
#define BUNDLE(entries) "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[" entries "]}"
#define REQUEST(hook, more, orders)                                                                                    \
	"{\"hook\":\"" hook "\",\"hookInstance\":\"1\",\"context\":{\"userId\":\"Practitioner/1\",\"patientId\":"      \
	"\"1\"" more ",\"draftOrders\":" BUNDLE(orders) "}}"

struct outcome {
	struct arena a;
	struct hook_orders orders;
	struct hook_problems problems;
	struct hook_answer answer;
	struct buf written;
};

/* Cards for a request and one prefetched value. */
static void run(struct outcome *o, const char *request, const char *prefetch)
{
	struct error err = {0};
	struct hook_request r;
	struct policy policy = policy_default();
	struct hook_prefetch_value value = {S("records"), NULL};
	*o = (struct outcome){0};
	arena_init(&o->a, 64 << 20);
	buf_init(&o->written, 64 << 20);
	assert_true(hook_request_read(&o->a, str_from(request), &r, &err));
	value.value = json_parse(&o->a, str_from(prefetch), 0, &err);
	assert_string_equal(err.text, "");
	const struct hook_prefetch p = {&value, 1};
	const struct hook_orders_options options = {k, &policy, S(""), NOW};
	assert_true(hook_orders_check(&options, &o->a, &r, &p, &o->orders, &err));
	assert_true(hook_orders_problems(&options, &o->a, &o->orders, &o->problems, &err));
	for (size_t i = 0; i < o->problems.count; i++)
		assert_true(
			hook_orders_card(&options, &o->a, &o->orders, &o->problems.items[i], false, &o->answer, &err));
	assert_true(hook_answer_write(&o->answer, &o->written, &err));
	assert_non_null(json_parse(&o->a, buf_str(&o->written), 0, &err));
}

static void end(struct outcome *o)
{
	buf_done(&o->written);
	arena_done(&o->a);
}

#define AMOXICILLIN RX("d1", "723", "amoxicillin 500 mg")
#define WARFARIN    RX("m1", "11289", "warfarin 5 mg")
#define IBUPROFEN   RX("d2", "5640", "ibuprofen 400 mg")

static void test_allergy(void **state)
{
	struct outcome o;
	(void)state;
	run(&o, REQUEST("order-sign", "", ENTRY(AMOXICILLIN)), BUNDLE(ENTRY(ALLERGY("a1", "723", "Amoxicillin"))));
	assert_int_equal(o.answer.count, 1);
	const struct hook_card *card = &o.answer.cards[0];
	assert_int_equal(card->indicator, HOOK_CRITICAL);
	assert_true(str_starts(card->summary, S("Amoxicillin: recorded allergy to amoxicillin")));
	assert_true(str_find(card->detail, S("AllergyIntolerance/a1")) != STR_NONE);
	assert_true(str_find(card->detail, S("MedicationRequest/d1")) != STR_NONE);
	assert_true(str_find(card->detail, S(KNOWLEDGE_VERSION)) != STR_NONE);
	assert_true(str_is(card->suggestions[0].actions[0].resource_id, "MedicationRequest/d1"));
	assert_int_equal(card->suggestions[0].actions[0].type, HOOK_DELETE);
	assert_true(card->override_reason_count > 0);
	assert_true(str_is(card->source.topic.code, "allergyAX001amoxicillin"));
	end(&o);
}

static void test_silent(void **state)
{
	struct outcome o;
	(void)state;
	run(&o, REQUEST("order-sign", "", ENTRY(AMOXICILLIN)), BUNDLE(ENTRY(ALLERGY("a1", "5640", "Ibuprofen"))));
	assert_int_equal(o.answer.count, 0);
	assert_true(str_is(buf_str(&o.written), "{\"cards\":[]}"));
	end(&o);
}

/* Only what is about the selection, though other drafts are looked at as well. */
static void test_selection(void **state)
{
	static const char both[] = REQUEST("order-select", ",\"selections\":[\"MedicationRequest/d1\"]",
					   ENTRY(AMOXICILLIN) "," ENTRY(IBUPROFEN));
	static const char other[] = REQUEST("order-select", ",\"selections\":[\"MedicationRequest/d2\"]",
					    ENTRY(AMOXICILLIN) "," ENTRY(IBUPROFEN));
	struct outcome o;
	(void)state;
	run(&o, both, BUNDLE(ENTRY(ALLERGY("a1", "5640", "Ibuprofen"))));
	assert_int_equal(o.answer.count, 0);
	end(&o);
	run(&o, other, BUNDLE(ENTRY(ALLERGY("a1", "5640", "Ibuprofen"))));
	assert_int_equal(o.answer.count, 1);
	end(&o);
}

/* The same drug taken by two records is one problem. */
static void test_grouped(void **state)
{
	struct outcome o;
	(void)state;
	run(&o, REQUEST("order-sign", "", ENTRY(IBUPROFEN)),
	    BUNDLE(ENTRY(RX("m1", "5640", "ibuprofen")) "," ENTRY(RX("m2", "5640", "ibuprofen 600"))));
	assert_int_equal(o.orders.findings.count, 2);
	assert_int_equal(o.answer.count, 1);
	assert_true(str_find(o.answer.cards[0].detail, S("MedicationRequest/m1")) != STR_NONE);
	assert_true(str_find(o.answer.cards[0].detail, S("MedicationRequest/m2")) != STR_NONE);
	end(&o);
}

static void test_unread(void **state)
{
	struct outcome o;
	(void)state;
	run(&o,
	    REQUEST("order-sign", "",
		    ENTRY("{\"resourceType\":\"MedicationRequest\",\"id\":\"d1\",\"status\":\"draft\","
			  "\"medicationCodeableConcept\":{\"text\":\"frobnicate 5 mg\"}}")),
	    BUNDLE(ENTRY("{\"resourceType\":\"AllergyIntolerance\",\"id\":\"a1\",\"code\":{\"text\":\"xyzzy\"}}") "," ENTRY(
		    "{\"resourceType\":\"AllergyIntolerance\",\"id\":\"a2\",\"code\":{\"text\":\"plugh\"}}")));
	assert_int_equal(o.answer.count, 2);
	assert_true(str_is(o.answer.cards[0].summary, "2 recorded allergies could not be read: not checked"));
	assert_true(str_is(o.answer.cards[1].summary, "frobnicate 5 mg could not be read: not checked"));
	end(&o);
}

static struct str about_of(const char *drafts, const char *records, char *ret_text)
{
	struct outcome o;
	char request[4000];
	snprintf(request, sizeof(request), REQUEST("order-sign", "", "%s"), drafts);
	run(&o, request, records);
	assert_int_equal(o.problems.count, 1);
	struct str about = o.problems.items[0].about;
	assert_int_equal(about.n, 32);
	memcpy(ret_text, about.p, about.n);
	end(&o);
	return str_make(ret_text, 32);
}

/* What an override is remembered by: the same whatever the order and ids, another with one more drug or record. */
static void test_about(void **state)
{
	static const char unread[] =
		"{\"resourceType\":\"AllergyIntolerance\",\"id\":\"u%s\",\"code\":{\"text\":\"xyzzy\"}}";
	char a[32], b[32], c[32], one[400], two[400], both[1000];
	(void)state;
	struct str first = about_of(ENTRY(IBUPROFEN), BUNDLE(ENTRY(WARFARIN)), a);
	struct str again =
		about_of(ENTRY(RX("other", "5640", "Advil")), BUNDLE(ENTRY(RX("m9", "11289", "Coumadin"))), b);
	assert_true(str_eq(first, again));
	struct str naproxen = about_of(ENTRY(RX("d2", "7258", "naproxen")), BUNDLE(ENTRY(WARFARIN)), c);
	assert_false(str_eq(first, naproxen));
	snprintf(one, sizeof(one), unread, "1");
	snprintf(two, sizeof(two), unread, "2");
	snprintf(both, sizeof(both), BUNDLE(ENTRY("%s")), one);
	first = about_of(ENTRY(AMOXICILLIN), both, a);
	snprintf(both, sizeof(both), BUNDLE(ENTRY("%s") "," ENTRY("%s")), one, two);
	again = about_of(ENTRY(AMOXICILLIN), both, b);
	assert_false(str_eq(first, again));
	snprintf(both, sizeof(both), BUNDLE(ENTRY("%s") "," ENTRY("%s")), two, one);
	assert_true(str_eq(again, about_of(ENTRY(AMOXICILLIN), both, c)));
}

static void test_hostile(void **state)
{
	struct outcome o;
	(void)state;
	run(&o, REQUEST("order-sign", "", ENTRY(RX("d1", "723", "[x](javascript:alert(1)) <img src=x>"))),
	    BUNDLE(ENTRY(ALLERGY("a1", "723", "\\n# Amoxicillin **bold** https://evil.example"))));
	assert_int_equal(o.answer.count, 1);
	struct str detail = o.answer.cards[0].detail;
	assert_true(str_find(detail, S("](javascript")) == STR_NONE ||
		    str_find(detail, S("\\](javascript")) != STR_NONE);
	assert_true(str_find(detail, S("<img")) == STR_NONE);
	assert_true(str_find(detail, S("\n# ")) == STR_NONE);
	assert_true(str_find(detail, S("https://evil")) == STR_NONE);
	end(&o);
}

/* A Medication by reference, at hand and not. */
static void test_references(void **state)
{
#define BY_REFERENCE                                                                                                   \
	"{\"resourceType\":\"MedicationRequest\",\"id\":\"d1\",\"status\":\"draft\",\"medicationReference\":{"         \
	"\"reference\":\"https://ehr/Medication/7\"}}"
#define MEDICATION                                                                                                     \
	"{\"resourceType\":\"Medication\",\"id\":\"7\",\"code\":{\"coding\":[{\"system\":"                             \
	"\"http://www.nlm.nih.gov/research/umls/rxnorm\",\"code\":\"723\"}]}}"
	struct error err = {0};
	struct outcome o;
	struct hook_request r;
	struct str missing[4];
	const struct hook_prefetch none = {0};
	(void)state;
	run(&o, REQUEST("order-sign", "", ENTRY(BY_REFERENCE)),
	    BUNDLE(ENTRY(ALLERGY("a1", "723", "Amoxicillin")) "," ENTRY(MEDICATION)));
	assert_int_equal(o.answer.count, 1);
	assert_true(hook_request_read(&o.a, S(REQUEST("order-sign", "", ENTRY(BY_REFERENCE) "," ENTRY(BY_REFERENCE))),
				      &r, &err));
	assert_int_equal(hook_orders_missing(&o.a, &r, &none, missing, 4, &err), 1);
	assert_true(str_is(missing[0], "Medication/7"));
	/* The same id at another server is another Medication. */
	r.fhir_server = S("https://elsewhere");
	assert_int_equal(hook_orders_missing(&o.a, &r, &none, missing, 4, &err), 0);
	r.fhir_server = S("https://ehr");
	assert_int_equal(hook_orders_missing(&o.a, &r, &none, missing, 4, &err), 1);
	end(&o);
	/* By the URL of its entry. */
	run(&o,
	    REQUEST("order-sign", "",
		    ENTRY("{\"resourceType\":\"MedicationRequest\",\"id\":\"d1\",\"status\":\"draft\","
			  "\"medicationReference\":{\"reference\":\"urn:uuid:9\"}}") ",{\"fullUrl\":\"urn:uuid:9\","
										     "\"resource\":" MEDICATION "}"),
	    BUNDLE(ENTRY(ALLERGY("a1", "723", "Amoxicillin"))));
	assert_int_equal(o.answer.count, 1);
	end(&o);
}

/* A warning that can be lived with offers to keep the order with the advice on it; advice against it does not. */
static const struct {
	const char *record;
	size_t cards;
} records_taken[] = {
	/* warfarin beside ibuprofen, as records that are no MedicationRequest tell it; the time is 2026-11-26 */
	{"\"MedicationOrder\",\"status\":\"active\"", 1},
	{"\"MedicationOrder\",\"status\":\"completed\"", 0},
	{"\"MedicationStatement\",\"status\":\"active\"", 1},
	{"\"MedicationDispense\",\"status\":\"completed\"", 1},
	{"\"MedicationDispense\",\"status\":\"completed\",\"whenHandedOver\":\"2026-11-01\",\"daysSupply\":{\"value\":"
	 "30}",
	 1},
	{"\"MedicationDispense\",\"status\":\"completed\",\"whenHandedOver\":\"2026-10-01\",\"daysSupply\":{\"value\":"
	 "30}",
	 0},
	{"\"MedicationDispense\",\"status\":\"completed\",\"whenHandedOver\":\"2026-10-01\"", 1},
	{"\"MedicationDispense\",\"status\":\"completed\",\"whenHandedOver\":\"2026-01-01\"", 0},
	{"\"MedicationDispense\",\"status\":\"cancelled\"", 0},
	{"\"MedicationAdministration\",\"status\":\"completed\",\"effectiveDateTime\":\"2026-11-25T08:00:00Z\"", 1},
	{"\"MedicationAdministration\",\"status\":\"completed\",\"effectiveDateTime\":\"2026-11-20T08:00:00Z\"", 0},
	{"\"MedicationAdministration\",\"status\":\"in-progress\",\"effectiveDateTime\":\"2026-11-20T08:00:00Z\"", 1},
	{"\"MedicationAdministration\",\"status\":\"not-done\"", 0},
};

static void test_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(records_taken) / sizeof(*records_taken); i++) {
		struct outcome o;
		char records[1024];
		snprintf(records, sizeof(records),
			 "{\"resourceType\":%s,\"id\":\"w\",\"medicationCodeableConcept\":{\"coding\":[{\"system\":"
			 "\"http://www.nlm.nih.gov/research/umls/rxnorm\",\"code\":\"11289\"}]}}",
			 records_taken[i].record);
		run(&o, REQUEST("order-sign", "", ENTRY(RX("1", "5640", "ibuprofen"))), records);
		if (o.answer.count != records_taken[i].cards)
			print_error("%s\n", records_taken[i].record);
		assert_int_equal(o.answer.count, records_taken[i].cards);
		end(&o);
	}
}

/* What a renewal takes the place of, and what was handed out for that, is no second drug. */
static void test_renewal(void **state)
{
	static const char order[] =
		"{\"resourceType\":\"MedicationRequest\",\"id\":\"2\",\"status\":\"draft\",\"intent\":\"order\","
		"\"priorPrescription\":{\"reference\":\"MedicationRequest/1\"},"
		"\"medicationCodeableConcept\":{\"text\":\"warfarin 5 mg tablet\"}}";
	static const char handed[] =
		"{\"resourceType\":\"MedicationDispense\",\"id\":\"3\",\"status\":\"completed\","
		"\"authorizingPrescription\":"
		"[{\"reference\":\"MedicationRequest/%s\"}],\"medicationCodeableConcept\":{\"text\":\"warfarin\"}}";
	struct outcome o;
	char request[2048], records[2048], dispense[512];
	(void)state;
	for (int other = 0; other < 2; other++) {
		snprintf(request, sizeof(request), REQUEST("order-sign", "", "{\"resource\":%s}"), order);
		snprintf(dispense, sizeof(dispense), handed, other ? "9" : "1");
		snprintf(records, sizeof(records), BUNDLE(ENTRY("%s") "," ENTRY("%s")), RX("1", "11289", "warfarin"),
			 dispense);
		run(&o, request, records);
		assert_int_equal(o.answer.count, other);
		end(&o);
	}
}

/* A citation with an address is a link; there is none where there is no address. */
static void test_link(void **state)
{
	struct outcome o;
	(void)state;
	run(&o, REQUEST("order-sign", "", ENTRY(RX("1", "5640", "ibuprofen"))),
	    BUNDLE(ENTRY(RX("2", "11289", "warfarin"))));
	assert_int_equal(o.answer.count, 1);
	assert_int_equal(o.answer.cards[0].link_count, 1);
	assert_true(str_is(o.answer.cards[0].links[0].url, "https://ddi-cds.org/warfarin-nsaids/"));
	assert_true(str_is(o.answer.cards[0].links[0].label, "What the rule rests on, at ddi-cds.org"));
	assert_false(o.answer.cards[0].links[0].smart);
	end(&o);
	run(&o, REQUEST("order-sign", "", ENTRY(RX("1", "723", "amoxicillin"))), ALLERGY("a", "723", "amoxicillin"));
	assert_int_equal(o.answer.cards[0].link_count, 0);
	end(&o);
}

static void test_older_order(void **state)
{
	struct outcome o;
	(void)state;
	run(&o,
	    REQUEST("order-sign", "",
		    ENTRY("{\"resourceType\":\"MedicationOrder\",\"id\":\"7\",\"status\":\"draft\","
			  "\"medicationCodeableConcept\":{\"text\":\"Amoxicillin 500 mg\"}}")),
	    ALLERGY("a", "723", "amoxicillin"));
	assert_int_equal(o.answer.count, 1);
	assert_int_equal(o.answer.cards[0].suggestion_count, 1);
	end(&o);
}

static void test_suggestions(void **state)
{
	static const struct {
		const char *drafts, *taken;
		const char *labels[3];
	} cases[] = {
		{ENTRY(IBUPROFEN), ENTRY(WARFARIN), {"Remove ibuprofen"}},
		{ENTRY(IBUPROFEN) "," ENTRY(RX("d3", "11289", "warfarin")),
		 "",
		 {"Remove ibuprofen", "Remove warfarin"}},
		{ENTRY(RX("d1", "11289", "warfarin")),
		 ENTRY(RX("m1", "8183", "phenytoin")),
		 {"Remove warfarin", "Keep warfarin, with the advice as a note"}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct outcome o;
		char request[4000], taken[4000];
		snprintf(request, sizeof(request), REQUEST("order-sign", "", "%s"), cases[i].drafts);
		snprintf(taken, sizeof(taken), BUNDLE("%s"), cases[i].taken);
		run(&o, request, taken);
		assert_true(o.answer.count > 0);
		const struct hook_card *card = &o.answer.cards[0];
		for (size_t n = 0; n < 3; n++) {
			struct str label = n < card->suggestion_count ? card->suggestions[n].label : S("");
			if (!str_is(label, cases[i].labels[n] ? cases[i].labels[n] : ""))
				fail_msg("case %zu: %.*s: %.*s", i, STR_ARG(card->summary), STR_ARG(label));
		}
		if (card->suggestion_count > 1)
			assert_true(card->at_most_one);
		end(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allergy), cmocka_unit_test(test_silent),	   cmocka_unit_test(test_selection),
		cmocka_unit_test(test_grouped), cmocka_unit_test(test_unread),	   cmocka_unit_test(test_about),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_references), cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_taken),	cmocka_unit_test(test_renewal),	   cmocka_unit_test(test_older_order),
		cmocka_unit_test(test_link),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
