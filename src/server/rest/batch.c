/*
 * batch and transaction (http://hl7.org/fhir/R4/http.html#transaction). Entries of a batch go their own ways; those of
 * a transaction are one change of the store, whole or not at all. The answer is written when the last one is done, by
 * whichever thread that happens on.
 *
 * Threads: the call's arena belongs to the HTTP thread until everything was handed in, then to the thread that tries
 * again what others got in the way of; done callbacks touch only their own item until the count of pending items has
 * come down to zero.
 */
#include <stdatomic.h>

#include "server/rest/rest_priv.h"

struct batch;
struct item {
	struct batch *batch;
	struct rest_call call; /* the entry as a call of its own */
	struct rest_answer answer; /* of reads and failures */
	struct rest_write write; /* its entry also of reads, and of transactions, where it is not begun */
	struct audit_event event; /* of a refusal */
	struct store_txn txn;
	bool answered;
};

struct batch {
	struct rest_call *call;
	struct rest_answer answer;
	const struct json *bundle;
	struct item *items;
	size_t count;
	bool transaction;
	atomic_size_t pending;
	_Atomic(struct workers_job *) held; /* attempts that wait for the arena; &handed_in when it is free */
	/* transactions only */
	struct transaction_plan plan;
	struct audit_event *events;
	struct store_txn txn;
	struct workers_job job;
	unsigned attempts;
};

static struct bundle_entry *entry_of(struct item *item)
{
	return &item->write.entry;
}

/* ---- answering
 * ------------------------------------------------------------------------------------------------------- */

/* When what the entry is about was last changed; 0: not known. */
static int64_t updated_of(struct item *item)
{
	const struct bundle_entry *e = entry_of(item);
	if (item->write.err.code || e->method == ENTRY_GET)
		return 0;
	if (e->change_count == 1)
		return e->changes->updated_ms;
	return e->method == ENTRY_CREATE && e->found_count ? e->found->updated_ms : 0;
}

/* An outcome belongs to the response, anything else is the entry's resource. */
static bool is_outcome(const struct item *item)
{
	return item->answer.status >= 400 || (entry_of((struct item *)(uintptr_t)item)->method != ENTRY_GET &&
					      item->call.prefer == REST_RETURN_OUTCOME);
}

static void put_response(struct batch *b, struct item *item, struct rest_bundle *bundle)
{
	struct json_writer *w = &bundle->w;
	struct arena *a = b->call->arena;
	int64_t updated_ms = updated_of(item);
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
	if (updated_ms)
		json_put_member(w, S("lastModified"), instant_text(a, updated_ms));
	if (item->answer.body.n && is_outcome(item)) {
		json_key(w, S("outcome"));
		json_put_raw(w, buf_str(&item->answer.body));
	}
	json_object_end(w);
}

static void put_item(struct batch *b, struct item *item, struct rest_bundle *bundle)
{
	bundle_open_plain(bundle);
	if (item->answer.body.n && !is_outcome(item) && !item->call.head) {
		json_key(&bundle->w, S("resource"));
		json_put_raw(&bundle->w, buf_str(&item->answer.body));
	}
	put_response(b, item, bundle);
	bundle_close_entry(bundle);
	buf_done(&item->answer.body);
}

/* What a write came to, as the entry's answer. The client has the bodies, so they come only when asked for. */
static void answer_write(struct item *item)
{
	struct bundle_entry *e = entry_of(item);
	if (item->write.err.code) {
		struct store_change none = {0};
		write_explain(&item->call, e, e->changes ? e->changes : &none, &item->answer, &item->write.err);
		entry_place_error(&item->write.err, e->position);
		answer_error(&item->call, &item->answer, &item->write.err);
		return;
	}
	if (!item->call.prefer_given)
		item->call.prefer = REST_RETURN_MINIMAL;
	write_answer(&item->call, e, &item->answer);
}

static void finish(struct batch *b)
{
	struct rest_bundle bundle;
	bundle_begin(&bundle, b->call, &b->answer.body, b->transaction ? "transaction-response" : "batch-response", -1);
	for (size_t i = 0; i < b->count; i++) {
		struct item *item = &b->items[i];
		if (!item->answered)
			answer_write(item);
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
	struct str query = entry_of(item)->url, path = str_split(&query, '?');
	struct rest_call *call = &item->call;
	call->query = query.p ? query : S("");
	call->operation_body = entry_of(item)->post ? entry_of(item)->resource : NULL;
	if (!call_route(call, entry_of(item)->post ? S("POST") : S("GET"), path, &item->answer, err))
		return false;
	if (call->type_name.p && !call->type)
		return error_set(err, ERR_UNKNOWN_TYPE, "The URL does not start with a resource type of FHIR R4");
	if (item->batch->transaction && call->operation && operation_changes(call->operation))
		return error_set(err, ERR_NOT_SUPPORTED,
				 "An operation that changes what is stored is not possible in a transaction");
	return !call->type || call_allowed(call, call->type, rest_interaction(call->interaction)->permissions, err);
}

static void run_get(struct item *item)
{
	struct error *err = &item->write.err;
	item->answered = true;
	if (call_read(&item->call, &item->answer, err))
		return;
	entry_place_error(err, entry_of(item)->position);
	answer_error(&item->call, &item->answer, err);
}

/* The item as a call: what its entry says, with the rest from the bundle's call. */
static void start_call(struct batch *b, struct item *item, const struct bundle_entry *e)
{
	*item = (struct item){.batch = b, .call = *b->call, .write = {.asked = *e, .entry = *e}};
	struct rest_call *call = &item->call;
	call->inner = true;
	call->decision = decision_part(call->decision, call->arena);
	call->interaction = entry_interaction(e);
	call->query = e->condition.p ? e->condition : S("");
	call->head = e->head;
	call->if_none_match = e->if_none_match;
	call->if_modified_since = e->if_modified_since;
	call->type = e->type;
	call->type_name = e->type ? e->type->name : STR_NULL;
	call->id = e->method == ENTRY_CREATE ? STR_NULL : e->id;
	item->write.call = call;
	item->write.ctx = item;
	issues_init(&call->findings, call->arena);
	answer_init(&item->answer);
}

static bool entry_allowed(const struct item *item, struct error *err)
{
	return call_allowed(&item->call, item->call.type, rest_interaction(item->call.interaction)->permissions, err);
}

/* ---- batch
 * ----------------------------------------------------------------------------------------------------------- */

static void refusal_recorded(void *ctx, struct store_txn *txn)
{
	struct item *item = ctx;
	if (txn->err.code && txn->err.code != item->write.err.code)
		item->write.err = txn->err; /* what cannot be recorded is not told either */
	finish_one(item->batch);
}

/* A refused entry is recorded as well, in a commit of its own: this may be the committing thread, which must not wait.
 */
static void item_done(struct rest_write *w)
{
	struct item *item = w->ctx;
	if (!w->err.code || w->call->server->o.audit_off) {
		finish_one(item->batch);
		return;
	}
	item->event = audit_describe(&item->call, error_http_status(w->err.code), &w->err);
	item->txn = (struct store_txn){.events = &item->event, .event_count = 1, .done = refusal_recorded, .ctx = item};
	store_submit(w->call->server->o.store, &item->txn);
}

/* An entry that came to nothing before anything was handed in. */
static void refuse_item(struct item *item)
{
	struct error *err = &item->write.err;
	item->answered = true;
	entry_place_error(err, entry_of(item)->position);
	answer_error(&item->call, &item->answer, err);
	struct audit_event event = audit_describe(&item->call, item->answer.status, err);
	if (item->call.interaction != REST_UNKNOWN && !audit_take(&item->call, &event, &(struct error){0}))
		answer_error(&item->call, &item->answer, err);
}

/* Stands for "everything was handed in". */
static struct workers_job handed_in;

static bool hold_item(struct rest_write *w)
{
	struct batch *b = ((struct item *)w->ctx)->batch;
	struct workers_job *first = atomic_load(&b->held);
	do {
		if (first == &handed_in)
			return false;
		w->job->next = first;
	} while (!atomic_compare_exchange_weak(&b->held, &first, w->job));
	return true;
}

static void release_held(struct batch *b)
{
	struct workers_job *job = atomic_exchange(&b->held, &handed_in);
	while (job) {
		struct workers_job *next = job->next;
		write_again(b->call->server, job);
		job = next;
	}
}

static bool begin_write(struct item *item, struct error *err)
{
	struct batch *b = item->batch;
	item->write.done = item_done;
	item->write.hold = hold_item;
	if (!entry_allowed(item, err))
		return false;
	atomic_fetch_add_explicit(&b->pending, 1, memory_order_relaxed);
	if (rest_write_begin(&item->write, err))
		return true;
	atomic_fetch_sub_explicit(&b->pending, 1, memory_order_relaxed);
	return false;
}

static void run_item(struct batch *b, const struct bundle_options *o, const struct json *entry, size_t position)
{
	struct item *item = &b->items[position];
	struct bundle_entry e = {.position = position, .method = ENTRY_GET};
	struct error err = {0};
	bool ok = bundle_entry_read(o, json_get(b->bundle, S("type")), entry, position, &e, &err);
	start_call(b, item, &e);
	struct error *own = &item->write.err;
	*own = err;
	if (ok && e.method == ENTRY_GET) {
		ok = route_get(item, own);
		if (ok)
			run_get(item);
	} else if (ok) {
		/* done may run before this returns and owns the error then */
		ok = begin_write(item, &err);
		if (!ok)
			*own = err;
	}
	if (!ok)
		refuse_item(item);
}

static bool start_batch(struct batch *b, const struct bundle_options *o, struct error *err)
{
	struct json_iter it = json_iter(json_get(b->bundle, S("entry")));
	b->items = ARENA_ARRAY(b->call->arena, struct item, it.left + 1);
	if (!b->items)
		return error_memory(err);
	b->count = it.left;
	atomic_init(&b->pending, 1);
	for (size_t i = 0; json_next(&it); i++)
		run_item(b, o, it.value, i);
	release_held(b);
	finish_one(b);
	return true;
}

/* ---- transaction
 * ------------------------------------------------------------------------------------------------------- */

static const struct bundle_entry *failed_entry(const struct batch *b)
{
	const struct rest_transaction *t = &b->plan.transaction;
	return b->txn.failed < t->count ? &b->plan.entries[t->entries[b->txn.failed]] : NULL;
}

static void refuse_transaction(struct batch *b)
{
	struct error err = b->txn.err;
	const struct bundle_entry *e = err.code == ERR_CONFLICT_RETRY ? NULL : failed_entry(b);
	if (e) {
		write_explain(b->call, e, &b->plan.transaction.changes[b->txn.failed], NULL, &err);
		entry_place_error(&err, e->position);
		error_context(&err, "Nothing was stored because of Bundle.entry[%zu]", e->position);
	} else if (err.code == ERR_CONFLICT_RETRY) {
		struct bundle_entry none = {0};
		write_explain(b->call, &none, &(struct store_change){0}, NULL, &err);
		error_context(&err, "Nothing was stored");
	}
	audit_then_send(b->call, &b->answer, &err);
}

static bool transaction_may_retry(const struct batch *b)
{
	const struct bundle_entry *e = failed_entry(b), none = {0};
	return b->txn.err.code && b->attempts < REST_MAX_ATTEMPTS && entry_may_retry(e ? e : &none, &b->txn.err);
}

static void transaction_done(void *ctx, struct store_txn *txn)
{
	struct batch *b = ctx;
	if (!txn->err.code)
		finish(b);
	else if (transaction_may_retry(b))
		write_again(b->call->server, &b->job);
	else
		refuse_transaction(b);
}

static bool set_up_item(struct batch *b, size_t i, struct error *err)
{
	struct item *item = &b->items[i];
	const struct bundle_entry *e = &b->plan.entries[i];
	start_call(b, item, e);
	if (e->method == ENTRY_GET ? !route_get(item, err) : !entry_allowed(item, err)) {
		entry_place_error(err, e->position);
		return false;
	}
	return true;
}

static bool set_up_items(struct batch *b, struct error *err)
{
	const struct rest_transaction *t = &b->plan.transaction;
	b->count = b->plan.entry_count;
	b->items = ARENA_ARRAY(b->call->arena, struct item, b->count + 1);
	b->events = ARENA_ARRAY(b->call->arena, struct audit_event, t->count + 1);
	if (!b->items || !b->events)
		return error_memory(err);
	for (size_t i = 0; i < b->count; i++)
		if (!set_up_item(b, i, err))
			return false;
	for (size_t i = 0; i < t->count; i++)
		b->events[i] = entry_describe(&b->items[t->entries[i]].call, &t->changes[i]);
	b->events[t->count] = audit_describe(b->call, 200, NULL);
	return true;
}

/* Reads of a transaction see its writes, so this thread waits for them: rare enough to hold it. */
static void commit_and_read(struct batch *b)
{
	struct error ignored = {0};
	if (!store_commit(b->call->server->o.store, &b->txn, &ignored)) {
		if (transaction_may_retry(b))
			write_again(b->call->server, &b->job);
		else
			refuse_transaction(b);
		return;
	}
	for (size_t i = 0; i < b->count; i++)
		if (b->plan.entries[i].method == ENTRY_GET)
			run_get(&b->items[i]);
	finish(b);
}

static bool attempt_transaction(struct batch *b, struct error *err)
{
	if (b->txn.stale && !call_renew_parameters(b->call, err))
		return false;
	struct buf scratch;
	struct bundle_options o = bundle_options_of(b->call, &scratch);
	bool reads = false;
	b->attempts++;
	b->plan = (struct transaction_plan){0};
	bool ok = transaction_prepare(&o, b->bundle, &b->plan, err) && set_up_items(b, err);
	buf_done(&scratch);
	if (!ok)
		return false;
	const struct rest_transaction *t = &b->plan.transaction;
	b->txn = (struct store_txn){.changes = t->changes,
				    .change_count = t->count,
				    .events = b->events,
				    .event_count = b->call->server->o.audit_off ? 0 : t->count + 1,
				    .guards = t->guards,
				    .guard_count = t->guard_count,
				    .revision = call_revision(b->call),
				    .done = transaction_done,
				    .ctx = b};
	for (size_t i = 0; i < b->count; i++)
		reads = reads || b->plan.entries[i].method == ENTRY_GET;
	if (reads)
		commit_and_read(b);
	else
		store_submit(b->call->server->o.store, &b->txn);
	return true;
}

static void attempt_again(void *ctx, void *own)
{
	(void)own;
	struct batch *b = ctx;
	struct error err = {0};
	if (!attempt_transaction(b, &err))
		audit_then_send(b->call, &b->answer, &err);
}

static bool start_transaction(struct batch *b, struct error *err)
{
	b->job = (struct workers_job){.run = attempt_again, .ctx = b};
	return attempt_transaction(b, err);
}

bool batch_start(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	const struct json *bundle;
	if (!body_resource(call, &bundle, err))
		return false;
	struct str type = json_get_str(bundle, S("type"));
	if (!str_is(json_get_str(bundle, S("resourceType")), "Bundle"))
		return error_set(err, ERR_STRUCTURE, "Only a Bundle may be posted to the base of the server");
	if (!str_is(type, "batch") && !str_is(type, "transaction"))
		return error_set_at(err, ERR_VALUE, S("Bundle.type"), "Bundle.type must be batch or transaction");
	struct batch *b = ARENA_NEW(call->arena, struct batch);
	if (!b)
		return error_memory(err);
	b->call = call;
	b->answer = *answer;
	b->bundle = bundle;
	b->transaction = str_is(type, "transaction");
	if (b->transaction)
		return start_transaction(b, err);
	struct buf scratch;
	struct bundle_options o = bundle_options_of(call, &scratch);
	bool ok = bundle_check(&o, bundle, err) && start_batch(b, &o, err);
	buf_done(&scratch);
	return ok;
}
