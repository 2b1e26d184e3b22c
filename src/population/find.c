/*
 * Finding pulled patients by name, for a person at a desk. The store's string search finds candidates by every part of
 * a name; here each word must start a family or given name, so that a prefix or a greeting finds nobody.
 */
#include "base/encode.h"
#include "population/population_priv.h"

enum { WORDS_MAX = 8, PAGE = 200 };

struct finding {
	struct store *store;
	const struct definitions *d;
	struct arena *a; /* for what is returned */
	struct str words[WORDS_MAX]; /* folded */
	size_t word_count;
	struct str ehr;
	size_t max;
	struct population_match *matches;
	size_t count, capacity;
};

static bool split_words(struct finding *f, struct str name, struct error *err)
{
	struct str rest = str_fold(f->a, name);
	if (!rest.p)
		return error_memory(err);
	while (rest.p) {
		struct str word = str_trim(str_split(&rest, ' '));
		if (!word.n)
			continue;
		if (f->word_count == WORDS_MAX)
			return error_set(err, ERR_LIMIT, "A name may have at most %d words", WORDS_MAX);
		f->words[f->word_count++] = word;
	}
	return f->word_count ? true : error_set(err, ERR_USAGE, "A name to look for is needed");
}

static struct str query_text(const struct finding *f, struct arena *a)
{
	struct buf q;
	buf_init(&q, 1 << 16);
	for (size_t i = 0; i < f->word_count; i++) {
		buf_add(&q, i ? S("&name=") : S("name="));
		encode_percent(&q, f->words[i]);
	}
	buf_printf(&q, "&_sort=family,given,_id&_count=%d", PAGE);
	struct str text = buf_ok(&q) ? arena_str(a, buf_str(&q)) : STR_NULL;
	buf_done(&q);
	return text;
}

static bool starts_a_name(struct arena *a, const struct json *patient, struct str word)
{
	struct json_iter names = json_iter(json_get(patient, S("name")));
	while (json_next(&names)) {
		if (str_starts(str_fold(a, json_get_str(names.value, S("family"))), word))
			return true;
		struct json_iter given = json_iter(json_get(names.value, S("given")));
		while (json_next(&given))
			if (str_starts(str_fold(a, json_str(given.value)), word))
				return true;
	}
	return false;
}

static struct str tag_code(const struct json *patient, const char *system)
{
	struct json_iter it = json_iter(json_get(json_get(patient, S("meta")), S("tag")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("system")), system))
			return json_get_str(it.value, S("code"));
	return STR_NULL;
}

static struct str copy(struct arena *a, struct str text)
{
	return text.p ? arena_str(a, text) : STR_NULL;
}

static bool consider(struct finding *f, struct arena *scratch, const struct store_entry *entry, struct error *err)
{
	const struct json *patient = json_parse(scratch, entry->body, 0, err);
	if (!patient)
		return false;
	struct str ehr = tag_code(patient, POPULATION_SOURCE_SYSTEM);
	if (f->ehr.p && !str_eq(ehr, f->ehr))
		return true;
	for (size_t i = 0; i < f->word_count; i++)
		if (!starts_a_name(scratch, patient, f->words[i]))
			return true;
	struct population_match *matches =
		arena_grow(f->a, f->matches, f->count, &f->capacity, f->count + 1, sizeof *f->matches);
	if (!matches)
		return error_memory(err);
	f->matches = matches;
	enum ehr_vendor vendor = ehr_vendor_parse(tag_code(patient, POPULATION_VENDOR_SYSTEM));
	f->matches[f->count++] = (struct population_match){
		.local_id = copy(f->a, entry->id),
		.ehr = copy(f->a, ehr),
		.name = population_display_name(f->a, patient),
		.birth_date = copy(f->a, json_get_str(patient, S("birthDate"))),
		.sex = copy(f->a, json_get_str(patient, S("gender"))),
		.mrn = copy(f->a, ehr_patient_mrn(vendor, patient)),
	};
	return true;
}

static bool read_pages(struct finding *f, struct arena *query_arena, struct arena *page_arena, struct error *err)
{
	struct search_query query;
	struct store_search_options options = {.position = STR_NULL};
	struct str text = query_text(f, query_arena), position = STR_NULL;
	if (!text.p)
		return error_memory(err);
	if (!search_parse(f->d, query_arena, definitions_resource(f->d, S("Patient")), text,
			  &(struct search_options){0}, &query, err))
		return false;
	do {
		struct store_page page;
		arena_reset(page_arena);
		options.position = position;
		if (!store_search(f->store, page_arena, &query, &options, &page, err))
			return false;
		for (size_t i = 0; i < page.count && f->count < f->max; i++)
			if (!consider(f, page_arena, &page.entries[i], err))
				return false;
		position = page.next.p ? arena_str(query_arena, page.next) : STR_NULL;
	} while (position.p && f->count < f->max);
	return true;
}

bool population_find(struct store *s, const struct definitions *d, struct arena *a, struct str name, struct str ehr,
		     size_t max, struct population_match **ret_matches, size_t *ret_count, struct error *err)
{
	struct finding f = {.store = s, .d = d, .a = a, .ehr = ehr, .max = max};
	struct arena query_arena, page_arena;
	if (!split_words(&f, name, err))
		return false;
	arena_init(&query_arena, 16 << 20);
	arena_init(&page_arena, 256 << 20);
	bool ok = read_pages(&f, &query_arena, &page_arena, err);
	arena_done(&page_arena);
	arena_done(&query_arena);
	if (!ok)
		return false;
	*ret_matches = f.matches;
	*ret_count = f.count;
	return true;
}
