/*
 * Threads: several write, several read, and pages of one snapshot neither repeat nor miss anything meanwhile. Also
 * what page links refuse, and includes.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { PATIENTS = 200, WRITERS = 4 };

struct crowd {
	struct fixture *f;
	_Atomic bool stop;
	_Atomic uint64_t writes;
};

struct member {
	struct crowd *crowd;
	pthread_t thread;
	int number;
};

static void put_patient(struct fixture *f, struct arena *a, int number, enum store_op op)
{
	char text[200];
	struct error err = {0};
	snprintf(text, sizeof(text),
		 "{\"resourceType\":\"Patient\",\"id\":\"%d\",\"gender\":\"%s\",\"birthDate\":\"19%02d\"}", number,
		 number % 2 ? "male" : "female", number % 100);
	struct store_change c = change_of(f, a, op, text);
	struct store_txn txn = {.changes = &c, .change_count = 1};
	assert_true(store_commit(f->store, &txn, &err));
}

/* Updates, deletes and brings back patients: at any moment some are gone. */
static void *write_thread(void *ctx)
{
	struct member *m = ctx;
	struct arena a;
	uint32_t x = (uint32_t)m->number;
	arena_init(&a, ARENA_NO_CAP);
	while (!atomic_load(&m->crowd->stop)) {
		x = x * 1664525 + 1013904223;
		int number = (int)(x >> 8) % PATIENTS;
		put_patient(m->crowd->f, &a, number, (x >> 4) % 4 ? STORE_UPDATE : STORE_DELETE);
		atomic_fetch_add(&m->crowd->writes, 1);
		arena_reset(&a);
	}
	arena_done(&a);
	return NULL;
}

static void *read_thread(void *ctx)
{
	struct member *m = ctx;
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	int64_t seen[PATIENTS] = {0};
	for (int i = 0; !atomic_load(&m->crowd->stop); i++) {
		char id[16];
		struct store_entry e = {0};
		struct error err = {0};
		snprintf(id, sizeof(id), "%d", i % PATIENTS);
		bool ok = store_read(m->crowd->f->store, &a, type_named(m->crowd->f, "Patient"), str_from(id), 0, &e,
				     &err);
		assert_true(ok || err.code == ERR_GONE);
		assert_true(e.version >= seen[i % PATIENTS]);
		seen[i % PATIENTS] = e.version;
		if (ok && e.version > 1) {
			assert_true(store_read(m->crowd->f->store, &a, type_named(m->crowd->f, "Patient"), str_from(id),
					       e.version - 1, &e, &err) ||
				    err.code == ERR_GONE);
		}
		arena_reset(&a);
	}
	arena_done(&a);
	return NULL;
}

/* All pages of a query at its snapshot; counts entries and refuses repeats. */
static void walk_pages(struct fixture *f, const char *text)
{
	struct arena a;
	struct search_query q;
	struct error err = {0};
	struct store_search_options options = {0};
	bool seen[PATIENTS] = {0};
	int64_t count = 0, total = -1, snapshot = 0;
	arena_init(&a, ARENA_NO_CAP);
	assert_true(search_parse(f->definitions, &a, type_named(f, "Patient"), str_from(text),
				 &(struct search_options){0}, &q, &err));
	do {
		struct store_page page;
		if (!store_search(f->store, &a, &q, &options, &page, &err))
			fail_msg("%s", err.text);
		assert_true(snapshot == 0 || snapshot == page.snapshot);
		assert_true(total == -1 || total == page.total);
		snapshot = page.snapshot;
		total = page.total;
		for (size_t i = 0; i < page.count; i++, count++) {
			uint64_t number = 0;
			assert_true(str_to_u64(page.entries[i].id, &number));
			assert_false(seen[number]);
			seen[number] = true;
		}
		options.position = page.next;
	} while (options.position.p);
	assert_int_equal(count, total);
	arena_done(&a);
}

static void test_crowd(void **state)
{
	struct fixture *f = *state;
	struct crowd crowd = {.f = f};
	struct member members[WRITERS + 2];
	for (int i = 0; i < PATIENTS; i++)
		put_patient(f, &f->arena, i, STORE_UPDATE);
	for (int i = 0; i < WRITERS + 2; i++) {
		members[i] = (struct member){.crowd = &crowd, .number = i};
		pthread_create(&members[i].thread, NULL, i < WRITERS ? write_thread : read_thread, &members[i]);
	}
	static const char *const queries[] = {
		"_count=7&_total=accurate",
		"gender=male&_count=5&_total=accurate",
		"gender=male&_count=9&_total=accurate&_sort=-birthdate",
		"birthdate=ge1930&_count=11&_total=accurate&_sort=birthdate,_id",
		"_lastUpdated=gt2000&_count=13&_total=accurate&_sort=-_lastUpdated",
	};
	for (int round = 0; round < 20 || crowd.writes < 200; round++)
		walk_pages(f, queries[round % 5]);
	atomic_store(&crowd.stop, true);
	for (int i = 0; i < WRITERS + 2; i++)
		pthread_join(members[i].thread, NULL);
}

static void test_times_grow(void **state)
{
	struct fixture *f = *state;
	struct store_page page;
	struct error err = {0};
	for (int i = 0; i < 50; i++)
		put_patient(f, &f->arena, i % 10, STORE_UPDATE);
	struct search_part part = {.type = type_named(f, "Patient")};
	struct search_query q = {.parts = &part, .part_count = 1, .count = 100};
	assert_true(store_search(f->store, &f->arena, &q, NULL, &page, &err));
	assert_int_equal(page.count, 10);
	for (size_t i = 1; i < page.count; i++) {
		assert_true(page.entries[i].vid > page.entries[i - 1].vid);
		assert_true(page.entries[i].updated_ms >= page.entries[i - 1].updated_ms);
	}
}

static void test_bad_positions(void **state)
{
	struct fixture *f = *state;
	struct store_page page;
	struct error err = {0};
	for (int i = 0; i < 10; i++)
		put_patient(f, &f->arena, i, STORE_UPDATE);
	struct search_part part = {.type = type_named(f, "Patient")};
	struct search_query q = {.parts = &part, .part_count = 1, .count = 3};
	assert_true(store_search(f->store, &f->arena, &q, NULL, &page, &err));
	assert_non_null(page.next.p);
	for (size_t n = 0; n < page.next.n; n++) {
		struct store_page other;
		struct store_search_options options = {.position = str_slice(page.next, 0, n)};
		error_clear(&err);
		assert_false(store_search(f->store, &f->arena, &q, &options, &other, &err));
		assert_int_equal(err.code, ERR_CURSOR);
	}
	/* Whatever the bytes say, there is an answer or a refusal. */
	for (size_t at = 0; at < page.next.n; at++) {
		for (int bit = 0; bit < 8; bit++) {
			struct store_page other;
			char bytes[64];
			memcpy(bytes, page.next.p, page.next.n);
			bytes[at] ^= (char)(1 << bit);
			struct store_search_options options = {.position = str_make(bytes, page.next.n)};
			error_clear(&err);
			if (!store_search(f->store, &f->arena, &q, &options, &other, &err))
				assert_int_equal(err.code, ERR_CURSOR);
		}
	}
}

static void test_timeout(void **state)
{
	struct fixture *f = *state;
	struct store_page page;
	struct error err = {0};
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	enum { MANY = 400 };
	for (int i = 0; i < MANY; i++)
		put_patient(f, &a, i % PATIENTS, STORE_UPDATE);
	/* Values that never match make every candidate cost a look at all of them. */
	struct search_value *values = ARENA_ARRAY(&a, struct search_value, 100000);
	for (int i = 0; i < 100000; i++)
		values[i].code = S("\x01never");
	struct criterion c = {CRITERION_PARAM,
			      definitions_search_param(type_named(f, "Patient"), S("gender")),
			      MOD_NOT,
			      values,
			      100000,
			      NULL,
			      0,
			      NULL,
			      0};
	struct search_part part = {type_named(f, "Patient"), &c, 1};
	struct search_query q = {.parts = &part, .part_count = 1, .count = 0};
	struct store_search_options options = {.timeout_ms = 1};
	assert_false(store_search(f->store, &a, &q, &options, &page, &err));
	assert_int_equal(err.code, ERR_TIMEOUT);
	arena_done(&a);
}

/* ---- includes
 * --------------------------------------------------------------------------------------------------------- */

static void ids_of(const struct store_page *page, bool included, char *out, size_t size)
{
	size_t n = 0;
	out[0] = '\0';
	for (size_t i = 0; i < page->count; i++)
		if (page->entries[i].included == included)
			n += (size_t)snprintf(out + n, size - n, "%.*s/%.*s ", STR_ARG(page->entries[i].type->name),
					      STR_ARG(page->entries[i].id));
}

static void check_includes(struct fixture *f, const char *type, const char *query, const char *matches,
			   const char *included)
{
	struct search_query q;
	struct store_page page;
	struct error err = {0};
	char text[500];
	if (!search_parse(f->definitions, &f->arena, type_named(f, type), str_from(query), &(struct search_options){0},
			  &q, &err) ||
	    !store_search(f->store, &f->arena, &q, NULL, &page, &err))
		fail_msg("%s: %s", query, err.text);
	ids_of(&page, false, text, sizeof(text));
	assert_string_equal(text, matches);
	ids_of(&page, true, text, sizeof(text));
	assert_string_equal(text, included);
	for (size_t i = 0; i < page.count; i++)
		assert_non_null(strstr(page.entries[i].body.p, "\"versionId\""));
}

static void test_includes(void **state)
{
	struct fixture *f = *state;
	put(f, "{\"resourceType\":\"Organization\",\"id\":\"org\",\"name\":\"O\",\"partOf\":{\"reference\":"
	       "\"Organization/top\"}}");
	put(f, "{\"resourceType\":\"Organization\",\"id\":\"top\",\"name\":\"T\"}");
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"p\",\"managingOrganization\":{\"reference\":\"Organization/"
	       "org\"}}");
	put(f, "{\"resourceType\":\"Patient\",\"id\":\"gone\"}");
	for (int i = 1; i <= 3; i++) {
		char text[300];
		snprintf(text, sizeof(text),
			 "{\"resourceType\":\"Observation\",\"id\":\"o%d\",\"status\":\"final\",\"code\":{\"text\":"
			 "\"x\"},"
			 "\"subject\":{\"reference\":\"Patient/%s\"},\"performer\":[{\"reference\":\"Organization/"
			 "org\"}]}",
			 i, i == 3 ? "gone" : "p");
		put(f, text);
	}
	struct store_change gone = deletion_of(f, "Patient", "gone");
	assert_int_equal(commit_change(f, &gone), ERR_NONE);
	const char *all = "Observation/o1 Observation/o2 Observation/o3 ";
	check_includes(f, "Observation", "_include=Observation:subject", all, "Patient/p ");
	check_includes(f, "Observation", "_include=Observation:subject:Group", all, "");
	check_includes(f, "Observation", "_include=Observation:performer&_count=1", "Observation/o1 ",
		       "Organization/org ");
	check_includes(f, "Observation",
		       "_count=1&_include=Observation:subject&_include:iterate=Patient:organization"
		       "&_include:iterate=Organization:partof",
		       "Observation/o1 ", "Patient/p Organization/org Organization/top ");
	check_includes(f, "Observation", "_count=1&_include=Observation:subject&_include=Patient:organization",
		       "Observation/o1 ", "Patient/p ");
	check_includes(f, "Observation", "_count=1&_include=*", "Observation/o1 ", "Patient/p Organization/org ");
	check_includes(f, "Patient", "_revinclude=Observation:subject", "Patient/p ", "Observation/o1 Observation/o2 ");
	check_includes(f, "Organization", "_id=org&_revinclude=Organization:partof", "Organization/org ", "");
	check_includes(f, "Organization", "_id=top&_revinclude=Organization:partof&_include=Organization:partof",
		       "Organization/top ", "Organization/org ");
	check_includes(f, "Patient", "_revinclude=*", "Patient/p ", "Observation/o1 Observation/o2 ");
	check_includes(f, "Organization", "_id=org&_revinclude=*", "Organization/org ",
		       "Patient/p Observation/o1 Observation/o2 Observation/o3 ");
}

/* Circles end, and going on goes both ways. */
static void test_include_circles(void **state)
{
	struct fixture *f = *state;
	put(f, "{\"resourceType\":\"Organization\",\"id\":\"a\",\"partOf\":{\"reference\":\"Organization/c\"}}");
	put(f, "{\"resourceType\":\"Organization\",\"id\":\"b\",\"partOf\":{\"reference\":\"Organization/a\"}}");
	put(f, "{\"resourceType\":\"Organization\",\"id\":\"c\",\"partOf\":{\"reference\":\"Organization/b\"}}");
	check_includes(f, "Organization", "_id=a&_include=Organization:partof", "Organization/a ", "Organization/c ");
	check_includes(f, "Organization", "_id=a&_include:iterate=Organization:partof", "Organization/a ",
		       "Organization/c Organization/b ");
	check_includes(f, "Organization", "_id=a&_revinclude:iterate=Organization:partof", "Organization/a ",
		       "Organization/b Organization/c ");
	check_includes(f, "Organization", "_id=a&_include=*&_revinclude=*", "Organization/a ",
		       "Organization/c Organization/b ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_crowd),   TEST(test_times_grow), TEST(test_bad_positions),
		TEST(test_timeout), TEST(test_includes),   TEST(test_include_circles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
