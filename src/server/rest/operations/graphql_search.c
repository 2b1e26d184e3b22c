/*
 * The fields of GraphQL that search: PatientList(...) and PatientConnection(...) at the system, and in a resource those
 * that refer to it: ObservationList(_reference: subject). Arguments are search parameters with _ for -.
 */
#include "base/clock.h"
#include "server/rest/operations/graphql_run.h"
#include "server/rest/operations/results.h"

struct listing {
	struct graphql_run *run;
	const struct graphql_selection *selection;
	const struct fhir_type *type;
	struct buf query; /* without paging */
	struct str cursor, self;
	struct store_page page;
	int64_t count;
};

/* "address_city" is address-city; the names that FHIR starts with _ keep it. */
static struct str parameter_name(struct arena *a, struct str name)
{
	struct str copy = arena_str(a, name);
	for (size_t i = 1; copy.p && i < copy.n; i++)
		if (copy.p[i] == '_')
			((char *)(uintptr_t)copy.p)[i] = '-';
	return copy;
}

static bool put_reference(struct listing *l, const struct graphql_focus *focus, struct str name)
{
	struct arena *a = l->run->arena;
	const struct search_param *p = definitions_search_param(l->type, parameter_name(a, name));
	if (!focus->resource || !p || p->type != PARAM_REFERENCE)
		return graphql_fail(l->run, l->selection, ERR_VALUE,
				    "_reference must be a search parameter of %.*s that refers to this resource",
				    STR_ARG(l->type->name));
	struct str id = json_get_str(focus->resource, S("id"));
	struct str target = arena_printf(a, "%.*s/%.*s", STR_ARG(focus->type->name), STR_ARG(id));
	struct str code = arena_str(a, p->code);
	if (!target.p || !code.p)
		return error_memory(l->run->err);
	results_put_param(&l->query, code.p, target);
	return true;
}

static bool put_argument(struct listing *l, const struct graphql_focus *focus, const struct graphql_argument *argument,
			 const struct graphql_value *value)
{
	struct graphql_run *run = l->run;
	struct str text;
	if (value->kind == GRAPHQL_LIST) {
		for (const struct graphql_value *item = value->items; item; item = item->next)
			if (!put_argument(l, focus, argument, item))
				return false;
		return true;
	}
	if (!graphql_text(run, l->selection, value, &text))
		return false;
	if (!text.p)
		return true;
	if (str_is(argument->name, "_cursor")) {
		l->cursor = text;
		return true;
	}
	if (str_is(argument->name, "_count") && (!str_to_i64(text, &l->count) || l->count < 1 || l->count > 1000))
		return graphql_fail(run, l->selection, ERR_VALUE, "_count must be from 1 to 1000");
	if (str_is(argument->name, "_reference"))
		return put_reference(l, focus, text);
	struct str name = parameter_name(run->arena, argument->name);
	if (!name.p)
		return error_memory(run->err);
	results_put_param(&l->query, name.p, text);
	return true;
}

static bool run_search(struct listing *l)
{
	struct graphql_run *run = l->run;
	struct str position = STR_NULL;
	struct error why = {0};
	if (clock_monotonic_ns() > run->deadline_ns)
		return graphql_fail(run, l->selection, ERR_TIMEOUT, "The query took more than %d seconds",
				    GRAPHQL_MAX_SECONDS);
	l->self = buf_ok(&l->query) ? arena_str(run->arena, buf_str(&l->query)) : STR_NULL;
	if (!l->self.p)
		return error_memory(run->err);
	if (!call_allowed(run->op->call, l->type, SCOPE_R | SCOPE_S, &why) ||
	    (l->cursor.p && !rest_cursor_read(run->op->call, l->self, l->cursor, &position, &why)) ||
	    !operation_search(run->op, l->type, l->self, position, &l->page, &why))
		return graphql_fail(run, l->selection, why.code, "%s", why.text);
	run->resources += l->page.count;
	if (run->resources > GRAPHQL_MAX_RESOURCES)
		return graphql_fail(run, l->selection, ERR_LIMIT,
				    "The query touches more than %d resources; smaller pages (_count) help",
				    GRAPHQL_MAX_RESOURCES);
	return true;
}

static bool select_entry(struct listing *l, const struct store_entry *entry, const struct graphql_selection *selections,
			 struct graphql_object *out)
{
	const struct json *resource = json_parse(l->run->arena, entry->body, 0, l->run->err);
	const struct graphql_focus focus = {.type = entry->type, .value = resource, .resource = resource};
	return resource && graphql_select(l->run, &focus, selections, out);
}

static bool put_list(struct listing *l, struct graphql_object *out)
{
	struct graphql_run *run = l->run;
	const struct graphql_selection *s = l->selection;
	if (!graphql_put(run, out, s->alias, true, NULL))
		return false;
	for (size_t i = 0; i < l->page.count; i++) {
		struct graphql_object *object = ARENA_NEW(run->arena, struct graphql_object);
		if (!object)
			return error_memory(run->err);
		if (!select_entry(l, &l->page.entries[i], s->selections, object) ||
		    !graphql_put(run, out, s->alias, true, &(struct graphql_out){.kind = OUT_OBJECT, .object = object}))
			return false;
	}
	return true;
}

/* ---- connections
 * ----------------------------------------------------------------------------------------------------- */

static bool put_edge(struct listing *l, const struct store_entry *entry, const struct graphql_selection *edge,
		     struct graphql_object *out)
{
	struct graphql_run *run = l->run;
	struct graphql_object *object = ARENA_NEW(run->arena, struct graphql_object);
	if (!object)
		return error_memory(run->err);
	for (const struct graphql_selection *s = edge->selections; s; s = s->next) {
		if (s->kind != GRAPHQL_FIELD ||
		    (!str_is(s->name, "mode") && !str_is(s->name, "resource") && !str_is(s->name, "score")))
			return graphql_fail(run, s, ERR_UNKNOWN_PARAM, "An edge has mode, score and resource");
		struct graphql_out value = {.kind = OUT_TEXT, .text = entry->included ? S("include") : S("match")};
		if (str_is(s->name, "score"))
			continue; /* searches of FHIR R4 give none unless they rank */
		if (str_is(s->name, "resource")) {
			value = (struct graphql_out){.kind = OUT_OBJECT,
						     .object = ARENA_NEW(run->arena, struct graphql_object)};
			if (!value.object)
				return error_memory(run->err);
			if (!select_entry(l, entry, s->selections, value.object))
				return false;
		}
		if (!graphql_put(run, object, s->alias, false, &value))
			return false;
	}
	return graphql_put(run, out, edge->alias, true, &(struct graphql_out){.kind = OUT_OBJECT, .object = object});
}

static bool put_connection_field(struct listing *l, const struct graphql_selection *s, struct graphql_object *out)
{
	struct graphql_run *run = l->run;
	struct graphql_out value = {.kind = OUT_NUMBER, .number = l->page.total};
	if (s->kind != GRAPHQL_FIELD)
		return graphql_fail(run, s, ERR_NOT_SUPPORTED, "Fragments are not possible on connections");
	if (str_is(s->name, "edges")) {
		if (!graphql_put(run, out, s->alias, true, NULL))
			return false;
		for (size_t i = 0; i < l->page.count; i++)
			if (!put_edge(l, &l->page.entries[i], s, out))
				return false;
		return true;
	}
	if (str_is(s->name, "count"))
		return graphql_put(run, out, s->alias, false, l->page.total >= 0 ? &value : NULL);
	if (str_is(s->name, "pagesize")) {
		value.number = l->count;
		return graphql_put(run, out, s->alias, false, &value);
	}
	if (str_is(s->name, "next")) {
		value = (struct graphql_out){.kind = OUT_TEXT,
					     .text = rest_cursor_write(run->op->call, l->self, l->page.next)};
		return graphql_put(run, out, s->alias, false, value.text.p ? &value : NULL);
	}
	if (str_is(s->name, "first") || str_is(s->name, "previous") || str_is(s->name, "last") ||
	    str_is(s->name, "offset"))
		return graphql_put(run, out, s->alias, false, NULL); /* pages only go forward */
	return graphql_fail(run, s, ERR_UNKNOWN_PARAM, "A connection has count, pagesize, next and edges");
}

static bool put_connection(struct listing *l, struct graphql_object *out)
{
	struct graphql_run *run = l->run;
	struct graphql_object *object = ARENA_NEW(run->arena, struct graphql_object);
	if (!object)
		return error_memory(run->err);
	for (const struct graphql_selection *s = l->selection->selections; s; s = s->next)
		if (!put_connection_field(l, s, object))
			return false;
	return graphql_put(run, out, l->selection->alias, false,
			   &(struct graphql_out){.kind = OUT_OBJECT, .object = object});
}

/* ---- the field
 * -------------------------------------------------------------------------------------------------------- */

/* Patient(id: "1") at the system. */
static bool select_by_id(struct graphql_run *run, const struct fhir_type *type, const struct graphql_selection *s,
			 struct graphql_object *out)
{
	const struct graphql_argument *argument = graphql_argument(s->arguments, "id");
	const struct json *resource;
	struct str id = STR_NULL;
	if (!argument || !graphql_text(run, s, &argument->value, &id) || !id.p)
		return graphql_fail(run, s, ERR_REQUIRED, "%.*s needs the argument id", STR_ARG(s->name));
	if (!s->selections)
		return graphql_fail(run, s, ERR_VALUE, "%.*s needs the fields that are wanted of it", STR_ARG(s->name));
	if (!graphql_load(run, s, type, id, &resource))
		return false;
	if (!resource)
		return graphql_put(run, out, s->alias, false, NULL);
	struct graphql_object *object = ARENA_NEW(run->arena, struct graphql_object);
	const struct graphql_focus focus = {.type = type, .value = resource, .resource = resource};
	if (!object)
		return error_memory(run->err);
	return graphql_select(run, &focus, s->selections, object) &&
	       graphql_put(run, out, s->alias, false, &(struct graphql_out){.kind = OUT_OBJECT, .object = object});
}

static bool select_listing(struct listing *l, const struct graphql_focus *focus, bool connection,
			   struct graphql_object *out)
{
	const struct graphql_selection *s = l->selection;
	if (!s->selections)
		return graphql_fail(l->run, s, ERR_VALUE, "%.*s needs the fields that are wanted of it",
				    STR_ARG(s->name));
	if (focus->type && !graphql_argument(s->arguments, "_reference"))
		return graphql_fail(l->run, s, ERR_REQUIRED, "In a resource %.*s needs the argument _reference",
				    STR_ARG(s->name));
	for (const struct graphql_argument *a = s->arguments; a; a = a->next)
		if (!put_argument(l, focus, a, &a->value))
			return false;
	if (connection)
		results_put_param(&l->query, "_total", S("accurate"));
	return run_search(l) && (connection ? put_connection(l, out) : put_list(l, out));
}

bool graphql_search_field(struct graphql_run *run, const struct graphql_focus *focus, const struct graphql_selection *s,
			  struct graphql_object *out, bool *ret_known)
{
	bool list = str_ends(s->name, S("List")), connection = str_ends(s->name, S("Connection"));
	struct str name = str_slice(s->name, 0, s->name.n - (list ? 4 : connection ? 10 : 0));
	const struct fhir_type *type = definitions_resource(run->definitions, name);
	*ret_known = false;
	if ((focus->type && focus->type->kind != TYPE_RESOURCE) || (focus->type && !list && !connection))
		return true;
	if (!type)
		type = definitions_resource(run->definitions, s->name); /* "List" itself */
	if (!type)
		return true;
	*ret_known = true;
	if (str_eq(type->name, s->name))
		return select_by_id(run, type, s, out);
	struct listing l = {
		.run = run, .selection = s, .type = type, .cursor = STR_NULL, .count = SEARCH_COUNT_DEFAULT};
	buf_init(&l.query, (size_t)1 << 16);
	bool ok = select_listing(&l, focus, connection, out);
	buf_done(&l.query);
	return ok;
}
