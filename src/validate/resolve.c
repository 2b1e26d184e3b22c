/*
 * Literal references and what they point at (http://hl7.org/fhir/R4/references.html, bundle.html#references): contained
 * resources by "#id", entries of the Bundles around by fullUrl, and what the caller has. Each Bundle gets an index of
 * its fullUrls when the first reference in it is looked up.
 */
#include "validate/validate_priv.h"

enum { INDEX_NONE = UINT32_MAX };

/* One Bundle: a hash table over the fullUrls of its entries; entries with the same one are chained. */
struct reference_index {
	const struct json *bundle;
	struct str *full_urls; /* by entry */
	const struct json **resources;
	uint32_t *next, *slots;
	size_t count, mask;
	struct reference_index *older;
};

/* ---- the index -------------------------------------------------------------------------------------------------- */

static bool index_allocate(struct arena *a, struct reference_index *x)
{
	size_t slots = 8;
	while (slots < 2 * x->count)
		slots *= 2;
	x->mask = slots - 1;
	x->full_urls = ARENA_ARRAY(a, struct str, x->count + 1);
	x->resources = ARENA_ARRAY(a, const struct json *, x->count + 1);
	x->next = ARENA_ARRAY(a, uint32_t, x->count + 1);
	x->slots = ARENA_ARRAY(a, uint32_t, slots);
	return x->full_urls && x->resources && x->next && x->slots;
}

static void index_fill(struct reference_index *x, const struct json *entries)
{
	struct json_iter it = json_iter(entries);
	memset(x->slots, 0xff, (x->mask + 1) * sizeof(*x->slots));
	for (size_t i = 0; i < x->count && json_next(&it); i++) {
		x->full_urls[i] = json_get_str(it.value, S("fullUrl"));
		x->resources[i] = json_get(it.value, S("resource"));
	}
	/* From the last to the first, so that chains are in the order of the entries. */
	for (size_t i = x->count; i-- > 0;) {
		if (!x->full_urls[i].n)
			continue;
		uint32_t *slot = &x->slots[str_hash(x->full_urls[i]) & x->mask];
		x->next[i] = *slot;
		*slot = (uint32_t)i;
	}
}

static struct reference_index *index_of(struct validation *v, const struct json *bundle)
{
	const struct json *entries = json_get(bundle, S("entry"));
	for (struct reference_index *x = v->references; x; x = x->older)
		if (x->bundle == bundle)
			return x;
	struct reference_index *x = ARENA_NEW(v->arena, struct reference_index);
	if (!x)
		return NULL;
	x->bundle = bundle;
	x->count = json_is(entries, JSON_ARRAY) ? json_size(entries) : 0;
	if (x->count >= INDEX_NONE || !index_allocate(v->arena, x))
		return NULL;
	index_fill(x, entries);
	x->older = v->references;
	v->references = x;
	return x;
}

/* ---- the rules of Bundles --------------------------------------------------------------------------------------- */

/* Cuts "/_history/3" off; *ret_version is STR_NULL when there is none. */
static struct str without_version(struct str url, struct str *ret_version)
{
	size_t at = str_find(url, S("/_history/"));
	*ret_version = at == STR_NONE ? STR_NULL : str_slice(url, at + 10, url.n);
	return at == STR_NONE ? url : str_slice(url, 0, at);
}

static bool is_absolute(struct str url)
{
	return str_starts(url, S("http://")) || str_starts(url, S("https://")) || str_starts(url, S("urn:"));
}

/* What a relative reference "Type/id" in an entry means: beside the fullUrl when that is a RESTful one, and by its id
 * alone when that is a URN. STR_NULL when it means nothing. */
static struct str absolute_url(struct arena *a, struct str full_url, struct str relative)
{
	size_t slash = str_find_char(relative, '/', 0);
	if (slash == STR_NONE || str_find_char(relative, '/', slash + 1) != STR_NONE)
		return STR_NULL;
	if (str_starts(full_url, S("urn:"))) {
		size_t colon = str_rfind_char(full_url, ':');
		return arena_printf(a, "%.*s%.*s", (int)colon + 1, full_url.p, (int)(relative.n - slash - 1),
				    relative.p + slash + 1);
	}
	size_t id = str_rfind_char(full_url, '/');
	size_t type = id == STR_NONE ? STR_NONE : str_rfind_char(str_slice(full_url, 0, id), '/');
	if (type == STR_NONE || !is_absolute(full_url))
		return STR_NULL;
	return arena_printf(a, "%.*s%.*s", (int)type + 1, full_url.p, STR_ARG(relative));
}

static bool version_matches(const struct json *resource, struct str version)
{
	struct str has = json_get_str(json_get(resource, S("meta")), S("versionId"));
	return !version.p || str_eq(has, version);
}

struct target validation_resolve_in(struct validation *v, const struct json *bundle, struct str full_url,
				    struct str reference)
{
	struct target t = {.place = TARGET_NONE, .bundle = bundle};
	struct str version, url = without_version(reference, &version);
	struct str fragment = str_slice(url, 0, str_find_char(url, '#', 0));
	struct reference_index *x = index_of(v, bundle);
	url = fragment;
	if (!is_absolute(url)) {
		struct str relative = url;
		url = full_url.n ? absolute_url(v->arena, full_url, relative) : STR_NULL;
	}
	if (!x || !url.n)
		return t;
	for (uint32_t i = x->slots[str_hash(url) & x->mask]; i != INDEX_NONE; i = x->next[i]) {
		if (!str_eq(x->full_urls[i], url) || !version_matches(x->resources[i], version))
			continue;
		if (t.matches++ == 0) {
			t.place = TARGET_BUNDLED;
			t.entry = i;
			t.resource = x->resources[i];
		}
	}
	return t;
}

/* ---- everything ------------------------------------------------------------------------------------------------- */

static struct target find_contained(const struct holder *from, struct str id)
{
	struct target t = {.place = TARGET_NONE};
	while (from->contained && from->outer)
		from = from->outer;
	const struct json *contained = json_get(from->json, S("contained"));
	for (struct json_iter it = json_iter(contained); id.n && json_next(&it);) {
		if (str_eq(json_get_str(it.value, S("id")), id) && t.matches++ == 0)
			t = (struct target){.place = TARGET_CONTAINED, .resource = it.value, .matches = 1};
	}
	/* "#" is the container itself. */
	if (!id.n)
		t = (struct target){.place = TARGET_CONTAINED, .resource = from->json, .matches = 1};
	return t;
}

/* The parameters of a Parameters resource stand beside each other like entries, without a fullUrl. */
static struct target find_parameter(struct validation *v, const struct json *parameters, struct str reference)
{
	struct target t = {.place = TARGET_NONE};
	struct reference r = reference_parse(v->definitions, reference);
	for (struct json_iter it = json_iter(json_get(parameters, S("parameter"))); r.id.n && json_next(&it);) {
		const struct json *resource = json_get(it.value, S("resource"));
		if (str_eq(json_get_str(resource, S("id")), r.id) &&
		    str_eq(json_get_str(resource, S("resourceType")), r.type) && t.matches++ == 0)
			t = (struct target){.place = TARGET_OUTSIDE, .resource = resource, .matches = 1};
	}
	return t;
}

static bool is_type(const struct holder *h, const char *type)
{
	return h && h->type && str_is(h->type->name, type);
}

struct target validation_resolve(struct validation *v, const struct holder *from, struct str reference)
{
	struct target t = {.place = TARGET_NONE};
	if (str_starts(reference, S("#")))
		return find_contained(from, str_slice(reference, 1, reference.n));
	for (const struct holder *h = from; h && t.place == TARGET_NONE; h = h->outer) {
		if (is_type(h->outer, "Bundle"))
			t = validation_resolve_in(v, h->outer->json, h->full_url, reference);
		else if (is_type(h->outer, "Parameters"))
			t = find_parameter(v, h->outer->json, reference);
	}
	if (t.place != TARGET_NONE || !v->options->resolve)
		return t;
	t.resource = v->options->resolve(v->options->resolve_ctx, reference);
	if (t.resource)
		t = (struct target){.place = TARGET_OUTSIDE, .resource = t.resource, .matches = 1};
	return t;
}
