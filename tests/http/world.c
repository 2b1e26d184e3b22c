/* Putting a server together for tests, and taking it and its directory apart again. */
#include "world.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"
#include "server/smart/smart_priv.h"

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
	struct smart_client *clients = ARENA_ARRAY(&w->arena, struct smart_client, 2);
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
	w->smart = smart_open(&(struct smart_options){.store = w->store,
						      .definitions = w->definitions,
						      .token_url = token_url,
						      .base_url = str_slice(token_url, 0, token_url.n - 11),
						      .clients = clients,
						      .client_count = 2},
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
	if (options->guarded && !open_smart(w, err))
		return false;
	w->knowledge = knowledge_open(&(struct knowledge_options){.definitions = w->definitions,
								  .store = w->store,
								  .rules = options->rules,
								  .rule_count = options->rule_count},
				      err);
	w->rest = rest_open(&(struct rest_options){.definitions = w->definitions,
						   .store = w->store,
						   .smart = w->smart,
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
		unlink(file);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

void world_close(struct world *w)
{
	if (w->http)
		http_server_stop(w->http);
	rest_close(w->rest);
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

struct str world_grant(struct world *w, struct arena *a, const char *scopes, const struct grant *grant)
{
	struct error err = {0};
	struct scope_list list;
	struct grant granted = *grant;
	struct buf out;
	if (!scope_list_read(a, w->definitions, str_from(scopes), &list, NULL, &err))
		return STR_NULL;
	granted.client_id = S("one");
	granted.scope_text = list.text;
	granted.scopes = list.scopes;
	granted.scope_count = list.count;
	granted.expires_ms = clock_now_ms() + 3600000;
	buf_init(&out, 1024);
	struct str token = token_issue(w->smart, &granted, &out, &err) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return token;
}
