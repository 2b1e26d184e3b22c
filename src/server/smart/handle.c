/*
 * The authorization server's URLs: endpoints below /auth, and the documents that must not lie below the FHIR base (RFC
 * 8414 section 3 and RFC 9728 section 3 put the well-known part in front of a path). Everything here may be asked for
 * by a page of any origin, since nothing of it goes by cookies.
 */
#include "server/smart/smart_priv.h"

static const struct endpoint endpoints[] = {{"/auth/token", "token", ENDPOINT_FORM, token_endpoint_run},
					    {"/auth/introspect", "introspect", ENDPOINT_FORM, introspect_run},
					    {"/auth/revoke", "revoke", ENDPOINT_FORM, revoke_run},
					    {"/auth/register", "register", ENDPOINT_JSON, register_run},
					    {"/auth/userinfo", "userinfo", ENDPOINT_BEARER, userinfo_run}};

enum document { DOCUMENT_NONE, DOCUMENT_KEYS, DOCUMENT_SERVER, DOCUMENT_RESOURCE };
static const struct {
	const char *before; /* what goes in front of the path of the FHIR base */
	enum document document;
} well_known[] = {{"/.well-known/oauth-authorization-server", DOCUMENT_SERVER},
		  {"/.well-known/oauth-protected-resource", DOCUMENT_RESOURCE},
		  {"/.well-known/openid-configuration", DOCUMENT_SERVER}};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The path of the base URL, which a server in front of us may have put before ours. */
static struct str path_of(struct str url)
{
	size_t start = str_find(url, S("://"));
	size_t slash = start == STR_NONE ? STR_NONE : str_find_char(url, '/', start + 3);
	return slash == STR_NONE ? S("") : str_slice(url, slash, url.n);
}

static bool is_fhir_base(const struct smart *s, struct str path)
{
	struct str fhir = S("/fhir"), base = str_slice(path, 0, path.n - fhir.n);
	return path.n >= fhir.n && str_ends(path, fhir) &&
	       (str_eq(base, s->options.base_path) || str_eq(base, path_of(s->options.base_url)));
}

static enum document find_document(const struct smart *s, struct str path)
{
	struct str base = s->options.base_path;
	if (str_starts(path, base) && str_is(str_slice(path, base.n, path.n), "/auth/jwks"))
		return DOCUMENT_KEYS;
	for (size_t i = 0; i < COUNT(well_known); i++) {
		struct str before = str_from(well_known[i].before);
		if (str_starts(path, before) && is_fhir_base(s, str_slice(path, before.n, path.n)))
			return well_known[i].document;
	}
	return DOCUMENT_NONE;
}

struct str smart_realm_path(struct str path)
{
	for (size_t i = 0; i < COUNT(well_known); i++) {
		struct str before = str_from(well_known[i].before);
		if (str_starts(path, before) && path.n > before.n && path.p[before.n] == '/')
			return str_slice(path, before.n, path.n);
	}
	return path;
}

static void answer_preflight(struct http_exchange *x)
{
	static const struct http_header headers[] = {
		{S("Access-Control-Allow-Origin"), S("*")},
		{S("Access-Control-Allow-Methods"), S("GET, POST, OPTIONS")},
		{S("Access-Control-Allow-Headers"), S("Authorization, Content-Type, Accept, X-Request-Id")},
		{S("Access-Control-Max-Age"), S("86400")}};
	http_respond(x,
		     &(struct http_response){
			     .status = 204, .content_type = S(""), .headers = headers, .header_count = COUNT(headers)});
}

static void answer_document(struct smart *s, struct http_exchange *x, enum document document)
{
	static const struct http_header headers[] = {{S("Cache-Control"), S("max-age=300")},
						     {S("Access-Control-Allow-Origin"), S("*")}};
	struct arena *a = http_request(x)->arena;
	struct str text = document == DOCUMENT_SERVER ? s->configuration : s->resource_metadata;
	struct error err = {0};
	struct buf body;
	buf_init(&body, 1 << 20);
	if (!str_is(http_request(x)->method, "GET"))
		error_set(&err, ERR_METHOD, "This takes GET");
	else if (document == DOCUMENT_KEYS)
		(void)!signing_public(s, a, &text, &err);
	if (err.code)
		(void)decision_write_oauth(&body, &err, "server_error");
	else
		buf_add(&body, text);
	http_respond(x, &(struct http_response){.status = err.code ? error_http_status(err.code) : 200,
						.content_type = S("application/json"),
						.headers = headers + (err.code ? 1 : 0),
						.header_count = err.code ? 1 : 2,
						.body = &body});
	buf_done(&body);
}

static const struct endpoint *find_endpoint(const struct smart *s, struct str path)
{
	struct str base = s->options.base_path;
	if (!str_starts(path, base))
		return NULL;
	path = str_slice(path, base.n, path.n);
	for (size_t i = 0; i < COUNT(endpoints); i++)
		if (str_is(path, endpoints[i].path))
			return &endpoints[i];
	return NULL;
}

bool smart_handle(struct smart *s, struct http_exchange *x)
{
	const struct http_request *request = http_request(x);
	const struct endpoint *endpoint = find_endpoint(s, request->path);
	enum document document = endpoint ? DOCUMENT_NONE : find_document(s, request->path);
	if (!endpoint && !document)
		return false;
	if (str_is(request->method, "OPTIONS"))
		answer_preflight(x);
	else if (endpoint)
		endpoint_serve(s, x, endpoint);
	else
		answer_document(s, x, document);
	return true;
}

void smart_serve(struct smart *s, struct http_exchange *x, const char *name)
{
	struct str path = arena_printf(http_request(x)->arena, "%.*s/auth/%s", STR_ARG(s->options.base_path), name);
	const struct endpoint *endpoint = find_endpoint(s, path);
	if (str_is(http_request(x)->method, "OPTIONS"))
		answer_preflight(x);
	else if (endpoint)
		endpoint_serve(s, x, endpoint);
	else
		answer_document(s, x, find_document(s, path));
}

struct str smart_issuer(const struct smart *s)
{
	return s->issuer;
}

struct str smart_fhir_url(const struct smart *s)
{
	return s->fhir_url;
}

struct str smart_oauth_uris(const struct smart *s)
{
	return s->oauth_uris;
}

struct str smart_configuration(const struct smart *s)
{
	return s->configuration;
}
