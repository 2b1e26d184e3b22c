/*
 * One group of transactions becomes one SQLite transaction. Conditions are checked against the state as the group has
 * left it so far, before anything of a transaction is written; so one that fails needs no savepoint and leaves the
 * others alone. Rows are then written table by table in key order, since neighbours share pages.
 */
#include "store/sqlite/sqlite_priv.h"

#include <stdlib.h>

#include "base/clock.h"

/* A resource as the group sees it: what the table has plus what transactions before have done. */
struct target {
	struct target *next; /* of those to be written */
	int64_t rid; /* 0: new, no number yet */
	int64_t type;
	struct str id;
	int64_t vid, version, time;
	enum store_op op;
	bool stored; /* has a row in the table */
	bool listed; /* is in the list to be written */
	bool hashed; /* hash is that of the current version */
	unsigned char hash[STORED_HASH];
};

/* What is made of a change ahead of the group. */
struct ready {
	struct packed_body body;
	unsigned char hash[STORED_HASH];
};

/* A change that passed its checks, with what to restore if a later one of its transaction does not. */
struct effect {
	struct target *target;
	struct store_change *change;
	const struct ready *ready;
	int64_t vid, version;
	int64_t old_vid, old_version, old_time;
	enum store_op old_op;
	bool old_hashed;
	unsigned char old_hash[STORED_HASH];
};

enum { MOST_TYPES = 1024 };
/* Index rows written with a commit at least, with one that puts work off no longer, and what a version has of them. */
enum { LEAST_ROWS = 300, SETTLE_ROWS = 3000, ROWS_OF_VERSION = 10 };

struct group {
	struct sqlite_store *store;
	struct writer *w;
	struct arena *a; /* of the group */
	struct map targets;
	struct target *written; /* the list to be written */
	struct effect *effects; /* of the transaction at hand */
	size_t effect_count, effect_capacity;
	int64_t time;
	int64_t tallies[MOST_TYPES]; /* change of the number of current resources, by type */
};

bool group_prepare(void *b, struct item *item, struct error *err)
{
	struct sqlite_store *store = b;
	struct store_txn *txn = item->txn;
	struct ready *ready = ARENA_ARRAY(&item->memory, struct ready, txn->change_count + 1);
	if (!ready)
		return error_memory(err);
	for (size_t i = 0; i < txn->change_count; i++) {
		if (txn->changes[i].op == STORE_DELETE)
			continue;
		if (store->samples && !atomic_load(&store->sampled) &&
		    samples_add(store->samples, txn->changes[i].stored))
			atomic_store(&store->sampled, true);
		stored_hash(txn->changes[i].stored, ready[i].hash);
		if (!bodies_pack(store->bodies, &item->memory, txn->changes[i].stored, &ready[i].body, err)) {
			txn->failed = i;
			return false;
		}
	}
	item->prepared = ready;
	return true;
}

/* ---- targets ------------------------------------------------------------------------------------------------------
 */

static struct str target_key(struct str id, int64_t type, char buffer[72], struct arena *a)
{
	uint32_t number = (uint32_t)type;
	char *p = id.n <= 64 ? buffer : arena_alloc(a, id.n + sizeof(number));
	if (!p)
		return STR_NULL;
	memcpy(p, &number, sizeof(number));
	if (id.n)
		memcpy(p + sizeof(number), id.p, id.n);
	return str_make(p, id.n + sizeof(number));
}

static bool target_load(struct group *g, struct target *t, struct error *err)
{
	sqlite3_stmt *s = db_use(&g->w->db, SQL_RESOURCE_GET, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, t->type);
	bind_str(s, 2, t->id);
	if (!db_row(&g->w->db, s, &row, err))
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

static struct target *target_get(struct group *g, int64_t type, struct str id, struct error *err)
{
	char buffer[72];
	bool fresh = false;
	struct str key = target_key(id, type, buffer, g->a);
	uint64_t *slot = key.p ? map_get(&g->targets, key) : NULL;
	if (slot)
		return (struct target *)(uintptr_t)*slot;
	key = arena_str(g->a, key);
	struct target *t = ARENA_NEW(g->a, struct target);
	slot = key.p && t ? map_put(&g->targets, key, &fresh) : NULL;
	if (!slot) {
		error_memory(err);
		return NULL;
	}
	*slot = (uint64_t)(uintptr_t)t;
	t->type = type;
	t->id = str_slice(key, sizeof(uint32_t), key.n);
	t->op = STORE_DELETE;
	return target_load(g, t, err) ? t : NULL;
}

/* Puts a target on the list to be written and gives it a number. */
static void target_list(struct group *g, struct target *t)
{
	if (!t->rid)
		t->rid = ++g->w->last_rid;
	if (t->listed)
		return;
	t->listed = true;
	t->next = g->written;
	g->written = t;
}

/* The rid behind a reference; a place is kept for what is not stored yet. 0 with an error. */
static int64_t target_rid(struct group *g, int64_t type, struct str id, struct error *err)
{
	char buffer[72];
	int64_t rid;
	struct str key = target_key(id, type, buffer, g->a);
	if (!key.p) {
		error_memory(err);
		return 0;
	}
	if (cache_get(&g->w->resources, key, &rid))
		return rid;
	struct target *t = target_get(g, type, id, err);
	if (!t)
		return 0;
	if (!t->stored)
		target_list(g, t);
	cache_put(&g->w->resources, key, t->rid);
	return t->rid;
}

/* ---- checks -------------------------------------------------------------------------------------------------------
 */

/* The hash of what the resource holds now; versions of old stores may have none, and then nothing equals them. */
static bool target_hash(struct group *g, struct target *t, struct error *err)
{
	sqlite3_stmt *s = db_use(&g->w->db, SQL_VERSION_HASH, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, t->vid);
	if (!db_row(&g->w->db, s, &row, err))
		return false;
	struct str hash = row ? column_str(s, 0) : STR_NULL;
	if (hash.n == STORED_HASH) {
		memcpy(t->hash, hash.p, STORED_HASH);
		t->hashed = true;
	}
	sqlite3_reset(s);
	return true;
}

/* Would the change leave everything as it is? */
static bool changes_nothing(struct group *g, struct target *t, const struct store_change *c, const struct ready *ready,
			    bool *ret_nothing, struct error *err)
{
	bool present = t->version > 0 && t->op != STORE_DELETE;
	*ret_nothing = c->op == STORE_DELETE && !present && !(c->purge && t->version > 0);
	if (c->op != STORE_UPDATE || !c->same || !present)
		return true;
	if (!t->hashed && !target_hash(g, t, err))
		return false;
	*ret_nothing = t->hashed && memcmp(t->hash, ready->hash, STORED_HASH) == 0;
	return true;
}

static bool effect_add(struct group *g, struct target *t, struct store_change *c, const struct ready *ready,
		       struct error *err)
{
	struct effect *effects = arena_grow(g->a, g->effects, g->effect_count, &g->effect_capacity, g->effect_count + 1,
					    sizeof(*effects));
	if (!effects)
		return error_memory(err);
	g->effects = effects;
	struct effect *e = &effects[g->effect_count++];
	*e = (struct effect){.target = t,
			     .change = c,
			     .ready = ready,
			     .vid = ++g->w->last_vid,
			     .version = t->version + 1,
			     .old_vid = t->vid,
			     .old_version = t->version,
			     .old_time = t->time,
			     .old_op = t->op,
			     .old_hashed = t->hashed};
	memcpy(e->old_hash, t->hash, STORED_HASH);
	memcpy(t->hash, ready->hash, STORED_HASH);
	t->hashed = c->op != STORE_DELETE;
	t->vid = e->vid;
	t->version = e->version;
	t->time = g->time;
	t->op = c->op;
	c->version = e->version;
	c->updated_ms = g->time;
	return true;
}

static void effects_undo(struct group *g)
{
	while (g->effect_count) {
		struct effect *e = &g->effects[--g->effect_count];
		struct target *t = e->target;
		t->vid = e->old_vid;
		t->version = e->old_version;
		t->time = e->old_time;
		t->op = e->old_op;
		t->hashed = e->old_hashed;
		memcpy(t->hash, e->old_hash, STORED_HASH);
		g->w->last_vid--;
	}
}

/* Checks all changes of a transaction. Its own failure goes to txn_err, one of the store to err. */
static bool check_txn(struct group *g, struct item *item, struct error *txn_err, struct error *err)
{
	struct store_txn *txn = item->txn;
	const struct ready *ready = item->prepared;
	g->effect_count = 0;
	for (size_t i = 0; i < txn->change_count; i++) {
		struct store_change *c = &txn->changes[i];
		int64_t type = names_type(&g->w->names, c->type, err);
		struct target *t = type ? target_get(g, type, c->id, err) : NULL;
		if (!t)
			return false;
		struct current now = {t->version, t->version > 0 && t->op != STORE_DELETE};
		if (!change_allowed(c, &now, txn_err)) {
			txn->failed = i;
			effects_undo(g);
			return true;
		}
		if (!changes_nothing(g, t, c, &ready[i], &c->unchanged, err))
			return false;
		c->updated_ms = t->time;
		if (!c->unchanged && !effect_add(g, t, c, &ready[i], err))
			return false;
	}
	return true;
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static int64_t reference_rid(void *ctx, int64_t type, struct str id, struct error *err)
{
	return target_rid(ctx, type, id, err);
}

/* The terms of a new version, into w->terms. */
static bool write_terms(struct group *g, const struct effect *e, struct error *err)
{
	const struct store_change *c = e->change;
	const struct row_names names = {&g->w->names, reference_rid, g};
	return rows_write_terms(&names, c->type, e->target->type, c->rows, c->row_count, &g->w->terms, err);
}

static bool write_version(struct group *g, const struct effect *e, struct error *err)
{
	bool deleted = e->change->op == STORE_DELETE;
	if (!deleted && !write_terms(g, e, err))
		return false;
	sqlite3_stmt *s = db_use(&g->w->db, SQL_VERSION_PUT, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, e->vid);
	sqlite3_bind_int64(s, 2, e->target->rid);
	sqlite3_bind_int64(s, 3, e->target->type);
	sqlite3_bind_int64(s, 4, e->version);
	sqlite3_bind_int64(s, 5, g->time);
	sqlite3_bind_int(s, 6, e->change->op);
	if (deleted)
		sqlite3_bind_null(s, 7);
	else
		bind_blob(s, 7, buf_str(&g->w->terms));
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
static bool write_replaced(struct group *g, const struct effect *e, struct error *err)
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

static void tally(struct group *g, const struct effect *e)
{
	bool before = e->old_version > 0 && e->old_op != STORE_DELETE, after = e->change->op != STORE_DELETE;
	if (before != after)
		g->tallies[e->target->type % MOST_TYPES] += after ? 1 : -1;
}

static bool write_events(struct group *g, const struct store_txn *txn, struct error *err)
{
	for (size_t i = 0; i < txn->event_count; i++) {
		struct audit_event event = txn->events[i];
		if (!event.id.p && event.type.p && i < txn->change_count) {
			event.id = txn->changes[i].id;
			event.version = txn->changes[i].version;
		}
		if (!audit_append(g->w, g->time, &event, err))
			return false;
	}
	return true;
}

static bool write_target(struct group *g, const struct target *t, struct error *err)
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

static int compare_targets(const void *left, const void *right)
{
	const struct target *a = *(struct target *const *)left, *b = *(struct target *const *)right;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return str_cmp(a->id, b->id);
}

static bool write_targets(struct group *g, struct error *err)
{
	size_t count = 0, i = 0;
	for (struct target *t = g->written; t; t = t->next)
		count++;
	struct target **list = ARENA_ARRAY(g->a, struct target *, count + 1);
	if (!list)
		return error_memory(err);
	for (struct target *t = g->written; t; t = t->next)
		list[i++] = t;
	if (count > 1)
		qsort(list, count, sizeof(struct target *), compare_targets);
	for (i = 0; i < count; i++) {
		if (!write_target(g, list[i], err))
			return false;
		list[i]->stored = true;
		list[i]->listed = false;
	}
	g->written = NULL;
	return true;
}

/* A guard reads through the tables, so what the group has put off is written first. */
static bool check_guards(struct group *g, struct item *item, struct error *txn_err, struct error *err)
{
	const struct store_txn *txn = item->txn;
	if (!txn->guard_count)
		return true;
	if (!write_targets(g, err))
		return false;
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

static bool apply_txn(struct group *g, struct item *item, struct error *err)
{
	if (!check_guards(g, item, &item->err, err))
		return false;
	if (item->err.code != ERR_NONE)
		return true;
	if (!check_txn(g, item, &item->err, err))
		return false;
	if (item->err.code != ERR_NONE)
		return true;
	for (size_t i = 0; i < g->effect_count; i++)
		target_list(g, g->effects[i].target);
	for (size_t i = 0; i < g->effect_count; i++) {
		tally(g, &g->effects[i]);
		if (!write_version(g, &g->effects[i], err) || !write_replaced(g, &g->effects[i], err))
			return false;
		if (g->effects[i].change->purge && !purge_past(g->w, g->effects[i].target->rid, err))
			return false;
	}
	return write_events(g, item->txn, err);
}

static bool apply_item(struct group *g, struct item *item, struct error *err)
{
	switch (item->kind) {
	case ITEM_TXN:
		return apply_txn(g, item, err);
	case ITEM_AUDIT:
		for (size_t i = 0; i < item->event_count; i++)
			if (!audit_append(g->w, item->time_ms, &item->events[i], err))
				return false;
		return true;
	case ITEM_FACT:
		return fact_apply(g->w, item, err);
	}
	return true;
}

/* ---- the end of a group -------------------------------------------------------------------------------------------
 */

static bool write_tallies(struct group *g, struct error *err)
{
	for (int64_t type = 0; type < MOST_TYPES; type++) {
		if (!g->tallies[type])
			continue;
		sqlite3_stmt *s = db_use(&g->w->db, SQL_TYPE_ADD, err);
		if (!s)
			return false;
		sqlite3_bind_int64(s, 1, type);
		sqlite3_bind_int64(s, 2, g->tallies[type]);
		if (!db_done(&g->w->db, s, err))
			return false;
	}
	return true;
}

static bool write_head(struct group *g, struct error *err)
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

static bool run_group(struct group *g, struct item *items, struct error *err)
{
	int64_t audited = g->w->head.count, before = g->w->last_vid;
	struct str dictionary = keeper_dictionary(g->store);
	if (!db_run(&g->w->db, SQL_BEGIN_WRITE, err))
		return false;
	for (struct item *i = items; i; i = i->next)
		if (!apply_item(g, i, err))
			return false;
	if (!write_targets(g, err) || !write_tallies(g, err))
		return false;
	/* Three times what comes in, so that the backlog shrinks however full the groups are. */
	size_t rows = LEAST_ROWS + 3 * ROWS_OF_VERSION * (size_t)(g->w->last_vid - before);
	if (!index_some(g->w, rows, g->w->index_lag, err))
		return false;
	if (g->w->head.count != audited && !write_head(g, err))
		return false;
	if (dictionary.p && !dictionary_write(g->w, dictionary, err))
		return false;
	if (!db_run(&g->w->db, SQL_COMMIT, err))
		return false;
	g->w->last_time = g->time;
	atomic_fetch_add(&g->store->commits, 1);
	if (dictionary.p)
		use_dictionary(g->store, dictionary);
	return true;
}

/* Nothing of a group is kept when the store itself failed. */
static void abandon(struct group *g, struct item *items, const struct error *err)
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
	struct group g = {.store = store, .w = w, .a = &w->scratch, .time = clock_now_ms()};
	if (g.time < w->last_time)
		g.time = w->last_time;
	map_init(&g.targets, (size_t)1 << 24);
	int64_t limit = atomic_exchange(&store->page_limit, 0);
	if (limit)
		writer_limit_pages(w, limit);
	if (!run_group(&g, items, &err))
		abandon(&g, items, &err);
	map_done(&g.targets);
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
	struct group g = {.store = store, .w = w, .a = &w->scratch};
	if (w->indexed == w->last_vid)
		return false;
	bool ok = db_run(&w->db, SQL_BEGIN_WRITE, &err) && index_some(w, SETTLE_ROWS, 0, &err) &&
		  db_run(&w->db, SQL_COMMIT, &err);
	if (!ok)
		abandon(&g, NULL, &err);
	atomic_fetch_add(&store->commits, 1);
	arena_reset(&w->scratch);
	keeper_note(store);
	return ok && w->indexed < w->last_vid;
}
