/* See crooked.h. */
#include "crooked.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define OUTCOME_NONE                                                                                                   \
	"{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"link\":[{\"relation\":\"self\",\"url\":\"x\"}]}"
#define TYPES                                                                                                          \
	"{\"type\":\"Patient\",\"interaction\":[{\"code\":\"read\"},{\"code\":\"search-type\"}]},"                     \
	"{\"type\":\"Condition\",\"interaction\":[{\"code\":\"search-type\"}]},"                                       \
	"{\"type\":\"Observation\",\"interaction\":[{\"code\":\"search-type\"}]}"

struct crooked {
	int fd, port;
	pthread_t thread;
	pthread_mutex_t mutex;
	const struct crooked_answer *answers;
	long date_off_s;
};

static const struct crooked_answer healthy[] = {
	{"/metadata", 200, "application/fhir+json",
	 "{\"resourceType\":\"CapabilityStatement\",\"fhirVersion\":\"4.0.1\",\"rest\":[{\"mode\":\"server\","
	 "\"resource\":[" TYPES "]}]}",
	 NULL},
	{"/.well-known/smart-configuration", 200, "application/json",
	 "{\"issuer\":\"%s\",\"token_endpoint\":\"%s/token\",\"authorization_endpoint\":\"%s/authorize\","
	 "\"jwks_uri\":\"%s/jwks\",\"code_challenge_methods_supported\":[\"S256\"]}",
	 NULL},
	{"/authorize", 302, "text/html", "", "Location: /login"},
	{"/login", 200, "text/html", "<html>who are you?", NULL},
	{"/token", 200, "application/json",
	 "{\"access_token\":\"secret-token\",\"token_type\":\"bearer\",\"expires_in\":300,\"scope\":\"system/"
	 "*.cruds\"}",
	 NULL},
	{"/Patient/", 200, "application/fhir+json", "{\"resourceType\":\"Patient\",\"id\":\"p1\"}", NULL},
	{"_count=2", 200, "application/fhir+json",
	 "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"link\":[{\"relation\":\"next\",\"url\":\"%s/fhir/"
	 "Observation?"
	 "page=2\"}]}",
	 NULL},
	{"/fhir/", 200, "application/fhir+json", OUTCOME_NONE, NULL},
	{NULL, 0, NULL, NULL, NULL},
};

static const struct crooked_answer *find(const struct crooked_answer *list, const char *target)
{
	for (; list && list->path; list++)
		if (strstr(target, list->path))
			return list;
	return NULL;
}

static void write_all(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		text += sent;
		n -= (size_t)sent;
	}
}

static void answer(struct crooked *c, int fd, const char *target)
{
	char body[8192], head[1024], date[64], own[64];
	time_t now = time(NULL) + c->date_off_s;
	struct tm tm;
	const struct crooked_answer *a = find(c->answers, target);
	a = a ? a : find(healthy, target);
	snprintf(own, sizeof own, "http://127.0.0.1:%d", c->port);
	size_t n = 0;
	for (const char *p = a && a->body ? a->body : ""; *p && n + sizeof own < sizeof body;) {
		if (p[0] == '%' && p[1] == 's') {
			n += (size_t)snprintf(body + n, sizeof body - n, "%s", own);
			p += 2;
		} else {
			body[n++] = *p++;
		}
	}
	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	int h = snprintf(head, sizeof head,
			 "HTTP/1.1 %d X\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n"
			 "%s%s\r\n",
			 a ? a->status : 404, date, a && a->type ? a->type : "text/plain", n,
			 a && a->header ? a->header : "", a && a->header ? "\r\n" : "");
	write_all(fd, head, (size_t)h);
	write_all(fd, body, n);
}

static void serve_one(struct crooked *c, int fd)
{
	char request[32768];
	size_t n = 0;
	const char *end = NULL;
	while (n < sizeof request - 1 && !end) {
		ssize_t got = recv(fd, request + n, sizeof request - 1 - n, 0);
		if (got <= 0)
			return; /* somebody who only looked */
		n += (size_t)got;
		if (request[0] == 0x16)
			return; /* the beginning of TLS */
		request[n] = 0;
		end = strstr(request, "\r\n\r\n");
	}
	char *space = strchr(request, ' '), *stop = space ? strchr(space + 1, ' ') : NULL;
	if (!stop)
		return;
	*stop = 0;
	pthread_mutex_lock(&c->mutex);
	answer(c, fd, space + 1);
	pthread_mutex_unlock(&c->mutex);
	shutdown(fd, SHUT_WR);
	while (recv(fd, request, sizeof request, 0) > 0)
		; /* a body, so that the close does not reset the connection */
}

static void *serve(void *ctx)
{
	struct crooked *c = ctx;
	for (;;) {
		int fd = accept(c->fd, NULL, NULL);
		if (fd < 0)
			return NULL;
		const struct timeval patience = {.tv_sec = 5};
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		serve_one(c, fd);
		close(fd);
	}
}

struct crooked *crooked_start(void)
{
	struct crooked *c = calloc(1, sizeof *c);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof at;
	pthread_mutex_init(&c->mutex, NULL);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(c->fd, (struct sockaddr *)&at, n) != 0 || listen(c->fd, 16) != 0 ||
	    getsockname(c->fd, (struct sockaddr *)&at, &n) != 0 || pthread_create(&c->thread, NULL, serve, c) != 0)
		abort();
	c->port = ntohs(at.sin_port);
	return c;
}

void crooked_set(struct crooked *c, const struct crooked_answer *answers, long date_off_s)
{
	pthread_mutex_lock(&c->mutex);
	c->answers = answers;
	c->date_off_s = date_off_s;
	pthread_mutex_unlock(&c->mutex);
}

void crooked_stop(struct crooked *c)
{
	shutdown(c->fd, SHUT_RDWR);
	pthread_join(c->thread, NULL);
	close(c->fd);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}

int crooked_port(const struct crooked *c)
{
	return c->port;
}
