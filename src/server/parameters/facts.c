/*
 * What is remembered in the store: which parameters are indexed, which are being indexed, and how far that is. A list
 * has a line for each parameter, its id and the digest of what its rows depend on; so one that is changed is not in it,
 * and one that was away for a while is taken out, since what was written meanwhile has none of its rows.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "server/parameters/parameters_priv.h"

#define PLACE_KEY S("place")
enum { LEASE_MS = 15000 };
static const struct str list_keys[] = {[LIST_INDEXED] = {"indexed", 7}, [LIST_RUNNING] = {"running", 7}};

/* Only the list of what is indexed matters to other processes. */
static struct store_fact fact_of(struct str key, struct str value)
{
	return (struct store_fact){
		.shelf = PARAMETERS_SHELF, .key = key, .value = value, .quiet = !str_eq(key, list_keys[LIST_INDEXED])};
}

/* If it is still what it was: another process may be at it as well. */
static struct store_fact fact_instead(struct str key, struct str before, struct str value)
{
	struct store_fact f = fact_of(key, value);
	f.expected = before;
	f.only_new = !before.p;
	return f;
}

static bool commit(struct parameters *p, struct store_fact *facts, size_t count, struct error *err)
{
	struct store_txn txn = {.facts = facts, .fact_count = count};
	return store_commit(p->o.store, &txn, err);
}

bool list_get(struct parameters *p, struct arena *a, enum list list, struct str *ret_text, struct error *err)
{
	return store_fact_get(p->o.store, a, PARAMETERS_SHELF, list_keys[list], ret_text, err);
}

/* A line without its end: "id digest". */
static bool line_is(struct str line, const struct known *k)
{
	struct str rest = line, id = str_split(&rest, ' ');
	return str_eq(id, k->id) && str_eq(rest, k->meaning);
}

bool list_has(struct str text, const struct known *k)
{
	for (struct str rest = text; rest.p && rest.n;)
		if (line_is(str_split(&rest, '\n'), k))
			return true;
	return false;
}

static void put_line(struct buf *out, const struct known *k)
{
	buf_printf(out, "%.*s %.*s\n", STR_ARG(k->id), STR_ARG(k->meaning));
}

static bool has_rows(const struct known *k)
{
	return k->standing == PARAMETER_INDEXING || k->standing == PARAMETER_SERVED;
}

/* What of a list the set still has, and whether that is all. */
static bool keep_known(const struct set *s, struct str text, struct buf *out)
{
	bool all = true;
	for (struct str rest = text; rest.p && rest.n;) {
		struct str line = str_split(&rest, '\n'), left = line;
		const struct known *k = set_find(s, str_split(&left, ' '));
		if (k && has_rows(k) && line_is(line, k))
			put_line(out, k);
		else
			all = false;
	}
	return all;
}

/* Without what the set does not have; *ret_changed: somebody else changed them meanwhile. */
static bool prune(struct parameters *p, struct set *s, bool *ret_changed, struct error *err)
{
	struct str indexed, running;
	struct store_fact facts[3];
	struct buf kept, ignored;
	size_t count = 0;
	*ret_changed = false;
	if (!list_get(p, &s->arena, LIST_INDEXED, &indexed, err) ||
	    !list_get(p, &s->arena, LIST_RUNNING, &running, err))
		return false;
	buf_init(&kept, (size_t)16 << 20);
	buf_init(&ignored, (size_t)16 << 20);
	if (!keep_known(s, indexed, &kept))
		facts[count++] = fact_instead(list_keys[LIST_INDEXED], indexed, buf_str(&kept));
	if (!keep_known(s, running, &ignored)) {
		facts[count++] = fact_instead(list_keys[LIST_RUNNING], running, STR_NULL);
		facts[count++] = fact_of(PLACE_KEY, STR_NULL);
	}
	bool ok = (buf_ok(&kept) && buf_ok(&ignored)) || error_memory(err);
	ok = ok && (!count || commit(p, facts, count, err));
	if (!ok && err->code == ERR_CONFLICT) {
		error_clear(err);
		*ret_changed = ok = true;
	}
	buf_done(&kept);
	buf_done(&ignored);
	return ok;
}

bool lists_prune(struct parameters *p, struct set *s, struct error *err)
{
	bool changed = p->o.writable, ok = true;
	while (ok && changed)
		ok = prune(p, s, &changed, err);
	return ok;
}

bool list_start(struct parameters *p, const struct set *s, struct arena *a, struct str *ret_running, struct error *err)
{
	struct buf list;
	buf_init(&list, (size_t)16 << 20);
	for (size_t i = 0; i < s->known_count; i++)
		if (s->known[i].standing == PARAMETER_INDEXING)
			put_line(&list, &s->known[i]);
	*ret_running = buf_ok(&list) ? arena_str(a, buf_str(&list)) : STR_NULL;
	buf_done(&list);
	struct store_fact facts[] = {fact_of(PLACE_KEY, STR_NULL), fact_of(list_keys[LIST_RUNNING], *ret_running)};
	return ret_running->p ? commit(p, facts, 2, err) : error_memory(err);
}

/* Is it open in the run's set, and was it in every set since? */
static bool is_finished(const struct set *now, const struct set *run, const struct known *k)
{
	const struct known *still = set_find(now, k->id);
	return k->standing == PARAMETER_INDEXING && still && has_rows(still) && str_eq(still->meaning, k->meaning) &&
	       still->since <= run->generation;
}

static bool mark(struct parameters *p, const struct set *s, struct str running, struct arena *a, struct buf *list,
		 struct error *err)
{
	struct str indexed;
	if (!list_get(p, a, LIST_INDEXED, &indexed, err))
		return false;
	if (indexed.p)
		buf_add(list, indexed);
	for (size_t i = 0; i < s->known_count; i++)
		if (is_finished(p->current, s, &s->known[i]) && !list_has(indexed, &s->known[i]))
			put_line(list, &s->known[i]);
	struct store_fact facts[] = {fact_instead(list_keys[LIST_INDEXED], indexed, buf_str(list)),
				     fact_of(PLACE_KEY, STR_NULL), fact_of(list_keys[LIST_RUNNING], STR_NULL)};
	facts[2].expected = running;
	return buf_ok(list) ? commit(p, facts, 3, err) : error_memory(err);
}

bool set_mark(struct parameters *p, const struct set *s, struct str running, struct error *err)
{
	struct arena a;
	struct buf list;
	arena_init(&a, (size_t)32 << 20);
	buf_init(&list, (size_t)16 << 20);
	pthread_mutex_lock(&p->loading);
	bool ok = mark(p, s, running, &a, &list, err);
	pthread_mutex_unlock(&p->loading);
	buf_done(&list);
	arena_done(&a);
	return ok;
}

/* ---- who indexes ---------------------------------------------------------------------------------------------------
 */

static struct store_fact lease_of(struct parameters *p)
{
	struct store_fact f = fact_of(S("runner"), str_from(p->self));
	f.expires_ms = clock_now_ms() + LEASE_MS;
	return f;
}

bool lease_take(struct parameters *p, bool *ret_ours, struct error *err)
{
	struct store_fact f = lease_of(p);
	/* What a process that was killed has left behind does not hold up the next one of a store with one process. */
	f.only_new = store_is_shared(p->o.store);
	*ret_ours = true;
	if (commit(p, &f, 1, err))
		return true;
	if (err->code != ERR_CONFLICT)
		return false;
	error_clear(err);
	f.only_new = false;
	f.expected = f.value;
	if (commit(p, &f, 1, err))
		return true;
	*ret_ours = false;
	if (err->code != ERR_CONFLICT)
		return false;
	error_clear(err);
	return true;
}

/* What fails here is over when it expires. */
void lease_drop(struct parameters *p)
{
	struct error ignored = {0};
	struct store_fact f = fact_of(S("runner"), STR_NULL);
	f.expected = str_from(p->self);
	if (!commit(p, &f, 1, &ignored))
		error_clear(&ignored);
}

/* ---- how far a run is ----------------------------------------------------------------------------------------------
 */

bool place_put(struct parameters *p, struct arena *a, const struct run_place *place, struct error *err)
{
	struct buf hex;
	buf_init(&hex, 1 << 16);
	if (place->position.p)
		encode_base64url(&hex, place->position);
	struct str value = buf_ok(&hex) ? arena_printf(a, "%.*s %" PRId64 " %" PRId64 " %.*s", STR_ARG(place->type),
						       place->done, place->total, STR_ARG(buf_str(&hex)))
					: STR_NULL;
	buf_done(&hex);
	struct store_fact facts[] = {fact_of(PLACE_KEY, value), lease_of(p)};
	facts[1].expected = facts[1].value;
	return value.p ? commit(p, facts, 2, err) : error_memory(err);
}

static int64_t number_of(struct str text)
{
	uint64_t value = 0;
	return str_to_u64(text, &value) && value <= INT64_MAX ? (int64_t)value : 0;
}

bool place_get(struct parameters *p, struct arena *a, struct run_place *ret_place, struct error *err)
{
	struct str rest;
	struct buf position;
	*ret_place = (struct run_place){0};
	if (!store_fact_get(p->o.store, a, PARAMETERS_SHELF, PLACE_KEY, &rest, err) || !rest.p)
		return rest.p || !err->code;
	struct str type = str_split(&rest, ' '), done = rest.p ? str_split(&rest, ' ') : STR_NULL;
	struct str total = rest.p ? str_split(&rest, ' ') : STR_NULL;
	buf_init(&position, 1 << 16);
	if (rest.n && decode_base64url(&position, rest) && buf_ok(&position)) {
		ret_place->position = arena_str(a, buf_str(&position));
		ret_place->type = type;
		ret_place->done = number_of(done);
		ret_place->total = number_of(total);
	}
	buf_done(&position);
	return true;
}

void progress_of(struct parameters *p, struct arena *a, int64_t *ret_done, int64_t *ret_total)
{
	struct run_place place;
	struct error ignored = {0};
	pthread_mutex_lock(&p->lock);
	*ret_done = p->done;
	*ret_total = p->total;
	pthread_mutex_unlock(&p->lock);
	if (*ret_total >= 0 || !store_is_shared(p->o.store))
		return;
	if (!place_get(p, a, &place, &ignored)) {
		error_clear(&ignored);
	} else if (place.type.p) {
		*ret_done = place.done;
		*ret_total = place.total;
	}
}
