/*
 * The keeper copies the log back into the file in a thread of its own, so that commits do not wait for it. Only when
 * it cannot keep up does the committing thread wait once for a whole checkpoint, which lets the log start over.
 */
#include "store/sqlite/sqlite_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { NEAR_BYTES = 16 << 20, FAR_BYTES = 256 << 20, LOOK_EVERY = 16 };

struct keeper {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool wanted, closing, started;
	pthread_t thread;
	struct db db;
	unsigned commits;
	char log_path[4096 + 8];
};

static void checkpoint(struct db *db, int mode)
{
	/* Failure is no loss: what is in the log is durable, and the next time may do better. */
	sqlite3_wal_checkpoint_v2(db->handle, NULL, mode, NULL, NULL);
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
		checkpoint(&k->db, SQLITE_CHECKPOINT_PASSIVE);
		pthread_mutex_lock(&k->lock);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

static bool keeper_open(struct keeper *k, const char *path, struct error *err)
{
	snprintf(k->log_path, sizeof(k->log_path), "%s-wal", path);
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
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->lock);
	free(k);
	store->keeper = NULL;
}

void keeper_note(struct sqlite_store *store)
{
	struct keeper *k = store->keeper;
	struct stat log;
	if (!k || k->commits++ % LOOK_EVERY != 0 || stat(k->log_path, &log) != 0 || log.st_size < NEAR_BYTES)
		return;
	if (log.st_size >= FAR_BYTES)
		checkpoint(&store->writer.db, SQLITE_CHECKPOINT_RESTART);
	pthread_mutex_lock(&k->lock);
	k->wanted = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
}
