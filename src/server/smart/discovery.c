/*
 * What apps learn of this server before they ask it: one document that serves as SMART configuration (SMART App Launch
 * 2.2 section 3), as OpenID Provider metadata (OpenID Connect Discovery section 3) and as OAuth metadata (RFC 8414),
 * and that of the protected resource (RFC 9728). It claims what is there, no more.
 */
#include "server/smart/smart_priv.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void put_list(struct json_writer *w, const char *name, const char *const *items)
{
	json_key(w, str_from(name));
	json_array_begin(w);
	for (; *items; items++)
		json_put_str(w, str_from(*items));
	json_array_end(w);
}

static void put_url(struct json_writer *w, struct arena *a, const char *name, struct str base, const char *path)
{
	json_put_member(w, str_from(name), arena_printf(a, "%.*s%s", STR_ARG(base), path));
}

static void put_endpoints(const struct smart *s, struct json_writer *w, struct arena *a)
{
	struct str base = s->options.base_url;
	if (s->options.people) {
		put_url(w, a, "authorization_endpoint", base, "/auth/authorize");
		put_url(w, a, "userinfo_endpoint", base, "/auth/userinfo");
		put_url(w, a, "management_endpoint", base, "/auth/apps");
	}
	json_put_member(w, S("token_endpoint"), s->options.token_url);
	put_url(w, a, "introspection_endpoint", base, "/auth/introspect");
	put_url(w, a, "revocation_endpoint", base, "/auth/revoke");
	put_url(w, a, "jwks_uri", base, "/auth/jwks");
	if (s->options.registration)
		put_url(w, a, "registration_endpoint", base, "/auth/register");
}

static void put_methods(const struct smart *s, struct json_writer *w)
{
	static const char *const endpoints[] = {"token_endpoint", "introspection_endpoint", "revocation_endpoint"};
	for (size_t i = 0; i < 3; i++) {
		char name[80];
		struct buf text;
		buf_init(&text, sizeof(name));
		buf_printf(&text, "%s_auth_methods_supported", endpoints[i]);
		buf_char(&text, '\0');
		put_list(w, text.p,
			 i == 1 || !s->options.people
				 ? LIST("private_key_jwt", "client_secret_basic", "client_secret_post")
				 : LIST("private_key_jwt", "client_secret_basic", "client_secret_post", "none"));
		buf_done(&text);
		buf_init(&text, sizeof(name));
		buf_printf(&text, "%s_auth_signing_alg_values_supported", endpoints[i]);
		buf_char(&text, '\0');
		put_list(w, text.p, LIST("RS384", "ES384"));
		buf_done(&text);
	}
}

static void put_people(struct json_writer *w)
{
	put_list(w, "grant_types_supported", LIST("authorization_code", "refresh_token", "client_credentials"));
	put_list(w, "response_types_supported", LIST("code"));
	put_list(w, "response_modes_supported", LIST("query"));
	put_list(w, "code_challenge_methods_supported", LIST("S256"));
	put_list(w, "subject_types_supported", LIST("public"));
	put_list(w, "id_token_signing_alg_values_supported", LIST("RS256", "RS384", "ES384"));
	put_list(w, "claims_supported",
		 LIST("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "fhirUser", "profile", "name",
		      "preferred_username"));
	put_list(w, "prompt_values_supported", LIST("none", "login", "consent", "select_account"));
	json_key(w, S("authorization_response_iss_parameter_supported"));
	json_put_bool(w, true);
	json_key(w, S("claims_parameter_supported"));
	json_put_bool(w, false);
	json_key(w, S("request_parameter_supported"));
	json_put_bool(w, false);
	json_key(w, S("request_uri_parameter_supported"));
	json_put_bool(w, false);
	put_list(w, "scopes_supported",
		 LIST("openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "online_access",
		      "offline_access", "patient/*.cruds", "patient/*.rs", "patient/*.read", "patient/*.write",
		      "user/*.cruds", "user/*.rs", "user/*.read", "user/*.write", "system/*.cruds", "system/*.rs",
		      "system/*.read", "system/*.write"));
	put_list(w, "capabilities",
		 LIST("launch-ehr", "launch-standalone", "authorize-post", "client-public",
		      "client-confidential-symmetric", "client-confidential-asymmetric", "sso-openid-connect",
		      "context-banner", "context-style", "context-ehr-patient", "context-ehr-encounter",
		      "context-standalone-patient", "context-standalone-encounter", "permission-offline",
		      "permission-online", "permission-patient", "permission-user", "permission-v1", "permission-v2"));
}

static void put_services(struct json_writer *w)
{
	put_list(w, "grant_types_supported", LIST("client_credentials"));
	/* RFC 8414 section 2 wants the member, and nothing is supported. */
	json_key(w, S("response_types_supported"));
	json_array_begin(w);
	json_array_end(w);
	put_list(w, "scopes_supported", LIST("system/*.cruds", "system/*.rs", "system/*.read", "system/*.write"));
	put_list(w, "capabilities",
		 LIST("client-confidential-symmetric", "client-confidential-asymmetric", "permission-v1",
		      "permission-v2"));
}

static bool keep(struct smart *s, struct buf *text, struct str *ret_text, struct error *err)
{
	*ret_text = buf_ok(text) ? arena_str(&s->arena, buf_str(text)) : STR_NULL;
	buf_done(text);
	return ret_text->p || error_memory(err);
}

static bool write_resource(struct smart *s, struct error *err)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("resource"), s->fhir_url);
	json_key(&w, S("authorization_servers"));
	json_array_begin(&w);
	json_put_str(&w, s->issuer);
	json_array_end(&w);
	put_list(&w, "bearer_methods_supported", LIST("header"));
	put_list(&w, "scopes_supported",
		 s->options.people ? LIST("patient/*.rs", "user/*.rs", "system/*.rs") : LIST("system/*.rs"));
	json_object_end(&w);
	return keep(s, &out, &s->resource_metadata, err);
}

/* SMART App Launch 1.0, "Declaring support for OAuth2 endpoints", with the extension of later guides that has no
 * authorize where nobody can log in. */
static bool write_uris(struct smart *s, struct error *err)
{
	static const struct {
		const char *name, *path;
	} uris[] = {{"authorize", "/auth/authorize"},	{"token", "/auth/token"},
		    {"register", "/auth/register"},	{"manage", "/auth/apps"},
		    {"introspect", "/auth/introspect"}, {"revoke", "/auth/revoke"}};
	struct buf out;
	if (!s->options.people)
		return true;
	buf_init(&out, 1 << 16);
	buf_add(&out, S("[{\"url\":\"http://fhir-registry.smarthealthit.org/StructureDefinition/"
			"oauth-uris\",\"extension\":["));
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		if (strcmp(uris[i].name, "register") == 0 && !s->options.registration)
			continue;
		buf_add(&out, i ? S(",") : S(""));
		struct json_writer w = json_writer(&out);
		json_object_begin(&w);
		json_put_member(&w, S("url"), str_from(uris[i].name));
		put_url(&w, &s->arena, "valueUri", s->options.base_url, uris[i].path);
		json_object_end(&w);
	}
	buf_add(&out, S("]}]"));
	return keep(s, &out, &s->oauth_uris, err);
}

bool discovery_open(struct smart *s, struct error *err)
{
	struct buf out;
	if (!s->options.base_url.p)
		return true;
	buf_init(&out, 1 << 16);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("issuer"), s->issuer);
	put_endpoints(s, &w, &s->arena);
	put_methods(s, &w);
	if (s->options.people)
		put_people(&w);
	else
		put_services(&w);
	json_object_end(&w);
	return keep(s, &out, &s->configuration, err) && write_resource(s, err) && write_uris(s, err);
}
