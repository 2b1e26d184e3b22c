/*
 * Rows of parameters that were added after a version was written, as terms: what the version has of these parameters
 * goes, the new terms come behind the others.
 */
#include "store/group.h"

enum { MOST_PARAMS = 1024, VARIANTS = 3 };
#define MOST_TERMS ((size_t)1 << 30)

static bool find_numbers(struct group *g, const struct store_adding *adding, struct added_terms *x, struct error *err)
{
	x->type = names_type(g->names, adding->type, err);
	if (!x->type)
		return false;
	if (adding->param_count > MOST_PARAMS)
		return error_set(err, ERR_LIMIT, "More than %d parameters are added at once", MOST_PARAMS);
	x->numbers = ARENA_ARRAY(g->a, int64_t, adding->param_count * VARIANTS + 1);
	if (!x->numbers)
		return error_memory(err);
	for (size_t i = 0; i < adding->param_count; i++)
		for (int variant = ROW_PLAIN; variant <= ROW_IDENTIFIER; variant++) {
			x->numbers[x->number_count] = names_param(g->names, adding->type, x->type, adding->params[i],
								  (enum row_variant)variant, err);
			if (!x->numbers[x->number_count++])
				return false;
		}
	return true;
}

bool group_added_begin(struct group *g, const struct store_adding *adding, struct added_terms *x, struct error *err)
{
	*x = (struct added_terms){0};
	buf_init(&x->terms, MOST_TERMS);
	buf_init(&x->dropped, MOST_TERMS);
	return find_numbers(g, adding, x, err);
}

void group_added_end(struct added_terms *x)
{
	buf_done(&x->terms);
	buf_done(&x->dropped);
}

static bool is_added(const struct added_terms *x, int64_t param)
{
	for (size_t i = 0; i < x->number_count; i++)
		if (x->numbers[i] == param)
			return true;
	return false;
}

bool group_added_terms(struct group *g, const struct store_adding *adding, const struct store_rows *version,
		       struct str terms, struct added_terms *x, bool *ret_changed, struct error *err)
{
	const struct row_names names = {g->names, group_reference, g};
	struct term t;
	buf_reset(&x->terms);
	buf_reset(&x->dropped);
	for (struct str before = terms; term_next(&terms, &t); before = terms)
		buf_add(is_added(x, t.param) ? &x->dropped : &x->terms, str_make(before.p, before.n - terms.n));
	size_t kept = x->terms.n;
	if (!buf_ok(&x->terms) || !buf_ok(&x->dropped))
		return error_memory(err);
	if (!rows_add_terms(&names, adding->type, x->type, version->rows, version->row_count, &x->terms, err))
		return false;
	x->added = str_slice(buf_str(&x->terms), kept, x->terms.n);
	*ret_changed = !str_eq(x->added, buf_str(&x->dropped));
	return true;
}
