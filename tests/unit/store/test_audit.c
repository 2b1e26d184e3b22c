/* The audit chain: what is kept, and that no row can be changed, removed, inserted or cut off unseen. */
#include "fixture.h"

#include <stdio.h>

static struct audit_event event_of(const char *interaction, const char *id)
{
	return (struct audit_event){.action = 'R',
				    .interaction = str_from(interaction),
				    .http_status = 200,
				    .agent = S("client"),
				    .address = S("127.0.0.1"),
				    .type = S("Patient"),
				    .id = str_from(id),
				    .query = S("")};
}

/* A write that comes after everything handed in before it. */
static void flush(struct fixture *f)
{
	struct error err = {0};
	assert_true(store_fact_put(f->store, &(struct store_fact){S("t"), S("t"), S("t"), 0, false}, &err));
}

static void fill(struct fixture *f)
{
	struct error err = {0};
	struct audit_event events[3] = {event_of("read", "1"), event_of("vread", "2"), event_of("read", "3")};
	events[1].outgoing = true;
	events[1].outcome = 8;
	assert_true(store_audit(f->store, events, 3, &err));
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
	struct store_change c = change_of(f, &f->arena, STORE_UPDATE, "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
	struct audit_event write = {.action = 'U', .interaction = S("update"), .type = S("Patient")};
	struct store_txn txn = {.changes = &c, .change_count = 1, .events = &write, .event_count = 1};
	assert_true(store_commit(f->store, &txn, &err));
	assert_true(store_audit(f->store, events, 2, &err));
	flush(f);
}

static void test_rows(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	struct audit_row *rows;
	size_t count;
	int64_t verified = 0;
	fill(f);
	assert_true(store_audit_list(f->store, &f->arena, 0, 100, &rows, &count, &err));
	assert_int_equal(count, 6);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(rows[i].number, 6 - (int64_t)i);
	assert_true(str_eq(rows[2].event.interaction, S("update")));
	assert_true(str_eq(rows[2].event.id, S("a")));
	assert_int_equal(rows[2].event.version, 2);
	assert_int_equal(rows[4].event.outcome, 8);
	assert_true(rows[4].event.outgoing);
	assert_null(rows[4].event.detail.p);
	assert_non_null(rows[4].event.query.p);
	assert_int_equal(rows[4].event.action, 'R');
	assert_true(rows[5].time_ms > 1600000000000);
	assert_true(store_audit_list(f->store, &f->arena, 4, 2, &rows, &count, &err));
	assert_int_equal(count, 2);
	assert_int_equal(rows[0].number, 3);
	fixture_reopen(f);
	assert_true(store_audit_verify(f->store, &verified, &err));
	assert_int_equal(verified, 6);
	fill(f);
	assert_true(store_audit_verify(f->store, &verified, &err));
	assert_int_equal(verified, 12);
}

struct tampering {
	const char *sql, *said;
	const char *postgres; /* where it is said otherwise there */
};

static void test_tampering(void **state)
{
	static const struct tampering cases[] = {
		{"UPDATE audit SET agent = 'other' WHERE number = 2", "row 2 "},
		{"UPDATE audit SET time = time + 1 WHERE number = 1", "row 1 "},
		{"UPDATE audit SET query = NULL WHERE number = 3", "row 3 "},
		{"UPDATE audit SET interaction = 'readR', action = 0 WHERE number = 3", "row 3 "},
		{"UPDATE audit SET hash = zeroblob(32) WHERE number = 4", "row 4 ",
		 "UPDATE audit SET hash = decode(repeat('00', 32), 'hex') WHERE number = 4"},
		{"UPDATE audit SET hash = x'00' WHERE number = 4", "row 4 ",
		 "UPDATE audit SET hash = decode('00', 'hex') WHERE number = 4"},
		{"DELETE FROM audit WHERE number = 3", "row 3 is missing"},
		{"DELETE FROM audit WHERE number = 1", "row 1 is missing"},
		{"DELETE FROM audit WHERE number > 4", "row 5 and all after it are missing"},
		{"DELETE FROM audit", "row 1 and all after it are missing"},
		{"DELETE FROM audit WHERE number = 3; UPDATE audit SET number = number - 1 WHERE number > 3", "row 3 "},
		{"INSERT INTO audit SELECT 7, time, action, interaction, outgoing, outcome, http_status, agent, "
		 "address, "
		 "request_id, type, id, version, query, patient, detail, hash FROM audit WHERE number = 6",
		 "row 7 ",
		 "INSERT INTO audit SELECT 7, time, version, outcome, http_status, action, outgoing, interaction, "
		 "agent, "
		 "address, request_id, type, id, query, patient, detail, hash FROM audit WHERE number = 6"},
		{"UPDATE audit SET number = -number; UPDATE audit SET number = 7 + number", "row 1 "},
		{"UPDATE audit_head SET hash = zeroblob(32)", "head",
		 "UPDATE head SET audit_hash = decode(repeat('00', 32), 'hex')"},
		{"UPDATE audit_head SET count = 5", "row 6 was inserted", "UPDATE head SET audit_count = 5"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f;
		struct error err = {0};
		int64_t rows = -1;
		(void)state;
		fixture_setup((void **)&f);
		fill(f);
		assert_true(store_audit_verify(f->store, &rows, &err));
		fixture_sql(f, f->postgres && cases[i].postgres ? cases[i].postgres : cases[i].sql);
		if (store_audit_verify(f->store, &rows, &err))
			fail_msg("unseen: %s", cases[i].sql);
		assert_int_equal(err.code, ERR_CHAIN);
		if (!strstr(err.text, cases[i].said))
			fail_msg("%s: %s", cases[i].sql, err.text);
		fixture_teardown((void **)&f);
	}
}

/* Two rows whose fields run together to the same text must not have the same hash. */
static void test_hash_is_unambiguous(void **state)
{
	(void)state;
	struct audit_row a = {.number = 1, .event = {.agent = S("ab"), .address = S("c")}};
	struct audit_row b = {.number = 1, .event = {.agent = S("a"), .address = S("bc")}};
	struct audit_row c = {.number = 1, .event = {.agent = S("ab"), .address = S("c"), .request_id = S("")}};
	unsigned char zero[32] = {0}, hashes[4][32];
	struct buf scratch;
	buf_init(&scratch, 10000);
	assert_true(audit_hash(&scratch, zero, &a, hashes[0]));
	assert_true(audit_hash(&scratch, zero, &b, hashes[1]));
	assert_true(audit_hash(&scratch, zero, &c, hashes[2]));
	assert_true(audit_hash(&scratch, hashes[0], &a, hashes[3]));
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			assert_memory_not_equal(hashes[i], hashes[j], 32);
	buf_done(&scratch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rows),
		cmocka_unit_test(test_tampering),
		cmocka_unit_test(test_hash_is_unambiguous),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
