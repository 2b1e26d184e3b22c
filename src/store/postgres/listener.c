/* Hearing what other processes on the database have changed: see listener.h. */
#include "store/postgres/listener.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "store/postgres/writer.h"

enum { PAUSE_MS = 1000 };

struct listener {
	struct pg_store *store;
	struct pg pg;
	pthread_t thread;
	int wake; /* readable: come to an end */
	void (*tell)(void *ctx, struct str shelf);
	void *ctx;
};

/* ---- notices ------------------------------------------------------------------------------------------------------
 */

static void put_id(char *to, const unsigned char id[WRITER_ID])
{
	static const char digits[] = "0123456789abcdef";
	for (int i = 0; i < WRITER_ID; i++) {
		to[2 * i] = digits[id[i] >> 4];
		to[2 * i + 1] = digits[id[i] & 15];
	}
}

static bool plain(struct str shelf)
{
	for (size_t i = 0; i < shelf.n; i++)
		if (shelf.p[i] <= ' ' || shelf.p[i] == '*' || (unsigned char)shelf.p[i] > '~')
			return false;
	return shelf.n > 0;
}

struct str pg_notice_write(char text[NOTICE_MAX], const unsigned char id[WRITER_ID], const struct told *told)
{
	size_t n = (size_t)2 * WRITER_ID;
	bool all = told->all;
	put_id(text, id);
	for (size_t i = 0; i < told->count && !all; i++) {
		struct str shelf = told->shelves[i];
		all = !plain(shelf) || n + 1 + shelf.n > NOTICE_MAX;
		if (all)
			break;
		text[n++] = ' ';
		memcpy(text + n, shelf.p, shelf.n);
		n += shelf.n;
	}
	if (all) {
		n = (size_t)2 * WRITER_ID;
		text[n++] = ' ';
		text[n++] = '*';
	}
	return str_make(text, n);
}

static void pass_on(struct listener *l, struct str notice)
{
	char own[2 * WRITER_ID];
	struct str from = str_split(&notice, ' ');
	if (l->store->writer) {
		put_id(own, l->store->writer->id);
		if (str_eq(from, str_make(own, sizeof(own))))
			return;
	}
	while (notice.p) {
		struct str shelf = str_split(&notice, ' ');
		l->tell(l->ctx, str_is(shelf, "*") ? STR_NULL : shelf);
	}
}

/* ---- the thread ---------------------------------------------------------------------------------------------------
 */

/* Waits for the connection, the end, or so long. False: the end. */
static bool await(struct listener *l, int timeout_ms)
{
	struct pollfd fds[2] = {{.fd = l->wake, .events = POLLIN},
				{.fd = l->pg.handle ? PQsocket(l->pg.handle) : -1, .events = POLLIN}};
	poll(fds, 2, timeout_ms);
	return !fds[0].revents;
}

/* Outside of a pipeline: notices come between answers. */
static bool connect(struct listener *l)
{
	struct error ignored = {0};
	char sql[128];
	snprintf(sql, sizeof(sql), "LISTEN \"" PG_CHANNEL "%s\"", l->store->place.schema);
	if (pg_open_bare(&l->pg, &l->store->place, &ignored) && pg_script(&l->pg, sql, &ignored))
		return true;
	pg_close(&l->pg);
	return false;
}

/* Until the connection breaks or the end comes: false. */
static bool hear(struct listener *l)
{
	while (await(l, -1)) {
		if (!PQconsumeInput(l->pg.handle) || PQstatus(l->pg.handle) != CONNECTION_OK)
			return true;
		for (PGnotify *n; (n = PQnotifies(l->pg.handle)); PQfreemem(n))
			pass_on(l, str_from(n->extra));
	}
	return false;
}

static void *run(void *ctx)
{
	struct listener *l = ctx;
	bool going = true;
	while (going) {
		bool connected = connect(l);
		/* What was changed before listening began was not heard of. */
		l->tell(l->ctx, STR_NULL);
		going = connected ? hear(l) : await(l, PAUSE_MS);
		pg_close(&l->pg);
		if (going && connected)
			l->tell(l->ctx, STR_NULL);
	}
	return NULL;
}

bool pg_hear(void *b, void (*tell)(void *ctx, struct str shelf), void *ctx, struct error *err)
{
	struct pg_store *s = b;
	struct listener *l = calloc(1, sizeof(*l));
	if (!l)
		return error_memory(err);
	*l = (struct listener){.store = s, .wake = eventfd(0, EFD_CLOEXEC), .tell = tell, .ctx = ctx};
	if (l->wake >= 0 && pthread_create(&l->thread, NULL, run, l) == 0) {
		s->listener = l;
		return true;
	}
	if (l->wake >= 0)
		close(l->wake);
	free(l);
	return error_set(err, ERR_STORE, "The thread that hears of others' changes could not be started");
}

void pg_listener_stop(struct pg_store *s)
{
	struct listener *l = s->listener;
	if (!l)
		return;
	if (eventfd_write(l->wake, 1) == 0)
		pthread_join(l->thread, NULL);
	close(l->wake);
	free(l);
	s->listener = NULL;
}
