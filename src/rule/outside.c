/*
 * What expressions ask while a service runs: whether a code is in a value set, and what a reference means. References
 * are looked for among the resources of the request only; nothing is fetched.
 */
#include <stdlib.h>

#include "fhir/resource.h"
#include "rule/rule_priv.h"

/* ---- references ---------------------------------------------------------------------------------------------------
 */

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	return str_cmp(x->key, y->key);
}

static bool put_place(struct run *r, size_t capacity, struct str key, const struct json *resource)
{
	if (r->place_count == capacity || !key.p)
		return key.p;
	r->places[r->place_count++] = (struct place){key, resource};
	return true;
}

static bool put_entries(struct run *r, size_t capacity, const struct json *value)
{
	for (struct json_iter it = json_iter(json_get(value, S("entry"))); json_next(&it);) {
		struct str url = json_get_str(it.value, S("fullUrl"));
		if (url.n && !put_place(r, capacity, url, json_get(it.value, S("resource"))))
			return false;
	}
	return true;
}

static size_t entries_of(const struct json *value)
{
	return 1 + json_size(json_get(value, S("entry")));
}

static bool put_resources(struct run *r, size_t capacity, const struct path_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct json *resource = items->items[i].value;
		struct str id = json_get_str(resource, S("id"));
		if (id.n && !put_place(r, capacity,
				       arena_printf(r->arena, "%.*s/%.*s",
						    STR_ARG(json_get_str(resource, S("resourceType"))), STR_ARG(id)),
				       resource))
			return false;
	}
	return true;
}

/* Every resource at hand by "Type/id", and by the address of its entry. */
static bool make_places(struct run *r, struct error *err)
{
	const struct hook_prefetch *prefetch = r->input->prefetch;
	const struct json *drafts = json_get(r->input->context, S("draftOrders"));
	struct path_items all = {0};
	size_t capacity = 2 * entries_of(drafts);
	bool ok = run_resources(r, drafts, NULL, &all);
	for (size_t i = 0; prefetch && ok && i < prefetch->count; i++) {
		capacity += 2 * entries_of(prefetch->items[i].value);
		ok = run_resources(r, prefetch->items[i].value, NULL, &all);
	}
	r->places = ARENA_ARRAY(r->arena, struct place, capacity);
	ok = ok && r->places && put_resources(r, capacity, &all) && put_entries(r, capacity, drafts);
	for (size_t i = 0; prefetch && ok && i < prefetch->count; i++)
		ok = put_entries(r, capacity, prefetch->items[i].value);
	if (!ok)
		return error_memory(err);
	if (r->place_count)
		qsort(r->places, r->place_count, sizeof(*r->places), compare_places);
	return true;
}

static const struct json *find_place(const struct run *r, struct str key)
{
	const struct place wanted = {.key = key};
	const struct place *found =
		r->place_count ? bsearch(&wanted, r->places, r->place_count, sizeof(wanted), compare_places) : NULL;
	return found ? found->resource : NULL;
}

static bool resolve(void *ctx, struct arena *a, const struct path_item *from, struct str reference,
		    struct path_item *ret_item, struct error *err)
{
	struct run *r = ctx;
	(void)from;
	if (!r->places && !make_places(r, err))
		return false;
	const struct json *found = find_place(r, reference);
	if (!found) {
		struct reference parts = reference_parse(r->program->definitions, reference);
		struct str key = parts.type.n && parts.id.n
					 ? arena_printf(a, "%.*s/%.*s", STR_ARG(parts.type), STR_ARG(parts.id))
					 : STR_NULL;
		found = key.p ? find_place(r, key) : NULL;
	}
	if (found)
		*ret_item = path_item_resource(r->program->definitions, found);
	return true;
}

/* ---- value sets ---------------------------------------------------------------------------------------------------
 */

static const struct rule_values_named *named(const struct run *r, struct str name)
{
	for (size_t i = 0; i < r->program->value_count; i++)
		if (str_eq(r->program->values[i].name, name))
			return &r->program->values[i];
	return NULL;
}

static bool has_coding(struct run *r, struct arena *a, const struct rule_values_named *v, const struct json *coding,
		       int *ret_answer, struct error *err)
{
	const struct rule_library *l = r->program->library;
	struct str system = json_get_str(coding, S("system")), code = json_get_str(coding, S("code"));
	int answer = 0;
	if (!code.n)
		return true;
	if (v->values)
		answer = values_have(v->values, system, code);
	else if (!l->member_of(l->ctx, a, v->url, system, code, &answer, err))
		return false;
	if (answer)
		*ret_answer = *ret_answer == 1 ? 1 : answer;
	return true;
}

/* One coding of several is enough; where none is in but one cannot be told, nothing is known. */
static bool has_concept(struct run *r, struct arena *a, const struct rule_values_named *v, const struct json *concept,
			int *ret_answer, struct error *err)
{
	for (struct json_iter it = json_iter(json_get(concept, S("coding"))); json_next(&it);)
		if (!has_coding(r, a, v, it.value, ret_answer, err))
			return false;
	return true;
}

/* A reference to a Medication means its code. */
static bool has_referred(struct run *r, struct arena *a, const struct rule_values_named *v,
			 const struct path_item *item, int *ret_answer, struct error *err)
{
	struct path_item found = {.kind = PATH_NO_TYPE};
	struct str text = json_get_str(item->value, S("reference"));
	const struct json *container = item->container, *resource = NULL;
	if (str_starts(text, S("#"))) {
		for (struct json_iter it = json_iter(json_get(container, S("contained"))); json_next(&it);)
			if (str_eq(json_get_str(it.value, S("id")), str_slice(text, 1, text.n)))
				resource = it.value;
	} else if (text.n) {
		if (!resolve(r, a, item, text, &found, err))
			return false;
		resource = found.kind == PATH_ELEMENT ? found.value : NULL;
	}
	return !resource || has_concept(r, a, v, json_get(resource, S("code")), ret_answer, err);
}

static bool member_of(void *ctx, struct arena *a, const struct path_item *item, struct str value_set, int *ret_answer,
		      struct error *err)
{
	struct run *r = ctx;
	const struct rule_values_named *v = named(r, value_set);
	*ret_answer = 0;
	if (!v)
		return error_set(err, ERR_VALUE, "there is no value set '%.*s' in valueSets",
				 STR_ARG(str_slice(value_set, 0, 100)));
	if (!json_is(item->value, JSON_OBJECT))
		return error_set(err, ERR_VALUE, "it needs a Coding, a CodeableConcept or a reference to a Medication");
	bool ok = json_get(item->value, S("reference")) ? has_referred(r, a, v, item, ret_answer, err)
		  : json_get(item->value, S("coding"))	? has_concept(r, a, v, item->value, ret_answer, err)
							: has_coding(r, a, v, item->value, ret_answer, err);
	if (ok && *ret_answer < 0)
		return error_set(err, ERR_NOT_SUPPORTED, "whether a code is in %.*s cannot be told",
				 STR_ARG(str_slice(value_set, 0, 100)));
	return ok;
}

void run_services(struct run *r)
{
	r->services = (struct path_services){.ctx = r, .resolve = resolve, .member_of = member_of};
}
