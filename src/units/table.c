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
		.value = row->value,
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

/* What a symbol is written as without its exponent: prefixes and codes may differ from it in nothing. */
static size_t code_length(const struct unit_part *part)
{
	const struct unit_table *t = &unit_builtin_table;
	return t->rows[part->row].code.n + (part->prefix < 0 ? 0 : t->prefixes[part->prefix].code.n);
}

size_t unit_symbols(struct str text, struct unit_symbol *symbols, size_t max)
{
	struct unit_parts parts;
	struct unit_fault fault;
	size_t count = 0;
	if (!unit_parse_parts(&unit_builtin_table, text, &parts, &fault, NULL))
		return 0;
	for (size_t i = 0; i < parts.count && count < max; i++) {
		const struct unit_part *part = &parts.parts[i];
		if (part->kind != PART_SYMBOL)
			continue;
		symbols[count++] = (struct unit_symbol){
			.code = str_slice(text, part->at, part->at + code_length(part)),
			.prefix = part->prefix < 0 ? S("") : unit_builtin_table.prefixes[part->prefix].name,
			.unit = unit_info_at(part->row),
			.power = part->inverted ? -part->exponent : part->exponent};
	}
	return count;
}
