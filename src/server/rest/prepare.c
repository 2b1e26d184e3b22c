/*
 * Making a resource ready for the store: structure check, id, stored form, index rows. This is the hot path of every
 * write and of import, so it allocates in the caller's arena only and walks the resource once per step.
 */
#include "server/rest/rest_priv.h"

/* Counts what a rewrite really changed: only then do the parsed tree and the stored bytes differ. */
struct counting {
	const struct resource_rewrite *inner;
	size_t changed;
};

static struct str count_rewrite(void *ctx, struct str text)
{
	struct counting *c = ctx;
	struct str result = c->inner->reference(c->inner->ctx, text);
	if (result.p)
		c->changed++;
	return result;
}

/* The first finding that is an error becomes the error. */
static bool fail_with_findings(const struct issues *findings, struct error *err)
{
	for (const struct issue *i = findings->first; i; i = i->next)
		if (i->severity == ISSUE_FATAL || i->severity == ISSUE_ERROR)
			return error_set_at(err, i->code, i->path, "%.*s", STR_ARG(i->text));
	return error_set(err, ERR_STRUCTURE, "The resource does not have the structure of its type");
}

/* By the rule of its type: nothing, the structure, or profiles as well. */
static bool admit(const struct rest_preparer *p, const struct fhir_type *type, const struct json *resource,
		  struct issues *findings, struct error *err)
{
	enum admission_level level = knowledge_level(p->knowledge, type);
	if (level >= ADMISSION_STRUCTURE && !resource_check(p->definitions, resource, findings))
		return fail_with_findings(findings, err);
	return level < ADMISSION_PROFILES || knowledge_admit(p->knowledge, p->arena, type, resource, findings, err);
}

/* A SearchParameter that is active becomes one of the server's. */
static bool check_parameter(const struct rest_preparer *p, const struct fhir_type *type, const struct json *resource,
			    struct str id, struct issues *findings, struct error *err)
{
	struct str note;
	if (!p->parameter_set || !str_is(type->name, "SearchParameter"))
		return true;
	if (!parameters_check(p->parameters, p->parameter_set, p->arena, resource, id, &note, err))
		return false;
	if (note.p)
		issues_add(findings, ISSUE_INFORMATION, ERR_NONE, S("SearchParameter"), "%.*s", STR_ARG(note));
	return true;
}

static bool write_stored(const struct rest_preparer *p, const struct json *resource, struct str id,
			 const struct resource_rewrite *rewrite, struct store_change *change, struct error *err)
{
	buf_reset(p->scratch);
	resource_write_stored(p->scratch, resource, id, rewrite, &change->meta_at);
	if (!buf_ok(p->scratch))
		return error_set(err, ERR_TOO_LARGE, "The resource is larger than this server stores");
	change->stored = arena_str(p->arena, buf_str(p->scratch));
	return change->stored.p || error_memory(err);
}

bool prepare_resource(const struct rest_preparer *p, const struct json *resource, struct str id,
		      const struct resource_rewrite *rewrite, struct issues *findings, struct store_change *ret_change,
		      struct error *err)
{
	struct counting counting = {.inner = rewrite};
	struct resource_rewrite counted = {.reference = count_rewrite, .ctx = &counting};
	struct store_change change = {.id = id};
	struct index_rows rows = {0};

	change.type = resource_type(p->definitions, resource, err);
	if (!change.type)
		return false;
	if (!admit(p, change.type, resource, findings, err) ||
	    !check_parameter(p, change.type, resource, id, findings, err))
		return false;
	if (!write_stored(p, resource, id, rewrite ? &counted : NULL, &change, err))
		return false;
	/* Index rows must say what the stored bytes say. Parsing again costs less than a second way of extracting
	 * would, and resolve() in expressions then sees the type of the new target. */
	if (counting.changed) {
		resource = json_parse(p->arena, change.stored, 0, err);
		if (!resource)
			return false;
	}
	if (!extract(p->extractor, p->arena, resource, p->base, &rows, err))
		return false;
	change.rows = rows.rows;
	change.row_count = rows.count;
	*ret_change = change;
	return true;
}

/* ---- entries -------------------------------------------------------------------------------------------------------
 */

static bool resolve(const struct bundle_options *o, struct bundle_entry *e, struct error *err)
{
	if (is_audit_event(e->type))
		return error_set(err, ERR_BUSINESS_RULE, "%s",
				 e->method == ENTRY_DELETE ? "AuditEvents are never deleted"
							   : "This server writes its AuditEvents itself");
	switch (e->method) {
	case ENTRY_CREATE:
		return create_resolve(o, e, err);
	case ENTRY_UPDATE:
		return update_resolve(o, e, err);
	case ENTRY_PATCH:
		return patch_resolve(o, e, err);
	case ENTRY_DELETE:
		return delete_resolve(o, e, err);
	case ENTRY_GET:
		break;
	}
	return true;
}

bool entry_resolve(const struct bundle_options *o, struct bundle_entry *e, struct error *err)
{
	return resolve(o, e, err) && (!e->condition.p || sight_of_found(o, e, err));
}

/* Deletes need no resource; those of a condition hold to the versions that matched. */
static void prepare_deletes(struct bundle_entry *e)
{
	for (size_t i = 0; i < e->change_count; i++) {
		const struct store_entry *found = e->found_count ? &e->found[i] : NULL;
		e->changes[i] = (struct store_change){.op = STORE_DELETE,
						      .type = e->type,
						      .id = found ? found->id : e->id,
						      .if_match = e->version ? e->version
								  : found    ? found->version
									     : 0,
						      .must_exist = e->must_exist};
	}
}

bool entry_prepare(const struct bundle_options *o, struct bundle_entry *e, const struct resource_rewrite *rewrite,
		   struct issues *findings, struct error *err)
{
	const struct json *resource = e->resource;
	if (!e->change_count)
		return true;
	if (e->method == ENTRY_DELETE) {
		prepare_deletes(e);
		return true;
	}
	if (e->method == ENTRY_PATCH && !(resource = patch_result(o, e, err)))
		return false;
	if (e->method != ENTRY_CREATE && !(resource = sight_unmask(o, e, resource, err)))
		return false;
	struct store_change *c = e->changes;
	if (!prepare_resource(&o->preparer, resource, e->id, rewrite, findings, c, err) || !sight_after(o, e, c, err))
		return false;
	bool created = e->method == ENTRY_CREATE || e->must_be_new;
	c->op = created ? STORE_CREATE : STORE_UPDATE;
	c->same = !created;
	c->must_exist = !created && (e->must_exist || o->no_update_create);
	c->if_match = e->version ? e->version : e->found_count ? e->found->version : 0;
	return true;
}

/* If-Match of the client is its own word; a version that we looked up is not. */
bool entry_may_retry(const struct bundle_entry *e, const struct error *err)
{
	if (err->code == ERR_CONFLICT_RETRY)
		return true;
	return err->code == ERR_PRECONDITION && e->found_count && !e->version;
}

bool rest_prepare(const struct definitions *d, const struct extractor *x, struct arena *a, const struct json *resource,
		  struct str id, const struct resource_rewrite *rewrite, struct str base,
		  struct rest_prepared *ret_prepared, struct error *err)
{
	struct buf scratch;
	struct issues findings;
	struct store_change change;
	struct rest_preparer p = {.definitions = d, .extractor = x, .arena = a, .base = base, .scratch = &scratch};

	issues_init(&findings, a);
	buf_init(&scratch, REST_MAX_RESOURCE);
	bool ok = prepare_resource(&p, resource, id, rewrite, &findings, &change, err);
	buf_done(&scratch);
	if (ok)
		*ret_prepared = (struct rest_prepared){
			.change = change,
			.rows = {(struct index_row *)change.rows, change.row_count, change.row_count}};
	return ok;
}
