/*
 * The keeper makes index rows in a thread of its own, with a connection of its own: commits write only what cannot
 * wait, and searches look at the terms of the few versions that have no index rows yet. One process at a time does it
 * for all. It also trains the first compression dictionary.
 */
#include <stdlib.h>
#include <time.h>

#include "store/postgres/index.h"
#include "store/postgres/writer.h"

/* How many versions may wait: for the keeper to start, to be done in one transaction, and before commits wait. */
enum {
	SERVING_LAG = 500,
	LOADING_LAG = 4000,
	BATCH = 8000,
	MOST_LAG = 40000,
	IDLE_MS = 200,
	WAIT_MS = 2000,
	ELSEWHERE_MS = 50
};

struct keeper {
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	bool closing, started;
	pthread_t thread;
	struct pg_store *store;
	int64_t lag;
	int64_t last_vid; /* committed by this process */
	int64_t indexed; /* as far as known */
	struct pg pg;
	struct pg_index index;
	struct trained dictionary;
};

/* ---- rows
 * ---------------------------------------------------------------------------------------------------------------
 */

static bool write_stretch(struct keeper *k, const PGresult *rows, struct error *err)
{
	struct index_list list = {0};
	struct pg_params p = {0};
	int count = PQntuples(rows);
	bool ok = true;
	for (int i = 0; ok && i < count; i++)
		ok = index_add(&list, pg_i64(rows, i, 0), pg_i64(rows, i, 1), pg_i64(rows, i, 2), pg_bytes(rows, i, 3));
	if (ok) {
		index_sort(&list);
		pg_index_add_list(&k->index, &list);
	}
	index_done(&list);
	if (!ok)
		return error_memory(err);
	pg_add_i64(&p, pg_i64(rows, count - 1, 0));
	return pg_index_send(&k->index, &k->pg, err) && pg_send(&k->pg, SQL_INDEXED_SET, &p, err);
}

static void note_indexed(struct keeper *k, int64_t vid)
{
	pthread_mutex_lock(&k->lock);
	k->indexed = vid;
	pthread_cond_signal(&k->done);
	pthread_mutex_unlock(&k->lock);
}

/* One transaction. *ret_more: there may be more to do at once. */
static bool index_stretch(struct keeper *k, bool *ret_more, struct error *err)
{
	int64_t locked = 0, from = 0;
	*ret_more = false;
	if (!pg_run(&k->pg, SQL_BEGIN, NULL, err) || !pg_ask_number(&k->pg, SQL_INDEX_LOCK, NULL, &locked, err) ||
	    !pg_ask_number(&k->pg, SQL_INDEXED, NULL, &from, err))
		return false;
	if (!locked) { /* another process is at it */
		note_indexed(k, from);
		nanosleep(&(struct timespec){0, ELSEWHERE_MS * 1000000L}, NULL);
		return pg_run(&k->pg, SQL_ROLLBACK, NULL, err);
	}
	struct pg_params p = {0};
	pg_add_i64(&p, from);
	pg_add_i64(&p, BATCH);
	PGresult *rows = pg_ask(&k->pg, SQL_UNINDEXED, &p, err);
	int count = rows ? PQntuples(rows) : 0;
	bool ok = rows && (!count || write_stretch(k, rows, err));
	if (ok && count)
		from = pg_i64(rows, count - 1, 0);
	PQclear(rows);
	ok = ok && pg_send(&k->pg, SQL_COMMIT, NULL, err) && pg_sync(&k->pg, err) && pg_end(&k->pg, err);
	if (!ok)
		return false;
	*ret_more = count == BATCH;
	note_indexed(k, from);
	return true;
}

/* What fails is tried again at the next turn, on a new connection. */
static void index_all(struct keeper *k)
{
	bool more = true;
	struct error err = {0};
	while (more) {
		bool ok = pg_alive(&k->pg);
		if (!ok) {
			pg_close(&k->pg);
			ok = pg_open(&k->pg, &k->store->place, &err);
		}
		ok = ok && index_stretch(k, &more, &err);
		if (ok)
			continue;
		pg_close(&k->pg);
		pg_index_reset(&k->index);
		return;
	}
}

/* ---- dictionary
 * -----------------------------------------------------------------------------------------------------------
 */

struct str pg_keeper_dictionary(struct pg_store *s)
{
	struct keeper *k = s->keeper;
	return k ? trained_waiting(&k->dictionary) : STR_NULL;
}

/* Another process may have been first: what the database has is what counts, and it is read back before it is used. */
void pg_keeper_dictionary_written(struct pg_store *s)
{
	struct error ignored = {0};
	if (!pg_dictionaries_load(s, &s->writer->pg, &ignored))
		error_clear(&ignored);
	trained_written(&s->keeper->dictionary);
}

/* ---- the thread
 * -----------------------------------------------------------------------------------------------------------
 */

static struct timespec in_ms(clockid_t clock, int ms)
{
	struct timespec t;
	clock_gettime(clock, &t);
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void *keep(void *ctx)
{
	struct keeper *k = ctx;
	pthread_mutex_lock(&k->lock);
	while (!k->closing) {
		struct timespec until = in_ms(CLOCK_REALTIME, IDLE_MS);
		bool timely = true;
		while (timely && !k->closing && k->last_vid - k->indexed < k->lag)
			timely = pthread_cond_timedwait(&k->wake, &k->lock, &until) == 0;
		bool behind = k->last_vid > k->indexed;
		pthread_mutex_unlock(&k->lock);
		trained_make(&k->dictionary, k->store->samples, &k->store->sampled);
		if (behind)
			index_all(k);
		pthread_mutex_lock(&k->lock);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

bool pg_keeper_start(struct pg_store *s, bool bulk, struct error *err)
{
	struct keeper *k = calloc(1, sizeof(*k));
	if (!k)
		return error_memory(err);
	s->keeper = k;
	k->store = s;
	k->lag = bulk ? LOADING_LAG : SERVING_LAG;
	k->last_vid = 1; /* look once: another process may have left work */
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->wake, NULL);
	pthread_cond_init(&k->done, NULL);
	trained_init(&k->dictionary);
	pg_index_init(&k->index, PG_INDEX_PUT);
	if (pthread_create(&k->thread, NULL, keep, k) != 0)
		return error_set(err, ERR_STORE, "The store's keeping thread could not be started");
	k->started = true;
	return true;
}

void pg_keeper_stop(struct pg_store *s)
{
	struct keeper *k = s->keeper;
	if (!k)
		return;
	if (k->started) {
		pthread_mutex_lock(&k->lock);
		k->closing = true;
		pthread_cond_signal(&k->wake);
		pthread_mutex_unlock(&k->lock);
		pthread_join(k->thread, NULL);
		index_all(k);
	}
	pg_close(&k->pg);
	trained_done(&k->dictionary);
	pg_index_done(&k->index);
	pthread_cond_destroy(&k->wake);
	pthread_cond_destroy(&k->done);
	pthread_mutex_destroy(&k->lock);
	free(k);
	s->keeper = NULL;
}

void pg_keeper_note(struct pg_store *s, int64_t last_vid)
{
	struct keeper *k = s->keeper;
	if (!k)
		return;
	struct timespec until = in_ms(CLOCK_REALTIME, WAIT_MS);
	bool timely = true;
	pthread_mutex_lock(&k->lock);
	k->last_vid = last_vid > k->last_vid ? last_vid : k->last_vid;
	if (k->last_vid - k->indexed >= k->lag)
		pthread_cond_signal(&k->wake);
	while (timely && k->last_vid - k->indexed > MOST_LAG)
		timely = pthread_cond_timedwait(&k->done, &k->lock, &until) == 0;
	pthread_mutex_unlock(&k->lock);
}
