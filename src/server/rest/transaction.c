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
	struct map conditions; /* of creates: "Type?condition" -> 1 + entry index */
	struct str *targets; /* "Type/id" */
	size_t target_count, target_capacity;
	struct store_guard *guards;
	size_t guard_count, guard_capacity;
	struct error *err; /* of a conditional reference, set while rewriting */
};

static bool add_guard(struct transaction *t, struct store_guard guard, struct error *err)
{
	if (!guard.query)
		return true;
	struct store_guard *grown = arena_grow(t->o->preparer.arena, t->guards, t->guard_count, &t->guard_capacity,
					       t->guard_count + 1, sizeof(*grown));
	if (!grown)
		return error_memory(err);
	t->guards = grown;
	t->guards[t->guard_count++] = guard;
	return true;
}

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

static bool fail_overlap(const struct bundle_entry *e, uint64_t other, const char *what, struct error *err)
{
	char text[160];
	snprintf(text, sizeof(text), "Bundle.entry[%zu] and Bundle.entry[%zu] %s", (size_t)other - 1, e->position,
		 what);
	return entry_fail(err, ERR_INVARIANT, e->position, ".request.url", text);
}

/* http.html#trules: no two entries may change the same resource, or the order of processing would decide. */
static bool touch(struct transaction *t, const struct bundle_entry *e, struct str target, struct error *err)
{
	bool fresh;
	uint64_t *slot = target.p ? map_put(&t->touched, target, &fresh) : NULL;
	if (!slot)
		return error_memory(err);
	if (!fresh)
		return fail_overlap(e, *slot, "change the same resource", err);
	*slot = e->position + 1;
	return true;
}

static struct str target_of(const struct transaction *t, const struct bundle_entry *e, struct str id)
{
	return arena_printf(t->o->preparer.arena, "%.*s/%.*s", STR_ARG(e->type->name), STR_ARG(id));
}

/* Two creates with one condition would both find nothing; a reference with the condition means the created one. */
static bool link_condition(struct transaction *t, const struct bundle_entry *e, struct str target, struct error *err)
{
	bool fresh;
	size_t number = 0;
	struct str text =
		arena_printf(t->o->preparer.arena, "%.*s?%.*s", STR_ARG(e->type->name), STR_ARG(e->condition));
	uint64_t *slot = text.p ? map_put(&t->conditions, text, &fresh) : NULL;
	if (!slot)
		return error_memory(err);
	if (!fresh)
		return fail_overlap(e, *slot, "have the same condition, so they would mean the same resource", err);
	*slot = e->position + 1;
	return add_target(t, target, &number, err) && link_to(t, text, number, &fresh, err);
}

static bool add_entry(struct transaction *t, struct bundle_entry *e, struct error *err)
{
	if (!entry_resolve(t->o, e, err)) {
		entry_place_error(err, e->position);
		return false;
	}
	if (!add_guard(t, e->guard, err))
		return false;
	if (e->method == ENTRY_DELETE) {
		for (size_t i = 0; i < e->change_count; i++)
			if (!touch(t, e, target_of(t, e, e->condition.p ? e->found[i].id : e->id), err))
				return false;
		return true;
	}
	struct str target = target_of(t, e, e->id);
	if (!target.p)
		return error_memory(err);
	if (e->change_count && !touch(t, e, target, err))
		return false;
	if (e->condition.p && e->method != ENTRY_PATCH && !link_condition(t, e, target, err))
		return false;
	return link_entry(t, e, target, err);
}

static struct str rewrite_condition(struct transaction *t, struct str text)
{
	struct str name = str_slice(text, 0, str_find_char(text, '?', 0)), target;
	struct store_guard guard;
	size_t number = 0;
	bool fresh;
	if (!definitions_resource(t->o->preparer.definitions, name) || t->err->code)
		return STR_NULL;
	if (!condition_resolve(t->o, text, &target, &guard, t->err) || !add_guard(t, guard, t->err) ||
	    !add_target(t, target, &number, t->err) || !link_to(t, text, number, &fresh, t->err))
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

static bool prepare_entry(struct transaction *t, struct bundle_entry *e, struct error *err)
{
	struct error condition = {0};
	struct issues findings;
	struct resource_rewrite rewrite = {.reference = rewrite_reference, .ctx = t};

	issues_init(&findings, t->o->preparer.arena);
	t->err = &condition;
	bool ok = entry_prepare(t->o, e, &rewrite, &findings, err);
	t->err = NULL;
	if (condition.code)
		*err = condition;
	if (ok && !condition.code)
		return true;
	entry_place_error(err, e->position);
	return false;
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

/* A create that found its resource must not see it deleted by another entry. */
static bool check_found(const struct transaction *t, struct error *err)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct bundle_entry *e = &t->entries[i];
		if (e->method != ENTRY_CREATE || e->change_count)
			continue;
		struct str target = target_of(t, e, e->id);
		uint64_t *slot = target.p ? map_get(&t->touched, target) : NULL;
		if (slot && t->entries[*slot - 1].method == ENTRY_DELETE)
			return fail_overlap(e, *slot, "mean the same resource, and one deletes it", err);
	}
	return true;
}

/* The type and id of a read of one current resource in the store; false for any other GET. */
static bool plain_read(const struct transaction *t, const struct bundle_entry *e, const struct fhir_type **ret_type,
		       struct str *ret_id)
{
	struct str id = e->url, type = str_split(&id, '/');
	if (e->method != ENTRY_GET || e->post || !id.p || !fhir_id_valid(id))
		return false;
	*ret_type = definitions_resource(t->o->preparer.definitions, type);
	*ret_id = id;
	return *ret_type && !str_is(type, "AuditEvent") && call_allowed(t->o->call, *ret_type, SCOPE_R, NULL);
}

/* A read that will not succeed fails the whole, as any entry does (http.html#transaction). Whoever may not read the
 * type is told so when the entry is answered. */
static bool check_reads(const struct transaction *t, struct error *err)
{
	for (size_t i = 0; t->o->store && !t->o->face && i < t->count; i++) {
		const struct fhir_type *type;
		struct str id;
		struct store_entry found;
		if (!plain_read(t, &t->entries[i], &type, &id))
			continue;
		uint64_t *slot = map_get(&t->touched, t->entries[i].url);
		if (slot && t->entries[*slot - 1].method == ENTRY_DELETE)
			return entry_fail(err, ERR_GONE, i, ".request.url", "Another entry deletes this resource");
		if (slot)
			continue;
		if (!call_find(t->o->call, t->o->preparer.arena, type, id, 0, &found, err)) {
			entry_place_error(err, i);
			return false;
		}
		if (found.op == STORE_DELETE)
			return entry_fail(err, ERR_GONE, i, ".request.url", "This resource is deleted");
	}
	return true;
}

/* Changes in the order of the specification; those of PUT and PATCH are of one rank. */
static unsigned rank(enum entry_method m)
{
	return m == ENTRY_DELETE ? 0 : m == ENTRY_CREATE ? 1 : 2;
}

static bool prepare_all(struct transaction *t, struct rest_transaction *ret, struct error *err)
{
	struct arena *a = t->o->preparer.arena;
	size_t total = 0;
	for (size_t i = 0; i < t->count; i++)
		total += t->entries[i].change_count;
	struct rest_transaction result = {.changes = ARENA_ARRAY(a, struct store_change, total + 1),
					  .entries = ARENA_ARRAY(a, size_t, total + 1)};
	if (!result.changes || !result.entries)
		return error_memory(err);
	for (unsigned r = 0; r < 3; r++) {
		for (size_t i = 0; i < t->count; i++) {
			struct bundle_entry *e = &t->entries[i];
			if (e->method == ENTRY_GET || rank(e->method) != r)
				continue;
			e->changes = result.changes + result.count;
			if (!prepare_entry(t, e, err))
				return false;
			for (size_t k = 0; k < e->change_count; k++)
				result.entries[result.count++] = i;
		}
	}
	result.guards = t->guards;
	result.guard_count = t->guard_count;
	*ret = result;
	return true;
}

bool transaction_prepare(const struct bundle_options *o, const struct json *bundle, struct transaction_plan *ret_plan,
			 struct error *err)
{
	struct transaction t = {.o = o};
	struct error own = {0};
	if (!err)
		err = &own;
	/* A conditional reference adds a link, at most one per reference: bounded by the body's size. */
	map_init(&t.links, (size_t)1 << 24);
	map_init(&t.touched, (size_t)1 << 24);
	map_init(&t.conditions, REST_MAX_ENTRIES);
	bool ok = read_entries(&t, bundle, err) && check_found(&t, err) && check_reads(&t, err) &&
		  prepare_all(&t, &ret_plan->transaction, err);
	ret_plan->entries = t.entries;
	ret_plan->entry_count = t.count;
	map_done(&t.links);
	map_done(&t.touched);
	map_done(&t.conditions);
	return ok;
}

bool rest_transaction_prepare(const struct definitions *d, const struct extractor *x, struct arena *a,
			      const struct json *bundle, struct str base, struct rest_transaction *ret_transaction,
			      struct error *err)
{
	struct buf scratch;
	struct transaction_plan plan = {0};
	struct bundle_options o = {
		.preparer = {.definitions = d, .extractor = x, .arena = a, .base = base, .scratch = &scratch}};

	buf_init(&scratch, REST_MAX_RESOURCE);
	bool ok = transaction_prepare(&o, bundle, &plan, err);
	buf_done(&scratch);
	for (size_t i = 0; ok && i < plan.entry_count; i++)
		if (plan.entries[i].method == ENTRY_GET)
			return entry_fail(err, ERR_NOT_SUPPORTED, i, ".request.method",
					  "A GET has no meaning here; only changes are taken");
	if (ok)
		*ret_transaction = plan.transaction;
	return ok;
}
