/*
 * Reading connections, pooled: the one given back last is handed out first, so its pages and statements are warm. Each
 * thread has one for itself while it holds it, which is why nothing here waits for a writer.
 *
 * A connection keeps its snapshot open as long as nothing was committed, because taking one costs as much as reading a
 * resource. The keeper has idle ones let go of theirs, since a log that somebody reads cannot start over.
 */
#include "store/sqlite/sqlite_priv.h"

#include <stdlib.h>

#include "fhir/resource.h"

enum { MOST_IDLE = 32 };

static bool reader_open(struct sqlite_store *s, struct reader *r, struct error *err)
{
	cache_init(&r->types, 512);
	buf_init(&r->stored, (size_t)2 << 30);
	buf_init(&r->served, (size_t)2 << 30);
	r->unpacker = ZSTD_createDCtx();
	if (!r->unpacker)
		return error_memory(err);
	/* Pages come from the map; the cache is for those still in the log. */
	return db_open(&r->db, s->path, true, err) &&
	       db_script(&r->db, "PRAGMA mmap_size = 0; PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;", err);
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < FORM_COUNT * ARM_USES; i++)
		sqlite3_finalize(r->arms[i / ARM_USES][i % ARM_USES]);
	if (r->borrowed)
		r->db.handle = NULL;
	db_close(&r->db);
	ZSTD_freeDCtx(r->unpacker);
	buf_done(&r->stored);
	buf_done(&r->served);
	cache_done(&r->types);
	free(r);
}

static struct reader *take_idle(struct sqlite_store *s)
{
	pthread_mutex_lock(&s->lock);
	struct reader *r = s->idle;
	if (r) {
		s->idle = r->next;
		s->idle_count--;
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

static struct reader *reader_new(struct sqlite_store *s, struct error *err)
{
	struct reader *r = calloc(1, sizeof(*r));
	if (!r) {
		error_memory(err);
		return NULL;
	}
	if (reader_open(s, r, err))
		return r;
	reader_free(r);
	return NULL;
}

struct reader *reader_view(const struct db *db, struct error *err)
{
	struct reader *r = calloc(1, sizeof(*r));
	if (!r) {
		error_memory(err);
		return NULL;
	}
	r->borrowed = true;
	r->db.handle = db->handle;
	r->counted = true; /* the owner tells its vids */
	cache_init(&r->types, 512);
	buf_init(&r->stored, (size_t)2 << 30);
	buf_init(&r->served, (size_t)2 << 30);
	r->unpacker = ZSTD_createDCtx();
	return r;
}

void reader_forget(struct reader *r)
{
	cache_clear(&r->types);
	memset(r->type_of, 0, sizeof(r->type_of));
}

static void let_go(struct reader *r)
{
	struct error ignored = {0};
	r->open = false;
	r->counted = false;
	if (!sqlite3_get_autocommit(r->db.handle) && !db_run(&r->db, SQL_ROLLBACK, &ignored))
		error_clear(&ignored);
}

/* Has the connection see everything committed by now, and whatever others have seen. A store that others write to has
 * no way to know what they commit, so it looks each time. The order of the two loads matters: a commit is counted
 * before it stops being under way. */
static bool refresh(struct sqlite_store *s, struct reader *r, struct error *err)
{
	bool committing = atomic_load(&s->committing);
	uint64_t commits = atomic_load(&s->commits);
	if (r->open && r->commits == commits && !committing && s->has_writer)
		return true;
	let_go(r);
	r->commits = commits;
	r->open = db_run(&r->db, SQL_BEGIN_READ, err);
	return r->open;
}

struct reader *reader_acquire(struct sqlite_store *s, struct error *err)
{
	struct reader *r = take_idle(s);
	if (!r)
		r = reader_new(s, err);
	if (!r || refresh(s, r, err))
		return r;
	reader_release(s, r);
	return NULL;
}

bool reader_renew(struct sqlite_store *s, struct reader *r, struct error *err)
{
	let_go(r);
	return refresh(s, r, err);
}

void readers_let_go(struct sqlite_store *s)
{
	pthread_mutex_lock(&s->lock);
	struct reader *all = s->idle;
	s->idle = NULL;
	s->idle_count = 0;
	pthread_mutex_unlock(&s->lock);
	while (all) {
		struct reader *r = all;
		all = r->next;
		let_go(r);
		reader_release(s, r);
	}
}

void reader_release(struct sqlite_store *s, struct reader *r)
{
	/* A large resource must not hold its memory for ever. */
	if (r->stored.cap > 1 << 20)
		buf_done(&r->stored);
	if (r->served.cap > 1 << 20)
		buf_done(&r->served);
	pthread_mutex_lock(&s->lock);
	bool keep = s->idle_count < MOST_IDLE;
	if (keep) {
		r->next = s->idle;
		s->idle = r;
		s->idle_count++;
	}
	pthread_mutex_unlock(&s->lock);
	if (!keep)
		reader_free(r);
}

bool reader_begin(struct reader *r, struct error *err)
{
	r->counted = r->counted || (db_number(&r->db, SQL_LAST_VID, 0, &r->last_vid, err) &&
				    db_number(&r->db, SQL_INDEXED, 0, &r->indexed, err) &&
				    db_number(&r->db, SQL_VACUUMED, 0, &r->vacuumed, err) &&
				    db_number(&r->db, SQL_DATES_MARKED, 0, &r->dates_marked, err) &&
				    db_number(&r->db, SQL_WORDED, 0, &r->worded, err));
	return r->counted;
}

void reader_end(struct reader *r)
{
	for (int i = 0; i < STATEMENT_COUNT; i++)
		if (r->db.statements[i])
			sqlite3_reset(r->db.statements[i]);
	for (size_t i = 0; i < FORM_COUNT * ARM_USES; i++)
		if (r->arms[i / ARM_USES][i % ARM_USES])
			sqlite3_reset(r->arms[i / ARM_USES][i % ARM_USES]);
}

bool reader_type(struct reader *r, const struct fhir_type *type, int64_t *ret_id, struct error *err)
{
	if (cache_get(&r->types, type->name, ret_id))
		return true;
	sqlite3_stmt *s = db_use(&r->db, SQL_TYPE_GET, err);
	bool row = false;
	if (!s)
		return false;
	bind_str(s, 1, type->name);
	if (!db_row(&r->db, s, &row, err))
		return false;
	*ret_id = row ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_reset(s);
	if (*ret_id)
		cache_put(&r->types, type->name, *ret_id);
	return true;
}

const struct fhir_type *reader_type_of(struct sqlite_store *s, struct reader *r, int64_t id, struct error *err)
{
	size_t slots = sizeof(r->type_of) / sizeof(r->type_of[0]);
	if (id > 0 && (size_t)id < slots && r->type_of[id])
		return r->type_of[id];
	sqlite3_stmt *q = db_use(&r->db, SQL_TYPE_NAME, err);
	bool row = false;
	if (!q)
		return NULL;
	sqlite3_bind_int64(q, 1, id);
	if (!db_row(&r->db, q, &row, err))
		return NULL;
	const struct fhir_type *type =
		row && s->definitions ? definitions_resource(s->definitions, column_str(q, 0)) : NULL;
	sqlite3_reset(q);
	if (!type)
		error_set(err, ERR_STORE, "The store holds a resource type that the definitions do not have");
	else if ((size_t)id < slots)
		r->type_of[id] = type;
	return type;
}

bool reader_serve(struct sqlite_store *s, struct reader *r, struct arena *a, struct packed_body packed, size_t meta_at,
		  int64_t version, int64_t updated_ms, struct str *ret_body, struct error *err)
{
	if (!bodies_knows(s->bodies, packed.coding) && !bodies_load(s->bodies, &r->db, err))
		return false;
	if (!bodies_unpack(s->bodies, r->unpacker, packed, &r->stored, err))
		return false;
	buf_reset(&r->served);
	resource_write_served(&r->served, buf_str(&r->stored), meta_at, version, updated_ms);
	struct str body = buf_ok(&r->served) ? arena_str(a, buf_str(&r->served)) : STR_NULL;
	if (!body.p)
		return error_memory(err);
	*ret_body = body;
	return true;
}
