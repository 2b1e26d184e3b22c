/*
 * From the index entries of one criterion to the versions that match all. The way in is the criterion with the fewest
 * entries, found by counting up to a limit. Where rows come sorted by vid they are followed one by one, so that a
 * page ends early; otherwise their vids are collected and sorted first, and if that is a large part of the type
 * anyway, the whole type is walked instead.
 */
#include "store/sqlite/seek_priv.h"

#include <stdlib.h>

/* ---- single versions ----------------------------------------------------------------------------------------------
 */

bool seek_look(struct seek *k, int64_t vid, bool *ret_alive, struct found *ret_found, struct error *err)
{
	sqlite3_stmt *s = db_use(&k->r->db, SQL_LOOK, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, vid);
	sqlite3_bind_int64(s, 2, k->snapshot);
	if (!db_row(&k->r->db, s, ret_alive, err))
		return false;
	if (*ret_alive)
		*ret_found =
			(struct found){vid, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), column_str(s, 2)};
	return true;
}

bool seek_resource_id(struct seek *k, int64_t rid, struct arena *a, int64_t *ret_type, struct str *ret_id,
		      struct error *err)
{
	sqlite3_stmt *s = db_use(&k->r->db, SQL_RESOURCE_NAME, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, rid);
	if (!db_row(&k->r->db, s, &row, err))
		return false;
	if (!row)
		return error_set(err, ERR_STORE, "The store's file is damaged: a resource is missing");
	*ret_type = sqlite3_column_int64(s, 0);
	*ret_id = column_str(s, 1);
	if (!a)
		return true;
	*ret_id = arena_str(a, *ret_id);
	return ret_id->p || error_memory(err);
}

bool seek_version_at(struct seek *k, int64_t rid, int64_t *ret_vid, struct error *err)
{
	sqlite3_stmt *s = db_use(&k->r->db, SQL_RESOURCE_VID, err);
	bool row = false;
	if (!s)
		return false;
	*ret_vid = 0;
	sqlite3_bind_int64(s, 1, rid);
	if (!db_row(&k->r->db, s, &row, err))
		return false;
	if (!row)
		return true;
	int64_t vid = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	if (vid > k->snapshot) {
		if (!(s = db_use(&k->r->db, SQL_PAST_VID, err)))
			return false;
		sqlite3_bind_int64(s, 1, rid);
		sqlite3_bind_int64(s, 2, k->snapshot);
		if (!db_row(&k->r->db, s, &row, err))
			return false;
		vid = row ? sqlite3_column_int64(s, 0) : 0;
		sqlite3_reset(s);
	}
	struct found found;
	bool alive = false;
	if (vid && !seek_look(k, vid, &alive, &found, err))
		return false;
	*ret_vid = alive ? vid : 0;
	return true;
}

/* ---- statements of arms -------------------------------------------------------------------------------------------
 */

static int bind_arm(sqlite3_stmt *s, const struct arm *arm, int at)
{
	for (size_t i = 0; i < arm->bind_count; i++) {
		const struct bind *b = &arm->binds[i];
		if (b->kind == BIND_INT)
			sqlite3_bind_int64(s, at++, b->integer);
		else if (b->kind == BIND_REAL)
			sqlite3_bind_double(s, at++, b->real);
		else
			bind_blob(s, at++, b->bytes);
	}
	return at;
}

static const char *arm_form(enum arm_kind kind, enum arm_use use)
{
	static const char probe[] = "SELECT count(*) FROM (SELECT 1 FROM %s LIMIT ?)";
	static const char plain[] = "SELECT vid FROM %s AND vid > ? AND vid <= ?";
	static const char ascending[] = "SELECT vid FROM %s AND vid > ? AND vid <= ? ORDER BY vid";
	static const char descending[] = "SELECT vid FROM %s AND vid > ? AND vid <= ? ORDER BY vid DESC";
	if (use == ARM_PROBE)
		return probe;
	if (!arm_ordered[kind])
		return plain;
	return use == ARM_ASCENDING ? ascending : descending;
}

static sqlite3_stmt *prepare(struct seek *k, const struct buf *sql, unsigned flags, struct error *err)
{
	sqlite3_stmt *s = NULL;
	if (!buf_ok(sql)) {
		error_memory(err);
		return NULL;
	}
	int rc = sqlite3_prepare_v3(k->r->db.handle, sql->p, (int)sql->n, flags, &s, NULL);
	if (rc != SQLITE_OK)
		db_failed(&k->r->db, rc, err);
	return s;
}

static sqlite3_stmt *arm_use(struct seek *k, enum arm_kind kind, enum arm_use use, struct error *err)
{
	sqlite3_stmt **slot = &k->r->arms[kind][use];
	if (*slot) {
		sqlite3_reset(*slot);
		return *slot;
	}
	struct buf sql;
	buf_init(&sql, 4096);
	buf_printf(&sql, arm_form(kind, use), arm_sql[kind]);
	*slot = prepare(k, &sql, SQLITE_PREPARE_PERSISTENT, err);
	buf_done(&sql);
	return *slot;
}

/* ---- the way in ---------------------------------------------------------------------------------------------------
 */

static bool probe(struct seek *k, const struct check *c, int64_t limit, int64_t *ret_count, struct error *err)
{
	*ret_count = 0;
	for (size_t i = 0; i < c->arm_count && *ret_count < limit; i++) {
		sqlite3_stmt *s = arm_use(k, c->arms[i].kind, ARM_PROBE, err);
		bool row = false;
		if (!s)
			return false;
		sqlite3_bind_int64(s, bind_arm(s, &c->arms[i], 1), limit - *ret_count);
		if (!db_row(&k->r->db, s, &row, err))
			return false;
		*ret_count += row ? sqlite3_column_int64(s, 0) : 0;
		sqlite3_reset(s);
	}
	return true;
}

static bool is_ordered(const struct check *c)
{
	for (size_t i = 0; i < c->arm_count; i++)
		if (!arm_ordered[c->arms[i].kind])
			return false;
	return c->arm_count <= MOST_MERGED;
}

static bool choose_way(struct seek *k, struct error *err)
{
	struct check *only = NULL;
	size_t ways = 0;
	for (size_t i = 0; i < k->check_count; i++) {
		if (k->checks[i].has_arms) {
			only = &k->checks[i];
			ways++;
		}
	}
	k->way = only;
	if (ways < 2)
		return true;
	static const int64_t limits[] = {500, 50000};
	for (size_t round = 0; round < 2; round++) {
		int64_t least = INT64_MAX;
		for (size_t i = 0; i < k->check_count; i++) {
			struct check *c = &k->checks[i];
			int64_t count;
			if (!c->has_arms)
				continue;
			if (!probe(k, c, least < limits[round] ? least : limits[round], &count, err))
				return false;
			if (count < least || (count == least && is_ordered(c) && !is_ordered(k->way))) {
				least = count;
				k->way = c;
			}
		}
		if (least < limits[round])
			return true;
	}
	return true;
}

/* ---- candidates -----------------------------------------------------------------------------------------------------
 */

struct walk {
	struct seek *k;
	seek_visit visit;
	void *ctx;
	int64_t low, high; /* vids in (low, high] */
	bool descending, stop;
};

static bool consider(struct walk *w, int64_t vid, struct error *err)
{
	struct found found;
	bool alive = false, meets = false;
	if (!seek_tick(w->k, err) || !seek_look(w->k, vid, &alive, &found, err))
		return false;
	if (!alive)
		return true;
	if (!seek_meets(w->k, &found, &meets, err))
		return false;
	return !meets || w->visit(w->ctx, &found, &w->stop, err);
}

/* Follows a statement whose rows come in order. */
static bool follow(struct walk *w, sqlite3_stmt *s, struct error *err)
{
	bool ok = true, row = true;
	while (ok && row && !w->stop) {
		ok = db_row(&w->k->r->db, s, &row, err);
		if (ok && row)
			ok = consider(w, sqlite3_column_int64(s, 0), err);
	}
	sqlite3_reset(s);
	return ok;
}

static bool follow_arm(struct walk *w, const struct arm *arm, struct error *err)
{
	sqlite3_stmt *s = arm_use(w->k, arm->kind, w->descending ? ARM_DESCENDING : ARM_ASCENDING, err);
	if (!s)
		return false;
	int at = bind_arm(s, arm, 1);
	sqlite3_bind_int64(s, at, w->low);
	sqlite3_bind_int64(s, at + 1, w->high);
	return follow(w, s, err);
}

/* Several ordered arms as one statement, which SQLite merges without sorting. */
static bool follow_merged(struct walk *w, const struct check *c, struct error *err)
{
	struct buf sql;
	buf_init(&sql, 64 * 1024);
	for (size_t i = 0; i < c->arm_count; i++)
		buf_printf(&sql, "%sSELECT vid FROM %s AND vid > ? AND vid <= ?", i ? " UNION " : "",
			   arm_sql[c->arms[i].kind]);
	buf_printf(&sql, " ORDER BY vid%s", w->descending ? " DESC" : "");
	sqlite3_stmt *s = prepare(w->k, &sql, 0, err);
	buf_done(&sql);
	if (!s)
		return false;
	int at = 1;
	for (size_t i = 0; i < c->arm_count; i++) {
		at = bind_arm(s, &c->arms[i], at);
		sqlite3_bind_int64(s, at++, w->low);
		sqlite3_bind_int64(s, at++, w->high);
	}
	bool ok = follow(w, s, err);
	sqlite3_finalize(s);
	return ok;
}

static bool follow_type(struct walk *w, enum arm_kind kind, struct error *err)
{
	struct arm all = {.kind = kind, .binds = {{BIND_INT, .integer = w->k->type}}, .bind_count = 1};
	return follow_arm(w, &all, err);
}

struct vids {
	int64_t *list;
	size_t count, capacity, limit;
};

static bool vids_add(struct vids *v, int64_t vid)
{
	if (v->count == v->capacity) {
		size_t capacity = v->capacity ? v->capacity * 2 : 1024;
		int64_t *list = realloc(v->list, capacity * sizeof(*list));
		if (!list)
			return false;
		v->list = list;
		v->capacity = capacity;
	}
	v->list[v->count++] = vid;
	return true;
}

static int compare_vids(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

static bool collect_arm(struct walk *w, const struct arm *arm, struct vids *v, struct error *err)
{
	sqlite3_stmt *s = arm_use(w->k, arm->kind, ARM_ASCENDING, err);
	if (!s)
		return false;
	int at = bind_arm(s, arm, 1);
	sqlite3_bind_int64(s, at, w->low);
	sqlite3_bind_int64(s, at + 1, w->high);
	bool ok = true, row = true;
	while (ok && row && v->count <= v->limit) {
		ok = seek_tick(w->k, err) && db_row(&w->k->r->db, s, &row, err);
		if (ok && row)
			ok = vids_add(v, sqlite3_column_int64(s, 0)) || error_memory(err);
	}
	sqlite3_reset(s);
	return ok;
}

static bool consider_all(struct walk *w, struct vids *v, struct error *err)
{
	if (v->count > 1)
		qsort(v->list, v->count, sizeof(*v->list), compare_vids);
	for (size_t i = 0; i < v->count && !w->stop; i++) {
		size_t at = w->descending ? v->count - 1 - i : i;
		size_t before = w->descending ? at + 1 : at - 1;
		if (i > 0 && v->list[before] == v->list[at])
			continue;
		if (!consider(w, v->list[at], err))
			return false;
	}
	return true;
}

/* More candidates than a good part of the type are not worth collecting. */
static bool collection_limit(struct seek *k, size_t *ret_limit, struct error *err)
{
	sqlite3_stmt *s = db_use(&k->r->db, SQL_TYPE_COUNT, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, k->type);
	if (!db_row(&k->r->db, s, &row, err))
		return false;
	int64_t count = row ? sqlite3_column_int64(s, 0) / 4 : 0;
	sqlite3_reset(s);
	*ret_limit = count < 2000 ? 2000 : count > MOST_CANDIDATES ? MOST_CANDIDATES : (size_t)count;
	return true;
}

static bool follow_collected(struct walk *w, const struct check *c, struct error *err)
{
	struct vids v = {0};
	bool ok = collection_limit(w->k, &v.limit, err);
	for (size_t i = 0; ok && i < c->arm_count && v.count <= v.limit; i++)
		ok = collect_arm(w, &c->arms[i], &v, err);
	if (ok)
		ok = v.count > v.limit ? follow_type(w, ARM_KIND, err) : consider_all(w, &v, err);
	free(v.list);
	return ok;
}

/* By _id: the versions that the snapshot sees of the resources named. */
static bool follow_ids(struct walk *w, const struct check *c, struct error *err)
{
	struct vids v = {0};
	bool ok = true;
	for (size_t i = 0; ok && i < c->criterion->value_count; i++) {
		sqlite3_stmt *s = db_use(&w->k->r->db, SQL_RESOURCE_GET, err);
		bool row = false;
		int64_t vid = 0;
		if (!s) {
			ok = false;
			break;
		}
		sqlite3_bind_int64(s, 1, w->k->type);
		bind_str(s, 2, c->criterion->values[i].code);
		ok = db_row(&w->k->r->db, s, &row, err);
		if (!ok || !row)
			continue;
		int64_t rid = sqlite3_column_int64(s, 0);
		sqlite3_reset(s);
		ok = seek_version_at(w->k, rid, &vid, err);
		if (ok && vid > w->low && vid <= w->high)
			ok = vids_add(&v, vid) || error_memory(err);
	}
	ok = ok && consider_all(w, &v, err);
	free(v.list);
	return ok;
}

/* The versions that have index entries. */
static bool walk_indexed(struct walk w, bool *ret_stop, struct error *err)
{
	struct seek *k = w.k;
	bool ok = true;
	w.high = w.high < k->r->indexed ? w.high : k->r->indexed;
	for (size_t i = 0; i < k->check_count; i++)
		if (k->checks[i].has_arms && !k->checks[i].arm_count)
			return true;
	if (w.low >= w.high)
		return true;
	if (!choose_way(k, err))
		return false;
	if (!k->way)
		ok = follow_type(&w, ARM_KIND, err);
	else if (!is_ordered(k->way))
		ok = follow_collected(&w, k->way, err);
	else
		ok = k->way->arm_count == 1 ? follow_arm(&w, k->way->arms, err) : follow_merged(&w, k->way, err);
	*ret_stop = w.stop;
	return ok;
}

/* The last few that have none yet. */
static bool walk_tail(struct walk w, bool *ret_stop, struct error *err)
{
	w.low = w.low > w.k->r->indexed ? w.low : w.k->r->indexed;
	bool ok = w.low >= w.high || follow_type(&w, ARM_TAIL, err);
	*ret_stop = w.stop;
	return ok;
}

bool seek_walk(struct seek *k, int64_t after, bool descending, seek_visit visit, void *ctx, struct error *err)
{
	struct walk w = {k, visit, ctx, k->vid_low, k->vid_high, descending, false};
	bool stop = false;
	if (after && descending && after - 1 < w.high)
		w.high = after - 1;
	if (after && !descending && after > w.low)
		w.low = after;
	if (w.low >= w.high)
		return true;
	for (size_t i = 0; i < k->check_count; i++)
		if (k->checks[i].criterion->kind == CRITERION_ID)
			return follow_ids(&w, &k->checks[i], err);
	if (descending)
		return walk_tail(w, &stop, err) && (stop || walk_indexed(w, &stop, err));
	return walk_indexed(w, &stop, err) && (stop || walk_tail(w, &stop, err));
}
