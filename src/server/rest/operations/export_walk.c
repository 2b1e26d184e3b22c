/*
 * The walk of an $export: page after page of one snapshot, in the order of versions, with the caller's sight over it,
 * so that memory is that of a page. Of an export of patients the resources in their compartments come first, and then,
 * in rounds, what these refer to outside of them.
 */
#include <stdio.h>

#include "base/clock.h"
#include "server/rest/operations/export.h"

enum {
	CHUNK = 200, /* patients, or ids, that one search asks for */
	PAGE_MIN = 10,
	PAGE_MAX = 1000,
	ROUNDS = 6, /* of what is referred to by what was referred to */
	MAX_CONTEXT = 200000, /* ids of a type that are remembered */
	MAX_SHARED = 4000000, /* resources of several patients that are remembered */
	BARRIER_MS = 60000,
};
#define PAGE_BYTES ((size_t)8 << 20)
#define MAX_LINE   ((size_t)64 << 20)
#define MEMORY	   ((size_t)512 << 20) /* when no limit is told */

struct walk {
	struct rest_export *e;
	const struct rest_export_sink *sink;
	struct arena page, parsing; /* of a page; of the query of a search */
	struct rest_call call; /* the export's, with the page's arena */
	struct buf line;
	size_t count; /* _count */
	struct map shared; /* vids of resources of several patients that were given already, as text */
	const struct fhir_type *patient;
	const struct compartment *compartment;
};

/* ---- lines --------------------------------------------------------------------------------------------------------
 */

static bool meet(struct walk *w, struct export_type *t, struct str id, struct error *err)
{
	bool fresh;
	if (t->overflown || !fhir_id_valid(id) || map_get(&t->met, id))
		return true;
	if (t->id_count == MAX_CONTEXT) {
		t->overflown = true;
		return true;
	}
	struct arena *a = w->e->call->arena;
	struct str key = arena_str(a, id);
	struct str *ids =
		key.p ? arena_grow(a, t->ids, t->id_count, &t->id_capacity, t->id_count + 1, sizeof(*ids)) : NULL;
	if (!ids || !map_put(&t->met, key, &fresh))
		return error_memory(err);
	t->ids = ids;
	ids[t->id_count++] = key;
	return true;
}

/* What a resource refers to: by its bytes, which costs no parsing. */
static bool note_references(struct walk *w, struct str line, struct error *err)
{
	const struct definitions *d = w->e->call->server->o.definitions;
	struct str mark = S("\"reference\":\"");
	for (size_t at; (at = str_find(line, mark)) != STR_NONE;) {
		line = str_slice(line, at + mark.n, line.n);
		struct reference r = reference_parse(d, str_slice(line, 0, str_find_char(line, '"', 0)));
		bool ours = r.kind == REF_RELATIVE ||
			    (r.kind == REF_ABSOLUTE && str_eq(r.base, w->e->call->server->o.base_url));
		struct export_type *t = ours && r.type.n ? export_find_type(w->e, r.type) : NULL;
		if (t && t->reach == EXPORT_CONTEXT && !meet(w, t, r.id, err))
			return false;
	}
	return true;
}

static bool put_line(struct walk *w, struct export_type *t, const struct store_entry *entry, struct error *err)
{
	buf_reset(&w->line);
	w->call.view = t->view;
	if (!answer_resource(&w->call, entry, &w->line, err))
		return false;
	if (!buf_ok(&w->line))
		return error_set(err, ERR_TOO_LARGE, "A resource is larger than an export can show");
	struct str line = buf_str(&w->line);
	return (w->e->level == EXPORT_SYSTEM || note_references(w, entry->body, err)) &&
	       w->sink->line(w->sink->ctx, t->type, line, err);
}

/* ---- whose is it --------------------------------------------------------------------------------------------------
 */

/* Is it in the compartment of any patient? Nearly always its subject tells. */
static bool is_someones(struct walk *w, const struct store_entry *entry, bool *ret_is, struct error *err)
{
	struct index_rows rows = {0};
	const struct rest_call *call = w->e->call;
	*ret_is = entry->type == w->patient || audit_patient(&w->page, entry->type, entry->id, entry->body).p;
	if (*ret_is || str_find(entry->body, S("Patient/")) == STR_NONE)
		return true;
	const struct json *resource = json_parse(&w->page, entry->body, 0, err);
	const struct compartment_member *member = compartment_member(w->compartment, entry->type);
	if (!resource || !member ||
	    !extract(call_extractor(call), &w->page, resource, call->server->o.base_url, &rows, err))
		return !member;
	for (size_t i = 0; i < rows.count && !*ret_is; i++)
		*ret_is = row_enters(&rows.rows[i], w->compartment, member);
	return true;
}

/* Does it name more than one patient? Only such a resource can come by two searches. */
static bool names_several(struct str body)
{
	struct str first = STR_NULL, mark = S("Patient/");
	for (size_t at; (at = str_find(body, mark)) != STR_NONE;) {
		body = str_slice(body, at + mark.n, body.n);
		struct str id = str_slice(body, 0, str_find_char(body, '"', 0));
		if (first.p && !str_eq(first, id))
			return true;
		first = id;
	}
	return false;
}

static bool is_given(struct walk *w, const struct store_entry *entry, bool *ret_given, struct error *err)
{
	bool fresh = true;
	*ret_given = false;
	if (w->e->patient_count <= CHUNK || !names_several(entry->body))
		return true;
	struct str key = arena_printf(w->e->call->arena, "%lld", (long long)entry->vid);
	if (!key.p || !map_put(&w->shared, key, &fresh))
		return error_set(err, ERR_TOO_COSTLY,
				 "Too many resources belong to several patients; ask for fewer "
				 "patients");
	*ret_given = !fresh;
	return true;
}

static bool wants(struct walk *w, const struct export_type *t, const struct store_entry *entry, bool *ret_wants,
		  struct error *err)
{
	bool given = false;
	*ret_wants = true;
	if (t->reach != EXPORT_MEMBERS)
		return true;
	if (w->e->level == EXPORT_PATIENTS && !w->e->subset)
		return is_someones(w, entry, ret_wants, err);
	if (!is_given(w, entry, &given, err))
		return false;
	*ret_wants = !given;
	return true;
}

/* ---- searches -----------------------------------------------------------------------------------------------------
 */

/* One search, all its pages. A page that needs too much memory is asked for again with fewer resources. */
static bool search_all(struct walk *w, struct export_type *t, struct search_query *query, struct error *err)
{
	struct str position = STR_NULL;
	struct buf kept;
	buf_init(&kept, 1 << 16);
	bool ok = true;
	do {
		struct store_page page = {0};
		struct error why = {0};
		arena_reset(&w->page);
		query->count = (int64_t)w->count;
		const struct store_search_options how = {.position = position, .snapshot = w->e->snapshot};
		if (!call_search(w->e->call, &w->page, query, &how, &page, &why)) {
			if (why.code == ERR_MEMORY && w->count > PAGE_MIN) {
				w->count = w->count / 8 > PAGE_MIN ? w->count / 8 : PAGE_MIN;
				continue;
			}
			ok = error_set(err, why.code, "%s", why.text);
			break;
		}
		w->e->snapshot = page.snapshot;
		for (size_t i = 0; ok && i < page.count; i++) {
			bool wanted = false;
			ok = wants(w, t, &page.entries[i], &wanted, err) &&
			     (!wanted || put_line(w, t, &page.entries[i], err));
		}
		if (w->page.used < PAGE_BYTES / 8 && w->count < PAGE_MAX)
			w->count *= 2;
		else if (w->page.used > PAGE_BYTES && w->count > PAGE_MIN)
			w->count /= 2;
		buf_reset(&kept);
		buf_add(&kept, page.next);
		position = page.next.p ? buf_str(&kept) : STR_NULL;
	} while (ok && position.p);
	buf_done(&kept);
	return ok;
}

static bool add_criterion(struct arena *a, struct search_part *part, struct criterion c)
{
	struct criterion *all = ARENA_ARRAY(a, struct criterion, part->criterion_count + 1);
	if (!all)
		return false;
	if (part->criterion_count)
		memcpy(all, part->criteria, part->criterion_count * sizeof(*all));
	all[part->criterion_count++] = c;
	part->criteria = all;
	return true;
}

/* Times and filters of the type. */
static bool begin_query(struct walk *w, struct export_type *t, struct search_query *ret_query, struct error *err)
{
	const struct rest_export *e = w->e;
	struct search_options options = call_search_options(e->call);
	struct buf text;
	arena_reset(&w->parsing);
	buf_init(&text, 4096);
	char instant[CLOCK_INSTANT_SIZE];
	if (e->since.p) {
		clock_format_instant(e->since_ms, instant);
		buf_printf(&text, "_lastUpdated=ge%.*s", CLOCK_INSTANT_SIZE, instant);
	}
	if (e->until.p) {
		clock_format_instant(e->until_ms, instant);
		buf_printf(&text, "%s_lastUpdated=le%.*s", text.n ? "&" : "", CLOCK_INSTANT_SIZE, instant);
	}
	bool ok = search_parse(e->call->server->o.definitions, &w->parsing, t->type, buf_str(&text), &options,
			       ret_query, err);
	buf_done(&text);
	return ok &&
	       (!t->filter_count ||
		add_criterion(&w->parsing, ret_query->parts,
			      (struct criterion){
				      .kind = CRITERION_OR, .children = t->filters, .child_count = t->filter_count}) ||
		error_memory(err));
}

static bool add_ids(struct walk *w, struct search_query *query, const struct str *ids, size_t count, struct error *err)
{
	struct search_value *values = ARENA_ARRAY(&w->parsing, struct search_value, count + 1);
	for (size_t i = 0; values && i < count; i++)
		values[i] = (struct search_value){.code = ids[i]};
	const struct criterion c = {.kind = CRITERION_ID, .values = values, .value_count = count};
	return (values && add_criterion(&w->parsing, query->parts, c)) || error_memory(err);
}

/* In the compartment of one of these patients. */
static bool add_membership(struct walk *w, const struct export_type *t, struct search_query *query,
			   const struct str *ids, size_t count, struct error *err)
{
	const struct compartment_member *member = compartment_member(w->compartment, t->type);
	if (t->type == w->patient)
		return add_ids(w, query, ids, count, err);
	size_t params = member ? member->param_count : 0;
	struct criterion *any = ARENA_ARRAY(&w->parsing, struct criterion, params + 1);
	struct search_value *values = ARENA_ARRAY(&w->parsing, struct search_value, count + 1);
	if (!any || !values)
		return error_memory(err);
	for (size_t i = 0; i < count; i++)
		values[i] = (struct search_value){.ref_type = w->patient->name, .ref_id = ids[i]};
	for (size_t i = 0; i < params; i++)
		any[i] = (struct criterion){.kind = CRITERION_PARAM,
					    .param = definitions_search_param(t->type, member->params[i]),
					    .values = values,
					    .value_count = count};
	const struct criterion c = {.kind = CRITERION_OR, .children = any, .child_count = params};
	return add_criterion(&w->parsing, query->parts, c) || error_memory(err);
}

static bool walk_members(struct walk *w, struct export_type *t, struct error *err)
{
	struct search_query query = {0};
	if (w->e->level == EXPORT_PATIENTS && !w->e->subset)
		return begin_query(w, t, &query, err) && search_all(w, t, &query, err);
	for (size_t at = 0; at < w->e->patient_count; at += CHUNK) {
		size_t count = w->e->patient_count - at < CHUNK ? w->e->patient_count - at : CHUNK;
		query = (struct search_query){0};
		if (!begin_query(w, t, &query, err) || !add_membership(w, t, &query, w->e->patients + at, count, err) ||
		    !search_all(w, t, &query, err))
			return false;
	}
	return true;
}

/* What was met since the last round. */
static bool walk_context(struct walk *w, struct export_type *t, struct error *err)
{
	struct search_query query = {0};
	while (t->done < t->id_count) {
		size_t at = t->done, count = t->id_count - at < CHUNK ? t->id_count - at : CHUNK;
		t->done += count;
		query = (struct search_query){0};
		if (!begin_query(w, t, &query, err) || !add_ids(w, &query, t->ids + at, count, err) ||
		    !search_all(w, t, &query, err))
			return false;
	}
	return true;
}

static bool walk_itself(struct walk *w, struct export_type *t, struct error *err)
{
	struct search_query query = {0};
	return begin_query(w, t, &query, err) && add_ids(w, &query, &w->e->call->id, 1, err) &&
	       search_all(w, t, &query, err);
}

static bool walk_type(struct walk *w, struct export_type *t, struct error *err)
{
	struct search_query query = {0};
	switch (t->reach) {
	case EXPORT_MEMBERS:
		return walk_members(w, t, err);
	case EXPORT_ITSELF:
		return walk_itself(w, t, err);
	case EXPORT_CONTEXT:
		return true;
	default:
		return begin_query(w, t, &query, err) && search_all(w, t, &query, err);
	}
}

static bool walk_contexts(struct walk *w, struct error *err)
{
	for (unsigned round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < w->e->type_count; i++)
			if (w->e->types[i].reach == EXPORT_CONTEXT && !walk_context(w, &w->e->types[i], err))
				return false;
	for (size_t i = 0; i < w->e->type_count; i++)
		if (w->e->types[i].overflown)
			return error_set(err, ERR_TOO_COSTLY,
					 "The patients refer to more than %d resources of type %.*s; ask for them by "
					 "an export of the whole system",
					 MAX_CONTEXT, STR_ARG(w->e->types[i].type->name));
	return true;
}

/* ---- what is gone -------------------------------------------------------------------------------------------------
 */

/* Is the last version of something deleted one of the patients that are meant? */
static bool was_theirs(struct walk *w, const struct store_entry *gone)
{
	struct store_entry before = {0};
	struct error why = {0};
	if (w->e->level == EXPORT_SYSTEM)
		return true;
	if (gone->type == w->patient)
		return w->e->level == EXPORT_PATIENTS && !w->e->subset ? true
								       : map_get(&w->e->members, gone->id) != NULL;
	if (gone->version < 2 ||
	    !store_read(w->e->call->server->o.store, &w->page, gone->type, gone->id, gone->version - 1, &before, &why))
		return false;
	struct str body = before.body, mark = S("Patient/");
	for (size_t at; (at = str_find(body, mark)) != STR_NONE;) {
		body = str_slice(body, at + mark.n, body.n);
		struct str id = str_slice(body, 0, str_find_char(body, '"', 0));
		if (w->e->level == EXPORT_PATIENTS && !w->e->subset)
			return true;
		uint64_t *member = map_get(&w->e->members, id);
		if (member && (w->e->level == EXPORT_PATIENTS || !w->e->subset || *member))
			return true;
	}
	return false;
}

static bool put_gone(struct walk *w, const struct store_entry *entry, struct error *err)
{
	struct store_entry now = {0};
	struct error why = {0};
	if (entry->op != STORE_DELETE || (w->e->snapshot && entry->vid > w->e->snapshot) ||
	    (w->e->until.p && entry->updated_ms > w->e->until_ms))
		return true;
	bool back = store_read(w->e->call->server->o.store, &w->page, entry->type, entry->id, 0, &now, &why);
	/* Deleted once and there again, unless only after the snapshot. */
	bool gone = (why.code == ERR_GONE && now.version == entry->version) || (back && now.vid > w->e->snapshot);
	return !gone || !was_theirs(w, entry) || w->sink->gone(w->sink->ctx, entry->type, entry->id, err);
}

static bool walk_gone(struct walk *w, struct export_type *t, struct error *err)
{
	struct store_history_query query = {.type = t->type, .since_ms = w->e->since_ms, .max = PAGE_MAX};
	struct buf kept;
	bool ok = true;
	buf_init(&kept, 1 << 16);
	do {
		struct store_page page = {0};
		arena_reset(&w->page);
		ok = call_history(w->e->call, &w->page, &query, SCOPE_S, &page, err);
		for (size_t i = 0; ok && i < page.count; i++)
			ok = put_gone(w, &page.entries[i], err);
		buf_reset(&kept);
		buf_add(&kept, page.next);
		query.position = page.next.p ? buf_str(&kept) : STR_NULL;
	} while (ok && query.position.p);
	buf_done(&kept);
	return ok;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------
 */

/* Everything with an earlier time than that of the export is in its snapshot: a commit of its own comes after all that
 * were under way. */
static bool take_time(struct walk *w, struct error *err)
{
	const struct store_fact fact = {.shelf = S("export"),
					.key = w->e->call->request->request_id,
					.value = S("1"),
					.expires_ms = clock_now_ms() + BARRIER_MS,
					.quiet = true};
	w->e->time_ms = clock_now_ms();
	return store_fact_put(w->e->call->server->o.store, &fact, err);
}

static bool run(struct walk *w, struct error *err)
{
	struct rest_export *e = w->e;
	if (!take_time(w, err))
		return false;
	for (size_t i = 0; i < e->type_count; i++)
		if (!walk_type(w, &e->types[i], err))
			return false;
	if (e->level != EXPORT_SYSTEM && !walk_contexts(w, err))
		return false;
	for (size_t i = 0; e->since.p && i < e->type_count; i++)
		if (e->types[i].reach <= EXPORT_MEMBERS && !walk_gone(w, &e->types[i], err))
			return false;
	return true;
}

bool rest_export_run(struct rest_export *e, const struct rest_export_sink *sink, struct error *err)
{
	const struct definitions *d = e->call->server->o.definitions;
	struct walk w = {.e = e, .sink = sink, .call = *e->call, .count = 100};
	w.patient = definitions_resource(d, S("Patient"));
	w.compartment = definitions_compartment(d, w.patient);
	size_t memory = e->call->server->o.limits.memory;
	arena_init(&w.page, memory ? memory : MEMORY);
	arena_init(&w.parsing, memory ? memory : MEMORY);
	buf_init(&w.line, MAX_LINE);
	map_init(&w.shared, MAX_SHARED);
	w.call.arena = &w.page;
	bool ok = run(&w, err);
	map_done(&w.shared);
	buf_done(&w.line);
	arena_done(&w.parsing);
	arena_done(&w.page);
	return ok;
}
