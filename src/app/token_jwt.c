/* Any JWT, judged by its text: what it is for, what it says, when it holds, who signed it. */
#include "app/token.h"
#include "base/file.h"
#include "jose/jose.h"

enum { VALUE_MOST = 160, LONGEST_ASSERTION_MS = 300 * 1000, LEEWAY_MS = 5000 };

static bool numeric_date(const struct json *value, int64_t *ret_ms)
{
	struct str text = json_number(value);
	int64_t seconds;
	if (!text.p || !str_to_i64(str_split(&text, '.'), &seconds) || seconds > INT64_MAX / 1000)
		return false;
	*ret_ms = seconds * 1000;
	return true;
}

static struct str value_text(struct token_report *r, const struct json *value)
{
	struct buf text;
	if (json_str(value).p)
		return str_slice(json_str(value), 0, VALUE_MOST);
	buf_init(&text, 1 << 20);
	struct json_writer w = json_writer(&text);
	json_put_value(&w, value);
	struct str copy = arena_str(r->arena, str_slice(buf_str(&text), 0, VALUE_MOST));
	buf_done(&text);
	return copy;
}

static void add_claims(struct token_report *r, const struct json *claims, int64_t now_ms)
{
	static const char *const dates[] = {"exp", "iat", "nbf", "auth_time"};
	for (struct json_iter it = json_iter(claims); json_next(&it);) {
		struct str text = value_text(r, it.value), name = arena_str(r->arena, it.key);
		int64_t ms;
		for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++)
			if (str_is(it.key, dates[i]) && numeric_date(it.value, &ms))
				text = token_when(r, ms, now_ms);
		if (name.p)
			token_add_fact(r, name.p, text);
	}
}

/* What it is by what it says; JWTs carry no better sign. */
static void tell_kind(struct token_report *r, const struct jose_token *token)
{
	const struct json *c = token->claims;
	struct str iss = json_get_str(c, S("iss")), sub = json_get_str(c, S("sub"));
	bool scope = json_get(c, S("scope")) || json_get(c, S("scp")) || json_get(c, S("scopes"));
	if (str_eq_nocase(token->type, S("at+jwt")) || scope) {
		r->kind = "jwt-access-token";
		r->says = "An access token as a JWT, of another server: those of Firth are opaque";
	} else if (iss.n && str_eq(iss, sub)) {
		r->kind = "client-assertion";
		r->says = "A client's assertion: it asks a token endpoint for an access token, and is none itself";
	} else if (json_get(c, S("nonce")) || json_get(c, S("at_hash")) || json_get(c, S("fhirUser")) ||
		   json_get(c, S("auth_time")) || json_get(c, S("profile"))) {
		r->kind = "id-token";
		r->says = "An id_token: it tells an app who the user is, and opens no API";
	} else {
		r->kind = "jwt";
		r->says = "A JWT; nothing in it tells what it is for";
	}
}

static void check_times(struct token_report *r, const struct json *claims, int64_t now_ms)
{
	static const char *const starts[] = {"nbf", "iat"};
	bool assertion = strcmp(r->kind, "client-assertion") == 0;
	int64_t exp = 0, start;
	bool early = false;
	if (!numeric_date(json_get(claims, S("exp")), &exp))
		token_fail(r, CHECK_EXPIRY, REFUSAL_ASSERTION_EXPIRY, STR_NULL, S("exp, in seconds since 1970"));
	else if (exp <= now_ms)
		token_fail(r, CHECK_EXPIRY, assertion ? REFUSAL_ASSERTION_EXPIRED : REFUSAL_TOKEN_EXPIRED,
			   token_when(r, exp, now_ms), STR_NULL);
	else if (assertion && exp > now_ms + LONGEST_ASSERTION_MS + LEEWAY_MS)
		token_fail(r, CHECK_EXPIRY, REFUSAL_ASSERTION_LONG, token_when(r, exp, now_ms), S("5 minutes at most"));
	else
		token_pass(r, CHECK_EXPIRY, token_when(r, exp, now_ms));
	for (size_t i = 0; i < 2; i++) {
		if (!numeric_date(json_get(claims, str_from(starts[i])), &start) || start <= now_ms + LEEWAY_MS)
			continue;
		token_fail(r, CHECK_NOT_BEFORE, REFUSAL_ASSERTION_EARLY, token_when(r, start, now_ms), STR_NULL);
		early = true;
		break;
	}
	if (!early)
		token_pass(r, CHECK_NOT_BEFORE, STR_NULL);
}

static bool names(const struct json *aud, struct str wanted)
{
	if (str_eq(json_str(aud), wanted))
		return true;
	for (struct json_iter it = json_iter(json_is(aud, JSON_ARRAY) ? aud : NULL); json_next(&it);)
		if (str_eq(json_str(it.value), wanted))
			return true;
	return false;
}

static void check_audience(struct token_report *r, const struct json *claims, struct str wanted)
{
	const struct json *aud = json_get(claims, S("aud"));
	bool assertion = strcmp(r->kind, "client-assertion") == 0;
	if (!wanted.n)
		return;
	if (names(aud, wanted))
		token_pass(r, CHECK_AUDIENCE, wanted);
	else
		token_fail(r, CHECK_AUDIENCE, assertion ? REFUSAL_ASSERTION_AUDIENCE : REFUSAL_TOKEN_AUDIENCE,
			   aud ? value_text(r, aud) : S(""), wanted);
}

static void check_algorithm(struct token_report *r, const struct jose_token *token)
{
	bool ours = str_is(token->algorithm, "RS384") || str_is(token->algorithm, "ES384");
	bool assertion = strcmp(r->kind, "client-assertion") == 0;
	/* Who can check a secret's signature can make one, and none is no signature at all (RFC 8725 section 3.2). */
	bool proves = !str_eq_nocase(token->algorithm, S("none")) && !str_starts(token->algorithm, S("HS"));
	if (ours || (proves && !assertion))
		token_pass(r, CHECK_ALGORITHM, token->algorithm);
	else
		token_fail(r, CHECK_ALGORITHM, REFUSAL_ASSERTION_ALGORITHM, token->algorithm,
			   assertion ? S("RS384 or ES384") : S("a signature with a private key"));
}

static bool check_signature(struct token_report *r, const struct token_question *q, struct str text, struct str kid,
			    struct error *err)
{
	struct str content;
	struct jose_token token;
	struct error why = {0};
	if (!q->jwks.n) {
		token_add_fact(r, "signature", S("not checked: give the signer's keys with --jwks"));
		return true;
	}
	if (!file_read(r->arena, q->jwks, 1 << 20, &content, err))
		return false;
	const struct json *jwks = json_parse(r->arena, content, 0, err);
	struct jose_key_set *set = jwks ? jose_key_set_parse(jwks, err) : NULL;
	if (!set)
		return error_context(err, "%.*s", STR_ARG(q->jwks));
	bool ok = jose_verify(r->arena, text, set, &token, &why);
	bool named = !kid.p || jose_key_set_has(set, kid);
	jose_key_set_free(set);
	if (!named)
		token_fail(r, CHECK_KEY, REFUSAL_ASSERTION_KEY, kid, S("a kid of the JWKS"));
	else if (!ok)
		token_fail(r, CHECK_SIGNATURE, REFUSAL_ASSERTION_SIGNATURE, arena_str(r->arena, str_from(why.text)),
			   STR_NULL);
	else
		token_pass(r, CHECK_SIGNATURE, kid);
	return true;
}

/* What an access token of another server allows, by the usual claims, so that requests can be judged. */
static bool take_grant(struct token_report *r, const struct json *claims, struct error *err)
{
	static const char *const names_of_scope[] = {"scope", "scp", "scopes"};
	struct scope_list list;
	struct buf text;
	buf_init(&text, 256 * 1024);
	for (size_t i = 0; i < 3; i++) {
		const struct json *scope = json_get(claims, str_from(names_of_scope[i]));
		buf_add(&text, json_str(scope));
		for (struct json_iter it = json_iter(json_is(scope, JSON_ARRAY) ? scope : NULL); json_next(&it);) {
			buf_char(&text, ' ');
			buf_add(&text, json_str(it.value));
		}
	}
	struct str all = arena_str(r->arena, buf_str(&text));
	buf_done(&text);
	if (!scope_list_read(r->arena, definitions_builtin(), all, &list, NULL, err))
		return false;
	r->granted = list.text.n > 0;
	r->grant = (struct grant){.client_id = json_get_str(claims, S("client_id")),
				  .user = json_get_str(claims, S("sub")),
				  .fhir_user = json_get_str(claims, S("fhirUser")),
				  .patient = json_get_str(claims, S("patient")),
				  .scope_text = list.text,
				  .scopes = list.scopes,
				  .scope_count = list.count,
				  .words = list.words};
	return true;
}

bool token_explain_jwt(struct token_report *r, const struct token_question *q, struct str text, struct error *err)
{
	struct jose_token token;
	struct error why = {0};
	r->kind = "jwt";
	r->says = "A JWT that cannot be read";
	if (!jose_peek(r->arena, text, &token, &why)) {
		token_fail(r, CHECK_TOKEN_FORM, REFUSAL_ASSERTION_MALFORMED, arena_str(r->arena, str_from(why.text)),
			   STR_NULL);
		return true;
	}
	tell_kind(r, &token);
	token_pass(r, CHECK_TOKEN_FORM, STR_NULL);
	token_add_fact(r, "alg", token.algorithm);
	token_add_fact(r, "typ", token.type);
	token_add_fact(r, "kid", token.kid);
	token_add_fact(r, "jku", token.jku);
	add_claims(r, token.claims, q->now_ms);
	check_algorithm(r, &token);
	if (!check_signature(r, q, text, token.kid, err))
		return false;
	check_audience(r, token.claims, q->audience);
	check_times(r, token.claims, q->now_ms);
	if (strcmp(r->kind, "client-assertion") == 0 && !json_get_str(token.claims, S("jti")).n)
		token_fail(r, CHECK_REPLAY, REFUSAL_ASSERTION_ID, STR_NULL, S("a jti"));
	return take_grant(r, token.claims, err);
}
