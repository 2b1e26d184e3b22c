/*
 * Trees of criteria over several types that refer to each other, against the oracle: made-up resources and queries, and
 * the plain loops of search_resource_matches() decide what the answer has to be.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

enum { TYPES = 3, EACH = 50, RESOURCES = TYPES * EACH, WRITES = 500, QUERIES = 700, MOST_ROWS = 10 };

static struct search_component components[2];
static struct search_param params[] = {
	{.code = {"t", 1}, .type = PARAM_TOKEN},      {.code = {"q", 1}, .type = PARAM_QUANTITY},
	{.code = {"r", 1}, .type = PARAM_REFERENCE},  {.code = {"d", 1}, .type = PARAM_DATE},
	{.code = {"s", 1}, .type = PARAM_STRING},     {.code = {"u", 1}, .type = PARAM_URI},
	{.code = {"near", 4}, .type = PARAM_SPECIAL}, {.code = {"t-q", 3}, .type = PARAM_COMPOSITE},
};
enum { TOKEN, QUANTITY, REFERENCE, DATE, STRING, URL, PLACE, COMPOSITE, PARAMS };

struct world {
	struct fixture *f;
	const struct fhir_type *types[TYPES];
	struct search_resource all[RESOURCES], alive[RESOURCES]; /* rows NULL: never written, or deleted */
	int64_t vids[RESOURCES], vid;
	struct index_rows rows[RESOURCES];
	uint64_t seed;
};

static uint32_t dice(struct world *w, uint32_t sides)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(w->seed >> 33) % sides;
}

#define PICK(w, list) (list)[dice(w, sizeof(list) / sizeof((list)[0]))]

static const struct str systems[] = {{NULL, 0}, {"http://a", 8}, {"http://b", 8}};
static const struct str codes[] = {{"x", 1}, {"y", 1}, {"z", 1}, {"long code", 9}};
static const struct str names[] = {{"muller", 6}, {"mull", 4}, {"cruz", 4}, {"de la cruz", 10}};
static const struct str urls[] = {{"http://u/1", 10}, {"http://u/1/2", 12}, {"http://u/12", 11}};
static const struct str units[] = {{"mg", 2}, {"g", 1}};

static struct str id_of(struct world *w, int at)
{
	return arena_printf(&w->f->arena, "i%d", at);
}

/* ---- made-up resources ----------------------------------------------------------------------------------------------
 */

static void fill_quantity(struct world *w, struct index_row *row)
{
	row->number = row->number_low = row->number_high = (double)dice(w, 20);
	row->system = PICK(w, systems);
	row->code = PICK(w, units);
	if (!dice(w, 3))
		row->unit = PICK(w, units);
	if (dice(w, 2)) {
		double factor = str_eq(row->code, S("mg")) ? 0.001 : 1;
		row->canonical = S("g");
		row->canonical_number = row->canonical_low = row->canonical_high = row->number * factor;
	}
}

static struct index_row random_row(struct world *w)
{
	int kind = (int)dice(w, COMPOSITE), target = (int)dice(w, RESOURCES);
	struct index_row row = {.param = &params[kind], .element = dice(w, 3)};
	if (!dice(w, 12)) {
		row.variant = ROW_PRESENT;
		row.element = 0;
		row.code = S("");
		return row;
	}
	switch (kind) {
	case TOKEN:
		row.system = PICK(w, systems);
		row.code = PICK(w, codes);
		if (!dice(w, 4)) {
			row.variant = ROW_OF_TYPE;
			row.text = PICK(w, codes);
		}
		break;
	case QUANTITY:
		fill_quantity(w, &row);
		break;
	case REFERENCE:
		row.element = 0;
		if (dice(w, 5)) {
			row.ref_type = w->types[target / EACH]->name;
			row.ref_id = id_of(w, target);
			break;
		}
		row.variant = ROW_IDENTIFIER;
		row.system = PICK(w, systems);
		row.code = PICK(w, codes);
		break;
	case DATE:
		row.low = (int64_t)dice(w, 50) * 86400000;
		row.high = row.low + (int64_t)dice(w, 3) * 86400000;
		break;
	case STRING:
		row.text = row.code = PICK(w, names);
		break;
	case URL:
		row.code = PICK(w, urls);
		break;
	default:
		row.number_low = (double)dice(w, 10) - 5;
		row.number_high = (double)dice(w, 10) - 5;
		break;
	}
	return row;
}

static void write_random(struct world *w)
{
	int at = (int)dice(w, RESOURCES);
	struct search_resource *r = &w->all[at];
	bool gone = r->rows && !dice(w, 6);
	struct index_row *rows = ARENA_ARRAY(&w->f->arena, struct index_row, MOST_ROWS);
	size_t count = dice(w, MOST_ROWS);
	for (size_t i = 0; i < count; i++)
		rows[i] = random_row(w);
	struct str head = arena_printf(&w->f->arena, "{\"resourceType\":\"%.*s\",\"id\":\"%.*s\",\"meta\":{",
				       STR_ARG(r->type->name), STR_ARG(r->id));
	struct store_change c = {.op = gone ? STORE_DELETE : STORE_UPDATE,
				 .type = r->type,
				 .id = r->id,
				 .stored = arena_printf(&w->f->arena, "%.*s}}", STR_ARG(head)),
				 .meta_at = head.n,
				 .rows = rows,
				 .row_count = count};
	assert_int_equal(commit_change(w->f, &c), ERR_NONE);
	w->rows[at] = (struct index_rows){rows, count, count};
	r->rows = gone ? NULL : &w->rows[at];
	r->updated_ms = c.updated_ms;
	w->vids[at] = ++w->vid;
}

static struct world *make_world(struct fixture *f)
{
	static const char *const type_names[TYPES] = {"Observation", "Patient", "Group"};
	struct world *w = calloc(1, sizeof(*w));
	w->f = f;
	w->seed = 7;
	for (int i = 0; i < TYPES; i++)
		w->types[i] = type_named(f, type_names[i]);
	for (int i = 0; i < RESOURCES; i++)
		w->all[i] = (struct search_resource){.type = w->types[i / EACH], .id = id_of(w, i)};
	components[0].param = &params[TOKEN];
	components[1].param = &params[QUANTITY];
	params[COMPOSITE].components = components;
	params[COMPOSITE].component_count = 2;
	for (int i = 0; i < WRITES; i++) {
		if (i == WRITES / 2)
			fixture_reopen(f);
		write_random(w);
	}
	return w;
}

/* ---- made-up criteria -----------------------------------------------------------------------------------------------
 */

static void fill_value(struct world *w, const struct criterion *c, struct search_value *v)
{
	static const enum search_prefix prefixes[] = {PREFIX_EQ, PREFIX_GT, PREFIX_LE, PREFIX_NE};
	int target = (int)dice(w, RESOURCES);
	v->prefix = PICK(w, prefixes);
	v->system = dice(w, 2) ? STR_NULL : PICK(w, systems);
	v->code = PICK(w, codes);
	v->text = PICK(w, codes);
	v->missing = dice(w, 2);
	v->low = (int64_t)dice(w, 50) * 86400000;
	v->high = v->low + (int64_t)dice(w, 5) * 86400000;
	v->number = (double)dice(w, 20);
	if (c->param == &params[STRING])
		v->code = PICK(w, names);
	if (c->param == &params[URL])
		v->code = PICK(w, urls);
	if (c->param == &params[REFERENCE] && c->modifier != MOD_IDENTIFIER) {
		v->ref_type = dice(w, 2) ? w->types[target / EACH]->name : STR_NULL;
		v->ref_id = id_of(w, target);
	}
	if (c->param == &params[QUANTITY]) {
		v->code = dice(w, 3) ? PICK(w, units) : STR_NULL;
		if (!dice(w, 3)) {
			v->canonical = S("g");
			v->number *= dice(w, 2) ? 0.001 : 1;
		}
	}
	v->number_low = v->number - 0.5;
	v->number_high = v->number + 0.5;
	if (c->param == &params[PLACE]) {
		v->number = (double)dice(w, 500000);
		v->number_low = (double)dice(w, 10) - 5;
		v->number_high = (double)dice(w, 10) - 5;
	}
}

static struct criterion param_criterion(struct world *w, int param, bool plain)
{
	static const enum search_modifier modifiers[PARAMS] = {
		[TOKEN] = MOD_OF_TYPE, [REFERENCE] = MOD_IDENTIFIER, [STRING] = MOD_CONTAINS, [URL] = MOD_BELOW};
	struct criterion c = {.kind = CRITERION_PARAM, .param = &params[param]};
	if (!plain && !dice(w, 3))
		c.modifier = dice(w, 3) ? modifiers[param] : dice(w, 2) ? MOD_MISSING : MOD_NOT;
	c.value_count = param == TOKEN && !plain && !dice(w, 8) ? 12 : 1 + dice(w, 2);
	c.values = ARENA_ARRAY(&w->f->arena, struct search_value, c.value_count);
	for (size_t i = 0; i < c.value_count; i++)
		fill_value(w, &c, &c.values[i]);
	return c;
}

static struct criterion random_criterion(struct world *w, int depth);

static struct criterion *random_list(struct world *w, size_t count, int depth)
{
	struct criterion *list = ARENA_ARRAY(&w->f->arena, struct criterion, count + 1);
	for (size_t i = 0; i < count; i++)
		list[i] = random_criterion(w, depth);
	return list;
}

static struct search_part *random_parts(struct world *w, size_t count, size_t most, int depth)
{
	struct search_part *parts = ARENA_ARRAY(&w->f->arena, struct search_part, count + 1);
	uint32_t first = dice(w, TYPES);
	for (size_t i = 0; i < count; i++) {
		parts[i].type = w->types[(first + i) % TYPES];
		parts[i].criterion_count = dice(w, (uint32_t)most + 1);
		parts[i].criteria = random_list(w, parts[i].criterion_count, depth);
	}
	return parts;
}

static struct criterion random_criterion(struct world *w, int depth)
{
	struct criterion c = {0};
	switch (depth ? dice(w, 14) : 13) {
	case 0:
	case 1:
		c.kind = dice(w, 2) ? CRITERION_AND : CRITERION_OR;
		c.child_count = dice(w, 4);
		c.children = random_list(w, c.child_count, depth - 1);
		return c;
	case 2:
		c.kind = CRITERION_NOT;
		c.child_count = 1;
		c.children = random_list(w, 1, depth - 1);
		return c;
	case 3:
	case 4:
	case 5:
		c.kind = CRITERION_CHAIN;
		c.param = &params[REFERENCE];
		c.inner_count = 1 + dice(w, TYPES);
		c.inner = random_parts(w, c.inner_count, 1, depth - 1);
		return c;
	case 6:
	case 7:
		c.kind = CRITERION_HAS;
		c.param = &params[REFERENCE];
		c.inner_count = 1;
		c.inner = random_parts(w, 1, 2, depth - 1);
		return c;
	case 8:
		c.kind = CRITERION_COMPOSITE;
		c.param = &params[COMPOSITE];
		c.child_count = 2;
		c.children = ARENA_ARRAY(&w->f->arena, struct criterion, 2);
		c.children[0] = param_criterion(w, TOKEN, true);
		c.children[1] = param_criterion(w, QUANTITY, true);
		return c;
	case 9:
		c.kind = dice(w, 8) ? CRITERION_ID : CRITERION_NONE;
		c.value_count = 3;
		c.values = ARENA_ARRAY(&w->f->arena, struct search_value, 3);
		for (int i = 0; i < 3; i++)
			c.values[i].code = id_of(w, (int)dice(w, RESOURCES));
		return c;
	default:
		return param_criterion(w, (int)dice(w, COMPOSITE), false);
	}
}

/* ---- answers --------------------------------------------------------------------------------------------------------
 */

static size_t expect(struct world *w, const struct search_query *q, int list[RESOURCES])
{
	struct search_world all = {.resources = w->alive};
	size_t count = 0;
	for (int i = 0; i < RESOURCES; i++)
		if (w->all[i].rows)
			w->alive[all.count++] = w->all[i];
	for (int i = 0; i < RESOURCES; i++) {
		if (!w->all[i].rows || !search_resource_matches(q, &w->all[i], &all))
			continue;
		size_t at = count++;
		for (; at && w->vids[list[at - 1]] > w->vids[i]; at--)
			list[at] = list[at - 1];
		list[at] = i;
	}
	return count;
}

/* Inner searches are made first, or not, as most_linked says; pages are tried in order, or not, as wide says. */
static void check_query(struct world *w, const struct search_query *q, int number, int64_t most_linked, int64_t wide,
			size_t *ret_count)
{
	int wanted[RESOURCES];
	size_t count = expect(w, q, wanted), at = 0;
	struct store_search_options options = {.most_linked = most_linked, .wide = wide};
	do {
		struct store_page page;
		struct error err = {0};
		if (!store_search(w->f->store, &w->f->arena, q, &options, &page, &err))
			fail_msg("query %d: %s", number, err.text);
		if (q->total == TOTAL_ACCURATE && page.total != (int64_t)count)
			fail_msg("query %d: total %lld instead of %zu", number, (long long)page.total, count);
		for (size_t i = 0; i < page.count; i++, at++)
			if (at >= count || !str_eq(page.entries[i].id, w->all[wanted[at]].id))
				fail_msg("query %d: entry %zu of %zu is %.*s", number, at, count,
					 STR_ARG(page.entries[i].id));
		options.position = page.next;
	} while (options.position.p);
	if (at != count)
		fail_msg("query %d: %zu entries instead of %zu", number, at, count);
	*ret_count = count;
}

static void test_trees(void **state)
{
	struct world *w = make_world(*state);
	size_t some = 0, entries = 0;
	for (int i = 0; i < QUERIES; i++) {
		struct search_query q = {.part_count = 1 + dice(w, TYPES), .count = 1 + dice(w, 30)};
		size_t count = 0;
		q.total = dice(w, 2) ? TOTAL_ACCURATE : TOTAL_DEFAULT;
		q.parts = random_parts(w, q.part_count, 2, 2);
		check_query(w, &q, i, i % 2, i % 3 == 2 ? 20 : i % 3, &count);
		some += count > 0;
		entries += count;
		if (i % 10 == 0)
			write_random(w);
	}
	/* The queries must not all be trivial. */
	assert_true(some > QUERIES / 4 && some < QUERIES);
	assert_true(entries > QUERIES * 4);
	free(w);
}

/* ---- limits and plans -----------------------------------------------------------------------------------------------
 */

static void test_limits(void **state)
{
	struct world *w = make_world(*state);
	struct search_value value = {.code = S("x")};
	struct criterion inner_criterion = {
		.kind = CRITERION_PARAM, .param = &params[TOKEN], .values = &value, .value_count = 1};
	struct search_part inner = {.type = w->types[1], .criteria = &inner_criterion, .criterion_count = 1};
	struct criterion chain = {
		.kind = CRITERION_CHAIN, .param = &params[REFERENCE], .inner = &inner, .inner_count = 1};
	struct search_part part = {.type = w->types[0], .criteria = &chain, .criterion_count = 1};
	struct search_query q = {.parts = &part, .part_count = 1, .count = 1000};
	struct store_search_options options = {.explain = true};
	struct store_page page;
	struct error err = {0};
	assert_true(store_search(w->f->store, &w->f->arena, &q, &options, &page, &err));
	assert_non_null(page.plan);
	assert_int_equal(page.plan->part_count, 1);
	assert_true(str_eq(page.plan->parts[0].way, S("r")));
	assert_string_equal(page.plan->order, "version");
	assert_true(page.plan->looked > 0 && page.plan->looked < 4 * RESOURCES);
	options = (struct store_search_options){.most_looked = 5};
	assert_false(store_search(w->f->store, &w->f->arena, &q, &options, &page, &err));
	assert_int_equal(err.code, ERR_TOO_COSTLY);
	free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_trees), TEST(test_limits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
