/*
 * One request on its way out: token, headers, attempts with waits in between, the check of what came back, and the
 * audit record of every attempt. Only answers that say "later" are tried again, and only requests that do no harm
 * when they are done twice.
 */
#include "base/random.h"
#include "ehr/ehr_priv.h"

enum { BACKOFF_MAX_MS = 30 * 1000, HEADERS_MAX = 8, ASKED_MAX_MS = 60 * 1000, QUEUE_MAX_MS = 300 * 1000 };

/* Doubles with each attempt; half of it is chance, so that many clients do not come back together. */
static unsigned backoff_ms(const struct ehr_client *c, unsigned attempt)
{
	uint64_t wait = (uint64_t)c->options.backoff_ms << (attempt > 16 ? 16 : attempt - 1);
	if (wait > BACKOFF_MAX_MS)
		wait = BACKOFF_MAX_MS;
	uint32_t chance;
	random_bytes(&chance, sizeof chance);
	return (unsigned)(wait / 2 + (wait ? chance % (wait / 2 + 1) : 0));
}

static void add_header(struct http_header *headers, size_t *count, struct str name, struct str value)
{
	headers[(*count)++] = (struct http_header){name, value};
}

static bool perform(struct ehr_client *c, struct arena *a, const struct ehr_request *request, struct str request_id,
		    struct http_answer *ret_answer, struct error *err)
{
	struct http_header headers[HEADERS_MAX];
	size_t count = 0;
	add_header(headers, &count, S("Accept"), request->accept.p ? request->accept : S("application/fhir+json"));
	add_header(headers, &count, S("X-Request-Id"), request_id);
	if (request->content_type.p)
		add_header(headers, &count, S("Content-Type"), request->content_type);
	if (request->if_match.p)
		add_header(headers, &count, S("If-Match"), arena_printf(a, "W/\"%.*s\"", STR_ARG(request->if_match)));
	if (request->authorization.p)
		add_header(headers, &count, S("Authorization"), request->authorization);
	else if (request->authorize && c->token.n)
		add_header(headers, &count, S("Authorization"),
			   arena_printf(a, "Bearer %.*s", STR_ARG(buf_str(&c->token))));
	for (size_t i = 0; i < count; i++)
		if (!headers[i].value.p)
			return error_memory(err);
	const struct http_call call = {
		.method = request->method,
		.url = request->url,
		.headers = headers,
		.header_count = count,
		.body = request->body,
	};
	if (c->options.transport)
		return c->options.transport->call(c->options.transport->ctx, a, &call, ret_answer, err);
	return http_call(c->http, a, &call, ret_answer, err);
}

/* Writes are mostly answered without a body, of whatever media type. An outcome that says "failed" still counts. */
static bool check_write_answer(struct ehr_client *c, struct arena *a, const struct ehr_request *request,
			       const struct http_answer *http, struct ehr_failure *f)
{
	struct error ignored = {0};
	if (!ehr_media_is_json(http->content_type) || !ehr_answer_text(http).n)
		return true;
	const struct json *json = json_parse(a, http->body, 0, &ignored);
	bool failed = str_is(json_get_str(json, S("resourceType")), "OperationOutcome") && ehr_outcome_failed(json);
	return failed ? ehr_fail_answer(c, a, request, http, f) : true;
}

/* A 2xx answer must also be what was asked for. */
static bool check_answer(struct ehr_client *c, struct arena *a, const struct ehr_request *request,
			 struct ehr_reply *reply, struct ehr_failure *f)
{
	const struct http_answer *http = &reply->http;
	struct str body = ehr_answer_text(http);
	if (http->status < 200 || http->status > 299)
		return ehr_fail_answer(c, a, request, http, f);
	if (!request->want_json)
		return check_write_answer(c, a, request, http, f);
	bool json_type = !http->content_type.n || ehr_media_is_json(http->content_type);
	if (!json_type || !body.n || body.p[0] != '{')
		return ehr_fail_answer(c, a, request, http, f);
	struct error err = {0};
	reply->json = json_parse(a, body, 0, &err);
	if (!reply->json) {
		ehr_fail(c, f, err.code == ERR_MEMORY ? ERR_MEMORY : ERR_REMOTE,
			 "the EHR's answer is cut off or no valid JSON (%s %.*s: line %zu, column %zu)",
			 request->interaction, STR_ARG(request->type), err.line, err.column);
		f->http_status = http->status;
		return false;
	}
	if (str_is(json_get_str(reply->json, S("resourceType")), "OperationOutcome") && ehr_outcome_failed(reply->json))
		return ehr_fail_answer(c, a, request, http, f);
	if ((request->want_type.p && !str_eq(json_get_str(reply->json, S("resourceType")), request->want_type)) ||
	    (request->want_id.p && !str_eq(json_get_str(reply->json, S("id")), request->want_id))) {
		ehr_fail(c, f, ERR_REMOTE, "the EHR answered with another resource (%s %.*s)", request->interaction,
			 STR_ARG(request->type));
		f->http_status = http->status;
		return false;
	}
	return true;
}

static bool attempt(struct ehr_client *c, struct arena *a, struct ehr_request *request, struct str request_id,
		    struct ehr_reply *reply, struct ehr_failure *f)
{
	struct error err = {0};
	*reply = (struct ehr_reply){0};
	if (request->prepare && !request->prepare(c, a, request, &err))
		return ehr_fail(c, f, err.code, "%s", err.text);
	bool ok = perform(c, a, request, request_id, &reply->http, &err);
	if (!ok)
		ehr_fail_transport(c, &err, f);
	else
		ok = check_answer(c, a, request, reply, f);
	if (!ok && !f->correlation_id[0] && request_id.n < sizeof f->correlation_id)
		memcpy(f->correlation_id, request_id.p, request_id.n);
	error_clear(&err);
	if (!ehr_audit(c, request, ok ? NULL : f, reply->http.status, request_id, &err))
		return ehr_fail(c, f, err.code, "the audit record could not be taken: %s", err.text);
	return ok;
}

static bool may_retry(const struct ehr_request *request, const struct ehr_failure *f)
{
	/* 429 says that nothing was done; after any other trouble a create may have happened. */
	return f->retryable && (request->repeatable || f->http_status == 429);
}

/* ---- budgets ----------------------------------------------------------------------------------------------------- */

int64_t ehr_clock(const struct ehr_client *c)
{
	int64_t now = c->options.now_ms();
	return now > c->slept_until_ms ? now : c->slept_until_ms;
}

static void sleep_for(struct ehr_client *c, int64_t ms)
{
	c->slept_until_ms = ehr_clock(c) + ms;
	c->options.sleep_ms((unsigned)ms);
}

/* Waits until the EHR may be asked. False: it may not for long, and nothing is sent. */
static bool enter(struct ehr_client *c, struct ehr_budget_pass *pass, struct ehr_failure *f)
{
	if (c->waiter)
		return ehr_enter(c, c->waiter, pass, &f->error);
	for (int64_t waited = 0;;) {
		struct error err = {0};
		int64_t wait;
		if (!ehr_budget_enter(c->options.budgets, c->config.name, &c->limits, ehr_clock(c), pass, &wait, &err))
			return ehr_fail(c, f, err.code, "%s", err.text);
		if (!wait)
			return true;
		if (waited > QUEUE_MAX_MS)
			return ehr_fail(c, f, ERR_BUSY, "others keep all places of this EHR taken (parallel)");
		sleep_for(c, wait);
		waited += wait;
	}
}

/* Trouble that says that the EHR is not well, as opposed to an answer that we do not like. */
static enum ehr_budget_result result_of(bool ok, const struct ehr_failure *f)
{
	if (ok || !f->retryable)
		return EHR_CALL_ANSWERED;
	return f->http_status == 429 ? EHR_CALL_THROTTLED : EHR_CALL_FAILED;
}

static bool guarded_attempt(struct ehr_client *c, struct arena *a, struct ehr_request *request, struct str request_id,
			    struct ehr_reply *reply, int64_t *ret_asked_ms, bool *ret_sent, struct ehr_failure *f)
{
	struct ehr_budget_pass pass;
	*ret_asked_ms = 0;
	*ret_sent = enter(c, &pass, f);
	if (!*ret_sent)
		return false;
	bool ok = attempt(c, a, request, request_id, reply, f);
	if (!ok && f->retryable)
		*ret_asked_ms =
			ehr_retry_after_ms(http_answer_header(&reply->http, "Retry-After"), c->options.now_ms());
	ehr_budget_leave(c->options.budgets, c->config.name, &c->limits, ehr_clock(c), &pass, result_of(ok, f),
			 *ret_asked_ms);
	return ok;
}

/* ---- attempts ---------------------------------------------------------------------------------------------------- */

bool ehr_send(struct ehr_client *c, struct arena *a, struct ehr_request *request, struct ehr_reply *reply,
	      struct ehr_failure *ret_failure)
{
	char uuid[UUID_SIZE];
	random_uuid(uuid);
	bool renewed = false;
	struct ehr_failure f = {0};
	for (unsigned n = 1;; n++) {
		bool cached = false, sent;
		int64_t asked;
		if (request->authorize && (ehr_is_backend(c) || c->options.logins) &&
		    !ehr_token_ensure(c, a, &cached, ret_failure))
			return false;
		struct ehr_failure before = f;
		f = (struct ehr_failure){0};
		if (guarded_attempt(c, a, request, str_make(uuid, UUID_SIZE), reply, &asked, &sent, &f))
			return true;
		if (!sent) { /* the breaker opened meanwhile: what it opened for tells more */
			f = before.error.code ? before : f;
			break;
		}
		if (f.http_status == 401 && cached && !renewed) {
			ehr_token_refused(c); /* it may have been revoked, or lived shorter than said */
			renewed = true;
			n--;
			continue;
		}
		if (!may_retry(request, &f) || n >= c->options.max_attempts || asked > ASKED_MAX_MS) {
			if (f.retryable && n > 1)
				error_context(&f.error, "After %u attempts", n);
			if (f.retryable && asked > ASKED_MAX_MS)
				error_context(&f.error, "It asks to be left alone for %lld s",
					      (long long)(asked / 1000));
			break;
		}
		unsigned wait = backoff_ms(c, n);
		sleep_for(c, asked > wait ? asked : wait);
	}
	*ret_failure = f;
	return false;
}
