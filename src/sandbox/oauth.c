/* What lies at the vendors' addresses beside token and authorization endpoint, and where apps send people. */
#include "sandbox/hooks_priv.h"

#include "base/encode.h"

#define OIDC "/.well-known/openid-configuration"

enum place { PLACE_REGISTER, PLACE_KEYS, PLACE_INTROSPECT, PLACE_REVOKE, PLACE_PERMISSIONS, PLACE_OPENID, PLACE_STYLE };
static const struct {
	enum ehr_vendor vendor;
	enum place place;
	const char *path;
} places[] = {
	{EHR_EPIC, PLACE_REGISTER, EPIC_REGISTER_PATH},
	{EHR_EPIC, PLACE_KEYS, EPIC_KEYS_PATH},
	{EHR_EPIC, PLACE_OPENID, "/interconnect-fhir-oauth/oauth2" OIDC},
	{EHR_EPIC, PLACE_OPENID, "/interconnect-fhir-oauth/api/FHIR/R4" OIDC},
	{EHR_EPIC, PLACE_STYLE, EPIC_STYLE_PATH},
	{EHR_CERNER, PLACE_KEYS, CERNER_KEYS_PATH},
	{EHR_CERNER, PLACE_INTROSPECT, CERNER_TOKENINFO_PATH},
	{EHR_CERNER, PLACE_REVOKE, CERNER_OAUTH_PATH "/token/revoke"},
	{EHR_CERNER, PLACE_PERMISSIONS, CERNER_OAUTH_PATH "/personas/provider/my-authorizations"},
	{EHR_CERNER, PLACE_PERMISSIONS, CERNER_OAUTH_PATH "/personas/patient/my-authorizations"},
	{EHR_CERNER, PLACE_OPENID, CERNER_OPENID_PATH ".well-known/openid-configuration"},
	{EHR_CERNER, PLACE_STYLE, CERNER_STYLE_PATH},
};

static void respond(struct http_exchange *x, int status, const char *type, struct str location, struct buf *body)
{
	const struct http_header headers[] = {{S("Access-Control-Allow-Origin"), S("*")}, {S("Location"), location}};
	http_respond(x, &(struct http_response){.status = status,
						.content_type = str_from(type),
						.headers = headers,
						.header_count = location.p ? 2 : 1,
						.body = body});
}

/* ---- OpenID Connect ---------------------------------------------------------------------------------------------- */

static void put_url(struct json_writer *w, struct sandbox *s, struct arena *a, const char *member, const char *path)
{
	json_put_member(w, str_from(member), arena_printf(a, "%.*s%s", STR_ARG(s->o.base_url), path));
}

static void put_words(struct json_writer *w, const char *member, const char *words)
{
	json_key(w, str_from(member));
	json_array_begin(w);
	for (struct str rest = str_from(words); rest.p;)
		json_put_str(w, str_split(&rest, ' '));
	json_array_end(w);
}

/* Cerner's id_tokens are of another issuer than the rest. */
static void answer_openid(struct sandbox *s, struct http_exchange *x)
{
	struct arena *a = http_request(x)->arena;
	bool epic = s->o.vendor == EHR_EPIC;
	struct buf body;
	buf_init(&body, 1 << 16);
	struct json_writer w = json_writer(&body);
	json_object_begin(&w);
	put_url(&w, s, a, "issuer", epic ? s->vendor->issuer_path : CERNER_OPENID_PATH);
	put_url(&w, s, a, "authorization_endpoint", s->vendor->authorize_paths[0]);
	put_url(&w, s, a, "token_endpoint", s->vendor->token_paths[0]);
	put_url(&w, s, a, "jwks_uri", s->vendor->keys_path);
	put_words(&w, "response_types_supported", "code");
	put_words(&w, "subject_types_supported", "public");
	put_words(&w, "id_token_signing_alg_values_supported", "RS256");
	put_words(&w, "scopes_supported", "openid profile fhirUser");
	json_object_end(&w);
	respond(x, 200, "application/json", STR_NULL, &body);
	buf_done(&body);
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

/* SMART App Launch 2.2 section 2.1.9: colours and sizes of the EHR. */
static void answer_style(struct http_exchange *x)
{
	struct buf body;
	buf_init(&body, 1 << 12);
	buf_add(&body,
		S("{\"color_background\":\"#ffffff\",\"color_error\":\"#9e1b1b\",\"color_highlight\":\"#1f5f8b\","
		  "\"color_modal_backdrop\":\"#000000\",\"color_success\":\"#2c6e2f\",\"color_text\":\"#222222\","
		  "\"dim_border_radius\":\"4px\",\"dim_font_size\":\"14px\",\"dim_spacing_size\":\"16px\","
		  "\"font_family_body\":\"sans-serif\",\"font_family_heading\":\"sans-serif\"}"));
	respond(x, 200, "application/json", STR_NULL, &body);
	buf_done(&body);
}

/* Where error_uri leads: a page that says the URN once more, as theirs does. */
static bool answer_error_page(struct sandbox *s, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	struct str rest = r->path;
	if (s->o.vendor != EHR_CERNER || !str_starts(rest, S("/errors/")))
		return false;
	rest = str_slice(rest, 8, rest.n);
	struct str urn = str_split(&rest, '/');
	struct buf body, plain;
	buf_init(&plain, 1 << 12);
	bool ok = decode_percent(&plain, urn, false);
	buf_init(&body, 1 << 16);
	buf_add(&body, S("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
			 "content=\"width=device-width, initial-scale=1\"><title>Authorization error</title><link "
			 "rel=\"stylesheet\" href=\"/auth/page.css\"></head><body><main id=\"main\" "
			 "class=\"wide\"><h1>Authorization error</h1>\n<p><code>"));
	encode_html(&body, ok ? buf_str(&plain) : urn);
	buf_add(&body, S("</code></p>\n<p class=\"quiet\">Why, this page does not say; <code>firth why</code> on the "
			 "sandbox's store does.</p></main></body></html>\n"));
	respond(x, 200, "text/html; charset=utf-8", STR_NULL, &body);
	buf_done(&plain);
	buf_done(&body);
	return true;
}

bool oauth_handle(struct sandbox *s, struct http_exchange *x)
{
	struct str path = http_request(x)->path;
	if (s->o.vendor == EHR_EPIC && str_is(path, EPIC_HOOKS_KEYS_PATH))
		return hooks_keys_answer(s, x);
	size_t i = 0, count = sizeof(places) / sizeof(*places);
	if (!s->smart)
		return false;
	while (i < count && (places[i].vendor != s->o.vendor || !str_is(path, places[i].path)))
		i++;
	if (i == count)
		return answer_error_page(s, x);
	switch (places[i].place) {
	case PLACE_REGISTER:
		if (!behaves(s, BEHAVIOUR_DYNAMIC_CLIENTS, "on"))
			return false;
		smart_serve(s->smart, x, "register");
		break;
	case PLACE_KEYS:
		if (s->o.vendor == EHR_CERNER)
			oauth_cerner_keys(s, x);
		else
			smart_serve(s->smart, x, "jwks");
		break;
	case PLACE_INTROSPECT:
		smart_serve(s->smart, x, "introspect");
		break;
	case PLACE_REVOKE:
		smart_serve(s->smart, x, "revoke");
		break;
	case PLACE_PERMISSIONS:
		respond(x, 303, "", S("/auth/apps"), NULL);
		break;
	case PLACE_OPENID:
		answer_openid(s, x);
		break;
	case PLACE_STYLE:
		answer_style(x);
		break;
	}
	return true;
}
