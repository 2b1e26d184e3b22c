/* See drug_search.h. There are some ten thousand names, so all are looked at. */
#include "clinical/drug_search.h"

#include <stdio.h>

#include "clinical/knowledge_priv.h"

enum { LETTERS_LEAST = 2 };

struct found {
	int rank;
	struct str name;
	uint64_t entry;
};

/* 0: it is it, 1: it begins so, 2: a word of it does; -1: none of these. */
static int rank_of(struct str name, struct str text)
{
	if (str_starts(name, text))
		return name.n == text.n ? 0 : 1;
	for (size_t at = str_find_char(name, ' ', 0); at != STR_NONE; at = str_find_char(name, ' ', at + 1))
		if (str_starts(str_slice(name, at + 1, name.n), text))
			return 2;
	return -1;
}

static bool is_before(const struct found *a, const struct found *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	if (a->name.n != b->name.n)
		return a->name.n < b->name.n;
	return str_cmp(a->name, b->name) < 0;
}

/* Keeps the best, in order. */
static void insert(struct found *list, size_t *count, size_t max, const struct found *f)
{
	size_t at = *count;
	while (at > 0 && is_before(f, &list[at - 1]))
		at--;
	if (at >= max)
		return;
	size_t moved = (*count < max ? *count : max - 1) - at;
	memmove(&list[at + 1], &list[at], moved * sizeof(*list));
	list[at] = *f;
	*count += *count < max;
}

static bool fill(const struct knowledge *k, struct arena *a, const struct found *f, struct drug_hit *ret)
{
	char code[16];
	*ret = (struct drug_hit){.name = f->name, .code = STR_NULL};
	knowledge_meaning(k, &k->entries[f->entry], &ret->meaning);
	if (ret->meaning.count != 1)
		return true;
	snprintf(code, sizeof(code), "%u", (unsigned)k->ingredients[ret->meaning.ingredients[0]].rxcui);
	ret->code = arena_str(a, str_from(code));
	return ret->code.p != NULL;
}

size_t drug_search(const struct knowledge *k, struct arena *a, struct str text, struct drug_hit *ret_hits, size_t max)
{
	struct found list[DRUG_SEARCH_MAX];
	struct str wanted = phrase_normal(a, text);
	size_t count = 0, filled = 0;
	if (max > DRUG_SEARCH_MAX)
		max = DRUG_SEARCH_MAX;
	if (!wanted.p || wanted.n < LETTERS_LEAST || !max)
		return 0;
	for (size_t i = 0; i < k->phrases.capacity; i++) {
		const struct map_slot *slot = &k->phrases.slots[i];
		if (!slot->key.p || k->entries[slot->value].kind != MEANS_INGREDIENTS || !k->entries[slot->value].count)
			continue;
		struct found f = {rank_of(slot->key, wanted), slot->key, slot->value};
		if (f.rank >= 0)
			insert(list, &count, max, &f);
	}
	while (filled < count && fill(k, a, &list[filled], &ret_hits[filled]))
		filled++;
	return filled;
}
