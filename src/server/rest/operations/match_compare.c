/* Comparing two patients field by field; see match.h. */
#include "server/rest/operations/match.h"

#include <math.h>
#include <stdlib.h>

#include "base/fold.h"
#include "base/near.h"

static const char *const field_names[] = {
#define MATCH_FIELD(name, m, u, partial) #name,
#include "server/rest/operations/match_fields.def"
#undef MATCH_FIELD
};

const struct match_weights match_default_weights = {{
#define MATCH_FIELD(name, m, u, partial) {m, u, partial},
#include "server/rest/operations/match_fields.def"
#undef MATCH_FIELD
}};

const char *match_field_name(enum match_field field)
{
	return field_names[field];
}

const char *match_outcome_name(enum match_outcome outcome)
{
	static const char *const names[] = {"missing", "differ", "near", "agree"};
	return names[outcome];
}

const char *match_grade_code(enum match_grade grade)
{
	static const char *const codes[] = {"certainly-not", "possible", "probable", "certain"};
	return codes[grade];
}

/* A patient with more than so many names, numbers or addresses is compared by the first of them. */
enum { MOST = 20 };
struct few {
	struct json_iter it;
	size_t count;
	const struct json *value;
};

static struct few few(const struct json *list)
{
	return (struct few){.it = json_iter(list)};
}

static bool next(struct few *f)
{
	if (f->count++ == MOST || !json_next(&f->it))
		return false;
	f->value = f->it.value;
	return true;
}

/* ---- fields --------------------------------------------------------------------------------------------------------
 */

static enum match_outcome better(enum match_outcome a, enum match_outcome b)
{
	return a > b ? a : b;
}

/* Numbers of the same system agree or differ; those of different systems say nothing. */
static enum match_outcome compare_identifiers(const struct json *a, const struct json *b)
{
	enum match_outcome best = MATCH_MISSING;
	struct few x = few(json_get(a, S("identifier")));
	while (next(&x)) {
		struct few y = few(json_get(b, S("identifier")));
		struct str system = json_get_str(x.value, S("system")), value = json_get_str(x.value, S("value"));
		while (system.n && value.n && next(&y)) {
			struct str other = json_get_str(y.value, S("value"));
			if (!str_eq(system, json_get_str(y.value, S("system"))) || !other.n)
				continue;
			best = better(best, str_eq(value, other) ? MATCH_AGREES : MATCH_DIFFERS);
		}
	}
	return best;
}

/* One slip of the pen in a name that is long enough to bear it. */
static bool is_slip(struct str a, struct str b)
{
	size_t shorter = a.n < b.n ? a.n : b.n;
	return shorter >= 4 && str_distance(a, b) <= (shorter >= 8 ? 2 : 1);
}

static bool compare_names(struct arena *arena, struct str a, struct str b, bool initials, enum match_outcome *best)
{
	struct str x = str_fold(arena, a), y = str_fold(arena, b);
	if (!x.p || !y.p)
		return false;
	if (!x.n || !y.n)
		return true;
	bool initial = initials && (x.n == 1 || y.n == 1) && x.p[0] == y.p[0];
	*best = better(*best, str_eq(x, y) ? MATCH_AGREES : initial || is_slip(x, y) ? MATCH_NEAR : MATCH_DIFFERS);
	return true;
}

static bool compare_family(struct arena *arena, const struct json *a, const struct json *b, enum match_outcome *best)
{
	struct few x = few(json_get(a, S("name")));
	*best = MATCH_MISSING;
	while (next(&x)) {
		struct few y = few(json_get(b, S("name")));
		while (next(&y))
			if (!compare_names(arena, json_get_str(x.value, S("family")),
					   json_get_str(y.value, S("family")), false, best))
				return false;
	}
	return true;
}

static bool compare_given_lists(struct arena *arena, const struct json *a, const struct json *b,
				enum match_outcome *best)
{
	struct few x = few(json_get(a, S("given")));
	while (next(&x)) {
		struct few y = few(json_get(b, S("given")));
		while (next(&y))
			if (!compare_names(arena, json_str(x.value), json_str(y.value), true, best))
				return false;
	}
	return true;
}

static bool compare_given(struct arena *arena, const struct json *a, const struct json *b, enum match_outcome *best)
{
	struct few x = few(json_get(a, S("name")));
	*best = MATCH_MISSING;
	while (next(&x)) {
		struct few y = few(json_get(b, S("name")));
		while (next(&y))
			if (!compare_given_lists(arena, x.value, y.value, best))
				return false;
	}
	return true;
}

/* Near: day and month in the other order, one digit different, or the same as far as the less exact one goes. */
static enum match_outcome compare_birth(const struct json *a, const struct json *b)
{
	struct str x = json_get_str(a, S("birthDate")), y = json_get_str(b, S("birthDate"));
	if (x.n < 4 || y.n < 4)
		return MATCH_MISSING;
	if (str_eq(x, y))
		return MATCH_AGREES;
	if (x.n != y.n)
		return str_starts(x, y) || str_starts(y, x) ? MATCH_NEAR : MATCH_DIFFERS;
	size_t different = 0;
	for (size_t i = 0; i < x.n; i++)
		different += x.p[i] != y.p[i];
	bool swapped = x.n == 10 && memcmp(x.p, y.p, 4) == 0 && memcmp(x.p + 5, y.p + 8, 2) == 0 &&
		       memcmp(x.p + 8, y.p + 5, 2) == 0;
	return different == 1 || swapped ? MATCH_NEAR : MATCH_DIFFERS;
}

static enum match_outcome compare_gender(const struct json *a, const struct json *b)
{
	struct str x = json_get_str(a, S("gender")), y = json_get_str(b, S("gender"));
	if (!x.n || !y.n || str_is(x, "unknown") || str_is(y, "unknown"))
		return MATCH_MISSING;
	return str_eq(x, y) ? MATCH_AGREES : MATCH_DIFFERS;
}

static bool same_place(struct arena *arena, const struct json *a, const struct json *b, enum match_outcome *best)
{
	struct str code = str_fold(arena, json_get_str(a, S("postalCode")));
	struct str other = str_fold(arena, json_get_str(b, S("postalCode")));
	struct str line = str_fold(arena, json_str(json_at(json_get(a, S("line")), 0)));
	struct str other_line = str_fold(arena, json_str(json_at(json_get(b, S("line")), 0)));
	if (!code.p || !other.p || !line.p || !other_line.p)
		return false;
	/* The first five characters are the delivery area of long forms, too. */
	if (!code.n || !other.n)
		return true;
	bool area = str_eq(str_slice(code, 0, 5), str_slice(other, 0, 5));
	bool street = line.n && str_eq(line, other_line);
	*best = better(*best, area && street ? MATCH_AGREES : area ? MATCH_NEAR : MATCH_DIFFERS);
	return true;
}

static bool compare_address(struct arena *arena, const struct json *a, const struct json *b, enum match_outcome *best)
{
	struct few x = few(json_get(a, S("address")));
	*best = MATCH_MISSING;
	while (next(&x)) {
		struct few y = few(json_get(b, S("address")));
		while (next(&y))
			if (!same_place(arena, x.value, y.value, best))
				return false;
	}
	return true;
}

/* The last nine digits of a number: what is before them is written in many ways. */
static size_t digits_of(struct str text, char ret_digits[9])
{
	size_t n = 0;
	for (size_t i = text.n; i > 0 && n < 9; i--)
		if (text.p[i - 1] >= '0' && text.p[i - 1] <= '9')
			ret_digits[n++] = text.p[i - 1];
	return n;
}

static enum match_outcome compare_contact(struct str a, struct str b, bool phone)
{
	char x[9], y[9];
	if (!phone)
		return str_eq_nocase(str_trim(a), str_trim(b)) ? MATCH_AGREES : MATCH_DIFFERS;
	size_t n = digits_of(a, x), m = digits_of(b, y);
	if (n < 6 || m < 6)
		return MATCH_MISSING;
	return memcmp(x, y, n < m ? n : m) == 0 ? MATCH_AGREES : MATCH_DIFFERS;
}

static enum match_outcome compare_telecom(const struct json *a, const struct json *b, bool phone)
{
	enum match_outcome best = MATCH_MISSING;
	const char *system = phone ? "phone" : "email";
	struct few x = few(json_get(a, S("telecom")));
	while (next(&x)) {
		struct few y = few(json_get(b, S("telecom")));
		struct str value = json_get_str(x.value, S("value"));
		while (value.n && str_is(json_get_str(x.value, S("system")), system) && next(&y)) {
			struct str other = json_get_str(y.value, S("value"));
			if (other.n && str_is(json_get_str(y.value, S("system")), system))
				best = better(best, compare_contact(value, other, phone));
		}
	}
	return best;
}

/* ---- the sum --------------------------------------------------------------------------------------------------------
 */

static double weigh(const struct match_weight *w, enum match_outcome outcome)
{
	switch (outcome) {
	case MATCH_AGREES:
		return log2(w->m / w->u);
	case MATCH_NEAR:
		return w->partial * log2(w->m / w->u);
	case MATCH_DIFFERS:
		return log2((1 - w->m) / (1 - w->u));
	default:
		return 0;
	}
}

/*
 * Rules that stand above the sum. An identifier in common makes it certain when nothing speaks against it; when both
 * birth date and family name differ, someone used another's number, and it is held back. Name, birth date, gender and
 * a way to reach them in common make it certain as well.
 */
static void apply_rules(struct match_result *r)
{
	const enum match_outcome *o = r->outcomes;
	bool contradicted = o[MATCH_birthdate] == MATCH_DIFFERS || o[MATCH_family] == MATCH_DIFFERS;
	bool person = o[MATCH_family] == MATCH_AGREES && o[MATCH_given] == MATCH_AGREES &&
		      o[MATCH_birthdate] == MATCH_AGREES && o[MATCH_gender] == MATCH_AGREES;
	bool reached =
		o[MATCH_address] == MATCH_AGREES || o[MATCH_phone] == MATCH_AGREES || o[MATCH_email] == MATCH_AGREES;
	if (o[MATCH_identifier] == MATCH_AGREES && !contradicted) {
		r->grade = MATCH_CERTAIN;
		r->rule = "same identifier and nothing against it";
	} else if (o[MATCH_identifier] == MATCH_AGREES && o[MATCH_birthdate] == MATCH_DIFFERS &&
		   o[MATCH_family] == MATCH_DIFFERS) {
		r->grade = MATCH_POSSIBLE;
		r->rule = "same identifier, but birth date and family name differ";
	} else if (person && reached && o[MATCH_identifier] != MATCH_DIFFERS) {
		r->grade = MATCH_CERTAIN;
		r->rule = "same name, birth date, gender and address, phone or email";
	}
}

bool match_compare(struct arena *a, const struct match_weights *weights, int64_t population, const struct json *wanted,
		   const struct json *candidate, struct match_result *ret_result)
{
	struct match_result r = {.outcomes = {[MATCH_identifier] = compare_identifiers(wanted, candidate),
					      [MATCH_birthdate] = compare_birth(wanted, candidate),
					      [MATCH_gender] = compare_gender(wanted, candidate),
					      [MATCH_phone] = compare_telecom(wanted, candidate, true),
					      [MATCH_email] = compare_telecom(wanted, candidate, false)}};
	if (!compare_family(a, wanted, candidate, &r.outcomes[MATCH_family]) ||
	    !compare_given(a, wanted, candidate, &r.outcomes[MATCH_given]) ||
	    !compare_address(a, wanted, candidate, &r.outcomes[MATCH_address]))
		return false;
	for (enum match_field f = 0; f < MATCH_FIELDS; f++) {
		r.weights[f] = weigh(&weights->fields[f], r.outcomes[f]);
		r.weight += r.weights[f];
	}
	double odds = exp2(r.weight) / (double)(population > 1 ? population : 1);
	r.probability = odds / (1 + odds);
	r.grade = r.probability >= 0.9999 ? MATCH_CERTAIN
		  : r.probability >= 0.95 ? MATCH_PROBABLE
		  : r.probability >= 0.5  ? MATCH_POSSIBLE
					  : MATCH_CERTAINLY_NOT;
	apply_rules(&r);
	*ret_result = r;
	return true;
}

/* ---- weights from configuration
 * -------------------------------------------------------------------------------------- */

static bool read_number(struct str *rest, double *ret_value, bool *ret_given)
{
	char text[32];
	*ret_given = rest->p != NULL;
	if (!rest->p)
		return true;
	struct str part = str_split(rest, '/');
	if (!part.n || part.n >= sizeof(text))
		return false;
	memcpy(text, part.p, part.n);
	text[part.n] = 0;
	char *end;
	*ret_value = strtod(text, &end);
	return *end == 0 && *ret_value >= 0 && *ret_value <= 1;
}

bool match_weights_parse(struct str text, struct match_weights *weights, struct error *err)
{
	while (text.p) {
		struct str values = str_trim(str_split(&text, ' ')), name = str_split(&values, '=');
		enum match_field f = 0;
		bool has_m, has_u, has_partial;
		if (!name.n)
			continue;
		while (f < MATCH_FIELDS && !str_is(name, field_names[f]))
			f++;
		if (f == MATCH_FIELDS)
			return error_set(err, ERR_CONFIG, "%.*s is no field that patients are matched by",
					 STR_ARG(str_slice(name, 0, 40)));
		struct match_weight w = weights->fields[f];
		if (!read_number(&values, &w.m, &has_m) || !read_number(&values, &w.u, &has_u) ||
		    !read_number(&values, &w.partial, &has_partial) || !has_m || !has_u || values.p || w.u <= 0 ||
		    w.m >= 1 || w.m <= w.u)
			return error_set(err, ERR_CONFIG,
					 "the weight of %s must be M/U or M/U/PARTIAL with 0 < U < M < 1, such as "
					 "0.95/0.002/0.6",
					 field_names[f]);
		weights->fields[f] = w;
	}
	return true;
}
