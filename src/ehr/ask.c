/*
 * Calls that are made step by step by whoever knows what they mean, such as those of a bulk export: one attempt each,
 * with the EHR's token where it may go, and an answer whatever its status.
 */
#include "base/random.h"
#include "ehr/ehr_priv.h"

enum { HEADERS_MAX = 10 };

bool ehr_bearer(struct ehr_client *c, struct arena *a, struct str url, struct str *ret_header, struct ehr_failure *f)
{
	bool cached;
	*ret_header = STR_NULL;
	if (!ehr_url_same_origin(url, c->config.base_url) || (!ehr_is_backend(c) && !c->options.logins))
		return true;
	if (!ehr_token_ensure(c, a, &cached, f))
		return false;
	if (!c->token.n)
		return true;
	*ret_header = arena_printf(a, "Bearer %.*s", STR_ARG(buf_str(&c->token)));
	return ret_header->p || ehr_fail(c, f, ERR_MEMORY, "not enough memory");
}

void ehr_bearer_refused(struct ehr_client *c, struct str header)
{
	struct str token = str_slice(header, sizeof("Bearer ") - 1, header.n);
	if (str_eq(token, buf_str(&c->token)))
		ehr_token_refused(c);
}

struct str ehr_link(struct arena *a, struct str from, struct str link)
{
	return ehr_url_resolve(a, from, link);
}

int64_t ehr_wait_asked(const struct ehr_client *c, const struct http_answer *answer)
{
	return ehr_retry_after_ms(http_answer_header(answer, "Retry-After"), c->options.now_ms());
}

static bool attempt(struct ehr_client *c, struct arena *a, const struct http_call *call, const char *interaction,
		    struct str *ret_bearer, struct http_answer *ret_answer, struct ehr_failure *f)
{
	char uuid[UUID_SIZE];
	struct http_header headers[HEADERS_MAX];
	struct http_call sent = *call;
	struct error err = {0};
	if (!ehr_bearer(c, a, call->url, ret_bearer, f))
		return false;
	random_uuid(uuid);
	sent.headers = headers;
	sent.header_count = 0;
	for (size_t i = 0; i < call->header_count && i < HEADERS_MAX - 2; i++)
		headers[sent.header_count++] = call->headers[i];
	headers[sent.header_count++] = (struct http_header){S("X-Request-Id"), str_make(uuid, UUID_SIZE)};
	if (ret_bearer->p)
		headers[sent.header_count++] = (struct http_header){S("Authorization"), *ret_bearer};
	bool ok = c->options.transport
			  ? c->options.transport->call(c->options.transport->ctx, a, &sent, ret_answer, &err)
			  : http_call(c->http, a, &sent, ret_answer, &err);
	if (!ok)
		ehr_fail_transport(c, &err, f);
	error_clear(&err);
	const struct ehr_request record = {.action = 'E', .interaction = interaction};
	if (!ehr_audit(c, &record, ok ? NULL : f, ok ? ret_answer->status : 0, str_make(uuid, UUID_SIZE), &err))
		return ehr_fail(c, f, err.code, "the audit record could not be taken: %s", err.text);
	return ok;
}

bool ehr_ask(struct ehr_client *c, struct arena *a, const struct http_call *call, const char *interaction,
	     struct http_answer *ret_answer, struct ehr_failure *f)
{
	struct str bearer;
	if (!attempt(c, a, call, interaction, &bearer, ret_answer, f))
		return false;
	if (ret_answer->status != 401 || !bearer.p)
		return true;
	ehr_bearer_refused(c, bearer); /* it may have been revoked, or lived shorter than said */
	return attempt(c, a, call, interaction, &bearer, ret_answer, f);
}

void ehr_explain(struct ehr_client *c, struct arena *a, const struct http_answer *answer, const char *interaction,
		 struct ehr_failure *f)
{
	const struct ehr_request request = {.interaction = interaction};
	(void)ehr_fail_answer(c, a, &request, answer, f);
}
