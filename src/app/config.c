/*
 * The meaning of firth.yaml: its schema as one table, values into fields, overrides, and the rules that hold across
 * keys. Reading the YAML itself is config_yaml.c.
 */
#include "app/config_priv.h"
#include "app/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/zone.h"
#include "base/origin.h"

#define CLIENT(field) offsetof(struct config_client, field)
#define EHR(field)    offsetof(struct ehr_config, field)
#define USER(field)   offsetof(struct login_user, field)

static const struct config_key server_keys[] = {
	{"host", CONFIG_TEXT, offsetof(struct config, host), false, "an address to listen on, such as 127.0.0.1"},
	{"port", CONFIG_PORT, offsetof(struct config, port), false, "a port from 0 to 65535; 0 takes any free one"},
	{"data", CONFIG_PATH, offsetof(struct config, data), false, "the directory of the store"},
	{"db", CONFIG_TEXT, offsetof(struct config, db), false, "a URL such as postgresql://user@host/database"},
	{"launch_frames", CONFIG_SCOPES, offsetof(struct config, launch_frames), false,
	 "origins that may show launched pages in a frame"},
	{"base_url", CONFIG_URL, offsetof(struct config, base_url), false, "the public address, without /fhir"},
	{"auth", CONFIG_SWITCH, offsetof(struct config, auth), false, "on or off"},
	{"launcher", CONFIG_SWITCH, offsetof(struct config, launcher), false, "on or off"},
	{"registration", CONFIG_SWITCH, offsetof(struct config, registration), false, "on or off"},
	{"update_create", CONFIG_SWITCH, offsetof(struct config, update_create), false, "on or off"},
	{"text_index", CONFIG_SWITCH, offsetof(struct config, text_index), false, "on or off"},
	{"time_zone", CONFIG_TEXT, offsetof(struct config, time_zone), false,
	 "the site's time zone, such as America/New_York"},
	{"match", CONFIG_SCOPES, offsetof(struct config, match), false,
	 "weights of $match, such as family=0.95/0.002/0.6"},
	{"packages", CONFIG_SCOPES, offsetof(struct config, packages), false,
	 "FHIR packages, such as hl7.fhir.us.core#6.1.0"},
	{"import_from", CONFIG_SCOPES, offsetof(struct config, import_from), false,
	 "URL prefixes that $import may fetch from"},
	{"tenants", CONFIG_SWITCH, offsetof(struct config, tenants), false, "on or off"},
	{"break_glass", CONFIG_SCOPES, offsetof(struct config, break_glass), false,
	 "roles of users that may break the glass"},
	{"consent", CONFIG_SCOPES, offsetof(struct config, consent), false,
	 "user, patient or system: to which scopes Consents apply"},
	{"access_log", CONFIG_SWITCH, offsetof(struct config, access_log), false, "on or off"},
	{"seal_key_file", CONFIG_PATH, offsetof(struct config, seal_key_file), false,
	 "a file with the keys that secrets are sealed with"},
};
static const struct config_key login_keys[] = {
	{"title", CONFIG_TEXT, offsetof(struct config, login.title), false, "who runs this, such as St. Mary's"},
	{"session_idle", CONFIG_TIME, offsetof(struct config, login.idle), false, "a time such as 30 min"},
	{"session_end", CONFIG_TIME, offsetof(struct config, login.end), false, "a time such as 12 h"},
	{"user_attempts", CONFIG_COUNT, offsetof(struct config, login.user_attempts), false,
	 "failures of one user before waiting begins"},
	{"address_attempts", CONFIG_COUNT, offsetof(struct config, login.address_attempts), false,
	 "attempts of one address in 15 minutes before waiting begins"},
};
static const struct config_key provider_keys[] = {
	{"issuer", CONFIG_URL, offsetof(struct config, provider.issuer), true, "the provider's issuer URL"},
	{"client_id", CONFIG_TEXT, offsetof(struct config, provider.client_id), true, "the id it gave to this server"},
	{"client_secret_file", CONFIG_PATH, offsetof(struct config, provider_secret_file), false,
	 "a file with the secret it gave to this server"},
	{"scopes", CONFIG_SCOPES, offsetof(struct config, provider.scopes), false, "such as openid profile"},
	{"audience", CONFIG_URL, offsetof(struct config, provider.audience), false,
	 "the FHIR base of a provider that is a SMART server"},
	{"label", CONFIG_TEXT, offsetof(struct config, provider.label), false, "the name on the button"},
	{"user_claim", CONFIG_TEXT, offsetof(struct config, provider.user_claim), false, "such as preferred_username"},
	{"fhir_user_claim", CONFIG_TEXT, offsetof(struct config, provider.fhir_user_claim), false, "such as fhirUser"},
	{"roles_claim", CONFIG_TEXT, offsetof(struct config, provider.roles_claim), false, "such as groups"},
	{"patients", CONFIG_TEXT, offsetof(struct config, provider.patients), false,
	 "whom its users may open, such as *"},
	{"make_users", CONFIG_SWITCH, offsetof(struct config, provider.make_users), false, "on or off"},
	{"only", CONFIG_SWITCH, offsetof(struct config, provider.only), false, "on or off"},
};
static const struct config_key user_keys[] = {
	{"name", CONFIG_TEXT, USER(name), true, "what is typed to sign in"},
	{"password_hash", CONFIG_TEXT, USER(hash), true, "an argon2id hash: as firth user hash makes"},
	{"display", CONFIG_TEXT, USER(display), false, "such as Dr. Anna Berg"},
	{"fhir_user", CONFIG_TEXT, USER(fhir_user), false, "such as Practitioner/7 or Patient/1"},
	{"roles", CONFIG_SCOPES, USER(roles), false, "words that the site's policy knows"},
	{"patients", CONFIG_TEXT, USER(patients), false, "* or a search such as general-practitioner=Practitioner/7"},
};
static const struct config_key limit_keys[] = {
#define LIMIT(field, name, kind, standard, least, most, text)                                                          \
	{name, CONFIG_##kind, offsetof(struct config, limits.field), false, text},
#include "app/limits.def"
#undef LIMIT
};
static const struct config_key token_keys[] = {
#define LIFETIME(field, name, standard, least, most, text)                                                             \
	{name, CONFIG_TIME, offsetof(struct config, tokens.field), false, "a time such as 30 min"},
#include "app/lifetimes.def"
#undef LIFETIME
};
static const struct config_key client_keys[] = {
	{"client_id", CONFIG_TEXT, CLIENT(client.client_id), true, "the id that the client sends"},
	{"name", CONFIG_TEXT, CLIENT(client.name), false, "what people call it"},
	{"scopes", CONFIG_SCOPES, CLIENT(client.scope), true, "what it may get, such as system/Patient.rs"},
	{"jwks_file", CONFIG_PATH, CLIENT(jwks_file), false, "a file with its public keys (JWKS)"},
	{"jwks_url", CONFIG_URL, CLIENT(client.jwks_url), false, "where it publishes its keys (JWKS)"},
	{"secret_sha256", CONFIG_TEXT, CLIENT(client.secret_sha256), false, "SHA-256 of its secret, in hex"},
	{"redirect_uris", CONFIG_SCOPES, CLIENT(client.redirect_uris), false, "where people come back to the app"},
	{"launch_url", CONFIG_URL, CLIENT(client.launch_url), false, "where a launch from the EHR starts"},
	{"grant_types", CONFIG_SCOPES, CLIENT(client.grant_types), false,
	 "authorization_code, refresh_token, client_credentials; left out: by keys and redirect_uris"},
};
static const struct config_key ehr_keys[] = {
	{"name", CONFIG_EHR_NAME, EHR(name), true, "1 to 20 of a-z, 0-9 and -"},
	{"vendor", CONFIG_VENDOR, EHR(vendor), true, "epic, cerner or generic"},
	{"base_url", CONFIG_URL, EHR(base_url), true, "its FHIR base, such as https://ehr.example/fhir/r4"},
	{"client_id", CONFIG_TEXT, EHR(client_id), false, "the id the EHR gave to this application"},
	{"key_file", CONFIG_PATH, EHR(key_file), false, "a file with the private key (JWK or PEM)"},
	{"secret_file", CONFIG_PATH, EHR(secret_file), false, "a file with the secret, instead of key_file"},
	{"scopes", CONFIG_SCOPES, EHR(scopes), false, "what to ask for; left out: the vendor's default"},
	{"roster", CONFIG_PATH, EHR(roster), false, "a file with one patient id a line"},
	{"group", CONFIG_TEXT, EHR(group), false, "the id of a Group whose members are pulled"},
	{"login_client_id", CONFIG_TEXT, EHR(login_client_id), false, "the id of the app that people log in with"},
	{"login_scopes", CONFIG_SCOPES, EHR(login_scopes), false, "what a login asks for, such as patient/*.rs"},
	{"login_key_file", CONFIG_PATH, EHR(login_key_file), false, "a file with that app's private key"},
	{"login_secret_file", CONFIG_PATH, EHR(login_secret_file), false, "a file with that app's secret"},
	{"login_port", CONFIG_PORT, EHR(login_port), false, "the port of the app's loopback redirect URI"},
	{"ca_file", CONFIG_PATH, EHR(ca_file), false, "a file (PEM) with authorities that its certificate may end at"},
	{"cert_file", CONFIG_PATH, EHR(cert_file), false, "a file (PEM) with the certificate that we show it"},
	{"cert_key_file", CONFIG_PATH, EHR(cert_key_file), false, "a file (PEM) with that certificate's key"},
	{"requests_per_second", CONFIG_COUNT, EHR(requests_per_second), false, "a whole number; 0: no limit"},
	{"requests_per_day", CONFIG_COUNT, EHR(requests_per_day), false, "a whole number; 0: no limit"},
	{"parallel", CONFIG_COUNT, EHR(parallel), false, "how many requests at once; 0: no limit"},
	{"breaker_failures", CONFIG_COUNT, EHR(breaker_failures), false,
	 "after how many failures in a row it is left alone (8)"},
	{"breaker_pause", CONFIG_TIME, EHR(breaker_pause_ms), false, "for how long, such as 30 s"},
};
#define RULE(field) offsetof(struct access_rule, field)
static const struct config_key policy_keys[] = {
	{"name", CONFIG_TEXT, RULE(name), true, "what the rule is called"},
	{"effect", CONFIG_TEXT, RULE(effect), false, "permit, deny or mask"},
	{"roles", CONFIG_SCOPES, RULE(roles), false, "roles of users"},
	{"users", CONFIG_SCOPES, RULE(users), false, "names of users"},
	{"clients", CONFIG_SCOPES, RULE(clients), false, "ids of clients"},
	{"contexts", CONFIG_SCOPES, RULE(contexts), false, "user, patient or system: of which scopes"},
	{"types", CONFIG_SCOPES, RULE(types), false, "resource types"},
	{"interactions", CONFIG_SCOPES, RULE(interactions), false, "create, read, update, delete or search"},
	{"where", CONFIG_TEXT, RULE(where), false, "a search, such as general-practitioner={fhirUser}"},
	{"within", CONFIG_TEXT, RULE(within), false, "fhirUser or patient: in whose compartment"},
	{"mask", CONFIG_SCOPES, RULE(mask), false, "elements to hide, such as Patient.telecom"},
	{"absolute", CONFIG_SWITCH, RULE(absolute), false, "on or off"},
};
#define CDS(field) offsetof(struct config, cds.field)
static const struct config_key cds_keys[] = {
	{"enabled", CONFIG_SWITCH, CDS(enabled), false, "on or off"},
	{"open", CONFIG_SWITCH, CDS(open), false, "on or off: may anybody call"},
	{"services", CONFIG_PATH, CDS(services), false, "a directory of the site's own services"},
	{"vocabulary", CONFIG_PATH, CDS(vocabulary), false,
	 "a directory in which value sets that services name are looked for first"},
	{"knowledge", CONFIG_PATH, CDS(knowledge), false, "a directory of the site's own tables of drugs and rules"},
	{"patient_view", CONFIG_SWITCH, CDS(patient_view), false, "on or off: check what is taken at patient-view"},
	{"origins", CONFIG_SCOPES, CDS(origins), false, "origins of web pages that may call, or *"},
	{"fhir_servers", CONFIG_SCOPES, CDS(fhir_servers), false, "base URLs that data may be fetched from"},
	{"body", CONFIG_BYTES, CDS(body), false, "a size such as 10 MB"},
	{"fetch_bytes", CONFIG_BYTES, CDS(fetch_bytes), false, "a size such as 32 MB"},
	{"fetch_time", CONFIG_TIME, CDS(fetch_time), false, "a time such as 4 s"},
	{"fetch_threads", CONFIG_COUNT, CDS(fetch_threads), false, "how many fetches at once, from 1 to 64"},
	{"cards", CONFIG_COUNT, CDS(cards), false, "the most cards of an answer"},
	{"remember", CONFIG_TIME, CDS(remember), false,
	 "how long an override silences its card, such as 7 d; 0 s: never"},
	{"threshold", CONFIG_TEXT, CDS(threshold), false, "info, warning or critical: what is below is not told"},
	{"unverified_interactions", CONFIG_TEXT, CDS(unverified_interactions), false,
	 "off, info, warning or critical: the most that they say"},
	{"unverified_cross", CONFIG_TEXT, CDS(unverified_cross), false,
	 "off, info, warning or critical: the most that they say"},
	{"noninterruptive", CONFIG_TEXT, CDS(noninterruptive), false,
	 "off, info, warning or critical: the most that they say"},
	{"resolved_allergies", CONFIG_SWITCH, CDS(resolved_allergies), false, "on or off"},
};
#define CDS_CLIENT(field) offsetof(struct config_cds_client, field)
static const struct config_key cds_client_keys[] = {
	{"iss", CONFIG_TEXT, CDS_CLIENT(iss), true, "iss of the EHR's JWTs, letter by letter"},
	{"jku", CONFIG_SCOPES, CDS_CLIENT(jku), false, "where its keys are (JWKS)"},
	{"jwks_file", CONFIG_PATH, CDS_CLIENT(jwks_file), false, "a file with its public keys (JWKS)"},
	{"fhir_servers", CONFIG_SCOPES, CDS_CLIENT(fhir_servers), false, "base URLs that data may be fetched from"},
};
#define CDS_POLICY(field) offsetof(struct config_cds_policy, field)
static const struct config_key cds_policy_keys[] = {
	{"name", CONFIG_TEXT, CDS_POLICY(name), true, "what the line is called"},
	{"rule", CONFIG_TEXT, CDS_POLICY(rule), false, "the id of a rule, such as DD022"},
	{"class", CONFIG_TEXT, CDS_POLICY(drug_class), false, "a class of drugs, such as nsaid"},
	{"kind", CONFIG_TEXT, CDS_POLICY(kind), false, "allergy, interaction or duplicate"},
	{"role", CONFIG_TEXT, CDS_POLICY(role), false, "of the user"},
	{"action", CONFIG_TEXT, CDS_POLICY(action), true, "off, info, warning, critical, raise, lower or keep"},
};
#define KEYS(table) .keys = (table), .key_count = sizeof(table) / sizeof((table)[0])
const struct config_section config_sections[] = {
	{"server", .item_size = sizeof(struct config), KEYS(server_keys)},
	{"limits", .item_size = sizeof(struct config), KEYS(limit_keys)},
	{"tokens", .item_size = sizeof(struct config), KEYS(token_keys)},
	{"clients", true, sizeof(struct config_client), "client_id", KEYS(client_keys),
	 offsetof(struct config, clients), offsetof(struct config, client_count)},
	{"policy", true, sizeof(struct access_rule), "name", KEYS(policy_keys), offsetof(struct config, policy),
	 offsetof(struct config, policy_count)},
	{"login", .item_size = sizeof(struct config), KEYS(login_keys)},
	{"provider", .item_size = sizeof(struct config), KEYS(provider_keys)},
	{"users", true, sizeof(struct login_user), "name", KEYS(user_keys), offsetof(struct config, users),
	 offsetof(struct config, user_count)},
	{"ehrs", true, sizeof(struct ehr_config), "name", KEYS(ehr_keys), offsetof(struct config, ehrs),
	 offsetof(struct config, ehr_count)},
	{"cds", .item_size = sizeof(struct config), KEYS(cds_keys)},
	{"cds_clients", true, sizeof(struct config_cds_client), "iss", KEYS(cds_client_keys),
	 offsetof(struct config, cds_clients), offsetof(struct config, cds_client_count)},
	{"cds_policy", true, sizeof(struct config_cds_policy), "name", KEYS(cds_policy_keys),
	 offsetof(struct config, cds_policy), offsetof(struct config, cds_policy_count)},
};
const size_t config_section_count = sizeof(config_sections) / sizeof(config_sections[0]);

const struct config_key *config_key_find(const struct config_section *section, struct str name)
{
	for (size_t i = 0; i < section->key_count; i++) {
		if (str_is(name, section->keys[i].name))
			return &section->keys[i];
	}
	return NULL;
}

void config_defaults(struct config *c)
{
	*c = (struct config){.host = S("127.0.0.1"),
			     .port = CONFIG_DEFAULT_PORT,
			     .data = S(CONFIG_DEFAULT_DATA),
			     .update_create = true,
			     .text_index = true};
	config_cds_defaults(&c->cds);
	limits_defaults(&c->limits);
	lifetimes_defaults(&c->tokens);
}

static bool set_switch(struct str value, bool *ret_on, struct error *err)
{
	bool on = str_is(value, "on") || str_is(value, "true") || str_is(value, "yes");
	if (!on && !str_is(value, "off") && !str_is(value, "false") && !str_is(value, "no"))
		return error_set(err, ERR_CONFIG, "is neither on nor off");
	*ret_on = on;
	return true;
}

static bool set_port(struct str value, int64_t *ret_port, struct error *err)
{
	uint64_t port;
	if (!str_to_u64(value, &port) || port > 65535)
		return error_set(err, ERR_CONFIG, "is no port number from 0 to 65535");
	*ret_port = (int64_t)port;
	return true;
}

static bool set_limit(enum limit_kind kind, struct str value, int64_t *ret_limit, struct error *err)
{
	static const char *const forms[] = {"is no whole number", "is no size such as 64 MB",
					    "is no time such as 30 s"};
	return limit_parse(kind, value, ret_limit) || error_set(err, ERR_CONFIG, "%s", forms[kind]);
}

/* Absolute http(s) URL without white space, query or fragment; a slash at the end is dropped. */
static bool set_url(struct str value, struct str *ret_url, struct error *err)
{
	if (!str_starts(value, S("http://")) && !str_starts(value, S("https://")))
		return error_set(err, ERR_CONFIG, "does not start with http:// or https://");
	struct str host = str_slice(value, str_find(value, S("://")) + 3, value.n);
	if (host.n == 0 || host.p[0] == '/')
		return error_set(err, ERR_CONFIG, "names no host");
	for (size_t i = 0; i < value.n; i++) {
		unsigned char byte = (unsigned char)value.p[i];
		if (byte <= ' ' || byte >= 127 || strchr("?#\"<>\\^`{|}", byte))
			return error_set(err, ERR_CONFIG, "holds a character that does not belong into a base URL");
	}
	while (value.n && value.p[value.n - 1] == '/')
		value.n--;
	*ret_url = value;
	return true;
}

static bool set_ehr_name(struct str value, struct str *ret_name, struct error *err)
{
	bool ok = value.n >= 1 && value.n <= 20;
	for (size_t i = 0; ok && i < value.n; i++)
		ok = strchr("abcdefghijklmnopqrstuvwxyz0123456789-", value.p[i]) && value.p[i];
	if (!ok)
		return error_set(err, ERR_CONFIG, "is not 1 to 20 of a-z, 0-9 and -");
	*ret_name = value;
	return true;
}

static bool set_vendor(struct str value, enum ehr_vendor *ret_vendor, struct error *err)
{
	static const struct {
		const char *name;
		enum ehr_vendor vendor;
	} vendors[] = {{"epic", EHR_EPIC}, {"cerner", EHR_CERNER}, {"generic", EHR_GENERIC}};
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
		if (str_is(value, vendors[i].name)) {
			*ret_vendor = vendors[i].vendor;
			return true;
		}
	}
	return error_set(err, ERR_CONFIG, "is none of epic, cerner, generic");
}

bool config_value(struct arena *a, struct str directory, const struct config_key *key, struct str value, void *item,
		  struct error *err)
{
	void *field = (char *)item + key->offset;
	if (value.n == 0)
		return error_set(err, ERR_CONFIG, "is empty");
	if (memchr(value.p, 0, value.n))
		return error_set(err, ERR_CONFIG, "holds a zero byte");
	switch (key->kind) {
	case CONFIG_SWITCH:
		return set_switch(value, field, err);
	case CONFIG_PORT:
		return set_port(value, field, err);
	case CONFIG_URL:
		return set_url(value, field, err);
	case CONFIG_EHR_NAME:
		return set_ehr_name(value, field, err);
	case CONFIG_VENDOR:
		return set_vendor(value, field, err);
	case CONFIG_COUNT:
		return set_limit(LIMIT_COUNT, value, field, err);
	case CONFIG_BYTES:
		return set_limit(LIMIT_BYTES, value, field, err);
	case CONFIG_TIME:
		return set_limit(LIMIT_TIME, value, field, err);
	case CONFIG_PATH:
		if (value.p[0] != '/' && directory.n)
			value = arena_printf(a, "%.*s/%.*s", STR_ARG(directory), STR_ARG(value));
		break;
	case CONFIG_TEXT:
	case CONFIG_SCOPES:
		break;
	}
	if (!value.p)
		return error_memory(err);
	*(struct str *)field = value;
	return true;
}

const struct config_section *config_section_find(struct str name)
{
	for (size_t i = 0; i < config_section_count; i++) {
		if (str_is(name, config_sections[i].name))
			return &config_sections[i];
	}
	return NULL;
}

/* The item of a list section whose id key has this value. */
static void *item_find(const struct config *c, const struct config_section *section, struct str id)
{
	const char *base = (const char *)c;
	char *items;
	size_t count;
	memcpy(&items, base + section->items_offset, sizeof(items));
	memcpy(&count, base + section->count_offset, sizeof(count));
	size_t offset = config_key_find(section, str_from(section->id))->offset;
	for (size_t i = 0; i < count; i++) {
		char *item = items + i * section->item_size;
		if (str_eq(*(struct str *)(void *)(item + offset), id))
			return item;
	}
	return NULL;
}

void config_given(struct config *c, const struct config_key *key)
{
	if (key->kind == CONFIG_SWITCH && key->offset == offsetof(struct config, auth))
		c->auth_given = true;
	for (size_t i = 0; i < sizeof(cds_keys) / sizeof(cds_keys[0]); i++)
		c->cds.given = c->cds.given || key == &cds_keys[i];
	c->cds.enabled_given = c->cds.enabled_given || key == &cds_keys[0];
}

bool config_set(struct config *c, struct arena *a, struct str assignment, struct error *err)
{
	struct str value = assignment;
	struct str path = str_trim(str_split(&value, '='));
	struct str rest = path;
	if (value.p && str_starts(path, S("validation."))) {
		struct str type = str_slice(path, 11, path.n);
		return config_rule(c, a, type, str_trim(value), err) ||
		       error_context(err, "--set: %.*s", STR_ARG(path));
	}
	const struct config_section *section = config_section_find(str_split(&rest, '.'));
	if (!value.p || !rest.p || !section)
		return error_set(err, ERR_USAGE, "--set needs section.key=value, such as ehrs.epic-main.base_url=URL");
	void *item = c;
	if (section->list) {
		struct str id = str_split(&rest, '.');
		item = item_find(c, section, id);
		if (!item)
			return error_set(err, ERR_USAGE, "--set: no entry of %s has the %s '%.*s'", section->name,
					 section->id, STR_ARG(id));
	}
	const struct config_key *key = rest.p ? config_key_find(section, rest) : NULL;
	if (!key)
		return error_set(err, ERR_USAGE, "--set: %s has no key '%.*s'", section->name, STR_ARG(rest));
	if (!config_value(a, STR_NULL, key, value, item, err))
		return error_context(err, "--set: %.*s", STR_ARG(path));
	config_given(c, key);
	return true;
}

/* FIRTH_LIMIT_BODY and so on. */
static bool limits_from_environment(struct config *c, struct arena *a, struct error *err)
{
	for (size_t i = 0; i < sizeof(limit_keys) / sizeof(limit_keys[0]); i++) {
		char name[80] = "FIRTH_LIMIT_";
		size_t n = strlen(name);
		for (const char *p = limit_keys[i].name; *p && n < sizeof(name) - 1; p++)
			name[n++] = (char)(*p - 'a' + 'A');
		name[n] = '\0';
		const char *value = getenv(name);
		if (value && !config_value(a, STR_NULL, &limit_keys[i], str_from(value), c, err))
			return error_context(err, "%s", name);
	}
	return true;
}

/* FIRTH_EHR_EPIC_MAIN_KEY_FILE: the value of a key of one EHR, NULL when it is not set. */
static const char *ehr_environment(const struct ehr_config *ehr, const char *key, char ret_name[80])
{
	size_t n = (size_t)snprintf(ret_name, 80, "FIRTH_EHR_%.*s_%s", STR_ARG(ehr->name), key);
	for (size_t j = 0; j < n && j < 80; j++) {
		if (ret_name[j] == '-')
			ret_name[j] = '_';
		else if (ret_name[j] >= 'a' && ret_name[j] <= 'z')
			ret_name[j] = (char)(ret_name[j] - 'a' + 'A');
	}
	return getenv(ret_name);
}

bool config_ehr_environment(struct config *c, struct arena *a, size_t from, struct error *err)
{
	const struct config_section *section = config_section_find(S("ehrs"));
	for (size_t i = from; i < c->ehr_count; i++) {
		char name[80];
		/* A secret comes from here or from a file of its own, never from firth.yaml. */
		c->ehrs[i].login_secret = str_from(ehr_environment(&c->ehrs[i], "login_secret", name));
		c->ehrs[i].secret = str_from(ehr_environment(&c->ehrs[i], "secret", name));
		for (size_t k = 0; k < section->key_count; k++) {
			const char *value = ehr_environment(&c->ehrs[i], section->keys[k].name, name);
			if (!value || str_is(str_from(section->keys[k].name), section->id))
				continue;
			if (!config_value(a, STR_NULL, &section->keys[k], str_from(value), &c->ehrs[i], err))
				return error_context(err, "%s", name);
		}
	}
	return true;
}

bool config_environment(struct config *c, struct arena *a, struct error *err)
{
	const char *seal_key_file = getenv("FIRTH_SEAL_KEY_FILE");
	if (seal_key_file && *seal_key_file)
		c->seal_key_file = str_from(seal_key_file);
	return limits_from_environment(c, a, err) && config_ehr_environment(c, a, 0, err);
}

bool config_settle(struct config *c, struct error *err)
{
	while (c->base_url.n && c->base_url.p[c->base_url.n - 1] == '/')
		c->base_url.n--;
	/* A database where a directory was expected: it is clear what is meant. Files still need a directory. */
	if (!c->db.n && config_is_database(c->data)) {
		c->db = c->data;
		c->data = S(CONFIG_DEFAULT_DATA);
	}
	if (!c->auth_given)
		c->auth = c->client_count > 0;
	if (!c->auth && !host_is_loopback(c->host))
		return error_set(err, ERR_CONFIG,
				 "without authorization Firth listens on loopback only, not on %.*s; configure "
				 "clients and auth: on, or leave host out",
				 STR_ARG(c->host));
	if (!c->auth && (c->policy_count || c->break_glass.p || c->consent.p))
		return error_set(
			err, ERR_CONFIG,
			"policy, break_glass and consent are about tokens, but nobody is asked for one; set auth: on");
	if (c->launcher && (!c->auth || !host_is_loopback(c->host)))
		return error_set(
			err, ERR_CONFIG,
			"launcher opens any patient for any app: it needs auth: on, and a server that listens on "
			"loopback only");
	return config_settle_cds(c, err) && limits_check(&c->limits, err) && lifetimes_check(&c->tokens, err);
}

bool config_load_keys(struct config *c, struct arena *a, struct error *err)
{
	for (size_t i = 0; i < c->client_count; i++) {
		struct config_client *client = &c->clients[i];
		struct str text;
		if (!client->jwks_file.p)
			continue;
		if (!file_read(a, client->jwks_file, 1 << 20, &text, err))
			return error_context(err, "keys of client %.*s", STR_ARG(client->client.client_id));
		client->client.jwks = json_parse(a, text, 0, err);
		if (!client->client.jwks)
			return error_context(err, "%.*s", STR_ARG(client->jwks_file));
		if (!json_is(json_get(client->client.jwks, S("keys")), JSON_ARRAY))
			return error_set(err, ERR_CONFIG, "%.*s is no JWKS: it has no list of keys",
					 STR_ARG(client->jwks_file));
	}
	return true;
}

/* What day today is, where a rule asks for it. The bytes stay in the arena. */
static bool config_load_zone(struct config *c, struct arena *a, struct error *err)
{
	struct str bytes;
	if (!c->time_zone.n)
		return true;
	if (!zone_is_name(c->time_zone))
		return error_set(err, ERR_CONFIG, "time_zone: %.*s is no name such as America/New_York",
				 STR_ARG(c->time_zone));
	struct str path = arena_printf(a, "/usr/share/zoneinfo/%.*s", STR_ARG(c->time_zone));
	if (!path.p || !file_read(a, path, 1 << 20, &bytes, err))
		return error_context(err, "time_zone (is it spelled right, and the system's tzdata installed?)");
	c->zone = zone_read(a, bytes, err);
	return c->zone || error_context(err, "time_zone %.*s", STR_ARG(c->time_zone));
}

bool config_load(struct config *c, struct arena *a, struct str path, struct error *err)
{
	struct str text;
	config_defaults(c);
	if (!path.p && access(CONFIG_FILE, F_OK) != 0)
		return true;
	if (!path.p)
		path = S(CONFIG_FILE);
	if (!file_read(a, path, 1 << 20, &text, err))
		return false;
	size_t slash = str_rfind_char(path, '/');
	if (slash != STR_NONE)
		c->directory = slash ? str_slice(path, 0, slash) : S("/");
	return config_parse(c, a, text, path, err) && config_load_keys(c, a, err) && config_load_people(c, a, err) &&
	       config_load_cds(c, a, err) && config_load_zone(c, a, err);
}

bool config_open(struct app *app, struct config *ret_config)
{
	return config_open_file(app, app_option_early(app, "config"), ret_config);
}

bool config_open_file(struct app *app, struct str path, struct config *ret_config)
{
	struct error err = {0};
	/* A mistake in the file must be told in the form that was asked for. */
	app->json = str_is(app_option_early(app, "format"), "json");
	if (config_load(ret_config, &app->arena, path, &err) && config_environment(ret_config, &app->arena, &err))
		return true;
	app->status = app_fail(app, &err);
	return false;
}

static bool passwords_hidden(const struct app *app, struct error *err)
{
	for (int i = 0; i < app->argc; i++) {
		struct str word = str_from(app->argv[i]);
		if (str_starts(word, S("--db=")))
			word = str_slice(word, 5, word.n);
		if (config_url_has_password(word))
			return error_set(err, ERR_USAGE,
					 "A password does not belong on the command line: put the URL into FIRTH_DB or "
					 "firth.yaml, or the password into the file that PGPASSFILE names");
	}
	return true;
}

/* What is set of EHRs must wait until those of the registry are there, and where that is may be set, too. */
static bool apply_set(struct config *c, struct arena *a, const struct option_list *set, bool of_ehrs, struct error *err)
{
	for (size_t i = 0; i < set->count; i++)
		if (str_starts(str_trim(set->items[i]), S("ehrs.")) == of_ehrs && !config_set(c, a, set->items[i], err))
			return false;
	return true;
}

bool config_finish(struct app *app, struct config *c, const struct config_options *o)
{
	struct error err = {0};
	struct arena *a = &app->arena;
	if (apply_set(c, a, &o->set, false, &err) && passwords_hidden(app, &err) && config_settle(c, &err) &&
	    (c->ehrs_apart || registry_load(c, a, &err)) && apply_set(c, a, &o->set, true, &err))
		return true;
	app->status = app_fail(app, &err);
	return false;
}
