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

static void put_interactions(struct json_writer *w, const struct sandbox *s, enum face_host host, struct str type)
{
	json_key(w, S("interaction"));
	json_array_begin(w);
	for (size_t i = 0; i < sizeof(interactions) / sizeof(*interactions); i++) {
		if (!face_may(s, type, interactions[i].letter) || !hosts_may(host, type, interactions[i].letter))
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

/* What is answered of the operations that the vendors list. */
static const struct {
	enum ehr_vendor vendor;
	enum behaviour_name needs; /* BEHAVIOUR_COUNT: none */
	const char *type, *name, *definition, *documentation;
} operations[] = {
	{EHR_EPIC, BEHAVIOUR_COUNT, "Group", "group-export",
	 "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export", NULL},
	{EHR_CERNER, BEHAVIOUR_COUNT, "Group", "export",
	 "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export", "Exports the members of a Group."},
	{EHR_CERNER, BEHAVIOUR_COUNT, "Patient", "export",
	 "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export", "Exports a list of patients."},
	{EHR_CERNER, BEHAVIOUR_CHARGE_OPERATIONS, "ChargeItem", "create",
	 "https://fhir-ehr.cerner.com/r4/OperationDefinition/charge-item-create", "Creates a ChargeItem."},
	{EHR_CERNER, BEHAVIOUR_CHARGE_OPERATIONS, "ChargeItem", "credit",
	 "https://fhir-ehr.cerner.com/r4/OperationDefinition/charge-item-credit",
	 "Creates a ChargeItem that offsets one that is there."},
	{EHR_CERNER, BEHAVIOUR_CHARGE_OPERATIONS, "ChargeItem", "modify",
	 "https://fhir-ehr.cerner.com/r4/OperationDefinition/charge-item-modify",
	 "Creates a ChargeItem in place of one that is there."},
};

static void put_operations(struct json_writer *w, const struct sandbox *s, enum face_host host, struct str type)
{
	bool any = false;
	for (size_t i = 0; host == HOST_PROVIDER && i < sizeof(operations) / sizeof(*operations); i++) {
		if (operations[i].vendor != s->o.vendor || !str_is(type, operations[i].type) ||
		    (operations[i].needs < BEHAVIOUR_COUNT && !behaves(s, operations[i].needs, "on")))
			continue;
		if (!any) {
			json_key(w, S("operation"));
			json_array_begin(w);
		}
		any = true;
		json_object_begin(w);
		json_put_member(w, S("name"), str_from(operations[i].name));
		json_put_member(w, S("definition"), str_from(operations[i].definition));
		if (operations[i].documentation)
			json_put_member(w, S("documentation"), str_from(operations[i].documentation));
		json_object_end(w);
	}
	if (any)
		json_array_end(w);
}

static void put_type(struct json_writer *w, const struct sandbox *s, enum face_host host, const struct face_type *t,
		     struct str name)
{
	if (!hosts_may(host, name, 'r'))
		return;
	json_object_begin(w);
	json_put_member(w, S("type"), name);
	put_interactions(w, s, host, name);
	if (s->o.vendor == EHR_EPIC) {
		put_bool(w, "readHistory", false);
		put_bool(w, "updateCreate", false);
		put_bool(w, "conditionalCreate", false);
		json_put_member(w, S("conditionalRead"), S("not-supported"));
		put_bool(w, "conditionalUpdate", false);
		json_put_member(w, S("conditionalDelete"), S("not-supported"));
	} else if (face_may(s, name, 'u') && hosts_may(host, name, 'u')) {
		put_bool(w, "updateCreate", false);
	}
	if (face_may(s, name, 's'))
		put_includes(w, s, t);
	put_params(w, s, t, name);
	put_operations(w, s, host, name);
	json_object_end(w);
}

static void put_types(struct json_writer *w, const struct sandbox *s, enum face_host host)
{
	json_key(w, S("resource"));
	json_array_begin(w);
	for (const struct face_type *t = s->vendor->types; t->name; t++)
		put_type(w, s, host, t, str_from(t->name));
	for (size_t i = 0; i < s->o.allow_write_count; i++) {
		const struct face_type *t = face_type(s, s->o.allow_write[i]);
		if (t == &s->vendor->opened)
			put_type(w, s, host, t, s->o.allow_write[i]);
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

static struct str at(struct sandbox *s, const char *path)
{
	return arena_printf(&s->arena, "%.*s%s", STR_ARG(s->o.base_url), path);
}

#define SERVICE(code)                                                                                                  \
	"{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/restful-security-service\",\"code\":\"" code \
	"\",\"display\":\"" code "\"}],\"text\":\"" code "\"}"

static void put_security(struct json_writer *w, struct sandbox *s)
{
	json_key(w, S("security"));
	json_object_begin(w);
	json_key(w, S("extension"));
	json_array_begin(w);
	json_object_begin(w);
	json_key(w, S("extension"));
	json_array_begin(w);
	put_uri(w, "authorize", at(s, s->vendor->authorize_paths[0]));
	put_uri(w, "token", s->token_url);
	if (s->o.vendor == EHR_CERNER) {
		put_uri(w, "revoke", at(s, CERNER_OAUTH_PATH "/token/revoke"));
		put_uri(w, "manage", at(s, CERNER_OAUTH_PATH "/personas/provider/my-authorizations"));
		put_uri(w, "introspect", at(s, CERNER_TOKENINFO_PATH));
	}
	json_array_end(w);
	json_put_member(w, S("url"), S("http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"));
	json_object_end(w);
	json_array_end(w);
	put_bool(w, "cors", true);
	json_key(w, S("service"));
	json_array_begin(w);
	json_put_raw(w, S(SERVICE("SMART-on-FHIR")));
	if (s->o.vendor == EHR_EPIC && behaves(s, BEHAVIOUR_BASIC, "on"))
		json_put_raw(w, S(SERVICE("Basic")));
	json_array_end(w);
	json_object_end(w);
}

#undef SERVICE

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

static void write_capability(struct sandbox *s, enum face_host host, struct buf *out)
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
	put_types(&w, s, host);
	if (!epic && host != HOST_OPEN) {
		json_key(&w, S("interaction"));
		json_put_raw(&w, S("[{\"code\":\"batch\",\"documentation\":\"Implemented per the specification\"}]"));
	}
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
}

#define CAPABILITIES                                                                                                   \
	"launch-ehr launch-standalone client-public client-confidential-symmetric client-confidential-asymmetric "     \
	"context-banner context-style context-ehr-patient permission-offline "                                         \
	"permission-patient permission-user permission-v1 sso-openid-connect authorize-post"
#define EPIC_CAPABILITIES   CAPABILITIES " context-ehr-encounter context-standalone-patient"
#define CERNER_CAPABILITIES CAPABILITIES " permission-v2 permission-online"

/* ---- smart-configuration ---------------------------------------------------------------------------------------- */

/* Cerner lists every scope one by one in both grammars (in 2024 in the first alone), Epic only those that belong to no
 * resource. */
static void put_type_scopes(struct json_writer *w, struct sandbox *s, const char *context, struct str type)
{
	bool update = face_may(s, type, 'u') || face_may(s, type, 'p'), create = face_may(s, type, 'c');
	bool old = behaves(s, BEHAVIOUR_RELEASE, "2024");
	if (!old)
		json_put_str(w, arena_printf(&s->arena, "%s/%.*s.%sr%s%s%s", context, STR_ARG(type), create ? "c" : "",
					     update ? "u" : "", face_may(s, type, 'd') ? "d" : "",
					     face_may(s, type, 's') ? "s" : ""));
	json_put_str(w, arena_printf(&s->arena, "%s/%.*s.read", context, STR_ARG(type)));
	/* Reports could be written in 2024, too, but no scope for it was listed. */
	if ((create || update) && !(old && str_is(type, "DiagnosticReport")))
		json_put_str(w, arena_printf(&s->arena, "%s/%.*s.write", context, STR_ARG(type)));
}

static void put_scopes(struct json_writer *w, struct sandbox *s, enum face_host host)
{
	static const char *const contexts[] = {"patient", "user", "system"};
	size_t count = host == HOST_PATIENT ? 1 : 3;
	if (s->o.vendor == EHR_EPIC) {
		put_list(w, "scopes_supported", "epic.scanning.dmsusername fhirUser launch openid profile");
		return;
	}
	json_key(w, S("scopes_supported"));
	json_array_begin(w);
	for (struct str rest = host == HOST_PATIENT
				       ? S("fhirUser launch launch/patient offline_access online_access openid profile")
				       : S("fhirUser launch offline_access online_access openid profile");
	     rest.p;)
		json_put_str(w, str_split(&rest, ' '));
	for (size_t c = 0; c < count; c++) {
		for (const struct face_type *t = s->vendor->types; t->name; t++)
			if (hosts_may(host, str_from(t->name), 'r'))
				put_type_scopes(w, s, contexts[c], str_from(t->name));
		for (size_t i = 0; i < s->o.allow_write_count; i++)
			if (face_type(s, s->o.allow_write[i]) == &s->vendor->opened)
				put_type_scopes(w, s, contexts[c], s->o.allow_write[i]);
	}
	json_array_end(w);
}

static void put_endpoint(struct json_writer *w, struct sandbox *s, const char *member, const char *path)
{
	json_put_member(w, str_from(member), at(s, path));
}

/* What only one of them names. */
static void put_other_endpoints(struct json_writer *w, struct sandbox *s, enum face_host host)
{
	if (s->o.vendor == EHR_EPIC)
		return;
	put_endpoint(w, s, "revocation_endpoint", CERNER_OAUTH_PATH "/token/revoke");
	put_endpoint(w, s, "introspection_endpoint", CERNER_TOKENINFO_PATH);
	put_endpoint(w, s, "management_endpoint",
		     host == HOST_PATIENT ? CERNER_OAUTH_PATH "/personas/patient/my-authorizations"
					  : CERNER_OAUTH_PATH "/personas/provider/my-authorizations");
	put_list(w, "token_endpoint_auth_signing_alg_values_supported", "RS384 ES384");
}

static void write_smart_configuration(struct sandbox *s, enum face_host host, struct buf *out)
{
	bool epic = s->o.vendor == EHR_EPIC;
	bool v2 = !epic || released(s, "2024-08");
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("issuer"), s->issuer);
	put_endpoint(&w, s, "authorization_endpoint", s->vendor->authorize_paths[host == HOST_PATIENT]);
	put_endpoint(&w, s, "jwks_uri", s->vendor->keys_path);
	json_put_member(&w, S("token_endpoint"), s->token_url);
	put_list(&w, "token_endpoint_auth_methods_supported",
		 epic ? "client_secret_post client_secret_basic private_key_jwt"
		      : "client_secret_basic private_key_jwt");
	put_other_endpoints(&w, s, host);
	put_list(&w, "response_types_supported", "code");
	if (epic || behaves(s, BEHAVIOUR_RELEASE, "2026"))
		put_list(&w, "code_challenge_methods_supported", "S256");
	/* Refreshing works at Cerner, but is not told. */
	put_list(&w, "grant_types_supported",
		 !epic					       ? "authorization_code client_credentials"
		 : behaves(s, BEHAVIOUR_DYNAMIC_CLIENTS, "on") ? "authorization_code refresh_token client_credentials "
								 "urn:ietf:params:oauth:grant-type:jwt-bearer"
							       : "authorization_code refresh_token client_credentials");
	put_scopes(&w, s, host);
	put_list(&w, "capabilities",
		 epic && v2		? EPIC_CAPABILITIES " permission-v2"
		 : epic			? EPIC_CAPABILITIES
		 : host == HOST_PATIENT ? CERNER_CAPABILITIES " context-standalone-patient"
					: CERNER_CAPABILITIES " context-ehr-encounter");
	json_object_end(&w);
}

/* ---- serving ---------------------------------------------------------------------------------------------------- */

static struct str written(struct sandbox *s, enum face_host host,
			  void (*write)(struct sandbox *s, enum face_host host, struct buf *out))
{
	struct buf out;
	buf_init(&out, DOCUMENT_MAX);
	write(s, host, &out);
	struct str text = buf_ok(&out) ? arena_str(&s->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

bool face_documents(struct sandbox *s, struct error *err)
{
	for (enum face_host i = 0; i < hosts_count(s); i++) {
		s->capability[i] = written(s, i, write_capability);
		s->smart_configuration[i] = written(s, i, write_smart_configuration);
		if (!s->capability[i].p || !s->smart_configuration[i].p)
			return error_memory(err);
	}
	return true;
}

/* Epic tells where devices register to those alone who name an app that may do so, since November 2021. */
static bool tells_of_registration(const struct sandbox *s, struct rest_call *call)
{
	struct str id = http_request_header(call->exchange, "Epic-Client-ID");
	struct smart_client client;
	struct error err = {0};
	return id.n && s->o.vendor == EHR_EPIC && s->smart && behaves(s, BEHAVIOUR_DYNAMIC_CLIENTS, "on") &&
	       released(s, "2021-11") && smart_client_find(s->smart, call->arena, id, &client, &err) &&
	       client.client_id.p && !client.self_registered && smart_client_auth(&client) == AUTH_NONE;
}

bool face_capability(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	const struct sandbox *s = ctx;
	struct str text = s->capability[HOST_PROVIDER], before = S("\"url\":\"token\"}");
	size_t at = str_find(text, before);
	if (at == STR_NONE || !tells_of_registration(s, call)) {
		buf_add(&answer->body, text);
		return false;
	}
	buf_add(&answer->body, str_slice(text, 0, at + before.n));
	buf_printf(&answer->body, ",{\"valueUri\":\"%.*s" EPIC_REGISTER_PATH "\",\"url\":\"register\"}",
		   STR_ARG(s->o.base_url));
	buf_add(&answer->body, str_slice(text, at + before.n, text.n));
	return false;
}

bool face_smart_configuration(void *ctx, struct rest_call *call, struct rest_answer *answer)
{
	const struct sandbox *s = ctx;
	(void)call;
	answer->content_type = S("application/json");
	buf_add(&answer->body, s->smart_configuration[HOST_PROVIDER]);
	return false;
}
