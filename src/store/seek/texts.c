/* Criteria that only a resource's body decides: asked last, of the few that everything else has let through. */
#include "store/seek/seek_priv.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/words.h"

const struct extractor *store_extractor(_Atomic(struct extractor *) *slot, const struct definitions *d,
					struct error *err)
{
	struct extractor *x = atomic_load(slot), *none = NULL;
	if (x)
		return x;
	x = extractor_new(d, err);
	if (!x || atomic_compare_exchange_strong(slot, &none, x))
		return x;
	extractor_free(x);
	return none;
}

/* Bodies in memory at once. */
enum { TEXTS_AT_ONCE = 32 };

/* ---- a look at the bytes first --------------------------------------------------------------------------------------
 * Most bodies do not have the words at all, which their bytes tell for a tenth of what parsing costs: folding an ASCII
 * text changes nothing but case and what stands between words. It is another matter where characters are written as
 * something else.
 */

static bool is_plain(struct str body)
{
	for (size_t i = 0; i < body.n; i++)
		if ((unsigned char)body.p[i] >= 0x80)
			return false;
	return str_find(body, S("\\u")) == STR_NONE && str_find(body, S("&#")) == STR_NONE;
}

/* All words of a folded value, anywhere in lower-case bytes. */
static bool has_words(struct str lower, struct str value)
{
	size_t at = 0;
	while (at < value.n) {
		size_t end = str_find_char(value, ' ', at);
		end = end == STR_NONE ? value.n : end;
		if (end > at && !memmem(lower.p, lower.n, value.p + at, end - at))
			return false;
		at = end + 1;
	}
	return true;
}

static bool may_meet(struct arena *a, const struct criterion *c, struct str body, bool *ret_may)
{
	*ret_may = true;
	if (!is_plain(body))
		return true;
	char *lower = arena_alloc(a, body.n + 1);
	if (!lower)
		return false;
	for (size_t i = 0; i < body.n; i++)
		lower[i] = (char)(body.p[i] >= 'A' && body.p[i] <= 'Z' ? body.p[i] | 0x20 : body.p[i]);
	*ret_may = false;
	for (size_t i = 0; i < c->value_count && !*ret_may; i++)
		*ret_may = has_words(str_make(lower, body.n), c->values[i].code);
	return true;
}

/* ---- the index of words
 * ----------------------------------------------------------------------------------------------
 */

/* The vids behind one key. *ret_known is false when there are too many to be of use. */
static bool vids_of_key(struct seek *k, const struct check *c, struct search_word word, struct seek_numbers *vids,
			bool *ret_known, struct error *err)
{
	char buffer[WORDS_KEY];
	struct str from = words_key(c->part->number, word.key, buffer);
	struct str before = word.begun ? prefix_end(&k->scratch, from) : STR_NULL;
	if (word.begun && !before.p)
		return error_memory(err);
	vids->count = 0;
	vids->limit = MOST_COLLECTED;
	if (!k->source->words(k->source->x, from, before, vids, err))
		return false;
	*ret_known = vids->count <= vids->limit;
	k->rows += vids->count;
	numbers_sort(vids, 0, k->source->worded < k->snapshot ? k->source->worded : k->snapshot, false);
	return true;
}

/* What two sorted lists have both, in the first. */
static void keep_common(struct seek_numbers *to, const struct seek_numbers *other)
{
	size_t kept = 0;
	for (size_t i = 0, j = 0; i < to->count && j < other->count;) {
		if (to->list[i] == other->list[j])
			to->list[kept++] = to->list[i];
		bool first = to->list[i] <= other->list[j];
		j += to->list[i] >= other->list[j];
		i += first;
	}
	to->count = kept;
}

/* The vids that have all words of a value; *ret_known is false when none of them tells. */
static bool vids_of_value(struct seek *k, const struct check *c, struct str value, struct seek_numbers *vids,
			  bool *ret_known, struct error *err)
{
	struct seek_numbers more = {0};
	bool ok = true;
	*ret_known = false;
	for (struct str rest = value; ok && rest.p && !(*ret_known && !vids->count);) {
		struct str word = str_split(&rest, ' ');
		bool known = false;
		if (!word.n)
			continue;
		ok = vids_of_key(k, c, search_word_key(word, !rest.p), *ret_known ? &more : vids, &known, err);
		if (ok && known && *ret_known)
			keep_common(vids, &more);
		*ret_known |= known;
	}
	free(more.list);
	return ok;
}

bool way_vids(struct seek *k, struct way *way, const struct seek_numbers *vids, struct error *err)
{
	struct seek_numbers *to = &way->vids;
	if (!vids->count)
		return true;
	to->list =
		arena_grow(&k->scratch, to->list, to->count, &to->capacity, to->count + vids->count, sizeof(*to->list));
	if (!to->list)
		return error_memory(err);
	memcpy(to->list + to->count, vids->list, vids->count * sizeof(*vids->list));
	to->count += vids->count;
	return true;
}

bool texts_way(struct seek *k, struct check *c, struct error *err)
{
	struct seek_numbers vids = {0};
	bool ok = true, known = k->source->words && k->source->worded && c->part->number;
	for (size_t i = 0; ok && known && i < c->criterion->value_count; i++) {
		vids.count = 0;
		ok = vids_of_value(k, c, c->criterion->values[i].code, &vids, &known, err) &&
		     (!known || way_vids(k, &c->way, &vids, err));
	}
	free(vids.list);
	if (!ok || !known)
		return ok;
	numbers_sort(&c->way.vids, 0, k->snapshot, false);
	c->way.usable = c->way.worded = true;
	return true;
}

/* ---- deciding -------------------------------------------------------------------------------------------------------
 */

static bool in_time(const struct seek *k, struct error *err)
{
	return clock_monotonic_ns() < k->deadline_ns ||
	       error_set(err, ERR_TIMEOUT, "The search looks into texts and took longer than allowed");
}

static bool decide_entry(struct seek *k, const struct extractor *x, struct arena *a, const struct check *c,
			 const struct store_entry *e, bool *ret_meets, struct error *err)
{
	struct index_rows rows = {0};
	struct search_resource resource = {.type = e->type, .id = e->id, .updated_ms = e->updated_ms, .rows = &rows};
	if (!in_time(k, err))
		return false;
	if (!may_meet(a, c->criterion, e->body, ret_meets))
		return error_memory(err);
	if (!*ret_meets)
		return true;
	resource.body = json_parse(a, e->body, 0, err);
	return resource.body && search_body_meets(x, a, c->criterion, &resource, NULL, ret_meets, err);
}

static bool decide_some(struct seek *k, const struct check *c, const int64_t *vids, bool *const *slots, size_t count,
			struct arena *a, struct error *err)
{
	struct store_entry entries[TEXTS_AT_ONCE] = {0};
	const struct extractor *x = k->source->extractor ? k->source->extractor(k->source->x, err) : NULL;
	if (!k->source->extractor)
		return error_set(err, ERR_NOT_SUPPORTED, "This store does not search texts");
	if (!x || !k->source->entries(k->source->x, a, vids, count, entries, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!decide_entry(k, x, a, c, &entries[i], slots[i], err))
			return false;
	return true;
}

bool texts_decide(struct seek *k, const struct check *c, const struct seek_batch *batch, bool *keep, struct error *err)
{
	struct arena a;
	bool ok = true;
	arena_init(&a, (size_t)256 << 20);
	for (size_t i = 0; ok && i < batch->count;) {
		int64_t vids[TEXTS_AT_ONCE];
		bool *slots[TEXTS_AT_ONCE];
		size_t count = 0;
		for (; i < batch->count && count < TEXTS_AT_ONCE; i++) {
			keep[i] = keep[i] && (!c->way.worded || batch->list[i].vid > k->source->worded ||
					      numbers_have(&c->way.vids, batch->list[i].vid));
			if (!keep[i])
				continue;
			vids[count] = batch->list[i].vid;
			slots[count++] = &keep[i];
		}
		ok = !count || decide_some(k, c, vids, slots, count, &a, err);
		arena_reset(&a);
	}
	arena_done(&a);
	return ok;
}
