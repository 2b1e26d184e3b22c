/* Names near a misspelt parameter, so that the refusal already holds the answer. */
#include "search/search_priv.h"

enum { MAX_NAME = 48, MAX_SUGGESTIONS = 3 };

/* Edits (insert, delete, replace, swap neighbours) between two short names. */
static unsigned distance(struct str a, struct str b)
{
	unsigned char rows[3][MAX_NAME + 1];
	if (a.n > MAX_NAME || b.n > MAX_NAME)
		return MAX_NAME;
	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = (unsigned char)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned char *now = rows[i % 3], *before = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];
		now[0] = (unsigned char)i;
		for (size_t j = 1; j <= b.n; j++) {
			bool equal = (a.p[i - 1] | 0x20) == (b.p[j - 1] | 0x20);
			unsigned best = before[j - 1] + !equal;
			if (before[j] + 1u < best)
				best = before[j] + 1u;
			if (now[j - 1] + 1u < best)
				best = now[j - 1] + 1u;
			bool swapped = i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1];
			if (swapped && older[j - 2] + 1u < best)
				best = older[j - 2] + 1u;
			now[j] = (unsigned char)best;
		}
	}
	return rows[a.n % 3][b.n];
}

/* Smaller is nearer; MAX_NAME for names that are not near at all. */
static unsigned nearness(struct str wanted, struct str name)
{
	unsigned d = distance(wanted, name);
	if (d <= (wanted.n < 4 ? 1u : 2u))
		return d;
	if (wanted.n >= 3 && (str_starts(name, wanted) || str_find(name, wanted) != STR_NONE))
		return 3;
	if (name.n >= 4 && str_find(wanted, name) != STR_NONE)
		return 4;
	return MAX_NAME;
}

struct str suggest_params(struct arena *a, const struct search_registry *r, const struct fhir_type *type,
			  struct str name)
{
	struct str best[MAX_SUGGESTIONS + 1];
	unsigned near[MAX_SUGGESTIONS + 1];
	size_t count = 0;
	for (size_t i = 0; i < search_registry_count(r, type); i++) {
		const struct search_param *param = search_registry_at(r, type, i);
		struct str code = param->code;
		unsigned n = nearness(name, code);
		if (n == MAX_NAME || (!param_indexed(param) && !param->component_count) ||
		    str_find_char(code, '$', 0) != STR_NONE)
			continue;
		size_t at = count < MAX_SUGGESTIONS ? count++ : MAX_SUGGESTIONS;
		for (; at > 0 && near[at - 1] > n; at--) {
			near[at] = near[at - 1];
			best[at] = best[at - 1];
		}
		near[at] = n;
		best[at] = code;
	}
	struct str text = S("");
	for (size_t i = 0; i < count && text.p; i++)
		text = arena_printf(a, "%.*s%s%.*s%s", STR_ARG(text), i ? ", " : "; did you mean ", STR_ARG(best[i]),
				    i + 1 == count ? "?" : "");
	return text.p ? text : S("");
}
