/*
 * Reading connections, a bounded pool: the one given back last is handed out first. A connection that the server has
 * closed meanwhile (a restart, a time limit) is replaced without anyone noticing, and when one breaks while it is used
 * the question is asked once more over a fresh one.
 */
#include <stdlib.h>
#include <time.h>

#include "fhir/resource.h"
#include "store/postgres/postgres_priv.h"

enum { MOST_READERS = 16, WAIT_SECONDS = 10 };

static void reader_free(struct reader *r)
{
	pg_close(&r->pg);
	ZSTD_freeDCtx(r->unpacker);
	buf_done(&r->stored);
	buf_done(&r->served);
	free(r);
}

static struct reader *reader_new(struct error *err)
{
	struct reader *r = calloc(1, sizeof(*r));
	if (r) {
		buf_init(&r->stored, (size_t)2 << 30);
		buf_init(&r->served, (size_t)2 << 30);
		r->unpacker = ZSTD_createDCtx();
		if (r->unpacker)
			return r;
		reader_free(r);
	}
	error_memory(err);
	return NULL;
}

/* An idle connection, or leave to make one. */
static bool take(struct pool *pool, struct reader **ret_reader, struct error *err)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_SECONDS;
	bool waited = true;
	pthread_mutex_lock(&pool->lock);
	while (waited && !pool->idle && pool->open >= MOST_READERS)
		waited = pthread_cond_timedwait(&pool->freed, &pool->lock, &until) == 0;
	struct reader *r = pool->idle;
	bool ok = r || pool->open < MOST_READERS;
	if (r)
		pool->idle = r->next;
	else if (ok)
		pool->open++;
	pthread_mutex_unlock(&pool->lock);
	*ret_reader = r;
	return ok || error_set(err, ERR_STORE_AWAY, "All %d database connections for reading are in use", MOST_READERS);
}

static void give_up(struct pool *pool, struct reader *r)
{
	if (r)
		reader_free(r);
	pthread_mutex_lock(&pool->lock);
	pool->open--;
	pthread_cond_signal(&pool->freed);
	pthread_mutex_unlock(&pool->lock);
}

/* fresh: not one that has been open for a while. */
static struct reader *acquire(struct pg_store *s, bool fresh, struct error *err)
{
	struct reader *r;
	if (!take(&s->pool, &r, err))
		return NULL;
	if (!r) {
		fresh = true;
		r = reader_new(err);
	}
	if (r && !fresh && pg_alive(&r->pg))
		return r;
	if (r) {
		pg_close(&r->pg);
		if (pg_open(&r->pg, &s->place, err))
			return r;
	}
	give_up(&s->pool, r);
	return NULL;
}

struct reader *pg_reader_acquire(struct pg_store *s, struct error *err)
{
	return acquire(s, false, err);
}

bool pg_reader_ask(struct pg_store *s, bool (*question)(void *ctx, struct reader *r, struct error *err), void *ctx,
		   uint64_t deadline_ns, struct error *err)
{
	struct error own = {0};
	bool ok = false, again = false;
	do {
		struct reader *r = acquire(s, again, err);
		if (!r)
			return false;
		own = (struct error){0};
		r->pg.deadline_ns = deadline_ns;
		ok = question(ctx, r, &own);
		r->pg.deadline_ns = 0;
		again = !ok && !again && r->pg.lost && own.code == ERR_STORE_AWAY;
		pg_reader_release(s, r);
	} while (again);
	return ok || error_set(err, own.code, "%s", own.text);
}

void pg_reader_release(struct pg_store *s, struct reader *r)
{
	if (r->pg.lost) {
		give_up(&s->pool, r);
		return;
	}
	/* A large resource must not hold its memory for ever. */
	if (r->stored.cap > 1 << 20)
		buf_done(&r->stored);
	if (r->served.cap > 1 << 20)
		buf_done(&r->served);
	pthread_mutex_lock(&s->pool.lock);
	r->next = s->pool.idle;
	s->pool.idle = r;
	pthread_cond_signal(&s->pool.freed);
	pthread_mutex_unlock(&s->pool.lock);
}

void pg_readers_close(struct pg_store *s)
{
	while (s->pool.idle) {
		struct reader *next = s->pool.idle->next;
		reader_free(s->pool.idle);
		s->pool.idle = next;
	}
}

/* ---- names
 * --------------------------------------------------------------------------------------------------------------
 */

static bool known_type(struct pg_store *s, struct str name, int64_t *ret_id)
{
	pthread_mutex_lock(&s->pool.lock);
	bool known = cache_get(&s->pool.types, name, ret_id);
	pthread_mutex_unlock(&s->pool.lock);
	return known;
}

bool pg_reader_type(struct pg_store *s, struct pg *c, struct str name, int64_t *ret_id, struct error *err)
{
	if (known_type(s, name, ret_id))
		return true;
	struct pg_params p = {0};
	pg_add_bytes(&p, name);
	PGresult *rows = pg_ask(c, SQL_TYPE_GET, &p, err);
	if (!rows)
		return false;
	*ret_id = PQntuples(rows) ? pg_i64(rows, 0, 0) : 0;
	PQclear(rows);
	pthread_mutex_lock(&s->pool.lock);
	if (*ret_id)
		cache_put(&s->pool.types, name, *ret_id);
	pthread_mutex_unlock(&s->pool.lock);
	return true;
}

static const struct fhir_type *find_type(struct pg_store *s, struct pg *c, int64_t id, struct error *err)
{
	struct pg_params p = {0};
	pg_add_i64(&p, id);
	PGresult *rows = pg_ask(c, SQL_TYPE_NAME, &p, err);
	if (!rows)
		return NULL;
	const struct fhir_type *type = NULL;
	if (PQntuples(rows) && s->definitions)
		type = definitions_resource(s->definitions, pg_bytes(rows, 0, 0));
	PQclear(rows);
	if (!type)
		error_set(err, ERR_STORE, "The store holds a resource type that the definitions do not have");
	return type;
}

const struct fhir_type *pg_reader_type_of(struct pg_store *s, struct pg *c, int64_t id, struct error *err)
{
	bool kept = id > 0 && id < MOST_TYPE_IDS;
	pthread_mutex_lock(&s->pool.lock);
	const struct fhir_type *type = kept ? s->pool.type_of[id] : NULL;
	pthread_mutex_unlock(&s->pool.lock);
	if (type)
		return type;
	type = find_type(s, c, id, err);
	if (!type || !kept)
		return type;
	pthread_mutex_lock(&s->pool.lock);
	s->pool.type_of[id] = type;
	pthread_mutex_unlock(&s->pool.lock);
	return type;
}

/* ---- bodies
 * -------------------------------------------------------------------------------------------------------------
 */

bool pg_dictionaries_load(struct pg_store *s, struct pg *c, struct error *err)
{
	PGresult *rows = pg_ask(c, SQL_DICTIONARIES, NULL, err);
	bool ok = rows != NULL;
	for (int i = 0; ok && i < PQntuples(rows); i++)
		ok = bodies_add(s->bodies, (int)pg_i64(rows, i, 0), pg_bytes(rows, i, 1), err);
	PQclear(rows);
	return ok;
}

bool pg_reader_entry(struct pg_store *s, struct reader *r, struct arena *a, const PGresult *rows, int row,
		     struct store_entry *entry, struct error *err)
{
	entry->vid = pg_i64(rows, row, 0);
	entry->version = pg_i64(rows, row, 1);
	entry->updated_ms = pg_i64(rows, row, 2);
	entry->op = (enum store_op)pg_i64(rows, row, 3);
	entry->body = STR_NULL;
	if (entry->op == STORE_DELETE)
		return true;
	struct packed_body packed = {pg_bytes(rows, row, 6), (int)pg_i64(rows, row, 4)};
	if (!packed.bytes.p)
		return error_set(err, ERR_STORE, "The store is damaged: a resource's content is missing");
	if (!bodies_knows(s->bodies, packed.coding) && !pg_dictionaries_load(s, &r->pg, err))
		return false;
	if (!bodies_unpack(s->bodies, r->unpacker, packed, &r->stored, err))
		return false;
	buf_reset(&r->served);
	resource_write_served(&r->served, buf_str(&r->stored), (size_t)pg_i64(rows, row, 5), entry->version,
			      entry->updated_ms);
	struct str body = buf_ok(&r->served) ? arena_str(a, buf_str(&r->served)) : STR_NULL;
	if (!body.p)
		return error_memory(err);
	entry->body = body;
	return true;
}

bool pg_reader_named_entry(struct pg_store *s, struct reader *r, struct arena *a, const PGresult *rows, int row,
			   struct store_entry *entry, struct error *err)
{
	struct store_entry e = {.included = entry->included};
	e.type = pg_reader_type_of(s, &r->pg, pg_i64(rows, row, 7), err);
	e.id = arena_str(a, pg_bytes(rows, row, 8));
	if (!e.type)
		return false;
	if (!e.id.p)
		return error_memory(err);
	if (!pg_reader_entry(s, r, a, rows, row, &e, err))
		return false;
	*entry = e;
	return true;
}

bool pg_reader_last(struct reader *r, int64_t *ret_vid, int64_t *ret_indexed, struct error *err)
{
	PGresult *rows = pg_ask(&r->pg, SQL_LAST_VIDS, NULL, err);
	bool ok = rows != NULL;
	if (ok && !PQntuples(rows))
		ok = error_set(err, ERR_STORE, "The store is damaged: its numbers are missing");
	if (ok) {
		*ret_vid = pg_i64(rows, 0, 0);
		*ret_indexed = pg_i64(rows, 0, 1);
		r->vacuumed = pg_i64(rows, 0, 2);
		r->worded = pg_i64(rows, 0, 3);
	}
	PQclear(rows);
	return ok;
}
