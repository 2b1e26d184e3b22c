/*
 * What a client is registered with, in the names of RFC 7591 section 2: read with every rule checked, and written. The
 * same form serves registration, the operator's commands and the shelf, which has the digests of secrets beside.
 */
#include "base/origin.h"
#include "server/smart/smart_priv.h"

enum { MAX_NAME = 200, MAX_URL = 2000, MAX_LIST = 32, MAX_SCOPE_TEXT = 16 * 1024, MAX_ID = 200 };

static const struct {
	const char *name;
	enum client_auth auth;
} methods[] = {{"none", AUTH_NONE},
	       {"client_secret_basic", AUTH_SECRET_BASIC},
	       {"client_secret_post", AUTH_SECRET_POST},
	       {"private_key_jwt", AUTH_PRIVATE_KEY}};

static const struct {
	const char *name;
	unsigned type;
} grant_types[] = {{"authorization_code", CLIENT_AUTHORIZATION_CODE},
		   {"refresh_token", CLIENT_REFRESH_TOKEN},
		   {"client_credentials", CLIENT_CREDENTIALS},
		   {"urn:ietf:params:oauth:grant-type:jwt-bearer", CLIENT_DEVICE}};

/* Members that are one text, or a list of texts kept with spaces between. */
static const struct {
	const char *name;
	size_t offset;
	enum { TEXT, URL, LIST } kind;
} members[] = {{"client_name", offsetof(struct smart_client, name), TEXT},
	       {"scope", offsetof(struct smart_client, scope), TEXT},
	       {"redirect_uris", offsetof(struct smart_client, redirect_uris), LIST},
	       {"grant_types", offsetof(struct smart_client, grant_types), LIST},
	       {"contacts", offsetof(struct smart_client, contacts), LIST},
	       {"jwks_uri", offsetof(struct smart_client, jwks_url), URL},
	       {"launch_url", offsetof(struct smart_client, launch_url), URL},
	       {"logo_uri", offsetof(struct smart_client, logo_url), URL},
	       {"client_uri", offsetof(struct smart_client, client_url), URL},
	       {"policy_uri", offsetof(struct smart_client, policy_url), URL},
	       {"tos_uri", offsetof(struct smart_client, terms_url), URL},
	       {"software_id", offsetof(struct smart_client, software_id), TEXT},
	       {"software_version", offsetof(struct smart_client, software_version), TEXT},
	       {"id_token_signed_response_alg", offsetof(struct smart_client, id_token_alg), TEXT}};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const char *client_auth_name(enum client_auth auth)
{
	for (size_t i = 0; i < COUNT(methods); i++)
		if (methods[i].auth == auth)
			return methods[i].name;
	return "none";
}

enum client_auth smart_client_auth(const struct smart_client *client)
{
	if (client->auth != AUTH_IMPLIED)
		return client->auth;
	return client->jwks || client->jwks_url.n ? AUTH_PRIVATE_KEY
	       : client->secret_sha256.n	  ? AUTH_SECRET_BASIC
						  : AUTH_NONE;
}

unsigned smart_client_grant_types(const struct smart_client *client)
{
	unsigned types = 0;
	struct str rest = client->grant_types;
	if (!rest.n)
		return (client->redirect_uris.n ? CLIENT_AUTHORIZATION_CODE | CLIENT_REFRESH_TOKEN : 0u) |
		       (smart_client_auth(client) == AUTH_PRIVATE_KEY || (client->configured && client->secret_sha256.n)
				? CLIENT_CREDENTIALS
				: 0u);
	while (rest.p) {
		struct str word = str_split(&rest, ' ');
		for (size_t i = 0; i < COUNT(grant_types); i++)
			types |= str_is(word, grant_types[i].name) ? grant_types[i].type : 0u;
	}
	return types;
}

/* ---- URLs ---------------------------------------------------------------------------------------------------------
 */

static bool is_url_text(struct str url)
{
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= ' ' || url.p[i] > '~' || url.p[i] == '\\' || url.p[i] == '"' || url.p[i] == '<' ||
		    url.p[i] == '>')
			return false;
	return url.n > 0 && url.n <= MAX_URL;
}

/* RFC 9700 section 4.1: https; http to this machine (RFC 8252 section 7.3); or an app's own scheme, which has a dot in
 * it (section 7.1), so that neither javascript: nor data: is one. No fragment (RFC 6749 section 3.1.2), no wildcard. */
static bool is_redirect_uri(struct str uri)
{
	size_t colon = str_find_char(uri, ':', 0);
	if (!is_url_text(uri) || colon == STR_NONE || str_find_char(uri, '#', 0) != STR_NONE ||
	    str_find_char(uri, '*', 0) != STR_NONE)
		return false;
	if (str_starts(uri, S("https://")) || str_starts(uri, S("http://")))
		return url_is_private(uri);
	struct str scheme = str_slice(uri, 0, colon);
	for (size_t i = 0; i < scheme.n; i++) {
		char c = scheme.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9' && i) ||
		      (i && (c == '.' || c == '-' || c == '+'))))
			return false;
	}
	return str_find_char(scheme, '.', 0) != STR_NONE;
}

/* "http://127.0.0.1" and the rest, without the port of a loopback address. */
static bool without_port(struct str uri, struct str *ret_host, struct str *ret_rest)
{
	static const char *const hosts[] = {"http://127.0.0.1", "http://[::1]"};
	for (size_t i = 0; i < COUNT(hosts); i++) {
		*ret_host = str_from(hosts[i]);
		if (!str_starts(uri, *ret_host))
			continue;
		size_t at = ret_host->n;
		if (at < uri.n && uri.p[at] == ':')
			do
				at++;
			while (at < uri.n && uri.p[at] >= '0' && uri.p[at] <= '9');
		*ret_rest = str_slice(uri, at, uri.n);
		return !ret_rest->n || ret_rest->p[0] == '/' || ret_rest->p[0] == '?';
	}
	return false;
}

bool client_has_redirect(const struct smart_client *client, struct str uri)
{
	struct str rest = client->redirect_uris, host, path, asked_host, asked_path;
	bool loopback = without_port(uri, &asked_host, &asked_path);
	while (rest.n) {
		struct str one = str_split(&rest, ' ');
		if (one.n && str_eq(one, uri))
			return true;
		if (loopback && without_port(one, &host, &path) && host.n + path.n == one.n &&
		    str_eq(host, asked_host) && str_eq(path, asked_path))
			return true;
	}
	return false;
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

static struct str *field(struct smart_client *client, size_t i)
{
	return (struct str *)((char *)client + members[i].offset);
}

static bool read_list(struct arena *a, const char *name, const struct json *value, struct str *ret_text,
		      struct error *err)
{
	struct buf joined;
	if (!json_is(value, JSON_ARRAY) || json_size(value) > MAX_LIST)
		return error_set(err, ERR_VALUE, "%s is not a list of at most %d texts", name, MAX_LIST);
	buf_init(&joined, MAX_LIST * (MAX_URL + 1));
	bool ok = true;
	for (struct json_iter it = json_iter(value); ok && json_next(&it);) {
		struct str text = json_str(it.value);
		ok = text.n && text.n <= MAX_URL && str_find_char(text, ' ', 0) == STR_NONE;
		buf_printf(&joined, "%s%.*s", joined.n ? " " : "", STR_ARG(text));
	}
	*ret_text = ok && buf_ok(&joined) ? arena_str(a, buf_str(&joined)) : STR_NULL;
	buf_done(&joined);
	return ok ? ret_text->p || error_memory(err)
		  : error_set(err, ERR_VALUE, "%s has an item that is empty, too long, or has a space in it", name);
}

static bool read_member(struct arena *a, size_t i, const struct json *value, struct smart_client *client,
			struct error *err)
{
	const char *name = members[i].name;
	struct str text = json_str(value);
	size_t most = str_is(str_from(name), "scope") ? MAX_SCOPE_TEXT : members[i].kind == URL ? MAX_URL : MAX_NAME;
	if (members[i].kind == LIST)
		return read_list(a, name, value, field(client, i), err);
	if (!text.p || text.n > most)
		return error_set(err, ERR_VALUE, "%s is not a text of at most %zu bytes", name, most);
	if (members[i].kind == URL && !(is_url_text(text) && url_is_private(text)))
		return error_set(err, ERR_VALUE, "%s is not an https URL", name);
	*field(client, i) = arena_str(a, text);
	return field(client, i)->p || error_memory(err);
}

static bool read_members(struct arena *a, const struct json *metadata, struct smart_client *client, struct error *err)
{
	for (size_t i = 0; i < COUNT(members); i++) {
		const struct json *value = json_get(metadata, str_from(members[i].name));
		if (value && !json_is(value, JSON_NULL) && !read_member(a, i, value, client, err))
			return false;
	}
	const struct json *method = json_get(metadata, S("token_endpoint_auth_method"));
	for (size_t i = 0; method && i < COUNT(methods); i++)
		if (str_is(json_str(method), methods[i].name))
			client->auth = methods[i].auth;
	if (method && client->auth == AUTH_IMPLIED)
		return error_set(err, ERR_VALUE,
				 "token_endpoint_auth_method is none of none, client_secret_basic, client_secret_post, "
				 "private_key_jwt");
	client->jwks = json_get(metadata, S("jwks"));
	return true;
}

static bool check_redirects(const struct smart_client *client, struct error *err)
{
	struct str rest = client->redirect_uris;
	while (rest.n) {
		struct str uri = str_split(&rest, ' ');
		if (uri.n && !is_redirect_uri(uri))
			return error_set(err, ERR_VALUE,
					 "The redirect URI %.*s cannot be accepted: it takes https, http to a loopback "
					 "address, or a scheme with a dot in it, without fragment and wildcards",
					 STR_ARG(str_slice(uri, 0, 120)));
	}
	return true;
}

static bool check_grant_types(const struct smart_client *client, struct error *err)
{
	struct str rest = client->grant_types;
	unsigned types = smart_client_grant_types(client);
	while (rest.n) {
		struct str word = str_split(&rest, ' ');
		bool known = false;
		for (size_t i = 0; i < COUNT(grant_types); i++)
			known = known || (grant_types[i].type != CLIENT_DEVICE && str_is(word, grant_types[i].name));
		if (!known)
			return error_set(err, ERR_VALUE, "The grant type %.*s is not supported",
					 STR_ARG(str_slice(word, 0, 60)));
	}
	if ((types & CLIENT_AUTHORIZATION_CODE) && !client->redirect_uris.n)
		return error_set(err, ERR_VALUE, "The grant type authorization_code needs redirect_uris");
	if ((types & CLIENT_CREDENTIALS) && smart_client_auth(client) == AUTH_NONE)
		return error_set(err, ERR_VALUE,
				 "The grant type client_credentials needs a client that can prove itself");
	return types || error_set(err, ERR_VALUE, "The client can do nothing: it needs redirect_uris or keys");
}

static bool check_keys(const struct smart_client *client, unsigned algorithms, struct error *err)
{
	struct error why = {0};
	if (client->jwks && client->jwks_url.n)
		return error_set(err, ERR_VALUE, "jwks and jwks_uri exclude each other (RFC 7591 section 2)");
	if (client->auth == AUTH_PRIVATE_KEY && !client->jwks && !client->jwks_url.n)
		return error_set(err, ERR_VALUE, "private_key_jwt needs jwks or jwks_uri");
	if (!client->jwks)
		return true;
	struct jose_key_set *keys = jose_key_set_parse_for(client->jwks, algorithms, &why);
	jose_key_set_free(keys);
	return keys || error_set(err, ERR_VALUE, "jwks: %s", why.text);
}

static bool check_id_token(const struct smart_client *client, struct error *err)
{
	struct str alg = client->id_token_alg;
	return !alg.p || str_is(alg, "RS256") || str_is(alg, "RS384") || str_is(alg, "ES384") ||
	       error_set(err, ERR_VALUE, "id_token_signed_response_alg is none of RS256, RS384, ES384");
}

bool client_check(const struct smart_client *client, unsigned algorithms, const char **ret_code, struct error *err)
{
	*ret_code = "invalid_redirect_uri";
	if (!check_redirects(client, err))
		return false;
	*ret_code = "invalid_client_metadata";
	return check_keys(client, algorithms, err) && check_grant_types(client, err) && check_id_token(client, err);
}

static bool check_scope(struct smart *s, struct arena *a, const struct smart_client *client, struct error *err)
{
	struct scope_list list;
	size_t ignored = 0;
	if (!scope_list_read(a, s->options.definitions, client->scope, &list, &ignored, err))
		return false;
	if (ignored)
		return error_set(err, ERR_VALUE, "scope has %zu words that are no scopes", ignored);
	return list.text.n || error_set(err, ERR_VALUE, "scope is missing");
}

bool smart_client_read(struct smart *s, struct arena *a, const struct json *metadata, struct smart_client *ret_client,
		       const char **ret_code, struct error *err)
{
	struct smart_client client = {0};
	struct str id = json_get_str(metadata, S("client_id"));
	*ret_code = "invalid_client_metadata";
	if (!json_is(metadata, JSON_OBJECT))
		return error_set(err, ERR_VALUE, "The metadata are not a JSON object");
	if (!read_members(a, metadata, &client, err))
		return false;
	client.client_id = id.n && id.n <= MAX_ID && is_url_text(id) ? arena_str(a, id) : STR_NULL;
	if (json_get(metadata, S("client_id")) && !client.client_id.p)
		return error_set(err, ERR_VALUE, "client_id is not a word of at most %d characters", MAX_ID);
	if (!client_check(&client, smart_algorithms(s), ret_code, err) || !check_scope(s, a, &client, err))
		return false;
	*ret_client = client;
	return true;
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static void put_list(struct json_writer *w, const char *name, struct str text)
{
	json_key(w, str_from(name));
	json_array_begin(w);
	while (text.n) {
		struct str one = str_split(&text, ' ');
		if (one.n)
			json_put_str(w, one);
	}
	json_array_end(w);
}

static void put_time(struct json_writer *w, const char *name, int64_t ms)
{
	if (!ms)
		return;
	json_key(w, str_from(name));
	json_put_i64(w, ms / 1000);
}

static void put_flag(struct json_writer *w, const char *name, bool value)
{
	if (!value)
		return;
	json_key(w, str_from(name));
	json_put_bool(w, true);
}

static void put_public(struct json_writer *w, const struct smart_client *client)
{
	json_put_member(w, S("client_id"), client->client_id);
	for (size_t i = 0; i < COUNT(members); i++) {
		struct str text = *field((struct smart_client *)(uintptr_t)client, i);
		if (text.n && members[i].kind == LIST)
			put_list(w, members[i].name, text);
		else if (text.n)
			json_put_member(w, str_from(members[i].name), text);
	}
	json_put_member(w, S("token_endpoint_auth_method"), str_from(client_auth_name(smart_client_auth(client))));
	if (client->jwks) {
		json_key(w, S("jwks"));
		json_put_value(w, client->jwks);
	}
	put_time(w, "client_id_issued_at", client->registered_ms);
	if (client->secret_sha256.n) {
		json_key(w, S("client_secret_expires_at"));
		json_put_i64(w, client->secret_expires_ms / 1000);
	}
	put_time(w, "expires_at", client->expires_ms);
	put_flag(w, "disabled", client->disabled);
	put_flag(w, "configured", client->configured);
	put_flag(w, "self_registered", client->self_registered);
}

void smart_client_write(struct json_writer *w, const struct smart_client *client)
{
	json_object_begin(w);
	put_public(w, client);
	json_object_end(w);
}

struct str client_format(struct arena *a, const struct smart_client *client, struct error *err)
{
	struct buf text;
	buf_init(&text, MAX_FACT);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	put_public(&w, client);
	json_put_member(&w, S("secret_sha256"), client->secret_sha256);
	json_put_member(&w, S("secret_before_sha256"), client->secret_before);
	put_time(&w, "secret_before_until", client->secret_before_ms);
	json_object_end(&w);
	struct str stored = buf_ok(&text) ? arena_str(a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	if (!stored.p)
		error_set(err, ERR_LIMIT, "The client's metadata are larger than %d bytes", MAX_FACT);
	return stored;
}

static int64_t read_time(const struct json *stored, const char *name)
{
	int64_t seconds = 0;
	return str_to_i64(json_number(json_get(stored, str_from(name))), &seconds) ? seconds * 1000 : 0;
}

bool client_parse(struct arena *a, struct str stored, struct smart_client *ret_client, struct error *err)
{
	struct smart_client client = {0};
	const struct json *j = json_parse(a, stored, 0, err);
	if (!j || !read_members(a, j, &client, err))
		return error_context(err, "a registered client");
	client.client_id = json_get_str(j, S("client_id"));
	client.secret_sha256 = json_get_str(j, S("secret_sha256"));
	client.secret_before = json_get_str(j, S("secret_before_sha256"));
	client.secret_before_ms = read_time(j, "secret_before_until");
	client.secret_expires_ms = read_time(j, "client_secret_expires_at");
	client.registered_ms = read_time(j, "client_id_issued_at");
	client.expires_ms = read_time(j, "expires_at");
	client.disabled = json_bool(json_get(j, S("disabled")));
	client.self_registered = json_bool(json_get(j, S("self_registered")));
	*ret_client = client;
	return true;
}
