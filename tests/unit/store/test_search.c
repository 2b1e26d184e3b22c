/*
 * Searches against the oracle: made-up rows of every kind, made-up queries, and the plain loops of search_matches()
 * decide what the answer has to be, page by page and in order.
 */
#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { RESOURCES = 300, WRITES = 500, QUERIES = 1000, MOST_ROWS = 12 };

static const struct search_param params[] = {
	{.code = {"t", 1}, .type = PARAM_TOKEN},     {.code = {"s", 1}, .type = PARAM_STRING},
	{.code = {"d", 1}, .type = PARAM_DATE},	     {.code = {"n", 1}, .type = PARAM_NUMBER},
	{.code = {"q", 1}, .type = PARAM_QUANTITY},  {.code = {"r", 1}, .type = PARAM_REFERENCE},
	{.code = {"u", 1}, .type = PARAM_URI},	     {.code = {"t2", 2}, .type = PARAM_TOKEN},
	{.code = {"never", 5}, .type = PARAM_TOKEN},
};
enum { PARAM_COUNT = sizeof(params) / sizeof(params[0]) };

struct model {
	char id[8];
	bool alive;
	struct index_rows rows;
	int64_t updated, vid;
};

struct world {
	struct fixture *f;
	const struct fhir_type *type;
	struct model resources[RESOURCES];
	int64_t vid;
	uint64_t seed;
};

/* ---- made-up data ---------------------------------------------------------------------------------------------------
 */

static uint32_t dice(struct world *w, uint32_t sides)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(w->seed >> 33) % sides;
}

#define PICK(w, list) (list)[dice(w, sizeof(list) / sizeof((list)[0]))]

static const struct str systems[] = {{NULL, 0}, {"http://a", 8}, {"http://b", 8}};
static const struct str codes[] = {{"x", 1}, {"y", 1}, {"X", 1}, {"long code", 9}};
static const struct str names[] = {{"Müller", 7}, {"MULLER", 6}, {"Mull", 4}, {"de la Cruz", 10}, {"Cruz", 4}};
static const struct str urls[] = {{"http://u/1", 10}, {"http://u/2", 10}, {"urn:x", 5}};
static const struct str types[] = {{"Patient", 7}, {"Group", 5}};
static const struct str ids[] = {{"1", 1}, {"2", 1}, {"3", 1}};
static const struct str units[] = {{"mg", 2}, {"g", 1}};
static const size_t lengths[] = {95, 96, 97};
static const int64_t spans[] = {0, 999, 86399999, 40ll * 86400000, 500ll * 86400000, 9000ll * 86400000};

/* Texts around the length at which index keys are cut. */
static struct str long_text(struct world *w, struct str name)
{
	if (dice(w, 4))
		return name;
	char *p = arena_alloc(&w->f->arena, 200);
	size_t n = PICK(w, lengths);
	memset(p, 'm', n);
	p[n - 1] = (char)('a' + dice(w, 2));
	return str_make(p, n);
}

static void random_dates(struct world *w, int64_t *low, int64_t *high)
{
	*low = (int64_t)dice(w, 400) * 86400000 * 20;
	*high = *low + PICK(w, spans);
	if (!dice(w, 20))
		*low = INT64_MIN;
	if (!dice(w, 15))
		*high = INT64_MAX;
}

static void random_numbers(struct world *w, double *value, double *low, double *high)
{
	*value = *low = *high = (double)dice(w, 40) / 4 - 2;
	if (!dice(w, 3))
		*high += (double)dice(w, 3);
	if (!dice(w, 15))
		*low = -INFINITY;
	if (!dice(w, 15))
		*high = INFINITY;
}

static struct index_row random_row(struct world *w)
{
	struct index_row row = {.param = &params[dice(w, PARAM_COUNT - 1)]};
	switch (row.param->type) {
	case PARAM_TOKEN:
		row.system = PICK(w, systems);
		row.code = long_text(w, PICK(w, codes));
		break;
	case PARAM_STRING:
		row.text = long_text(w, PICK(w, names));
		row.code = str_fold(&w->f->arena, row.text);
		break;
	case PARAM_DATE:
		random_dates(w, &row.low, &row.high);
		break;
	case PARAM_QUANTITY:
		row.system = PICK(w, systems);
		row.code = dice(w, 4) ? PICK(w, units) : STR_NULL;
		row.unit = dice(w, 3) ? STR_NULL : PICK(w, units);
		/* fall through */
	case PARAM_NUMBER:
		random_numbers(w, &row.number, &row.number_low, &row.number_high);
		break;
	case PARAM_REFERENCE:
		if (!dice(w, 4))
			row.code = PICK(w, urls);
		else {
			row.ref_type = PICK(w, types);
			row.ref_id = PICK(w, ids);
		}
		break;
	default:
		row.code = long_text(w, PICK(w, urls));
		break;
	}
	return row;
}

static void write_random(struct world *w)
{
	struct model *m = &w->resources[dice(w, RESOURCES)];
	bool gone = m->alive && !dice(w, 6);
	struct index_row *rows = ARENA_ARRAY(&w->f->arena, struct index_row, MOST_ROWS);
	size_t count = dice(w, MOST_ROWS);
	for (size_t i = 0; i < count; i++)
		rows[i] = random_row(w);
	struct store_change c = {.op = gone ? STORE_DELETE : STORE_UPDATE,
				 .type = w->type,
				 .id = str_from(m->id),
				 .stored = S("{\"resourceType\":\"Observation\",\"meta\":{}}"),
				 .meta_at = strlen("{\"resourceType\":\"Observation\",\"meta\":{"),
				 .rows = rows,
				 .row_count = count};
	assert_int_equal(commit_change(w->f, &c), ERR_NONE);
	m->alive = !gone;
	m->rows = (struct index_rows){rows, count, count};
	m->updated = c.updated_ms;
	m->vid = ++w->vid;
}

static void make_world(struct world *w, struct fixture *f, uint64_t seed)
{
	*w = (struct world){.f = f, .seed = seed};
	w->type = type_named(f, "Observation");
	for (int i = 0; i < RESOURCES; i++)
		snprintf(w->resources[i].id, sizeof(w->resources[i].id), "%c%d", "abc"[i % 3], i);
	/* Closing writes all index entries; what comes after is searched by its terms at first. */
	for (int i = 0; i < WRITES; i++) {
		if (i == WRITES / 2)
			fixture_reopen(f);
		write_random(w);
	}
}

/* ---- made-up queries ------------------------------------------------------------------------------------------------
 */

static struct search_value random_value(struct world *w, const struct criterion *c)
{
	struct search_value v = {.prefix = (enum search_prefix)dice(w, PREFIX_AP + 1)};
	switch (c->param->type) {
	case PARAM_TOKEN:
		v.system = dice(w, 3) ? STR_NULL : dice(w, 2) ? S("http://a") : dice(w, 2) ? S("") : S("http://unseen");
		v.code = v.system.p && v.system.n && !dice(w, 3) ? STR_NULL : long_text(w, PICK(w, codes));
		break;
	case PARAM_STRING:
		v.code = long_text(w, PICK(w, names));
		if (c->modifier != MOD_EXACT)
			v.code = str_fold(&w->f->arena, v.code);
		if (c->modifier != MOD_EXACT)
			v.code.n -= dice(w, (uint32_t)v.code.n);
		break;
	case PARAM_DATE:
		v.low = (int64_t)dice(w, 400) * 86400000 * 20;
		v.high = v.low + PICK(w, spans);
		break;
	case PARAM_QUANTITY:
		v.system = dice(w, 2) ? STR_NULL : PICK(w, systems);
		v.code = dice(w, 3) ? PICK(w, units) : STR_NULL;
		/* fall through */
	case PARAM_NUMBER:
		v.number = (double)dice(w, 40) / 4 - 2;
		v.number_low = v.number - 0.5;
		v.number_high = v.number + 0.5;
		break;
	case PARAM_REFERENCE:
		if (!dice(w, 4))
			v.code = PICK(w, urls);
		else {
			v.ref_type = dice(w, 2) ? STR_NULL : PICK(w, types);
			v.ref_id = dice(w, 6) ? PICK(w, ids) : S("unseen");
		}
		break;
	default:
		v.code = long_text(w, PICK(w, urls));
		break;
	}
	return v;
}

static struct criterion random_criterion(struct world *w)
{
	struct criterion c = {.kind = CRITERION_PARAM, .param = &PICK(w, params)};
	c.value_count = 1 + dice(w, 3);
	struct search_value *values = ARENA_ARRAY(&w->f->arena, struct search_value, c.value_count);
	c.values = values;
	uint32_t kind = dice(w, 12);
	if (kind < 2) {
		c.kind = kind ? CRITERION_ID : CRITERION_LAST_UPDATED;
		for (size_t i = 0; i < c.value_count; i++) {
			const struct model *m = &w->resources[dice(w, RESOURCES)];
			values[i] = (struct search_value){.code = dice(w, 5) ? str_from(m->id) : S("unseen"),
							  .prefix = (enum search_prefix)dice(w, PREFIX_AP + 1),
							  .low = m->updated,
							  .high = m->updated + dice(w, 10)};
		}
		return c;
	}
	if (kind == 2)
		c.modifier = MOD_MISSING;
	else if (kind == 3)
		c.modifier = MOD_NOT;
	else if (c.param->type == PARAM_STRING)
		c.modifier = dice(w, 3) ? dice(w, 2) ? MOD_EXACT : MOD_CONTAINS : MOD_NONE;
	for (size_t i = 0; i < c.value_count; i++) {
		values[i] = random_value(w, &c);
		values[i].missing = dice(w, 2);
	}
	return c;
}

static struct search_query random_query(struct world *w)
{
	struct search_query q = {.part_count = 1, .count = 1 + dice(w, 40), .total = TOTAL_ACCURATE};
	struct search_part *part = q.parts = ARENA_NEW(&w->f->arena, struct search_part);
	part->type = w->type;
	part->criterion_count = dice(w, 4);
	part->criteria = ARENA_ARRAY(&w->f->arena, struct criterion, part->criterion_count + 1);
	for (size_t i = 0; i < part->criterion_count; i++)
		part->criteria[i] = random_criterion(w);
	q.sort_count = dice(w, 3);
	q.sorts = ARENA_ARRAY(&w->f->arena, struct search_sort, q.sort_count + 1);
	for (size_t i = 0; i < q.sort_count; i++)
		q.sorts[i] = (struct search_sort){(enum sort_kind)dice(w, 3), &params[dice(w, 5)], dice(w, 2)};
	return q;
}

/* ---- what the answer has to be --------------------------------------------------------------------------------------
 */

struct key {
	bool missing;
	double number;
	struct str text;
};

static struct key row_key(const struct index_row *row, bool descending)
{
	switch (row->param->type) {
	case PARAM_DATE:
		return (struct key){.number = (double)(descending ? row->high : row->low)};
	case PARAM_NUMBER:
	case PARAM_QUANTITY:
		return (struct key){.number = row->number};
	default:
		return (struct key){.text = row->code};
	}
}

static int key_order(struct key a, struct key b)
{
	return a.number != b.number ? (a.number < b.number ? -1 : 1) : str_cmp(a.text, b.text);
}

static struct key model_key(const struct search_sort *s, const struct model *m)
{
	struct key best = {.missing = true};
	if (s->kind == SORT_ID)
		return (struct key){.text = str_from(m->id)};
	if (s->kind == SORT_LAST_UPDATED)
		return (struct key){.number = (double)m->updated};
	for (size_t i = 0; i < m->rows.count; i++) {
		if (m->rows.rows[i].param != s->param)
			continue;
		struct key k = row_key(&m->rows.rows[i], s->descending);
		if (best.missing || (s->descending ? key_order(k, best) > 0 : key_order(k, best) < 0))
			best = k;
	}
	return best;
}

static int model_order(const void *left, const void *right, void *query)
{
	const struct model *a = *(struct model *const *)left, *b = *(struct model *const *)right;
	const struct search_query *q = query;
	for (size_t i = 0; i < q->sort_count; i++) {
		struct key x = model_key(&q->sorts[i], a), y = model_key(&q->sorts[i], b);
		if (x.missing != y.missing)
			return x.missing ? 1 : -1;
		int order = x.missing ? 0 : key_order(x, y);
		if (order)
			return q->sorts[i].descending ? -order : order;
	}
	bool reverse = q->sort_count == 1 && q->sorts[0].kind == SORT_LAST_UPDATED && q->sorts[0].descending;
	int order = (a->vid > b->vid) - (a->vid < b->vid);
	return reverse ? -order : order;
}

static size_t expect(struct world *w, const struct search_query *q, const struct model *list[RESOURCES])
{
	size_t count = 0;
	for (int i = 0; i < RESOURCES; i++) {
		const struct model *m = &w->resources[i];
		if (m->alive && search_matches(q, &m->rows, str_from(m->id), m->updated))
			list[count++] = m;
	}
	qsort_r(list, count, sizeof(list[0]), model_order, (void *)q);
	return count;
}

static void check_query(struct world *w, const struct search_query *q, int number)
{
	const struct model *wanted[RESOURCES];
	size_t count = expect(w, q, wanted), at = 0;
	struct store_search_options options = {0};
	do {
		struct store_page page;
		struct error err = {0};
		bool ok = store_search(w->f->store, &w->f->arena, q, &options, &page, &err);
		if (!ok)
			fail_msg("query %d: %s", number, err.text);
		if (page.total != (int64_t)count)
			fail_msg("query %d: total %lld instead of %zu", number, (long long)page.total, count);
		size_t left = count - at, size = left < (size_t)q->count ? left : (size_t)q->count;
		assert_int_equal(page.count, size);
		assert_int_equal(page.match_count, size);
		for (size_t i = 0; i < size; i++, at++)
			if (!str_eq(page.entries[i].id, str_from(wanted[at]->id)))
				fail_msg("query %d: entry %zu is %.*s instead of %s", number, at,
					 STR_ARG(page.entries[i].id), wanted[at]->id);
		options.position = page.next;
	} while (options.position.p);
	assert_int_equal(at, count);
}

static void test_against_oracle(void **state)
{
	struct world *w = malloc(sizeof(*w));
	make_world(w, *state, 20261124);
	size_t answers = 0, entries = 0;
	for (int i = 0; i < QUERIES; i++) {
		struct search_query q = random_query(w);
		const struct model *wanted[RESOURCES];
		size_t count = expect(w, &q, wanted);
		answers += count > 0;
		entries += count;
		check_query(w, &q, i);
		if (i % 10 == 0)
			write_random(w);
	}
	/* The queries must not all be trivial. */
	assert_true(answers > QUERIES / 4 && answers < QUERIES);
	assert_true(entries > QUERIES * 4);
	free(w);
}

/* ---- totals ---------------------------------------------------------------------------------------------------------
 */

static void test_totals(void **state)
{
	struct world *w = malloc(sizeof(*w));
	make_world(w, *state, 5);
	struct search_part part = {.type = w->type};
	struct search_query q = {.parts = &part, .part_count = 1, .count = 10};
	const struct model *wanted[RESOURCES];
	int64_t all = (int64_t)expect(w, &q, wanted);
	struct store_page page;
	struct error err = {0};
	assert_true(store_search(w->f->store, &w->f->arena, &q, NULL, &page, &err));
	assert_int_equal(page.total, -1);
	q.count = 1000;
	assert_true(store_search(w->f->store, &w->f->arena, &q, NULL, &page, &err));
	assert_int_equal(page.total, all);
	assert_null(page.next.p);
	q.total = TOTAL_NONE;
	assert_true(store_search(w->f->store, &w->f->arena, &q, NULL, &page, &err));
	assert_int_equal(page.total, -1);
	q.summary = SUMMARY_COUNT;
	assert_true(store_search(w->f->store, &w->f->arena, &q, NULL, &page, &err));
	assert_int_equal(page.total, all);
	assert_int_equal(page.count, 0);
	q = (struct search_query){.parts = &part, .part_count = 1, .count = 0};
	part.criterion_count = 1;
	part.criteria = &(struct criterion){.kind = CRITERION_PARAM,
					    .param = &params[0],
					    .values = &(struct search_value){.code = S("x")},
					    .value_count = 1};
	all = (int64_t)expect(w, &q, wanted);
	assert_true(all > 0);
	assert_true(store_search(w->f->store, &w->f->arena, &q, NULL, &page, &err));
	assert_int_equal(page.total, all);
	assert_null(page.next.p);
	part.type = type_named(w->f, "Claim");
	assert_true(store_search(w->f->store, &w->f->arena, &q, NULL, &page, &err));
	assert_int_equal(page.total, 0);
	free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_against_oracle),
		TEST(test_totals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
