/*
 * The kick-off, and waiting for what it started. A kick-off is sent once: that it is about to be is in the journal
 * before, so a run that ended between the two never sends another by itself.
 */
#include "base/clock.h"
#include "export/export_priv.h"

enum { MAX_TROUBLE = 20, TROUBLE_MS = 1000, TROUBLE_MAX_MS = 60000, MAX_TEXT = 200, TOLD_MS = 10000 };

/* ---- asking, with patience ----------------------------------------------------------------------------------------
 */

/* Others may have been told to leave the EHR alone, or may have used up its requests of this second. */
static bool turn(void *ctx, int64_t ms, struct error *err)
{
	if (ms >= TOLD_MS)
		run_say(ctx, "waiting %lld s for this EHR's budget", (long long)ms / 1000);
	return run_turn(ctx, ms, err);
}

static bool ask(struct run *r, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
		struct ehr_failure *f)
{
	const struct ehr_waiter waiter = {turn, r};
	return ehr_ask(r->o->client, a, call, "bulk-export", &waiter, ret_answer, f);
}

static bool later(int status)
{
	return status == 429 || status == 502 || status == 503 || status == 504;
}

/* Asks until there is an answer that is not "later". For requests that may be repeated. */
static bool ask_patiently(struct run *r, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
			  struct error *err)
{
	for (unsigned n = 0;; n++) {
		struct ehr_failure f = {0};
		bool ok = ask(r, a, call, ret_answer, &f);
		if (ok && !later(ret_answer->status))
			return true;
		bool again = ok || f.retryable || f.error.code == ERR_BUSY; /* the breaker is open: nothing was sent */
		if (!again || n == MAX_TROUBLE) {
			if (ok)
				ehr_explain(r->o->client, a, ret_answer, "bulk-export", &f);
			return error_set(err, f.error.code, "%s", f.error.text);
		}
		int64_t asked = ok ? ehr_wait_asked(r->o->client, ret_answer) : 0,
			own = run_backoff(r, TROUBLE_MS, TROUBLE_MAX_MS, n);
		if (!run_wait(r, asked > own ? asked : own, err))
			return false;
	}
}

/* ---- the kick-off ---------------------------------------------------------------------------------------------------
 */

/* The diagnostics or texts of an OperationOutcome: what the vendor says of its own rules, in words for people. */
static struct str words_of(struct arena *a, struct str body)
{
	struct error ignored = {0};
	const struct json *outcome = body.n && body.n < 1 << 20 ? json_parse(a, body, 0, &ignored) : NULL;
	return str_slice(run_issue_words(json_at(json_get(outcome, S("issue")), 0)), 0, MAX_TEXT);
}

static bool explain_refusal(struct run *r, const struct http_answer *answer, struct error *err)
{
	struct str words = words_of(r->a, answer->body);
	struct ehr_failure f = {0};
	bool window = str_find(words, S("too recently")) != STR_NONE;
	if (answer->status == 429 || window)
		return error_set(err, ERR_BUSY, "The server does not take the export now (%d)%s%.*s%s", answer->status,
				 words.n ? ": " : "", STR_ARG(words),
				 window ? "; Epic lets a client export a Group once in 24 hours, unless the site says "
					  "otherwise"
					: "; another export of this client may be in progress");
	ehr_explain(r->o->client, r->a, answer, "bulk-export", &f);
	return error_set(err, f.error.code, "The server refuses the export (%d): %s%s%.*s", answer->status,
			 f.error.text, words.n ? ": " : "", STR_ARG(words));
}

static bool take_answer(struct run *r, struct str url, const struct http_answer *answer, struct error *err)
{
	struct str place = http_answer_header(answer, "Content-Location");
	if (answer->status != 202) {
		if (!journal_refused(r, err))
			return false;
		return answer->status >= 200 && answer->status < 300
			       ? error_set(
					 err, ERR_REMOTE,
					 "The server answered the kick-off with %d instead of 202: it may not know of "
					 "bulk export here",
					 answer->status)
			       : explain_refusal(r, answer, err);
	}
	struct str status = place.n ? ehr_link(r->a, url, str_trim(place)) : STR_NULL;
	if (!status.p)
		return error_set(err, ERR_REMOTE, "The server took the export but does not say where its state is");
	return journal_accepted(r, status, err);
}

bool kick_off(struct run *r, struct error *err)
{
	struct str body = STR_NULL;
	struct http_answer answer;
	if (!planner_request(r, &r->request, &body, err) || !journal_kick(r, err))
		return false;
	const struct http_header headers[] = {
		{S("Accept"), S("application/fhir+json")},
		{S("Prefer"), r->o->lenient ? S("respond-async, handling=lenient") : S("respond-async")},
		{S("Content-Type"), S("application/fhir+json")}};
	const struct http_call call = {.method = body.p ? S("POST") : S("GET"),
				       .url = r->request,
				       .headers = headers,
				       .header_count = body.p ? 3 : 2,
				       .body = body};
	for (unsigned n = 0;; n++) {
		struct ehr_failure f = {0};
		if (!ask(r, r->a, &call, &answer, &f)) {
			/* Without an answer nobody knows; before it was sent nothing was started. */
			if (f.error.code != ERR_NETWORK && f.error.code != ERR_TIMEOUT && !journal_refused(r, err))
				return false;
			return error_set(err, f.error.code, "%s", f.error.text);
		}
		/* Only a server that is not there for the moment, or says when to come again: nothing was started. */
		int64_t asked = ehr_wait_asked(r->o->client, &answer),
			own = run_backoff(r, TROUBLE_MS, TROUBLE_MAX_MS, n);
		if (!(answer.status == 503 || (answer.status == 429 && asked)) || n == MAX_TROUBLE)
			break;
		if (!run_wait(r, asked > own ? asked : own, err)) {
			struct error ignored = {0};
			(void)!journal_refused(r, &ignored); /* what stopped us is told */
			return false;
		}
	}
	return take_answer(r, r->request, &answer, err);
}

/* ---- waiting ------------------------------------------------------------------------------------------------------
 */

static bool take_manifest(struct run *r, const struct http_answer *answer, bool renew, struct error *err)
{
	struct str text = ehr_answer_text(answer);
	if (!text.n || text.p[0] != '{')
		return error_set(err, ERR_REMOTE, "The server's answer to the finished export is no JSON");
	return manifest_take(r, text, renew, err) && journal_manifest(r, err);
}

/* 404 and 410 say that the export is not there any more: expired, deleted, or lost. */
static bool explain_state(struct run *r, const struct http_answer *answer, struct error *err)
{
	struct ehr_failure f = {0};
	struct str words = words_of(r->a, answer->body);
	if (answer->status == 404 || answer->status == 410)
		return error_set(err, ERR_NOT_FOUND,
				 "The server does not know the export any more (%d): it has expired or was deleted; "
				 "--again starts another",
				 answer->status);
	ehr_explain(r->o->client, r->a, answer, "bulk-export", &f);
	return error_set(err, f.error.code == ERR_NONE ? ERR_REMOTE : f.error.code,
			 "The export failed at the server (%d): %.*s", answer->status,
			 STR_ARG(words.n ? words : str_from(f.error.text)));
}

bool kick_wait(struct run *r, bool renew, struct error *err)
{
	static const struct http_header accept = {S("Accept"), S("application/json, application/fhir+json;q=0.9")};
	const struct http_call call = {.method = S("GET"), .url = r->status, .headers = &accept, .header_count = 1};
	char told[128] = "";
	for (unsigned n = 0;; n++) {
		struct arena a;
		struct http_answer answer;
		arena_init(&a, 2 * EXPORT_MAX_MANIFEST);
		bool ok = ask_patiently(r, &a, &call, &answer, err);
		int64_t wait = ok ? ehr_wait_asked(r->o->client, &answer) : 0;
		int status = ok ? answer.status : 0;
		if (ok && status == 202) {
			struct str words = str_slice(http_answer_header(&answer, "X-Progress"), 0, sizeof(told) - 1);
			if (words.n && !str_is(words, told)) {
				memcpy(told, words.p, words.n);
				told[words.n] = '\0';
				run_say(r, "the server says: %s", told);
			}
		} else if (ok) {
			answer.body = arena_str(r->a, answer.body);
			ok = status == 200 ? take_manifest(r, &answer, renew, err) : explain_state(r, &answer, err);
		}
		arena_done(&a);
		if (!ok || status != 202)
			return ok;
		if (!run_wait(r, wait ? wait : planner_wait(r, n), err))
			return false;
	}
}

bool kick_cancel(struct run *r, struct error *err)
{
	struct http_answer answer;
	const struct http_call call = {.method = S("DELETE"), .url = r->status};
	if (!ask_patiently(r, r->a, &call, &answer, err))
		return false;
	bool gone = (answer.status >= 200 && answer.status < 300) || answer.status == 404 || answer.status == 410;
	return gone ? journal_end(r, "cancelled", err) : explain_state(r, &answer, err);
}
