/*
 * The check of a store in PostgreSQL: one snapshot, walked in stretches of versions in the order of their resources, so
 * that a stretch costs a few round trips whatever is in it. It may run while servers write.
 */
#include "store/check.h"

#include "store/postgres/index.h"

enum { STRETCH = 500 };

struct pg_checking {
	struct checking g;
	struct pg_store *store;
	struct reader *r;
	struct pg_index lack, lack_vacuumed; /* of one stretch: rows to be looked for */
	int64_t all_versions;
	/* Where the walk is. */
	struct check_place place;
	int64_t expected; /* the version that should come next */
	int64_t at_version;
};

/* ---- names that are only looked up ----------------------------------------------------------------------------------
 */

static int64_t number_or_none(struct pg_checking *c, enum statement statement, const struct pg_params *p,
			      struct error *err)
{
	int64_t number = 0;
	if (!pg_ask_number(&c->r->pg, statement, p, &number, err))
		return 0;
	return number ? number : CHECK_NO_NAME;
}

static int64_t look_up(void *ctx, enum names_kind kind, int64_t type, struct str text, struct error *err)
{
	static const enum statement looks[] = {
		[NAMES_TYPE] = SQL_TYPE_GET, [NAMES_PARAM] = SQL_PARAM_GET, [NAMES_SYSTEM] = SQL_SYSTEM_GET};
	struct pg_params p = {0};
	if (type)
		pg_add_i64(&p, type);
	pg_add_bytes(&p, text.p ? text : S(""));
	return number_or_none(ctx, looks[kind], &p, err);
}

static int64_t look_up_rid(void *ctx, int64_t type, struct str id, struct error *err)
{
	struct pg_params p = {0};
	pg_add_i64(&p, type);
	pg_add_bytes(&p, id);
	return number_or_none(ctx, SQL_RESOURCE_RID, &p, err);
}

/* ---- what the shared part asks for ----------------------------------------------------------------------------------
 */

static bool open_body(void *ctx, struct packed_body packed, struct opened_body *ret_body, struct error *err)
{
	struct pg_checking *c = ctx;
	if (packed.bytes.p && !bodies_knows(c->store->bodies, packed.coding) &&
	    !pg_dictionaries_load(c->store, &c->r->pg, err))
		return false;
	return check_open_body(c->store->bodies, c->r->unpacker, &c->r->stored, c->g.k, &c->g.arena, packed, ret_body,
			       err);
}

static bool param_name(void *ctx, int64_t param, struct str *ret_name, struct error *err)
{
	struct pg_checking *c = ctx;
	struct pg_params p = {0};
	pg_add_i64(&p, param);
	PGresult *rows = pg_ask(&c->r->pg, SQL_PARAM_NAME, &p, err);
	bool there = rows && PQntuples(rows), ok = rows != NULL;
	*ret_name = there ? arena_str(&c->g.arena, pg_bytes(rows, 0, 0)) : STR_NULL;
	PQclear(rows);
	return ok && (!there || ret_name->p || error_memory(err));
}

/* Rows are looked for together, at the end of the stretch. */
static bool look(void *ctx, const struct check_place *p, const struct seek_row *rows, size_t count, bool may_lack,
		 struct error *err)
{
	struct pg_checking *c = ctx;
	(void)p, (void)err;
	for (size_t i = 0; i < count; i++) {
		pg_index_add(may_lack && i ? &c->lack_vacuumed : &c->lack, &rows[i], 0);
		c->g.rows[rows[i].table]++;
	}
	return true;
}

/* The vids that lack rows, each as often as it lacks one. vids may be NULL. */
static bool look_for(struct pg_checking *c, struct pg_index *rows, struct pg_array *vids, struct error *err)
{
	struct pg *pg = &c->r->pg;
	bool sent[TABLE_COUNT];
	for (int i = 0; i < TABLE_COUNT; i++)
		sent[i] = pg_rows_count(&rows->tables[i]) > 0;
	if (!pg_index_send(rows, pg, err) || !pg_sync(pg, err))
		return false;
	for (int i = 0; i < TABLE_COUNT; i++) {
		PGresult *lacking = sent[i] ? pg_result(pg, err) : NULL;
		if (sent[i] && !lacking)
			return false;
		for (int j = 0; lacking && j < PQntuples(lacking); j++) {
			if (vids)
				pg_array_i64(vids, pg_i64(lacking, j, 0));
			else
				c->g.rows[i]--;
		}
		PQclear(lacking);
	}
	return pg_end(pg, err);
}

/* Names the versions that lack rows. Many rows of one version are one finding. */
static bool tell_lacking(struct pg_checking *c, struct pg_array *vids, struct error *err)
{
	struct pg_params p = {0};
	if (!pg_add_array(&p, vids, err))
		return false;
	PGresult *rows = pg_ask(&c->r->pg, SQL_ENTRIES, &p, err);
	bool ok = rows != NULL;
	int64_t last = 0;
	for (int i = 0; ok && i < PQntuples(rows); i++) {
		struct check_place p_lacking = {.version = pg_i64(rows, i, 1), .id = pg_bytes(rows, i, 8)};
		if (pg_i64(rows, i, 0) == last)
			continue;
		last = pg_i64(rows, i, 0);
		p_lacking.type = pg_reader_type_of(c->store, &c->r->pg, pg_i64(rows, i, 7), err);
		ok = p_lacking.type != NULL;
		if (ok)
			checking_found(&c->g, &p_lacking, "lacks index rows that its terms give");
	}
	PQclear(rows);
	return ok;
}

static bool look_for_all(struct pg_checking *c, struct error *err)
{
	struct pg_array vids;
	pg_array_init(&vids, PG_INT8);
	bool ok = look_for(c, &c->lack, &vids, err) && look_for(c, &c->lack_vacuumed, NULL, err) &&
		  (!vids.count || tell_lacking(c, &vids, err));
	pg_array_done(&vids);
	return ok;
}

/* ---- the walk
 * --------------------------------------------------------------------------------------------------------
 */

static bool start_resource(struct pg_checking *c, const PGresult *rows, int i, struct error *err)
{
	c->place = (struct check_place){.rid = pg_i64(rows, i, 0), .type_number = pg_i64(rows, i, 14)};
	c->place.type = pg_reader_type_of(c->store, &c->r->pg, c->place.type_number, err);
	c->expected = 1;
	return c->place.type != NULL;
}

/* The resource says what its current version says. */
static void end_resource(struct pg_checking *c, const PGresult *rows, int i)
{
	c->g.kept->resources++;
	c->g.counts[c->place.type_number % CHECK_TYPES] += pg_i64(rows, i, 17) != STORE_DELETE;
	if (c->place.last_time != pg_i64(rows, i, 16))
		checking_found(&c->g, &c->place, "has another time than its resource");
}

/* Row i of the stretch; the one behind it says what replaced this version. */
static bool check_one(struct pg_checking *c, const PGresult *rows, int i, struct error *err)
{
	struct check_place *p = &c->place;
	bool current = pg_i64(rows, i, 3),
	     same = i + 1 < PQntuples(rows) && pg_i64(rows, i + 1, 0) == pg_i64(rows, i, 0);
	arena_reset(&c->g.arena);
	if (pg_i64(rows, i, 0) != p->rid && !start_resource(c, rows, i, err))
		return false;
	p->id = pg_bytes(rows, i, 15);
	p->version = c->at_version = pg_i64(rows, i, 1);
	p->vid = pg_i64(rows, i, 2);
	p->next_vid = same ? pg_i64(rows, i + 1, 2) : 0;
	if (p->version != c->expected)
		checking_found(&c->g, p, "does not follow the version before: there is a gap");
	c->expected = p->version + 1;
	if (same == current || (same && p->next_vid <= p->vid))
		checking_found(&c->g, p, "is not in the order of its versions");
	const struct checked_version v = {.rid = pg_i64(rows, i, 4),
					  .version = pg_i64(rows, i, 5),
					  .time = pg_i64(rows, i, 6),
					  .deleted = pg_i64(rows, i, 7) == STORE_DELETE,
					  .died = pg_i64(rows, i, 8),
					  .type_number = pg_i64(rows, i, 9),
					  .hash = pg_bytes(rows, i, 10),
					  .terms = pg_bytes(rows, i, 11),
					  .packed = {pg_bytes(rows, i, 13), (int)pg_i64(rows, i, 12)}};
	if (!pg_i64(rows, i, 18)) {
		checking_found(&c->g, p, "is missing");
		return true;
	}
	c->g.kept->versions++;
	if (!checking_version(&c->g, p, &v, err))
		return false;
	if (current)
		end_resource(c, rows, i);
	return true;
}

/* One row more than is checked, so that each is seen with the one behind it. */
static bool check_stretch(struct pg_checking *c, bool *ret_more, struct error *err)
{
	struct pg_params p = {0};
	pg_add_i64(&p, c->place.rid);
	pg_add_i64(&p, c->at_version);
	pg_add_i64(&p, STRETCH + 1);
	PGresult *rows = pg_ask(&c->r->pg, SQL_CHECK_STRETCH, &p, err);
	bool ok = rows != NULL;
	*ret_more = ok && PQntuples(rows) > STRETCH;
	for (int i = 0; ok && i < PQntuples(rows) && i < STRETCH; i++)
		ok = check_one(c, rows, i, err);
	PQclear(rows);
	return ok && look_for_all(c, err) && keeping_told(&c->g.k->progress, c->g.kept->versions, c->all_versions, err);
}

static bool check_types(struct pg_checking *c, struct error *err)
{
	PGresult *rows = pg_ask(&c->r->pg, SQL_CHECK_TYPES, NULL, err);
	for (int i = 0; rows && i < PQntuples(rows); i++)
		checking_type(&c->g, pg_i64(rows, i, 0), pg_bytes(rows, i, 1), pg_i64(rows, i, 2));
	PQclear(rows);
	return rows != NULL;
}

static bool check_totals(struct pg_checking *c, struct error *err)
{
	static const char *const tables[TABLE_COUNT] = {"kind", "token", "string", "date", "number", "reference"};
	struct pg_params p = {0};
	pg_add_i64(&p, c->g.indexed);
	PGresult *rows = pg_ask(&c->r->pg, SQL_CHECK_TOTALS, &p, err);
	if (!rows)
		return false;
	checking_total(&c->g, "version", pg_i64(rows, 0, 0), c->g.kept->versions);
	checking_total(&c->g, "body", pg_i64(rows, 0, 1), c->g.bodies);
	for (int i = 0; i < TABLE_COUNT; i++)
		checking_total(&c->g, tables[i], pg_i64(rows, 0, 2 + i), c->g.rows[i]);
	PQclear(rows);
	return true;
}

/* Has the values read, too; whether an index agrees with its table cannot be seen from here. */
static bool check_facts(struct pg_checking *c, struct error *err)
{
	PGresult *rows = pg_ask(&c->r->pg, SQL_CHECK_FACTS, NULL, err);
	if (!rows)
		return false;
	checking_facts(&c->g, &(struct checked_facts){.count = pg_i64(rows, 0, 0), .odd = pg_i64(rows, 0, 1)});
	PQclear(rows);
	return true;
}

static bool check_audit(struct pg_checking *c, struct error *err)
{
	struct error broken = {0};
	if (pg_audit_verify(c->store, &c->g.kept->audit_rows, &broken))
		return true;
	if (broken.code != ERR_CHAIN)
		return error_set(err, broken.code, "%s", broken.text);
	keeping_found(c->g.k, c->g.kept, S("audit"), "%s", broken.text);
	return true;
}

static bool check_all(struct pg_checking *c, struct error *err)
{
	bool more = true;
	if (!pg_run(&c->r->pg, SQL_BEGIN_SNAPSHOT, NULL, err) ||
	    !pg_reader_last(c->r, &c->all_versions, &c->g.indexed, err))
		return false;
	c->g.vacuumed = c->r->vacuumed;
	while (more)
		if (!check_stretch(c, &more, err))
			return false;
	return check_types(c, err) && check_totals(c, err) && check_facts(c, err) &&
	       pg_words_check(c->store, c->r, c->g.k, c->g.kept, err) && pg_run(&c->r->pg, SQL_ROLLBACK, NULL, err) &&
	       check_audit(c, err);
}

bool pg_check(void *b, const struct store_keeping *k, struct store_kept *kept, struct error *err)
{
	struct pg_checking c = {
		.g = {.k = k, .kept = kept, .open_body = open_body, .look = look, .param_name = param_name},
		.store = b};
	c.r = pg_reader_acquire(c.store, err);
	if (!c.r)
		return false;
	pg_index_init(&c.lack, PG_INDEX_LACK);
	pg_index_init(&c.lack_vacuumed, PG_INDEX_LACK);
	bool named = checking_init(&c.g, look_up, look_up_rid, &c, err);
	bool ok = named && check_all(&c, err);
	if (named)
		checking_done(&c.g);
	pg_index_done(&c.lack);
	pg_index_done(&c.lack_vacuumed);
	if (!ok)
		c.r->pg.lost = true; /* a snapshot may be open on it */
	pg_reader_release(c.store, c.r);
	return ok;
}
