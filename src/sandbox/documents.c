/*
 * CapabilityStatement and smart-configuration in the vendors' shapes. Both come from the tables that also decide what
 * is answered, so they cannot promise anything else.
 */
#include "base/clock.h"
#include "sandbox/epic_priv.h"
#include "sandbox/faults_priv.h"

#define DOCUMENT_MAX ((size_t)4 << 20)

static void put_bool(struct json_writer *w, const char *key, bool value)
{
	json_key(w, str_from(key));
	json_put_bool(w, value);
}

static void put_list(struct json_writer *w, const char *key, const char *words)
{
	struct str rest = str_from(words);
	json_key(w, str_from(key));
	json_array_begin(w);
	while (rest.p)
		json_put_str(w, str_split(&rest, ' '));
	json_array_end(w);
}

/* ---- CapabilityStatement ---------------------------------------------------------------------------------------- */

static const struct {
	char letter;
	const char *code;
} interactions[] = {{'c', "create"}, {'r', "read"},  {'s', "search-type"},
		    {'u', "update"}, {'p', "patch"}, {'d', "delete"}};

static void put_interactions(struct json_writer *w, const struct sandbox *s, struct str type)
{
	json_key(w, S("interaction"));
	json_array_begin(w);
	for (size_t i = 0; i < sizeof(interactions) / sizeof(*interactions); i++) {
		if (!face_may(s, type, interactions[i].letter))
			continue;
		json_object_begin(w);
		json_put_member(w, S("code"), str_from(interactions[i].code));
		json_object_end(w);
	}
	json_array_end(w);
}

static const char *param_type(const struct sandbox *s, struct str type, struct str name)
{
	const struct fhir_type *resource = definitions_resource(s->o.definitions, type);
	const struct search_param *p = resource ? definitions_search_param(resource, name) : NULL;
	if (p)
		return search_param_type_name(p->type);
	return str_is(name, "_count") ? "number" : "token";
}

static void put_param(struct json_writer *w, const struct sandbox *s, struct str type, struct str name,
		      const char *documentation)
{
	const struct fhir_type *resource = definitions_resource(s->o.definitions, type);
	const struct search_param *known = resource ? definitions_search_param(resource, name) : NULL;
	json_object_begin(w);
	json_put_member(w, S("name"), name);
	if (s->o.vendor == EHR_CERNER && known)
		json_put_member(w, S("definition"), known->url);
	json_put_member(w, S("type"), str_from(param_type(s, type, name)));
	if (documentation)
		json_put_member(w, S("documentation"), str_from(documentation));
	json_object_end(w);
}

/* Epic documents what it looks up by itself, and lists what it looks at afterwards without a word. */
static void put_filters(struct json_writer *w, const struct sandbox *s, const struct face_type *t, struct str type)
{
	const struct fhir_type *resource = definitions_resource(s->o.definitions, type);
	for (size_t i = 0; resource && i < resource->search_param_count; i++) {
		struct str name = resource->search_params[i].code;
		if (name.p[0] != '_' && epic_is_filter(s, resource, t, name))
			put_param(w, s, type, name, NULL);
	}
}

static void put_params(struct json_writer *w, const struct sandbox *s, const struct face_type *t, struct str type)
{
	bool epic = s->o.vendor == EHR_EPIC;
	struct str rest = str_from(t->params);
	if (!face_may(s, type, 's'))
		return;
	json_key(w, S("searchParam"));
	json_array_begin(w);
	while (rest.p) {
		struct str name = str_split(&rest, ' ');
		if (!name.n || str_is(name, "_revinclude") || str_is(name, "_include"))
			continue;
		put_param(w, s, type, name,
			  str_is(name, "_count") ? "Number of results per page."
			  : str_is(name, "_id")	 ? "Ids of the resources."
						 : "Restricts what is found.");
	}
	if (epic)
		put_filters(w, s, t, type);
	json_array_end(w);
}

static void put_includes(struct json_writer *w, const struct sandbox *s, const struct face_type *t)
{
	if (s->o.vendor == EHR_EPIC)
		put_list(w, "searchInclude", "*");
	if (s->o.vendor == EHR_EPIC || face_listed(t->params, S("_revinclude")))
		put_list(w, "searchRevInclude", "Provenance:target");
}

static void put_type(struct json_writer *w, const struct sandbox *s, const struct face_type *t, struct str name)
{
	json_object_begin(w);
	json_put_member(w, S("type"), name);
	put_interactions(w, s, name);
	if (s->o.vendor == EHR_EPIC) {
		put_bool(w, "readHistory", false);
		put_bool(w, "updateCreate", false);
		put_bool(w, "conditionalCreate", false);
		json_put_member(w, S("conditionalRead"), S("not-supported"));
		put_bool(w, "conditionalUpdate", false);
		json_put_member(w, S("conditionalDelete"), S("not-supported"));
	} else if (face_may(s, name, 'u')) {
		put_bool(w, "updateCreate", false);
	}
	if (face_may(s, name, 's'))
		put_includes(w, s, t);
	put_params(w, s, t, name);
	json_object_end(w);
}

static void put_types(struct json_writer *w, const struct sandbox *s)
{
	json_key(w, S("resource"));
	json_array_begin(w);
	for (const struct face_type *t = s->vendor->types; t->name; t++)
		put_type(w, s, t, str_from(t->name));
	for (size_t i = 0; i < s->o.allow_write_count; i++) {
		const struct face_type *t = face_type(s, s->o.allow_write[i]);
		if (t == &s->vendor->opened)
			put_type(w, s, t, s->o.allow_write[i]);
	}
	json_array_end(w);
}

static void put_uri(struct json_writer *w, const char *url, struct str value)
{
	json_object_begin(w);
	json_put_member(w, S("valueUri"), value);
	json_put_member(w, S("url"), str_from(url));
	json_object_end(w);
}

static void put_security(struct json_writer *w, struct sandbox *s)
{
	json_key(w, S("security"));
	json_object_begin(w);
	json_key(w, S("extension"));
	json_array_begin(w);
	json_object_begin(w);
	json_key(w, S("extension"));
	json_array_begin(w);
	put_uri(w, "authorize",
		arena_printf(&s->arena, "%.*s%s", STR_ARG(s->o.base_url), s->vendor->authorize_paths[0]));
	put_uri(w, "token", s->token_url);
	json_array_end(w);
	json_put_member(w, S("url"), S("http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"));
	json_object_end(w);
	json_array_end(w);
	put_bool(w, "cors", true);
	json_key(w, S("service"));
	json_put_raw(w,
		     S("[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/restful-security-service\","
		       "\"code\":\"SMART-on-FHIR\",\"display\":\"SMART-on-FHIR\"}],\"text\":\"SMART-on-FHIR\"}]"));
	json_object_end(w);
}

/* "2026-05" is "May 2026", released in the first days of the month. */
static void put_epic_software(struct json_writer *w, const struct sandbox *s)
{
	static const char *const months[] = {"January", "February", "March",	 "April",   "May",	"June",
					     "July",	"August",   "September", "October", "November", "December"};
	struct str release = s->behaviours[BEHAVIOUR_RELEASE];
	uint64_t month = 5;
	char version[32], day[16];
	struct buf name = {.p = version, .cap = sizeof(version), .max = sizeof(version)};
	struct buf date = {.p = day, .cap = sizeof(day), .max = sizeof(day)};
	if (!str_to_u64(str_slice(release, 5, 7), &month) || month < 1 || month > 12)
		month = 5;
	buf_printf(&name, "%s %.*s", months[month - 1], STR_ARG(str_slice(release, 0, 4)));
	buf_printf(&date, "%.*s-04", STR_ARG(release));
	json_key(w, S("software"));
	json_object_begin(w);
	json_put_member(w, S("name"), S("Epic"));
	json_put_member(w, S("version"), buf_str(&name));
	json_put_member(w, S("releaseDate"), buf_str(&date));
	json_object_end(w);
}

static void put_epic_head(struct json_writer *w, const struct sandbox *s, struct str today)
{
	json_put_member(w, S("status"), S("active"));
	put_bool(w, "experimental", true);
	json_put_member(w, S("date"), arena_printf(&((struct sandbox *)(uintptr_t)s)->arena, "%.19sZ", today.p));
	json_put_member(w, S("kind"), S("instance"));
	put_list(w, "instantiates",
		 "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data "
		 "http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server|6.1.0");
	put_epic_software(w, s);
}

static void put_cerner_head(struct json_writer *w, const struct sandbox *s, struct str today)
{
	json_put_member(w, S("url"),
			arena_printf(&((struct sandbox *)(uintptr_t)s)->arena, "%.*s/metadata", STR_ARG(s->fhir_base)));
	json_put_member(w, S("name"), S("OracleHealthCapabilityStatement"));
	json_put_member(w, S("title"), S("Capability Statement of an EHR sandbox with the face of Oracle Health"));
	json_put_member(w, S("status"), S("active"));
	json_put_member(w, S("date"), str_slice(today, 0, 10));
	json_put_member(w, S("publisher"), S("Oracle Health"));
	json_put_member(w, S("description"), S("EHR sandbox for tests; not the vendor's product"));
	json_put_member(w, S("kind"), S("instance"));
	put_list(w, "instantiates",
		 "http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server "
		 "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data");
}

static void write_capability(struct sandbox *s, struct buf *out)
{
	bool epic = s->o.vendor == EHR_EPIC;
	char now[CLOCK_INSTANT_SIZE];
	clock_format_instant(clock_now_ms(), now);
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("CapabilityStatement"));
	(epic ? put_epic_head : put_cerner_head)(&w, s, str_make(now, CLOCK_INSTANT_SIZE));
	json_key(&w, S("implementation"));
	json_object_begin(&w);
	json_put_member(&w, S("description"), S("EHR sandbox for tests; not the vendor's product"));
	json_put_member(&w, S("url"), s->fhir_base);
	json_object_end(&w);
	json_put_member(&w, S("fhirVersion"), S("4.0.1"));
	put_list(&w, "format", epic ? "xml json" : "json application/fhir+json");
	if (!epic)
		put_list(&w, "patchFormat", "application/json-patch+json");
	json_key(&w, S("rest"));
	json_array_begin(&w);
	json_object_begin(&w);
	json_put_member(&w, S("mode"), S("server"));
	put_security(&w, s);
	put_types(&w, s);
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
}

/* ---- smart-configuration ---------------------------------------------------------------------------------------- */

/* Cerner lists every scope one by one, Epic only those that belong to no resource. */
static void put_scopes(struct json_writer *w, struct sandbox *s)
{
	json_key(w, S("scopes_supported"));
	json_array_begin(w);
	if (s->o.vendor == EHR_EPIC) {
		json_put_str(w, S("openid"));
		json_put_str(w, S("fhirUser"));
	}
	for (const struct face_type *t = s->vendor->types; t->name && s->o.vendor == EHR_CERNER; t++) {
		bool update = strpbrk(t->interactions, "up") || face_opened(s, str_from(t->name));
		bool create = strchr(t->interactions, 'c') || face_opened(s, str_from(t->name));
		json_put_str(w, arena_printf(&s->arena, "system/%s.%sr%s%ss", t->name, create ? "c" : "",
					     update ? "u" : "", strchr(t->interactions, 'd') ? "d" : ""));
		json_put_str(w, arena_printf(&s->arena, "system/%s.read", t->name));
		if (create || update)
			json_put_str(w, arena_printf(&s->arena, "system/%s.write", t->name));
	}
	for (size_t i = 0; i < s->o.allow_write_count && s->o.vendor == EHR_CERNER; i++) {
		if (face_type(s, s->o.allow_write[i]) != &s->vendor->opened)
			continue;
		static const char *const forms[] = {"crus", "read", "write"};
		for (size_t k = 0; k < 3; k++)
			json_put_str(w,
				     arena_printf(&s->arena, "system/%.*s.%s", STR_ARG(s->o.allow_write[i]), forms[k]));
	}
	json_array_end(w);
}

static void put_endpoint(struct json_writer *w, struct sandbox *s, const char *member, const char *path)
{
	json_put_member(w, str_from(member), arena_printf(&s->arena, "%.*s%s", STR_ARG(s->o.base_url), path));
}

static void write_smart_configuration(struct sandbox *s, struct buf *out)
{
	bool epic = s->o.vendor == EHR_EPIC;
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("issuer"), s->issuer);
	put_endpoint(&w, s, "authorization_endpoint", s->vendor->authorize_paths[0]);
	put_endpoint(&w, s, "jwks_uri", "/auth/jwks");
	json_put_member(&w, S("token_endpoint"), s->token_url);
	put_list(&w, "token_endpoint_auth_methods_supported", "client_secret_post client_secret_basic private_key_jwt");
	if (!epic)
		put_list(&w, "token_endpoint_auth_signing_alg_values_supported", "RS384 ES384");
	put_list(&w, "response_types_supported", "code");
	put_list(&w, "code_challenge_methods_supported", "S256");
	put_list(&w, "grant_types_supported", "authorization_code refresh_token client_credentials");
	put_scopes(&w, s);
	put_list(&w, "capabilities",
		 "launch-ehr launch-standalone client-public client-confidential-symmetric "
		 "client-confidential-asymmetric "
		 "sso-openid-connect context-banner context-ehr-patient context-ehr-encounter "
		 "context-standalone-patient "
		 "permission-offline permission-patient permission-user permission-v1 permission-v2");
	json_object_end(&w);
}

/* ---- serving ---------------------------------------------------------------------------------------------------- */

bool face_documents(struct sandbox *s, struct error *err)
{
	struct buf out;
	buf_init(&out, DOCUMENT_MAX);
	write_capability(s, &out);
	s->capability = buf_ok(&out) ? arena_str(&s->arena, buf_str(&out)) : STR_NULL;
	buf_reset(&out);
	write_smart_configuration(s, &out);
	s->smart_configuration = buf_ok(&out) ? arena_str(&s->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return s->capability.p && s->smart_configuration.p ? true : error_memory(err);
}

bool face_capability(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	const struct sandbox *s = ctx;
	(void)call;
	buf_add(&answer->body, s->capability);
	return false;
}

bool face_smart_configuration(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	const struct sandbox *s = ctx;
	(void)call;
	answer->content_type = S("application/json");
	buf_add(&answer->body, s->smart_configuration);
	return false;
}
