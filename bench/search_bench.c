/*
 * Searches of a large store, each with its p50 and p99. The store is filled on the first run: resources come from
 * bundle files, multiplied under other ids until there are enough. {patient} in a query stands for some patient's id,
 * another one each time. Usage: search_bench LOCATION RESOURCES FILE...
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "server/rest/rest.h"

enum { TXN_CHANGES = 500, ROUNDS = 100, PATIENTS = 200, MOST_MS = 2000 };

static const struct {
	const char *type, *query;
} queries[] = {
	{"Observation", "patient={patient}&code=http://loinc.org|8302-2"},
	{"Observation", "patient={patient}"},
	{"Observation", "patient={patient}&category=vital-signs&_sort=-date&_count=20"},
	{"Patient", "family=Conn"},
	{"Patient", "name=a"},
	{"Patient", "_sort=-birthdate&_count=20"},
	{"Patient", "_sort=family&_count=20"},
	{"Observation", "code=8302-2&_count=50"},
	{"Observation", "code=8302-2&_total=accurate&_count=50"},
	{"Observation", "code=8302-2&date=ge2015&_sort=-date"},
	{"Observation", "value-quantity=gt180||cm&code=8302-2"},
	{"Observation", "_sort=-date&_count=20"},
	{"Encounter", "date=ge2018-01-01&_sort=-date"},
	{"Encounter", "date=ge2018-01-01&_include=Encounter:subject"},
	{"Encounter", "_total=accurate&status=finished"},
	{"Patient", "_revinclude=Condition:subject&_count=10"},
	{"Observation", "subject.family=Conn"},
	{"Observation", "patient.gender=male&_count=20"},
	{"Observation", "code=8302-2&patient.birthdate=lt1950"},
	{"Patient", "_has:Observation:patient:code=8302-2&_count=20"},
	{"Patient", "_has:Condition:patient:code=44054006"},
	{"Patient", "gender=female&_has:Condition:patient:code=44054006&_sort=-birthdate&_count=20"},
	{"Observation", "code:text=height"},
	{"Condition", "_text=diabetes"},
	{"Condition", "_content=diabetes"},
	{"Observation", "code-value-quantity=8302-2$gt180"},
	{"Observation", "combo-code-value-quantity=8480-6$gt150&_count=20"},
	{"Patient", "birthdate=ge1980&birthdate=lt1981&gender=male"},
	{"Encounter", "_include=*&_count=20"},
	{"Encounter", "_include=Encounter:subject&_include:iterate=Patient:general-practitioner&_count=20"},
};

struct bench {
	const struct definitions *definitions;
	struct extractor *extractor;
	struct arena arena;
	struct store *store;
	struct store_change *changes;
	size_t count, capacity;
	struct str patients[PATIENTS];
	size_t patient_count;
};

static void die(const struct error *err)
{
	fprintf(stderr, "search_bench: %s\n", err->text);
	exit(1);
}

/* ---- filling -------------------------------------------------------------------------------------------------- */

static void add_file(struct bench *b, const char *path)
{
	struct str text;
	struct error err = {0};
	struct rest_transaction t;
	if (!file_read(&b->arena, str_from(path), (size_t)1 << 30, &text, &err))
		die(&err);
	const struct json *bundle = json_parse(&b->arena, text, 0, &err);
	if (!bundle || !rest_transaction_prepare(b->definitions, b->extractor, &b->arena, bundle, STR_NULL, &t, &err))
		die(&err);
	b->changes = arena_grow(&b->arena, b->changes, b->count, &b->capacity, b->count + t.count, sizeof(*b->changes));
	memcpy(b->changes + b->count, t.changes, t.count * sizeof(*t.changes));
	b->count += t.count;
}

/* The same resource under another id, its rows referring to others of the same round. */
static struct store_change twin(struct arena *a, struct store_change c, size_t round)
{
	struct index_row *rows = ARENA_ARRAY(a, struct index_row, c.row_count + 1);
	memcpy(rows, c.rows, c.row_count * sizeof(*rows));
	for (size_t i = 0; i < c.row_count; i++)
		if (rows[i].ref_id.p)
			rows[i].ref_id = arena_printf(a, "%zu-%.*s", round, STR_ARG(rows[i].ref_id));
	c.rows = rows;
	c.op = STORE_UPDATE;
	c.id = arena_printf(a, "%zu-%.*s", round, STR_ARG(c.id));
	return c;
}

static void fill(struct bench *b, size_t wanted)
{
	struct arena a;
	struct error err = {0};
	uint64_t from = clock_monotonic_ns();
	arena_init(&a, ARENA_NO_CAP);
	for (size_t done = 0; done < wanted; arena_reset(&a)) {
		struct store_change changes[TXN_CHANGES];
		struct store_txn t = {.changes = changes};
		for (; t.change_count < TXN_CHANGES && done < wanted; done++)
			changes[t.change_count++] = twin(&a, b->changes[done % b->count], done / b->count);
		if (!store_commit(b->store, &t, &err))
			die(&err);
	}
	arena_done(&a);
	printf("filled: %zu resources in %.1f s\n", wanted, (double)(clock_monotonic_ns() - from) / 1e9);
}

/* ---- searching ------------------------------------------------------------------------------------------------ */

static int compare_ns(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static bool search(struct bench *b, struct arena *a, const char *type, struct str text, struct store_page *page,
		   struct error *err)
{
	struct search_query query;
	return search_parse(b->definitions, a, definitions_resource(b->definitions, str_from(type)), text,
			    &(struct search_options){0}, &query, err) &&
	       store_search(b->store, a, &query, NULL, page, err);
}

static void find_patients(struct bench *b)
{
	struct store_page page;
	struct error err = {0};
	if (!search(b, &b->arena, "Patient", S("_count=1000"), &page, &err))
		die(&err);
	for (size_t i = 0; i < page.count && b->patient_count < PATIENTS; i += 1 + page.count / PATIENTS)
		b->patients[b->patient_count++] = page.entries[i].id;
}

static struct str fill_in(struct bench *b, struct arena *a, const char *query, int round)
{
	const char *at = strstr(query, "{patient}");
	if (!at || !b->patient_count)
		return str_from(query);
	return arena_printf(a, "%.*s%.*s%s", (int)(at - query), query,
			    STR_ARG(b->patients[(size_t)round % b->patient_count]), at + strlen("{patient}"));
}

/* What this thread has worked, which neighbours on the machine do not change. */
static uint64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void measure(struct bench *b, const char *type, const char *query)
{
	struct arena a;
	struct store_page page = {0};
	struct error err = {0};
	uint64_t ns[ROUNDS], start = clock_monotonic_ns();
	uint64_t cpu = cpu_ns();
	int rounds = 0;
	arena_init(&a, ARENA_NO_CAP);
	while (rounds < ROUNDS && (clock_monotonic_ns() - start) / 1000000 < MOST_MS && err.code == ERR_NONE) {
		arena_reset(&a);
		struct str text = fill_in(b, &a, query, rounds);
		uint64_t from = clock_monotonic_ns();
		if (search(b, &a, type, text, &page, &err))
			ns[rounds++] = clock_monotonic_ns() - from;
	}
	arena_done(&a);
	cpu = cpu_ns() - cpu;
	if (err.code != ERR_NONE) {
		printf("%s?%s: %s\n", type, query, err.text);
		return;
	}
	qsort(ns, (size_t)rounds, sizeof(*ns), compare_ns);
	printf("%s?%s: %zu entries, total %lld, p50 %.2f ms, p99 %.2f ms, CPU %.2f ms (%d rounds)\n", type, query,
	       page.count, (long long)page.total, (double)ns[rounds / 2] / 1e6, (double)ns[rounds * 99 / 100] / 1e6,
	       (double)cpu / rounds / 1e6, rounds);
}

static bool is_empty(struct bench *b)
{
	struct store_count *counts;
	size_t count;
	struct error err = {0};
	if (!store_counts(b->store, &b->arena, &counts, &count, &err))
		die(&err);
	return count == 0;
}

int main(int argc, char **argv)
{
	struct bench b = {.definitions = definitions_builtin()};
	struct error err = {0};
	if (argc < 3) {
		fprintf(stderr, "usage: search_bench LOCATION RESOURCES (FILE | TYPE?QUERY)...\n");
		return 2;
	}
	arena_init(&b.arena, ARENA_NO_CAP);
	b.extractor = extractor_new(b.definitions, &err);
	b.store = b.extractor
			  ? store_open(str_from(argv[1]), &(struct store_options){.definitions = b.definitions}, &err)
			  : NULL;
	if (!b.store)
		die(&err);
	if (is_empty(&b)) {
		for (int i = 3; i < argc; i++)
			if (!strchr(argv[i], '?'))
				add_file(&b, argv[i]);
		if (b.count)
			fill(&b, strtoul(argv[2], NULL, 10));
	}
	bool asked = false;
	find_patients(&b);
	for (int i = 3; i < argc; i++) {
		const char *mark = strchr(argv[i], '?');
		struct str type = mark ? arena_str(&b.arena, str_make(argv[i], (size_t)(mark - argv[i]))) : STR_NULL;
		if (mark)
			measure(&b, type.p, mark + 1);
		asked |= mark != NULL;
	}
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]) && !asked; i++)
		measure(&b, queries[i].type, queries[i].query);
	store_close(b.store);
	extractor_free(b.extractor);
	arena_done(&b.arena);
	return 0;
}
