/*
 * What the search engine asks of SQLite: each function of struct seek_source as a loop over prepared statements, which
 * cost no more one by one than together.
 */
#include "store/sqlite/sqlite_priv.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/words.h"

struct source {
	struct sqlite_store *store;
	struct reader *r;
	uint64_t deadline_ns;
};

/* ---- names ----------------------------------------------------------------------------------------------------------
 */

/* One number by a statement that is already bound; 0 when there is no row. */
static bool number_of(struct source *x, sqlite3_stmt *s, int64_t *ret_number, struct error *err)
{
	bool row = false;
	if (!db_row(&x->r->db, s, &row, err))
		return false;
	*ret_number = row ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_reset(s);
	return true;
}

static bool type_number(struct source *x, struct str name, int64_t *ret_type, struct error *err)
{
	if (cache_get(&x->r->types, name, ret_type))
		return true;
	sqlite3_stmt *s = db_use(&x->r->db, SQL_TYPE_GET, err);
	if (!s)
		return false;
	bind_str(s, 1, name);
	if (!number_of(x, s, ret_type, err))
		return false;
	if (*ret_type)
		cache_put(&x->r->types, name, *ret_type);
	return true;
}

static bool find_name(struct source *x, struct seek_name *n, struct error *err)
{
	int64_t type = 0;
	sqlite3_stmt *s;
	n->number = 0;
	if (n->kind == NAME_TYPE)
		return type_number(x, n->text, &n->number, err);
	if (n->kind == NAME_SYSTEM) {
		if (!(s = db_use(&x->r->db, SQL_SYSTEM_GET, err)))
			return false;
		bind_blob(s, 1, n->text);
		return number_of(x, s, &n->number, err);
	}
	if (!type_number(x, n->scope, &type, err))
		return false;
	if (!type)
		return true;
	if (!(s = db_use(&x->r->db, n->kind == NAME_PARAM ? SQL_PARAM_GET : SQL_RESOURCE_GET, err)))
		return false;
	sqlite3_bind_int64(s, 1, type);
	bind_str(s, 2, n->text);
	return number_of(x, s, &n->number, err);
}

static bool source_names(void *ctx, struct seek_name *names, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		if (!find_name(ctx, &names[i], err))
			return false;
	return true;
}

/* The first column of all rows of a statement that is bound. */
static bool add_all(struct source *x, sqlite3_stmt *s, struct seek_numbers *out, struct error *err)
{
	bool row = true, ok = true;
	while (ok && row) {
		ok = db_row(&x->r->db, s, &row, err);
		if (ok && row)
			ok = seek_numbers_add(out, sqlite3_column_int64(s, 0), err);
	}
	sqlite3_reset(s);
	return ok;
}

static bool source_rids(void *ctx, struct str id, struct seek_numbers *out, struct error *err)
{
	struct source *x = ctx;
	sqlite3_stmt *s = db_use(&x->r->db, SQL_RIDS_OF_ID, err);
	if (!s)
		return false;
	bind_str(s, 1, id);
	return add_all(x, s, out, err);
}

static bool source_params(void *ctx, int64_t type, struct seek_numbers *out, struct error *err)
{
	struct source *x = ctx;
	sqlite3_stmt *s = db_use(&x->r->db, type ? SQL_PARAMS_OF_TYPE : SQL_PARAMS, err);
	if (!s)
		return false;
	if (type)
		sqlite3_bind_int64(s, 1, type);
	return add_all(x, s, out, err);
}

static bool source_systems(void *ctx, int64_t param, struct str code, struct seek_numbers *out, struct error *err)
{
	struct source *x = ctx;
	for (int64_t system = -1;;) {
		sqlite3_stmt *s = db_use(&x->r->db, SQL_SYSTEMS_OF_CODE, err);
		bool row = false;
		if (!s)
			return false;
		sqlite3_bind_int64(s, 1, param);
		bind_blob(s, 2, code);
		sqlite3_bind_int64(s, 3, system);
		if (!db_row(&x->r->db, s, &row, err))
			return false;
		if (!row)
			return true;
		system = sqlite3_column_int64(s, 0);
		sqlite3_reset(s);
		if (!seek_numbers_add(out, system, err))
			return false;
	}
}

static bool source_count_type(void *ctx, int64_t type, int64_t *ret_count, struct error *err)
{
	struct source *x = ctx;
	sqlite3_stmt *s = db_use(&x->r->db, SQL_TYPE_COUNT, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, type);
	return number_of(x, s, ret_count, err);
}

static bool source_vid_before(void *ctx, int64_t snapshot, int64_t time_ms, int64_t *ret_vid, struct error *err)
{
	struct source *x = ctx;
	return reader_last_before(x->r, time_ms, snapshot, ret_vid, err);
}

/* ---- candidates -----------------------------------------------------------------------------------------------------
 */

static bool probe_arm(struct source *x, const struct seek_arm *arm, int64_t limit, int64_t *count, struct error *err)
{
	int at;
	int64_t rows = 0;
	sqlite3_stmt *s = arm_use(x->r, arm, ARM_PROBE, &at, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, at, limit);
	if (!number_of(x, s, &rows, err))
		return false;
	*count += rows;
	return true;
}

static bool source_probe(void *ctx, struct seek_probe *probes, size_t count, int64_t limit, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct seek_probe *p = &probes[i];
		p->count = 0;
		for (size_t j = 0; j < p->arms.count && p->count < limit; j++)
			if (!probe_arm(ctx, &p->arms.list[j], limit - p->count, &p->count, err))
				return false;
		limit = p->count < limit ? p->count : limit;
	}
	return true;
}

/* Adds a version if the snapshot sees it. */
static bool look_at(struct source *x, int64_t vid, int64_t snapshot, struct seek_batch *out, struct error *err)
{
	sqlite3_stmt *s = db_use(&x->r->db, SQL_LOOK, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, vid);
	sqlite3_bind_int64(s, 2, snapshot);
	if (!db_row(&x->r->db, s, &row, err))
		return false;
	if (!row)
		return true;
	struct seek_found f = {vid, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 3), sqlite3_column_int64(s, 1),
			       column_str(s, 2)};
	bool ok = seek_batch_add(out, &f, err);
	sqlite3_reset(s);
	return ok;
}

static bool source_look(void *ctx, const int64_t *vids, size_t count, int64_t snapshot, struct seek_batch *out,
			struct error *err)
{
	for (size_t i = 0; i < count; i++)
		if (!look_at(ctx, vids[i], snapshot, out, err))
			return false;
	return true;
}

/* The vids of one arm in the range; of an ordered one at most max, from the beginning. */
static bool arm_vids(struct source *x, const struct seek_arm *arm, struct seek_range range, size_t max,
		     struct seek_numbers *out, struct error *err)
{
	int at;
	sqlite3_stmt *s = arm_use(x->r, arm, range.descending ? ARM_DESCENDING : ARM_ASCENDING, &at, err);
	bool ok = s, row = true;
	if (!s)
		return false;
	sqlite3_bind_int64(s, at, range.low);
	sqlite3_bind_int64(s, at + 1, range.high);
	if (seek_forms[arm->form].ordered)
		sqlite3_bind_int64(s, at + 2, (int64_t)max);
	while (ok && row && out->count <= out->limit) {
		ok = db_row(&x->r->db, s, &row, err);
		if (ok && row)
			ok = seek_numbers_add(out, sqlite3_column_int64(s, 0), err);
	}
	sqlite3_reset(s);
	return ok;
}

/* Does a version have a row of the arm? */
static bool arm_has(struct source *x, const struct seek_arm *arm, int64_t vid, bool *ret_has, struct error *err)
{
	int at;
	sqlite3_stmt *s = arm_use(x->r, arm, ARM_HAS, &at, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, at, vid);
	if (!db_row(&x->r->db, s, ret_has, err))
		return false;
	sqlite3_reset(s);
	return true;
}

/* Leaves over those of the vids from a place on that have a row of the arm. */
static bool keep_having(struct source *x, const struct seek_arm *arm, struct seek_numbers *vids, size_t from,
			struct error *err)
{
	size_t kept = from;
	for (size_t i = from; i < vids->count; i++) {
		bool has = false;
		if (!arm_has(x, arm, vids->list[i], &has, err))
			return false;
		if (has)
			vids->list[kept++] = vids->list[i];
	}
	vids->count = kept;
	return true;
}

static bool source_collect(void *ctx, struct seek_arms arms, struct seek_range range, struct seek_numbers *out,
			   struct error *err)
{
	for (size_t i = 0; i < arms.count && out->count <= out->limit; i++) {
		size_t before = out->count;
		if (!arm_vids(ctx, &arms.list[i], range, INT64_MAX, out, err) ||
		    (arms.also && !keep_having(ctx, arms.also, out, before, err)))
			return false;
	}
	return true;
}

static int compare_up(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
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

/* Takes the first so many vids of each arm. Up to the nearest end of those that have more, nothing is missing. */
static bool source_walk(void *ctx, struct seek_arms arms, struct seek_range range, int64_t snapshot, size_t max,
			struct seek_batch *out, struct error *err)
{
	struct seek_numbers vids = {.limit = SIZE_MAX};
	size_t share = arms.count > 1 ? 2 * max / arms.count + 8 : max;
	int64_t edge = range.descending ? range.low + 1 : range.high, last = 0;
	bool ok = true;
	out->ended = true;
	for (size_t i = 0; ok && i < arms.count; i++) {
		size_t before = vids.count;
		ok = arm_vids(ctx, &arms.list[i], range, share, &vids, err);
		if (!ok || vids.count - before < share)
			continue;
		out->ended = false;
		if (is_behind(edge, vids.list[vids.count - 1], range.descending))
			edge = vids.list[vids.count - 1];
	}
	if (ok && arms.count > 1 && vids.count > 1)
		qsort(vids.list, vids.count, sizeof(*vids.list), range.descending ? compare_down : compare_up);
	for (size_t i = 0, taken = 0; ok && i < vids.count && !is_behind(vids.list[i], edge, range.descending); i++) {
		if (vids.list[i] == last)
			continue;
		if (taken++ == max) {
			out->ended = false;
			edge = last;
			break;
		}
		bool has = true;
		last = vids.list[i];
		ok = !arms.also || arm_has(ctx, arms.also, last, &has, err);
		ok = ok && (!has || look_at(ctx, last, snapshot, out, err));
	}
	out->reached = edge;
	free(vids.list);
	return ok;
}

static bool version_at(struct source *x, int64_t rid, int64_t snapshot, int64_t *ret_vid, struct error *err)
{
	sqlite3_stmt *s = db_use(&x->r->db, SQL_RESOURCE_VID, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, rid);
	if (!number_of(x, s, ret_vid, err))
		return false;
	if (*ret_vid <= snapshot)
		return true;
	if (!(s = db_use(&x->r->db, SQL_PAST_VID, err)))
		return false;
	sqlite3_bind_int64(s, 1, rid);
	sqlite3_bind_int64(s, 2, snapshot);
	return number_of(x, s, ret_vid, err);
}

static bool source_versions(void *ctx, const int64_t *rids, size_t count, int64_t snapshot, struct seek_batch *out,
			    struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		int64_t vid = 0;
		if (!version_at(ctx, rids[i], snapshot, &vid, err) || (vid && !look_at(ctx, vid, snapshot, out, err)))
			return false;
	}
	return true;
}

/* ---- rows in the order of their keys --------------------------------------------------------------------------------
 */

static sqlite3_stmt *bind_stretch(struct source *x, const struct seek_stretch *t, size_t max, struct error *err)
{
	static const enum statement statements[TABLE_COUNT][3] = {
		[TABLE_TOKEN] = {SQL_TOKEN_UP, SQL_TOKEN_DOWN, SQL_TOKEN_END},
		[TABLE_STRING] = {SQL_STRING_UP, SQL_STRING_DOWN, SQL_STRING_END},
		[TABLE_DATE] = {SQL_DATE_UP, SQL_DATE_DOWN},
		[TABLE_NUMBER] = {SQL_NUMBER_UP, SQL_NUMBER_DOWN}};
	bool text = t->table == TABLE_STRING || t->table == TABLE_TOKEN, end = text && t->descending && !t->key.p;
	sqlite3_stmt *s = db_use(&x->r->db, statements[t->table][end ? 2 : t->descending], err);
	if (!s)
		return NULL;
	sqlite3_bind_int64(s, 1, t->param);
	sqlite3_bind_int64(s, 2, (int64_t)max);
	if (text && !end)
		bind_blob(s, 3, t->key);
	if (t->table == TABLE_DATE)
		sqlite3_bind_int64(s, 3, t->low);
	if (t->table == TABLE_NUMBER)
		sqlite3_bind_double(s, 3, t->number);
	if (!text)
		sqlite3_bind_int(s, 4, t->width);
	return s;
}

static struct seek_key stretch_key(sqlite3_stmt *s, enum seek_table table)
{
	struct seek_key k = {.vid = sqlite3_column_int64(s, 0)};
	if (table == TABLE_DATE) {
		k.low = sqlite3_column_int64(s, 1);
		k.high = sqlite3_column_int64(s, 2);
	} else if (table == TABLE_NUMBER) {
		k.number = sqlite3_column_double(s, 1);
	} else {
		k.key = column_str(s, 1);
	}
	return k;
}

static bool source_scan(void *ctx, const struct seek_stretch *stretches, size_t count, size_t max,
			struct seek_keys *out, struct error *err)
{
	struct source *x = ctx;
	for (size_t i = 0; i < count; i++) {
		sqlite3_stmt *s = bind_stretch(x, &stretches[i], max, err);
		bool ok = s, row = true;
		while (ok && row) {
			ok = db_row(&x->r->db, s, &row, err);
			if (!ok || !row)
				break;
			struct seek_key k = stretch_key(s, stretches[i].table);
			ok = seek_keys_add(&out[i], &k, err);
		}
		if (!ok)
			return false;
	}
	return true;
}

/* Each found by a look of its own behind the one before, over any number of rows. */
static bool source_distinct(void *ctx, const struct seek_stretch *from, size_t max, struct seek_keys *out,
			    struct error *err)
{
	struct source *x = ctx;
	struct str at = from->key;
	bool row = true;
	for (size_t i = 0; i < max; i++) {
		enum statement up = i ? SQL_CODES_NEXT : SQL_CODES_FIRST;
		enum statement down = i ? SQL_CODES_BEFORE : at.p ? SQL_CODES_FROM : SQL_CODES_LAST;
		sqlite3_stmt *s = db_use(&x->r->db, from->descending ? down : up, err);
		if (!s)
			return false;
		sqlite3_bind_int64(s, 1, from->param);
		if (i || at.p || !from->descending)
			bind_blob(s, 2, at);
		if (!db_row(&x->r->db, s, &row, err))
			return false;
		if (!row)
			return true;
		struct seek_key k = {.key = column_str(s, 0)};
		bool ok = seek_keys_add(out, &k, err);
		sqlite3_reset(s);
		if (!ok)
			return false;
		at = out->list[out->count - 1].key;
	}
	return true;
}

static bool source_words(void *ctx, struct str from, struct str before, struct seek_numbers *out, struct error *err)
{
	struct source *x = ctx;
	sqlite3_stmt *s = db_use(&x->r->db, before.p ? SQL_WORD_RANGE : SQL_WORD_GET, err);
	bool ok = s, row = true;
	if (!s)
		return false;
	bind_blob(s, 1, from);
	if (before.p)
		bind_blob(s, 2, before);
	while (ok && row && out->count <= out->limit) {
		ok = db_row(&x->r->db, s, &row, err);
		if (ok && row)
			ok = words_take(column_str(s, 0), out, err);
	}
	sqlite3_reset(s);
	return ok;
}

/* ---- resources ------------------------------------------------------------------------------------------------------
 */

static bool source_idents(void *ctx, struct arena *a, struct seek_ident *idents, size_t count, struct error *err)
{
	struct source *x = ctx;
	for (size_t i = 0; i < count; i++) {
		sqlite3_stmt *s = db_use(&x->r->db, SQL_RESOURCE_NAME, err);
		bool row = false;
		if (!s)
			return false;
		sqlite3_bind_int64(s, 1, idents[i].rid);
		if (!db_row(&x->r->db, s, &row, err))
			return false;
		if (!row)
			return error_set(err, ERR_STORE, "The store is damaged: a resource is missing");
		idents[i].type = sqlite3_column_int64(s, 0);
		idents[i].id = arena_str(a, column_str(s, 1));
		sqlite3_reset(s);
		if (!idents[i].id.p)
			return error_memory(err);
	}
	return true;
}

static bool fill_entry(struct source *x, struct arena *a, sqlite3_stmt *s, struct store_entry *e, struct error *err)
{
	struct packed_body packed = {column_str(s, 6), sqlite3_column_int(s, 4)};
	e->vid = sqlite3_column_int64(s, 0);
	e->version = sqlite3_column_int64(s, 1);
	e->updated_ms = sqlite3_column_int64(s, 2);
	e->op = (enum store_op)sqlite3_column_int(s, 3);
	e->id = arena_str(a, column_str(s, 8));
	e->type = e->id.p ? reader_type_of(x->store, x->r, sqlite3_column_int64(s, 7), err) : NULL;
	if (!e->id.p)
		return error_memory(err);
	if (e->type && !packed.bytes.p)
		return error_set(err, ERR_STORE, "The store is damaged: a resource's content is missing");
	return e->type && reader_serve(x->store, x->r, a, packed, (size_t)sqlite3_column_int64(s, 5), e->version,
				       e->updated_ms, &e->body, err);
}

static bool source_entries(void *ctx, struct arena *a, const int64_t *vids, size_t count, struct store_entry *entries,
			   struct error *err)
{
	struct source *x = ctx;
	for (size_t i = 0; i < count; i++) {
		sqlite3_stmt *s = db_use(&x->r->db, SQL_ENTRY, err);
		bool row = false;
		if (!s)
			return false;
		sqlite3_bind_int64(s, 1, vids[i]);
		if (!db_row(&x->r->db, s, &row, err))
			return false;
		if (!row)
			return error_set(err, ERR_STORE, "The store is damaged: a version is missing");
		bool ok = fill_entry(x, a, s, &entries[i], err);
		sqlite3_reset(s);
		if (!ok)
			return false;
	}
	return true;
}

static const struct extractor *source_extractor(void *ctx, struct error *err)
{
	struct source *x = ctx;
	return store_extractor(&x->store->extractor, x->store->definitions, err);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------
 */

static int out_of_time(void *ctx)
{
	const struct source *x = ctx;
	return clock_monotonic_ns() >= x->deadline_ns;
}

static struct seek_source source_of(struct source *x)
{
	return (struct seek_source){.x = x,
				    .last_vid = x->r->last_vid,
				    .oldest = x->r->vacuumed,
				    .indexed = x->r->indexed,
				    .worded = x->r->worded,
				    .dates_marked = x->r->dates_marked != 0,
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
				    .idents = source_idents,
				    .words = source_words,
				    .extractor = source_extractor,
				    .entries = source_entries};
}

static bool search_in(struct source *x, struct arena *a, const struct search_query *query,
		      const struct store_search_options *options, struct store_page *page, struct error *err)
{
	if (!reader_begin(x->r, err))
		return false;
	const struct seek_source source = source_of(x);
	sqlite3_progress_handler(x->r->db.handle, 10000, out_of_time, x);
	bool ok = seek_search(&source, a, query, options, x->deadline_ns, page, err);
	sqlite3_progress_handler(x->r->db.handle, 0, NULL, NULL);
	return ok;
}

bool sqlite_search(void *b, struct arena *a, const struct search_query *query,
		   const struct store_search_options *options, struct store_page *ret_page, struct error *err)
{
	struct source x = {.store = b, .deadline_ns = seek_deadline(options)};
	x.r = reader_acquire(x.store, err);
	if (!x.r)
		return false;
	bool ok = search_in(&x, a, query, options, ret_page, err);
	reader_end(x.r);
	reader_release(x.store, x.r);
	return ok;
}

bool sqlite_newer(struct sqlite_store *store, struct reader *r, const struct search_query *query, int64_t after,
		  unsigned timeout_ms, bool *ret_any, struct error *err)
{
	struct store_search_options options = {.timeout_ms = timeout_ms};
	struct source x = {.store = store, .r = r, .deadline_ns = seek_deadline(&options)};
	const struct seek_source source = source_of(&x);
	bool ok = seek_newer(&source, query, after, x.deadline_ns, ret_any, err);
	reader_end(r);
	return ok;
}
