/*
 * Names that are misspelled by one letter: one left out, put in, changed, or two swapped. Names of ingredients and
 * classes and the usual shorthand are meant, never brands, which are made to look alike. Short words are left alone,
 * and so is a word that two names of different meaning are near. Every name is kept under itself and under what is left
 * of it without one letter; two words one letter apart then share a key.
 */
#include "clinical/knowledge_priv.h"

enum { WORD_MIN = 6, NAME_MIN = 7, NAME_MAX = 32, NEAR_MAX = 200000 };

/* Words of their own that stand near a name. */
static bool is_other_word(struct str word)
{
	static const char *const words[] = {
		"aclidinium", "bitrate", "butobarbital", "citrate",  "contract", "creating", "creative",
		"cystatin",   "inulin",	 "kinetic",	 "methanol", "nitrite",	 "nitrites", "pancreatic",
		"selenate",   "statics", "stating",	 "stations", "sulfate",	 "sulphate", "titrate"};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_is(word, words[i]))
			return true;
	return false;
}

static bool is_one_word(struct str name, size_t least)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] < 'a' || name.p[i] > 'z')
			return false;
	return name.n >= least && name.n <= NAME_MAX;
}

/* without: the letter that is left out; the length of the word for none. */
static struct str key_of(char *room, struct str word, size_t without)
{
	size_t n = 0;
	for (size_t i = 0; i < word.n; i++)
		if (i != without)
			room[n++] = word.p[i];
	return str_make(room, n);
}

static bool add_key(struct knowledge *k, struct str key, struct str name, uint32_t entry, struct error *err)
{
	uint64_t *slot = map_put(&k->near_keys, key, NULL);
	if (!slot)
		return error_set(err, ERR_LIMIT, "There are more names of drugs than fit.");
	if (!knowledge_grow(k, &k->near, k->near_count, &k->near_capacity, sizeof(*k->near), NEAR_MAX, err))
		return false;
	k->near[k->near_count] = (struct near_name){name, entry, (uint32_t)*slot};
	*slot = ++k->near_count;
	return true;
}

static bool add_name(struct knowledge *k, struct str name, uint32_t entry, struct error *err)
{
	const struct entry *e = &k->entries[entry];
	char room[NAME_MAX];
	if (!is_one_word(name, NAME_MIN) || e->product || (e->kind != MEANS_CLASS && e->kind != MEANS_INGREDIENTS))
		return true;
	for (size_t without = 0; without <= name.n; without++) {
		struct str key = arena_str(k->arena, key_of(room, name, without));
		if (!key.p || !add_key(k, key, name, entry, err))
			return key.p ? false : error_memory(err);
	}
	return true;
}

bool knowledge_near_build(struct knowledge *k, struct error *err)
{
	const struct map *const maps[] = {&k->phrases, &k->allergen_phrases};
	for (size_t m = 0; m < 2; m++) {
		for (size_t i = 0; i < maps[m]->capacity; i++) {
			const struct map_slot *s = &maps[m]->slots[i];
			if (s->key.p && !add_name(k, s->key, (uint32_t)s->value, err))
				return false;
		}
	}
	return true;
}

/* One letter apart at most. */
static bool is_near(struct str a, struct str b)
{
	size_t head = 0, tail = 0, shorter = a.n < b.n ? a.n : b.n, longer = a.n < b.n ? b.n : a.n;
	while (head < shorter && a.p[head] == b.p[head])
		head++;
	while (tail < shorter - head && a.p[a.n - 1 - tail] == b.p[b.n - 1 - tail])
		tail++;
	size_t left = shorter - head - tail, more = longer - head - tail;
	if (left == 2 && more == 2)
		return a.p[head] == b.p[head + 1] && a.p[head + 1] == b.p[head];
	return more <= 1;
}

static bool same_meaning(const struct knowledge *k, const struct entry *x, const struct entry *y)
{
	if (x->kind != y->kind || x->count != y->count || (x->kind == MEANS_CLASS && x->drug_class != y->drug_class))
		return false;
	for (size_t i = 0; i < x->count; i++)
		if (k->ingredients[k->pool[x->from + i]].base != k->ingredients[k->pool[y->from + i]].base)
			return false;
	return true;
}

bool knowledge_near(const struct knowledge *k, struct str word, struct meaning *ret)
{
	char room[NAME_MAX];
	const struct near_name *found = NULL;
	if (!is_one_word(word, WORD_MIN) || is_other_word(word))
		return false;
	for (size_t without = 0; without <= word.n; without++) {
		const uint64_t *slot = map_get(&k->near_keys, key_of(room, word, without));
		for (size_t at = slot ? *slot : 0; at; at = k->near[at - 1].next) {
			const struct near_name *n = &k->near[at - 1];
			if (!is_near(word, n->name))
				continue;
			/* In a list of allergies shorthand has another meaning than the name; either is unlike others.
			 */
			if (found && !str_eq(found->name, n->name) &&
			    !same_meaning(k, &k->entries[found->entry], &k->entries[n->entry]))
				return false;
			found = n;
		}
	}
	if (!found)
		return false;
	knowledge_meaning(k, &k->entries[found->entry], ret);
	ret->near = true;
	return true;
}
