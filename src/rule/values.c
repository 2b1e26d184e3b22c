/*
 * Value sets as sorted lists of codes, so that memberOf costs a binary search. A ValueSet resource is taken by its
 * expansion when it has one, otherwise by what its compose lists, with other value sets that are at hand. What only a
 * code system could list is left to terminology.
 */
#include <stdlib.h>

#include "rule/rule_priv.h"

enum { DEPTH_MAX = 8 };

struct entry {
	struct str system, code;
};
struct rule_values {
	struct str file, url;
	struct entry *entries;
	size_t count, capacity;
	bool listed; /* false: not all of it is listed */
	const struct rule_values *next;
};

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = str_cmp(x->code, y->code);
	return order ? order : str_cmp(x->system, y->system);
}

bool values_have(const struct rule_values *v, struct str system, struct str code)
{
	const struct entry wanted = {system, code};
	return v->count && bsearch(&wanted, v->entries, v->count, sizeof(wanted), compare);
}

size_t values_count(const struct rule_values *v)
{
	return v->count;
}

static bool add(struct compiler *c, struct rule_values *v, struct str system, struct str code)
{
	if (!system.n || !code.n)
		return true;
	if (v->count == RULE_CODES_MAX)
		return compile_fail(c, ERR_LIMIT, "The value set has more than %d codes", RULE_CODES_MAX);
	struct entry *grown =
		arena_grow(c->arena, v->entries, v->count, &v->capacity, v->count + 1, sizeof(*v->entries));
	if (!grown)
		return error_memory(c->err);
	v->entries = grown;
	grown[v->count++] = (struct entry){system, code};
	return true;
}

static bool take_contains(struct compiler *c, struct rule_values *v, const struct json *list, unsigned depth)
{
	if (depth > DEPTH_MAX)
		return compile_fail(c, ERR_LIMIT, "The expansion of the value set is nested too deeply");
	for (struct json_iter it = json_iter(list); json_next(&it);) {
		bool heading = json_bool(json_get(it.value, S("abstract")));
		if (!heading && !add(c, v, json_get_str(it.value, S("system")), json_get_str(it.value, S("code"))))
			return false;
		if (!take_contains(c, v, json_get(it.value, S("contains")), depth + 1))
			return false;
	}
	return true;
}

static bool fill(struct compiler *c, struct rule_values *v, const struct json *set, unsigned depth);

/* Another value set that this one includes as a whole. */
static bool take_value_set(struct compiler *c, struct rule_values *v, struct str url, unsigned depth)
{
	struct error why = {0};
	for (const struct rule_values *known = c->library->values; known; known = known->next) {
		if (!str_eq(known->url, url))
			continue;
		v->listed &= known->listed;
		for (size_t i = 0; i < known->count; i++)
			if (!add(c, v, known->entries[i].system, known->entries[i].code))
				return false;
		return true;
	}
	const struct json *set =
		c->library->canonical ? c->library->canonical(c->library->ctx, S("ValueSet"), url, &why) : NULL;
	if (why.code)
		return compile_fail(c, why.code, "%s", why.text);
	if (!set)
		v->listed = false;
	return !set || fill(c, v, set, depth + 1);
}

static bool take_include(struct compiler *c, struct rule_values *v, const struct json *include, unsigned depth)
{
	const struct json *concepts = json_get(include, S("concept")), *sets = json_get(include, S("valueSet"));
	struct str system = json_get_str(include, S("system"));
	/* Codes that must be in a system and in value sets at once, and those that a rule selects. */
	if (json_get(include, S("filter")) || (sets && system.p) || json_size(sets) > 1 || (system.p && !concepts))
		v->listed = false;
	if (json_size(sets) == 1 && !system.p)
		return take_value_set(c, v, json_str(json_at(sets, 0)), depth);
	for (struct json_iter it = json_iter(concepts); !sets && json_next(&it);)
		if (!add(c, v, system, json_get_str(it.value, S("code"))))
			return false;
	return true;
}

static bool fill(struct compiler *c, struct rule_values *v, const struct json *set, unsigned depth)
{
	const struct json *contains = json_get(json_get(set, S("expansion")), S("contains"));
	const struct json *compose = json_get(set, S("compose"));
	if (depth > DEPTH_MAX)
		return compile_fail(c, ERR_LIMIT, "Value sets include each other too deeply");
	if (contains)
		return take_contains(c, v, contains, 0);
	if (!compose || json_get(compose, S("exclude")))
		v->listed = false;
	for (struct json_iter it = json_iter(json_get(compose, S("include"))); json_next(&it);)
		if (!take_include(c, v, it.value, depth))
			return false;
	return true;
}

static struct rule_values *make(struct compiler *c, struct str file, const struct json *set)
{
	struct rule_values *v = ARENA_NEW(c->arena, struct rule_values);
	if (!v) {
		error_memory(c->err);
		return NULL;
	}
	*v = (struct rule_values){.file = arena_str(c->arena, file),
				  .url = json_get_str(set, S("url")),
				  .listed = true,
				  .next = c->library->values};
	if (!fill(c, v, set, 0))
		return NULL;
	if (v->count)
		qsort(v->entries, v->count, sizeof(*v->entries), compare);
	c->library->values = v;
	return v;
}

static const struct rule_values *find(const struct compiler *c, struct str name)
{
	for (const struct rule_values *v = c->library->values; v; v = v->next)
		if (str_eq(v->file, name) || str_eq(v->url, name))
			return v;
	return NULL;
}

static const struct json *read_set(struct compiler *c, struct str name, bool file)
{
	struct rule_library *l = c->library;
	struct error why = {0};
	const struct json *set = NULL;
	if (file && l->file)
		set = l->file(l->ctx, c->file, name, &why);
	else if (!file && l->canonical)
		set = l->canonical(l->ctx, S("ValueSet"), name, &why);
	if (why.code)
		compile_fail(c, why.code, "%s", why.text);
	else if (set && !str_is(json_get_str(set, S("resourceType")), "ValueSet"))
		compile_fail(c, ERR_VALUE, "%.*s is no ValueSet", STR_ARG(str_slice(name, 0, 120)));
	else if (!set && file)
		compile_fail(c, ERR_NOT_SUPPORTED, "files cannot be read here");
	return c->err->code ? NULL : set;
}

/* Value sets that no resource defines: terminology makes them of a code system. */
static bool is_implicit(struct str url)
{
	return str_find(url, S("?fhir_vs")) != STR_NONE || str_starts(url, S("http://loinc.org/vs"));
}

bool values_open(struct compiler *c, struct str name, const struct rule_values **ret_values, struct str *ret_url)
{
	bool file = str_find(name, S("://")) == STR_NONE && !str_starts(name, S("urn:"));
	struct str place = file ? compile_beside(c, name) : name;
	const struct rule_values *v = find(c, place);
	const struct json *set = v ? NULL : read_set(c, name, file);
	if (c->err->code)
		return false;
	if (set && !(v = make(c, place, set)))
		return false;
	*ret_values = v && v->listed ? v : NULL;
	*ret_url = v ? v->url : name;
	if (*ret_values || (c->library->member_of && ret_url->n && (v || is_implicit(*ret_url))))
		return true;
	return compile_fail(c, ERR_NOT_SUPPORTED, "The codes of value set %.*s are not listed here: %s",
			    STR_ARG(str_slice(name, 0, 120)),
			    v ? "it has no expansion, and its definition needs a code system" : "it is not at hand");
}
