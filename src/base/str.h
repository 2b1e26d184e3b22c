/*
 * Borrowed byte strings: a pointer and a length, passed by value. Nothing here owns memory and nothing needs a
 * terminating zero. Text is UTF-8 unless a function says otherwise.
 */
#ifndef FIRTH_BASE_STR_H
#define FIRTH_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

/* S("literal"): the literal as a str. STR_NULL: no string at all (p is NULL), as opposed to an empty one. */
#define S(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NULL   ((struct str){NULL, 0})
/* For printf: "%.*s", STR_ARG(s). */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_make(const char *p, size_t n)
{
	return (struct str){p, n};
}

static inline struct str str_from(const char *zero_terminated)
{
	return (struct str){zero_terminated, zero_terminated ? strlen(zero_terminated) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *literal)
{
	return str_eq(a, str_from(literal));
}

/* Byte order, shorter first among equals: negative, zero or positive. */
int str_cmp(struct str a, struct str b);
/* ASCII letters compare without case. */
bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* The part [from, to) clipped to the string. */
struct str str_slice(struct str s, size_t from, size_t to);
struct str str_trim(struct str s);

#define STR_NONE ((size_t)-1)
/* Position of the first byte c at or after from, or STR_NONE. */
size_t str_find_char(struct str s, char c, size_t from);
size_t str_find(struct str s, struct str needle);
size_t str_rfind_char(struct str s, char c);

/* Splits *rest at the first separator: returns the part before it and leaves the part after it in *rest. When
 * nothing is left *rest becomes STR_NULL, so `while (rest.p)` walks all parts, empty ones included. */
struct str str_split(struct str *rest, char separator);

/* Is it one of the words, which stand apart by single spaces? */
bool str_has_word(struct str words, struct str word);

/* Whole decimal numbers without sign, spaces or overflow. */
bool str_to_u64(struct str s, uint64_t *ret_value);
bool str_to_i64(struct str s, int64_t *ret_value);

/* A good 64-bit hash for tables in memory. Not stable between releases: never store it. */
uint64_t str_hash(struct str s);

bool str_is_utf8(struct str s);

#endif
