/* The shelf of small facts. Expired ones count as absent at once and are swept away a few at a time. */
#include "base/clock.h"
#include "store/postgres/writer.h"

static struct str present(struct str text)
{
	return text.p ? text : S("");
}

bool pg_fact_send(struct writer *w, const struct store_fact *fact, struct error *err)
{
	struct pg_params p = {0};
	pg_add_bytes(&p, present(fact->shelf));
	pg_add_bytes(&p, present(fact->key));
	if (!fact->value.p)
		return pg_send(&w->pg, SQL_FACT_DROP, &p, err);
	pg_add_bytes(&p, fact->value);
	pg_add_i64(&p, fact->expires_ms);
	if (!fact->only_new)
		return pg_send(&w->pg, SQL_FACT_PUT, &p, err);
	pg_add_i64(&p, clock_now_ms());
	return pg_send(&w->pg, SQL_FACT_PUT_NEW, &p, err);
}

bool pg_fact_answer(struct writer *w, struct item *item, struct error *err)
{
	PGresult *rows = pg_result(&w->pg, err);
	if (!rows)
		return false;
	if (item->fact->value.p && !PQntuples(rows))
		error_set(&item->err, ERR_CONFLICT, "There is such an entry already");
	PQclear(rows);
	return true;
}

bool pg_fact_sweep(struct writer *w, struct error *err)
{
	struct pg_params p = {0};
	pg_add_i64(&p, clock_now_ms());
	return pg_send(&w->pg, SQL_FACT_SWEEP, &p, err);
}

bool pg_fact_get(void *b, struct arena *a, struct str shelf, struct str key, struct str *ret_value, struct error *err)
{
	struct pg_store *s = b;
	struct reader *r = pg_reader_acquire(s, err);
	if (!r)
		return false;
	struct pg_params p = {0};
	pg_add_bytes(&p, present(shelf));
	pg_add_bytes(&p, present(key));
	pg_add_i64(&p, clock_now_ms());
	PGresult *rows = pg_ask(&r->pg, SQL_FACT_GET, &p, err);
	pg_reader_release(s, r);
	if (!rows)
		return false;
	struct str value = PQntuples(rows) ? arena_str(a, pg_bytes(rows, 0, 0)) : STR_NULL;
	bool ok = value.p || !PQntuples(rows) || error_memory(err);
	PQclear(rows);
	if (ok)
		*ret_value = value;
	return ok;
}
