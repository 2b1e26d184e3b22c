/*
 * $meta (http://hl7.org/fhir/R4/resource-operation-meta.html): the tags, profiles and security labels of a resource, of
 * all resources of a type, or of the whole server, as far as the caller may read them.
 */
#include "server/rest/operations/meta.h"

enum { MAX_SCANNED = 50000 };

const struct operation_param operation_meta_params[] = {{0}};

/* Every resource of the type that has such an entry; each search looks at those alone. */
static bool scan(struct operation_call *op, const struct fhir_type *type, const char *query, struct meta_set *set,
		 size_t *scanned, struct error *err)
{
	struct str position = STR_NULL;
	do {
		struct store_page page = {0};
		if (!operation_search(op, type, str_from(query), position, &page, err))
			return false;
		for (size_t i = 0; i < page.count; i++) {
			const struct json *resource = json_parse(op->arena, page.entries[i].body, 0, err);
			if (!resource || !meta_add(set, json_get(resource, S("meta")), err))
				return false;
		}
		*scanned += page.count;
		position = page.next;
		if (position.p && *scanned >= MAX_SCANNED)
			return error_set(
				err, ERR_LIMIT,
				"More than %d resources have tags, profiles or labels; ask for one type or one "
				"resource",
				MAX_SCANNED);
	} while (position.p);
	return true;
}

static bool scan_type(struct operation_call *op, const struct fhir_type *type, struct meta_set *set, size_t *scanned,
		      struct error *err)
{
	static const char *const queries[] = {"_profile:missing=false&_count=1000",
					      "_security:missing=false&_count=1000", "_tag:missing=false&_count=1000"};
	for (size_t i = 0; i < META_KINDS; i++)
		if (!scan(op, type, queries[i], set, scanned, err))
			return false;
	return true;
}

static bool scan_all(struct operation_call *op, struct meta_set *set, struct error *err)
{
	const struct definitions *d = op->call->server->o.definitions;
	struct store_count *counts;
	size_t count, scanned = 0;
	(void)d;
	if (op->level == AT_TYPE)
		return scan_type(op, op->call->type, set, &scanned, err);
	if (!store_counts(op->call->server->o.store, op->arena, &counts, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (counts[i].count && call_allowed(op->call, counts[i].type, SCOPE_R, NULL) &&
		    !scan_type(op, counts[i].type, set, &scanned, err))
			return false;
	return true;
}

bool operation_meta(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	struct meta_set set = {.arena = op->arena};
	if (op->level == AT_INSTANCE) {
		struct store_entry entry;
		const struct json *resource;
		if (!operation_subject(op, &entry, &resource, err) ||
		    !meta_add(&set, json_get(resource, S("meta")), err))
			return false;
	} else if (!scan_all(op, &set, err)) {
		return false;
	}
	meta_answer(&answer->body, &set);
	return true;
}
