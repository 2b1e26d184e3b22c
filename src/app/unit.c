/*
 * `firth unit VALUE UNIT [to UNIT]`: a value in another unit, or in base units. A conversion that needs to know the
 * substance is refused unless its molar mass is given; nothing is guessed.
 */
#include <stdio.h>

#include "app/unit.h"
#include "base/file.h"

enum { UNIT_DIGITS_MAX = 60, INPUT_MAX = 64 << 20 };

bool app_unit(struct str text, struct unit *ret_unit, struct error *err)
{
	return (unit_check(text, err) && unit_parse(text, ret_unit, err)) ||
	       error_context(err, "unit \"%.*s\"", STR_ARG(str_slice(text, 0, 60)));
}

int app_unit_print(const struct app *app, struct buf *out)
{
	buf_char(out, '\n');
	int status = buf_ok(out) && app_write(app, buf_str(out)) ? APP_OK : APP_FAILED;
	buf_done(out);
	return status;
}

struct conversion {
	struct decimal value, result;
	struct unit from, to; /* to without text: base units */
	struct str unit; /* of the result */
	struct decimal molar_mass; /* g/mol; zero: not given */
};

/* One mole of charges or of dissolved particles is not one mole of the substance. */
static bool counts_parts(const struct unit *u)
{
	struct unit_symbol symbols[UNIT_MAX_PARTS];
	size_t count = unit_symbols(u->text, symbols, UNIT_MAX_PARTS);
	for (size_t i = 0; i < count; i++)
		if (str_is(symbols[i].unit.code, "eq") || str_is(symbols[i].unit.code, "osm"))
			return true;
	return false;
}

/* Multiplies an amount of substance by the molar mass, or divides a mass by it, and converts what results. */
static bool convert_by_mass(struct arena *a, struct conversion *c, enum unit_digits digits, struct error *err)
{
	struct unit per_mole, between;
	struct decimal product;
	struct buf text;
	if (counts_parts(&c->from) || counts_parts(&c->to))
		return error_set(err, ERR_VALUE,
				 "eq and osm count charges and particles, not molecules: a molar mass is not enough to "
				 "convert them to a mass");
	if (!unit_parse(S("g/mol"), &per_mole, err))
		return false;
	buf_init(&text, UNIT_CANONICAL_MAX);
	bool done = (c->from.counts ? unit_multiply : unit_divide)(&c->value, &c->from, &c->molar_mass, &per_mole,
								   UNIT_EXACT, &product, &text, err) &&
		    unit_parse(arena_str(a, buf_str(&text)), &between, err);
	buf_done(&text);
	if (!done || !unit_convert(&product, &between, &c->to, UNIT_EXACT, &c->result, err))
		return false;
	/* The digits of the less precise of the two, as for any product. */
	unsigned least = DECIMAL_MAX_DIGITS;
	const struct decimal *both[] = {&c->value, &c->molar_mass};
	for (size_t i = 0; i < 2; i++)
		if (decimal_places(both[i]) && decimal_digits(both[i]) && decimal_digits(both[i]) < least)
			least = decimal_digits(both[i]);
	if (digits == UNIT_SIGNIFICANT && least < DECIMAL_MAX_DIGITS)
		c->result = decimal_to_digits(&c->result, least, DECIMAL_HALF_UP);
	return true;
}

static bool convert(struct arena *a, struct conversion *c, enum unit_digits digits, struct error *err)
{
	if (c->to.text.n) {
		c->unit = c->to.text;
		if (!decimal_is_zero(&c->molar_mass) && !unit_commensurable(&c->from, &c->to) &&
		    c->from.counts != c->to.counts)
			return convert_by_mass(a, c, digits, err);
		if (unit_convert(&c->value, &c->from, &c->to, digits, &c->result, err))
			return true;
		if (c->from.counts != c->to.counts && strstr(err->text, "molar mass") && err->code == ERR_VALUE) {
			error_clear(err);
			error_set(err, ERR_VALUE,
				  "%.*s and %.*s are an amount of substance and a mass: give the molar mass of the "
				  "substance in g/mol with --molar-mass",
				  STR_ARG(str_slice(c->from.text, 0, 60)), STR_ARG(str_slice(c->to.text, 0, 60)));
		}
		return false;
	}
	struct buf base;
	struct unit base_unit;
	buf_init(&base, UNIT_CANONICAL_MAX);
	unit_write_canonical(&base, &c->from);
	c->unit = arena_str(a, buf_str(&base));
	buf_done(&base);
	return unit_parse(c->unit, &base_unit, err) &&
	       unit_convert(&c->value, &c->from, &base_unit, digits, &c->result, err);
}

static void write_quantity(struct json_writer *w, struct str key, const struct decimal *value, struct str unit)
{
	struct buf number;
	buf_init(&number, 1 << 10);
	decimal_write(&number, value);
	json_key(w, key);
	json_object_begin(w);
	json_key(w, S("value"));
	json_put_raw(w, buf_str(&number));
	json_put_member(w, S("unit"), unit);
	json_object_end(w);
	buf_done(&number);
}

static void write_conversion(const struct app *app, struct buf *out, const struct conversion *c)
{
	if (app->json) {
		struct json_writer w = json_writer(out);
		json_object_begin(&w);
		write_quantity(&w, S("from"), &c->value, c->from.text);
		write_quantity(&w, S("to"), &c->result, c->unit);
		json_object_end(&w);
	} else {
		decimal_write(out, &c->result);
		buf_printf(out, " %.*s", STR_ARG(c->unit));
	}
	buf_char(out, '\n');
}

/* VALUE UNIT [to UNIT], in one text or several. */
static bool read_words(const struct str *texts, size_t text_count, struct conversion *c, struct error *err)
{
	struct str words[4];
	size_t count = 0;
	for (size_t i = 0; i < text_count; i++) {
		for (struct str rest = texts[i]; rest.p;) {
			struct str word = str_trim(str_split(&rest, ' '));
			if (word.n == 0 && rest.p)
				continue;
			if (count == 4)
				return error_set(err, ERR_USAGE, "\"%.*s\" is one word too many",
						 STR_ARG(str_slice(word, 0, 60)));
			words[count++] = word;
		}
	}
	if (count == 4 && !str_is(words[2], "to"))
		return error_set(err, ERR_USAGE, "\"to\" is expected instead of \"%.*s\"",
				 STR_ARG(str_slice(words[2], 0, 60)));
	if (count != 2 && count != 4)
		return error_set(err, ERR_USAGE, "VALUE UNIT [to UNIT] is expected");
	if (!decimal_parse(words[0], &c->value))
		return error_set(err, ERR_USAGE, "\"%.*s\" is no decimal number", STR_ARG(str_slice(words[0], 0, 60)));
	return app_unit(words[1], &c->from, err) && (count == 2 || app_unit(words[3], &c->to, err));
}

struct unit_options {
	struct decimal molar_mass; /* zero: not given */
	unsigned digits; /* 0: those of the value */
	bool exact;
};

static bool convert_words(struct app *app, const struct str *texts, size_t count, const struct unit_options *options,
			  struct buf *out, struct error *err)
{
	struct conversion c = {.molar_mass = options->molar_mass};
	if (!read_words(texts, count, &c, err) ||
	    !convert(&app->arena, &c, options->exact || options->digits ? UNIT_EXACT : UNIT_SIGNIFICANT, err))
		return false;
	if (options->digits)
		c.result = decimal_to_digits(&c.result, options->digits, DECIMAL_HALF_UP);
	write_conversion(app, out, &c);
	return true;
}

/* A conversion on each line. One that fails leaves an empty line (null in JSON), so that results stay beside their
 * values, and says why on standard error. */
static bool convert_lines(struct app *app, const struct unit_options *options, struct buf *out, bool *ret_all,
			  struct error *err)
{
	struct str rest;
	if (!file_read(&app->arena, S("/dev/stdin"), INPUT_MAX, &rest, err))
		return false;
	*ret_all = true;
	for (size_t number = 1; rest.p; number++) {
		struct error line_err = {0};
		struct str line = str_split(&rest, '\n');
		if (line.n == 0 && !rest.p)
			break;
		if (convert_words(app, &line, 1, options, out, &line_err))
			continue;
		*ret_all = false;
		buf_add(out, app->json ? S("null\n") : S("\n"));
		fprintf(stderr, "firth unit: line %zu: %s\n", number, line_err.text);
	}
	return true;
}

int command_unit(struct app *app)
{
	struct str molar_mass = STR_NULL;
	int64_t digits = 0;
	bool exact = false;
	const struct option options[] = {
		{"molar-mass", OPTION_TEXT, "NUMBER", "of the substance in g/mol, to convert between amount and mass",
		 &molar_mass, NULL},
		{"digits", OPTION_NUMBER, "N", "significant digits of the result (default: those of VALUE)", &digits,
		 NULL},
		{"exact", OPTION_FLAG, NULL, "all digits; 24 of a number that does not end", &exact, NULL},
	};
	const struct command_line line = {
		OPTIONS(options),
		.arguments = "VALUE UNIT [to UNIT] | -",
		.min_args = 1,
		.max_args = 4,
		.details = "Units are UCUM codes. Without a second unit the result is in base units. VALUE with a "
			   "point has\n"
			   "as many significant digits as it shows, and so has the result; a whole number is exact.\n\n"
			   "  firth unit 98.6 '[degF]' to Cel                         37.0 Cel\n"
			   "  firth unit 6.300 '[in_i]' to cm                         16.00 cm\n"
			   "  firth unit 5.5 mmol/L to mg/dL --molar-mass 180.156     99 mg/dL\n"
			   "  firth unit 120 'mm[Hg]'                                 15998640 g.m-1.s-2\n\n"
			   "With - each line of standard input is such a conversion.\n\n"
			   "See also: firth unit check, firth unit explain, firth unit list.",
	};
	struct unit_options chosen = {0};
	struct error err = {0};
	struct buf out;
	bool all = true;
	if (!app_options(app, &line))
		return app->status;
	if (digits > UNIT_DIGITS_MAX)
		return app_misuse(app, "--digits is at most %d", UNIT_DIGITS_MAX);
	if (molar_mass.p && (!decimal_parse(molar_mass, &chosen.molar_mass) || decimal_is_zero(&chosen.molar_mass) ||
			     chosen.molar_mass.negative))
		return app_misuse(app, "--molar-mass needs a number of g/mol above zero");
	chosen.digits = (unsigned)digits;
	chosen.exact = exact;
	buf_init(&out, (size_t)512 << 20);
	bool lines = app->arg_count == 1 && str_is(app->args[0], "-");
	bool done = lines ? convert_lines(app, &chosen, &out, &all, &err)
			  : convert_words(app, app->args, app->arg_count, &chosen, &out, &err);
	bool written = done && buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return !done ? app_fail(app, &err) : written && all ? APP_OK : APP_FAILED;
}
