/*
 * TZif files: two tables, of which the second has 64-bit times, and behind them a line that says what holds after the
 * last of these times, in the form of the POSIX variable TZ: "EST5EDT,M3.2.0,M11.1.0".
 */
#include "base/zone.h"

#include <string.h>

#include "base/clock.h"

enum { HEADER = 44, TYPE_SIZE = 6, DAY_S = 86400 };

/* A day of the year on which clocks change, and at which second of it by the clock. */
struct change {
	char kind; /* 'M': week, weekday of a month; 'J': day 1 to 365, never February 29; '0': day 0 to 365 */
	int month, week, day;
	int64_t at;
};
struct rest {
	bool known, summer;
	int64_t standard_s, summer_s; /* east of UTC */
	struct change begin, end; /* of summer time */
};
struct zone {
	const uint8_t *times, *indices, *types;
	size_t count, type_count;
	struct rest rest;
};

/* ---- TZ ---------------------------------------------------------------------------------------------------------- */

struct scan {
	struct str text;
	size_t at;
};

static char peek(const struct scan *s)
{
	return s->at < s->text.n ? s->text.p[s->at] : 0;
}

static bool take(struct scan *s, char c)
{
	bool there = peek(s) == c;
	s->at += there;
	return there;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool number(struct scan *s, int max, int *ret)
{
	int n = 0;
	size_t from = s->at;
	while (is_digit(peek(s)) && n <= max)
		n = n * 10 + (s->text.p[s->at++] - '0');
	*ret = n;
	return s->at > from && n <= max;
}

/* "EST", "<+0330>" */
static bool name(struct scan *s)
{
	size_t from = s->at;
	if (take(s, '<')) {
		while (peek(s) && peek(s) != '>')
			s->at++;
		return take(s, '>');
	}
	while ((peek(s) >= 'A' && peek(s) <= 'Z') || (peek(s) >= 'a' && peek(s) <= 'z'))
		s->at++;
	return s->at - from >= 3;
}

/* "5", "-3:30", "+167:00:00" as seconds. */
static bool clock_time(struct scan *s, int64_t *ret)
{
	int part[3] = {0};
	bool minus = take(s, '-');
	if (!minus)
		take(s, '+');
	if (!number(s, 167, &part[0]))
		return false;
	for (int i = 1; i < 3 && take(s, ':'); i++)
		if (!number(s, 59, &part[i]))
			return false;
	*ret = (part[0] * INT64_C(3600) + part[1] * INT64_C(60) + part[2]) * (minus ? -1 : 1);
	return true;
}

static bool read_change(struct scan *s, struct change *c)
{
	*c = (struct change){.kind = '0', .at = 2 * 3600};
	bool ok;
	if (take(s, 'M')) {
		c->kind = 'M';
		ok = number(s, 12, &c->month) && c->month > 0 && take(s, '.') && number(s, 5, &c->week) &&
		     c->week > 0 && take(s, '.') && number(s, 6, &c->day);
	} else {
		c->kind = take(s, 'J') ? 'J' : '0';
		ok = number(s, 365, &c->day);
	}
	return ok && (!take(s, '/') || clock_time(s, &c->at));
}

static bool read_rest(struct str text, struct rest *r)
{
	struct scan s = {text, 0};
	int64_t west;
	*r = (struct rest){0};
	if (!name(&s) || !clock_time(&s, &west))
		return false;
	r->standard_s = -west;
	r->known = true;
	if (s.at == text.n)
		return true;
	r->summer = true;
	r->summer_s = r->standard_s + 3600;
	if (!name(&s))
		return false;
	if (peek(&s) != ',') {
		if (!clock_time(&s, &west))
			return false;
		r->summer_s = -west;
	}
	return take(&s, ',') && read_change(&s, &r->begin) && take(&s, ',') && read_change(&s, &r->end) &&
	       s.at == text.n;
}

static bool is_leap(int year)
{
	return clock_days_in_month(year, 2) == 29;
}

/* The second of a year's change, by a clock that shows what held before it. */
static int64_t change_in(const struct change *c, int year)
{
	int64_t day;
	if (c->kind == 'M') {
		int64_t first = clock_days_from_date(year, c->month, 1);
		int weekday = (int)(((first + 4) % 7 + 7) % 7), days = clock_days_in_month(year, c->month);
		int date = 1 + (c->day - weekday + 7) % 7 + (c->week - 1) * 7;
		while (date > days)
			date -= 7;
		day = first + date - 1;
	} else {
		int n = c->kind == 'J' ? c->day - 1 + (is_leap(year) && c->day >= 60) : c->day;
		day = clock_days_from_date(year, 1, 1) + n;
	}
	return day * DAY_S + c->at;
}

static int64_t rest_offset(const struct rest *r, int64_t s)
{
	int year, month, day;
	int64_t local = s + r->standard_s;
	if (!r->summer)
		return r->standard_s;
	clock_date_from_days(local / DAY_S - (local % DAY_S < 0), &year, &month, &day);
	int64_t begin = change_in(&r->begin, year) - r->standard_s, end = change_in(&r->end, year) - r->summer_s;
	bool summer = begin < end ? s >= begin && s < end : s >= begin || s < end; /* the south's goes over New Year */
	return summer ? r->summer_s : r->standard_s;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static uint64_t big_endian(const uint8_t *p, int bytes)
{
	uint64_t n = 0;
	for (int i = 0; i < bytes; i++)
		n = n << 8 | p[i];
	return n;
}

struct counts {
	uint64_t ut, standard, leap, times, types, chars;
};

static bool read_header(struct str bytes, size_t at, struct counts *c)
{
	if (at > bytes.n || bytes.n - at < HEADER || memcmp(bytes.p + at, "TZif", 4) != 0)
		return false;
	const uint8_t *p = (const uint8_t *)bytes.p + at + 20;
	*c = (struct counts){big_endian(p, 4),	    big_endian(p + 4, 4),  big_endian(p + 8, 4),
			     big_endian(p + 12, 4), big_endian(p + 16, 4), big_endian(p + 20, 4)};
	return true;
}

static uint64_t body_size(const struct counts *c, uint64_t time)
{
	return c->times * (time + 1) + c->types * TYPE_SIZE + c->chars + c->leap * (time + 4) + c->standard + c->ut;
}

static bool lay_out(struct zone *z, struct str bytes)
{
	struct counts c;
	if (!read_header(bytes, 0, &c) || bytes.p[4] < '2')
		return false;
	uint64_t at = HEADER + body_size(&c, 4);
	if (at > bytes.n || !read_header(bytes, (size_t)at, &c) || !c.types || c.types > 256)
		return false;
	at += HEADER;
	uint64_t end = at + body_size(&c, 8);
	if (end >= bytes.n || bytes.p[end] != '\n')
		return false;
	z->times = (const uint8_t *)bytes.p + at;
	z->indices = z->times + c.times * 8;
	z->types = z->indices + c.times;
	z->count = (size_t)c.times;
	z->type_count = (size_t)c.types;
	for (size_t i = 0; i < z->count; i++)
		if (z->indices[i] >= z->type_count)
			return false;
	struct str footer = str_slice(bytes, (size_t)end + 1, bytes.n);
	size_t line = str_find_char(footer, '\n', 0);
	if (line == STR_NONE)
		return false;
	return !line || read_rest(str_slice(footer, 0, line), &z->rest);
}

struct zone *zone_read(struct arena *a, struct str bytes, struct error *err)
{
	struct zone *z = ARENA_NEW(a, struct zone);
	if (!z) {
		error_memory(err);
		return NULL;
	}
	*z = (struct zone){0};
	if (lay_out(z, bytes))
		return z;
	error_set(err, ERR_VALUE, "This is no file of a time zone (TZif, version 2 or later).");
	return NULL;
}

static int64_t time_at(const struct zone *z, size_t i)
{
	return (int64_t)big_endian(z->times + i * 8, 8);
}

static int64_t offset_of(const struct zone *z, size_t type)
{
	return (int32_t)(uint32_t)big_endian(z->types + type * TYPE_SIZE, 4);
}

int zone_minutes(const struct zone *z, int64_t ms)
{
	int64_t s = ms / 1000 - (ms % 1000 < 0);
	size_t from = 0, to = z ? z->count : 0;
	if (!z)
		return 0;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (time_at(z, middle) <= s)
			from = middle + 1;
		else
			to = middle;
	}
	if (from == z->count && z->rest.known)
		return (int)(rest_offset(&z->rest, s) / 60);
	return (int)(offset_of(z, from ? z->indices[from - 1] : 0) / 60);
}

bool zone_is_name(struct str text)
{
	bool start = true;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		if (!letter && (start || (!is_digit(c) && c != '_' && c != '-' && c != '+' && c != '/')))
			return false;
		start = c == '/';
	}
	return text.n && text.n <= 64 && !start;
}
