/* See limits.h. */
#include "app/limits.h"

const struct limit limit_table[] = {
#define LIMIT(field, name, kind, standard, least, most, text)                                                          \
	{name, LIMIT_##kind, offsetof(struct limits, field), standard, least, most, text},
#include "app/limits.def"
#undef LIMIT
};
const size_t limit_count = sizeof(limit_table) / sizeof(limit_table[0]);

const struct limit lifetime_table[] = {
#define LIFETIME(field, name, standard, least, most, text)                                                             \
	{name, LIMIT_TIME, offsetof(struct lifetimes, field), standard, least, most, text},
#include "app/lifetimes.def"
#undef LIFETIME
};
const size_t lifetime_count = sizeof(lifetime_table) / sizeof(lifetime_table[0]);

static void set_defaults(void *values, const struct limit *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		*(int64_t *)(void *)((char *)values + table[i].offset) = table[i].standard;
}

void limits_defaults(struct limits *l)
{
	set_defaults(l, limit_table, limit_count);
}

void lifetimes_defaults(struct lifetimes *l)
{
	set_defaults(l, lifetime_table, lifetime_count);
}

static int64_t value_of(const void *values, const struct limit *limit)
{
	return *(const int64_t *)(const void *)((const char *)values + limit->offset);
}

int64_t limit_value(const struct limits *l, const struct limit *limit)
{
	return value_of(l, limit);
}

struct unit {
	const char *name;
	int64_t factor;
};
/* Largest last; the first is what a number without unit means. */
static const struct unit units[][5] = {
	[LIMIT_COUNT] = {{"", 1}},
	[LIMIT_BYTES] = {{"B", 1}, {"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"TB", INT64_C(1) << 40}},
	[LIMIT_TIME] = {{"s", 1000}, {"ms", 1}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}},
};
enum { UNITS = 5 };

bool limit_parse(enum limit_kind kind, struct str text, int64_t *ret_value)
{
	size_t digits = 0;
	uint64_t number;
	text = str_trim(text);
	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	struct str name = str_trim(str_slice(text, digits, text.n));
	if (!str_to_u64(str_slice(text, 0, digits), &number))
		return false;
	for (size_t i = 0; i < UNITS && units[kind][i].name; i++) {
		const struct unit *u = &units[kind][i];
		if (!(str_eq_nocase(name, str_from(u->name)) || (i == 0 && !name.n)))
			continue;
		if (number > (uint64_t)(INT64_MAX / u->factor))
			return false;
		*ret_value = (int64_t)number * u->factor;
		return true;
	}
	return false;
}

struct str limit_text(struct arena *a, enum limit_kind kind, int64_t value)
{
	const struct unit *best = NULL;
	for (size_t i = 0; i < UNITS && units[kind][i].name; i++) {
		const struct unit *u = &units[kind][i];
		if (value % u->factor == 0 && (!best || u->factor > best->factor))
			best = u;
	}
	if (!best || !value)
		best = &units[kind][0];
	return arena_printf(a, "%lld%s%s", (long long)(value / best->factor), best->name[0] ? " " : "", best->name);
}

static bool check(const char *section, const void *values, const struct limit *table, size_t count, struct error *err)
{
	struct arena a;
	bool ok = true;
	arena_init(&a, 4096);
	for (size_t i = 0; ok && i < count; i++) {
		const struct limit *limit = &table[i];
		int64_t value = value_of(values, limit);
		if (value >= limit->least && value <= limit->most)
			continue;
		ok = error_set(err, ERR_CONFIG, "%s.%s is %.*s, but must be from %.*s to %.*s", section, limit->name,
			       STR_ARG(limit_text(&a, limit->kind, value)),
			       STR_ARG(limit_text(&a, limit->kind, limit->least)),
			       STR_ARG(limit_text(&a, limit->kind, limit->most)));
	}
	arena_done(&a);
	return ok;
}

bool limits_check(const struct limits *l, struct error *err)
{
	return check("limits", l, limit_table, limit_count, err);
}

bool lifetimes_check(const struct lifetimes *l, struct error *err)
{
	return check("tokens", l, lifetime_table, lifetime_count, err);
}
