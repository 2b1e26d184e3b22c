/*
 * Rows of parameters that were added after a version was written. Its terms are written anew, and its rows in the index
 * tables follow when it has any; a version that waits for them will get them from its terms. The lock of index rows
 * keeps whoever makes them from having read the terms before.
 */
#include "store/postgres/index.h"
#include "store/postgres/writer.h"

struct adding {
	struct writer *w;
	struct group *g;
	struct store_adding *what;
	int64_t indexed;
	struct added_terms terms;
	struct pg_index drop, put;
	struct pg_array vids, all;
};

/* The rows of the terms, each once. */
static bool put_rows(struct adding *x, int64_t vid, int64_t patient, struct str terms, struct error *err)
{
	struct index_list list = {0};
	bool ok = index_add(&list, vid, x->terms.type, patient, terms);
	size_t count = 0;
	for (size_t i = 0; ok && i < list.count; i++)
		if (list.entries[i].row.table != TABLE_KIND)
			list.entries[count++] = list.entries[i];
	list.count = ok ? count : 0;
	index_sort(&list);
	pg_index_add_list(&x->put, &list);
	index_done(&list);
	return ok || error_memory(err);
}

static bool add_to_version(struct adding *x, const PGresult *rows, int i, struct error *err)
{
	int64_t at = pg_i64(rows, i, 0) - 1, patient = pg_i64(rows, i, 2);
	struct str terms = pg_bytes(rows, i, 1);
	bool changed = false;
	if (at < 0 || at >= (int64_t)x->what->version_count)
		return true;
	const struct store_rows *version = &x->what->versions[at];
	if (!group_added_terms(x->g, x->what, version, terms.p ? terms : S(""), &x->terms, &changed, err))
		return false;
	if (!changed)
		return true;
	x->what->given++;
	pg_array_i64(&x->vids, version->vid);
	pg_array_bytes(&x->all, buf_str(&x->terms.terms));
	if (version->vid > x->indexed)
		return true;
	/* The terms are gone with the next version, the rows borrow from them. */
	struct str dropped = arena_str(x->g->a, buf_str(&x->terms.dropped)), added = arena_str(x->g->a, x->terms.added);
	if (!dropped.p || !added.p)
		return error_memory(err);
	pg_index_add_terms(&x->drop, version->vid, dropped);
	return put_rows(x, version->vid, patient, added, err);
}

static PGresult *ask_terms(struct adding *x, struct error *err)
{
	struct pg_array vids;
	struct pg_params p = {0};
	pg_array_init(&vids, PG_INT8);
	for (size_t i = 0; i < x->what->version_count; i++)
		pg_array_i64(&vids, x->what->versions[i].vid);
	PGresult *rows = pg_add_array(&p, &vids, err) ? pg_ask(&x->w->pg, SQL_CURRENT_TERMS, &p, err) : NULL;
	pg_array_done(&vids);
	return rows;
}

static bool write_all(struct adding *x, struct error *err)
{
	struct pg *c = &x->w->pg;
	struct pg_params p = {0};
	return pg_add_array(&p, &x->vids, err) && pg_add_array(&p, &x->all, err) &&
	       pg_send(c, SQL_TERMS_SET, &p, err) && pg_index_send(&x->drop, c, err) &&
	       pg_index_send(&x->put, c, err) && pg_sync(c, err) && pg_end(c, err);
}

static bool add_all(struct adding *x, struct error *err)
{
	if (!pg_run(&x->w->pg, SQL_INDEX_WAIT, NULL, err) ||
	    !pg_ask_number(&x->w->pg, SQL_INDEXED, NULL, &x->indexed, err))
		return false;
	PGresult *rows = ask_terms(x, err);
	bool ok = rows != NULL;
	for (int i = 0; ok && i < PQntuples(rows); i++)
		ok = add_to_version(x, rows, i, err);
	PQclear(rows);
	return ok && (!x->what->given || write_all(x, err));
}

bool pg_rows_add(struct writer *w, struct group *g, struct store_adding *what, struct error *err)
{
	struct adding x = {.w = w, .g = g, .what = what};
	what->given = 0;
	pg_index_init(&x.drop, PG_INDEX_DROP);
	pg_index_init(&x.put, PG_INDEX_PUT);
	pg_array_init(&x.vids, PG_INT8);
	pg_array_init(&x.all, PG_BYTEA);
	bool ok = group_added_begin(g, what, &x.terms, err) && add_all(&x, err);
	group_added_end(&x.terms);
	pg_index_done(&x.drop);
	pg_index_done(&x.put);
	pg_array_done(&x.vids);
	pg_array_done(&x.all);
	return ok;
}
