/* The writing connection: its settings, its counters, and how it starts over after a roll-back. */
#include "store/sqlite/sqlite_priv.h"

#include <stdio.h>
#include <stdlib.h>

/* How many versions may wait for their index entries: the more, the fewer pages are written for each; but every search
 * looks at all of them. */
enum { LAG_SERVING = 1000, LAG_LOADING = 16000 };

bool writer_reload(struct writer *w, struct error *err)
{
	index_forget(w);
	names_clear(&w->names);
	cache_clear(&w->resources);
	return db_number(&w->db, SQL_LAST_VID, 0, &w->last_vid, err) &&
	       db_number(&w->db, SQL_LAST_RID, 0, &w->last_rid, err) &&
	       db_number(&w->db, SQL_INDEXED, 0, &w->indexed, err) &&
	       db_number(&w->db, SQL_LAST_TIME, 0, &w->last_time, err) && audit_load_head(&w->db, &w->head, err);
}

static bool configure(struct writer *w, size_t cache_bytes, struct error *err)
{
	char sql[400];
	if (!cache_bytes)
		cache_bytes = 16 << 20;
	/* FULL: a commit returns after its fsync. Checkpoints are the keeper's work, and the writer's when it falls
	 * behind. Temporary tables in memory: what is PHI does not go to other files. */
	snprintf(sql, sizeof(sql),
		 "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864;"
		 "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -%zu;",
		 cache_bytes / 1024);
	return db_script(&w->db, sql, err);
}

void writer_limit_pages(struct writer *w, int64_t pages)
{
	char sql[80];
	struct error ignored = {0};
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld", (long long)pages);
	if (!db_script(&w->db, sql, &ignored))
		error_clear(&ignored);
}

bool writer_open(struct writer *w, const char *path, const struct store_options *options, struct error *err)
{
	*w = (struct writer){0};
	cache_init(&w->resources, 16384);
	w->index_lag = options->bulk ? LAG_LOADING : LAG_SERVING;
	arena_init(&w->scratch, ARENA_NO_CAP);
	buf_init(&w->terms, 64 << 20);
	buf_init(&w->hashed, 64 << 20);
	if (names_init(&w->names, writer_intern, w, err) && db_open(&w->db, path, false, err) &&
	    configure(w, options->cache_bytes, err) && writer_reload(w, err))
		return true;
	writer_close(w);
	return false;
}

void writer_close(struct writer *w)
{
	index_forget(w);
	db_close(&w->db);
	names_done(&w->names);
	cache_done(&w->resources);
	arena_done(&w->scratch);
	buf_done(&w->terms);
	buf_done(&w->hashed);
	*w = (struct writer){0};
}
