/* Bodies stay the same byte for byte, before the store has its compression dictionary, with it, and for other readers.
 */
#include "fixture.h"

#include <stdio.h>
#include <unistd.h>

#include "store/sqlite/sqlite_priv.h"

enum { PER_TXN = 500, ENOUGH = 9000 };

static const char *const words[] = {"glucose", "sodium", "weight", "height", "pulse", "urea", "oxygen", "haematocrit"};

static struct str stored_text(struct arena *a, int number)
{
	return arena_printf(a,
			    "{\"resourceType\":\"Observation\",\"meta\":{},\"status\":\"final\",\"code\":{\"coding\":[{"
			    "\"system\":\"http://loinc.org\",\"code\":\"%d-%d\",\"display\":\"%s\"}]},"
			    "\"valueQuantity\":{\"value\":%d.%d,\"unit\":\"mg\"}}",
			    number * 7919 % 99991, number % 10, words[number % 8], number * 31 % 500, number % 7);
}

/* Observations first to last in transactions of many. */
static void load(struct fixture *f, int first, int last)
{
	struct error err = {0};
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	for (int i = first; i < last; i += PER_TXN) {
		struct store_change *changes = ARENA_ARRAY(&a, struct store_change, PER_TXN);
		struct store_txn txn = {.changes = changes, .change_count = PER_TXN};
		for (int j = 0; j < PER_TXN; j++)
			changes[j] = (struct store_change){.op = STORE_CREATE,
							   .type = type_named(f, "Observation"),
							   .id = arena_printf(&a, "%d", i + j),
							   .stored = stored_text(&a, i + j),
							   .meta_at = 38};
		assert_true(store_commit(f->store, &txn, &err));
		arena_reset(&a);
	}
	arena_done(&a);
}

static void check(struct fixture *f, struct store *s, int number)
{
	struct store_entry e;
	struct error err = {0};
	struct str id = arena_printf(&f->arena, "%d", number);
	if (!store_read(s, &f->arena, type_named(f, "Observation"), id, 0, &e, &err))
		fail_msg("%d: %s", number, err.text);
	struct str wanted = stored_text(&f->arena, number);
	/* All but the meta, which the store fills in. */
	assert_string_equal(strstr(e.body.p, "\"status\""), strstr(wanted.p, "\"status\""));
}

static void test_dictionary(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct store_options reading = fixture_options(f);
	reading.read_only = true;
	load(f, 0, PER_TXN);
	struct store *other = store_open(str_from(f->location), &reading, &err);
	assert_non_null(other);
	load(f, PER_TXN, ENOUGH);
	int last = ENOUGH;
	for (int i = 0; i < 600 && fixture_number(f, "SELECT count(*) FROM dictionary") == 0; i++, last += PER_TXN) {
		usleep(50000);
		load(f, last, last + PER_TXN);
	}
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM dictionary"), 1);
	load(f, last, last + PER_TXN);
	assert_int_equal(fixture_number(f, "SELECT min(coding) FROM body"), BODY_ZSTD);
	assert_int_equal(fixture_number(f, "SELECT max(coding) FROM body"), BODY_DICTIONARY);
	/* It has to pay. */
	assert_true(fixture_number(f, "SELECT avg(length(bytes)) * 1.5 FROM body WHERE coding = 2") <
		    fixture_number(f, "SELECT avg(length(bytes)) FROM body WHERE coding = 1"));
	for (int i = 0; i < last + PER_TXN; i += 97)
		check(f, f->store, i);
	check(f, other, 3);
	check(f, other, last + PER_TXN - 1);
	store_close(other);
	fixture_reopen(f);
	for (int i = 0; i < last + PER_TXN; i += 89)
		check(f, f->store, i);
	load(f, last + PER_TXN, last + 2 * PER_TXN);
	check(f, f->store, last + 2 * PER_TXN - 1);
	assert_int_equal(fixture_number(f, "SELECT count(*) FROM dictionary"), 1);
}

/* The log is copied back while writers go on, and does not grow without end. */
static void test_log_starts_over(void **state)
{
	struct fixture *f = *state;
	if (f->postgres)
		skip(); /* the database looks after its own */
	for (int i = 0; i < 60000; i += 6000)
		load(f, i, i + 6000);
	char path[200];
	snprintf(path, sizeof(path), "%s-wal", f->file);
	FILE *log = fopen(path, "rb");
	assert_non_null(log);
	fseek(log, 0, SEEK_END);
	assert_true(ftell(log) < 128 << 20);
	fclose(log);
	for (int i = 0; i < 60000; i += 991)
		check(f, f->store, i);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_dictionary), TEST(test_log_starts_over)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
