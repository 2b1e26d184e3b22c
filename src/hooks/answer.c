/* Cards and actions of an answer ("CDS Service Response"). */
#include "hooks/judge_priv.h"

#include "base/unicode.h"

enum { SUMMARY_MAX = 140, TOPIC_MAX = 100, TARGET_MS = 500 };

static bool one_of(struct str text, const char *words)
{
	return text.n && str_has_word(str_from(words), text);
}

/* ---- actions and suggestions ------------------------------------------------------------------------------------- */

static void check_action_at_epic(struct judgement *j, struct str where, struct str kind, struct str type, bool system)
{
	if (!j->epic)
		return;
	if (system) {
		if (!j->epic_system_actions)
			judge_note(j, true, "Epic", where, S("systemActions are taken since February 2024"));
		else if (!str_is(kind, "update") || !(type.n == 0 || str_is(type, "ServiceRequest")))
			judge_note(j, true, "Epic", where,
				   S("of systemActions only the update of an unsigned ServiceRequest is taken"));
		return;
	}
	if (str_is(kind, "update"))
		judge_note(j, true, "Epic", where, S("only create and delete are taken"));
	else if (type.n && !one_of(type, "Condition MedicationRequest ServiceRequest ProcedureRequest"))
		judge_note(j, true, "Epic", where,
			   S("only Condition, MedicationRequest, ServiceRequest and ProcedureRequest are taken"));
}

static void check_action(struct judgement *j, const struct json *o, struct str where, bool system)
{
	if (!judge_object(j, o, where))
		return;
	struct str kind = judge_text(j, o, where, "type", true);
	const struct json *resource = json_get(o, S("resource")), *id = json_get(o, S("resourceId"));
	struct str type = json_get_str(resource, S("resourceType"));
	judge_members(j, o, where, "type description resource resourceId extension");
	judge_text(j, o, where, "description", !system);
	if (kind.n && !one_of(kind, "create update delete"))
		judge_wrong(j, judge_below(j, where, "type"), "must be create, update or delete");
	if (one_of(kind, "create update") && !type.n)
		judge_wrong(j, judge_below(j, where, "resource"), "is required: a FHIR resource");
	if (str_is(kind, "update") && type.n && !json_get_str(resource, S("id")).n)
		judge_mind(j, judge_below(j, where, "resource.id"), "is missing, so nobody knows what is updated");
	if (str_is(kind, "delete") && !id && !resource)
		judge_wrong(j, judge_below(j, where, "resourceId"), "is required to delete something");
	if (id && !json_is(id, JSON_STRING) && !json_is(id, JSON_ARRAY))
		judge_wrong(j, judge_below(j, where, "resourceId"), "must be a reference such as MedicationRequest/7");
	check_action_at_epic(j, where, kind, type, system);
}

static void check_suggestion(struct judgement *j, const struct json *o, struct str where)
{
	if (!judge_object(j, o, where))
		return;
	const struct json *actions = judge_list(j, o, where, "actions");
	judge_text(j, o, where, "label", true);
	struct str uuid = judge_text(j, o, where, "uuid", false);
	judge_flag(j, o, where, "isRecommended");
	judge_members(j, o, where, "label uuid isRecommended actions extension");
	for (size_t i = 0; i < json_size(actions); i++)
		check_action(j, json_at(actions, i), judge_item(j, where, "actions", i), false);
	if (!j->epic)
		return;
	if (json_size(actions) > 1)
		judge_note(j, true, "Epic", judge_below(j, where, "actions"),
			   S("one action for each suggestion is taken"));
	if (!uuid.n)
		judge_note(j, false, "Epic", judge_below(j, where, "uuid"),
			   S("is missing, so feedback cannot name the suggestion"));
}

static void check_suggestions(struct judgement *j, const struct json *card, struct str where)
{
	const struct json *suggestions = judge_list(j, card, where, "suggestions");
	struct str behavior = judge_text(j, card, where, "selectionBehavior", json_size(suggestions) > 0);
	if (behavior.n && !one_of(behavior, "at-most-one any"))
		judge_wrong(j, judge_below(j, where, "selectionBehavior"), "must be at-most-one or any");
	if (j->epic && json_size(suggestions) && behavior.n && !str_is(behavior, "any"))
		judge_note(j, true, "Epic", judge_below(j, where, "selectionBehavior"), S("only any is taken"));
	struct json_iter it = json_iter(suggestions);
	for (size_t i = 0; json_next(&it); i++)
		check_suggestion(j, it.value, judge_item(j, where, "suggestions", i));
}

/* ---- links and the rest of a card -------------------------------------------------------------------------------- */

static void check_link(struct judgement *j, const struct json *o, struct str at)
{
	if (!judge_object(j, o, at))
		return;
	struct str type = judge_text(j, o, at, "type", true);
	judge_text(j, o, at, "label", true);
	judge_url(j, o, at, "url", true);
	judge_flag(j, o, at, "autolaunchable");
	judge_members(j, o, at, "label url type appContext autolaunchable extension");
	if (type.n && !one_of(type, "absolute smart"))
		judge_wrong(j, judge_below(j, at, "type"), "must be absolute or smart");
	if (judge_text(j, o, at, "appContext", false).n && !str_is(type, "smart"))
		judge_wrong(j, judge_below(j, at, "appContext"), "is for links of type smart alone");
}

static void check_links(struct judgement *j, const struct json *card, struct str where)
{
	struct json_iter it = json_iter(judge_list(j, card, where, "links"));
	for (size_t i = 0; json_next(&it); i++)
		check_link(j, it.value, judge_item(j, where, "links", i));
}

static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
			return false;
	}
	return text.n > 0 && text.n <= TOPIC_MAX;
}

static void check_source(struct judgement *j, const struct json *card, struct str where)
{
	const struct json *source = json_get(card, S("source")), *topic = json_get(source, S("topic"));
	struct str at = judge_below(j, where, "source");
	if (!json_is(source, JSON_OBJECT)) {
		judge_wrong(j, at, "is required: who says this");
		return;
	}
	judge_text(j, source, at, "label", true);
	judge_url(j, source, at, "url", false);
	judge_url(j, source, at, "icon", false);
	judge_members(j, source, at, "label url icon topic extension");
	if (topic)
		judge_coding(j, topic, judge_below(j, at, "topic"), false);
	struct str code = json_get_str(topic, S("code"));
	if (j->epic && code.n && !is_plain(code))
		judge_note(j, true, "Epic", judge_below(j, at, "topic.code"),
			   S("must be letters and digits, at most 100"));
	if (j->epic && !code.n)
		judge_note(j, false, "Epic", judge_below(j, at, "topic.code"),
			   S("is missing: overrides are remembered and feedback is told by it"));
}

static void check_detail(struct judgement *j, const struct json *card, struct str where)
{
	static const char key[] = "com.epic.cdshooks.card.detail.content-type";
	static const char *const forms[] = {"text/markdown", "text/markdown; variant=GitHub",
					    "text/markdown; variant=CommonMark", "text/plain", "text/html"};
	struct str form = json_get_str(json_get(card, S("extension")), str_from(key));
	bool known = !form.n;
	judge_text(j, card, where, "detail", false);
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		known = known || str_is(form, forms[i]);
	if (j->epic && !known)
		judge_note(j, true, "Epic", judge_below(j, where, "extension"),
			   arena_printf(j->a, "%s has a value that is not known", key));
}

static void check_overrides(struct judgement *j, const struct json *card, struct str where)
{
	struct json_iter it = json_iter(judge_list(j, card, where, "overrideReasons"));
	for (size_t i = 0; json_next(&it); i++) {
		struct str at = judge_item(j, where, "overrideReasons", i);
		judge_coding(j, it.value, at, true);
		if (j->epic && !json_get_str(it.value, S("system")).n)
			judge_note(j, true, "Epic", judge_below(j, at, "system"), S("must not be empty"));
	}
}

static void check_card(struct judgement *j, const struct json *card, struct str where)
{
	if (!judge_object(j, card, where))
		return;
	struct str summary = judge_text(j, card, where, "summary", true),
		   indicator = judge_text(j, card, where, "indicator", true);
	judge_text(j, card, where, "uuid", false);
	if (unicode_length(summary) >= SUMMARY_MAX)
		judge_wrong(j, judge_below(j, where, "summary"), "must be shorter than 140 characters");
	if (indicator.n && !one_of(indicator, "info warning critical"))
		judge_wrong(j, judge_below(j, where, "indicator"), "must be info, warning or critical");
	judge_members(j, card, where,
		      "uuid summary detail indicator source suggestions selectionBehavior overrideReasons links "
		      "extension");
	check_source(j, card, where);
	check_detail(j, card, where);
	check_suggestions(j, card, where);
	check_overrides(j, card, where);
	check_links(j, card, where);
}

/* Feedback tells of a card by its uuid; two of the same could not be told apart. */
static void check_uuids(struct judgement *j, const struct json *cards)
{
	enum { COMPARED = 200 };
	struct str seen[COMPARED];
	struct json_iter it = json_iter(cards);
	for (size_t i = 0; i < COMPARED && json_next(&it); i++) {
		seen[i] = json_get_str(it.value, S("uuid"));
		for (size_t k = 0; seen[i].n && k < i; k++)
			if (str_eq(seen[i], seen[k]))
				judge_wrong(j, judge_below(j, judge_item(j, S(""), "cards", i), "uuid"),
					    "is that of another card");
	}
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

void judge_answer_body(struct judgement *j, const struct json *body)
{
	if (!judge_object(j, body, S("answer")))
		return;
	const struct json *cards = judge_list(j, body, S(""), "cards"),
			  *actions = judge_list(j, body, S(""), "systemActions");
	if (!json_get(body, S("cards")))
		judge_wrong(j, S("cards"), "is required, an empty list when there is nothing to say");
	judge_members(j, body, S(""), "cards systemActions extension");
	struct json_iter it = json_iter(cards), each = json_iter(actions);
	for (size_t i = 0; json_next(&it); i++)
		check_card(j, it.value, judge_item(j, S(""), "cards", i));
	for (size_t i = 0; json_next(&each); i++)
		check_action(j, each.value, judge_item(j, S(""), "systemActions", i), true);
	check_uuids(j, cards);
}

void judge_answer(struct judgement *j, const struct judge_reply *reply)
{
	if (!judge_http(j, reply, true))
		return;
	judge_answer_body(j, reply->body);
	if (reply->took_ms > TARGET_MS)
		judge_note(j, false, JUDGE_SPECIFICATION, S("answer"),
			   arena_printf(j->a, "took %lld ms; services should answer within 500",
					(long long)reply->took_ms));
}
