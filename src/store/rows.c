/* The index rows that extraction gives become terms: names become this store's numbers. */
#include "store/group.h"

#include <stdlib.h>

static bool make_term(const struct row_names *n, const struct fhir_type *type, int64_t type_number,
		      const struct index_row *row, struct term *t, struct error *err)
{
	int64_t target = 0;
	if (row->param->type == PARAM_REFERENCE && row->ref_id.p) {
		int64_t of = names_type_named(n->names, row->ref_type.p ? row->ref_type : S(""), err);
		target = of ? n->rid(n->ctx, of, row->ref_id, err) : 0;
		if (!target)
			return false;
	}
	return term_of_row(n->names, type, type_number, row, target, t, err);
}

bool rows_write_terms(const struct row_names *n, const struct fhir_type *type, int64_t type_number,
		      const struct index_row *rows, size_t count, struct buf *out, struct error *err)
{
	buf_reset(out);
	return rows_add_terms(n, type, type_number, rows, count, out, err);
}

bool rows_add_terms(const struct row_names *n, const struct fhir_type *type, int64_t type_number,
		    const struct index_row *rows, size_t count, struct buf *out, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct term term;
		if (!term_is_kept(rows[i].param))
			continue;
		if (!make_term(n, type, type_number, &rows[i], &term, err))
			return false;
		term_write(out, &term);
	}
	return buf_ok(out) || error_memory(err);
}

static int compare_texts(const void *left, const void *right)
{
	return str_cmp(*(const struct str *)left, *(const struct str *)right);
}

/* The bytes of each term, sorted. */
static bool take_apart(struct arena *a, struct str terms, struct str **ret_list, size_t *ret_count)
{
	struct str *list = NULL;
	size_t count = 0, capacity = 0;
	struct term t;
	for (struct str before = terms; term_next(&terms, &t); before = terms) {
		list = arena_grow(a, list, count, &capacity, count + 1, sizeof(*list));
		if (!list)
			return false;
		list[count++] = str_make(before.p, before.n - terms.n);
	}
	if (count > 1)
		qsort(list, count, sizeof(*list), compare_texts);
	*ret_list = list;
	*ret_count = count;
	return true;
}

bool rows_same_terms(struct arena *a, struct str one, struct str other, bool *ret_same, struct error *err)
{
	struct str *list[2];
	size_t count[2] = {0};
	*ret_same = str_eq(one, other);
	if (*ret_same)
		return true;
	if (!take_apart(a, one, &list[0], &count[0]) || !take_apart(a, other, &list[1], &count[1]))
		return error_memory(err);
	*ret_same = count[0] == count[1];
	for (size_t i = 0; *ret_same && i < count[0]; i++)
		*ret_same = str_eq(list[0][i], list[1][i]);
	return true;
}
