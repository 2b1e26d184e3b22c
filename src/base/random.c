/* Randomness from getrandom(2), drawn in pools per thread to save system calls. */
#include "base/random.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

static void draw(unsigned char *p, size_t n)
{
	while (n) {
		ssize_t got = getrandom(p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		p += got;
		n -= (size_t)got;
	}
}

void random_bytes(void *p, size_t n)
{
	static _Thread_local unsigned char pool[512];
	static _Thread_local size_t left;
	if (n > sizeof(pool) / 4) {
		draw(p, n);
		return;
	}
	if (left < n) {
		draw(pool, sizeof(pool));
		left = sizeof(pool);
	}
	left -= n;
	memcpy(p, pool + left, n);
	memset(pool + left, 0, n);
}

static void format_uuid(unsigned char b[16], unsigned version, char ret_text[UUID_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	b[6] = (unsigned char)((b[6] & 0x0F) | version << 4);
	b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
	char *p = ret_text;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[b[i] >> 4];
		*p++ = hex[b[i] & 15];
	}
}

void random_uuid(char ret_text[UUID_SIZE])
{
	unsigned char b[16];
	random_bytes(b, sizeof(b));
	format_uuid(b, 4, ret_text);
}

void random_uuid_ordered(char ret_text[UUID_SIZE])
{
	unsigned char b[16];
	random_bytes(b, sizeof(b));
	uint64_t ms = (uint64_t)clock_now_ms();
	for (int i = 0; i < 6; i++)
		b[i] = (unsigned char)(ms >> (40 - 8 * i));
	format_uuid(b, 7, ret_text);
}
