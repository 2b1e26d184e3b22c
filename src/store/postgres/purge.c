/*
 * Purging: the content of the versions before the newest one goes for good. Their rows stay as deletions without
 * content, so that numbers of versions have no gaps and snapshots know what they do not see; bodies, terms, hashes and
 * index rows are removed. PostgreSQL's own vacuum frees their room later.
 */
#include "store/postgres/index.h"
#include "store/postgres/writer.h"

static void add_version(struct pg_array *vids, struct pg_index *drop, const PGresult *rows, int i)
{
	int64_t vid = pg_i64(rows, i, 0);
	pg_array_i64(vids, vid);
	pg_index_add_terms(drop, vid, pg_bytes(rows, i, 1));
}

static bool drop_content(struct pg *c, const PGresult *rows, struct error *err)
{
	struct pg_array vids;
	struct pg_index drop;
	pg_array_init(&vids, PG_INT8);
	pg_index_init(&drop, PG_INDEX_DROP);
	for (int i = 0; i < PQntuples(rows); i++)
		add_version(&vids, &drop, rows, i);
	struct pg_params p = {0};
	bool ok = pg_add_array(&p, &vids, err) && pg_index_send(&drop, c, err) &&
		  pg_send(c, SQL_VERSION_EMPTY, &p, err) && pg_send(c, SQL_BODY_DROP, &p, err) && pg_sync(c, err) &&
		  pg_end(c, err);
	pg_index_done(&drop);
	pg_array_done(&vids);
	return ok;
}

bool pg_purge_past(struct pg_store *s, struct pg *c, int64_t rid, struct error *err)
{
	struct pg_array rids;
	struct pg_params p = {0};
	pg_array_init(&rids, PG_INT8);
	pg_array_i64(&rids, rid);
	/* Index rows that somebody makes of what he read before must not come back. */
	bool ok =
		pg_run(c, SQL_INDEX_WAIT, NULL, err) && pg_words_forget(s, c, rid, err) && pg_add_array(&p, &rids, err);
	PGresult *rows = ok ? pg_ask(c, SQL_PAST_TERMS, &p, err) : NULL;
	ok = rows && (!PQntuples(rows) || drop_content(c, rows, err));
	PQclear(rows);
	pg_array_done(&rids);
	return ok;
}
