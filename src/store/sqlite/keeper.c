/*
 * The keeper does in a thread of its own what commits should not wait for: it trains the compression dictionary, and
 * copies the log back into the file. While others commit it never quite reaches the log's end; the committing thread
 * copies the short rest, so that the log starts over and stays small. Only if that does not help for long does the
 * committing thread insist.
 */
#include "store/sqlite/sqlite_priv.h"

#include <stdlib.h>

/* Pages in the log at which copying starts, and at which the committing thread insists. */
enum { NEAR_PAGES = 4096, FAR_PAGES = 65536 };

struct keeper {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool wanted, closing, started;
	pthread_t thread;
	struct db db;
	int pages; /* in the log after the last commit; of the committing thread */
	_Atomic bool copying; /* asked for and not finished */
	struct trained dictionary;
	bool noted; /* the committing thread has asked for it */
	_Atomic bool copied; /* most of the log is in the file; a little is left for the committing thread */
	struct sqlite_store *store;
};

static void checkpoint(struct db *db, int mode)
{
	/* Failure is no loss: what is in the log is durable, and the next time may do better. */
	sqlite3_wal_checkpoint_v2(db->handle, NULL, mode, NULL, NULL);
}

struct str keeper_dictionary(struct sqlite_store *store)
{
	struct keeper *k = store->keeper;
	return k ? trained_waiting(&k->dictionary) : STR_NULL;
}

void keeper_dictionary_written(struct sqlite_store *store)
{
	trained_written(&store->keeper->dictionary);
}

/* SQLite tells after each commit how long the log is. The file says nothing: it keeps its size when it starts over. */
static int note_pages(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct keeper *k = ctx;
	(void)db, (void)name;
	k->pages = pages;
	return SQLITE_OK;
}

static void *keep(void *ctx)
{
	struct keeper *k = ctx;
	pthread_mutex_lock(&k->lock);
	for (;;) {
		while (!k->wanted && !k->closing)
			pthread_cond_wait(&k->wake, &k->lock);
		if (k->closing)
			break;
		k->wanted = false;
		pthread_mutex_unlock(&k->lock);
		trained_make(&k->dictionary, k->store->samples, &k->store->sampled);
		if (atomic_load(&k->copying)) {
			readers_let_go(k->store);
			checkpoint(&k->db, SQLITE_CHECKPOINT_PASSIVE);
			atomic_store(&k->copied, true);
		}
		pthread_mutex_lock(&k->lock);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

static bool keeper_open(struct keeper *k, const char *path, struct error *err)
{
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->wake, NULL);
	if (!db_open(&k->db, path, false, err) ||
	    !db_script(&k->db, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -256;",
		       err))
		return false;
	if (pthread_create(&k->thread, NULL, keep, k) != 0)
		return error_set(err, ERR_STORE, "The store's keeping thread could not be started");
	k->started = true;
	return true;
}

bool keeper_start(struct sqlite_store *store, struct error *err)
{
	store->keeper = calloc(1, sizeof(*store->keeper));
	if (!store->keeper)
		return error_memory(err);
	store->keeper->store = store;
	sqlite3_wal_hook(store->writer.db.handle, note_pages, store->keeper);
	trained_init(&store->keeper->dictionary);
	return keeper_open(store->keeper, store->path, err);
}

void keeper_stop(struct sqlite_store *store)
{
	struct keeper *k = store->keeper;
	if (!k)
		return;
	if (k->started) {
		pthread_mutex_lock(&k->lock);
		k->closing = true;
		pthread_cond_signal(&k->wake);
		pthread_mutex_unlock(&k->lock);
		pthread_join(k->thread, NULL);
	}
	db_close(&k->db);
	trained_done(&k->dictionary);
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->lock);
	free(k);
	store->keeper = NULL;
}

/* A checkpoint on the committing thread, so that the log starts over. A search that reads an old snapshot is not waited
 * for long: the next attempt may find it gone. */
static void restart_log(struct sqlite_store *store)
{
	readers_let_go(store);
	sqlite3_busy_timeout(store->writer.db.handle, 50);
	checkpoint(&store->writer.db, SQLITE_CHECKPOINT_RESTART);
	sqlite3_busy_timeout(store->writer.db.handle, 10000);
}

static void wake(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->wanted = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
}

void keeper_note(struct sqlite_store *store)
{
	struct keeper *k = store->keeper;
	if (!k)
		return;
	if (atomic_exchange(&k->copied, false)) {
		/* What came in meanwhile is short to copy, and then the next commit starts the log over, in place. */
		readers_let_go(store);
		checkpoint(&store->writer.db, SQLITE_CHECKPOINT_PASSIVE);
		atomic_store(&k->copying, false);
		k->pages = 0; /* until the next commit tells */
	} else if (k->pages >= FAR_PAGES) {
		restart_log(store);
	}
	bool copy = k->pages >= NEAR_PAGES && !atomic_exchange(&k->copying, true);
	bool untrained = store->samples && atomic_load(&store->sampled) && !k->noted;
	k->noted |= untrained;
	if (copy || untrained)
		wake(k);
}
