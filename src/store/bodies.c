/*
 * Bodies are kept compressed. Packing happens on the submitting thread and unpacking on the reading one, so contexts
 * are pooled here and dictionaries shared; every body row says how it was packed, so any mixture can be read.
 */
#include "store/bodies.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
	LEVEL = 1,
	LEAST_PACKED = 64, /* shorter bodies stay as they are */
	LARGEST_BODY = 1 << 30,
	MOST_DICTIONARIES = 16,
	MOST_IDLE = 16,
};

struct dictionary {
	ZSTD_CDict *pack;
	ZSTD_DDict *unpack;
};

struct packer {
	struct packer *next;
	ZSTD_CCtx *context;
};

struct bodies {
	pthread_mutex_t lock; /* of the pool and of adding */
	struct packer *idle;
	size_t idle_count;
	struct dictionary dictionaries[MOST_DICTIONARIES]; /* by number - 1 */
	_Atomic int newest;
};

struct bodies *bodies_new(void)
{
	struct bodies *b = calloc(1, sizeof(*b));
	if (b)
		pthread_mutex_init(&b->lock, NULL);
	return b;
}

void bodies_free(struct bodies *b)
{
	if (!b)
		return;
	while (b->idle) {
		struct packer *next = b->idle->next;
		ZSTD_freeCCtx(b->idle->context);
		free(b->idle);
		b->idle = next;
	}
	for (int i = 0; i < MOST_DICTIONARIES; i++) {
		ZSTD_freeCDict(b->dictionaries[i].pack);
		ZSTD_freeDDict(b->dictionaries[i].unpack);
	}
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static bool add(struct bodies *b, int id, struct str bytes, struct error *err)
{
	if (id < 1 || id > MOST_DICTIONARIES)
		return error_set(err, ERR_STORE, "The store's compression dictionaries are not as they should be");
	if (b->dictionaries[id - 1].unpack)
		return true;
	struct dictionary d = {ZSTD_createCDict(bytes.p, bytes.n, LEVEL), ZSTD_createDDict(bytes.p, bytes.n)};
	if (!d.pack || !d.unpack) {
		ZSTD_freeCDict(d.pack);
		ZSTD_freeDDict(d.unpack);
		return error_memory(err);
	}
	b->dictionaries[id - 1] = d;
	if (id > atomic_load(&b->newest))
		atomic_store(&b->newest, id);
	return true;
}

bool bodies_add(struct bodies *b, int id, struct str bytes, struct error *err)
{
	pthread_mutex_lock(&b->lock);
	bool ok = add(b, id, bytes, err);
	pthread_mutex_unlock(&b->lock);
	return ok;
}

bool bodies_knows(const struct bodies *b, int coding)
{
	return coding <= BODY_ZSTD + atomic_load(&b->newest);
}

static struct packer *take_packer(struct bodies *b)
{
	pthread_mutex_lock(&b->lock);
	struct packer *p = b->idle;
	if (p) {
		b->idle = p->next;
		b->idle_count--;
	}
	pthread_mutex_unlock(&b->lock);
	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (p && !(p->context = ZSTD_createCCtx())) {
		free(p);
		return NULL;
	}
	return p;
}

static void give_packer(struct bodies *b, struct packer *p)
{
	pthread_mutex_lock(&b->lock);
	bool keep = b->idle_count < MOST_IDLE;
	if (keep) {
		p->next = b->idle;
		b->idle = p;
		b->idle_count++;
	}
	pthread_mutex_unlock(&b->lock);
	if (!keep) {
		ZSTD_freeCCtx(p->context);
		free(p);
	}
}

bool bodies_pack(struct bodies *b, struct arena *a, struct str body, struct packed_body *ret_packed, struct error *err)
{
	*ret_packed = (struct packed_body){body, BODY_RAW};
	if (body.n > LARGEST_BODY)
		return error_set(err, ERR_TOO_LARGE, "The resource is too large to be stored");
	if (body.n < LEAST_PACKED)
		return true;
	struct packer *p = take_packer(b);
	size_t room = ZSTD_compressBound(body.n);
	char *out = p ? arena_alloc(a, room) : NULL;
	if (!out) {
		if (p)
			give_packer(b, p);
		return error_memory(err);
	}
	int newest = atomic_load(&b->newest);
	size_t n = newest ? ZSTD_compress_usingCDict(p->context, out, room, body.p, body.n,
						     b->dictionaries[newest - 1].pack)
			  : ZSTD_compressCCtx(p->context, out, room, body.p, body.n, LEVEL);
	give_packer(b, p);
	if (!ZSTD_isError(n) && n < body.n)
		*ret_packed = (struct packed_body){str_make(out, n), newest ? BODY_ZSTD + newest : BODY_ZSTD};
	return true;
}

static bool damaged(struct error *err)
{
	return error_set(err, ERR_STORE, "The store is damaged: a resource's content cannot be unpacked");
}

bool bodies_unpack(struct bodies *b, ZSTD_DCtx *context, struct packed_body packed, struct buf *out, struct error *err)
{
	buf_reset(out);
	if (packed.coding == BODY_RAW) {
		buf_add(out, packed.bytes);
		return buf_ok(out) || error_memory(err);
	}
	int number = packed.coding - BODY_ZSTD;
	unsigned long long size = ZSTD_getFrameContentSize(packed.bytes.p, packed.bytes.n);
	if (number < 0 || number > atomic_load(&b->newest) || size > LARGEST_BODY)
		return damaged(err);
	char *to = buf_reserve(out, (size_t)size);
	if (!to)
		return error_memory(err);
	size_t n = number ? ZSTD_decompress_usingDDict(context, to, (size_t)size, packed.bytes.p, packed.bytes.n,
						       b->dictionaries[number - 1].unpack)
			  : ZSTD_decompressDCtx(context, to, (size_t)size, packed.bytes.p, packed.bytes.n);
	if (ZSTD_isError(n))
		return damaged(err);
	out->n += n;
	return true;
}
