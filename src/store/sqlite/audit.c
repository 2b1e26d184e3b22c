/* Audit rows: appended in the transaction of what they tell, listed, and walked to prove that none was touched. */
#include "store/sqlite/sqlite_priv.h"

bool audit_load_head(struct db *db, struct audit_head *ret_head, struct error *err)
{
	sqlite3_stmt *s = db_use(db, SQL_AUDIT_HEAD, err);
	bool row = false;
	if (!s || !db_row(db, s, &row, err))
		return false;
	if (!row)
		return error_set(err, ERR_CHAIN, "The head of the audit chain is missing");
	struct str hash = column_str(s, 1);
	if (hash.n != sizeof(ret_head->hash)) {
		sqlite3_reset(s);
		return error_set(err, ERR_CHAIN, "The head of the audit chain was changed");
	}
	ret_head->count = sqlite3_column_int64(s, 0);
	memcpy(ret_head->hash, hash.p, hash.n);
	sqlite3_reset(s);
	return true;
}

static void bind_row(sqlite3_stmt *s, const struct audit_row *row)
{
	const struct audit_event *e = &row->event;
	sqlite3_bind_int64(s, 1, row->number);
	sqlite3_bind_int64(s, 2, row->time_ms);
	sqlite3_bind_int(s, 3, e->action);
	bind_str(s, 4, e->interaction);
	sqlite3_bind_int(s, 5, e->outgoing);
	sqlite3_bind_int(s, 6, e->outcome);
	sqlite3_bind_int(s, 7, e->http_status);
	bind_str(s, 8, e->agent);
	bind_str(s, 9, e->address);
	bind_str(s, 10, e->request_id);
	bind_str(s, 11, e->type);
	bind_str(s, 12, e->id);
	sqlite3_bind_int64(s, 13, e->version);
	bind_str(s, 14, e->query);
	bind_str(s, 15, e->patient);
	bind_str(s, 16, e->detail);
	bind_blob(s, 17, str_make((const char *)row->hash, sizeof(row->hash)));
}

bool audit_append(struct writer *w, int64_t time_ms, const struct audit_event *event, struct error *err)
{
	struct audit_row row;
	sqlite3_stmt *s = db_use(&w->db, SQL_AUDIT_PUT, err);
	if (!s || !audit_next(&w->head, &w->hashed, time_ms, event, &row, err))
		return false;
	bind_row(s, &row);
	return db_done(&w->db, s, err);
}

/* Text is borrowed from the statement. False when the hash has not the form of one. */
static bool column_row(sqlite3_stmt *s, struct audit_row *ret_row)
{
	struct str hash = column_str(s, 16);
	*ret_row = (struct audit_row){
		.number = sqlite3_column_int64(s, 0),
		.time_ms = sqlite3_column_int64(s, 1),
		.event = {.action = (char)sqlite3_column_int(s, 2),
			  .interaction = column_str(s, 3),
			  .outgoing = sqlite3_column_int(s, 4) != 0,
			  .outcome = sqlite3_column_int(s, 5),
			  .http_status = sqlite3_column_int(s, 6),
			  .agent = column_str(s, 7),
			  .address = column_str(s, 8),
			  .request_id = column_str(s, 9),
			  .type = column_str(s, 10),
			  .id = column_str(s, 11),
			  .version = sqlite3_column_int64(s, 12),
			  .query = column_str(s, 13),
			  .patient = column_str(s, 14),
			  .detail = column_str(s, 15)},
	};
	if (hash.n != sizeof(ret_row->hash))
		return false;
	memcpy(ret_row->hash, hash.p, hash.n);
	return true;
}

static bool collect_rows(struct db *db, struct arena *a, sqlite3_stmt *s, struct audit_row **ret_rows,
			 size_t *ret_count, struct error *err)
{
	struct audit_row *rows = NULL;
	size_t count = 0, capacity = 0;
	for (;;) {
		bool row = false;
		if (!db_row(db, s, &row, err))
			return false;
		if (!row)
			break;
		rows = arena_grow(a, rows, count, &capacity, count + 1, sizeof(*rows));
		if (!rows)
			return error_memory(err);
		(void)column_row(s, &rows[count]);
		struct audit_event *copy = audit_copy(a, &rows[count].event, 1);
		if (!copy)
			return error_memory(err);
		rows[count++].event = *copy;
	}
	*ret_rows = rows;
	*ret_count = count;
	return true;
}

bool sqlite_audit_list(void *b, struct arena *a, int64_t before, size_t max, struct audit_row **ret_rows,
		       size_t *ret_count, struct error *err)
{
	struct sqlite_store *store = b;
	struct reader *r = reader_acquire(store, err);
	if (!r)
		return false;
	sqlite3_stmt *s = db_use(&r->db, SQL_AUDIT_LIST, err);
	bool ok = false;
	if (s) {
		sqlite3_bind_int64(s, 1, before > 0 ? before : INT64_MAX);
		sqlite3_bind_int64(s, 2, max > INT32_MAX ? INT32_MAX : (int64_t)max);
		ok = collect_rows(&r->db, a, s, ret_rows, ret_count, err);
		sqlite3_reset(s);
	}
	reader_release(store, r);
	return ok;
}

static bool walk(struct reader *r, struct audit_head *seen, struct error *err)
{
	struct audit_head head;
	sqlite3_stmt *s = db_use(&r->db, SQL_AUDIT_WALK, err);
	if (!s || !audit_load_head(&r->db, &head, err))
		return false;
	for (;;) {
		bool row = false;
		if (!db_row(&r->db, s, &row, err))
			return false;
		if (!row)
			break;
		struct audit_row read;
		bool formed = column_row(s, &read);
		if (!audit_check(seen, &r->stored, &read, formed, err))
			return false;
	}
	return audit_check_end(seen, &head, err);
}

bool sqlite_audit_verify(void *b, int64_t *ret_rows, struct error *err)
{
	struct sqlite_store *store = b;
	struct reader *r = reader_acquire(store, err);
	if (!r)
		return false;
	struct audit_head seen = {0};
	bool ok = reader_renew(store, r, err) && reader_begin(r, err) && walk(r, &seen, err);
	reader_end(r);
	reader_release(store, r);
	if (ok)
		*ret_rows = seen.count;
	return ok;
}
