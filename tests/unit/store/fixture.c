/* A store in a directory of its own, and short ways to write and read. */
#include "fixture.h"

#include <ftw.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct store_options fixture_options(const struct fixture *f)
{
	return (struct store_options){.definitions = f->definitions, .tenant = str_from(f->tenant)};
}

static void open_store(struct fixture *f)
{
	struct error err = {0};
	struct store_options options = fixture_options(f);
	f->store = store_open(str_from(f->location), &options, &err);
	assert_string_equal(err.text, "");
	assert_non_null(f->store);
}

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err = {0};
	snprintf(f->directory, sizeof(f->directory), "%s/firth-store-XXXXXX", "/tmp");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->location, sizeof(f->location), "%s/data", f->directory);
	snprintf(f->file, sizeof(f->file), "%s/firth.sqlite", f->location);
	const char *url = getenv("FIRTH_TEST_POSTGRES");
	f->postgres = url && *url;
	if (f->postgres) {
		/* A schema of its own for each test; the cluster goes away as a whole. */
		static int number;
		snprintf(f->location, sizeof(f->location), "%s", url);
		snprintf(f->tenant, sizeof(f->tenant), "%d-%d", (int)getpid(), ++number);
	}
	arena_init(&f->arena, ARENA_NO_CAP);
	f->definitions = definitions_builtin();
	f->extractor = extractor_new(f->definitions, &err);
	assert_non_null(f->extractor);
	open_store(f);
	*state = f;
	return 0;
}

PGconn *fixture_connection(struct fixture *f)
{
	char path[80];
	PGconn *c = PQconnectdb(f->location);
	assert_int_equal(PQstatus(c), CONNECTION_OK);
	snprintf(path, sizeof(path), "SET search_path TO t_%s", f->tenant);
	for (char *p = path; *p; p++)
		*p = *p == '-' ? '_' : *p;
	PQclear(PQexec(c, path));
	return c;
}

static PGresult *ask_postgres(struct fixture *f, const char *sql, PGconn **ret_connection)
{
	*ret_connection = fixture_connection(f);
	PGresult *r = PQexec(*ret_connection, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s", PQresultErrorMessage(r));
	return r;
}

void fixture_sql(struct fixture *f, const char *sql)
{
	if (f->postgres) {
		PGconn *c;
		PGresult *r = ask_postgres(f, sql, &c);
		assert_true(strtol(PQcmdTuples(r), NULL, 10) > 0);
		PQclear(r);
		PQfinish(c);
		return;
	}
	sqlite3 *db;
	assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_changes(db) > 0, 1);
	sqlite3_close(db);
}

int64_t fixture_number(struct fixture *f, const char *sql)
{
	if (f->postgres) {
		PGconn *c;
		PGresult *r = ask_postgres(f, sql, &c);
		int64_t number = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
		PQclear(r);
		PQfinish(c);
		return number;
	}
	sqlite3 *db;
	sqlite3_stmt *s;
	assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int64_t number = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return number;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
	(void)info, (void)kind, (void)ftw;
	return remove(path);
}

void remove_tree(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	store_close(f->store);
	extractor_free(f->extractor);
	arena_done(&f->arena);
	remove_tree(f->directory);
	free(f);
	return 0;
}

void fixture_reopen(struct fixture *f)
{
	store_close(f->store);
	open_store(f);
}

const struct fhir_type *type_named(const struct fixture *f, const char *name)
{
	const struct fhir_type *type = definitions_resource(f->definitions, str_from(name));
	assert_non_null(type);
	return type;
}

struct store_change change_of(struct fixture *f, struct arena *a, enum store_op op, const char *text)
{
	struct error err = {0};
	const struct json *json = json_parse(a, str_from(text), 0, &err);
	assert_string_equal(err.text, "");
	assert_non_null(json);
	struct store_change c = {.op = op, .type = resource_type(f->definitions, json, &err)};
	assert_non_null(c.type);
	c.id = json_str(json_get(json, S("id")));
	struct index_rows rows = {0};
	assert_true(extract(f->extractor, a, json, STR_NULL, &rows, &err));
	struct buf stored;
	buf_init(&stored, 1 << 24);
	resource_write_stored(&stored, json, c.id, NULL, &c.meta_at);
	assert_true(buf_ok(&stored));
	c.stored = arena_str(a, buf_str(&stored));
	buf_done(&stored);
	c.rows = rows.rows;
	c.row_count = rows.count;
	return c;
}

struct store_change deletion_of(struct fixture *f, const char *type, const char *id)
{
	return (struct store_change){.op = STORE_DELETE, .type = type_named(f, type), .id = str_from(id)};
}

enum error_code commit_change(struct fixture *f, struct store_change *change)
{
	struct error err = {0};
	struct store_txn txn = {.changes = change, .change_count = 1};
	bool ok = store_commit(f->store, &txn, &err);
	assert_int_equal(ok, err.code == ERR_NONE);
	return err.code;
}

int64_t put(struct fixture *f, const char *json)
{
	struct store_change c = change_of(f, &f->arena, STORE_UPDATE, json);
	assert_int_equal(commit_change(f, &c), ERR_NONE);
	return c.version;
}

const char *get(struct fixture *f, const char *type, const char *id, int64_t version)
{
	struct store_entry e = {0};
	struct error err = {0};
	if (!store_read(f->store, &f->arena, type_named(f, type), str_from(id), version, &e, &err))
		return error_name(err.code);
	assert_int_equal(e.body.n, strlen(e.body.p));
	return e.body.p;
}
