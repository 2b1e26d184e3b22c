/* The built-in table: parsing by it, and looking at it. */
#include "units/units_priv.h"

bool unit_parse(struct str text, struct unit *ret_unit, struct error *err)
{
	struct unit_parts parts;
	struct unit_fault fault;
	return unit_parse_parts(&unit_builtin_table, text, &parts, &fault, err) &&
	       unit_reduce(&unit_builtin_table, &parts, ret_unit, err);
}

size_t unit_count(void)
{
	return unit_builtin_table.row_count;
}

struct unit_info unit_info_at(size_t at)
{
	const struct unit_row *row = &unit_builtin_table.rows[at];
	return (struct unit_info){
		.code = row->code,
		.name = row->name,
		.symbol = row->symbol,
		.property = row->property,
		.group = row->group,
		.definition = row->definition,
		.metric = row->metric,
		.special = row->function != UNIT_NO_FUNCTION,
		.arbitrary = row->is_arbitrary,
		.base = row->base,
	};
}
