/*
 * Content codings (RFC 9110 section 8.4): gzip and zstd, of answers and of request bodies. Answers are packed in one
 * go, by contexts that wait in a pool since making one costs more than packing a page. Bodies are unpacked piece by
 * piece as they arrive, so that a small bomb is noticed before it is large.
 */
#ifndef FIRTH_HTTP_CODING_PRIV_H
#define FIRTH_HTTP_CODING_PRIV_H

#include <pthread.h>

#include "base/buf.h"
#include "base/error.h"

enum coding { CODING_IDENTITY, CODING_GZIP, CODING_ZSTD };
enum { CODING_KINDS = 3, CODING_POOLED = 8, UNPACK_STEP = 64 * 1024 };

/* "gzip"; NULL for identity. */
const char *coding_name(enum coding coding);
/* The one an Accept-Encoding header wants most (STR_NULL: none). When wishes are equal zstd wins: it costs less. */
enum coding coding_choose(struct str accept_encoding);
/* Of a Content-Encoding header. ERR_MEDIA_TYPE for what we cannot unpack, several codings on top of each other too. */
bool coding_parse(struct str content_encoding, enum coding *ret_coding, struct error *err) MUST_USE;

/* Contexts for packing, for all threads. */
struct coders {
	pthread_mutex_t lock;
	void *idle[CODING_KINDS][CODING_POOLED];
	unsigned count[CODING_KINDS];
};
void coders_init(struct coders *c);
void coders_done(struct coders *c);
/* Packs into out, which is empty. False when it would not become smaller or memory is short: send it as it is. */
bool coders_pack(struct coders *c, enum coding coding, struct str text, struct buf *out);

/* One long answer on its way, packed piece by piece with little memory: faster and somewhat larger than coders_pack().
 */
struct packer;
struct packer *packer_new(enum coding coding);
/* Takes from the input, gives bytes; last: the input ends with this piece. Returns how many, 0 when it needs more input
 * or, after the last piece, at the end; -1 on failure. */
long packer_step(struct packer *p, struct str *input, bool last, char *room, size_t size);
void packer_free(struct packer *p);

/* One body on its way, which may unpack to `limit` bytes; messages name the limit's static key. */
struct unpacker;
struct unpacker *unpacker_new(enum coding coding, uint64_t limit, const char *key, struct error *err) MUST_USE;
/* Adds what the piece unpacks to. ERR_TOO_LARGE past the limit, ERR_VALUE for damaged data. */
bool unpacker_feed(struct unpacker *u, struct str piece, struct buf *out, struct error *err) MUST_USE;
/* Did the body end where its coding does? ERR_VALUE. */
bool unpacker_end(const struct unpacker *u, struct error *err) MUST_USE;
void unpacker_free(struct unpacker *u);

#endif
