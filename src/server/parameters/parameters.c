/* Sets and their users: loading when something changed, retiring what is old, freeing it when its last user is gone. */
#include "server/parameters/parameters.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "server/parameters/parameters_priv.h"

/* The next who asks for a set loads it. */
static void note_change(struct parameters *p)
{
	atomic_fetch_add(&p->wanted, 1);
	pthread_mutex_lock(&p->lock);
	if (!p->started && !p->closing)
		p->started = pthread_create(&p->thread, NULL, parameters_run, p) == 0;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

/* On a thread of the store. */
static void hear(void *ctx, struct str shelf)
{
	if (!shelf.p || str_eq(shelf, STORE_REVISION) || str_eq(shelf, PARAMETERS_SHELF))
		note_change(ctx);
}

void parameters_stale(struct parameters *p)
{
	note_change(p);
}

/* Puts a set in the place of the current one, which is freed when nobody uses it. */
static void replace(struct parameters *p, struct set *next)
{
	pthread_mutex_lock(&p->lock);
	struct set *old = p->current;
	p->current = next;
	bool used = old && old->users;
	p->retired += used;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	if (!used)
		set_free(old);
}

static struct set *take_current(struct parameters *p)
{
	pthread_mutex_lock(&p->lock);
	struct set *s = p->current;
	bool fresh = s && s->generation == atomic_load(&p->wanted);
	if (fresh)
		s->users++;
	pthread_mutex_unlock(&p->lock);
	return fresh ? s : NULL;
}

const struct parameter_set *parameters_use(struct parameters *p, struct error *err)
{
	struct set *s = take_current(p);
	if (s)
		return &s->shown;
	pthread_mutex_lock(&p->loading);
	while (!(s = take_current(p))) {
		struct set *loaded = set_load(p, atomic_load(&p->wanted), err);
		if (!loaded)
			break;
		replace(p, loaded);
	}
	pthread_mutex_unlock(&p->loading);
	return s ? &s->shown : NULL;
}

void parameters_done(struct parameters *p, const struct parameter_set *set)
{
	struct set *s = (struct set *)(uintptr_t)set, *freed = NULL;
	pthread_mutex_lock(&p->lock);
	if (--s->users == 0 && s != p->current) {
		p->retired--;
		freed = s;
		pthread_cond_broadcast(&p->changed);
	}
	pthread_mutex_unlock(&p->lock);
	set_free(freed);
}

struct str parameters_progress(struct parameters *p, struct arena *a)
{
	int64_t done, total;
	progress_of(p, a, &done, &total);
	struct str text =
		total < 0 ? S("it has not begun yet")
			  : arena_printf(a, "%lld of %lld resources are done", (long long)done, (long long)total);
	return text.p ? text : S("");
}

static bool anything_open(const struct set *s)
{
	return s->shown.adding != NULL;
}

struct parameters *parameters_open(const struct parameters_options *options, struct error *err)
{
	struct parameters *p = calloc(1, sizeof(*p));
	if (!p) {
		error_memory(err);
		return NULL;
	}
	p->o = *options;
	p->total = -1;
	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_init(&p->loading, NULL);
	pthread_cond_init(&p->changed, NULL);
	unsigned char self[16];
	random_bytes(self, sizeof(self));
	for (size_t i = 0; i < sizeof(self); i++)
		snprintf(p->self + 2 * i, 3, "%02x", self[i]);
	p->watching = options->indexing && store_watch_facts(options->store, hear, p, err);
	const struct parameter_set *set = p->watching || !options->indexing ? parameters_use(p, err) : NULL;
	if (!set) {
		parameters_close(p);
		return NULL;
	}
	bool open = anything_open((const struct set *)(const void *)set);
	parameters_done(p, set);
	if (open && options->indexing)
		note_change(p);
	return p;
}

void parameters_close(struct parameters *p)
{
	if (!p)
		return;
	if (p->watching)
		store_unwatch_facts(p->o.store, hear, p);
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	if (p->started)
		pthread_join(p->thread, NULL);
	set_free(p->current);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	pthread_mutex_destroy(&p->loading);
	free(p);
}

bool parameters_settle(struct parameters *p, struct error *err)
{
	const struct parameter_set *set = parameters_use(p, err);
	if (!set)
		return false;
	bool ok = set_mark(p, (const struct set *)(const void *)set, STR_NULL, err);
	parameters_done(p, set);
	atomic_fetch_add(&p->wanted, 1);
	return ok;
}
