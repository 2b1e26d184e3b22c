/*
 * A CDS service for the tests of its clients: answers from files of a directory, and writes down what came. GET
 * /cds-services is services.json, POST /cds-services/ID is ID.json (412 when there is none), and feedback gets 200.
 * Each request that is posted becomes a line of requests.ndjson: {"path","authorization","body"}. Prints a line with
 * "event":"listening" and "base".
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "http/server.h"
#include "json/json.h"

static struct service {
	const char *directory;
	pthread_mutex_t lock;
	FILE *log;
} service;

static void write_down(const struct http_request *r, struct http_exchange *x)
{
	struct buf line;
	buf_init(&line, (size_t)64 << 20);
	struct json_writer w = json_writer(&line);
	json_object_begin(&w);
	json_put_member(&w, S("path"), r->path);
	json_put_member(&w, S("authorization"), http_request_header(x, "Authorization"));
	json_key(&w, S("body"));
	json_put_raw(&w, r->body.n ? str_trim(r->body) : S("null"));
	json_object_end(&w);
	pthread_mutex_lock(&service.lock);
	fprintf(service.log, "%.*s\n", STR_ARG(buf_str(&line)));
	fflush(service.log);
	pthread_mutex_unlock(&service.lock);
	buf_done(&line);
}

static void respond(struct http_exchange *x, int status, struct str text)
{
	struct buf body;
	buf_init(&body, text.n + 16);
	buf_add(&body, text);
	http_respond(x, &(struct http_response){.status = status,
						.content_type = str_starts(text, S("<")) ? S("text/html")
											 : S("application/json"),
						.body = &body});
	buf_done(&body);
}

static void handle(void *ctx, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	struct error ignored = {0};
	struct str text, name = r->path;
	bool post = str_is(r->method, "POST");
	(void)ctx;
	if (post)
		write_down(r, x);
	if (post && str_ends(r->path, S("/feedback"))) {
		respond(x, 200, S(""));
		return;
	}
	name = post ? str_slice(name, str_rfind_char(name, '/') + 1, name.n) : S("services");
	struct str path = arena_printf(r->arena, "%s/%.*s.json", service.directory, STR_ARG(name));
	if (file_read(r->arena, path, 16 << 20, &text, &ignored))
		respond(x, 200, text);
	else
		respond(x, post ? 412 : 404, S(""));
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	respond(x, error_http_status(err->code), S(""));
}

int main(int argc, char **argv)
{
	struct error err = {0};
	char path[4096];
	if (argc != 2) {
		fprintf(stderr, "usage: cds_service DIRECTORY\n");
		return 2;
	}
	service.directory = argv[1];
	snprintf(path, sizeof(path), "%s/requests.ndjson", argv[1]);
	service.log = fopen(path, "a");
	pthread_mutex_init(&service.lock, NULL);
	const struct http_handler handler = {.handle = handle, .refuse = refuse};
	struct http_server *server = http_server_start(&(struct http_server_options){.threads = 1}, &handler, &err);
	if (!server || !service.log) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("{\"event\":\"listening\",\"base\":\"http://127.0.0.1:%u\"}\n", http_server_port(server));
	fflush(stdout);
	for (;;) /* until a signal ends it */
		pause();
}
