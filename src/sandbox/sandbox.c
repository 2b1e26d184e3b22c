/* A sandbox as a whole: Firth's server, the vendor's face over it, and the vendor's token endpoint beside it. */
#include <stdlib.h>

#include "sandbox/bulk_priv.h"

/* ---- opening ---------------------------------------------------------------------------------------------------- */

/* Everything that the site does, as system scopes of both grammars: what a client has that registered without a list.
 */
static struct str all_scopes(struct sandbox *s)
{
	struct str text = S("");
	const char *between = "";
	for (const struct face_type *t = s->vendor->types; t->name; t++, between = " ") {
		struct str name = str_from(t->name);
		bool update = face_may(s, name, 'u') || face_may(s, name, 'p');
		text = arena_printf(&s->arena, "%.*s%ssystem/%s.%sr%s%ss", STR_ARG(text), between, t->name,
				    face_may(s, name, 'c') ? "c" : "", update ? "u" : "",
				    face_may(s, name, 'd') ? "d" : "");
	}
	for (size_t i = 0; i < s->o.allow_write_count; i++) {
		if (face_type(s, s->o.allow_write[i]) == &s->vendor->opened)
			text = arena_printf(&s->arena, "%.*s system/%.*s.crus", STR_ARG(text),
					    STR_ARG(s->o.allow_write[i]));
	}
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
	s->everything = all_scopes(s);
	if (!s->everything.p)
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
						      .grant_registered = s->vendor->grant_registered},
			      err);
	return s->smart != NULL;
}

static bool open_rest(struct sandbox *s, struct error *err)
{
	s->face = s->vendor->face;
	s->face.ctx = s;
	s->rest = rest_open(&(struct rest_options){.definitions = s->o.definitions,
						   .store = s->o.store,
						   .smart = s->smart,
						   .base_path = str_from(s->vendor->base_path),
						   .base_url = s->fhir_base,
						   .token_url = s->token_url,
						   .face = &s->face,
						   .jobs = s->bulk->jobs,
						   .export = bulk_export_start,
						   .export_ctx = &s->bulk->export,
						   .extractor = s->o.extractor},
			    err);
	return s->rest != NULL;
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
	sandbox_bulk_close(s); /* first: what runs uses everything else */
	if (s->rest)
		rest_close(s->rest);
	people_close(s);
	if (s->smart)
		smart_close(s->smart);
	face_sessions_free(s);
	free((char *)(uintptr_t)s->last_entry.p);
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

static void handle(void *ctx, struct http_exchange *x)
{
	struct sandbox *s = ctx;
	x = launcher_tap(s->launcher, x);
	if (!admin_handle(s, x) && !hostile_handle(s, x) && !bulk_handle(s, x) && !people_handle(s, x) &&
	    !face_token(s, x) && !rest_handle(s->rest, x))
		s->vendor->no_route(x);
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	struct sandbox *s = ctx;
	rest_refuse(s->rest, x, err);
}

struct http_handler sandbox_handler(struct sandbox *s)
{
	return (struct http_handler){.handle = handle, .refuse = refuse, .ctx = s};
}
