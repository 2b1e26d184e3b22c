/*
 * What the resources of a compartment refer to outside of it: practitioners, organisations, medications and the like,
 * and what those refer to in turn. The walk is done again for each page of them: that costs a pass over the compartment
 * but needs no state between requests, and gives each of them exactly once.
 */
#include <stdio.h>

#include "base/map.h"
#include "server/rest/operations/everything.h"

enum { MAX_WALKED = 200000, MAX_SUPPORTS = 20000, BATCH = 100, PAGE = 500 };
#define MAX_SCRATCH ((size_t)512 << 20)

static const char *const support_types[] = {"Practitioner", "PractitionerRole", "Organization", "Location",
					    "Medication",   "Device",		"Substance",	"HealthcareService",
					    "Endpoint",	    "Patient"};
enum { SUPPORT_TYPES = sizeof(support_types) / sizeof(support_types[0]) };

struct wanted {
	const struct fhir_type *type;
	struct str id;
	bool read;
};
struct supports {
	struct everything *e;
	struct map known; /* "Type/id" of everything met: 1 wanted, 2 in the compartments */
	struct wanted *wanted;
	size_t count, capacity, walked;
};

static bool is_support(const struct fhir_type *type)
{
	for (size_t i = 0; i < SUPPORT_TYPES; i++)
		if (str_is(type->name, support_types[i]))
			return true;
	return false;
}

static bool mark(struct supports *s, const struct fhir_type *type, struct str id, uint64_t what, bool *ret_fresh,
		 struct error *err)
{
	char text[160];
	size_t n = type->name.n + 1 + id.n;
	*ret_fresh = false;
	if (n > sizeof(text))
		return true;
	memcpy(text, type->name.p, type->name.n);
	text[type->name.n] = '/';
	memcpy(text + type->name.n + 1, id.p, id.n);
	uint64_t *slot = map_get(&s->known, str_make(text, n));
	if (!slot) {
		struct str key = arena_str(s->e->op->arena, str_make(text, n));
		slot = key.p ? map_put(&s->known, key, NULL) : NULL;
		*ret_fresh = true;
	}
	if (!slot)
		return error_set(err, ERR_TOO_COSTLY, "$everything finds too many resources");
	if (*slot < what)
		*slot = what;
	return true;
}

static bool want(struct supports *s, struct str reference, struct error *err)
{
	struct rest_call *call = s->e->op->call;
	struct reference r = reference_parse(call->server->o.definitions, reference);
	const struct fhir_type *type = r.type.p ? definitions_resource(call->server->o.definitions, r.type) : NULL;
	bool local = r.kind == REF_RELATIVE || (r.kind == REF_ABSOLUTE && str_eq(r.base, call->server->o.base_url));
	bool fresh;
	if (!local || !type || !is_support(type) || !fhir_id_valid(r.id) || !everything_wants(s->e, type))
		return true;
	if (!mark(s, type, r.id, 1, &fresh, err) || !fresh)
		return fresh || !err->code;
	if (s->count == MAX_SUPPORTS)
		return error_set(err, ERR_TOO_COSTLY, "$everything finds more than %d resources that others refer to",
				 MAX_SUPPORTS);
	struct wanted *grown =
		arena_grow(s->e->op->arena, s->wanted, s->count, &s->capacity, s->count + 1, sizeof(*grown));
	struct str id = arena_str(s->e->op->arena, r.id);
	if (!grown || !id.p)
		return error_memory(err);
	s->wanted = grown;
	grown[s->count++] = (struct wanted){type, id, false};
	return true;
}

/* Every Reference.reference below a value. */
static bool scan(struct supports *s, const struct json *value, struct error *err)
{
	struct json_iter it = json_iter(value);
	while (json_next(&it)) {
		if (str_is(it.key, "reference") && json_is(it.value, JSON_STRING)) {
			if (!want(s, json_str(it.value), err))
				return false;
		} else if (!scan(s, it.value, err)) {
			return false;
		}
	}
	return true;
}

static bool scan_page(struct supports *s, struct arena *a, const struct store_page *page, uint64_t what,
		      struct error *err)
{
	bool fresh;
	for (size_t i = 0; i < page->count; i++) {
		const struct store_entry *entry = &page->entries[i];
		const struct json *resource = json_parse(a, entry->body, 0, err);
		if (!resource || !mark(s, entry->type, entry->id, what, &fresh, err) || !scan(s, resource, err))
			return false;
	}
	return true;
}

static bool walk_root(struct supports *s, const struct everything_root *root, struct error *err)
{
	struct arena a;
	struct str position = STR_NULL;
	char kept[1024];
	bool ok = true;
	arena_init(&a, MAX_SCRATCH);
	struct store_page page = {0};
	ok = everything_read(s->e, &a, root->type, &root->id, 1, &page, err) && scan_page(s, &a, &page, 2, err);
	while (ok && root->compartment) {
		ok = everything_find(s->e, &a, root, position, PAGE, &page, err) && scan_page(s, &a, &page, 2, err);
		s->walked += page.count;
		if (ok && s->walked > MAX_WALKED)
			ok = error_set(err, ERR_TOO_COSTLY, "$everything walks over at most %d resources", MAX_WALKED);
		if (!ok || !page.next.p || page.next.n > sizeof(kept))
			break;
		memcpy(kept, page.next.p, page.next.n);
		position = str_make(kept, page.next.n);
		arena_reset(&a);
	}
	arena_done(&a);
	return ok;
}

/* The next ones of one type that were not read yet; what they refer to joins the list. */
static bool read_batch(struct supports *s, size_t from, struct results *r, struct error *err)
{
	struct str ids[BATCH];
	size_t count = 0;
	const struct fhir_type *type = s->wanted[from].type;
	for (size_t i = from; i < s->count && count < BATCH; i++) {
		if (s->wanted[i].type != type || s->wanted[i].read)
			continue;
		s->wanted[i].read = true;
		char text[160];
		int n = snprintf(text, sizeof(text), "%.*s/%.*s", STR_ARG(type->name), STR_ARG(s->wanted[i].id));
		uint64_t *known = map_get(&s->known, str_make(text, (size_t)n));
		if (known && *known == 1)
			ids[count++] = s->wanted[i].id;
	}
	struct store_page page = {0};
	if (!count)
		return true;
	if (!everything_read(s->e, s->e->op->arena, type, ids, count, &page, err) ||
	    !scan_page(s, s->e->op->arena, &page, 1, err))
		return false;
	for (size_t i = 0; i < page.count; i++) {
		page.entries[i].included = true;
		if (!results_add(s->e->op, r, &page.entries[i], err))
			return false;
	}
	return true;
}

bool everything_supports(struct everything *e, struct results *ret_results, struct error *err)
{
	struct supports s = {.e = e};
	bool ok = true;
	map_init(&s.known, MAX_WALKED + MAX_SUPPORTS);
	for (size_t i = 0; ok && i < e->root_count; i++)
		ok = walk_root(&s, &e->roots[i], err);
	for (size_t i = 0; ok && i < s.count; i++)
		ok = s.wanted[i].read || read_batch(&s, i, ret_results, err);
	map_done(&s.known);
	return ok;
}
