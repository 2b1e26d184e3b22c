/*
 * What is remembered in the store: which parameters are indexed, which are being indexed, and how far that is. A list
 * has a line for each parameter, its id and the digest of what its rows depend on; so one that is changed is not in it,
 * and one that was away for a while is taken out, since what was written meanwhile has none of its rows.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/encode.h"
#include "server/parameters/parameters_priv.h"

#define PLACE_KEY S("place")
static const struct str list_keys[] = {[LIST_INDEXED] = {"indexed", 7}, [LIST_RUNNING] = {"running", 7}};

static bool put_fact(struct parameters *p, struct str key, struct str value, struct error *err)
{
	return store_fact_put(p->o.store, &(struct store_fact){.shelf = PARAMETERS_SHELF, .key = key, .value = value},
			      err);
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

bool lists_prune(struct parameters *p, struct set *s, struct error *err)
{
	struct str indexed, running;
	struct buf kept;
	if (!p->o.writable)
		return true;
	if (!list_get(p, &s->arena, LIST_INDEXED, &indexed, err) ||
	    !list_get(p, &s->arena, LIST_RUNNING, &running, err))
		return false;
	buf_init(&kept, (size_t)16 << 20);
	bool ok = true;
	if (!keep_known(s, indexed, &kept))
		ok = buf_ok(&kept) ? put_fact(p, list_keys[LIST_INDEXED], buf_str(&kept), err) : error_memory(err);
	buf_reset(&kept);
	if (ok && !keep_known(s, running, &kept))
		ok = list_start(p, NULL, false, err);
	buf_done(&kept);
	return ok;
}

bool list_start(struct parameters *p, const struct set *s, bool running, struct error *err)
{
	struct buf list;
	buf_init(&list, (size_t)16 << 20);
	for (size_t i = 0; running && i < s->known_count; i++)
		if (s->known[i].standing == PARAMETER_INDEXING)
			put_line(&list, &s->known[i]);
	bool ok = buf_ok(&list) || error_memory(err);
	ok = ok && put_fact(p, PLACE_KEY, STR_NULL, err) &&
	     put_fact(p, list_keys[LIST_RUNNING], running ? buf_str(&list) : STR_NULL, err);
	buf_done(&list);
	return ok;
}

/* Is it open in the run's set, and was it in every set since? */
static bool is_finished(const struct set *now, const struct set *run, const struct known *k)
{
	const struct known *still = set_find(now, k->id);
	return k->standing == PARAMETER_INDEXING && still && has_rows(still) && str_eq(still->meaning, k->meaning) &&
	       still->since <= run->generation;
}

bool set_mark(struct parameters *p, const struct set *s, struct error *err)
{
	struct arena a;
	struct buf list;
	struct str indexed;
	arena_init(&a, (size_t)32 << 20);
	buf_init(&list, (size_t)16 << 20);
	pthread_mutex_lock(&p->loading);
	bool ok = list_get(p, &a, LIST_INDEXED, &indexed, err);
	if (ok && indexed.p)
		buf_add(&list, indexed);
	for (size_t i = 0; ok && i < s->known_count; i++)
		if (is_finished(p->current, s, &s->known[i]) && !list_has(indexed, &s->known[i]))
			put_line(&list, &s->known[i]);
	ok = ok && (buf_ok(&list) || error_memory(err)) && put_fact(p, list_keys[LIST_INDEXED], buf_str(&list), err) &&
	     list_start(p, NULL, false, err);
	pthread_mutex_unlock(&p->loading);
	buf_done(&list);
	arena_done(&a);
	return ok;
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
	return value.p ? put_fact(p, PLACE_KEY, value, err) : error_memory(err);
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
