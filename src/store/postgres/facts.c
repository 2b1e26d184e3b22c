/* The shelf of small facts. Expired ones count as absent at once and are swept away a few at a time. */
#include "base/clock.h"
#include "store/postgres/listener.h"
#include "store/postgres/writer.h"

enum { SWEEP_EVERY = 64 };

static struct str present(struct str text)
{
	return text.p ? text : S("");
}

bool pg_facts_send_unloaded(struct writer *w, struct group *g, struct fact_state ***ret_list, int64_t *ret_count,
			    struct error *err)
{
	int64_t count = 0, i = 0;
	for (const struct fact_state *f = g->facts_unloaded; f; f = f->next)
		count++;
	struct fact_state **list = ARENA_ARRAY(g->a, struct fact_state *, (size_t)count + 1);
	if (!list)
		return error_memory(err);
	for (struct fact_state *f = g->facts_unloaded; f; f = f->next) {
		list[i++] = f;
		pg_rows_bytes(&w->facts, f->shelf);
		pg_rows_bytes(&w->facts, f->key);
	}
	g->facts_unloaded = NULL;
	*ret_list = list;
	*ret_count = count;
	return pg_send_rows(&w->pg, &w->facts, err);
}

bool pg_facts_take(struct writer *w, struct group *g, struct fact_state *const *list, int64_t count, struct error *err)
{
	if (!count)
		return true;
	PGresult *rows = pg_result(&w->pg, err);
	bool ok = rows != NULL;
	for (int i = 0; ok && i < PQntuples(rows); i++) {
		int64_t at = pg_i64(rows, i, 0);
		ok = at < 1 || at > count ||
		     fact_loaded(g, list[at - 1], pg_bytes(rows, i, 1), pg_i64(rows, i, 2), err);
	}
	PQclear(rows);
	return ok;
}

/* Of facts that are met without having been looked up with the others. */
bool pg_fact_load(struct writer *w, struct group *g, struct fact_state *f, struct error *err)
{
	struct fact_state **list;
	int64_t count;
	f->next = NULL;
	f->loaded = true;
	g->facts_unloaded = f;
	return pg_facts_send_unloaded(w, g, &list, &count, err) && pg_sync(&w->pg, err) &&
	       pg_facts_take(w, g, list, count, err) && pg_end(&w->pg, err);
}

/* With every so many that are written, as many of those that expired go at least. */
static bool sweep(struct writer *w, size_t put, int64_t now, struct error *err)
{
	struct pg_params p = {0};
	uint64_t before = w->facts_written;
	w->facts_written += put;
	if (before / SWEEP_EVERY == w->facts_written / SWEEP_EVERY)
		return true;
	pg_add_i64(&p, now);
	pg_add_i64(&p, (int64_t)put + 2 * SWEEP_EVERY);
	return pg_send(&w->pg, SQL_FACT_SWEEP, &p, err);
}

/* One name tells who it is from, so that a process need not listen to itself. */
static bool notify(struct writer *w, const struct told *told, struct error *err)
{
	char text[NOTICE_MAX];
	if (!told->count)
		return true;
	struct str notice = pg_notice_write(text, w->id, told);
	struct pg_params p = {0};
	pg_add_bytes(&p, notice);
	return pg_send(&w->pg, SQL_NOTIFY, &p, err);
}

bool pg_facts_send(struct writer *w, struct group *g, struct error *err)
{
	for (const struct fact_state *f = g->facts_written; f; f = f->next) {
		struct pg_rows *rows = f->value.p ? &w->facts_put : &w->facts_dropped;
		pg_rows_bytes(rows, f->shelf);
		pg_rows_bytes(rows, f->key);
		if (!f->value.p)
			continue;
		pg_rows_bytes(rows, f->value);
		pg_rows_i64(rows, f->expires);
	}
	return pg_send_rows(&w->pg, &w->facts_put, err) && pg_send_rows(&w->pg, &w->facts_dropped, err) &&
	       sweep(w, g->facts_put, g->time, err) && notify(w, &g->told, err);
}

/* A statement with its parameters, and where its rows are put. */
struct asking {
	enum statement statement;
	struct pg_params params;
	PGresult *rows;
};

static bool ask(void *ctx, struct reader *r, struct error *err)
{
	struct asking *x = ctx;
	x->rows = pg_ask(&r->pg, x->statement, &x->params, err);
	return x->rows != NULL;
}

bool pg_fact_get(void *b, struct arena *a, struct str shelf, struct str key, struct str *ret_value, struct error *err)
{
	struct asking x = {.statement = SQL_FACT_GET};
	pg_add_bytes(&x.params, present(shelf));
	pg_add_bytes(&x.params, present(key));
	pg_add_i64(&x.params, clock_now_ms());
	if (!pg_reader_ask(b, ask, &x, 0, err))
		return false;
	bool there = PQntuples(x.rows) > 0;
	struct str value = there ? arena_str(a, pg_bytes(x.rows, 0, 0)) : STR_NULL;
	PQclear(x.rows);
	if (there && !value.p)
		return error_memory(err);
	*ret_value = value;
	return true;
}

static bool list_rows(const PGresult *rows, struct arena *a, struct str shelf, struct store_fact **ret_facts,
		      size_t *ret_count, struct error *err)
{
	size_t count = (size_t)PQntuples(rows);
	struct str kept = arena_str(a, shelf);
	struct store_fact *facts = ARENA_ARRAY(a, struct store_fact, count + 1);
	bool ok = kept.p && facts;
	for (size_t i = 0; ok && i < count; i++) {
		facts[i] = (struct store_fact){.shelf = kept,
					       .key = arena_str(a, pg_bytes(rows, (int)i, 0)),
					       .value = arena_str(a, pg_bytes(rows, (int)i, 1)),
					       .expires_ms = pg_i64(rows, (int)i, 2)};
		ok = facts[i].key.p && facts[i].value.p;
	}
	if (!ok)
		return error_memory(err);
	*ret_facts = facts;
	*ret_count = count;
	return true;
}

bool pg_fact_list(void *b, struct arena *a, struct str shelf, struct str after_key, size_t max,
		  struct store_fact **ret_facts, size_t *ret_count, struct error *err)
{
	struct asking x = {.statement = SQL_FACT_LIST};
	pg_add_bytes(&x.params, present(shelf));
	pg_add_bytes(&x.params, after_key);
	pg_add_i64(&x.params, clock_now_ms());
	pg_add_i64(&x.params, (int64_t)max);
	if (!pg_reader_ask(b, ask, &x, 0, err))
		return false;
	bool ok = list_rows(x.rows, a, present(shelf), ret_facts, ret_count, err);
	PQclear(x.rows);
	return ok;
}
