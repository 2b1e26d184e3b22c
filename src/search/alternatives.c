/*
 * A search parameter may serve many types with one expression whose alternatives are joined by `|`: each type gets the
 * alternatives that start at it.
 */
#include "search/alternatives.h"

#include "base/buf.h"

/* Cuts the next alternative at a `|` that is in no parenthesis and no string. */
struct str next_alternative(struct str *rest)
{
	int depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < rest->n; i++) {
		char c = rest->p[i];
		if (c == '\'')
			quoted = !quoted;
		else if (!quoted && c == '(')
			depth++;
		else if (!quoted && c == ')')
			depth--;
		else if (!quoted && depth == 0 && c == '|') {
			struct str part = str_slice(*rest, 0, i);
			*rest = str_slice(*rest, i + 1, rest->n);
			return str_trim(part);
		}
	}
	struct str part = str_trim(*rest);
	*rest = STR_NULL;
	return part;
}

/* The type an alternative starts at: the first name, behind any opening parentheses. */
static struct str start_of(struct str alternative)
{
	size_t from = 0, to;
	while (from < alternative.n && alternative.p[from] == '(')
		from++;
	for (to = from; to < alternative.n; to++) {
		char c = alternative.p[to];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
			break;
	}
	return str_slice(alternative, from, to);
}

struct str expression_of_base(struct arena *a, struct str expression, struct str base)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	struct str rest = expression;
	while (rest.p) {
		struct str alternative = next_alternative(&rest);
		struct str start = start_of(alternative);
		/* InsurancePlan-name starts at no type but at an element: it is relative to the base. */
		bool relative = start.n && start.p[0] >= 'a';
		if (!relative && !str_eq(start, base))
			continue;
		if (out.n)
			buf_add(&out, S(" | "));
		buf_add(&out, alternative);
	}
	struct str text = out.n ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}
