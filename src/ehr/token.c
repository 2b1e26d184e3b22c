/*
 * Access tokens by SMART backend services: client_credentials with a signed assertion (SMART App Launch 2.2, "Backend
 * Services"; RFC 7523). One token per client, renewed when four fifths of its life are over. Both vendors are stricter
 * than the specification about the assertion's times: it is dated 30 seconds back and lives 4.5 minutes in all.
 */
#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"
#include "ehr/ehr_priv.h"

enum { ASSERTION_BACK_S = 30, ASSERTION_AHEAD_S = 240, TOKEN_DEFAULT_S = 300, TOKEN_MAX = 64 << 10 };

void ehr_token_forget(struct ehr_client *c)
{
	if (c->token.p)
		memset(c->token.p, 0, c->token.n);
	buf_reset(&c->token);
	c->token_renew_ms = 0;
}

static bool write_assertion(struct ehr_client *c, struct buf *out, struct error *err)
{
	char jti[UUID_SIZE];
	random_uuid(jti);
	int64_t now = c->options.now_ms() / 1000;
	struct buf claims;
	buf_init(&claims, 1 << 16);
	struct json_writer w = json_writer(&claims);
	json_object_begin(&w);
	json_put_member(&w, S("iss"), c->config.client_id);
	json_put_member(&w, S("sub"), c->config.client_id);
	json_put_member(&w, S("aud"), c->token_url);
	json_put_member(&w, S("jti"), str_make(jti, UUID_SIZE));
	json_key(&w, S("iat"));
	json_put_i64(&w, now - ASSERTION_BACK_S);
	json_key(&w, S("exp"));
	json_put_i64(&w, now + ASSERTION_AHEAD_S);
	json_object_end(&w);
	bool ok = buf_ok(&claims) ? jose_sign(c->key, buf_str(&claims), out, err) : error_memory(err);
	buf_done(&claims);
	return ok;
}

static struct str scopes_to_ask(const struct ehr_client *c, struct arena *a)
{
	if (c->config.scopes.n)
		return c->config.scopes;
	const char *scopes = c->older_scopes ? c->rules->older_scopes : c->rules->scopes;
	if (!scopes)
		return STR_NULL;
	bool group = c->config.group.n && str_find(str_from(scopes), S("system/*.")) == STR_NONE;
	const char *more = !group ? "" : c->older_scopes ? " system/Group.read" : " system/Group.rs";
	return arena_printf(a, "%s%s", scopes, more);
}

/* A new form for each attempt: the assertion's jti may be used once. */
static bool prepare_form(struct ehr_client *c, struct arena *a, struct ehr_request *request, struct error *err)
{
	struct buf form, assertion;
	buf_init(&form, 1 << 18);
	buf_init(&assertion, 1 << 16);
	struct str scopes = scopes_to_ask(c, a);
	bool ok = write_assertion(c, &assertion, err);
	buf_add(&form, S("grant_type=client_credentials&client_assertion_type="));
	encode_percent(&form, S("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
	buf_add(&form, S("&client_assertion="));
	buf_add(&form, buf_str(&assertion));
	if (scopes.n) {
		buf_add(&form, S("&scope="));
		encode_percent(&form, scopes);
	}
	request->body = arena_str(a, buf_str(&form));
	if (ok && (!buf_ok(&form) || !buf_ok(&assertion) || !request->body.p))
		ok = error_memory(err);
	buf_done(&form);
	buf_done(&assertion);
	return ok;
}

static bool is_bearer_text(struct str token)
{
	for (size_t i = 0; i < token.n; i++)
		if ((unsigned char)token.p[i] <= ' ' || (unsigned char)token.p[i] >= 0x7f)
			return false;
	return token.n > 0;
}

static bool take_token(struct ehr_client *c, const struct json *answer, struct ehr_failure *f)
{
	struct str token = json_get_str(answer, S("access_token")), type = json_get_str(answer, S("token_type"));
	const struct json *life = json_get(answer, S("expires_in"));
	struct str seconds = json_number(life).p ? json_number(life) : json_str(life); /* some send a string */
	int64_t lifetime = TOKEN_DEFAULT_S;
	if (!is_bearer_text(token))
		return ehr_fail(c, f, ERR_REMOTE, "the token endpoint's answer holds no usable access token");
	if (!str_eq_nocase(type, S("Bearer")))
		return ehr_fail(c, f, ERR_REMOTE, "the token endpoint gave a token that is no bearer token");
	if (seconds.p && (!str_to_i64(seconds, &lifetime) || lifetime < 0 || lifetime > 365 * 86400))
		lifetime = TOKEN_DEFAULT_S;
	ehr_token_forget(c);
	buf_reset(&c->granted);
	buf_add(&c->token, token);
	buf_add(&c->granted, json_get_str(answer, S("scope")));
	c->token_renew_ms = c->options.now_ms() + lifetime * 1000 * 4 / 5;
	if (!buf_ok(&c->token))
		return ehr_fail(c, f, ERR_TOO_LARGE, "the access token is longer than %d bytes", TOKEN_MAX);
	return true;
}

static bool request_token(struct ehr_client *c, struct arena *a, struct ehr_failure *f)
{
	struct ehr_request request = {
		.method = S("POST"),
		.url = c->token_url,
		.accept = S("application/json"),
		.content_type = S("application/x-www-form-urlencoded"),
		.repeatable = true, /* a second token does no harm */
		.want_json = true,
		.prepare = prepare_form,
		.action = 'E',
		.interaction = "token",
	};
	struct ehr_reply reply;
	return ehr_send(c, a, &request, &reply, f) && take_token(c, reply.json, f);
}

bool ehr_token_ensure(struct ehr_client *c, struct arena *a, bool *ret_cached, struct ehr_failure *f)
{
	*ret_cached = c->token.n > 0 && c->options.now_ms() < c->token_renew_ms;
	if (*ret_cached)
		return true;
	if (!c->token_url.p && !ehr_discover(c, a, f))
		return false;
	if (request_token(c, a, f))
		return true;
	bool try_older = !c->config.scopes.n && c->rules->older_scopes && !c->older_scopes &&
			 str_is(str_from(f->vendor_code), "invalid_scope");
	if (!try_older)
		return false;
	c->older_scopes = true; /* sites of before 2025 know only the first grammar */
	if (request_token(c, a, f))
		return true;
	c->older_scopes = false;
	return false;
}

/* "system/Observation.rs?category=..." names Observation; both grammars look alike up to the dot. */
bool ehr_token_covers(const struct ehr_client *c, struct str type)
{
	struct str rest = buf_str(&c->granted);
	if (!rest.n || !type.n)
		return true;
	while (rest.p) {
		struct str scope = str_split(&rest, ' ');
		size_t slash = str_find_char(scope, '/', 0), dot = str_find_char(scope, '.', 0);
		if (slash == STR_NONE || dot == STR_NONE || dot < slash)
			continue;
		struct str named = str_slice(scope, slash + 1, dot);
		if (str_eq(named, type) || str_is(named, "*"))
			return true;
	}
	return false;
}

struct str ehr_granted_scopes(const struct ehr_client *c)
{
	return buf_str(&c->granted);
}
