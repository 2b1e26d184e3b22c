/*
 * Time. Instants are milliseconds since 1970-01-01T00:00:00Z in an int64_t; durations on the monotonic clock are
 * nanoseconds. Pure rooms get the time as an argument instead of calling clock_now_ms().
 */
#ifndef FIRTH_BASE_CLOCK_H
#define FIRTH_BASE_CLOCK_H

#include <stdint.h>

#include "base/str.h"

int64_t clock_now_ms(void);
uint64_t clock_monotonic_ns(void);

#define CLOCK_INSTANT_SIZE 24
/* Writes "2026-11-24T01:47:03.123Z", 24 bytes and no zero: the FHIR instant. Years 0001 to 9999. */
void clock_format_instant(int64_t ms, char ret_text[CLOCK_INSTANT_SIZE]);

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back. Month 1..12, day 1..31. */
int64_t clock_days_from_date(int year, int month, int day);
void clock_date_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day);
int clock_days_in_month(int year, int month);

#endif
