/* Time zones: files of our own making, and those of this machine beside its C library's own reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/zone.h"

static void put(struct buf *b, uint64_t n, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--)
		buf_char(b, (char)(n >> (8 * i)));
}

static void put_header(struct buf *b, unsigned times, unsigned types)
{
	buf_add(b, S("TZif2"));
	for (int i = 0; i < 15; i++)
		buf_char(b, 0);
	put(b, 0, 4);
	put(b, 0, 4);
	put(b, 0, 4);
	put(b, times, 4);
	put(b, types, 4);
	put(b, 4, 4);
}

/* One time, 2020-01-01T00:00:00Z, before which clocks are an hour ahead; then what the footer says. */
static struct zone *made(struct arena *a, const char *footer, struct error *err)
{
	struct buf b;
	buf_init(&b, 4096);
	put_header(&b, 0, 1);
	put(&b, 0, 6);
	buf_add(&b, S("UTC"));
	buf_char(&b, 0);
	put_header(&b, 1, 2);
	put(&b, 1577836800, 8);
	buf_char(&b, 1);
	put(&b, 3600, 4);
	put(&b, 0, 2);
	put(&b, 0, 4);
	put(&b, 0, 2);
	buf_add(&b, S("UTC"));
	buf_char(&b, 0);
	buf_printf(&b, "\n%s\n", footer);
	struct str text = arena_str(a, buf_str(&b));
	buf_done(&b);
	return zone_read(a, text, err);
}

static int64_t at(int y, int m, int d, int hour)
{
	return (clock_days_from_date(y, m, d) * 24 + hour) * INT64_C(3600000);
}

static void test_footers(void **state)
{
	static const struct {
		const char *footer;
		int year, month, day, hour, minutes;
	} cases[] = {
		{"EST5EDT,M3.2.0,M11.1.0", 2026, 1, 15, 12, -300},
		{"EST5EDT,M3.2.0,M11.1.0", 2026, 3, 8, 6, -300},
		{"EST5EDT,M3.2.0,M11.1.0", 2026, 3, 8, 7, -240}, /* at two by the clock */
		{"EST5EDT,M3.2.0,M11.1.0", 2026, 11, 1, 5, -240},
		{"EST5EDT,M3.2.0,M11.1.0", 2026, 11, 1, 6, -300},
		{"CET-1CEST,M3.5.0,M10.5.0/3", 2026, 3, 29, 1, 120},
		{"CET-1CEST,M3.5.0,M10.5.0/3", 2026, 10, 25, 1, 60},
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", 2026, 1, 1, 0, 660}, /* the south */
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", 2026, 7, 1, 0, 600},
		{"<+0330>-3:30", 2026, 7, 1, 0, 210},
		{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2026, 7, 1, 0, -60},
		{"XXX3YYY2,J60/0,J300/0", 2024, 3, 1, 4, -120}, /* day 60 is March 1 in leap years, too */
		{"XXX3YYY2,J60/0,J300/0", 2024, 2, 29, 4, -180},
		{"", 2026, 7, 1, 0, 0},
		{"EST5EDT,M3.2.0,M11.1.0", 2019, 7, 1, 0, 60}, /* before the table's only time */
	};
	struct arena a;
	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error err = {0};
		const struct zone *z = made(&a, cases[i].footer, &err);
		assert_non_null(z);
		int got = zone_minutes(z, at(cases[i].year, cases[i].month, cases[i].day, cases[i].hour));
		if (got != cases[i].minutes)
			fail_msg("row %zu: %d instead of %d", i, got, cases[i].minutes);
	}
	arena_done(&a);
}

static void test_refused(void **state)
{
	static const char *const footers[] = {
		"EST", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0", "5", "EST5EDT,M3.2.0,M11.1.0,"};
	struct arena a;
	struct error err = {0};
	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(footers) / sizeof(*footers); i++)
		assert_null(made(&a, footers[i], &err));
	assert_null(zone_read(&a, S("TZif"), &err));
	assert_null(zone_read(&a, S(""), &err));
	assert_int_equal(zone_minutes(NULL, 0), 0);
	arena_done(&a);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(zone_is_name(S("America/New_York")));
	assert_true(zone_is_name(S("Etc/GMT+5")));
	assert_true(zone_is_name(S("UTC")));
	assert_false(zone_is_name(S("../../etc/passwd")));
	assert_false(zone_is_name(S("/etc/passwd")));
	assert_false(zone_is_name(S("America//New_York")));
	assert_false(zone_is_name(S("America/")));
	assert_false(zone_is_name(S("")));
}

/* Every month of 80 years, in zones of all kinds. */
static void test_of_the_machine(void **state)
{
	static const char *const names[] = {"America/New_York",	 "Europe/Berlin",   "Australia/Sydney",
					    "Asia/Kolkata",	 "America/Phoenix", "Europe/Dublin",
					    "Africa/Casablanca", "Pacific/Chatham", "America/Sao_Paulo",
					    "Asia/Tehran",	 "America/Nuuk",    "UTC"};
	struct arena a;
	size_t seen = 0;
	(void)state;
	arena_init(&a, 1 << 22);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct error err = {0};
		struct str bytes;
		if (!file_read(&a, arena_printf(&a, "/usr/share/zoneinfo/%s", names[i]), 1 << 20, &bytes, &err))
			continue;
		const struct zone *z = zone_read(&a, bytes, &err);
		assert_non_null(z);
		setenv("TZ", names[i], 1);
		tzset();
		for (int64_t t = 0; t < INT64_C(80) * 366 * 86400; t += 86400 * 9 + 3607) {
			struct tm tm;
			time_t when = (time_t)t;
			assert_non_null(localtime_r(&when, &tm));
			if (zone_minutes(z, t * 1000) != (int)(tm.tm_gmtoff / 60))
				fail_msg("%s at %lld: %d instead of %ld", names[i], (long long)t,
					 zone_minutes(z, t * 1000), tm.tm_gmtoff / 60);
		}
		seen++;
	}
	arena_done(&a);
	if (!seen)
		skip(); /* a machine without the database */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_footers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_of_the_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
