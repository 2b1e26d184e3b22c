/* Looking at refusals: the answer, and the decision that was kept. */
#include "refusals.h"

#include <unistd.h>

static bool seen[REFUSAL_COUNT];

bool refusal_seen(enum refusal refusal)
{
	return seen[refusal];
}

void refusal_skip(enum refusal refusal)
{
	seen[refusal] = true;
}

static struct str code_of(const struct place_answer *answer)
{
	struct str oauth = json_get_str(answer->json, S("refusal"));
	const struct json *issue = json_at(json_get(answer->json, S("issue")), 0);
	return oauth.p ? oauth
		       : json_get_str(json_at(json_get(json_get(issue, S("details")), S("coding")), 0), S("code"));
}

static void check(enum refusal want, struct str code, struct str told)
{
	const struct refusal_facts *facts = refusal_facts(want);
	seen[want] = true;
	if (!str_is(code, facts->code))
		fail_msg("wanted %s, got %.*s: %.*s", facts->code, STR_ARG(code), STR_ARG(told));
}

struct str refusal_expect_kept(enum refusal want, struct store *store, struct str request_id)
{
	enum { MOST = 8 };
	const struct json *kept[MOST];
	size_t count = 0;
	struct error err = {0};
	/* Some are committed a moment after the answer. */
	for (int tries = 0; tries < 4000; tries++) {
		assert_true(decision_find(store, &p->arena, request_id, MOST, kept, &count, &err));
		if (count)
			break;
		usleep(5000);
	}
	if (!count)
		fail_msg("the decision of %s was not kept", refusal_facts(want)->code);
	check(want, json_get_str(kept[0], S("refusal")), request_id);
	/* The last check is the one that failed. */
	const struct json *checks = json_get(kept[0], S("checks"));
	const struct json *last = json_at(checks, json_size(checks) - 1);
	assert_non_null(last);
	assert_false(json_bool(json_get(last, S("passed"))));
	return json_get_str(last, S("had"));
}

static struct str expect_kept_here(enum refusal want, const struct place_answer *answer)
{
	return refusal_expect_kept(want, p->servers[0].store, http_answer_header(&answer->http, "X-Request-Id"));
}

void refusal_expect(enum refusal want, const struct place_answer *answer)
{
	const struct refusal_facts *facts = refusal_facts(want);
	check(want, code_of(answer), answer->http.body);
	assert_true(answer->status == error_http_status(facts->error) || answer->status == 400);
	if (facts->oauth && json_get(answer->json, S("error")))
		assert_true(str_is(json_get_str(answer->json, S("error")), facts->oauth));
	/* Nobody is left without a next step. */
	assert_true(str_find(answer->http.body, S(". ")) != STR_NONE);
	expect_kept_here(want, answer);
}

void refusal_expect_page(enum refusal want, const struct place_answer *answer)
{
	const char *code = refusal_facts(want)->code;
	struct str body = answer->http.body, id = http_answer_header(&answer->http, "X-Request-Id");
	struct str named = arena_printf(&p->arena, "Refused with the code <code>%s</code>", code);
	if (str_find(body, named) == STR_NONE)
		fail_msg("wanted the page of %s: status %d, %.*s", code, answer->status, STR_ARG(body));
	assert_true(answer->status >= 400 && answer->status < 500);
	/* RFC 9700 sections 4.2 and 4.16. */
	assert_true(str_is(http_answer_header(&answer->http, "Referrer-Policy"), "no-referrer"));
	assert_true(str_is(http_answer_header(&answer->http, "X-Frame-Options"), "DENY"));
	assert_true(str_is(http_answer_header(&answer->http, "Cache-Control"), "no-store"));
	assert_true(id.n && str_find(body, arena_printf(&p->arena, "<code>%.*s</code>", STR_ARG(id))) != STR_NONE);
	expect_kept_here(want, answer);
}

void refusal_expect_concealed(enum refusal want, const struct place_answer *answer)
{
	assert_int_equal(answer->status, 404);
	assert_null(code_of(answer).p);
	assert_true(str_find(answer->http.body, str_from(refusal_facts(want)->code)) == STR_NONE);
	struct str had = expect_kept_here(want, answer);
	/* The operator, and nobody else, reads whose word it was. */
	assert_true(want != REFUSAL_POLICY || str_find(had, S("the rule \"")) != STR_NONE);
	assert_true(str_find(answer->http.body, S("the rule")) == STR_NONE);
}

void refusal_expect_error(enum refusal want, const struct error *err)
{
	check(want, str_from(err->reason), str_from(err->text));
}

void refusal_post(enum refusal want, const char *path, struct str form, struct str authorization)
{
	const struct place_answer answer = place_post(p, 0, path, form, authorization);
	refusal_expect(want, &answer);
}
