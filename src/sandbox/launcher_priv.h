/* Shared by the files of the launch simulator. */
#ifndef FIRTH_SANDBOX_LAUNCHER_PRIV_H
#define FIRTH_SANDBOX_LAUNCHER_PRIV_H

#include <pthread.h>

#include "sandbox/launcher.h"

enum {
	LAUNCHER_FLOWS = 32, /* the oldest makes room */
	LAUNCHER_MESSAGES = 200, /* of a flow */
	LAUNCHER_MARKS = 64,
	LAUNCHER_TEXT = 3000, /* of what is shown of a request or an answer */
};

struct launcher_message {
	int64_t time_ms;
	char request_id[65];
	char asked[120]; /* "POST /auth/token" */
	const char *meaning; /* in words */
	char *sent, *got; /* lines "name: value", masked; freed with the flow */
	int status; /* 0: not answered yet */
};

/* What belongs together: by the digests of the secrets that go from message to message. */
struct launcher_flow {
	uint64_t number; /* 0: none */
	int64_t started_ms;
	char client[80], launch_url[1200], what[240]; /* what: who was chosen, for the heading */
	unsigned char marks[LAUNCHER_MARKS][32];
	size_t mark_count, mark_next;
	struct launcher_message messages[LAUNCHER_MESSAGES];
	size_t count;
	bool full; /* more came than are kept */
};

struct launcher {
	struct launcher_options o;
	pthread_mutex_t lock; /* over what follows */
	struct launcher_flow *flows;
	uint64_t last;
};

/* ---- watching: launcher_watch.c ---------------------------------------------------------------------------------- */

/* A new flow, under the lock. */
struct launcher_flow *launcher_flow_new(struct launcher *l, int64_t now_ms);
struct launcher_flow *launcher_flow_find(struct launcher *l, uint64_t number);
void launcher_mark(struct launcher_flow *flow, struct str secret);

/* ---- what is shown of messages: launcher_mask.c ------------------------------------------------------------------ */

/* Lines of a query or form, of JSON, or of a redirect; secrets shortened to what tells them apart. */
void launcher_show_form(struct buf *out, struct str form);
void launcher_show_json(struct buf *out, struct str json);
void launcher_show_url(struct buf *out, struct str url);
void launcher_show_header(struct buf *out, const char *name, struct str value);
/* Does a member or parameter of this name tie messages together? */
bool launcher_is_mark(struct str name);
struct launcher_pair {
	struct str name, value;
};
/* The parameters of a query or form, plain, in a; at most max. */
size_t launcher_pairs(struct arena *a, struct str form, struct launcher_pair *pairs, size_t max);
const char *launcher_meaning(struct str method, struct str path, struct str form);

/* ---- pages: launcher_page.c -------------------------------------------------------------------------------------- */

void launcher_show_choice(struct launcher *l, struct http_exchange *x, struct str problem);
void launcher_show_flow(struct launcher *l, struct http_exchange *x, uint64_t number);
void launcher_start(struct launcher *l, struct http_exchange *x);
void launcher_style(struct http_exchange *x);

#endif
