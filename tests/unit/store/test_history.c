/* Histories of one resource, of a type and of all: bounds, pages of one snapshot, deletions. */
#include <stdio.h>
#include <unistd.h>

#include "fixture.h"

/* The history as text: "b3 a2! a1", one word per entry, ! for deletions, pages joined by |. */
static const char *history(struct fixture *f, struct store_history_query q)
{
	struct store_page page = {0};
	struct error err = {0};
	struct buf out;
	buf_init(&out, 1 << 16);
	int64_t snapshot = 0;
	do {
		q.position = page.next;
		if (!store_history(f->store, &f->arena, &q, &page, &err))
			return error_name(err.code);
		assert_true(!snapshot || snapshot == page.snapshot);
		snapshot = page.snapshot;
		for (size_t i = 0; i < page.count; i++) {
			const struct store_entry *e = &page.entries[i];
			assert_int_equal(e->op == STORE_DELETE, !e->body.p);
			buf_printf(&out, "%s%.*s%d%s", i ? " " : "", STR_ARG(e->id), (int)e->version,
				   e->op == STORE_DELETE ? "!" : "");
		}
		buf_add(&out, page.next.p ? S("|") : S(""));
	} while (page.next.p);
	struct str text = arena_printf(&f->arena, "%.*s", STR_ARG(buf_str(&out)));
	buf_done(&out);
	return text.p;
}

static int64_t time_of(struct fixture *f, const char *id, int64_t version)
{
	struct store_entry e = {0};
	struct error err = {0};
	assert_true(store_read(f->store, &f->arena, type_named(f, "Patient"), str_from(id), version, &e, &err));
	assert_int_not_equal(e.updated_ms, 0);
	return e.updated_ms;
}

static void later(struct fixture *f)
{
	(void)f;
	usleep(5000);
}

/* a1 a2 b1 o1 (an Observation) a3! b2 a4, some ms apart. */
static void fill(struct fixture *f)
{
	struct store_change gone = deletion_of(f, "Patient", "a");
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true}");
	later(f);
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":false}");
	later(f);
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"b\"}");
	later(f);
	put(f, "{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"
	       "\"subject\":{\"reference\":\"Patient/a\"}}");
	later(f);
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	later(f);
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"b\",\"active\":true}");
	later(f);
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true}");
	later(f);
}

static void check_all(struct fixture *f)
{
	const struct fhir_type *patient = type_named(f, "Patient");
	assert_string_equal(history(f, (struct store_history_query){.max = 100}), "a4 b2 a3! o1 b1 a2 a1");
	assert_string_equal(history(f, (struct store_history_query){.max = 3}), "a4 b2 a3!|o1 b1 a2|a1");
	assert_string_equal(history(f, (struct store_history_query){.type = patient, .max = 100}),
			    "a4 b2 a3! b1 a2 a1");
	assert_string_equal(history(f, (struct store_history_query){.type = patient, .max = 4}), "a4 b2 a3! b1|a2 a1");
	assert_string_equal(history(f, (struct store_history_query){.type = patient, .id = S("a"), .max = 2}),
			    "a4 a3!|a2 a1");
	assert_string_equal(history(f, (struct store_history_query){.type = type_named(f, "Device"), .max = 2}), "");
	assert_string_equal(history(f, (struct store_history_query){.type = patient, .id = S("c"), .max = 2}),
			    "NOT_FOUND");
	/* Referred to, but never stored. */
	put(f, "{\"resourceType\":\"Device\",\"id\":\"d\",\"patient\":{\"reference\":\"Patient/z\"}}");
	assert_string_equal(history(f, (struct store_history_query){.type = patient, .id = S("z"), .max = 2}),
			    "NOT_FOUND");
}

static void test_scopes(void **state)
{
	struct fixture *f = *state;
	fill(f);
	check_all(f);
}

/* The same when the versions have their index entries. */
static void test_scopes_indexed(void **state)
{
	struct fixture *f = *state;
	fill(f);
	fixture_reopen(f);
	check_all(f);
}

static void test_bounds(void **state)
{
	struct fixture *f = *state;
	const struct fhir_type *patient = type_named(f, "Patient");
	fill(f);
	int64_t a2 = time_of(f, "a", 2), b1 = time_of(f, "b", 1), b2 = time_of(f, "b", 2);
	struct store_history_query q = {.type = patient, .since_ms = b1, .max = 10};
	assert_string_equal(history(f, q), "a4 b2 a3! b1");
	q.since_ms = b1 + 1;
	assert_string_equal(history(f, q), "a4 b2 a3!");
	q.until_ms = b2 - 1;
	assert_string_equal(history(f, q), "a3!");
	q.id = S("a");
	assert_string_equal(history(f, q), "a3!");
	q = (struct store_history_query){.type = patient, .at_low_ms = b1, .at_high_ms = b1, .max = 10};
	assert_string_equal(history(f, q), "b1 a2");
	q.at_low_ms = a2 - 1;
	q.at_high_ms = a2;
	assert_string_equal(history(f, q), "a2 a1");
	q.at_low_ms = b2;
	q.at_high_ms = b2;
	assert_string_equal(history(f, q), "b2");
	q.at_high_ms = INT64_MAX;
	assert_string_equal(history(f, q), "a4 b2");
	q.at_low_ms = 1;
	q.at_high_ms = 2;
	assert_string_equal(history(f, q), "");
	q = (struct store_history_query){.since_ms = 1, .until_ms = INT64_MAX, .max = 2};
	assert_string_equal(history(f, q), "a4 b2|a3! o1|b1 a2|a1");
}

/* What is written after the first page is not on the later ones, and the total stays. */
static void test_snapshot(void **state)
{
	struct fixture *f = *state;
	struct store_page first, second;
	struct error err = {0};
	struct store_history_query q = {.type = type_named(f, "Patient"), .id = S("a"), .max = 2};
	fill(f);
	assert_true(store_history(f->store, &f->arena, &q, &first, &err));
	assert_int_equal(first.total, 4);
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":false}");
	q.position = first.next;
	assert_true(store_history(f->store, &f->arena, &q, &second, &err));
	assert_int_equal(second.count, 2);
	assert_int_equal(second.total, 4);
	assert_int_equal(second.entries[0].version, 2);
	assert_null(second.next.p);
	const char *const wrong[] = {"", "1", "-", "5-6", "3-0", "99999-1", "x-1", "1-1-1"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct error bad = {0};
		q.position = str_from(wrong[i]);
		assert_false(store_history(f->store, &f->arena, &q, &second, &bad));
		assert_int_equal(bad.code, ERR_CURSOR);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_scopes),
		TEST(test_scopes_indexed),
		TEST(test_bounds),
		TEST(test_snapshot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
