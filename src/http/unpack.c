/* Unpacking request bodies as they arrive, with an eye on how large they become. */
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "http/coding_priv.h"

enum {
	STEP = UNPACK_STEP,
	GZIP_WINDOW = 15 + 16,
	ZSTD_WINDOW_LOG = 23, /* RFC 9659 section 3: what a receiver of HTTP content must take, and no more */
};

struct unpacker {
	enum coding coding;
	z_stream z;
	ZSTD_DCtx *zstd;
	bool ended; /* at the end of a frame */
	uint64_t limit, total; /* of bytes unpacked */
	const char *key; /* of the limit, for messages */
};

struct unpacker *unpacker_new(enum coding coding, uint64_t limit, const char *key, struct error *err)
{
	struct unpacker *u = calloc(1, sizeof(*u));
	if (!u) {
		error_memory(err);
		return NULL;
	}
	u->coding = coding;
	u->limit = limit;
	u->key = key;
	bool ok;
	if (coding == CODING_GZIP) {
		ok = inflateInit2(&u->z, GZIP_WINDOW) == Z_OK;
	} else {
		u->zstd = ZSTD_createDCtx();
		ok = u->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG));
	}
	if (ok)
		return u;
	unpacker_free(u);
	error_memory(err);
	return NULL;
}

void unpacker_free(struct unpacker *u)
{
	if (!u)
		return;
	if (u->coding == CODING_GZIP)
		inflateEnd(&u->z);
	ZSTD_freeDCtx(u->zstd);
	free(u);
}

static bool damaged(const struct unpacker *u, struct error *err)
{
	return error_set(err, ERR_VALUE, "The body is not what its Content-Encoding says: damaged %s data",
			 coding_name(u->coding));
}

/* One step: takes some of *piece, writes at most size bytes. */
static bool step_gzip(struct unpacker *u, struct str *piece, char *room, size_t size, size_t *ret_n, struct error *err)
{
	/* A gzip file may be several members after each other (RFC 1952 section 2.2). */
	if (u->ended && piece->n && inflateReset(&u->z) != Z_OK)
		return damaged(u, err);
	u->z.next_in = (Bytef *)(uintptr_t)piece->p;
	u->z.avail_in = (uInt)piece->n;
	u->z.next_out = (Bytef *)room;
	u->z.avail_out = (uInt)size;
	int code = inflate(&u->z, Z_NO_FLUSH);
	if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
		return damaged(u, err);
	u->ended = code == Z_STREAM_END;
	*piece = str_slice(*piece, piece->n - u->z.avail_in, piece->n);
	*ret_n = size - u->z.avail_out;
	return true;
}

static bool step_zstd(struct unpacker *u, struct str *piece, char *room, size_t size, size_t *ret_n, struct error *err)
{
	ZSTD_inBuffer in = {piece->p, piece->n, 0};
	ZSTD_outBuffer out = {room, size, 0};
	size_t left = ZSTD_decompressStream(u->zstd, &out, &in);
	if (ZSTD_isError(left))
		return damaged(u, err);
	if (in.pos || out.pos)
		u->ended = left == 0;
	*piece = str_slice(*piece, in.pos, piece->n);
	*ret_n = out.pos;
	return true;
}

bool unpacker_feed(struct unpacker *u, struct str piece, struct buf *out, struct error *err)
{
	for (;;) {
		size_t n = 0;
		char *room = buf_reserve(out, STEP);
		if (!room)
			return error_memory(err);
		bool ok = u->coding == CODING_GZIP ? step_gzip(u, &piece, room, STEP, &n, err)
						   : step_zstd(u, &piece, room, STEP, &n, err);
		if (!ok)
			return false;
		out->n += n;
		u->total += n;
		if (u->total > u->limit)
			return error_set(err, ERR_TOO_LARGE,
					 "The body unpacks to more than the limit of %llu bytes (%s)",
					 (unsigned long long)u->limit, u->key);
		/* Room left over means that everything known was written. */
		if (n < STEP && !piece.n)
			return true;
	}
}

bool unpacker_end(const struct unpacker *u, struct error *err)
{
	return u->ended ||
	       error_set(err, ERR_VALUE, "The body ends in the middle of its %s data", coding_name(u->coding));
}
