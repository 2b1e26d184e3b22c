/*
 * What becomes of a token that somebody holds: introspection (RFC 7662; SMART App Launch 2.2 section 6), for clients
 * that can prove themselves, and revocation (RFC 7009), for the client that it was given to.
 */
#include "server/smart/smart_priv.h"

#define USED "used "

/* ---- introspection --------------------------------------------------------------------------------------------------
 */

static void put_time(struct json_writer *w, const char *name, int64_t ms)
{
	json_key(w, str_from(name));
	json_put_i64(w, ms / 1000);
}

static void put_grant(struct asking *q, struct json_writer *w, const struct grant *g)
{
	json_put_member(w, S("scope"), g->scope_text);
	json_put_member(w, S("client_id"), g->client_id);
	json_put_member(w, S("token_type"), S("Bearer"));
	put_time(w, "iat", g->issued_ms);
	put_time(w, "exp", g->expires_ms);
	json_put_member(w, S("iss"), q->s->issuer);
	json_put_member(w, S("aud"), q->s->fhir_url);
	json_put_member(w, S("sub"), g->user.p ? identity_subject(q->s, q->a, g->user) : g->client_id);
	if (g->words & SCOPE_FHIR_USER)
		json_put_member(w, S("fhirUser"), identity_url(q->s, q->a, g->fhir_user));
	json_put_member(w, S("patient"), g->patient);
	json_put_member(w, S("encounter"), g->encounter);
}

/* Is the error about the token, rather than trouble of ours? */
static bool is_about_token(const struct error *err)
{
	return error_http_status(err->code) < 500;
}

static bool put_access(struct asking *q, struct json_writer *w, struct str token, bool *ret_active, struct error *err)
{
	struct grant grant;
	struct error why = {0};
	*ret_active = false;
	if (!token_look(q->s, q->a, token, NULL, &grant, &why))
		return is_about_token(&why) || error_set(err, why.code, "%s", why.text);
	/* A client that anybody can claim to be learns of its own tokens only. */
	*ret_active = grant.expires_ms > q->now_ms && (smart_client_auth(&q->client->facts) != AUTH_NONE ||
						       str_eq(grant.client_id, q->client->facts.client_id));
	json_key(w, S("active"));
	json_put_bool(w, *ret_active);
	if (*ret_active)
		put_grant(q, w, &grant);
	return true;
}

/* Of a refresh token nobody but its own client learns anything. */
static bool put_refresh(struct asking *q, struct json_writer *w, struct str token, bool *ret_active, struct error *err)
{
	struct str stored = STR_NULL, key = secret_digest(q->a, token);
	struct authorization g = {0};
	*ret_active = false;
	if (!key.p)
		return error_memory(err);
	if (!store_fact_get(q->s->options.store, q->a, S("refresh"), key, &stored, err) ||
	    (stored.p && !str_starts(stored, S(USED)) && !authorization_find(q->s, q->a, stored, &g, err)))
		return false;
	*ret_active =
		g.id.p && !g.revoked_ms && g.ends_ms > q->now_ms && str_eq(g.client_id, q->client->facts.client_id);
	if (!*ret_active)
		return true;
	json_key(w, S("active"));
	json_put_bool(w, true);
	json_put_member(w, S("scope"), g.scope);
	json_put_member(w, S("client_id"), g.client_id);
	json_put_member(w, S("token_type"), S("refresh_token"));
	put_time(w, "exp", g.expires_ms);
	json_put_member(w, S("sub"), identity_subject(q->s, q->a, g.user));
	return true;
}

static bool take_token(struct asking *q, struct str *ret_token, struct error *err)
{
	*ret_token = form_get(&q->form, "token");
	if (ret_token->p)
		return true;
	return decision_refuse(q->decision, CHECK_REQUEST, REFUSAL_PARAMETER_MISSING, STR_NULL, S("token"), STR_NULL,
			       err);
}

bool introspect_run(struct asking *q, struct error *err)
{
	struct str token;
	bool active = false, refreshing = false;
	if (!client_authenticate(q, err) || !take_token(q, &token, err))
		return false;
	struct json_writer w = json_writer(q->out);
	json_object_begin(&w);
	if (!put_refresh(q, &w, token, &refreshing, err) || (!refreshing && !put_access(q, &w, token, &active, err)))
		return false;
	if (!refreshing && buf_str(q->out).n == 1) {
		json_key(&w, S("active"));
		json_put_bool(&w, false);
	}
	json_object_end(&w);
	return buf_ok(q->out) || error_memory(err);
}

/* ---- revocation ----------------------------------------------------------------------------------------------------
 */

static bool check_owner(struct asking *q, struct str client_id, struct error *err)
{
	return str_eq(client_id, q->client->facts.client_id) ||
	       decision_refuse(q->decision, CHECK_CLIENT_AUTH, REFUSAL_REFRESH_CLIENT, STR_NULL, STR_NULL, STR_NULL,
			       err);
}

/* A refresh token takes all tokens of its authorization with it, one that was used as well. */
static bool revoke_refresh(struct asking *q, struct str key, bool *ret_found, struct error *err)
{
	struct str stored = STR_NULL;
	struct authorization g;
	struct store_fact fact;
	if (!store_fact_get(q->s->options.store, q->a, S("refresh"), key, &stored, err))
		return false;
	*ret_found = stored.p != NULL;
	if (str_starts(stored, S(USED)))
		stored = str_slice(stored, sizeof(USED) - 1, stored.n);
	if (!stored.p)
		return true;
	if (!authorization_find(q->s, q->a, stored, &g, err))
		return false;
	if (!g.id.p || g.revoked_ms)
		return true;
	if (!check_owner(q, g.client_id, err) || !authorization_doom(q->s, q->a, &g, &fact, err))
		return false;
	asking_add(q, FACT_PLAIN, &fact);
	return true;
}

static bool revoke_access(struct asking *q, struct str token, struct str key, struct error *err)
{
	struct grant grant;
	struct error why = {0};
	if (!token_look(q->s, q->a, token, NULL, &grant, &why))
		return is_about_token(&why) || error_set(err, why.code, "%s", why.text);
	if (!check_owner(q, grant.client_id, err))
		return false;
	const struct store_fact fact = token_revoked(key, &grant);
	asking_add(q, FACT_PLAIN, &fact);
	return true;
}

/* RFC 7009 section 2.2: a token that is not known is none to worry about. */
bool revoke_run(struct asking *q, struct error *err)
{
	struct str token;
	bool found = false;
	if (!client_authenticate(q, err) || !take_token(q, &token, err))
		return false;
	struct str key = secret_digest(q->a, token);
	if (!key.p)
		return error_memory(err);
	q->revokes = true;
	if (!revoke_refresh(q, key, &found, err))
		return false;
	return found || q->s->options.persona->revokes_refresh_alone || revoke_access(q, token, key, err);
}
