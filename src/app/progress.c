/*
 * Progress of long work on standard error: one line that is drawn over on a terminal, and a plain line every few
 * seconds elsewhere, so that logs of scheduled runs stay short.
 */
#include "app/app.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define DRAW_EVERY_NS 100000000ull /* ten times a second is all an eye can use */
#define LINE_EVERY_NS 5000000000ull

void progress_start(struct progress *p, const char *label, const char *unit, uint64_t total)
{
	uint64_t now = clock_monotonic_ns();
	*p = (struct progress){.label = label, .unit = unit, .total = total, .started_ns = now, .shown_ns = now};
	p->terminal = isatty(STDERR_FILENO);
}

static double seconds_since(const struct progress *p, uint64_t now)
{
	double seconds = (double)(now - p->started_ns) / 1e9;
	return seconds > 1e-6 ? seconds : 1e-6;
}

static void draw(struct progress *p, uint64_t at, uint64_t done, uint64_t now)
{
	enum { WIDTH = 24 };
	char bar[WIDTH + 1];
	unsigned filled = p->total ? (unsigned)((double)WIDTH * (double)at / (double)p->total) : 0;
	for (unsigned i = 0; i < WIDTH; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[WIDTH] = 0;
	double rate = (double)done / seconds_since(p, now);
	if (p->total)
		fprintf(stderr, "\r%s [%s] %3.0f%%  %llu %s, %.0f/s\033[K", p->label, bar,
			100.0 * (double)at / (double)p->total, (unsigned long long)done, p->unit, rate);
	else
		fprintf(stderr, "\r%s  %llu %s, %.0f/s\033[K", p->label, (unsigned long long)done, p->unit, rate);
	fflush(stderr);
	p->drawn = true;
}

void progress_update(struct progress *p, uint64_t at, uint64_t done)
{
	uint64_t now = clock_monotonic_ns();
	if (p->total && at > p->total)
		at = p->total;
	if (now - p->shown_ns < (p->terminal ? DRAW_EVERY_NS : LINE_EVERY_NS))
		return;
	p->shown_ns = now;
	if (p->terminal) {
		draw(p, at, done, now);
		return;
	}
	fprintf(stderr, "%s: %llu %s", p->label, (unsigned long long)done, p->unit);
	if (p->total)
		fprintf(stderr, ", %.0f%%", 100.0 * (double)at / (double)p->total);
	fprintf(stderr, ", %.0f/s\n", (double)done / seconds_since(p, now));
}

void progress_clear(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
}

void progress_end(struct progress *p, uint64_t done)
{
	if (!p->drawn)
		return;
	draw(p, p->total, done, clock_monotonic_ns());
	fputc('\n', stderr);
	p->drawn = false;
}
