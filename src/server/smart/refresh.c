/*
 * Refresh tokens (RFC 6749 section 6), which rotate (RFC 9700 section 4.14.2): each is good once, its successor comes
 * with the answer, and one that is shown again ends the whole authorization, since then it is in two hands. They last
 * as long as the person's session (online_access) or by themselves (offline_access), within an idle and a total time.
 */
#include "server/smart/smart_priv.h"

#define SHELF S("refresh")
#define USED  "used "

static bool refuse(struct asking *q, enum check check, enum refusal refusal, struct error *err)
{
	return decision_refuse(q->decision, check, refusal, STR_NULL, STR_NULL, STR_NULL, err);
}

static bool find(struct asking *q, struct str token, struct store_fact *ret_fact, struct error *err)
{
	struct str stored = STR_NULL, key = secret_digest(q->a, token);
	if (!key.p)
		return error_memory(err);
	if (!store_fact_get(q->s->options.store, q->a, SHELF, key, &stored, err))
		return false;
	if (!stored.p)
		return refuse(q, CHECK_REFRESH, REFUSAL_REFRESH_UNKNOWN, err);
	if (str_starts(stored, S(USED))) {
		(void)!authorization_doom_id(q->s, q->a, str_slice(stored, sizeof(USED) - 1, stored.n), &q->doomed,
					     NULL);
		return refuse(q, CHECK_REFRESH, REFUSAL_REFRESH_USED, err);
	}
	if (q->s->options.persona->refresh_stays) {
		*ret_fact = (struct store_fact){.expected = stored};
		return true;
	}
	*ret_fact = (struct store_fact){.shelf = SHELF,
					.key = key,
					.value = arena_printf(q->a, USED "%.*s", STR_ARG(stored)),
					.expected = stored,
					.quiet = true};
	return ret_fact->value.p || error_memory(err);
}

bool refresh_owner(struct asking *q, struct str token, struct str *ret_client_id, struct error *err)
{
	struct str stored = STR_NULL, key = token.p ? secret_digest(q->a, token) : STR_NULL;
	struct authorization *g = ARENA_NEW(q->a, struct authorization);
	if (!token.p)
		return true;
	if (!key.p || !g)
		return error_memory(err);
	if (!store_fact_get(q->s->options.store, q->a, SHELF, key, &stored, err))
		return false;
	if (!stored.p)
		return true;
	if (str_starts(stored, S(USED)))
		stored = str_slice(stored, sizeof(USED) - 1, stored.n);
	if (!authorization_find(q->s, q->a, stored, g, err))
		return false;
	if (g->id.p)
		*ret_client_id = g->client_id;
	return true;
}

static bool check_owner(struct asking *q, const struct authorization *g, struct error *err)
{
	const struct smart_client *c = &q->client->facts;
	if (!g->id.p || g->revoked_ms)
		return refuse(q, CHECK_REVOCATION, REFUSAL_REFRESH_REVOKED, err);
	if (!str_eq(g->client_id, c->client_id))
		return refuse(q, CHECK_CLIENT_AUTH, REFUSAL_REFRESH_CLIENT, err);
	if (g->issued_ms < c->registered_ms || g->ends_ms <= q->now_ms || g->expires_ms <= q->now_ms)
		return refuse(q, CHECK_REFRESH, REFUSAL_REFRESH_UNKNOWN, err);
	if (q->s->options.persona->refresh_suspended)
		return refuse(q, CHECK_REFRESH, REFUSAL_REFRESH_UNKNOWN, err);
	if (g->refreshed_ms && q->now_ms < g->refreshed_ms + q->s->options.persona->refresh_pause_s * 1000LL)
		return refuse(q, CHECK_RATE, REFUSAL_THROTTLED, err);
	decision_note(q->decision, CHECK_REFRESH, STR_NULL, STR_NULL);
	return true;
}

bool refresh_scopes(struct asking *q, const struct authorization *g, struct scope_list *ret_list, unsigned *ret_words,
		    struct error *err)
{
	const struct definitions *d = q->s->options.definitions;
	struct str text = form_get(&q->form, "scope");
	struct scope_list granted, registered, asked, now;
	if (!scope_list_read(q->a, d, g->scope, &granted, NULL, err) ||
	    !scope_list_read(q->a, d, q->client->facts.scope, &registered, NULL, err) ||
	    !scope_list_common(q->a, &granted, &registered, SCOPES_OF_PEOPLE, &now, err))
		return false;
	*ret_words = granted.words;
	*ret_list = now;
	if (text.p) {
		size_t ignored = 0;
		if (!scope_list_read(q->a, d, text, &asked, &ignored, err))
			return false;
		if (ignored || !scope_list_covers(&granted, &asked))
			return decision_refuse(q->decision, CHECK_SCOPE_ASKED, REFUSAL_SCOPE_WIDER,
					       str_slice(text, 0, 200), g->scope, STR_NULL, err);
		if (!scope_list_common(q->a, &asked, &now, SCOPES_OF_PEOPLE, ret_list, err))
			return false;
	}
	if (!scopes_granted(q->s, q->a, ret_list, err))
		return false;
	return ret_list->text.n || decision_refuse(q->decision, CHECK_SCOPE_ASKED, REFUSAL_SCOPE_UNREGISTERED, g->scope,
						   q->client->facts.scope, STR_NULL, err);
}

bool refresh_redeem(struct asking *q, struct error *err)
{
	struct str token = form_get(&q->form, "refresh_token");
	struct authorization *g = ARENA_NEW(q->a, struct authorization);
	struct scope_list list;
	struct store_fact used;
	unsigned words;
	if (!g)
		return error_memory(err);
	if (!token.p)
		return decision_refuse(q->decision, CHECK_REQUEST, REFUSAL_PARAMETER_MISSING, STR_NULL,
				       S("refresh_token"), STR_NULL, err);
	if (!find(q, token, &used, err) || !authorization_find(q->s, q->a, used.expected, g, err) ||
	    !check_owner(q, g, err) || !refresh_scopes(q, g, &list, &words, err))
		return false;
	q->granting = g;
	used.expires_ms = g->ends_ms;
	if (used.shelf.p)
		asking_add(q, FACT_REFRESH, &used);
	g->refreshed_ms = q->now_ms;
	if (g->session.p)
		asking_add(q, FACT_SESSION,
			   &(struct store_fact){.shelf = S("session"),
						.key = g->session,
						.must_exist = true,
						.only_look = true,
						.quiet = true});
	return tokens_issue(q, &(struct issuing){.authorization = g, .scopes = &list, .words = words}, err);
}
