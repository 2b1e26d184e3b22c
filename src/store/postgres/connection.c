/* Connections: see connection.h. */
#include "store/postgres/connection.h"

#include <poll.h>
#include <stdio.h>

#include "base/clock.h"

static const char *const statement_sql[STATEMENT_COUNT] = {
#define STATEMENT(name, sql) [SQL_##name] = sql,
#include "store/postgres/statements.def"
#undef STATEMENT
};

/* Marks among what is pending: the answer to a prepare (-1 - statement), and the end of a batch. */
enum { PENDING_SYNC = -1000, CONNECT_SECONDS = 10, CANCEL_MS = 2000 };

/* ---- errors
 * ---------------------------------------------------------------------------------------------------------- */

static bool is(const char *state, const char *start)
{
	return strncmp(state, start, strlen(start)) == 0;
}

static bool away(struct error *err)
{
	return error_set(err, ERR_STORE_AWAY, "The database cannot be reached at the moment");
}

/* By SQLSTATE (PostgreSQL manual, appendix A). */
static bool failed_with(struct pg *c, const char *state, struct error *err)
{
	if (is(state, "08") || is(state, "57P01") || is(state, "57P02") || is(state, "57P03") || is(state, "57P05")) {
		c->lost = true;
		return away(err);
	}
	if (is(state, "53100"))
		return error_set(err, ERR_STORE_FULL, "The database has no room left on its disk");
	if (is(state, "53300"))
		return error_set(err, ERR_STORE_AWAY, "The database takes no more connections at the moment");
	if (is(state, "53") || is(state, "54"))
		return error_set(err, ERR_STORE, "The database is at a limit of its resources (SQLSTATE %s)", state);
	if (is(state, "57014"))
		return error_set(err, ERR_TIMEOUT,
				 c->deadline_ns ? "The search took longer than allowed"
						: "The database took longer than allowed");
	if (is(state, "55P03") || is(state, "40"))
		return error_set(err, ERR_STORE_AWAY, "The database is busy with others' changes; try again");
	if (is(state, "28"))
		return error_set(err, ERR_STORE, "The database refuses the user or the password (SQLSTATE %s)", state);
	if (is(state, "3D000"))
		return error_set(err, ERR_STORE, "There is no such database on the server (SQLSTATE %s)", state);
	if (is(state, "42501"))
		return error_set(err, ERR_STORE, "The database user lacks a right (SQLSTATE %s)", state);
	if (is(state, "25006"))
		return error_set(err, ERR_STORE, "The database is read-only: a standby, or set so (SQLSTATE %s)",
				 state);
	return error_set(err, ERR_STORE, "The database could not complete the operation (SQLSTATE %s)", state);
}

/* Of a connection that is not there any more: broken, or given up at the deadline. */
static bool lost(struct pg *c, struct error *err)
{
	bool late = c->deadline_ns && clock_monotonic_ns() >= c->deadline_ns;
	return late ? failed_with(c, "57014", err) : away(err);
}

static bool failed(struct pg *c, const PGresult *r, struct error *err)
{
	const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	if (!c->handle || PQstatus(c->handle) != CONNECTION_OK)
		c->lost = true;
	if (c->lost)
		return lost(c, err);
	return state ? failed_with(c, state, err) : error_set(err, ERR_STORE, "The database gave an unknown answer");
}

/* A connection that was not made has only text. With this verbosity it ends with the SQLSTATE, if the server spoke. */
static void refused(struct pg *c, struct error *err)
{
	struct str text = str_trim(str_from(PQerrorMessage(c->handle)));
	char state[6] = "";
	bool coded = text.n > 7 && text.p[text.n - 6] == ' ';
	for (size_t i = 0; i < 5 && coded; i++) {
		state[i] = text.p[text.n - 5 + i];
		coded = (state[i] >= '0' && state[i] <= '9') || (state[i] >= 'A' && state[i] <= 'Z');
	}
	if (coded)
		failed_with(c, state, err);
	else if (PQconnectionNeedsPassword(c->handle))
		error_set(err, ERR_STORE, "The database asks for a password, and none is configured");
	else
		away(err);
}

/* ---- connecting
 * ------------------------------------------------------------------------------------------------------ */

static bool connect_wait(PGconn *handle)
{
	uint64_t deadline = clock_monotonic_ns() + (uint64_t)CONNECT_SECONDS * 1000000000;
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;
	while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
		struct pollfd fd = {.fd = PQsocket(handle),
				    .events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT};
		uint64_t now = clock_monotonic_ns();
		if (now >= deadline)
			return false;
		poll(&fd, 1, (int)((deadline - now) / 1000000) + 1);
		if (fd.revents)
			state = PQconnectPoll(handle);
	}
	return state == PGRES_POLLING_OK;
}

/* libpq's own text would repeat parts of the URL. */
static bool well_formed(const char *url, struct error *err)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	PQconninfoFree(options);
	return options || error_set(err, ERR_STORE, "The database's URL is not well formed");
}

/* What libpq would write to standard error. */
static void ignore_notice(void *ctx, const char *message)
{
	(void)ctx, (void)message;
}

bool pg_open_bare(struct pg *c, const struct pg_place *place, struct error *err)
{
	/* What stands before dbname yields to what the URL says. */
	static const char *const keys[] = {"fallback_application_name",
					   "keepalives_idle",
					   "keepalives_interval",
					   "keepalives_count",
					   "tcp_user_timeout",
					   "client_encoding",
					   "dbname",
					   NULL};
	const char *const values[] = {"firth", "30", "10", "3", "30000", "UTF8", place->url, NULL};
	*c = (struct pg){0};
	if (!well_formed(place->url, err))
		return false;
	c->handle = PQconnectStartParams(keys, values, 1);
	if (!c->handle)
		return error_memory(err);
	PQsetErrorVerbosity(c->handle, PQERRORS_SQLSTATE);
	PQsetNoticeProcessor(c->handle, ignore_notice, NULL);
	if (PQstatus(c->handle) != CONNECTION_BAD && connect_wait(c->handle))
		return true;
	refused(c, err);
	pg_close(c);
	return false;
}

/* Statements are written for their plans: short ones by key, in the order of an index. Statistics of tables that grow
 * while they are used would only lead away from it. */
static const char session_sql[] = "SET search_path TO %s;"
				  "SET lock_timeout TO '20s';"
				  "SET statement_timeout TO '60s';"
				  "SET idle_in_transaction_session_timeout TO '60s';"
				  "SET jit TO off;"
				  "SET plan_cache_mode TO force_generic_plan;"
				  "SET enable_seqscan TO off;"
				  "SET enable_hashjoin TO off;"
				  "SET enable_mergejoin TO off;"
				  "SET default_transaction_read_only TO %s;"
				  "SELECT set_config('synchronous_commit', 'on', false) "
				  "WHERE current_setting('synchronous_commit') IN ('off', 'local')";

bool pg_open(struct pg *c, const struct pg_place *place, struct error *err)
{
	char sql[sizeof(session_sql) + sizeof(place->schema) + 8];
	if (!pg_open_bare(c, place, err))
		return false;
	snprintf(sql, sizeof(sql), session_sql, place->schema, place->read_only ? "on" : "off");
	if (pg_script(c, sql, err) && (PQenterPipelineMode(c->handle) || failed(c, NULL, err)))
		return true;
	pg_close(c);
	return false;
}

void pg_close(struct pg *c)
{
	PQfinish(c->handle);
	*c = (struct pg){0};
}

bool pg_alive(struct pg *c)
{
	if (!c->handle || c->lost)
		return false;
	struct pollfd fd = {.fd = PQsocket(c->handle), .events = POLLIN};
	if (poll(&fd, 1, 0) > 0)
		c->lost = !PQconsumeInput(c->handle) || PQstatus(c->handle) != CONNECTION_OK;
	return !c->lost;
}

/* ---- asking
 * ------------------------------------------------------------------------------------------------------------ */

static bool expect(struct pg *c, int what, struct error *err)
{
	if (c->last - c->first >= PG_PENDING)
		return error_set(err, ERR_INTERNAL, "Too many statements in one batch");
	c->pending[c->last++ % PG_PENDING] = what;
	return true;
}

static bool send(struct pg *c, int number, const char *sql, const struct pg_params *params, struct error *err)
{
	static const int binary[PG_PARAMS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	char name[16];
	snprintf(name, sizeof(name), "s%d", number);
	if (!c->handle || c->lost)
		return lost(c, err);
	if (!c->prepared[number]) {
		if (!PQsendPrepare(c->handle, name, sql, 0, NULL))
			return failed(c, NULL, err);
		if (!expect(c, -1 - number, err))
			return false;
		c->prepared[number] = true; /* until the answer says otherwise */
	}
	int count = params ? params->count : 0;
	if (!PQsendQueryPrepared(c->handle, name, count, count ? params->values : NULL, count ? params->lengths : NULL,
				 binary, 1))
		return failed(c, NULL, err);
	return expect(c, number, err);
}

bool pg_send(struct pg *c, enum statement statement, const struct pg_params *params, struct error *err)
{
	return send(c, (int)statement, statement_sql[statement], params, err);
}

bool pg_send_made(struct pg *c, int slot, const char *sql, const struct pg_params *params, struct error *err)
{
	return send(c, STATEMENT_COUNT + slot, sql, params, err);
}

bool pg_sync(struct pg *c, struct error *err)
{
	if (!c->handle || c->lost)
		return lost(c, err);
	if (!PQpipelineSync(c->handle))
		return failed(c, NULL, err);
	return expect(c, PENDING_SYNC, err);
}

static void cancel(struct pg *c)
{
	char ignored[256];
	PGcancel *request = PQgetCancel(c->handle);
	if (request)
		(void)!PQcancel(request, ignored, sizeof(ignored));
	PQfreeCancel(request);
}

/* Until the next answer is there, or the connection broke; past the deadline the server is asked to stop, and given a
 * moment to say so. False when it does not answer. */
static bool await(struct pg *c)
{
	uint64_t until = c->deadline_ns;
	while (PQisBusy(c->handle)) {
		uint64_t now = clock_monotonic_ns();
		if (now >= until && c->lost)
			return false;
		if (now >= until) {
			c->lost = true;
			cancel(c);
			until = clock_monotonic_ns() + (uint64_t)CANCEL_MS * 1000000;
			continue;
		}
		struct pollfd fd = {.fd = PQsocket(c->handle), .events = POLLIN};
		uint64_t ms = (until - now) / 1000000 + 1;
		if (poll(&fd, 1, ms < INT32_MAX ? (int)ms : INT32_MAX) > 0 && !PQconsumeInput(c->handle))
			return true;
	}
	return true;
}

/* Takes the answer of what is pending first, with the NULL behind it. */
static PGresult *take(struct pg *c, int *ret_what)
{
	if (c->first == c->last)
		return NULL;
	int what = c->pending[c->first++ % PG_PENDING];
	PGresult *r = c->deadline_ns && !await(c) ? NULL : PQgetResult(c->handle);
	if (r && what != PENDING_SYNC) {
		PGresult *end = PQgetResult(c->handle);
		PQclear(end);
	}
	if (!r)
		c->lost = true;
	*ret_what = what;
	return r;
}

static bool good(const PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);
	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_PIPELINE_SYNC;
}

PGresult *pg_result(struct pg *c, struct error *err)
{
	for (;;) {
		int what = 0;
		PGresult *r = take(c, &what);
		bool preparing = what < 0 && what != PENDING_SYNC;
		if (r && good(r)) {
			if (!preparing)
				return r;
			PQclear(r);
			continue;
		}
		if (preparing)
			c->prepared[-1 - what] = false;
		failed(c, r, err);
		PQclear(r);
		return NULL;
	}
}

bool pg_done(struct pg *c, struct error *err)
{
	PGresult *r = pg_result(c, err);
	PQclear(r);
	return r != NULL;
}

bool pg_end(struct pg *c, struct error *err)
{
	while (c->first != c->last)
		if (!pg_done(c, err))
			return false;
	return true;
}

void pg_drop(struct pg *c)
{
	/* Without an end the server may keep answers back. */
	if (c->first != c->last && !c->lost && c->pending[(c->last - 1) % PG_PENDING] != PENDING_SYNC) {
		c->lost = !PQpipelineSync(c->handle) || c->last - c->first >= PG_PENDING;
		c->pending[c->last++ % PG_PENDING] = PENDING_SYNC;
	}
	while (c->first != c->last && !c->lost) {
		int what = 0;
		PGresult *r = take(c, &what);
		if (what < 0 && what != PENDING_SYNC && !(r && good(r)))
			c->prepared[-1 - what] = false;
		PQclear(r);
	}
	c->first = c->last;
	if (c->handle && PQstatus(c->handle) != CONNECTION_OK)
		c->lost = true;
}

PGresult *pg_ask(struct pg *c, enum statement statement, const struct pg_params *params, struct error *err)
{
	if (!pg_send(c, statement, params, err) || !pg_sync(c, err)) {
		pg_drop(c);
		return NULL;
	}
	PGresult *r = pg_result(c, err);
	struct error ignored = {0};
	if (!r)
		pg_drop(c);
	else if (!pg_end(c, &ignored))
		error_clear(&ignored);
	return r;
}

bool pg_run(struct pg *c, enum statement statement, const struct pg_params *params, struct error *err)
{
	PGresult *r = pg_ask(c, statement, params, err);
	PQclear(r);
	return r != NULL;
}

bool pg_ask_number(struct pg *c, enum statement statement, const struct pg_params *params, int64_t *ret_number,
		   struct error *err)
{
	PGresult *rows = pg_ask(c, statement, params, err);
	if (rows)
		*ret_number = PQntuples(rows) ? pg_i64(rows, 0, 0) : 0;
	PQclear(rows);
	return rows != NULL;
}

bool pg_script(struct pg *c, const char *sql, struct error *err)
{
	PGresult *r = PQexec(c->handle, sql);
	bool ok = (r && good(r)) || failed(c, r, err);
	PQclear(r);
	return ok;
}

PGresult *pg_query(struct pg *c, const char *sql, struct error *err)
{
	PGresult *r = PQexecParams(c->handle, sql, 0, NULL, NULL, NULL, NULL, 1);
	if (r && good(r))
		return r;
	failed(c, r, err);
	PQclear(r);
	return NULL;
}

bool pg_number(struct pg *c, const char *sql, const char *first, const char *second, int64_t otherwise,
	       int64_t *ret_value, struct error *err)
{
	const char *values[] = {first, second};
	int count = second ? 2 : first ? 1 : 0;
	PGresult *r = PQexecParams(c->handle, sql, count, NULL, values, NULL, NULL, 1);
	bool ok = (r && good(r)) || failed(c, r, err);
	if (ok)
		*ret_value = PQntuples(r) && !PQgetisnull(r, 0, 0) ? pg_i64(r, 0, 0) : otherwise;
	PQclear(r);
	return ok;
}
