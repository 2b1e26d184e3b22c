/* Opening and closing the services: the table is looked through once, and what discovery says is written once. */
#include "server/cds/cds_priv.h"

#include <stdlib.h>

#include "base/clock.h"

enum { ID_MAX = 60, DOCUMENT_MAX = 4 << 20, SERVICES_MAX = 500 };

static bool is_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_'))
			return false;
	}
	return id.n > 0 && id.n <= ID_MAX;
}

static bool check_service(const struct cds_server *c, size_t at, struct error *err)
{
	const struct cds_service *s = &c->o.services[at];
	if (!is_id(s->id))
		return error_set(err, ERR_CONFIG,
				 "The id of a CDS service is 1 to %d letters, digits, - and _, not %.*s", ID_MAX,
				 STR_ARG(str_slice(s->id, 0, 80)));
	if (!s->description.n)
		return error_set(err, ERR_CONFIG, "CDS service %.*s needs a description", STR_ARG(s->id));
	if (s->prefetch_count > CDS_TEMPLATES_MAX)
		return error_set(err, ERR_CONFIG, "CDS service %.*s has more than %d prefetch templates",
				 STR_ARG(s->id), CDS_TEMPLATES_MAX);
	for (size_t i = 0; i < at; i++)
		if (str_eq(c->o.services[i].id, s->id))
			return error_set(err, ERR_CONFIG, "There are two CDS services %.*s", STR_ARG(s->id));
	for (size_t i = 0; i < s->prefetch_count; i++)
		if (!hook_template_check(hook_definition(s->hook), s->prefetch[i].query, err))
			return error_context(err, "CDS service %.*s, prefetch %.*s", STR_ARG(s->id),
					     STR_ARG(s->prefetch[i].key));
	return true;
}

static void put_service(struct json_writer *w, const struct cds_service *s)
{
	json_object_begin(w);
	json_put_member(w, S("hook"), str_from(hook_definition(s->hook)->name));
	json_put_member(w, S("title"), s->title);
	json_put_member(w, S("description"), s->description);
	json_put_member(w, S("id"), s->id);
	if (s->prefetch_count) {
		json_key(w, S("prefetch"));
		json_object_begin(w);
		for (size_t i = 0; i < s->prefetch_count; i++)
			json_put_member(w, s->prefetch[i].key, s->prefetch[i].query);
		json_object_end(w);
	}
	json_put_member(w, S("usageRequirements"), s->usage);
	json_object_end(w);
}

static bool write_discovery(const struct cds_server *c, struct buf *out, struct error *err)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_key(&w, S("services"));
	json_array_begin(&w);
	for (size_t i = 0; i < c->o.service_count; i++)
		put_service(&w, &c->o.services[i]);
	json_array_end(&w);
	json_object_end(&w);
	return buf_ok(out) || error_memory(err);
}

static bool keep(struct cds_server *c, bool (*write)(const struct cds_server *c, struct buf *out, struct error *err),
		 struct str *ret_text, struct error *err)
{
	struct buf out;
	buf_init(&out, DOCUMENT_MAX);
	bool ok = write(c, &out, err);
	*ret_text = ok ? arena_str(&c->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return ok && (ret_text->p || error_memory(err));
}

static void set_defaults(struct cds_server_options *o)
{
	o->max_body = o->max_body ? o->max_body : CDS_MAX_BODY;
	o->fetch_ms = o->fetch_ms ? o->fetch_ms : CDS_FETCH_MS;
	o->fetch_bytes = o->fetch_bytes ? o->fetch_bytes : CDS_FETCH_BYTES;
	o->fetch_threads = o->fetch_threads ? o->fetch_threads : CDS_FETCH_THREADS;
	o->max_cards = o->max_cards ? o->max_cards : CDS_CARDS;
	o->max_cards = o->max_cards >= HOOK_CARDS_MAX ? HOOK_CARDS_MAX - 1 : o->max_cards;
	o->now_ms = o->now_ms ? o->now_ms : clock_now_ms;
}

/* Each thread keeps an HTTP client, and so its connections, for as long as it lives. */
static void *begin_client(void *ctx)
{
	const struct cds_server_options *o = ctx;
	struct error ignored = {0};
	return http_client_new(&(struct http_client_options){.timeout_ms = o->fetch_ms,
							     .connect_timeout_ms = o->fetch_ms,
							     .max_body = o->fetch_bytes},
			       &ignored);
}

static void end_client(void *own)
{
	http_client_free(own);
}

static bool open_all(struct cds_server *c, struct error *err)
{
	c->path = arena_printf(&c->arena, "%.*s/cds-services", STR_ARG(c->o.base_path));
	if (!c->path.p)
		return error_memory(err);
	if (c->o.service_count > SERVICES_MAX)
		return error_set(err, ERR_CONFIG, "There are more than %d CDS services", SERVICES_MAX);
	for (size_t i = 0; i < c->o.service_count; i++)
		if (!check_service(c, i, err))
			return false;
	if (!callers_open(c, err) || !keep(c, write_discovery, &c->discovery, err) ||
	    !keep(c, openapi_write, &c->openapi, err))
		return false;
	c->workers = workers_open(&(struct workers_options){.threads = c->o.fetch_threads,
							    .waiting = CDS_WAITING_MAX,
							    .begin = begin_client,
							    .end = end_client,
							    .ctx = &c->o},
				  err);
	return c->workers != NULL;
}

struct cds_server *cds_server_open(const struct cds_server_options *options, struct error *err)
{
	struct cds_server *c = calloc(1, sizeof(*c));
	if (!c) {
		error_memory(err);
		return NULL;
	}
	c->o = *options;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->settled, NULL);
	set_defaults(&c->o);
	arena_init(&c->arena, 64 << 20);
	if (open_all(c, err))
		return c;
	cds_server_close(c);
	return NULL;
}

void cds_server_close(struct cds_server *c)
{
	if (!c)
		return;
	workers_close(c->workers);
	callers_close(c);
	records_wait(c);
	pthread_cond_destroy(&c->settled);
	pthread_mutex_destroy(&c->lock);
	arena_done(&c->arena);
	free(c);
}
