/*
 * Failed attempts, counted in the store: by the name that was tried, whether somebody has it or not, and by address.
 * Each attempt is counted before it is made, in the commit that finds that nobody has to wait; so guesses that come at
 * once, or to several processes, are counted as well. After the free attempts each one is followed by a wait twice as
 * long as the last, up to a limit that keeps strangers from locking somebody out for good (NIST SP 800-63B section
 * 3.2.2 asks for no more than 100 failures; 15 minutes between two are under 100 a day).
 */
#include "server/login/login_priv.h"

#include "base/clock.h"

#define SHELF S("attempt")
enum { USER_FREE = 5, ADDRESS_FREE = 300, WAIT_MS = 15 * 1000, WAIT_MOST_MS = 15 * 60 * 1000 };
enum { USER_WINDOW_MS = 24 * 60 * 60 * 1000, ADDRESS_WINDOW_MS = 15 * 60 * 1000 };

struct counted {
	struct str count_key, wait_key;
	uint64_t free;
	int64_t window_ms;
};

static bool counted_by(struct arena *a, const char *what, struct str who, uint64_t free, int64_t window_ms,
		       struct counted *ret_counted)
{
	struct str key = token_key(a, arena_printf(a, "%s:%.*s", what, STR_ARG(who)));
	*ret_counted = (struct counted){.count_key = arena_printf(a, "%s:%.*s", what, STR_ARG(key)),
					.wait_key = arena_printf(a, "wait-%s:%.*s", what, STR_ARG(key)),
					.free = free,
					.window_ms = window_ms};
	return key.p && ret_counted->count_key.p && ret_counted->wait_key.p;
}

/* Refused: how long it still takes. */
static bool must_wait(struct login *l, struct arena *a, const struct counted *c, size_t count, int64_t *ret_wait_s,
		      struct error *err)
{
	int64_t longest = 0, now = login_now(l);
	for (size_t i = 0; i < count; i++) {
		struct str text;
		int64_t until = 0;
		if (!store_fact_get(l->options.store, a, SHELF, c[i].wait_key, &text, err))
			return false;
		if (text.p && str_to_i64(text, &until) && until - now > longest)
			longest = until - now;
	}
	*ret_wait_s = longest / 1000 + 1;
	return error_set(err, ERR_THROTTLED, "There were too many attempts; the next one is possible in %lld s",
			 (long long)*ret_wait_s);
}

/* 15 s after the first attempt beyond the free ones, then 30 s, a minute and so on. */
static int64_t wait_after(uint64_t attempts, uint64_t free)
{
	int64_t wait = WAIT_MS;
	for (uint64_t i = free; i < attempts && wait < WAIT_MOST_MS; i++)
		wait *= 2;
	return wait < WAIT_MOST_MS ? wait : WAIT_MOST_MS;
}

bool attempt_begin(struct login *l, struct arena *a, struct str name, struct str address, int64_t *ret_wait_s,
		   struct error *err)
{
	struct counted c[2];
	struct store_fact facts[4] = {0};
	int64_t now = login_now(l);
	const struct login_options *o = &l->options;
	if (!counted_by(a, "user", name, o->user_attempts ? o->user_attempts : USER_FREE, USER_WINDOW_MS, &c[0]) ||
	    !counted_by(a, "address", address, o->address_attempts ? o->address_attempts : ADDRESS_FREE,
			ADDRESS_WINDOW_MS, &c[1]))
		return error_memory(err);
	for (size_t i = 0; i < 2; i++) {
		facts[i] = (struct store_fact){
			.shelf = SHELF, .key = c[i].wait_key, .only_new = true, .only_look = true, .quiet = true};
		facts[2 + i] = (struct store_fact){.shelf = SHELF,
						   .key = c[i].count_key,
						   .count = true,
						   .expires_ms = now + c[i].window_ms,
						   .quiet = true};
	}
	struct store_txn txn = {.facts = facts, .fact_count = 4, .found = a};
	struct error why = {0};
	if (!store_commit(o->store, &txn, &why))
		return why.code == ERR_CONFLICT ? must_wait(l, a, c, 2, ret_wait_s, err)
						: error_set(err, why.code, "%s", why.text);
	/* The wait begins before the attempt is made, so that of many at once only one gets through. */
	for (size_t i = 0; i < 2; i++) {
		uint64_t number = 0;
		if (!str_to_u64(facts[2 + i].found, &number) || number < c[i].free)
			continue;
		int64_t until = now + wait_after(number, c[i].free);
		struct store_fact wait = {.shelf = SHELF,
					  .key = c[i].wait_key,
					  .value = arena_printf(a, "%lld", (long long)until),
					  .expires_ms = until,
					  .only_new = true,
					  .quiet = true};
		error_clear(&why);
		if (store_fact_put(o->store, &wait, &why))
			continue;
		return why.code == ERR_CONFLICT ? must_wait(l, a, c, 2, ret_wait_s, err)
						: error_set(err, why.code, "%s", why.text);
	}
	return true;
}

size_t attempt_forget(struct arena *a, struct str name, struct store_fact *facts)
{
	struct counted c;
	if (!counted_by(a, "user", name, 0, 0, &c))
		return 0;
	facts[0] = (struct store_fact){.shelf = SHELF, .key = c.count_key, .quiet = true};
	facts[1] = (struct store_fact){.shelf = SHELF, .key = c.wait_key, .quiet = true};
	return 2;
}

bool login_user_unlock(struct login *l, struct str name, struct error *err)
{
	struct arena a;
	struct store_fact facts[2];
	arena_init(&a, 1 << 16);
	struct store_txn txn = {.facts = facts, .fact_count = attempt_forget(&a, name, facts)};
	bool ok = txn.fact_count == 2 ? store_commit(l->options.store, &txn, err) : error_memory(err);
	arena_done(&a);
	return ok;
}
