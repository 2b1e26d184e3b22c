/* States of knowledge follow what is stored, while many threads ask and one writes. */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/rest/rest.h"

enum { ASKERS = 4, WRITES = 12 };

struct world {
	char directory[64];
	const struct definitions *definitions;
	struct extractor *extractor;
	struct store *store;
	struct knowledge *knowledge;
	atomic_int written; /* the size of the value set that a commit has made sure of */
	atomic_bool stop, failed;
};

static void write_value_set(struct world *w, int size)
{
	struct arena a;
	struct error err = {0};
	struct buf text;
	struct rest_prepared prepared;
	arena_init(&a, 16 << 20);
	buf_init(&text, 1 << 20);
	buf_add(&text, S("{\"resourceType\":\"ValueSet\",\"id\":\"v\",\"url\":\"http://example.org/v\",\"status\":"
			 "\"active\",\"compose\":{\"include\":[{\"system\":\"http://example.org/s\",\"concept\":["));
	for (int i = 0; i < size; i++)
		buf_printf(&text, "%s{\"code\":\"c%d\"}", i ? "," : "", i);
	buf_add(&text, S("]}]}}"));
	const struct json *resource = json_parse(&a, buf_str(&text), 0, &err);
	assert_non_null(resource);
	assert_true(
		rest_prepare(w->definitions, w->extractor, &a, resource, S("v"), NULL, S("http://x"), &prepared, &err));
	prepared.change.op = STORE_UPDATE;
	struct store_txn txn = {.changes = &prepared.change, .change_count = 1};
	assert_true(store_commit(w->store, &txn, &err));
	atomic_store(&w->written, size);
	buf_done(&text);
	arena_done(&a);
}

/* What was durable before the question must be in the answer. */
static void *ask(void *ctx)
{
	struct world *w = ctx;
	while (!atomic_load(&w->stop)) {
		struct arena a;
		struct error err = {0};
		int least = atomic_load(&w->written);
		arena_init(&a, 16 << 20);
		const struct knowledge_state *state = knowledge_enter(w->knowledge, 0, &err);
		const struct expansion *e =
			state ? terminology_expand(state->terminology, &a, S("http://example.org/v"), NULL,
						   &(struct expand_options){0}, &err)
			      : NULL;
		if (!e || (int)e->count < least)
			atomic_store(&w->failed, true);
		if (state)
			knowledge_leave(w->knowledge, state);
		arena_done(&a);
	}
	return NULL;
}

static void remove_directory(const char *path)
{
	char file[512];
	DIR *dir = opendir(path);
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		unlink(file);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static void test_states_follow_the_store(void **state)
{
	(void)state;
	struct world w = {.directory = "/tmp/firth-knowledge-XXXXXX", .definitions = definitions_builtin()};
	struct error err = {0};
	pthread_t threads[ASKERS];
	assert_non_null(mkdtemp(w.directory));
	w.extractor = extractor_new(w.definitions, &err);
	w.store = store_open(str_from(w.directory), &(struct store_options){.definitions = w.definitions}, &err);
	w.knowledge = knowledge_open(&(struct knowledge_options){.definitions = w.definitions, .store = w.store}, &err);
	assert_true(w.extractor && w.store && w.knowledge);
	write_value_set(&w, 1);
	for (int i = 0; i < ASKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &w), 0);
	for (int size = 2; size < 2 + WRITES; size++)
		write_value_set(&w, size);
	atomic_store(&w.stop, true);
	for (int i = 0; i < ASKERS; i++)
		pthread_join(threads[i], NULL);
	assert_false(atomic_load(&w.failed));
	knowledge_close(w.knowledge);
	store_close(w.store);
	extractor_free(w.extractor);
	remove_directory(w.directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_states_follow_the_store)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
