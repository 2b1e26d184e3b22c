/*
 * A transaction bundle as store changes (http://hl7.org/fhir/R4/http.html#trules): ids are given first, so that links
 * between entries can be rewritten while each resource takes its stored form. No I/O, except to resolve conditional
 * references when a store is there.
 */
#include <stdio.h>

#include "base/map.h"
#include "server/rest/rest_priv.h"

struct transaction {
	const struct bundle_options *o;
	struct bundle_entry *entries;
	size_t count;
	struct map links; /* what a reference may say -> 1 + index into targets */
	struct map touched; /* "Type/id" -> 1 + entry index */
	struct str *targets; /* "Type/id" */
	size_t target_count, target_capacity;
	struct error *err; /* of a conditional reference, set while rewriting */
};

static bool add_target(struct transaction *t, struct str target, size_t *ret_number, struct error *err)
{
	if (t->target_count == t->target_capacity) {
		struct str *grown = arena_grow(t->o->preparer.arena, t->targets, t->target_count, &t->target_capacity,
					       t->target_count + 1, sizeof(*grown));
		if (!grown)
			return error_memory(err);
		t->targets = grown;
	}
	t->targets[t->target_count++] = target;
	*ret_number = t->target_count;
	return true;
}

static bool link_to(struct transaction *t, struct str text, size_t number, bool *ret_new, struct error *err)
{
	uint64_t *slot = map_put(&t->links, text, ret_new);
	if (!slot)
		return error_memory(err);
	if (*ret_new)
		*slot = number;
	return true;
}

/* bdl-7: fullUrl is unique. A created resource gets another id than the sender gave it, so relative links between
 * entries with RESTful full URLs need a way to it as well. */
static bool link_entry(struct transaction *t, const struct bundle_entry *e, struct str target, struct error *err)
{
	bool fresh;
	size_t number = 0;
	if (!e->full_url.n)
		return true;
	if (!add_target(t, target, &number, err) || !link_to(t, e->full_url, number, &fresh, err))
		return false;
	if (!fresh)
		return entry_fail(err, ERR_INVARIANT, e->position, ".fullUrl", "Another entry has the same fullUrl");
	struct reference r = reference_parse(t->o->preparer.definitions, e->full_url);
	if (e->method != ENTRY_CREATE || r.kind != REF_ABSOLUTE || !r.type.p)
		return true;
	struct str relative = str_make(r.type.p, (size_t)(r.id.p + r.id.n - r.type.p));
	return link_to(t, relative, number, &fresh, err);
}

static bool add_entry(struct transaction *t, const struct bundle_entry *e, struct error *err)
{
	bool fresh;
	struct str target = arena_printf(t->o->preparer.arena, "%.*s/%.*s", STR_ARG(e->type->name), STR_ARG(e->id));
	uint64_t *slot = target.p ? map_put(&t->touched, target, &fresh) : NULL;
	if (!slot)
		return error_memory(err);
	if (!fresh)
		return entry_fail(err, ERR_INVARIANT, e->position, ".request.url",
				  "Another entry of this bundle changes the same resource");
	*slot = e->position + 1;
	return e->method == ENTRY_DELETE || link_entry(t, e, target, err);
}

static struct str rewrite_condition(struct transaction *t, struct str text)
{
	struct str name = str_slice(text, 0, str_find_char(text, '?', 0)), target;
	size_t number = 0;
	bool fresh;
	if (!definitions_resource(t->o->preparer.definitions, name) || t->err->code)
		return STR_NULL;
	if (!condition_resolve(t->o, text, &target, t->err) || !add_target(t, target, &number, t->err) ||
	    !link_to(t, text, number, &fresh, t->err))
		return STR_NULL;
	return target;
}

static struct str rewrite_reference(void *ctx, struct str text)
{
	struct transaction *t = ctx;
	uint64_t *number = map_get(&t->links, text);
	if (number)
		return t->targets[*number - 1];
	if (text.n && text.p[0] >= 'A' && text.p[0] <= 'Z' && str_find_char(text, '?', 0) != STR_NONE)
		return rewrite_condition(t, text);
	return STR_NULL;
}

static bool prepare_entry(struct transaction *t, const struct bundle_entry *e, struct store_change *ret_change,
			  struct error *err)
{
	struct error condition = {0};
	struct issues findings;
	struct resource_rewrite rewrite = {.reference = rewrite_reference, .ctx = t};
	struct store_change change = {.type = e->type, .id = e->id};

	if (e->method != ENTRY_DELETE) {
		issues_init(&findings, t->o->preparer.arena);
		t->err = &condition;
		bool ok = prepare_resource(&t->o->preparer, e->resource, e->id, &rewrite, &findings, &change, err);
		t->err = NULL;
		if (condition.code)
			*err = condition;
		if (!ok || condition.code) {
			entry_place_error(err, e->position);
			return false;
		}
	}
	change.op = e->method == ENTRY_DELETE ? STORE_DELETE : e->method == ENTRY_CREATE ? STORE_CREATE : STORE_UPDATE;
	change.if_match = e->version;
	change.must_exist = e->must_exist;
	*ret_change = change;
	return true;
}

static bool read_entries(struct transaction *t, const struct json *bundle, struct error *err)
{
	const struct json *type = json_get(bundle, S("type")), *list = json_get(bundle, S("entry"));
	struct json_iter it = json_iter(list);
	if (!bundle_check(t->o, bundle, err))
		return false;
	t->entries = ARENA_ARRAY(t->o->preparer.arena, struct bundle_entry, json_size(list) + 1);
	if (!t->entries)
		return error_memory(err);
	for (; json_next(&it); t->count++) {
		struct bundle_entry *e = &t->entries[t->count];
		if (!bundle_entry_read(t->o, type, it.value, t->count, e, err) ||
		    (e->method != ENTRY_GET && !add_entry(t, e, err)))
			return false;
	}
	return true;
}

static bool prepare_all(struct transaction *t, struct rest_transaction *ret, struct error *err)
{
	struct arena *a = t->o->preparer.arena;
	struct rest_transaction result = {.changes = ARENA_ARRAY(a, struct store_change, t->count + 1),
					  .entries = ARENA_ARRAY(a, size_t, t->count + 1)};
	if (!result.changes || !result.entries)
		return error_memory(err);
	for (enum entry_method method = ENTRY_DELETE; method < ENTRY_GET; method++) {
		for (size_t i = 0; i < t->count; i++) {
			if (t->entries[i].method != method)
				continue;
			if (!prepare_entry(t, &t->entries[i], &result.changes[result.count], err))
				return false;
			result.entries[result.count++] = i;
		}
	}
	*ret = result;
	return true;
}

static bool collect_gets(const struct transaction *t, struct bundle_entry **ret_gets, size_t *ret_count,
			 struct error *err)
{
	struct bundle_entry *gets = ARENA_ARRAY(t->o->preparer.arena, struct bundle_entry, t->count + 1);
	size_t count = 0;
	if (!gets)
		return error_memory(err);
	for (size_t i = 0; i < t->count; i++)
		if (t->entries[i].method == ENTRY_GET)
			gets[count++] = t->entries[i];
	*ret_gets = gets;
	*ret_count = count;
	return true;
}

bool transaction_prepare(const struct bundle_options *o, const struct json *bundle,
			 struct rest_transaction *ret_transaction, struct bundle_entry **ret_gets,
			 size_t *ret_get_count, struct error *err)
{
	struct transaction t = {.o = o};
	struct error own = {0};
	if (!err)
		err = &own;
	/* A conditional reference adds a link, at most one per reference: bounded by the body's size. */
	map_init(&t.links, (size_t)1 << 24);
	map_init(&t.touched, REST_MAX_ENTRIES);
	bool ok = read_entries(&t, bundle, err) && prepare_all(&t, ret_transaction, err) &&
		  collect_gets(&t, ret_gets, ret_get_count, err);
	map_done(&t.links);
	map_done(&t.touched);
	return ok;
}

bool rest_transaction_prepare(const struct definitions *d, const struct extractor *x, struct arena *a,
			      const struct json *bundle, struct str base, struct rest_transaction *ret_transaction,
			      struct error *err)
{
	struct buf scratch;
	struct bundle_entry *gets;
	size_t get_count = 0;
	struct rest_transaction transaction;
	struct bundle_options o = {
		.preparer = {.definitions = d, .extractor = x, .arena = a, .base = base, .scratch = &scratch}};

	buf_init(&scratch, REST_MAX_RESOURCE);
	bool ok = transaction_prepare(&o, bundle, &transaction, &gets, &get_count, err);
	buf_done(&scratch);
	if (ok && get_count)
		return entry_fail(err, ERR_NOT_SUPPORTED, gets[0].position, ".request.method",
				  "A GET has no meaning here; only changes are taken");
	if (ok)
		*ret_transaction = transaction;
	return ok;
}
