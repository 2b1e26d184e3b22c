/* The crash tests' own small HTTP client and server process: blocking, one connection a thread, no mercy needed. */
#ifndef TEST_CRASH_WIRE_H
#define TEST_CRASH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct wire {
	int fd; /* -1: not connected */
	int port;
};

enum { WIRE_TEXT = 1 << 16 };
struct answer {
	int status; /* 0: the connection broke, so nobody knows */
	int64_t version; /* of ETag; 0: none */
	char location[256]; /* empty: none */
	char body[WIRE_TEXT]; /* cut when longer */
	size_t length;
};

void wire_open(struct wire *w, int port);
void wire_close(struct wire *w);
/* headers: whole lines with CRLF, or "". body NULL: none. */
void wire_ask(struct wire *w, const char *method, const char *path, const char *headers, const char *body,
	      struct answer *ret_answer);

struct server {
	pid_t pid;
	int port;
	int log_fd;
};
/* Starts firth serve on a free port and waits until it listens. False when it ends before. */
bool server_start(struct server *s, const char *firth, const char *data);
/* Ends it with this signal and waits for it. */
void server_end(struct server *s, int signal_number);
/* Runs firth with arguments up to NULL; its exit status. quiet: saying nothing. */
int run_firth(const char *firth, const char *const *arguments, bool quiet);

uint64_t next_random(uint64_t *state);
/* The whole number that a text begins with. */
int number_in(const char *text);
void remove_tree(const char *path);

#endif
