/*
 * The entries of a page: matches first, then what _include and _revinclude ask for, each resource once, all as the
 * snapshot sees them. :iterate goes on from what was included until nothing new comes.
 */
#include "store/sqlite/seek_priv.h"

static bool grow(struct seek *k, struct page_list *l, struct error *err)
{
	size_t capacity = l->capacity, same = l->capacity;
	struct store_entry *entries =
		arena_grow(k->a, l->page->entries, l->page->count, &capacity, l->page->count + 1, sizeof(*entries));
	struct page_entry *list =
		arena_grow(&k->scratch, l->list, l->page->count, &same, l->page->count + 1, sizeof(*list));
	if (!entries || !list)
		return error_memory(err);
	l->page->entries = entries;
	l->list = list;
	l->capacity = capacity;
	return true;
}

static bool fill(struct seek *k, sqlite3_stmt *s, struct store_entry *e, struct page_entry *p, struct error *err)
{
	p->vid = sqlite3_column_int64(s, 0);
	p->type = sqlite3_column_int64(s, 7);
	p->rid = sqlite3_column_int64(s, 9);
	e->vid = p->vid;
	e->version = sqlite3_column_int64(s, 1);
	e->updated_ms = sqlite3_column_int64(s, 2);
	e->op = (enum store_op)sqlite3_column_int(s, 3);
	e->id = arena_str(k->a, column_str(s, 8));
	if (!e->id.p)
		return error_memory(err);
	e->type = p->type == k->type ? k->query->parts->type : reader_type_of(k->store, k->r, p->type, err);
	struct packed_body packed = {column_str(s, 6), sqlite3_column_int(s, 4)};
	if (e->type && !packed.bytes.p)
		return error_set(err, ERR_STORE, "The store's file is damaged: a resource's content is missing");
	return e->type && reader_serve(k->store, k->r, k->a, packed, (size_t)sqlite3_column_int64(s, 5), e->version,
				       e->updated_ms, &e->body, err);
}

bool seek_entry(struct seek *k, struct page_list *l, int64_t vid, bool included, struct error *err)
{
	sqlite3_stmt *s = db_use(&k->r->db, SQL_ENTRY, err);
	bool row = false;
	if (!s || !grow(k, l, err))
		return false;
	sqlite3_bind_int64(s, 1, vid);
	if (!db_row(&k->r->db, s, &row, err))
		return false;
	if (!row)
		return error_set(err, ERR_STORE, "The store's file is damaged: a version is missing");
	struct store_entry *e = &l->page->entries[l->page->count];
	*e = (struct store_entry){.included = included};
	bool ok = fill(k, s, e, &l->list[l->page->count], err);
	sqlite3_reset(s);
	if (ok)
		l->page->count++;
	return ok;
}

/* ---- includes -----------------------------------------------------------------------------------------------------
 */

struct include {
	const struct search_include *asked;
	int64_t source, target; /* types; target 0: any */
	int64_t *params; /* NULL: any, going forward */
	size_t param_count;
	bool void_answer; /* names a type or parameter that the store never saw */
};

/* A reference that a version without index entries holds. */
struct tail_reference {
	int64_t param, target, vid;
};

struct including {
	struct seek *k;
	struct page_list *l;
	struct map seen; /* rids */
	struct include *includes;
	struct tail_reference *tail;
	size_t tail_count, tail_capacity;
};

static bool type_number(struct seek *k, struct str name, int64_t *ret_type, struct error *err)
{
	sqlite3_stmt *s = db_use(&k->r->db, SQL_TYPE_GET, err);
	bool row = false;
	if (!s)
		return false;
	bind_str(s, 1, name);
	if (!db_row(&k->r->db, s, &row, err))
		return false;
	*ret_type = row ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_reset(s);
	return true;
}

static bool all_params(struct seek *k, struct include *i, struct error *err)
{
	size_t capacity = 0;
	sqlite3_stmt *s = db_use(&k->r->db, SQL_PARAMS_OF_TYPE, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, i->source);
	for (;;) {
		bool row = false;
		if (!db_row(&k->r->db, s, &row, err))
			return false;
		if (!row)
			return true;
		i->params = arena_grow(&k->scratch, i->params, i->param_count, &capacity, i->param_count + 1,
				       sizeof(*i->params));
		if (!i->params)
			return error_memory(err);
		i->params[i->param_count++] = sqlite3_column_int64(s, 0);
	}
}

static bool compile_include(struct seek *k, struct include *i, struct error *err)
{
	const struct search_include *asked = i->asked;
	if (!type_number(k, asked->source->name, &i->source, err))
		return false;
	if (asked->target.p && !type_number(k, asked->target, &i->target, err))
		return false;
	i->void_answer = !i->source || (asked->target.p && !i->target);
	if (i->void_answer)
		return true;
	if (!asked->param)
		return !asked->reverse || all_params(k, i, err);
	i->params = ARENA_NEW(&k->scratch, int64_t);
	if (!i->params)
		return error_memory(err);
	i->param_count = 1;
	return seek_param(k, i->source, asked->param->code, i->params, err);
}

/* Adds the version of a resource that the snapshot sees, unless it is on the page. */
static bool add_resource(struct including *n, int64_t rid, int64_t vid, struct error *err)
{
	bool fresh = false;
	struct str key = arena_str(&n->k->scratch, str_make((const char *)&rid, sizeof(rid)));
	if (!key.p || !map_put(&n->seen, key, &fresh))
		return error_memory(err);
	if (!fresh)
		return true;
	if (!vid && !seek_version_at(n->k, rid, &vid, err))
		return false;
	if (!vid)
		return true;
	if (n->l->page->count - n->l->page->match_count >= MOST_INCLUDES)
		return error_set(err, ERR_LIMIT,
				 "The matches of this page include more than %d resources; ask for fewer with _count",
				 MOST_INCLUDES);
	return seek_entry(n->k, n->l, vid, true, err);
}

static bool is_param(const struct include *i, int64_t param)
{
	for (size_t at = 0; at < i->param_count; at++)
		if (i->params[at] == param)
			return true;
	return !i->asked->param;
}

/* The terms of a version, copied, since the statement is used again on the way. */
static bool terms_of(struct seek *k, int64_t vid, struct str *ret_terms, struct error *err)
{
	sqlite3_stmt *s = db_use(&k->r->db, SQL_TERMS, err);
	bool row = false;
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, vid);
	if (!db_row(&k->r->db, s, &row, err))
		return false;
	*ret_terms = arena_str(&k->scratch, row ? column_str(s, 0) : S(""));
	sqlite3_reset(s);
	return ret_terms->p || error_memory(err);
}

static bool include_forward(struct including *n, const struct include *i, struct page_entry from, struct error *err)
{
	struct str terms;
	struct term t;
	if (from.type != i->source)
		return true;
	if (!terms_of(n->k, from.vid, &terms, err))
		return false;
	while (term_next(&terms, &t)) {
		int64_t type;
		struct str id;
		if (t.type != PARAM_REFERENCE || !t.target || !is_param(i, t.param))
			continue;
		if (i->target && !seek_resource_id(n->k, t.target, NULL, &type, &id, err))
			return false;
		if ((!i->target || type == i->target) && !add_resource(n, t.target, 0, err))
			return false;
	}
	return true;
}

static bool tail_terms(struct including *n, int64_t vid, struct str terms, struct error *err)
{
	struct term t;
	while (term_next(&terms, &t)) {
		if (t.type != PARAM_REFERENCE || !t.target)
			continue;
		n->tail = arena_grow(&n->k->scratch, n->tail, n->tail_count, &n->tail_capacity, n->tail_count + 1,
				     sizeof(*n->tail));
		if (!n->tail)
			return error_memory(err);
		n->tail[n->tail_count++] = (struct tail_reference){t.param, t.target, vid};
	}
	return true;
}

static bool load_tail(struct including *n, struct error *err)
{
	sqlite3_stmt *s = db_use(&n->k->r->db, SQL_UNINDEXED, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, n->k->r->indexed);
	sqlite3_bind_int64(s, 2, n->k->snapshot);
	for (;;) {
		bool row = false;
		if (!seek_tick(n->k, err) || !db_row(&n->k->r->db, s, &row, err))
			return false;
		if (!row)
			return true;
		if (!tail_terms(n, sqlite3_column_int64(s, 0), column_str(s, 2), err))
			return false;
	}
}

/* Adds the resource that a version is of, if the snapshot still sees that version. */
static bool add_version(struct including *n, int64_t vid, struct error *err)
{
	struct found found;
	bool alive = false;
	if (!seek_look(n->k, vid, &alive, &found, err))
		return false;
	return !alive || add_resource(n, found.rid, found.vid, err);
}

static bool include_param(struct including *n, int64_t param, int64_t target, struct error *err)
{
	sqlite3_stmt *s = db_use(&n->k->r->db, SQL_REFERRING, err);
	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, param);
	sqlite3_bind_int64(s, 2, target);
	sqlite3_bind_int64(s, 3, n->k->snapshot);
	for (;;) {
		bool row = false;
		if (!seek_tick(n->k, err) || !db_row(&n->k->r->db, s, &row, err))
			return false;
		if (!row)
			break;
		if (!add_version(n, sqlite3_column_int64(s, 0), err))
			return false;
	}
	for (size_t i = 0; i < n->tail_count; i++)
		if (n->tail[i].param == param && n->tail[i].target == target && !add_version(n, n->tail[i].vid, err))
			return false;
	return true;
}

static bool include_reverse(struct including *n, const struct include *i, struct page_entry from, struct error *err)
{
	if (i->target && from.type != i->target)
		return true;
	for (size_t at = 0; at < i->param_count; at++)
		if (!include_param(n, i->params[at], from.rid, err))
			return false;
	return true;
}

static bool include_from(struct including *n, const struct include *i, struct page_entry from, struct error *err)
{
	if (i->void_answer)
		return true;
	return i->asked->reverse ? include_reverse(n, i, from, err) : include_forward(n, i, from, err);
}

static bool include_all(struct including *n, struct error *err)
{
	size_t count = n->k->query->include_count, matches = n->l->page->match_count;
	bool reverse = false;
	for (size_t i = 0; i < count; i++) {
		n->includes[i].asked = &n->k->query->includes[i];
		if (!compile_include(n->k, &n->includes[i], err))
			return false;
		reverse |= n->includes[i].asked->reverse;
	}
	if (reverse && !load_tail(n, err))
		return false;
	for (size_t at = 0; at < matches; at++) {
		int64_t *rid = &n->l->list[at].rid;
		struct str key = arena_str(&n->k->scratch, str_make((const char *)rid, sizeof(*rid)));
		if (!key.p || !map_put(&n->seen, key, NULL))
			return error_memory(err);
	}
	/* The page grows while it is walked: what was included is looked at in its turn. */
	for (size_t at = 0; at < n->l->page->count; at++)
		for (size_t i = 0; i < count; i++)
			if (at < matches || n->includes[i].asked->iterate)
				if (!include_from(n, &n->includes[i], n->l->list[at], err))
					return false;
	return true;
}

bool seek_includes(struct seek *k, struct page_list *l, struct error *err)
{
	struct including n = {.k = k, .l = l};
	if (!k->query->include_count || !l->page->count)
		return true;
	n.includes = ARENA_ARRAY(&k->scratch, struct include, k->query->include_count);
	if (!n.includes)
		return error_memory(err);
	map_init(&n.seen, 1 << 22);
	bool ok = include_all(&n, err);
	map_done(&n.seen);
	return ok;
}
