/*
 * Does one resource meet a criterion? By its bytes where they suffice, as they do for the reference to the patient that
 * most resources carry at their top; otherwise by index rows, which are extracted once. Chains ask the store.
 */
#include "server/access/access_priv.h"

struct judging {
	struct access_pass *pass;
	const struct access_judge *judge;
	struct access_subject *subject;
	struct error *err;
};

static bool meets(struct judging *j, const struct criterion *c, bool *ret_meets);

/* ---- by bytes
 * -------------------------------------------------------------------------------------------------------- */

static size_t name_length(struct str text)
{
	size_t n = 0;
	while (n < text.n && ((text.p[n] | 0x20) >= 'a' && (text.p[n] | 0x20) <= 'z'))
		n++;
	return n;
}

/* The element that the parameter's expression is, "Observation.subject" or the same with where(resolve() is Patient);
 * STR_NULL for any other. */
static struct str plain_element(const struct fhir_type *type, struct str expression)
{
	if (!str_starts(expression, type->name) || expression.n <= type->name.n || expression.p[type->name.n] != '.')
		return STR_NULL;
	struct str rest = str_slice(expression, type->name.n + 1, expression.n);
	size_t n = name_length(rest);
	struct str tail = str_slice(rest, n, rest.n);
	return n && (!tail.n || str_is(tail, ".where(resolve() is Patient)")) ? str_slice(rest, 0, n) : STR_NULL;
}

/* True only if it is met for sure: the element is an object whose reference is "Patient/id" to the letter. */
static bool met_by_bytes(const struct judging *j, const struct criterion *c)
{
	if (c->param->type != PARAM_REFERENCE || c->modifier != MOD_NONE || c->param->added || !j->subject->body.p)
		return false;
	struct str element = plain_element(j->subject->type, c->param->expression);
	struct str object = element.p ? access_peek_object(j->subject->body, element) : STR_NULL;
	struct str text = object.p ? access_peek_text(object, S("reference")) : STR_NULL;
	for (size_t i = 0; text.p && i < c->value_count; i++) {
		const struct search_value *v = &c->values[i];
		if (v->ref_type.n && v->ref_id.n && text.n == v->ref_type.n + 1 + v->ref_id.n &&
		    str_starts(text, v->ref_type) && text.p[v->ref_type.n] == '/' && str_ends(text, v->ref_id))
			return true;
	}
	return false;
}

/* ---- by rows
 * --------------------------------------------------------------------------------------------------------- */

static bool need_rows(struct judging *j)
{
	struct access_subject *s = j->subject;
	struct arena *a = j->judge->arena;
	if (!s->tree && !(s->tree = json_parse(a, s->body, 0, j->err)))
		return false;
	if (s->rows)
		return true;
	struct index_rows *rows = ARENA_NEW(a, struct index_rows);
	if (!rows)
		return error_memory(j->err);
	if (!extract(j->judge->extractor, a, s->tree, j->pass->access->o.base, rows, j->err))
		return false;
	s->rows = rows;
	return true;
}

static bool leaf_meets(struct judging *j, const struct criterion *c, bool *ret_meets)
{
	struct access_subject *s = j->subject;
	struct search_resource resource = {.type = s->type, .id = s->id, .updated_ms = s->updated_ms};
	if (c->kind == CRITERION_PARAM && met_by_bytes(j, c)) {
		*ret_meets = true;
		return true;
	}
	if (c->kind != CRITERION_ID && c->kind != CRITERION_LAST_UPDATED && !need_rows(j))
		return false;
	resource.rows = s->rows;
	resource.body = s->tree;
	return search_body_meets(j->judge->extractor, j->judge->arena, c, &resource, NULL, ret_meets, j->err);
}

/* ---- by others
 * --------------------------------------------------------------------------------------------------------- */

/* Is there a resource of the part that also meets one criterion more? By the truth, whoever asks. */
static bool any_other(struct judging *j, const struct search_part *part, const struct criterion *more, bool *ret_any)
{
	struct arena *a = j->judge->arena;
	struct criterion *list = ARENA_ARRAY(a, struct criterion, part->criterion_count + 1);
	struct search_part own = {.type = part->type, .criteria = list, .criterion_count = part->criterion_count + 1};
	struct search_query query = {.parts = &own, .part_count = 1, .count = 1, .total = TOTAL_NONE};
	struct store_page page = {0};
	if (!list)
		return error_memory(j->err);
	list[0] = *more;
	memcpy(list + 1, part->criteria, part->criterion_count * sizeof(*list));
	if (!store_search(j->pass->access->o.store, a, &query, NULL, &page, j->err))
		return false;
	*ret_any = page.count > 0;
	return true;
}

static bool chain_meets(struct judging *j, const struct criterion *c, bool *ret_meets)
{
	*ret_meets = false;
	if (!need_rows(j))
		return false;
	const struct index_rows *rows = j->subject->rows;
	for (size_t i = 0; i < rows->count && !*ret_meets; i++) {
		const struct index_row *row = &rows->rows[i];
		struct search_value v = {.code = row->ref_id};
		const struct criterion at = {.kind = CRITERION_ID, .values = &v, .value_count = 1};
		if (row->param != c->param || row->variant != ROW_PLAIN || !row->ref_id.n)
			continue;
		for (size_t k = 0; k < c->inner_count && !*ret_meets; k++)
			if (str_eq(c->inner[k].type->name, row->ref_type) &&
			    !any_other(j, &c->inner[k], &at, ret_meets))
				return false;
	}
	return true;
}

static bool has_meets(struct judging *j, const struct criterion *c, bool *ret_meets)
{
	struct search_value v = {.ref_type = j->subject->type->name, .ref_id = j->subject->id};
	const struct criterion refers = {
		.kind = CRITERION_PARAM, .param = c->param, .modifier = c->modifier, .values = &v, .value_count = 1};
	*ret_meets = false;
	for (size_t k = 0; k < c->inner_count && !*ret_meets; k++)
		if (!any_other(j, &c->inner[k], &refers, ret_meets))
			return false;
	return true;
}

/* Is what the securityContext refers to something that may be read? */
static bool context_meets(struct judging *j, bool *ret_meets)
{
	struct access_subject *s = j->subject;
	const struct access_options *o = &j->pass->access->o;
	struct error why = {0};
	struct store_entry entry;
	*ret_meets = false;
	if (!s->tree && !(s->tree = json_parse(j->judge->arena, s->body, 0, j->err)))
		return false;
	struct str id = json_get_str(json_get(s->tree, S("securityContext")), S("reference"));
	if (o->base.n && str_starts(id, o->base) && id.n > o->base.n)
		id = str_slice(id, o->base.n + 1, id.n);
	struct str name = id.p ? str_split(&id, '/') : STR_NULL;
	const struct fhir_type *type = name.n ? definitions_resource(o->definitions, name) : NULL;
	if (!type || type == s->type || !id.n)
		return true;
	if (!store_read(o->store, j->judge->arena, type, id, 0, &entry, &why))
		return why.code == ERR_NOT_FOUND || why.code == ERR_GONE || error_set(j->err, why.code, "%s", why.text);
	struct access_subject context = {
		.type = type, .id = entry.id, .updated_ms = entry.updated_ms, .body = entry.body};
	return access_meets(j->pass, j->judge, access_criterion(j->pass, type, SCOPE_R), &context, ret_meets, j->err);
}

/* ---- trees
 * ------------------------------------------------------------------------------------------------------------- */

static bool list_meets(struct judging *j, const struct criterion *c, bool *ret_meets)
{
	bool all = c->kind == CRITERION_AND;
	*ret_meets = all;
	for (size_t i = 0; i < c->child_count && *ret_meets == all; i++)
		if (!meets(j, &c->children[i], ret_meets))
			return false;
	return true;
}

static bool meets(struct judging *j, const struct criterion *c, bool *ret_meets)
{
	switch (c->kind) {
	case CRITERION_AND:
	case CRITERION_OR:
		return list_meets(j, c, ret_meets);
	case CRITERION_NOT:
		if (!meets(j, c->children, ret_meets))
			return false;
		*ret_meets = !*ret_meets;
		return true;
	case CRITERION_NONE:
		*ret_meets = false;
		return true;
	case CRITERION_CHAIN:
		return chain_meets(j, c, ret_meets);
	case CRITERION_HAS:
		if (!c->param)
			return context_meets(j, ret_meets);
		return has_meets(j, c, ret_meets);
	default:
		return leaf_meets(j, c, ret_meets);
	}
}

bool access_meets(struct access_pass *pass, const struct access_judge *judge, const struct criterion *c,
		  struct access_subject *subject, bool *ret_meets, struct error *err)
{
	struct judging j = {pass, judge, subject, err};
	*ret_meets = true;
	return !c || meets(&j, c, ret_meets);
}
