/* A sandbox as a whole: Firth's server, the vendor's face over it, and the vendor's token endpoint beside it. */
#include <stdlib.h>

#include "sandbox/bulk_priv.h"
#include "sandbox/cerner_priv.h"
#include "sandbox/hooks_priv.h"
#include "sandbox/work_priv.h"

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static void add_scope(struct sandbox *s, struct buf *out, const char *context, struct str type)
{
	bool update = face_may(s, type, 'u') || face_may(s, type, 'p');
	buf_printf(out, "%s%s/%.*s.%s%s%s%s%s", out->n ? " " : "", context, STR_ARG(type),
		   face_may(s, type, 'c') ? "c" : "", face_may(s, type, 'r') ? "r" : "", update ? "u" : "",
		   face_may(s, type, 'd') ? "d" : "", face_may(s, type, 's') ? "s" : "");
}

/* Everything that the site does, one by one: what a client has that registered without a list. */
static struct str all_scopes(struct sandbox *s, const char *words, const char *const contexts[], size_t count)
{
	struct buf out;
	buf_init(&out, 1 << 18);
	buf_add(&out, str_from(words));
	for (size_t c = 0; c < count; c++) {
		for (const struct face_type *t = s->vendor->types; t->name; t++)
			add_scope(s, &out, contexts[c], str_from(t->name));
		for (size_t i = 0; i < s->o.allow_write_count; i++)
			if (face_type(s, s->o.allow_write[i]) == &s->vendor->opened)
				add_scope(s, &out, contexts[c], s->o.allow_write[i]);
	}
	struct str text = buf_ok(&out) ? arena_str(&s->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

static bool copy_options(struct sandbox *s, const struct sandbox_options *o, struct error *err)
{
	struct smart_client *clients = ARENA_ARRAY(&s->arena, struct smart_client, o->client_count + 1);
	struct str *types = ARENA_ARRAY(&s->arena, struct str, o->allow_write_count + 1);
	s->o = *o;
	s->o.base_url = arena_str(&s->arena, o->base_url);
	s->fhir_base = arena_printf(&s->arena, "%.*s%s", STR_ARG(o->base_url), s->vendor->base_path);
	s->issuer = arena_printf(&s->arena, "%.*s%s", STR_ARG(o->base_url), s->vendor->issuer_path);
	s->token_url = arena_printf(&s->arena, "%.*s%s", STR_ARG(o->base_url), s->vendor->token_paths[0]);
	if (!clients || !types || !s->o.base_url.p || !s->fhir_base.p || !s->token_url.p || !s->issuer.p)
		return error_memory(err);
	for (size_t i = 0; i < o->allow_write_count; i++) {
		types[i] = arena_str(&s->arena, o->allow_write[i]);
		if (!definitions_resource(o->definitions, types[i]))
			return error_set(err, ERR_USAGE, "%.*s is not a resource type of FHIR R4",
					 STR_ARG(str_slice(types[i], 0, 60)));
	}
	s->o.allow_write = types;
	static const char *const systems[] = {"system"}, *const people[] = {"patient", "user"};
	s->everything = all_scopes(s, "", systems, 1);
	s->everything_of_people = all_scopes(s,
					     "openid fhirUser profile launch launch/patient launch/encounter "
					     "online_access offline_access",
					     people, 2);
	if (!s->everything.p || !s->everything_of_people.p)
		return error_memory(err);
	for (size_t i = 0; i < o->client_count; i++) {
		clients[i] = o->clients[i];
		if (!clients[i].scope.n)
			clients[i].scope = s->everything;
	}
	s->o.clients = clients;
	return true;
}

static bool open_smart(struct sandbox *s, struct error *err)
{
	if (s->o.no_auth)
		return true;
	s->vendor->persona(s);
	s->access = access_open(
		&(struct access_options){.definitions = s->o.definitions, .store = s->o.store, .base = s->fhir_base},
		err);
	if (!s->access)
		return false;
	s->smart = smart_open(&(struct smart_options){.store = s->o.store,
						      .definitions = s->o.definitions,
						      .token_url = s->token_url,
						      .base_url = s->o.base_url,
						      .base_path = S(""),
						      .fhir_url = s->fhir_base,
						      .issuer = s->issuer,
						      .clients = s->o.clients,
						      .client_count = s->o.client_count,
						      .lifetimes = {.access_s = s->vendor->token_lifetime_s,
								    .backend_s = s->vendor->token_lifetime_s},
						      .persona = &s->persona,
						      .filter = access_filter_check,
						      .filter_ctx = s->access},
			      err);
	return s->smart != NULL;
}

static struct rest_server *open_one(struct sandbox *s, const struct rest_face *face, bool guarded, struct error *err)
{
	return rest_open(&(struct rest_options){.definitions = s->o.definitions,
						.store = s->o.store,
						.smart = guarded ? s->smart : NULL,
						.access = guarded ? s->access : NULL,
						.base_path = str_from(s->vendor->base_path),
						.base_url = s->fhir_base,
						.token_url = s->token_url,
						.face = face,
						.jobs = s->bulk->jobs,
						.export = bulk_export_start,
						.export_ctx = &s->bulk->export,
						.extractor = s->o.extractor},
			 err);
}

static bool open_rest(struct sandbox *s, struct error *err)
{
	for (enum face_host i = 0; i < hosts_count(s); i++) {
		hosts_face(s, i, &s->face[i]);
		s->rest[i] = open_one(s, &s->face[i], i != HOST_OPEN, err);
		if (!s->rest[i])
			return false;
	}
	s->inside = open_one(s, &s->face[HOST_PROVIDER], false, err);
	return s->inside != NULL;
}

struct sandbox *sandbox_open(const struct sandbox_options *options, struct error *err)
{
	struct arena a;
	if (options->vendor != EHR_EPIC && options->vendor != EHR_CERNER) {
		error_set(err, ERR_USAGE, "There are sandboxes for epic and cerner.");
		return NULL;
	}
	arena_init(&a, (size_t)32 << 20);
	struct sandbox *s = ARENA_NEW(&a, struct sandbox);
	if (!s) {
		error_memory(err);
		return NULL;
	}
	s->arena = a;
	s->vendor = options->vendor == EHR_EPIC ? &face_epic : &face_cerner;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->idle, NULL);
	s->sessions = ARENA_ARRAY(&s->arena, struct face_session, FACE_SESSIONS);
	bool ok = s->sessions ? true : error_memory(err);
	if (ok && copy_options(s, options, err) && faults_open(s, err) && face_documents(s, err) &&
	    open_smart(s, err) && people_open(s, err) && sandbox_bulk_open(s, err) && open_rest(s, err))
		return s;
	sandbox_close(s);
	return NULL;
}

void sandbox_close(struct sandbox *s)
{
	if (!s)
		return;
	work_wait(s);
	sandbox_bulk_close(s); /* before all else: what runs uses it */
	hooks_close(s);
	for (enum face_host i = 0; i < FACE_HOSTS; i++)
		if (s->rest[i])
			rest_close(s->rest[i]);
	if (s->inside)
		rest_close(s->inside);
	people_close(s);
	if (s->smart)
		smart_close(s->smart);
	if (s->access)
		access_close(s->access);
	face_sessions_free(s);
	free((char *)(uintptr_t)s->last_entry.p);
	pthread_cond_destroy(&s->idle);
	pthread_mutex_destroy(&s->lock);
	struct arena a = s->arena; /* the sandbox lies in its own arena */
	arena_done(&a);
}

struct str sandbox_fhir_base(const struct sandbox *s)
{
	return s->fhir_base;
}

struct str sandbox_token_url(const struct sandbox *s)
{
	return s->token_url;
}

/* ---- serving ---------------------------------------------------------------------------------------------------- */

void sandbox_serve(struct sandbox *s, struct http_exchange *x, enum face_host host)
{
	/* What is asked in another way than usual comes again as it is usual. */
	if (oauth_basic(s, x, host) || cerner_override(s, x, host) || cerner_pressure_guarded(s, x, host))
		return;
	if (!hostile_handle(s, x) && !bulk_handle(s, x) && !oauth_handle(s, x) && !people_handle(s, x) &&
	    !face_token(s, x) && !cerner_batch(s, x, host) && !cerner_charge(s, x, host) &&
	    !rest_handle(s->rest[host], x))
		s->vendor->no_route(x);
}

static void handle(void *ctx, struct http_exchange *x)
{
	struct sandbox *s = ctx;
	x = launcher_tap(s->launcher, x);
	if (!http_answer_icon(x) && !admin_handle(s, x) && !hosts_handle(s, x))
		sandbox_serve(s, x, HOST_PROVIDER);
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	struct sandbox *s = ctx;
	rest_refuse(s->rest[HOST_PROVIDER], x, err);
}

struct http_handler sandbox_handler(struct sandbox *s)
{
	return (struct http_handler){.handle = handle, .refuse = refuse, .ctx = s};
}
