/* See authority.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "authority.h"
#include "base/encode.h"

void authority_open(struct authority *x)
{
	struct error err = {0};
	*x = (struct authority){.now_ms = 1764000000000,
				.lifetime_s = 1000,
				.base = AUTHORITY_BASE,
				.issuer_url = "https://auth.example"};
	pthread_mutex_init(&x->lock, NULL);
	x->key = jose_key_new(JOSE_ES384, &err);
	assert_non_null(x->key);
}

void authority_close(struct authority *x)
{
	jose_key_free(x->key);
	pthread_mutex_destroy(&x->lock);
}

static void put(char *target, size_t size, struct str text)
{
	snprintf(target, size, "%.*s", STR_ARG(text));
}

struct str authority_parameter(struct arena *a, struct str query, const char *name)
{
	while (query.p) {
		struct str value = str_split(&query, '&'), key = str_split(&value, '=');
		if (!str_is(key, name))
			continue;
		struct buf plain;
		buf_init(&plain, 1 << 16);
		assert_true(decode_percent(&plain, value, true));
		struct str text = arena_str(a, buf_str(&plain));
		buf_done(&plain);
		return text;
	}
	return STR_NULL;
}

struct str authority_agree(struct authority *x, struct arena *a, struct str url)
{
	struct str start = arena_printf(a, "%s/authorize?tenant=1&", x->issuer_url);
	assert_true(str_starts(url, start));
	struct str query = str_slice(url, start.n, url.n);
	assert_true(str_is(authority_parameter(a, query, "response_type"), "code"));
	assert_true(str_is(authority_parameter(a, query, "client_id"), "app-1"));
	assert_true(str_is(authority_parameter(a, query, "aud"), x->base));
	assert_true(str_is(authority_parameter(a, query, "code_challenge_method"), "S256"));
	put(x->challenge, sizeof x->challenge, authority_parameter(a, query, "code_challenge"));
	put(x->asked_nonce, sizeof x->asked_nonce, authority_parameter(a, query, "nonce"));
	put(x->asked_scope, sizeof x->asked_scope, authority_parameter(a, query, "scope"));
	put(x->redirect_uri, sizeof x->redirect_uri, authority_parameter(a, query, "redirect_uri"));
	snprintf(x->code, sizeof x->code, "code-%u", ++x->serial);
	x->family_ended = false;
	struct buf iss;
	buf_init(&iss, 256);
	encode_percent(&iss, str_from(x->issuer_url));
	struct str answer = arena_printf(a, "code=%s&state=%.*s&iss=%.*s", x->code,
					 STR_ARG(authority_parameter(a, query, "state")), STR_ARG(buf_str(&iss)));
	buf_done(&iss);
	return answer;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static bool answer(struct arena *a, struct http_answer *ret, int status, struct str body)
{
	*ret = (struct http_answer){
		.status = status, .content_type = S("application/json"), .body = arena_str(a, body)};
	return true;
}

static bool refuse(struct arena *a, struct http_answer *ret, const char *code)
{
	return answer(a, ret, 400, arena_printf(a, "{\"error\":\"%s\"}", code));
}

static void write_id_token(struct authority *x, struct arena *a, struct buf *out)
{
	struct error err = {0};
	long long now = x->now_ms / 1000;
	struct str claims = arena_printf(
		a,
		"{\"iss\":\"%s\",\"aud\":[\"%s\"],\"sub\":\"anna\",\"nonce\":\"%s\",\"iat\":%lld,\"exp\":%lld,"
		"\"fhirUser\":\"%s/Practitioner/7\",\"name\":\"Anna Example\"}",
		x->issuer ? x->issuer : x->issuer_url, x->audience ? x->audience : "app-1",
		x->nonce ? x->nonce : x->asked_nonce, now, x->id_expired ? now - 3600 : now + 300, x->base);
	assert_true(jose_sign(x->key, claims, out, &err));
}

static bool grant(struct authority *x, struct arena *a, bool first, struct http_answer *ret, struct error *err)
{
	struct buf body;
	buf_init(&body, 1 << 16);
	snprintf(x->access, sizeof x->access, "access-%u", ++x->serial);
	buf_printf(&body, "{\"access_token\":\"%s\",\"token_type\":\"bearer\",\"expires_in\":%u", x->access,
		   x->lifetime_s);
	const char *scope = x->scope ? x->scope : x->asked_scope;
	if (scope[0])
		buf_printf(&body, ",\"scope\":\"%s\"", scope);
	if (first)
		buf_add(&body, S(",\"patient\":\"p1\",\"need_patient_banner\":\"true\""));
	if (!x->no_refresh && (first || !x->same_refresh)) {
		memcpy(x->refresh_before, x->refresh, sizeof x->refresh);
		snprintf(x->refresh, sizeof x->refresh, "refresh-%u", x->serial);
		buf_printf(&body, ",\"refresh_token\":\"%s\"", x->refresh);
	}
	if (first && !x->no_id_token) {
		buf_add(&body, S(",\"id_token\":\""));
		write_id_token(x, a, &body);
		buf_char(&body, '"');
	}
	buf_char(&body, '}');
	bool ok = answer(a, ret, 200, buf_str(&body));
	buf_done(&body);
	if (x->lose_answer && x->lose_answer--)
		return error_set(err, ERR_TIMEOUT, "ehr.example did not answer");
	return ok;
}

static bool token(struct authority *x, struct arena *a, struct str form, struct http_answer *ret, struct error *err)
{
	struct str type = authority_parameter(a, form, "grant_type");
	if (x->fail && x->fail--)
		return answer(a, ret, 503, S("{}"));
	if (str_is(type, "authorization_code")) {
		unsigned char digest[32];
		struct buf challenge;
		x->codes++;
		buf_init(&challenge, 64);
		digest_sha256(authority_parameter(a, form, "code_verifier"), digest);
		encode_base64url(&challenge, str_make((char *)digest, 32));
		bool right = x->code[0] && str_is(authority_parameter(a, form, "code"), x->code) &&
			     str_is(buf_str(&challenge), x->challenge) &&
			     str_is(authority_parameter(a, form, "redirect_uri"), x->redirect_uri);
		buf_done(&challenge);
		x->code[0] = 0;
		return right ? grant(x, a, true, ret, err) : refuse(a, ret, "invalid_grant");
	}
	assert_true(str_is(type, "refresh_token"));
	x->refreshes++;
	struct str refresh = authority_parameter(a, form, "refresh_token");
	if (!str_is(refresh, x->refresh) && str_is(refresh, x->refresh_before))
		x->family_ended = true;
	if (x->family_ended || !str_is(refresh, x->refresh))
		return refuse(a, ret, "invalid_grant");
	return grant(x, a, false, ret, err);
}

static bool discovery(const struct authority *x, struct arena *a, struct http_answer *ret)
{
	const char *at = x->issuer_url;
	struct str revoke = x->no_revocation ? S("") : arena_printf(a, ",\"revocation_endpoint\":\"%s/revoke\"", at);
	return answer(
		a, ret, 200,
		arena_printf(
			a,
			"{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/authorize?tenant=1\",\"token_endpoint\":"
			"\"%s/token\",\"jwks_uri\":\"%s/jwks\"%.*s%s,"
			"\"authorization_response_iss_parameter_supported\":true}",
			at, at, at, at, STR_ARG(revoke),
			x->post_only ? ",\"token_endpoint_auth_methods_supported\":[\"client_secret_post\"]" : ""));
}

static bool keys(const struct authority *x, struct arena *a, struct http_answer *ret)
{
	struct error err = {0};
	struct buf set;
	buf_init(&set, 1 << 16);
	struct jose_key *other = x->foreign ? jose_key_new(JOSE_ES384, &err) : NULL;
	assert_true(jose_key_write_public_set(other ? other : x->key, &set, &err));
	bool ok = answer(a, ret, 200, buf_str(&set));
	jose_key_free(other);
	buf_done(&set);
	return ok;
}

static bool read_patient(struct authority *x, struct arena *a, struct str authorization, struct http_answer *ret)
{
	x->reads++;
	char wanted[64];
	snprintf(wanted, sizeof wanted, "Bearer %s", x->access);
	if (!str_is(authorization, wanted))
		return answer(a, ret, 401, S("\"\""));
	return answer(a, ret, 200, S("{\"resourceType\":\"Patient\",\"id\":\"p1\"}"));
}

bool authority_call(void *ctx, struct arena *a, const struct http_call *call, struct http_answer *ret,
		    struct error *err)
{
	struct authority *x = ctx;
	struct str authorization = STR_NULL;
	bool ok;
	pthread_mutex_lock(&x->lock);
	for (size_t i = 0; i < call->header_count; i++)
		if (str_is(call->headers[i].name, "Authorization"))
			authorization = call->headers[i].value;
	if (str_is(call->method, "POST")) {
		put(x->authorization, sizeof x->authorization, authorization.p ? authorization : S(""));
		put(x->form, sizeof x->form, call->body);
	}
	struct str fhir = str_from(x->base), auth = str_from(x->issuer_url), path = STR_NULL;
	if (str_starts(call->url, fhir))
		path = str_slice(call->url, fhir.n, call->url.n);
	else if (str_starts(call->url, auth))
		path = str_slice(call->url, auth.n, call->url.n);
	if (str_is(path, "/.well-known/smart-configuration"))
		ok = discovery(x, a, ret);
	else if (str_is(path, "/jwks"))
		ok = keys(x, a, ret);
	else if (str_is(path, "/token"))
		ok = token(x, a, call->body, ret, err);
	else if (str_is(path, "/revoke")) {
		x->revocations++;
		ok = answer(a, ret, 200, S(""));
	} else if (str_is(path, "/Patient/p1"))
		ok = read_patient(x, a, authorization, ret);
	else
		ok = answer(a, ret, 404, S("{}"));
	pthread_mutex_unlock(&x->lock);
	return ok;
}
