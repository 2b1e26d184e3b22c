/*
 * The schema and its version. Everything happens in one transaction under an advisory lock, so that processes which
 * start together wait for the first, and a failed migration leaves things as they were.
 */
#include <stdio.h>

#include "store/postgres/postgres_priv.h"

/* The lock of all schemas of Firth in a database: "FIRT" and the schema's name. */
static const char lock_sql[] = "SELECT 1 FROM (SELECT pg_advisory_xact_lock(1179210836, hashtext($1))) AS locked";
static const char schema_sql[] = "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1";
static const char table_sql[] = "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = $2";
static const char version_sql[] = "SELECT max(number)::bigint FROM migration";

struct state {
	int64_t schema; /* 1: there is one */
	int64_t version; /* 0: no tables yet */
};

bool pg_schema_of(struct pg_place *place, struct str tenant, struct error *err)
{
	if (!tenant.n) {
		snprintf(place->schema, sizeof(place->schema), "firth");
		return true;
	}
	if (tenant.n > 40)
		return error_set(err, ERR_STORE, "A tenant's name has at most 40 characters");
	snprintf(place->schema, sizeof(place->schema), "t_%.*s", STR_ARG(tenant));
	for (char *p = place->schema; *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || p < place->schema + 2;
		if (*p == '-')
			*p = '_';
		else if (!plain)
			return error_set(err, ERR_STORE, "A tenant's name is made of a-z, 0-9 and -");
	}
	return true;
}

bool pg_schema_lock(struct pg *c, const struct pg_place *place, struct error *err)
{
	int64_t locked = 0;
	return pg_number(c, lock_sql, place->schema, NULL, 0, &locked, err);
}

static bool set_path(struct pg *c, const struct pg_place *place, struct error *err)
{
	char sql[128];
	snprintf(sql, sizeof(sql), "SET LOCAL search_path TO %s", place->schema);
	return pg_script(c, sql, err);
}

static bool look(struct pg *c, const struct pg_place *place, struct state *ret_state, struct error *err)
{
	int64_t table = 0;
	*ret_state = (struct state){0};
	if (!pg_number(c, schema_sql, place->schema, NULL, 0, &ret_state->schema, err) ||
	    !pg_number(c, table_sql, place->schema, "migration", 0, &table, err))
		return false;
	return !table ||
	       (set_path(c, place, err) && pg_number(c, version_sql, NULL, NULL, 0, &ret_state->version, err));
}

static bool apply(struct pg *c, const struct migration *m, struct error *err)
{
	char sql[160];
	snprintf(sql, sizeof(sql), "INSERT INTO migration(number, name) VALUES (%d, '%s')", m->number, m->name);
	return (pg_script(c, m->sql, err) && pg_script(c, sql, err)) ||
	       error_context(err, "Migration %s of the database", m->name);
}

static bool make_schema(struct pg *c, const struct pg_place *place, const struct state *state, struct error *err)
{
	char sql[128];
	snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", place->schema);
	if (!state->schema && !pg_script(c, sql, err))
		return error_context(err, "Making the schema %s", place->schema);
	return set_path(c, place, err) &&
	       pg_script(c,
			 "CREATE TABLE migration(number integer PRIMARY KEY, name text NOT NULL,"
			 " time timestamptz NOT NULL DEFAULT now())",
			 err);
}

static bool upgrade(struct pg *c, const struct pg_place *place, struct error *err)
{
	struct state state;
	int64_t newest = (int64_t)pg_migration_count;
	if (!pg_schema_lock(c, place, err) || !look(c, place, &state, err))
		return false;
	if (state.version > newest)
		return error_set(err, ERR_STORE,
				 "The database has schema version %lld; this Firth knows versions up to %lld: use a "
				 "newer Firth",
				 (long long)state.version, (long long)newest);
	if (state.version == newest)
		return true;
	if (place->read_only)
		return error_set(err, state.version ? ERR_STORE : ERR_NOT_FOUND,
				 state.version ? "The database has an older schema version; open it once for writing"
					       : "There is no store in the database's schema %s",
				 place->schema);
	if (!state.version && !make_schema(c, place, &state, err))
		return false;
	for (int64_t i = state.version; i < newest; i++)
		if (!apply(c, &pg_migrations[i], err))
			return false;
	return true;
}

bool pg_schema_open(const struct pg_place *place, struct error *err)
{
	struct pg c;
	if (!pg_open_bare(&c, place, err))
		return false;
	bool ok = pg_script(&c, "SET client_min_messages TO warning; BEGIN", err) && upgrade(&c, place, err) &&
		  pg_script(&c, "COMMIT", err);
	pg_close(&c);
	return ok;
}
