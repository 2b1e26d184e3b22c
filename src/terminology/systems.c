/*
 * The code systems at hand: releases that were loaded as images, CodeSystem resources (made into images when first
 * asked for), and systems that have rules instead of lists.
 */
#include "terminology/terminology_priv.h"

#include <stdlib.h>

enum { MAX_IMPLICIT = 10000, MAX_ALL_CODES = 1000000, MAX_SUPPLEMENTS = 64 };
#define MAX_SYSTEM_IMAGE ((size_t)512 << 20)

/* CodeSystem.valueSet: what the value set of all its codes is called, whether or not there is such a resource. */
static bool note_all_codes(struct terminology *t, struct error *err)
{
	const struct canonical *e;
	size_t at = 0;
	while ((e = canonicals_next(t->canonicals, S("CodeSystem"), &at))) {
		struct str rest = e->defines, url = e->defines.p ? str_split(&rest, '|') : STR_NULL;
		uint64_t *slot = url.n ? map_put(&t->all_codes, url, NULL) : NULL;
		if (url.n && !slot)
			return error_memory(err);
		if (slot)
			*slot = (uintptr_t)e;
	}
	return true;
}

bool terminology_add_release(struct terminology *t, struct str bytes, struct error *err)
{
	struct image image;
	struct system *s = ARENA_NEW(&t->arena, struct system);
	if (!s)
		return error_memory(err);
	if (!image_open(bytes, &image, err))
		return false;
	*s = (struct system){.url = image_text(&image, image.head->url),
			     .version = image_text(&image, image.head->version),
			     .name = image_text(&image, image.head->name),
			     .image = image,
			     .content = (enum image_content)image.head->content,
			     .next = t->loaded};
	t->loaded = s;
	return true;
}

struct terminology *terminology_new(const struct canonicals *c, struct error *err)
{
	struct terminology *t = calloc(1, sizeof(*t));
	if (!t) {
		error_memory(err);
		return NULL;
	}
	t->canonicals = c;
	pthread_mutex_init(&t->lock, NULL);
	arena_init(&t->arena, ARENA_NO_CAP);
	map_init(&t->implicit, MAX_IMPLICIT);
	map_init(&t->all_codes, MAX_ALL_CODES);
	if (note_all_codes(t, err))
		return t;
	terminology_free(t);
	return NULL;
}

void terminology_free(struct terminology *t)
{
	if (!t)
		return;
	for (struct system *s = t->made; s; s = s->next)
		free(s->bytes);
	for (struct value_set *v = t->sets; v; v = v->next)
		for (size_t i = 0; i < v->clause_count; i++)
			map_done(&v->clauses[i].listed);
	map_done(&t->implicit);
	map_done(&t->all_codes);
	pthread_mutex_destroy(&t->lock);
	arena_done(&t->arena);
	free(t);
}

bool system_version_fits(struct str version, struct str wanted)
{
	if (!wanted.n || str_eq(version, wanted))
		return true;
	if (str_ends(wanted, S(".x")))
		wanted.n -= 2;
	/* "4.0" is any 4.0.*; a SNOMED CT edition is any of its releases. */
	return str_starts(version, wanted) &&
	       (version.p[wanted.n] == '.' || version.p[wanted.n] == '/' || version.p[wanted.n] == '-');
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static enum image_content content_of(struct str content)
{
	if (str_is(content, "complete"))
		return IMAGE_COMPLETE;
	if (str_is(content, "fragment"))
		return IMAGE_FRAGMENT;
	return str_is(content, "example") ? IMAGE_EXAMPLE : IMAGE_NOT_PRESENT;
}

/* Supplements say which system they add to in `supplements`, perhaps with a version. */
static size_t find_supplements(struct terminology *t, const struct canonical *entry, const struct json **to, size_t max)
{
	size_t count = 0, at = 0;
	const struct canonical *e;
	while (count < max && (e = canonicals_next(t->canonicals, S("CodeSystem"), &at))) {
		struct str version = e->base, url = e->base.p ? str_split(&version, '|') : STR_NULL;
		if (!url.p || !str_is(e->content, "supplement") || !str_eq(url, entry->url) ||
		    !system_version_fits(entry->version, version))
			continue;
		to[count] = canonical_json(t->canonicals, e, NULL);
		if (to[count])
			count++;
	}
	return count;
}

static bool make_image(struct terminology *t, struct system *s, const struct canonical *entry, const struct json *json,
		       struct error *err)
{
	const struct json *supplements[MAX_SUPPLEMENTS];
	size_t count = find_supplements(t, entry, supplements, MAX_SUPPLEMENTS);
	const struct json *sensitive = json_get(json, S("caseSensitive"));
	bool no_case = json_is(sensitive, JSON_BOOL) && !json_bool(sensitive);
	struct image_facts facts = {.url = entry->url,
				    .version = entry->version,
				    .name = entry->name,
				    .hierarchy = json_get_str(json, S("hierarchyMeaning")),
				    .content = s->content,
				    .flags = no_case ? IMAGE_NO_CASE : 0};
	struct image_maker m;
	struct buf out;
	buf_init(&out, MAX_SYSTEM_IMAGE);
	image_maker_init(&m, &facts);
	bool ok = code_system_make(&m, json, supplements, count, err) && image_finish(&m, &out, err);
	image_maker_done(&m);
	char *fitting = ok ? realloc(out.p, out.n) : NULL;
	s->bytes = fitting ? fitting : out.p;
	return ok && image_open(str_make(s->bytes, out.n), &s->image, err);
}

/* Under the lock. A system that cannot be made is kept with the reason. */
static struct system *make_system(struct terminology *t, const struct canonical *entry)
{
	struct error err = {0};
	struct system *s = ARENA_NEW(&t->arena, struct system);
	if (!s)
		return NULL;
	*s = (struct system){.url = entry->url,
			     .version = entry->version,
			     .name = entry->name,
			     .content = content_of(entry->content),
			     .next = t->made};
	const struct json *json = canonical_json(t->canonicals, entry, &err);
	if (!json || !make_image(t, s, entry, json, &err)) {
		s->trouble = arena_printf(&t->arena, "%s", err.text).p;
		if (!s->trouble)
			s->trouble = "out of memory";
	}
	t->made = s;
	return ready_put(&t->systems, &t->arena, entry, s, &err) ? s : NULL;
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

static const struct system *find_loaded(const struct terminology *t, struct str url, struct str version)
{
	const struct system *best = NULL;
	for (const struct system *s = t->loaded; s; s = s->next)
		if (str_eq(s->url, url) && system_version_fits(s->version, version) &&
		    (!best || str_cmp(s->version, best->version) > 0))
			best = s;
	return best;
}

static const struct canonical *find_entry(const struct terminology *t, struct str url, struct str version,
					  const struct canonical *from)
{
	char room[512];
	struct str canonical = url;
	if (version.n && url.n + version.n + 2 < sizeof(room)) {
		memcpy(room, url.p, url.n);
		room[url.n] = '|';
		memcpy(room + url.n + 1, version.p, version.n);
		canonical = str_make(room, url.n + 1 + version.n);
	}
	return canonicals_find(t->canonicals, S("CodeSystem"), canonical, from);
}

/* Rules are kept by the address of their own table row. */
static const struct system *find_rules(struct terminology *t, struct str url, bool locked)
{
	const struct rule_system *rules = rule_system_find(url);
	const struct system *known = rules ? ready_get(&t->systems, rules) : NULL;
	if (!rules || known)
		return known;
	if (!locked)
		pthread_mutex_lock(&t->lock);
	struct system *s = ready_get(&t->systems, rules);
	if (!s && (s = ARENA_NEW(&t->arena, struct system))) {
		*s = (struct system){.url = str_from(rules->url), .name = str_from(rules->name), .rules = rules};
		if (!ready_put(&t->systems, &t->arena, rules, s, NULL))
			s = NULL;
	}
	if (!locked)
		pthread_mutex_unlock(&t->lock);
	return s;
}

static const struct system *find(struct terminology *t, struct str url, struct str version,
				 const struct canonical *from, bool locked)
{
	const struct system *loaded = find_loaded(t, url, version);
	if (loaded)
		return loaded;
	const struct canonical *entry = find_entry(t, url, version, from);
	if (!entry || str_is(entry->content, "supplement") || str_is(entry->content, "not-present")) {
		const struct system *ruled = find_rules(t, url, locked);
		if (ruled || !entry || str_is(entry->content, "supplement"))
			return ruled;
	}
	struct system *s = ready_get(&t->systems, entry);
	if (s)
		return s;
	if (!locked)
		pthread_mutex_lock(&t->lock);
	s = ready_get(&t->systems, entry);
	if (!s)
		s = make_system(t, entry);
	if (!locked)
		pthread_mutex_unlock(&t->lock);
	return s;
}

const struct system *system_find(struct terminology *t, struct str url, struct str version,
				 const struct canonical *from)
{
	return find(t, url, version, from, false);
}

const struct system *system_find_locked(struct terminology *t, struct str url, struct str version,
					const struct canonical *from)
{
	return find(t, url, version, from, true);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

enum code_answer system_has(const struct system *s, struct str code, uint32_t *ret_id)
{
	*ret_id = IMAGE_NONE;
	if (s->trouble)
		return CODE_UNKNOWN;
	if (s->rules)
		return s->rules->check(code);
	*ret_id = image_find(&s->image, code);
	if (*ret_id != IMAGE_NONE)
		return CODE_IN;
	return s->content == IMAGE_COMPLETE && !code_is_expression(s->url, code) ? CODE_NOT_IN : CODE_UNKNOWN;
}

/* The next character with white space folded and ASCII in lower case; -1 at the end. Leading and trailing white space
 * is none. */
static int next_folded(struct str *s)
{
	if (!s->n)
		return -1;
	unsigned char c = (unsigned char)*s->p;
	bool space = c == ' ' || (c >= 9 && c <= 13);
	do {
		s->p++;
		s->n--;
	} while (space && s->n && (*s->p == ' ' || (*s->p >= 9 && *s->p <= 13)));
	if (space)
		return ' ';
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

bool display_equal(struct str a, struct str b)
{
	a = str_trim(a);
	b = str_trim(b);
	for (;;) {
		int x = next_folded(&a), y = next_folded(&b);
		if (x != y)
			return false;
		if (x < 0)
			return true;
	}
}

bool system_display_fits(const struct system *s, uint32_t id, struct str display)
{
	if (s->rules || id == IMAGE_NONE)
		return true;
	struct concept c = image_concept(&s->image, id);
	uint32_t count = image_designation_count(&s->image, id);
	if (c.display.p && display_equal(c.display, display))
		return true;
	for (uint32_t i = 0; i < count; i++)
		if (display_equal(image_designation(&s->image, id, i).value, display))
			return true;
	return !c.display.p && !count;
}

bool language_fits(struct str language, struct str wanted)
{
	return language.n >= wanted.n && str_eq_nocase(str_slice(language, 0, wanted.n), wanted) &&
	       (language.n == wanted.n || language.p[wanted.n] == '-');
}
