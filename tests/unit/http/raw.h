/* A plain socket that says exactly what a test wants said, and a server with a handler that mirrors requests. */
#ifndef FIRTH_TESTS_HTTP_RAW_H
#define FIRTH_TESTS_HTTP_RAW_H

#include "http/server.h"

int raw_connect(uint16_t port);
void raw_send(int fd, struct str text);
/* Reads until the peer closes, or until `enough` bytes (0: no limit) or two seconds of silence. */
struct str raw_read(struct arena *a, int fd, size_t enough);
/* Reads one whole answer by its Content-Length and leaves the connection open. */
struct str raw_read_answer(struct arena *a, int fd);
/* One request on a connection of its own. */
struct str raw_ask(struct arena *a, uint16_t port, struct str request);
int raw_status(struct str answer);
bool raw_has(struct str answer, const char *part);

/* Answers 200 with "METHOD path?query body-length body-start", adds the headers that the request's X-Add wants. */
void mirror_handle(void *ctx, struct http_exchange *x);
/* Answers with the error's status and text. */
void mirror_refuse(void *ctx, struct http_exchange *x, const struct error *err);

#endif
