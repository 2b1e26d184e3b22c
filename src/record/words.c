/*
 * What stands for what was masked. Placeholders are numbered in the order of their first use, so they say nothing about
 * the values; the table of both is in memory only.
 */
#include "record/record_priv.h"

enum { VALUES_MAX = 4000000, SCRUB_WORDS = 6 };
#define MEMORY_MAX ((size_t)1 << 30)

void masker_init(struct masker *m, const struct definitions *d, enum record_births births)
{
	*m = (struct masker){.definitions = d, .births = births};
	arena_init(&m->arena, MEMORY_MAX);
	map_init(&m->places, VALUES_MAX);
}

void masker_done(struct masker *m)
{
	map_done(&m->places);
	arena_done(&m->arena);
}

static size_t next_number(struct masker *m, const char *kind)
{
	for (size_t i = 0; i < WORD_KINDS_MAX; i++) {
		if (!m->kinds[i].kind)
			m->kinds[i].kind = kind;
		if (strcmp(m->kinds[i].kind, kind) == 0)
			return ++m->kinds[i].count;
	}
	return m->count + 1; /* more kinds than there are: still a number of its own */
}

static struct str fail(struct masker *m)
{
	m->failed = true;
	return STR_NULL;
}

struct str masker_word(struct masker *m, const char *kind, struct str value)
{
	if (!value.n)
		return S("");
	const uint64_t *known = map_get(&m->places, value);
	if (known)
		return m->words[*known];
	struct str *words = arena_grow(&m->arena, m->words, m->count, &m->capacity, m->count + 1, sizeof(*words));
	struct str key = arena_str(&m->arena, value);
	struct str word = arena_printf(&m->arena, "%s-%zu", kind, next_number(m, kind));
	if (words)
		m->words = words;
	uint64_t *place = words && key.p && word.p ? map_put(&m->places, key, NULL) : NULL;
	if (!place)
		return fail(m);
	*place = m->count;
	words[m->count++] = word;
	return word;
}

static bool is_word_byte(char c)
{
	unsigned char letter = (unsigned char)c | 0x20;
	return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* The end of the longest known value that begins at `at`, of a few words at most; 0: none. */
static size_t known_end(const struct masker *m, struct str text, size_t at, size_t *ret_place)
{
	size_t found = 0, end = at;
	for (int words = 0; words < SCRUB_WORDS && end < text.n; words++) {
		while (end < text.n && !is_word_byte(text.p[end]))
			end++;
		while (end < text.n && is_word_byte(text.p[end]))
			end++;
		const uint64_t *place = map_get(&m->places, str_slice(text, at, end));
		if (place) {
			found = end;
			*ret_place = *place;
		}
	}
	return found;
}

struct str masker_scrub(struct masker *m, struct arena *a, struct str text)
{
	struct buf out;
	size_t place = 0;
	buf_init(&out, 4 * text.n + 4096);
	for (size_t at = 0; at < text.n;) {
		size_t end = known_end(m, text, at, &place);
		if (end) {
			buf_add(&out, m->words[place]);
			at = end;
			continue;
		}
		/* On to the next word. */
		do
			buf_char(&out, text.p[at++]);
		while (at < text.n && (is_word_byte(text.p[at]) == is_word_byte(text.p[at - 1])));
	}
	struct str result = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return result.p ? result : fail(m);
}

struct str masker_birth(struct masker *m, struct arena *a, struct str value)
{
	/* YYYY, YYYY-MM, YYYY-MM-DD, or that with a time: http://hl7.org/fhir/R4/datatypes.html#dateTime */
	static const char first[] = "YYYY-01-01T00:00:00";
	if (m->births == RECORD_BIRTHS_KEEP)
		return value;
	struct str text = arena_str(a, value);
	if (!text.p)
		return fail(m);
	char *p = (char *)(uintptr_t)text.p;
	for (size_t i = 4; i < text.n && i < sizeof(first) - 1; i++)
		p[i] = first[i];
	for (size_t i = sizeof(first) - 1; i < text.n && p[i] != 'Z' && p[i] != '+' && p[i] != '-'; i++)
		if (p[i] >= '0' && p[i] <= '9')
			p[i] = '0';
	if (m->births == RECORD_BIRTHS_MASK && text.n >= 4)
		memcpy(p, "1900", 4);
	return text;
}
