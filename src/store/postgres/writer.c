/* The writing connection: made when needed, set up again after it broke. */
#include "store/postgres/writer.h"

#include <stdlib.h>
#include <time.h>

#include "base/random.h"

/* Looks a name up, makes it, looks again: another process may have made it in between. */
static int64_t intern(void *ctx, enum names_kind kind, int64_t type, struct str text, struct error *err)
{
	static const enum statement looks[][2] = {[NAMES_TYPE] = {SQL_TYPE_GET, SQL_TYPE_PUT},
						  [NAMES_PARAM] = {SQL_PARAM_GET, SQL_PARAM_PUT},
						  [NAMES_SYSTEM] = {SQL_SYSTEM_GET, SQL_SYSTEM_PUT}};
	struct writer *w = ctx;
	struct pg_params p = {0};
	if (type)
		pg_add_i64(&p, type);
	pg_add_bytes(&p, text.p ? text : S(""));
	for (int round = 0; round < 2; round++) {
		PGresult *rows = pg_ask(&w->pg, looks[kind][0], &p, err);
		int64_t id = rows && PQntuples(rows) ? pg_i64(rows, 0, 0) : 0;
		PQclear(rows);
		if (id || !rows)
			return id;
		if (round == 0 && !pg_run(&w->pg, looks[kind][1], &p, err))
			return 0;
	}
	error_set(err, ERR_STORE, "The database does not keep what it was given");
	return 0;
}

static void init_rows(struct writer *w)
{
	pg_rows_init(&w->facts, SQL_FACTS_LOAD, "bb");
	pg_rows_init(&w->facts_put, SQL_FACTS_PUT, "bbbi");
	pg_rows_init(&w->facts_dropped, SQL_FACTS_DROP, "bb");
	pg_rows_init(&w->targets, SQL_TARGETS, "ibi");
	pg_rows_init(&w->resources_new, SQL_RESOURCE_PUT, "iiiiiiib");
	pg_rows_init(&w->resources_set, SQL_RESOURCE_SET, "iiiiii");
	pg_rows_init(&w->versions, SQL_VERSION_PUT, "iiiiiiiibb");
	pg_rows_init(&w->died, SQL_VERSION_DIED, "ii");
	pg_rows_init(&w->past, SQL_PAST_PUT, "iiii");
	pg_rows_init(&w->bodies, SQL_BODY_PUT, "iiiib");
	pg_rows_init(&w->audit, SQL_AUDIT_PUT, "iiiiiiibbbbbbbbbb");
	pg_rows_init(&w->tallies, SQL_TYPE_ADD, "ii");
}

static void each_rows(struct writer *w, void (*what)(struct pg_rows *rows))
{
	struct pg_rows *all[] = {&w->facts,	    &w->facts_put,     &w->facts_dropped, &w->targets,
				 &w->resources_new, &w->resources_set, &w->versions,	  &w->died,
				 &w->past,	    &w->bodies,	       &w->audit,	  &w->tallies};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		what(all[i]);
}

struct writer *pg_writer_new(struct error *err)
{
	struct writer *w = calloc(1, sizeof(*w));
	if (!w) {
		error_memory(err);
		return NULL;
	}
	random_bytes(w->id, sizeof(w->id));
	cache_init(&w->resources, 65536);
	arena_init(&w->scratch, ARENA_NO_CAP);
	buf_init(&w->terms, 64 << 20);
	buf_init(&w->hashed, 64 << 20);
	init_rows(w);
	if (names_init(&w->names, intern, w, err))
		return w;
	pg_writer_free(w);
	return NULL;
}

void pg_writer_free(struct writer *w)
{
	if (!w)
		return;
	pg_close(&w->pg);
	names_done(&w->names);
	cache_done(&w->resources);
	arena_done(&w->scratch);
	buf_done(&w->terms);
	buf_done(&w->hashed);
	each_rows(w, pg_rows_done);
	free(w);
}

static bool try_place(struct pg_store *s, bool *ret_there, bool *ret_taken, struct error *err)
{
	PGresult *rows = pg_ask(&s->writer->pg, s->alone ? SQL_OPEN_ALONE : SQL_OPEN_SHARED, NULL, err);
	*ret_there = rows && PQntuples(rows) && !PQgetisnull(rows, 0, 0);
	*ret_taken = *ret_there && pg_i64(rows, 0, 0);
	PQclear(rows);
	return rows != NULL;
}

/* Says that the store is open, until the connection ends. Of a process that has just ended the database may not know
 * yet. */
static bool take_place(struct pg_store *s, struct error *err)
{
	bool there = true, taken = false, asked = true;
	for (int i = 0; asked && there && !taken && i < PLACE_TRIES; i++) {
		if (i)
			nanosleep(&(struct timespec){0, PLACE_PAUSE_MS * 1000000L}, NULL);
		asked = try_place(s, &there, &taken, err);
	}
	if (taken)
		return true;
	pg_close(&s->writer->pg);
	if (!asked)
		return false;
	if (!there)
		return error_set(err, ERR_STORE, "The store is no longer in the database");
	return error_set(err, ERR_STORE,
			 s->alone ? "Another process has the store open for writing"
				  : "Another process keeps the store for itself at the moment");
}

bool pg_writer_connect(struct pg_store *s, struct error *err)
{
	struct writer *w = s->writer;
	if (pg_alive(&w->pg))
		return true;
	pg_close(&w->pg);
	return pg_open(&w->pg, &s->place, err) && take_place(s, err);
}

bool pg_writer_alone(struct pg_store *s, struct error *err)
{
	s->alone = true;
	return pg_writer_connect(s, err) && take_place(s, err);
}

void pg_writer_roll_back(struct writer *w)
{
	struct error ignored = {0};
	pg_drop(&w->pg);
	if (!w->pg.lost && !pg_run(&w->pg, SQL_ROLLBACK, NULL, &ignored))
		w->pg.lost = true;
}

void pg_writer_forget(struct writer *w)
{
	names_clear(&w->names);
	cache_clear(&w->resources);
	each_rows(w, pg_rows_reset);
}
