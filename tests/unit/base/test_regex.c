/* Regular expressions and code points: what matches, what is replaced, what is refused, and that nothing hangs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/regex.h"
#include "base/unicode.h"

static void matches(void **state)
{
	static const struct {
		const char *pattern, *text;
		unsigned flags;
		bool found;
	} rows[] = {
		{"b", "abc", 0, true},
		{"^b", "abc", 0, false},
		{"b", "abc", REGEX_WHOLE, false},
		{"a.c", "a\nc", REGEX_WHOLE, true},
		{"B", "abc", REGEX_NO_CASE, true},
		{"^b$", "a\nb\nc", REGEX_LINES, true},
		{"^b$", "a\nb\nc", 0, false},
		{"^\\p{Lu}\\w+$", "Ärger", 0, true},
		{"^.$", "ü", 0, true},
		{"", "", REGEX_WHOLE, true},
	};
	struct arena a;
	(void)state;
	arena_init(&a, 16 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool found;
		const struct regex *r = regex_compile(&a, str_from(rows[i].pattern), rows[i].flags, NULL);
		assert_non_null(r);
		assert_true(regex_search(r, str_from(rows[i].text), &found, NULL));
		if (found != rows[i].found)
			fail_msg("%s on %s", rows[i].pattern, rows[i].text);
	}
	arena_done(&a);
}

static void replaces(void **state)
{
	static const struct {
		const char *pattern, *text, *by, *wanted; /* wanted NULL: refused */
	} rows[] = {
		{"[0-9]", "a1b2", "#", "a#b#"},
		{"(\\w)(\\w)", "abcd", "$2$1", "badc"},
		{"(?<x>b)", "abc", "[${x}]", "a[b]c"},
		{"b", "abc", "$$", "a$c"},
		{"x", "abc", "y", "abc"},
		{"b", "abc", "${none}", NULL},
	};
	struct arena a;
	struct buf out;
	(void)state;
	arena_init(&a, 16 << 20);
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		uint64_t steps = 0;
		const struct regex *r = regex_compile(&a, str_from(rows[i].pattern), 0, NULL);
		buf_reset(&out);
		bool ok = regex_replace(r, str_from(rows[i].text), str_from(rows[i].by), &out, &steps, &err);
		assert_int_equal(ok, rows[i].wanted != NULL);
		if (ok && !str_eq(buf_str(&out), str_from(rows[i].wanted)))
			fail_msg("%s: %.*s", rows[i].pattern, STR_ARG(buf_str(&out)));
		assert_true(ok || err.code == ERR_VALUE);
	}
	buf_done(&out);
	arena_done(&a);
}

static void refuses(void **state)
{
	static const char *const rows[] = {"(", "[", "*", "\\p{Nonsense}", "(?<x", "\\C"};
	struct arena a;
	(void)state;
	arena_init(&a, 16 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		assert_null(regex_compile(&a, str_from(rows[i]), 0, &err));
		assert_int_equal(err.code, ERR_VALUE);
		assert_non_null(strstr(err.text, "regular expression"));
	}
	arena_done(&a);
}

/* Each of them would take minutes to years without limits. */
static void gives_up_in_time(void **state)
{
	static const char *const rows[] = {"^(a+)+$", "(a|aa)+$", "a*a*a*b?c?d", "(.*)(.*)(.*)x{2}y", "[ab]*[ac]*d?e"};
	struct arena a;
	struct buf text;
	(void)state;
	arena_init(&a, 256 << 20);
	buf_init(&text, 4 << 20);
	for (size_t i = 0; i < 5000; i++)
		buf_char(&text, 'a');
	buf_add(&text, S("xxy!"));
	text.n -= 3;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		bool found;
		const struct regex *r = regex_compile(&a, str_from(rows[i]), 0, NULL);
		if (!regex_search(r, buf_str(&text), &found, &err))
			assert_int_equal(err.code, ERR_LIMIT);
		else
			assert_false(found);
	}
	buf_reset(&text);
	while (text.n <= REGEX_MAX_TEXT)
		buf_add(&text, S("0123456789"));
	struct error err = {0};
	bool found;
	assert_false(regex_search(regex_compile(&a, S("x"), 0, NULL), buf_str(&text), &found, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_done(&text);
	arena_done(&a);
}

static void counts_code_points(void **state)
{
	struct buf out;
	(void)state;
	struct str text = S("Grün \xF0\x9F\xA6\xB6!");
	assert_int_equal(unicode_length(text), 7);
	assert_int_equal(unicode_offset(text, 3), 4);
	assert_int_equal(unicode_offset(text, 99), text.n);
	assert_int_equal(unicode_length(S("\xFF\xC3")), 2);
	buf_init(&out, 100);
	unicode_upper(&out, text);
	assert_true(str_eq(buf_str(&out), S("GRÜN \xF0\x9F\xA6\xB6!")));
	buf_reset(&out);
	unicode_write(&out, 0xD800);
	assert_true(str_eq(buf_str(&out), S("\xEF\xBF\xBD")));
	assert_true(unicode_is_space(0xA0) && unicode_is_space('\t') && !unicode_is_space('x'));
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),	    cmocka_unit_test(replaces),		  cmocka_unit_test(refuses),
		cmocka_unit_test(gives_up_in_time), cmocka_unit_test(counts_code_points),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
