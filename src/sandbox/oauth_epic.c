/*
 * The persona of Epic's authorization server: scopes come from the registration, refresh tokens stay what they are,
 * keys are asked for by URL, and a request that is not right ends on a page of Epic's with status 200.
 */
#include "sandbox/oauth_priv.h"

#include "base/encode.h"
#include "jose/jose.h"

enum { TOKEN_SIZE = 1052, ID_TOKEN_S = 300 };

/* ---- scopes ----------------------------------------------------------------------------------------------------- */

static bool is_word(struct sandbox *s, struct str word, const struct scope *scope)
{
	(void)s;
	(void)word;
	return !scope;
}

static bool is_resource(struct sandbox *s, struct str word, const struct scope *scope)
{
	(void)s;
	(void)word;
	return scope != NULL;
}

/* Whatever resources an app names, it is asking for those that are ticked in its registration. */
static struct str asked(void *ctx, struct arena *a, const struct smart_client *client, struct str sent,
			enum scope_contexts contexts)
{
	struct sandbox *s = ctx;
	struct str registered = oauth_scopes_filtered(s, a, client->scope, is_resource);
	struct str words = contexts == SCOPES_OF_PEOPLE && sent.p ? oauth_scopes_filtered(s, a, sent, is_word) : S("");
	if (!registered.p || !words.p)
		return STR_NULL;
	registered = oauth_scopes_written_out(s, a, registered);
	return registered.p ? arena_printf(a, "%.*s%s%.*s", STR_ARG(words), words.n && registered.n ? " " : "",
					   STR_ARG(registered))
			    : STR_NULL;
}

/* Sites speak the second grammar since August 2024, to apps that were registered with it. */
static bool granted(void *ctx, struct arena *a, struct str *text, struct error *err)
{
	struct sandbox *s = ctx;
	bool v1 = behaves(s, BEHAVIOUR_SCOPE_VERSION, "v1") || !released(s, "2024-08");
	if (!v1 && !behaves(s, BEHAVIOUR_SCOPE_VERSION, "v2"))
		return true;
	return oauth_scopes_reworded(s, a, !v1, text, err);
}

/* ---- what tokens tell ------------------------------------------------------------------------------------------- */

/* The id that the patient has in the older version of the API: known for one, made up in its form for others. */
static struct str dstu2_id(struct arena *a, struct str patient)
{
	unsigned char digest[32];
	struct buf text;
	if (str_is(patient, "erXuFYUfucBZaryVksYEcMg3"))
		return S("TnOZ.elPXC6zcBNFMcFA7A5KZbYxo2.4T-LylRk4GoW4B");
	digest_sha256(patient, digest);
	buf_init(&text, 128);
	encode_base64url(&text, str_make((const char *)digest, sizeof(digest)));
	struct str id = arena_printf(a, "T%.*sB", STR_ARG(str_slice(buf_str(&text), 0, 43)));
	buf_done(&text);
	return id;
}

static void told(void *ctx, struct json_writer *w, const struct smart_told *about)
{
	struct sandbox *s = ctx;
	json_put_member(w, S("state"), about->state);
	json_put_member(w, S("patient"), about->patient);
	if (about->patient.p)
		json_put_member(w, S("__epic.dstu2.patient"), dstu2_id(about->a, about->patient));
	json_put_member(w, S("encounter"), about->encounter);
	json_put_member(w, S("intent"), about->intent);
	json_put_member(w, S("appContext"), about->app_context);
	json_put_member(w, S("need_patient_banner"), about->need_patient_banner ? S("true") : S("false"));
	json_put_member(w, S("smart_style_url"),
			about->style_url.p ? about->style_url
					   : arena_printf(about->a, "%.*s" EPIC_STYLE_PATH, STR_ARG(s->o.base_url)));
	if (behaves(s, BEHAVIOUR_TOKEN_LIBRARY, "on"))
		json_put_member(w, S("epic.scanning.dmsusername"), adapter_upper(about->a, about->user));
}

static void put_time(struct json_writer *w, const char *name, int64_t ms)
{
	json_key(w, str_from(name));
	json_put_i64(w, ms / 1000);
}

static void identity(void *ctx, struct json_writer *w, const struct smart_told *about)
{
	struct str rest = about->fhir_user, type = str_split(&rest, '/');
	(void)ctx;
	(void)type;
	json_put_member(w, S("iss"), about->issuer);
	json_put_member(w, S("sub"), rest.n ? rest : about->user);
	json_put_member(w, S("aud"), about->client_id);
	put_time(w, "iat", about->now_ms);
	put_time(w, "exp", about->now_ms + ID_TOKEN_S * 1000);
	json_put_member(w, S("nonce"), about->nonce);
	if ((about->words & SCOPE_FHIR_USER) && about->fhir_user.n)
		json_put_member(
			w, S("fhirUser"),
			arena_printf(about->a, "%.*s/%.*s", STR_ARG(about->fhir_url), STR_ARG(about->fhir_user)));
	if (about->words & SCOPE_PROFILE)
		json_put_member(w, S("preferred_username"), about->user);
}

/* ---- the persona ------------------------------------------------------------------------------------------------ */

void oauth_epic_persona(struct sandbox *s)
{
	bool late = behaves(s, BEHAVIOUR_KEY_UPLOAD, "release") && released(s, "2026-02");
	s->persona = (struct smart_persona){
		.ctx = s,
		.algorithms = JOSE_BIT(JOSE_RS256) | JOSE_BIT(JOSE_RS384) | JOSE_BIT(JOSE_RS512) |
			      JOSE_BIT(JOSE_ES256) | JOSE_BIT(JOSE_ES384),
		.curves_by_url = !behaves(s, BEHAVIOUR_KEY_UPLOAD, "any"),
		.no_keys_by_value = late || behaves(s, BEHAVIOUR_KEY_UPLOAD, "none"),
		.short_spans = true,
		.small_bearer = true,
		.refetch = true,
		.basic_alone = true,
		.device_clients = behaves(s, BEHAVIOUR_DYNAMIC_CLIENTS, "on"),
		.aud_optional = !released(s, "2023-05"),
		.pkce_optional = behaves(s, BEHAVIOUR_PKCE, "optional"),
		.patient_if_asked = true,
		.asked = asked,
		.granted = granted,
		.token_size = TOKEN_SIZE,
		.refresh_stays = true,
		.refresh_comes_again = behaves(s, BEHAVIOUR_REFRESH, "rolling"),
		.refresh_needs_proof = true,
		.told = told,
		.identity = identity,
	};
}

/* ---- refused requests ------------------------------------------------------------------------------------------- */

void oauth_epic_refused(void *ctx, struct arena *a, const struct smart_request *request, const char *error,
			const struct error *refusal, struct str *ret_url, struct str *ret_page)
{
	bool launch = refusal_of(refusal) == REFUSAL_LAUNCH_UNKNOWN || refusal_of(refusal) == REFUSAL_LAUNCH_MISSING;
	struct buf page;
	(void)ctx;
	(void)request;
	/* People who say no are led back to the app like anywhere; it is requests that are not right that end here. */
	if (error && face_listed("access_denied login_required interaction_required consent_required", str_from(error)))
		return;
	(void)ret_url;
	buf_init(&page, 1 << 16);
	buf_printf(
		&page,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
		"content=\"width=device-width, initial-scale=1\"><title>OAuth2 Error</title><link rel=\"stylesheet\" "
		"href=\"/auth/page.css\"></head><body><main id=\"main\" class=\"wide\"><h1>OAuth2 "
		"Error</h1>\n<p>%s</p>\n"
		"<div class=\"note warn\"><p><strong>What the real page does not say: </strong>",
		launch ? "invalid_launch_token"
		       : "Something went wrong trying to authorize the client. Please try logging in again.");
	encode_html(&page, str_from(refusal->text));
	buf_add(&page, S(".</p></div></main></body></html>\n"));
	*ret_page = buf_ok(&page) ? arena_str(a, buf_str(&page)) : STR_NULL;
	buf_done(&page);
}
