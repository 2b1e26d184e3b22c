/* What a refresh token stands for, without using it: for the operator who has one in hand. */
#include "server/smart/smart_priv.h"

#define USED "used "

static void fill(struct smart_grant *into, const struct authorization *g)
{
	*into = (struct smart_grant){.id = g->id,
				     .client_id = g->client_id,
				     .user = g->user,
				     .fhir_user = g->fhir_user,
				     .patient = g->patient,
				     .encounter = g->encounter,
				     .scopes = g->scope,
				     .issued_ms = g->issued_ms,
				     .used_ms = g->used_ms,
				     .expires_ms = g->expires_ms};
}

static bool refuse(struct decision *d, enum check check, enum refusal refusal, struct error *err)
{
	return decision_refuse(d, check, refusal, STR_NULL, STR_NULL, STR_NULL, err);
}

bool smart_refresh_look(struct smart *s, struct arena *a, struct str token, struct decision *d,
			struct smart_grant *ret_grant, struct error *err)
{
	struct str stored = STR_NULL, key = secret_digest(a, token);
	struct authorization g = {0};
	*ret_grant = (struct smart_grant){0};
	if (!key.p)
		return error_memory(err);
	if (!store_fact_get(s->options.store, a, S("refresh"), key, &stored, err))
		return false;
	if (!stored.p)
		return refuse(d, CHECK_TOKEN_KNOWN, REFUSAL_REFRESH_UNKNOWN, err);
	decision_note(d, CHECK_TOKEN_KNOWN, STR_NULL, STR_NULL);
	bool used = str_starts(stored, S(USED));
	struct str id = used ? str_slice(stored, sizeof(USED) - 1, stored.n) : stored;
	if (!authorization_find(s, a, id, &g, err))
		return false;
	fill(ret_grant, &g);
	if (used)
		return refuse(d, CHECK_REPLAY, REFUSAL_REFRESH_USED, err);
	decision_note(d, CHECK_REPLAY, STR_NULL, STR_NULL);
	if (!g.id.p || g.revoked_ms)
		return refuse(d, CHECK_REVOCATION, REFUSAL_REFRESH_REVOKED, err);
	decision_note(d, CHECK_REVOCATION, STR_NULL, STR_NULL);
	if (g.ends_ms <= smart_now(s))
		return refuse(d, CHECK_EXPIRY, REFUSAL_REFRESH_UNKNOWN, err);
	decision_note(d, CHECK_EXPIRY, STR_NULL, STR_NULL);
	return true;
}
