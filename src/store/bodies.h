/*
 * Bodies as a store keeps them: compressed with zstd, most with a dictionary that the store made of its own first
 * resources. Every backend packs and unpacks through here, so a body means the same in each; where dictionaries are
 * kept is the backend's matter.
 */
#ifndef FIRTH_STORE_BODIES_H
#define FIRTH_STORE_BODIES_H

#include <stdatomic.h>
#include <zstd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

struct bodies;

/* How a body is kept. */
enum body_coding { BODY_RAW = 0, BODY_ZSTD = 1, BODY_DICTIONARY = 2 /* and up: dictionary coding - 1 */ };

struct packed_body {
	struct str bytes;
	int coding;
};

struct bodies *bodies_new(void);
void bodies_free(struct bodies *b);
/* Any thread. Makes a dictionary known, unless it is; bytes are copied. The newest is used for packing. */
bool bodies_add(struct bodies *b, int id, struct str bytes, struct error *err) MUST_USE;
bool bodies_knows(const struct bodies *b, int coding);
/* Any thread. The result lies in a, or is body itself when packing does not pay. */
bool bodies_pack(struct bodies *b, struct arena *a, struct str body, struct packed_body *ret_packed,
		 struct error *err) MUST_USE;
/* Into out, which is emptied first. */
bool bodies_unpack(struct bodies *b, ZSTD_DCtx *context, struct packed_body packed, struct buf *out,
		   struct error *err) MUST_USE;

/* ---- samples.c: bodies that pass by become samples, until there are enough to make a dictionary of -------------- */

enum { FIRST_DICTIONARY = 1 };
struct samples;
struct samples *samples_new(void);
void samples_free(struct samples *s);
/* Any thread. True once there are enough. */
bool samples_add(struct samples *s, struct str body);

/* The dictionary on its way: made by the keeping thread, written by the committing one. Zeroed, then trained_init(). */
struct trained {
	struct buf bytes;
	bool tried;
	_Atomic bool waiting; /* made and not written */
};
void trained_init(struct trained *t);
void trained_done(struct trained *t);
/* Trains it, once, if there are samples (NULL: none are wanted) and enough of them. */
void trained_make(struct trained *t, struct samples *s, const _Atomic bool *sampled);
/* What is waiting to be written; STR_NULL: nothing. */
struct str trained_waiting(const struct trained *t);
void trained_written(struct trained *t);

#endif
