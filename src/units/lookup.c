/* Symbols: a code of the table as it is, or a metric one behind a prefix. */
#include "units/units_priv.h"

bool unit_find_row(const struct unit_table *table, struct str code, uint16_t *ret_row)
{
	size_t low = 0, high = table->row_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int cmp = str_cmp(table->rows[middle].code, code);
		if (cmp == 0) {
			*ret_row = (uint16_t)middle;
			return true;
		}
		if (cmp < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* A whole code wins over a prefix: cd is the candela, not a centi-day. No symbol can be split in two ways; a test of
 * the table says so. */
bool unit_find_symbol(const struct unit_table *table, struct str symbol, int16_t *ret_prefix, uint16_t *ret_row)
{
	uint16_t row;
	if (unit_find_row(table, symbol, &row)) {
		*ret_prefix = -1;
		*ret_row = row;
		return true;
	}
	for (size_t i = 0; i < table->prefix_count; i++) {
		struct str prefix = table->prefixes[i].code;
		if (!str_starts(symbol, prefix) || !unit_find_row(table, str_slice(symbol, prefix.n, symbol.n), &row) ||
		    !table->rows[row].metric)
			continue;
		*ret_prefix = (int16_t)i;
		*ret_row = row;
		return true;
	}
	return false;
}
