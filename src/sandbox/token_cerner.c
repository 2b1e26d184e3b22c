/*
 * Access tokens of Cerner's: a JWT, signed with ES256 by a key that is among those at /jwk, or, as seen of late, an
 * encrypted one. Apps are to take either as opaque. Which claims stand in it but for one is not published.
 */
#include "sandbox/oauth_priv.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"
#include "jose/jose.h"

#define CLAIMS "urn:cerner:authorization:claims:version:1"
enum { KEY_MAX = 16 << 10, TOKEN_MAX = 8000, SCOPES_MAX = 4000, IV = 12, TAG = 16 };

/* ---- the key ----------------------------------------------------------------------------------------------------- */

/* A pair whose id is the time and the kind, as theirs are. */
static struct jose_key *key_new(struct arena *a, struct error *err)
{
	struct jose_key *plain = jose_key_new(JOSE_ES256, err), *named = NULL;
	char when[CLOCK_INSTANT_SIZE];
	struct buf text, renamed;
	buf_init(&text, KEY_MAX);
	buf_init(&renamed, KEY_MAX);
	if (plain && jose_key_write_private(plain, &text, err)) {
		const struct json *jwk = json_parse(a, buf_str(&text), 0, err);
		struct json_iter it = json_iter(jwk);
		struct json_writer w = json_writer(&renamed);
		clock_format_instant(clock_now_ms(), when);
		json_object_begin(&w);
		while (json_next(&it)) {
			if (str_is(it.key, "kid"))
				continue;
			json_key(&w, it.key);
			json_put_value(&w, it.value);
		}
		json_put_member(&w, S("kid"), arena_printf(a, "%.19s.ec.es256", when));
		json_object_end(&w);
		named = jose_key_parse_for(buf_str(&renamed), JOSE_BIT(JOSE_ES256), err);
	}
	if (text.p)
		explicit_bzero(text.p, text.n);
	if (renamed.p)
		explicit_bzero(renamed.p, renamed.n);
	buf_done(&text);
	buf_done(&renamed);
	jose_key_free(plain);
	return named;
}

static const struct jose_key *token_key(struct sandbox *s, struct arena *a)
{
	struct error ignored = {0};
	pthread_mutex_lock(&s->lock);
	if (!s->token_key)
		s->token_key = key_new(a, &ignored);
	const struct jose_key *key = s->token_key;
	pthread_mutex_unlock(&s->lock);
	return key;
}

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

static struct str claims_of(const struct sandbox *s, struct arena *a, const struct grant *grant, struct str secret)
{
	struct buf out;
	buf_init(&out, TOKEN_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("iss"), s->o.base_url);
	json_put_member(&w, S("jti"), secret);
	json_key(&w, S("iat"));
	json_put_i64(&w, grant->issued_ms / 1000);
	json_key(&w, S("exp"));
	json_put_i64(&w, grant->expires_ms / 1000);
	json_key(&w, S(CLAIMS));
	json_object_begin(&w);
	json_put_member(&w, S("tenant"), S(CERNER_TENANT));
	json_put_member(&w, S("client"), grant->client_id);
	json_put_member(&w, S("scope"), str_slice(grant->scope_text, 0, SCOPES_MAX));
	json_object_end(&w);
	json_object_end(&w);
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

static struct str signed_token(struct sandbox *s, struct arena *a, const struct grant *grant, struct str secret)
{
	const struct jose_key *key = token_key(s, a);
	struct str claims = claims_of(s, a, grant, secret), token = STR_NULL;
	struct error ignored = {0};
	struct buf out;
	buf_init(&out, TOKEN_MAX);
	if (key && claims.p && jose_sign(key, claims, &out, &ignored))
		token = arena_str(a, buf_str(&out));
	buf_done(&out);
	return token;
}

/* Five parts, of which nobody but the server makes anything (RFC 7516 section 3.1). */
static struct str encrypted_token(struct arena *a, struct str secret)
{
	unsigned char iv[IV], tag[TAG];
	struct buf out;
	random_bytes(iv, sizeof(iv));
	random_bytes(tag, sizeof(tag));
	buf_init(&out, TOKEN_MAX);
	encode_base64url(&out, S("{\"alg\":\"dir\",\"enc\":\"A256GCM\"}"));
	buf_add(&out, S(".."));
	encode_base64url(&out, str_make((const char *)iv, sizeof(iv)));
	buf_char(&out, '.');
	encode_base64url(&out, secret);
	buf_char(&out, '.');
	encode_base64url(&out, str_make((const char *)tag, sizeof(tag)));
	struct str token = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return token;
}

struct str oauth_cerner_token(void *ctx, struct arena *a, const struct grant *grant, struct str secret)
{
	struct sandbox *s = ctx;
	return behaves(s, BEHAVIOUR_ACCESS_TOKEN, "jwt")	 ? signed_token(s, a, grant, secret)
	       : behaves(s, BEHAVIOUR_ACCESS_TOKEN, "encrypted") ? encrypted_token(a, secret)
								 : secret;
}

/* ---- the set of keys --------------------------------------------------------------------------------------------- */

struct keys {
	struct sandbox *s;
	struct http_exchange *outer;
};

/* The server's own, and that of the tokens. */
static void with_token_key(void *ctx, const struct http_response *response)
{
	const struct keys *k = ctx;
	struct arena *a = http_request(k->outer)->arena;
	struct http_response whole = *response;
	struct buf text, key;
	struct error ignored = {0};
	const struct jose_key *pair = token_key(k->s, a);
	struct str own = response->body ? buf_str(response->body) : STR_NULL;
	size_t end = str_rfind_char(own, ']');
	buf_init(&text, 1 << 20);
	buf_init(&key, KEY_MAX);
	if (pair && end != STR_NONE && jose_key_write_public(pair, &key, &ignored)) {
		buf_add(&text, str_slice(own, 0, end));
		buf_add(&text, str_find_char(own, ':', 0) != STR_NONE && own.p[end - 1] != '[' ? S(",") : S(""));
		buf_add(&text, buf_str(&key));
		buf_add(&text, str_slice(own, end, own.n));
		whole.body = &text;
	}
	http_respond(k->outer, &whole);
	buf_done(&text);
	buf_done(&key);
}

void oauth_cerner_keys(struct sandbox *s, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	struct keys *k = ARENA_NEW(r->arena, struct keys);
	struct error ignored = {0};
	struct http_apart apart = {.request = *r, .answered = with_token_key, .ctx = k};
	apart.request.file = -1;
	struct http_exchange *inner = k ? http_exchange_apart(&apart, &ignored) : NULL;
	if (!inner) {
		smart_serve(s->smart, x, "jwks");
		return;
	}
	*k = (struct keys){s, x};
	smart_serve(s->smart, inner, "jwks");
}
