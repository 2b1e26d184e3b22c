/*
 * batch and transaction (http://hl7.org/fhir/R4/http.html#transaction). Entries of a batch go their own ways; those of
 * a transaction are one change of the store, whole or not at all. The answer is written when the last one is done, by
 * whichever thread that happens on.
 *
 * Threads: the call's arena belongs to the HTTP thread until everything was handed in; done callbacks touch only their
 * own item until the count of pending items has come down to zero.
 */
#include <stdatomic.h>

#include "server/rest/rest_priv.h"

struct batch;
struct item {
	struct batch *batch;
	struct bundle_entry entry;
	struct rest_call call; /* the entry as a call of its own */
	struct rest_answer answer; /* of reads and failures */
	struct store_change change;
	struct store_txn txn;
	struct audit_event event;
	struct error err;
	bool audited;
};

struct batch {
	struct rest_call *call;
	struct rest_answer answer;
	struct item *items;
	size_t count;
	bool transaction;
	atomic_size_t pending;
	/* transactions only */
	struct rest_transaction changes;
	struct audit_event *events;
	struct store_txn txn;
};

/* ---- answering
 * ------------------------------------------------------------------------------------------------------- */

static void put_response(struct batch *b, struct item *item, struct rest_bundle *bundle)
{
	struct json_writer *w = &bundle->w;
	struct arena *a = b->call->arena;
	json_key(w, S("response"));
	json_object_begin(w);
	json_put_member(w, S("status"),
			arena_printf(a, "%d %s", item->answer.status, status_phrase(item->answer.status)));
	for (size_t i = 0; i < item->answer.header_count; i++) {
		const struct http_header *h = &item->answer.headers[i];
		if (str_is(h->name, "Location") || str_is(h->name, "Content-Location"))
			json_put_member(w, S("location"), h->value);
		else if (str_is(h->name, "ETag"))
			json_put_member(w, S("etag"), h->value);
	}
	if (item->change.updated_ms && !item->err.code)
		json_put_member(w, S("lastModified"), instant_text(a, item->change.updated_ms));
	if (item->answer.status >= 400 && item->answer.body.n) {
		json_key(w, S("outcome"));
		json_put_raw(w, buf_str(&item->answer.body));
	}
	json_object_end(w);
}

static void put_item(struct batch *b, struct item *item, struct rest_bundle *bundle)
{
	bundle_open_plain(bundle);
	if (item->answer.status < 400 && item->answer.body.n) {
		json_key(&bundle->w, S("resource"));
		json_put_raw(&bundle->w, buf_str(&item->answer.body));
	}
	put_response(b, item, bundle);
	bundle_close_entry(bundle);
	buf_done(&item->answer.body);
}

/* What a change came to, as the entry's answer. Bodies are left out: the client has them. */
static void answer_change(struct item *item)
{
	enum rest_prefer prefer = item->call.prefer;
	if (item->err.code) {
		write_explain(&item->call, &item->change, &item->answer, &item->err);
		answer_error(&item->call, &item->answer, &item->err);
		return;
	}
	item->call.prefer = REST_RETURN_MINIMAL;
	write_answer(&item->call, &item->change, &item->answer);
	item->call.prefer = prefer;
}

static void finish(struct batch *b)
{
	struct rest_bundle bundle;
	bundle_begin(&bundle, b->call, &b->answer.body, b->transaction ? "transaction-response" : "batch-response", -1);
	for (size_t i = 0; i < b->count; i++) {
		struct item *item = &b->items[i];
		if (item->entry.method != ENTRY_GET && !item->answer.body.n)
			answer_change(item);
		put_item(b, item, &bundle);
	}
	bundle_end(&bundle);
	answer_send(b->call, &b->answer);
}

static void finish_one(struct batch *b)
{
	if (atomic_fetch_sub_explicit(&b->pending, 1, memory_order_acq_rel) == 1)
		finish(b);
}

/* ---- entries
 * --------------------------------------------------------------------------------------------------------- */

/* An entry that asks to read: the path and query of its URL. */
static bool route_get(struct item *item, struct error *err)
{
	struct str query = item->entry.url, path = str_split(&query, '?');
	struct rest_call *call = &item->call;
	call->query = query.p ? query : S("");
	if (!call_route(call, S("GET"), path, &item->answer, err))
		return false;
	if (call->type_name.p && !call->type)
		return error_set(err, ERR_UNKNOWN_TYPE, "The URL does not start with a resource type of FHIR R4");
	return !call->type || call_allowed(call, call->type, rest_interaction(call->interaction)->permissions, err);
}

static bool run_get(struct item *item, struct error *err)
{
	return route_get(item, err) && call_read(&item->call, &item->answer, err);
}

static void start_call(struct item *item)
{
	static const enum rest_interaction interactions[] = {
		[ENTRY_DELETE] = REST_DELETE, [ENTRY_CREATE] = REST_CREATE, [ENTRY_UPDATE] = REST_UPDATE};
	item->call = *item->batch->call;
	item->call.inner = true;
	item->call.interaction = REST_UNKNOWN;
	item->call.query = S("");
	issues_init(&item->call.findings, item->call.arena);
	answer_init(&item->answer);
	if (item->entry.method == ENTRY_GET)
		return;
	item->call.interaction = interactions[item->entry.method];
	item->call.type = item->entry.type;
	item->call.type_name = item->entry.type ? item->entry.type->name : STR_NULL;
	item->call.id = item->entry.method == ENTRY_CREATE ? STR_NULL : item->entry.id;
}

static bool entry_allowed(const struct item *item, struct error *err)
{
	return call_allowed(&item->call, item->call.type, rest_interaction(item->call.interaction)->permissions, err);
}

static struct audit_event describe_change(struct item *item)
{
	struct audit_event event = audit_describe(&item->call, item->change.op == STORE_CREATE ? 201 : 200, NULL);
	event.id = STR_NULL; /* the store fills in what it wrote */
	event.patient = audit_patient(item->call.arena, item->change.type, item->change.id, item->change.stored);
	return event;
}

/* ---- batch
 * ----------------------------------------------------------------------------------------------------------- */

/* A refused entry is recorded as well, in a commit of its own: this runs on the committing thread, which must not wait.
 */
static void item_done(void *ctx, struct store_txn *txn)
{
	struct item *item = ctx;
	if (txn->err.code && !item->err.code)
		item->err = txn->err;
	if (!item->err.code || item->audited || item->batch->call->server->o.audit_off) {
		finish_one(item->batch);
		return;
	}
	item->audited = true;
	item->event = audit_describe(&item->call, error_http_status(item->err.code), &item->err);
	item->txn = (struct store_txn){.events = &item->event, .event_count = 1, .done = item_done, .ctx = item};
	store_submit(item->batch->call->server->o.store, &item->txn);
}

static bool prepare_item(struct item *item, struct error *err)
{
	struct write_headers headers = {.if_match = item->entry.if_match};
	return entry_allowed(item, err) && write_prepare_of(item->call.interaction)(&item->call, item->entry.resource,
										    &headers, &item->change, err);
}

static void submit_item(struct item *item)
{
	struct rest_server *s = item->batch->call->server;
	item->event = describe_change(item);
	item->txn = (struct store_txn){.changes = &item->change,
				       .change_count = 1,
				       .events = &item->event,
				       .event_count = s->o.audit_off ? 0 : 1,
				       .done = item_done,
				       .ctx = item};
	atomic_fetch_add_explicit(&item->batch->pending, 1, memory_order_relaxed);
	store_submit(s->o.store, &item->txn);
}

static void run_item(struct batch *b, const struct bundle_options *o, const struct json *bundle,
		     const struct json *entry, size_t position)
{
	struct item *item = &b->items[position];
	item->batch = b;
	item->entry.method = ENTRY_GET;
	bool ok = bundle_entry_read(o, json_get(bundle, S("type")), entry, position, &item->entry, &item->err);
	start_call(item);
	if (ok && item->entry.method == ENTRY_GET)
		ok = run_get(item, &item->err);
	else if (ok && (ok = prepare_item(item, &item->err)))
		submit_item(item);
	if (ok)
		return;
	entry_place_error(&item->err, position);
	answer_error(&item->call, &item->answer, &item->err);
	struct audit_event event = audit_describe(&item->call, item->answer.status, &item->err);
	if (item->call.interaction != REST_UNKNOWN && !audit_take(&item->call, &event, &(struct error){0}))
		answer_error(&item->call, &item->answer, &item->err);
}

static bool start_batch(struct batch *b, const struct bundle_options *o, const struct json *bundle, struct error *err)
{
	struct json_iter it = json_iter(json_get(bundle, S("entry")));
	b->items = ARENA_ARRAY(b->call->arena, struct item, it.left + 1);
	if (!b->items)
		return error_memory(err);
	b->count = it.left;
	atomic_init(&b->pending, 1);
	for (size_t i = 0; json_next(&it); i++)
		run_item(b, o, bundle, it.value, i);
	finish_one(b);
	return true;
}

/* ---- transaction
 * ------------------------------------------------------------------------------------------------------- */

static void refuse_transaction(struct batch *b)
{
	struct error err = b->txn.err;
	if (b->txn.failed < b->changes.count) {
		struct item *item = &b->items[b->changes.entries[b->txn.failed]];
		item->change = b->changes.changes[b->txn.failed];
		write_explain(&item->call, &item->change, NULL, &err);
		entry_place_error(&err, item->entry.position);
		error_context(&err, "Nothing was stored because of Bundle.entry[%zu]", item->entry.position);
	}
	audit_then_send(b->call, &b->answer, &err);
}

static void take_results(struct batch *b)
{
	for (size_t i = 0; i < b->changes.count; i++)
		b->items[b->changes.entries[i]].change = b->changes.changes[i];
}

static void transaction_done(void *ctx, struct store_txn *txn)
{
	struct batch *b = ctx;
	if (txn->err.code) {
		refuse_transaction(b);
		return;
	}
	take_results(b);
	finish(b);
}

static bool set_up_items(struct batch *b, const struct bundle_entry *gets, size_t get_count, struct error *err)
{
	b->count = b->changes.count + get_count;
	b->items = ARENA_ARRAY(b->call->arena, struct item, b->count + 1);
	b->events = ARENA_ARRAY(b->call->arena, struct audit_event, b->changes.count + 1);
	if (!b->items || !b->events)
		return error_memory(err);
	for (size_t i = 0; i < b->changes.count; i++) {
		static const enum entry_method methods[] = {
			[STORE_CREATE] = ENTRY_CREATE, [STORE_UPDATE] = ENTRY_UPDATE, [STORE_DELETE] = ENTRY_DELETE};
		const struct store_change *c = &b->changes.changes[i];
		struct item *item = &b->items[b->changes.entries[i]];
		item->batch = b;
		item->entry = (struct bundle_entry){
			.position = b->changes.entries[i], .method = methods[c->op], .type = c->type, .id = c->id};
		item->change = *c;
		start_call(item);
		b->events[i] = describe_change(item);
		if (is_audit_event(c->type))
			error_set(err, ERR_BUSINESS_RULE, "This server writes its AuditEvents itself");
		if ((err->code || !entry_allowed(item, err))) {
			entry_place_error(err, item->entry.position);
			return false;
		}
	}
	b->events[b->changes.count] = audit_describe(b->call, 200, NULL);
	for (size_t i = 0; i < get_count; i++) {
		struct item *item = &b->items[gets[i].position];
		item->batch = b;
		item->entry = gets[i];
		start_call(item);
		if (!route_get(item, err)) {
			entry_place_error(err, item->entry.position);
			return false;
		}
	}
	return true;
}

/* Reads of a transaction see its writes, so this thread waits for them: rare enough to hold it. */
static bool commit_and_read(struct batch *b, const struct bundle_entry *gets, size_t get_count, struct error *err)
{
	if (!store_commit(b->call->server->o.store, &b->txn, err)) {
		refuse_transaction(b);
		return true;
	}
	take_results(b);
	for (size_t i = 0; i < get_count; i++) {
		struct item *item = &b->items[gets[i].position];
		if (call_read(&item->call, &item->answer, &item->err))
			continue;
		entry_place_error(&item->err, item->entry.position);
		answer_error(&item->call, &item->answer, &item->err);
	}
	finish(b);
	return true;
}

static bool start_transaction(struct batch *b, const struct bundle_options *o, const struct json *bundle,
			      struct error *err)
{
	struct bundle_entry *gets;
	size_t get_count;
	if (!transaction_prepare(o, bundle, &b->changes, &gets, &get_count, err) ||
	    !set_up_items(b, gets, get_count, err))
		return false;
	b->txn = (struct store_txn){.changes = b->changes.changes,
				    .change_count = b->changes.count,
				    .events = b->events,
				    .event_count = b->call->server->o.audit_off ? 0 : b->changes.count + 1,
				    .done = transaction_done,
				    .ctx = b};
	if (get_count)
		return commit_and_read(b, gets, get_count, err);
	store_submit(b->call->server->o.store, &b->txn);
	return true;
}

bool batch_start(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	const struct rest_options *server = &call->server->o;
	struct buf scratch;
	struct bundle_options o = {.preparer = {.definitions = server->definitions,
						.extractor = server->extractor,
						.arena = call->arena,
						.base = server->base_url,
						.knowledge = server->knowledge,
						.scratch = &scratch},
				   .store = server->store,
				   .face = server->face};
	if (!media_check_json(http_request_header(call->exchange, "Content-Type"), err))
		return false;
	const struct json *bundle = json_parse(call->arena, call->request->body, 0, err);
	if (!bundle)
		return false;
	struct str type = json_get_str(bundle, S("type"));
	if (!str_is(json_get_str(bundle, S("resourceType")), "Bundle"))
		return error_set(err, ERR_STRUCTURE, "Only a Bundle may be posted to the base of the server");
	if (!str_is(type, "batch") && !str_is(type, "transaction"))
		return error_set_at(err, ERR_VALUE, S("Bundle.type"), "Bundle.type must be batch or transaction");
	if (!bundle_check(&o, bundle, err))
		return false;
	struct batch *b = ARENA_NEW(call->arena, struct batch);
	if (!b)
		return error_memory(err);
	b->call = call;
	b->answer = *answer;
	b->transaction = str_is(type, "transaction");
	buf_init(&scratch, REST_MAX_RESOURCE);
	bool ok = b->transaction ? start_transaction(b, &o, bundle, err) : start_batch(b, &o, bundle, err);
	buf_done(&scratch);
	return ok;
}
