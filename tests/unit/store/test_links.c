/*
 * Reverse chains into many resources: whichever side they are followed from, and however far their page has come when
 * that turns out to have been the wrong one, the same resources are found.
 */
#include "fixture.h"

#include <stdio.h>

enum { PATIENTS = 2000, ONCE = 1000 };

/* Observations of a code: so many of one patient, the rest one each. */
static const struct observations {
	const char *code;
	int of, count;
	int others[3];
} observations[] = {
	{"common", 5, 5200, {9, 1200, 1999}}, /* more than are collected beforehand */
	{"few", 7, 300, {8, 1990, 0}}, /* of so few that walking through the patients does not find them soon */
	{"rare", 11, 2, {12, 13, 0}},
};

struct filling {
	struct fixture *f;
	struct arena a;
	struct store_change changes[ONCE];
	size_t count;
};

static void flush(struct filling *l)
{
	struct error err = {0};
	struct store_txn txn = {.changes = l->changes, .change_count = l->count};
	if (l->count && !store_commit(l->f->store, &txn, &err))
		fail_msg("%s", err.text);
	l->count = 0;
	arena_reset(&l->a);
}

static void add(struct filling *l, const char *text)
{
	l->changes[l->count++] = change_of(l->f, &l->a, STORE_UPDATE, text);
	if (l->count == ONCE)
		flush(l);
}

static void add_observation(struct filling *l, const char *code, int number, int patient)
{
	char text[300];
	snprintf(text, sizeof(text),
		 "{\"resourceType\":\"Observation\",\"id\":\"%s-%d\",\"status\":\"final\",\"code\":{\"coding\":[{"
		 "\"system\":\"http://s\",\"code\":\"%s\"}]},\"subject\":{\"reference\":\"Patient/%d\"}}",
		 code, number, code, patient);
	add(l, text);
}

static void fill(struct fixture *f)
{
	static struct filling l;
	char text[100];
	l = (struct filling){.f = f};
	arena_init(&l.a, ARENA_NO_CAP);
	for (int i = 0; i < PATIENTS; i++) {
		snprintf(text, sizeof(text), "{\"resourceType\":\"Patient\",\"id\":\"%d\",\"gender\":\"%s\"}", i,
			 i % 2 ? "male" : "female");
		add(&l, text);
	}
	for (size_t k = 0; k < sizeof(observations) / sizeof(observations[0]); k++) {
		const struct observations *o = &observations[k];
		for (int i = 0; i < o->count; i++)
			add_observation(&l, o->code, i, o->of);
		for (int i = 0; i < 3 && o->others[i]; i++)
			add_observation(&l, o->code, o->count + i, o->others[i]);
	}
	flush(&l);
	arena_done(&l.a);
}

/* Ids in the order found, over pages of so many. */
static void check_pages(struct fixture *f, const char *text, unsigned count, const char *ids)
{
	struct search_query query;
	struct error err = {0};
	char found[200] = "";
	size_t at = 0;
	struct str position = STR_NULL;
	if (!search_parse(f->definitions, &f->arena, type_named(f, "Patient"),
			  arena_printf(&f->arena, "%s&_count=%u", text, count), &(struct search_options){0}, &query,
			  &err))
		fail_msg("%s: %s", text, err.text);
	do {
		struct store_page page;
		const struct store_search_options how = {.position = position};
		if (!store_search(f->store, &f->arena, &query, &how, &page, &err))
			fail_msg("%s: %s", text, err.text);
		for (size_t i = 0; i < page.count; i++)
			at += (size_t)snprintf(found + at, sizeof(found) - at, "%s%.*s", at ? " " : "",
					       STR_ARG(page.entries[i].id));
		position = page.next;
	} while (position.p);
	if (strcmp(found, ids) != 0)
		fail_msg("%s by %u: %s instead of %s", text, count, found, ids);
}

static void test_has(void **state)
{
	static const struct {
		const char *query, *ids;
	} rows[] = {
		{"_has:Observation:patient:code=common", "5 9 1200 1999"},
		{"_has:Observation:patient:code=http://s|common", "5 9 1200 1999"},
		{"_has:Observation:patient:code=few", "7 8 1990"},
		{"_has:Observation:patient:code=rare", "11 12 13"},
		{"_has:Observation:patient:code=few,rare", "7 8 11 12 13 1990"},
		{"_has:Observation:patient:code=common&gender=male", "5 9 1999"},
		{"_has:Observation:patient:code=few&_has:Observation:patient:code=common", ""},
		{"_has:Observation:patient:code=nothing", ""},
	};
	static const unsigned counts[] = {1, 2, 100};
	struct fixture *f = *state;
	fill(f);
	/* What is still without index rows, and what has them. */
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
				check_pages(f, rows[i].query, counts[c], rows[i].ids);
		fixture_reopen(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_has, fixture_setup, fixture_teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
