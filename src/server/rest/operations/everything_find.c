/* The searches behind $everything; see everything.h. */
#include "base/clock.h"
#include "server/rest/operations/everything.h"

bool everything_wants(const struct everything *e, const struct fhir_type *type)
{
	struct str rest = e->types;
	if (!results_allowed(e->op, type))
		return false;
	if (!rest.p)
		return true;
	while (rest.p)
		if (str_eq(str_trim(str_split(&rest, ',')), type->name))
			return true;
	return false;
}

/* Care dates: where the type has a parameter `date`, what has a date must lie in the range. */
static bool narrow(struct everything *e, struct arena *a, struct search_part *part, struct error *err)
{
	const struct search_param *date = definitions_search_param(part->type, S("date"));
	struct search_options options = call_search_options(e->op->call);
	struct search_query dated = {0}, undated = {0};
	struct buf text;
	if (!date || date->type != PARAM_DATE || (!e->start.p && !e->end.p))
		return true;
	buf_init(&text, 4096);
	if (e->start.p)
		results_put_param(&text, "date", arena_printf(a, "ge%.*s", STR_ARG(e->start)));
	if (e->end.p)
		results_put_param(&text, "date", arena_printf(a, "le%.*s", STR_ARG(e->end)));
	struct str query = arena_str(a, buf_str(&text));
	buf_done(&text);
	const struct definitions *d = e->op->call->server->o.definitions;
	struct criterion *list = ARENA_ARRAY(a, struct criterion, part->criterion_count + 1);
	struct criterion *choices = ARENA_ARRAY(a, struct criterion, 2);
	if (!query.p || !list || !choices)
		return error_memory(err);
	if (!search_parse(d, a, part->type, query, &options, &dated, err) ||
	    !search_parse(d, a, part->type, S("date:missing=true"), &options, &undated, err))
		return false;
	choices[0] = (struct criterion){.kind = CRITERION_AND,
					.children = dated.parts[0].criteria,
					.child_count = dated.parts[0].criterion_count};
	choices[1] = (struct criterion){.kind = CRITERION_AND,
					.children = undated.parts[0].criteria,
					.child_count = undated.parts[0].criterion_count};
	memcpy(list, part->criteria, part->criterion_count * sizeof(*list));
	list[part->criterion_count] = (struct criterion){.kind = CRITERION_OR, .children = choices, .child_count = 2};
	part->criteria = list;
	part->criterion_count++;
	return true;
}

static bool search(struct everything *e, struct arena *a, const struct search_query *query, struct str position,
		   struct store_page *ret_page, struct error *err)
{
	const struct store_search_options how = {.position = position, .snapshot = e->snapshot};
	if (!call_search(e->op->call, a, query, &how, ret_page, err))
		return false;
	e->snapshot = ret_page->snapshot;
	return true;
}

bool everything_find(struct everything *e, struct arena *a, const struct everything_root *root, struct str position,
		     size_t max, struct store_page *ret_page, struct error *err)
{
	const struct search_scope scope = {.compartment = root->type, .compartment_id = root->id};
	struct search_options options = call_search_options(e->op->call);
	struct search_query query = {0};
	struct str text = arena_printf(a, "_count=%zu%s%.*s", max, e->since.p ? "&_lastUpdated=ge" : "",
				       STR_ARG(e->since.p ? e->since : S("")));
	size_t kept = 0;
	if (!text.p)
		return error_memory(err);
	options.lenient = false;
	if (!search_parse_scope(e->op->call->server->o.definitions, a, &scope, text, &options, &query, err))
		return false;
	for (size_t i = 0; i < query.part_count; i++) {
		if (!everything_wants(e, query.parts[i].type))
			continue;
		if (!narrow(e, a, &query.parts[i], err))
			return false;
		query.parts[kept++] = query.parts[i];
	}
	query.part_count = kept;
	*ret_page = (struct store_page){.total = -1, .snapshot = e->snapshot};
	return !kept || search(e, a, &query, position, ret_page, err);
}

bool everything_read(struct everything *e, struct arena *a, const struct fhir_type *type, const struct str *ids,
		     size_t count, struct store_page *ret_page, struct error *err)
{
	struct search_options options = call_search_options(e->op->call);
	struct search_query query = {0};
	struct buf text;
	buf_init(&text, (size_t)1 << 20);
	buf_add(&text, S("_count=1000&_id="));
	for (size_t i = 0; i < count; i++) {
		buf_add(&text, i ? S(",") : S(""));
		buf_add(&text, ids[i]);
	}
	if (e->since.p && e->root_count == 1 && str_eq(type->name, e->roots[0].type->name))
		buf_printf(&text, "&_lastUpdated=ge%.*s", STR_ARG(e->since));
	struct str copy = buf_ok(&text) ? arena_str(a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	if (!copy.p)
		return error_memory(err);
	return search_parse(e->op->call->server->o.definitions, a, type, copy, &options, &query, err) &&
	       search(e, a, &query, STR_NULL, ret_page, err);
}
