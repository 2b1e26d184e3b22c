/*
 * A register under contention: sixteen writers read a counter and write it back plus one, with If-Match. Whoever gets
 * 412 reads again. At the end the counter is as high as there were successes: no increment was lost.
 *
 * With --servers 2 the writers share two servers over one database.
 *
 * usage: counter FIRTH [--seconds N] [--data LOCATION] [--servers N]
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire.h"

enum { WRITERS = 16, MOST_SERVERS = 4 };

static _Atomic bool stop;
static _Atomic int64_t increments, conflicts, errors;
static int ports[MOST_SERVERS], server_count = 1;

static int64_t value_of(const struct answer *a)
{
	const char *at = strstr(a->body, "\"code\":\"");
	return at ? strtoll(at + 8, NULL, 10) : -1;
}

static void text_of(int64_t value, char text[200])
{
	snprintf(text, 200,
		 "{\"resourceType\":\"Basic\",\"id\":\"counter\",\"code\":{\"coding\":[{\"system\":\"urn:counter\","
		 "\"code\":\"%lld\"}]}}",
		 (long long)value);
}

static void *count(void *ctx)
{
	struct wire w;
	struct answer *a = calloc(1, sizeof(*a));
	if (!a)
		abort();
	wire_open(&w, *(const int *)ctx);
	while (!stop) {
		char headers[64], body[200];
		wire_ask(&w, "GET", "Basic/counter", "", NULL, a);
		if (a->status != 200) {
			errors++;
			continue;
		}
		snprintf(headers, sizeof(headers), "If-Match: W/\"%lld\"\r\n", (long long)a->version);
		text_of(value_of(a) + 1, body);
		wire_ask(&w, "PUT", "Basic/counter", headers, body, a);
		if (a->status == 200)
			increments++;
		else if (a->status == 412)
			conflicts++;
		else
			errors++;
	}
	wire_close(&w);
	free(a);
	return NULL;
}

static bool run(unsigned seconds)
{
	pthread_t threads[WRITERS];
	struct wire w;
	static struct answer a;
	char body[200];
	wire_open(&w, ports[0]);
	text_of(0, body);
	wire_ask(&w, "PUT", "Basic/counter", "", body, &a);
	int64_t first = a.version;
	for (int i = 0; i < WRITERS; i++)
		if (pthread_create(&threads[i], NULL, count, &ports[i % server_count]) != 0)
			abort();
	usleep(seconds * 1000000);
	stop = true;
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	wire_ask(&w, "GET", "Basic/counter", "", NULL, &a);
	printf("%lld increments, %lld conflicts, %lld errors; the counter says %lld in version %lld\n",
	       (long long)increments, (long long)conflicts, (long long)errors, (long long)value_of(&a),
	       (long long)a.version);
	wire_close(&w);
	return increments > 0 && errors == 0 && value_of(&a) == increments && a.version == first + increments;
}

int main(int argc, char **argv)
{
	char directory[] = "/tmp/firth-counter-XXXXXX", data[64];
	const char *location = NULL;
	unsigned seconds = 2;
	struct server servers[MOST_SERVERS];
	for (int i = 2; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seconds") == 0)
			seconds = (unsigned)number_in(argv[i + 1]);
		else if (strcmp(argv[i], "--data") == 0)
			location = argv[i + 1];
		else if (strcmp(argv[i], "--servers") == 0)
			server_count = number_in(argv[i + 1]);
	}
	if (argc < 2 || server_count < 1 || server_count > MOST_SERVERS || !mkdtemp(directory)) {
		fprintf(stderr, "usage: counter FIRTH [--seconds N] [--data LOCATION] [--servers N]\n");
		return 2;
	}
	snprintf(data, sizeof(data), "%s/data", directory);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < server_count; i++) {
		if (!server_start(&servers[i], argv[1], location ? location : data)) {
			printf("the server does not start\n0 passed, 1 failed\n");
			return 1;
		}
		ports[i] = servers[i].port;
	}
	bool ok = run(seconds);
	for (int i = 0; i < server_count; i++)
		server_end(&servers[i], SIGTERM);
	printf("%d passed, %d failed\n", ok, !ok);
	remove_tree(directory);
	return !ok;
}
