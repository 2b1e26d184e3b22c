/* Audit rows: listed, and walked in one snapshot to prove that none was touched. The group writes them. */
#include "store/postgres/postgres_priv.h"

enum { WALK_ROWS = 2000 };

/* Text is borrowed from the rows. False when the hash has not the form of one. */
static bool row_of(const PGresult *rows, int i, struct audit_row *ret_row)
{
	struct str hash = pg_bytes(rows, i, 16);
	*ret_row = (struct audit_row){
		.number = pg_i64(rows, i, 0),
		.time_ms = pg_i64(rows, i, 1),
		.event = {.action = (char)pg_i64(rows, i, 2),
			  .outgoing = pg_i64(rows, i, 3) != 0,
			  .outcome = (int)pg_i64(rows, i, 4),
			  .http_status = (int)pg_i64(rows, i, 5),
			  .version = pg_i64(rows, i, 6),
			  .interaction = pg_bytes(rows, i, 7),
			  .agent = pg_bytes(rows, i, 8),
			  .address = pg_bytes(rows, i, 9),
			  .request_id = pg_bytes(rows, i, 10),
			  .type = pg_bytes(rows, i, 11),
			  .id = pg_bytes(rows, i, 12),
			  .query = pg_bytes(rows, i, 13),
			  .patient = pg_bytes(rows, i, 14),
			  .detail = pg_bytes(rows, i, 15)},
	};
	if (hash.n != sizeof(ret_row->hash))
		return false;
	memcpy(ret_row->hash, hash.p, hash.n);
	return true;
}

struct listing {
	int64_t before;
	size_t max;
	PGresult *rows;
};

static bool ask_rows(void *ctx, struct reader *r, struct error *err)
{
	struct listing *x = ctx;
	struct pg_params p = {0};
	pg_add_i64(&p, x->before > 0 ? x->before : INT64_MAX);
	pg_add_i64(&p, x->max > INT32_MAX ? INT32_MAX : (int64_t)x->max);
	x->rows = pg_ask(&r->pg, SQL_AUDIT_LIST, &p, err);
	return x->rows != NULL;
}

bool pg_audit_list(void *b, struct arena *a, int64_t before, size_t max, struct audit_row **ret_rows, size_t *ret_count,
		   struct error *err)
{
	struct listing x = {.before = before, .max = max};
	if (!pg_reader_ask(b, ask_rows, &x, 0, err))
		return false;
	int count = PQntuples(x.rows);
	struct audit_row *list = ARENA_ARRAY(a, struct audit_row, (size_t)count + 1);
	bool ok = list || error_memory(err);
	for (int i = 0; ok && i < count; i++) {
		(void)row_of(x.rows, i, &list[i]);
		struct audit_event *copy = audit_copy(a, &list[i].event, 1);
		ok = copy || error_memory(err);
		if (ok)
			list[i].event = *copy;
	}
	PQclear(x.rows);
	if (!ok)
		return false;
	*ret_rows = list;
	*ret_count = (size_t)count;
	return true;
}

static bool load_head(struct pg *c, struct audit_head *ret_head, struct error *err)
{
	PGresult *rows = pg_ask(c, SQL_AUDIT_HEAD, NULL, err);
	if (!rows)
		return false;
	bool ok = PQntuples(rows) || error_set(err, ERR_CHAIN, "The head of the audit chain is missing");
	struct str hash = ok ? pg_bytes(rows, 0, 1) : STR_NULL;
	if (ok && hash.n != sizeof(ret_head->hash))
		ok = error_set(err, ERR_CHAIN, "The head of the audit chain was changed");
	if (ok) {
		ret_head->count = pg_i64(rows, 0, 0);
		memcpy(ret_head->hash, hash.p, hash.n);
	}
	PQclear(rows);
	return ok;
}

static bool walk(struct reader *r, struct audit_head *seen, struct error *err)
{
	struct audit_head head;
	if (!load_head(&r->pg, &head, err))
		return false;
	int64_t after = INT64_MIN;
	for (bool more = true; more;) {
		struct pg_params p = {0};
		pg_add_i64(&p, after);
		pg_add_i64(&p, WALK_ROWS);
		PGresult *rows = pg_ask(&r->pg, SQL_AUDIT_WALK, &p, err);
		bool ok = rows != NULL;
		int count = ok ? PQntuples(rows) : 0;
		for (int i = 0; ok && i < count; i++) {
			struct audit_row row;
			bool formed = row_of(rows, i, &row);
			ok = audit_check(seen, &r->stored, &row, formed, err);
			after = row.number;
		}
		PQclear(rows);
		if (!ok)
			return false;
		more = count == WALK_ROWS;
	}
	return audit_check_end(seen, &head, err);
}

static bool verify(void *ctx, struct reader *r, struct error *err)
{
	struct audit_head *seen = ctx;
	struct error ignored = {0};
	*seen = (struct audit_head){0};
	bool ok = pg_run(&r->pg, SQL_BEGIN_SNAPSHOT, NULL, err) && walk(r, seen, err);
	if (!r->pg.lost && !pg_run(&r->pg, SQL_ROLLBACK, NULL, &ignored))
		r->pg.lost = true;
	return ok;
}

bool pg_audit_verify(void *b, int64_t *ret_rows, struct error *err)
{
	struct audit_head seen;
	if (!pg_reader_ask(b, verify, &seen, 0, err))
		return false;
	*ret_rows = seen.count;
	return true;
}
