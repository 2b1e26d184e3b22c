/* Errors, time, random ids and codings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/error.h"
#include "base/random.h"

static void first_error_wins_and_takes_context(void **state)
{
	(void)state;
	struct error e = {0};
	assert_false(error_set(&e, ERR_VALUE, "first %d", 1));
	assert_false(error_set(&e, ERR_INTERNAL, "second"));
	assert_int_equal(e.code, ERR_VALUE);
	error_context(&e, "file.json");
	assert_string_equal(e.text, "file.json: first 1");
	assert_false(error_set(NULL, ERR_VALUE, "nobody listens"));
}

static void long_errors_are_cut_between_characters(void **state)
{
	(void)state;
	struct error e = {0};
	char text[600];
	memset(text, 0, sizeof(text));
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xC3\xA9", 2);
	error_set(&e, ERR_VALUE, "x%s", text);
	assert_true(str_is_utf8(str_from(e.text)));
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1 - (sizeof(e.text) - 2) % 2);
}

static void broken_bytes_in_errors_become_question_marks(void **state)
{
	(void)state;
	struct error e = {0};
	error_set_at(&e, ERR_VALUE, str_make("Patient.\xC3", 9), "had \xFF, \xC3\xA9 and \xE2\x82");
	assert_string_equal(e.text, "had ?, \xC3\xA9 and ??");
	assert_string_equal(e.path, "Patient.?");
	error_context(&e, "a\x80");
	assert_string_equal(e.text, "a?: had ?, \xC3\xA9 and ??");
}

static void every_code_has_a_face(void **state)
{
	(void)state;
	for (int code = 1; code < ERR_COUNT; code++) {
		assert_true(error_http_status(code) >= 400 && error_http_status(code) < 600);
		assert_true(strlen(error_name(code)) > 0);
		assert_true(strlen(error_issue_type(code)) > 0);
		assert_true(strlen(error_default_text(code)) > 0);
	}
}

static void instants_are_written(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{1795484823123, "2026-11-24T01:47:03.123Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{-62135596800000, "0001-01-01T00:00:00.000Z"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[CLOCK_INSTANT_SIZE + 1] = {0};
		clock_format_instant(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void days_count_through_the_calendar(void **state)
{
	(void)state;
	int64_t day = clock_days_from_date(1599, 12, 31);
	for (int year = 1600; year < 2401; year++) {
		for (int month = 1; month <= 12; month++) {
			for (int d = 1; d <= clock_days_in_month(year, month); d++) {
				int y2, m2, d2;
				assert_int_equal(clock_days_from_date(year, month, d), ++day);
				clock_date_from_days(day, &y2, &m2, &d2);
				assert_true(y2 == year && m2 == month && d2 == d);
			}
		}
	}
}

static void uuids_differ_and_have_their_form(void **state)
{
	(void)state;
	char a[UUID_SIZE + 1] = {0}, b[UUID_SIZE + 1] = {0}, c[UUID_SIZE + 1] = {0};
	random_uuid(a);
	random_uuid(b);
	random_uuid_ordered(c);
	assert_string_not_equal(a, b);
	assert_int_equal(a[14], '4');
	assert_int_equal(c[14], '7');
	for (int i = 0; i < UUID_SIZE; i++)
		assert_true((i == 8 || i == 13 || i == 18 || i == 23) == (a[i] == '-'));
}

static void codings_follow_their_rfcs(void **state)
{
	(void)state;
	/* RFC 4648 section 10 */
	static const char *const vectors[][2] = {{"", ""},
						 {"f", "Zg=="},
						 {"fo", "Zm8="},
						 {"foo", "Zm9v"},
						 {"foob", "Zm9vYg=="},
						 {"fooba", "Zm9vYmE="},
						 {"foobar", "Zm9vYmFy"}};
	struct buf out;
	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		buf_reset(&out);
		encode_base64(&out, str_from(vectors[i][0]));
		assert_true(str_eq(buf_str(&out), str_from(vectors[i][1])));
	}
	buf_reset(&out);
	encode_base64url(&out, S("\xFB\xFF\xFE"));
	assert_true(str_eq(buf_str(&out), S("-__-")));
	buf_reset(&out);
	assert_true(decode_base64url(&out, S("-__-")));
	assert_true(str_eq(buf_str(&out), S("\xFB\xFF\xFE")));
	assert_false(decode_base64url(&out, S("A")));
	assert_false(decode_base64url(&out, S("AB"))); /* stray bits */
	assert_false(decode_base64url(&out, S("AA==")));
	buf_done(&out);
}

static void percent_coding_refuses_broken_escapes(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 1000);
	assert_true(decode_percent(&out, S("a%20b+c%C3%A9"), true));
	assert_true(str_eq(buf_str(&out), S("a b c\xC3\xA9")));
	buf_reset(&out);
	assert_true(decode_percent(&out, S("a+%2B"), false));
	assert_true(str_eq(buf_str(&out), S("a++")));
	assert_false(decode_percent(&out, S("%"), true));
	assert_false(decode_percent(&out, S("%2"), true));
	assert_false(decode_percent(&out, S("%zz"), true));
	assert_false(decode_percent(&out, S("%00"), true));
	buf_reset(&out);
	encode_percent(&out, S("a b/\xC3\xA9~"));
	assert_true(str_eq(buf_str(&out), S("a%20b%2F%C3%A9~")));
	buf_reset(&out);
	encode_html(&out, S("<a href='x'>&\"</a>"));
	assert_true(str_eq(buf_str(&out), S("&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;")));
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_error_wins_and_takes_context),
		cmocka_unit_test(long_errors_are_cut_between_characters),
		cmocka_unit_test(broken_bytes_in_errors_become_question_marks),
		cmocka_unit_test(every_code_has_a_face),
		cmocka_unit_test(instants_are_written),
		cmocka_unit_test(days_count_through_the_calendar),
		cmocka_unit_test(uuids_differ_and_have_their_form),
		cmocka_unit_test(codings_follow_their_rfcs),
		cmocka_unit_test(percent_coding_refuses_broken_escapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
