/*
 * Units and decimals from anywhere. The input is three lines: a number, a unit and another unit. Beyond not crashing:
 * numbers and base units read back as what was written, every suggestion is a valid code, an error has a text, and what
 * converts there comes back.
 */
#include <assert.h>

#include "fuzz.h"
#include "units/units.h"

static void check_number(struct str text, struct decimal *ret_value)
{
	struct decimal again;
	struct buf out;
	if (!decimal_parse(text, ret_value))
		*ret_value = decimal_from_i64(3);
	buf_init(&out, 1 << 10);
	decimal_write(&out, ret_value);
	assert(buf_ok(&out) && decimal_parse(buf_str(&out), &again) && decimal_cmp(&again, ret_value) == 0 &&
	       decimal_places(&again) == decimal_places(ret_value));
	buf_done(&out);
}

static bool check_unit(struct str text, struct unit *ret_unit)
{
	struct error err = {0}, other = {0};
	struct buf out;
	buf_init(&out, 1 << 16);
	bool parsed = unit_parse(text, ret_unit, &err);
	if (parsed) {
		struct unit base;
		assert(text.n == 0 || unit_check(text, &other));
		assert(unit_write_name(&out, text, &other));
		buf_reset(&out);
		unit_write_canonical(&out, ret_unit);
		assert(out.n <= UNIT_CANONICAL_MAX && unit_parse(buf_str(&out), &base, &other));
		assert(ret_unit->scale == UNIT_MIXED || unit_commensurable(ret_unit, &base));
	} else {
		struct unit meant;
		assert(err.code != ERR_NONE && err.text[0] && err.column <= text.n + 1);
		if (text.n <= 64 && unit_suggest(text, &out))
			assert(unit_parse(buf_str(&out), &meant, &other));
	}
	buf_done(&out);
	return parsed;
}

static void check_conversion(const struct decimal *value, const struct unit *from, const struct unit *to)
{
	struct error err = {0};
	struct decimal there, back;
	struct buf text;
	int order = 9;
	buf_init(&text, UNIT_CANONICAL_MAX);
	bool converted = unit_convert(value, from, to, UNIT_EXACT, &there, &err);
	assert(converted || (err.code != ERR_NONE && err.text[0]));
	if (converted && from->scale == UNIT_RATIO && to->scale == UNIT_RATIO && decimal_digits(value) < 20 &&
	    unit_convert(&there, to, from, UNIT_EXACT, &back, &err)) {
		back = decimal_to_digits(&back, 20, DECIMAL_HALF_EVEN);
		assert(decimal_cmp(&back, value) == 0);
		assert(unit_compare(value, from, &there, to, &order, &err) || err.code == ERR_LIMIT);
	}
	error_clear(&err);
	if (!unit_convert(value, from, to, UNIT_SIGNIFICANT, &there, &err) ||
	    !unit_multiply(value, from, value, to, UNIT_SIGNIFICANT, &there, &text, &err) ||
	    !unit_divide(value, from, value, to, UNIT_EXACT, &there, &text, &err))
		assert(err.code != ERR_NONE);
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data, size);
	struct str number = str_split(&rest, '\n'), first = rest.p ? str_split(&rest, '\n') : S("");
	struct decimal value;
	struct unit from, to;
	check_number(number, &value);
	bool parsed = check_unit(first, &from);
	if (check_unit(rest.p ? rest : S(""), &to) && parsed)
		check_conversion(&value, &from, &to);
	return 0;
}
