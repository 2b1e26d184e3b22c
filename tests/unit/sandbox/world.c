/* Opening and asking a sandbox. */
#include "world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void handle(void *ctx, struct http_exchange *x)
{
	struct http_handler h = sandbox_handler(((struct world *)ctx)->sandbox);
	h.handle(h.ctx, x);
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	struct http_handler h = sandbox_handler(((struct world *)ctx)->sandbox);
	h.refuse(h.ctx, x, err);
}

void must(bool ok, const struct error *err)
{
	if (!ok)
		fail_msg("%s", err->text);
}

struct world *world_open(const struct world_options *o)
{
	static const struct str flag_type[] = {{"Flag", 4}};
	static struct world worlds[2];
	struct world *w = &worlds[o->vendor == EHR_EPIC];
	struct error err = {0};
	*w = (struct world){0};
	arena_init(&w->arena, ARENA_NO_CAP);
	snprintf(w->directory, sizeof(w->directory), "/tmp/firth-sandbox-XXXXXX");
	assert_non_null(mkdtemp(w->directory));
	w->extractor = extractor_new(definitions_builtin(), &err);
	must(w->extractor, &err);
	w->store =
		store_open(str_from(w->directory), &(struct store_options){.definitions = definitions_builtin()}, &err);
	must(w->store, &err);
	struct http_handler handler = {.handle = handle, .refuse = refuse, .ctx = w};
	w->server = http_server_start(&(struct http_server_options){.threads = 2}, &handler, &err);
	must(w->server, &err);
	w->host = arena_printf(&w->arena, "http://127.0.0.1:%u", http_server_port(w->server));
	struct sandbox_options options = {.vendor = o->vendor,
					  .definitions = definitions_builtin(),
					  .extractor = w->extractor,
					  .store = w->store,
					  .base_url = w->host,
					  .allow_write = flag_type,
					  .allow_write_count = o->flag,
					  .clients = o->clients,
					  .client_count = o->client_count,
					  .no_auth = !o->clients,
					  .behaviours = o->behaviours,
					  .behaviour_count = o->behaviour_count,
					  .faults = o->faults,
					  .fault_count = o->fault_count,
					  .users = o->users,
					  .user_count = o->user_count};
	w->sandbox = sandbox_open(&options, &err);
	must(w->sandbox, &err);
	w->base = sandbox_fhir_base(w->sandbox);
	sandbox_loaded_init(&w->loaded);
	if (o->patients) {
		struct synthetic_options synthetic = {.seed = 3,
						      .patients = o->patients,
						      .today_ms = TODAY,
						      .actors = o->actors ? o->vendor : EHR_GENERIC};
		must(sandbox_load_synthetic(w->sandbox, &synthetic, &w->loaded, &err), &err);
		must(sandbox_load_group(w->sandbox, &w->loaded, &err), &err);
		assert_true(o->actors ? w->loaded.patient_count > o->patients : w->loaded.patient_count == o->patients);
		assert_int_equal(w->loaded.rejected, 0);
		assert_int_equal(w->loaded.skipped, 0);
		w->group = sandbox_group_id(w->sandbox, &w->arena);
		w->patient = w->loaded.patients[w->loaded.patient_count - o->patients];
	}
	w->client = http_client_new(&(struct http_client_options){.timeout_ms = 20000}, &err);
	must(w->client, &err);
	return w;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
	(void)info;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void world_close(struct world *w)
{
	http_client_free(w->client);
	http_server_stop(w->server);
	sandbox_close(w->sandbox);
	store_close(w->store);
	extractor_free(w->extractor);
	sandbox_loaded_done(&w->loaded);
	nftw(w->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	arena_done(&w->arena);
}

/* "$P" in paths stands for the patient's id. */
static struct str expand(struct world *w, struct str text)
{
	size_t at = str_find(text, S("$P"));
	if (at == STR_NONE)
		return text;
	return arena_printf(&w->arena, "%.*s%.*s%.*s", STR_ARG(str_slice(text, 0, at)), STR_ARG(w->patient),
			    STR_ARG(str_slice(text, at + 2, text.n)));
}

struct http_answer ask_url(struct world *w, struct str url, struct asked how)
{
	struct http_header headers[7];
	struct http_answer answer;
	struct error err = {0};
	size_t n = 0;
	if (how.accept)
		headers[n++] = (struct http_header){S("Accept"), str_from(how.accept)};
	if (how.if_match)
		headers[n++] = (struct http_header){S("If-Match"), str_from(how.if_match)};
	if (how.body)
		headers[n++] = (struct http_header){S("Content-Type"), how.form ? S("application/x-www-form-urlencoded")
								       : how.type ? str_from(how.type)
										  : S("application/fhir+json")};
	if (how.token.p)
		headers[n++] = (struct http_header){S("Authorization"),
						    arena_printf(&w->arena, "Bearer %.*s", STR_ARG(how.token))};
	if (how.authorization.p)
		headers[n++] = (struct http_header){S("Authorization"), how.authorization};
	if (how.host)
		headers[n++] = (struct http_header){S("Host"), str_from(how.host)};
	if (how.more.name.p)
		headers[n++] = how.more;
	struct http_call call = {.method = str_from(how.method ? how.method : "GET"),
				 .url = url,
				 .headers = headers,
				 .header_count = n,
				 .body = how.body ? str_from(how.body) : STR_NULL};
	must(http_call(w->client, &w->arena, &call, &answer, &err), &err);
	return answer;
}

struct http_answer ask(struct world *w, const char *path, struct asked how)
{
	struct str url = arena_printf(&w->arena, "%.*s/%.*s", STR_ARG(w->base), STR_ARG(expand(w, str_from(path))));
	return ask_url(w, url, how);
}

const struct json *parsed(struct world *w, struct http_answer answer)
{
	struct error err = {0};
	const struct json *j = json_parse(&w->arena, answer.body, 0, &err);
	if (!j)
		fail_msg("status %d, %s: %.*s", answer.status, err.text, STR_ARG(str_slice(answer.body, 0, 200)));
	return j;
}

const struct json *get(struct world *w, const char *path)
{
	struct http_answer answer = ask(w, path, JSON);
	if (answer.status != 200)
		fail_msg("%s: %d %.*s", path, answer.status, STR_ARG(str_slice(answer.body, 0, 400)));
	return parsed(w, answer);
}

struct str link_url(const struct json *bundle, const char *relation)
{
	struct json_iter it = json_iter(json_get(bundle, S("link")));
	while (json_next(&it)) {
		if (str_is(json_get_str(it.value, S("relation")), relation))
			return json_get_str(it.value, S("url"));
	}
	return STR_NULL;
}

size_t matches(const struct json *bundle)
{
	size_t n = 0;
	struct json_iter it = json_iter(json_get(bundle, S("entry")));
	while (json_next(&it))
		n += str_is(json_get_str(json_get(it.value, S("search")), S("mode")), "match");
	return n;
}
