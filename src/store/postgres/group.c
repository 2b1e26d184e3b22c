/*
 * One group of transactions becomes one PostgreSQL transaction of two round trips: the first takes the commit lock and
 * looks up every resource that the group touches, the second writes all rows, an array for each column, and commits.
 *
 * When the connection breaks before the commit was sent, the group is tried again for a while, since nothing of it can
 * have been kept. When it breaks afterwards nobody knows, so it is found out: every group leaves its number in the row
 * of this process, and the lock tells when the lost transaction has come to its end.
 */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "store/postgres/source.h"
#include "store/postgres/writer.h"

enum { RETRY_SECONDS = 5, RESOLVE_SECONDS = 60, PAUSE_MS = 100, WRITER_DAYS = 30, GUARD_MS = 2000 };

struct pg_group {
	struct group g;
	struct pg_store *store;
	struct writer *w;
	struct audit_head head;
	int64_t written_vid; /* everything up to it was sent */
	bool committing; /* the commit was sent */
};

bool pg_group_prepare(void *b, struct item *item, struct error *err)
{
	struct pg_store *s = b;
	return group_pack(s->bodies, s->samples, &s->sampled, item, err);
}

/* ---- the first round trip
 * ---------------------------------------------------------------------------------------------
 */

static bool take_head(struct pg_group *g, struct error *err)
{
	PGresult *rows = pg_result(&g->w->pg, err);
	if (!rows)
		return false;
	struct str hash = PQntuples(rows) ? pg_bytes(rows, 0, 4) : STR_NULL;
	bool ok = hash.n == sizeof(g->head.hash) ||
		  error_set(err, ERR_CHAIN, "The head of the audit chain is missing or was changed");
	if (ok) {
		g->g.last_vid = g->written_vid = pg_i64(rows, 0, 0);
		g->g.last_rid = pg_i64(rows, 0, 1);
		int64_t time = pg_i64(rows, 0, 2);
		g->g.time = g->g.time < time ? time : g->g.time;
		g->head.count = pg_i64(rows, 0, 3);
		memcpy(g->head.hash, hash.p, hash.n);
	}
	PQclear(rows);
	return ok;
}

static void load(struct target *t, const PGresult *rows, int i)
{
	t->rid = pg_i64(rows, i, 1);
	t->vid = pg_i64(rows, i, 2);
	t->version = pg_i64(rows, i, 3);
	t->time = pg_i64(rows, i, 4);
	t->op = (enum store_op)pg_i64(rows, i, 5);
	t->patient = pg_i64(rows, i, 7);
	t->stored = true;
	struct str hash = pg_bytes(rows, i, 6);
	t->hashed = hash.n == STORED_HASH;
	if (t->hashed)
		memcpy(t->hash, hash.p, STORED_HASH);
}

static bool take_targets(struct pg_group *g, struct target *const *list, int64_t count, struct error *err)
{
	PGresult *rows = pg_result(&g->w->pg, err);
	for (int i = 0; rows && i < PQntuples(rows); i++) {
		int64_t at = pg_i64(rows, i, 0);
		if (at >= 1 && at <= count)
			load(list[at - 1], rows, i);
	}
	PQclear(rows);
	return rows != NULL;
}

/* The targets as parameters, and in the same order as a list. */
static struct target **send_targets(struct pg_group *g, int64_t *ret_count, struct error *err)
{
	int64_t count = 0, i = 0;
	for (struct target *t = g->g.unloaded; t; t = t->next)
		count++;
	struct target **list = ARENA_ARRAY(g->g.a, struct target *, (size_t)count + 1);
	if (!list) {
		error_memory(err);
		return NULL;
	}
	for (struct target *t = g->g.unloaded; t; t = t->next) {
		list[i++] = t;
		pg_rows_i64(&g->w->targets, t->type);
		pg_rows_bytes(&g->w->targets, t->id);
		pg_rows_i64(&g->w->targets, t->compare);
	}
	g->g.unloaded = NULL;
	*ret_count = count;
	return pg_send_rows(&g->w->pg, &g->w->targets, err) ? list : NULL;
}

static bool begin(struct pg_group *g, struct item *items, struct error *err)
{
	struct pg *c = &g->w->pg;
	struct fact_state **facts = NULL;
	int64_t count = 0, fact_count = 0;
	for (struct item *i = items; i; i = i->next)
		if ((i->kind == ITEM_TXN && !group_expect(&g->g, i->txn, err)) ||
		    (i->kind == ITEM_ROWS && !group_expect_added(&g->g, i->adding, err)))
			return false;
	if (!pg_send(c, SQL_BEGIN, NULL, err) || !pg_send(c, SQL_LOCK, NULL, err) || !pg_send(c, SQL_HEAD, NULL, err))
		return false;
	struct target **list = send_targets(g, &count, err);
	return list && pg_facts_send_unloaded(g->w, &g->g, &facts, &fact_count, err) && pg_sync(c, err) &&
	       pg_done(c, err) && pg_done(c, err) && take_head(g, err) &&
	       (!count || take_targets(g, list, count, err)) && pg_facts_take(g->w, &g->g, facts, fact_count, err) &&
	       pg_end(c, err);
}

/* Everything is looked up beforehand, so this is only met by what was forgotten there. */
static bool load_one(void *ctx, struct target *t, struct error *err)
{
	struct writer *w = ((struct pg_group *)ctx)->w;
	pg_rows_i64(&w->targets, t->type);
	pg_rows_bytes(&w->targets, t->id);
	pg_rows_i64(&w->targets, 1);
	if (!pg_send_rows(&w->pg, &w->targets, err) || !pg_sync(&w->pg, err))
		return false;
	PGresult *rows = pg_result(&w->pg, err);
	if (rows && PQntuples(rows))
		load(t, rows, 0);
	PQclear(rows);
	return rows && pg_end(&w->pg, err);
}

static bool load_fact(void *ctx, struct fact_state *f, struct error *err)
{
	struct pg_group *g = ctx;
	return pg_fact_load(g->w, &g->g, f, err);
}

/* ---- the rows
 * ---------------------------------------------------------------------------------------------------------
 */

static bool add_version(struct pg_group *g, const struct effect *e, struct error *err)
{
	struct pg_rows *v = &g->w->versions, *b = &g->w->bodies;
	bool deleted = e->change->op == STORE_DELETE;
	struct target *t = e->target;
	if (!deleted && (!group_terms(&g->g, e, err) || !group_patient(&g->g, e, &t->patient, err)))
		return false;
	const int64_t numbers[] = {e->vid, t->rid, e->version, g->g.time, 0, t->patient, t->type, e->change->op};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		pg_rows_i64(v, numbers[i]);
	pg_rows_bytes(v, deleted ? STR_NULL : str_make((const char *)e->ready->hash, STORED_HASH));
	pg_rows_bytes(v, deleted ? STR_NULL : buf_str(g->g.terms));
	if (deleted)
		return true;
	pg_rows_i64(b, e->vid);
	pg_rows_i64(b, t->patient);
	pg_rows_i64(b, (int64_t)e->change->meta_at);
	pg_rows_i64(b, e->ready->body.coding);
	pg_rows_bytes(b, e->ready->body.bytes);
	return true;
}

/* The version before is marked as replaced and found by its number from now on. */
static void add_replaced(struct pg_group *g, const struct effect *e)
{
	if (!e->old_vid)
		return;
	pg_rows_i64(&g->w->died, e->old_vid);
	pg_rows_i64(&g->w->died, e->vid);
	const int64_t past[] = {e->target->rid, e->old_version, e->old_vid, e->target->patient};
	for (size_t i = 0; i < 4; i++)
		pg_rows_i64(&g->w->past, past[i]);
}

static bool add_event(struct pg_group *g, int64_t time_ms, const struct audit_event *e, struct error *err)
{
	struct pg_rows *r = &g->w->audit;
	struct audit_row row;
	if (!audit_next(&g->head, &g->w->hashed, time_ms, e, &row, err))
		return false;
	const int64_t numbers[] = {row.number, time_ms, e->action, e->outgoing, e->outcome, e->http_status, e->version};
	const struct str texts[] = {e->interaction, e->agent, e->address, e->request_id, e->type,
				    e->id,	    e->query, e->patient, e->detail};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		pg_rows_i64(r, numbers[i]);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		pg_rows_bytes(r, texts[i]);
	pg_rows_bytes(r, str_make((const char *)row.hash, sizeof(row.hash)));
	return true;
}

/* ---- the second round trip
 * ---------------------------------------------------------------------------------------------
 */

static void add_target(struct writer *w, struct target *t)
{
	struct pg_rows *r = t->stored ? &w->resources_set : &w->resources_new;
	const int64_t numbers[] = {t->rid, t->vid, t->version, t->time, t->patient};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		pg_rows_i64(r, numbers[i]);
	if (!t->stored)
		pg_rows_i64(r, t->type);
	pg_rows_i64(r, t->op);
	if (!t->stored)
		pg_rows_bytes(r, t->id);
	t->stored = true;
}

/* Sends every row gathered so far. */
static bool send_rows(struct pg_group *g, struct error *err)
{
	struct writer *w = g->w;
	size_t count = 0;
	struct target **list = group_targets(&g->g, &count);
	if (!list)
		return error_memory(err);
	for (size_t i = 0; i < count; i++)
		add_target(w, list[i]);
	for (int64_t type = 0; type < GROUP_TYPES; type++) {
		if (!g->g.tallies[type])
			continue;
		pg_rows_i64(&w->tallies, type);
		pg_rows_i64(&w->tallies, g->g.tallies[type]);
		g->g.tallies[type] = 0;
	}
	struct pg_rows *all[] = {&w->resources_new, &w->resources_set, &w->versions, &w->died,
				 &w->past,	    &w->bodies,	       &w->audit,    &w->tallies};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!pg_send_rows(&w->pg, all[i], err))
			return false;
	return true;
}

/* ---- transactions
 * -------------------------------------------------------------------------------------------------------
 */

/* A guard reads through the tables, so what the group has put off is written first. Under the commit lock and inside
 * the group's own transaction every version that was committed or is about to be is there. */
static bool write_so_far(struct pg_group *g, struct error *err)
{
	if (g->g.last_vid == g->written_vid)
		return true;
	g->written_vid = g->g.last_vid;
	return send_rows(g, err) && pg_sync(&g->w->pg, err) && pg_end(&g->w->pg, err);
}

static bool guard_holds(struct pg_group *g, const struct store_guard *guard, bool *ret_holds, struct error *err)
{
	struct source x = {
		.store = g->store, .c = &g->w->pg, .deadline_ns = clock_monotonic_ns() + (uint64_t)GUARD_MS * 1000000};
	int64_t last = g->g.last_vid;
	bool any = false;
	*ret_holds = guard->snapshot >= last;
	if (*ret_holds || last - guard->snapshot > GUARD_REACH)
		return true;
	const struct seek_source source = pg_source_of(&x, last, 0);
	if (!seek_newer(&source, guard->query, guard->snapshot, x.deadline_ns, &any, err))
		return false;
	*ret_holds = !any;
	return true;
}

/* What a guard alone fails of goes to item->err, as long as the connection can go on. */
static bool check_guards(struct pg_group *g, struct item *item, struct error *err)
{
	const struct store_txn *txn = item->txn;
	if (txn->guard_count && !write_so_far(g, err))
		return false;
	for (size_t i = 0; i < txn->guard_count; i++) {
		struct error own = {0};
		bool holds = false, decided = guard_holds(g, &txn->guards[i], &holds, &own);
		if (decided && holds)
			continue;
		if (!decided &&
		    (g->w->pg.lost || own.code == ERR_STORE || PQtransactionStatus(g->w->pg.handle) != PQTRANS_INTRANS))
			return error_set(err, own.code, "%s", own.text);
		item->txn->failed = i;
		item->err = own;
		if (decided)
			guard_failed(&item->err);
		return true;
	}
	return true;
}

static bool purge(struct pg_group *g, struct error *err)
{
	for (size_t i = 0; i < g->g.effect_count; i++) {
		const struct effect *e = &g->g.effects[i];
		if (e->change->purge &&
		    (!write_so_far(g, err) || !pg_purge_past(g->store, &g->w->pg, e->target->rid, err)))
			return false;
	}
	return true;
}

static bool apply_txn(struct pg_group *g, struct item *item, struct error *err)
{
	if (!check_guards(g, item, err))
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
		if (!add_version(g, e, err))
			return false;
		add_replaced(g, e);
	}
	if (!purge(g, err))
		return false;
	for (size_t i = 0; i < item->txn->event_count; i++) {
		struct audit_event event = group_event(item->txn, i);
		if (!add_event(g, g->g.time, &event, err))
			return false;
	}
	return true;
}

static bool apply_item(struct pg_group *g, struct item *item, struct error *err)
{
	switch (item->kind) {
	case ITEM_TXN:
		return apply_txn(g, item, err);
	case ITEM_AUDIT:
		for (size_t i = 0; i < item->event_count; i++)
			if (!add_event(g, item->time_ms, &item->events[i], err))
				return false;
		return true;
	case ITEM_ROWS:
		return write_so_far(g, err) && pg_rows_add(g->w, &g->g, item->adding, err);
	case ITEM_WORDS: /* the thread that makes them writes them itself */
		return true;
	}
	return true;
}

/* ---- the end
 * ---------------------------------------------------------------------------------------------------------
 */

static bool send_head(struct pg_group *g, struct error *err)
{
	struct pg_params head = {0}, me = {0};
	pg_add_i64(&head, g->g.last_vid);
	pg_add_i64(&head, g->g.last_rid);
	pg_add_i64(&head, g->g.time);
	pg_add_i64(&head, g->head.count);
	pg_add_bytes(&head, str_make((const char *)g->head.hash, sizeof(g->head.hash)));
	pg_add_bytes(&me, str_make((const char *)g->w->id, sizeof(g->w->id)));
	pg_add_i64(&me, g->w->number);
	pg_add_i64(&me, g->g.time);
	return pg_send(&g->w->pg, SQL_HEAD_SET, &head, err) && pg_send(&g->w->pg, SQL_WRITER_SET, &me, err);
}

static bool send_dictionary(struct pg_group *g, struct str dictionary, struct error *err)
{
	struct pg_params p = {0};
	if (!dictionary.p)
		return true;
	pg_add_i64(&p, FIRST_DICTIONARY);
	pg_add_bytes(&p, dictionary);
	return pg_send(&g->w->pg, SQL_DICTIONARY_PUT, &p, err);
}

/* Processes that ended long ago leave the table of writers. */
static bool send_sweep(struct pg_group *g, struct error *err)
{
	struct pg_params p = {0};
	if (g->w->number != 1)
		return true;
	pg_add_i64(&p, g->g.time - (int64_t)WRITER_DAYS * 86400000);
	return pg_send(&g->w->pg, SQL_WRITER_SWEEP, &p, err);
}

static bool commit(struct pg_group *g, struct str dictionary, struct error *err)
{
	struct pg *c = &g->w->pg;
	g->w->number++;
	if (!pg_facts_send(g->w, &g->g, err) || !send_rows(g, err) || !send_head(g, err) ||
	    !send_dictionary(g, dictionary, err) || !send_sweep(g, err))
		return false;
	g->committing = true;
	return pg_send(c, SQL_COMMIT, NULL, err) && pg_sync(c, err) && pg_end(c, err);
}

/* ---- a group from begin to end
 * -----------------------------------------------------------------------------------------
 */

static bool run(struct pg_group *g, struct item *items, struct str dictionary, struct error *err)
{
	if (!pg_writer_connect(g->store, err) || !begin(g, items, err))
		return false;
	for (struct item *i = items; i; i = i->next)
		if (!apply_item(g, i, err))
			return false;
	return commit(g, dictionary, err);
}

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};
	nanosleep(&t, NULL);
}

/* Looks whether the last group of this process was kept. False when that could not be found out. */
static bool found_out(struct pg_store *s, bool *ret_kept)
{
	struct writer *w = s->writer;
	struct error ignored = {0};
	struct pg_params p = {0};
	pg_add_bytes(&p, str_make((const char *)w->id, sizeof(w->id)));
	if (!pg_writer_connect(s, &ignored) || !pg_run(&w->pg, SQL_BEGIN, NULL, &ignored) ||
	    !pg_run(&w->pg, SQL_LOCK, NULL, &ignored))
		return false;
	PGresult *rows = pg_ask(&w->pg, SQL_WRITER_GET, &p, &ignored);
	bool known = rows != NULL;
	if (known)
		*ret_kept = PQntuples(rows) && pg_i64(rows, 0, 0) == w->number;
	PQclear(rows);
	return pg_run(&w->pg, SQL_ROLLBACK, NULL, &ignored) && known;
}

/* Waits for the database to come back until it tells. */
static bool find_out(struct pg_store *s, bool *ret_kept)
{
	uint64_t until = clock_monotonic_ns() + (uint64_t)RESOLVE_SECONDS * 1000000000;
	while (!found_out(s, ret_kept)) {
		if (clock_monotonic_ns() > until)
			return false;
		pg_close(&s->writer->pg);
		pause_ms(PAUSE_MS);
	}
	return true;
}

static void start(struct pg_group *g, struct pg_store *s)
{
	struct writer *w = s->writer;
	*g = (struct pg_group){.store = s, .w = w};
	g->g = (struct group){.load = load_one,
			      .load_hash = load_one,
			      .load_fact = load_fact,
			      .ctx = g,
			      .a = &w->scratch,
			      .names = &w->names,
			      .resources = &w->resources,
			      .terms = &w->terms,
			      .patients = s->patients,
			      .time = clock_now_ms()};
	group_init(&g->g);
}

static void finish(struct pg_group *g)
{
	group_done(&g->g);
	arena_reset(&g->w->scratch);
}

enum outcome { OUTCOME_KEPT, OUTCOME_FAILED, OUTCOME_AGAIN };

/* What became of a group that failed. */
static enum outcome judge(struct pg_group *g, struct error *err)
{
	bool kept = false;
	if (!g->w->pg.lost)
		pg_writer_roll_back(g->w);
	if (!g->w->pg.lost)
		return OUTCOME_FAILED;
	if (!g->committing)
		return OUTCOME_AGAIN;
	if (find_out(g->store, &kept))
		return kept ? OUTCOME_KEPT : OUTCOME_AGAIN;
	*err = (struct error){0};
	error_set(err, ERR_STORE_AWAY,
		  "The database was lost while it committed; whether this was stored is not known: look before trying "
		  "again");
	return OUTCOME_FAILED;
}

static enum outcome attempt(struct pg_store *s, struct item *items, struct str dictionary, int64_t *ret_vid,
			    struct error *err)
{
	struct pg_group g;
	for (struct item *i = items; i; i = i->next)
		i->err = (struct error){0};
	start(&g, s);
	enum outcome outcome = run(&g, items, dictionary, err) ? OUTCOME_KEPT : judge(&g, err);
	*ret_vid = g.g.last_vid;
	finish(&g);
	if (outcome != OUTCOME_KEPT)
		pg_writer_forget(s->writer);
	return outcome;
}

void pg_group_commit(void *b, struct item *items)
{
	struct pg_store *s = b;
	struct error err = {0};
	struct str dictionary = pg_keeper_dictionary(s);
	uint64_t until = clock_monotonic_ns() + (uint64_t)RETRY_SECONDS * 1000000000;
	int64_t last_vid = 0;
	enum outcome outcome;
	while ((outcome = attempt(s, items, dictionary, &last_vid, &err)) == OUTCOME_AGAIN &&
	       clock_monotonic_ns() < until) {
		err = (struct error){0};
		pause_ms(PAUSE_MS);
	}
	if (outcome != OUTCOME_KEPT) {
		for (struct item *i = items; i; i = i->next)
			i->err = err;
		return;
	}
	if (dictionary.p)
		pg_keeper_dictionary_written(s);
	pg_keeper_note(s, last_vid);
}

/* When nothing waits: the keeper does what was put off. */
bool pg_group_settle(void *b)
{
	pg_keeper_note(b, 0);
	return false;
}
