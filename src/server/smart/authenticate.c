/*
 * Which client asks, and its proof (RFC 6749 sections 2.3 and 3.2.1): by a signed assertion, by a secret in the header
 * or in the form, or, for a public client, by nothing. A client proves itself in one way, the one it is registered
 * with; a secret may come either way, since libraries differ and neither is safer.
 */
#include "base/encode.h"
#include "server/smart/smart_priv.h"

enum {
	MAX_CREDENTIALS = 4096,
	MOST_ATTEMPTS = 20 /* wrong secrets of a client from one address in a minute */
};

bool client_identify(struct asking *q, struct str client_id, struct error *err)
{
	if (!registry_take(q->s, client_id, &q->client, err))
		return false;
	if (!q->client)
		return decision_refuse(q->decision, CHECK_CLIENT_KNOWN, REFUSAL_CLIENT_UNKNOWN,
				       str_slice(client_id, 0, 100), STR_NULL, STR_NULL, err);
	decision_note(q->decision, CHECK_CLIENT_KNOWN, q->client->facts.client_id, STR_NULL);
	if (q->decision)
		q->decision->client = arena_str(q->a, q->client->facts.client_id);
	return client_is_good(&q->client->facts, q->now_ms, q->decision, err);
}

/* ---- secrets ------------------------------------------------------------------------------------------------------
 */

static bool malformed(struct asking *q, struct error *err)
{
	return decision_refuse(q->decision, CHECK_CLIENT_AUTH, REFUSAL_CREDENTIALS_MALFORMED, STR_NULL, STR_NULL,
			       STR_NULL, err);
}

/* RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined. */
static bool split_basic(struct asking *q, struct str *ret_id, struct str *ret_secret, struct error *err)
{
	struct str text = str_trim(str_slice(q->authorization, 6, q->authorization.n));
	struct buf plain;
	if (text.n > MAX_CREDENTIALS)
		return malformed(q, err);
	buf_init(&plain, MAX_CREDENTIALS);
	bool ok = decode_base64(&plain, text);
	struct str pair = arena_str(q->a, buf_str(&plain));
	buf_done(&plain);
	*ret_id = str_split(&pair, ':');
	if (!ok || !pair.p || !form_decode(q->a, *ret_id, NULL, ret_id, NULL) ||
	    !form_decode(q->a, pair, NULL, ret_secret, NULL))
		return malformed(q, err);
	return true;
}

/* Guessing is hopeless with secrets of ours, but those of a configuration may be shorter. */
static bool check_rate(struct asking *q, struct error *err)
{
	struct str value = STR_NULL,
		   seed = arena_printf(q->a, "%.*s %.*s", STR_ARG(q->client->facts.client_id), STR_ARG(q->address));
	struct str digest = seed.p ? secret_digest(q->a, seed) : STR_NULL;
	uint64_t count = 0;
	if (!digest.p)
		return error_memory(err);
	q->attempts = arena_printf(q->a, "client %.*s", STR_ARG(digest));
	if (!q->attempts.p)
		return error_memory(err);
	if (!store_fact_get(q->s->options.store, q->a, S("attempt"), q->attempts, &value, err))
		return false;
	if (!value.p || !str_to_u64(value, &count) || count < MOST_ATTEMPTS)
		return true;
	q->attempts = STR_NULL; /* the window ends however often one tries */
	return decision_refuse(q->decision, CHECK_RATE, REFUSAL_THROTTLED, STR_NULL, STR_NULL, STR_NULL, err);
}

static bool check_secret(struct asking *q, struct str secret, struct error *err)
{
	const struct smart_client *c = &q->client->facts;
	struct decision *d = q->decision;
	enum client_auth auth = smart_client_auth(c);
	if ((auth != AUTH_SECRET_BASIC && auth != AUTH_SECRET_POST) || !c->secret_sha256.n)
		return decision_refuse(d, CHECK_CLIENT_AUTH, REFUSAL_CLIENT_AUTH_METHOD, S("a secret"),
				       str_from(client_auth_name(auth)), STR_NULL, err);
	if (!check_rate(q, err))
		return false;
	bool before =
		c->secret_before.n && q->now_ms < c->secret_before_ms && secret_is(q->a, secret, c->secret_before);
	if (!before && !secret_is(q->a, secret, c->secret_sha256))
		return decision_refuse(d, CHECK_CLIENT_AUTH, REFUSAL_SECRET_WRONG, STR_NULL, STR_NULL, STR_NULL, err);
	q->attempts = STR_NULL;
	if (!before && c->secret_expires_ms && c->secret_expires_ms <= q->now_ms)
		return decision_refuse(d, CHECK_CLIENT_AUTH, REFUSAL_SECRET_EXPIRED, STR_NULL, STR_NULL, STR_NULL, err);
	decision_note(d, CHECK_CLIENT_AUTH, before ? S("the secret before the last") : S("a secret"), STR_NULL);
	return true;
}

static bool authenticate_basic(struct asking *q, struct str asked_id, struct error *err)
{
	struct str id, secret;
	if (!split_basic(q, &id, &secret, err))
		return false;
	if (asked_id.p && (!str_eq(asked_id, id) || q->s->options.persona->basic_alone))
		return decision_refuse(q->decision, CHECK_CLIENT_AUTH, REFUSAL_CLIENT_AUTH_TWICE,
				       str_eq(asked_id, id) ? S("client_id beside the header")
							    : S("client_id is not that of the header"),
				       STR_NULL, STR_NULL, err);
	return client_identify(q, id, err) && check_secret(q, secret, err);
}

static bool authenticate_nothing(struct asking *q, struct str client_id, struct error *err)
{
	/* RFC 6749 section 3.2.1 leaves it to public clients whether they name themselves, and some libraries do not
	 * when they refresh: the token says whose it is. */
	if (!client_id.p && str_is(form_get(&q->form, "grant_type"), "refresh_token") &&
	    !refresh_owner(q, form_get(&q->form, "refresh_token"), &client_id, err))
		return false;
	if (!client_id.p)
		return decision_refuse(q->decision, CHECK_CLIENT_AUTH, REFUSAL_CLIENT_AUTH_MISSING, STR_NULL, STR_NULL,
				       STR_NULL, err);
	if (!client_identify(q, client_id, err))
		return false;
	enum client_auth auth = smart_client_auth(&q->client->facts);
	if (auth != AUTH_NONE)
		return decision_refuse(q->decision, CHECK_CLIENT_AUTH, REFUSAL_CLIENT_AUTH_MISSING,
				       S("client_id alone"), str_from(client_auth_name(auth)), STR_NULL, err);
	decision_note(q->decision, CHECK_CLIENT_AUTH, S("public client"), STR_NULL);
	return true;
}

bool client_authenticate(struct asking *q, struct error *err)
{
	struct str id = form_get(&q->form, "client_id"), secret = form_get(&q->form, "client_secret");
	bool assertion = form_get(&q->form, "client_assertion").p || form_get(&q->form, "client_assertion_type").p;
	q->by_header = q->authorization.n >= 6 && str_eq_nocase(str_slice(q->authorization, 0, 6), S("Basic "));
	if ((q->by_header && (secret.p || assertion)) || (secret.p && assertion))
		return decision_refuse(q->decision, CHECK_CLIENT_AUTH, REFUSAL_CLIENT_AUTH_TWICE, STR_NULL, STR_NULL,
				       STR_NULL, err);
	if (q->by_header)
		return authenticate_basic(q, id, err);
	if (assertion)
		return client_authenticate_assertion(q, err);
	if (secret.p && id.p && q->s->options.persona->no_secret_in_form)
		return client_identify(q, id, err) &&
		       decision_refuse(q->decision, CHECK_CLIENT_AUTH, REFUSAL_CLIENT_AUTH_METHOD,
				       S("a secret in the form"), S("a secret in the header"), STR_NULL, err);
	if (secret.p && id.p)
		return client_identify(q, id, err) && check_secret(q, secret, err);
	return authenticate_nothing(q, secret.p ? STR_NULL : id, err);
}
