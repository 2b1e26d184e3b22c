/*
 * Dynamic registration (RFC 7591), where the operator offers it. Whoever registers is a stranger, so a client that
 * registered itself never gets anything without a person who logs in and agrees: no client_credentials, no system
 * scopes; and we fetch its keys from public names only.
 */
#include "server/smart/smart_priv.h"

#define STANDARD_SCOPE                                                                                                 \
	"openid fhirUser profile launch launch/patient online_access offline_access patient/*.rs user/*.rs"

enum { WINDOW_MS = 60 * 60 * 1000, MOST_AN_HOUR = 30 };

static bool refuse(struct asking *q, enum refusal refusal, struct str had, struct error *err)
{
	return decision_refuse(q->decision, CHECK_REGISTRATION, refusal, str_slice(had, 0, 250), STR_NULL, STR_NULL,
			       err);
}

/* A name, rather than a number that may be one of our own network, or a name that only we know. */
static bool host_is_public(struct str url)
{
	struct str rest = str_slice(url, 8, url.n), host = str_split(&rest, '/');
	host = str_split(&host, ':');
	if (!str_starts(url, S("https://")) || !host.n || host.p[0] == '[' || str_find_char(host, '.', 0) == STR_NONE ||
	    str_eq_nocase(host, S("localhost")))
		return false;
	char last = host.p[host.n - 1];
	return (last >= 'a' && last <= 'z') || (last >= 'A' && last <= 'Z');
}

static bool check_rights(struct asking *q, const struct smart_client *c, struct error *err)
{
	struct str rest = c->scope;
	if (smart_client_grant_types(c) & CLIENT_CREDENTIALS && c->grant_types.n)
		return refuse(q, REFUSAL_REGISTRATION_INVALID, S("grant_types with client_credentials"), err);
	while (rest.n)
		if (str_starts(str_split(&rest, ' '), S("system/")))
			return refuse(q, REFUSAL_REGISTRATION_INVALID, S("scope with system/ scopes"), err);
	if (c->jwks_url.n && !host_is_public(c->jwks_url))
		return refuse(q, REFUSAL_REGISTRATION_INVALID, S("jwks_uri without a public name"), err);
	return c->redirect_uris.n || refuse(q, REFUSAL_REGISTRATION_REDIRECT, S("no redirect_uris"), err);
}

/* RFC 7591 section 2: scope may be left out, and is then ours to choose. */
static const struct json *with_scope(struct arena *a, const struct json *metadata, struct error *err)
{
	struct buf text;
	if (!json_is(metadata, JSON_OBJECT) || json_get(metadata, S("scope")))
		return metadata;
	buf_init(&text, MAX_FACT);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	for (struct json_iter it = json_iter(metadata); json_next(&it);) {
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	json_put_member(&w, S("scope"), S(STANDARD_SCOPE));
	json_object_end(&w);
	const struct json *j = buf_ok(&text) ? json_parse(a, arena_str(a, buf_str(&text)), 16, err) : NULL;
	buf_done(&text);
	return j;
}

static bool read_metadata(struct asking *q, struct smart_client *ret_client, struct error *err)
{
	struct error why = {0};
	const char *code = NULL;
	const struct json *metadata = with_scope(q->a, json_parse(q->a, q->body, 16, &why), &why);
	if (metadata && smart_client_read(q->s, q->a, metadata, ret_client, &code, &why))
		return true;
	struct str had = arena_str(q->a, str_from(why.text));
	return refuse(q,
		      code && strcmp(code, "invalid_redirect_uri") == 0 ? REFUSAL_REGISTRATION_REDIRECT
									: REFUSAL_REGISTRATION_INVALID,
		      had, err);
}

static bool count_attempt(struct asking *q, struct error *err)
{
	struct str value = STR_NULL, digest = secret_digest(q->a, q->address),
		   key = arena_printf(q->a, "register %.*s", STR_ARG(digest));
	uint64_t count = 0;
	if (!digest.p || !key.p)
		return error_memory(err);
	if (!store_fact_get(q->s->options.store, q->a, S("attempt"), key, &value, err))
		return false;
	if (value.p && str_to_u64(value, &count) && count >= MOST_AN_HOUR)
		return decision_refuse(q->decision, CHECK_RATE, REFUSAL_THROTTLED, STR_NULL, STR_NULL, STR_NULL, err);
	asking_add(q, FACT_PLAIN,
		   &(struct store_fact){.shelf = S("attempt"),
					.key = key,
					.expires_ms = q->now_ms + WINDOW_MS,
					.count = true,
					.quiet = true});
	return true;
}

static bool write_answer(struct asking *q, const struct smart_client *c, struct str secret, struct error *err)
{
	struct buf text;
	buf_init(&text, MAX_FACT);
	struct json_writer w = json_writer(&text);
	smart_client_write(&w, c);
	const struct json *j = buf_ok(&text) ? json_parse(q->a, arena_str(q->a, buf_str(&text)), 0, err) : NULL;
	buf_done(&text);
	struct json_writer out = json_writer(q->out);
	json_object_begin(&out);
	for (struct json_iter it = json_iter(j); json_next(&it);) {
		json_key(&out, it.key);
		json_put_value(&out, it.value);
	}
	json_put_member(&out, S("client_secret"), secret);
	json_object_end(&out);
	return (j && buf_ok(q->out)) || error_memory(err);
}

bool register_run(struct asking *q, struct error *err)
{
	struct smart_client client;
	struct store_fact fact;
	struct str secret;
	if (q->s->options.persona->device_clients)
		return device_register(q, err);
	if (!q->s->options.registration)
		return decision_refuse(q->decision, CHECK_REGISTRATION, REFUSAL_REGISTRATION_CLOSED, STR_NULL, STR_NULL,
				       STR_NULL, err);
	if (!count_attempt(q, err) || !read_metadata(q, &client, err))
		return false;
	client.client_id = STR_NULL; /* it is ours to choose */
	client.self_registered = true;
	client.expires_ms = 0;
	/* RFC 7591 section 2: what is left out. */
	if (client.auth == AUTH_IMPLIED && !client.jwks && !client.jwks_url.n)
		client.auth = AUTH_SECRET_BASIC;
	if (!client.grant_types.n)
		client.grant_types = S("authorization_code refresh_token");
	if (!check_rights(q, &client, err) || !client_prepare(q->s, q->a, &client, &secret, &fact, err) ||
	    !write_answer(q, &client, secret, err))
		return false;
	asking_add(q, FACT_PLAIN, &fact);
	q->status = 201;
	return true;
}
