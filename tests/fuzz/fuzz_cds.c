/*
 * Requests to CDS services, without a network: the input is "METHOD TARGET", headers, an empty line, and the body.
 * Below /g an EHR must prove itself. There is exactly one answer, of a status that the documentation knows, and its
 * body is JSON. Nothing is fetched: no server is allowed.
 */
#include <assert.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz.h"
#include "server/cds/cds.h"

enum { HEADERS = 10, MAX_MEMORY = 64 << 20 };

static struct {
	char directory[64];
	struct arena arena;
	struct store *store;
	struct knowledge *knowledge;
	struct policy policy;
	struct hook_orders_options orders;
	struct cds_service services[CDS_BUILTIN_MAX];
	struct cds_ehr ehr;
	struct cds_server *open, *guarded;
} world;

static void close_world(void)
{
	cds_server_close(world.open);
	cds_server_close(world.guarded);
	store_close(world.store);
	knowledge_free(world.knowledge);
	DIR *d = opendir(world.directory);
	char file[512];
	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(file, sizeof(file), "%s/%s", world.directory, e->d_name);
		unlink(file);
	}
	if (d)
		closedir(d);
	rmdir(world.directory);
	arena_done(&world.arena);
}

static struct cds_server *serve(struct str path, size_t clients)
{
	struct error err = {0};
	const struct cds_server_options options = {
		.services = world.services,
		.service_count = cds_builtin_services(&world.orders, true, world.services, CDS_BUILTIN_MAX),
		.store = world.store,
		.base_url = S("http://127.0.0.1"),
		.base_path = path,
		.clients = &world.ehr,
		.client_count = clients,
		.origins = S("https://page.example"),
		.remember_ms = 60000};
	return cds_server_open(&options, &err);
}

static void open_world(void)
{
	struct error err = {0};
	arena_init(&world.arena, MAX_MEMORY);
	snprintf(world.directory, sizeof(world.directory), "/tmp/firth-fuzz-XXXXXX");
	if (!mkdtemp(world.directory))
		abort();
	world.store = store_open(str_from(world.directory),
				 &(struct store_options){.definitions = definitions_builtin()}, &err);
	world.knowledge = knowledge_new(&world.arena, NULL, 0, &err);
	world.policy = policy_default();
	world.orders = (struct hook_orders_options){.knowledge = world.knowledge, .policy = &world.policy};
	world.ehr = (struct cds_ehr){.issuer = S("https://ehr.example"), .key_urls = S("http://127.0.0.1:9/jwks")};
	world.open = world.store && world.knowledge ? serve(S(""), 0) : NULL;
	world.guarded = world.open ? serve(S("/g"), 1) : NULL;
	if (!world.guarded)
		abort();
	atexit(close_world);
}

struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	unsigned answers;
};

static void answered(void *ctx, const struct http_response *r)
{
	static const int statuses[] = {200, 204, 400, 401, 403, 404, 405, 412, 413, 415, 422, 503};
	struct waiting *w = ctx;
	struct arena a;
	struct error err = {0};
	bool known = false;
	arena_init(&a, MAX_MEMORY);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		known = known || r->status == statuses[i];
	assert(known);
	bool good = !r->body || !r->body->n || json_parse(&a, buf_str(r->body), 0, &err) || err.code == ERR_MEMORY;
	if (!good)
		fprintf(stderr, "no JSON (%s): %.*s\n", err.text, STR_ARG(buf_str(r->body)));
	assert(good);
	arena_done(&a);
	pthread_mutex_lock(&w->lock);
	w->answers++;
	pthread_cond_signal(&w->answered);
	pthread_mutex_unlock(&w->lock);
}

static void ask(const struct http_apart *apart)
{
	struct error err = {0};
	struct waiting *w = apart->ctx;
	struct http_exchange *x = http_exchange_apart(apart, &err);
	if (!x)
		return;
	if (!cds_server_handle(world.guarded, x) && !cds_server_handle(world.open, x)) {
		http_respond(x, &(struct http_response){.status = 404, .content_type = S("")});
	}
	pthread_mutex_lock(&w->lock);
	while (!w->answers)
		pthread_cond_wait(&w->answered, &w->lock);
	assert(w->answers == 1);
	pthread_mutex_unlock(&w->lock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_header headers[HEADERS];
	size_t count = 0;
	struct waiting w = {.lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER};
	struct str rest = str_make((const char *)data, size), line = str_split(&rest, '\n');
	struct str target = line, method = str_split(&target, ' ');
	if (!world.store)
		open_world();
	if (!method.n || !target.p || memchr(target.p, 0, target.n))
		return 0;
	while (rest.p && (line = str_split(&rest, '\n')).n) {
		struct str value = line, name = str_split(&value, ':');
		if (value.p && count < HEADERS && !memchr(line.p, 0, line.n))
			headers[count++] = (struct http_header){str_trim(name), str_trim(value)};
	}
	const struct http_apart apart = {.request = {.method = method,
						     .path = target,
						     .query = S(""),
						     .body = rest.p ? rest : S(""),
						     .file = -1,
						     .address = S("127.0.0.1"),
						     .request_id = S("fuzz")},
					 .headers = headers,
					 .header_count = count,
					 .max_arena = MAX_MEMORY,
					 .answered = answered,
					 .ctx = &w};
	ask(&apart);
	return 0;
}
