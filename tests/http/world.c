/* Putting a server together for tests, and taking it and its directory apart again. */
#include "world.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"

static void handle(void *ctx, struct http_exchange *x)
{
	struct world *w = ctx;
	struct rest_server *rest = atomic_load(&w->rest);
	if (!rest || !rest_handle(rest, x))
		http_respond(x, &(struct http_response){.status = 404, .content_type = S("")});
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	struct world *w = ctx;
	struct rest_server *rest = atomic_load(&w->rest);
	if (rest)
		rest_refuse(rest, x, err);
	else
		http_respond(x, &(struct http_response){.status = 503, .content_type = S("")});
}

static bool open_smart(struct world *w, struct error *err)
{
	struct buf keys;
	struct smart_client *clients = ARENA_ARRAY(&w->arena, struct smart_client, 3);
	w->key = jose_key_new(JOSE_ES384, err);
	if (!w->key || !clients)
		return false;
	buf_init(&keys, 1 << 16);
	bool ok = jose_key_write_public_set(w->key, &keys, err);
	struct str text = ok ? arena_str(&w->arena, buf_str(&keys)) : STR_NULL;
	buf_done(&keys);
	const struct json *jwks = text.p ? json_parse(&w->arena, text, 0, err) : NULL;
	if (!jwks)
		return false;
	struct str scope = S("system/*.cruds system/*.read system/*.write");
	clients[0] = (struct smart_client){.client_id = S("one"), .name = S("One"), .scope = scope, .jwks = jwks};
	clients[1] = (struct smart_client){.client_id = S("two"), .name = S("Two"), .scope = scope, .jwks = jwks};
	struct str token_url = str_from(w->token_url);
	clients[2] = (struct smart_client){.client_id = S("app"),
					   .name = S("App"),
					   .scope = S("patient/*.cruds user/*.cruds"),
					   .redirect_uris = S("http://127.0.0.1/cb")};
	w->smart = smart_open(&(struct smart_options){.store = w->store,
						      .definitions = w->definitions,
						      .token_url = token_url,
						      .base_url = str_slice(token_url, 0, token_url.n - 11),
						      .clients = clients,
						      .client_count = 3,
						      .filter = access_filter_check,
						      .filter_ctx = w->access},
			      err);
	return w->smart != NULL;
}

/* A directory, or with FIRTH_TEST_POSTGRES a schema of its own in that database. */
static struct store *open_store(struct world *w, struct error *err)
{
	const char *url = getenv("FIRTH_TEST_POSTGRES");
	char tenant[40];
	static int number;
	snprintf(tenant, sizeof(tenant), "%d-%d", (int)getpid(), ++number);
	bool postgres = url && *url;
	return store_open(str_from(postgres ? url : w->directory),
			  &(struct store_options){.definitions = w->definitions,
						  .tenant = postgres ? str_from(tenant) : STR_NULL},
			  err);
}

bool world_open(struct world *w, const struct world_options *options, struct error *err)
{
	*w = (struct world){.directory = "/tmp/firth-http-XXXXXX", .definitions = definitions_builtin()};
	arena_init(&w->arena, 1 << 20);
	if (!mkdtemp(w->directory))
		return error_set(err, ERR_IO, "No temporary directory");
	struct http_handler handler = {.handle = handle, .refuse = refuse, .ctx = w};
	w->extractor = extractor_new(w->definitions, err);
	w->store = w->extractor ? open_store(w, err) : NULL;
	w->http = w->store ? http_server_start(&(struct http_server_options){.max_body = options->max_body}, &handler,
					       err)
			   : NULL;
	if (!w->http)
		return false;
	unsigned port = http_server_port(w->http);
	snprintf(w->base_url, sizeof(w->base_url), "http://127.0.0.1:%u/fhir", port);
	snprintf(w->token_url, sizeof(w->token_url), "http://127.0.0.1:%u/auth/token", port);
	w->access = access_open(&(struct access_options){.definitions = w->definitions,
							 .store = w->store,
							 .base = str_from(w->base_url),
							 .rules = options->policy,
							 .rule_count = options->policy_count,
							 .break_glass = S("breaker"),
							 .consent = options->consents ? S("user patient") : STR_NULL},
				err);
	if (!w->access || (options->guarded && !open_smart(w, err)))
		return false;
	w->knowledge = knowledge_open(&(struct knowledge_options){.definitions = w->definitions,
								  .store = w->store,
								  .rules = options->rules,
								  .rule_count = options->rule_count},
				      err);
	struct str jobs = arena_printf(&w->arena, "%s/jobs", w->directory);
	if (options->jobs && !(w->jobs = jobs_open(&(struct jobs_options){.directory = jobs}, err)))
		return false;
	w->export = (struct bulk_export){
		.base = str_from(w->base_url), .guarded = options->guarded, .file_bytes = options->file_bytes};
	w->rest = rest_open(&(struct rest_options){.definitions = w->definitions,
						   .store = w->store,
						   .smart = w->smart,
						   .access = w->access,
						   .jobs = w->jobs,
						   .export = bulk_export_start,
						   .export_ctx = &w->export,
						   .base_path = S("/fhir"),
						   .base_url = str_from(w->base_url),
						   .token_url = str_from(w->token_url),
						   .face = options->face,
						   .no_update_create = options->no_update_create,
						   .extractor = w->extractor,
						   .knowledge = w->knowledge},
			    err);
	return w->rest != NULL;
}

static void remove_directory(const char *path)
{
	char file[512];
	DIR *dir = opendir(path);
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.' && unlink(file) != 0)
			remove_directory(file);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

void world_close(struct world *w)
{
	if (w->http)
		http_server_stop(w->http);
	jobs_close(w->jobs); /* first: what runs uses everything else */
	rest_close(w->rest);
	access_close(w->access);
	knowledge_close(w->knowledge);
	if (w->smart)
		smart_close(w->smart);
	if (w->key)
		jose_key_free(w->key);
	if (w->store)
		store_close(w->store);
	if (w->extractor)
		extractor_free(w->extractor);
	arena_done(&w->arena);
	remove_directory(w->directory);
}

static bool sign_assertion(struct world *w, struct str client, struct buf *out, struct error *err)
{
	char jti[UUID_SIZE];
	struct buf claims;
	random_uuid(jti);
	buf_init(&claims, 4096);
	struct json_writer writer = json_writer(&claims);
	json_object_begin(&writer);
	json_put_member(&writer, S("iss"), client);
	json_put_member(&writer, S("sub"), client);
	json_put_member(&writer, S("aud"), str_from(w->token_url));
	json_put_member(&writer, S("jti"), str_make(jti, sizeof(jti)));
	json_key(&writer, S("exp"));
	json_put_i64(&writer, clock_now_ms() / 1000 + 60);
	json_object_end(&writer);
	bool ok = jose_sign(w->key, buf_str(&claims), out, err);
	buf_done(&claims);
	return ok;
}

struct str world_token(void *world, struct arena *a, struct str scopes)
{
	struct world *w = world;
	struct error err = {0};
	struct buf form, out;
	struct smart_token_answer answer = {0};
	struct str client = S("one"), token = STR_NULL;
	if (str_starts(scopes, S("two "))) {
		client = S("two");
		scopes = str_slice(scopes, 4, scopes.n);
	}
	buf_init(&form, 1 << 16);
	buf_init(&out, 1 << 16);
	buf_add(&form, S("grant_type=client_credentials&client_assertion_type="
			 "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&scope="));
	encode_percent(&form, scopes);
	buf_add(&form, S("&client_assertion="));
	if (sign_assertion(w, client, &form, &err) &&
	    smart_token(w->smart, a, buf_str(&form), STR_NULL, &out, &answer, &err))
		token = json_get_str(json_parse(a, arena_str(a, buf_str(&out)), 0, &err), S("access_token"));
	if (!token.p)
		printf("no token: %s\n", err.text);
	buf_done(&form);
	buf_done(&out);
	return token;
}

/* The way of an app: the request, what the person agreed to, the code for a token. */
struct str world_grant(struct world *w, struct arena *a, const char *scopes, const struct grant *grant)
{
	static const char verifier[] = "0123456789abcdefghijklmnopqrstuvwxyz0123456789-";
	struct error err = {0};
	struct smart_request request;
	struct smart_token_answer answer = {0};
	struct buf text, out;
	struct str code, token = STR_NULL;
	unsigned char digest[32];
	digest_sha256(str_from(verifier), digest);
	buf_init(&text, 1 << 16);
	buf_init(&out, 1 << 16);
	buf_add(&text, S("response_type=code&client_id=app&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb&state=s&"
			 "code_challenge_method=S256&code_challenge="));
	encode_base64url(&text, str_make((const char *)digest, sizeof(digest)));
	buf_add(&text, S("&aud="));
	encode_percent(&text, str_from(w->base_url));
	buf_add(&text, S("&scope="));
	encode_percent(&text, str_from(scopes));
	bool ok = smart_request_check(w->smart, a, arena_str(a, buf_str(&text)), &request, &err);
	const struct smart_consent consent = {.request = &request,
					      .scopes = ok ? request.allowed.text : STR_NULL,
					      .user = grant->user.p ? grant->user : S("someone"),
					      .fhir_user = grant->fhir_user,
					      .roles = grant->roles,
					      .patient = grant->patient,
					      .authenticated_ms = clock_now_ms()};
	ok = ok && smart_code_issue(w->smart, a, &consent, &code, &err);
	if (ok) {
		struct str form = arena_printf(a,
					       "grant_type=authorization_code&client_id=app&redirect_uri=http%%3A%%2F%%"
					       "2F127.0.0.1%%2Fcb&code_verifier=%s&code=%.*s",
					       verifier, STR_ARG(code));
		ok = smart_token(w->smart, a, form, STR_NULL, &out, &answer, &err);
	}
	if (ok)
		token = json_get_str(json_parse(a, arena_str(a, buf_str(&out)), 0, &err), S("access_token"));
	else
		printf("no token for %s: %s\n", scopes, err.text);
	buf_done(&text);
	buf_done(&out);
	return token;
}
