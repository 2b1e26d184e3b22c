/*
 * Verdicts on codes, remembered: the same few hundred codes come again and again. Read without a lock; entries are
 * never changed once they are there, and only so many are kept.
 */
#include "validate/walk_priv.h"
#include "validate/validator_priv.h"

enum { MAX_KEY = 768 };

/* The key's buffer is the caller's; false when it is too long to be worth it. */
static bool make_key(char *space, size_t size, struct str value_set, const struct canonical *from,
		     const struct coding *c, bool bare, struct str *ret_key)
{
	const struct canonical_package *package = from ? from->package : NULL;
	struct str parts[] = {value_set, c->system, c->version, c->code, c->display};
	size_t n = sizeof(package);
	if (size < n + 1)
		return false;
	memcpy(space, &package, n);
	space[n++] = bare ? 'b' : ' ';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (n + parts[i].n + 1 > size)
			return false;
		if (parts[i].n)
			memcpy(space + n, parts[i].p, parts[i].n);
		n += parts[i].n;
		space[n++] = parts[i].p ? '\n' : '\0';
	}
	*ret_key = str_make(space, n);
	return true;
}

static struct code_verdict ask(struct validation *v, struct arena *a, struct str value_set,
			       const struct canonical *from, const struct coding *c, bool bare)
{
	if (!value_set.p)
		return terminology_validate(v->terminology, a, c);
	return terminology_validate_in(v->terminology, a, value_set, from, c, bare);
}

static const struct verdict_entry *look_up(struct validator *r, size_t bucket, uint64_t hash, struct str key)
{
	const struct verdict_entry *e = atomic_load_explicit(&r->verdicts[bucket], memory_order_acquire);
	while (e && !(e->hash == hash && str_eq(e->key, key)))
		e = e->next;
	return e;
}

static void keep(struct validator *r, size_t bucket, uint64_t hash, struct str key, const struct code_verdict *verdict)
{
	pthread_mutex_lock(&r->lock);
	struct verdict_entry *e = r->verdict_count < VERDICT_MAX ? ARENA_NEW(&r->arena, struct verdict_entry) : NULL;
	if (e && (e->key = arena_str(&r->arena, key)).p) {
		e->hash = hash;
		e->verdict = *verdict;
		e->verdict.display = arena_str(&r->arena, verdict->display);
		e->verdict.system = arena_str(&r->arena, verdict->system);
		e->verdict.detail = arena_str(&r->arena, verdict->detail);
		e->next = atomic_load_explicit(&r->verdicts[bucket], memory_order_relaxed);
		atomic_store_explicit(&r->verdicts[bucket], e, memory_order_release);
		r->verdict_count++;
	}
	pthread_mutex_unlock(&r->lock);
}

struct code_verdict validation_code(struct validation *v, struct str value_set, const struct canonical *from,
				    const struct coding *coding, bool bare)
{
	char space[MAX_KEY];
	struct str key;
	struct validator *r = v->validator;
	if (!make_key(space, sizeof(space), value_set, from, coding, bare, &key))
		return ask(v, v->arena, value_set, from, coding, bare);
	uint64_t hash = str_hash(key);
	size_t bucket = hash % VERDICT_BUCKETS;
	const struct verdict_entry *known = look_up(r, bucket, hash, key);
	if (known)
		return known->verdict;
	struct code_verdict verdict = ask(v, v->arena, value_set, from, coding, bare);
	keep(r, bucket, hash, key, &verdict);
	return verdict;
}
