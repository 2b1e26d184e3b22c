/*
 * An outside OpenID provider says who people are: authorization code with PKCE (OpenID Connect Core section 3.1; RFC
 * 9700 section 2.1.1), its id_token checked by its own keys (section 3.1.3.7), its claims made into a user. The nonce
 * and the verifier stay with the conversation on this server. Network calls run on the threads of the queue.
 */
#include "server/login/provider.h"

#include "base/origin.h"
#include "http/client.h"
#include "jose/jose.h"
#include "server/login/login_priv.h"

enum { TIMEOUT_MS = 10000, ANSWER_MAX = 1 << 20, LEEWAY_S = 60 };

/* What went wrong with the provider is for the operator: the person reads that it went wrong. */
static void fail(struct turn *t, const struct error *err)
{
	struct error refusal = {0};
	struct str why = arena_str(t->a, str_from(err->text));
	if (err->code == ERR_FORBIDDEN)
		decision_refuse(turn_decision(t), CHECK_PROVIDER, REFUSAL_PROVIDER_USER, STR_NULL, STR_NULL, why,
				&refusal);
	else
		turn_deny(t, CHECK_PROVIDER, REFUSAL_PROVIDER_FAILED, why, &refusal);
	turn_fail(t, &refusal);
}

static void queue(struct turn *t, void (*run)(void *ctx, void *own))
{
	struct error err = {0};
	struct turn *kept = ARENA_NEW(t->a, struct turn);
	if (kept) {
		*kept = *t;
		kept->job = (struct workers_job){.run = run, .ctx = kept};
		if (login_later(t->l, &kept->job, &err))
			return;
	} else {
		error_memory(&err);
	}
	turn_fail(t, &err);
}

/* ---- calls  ----------------------------------------------------------------------------------------------------- */

static const struct json *call(struct arena *a, const struct http_call *what, const char *name, struct error *err)
{
	struct http_answer answer;
	const struct json *j = NULL;
	if (!url_is_private(what->url)) {
		error_set(err, ERR_CONFIG, "%s: its URL is neither https nor this machine", name);
		return NULL;
	}
	const struct http_client_options options = {
		.timeout_ms = TIMEOUT_MS, .connect_timeout_ms = TIMEOUT_MS, .max_body = ANSWER_MAX};
	struct http_client *client = http_client_new(&options, err);
	if (client && http_call(client, a, what, &answer, err)) {
		j = answer.status == 200 ? json_parse(a, answer.body, 0, err) : NULL;
		if (answer.status != 200)
			error_set(err, ERR_REMOTE, "the answer has status %d", answer.status);
	}
	http_client_free(client);
	if (!j)
		error_context(err, "%s", name);
	return j;
}

static const struct json *get(struct arena *a, struct str url, const char *name, struct error *err)
{
	const struct http_header accept = {S("Accept"), S("application/json")};
	return call(a, &(struct http_call){.method = S("GET"), .url = url, .headers = &accept, .header_count = 1}, name,
		    err);
}

/* The discovery document; its issuer must be the one that was asked (OpenID Connect Discovery section 4.3). */
static const struct json *discover(struct turn *t, struct error *err)
{
	struct str issuer = t->l->options.provider->issuer;
	struct str url = arena_printf(t->a, "%.*s/.well-known/openid-configuration", STR_ARG(issuer));
	const struct json *j = url.p ? get(t->a, url, "discovery", err) : NULL;
	if (j && !str_eq(json_get_str(j, S("issuer")), issuer)) {
		error_set(err, ERR_REMOTE, "discovery: the document is of another issuer");
		return NULL;
	}
	return j;
}

/* ---- there  ----------------------------------------------------------------------------------------------------- */

static void add(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "&%s=", name);
	encode_percent(out, value);
}

static struct str callback_url(const struct turn *t)
{
	return arena_printf(t->a, "%.*s/auth/callback", STR_ARG(t->l->options.base_url));
}

static struct str there_url(struct turn *t, struct str endpoint)
{
	const struct login_provider *p = t->l->options.provider;
	struct buf out;
	buf_init(&out, 16 * 1024);
	buf_add(&out, endpoint);
	buf_add(&out, str_find_char(endpoint, '?', 0) == STR_NONE ? S("?") : S("&"));
	buf_add(&out, S("response_type=code"));
	add(&out, "client_id", p->client_id);
	add(&out, "redirect_uri", callback_url(t));
	add(&out, "scope", p->scopes.n ? p->scopes : S("openid profile"));
	add(&out, "state", t->c.id);
	add(&out, "nonce", t->c.provider_nonce);
	add(&out, "code_challenge", digest_base64url(t->a, t->c.provider_verifier));
	add(&out, "code_challenge_method", S("S256"));
	if (p->audience.n) /* a SMART server asks for it */
		add(&out, "aud", p->audience);
	if (t->c.must_login)
		add(&out, "prompt", S("login"));
	struct str url = buf_ok(&out) ? arena_str(t->a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return url;
}

static void go_there(void *ctx, void *own)
{
	(void)own;
	struct turn *t = ctx;
	struct error err = {0};
	const struct json *about = discover(t, &err);
	struct str endpoint = json_get_str(about, S("authorization_endpoint"));
	if (!about || !url_is_private(endpoint)) {
		if (about)
			error_set(&err, ERR_REMOTE, "discovery: there is no authorization_endpoint that can be used");
		fail(t, &err);
		return;
	}
	t->c.provider_nonce = token_new(t->a);
	t->c.provider_verifier = token_new(t->a);
	if (!t->c.provider_nonce.p || !t->c.provider_verifier.p)
		error_memory(&err);
	else if (conversation_keep(t->l, t->a, &t->c, &err)) {
		turn_go(t, there_url(t, endpoint));
		return;
	}
	turn_fail(t, &err);
}

void provider_begin(struct turn *t)
{
	struct error err = {0};
	if (!t->l->options.provider) {
		error_set(&err, ERR_NOT_FOUND, "No other provider is configured here");
		turn_fail(t, &err);
	} else if (turn_conversation(t)) {
		queue(t, go_there);
	}
}

/* ---- and back  -------------------------------------------------------------------------------------------------- */

static const struct json *redeem(struct turn *t, const struct json *about, struct str code, struct error *err)
{
	const struct login_provider *p = t->l->options.provider;
	struct http_header headers[3] = {{S("Content-Type"), S("application/x-www-form-urlencoded")},
					 {S("Accept"), S("application/json")}};
	size_t header_count = 2;
	struct buf form, basic;
	buf_init(&form, 64 * 1024);
	buf_init(&basic, 8192);
	buf_add(&form, S("grant_type=authorization_code"));
	add(&form, "code", code);
	add(&form, "redirect_uri", callback_url(t));
	add(&form, "code_verifier", t->c.provider_verifier);
	if (p->client_secret.n) {
		struct buf pair;
		buf_init(&pair, 4096);
		encode_percent(&pair, p->client_id);
		buf_char(&pair, ':');
		encode_percent(&pair, p->client_secret);
		buf_add(&basic, S("Basic "));
		encode_base64(&basic, buf_str(&pair));
		buf_done(&pair);
		headers[header_count++] = (struct http_header){S("Authorization"), arena_str(t->a, buf_str(&basic))};
	} else {
		add(&form, "client_id", p->client_id);
	}
	const struct json *j = call(t->a,
				    &(struct http_call){.method = S("POST"),
							.url = json_get_str(about, S("token_endpoint")),
							.headers = headers,
							.header_count = header_count,
							.body = buf_str(&form)},
				    "its token endpoint", err);
	buf_done(&form);
	buf_done(&basic);
	return j;
}

/* OpenID Connect Core section 3.1.3.7, in its order. */
bool provider_check_claims(const struct login_provider *p, const struct json *claims, struct str nonce, int64_t now_s,
			   struct error *err)
{
	const struct json *aud = json_get(claims, S("aud"));
	bool many = json_is(aud, JSON_ARRAY), ours = str_eq(json_str(aud), p->client_id);
	int64_t exp, iat;
	for (struct json_iter it = json_iter(many ? aud : NULL); json_next(&it);)
		ours = ours || str_eq(json_str(it.value), p->client_id);
	struct str azp = json_get_str(claims, S("azp"));
	if (!str_eq(json_get_str(claims, S("iss")), p->issuer))
		return error_set(err, ERR_TOKEN_INVALID, "the id_token is of another issuer");
	if (!ours || (many && json_size(aud) > 1 && !azp.p) || (azp.p && !str_eq(azp, p->client_id)))
		return error_set(err, ERR_TOKEN_INVALID, "the id_token is for another client");
	struct str text = json_number(json_get(claims, S("exp")));
	if (!text.p || !str_to_i64(str_split(&text, '.'), &exp) || exp + LEEWAY_S <= now_s)
		return error_set(err, ERR_TOKEN_INVALID, "the id_token has expired");
	text = json_number(json_get(claims, S("iat")));
	if (!text.p || !str_to_i64(str_split(&text, '.'), &iat) || iat > now_s + LEEWAY_S)
		return error_set(err, ERR_TOKEN_INVALID, "the id_token was not issued yet");
	if (!nonce.p || !vault_equal(json_get_str(claims, S("nonce")), nonce))
		return error_set(err, ERR_TOKEN_INVALID, "the id_token is not of this sign-in (nonce)");
	return json_get_str(claims, S("sub")).n || error_set(err, ERR_TOKEN_INVALID, "the id_token has no sub");
}

static const struct json *check_token(struct turn *t, const struct json *about, struct str id_token, struct error *err)
{
	struct jose_token token;
	if (!id_token.n) {
		error_set(err, ERR_REMOTE, "its token endpoint: there is no id_token");
		return NULL;
	}
	const struct json *jwks = get(t->a, json_get_str(about, S("jwks_uri")), "its keys", err);
	struct jose_key_set *keys = jwks ? jose_key_set_parse_identity(jwks, err) : NULL;
	bool ok = keys && jose_verify(t->a, id_token, keys, &token, err);
	jose_key_set_free(keys);
	return ok && provider_check_claims(t->l->options.provider, token.claims, t->c.provider_nonce,
					   login_now(t->l) / 1000, err)
		       ? token.claims
		       : NULL;
}

static void come_back(void *ctx, void *own)
{
	(void)own;
	struct turn *t = ctx;
	struct error err = {0};
	struct login_user user;
	const struct json *about = discover(t, &err);
	const struct json *tokens = about ? redeem(t, about, fields_get(&t->form, "code"), &err) : NULL;
	const struct json *claims = tokens ? check_token(t, about, json_get_str(tokens, S("id_token")), &err) : NULL;
	if (claims && provider_user(t->l, t->a, claims, &user, &err))
		sign_in_done(t, &user, "outside provider", NULL, 0);
	else
		fail(t, &err);
}

void provider_back(struct turn *t)
{
	struct error err = {0};
	struct str issuer = fields_get(&t->form, "iss"), state = fields_get(&t->form, "state");
	if (!t->l->options.provider) {
		provider_begin(t);
		return;
	}
	/* The state is the conversation's id, and only the browser that began it may bring it. */
	struct form_field as_request = {S("request"), state.p ? state : S("")};
	struct form came = t->form;
	t->form = (struct form){&as_request, 1};
	bool found = turn_conversation(t);
	t->form = came;
	if (!found)
		return;
	if (!t->c.provider_nonce.p) {
		turn_go_page(t, "login");
	} else if (issuer.p && !str_eq(issuer, t->l->options.provider->issuer)) { /* RFC 9207 */
		error_set(&err, ERR_REMOTE, "the answer is of another issuer");
		fail(t, &err);
	} else if (!fields_get(&t->form, "code").n) {
		struct str why = fields_get(&t->form, "error");
		error_set(&err, ERR_REMOTE, "it answered %.*s", STR_ARG(str_slice(why.p ? why : S("nothing"), 0, 60)));
		fail(t, &err);
	} else {
		queue(t, come_back);
	}
}
