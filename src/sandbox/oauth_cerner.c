/*
 * The persona of Cerner's authorization server: scopes one by one, what is asked for within what is registered, tokens
 * that tell user and tenant, refresh tokens that never change, and errors that are known by a URN alone.
 */
#include "sandbox/oauth_priv.h"

#include "base/encode.h"
#include "base/random.h"
#include "jose/jose.h"

enum { ID_TOKEN_S = 600, GRANTED_MAX = 4096 };

/* ---- scopes ----------------------------------------------------------------------------------------------------- */

/* No wildcards, one grammar or both; accounts that are not validated yet get nothing but who somebody is. */
static bool is_asked(struct sandbox *s, struct str word, const struct scope *scope)
{
	(void)word;
	if (!scope)
		return true;
	if (behaves(s, BEHAVIOUR_ACCOUNT, "limited") || str_is(scope->type, "*"))
		return false;
	bool v2 = oauth_scope_is_v2(scope);
	return !behaves(s, BEHAVIOUR_SCOPE_VERSION, v2 ? "v1" : "v2");
}

static struct str asked(void *ctx, struct arena *a, const struct smart_client *client, struct str sent,
			enum scope_contexts contexts)
{
	(void)client;
	(void)contexts;
	return sent.p ? oauth_scopes_filtered(ctx, a, sent, is_asked) : STR_NULL;
}

/* A token that says too much would not fit into headers. */
static bool granted(void *ctx, struct arena *a, struct str *text, struct error *err)
{
	(void)ctx;
	(void)a;
	return text->n <= GRANTED_MAX ||
	       error_set(err, ERR_INVALID_SCOPE, "The scopes are more than %d bytes, too many for a token",
			 GRANTED_MAX);
}

/* ---- what tokens tell ------------------------------------------------------------------------------------------- */

/* "12742069" of "Practitioner/12742069" */
static struct str number_of(struct str fhir_user)
{
	str_split(&fhir_user, '/');
	return fhir_user;
}

static void told(void *ctx, struct json_writer *w, const struct smart_told *about)
{
	const struct sandbox *s = ctx;
	if (!about->first)
		return;
	json_put_member(w, S("patient"), about->patient);
	json_put_member(w, S("encounter"), about->encounter);
	json_put_member(w, S("intent"), about->intent);
	json_put_member(w, S("appContext"), about->app_context);
	json_key(w, S("need_patient_banner"));
	json_put_bool(w, about->need_patient_banner);
	json_put_member(w, S("smart_style_url"),
			about->style_url.p ? about->style_url
					   : arena_printf(about->a, "%.*s" CERNER_STYLE_PATH, STR_ARG(s->o.base_url)));
	json_put_member(w, S("user"), number_of(about->fhir_user));
	json_put_member(w, S("tenant"), S(CERNER_TENANT));
	json_put_member(w, S("username"), about->user);
}

static void identity(void *ctx, struct json_writer *w, const struct smart_told *about)
{
	struct sandbox *s = ctx;
	struct str url =
		about->fhir_user.n && (about->words & (SCOPE_FHIR_USER | SCOPE_PROFILE))
			? arena_printf(about->a, "%.*s/%.*s", STR_ARG(about->fhir_url), STR_ARG(about->fhir_user))
			: STR_NULL;
	json_put_member(w, S("iss"), arena_printf(about->a, "%.*s" CERNER_OPENID_PATH, STR_ARG(s->o.base_url)));
	json_put_member(w, S("sub"), about->user);
	json_put_member(w, S("aud"), about->client_id);
	json_key(w, S("iat"));
	json_put_i64(w, about->now_ms / 1000);
	json_key(w, S("exp"));
	json_put_i64(w, about->now_ms / 1000 + ID_TOKEN_S);
	json_put_member(w, S("nonce"), about->nonce);
	json_put_member(w, S("name"), about->display.n ? about->display : about->user);
	json_put_member(w, S("fhirUser"), url);
	if (behaves(s, BEHAVIOUR_RELEASE, "2024"))
		json_put_member(w, S("profile"), url);
}

static bool audience(void *ctx, struct str aud)
{
	enum face_host host = hosts_of_base(ctx, aud);
	return host == HOST_PROVIDER || host == HOST_PATIENT;
}

void oauth_cerner_persona(struct sandbox *s)
{
	s->persona = (struct smart_persona){
		.ctx = s,
		.no_secret_in_form = true,
		.pkce_optional = behaves(s, BEHAVIOUR_PKCE, "optional"),
		.audience = audience,
		.redirect_optional = true,
		.redirect_adds_query = true,
		.asked = asked,
		.granted = granted,
		.refresh_stays = true,
		.revokes_refresh_alone = true,
		.refresh_suspended = behaves(s, BEHAVIOUR_OFFLINE_TOKENS, "suspended"),
		.refresh_pause_s = (unsigned)behaviour_number(s, BEHAVIOUR_REFRESH_PAUSE),
		.token = oauth_cerner_token,
		.told = told,
		.identity = identity,
	};
}

/* ---- errors ----------------------------------------------------------------------------------------------------- */

/* The client's id came from outside: only what needs no escape is repeated. */
struct str oauth_cerner_error_uri(const struct sandbox *s, struct arena *a, const char *what, struct str client_id,
				  const char uuid[UUID_SIZE])
{
	struct buf text;
	buf_init(&text, 4096);
	buf_printf(&text, "%.*s/errors/", STR_ARG(s->o.base_url));
	encode_percent(&text, S("urn:cerner:error:authorization-server:oauth2:"));
	encode_percent(&text, str_from(what));
	buf_printf(&text, "/instances/%.36s?client=", uuid);
	for (size_t i = 0; i < client_id.n && i < 100; i++) {
		char c = client_id.p[i];
		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '.')
			buf_char(&text, c);
	}
	buf_add(&text, S("&tenant=" CERNER_TENANT));
	struct str uri = buf_ok(&text) ? arena_str(a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return uri;
}

void oauth_cerner_refused(void *ctx, struct arena *a, const struct smart_request *request, const char *error,
			  const struct error *refusal, struct str *ret_url, struct str *ret_page)
{
	const struct sandbox *s = ctx;
	char uuid[UUID_SIZE], what[96];
	struct buf url, words = {.p = what, .cap = sizeof(what), .max = sizeof(what) - 1};
	(void)refusal;
	(void)ret_page;
	if (!error) /* our page tells more than theirs */
		return;
	random_uuid(uuid);
	bool denied = strcmp(error, "access_denied") == 0;
	buf_printf(&words, "grant:%s", denied ? "denied-by-server" : error);
	what[words.n] = 0;
	for (size_t i = 0; i < words.n; i++)
		what[i] = what[i] == '_' ? '-' : what[i];
	buf_init(&url, 1 << 16);
	buf_add(&url, request->redirect_uri);
	buf_printf(&url, "%serror=%s&error_uri=", str_find_char(request->redirect_uri, '?', 0) == STR_NONE ? "?" : "&",
		   error);
	encode_percent(&url, oauth_cerner_error_uri(s, a, what, request->client.client_id, uuid));
	if (request->state.p) {
		buf_add(&url, S("&state="));
		encode_percent(&url, request->state);
	}
	*ret_url = buf_ok(&url) ? arena_str(a, buf_str(&url)) : STR_NULL;
	buf_done(&url);
}
