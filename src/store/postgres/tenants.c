/*
 * Tenants as schemas: which there are, and taking one away for good. Whoever has a store open for writing holds a
 * shared lock of its schema on the writing connection, so that nobody takes it from under its feet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/postgres/postgres_priv.h"

enum { MOST_TENANTS = 100000 };

static const char exists_sql[] =
	"SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'migration'";
static const char list_sql[] = "SELECT replace(substr(schemaname, 3), '_', '-') COLLATE \"C\" AS tenant "
			       "FROM pg_catalog.pg_tables WHERE tablename = 'migration' AND schemaname LIKE 't\\_%' "
			       "ORDER BY tenant";
static const char taken_sql[] = "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1 "
				"AND NOT pg_try_advisory_xact_lock(" PG_OPEN_LOCK ", oid::integer)";

/* A connection without a schema. */
static bool begin(struct str location, struct str name, struct pg_place *place, struct pg *c, struct error *err)
{
	*place = (struct pg_place){.url = strndup(location.p, location.n)};
	if (!place->url)
		return error_memory(err);
	if (pg_schema_of(place, name, err) && pg_open_bare(c, place, err))
		return true;
	free(place->url);
	return false;
}

static void end(struct pg_place *place, struct pg *c)
{
	pg_close(c);
	free(place->url);
}

bool pg_tenant_exists(struct str location, struct str name, bool *ret_exists, struct error *err)
{
	struct pg_place place;
	struct pg c;
	int64_t there = 0;
	if (!begin(location, name, &place, &c, err))
		return false;
	bool ok = pg_number(&c, exists_sql, place.schema, NULL, 0, &there, err);
	*ret_exists = there > 0;
	end(&place, &c);
	return ok;
}

struct asking {
	struct pg_place place;
	int64_t there;
};

static bool ask_there(void *ctx, struct reader *r, struct error *err)
{
	struct asking *x = ctx;
	struct pg_params p = {0};
	pg_add_bytes(&p, str_from(x->place.schema));
	return pg_ask_number(&r->pg, SQL_HAS_TENANT, &p, &x->there, err);
}

/* Over a connection for reading that is open anyway: who asks for tenants at random must not cost the database one
 * each. */
bool pg_has_tenant(void *b, struct str name, bool *ret_exists, struct error *err)
{
	struct asking x = {0};
	if (!pg_schema_of(&x.place, name, err) || !pg_reader_ask(b, ask_there, &x, 0, err))
		return false;
	*ret_exists = x.there > 0;
	return true;
}

static bool take_names(const PGresult *rows, struct arena *a, struct str *names, size_t *ret_count, struct error *err)
{
	for (int i = 0; i < PQntuples(rows); i++) {
		struct str name = pg_bytes(rows, i, 0);
		if (!store_tenant_name_valid(name))
			continue; /* somebody else's schema */
		names[*ret_count] = arena_str(a, name);
		if (!names[(*ret_count)++].p)
			return error_memory(err);
	}
	return true;
}

bool pg_tenant_list(struct str location, struct arena *a, struct str **ret_names, size_t *ret_count, struct error *err)
{
	struct pg_place place;
	struct pg c;
	*ret_count = 0;
	if (!begin(location, STR_NULL, &place, &c, err))
		return false;
	PGresult *rows = pg_query(&c, list_sql, err);
	int count = rows ? PQntuples(rows) : 0;
	bool ok = rows &&
		  (count <= MOST_TENANTS || error_set(err, ERR_LIMIT, "There are more than %d tenants", MOST_TENANTS));
	if (ok) {
		*ret_names = ARENA_ARRAY(a, struct str, (size_t)count + 1);
		ok = *ret_names ? take_names(rows, a, *ret_names, ret_count, err) : error_memory(err);
	}
	PQclear(rows);
	end(&place, &c);
	return ok;
}

/* Of a process that has just ended the database may not know yet. */
static bool is_free(struct pg *c, const struct pg_place *place, struct error *err)
{
	int64_t taken = 1;
	for (int i = 0; taken && i < PLACE_TRIES; i++) {
		if (i)
			nanosleep(&(struct timespec){0, PLACE_PAUSE_MS * 1000000L}, NULL);
		if (!pg_number(c, taken_sql, place->schema, NULL, 0, &taken, err))
			return false;
	}
	return !taken || error_set(err, ERR_STORE, "Another process has the store open for writing");
}

static bool drop(struct pg *c, const struct pg_place *place, struct error *err)
{
	char sql[160];
	snprintf(sql, sizeof(sql), "DROP SCHEMA %s CASCADE", place->schema);
	return pg_script(c, "SET client_min_messages TO warning; SET lock_timeout TO '20s'; BEGIN", err) &&
	       pg_schema_lock(c, place, err) && is_free(c, place, err) && pg_script(c, sql, err) &&
	       pg_script(c, "COMMIT", err);
}

bool pg_tenant_remove(struct str location, struct str name, const struct store_options *options, struct error *err)
{
	struct pg_place place;
	struct pg c;
	(void)options;
	if (!begin(location, name, &place, &c, err))
		return false;
	bool ok = drop(&c, &place, err);
	end(&place, &c);
	return ok;
}
