/*
 * What processes on one database tell each other: which shelves of facts a commit changed. A notice is part of the
 * transaction that it tells of. It is the writer's number in hexadecimal and the names of shelves, with spaces between;
 * "*" for anything.
 */
#ifndef FIRTH_STORE_POSTGRES_LISTENER_H
#define FIRTH_STORE_POSTGRES_LISTENER_H

#include "store/postgres/postgres_priv.h"

struct told;
enum { NOTICE_MAX = 4000, WRITER_ID = 16 };
/* Into text. */
struct str pg_notice_write(char text[NOTICE_MAX], const unsigned char id[WRITER_ID], const struct told *told);

/* Starts a thread with a connection of its own that calls tell for each notice of another process, and with STR_NULL
 * about once a second while there is no connection and once when there is one again. */
bool pg_hear(void *b, void (*tell)(void *ctx, struct str shelf), void *ctx, struct error *err);
void pg_listener_stop(struct pg_store *s);

#endif
