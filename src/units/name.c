/* How units are written: display names and base units. */
#include "units/units_priv.h"

static void write_symbol(struct buf *out, const struct unit_part *part)
{
	const struct unit_table *table = &unit_builtin_table;
	buf_char(out, '(');
	if (part->prefix >= 0)
		buf_add(out, table->prefixes[part->prefix].name);
	buf_add(out, table->rows[part->row].name);
	if (part->exponent != 1)
		buf_printf(out, " ^ %d", part->exponent);
	buf_char(out, ')');
}

/* Whether an annotation stands for a component; behind one it says nothing that a name needs. */
static bool stands_for_one(const struct unit_parts *parts, size_t at)
{
	if (at == 0)
		return true;
	enum unit_part_kind before = parts->parts[at - 1].kind;
	return before == PART_OPEN || before == PART_TIMES || before == PART_DIVIDE;
}

bool unit_write_name(struct buf *out, struct str text, struct error *err)
{
	struct unit_parts parts;
	struct unit_fault fault;
	if (!unit_parse_parts(&unit_builtin_table, text, &parts, &fault, err))
		return false;
	if (parts.count == 0)
		buf_add(out, S("(unity)"));
	for (size_t i = 0; i < parts.count; i++) {
		const struct unit_part *part = &parts.parts[i];
		struct str written = str_slice(text, part->at, part->end);
		switch (part->kind) {
		case PART_SYMBOL:
			write_symbol(out, part);
			break;
		case PART_FACTOR:
			buf_add(out, written);
			break;
		case PART_ANNOTATION:
			if (stands_for_one(&parts, i))
				buf_add(out, written);
			break;
		case PART_OPEN:
		case PART_CLOSE:
			buf_char(out, part->kind == PART_OPEN ? '(' : ')');
			break;
		case PART_TIMES:
			buf_add(out, S(" * "));
			break;
		case PART_DIVIDE:
			buf_add(out, i > 0 ? S(" / ") : S("/ "));
			break;
		}
	}
	return buf_ok(out) || error_memory(err);
}

struct factor {
	struct str code;
	int power;
};

static void add_factor(struct factor *factors, size_t *count, struct str code, int power)
{
	size_t at = *count;
	if (power == 0)
		return;
	for (; at > 0 && str_cmp(factors[at - 1].code, code) > 0; at--)
		factors[at] = factors[at - 1];
	factors[at] = (struct factor){code, power};
	++*count;
}

void unit_write_canonical(struct buf *out, const struct unit *u)
{
	static const char *const base[UNIT_DIMENSIONS] = {"m", "s", "g", "rad", "K", "C", "cd"};
	struct factor factors[UNIT_DIMENSIONS + UNIT_MAX_ARBITRARY];
	size_t count = 0;
	for (size_t i = 0; i < UNIT_DIMENSIONS; i++)
		add_factor(factors, &count, str_from(base[i]), u->dimension[i]);
	for (size_t i = 0; i < u->arbitrary_count; i++)
		add_factor(factors, &count, unit_builtin_table.rows[u->arbitrary[i]].code, u->arbitrary_power[i]);
	if (count == 0)
		buf_char(out, '1');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_char(out, '.');
		buf_add(out, factors[i].code);
		if (factors[i].power != 1) {
			if (factors[i].power < 0)
				buf_char(out, '-');
			buf_u64(out, (uint64_t)(factors[i].power < 0 ? -factors[i].power : factors[i].power));
		}
	}
}
