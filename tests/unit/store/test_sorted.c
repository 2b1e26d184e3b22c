/*
 * Sorted pages of a large answer, which follow the index of what they are sorted by: the same order as by looking at
 * everything, over ties, several values, missing ones, old versions and the versions without index rows.
 */
#include "fixture.h"

#include <stdlib.h>

enum { RESOURCES = 3000, MOST_DATES = 3 };

static const struct search_param date = {.code = {"d", 1}, .type = PARAM_DATE};
static const struct search_param name = {.code = {"s", 1}, .type = PARAM_STRING};

struct model {
	struct index_row rows[MOST_DATES + 1];
	size_t date_count;
	int64_t vid;
	struct str id;
};

struct world {
	struct fixture *f;
	struct model models[RESOURCES];
	int64_t vid;
	uint64_t seed;
};

static uint32_t dice(struct world *w, uint32_t sides)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(w->seed >> 33) % sides;
}

static void make_rows(struct world *w, struct model *m)
{
	static const int64_t days[] = {0, 0, 0, 10, 200, 900};
	size_t at = 0;
	m->date_count = dice(w, 20) ? 1 + (dice(w, 10) == 0) * 2 : 0;
	for (; at < m->date_count; at++) {
		int64_t low = (int64_t)dice(w, 300) * 86400000, span = days[dice(w, 6)] * 86400000;
		m->rows[at] = (struct index_row){.param = &date, .low = low, .high = low + span};
	}
	m->rows[at] = (struct index_row){.param = &name};
	m->rows[at].text = m->rows[at].code = arena_printf(&w->f->arena, "name %u", dice(w, 40));
}

/* Writes some of the models anew, in one transaction. */
static void write_some(struct world *w, int from, int to)
{
	struct store_change *changes = calloc((size_t)(to - from), sizeof(*changes));
	struct store_txn txn = {.changes = changes};
	struct error err = {0};
	for (int i = from; i < to; i++) {
		struct model *m = &w->models[i];
		make_rows(w, m);
		m->id = arena_printf(&w->f->arena, "i%d", i);
		m->vid = ++w->vid;
		changes[txn.change_count++] =
			(struct store_change){.op = STORE_UPDATE,
					      .type = type_named(w->f, "Observation"),
					      .id = m->id,
					      .stored = S("{\"resourceType\":\"Observation\",\"meta\":{}}"),
					      .meta_at = strlen("{\"resourceType\":\"Observation\",\"meta\":{"),
					      .rows = m->rows,
					      .row_count = m->date_count + 1};
	}
	assert_true(store_commit(w->f->store, &txn, &err));
	free(changes);
}

static struct world *make_world(struct fixture *f)
{
	struct world *w = calloc(1, sizeof(*w));
	w->f = f;
	w->seed = 3;
	for (int i = 0; i < RESOURCES; i += 500)
		write_some(w, i, i + 500);
	write_some(w, 100, 400);
	fixture_reopen(f);
	write_some(w, 1000, 1040); /* these may have no index rows yet */
	return w;
}

static bool date_key(const struct model *m, bool descending, int64_t *ret_key)
{
	for (size_t i = 0; i < m->date_count; i++) {
		int64_t key = descending ? m->rows[i].high : m->rows[i].low;
		if (i == 0 || (descending ? key > *ret_key : key < *ret_key))
			*ret_key = key;
	}
	return m->date_count > 0;
}

static int by_first(const struct search_sort *s, const struct model *a, const struct model *b)
{
	int64_t x = 0, y = 0;
	if (s->param == &name) {
		int order = str_cmp(a->rows[a->date_count].code, b->rows[b->date_count].code);
		return s->descending ? -order : order;
	}
	bool has_x = date_key(a, s->descending, &x), has_y = date_key(b, s->descending, &y);
	if (!has_x || !has_y)
		return has_y - has_x;
	int order = (x > y) - (x < y);
	return s->descending ? -order : order;
}

static int compare(const void *left, const void *right, void *query)
{
	const struct model *a = *(struct model *const *)left, *b = *(struct model *const *)right;
	const struct search_query *q = query;
	for (size_t i = 0; i < q->sort_count; i++) {
		int order = by_first(&q->sorts[i], a, b);
		if (order)
			return order;
	}
	return (a->vid > b->vid) - (a->vid < b->vid);
}

enum narrowing { ALL, BY_NAME, BY_DATES, NARROWINGS };

/* Criteria on the name, or two on the date. */
static size_t make_criteria(enum narrowing narrowing, struct criterion criteria[2], struct search_value values[2])
{
	values[0] = narrowing == BY_NAME ? (struct search_value){.code = S("name 1")}
					 : (struct search_value){.prefix = PREFIX_GE,
								 .low = 100 * INT64_C(86400000),
								 .high = 101 * INT64_C(86400000) - 1};
	values[1] = (struct search_value){
		.prefix = PREFIX_LT, .low = 130 * INT64_C(86400000), .high = 131 * INT64_C(86400000) - 1};
	for (int i = 0; i < 2; i++)
		criteria[i] = (struct criterion){.kind = CRITERION_PARAM,
						 .param = narrowing == BY_NAME ? &name : &date,
						 .values = &values[i],
						 .value_count = 1};
	return narrowing == ALL ? 0 : narrowing == BY_NAME ? 1 : 2;
}

static void check(struct world *w, const struct search_sort *sorts, size_t sort_count, enum narrowing narrowing,
		  int pages)
{
	struct criterion criteria[2];
	struct search_value values[2];
	struct search_part part = {.type = type_named(w->f, "Observation"), .criteria = criteria};
	part.criterion_count = make_criteria(narrowing, criteria, values);
	struct search_query q = {.parts = &part,
				 .part_count = 1,
				 .sorts = (struct search_sort *)sorts,
				 .sort_count = sort_count,
				 .count = 23};
	struct store_search_options options = {0};
	struct model **wanted = calloc(RESOURCES, sizeof(*wanted));
	size_t count = 0, at = 0;
	for (int i = 0; i < RESOURCES; i++) {
		struct model *m = &w->models[i];
		struct index_rows rows = {m->rows, m->date_count + 1, m->date_count + 1};
		if (search_matches(&q, &rows, m->id, 0))
			wanted[count++] = m;
	}
	qsort_r(wanted, count, sizeof(*wanted), compare, &q);
	for (int i = 0; i < pages; i++) {
		struct store_page page;
		struct error err = {0};
		if (!store_search(w->f->store, &w->f->arena, &q, &options, &page, &err))
			fail_msg("%s", err.text);
		for (size_t j = 0; j < page.count; j++, at++)
			if (!str_eq(page.entries[j].id, wanted[at]->id))
				fail_msg("entry %zu is %.*s instead of %.*s", at, STR_ARG(page.entries[j].id),
					 STR_ARG(wanted[at]->id));
		options.position = page.next;
		if (!page.next.p)
			break;
	}
	if (!options.position.p)
		assert_int_equal(at, count);
	free(wanted);
}

static void test_pages(void **state)
{
	struct world *w = make_world(*state);
	for (int i = 0; i < 16 * NARROWINGS; i++) {
		struct search_sort sorts[] = {{SORT_PARAM, i & 1 ? &date : &name, i & 2},
					      {SORT_PARAM, i & 1 ? &name : &date, i & 4}};
		check(w, sorts, i & 8 ? 2 : 1, (enum narrowing)(i / 16), i % 16 < 4 ? 1000 : 12);
	}
	free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_pages)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
