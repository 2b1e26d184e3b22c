/*
 * Access tokens: 256 random bits, known to the store by their digest only, so a copy of the store opens nothing. Grants
 * in use are kept in memory, since every request asks.
 */
#include "server/smart/smart_priv.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"

enum { TOKEN_BYTES = 32, DIGEST_HEX = 64, MAX_TOKEN = 512 };

static struct str digest_hex(const unsigned char digest[32], char hex[DIGEST_HEX])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < 32; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	return str_make(hex, DIGEST_HEX);
}

int64_t smart_now(const struct smart *s)
{
	return s->options.now_ms ? s->options.now_ms() : clock_now_ms();
}

/* {"client_id":..,"scope":..,"exp":ms} */
static void write_fact(struct buf *out, const struct grant *grant)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("client_id"), grant->client_id);
	json_put_member(&w, S("scope"), grant->scope_text);
	json_key(&w, S("exp"));
	json_put_i64(&w, grant->expires_ms);
	json_object_end(&w);
}

bool token_issue(struct smart *s, const struct grant *grant, struct buf *out, struct error *err)
{
	unsigned char bytes[TOKEN_BYTES], digest[32];
	char hex[DIGEST_HEX];
	struct buf token, fact;
	buf_init(&token, MAX_TOKEN);
	buf_init(&fact, 256 * 1024);
	random_bytes(bytes, sizeof(bytes));
	encode_base64url(&token, str_make((const char *)bytes, sizeof(bytes)));
	write_fact(&fact, grant);
	digest_sha256(buf_str(&token), digest);
	struct store_fact f = {.shelf = S("token"),
			       .key = digest_hex(digest, hex),
			       .value = buf_str(&fact),
			       .expires_ms = grant->expires_ms};
	bool ok = (buf_ok(&token) && buf_ok(&fact)) || error_memory(err);
	ok = ok && store_fact_put(s->options.store, &f, err);
	if (ok) {
		token_cache_put(s->cache, digest, grant);
		buf_add(out, buf_str(&token));
	}
	buf_done(&token);
	buf_done(&fact);
	return ok;
}

static bool read_fact(struct smart *s, struct arena *a, struct str digest, struct decision *d, struct grant *ret_grant,
		      struct error *err)
{
	struct str value;
	struct grant grant = {0};
	if (!store_fact_get(s->options.store, a, S("token"), digest, &value, err))
		return false;
	if (!value.p)
		return decision_refuse(d, CHECK_TOKEN_KNOWN, REFUSAL_TOKEN_UNKNOWN, STR_NULL, STR_NULL, STR_NULL, err);
	const struct json *fact = json_parse(a, value, 0, err);
	grant.client_id = json_get_str(fact, S("client_id"));
	grant.scope_text = json_get_str(fact, S("scope"));
	if (!fact || !str_to_i64(json_number(json_get(fact, S("exp"))), &grant.expires_ms))
		return error_set(err, ERR_TOKEN_INVALID, "The access token is not known here");
	struct scope_list list;
	if (!scope_list_read(a, s->options.definitions, grant.scope_text, &list, NULL, err))
		return false;
	grant.scopes = list.scopes;
	grant.scope_count = list.count;
	*ret_grant = grant;
	return true;
}

/* Who the token stands for, as far as the decision tells. */
static void note_grant(struct decision *d, const struct grant *g)
{
	if (!d)
		return;
	d->client = g->client_id;
	d->user = g->user;
	d->grant = g->id;
	d->patient = g->patient;
}

static bool find_token(struct str authorization, struct decision *d, struct str *ret_token, struct error *err)
{
	if (!authorization.n)
		return decision_refuse(d, CHECK_TOKEN_FOUND, REFUSAL_TOKEN_MISSING, STR_NULL, STR_NULL, STR_NULL, err);
	if (authorization.n < 8 || !str_eq_nocase(str_slice(authorization, 0, 7), S("Bearer ")))
		return decision_refuse(d, CHECK_TOKEN_FOUND, REFUSAL_TOKEN_SCHEME, STR_NULL, STR_NULL, STR_NULL, err);
	decision_note(d, CHECK_TOKEN_FOUND, STR_NULL, STR_NULL);
	*ret_token = str_trim(str_slice(authorization, 7, authorization.n));
	if (ret_token->n == 0 || ret_token->n > MAX_TOKEN)
		return decision_refuse(d, CHECK_TOKEN_FORM, REFUSAL_TOKEN_MALFORMED, STR_NULL, STR_NULL, STR_NULL, err);
	return true;
}

bool smart_authorize(struct smart *s, struct arena *a, struct str authorization, struct decision *d,
		     struct grant *ret_grant, struct error *err)
{
	char hex[DIGEST_HEX], when[DECISION_WHEN];
	struct str token;
	unsigned char digest[32];
	if (!find_token(authorization, d, &token, err))
		return false;
	digest_sha256(token, digest);
	bool cached = token_cache_find(s->cache, a, digest, ret_grant);
	if (!cached && !read_fact(s, a, digest_hex(digest, hex), d, ret_grant, err))
		return false;
	decision_note(d, CHECK_TOKEN_KNOWN, STR_NULL, STR_NULL);
	note_grant(d, ret_grant);
	if (ret_grant->expires_ms <= smart_now(s))
		return decision_refuse(d, CHECK_EXPIRY, REFUSAL_TOKEN_EXPIRED,
				       decision_when(when, ret_grant->expires_ms, smart_now(s)), STR_NULL, STR_NULL,
				       err);
	decision_note(d, CHECK_EXPIRY, STR_NULL, STR_NULL);
	if (!cached)
		token_cache_put(s->cache, digest, ret_grant);
	return true;
}
