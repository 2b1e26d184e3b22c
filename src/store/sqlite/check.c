/*
 * The check of a whole store: whatever is kept twice is compared. Resources lead to their versions, each version to its
 * body, its terms and its index rows; then what nobody led to is counted. All of it reads one snapshot, so it may run
 * while a server writes.
 */
#include "store/sqlite/sqlite_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_TYPES = 1024, MOST_PARAMS = 1 << 16, UNKNOWN_NAME = 1 << 30 };

struct checking {
	struct sqlite_store *store;
	struct reader *r;
	const struct store_keeping *k;
	struct store_kept *kept;
	struct arena arena; /* of one version */
	struct names names;
	struct buf terms, own;
	signed char is_own[MOST_PARAMS]; /* parameters by number: 1 of the definitions, -1 added, 0 not known yet */
	int64_t vacuumed, all_versions, bodies;
	int64_t rows[TABLE_COUNT]; /* that should be in the index tables up to indexed */
	int64_t counts[MOST_TYPES]; /* current resources by type */
};

/* A resource and the version at hand. */
struct place {
	int64_t rid, type_number;
	const struct fhir_type *type;
	struct str id;
	int64_t version, vid, next_vid; /* next_vid 0: it is the current one */
	int64_t last_time;
};

static void found(struct checking *c, const struct place *p, const char *what)
{
	char where[256];
	int n = snprintf(where, sizeof(where), "%.*s/%.*s/_history/%lld", STR_ARG(p->type->name), STR_ARG(p->id),
			 (long long)p->version);
	keeping_found(c->k, c->kept, str_make(where, (size_t)n), "%s", what);
}

static bool number_of(struct checking *c, const char *sql, int64_t a, int64_t *ret_number, struct error *err)
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
	struct checking *c = ctx;
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
	int64_t number = row ? sqlite3_column_int64(s, 0) : UNKNOWN_NAME;
	sqlite3_reset(s);
	return number;
}

static int64_t look_up_rid(void *ctx, int64_t type, struct str id, struct error *err)
{
	struct checking *c = ctx;
	sqlite3_stmt *s = db_use(&c->r->db, SQL_RESOURCE_GET, err);
	bool row = false;
	if (!s)
		return 0;
	sqlite3_bind_int64(s, 1, type);
	bind_str(s, 2, id);
	if (!db_row(&c->r->db, s, &row, err))
		return 0;
	int64_t rid = row ? sqlite3_column_int64(s, 0) : UNKNOWN_NAME;
	sqlite3_reset(s);
	return rid;
}

/* ---- index rows -----------------------------------------------------------------------------------------------------
 */

static int compare_rows(const void *left, const void *right)
{
	const struct seek_row *a = left, *b = right;
	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	if (a->param != b->param)
		return a->param < b->param ? -1 : 1;
	int order = str_cmp(a->key, b->key);
	if (order)
		return order;
	if (a->width != b->width)
		return a->width < b->width ? -1 : 1;
	if (a->table == TABLE_DATE && a->date.low == b->date.low)
		return (a->date.high > b->date.high) - (a->date.high < b->date.high);
	if (a->table == TABLE_DATE)
		return a->date.low < b->date.low ? -1 : 1;
	if (a->table == TABLE_NUMBER && a->range.low == b->range.low)
		return (a->range.high > b->range.high) - (a->range.high < b->range.high);
	if (a->table == TABLE_NUMBER)
		return a->range.low < b->range.low ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

static bool collect_rows(struct checking *c, struct str terms, int64_t vid, struct seek_row **ret_rows,
			 size_t *ret_count, struct error *err)
{
	struct seek_row *rows = NULL;
	size_t count = 0, capacity = 0;
	struct term t;
	while (term_next(&terms, &t)) {
		rows = arena_grow(&c->arena, rows, count, &capacity, count + MOST_TERM_ROWS, sizeof(*rows));
		if (!rows)
			return error_memory(err);
		memset(rows + count, 0, MOST_TERM_ROWS * sizeof(*rows));
		count += seek_rows(&t, vid, rows + count);
	}
	if (count > 1)
		qsort(rows, count, sizeof(*rows), compare_rows);
	*ret_rows = rows;
	*ret_count = count;
	return true;
}

static bool has_row(struct checking *c, const struct seek_row *row, bool *ret_has, struct error *err)
{
	sqlite3_stmt *s = index_use(&c->r->db, INDEX_HAS, row, err);
	if (!s || !db_row(&c->r->db, s, ret_has, err))
		return false;
	sqlite3_reset(s);
	return true;
}

/* What was replaced before the last vacuum may have rows or not. */
static bool check_rows(struct checking *c, const struct place *p, struct str terms, bool may_lack, struct error *err)
{
	struct seek_row *rows = NULL, kind = {.table = TABLE_KIND, .param = p->type_number, .vid = p->vid};
	size_t count = 0, missing = 0;
	bool has = false;
	if (p->vid > c->r->indexed)
		return true;
	if (!collect_rows(c, terms, p->vid, &rows, &count, err) || !has_row(c, &kind, &has, err))
		return false;
	missing += !has;
	c->rows[TABLE_KIND] += 1;
	for (size_t i = 0; i < count; i++) {
		if (i && compare_rows(&rows[i - 1], &rows[i]) == 0)
			continue;
		if (!has_row(c, &rows[i], &has, err))
			return false;
		c->rows[rows[i].table] += has || !may_lack;
		missing += !has && !may_lack;
		c->kept->rows++;
	}
	if (missing)
		found(c, p, "lacks index rows that its terms give");
	return true;
}

/* ---- parameters that were added -------------------------------------------------------------------------------------
 */

static bool names_own(const struct fhir_type *type, struct str name)
{
	struct str code = str_split(&name, ':');
	for (size_t i = 0; i < type->search_param_count; i++)
		if (str_eq(type->search_params[i].code, code))
			return true;
	return false;
}

static bool param_is_own(struct checking *c, const struct fhir_type *type, int64_t param, bool *ret_own,
			 struct error *err)
{
	bool row = false, small = param < MOST_PARAMS;
	*ret_own = small && c->is_own[param] > 0;
	if (small && c->is_own[param])
		return true;
	sqlite3_stmt *s = db_use(&c->r->db, SQL_PARAM_CODE, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, param);
	if (!db_row(&c->r->db, s, &row, err))
		return false;
	*ret_own = !row || names_own(type, column_str(s, 0));
	sqlite3_reset(s);
	if (small)
		c->is_own[param] = *ret_own ? 1 : -1;
	return true;
}

/* Parameters come and go, and only what was current then was given their rows: there is nothing to hold them to. */
static bool own_terms(struct checking *c, const struct fhir_type *type, struct str terms, struct error *err)
{
	struct term t;
	buf_reset(&c->own);
	for (struct str before = terms; term_next(&terms, &t); before = terms) {
		bool own = false;
		if (!param_is_own(c, type, t.param, &own, err))
			return false;
		if (own)
			buf_add(&c->own, str_make(before.p, before.n - terms.n));
	}
	return buf_ok(&c->own) || error_memory(err);
}

static size_t own_rows(struct index_rows *rows)
{
	size_t count = 0;
	for (size_t i = 0; i < rows->count; i++)
		if (!rows->rows[i].param->added)
			rows->rows[count++] = rows->rows[i];
	return count;
}

/* ---- versions -------------------------------------------------------------------------------------------------------
 */

static bool check_body(struct checking *c, const struct place *p, struct packed_body packed, struct str terms,
		       struct str hash, struct error *err)
{
	struct opened_body body;
	unsigned char now[STORED_HASH];
	const struct row_names names = {&c->names, look_up_rid, c};
	if (!body_open(c->store, c->r, c->k, &c->arena, packed, &body, err))
		return false;
	c->bodies += packed.bytes.p != NULL;
	if (body.problem) {
		char text[80];
		snprintf(text, sizeof(text), "its content %s", body.problem);
		found(c, p, text);
		return true;
	}
	stored_hash(body.stored, now);
	if (hash.p && (hash.n != STORED_HASH || memcmp(hash.p, now, STORED_HASH) != 0))
		found(c, p, "its content is not what was stored: the hash differs");
	if (!str_eq(json_get_str(body.json, S("resourceType")), p->type->name) ||
	    !str_eq(json_get_str(body.json, S("id")), p->id))
		found(c, p, "its content names another resource");
	if (!rows_write_terms(&names, p->type, p->type_number, body.rows.rows, own_rows(&body.rows), &c->terms, err) ||
	    !own_terms(c, p->type, terms, err))
		return false;
	bool same = false;
	if (!rows_same_terms(&c->arena, buf_str(&c->terms), buf_str(&c->own), &same, err))
		return false;
	if (!same)
		found(c, p, "its terms are not those of its content");
	return true;
}

/* A row of CHECK_VERSION against its place. */
static bool check_row(struct checking *c, struct place *p, sqlite3_stmt *s, struct error *err)
{
	int64_t died = sqlite3_column_type(s, 5) == SQLITE_NULL ? 0 : sqlite3_column_int64(s, 5);
	int64_t time = sqlite3_column_int64(s, 3);
	bool deleted = sqlite3_column_int(s, 4) == STORE_DELETE;
	struct str terms = column_str(s, 6);
	struct packed_body packed = {column_str(s, 10), sqlite3_column_int(s, 8)};
	if (sqlite3_column_int64(s, 0) != p->rid || sqlite3_column_int64(s, 1) != p->type_number ||
	    sqlite3_column_int64(s, 2) != p->version)
		found(c, p, "is kept as a version of something else");
	if (died != p->next_vid)
		found(c, p, p->next_vid ? "does not say what replaced it" : "is current, but counts as replaced");
	if (time < p->last_time)
		found(c, p, "is older than the version before");
	p->last_time = time;
	if (deleted && packed.bytes.p)
		found(c, p, "is a deletion with content");
	if (!deleted && !check_body(c, p, packed, terms, column_str(s, 7), err))
		return false;
	return check_rows(c, p, deleted ? STR_NULL : terms, died && died <= c->vacuumed, err);
}

static bool check_version(struct checking *c, struct place *p, struct error *err)
{
	sqlite3_stmt *s = db_use(&c->r->db, SQL_CHECK_VERSION, err);
	bool row = false;
	if (!s)
		return false;
	arena_reset(&c->arena);
	sqlite3_bind_int64(s, 1, p->vid);
	if (!db_row(&c->r->db, s, &row, err))
		return false;
	if (!row) {
		found(c, p, "is missing");
		return true;
	}
	bool ok = check_row(c, p, s, err);
	sqlite3_reset(s);
	c->kept->versions++;
	if (c->kept->versions % 256 == 0)
		ok = ok && keeping_told(&c->k->progress, c->kept->versions, c->all_versions, err);
	return ok;
}

/* The past of a resource in order: 1, 2, 3, ... up to the version before the current one. */
static bool check_past(struct checking *c, struct place *p, int64_t current, int64_t current_vid, struct error *err)
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
			found(c, p, "does not follow the version before: there is a gap");
		expected = p->version + 1;
		if (!db_row(&c->r->db, s, &row, err))
			return false;
		p->next_vid = row ? sqlite3_column_int64(s, 1) : current_vid;
		if (p->next_vid <= p->vid)
			found(c, p, "is numbered behind the one that replaced it");
		if (!check_version(c, p, err))
			return false;
	}
	p->version = current;
	if (expected != current)
		found(c, p, "does not follow the version before: there is a gap");
	return true;
}

static bool check_resource(struct checking *c, sqlite3_stmt *s, struct error *err)
{
	struct place p = {.rid = sqlite3_column_int64(s, 0), .type_number = sqlite3_column_int64(s, 1)};
	int64_t vid = sqlite3_column_int64(s, 3), version = sqlite3_column_int64(s, 4);
	int op = sqlite3_column_int(s, 6);
	if (!vid)
		return true; /* only referred to */
	p.id = column_str(s, 2);
	p.type = reader_type_of(c->store, c->r, p.type_number, err);
	if (!p.type)
		return false;
	c->kept->resources++;
	c->counts[p.type_number % MOST_TYPES] += op != STORE_DELETE;
	if (!check_past(c, &p, version, vid, err))
		return false;
	p.vid = vid;
	p.next_vid = 0;
	if (!check_version(c, &p, err))
		return false;
	if (p.last_time != sqlite3_column_int64(s, 5))
		found(c, &p, "has another time than its resource");
	return true;
}

static bool check_resources(struct checking *c, struct error *err)
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

static bool check_types(struct checking *c, struct error *err)
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
		int64_t counted = c->counts[sqlite3_column_int64(s, 0) % MOST_TYPES];
		if (counted != sqlite3_column_int64(s, 2))
			keeping_found(c->k, c->kept, column_str(s, 1),
				      "is counted as %lld resources, but there are %lld",
				      (long long)sqlite3_column_int64(s, 2), (long long)counted);
	}
}

static bool check_total(struct checking *c, const char *table, const char *sql, int64_t expected, struct error *err)
{
	int64_t there;
	if (!number_of(c, sql, c->r->indexed, &there, err))
		return false;
	if (there != expected)
		keeping_found(c->k, c->kept, str_from(table), "has %lld rows; %lld belong to something",
			      (long long)there, (long long)expected);
	return true;
}

static bool check_totals(struct checking *c, struct error *err)
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
	bool ok = check_total(c, "version", "SELECT count(*) FROM version", c->kept->versions, err) &&
		  check_total(c, "body", "SELECT count(*) FROM body", c->bodies, err);
	for (int i = 0; ok && i < TABLE_COUNT; i++)
		ok = check_total(c, tables[i].table, tables[i].sql, c->rows[i], err);
	return ok;
}

static bool check_file(struct checking *c, struct error *err)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(c->r->db.handle, "PRAGMA quick_check(5)", -1, &s, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (!str_is(column_str(s, 0), "ok"))
			keeping_found(c->k, c->kept, S("file"), "is damaged: %.*s", STR_ARG(column_str(s, 0)));
		rc = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return rc == SQLITE_OK || rc == SQLITE_DONE || db_failed(&c->r->db, rc, err);
}

static bool check_audit(struct checking *c, struct error *err)
{
	struct error broken = {0};
	if (sqlite_audit_verify(c->store, &c->kept->audit_rows, &broken))
		return true;
	if (broken.code != ERR_CHAIN)
		return error_set(err, broken.code, "%s", broken.text);
	keeping_found(c->k, c->kept, S("audit"), "%s", broken.text);
	return true;
}

static bool check_all(struct checking *c, struct error *err)
{
	return reader_begin(c->r, err) && db_number(&c->r->db, SQL_VACUUMED, 0, &c->vacuumed, err) &&
	       number_of(c, "SELECT count(*) FROM version", 0, &c->all_versions, err) && check_file(c, err) &&
	       check_resources(c, err) && check_types(c, err) && check_totals(c, err) && check_audit(c, err);
}

bool sqlite_check(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err)
{
	struct checking c = {.store = b, .k = k, .kept = kept};
	c.r = reader_acquire(c.store, err);
	if (!c.r)
		return false;
	arena_init(&c.arena, ARENA_NO_CAP);
	buf_init(&c.terms, 64 << 20);
	buf_init(&c.own, 64 << 20);
	bool named = names_init(&c.names, look_up, &c, err);
	bool ok = named && check_all(&c, err);
	if (named)
		names_done(&c.names);
	buf_done(&c.terms);
	buf_done(&c.own);
	arena_done(&c.arena);
	reader_end(c.r);
	reader_release(c.store, c.r);
	return ok;
}
