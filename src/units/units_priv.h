/*
 * Inside the room: the table as the build lays it out, and a unit's parts between parsing and reduction. The functions
 * take the table as an argument because the generator that makes it (gen/units.c) uses them on the unfinished one.
 */
#ifndef FIRTH_UNITS_UNITS_PRIV_H
#define FIRTH_UNITS_UNITS_PRIV_H

#include "units/units.h"

/* The functions of special units, by their names in ucum-essence.xml. */
enum unit_function {
	UNIT_NO_FUNCTION,
#define FUNCTION(name, essence) UNIT_##name,
#include "units/functions.def"
#undef FUNCTION
	UNIT_FUNCTION_COUNT
};

struct unit_prefix {
	struct str code, ci_code, name, symbol;
	struct decimal value;
	int16_t power; /* of ten; 0: value is no power of ten */
};

struct unit_row {
	struct str code, ci_code, name, symbol, property, group;
	struct str value, definition; /* one of it is value times the unit of the definition; empty for base units */
	struct decimal numerator, denominator; /* for special units: of the unit that the function works on */
	int8_t dimension[UNIT_DIMENSIONS];
	uint16_t arbitrary; /* 1 + the row of the arbitrary unit that it is a multiple of; 0: none */
	uint8_t function; /* enum unit_function */
	bool metric, base, counts, is_arbitrary;
};

struct unit_table {
	const struct unit_prefix *prefixes;
	size_t prefix_count;
	const struct unit_row *rows; /* sorted by code */
	size_t row_count;
};

extern const struct unit_table unit_builtin_table;

/* ---- parts ------------------------------------------------------------------------------------------------------- */

enum unit_part_kind {
	PART_SYMBOL,
	PART_FACTOR,
	PART_ANNOTATION, /* stands for 1, or belongs to the part before it */
	PART_OPEN,
	PART_CLOSE,
	PART_TIMES,
	PART_DIVIDE
};

struct unit_part {
	enum unit_part_kind kind;
	uint16_t at, end; /* in the text */
	int16_t prefix; /* row of the prefix, -1: none */
	uint16_t row;
	int16_t exponent; /* of the symbol as written */
	bool inverted; /* by the divisions around it */
};

struct unit_parts {
	struct str text;
	struct unit_part parts[2 * UNIT_MAX_PARTS];
	size_t count;
};

/* What a failed parse stumbled over: [from, to) of the text. */
struct unit_fault {
	size_t from, to;
	bool symbol; /* it is a symbol that the table does not have */
};

bool unit_parse_parts(const struct unit_table *table, struct str text, struct unit_parts *ret_parts,
		      struct unit_fault *ret_fault, struct error *err) MUST_USE;
/* The prefix (or -1) and row of a symbol. */
bool unit_find_symbol(const struct unit_table *table, struct str symbol, int16_t *ret_prefix,
		      uint16_t *ret_row) MUST_USE;
/* The row of exactly this code. */
bool unit_find_row(const struct unit_table *table, struct str code, uint16_t *ret_row) MUST_USE;
bool unit_reduce(const struct unit_table *table, const struct unit_parts *parts, struct unit *ret_unit,
		 struct error *err) MUST_USE;

/* Multiplies by a power of an arbitrary unit. False past a limit. */
bool unit_add_arbitrary(struct unit *u, uint16_t row, int power) MUST_USE;

/* ---- fractions --------------------------------------------------------------------------------------------------- */

bool unit_is_one(const struct decimal *d); /* 1 without a power of ten */
/* Products that are exact where they fit; otherwise they have 38 digits and *rounded becomes true. False only past the
 * range of exponents. */
bool unit_product(const struct decimal *a, const struct decimal *b, struct decimal *ret_product,
		  bool *rounded) MUST_USE;
bool unit_power(const struct decimal *base, unsigned exponent, struct decimal *ret_power, bool *rounded) MUST_USE;

enum { UNIT_KEPT_DIGITS = 38, UNIT_FUNCTION_DIGITS = 15 };

/* Value of a special unit to the unit its function works on, and back. ERR_VALUE where the function has none.
 * ret_exact: whether no digits were lost; otherwise the result has UNIT_FUNCTION_DIGITS. */
bool unit_from_special(uint8_t function, const struct decimal *value, struct decimal *ret_value, bool *ret_exact,
		       struct error *err) MUST_USE;
/* Whether the function only moves the zero. */
bool unit_is_offset(uint8_t function);
bool unit_to_special(uint8_t function, const struct decimal *value, struct decimal *ret_value, bool *ret_exact,
		     struct error *err) MUST_USE;

#endif
