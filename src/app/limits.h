/* The limits of the server as configuration: one table, limits.def, gives keys, flags, ranges and help. Any thread. */
#ifndef FIRTH_APP_LIMITS_H
#define FIRTH_APP_LIMITS_H

#include "base/arena.h"
#include "base/error.h"

struct limits {
#define LIMIT(field, name, kind, standard, least, most, text) int64_t field;
#include "app/limits.def"
#undef LIMIT
};

/* How long tokens and the like live: lifetimes.def, section `tokens:`. */
struct lifetimes {
#define LIFETIME(field, name, standard, least, most, text) int64_t field;
#include "app/lifetimes.def"
#undef LIFETIME
};

enum limit_kind { LIMIT_COUNT, LIMIT_BYTES, LIMIT_TIME };
struct limit {
	const char *name;
	enum limit_kind kind;
	size_t offset; /* in struct limits */
	int64_t standard, least, most;
	const char *text;
};
extern const struct limit limit_table[];
extern const size_t limit_count;
extern const struct limit lifetime_table[]; /* offsets in struct lifetimes */
extern const size_t lifetime_count;

void limits_defaults(struct limits *l);
void lifetimes_defaults(struct lifetimes *l);
int64_t limit_value(const struct limits *l, const struct limit *limit);
/* All within their ranges? ERR_CONFIG names the one that is not, and its range. */
bool limits_check(const struct limits *l, struct error *err) MUST_USE;
bool lifetimes_check(const struct lifetimes *l, struct error *err) MUST_USE;

/* "100", "64 MB", "30s": counts; bytes with B, KB, MB, GB, TB (of 1024) or none; times with ms, s, min, h, d or none
 * (seconds), as milliseconds. False for anything else. */
bool limit_parse(enum limit_kind kind, struct str text, int64_t *ret_value);
/* The shortest text that limit_parse() reads back. */
struct str limit_text(struct arena *a, enum limit_kind kind, int64_t value);

#endif
