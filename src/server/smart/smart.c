/*
 * The token endpoint for backend services (SMART App Launch 2.2, "Backend Services"): client_credentials with a signed
 * assertion (RFC 7523), or with a secret where a vendor does it so. Every refusal says which check failed.
 */
#include "server/smart/smart_priv.h"

#include <stdlib.h>

#include "base/encode.h"

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

enum { MAX_FORM = 64 * 1024, LEEWAY_S = 5, LONGEST_ASSERTION_S = 300, LONGEST_JTI = 151, USUAL_LIFETIME_S = 300 };

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static bool open_client(struct smart *s, struct client *c, const struct smart_client *from, struct error *err)
{
	c->facts = *from;
	c->facts.client_id = arena_str(&s->arena, from->client_id);
	c->facts.scope = arena_str(&s->arena, from->scope);
	c->facts.jwks = NULL;
	if (from->jwks_url.p)
		c->facts.jwks_url = arena_str(&s->arena, from->jwks_url);
	if (from->secret_sha256.p)
		c->facts.secret_sha256 = arena_str(&s->arena, from->secret_sha256);
	client_open(c);
	s->client_count++;
	if (!from->jwks)
		return true;
	c->fixed = jose_key_set_parse(from->jwks, err);
	return c->fixed ? true : error_context(err, "keys of client %.*s", STR_ARG(from->client_id));
}

struct smart *smart_open(const struct smart_options *options, struct error *err)
{
	struct smart *s = calloc(1, sizeof(*s));
	if (!s) {
		error_memory(err);
		return NULL;
	}
	s->options = *options;
	arena_init(&s->arena, (size_t)64 << 20);
	s->cache = token_cache_new();
	s->options.token_url = arena_str(&s->arena, options->token_url);
	s->options.base_path = arena_str(&s->arena, options->base_path);
	if (options->base_url.p)
		s->issuer = arena_printf(&s->arena, "%.*s/fhir", STR_ARG(options->base_url));
	s->clients = ARENA_ARRAY(&s->arena, struct client, options->client_count ? options->client_count : 1);
	bool ok = (s->cache && s->clients && s->options.token_url.p) || error_memory(err);
	for (size_t i = 0; ok && i < options->client_count; i++)
		ok = open_client(s, &s->clients[i], &options->clients[i], err);
	if (ok)
		return s;
	smart_close(s);
	return NULL;
}

void smart_close(struct smart *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->client_count; i++)
		client_close(&s->clients[i]);
	token_cache_free(s->cache);
	arena_done(&s->arena);
	free(s);
}

/* ---- the form ---------------------------------------------------------------------------------------------------- */

struct token_form {
	struct str grant_type, scope, assertion_type, assertion, client_id;
};

static bool decode(struct arena *a, struct str text, struct str *ret_text, struct error *err)
{
	struct buf out;
	buf_init(&out, MAX_FORM);
	bool ok = decode_percent(&out, text, true) && str_is_utf8(buf_str(&out));
	*ret_text = ok ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return ok && ret_text->p ? true : error_set(err, ERR_INVALID_REQUEST, "The form has a broken escape");
}

static bool take_field(struct token_form *form, struct str name, struct str value, struct error *err)
{
	struct {
		const char *name;
		struct str *into;
	} fields[] = {{"grant_type", &form->grant_type},
		      {"scope", &form->scope},
		      {"client_assertion_type", &form->assertion_type},
		      {"client_assertion", &form->assertion},
		      {"client_id", &form->client_id}};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!str_is(name, fields[i].name))
			continue;
		/* RFC 6749 section 3.2: parameters must not be repeated. */
		if (fields[i].into->p)
			return error_set(err, ERR_INVALID_REQUEST, "The parameter %s is repeated", fields[i].name);
		*fields[i].into = value;
	}
	return true;
}

static bool parse_form(struct arena *a, struct str text, struct token_form *ret_form, struct error *err)
{
	struct str rest = text;
	if (text.n > MAX_FORM)
		return error_set(err, ERR_INVALID_REQUEST, "The form is larger than %d bytes", MAX_FORM);
	while (rest.p) {
		struct str value = str_split(&rest, '&'), name;
		if (!value.n)
			continue;
		name = str_split(&value, '=');
		if (!value.p)
			value = S("");
		if (!decode(a, name, &name, err) || !decode(a, value, &value, err) ||
		    !take_field(ret_form, name, value, err))
			return false;
	}
	return true;
}

/* ---- the client -------------------------------------------------------------------------------------------------- */

static struct client *find_client(struct smart *s, struct str client_id)
{
	for (size_t i = 0; i < s->client_count; i++)
		if (str_eq(s->clients[i].facts.client_id, client_id))
			return &s->clients[i];
	return NULL;
}

static struct str without_slash(struct str url)
{
	return str_ends(url, S("/")) ? str_slice(url, 0, url.n - 1) : url;
}

static bool names_us(const struct smart *s, struct str audience)
{
	return audience.p && str_eq(without_slash(audience), without_slash(s->options.token_url));
}

static bool audience_is_us(const struct smart *s, const struct json *aud)
{
	if (names_us(s, json_str(aud)))
		return true;
	for (struct json_iter it = json_iter(json_is(aud, JSON_ARRAY) ? aud : NULL); json_next(&it);)
		if (names_us(s, json_str(it.value)))
			return true;
	return false;
}

/* NumericDate (RFC 7519 section 2) in whole seconds; a fraction is cut off. */
static bool numeric_date(const struct json *value, int64_t *ret_s)
{
	struct str text = json_number(value);
	return text.p && str_to_i64(str_split(&text, '.'), ret_s) && *ret_s >= 0 && *ret_s < INT64_MAX / 1000;
}

static bool check_times(const struct json *claims, int64_t now_s, int64_t *ret_exp, struct error *err)
{
	static const char *const starts[] = {"iat", "nbf"};
	int64_t start;
	if (!numeric_date(json_get(claims, S("exp")), ret_exp))
		return error_set(err, ERR_INVALID_CLIENT, "The assertion has no exp");
	if (*ret_exp <= now_s)
		return error_set(err, ERR_INVALID_CLIENT, "The assertion has expired (exp is in the past)");
	if (*ret_exp > now_s + LONGEST_ASSERTION_S + LEEWAY_S)
		return error_set(err, ERR_INVALID_CLIENT, "The assertion lives too long: exp is more than %d s ahead",
				 LONGEST_ASSERTION_S);
	for (size_t i = 0; i < 2; i++) {
		const struct json *claim = json_get(claims, str_from(starts[i]));
		if (claim && (!numeric_date(claim, &start) || start > now_s + LEEWAY_S))
			return error_set(err, ERR_INVALID_CLIENT,
					 "The assertion is not valid yet (%s is in the future)", starts[i]);
	}
	return true;
}

/* Each jti once until it expires; the store remembers, so a restart opens no gap. */
static bool use_jti(struct smart *s, struct arena *a, const struct client *c, struct str jti, int64_t exp_s,
		    struct error *err)
{
	unsigned char digest[32];
	struct buf hex;
	struct error why = {0};
	struct str seed =
		arena_printf(a, "%zu:%.*s:%.*s", c->facts.client_id.n, STR_ARG(c->facts.client_id), STR_ARG(jti));
	if (!seed.p)
		return error_memory(err);
	digest_sha256(seed, digest);
	buf_init(&hex, 64);
	encode_hex(&hex, str_make((const char *)digest, sizeof(digest)));
	struct store_fact f = {.shelf = S("jti"),
			       .key = buf_str(&hex),
			       .value = S("1"),
			       .expires_ms = (exp_s + LEEWAY_S) * 1000,
			       .only_new = true};
	bool ok = buf_ok(&hex) ? store_fact_put(s->options.store, &f, &why) : error_memory(&why);
	buf_done(&hex);
	if (ok)
		return true;
	if (why.code == ERR_CONFLICT)
		return error_set(err, ERR_INVALID_CLIENT, "The assertion was used before (its jti is known)");
	return error_set(err, why.code, "%s", why.text);
}

static bool check_claims(struct smart *s, const struct client *c, const struct json *claims, int64_t *ret_exp,
			 struct error *err)
{
	struct str jti = json_get_str(claims, S("jti"));
	if (!str_eq(json_get_str(claims, S("sub")), c->facts.client_id))
		return error_set(err, ERR_INVALID_CLIENT, "The assertion's sub is not its iss");
	if (!audience_is_us(s, json_get(claims, S("aud"))))
		return error_set(err, ERR_INVALID_CLIENT, "The assertion's aud is not this token endpoint, %.*s",
				 STR_ARG(str_slice(s->options.token_url, 0, 160)));
	if (!check_times(claims, smart_now(s) / 1000, ret_exp, err))
		return false;
	if (!jti.n || jti.n > LONGEST_JTI)
		return error_set(err, ERR_INVALID_CLIENT, "The assertion needs a jti of 1 to %d characters",
				 LONGEST_JTI);
	return true;
}

static bool authenticate_assertion(struct smart *s, struct arena *a, const struct token_form *form,
				   struct client **ret_client, struct error *err)
{
	struct jose_token peeked, token;
	int64_t exp = 0;
	if (!str_is(form->assertion_type, ASSERTION_TYPE))
		return error_set(err, ERR_INVALID_REQUEST, "client_assertion_type must be " ASSERTION_TYPE);
	if (!jose_peek(a, form->assertion, &peeked, err)) {
		err->code = ERR_INVALID_CLIENT;
		return error_context(err, "client_assertion");
	}
	struct client *c = find_client(s, json_get_str(peeked.claims, S("iss")));
	if (!c)
		return error_set(err, ERR_INVALID_CLIENT, "The assertion's iss is no client registered here");
	*ret_client = c;
	if (form->client_id.p && !str_eq(form->client_id, c->facts.client_id))
		return error_set(err, ERR_INVALID_CLIENT, "client_id is not the assertion's iss");
	/* Claims first: what fails on them must not make us fetch keys or do mathematics for strangers. They are those
	 * of the same text that is verified next. */
	if (!check_claims(s, c, peeked.claims, &exp, err))
		return false;
	if (!client_verify(c, a, form->assertion, peeked.kid, smart_now(s), &token, err)) {
		err->code = ERR_INVALID_CLIENT;
		return error_context(err, "client_assertion");
	}
	return use_jti(s, a, c, json_get_str(token.claims, S("jti")), exp, err);
}

/* RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined. */
static bool split_basic(struct arena *a, struct str authorization, struct str *ret_id, struct str *ret_secret,
			struct error *err)
{
	struct str text = arena_str(a, str_trim(str_slice(authorization, 6, authorization.n)));
	char *p = (char *)(uintptr_t)text.p;
	struct buf plain;
	while (text.n && p[text.n - 1] == '=')
		text.n--;
	for (size_t i = 0; i < text.n; i++)
		p[i] = p[i] == '+' ? '-' : p[i] == '/' ? '_' : p[i];
	buf_init(&plain, MAX_FORM);
	bool ok = decode_base64url(&plain, text);
	struct str pair = arena_str(a, buf_str(&plain));
	buf_done(&plain);
	*ret_id = str_split(&pair, ':');
	if (!ok || !pair.p)
		return error_set(err, ERR_INVALID_CLIENT, "The Basic credentials are not well formed");
	return decode(a, *ret_id, ret_id, err) && decode(a, pair, ret_secret, err);
}

static bool authenticate_secret(struct smart *s, struct arena *a, struct str authorization, struct client **ret_client,
				struct error *err)
{
	unsigned char digest[32];
	struct str id, secret;
	struct buf hex;
	if (!split_basic(a, authorization, &id, &secret, err))
		return false;
	struct client *c = find_client(s, id);
	if (!c || !c->facts.secret_sha256.n)
		return error_set(err, ERR_INVALID_CLIENT, "No client with a secret is registered under this id");
	*ret_client = c;
	digest_sha256(secret, digest);
	buf_init(&hex, 64);
	encode_hex(&hex, str_make((const char *)digest, sizeof(digest)));
	bool same = c->facts.secret_sha256.n == hex.n && digest_equal(c->facts.secret_sha256.p, hex.p, hex.n);
	buf_done(&hex);
	return same ? true : error_set(err, ERR_INVALID_CLIENT, "The client secret does not match");
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

/* A filter is granted only where it can be enforced. */
static bool check_filters(struct smart *s, struct arena *a, const struct scope_list *list, struct error *err)
{
	const struct definitions *d = s->options.definitions;
	for (size_t i = 0; i < list->count; i++) {
		const struct scope *one = &list->scopes[i];
		const struct fhir_type *type = str_is(one->type, "*") ? NULL : definitions_resource(d, one->type);
		struct error why = {0};
		if (!one->filter.p)
			continue;
		if (!s->options.filter)
			return error_set(err, ERR_INVALID_SCOPE,
					 "The scope %.*s is narrowed by '?', which is not supported here",
					 STR_ARG(str_slice(one->text, 0, 120)));
		if (!s->options.filter(s->options.filter_ctx, a, type, one->filter, &why))
			return error_set(err, ERR_INVALID_SCOPE,
					 "The scope %.*s is narrowed by something else than a search: %s",
					 STR_ARG(str_slice(one->text, 0, 80)), why.text);
	}
	return true;
}

static bool grant_scopes(struct smart *s, struct arena *a, const struct client *c, struct str asked_text,
			 struct grant *ret_grant, struct error *err)
{
	const struct definitions *d = s->options.definitions;
	struct str text = s->options.grant_registered ? c->facts.scope : asked_text;
	struct scope_list asked, allowed, common;
	if (!s->options.grant_registered && !asked_text.n)
		return error_set(err, ERR_INVALID_SCOPE, "The parameter scope is missing");
	if (!scope_list_read(a, d, text, &asked, NULL, err) ||
	    !scope_list_read(a, d, c->facts.scope, &allowed, NULL, err) ||
	    !scope_list_common(a, &asked, &allowed, SCOPES_OF_SYSTEM, &common, err) ||
	    !check_filters(s, a, &common, err))
		return false;
	ret_grant->scope_text = common.text;
	ret_grant->scopes = common.scopes;
	ret_grant->scope_count = common.count;
	return common.count ||
	       error_set(err, ERR_INVALID_SCOPE, "None of the requested scopes is registered for this client");
}

static bool grant_token(struct smart *s, struct arena *a, const struct client *c, const struct token_form *form,
			struct buf *out, struct error *err)
{
	int64_t lifetime = s->options.token_lifetime_s ? s->options.token_lifetime_s : USUAL_LIFETIME_S;
	struct grant grant = {.client_id = c->facts.client_id, .expires_ms = smart_now(s) + lifetime * 1000};
	struct buf token;
	if (!grant_scopes(s, a, c, form->scope, &grant, err))
		return false;
	buf_init(&token, 1024);
	bool ok = token_issue(s, &grant, &token, err);
	if (ok) {
		struct json_writer w = json_writer(out);
		json_object_begin(&w);
		json_put_member(&w, S("access_token"), buf_str(&token));
		json_put_member(&w, S("token_type"), S("bearer"));
		json_key(&w, S("expires_in"));
		json_put_i64(&w, lifetime);
		json_put_member(&w, S("scope"), grant.scope_text);
		json_object_end(&w);
	}
	buf_done(&token);
	return ok;
}

static bool answer_form(struct smart *s, struct arena *a, struct str form_text, struct str authorization,
			struct buf *out, struct client **ret_client, const char **ret_error, struct error *err)
{
	struct token_form form = {0};
	bool basic = authorization.n > 6 && str_eq_nocase(str_slice(authorization, 0, 6), S("Basic "));
	*ret_error = "invalid_request";
	if (!parse_form(a, form_text, &form, err))
		return false;
	if (!form.grant_type.n)
		return error_set(err, ERR_INVALID_REQUEST, "The parameter grant_type is missing");
	if (!str_is(form.grant_type, "client_credentials")) {
		*ret_error = "unsupported_grant_type";
		return error_set(err, ERR_INVALID_REQUEST, "Only grant_type=client_credentials is supported");
	}
	if (basic && form.assertion.p)
		return error_set(err, ERR_INVALID_REQUEST,
				 "Use either client_assertion or Basic credentials, not both");
	if (!basic && !form.assertion.n)
		return error_set(err, ERR_INVALID_REQUEST, "The parameter client_assertion is missing");
	*ret_error =
		form.assertion.n && !str_is(form.assertion_type, ASSERTION_TYPE) ? "invalid_request" : "invalid_client";
	if (basic ? !authenticate_secret(s, a, authorization, ret_client, err)
		  : !authenticate_assertion(s, a, &form, ret_client, err))
		return false;
	*ret_error = "invalid_scope";
	return grant_token(s, a, *ret_client, &form, out, err);
}

/* RFC 6749 section 5.2: printable ASCII without quote and backslash; an error may echo what the client sent. */
static struct str description_of(const struct error *err, char text[sizeof(err->text)])
{
	size_t n = strlen(err->text);
	for (size_t i = 0; i < n; i++) {
		char c = err->text[i];
		text[i] = c == '"' || c == '\\' ? '\'' : c < 0x20 || c > 0x7E ? '?' : c;
	}
	return str_make(text, n);
}

/* RFC 6749 section 5.2: 401 for a client that failed to authenticate by header, otherwise 400. */
static void write_refusal(struct buf *out, const char *code, const struct error *err)
{
	char text[sizeof(err->text)];
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("error"), str_from(code));
	json_put_member(&w, S("error_description"), description_of(err, text));
	json_object_end(&w);
}

bool smart_token(struct smart *s, struct arena *a, struct str form, struct str authorization, struct buf *out,
		 struct smart_token_answer *ret_answer, struct error *err)
{
	struct client *client = NULL;
	const char *code = NULL;
	*ret_answer = (struct smart_token_answer){.status = 200};
	bool ok = answer_form(s, a, form, authorization, out, &client, &code, err);
	if (client)
		ret_answer->client_id = client->facts.client_id;
	if (ok)
		return true;
	bool trouble = error_http_status(err->code) >= 500;
	ret_answer->error = trouble ? "server_error" : code;
	ret_answer->status = trouble ? 500 : err->code == ERR_INVALID_CLIENT && authorization.n ? 401 : 400;
	buf_reset(out);
	write_refusal(out, ret_answer->error, err);
	return false;
}
