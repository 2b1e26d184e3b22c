/* The grammar of units, what errors say, suggestions, names, and the table itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "units/units.h"
#include "units/units_priv.h"

static void units_and_what_they_are(void **state)
{
	(void)state;
	static const struct {
		const char *text, *base;
	} CASES[] = {
		{"", "1"},
		{"1", "1"},
		{"m", "m"},
		{"mm", "m"},
		{"cd", "cd"},
		{"Pa", "g.m-1.s-2"},
		{"mg/dL", "g.m-3"},
		{"/min", "s-1"},
		{"a/b/c", NULL},
		{"m/s.g", "g.m.s-1"},
		{"m/(s.g)", "g-1.m.s-1"},
		{"m/(s/g)", "g.m.s-1"},
		{"/(m/(s/(g/K)))", "K.g-1.m-1.s"},
		{"m+2", "m2"},
		{"m-2", "m-2"},
		{"m0", "1"},
		{"10*3/uL", "m-3"},
		{"10^-3", "1"},
		{"10*", "1"},
		{"1{c}", "1"},
		{"{a}.m{b}", "m"},
		{"(m){a}", "m"},
		{"{annotation-with.all/(kinds)[of]%chars}", "1"},
		{"{# of fetuses}", "1"},
		{"m[H2O]", "g.m-1.s-2"},
		{"cm[H2O].s/L", "g.m-4.s-1"},
		{"B[10.nV]", "C-1.g.m2.s-2"},
		{"[m/s2/Hz^(1/2)]", "m2.s-3"},
		{"%[slope]", "rad"},
		{"cal_[15]", "g.m2.s-2"},
		{"m[IU]/mL", "[iU].m-3"},
		{"[iU]/[iU]", "1"},
		{"[iU]/[CFU].[iU]", "[CFU]-1.[iU]2"},
		{"mol/L", "m-3"},
		{"dag", "g"},
		{"KiBy/s", "s-1"},
		{"''", "rad"},
		{"pH", "C-2.g.m2"}, /* a picohenry */
		{"007.m", "m"},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct unit u;
		struct error err = {0};
		struct buf out;
		buf_init(&out, UNIT_CANONICAL_MAX);
		bool parsed = unit_parse(str_from(CASES[i].text), &u, &err);
		if (parsed)
			unit_write_canonical(&out, &u);
		if (parsed != (CASES[i].base != NULL) || (parsed && !str_is(buf_str(&out), CASES[i].base)))
			fail_msg("'%s': '%.*s' %s", CASES[i].text, STR_ARG(buf_str(&out)), err.text);
		buf_done(&out);
	}
}

static void refusals_say_where_and_what(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t column;
		const char *says;
	} CASES[] = {
		{"m/", 2, "missing at the end"},
		{"m..s", 3, "missing before '.'"},
		{".m", 1, "missing before '.'"},
		{"m.)", 3, "missing before ')'"},
		{"()", 2, "missing before ')'"},
		{"m)", 2, "no '('"},
		{"(m", 1, "not closed"},
		{"m(s)", 2, "'.' or '/' is missing before '('"},
		{"(m)2", 4, "belongs to a symbol"},
		{"m-", 2, "no digits"},
		{"m2s", 3, "after an exponent"},
		{"24h", 1, "'.' is missing after the number 24"},
		{"g/48h", 3, "'.' is missing after the number 48"},
		{"0.m", 1, "cannot be zero"},
		{"molv", 1, "no unit \"molv\""},
		{"kg/[H20]", 4, "no unit \"[H20]\""},
		{"k[in_i]", 1, "no unit"}, /* takes no prefix */
		{"mmm", 1, "no unit"},
		{"[in_i", 1, "']' is missing"},
		{"in_i]", 5, "no '['"},
		{"m{a", 2, "'}' is missing"},
		{"m{a{b}}", 4, "no braces inside"},
		{"m{a\tb}", 4, "only ASCII"},
		{"{a}m", 4, "after an annotation"},
		{"{a}{b}", 4, "after an annotation"},
		{"rad2{\xE9\x8C\xA0}", 6, "only ASCII"},
		{"\xC2\xB5g", 1, "visible ASCII"},
		{"m s", 2, "no spaces"},
		{" m", 1, "no spaces"},
		{"m1000", 2, "at most 999"},
		{"((((((((((((((m))))))))))))))", 0, "nested at most"},
		{"m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m.m", 0,
		 "at most 48 parts"},
		{"m999.m999", 6, "too large"},
		{"Ym999.Ym999.Ym999.Ym999.Ym999/m999/m999/m999", 0, "too large"},
		{"[iU].[CFU].[PFU].[EU].[AU]", 23, "too many parts"},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct unit u;
		struct error err = {0};
		bool parsed = unit_parse(str_from(CASES[i].text), &u, &err);
		if (parsed || (CASES[i].column && err.column != CASES[i].column) || !strstr(err.text, CASES[i].says))
			fail_msg("'%s': column %zu: %s", CASES[i].text, err.column, err.text);
	}
}

static void suggestions(void **state)
{
	(void)state;
	static const char *const CASES[][2] = {
		{"MG/DL", "mg/dL"},
		{"Mg/dl", NULL}, /* valid: megagrams */
		{"KG", "kg"},
		{"mEq/L", "meq/L"},
		{"MMOL/L", "mmol/L"},
		{"mcg/mL", "ug/mL"},
		{"\xC2\xB5g/mL", "ug/mL"},
		{"\xCE\xBCmol/L", "umol/L"},
		{"mmHg", "mm[Hg]"},
		{"cmH20", "cm[H2O]"},
		{"cm[H20]", "cm[H2O]"},
		{"IU/L", "[IU]/L"},
		{"mIU/mL", "m[IU]/mL"},
		{"lbs", "[lb_av]"},
		{"lb_av", "[lb_av]"},
		{"inches", "[in_i]"},
		{"\xC2\xB0"
		 "C",
		 "Cel"},
		{"\xC2\xB0"
		 "F",
		 "[degF]"},
		{"degC", "Cel"},
		{"kg/m^2", "kg/m2"},
		{"kg/m\xC2\xB2", "kg/m2"},
		{"kg*m", "kg.m"},
		{"x10^9/L", "10^9/L"},
		{"24h", "24.h"},
		{"mL/24h", "mL/(24.h)"},
		{"mL/24hr", "mL/(24.h)"},
		{"mg/24 h", "mg/(24.h)"},
		{"mg/24hours/kg", "mg/(24.h)/kg"},
		{"1.5h", NULL}, /* UCUM has no decimal point */
		{"mg/1.5h", NULL},
		{"mL/min/1.73m2", "mL/min/{1.73_m2}"},
		{"mL/min/1.73 m\xC2\xB2", "mL/min/{1.73_m2}"},
		{"x10E3/uL", "10*3/uL"},
		{"10e9/L", "10*9/L"},
		{"e", NULL}, /* not the elementary charge */
		{"NA", NULL},
		{"mM", "mmol/L"},
		{"g/mM", NULL},
		{"beats/min", "{beats}/min"},
		{"beats per minute", "{beats}/min"},
		{"breaths/minute", "{breaths}/min"},
		{"milligrams", "mg"},
		{"Liter", "L"},
		{"litres", "L"},
		{"hours", "h"},
		{"year", "a"},
		{"sec", "s"},
		{"mg / dL", "mg/dL"},
		{"mg /dL", "mg/dL"},
		{"m s", NULL}, /* a product or a slip */
		{"mm Hg", "mm[Hg]"},
		{" mg", "mg"},
		{"molv", "mol"},
		{"percent", "%"},
		{"bpm", "/min"},
		{"cc", "mL"},
		{"units", NULL}, /* U or [IU]: no guess */
		{"ea", "{each}"},
		{"EA/Y", NULL},
		{"xyzzy", NULL},
		{"!!!", NULL},
		{"", NULL},
		{"((m", NULL},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct buf out;
		struct unit u;
		buf_init(&out, UNIT_MAX_TEXT);
		bool found = unit_suggest(str_from(CASES[i][0]), &out);
		if (found != (CASES[i][1] != NULL) || (found && !str_is(buf_str(&out), CASES[i][1])))
			fail_msg("'%s': '%.*s'", CASES[i][0], STR_ARG(buf_str(&out)));
		assert_true(!found || unit_parse(buf_str(&out), &u, NULL));
		buf_done(&out);
	}
}

static void every_alias_stands_for_a_valid_code(void **state)
{
	(void)state;
	static const char *const codes[] = {
#define ALIAS(written, code) code,
#include "units/aliases.def"
#undef ALIAS
	};
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		struct error err = {0};
		if (codes[i][0] && !unit_check(str_from(codes[i]), &err))
			fail_msg("'%s': %s", codes[i], err.text);
	}
}

static void checks_end_with_the_suggestion(void **state)
{
	(void)state;
	struct error err = {0};
	assert_true(unit_check(S("mg/dL"), &err));
	assert_false(unit_check(S("mg/DL"), &err));
	assert_string_equal(err.text, "there is no unit \"DL\"; did you mean \"mg/dL\"?");
	assert_int_equal(err.column, 4);
	assert_int_equal(err.code, ERR_VALUE);
	error_clear(&err);
	assert_false(unit_check(S(""), &err));
	error_clear(&err);
	assert_false(unit_check(S("xyzzy"), &err));
	assert_string_equal(err.text, "there is no unit \"xyzzy\"");
	assert_false(unit_check(S("xyzzy"), NULL));
}

static void names(void **state)
{
	(void)state;
	static const char *const CASES[][2] = {
		{"", "(unity)"},
		{"m", "(meter)"},
		{"mm", "(millimeter)"},
		{"m3.kg-1.s-2", "(meter ^ 3) * (kilogram ^ -1) * (second ^ -2)"},
		{"mg/dL", "(milligram) / (deciliter)"},
		{"/min", "/ (minute)"},
		{"mmol/(8.h)", "(millimole) / (8 * (hour))"},
		{"10*3{RBC}", "(the number ten for arbitrary powers ^ 3)"},
		{"{beats}/min", "{beats} / (minute)"},
		{"[in_i'Hg]", "(inch of mercury column)"},
	};
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct buf out;
		struct error err = {0};
		buf_init(&out, 400);
		assert_true(unit_write_name(&out, str_from(CASES[i][0]), &err));
		if (!str_is(buf_str(&out), CASES[i][1]))
			fail_msg("'%s': %.*s", CASES[i][0], STR_ARG(buf_str(&out)));
		buf_done(&out);
	}
	struct buf out;
	struct error err = {0};
	buf_init(&out, 400);
	assert_false(unit_write_name(&out, S("mg/DL"), &err));
	buf_done(&out);
}

/* What lookup.c relies on: a symbol has one reading. */
static void no_symbol_has_two_readings(void **state)
{
	(void)state;
	const struct unit_table *t = &unit_builtin_table;
	char room[80];
	for (size_t i = 0; i < t->prefix_count; i++) {
		for (size_t k = 0; k < t->row_count; k++) {
			int16_t prefix;
			uint16_t row;
			if (!t->rows[k].metric)
				continue;
			struct str a = t->prefixes[i].code, b = t->rows[k].code;
			memcpy(room, a.p, a.n);
			memcpy(room + a.n, b.p, b.n);
			struct str symbol = str_make(room, a.n + b.n);
			assert_true(unit_find_symbol(t, symbol, &prefix, &row));
			if (prefix >= 0 && ((size_t)prefix != i || row != k))
				fail_msg("%.*s has two readings", STR_ARG(symbol));
		}
	}
}

static void the_table_is_whole(void **state)
{
	(void)state;
	assert_int_equal(unit_count(), 312);
	for (size_t i = 0; i < unit_count(); i++) {
		struct unit_info info = unit_info_at(i);
		struct unit u;
		struct error err = {0};
		uint16_t row;
		assert_true(i == 0 || str_cmp(unit_info_at(i - 1).code, info.code) < 0);
		assert_true(unit_find_row(&unit_builtin_table, info.code, &row) && row == i);
		assert_true(unit_parse(info.code, &u, &err));
		assert_int_equal(u.scale, info.special ? UNIT_SPECIAL : UNIT_RATIO);
		assert_true(u.numerator.count > 0 && u.denominator.count > 0);
		assert_true(info.name.n > 0 && info.property.n > 0 && info.group.n > 0);
		assert_int_equal(info.base, info.definition.n == 0);
		assert_true(!info.arbitrary || u.arbitrary_count == 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_and_what_they_are),
		cmocka_unit_test(refusals_say_where_and_what),
		cmocka_unit_test(suggestions),
		cmocka_unit_test(every_alias_stands_for_a_valid_code),
		cmocka_unit_test(checks_end_with_the_suggestion),
		cmocka_unit_test(names),
		cmocka_unit_test(no_symbol_has_two_readings),
		cmocka_unit_test(the_table_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
