/*
 * What a List had and has no more: entries that are marked as deleted (http://hl7.org/fhir/R4/list.html,
 * entry.deleted). The parameter item finds them like the others; members of the list, which _list asks for, they are
 * not.
 */
#include "search/search_priv.h"

/* Does an entry that is not deleted have the item, too? */
static bool is_there_too(const struct json *entries, struct str reference)
{
	for (struct json_iter it = json_iter(entries); json_next(&it);)
		if (!json_bool(json_get(it.value, S("deleted"))) &&
		    str_eq(json_get_str(json_get(it.value, S("item")), S("reference")), reference))
			return true;
	return false;
}

bool removed_rows(struct extraction *e, const struct fhir_type *type)
{
	const struct json *entries = str_is(type->name, "List") ? json_get(e->resource, S("entry")) : NULL;
	const struct search_param *item = entries ? definitions_search_param(type, S("item")) : NULL;
	e->row_element = 0;
	for (struct json_iter it = json_iter(item ? entries : NULL); json_next(&it);) {
		struct str reference = json_get_str(json_get(it.value, S("item")), S("reference"));
		struct index_row row = {.param = item, .variant = ROW_REMOVED};
		if (!json_bool(json_get(it.value, S("deleted"))) || !reference.n || is_there_too(entries, reference))
			continue;
		if (extraction_local(e, reference, &row.ref_type, &row.ref_id) && !row_add(e, &row))
			return false;
	}
	return true;
}
