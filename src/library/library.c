/* The functions of <firth/firth.h> over the EHR client. One arena holds a result, and everything it points at. */
#include "library/library_priv.h"

#include <stdio.h>
#include <stdlib.h>

/* Of its first version; what is behind came later, and is not there in older programs. */
enum { OPTIONS_FIRST_SIZE = offsetof(struct firth_options, ca_file), LOGIN_MAX = 1 << 20 };

struct firth_result {
	struct arena arena;
	struct firth_item *items;
	size_t count;
	bool incomplete;
	const char *warning;
};

const char *firth_version(void)
{
	return FIRTH_VERSION;
}

/* ---- errors ---------------------------------------------------------------------------------------------------- */

const char *firth_status_name(enum firth_status status)
{
	static const char *const names[] = {"ok",	 "invalid",  "memory",	  "network", "timeout", "refused",
					    "not-found", "conflict", "throttled", "remote",  "failed"};
	return (unsigned)status < sizeof(names) / sizeof(names[0]) ? names[status] : "unknown";
}

static enum firth_status status_of(const struct ehr_failure *f)
{
	switch (f->error.code) {
	case ERR_MEMORY:
		return FIRTH_MEMORY;
	case ERR_USAGE:
	case ERR_VALUE:
	case ERR_CONFIG:
	case ERR_UNKNOWN_TYPE:
		return FIRTH_INVALID;
	case ERR_NETWORK:
		return FIRTH_NETWORK;
	case ERR_TIMEOUT:
		return FIRTH_TIMEOUT;
	case ERR_REMOTE_REFUSED:
	case ERR_LOGIN:
	case ERR_TOKEN_EXPIRED:
	case ERR_TOKEN_INVALID:
	case ERR_FORBIDDEN:
	case ERR_INVALID_CLIENT:
	case ERR_INVALID_SCOPE:
		return FIRTH_REFUSED;
	case ERR_NOT_FOUND:
	case ERR_GONE:
		return FIRTH_NOT_FOUND;
	case ERR_CONFLICT:
	case ERR_PRECONDITION:
		return FIRTH_CONFLICT;
	case ERR_THROTTLED:
	case ERR_BUSY:
		return FIRTH_THROTTLED;
	case ERR_REMOTE:
		return FIRTH_REMOTE;
	default:
		return f->http_status ? FIRTH_REMOTE : FIRTH_FAILED;
	}
}

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

enum firth_status library_fail(struct firth_error *error, const struct ehr_failure *f)
{
	enum firth_status status = f->http_status == 429 ? FIRTH_THROTTLED : status_of(f);
	if (!error)
		return status;
	*error = (struct firth_error){.status = status, .http_status = f->http_status, .retryable = f->retryable};
	copy(error->vendor_code, sizeof(error->vendor_code), f->vendor_code);
	copy(error->correlation_id, sizeof(error->correlation_id), f->correlation_id);
	copy(error->text, sizeof(error->text), f->error.text);
	return status;
}

enum firth_status library_fail_here(struct firth_error *error, enum error_code code, const char *text)
{
	struct ehr_failure f = {0};
	error_set(&f.error, code, "%s", text);
	return library_fail(error, &f);
}

/* ---- handles ---------------------------------------------------------------------------------------------------- */

struct str library_text(const char *text)
{
	return text && *text ? str_from(text) : STR_NULL;
}

static bool begin_recording(struct firth_ehr *e, const struct firth_options *o, const struct ehr_config *config,
			    struct error *err)
{
	const struct http_client_options http = {.timeout_ms = o->timeout_ms, .tls = ehr_tls(config)};
	if (!library_text(o->record_file).p)
		return true;
	e->record = record_open(&(struct record_options){.path = str_from(o->record_file),
							 .unmasked = o->record_unmasked,
							 .definitions = definitions_builtin()},
				err);
	e->transport = e->record ? record_transport_new(e->record, &http, err) : NULL;
	return e->transport != NULL;
}

static bool begin_logins(struct firth_ehr *e, struct error *err)
{
	arena_init(&e->words, (size_t)16 << 20);
	buf_init(&e->pending, LOGIN_MAX);
	buf_init(&e->store.login, LOGIN_MAX);
	if (e->for_people)
		e->logins = ehr_logins_open(
			&(struct ehr_logins_options){.store = &e->store, .shelf = LIBRARY_LOGIN_SHELF}, err);
	return !e->for_people || e->logins;
}

static bool begin(struct firth_ehr *e, const struct firth_options *o, struct error *err)
{
	const struct ehr_config config = {
		.name = library_text(o->name).p ? str_from(o->name) : S("ehr"),
		.vendor = ehr_vendor_parse(o->vendor ? str_from(o->vendor) : S("")),
		.base_url = library_text(o->base_url),
		.client_id = library_text(o->client_id),
		.key_file = library_text(o->key_file),
		.secret_file = library_text(o->secret_file),
		.scopes = library_text(o->scopes),
		.requests_per_second = o->requests_per_second,
		.ca_file = library_text(o->ca_file),
		.cert_file = library_text(o->cert_file),
		.cert_key_file = library_text(o->cert_key_file),
		.login_client_id = library_text(o->login_client_id),
		.login_key_file = library_text(o->login_key_file),
		.login_secret_file = library_text(o->login_secret_file),
	};
	e->for_people = config.login_client_id.n || (config.client_id.n && !ehr_config_is_backend(&config));
	if (!config.base_url.p)
		return error_set(err, ERR_CONFIG, "base_url is missing");
	if (!begin_recording(e, o, &config, err) || !begin_logins(e, err))
		return false;
	const struct ehr_client_options options = {
		.definitions = definitions_builtin(),
		.max_attempts = o->max_attempts,
		.timeout_ms = o->timeout_ms,
		.transport = e->transport ? record_transport(e->transport) : NULL,
		.logins = e->logins,
	};
	e->client = ehr_open(&config, &options, err);
	return e->client != NULL;
}

struct firth_ehr *firth_ehr_open(const struct firth_options *options, struct firth_error *error)
{
	struct ehr_failure f = {0};
	struct firth_ehr *e = NULL;
	if (!options || options->size < OPTIONS_FIRST_SIZE) {
		library_fail_here(error, ERR_USAGE, "options without their size");
		return NULL;
	}
	struct firth_options all = {0};
	memcpy(&all, options, options->size < sizeof(all) ? options->size : sizeof(all));
	e = calloc(1, sizeof(*e));
	if (!e)
		error_memory(&f.error);
	if (e && begin(e, &all, &f.error))
		return e;
	library_fail(error, &f);
	firth_ehr_close(e);
	return NULL;
}

void firth_ehr_close(struct firth_ehr *e)
{
	if (!e)
		return;
	ehr_close(e->client);
	record_transport_free(e->transport);
	record_close(e->record);
	ehr_logins_close(e->logins);
	struct buf *const secrets[] = {&e->pending, &e->store.login};
	for (size_t i = 0; i < 2; i++) {
		if (secrets[i]->p)
			explicit_bzero(secrets[i]->p, secrets[i]->cap);
		buf_done(secrets[i]);
	}
	arena_done(&e->words);
	free(e);
}

/* ---- results ---------------------------------------------------------------------------------------------------- */

size_t firth_result_count(const struct firth_result *r)
{
	return r->count;
}

const struct firth_item *firth_result_item(const struct firth_result *r, size_t index)
{
	return index < r->count ? &r->items[index] : NULL;
}

int firth_result_incomplete(const struct firth_result *r)
{
	return r->incomplete;
}

const char *firth_result_warning(const struct firth_result *r)
{
	return r->warning;
}

void firth_result_free(struct firth_result *r)
{
	if (!r)
		return;
	arena_done(&r->arena);
	free(r);
}

static struct firth_result *result_new(void)
{
	struct firth_result *r = calloc(1, sizeof(*r));
	if (r)
		arena_init(&r->arena, ARENA_NO_CAP);
	return r;
}

static const char *keep(struct firth_result *r, struct str text, bool *ok)
{
	struct str kept = text.p ? arena_str(&r->arena, text) : STR_NULL;
	*ok = *ok && (kept.p || !text.p);
	return kept.p;
}

/* A copy in the arena. A write's has no body; a version is NULL when the EHR names none. */
static bool take_item(struct arena *a, const struct ehr_resource *from, struct firth_item *ret_item)
{
	struct str version = from->version.p ? arena_str(a, from->version) : STR_NULL;
	struct str body = from->body.p ? arena_str(a, from->body) : STR_NULL;
	*ret_item = (struct firth_item){.type = arena_str(a, from->type).p,
					.id = arena_str(a, from->id.p ? from->id : S("")).p,
					.version = version.p,
					.body = body.p,
					.body_size = body.n};
	return ret_item->type && ret_item->id && (version.p || !from->version.p) && (body.p || !from->body.p);
}

static bool fill(struct firth_result *r, const struct ehr_resource *resources, size_t count)
{
	bool ok = true;
	r->items = ARENA_ARRAY(&r->arena, struct firth_item, count + 1);
	for (size_t i = 0; ok && r->items && i < count; i++)
		ok = take_item(&r->arena, &resources[i], &r->items[i]);
	r->count = count;
	return ok && r->items;
}

/* Hands the result over, or gives it back: one end for every call. */
static enum firth_status finish(struct firth_result *r, bool ok, const struct ehr_failure *f, struct firth_result **ret,
				struct firth_error *error)
{
	if (ok) {
		*ret = r;
		return FIRTH_OK;
	}
	firth_result_free(r);
	return f->error.code == ERR_NONE ? library_fail_here(error, ERR_MEMORY, "out of memory")
					 : library_fail(error, f);
}

/* What every call is given. */
static bool usable(const struct firth_ehr *e, const char *type, const char *id, struct firth_result **ret)
{
	return e && ret && definitions_resource(definitions_builtin(), library_text(type)) && (!id || *id);
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

#define UNUSABLE "a handle, a type of R4, an id or a place for the result is missing"

enum firth_status firth_read(struct firth_ehr *e, const char *type, const char *id, struct firth_result **ret_result,
			     struct firth_error *error)
{
	struct ehr_failure f = {0};
	struct ehr_resource resource;
	if (!usable(e, type, id ? id : "", ret_result))
		return library_fail_here(error, ERR_USAGE, UNUSABLE);
	struct firth_result *r = result_new();
	bool ok = r && ehr_read(e->client, &r->arena, str_from(type), str_from(id), &resource, &f) &&
		  fill(r, &resource, 1);
	return finish(r, ok, &f, ret_result, error);
}

enum firth_status firth_search(struct firth_ehr *e, const char *type, const char *query,
			       struct firth_result **ret_result, struct firth_error *error)
{
	struct ehr_failure f = {0};
	struct ehr_matches matches;
	if (!usable(e, type, NULL, ret_result))
		return library_fail_here(error, ERR_USAGE, UNUSABLE);
	struct firth_result *r = result_new();
	struct str text = query ? str_from(query) : S("");
	bool ok = r && ehr_search(e->client, &r->arena, str_from(type), text, &matches, &f) &&
		  fill(r, matches.items, matches.count);
	if (ok) {
		r->incomplete = matches.incomplete;
		r->warning = keep(r, matches.warning, &ok);
	}
	return finish(r, ok, &f, ret_result, error);
}

/* One page, in an arena that the next one begins anew. *ret_more: there may be another. */
static bool each_of_page(struct ehr_pages *pages, struct arena *a, firth_each each, void *context, bool *ret_more,
			 struct ehr_failure *f)
{
	struct ehr_page page;
	arena_reset(a);
	if (!ehr_pages_next(pages, a, &page, ret_more, f))
		return false;
	for (size_t i = 0; *ret_more && i < page.count; i++) {
		struct firth_item item;
		if (!take_item(a, &page.items[i], &item))
			return error_memory(&f->error);
		*ret_more = each(context, &item) == 0;
	}
	return true;
}

enum firth_status firth_search_each(struct firth_ehr *e, const char *type, const char *query, firth_each each,
				    void *context, struct firth_error *error)
{
	struct ehr_failure f = {0};
	struct firth_result *unused;
	struct arena a;
	bool more = true;
	if (!usable(e, type, NULL, &unused) || !each)
		return library_fail_here(error, ERR_USAGE, UNUSABLE);
	const struct str queries[] = {query ? str_from(query) : S("")};
	const struct ehr_pages_options options = {.type = str_from(type), .queries = queries, .query_count = 1};
	struct ehr_pages *pages = ehr_pages_open(e->client, &options, &f.error);
	bool ok = pages != NULL;
	arena_init(&a, ARENA_NO_CAP);
	while (ok && more)
		ok = each_of_page(pages, &a, each, context, &more, &f);
	arena_done(&a);
	ehr_pages_close(pages);
	return ok ? FIRTH_OK : library_fail(error, &f);
}

enum firth_status firth_capabilities(struct firth_ehr *e, struct firth_result **ret_result, struct firth_error *error)
{
	struct ehr_failure f = {0};
	const struct json *statement;
	struct buf body;
	if (!e || !ret_result)
		return library_fail_here(error, ERR_USAGE, UNUSABLE);
	struct firth_result *r = result_new();
	bool ok = r && ehr_capabilities(e->client, &r->arena, &statement, &f);
	buf_init(&body, (size_t)64 << 20);
	struct json_writer w = json_writer(&body);
	if (ok)
		json_put_value(&w, statement);
	ok = ok && buf_ok(&body) &&
	     fill(r,
		  &(struct ehr_resource){.type = S("CapabilityStatement"),
					 .id = json_get_str(statement, S("id")),
					 .body = buf_str(&body)},
		  1);
	buf_done(&body);
	return finish(r, ok, &f, ret_result, error);
}

static bool fill_written(struct firth_result *r, const char *type, const struct ehr_written *written)
{
	return fill(r, &(struct ehr_resource){.type = str_from(type), .id = written->id, .version = written->version},
		    1);
}

enum firth_status firth_create(struct firth_ehr *e, const char *type, const char *body, size_t body_size,
			       struct firth_result **ret_result, struct firth_error *error)
{
	struct ehr_failure f = {0};
	struct ehr_written written;
	if (!usable(e, type, NULL, ret_result) || !body)
		return library_fail_here(error, ERR_USAGE, UNUSABLE);
	struct firth_result *r = result_new();
	bool ok = r && ehr_create(e->client, &r->arena, str_from(type), str_make(body, body_size), &written, &f) &&
		  fill_written(r, type, &written);
	return finish(r, ok, &f, ret_result, error);
}

typedef bool (*change_fn)(struct ehr_client *c, struct arena *a, struct str type, struct str id, struct str body,
			  struct str version, struct ehr_written *ret_written, struct ehr_failure *ret_failure);

static enum firth_status change(change_fn fn, struct firth_ehr *e, const char *type, const char *id,
				const char *version, struct str body, struct firth_result **ret_result,
				struct firth_error *error)
{
	struct ehr_failure f = {0};
	struct ehr_written written;
	if (!usable(e, type, id ? id : "", ret_result) || !body.p)
		return library_fail_here(error, ERR_USAGE, UNUSABLE);
	struct firth_result *r = result_new();
	bool ok = r &&
		  fn(e->client, &r->arena, str_from(type), str_from(id), body, library_text(version), &written, &f) &&
		  fill_written(r, type, &written);
	return finish(r, ok, &f, ret_result, error);
}

enum firth_status firth_update(struct firth_ehr *e, const char *type, const char *id, const char *version,
			       const char *body, size_t body_size, struct firth_result **ret_result,
			       struct firth_error *error)
{
	return change(ehr_update, e, type, id, version, str_make(body, body_size), ret_result, error);
}

enum firth_status firth_patch(struct firth_ehr *e, const char *type, const char *id, const char *version,
			      const char *body, size_t body_size, struct firth_result **ret_result,
			      struct firth_error *error)
{
	return change(ehr_patch, e, type, id, version, str_make(body, body_size), ret_result, error);
}

enum firth_status firth_delete(struct firth_ehr *e, const char *type, const char *id, const char *version,
			       struct firth_error *error)
{
	struct ehr_failure f = {0};
	struct ehr_written written;
	struct firth_result *unused;
	struct arena a;
	if (!usable(e, type, id ? id : "", &unused))
		return library_fail_here(error, ERR_USAGE, UNUSABLE);
	arena_init(&a, ARENA_NO_CAP);
	bool ok = ehr_delete(e->client, &a, str_from(type), str_from(id), library_text(version), &written, &f);
	arena_done(&a);
	return ok ? FIRTH_OK : library_fail(error, &f);
}
