/*
 * The CapabilityStatement (http://hl7.org/fhir/R4/capabilitystatement.html), made from what really runs: the table
 * of interactions, the definitions, and which kinds of search parameters are searched. Nothing here is written by hand
 * that the code could contradict.
 */
#include <stdio.h>

#include "base/clock.h"
#include "server/rest/rest_priv.h"

static void put_coded(struct json_writer *w, struct str key, const char *const *codes, size_t count)
{
	json_key(w, key);
	json_array_begin(w);
	for (size_t i = 0; i < count; i++)
		json_put_str(w, str_from(codes[i]));
	json_array_end(w);
}

/* Interactions whose path starts with :type belong to each type; those of the system name none. */
static bool is_level(const struct interaction *row, bool type_level)
{
	if (type_level)
		return strncmp(row->path, ":type", 5) == 0;
	return row->path[0] == '\0' || strcmp(row->path, "_history") == 0 || strcmp(row->path, "_search") == 0;
}

/* A code may stand in several rows. */
static void put_interactions(struct json_writer *w, bool type_level, bool read_only)
{
	const char *seen[REST_INTERACTION_COUNT];
	size_t count = 0;
	json_key(w, S("interaction"));
	json_array_begin(w);
	for (size_t i = REST_UNKNOWN + 1; i < REST_INTERACTION_COUNT; i++) {
		const struct interaction *row = rest_interaction((enum rest_interaction)i);
		bool known = false;
		if (!is_level(row, type_level))
			continue;
		if (read_only && i != REST_READ && i != REST_SEARCH_TYPE)
			continue;
		for (size_t k = 0; k < count; k++)
			known = known || strcmp(seen[k], row->code) == 0;
		if (known)
			continue;
		seen[count++] = row->code;
		json_object_begin(w);
		json_put_member(w, S("code"), str_from(row->code));
		json_object_end(w);
	}
	/* One row serves both kinds of bundles. */
	if (!type_level)
		json_put_raw(w, S("{\"code\":\"batch\"}"));
	json_array_end(w);
}

static void put_search_param(struct json_writer *w, const struct search_param *p)
{
	json_object_begin(w);
	json_put_member(w, S("name"), p->code);
	json_put_member(w, S("definition"), p->url);
	json_put_member(w, S("type"), str_from(search_param_type_name(p->type)));
	if (p->expression.n)
		json_put_member(w, S("documentation"), p->expression);
	json_object_end(w);
}

/* Parts of composites have a $ in their code and cannot be asked for. */
static bool is_shown(const struct search_param *p)
{
	return search_param_supported(p) && str_find_char(p->code, '$', 0) == STR_NONE;
}

static void put_search_params(struct json_writer *w, const struct search_registry *r, const struct fhir_type *type)
{
	json_key(w, S("searchParam"));
	json_array_begin(w);
	for (size_t i = 0; i < search_registry_count(r, type); i++)
		if (is_shown(search_registry_at(r, type, i)))
			put_search_param(w, search_registry_at(r, type, i));
	json_array_end(w);
}

/* Those that every type has, so that a search of the whole system has them: their codes start with _. */
static void put_common_params(struct json_writer *w, const struct definitions *d)
{
	const struct fhir_type *type = definitions_resource(d, S("Basic"));
	json_key(w, S("searchParam"));
	json_array_begin(w);
	for (size_t i = 0; type && i < type->search_param_count; i++)
		if (type->search_params[i].code.p[0] == '_' && search_param_supported(&type->search_params[i]))
			put_search_param(w, &type->search_params[i]);
	/* Without a resource of their own in R4. */
	static const struct {
		const char *name, *documentation;
	} own[] = {{"_type", "A comma list of the types to search"},
		   {"_list", "Members of the List with this id"},
		   {"_has", "Reverse chains: _has:Observation:patient:code=1234-5"},
		   {"_filter", "Expressions of http://hl7.org/fhir/R4/search_filter.html"}};
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		json_object_begin(w);
		json_put_member(w, S("name"), str_from(own[i].name));
		json_put_member(w, S("type"), S("special"));
		json_put_member(w, S("documentation"), str_from(own[i].documentation));
		json_object_end(w);
	}
	json_array_end(w);
}

static bool points_to(const struct search_param *p, struct str type)
{
	if (p->type != PARAM_REFERENCE)
		return false;
	for (size_t i = 0; i < p->target_count; i++)
		if (str_eq(p->targets[i], type))
			return true;
	return false;
}

/* "Observation:subject" */
static void put_include(struct json_writer *w, struct str type, struct str code)
{
	json_put_raw(w, S("\""));
	buf_add(w->out, type);
	buf_char(w->out, ':');
	buf_add(w->out, code);
	buf_char(w->out, '"');
}

static void put_includes(struct json_writer *w, const struct definitions *d, const struct search_registry *r,
			 const struct fhir_type *type)
{
	bool open = false;
	for (size_t i = 0; i < search_registry_count(r, type); i++) {
		const struct search_param *param = search_registry_at(r, type, i);
		if (param->type != PARAM_REFERENCE || !is_shown(param))
			continue;
		if (!open) {
			json_key(w, S("searchInclude"));
			json_array_begin(w);
			open = true;
		}
		put_include(w, type->name, param->code);
	}
	if (open)
		json_array_end(w);
	open = false;
	for (size_t t = 0; t < definitions_resource_count(d); t++) {
		const struct fhir_type *other = definitions_resource_at(d, t);
		for (size_t i = 0; i < search_registry_count(r, other); i++) {
			const struct search_param *param = search_registry_at(r, other, i);
			if (!points_to(param, type->name) || !is_shown(param))
				continue;
			if (!open) {
				json_key(w, S("searchRevInclude"));
				json_array_begin(w);
				open = true;
			}
			put_include(w, other->name, param->code);
		}
	}
	if (open)
		json_array_end(w);
}

static void put_type(struct json_writer *w, const struct rest_server *s, const struct search_registry *r,
		     const struct fhir_type *type)
{
	const struct definitions *d = s->o.definitions;
	bool read_only = is_audit_event(type);
	json_object_begin(w);
	json_put_member(w, S("type"), type->name);
	put_interactions(w, true, read_only);
	if (!read_only) {
		json_put_member(w, S("versioning"), S("versioned-update"));
		json_key(w, S("readHistory"));
		json_put_bool(w, true);
		json_key(w, S("updateCreate"));
		json_put_bool(w, !s->o.no_update_create);
		json_key(w, S("conditionalCreate"));
		json_put_bool(w, true);
		json_put_member(w, S("conditionalRead"), S("full-support"));
		json_key(w, S("conditionalUpdate"));
		json_put_bool(w, true);
		json_put_member(w, S("conditionalDelete"), s->o.limits.deletes == 1 ? S("single") : S("multiple"));
		json_key(w, S("referencePolicy"));
		json_put_raw(w, S("[\"literal\",\"local\"]"));
		put_includes(w, d, r, type);
		put_search_params(w, r, type);
		if (!s->o.face)
			operation_put_capability(w, type);
	}
	json_object_end(w);
}

/* Of the definitions: the server searches all of them. */
static void put_compartments(struct json_writer *w, const struct definitions *d)
{
	json_key(w, S("compartment"));
	json_array_begin(w);
	for (size_t i = 0; i < definitions_resource_count(d); i++) {
		const struct fhir_type *type = definitions_resource_at(d, i);
		char url[96];
		if (!definitions_compartment(d, type))
			continue;
		int n = snprintf(url, sizeof(url), "http://hl7.org/fhir/CompartmentDefinition/%.*s",
				 STR_ARG(type->name));
		for (int k = n - (int)type->name.n; k < n; k++)
			url[k] = (char)(url[k] | 0x20);
		json_put_str(w, str_make(url, (size_t)n));
	}
	json_array_end(w);
}

/* Where tokens come from, for apps that do not look at smart-configuration yet (SMART App Launch 1.0). */
static void put_oauth_uris(struct json_writer *w, const struct rest_server *s)
{
	struct str uris = smart_oauth_uris(s->o.smart);
	if (!uris.p)
		return;
	json_key(w, S("extension"));
	json_put_raw(w, uris);
}

static void put_security(struct json_writer *w, const struct rest_server *s)
{
	json_key(w, S("security"));
	json_object_begin(w);
	if (s->o.smart)
		put_oauth_uris(w, s);
	json_key(w, S("cors"));
	json_put_bool(w, true);
	if (s->o.smart) {
		json_key(w, S("service"));
		json_put_raw(w, S("[{\"coding\":[{\"system\":"
				  "\"http://terminology.hl7.org/CodeSystem/restful-security-service\","
				  "\"code\":\"SMART-on-FHIR\",\"display\":\"SMART-on-FHIR\"}]}]"));
		json_put_member(
			w, S("description"),
			S("A token sees and changes what its scopes, the patient it is about, the policy of this "
			  "site and Consents allow; the rest is answered like what does not exist. A type needs the "
			  "permissions c, r, u, d and s for create, read and its history, update and patch, delete, "
			  "and "
			  "search and history of the type; /openapi.json tells what each path needs."));
	}
	json_object_end(w);
}

static void put_head(struct json_writer *w, const struct rest_server *s)
{
	char instant[CLOCK_INSTANT_SIZE];
	clock_format_instant(s->started_ms, instant);
	json_put_member(w, S("resourceType"), S("CapabilityStatement"));
	json_put_member(w, S("name"), S("Firth"));
	json_put_member(w, S("title"), S("Firth FHIR server"));
	json_put_member(w, S("status"), S("active"));
	json_put_member(w, S("date"), str_make(instant, sizeof(instant)));
	json_put_member(w, S("kind"), S("instance"));
	json_key(w, S("software"));
	json_object_begin(w);
	json_put_member(w, S("name"), S("Firth"));
	json_put_member(w, S("version"), S(FIRTH_VERSION));
	json_object_end(w);
	json_key(w, S("implementation"));
	json_object_begin(w);
	json_put_member(w, S("description"), S("Firth FHIR R4 server"));
	json_put_member(w, S("url"), s->o.base_url);
	json_object_end(w);
	if (s->o.export && s->o.jobs) {
		json_key(w, S("instantiates"));
		json_put_raw(w, S("[\"http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data\"]"));
	}
	json_put_member(w, S("fhirVersion"), S("4.0.1"));
	static const char *const formats[] = {"application/fhir+json", "json", "application/fhir+xml", "xml"};
	static const char *const patches[] = {"application/json-patch+json", "application/fhir+json",
					      "application/fhir+xml", "application/xml-patch+xml"};
	put_coded(w, S("format"), formats, sizeof(formats) / sizeof(formats[0]));
	put_coded(w, S("patchFormat"), patches, sizeof(patches) / sizeof(patches[0]));
}

static void put_statement(struct buf *out, const struct rest_server *s, const struct search_registry *r)
{
	const struct definitions *d = s->o.definitions;
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	put_head(&w, s);
	json_key(&w, S("rest"));
	json_array_begin(&w);
	json_object_begin(&w);
	json_put_member(&w, S("mode"), S("server"));
	put_security(&w, s);
	json_key(&w, S("resource"));
	json_array_begin(&w);
	for (size_t i = 0; i < definitions_resource_count(d); i++)
		put_type(&w, s, r, definitions_resource_at(d, i));
	json_array_end(&w);
	put_interactions(&w, false, false);
	put_common_params(&w, d);
	put_compartments(&w, d);
	if (!s->o.face)
		operation_put_capability(&w, NULL);
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
}

bool capability_open(struct rest_server *s, struct error *err)
{
	struct buf out;
	buf_init(&out, (size_t)16 << 20);
	put_statement(&out, s, NULL);
	s->capability = buf_ok(&out) ? arena_str(&s->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return s->capability.p || error_memory(err);
}

/* The registry of a server without parameters of its own holds none either. */
static bool adds_any(const struct definitions *d, const struct search_registry *r)
{
	for (size_t i = 0; r && i < definitions_resource_count(d); i++) {
		const struct fhir_type *type = definitions_resource_at(d, i);
		if (search_registry_count(r, type) > type->search_param_count)
			return true;
	}
	return false;
}

bool capability_answer(struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	const struct rest_face *face = call->server->o.face;
	(void)err;
	if (face && face->capability && !face->capability(face->ctx, call, answer))
		return true;
	const struct search_registry *r = call->parameters ? call->parameters->registry : NULL;
	if (!answer->body.n && adds_any(call->server->o.definitions, r))
		put_statement(&answer->body, call->server, r);
	else if (!answer->body.n)
		buf_add(&answer->body, call->server->capability);
	return true;
}
