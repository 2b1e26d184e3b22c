/*
 * A request that a client proves itself with, on its way: what must be committed with the answer, what a failed commit
 * means, and what follows from a refusal. A code, a refresh token and a jti are good once because their facts carry
 * conditions, so it does not matter which process, or how many at once, they are shown to.
 */
#include "server/smart/smart_priv.h"

enum { ATTEMPT_WINDOW_MS = 60 * 1000 };

void asking_begin(struct asking *q, struct smart *s, struct arena *a, struct str authorization, struct str address,
		  struct buf *out)
{
	*q = (struct asking){.s = s,
			     .a = a,
			     .decision = decision_new(a),
			     .authorization = authorization,
			     .address = address,
			     .now_ms = smart_now(s),
			     .out = out};
}

void asking_done(struct asking *q)
{
	registry_give(q->s, q->client);
	q->client = NULL;
}

void asking_add(struct asking *q, enum fact_role role, const struct store_fact *fact)
{
	q->roles[q->fact_count] = role;
	q->facts[q->fact_count++] = *fact;
}

static void doom(struct asking *q)
{
	if (q->granting)
		(void)!authorization_doom(q->s, q->a, q->granting, &q->doomed, NULL);
}

bool asking_explain(struct asking *q, size_t failed, struct error *err)
{
	struct decision *d = q->decision;
	switch (failed < q->fact_count ? q->roles[failed] : FACT_PLAIN) {
	case FACT_JTI:
		return decision_refuse(d, CHECK_REPLAY, REFUSAL_ASSERTION_REPLAYED, STR_NULL, STR_NULL, STR_NULL, err);
	case FACT_CODE: /* another request was faster by a moment: that is a second use as well */
		doom(q);
		return decision_refuse(d, CHECK_CODE, REFUSAL_CODE_USED, STR_NULL, STR_NULL, STR_NULL, err);
	case FACT_REFRESH:
		doom(q);
		return decision_refuse(d, CHECK_REFRESH, REFUSAL_REFRESH_USED, STR_NULL, STR_NULL, STR_NULL, err);
	case FACT_GRANT:
		return decision_refuse(d, CHECK_REVOCATION, REFUSAL_REFRESH_REVOKED, STR_NULL, STR_NULL, STR_NULL, err);
	case FACT_SESSION:
		return decision_refuse(d, CHECK_SESSION, REFUSAL_SESSION_EXPIRED, STR_NULL, STR_NULL, STR_NULL, err);
	case FACT_INITIAL:
		q->by_token = true;
		return decision_refuse(d, CHECK_REVOCATION, REFUSAL_TOKEN_REVOKED,
				       S("a token that has registered a client already"), STR_NULL, STR_NULL, err);
	default:
		return error_set(err, ERR_CONFLICT, "Something changed meanwhile; try again");
	}
}

size_t asking_aftermath(struct asking *q, struct store_fact facts[MOST_AFTERMATH])
{
	size_t count = 0;
	if (q->doomed.shelf.p)
		facts[count++] = q->doomed;
	if (q->attempts.n)
		facts[count++] = (struct store_fact){.shelf = S("attempt"),
						     .key = q->attempts,
						     .expires_ms = q->now_ms + ATTEMPT_WINDOW_MS,
						     .count = true,
						     .quiet = true};
	return count;
}

/* RFC 6749 section 5.2: 401 for a client that failed to prove itself by header, otherwise 400. */
int asking_refuse(struct asking *q, const struct error *err, const char **ret_code)
{
	int status = error_http_status(err->code);
	bool trouble = status >= 500;
	buf_reset(q->out);
	*ret_code = decision_write_oauth(q->out, err, trouble ? "server_error" : "invalid_request");
	if (trouble || status == 429)
		return status;
	return err->code == ERR_INVALID_CLIENT && q->by_header ? 401 : 400;
}
