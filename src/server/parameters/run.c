/*
 * Indexing what is new. A run takes the parameters that are open, goes through all current resources of their types,
 * a page at a time, and gives them their rows; after each page its place is remembered, so a run that was interrupted
 * goes on from there. It begins when nobody uses an older set any more: from then on whatever is written has its rows
 * already, and one snapshot of each type, taken after that, is all there is to do. What changes meanwhile waits for the
 * next run, unless it changes what this one indexes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/parameters/parameters_priv.h"

enum { PAGE = 200, PAUSE_S = 5, OTHER_S = 2 };

struct run {
	struct parameters *p;
	const struct set *set;
	uint64_t seen; /* generation that the run was last held to */
	struct arena arena, page_arena;
	struct search_added *added;
	size_t added_count;
	struct run_place place;
	struct str running; /* what is remembered of it while it goes on */
	bool over; /* what it does is no longer wanted */
};

static const struct set *set_of(const struct parameter_set *shown)
{
	return (const struct set *)(const void *)shown;
}

static bool is_closing(struct parameters *p)
{
	pthread_mutex_lock(&p->lock);
	bool closing = p->closing;
	pthread_mutex_unlock(&p->lock);
	return closing;
}

static void tell(struct run *r, int64_t done, int64_t total)
{
	pthread_mutex_lock(&r->p->lock);
	r->p->done = done > total && total >= 0 ? total : done;
	r->p->total = total;
	pthread_mutex_unlock(&r->p->lock);
}

/* Until nobody uses an older set. False when something else is to be done first. */
static bool wait_for_users(struct run *r)
{
	struct parameters *p = r->p;
	pthread_mutex_lock(&p->lock);
	while (p->retired && !p->closing && atomic_load(&p->wanted) == r->set->generation)
		pthread_cond_wait(&p->changed, &p->lock);
	bool ours = !p->retired && !p->closing && p->current == r->set;
	pthread_mutex_unlock(&p->lock);
	return ours;
}

/* When SearchParameters changed: is what is indexed here still what is wanted? */
static bool still_wanted(struct run *r, struct error *err)
{
	if (is_closing(r->p)) {
		r->over = true;
		return true;
	}
	uint64_t now = atomic_load(&r->p->wanted);
	if (now == r->seen)
		return true;
	const struct parameter_set *shown = parameters_use(r->p, err);
	if (!shown)
		return false;
	for (size_t i = 0; i < r->set->known_count; i++) {
		const struct known *k = &r->set->known[i], *still = set_find(set_of(shown), k->id);
		if (k->standing == PARAMETER_INDEXING)
			r->over = r->over || !still || still->since > r->set->generation ||
				  still->standing != PARAMETER_INDEXING;
	}
	parameters_done(r->p, shown);
	r->seen = now;
	return true;
}

/* ---- one page ------------------------------------------------------------------------------------------------------
 */

/* The parameters of one type. */
static size_t params_of(const struct run *r, const struct fhir_type *type, const struct search_param **params)
{
	size_t count = 0;
	for (size_t i = 0; i < r->added_count; i++)
		if (r->added[i].type == type)
			params[count++] = r->added[i].param;
	return count;
}

static bool is_one_of(const struct search_param *param, const struct search_param *const *params, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (params[i] == param)
			return true;
	return false;
}

/* A resource that cannot be read, or whose rows cannot be told, has none of the parameter; the check of the store tells
 * of it. */
static bool rows_of(struct run *r, const struct store_adding *adding, const struct store_entry *entry,
		    struct store_rows *ret_rows, struct error *err)
{
	struct error own = {0};
	struct index_rows rows = {0};
	size_t count = 0;
	const struct json *body = json_parse(&r->page_arena, entry->body, 0, &own);
	if (!body || !extract(r->set->extractor, &r->page_arena, body, r->p->o.base, &rows, &own)) {
		if (own.code == ERR_MEMORY)
			return error_memory(err);
		rows.count = 0;
	}
	for (size_t i = 0; i < rows.count; i++)
		if (is_one_of(rows.rows[i].param, adding->params, adding->param_count))
			rows.rows[count++] = rows.rows[i];
	*ret_rows = (struct store_rows){entry->vid, rows.rows, count};
	return true;
}

static bool do_page(struct run *r, struct store_adding *adding, struct error *err)
{
	struct store_page page;
	struct store_rows *versions;
	arena_reset(&r->page_arena);
	if (!store_page_of(r->p, &r->page_arena, adding->type, PAGE, r->place.position, &page, err))
		return false;
	versions = ARENA_ARRAY(&r->page_arena, struct store_rows, page.count + 1);
	if (!versions)
		return error_memory(err);
	for (size_t i = 0; i < page.count; i++)
		if (!rows_of(r, adding, &page.entries[i], &versions[i], err))
			return false;
	adding->versions = versions;
	adding->version_count = page.count;
	if (page.count && !store_add_rows(r->p->o.store, adding, err))
		return false;
	r->place.done += (int64_t)page.count;
	r->place.position = page.next.p ? arena_str(&r->arena, page.next) : STR_NULL;
	return !page.next.p || r->place.position.p || error_memory(err);
}

/* ---- a run ---------------------------------------------------------------------------------------------------------
 */

static bool do_type(struct run *r, const struct fhir_type *type, struct error *err)
{
	const struct search_param **params = ARENA_ARRAY(&r->arena, const struct search_param *, r->added_count + 1);
	struct store_adding adding = {.type = type, .params = params};
	if (!params)
		return error_memory(err);
	adding.param_count = params_of(r, type, params);
	r->place.type = type->name;
	for (bool more = true; more;) {
		if (!still_wanted(r, err))
			return false;
		if (r->over)
			return true;
		/* A snapshot may be too old by now: then from the start, which changes nothing twice. */
		if (!do_page(r, &adding, err)) {
			if (err->code != ERR_CURSOR || !r->place.position.p)
				return false;
			error_clear(err);
			r->place.position = STR_NULL;
			continue;
		}
		tell(r, r->place.done, r->place.total);
		more = r->place.position.p != NULL;
		if (more && !place_put(r->p, &r->page_arena, &r->place, err))
			return false;
	}
	return true;
}

static bool has_added(const struct run *r, const struct fhir_type *type)
{
	for (size_t i = 0; i < r->added_count; i++)
		if (r->added[i].type == type)
			return true;
	return false;
}

/* Goes on with a run of the same parameters, or begins one. */
static bool begin(struct run *r, const struct store_count *counts, size_t count, struct error *err)
{
	bool same = true;
	if (!list_get(r->p, &r->arena, LIST_RUNNING, &r->running, err) || !place_get(r->p, &r->arena, &r->place, err))
		return false;
	for (size_t i = 0; i < r->set->known_count; i++)
		if (r->set->known[i].standing == PARAMETER_INDEXING)
			same = same && list_has(r->running, &r->set->known[i]);
	if (same && r->place.type.p)
		return true;
	r->place = (struct run_place){0};
	for (size_t i = 0; i < count; i++)
		if (has_added(r, counts[i].type))
			r->place.total += counts[i].count;
	return list_start(r->p, r->set, &r->arena, &r->running, err);
}

static bool do_all(struct run *r, struct error *err)
{
	struct store_count *counts;
	size_t count;
	if (!search_registry_added(r->p->o.definitions, r->set->all, r->set->served, &r->arena, &r->added,
				   &r->added_count, err) ||
	    !store_counts(r->p->o.store, &r->arena, &counts, &count, err) || !begin(r, counts, count, err))
		return false;
	tell(r, r->place.done, r->place.total);
	struct str from = r->place.type;
	for (size_t i = 0; i < definitions_resource_count(r->p->o.definitions) && !r->over; i++) {
		const struct fhir_type *type = definitions_resource_at(r->p->o.definitions, i);
		if (from.p && !str_eq(from, type->name))
			continue;
		from = STR_NULL;
		if (has_added(r, type) && !do_type(r, type, err))
			return false;
	}
	if (r->over || !still_wanted(r, err) || r->over)
		return !err->code;
	if (!set_mark(r->p, r->set, r->running, err))
		return false;
	atomic_fetch_add(&r->p->wanted, 1);
	return true;
}

static void note_trouble(struct parameters *p, const struct error *err)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PAUSE_S;
	pthread_mutex_lock(&p->lock);
	snprintf(p->trouble, sizeof(p->trouble), "%.250s", err->text);
	while (!p->closing && pthread_cond_timedwait(&p->changed, &p->lock, &until) != ETIMEDOUT)
		;
	p->trouble[0] = '\0';
	pthread_mutex_unlock(&p->lock);
}

/* Another process that is at it has told us when it is done, or its lease ends. */
static void wait_for_other(struct parameters *p)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += OTHER_S;
	pthread_mutex_lock(&p->lock);
	if (!p->closing)
		pthread_cond_timedwait(&p->changed, &p->lock, &until);
	pthread_mutex_unlock(&p->lock);
}

static bool run_set(struct parameters *p, const struct set *set, struct error *err)
{
	struct run r = {.p = p, .set = set, .seen = set->generation};
	bool ours = false;
	if (!wait_for_users(&r))
		return true;
	if (!lease_take(p, &ours, err))
		return false;
	if (!ours) {
		wait_for_other(p);
		return true;
	}
	arena_init(&r.arena, (size_t)64 << 20);
	arena_init(&r.page_arena, ARENA_NO_CAP);
	bool ok = do_all(&r, err);
	/* Somebody else has gone on with it, or what it was about has changed. */
	if (!ok && err->code == ERR_CONFLICT) {
		error_clear(err);
		ok = true;
	}
	lease_drop(p);
	arena_done(&r.page_arena);
	arena_done(&r.arena);
	tell(&r, 0, -1);
	return ok;
}

static void wait_for_change(struct parameters *p, uint64_t generation)
{
	pthread_mutex_lock(&p->lock);
	while (!p->closing && atomic_load(&p->wanted) == generation)
		pthread_cond_wait(&p->changed, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

void *parameters_run(void *ctx)
{
	struct parameters *p = ctx;
	while (!is_closing(p)) {
		struct error err = {0};
		const struct parameter_set *shown = parameters_use(p, &err);
		if (!shown) {
			note_trouble(p, &err);
			continue;
		}
		uint64_t generation = set_of(shown)->generation;
		bool open = shown->adding != NULL;
		bool ok = !open || run_set(p, set_of(shown), &err);
		parameters_done(p, shown);
		if (!ok)
			note_trouble(p, &err);
		else if (!open)
			wait_for_change(p, generation);
	}
	return NULL;
}
