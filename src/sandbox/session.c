/*
 * Paging sessions as Epic has them: the server keeps the query, the link holds only a key, and after some time the key
 * is worth nothing. The newest replace the oldest.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "sandbox/faults_priv.h"

static struct str copy_of(struct str s)
{
	char *p = malloc(s.n + 1);
	if (!p)
		return STR_NULL;
	memcpy(p, s.p, s.n);
	return str_make(p, s.n);
}

static void forget(struct face_session *session)
{
	free((char *)(uintptr_t)session->query.p);
	free((char *)(uintptr_t)session->position.p);
	*session = (struct face_session){0};
}

struct str face_session_put(struct sandbox *s, struct arena *a, struct str query, struct str position)
{
	unsigned char bytes[16];
	struct face_session fresh = {.query = copy_of(query), .position = copy_of(position)};
	random_bytes(bytes, sizeof(bytes));
	snprintf(fresh.key, sizeof(fresh.key), "17-");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(fresh.key + 3 + 2 * i, 3, "%02X", bytes[i]);
	fresh.expires_ms = clock_now_ms() + behaviour_number(s, BEHAVIOUR_PAGE_SECONDS) * 1000;
	if (!fresh.query.p || !fresh.position.p) {
		forget(&fresh);
		return STR_NULL;
	}
	pthread_mutex_lock(&s->lock);
	struct face_session *slot = &s->sessions[s->session_next++ % FACE_SESSIONS];
	forget(slot);
	*slot = fresh;
	pthread_mutex_unlock(&s->lock);
	return arena_str(a, str_from(fresh.key));
}

bool face_session_get(struct sandbox *s, struct arena *a, struct str key, struct str *ret_query,
		      struct str *ret_position)
{
	bool found = false;
	int64_t now = clock_now_ms();
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < FACE_SESSIONS && !found; i++) {
		struct face_session *session = &s->sessions[i];
		if (!session->query.p || !str_is(key, session->key) || session->expires_ms < now)
			continue;
		*ret_query = arena_str(a, session->query);
		*ret_position = arena_str(a, session->position);
		found = ret_query->p && ret_position->p;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

void face_sessions_free(struct sandbox *s)
{
	for (size_t i = 0; s->sessions && i < FACE_SESSIONS; i++)
		forget(&s->sessions[i]);
}
