/*
 * Who the person is, for apps that asked (OpenID Connect Core; SMART App Launch 2.2 section 5): the id_token, and
 * userinfo.
 */
#include "server/smart/smart_priv.h"

enum { LIFETIME_S = 3600, SUBJECT_HEX = 32 };

/* Of the issuer and the name: the same for every app, nothing that tells the name to who does not know it, and another
 * one at each tenant. */
struct str identity_subject(struct smart *s, struct arena *a, struct str user)
{
	struct str seed = arena_printf(a, "sub %.*s %.*s", STR_ARG(s->issuer), STR_ARG(user));
	struct str digest = seed.p ? secret_digest(a, seed) : STR_NULL;
	return digest.p ? str_slice(digest, 0, SUBJECT_HEX) : STR_NULL;
}

struct str identity_url(struct smart *s, struct arena *a, struct str fhir_user)
{
	return fhir_user.n ? arena_printf(a, "%.*s/%.*s", STR_ARG(s->fhir_url), STR_ARG(fhir_user)) : STR_NULL;
}

/* OpenID Connect Core section 5.4: profile asks for the name; SMART's older fhirUser has that claim's name as well. */
static void put_who(struct smart *s, struct arena *a, struct json_writer *w, const struct authorization *who,
		    unsigned words)
{
	struct str user = who->user, fhir_user = who->fhir_user;
	struct str url = identity_url(s, a, fhir_user);
	json_put_member(w, S("sub"), identity_subject(s, a, user));
	if (words & SCOPE_FHIR_USER)
		json_put_member(w, S("fhirUser"), url);
	if (!(words & SCOPE_PROFILE))
		return;
	json_put_member(w, S("profile"), url);
	json_put_member(w, S("name"), who->display.n ? who->display : user);
	json_put_member(w, S("preferred_username"), user);
}

static void put_time(struct json_writer *w, struct str name, int64_t ms)
{
	json_key(w, name);
	json_put_i64(w, ms / 1000);
}

static void put_claims(struct asking *q, const struct authorization *g, unsigned words, struct json_writer *w)
{
	json_put_member(w, S("iss"), q->s->issuer);
	json_put_member(w, S("aud"), g->client_id);
	put_who(q->s, q->a, w, g, words);
	json_put_member(w, S("nonce"), g->nonce);
	put_time(w, S("iat"), q->now_ms);
	put_time(w, S("exp"), q->now_ms + LIFETIME_S * 1000);
	if (g->authenticated_ms)
		put_time(w, S("auth_time"), g->authenticated_ms);
}

struct smart_told identity_told(struct asking *q, const struct authorization *g, unsigned words, bool first)
{
	return (struct smart_told){.a = q->a,
				   .client_id = g->client_id,
				   .user = g->user,
				   .display = g->display,
				   .fhir_user = g->fhir_user,
				   .patient = g->patient,
				   .encounter = g->encounter,
				   .intent = g->launch.intent,
				   .style_url = g->launch.style_url,
				   .app_context = g->launch.app_context,
				   .state = g->state,
				   .issuer = q->s->issuer,
				   .fhir_url = q->s->fhir_url,
				   .nonce = g->nonce,
				   .words = words,
				   .now_ms = q->now_ms,
				   .authenticated_ms = g->authenticated_ms,
				   .need_patient_banner = g->launch.need_patient_banner,
				   .first = first};
}

bool identity_token(struct asking *q, const struct authorization *g, const struct scope_list *scopes,
		    struct str *ret_token, struct error *err)
{
	enum jose_algorithm algorithm = jose_algorithm_find(q->client->facts.id_token_alg);
	const struct smart_persona *p = q->s->options.persona;
	const struct smart_told told = identity_told(q, g, scopes->words, true);
	struct buf claims;
	buf_init(&claims, 64 * 1024);
	struct json_writer w = json_writer(&claims);
	json_object_begin(&w);
	if (p->identity)
		p->identity(p->ctx, &w, &told);
	else
		put_claims(q, g, scopes->words, &w);
	json_object_end(&w);
	bool ok = buf_ok(&claims) || error_memory(err);
	ok = ok && signing_sign(q->s, q->a, algorithm, buf_str(&claims), ret_token, err);
	buf_done(&claims);
	return ok;
}

/* OpenID Connect Core section 5.3. */
bool userinfo_run(struct asking *q, struct error *err)
{
	struct grant grant;
	if (!smart_authorize(q->s, q->a, q->authorization, q->decision, &grant, err))
		return false;
	if (!(grant.words & SCOPE_OPENID) || !grant.user.p)
		return decision_refuse(q->decision, CHECK_SCOPE, REFUSAL_SCOPE_MISSING,
				       str_slice(grant.scope_text, 0, 200), S("openid"), STR_NULL, err);
	struct authorization who;
	if (!authorization_find(q->s, q->a, grant.id, &who, err))
		return false;
	struct json_writer w = json_writer(q->out);
	json_object_begin(&w);
	who.user = grant.user;
	put_who(q->s, q->a, &w, &who, grant.words);
	json_object_end(&w);
	return buf_ok(q->out) || error_memory(err);
}
