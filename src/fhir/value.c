/* Dates with partial precision as ranges of instants, and decimals with the interval their digits stand for. */
#include "fhir/resource.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"

#define DAY_MS ((int64_t)86400000)

/* Exactly n digits at *at. */
static bool digits(struct str s, size_t *at, size_t n, int *ret_value)
{
	int value = 0;
	if (*at + n > s.n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = s.p[*at + i];
		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
	}
	*at += n;
	*ret_value = value;
	return true;
}

static bool skip(struct str s, size_t *at, char c)
{
	if (*at >= s.n || s.p[*at] != c)
		return false;
	(*at)++;
	return true;
}

struct civil {
	int year, month, day; /* month, day 0 when absent */
	int hour, minute, second; /* hour -1 when absent, second -1 */
	int64_t fraction_ms, fraction_width; /* ms, and how wide the last given digit is: 1000 without digits */
	int zone_minutes;
};

/* Digits past milliseconds are read and dropped: the store's clock is in milliseconds. */
static bool take_fraction(struct str s, size_t *at, struct civil *c)
{
	size_t start = *at;
	int64_t width = 1000;
	while (*at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9') {
		if (width > 1) {
			width /= 10;
			c->fraction_ms += (s.p[*at] - '0') * width;
		}
		(*at)++;
	}
	c->fraction_width = width;
	return *at > start;
}

static bool take_zone(struct str s, size_t *at, struct civil *c)
{
	int hours, minutes;
	if (*at == s.n || skip(s, at, 'Z'))
		return true;
	bool east = skip(s, at, '+');
	if (!east && !skip(s, at, '-'))
		return false;
	if (!digits(s, at, 2, &hours) || !skip(s, at, ':') || !digits(s, at, 2, &minutes) || hours > 14 || minutes > 59)
		return false;
	c->zone_minutes = (east ? 1 : -1) * (hours * 60 + minutes);
	return true;
}

static bool take_time(struct str s, size_t *at, struct civil *c)
{
	if (!digits(s, at, 2, &c->hour) || !skip(s, at, ':') || !digits(s, at, 2, &c->minute) || c->hour > 23 ||
	    c->minute > 59)
		return false;
	if (skip(s, at, ':')) {
		if (!digits(s, at, 2, &c->second) || c->second > 60)
			return false;
		if (skip(s, at, '.') && !take_fraction(s, at, c))
			return false;
	}
	return take_zone(s, at, c);
}

static bool take_date(struct str s, size_t *at, struct civil *c)
{
	if (!digits(s, at, 4, &c->year) || c->year < 1)
		return false;
	if (!skip(s, at, '-'))
		return true;
	if (!digits(s, at, 2, &c->month) || c->month < 1 || c->month > 12)
		return false;
	if (!skip(s, at, '-'))
		return true;
	return digits(s, at, 2, &c->day) && c->day >= 1 && c->day <= clock_days_in_month(c->year, c->month);
}

static int64_t first_instant(const struct civil *c)
{
	int64_t ms = clock_days_from_date(c->year, c->month ? c->month : 1, c->day ? c->day : 1) * DAY_MS;
	if (c->hour >= 0)
		ms += ((int64_t)c->hour * 60 + c->minute - c->zone_minutes) * 60000;
	if (c->second >= 0)
		ms += (int64_t)c->second * 1000 + c->fraction_ms;
	return ms;
}

static int64_t length_ms(const struct civil *c)
{
	if (c->second >= 0)
		return c->fraction_width;
	if (c->hour >= 0)
		return 60000;
	if (c->day)
		return DAY_MS;
	if (c->month)
		return clock_days_in_month(c->year, c->month) * DAY_MS;
	return (clock_days_from_date(c->year + 1, 1, 1) - clock_days_from_date(c->year, 1, 1)) * DAY_MS;
}

bool date_range(struct str text, int64_t *ret_low, int64_t *ret_high)
{
	struct civil c = {.hour = -1, .second = -1, .fraction_width = 1000};
	size_t at = 0;
	if (!take_date(text, &at, &c))
		return false;
	if (c.day && skip(text, &at, 'T') && !take_time(text, &at, &c))
		return false;
	if (at != text.n)
		return false;
	*ret_low = first_instant(&c);
	*ret_high = *ret_low + length_ms(&c) - 1;
	return true;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?, and the power of ten of the last digit. */
static bool scan_decimal(struct str s, int *ret_exponent)
{
	size_t at = 0, start;
	int exponent = 0;
	skip(s, &at, '-');
	start = at;
	while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9')
		at++;
	if (at == start || (s.p[start] == '0' && at > start + 1))
		return false;
	if (skip(s, &at, '.')) {
		start = at;
		while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9')
			at++;
		if (at == start)
			return false;
		exponent = -(int)(at - start);
	}
	if (at < s.n && (s.p[at] | 32) == 'e') {
		int power = 0;
		at++;
		bool negative = skip(s, &at, '-');
		if (!negative)
			skip(s, &at, '+');
		start = at;
		while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9' && at - start < 4)
			power = power * 10 + (s.p[at++] - '0');
		if (at == start)
			return false;
		exponent += negative ? -power : power;
	}
	*ret_exponent = exponent;
	return at == s.n;
}

bool decimal_range(struct str text, double *ret_value, double *ret_low, double *ret_high)
{
	char copy[64];
	int exponent;
	/* More digits than any measurement has are refused rather than rounded in silence. */
	if (text.n >= sizeof(copy) || !scan_decimal(text, &exponent))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	double value = strtod(copy, NULL), half = 0.5 * pow(10, exponent);
	if (!isfinite(value))
		return false;
	*ret_value = value;
	*ret_low = value - half;
	*ret_high = value + half;
	return true;
}
