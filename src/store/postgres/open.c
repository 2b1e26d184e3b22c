/* Opening and closing a store in PostgreSQL, and the table of functions behind the store's door. */
#include <stdlib.h>

#include "store/postgres/listener.h"
#include "store/postgres/writer.h"
#include "store/words.h"

static void pg_store_close(void *b)
{
	struct pg_store *s = b;
	pg_listener_stop(s);
	pg_keeper_stop(s);
	pg_readers_close(s);
	pg_writer_free(s->writer);
	extractor_free(atomic_load(&s->extractor));
	bodies_free(s->bodies);
	samples_free(s->samples);
	cache_done(&s->pool.types);
	cache_done(&s->pool.names);
	pthread_mutex_destroy(&s->pool.lock);
	pthread_cond_destroy(&s->pool.freed);
	free(s->place.url);
	free(s);
}

/* Read before anything is written: from then on bodies are packed with what the database has. */
static bool load_dictionaries(struct pg_store *s, struct error *err)
{
	struct reader *r = pg_reader_acquire(s, err);
	if (!r)
		return false;
	bool ok = pg_dictionaries_load(s, &r->pg, err);
	pg_reader_release(s, r);
	return ok;
}

/* A process that was killed may have sent a commit which the database is still at: it holds the commit lock. Once we
 * have had that, what this process reads is what came of it. */
static bool settled(struct pg *c, struct error *err)
{
	return pg_run(c, SQL_BEGIN, NULL, err) && pg_run(c, SQL_LOCK, NULL, err) && pg_run(c, SQL_ROLLBACK, NULL, err);
}

static bool open_parts(struct pg_store *s, const struct store_options *options, struct error *err)
{
	s->bodies = bodies_new();
	if (!s->bodies)
		return error_memory(err);
	if (!pg_schema_open(&s->place, err) || !load_dictionaries(s, err))
		return false;
	if (options->read_only)
		return true;
	if (!bodies_knows(s->bodies, BODY_DICTIONARY) && !(s->samples = samples_new()))
		return error_memory(err);
	s->writer = pg_writer_new(err);
	return s->writer && pg_writer_connect(s, err) && settled(&s->writer->pg, err) &&
	       (options->keeping || pg_keeper_start(s, options->bulk, err));
}

static void *pg_store_open(struct str location, const struct store_options *options, struct queue *queue,
			   struct error *err)
{
	struct pg_store *s = calloc(1, sizeof(*s));
	if (!s) {
		error_memory(err);
		return NULL;
	}
	s->definitions = options->definitions;
	const struct fhir_type *patient = s->definitions ? definitions_resource(s->definitions, S("Patient")) : NULL;
	s->patients = patient ? definitions_compartment(s->definitions, patient) : NULL;
	s->queue = queue;
	s->words_lag = options->words_lag ? options->words_lag : WORDS_LAG;
	s->place.read_only = options->read_only;
	s->place.url = strndup(location.p, location.n);
	pthread_mutex_init(&s->pool.lock, NULL);
	pthread_cond_init(&s->pool.freed, NULL);
	cache_init(&s->pool.types, MOST_TYPE_IDS);
	cache_init(&s->pool.names, 16384);
	bool ok = s->place.url || error_memory(err);
	if (ok && pg_schema_of(&s->place, options->tenant, err) && open_parts(s, options, err))
		return s;
	pg_store_close(s);
	return NULL;
}

/* A database has no limit of its own that tests could set. */
static void pg_limit_pages(void *b, int64_t pages)
{
	(void)b, (void)pages;
}

const struct store_backend store_postgres = {
	.waits = true,
	.open = pg_store_open,
	.close = pg_store_close,
	.prepare = pg_group_prepare,
	.commit = pg_group_commit,
	.settle = pg_group_settle,
	.check = pg_check,
	.reindex = pg_reindex,
	.vacuum = pg_vacuum,
	.read = pg_read,
	.history = pg_history,
	.search = pg_search,
	.counts = pg_counts,
	.audit_list = pg_audit_list,
	.audit_verify = pg_audit_verify,
	.fact_get = pg_fact_get,
	.fact_list = pg_fact_list,
	.words = pg_words,
	.adds_rows = true,
	.hear = pg_hear,
	.limit_pages = pg_limit_pages,
	.tenant_exists = pg_tenant_exists,
	.has_tenant = pg_has_tenant,
	.tenant_list = pg_tenant_list,
	.tenant_remove = pg_tenant_remove,
};
