/*
 * The check of a whole store: whatever is kept twice is compared. Resources lead to their versions, each version to its
 * body, its terms and its index rows; then what nobody led to is counted. All of it reads one snapshot, so it may run
 * while a server writes.
 */
#include "store/sqlite/sqlite_priv.h"

#include <stdio.h>
#include <stdlib.h>

struct sqlite_checking {
	struct checking g;
	struct sqlite_store *store;
	struct reader *r;
	int64_t all_versions;
};

static bool number_of(struct sqlite_checking *c, const char *sql, int64_t a, int64_t *ret_number, struct error *err)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(c->r->db.handle, sql, -1, &s, NULL);
	if (rc == SQLITE_OK && sqlite3_bind_parameter_count(s))
		rc = sqlite3_bind_int64(s, 1, a);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	*ret_number = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_finalize(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE || db_failed(&c->r->db, rc, err);
}

/* ---- names that are only looked up ----------------------------------------------------------------------------------
 */

/* A name that the store does not know gets a number that nothing has. */
static int64_t look_up(void *ctx, enum names_kind kind, int64_t type, struct str text, struct error *err)
{
	static const enum statement looks[] = {
		[NAMES_TYPE] = SQL_TYPE_GET, [NAMES_PARAM] = SQL_PARAM_GET, [NAMES_SYSTEM] = SQL_SYSTEM_GET};
	struct sqlite_checking *c = ctx;
	sqlite3_stmt *s = db_use(&c->r->db, looks[kind], err);
	bool row = false;
	int at = 1;
	if (!s)
		return 0;
	if (type)
		sqlite3_bind_int64(s, at++, type);
	if (kind == NAMES_SYSTEM)
		bind_blob(s, at, text);
	else
		bind_str(s, at, text);
	if (!db_row(&c->r->db, s, &row, err))
		return 0;
	int64_t number = row ? sqlite3_column_int64(s, 0) : CHECK_NO_NAME;
	sqlite3_reset(s);
	return number;
}

static int64_t look_up_rid(void *ctx, int64_t type, struct str id, struct error *err)
{
	struct sqlite_checking *c = ctx;
	sqlite3_stmt *s = db_use(&c->r->db, SQL_RESOURCE_GET, err);
	bool row = false;
	if (!s)
		return 0;
	sqlite3_bind_int64(s, 1, type);
	bind_str(s, 2, id);
	if (!db_row(&c->r->db, s, &row, err))
		return 0;
	int64_t rid = row ? sqlite3_column_int64(s, 0) : CHECK_NO_NAME;
	sqlite3_reset(s);
	return rid;
}

/* ---- index rows -----------------------------------------------------------------------------------------------------
 */

static bool has_row(struct sqlite_checking *c, const struct seek_row *row, bool *ret_has, struct error *err)
{
	sqlite3_stmt *s = index_use(&c->r->db, INDEX_HAS, row, err);
	if (!s || !db_row(&c->r->db, s, ret_has, err))
		return false;
	sqlite3_reset(s);
	return true;
}

static bool look(void *ctx, const struct check_place *p, const struct seek_row *rows, size_t count, bool may_lack,
		 struct error *err)
{
	struct sqlite_checking *c = ctx;
	size_t missing = 0;
	for (size_t i = 0; i < count; i++) {
		bool has = false, needed = i == 0 || !may_lack;
		if (!has_row(c, &rows[i], &has, err))
			return false;
		c->g.rows[rows[i].table] += has || needed;
		missing += !has && needed;
	}
	if (missing)
		checking_found(&c->g, p, "lacks index rows that its terms give");
	return true;
}

static bool param_name(void *ctx, int64_t param, struct str *ret_name, struct error *err)
{
	struct sqlite_checking *c = ctx;
	bool row = false;
	sqlite3_stmt *s = db_use(&c->r->db, SQL_PARAM_CODE, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, param);
	if (!db_row(&c->r->db, s, &row, err))
		return false;
	*ret_name = row ? arena_str(&c->g.arena, column_str(s, 0)) : STR_NULL;
	sqlite3_reset(s);
	return !row || ret_name->p || error_memory(err);
}

static bool open_body(void *ctx, struct packed_body packed, struct opened_body *ret_body, struct error *err)
{
	struct sqlite_checking *c = ctx;
	return body_open(c->store, c->r, c->g.k, &c->g.arena, packed, ret_body, err);
}

/* ---- versions -------------------------------------------------------------------------------------------------------
 */

/* A row of CHECK_VERSION against its place. */
static bool check_row(struct sqlite_checking *c, struct check_place *p, sqlite3_stmt *s, struct error *err)
{
	const struct checked_version v = {.rid = sqlite3_column_int64(s, 0),
					  .type_number = sqlite3_column_int64(s, 1),
					  .version = sqlite3_column_int64(s, 2),
					  .time = sqlite3_column_int64(s, 3),
					  .deleted = sqlite3_column_int(s, 4) == STORE_DELETE,
					  .died = sqlite3_column_type(s, 5) == SQLITE_NULL ? 0
											   : sqlite3_column_int64(s, 5),
					  .terms = column_str(s, 6),
					  .hash = column_str(s, 7),
					  .packed = {column_str(s, 10), sqlite3_column_int(s, 8)}};
	return checking_version(&c->g, p, &v, err);
}

static bool check_version(struct sqlite_checking *c, struct check_place *p, struct error *err)
{
	sqlite3_stmt *s = db_use(&c->r->db, SQL_CHECK_VERSION, err);
	bool row = false;
	if (!s)
		return false;
	arena_reset(&c->g.arena);
	sqlite3_bind_int64(s, 1, p->vid);
	if (!db_row(&c->r->db, s, &row, err))
		return false;
	if (!row) {
		checking_found(&c->g, p, "is missing");
		return true;
	}
	bool ok = check_row(c, p, s, err);
	sqlite3_reset(s);
	c->g.kept->versions++;
	if (c->g.kept->versions % 256 == 0)
		ok = ok && keeping_told(&c->g.k->progress, c->g.kept->versions, c->all_versions, err);
	return ok;
}

/* The past of a resource in order: 1, 2, 3, ... up to the version before the current one. */
static bool check_past(struct sqlite_checking *c, struct check_place *p, int64_t current, int64_t current_vid,
		       struct error *err)
{
	sqlite3_stmt *s = db_use(&c->r->db, SQL_CHECK_PAST, err);
	bool row = false;
	int64_t expected = 1;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, p->rid);
	if (!db_row(&c->r->db, s, &row, err))
		return false;
	while (row) {
		p->version = sqlite3_column_int64(s, 0);
		p->vid = sqlite3_column_int64(s, 1);
		if (p->version != expected)
			checking_found(&c->g, p, "does not follow the version before: there is a gap");
		expected = p->version + 1;
		if (!db_row(&c->r->db, s, &row, err))
			return false;
		p->next_vid = row ? sqlite3_column_int64(s, 1) : current_vid;
		if (p->next_vid <= p->vid)
			checking_found(&c->g, p, "is numbered behind the one that replaced it");
		if (!check_version(c, p, err))
			return false;
	}
	p->version = current;
	if (expected != current)
		checking_found(&c->g, p, "does not follow the version before: there is a gap");
	return true;
}

static bool check_resource(struct sqlite_checking *c, sqlite3_stmt *s, struct error *err)
{
	struct check_place p = {.rid = sqlite3_column_int64(s, 0), .type_number = sqlite3_column_int64(s, 1)};
	int64_t vid = sqlite3_column_int64(s, 3), version = sqlite3_column_int64(s, 4);
	int op = sqlite3_column_int(s, 6);
	if (!vid)
		return true; /* only referred to */
	p.id = column_str(s, 2);
	p.type = reader_type_of(c->store, c->r, p.type_number, err);
	if (!p.type)
		return false;
	c->g.kept->resources++;
	c->g.counts[p.type_number % CHECK_TYPES] += op != STORE_DELETE;
	if (!check_past(c, &p, version, vid, err))
		return false;
	p.vid = vid;
	p.next_vid = 0;
	if (!check_version(c, &p, err))
		return false;
	if (p.last_time != sqlite3_column_int64(s, 5))
		checking_found(&c->g, &p, "has another time than its resource");
	return true;
}

static bool check_resources(struct sqlite_checking *c, struct error *err)
{
	sqlite3_stmt *s = db_use(&c->r->db, SQL_CHECK_RESOURCES, err);
	if (!s)
		return false;
	for (;;) {
		bool row = false;
		if (!db_row(&c->r->db, s, &row, err))
			return false;
		if (!row)
			return true;
		if (!check_resource(c, s, err))
			return false;
	}
}

/* ---- what nobody led to
 * ---------------------------------------------------------------------------------------------- */

static bool check_types(struct sqlite_checking *c, struct error *err)
{
	sqlite3_stmt *s = db_use(&c->r->db, SQL_CHECK_TYPES, err);
	if (!s)
		return false;
	for (;;) {
		bool row = false;
		if (!db_row(&c->r->db, s, &row, err))
			return false;
		if (!row)
			return true;
		checking_type(&c->g, sqlite3_column_int64(s, 0), column_str(s, 1), sqlite3_column_int64(s, 2));
	}
}

static bool check_total(struct sqlite_checking *c, const char *table, const char *sql, int64_t expected,
			struct error *err)
{
	int64_t there;
	if (!number_of(c, sql, c->r->indexed, &there, err))
		return false;
	checking_total(&c->g, table, there, expected);
	return true;
}

static bool check_totals(struct sqlite_checking *c, struct error *err)
{
	static const struct {
		const char *table, *sql;
	} tables[TABLE_COUNT] = {
		[TABLE_KIND] = {"kind", "SELECT count(*) FROM kind WHERE vid <= ?1"},
		[TABLE_TOKEN] = {"token", "SELECT count(*) FROM token WHERE vid <= ?1"},
		[TABLE_STRING] = {"string", "SELECT count(*) FROM string WHERE vid <= ?1"},
		[TABLE_DATE] = {"date", "SELECT count(*) FROM date WHERE vid <= ?1"},
		[TABLE_NUMBER] = {"number", "SELECT count(*) FROM number WHERE vid <= ?1"},
		[TABLE_REFERENCE] = {"reference", "SELECT count(*) FROM reference WHERE vid <= ?1"},
	};
	bool ok = check_total(c, "version", "SELECT count(*) FROM version", c->g.kept->versions, err) &&
		  check_total(c, "body", "SELECT count(*) FROM body", c->g.bodies, err);
	for (int i = 0; ok && i < TABLE_COUNT; i++)
		ok = check_total(c, tables[i].table, tables[i].sql, c->g.rows[i], err);
	return ok;
}

static bool check_facts(struct sqlite_checking *c, struct error *err)
{
	struct checked_facts f;
	if (!number_of(c, "SELECT count(*) FROM fact", 0, &f.count, err) ||
	    !number_of(
		    c,
		    "SELECT count(*) FROM fact WHERE expires < 0 OR typeof(value) <> 'blob' OR typeof(key) <> 'text' "
		    "OR typeof(expires) <> 'integer'",
		    0, &f.odd, err) ||
	    !number_of(c, "SELECT count(*) FROM fact NOT INDEXED WHERE expires > 0", 0, &f.expiring, err) ||
	    !number_of(c, "SELECT count(*) FROM fact INDEXED BY fact_expires WHERE expires > 0", 0, &f.indexed, err))
		return false;
	checking_facts(&c->g, &f);
	return true;
}

static bool check_file(struct sqlite_checking *c, struct error *err)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(c->r->db.handle, "PRAGMA quick_check(5)", -1, &s, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (!str_is(column_str(s, 0), "ok"))
			keeping_found(c->g.k, c->g.kept, S("file"), "is damaged: %.*s", STR_ARG(column_str(s, 0)));
		rc = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return rc == SQLITE_OK || rc == SQLITE_DONE || db_failed(&c->r->db, rc, err);
}

static bool check_audit(struct sqlite_checking *c, struct error *err)
{
	struct error broken = {0};
	if (sqlite_audit_verify(c->store, &c->g.kept->audit_rows, &broken))
		return true;
	if (broken.code != ERR_CHAIN)
		return error_set(err, broken.code, "%s", broken.text);
	keeping_found(c->g.k, c->g.kept, S("audit"), "%s", broken.text);
	return true;
}

static bool check_all(struct sqlite_checking *c, struct error *err)
{
	if (!reader_begin(c->r, err))
		return false;
	c->g.indexed = c->r->indexed;
	return db_number(&c->r->db, SQL_VACUUMED, 0, &c->g.vacuumed, err) &&
	       number_of(c, "SELECT count(*) FROM version", 0, &c->all_versions, err) && check_file(c, err) &&
	       check_resources(c, err) && check_types(c, err) && check_totals(c, err) && check_facts(c, err) &&
	       sqlite_words_check(c->store, c->r, c->g.k, c->g.kept, err) && check_audit(c, err);
}

bool sqlite_check(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err)
{
	struct sqlite_checking c = {
		.g = {.k = k, .kept = kept, .open_body = open_body, .look = look, .param_name = param_name},
		.store = b};
	c.r = reader_acquire(c.store, err);
	if (!c.r)
		return false;
	bool named = checking_init(&c.g, look_up, look_up_rid, &c, err);
	bool ok = named && check_all(&c, err);
	if (named)
		checking_done(&c.g);
	reader_end(c.r);
	reader_release(c.store, c.r);
	return ok;
}
