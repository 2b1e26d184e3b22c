/* The toy terminology of the oracle. */
#include "oracle.h"

size_t terms_in(const char *value_set, struct term_code codes[8])
{
	size_t set = (size_t)(value_set[strlen(value_set) - 1] - '0'), count = 0;
	/* The last set is empty. */
	for (size_t i = 0; i < 3 && set + 1 < TERM_SETS; i++)
		if (i != set)
			codes[count++] = (struct term_code){word_systems[set], word_codes[i + set]};
	return count;
}

size_t terms_related(const char *system, const char *code, bool below, struct term_code codes[8])
{
	static const char *const chain[] = {"a", "b", "A"};
	size_t at = 0, count = 0;
	while (at < 3 && strcmp(chain[at], code) != 0)
		at++;
	if (at == 3) {
		codes[0] = (struct term_code){system, code};
		return 1;
	}
	for (size_t i = below ? at : 0; i <= (below ? 2 : at); i++)
		codes[count++] = (struct term_code){system, chain[i]};
	return count;
}
