/* The set of compiled profiles: found by canonical or by type, compiled once under a lock, read without one. */
#include "profile/profile_priv.h"

#include <stdlib.h>

/* One constraint's program, compiled once. */
struct constraint_program {
	const struct path_program *program;
	struct error error;
};

enum { MAX_CONSTRAINTS = 1000000, MAX_COMPILED = 1000000 };

struct profiles *profiles_new(const struct definitions *d, const struct canonicals *c, struct error *err)
{
	struct profiles *p = calloc(1, sizeof(*p));
	pthread_mutexattr_t recursive;
	if (!p) {
		error_memory(err);
		return NULL;
	}
	p->definitions = d;
	p->canonicals = c;
	arena_init(&p->arena, ARENA_NO_CAP);
	map_init(&p->compiled, MAX_COMPILED);
	map_init(&p->constraints, MAX_CONSTRAINTS);
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&p->lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	return p;
}

void profiles_free(struct profiles *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	map_done(&p->compiled);
	map_done(&p->constraints);
	arena_done(&p->arena);
	free(p);
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

static const struct profile_lookup *look_up(const struct profiles *p, size_t bucket, struct str canonical,
					    const struct canonical_package *package)
{
	const struct profile_lookup *l = atomic_load_explicit(&p->lookups[bucket], memory_order_acquire);
	while (l && !(l->package == package && str_eq(l->canonical, canonical)))
		l = l->next;
	return l;
}

/* The entry's address is its key: one definition is compiled once, by whatever canonical it was found. */
static const struct profile *compile_once(struct profiles *p, const struct canonical *canonical, struct error *err)
{
	const struct canonical **key = ARENA_NEW(&p->arena, const struct canonical *);
	bool fresh;
	if (!key) {
		error_memory(err);
		return NULL;
	}
	*key = canonical;
	uint64_t *slot = map_put(&p->compiled, str_make((const char *)(void *)key, sizeof(*key)), &fresh);
	if (!slot) {
		error_memory(err);
		return NULL;
	}
	if (!fresh) {
		if (!*slot)
			error_set(err, ERR_VALUE, "The profile %.*s is defined in terms of itself, or is broken",
				  STR_ARG(canonical->url));
		return (const struct profile *)(uintptr_t)*slot;
	}
	const struct profile *made = profile_compile(p, canonical, err);
	slot = map_get(&p->compiled, str_make((const char *)(void *)key, sizeof(*key)));
	if (slot)
		*slot = (uintptr_t)made;
	return made;
}

static const struct profile_lookup *answer(struct profiles *p, struct str canonical, const struct canonical *from,
					   struct profile_lookup *l)
{
	const struct canonical *entry = canonicals_find(p->canonicals, S("StructureDefinition"), canonical, from);
	if (!entry)
		return l;
	struct error err = {0};
	l->profile = compile_once(p, entry, &err);
	if (!l->profile) {
		struct error *kept = ARENA_NEW(&p->arena, struct error);
		if (kept)
			*kept = err;
		l->error = kept;
	}
	return l;
}

static const struct profile_lookup *find_locked(struct profiles *p, size_t bucket, struct str canonical,
						const struct canonical *from)
{
	const struct canonical_package *package = from ? from->package : NULL;
	const struct profile_lookup *known = look_up(p, bucket, canonical, package);
	if (known)
		return known;
	struct profile_lookup *l = ARENA_NEW(&p->arena, struct profile_lookup);
	if (!l || !(l->canonical = arena_str(&p->arena, canonical)).p)
		return NULL;
	l->package = package;
	answer(p, canonical, from, l);
	/* Unknown canonicals come from instances, so only so many are remembered. */
	if (!l->profile && p->lookup_count > PROFILE_MAX_UNKNOWN)
		return l;
	p->lookup_count++;
	l->next = atomic_load_explicit(&p->lookups[bucket], memory_order_relaxed);
	atomic_store_explicit(&p->lookups[bucket], l, memory_order_release);
	return l;
}

const struct profile *profiles_find(struct profiles *p, struct str canonical, const struct canonical *from,
				    struct error *err)
{
	size_t bucket = str_hash(canonical) % PROFILE_BUCKETS;
	const struct profile_lookup *l = look_up(p, bucket, canonical, from ? from->package : NULL);
	if (!l) {
		pthread_mutex_lock(&p->lock);
		l = find_locked(p, bucket, canonical, from);
		pthread_mutex_unlock(&p->lock);
	}
	if (!l)
		error_memory(err);
	else if (l->error && err)
		*err = *l->error;
	return l ? l->profile : NULL;
}

static const struct profile *find_type(struct profiles *p, struct str name)
{
	const struct canonical *entry = canonicals_find_type(p->canonicals, name);
	return entry ? compile_once(p, entry, NULL) : NULL;
}

const struct profile *profiles_fhir_type(struct profiles *p, const struct fhir_type *type)
{
	if (!type || type->kind == TYPE_BACKBONE || type->id >= PROFILE_MAX_TYPES)
		return NULL;
	const struct profile *known = atomic_load_explicit(&p->by_type[type->id], memory_order_acquire);
	if (known)
		return known;
	pthread_mutex_lock(&p->lock);
	known = find_type(p, type->name);
	atomic_store_explicit(&p->by_type[type->id], known, memory_order_release);
	pthread_mutex_unlock(&p->lock);
	return known;
}

const struct profile *profiles_type(struct profiles *p, struct str name)
{
	return profiles_fhir_type(p, definitions_type(p->definitions, name));
}

/* ---- looking at a tree ---------------------------------------------------------------------------------------------
 */

const struct profile_property *profile_property(const struct profile_element *e, struct str name)
{
	if (!e->properties && e->content)
		e = e->content;
	if (!e->properties)
		return NULL;
	size_t i = str_hash(name) & e->property_mask;
	while (e->properties[i].name.p) {
		if (str_eq(e->properties[i].name, name))
			return &e->properties[i];
		i = (i + 1) & e->property_mask;
	}
	return NULL;
}

const struct profile_element *profile_child(const struct profile_element *e, struct str name)
{
	if (!e->child_count && e->content)
		e = e->content;
	for (size_t i = 0; i < e->child_count; i++)
		if (str_eq(e->children[i]->name, name))
			return e->children[i];
	return NULL;
}

static const struct profile_element *find_id(const struct profile_element *e, struct str id)
{
	const struct profile_element *found = str_eq(e->id, id) ? e : NULL;
	for (size_t i = 0; !found && i < e->child_count; i++)
		found = find_id(e->children[i], id);
	for (size_t i = 0; !found && i < e->slice_count; i++)
		found = find_id(e->slices[i], id);
	return found;
}

const struct profile_element *profile_of_type(struct profiles *p, const struct profile_element *of,
					      const struct profile_type *type, size_t i)
{
	const struct profile *found = profiles_find(p, type->profiles[i], of->profile->canonical, NULL);
	if (!found)
		return NULL;
	return type->parts && type->parts[i].p ? find_id(found->root, type->parts[i]) : found->root;
}

/* ---- constraints ---------------------------------------------------------------------------------------------------
 */

static struct constraint_program *compile_constraint(struct profiles *p, const struct profile_constraint *c)
{
	/* Rules of R4 itself use as() on collections (dom-3). */
	static const struct path_options options = {.as_filters = true};
	struct constraint_program *made = ARENA_NEW(&p->arena, struct constraint_program);
	if (made)
		made->program = path_compile(&p->arena, p->definitions, c->expression, &options, &made->error);
	return made;
}

const struct path_program *constraint_program(struct profiles *p, const struct profile_constraint *c, struct error *err)
{
	struct profile_constraint *own = (struct profile_constraint *)(uintptr_t)c;
	struct constraint_program *compiled = atomic_load_explicit(&own->compiled, memory_order_acquire);
	if (!compiled) {
		pthread_mutex_lock(&p->lock);
		compiled = atomic_load_explicit(&own->compiled, memory_order_acquire);
		if (!compiled) {
			compiled = compile_constraint(p, c);
			atomic_store_explicit(&own->compiled, compiled, memory_order_release);
		}
		pthread_mutex_unlock(&p->lock);
	}
	if (!compiled)
		error_memory(err);
	else if (!compiled->program && err)
		*err = compiled->error;
	return compiled ? compiled->program : NULL;
}
