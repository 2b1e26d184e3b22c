/*
 * Reading names out of text. A phrase is a run of whole words; the longest that is known wins, so "povidone iodine" is
 * never iodine and "sulfate" never sulfa. A text is folded first: case, accents and punctuation carry no meaning here.
 */
#include "base/fold.h"
#include "clinical/knowledge_priv.h"

enum { TEXT_WORDS_MAX = 128 };

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

struct str phrase_normal(struct arena *a, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] >= 0x80) {
			text = str_fold(a, text);
			break;
		}
	}
	char *p = text.p ? arena_alloc(a, text.n + 1) : NULL;
	size_t n = 0;
	if (!p)
		return STR_NULL;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (is_word(c))
			p[n++] = c;
		else if (n && p[n - 1] != ' ' && c != '\'')
			p[n++] = ' ';
	}
	while (n && p[n - 1] == ' ')
		n--;
	return str_make(p, n);
}

bool knowledge_add_phrase(struct knowledge *k, struct map *phrases, struct str phrase, uint32_t entry,
			  struct error *err)
{
	bool is_new = false;
	struct str normal = phrase_normal(k->arena, phrase);
	if (!normal.p)
		return error_memory(err);
	if (!normal.n)
		return true;
	uint64_t *slot = map_put(phrases, normal, &is_new);
	if (!slot)
		return error_set(err, ERR_LIMIT, "There are more names of drugs than fit.");
	if (is_new)
		*slot = entry;
	return true;
}

static const uint64_t *look_up(const struct knowledge *k, struct str normal, bool allergens)
{
	const uint64_t *entry = allergens ? map_get(&k->allergen_phrases, normal) : NULL;
	return entry ? entry : map_get(&k->phrases, normal);
}

bool knowledge_phrase(const struct knowledge *k, struct str phrase, bool allergens, struct meaning *ret)
{
	char room[512];
	struct arena a;
	bool found = false;
	if (phrase.n >= sizeof(room))
		return false;
	arena_init(&a, 1 << 16);
	struct str normal = phrase_normal(&a, phrase);
	const uint64_t *entry = normal.p ? look_up(k, normal, allergens) : NULL;
	if (entry) {
		knowledge_meaning(k, &k->entries[*entry], ret);
		found = true;
	}
	arena_done(&a);
	return found;
}

static bool is_one_of(struct str word, const char *const *list)
{
	for (; *list; list++) {
		if (str_is(word, *list))
			return true;
	}
	return false;
}

/* Metals that stand behind the name of a drug as its salt. */
static bool is_salt(struct str word)
{
	static const char *const salts[] = {"sodium", "potassium", "calcium", "magnesium", "zinc", "disodium", NULL};
	return is_one_of(word, salts);
}

static bool negates_next(struct str word)
{
	static const char *const words[] = {"no",     "not",	  "without", "non",	  "denies",
					    "denied", "negative", "never",   "excluding", NULL};
	return is_one_of(word, words);
}

/* Behind the name of a substance these make it the name of something else: "histamine H1 receptor antagonist". */
static bool makes_other(struct str word)
{
	static const char *const words[] = {"receptor", "antagonist", "antagonists", "agonist",
					    "agonists", "inhibitor",  "inhibitors",  "blocker",
					    "blockers", "synthase",   "reductase",   NULL};
	return is_one_of(word, words);
}

struct reader {
	struct str words[TEXT_WORDS_MAX];
	size_t count;
	bool allergens;
};

static struct str phrase_at(const struct reader *r, size_t from, size_t count)
{
	const char *end = r->words[from + count - 1].p + r->words[from + count - 1].n;
	return str_make(r->words[from].p, (size_t)(end - r->words[from].p));
}

/* The longest known phrase that begins at a word. Returns how many words it has. */
static size_t longest(const struct knowledge *k, const struct reader *r, size_t from, struct meaning *ret)
{
	size_t most = r->count - from < PHRASE_WORDS_MAX ? r->count - from : PHRASE_WORDS_MAX;
	for (size_t n = most; n; n--) {
		const uint64_t *entry = look_up(k, phrase_at(r, from, n), r->allergens);
		if (!entry)
			continue;
		knowledge_meaning(k, &k->entries[*entry], ret);
		return n;
	}
	return 0;
}

/* A brand name is trusted where names of products stand: at the beginning. */
static bool is_trusted(const struct reader *r, const struct meaning *m, size_t at, size_t n)
{
	if (m->alone && n < r->count)
		return false;
	return !m->product || at == 0;
}

static bool is_negated(const struct reader *r, size_t at, size_t n, const struct meaning *m)
{
	if (m->kind == MEANS_NONE_KNOWN)
		return false;
	if (at + n < r->count && str_is(r->words[at + n], "free"))
		return true;
	for (size_t i = at + n; m->kind == MEANS_INGREDIENTS && i < r->count && i < at + n + 3; i++) {
		if (makes_other(r->words[i]))
			return true;
	}
	for (size_t i = at; i && at - i < 4; i--) {
		if (negates_next(r->words[i - 1]))
			return true;
	}
	return false;
}

/* A word that means nothing by itself but is one letter away from a name. */
static bool read_near(const struct knowledge *k, const struct reader *r, size_t at, struct meaning *ret)
{
	return knowledge_near(k, r->words[at], ret) && !is_negated(r, at, 1, ret);
}

/* In the words of a drug only when they name nothing: half of a drug would look like a whole one. */
static size_t read_misspelled(const struct knowledge *k, const struct reader *r, struct meaning *ret, size_t max)
{
	size_t found = 0;
	for (size_t at = 0; at < r->count && found < max; at++)
		found += read_near(k, r, at, &ret[found]);
	return found;
}

size_t knowledge_read_text(const struct knowledge *k, struct arena *scratch, struct str text, bool allergens,
			   struct meaning *ret, size_t max)
{
	struct reader r = {.allergens = allergens};
	struct str normal = phrase_normal(scratch, str_slice(text, 0, KNOWLEDGE_TEXT_MAX)), word = STR_NULL;
	size_t found = 0, last_end = 0;
	for (struct str rest = normal.n ? normal : STR_NULL; rest.p && r.count < TEXT_WORDS_MAX;)
		r.words[r.count++] = str_split(&rest, ' ');
	for (size_t at = 0; at < r.count && found < max;) {
		struct meaning m;
		size_t n = longest(k, &r, at, &m);
		bool salt = n == 1 && is_salt(r.words[at]) && found && last_end == at && !is_salt(word);
		if (n && is_trusted(&r, &m, at, n) && !salt && !is_negated(&r, at, n, &m)) {
			ret[found++] = m;
			last_end = at + n;
			word = r.words[at + n - 1];
		} else if (!n && allergens && read_near(k, &r, at, &m)) {
			ret[found++] = m;
		}
		at += n ? n : 1;
	}
	return found || allergens ? found : read_misspelled(k, &r, ret, max);
}
