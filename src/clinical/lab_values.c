/* Laboratory values from Observations, by LOINC code and unit; anything else is left alone. */
#include <stdlib.h>

#include "base/clock.h"
#include "clinical/interaction.h"
#include "fhir/resource.h"

enum { FRESH_DAYS = 90 };

static const struct {
	const char *name, *label, *unit, *codes, *units;
} tests[LAB_COUNT] = {
#define LAB(id, name, label, unit, codes, units) {name, label, unit, codes, units},
#include "clinical/labs.def"
#undef LAB
};

static bool listed(const char *list, struct str word)
{
	for (struct str rest = str_from(list); rest.p;)
		if (str_eq_nocase(str_split(&rest, '|'), word))
			return true;
	return false;
}

/* LAB_COUNT when it is none of them. */
static enum lab lab_of(const struct json *observation)
{
	struct json_iter it = json_iter(json_get(json_get(observation, S("code")), S("coding")));
	while (json_next(&it)) {
		if (!str_is(json_get_str(it.value, S("system")), "http://loinc.org"))
			continue;
		for (enum lab lab = 0; lab < LAB_COUNT; lab++)
			if (listed(tests[lab].codes, json_get_str(it.value, S("code"))))
				return lab;
	}
	return LAB_COUNT;
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

/* "mL/min/{1.73_m2}", "mL/min/1.73 m^2" and "ml/min/1.73m2" are one. */
static struct str plain_unit(struct str unit, char *room, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < unit.n && n < size; i++)
		if (!strchr(" {}[]_^*()", unit.p[i]))
			room[n++] = unit.p[i];
	return str_make(room, n);
}

/* A ratio may come without any. */
static bool has_unit(const struct json *observation, enum lab lab)
{
	const struct json *q = json_get(observation, S("valueQuantity"));
	struct str unit = json_get_str(q, S("code"));
	if (!unit.n)
		unit = json_get_str(q, S("unit"));
	char room[40];
	return unit.n ? listed(tests[lab].units, plain_unit(unit, room, sizeof(room))) : !tests[lab].unit[0];
}

static bool is_usable(const struct json *observation)
{
	struct str status = json_get_str(observation, S("status"));
	return str_is(status, "final") || str_is(status, "amended") || str_is(status, "corrected");
}

/* When it was taken; only the day matters for its age. */
static struct str taken(const struct json *observation)
{
	struct str when = json_get_str(observation, S("effectiveDateTime"));
	if (!when.n)
		when = json_get_str(observation, S("effectiveInstant"));
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

static bool is_newer(const struct lab_value *new, const struct lab_value *old)
{
	int64_t a, b, end;
	return !old->known || !date_range(new->when, &a, &end) || !date_range(old->when, &b, &end) || a >= b;
}

void lab_values_read(const struct json *const *observations, size_t count, int64_t now_ms, struct lab_values *ret)
{
	*ret = (struct lab_values){0};
	for (size_t i = 0; i < count; i++) {
		const struct json *o = observations[i];
		struct lab_value new = {.known = true, .when = taken(o)};
		enum lab lab = lab_of(o);
		if (lab == LAB_COUNT || !is_usable(o) || !is_fresh(new.when, now_ms) || !read_value(o, &new.value) ||
		    !has_unit(o, lab))
			continue;
		struct str comparator = json_get_str(json_get(o, S("valueQuantity")), S("comparator"));
		new.bound = str_starts(comparator, S("<")) ? -1 : str_starts(comparator, S(">")) ? 1 : 0;
		new.number = json_number(json_get(json_get(o, S("valueQuantity")), S("value")));
		struct lab_value *old = &ret->of[lab];
		if (is_newer(&new, old))
			*old = new;
	}
}

enum lab lab_named(struct str name)
{
	enum lab lab = 0;
	while (lab < LAB_COUNT && !str_is(name, tests[lab].name))
		lab++;
	return lab;
}

struct str lab_text(struct arena *a, enum lab lab, const struct lab_value *value)
{
	return arena_printf(a, "%s %s%.*s%s%s (%.*s)", tests[lab].label,
			    value->bound < 0   ? "below "
			    : value->bound > 0 ? "above "
					       : "",
			    STR_ARG(value->number), tests[lab].unit[0] ? " " : "", tests[lab].unit,
			    STR_ARG(str_slice(value->when, 0, 10)));
}
