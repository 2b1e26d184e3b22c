/*
 * Dropping what is not needed any more: index rows of versions that were replaced so long ago that no page link in use
 * can see them. Versions and bodies stay: they are the history. Links older than that are refused afterwards, by the
 * vid kept under `vacuumed`. Servers may run meanwhile. Then PostgreSQL's own VACUUM makes the room free for new rows.
 */
#include <stdio.h>

#include "base/clock.h"
#include "store/postgres/index.h"
#include "store/postgres/writer.h"

enum { STRETCH = 1000 };

struct vacuum {
	struct pg_store *store;
	struct pg *c;
	struct pg_index drop;
	const struct store_keeping *k;
	struct store_kept *kept;
	int64_t mark; /* versions that died at or before it lose their rows */
	int64_t indexed, last_rid;
	int64_t rid, version; /* the last one looked at */
};

bool pg_kept_set(struct pg *c, struct str key, int64_t value, struct error *err)
{
	struct pg_params p = {0};
	pg_add_bytes(&p, key);
	pg_add_i64(&p, value);
	return pg_run(c, SQL_KEPT_SET, &p, err);
}

static bool find_mark(struct vacuum *x, struct error *err)
{
	struct pg_params p = {0};
	int64_t last = 0;
	if (!pg_ask_number(x->c, SQL_LAST_VIDS, NULL, &last, err) ||
	    !pg_ask_number(x->c, SQL_INDEXED, NULL, &x->indexed, err))
		return false;
	pg_add_i64(&p, last);
	pg_add_i64(&p, clock_now_ms() - x->k->keep_ms);
	return pg_ask_number(x->c, SQL_VID_BEFORE, &p, &x->mark, err);
}

/* How many rows were dropped. */
static bool send_drops(struct vacuum *x, struct error *err)
{
	int sent = 0;
	for (int i = 0; i < TABLE_COUNT; i++)
		sent += pg_rows_count(&x->drop.tables[i]) > 0;
	if (!pg_index_send(&x->drop, x->c, err) || !pg_send(x->c, SQL_COMMIT, NULL, err) || !pg_sync(x->c, err))
		return false;
	for (int i = 0; i < sent; i++) {
		PGresult *r = pg_result(x->c, err);
		if (!r)
			return false;
		struct str count = str_from(PQcmdTuples(r));
		int64_t number = 0;
		for (size_t j = 0; j < count.n; j++)
			number = number * 10 + (count.p[j] - '0');
		x->kept->rows += number;
		PQclear(r);
	}
	return pg_end(x->c, err);
}

static bool drop_stretch(struct vacuum *x, bool *ret_more, struct error *err)
{
	struct pg_params p = {0};
	pg_add_i64(&p, x->rid);
	pg_add_i64(&p, x->version);
	pg_add_i64(&p, STRETCH);
	if (!pg_run(x->c, SQL_BEGIN, NULL, err) || !pg_run(x->c, SQL_INDEX_WAIT, NULL, err))
		return false;
	PGresult *rows = pg_ask(x->c, SQL_VACUUM_NEXT, &p, err);
	if (!rows)
		return false;
	for (int i = 0; i < PQntuples(rows); i++) {
		int64_t vid = pg_i64(rows, i, 2), died = pg_i64(rows, i, 3);
		x->rid = pg_i64(rows, i, 0);
		x->version = pg_i64(rows, i, 1);
		x->kept->versions++;
		if (died && died <= x->mark && vid <= x->indexed)
			pg_index_add_terms(&x->drop, vid, pg_bytes(rows, i, 4));
	}
	*ret_more = PQntuples(rows) == STRETCH;
	PQclear(rows);
	return send_drops(x, err) && keeping_told(&x->k->progress, x->kept->versions, 0, err);
}

/* What is known by name only is not in a pipeline. */
static bool free_room(struct vacuum *x, struct error *err)
{
	struct pg c;
	char sql[256];
	snprintf(sql, sizeof(sql), "SET search_path TO %s; SET client_min_messages TO error", x->store->place.schema);
	bool ok = pg_open_bare(&c, &x->store->place, err);
	if (!ok)
		return false;
	ok = pg_script(&c, sql, err);
	static const char *const tables[] = {"kind",   "token",	    "string",  "date",
					     "number", "reference", "version", "body"};
	for (size_t i = 0; ok && i < sizeof(tables) / sizeof(tables[0]); i++) {
		snprintf(sql, sizeof(sql), "VACUUM (ANALYZE) %s", tables[i]);
		ok = keeping_told(&x->k->progress, -1, -1, err) && pg_script(&c, sql, err);
	}
	pg_close(&c);
	return ok;
}

/* The mark is set before rows go, so that no link is answered in part. It never goes back. */
static bool vacuum_all(struct vacuum *x, struct error *err)
{
	bool more = true;
	int64_t before = 0;
	struct pg_params p = {0};
	pg_add_bytes(&p, S("vacuumed"));
	if (!pg_ask_number(x->c, SQL_SIZE, NULL, &x->kept->bytes_before, err) || !find_mark(x, err) ||
	    !pg_ask_number(x->c, SQL_KEPT_GET, &p, &before, err))
		return false;
	x->mark = x->mark > before ? x->mark : before;
	if (!pg_kept_set(x->c, S("vacuumed"), x->mark, err))
		return false;
	while (more)
		if (!drop_stretch(x, &more, err))
			return false;
	return free_room(x, err) && pg_ask_number(x->c, SQL_SIZE, NULL, &x->kept->bytes_after, err);
}

bool pg_vacuum(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err)
{
	struct vacuum x = {.store = b, .k = k, .kept = kept};
	x.c = &x.store->writer->pg;
	if (!pg_writer_connect(x.store, err))
		return false;
	pg_index_init(&x.drop, PG_INDEX_DROP);
	bool ok = vacuum_all(&x, err);
	if (!ok)
		pg_writer_roll_back(x.store->writer);
	pg_index_done(&x.drop);
	return ok;
}
