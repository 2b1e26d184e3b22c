/*
 * A client's public keys, by value or by URL. Fetched keys are kept as long as their server says, within bounds; a
 * token signed by a key that is not among them causes one more fetch, so that a client may rotate its keys at any time.
 */
#include "server/smart/smart_priv.h"

enum {
	MAX_JWKS = 1 << 20,
	LEAST_AGE_S = 60,
	USUAL_AGE_S = 3600,
	LARGEST_AGE_S = 29 * 3600,
	REFETCH_PAUSE_MS = 5000, /* unknown kids must not turn us into a hammer */
	FETCH_TIMEOUT_MS = 10000
};

static bool url_is_allowed(struct str url)
{
	return str_starts(url, S("https://")) || str_starts(url, S("http://127.0.0.1")) ||
	       str_starts(url, S("http://localhost")) || str_starts(url, S("http://[::1]"));
}

static int64_t max_age_s(const struct http_answer *answer)
{
	struct str control = http_answer_header(answer, "Cache-Control");
	size_t at = control.p ? str_find(control, S("max-age=")) : STR_NONE;
	uint64_t seconds;
	if (at == STR_NONE)
		return USUAL_AGE_S;
	struct str rest = str_slice(control, at + 8, control.n);
	if (!str_to_u64(str_trim(str_split(&rest, ',')), &seconds))
		return USUAL_AGE_S;
	return seconds < LEAST_AGE_S ? LEAST_AGE_S : seconds > LARGEST_AGE_S ? LARGEST_AGE_S : (int64_t)seconds;
}

static bool download(struct arena *a, struct str url, struct http_answer *ret_answer, struct error *err)
{
	if (!url_is_allowed(url))
		return error_set(err, ERR_KEY, "The client's key URL is neither https nor loopback");
	const struct http_header accept = {S("Accept"), S("application/json")};
	const struct http_call call = {.method = S("GET"), .url = url, .headers = &accept, .header_count = 1};
	const struct http_client_options options = {.timeout_ms = FETCH_TIMEOUT_MS, .max_body = MAX_JWKS};
	struct http_client *client = http_client_new(&options, err);
	bool ok = client && http_call(client, a, &call, ret_answer, err);
	http_client_free(client);
	if (ok && ret_answer->status != 200)
		return error_set(err, ERR_KEY, "The client's key URL answers with status %d", ret_answer->status);
	return ok ? true : error_context(err, "fetching the client's keys");
}

/* With the lock of the client held. */
static bool fetch(struct client *c, struct arena *a, int64_t now_ms, struct error *err)
{
	struct http_answer answer;
	c->fetched_ms = now_ms;
	if (!download(a, c->facts.jwks_url, &answer, err))
		return false;
	const struct json *jwks = json_parse(a, answer.body, 0, err);
	struct jose_key_set *set = jwks ? jose_key_set_parse(jwks, err) : NULL;
	if (!set)
		return error_context(err, "reading the client's keys");
	jose_key_set_free(c->fetched);
	c->fetched = set;
	c->stale_ms = now_ms + max_age_s(&answer) * 1000;
	return true;
}

static bool verify_fetched(struct client *c, struct arena *a, struct str assertion, struct str kid, int64_t now_ms,
			   struct jose_token *ret_token, struct error *err)
{
	bool fresh = c->fetched && now_ms < c->stale_ms;
	bool known = fresh && kid.p && jose_key_set_has(c->fetched, kid);
	bool may_fetch = !c->fetched || now_ms >= c->fetched_ms + REFETCH_PAUSE_MS || now_ms < c->fetched_ms;
	if ((!fresh || (kid.p && !known)) && may_fetch && !fetch(c, a, now_ms, err))
		return false;
	if (!c->fetched)
		return error_set(err, ERR_KEY, "The client's keys could not be fetched");
	return jose_verify(a, assertion, c->fetched, ret_token, err);
}

bool client_verify(struct client *c, struct arena *a, struct str assertion, struct str kid, int64_t now_ms,
		   struct jose_token *ret_token, struct error *err)
{
	if (c->fixed)
		return jose_verify(a, assertion, c->fixed, ret_token, err);
	if (!c->facts.jwks_url.n)
		return error_set(err, ERR_INVALID_CLIENT, "The client has no registered keys");
	pthread_mutex_lock(&c->lock);
	bool ok = verify_fetched(c, a, assertion, kid, now_ms, ret_token, err);
	pthread_mutex_unlock(&c->lock);
	return ok;
}
