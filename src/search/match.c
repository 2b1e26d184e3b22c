/*
 * The meaning of criteria as plain loops over rows: the oracle that stores are tested against. Rules and clauses are in
 * search.h; nothing here tries to be fast.
 */
#include "search/search_priv.h"

static bool same(struct str a, struct str b)
{
	return a.p && b.p && str_eq(a, b);
}

static bool string_meets(enum search_modifier modifier, const struct index_row *row, const struct search_value *v)
{
	switch (modifier) {
	case MOD_EXACT:
		return same(row->text, v->code);
	case MOD_CONTAINS:
		return row->code.p && str_find(row->code, v->code) != STR_NONE;
	default:
		return row->code.p && str_starts(row->code, v->code);
	}
}

static bool system_meets(const struct index_row *row, const struct search_value *v)
{
	if (!v->system.p)
		return true;
	return v->system.n == 0 ? !row->system.p : same(row->system, v->system);
}

static bool token_meets(const struct index_row *row, const struct search_value *v)
{
	return system_meets(row, v) && (!v->code.p || same(row->code, v->code));
}

static bool reference_meets(const struct index_row *row, const struct search_value *v)
{
	if (!v->ref_id.p)
		return same(row->code, v->code);
	return same(row->ref_id, v->ref_id) && (!v->ref_type.p || same(row->ref_type, v->ref_type));
}

bool search_number_meets(double low, double high, const struct search_value *v)
{
	switch (v->prefix) {
	case PREFIX_EQ:
		return v->number_low <= low && high < v->number_high;
	case PREFIX_NE:
		return !(v->number_low <= low && high < v->number_high);
	case PREFIX_GT:
		return high > v->number;
	case PREFIX_GE:
		return high >= v->number;
	case PREFIX_LT:
		return low < v->number;
	case PREFIX_LE:
		return low <= v->number;
	case PREFIX_SA:
		return low > v->number;
	case PREFIX_EB:
		return high < v->number;
	case PREFIX_AP:
		return low <= v->number_high && high >= v->number_low;
	}
	return false;
}

static bool unit_meets(const struct index_row *row, const struct search_value *v)
{
	if (v->system.p && v->system.n)
		return same(row->system, v->system) && (!v->code.p || same(row->code, v->code));
	return !v->code.p || same(row->code, v->code) || same(row->unit, v->code);
}

bool search_date_meets(int64_t low, int64_t high, const struct search_value *v)
{
	bool inside = v->low <= low && high <= v->high;
	switch (v->prefix) {
	case PREFIX_EQ:
		return inside;
	case PREFIX_NE:
		return !inside;
	case PREFIX_GT:
		return high > v->high;
	case PREFIX_GE:
		return high > v->high || inside;
	case PREFIX_LT:
		return low < v->low;
	case PREFIX_LE:
		return low < v->low || inside;
	case PREFIX_SA:
		return low > v->high;
	case PREFIX_EB:
		return high < v->low;
	case PREFIX_AP:
		return low <= v->high && high >= v->low;
	}
	return false;
}

static bool row_meets(const struct criterion *c, const struct index_row *row, const struct search_value *v)
{
	switch (c->param->type) {
	case PARAM_STRING:
		return string_meets(c->modifier, row, v);
	case PARAM_TOKEN:
		return token_meets(row, v);
	case PARAM_URI:
		return same(row->code, v->code);
	case PARAM_REFERENCE:
		return reference_meets(row, v);
	case PARAM_NUMBER:
		return search_number_meets(row->number_low, row->number_high, v);
	case PARAM_QUANTITY:
		return unit_meets(row, v) && search_number_meets(row->number_low, row->number_high, v);
	case PARAM_DATE:
		return search_date_meets(row->low, row->high, v);
	default:
		return false;
	}
}

static bool any_row_meets(const struct criterion *c, const struct index_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].param == c->param)
			for (size_t j = 0; j < c->value_count; j++)
				if (row_meets(c, &rows->rows[i], &c->values[j]))
					return true;
	return false;
}

static bool has_row(const struct criterion *c, const struct index_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].param == c->param)
			return true;
	return false;
}

static bool missing_holds(const struct criterion *c, const struct index_rows *rows)
{
	bool missing = !has_row(c, rows);
	for (size_t j = 0; j < c->value_count; j++)
		if (c->values[j].missing == missing)
			return true;
	return false;
}

static bool param_holds(const struct criterion *c, const struct index_rows *rows)
{
	if (c->modifier == MOD_MISSING)
		return missing_holds(c, rows);
	return any_row_meets(c, rows) != (c->modifier == MOD_NOT);
}

static bool criterion_holds(const struct criterion *c, const struct index_rows *rows, struct str id, int64_t updated)
{
	if (c->kind == CRITERION_PARAM)
		return param_holds(c, rows);
	for (size_t j = 0; j < c->value_count; j++) {
		const struct search_value *v = &c->values[j];
		if (c->kind == CRITERION_ID ? same(id, v->code) : search_date_meets(updated, updated, v))
			return true;
	}
	return false;
}

bool search_matches(const struct search_query *query, const struct index_rows *rows, struct str id, int64_t updated_ms)
{
	for (size_t i = 0; i < query->criterion_count; i++)
		if (!criterion_holds(&query->criteria[i], rows, id, updated_ms))
			return false;
	return true;
}
