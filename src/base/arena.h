/*
 * Arenas: memory that is taken piece by piece and given back all at once. A request owns one; loops over many items
 * reset a second one per item. Arenas are passed, never global, and belong to one thread at a time.
 *
 * Every arena has a cap. Allocation returns NULL past the cap or when the system has no memory; callers turn that into
 * ERR_MEMORY. With -Darena_malloc=true each allocation is a malloc of its own, so AddressSanitizer sees stale use.
 */
#ifndef FIRTH_BASE_ARENA_H
#define FIRTH_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena_block;

struct arena {
	struct arena_block *block; /* newest first */
	char *next, *end; /* free part of the newest block */
	size_t used, cap; /* bytes handed out, and at most */
};

#define ARENA_NO_CAP ((size_t)-1)

void arena_init(struct arena *a, size_t cap);
/* Gives everything back. The arena may be used again afterwards. */
void arena_done(struct arena *a);
/* Forgets everything but keeps one block for the next round. */
void arena_reset(struct arena *a);

/* Private: from a new block. n is a multiple of 16. */
void *arena_alloc_block(struct arena *a, size_t n);
/* n bytes aligned to 16, not cleared; NULL when the cap or the memory is exhausted. */
static inline void *arena_alloc(struct arena *a, size_t n)
{
	size_t whole = n ? (n + 15) & ~(size_t)15 : 16;
	if (n > SIZE_MAX / 2)
		return NULL;
	if (whole > (size_t)(a->end - a->next) || whole > a->cap - a->used)
		return arena_alloc_block(a, whole);
	void *p = a->next;
	a->next += whole;
	a->used += whole;
	return p;
}
/* The same, cleared, for count items of size bytes; overflow counts as exhaustion. */
void *arena_calloc(struct arena *a, size_t count, size_t size);
#define ARENA_NEW(a, type)	    ((type *)arena_calloc((a), 1, sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_calloc((a), (count), sizeof(type)))

/* Copies with a terminating zero after the text (not counted in n). STR_NULL on exhaustion. */
struct str arena_str(struct arena *a, struct str s);
/* printf into the arena, zero-terminated. STR_NULL on exhaustion. */
struct str arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct str arena_vprintf(struct arena *a, const char *format, va_list args);

/* Doubles an array: returns one with room for at least need items of size bytes, holding the first count; updates
 * *capacity. NULL on exhaustion, the old array stays valid. */
void *arena_grow(struct arena *a, void *array, size_t count, size_t *capacity, size_t need, size_t size);

#endif
