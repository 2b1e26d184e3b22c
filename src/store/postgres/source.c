/*
 * Each function of struct seek_source as one batch: a single round trip, whatever the number of things asked for. All
 * answers are of a snapshot by its vid, so no transaction holds them together.
 */
#include "store/postgres/source.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/words.h"

static bool in_time(const struct source *x, struct error *err)
{
	return clock_monotonic_ns() < x->deadline_ns ||
	       error_set(err, ERR_TIMEOUT, "The search took longer than allowed");
}

/* After a failed batch nothing of it may be left to be read. */
static bool ended(struct source *x, bool ok, struct error *err)
{
	ok = ok && pg_end(x->c, err);
	if (!ok)
		pg_drop(x->c);
	return ok;
}

/* ---- names ----------------------------------------------------------------------------------------------------------
 */

static bool send_name(struct source *x, const struct seek_name *n, int64_t type, struct error *err)
{
	struct pg_params p = {0};
	if (n->kind == NAME_PARAM || n->kind == NAME_RESOURCE)
		pg_add_i64(&p, type);
	pg_add_bytes(&p, n->text.p ? n->text : S(""));
	return pg_send(x->c,
		       n->kind == NAME_PARAM	? SQL_PARAM_GET
		       : n->kind == NAME_SYSTEM ? SQL_SYSTEM_GET
						: SQL_RESOURCE_RID,
		       &p, err);
}

/* Types are known to the process after the first time; parameters and systems as well. */
static bool known(struct source *x, const struct seek_name *n, int64_t type, int64_t *ret_number)
{
	char key[320];
	if (n->kind == NAME_RESOURCE || n->text.n > 280)
		return false;
	int size = snprintf(key, sizeof(key), "%c%lld %.*s", n->kind == NAME_PARAM ? 'p' : 's', (long long)type,
			    STR_ARG(n->text));
	pthread_mutex_lock(&x->store->pool.lock);
	bool found = cache_get(&x->store->pool.names, str_make(key, (size_t)size), ret_number);
	if (!found && *ret_number)
		cache_put(&x->store->pool.names, str_make(key, (size_t)size), *ret_number);
	pthread_mutex_unlock(&x->store->pool.lock);
	return found;
}

enum { NAMES_AT_ONCE = 1000 };

/* Names that have to be asked for, at most so many. */
static bool ask_names(struct source *x, struct seek_name *const *list, const int64_t *types, size_t count,
		      struct error *err)
{
	bool ok = true;
	for (size_t i = 0; ok && i < count; i++)
		ok = send_name(x, list[i], types[i], err);
	ok = ok && pg_sync(x->c, err);
	for (size_t i = 0; ok && i < count; i++) {
		PGresult *rows = pg_result(x->c, err);
		ok = rows != NULL;
		if (ok && PQntuples(rows)) {
			list[i]->number = pg_i64(rows, 0, 0);
			int64_t learnt = list[i]->number;
			(void)known(x, list[i], types[i], &learnt);
		}
		PQclear(rows);
	}
	return ended(x, ok, err);
}

static bool source_names(void *ctx, struct seek_name *names, size_t count, struct error *err)
{
	struct source *x = ctx;
	struct seek_name *asked[NAMES_AT_ONCE];
	int64_t types[NAMES_AT_ONCE];
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		struct seek_name *name = &names[i];
		bool scoped = name->kind == NAME_PARAM || name->kind == NAME_RESOURCE;
		int64_t type = 0;
		name->number = 0;
		if (name->kind == NAME_TYPE) {
			if (!pg_reader_type(x->store, x->c, name->text, &name->number, err))
				return false;
			continue;
		}
		if (scoped && !pg_reader_type(x->store, x->c, name->scope, &type, err))
			return false;
		if ((scoped && !type) || known(x, name, type, &name->number))
			continue;
		asked[n] = name;
		types[n++] = type;
		if (n == NAMES_AT_ONCE) {
			if (!ask_names(x, asked, types, n, err))
				return false;
			n = 0;
		}
	}
	return !n || ask_names(x, asked, types, n, err);
}

/* The first column of all rows. */
static bool add_all(struct seek_numbers *out, PGresult *rows, int column, struct error *err)
{
	bool ok = rows != NULL;
	for (int i = 0; ok && i < PQntuples(rows); i++)
		ok = seek_numbers_add(out, pg_i64(rows, i, column), err);
	PQclear(rows);
	return ok;
}

static bool source_rids(void *ctx, struct str id, struct seek_numbers *out, struct error *err)
{
	struct source *x = ctx;
	struct pg_params p = {0};
	pg_add_bytes(&p, id.p ? id : S(""));
	return add_all(out, pg_ask(x->c, SQL_RIDS_OF_ID, &p, err), 0, err);
}

static bool source_params(void *ctx, int64_t type, struct seek_numbers *out, struct error *err)
{
	struct source *x = ctx;
	struct pg_params p = {0};
	if (type)
		pg_add_i64(&p, type);
	return add_all(out, pg_ask(x->c, type ? SQL_PARAMS_OF_TYPE : SQL_PARAMS, &p, err), 0, err);
}

static bool source_systems(void *ctx, int64_t param, struct str code, struct seek_numbers *out, struct error *err)
{
	struct source *x = ctx;
	struct pg_params p = {0};
	pg_add_i64(&p, param);
	pg_add_bytes(&p, code.p ? code : S(""));
	return add_all(out, pg_ask(x->c, SQL_SYSTEMS_OF_CODE, &p, err), 0, err);
}

static bool one_number(struct source *x, enum statement statement, const struct pg_params *p, int64_t *ret_number,
		       struct error *err)
{
	PGresult *rows = pg_ask(x->c, statement, p, err);
	if (rows)
		*ret_number = PQntuples(rows) ? pg_i64(rows, 0, 0) : 0;
	PQclear(rows);
	return rows != NULL;
}

static bool source_count_type(void *ctx, int64_t type, int64_t *ret_count, struct error *err)
{
	struct source *x = ctx;
	struct pg_params p = {0};
	pg_add_i64(&p, type);
	pg_add_i64(&p, x->last_vid);
	return one_number(x, SQL_TYPE_COUNT, &p, ret_count, err);
}

static bool source_vid_before(void *ctx, int64_t snapshot, int64_t time_ms, int64_t *ret_vid, struct error *err)
{
	struct pg_params p = {0};
	pg_add_i64(&p, snapshot);
	pg_add_i64(&p, time_ms);
	return one_number(ctx, SQL_VID_BEFORE, &p, ret_vid, err);
}

/* ---- arms -----------------------------------------------------------------------------------------------------------
 */

/* A run of arms of one form becomes one statement. */
static size_t run_of(struct seek_arms arms, size_t from)
{
	size_t to = from + 1;
	while (to < arms.count && arms.list[to].form == arms.list[from].form)
		to++;
	return to - from;
}

static void add_value(struct pg_array *column, const struct seek_value *v)
{
	if (v->kind == VALUE_INT)
		pg_array_i64(column, v->integer);
	else if (v->kind == VALUE_REAL)
		pg_array_double(column, v->real);
	else
		pg_array_bytes(column, v->bytes.p ? v->bytes : S(""));
}

/* numbers follow the arms' values: limits, ranges, snapshot. */
static bool send_run(struct source *x, const struct seek_arm *arms, size_t count, enum arm_use use,
		     const int64_t *numbers, size_t number_count, struct error *err)
{
	static const enum pg_type types[] = {[VALUE_INT] = PG_INT8, [VALUE_REAL] = PG_FLOAT8, [VALUE_BYTES] = PG_BYTEA};
	struct pg_array columns[ARM_VALUES];
	struct pg_params p = {0};
	const char *sql = pg_arm_sql(arms[0].form, use, err);
	bool ok = sql != NULL;
	for (size_t i = 0; i < arms[0].count; i++) {
		pg_array_init(&columns[i], types[arms[0].values[i].kind]);
		for (size_t j = 0; j < count; j++)
			add_value(&columns[i], &arms[j].values[i]);
		ok = ok && pg_add_array(&p, &columns[i], err);
	}
	for (size_t i = 0; i < number_count; i++)
		pg_add_i64(&p, numbers[i]);
	ok = ok && pg_send_made(x->c, (int)arms[0].form * ARM_USES + (int)use, sql, &p, err);
	for (size_t i = 0; i < arms[0].count; i++)
		pg_array_done(&columns[i]);
	return ok;
}

static bool send_arms(struct source *x, struct seek_arms arms, enum arm_use use, const int64_t *numbers,
		      size_t number_count, struct error *err)
{
	for (size_t i = 0, n; i < arms.count; i += n) {
		n = run_of(arms, i);
		if (!send_run(x, &arms.list[i], n, use, numbers, number_count, err))
			return false;
	}
	return true;
}

static bool source_probe(void *ctx, struct seek_probe *probes, size_t count, int64_t limit, struct error *err)
{
	struct source *x = ctx;
	bool ok = in_time(x, err);
	for (size_t i = 0; ok && i < count; i++)
		ok = send_arms(x, probes[i].arms, ARM_PROBE, &limit, 1, err);
	ok = ok && pg_sync(x->c, err);
	for (size_t i = 0; ok && i < count; i++) {
		probes[i].count = 0;
		for (size_t j = 0; ok && j < probes[i].arms.count; j += run_of(probes[i].arms, j)) {
			PGresult *rows = pg_result(x->c, err);
			ok = rows != NULL;
			for (int k = 0; ok && k < PQntuples(rows); k++)
				probes[i].count += pg_i64(rows, k, 1);
			PQclear(rows);
		}
		if (probes[i].count > limit)
			probes[i].count = limit;
	}
	return ended(x, ok, err);
}

static bool source_collect(void *ctx, struct seek_arms arms, struct seek_range range, struct seek_numbers *out,
			   struct error *err)
{
	struct source *x = ctx;
	int64_t most = out->limit < (size_t)INT64_MAX - 1 ? (int64_t)out->limit + 1 : INT64_MAX;
	const int64_t numbers[] = {range.low, range.high, most};
	bool ok = in_time(x, err) && send_arms(x, arms, ARM_COLLECT, numbers, 3, err) && pg_sync(x->c, err);
	for (size_t i = 0; ok && i < arms.count; i += run_of(arms, i)) {
		PGresult *rows = pg_result(x->c, err);
		ok = rows != NULL;
		for (int k = 0; ok && k < PQntuples(rows) && out->count <= out->limit; k++)
			ok = seek_numbers_add(out, pg_i64(rows, k, 0), err);
		PQclear(rows);
	}
	return ended(x, ok, err);
}

/* ---- walking --------------------------------------------------------------------------------------------------------
 */

/* A row of a walk's answers. */
struct step {
	int64_t vid;
	const PGresult *rows;
	int row;
};

struct steps {
	struct step *list;
	size_t count, capacity;
	PGresult **results;
	size_t result_count;
};

static int compare_up(const void *left, const void *right)
{
	int64_t a = ((const struct step *)left)->vid, b = ((const struct step *)right)->vid;
	return (a > b) - (a < b);
}

static int compare_down(const void *left, const void *right)
{
	return compare_up(right, left);
}

static bool is_behind(int64_t vid, int64_t edge, bool descending)
{
	return descending ? vid < edge : vid > edge;
}

/* Rows of a result come arm by arm, each in order. An arm that gave as many as asked for may have more: up to its last
 * one nothing is missing. */
static void find_edge(const PGresult *rows, size_t share, bool descending, int64_t *edge, bool *ended_all)
{
	int count = PQntuples(rows);
	for (int i = 0; i < count;) {
		int from = i;
		int64_t arm = pg_i64(rows, i, 0), farthest = pg_i64(rows, i, 1);
		for (; i < count && pg_i64(rows, i, 0) == arm; i++)
			if (is_behind(pg_i64(rows, i, 1), farthest, descending))
				farthest = pg_i64(rows, i, 1);
		if ((size_t)(i - from) < share)
			continue;
		*ended_all = false;
		if (is_behind(*edge, farthest, descending))
			*edge = farthest;
	}
}

static bool take_steps(struct steps *s, PGresult *rows, struct error *err)
{
	size_t count = (size_t)PQntuples(rows);
	if (s->count + count > s->capacity) {
		size_t capacity = s->count + count + 64;
		struct step *list = realloc(s->list, capacity * sizeof(*list));
		if (!list)
			return error_memory(err);
		s->list = list;
		s->capacity = capacity;
	}
	for (size_t i = 0; i < count; i++)
		s->list[s->count++] = (struct step){pg_i64(rows, (int)i, 1), rows, (int)i};
	return true;
}

static bool add_found(struct seek_batch *out, const PGresult *rows, int row, int column, struct error *err)
{
	struct seek_found f = {pg_i64(rows, row, column), pg_i64(rows, row, column + 1), pg_i64(rows, row, column + 2),
			       pg_i64(rows, row, column + 3), pg_bytes(rows, row, column + 4)};
	if (!f.terms.p)
		f.terms = S("");
	return seek_batch_add(out, &f, err);
}

/* At most max of them: where it stops the next call goes on. */
static bool add_steps(struct steps *s, int64_t edge, bool descending, size_t max, struct seek_batch *out,
		      struct error *err)
{
	int64_t last = 0;
	size_t taken = 0;
	out->reached = edge;
	if (s->count > 1)
		qsort(s->list, s->count, sizeof(*s->list), descending ? compare_down : compare_up);
	for (size_t i = 0; i < s->count && !is_behind(s->list[i].vid, edge, descending); i++) {
		const struct step *step = &s->list[i];
		if (step->vid == last)
			continue;
		if (taken++ == max) {
			out->ended = false;
			out->reached = last;
			break;
		}
		last = step->vid;
		/* What the snapshot does not see has no resource. */
		if (!PQgetisnull(step->rows, step->row, 2) && !add_found(out, step->rows, step->row, 1, err))
			return false;
	}
	return true;
}

static bool source_walk(void *ctx, struct seek_arms arms, struct seek_range range, int64_t snapshot, size_t max,
			struct seek_batch *out, struct error *err)
{
	struct source *x = ctx;
	size_t share = arms.count > 1 ? 2 * max / arms.count + 8 : max;
	const int64_t numbers[] = {range.low, range.high, (int64_t)share, snapshot};
	int64_t edge = range.descending ? range.low + 1 : range.high;
	struct steps s = {.results = calloc(arms.count + 1, sizeof(*s.results))};
	bool ok = (s.results || error_memory(err)) && in_time(x, err) &&
		  send_arms(x, arms, range.descending ? ARM_DESCENDING : ARM_ASCENDING, numbers, 4, err) &&
		  pg_sync(x->c, err);
	out->ended = true;
	for (size_t i = 0; ok && i < arms.count; i += run_of(arms, i)) {
		PGresult *rows = pg_result(x->c, err);
		ok = rows != NULL;
		if (!ok)
			break;
		s.results[s.result_count++] = rows;
		find_edge(rows, share, range.descending, &edge, &out->ended);
		ok = take_steps(&s, rows, err);
	}
	ok = ended(x, ok, err) && add_steps(&s, edge, range.descending, max, out, err);
	for (size_t i = 0; i < s.result_count; i++)
		PQclear(s.results[i]);
	free(s.results);
	free(s.list);
	return ok;
}

/* ---- versions -------------------------------------------------------------------------------------------------------
 */

static PGresult *ask_many(struct source *x, enum statement statement, const int64_t *numbers, size_t count,
			  const int64_t *snapshot, struct error *err)
{
	struct pg_array list;
	struct pg_params p = {0};
	PGresult *rows = NULL;
	pg_array_init(&list, PG_INT8);
	for (size_t i = 0; i < count; i++)
		pg_array_i64(&list, numbers[i]);
	if (in_time(x, err) && pg_add_array(&p, &list, err)) {
		if (snapshot)
			pg_add_i64(&p, *snapshot);
		rows = pg_ask(x->c, statement, &p, err);
	}
	pg_array_done(&list);
	return rows;
}

static bool found_of(struct source *x, enum statement statement, const int64_t *numbers, size_t count, int64_t snapshot,
		     struct seek_batch *out, struct error *err)
{
	PGresult *rows = count ? ask_many(x, statement, numbers, count, &snapshot, err) : NULL;
	bool ok = rows != NULL || !count;
	for (int i = 0; ok && rows && i < PQntuples(rows); i++)
		ok = add_found(out, rows, i, 0, err);
	PQclear(rows);
	return ok;
}

static bool source_look(void *ctx, const int64_t *vids, size_t count, int64_t snapshot, struct seek_batch *out,
			struct error *err)
{
	return found_of(ctx, SQL_LOOK, vids, count, snapshot, out, err);
}

static bool source_versions(void *ctx, const int64_t *rids, size_t count, int64_t snapshot, struct seek_batch *out,
			    struct error *err)
{
	return found_of(ctx, SQL_VERSIONS, rids, count, snapshot, out, err);
}

static bool source_idents(void *ctx, struct arena *a, struct seek_ident *idents, size_t count, struct error *err)
{
	int64_t *rids = count ? calloc(count, sizeof(*rids)) : NULL;
	if (!rids)
		return !count || error_memory(err);
	for (size_t i = 0; i < count; i++)
		rids[i] = idents[i].rid;
	PGresult *rows = ask_many(ctx, SQL_IDENTS, rids, count, NULL, err);
	free(rids);
	bool ok = rows != NULL;
	for (int i = 0; ok && i < PQntuples(rows); i++) {
		int64_t at = pg_i64(rows, i, 0) - 1;
		if (at < 0 || at >= (int64_t)count)
			continue;
		idents[at].type = pg_i64(rows, i, 1);
		idents[at].id = arena_str(a, pg_bytes(rows, i, 2));
		ok = idents[at].id.p || error_memory(err);
	}
	if (ok && (size_t)PQntuples(rows) < count)
		ok = error_set(err, ERR_STORE, "The store is damaged: a resource is missing");
	PQclear(rows);
	return ok;
}

static bool source_entries(void *ctx, struct arena *a, const int64_t *vids, size_t count, struct store_entry *entries,
			   struct error *err)
{
	struct source *x = ctx;
	PGresult *rows = count ? ask_many(x, SQL_ENTRIES, vids, count, NULL, err) : NULL;
	bool ok = rows != NULL || !count;
	if (rows && (size_t)PQntuples(rows) < count)
		ok = error_set(err, ERR_STORE, "The store is damaged: a version is missing");
	for (size_t i = 0; ok && i < count; i++)
		ok = pg_reader_named_entry(x->store, x->r, a, rows, (int)i, &entries[i], err);
	PQclear(rows);
	return ok;
}

/* ---- rows in the order of their keys --------------------------------------------------------------------------------
 */

static bool send_stretch(struct source *x, const struct seek_stretch *t, size_t max, struct error *err)
{
	static const enum statement statements[TABLE_COUNT][3] = {
		[TABLE_TOKEN] = {SQL_TOKEN_UP, SQL_TOKEN_DOWN, SQL_TOKEN_END},
		[TABLE_STRING] = {SQL_STRING_UP, SQL_STRING_DOWN, SQL_STRING_END},
		[TABLE_DATE] = {SQL_DATE_UP, SQL_DATE_DOWN},
		[TABLE_NUMBER] = {SQL_NUMBER_UP, SQL_NUMBER_DOWN}};
	bool text = t->table == TABLE_STRING || t->table == TABLE_TOKEN, end = text && t->descending && !t->key.p;
	struct pg_params p = {0};
	pg_add_i64(&p, t->param);
	pg_add_i64(&p, (int64_t)max);
	if (text && !end)
		pg_add_bytes(&p, t->key.p ? t->key : S(""));
	if (t->table == TABLE_DATE)
		pg_add_i64(&p, t->low);
	if (t->table == TABLE_NUMBER)
		pg_add_double(&p, t->number);
	if (!text)
		pg_add_i64(&p, t->width);
	return pg_send(x->c, statements[t->table][end ? 2 : t->descending], &p, err);
}

static struct seek_key stretch_key(const PGresult *rows, int row, enum seek_table table)
{
	struct seek_key k = {.vid = pg_i64(rows, row, 0)};
	if (table == TABLE_DATE) {
		k.low = pg_i64(rows, row, 1);
		k.high = pg_i64(rows, row, 2);
	} else if (table == TABLE_NUMBER) {
		k.number = pg_double(rows, row, 1);
	} else {
		k.key = pg_bytes(rows, row, 1);
	}
	return k;
}

static bool source_scan(void *ctx, const struct seek_stretch *stretches, size_t count, size_t max,
			struct seek_keys *out, struct error *err)
{
	struct source *x = ctx;
	bool ok = in_time(x, err);
	for (size_t i = 0; ok && i < count; i++)
		ok = send_stretch(x, &stretches[i], max, err);
	ok = ok && pg_sync(x->c, err);
	for (size_t i = 0; ok && i < count; i++) {
		PGresult *rows = pg_result(x->c, err);
		ok = rows != NULL;
		for (int j = 0; ok && j < PQntuples(rows); j++) {
			struct seek_key k = stretch_key(rows, j, stretches[i].table);
			ok = seek_keys_add(&out[i], &k, err);
		}
		PQclear(rows);
	}
	return ended(x, ok, err);
}

static bool source_distinct(void *ctx, const struct seek_stretch *from, size_t max, struct seek_keys *out,
			    struct error *err)
{
	struct source *x = ctx;
	struct pg_params p = {0};
	bool end = from->descending && !from->key.p;
	pg_add_i64(&p, from->param);
	pg_add_i64(&p, (int64_t)max);
	if (!end)
		pg_add_bytes(&p, from->key.p ? from->key : S(""));
	PGresult *rows = pg_ask(x->c, end ? SQL_CODES_END : from->descending ? SQL_CODES_DOWN : SQL_CODES_UP, &p, err);
	bool ok = rows != NULL;
	for (int i = 0; ok && i < PQntuples(rows); i++) {
		struct seek_key k = {.key = pg_bytes(rows, i, 0)};
		ok = seek_keys_add(out, &k, err);
	}
	PQclear(rows);
	return ok;
}

static bool source_words(void *ctx, struct str from, struct str before, struct seek_numbers *out, struct error *err)
{
	struct source *x = ctx;
	struct pg_params p = {0};
	pg_add_bytes(&p, from);
	if (before.p)
		pg_add_bytes(&p, before);
	PGresult *rows = pg_ask(x->c, before.p ? SQL_WORD_RANGE : SQL_WORD_GET, &p, err);
	bool ok = rows != NULL;
	for (int i = 0; ok && i < PQntuples(rows) && out->count <= out->limit; i++)
		ok = words_take(pg_bytes(rows, i, 0), out, err);
	PQclear(rows);
	return ok;
}

static const struct extractor *source_extractor(void *ctx, struct error *err)
{
	struct source *x = ctx;
	return store_extractor(&x->store->extractor, x->store->definitions, err);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------
 */

struct seek_source pg_source_of(struct source *x, int64_t last_vid, int64_t indexed)
{
	x->last_vid = last_vid;
	return (struct seek_source){.x = x,
				    .last_vid = last_vid,
				    .dates_marked = true,
				    .indexed = indexed,
				    .oldest = x->r ? x->r->vacuumed : 0,
				    .names = source_names,
				    .rids = source_rids,
				    .params = source_params,
				    .systems = source_systems,
				    .count_type = source_count_type,
				    .vid_before = source_vid_before,
				    .probe = source_probe,
				    .walk = source_walk,
				    .collect = source_collect,
				    .look = source_look,
				    .versions = source_versions,
				    .scan = source_scan,
				    .distinct = source_distinct,
				    .extractor = source_extractor,
				    .worded = x->r ? x->r->worded : 0,
				    .words = source_words,
				    .idents = source_idents,
				    .entries = source_entries};
}

struct searching {
	struct source source;
	struct arena *arena;
	const struct search_query *query;
	const struct store_search_options *options;
	struct store_page *page;
};

static bool search_over(void *ctx, struct reader *r, struct error *err)
{
	struct searching *x = ctx;
	int64_t last_vid, indexed;
	x->source.r = r;
	x->source.c = &r->pg;
	if (!pg_reader_last(r, &last_vid, &indexed, err))
		return false;
	const struct seek_source source = pg_source_of(&x->source, last_vid, indexed);
	return seek_search(&source, x->arena, x->query, x->options, x->source.deadline_ns, x->page, err);
}

bool pg_search(void *b, struct arena *a, const struct search_query *query, const struct store_search_options *options,
	       struct store_page *ret_page, struct error *err)
{
	struct searching x = {{.store = b, .deadline_ns = seek_deadline(options)}, a, query, options, ret_page};
	return pg_reader_ask(b, search_over, &x, x.source.deadline_ns, err);
}
