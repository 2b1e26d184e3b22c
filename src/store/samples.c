/*
 * Compression dictionaries. Resources are short and alike, so most of what packing gains comes from knowing beforehand
 * what they look like. A store makes its dictionary of the first bodies that pass by, spread over some thousands, since
 * loads often come sorted by type.
 */
#include "store/bodies.h"

#include <pthread.h>
#include <stdlib.h>
#include <zdict.h>

enum {
	MOST_SAMPLES = 2000,
	EVERY = 4, /* one body in so many */
	SAMPLE_BYTES = 4096, /* of one body at most */
	ALL_BYTES = 3 << 20,
	DICTIONARY_BYTES = 64 << 10,
};

struct samples {
	pthread_mutex_t lock;
	uint64_t seen;
	struct buf bytes;
	size_t sizes[MOST_SAMPLES];
	size_t count;
};

struct samples *samples_new(void)
{
	struct samples *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	buf_init(&s->bytes, 2 * ALL_BYTES);
	return s;
}

void samples_free(struct samples *s)
{
	if (!s)
		return;
	buf_done(&s->bytes);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

bool samples_add(struct samples *s, struct str body)
{
	pthread_mutex_lock(&s->lock);
	bool enough = s->count == MOST_SAMPLES || s->bytes.n >= ALL_BYTES;
	if (!enough && s->seen++ % EVERY == 0) {
		struct str part = str_slice(body, 0, SAMPLE_BYTES);
		buf_add(&s->bytes, part);
		if (buf_ok(&s->bytes))
			s->sizes[s->count++] = part.n;
	}
	pthread_mutex_unlock(&s->lock);
	return enough;
}

static bool samples_train(struct samples *s, struct buf *out)
{
	/* Nothing is added any more once there are enough, so the lock is only for the picture to be whole. */
	pthread_mutex_lock(&s->lock);
	size_t count = s->count;
	pthread_mutex_unlock(&s->lock);
	char *room = buf_reserve(out, DICTIONARY_BYTES);
	if (!room)
		return false;
	size_t n = ZDICT_trainFromBuffer(room, DICTIONARY_BYTES, s->bytes.p, s->sizes, (unsigned)count);
	if (!ZDICT_isError(n))
		out->n += n;
	buf_done(&s->bytes);
	return !ZDICT_isError(n);
}

void trained_init(struct trained *t)
{
	buf_init(&t->bytes, 1 << 20);
}

void trained_done(struct trained *t)
{
	buf_done(&t->bytes);
}

void trained_make(struct trained *t, struct samples *s, const _Atomic bool *sampled)
{
	if (t->tried || !s || !atomic_load(sampled))
		return;
	t->tried = true;
	if (samples_train(s, &t->bytes))
		atomic_store(&t->waiting, true);
}

struct str trained_waiting(const struct trained *t)
{
	return atomic_load(&t->waiting) ? buf_str(&t->bytes) : STR_NULL;
}

void trained_written(struct trained *t)
{
	atomic_store(&t->waiting, false);
}
