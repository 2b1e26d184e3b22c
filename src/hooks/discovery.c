/* Discovery documents ("Discovery"), and feedback ("Feedback") with the answer to it. */
#include "hooks/judge_priv.h"
#include "hooks/request.h"

enum { SERVICES_COMPARED = 500 };

static bool is_fit_for_url(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      (c && strchr("-._~", c))))
			return false;
	}
	return true;
}

/* ---- discovery --------------------------------------------------------------------------------------------------- */

static void check_template(struct judgement *j, const struct hook_definition *hook, struct str text, struct str where)
{
	struct error err = {0};
	if (!text.n) {
		judge_wrong(j, where, "must be a query in a text");
		return;
	}
	if (str_starts(text, S("/")) || str_starts(text, S("http://")) || str_starts(text, S("https://")))
		judge_mind(j, where, "should be relative to the FHIR server: a read or a search");
	if (hook && !hook_template_check(hook, text, &err))
		judge_note(j, true, JUDGE_SPECIFICATION, where, arena_str(j->a, str_from(err.text)));
}

/* A name that the service chose, as part of a place. */
static const char *name_of(struct judgement *j, struct str key)
{
	struct str name = arena_str(j->a, str_slice(key, 0, 60));
	return name.p ? name.p : "";
}

static void check_prefetch(struct judgement *j, const struct hook_definition *hook, const struct json *prefetch,
			   struct str where)
{
	struct json_iter it = json_iter(prefetch);
	if (prefetch && !judge_object(j, prefetch, where))
		return;
	while (json_next(&it))
		check_template(j, hook, json_str(it.value), judge_below(j, where, name_of(j, it.key)));
}

static void check_service(struct judgement *j, const struct json *service, struct str where)
{
	if (!judge_object(j, service, where))
		return;
	struct str id = judge_text(j, service, where, "id", true);
	judge_text(j, service, where, "hook", true);
	judge_text(j, service, where, "description", true);
	judge_text(j, service, where, "usageRequirements", false);
	if (!judge_text(j, service, where, "title", false).n && !json_get(service, S("title")))
		judge_mind(j, judge_below(j, where, "title"), "is recommended: people see it");
	judge_members(j, service, where, "hook title description id prefetch usageRequirements extension");
	if (id.n && !is_fit_for_url(id))
		judge_wrong(j, judge_below(j, where, "id"), "must be fit for a part of a URL");
	check_prefetch(j, hook_named(json_get_str(service, S("hook"))), json_get(service, S("prefetch")),
		       judge_below(j, where, "prefetch"));
}

/* One id may serve several hooks, but the same one only once. */
static void check_twice(struct judgement *j, const struct json *services)
{
	struct str ids[SERVICES_COMPARED], hooks[SERVICES_COMPARED];
	struct json_iter it = json_iter(services);
	for (size_t i = 0; i < SERVICES_COMPARED && json_next(&it); i++) {
		ids[i] = json_get_str(it.value, S("id"));
		hooks[i] = json_get_str(it.value, S("hook"));
		for (size_t k = 0; ids[i].n && k < i; k++)
			if (str_eq(ids[i], ids[k]) && str_eq(hooks[i], hooks[k]))
				judge_wrong(j, judge_item(j, S(""), "services", i), "is there twice, by id and hook");
	}
}

void judge_discovery_body(struct judgement *j, const struct json *body)
{
	if (!judge_object(j, body, S("answer")))
		return;
	const struct json *services = judge_list(j, body, S(""), "services");
	struct json_iter it = json_iter(services);
	if (!json_get(body, S("services")))
		judge_wrong(j, S("services"), "is required, an empty list when there are none");
	judge_members(j, body, S(""), "services extension");
	for (size_t i = 0; json_next(&it); i++)
		check_service(j, it.value, judge_item(j, S(""), "services", i));
	check_twice(j, services);
}

void judge_discovery(struct judgement *j, const struct judge_reply *reply)
{
	if (judge_http(j, reply, true))
		judge_discovery_body(j, reply->body);
}

/* ---- feedback ---------------------------------------------------------------------------------------------------- */

static void check_accepted(struct judgement *j, const struct json *one, struct str where, bool accepted)
{
	const struct json *list = judge_list(j, one, where, "acceptedSuggestions");
	struct json_iter it = json_iter(list);
	if (accepted && !json_size(list))
		judge_wrong(j, judge_below(j, where, "acceptedSuggestions"), "is required when a card is accepted");
	for (size_t i = 0; json_next(&it); i++) {
		struct str at = judge_item(j, where, "acceptedSuggestions", i);
		if (judge_object(j, it.value, at))
			judge_text(j, it.value, at, "id", true);
	}
}

static void check_reason(struct judgement *j, const struct json *one, struct str where)
{
	const struct json *given = json_get(one, S("overrideReason")), *reason = json_get(given, S("reason"));
	struct str at = judge_below(j, where, "overrideReason");
	if (!given || !judge_object(j, given, at))
		return;
	judge_text(j, given, at, "userComment", false);
	judge_members(j, given, at, "reason userComment extension");
	if (reason)
		judge_coding(j, reason, judge_below(j, at, "reason"), false);
}

static void check_outcome(struct judgement *j, const struct json *one, struct str where)
{
	if (!judge_object(j, one, where))
		return;
	struct str outcome = judge_text(j, one, where, "outcome", true);
	judge_text(j, one, where, "card", true);
	judge_text(j, one, where, "outcomeTimestamp", true);
	judge_members(j, one, where,
		      "card outcome acceptedSuggestions overrideReason outcomeTimestamp outcomeInstance extension");
	if (outcome.n && !str_is(outcome, "accepted") && !str_is(outcome, "overridden"))
		judge_wrong(j, judge_below(j, where, "outcome"), "must be accepted or overridden");
	check_accepted(j, one, where, str_is(outcome, "accepted"));
	check_reason(j, one, where);
}

void judge_feedback(struct judgement *j, const struct json *body)
{
	if (!judge_object(j, body, S("feedback")))
		return;
	struct json_iter it = json_iter(judge_list(j, body, S(""), "feedback"));
	if (!json_size(json_get(body, S("feedback"))))
		judge_wrong(j, S("feedback"), "is required: one outcome at least");
	for (size_t i = 0; json_next(&it); i++)
		check_outcome(j, it.value, judge_item(j, S(""), "feedback", i));
}

void judge_feedback_reply(struct judgement *j, const struct judge_reply *reply)
{
	(void)judge_http(j, reply, false);
}
