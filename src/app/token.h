/*
 * firth token explain: what a token is, and what every check on it would say. All of the checks are made, not only up
 * to the first that fails. Texts lie in the command's arena; nothing here ever prints the token. Main thread only.
 */
#ifndef FIRTH_APP_TOKEN_H
#define FIRTH_APP_TOKEN_H

#include "app/config.h"
#include "server/access/access.h"
#include "server/decision/decision.h"
#include "server/smart/smart.h"

enum { TOKEN_MOST_FACTS = 64, TOKEN_MOST_CHECKS = 32 };

struct token_fact {
	struct str name, text;
};
struct token_check {
	enum check check;
	bool passed;
	struct str had, needed;
	struct str hint; /* of a failed one */
	const char *refusal; /* its code, NULL: this server would not refuse it by itself */
};

struct token_report {
	struct arena *arena;
	const char *kind; /* "access-token", "refresh-token", "id-token", "client-assertion", "jwt", "unknown" */
	const char *says; /* the same in words */
	struct token_fact facts[TOKEN_MOST_FACTS];
	size_t fact_count;
	struct token_check checks[TOKEN_MOST_CHECKS];
	size_t check_count;
	bool failed;
	bool granted; /* grant tells what it allows */
	struct grant grant;
	struct str scope; /* by which a request is allowed */
};

struct token_question {
	struct str jwks; /* file; STR_NULL: signatures are not checked */
	struct str audience; /* STR_NULL: not asked */
	int64_t now_ms;
	const struct config *config;
	struct str tenant;
};

/* Facts without text are left out. Beyond the maximum they are dropped. */
void token_add_fact(struct token_report *r, const char *name, struct str text);
void token_pass(struct token_report *r, enum check check, struct str had);
void token_fail(struct token_report *r, enum check check, enum refusal refusal, struct str had, struct str needed);
/* The checks that a decision of the server's own code noted. */
void token_take_decision(struct token_report *r, const struct decision *d);
struct str token_when(struct token_report *r, int64_t ms, int64_t now_ms);

/* A compact JWT, by its text alone. */
bool token_explain_jwt(struct token_report *r, const struct token_question *q, struct str token,
		       struct error *err) MUST_USE;
/* One of this server's own, by its store. */
bool token_explain_own(struct token_report *r, const struct token_question *q, struct str token,
		       struct error *err) MUST_USE;
/* "GET /Observation?patient=1", judged by what the token allows. */
bool token_judge_request(struct token_report *r, const struct token_question *q, struct str request,
			 struct error *err) MUST_USE;

void token_print(const struct app *app, const struct token_report *r, int64_t now_ms);
bool token_write(const struct app *app, const struct token_report *r) MUST_USE;

#endif
