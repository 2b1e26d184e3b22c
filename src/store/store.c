/*
 * The front of the store: opening, handing in, and the door to the backend. Nothing here knows how data is kept.
 */
#include "store/store.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/group.h"
#include "store/words.h"

/* How much may wait. Bulk loading takes large commits, because random leaf pages written once per commit are the cost;
 * a server wants short ones, because everybody in a group waits for its end. */
static const struct queue_options serving = {.max_bytes = 16 << 20, .group_changes = 1000};
static const struct queue_options loading = {.max_bytes = 64 << 20, .group_changes = 8000, .gather_ms = 25};

struct store {
	const struct store_backend *backend;
	void *data;
	struct queue *queue; /* NULL when read-only or keeping */
	struct words_thread *words; /* NULL: none is needed */
	bool keeping;
	struct watchers fact_watchers;
};

const struct store_backend *store_backend_of(struct str location)
{
	bool url = str_starts(location, S("postgresql://")) || str_starts(location, S("postgres://"));
	return url ? &store_postgres : &store_sqlite;
}

struct store *store_open(struct str location, const struct store_options *options, struct error *err)
{
	struct store *s = calloc(1, sizeof(*s));
	if (!s) {
		error_memory(err);
		return NULL;
	}
	pthread_mutex_init(&s->fact_watchers.lock, NULL);
	s->backend = store_backend_of(location);
	if (!options->read_only && !options->keeping) {
		s->queue = queue_new(options->bulk ? &loading : &serving);
		if (!s->queue) {
			error_memory(err);
			goto failed;
		}
	}
	s->keeping = options->keeping && !options->read_only;
	s->data = s->backend->open(location, options, s->queue, err);
	if (!s->data)
		goto failed;
	if (s->queue && !queue_start(s->queue, s->backend, s->data, err)) {
		s->backend->close(s->data);
		goto failed;
	}
	bool words = s->queue && !options->bulk && !options->no_words && s->backend->words;
	if (words && !(s->words = words_thread_start(s->backend, s->data, err))) {
		store_close(s);
		return NULL;
	}
	return s;
failed:
	queue_free(s->queue);
	pthread_mutex_destroy(&s->fact_watchers.lock);
	free(s);
	return NULL;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	words_thread_stop(s->words);
	queue_free(s->queue);
	s->backend->close(s->data);
	pthread_mutex_destroy(&s->fact_watchers.lock);
	free(s);
}

bool store_has_tenant(struct store *s, struct str name, bool *ret_exists, struct error *err)
{
	*ret_exists = false;
	return !store_tenant_name_valid(name) || s->backend->has_tenant(s->data, name, ret_exists, err);
}

/* ---- handing in -------------------------------------------------------------------------------------------------- */

static bool writable(const struct store *s, struct error *err)
{
	if (s->queue)
		return true;
	return error_set(err, ERR_STORE, "The store was opened for reading only");
}

bool store_audit(struct store *s, const struct audit_event *events, size_t count, struct error *err)
{
	if (!writable(s, err))
		return false;
	if (!count)
		return true;
	if (queue_trouble(s->queue, err))
		return false;
	size_t weight = 0;
	for (size_t i = 0; i < count; i++)
		weight += audit_weight(&events[i]);
	struct item *item = item_new(ITEM_AUDIT, weight);
	if (!item)
		return error_memory(err);
	item->events = audit_pack(item->extra, events, count);
	item->event_count = count;
	item->bytes = weight;
	item->time_ms = clock_now_ms();
	item->changes = (count + 3) / 4;
	item->finish = item_free;
	queue_put(s->queue, item);
	return true;
}

static void finish_txn(struct item *item)
{
	struct store_txn *txn = item->txn;
	struct store *s = item->ctx;
	txn->err = item->err;
	watchers_tell_txn(&s->fact_watchers, txn);
	item_free(item);
	txn->done(txn->ctx, txn);
}

static bool submit(struct store *s, struct store_txn *txn, bool hurry)
{
	txn->err = (struct error){0};
	txn->failed = 0;
	txn->fact_failed = txn->stale = false;
	txn->next = NULL;
	for (size_t i = 0; i < txn->fact_count; i++) {
		txn->failed = i;
		txn->fact_failed = true;
		if (!fact_allowed(&txn->facts[i], &txn->err))
			return false;
	}
	txn->failed = 0;
	txn->fact_failed = false;
	struct item *item = item_new(ITEM_TXN, 0);
	if (!item)
		return error_memory(&txn->err);
	item->txn = txn;
	item->ctx = s;
	item->hurry = hurry;
	item->finish = finish_txn;
	item->changes = txn->change_count + (txn->event_count + 3) / 4 + (txn->fact_count + 1) / 2;
	for (size_t i = 0; i < txn->change_count; i++)
		item->bytes += sizeof(*txn->changes) + txn->changes[i].stored.n +
			       txn->changes[i].row_count * sizeof(struct index_row);
	for (size_t i = 0; i < txn->event_count; i++)
		item->bytes += audit_weight(&txn->events[i]);
	for (size_t i = 0; i < txn->fact_count; i++)
		item->bytes += sizeof(*txn->facts) + txn->facts[i].key.n + txn->facts[i].value.n;
	if (!s->backend->prepare(s->data, item, &txn->err)) {
		item_free(item);
		return false;
	}
	queue_put(s->queue, item);
	return true;
}

void store_submit(struct store *s, struct store_txn *txn)
{
	if (!s->queue) {
		txn->err = (struct error){0};
		(void)writable(s, &txn->err);
		txn->done(txn->ctx, txn);
	} else if (!submit(s, txn, false))
		queue_refuse(s->queue, txn);
}

struct commit_wait {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done;
};

static void commit_done(void *ctx, struct store_txn *txn)
{
	(void)txn;
	struct commit_wait *w = ctx;
	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->lock);
}

bool store_commit(struct store *s, struct store_txn *txn, struct error *err)
{
	struct commit_wait w = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
	if (!writable(s, err))
		return false;
	txn->done = commit_done;
	txn->ctx = &w;
	if (submit(s, txn, true)) {
		pthread_mutex_lock(&w.lock);
		while (!w.done)
			pthread_cond_wait(&w.ended, &w.lock);
		pthread_mutex_unlock(&w.lock);
	}
	pthread_mutex_destroy(&w.lock);
	pthread_cond_destroy(&w.ended);
	if (txn->err.code == ERR_NONE)
		return true;
	if (err && err->code == ERR_NONE)
		*err = txn->err;
	return false;
}

bool store_fact_put(struct store *s, const struct store_fact *fact, struct error *err)
{
	struct store_fact own = *fact;
	struct store_txn txn = {.facts = &own, .fact_count = 1};
	return store_commit(s, &txn, err);
}

bool store_watch_facts(struct store *s, void (*fn)(void *ctx, struct str shelf), void *ctx, struct error *err)
{
	struct watchers *w = &s->fact_watchers;
	pthread_mutex_lock(&w->lock);
	bool ok = w->count < MOST_WATCHERS || error_set(err, ERR_INTERNAL, "Too many watch the facts of a store"),
	     hear = ok && !w->hearing && s->backend->hear;
	if (ok)
		w->list[w->count++] = (struct watcher){fn, ctx};
	w->hearing |= hear;
	pthread_mutex_unlock(&w->lock);
	return ok && (!hear || s->backend->hear(s->data, watchers_tell, w, err));
}

void store_unwatch_facts(struct store *s, void (*fn)(void *ctx, struct str shelf), void *ctx)
{
	struct watchers *w = &s->fact_watchers;
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->count; i++)
		if (w->list[i].fn == fn && w->list[i].ctx == ctx) {
			w->list[i] = w->list[--w->count];
			break;
		}
	pthread_mutex_unlock(&w->lock);
}

static bool not_there(struct error *err)
{
	return error_set(err, ERR_NOT_SUPPORTED, "This kind of store does not do that");
}

bool store_revision(struct store *s, struct arena *a, struct str *ret_revision, struct error *err)
{
	struct str value;
	if (!store_fact_get(s, a, STORE_REVISION, REVISED_TYPE, &value, err))
		return false;
	*ret_revision = value.p ? value : S("0");
	return true;
}

bool store_is_shared(const struct store *s)
{
	return s->backend->hear != NULL;
}

bool store_adds_rows(const struct store *s)
{
	return s->queue && s->backend->adds_rows;
}

bool store_add_rows(struct store *s, struct store_adding *adding, struct error *err)
{
	if (!writable(s, err))
		return false;
	if (!s->backend->adds_rows)
		return not_there(err);
	struct item *item = item_new(ITEM_ROWS, 0);
	if (!item)
		return error_memory(err);
	item->adding = adding;
	item->changes = adding->version_count;
	for (size_t i = 0; i < adding->version_count; i++)
		item->bytes += sizeof(*adding->versions) + adding->versions[i].row_count * sizeof(struct index_row);
	return queue_put_wait(s->queue, item, err);
}

enum { MOST_HISTORY = 10000 /* versions on one page */, MOST_LISTED = 10000 /* facts at once */ };

/* ---- the door -----------------------------------------------------------------------------------------------------
 */

bool store_audit_list(struct store *s, struct arena *a, int64_t before, size_t max, struct audit_row **ret_rows,
		      size_t *ret_count, struct error *err)
{
	return s->backend->audit_list(s->data, a, before, max, ret_rows, ret_count, err);
}

bool store_audit_verify(struct store *s, int64_t *ret_rows, struct error *err)
{
	return s->backend->audit_verify(s->data, ret_rows, err);
}

bool store_read(struct store *s, struct arena *a, const struct fhir_type *type, struct str id, int64_t version,
		struct store_entry *ret_entry, struct error *err)
{
	struct store_entry entry = {.type = type, .id = arena_str(a, id)};
	if (!entry.id.p)
		return error_memory(err);
	if (!s->backend->read(s->data, a, type, id, version, &entry, err))
		return false;
	*ret_entry = entry;
	if (entry.op == STORE_DELETE)
		return error_set(err, ERR_GONE, "This %.*s was deleted in version %lld", STR_ARG(type->name),
				 (long long)entry.version);
	return true;
}

bool store_history(struct store *s, struct arena *a, const struct store_history_query *query,
		   struct store_page *ret_page, struct error *err)
{
	struct store_history_query bounded = *query;
	if (bounded.max > MOST_HISTORY)
		bounded.max = MOST_HISTORY;
	struct store_page page = {.entries = ARENA_ARRAY(a, struct store_entry, bounded.max + 1), .total = -1};
	if (!page.entries)
		return error_memory(err);
	if (!s->backend->history(s->data, a, &bounded, &page, err))
		return false;
	page.match_count = page.count;
	*ret_page = page;
	return true;
}

bool store_search(struct store *s, struct arena *a, const struct search_query *query,
		  const struct store_search_options *options, struct store_page *ret_page, struct error *err)
{
	return s->backend->search(s->data, a, query, options, ret_page, err);
}

bool store_counts(struct store *s, struct arena *a, struct store_count **ret_counts, size_t *ret_count,
		  struct error *err)
{
	return s->backend->counts(s->data, a, ret_counts, ret_count, err);
}

bool store_check(struct store *s, const struct store_keeping *k, struct store_kept *ret_kept, struct error *err)
{
	*ret_kept = (struct store_kept){0};
	return s->backend->check ? s->backend->check(s->data, k, ret_kept, err) : not_there(err);
}

static bool keeping_open(const struct store *s, struct error *err)
{
	return s->keeping || error_set(err, ERR_INTERNAL, "The store was not opened for keeping");
}

bool store_reindex(struct store *s, const struct store_keeping *k, struct store_kept *ret_kept, struct error *err)
{
	*ret_kept = (struct store_kept){0};
	return keeping_open(s, err) &&
	       (s->backend->reindex ? s->backend->reindex(s->data, k, ret_kept, err) : not_there(err));
}

bool store_vacuum(struct store *s, const struct store_keeping *k, struct store_kept *ret_kept, struct error *err)
{
	*ret_kept = (struct store_kept){0};
	return keeping_open(s, err) &&
	       (s->backend->vacuum ? s->backend->vacuum(s->data, k, ret_kept, err) : not_there(err));
}

bool store_fact_get(struct store *s, struct arena *a, struct str shelf, struct str key, struct str *ret_value,
		    struct error *err)
{
	return s->backend->fact_get(s->data, a, shelf, key, ret_value, err);
}

bool store_fact_list(struct store *s, struct arena *a, struct str shelf, struct str after_key, size_t max,
		     struct store_fact **ret_facts, size_t *ret_count, struct error *err)
{
	return s->backend->fact_list(s->data, a, shelf, after_key, max < MOST_LISTED ? max : MOST_LISTED, ret_facts,
				     ret_count, err);
}

void store_limit_pages(struct store *s, int64_t pages)
{
	s->backend->limit_pages(s->data, pages);
}
