/* firth token explain: the command, and the report that its parts fill. See token.h. */
#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "app/token.h"
#include "base/clock.h"
#include "base/file.h"
#include "fhir/resource.h"

enum { TEXT_MOST = 64 * 1024 };

/* ---- the report ----------------------------------------------------------------------------------------------------
 */

void token_add_fact(struct token_report *r, const char *name, struct str text)
{
	if (text.n && r->fact_count < TOKEN_MOST_FACTS)
		r->facts[r->fact_count++] = (struct token_fact){str_from(name), text};
}

static struct token_check *add_check(struct token_report *r, enum check check, bool passed, struct str had,
				     struct str needed)
{
	static struct token_check spare; /* what does not fit any more is told as failed or not, without more */
	r->failed = r->failed || !passed;
	struct token_check *c = r->check_count < TOKEN_MOST_CHECKS ? &r->checks[r->check_count++] : &spare;
	*c = (struct token_check){.check = check, .passed = passed, .had = had, .needed = needed};
	return c;
}

void token_pass(struct token_report *r, enum check check, struct str had)
{
	add_check(r, check, true, had, STR_NULL);
}

void token_fail(struct token_report *r, enum check check, enum refusal refusal, struct str had, struct str needed)
{
	struct token_check *c = add_check(r, check, false, had, needed);
	const struct refusal_facts *facts = refusal_facts(refusal);
	bool assertions = str_starts(str_from(facts->code), S("assertion-"));
	/* What is said of assertions is of no use to who has another token. */
	if (assertions && strcmp(r->kind, "client-assertion") != 0)
		return;
	c->refusal = facts->code;
	c->hint = str_from(facts->hint);
}

void token_take_decision(struct token_report *r, const struct decision *d)
{
	for (unsigned i = 0; d && i < d->count; i++) {
		const struct decision_note *n = &d->notes[i];
		if (n->passed) {
			/* Told with its time by the caller. */
			if (n->check != CHECK_EXPIRY)
				token_pass(r, n->check, arena_str(r->arena, n->had));
			continue;
		}
		token_fail(r, n->check, d->refusal, n->had, n->needed);
		if (d->hint.n && r->check_count)
			r->checks[r->check_count - 1].hint = d->hint;
	}
}

struct str token_when(struct token_report *r, int64_t ms, int64_t now_ms)
{
	char text[DECISION_WHEN];
	return arena_str(r->arena, decision_when(text, ms, now_ms));
}

/* ---- the token -----------------------------------------------------------------------------------------------------
 */

/* From standard input or a file; on the command line everybody on the machine sees it, so that is told. */
static bool read_token(struct app *app, struct str *ret_token, struct error *err)
{
	struct str argument = app->arg_count ? app->args[0] : S("-"), text;
	if (str_is(argument, "-")) {
		if (isatty(STDIN_FILENO))
			fprintf(stderr, "paste the token, then Ctrl-D:\n");
		if (!file_read(&app->arena, S("/dev/stdin"), TEXT_MOST, &text, err))
			return false;
	} else if (argument.n < 4096 && access(argument.p, F_OK) == 0) {
		if (!file_read(&app->arena, argument, TEXT_MOST, &text, err))
			return false;
	} else {
		fprintf(stderr,
			"firth token explain: a token on the command line is seen by everyone on this machine and "
			"kept by the shell; give it on standard input instead\n");
		text = argument;
	}
	text = str_trim(text);
	while (text.n && isspace((unsigned char)text.p[text.n - 1]))
		text.n--;
	if (text.n > 7 && str_eq_nocase(str_slice(text, 0, 7), S("Bearer ")))
		text = str_trim(str_slice(text, 7, text.n));
	*ret_token = text;
	return text.n || error_set(err, ERR_USAGE, "there is no token");
}

static size_t count_dots(struct str token)
{
	size_t count = 0;
	for (size_t i = 0; i < token.n; i++)
		count += token.p[i] == '.';
	return count;
}

static bool explain(struct token_report *r, const struct token_question *q, struct str token, struct str request,
		    struct error *err)
{
	size_t dots = count_dots(token);
	bool ok;
	if (dots == 4) {
		r->kind = "encrypted";
		r->says = "An encrypted JWT (JWE): only who it is for can read it";
		ok = true;
		token_fail(r, CHECK_TOKEN_FORM, REFUSAL_TOKEN_MALFORMED, S("five parts"), STR_NULL);
	} else {
		ok = dots == 2 ? token_explain_jwt(r, q, token, err) : token_explain_own(r, q, token, err);
	}
	return ok && (!request.n || token_judge_request(r, q, request, err));
}

/* Seconds since 1970, or a FHIR date or time, whose beginning counts. */
static bool read_now(struct str text, int64_t *ret_ms, struct error *err)
{
	int64_t low, high;
	if (!text.n) {
		*ret_ms = clock_now_ms();
		return true;
	}
	if (str_to_i64(text, &low) && text.n > 4) {
		*ret_ms = low * 1000;
		return true;
	}
	if (date_range(text, &low, &high)) {
		*ret_ms = low;
		return true;
	}
	return error_set(err, ERR_USAGE, "--now '%.*s' is no time: write 2026-11-24T01:47:03Z or seconds since 1970",
			 STR_ARG(str_slice(text, 0, 40)));
}

static int run(struct app *app, struct token_question *q, struct str request, struct str now)
{
	struct error err = {0};
	struct str token;
	struct token_report *r = ARENA_NEW(&app->arena, struct token_report);
	if (!r)
		return app_fail(app, &(struct error){.code = ERR_MEMORY});
	r->arena = &app->arena;
	if (!read_now(now, &q->now_ms, &err) || !read_token(app, &token, &err) || !explain(r, q, token, request, &err))
		return app_fail(app, &err);
	if (app->json) {
		if (!token_write(app, r))
			return APP_FAILED;
	} else {
		token_print(app, r, q->now_ms);
	}
	return r->failed ? APP_FAILED : APP_OK;
}

int command_token_explain(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct token_question q = {.config = &config};
	struct str request = STR_NULL, now = STR_NULL;
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {
		CONFIG_OPTIONS(shared, config),
		{"tenant", OPTION_TEXT, "NAME", "a token of this tenant", &q.tenant},
		{"request", OPTION_TEXT, "REQUEST", "would this be let in: 'GET /Observation?patient=1'", &request},
		{"jwks", OPTION_TEXT, "FILE", "public keys of the signer: the signature is checked", &q.jwks},
		{"aud", OPTION_TEXT, "URL", "whom a JWT must be meant for", &q.audience},
		{"now", OPTION_TEXT, "TIME", "judge as of then: 2026-11-24T01:47:03Z, or seconds since 1970", &now},
	};
	const struct command_line line = {
		OPTIONS(options), .arguments = "[FILE|-]", .max_args = 1,
		.details = "The token comes from standard input, or from a file. JWTs of any server are read by their "
			   "text: "
			   "nothing is\nasked of any network. Tokens of Firth are opaque, so its store is looked at "
			   "(--data, "
			   "--db, --tenant).\nThe token itself is never printed. Exit status 1: it would be refused."};
	if (!app_options(app, &line) || !config_finish(app, &config, &shared))
		return app->status;
	if (q.tenant.p && !store_tenant_name_valid(q.tenant))
		return app_misuse(app, "a tenant's name is 1 to 40 of a-z, 0-9 and -, not - at either end");
	return run(app, &q, request, now);
}
