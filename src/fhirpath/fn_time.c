/* The clock, which the caller passes in, and the parts of dates and times. */
#include "fhirpath/fhirpath_priv.h"

/* ---- now ------------------------------------------------------------------------------------------------------- */

static bool clock_moment(struct eval *e, const struct call *c, struct path_moment *ret)
{
	if (!e->context->clock)
		return eval_fail(e, c->node, ERR_NOT_SUPPORTED, "%s() needs a clock, and there is none here",
				 c->node->function->name);
	*ret = moment_of_ms(e->context->now_ms, e->context->zone);
	return true;
}

bool fn_now(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item item = {.kind = PATH_DATETIME};
	return clock_moment(e, c, &item.moment) && eval_add(e, out, &item);
}

bool fn_today(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item item = {.kind = PATH_DATE};
	struct path_moment now;
	if (!clock_moment(e, c, &now))
		return false;
	item.moment =
		(struct path_moment){.year = now.year, .month = now.month, .day = now.day, .precision = PATH_TO_DAY};
	return eval_add(e, out, &item);
}

static struct path_moment time_part(const struct path_moment *m)
{
	return (struct path_moment){.hour = m->hour,
				    .minute = m->minute,
				    .second = m->second,
				    .nanoseconds = m->nanoseconds,
				    .digits = m->digits,
				    .precision = m->precision};
}

bool fn_time_of_day(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item item = {.kind = PATH_TIME};
	struct path_moment now;
	if (!clock_moment(e, c, &now))
		return false;
	item.moment = time_part(&now);
	return eval_add(e, out, &item);
}

/* ---- parts ----------------------------------------------------------------------------------------------------- */

/* The one date or time of the input; texts of that form count. *ret_kind is PATH_ELEMENT when it is neither. */
static bool input_moment(struct eval *e, const struct call *c, struct path_moment *ret, enum path_kind *ret_kind)
{
	struct path_item value;
	bool there;
	*ret_kind = PATH_ELEMENT;
	if (!one_value(e, c->node, c->input, &value, &there))
		return false;
	if (!there)
		return true;
	if (value.kind == PATH_DATE || value.kind == PATH_DATETIME || value.kind == PATH_TIME) {
		*ret = value.moment;
		*ret_kind = value.kind;
	} else if (value.kind == PATH_STRING) {
		if (moment_parse(value.text, PATH_DATETIME, ret))
			*ret_kind = PATH_DATETIME;
		else if (moment_parse(value.text, PATH_TIME, ret))
			*ret_kind = PATH_TIME;
	}
	return true;
}

/* The part at a precision, when it is known. */
static bool add_part(struct eval *e, const struct call *c, enum path_precision which, struct path_items *out)
{
	struct path_moment m;
	enum path_kind kind;
	if (!input_moment(e, c, &m, &kind))
		return false;
	if (kind == PATH_ELEMENT || m.precision < which || (kind == PATH_TIME && which < PATH_TO_HOUR))
		return true;
	const int64_t parts[] = {0, m.year, m.month, m.day, m.hour, m.minute, m.second, m.nanoseconds / 1000000};
	return add_integer(e, out, parts[which]);
}

bool fn_year_of(struct eval *e, const struct call *c, struct path_items *out)
{
	return add_part(e, c, PATH_TO_YEAR, out);
}

bool fn_month_of(struct eval *e, const struct call *c, struct path_items *out)
{
	return add_part(e, c, PATH_TO_MONTH, out);
}

bool fn_day_of(struct eval *e, const struct call *c, struct path_items *out)
{
	return add_part(e, c, PATH_TO_DAY, out);
}

bool fn_hour_of(struct eval *e, const struct call *c, struct path_items *out)
{
	return add_part(e, c, PATH_TO_HOUR, out);
}

bool fn_minute_of(struct eval *e, const struct call *c, struct path_items *out)
{
	return add_part(e, c, PATH_TO_MINUTE, out);
}

bool fn_second_of(struct eval *e, const struct call *c, struct path_items *out)
{
	return add_part(e, c, PATH_TO_SECOND, out);
}

bool fn_millisecond_of(struct eval *e, const struct call *c, struct path_items *out)
{
	return add_part(e, c, PATH_TO_FRACTION, out);
}

/* In hours, as a decimal. */
bool fn_timezone_offset_of(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_moment m;
	struct path_item item;
	enum path_kind kind;
	if (!input_moment(e, c, &m, &kind))
		return false;
	if (kind != PATH_DATETIME || !m.zoned)
		return true;
	struct decimal minutes = decimal_from_i64(m.zone), sixty = decimal_from_i64(60), hours;
	struct decimal tenths = decimal_from_i64(0);
	tenths.exponent = -1;
	if (!decimal_div(&minutes, &sixty, 8, &hours) || !decimal_add(&hours, &tenths, &hours))
		return true;
	return item_decimal(e, &hours, &item) && eval_add(e, out, &item);
}

bool fn_date_of(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item item = {.kind = PATH_DATE};
	struct path_moment m;
	enum path_kind kind;
	if (!input_moment(e, c, &m, &kind))
		return false;
	if (kind != PATH_DATE && kind != PATH_DATETIME)
		return true;
	item.moment = (struct path_moment){.year = m.year, .month = m.month, .day = m.day, .precision = m.precision};
	if (item.moment.precision > PATH_TO_DAY)
		item.moment.precision = PATH_TO_DAY;
	return eval_add(e, out, &item);
}

bool fn_time_of(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item item = {.kind = PATH_TIME};
	struct path_moment m;
	enum path_kind kind;
	if (!input_moment(e, c, &m, &kind))
		return false;
	if (kind != PATH_DATETIME || m.precision < PATH_TO_HOUR)
		return true;
	item.moment = time_part(&m);
	return eval_add(e, out, &item);
}
