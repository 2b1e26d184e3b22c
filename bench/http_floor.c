/*
 * What HTTP costs at least: `http_floor bare` answers a fixed text from a bare epoll loop, one thread, no parsing but
 * for the end of the header; `http_floor firth` answers the same text through our server. Both print their port and
 * serve until standard input ends, so a load generator can be pointed at each in turn.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server.h"

#define BODY "{\"resourceType\":\"Patient\",\"id\":\"1\"}"

static const char fixed[] =
	"HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 03:00:00 GMT\r\nContent-Type: application/fhir+json\r\n"
	"X-Request-Id: 00000000-0000-0000-0000-000000000000\r\nContent-Length: 35\r\n\r\n" BODY;

static void serve_one(int fd)
{
	char in[4096];
	ssize_t n = recv(fd, in, sizeof(in), 0);
	if (n <= 0) {
		close(fd);
		return;
	}
	for (struct str rest = str_make(in, (size_t)n); rest.n;) {
		size_t end = str_find(rest, S("\r\n\r\n"));
		if (end == STR_NONE)
			return; /* the load generator sends small requests in one piece */
		if (send(fd, fixed, sizeof(fixed) - 1, MSG_NOSIGNAL) < 0)
			return;
		rest = str_slice(rest, end + 4, rest.n);
	}
}

static void *bare_loop(void *arg)
{
	int listener = *(int *)arg, poll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[64];
	epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int n = epoll_wait(poll, ready, 64, -1);
		for (int i = 0; i < n; i++) {
			if (ready[i].data.fd != listener) {
				serve_one(ready[i].data.fd);
				continue;
			}
			int fd = accept(listener, NULL, NULL);
			event = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
			epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
		}
	}
	return NULL;
}

static int start_bare(void)
{
	static int listener;
	const int on = 1;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	pthread_t thread;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&at, size) != 0 || listen(listener, 1024) != 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &size) != 0 ||
	    pthread_create(&thread, NULL, bare_loop, &listener) != 0)
		return 0;
	return ntohs(at.sin_port);
}

static void answer(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	struct buf body;
	buf_init(&body, 4096);
	buf_add(&body, S(BODY));
	http_respond(x,
		     &(struct http_response){.status = 200, .content_type = S("application/fhir+json"), .body = &body});
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	http_respond(x, &(struct http_response){.status = error_http_status(err->code)});
}

int main(int argc, char **argv)
{
	const struct http_handler handler = {.handle = answer, .refuse = refuse};
	const struct http_server_options options = {.threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0};
	struct error err = {0};
	struct http_server *server = NULL;
	bool bare = argc > 1 && str_is(str_from(argv[1]), "bare");
	if (!bare && !(server = http_server_start(&options, &handler, &err))) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	printf("%d\n", bare ? start_bare() : http_server_port(server));
	fflush(stdout);
	while (getchar() != EOF)
		;
	http_server_stop(server);
	return 0;
}
