/* Laboratory values from Observations, by LOINC code and unit; anything else is left alone. */
#include <stdlib.h>

#include "base/clock.h"
#include "clinical/interaction.h"

enum { FRESH_DAYS = 90 };

static bool has_loinc(const struct json *observation, const char *const *codes)
{
	struct json_iter it = json_iter(json_get(json_get(observation, S("code")), S("coding")));
	while (json_next(&it)) {
		if (!str_is(json_get_str(it.value, S("system")), "http://loinc.org"))
			continue;
		for (size_t i = 0; codes[i]; i++) {
			if (str_is(json_get_str(it.value, S("code")), codes[i]))
				return true;
		}
	}
	return false;
}

static bool read_value(const struct json *observation, double *ret)
{
	struct str n = json_number(json_get(json_get(observation, S("valueQuantity")), S("value")));
	char text[40];
	if (!n.n || n.n >= sizeof(text))
		return false;
	memcpy(text, n.p, n.n);
	text[n.n] = 0;
	*ret = strtod(text, NULL);
	return true;
}

static bool has_unit(const struct json *observation, const char *const *units)
{
	const struct json *q = json_get(observation, S("valueQuantity"));
	struct str unit = json_get_str(q, S("code"));
	if (!unit.n)
		unit = json_get_str(q, S("unit"));
	for (size_t i = 0; units[i]; i++) {
		if (str_eq_nocase(unit, str_from(units[i])))
			return true;
	}
	return false;
}

static bool is_usable(const struct json *observation)
{
	struct str status = json_get_str(observation, S("status"));
	return str_is(status, "final") || str_is(status, "amended") || str_is(status, "corrected");
}

/* When it was taken; only the day matters for its age, and the text orders those of one day. */
static struct str taken(const struct json *observation)
{
	struct str when = json_get_str(observation, S("effectiveDateTime"));
	return when.n ? when : json_get_str(json_get(observation, S("effectivePeriod")), S("start"));
}

static bool is_fresh(struct str when, int64_t now_ms)
{
	uint64_t y = 0, m = 0, d = 0;
	if (when.n < 10 || !str_to_u64(str_slice(when, 0, 4), &y) || !str_to_u64(str_slice(when, 5, 7), &m) ||
	    !str_to_u64(str_slice(when, 8, 10), &d) || !y || m < 1 || m > 12 || d < 1 || d > 31)
		return false;
	int64_t days = now_ms / INT64_C(86400000) - clock_days_from_date((int)y, (int)m, (int)d);
	return days >= -1 && days <= FRESH_DAYS;
}

void lab_values_read(const struct json *const *observations, size_t count, int64_t now_ms, struct lab_values *ret)
{
	static const char *const potassium[] = {"2823-3", "6298-4", NULL};
	static const char *const egfr[] = {"98979-8", "33914-3", "77147-7", NULL};
	static const char *const potassium_units[] = {"mmol/L", "meq/L", NULL};
	static const char *const egfr_units[] = {"mL/min/{1.73_m2}", "mL/min/1.73m2", "mL/min/1.73 m2",
						 "mL/min/{1.73m2}", NULL};
	struct str potassium_at = S(""), egfr_at = S("");
	*ret = (struct lab_values){0};
	for (size_t i = 0; i < count; i++) {
		double value = 0;
		struct str when = taken(observations[i]);
		if (!is_usable(observations[i]) || !is_fresh(when, now_ms) || !read_value(observations[i], &value))
			continue;
		if (has_loinc(observations[i], potassium) && has_unit(observations[i], potassium_units) &&
		    str_cmp(when, potassium_at) >= 0) {
			*ret = (struct lab_values){true, ret->has_egfr, value, ret->egfr};
			potassium_at = when;
		} else if (has_loinc(observations[i], egfr) && has_unit(observations[i], egfr_units) &&
			   str_cmp(when, egfr_at) >= 0) {
			*ret = (struct lab_values){ret->has_potassium, true, ret->potassium, value};
			egfr_at = when;
		}
	}
}
