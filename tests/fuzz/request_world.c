/* See request_world.h. */
#include "request_world.h"

#include <assert.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/target_priv.h"

static struct {
	char directory[64];
	struct extractor *extractor;
	struct store *store;
	struct jobs *jobs;
	struct rest_server *rest;
} world;

static void close_world(void)
{
	rest_close(world.rest);
	jobs_close(world.jobs);
	store_close(world.store);
	extractor_free(world.extractor);
	const char *parts[] = {"/jobs", ""};
	for (size_t i = 0; i < 2; i++) {
		char path[512], file[1024];
		snprintf(path, sizeof(path), "%s%s", world.directory, parts[i]);
		DIR *d = opendir(path);
		for (struct dirent *e; d && (e = readdir(d));) {
			snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
			unlink(file);
		}
		if (d)
			closedir(d);
		rmdir(path);
	}
}

static void open_world(void)
{
	struct error err = {0};
	char jobs[100];
	const struct definitions *d = definitions_builtin();
	snprintf(world.directory, sizeof(world.directory), "/tmp/firth-fuzz-XXXXXX");
	if (!mkdtemp(world.directory))
		abort();
	snprintf(jobs, sizeof(jobs), "%s/jobs", world.directory);
	world.extractor = extractor_new(d, &err);
	world.store = store_open(str_from(world.directory), &(struct store_options){.definitions = d}, &err);
	world.jobs = jobs_open(&(struct jobs_options){.directory = str_from(jobs), .max_jobs = 10}, &err);
	const struct rest_options options = {
		.definitions = d,
		.store = world.store,
		.jobs = world.jobs,
		.base_path = S("/fhir"),
		.base_url = S("http://127.0.0.1/fhir"),
		.extractor = world.extractor,
		.limits = {.entries = 50, .page = 20, .query_ms = 2000},
	};
	world.rest = world.store && world.jobs ? rest_open(&options, &err) : NULL;
	if (!world.rest) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	atexit(close_world);
}

struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	unsigned answers;
};

static void check(const struct http_response *r)
{
	struct arena a;
	assert(r->status >= 200 && r->status <= 599);
	if (!r->body || !r->body->n || str_find(r->content_type, S("json")) == STR_NONE ||
	    str_find(r->content_type, S("ndjson")) != STR_NONE)
		return;
	arena_init(&a, (size_t)256 << 20);
	struct error err = {0};
	bool good = json_parse(&a, buf_str(r->body), 1000, &err) || err.code == ERR_MEMORY;
	if (!good)
		fprintf(stderr, "no JSON (%s): %.*s\n", err.text, STR_ARG(buf_str(r->body)));
	assert(good);
	arena_done(&a);
}

static void answered(void *ctx, const struct http_response *response)
{
	struct waiting *w = ctx;
	check(response);
	pthread_mutex_lock(&w->lock);
	w->answers++;
	pthread_cond_signal(&w->answered);
	pthread_mutex_unlock(&w->lock);
}

void request_ask(const struct request_text *text)
{
	struct arena a;
	struct error err = {0};
	struct waiting w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
	struct http_apart apart = {.headers = text->headers,
				   .header_count = text->header_count,
				   .max_arena = (size_t)64 << 20,
				   .answered = answered,
				   .ctx = &w};
	if (!world.rest)
		open_world();
	arena_init(&a, 1 << 20);
	apart.request = (struct http_request){.method = text->method,
					      .body = text->body,
					      .address = S("127.0.0.1"),
					      .request_id = S("f"),
					      .file = -1};
	bool good = target_parse(&a, text->target, &apart.request.path, &apart.request.query, &err);
	if (!method_valid(text->method)) {
		arena_done(&a);
		return;
	}
	assert(good || err.code != ERR_NONE);
	struct http_exchange *x = good ? http_exchange_apart(&apart, &err) : NULL;
	if (x && !rest_handle(world.rest, x))
		http_respond(x, &(struct http_response){.status = 404});
	pthread_mutex_lock(&w.lock);
	while (x && !w.answers)
		pthread_cond_wait(&w.answered, &w.lock);
	pthread_mutex_unlock(&w.lock);
	assert(!x || w.answers == 1);
	arena_done(&a);
}
