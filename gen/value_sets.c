/*
 * The value sets of required bindings, as plain lists of codes. Only lists that the package holds completely count: an
 * include with a filter, from a code system that is elsewhere, or with an exclude leaves the set out, and the server
 * then does not judge its codes.
 */
#include "model.h"

#include <stdlib.h>

enum { MAX_CODES = 2000 };

static const struct json *find(const struct map *by_url, struct str url)
{
	struct str version = url;
	uint64_t *at = url.p ? map_get(by_url, str_split(&version, '|')) : NULL;
	return at ? (const struct json *)(uintptr_t)*at : NULL;
}

static bool add_code(struct model *m, struct model_value_set *set, struct str code)
{
	struct str *codes = set->code_count < MAX_CODES && code.p
				    ? arena_grow(&m->arena, set->codes, set->code_count, &set->code_capacity,
						 set->code_count + 1, sizeof(*codes))
				    : NULL;
	if (!codes)
		return false;
	set->codes = codes;
	codes[set->code_count++] = code;
	return true;
}

static bool add_concepts(struct model *m, struct model_value_set *set, const struct json *concepts)
{
	for (struct json_iter it = json_iter(concepts); json_next(&it);)
		if (!add_code(m, set, json_get_str(it.value, S("code"))) ||
		    !add_concepts(m, set, json_get(it.value, S("concept"))))
			return false;
	return true;
}

static bool add_set(struct model *m, struct model_value_set *set, struct str url, unsigned depth);

static bool add_include(struct model *m, struct model_value_set *set, const struct json *include, unsigned depth)
{
	const struct json *sets = json_get(include, S("valueSet"));
	if (json_get(include, S("filter")))
		return false;
	if (sets) {
		/* Several sets in one include would mean what they share. */
		return json_size(sets) == 1 && !json_get(include, S("system")) &&
		       add_set(m, set, json_str(json_at(sets, 0)), depth + 1);
	}
	const struct json *concepts = json_get(include, S("concept"));
	if (!concepts) {
		const struct json *system = find(&m->code_systems, json_get_str(include, S("system")));
		if (!str_is(json_get_str(system, S("content")), "complete"))
			return false;
		concepts = json_get(system, S("concept"));
	}
	return json_size(concepts) > 0 && add_concepts(m, set, concepts);
}

static bool add_set(struct model *m, struct model_value_set *set, struct str url, unsigned depth)
{
	const struct json *compose = json_get(find(&m->value_sets, url), S("compose"));
	struct json_iter it = json_iter(json_get(compose, S("include")));
	if (depth > 5 || !it.left || json_get(compose, S("exclude")))
		return false;
	while (json_next(&it))
		if (!add_include(m, set, it.value, depth))
			return false;
	return true;
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int by_url(const void *a, const void *b)
{
	return str_cmp(((const struct model_value_set *)a)->url, ((const struct model_value_set *)b)->url);
}

bool model_add_value_sets(struct model *m, struct error *err)
{
	for (size_t i = 0; i < m->wanted.capacity; i++) {
		struct model_value_set set = {.url = m->wanted.slots[i].key};
		if (!set.url.p || !add_set(m, &set, set.url, 0))
			continue;
		struct model_value_set *sets =
			arena_grow(&m->arena, m->sets, m->set_count, &m->set_capacity, m->set_count + 1, sizeof(*sets));
		if (!sets)
			return error_memory(err);
		qsort(set.codes, set.code_count, sizeof(*set.codes), by_text);
		m->sets = sets;
		sets[m->set_count++] = set;
	}
	if (m->set_count < 100)
		return error_set(err, ERR_STRUCTURE, "only %zu value sets of required bindings are complete",
				 m->set_count);
	qsort(m->sets, m->set_count, sizeof(*m->sets), by_url);
	return true;
}
