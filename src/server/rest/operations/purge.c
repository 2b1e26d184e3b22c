/*
 * $purge: removes the content of all versions of a resource for good, and of a patient's whole compartment when that is
 * asked for. For operators only; the audit trail keeps that it happened.
 */
#include "server/rest/operations/everything.h"

enum { MAX_PURGED = 100000, PER_COMMIT = 500 };

const struct operation_param operation_purge_params[] = {{"everything", IN_FLAG, false, NULL}, {0}};

static bool collect(struct operation_call *op, struct results *r, struct error *err)
{
	struct everything_root root = {op->call->type, op->call->id, true};
	struct everything e = {.op = op, .roots = &root, .root_count = 1};
	struct str position = STR_NULL;
	do {
		struct store_page page = {0};
		if (!everything_find(&e, op->arena, &root, position, SEARCH_COUNT_MAX, &page, err))
			return false;
		for (size_t i = 0; i < page.count; i++) {
			const struct fhir_type *type = page.entries[i].type;
			/* Those are of other people as well. */
			if (str_is(type->name, "Patient") || str_is(type->name, "Group"))
				continue;
			if (!results_add(op, r, &page.entries[i], err))
				return false;
		}
		position = page.next;
	} while (position.p);
	return true;
}

static bool purge_some(struct operation_call *op, const struct store_entry *entries, size_t count, struct error *err)
{
	struct store_change *changes = ARENA_ARRAY(op->arena, struct store_change, count);
	struct audit_event *events = ARENA_ARRAY(op->arena, struct audit_event, count);
	if (!changes || !events)
		return error_memory(err);
	for (size_t i = 0; i < count; i++) {
		changes[i] = (struct store_change){
			.op = STORE_DELETE, .type = entries[i].type, .id = entries[i].id, .purge = true};
		events[i] = audit_describe(op->call, 200, NULL);
		events[i].id = STR_NULL; /* the store fills in what it wrote */
		events[i].type = entries[i].type->name;
		events[i].patient = op->patient;
	}
	struct store_txn txn = {.changes = changes,
				.change_count = count,
				.events = events,
				.event_count = op->call->server->o.audit_off ? 0 : count};
	return store_commit(op->call->server->o.store, &txn, err);
}

/* A store that does not know how must not be believed: what was there must be gone. */
static bool check(struct operation_call *op, const struct store_entry *entry, struct error *err)
{
	struct store_entry left = {0};
	struct error why = {0};
	if (!entry->version)
		return true;
	if (!store_read(op->call->server->o.store, op->arena, entry->type, entry->id, entry->version, &left, &why))
		return why.code == ERR_GONE || why.code == ERR_NOT_FOUND ? true
									 : error_set(err, why.code, "%s", why.text);
	return error_set(err, ERR_NOT_SUPPORTED,
			 "This store cannot purge: the resource was deleted, but its versions are kept");
}

static bool find_subject(struct operation_call *op, struct store_entry *ret_entry, struct error *err)
{
	struct rest_call *call = op->call;
	struct error why = {0};
	*ret_entry = (struct store_entry){.type = call->type, .id = call->id};
	if (str_is(call->type->name, "Patient"))
		op->patient = arena_printf(op->arena, "Patient/%.*s", STR_ARG(call->id));
	if (fhir_id_valid(call->id) &&
	    (store_read(call->server->o.store, op->arena, call->type, call->id, 0, ret_entry, &why) ||
	     why.code == ERR_GONE)) {
		ret_entry->type = call->type;
		ret_entry->id = call->id;
		return true;
	}
	return error_set(err, why.code && why.code != ERR_NOT_FOUND ? why.code : ERR_NOT_FOUND,
			 "There is no %.*s with this id", STR_ARG(call->type->name));
}

bool operation_purge(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	struct results all = {.max = MAX_PURGED};
	struct store_entry subject;
	bool everything = operation_flag(op, "everything", false);
	if (!rights_to_operate(op->call, "$purge", err) || !find_subject(op, &subject, err))
		return false;
	if (everything && !str_is(op->call->type->name, "Patient"))
		return error_set(err, ERR_VALUE, "everything is for a Patient only");
	if ((everything && !collect(op, &all, err)) || !results_add(op, &all, &subject, err))
		return false;
	/* The resource itself comes last, so that a purge that was interrupted can be asked for again. */
	for (size_t at = 0; at < all.count; at += PER_COMMIT) {
		size_t count = all.count - at < PER_COMMIT ? all.count - at : PER_COMMIT;
		if (!purge_some(op, all.entries + at, count, err))
			return false;
	}
	op->audited = true;
	if (!check(op, &subject, err))
		return false;
	outcome_write_note(&answer->body, ISSUE_INFORMATION, "informational",
			   arena_printf(op->arena, "Purged %zu resource%s", all.count, all.count == 1 ? "" : "s"));
	return true;
}
