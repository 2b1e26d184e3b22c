/*
 * Asking whether something conforms to a profile without reporting why not: for choices of profiles, for slices told
 * apart by profile, for targets of references. Answers on whole resources are remembered for the validation, and a
 * question that is being answered already is answered with yes, so that circles of references end.
 */
#include "validate/walk_priv.h"

/* The two pointers are the key of the map. */
struct conformance {
	const struct json *resource;
	const struct profile *profile;
	int answer;
};

bool type_derives(const struct validation *v, const struct fhir_type *type, struct str ancestor)
{
	(void)v;
	for (; type; type = type->base)
		if (str_eq(type->name, ancestor))
			return true;
	return false;
}

int conforms_element(struct validation *v, const struct node *n, const struct profile_element *root)
{
	struct node copy = *n;
	struct overlays o = {.at = {root}, .count = 1};
	size_t before = v->trial_errors;
	const struct profile_type own = {.code = node_type_name(n), .type = n->type};
	const struct fhir_type *wanted = root->parent ? NULL : root->profile->fhir_type;
	if (wanted && !(n->type && type_derives(v, n->type, wanted->name)))
		return 0;
	if (!root->profile->constraint)
		return 1;
	v->trials++;
	v->additions++;
	v->trial_errors = 0;
	walk_element(v, &copy, &own, &o);
	bool fine = v->trial_errors == 0;
	v->trial_errors = before;
	v->additions--;
	v->trials--;
	return fine;
}

static int conforms_resource(struct validation *v, const struct holder *home, const struct json *resource,
			     const struct profile *p)
{
	struct node n = {.name = p->type, .index = -1, .value = resource, .holder = home};
	struct error ignored = {0};
	n.type = resource_type(v->definitions, resource, &ignored);
	if (!n.type || !p->fhir_type || !type_derives(v, n.type, p->type))
		return 0;
	return p->constraint ? conforms_element(v, &n, p->root) : 1;
}

static struct str key_of(const struct conformance *c)
{
	return str_make((const char *)(const void *)c, offsetof(struct conformance, answer));
}

int conforms_home(struct validation *v, const struct holder *home, const struct json *resource, const struct profile *p)
{
	struct conformance *c = ARENA_NEW(v->arena, struct conformance);
	bool fresh;
	if (!c) {
		error_memory(v->err);
		return -1;
	}
	*c = (struct conformance){resource, p, 1};
	uint64_t *slot = map_put(&v->conformances, key_of(c), &fresh);
	if (!slot) {
		error_memory(v->err);
		return -1;
	}
	if (!fresh)
		return ((const struct conformance *)(uintptr_t)*slot)->answer;
	*slot = (uintptr_t)c;
	c->answer = conforms_resource(v, home, resource, p);
	return c->answer;
}

const struct holder *target_home(const struct holder *from, const struct target *t)
{
	const struct holder *home = from;
	if (t->place == TARGET_OUTSIDE || t->place == TARGET_NONE)
		return NULL;
	while (home && t->place == TARGET_BUNDLED && home->json != t->bundle)
		home = home->outer;
	while (home && t->place == TARGET_CONTAINED && home->contained)
		home = home->outer;
	return home;
}

int conforms_target(struct validation *v, const struct holder *from, const struct target *t, struct str profile,
		    const struct canonical *seen_from)
{
	const struct profile *p = profiles_find(v->profiles, profile, seen_from, NULL);
	return p && t->resource ? conforms_home(v, target_home(from, t), t->resource, p) : -1;
}

/* ---- entries ---------------------------------------------------------------------------------------------------- */

/* The fullUrls of one Bundle by the resources they stand for. */
struct entry_urls {
	const struct json *bundle;
	struct map by_resource; /* pointer, as bytes, to the place in urls */
	const struct json **resources;
	struct str *urls;
	struct entry_urls *next;
};

enum { MAX_ENTRIES = 10000000 };

static struct entry_urls *read_entries(struct validation *v, const struct json *bundle)
{
	struct json_iter it = json_iter(json_get(bundle, S("entry")));
	struct entry_urls *e = ARENA_NEW(v->arena, struct entry_urls);
	if (!e || !(e->resources = ARENA_ARRAY(v->arena, const struct json *, it.left + 1)) ||
	    !(e->urls = ARENA_ARRAY(v->arena, struct str, it.left + 1)))
		return NULL;
	map_init(&e->by_resource, MAX_ENTRIES);
	for (size_t i = 0; json_next(&it); i++) {
		e->resources[i] = json_get(it.value, S("resource"));
		e->urls[i] = json_get_str(it.value, S("fullUrl"));
		uint64_t *slot =
			map_put(&e->by_resource,
				str_make((const char *)(void *)&e->resources[i], sizeof(e->resources[i])), NULL);
		if (slot)
			*slot = i;
	}
	e->bundle = bundle;
	e->next = v->entry_urls;
	v->entry_urls = e;
	return e;
}

struct str entry_url_of(struct validation *v, const struct json *bundle, const struct json *resource)
{
	struct entry_urls *e = v->entry_urls;
	while (e && e->bundle != bundle)
		e = e->next;
	if (!e && !(e = read_entries(v, bundle))) {
		error_memory(v->err);
		return STR_NULL;
	}
	const uint64_t *found = map_get(&e->by_resource, str_make((const char *)(void *)&resource, sizeof(resource)));
	return found ? e->urls[*found] : STR_NULL;
}

void entry_urls_done(struct validation *v)
{
	for (struct entry_urls *e = v->entry_urls; e; e = e->next)
		map_done(&e->by_resource);
}
