/* What is found in answers, discovery documents and feedback: every rule once broken and once kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hooks/answer.h"

#define CARD "\"summary\":\"s\",\"indicator\":\"info\",\"source\":{\"label\":\"l\"}"
#define ACTIONS(action)                                                                                                \
	"{\"cards\":[{" CARD ",\"selectionBehavior\":\"any\",\"suggestions\":[{\"label\":\"x\",\"actions\":[" action   \
	"]}]}]}"

static struct arena arena;
static struct judgement judged;

static const struct json *parsed(const char *text)
{
	struct error err = {0};
	const struct json *j = json_parse(&arena, str_from(text), 0, &err);
	if (!j)
		fail_msg("%s: %s", text, err.text);
	return j;
}

static void must_find(const char *text, const char *where, const char *what, bool error)
{
	size_t errors = judge_errors(&judged);
	if (!where && errors)
		fail_msg("%s: %.*s %.*s", text, STR_ARG(judged.findings[0].where), STR_ARG(judged.findings[0].what));
	if (!where)
		return;
	for (size_t i = 0; i < judged.count; i++) {
		const struct judge_finding *f = &judged.findings[i];
		if (str_is(f->where, where) && str_find(f->what, str_from(what)) != STR_NONE && f->error == error)
			return;
	}
	fail_msg("%s: not found: %s %s", text, where, what);
}

struct a_case {
	const char *text;
	const char *where, *what; /* NULL: nothing is wrong */
	bool mind;
};

static void judge_all(const struct a_case *cases, size_t count,
		      void (*judge)(struct judgement *j, const struct json *body))
{
	for (size_t i = 0; i < count; i++) {
		judged.count = judged.more = 0;
		judge(&judged, parsed(cases[i].text));
		must_find(cases[i].text, cases[i].where, cases[i].what, !cases[i].mind);
	}
}
#define JUDGE_ALL(cases, judge) judge_all(cases, sizeof(cases) / sizeof(*(cases)), judge)

static void answers_are_judged(void **state)
{
	static const struct a_case cases[] = {
		{"{\"cards\":[]}", NULL, NULL, false},
		{"{\"cards\":[{" CARD "}]}", NULL, NULL, false},
		{"[]", "answer", "must be an object", false},
		{"{}", "cards", "is required", false},
		{"{\"cards\":{}}", "cards", "must be a list", false},
		{"{\"cards\":[7]}", "cards[0]", "must be an object", false},
		{"{\"cards\":[],\"card\":[]}", "card", "is no member", true},
		{"{\"cards\":[{\"indicator\":\"info\",\"source\":{\"label\":\"l\"}}]}", "cards[0].summary",
		 "is required", false},
		{"{\"cards\":[{\"summary\":\"\",\"indicator\":\"hard-stop\"}]}", "cards[0].indicator", "must be info",
		 false},
		{"{\"cards\":[{\"summary\":\"\",\"indicator\":\"info\"}]}", "cards[0].summary", "not empty", false},
		{"{\"cards\":[{\"summary\":\"s\",\"indicator\":\"info\"}]}", "cards[0].source", "is required", false},
		{"{\"cards\":[{\"summary\":\"s\",\"indicator\":\"info\",\"source\":{\"label\":\"l\",\"url\":\"/x\"}}]}",
		 "cards[0].source.url", "absolute URL", false},
		{"{\"cards\":[{\"summary\":\"s\",\"indicator\":\"info\",\"source\":{\"label\":\"l\",\"topic\":\"t\"}}]"
		 "}",
		 "cards[0].source.topic", "coding", false},
		{"{\"cards\":[{" CARD ",\"uuid\":\"u\"},{" CARD ",\"uuid\":\"u\"}]}", "cards[1].uuid", "another card",
		 false},
		{"{\"cards\":[{" CARD ",\"suggestions\":[{\"label\":\"x\"}]}]}", "cards[0].selectionBehavior",
		 "is required", false},
		{"{\"cards\":[{" CARD ",\"selectionBehavior\":\"one\"}]}", "cards[0].selectionBehavior", "at-most-one",
		 false},
		{"{\"cards\":[{" CARD ",\"suggestions\":[\"x\"]}]}", "cards[0].suggestions[0]", "must be an object",
		 false},
		{ACTIONS("{\"type\":\"delete\",\"description\":\"d\",\"resourceId\":\"MedicationRequest/1\"}"), NULL,
		 NULL, false},
		{ACTIONS("{\"type\":\"delete\",\"description\":\"d\"}"),
		 "cards[0].suggestions[0].actions[0].resourceId", "is required", false},
		{ACTIONS("{\"type\":\"delete\",\"description\":\"d\",\"resourceId\":7}"),
		 "cards[0].suggestions[0].actions[0].resourceId", "must be a reference", false},
		{ACTIONS("{\"type\":\"create\",\"resource\":{\"resourceType\":\"Task\"}}"),
		 "cards[0].suggestions[0].actions[0].description", "is required", false},
		{ACTIONS("{\"type\":\"update\",\"description\":\"d\",\"resource\":{\"resourceType\":\"Task\"}}"),
		 "cards[0].suggestions[0].actions[0].resource.id", "is missing", true},
		{"{\"cards\":[{" CARD ",\"links\":[{\"label\":\"x\",\"type\":\"smart\",\"url\":\"https://x.example\","
		 "\"appContext\":\"c\",\"autolaunchable\":1}]}]}",
		 "cards[0].links[0].autolaunchable", "true or false", false},
		{"{\"cards\":[{" CARD
		 ",\"links\":[{\"label\":\"x\",\"type\":\"absolute\",\"url\":\"javascript:x\"}]}]}",
		 "cards[0].links[0].url", "absolute URL", false},
		{"{\"cards\":[{" CARD ",\"overrideReasons\":[{\"code\":\"c\"}]}]}",
		 "cards[0].overrideReasons[0].display", "is required", false},
		{"{\"cards\":[],\"systemActions\":[{\"type\":\"add\"}]}", "systemActions[0].type", "must be create",
		 false},
	};
	(void)state;
	JUDGE_ALL(cases, judge_answer_body);
}

/* Characters count, not bytes. */
static void summaries_have_less_than_140_characters(void **state)
{
	(void)state;
	for (size_t n = 139; n <= 140; n++) {
		struct buf text;
		buf_init(&text, 1 << 12);
		buf_add(&text, S("{\"cards\":[{\"indicator\":\"info\",\"source\":{\"label\":\"l\"},\"summary\":\""));
		for (size_t i = 0; i < n; i++)
			buf_add(&text, S("\xC3\xA9"));
		buf_add(&text, S("\"}]}"));
		buf_char(&text, '\0');
		judged.count = 0;
		judge_answer_body(&judged, parsed(text.p));
		assert_int_equal(judge_errors(&judged), n == 140);
		buf_done(&text);
	}
}

static void discovery_is_judged(void **state)
{
#define SERVICE "\"id\":\"a\",\"hook\":\"order-sign\",\"description\":\"d\",\"title\":\"t\""
	static const struct a_case cases[] = {
		{"{\"services\":[]}", NULL, NULL, false},
		{"{\"services\":[{" SERVICE ",\"prefetch\":{\"p\":\"Patient/{{context.patientId}}\",\"u\":"
		 "\"{{context.userId}}\"}}]}",
		 NULL, NULL, false},
		{"{}", "services", "is required", false},
		{"{\"services\":[{\"id\":\"a\",\"hook\":\"order-sign\",\"description\":\"d\"}]}", "services[0].title",
		 "recommended", true},
		{"{\"services\":[{\"id\":\"a\",\"hook\":\"order-sign\",\"title\":\"t\"}]}", "services[0].description",
		 "is required", false},
		{"{\"services\":[{" SERVICE ",\"name\":\"n\"}]}", "services[0].name", "is no member", true},
		{"{\"services\":[{\"id\":\"a/b\",\"hook\":\"x\",\"description\":\"d\",\"title\":\"t\"}]}",
		 "services[0].id", "part of a URL", false},
		{"{\"services\":[{" SERVICE "},{" SERVICE "}]}", "services[1]", "twice", false},
		{"{\"services\":[{" SERVICE "},{\"id\":\"a\",\"hook\":\"order-select\",\"description\":\"d\"}]}", NULL,
		 NULL, false},
		{"{\"services\":[{" SERVICE ",\"prefetch\":[]}]}", "services[0].prefetch", "must be an object", false},
		{"{\"services\":[{" SERVICE ",\"prefetch\":{\"p\":7}}]}", "services[0].prefetch.p", "a query", false},
		{"{\"services\":[{" SERVICE ",\"prefetch\":{\"p\":\"Patient/{{context.patientId}\"}}]}",
		 "services[0].prefetch.p", "braces", false},
		{"{\"services\":[{" SERVICE ",\"prefetch\":{\"p\":\"Patient/{{Patient.id}}\"}}]}",
		 "services[0].prefetch.p", "is no prefetch token", false},
		{"{\"services\":[{" SERVICE ",\"prefetch\":{\"p\":\"/Patient/1\"}}]}", "services[0].prefetch.p",
		 "relative", true},
	};
	(void)state;
	JUDGE_ALL(cases, judge_discovery_body);
}

static void feedback_is_judged(void **state)
{
#define OUTCOME(more) "{\"feedback\":[{\"card\":\"u\",\"outcomeTimestamp\":\"2026-11-26T08:00:00Z\"" more "}]}"
	static const struct a_case cases[] = {
		{OUTCOME(",\"outcome\":\"accepted\",\"acceptedSuggestions\":[{\"id\":\"s\"}]"), NULL, NULL, false},
		{OUTCOME(",\"outcome\":\"overridden\",\"overrideReason\":{\"reason\":{\"code\":\"c\"},\"userComment\":"
			 "\"u\"}"),
		 NULL, NULL, false},
		{"{\"feedback\":[]}", "feedback", "one outcome", false},
		{"{\"feedback\":[{}]}", "feedback[0].card", "is required", false},
		{OUTCOME(",\"outcome\":\"ignored\""), "feedback[0].outcome", "accepted or overridden", false},
		{OUTCOME(",\"outcome\":\"accepted\""), "feedback[0].acceptedSuggestions", "is required", false},
		{OUTCOME(",\"outcome\":\"accepted\",\"acceptedSuggestions\":[{}]"),
		 "feedback[0].acceptedSuggestions[0].id", "is required", false},
		{OUTCOME(",\"outcome\":\"overridden\",\"overrideReason\":{\"reason\":{}}"),
		 "feedback[0].overrideReason.reason.code", "is required", false},
		{"{\"feedback\":[{\"card\":\"u\",\"outcome\":\"overridden\"}]}", "feedback[0].outcomeTimestamp",
		 "is required", false},
	};
	(void)state;
	JUDGE_ALL(cases, judge_feedback);
}

static void answers_over_http_are_judged(void **state)
{
	const struct json *good = parsed("{\"cards\":[]}");
	const struct {
		struct judge_reply reply;
		const char *what;
		bool mind;
	} cases[] = {
		{{200, STR_NULL, S("application/json; charset=utf-8"), good, 10}, NULL, false},
		{{0, S("no route"), STR_NULL, NULL, 0}, "no route", false},
		{{200, STR_NULL, S("text/html"), good, 10}, "Content-Type", false},
		{{200, STR_NULL, S("application/json"), NULL, 10}, "not JSON", false},
		{{500, STR_NULL, S("application/json"), NULL, 10}, "status 500", false},
		{{412, STR_NULL, S(""), NULL, 10}, "412", true},
		{{200, STR_NULL, S("application/json"), good, 501}, "501 ms", true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		judged.count = 0;
		judge_answer(&judged, &cases[i].reply);
		must_find("reply", cases[i].what ? "answer" : NULL, cases[i].what, !cases[i].mind);
	}
	judged.count = 0;
	judge_feedback_reply(&judged, &(struct judge_reply){.status = 200});
	assert_int_equal(judged.count, 0);
	judge_feedback_reply(&judged, &(struct judge_reply){.status = 404});
	assert_int_equal(judge_errors(&judged), 1);
}

static void findings_are_bounded(void **state)
{
	struct buf text;
	(void)state;
	buf_init(&text, 1 << 20);
	buf_add(&text, S("{\"cards\":[0"));
	for (size_t i = 0; i < 1000; i++)
		buf_add(&text, S(",0"));
	buf_add(&text, S("]}"));
	buf_char(&text, '\0');
	judged.count = 0;
	judge_answer_body(&judged, parsed(text.p));
	assert_int_equal(judged.count, JUDGE_FINDINGS_MAX);
	assert_int_equal(judged.more, 1001 - JUDGE_FINDINGS_MAX);
	buf_done(&text);
}

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, ARENA_NO_CAP);
	judged = (struct judgement){.a = &arena};
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_are_judged, begin, end),
		cmocka_unit_test_setup_teardown(summaries_have_less_than_140_characters, begin, end),
		cmocka_unit_test_setup_teardown(discovery_is_judged, begin, end),
		cmocka_unit_test_setup_teardown(feedback_is_judged, begin, end),
		cmocka_unit_test_setup_teardown(answers_over_http_are_judged, begin, end),
		cmocka_unit_test_setup_teardown(findings_are_bounded, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
