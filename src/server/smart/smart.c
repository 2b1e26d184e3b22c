/*
 * The authorization server as a whole: opened over a store, told when what it keeps in memory may have changed, and the
 * token endpoint for who has the form in hand already.
 */
#include "server/smart/smart_priv.h"

#include <stdlib.h>

enum { OWN_MEMORY = 64 << 20 };

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* What is made is quiet; what is changed or ended is not. */
static void changed(void *ctx, struct str shelf)
{
	struct smart *s = ctx;
	bool any = !shelf.p;
	if (any || str_is(shelf, "client"))
		registry_forget(s->registry);
	if (any || str_is(shelf, "client") || str_is(shelf, "token") || str_is(shelf, "grant"))
		atomic_fetch_add(&s->generation, 1);
	if (any || str_is(shelf, "key"))
		signing_forget(s->signing);
}

static bool copy_options(struct smart *s, const struct smart_options *options)
{
	struct arena *a = &s->arena;
	s->options = *options;
	s->options.clients = NULL;
	s->options.persona = options->persona ? options->persona : &persona_ours;
	s->options.token_url = arena_str(a, options->token_url);
	s->options.base_path = arena_str(a, options->base_path);
	if (!options->base_url.p)
		return s->options.token_url.p && s->options.base_path.p;
	s->options.base_url = arena_str(a, options->base_url);
	s->fhir_url = options->fhir_url.p ? arena_str(a, options->fhir_url)
					  : arena_printf(a, "%.*s/fhir", STR_ARG(options->base_url));
	s->issuer = options->issuer.p ? arena_str(a, options->issuer) : s->fhir_url;
	return s->fhir_url.p && s->options.token_url.p && s->options.base_path.p && s->options.base_url.p &&
	       s->issuer.p;
}

const struct smart_persona persona_ours = {0};

unsigned smart_algorithms(const struct smart *s)
{
	return s->options.persona->algorithms ? s->options.persona->algorithms : JOSE_SMART;
}

static bool watch(struct smart *s, struct error *err)
{
	if (s->options.store)
		s->watching = store_watch_facts(s->options.store, changed, s, err);
	return s->watching || !s->options.store;
}

static void fill_lifetimes(struct smart_lifetimes *l)
{
	enum { DAY_S = 24 * 3600 };
	const struct smart_lifetimes usual = {.access_s = 3600,
					      .backend_s = 300,
					      .online_s = DAY_S,
					      .refresh_idle_s = 90 * DAY_S,
					      .refresh_end_s = 365 * DAY_S,
					      .code_s = 60,
					      .launch_s = 300};
	l->access_s = l->access_s ? l->access_s : usual.access_s;
	l->backend_s = l->backend_s ? l->backend_s : usual.backend_s;
	l->online_s = l->online_s ? l->online_s : usual.online_s;
	l->refresh_idle_s = l->refresh_idle_s ? l->refresh_idle_s : usual.refresh_idle_s;
	l->refresh_end_s = l->refresh_end_s ? l->refresh_end_s : usual.refresh_end_s;
	l->code_s = l->code_s ? l->code_s : usual.code_s;
	l->launch_s = l->launch_s ? l->launch_s : usual.launch_s;
}

struct smart *smart_open(const struct smart_options *options, struct error *err)
{
	struct smart *s = calloc(1, sizeof(*s));
	if (!s) {
		error_memory(err);
		return NULL;
	}
	arena_init(&s->arena, OWN_MEMORY);
	s->cache = token_cache_new();
	bool ok = (s->cache && copy_options(s, options)) || error_memory(err);
	fill_lifetimes(&s->options.lifetimes);
	s->registry = ok ? registry_open(options->clients, options->client_count, smart_algorithms(s), err) : NULL;
	s->signing = s->registry ? signing_open(err) : NULL;
	if (s->signing && discovery_open(s, err) && watch(s, err))
		return s;
	smart_close(s);
	return NULL;
}

void smart_close(struct smart *s)
{
	if (!s)
		return;
	if (s->watching)
		store_unwatch_facts(s->options.store, changed, s);
	registry_close(s->registry);
	signing_close(s->signing);
	token_cache_free(s->cache);
	arena_done(&s->arena);
	free(s);
}

/* ---- one token request ----------------------------------------------------------------------------------------------
 */

static bool commit(struct asking *q, struct store_fact *facts, size_t count, struct store_txn *txn)
{
	*txn = (struct store_txn){.facts = facts, .fact_count = count};
	return !count || store_commit(q->s->options.store, txn, NULL);
}

static bool run(struct asking *q, struct error *err)
{
	struct store_txn txn;
	if (!form_parse(q->a, q->body, q->decision, &q->form, err) || !token_endpoint_run(q, err))
		return false;
	if (commit(q, q->facts, q->fact_count, &txn))
		return true;
	if (txn.err.code == ERR_CONFLICT && txn.fact_failed)
		return asking_explain(q, txn.failed, err);
	return error_set(err, txn.err.code, "%s", txn.err.text);
}

bool smart_token(struct smart *s, struct arena *a, struct str form, struct str authorization, struct buf *out,
		 struct smart_token_answer *ret_answer, struct error *err)
{
	struct store_fact aftermath[MOST_AFTERMATH];
	struct store_txn txn;
	struct asking q;
	asking_begin(&q, s, a, authorization, STR_NULL, out);
	q.body = form;
	*ret_answer = (struct smart_token_answer){.status = 200};
	bool ok = run(&q, err);
	if (q.client)
		ret_answer->client_id = arena_str(a, q.client->facts.client_id);
	if (!ok) {
		if (!commit(&q, aftermath, asking_aftermath(&q, aftermath), &txn) && err)
			*err = txn.err;
		ret_answer->status = asking_refuse(&q, err, &ret_answer->error);
	}
	asking_done(&q);
	return ok;
}
