/*
 * Access tokens: opaque, so that revoking one is effective at once. The shelf "token" has each by its digest, with what
 * it allows and the authorization it is of; whose it is stands there. Grants in use are kept in memory, since every
 * request asks, and looked up again when a token, an authorization or a client was changed, by whatever process.
 */
#include "server/smart/smart_priv.h"

#include "base/clock.h"

#define SHELF	S("token")
#define REVOKED "revoked"

/* A token that has expired is known for a while, so that whoever comes with it learns that and when, instead of hearing
 * that it was never issued. People come back the next day; a backend service asks again within the hour. */
enum { OWN_ID_HEX = 32, KNOWN_MS = 24 * 3600 * 1000, OWN_KNOWN_MS = 3600 * 1000, WRAPPED_MAX = 8000 };

static int64_t known_until(const struct grant *grant, bool owned)
{
	return grant->expires_ms + (owned ? KNOWN_MS : OWN_KNOWN_MS);
}

int64_t smart_now(const struct smart *s)
{
	return s->options.now_ms ? s->options.now_ms() : clock_now_ms();
}

/* ---- making -------------------------------------------------------------------------------------------------------
 */

/* {"grant":..,"client_id":..,"scope":..,"iat":ms,"exp":ms}; a token of no authorization has no grant. */
static struct str format(struct arena *a, const struct grant *grant, bool owned)
{
	struct buf text;
	buf_init(&text, MAX_FACT);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	json_put_member(&w, S("grant"), owned ? grant->id : STR_NULL);
	json_put_member(&w, S("client_id"), grant->client_id);
	json_put_member(&w, S("scope"), grant->scope_text);
	json_key(&w, S("iat"));
	json_put_i64(&w, grant->issued_ms);
	json_key(&w, S("exp"));
	json_put_i64(&w, grant->expires_ms);
	json_object_end(&w);
	struct str stored = buf_ok(&text) ? arena_str(a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return stored;
}

/* Some servers' tokens are long, which not every client has room for. */
static struct str long_token(struct arena *a, size_t size)
{
	struct str token = secret_new(a);
	while (token.p && token.n < size) {
		struct str more = secret_new(a);
		token = more.p ? arena_printf(a, "%.*s%.*s", STR_ARG(token),
					      STR_ARG(str_slice(more, 0, size - token.n)))
			       : STR_NULL;
	}
	return token;
}

bool token_make(struct asking *q, const struct grant *grant, struct str *ret_token, struct error *err)
{
	const struct smart_persona *persona = q->s->options.persona;
	struct str token = long_token(q->a, persona->token_size);
	if (token.p && persona->token)
		token = persona->token(persona->ctx, q->a, grant, token);
	struct str key = token.p ? secret_digest(q->a, token) : STR_NULL,
		   stored = format(q->a, grant, grant->id.p != NULL);
	if (!key.p || !stored.p)
		return error_memory(err);
	asking_add(q, FACT_PLAIN,
		   &(struct store_fact){.shelf = SHELF,
					.key = key,
					.value = stored,
					.expires_ms = known_until(grant, grant->id.p != NULL),
					.quiet = true});
	*ret_token = token;
	return true;
}

bool smart_token_make(struct smart *s, struct arena *a, const struct grant *grant, struct str *ret_token,
		      struct error *err)
{
	struct asking q;
	asking_begin(&q, s, a, STR_NULL, STR_NULL, NULL);
	if (!token_make(&q, grant, ret_token, err))
		return false;
	struct store_txn txn = {.facts = q.facts, .fact_count = q.fact_count};
	return store_commit(s->options.store, &txn, err);
}

/* ---- looking up ---------------------------------------------------------------------------------------------------
 */

static bool refuse(struct decision *d, enum check check, enum refusal refusal, struct error *err)
{
	return decision_refuse(d, check, refusal, STR_NULL, STR_NULL, STR_NULL, err);
}

/* Is the client that the token was given to still there, the same, and enabled? */
static bool check_client(struct smart *s, const struct grant *grant, struct decision *d, struct error *err)
{
	struct client *c;
	struct error why = {0};
	if (!registry_take(s, grant->client_id, &c, err))
		return false;
	bool good =
		c && grant->issued_ms >= c->facts.registered_ms && client_is_good(&c->facts, smart_now(s), NULL, &why);
	registry_give(s, c);
	if (d)
		d->client = grant->client_id;
	return good || refuse(d, CHECK_CLIENT_STATE, REFUSAL_TOKEN_CLIENT, err);
}

static bool read_owner(struct smart *s, struct arena *a, struct str id, struct grant *grant, struct decision *d,
		       struct error *err)
{
	struct authorization owner;
	if (!authorization_find(s, a, id, &owner, err))
		return false;
	/* What could not be refreshed may be forgotten before its last token is. */
	bool over = !owner.id.p && grant->expires_ms <= smart_now(s);
	if (owner.revoked_ms || (!owner.id.p && !over))
		return refuse(d, CHECK_REVOCATION, REFUSAL_TOKEN_REVOKED, err);
	grant->id = id;
	grant->user = owner.user;
	grant->fhir_user = owner.fhir_user;
	grant->roles = owner.roles;
	grant->patient = owner.patient;
	grant->encounter = owner.encounter;
	return true;
}

static bool parse(struct smart *s, struct arena *a, struct str stored, struct str key, struct grant *grant,
		  struct str *ret_owner, struct error *err)
{
	struct scope_list list;
	const struct json *j = json_parse(a, stored, 0, err);
	if (!j || !scope_list_read(a, s->options.definitions, json_get_str(j, S("scope")), &list, NULL, err))
		return error_context(err, "an access token");
	(void)!str_to_i64(json_number(json_get(j, S("exp"))), &grant->expires_ms);
	(void)!str_to_i64(json_number(json_get(j, S("iat"))), &grant->issued_ms);
	grant->client_id = json_get_str(j, S("client_id"));
	grant->scope_text = list.text;
	grant->scopes = list.scopes;
	grant->scope_count = list.count;
	grant->words = list.words;
	*ret_owner = json_get_str(j, S("grant"));
	/* A token of no authorization is one by itself. */
	if (!ret_owner->p)
		grant->id = arena_printf(a, "t.%.*s", OWN_ID_HEX, key.p);
	return grant->id.p || ret_owner->p || error_memory(err);
}

bool token_look(struct smart *s, struct arena *a, struct str token, struct decision *d, struct grant *ret_grant,
		struct error *err)
{
	struct str stored = STR_NULL, owner = STR_NULL, key = secret_digest(a, token);
	struct grant grant = {0};
	if (!key.p)
		return error_memory(err);
	if (!store_fact_get(s->options.store, a, SHELF, key, &stored, err))
		return false;
	if (!stored.p)
		return refuse(d, CHECK_TOKEN_KNOWN, REFUSAL_TOKEN_UNKNOWN, err);
	decision_note(d, CHECK_TOKEN_KNOWN, STR_NULL, STR_NULL);
	if (str_is(stored, REVOKED))
		return refuse(d, CHECK_REVOCATION, REFUSAL_TOKEN_REVOKED, err);
	if (!parse(s, a, stored, key, &grant, &owner, err) || (owner.p && !read_owner(s, a, owner, &grant, d, err)) ||
	    !check_client(s, &grant, d, err))
		return false;
	*ret_grant = grant;
	return true;
}

static struct store_fact revoked_fact(struct str key, int64_t expires_ms)
{
	/* Not quiet: whoever keeps it in memory looks again. */
	return (struct store_fact){.shelf = SHELF, .key = key, .value = S(REVOKED), .expires_ms = expires_ms};
}

struct store_fact token_revoked(struct str key, const struct grant *grant)
{
	return revoked_fact(key, known_until(grant, !str_starts(grant->id, S("t."))));
}

bool token_revoke_own(struct smart *s, struct arena *a, struct str id, struct error *err)
{
	struct str start = str_slice(id, 2, id.n);
	struct store_fact *facts;
	size_t count;
	if (start.n != OWN_ID_HEX || !store_fact_list(s->options.store, a, SHELF, start, 1, &facts, &count, err))
		return error_set(err, ERR_NOT_FOUND, "There is no such authorization");
	if (!count || !str_starts(facts[0].key, start) || str_is(facts[0].value, REVOKED))
		return error_set(err, ERR_NOT_FOUND, "There is no such authorization");
	const struct store_fact fact = revoked_fact(facts[0].key, facts[0].expires_ms);
	if (!store_fact_put(s->options.store, &fact, err))
		return false;
	atomic_fetch_add(&s->generation, 1);
	return true;
}

/* ---- the door -----------------------------------------------------------------------------------------------------
 */

static bool find_token(const struct smart *s, struct str authorization, struct decision *d, struct str *ret_token,
		       struct error *err)
{
	if (!authorization.n)
		return refuse(d, CHECK_TOKEN_FOUND, REFUSAL_TOKEN_MISSING, err);
	if (authorization.n < 8 || !str_eq_nocase(str_slice(authorization, 0, 7), S("Bearer ")))
		return refuse(d, CHECK_TOKEN_FOUND, REFUSAL_TOKEN_SCHEME, err);
	*ret_token = str_trim(str_slice(authorization, 7, authorization.n));
	decision_note(d, CHECK_TOKEN_FOUND, STR_NULL, STR_NULL);
	size_t size = s->options.persona->token_size;
	size = size > SECRET_SIZE ? size : SECRET_SIZE;
	if (s->options.persona->token ? ret_token->n < size || ret_token->n > WRAPPED_MAX : ret_token->n != size)
		return refuse(d, CHECK_TOKEN_FORM, REFUSAL_TOKEN_MALFORMED, err);
	return true;
}

bool smart_authorize(struct smart *s, struct arena *a, struct str authorization, struct decision *d,
		     struct grant *ret_grant, struct error *err)
{
	unsigned char digest[32];
	char when[DECISION_WHEN];
	struct str token;
	if (!find_token(s, authorization, d, &token, err))
		return false;
	/* Before looking: what changes while we look makes what we keep stale. */
	uint64_t generation = atomic_load(&s->generation);
	digest_sha256(token, digest);
	bool cached = token_cache_find(s->cache, a, digest, generation, ret_grant);
	if (!cached && !token_look(s, a, token, d, ret_grant, err))
		return false;
	if (d) {
		d->client = ret_grant->client_id;
		d->user = ret_grant->user;
		d->grant = ret_grant->id;
		d->patient = ret_grant->patient;
	}
	if (ret_grant->expires_ms <= smart_now(s))
		return decision_refuse(d, CHECK_EXPIRY, REFUSAL_TOKEN_EXPIRED,
				       arena_printf(a, "an end at %.*s",
						    STR_ARG(decision_when(when, ret_grant->expires_ms, smart_now(s)))),
				       STR_NULL, STR_NULL, err);
	if (!cached)
		token_cache_put(s->cache, digest, generation, ret_grant);
	decision_note(d, CHECK_EXPIRY, STR_NULL, STR_NULL);
	decision_note(d, CHECK_REVOCATION, STR_NULL, STR_NULL);
	decision_note(d, CHECK_CLIENT_STATE, ret_grant->client_id, STR_NULL);
	return true;
}
