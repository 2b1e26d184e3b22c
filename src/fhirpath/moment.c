/*
 * Dates, dateTimes and times that may be known in part only: reading, writing, order. An order that depends on what is
 * not known, be it the minute or the time zone, is unknown instead of guessed.
 */
#include "base/clock.h"
#include "fhirpath/fhirpath_priv.h"

enum { MAX_ZONE = 14 * 60, WESTMOST = 12 * 60, EASTMOST = 14 * 60, DAY_SECONDS = 86400 };

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* Takes n digits off *rest. */
static bool take_digits(struct str *rest, size_t n, unsigned *ret)
{
	unsigned value = 0;
	if (rest->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (rest->p[i] < '0' || rest->p[i] > '9')
			return false;
		value = value * 10 + (unsigned)(rest->p[i] - '0');
	}
	*rest = str_slice(*rest, n, rest->n);
	*ret = value;
	return true;
}

static bool take_char(struct str *rest, char c)
{
	if (rest->n == 0 || rest->p[0] != c)
		return false;
	*rest = str_slice(*rest, 1, rest->n);
	return true;
}

static bool parse_date(struct str *rest, struct path_moment *m)
{
	unsigned value;
	if (!take_digits(rest, 4, &value) || value == 0)
		return false;
	m->year = (int16_t)value;
	m->precision = PATH_TO_YEAR;
	if (!take_char(rest, '-'))
		return true;
	if (!take_digits(rest, 2, &value) || value < 1 || value > 12)
		return false;
	m->month = (uint8_t)value;
	m->precision = PATH_TO_MONTH;
	if (!take_char(rest, '-'))
		return true;
	if (!take_digits(rest, 2, &value) || value < 1 || value > (unsigned)clock_days_in_month(m->year, m->month))
		return false;
	m->day = (uint8_t)value;
	m->precision = PATH_TO_DAY;
	return true;
}

static bool parse_fraction(struct str *rest, struct path_moment *m)
{
	uint32_t scale = 100000000;
	size_t n = 0;
	for (; n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9'; n++) {
		m->nanoseconds += (uint32_t)(rest->p[n] - '0') * scale;
		scale /= 10;
	}
	if (n == 0 || n > 20)
		return false;
	m->digits = (uint8_t)(n > 9 ? 9 : n);
	m->precision = PATH_TO_FRACTION;
	*rest = str_slice(*rest, n, rest->n);
	return true;
}

static bool parse_clock(struct str *rest, struct path_moment *m)
{
	unsigned value;
	if (!take_digits(rest, 2, &value) || value > 23)
		return false;
	m->hour = (uint8_t)value;
	m->precision = PATH_TO_HOUR;
	if (!take_char(rest, ':'))
		return true;
	if (!take_digits(rest, 2, &value) || value > 59)
		return false;
	m->minute = (uint8_t)value;
	m->precision = PATH_TO_MINUTE;
	if (!take_char(rest, ':'))
		return true;
	if (!take_digits(rest, 2, &value) || value > 60) /* 60 is a leap second */
		return false;
	m->second = (uint8_t)value;
	m->precision = PATH_TO_SECOND;
	return !take_char(rest, '.') || parse_fraction(rest, m);
}

static bool parse_zone(struct str *rest, struct path_moment *m)
{
	unsigned hours, minutes;
	if (rest->n == 0)
		return true;
	m->zoned = true;
	if (take_char(rest, 'Z'))
		return true;
	bool west = rest->p[0] == '-';
	if (!take_char(rest, '+') && !take_char(rest, '-'))
		return false;
	if (!take_digits(rest, 2, &hours) || !take_char(rest, ':') || !take_digits(rest, 2, &minutes) || minutes > 59 ||
	    hours * 60 + minutes > MAX_ZONE)
		return false;
	m->zone = (int16_t)(west ? -(int)(hours * 60 + minutes) : (int)(hours * 60 + minutes));
	return true;
}

bool moment_parse(struct str text, enum path_kind kind, struct path_moment *ret_moment)
{
	struct path_moment m = {0};
	bool ok = kind == PATH_TIME ? parse_clock(&text, &m) : parse_date(&text, &m);
	if (ok && kind == PATH_DATETIME && take_char(&text, 'T') && text.n)
		ok = m.precision == PATH_TO_DAY && parse_clock(&text, &m) && parse_zone(&text, &m);
	if (!ok || text.n)
		return false;
	*ret_moment = m;
	return true;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static void write_clock(struct buf *out, const struct path_moment *m)
{
	buf_printf(out, "%02u", m->hour);
	if (m->precision >= PATH_TO_MINUTE)
		buf_printf(out, ":%02u", m->minute);
	if (m->precision >= PATH_TO_SECOND)
		buf_printf(out, ":%02u", m->second);
	if (m->precision == PATH_TO_FRACTION) {
		char digits[16];
		struct buf text;
		buf_init(&text, sizeof(digits));
		buf_printf(&text, "%09u", m->nanoseconds);
		buf_char(out, '.');
		buf_add(out, str_slice(buf_str(&text), 0, m->digits));
		buf_done(&text);
	}
}

void moment_write(struct buf *out, const struct path_moment *m, enum path_kind kind)
{
	if (kind == PATH_TIME) {
		write_clock(out, m);
		return;
	}
	buf_printf(out, "%04d", m->year);
	if (m->precision >= PATH_TO_MONTH)
		buf_printf(out, "-%02u", m->month);
	if (m->precision >= PATH_TO_DAY)
		buf_printf(out, "-%02u", m->day);
	if (m->precision < PATH_TO_HOUR)
		return;
	buf_char(out, 'T');
	write_clock(out, m);
	if (m->zoned && m->zone == 0)
		buf_char(out, 'Z');
	else if (m->zoned)
		buf_printf(out, "%c%02d:%02d", m->zone < 0 ? '-' : '+', (m->zone < 0 ? -m->zone : m->zone) / 60,
			   (m->zone < 0 ? -m->zone : m->zone) % 60);
}

/* ---- order ----------------------------------------------------------------------------------------------------- */

/* Seconds since 1970 in the moment's own zone; unknown parts as early as they can be. */
static int64_t local_seconds(const struct path_moment *m)
{
	int64_t days = m->year ? clock_days_from_date(m->year, m->month ? m->month : 1, m->day ? m->day : 1) : 0;
	return days * DAY_SECONDS + m->hour * 3600 + m->minute * 60 + m->second;
}

/* Seconds that the unknown parts may add. */
static int64_t uncertain_seconds(const struct path_moment *m)
{
	switch (m->precision) {
	case PATH_TO_YEAR:
		return 366 * DAY_SECONDS - 1;
	case PATH_TO_MONTH:
		return clock_days_in_month(m->year, m->month) * DAY_SECONDS - 1;
	case PATH_TO_DAY:
		return DAY_SECONDS - 1;
	case PATH_TO_HOUR:
		return 3599;
	case PATH_TO_MINUTE:
		return 59;
	default:
		return 0;
	}
}

/* One has a zone and the other has none: whatever zone that may be, is the order the same? */
static enum order order_across(const struct path_moment *zoned, const struct path_moment *local)
{
	int64_t low = local_seconds(zoned) - zoned->zone * 60, high = low + uncertain_seconds(zoned);
	int64_t from = local_seconds(local) - EASTMOST * 60;
	int64_t to = local_seconds(local) + uncertain_seconds(local) + WESTMOST * 60;
	if (high < from)
		return ORDER_LESS;
	return low > to ? ORDER_GREATER : ORDER_UNKNOWN;
}

static enum order flip(enum order o)
{
	return o == ORDER_LESS ? ORDER_GREATER : o == ORDER_GREATER ? ORDER_LESS : o;
}

struct path_moment moment_of_ms(int64_t ms, int zone)
{
	int64_t local = ms + (int64_t)zone * 60000;
	int64_t days = local / 86400000 - (local % 86400000 < 0), rest = local - days * 86400000;
	int year, month, day;
	clock_date_from_days(days, &year, &month, &day);
	return (struct path_moment){.year = (int16_t)year,
				    .month = (uint8_t)month,
				    .day = (uint8_t)day,
				    .hour = (uint8_t)(rest / 3600000),
				    .minute = (uint8_t)(rest / 60000 % 60),
				    .second = (uint8_t)(rest / 1000 % 60),
				    .nanoseconds = (uint32_t)(rest % 1000) * 1000000,
				    .digits = 3,
				    .precision = PATH_TO_FRACTION,
				    .zoned = true,
				    .zone = (int16_t)zone};
}

/* The same instant in UTC, to the same precision. */
static struct path_moment to_utc(const struct path_moment *m)
{
	struct path_moment utc = moment_of_ms((local_seconds(m) - m->zone * 60) * 1000, 0);
	if (m->zone == 0)
		return *m;
	utc.nanoseconds = m->nanoseconds;
	utc.precision = m->precision;
	/* An hour of a zone that is off by minutes is no whole hour in UTC. */
	if (m->precision == PATH_TO_HOUR && utc.minute == 0)
		return utc;
	return utc;
}

static int64_t part(const struct path_moment *m, int which)
{
	switch (which) {
	case PATH_TO_YEAR:
		return m->year;
	case PATH_TO_MONTH:
		return m->month;
	case PATH_TO_DAY:
		return m->day;
	case PATH_TO_HOUR:
		return m->hour;
	case PATH_TO_MINUTE:
		return m->minute;
	default: /* seconds and their fraction are one number */
		return m->second * INT64_C(1000000000) + m->nanoseconds;
	}
}

static enum order order_by_parts(const struct path_moment *a, const struct path_moment *b)
{
	int x = a->precision > PATH_TO_SECOND ? PATH_TO_SECOND : a->precision;
	int y = b->precision > PATH_TO_SECOND ? PATH_TO_SECOND : b->precision;
	for (int i = PATH_TO_YEAR; i <= x && i <= y; i++) {
		int64_t p = part(a, i), q = part(b, i);
		if (p != q)
			return p < q ? ORDER_LESS : ORDER_GREATER;
	}
	return x == y ? ORDER_EQUAL : ORDER_UNKNOWN;
}

enum order moment_order(const struct path_moment *a, const struct path_moment *b)
{
	if (a->zoned && !b->zoned)
		return order_across(a, b);
	if (b->zoned && !a->zoned)
		return flip(order_across(b, a));
	if (!a->zoned || a->zone == b->zone)
		return order_by_parts(a, b);
	struct path_moment x = to_utc(a), y = to_utc(b);
	return order_by_parts(&x, &y);
}

/* ---- boundaries ------------------------------------------------------------------------------------------------ */

static int digits_of(int precision, enum path_kind kind)
{
	static const int digits[] = {0, 4, 6, 8, 10, 12, 14, 17};
	return kind == PATH_TIME ? digits[precision] - 8 : digits[precision];
}

int moment_digits(const struct path_moment *m, enum path_kind kind)
{
	return digits_of(m->precision, kind);
}

static void fill_part(struct path_moment *m, int which, bool high)
{
	switch (which) {
	case PATH_TO_MONTH:
		m->month = high ? 12 : 1;
		break;
	case PATH_TO_DAY:
		m->day = (uint8_t)(high ? clock_days_in_month(m->year, m->month) : 1);
		break;
	case PATH_TO_HOUR:
		m->hour = high ? 23 : 0;
		break;
	case PATH_TO_MINUTE:
		m->minute = high ? 59 : 0;
		break;
	case PATH_TO_SECOND:
		m->second = high ? 59 : 0;
		break;
	default:
		m->nanoseconds = high ? 999000000 : 0;
	}
}

static void cut_part(struct path_moment *m, int which)
{
	switch (which) {
	case PATH_TO_MONTH:
		m->month = 0;
		break;
	case PATH_TO_DAY:
		m->day = 0;
		break;
	case PATH_TO_HOUR:
		m->hour = 0;
		m->zoned = false;
		m->zone = 0;
		break;
	case PATH_TO_MINUTE:
		m->minute = 0;
		break;
	case PATH_TO_SECOND:
		m->second = 0;
		break;
	default:
		m->nanoseconds = 0;
		m->digits = 0;
	}
}

bool moment_boundary(struct path_moment *m, enum path_kind kind, int digits, bool high)
{
	int wanted = kind == PATH_TIME ? PATH_TO_HOUR : PATH_TO_YEAR;
	int last = kind == PATH_DATE ? PATH_TO_DAY : PATH_TO_FRACTION;
	while (wanted <= last && digits_of(wanted, kind) != digits)
		wanted++;
	if (wanted > last)
		return false;
	for (int i = m->precision + 1; i <= wanted; i++)
		fill_part(m, i, high);
	for (int i = m->precision; i > wanted; i--)
		cut_part(m, i);
	if (wanted == PATH_TO_FRACTION && m->precision < PATH_TO_FRACTION)
		m->digits = 3;
	m->precision = (uint8_t)wanted;
	if (kind == PATH_DATETIME && wanted >= PATH_TO_HOUR && !m->zoned) {
		m->zoned = true;
		m->zone = high ? -WESTMOST : EASTMOST;
	}
	return true;
}

/* ---- sums ------------------------------------------------------------------------------------------------------ */

static bool add_months(struct path_moment *m, int64_t months)
{
	int64_t total = m->year * INT64_C(12) + (m->month ? m->month - 1 : 0) + months;
	if (months > 200000 || months < -200000 || total < 12 || total >= INT64_C(120000))
		return false;
	m->year = (int16_t)(total / 12);
	if (m->month)
		m->month = (uint8_t)(total % 12 + 1);
	int last = m->day ? clock_days_in_month(m->year, m->month) : 0;
	if (m->day > last)
		m->day = (uint8_t)last;
	return true;
}

static bool add_seconds(struct path_moment *m, enum path_kind kind, int64_t seconds, int64_t nanoseconds)
{
	int64_t nanos = m->nanoseconds + nanoseconds;
	int64_t at = local_seconds(m) + seconds + nanos / 1000000000 - (nanos % 1000000000 < 0);
	nanos = (nanos % 1000000000 + 1000000000) % 1000000000;
	if (kind == PATH_TIME)
		at = (at % DAY_SECONDS + DAY_SECONDS) % DAY_SECONDS;
	else if (at < INT64_C(-62135596800) || at > INT64_C(253402300799))
		return false;
	struct path_moment sum = moment_of_ms(at * 1000, 0);
	if (kind != PATH_TIME) {
		m->year = sum.year;
		m->month = sum.month;
		m->day = sum.day;
	}
	m->hour = sum.hour;
	m->minute = sum.minute;
	m->second = sum.second;
	m->nanoseconds = (uint32_t)nanos;
	return true;
}

/* A span of seconds to a date that is not known to the second: as many whole units of its precision as fit. */
static bool add_span(struct path_moment *m, enum path_kind kind, int64_t seconds, int64_t nanoseconds)
{
	switch (m->precision) {
	case PATH_TO_YEAR:
		return add_months(m, seconds / (365 * DAY_SECONDS) * 12);
	case PATH_TO_MONTH:
		return add_months(m, seconds / (30 * DAY_SECONDS));
	case PATH_TO_DAY:
		return add_seconds(m, kind, seconds / DAY_SECONDS * DAY_SECONDS, 0);
	case PATH_TO_HOUR:
		return add_seconds(m, kind, seconds / 3600 * 3600, 0);
	case PATH_TO_MINUTE:
		return add_seconds(m, kind, seconds / 60 * 60, 0);
	default:
		if (nanoseconds && m->precision == PATH_TO_SECOND)
			m->precision = PATH_TO_FRACTION;
		if (nanoseconds && m->digits < 3)
			m->digits = 3;
		return add_seconds(m, kind, seconds, nanoseconds);
	}
}

static const int64_t span_seconds[] = {
	[SPAN_WEEK] = 7 * DAY_SECONDS,
	[SPAN_DAY] = DAY_SECONDS,
	[SPAN_HOUR] = 3600,
	[SPAN_MINUTE] = 60,
	[SPAN_SECOND] = 1,
};

bool moment_add(struct path_moment *m, enum path_kind kind, const struct decimal *amount, enum span unit)
{
	struct decimal whole = decimal_round(amount, 0, DECIMAL_DOWN), nanos;
	struct decimal scale = decimal_from_i64(unit == SPAN_MILLISECOND ? 1000000 : 1000000000);
	int64_t n, ns;
	if (unit == SPAN_NONE || (kind == PATH_TIME && unit < SPAN_HOUR))
		return false;
	if (!decimal_to_i64(&whole, &n) || n > INT64_C(1000000000000) || n < -INT64_C(1000000000000))
		return false;
	switch (unit) {
	case SPAN_YEAR:
		return n < 20000 && n > -20000 && add_months(m, n * 12);
	case SPAN_MONTH:
		return add_months(m, m->precision == PATH_TO_YEAR ? n / 12 * 12 : n);
	case SPAN_SECOND:
	case SPAN_MILLISECOND:
		if (!decimal_mul(amount, &scale, &nanos))
			return false;
		nanos = decimal_round(&nanos, 0, DECIMAL_DOWN);
		return decimal_to_i64(&nanos, &ns) && add_span(m, kind, ns / 1000000000, ns % 1000000000);
	default:
		return n < INT64_C(10000000000) && n > -INT64_C(10000000000) &&
		       add_span(m, kind, n * span_seconds[unit], 0);
	}
}
