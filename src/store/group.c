/* What a group does to resources, independent of where they are kept: see group.h. */
#include "store/group.h"

#include <stdatomic.h>
#include <stdlib.h>

void group_init(struct group *g)
{
	map_init(&g->targets, (size_t)1 << 24);
	map_init(&g->facts, (size_t)1 << 24);
}

void group_done(struct group *g)
{
	map_done(&g->targets);
	map_done(&g->facts);
}

bool group_pack(struct bodies *bodies, struct samples *samples, _Atomic bool *sampled, struct item *item,
		struct error *err)
{
	struct store_txn *txn = item->txn;
	struct ready *ready = ARENA_ARRAY(&item->memory, struct ready, txn->change_count + 1);
	if (!ready)
		return error_memory(err);
	for (size_t i = 0; i < txn->change_count; i++) {
		if (txn->changes[i].op == STORE_DELETE)
			continue;
		if (samples && !atomic_load(sampled) && samples_add(samples, txn->changes[i].stored))
			atomic_store(sampled, true);
		stored_hash(txn->changes[i].stored, ready[i].hash);
		if (!bodies_pack(bodies, &item->memory, txn->changes[i].stored, &ready[i].body, err)) {
			txn->failed = i;
			return false;
		}
	}
	item->prepared = ready;
	return true;
}

/* ---- targets ------------------------------------------------------------------------------------------------------
 */

static struct str target_key(struct str id, int64_t type, char buffer[72], struct arena *a)
{
	uint32_t number = (uint32_t)type;
	char *p = id.n <= 64 ? buffer : arena_alloc(a, id.n + sizeof(number));
	if (!p)
		return STR_NULL;
	memcpy(p, &number, sizeof(number));
	if (id.n)
		memcpy(p + sizeof(number), id.p, id.n);
	return str_make(p, id.n + sizeof(number));
}

/* The target of this name, made when the group has not met it. Not loaded by itself. */
static struct target *target_find(struct group *g, int64_t type, struct str id, struct error *err)
{
	char buffer[72];
	struct str key = target_key(id, type, buffer, g->a);
	uint64_t *slot = key.p ? map_get(&g->targets, key) : NULL;
	if (slot)
		return (struct target *)(uintptr_t)*slot;
	key = arena_str(g->a, key);
	struct target *t = ARENA_NEW(g->a, struct target);
	slot = key.p && t ? map_put(&g->targets, key, NULL) : NULL;
	if (!slot) {
		error_memory(err);
		return NULL;
	}
	*slot = (uint64_t)(uintptr_t)t;
	t->type = type;
	t->id = str_slice(key, sizeof(uint32_t), key.n);
	t->op = STORE_DELETE;
	return t;
}

static struct target *target_get(struct group *g, int64_t type, struct str id, struct error *err)
{
	struct target *t = target_find(g, type, id, err);
	if (!t || t->loaded)
		return t;
	t->loaded = true;
	return g->load(g->ctx, t, err) ? t : NULL;
}

/* Puts a target on the list to be written and gives it a number. */
static void target_list(struct group *g, struct target *t)
{
	if (!t->rid)
		t->rid = ++g->last_rid;
	if (t->listed)
		return;
	t->listed = true;
	t->next = g->written;
	g->written = t;
}

/* The rid behind a reference; a place is kept for what is not stored yet. 0 with an error. */
static int64_t target_rid(struct group *g, int64_t type, struct str id, struct error *err)
{
	char buffer[72];
	int64_t rid;
	struct str key = target_key(id, type, buffer, g->a);
	if (!key.p) {
		error_memory(err);
		return 0;
	}
	if (cache_get(g->resources, key, &rid))
		return rid;
	struct target *t = target_get(g, type, id, err);
	if (!t)
		return 0;
	if (!t->stored)
		target_list(g, t);
	cache_put(g->resources, key, t->rid);
	return t->rid;
}

static bool expect(struct group *g, int64_t type, struct str id, bool compare, struct error *err)
{
	struct target *t = type ? target_find(g, type, id, err) : NULL;
	if (!t)
		return false;
	t->compare |= compare;
	if (t->loaded)
		return true;
	t->loaded = true;
	t->next = g->unloaded;
	g->unloaded = t;
	return true;
}

/* The type that a row refers to; what names none has a type of its own without a name. */
static int64_t referred_type(struct group *g, const struct index_row *row, struct error *err)
{
	return names_type_named(g->names, row->ref_type.p ? row->ref_type : S(""), err);
}

/* A resource of which only the number matters: most are known from groups before. */
static bool expect_referred(struct group *g, int64_t type, struct str id, struct error *err)
{
	char buffer[72];
	int64_t rid;
	struct str key = target_key(id, type, buffer, g->a);
	return (key.p && cache_get(g->resources, key, &rid)) || expect(g, type, id, false, err);
}

/* The id of the Patient whose compartment a change belongs to: a store that spreads over machines keeps what belongs to
 * one patient together. Empty: none. */
static struct str patient_of(const struct group *g, const struct store_change *c)
{
	return g->patients ? compartment_owner(g->patients, c->type, c->id, c->rows, c->row_count) : S("");
}

static bool expect_patient(struct group *g, const struct store_change *c, struct error *err)
{
	struct str id = patient_of(g, c);
	return !id.n || expect_referred(g, names_type_named(g->names, S("Patient"), err), id, err);
}

static bool expect_rows(struct group *g, const struct index_row *rows, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct index_row *row = &rows[i];
		if (row->param->type == PARAM_REFERENCE && row->ref_id.p &&
		    !expect_referred(g, referred_type(g, row, err), row->ref_id, err))
			return false;
	}
	return true;
}

bool group_expect_added(struct group *g, const struct store_adding *adding, struct error *err)
{
	for (size_t i = 0; i < adding->version_count; i++)
		if (!expect_rows(g, adding->versions[i].rows, adding->versions[i].row_count, err))
			return false;
	return true;
}

bool group_expect(struct group *g, const struct store_txn *txn, struct error *err)
{
	for (size_t i = 0; i < txn->change_count; i++) {
		const struct store_change *c = &txn->changes[i];
		if (!expect(g, names_type(g->names, c->type, err), c->id, c->same, err) || !expect_patient(g, c, err) ||
		    !expect_rows(g, c->rows, c->row_count, err))
			return false;
	}
	return facts_expect(g, txn, err);
}

/* ---- checks -------------------------------------------------------------------------------------------------------
 */

/* Would the change leave everything as it is? Versions of old stores may have no hash, and nothing equals them. */
static bool changes_nothing(struct group *g, struct target *t, const struct store_change *c, const struct ready *ready,
			    bool *ret_nothing, struct error *err)
{
	bool present = t->version > 0 && t->op != STORE_DELETE;
	*ret_nothing = c->op == STORE_DELETE && !present && !(c->purge && t->version > 0);
	if (c->op != STORE_UPDATE || !c->same || !present)
		return true;
	if (!t->hashed && !g->load_hash(g->ctx, t, err))
		return false;
	*ret_nothing = t->hashed && memcmp(t->hash, ready->hash, STORED_HASH) == 0;
	return true;
}

static bool effect_add(struct group *g, struct target *t, struct store_change *c, const struct ready *ready,
		       struct error *err)
{
	struct effect *effects = arena_grow(g->a, g->effects, g->effect_count, &g->effect_capacity, g->effect_count + 1,
					    sizeof(*effects));
	if (!effects)
		return error_memory(err);
	g->effects = effects;
	struct effect *e = &effects[g->effect_count++];
	*e = (struct effect){.target = t,
			     .change = c,
			     .ready = ready,
			     .vid = ++g->last_vid,
			     .version = t->version + 1,
			     .old_vid = t->vid,
			     .old_version = t->version,
			     .old_time = t->time,
			     .old_op = t->op,
			     .old_hashed = t->hashed};
	memcpy(e->old_hash, t->hash, STORED_HASH);
	memcpy(t->hash, ready->hash, STORED_HASH);
	t->hashed = c->op != STORE_DELETE;
	t->vid = e->vid;
	t->version = e->version;
	t->time = g->time;
	t->op = c->op;
	c->version = e->version;
	c->updated_ms = g->time;
	return true;
}

static void effects_undo(struct group *g)
{
	while (g->effect_count) {
		struct effect *e = &g->effects[--g->effect_count];
		struct target *t = e->target;
		t->vid = e->old_vid;
		t->version = e->old_version;
		t->time = e->old_time;
		t->op = e->old_op;
		t->hashed = e->old_hashed;
		memcpy(t->hash, e->old_hash, STORED_HASH);
		g->last_vid--;
	}
}

bool group_check(struct group *g, struct item *item, struct error *err)
{
	struct store_txn *txn = item->txn;
	const struct ready *ready = item->prepared;
	g->effect_count = 0;
	if (!facts_check(g, item, err))
		return false;
	for (size_t i = 0; i < txn->change_count && item->err.code == ERR_NONE; i++) {
		struct store_change *c = &txn->changes[i];
		int64_t type = names_type(g->names, c->type, err);
		struct target *t = type ? target_get(g, type, c->id, err) : NULL;
		if (!t)
			return false;
		struct current now = {t->version, t->version > 0 && t->op != STORE_DELETE};
		if (!change_allowed(c, &now, &item->err)) {
			txn->failed = i;
			effects_undo(g);
			facts_undo(g);
			return true;
		}
		if (!changes_nothing(g, t, c, &ready[i], &c->unchanged, err))
			return false;
		c->updated_ms = t->time;
		if (!c->unchanged && !effect_add(g, t, c, &ready[i], err))
			return false;
	}
	if (!facts_revise(g, err))
		return false;
	for (size_t i = 0; i < g->effect_count; i++)
		target_list(g, g->effects[i].target);
	if (item->err.code == ERR_NONE)
		facts_keep(g, txn);
	return true;
}

/* ---- what is written ----------------------------------------------------------------------------------------------
 */

bool group_patient(struct group *g, const struct effect *e, int64_t *ret_rid, struct error *err)
{
	struct str id = patient_of(g, e->change);
	int64_t type = id.n ? names_type_named(g->names, S("Patient"), err) : 0;
	*ret_rid = type ? target_rid(g, type, id, err) : 0;
	return !id.n || *ret_rid != 0;
}

int64_t group_reference(void *ctx, int64_t type, struct str id, struct error *err)
{
	return target_rid(ctx, type, id, err);
}

bool group_terms(struct group *g, const struct effect *e, struct error *err)
{
	const struct store_change *c = e->change;
	const struct row_names names = {g->names, group_reference, g};
	return rows_write_terms(&names, c->type, e->target->type, c->rows, c->row_count, g->terms, err);
}

void group_tally(struct group *g, const struct effect *e)
{
	bool before = e->old_version > 0 && e->old_op != STORE_DELETE, after = e->change->op != STORE_DELETE;
	if (before != after)
		g->tallies[e->target->type % GROUP_TYPES] += after ? 1 : -1;
}

struct audit_event group_event(const struct store_txn *txn, size_t i)
{
	struct audit_event event = txn->events[i];
	if (!event.id.p && event.type.p && i < txn->change_count) {
		event.id = txn->changes[i].id;
		event.version = txn->changes[i].version;
	}
	return event;
}

static int compare_targets(const void *left, const void *right)
{
	const struct target *a = *(struct target *const *)left, *b = *(struct target *const *)right;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return str_cmp(a->id, b->id);
}

struct target **group_targets(struct group *g, size_t *ret_count)
{
	size_t count = 0, i = 0;
	for (struct target *t = g->written; t; t = t->next)
		count++;
	struct target **list = ARENA_ARRAY(g->a, struct target *, count + 1);
	if (!list)
		return NULL;
	for (struct target *t = g->written; t; t = t->next)
		list[i++] = t;
	if (count > 1)
		qsort(list, count, sizeof(struct target *), compare_targets);
	for (i = 0; i < count; i++)
		list[i]->listed = false;
	g->written = NULL;
	*ret_count = count;
	return list;
}
