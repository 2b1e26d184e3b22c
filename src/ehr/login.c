/*
 * The way to the EHR's login page: what is asked for, with state, PKCE verifier and nonce made anew each time (SMART
 * App Launch 2.2, "Obtain authorization code"; RFC 7636 section 4), and the record of it until the answer comes.
 */
#include "base/encode.h"
#include "base/random.h"
#include "ehr/login_priv.h"

/* Reading for the patient in context, who the person is, and staying logged in. */
#define STANDALONE_SCOPES "openid fhirUser offline_access launch/patient patient/*.rs"
#define LAUNCH_SCOPES	  "openid fhirUser offline_access launch patient/*.rs"

static bool random_text(struct arena *a, struct str *ret_text)
{
	unsigned char bytes[32];
	struct buf text;
	random_bytes(bytes, sizeof bytes);
	buf_init(&text, 64);
	encode_base64url(&text, str_make((const char *)bytes, sizeof bytes));
	*ret_text = arena_str(a, buf_str(&text));
	buf_done(&text);
	return ret_text->p != NULL;
}

bool ehr_scopes_have(struct str scopes, const char *scope)
{
	return str_has_word(scopes, str_from(scope));
}

/* An EHR launch needs the scope launch, whatever is configured. */
static struct str scopes_to_ask(const struct ehr_client *c, struct arena *a, const struct ehr_login_ask *ask)
{
	struct str scopes = ask->scopes.n ? ask->scopes : c->config.login_scopes;
	if (!scopes.n) /* profile brings the person's name, where it is known */
		return arena_printf(a, "%s%s", ask->launch.p ? LAUNCH_SCOPES : STANDALONE_SCOPES,
				    c->endpoints.knows_profile ? " profile" : "");
	if (ask->launch.p && !ehr_scopes_have(scopes, "launch"))
		return arena_printf(a, "launch %.*s", STR_ARG(scopes));
	return arena_str(a, scopes);
}

static void add(struct buf *url, const char *name, struct str value)
{
	if (!value.n)
		return;
	buf_printf(url, "&%s=", name);
	encode_percent(url, value);
}

static struct str authorize_url(const struct ehr_client *c, struct arena *a, const struct ehr_login_ask *ask,
				const struct ehr_login_pending *p)
{
	struct buf url;
	buf_init(&url, 64 << 10);
	struct str at = c->endpoints.authorize;
	buf_add(&url, at);
	buf_add(&url, str_find_char(at, '?', 0) == STR_NONE ? S("?") : S("&"));
	buf_add(&url, S("response_type=code"));
	add(&url, "client_id", ehr_login_client_id(c));
	add(&url, "redirect_uri", p->redirect_uri);
	add(&url, "launch", ask->launch);
	add(&url, "scope", p->scopes);
	add(&url, "state", p->state);
	add(&url, "aud", c->config.base_url);
	add(&url, "code_challenge", digest_base64url(a, p->verifier));
	add(&url, "code_challenge_method", S("S256"));
	add(&url, "nonce", p->nonce);
	struct str text = buf_ok(&url) ? arena_str(a, buf_str(&url)) : STR_NULL;
	buf_done(&url);
	return text;
}

bool ehr_login_begin(struct ehr_client *c, struct arena *a, const struct ehr_login_ask *ask,
		     struct ehr_login_pending *ret_pending, struct str *ret_url, struct ehr_failure *f)
{
	if (!ehr_login_client_id(c).n)
		return ehr_fail(c, f, ERR_CONFIG,
				"no app is configured that people log in with: set login_client_id (or client_id)");
	if (!c->endpoints.token.p && !ehr_discover(c, a, f))
		return false;
	if (!c->endpoints.authorize.p)
		return ehr_fail(c, f, ERR_REMOTE,
				"its discovery names no authorization endpoint: it knows backend services only");
	struct ehr_login_pending p = {
		.ehr = arena_str(a, c->config.name),
		.redirect_uri = arena_str(a, ask->redirect_uri),
		.scopes = scopes_to_ask(c, a, ask),
		.issuer = arena_str(a, c->endpoints.issuer.p ? c->endpoints.issuer : S("")),
		.started_ms = c->options.now_ms(),
		.answers_iss = c->endpoints.answers_iss,
	};
	bool ok = random_text(a, &p.state) && random_text(a, &p.verifier);
	if (ok && ehr_scopes_have(p.scopes, "openid"))
		ok = random_text(a, &p.nonce);
	struct str url = ok ? authorize_url(c, a, ask, &p) : STR_NULL;
	if (!url.p || !p.ehr.p || !p.redirect_uri.p || !p.scopes.p || !p.issuer.p)
		return ehr_fail(c, f, ERR_MEMORY, "not enough memory");
	*ret_pending = p;
	*ret_url = url;
	return true;
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

/* What is written and read: texts that are there, numbers that are not 0, flags that are set. */
enum member_kind { MEMBER_TEXT, MEMBER_NUMBER, MEMBER_FLAG };
struct member {
	const char *name;
	enum member_kind kind;
	size_t offset;
};
#define TEXT(type, field)                                                                                              \
	{                                                                                                              \
#field, MEMBER_TEXT, offsetof(struct type, field)                                                      \
	}
#define NUMBER(type, field)                                                                                            \
	{                                                                                                              \
#field, MEMBER_NUMBER, offsetof(struct type, field)                                                    \
	}
#define FLAG(type, field)                                                                                              \
	{                                                                                                              \
#field, MEMBER_FLAG, offsetof(struct type, field)                                                      \
	}
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct member pending_members[] = {
	TEXT(ehr_login_pending, ehr),	 TEXT(ehr_login_pending, state),	TEXT(ehr_login_pending, verifier),
	TEXT(ehr_login_pending, nonce),	 TEXT(ehr_login_pending, redirect_uri), TEXT(ehr_login_pending, scopes),
	TEXT(ehr_login_pending, issuer), NUMBER(ehr_login_pending, started_ms), FLAG(ehr_login_pending, answers_iss),
};

static const struct member login_members[] = {
	TEXT(ehr_login, ehr),
	TEXT(ehr_login, base_url),
	TEXT(ehr_login, client_id),
	TEXT(ehr_login, token_url),
	TEXT(ehr_login, revoke_url),
	TEXT(ehr_login, access_token),
	TEXT(ehr_login, refresh_token),
	TEXT(ehr_login, requested),
	TEXT(ehr_login, granted),
	TEXT(ehr_login, patient),
	TEXT(ehr_login, encounter),
	TEXT(ehr_login, intent),
	TEXT(ehr_login, style_url),
	TEXT(ehr_login, fhir_user),
	TEXT(ehr_login, subject),
	TEXT(ehr_login, others),
	TEXT(ehr_login, name),
	TEXT(ehr_login, ended),
	NUMBER(ehr_login, started_ms),
	NUMBER(ehr_login, issued_ms),
	NUMBER(ehr_login, renew_ms),
	NUMBER(ehr_login, expires_ms),
	NUMBER(ehr_login, trying_ms),
	NUMBER(ehr_login, forget_ms),
	FLAG(ehr_login, need_patient_banner),
};

static void write_record(struct buf *out, const void *record, const struct member *members, size_t count)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	for (size_t i = 0; i < count; i++) {
		const char *at = (const char *)record + members[i].offset;
		struct str name = str_from(members[i].name);
		if (members[i].kind == MEMBER_TEXT) {
			struct str text = *(const struct str *)(const void *)at;
			if (text.p)
				json_put_member(&w, name, text);
		} else if (members[i].kind == MEMBER_FLAG) {
			json_key(&w, name);
			json_put_bool(&w, *(const bool *)at);
		} else {
			json_key(&w, name);
			json_put_i64(&w, *(const int64_t *)(const void *)at);
		}
	}
	json_object_end(&w);
}

static bool read_record(struct arena *a, struct str text, void *record, const struct member *members, size_t count,
			struct error *err)
{
	const struct json *j = json_parse(a, text, 0, err);
	if (!j)
		return false;
	for (size_t i = 0; i < count; i++) {
		char *at = (char *)record + members[i].offset;
		const struct json *value = json_get(j, str_from(members[i].name));
		if (members[i].kind == MEMBER_TEXT)
			*(struct str *)(void *)at = json_str(value);
		else if (members[i].kind == MEMBER_FLAG)
			*(bool *)at = json_bool(value);
		else if (!str_to_i64(json_number(value), (int64_t *)(void *)at))
			*(int64_t *)(void *)at = 0;
	}
	return true;
}

bool ehr_login_pending_write(const struct ehr_login_pending *pending, struct buf *out, struct error *err)
{
	write_record(out, pending, pending_members, COUNT(pending_members));
	return buf_ok(out) || error_memory(err);
}

bool ehr_login_pending_read(struct arena *a, struct str text, struct ehr_login_pending *ret_pending, struct error *err)
{
	struct ehr_login_pending p = {0};
	if (!read_record(a, text, &p, pending_members, COUNT(pending_members), err))
		return false;
	*ret_pending = p;
	return true;
}

bool ehr_login_write(const struct ehr_login *login, struct buf *out, struct error *err)
{
	write_record(out, login, login_members, COUNT(login_members));
	return buf_ok(out) || error_memory(err);
}

bool ehr_login_read(struct arena *a, struct str text, struct ehr_login *ret_login, struct error *err)
{
	struct ehr_login login = {0};
	if (!read_record(a, text, &login, login_members, COUNT(login_members), err))
		return false;
	*ret_login = login;
	return true;
}
