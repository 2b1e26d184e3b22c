/* What an $export is asked for: its parameters, read and checked before a job is made of it. */
#include "base/encode.h"
#include "server/rest/operations/export.h"

enum { MAX_MEMBERS = 100000, MAX_FILTERS = 200, MAX_ELEMENTS = 100 };

/* What is in nobody's compartment but helps to understand what is, in an order in which most references lead onwards.
 */
static const char *const context_types[] = {"PractitionerRole", "HealthcareService", "Practitioner", "Medication",
					    "Substance",	"Location",	     "Organization"};

struct export_type *export_find_type(const struct rest_export *e, struct str name)
{
	for (size_t i = 0; i < e->type_count; i++)
		if (str_eq(e->types[i].type->name, name))
			return &e->types[i];
	return NULL;
}

/* ---- types ------------------------------------------------------------------------------------------------------ */

static bool is_context(const struct fhir_type *type)
{
	for (size_t i = 0; i < sizeof(context_types) / sizeof(context_types[0]); i++)
		if (str_is(type->name, context_types[i]))
			return true;
	return false;
}

/* False: the type is no part of an export of this level. */
static bool reach_of(const struct rest_export *e, const struct fhir_type *type, enum export_reach *ret_reach)
{
	const struct definitions *d = e->call->server->o.definitions;
	const struct fhir_type *patient = definitions_resource(d, S("Patient"));
	*ret_reach = EXPORT_WHOLE;
	if (is_audit_event(type))
		return false;
	if (e->level == EXPORT_SYSTEM)
		return true;
	*ret_reach = EXPORT_ITSELF;
	if (str_is(type->name, "Group"))
		return e->level == EXPORT_GROUP;
	*ret_reach = EXPORT_MEMBERS;
	if (type == patient || compartment_member(definitions_compartment(d, patient), type))
		return true;
	*ret_reach = e->level == EXPORT_PATIENTS && !e->subset ? EXPORT_WHOLE : EXPORT_CONTEXT;
	return is_context(type);
}

static bool add_type(struct rest_export *e, const struct fhir_type *type, enum export_reach reach, bool named,
		     struct error *err)
{
	if (export_find_type(e, type->name))
		return true;
	struct export_type *types = arena_grow(e->call->arena, e->types, e->type_count, &e->type_capacity,
					       e->type_count + 1, sizeof(*types));
	if (!types)
		return error_memory(err);
	e->types = types;
	types[e->type_count] = (struct export_type){.type = type, .reach = reach, .named = named};
	map_init(&types[e->type_count++].met, (size_t)1 << 20);
	return true;
}

static bool add_named(struct rest_export *e, struct str name, struct error *err)
{
	enum export_reach reach;
	const struct fhir_type *type = definitions_resource(e->call->server->o.definitions, name);
	if (!type || !reach_of(e, type, &reach)) {
		if (e->call->lenient)
			return true;
		return type ? error_set(err, ERR_VALUE, "_type: a %.*s is no part of an export of %s",
					STR_ARG(type->name), e->level == EXPORT_SYSTEM ? "this server" : "patients")
			    : error_set(err, ERR_VALUE, "_type: %.*s is not a resource type of FHIR R4",
					STR_ARG(str_slice(name, 0, 60)));
	}
	return call_allowed(e->call, type, SCOPE_R | SCOPE_S, err) && add_type(e, type, reach, true, err);
}

/* Without _type everything that the token may read. */
static bool add_all(struct rest_export *e, struct error *err)
{
	const struct definitions *d = e->call->server->o.definitions;
	const struct rest_face *face = e->call->server->o.face;
	enum export_reach reach;
	for (size_t i = 0; i < definitions_resource_count(d); i++) {
		const struct fhir_type *type = definitions_resource_at(d, i);
		bool shown = !face || !face->exports || face->exports(face->ctx, type);
		if (shown && reach_of(e, type, &reach) && call_allowed(e->call, type, SCOPE_R | SCOPE_S, NULL) &&
		    !add_type(e, type, reach, false, err))
			return false;
	}
	if (e->type_count)
		return true;
	return decision_refuse(e->call->decision, CHECK_SCOPE, REFUSAL_SCOPE_MISSING, e->call->grant.scope_text,
			       S("system/*.rs"), S("The token may read no type of resources that is exported here"),
			       err);
}

static bool plan_types(struct rest_export *e, const struct operation_call *op, struct error *err)
{
	const struct operation_input *input;
	size_t at = 0;
	while ((input = operation_next(op, "_type", &at)))
		for (struct str rest = input->text; rest.p;)
			if (!add_named(e, str_trim(str_split(&rest, ',')), err))
				return false;
	at = 0;
	if (e->type_count)
		return true;
	if (operation_next(op, "_type", &at))
		return error_set(err, ERR_VALUE, "_type: nothing is left of the types that are asked for");
	return add_all(e, err);
}

/* ---- _typeFilter --------------------------------------------------------------------------------------------------
 */

static bool check_filter(struct str query, struct error *err)
{
	while (query.p) {
		struct str pair = str_split(&query, '&'), name = str_split(&pair, '=');
		if (search_is_control(str_slice(name, 0, str_find_char(name, ':', 0))))
			return error_set(err, ERR_NOT_SUPPORTED,
					 "_typeFilter: %.*s does not say which resources are meant",
					 STR_ARG(str_slice(name, 0, 40)));
	}
	return true;
}

static bool add_filter(struct rest_export *e, struct str text, struct error *err)
{
	struct str query = text, name = str_split(&query, '?');
	struct export_type *t = export_find_type(e, name);
	struct search_options options = call_search_options(e->call);
	struct search_query parsed = {0};
	if (!definitions_resource(e->call->server->o.definitions, name) || !query.n)
		return error_set(err, ERR_VALUE,
				 "_typeFilter must be a search such as Observation?category=laboratory");
	if (!t)
		return e->call->lenient ||
		       error_set(err, ERR_VALUE, "_typeFilter: %.*s is not among the types of this export",
				 STR_ARG(name));
	if (!check_filter(query, err) ||
	    !search_parse(e->call->server->o.definitions, e->call->arena, t->type, query, &options, &parsed, err) ||
	    !rights_to_query(e->call, &parsed, true, err))
		return err->code ? error_context(err, "_typeFilter") : false;
	if (t->filter_count == MAX_FILTERS)
		return error_set(err, ERR_LIMIT, "There are more than %d _typeFilter for a type", MAX_FILTERS);
	struct criterion *all = ARENA_ARRAY(e->call->arena, struct criterion, t->filter_count + 1);
	if (!all)
		return error_memory(err);
	if (t->filter_count)
		memcpy(all, t->filters, t->filter_count * sizeof(*all));
	all[t->filter_count++] = (struct criterion){.kind = CRITERION_AND,
						    .children = parsed.parts[0].criteria,
						    .child_count = parsed.parts[0].criterion_count};
	t->filters = all;
	return true;
}

/* Where the next search of a comma list starts: a comma and "Type?". Commas within searches are followed by neither. */
static size_t next_filter(const struct rest_export *e, struct str text)
{
	for (size_t comma = str_find_char(text, ',', 0); comma != STR_NONE;
	     comma = str_find_char(text, ',', comma + 1)) {
		size_t mark = str_find_char(text, '?', comma);
		struct str name = mark == STR_NONE ? STR_NULL : str_slice(text, comma + 1, mark);
		if (name.n && definitions_resource(e->call->server->o.definitions, name))
			return comma;
	}
	return STR_NONE;
}

static bool plan_filters(struct rest_export *e, const struct operation_call *op, struct error *err)
{
	const struct operation_input *input;
	size_t at = 0;
	while ((input = operation_next(op, "_typeFilter", &at))) {
		struct str rest = input->text;
		while (rest.n) {
			size_t end = next_filter(e, rest);
			if (!add_filter(e, str_slice(rest, 0, end), err))
				return false;
			rest = end == STR_NONE ? S("") : str_slice(rest, end + 1, rest.n);
		}
	}
	return true;
}

/* ---- _elements ----------------------------------------------------------------------------------------------------
 */

static bool add_element(struct rest_export *e, struct export_type *t, struct str name, struct error *err)
{
	struct rest_view *view = (struct rest_view *)(uintptr_t)t->view;
	if (!view) {
		view = ARENA_NEW(e->call->arena, struct rest_view);
		struct str *names = ARENA_ARRAY(e->call->arena, struct str, MAX_ELEMENTS);
		if (!view || !names)
			return error_memory(err);
		view->elements = names;
		t->view = view;
	}
	if (view->element_count == MAX_ELEMENTS)
		return error_set(err, ERR_LIMIT, "_elements may name %d elements at most", MAX_ELEMENTS);
	((struct str *)(uintptr_t)view->elements)[view->element_count++] = name;
	return true;
}

/* "name" of all types, or "Patient.name" of one. */
static bool plan_elements(struct rest_export *e, const struct operation_call *op, struct error *err)
{
	const struct operation_input *input;
	size_t at = 0;
	while ((input = operation_next(op, "_elements", &at)))
		for (struct str rest = input->text; rest.p;) {
			struct str name = str_trim(str_split(&rest, ',')), element = name;
			struct str type = str_split(&element, '.');
			if (element.p && str_find_char(element, '.', 0) != STR_NONE)
				return error_set(err, ERR_VALUE,
						 "_elements: only elements at the root of a resource "
						 "can be named");
			for (size_t i = 0; i < e->type_count; i++)
				if ((!element.p || str_eq(e->types[i].type->name, type)) &&
				    !add_element(e, &e->types[i], element.p ? element : name, err))
					return false;
		}
	return true;
}

/* ---- patients -----------------------------------------------------------------------------------------------------
 */

static bool add_patient(struct rest_export *e, struct str id, struct error *err)
{
	bool fresh;
	if (e->patient_count == MAX_MEMBERS)
		return error_set(err, ERR_TOO_COSTLY, "There are more than %d patients", MAX_MEMBERS);
	if (!map_put(&e->members, id, &fresh))
		return error_memory(err);
	if (!fresh)
		return true;
	struct str *all = arena_grow(e->call->arena, e->patients, e->patient_count, &e->patient_capacity,
				     e->patient_count + 1, sizeof(*all));
	if (!all)
		return error_memory(err);
	e->patients = all;
	all[e->patient_count++] = id;
	return true;
}

static struct str patient_id(const struct rest_export *e, struct str text)
{
	struct reference r = reference_parse(e->call->server->o.definitions, text);
	bool ours = r.kind == REF_RELATIVE || (r.kind == REF_ABSOLUTE && str_eq(r.base, e->call->server->o.base_url));
	return ours && str_is(r.type, "Patient") && r.id.n ? r.id : STR_NULL;
}

static bool read_group(struct rest_export *e, struct error *err)
{
	const struct rest_options *o = &e->call->server->o;
	struct store_entry entry;
	/* Vendors look at the types of the data alone. */
	bool found = o->face ? store_read(o->store, e->call->arena, e->call->type, e->call->id, 0, &entry, err)
			     : call_find(e->call, e->call->arena, e->call->type, e->call->id, 0, &entry, err);
	const struct json *group = found ? json_parse(e->call->arena, entry.body, 0, err) : NULL;
	if (!group)
		return false;
	struct json_iter it = json_iter(json_get(group, S("member")));
	while (json_next(&it)) {
		struct str id = patient_id(e, json_get_str(json_get(it.value, S("entity")), S("reference")));
		if (id.p && !json_bool(json_get(it.value, S("inactive"))) && !add_patient(e, id, err))
			return false;
	}
	return true;
}

/* Of a Group only its members can be asked for. */
static bool choose_member(struct rest_export *e, struct str id, struct error *err)
{
	uint64_t *chosen = map_get(&e->members, id);
	if (!chosen)
		return e->call->lenient || error_set(err, ERR_VALUE, "patient: this is not a member of the Group");
	if (!*chosen)
		e->patients[e->chosen++] = id; /* no more than there are */
	*chosen = 1;
	return true;
}

static bool plan_patients(struct rest_export *e, const struct operation_call *op, struct error *err)
{
	const struct operation_input *input;
	size_t at = 0;
	map_init(&e->members, MAX_MEMBERS + 1);
	if (e->level == EXPORT_GROUP && !read_group(e, err))
		return false;
	while ((input = operation_next(op, "patient", &at))) {
		struct str id = patient_id(e, json_get_str(input->value, S("reference")));
		if (!id.p)
			return error_set(err, ERR_VALUE, "patient must be a reference to a Patient of this server");
		if (!(e->level == EXPORT_GROUP ? choose_member(e, id, err) : add_patient(e, id, err)))
			return false;
		e->subset = true;
	}
	if (e->level == EXPORT_GROUP && e->subset)
		e->patient_count = e->chosen;
	return true;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------
 */

static bool plan_times(struct rest_export *e, const struct operation_call *op, struct error *err)
{
	int64_t ignored;
	e->since = operation_text(op, "_since");
	e->until = operation_text(op, "_until");
	if (e->since.p && !date_range(e->since, &e->since_ms, &ignored))
		return error_set(err, ERR_VALUE, "_since must be an instant");
	if (e->until.p && !date_range(e->until, &ignored, &e->until_ms))
		return error_set(err, ERR_VALUE, "_until must be an instant");
	return true;
}

static bool check_format(const struct operation_call *op, struct error *err)
{
	struct str format = operation_text(op, "_outputFormat");
	return !format.p || str_is(format, "ndjson") || rest_is_ndjson(format) || op->call->lenient ||
	       error_set(err, ERR_NOT_SUPPORTED,
			 "_outputFormat must be application/fhir+ndjson, application/ndjson or ndjson");
}

static bool keep_request(struct rest_export *e, struct error *err)
{
	const struct rest_call *call = e->call;
	struct str base = call->server->o.base_url, path = call->request->path;
	struct str below = str_slice(path, call->server->o.base_path.n, path.n);
	e->request = arena_printf(call->arena, "%.*s%.*s%s%.*s", STR_ARG(base), STR_ARG(below),
				  call->request->query.n ? "?" : "", STR_ARG(call->request->query));
	return e->request.p || error_memory(err);
}

bool export_plan(struct rest_export *e, struct error *err)
{
	struct operation_call op = {.call = e->call,
				    .operation = e->call->operation,
				    .arena = e->call->arena,
				    .level = e->level == EXPORT_SYSTEM	   ? AT_SYSTEM
					     : e->level == EXPORT_PATIENTS ? AT_TYPE
									   : AT_INSTANCE,
				    .body = e->call->request->body};
	return operation_read_inputs(&op, err) && keep_request(e, err) && check_format(&op, err) &&
	       plan_times(e, &op, err) && plan_patients(e, &op, err) && plan_types(e, &op, err) &&
	       plan_filters(e, &op, err) && plan_elements(e, &op, err);
}
