/*
 * $everything of a Patient, an Encounter or a Group (http://hl7.org/fhir/R4/patient-operation-everything.html):
 * the resource, its compartment, and what these refer to. Pages are of one snapshot and hold each resource once;
 * what several members of a Group share may come again on another page.
 */
#include "base/encode.h"
#include "server/rest/operations/everything.h"

enum { COUNT_DEFAULT = 500, MAX_MEMBERS = 10000 };

const struct operation_param operation_everything_params[] = {{"start", IN_TIME, false, NULL},
							      {"end", IN_TIME, false, NULL},
							      {"_since", IN_TIME, false, NULL},
							      {"_type", IN_TEXT, true, NULL},
							      {"_count", IN_COUNT, false, NULL},
							      {"_cursor", IN_TEXT, false, NULL},
							      {0}};

/* Where a page starts. */
struct place {
	bool supports; /* in the second part */
	size_t at; /* the root, or how many supports were shown */
	struct str position; /* within the root's compartment; STR_NULL: at its beginning */
};

/* Positions of the store are bytes. */
static struct str write_place(struct operation_call *op, const struct everything *e, const struct place *p)
{
	struct buf text;
	buf_init(&text, 4096);
	buf_printf(&text, "%c%zu:%lld:", p->supports ? 'S' : 'C', p->at, (long long)e->snapshot);
	if (p->position.p)
		encode_base64url(&text, p->position);
	struct str place = buf_ok(&text) ? arena_str(op->arena, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return place;
}

static bool decode_position(struct operation_call *op, struct str text, struct str *ret_position)
{
	struct buf bytes;
	buf_init(&bytes, 4096);
	bool ok = decode_base64url(&bytes, text);
	*ret_position = ok && text.n ? arena_str(op->arena, buf_str(&bytes)) : STR_NULL;
	buf_done(&bytes);
	return ok;
}

static bool read_place(struct operation_call *op, struct everything *e, struct str self, struct place *ret_place,
		       struct error *err)
{
	struct str cursor = operation_text(op, "_cursor"), text;
	uint64_t at;
	*ret_place = (struct place){.position = STR_NULL};
	if (!cursor.p)
		return true;
	if (!rest_cursor_read(op->call, self, cursor, &text, err))
		return false;
	ret_place->supports = text.n && text.p[0] == 'S';
	text = str_slice(text, 1, text.n);
	struct str number = str_split(&text, ':'), snapshot = text.p ? str_split(&text, ':') : STR_NULL;
	if (!str_to_u64(number, &at) || !str_to_i64(snapshot, &e->snapshot) || !text.p ||
	    !decode_position(op, text, &ret_place->position))
		return error_set(err, ERR_CURSOR, "%s", error_default_text(ERR_CURSOR));
	ret_place->at = (size_t)at;
	return true;
}

/* ---- the roots ------------------------------------------------------------------------------------------------------
 */

static bool add_members(struct operation_call *op, struct everything *e, const struct json *group, struct error *err)
{
	const struct definitions *d = op->call->server->o.definitions;
	struct json_iter it = json_iter(json_get(group, S("member")));
	if (it.left > MAX_MEMBERS)
		return error_set(err, ERR_TOO_COSTLY, "The Group has more than %d members", MAX_MEMBERS);
	while (json_next(&it)) {
		struct str text = json_get_str(json_get(it.value, S("entity")), S("reference"));
		struct reference r = reference_parse(d, text);
		if (json_bool(json_get(it.value, S("inactive"))) || !r.type.p || !fhir_id_valid(r.id) ||
		    !str_is(r.type, "Patient"))
			continue;
		e->roots[e->root_count++] = (struct everything_root){definitions_resource(d, S("Patient")), r.id, true};
	}
	return true;
}

static bool find_roots(struct operation_call *op, struct everything *e, struct error *err)
{
	struct store_entry entry;
	const struct json *resource;
	bool group = str_is(op->call->type->name, "Group");
	if (!operation_subject(op, &entry, &resource, err))
		return false;
	e->roots = ARENA_ARRAY(op->arena, struct everything_root, 1 + json_size(json_get(resource, S("member"))));
	if (!e->roots)
		return error_memory(err);
	e->roots[e->root_count++] = (struct everything_root){op->call->type, op->call->id, !group};
	return !group || add_members(op, e, resource, err);
}

/* Several _type parameters, or a comma list, as one list; each must be a resource type. */
static bool read_types(struct operation_call *op, struct everything *e, struct error *err)
{
	const struct operation_input *input;
	size_t at = 0;
	while ((input = operation_next(op, "_type", &at))) {
		struct str rest = input->text;
		while (rest.p) {
			struct str name = str_trim(str_split(&rest, ','));
			if (!definitions_resource(op->call->server->o.definitions, name))
				return error_set(err, ERR_VALUE, "_type: %.*s is not a resource type of FHIR R4",
						 STR_ARG(str_slice(name, 0, 60)));
			e->types = e->types.p ? arena_printf(op->arena, "%.*s,%.*s", STR_ARG(e->types), STR_ARG(name))
					      : name;
		}
	}
	return true;
}

/* ---- a page
 * ---------------------------------------------------------------------------------------------------------- */

static bool add_root(struct everything *e, const struct everything_root *root, struct results *r, struct error *err)
{
	struct store_page page = {0};
	if (!everything_wants(e, root->type))
		return true;
	if (!everything_read(e, e->op->arena, root->type, &root->id, 1, &page, err))
		return false;
	return !page.count || results_add(e->op, r, &page.entries[0], err);
}

static bool is_root(const struct everything_root *root, const struct store_entry *entry)
{
	return entry->type == root->type && str_eq(entry->id, root->id);
}

/* What several members of a Group share, such as the Group itself, is in the compartment of each. */
static bool is_shown(const struct everything *e, const struct results *r, const struct store_entry *entry)
{
	for (size_t i = 0; i < r->count && e->root_count > 1; i++)
		if (r->entries[i].type == entry->type && str_eq(r->entries[i].id, entry->id))
			return true;
	return e->root_count > 1 && is_root(e->roots, entry);
}

static bool add_page(struct everything *e, const struct everything_root *root, const struct store_page *page,
		     struct results *r, struct error *err)
{
	for (size_t i = 0; i < page->count; i++) {
		const struct store_entry *entry = &page->entries[i];
		if (!is_root(root, entry) && !is_shown(e, r, entry) && !results_add(e->op, r, entry, err))
			return false;
	}
	return true;
}

static bool fill_compartments(struct everything *e, struct place *p, size_t count, struct results *r, struct error *err)
{
	while (p->at < e->root_count && r->count < count) {
		const struct everything_root *root = &e->roots[p->at];
		struct store_page page = {0};
		if (!p->position.p && !add_root(e, root, r, err))
			return false;
		if (root->compartment && r->count == count && !p->position.p) {
			/* Full by the root itself: its compartment starts on the next page. */
			p->position = S("-");
			return true;
		}
		struct str position = str_is(p->position, "-") ? STR_NULL : p->position;
		if (root->compartment &&
		    (!everything_find(e, e->op->arena, root, position, count - r->count, &page, err) ||
		     !add_page(e, root, &page, r, err)))
			return false;
		p->position = page.next;
		p->at += !page.next.p;
	}
	if (p->at == e->root_count)
		*p = (struct place){.supports = true, .position = STR_NULL};
	return true;
}

/* *ret_done: that was all. */
static bool fill_supports(struct everything *e, struct place *p, size_t count, struct results *r, bool *ret_done,
			  struct error *err)
{
	struct results all = {0};
	if (!everything_supports(e, &all, err))
		return false;
	while (p->at < all.count && r->count < count)
		if (!results_add(e->op, r, &all.entries[p->at++], err))
			return false;
	*ret_done = p->at >= all.count;
	return true;
}

bool operation_everything(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	struct everything e = {.op = op,
			       .types = STR_NULL,
			       .since = operation_text(op, "_since"),
			       .start = operation_text(op, "start"),
			       .end = operation_text(op, "end")};
	struct results results = {0};
	struct place place;
	struct str self = results_self(op);
	int64_t count = operation_number(op, "_count", COUNT_DEFAULT);
	bool done = false;
	if (!self.p)
		return error_memory(err);
	if (count < 1 || count > SEARCH_COUNT_MAX)
		return error_set(err, ERR_VALUE, "_count must be from 1 to %d", SEARCH_COUNT_MAX);
	if (!read_types(op, &e, err) || !read_place(op, &e, self, &place, err) || !find_roots(op, &e, err))
		return false;
	if (!place.supports && !fill_compartments(&e, &place, (size_t)count, &results, err))
		return false;
	if (place.supports && results.count < (size_t)count &&
	    !fill_supports(&e, &place, (size_t)count, &results, &done, err))
		return false;
	const struct results_page page = {.self = self,
					  .cursor = operation_text(op, "_cursor"),
					  .next = done ? STR_NULL : write_place(op, &e, &place),
					  .total = -1};
	return results_write(op, &results, &page, &answer->body, err);
}
