/*
 * A growable byte buffer with a maximum. When it cannot grow it fails once, ignores everything afterwards, and is
 * checked at the end: write without checking, then ask buf_ok(). Owned by one thread; buf_done() gives memory back.
 */
#ifndef FIRTH_BASE_BUF_H
#define FIRTH_BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

struct buf {
	char *p;
	size_t n, cap, max;
	bool failed;
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
/* Empties it, keeps the memory, forgets a failure. */
void buf_reset(struct buf *b);

void buf_add(struct buf *b, struct str s);
void buf_char(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t value);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args);
/* Room for n more bytes at p + n, which the caller fills and then counts by adding to n; NULL on failure. */
char *buf_reserve(struct buf *b, size_t n);

static inline bool buf_ok(const struct buf *b)
{
	return !b->failed;
}

static inline struct str buf_str(const struct buf *b)
{
	return str_make(b->p ? b->p : "", b->n);
}

#endif
