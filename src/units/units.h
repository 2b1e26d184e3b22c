/*
 * Units of measure by UCUM, the Unified Code for Units of Measure, in its case-sensitive form
 * (http://unitsofmeasure.org, https://ucum.org/ucum). A unit is parsed once into a struct unit by value: how many of
 * the base units one of it is, as an exact fraction of decimals, and its dimension. Everything else works on that. No
 * allocation, no state; any thread.
 *
 * Exact means exact: 1 [in_i] is 2.54 cm, a third of a centimetre stays a third until the last division. Fractions
 * whose digits no longer fit (powers of pi) are kept to 38 digits. Special units, whose scale has its own zero (Cel,
 * [degF]) or is logarithmic (pH, dB), convert by their functions: temperatures exactly, the rest to 15 digits.
 *
 * Arbitrary units such as [iU] or [CFU] each have a dimension of their own: m[iU]/mL converts to [iU]/L, but nothing
 * converts to [iU] from another unit (UCUM, clause 24). mol is a number of things and therefore has no dimension, so
 * mmol/L and mg/dL are not comparable: that takes the molar mass of the substance.
 */
#ifndef FIRTH_UNITS_UNITS_H
#define FIRTH_UNITS_UNITS_H

#include "base/decimal.h"

#define UNIT_SYSTEM "http://unitsofmeasure.org"

enum {
	UNIT_MAX_TEXT = 400, /* bytes of a unit's code */
	UNIT_MAX_PARTS = 48, /* symbols, factors, annotations and parentheses */
	UNIT_MAX_DEPTH = 12, /* nested parentheses */
	UNIT_MAX_EXPONENT = 999,
	UNIT_DIMENSIONS = 7, /* m s g rad K C cd */
	UNIT_MAX_ARBITRARY = 4, /* different arbitrary units in one unit */
	UNIT_DIGITS = 24, /* of a result that does not end */
	UNIT_CANONICAL_MAX = 192 /* bytes that unit_write_canonical() writes at most */
};

enum unit_scale {
	UNIT_RATIO, /* a plain multiple of the base units */
	UNIT_SPECIAL, /* a single special unit: Cel, pH, dB */
	UNIT_MIXED /* a special unit together with others, such as Cel/min: valid by the grammar, without a meaning */
};

struct unit {
	struct str text; /* the code as given, borrowed */
	/* One of it is numerator / denominator of its base units; of a special unit, what its function works on. */
	struct decimal numerator, denominator;
	int16_t dimension[UNIT_DIMENSIONS]; /* powers of m s g rad K C cd */
	uint16_t arbitrary[UNIT_MAX_ARBITRARY]; /* rows of the table, ascending */
	int16_t arbitrary_power[UNIT_MAX_ARBITRARY];
	uint8_t arbitrary_count;
	uint8_t scale; /* enum unit_scale */
	uint8_t function; /* of a special unit */
	int16_t prefix_power; /* of a special unit: its values are times ten to this */
	bool counts; /* built on mol: an amount of substance */
	bool rounded; /* the fraction did not fit and has 38 digits */
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Parses a code. Empty text is the unit 1. False with ERR_VALUE, the position in err->column and one line on what is
 * wrong; ERR_LIMIT past a limit. The text is borrowed by *ret_unit. */
bool unit_parse(struct str text, struct unit *ret_unit, struct error *err) MUST_USE;

/* The same question as a check for people: empty text is refused, and the error ends with what was probably meant when
 * that can be told ("did you mean "mg/dL"?"). Slower than unit_parse only when it fails. */
bool unit_check(struct str text, struct error *err) MUST_USE;

/* What a person probably meant by text that is no valid code, as one valid code, into out. False when nothing is near.
 */
bool unit_suggest(struct str text, struct buf *out);

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* "(meter ^ 3) * (kilogram ^ -1)", "(unity)" for no text. False when the text is no valid unit. */
bool unit_write_name(struct buf *out, struct str text, struct error *err) MUST_USE;

/* The base units of a unit as a UCUM code in a fixed order: "g.m-1.s-2", "1" without dimension, "[iU].m-3". Two units
 * that are not UNIT_MIXED are commensurable exactly when these are equal. */
void unit_write_canonical(struct buf *out, const struct unit *u);

/* ---- meaning ----------------------------------------------------------------------------------------------------- */

/* Whether values in one can be given in the other: same dimension, same arbitrary units; UNIT_MIXED only with the very
 * same text. */
bool unit_commensurable(const struct unit *a, const struct unit *b);

/* The value in base units (see unit_write_canonical), exact where it ends within UNIT_DIGITS digits or the digits of
 * the value. ERR_NOT_SUPPORTED for UNIT_MIXED; ERR_VALUE when a function has no value there; ERR_LIMIT out of range. */
bool unit_canonical(const struct decimal *value, const struct unit *u, struct decimal *ret_value,
		    struct error *err) MUST_USE;

enum unit_digits {
	UNIT_EXACT, /* all digits that the result has, UNIT_DIGITS of one that does not end */
	UNIT_SIGNIFICANT /* as many significant digits as the value; a whole number counts as exact */
};

/* A value in another unit. ERR_VALUE when they are not commensurable, saying why. */
bool unit_convert(const struct decimal *value, const struct unit *from, const struct unit *to, enum unit_digits digits,
		  struct decimal *ret_value, struct error *err) MUST_USE;

/* Compares two quantities: ret_order is negative, zero or positive. ERR_VALUE when they are not commensurable. */
bool unit_compare(const struct decimal *a, const struct unit *unit_a, const struct decimal *b,
		  const struct unit *unit_b, int *ret_order, struct error *err) MUST_USE;

/* Product and quotient of two quantities in base units: the value, and its unit into out as by unit_write_canonical.
 * Special units are taken to base units first. ERR_VALUE for division by zero. */
bool unit_multiply(const struct decimal *a, const struct unit *unit_a, const struct decimal *b,
		   const struct unit *unit_b, enum unit_digits digits, struct decimal *ret_value, struct buf *ret_unit,
		   struct error *err) MUST_USE;
bool unit_divide(const struct decimal *a, const struct unit *unit_a, const struct decimal *b, const struct unit *unit_b,
		 enum unit_digits digits, struct decimal *ret_value, struct buf *ret_unit, struct error *err) MUST_USE;

/* ---- the table --------------------------------------------------------------------------------------------------- */

struct unit_info {
	struct str code, name, symbol, property, group; /* "Pa", "pascal", "Pa", "pressure", "si" */
	struct str value, definition; /* one of it is value times the unit of the definition ("60" and "s"); empty for
				       * base units, the value for special ones too: "cel(1 K)" is a function */
	bool metric; /* takes prefixes */
	bool special, arbitrary, base;
};
/* Base and derived units, sorted by code. The strings live as long as the program. */
size_t unit_count(void);
struct unit_info unit_info_at(size_t at);

/* The symbols of a unit in their order, at most max; none when it is not valid. */
struct unit_symbol {
	struct str code; /* as written, without exponent */
	struct str prefix; /* "milli", empty without one */
	struct unit_info unit;
	int power; /* what it contributes: -2 in /m2 */
};
size_t unit_symbols(struct str text, struct unit_symbol *symbols, size_t max);

#endif
