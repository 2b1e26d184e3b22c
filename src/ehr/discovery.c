/*
 * Where an EHR gives tokens: [base]/.well-known/smart-configuration (SMART App Launch 2.2, "Conformance") first, and
 * the oauth-uris extension of [base]/metadata where a site is older. Nothing else of either document is needed.
 */
#include "ehr/ehr_priv.h"

static bool fetch(struct ehr_client *c, struct arena *a, const char *path, const char *interaction, struct str accept,
		  const struct json **ret_json, struct ehr_failure *f)
{
	struct ehr_request request = {
		.method = S("GET"),
		.url = arena_printf(a, "%.*s%s", STR_ARG(c->config.base_url), path),
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

/* rest.security.extension(oauth-uris).extension(token).valueUri */
static struct str oauth_uri(const struct json *capability)
{
	struct json_iter rest = json_iter(json_get(capability, S("rest")));
	while (json_next(&rest)) {
		struct json_iter e = json_iter(json_get(json_get(rest.value, S("security")), S("extension")));
		while (json_next(&e)) {
			if (!str_ends(json_get_str(e.value, S("url")), S("/StructureDefinition/oauth-uris")))
				continue;
			struct json_iter inner = json_iter(json_get(e.value, S("extension")));
			while (json_next(&inner))
				if (str_is(json_get_str(inner.value, S("url")), "token"))
					return json_get_str(inner.value, S("valueUri"));
		}
	}
	return STR_NULL;
}

/* An assertion for a token endpoint in the clear could be caught and used; loopback is where sandboxes live. */
static bool accept_token_url(struct ehr_client *c, struct str base, struct str url, const char *step,
			     struct ehr_failure *f)
{
	url = ehr_url_resolve(&c->arena, base, url);
	if (!url.p)
		return ehr_fail(c, f, ERR_REMOTE, "discovery: the token endpoint in %s is no usable address", step);
	if (str_starts(base, S("https:")) && !str_starts(url, S("https:")))
		return ehr_fail(c, f, ERR_REMOTE, "discovery: the token endpoint in %s is not https", step);
	url = arena_str(&c->arena, url);
	if (!url.p)
		return ehr_fail(c, f, ERR_MEMORY, "not enough memory");
	c->token_url = url;
	return true;
}

bool ehr_discover(struct ehr_client *c, struct arena *a, struct ehr_failure *f)
{
	const struct json *document;
	struct ehr_failure first = {0}, second = {0};
	struct str base = c->config.base_url;
	if (fetch(c, a, "/.well-known/smart-configuration", "smart-configuration", S("application/json"), &document,
		  &first)) {
		struct str url = json_get_str(document, S("token_endpoint"));
		if (url.n)
			return accept_token_url(c, base, url, "smart-configuration", f);
		ehr_fail(c, &first, ERR_REMOTE, "smart-configuration names no token endpoint");
	} else if (!first.http_status) {
		*f = first; /* nobody there: the second document would not be either */
		return error_context(&f->error, "discovery at .well-known/smart-configuration");
	}
	if (fetch(c, a, "/metadata", "capabilities", STR_NULL, &document, &second)) {
		struct str url = oauth_uri(document);
		if (url.n)
			return accept_token_url(c, base, url, "metadata", f);
		ehr_fail(c, &second, ERR_REMOTE, "metadata names no token endpoint either");
	}
	*f = second;
	error_clear(&f->error);
	return error_set(&f->error, second.error.code, "Discovery failed: %s; %s", first.error.text, second.error.text);
}
