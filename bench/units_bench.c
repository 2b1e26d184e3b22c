/*
 * How fast units and decimals are: parsing, the base value of a quantity (what a search index stores), converting,
 * checking a wrong code, arithmetic. Prints nanoseconds per operation, best of several rounds. Usage: units_bench
 */
#include <stdio.h>

#include "base/clock.h"
#include "units/units.h"

/* What laboratory results and vital signs use most. */
static const char *const codes[] = {
	"mg/dL",  "mmol/L",  "g/dL",	"10*3/uL", "%",	  "/min",    "mm[Hg]", "kg",
	"cm",	  "kg/m2",   "Cel",	"[degF]",  "U/L", "m[IU]/L", "ng/mL",  "mL/min/{1.73_m2}",
	"[in_i]", "[lb_av]", "{score}", "fL",
};
static const char *const others[] = {
	"g/L",	  "mol/L", "kg/L",  "10*9/L",  "1",	"Hz",  "kPa", "[lb_av]", "[in_i]", "g/cm2",
	"[degF]", "Cel",   "kat/L", "[iU]/mL", "ug/dL", "L/h", "cm",  "g",	 "%",	   "uL",
};
enum { CODES = sizeof(codes) / sizeof(*codes), REPEATS = 20000, ROUNDS = 5 };

static struct unit units[CODES], scaled[CODES]; /* scaled: other units of the same dimension */
static uint64_t kept; /* so that the work is not optimised away */

static void parse(size_t i)
{
	struct unit u;
	kept += unit_parse(str_from(codes[i]), &u, NULL) + u.arbitrary_count;
}

static void parse_and_canonical(size_t i)
{
	struct decimal value, base;
	struct unit u;
	struct error err = {0};
	kept += unit_parse(str_from(codes[i]), &u, NULL) && decimal_parse(S("13.45"), &value) &&
		unit_canonical(&value, &u, &base, &err);
}

static void convert(size_t i)
{
	struct decimal value = {.limb = {1345}, .exponent = -2, .count = 1}, result;
	struct error err = {0};
	kept += unit_convert(&value, &units[i], &scaled[i], UNIT_SIGNIFICANT, &result, &err);
}

static void check_wrong(size_t i)
{
	struct error err = {0};
	kept += unit_check(i % 2 ? S("mmHg") : S("MG/DL"), &err);
}

static const char *const numbers[] = {"13.45", "1.50", "120", "0.001", "98.6", "-7.25", "1200", "3.14159265358979"};
enum { NUMBERS = sizeof(numbers) / sizeof(*numbers) };
static struct decimal decimals[NUMBERS];

static void parse_number(size_t i)
{
	kept += decimal_parse(str_from(numbers[i % NUMBERS]), &decimals[i % NUMBERS]);
}

static void write_number(size_t i)
{
	static struct buf out = {.max = 1 << 10};
	buf_reset(&out);
	decimal_write(&out, &decimals[i % NUMBERS]);
	kept += out.n;
}

static void compare_numbers(size_t i)
{
	kept += decimal_cmp(&decimals[i % NUMBERS], &decimals[(i + 1) % NUMBERS]) > 0;
}

static void add_numbers(size_t i)
{
	struct decimal sum;
	kept += decimal_add(&decimals[i % NUMBERS], &decimals[(i + 1) % NUMBERS], &sum);
}

static void multiply_numbers(size_t i)
{
	struct decimal product;
	kept += decimal_mul(&decimals[i % NUMBERS], &decimals[(i + 1) % NUMBERS], &product);
}

static void divide_numbers(size_t i)
{
	struct decimal quotient;
	kept += decimal_div(&decimals[i % NUMBERS], &decimals[(i + 1) % NUMBERS], 28, &quotient);
}

static void measure(const char *name, void (*what)(size_t), unsigned repeats)
{
	uint64_t best = UINT64_MAX;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t from = clock_monotonic_ns();
		for (unsigned n = 0; n < repeats; n++)
			for (size_t i = 0; i < CODES; i++)
				what(i);
		uint64_t took = clock_monotonic_ns() - from;
		best = took < best ? took : best;
	}
	double ns = (double)best / ((double)repeats * CODES);
	printf("%-44s %9.0f ns  %11.0f/s\n", name, ns, 1e9 / ns);
}

int main(void)
{
	for (size_t i = 0; i < CODES; i++) {
		struct error err = {0};
		if (!unit_parse(str_from(codes[i]), &units[i], &err) ||
		    !unit_parse(str_from(others[i]), &scaled[i], &err)) {
			fprintf(stderr, "%s: %s\n", codes[i], err.text);
			return 1;
		}
	}
	measure("parse a code", parse, REPEATS);
	measure("parse code and value, value in base units", parse_and_canonical, REPEATS);
	measure("convert between parsed units", convert, REPEATS);
	measure("check a wrong code, with suggestion", check_wrong, 20);
	measure("parse a decimal", parse_number, REPEATS);
	measure("write a decimal", write_number, REPEATS);
	measure("compare two decimals", compare_numbers, REPEATS);
	measure("add two decimals", add_numbers, REPEATS);
	measure("multiply two decimals", multiply_numbers, REPEATS);
	measure("divide two decimals to 28 digits", divide_numbers, REPEATS);
	return kept == 0;
}
