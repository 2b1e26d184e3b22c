/*
 * Extraction over many real resources. FIRTH_ASSETS points to a directory that may hold synthea-2019-bundles and other
 * data; every resource found must give the same rows by the planned walk and by plain evaluation of each expression.
 * Without it a few resources of every shape stand in, and every search parameter of every type must compile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "search/search_priv.h"

struct tally {
	struct extractor *extractor;
	size_t resources, rows, bytes;
	uint64_t extract_ns;
};

static bool same(struct str a, struct str b)
{
	return !a.p == !b.p && str_eq(a, b);
}

static bool row_in(const struct index_row *row, const struct index_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct index_row *r = &rows->rows[i];
		if (r->param == row->param && r->variant == row->variant && r->element == row->element &&
		    same(r->canonical, row->canonical) && r->canonical_low == row->canonical_low &&
		    r->canonical_high == row->canonical_high && same(r->code, row->code) &&
		    same(r->system, row->system) && same(r->unit, row->unit) && same(r->text, row->text) &&
		    same(r->ref_type, row->ref_type) && same(r->ref_id, row->ref_id) && r->low == row->low &&
		    r->high == row->high && r->number_low == row->number_low && r->number_high == row->number_high)
			return true;
	}
	return false;
}

static void check_resource(struct tally *t, const struct json *resource)
{
	struct arena a;
	struct error err = {0};
	struct index_rows fast = {0}, plain = {0};
	arena_init(&a, 256 << 20);
	uint64_t start = clock_monotonic_ns();
	if (!extract(t->extractor, &a, resource, STR_NULL, &fast, &err))
		fail_msg("%.*s: %s", STR_ARG(json_get_str(resource, S("resourceType"))), err.text);
	t->extract_ns += clock_monotonic_ns() - start;
	if (!extract_plainly(definitions_builtin(), NULL, &a, resource, STR_NULL, &plain, &err))
		fail_msg("%.*s: %s", STR_ARG(json_get_str(resource, S("resourceType"))), err.text);
	for (size_t i = 0; i < fast.count; i++)
		if (!row_in(&fast.rows[i], &plain))
			fail_msg("%.*s: the plan alone finds %.*s", STR_ARG(json_get_str(resource, S("resourceType"))),
				 STR_ARG(fast.rows[i].param->code));
	for (size_t i = 0; i < plain.count; i++)
		if (!row_in(&plain.rows[i], &fast))
			fail_msg("%.*s: the plan misses %.*s", STR_ARG(json_get_str(resource, S("resourceType"))),
				 STR_ARG(plain.rows[i].param->code));
	t->resources++;
	t->rows += fast.count;
	arena_done(&a);
}

/* A file: a resource, and the resources of a bundle. */
static void check_text(struct tally *t, struct str text)
{
	struct arena a;
	struct error err = {0};
	arena_init(&a, 1 << 30);
	const struct json *j = json_parse(&a, text, 0, &err);
	const struct json *entries = json_get(j, S("entry"));
	if (definitions_resource(definitions_builtin(), json_get_str(j, S("resourceType"))))
		check_resource(t, j);
	struct json_iter it = json_iter(entries);
	while (json_next(&it)) {
		const struct json *resource = json_get(it.value, S("resource"));
		if (definitions_resource(definitions_builtin(), json_get_str(resource, S("resourceType"))))
			check_resource(t, resource);
	}
	t->bytes += text.n;
	arena_done(&a);
}

static void check_file(struct tally *t, const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return;
	struct buf b;
	buf_init(&b, 256 << 20);
	char *room;
	size_t got;
	while ((room = buf_reserve(&b, 65536)) && (got = fread(room, 1, 65536, f)) > 0)
		b.n += got;
	check_text(t, buf_str(&b));
	buf_done(&b);
	fclose(f);
}

static void check_directory(struct tally *t, const char *root, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", root, name);
	DIR *dir = opendir(path);
	struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		if (!str_ends(str_from(entry->d_name), S(".json")))
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", root, name, entry->d_name);
		check_file(t, path);
	}
	if (dir)
		closedir(dir);
}

static void plans_agree_with_plain_evaluation(void **state)
{
	(void)state;
	const char *root = getenv("FIRTH_ASSETS");
	struct error err = {0};
	struct tally t = {.extractor = extractor_new(definitions_builtin(), &err)};
	assert_non_null(t.extractor);
	if (!root) {
		print_message("skipped: FIRTH_ASSETS is not set\n");
		extractor_free(t.extractor);
		skip();
	}
	check_directory(&t, root, "synthea-2019-bundles");
	check_directory(&t, root, "fhirpath-r4-suite/input-json");
	check_directory(&t, root, "inferno-reference-data");
	check_directory(&t, root, "fhir-test-cases-r4-misc");
	check_directory(&t, root, "r4-examples");
	print_message("%zu resources, %zu rows, %.2f us a resource\n", t.resources, t.rows,
		      t.resources ? (double)t.extract_ns / 1000.0 / (double)t.resources : 0.0);
	assert_true(t.resources > 0);
	assert_true(t.rows > t.resources);
	extractor_free(t.extractor);
}

/* Each parameter of each type compiles, and each plan can be made, quickly. */
static void every_type_has_a_plan(void **state)
{
	(void)state;
	const struct definitions *d = definitions_builtin();
	size_t params = 0;
	for (size_t i = 0; i < definitions_resource_count(d); i++) {
		const struct fhir_type *type = definitions_resource_at(d, i);
		struct error err = {0};
		struct plan *plan = plan_new(d, NULL, type, &err);
		if (!plan)
			fail_msg("%.*s: %s", STR_ARG(type->name), err.text);
		plan_free(plan);
		for (size_t j = 0; j < type->search_param_count; j++)
			params += param_indexed(&type->search_params[j]);
	}
	assert_true(params > 1000);
}

enum { THREADS = 8 };

/* Every thread extracts one resource of every type, so that all of them meet each new type at the same time. */
static void *extract_every_type(void *extractor)
{
	const struct definitions *d = definitions_builtin();
	size_t wrong = 0;
	for (size_t i = 0; i < definitions_resource_count(d); i++) {
		struct arena a;
		struct error err = {0};
		struct index_rows rows = {0};
		arena_init(&a, 1 << 20);
		struct str text = arena_printf(&a, "{\"resourceType\":\"%.*s\",\"meta\":{\"tag\":[{\"code\":\"t\"}]}}",
					       STR_ARG(definitions_resource_at(d, i)->name));
		const struct json *resource = json_parse(&a, text, 0, &err);
		wrong += !extract(extractor, &a, resource, STR_NULL, &rows, &err) || rows.count == 0;
		arena_done(&a);
	}
	return (void *)(uintptr_t)wrong;
}

static void threads_share_an_extractor(void **state)
{
	(void)state;
	struct error err = {0};
	pthread_t threads[THREADS];
	struct extractor *x = extractor_new(definitions_builtin(), &err);
	assert_non_null(x);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, extract_every_type, x), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	extractor_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_a_plan),
		cmocka_unit_test(threads_share_an_extractor),
		cmocka_unit_test(plans_agree_with_plain_evaluation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
