/* Clocks and the Gregorian calendar, without time zones or locale. */
#include "base/clock.h"

#include <time.h>

int64_t clock_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t clock_monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The calendar is counted in years that start in March, so the leap day is the last of its year; 400 such years have
 * 146,097 days, and 719,468 days lie between 0000-03-01 and 1970-01-01. */
int64_t clock_days_from_date(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t cycle = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_cycle = y - cycle * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int64_t day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
	return cycle * 146097 + day_of_cycle - 719468;
}

void clock_date_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	days += 719468;
	int64_t cycle = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_cycle = days - cycle * 146097;
	int64_t year_of_cycle =
		(day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
	int64_t day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
	int64_t shifted_month = (5 * day_of_year + 2) / 153;
	*ret_day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
	*ret_month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
	*ret_year = (int)(year_of_cycle + cycle * 400 + (*ret_month <= 2));
}

int clock_days_in_month(int year, int month)
{
	static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return month == 2 && leap ? 29 : days[month - 1];
}

static void put_digits(char *p, int count, int64_t value)
{
	for (int i = count - 1; i >= 0; i--) {
		p[i] = (char)('0' + value % 10);
		value /= 10;
	}
}

void clock_format_instant(int64_t ms, char ret_text[CLOCK_INSTANT_SIZE])
{
	const int64_t day_ms = 86400000;
	int64_t days = (ms >= 0 ? ms : ms - (day_ms - 1)) / day_ms;
	int64_t rest = ms - days * day_ms;
	int year, month, day;
	clock_date_from_days(days, &year, &month, &day);
	memcpy(ret_text, "0000-00-00T00:00:00.000Z", CLOCK_INSTANT_SIZE);
	put_digits(ret_text, 4, year);
	put_digits(ret_text + 5, 2, month);
	put_digits(ret_text + 8, 2, day);
	put_digits(ret_text + 11, 2, rest / 3600000);
	put_digits(ret_text + 14, 2, rest / 60000 % 60);
	put_digits(ret_text + 17, 2, rest / 1000 % 60);
	put_digits(ret_text + 20, 3, rest % 1000);
}
