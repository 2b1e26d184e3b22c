/* The distance of Damerau and Levenshtein (optimal string alignment) with three rows. */
#include "base/near.h"

size_t str_distance(struct str a, struct str b)
{
	size_t row[NEAR_MAX + 1], last[NEAR_MAX + 1] = {0}, before[NEAR_MAX + 1];
	if (a.n > NEAR_MAX || b.n > NEAR_MAX)
		return NEAR_MAX;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		memcpy(before, last, sizeof(before));
		memcpy(last, row, (b.n + 1) * sizeof(row[0]));
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t best = last[j - 1] + (a.p[i - 1] != b.p[j - 1]);
			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
	}
	return row[b.n];
}
