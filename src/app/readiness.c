/* See readiness.h. */
#include "app/readiness.h"

#include "base/clock.h"

enum { AGAIN_NS = 1000000000 };

void readiness_init(struct readiness *r, struct store *store)
{
	*r = (struct readiness){.store = store};
	pthread_mutex_init(&r->lock, NULL);
}

void readiness_done(struct readiness *r)
{
	pthread_mutex_destroy(&r->lock);
}

/* Read back, too: what was written must be seen by whoever asks afterwards. */
static bool try_store(struct store *store, uint64_t now, struct error *err)
{
	struct arena a;
	struct str value;
	arena_init(&a, 64 * 1024);
	const struct store_fact probe = {.shelf = S("health"),
					 .key = S("probe"),
					 .value = arena_printf(&a, "%llu", (unsigned long long)now),
					 .quiet = true};
	bool ok = (probe.value.p || error_memory(err)) && store_fact_put(store, &probe, err) &&
		  store_fact_get(store, &a, probe.shelf, probe.key, &value, err);
	arena_done(&a);
	return ok;
}

bool readiness_check(struct readiness *r, struct error *err)
{
	pthread_mutex_lock(&r->lock);
	uint64_t now = clock_monotonic_ns();
	if (!r->asked || now - r->asked_ns >= AGAIN_NS) {
		r->trouble = (struct error){0};
		if (!try_store(r->store, now, &r->trouble) && r->trouble.code == ERR_NONE)
			error_set(&r->trouble, ERR_STORE, "The store does not answer");
		r->asked = true;
		r->asked_ns = now;
	}
	bool ok = r->trouble.code == ERR_NONE;
	if (!ok)
		*err = r->trouble;
	pthread_mutex_unlock(&r->lock);
	return ok;
}
