/* A blocking HTTP/1.1 client over one connection, and firth serve as a child process. */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the client -----------------------------------------------------------------------------------------------------
 */

void wire_open(struct wire *w, int port)
{
	*w = (struct wire){-1, port};
}

void wire_close(struct wire *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static bool reach(struct wire *w)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)w->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 20};
	int one = 1;
	if (w->fd >= 0)
		return true;
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(w->fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return true;
	wire_close(w);
	return false;
}

static bool send_all(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		text += sent;
		n -= (size_t)sent;
	}
	return true;
}

static const char *header(const char *head, const char *name)
{
	size_t n = strlen(name);
	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, n) == 0 && line[n] == ':')
			return line + n + 1 + strspn(line + n + 1, " ");
	}
	return NULL;
}

static void read_head(const char *head, struct answer *a)
{
	const char *etag = header(head, "ETag"), *location = header(head, "Location");
	a->status = number_in(head + 9);
	if (etag && strncmp(etag, "W/\"", 3) == 0)
		a->version = strtoll(etag + 3, NULL, 10);
	if (location)
		snprintf(a->location, sizeof(a->location), "%.*s", (int)strcspn(location, "\r\n"), location);
}

/* Reads one response; false when it does not come whole. */
static bool receive(int fd, struct answer *a)
{
	static _Thread_local char text[WIRE_TEXT + 8192];
	size_t have = 0, want = 0, at = 0;
	struct answer got = {0};
	for (;;) {
		ssize_t n = recv(fd, text + have, sizeof(text) - 1 - have, 0);
		if (n <= 0)
			return false;
		have += (size_t)n;
		text[have] = 0;
		char *end = want ? NULL : strstr(text, "\r\n\r\n");
		if (end) {
			*end = 0;
			read_head(text, &got);
			const char *length = header(text, "Content-Length");
			at = (size_t)(end - text) + 4;
			want = at + (length ? strtoull(length, NULL, 10) : 0);
		}
		if (want >= sizeof(text))
			return false; /* tests keep their answers short */
		if (want && have >= want)
			break;
	}
	got.length = want - at < sizeof(got.body) - 1 ? want - at : sizeof(got.body) - 1;
	memcpy(got.body, text + at, got.length);
	*a = got;
	return true;
}

void wire_ask(struct wire *w, const char *method, const char *path, const char *headers, const char *body,
	      struct answer *ret_answer)
{
	static _Thread_local char text[WIRE_TEXT];
	ret_answer->status = 0;
	if (!reach(w))
		return;
	int n = snprintf(text, sizeof(text),
			 "%s /fhir/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/fhir+json\r\n"
			 "%sContent-Length: %zu\r\n\r\n%s",
			 method, path, w->port, headers, body ? strlen(body) : 0, body ? body : "");
	if (n <= 0 || (size_t)n >= sizeof(text) || !send_all(w->fd, text, (size_t)n) || !receive(w->fd, ret_answer)) {
		ret_answer->status = 0;
		wire_close(w);
	}
}

/* ---- the server -----------------------------------------------------------------------------------------------------
 */

/* Reads log lines up to the one that names the port; the rest of the log is read away by the pipe's other end closing.
 */
static int port_from_log(int fd)
{
	char text[8192];
	size_t have = 0;
	while (have < sizeof(text) - 1) {
		ssize_t n = read(fd, text + have, sizeof(text) - 1 - have);
		if (n <= 0)
			return 0;
		have += (size_t)n;
		text[have] = 0;
		const char *at = strstr(text, "\"event\":\"listening\"");
		at = at ? strstr(at, "\"port\":") : NULL;
		if (at && strchr(at, '\n'))
			return number_in(at + 7);
	}
	return 0;
}

bool server_start(struct server *s, const char *firth, const char *data)
{
	char path[4096];
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	snprintf(path, sizeof(path), "%s.log", data);
	s->pid = fork();
	if (s->pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl(firth, "firth", "serve", "--data", data, "--port", "0", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	s->port = port_from_log(ends[0]);
	s->log_fd = ends[0];
	if (s->port) {
		/* A child reads the log away, so that the server never waits for us. */
		if (fork() == 0) {
			char sink[4096];
			while (read(ends[0], sink, sizeof(sink)) > 0)
				continue;
			_exit(0);
		}
		close(ends[0]);
		s->log_fd = -1;
		return true;
	}
	close(ends[0]);
	waitpid(s->pid, NULL, 0);
	return false;
}

void server_end(struct server *s, int signal_number)
{
	kill(s->pid, signal_number);
	waitpid(s->pid, NULL, 0);
	/* The log's reader ends with it. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

int run_firth(const char *firth, const char *const *arguments, bool quiet)
{
	const char *argv[32] = {"firth"};
	for (int i = 0; i < 30 && arguments[i]; i++)
		argv[i + 1] = arguments[i];
	pid_t pid = fork();
	if (pid == 0) {
		if (quiet) {
			int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
			dup2(nowhere, STDOUT_FILENO);
			dup2(nowhere, STDERR_FILENO);
		}
		execv(firth, (char *const *)argv);
		_exit(127);
	}
	int status = -1;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state += 0x9E3779B97F4A7C15u;
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

int number_in(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)kind, (void)walk;
	return remove(path);
}

void remove_tree(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
