/* See tenants.h. Opening and closing stores takes time, so it happens without the lock, marked in the entry. */
#include "app/tenants.h"

#include <pthread.h>
#include <stdlib.h>

#include "app/expiry.h"
#include "base/clock.h"

enum { DEFAULT_IDLE_MS = 300000, NAME_SIZE = 64 };

struct entry {
	struct realm realm; /* first: a realm is its entry */
	char name[NAME_SIZE];
	bool changing; /* being opened or closed by someone */
	bool open;
	unsigned users;
	int64_t used_ms;
	struct entry *next;
};

struct tenants {
	struct tenants_options o;
	struct str base_url;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct entry *entries;
	unsigned count;
};

struct tenants *tenants_open(const struct tenants_options *options, struct error *err)
{
	struct tenants *t = calloc(1, sizeof(*t));
	if (!t) {
		error_memory(err);
		return NULL;
	}
	t->o = *options;
	t->base_url = options->base_url;
	t->o.idle_ms = options->idle_ms ? options->idle_ms : DEFAULT_IDLE_MS;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	return t;
}

static int64_t now_ms(void)
{
	return (int64_t)(clock_monotonic_ns() / 1000000);
}

/* ---- with the lock held ----------------------------------------------------------------------------------------- */

static struct entry *find(const struct tenants *t, struct str name)
{
	for (struct entry *e = t->entries; e; e = e->next)
		if (str_is(name, e->name))
			return e;
	return NULL;
}

static void drop(struct tenants *t, struct entry *entry)
{
	for (struct entry **at = &t->entries; *at; at = &(*at)->next) {
		if (*at != entry)
			continue;
		*at = entry->next;
		t->count--;
		break;
	}
	free(entry);
	pthread_cond_broadcast(&t->changed);
}

/* Closes an open entry that nobody uses. The lock is let go meanwhile. */
static void close_entry(struct tenants *t, struct entry *e)
{
	e->changing = true;
	pthread_mutex_unlock(&t->lock);
	realm_close(&e->realm);
	pthread_mutex_lock(&t->lock);
	drop(t, e);
}

/* Jobs of a tenant run on without anyone holding its realm. */
static bool closable(const struct entry *e)
{
	return e->open && !e->changing && !e->users && !jobs_busy(e->realm.jobs);
}

static struct entry *longest_idle(const struct tenants *t)
{
	struct entry *best = NULL;
	for (struct entry *e = t->entries; e; e = e->next)
		if (closable(e) && (!best || e->used_ms < best->used_ms))
			best = e;
	return best;
}

static bool make_room(struct tenants *t, struct error *err)
{
	struct entry *idle = longest_idle(t);
	if (!idle)
		return error_set(
			err, ERR_BUSY,
			"The limit of %u tenants open at once is reached (limits.tenants), and all are in use; "
			"try again shortly",
			t->o.max_open);
	close_entry(t, idle);
	return true;
}

static bool check_exists(const struct tenants *t, struct str name, struct error *err)
{
	bool exists = false;
	if (!store_tenant_name_valid(name))
		return error_set(err, ERR_NOT_FOUND, "There is no such tenant");
	if (!store_has_tenant(t->o.root, name, &exists, err))
		return false;
	return exists || error_set(err, ERR_NOT_FOUND, "There is no such tenant");
}

/* Opens a tenant that has no entry. The lock is let go while its store opens. */
static struct entry *open_entry(struct tenants *t, struct str name, struct error *err)
{
	struct entry *e = calloc(1, sizeof(*e));
	if (!e) {
		error_memory(err);
		return NULL;
	}
	memcpy(e->name, name.p, name.n);
	e->changing = true;
	e->next = t->entries;
	t->entries = e;
	t->count++;
	pthread_mutex_unlock(&t->lock);
	const struct realm_options options = {
		.service = t->o.service, .base_url = t->o.base_url, .tenant = str_from(e->name)};
	bool ok = realm_open(&e->realm, &options, err);
	/* Told with each opening: a tenant that nobody uses needs no warning. */
	if (ok && t->o.service->log && e->realm.smart)
		(void)!expiry_log(e->realm.smart, clock_now_ms(), NULL);
	pthread_mutex_lock(&t->lock);
	if (!ok) {
		drop(t, e);
		return NULL;
	}
	e->changing = false;
	e->open = true;
	pthread_cond_broadcast(&t->changed);
	return e;
}

/* ---- for callers ------------------------------------------------------------------------------------------------ */

struct realm *tenants_take(struct tenants *t, struct str name, struct error *err)
{
	struct entry *e;
	pthread_mutex_lock(&t->lock);
	for (;;) { /* whatever lets the lock go makes the list another one */
		e = find(t, name);
		if (e && !e->changing)
			break;
		if (e)
			pthread_cond_wait(&t->changed, &t->lock);
		else if (!check_exists(t, name, err) || (t->count >= t->o.max_open && !make_room(t, err)))
			break;
		else if (t->count < t->o.max_open && !find(t, name)) {
			e = open_entry(t, name, err);
			break;
		}
	}
	if (e) {
		e->users++;
		e->used_ms = now_ms();
	}
	pthread_mutex_unlock(&t->lock);
	return e ? &e->realm : NULL;
}

void tenants_give(struct tenants *t, struct realm *realm)
{
	struct entry *e = (struct entry *)(void *)realm;
	pthread_mutex_lock(&t->lock);
	e->users--;
	e->used_ms = now_ms();
	pthread_mutex_unlock(&t->lock);
}

void tenants_sweep(struct tenants *t)
{
	pthread_mutex_lock(&t->lock);
	for (;;) {
		struct entry *e = longest_idle(t);
		if (!e || now_ms() - e->used_ms < t->o.idle_ms)
			break;
		close_entry(t, e);
	}
	pthread_mutex_unlock(&t->lock);
}

void tenants_close(struct tenants *t)
{
	if (!t)
		return;
	while (t->entries) {
		struct entry *e = t->entries;
		t->entries = e->next;
		realm_close(&e->realm);
		free(e);
	}
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
