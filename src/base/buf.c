/* Growable buffers. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

char *buf_reserve(struct buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (n > b->max || b->n > b->max - n) {
		b->failed = true;
		return NULL;
	}
	if (b->cap - b->n < n) {
		size_t cap = b->cap ? b->cap * 2 : 256;
		while (cap < b->n + n)
			cap *= 2;
		char *p = realloc(b->p, cap);
		if (!p) {
			b->failed = true;
			return NULL;
		}
		b->p = p;
		b->cap = cap;
	}
	return b->p + b->n;
}

void buf_add(struct buf *b, struct str s)
{
	if (s.n == 0)
		return;
	char *p = buf_reserve(b, s.n);
	if (!p)
		return;
	memcpy(p, s.p, s.n);
	b->n += s.n;
}

void buf_char(struct buf *b, char c)
{
	char *p = buf_reserve(b, 1);
	if (!p)
		return;
	*p = c;
	b->n++;
}

void buf_u64(struct buf *b, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	buf_add(b, str_make(digits + at, sizeof(digits) - at));
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	char *p = n < 0 ? NULL : buf_reserve(b, (size_t)n + 1);
	if (p) {
		vsnprintf(p, (size_t)n + 1, format, again);
		b->n += (size_t)n;
	} else {
		b->failed = true;
	}
	va_end(again);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	buf_vprintf(b, format, args);
	va_end(args);
}
