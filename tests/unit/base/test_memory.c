/* Arenas, buffers and maps: growth, caps, and what happens past them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

static void arena_stops_at_its_cap(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1000);
	assert_non_null(arena_alloc(&a, 900));
	assert_null(arena_alloc(&a, 200));
	assert_non_null(arena_alloc(&a, 64));
	assert_null(arena_calloc(&a, SIZE_MAX / 2, 4));
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 900));
	arena_done(&a);
}

static void arena_memory_is_aligned_and_apart(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	char *previous = NULL;
	for (size_t n = 1; n < 5000; n += 37) {
		char *p = arena_alloc(&a, n);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		memset(p, 0x5A, n);
		if (previous)
			assert_int_equal(previous[0], 0x5A);
		previous = p;
	}
	arena_done(&a);
}

static void arena_text_is_terminated(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	struct str s = arena_str(&a, str_make("abcdef", 3));
	assert_string_equal(s.p, "abc");
	assert_string_equal(arena_printf(&a, "%d-%s", 7, "x").p, "7-x");
	arena_done(&a);
}

static void arena_arrays_grow_and_keep_items(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	int *items = NULL;
	size_t capacity = 0;
	for (int i = 0; i < 1000; i++) {
		items = arena_grow(&a, items, (size_t)i, &capacity, (size_t)i + 1, sizeof(*items));
		assert_non_null(items);
		items[i] = i;
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
	arena_done(&a);
}

static void buffer_fails_once_and_stays_failed(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 10);
	buf_add(&b, S("12345"));
	buf_u64(&b, 678);
	assert_true(buf_ok(&b));
	buf_add(&b, S("too long"));
	assert_false(buf_ok(&b));
	buf_char(&b, 'x');
	assert_false(buf_ok(&b));
	assert_true(str_eq(buf_str(&b), S("12345678")));
	buf_reset(&b);
	buf_printf(&b, "%s", "ok");
	assert_true(buf_ok(&b));
	assert_true(str_eq(buf_str(&b), S("ok")));
	buf_done(&b);
}

static void buffer_counts_in_all_sizes(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 100);
	buf_u64(&b, 0);
	buf_char(&b, ' ');
	buf_u64(&b, UINT64_MAX);
	assert_true(str_eq(buf_str(&b), S("0 18446744073709551615")));
	buf_done(&b);
}

static void map_finds_what_was_put(void **state)
{
	(void)state;
	struct arena a;
	struct map m;
	arena_init(&a, ARENA_NO_CAP);
	map_init(&m, 5000);
	for (uint64_t i = 0; i < 5000; i++) {
		bool fresh = false;
		uint64_t *value = map_put(&m, arena_printf(&a, "key-%llu", (unsigned long long)i), &fresh);
		assert_non_null(value);
		assert_true(fresh);
		*value = i * 3;
	}
	assert_null(map_put(&m, S("one too many"), NULL));
	for (uint64_t i = 0; i < 5000; i++)
		assert_int_equal(*map_get(&m, arena_printf(&a, "key-%llu", (unsigned long long)i)), i * 3);
	assert_null(map_get(&m, S("absent")));
	map_clear(&m);
	assert_null(map_get(&m, S("key-1")));
	map_done(&m);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_stops_at_its_cap),
		cmocka_unit_test(arena_memory_is_aligned_and_apart),
		cmocka_unit_test(arena_text_is_terminated),
		cmocka_unit_test(arena_arrays_grow_and_keep_items),
		cmocka_unit_test(buffer_fails_once_and_stays_failed),
		cmocka_unit_test(buffer_counts_in_all_sizes),
		cmocka_unit_test(map_finds_what_was_put),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
