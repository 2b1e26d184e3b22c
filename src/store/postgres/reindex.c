/*
 * Making terms and index rows again from the bodies, a stretch of versions with each commit. First the index tables are
 * emptied, so that nothing wrong stays; versions beyond those that have rows again are searched by their terms, so
 * answers are right all the time. How far it came is kept, and a run that was stopped goes on there, unless the store
 * was written in between: then what is indexed and what is made again may not be the same, and it starts over.
 */
#include "store/check.h"

#include <stdio.h>

#include "store/postgres/index.h"
#include "store/postgres/writer.h"

enum { STRETCH = 500 };
#define REACHED S("reindex")

struct reindex {
	struct pg_store *store;
	struct writer *w;
	struct reader *r;
	const struct store_keeping *k;
	struct store_kept *kept;
	struct pg_index index;
	struct index_list list;
	struct pg_rows terms; /* changed ones */
	struct arena arena; /* of one stretch: what index rows point into */
	int64_t reached, indexed, last_vid, last_rid;
};

/* The rid behind a reference; a place is kept for what is not stored. */
static int64_t place_rid(void *ctx, int64_t type, struct str id, struct error *err)
{
	struct reindex *x = ctx;
	struct pg_params p = {0};
	int64_t rid = 0;
	pg_add_i64(&p, type);
	pg_add_bytes(&p, id);
	if (!pg_ask_number(&x->w->pg, SQL_RESOURCE_RID, &p, &rid, err) || rid)
		return rid;
	rid = ++x->last_rid;
	const int64_t numbers[] = {rid, 0, 0, 0, 0, type, STORE_DELETE};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		pg_rows_i64(&x->w->resources_new, numbers[i]);
	pg_rows_bytes(&x->w->resources_new, id);
	bool ok =
		pg_send_rows(&x->w->pg, &x->w->resources_new, err) && pg_sync(&x->w->pg, err) && pg_end(&x->w->pg, err);
	return ok ? rid : 0;
}

static bool open_body(struct reindex *x, struct packed_body packed, struct opened_body *body, struct error *err)
{
	struct bodies *bodies = x->store->bodies;
	if (packed.bytes.p && !bodies_knows(bodies, packed.coding) && !pg_dictionaries_load(x->store, &x->r->pg, err))
		return false;
	return check_open_body(bodies, x->r->unpacker, &x->r->stored, x->k, &x->arena, packed, body, err);
}

/* The terms that a version should have, in the arena. A body that cannot be read keeps those it had: that is for the
 * check to tell. */
static bool terms_of(struct reindex *x, const PGresult *rows, int i, struct str *terms, struct error *err)
{
	const struct row_names names = {&x->w->names, place_rid, x};
	int64_t number = pg_i64(rows, i, 1);
	struct packed_body packed = {pg_bytes(rows, i, 5), (int)pg_i64(rows, i, 4)};
	struct opened_body body;
	bool same = false;
	const struct fhir_type *type = pg_reader_type_of(x->store, &x->r->pg, number, err);
	if (!type || !open_body(x, packed, &body, err))
		return false;
	if (body.problem) {
		x->kept->findings++;
		return true;
	}
	x->kept->rows += (int64_t)body.rows.count;
	if (!rows_write_terms(&names, type, number, body.rows.rows, body.rows.count, &x->w->terms, err) ||
	    !rows_same_terms(&x->arena, *terms, buf_str(&x->w->terms), &same, err))
		return false;
	if (same)
		return true;
	*terms = arena_str(&x->arena, buf_str(&x->w->terms));
	pg_rows_i64(&x->terms, pg_i64(rows, i, 0));
	pg_rows_bytes(&x->terms, *terms);
	x->kept->changed++;
	return terms->p || error_memory(err);
}

static bool one_version(struct reindex *x, const PGresult *rows, int i, struct error *err)
{
	struct str terms = pg_bytes(rows, i, 3);
	bool deleted = pg_i64(rows, i, 2) == STORE_DELETE;
	x->kept->versions++;
	x->reached = pg_i64(rows, i, 0);
	if (!deleted && !terms_of(x, rows, i, &terms, err))
		return false;
	return index_add(&x->list, x->reached, pg_i64(rows, i, 1), pg_i64(rows, i, 6), deleted ? STR_NULL : terms) ||
	       error_memory(err);
}

/* Everything of a stretch, to its commit. */
static bool write_stretch(struct reindex *x, struct error *err)
{
	struct pg *c = &x->w->pg;
	struct pg_params indexed = {0}, rid = {0}, reached = {0};
	pg_add_i64(&indexed, x->reached);
	pg_add_i64(&rid, x->last_rid);
	pg_add_bytes(&reached, REACHED);
	pg_add_i64(&reached, x->reached);
	index_sort(&x->list);
	pg_index_add_list(&x->index, &x->list);
	return pg_send_rows(c, &x->terms, err) && pg_index_send(&x->index, c, err) &&
	       pg_send(c, SQL_INDEXED_SET, &indexed, err) && pg_send(c, SQL_HEAD_RID, &rid, err) &&
	       pg_send(c, SQL_KEPT_SET, &reached, err) && pg_send(c, SQL_COMMIT, NULL, err) && pg_sync(c, err) &&
	       pg_end(c, err);
}

/* The end is empty. */
static bool stretch(struct reindex *x, bool *ret_more, struct error *err)
{
	struct pg_params p = {0};
	pg_add_i64(&p, x->reached);
	pg_add_i64(&p, STRETCH);
	arena_reset(&x->arena);
	if (!pg_run(&x->w->pg, SQL_BEGIN, NULL, err))
		return false;
	PGresult *rows = pg_ask(&x->w->pg, SQL_REINDEX_NEXT, &p, err);
	bool ok = rows != NULL;
	*ret_more = ok && PQntuples(rows) > 0;
	for (int i = 0; ok && i < PQntuples(rows); i++)
		ok = one_version(x, rows, i, err);
	ok = ok && write_stretch(x, err);
	index_done(&x->list);
	x->list = (struct index_list){0};
	PQclear(rows);
	return ok;
}

static bool start_over(struct reindex *x, struct error *err)
{
	struct pg c;
	char sql[320];
	snprintf(sql, sizeof(sql),
		 "SET search_path TO %s; BEGIN; TRUNCATE kind, token, string, date, number, reference, word; "
		 "UPDATE indexed SET vid = 0; DELETE FROM kept WHERE key IN ('vacuumed', 'worded'); COMMIT",
		 x->store->place.schema);
	if (!pg_open_bare(&c, &x->store->place, err))
		return false;
	bool ok = pg_script(&c, sql, err);
	pg_close(&c);
	x->reached = 0;
	return ok && pg_kept_set(&x->w->pg, REACHED, 0, err);
}

static bool all(struct reindex *x, struct error *err)
{
	struct pg *c = &x->w->pg;
	struct pg_params p = {0};
	bool more = true;
	pg_add_bytes(&p, REACHED);
	PGresult *head = pg_ask(c, SQL_HEAD, NULL, err);
	PGresult *reached = head ? pg_ask(c, SQL_KEPT_GET, &p, err) : NULL;
	bool ok = reached && pg_ask_number(c, SQL_INDEXED, NULL, &x->indexed, err);
	bool again = ok && (!PQntuples(reached) || pg_i64(reached, 0, 0) != x->indexed);
	if (ok) {
		x->last_vid = pg_i64(head, 0, 0);
		x->last_rid = pg_i64(head, 0, 1);
		x->reached = x->indexed;
	}
	PQclear(head);
	PQclear(reached);
	ok = ok && (!again || start_over(x, err));
	while (ok && more)
		ok = keeping_told(&x->k->progress, x->reached, x->last_vid, err) && stretch(x, &more, err);
	return ok && pg_run(c, SQL_KEPT_DROP, &p, err);
}

bool pg_reindex(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err)
{
	struct reindex x = {.store = b, .k = k, .kept = kept};
	x.w = x.store->writer;
	if (!pg_writer_alone(x.store, err) || !(x.r = pg_reader_acquire(x.store, err)))
		return false;
	arena_init(&x.arena, ARENA_NO_CAP);
	pg_index_init(&x.index, PG_INDEX_PUT);
	pg_rows_init(&x.terms, SQL_TERMS_SET, "ib");
	bool ok = all(&x, err);
	if (!ok) {
		pg_writer_roll_back(x.w);
		pg_writer_forget(x.w);
	}
	pg_reader_release(x.store, x.r);
	pg_rows_done(&x.terms);
	pg_index_done(&x.index);
	arena_done(&x.arena);
	return ok;
}
