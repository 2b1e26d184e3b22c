/*
 * The index of words. A thread of its own reads the bodies of a stretch and makes the rows; the committing thread
 * writes them, a part with each commit. What was purged meanwhile must not come back, so a purge makes the stretch be
 * read again.
 */
#include "store/words.h"

#include "store/sqlite/sqlite_priv.h"

#define WORDED S("worded")

/* ---- reading bodies ------------------------------------------------------------------------------------------------
 */

/* Columns: vid, type, version, time, coding, meta_at, bytes. The served form: what a search looks into. */
static bool body_of(struct sqlite_store *store, struct reader *r, struct arena *a, sqlite3_stmt *s,
		    struct str *ret_body, struct error *err)
{
	struct packed_body packed = {column_str(s, 6), sqlite3_column_int(s, 4)};
	return reader_serve(store, r, a, packed, (size_t)sqlite3_column_int64(s, 5), sqlite3_column_int64(s, 2),
			    sqlite3_column_int64(s, 3), ret_body, err);
}

static bool read_stretch(struct sqlite_store *store, struct reader *r, int64_t from, int64_t to,
			 const _Atomic bool *stop, struct words_builder *b, struct error *err)
{
	struct arena a;
	bool row = true, ok = true;
	sqlite3_stmt *s = db_use(&r->db, SQL_WORDS_BODIES, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, from);
	sqlite3_bind_int64(s, 2, to);
	arena_init(&a, (size_t)256 << 20);
	while (ok && row && !*stop) {
		struct str body;
		arena_reset(&a);
		ok = db_row(&r->db, s, &row, err);
		if (ok && row)
			ok = body_of(store, r, &a, s, &body, err) &&
			     words_builder_add(b, sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 0), body, err);
	}
	sqlite3_reset(s);
	arena_done(&a);
	return ok;
}

/* ---- handing rows to the committing thread -------------------------------------------------------------------------
 */

static bool hand_in(struct sqlite_store *store, const struct words_part *part, struct error *err)
{
	struct item *item = item_new(ITEM_WORDS, 0);
	if (!item)
		return error_memory(err);
	item->words = part;
	item->changes = part->count / 10 + 1;
	item->bytes = part->count * 100;
	return queue_put_wait(store->queue, item, err);
}

static bool write_stretch(struct sqlite_store *store, struct words_builder *b, struct words_part part,
			  const _Atomic bool *stop, struct error *err)
{
	struct words_row *rows;
	size_t count;
	int64_t to = part.to;
	if (!words_builder_rows(b, &rows, &count, err))
		return false;
	for (size_t at = 0; !*stop && (at < count || !at); at += WORDS_ROWS) {
		part.rows = rows + at;
		part.count = count - at < WORDS_ROWS ? count - at : WORDS_ROWS;
		part.to = at + WORDS_ROWS >= count ? to : 0;
		if (!hand_in(store, &part, err))
			return false;
	}
	return true;
}

static bool make_stretch(struct sqlite_store *store, struct reader *r, struct words_part *part, struct words_builder *b,
			 const _Atomic bool *stop, struct error *err)
{
	part->from = r->worded;
	part->to = r->last_vid - r->worded > WORDS_STRETCH ? r->worded + WORDS_STRETCH : r->last_vid;
	bool ok = read_stretch(store, r, part->from, part->to, stop, b, err);
	reader_end(r);
	return ok;
}

bool sqlite_words(void *b, int64_t *seen, const _Atomic bool *stop, bool *ret_more, struct error *err)
{
	struct sqlite_store *store = b;
	struct words_part part = {.purges = store->purges};
	struct reader *r = reader_acquire(store, err);
	struct words_builder *builder = NULL;
	*ret_more = false;
	if (!r)
		return false;
	bool ok = reader_begin(r, err);
	int64_t came = ok ? r->last_vid - *seen : 0, left = ok ? r->last_vid - r->worded : 0;
	*seen = r->last_vid;
	bool due = ok && left >= store->words_lag && came <= WORDS_BUSY;
	if (due)
		ok = (builder = words_builder_new(err)) && make_stretch(store, r, &part, builder, stop, err);
	reader_release(store, r);
	if (ok && due)
		ok = write_stretch(store, builder, part, stop, err);
	words_builder_free(builder);
	*ret_more = ok && due && left - (part.to - part.from) >= store->words_lag;
	return ok;
}

/* ---- on the committing thread --------------------------------------------------------------------------------------
 */

static bool put_row(struct writer *w, const struct words_row *row, struct error *err)
{
	sqlite3_stmt *s = db_use(&w->db, SQL_WORD_PUT, err);
	if (!s)
		return false;
	bind_blob(s, 1, row->key);
	sqlite3_bind_int64(s, 2, row->low);
	sqlite3_bind_int64(s, 3, row->high);
	bind_blob(s, 4, row->vids);
	return db_done(&w->db, s, err);
}

bool words_write(struct sqlite_store *store, const struct words_part *part, struct error *item_err, struct error *err)
{
	struct writer *w = &store->writer;
	int64_t worded = 0;
	if (!meta_get(&w->db, WORDED, 0, &worded, err))
		return false;
	if (worded != part->from || part->purges != store->purges) {
		error_set(item_err, ERR_CONFLICT_RETRY, "The store changed while words were being indexed");
		return true;
	}
	for (size_t i = 0; i < part->count; i++)
		if (!put_row(w, &part->rows[i], err))
			return false;
	return !part->to || meta_set(&w->db, WORDED, part->to, err);
}

/* ---- purging --------------------------------------------------------------------------------------------------------
 */

struct word_row {
	int64_t low;
	struct str vids;
};

/* The rows of a word that may hold a vid, in a. */
static bool rows_around(struct writer *w, struct arena *a, struct str key, int64_t vid, struct word_row **ret_rows,
			size_t *ret_count, struct error *err)
{
	size_t capacity = 0;
	bool row = true;
	sqlite3_stmt *s = db_use(&w->db, SQL_WORD_AROUND, err);
	*ret_rows = NULL;
	*ret_count = 0;
	if (!s)
		return false;
	bind_blob(s, 1, key);
	sqlite3_bind_int64(s, 2, vid);
	while (db_row(&w->db, s, &row, err) && row) {
		struct word_row *rows = arena_grow(a, *ret_rows, *ret_count, &capacity, *ret_count + 1, sizeof(*rows));
		struct str vids = arena_str(a, column_str(s, 1));
		if (!rows || !vids.p) {
			sqlite3_reset(s);
			return error_memory(err);
		}
		*ret_rows = rows;
		rows[(*ret_count)++] = (struct word_row){sqlite3_column_int64(s, 0), vids};
	}
	return !row;
}

static bool leave_out(struct writer *w, struct str key, const struct word_row *row, int64_t vid, struct error *err)
{
	struct str left;
	if (!words_without(&w->scratch, row->vids, vid, &left))
		return error_memory(err);
	sqlite3_stmt *s = db_use(&w->db, left.p ? SQL_WORD_SET : SQL_WORD_DROP, err);
	if (!s)
		return false;
	bind_blob(s, 1, key);
	sqlite3_bind_int64(s, 2, row->low);
	if (left.p)
		bind_blob(s, 3, left);
	return db_done(&w->db, s, err);
}

bool words_forget(struct sqlite_store *store, int64_t vid, struct error *err)
{
	struct writer *w = &store->writer;
	sqlite3_stmt *s = db_use(&w->db, SQL_WORDS_BODY, err);
	struct str body = STR_NULL, *keys;
	size_t count = 0;
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, vid);
	if (!db_row(&w->db, s, &row, err))
		return false;
	if (!row)
		return true;
	int64_t type = sqlite3_column_int64(s, 1);
	bool ok = body_of(store, store->view, &w->scratch, s, &body, err);
	sqlite3_reset(s);
	ok = ok && words_of_body(&w->scratch, type, body, &keys, &count, err);
	for (size_t i = 0; ok && i < count; i++) {
		struct word_row *rows;
		size_t row_count;
		ok = rows_around(w, &w->scratch, keys[i], vid, &rows, &row_count, err);
		for (size_t j = 0; ok && j < row_count; j++)
			ok = leave_out(w, keys[i], &rows[j], vid, err);
	}
	return ok;
}

/* ---- checking -------------------------------------------------------------------------------------------------------
 */

struct word_check {
	struct sqlite_store *store;
	struct reader *r;
};

static bool read_checked(void *ctx, int64_t from, int64_t to, struct words_builder *b, struct error *err)
{
	const struct word_check *c = ctx;
	const _Atomic bool never = false;
	return read_stretch(c->store, c->r, from, to, &never, b, err);
}

static bool get_rows(void *ctx, const struct words_row *rows, size_t count, struct seek_numbers *out, struct error *err)
{
	struct reader *r = ((const struct word_check *)ctx)->r;
	bool ok = true;
	for (size_t i = 0; ok && i < count; i++) {
		bool row = true;
		sqlite3_stmt *s = db_use(&r->db, SQL_WORD_WITHIN, err);
		if (!s)
			return false;
		bind_blob(s, 1, rows[i].key);
		sqlite3_bind_int64(s, 2, rows[i].low);
		sqlite3_bind_int64(s, 3, rows[i].high);
		while (ok && row) {
			ok = db_row(&r->db, s, &row, err);
			if (ok && row)
				ok = words_take(column_str(s, 0), &out[i], err);
		}
		sqlite3_reset(s);
	}
	return ok;
}

bool sqlite_words_check(struct sqlite_store *store, struct reader *r, const struct store_keeping *k,
			struct store_kept *kept, struct error *err)
{
	struct word_check c = {store, r};
	return words_check(&(struct words_source){read_checked, get_rows, &c}, r->worded, k, kept, err);
}
