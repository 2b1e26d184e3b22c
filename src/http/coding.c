/* Which coding a client wants, and packing answers with contexts from a pool. */
#include "http/coding_priv.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "http/server.h"

enum {
	GZIP_LEVEL = 4, /* twice the speed of the usual 6, for a few per cent more bytes */
	GZIP_WINDOW = 15 + 16, /* zlib's way to ask for gzip's frame */
	GZIP_MEMORY = 8,
	ZSTD_LEVEL = 3,
	KEPT_CONTEXT = 4 << 20, /* what a context in the pool may hold */
};

const char *coding_name(enum coding coding)
{
	static const char *const names[CODING_KINDS] = {NULL, "gzip", "zstd"};
	return names[coding];
}

/* RFC 9110 section 12.4.2. */
int http_quality(struct str text)
{
	int value = 0, scale = 1000;
	if (!text.n || (text.p[0] != '0' && text.p[0] != '1') || (text.n > 1 && text.p[1] != '.') || text.n > 5)
		return -1;
	value = (text.p[0] - '0') * 1000;
	for (size_t i = 2; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return -1;
		scale /= 10;
		value += (text.p[i] - '0') * scale;
	}
	return value > 1000 ? -1 : value;
}

/* "gzip;q=0.5": the name, and the wish in thousandths. */
static struct str split_wish(struct str item, int *ret_q)
{
	struct str rest = item, name = str_trim(str_split(&rest, ';'));
	*ret_q = 1000;
	while (rest.p) {
		struct str value = str_split(&rest, ';'), key = str_trim(str_split(&value, '='));
		if (str_eq_nocase(key, S("q")))
			*ret_q = value.p ? http_quality(str_trim(value)) : -1;
	}
	return name;
}

enum coding coding_choose(struct str accept_encoding)
{
	int wish[CODING_KINDS] = {-1, -1, -1}, any = -1;
	while (accept_encoding.p) {
		int q;
		struct str name = split_wish(str_split(&accept_encoding, ','), &q);
		if (str_eq_nocase(name, S("gzip")) || str_eq_nocase(name, S("x-gzip")))
			wish[CODING_GZIP] = q;
		else if (str_eq_nocase(name, S("zstd")))
			wish[CODING_ZSTD] = q;
		else if (str_eq_nocase(name, S("identity")))
			wish[CODING_IDENTITY] = q;
		else if (str_is(name, "*"))
			any = q;
	}
	/* A star stands for what is not named. Not everyone who sends it means zstd, so it gives gzip. */
	if (wish[CODING_GZIP] < 0)
		wish[CODING_GZIP] = any;
	enum coding best = wish[CODING_ZSTD] >= wish[CODING_GZIP] ? CODING_ZSTD : CODING_GZIP;
	return wish[best] > 0 && wish[best] >= wish[CODING_IDENTITY] ? best : CODING_IDENTITY;
}

bool coding_parse(struct str content_encoding, enum coding *ret_coding, struct error *err)
{
	struct str name = str_trim(content_encoding);
	*ret_coding = CODING_IDENTITY;
	if (!name.n || str_eq_nocase(name, S("identity")))
		return true;
	if (str_eq_nocase(name, S("gzip")) || str_eq_nocase(name, S("x-gzip")))
		*ret_coding = CODING_GZIP;
	else if (str_eq_nocase(name, S("zstd")))
		*ret_coding = CODING_ZSTD;
	else
		return error_set(err, ERR_MEDIA_TYPE, "Content-Encoding must be gzip or zstd");
	return true;
}

/* ---- packing ---------------------------------------------------------------------------------------------------- */

void coders_init(struct coders *c)
{
	*c = (struct coders){0};
	pthread_mutex_init(&c->lock, NULL);
}

static void free_context(enum coding coding, void *context)
{
	if (coding == CODING_ZSTD) {
		ZSTD_freeCCtx(context);
		return;
	}
	z_stream *z = context;
	deflateEnd(z);
	free(z);
}

void coders_done(struct coders *c)
{
	for (unsigned kind = CODING_GZIP; kind < CODING_KINDS; kind++)
		while (c->count[kind])
			free_context((enum coding)kind, c->idle[kind][--c->count[kind]]);
	pthread_mutex_destroy(&c->lock);
}

static void *new_context(enum coding coding)
{
	if (coding == CODING_ZSTD)
		return ZSTD_createCCtx();
	z_stream *z = calloc(1, sizeof(*z));
	if (z && deflateInit2(z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(z);
		z = NULL;
	}
	return z;
}

static void *take_context(struct coders *c, enum coding coding)
{
	void *context = NULL;
	pthread_mutex_lock(&c->lock);
	if (c->count[coding])
		context = c->idle[coding][--c->count[coding]];
	pthread_mutex_unlock(&c->lock);
	return context ? context : new_context(coding);
}

static void give_context(struct coders *c, enum coding coding, void *context)
{
	bool keep = coding != CODING_ZSTD || ZSTD_sizeof_CCtx(context) <= KEPT_CONTEXT;
	pthread_mutex_lock(&c->lock);
	keep = keep && c->count[coding] < CODING_POOLED;
	if (keep)
		c->idle[coding][c->count[coding]++] = context;
	pthread_mutex_unlock(&c->lock);
	if (!keep)
		free_context(coding, context);
}

/* Bytes written, 0 when they did not fit. */
static size_t pack_gzip(z_stream *z, struct str text, char *room, size_t size)
{
	if (text.n > UINT32_MAX || deflateReset(z) != Z_OK)
		return 0;
	z->next_in = (Bytef *)(uintptr_t)text.p;
	z->avail_in = (uInt)text.n;
	z->next_out = (Bytef *)room;
	z->avail_out = (uInt)size;
	return deflate(z, Z_FINISH) == Z_STREAM_END ? size - z->avail_out : 0;
}

static size_t pack_zstd(ZSTD_CCtx *context, struct str text, char *room, size_t size)
{
	size_t n = ZSTD_compressCCtx(context, room, size, text.p, text.n, ZSTD_LEVEL);
	return ZSTD_isError(n) ? 0 : n;
}

bool coders_pack(struct coders *c, enum coding coding, struct str text, struct buf *out)
{
	/* What would not become smaller by an eighth is not worth unpacking. */
	size_t size = text.n - text.n / 8, n = 0;
	char *room = buf_reserve(out, size);
	void *context = room ? take_context(c, coding) : NULL;
	if (!context)
		return false;
	n = coding == CODING_ZSTD ? pack_zstd(context, text, room, size) : pack_gzip(context, text, room, size);
	give_context(c, coding, context);
	out->n += n;
	return n > 0;
}
