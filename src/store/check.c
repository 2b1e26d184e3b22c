/* Checking versions: see check.h. */
#include "store/check.h"

#include <stdio.h>
#include <stdlib.h>

void checking_found(struct checking *c, const struct check_place *p, const char *what)
{
	char where[256];
	int n = snprintf(where, sizeof(where), "%.*s/%.*s/_history/%lld", STR_ARG(p->type->name), STR_ARG(p->id),
			 (long long)p->version);
	keeping_found(c->k, c->kept, str_make(where, (size_t)n), "%s", what);
}

void checking_total(struct checking *c, const char *table, int64_t there, int64_t expected)
{
	if (there != expected)
		keeping_found(c->k, c->kept, str_from(table), "has %lld rows; %lld belong to something",
			      (long long)there, (long long)expected);
}

void checking_facts(struct checking *c, const struct checked_facts *f)
{
	c->kept->facts = f->count;
	if (f->odd)
		keeping_found(c->k, c->kept, S("fact"), "has %lld rows that no program puts", (long long)f->odd);
	if (f->expiring != f->indexed)
		keeping_found(c->k, c->kept, S("fact"), "has %lld rows that expire, but its index has %lld",
			      (long long)f->expiring, (long long)f->indexed);
}

void checking_type(struct checking *c, int64_t number, struct str name, int64_t count)
{
	int64_t counted = c->counts[number % CHECK_TYPES];
	if (counted != count)
		keeping_found(c->k, c->kept, name, "is counted as %lld resources, but there are %lld", (long long)count,
			      (long long)counted);
}

bool checking_init(struct checking *c, names_intern *look_up,
		   int64_t (*rid)(void *ctx, int64_t type, struct str id, struct error *err), void *ctx,
		   struct error *err)
{
	c->ctx = ctx;
	if (!names_init(&c->names, look_up, ctx, err))
		return false;
	c->row_names = (struct row_names){&c->names, rid, ctx};
	arena_init(&c->arena, ARENA_NO_CAP);
	buf_init(&c->terms, 64 << 20);
	buf_init(&c->own, 64 << 20);
	return true;
}

void checking_done(struct checking *c)
{
	names_done(&c->names);
	buf_done(&c->terms);
	buf_done(&c->own);
	arena_done(&c->arena);
}

bool check_open_body(struct bodies *bodies, ZSTD_DCtx *unpacker, struct buf *buffer, const struct store_keeping *k,
		     struct arena *a, struct packed_body packed, struct opened_body *ret_body, struct error *err)
{
	struct error own = {0};
	*ret_body = (struct opened_body){0};
	if (!packed.bytes.p) {
		ret_body->problem = "has no content";
		return true;
	}
	if (!bodies_unpack(bodies, unpacker, packed, buffer, &own)) {
		ret_body->problem = "cannot be unpacked";
		return own.code != ERR_MEMORY || error_memory(err);
	}
	ret_body->stored = buf_str(buffer);
	ret_body->json = json_parse(a, ret_body->stored, 0, &own);
	if (!ret_body->json) {
		ret_body->problem = "is not JSON";
		return own.code != ERR_MEMORY || error_memory(err);
	}
	if (!extract(k->extractor, a, ret_body->json, k->base, &ret_body->rows, &own)) {
		ret_body->problem = "gives no index rows";
		return own.code != ERR_MEMORY || error_memory(err);
	}
	return true;
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

/* Each once, that of the type first. */
static bool collect_rows(struct checking *c, struct str terms, const struct seek_row *kind, struct seek_row **ret_rows,
			 size_t *ret_count, struct error *err)
{
	size_t count = 1, capacity = 1;
	struct seek_row *rows = ARENA_ARRAY(&c->arena, struct seek_row, 1);
	struct term t;
	if (!rows)
		return error_memory(err);
	rows[0] = *kind;
	while (term_next(&terms, &t)) {
		rows = arena_grow(&c->arena, rows, count, &capacity, count + MOST_TERM_ROWS, sizeof(*rows));
		if (!rows)
			return error_memory(err);
		memset(rows + count, 0, MOST_TERM_ROWS * sizeof(*rows));
		count += seek_rows(&t, kind->vid, rows + count);
	}
	qsort(rows + 1, count - 1, sizeof(*rows), compare_rows);
	size_t kept = 1;
	for (size_t i = 1; i < count; i++)
		if (i == 1 || compare_rows(&rows[kept - 1], &rows[i]) != 0)
			rows[kept++] = rows[i];
	*ret_rows = rows;
	*ret_count = kept;
	return true;
}

/* What was replaced before the last vacuum may have rows or not. */
static bool check_rows(struct checking *c, const struct check_place *p, struct str terms, bool may_lack,
		       struct error *err)
{
	struct seek_row *rows = NULL, kind = {.table = TABLE_KIND, .param = p->type_number, .vid = p->vid};
	size_t count = 0;
	if (p->vid > c->indexed)
		return true;
	if (!collect_rows(c, terms, &kind, &rows, &count, err))
		return false;
	c->kept->rows += (int64_t)count - 1;
	return c->look(c->ctx, p, rows, count, may_lack, err);
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
	bool small = param < CHECK_PARAMS;
	*ret_own = small && c->is_own[param] > 0;
	if (small && c->is_own[param])
		return true;
	struct str name = STR_NULL;
	if (!c->param_name(c->ctx, param, &name, err))
		return false;
	*ret_own = !name.p || names_own(type, name);
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

static bool check_body(struct checking *c, const struct check_place *p, struct packed_body packed, struct str terms,
		       struct str hash, struct error *err)
{
	struct opened_body body;
	unsigned char now[STORED_HASH];
	if (!c->open_body(c->ctx, packed, &body, err))
		return false;
	c->bodies += packed.bytes.p != NULL;
	if (body.problem) {
		char text[80];
		snprintf(text, sizeof(text), "its content %s", body.problem);
		checking_found(c, p, text);
		return true;
	}
	stored_hash(body.stored, now);
	if (hash.p && (hash.n != STORED_HASH || memcmp(hash.p, now, STORED_HASH) != 0))
		checking_found(c, p, "its content is not what was stored: the hash differs");
	if (!str_eq(json_get_str(body.json, S("resourceType")), p->type->name) ||
	    !str_eq(json_get_str(body.json, S("id")), p->id))
		checking_found(c, p, "its content names another resource");
	if (!rows_write_terms(&c->row_names, p->type, p->type_number, body.rows.rows, own_rows(&body.rows), &c->terms,
			      err) ||
	    !own_terms(c, p->type, terms, err))
		return false;
	bool same = false;
	if (!rows_same_terms(&c->arena, buf_str(&c->terms), buf_str(&c->own), &same, err))
		return false;
	if (!same)
		checking_found(c, p, "its terms are not those of its content");
	return true;
}

bool checking_version(struct checking *c, struct check_place *p, const struct checked_version *v, struct error *err)
{
	if (v->rid != p->rid || v->type_number != p->type_number || v->version != p->version)
		checking_found(c, p, "is kept as a version of something else");
	if (v->died != p->next_vid)
		checking_found(c, p,
			       p->next_vid ? "does not say what replaced it" : "is current, but counts as replaced");
	if (v->time < p->last_time)
		checking_found(c, p, "is older than the version before");
	p->last_time = v->time;
	if (v->deleted && v->packed.bytes.p)
		checking_found(c, p, "is a deletion with content");
	if (!v->deleted && !check_body(c, p, v->packed, v->terms, v->hash, err))
		return false;
	return check_rows(c, p, v->deleted ? STR_NULL : v->terms, v->died && v->died <= c->vacuumed, err);
}
