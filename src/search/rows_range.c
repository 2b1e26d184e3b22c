/* Rows that are ranges: dates, numbers and quantities (R4 search.html#date, #number, #quantity). */
#include <math.h>

#include "search/search_priv.h"

/* ---- date ------------------------------------------------------------------------------------------------------ */

struct range {
	int64_t low, high;
	bool any;
};

/* Widens r to the outer limits of both. */
static void range_join(struct range *r, int64_t low, int64_t high)
{
	if (!r->any || low < r->low)
		r->low = low;
	if (!r->any || high > r->high)
		r->high = high;
	r->any = true;
}

static void join_date(struct range *r, const struct json *value)
{
	int64_t low, high;
	struct str text = json_str(value);
	if (text.p && date_range(text, &low, &high))
		range_join(r, low, high);
}

static void join_period(struct range *r, const struct json *period)
{
	int64_t low = INT64_MIN, high = INT64_MAX, ignored;
	struct str start = json_get_str(period, S("start")), end = json_get_str(period, S("end"));
	bool has_start = start.p && date_range(start, &low, &ignored);
	bool has_end = end.p && date_range(end, &ignored, &high);
	if (!has_start)
		low = INT64_MIN;
	if (!has_end)
		high = INT64_MAX;
	if ((has_start || has_end) && low <= high)
		range_join(r, low, high);
}

/* Of a schedule only its outer limits are searched (R4 search.html#date). */
static void join_timing(struct range *r, const struct json *timing)
{
	struct json_iter it = json_iter(json_get(timing, S("event")));
	while (json_next(&it))
		join_date(r, it.value);
	join_period(r, json_get(json_get(timing, S("repeat")), S("boundsPeriod")));
}

bool date_rows(struct extraction *e, const struct leaf *leaf, const struct json *value)
{
	struct range r = {0};
	if (leaf->class == VALUE_PERIOD)
		join_period(&r, value);
	else if (leaf->class == VALUE_TIMING)
		join_timing(&r, value);
	else
		join_date(&r, value);
	struct index_row row = {.param = leaf->param, .low = r.low, .high = r.high};
	return !r.any || row_add(e, &row);
}

/* ---- number and quantity --------------------------------------------------------------------------------------- */

static bool number_of(const struct json *value, double *ret_number)
{
	double low, high;
	struct str text = json_number(value);
	return text.p && decimal_range(text, ret_number, &low, &high);
}

bool number_rows(struct extraction *e, const struct leaf *leaf, const struct json *value)
{
	struct index_row row = {.param = leaf->param};
	if (!number_of(value, &row.number))
		return true;
	row.number_low = row.number_high = row.number;
	return row_add(e, &row);
}

static void set_units(struct index_row *row, const struct json *quantity)
{
	row->system = json_get_str(quantity, S("system"));
	row->code = json_get_str(quantity, S("code"));
	row->unit = json_get_str(quantity, S("unit"));
	if (str_eq(row->unit, row->code))
		row->unit = STR_NULL;
}

/* A comparator says that the true value lies on one side of the number. */
static bool add_quantity(struct extraction *e, const struct leaf *leaf, const struct json *value)
{
	struct index_row row = {.param = leaf->param};
	struct str comparator = json_get_str(value, S("comparator"));
	if (!number_of(json_get(value, S("value")), &row.number))
		return true;
	row.number_low = row.number_high = row.number;
	if (comparator.n && comparator.p[0] == '<')
		row.number_low = -INFINITY;
	if (comparator.n && comparator.p[0] == '>')
		row.number_high = INFINITY;
	set_units(&row, value);
	return row_add(e, &row);
}

static bool add_money(struct extraction *e, const struct leaf *leaf, const struct json *value)
{
	struct index_row row = {
		.param = leaf->param, .system = S("urn:iso:std:iso:4217"), .code = json_get_str(value, S("currency"))};
	if (!number_of(json_get(value, S("value")), &row.number))
		return true;
	if (!row.code.p)
		row.system = STR_NULL;
	row.number_low = row.number_high = row.number;
	return row_add(e, &row);
}

static bool add_range(struct extraction *e, const struct leaf *leaf, const struct json *value)
{
	struct index_row row = {.param = leaf->param, .number_low = -INFINITY, .number_high = INFINITY};
	const struct json *low = json_get(value, S("low")), *high = json_get(value, S("high"));
	bool has_low = number_of(json_get(low, S("value")), &row.number_low);
	bool has_high = number_of(json_get(high, S("value")), &row.number_high);
	if ((!has_low && !has_high) || row.number_low > row.number_high)
		return true;
	set_units(&row, has_low ? low : high);
	row.number = !has_high	? row.number_low
		     : !has_low ? row.number_high
				: row.number_low + (row.number_high - row.number_low) / 2;
	return row_add(e, &row);
}

bool quantity_rows(struct extraction *e, const struct leaf *leaf, const struct json *value)
{
	switch (leaf->class) {
	case VALUE_QUANTITY:
		return add_quantity(e, leaf, value);
	case VALUE_MONEY:
		return add_money(e, leaf, value);
	case VALUE_RANGE:
		return add_range(e, leaf, value);
	default:
		return true;
	}
}
