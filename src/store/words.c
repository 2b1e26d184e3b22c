/*
 * Rows of words, made of bodies. Each word of the stretch gets a number; what is remembered of each occurrence is that
 * number and the vid, eight bytes, sorted by counting when all are there.
 */
#include "store/words.h"

#include <stdlib.h>

#include "base/map.h"
#include "store/store_priv.h"

enum { MOST_WORDS = 4 << 20, MOST_POSTINGS = 64 << 20 };

struct posting {
	uint32_t word, at; /* the version: position in vids */
};

struct words_builder {
	struct arena arena; /* keys and rows */
	struct arena scratch; /* of one body */
	struct map numbers; /* of keys, plus one */
	struct str *keys;
	size_t key_count, key_capacity;
	uint32_t *last; /* by word, the position of the version that has it last, plus one */
	size_t last_capacity;
	struct posting *postings;
	size_t count, capacity;
	int64_t *vids;
	size_t vid_count, vid_capacity;
	int64_t type; /* of the body at hand */
};

/* ---- bytes --------------------------------------------------------------------------------------------------------
 */

struct str words_key(int64_t type, struct str word, char buffer[WORDS_KEY])
{
	buffer[0] = (char)(type >> 8);
	buffer[1] = (char)type;
	if (word.n)
		memcpy(buffer + 2, word.p, word.n);
	return str_make(buffer, 2 + word.n);
}

static size_t put_number(char out[10], uint64_t value)
{
	size_t n = 0;
	for (; value >= 0x80; value >>= 7)
		out[n++] = (char)(value | 0x80);
	out[n++] = (char)value;
	return n;
}

bool words_next(struct str *vids, int64_t before, int64_t *ret_vid)
{
	uint64_t value = 0;
	for (size_t i = 0; i < vids->n && i < 9; i++) {
		value |= (uint64_t)(vids->p[i] & 0x7f) << (7 * i);
		if (vids->p[i] & 0x80)
			continue;
		*vids = str_make(vids->p + i + 1, vids->n - i - 1);
		*ret_vid = before + (int64_t)value;
		return true;
	}
	return false;
}

bool words_take(struct str vids, struct seek_numbers *out, struct error *err)
{
	int64_t vid = 0;
	while (words_next(&vids, vid, &vid))
		if (!seek_numbers_add(out, vid, err))
			return false;
	return true;
}

bool words_without(struct arena *a, struct str vids, int64_t vid, struct str *ret_vids)
{
	char *out = arena_alloc(a, vids.n + 10);
	size_t n = 0;
	int64_t before = 0, kept = 0, each;
	if (!out)
		return false;
	while (words_next(&vids, before, &each)) {
		before = each;
		if (each == vid)
			continue;
		n += put_number(out + n, (uint64_t)(each - kept));
		kept = each;
	}
	*ret_vids = n ? str_make(out, n) : STR_NULL;
	return true;
}

/* ---- taking words in ----------------------------------------------------------------------------------------------
 */

struct words_builder *words_builder_new(struct error *err)
{
	struct words_builder *b = calloc(1, sizeof(*b));
	if (!b) {
		error_memory(err);
		return NULL;
	}
	arena_init(&b->arena, ARENA_NO_CAP);
	arena_init(&b->scratch, (size_t)256 << 20);
	map_init(&b->numbers, MOST_WORDS);
	return b;
}

void words_builder_free(struct words_builder *b)
{
	if (!b)
		return;
	arena_done(&b->arena);
	arena_done(&b->scratch);
	map_done(&b->numbers);
	free(b->keys);
	free(b->last);
	free(b->postings);
	free(b->vids);
	free(b);
}

/* Room for one more in a malloc'd array. */
static bool room(void *array, size_t count, size_t *capacity, size_t size)
{
	void **at = array;
	if (count < *capacity)
		return true;
	size_t wanted = *capacity ? *capacity * 2 : 4096;
	void *grown = realloc(*at, wanted * size);
	if (!grown)
		return false;
	*at = grown;
	*capacity = wanted;
	return true;
}

static bool number_of(struct words_builder *b, struct str key, uint32_t *ret_number)
{
	uint64_t *slot = map_get(&b->numbers, key);
	if (slot) {
		*ret_number = (uint32_t)*slot - 1;
		return true;
	}
	struct str kept = arena_str(&b->arena, key);
	if (!kept.p || !room(&b->keys, b->key_count, &b->key_capacity, sizeof(*b->keys)) ||
	    !room(&b->last, b->key_count, &b->last_capacity, sizeof(*b->last)) ||
	    !(slot = map_put(&b->numbers, kept, NULL)))
		return false;
	b->keys[b->key_count] = kept;
	b->last[b->key_count] = 0;
	*ret_number = (uint32_t)b->key_count++;
	*slot = b->key_count;
	return true;
}

static bool take_word(void *ctx, const struct search_word *word, struct error *err)
{
	struct words_builder *b = ctx;
	char buffer[WORDS_KEY];
	uint32_t number;
	if (!number_of(b, words_key(b->type, word->key, buffer), &number) || b->count >= MOST_POSTINGS ||
	    !room(&b->postings, b->count, &b->capacity, sizeof(*b->postings)))
		return error_memory(err);
	if (b->last[number] == b->vid_count)
		return true;
	b->last[number] = (uint32_t)b->vid_count;
	b->postings[b->count++] = (struct posting){number, (uint32_t)b->vid_count - 1};
	return true;
}

bool words_builder_add(struct words_builder *b, int64_t type, int64_t vid, struct str body, struct error *err)
{
	struct error ignored = {0};
	if (!room(&b->vids, b->vid_count, &b->vid_capacity, sizeof(*b->vids)))
		return error_memory(err);
	b->vids[b->vid_count++] = vid;
	b->type = type;
	arena_reset(&b->scratch);
	const struct json *resource = json_parse(&b->scratch, body, 0, &ignored);
	return !resource || search_words_of(&b->scratch, resource, take_word, b, err);
}

/* ---- rows ---------------------------------------------------------------------------------------------------------
 */

static int compare_numbers(const void *left, const void *right, void *ctx)
{
	const struct words_builder *b = ctx;
	return str_cmp(b->keys[*(const uint32_t *)left], b->keys[*(const uint32_t *)right]);
}

/* The vids of some postings of one word, which are in order. */
static bool fill_row(struct words_builder *b, const uint32_t *versions, size_t count, struct words_row *row)
{
	char *out = arena_alloc(&b->arena, count * 3 + 10);
	size_t n = 0, most = count * 3 + 10;
	int64_t before = 0;
	for (size_t i = 0; out && i < count; i++) {
		int64_t vid = b->vids[versions[i]];
		if (n + 10 > most) { /* gaps of more than two million are rare */
			char *grown = arena_alloc(&b->arena, most * 2);
			if (!grown)
				return false;
			memcpy(grown, out, n);
			out = grown;
			most *= 2;
		}
		n += put_number(out + n, (uint64_t)(vid - before));
		before = vid;
	}
	if (!out)
		return false;
	row->low = b->vids[versions[0]];
	row->high = before;
	row->vids = str_make(out, n);
	return true;
}

/* The versions of each word one after the other; starts[i]: where those of word i begin. */
static void sort_postings(const struct words_builder *b, uint32_t *starts, uint32_t *versions)
{
	for (size_t i = 0; i < b->count; i++)
		starts[b->postings[i].word + 1]++;
	for (size_t i = 0; i < b->key_count; i++)
		starts[i + 1] += starts[i];
	for (size_t i = 0; i < b->count; i++)
		versions[starts[b->postings[i].word]++] = b->postings[i].at;
	memmove(starts + 1, starts, b->key_count * sizeof(*starts));
	starts[0] = 0;
}

bool words_builder_rows(struct words_builder *b, struct words_row **ret_rows, size_t *ret_count, struct error *err)
{
	uint32_t *starts = ARENA_ARRAY(&b->arena, uint32_t, b->key_count + 2),
		 *versions = ARENA_ARRAY(&b->arena, uint32_t, b->count + 1),
		 *order = ARENA_ARRAY(&b->arena, uint32_t, b->key_count + 1);
	struct words_row *rows = ARENA_ARRAY(&b->arena, struct words_row, b->key_count + 1);
	if (!starts || !versions || !order || !rows)
		return error_memory(err);
	sort_postings(b, starts, versions);
	for (size_t i = 0; i < b->key_count; i++)
		order[i] = (uint32_t)i;
	if (b->key_count)
		qsort_r(order, b->key_count, sizeof(*order), compare_numbers, b);
	for (size_t i = 0; i < b->key_count; i++) {
		uint32_t word = order[i];
		rows[i].key = b->keys[word];
		if (!fill_row(b, versions + starts[word], starts[word + 1] - starts[word], &rows[i]))
			return error_memory(err);
	}
	*ret_rows = rows;
	*ret_count = b->key_count;
	return true;
}

bool words_of_body(struct arena *a, int64_t type, struct str body, struct str **ret_keys, size_t *ret_count,
		   struct error *err)
{
	struct words_builder *b = words_builder_new(err);
	bool ok = b && words_builder_add(b, type, 1, body, err);
	struct str *keys = ok ? ARENA_ARRAY(a, struct str, b->key_count + 1) : NULL;
	for (size_t i = 0; keys && i < b->key_count; i++)
		if (!(keys[i] = arena_str(a, b->keys[i])).p)
			keys = NULL;
	if (ok && !keys)
		ok = error_memory(err);
	if (ok) {
		*ret_keys = keys;
		*ret_count = b->key_count;
	}
	words_builder_free(b);
	return ok;
}

/* ---- checks --------------------------------------------------------------------------------------------------------
 */

enum { ROWS_AT_ONCE = 256 };

static int64_t lacking(const struct words_row *row, struct seek_numbers *there)
{
	struct str vids = row->vids;
	int64_t count = 0, vid = 0;
	numbers_sort(there, 0, INT64_MAX, false);
	while (words_next(&vids, vid, &vid))
		count += !numbers_have(there, vid);
	return count;
}

static bool count_lacking(const struct words_source *source, struct words_builder *b, int64_t *ret_lacking,
			  struct error *err)
{
	struct seek_numbers there[ROWS_AT_ONCE] = {0};
	struct words_row *rows;
	size_t count;
	bool ok = words_builder_rows(b, &rows, &count, err);
	*ret_lacking = 0;
	for (size_t at = 0; ok && at < count; at += ROWS_AT_ONCE) {
		size_t n = count - at < ROWS_AT_ONCE ? count - at : ROWS_AT_ONCE;
		for (size_t i = 0; i < n; i++)
			there[i].count = 0;
		ok = source->get(source->ctx, rows + at, n, there, err);
		for (size_t i = 0; ok && i < n; i++)
			*ret_lacking += lacking(&rows[at + i], &there[i]);
	}
	for (size_t i = 0; i < ROWS_AT_ONCE; i++)
		free(there[i].list);
	return ok;
}

bool words_check(const struct words_source *source, int64_t worded, const struct store_keeping *k,
		 struct store_kept *kept, struct error *err)
{
	bool ok = true;
	for (int64_t from = 0; ok && from < worded; from += WORDS_STRETCH) {
		int64_t to = from + WORDS_STRETCH < worded ? from + WORDS_STRETCH : worded, lack = 0;
		struct words_builder *b = words_builder_new(err);
		ok = b && source->read(source->ctx, from, to, b, err) && count_lacking(source, b, &lack, err);
		if (ok && lack)
			keeping_found(k, kept, S("word"), "lacks %lld rows of versions %lld to %lld", (long long)lack,
				      (long long)from + 1, (long long)to);
		words_builder_free(b);
	}
	return ok;
}
