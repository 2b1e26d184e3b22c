/*
 * Access tokens by SMART backend services: client_credentials with a signed assertion (SMART App Launch 2.2, "Backend
 * Services"; RFC 7523). One token per client, renewed when four fifths of its life are over. Both vendors are stricter
 * than the specification about the assertion's times; see identity.c. With a person's login its token is used instead.
 */
#include "base/encode.h"
#include "ehr/login_priv.h"

enum { TOKEN_DEFAULT_S = 300, TOKEN_MAX = 64 << 10 };

void ehr_token_forget(struct ehr_client *c)
{
	if (c->token.p)
		memset(c->token.p, 0, c->token.n);
	buf_reset(&c->token);
	c->token_renew_ms = 0;
}

void ehr_token_refused(struct ehr_client *c)
{
	buf_reset(&c->refused);
	buf_add(&c->refused, buf_str(&c->token));
	ehr_token_forget(c);
}

void ehr_token_set(struct ehr_client *c, struct str token, struct str granted, int64_t renew_ms)
{
	ehr_token_forget(c);
	buf_reset(&c->granted);
	buf_add(&c->token, token);
	buf_add(&c->granted, granted);
	c->token_renew_ms = renew_ms;
}

struct str ehr_asked_scopes(struct ehr_client *c, struct arena *a)
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
	struct buf form;
	buf_init(&form, 1 << 18);
	struct str scopes = ehr_asked_scopes(c, a);
	buf_add(&form, S("grant_type=client_credentials"));
	bool ok = ehr_add_backend_identity(c, a, &form, &request->authorization, err);
	if (scopes.n) {
		buf_add(&form, S("&scope="));
		encode_percent(&form, scopes);
	}
	request->body = arena_str(a, buf_str(&form));
	if (ok && (!buf_ok(&form) || !request->body.p))
		ok = error_memory(err);
	buf_done(&form);
	return ok;
}

static bool is_bearer_text(struct str token)
{
	for (size_t i = 0; i < token.n; i++)
		if ((unsigned char)token.p[i] <= ' ' || (unsigned char)token.p[i] >= 0x7f)
			return false;
	return token.n > 0;
}

bool ehr_token_answer(struct ehr_client *c, const struct json *answer, struct ehr_token_answer *ret_answer,
		      struct ehr_failure *f)
{
	struct str token = json_get_str(answer, S("access_token")), type = json_get_str(answer, S("token_type"));
	const struct json *life = json_get(answer, S("expires_in"));
	struct str seconds = json_number(life).p ? json_number(life) : json_str(life); /* some send a string */
	int64_t lifetime = TOKEN_DEFAULT_S;
	if (!is_bearer_text(token))
		return ehr_fail(c, f, ERR_REMOTE, "the token endpoint's answer holds no usable access token");
	if (!str_eq_nocase(type, S("Bearer")))
		return ehr_fail(c, f, ERR_REMOTE, "the token endpoint gave a token that is no bearer token");
	if (token.n > TOKEN_MAX)
		return ehr_fail(c, f, ERR_TOO_LARGE, "the access token is longer than %d bytes", TOKEN_MAX);
	if (seconds.p && (!str_to_i64(seconds, &lifetime) || lifetime < 0 || lifetime > 365 * 86400))
		lifetime = TOKEN_DEFAULT_S;
	*ret_answer = (struct ehr_token_answer){token, lifetime};
	return true;
}

static bool take_token(struct ehr_client *c, const struct json *answer, struct ehr_failure *f)
{
	struct ehr_token_answer got;
	if (!ehr_token_answer(c, answer, &got, f))
		return false;
	ehr_token_set(c, got.access_token, json_get_str(answer, S("scope")),
		      c->options.now_ms() + got.lifetime_s * 1000 * 4 / 5);
	return buf_ok(&c->token) || ehr_fail(c, f, ERR_MEMORY, "not enough memory");
}

static bool request_token(struct ehr_client *c, struct arena *a, struct ehr_failure *f)
{
	struct ehr_request request = {
		.method = S("POST"),
		.url = c->endpoints.token,
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
	if (c->options.logins) {
		bool found;
		if (!ehr_login_ensure(c, a, &found, ret_cached, f))
			return false;
		if (found || !ehr_is_backend(c))
			return true;
	}
	if (!c->endpoints.token.p && !ehr_discover(c, a, f))
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
bool ehr_scopes_name(struct str scopes, struct str type)
{
	while (scopes.p) {
		struct str scope = str_split(&scopes, ' ');
		size_t slash = str_find_char(scope, '/', 0), dot = str_find_char(scope, '.', 0);
		if (slash == STR_NONE || dot == STR_NONE || dot < slash)
			continue;
		struct str named = str_slice(scope, slash + 1, dot);
		if (str_eq(named, type) || str_is(named, "*"))
			return true;
	}
	return false;
}

bool ehr_token_covers(const struct ehr_client *c, struct str type)
{
	return !c->granted.n || !type.n || ehr_scopes_name(buf_str(&c->granted), type);
}

struct str ehr_granted_scopes(const struct ehr_client *c)
{
	return buf_str(&c->granted);
}
