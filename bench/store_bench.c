/*
 * What the store alone does: loading, reading at random, small durable creates, read audits, searches. Resources come
 * from bundle files, made ready beforehand and multiplied under other ids until there are enough.
 * Usage: store_bench DIRECTORY RESOURCES FILE...
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/file.h"
#include "server/rest/rest.h"

enum { TXN_CHANGES = 50, IN_FLIGHT = 200, READERS = 2, READ_SECONDS = 3, SUBMITTERS = 16, AUDITS = 200000 };

struct bench {
	const struct definitions *definitions;
	struct extractor *extractor;
	struct arena arena; /* prepared resources */
	struct store_change *changes;
	size_t count, capacity, wanted;
	struct store *store;
	_Atomic uint64_t committed;
	_Atomic bool stop;
	sem_t slots;
};

static void die(const struct error *err)
{
	fprintf(stderr, "store_bench: %s\n", err->text);
	exit(1);
}

static double seconds(uint64_t from)
{
	return (double)(clock_monotonic_ns() - from) / 1e9;
}

static double cpu_seconds(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- resources
 * -------------------------------------------------------------------------------------------------------- */

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

/* The same resource under another id, referring to others under theirs. */
static struct store_change twin(struct bench *b, struct store_change c, size_t round)
{
	struct index_row *rows = ARENA_ARRAY(&b->arena, struct index_row, c.row_count + 1);
	memcpy(rows, c.rows, c.row_count * sizeof(*rows));
	for (size_t i = 0; i < c.row_count; i++)
		if (rows[i].ref_id.p)
			rows[i].ref_id = arena_printf(&b->arena, "%zu-%.*s", round, STR_ARG(rows[i].ref_id));
	c.rows = rows;
	c.id = arena_printf(&b->arena, "%zu-%.*s", round, STR_ARG(c.id));
	return c;
}

static void multiply(struct bench *b)
{
	size_t first = b->count;
	b->changes = arena_grow(&b->arena, b->changes, b->count, &b->capacity, b->wanted, sizeof(*b->changes));
	for (; b->count < b->wanted; b->count++)
		b->changes[b->count] = twin(b, b->changes[b->count % first], b->count / first);
	if (b->count > b->wanted)
		b->count = b->wanted;
}

/* ---- loading
 * ---------------------------------------------------------------------------------------------------------- */

static void loaded(void *ctx, struct store_txn *txn)
{
	struct bench *b = ctx;
	if (txn->err.code != ERR_NONE)
		die(&txn->err);
	atomic_fetch_add(&b->committed, txn->change_count);
	sem_post(&b->slots);
	free(txn);
}

static void load(struct bench *b)
{
	uint64_t rows = 0, bytes = 0, from = clock_monotonic_ns();
	double cpu = cpu_seconds();
	sem_init(&b->slots, 0, IN_FLIGHT);
	for (size_t i = 0; i < b->count; i += TXN_CHANGES) {
		struct store_txn *t = calloc(1, sizeof(*t));
		t->changes = b->changes + i;
		t->change_count = b->count - i < TXN_CHANGES ? b->count - i : TXN_CHANGES;
		t->done = loaded;
		t->ctx = b;
		for (size_t j = 0; j < t->change_count; j++) {
			t->changes[j].op = STORE_UPDATE;
			rows += t->changes[j].row_count;
			bytes += t->changes[j].stored.n;
		}
		sem_wait(&b->slots);
		store_submit(b->store, t);
	}
	for (int i = 0; i < IN_FLIGHT; i++)
		sem_wait(&b->slots);
	double s = seconds(from);
	printf("load: %zu resources in %.2f s: %.0f/s, %.1f index rows and %.0f bytes each, %.1f us of CPU each\n",
	       b->count, s, (double)b->count / s, (double)rows / (double)b->count, (double)bytes / (double)b->count,
	       (cpu_seconds() - cpu) * 1e6 / (double)b->count);
}

/* ---- reading and writing by threads
 * -------------------------------------------------------------------------------------- */

struct worker {
	struct bench *b;
	pthread_t thread;
	uint64_t done, seed;
	uint32_t *ns; /* latencies */
	size_t ns_count, ns_capacity;
};

static void note(struct worker *w, uint64_t ns)
{
	w->done++;
	if (w->ns_count == w->ns_capacity) {
		w->ns_capacity = w->ns_capacity ? w->ns_capacity * 2 : 65536;
		w->ns = realloc(w->ns, w->ns_capacity * sizeof(*w->ns));
	}
	w->ns[w->ns_count++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static void *read_thread(void *ctx)
{
	struct worker *w = ctx;
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	while (!atomic_load(&w->b->stop)) {
		w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
		const struct store_change *c = &w->b->changes[(w->seed >> 33) % w->b->count];
		struct store_entry e;
		struct error err = {0};
		uint64_t from = clock_monotonic_ns();
		if (!store_read(w->b->store, &a, c->type, c->id, 0, &e, &err))
			die(&err);
		note(w, clock_monotonic_ns() - from);
		arena_reset(&a);
	}
	arena_done(&a);
	return NULL;
}

static void *create_thread(void *ctx)
{
	struct worker *w = ctx;
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	while (!atomic_load(&w->b->stop)) {
		struct store_change c = w->b->changes[w->done % w->b->count];
		struct audit_event event = {.action = 'C',
					    .interaction = S("create"),
					    .agent = S("bench"),
					    .http_status = 201,
					    .type = c.type->name};
		struct store_txn t = {.changes = &c, .change_count = 1, .events = &event, .event_count = 1};
		struct error err = {0};
		c.op = STORE_CREATE;
		c.id = arena_printf(&a, "%llx-%llx", (unsigned long long)w->seed, (unsigned long long)w->done);
		uint64_t from = clock_monotonic_ns();
		if (!store_commit(w->b->store, &t, &err))
			die(&err);
		note(w, clock_monotonic_ns() - from);
		arena_reset(&a);
	}
	arena_done(&a);
	return NULL;
}

static int compare_ns(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void run_threads(struct bench *b, const char *what, int threads, void *(*body)(void *))
{
	struct worker *workers = calloc((size_t)threads, sizeof(*workers));
	struct worker all = {0};
	struct timespec pause = {.tv_sec = READ_SECONDS};
	double cpu = cpu_seconds();
	uint64_t from = clock_monotonic_ns();
	atomic_store(&b->stop, false);
	for (int i = 0; i < threads; i++) {
		workers[i].b = b;
		workers[i].seed = from * 31 + (uint64_t)i;
		pthread_create(&workers[i].thread, NULL, body, &workers[i]);
	}
	nanosleep(&pause, NULL);
	atomic_store(&b->stop, true);
	for (int i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		for (size_t j = 0; j < workers[i].ns_count; j++)
			note(&all, workers[i].ns[j]);
		free(workers[i].ns);
	}
	double s = seconds(from);
	qsort(all.ns, all.ns_count, sizeof(*all.ns), compare_ns);
	printf("%s: %d threads, %.0f/s, p50 %.1f us, p99 %.1f us, %.1f us of CPU each\n", what, threads,
	       (double)all.done / s, all.ns[all.ns_count / 2] / 1e3, all.ns[all.ns_count * 99 / 100] / 1e3,
	       (cpu_seconds() - cpu) * 1e6 / (double)all.done);
	free(all.ns);
	free(workers);
}

static void audits(struct bench *b)
{
	struct audit_event event = {.action = 'R',
				    .interaction = S("read"),
				    .http_status = 200,
				    .agent = S("client-1234"),
				    .address = S("127.0.0.1"),
				    .request_id = S("0193f8a0-0000-7000-8000-000000000000"),
				    .type = S("Patient"),
				    .id = S("67e13ece-8aed-46fa-ab6c-673137d5460e")};
	struct error err = {0};
	uint64_t from = clock_monotonic_ns();
	double cpu = cpu_seconds();
	for (int i = 0; i < AUDITS; i++)
		if (!store_audit(b->store, &event, 1, &err))
			die(&err);
	struct store_fact flush = {S("bench"), S("end"), S("1"), 0, false};
	if (!store_fact_put(b->store, &flush, &err))
		die(&err);
	printf("audit: %.0f/s, %.1f us of CPU each\n", AUDITS / seconds(from), (cpu_seconds() - cpu) * 1e6 / AUDITS);
}

/* ---- searching
 * ---------------------------------------------------------------------------------------------------------- */

static void search(struct bench *b, const char *type, const char *text)
{
	struct arena a;
	struct search_query query;
	struct store_page page;
	struct error err = {0};
	enum { ROUNDS = 50 };
	uint64_t took = 0;
	arena_init(&a, ARENA_NO_CAP);
	for (int i = 0; i < ROUNDS; i++) {
		arena_reset(&a);
		if (!search_parse(b->definitions, &a, definitions_resource(b->definitions, str_from(type)),
				  str_from(text), &(struct search_options){0}, &query, &err))
			die(&err);
		uint64_t from = clock_monotonic_ns();
		if (!store_search(b->store, &a, &query, NULL, &page, &err))
			die(&err);
		took += clock_monotonic_ns() - from;
	}
	printf("search %s?%s: %zu entries, total %lld, %.0f us\n", type, text, page.count, (long long)page.total,
	       (double)took / ROUNDS / 1e3);
	arena_done(&a);
}

static struct store *reopen(struct bench *b, const char *directory, bool bulk)
{
	struct error err = {0};
	store_close(b->store);
	uint64_t from = clock_monotonic_ns();
	b->store = store_open(str_from(directory), &(struct store_options){.definitions = b->definitions, .bulk = bulk},
			      &err);
	if (!b->store)
		die(&err);
	printf("open: %.1f ms\n", seconds(from) * 1e3);
	return b->store;
}

int main(int argc, char **argv)
{
	struct bench b = {.definitions = definitions_builtin()};
	struct error err = {0};
	if (argc < 4) {
		fprintf(stderr, "usage: store_bench DIRECTORY RESOURCES FILE...\n");
		return 2;
	}
	arena_init(&b.arena, ARENA_NO_CAP);
	b.extractor = extractor_new(b.definitions, &err);
	if (!b.extractor)
		die(&err);
	b.wanted = strtoul(argv[2], NULL, 10);
	for (int i = 3; i < argc && b.count < b.wanted; i++)
		add_file(&b, argv[i]);
	multiply(&b);
	printf("prepared %zu resources\n", b.count);
	reopen(&b, argv[1], true);
	load(&b);
	reopen(&b, argv[1], false);
	run_threads(&b, "read", 1, read_thread);
	run_threads(&b, "read", READERS, read_thread);
	search(&b, "Patient", "family=Conn");
	search(&b, "Observation", "code=8302-2");
	search(&b, "Observation", "code=8302-2&_total=accurate");
	search(&b, "Observation", "code=8302-2&date=ge2015&_sort=-date");
	search(&b, "Observation", "value-quantity=gt180||cm&code=8302-2");
	search(&b, "Encounter", "date=ge2018-01-01&_include=Encounter:subject");
	search(&b, "Patient", "_revinclude=Condition:subject&_count=10");
	run_threads(&b, "create", 1, create_thread);
	run_threads(&b, "create", SUBMITTERS, create_thread);
	audits(&b);
	store_close(b.store);
	extractor_free(b.extractor);
	arena_done(&b.arena);
	return 0;
}
