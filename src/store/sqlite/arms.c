/*
 * The ways into the index tables that a criterion offers: for each of its values arms that together give every version
 * which could meet it, and perhaps others. A criterion that would need the whole type (:not, :missing=true) gives none.
 */
#include "store/sqlite/seek_priv.h"

#include <math.h>

const char *const arm_sql[ARM_COUNT] = {
#define ARM(name, ordered, where) [ARM_##name] = where,
#include "store/sqlite/arms.def"
#undef ARM
};

const bool arm_ordered[ARM_COUNT] = {
#define ARM(name, ordered, where) [ARM_##name] = ordered,
#include "store/sqlite/arms.def"
#undef ARM
};

static struct arm *add_arm(struct seek *k, struct check *c, enum arm_kind kind, int64_t first, struct error *err)
{
	struct arm *arms =
		arena_grow(&k->scratch, c->arms, c->arm_count, &c->arm_capacity, c->arm_count + 1, sizeof(*arms));
	if (!arms) {
		error_memory(err);
		return NULL;
	}
	c->arms = arms;
	struct arm *arm = &arms[c->arm_count++];
	*arm = (struct arm){.kind = kind, .binds = {{BIND_INT, .integer = first}}, .bind_count = 1};
	return arm;
}

static void bind_int(struct arm *arm, int64_t value)
{
	arm->binds[arm->bind_count++] = (struct bind){BIND_INT, .integer = value};
}

static void bind_real(struct arm *arm, double value)
{
	arm->binds[arm->bind_count++] = (struct bind){BIND_REAL, .real = value};
}

static void bind_bytes(struct arm *arm, struct str bytes)
{
	arm->binds[arm->bind_count++] = (struct bind){BIND_BYTES, .bytes = bytes};
}

/* ---- tokens and references ----------------------------------------------------------------------------------------
 */

static bool add_token(struct seek *k, struct check *c, struct str code, int64_t system, struct error *err)
{
	struct arm *arm = add_arm(k, c, ARM_TOKEN, c->param, err);
	if (!arm)
		return false;
	bind_bytes(arm, key_cut(code));
	bind_int(arm, system);
	return true;
}

/* A code in any system: one arm per system that has it, so that rows still come in order. */
static bool add_code(struct seek *k, struct check *c, struct str code, struct error *err)
{
	for (int64_t system = -1;;) {
		sqlite3_stmt *s = db_use(&k->r->db, SQL_SYSTEMS_OF_CODE, err);
		bool row = false;
		if (!s)
			return false;
		sqlite3_bind_int64(s, 1, c->param);
		bind_blob(s, 2, key_cut(code));
		sqlite3_bind_int64(s, 3, system);
		if (!db_row(&k->r->db, s, &row, err))
			return false;
		if (!row)
			return true;
		system = sqlite3_column_int64(s, 0);
		sqlite3_reset(s);
		if (!add_token(k, c, code, system, err))
			return false;
	}
}

static bool token_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	if (w->system == SYSTEM_UNKNOWN)
		return true;
	if (!w->value->code.p)
		return add_arm(k, c, ARM_TOKEN_ALL, c->param, err) != NULL;
	if (w->system == SYSTEM_ANY)
		return add_code(k, c, w->value->code, err);
	return add_token(k, c, w->value->code, w->system, err);
}

static bool reference_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	if (!w->value->ref_id.p)
		return !w->value->code.p || add_token(k, c, w->value->code, SYSTEM_NONE, err);
	for (size_t i = 0; i < w->target_count; i++) {
		struct arm *arm = add_arm(k, c, ARM_REFERENCE, c->param, err);
		if (!arm)
			return false;
		bind_int(arm, w->targets[i]);
	}
	return true;
}

/* ---- strings ------------------------------------------------------------------------------------------------------
 */

/* The first text after all that start with prefix; STR_NULL when there is none. */
static struct str prefix_end(struct arena *a, struct str prefix)
{
	while (prefix.n && (unsigned char)prefix.p[prefix.n - 1] == 0xff)
		prefix.n--;
	char *end = prefix.n ? arena_alloc(a, prefix.n) : NULL;
	if (!end)
		return STR_NULL;
	memcpy(end, prefix.p, prefix.n);
	end[prefix.n - 1]++;
	return str_make(end, prefix.n);
}

static bool string_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	struct arm *arm;
	struct str text = w->value->code;
	if (c->criterion->modifier == MOD_EXACT) {
		struct str folded = str_fold(&k->scratch, text);
		if (!folded.p || !(arm = add_arm(k, c, ARM_STRING, c->param, err)))
			return error_memory(err);
		bind_bytes(arm, key_cut(folded));
		return true;
	}
	if (!text.n)
		return add_arm(k, c, ARM_STRING_ALL, c->param, err) != NULL;
	if (c->criterion->modifier == MOD_CONTAINS) {
		if (!(arm = add_arm(k, c, ARM_STRING_PART, c->param, err)))
			return false;
		bind_bytes(arm, text);
		bind_int(arm, KEY_MAX);
		return true;
	}
	struct str start = key_cut(text), end = prefix_end(&k->scratch, start);
	if (!end.p || !(arm = add_arm(k, c, ARM_STRING_RANGE, c->param, err)))
		return error_memory(err);
	bind_bytes(arm, start);
	bind_bytes(arm, end);
	return true;
}

/* ---- ranges -------------------------------------------------------------------------------------------------------
 */

/* Bounds that a row's ends must lie in, all closed; possibly a little wider than the criterion. */
struct bounds {
	int64_t low_from, low_to, high_from, high_to;
};

static int64_t saturating_sub(int64_t a, int64_t b)
{
	int64_t result;
	return __builtin_sub_overflow(a, b, &result) ? INT64_MIN : result;
}

static struct bounds date_bounds(const struct search_value *v)
{
	struct bounds b = {INT64_MIN, INT64_MAX, INT64_MIN, INT64_MAX};
	switch (v->prefix) {
	case PREFIX_EQ:
		b = (struct bounds){v->low, v->high, v->low, v->high};
		break;
	case PREFIX_NE:
		break;
	case PREFIX_GT:
		b.high_from = v->high;
		break;
	case PREFIX_GE:
		b.high_from = v->low;
		break;
	case PREFIX_LT:
		b.low_to = v->low;
		break;
	case PREFIX_LE:
		b.low_to = v->high;
		break;
	case PREFIX_SA:
		b.low_from = b.high_from = v->high;
		break;
	case PREFIX_EB:
		b.low_to = b.high_to = v->low;
		break;
	case PREFIX_AP:
		b.low_to = v->high;
		b.high_from = v->low;
		break;
	}
	return b;
}

static bool date_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	struct bounds b = date_bounds(w->value);
	for (int width = 0; width < DATE_CLASSES; width++) {
		int64_t low_from = b.low_from;
		if (width < DATE_CLASSES - 1) {
			int64_t least = saturating_sub(b.high_from, date_spans[width]);
			low_from = least > low_from ? least : low_from;
		}
		struct arm *arm = add_arm(k, c, ARM_DATE, c->param, err);
		if (!arm)
			return false;
		bind_int(arm, width);
		bind_int(arm, low_from);
		bind_int(arm, b.low_to);
		bind_int(arm, b.high_from);
		bind_int(arm, b.high_to);
	}
	return true;
}

struct reals {
	double low_from, low_to, high_from, high_to;
};

static struct reals number_bounds(const struct search_value *v)
{
	struct reals b = {-INFINITY, INFINITY, -INFINITY, INFINITY};
	switch (v->prefix) {
	case PREFIX_EQ:
		b = (struct reals){v->number_low, v->number_high, v->number_low, v->number_high};
		break;
	case PREFIX_NE:
		break;
	case PREFIX_GT:
	case PREFIX_GE:
		b.high_from = v->number;
		break;
	case PREFIX_LT:
	case PREFIX_LE:
		b.low_to = v->number;
		break;
	case PREFIX_SA:
		b.low_from = b.high_from = v->number;
		break;
	case PREFIX_EB:
		b.low_to = b.high_to = v->number;
		break;
	case PREFIX_AP:
		b.low_to = v->number_high;
		b.high_from = v->number_low;
		break;
	}
	return b;
}

static bool number_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	struct reals b = number_bounds(w->value);
	bool quantity = c->criterion->param->type == PARAM_QUANTITY;
	if (w->system == SYSTEM_UNKNOWN && quantity)
		return true;
	if (quantity && !w->value->code.p)
		return add_arm(k, c, ARM_NUMBER_ALL, c->param, err) != NULL;
	for (int width = 0; width < NUMBER_CLASSES; width++) {
		struct arm *arm = add_arm(k, c, ARM_NUMBER, c->param, err);
		if (!arm)
			return false;
		bind_bytes(arm, quantity ? key_cut(w->value->code) : S(""));
		bind_int(arm, width);
		/* Both ends of a single value are equal, so bounds of either hold for the low one. */
		bind_real(arm, width == 0 ? fmax(b.low_from, b.high_from) : b.low_from);
		bind_real(arm, width == 0 ? fmin(b.low_to, b.high_to) : b.low_to);
		bind_real(arm, b.high_from);
		bind_real(arm, b.high_to);
	}
	return true;
}

/* ---- all of a criterion -------------------------------------------------------------------------------------------
 */

/* Every row of the parameter, for :missing=false. */
static bool all_arms(struct seek *k, struct check *c, struct error *err)
{
	switch (c->criterion->param->type) {
	case PARAM_STRING:
		return add_arm(k, c, ARM_STRING_ALL, c->param, err) != NULL;
	case PARAM_DATE:
		return add_arm(k, c, ARM_DATE_ALL, c->param, err) != NULL;
	case PARAM_NUMBER:
	case PARAM_QUANTITY:
		return add_arm(k, c, ARM_NUMBER_ALL, c->param, err) != NULL;
	case PARAM_REFERENCE:
		return add_arm(k, c, ARM_REFERENCE_ALL, c->param, err) && add_arm(k, c, ARM_TOKEN_ALL, c->param, err);
	default:
		return add_arm(k, c, ARM_TOKEN_ALL, c->param, err) != NULL;
	}
}

static bool value_arms(struct seek *k, struct check *c, const struct wanted *w, struct error *err)
{
	switch (c->criterion->param->type) {
	case PARAM_STRING:
		return string_arms(k, c, w, err);
	case PARAM_TOKEN:
		return token_arms(k, c, w, err);
	case PARAM_URI:
		return !w->value->code.p || add_token(k, c, w->value->code, SYSTEM_NONE, err);
	case PARAM_REFERENCE:
		return reference_arms(k, c, w, err);
	case PARAM_DATE:
		return date_arms(k, c, w, err);
	case PARAM_NUMBER:
	case PARAM_QUANTITY:
		return number_arms(k, c, w, err);
	default:
		return true;
	}
}

static bool wants_missing(const struct criterion *c)
{
	for (size_t i = 0; i < c->value_count; i++)
		if (c->values[i].missing)
			return true;
	return false;
}

bool check_arms(struct seek *k, struct check *c, struct error *err)
{
	const struct criterion *criterion = c->criterion;
	if (criterion->kind != CRITERION_PARAM || criterion->modifier == MOD_NOT)
		return true;
	if (criterion->modifier == MOD_MISSING && wants_missing(criterion))
		return true;
	c->has_arms = true;
	if (!c->param)
		return true; /* no arm at all: nothing matches */
	if (criterion->modifier == MOD_MISSING)
		return all_arms(k, c, err);
	for (size_t i = 0; i < criterion->value_count; i++)
		if (!value_arms(k, c, &c->wanted[i], err))
			return false;
	return true;
}
