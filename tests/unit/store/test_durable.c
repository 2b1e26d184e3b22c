/* What was acknowledged stays: through kill -9 in the middle of a load, and around a full disk. */
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAIRS = 20000, IN_FLIGHT = 64 };

/* ---- kill -9
 * ---------------------------------------------------------------------------------------------------------- */

struct pair {
	struct store_change changes[2];
	struct store_fact fact;
	struct audit_event event;
	struct store_txn txn;
	char id[16];
	_Atomic uint8_t *acknowledged; /* in memory shared with the parent */
};

static void pair_done(void *ctx, struct store_txn *txn)
{
	struct pair *p = ctx;
	if (txn->err.code == ERR_NONE)
		*p->acknowledged = 1;
}

/* Transactions of a patient, an observation of it and a fact, until the parent kills us. */
static void load_until_killed(struct fixture *f, _Atomic uint8_t *acknowledged)
{
	struct error err = {0};
	struct store_options options = fixture_options(f);
	struct store *s = store_open(str_from(f->location), &options, &err);
	struct pair *pairs = calloc(PAIRS, sizeof(*pairs));
	struct search_param param = {.code = S("subject"), .type = PARAM_REFERENCE};
	if (!s || !pairs)
		_exit(3);
	for (int i = 0; i < PAIRS; i++) {
		struct pair *p = &pairs[i];
		snprintf(p->id, sizeof(p->id), "%d", i);
		struct index_row *row = calloc(1, sizeof(*row));
		*row = (struct index_row){.param = &param, .ref_type = S("Patient"), .ref_id = str_from(p->id)};
		p->changes[0] = (struct store_change){.op = STORE_CREATE,
						      .type = type_named(f, "Patient"),
						      .id = str_from(p->id),
						      .stored = S("{\"resourceType\":\"Patient\",\"meta\":{}}"),
						      .meta_at = 34};
		p->changes[1] = p->changes[0];
		p->changes[1].type = type_named(f, "Observation");
		p->changes[1].rows = row;
		p->changes[1].row_count = 1;
		p->event = (struct audit_event){.action = 'C', .interaction = S("transaction")};
		p->acknowledged = &acknowledged[i];
		p->fact =
			(struct store_fact){.shelf = S("s"), .key = str_from(p->id), .value = S("v"), .only_new = true};
		p->txn = (struct store_txn){.changes = p->changes,
					    .change_count = 2,
					    .events = &p->event,
					    .event_count = 1,
					    .done = pair_done,
					    .ctx = p,
					    .facts = &p->fact,
					    .fact_count = 1};
		store_submit(s, &p->txn);
	}
	for (;;)
		pause();
}

static void check_survivors(struct fixture *f, const _Atomic uint8_t *acknowledged)
{
	int64_t present = 0, rows = 0;
	int acks = 0;
	struct error err = {0};
	for (int i = 0; i < PAIRS; i++) {
		char id[16];
		struct store_entry e;
		struct error patient = {0}, observation = {0};
		snprintf(id, sizeof(id), "%d", i);
		bool one = store_read(f->store, &f->arena, type_named(f, "Patient"), str_from(id), 0, &e, &patient);
		bool two = store_read(f->store, &f->arena, type_named(f, "Observation"), str_from(id), 0, &e,
				      &observation);
		struct str fact;
		assert_int_equal(one, two);
		assert_true(store_fact_get(f->store, &f->arena, S("s"), str_from(id), &fact, &err));
		assert_int_equal(one, fact.p != NULL);
		assert_true(one || !acknowledged[i]);
		present += one;
		acks += acknowledged[i];
		arena_reset(&f->arena);
	}
	assert_true(acks > 0);
	assert_true(store_audit_verify(f->store, &rows, &err));
	assert_int_equal(rows, present);
	struct search_param param = {.code = S("subject"), .type = PARAM_REFERENCE};
	struct search_value missing = {.missing = false};
	struct criterion c = {CRITERION_PARAM, &param, MOD_MISSING, &missing, 1, NULL, 0, NULL, 0};
	struct search_part part = {type_named(f, "Observation"), &c, 1};
	struct search_query q = {.parts = &part, .part_count = 1};
	struct store_page page;
	assert_true(store_search(f->store, &f->arena, &q, NULL, &page, &err));
	assert_int_equal(page.total, present);
}

static void test_killed(void **state)
{
	struct fixture *f = *state;
	_Atomic uint8_t *acknowledged = mmap(NULL, PAIRS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	store_close(f->store);
	f->store = NULL;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		load_until_killed(f, acknowledged);
	while (!acknowledged[PAIRS / 50])
		usleep(1000);
	usleep(20000);
	kill(child, SIGKILL);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	struct error err = {0};
	struct store_options options = fixture_options(f);
	f->store = store_open(str_from(f->location), &options, &err);
	assert_string_equal(err.text, "");
	check_survivors(f, acknowledged);
	munmap((void *)acknowledged, PAIRS);
}

/* ---- full disk
 * -------------------------------------------------------------------------------------------------------- */

static enum error_code put_noise(struct fixture *f, int number, size_t size)
{
	struct buf text;
	buf_init(&text, size + 1000);
	buf_printf(&text, "{\"resourceType\":\"Binary\",\"id\":\"%d\",\"contentType\":\"a/b\",\"data\":\"", number);
	for (uint32_t i = 0, x = (uint32_t)number; i < size; i++) {
		x = x * 1664525 + 1013904223;
		buf_char(&text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789AB"[x >> 26]);
	}
	buf_add(&text, S("\"}"));
	buf_char(&text, '\0');
	struct store_change c = change_of(f, &f->arena, STORE_UPDATE, text.p);
	buf_done(&text);
	return commit_change(f, &c);
}

/* Fills the store until it is full, and checks that it reads on, says what is wrong, and recovers. */
static void fill_and_recover(struct fixture *f, void (*make_room)(struct fixture *f))
{
	struct error err = {0};
	struct audit_event event = {.action = 'R', .interaction = S("read")};
	int stored = 0;
	enum error_code code = ERR_NONE;
	while (stored < 1000 && (code = put_noise(f, stored, 50000)) == ERR_NONE)
		stored++;
	assert_int_equal(code, ERR_STORE_FULL);
	assert_true(stored > 3);
	char id[16];
	for (int i = 0; i <= stored; i++) {
		snprintf(id, sizeof(id), "%d", i);
		assert_int_equal(strcmp(get(f, "Binary", id, 0), "NOT_FOUND") == 0, i == stored);
	}
	assert_int_equal(put_noise(f, 1000, 50000), ERR_STORE_FULL);
	/* A read's record that finds no room must come after all. */
	assert_true(store_audit(f->store, &event, 1, &err));
	make_room(f);
	assert_int_equal(put_noise(f, stored, 50000), ERR_NONE);
	fixture_reopen(f);
	for (int i = 0; i <= stored; i++) {
		snprintf(id, sizeof(id), "%d", i);
		assert_string_not_equal(get(f, "Binary", id, 0), "NOT_FOUND");
	}
	assert_string_equal(get(f, "Binary", "1000", 0), "NOT_FOUND");
	int64_t rows = 0;
	assert_true(store_audit_verify(f->store, &rows, &err));
	assert_int_equal(rows, 1);
}

static void lift_page_limit(struct fixture *f)
{
	store_limit_pages(f->store, 0);
}

static void test_no_pages_left(void **state)
{
	struct fixture *f = *state;
	if (f->postgres)
		skip(); /* its files belong to another process */
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
	store_limit_pages(f->store, 200);
	fill_and_recover(f, lift_page_limit);
}

static void lift_file_limit(struct fixture *f)
{
	(void)f;
	struct rlimit limit;
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* The file system itself refuses to let files grow. */
static void test_no_room_on_disk(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit;
	if (f->postgres)
		skip();
	signal(SIGXFSZ, SIG_IGN);
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_FSIZE, &limit);
	fill_and_recover(f, lift_file_limit);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_killed),
		TEST(test_no_pages_left),
		TEST(test_no_room_on_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
