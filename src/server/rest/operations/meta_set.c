/* Sets of tags, profiles and labels, and changing those of a stored resource; see meta.h. */
#include "server/rest/operations/meta.h"

enum { MAX_META = 1000, MAX_TRIES = 5 };

static const char *const kind_names[META_KINDS] = {"profile", "security", "tag"};

static bool same(const struct meta_entry *a, const struct meta_entry *b)
{
	if (a->profile.p || b->profile.p)
		return str_eq(a->profile, b->profile);
	return str_eq(json_get_str(a->coding, S("system")), json_get_str(b->coding, S("system"))) &&
	       str_eq(json_get_str(a->coding, S("code")), json_get_str(b->coding, S("code")));
}

static struct meta_entry entry_of(const struct json *value, enum meta_kind kind)
{
	return kind == META_PROFILE ? (struct meta_entry){.profile = json_str(value)}
				    : (struct meta_entry){.coding = value};
}

static size_t find(const struct meta_set *set, enum meta_kind kind, const struct meta_entry *e)
{
	size_t i = 0;
	while (i < set->count[kind] && !same(&set->entries[kind][i], e))
		i++;
	return i;
}

static bool add_entry(struct meta_set *set, enum meta_kind kind, const struct meta_entry *e, struct error *err)
{
	size_t n = set->count[kind];
	if (find(set, kind, e) < n)
		return true;
	if (n == MAX_META)
		return error_set(err, ERR_LIMIT, "There are more than %d different entries in meta.%s", MAX_META,
				 kind_names[kind]);
	struct meta_entry *grown =
		arena_grow(set->arena, set->entries[kind], n, &set->capacity[kind], n + 1, sizeof(*grown));
	if (!grown)
		return error_memory(err);
	set->entries[kind] = grown;
	grown[n] = *e;
	set->count[kind]++;
	return true;
}

bool meta_add(struct meta_set *set, const struct json *meta, struct error *err)
{
	for (enum meta_kind kind = 0; kind < META_KINDS; kind++) {
		struct json_iter it = json_iter(json_get(meta, str_from(kind_names[kind])));
		while (json_next(&it)) {
			struct meta_entry e = entry_of(it.value, kind);
			if ((e.profile.p || json_is(e.coding, JSON_OBJECT)) && !add_entry(set, kind, &e, err))
				return false;
		}
	}
	return true;
}

void meta_remove(struct meta_set *set, const struct json *meta)
{
	for (enum meta_kind kind = 0; kind < META_KINDS; kind++) {
		struct json_iter it = json_iter(json_get(meta, str_from(kind_names[kind])));
		while (json_next(&it)) {
			struct meta_entry e = entry_of(it.value, kind);
			size_t at = find(set, kind, &e);
			if (at == set->count[kind])
				continue;
			set->count[kind]--;
			for (size_t i = at; i < set->count[kind]; i++)
				set->entries[kind][i] = set->entries[kind][i + 1];
		}
	}
}

void meta_put(struct json_writer *w, const struct meta_set *set)
{
	for (enum meta_kind kind = 0; kind < META_KINDS; kind++) {
		if (!set->count[kind])
			continue;
		json_key(w, str_from(kind_names[kind]));
		json_array_begin(w);
		for (size_t i = 0; i < set->count[kind]; i++) {
			if (kind == META_PROFILE)
				json_put_str(w, set->entries[kind][i].profile);
			else
				json_put_value(w, set->entries[kind][i].coding);
		}
		json_array_end(w);
	}
}

void meta_answer(struct buf *out, const struct meta_set *set)
{
	bool empty = !set->count[META_PROFILE] && !set->count[META_SECURITY] && !set->count[META_TAG];
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("Parameters"));
	if (!empty) {
		json_key(&w, S("parameter"));
		json_put_raw(&w, S("[{\"name\":\"return\",\"valueMeta\":{"));
		struct json_writer inner = json_writer(out);
		meta_put(&inner, set);
		buf_add(out, S("}}]"));
	}
	json_object_end(&w);
}

/* ---- changing ------------------------------------------------------------------------------------------------------
 */

/* The resource with another meta; everything else as it is. */
static const struct json *with_meta(struct operation_call *op, const struct json *resource, const struct meta_set *set,
				    struct error *err)
{
	struct buf text;
	struct json_iter it = json_iter(resource), inner = json_iter(json_get(resource, S("meta")));
	buf_init(&text, REST_MAX_RESOURCE);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	while (json_next(&it)) {
		if (str_is(it.key, "meta"))
			continue;
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	json_key(&w, S("meta"));
	json_object_begin(&w);
	while (json_next(&inner)) {
		if (str_is(inner.key, "profile") || str_is(inner.key, "security") || str_is(inner.key, "tag"))
			continue;
		json_key(&w, inner.key);
		json_put_value(&w, inner.value);
	}
	meta_put(&w, set);
	json_object_end(&w);
	json_object_end(&w);
	const struct json *result =
		buf_ok(&text) ? json_parse(op->arena, arena_str(op->arena, buf_str(&text)), 0, err) : NULL;
	if (!buf_ok(&text))
		error_set(err, ERR_TOO_LARGE, "The resource would be larger than this server stores");
	buf_done(&text);
	return result;
}

static bool store_meta(struct operation_call *op, const struct store_entry *entry, const struct json *resource,
		       struct str if_match, struct rest_answer *answer, struct error *err)
{
	struct rest_call *call = op->call;
	struct store_change change;
	struct store_entry found = *entry;
	struct buf scratch;
	struct bundle_entry e = {.method = ENTRY_UPDATE,
				 .type = call->type,
				 .id = call->id,
				 .resource = resource,
				 .found = &found,
				 .found_count = 1,
				 .change_count = 1,
				 .changes = &change,
				 .must_exist = true};
	bool any = false;
	/* What is hidden from the caller has to be at hand to be kept. */
	if (call->pass && access_masks(call->pass, NULL) &&
	    !store_read(call->server->o.store, op->arena, call->type, call->id, entry->version, &found, err))
		return false;
	if (if_match.p && !etag_parse(if_match, &e.version, &any, err))
		return false;
	struct bundle_options o = bundle_options_of(call, &scratch);
	bool prepared = sight_of_found(&o, &e, err) && entry_prepare(&o, &e, NULL, &call->findings, err);
	buf_done(&scratch);
	if (!prepared)
		return false;
	struct audit_event event = audit_describe(call, 200, NULL);
	event.id = STR_NULL; /* the store fills in what it wrote */
	event.patient = op->patient;
	struct store_txn txn = {.changes = &change,
				.change_count = 1,
				.events = &event,
				.event_count = call->server->o.audit_off ? 0 : 1,
				.revision = call_revision(call)};
	bool ok = store_commit(call->server->o.store, &txn, err);
	op->audited = ok;
	if (ok)
		answer_version(call, answer, change.version, change.updated_ms);
	else
		write_explain(call, &e, &change, answer, err);
	return ok;
}

static bool change_once(struct operation_call *op, bool remove, struct str if_match, struct rest_answer *answer,
			struct error *err)
{
	struct meta_set set = {.arena = op->arena};
	struct store_entry entry;
	const struct json *resource, *given = operation_value(op, "meta");
	if (!operation_subject(op, &entry, &resource, err) || !meta_add(&set, json_get(resource, S("meta")), err))
		return false;
	if (remove)
		meta_remove(&set, given);
	else if (!meta_add(&set, given, err))
		return false;
	resource = with_meta(op, resource, &set, err);
	if (!resource || !store_meta(op, &entry, resource, if_match, answer, err))
		return false;
	meta_answer(&answer->body, &set);
	return true;
}

bool meta_change(struct operation_call *op, bool remove, struct rest_answer *answer, struct error *err)
{
	struct str if_match = op->call->inner ? STR_NULL : http_request_header(op->call->exchange, "If-Match");
	if (!operation_require(op, "meta", err))
		return false;
	for (int tries = 1; !change_once(op, remove, if_match, answer, err); tries++) {
		/* Someone else was faster: without a version of the client's own, look again. */
		bool stale = err->code == ERR_CONFLICT_RETRY;
		if (((if_match.p || err->code != ERR_PRECONDITION) && !stale) || tries == MAX_TRIES)
			return false;
		error_clear(err);
		if (stale && !call_renew_parameters(op->call, err))
			return false;
		answer->header_count = 0;
	}
	return true;
}
