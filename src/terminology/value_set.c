/*
 * Value sets, compiled (http://hl7.org/fhir/R4/valueset.html#compositions): each include and exclude with its system,
 * its list as a hash, its filters and the value sets it imports. What cannot be found or evaluated stays in its place
 * as the reason, so that the rest can still answer.
 */
#include "terminology/terminology_priv.h"

enum { MAX_DEPTH = 40, MAX_LISTED = 2000000 };

static const struct value_set *compile(struct terminology *t, const struct json *json, const struct canonical *entry,
				       const struct canonical *from, struct error *err);

/* ---- clauses ----------------------------------------------------------------------------------------------------- */

static bool trouble(struct str *at, struct str reason, struct error *err)
{
	if (!reason.p)
		return error_memory(err);
	if (!at->p)
		*at = reason;
	return true;
}

static bool index_listed(struct clause *c, struct arena *a, struct error *err)
{
	bool no_case =
		c->system && !c->system->rules && !c->system->trouble && (c->system->image.head->flags & IMAGE_NO_CASE);
	struct json_iter it = json_iter(c->concepts);
	while (json_next(&it)) {
		struct str code = json_get_str(it.value, S("code"));
		bool fresh;
		if (!code.p)
			continue;
		if (no_case) {
			struct str lower = arena_str(a, code);
			for (size_t i = 0; lower.p && i < lower.n; i++)
				if (lower.p[i] >= 'A' && lower.p[i] <= 'Z')
					((char *)(uintptr_t)lower.p)[i] = (char)(lower.p[i] + 32);
			code = lower;
		}
		uint64_t *slot = code.p ? map_put(&c->listed, code, &fresh) : NULL;
		if (!slot)
			return error_set(err, ERR_LIMIT, "a value set lists more than %d codes", MAX_LISTED);
		if (fresh)
			*slot = (uintptr_t)it.value;
	}
	return true;
}

/* A version that is not at hand, of a system that comes in the value set's own package in another one: the two were
 * released together, and the one at hand is meant. */
static const struct system *package_mate(struct terminology *t, const struct clause *c, const struct canonical *from)
{
	const struct canonical *entry = canonicals_find(t->canonicals, S("CodeSystem"), c->system_url, from);
	bool mate = entry && from && from->package && entry->package == from->package;
	return mate ? system_find_locked(t, c->system_url, STR_NULL, from) : NULL;
}

static bool find_system(struct terminology *t, struct clause *c, const struct canonical *from, struct error *err)
{
	c->system = system_find_locked(t, c->system_url, c->version, from);
	if (!c->system && c->version.n)
		c->system = package_mate(t, c, from);
	if (!c->system && c->version.n && system_find_locked(t, c->system_url, STR_NULL, from))
		return trouble(&c->trouble,
			       arena_printf(&t->arena, "version %.*s of the code system %.*s is not at hand",
					    STR_ARG(c->version), STR_ARG(c->system_url)),
			       err);
	if (!c->system)
		return trouble(&c->trouble,
			       arena_printf(&t->arena, "the code system %.*s is not at hand", STR_ARG(c->system_url)),
			       err);
	if (c->system->trouble)
		return trouble(&c->trouble,
			       arena_printf(&t->arena, "the code system %.*s cannot be used: %s",
					    STR_ARG(c->system_url), c->system->trouble),
			       err);
	if (!c->system->rules && c->system->content == IMAGE_NOT_PRESENT)
		return trouble(&c->trouble,
			       arena_printf(&t->arena, "the content of the code system %.*s is not at hand",
					    STR_ARG(c->system_url)),
			       err);
	return true;
}

static bool compile_filters(struct terminology *t, struct clause *c, const struct json *filters, struct error *err)
{
	size_t count = json_size(filters);
	c->filters = ARENA_ARRAY(&t->arena, struct filter, count ? count : 1);
	if (!c->filters)
		return error_memory(err);
	struct json_iter it = json_iter(filters);
	while (c->system && !c->trouble.p && json_next(&it)) {
		struct filter *f = &c->filters[c->filter_count++];
		if (!filter_compile(&t->arena, c->system, it.value, f, err))
			return false;
		if (f->trouble.p && !trouble(&c->trouble, f->trouble, err))
			return false;
	}
	return true;
}

static const struct value_set *find_import(struct terminology *t, struct str canonical, const struct canonical *from,
					   struct error *err);

static bool compile_imports(struct terminology *t, struct clause *c, const struct json *imports,
			    const struct canonical *from, struct error *err)
{
	size_t count = json_size(imports);
	c->imports = ARENA_ARRAY(&t->arena, const struct value_set *, count ? count : 1);
	if (!c->imports)
		return error_memory(err);
	struct json_iter it = json_iter(imports);
	while (json_next(&it)) {
		struct str canonical = json_str(it.value);
		const struct value_set *vs = canonical.p ? find_import(t, canonical, from, err) : NULL;
		struct str reason = STR_NULL;
		if (err->code)
			return false;
		if (!vs)
			reason = arena_printf(&t->arena, "the value set %.*s, which it imports, is not at hand",
					      STR_ARG(canonical));
		else if (vs->compiling)
			reason = arena_printf(&t->arena, "the value set %.*s imports itself", STR_ARG(canonical));
		else
			c->imports[c->import_count++] = vs;
		if (!c->trouble.p && (!vs || vs->compiling) && !trouble(&c->trouble, reason, err))
			return false;
	}
	return true;
}

static bool compile_clause(struct terminology *t, struct clause *c, const struct json *json,
			   const struct canonical *from, struct error *err)
{
	map_init(&c->listed, MAX_LISTED);
	c->system_url = json_get_str(json, S("system"));
	c->version = json_get_str(json, S("version"));
	c->concepts = json_get(json, S("concept"));
	const struct json *filters = json_get(json, S("filter"));
	if (c->system_url.p && !find_system(t, c, from, err))
		return false;
	if (!c->system_url.p && (c->concepts || filters || !json_size(json_get(json, S("valueSet")))))
		return trouble(&c->trouble, S("an include or exclude has neither a system nor a value set"), err);
	/* A list tells its codes whether or not the system is at hand. */
	if (c->concepts && c->system_url.p) {
		c->trouble = STR_NULL;
		if (!index_listed(c, &t->arena, err))
			return false;
	}
	if (c->concepts && filters && !trouble(&c->trouble, S("an include has both a list and filters"), err))
		return false;
	return compile_filters(t, c, filters, err) && compile_imports(t, c, json_get(json, S("valueSet")), from, err);
}

/* ---- whole value sets -------------------------------------------------------------------------------------------- */

static bool compile_compose(struct terminology *t, struct value_set *vs, const struct json *compose,
			    const struct canonical *from, struct error *err)
{
	const struct json *parts[] = {json_get(compose, S("include")), json_get(compose, S("exclude"))};
	const struct json *inactive = json_get(compose, S("inactive"));
	vs->without_inactive = json_is(inactive, JSON_BOOL) && !json_bool(inactive);
	vs->with_inactive = json_bool(inactive);
	vs->include_count = json_size(parts[0]);
	size_t count = vs->include_count + json_size(parts[1]);
	vs->clauses = ARENA_ARRAY(&t->arena, struct clause, count ? count : 1);
	if (!vs->clauses)
		return error_memory(err);
	if (!vs->include_count)
		vs->trouble = S("it includes nothing");
	for (size_t i = 0; i < 2; i++) {
		struct json_iter it = json_iter(parts[i]);
		while (json_next(&it))
			if (!compile_clause(t, &vs->clauses[vs->clause_count++], it.value, from, err))
				return false;
	}
	return true;
}

static bool marked(const struct json *expansion, struct str what)
{
	struct json_iter it = json_iter(json_get(expansion, S("extension")));
	while (json_next(&it)) {
		struct str url = json_get_str(it.value, S("url"));
		if (str_ends(url, what))
			return true;
	}
	return false;
}

static size_t count_contains(const struct json *contains)
{
	size_t count = 0;
	struct json_iter it = json_iter(contains);
	while (json_next(&it))
		count += 1 + count_contains(json_get(it.value, S("contains")));
	return count;
}

/* Whole, not one page of it, and not cut off. */
static bool is_complete(const struct json *expansion)
{
	struct json_iter it = json_iter(json_get(expansion, S("parameter")));
	uint64_t total;
	while (json_next(&it)) {
		struct str name = json_get_str(it.value, S("name"));
		if (str_is(name, "filter") || str_is(name, "limitedExpansion"))
			return false;
	}
	if (json_get(expansion, S("offset")) && !str_is(json_number(json_get(expansion, S("offset"))), "0"))
		return false;
	struct str text = json_number(json_get(expansion, S("total")));
	if (text.p && (!str_to_u64(text, &total) || total > count_contains(json_get(expansion, S("contains")))))
		return false;
	return !marked(expansion, S("valueset-unclosed")) && !marked(expansion, S("valueset-toocostly"));
}

/* The codes of an expansion as lists, one clause for each system. */
struct gathering {
	struct terminology *t;
	struct value_set *vs;
	size_t capacity;
};

static struct clause *clause_for(struct gathering *g, struct str system, struct error *err)
{
	struct value_set *vs = g->vs;
	for (size_t i = 0; i < vs->clause_count; i++)
		if (str_eq(vs->clauses[i].system_url, system))
			return &vs->clauses[i];
	if (vs->clause_count == g->capacity) {
		error_set(err, ERR_LIMIT, "an expansion has codes of more than %zu systems", g->capacity);
		return NULL;
	}
	struct clause *c = &vs->clauses[vs->clause_count++];
	map_init(&c->listed, MAX_LISTED);
	c->system_url = system;
	c->system = system_find_locked(g->t, system, STR_NULL, NULL);
	return c;
}

static bool gather(struct gathering *g, const struct json *contains, struct error *err)
{
	struct json_iter it = json_iter(contains);
	while (json_next(&it)) {
		struct str system = json_get_str(it.value, S("system")), code = json_get_str(it.value, S("code"));
		if (system.p && code.p && !json_bool(json_get(it.value, S("abstract")))) {
			struct clause *c = clause_for(g, system, err);
			uint64_t *slot = c ? map_put(&c->listed, code, NULL) : NULL;
			if (!slot)
				return c ? error_memory(err) : false;
			*slot = (uintptr_t)it.value;
		}
		if (!gather(g, json_get(it.value, S("contains")), err))
			return false;
	}
	return true;
}

static bool use_expansion(struct terminology *t, struct value_set *vs, const struct json *expansion, struct error *err)
{
	struct gathering g = {t, vs, 200};
	vs->clauses = ARENA_ARRAY(&t->arena, struct clause, g.capacity);
	if (!vs->clauses)
		return error_memory(err);
	vs->clause_count = 0;
	vs->from_expansion = true;
	vs->trouble = STR_NULL;
	bool ok = gather(&g, json_get(expansion, S("contains")), err);
	vs->include_count = vs->clause_count;
	return ok;
}

static struct str first_trouble(const struct value_set *vs)
{
	if (vs->trouble.p)
		return vs->trouble;
	for (size_t i = 0; i < vs->clause_count; i++)
		if (vs->clauses[i].trouble.p)
			return vs->clauses[i].trouble;
	return STR_NULL;
}

static bool fill(struct terminology *t, struct value_set *vs, const struct canonical *from, struct error *err)
{
	const struct json *compose = json_get(vs->json, S("compose")), *expansion = json_get(vs->json, S("expansion"));
	bool whole = expansion && is_complete(expansion);
	if (compose && !compile_compose(t, vs, compose, from, err))
		return false;
	if (whole && (!compose || first_trouble(vs).p)) {
		for (size_t i = 0; i < vs->clause_count; i++)
			map_done(&vs->clauses[i].listed);
		return use_expansion(t, vs, expansion, err);
	}
	if (!compose)
		vs->trouble = expansion ? S("it has no definition, and its expansion is not complete")
					: S("it has neither a definition nor an expansion");
	return true;
}

static const struct value_set *compile(struct terminology *t, const struct json *json, const struct canonical *entry,
				       const struct canonical *from, struct error *err)
{
	struct value_set *vs = ARENA_NEW(&t->arena, struct value_set);
	if (!vs) {
		error_memory(err);
		return NULL;
	}
	*vs = (struct value_set){.url = json_get_str(json, S("url")),
				 .version = json_get_str(json, S("version")),
				 .name = json_get_str(json, S("name")),
				 .json = json,
				 .entry = entry,
				 .compiling = true,
				 .outer = t->compiling,
				 .next = t->sets};
	t->sets = t->compiling = vs;
	bool ok = true;
	if (t->depth >= MAX_DEPTH) {
		vs->trouble = S("value sets import each other too deeply");
	} else {
		t->depth++;
		ok = fill(t, vs, from, err);
		t->depth--;
	}
	vs->compiling = false;
	t->compiling = vs->outer;
	if (entry)
		ok = ok && ready_put(&t->value_sets, &t->arena, entry, vs, err);
	return ok ? vs : NULL;
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

static const struct value_set *make(struct terminology *t, const struct canonical *entry, struct error *err)
{
	const struct value_set *vs = ready_get(&t->value_sets, entry);
	if (vs)
		return vs;
	for (vs = t->compiling; vs; vs = vs->outer)
		if (vs->entry == entry)
			return vs;
	const struct json *json = canonical_json(t->canonicals, entry, err);
	return json ? compile(t, json, entry, entry, err) : NULL;
}

/* One that a URL spells out is made once for each URL. */
static const struct value_set *make_implicit(struct terminology *t, struct str canonical, const struct canonical *from,
					     struct error *err)
{
	const uint64_t *known = map_get(&t->implicit, canonical);
	if (known)
		return (const struct value_set *)(uintptr_t)*known;
	const struct json *json = implicit_value_set(t, canonical, from, err);
	const struct value_set *vs = json ? compile(t, json, NULL, from, err) : NULL;
	struct str copy = vs ? arena_str(&t->arena, canonical) : STR_NULL;
	uint64_t *slot = copy.p ? map_put(&t->implicit, copy, NULL) : NULL;
	if (slot)
		*slot = (uintptr_t)vs;
	else if (vs)
		error_set(err, ERR_LIMIT, "too many different value sets are named by URLs alone");
	return slot ? vs : NULL;
}

static const struct value_set *find_import(struct terminology *t, struct str canonical, const struct canonical *from,
					   struct error *err)
{
	const struct canonical *entry = canonicals_find(t->canonicals, S("ValueSet"), canonical, from);
	if (entry)
		return make(t, entry, err);
	return implicit_possible(t, canonical) ? make_implicit(t, canonical, from, err) : NULL;
}

const struct value_set *value_set_find(struct terminology *t, struct str canonical, const struct canonical *from,
				       struct error *err)
{
	const struct canonical *entry = canonicals_find(t->canonicals, S("ValueSet"), canonical, from);
	const struct value_set *vs = entry ? ready_get(&t->value_sets, entry) : NULL;
	if (vs || (!entry && !implicit_possible(t, canonical)))
		return vs;
	pthread_mutex_lock(&t->lock);
	vs = find_import(t, canonical, from, err);
	pthread_mutex_unlock(&t->lock);
	return vs;
}

const struct value_set *value_set_take(struct terminology *t, const struct json *json, const struct canonical *from,
				       struct error *err)
{
	pthread_mutex_lock(&t->lock);
	const struct value_set *vs = compile(t, json, NULL, from, err);
	pthread_mutex_unlock(&t->lock);
	return vs;
}
