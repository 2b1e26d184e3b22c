/*
 * Calls that are made step by step by whoever knows what they mean, such as those of a bulk export: one attempt each,
 * under the EHR's budget, with its token where it may go, and an answer whatever its status.
 */
#include "base/random.h"
#include "ehr/ehr_priv.h"

enum { HEADERS_MAX = 10, DAY_MS = 24 * 3600 * 1000 };

bool ehr_bearer(struct ehr_client *c, struct arena *a, struct str url, const struct ehr_waiter *waiter,
		struct str *ret_header, struct ehr_failure *f)
{
	bool cached;
	*ret_header = STR_NULL;
	if (!ehr_is_home(c, url) || (!ehr_is_backend(c) && !c->options.logins))
		return true;
	c->waiter = waiter;
	bool ok = ehr_token_ensure(c, a, &cached, f);
	c->waiter = NULL;
	if (!ok)
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

/* ---- the budget ---------------------------------------------------------------------------------------------------
 */

bool ehr_is_home(const struct ehr_client *c, struct str url)
{
	return ehr_url_same_origin(url, c->config.base_url);
}

/* Whoever fetches for hours waits for its turn as long, so it is the waiter that ends it. */
static struct ehr_budget_limits patient(const struct ehr_client *c)
{
	struct ehr_budget_limits limits = c->limits;
	limits.patience_ms = DAY_MS;
	return limits;
}

bool ehr_enter(const struct ehr_client *c, const struct ehr_waiter *waiter, struct ehr_budget_pass *ret_pass,
	       struct error *err)
{
	const struct ehr_budget_limits limits = patient(c);
	for (;;) {
		int64_t wait;
		if (!ehr_budget_enter(c->options.budgets, c->config.name, &limits, c->options.now_ms(), ret_pass, &wait,
				      err))
			return error_context(err, "EHR %.*s", STR_ARG(c->config.name));
		if (!wait)
			return true;
		if (!waiter->wait(waiter->ctx, wait, err))
			return false;
	}
}

void ehr_hold(const struct ehr_client *c, struct ehr_budget_pass *pass)
{
	ehr_budget_hold(c->options.budgets, pass);
}

static bool is_later(int status)
{
	return status == 429 || status == 502 || status == 503 || status == 504;
}

void ehr_leave(const struct ehr_client *c, struct ehr_budget_pass *pass, const struct http_answer *answer,
	       const struct error *why)
{
	enum ehr_budget_result result = EHR_CALL_ANSWERED;
	/* Retry-After beside 202 speaks of one export, not of the EHR. */
	bool later = answer && is_later(answer->status);
	if (later)
		result = answer->status == 429 ? EHR_CALL_THROTTLED : EHR_CALL_FAILED;
	else if (!answer)
		result = why->code == ERR_NETWORK || why->code == ERR_TIMEOUT ? EHR_CALL_FAILED : EHR_CALL_UNKNOWN;
	ehr_budget_leave(c->options.budgets, c->config.name, &c->limits, c->options.now_ms(), pass, result,
			 later ? ehr_wait_asked(c, answer) : 0);
}

bool ehr_record(struct ehr_client *c, const char *interaction, struct str type, int status, const struct error *why,
		struct error *err)
{
	const struct ehr_request request = {.action = 'R', .interaction = interaction, .type = type};
	struct ehr_failure f = {0};
	bool failed = status < 200 || status > 299;
	if (failed && status)
		ehr_fail(c, &f, ERR_REMOTE, "the server answered with status %d", status);
	else if (failed)
		ehr_fail(c, &f, why->code, "%s", why->text);
	return ehr_audit(c, &request, failed ? &f : NULL, status, STR_NULL, err);
}

bool ehr_call_over(const struct ehr_client *c, struct http_client *http, struct arena *a, const struct http_call *call,
		   struct http_answer *ret_answer, struct error *err)
{
	const struct ehr_transport *t = c->options.transport;
	return t && t->call_over ? t->call_over(t->ctx, http, a, call, ret_answer, err)
				 : http_call(http, a, call, ret_answer, err);
}

/* ---- asking ---------------------------------------------------------------------------------------------------------
 */

static bool attempt(struct ehr_client *c, struct arena *a, const struct http_call *call, const char *interaction,
		    const struct ehr_waiter *waiter, struct str *ret_bearer, struct http_answer *ret_answer,
		    struct ehr_failure *f)
{
	char uuid[UUID_SIZE];
	struct http_header headers[HEADERS_MAX];
	struct http_call sent = *call;
	struct ehr_budget_pass pass;
	struct error err = {0};
	/* First, since asking for a token takes a place of the budget, too. */
	if (!ehr_bearer(c, a, call->url, waiter, ret_bearer, f))
		return false;
	if (!ehr_enter(c, waiter, &pass, &f->error))
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
	ehr_leave(c, &pass, ok ? ret_answer : NULL, &err);
	if (!ok)
		ehr_fail_transport(c, &err, f);
	error_clear(&err);
	const struct ehr_request record = {.action = 'E', .interaction = interaction};
	if (!ehr_audit(c, &record, ok ? NULL : f, ok ? ret_answer->status : 0, str_make(uuid, UUID_SIZE), &err))
		return ehr_fail(c, f, err.code, "the audit record could not be taken: %s", err.text);
	return ok;
}

bool ehr_ask(struct ehr_client *c, struct arena *a, const struct http_call *call, const char *interaction,
	     const struct ehr_waiter *waiter, struct http_answer *ret_answer, struct ehr_failure *f)
{
	struct str bearer;
	if (!attempt(c, a, call, interaction, waiter, &bearer, ret_answer, f))
		return false;
	if (ret_answer->status != 401 || !bearer.p)
		return true;
	ehr_bearer_refused(c, bearer); /* it may have been revoked, or lived shorter than said */
	return attempt(c, a, call, interaction, waiter, &bearer, ret_answer, f);
}

void ehr_explain(struct ehr_client *c, struct arena *a, const struct http_answer *answer, const char *interaction,
		 struct ehr_failure *f)
{
	const struct ehr_request request = {.interaction = interaction};
	(void)ehr_fail_answer(c, a, &request, answer, f);
}
