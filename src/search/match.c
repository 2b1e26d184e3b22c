/*
 * The meaning of criteria as plain loops over rows: the oracle that stores are tested against. Rules and clauses are in
 * search.h; nothing here tries to be fast.
 */
#include <math.h>

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
	case MOD_ENDS:
		return row->code.p && str_ends(row->code, v->code);
	case MOD_EQUAL:
		return same(row->code, v->code);
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

static bool token_meets(enum search_modifier modifier, const struct index_row *row, const struct search_value *v)
{
	return system_meets(row, v) && (!v->code.p || same(row->code, v->code)) &&
	       (modifier != MOD_OF_TYPE || same(row->text, v->text));
}

bool search_uri_below(struct str uri, struct str value)
{
	if (!uri.p || !value.p || !str_starts(uri, value))
		return false;
	return uri.n == value.n || (value.n && value.p[value.n - 1] == '/') || uri.p[value.n] == '/';
}

static bool reference_meets(enum search_modifier modifier, const struct index_row *row, const struct search_value *v)
{
	if (!v->ref_id.p)
		return modifier == MOD_BELOW ? search_version_below(row->code, v->code) : same(row->code, v->code);
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
	if (v->canonical.p)
		return same(row->canonical, v->canonical);
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

static bool quantity_meets(const struct index_row *row, const struct search_value *v)
{
	if (!unit_meets(row, v))
		return false;
	return v->canonical.p ? search_number_meets(row->canonical_low, row->canonical_high, v)
			      : search_number_meets(row->number_low, row->number_high, v);
}

/* By the haversine formula, which is exact enough at every distance. */
double search_distance(double latitude_a, double longitude_a, double latitude_b, double longitude_b)
{
	const double radius = 6371008.8, radians = 3.14159265358979323846 / 180;
	double a = latitude_a * radians, b = latitude_b * radians;
	double north = sin((b - a) / 2), east = sin((longitude_b - longitude_a) * radians / 2);
	double h = north * north + cos(a) * cos(b) * east * east;
	return 2 * radius * asin(h < 1 ? sqrt(h) : 1);
}

static bool row_meets(const struct criterion *c, const struct index_row *row, const struct search_value *v)
{
	switch (c->param->type) {
	case PARAM_STRING:
		return string_meets(c->modifier, row, v);
	case PARAM_TOKEN:
		return token_meets(c->modifier, row, v);
	case PARAM_URI:
		return c->modifier == MOD_BELOW ? search_uri_below(row->code, v->code) : same(row->code, v->code);
	case PARAM_REFERENCE:
		return c->modifier == MOD_IDENTIFIER ? token_meets(MOD_NONE, row, v)
						     : reference_meets(c->modifier, row, v);
	case PARAM_NUMBER:
		return search_number_meets(row->number_low, row->number_high, v);
	case PARAM_QUANTITY:
		return quantity_meets(row, v);
	case PARAM_DATE:
		return search_date_meets(row->low, row->high, v);
	case PARAM_SPECIAL:
		return search_distance(row->number_low, row->number_high, v->number_low, v->number_high) <= v->number;
	default:
		return false;
	}
}

static enum row_variant variant_of(enum search_modifier modifier)
{
	return modifier == MOD_IDENTIFIER ? ROW_IDENTIFIER : modifier == MOD_OF_TYPE ? ROW_OF_TYPE : ROW_PLAIN;
}

static const uint32_t ANY_ELEMENT = UINT32_MAX;

static bool is_of(const struct index_row *row, const struct criterion *c, uint32_t element)
{
	return row->param == c->param && row->variant == variant_of(c->modifier) &&
	       (element == ANY_ELEMENT || row->element == element);
}

static bool any_row_meets(const struct criterion *c, const struct index_rows *rows, uint32_t element)
{
	for (size_t i = 0; i < rows->count; i++)
		if (is_of(&rows->rows[i], c, element))
			for (size_t j = 0; j < c->value_count; j++)
				if (row_meets(c, &rows->rows[i], &c->values[j]))
					return true;
	return false;
}

static bool missing_holds(const struct criterion *c, const struct index_rows *rows)
{
	bool missing = true;
	for (size_t i = 0; i < rows->count && missing; i++) {
		const struct index_row *row = &rows->rows[i];
		missing = row->param != c->param || (row->variant != ROW_PLAIN && row->variant != ROW_PRESENT);
	}
	for (size_t j = 0; j < c->value_count; j++)
		if (c->values[j].missing == missing)
			return true;
	return false;
}

static bool param_holds(const struct criterion *c, const struct index_rows *rows)
{
	if (c->modifier == MOD_MISSING)
		return missing_holds(c, rows);
	return any_row_meets(c, rows, ANY_ELEMENT) != (c->modifier == MOD_NOT);
}

/* ---- composites ------------------------------------------------------------------------------------------------ */

static bool element_meets(const struct criterion *c, const struct index_rows *rows, uint32_t element)
{
	for (size_t i = 0; i < c->child_count; i++)
		if (!any_row_meets(&c->children[i], rows, c->param->components[i].whole ? ANY_ELEMENT : element))
			return false;
	return true;
}

static bool composite_holds(const struct criterion *c, const struct index_rows *rows)
{
	if (element_meets(c, rows, 0))
		return true;
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].element && element_meets(c, rows, rows->rows[i].element))
			return true;
	return false;
}

/* ---- other resources ------------------------------------------------------------------------------------------- */

/* Does `from` refer to `to` by a parameter? */
static bool refers(const struct search_resource *from, const struct search_param *param, enum row_variant variant,
		   const struct search_resource *to)
{
	for (size_t i = 0; from->rows && i < from->rows->count; i++) {
		const struct index_row *row = &from->rows->rows[i];
		if (row->param == param && row->variant == variant && same(row->ref_id, to->id) &&
		    same(row->ref_type, to->type->name))
			return true;
	}
	return false;
}

bool criterion_links(const struct criterion *c, const struct search_resource *resource,
		     const struct search_resource *other)
{
	if (c->kind == CRITERION_CHAIN)
		return refers(resource, c->param, ROW_PLAIN, other);
	return refers(other, c->param, c->modifier == MOD_REMOVED ? ROW_REMOVED : ROW_PLAIN, resource);
}

static bool linked(const struct criterion *c, const struct search_resource *resource,
		   const struct search_resource *other, const struct search_world *world)
{
	if (!criterion_links(c, resource, other))
		return false;
	for (size_t i = 0; i < c->inner_count; i++)
		if (search_part_matches(&c->inner[i], other, world))
			return true;
	return false;
}

static bool any_linked(const struct criterion *c, const struct search_resource *resource,
		       const struct search_world *world)
{
	for (size_t i = 0; world && i < world->count; i++)
		if (linked(c, resource, &world->resources[i], world))
			return true;
	return false;
}

/* ---- trees ----------------------------------------------------------------------------------------------------- */

bool criterion_holds(const struct criterion *c, const struct search_resource *r, const struct search_world *world)
{
	bool holds;
	switch (c->kind) {
	case CRITERION_PARAM:
		return c->modifier != MOD_TEXT && param_holds(c, r->rows);
	case CRITERION_COMPOSITE:
		return composite_holds(c, r->rows);
	case CRITERION_CHAIN:
	case CRITERION_HAS:
		return any_linked(c, r, world);
	case CRITERION_AND:
	case CRITERION_OR:
		holds = c->kind == CRITERION_AND;
		for (size_t i = 0; i < c->child_count && holds == (c->kind == CRITERION_AND); i++)
			holds = criterion_holds(&c->children[i], r, world);
		return holds;
	case CRITERION_NOT:
		return !criterion_holds(c->children, r, world);
	case CRITERION_ID:
	case CRITERION_LAST_UPDATED:
		break;
	default:
		return false;
	}
	for (size_t j = 0; j < c->value_count; j++) {
		const struct search_value *v = &c->values[j];
		if (c->kind == CRITERION_ID ? same(r->id, v->code) : search_date_meets(r->updated_ms, r->updated_ms, v))
			return true;
	}
	return false;
}

const struct criterion *search_access_of(const struct search_access *access, const struct fhir_type *type,
					 enum search_sight sight)
{
	return access ? access->of(access->ctx, type, sight) : NULL;
}

/* By the truth: what the criterion looks through need not be visible itself. */
static bool is_visible(const struct search_resource *resource, const struct search_world *world)
{
	const struct criterion *c = world ? search_access_of(world->access, resource->type, SIGHT_SEARCHED) : NULL;
	struct search_world all = {.resources = world ? world->resources : NULL, .count = world ? world->count : 0};
	return !c || criterion_holds(c, resource, &all);
}

bool search_part_matches(const struct search_part *part, const struct search_resource *resource,
			 const struct search_world *world)
{
	if (part->type != resource->type || !is_visible(resource, world))
		return false;
	for (size_t i = 0; i < part->criterion_count; i++)
		if (!criterion_holds(&part->criteria[i], resource, world))
			return false;
	return true;
}

bool search_resource_matches(const struct search_query *query, const struct search_resource *resource,
			     const struct search_world *world)
{
	for (size_t i = 0; i < query->part_count; i++)
		if (search_part_matches(&query->parts[i], resource, world))
			return true;
	return false;
}

bool search_matches(const struct search_query *query, const struct index_rows *rows, struct str id, int64_t updated_ms)
{
	struct search_resource resource = {
		.type = query->parts->type, .id = id, .updated_ms = updated_ms, .rows = rows};
	return search_resource_matches(query, &resource, NULL);
}

bool criterion_needs_body(const struct criterion *c)
{
	if (c->kind == CRITERION_NARRATIVE || c->kind == CRITERION_CONTENT)
		return true;
	if (c->kind == CRITERION_PARAM)
		return c->modifier == MOD_TEXT;
	for (size_t i = 0; c->kind != CRITERION_COMPOSITE && i < c->child_count; i++)
		if (criterion_needs_body(&c->children[i]))
			return true;
	return false;
}
