/*
 * What a site says of itself before anybody logs in: its capability statement, whose software it is, and where it gives
 * tokens. Vendors are recognised by what their public statements were seen to hold.
 */
#include "ehr/ehr_priv.h"

static bool holds(struct str text, const char *word)
{
	return text.p && str_find(text, str_from(word)) != STR_NONE;
}

/* Epic: software.name "Epic". Oracle Health: no software, but a publisher, and Cerner in those of older releases. */
static bool recognise(const struct json *statement, enum ehr_vendor *ret_vendor)
{
	const struct json *software = json_get(statement, S("software"));
	struct str publisher = json_get_str(statement, S("publisher")), name = json_get_str(statement, S("name"));
	*ret_vendor = EHR_GENERIC;
	if (str_is(json_get_str(software, S("name")), "Epic"))
		*ret_vendor = EHR_EPIC;
	else if (holds(publisher, "Oracle Health") || holds(publisher, "Cerner") || holds(name, "OracleHealth") ||
		 holds(name, "Cerner"))
		*ret_vendor = EHR_CERNER;
	return *ret_vendor != EHR_GENERIC;
}

bool ehr_site_look(struct ehr_client *c, struct arena *a, struct ehr_site *ret_site, struct ehr_failure *ret_failure)
{
	struct ehr_site site = {0};
	if (!ehr_capabilities(c, a, &site.capabilities, ret_failure))
		return false;
	const struct json *software = json_get(site.capabilities, S("software"));
	site.software = json_get_str(software, S("name"));
	site.version = json_get_str(software, S("version"));
	if (!site.software.n)
		site.software = json_get_str(site.capabilities, S("publisher"));
	site.fhir_version = json_get_str(site.capabilities, S("fhirVersion"));
	site.recognised = recognise(site.capabilities, &site.vendor);
	if (c->endpoints.token.p || ehr_discover(c, a, &site.undiscovered)) {
		site.issuer = c->endpoints.issuer;
		site.authorize = c->endpoints.authorize;
		site.token = c->endpoints.token;
		site.jwks = c->endpoints.jwks;
		site.pkce = c->endpoints.pkce;
	}
	*ret_site = site;
	return true;
}

static bool states_interaction(const struct json *resource, const char *interaction)
{
	struct json_iter it = json_iter(json_get(resource, S("interaction")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("code")), interaction))
			return true;
	return false;
}

bool ehr_states(const struct json *capabilities, struct str type, const char *interaction)
{
	struct json_iter rest = json_iter(json_get(capabilities, S("rest")));
	while (json_next(&rest)) {
		struct json_iter r = json_iter(json_get(rest.value, S("resource")));
		while (json_next(&r))
			if (str_eq(json_get_str(r.value, S("type")), type) && states_interaction(r.value, interaction))
				return true;
	}
	return false;
}

bool ehr_token_now(struct ehr_client *c, struct arena *a, bool *ret_needed, struct ehr_failure *ret_failure)
{
	bool cached;
	*ret_needed = ehr_is_backend(c) || c->options.logins != NULL;
	if (!*ret_needed)
		return true;
	if (!ehr_token_ensure(c, a, &cached, ret_failure))
		return false;
	*ret_needed = c->token.n > 0;
	return true;
}
