/*
 * Where an EHR authorizes and gives tokens: [base]/.well-known/smart-configuration (SMART App Launch 2.2,
 * "Conformance") first, and the oauth-uris extension of [base]/metadata where a site is older. Of both documents only
 * the token endpoint is required: vendors leave out most of the rest.
 */
#include "ehr/ehr_priv.h"

bool ehr_fetch_json(struct ehr_client *c, struct arena *a, struct str url, const char *interaction, struct str accept,
		    const struct json **ret_json, struct ehr_failure *f)
{
	struct ehr_request request = {
		.method = S("GET"),
		.url = url,
		.accept = accept,
		.repeatable = true,
		.want_json = true,
		.action = 'R',
		.interaction = interaction,
	};
	struct ehr_reply reply;
	if (!ehr_send(c, a, &request, &reply, f))
		return false;
	*ret_json = reply.json;
	return true;
}

/* rest.security.extension(oauth-uris).extension(name).valueUri */
static struct str oauth_uri(const struct json *capability, const char *name)
{
	struct json_iter rest = json_iter(json_get(capability, S("rest")));
	while (json_next(&rest)) {
		struct json_iter e = json_iter(json_get(json_get(rest.value, S("security")), S("extension")));
		while (json_next(&e)) {
			if (!str_ends(json_get_str(e.value, S("url")), S("/StructureDefinition/oauth-uris")))
				continue;
			struct json_iter inner = json_iter(json_get(e.value, S("extension")));
			while (json_next(&inner))
				if (str_is(json_get_str(inner.value, S("url")), name))
					return json_get_str(inner.value, S("valueUri"));
		}
	}
	return STR_NULL;
}

/* An assertion for a token endpoint in the clear could be caught and used; loopback is where sandboxes live. An
 * endpoint that is not there leaves the field alone. */
static bool accept_endpoint(struct ehr_client *c, struct str url, const char *what, const char *step,
			    struct str *ret_url, struct ehr_failure *f)
{
	struct str base = c->config.base_url;
	if (!url.n)
		return true;
	url = ehr_url_resolve(&c->arena, base, url);
	if (!url.p)
		return ehr_fail(c, f, ERR_REMOTE, "discovery: the %s endpoint in %s is no usable address", what, step);
	if (str_starts(base, S("https:")) && !str_starts(url, S("https:")))
		return ehr_fail(c, f, ERR_REMOTE, "discovery: the %s endpoint in %s is not https", what, step);
	*ret_url = arena_str(&c->arena, url);
	return ret_url->p || ehr_fail(c, f, ERR_MEMORY, "not enough memory");
}

static bool lists(const struct json *document, struct str member, const char *word)
{
	struct json_iter it = json_iter(json_get(document, member));
	while (json_next(&it))
		if (str_is(json_str(it.value), word))
			return true;
	return false;
}

static bool take_configuration(struct ehr_client *c, const struct json *document, struct ehr_failure *f)
{
	static const char step[] = "smart-configuration";
	struct ehr_endpoints e = {0};
	const struct json *methods = json_get(document, S("token_endpoint_auth_methods_supported"));
	e.post_only = methods && lists(document, S("token_endpoint_auth_methods_supported"), "client_secret_post") &&
		      !lists(document, S("token_endpoint_auth_methods_supported"), "client_secret_basic");
	e.pkce = lists(document, S("code_challenge_methods_supported"), "S256");
	e.answers_iss = json_bool(json_get(document, S("authorization_response_iss_parameter_supported")));
	e.knows_profile = lists(document, S("scopes_supported"), "profile");
	e.issuer = json_get_str(document, S("issuer"));
	if (e.issuer.p) {
		e.issuer = arena_str(&c->arena, e.issuer);
		if (!e.issuer.p)
			return ehr_fail(c, f, ERR_MEMORY, "not enough memory");
	}
	if (!accept_endpoint(c, json_get_str(document, S("token_endpoint")), "token", step, &e.token, f) ||
	    !accept_endpoint(c, json_get_str(document, S("authorization_endpoint")), "authorization", step,
			     &e.authorize, f) ||
	    !accept_endpoint(c, json_get_str(document, S("jwks_uri")), "key", step, &e.jwks, f) ||
	    !accept_endpoint(c, json_get_str(document, S("revocation_endpoint")), "revocation", step, &e.revoke, f))
		return false;
	c->endpoints = e;
	return true;
}

static bool take_capability(struct ehr_client *c, const struct json *document, struct ehr_failure *f)
{
	static const char step[] = "metadata";
	struct ehr_endpoints e = {0};
	if (!accept_endpoint(c, oauth_uri(document, "token"), "token", step, &e.token, f) ||
	    !accept_endpoint(c, oauth_uri(document, "authorize"), "authorization", step, &e.authorize, f) ||
	    !accept_endpoint(c, oauth_uri(document, "revoke"), "revocation", step, &e.revoke, f))
		return false;
	c->endpoints = e;
	return true;
}

bool ehr_discover(struct ehr_client *c, struct arena *a, struct ehr_failure *f)
{
	const struct json *document;
	struct ehr_failure first = {0}, second = {0};
	struct str base = c->config.base_url;
	if (ehr_fetch_json(c, a, arena_printf(a, "%.*s/.well-known/smart-configuration", STR_ARG(base)),
			   "smart-configuration", S("application/json"), &document, &first)) {
		if (json_get_str(document, S("token_endpoint")).n)
			return take_configuration(c, document, f);
		ehr_fail(c, &first, ERR_REMOTE, "smart-configuration names no token endpoint");
	} else if (!first.http_status) {
		*f = first; /* nobody there: the second document would not be either */
		return error_context(&f->error, "discovery at .well-known/smart-configuration");
	}
	if (ehr_fetch_json(c, a, arena_printf(a, "%.*s/metadata", STR_ARG(base)), "capabilities", STR_NULL, &document,
			   &second)) {
		if (oauth_uri(document, "token").n)
			return take_capability(c, document, f);
		ehr_fail(c, &second, ERR_REMOTE, "metadata names no token endpoint either");
	}
	*f = second;
	error_clear(&f->error);
	return error_set(&f->error, second.error.code, "Discovery failed: %s; %s", first.error.text, second.error.text);
}
