/*
 * One group of transactions becomes one SQLite transaction. Conditions are checked against the state as the group has
 * left it so far, before anything of a transaction is written; so one that fails needs no savepoint and leaves the
 * others alone. Rows are then written table by table in key order, since neighbours share pages.
 */
#include "store/sqlite/sqlite_priv.h"

#include "base/clock.h"

/* Index rows written with a commit at least, with one that puts work off no longer, and what a version has of them. */
enum { LEAST_ROWS = 300, SETTLE_ROWS = 3000, ROWS_OF_VERSION = 10 };

struct sqlite_group {
	struct group g;
	struct sqlite_store *store;
	struct writer *w;
};

bool group_prepare(void *b, struct item *item, struct error *err)
{
	struct sqlite_store *store = b;
	return group_pack(store->bodies, store->samples, &store->sampled, item, err);
}

static bool load_target(void *ctx, struct target *t, struct error *err)
{
	struct writer *w = ((struct sqlite_group *)ctx)->w;
	sqlite3_stmt *s = db_use(&w->db, SQL_RESOURCE_GET, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, t->type);
	bind_str(s, 2, t->id);
	if (!db_row(&w->db, s, &row, err))
		return false;
	if (!row)
		return true;
	t->rid = sqlite3_column_int64(s, 0);
	t->vid = sqlite3_column_int64(s, 1);
	t->version = sqlite3_column_int64(s, 2);
	t->op = (enum store_op)sqlite3_column_int(s, 3);
	t->time = sqlite3_column_int64(s, 4);
	t->stored = true;
	sqlite3_reset(s);
	return true;
}

/* The hash of what the resource holds now; versions of old stores may have none. */
static bool load_hash(void *ctx, struct target *t, struct error *err)
{
	struct writer *w = ((struct sqlite_group *)ctx)->w;
	sqlite3_stmt *s = db_use(&w->db, SQL_VERSION_HASH, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, t->vid);
	if (!db_row(&w->db, s, &row, err))
		return false;
	struct str hash = row ? column_str(s, 0) : STR_NULL;
	if (hash.n == STORED_HASH) {
		memcpy(t->hash, hash.p, STORED_HASH);
		t->hashed = true;
	}
	sqlite3_reset(s);
	return true;
}

static bool load_fact(void *ctx, struct fact_state *f, struct error *err)
{
	struct sqlite_group *g = ctx;
	return fact_load(g->w, &g->g, f, err);
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static bool write_version(struct sqlite_group *g, const struct effect *e, struct error *err)
{
	bool deleted = e->change->op == STORE_DELETE;
	if (!deleted && !group_terms(&g->g, e, err))
		return false;
	sqlite3_stmt *s = db_use(&g->w->db, SQL_VERSION_PUT, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, e->vid);
	sqlite3_bind_int64(s, 2, e->target->rid);
	sqlite3_bind_int64(s, 3, e->target->type);
	sqlite3_bind_int64(s, 4, e->version);
	sqlite3_bind_int64(s, 5, g->g.time);
	sqlite3_bind_int(s, 6, e->change->op);
	if (deleted)
		sqlite3_bind_null(s, 7);
	else
		bind_blob(s, 7, buf_str(g->g.terms));
	if (deleted)
		sqlite3_bind_null(s, 8);
	else
		bind_blob(s, 8, str_make((const char *)e->ready->hash, STORED_HASH));
	if (!db_done(&g->w->db, s, err))
		return false;
	if (deleted)
		return true;
	s = db_use(&g->w->db, SQL_BODY_PUT, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, e->vid);
	sqlite3_bind_int(s, 2, e->ready->body.coding);
	sqlite3_bind_int64(s, 3, (int64_t)e->change->meta_at);
	bind_blob(s, 4, e->ready->body.bytes);
	return db_done(&g->w->db, s, err);
}

/* The version before is marked as replaced and found by its number from now on. */
static bool write_replaced(struct sqlite_group *g, const struct effect *e, struct error *err)
{
	if (!e->old_vid)
		return true;
	sqlite3_stmt *s = db_use(&g->w->db, SQL_VERSION_DIED, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, e->old_vid);
	sqlite3_bind_int64(s, 2, e->vid);
	if (!db_done(&g->w->db, s, err) || !(s = db_use(&g->w->db, SQL_PAST_PUT, err)))
		return false;
	sqlite3_bind_int64(s, 1, e->target->rid);
	sqlite3_bind_int64(s, 2, e->old_version);
	sqlite3_bind_int64(s, 3, e->old_vid);
	return db_done(&g->w->db, s, err);
}

static bool write_events(struct sqlite_group *g, const struct store_txn *txn, struct error *err)
{
	for (size_t i = 0; i < txn->event_count; i++) {
		struct audit_event event = group_event(txn, i);
		if (!audit_append(g->w, g->g.time, &event, err))
			return false;
	}
	return true;
}

static bool write_target(struct sqlite_group *g, const struct target *t, struct error *err)
{
	sqlite3_stmt *s = db_use(&g->w->db, t->stored ? SQL_RESOURCE_SET : SQL_RESOURCE_PUT, err);
	if (!s)
		return false;
	int at = 1;
	sqlite3_bind_int64(s, at++, t->rid);
	if (!t->stored) {
		sqlite3_bind_int64(s, at++, t->type);
		bind_str(s, at++, t->id);
	}
	sqlite3_bind_int64(s, at++, t->vid);
	sqlite3_bind_int64(s, at++, t->version);
	sqlite3_bind_int64(s, at++, t->time);
	sqlite3_bind_int(s, at, t->op);
	return db_done(&g->w->db, s, err);
}

static bool write_targets(struct sqlite_group *g, struct error *err)
{
	size_t count = 0;
	struct target **list = group_targets(&g->g, &count);
	if (!list)
		return error_memory(err);
	for (size_t i = 0; i < count; i++) {
		if (!write_target(g, list[i], err))
			return false;
		list[i]->stored = true;
	}
	return true;
}

/* The writer's own numbers follow the group's. */
static void number(struct sqlite_group *g)
{
	g->w->last_vid = g->g.last_vid;
	g->w->last_rid = g->g.last_rid;
}

/* A guard reads through the tables, so what the group has put off is written first. */
static bool check_guards(struct sqlite_group *g, struct item *item, struct error *txn_err, struct error *err)
{
	const struct store_txn *txn = item->txn;
	if (!txn->guard_count)
		return true;
	if (!write_targets(g, err))
		return false;
	number(g);
	for (size_t i = 0; i < txn->guard_count; i++) {
		bool holds = false, decided = guard_holds(g->store, &txn->guards[i], &holds, txn_err);
		if (decided && holds)
			continue;
		item->txn->failed = i;
		if (decided)
			guard_failed(txn_err);
		return true;
	}
	return true;
}

static bool apply_txn(struct sqlite_group *g, struct item *item, struct error *err)
{
	if (!check_guards(g, item, &item->err, err))
		return false;
	if (item->err.code != ERR_NONE)
		return true;
	if (!group_check(&g->g, item, err))
		return false;
	if (item->err.code != ERR_NONE)
		return true;
	for (size_t i = 0; i < g->g.effect_count; i++) {
		const struct effect *e = &g->g.effects[i];
		group_tally(&g->g, e);
		if (!write_version(g, e, err) || !write_replaced(g, e, err))
			return false;
		if (e->change->purge && !purge_past(g->store, e->target->rid, err))
			return false;
	}
	return write_events(g, item->txn, err);
}

static bool apply_item(struct sqlite_group *g, struct item *item, struct error *err)
{
	switch (item->kind) {
	case ITEM_TXN:
		return apply_txn(g, item, err);
	case ITEM_AUDIT:
		for (size_t i = 0; i < item->event_count; i++)
			if (!audit_append(g->w, item->time_ms, &item->events[i], err))
				return false;
		return true;
	case ITEM_ROWS:
		return rows_add(g->w, &g->g, item->adding, err);
	case ITEM_WORDS:
		return words_write(g->store, item->words, &item->err, err);
	}
	return true;
}

/* ---- the end of a group -------------------------------------------------------------------------------------------
 */

static bool write_tallies(struct sqlite_group *g, struct error *err)
{
	for (int64_t type = 0; type < GROUP_TYPES; type++) {
		if (!g->g.tallies[type])
			continue;
		sqlite3_stmt *s = db_use(&g->w->db, SQL_TYPE_ADD, err);
		if (!s)
			return false;
		sqlite3_bind_int64(s, 1, type);
		sqlite3_bind_int64(s, 2, g->g.tallies[type]);
		if (!db_done(&g->w->db, s, err))
			return false;
	}
	return true;
}

static bool write_head(struct sqlite_group *g, struct error *err)
{
	sqlite3_stmt *s = db_use(&g->w->db, SQL_AUDIT_SET_HEAD, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, g->w->head.count);
	bind_blob(s, 2, str_make((const char *)g->w->head.hash, sizeof(g->w->head.hash)));
	return db_done(&g->w->db, s, err);
}

/* From now on bodies are packed with it: it is durable, so they can always be unpacked. */
static void use_dictionary(struct sqlite_store *store, struct str dictionary)
{
	struct error ignored = {0};
	if (!bodies_add(store->bodies, FIRST_DICTIONARY, dictionary, &ignored))
		error_clear(&ignored);
	keeper_dictionary_written(store);
}

/* What is committed can be seen a moment before it is counted, so snapshots are not used again in that moment: one who
 * has seen the new state must not meet an older one later. */
static bool commit(struct sqlite_store *store, struct error *err)
{
	atomic_store(&store->committing, true);
	bool ok = db_run(&store->writer.db, SQL_COMMIT, err);
	atomic_fetch_add(&store->commits, 1);
	atomic_store(&store->committing, false);
	return ok;
}

static bool run_group(struct sqlite_group *g, struct item *items, struct error *err)
{
	int64_t audited = g->w->head.count, before = g->w->last_vid;
	struct str dictionary = keeper_dictionary(g->store);
	if (!db_run(&g->w->db, SQL_BEGIN_WRITE, err))
		return false;
	for (struct item *i = items; i; i = i->next)
		if (!apply_item(g, i, err))
			return false;
	if (!write_targets(g, err) || !write_tallies(g, err) || !facts_write(g->w, &g->g, err))
		return false;
	number(g);
	/* Three times what comes in, so that the backlog shrinks however full the groups are. */
	size_t rows = LEAST_ROWS + 3 * ROWS_OF_VERSION * (size_t)(g->w->last_vid - before);
	if (!index_some(g->w, rows, g->w->index_lag, err))
		return false;
	if (g->w->head.count != audited && !write_head(g, err))
		return false;
	if (dictionary.p && !dictionary_write(g->w, dictionary, err))
		return false;
	if (!commit(g->store, err))
		return false;
	g->w->last_time = g->g.time;
	if (dictionary.p)
		use_dictionary(g->store, dictionary);
	return true;
}

/* Nothing of a group is kept when the store itself failed. */
static void abandon(struct sqlite_group *g, struct item *items, const struct error *err)
{
	struct error ignored = {0};
	if (!sqlite3_get_autocommit(g->w->db.handle) && !db_run(&g->w->db, SQL_ROLLBACK, &ignored))
		error_clear(&ignored);
	if (!writer_reload(g->w, &ignored))
		error_clear(&ignored);
	reader_forget(g->store->view);
	for (struct item *i = items; i; i = i->next)
		if (i->err.code == ERR_NONE)
			i->err = *err;
}

void group_commit(void *b, struct item *items)
{
	struct sqlite_store *store = b;
	struct writer *w = &store->writer;
	struct error err = {0};
	struct sqlite_group g = {.store = store, .w = w};
	g.g = (struct group){.load = load_target,
			     .load_hash = load_hash,
			     .load_fact = load_fact,
			     .ctx = &g,
			     .a = &w->scratch,
			     .names = &w->names,
			     .resources = &w->resources,
			     .terms = &w->terms,
			     .last_vid = w->last_vid,
			     .last_rid = w->last_rid,
			     .time = clock_now_ms()};
	if (g.g.time < w->last_time)
		g.g.time = w->last_time;
	group_init(&g.g);
	int64_t limit = atomic_exchange(&store->page_limit, 0);
	if (limit)
		writer_limit_pages(w, limit);
	if (!run_group(&g, items, &err))
		abandon(&g, items, &err);
	group_done(&g.g);
	arena_reset(&w->scratch);
	keeper_note(store);
}

/* When nothing waits: index entries that were put off, a part at a time. What fails here is tried again after the next
 * group. */
bool group_settle(void *b)
{
	struct sqlite_store *store = b;
	struct writer *w = &store->writer;
	struct error err = {0};
	struct sqlite_group g = {.store = store, .w = w};
	if (w->indexed == w->last_vid)
		return false;
	bool ok = db_run(&w->db, SQL_BEGIN_WRITE, &err) && index_some(w, SETTLE_ROWS, 0, &err) && commit(store, &err);
	if (!ok)
		abandon(&g, NULL, &err);
	arena_reset(&w->scratch);
	keeper_note(store);
	return ok && w->indexed < w->last_vid;
}
