/* Arenas: a chain of growing blocks, newest first. */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_block {
	struct arena_block *older;
	size_t size; /* of data */
	_Alignas(16) char data[];
};

enum {
	FIRST_BLOCK = 8 * 1024,
	LARGEST_BLOCK = 1024 * 1024,
};

void arena_init(struct arena *a, size_t cap)
{
	*a = (struct arena){.cap = cap};
}

static void free_chain(struct arena_block *block)
{
	while (block) {
		struct arena_block *older = block->older;
		free(block);
		block = older;
	}
}

void arena_done(struct arena *a)
{
	free_chain(a->block);
	arena_init(a, a->cap);
}

static void open_block(struct arena *a, struct arena_block *block)
{
	a->block = block;
	a->next = block->data;
	a->end = block->data + block->size;
}

void arena_reset(struct arena *a)
{
	if (!a->block)
		return;
#ifdef FIRTH_ARENA_MALLOC
	arena_done(a);
#else
	free_chain(a->block->older);
	a->block->older = NULL;
	open_block(a, a->block);
	a->used = 0;
#endif
}

static bool add_block(struct arena *a, size_t need)
{
	size_t size = need;
#ifndef FIRTH_ARENA_MALLOC
	size_t usual = a->block ? a->block->size * 2 : FIRST_BLOCK;
	if (usual > LARGEST_BLOCK)
		usual = LARGEST_BLOCK;
	if (size < usual)
		size = usual;
#endif
	struct arena_block *block = malloc(sizeof(*block) + size);
	if (!block)
		return false;
	block->size = size;
	block->older = a->block;
	open_block(a, block);
	return true;
}

void *arena_alloc_block(struct arena *a, size_t n)
{
	if (n > a->cap || a->used > a->cap - n || !add_block(a, n))
		return NULL;
	void *p = a->next;
	a->next += n;
	a->used += n;
	return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
	size_t bytes;
	void *p = __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_alloc(a, bytes);
	if (p)
		memset(p, 0, bytes);
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	if (!p)
		return STR_NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return str_make(p, s.n);
}

struct str arena_vprintf(struct arena *a, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, format, again);
	va_end(again);
	return p ? str_make(p, (size_t)n) : STR_NULL;
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct str s = arena_vprintf(a, format, args);
	va_end(args);
	return s;
}

void *arena_grow(struct arena *a, void *array, size_t count, size_t *capacity, size_t need, size_t size)
{
	if (need <= *capacity)
		return array;
	size_t larger = *capacity ? *capacity * 2 : 8;
	if (larger < need)
		larger = need;
	size_t bytes;
	if (__builtin_mul_overflow(larger, size, &bytes))
		return NULL;
	void *p = arena_alloc(a, bytes);
	if (!p)
		return NULL;
	if (count)
		memcpy(p, array, count * size);
	*capacity = larger;
	return p;
}
