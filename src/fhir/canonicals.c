/*
 * Sets of canonical resources: one index by URL over everything that is at hand, and the rules by which a canonical
 * without a version finds the right one of several.
 */
#include "fhir/canonicals_priv.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/map.h"

enum { MAX_ENTRIES = 1000000, MAX_PACKAGES = 1000 };

struct canonical_package {
	struct str name, version;
	struct canonical_dependency *dependencies;
	size_t dependency_count;
	size_t rank; /* place of the first package of this name: later names win */
	struct canonical_package *next;
};

enum source_kind { SOURCE_TREE, SOURCE_ARCHIVE, SOURCE_LAZY, SOURCE_BELOW };

/* The public part comes first: a struct canonical of this set is a struct entry. */
struct entry {
	struct canonical facts;
	enum source_kind source;
	size_t record; /* SOURCE_ARCHIVE */
	struct canonical_source lazy;
	const struct entry *below; /* SOURCE_BELOW: of the set that this one stands on */
	_Atomic(const struct json *) json;
	struct entry *same_url, *next;
};

struct canonicals {
	struct arena arena;
	pthread_mutex_t lock; /* over the arena and the trees, once several threads read */
	struct map by_url; /* to the newest entry of that url, older ones behind it */
	struct map types_by_name; /* core types: "Patient" */
	struct entry *first, *last;
	struct canonical_package *packages;
	size_t package_count;
	const struct canonicals *base; /* whose entries are seen here too, or NULL */
};

static const struct entry *entry_of(const struct canonical *c)
{
	return (const struct entry *)(const void *)c;
}

/* ---- filling ---------------------------------------------------------------------------------------------------- */

static bool index_entry(struct canonicals *c, struct entry *e, struct error *err)
{
	uint64_t *slot = map_put(&c->by_url, e->facts.url, NULL);
	if (!slot)
		return error_set(err, ERR_LIMIT, "There are more than %d canonical resources", MAX_ENTRIES);
	e->same_url = (struct entry *)(uintptr_t)*slot;
	*slot = (uintptr_t)e;
	if (c->last)
		c->last->next = e;
	else
		c->first = e;
	c->last = e;
	return true;
}

static bool index_type(struct canonicals *c, struct entry *e, struct error *err)
{
	static const struct str prefix = {"http://hl7.org/fhir/StructureDefinition/", 40};
	if (!str_is(e->facts.type, "StructureDefinition") || str_is(e->facts.derivation, "constraint") ||
	    !str_starts(e->facts.url, prefix) ||
	    !str_eq(str_slice(e->facts.url, prefix.n, e->facts.url.n), e->facts.defines))
		return true;
	bool fresh;
	uint64_t *slot = map_put(&c->types_by_name, e->facts.defines, &fresh);
	if (!slot)
		return error_memory(err);
	if (fresh)
		*slot = (uintptr_t)e;
	return true;
}

static struct entry *add_entry(struct canonicals *c, const struct canonical_package *package,
			       const struct canonical *facts, struct error *err)
{
	struct entry *e = ARENA_NEW(&c->arena, struct entry);
	if (!e) {
		error_memory(err);
		return NULL;
	}
	e->facts = *facts;
	e->facts.package = package;
	return index_entry(c, e, err) && index_type(c, e, err) ? e : NULL;
}

bool canonical_facts(const struct json *resource, struct canonical *ret_facts)
{
	struct canonical f = {.type = json_get_str(resource, S("resourceType")),
			      .url = json_get_str(resource, S("url")),
			      .version = json_get_str(resource, S("version")),
			      .id = json_get_str(resource, S("id")),
			      .name = json_get_str(resource, S("name"))};
	if (!f.type.p || !f.url.p)
		return false;
	if (str_is(f.type, "StructureDefinition")) {
		f.kind = json_get_str(resource, S("kind"));
		f.defines = json_get_str(resource, S("type"));
		f.base = json_get_str(resource, S("baseDefinition"));
		f.derivation = json_get_str(resource, S("derivation"));
	} else if (str_is(f.type, "CodeSystem")) {
		f.content = json_get_str(resource, S("content"));
		f.base = json_get_str(resource, S("supplements"));
		f.defines = json_get_str(resource, S("valueSet"));
	}
	*ret_facts = f;
	return true;
}

bool canonicals_add(struct canonicals *c, struct canonical_package *package, const struct json *resource,
		    struct error *err)
{
	struct canonical facts;
	if (!canonical_facts(resource, &facts))
		return true;
	struct entry *e = add_entry(c, package, &facts, err);
	if (!e)
		return false;
	e->source = SOURCE_TREE;
	atomic_init(&e->json, resource);
	return true;
}

bool canonical_facts_copy(struct arena *a, struct canonical *facts, struct error *err)
{
	struct str *texts[] = {&facts->type, &facts->url,     &facts->version, &facts->id,	   &facts->name,
			       &facts->kind, &facts->defines, &facts->base,    &facts->derivation, &facts->content};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!texts[i]->p)
			continue;
		*texts[i] = arena_str(a, *texts[i]);
		if (!texts[i]->p)
			return error_memory(err);
	}
	return true;
}

bool canonicals_add_lazy(struct canonicals *c, struct canonical_package *package, const struct canonical *facts,
			 const struct canonical_source *source, struct error *err)
{
	struct canonical copy = *facts;
	if (!facts->type.p || !facts->url.p)
		return true;
	if (!canonical_facts_copy(&c->arena, &copy, err))
		return false;
	struct entry *e = add_entry(c, package, &copy, err);
	if (!e)
		return false;
	e->source = SOURCE_LAZY;
	e->lazy = *source;
	return true;
}

static size_t rank_of(const struct canonicals *c, struct str name)
{
	for (const struct canonical_package *p = c->packages; p; p = p->next)
		if (str_eq(p->name, name))
			return p->rank;
	return c->package_count;
}

struct canonical_package *canonicals_add_package(struct canonicals *c, struct str name, struct str version,
						 const struct canonical_dependency *dependencies, size_t count,
						 bool *ret_known, struct error *err)
{
	for (struct canonical_package *p = c->packages; p; p = p->next) {
		if (str_eq(p->name, name) && str_eq(p->version, version)) {
			*ret_known = true;
			return p;
		}
	}
	if (c->package_count >= MAX_PACKAGES) {
		error_set(err, ERR_LIMIT, "There are more than %d packages", MAX_PACKAGES);
		return NULL;
	}
	struct canonical_package *p = ARENA_NEW(&c->arena, struct canonical_package);
	struct canonical_dependency *copies = ARENA_ARRAY(&c->arena, struct canonical_dependency, count ? count : 1);
	if (!p || !copies) {
		error_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		copies[i] = (struct canonical_dependency){arena_str(&c->arena, dependencies[i].name),
							  arena_str(&c->arena, dependencies[i].version)};
	*p = (struct canonical_package){.name = arena_str(&c->arena, name),
					.version = arena_str(&c->arena, version),
					.dependencies = copies,
					.dependency_count = count,
					.rank = rank_of(c, name),
					.next = c->packages};
	c->packages = p;
	c->package_count++;
	*ret_known = false;
	return p;
}

static bool add_archive(struct canonicals *c, struct error *err)
{
	for (size_t i = 0; i < archive_package_count(); i++) {
		struct str name, version;
		size_t first, count;
		bool known;
		archive_package(i, &name, &version, &first, &count);
		struct canonical_package *p = canonicals_add_package(c, name, version, NULL, 0, &known, err);
		for (size_t r = first; p && r < first + count; r++) {
			struct canonical facts;
			archive_facts(r, &facts);
			struct entry *e = add_entry(c, p, &facts, err);
			if (!e)
				return false;
			e->source = SOURCE_ARCHIVE;
			e->record = r;
		}
		if (!p)
			return false;
	}
	return true;
}

static struct canonicals *new_set(struct error *err)
{
	struct canonicals *c = calloc(1, sizeof(*c));
	if (!c) {
		error_memory(err);
		return NULL;
	}
	arena_init(&c->arena, ARENA_NO_CAP);
	pthread_mutex_init(&c->lock, NULL);
	map_init(&c->by_url, MAX_ENTRIES);
	map_init(&c->types_by_name, MAX_ENTRIES);
	return c;
}

struct canonicals *canonicals_new(struct error *err)
{
	struct canonicals *c = new_set(err);
	if (c && add_archive(c, err))
		return c;
	canonicals_free(c);
	return NULL;
}

struct canonicals *canonicals_new_over(const struct canonicals *base, struct error *err)
{
	struct canonicals *c = new_set(err);
	if (!c)
		return NULL;
	c->base = base;
	c->packages = base->packages;
	c->package_count = base->package_count;
	for (const struct entry *below = base->first; below; below = below->next) {
		struct entry *e = add_entry(c, below->facts.package, &below->facts, err);
		if (!e) {
			canonicals_free(c);
			return NULL;
		}
		e->source = SOURCE_BELOW;
		e->below = below;
	}
	return c;
}

void canonicals_free(struct canonicals *c)
{
	if (!c)
		return;
	map_done(&c->by_url);
	map_done(&c->types_by_name);
	pthread_mutex_destroy(&c->lock);
	arena_done(&c->arena);
	free(c);
}

struct arena *canonicals_arena(struct canonicals *c)
{
	return &c->arena;
}

/* ---- finding ---------------------------------------------------------------------------------------------------- */

static int parts_cmp(struct str a, struct str b)
{
	while (a.p && b.p) {
		struct str x = str_split(&a, '.'), y = str_split(&b, '.');
		uint64_t m, n;
		int order = str_to_u64(x, &m) && str_to_u64(y, &n) ? (m > n) - (m < n) : str_cmp(x, y);
		if (order)
			return order;
	}
	return (int)(a.p != NULL) - (int)(b.p != NULL);
}

int canonical_version_cmp(struct str a, struct str b)
{
	if (!a.n || !b.n)
		return (int)(a.n > 0) - (int)(b.n > 0);
	struct str stage_a = a, stage_b = b, numbers_a = str_split(&stage_a, '-'), numbers_b = str_split(&stage_b, '-');
	int order = parts_cmp(numbers_a, numbers_b);
	if (order || (!stage_a.p && !stage_b.p))
		return order;
	/* What is still on the way comes before what it becomes. */
	return stage_a.p && stage_b.p ? parts_cmp(stage_a, stage_b) : stage_a.p ? -1 : 1;
}

bool canonical_version_fits(struct str version, struct str wanted)
{
	if (str_eq(version, wanted))
		return true;
	if (str_ends(wanted, S(".x")))
		wanted.n -= 2;
	return str_starts(version, wanted) && (version.n == wanted.n || version.p[wanted.n] == '.');
}

static bool depends_on(const struct canonical_package *from, const struct canonical_package *on)
{
	for (size_t i = 0; i < from->dependency_count; i++)
		if (str_eq(from->dependencies[i].name, on->name) &&
		    canonical_version_fits(on->version, from->dependencies[i].version))
			return true;
	return false;
}

/* How near an entry is to who asks: loose files, the own package, a dependency, all others. */
static int nearness(const struct entry *e, const struct canonical_package *from)
{
	if (!e->facts.package)
		return 3;
	if (!from)
		return 0;
	return e->facts.package == from ? 2 : depends_on(from, e->facts.package) ? 1 : 0;
}

/* Is a to be taken rather than b? Among the equally near: the package that came later, then newer versions. */
static bool preferred(const struct entry *a, const struct entry *b, const struct canonical_package *from)
{
	int near_a = nearness(a, from), near_b = nearness(b, from);
	if (near_a != near_b)
		return near_a > near_b;
	if (a->facts.package && b->facts.package && a->facts.package != b->facts.package) {
		if (a->facts.package->rank != b->facts.package->rank)
			return a->facts.package->rank > b->facts.package->rank;
		return canonical_version_cmp(a->facts.package->version, b->facts.package->version) > 0;
	}
	return canonical_version_cmp(a->facts.version, b->facts.version) > 0;
}

const struct canonical *canonicals_find(const struct canonicals *c, struct str type, struct str canonical,
					const struct canonical *from)
{
	const struct entry *best = NULL;
	struct str version = canonical, url = str_split(&version, '|');
	const uint64_t *slot = url.n ? map_get(&c->by_url, url) : NULL;
	/* A few of R4 have a bar in the url itself. */
	if (version.p && map_get(&c->by_url, canonical)) {
		slot = map_get(&c->by_url, canonical);
		version = STR_NULL;
	}
	if (version.p)
		version = str_split(&version, '#');
	for (const struct entry *e = slot ? (const struct entry *)(uintptr_t)*slot : NULL; e; e = e->same_url) {
		if (type.p && !str_eq(type, e->facts.type))
			continue;
		if (version.p && !canonical_version_fits(e->facts.version, version))
			continue;
		if (!best || preferred(e, best, from ? from->package : NULL))
			best = e;
	}
	return best ? &best->facts : NULL;
}

const struct canonical *canonicals_find_type(const struct canonicals *c, struct str name)
{
	if (str_find_char(name, ':', 0) != STR_NONE)
		return canonicals_find(c, S("StructureDefinition"), name, NULL);
	const uint64_t *slot = map_get(&c->types_by_name, name);
	return slot ? &((const struct entry *)(uintptr_t)*slot)->facts : NULL;
}

static const struct json *read_entry(struct canonicals *c, struct entry *e, struct error *err)
{
	if (e->source == SOURCE_BELOW)
		return canonical_json(c->base, &e->below->facts, err);
	if (e->source == SOURCE_ARCHIVE)
		return archive_json(e->record, &c->arena, err);
	return e->lazy.read(e->lazy.ctx, &c->arena, err);
}

const struct json *canonical_json(const struct canonicals *set, const struct canonical *entry, struct error *err)
{
	/* Reading a resource changes nothing that a caller can see. */
	struct canonicals *c = (struct canonicals *)(uintptr_t)set;
	struct entry *e = (struct entry *)(uintptr_t)entry_of(entry);
	const struct json *json = atomic_load_explicit(&e->json, memory_order_acquire);
	if (json)
		return json;
	pthread_mutex_lock(&c->lock);
	json = atomic_load_explicit(&e->json, memory_order_relaxed);
	if (!json) {
		json = read_entry(c, e, err);
		atomic_store_explicit(&e->json, json, memory_order_release);
	}
	pthread_mutex_unlock(&c->lock);
	if (!json)
		error_context(err, "%.*s", STR_ARG(entry->url));
	return json;
}

const struct canonical *canonicals_next(const struct canonicals *c, struct str type, size_t *at)
{
	const struct entry *e = *at == 0 ? c->first : ((const struct entry *)*at)->next;
	while (e && type.p && !str_eq(type, e->facts.type))
		e = e->next;
	*at = (size_t)(uintptr_t)e;
	return e ? &e->facts : NULL;
}

struct str canonical_package_name(const struct canonical_package *p)
{
	return p ? p->name : STR_NULL;
}

struct str canonical_package_version(const struct canonical_package *p)
{
	return p ? p->version : STR_NULL;
}

const struct canonical_package *canonicals_package(const struct canonicals *c, struct str name, struct str version)
{
	const struct canonical_package *best = NULL;
	for (const struct canonical_package *p = c->packages; p; p = p->next)
		if (str_eq(p->name, name) && (!version.p || canonical_version_fits(p->version, version)) &&
		    (!best || canonical_version_cmp(p->version, best->version) > 0))
			best = p;
	return best;
}
