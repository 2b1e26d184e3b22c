/*
 * The form of codes of systems that are too large, or not free, to be at hand: what does not even have the form of
 * their codes is no code of theirs. What has it may still be none.
 */
#include "terminology/terminology_priv.h"

static bool digits(struct str s, size_t min, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n >= min && s.n <= max;
}

static bool capitals(struct str s, size_t min, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 'A' || s.p[i] > 'Z')
			return false;
	return s.n >= min && s.n <= max;
}

/* SNOMED CT identifiers end in a check digit by Verhoeff's method over the dihedral group D5, whose elements are 0 to 4
 * (turns) and 5 to 9 (flips); the permutation at each place is the one before it, applied once more. */
static int turn(int a, int b)
{
	bool flipped = a >= 5;
	int first = a % 5, second = b % 5, sum = flipped ? (first - second + 5) % 5 : (first + second) % 5;
	return flipped != (b >= 5) ? sum + 5 : sum;
}

static bool is_snomed(struct str code)
{
	static const int permute[10] = {1, 5, 7, 6, 2, 8, 3, 0, 9, 4};
	int check = 0;
	if (!digits(code, 6, 18) || code.p[0] == '0')
		return false;
	for (size_t i = 0; i < code.n; i++) {
		int digit = code.p[code.n - 1 - i] - '0';
		for (size_t k = 0; k < i % 8; k++)
			digit = permute[digit];
		check = turn(check, digit);
	}
	return check == 0;
}

/* Countries: two or three letters or three digits; subdivisions: a country, a dash, one to three characters. */
static bool is_country(struct str code)
{
	return capitals(code, 2, 3) || digits(code, 3, 3);
}

static bool is_subdivision(struct str code)
{
	struct str part = str_slice(code, 3, code.n);
	if (code.n < 4 || code.n > 6 || code.p[2] != '-' || !capitals(str_slice(code, 0, 2), 2, 2))
		return false;
	for (size_t i = 0; i < part.n; i++)
		if (!capitals(str_slice(part, i, i + 1), 1, 1) && !digits(str_slice(part, i, i + 1), 1, 1))
			return false;
	return true;
}

static bool is_rxnorm(struct str code)
{
	return digits(code, 1, 8);
}

static bool is_area(struct str code)
{
	return digits(code, 3, 3);
}

/* Expressions put several concepts together: "80146002:363589002=...", "421720008 |spray| + 7946007". */
bool code_is_expression(struct str system, struct str code)
{
	if (!str_is(system, "http://snomed.info/sct") || !code.n || !digits(str_slice(code, 0, 1), 1, 1))
		return false;
	for (size_t i = 0; i < code.n; i++)
		if (memchr(":+={}|,()", code.p[i], 9))
			return true;
	return false;
}

bool code_form_wrong(const struct system *s, struct str system, struct str code)
{
	static const struct {
		const char *system;
		bool (*fits)(struct str code);
	} forms[] = {
		{"http://snomed.info/sct", is_snomed},
		{"urn:iso:std:iso:3166", is_country},
		{"urn:iso:std:iso:3166:-2", is_subdivision},
		{"http://unstats.un.org/unsd/methods/m49/m49.htm", is_area},
		{"http://www.nlm.nih.gov/research/umls/rxnorm", is_rxnorm},
	};
	if ((s && (s->rules || s->content != IMAGE_NOT_PRESENT)) || code_is_expression(system, code))
		return false;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (str_is(system, forms[i].system))
			return !forms[i].fits(code);
	return false;
}
