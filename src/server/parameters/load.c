/*
 * A set from the SearchParameter resources of the store. What cannot be used, because it came in unchecked or because
 * something that it leans on went away, is left out and says why; the others are not harmed by it. Whether a parameter
 * is indexed is a fact of the store: facts.c.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "jose/jose.h"
#include "server/parameters/parameters_priv.h"

enum { MAX_KNOWN = 20000, PAGE = 500 };
#define MAX_MEMORY ((size_t)256 << 20)

bool store_page_of(struct parameters *p, struct arena *a, const struct fhir_type *type, int64_t count,
		   struct str position, struct store_page *ret_page, struct error *err)
{
	struct search_part part = {.type = type};
	const struct search_query all = {.parts = &part, .part_count = 1, .count = count, .total = TOTAL_NONE};
	const struct store_search_options options = {.position = position, .timeout_ms = 120000};
	*ret_page = (struct store_page){0};
	return store_search(p->o.store, a, &all, &options, ret_page, err);
}

static void put_list(struct buf *out, const struct json *list, const char *member)
{
	for (struct json_iter it = json_iter(list); json_next(&it);) {
		buf_add(out, member ? json_get_str(it.value, str_from(member)) : json_str(it.value));
		buf_char(out, ',');
	}
	buf_char(out, '\n');
}

struct str known_meaning(struct arena *a, const struct json *resource)
{
	static const char *const texts[] = {"code", "type", "expression"};
	struct buf all;
	buf_init(&all, (size_t)64 << 20);
	buf_add(&all, S("rows 1\n"));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_add(&all, json_get_str(resource, str_from(texts[i])));
		buf_char(&all, '\n');
	}
	put_list(&all, json_get(resource, S("base")), NULL);
	put_list(&all, json_get(resource, S("target")), NULL);
	put_list(&all, json_get(resource, S("component")), "definition");
	put_list(&all, json_get(resource, S("component")), "expression");
	struct str text = buf_ok(&all) ? digest_hex(a, buf_str(&all)) : STR_NULL;
	buf_done(&all);
	return text;
}

static bool is_active(const struct json *resource)
{
	return str_is(json_get_str(resource, S("status")), "active");
}

static bool read_one(struct set *s, const struct store_entry *entry, struct known *known, struct error *err)
{
	*known = (struct known){.id = arena_str(&s->arena, entry->id)};
	known->resource = json_parse(&s->arena, arena_str(&s->arena, entry->body), 0, err);
	if (!known->resource)
		return false;
	known->url = json_get_str(known->resource, S("url"));
	known->code = json_get_str(known->resource, S("code"));
	known->meaning = known_meaning(&s->arena, known->resource);
	known->standing = is_active(known->resource) ? PARAMETER_INDEXING : PARAMETER_INACTIVE;
	return (known->id.p && known->meaning.p) || error_memory(err);
}

static int compare_known(const void *left, const void *right)
{
	return str_cmp(((const struct known *)left)->id, ((const struct known *)right)->id);
}

static bool read_all(struct parameters *p, struct set *s, struct error *err)
{
	const struct fhir_type *type = definitions_resource(p->o.definitions, S("SearchParameter"));
	struct arena a;
	struct str position = STR_NULL;
	size_t capacity = 0;
	bool ok = true;
	arena_init(&a, MAX_MEMORY);
	do {
		struct store_page page;
		ok = store_page_of(p, &a, type, PAGE, position, &page, err);
		for (size_t i = 0; ok && i < page.count; i++) {
			s->known = arena_grow(&s->arena, s->known, s->known_count, &capacity, s->known_count + 1,
					      sizeof(*s->known));
			if (!s->known)
				ok = error_memory(err);
			else if (s->known_count == MAX_KNOWN)
				ok = error_set(err, ERR_LIMIT, "There are more than %d SearchParameters", MAX_KNOWN);
			else
				ok = read_one(s, &page.entries[i], &s->known[s->known_count++], err);
		}
		position = page.next;
	} while (ok && position.p);
	arena_done(&a);
	if (ok && s->known_count > 1)
		qsort(s->known, s->known_count, sizeof(*s->known), compare_known);
	return ok;
}

const struct known *set_find(const struct set *s, struct str id)
{
	const struct known wanted = {.id = id};
	return s->known_count ? bsearch(&wanted, s->known, s->known_count, sizeof(*s->known), compare_known) : NULL;
}

/* ---- registries ----------------------------------------------------------------------------------------------------
 */

/* Those of one standing, in the order of their ids. NULL without memory. */
static const struct json **resources_of(struct set *s, enum parameter_standing standing, size_t *ret_count)
{
	const struct json **list = ARENA_ARRAY(&s->arena, const struct json *, s->known_count + 1);
	*ret_count = 0;
	for (size_t i = 0; list && i < s->known_count; i++)
		if (s->known[i].standing == standing)
			list[(*ret_count)++] = s->known[i].resource;
	return list;
}

static void refuse(struct set *s, struct known *known, const struct error *why)
{
	known->standing = PARAMETER_REFUSED;
	known->why = arena_str(&s->arena, str_from(why->text));
}

/* One after the other, leaving out what does not go. Composites come last, since they lean on the others. */
static struct search_registry *build_carefully(struct parameters *p, struct set *s, struct error *err)
{
	struct search_registry *built = NULL;
	const struct json **list = ARENA_ARRAY(&s->arena, const struct json *, s->known_count + 1);
	size_t count = 0;
	for (int round = 0; list && round < 2; round++)
		for (size_t i = 0; i < s->known_count; i++) {
			struct known *known = &s->known[i];
			bool composite = str_is(json_get_str(known->resource, S("type")), "composite");
			if (known->standing != PARAMETER_INDEXING || composite != (round == 1))
				continue;
			struct error own = {0};
			list[count] = known->resource;
			struct search_registry *next = search_registry_new(p->o.definitions, list, count + 1, &own);
			if (!next) {
				refuse(s, known, &own);
				continue;
			}
			count++;
			search_registry_free(built);
			built = next;
		}
	if (!built)
		built = search_registry_new(p->o.definitions, NULL, 0, err);
	return built;
}

static bool registry_has(const struct parameters *p, const struct search_registry *r, const struct known *known)
{
	for (size_t i = 0; i < definitions_resource_count(p->o.definitions); i++) {
		const struct fhir_type *type = definitions_resource_at(p->o.definitions, i);
		for (size_t k = type->search_param_count; k < search_registry_count(r, type); k++) {
			const struct search_param *param = search_registry_at(r, type, k);
			if (str_eq(param->url, known->url) && str_eq(param->code, known->code))
				return true;
		}
	}
	return false;
}

static bool build_all(struct parameters *p, struct set *s, struct error *err)
{
	size_t count;
	struct error own = {0};
	const struct json **list = resources_of(s, PARAMETER_INDEXING, &count);
	if (!list)
		return error_memory(err);
	s->all = search_registry_new(p->o.definitions, list, count, &own);
	if (!s->all)
		s->all = build_carefully(p, s, err);
	if (!s->all)
		return false;
	s->extractor = extractor_new_registry(p->o.definitions, s->all, err);
	return s->extractor != NULL;
}

/* Two resources of one url: the second repeats the first. */
static bool is_second(const struct set *s, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (s->known[i].standing != PARAMETER_INACTIVE && s->known[i].standing != PARAMETER_REFUSED &&
		    str_eq(s->known[i].url, s->known[at].url))
			return true;
	return false;
}

static bool judge_all(struct parameters *p, struct set *s, struct error *err)
{
	struct str indexed;
	for (size_t i = 0; i < s->known_count; i++) {
		struct known *k = &s->known[i];
		const struct known *before = p->current ? set_find(p->current, k->id) : NULL;
		if (k->standing == PARAMETER_INDEXING && (is_second(s, i) || !registry_has(p, s->all, k)))
			k->standing = PARAMETER_REPEATS;
		bool stays = before && str_eq(before->meaning, k->meaning) &&
			     (before->standing == PARAMETER_INDEXING || before->standing == PARAMETER_SERVED);
		k->since = stays ? before->since : s->generation;
	}
	if (!lists_prune(p, s, err) || !list_get(p, &s->arena, LIST_INDEXED, &indexed, err))
		return false;
	for (size_t i = 0; i < s->known_count; i++)
		if (s->known[i].standing == PARAMETER_INDEXING && list_has(indexed, &s->known[i]))
			s->known[i].standing = PARAMETER_SERVED;
	return true;
}

static bool build_served(struct parameters *p, struct set *s, struct error *err)
{
	size_t open = 0, count;
	const struct json **list = resources_of(s, PARAMETER_SERVED, &count);
	for (size_t i = 0; i < s->known_count; i++)
		open += s->known[i].standing == PARAMETER_INDEXING;
	if (!list)
		return error_memory(err);
	s->shown = (struct parameter_set){.extractor = s->extractor, .registry = s->all};
	if (!open)
		return true;
	/* A composite whose parts wait has to wait with them: without it there is still an answer. */
	struct error own = {0};
	s->served = search_registry_new(p->o.definitions, list, count, &own);
	if (!s->served && !(s->served = search_registry_new(p->o.definitions, NULL, 0, err)))
		return false;
	s->shown.registry = s->served;
	s->shown.adding = s->all;
	return true;
}

void set_free(struct set *s)
{
	if (!s)
		return;
	extractor_free(s->extractor);
	search_registry_free(s->served);
	search_registry_free(s->all);
	arena_done(&s->arena);
	free(s);
}

struct set *set_load(struct parameters *p, uint64_t generation, struct error *err)
{
	struct set *s = calloc(1, sizeof(*s));
	if (!s) {
		error_memory(err);
		return NULL;
	}
	s->generation = generation;
	arena_init(&s->arena, MAX_MEMORY);
	/* Before what it counts is read: so what is prepared by this set is never taken for newer than it is. */
	struct str revision;
	bool known = store_revision(p->o.store, &s->arena, &revision, err);
	if (known && read_all(p, s, err) && build_all(p, s, err) && judge_all(p, s, err) && build_served(p, s, err)) {
		/* Within one process indexing waits for the users of older sets, so nothing has to be refused. */
		s->shown.revision = store_is_shared(p->o.store) ? revision : STR_NULL;
		return s;
	}
	set_free(s);
	return NULL;
}
