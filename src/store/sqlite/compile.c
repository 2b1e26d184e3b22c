/*
 * A query's names become the store's numbers: parameters, systems, references. What the store never saw cannot match,
 * which is an answer, not an error. Bounds on _lastUpdated become bounds on vids, since times grow with them.
 */
#include "store/sqlite/seek_priv.h"

#include "base/clock.h"

bool seek_tick(struct seek *k, struct error *err)
{
	if (++k->ticks % 256 != 0 || clock_monotonic_ns() < k->deadline_ns)
		return true;
	return error_set(err, ERR_TIMEOUT, "The search took longer than allowed");
}

/* One number by a statement that is already bound; otherwise when there is no row. */
static bool lookup(struct seek *k, sqlite3_stmt *s, int64_t otherwise, int64_t *ret_value, struct error *err)
{
	bool row = false;
	if (!db_row(&k->r->db, s, &row, err))
		return false;
	*ret_value = row ? sqlite3_column_int64(s, 0) : otherwise;
	sqlite3_reset(s);
	return true;
}

bool seek_param(struct seek *k, int64_t type, struct str code, int64_t *ret_param, struct error *err)
{
	sqlite3_stmt *s = db_use(&k->r->db, SQL_PARAM_GET, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, type);
	bind_str(s, 2, code);
	return lookup(k, s, 0, ret_param, err);
}

static bool compile_system(struct seek *k, struct wanted *w, struct error *err)
{
	struct str system = w->value->system;
	if (!system.p || !system.n) {
		w->system = system.p ? SYSTEM_NONE : SYSTEM_ANY;
		return true;
	}
	sqlite3_stmt *s = db_use(&k->r->db, SQL_SYSTEM_GET, err);
	if (!s)
		return false;
	bind_blob(s, 1, system);
	return lookup(k, s, SYSTEM_UNKNOWN, &w->system, err);
}

/* Ids without a type may be of any type, and there are few types. */
static bool compile_any_target(struct seek *k, struct wanted *w, struct error *err)
{
	size_t capacity = 0;
	sqlite3_stmt *s = db_use(&k->r->db, SQL_RIDS_OF_ID, err);
	if (!s)
		return false;
	bind_str(s, 1, w->value->ref_id);
	for (;;) {
		bool row = false;
		if (!db_row(&k->r->db, s, &row, err))
			return false;
		if (!row)
			return true;
		w->targets = arena_grow(&k->scratch, w->targets, w->target_count, &capacity, w->target_count + 1,
					sizeof(*w->targets));
		if (!w->targets)
			return error_memory(err);
		w->targets[w->target_count++] = sqlite3_column_int64(s, 0);
	}
}

static bool compile_target(struct seek *k, struct wanted *w, struct error *err)
{
	int64_t type = 0;
	if (!w->value->ref_type.p)
		return compile_any_target(k, w, err);
	sqlite3_stmt *s = db_use(&k->r->db, SQL_TYPE_GET, err);
	if (!s)
		return false;
	bind_str(s, 1, w->value->ref_type);
	if (!lookup(k, s, 0, &type, err) || !(s = db_use(&k->r->db, SQL_RESOURCE_GET, err)))
		return false;
	w->targets = ARENA_NEW(&k->scratch, int64_t);
	if (!w->targets)
		return error_memory(err);
	sqlite3_bind_int64(s, 1, type);
	bind_str(s, 2, w->value->ref_id);
	if (!lookup(k, s, 0, w->targets, err))
		return false;
	w->target_count = *w->targets != 0;
	return true;
}

static bool compile_check(struct seek *k, struct check *c, struct error *err)
{
	const struct criterion *criterion = c->criterion;
	c->wanted = ARENA_ARRAY(&k->scratch, struct wanted, criterion->value_count + 1);
	if (!c->wanted)
		return error_memory(err);
	for (size_t i = 0; i < criterion->value_count; i++)
		c->wanted[i].value = &criterion->values[i];
	if (criterion->kind != CRITERION_PARAM)
		return true;
	if (!seek_param(k, k->type, criterion->param->code, &c->param, err))
		return false;
	enum search_param_type type = criterion->param->type;
	for (size_t i = 0; i < criterion->value_count; i++) {
		struct wanted *w = &c->wanted[i];
		if ((type == PARAM_TOKEN || type == PARAM_QUANTITY) && !compile_system(k, w, err))
			return false;
		if (type == PARAM_REFERENCE && w->value->ref_id.p && !compile_target(k, w, err))
			return false;
	}
	return true;
}

/* ---- _lastUpdated ---------------------------------------------------------------------------------------------------
 */

/* The instants that one value lets through, as a closed range. */
static void time_range(const struct search_value *v, int64_t *ret_low, int64_t *ret_high)
{
	*ret_low = INT64_MIN;
	*ret_high = INT64_MAX;
	switch (v->prefix) {
	case PREFIX_EQ:
	case PREFIX_AP:
		*ret_low = v->low;
		*ret_high = v->high;
		break;
	case PREFIX_GT:
	case PREFIX_SA:
		*ret_low = v->high < INT64_MAX ? v->high + 1 : INT64_MAX;
		break;
	case PREFIX_GE:
		*ret_low = v->low;
		break;
	case PREFIX_LT:
	case PREFIX_EB:
		*ret_high = v->low > INT64_MIN ? v->low - 1 : INT64_MIN;
		break;
	case PREFIX_LE:
		*ret_high = v->high;
		break;
	case PREFIX_NE:
		break;
	}
}

/* The greatest vid whose version is older than an instant, by halving: times grow with vids. */
static bool last_before(struct seek *k, int64_t time, int64_t *ret_vid, struct error *err)
{
	int64_t low = 0, high = k->snapshot;
	while (low < high) {
		int64_t middle = low + (high - low + 1) / 2;
		sqlite3_stmt *s = db_use(&k->r->db, SQL_TIME_FROM, err);
		bool row = false;
		if (!s)
			return false;
		sqlite3_bind_int64(s, 1, middle);
		if (!db_row(&k->r->db, s, &row, err))
			return false;
		/* A gap before the next vid makes that one stand for the middle. */
		bool older = row && sqlite3_column_int64(s, 1) < time;
		sqlite3_reset(s);
		if (older)
			low = middle;
		else
			high = middle - 1;
	}
	*ret_vid = low;
	return true;
}

static bool bound_by_time(struct seek *k, const struct criterion *c, struct error *err)
{
	int64_t low = INT64_MAX, high = INT64_MIN, vid;
	for (size_t i = 0; i < c->value_count; i++) {
		int64_t from, to;
		time_range(&c->values[i], &from, &to);
		low = from < low ? from : low;
		high = to > high ? to : high;
	}
	if (low != INT64_MIN) {
		if (!last_before(k, low, &vid, err))
			return false;
		k->vid_low = vid > k->vid_low ? vid : k->vid_low;
	}
	if (high != INT64_MAX) {
		if (!last_before(k, high + 1, &vid, err))
			return false;
		k->vid_high = vid < k->vid_high ? vid : k->vid_high;
	}
	return true;
}

/* What this store does not search yet is refused by name. */
static bool is_ready(const struct criterion *c, struct error *err)
{
	static const char *const names[] = {"", "composite", "", "", "chained", "_has",
					    "", "",	     "", "", "_text",	"_content"};
	if (c->kind == CRITERION_PARAM && c->param->type == PARAM_SPECIAL)
		return error_set(err, ERR_NOT_SUPPORTED, "The search parameter \"%.*s\" is not supported yet",
				 STR_ARG(c->param->code));
	if (c->kind == CRITERION_PARAM && (c->modifier == MOD_TEXT || c->modifier >= MOD_IDENTIFIER))
		return error_set(err, ERR_NOT_SUPPORTED,
				 "A modifier of the search parameter \"%.*s\" is not supported yet",
				 STR_ARG(c->param->code));
	if (c->kind == CRITERION_PARAM || c->kind == CRITERION_ID || c->kind == CRITERION_LAST_UPDATED)
		return true;
	return error_set(err, ERR_NOT_SUPPORTED, "Search parameters of this kind are not supported yet: %s",
			 names[c->kind][0] ? names[c->kind] : "joined criteria");
}

bool seek_compile(struct seek *k, struct error *err)
{
	const struct search_part *q = k->query->parts;
	if (k->query->part_count != 1)
		return error_set(err, ERR_NOT_SUPPORTED, "Searching several types is not supported yet");
	k->checks = ARENA_ARRAY(&k->scratch, struct check, q->criterion_count + 1);
	if (!k->checks)
		return error_memory(err);
	k->check_count = q->criterion_count;
	k->vid_low = 0;
	k->vid_high = k->snapshot;
	for (size_t i = 0; i < q->criterion_count; i++) {
		struct check *c = &k->checks[i];
		c->criterion = &q->criteria[i];
		if (!is_ready(c->criterion, err) || !compile_check(k, c, err) || !check_arms(k, c, err))
			return false;
		if (c->criterion->kind == CRITERION_LAST_UPDATED && !bound_by_time(k, c->criterion, err))
			return false;
	}
	return true;
}
