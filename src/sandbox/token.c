/* The token endpoint at the vendor's path: Firth's own checks, the vendor's answers. */
#include "sandbox/faults_priv.h"

#include "base/encode.h"

static bool is_token_path(const struct sandbox *s, struct str path)
{
	for (size_t i = 0; i < 2; i++) {
		if (s->vendor->token_paths[i] && str_is(path, s->vendor->token_paths[i]))
			return true;
	}
	/* Cerner's newer form names the FHIR host as well: /tenants/{t}/hosts/{host}/protocols/... */
	return s->o.vendor == EHR_CERNER && str_starts(path, S("/tenants/" CERNER_TENANT "/hosts/")) &&
	       str_ends(path, S("/protocols/oauth2/profiles/smart-v1/token"));
}

/* Is there a scope at all? Which of them count is said by the persona. */
static bool names_scopes(struct str form)
{
	return face_has(form, S("scope"));
}

/* Who asks: by the form, or by the claims of its assertion, whose signature is checked afterwards. */
static struct str client_of(const struct http_request *r)
{
	struct str id = face_value(r->body, S("client_id")), rest = face_value(r->body, S("client_assertion"));
	struct error err = {0};
	struct buf text;
	if (id.n || !rest.n)
		return id;
	buf_init(&text, 1 << 16);
	str_split(&rest, '.');
	const struct json *claims = decode_base64url(&text, str_split(&rest, '.'))
					    ? json_parse(r->arena, arena_str(r->arena, buf_str(&text)), 0, &err)
					    : NULL;
	buf_done(&text);
	return json_get_str(claims, S("iss"));
}

static void record(struct sandbox *s, const struct http_request *r, const struct smart_token_answer *answer,
		   const struct error *why)
{
	struct error ignored = {0};
	struct audit_event event = {.action = 'E',
				    .interaction = S("token"),
				    .outcome = answer->error ? 4 : 0,
				    .http_status = answer->status,
				    .agent = answer->client_id.p ? answer->client_id : S("anonymous"),
				    .address = r->address,
				    .request_id = r->request_id};
	if (answer->error)
		event.detail = str_from(why->text);
	if (!store_audit(s->o.store, &event, 1, &ignored))
		return; /* a token that was not recorded opens nothing that is not recorded itself */
}

static void granted(struct http_exchange *x, struct buf *body)
{
	const struct http_header headers[] = {{S("Cache-Control"), S("no-store")},
					      {S("Pragma"), S("no-cache")},
					      {S("Access-Control-Allow-Origin"), S("*")}};
	http_respond(x, &(struct http_response){.status = 200,
						.content_type = S("application/json"),
						.headers = headers,
						.header_count = 3,
						.body = body});
}

/* Apps in browsers ask first when they send a secret in a header. */
static void preflight(struct http_exchange *x)
{
	static const struct http_header headers[] = {
		{S("Access-Control-Allow-Origin"), S("*")},
		{S("Access-Control-Allow-Methods"), S("POST, OPTIONS")},
		{S("Access-Control-Allow-Headers"), S("Authorization, Content-Type")}};
	http_respond(x, &(struct http_response){
				.status = 204, .content_type = S(""), .headers = headers, .header_count = 3});
}

/* Epic lists the grant in its discovery, and no document tells how it is done: so no app here is registered for it. */
static bool is_exchange(const struct sandbox *s, const struct http_request *r)
{
	return s->o.vendor == EHR_EPIC && str_is(face_decoded(r->arena, face_value(r->body, S("grant_type"))),
						 "urn:ietf:params:oauth:grant-type:token-exchange");
}

static struct smart_token_answer refuse_exchange(struct error *err)
{
	error_set(err, ERR_NOT_SUPPORTED,
		  "Token exchange (RFC 8693) is not offered here: what Epic wants is not published");
	return (struct smart_token_answer){.status = 400, .error = "unauthorized_client"};
}

bool face_token(struct sandbox *s, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	struct smart_token_answer answer = {0};
	struct error err = {0};
	struct buf body;
	if (is_token_path(s, r->path) && str_is(r->method, "OPTIONS")) {
		preflight(x);
		return true;
	}
	if (!is_token_path(s, r->path) || !str_is(r->method, "POST"))
		return false;
	buf_init(&body, 1 << 20);
	bool ok = false;
	if (!s->smart)
		answer = (struct smart_token_answer){.status = 400, .error = "unauthorized_client"};
	else if (behaves(s, BEHAVIOUR_BACKGROUND_USER, "none") &&
		 str_is(face_value(r->body, S("grant_type")), "client_credentials"))
		answer = (struct smart_token_answer){.status = 400, .error = "unauthorized_client"};
	else if (is_exchange(s, r))
		answer = refuse_exchange(&err);
	else if (hostile_clock_refuses(s, r->body) || apps_pending(s, r->arena, client_of(r)))
		answer = (struct smart_token_answer){.status = 400, .error = "invalid_client"};
	else if (s->vendor->needs_scope && str_is(face_value(r->body, S("grant_type")), "client_credentials") &&
		 !names_scopes(r->body))
		answer = (struct smart_token_answer){.status = 400, .error = "invalid_scope"};
	else
		ok = smart_token(s->smart, r->arena, r->body, http_request_header(x, "Authorization"), &body, &answer,
				 &err);
	if (!ok && !answer.error)
		answer.error = "server_error";
	record(s, r, &answer, &err);
	if (ok)
		hostile_token_granted(s);
	if (ok)
		granted(x, &body);
	else
		s->vendor->token_refused(s, x, &answer, &err, &body);
	buf_done(&body);
	return true;
}
