/* Strings: comparing, splitting, numbers, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"

static void compares(void **state)
{
	(void)state;
	assert_true(str_cmp(S("a"), S("b")) < 0);
	assert_true(str_cmp(S("a"), S("a")) == 0);
	assert_true(str_cmp(S("ab"), S("a")) > 0);
	assert_true(str_eq_nocase(S("Bearer"), S("bEARER")));
	assert_false(str_eq_nocase(S("a"), S("ab")));
}

static void splits_with_empty_parts(void **state)
{
	(void)state;
	struct str rest = S("a,,b");
	assert_true(str_eq(str_split(&rest, ','), S("a")));
	assert_true(str_eq(str_split(&rest, ','), S("")));
	assert_non_null(rest.p);
	assert_true(str_eq(str_split(&rest, ','), S("b")));
	assert_null(rest.p);
}

static void words_of_a_list(void **state)
{
	(void)state;
	assert_true(str_has_word(S("read write"), S("write")));
	assert_true(str_has_word(S("read"), S("read")));
	assert_false(str_has_word(S("read write"), S("writ")));
	assert_false(str_has_word(S("read  write"), S("read write")));
	assert_false(str_has_word(STR_NULL, S("read")));
}

static void numbers_refuse_what_is_not_one(void **state)
{
	(void)state;
	uint64_t u = 7;
	int64_t i = 7;
	assert_true(str_to_u64(S("18446744073709551615"), &u));
	assert_true(u == UINT64_MAX);
	assert_false(str_to_u64(S("18446744073709551616"), &u));
	assert_false(str_to_u64(S(""), &u));
	assert_false(str_to_u64(S("1 "), &u));
	assert_true(str_to_i64(S("-12"), &i));
	assert_int_equal(i, -12);
	assert_false(str_to_i64(S("--1"), &i));
}

static void utf8_is_checked_to_the_letter(void **state)
{
	(void)state;
	assert_true(str_is_utf8(S("Zo\xC3\xAB \xF0\x9F\x98\x80")));
	assert_false(str_is_utf8(S("\xC0\xAF"))); /* overlong */
	assert_false(str_is_utf8(S("\xED\xA0\x80"))); /* surrogate */
	assert_false(str_is_utf8(S("\xF4\x90\x80\x80"))); /* past U+10FFFF */
	assert_false(str_is_utf8(S("\xE2\x82"))); /* cut off */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares),
		cmocka_unit_test(splits_with_empty_parts),
		cmocka_unit_test(words_of_a_list),
		cmocka_unit_test(numbers_refuse_what_is_not_one),
		cmocka_unit_test(utf8_is_checked_to_the_letter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
