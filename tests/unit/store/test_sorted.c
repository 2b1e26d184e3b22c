/*
 * Sorted pages of a large answer, which follow the index of what they are sorted by: the same order as by looking at
 * everything, over ties, several values, missing ones, old versions and the versions without index rows.
 */
#include "fixture.h"

#include <math.h>
#include <stdlib.h>

enum { RESOURCES = 3000, MOST_DATES = 3, MOST_ROWS = 20 };

static const struct search_param date = {.code = {"d", 1}, .type = PARAM_DATE};
static const struct search_param name = {.code = {"s", 1}, .type = PARAM_STRING};
static const struct search_param status = {.code = {"t", 1}, .type = PARAM_TOKEN}; /* of few codes */
static const struct search_param key = {.code = {"k", 1}, .type = PARAM_TOKEN}; /* of many */
static const struct search_param chance = {.code = {"n", 1}, .type = PARAM_NUMBER};
static const struct search_param amount = {.code = {"q", 1}, .type = PARAM_QUANTITY};

struct model {
	struct index_row rows[MOST_ROWS];
	size_t date_count, row_count;
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

static void make_tokens(struct world *w, struct model *m)
{
	static const struct str systems[] = {{NULL, 0}, {"http://a", 8}, {"http://b", 8}};
	for (uint32_t i = dice(w, 12) ? 1 + dice(w, 10) / 8 : 0; i; i--)
		m->rows[m->row_count++] = (struct index_row){.param = &status,
							     .system = systems[dice(w, 3)],
							     .code = arena_printf(&w->f->arena, "c%u", dice(w, 6))};
	if (dice(w, 10))
		m->rows[m->row_count++] =
			(struct index_row){.param = &key, .code = arena_printf(&w->f->arena, "k%u", dice(w, 1000))};
}

/* Single numbers and ranges, open ones among them. */
static void fill_number(struct world *w, struct index_row *row)
{
	row->number = row->number_low = row->number_high = (double)dice(w, 400) / 4;
	if (dice(w, 10))
		return;
	row->number_low -= dice(w, 3) ? dice(w, 50) : INFINITY;
	row->number_high += isinf(row->number_low) ? 0 : dice(w, 50);
}

static void make_numbers(struct world *w, struct model *m)
{
	static const struct str units[] = {{"mg", 2}, {"g", 1}, {"kg", 2}};
	for (uint32_t i = dice(w, 12) ? 1 + dice(w, 10) / 8 : 0; i; i--) {
		struct index_row *row = &m->rows[m->row_count++];
		*row = (struct index_row){.param = &chance};
		fill_number(w, row);
	}
	for (uint32_t i = dice(w, 12) ? 1 + dice(w, 10) / 8 : 0; i; i--) {
		struct index_row *row = &m->rows[m->row_count++];
		*row = (struct index_row){.param = &amount, .code = units[dice(w, 3)]};
		fill_number(w, row);
		if (dice(w, 2)) {
			row->canonical = S("g");
			row->canonical_number = row->number / 1000;
			row->canonical_low = row->number_low / 1000;
			row->canonical_high = row->number_high / 1000;
		}
	}
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
	m->row_count = at + 1;
	make_tokens(w, m);
	make_numbers(w, m);
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
					      .row_count = m->row_count};
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

static int compare_rows(const struct index_row *a, const struct index_row *b, bool descending)
{
	if (a->param->type == PARAM_DATE) {
		int64_t x = descending ? a->high : a->low, y = descending ? b->high : b->low;
		return (x > y) - (x < y);
	}
	if (a->param->type == PARAM_NUMBER || a->param->type == PARAM_QUANTITY)
		return (a->number > b->number) - (a->number < b->number);
	return str_cmp(a->code, b->code);
}

/* Of several values the lowest counts when ascending, the highest when descending. */
static const struct index_row *key_row(const struct model *m, const struct search_sort *s)
{
	const struct index_row *best = NULL;
	for (size_t i = 0; i < m->row_count; i++) {
		const struct index_row *row = &m->rows[i];
		if (row->param != s->param)
			continue;
		int order = best ? compare_rows(row, best, s->descending) : 0;
		if (!best || (s->descending ? order > 0 : order < 0))
			best = row;
	}
	return best;
}

static int by_first(const struct search_sort *s, const struct model *a, const struct model *b)
{
	const struct index_row *x = key_row(a, s), *y = key_row(b, s);
	if (!x || !y)
		return (y != NULL) - (x != NULL);
	int order = compare_rows(x, y, s->descending);
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
		struct index_rows rows = {m->rows, m->row_count, m->row_count};
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

/* Those of many ties, of few, of several units. Four pages of each are in the index's order, the missing ones behind.
 */
static void test_tokens_and_numbers(void **state)
{
	static const struct search_param *const params[] = {&status, &key, &chance, &amount};
	struct world *w = make_world(*state);
	for (int i = 0; i < 4 * 8; i++) {
		struct search_sort sorts[] = {{SORT_PARAM, params[i / 8], i & 1}, {SORT_PARAM, &date, i & 2}};
		check(w, sorts, i & 2 ? 2 : 1, i & 4 ? BY_NAME : ALL, i & 2 ? 12 : 1000);
	}
	free(w);
}

/* The plan says by what the first page was sorted. */
static void test_the_index_is_followed(void **state)
{
	static const struct search_param *const params[] = {&status, &key, &chance, &date, &name};
	struct world *w = make_world(*state);
	struct search_part part = {.type = type_named(w->f, "Observation")};
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		struct search_sort sort = {SORT_PARAM, params[i], i & 1};
		struct search_query q = {.parts = &part, .part_count = 1, .sorts = &sort, .sort_count = 1, .count = 10};
		struct store_page page;
		struct error err = {0};
		assert_true(store_search(w->f->store, &w->f->arena, &q, &(struct store_search_options){.explain = true},
					 &page, &err));
		assert_string_equal(page.plan->order, "index");
		assert_true(page.plan->looked < RESOURCES);
	}
	free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_pages), TEST(test_tokens_and_numbers),
					   TEST(test_the_index_is_followed)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
