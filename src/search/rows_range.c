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
	else if (leaf->class == VALUE_DATE) /* a string is none, whatever stands in it (Immunization.occurrence) */
		join_date(&r, value);
	struct index_row row = {.param = leaf->param, .low = r.low, .high = r.high};
	return !r.any || row_add(e, &row);
}

/* ---- number and quantity --------------------------------------------------------------------------------------- */

static bool number_of(const struct json *value, double *ret_number)
{
	double low, high;
	struct quick_number quick;
	struct str text = json_number(value);
	if (text.p && quick_number_read(text, &quick) && quick_number_double(&quick, ret_number))
		return true;
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

/* What the row's unit is in base units, or NULL. Without a cache the unit is read into *room. */
static const struct canonical_unit *unit_of(struct extraction *e, const struct index_row *row,
					    struct canonical_unit *room)
{
	if (!str_is(row->system, UNIT_SYSTEM))
		return NULL;
	if (e->units)
		return canonical_unit_find(e->units, row->code);
	return canonical_unit_read(row->code, room) ? room : NULL;
}

/* Fills the canonical fields from the ends that the row has, when its unit has base units. */
static bool set_canonical(struct extraction *e, struct index_row *row, const struct json *low, const struct json *high)
{
	struct canonical_unit room;
	const struct canonical_unit *unit = unit_of(e, row, &room);
	bool has_low = isfinite(row->number_low), has_high = isfinite(row->number_high), same = low == high;
	row->canonical_low = -INFINITY;
	row->canonical_high = INFINITY;
	if (!unit || (has_low && !canonical_number(unit, json_number(low), row->number_low, &row->canonical_low)) ||
	    (has_high && !(same && has_low) &&
	     !canonical_number(unit, json_number(high), row->number_high, &row->canonical_high))) {
		row->canonical_low = row->canonical_high = 0;
		return true;
	}
	if (same && has_low && has_high)
		row->canonical_high = row->canonical_low;
	row->canonical_number = !has_high  ? row->canonical_low
				: !has_low ? row->canonical_high
					   : row->canonical_low + (row->canonical_high - row->canonical_low) / 2;
	struct str base = str_make(unit->base, unit->base_size);
	row->canonical = e->units ? base : arena_str(e->arena, base);
	return row->canonical.p || error_memory(e->err);
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
	const struct json *number = json_get(value, S("value"));
	return set_canonical(e, &row, number, number) && row_add(e, &row);
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
	return set_canonical(e, &row, json_get(low, S("value")), json_get(high, S("value"))) && row_add(e, &row);
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

/* ---- near ------------------------------------------------------------------------------------------------------ */

bool place_rows(struct extraction *e, const struct leaf *leaf, const struct json *value)
{
	struct index_row row = {.param = leaf->param};
	if (leaf->class != VALUE_POSITION || !number_of(json_get(value, S("latitude")), &row.number_low) ||
	    !number_of(json_get(value, S("longitude")), &row.number_high) || fabs(row.number_low) > 90 ||
	    fabs(row.number_high) > 180)
		return true;
	return row_add(e, &row);
}
