/*
 * The API as an OpenAPI 3.0 document, from the same tables that routes come from: interactions.def and operations.def.
 * It tells paths, methods, formats and that errors are OperationOutcomes. What resources look like is told by FHIR, and
 * which search parameters there are by the CapabilityStatement.
 */
#include "server/rest/operations/operations.h"

enum { MOST_PATHS = 256 };

/* One method of one path. */
struct endpoint {
	struct str path; /* "/{type}/{id}" */
	const char *method; /* "get" */
	struct str id, summary;
	bool body, form;
	unsigned needs;
};

struct endpoints {
	struct arena *a;
	struct endpoint list[MOST_PATHS];
	size_t count;
	bool full;
	bool guarded; /* tokens are needed */
};

static void add(struct endpoints *e, const struct endpoint *endpoint)
{
	if (e->count == MOST_PATHS || !endpoint->path.p || !endpoint->id.p || !endpoint->summary.p)
		e->full = true;
	else
		e->list[e->count++] = *endpoint;
}

static struct str lower(struct arena *a, const char *text)
{
	struct str copy = arena_str(a, str_from(text));
	for (size_t i = 0; copy.p && i < copy.n; i++)
		if (copy.p[i] >= 'A' && copy.p[i] <= 'Z')
			((char *)(uintptr_t)copy.p)[i] = (char)(copy.p[i] | 0x20);
	return copy;
}

/* ":type/:id" as "/{type}/{id}". */
static struct str template_of(struct arena *a, const char *path)
{
	struct str text = S("");
	for (struct str rest = str_from(path); rest.n;) {
		struct str segment = str_split(&rest, '/');
		bool variable = segment.n && segment.p[0] == ':';
		text = arena_printf(a, "%.*s/%s%.*s%s", STR_ARG(text), variable ? "{" : "",
				    STR_ARG(str_slice(segment, variable, segment.n)), variable ? "}" : "");
		if (!rest.p)
			break;
	}
	return text.n ? text : S("/");
}

static void add_interactions(struct endpoints *e, const struct rest_server *s)
{
	for (size_t i = REST_UNKNOWN + 1; i < REST_INTERACTION_COUNT; i++) {
		const struct interaction *row = rest_interaction((enum rest_interaction)i);
		bool job = i == REST_ASYNC_STATUS || i == REST_ASYNC_CANCEL || i == REST_ASYNC_NOTES;
		if (i == REST_OPERATION || (i == REST_IMPORT && !s->o.import) || (job && !s->o.jobs))
			continue;
		bool form = strstr(row->path, "_search") != NULL;
		bool body = strcmp(row->method, "PUT") == 0 || strcmp(row->method, "PATCH") == 0 ||
			    strcmp(row->method, "POST") == 0;
		add(e, &(struct endpoint){.path = template_of(e->a, row->path),
					  .method = lower(e->a, row->method).p,
					  .id = lower(e->a, row->name),
					  .summary = str_from(row->code),
					  .body = body,
					  .form = form,
					  .needs = row->permissions});
	}
}

static void add_operation(struct endpoints *e, const struct operation *o, struct str where, struct str name)
{
	struct str path = arena_printf(e->a, "%.*s/$%s", STR_ARG(where), o->name);
	struct str summary = arena_printf(e->a, "$%s", o->name);
	struct str id = arena_printf(e->a, "%s_%.*s", o->name, STR_ARG(name));
	if (!o->changes)
		add(e, &(struct endpoint){path, "get", arena_printf(e->a, "%.*s_get", STR_ARG(id)), summary, false,
					  false, o->permissions});
	add(e, &(struct endpoint){path, "post", id, summary, true, false, o->permissions});
}

static void add_operations(struct endpoints *e)
{
	for (size_t i = 0; i < operation_count(); i++) {
		const struct operation *o = operation_at(i);
		if (o->levels & AT_SYSTEM)
			add_operation(e, o, S(""), S("system"));
		for (struct str types = str_from(o->types); types.p;) {
			struct str type = str_split(&types, ' ');
			bool any = str_is(type, "*");
			struct str at = any ? S("/{type}") : arena_printf(e->a, "/%.*s", STR_ARG(type));
			struct str name = any ? S("any") : type;
			if (o->levels & AT_TYPE)
				add_operation(e, o, at, name);
			if (o->levels & AT_INSTANCE)
				add_operation(e, o, arena_printf(e->a, "%.*s/{id}", STR_ARG(at)),
					      arena_printf(e->a, "%.*s_instance", STR_ARG(name)));
		}
	}
}

static void put_parameters(struct json_writer *w, struct str path)
{
	json_key(w, S("parameters"));
	json_array_begin(w);
	for (struct str rest = path; rest.p;) {
		struct str segment = str_split(&rest, '/');
		if (!segment.n || segment.p[0] != '{')
			continue;
		struct str name = str_slice(segment, 1, segment.n - 1);
		bool type = str_is(name, "type") || str_is(name, "within");
		json_object_begin(w);
		json_put_member(w, S("name"), name);
		json_put_member(w, S("in"), S("path"));
		json_key(w, S("required"));
		json_put_bool(w, true);
		json_key(w, S("schema"));
		json_put_raw(w, type ? S("{\"$ref\":\"#/components/schemas/Type\"}")
				     : S("{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9\\\\-.]{1,64}$\"}"));
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_body(struct json_writer *w, const struct endpoint *e)
{
	json_key(w, S("requestBody"));
	if (e->form)
		json_put_raw(
			w,
			S("{\"content\":{\"application/x-www-form-urlencoded\":{\"schema\":{\"type\":\"object\"}}}}"));
	else if (strcmp(e->method, "patch") == 0)
		json_put_raw(
			w,
			S("{\"required\":true,\"content\":{\"application/json-patch+json\":{\"schema\":{\"type\":"
			  "\"array\",\"items\":{\"type\":\"object\"}}},\"application/fhir+json\":{\"schema\":{\"$ref\":"
			  "\"#/components/schemas/Resource\"}},\"application/fhir+xml\":{},"
			  "\"application/xml-patch+xml\":{}}}"));
	else if (str_is(e->id, "import"))
		json_put_raw(
			w,
			S("{\"required\":true,\"content\":{\"application/fhir+ndjson\":{},\"application/json\":{}}}"));
	else
		json_put_raw(w, S("{\"content\":{\"application/fhir+json\":{\"schema\":{\"$ref\":"
				  "\"#/components/schemas/Resource\"}},\"application/fhir+xml\":{}}}"));
}

static void put_endpoint(struct json_writer *w, const struct endpoints *all, const struct endpoint *e)
{
	json_key(w, str_from(e->method));
	json_object_begin(w);
	json_put_member(w, S("operationId"), e->id);
	json_put_member(w, S("summary"), e->summary);
	if (all->guarded)
		json_put_member(w, S("description"), rest_need_text(all->a, e->needs));
	if (all->guarded && e->needs == NEEDS_NOTHING) {
		json_key(w, S("security"));
		json_put_raw(w, S("[]"));
	}
	put_parameters(w, e->path);
	if (e->body)
		put_body(w, e);
	json_key(w, S("responses"));
	json_put_raw(w, S("{\"2XX\":{\"$ref\":\"#/components/responses/Answer\"},"
			  "\"default\":{\"$ref\":\"#/components/responses/Problem\"}}"));
	json_object_end(w);
}

static void put_paths(struct json_writer *w, const struct endpoints *e)
{
	json_key(w, S("paths"));
	json_object_begin(w);
	for (size_t i = 0; i < e->count; i++) {
		bool seen = false;
		for (size_t k = 0; k < i; k++)
			seen = seen || str_eq(e->list[k].path, e->list[i].path);
		if (seen)
			continue;
		json_key(w, e->list[i].path);
		json_object_begin(w);
		for (size_t k = i; k < e->count; k++)
			if (str_eq(e->list[k].path, e->list[i].path))
				put_endpoint(w, e, &e->list[k]);
		json_object_end(w);
	}
	json_object_end(w);
}

static void put_components(struct json_writer *w, const struct rest_server *s)
{
	const struct definitions *d = s->o.definitions;
	json_key(w, S("components"));
	json_object_begin(w);
	json_key(w, S("schemas"));
	json_object_begin(w);
	json_key(w, S("Resource"));
	json_put_raw(
		w, S("{\"type\":\"object\",\"required\":[\"resourceType\"],\"properties\":{\"resourceType\":{\"$ref\":"
		     "\"#/components/schemas/Type\"},\"id\":{\"type\":\"string\"}},\"additionalProperties\":true}"));
	json_key(w, S("Type"));
	json_object_begin(w);
	json_put_member(w, S("type"), S("string"));
	json_key(w, S("enum"));
	json_array_begin(w);
	for (size_t i = 0; i < definitions_resource_count(d); i++)
		json_put_str(w, definitions_resource_at(d, i)->name);
	json_array_end(w);
	json_object_end(w);
	json_object_end(w);
	json_key(w, S("responses"));
	json_put_raw(
		w, S("{\"Answer\":{\"description\":\"A resource, a Bundle, or nothing\",\"content\":{"
		     "\"application/fhir+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Resource\"}},"
		     "\"application/fhir+xml\":{}}},\"Problem\":{\"description\":\"An OperationOutcome\",\"content\":{"
		     "\"application/fhir+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Resource\"}},"
		     "\"application/fhir+xml\":{}}}}"));
	if (s->o.smart) {
		json_key(w, S("securitySchemes"));
		json_put_raw(w, S("{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"}}"));
	}
	json_object_end(w);
	if (s->o.smart) {
		json_key(w, S("security"));
		json_put_raw(w, S("[{\"token\":[]}]"));
	}
}

bool rest_openapi(const struct rest_server *s, struct arena *a, struct buf *out, struct error *err)
{
	struct endpoints *e = ARENA_NEW(a, struct endpoints);
	if (!e)
		return error_memory(err);
	e->a = a;
	e->guarded = s->o.smart != NULL;
	add_interactions(e, s);
	add_operations(e);
	if (e->full)
		return error_memory(err);
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("openapi"), S("3.0.3"));
	json_key(&w, S("info"));
	json_object_begin(&w);
	json_put_member(&w, S("title"), S("Firth FHIR R4 server"));
	json_put_member(&w, S("version"), S(FIRTH_VERSION));
	json_put_member(&w, S("description"),
			S("Search parameters, profiles and formats are told by the CapabilityStatement at /metadata."));
	json_object_end(&w);
	json_key(&w, S("servers"));
	json_array_begin(&w);
	json_object_begin(&w);
	json_put_member(&w, S("url"), s->o.base_url);
	json_object_end(&w);
	json_array_end(&w);
	put_paths(&w, e);
	put_components(&w, s);
	json_object_end(&w);
	return buf_ok(out) || error_memory(err);
}
