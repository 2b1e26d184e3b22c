/*
 * See directory.h. Epic's bundle has an Organization contained in each Endpoint, Oracle Health's has them side by side,
 * each Organization naming its Endpoints, as User-access Brands do (SMART App Launch 2.2); others name the Organization
 * in the Endpoint.
 */
#include "ehr/directory.h"

#include <stdlib.h>

#include "base/fold.h"
#include "base/map.h"
#include "base/near.h"
#include "ehr/ehr_priv.h"

enum { PLACES_MAX = 200000, WORDS_MAX = 16, NAME_MAX_BYTES = 500 };

/* ---- words ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *is, *means;
} shorts[] = {
#define WORD(is, means) {is, means},
#include "ehr/places.def"
#undef WORD
};

/* States and territories of the United States, as addresses have them. */
static const char *const states[][2] = {
	{"AL", "alabama"},	  {"AK", "alaska"},	   {"AZ", "arizona"},
	{"AR", "arkansas"},	  {"CA", "california"},	   {"CO", "colorado"},
	{"CT", "connecticut"},	  {"DE", "delaware"},	   {"DC", "district of columbia"},
	{"FL", "florida"},	  {"GA", "georgia"},	   {"HI", "hawaii"},
	{"ID", "idaho"},	  {"IL", "illinois"},	   {"IN", "indiana"},
	{"IA", "iowa"},		  {"KS", "kansas"},	   {"KY", "kentucky"},
	{"LA", "louisiana"},	  {"ME", "maine"},	   {"MD", "maryland"},
	{"MA", "massachusetts"},  {"MI", "michigan"},	   {"MN", "minnesota"},
	{"MS", "mississippi"},	  {"MO", "missouri"},	   {"MT", "montana"},
	{"NE", "nebraska"},	  {"NV", "nevada"},	   {"NH", "new hampshire"},
	{"NJ", "new jersey"},	  {"NM", "new mexico"},	   {"NY", "new york"},
	{"NC", "north carolina"}, {"ND", "north dakota"},  {"OH", "ohio"},
	{"OK", "oklahoma"},	  {"OR", "oregon"},	   {"PA", "pennsylvania"},
	{"PR", "puerto rico"},	  {"RI", "rhode island"},  {"SC", "south carolina"},
	{"SD", "south dakota"},	  {"TN", "tennessee"},	   {"TX", "texas"},
	{"UT", "utah"},		  {"VT", "vermont"},	   {"VA", "virginia"},
	{"WA", "washington"},	  {"WV", "west virginia"}, {"WI", "wisconsin"},
	{"WY", "wyoming"},
};

static struct str long_of(struct str word)
{
	for (size_t i = 0; i < sizeof shorts / sizeof shorts[0]; i++)
		if (str_is(word, shorts[i].is))
			return str_from(shorts[i].means);
	return word;
}

static bool says_nothing(struct str word)
{
	return str_is(word, "of") || str_is(word, "the") || str_is(word, "and") || str_is(word, "at") ||
	       str_is(word, "for") || str_is(word, "inc") || str_is(word, "llc");
}

/* "children's" is one word. */
static void add_without_apostrophes(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		bool curly = str_starts(str_slice(text, i, text.n), S("\xe2\x80\x99"));
		if (curly)
			i += 2;
		else if (text.p[i] != '\'' && text.p[i] != '.')
			buf_char(out, text.p[i]);
	}
}

/* Folded words in their long forms, separated by spaces. STR_NULL without memory. */
static struct str words_of(struct arena *a, struct str name, struct str place)
{
	struct buf text;
	buf_init(&text, 8 * NAME_MAX_BYTES);
	add_without_apostrophes(&text, str_slice(name, 0, NAME_MAX_BYTES));
	buf_char(&text, ' ');
	add_without_apostrophes(&text, str_slice(place, 0, NAME_MAX_BYTES));
	struct str rest = str_fold(a, buf_str(&text));
	buf_reset(&text);
	while (rest.p) {
		struct str word = str_split(&rest, ' ');
		if (!word.n || says_nothing(word))
			continue;
		buf_add(&text, long_of(word));
		buf_char(&text, ' ');
	}
	struct str words = arena_str(a, str_trim(buf_str(&text)));
	buf_done(&text);
	return words;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* By the form of addresses: section 2.1 of what is known of the two. */
static enum ehr_vendor vendor_of(struct str url)
{
	if (str_find(url, S("/api/FHIR/R4")) != STR_NONE)
		return EHR_EPIC;
	return str_find(url, S(".cerner.com/r4/")) != STR_NONE ? EHR_CERNER : EHR_GENERIC;
}

static bool add_place(struct arena *a, struct ehr_places *places, struct str name, struct str place, struct str url,
		      struct error *err)
{
	url = ehr_url_trim(str_trim(url));
	name = str_trim(name);
	if (!name.n || name.n > NAME_MAX_BYTES || !ehr_url_same_origin(url, url)) {
		places->skipped++;
		return true;
	}
	if (places->count >= PLACES_MAX)
		return error_set(err, ERR_LIMIT, "the directory holds more than %d places", PLACES_MAX);
	struct ehr_place *items =
		arena_grow(a, places->items, places->count, &places->capacity, places->count + 1, sizeof *items);
	struct ehr_place one = {.name = name, .place = place, .base_url = url, .vendor = vendor_of(url)};
	one.words = words_of(a, name, place);
	if (!items || !one.words.p)
		return error_memory(err);
	places->items = items;
	items[places->count++] = one;
	return true;
}

/* "Britt, IA 50423 Iowa"; the state's name is for finding. */
static struct str place_of(struct arena *a, const struct json *organization)
{
	struct json_iter it = json_iter(json_get(organization, S("address")));
	if (!json_next(&it))
		return STR_NULL;
	struct str city = json_get_str(it.value, S("city")), state = json_get_str(it.value, S("state"));
	struct str code = json_get_str(it.value, S("postalCode"));
	return arena_printf(a, "%.*s%s%.*s%s%.*s", STR_ARG(city), city.n && state.n ? ", " : "", STR_ARG(state),
			    code.n ? " " : "", STR_ARG(code));
}

static const char *state_name(struct str place)
{
	size_t comma = str_rfind_char(place, ',');
	struct str code = comma == STR_NONE ? STR_NULL : str_slice(place, comma + 2, comma + 4);
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (str_is(code, states[i][0]))
			return states[i][1];
	return "";
}

/* Resources of one type by what references call them: "Type/id" and the entry's fullUrl. */
struct shelf {
	const char *type;
	const struct json **all;
	bool *used;
	size_t count;
	struct map names; /* to an index */
};

static bool shelve(struct arena *a, struct shelf *s, const struct json *entry, struct error *err)
{
	const struct json *resource = json_get(entry, S("resource"));
	const struct str names[] = {
		arena_printf(a, "%s/%.*s", s->type, STR_ARG(json_get_str(resource, S("id")))),
		json_get_str(entry, S("fullUrl")),
	};
	for (size_t i = 0; i < 2; i++) {
		uint64_t *slot = names[i].n ? map_put(&s->names, names[i], NULL) : NULL;
		if (names[i].n && !slot)
			return error_set(err, ERR_LIMIT, "the directory holds more than %d entries", PLACES_MAX);
		if (slot)
			*slot = s->count;
	}
	s->all[s->count++] = resource;
	return true;
}

/* STR_NONE when it is not there. */
static size_t shelf_find(const struct shelf *s, struct str reference)
{
	const uint64_t *slot = reference.n ? map_get(&s->names, reference) : NULL;
	size_t slash = str_rfind_char(reference, '/');
	if (!slot && slash != STR_NONE) { /* "https://host/r4/Endpoint/7" */
		size_t before = str_rfind_char(str_slice(reference, 0, slash), '/');
		slot = before == STR_NONE ? NULL : map_get(&s->names, str_slice(reference, before + 1, reference.n));
	}
	return slot ? (size_t)*slot : STR_NONE;
}

static bool shelf_fill(struct arena *a, struct shelf *s, const char *type, const struct json *bundle, struct error *err)
{
	size_t most = json_size(json_get(bundle, S("entry")));
	s->type = type;
	s->all = ARENA_ARRAY(a, const struct json *, most + 1);
	s->used = ARENA_ARRAY(a, bool, most + 1);
	if (!s->all || !s->used)
		return error_memory(err);
	for (struct json_iter it = json_iter(json_get(bundle, S("entry"))); json_next(&it);)
		if (str_is(json_get_str(json_get(it.value, S("resource")), S("resourceType")), type) &&
		    !shelve(a, s, it.value, err))
			return false;
	return true;
}

/* The Organization that an Endpoint names as its own, or holds. */
static const struct json *organization_of(const struct shelf *organizations, const struct json *endpoint)
{
	struct str manager = json_get_str(json_get(endpoint, S("managingOrganization")), S("reference"));
	size_t at = shelf_find(organizations, manager);
	if (at != STR_NONE)
		return organizations->all[at];
	const struct json *first = NULL;
	for (struct json_iter it = json_iter(json_get(endpoint, S("contained"))); json_next(&it);) {
		if (!str_is(json_get_str(it.value, S("resourceType")), "Organization"))
			continue;
		first = first ? first : it.value;
		if (str_starts(manager, S("#")) &&
		    str_eq(json_get_str(it.value, S("id")), str_slice(manager, 1, manager.n)))
			return it.value;
	}
	return first;
}

static bool holds_segment(struct str url, const char *segment)
{
	while (url.p)
		if (str_eq_nocase(str_split(&url, '/'), str_from(segment)))
			return true;
	return false;
}

/* Directories of other releases have the same form; and one may list them all, by address or by extension. */
static bool is_r4(const struct json *endpoint)
{
	struct str address = json_get_str(endpoint, S("address"));
	for (struct json_iter it = json_iter(json_get(endpoint, S("extension"))); json_next(&it);) {
		struct str version = json_get_str(it.value, S("valueCode"));
		if (str_ends(json_get_str(it.value, S("url")), S("/endpoint-fhir-version")) && version.n)
			return str_is(version, "4.0") || str_starts(version, S("4.0."));
	}
	return !holds_segment(address, "DSTU2") && !holds_segment(address, "STU3");
}

static bool add_endpoint(struct arena *a, const struct json *endpoint, const struct json *organization,
			 struct ehr_places *places, struct error *err)
{
	struct str name = json_get_str(organization, S("name"));
	struct str status = json_get_str(endpoint, S("status"));
	if ((status.n && !str_is(status, "active")) || !is_r4(endpoint)) {
		places->skipped++;
		return true;
	}
	return add_place(a, places, name.n ? name : json_get_str(endpoint, S("name")), place_of(a, organization),
			 json_get_str(endpoint, S("address")), err);
}

/* Several organizations may share an endpoint: people look for each by its name. */
static bool add_all(struct arena *a, const struct shelf *organizations, struct shelf *endpoints,
		    struct ehr_places *places, struct error *err)
{
	for (size_t i = 0; i < organizations->count; i++) {
		const struct json *organization = organizations->all[i];
		for (struct json_iter it = json_iter(json_get(organization, S("endpoint"))); json_next(&it);) {
			size_t at = shelf_find(endpoints, json_get_str(it.value, S("reference")));
			if (at == STR_NONE)
				continue;
			endpoints->used[at] = true;
			if (!add_endpoint(a, endpoints->all[at], organization, places, err))
				return false;
		}
	}
	for (size_t i = 0; i < endpoints->count; i++)
		if (!endpoints->used[i] &&
		    !add_endpoint(a, endpoints->all[i], organization_of(organizations, endpoints->all[i]), places, err))
			return false;
	return true;
}

static bool read_bundle(struct arena *a, const struct json *bundle, struct ehr_places *places, struct error *err)
{
	struct shelf organizations = {0}, endpoints = {0};
	map_init(&organizations.names, 2 * PLACES_MAX);
	map_init(&endpoints.names, 2 * PLACES_MAX);
	bool ok = shelf_fill(a, &organizations, "Organization", bundle, err) &&
		  shelf_fill(a, &endpoints, "Endpoint", bundle, err) &&
		  add_all(a, &organizations, &endpoints, places, err);
	map_done(&organizations.names);
	map_done(&endpoints.names);
	return ok;
}

bool ehr_directory_read(struct arena *a, const struct json *document, struct ehr_places *places, struct error *err)
{
	const struct json *kept = json_get(document, S("places"));
	if (str_is(json_get_str(document, S("resourceType")), "Bundle"))
		return read_bundle(a, document, places, err);
	if (!json_is(kept, JSON_ARRAY))
		return error_set(err, ERR_VALUE, "it is no Bundle of endpoints");
	for (struct json_iter it = json_iter(kept); json_next(&it);)
		if (!add_place(a, places, json_get_str(it.value, S("name")), json_get_str(it.value, S("place")),
			       json_get_str(it.value, S("base_url")), err))
			return false;
	return true;
}

bool ehr_directory_write(const struct ehr_places *places, struct buf *out, struct error *err)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_key(&w, S("places"));
	json_array_begin(&w);
	for (size_t i = 0; i < places->count; i++) {
		json_object_begin(&w);
		json_put_member(&w, S("name"), places->items[i].name);
		json_put_member(&w, S("place"), places->items[i].place);
		json_put_member(&w, S("base_url"), places->items[i].base_url);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return buf_ok(out) || error_memory(err);
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

static unsigned score_word(struct str asked, struct str word)
{
	if (str_eq(asked, word))
		return 8;
	if (asked.n >= 3 && str_starts(word, asked))
		return 4;
	return asked.n >= 5 && word.n >= 4 && str_distance(asked, word) == 1 ? 2 : 0;
}

static unsigned best_in(struct str asked, struct str words, size_t *ret_words)
{
	unsigned best = 0;
	*ret_words = 0;
	while (words.p) {
		unsigned score = score_word(asked, str_split(&words, ' '));
		best = score > best ? score : best;
		++*ret_words;
	}
	return best;
}

/* 0: a word is missing. Names of few other words come first. */
static unsigned score_place(struct ehr_place *p, const struct str *asked, size_t count)
{
	unsigned sum = 0;
	size_t words = 0, ignored;
	for (size_t i = 0; i < count; i++) {
		unsigned best = best_in(asked[i], p->words, &words);
		if (!best)
			best = best_in(asked[i], str_from(state_name(p->place)), &ignored);
		if (!best)
			return 0;
		sum += best;
	}
	p->met = sum;
	return 64 * sum - (unsigned)(words < 60 ? words : 60);
}

static int by_score(const void *a, const void *b)
{
	const struct ehr_place *x = a, *y = b;
	return x->score != y->score ? (x->score < y->score) - (x->score > y->score) : str_cmp(x->name, y->name);
}

bool ehr_directory_find(struct arena *a, const struct ehr_places *places, struct str text, size_t max,
			struct ehr_place **ret_found, size_t *ret_count, struct error *err)
{
	struct str asked[WORDS_MAX], rest = words_of(a, text, S(""));
	struct ehr_place *found = ARENA_ARRAY(a, struct ehr_place, places->count + 1);
	size_t words = 0, count = 0;
	if (!found || !rest.p)
		return error_memory(err);
	while (rest.n && words < WORDS_MAX)
		asked[words++] = str_split(&rest, ' ');
	if (!words)
		return error_set(err, ERR_USAGE, "say a word of the name");
	for (size_t i = 0; i < places->count; i++) {
		found[count] = places->items[i];
		found[count].score = score_place(&found[count], asked, words);
		count += found[count].score > 0;
	}
	qsort(found, count, sizeof *found, by_score);
	*ret_found = found;
	*ret_count = count < max ? count : max;
	return true;
}
