/*
 * The index of words. A stretch is one transaction under a lock, so one process at a time makes it for all, and a purge
 * waits for its end.
 */
#include "store/words.h"

#include "store/postgres/writer.h"

#define WORDED S("worded")

enum { BODIES_AT_ONCE = 500 };

/* ---- reading bodies ------------------------------------------------------------------------------------------------
 */

static bool add_bodies(struct pg_store *s, struct reader *r, struct words_builder *b, const PGresult *rows,
		       struct error *err)
{
	struct arena a;
	bool ok = true;
	arena_init(&a, (size_t)256 << 20);
	for (int i = 0; ok && i < PQntuples(rows); i++) {
		struct store_entry e = {0};
		arena_reset(&a);
		ok = pg_reader_entry(s, r, &a, rows, i, &e, err) &&
		     (!e.body.p || words_builder_add(b, pg_i64(rows, i, 7), e.vid, e.body, err));
	}
	arena_done(&a);
	return ok;
}

static bool read_stretch(struct pg_store *s, struct reader *r, int64_t from, int64_t to, const _Atomic bool *stop,
			 struct words_builder *b, struct error *err)
{
	int count = BODIES_AT_ONCE;
	while (count == BODIES_AT_ONCE && !*stop) {
		struct pg_params p = {0};
		pg_add_i64(&p, from);
		pg_add_i64(&p, to);
		pg_add_i64(&p, BODIES_AT_ONCE);
		PGresult *rows = pg_ask(&r->pg, SQL_WORDS_BODIES, &p, err);
		count = rows ? PQntuples(rows) : 0;
		if (count)
			from = pg_i64(rows, count - 1, 0);
		bool ok = rows && add_bodies(s, r, b, rows, err);
		PQclear(rows);
		if (!ok)
			return false;
	}
	return true;
}

/* ---- a stretch ----------------------------------------------------------------------------------------------------
 */

static bool put_rows(struct pg *c, const struct words_row *rows, size_t count, struct error *err)
{
	struct pg_rows put;
	bool ok = true;
	pg_rows_init(&put, SQL_WORD_PUT, "iibb");
	for (size_t at = 0; ok && at < count; at += WORDS_ROWS) {
		for (size_t i = at; i < count && i < at + WORDS_ROWS; i++) {
			pg_rows_i64(&put, rows[i].low);
			pg_rows_i64(&put, rows[i].high);
			pg_rows_bytes(&put, rows[i].key);
			pg_rows_bytes(&put, rows[i].vids);
		}
		ok = pg_send_rows(c, &put, err) && pg_sync(c, err) && pg_end(c, err);
	}
	pg_rows_done(&put);
	return ok;
}

static bool set_worded(struct pg *c, int64_t vid, struct error *err)
{
	struct pg_params p = {0};
	pg_add_bytes(&p, WORDED);
	pg_add_i64(&p, vid);
	return pg_run(c, SQL_KEPT_SET, &p, err);
}

static bool make_stretch(struct pg_store *s, struct reader *r, int64_t to, const _Atomic bool *stop, struct error *err)
{
	struct words_builder *b = words_builder_new(err);
	struct words_row *rows;
	size_t count;
	bool ok = b && read_stretch(s, r, r->worded, to, stop, b, err);
	if (ok && !*stop)
		ok = words_builder_rows(b, &rows, &count, err) && put_rows(&r->pg, rows, count, err) &&
		     set_worded(&r->pg, to, err);
	words_builder_free(b);
	return ok;
}

/* Inside of a transaction, if the lock is to be had. */
static bool locked_stretch(struct pg_store *s, struct reader *r, int64_t *seen, const _Atomic bool *stop,
			   bool *ret_more, struct error *err)
{
	int64_t locked = 0, last = 0, indexed = 0, came;
	if (!pg_ask_number(&r->pg, SQL_WORDS_LOCK, NULL, &locked, err) || !pg_reader_last(r, &last, &indexed, err))
		return false;
	came = last - *seen;
	*seen = last;
	if (!locked || last - r->worded < s->words_lag || came > WORDS_BUSY)
		return true;
	int64_t to = last - r->worded > WORDS_STRETCH ? r->worded + WORDS_STRETCH : last;
	*ret_more = last - to >= s->words_lag;
	return make_stretch(s, r, to, stop, err);
}

bool pg_words(void *b, int64_t *seen, const _Atomic bool *stop, bool *ret_more, struct error *err)
{
	struct pg_store *s = b;
	struct reader *r = pg_reader_acquire(s, err);
	struct error ignored = {0};
	*ret_more = false;
	if (!r)
		return false;
	bool ok = pg_run(&r->pg, SQL_BEGIN, NULL, err) && locked_stretch(s, r, seen, stop, ret_more, err) &&
		  pg_run(&r->pg, SQL_COMMIT, NULL, err);
	if (!ok) {
		*ret_more = false;
		pg_drop(&r->pg);
		if (!pg_run(&r->pg, SQL_ROLLBACK, NULL, &ignored))
			r->pg.lost = true;
	}
	pg_reader_release(s, r);
	return ok;
}

/* ---- purging --------------------------------------------------------------------------------------------------------
 */

struct changes {
	struct pg_rows set, drop;
};

static bool leave_out(struct changes *x, struct arena *a, const PGresult *rows, int i, int64_t vid, struct error *err)
{
	struct str left;
	if (!words_without(a, pg_bytes(rows, i, 2), vid, &left))
		return error_memory(err);
	struct pg_rows *to = left.p ? &x->set : &x->drop;
	pg_rows_i64(to, pg_i64(rows, i, 1));
	pg_rows_bytes(to, pg_bytes(rows, i, 0));
	if (left.p)
		pg_rows_bytes(to, left);
	return true;
}

static bool change_rows(struct pg *c, struct arena *a, const PGresult *rows, int64_t vid, struct error *err)
{
	struct changes x;
	bool ok = true;
	pg_rows_init(&x.set, SQL_WORD_SET, "ibb");
	pg_rows_init(&x.drop, SQL_WORD_DROP, "ib");
	for (int i = 0; ok && i < PQntuples(rows); i++)
		ok = leave_out(&x, a, rows, i, vid, err);
	ok = ok && pg_send_rows(c, &x.set, err) && pg_send_rows(c, &x.drop, err) && pg_sync(c, err) && pg_end(c, err);
	pg_rows_done(&x.set);
	pg_rows_done(&x.drop);
	return ok;
}

static bool forget_version(struct pg *c, struct arena *a, int64_t type, const struct store_entry *e, struct error *err)
{
	struct str *keys;
	size_t count;
	struct pg_array list;
	struct pg_params p = {0};
	if (!words_of_body(a, type, e->body, &keys, &count, err))
		return false;
	pg_array_init(&list, PG_BYTEA);
	for (size_t i = 0; i < count; i++)
		pg_array_bytes(&list, keys[i]);
	bool ok = pg_add_array(&p, &list, err);
	pg_add_i64(&p, e->vid);
	PGresult *rows = ok ? pg_ask(c, SQL_WORD_AROUND, &p, err) : NULL;
	ok = rows && change_rows(c, a, rows, e->vid, err);
	PQclear(rows);
	pg_array_done(&list);
	return ok;
}

bool pg_words_forget(struct pg_store *s, struct pg *c, int64_t rid, struct error *err)
{
	struct pg_params p = {0};
	struct arena a;
	/* What unpacks bodies belongs to readers; its connection is not used. */
	struct reader *r = pg_reader_acquire(s, err);
	if (!r)
		return false;
	pg_add_i64(&p, rid);
	PGresult *rows = pg_run(c, SQL_WORDS_WAIT, NULL, err) ? pg_ask(c, SQL_PAST_BODIES, &p, err) : NULL;
	bool ok = rows != NULL;
	arena_init(&a, (size_t)256 << 20);
	for (int i = 0; ok && i < PQntuples(rows); i++) {
		struct store_entry e = {0};
		arena_reset(&a);
		ok = pg_reader_entry(s, r, &a, rows, i, &e, err) &&
		     (!e.body.p || forget_version(c, &a, pg_i64(rows, i, 7), &e, err));
	}
	arena_done(&a);
	PQclear(rows);
	pg_reader_release(s, r);
	return ok;
}

/* ---- checking -------------------------------------------------------------------------------------------------------
 */

struct word_check {
	struct pg_store *store;
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
		struct pg_params p = {0};
		pg_add_bytes(&p, rows[i].key);
		pg_add_i64(&p, rows[i].low);
		pg_add_i64(&p, rows[i].high);
		ok = pg_send(&r->pg, SQL_WORD_WITHIN, &p, err);
	}
	ok = ok && pg_sync(&r->pg, err);
	for (size_t i = 0; ok && i < count; i++) {
		PGresult *found = pg_result(&r->pg, err);
		ok = found != NULL;
		for (int j = 0; ok && j < PQntuples(found); j++)
			ok = words_take(pg_bytes(found, j, 0), &out[i], err);
		PQclear(found);
	}
	return ok && pg_end(&r->pg, err);
}

bool pg_words_check(struct pg_store *s, struct reader *r, const struct store_keeping *k, struct store_kept *kept,
		    struct error *err)
{
	struct word_check c = {s, r};
	return words_check(&(struct words_source){read_checked, get_rows, &c}, r->worded, k, kept, err);
}
