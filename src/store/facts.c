/*
 * Facts of transactions, independent of where they are kept: what the group knows of each fact, whether conditions
 * hold, and what is to be written. A fact that several transactions of a group touch is looked up once and written
 * once.
 */
#include "store/group.h"

enum { MOST_NAME = 2000, MOST_VALUE = 16 << 20 };

bool fact_allowed(const struct store_fact *fact, struct error *err)
{
	if (fact->shelf.n + fact->key.n > MOST_NAME)
		return error_set(err, ERR_LIMIT, "The name of a fact has more than %d bytes", MOST_NAME);
	if (fact->value.n > MOST_VALUE)
		return error_set(err, ERR_LIMIT, "The value of a fact has more than %d bytes", MOST_VALUE);
	return true;
}

static void put(char **at, const void *bytes, size_t n)
{
	if (n)
		memcpy(*at, bytes, n);
	*at += n;
}

/* The state of this name, made when the group has not met it. Not loaded by itself. */
static struct fact_state *state_find(struct group *g, const struct store_fact *fact, struct error *err)
{
	char buffer[sizeof(uint32_t) + MOST_NAME], *end = buffer;
	uint32_t shelf_n = (uint32_t)fact->shelf.n;
	put(&end, &shelf_n, sizeof(shelf_n));
	put(&end, fact->shelf.p, fact->shelf.n);
	put(&end, fact->key.p, fact->key.n);
	struct str name = str_make(buffer, (size_t)(end - buffer));
	uint64_t *slot = map_get(&g->facts, name);
	if (slot)
		return (struct fact_state *)(uintptr_t)*slot;
	name = arena_str(g->a, name);
	struct fact_state *f = ARENA_NEW(g->a, struct fact_state);
	slot = name.p && f ? map_put(&g->facts, name, NULL) : NULL;
	if (!slot) {
		error_memory(err);
		return NULL;
	}
	*slot = (uint64_t)(uintptr_t)f;
	f->shelf = str_slice(name, sizeof(shelf_n), sizeof(shelf_n) + shelf_n);
	f->key = str_slice(name, sizeof(shelf_n) + shelf_n, name.n);
	return f;
}

bool fact_loaded(struct group *g, struct fact_state *f, struct str value, int64_t expires, struct error *err)
{
	f->value = arena_str(g->a, value);
	f->expires = expires;
	return f->value.p || error_memory(err);
}

/* Must what is there be known? */
static bool depends(const struct store_txn *txn, const struct store_fact *fact)
{
	return fact->only_new || fact->must_exist || fact->expected.p || fact->count || fact->only_look || txn->found;
}

static bool expect(struct group *g, const struct store_fact *fact, struct error *err)
{
	struct fact_state *f = state_find(g, fact, err);
	if (!f)
		return false;
	if (f->loaded)
		return true;
	f->loaded = true;
	f->next = g->facts_unloaded;
	g->facts_unloaded = f;
	return true;
}

static const struct store_fact revision = {.shelf = {"revision", 8}, .key = {"SearchParameter", 15}};

bool facts_expect(struct group *g, const struct store_txn *txn, struct error *err)
{
	for (size_t i = 0; i < txn->fact_count; i++)
		if (depends(txn, &txn->facts[i]) && !expect(g, &txn->facts[i], err))
			return false;
	return !txn->revision.p || expect(g, &revision, err);
}

/* ---- checks -------------------------------------------------------------------------------------------------------
 */

static bool condition_holds(const struct store_fact *fact, struct str now, struct error *err)
{
	if (fact->only_new && now.p)
		return error_set(err, ERR_CONFLICT, "There is such an entry already");
	if ((fact->must_exist || fact->expected.p) && !now.p)
		return error_set(err, ERR_CONFLICT, "There is no such entry, or no more");
	if (fact->expected.p && !str_eq(fact->expected, now))
		return error_set(err, ERR_CONFLICT, "The entry is no longer what was expected");
	return true;
}

static bool count_up(struct group *g, struct str now, struct str *ret_next, bool *ret_counter, struct error *err)
{
	int64_t number = 0;
	*ret_counter = !now.p || (str_to_i64(now, &number) && number < INT64_MAX);
	if (!*ret_counter)
		return true;
	*ret_next = arena_printf(g->a, "%lld", (long long)number + 1);
	return ret_next->p || error_memory(err);
}

static bool remember(struct group *g, struct fact_state *f, struct error *err)
{
	struct fact_effect *effects = arena_grow(g->a, g->fact_effects, g->fact_effect_count, &g->fact_effect_capacity,
						 g->fact_effect_count + 1, sizeof(*effects));
	if (!effects)
		return error_memory(err);
	g->fact_effects = effects;
	effects[g->fact_effect_count++] = (struct fact_effect){f, f->value, f->expires, f->loaded};
	return true;
}

void facts_undo(struct group *g)
{
	while (g->fact_effect_count) {
		const struct fact_effect *e = &g->fact_effects[--g->fact_effect_count];
		e->state->value = e->old_value;
		e->state->expires = e->old_expires;
		e->state->loaded = e->old_loaded;
	}
}

static bool tell_found(const struct store_txn *txn, struct store_fact *fact, struct str value, int64_t expires,
		       struct error *err)
{
	fact->found = txn->found && value.p ? arena_str(txn->found, value) : STR_NULL;
	fact->found_expires_ms = value.p ? expires : 0;
	return fact->found.p || !value.p || !txn->found || error_memory(err);
}

/* A condition that does not hold goes to item->err. */
static bool apply(struct group *g, struct item *item, struct store_fact *fact, struct error *err)
{
	struct fact_state *f = state_find(g, fact, err);
	if (!f || (depends(item->txn, fact) && !f->loaded && !g->load_fact(g->ctx, f, err)))
		return false;
	bool expired = f->expires > 0 && f->expires <= g->time, counter = true;
	struct str now = expired ? STR_NULL : f->value, next = fact->value;
	if (!tell_found(item->txn, fact, now, f->expires, err))
		return false;
	if (!condition_holds(fact, now, &item->err) || fact->only_look)
		return true;
	if (fact->count && !count_up(g, now, &next, &counter, err))
		return false;
	if (!counter) {
		error_set(&item->err, ERR_CONFLICT, "The entry is no counter");
		return true;
	}
	if (!remember(g, f, err))
		return false;
	if (!fact->count || !now.p)
		f->expires = next.p ? fact->expires_ms : 0;
	f->value = next;
	f->loaded = true;
	return !fact->count || tell_found(item->txn, fact, next, f->expires, err);
}

static void tell(struct told *told, struct str shelf)
{
	for (size_t i = 0; i < told->count; i++)
		if (str_eq(told->shelves[i], shelf))
			return;
	if (told->count < MOST_TOLD)
		told->shelves[told->count++] = shelf;
	else
		told->all = true;
}

static bool check_revision(struct group *g, struct item *item, struct error *err)
{
	struct store_txn *txn = item->txn;
	if (!txn->revision.p || !txn->change_count)
		return true;
	struct fact_state *f = state_find(g, &revision, err);
	if (!f || (!f->loaded && !g->load_fact(g->ctx, f, err)))
		return false;
	txn->stale = !str_eq(txn->revision, f->value.p ? f->value : S("0"));
	if (txn->stale)
		error_set(&item->err, ERR_CONFLICT_RETRY,
			  "The search parameters were changed while this was prepared; try again");
	return true;
}

bool facts_revise(struct group *g, struct error *err)
{
	bool any = false;
	for (size_t i = 0; i < g->effect_count && !any; i++)
		any = str_eq(g->effects[i].change->type->name, REVISED_TYPE);
	if (!any)
		return true;
	struct fact_state *f = state_find(g, &revision, err);
	bool counter;
	if (!f || (!f->loaded && !g->load_fact(g->ctx, f, err)) || !remember(g, f, err) ||
	    !count_up(g, f->value, &f->value, &counter, err))
		return false;
	f->loaded = true;
	tell(&g->told, revision.shelf);
	return counter || error_set(err, ERR_STORE, "The store is damaged: a revision is no number");
}

bool facts_check(struct group *g, struct item *item, struct error *err)
{
	struct store_txn *txn = item->txn;
	g->fact_effect_count = 0;
	if (!check_revision(g, item, err))
		return false;
	if (item->err.code != ERR_NONE)
		return true;
	for (size_t i = 0; i < txn->fact_count; i++) {
		if (!apply(g, item, &txn->facts[i], err))
			return false;
		if (item->err.code == ERR_NONE)
			continue;
		txn->failed = i;
		txn->fact_failed = true;
		facts_undo(g);
		return true;
	}
	return true;
}

void facts_keep(struct group *g, const struct store_txn *txn)
{
	for (size_t i = 0; i < g->fact_effect_count; i++) {
		struct fact_state *f = g->fact_effects[i].state;
		if (f->listed)
			continue;
		f->listed = true;
		f->next = g->facts_written;
		g->facts_written = f;
		g->facts_put++;
	}
	for (size_t i = 0; i < txn->fact_count; i++)
		if (!txn->facts[i].only_look && !txn->facts[i].quiet)
			tell(&g->told, txn->facts[i].shelf);
}
