/* Selecting fields of resources for GraphQL; see graphql_run.h. */
#include "server/rest/operations/graphql_run.h"

#include <stdarg.h>

#include "base/clock.h"

bool graphql_fail(struct graphql_run *run, const struct graphql_selection *s, enum error_code code, const char *format,
		  ...)
{
	va_list args;
	if (run->err->code)
		return false;
	va_start(args, format);
	struct str text = arena_vprintf(run->arena, format, args);
	va_end(args);
	error_set(run->err, code, "%.*s", STR_ARG(text.p ? text : S("The query cannot be answered")));
	if (s) {
		run->err->line = s->line;
		run->err->column = s->column;
	}
	return false;
}

const struct graphql_argument *graphql_argument(const struct graphql_argument *list, const char *name)
{
	while (list && !str_is(list->name, name))
		list = list->next;
	return list;
}

static struct str json_text(const struct json *value)
{
	if (json_is(value, JSON_BOOL))
		return json_bool(value) ? S("true") : S("false");
	return json_is(value, JSON_NUMBER) ? json_number(value) : json_str(value);
}

static const struct graphql_variable *find_variable(const struct graphql_run *run, struct str name)
{
	const struct graphql_variable *v = run->operation->variables;
	while (v && !str_eq(v->name, name))
		v = v->next;
	return v;
}

bool graphql_text(struct graphql_run *run, const struct graphql_selection *s, const struct graphql_value *value,
		  struct str *ret_text)
{
	if (value->kind == GRAPHQL_LIST || value->kind == GRAPHQL_OBJECT)
		return graphql_fail(run, s, ERR_VALUE, "A single value is expected");
	if (value->kind != GRAPHQL_VARIABLE) {
		*ret_text = value->kind == GRAPHQL_NULL ? STR_NULL : value->text;
		return true;
	}
	const struct graphql_variable *v = find_variable(run, value->text);
	const struct json *given = json_get(run->variables, value->text);
	if (!v)
		return graphql_fail(run, s, ERR_VALUE, "The variable $%.*s is not declared", STR_ARG(value->text));
	if (given) {
		*ret_text = json_text(given);
		return true;
	}
	*ret_text = STR_NULL;
	return !v->otherwise || v->otherwise->kind == GRAPHQL_VARIABLE || graphql_text(run, s, v->otherwise, ret_text);
}

bool graphql_put(struct graphql_run *run, struct graphql_object *object, struct str key, bool list,
		 const struct graphql_out *value)
{
	struct graphql_out_field *f = object->first;
	while (f && !str_eq(f->key, key))
		f = f->next;
	if (++run->fields > GRAPHQL_MAX_FIELDS)
		return graphql_fail(run, NULL, ERR_LIMIT, "The answer would have more than %d fields",
				    GRAPHQL_MAX_FIELDS);
	if (!f) {
		f = ARENA_NEW(run->arena, struct graphql_out_field);
		if (!f)
			return error_memory(run->err);
		*f = (struct graphql_out_field){.key = key, .list = list};
		if (object->last)
			object->last->next = f;
		else
			object->first = f;
		object->last = f;
	}
	if (!value)
		return true;
	struct graphql_out *copy = ARENA_NEW(run->arena, struct graphql_out);
	if (!copy)
		return error_memory(run->err);
	*copy = *value;
	if (f->first && !f->list)
		return graphql_fail(run, NULL, ERR_VALUE,
				    "There is more than one value for the field %.*s, which is asked for as one",
				    STR_ARG(key));
	if (f->last)
		f->last->next = copy;
	else
		f->first = copy;
	f->last = copy;
	return true;
}

/* ---- directives -----------------------------------------------------------------------------------------------------
 */

struct directives {
	bool skipped, flatten, first, singleton;
	struct str slice; /* the path, or STR_NULL */
};

static bool read_condition(struct graphql_run *run, const struct graphql_selection *s,
			   const struct graphql_directive *d, bool *ret_truth)
{
	const struct graphql_argument *condition = graphql_argument(d->arguments, "if");
	struct str text;
	if (!condition || !graphql_text(run, s, &condition->value, &text))
		return graphql_fail(run, s, ERR_REQUIRED, "@%.*s needs the argument if", STR_ARG(d->name));
	if (!str_is(text, "true") && !str_is(text, "false"))
		return graphql_fail(run, s, ERR_VALUE, "@%.*s(if:) must be true or false", STR_ARG(d->name));
	*ret_truth = str_is(text, "true");
	return true;
}

static bool read_slice(struct graphql_run *run, const struct graphql_selection *s, const struct graphql_directive *d,
		       struct str *ret_path)
{
	const struct graphql_argument *path = graphql_argument(d->arguments, "path");
	if (!path)
		path = graphql_argument(d->arguments, "fhirpath");
	if (!path || !graphql_text(run, s, &path->value, ret_path) || !ret_path->n)
		return graphql_fail(run, s, ERR_REQUIRED, "@slice needs the argument path");
	return true;
}

static bool read_directives(struct graphql_run *run, const struct graphql_selection *s, struct directives *ret)
{
	*ret = (struct directives){.slice = STR_NULL};
	for (const struct graphql_directive *d = s->directives; d; d = d->next) {
		bool truth = false;
		if (str_is(d->name, "include") || str_is(d->name, "skip")) {
			if (!read_condition(run, s, d, &truth))
				return false;
			ret->skipped = ret->skipped || truth == str_is(d->name, "skip");
		} else if (str_is(d->name, "flatten")) {
			ret->flatten = true;
		} else if (str_is(d->name, "first")) {
			ret->first = true;
		} else if (str_is(d->name, "singleton")) {
			ret->singleton = true;
		} else if (str_is(d->name, "slice")) {
			if (!read_slice(run, s, d, &ret->slice))
				return false;
		} else {
			return graphql_fail(run, s, ERR_NOT_SUPPORTED, "The directive @%.*s is not known",
					    STR_ARG(d->name));
		}
	}
	return true;
}

/* ---- items of an element
 * --------------------------------------------------------------------------------------------- */

struct items {
	struct graphql_run *run;
	const struct graphql_selection *selection;
	const struct graphql_focus *focus;
	const struct fhir_element *element;
	const struct fhir_type *type;
	const struct path_program *condition, *slice;
	int64_t offset, count; /* count below 0: all */
};

static bool number_argument(struct graphql_run *run, const struct graphql_selection *s,
			    const struct graphql_argument *a, int64_t *ret_number)
{
	struct str text;
	if (!graphql_text(run, s, &a->value, &text))
		return false;
	if (!str_to_i64(text, ret_number) || *ret_number < 0)
		return graphql_fail(run, s, ERR_VALUE, "%.*s must be a whole number from 0", STR_ARG(a->name));
	return true;
}

static const struct path_program *compile(struct items *items, struct str expression)
{
	const struct path_program *p =
		path_compile(items->run->arena, items->run->definitions, expression, NULL, items->run->err);
	if (!p && items->run->err) {
		items->run->err->line = items->selection->line;
		items->run->err->column = items->selection->column;
	}
	return p;
}

static bool read_arguments(struct items *items)
{
	const struct graphql_selection *s = items->selection;
	for (const struct graphql_argument *a = s->arguments; a; a = a->next) {
		struct str text;
		const struct fhir_type *ignored;
		if (str_is(a->name, "_offset")) {
			if (!number_argument(items->run, s, a, &items->offset))
				return false;
		} else if (str_is(a->name, "_count")) {
			if (!number_argument(items->run, s, a, &items->count))
				return false;
		} else if (str_is(a->name, "fhirpath")) {
			if (!graphql_text(items->run, s, &a->value, &text) ||
			    !(items->condition = compile(items, text)))
				return false;
		} else if (!definitions_element(items->type, a->name, &ignored)) {
			return graphql_fail(items->run, s, ERR_UNKNOWN_PARAM, "%.*s has no element %.*s to filter by",
					    STR_ARG(items->type->name), STR_ARG(a->name));
		}
	}
	return true;
}

static struct path_item item_of(const struct items *items, const struct json *value)
{
	return path_item_element(items->type, items->element, value, NULL, items->focus->resource);
}

static bool evaluate(const struct items *items, const struct path_program *program, const struct json *value,
		     struct path_items *ret_items)
{
	const struct path_context context = {.resource = items->focus->resource};
	struct path_item focus = item_of(items, value);
	if (clock_monotonic_ns() > items->run->deadline_ns)
		return graphql_fail(items->run, items->selection, ERR_TIMEOUT, "The query took more than %d seconds",
				    GRAPHQL_MAX_SECONDS);
	return path_eval(program, items->run->arena, &context, &focus, ret_items, items->run->err);
}

/* Does an element of the value, or one of its items, have this text? */
static bool has_text(const struct json *value, struct str text)
{
	if (!json_is(value, JSON_ARRAY))
		return text.p && str_eq(json_text(value), text);
	struct json_iter it = json_iter(value);
	while (json_next(&it))
		if (str_eq(json_text(it.value), text))
			return true;
	return false;
}

static bool passes(const struct items *items, const struct json *value, bool *ret_passes)
{
	int truth = 1;
	*ret_passes = true;
	for (const struct graphql_argument *a = items->selection->arguments; a && *ret_passes; a = a->next) {
		struct str text;
		if (a->name.p[0] == '_' || str_is(a->name, "fhirpath"))
			continue;
		if (!graphql_text(items->run, items->selection, &a->value, &text))
			return false;
		*ret_passes = has_text(json_get(value, a->name), text);
	}
	if (*ret_passes && items->condition) {
		struct path_items result;
		if (!evaluate(items, items->condition, value, &result) || !path_truth(&result, &truth, items->run->err))
			return false;
		*ret_passes = truth == 1;
	}
	return true;
}

/* What @slice puts behind the key: the value of its path. */
static bool suffix_of(const struct items *items, struct str path, const struct json *value, size_t index,
		      struct str *ret_suffix)
{
	struct path_items result;
	struct buf text;
	*ret_suffix = STR_NULL;
	if (str_is(path, "$index")) {
		*ret_suffix = arena_printf(items->run->arena, "%zu", index);
		return ret_suffix->p || error_memory(items->run->err);
	}
	if (!evaluate(items, items->slice, value, &result))
		return false;
	if (!result.count)
		return true;
	buf_init(&text, 4096);
	path_item_print(&text, &result.items[0]);
	*ret_suffix = arena_str(items->run->arena, buf_str(&text));
	buf_done(&text);
	return ret_suffix->p || error_memory(items->run->err);
}

/* ---- references
 * ------------------------------------------------------------------------------------------------------ */

bool graphql_load(struct graphql_run *run, const struct graphql_selection *s, const struct fhir_type *type,
		  struct str id, const struct json **ret_resource)
{
	struct store_entry entry;
	struct error why = {0};
	*ret_resource = NULL;
	if (++run->resources > GRAPHQL_MAX_RESOURCES)
		return graphql_fail(run, s, ERR_LIMIT, "The query touches more than %d resources",
				    GRAPHQL_MAX_RESOURCES);
	if (!fhir_id_valid(id) || is_audit_event(type) || !call_allowed(run->op->call, type, SCOPE_R, NULL))
		return true;
	if (!call_find(run->op->call, run->arena, type, id, 0, &entry, &why))
		return why.code == ERR_NOT_FOUND || why.code == ERR_GONE
			       ? true
			       : graphql_fail(run, s, why.code, "%s", why.text);
	*ret_resource = json_parse(run->arena, entry.body, 0, run->err);
	return *ret_resource != NULL;
}

static const struct json *contained(const struct json *resource, struct str id)
{
	struct json_iter it = json_iter(json_get(resource, S("contained")));
	while (json_next(&it))
		if (str_eq(json_get_str(it.value, S("id")), id))
			return it.value;
	return NULL;
}

static bool follow(struct graphql_run *run, const struct graphql_focus *focus, const struct graphql_selection *s,
		   const struct json **ret_resource, const struct json **ret_around)
{
	struct str text = json_get_str(focus->value, S("reference"));
	struct reference r = reference_parse(run->definitions, text);
	*ret_resource = NULL;
	*ret_around = NULL;
	if (r.kind == REF_FRAGMENT) {
		*ret_resource = contained(focus->resource, str_slice(text, 1, text.n));
		*ret_around = focus->resource;
		return true;
	}
	const struct fhir_type *type = r.type.p ? definitions_resource(run->definitions, r.type) : NULL;
	bool local =
		r.kind == REF_RELATIVE || (r.kind == REF_ABSOLUTE && str_eq(r.base, run->op->call->server->o.base_url));
	return !local || !type || graphql_load(run, s, type, r.id, ret_resource);
}

/* Reference.resource(type:, optional:) */
static bool select_reference(struct graphql_run *run, const struct graphql_focus *focus,
			     const struct graphql_selection *s, struct graphql_object *out, bool list)
{
	const struct graphql_argument *wanted = graphql_argument(s->arguments, "type");
	const struct graphql_argument *optional = graphql_argument(s->arguments, "optional");
	const struct json *resource, *around;
	struct str type = STR_NULL, text = STR_NULL;
	if ((wanted && !graphql_text(run, s, &wanted->value, &type)) ||
	    (optional && !graphql_text(run, s, &optional->value, &text)) || !follow(run, focus, s, &resource, &around))
		return false;
	if (!s->selections)
		return graphql_fail(run, s, ERR_VALUE, "resource needs the fields that are wanted of it");
	if (!resource && !str_is(text, "true"))
		return graphql_fail(run, s, ERR_NOT_FOUND,
				    "A reference leads to nothing that is here; resource(optional: true) takes that");
	if (!resource || (type.n && !str_eq(type, json_get_str(resource, S("resourceType")))))
		return true;
	struct graphql_object *object = ARENA_NEW(run->arena, struct graphql_object);
	const struct graphql_focus inner = {.type = resource_type(run->definitions, resource, NULL),
					    .value = resource,
					    .resource = around ? around : resource,
					    .suffix = STR_NULL};
	if (!object)
		return error_memory(run->err);
	if (!inner.type)
		return true;
	return graphql_select(run, &inner, s->selections, object) &&
	       graphql_put(run, out, s->alias, list, &(struct graphql_out){.kind = OUT_OBJECT, .object = object});
}

/* ---- fields
 * ---------------------------------------------------------------------------------------------------------- */

static struct str key_of(struct graphql_run *run, struct str alias, struct str suffix)
{
	return suffix.n ? arena_printf(run->arena, "%.*s.%.*s", STR_ARG(alias), STR_ARG(suffix)) : alias;
}

/* One item: a value as it is, an object of its own, or fields that go into the object around. */
static bool put_item(struct items *items, const struct directives *d, const struct json *value, size_t index,
		     struct graphql_object *out)
{
	struct graphql_run *run = items->run;
	const struct graphql_selection *s = items->selection;
	struct str suffix = items->focus->suffix;
	bool list = (items->element->max > 1 && !d->first) || items->focus->lists;
	if (d->singleton)
		list = false;
	if (d->slice.p && !suffix_of(items, d->slice, value, index, &suffix))
		return false;
	if (!s->selections && items->type->kind != TYPE_PRIMITIVE)
		return graphql_fail(run, s, ERR_VALUE, "%.*s needs the fields that are wanted of it", STR_ARG(s->name));
	if (s->selections && items->type->kind == TYPE_PRIMITIVE)
		return graphql_fail(run, s, ERR_VALUE, "%.*s is a simple value and has no fields", STR_ARG(s->name));
	if (!s->selections)
		return graphql_put(run, out, key_of(run, s->alias, suffix), list,
				   &(struct graphql_out){.kind = OUT_JSON, .json = value});
	struct graphql_focus inner = {.type = items->type, .value = value, .resource = items->focus->resource};
	inner.suffix = d->flatten ? suffix : STR_NULL;
	inner.lists = d->flatten;
	if (items->type->kind == TYPE_RESOURCE) {
		inner.type = resource_type(run->definitions, value, NULL);
		inner.type = inner.type ? inner.type : items->type;
	}
	if (d->flatten)
		return graphql_select(run, &inner, s->selections, out);
	struct graphql_object *object = ARENA_NEW(run->arena, struct graphql_object);
	if (!object)
		return error_memory(run->err);
	return graphql_select(run, &inner, s->selections, object) &&
	       graphql_put(run, out, key_of(run, s->alias, suffix), list,
			   &(struct graphql_out){.kind = OUT_OBJECT, .object = object});
}

static bool put_items(struct items *items, const struct directives *d, const struct json *value,
		      struct graphql_object *out)
{
	struct json_iter it = json_iter(value);
	bool many = json_is(value, JSON_ARRAY);
	int64_t met = 0;
	size_t index = 0;
	while (many ? json_next(&it) : index == 0) {
		const struct json *one = many ? it.value : value;
		bool taken;
		if (json_is(one, JSON_NULL)) {
			index++;
			continue;
		}
		if (!passes(items, one, &taken))
			return false;
		if (taken && met++ >= items->offset) {
			if (items->count >= 0 && met > items->offset + items->count)
				return true;
			if (!put_item(items, d, one, index, out))
				return false;
			if (d->first)
				return true;
		}
		index++;
	}
	return true;
}

static bool select_element(struct graphql_run *run, const struct graphql_focus *focus,
			   const struct graphql_selection *s, const struct directives *d, struct graphql_object *out)
{
	const struct fhir_type *type;
	struct items items = {.run = run, .selection = s, .focus = focus, .count = -1};
	items.element = definitions_element(focus->type, s->name, &type);
	if (!items.element || items.element->choice == str_eq(items.element->name, s->name))
		return graphql_fail(run, s, ERR_UNKNOWN_PARAM, "%.*s has no field %.*s", STR_ARG(focus->type->name),
				    STR_ARG(str_slice(s->name, 0, 60)));
	items.type = type;
	if (!read_arguments(&items))
		return false;
	if (d->slice.p && !str_is(d->slice, "$index") && !(items.slice = compile(&items, d->slice)))
		return false;
	const struct json *value = json_get(focus->value, s->name);
	return !value || put_items(&items, d, value, out);
}

static bool select_field(struct graphql_run *run, const struct graphql_focus *focus, const struct graphql_selection *s,
			 const struct directives *d, struct graphql_object *out)
{
	bool known = false;
	bool reference = focus->type && str_is(focus->type->name, "Reference") && str_is(s->name, "resource");
	if (str_is(s->name, "__typename") || (str_is(s->name, "resourceType") && focus->type)) {
		struct str name = focus->type ? focus->type->name : S("Query");
		return graphql_put(run, out, key_of(run, s->alias, focus->suffix), focus->lists,
				   &(struct graphql_out){.kind = OUT_TEXT, .text = name});
	}
	if (reference)
		return select_reference(run, focus, s, out, focus->lists);
	if (!graphql_search_field(run, focus, s, out, &known))
		return false;
	if (known)
		return true;
	if (!focus->type)
		return graphql_fail(run, s, ERR_UNKNOWN_PARAM,
				    "There is no field %.*s here: Patient(id:), PatientList and PatientConnection are, "
				    "and those of other types",
				    STR_ARG(str_slice(s->name, 0, 60)));
	return select_element(run, focus, s, d, out);
}

/* ---- selections
 * ------------------------------------------------------------------------------------------------------ */

static bool type_applies(const struct graphql_run *run, const struct graphql_focus *focus, struct str name)
{
	const struct fhir_type *wanted = definitions_type(run->definitions, name);
	if (!name.p || !focus->type)
		return true;
	return wanted && path_type_derives(focus->type, wanted);
}

static bool select_fragment(struct graphql_run *run, const struct graphql_focus *focus,
			    const struct graphql_selection *s, struct graphql_object *out)
{
	struct str type = s->name;
	const struct graphql_selection *inner = s->selections;
	if (s->kind == GRAPHQL_SPREAD) {
		const struct graphql_fragment *f = run->document.fragments;
		while (f && !str_eq(f->name, s->name))
			f = f->next;
		if (!f)
			return graphql_fail(run, s, ERR_VALUE, "There is no fragment %.*s", STR_ARG(s->name));
		type = f->type;
		inner = f->selections;
	}
	return !type_applies(run, focus, type) || graphql_select(run, focus, inner, out);
}

bool graphql_select(struct graphql_run *run, const struct graphql_focus *focus,
		    const struct graphql_selection *selections, struct graphql_object *out)
{
	/* Fragments may use themselves, so depth is counted here as well. */
	if (run->depth == 2 * GRAPHQL_MAX_DEPTH)
		return graphql_fail(run, selections, ERR_LIMIT, "The query is nested more than %d levels deep",
				    2 * GRAPHQL_MAX_DEPTH);
	run->depth++;
	for (const struct graphql_selection *s = selections; s; s = s->next) {
		struct directives d;
		if (++run->fields > GRAPHQL_MAX_FIELDS)
			return graphql_fail(run, s, ERR_LIMIT, "The answer would have more than %d fields",
					    GRAPHQL_MAX_FIELDS);
		if (!read_directives(run, s, &d))
			return false;
		if (d.skipped)
			continue;
		if (!(s->kind == GRAPHQL_FIELD ? select_field(run, focus, s, &d, out)
					       : select_fragment(run, focus, s, out)))
			return false;
	}
	run->depth--;
	return true;
}

/* ---- writing
 * --------------------------------------------------------------------------------------------------------- */

static void write_value(struct json_writer *w, const struct graphql_out *value)
{
	switch (value->kind) {
	case OUT_JSON:
		json_put_value(w, value->json);
		break;
	case OUT_TEXT:
		json_put_str(w, value->text);
		break;
	case OUT_NUMBER:
		json_put_i64(w, value->number);
		break;
	case OUT_OBJECT:
		graphql_write(w, value->object);
		break;
	}
}

void graphql_write(struct json_writer *w, const struct graphql_object *object)
{
	json_object_begin(w);
	for (const struct graphql_out_field *f = object->first; f; f = f->next) {
		json_key(w, f->key);
		if (!f->list && !f->first) {
			json_put_raw(w, S("null"));
			continue;
		}
		if (f->list)
			json_array_begin(w);
		for (const struct graphql_out *v = f->first; v; v = v->next)
			write_value(w, v);
		if (f->list)
			json_array_end(w);
	}
	json_object_end(w);
}
