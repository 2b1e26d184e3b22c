/*
 * What a service answered, held to CDS Hooks 2.0 ("CDS Service Response") and to what the EHR can use of it. Everything
 * that is wrong is told, not only the first.
 */
#include "sandbox/hooks_priv.h"

#define SPECIFICATION "CDS Hooks 2.0"

enum { SUMMARY_MAX = 140, TOPIC_MAX = 100, TARGET_MS = 500 };

void hooks_find(struct hook_run *run, bool error, const char *by, struct str where, struct str what)
{
	if (run->finding_count < HOOKS_FINDINGS && where.p && what.p)
		run->findings[run->finding_count++] = (struct hook_finding){error, by, where, what};
}

static void wrong(struct hook_run *run, struct str where, const char *what)
{
	hooks_find(run, true, SPECIFICATION, where, str_from(what));
}

static struct str below(struct hook_run *run, struct str where, const char *member)
{
	return arena_printf(run->a, "%.*s.%s", STR_ARG(where), member);
}

static struct str item(struct hook_run *run, struct str where, const char *member, size_t i)
{
	return arena_printf(run->a, "%.*s%s%s[%zu]", STR_ARG(where), where.n ? "." : "", member, i);
}

static bool one_of(struct str text, const char *words)
{
	return text.n && face_listed(words, text);
}

/* A text that must, or may, be there. */
static struct str text_of(struct hook_run *run, const struct json *j, struct str where, const char *name, bool required)
{
	const struct json *value = json_get(j, str_from(name));
	if (!value) {
		if (required)
			wrong(run, below(run, where, name), "is required");
		return STR_NULL;
	}
	if (!json_is(value, JSON_STRING) || !json_str(value).n) {
		wrong(run, below(run, where, name), "must be a text that is not empty");
		return STR_NULL;
	}
	return json_str(value);
}

static void flag_of(struct hook_run *run, const struct json *j, struct str where, const char *name)
{
	const struct json *value = json_get(j, str_from(name));
	if (value && !json_is(value, JSON_BOOL))
		wrong(run, below(run, where, name), "must be true or false");
}

static const struct json *list_of(struct hook_run *run, const struct json *j, struct str where, const char *name)
{
	const struct json *value = json_get(j, str_from(name));
	if (value && !json_is(value, JSON_ARRAY)) {
		wrong(run, where.n ? below(run, where, name) : str_from(name), "must be a list");
		return NULL;
	}
	return value;
}

static void url_of(struct hook_run *run, const struct json *j, struct str where, const char *name, bool required)
{
	struct str url = text_of(run, j, where, name, required);
	if (url.n && !str_starts(url, S("https://")) && !str_starts(url, S("http://")))
		wrong(run, below(run, where, name), "must be an absolute URL");
}

/* Members that the specification does not have belong into extension. */
static void check_members(struct hook_run *run, const struct json *j, struct str where, const char *known)
{
	struct json_iter it = json_iter(j);
	while (json_next(&it))
		if (!face_listed(known, it.key))
			hooks_find(run, false, SPECIFICATION,
				   where.n ? arena_printf(run->a, "%.*s.%.*s", STR_ARG(where),
							  STR_ARG(str_slice(it.key, 0, 60)))
					   : arena_str(run->a, str_slice(it.key, 0, 60)),
				   S("is no member of the specification; extensions go below extension"));
}

static void check_coding(struct hook_run *run, const struct json *j, struct str where, bool display)
{
	if (!json_is(j, JSON_OBJECT)) {
		wrong(run, where, "must be a coding");
		return;
	}
	text_of(run, j, where, "code", true);
	text_of(run, j, where, "display", display);
	text_of(run, j, where, "system", false);
}

/* ---- actions and suggestions ------------------------------------------------------------------------------------- */

static bool may_create_at_epic(struct str type)
{
	return one_of(type, "Condition MedicationRequest ServiceRequest ProcedureRequest");
}

static void check_action_at_epic(const struct sandbox *s, struct hook_run *run, struct str where, struct str kind,
				 struct str type, bool system)
{
	if (s->o.vendor != EHR_EPIC)
		return;
	if (system) {
		if (!released(s, "2024-02"))
			hooks_find(run, true, "Epic", where, S("systemActions are taken since February 2024"));
		else if (!str_is(kind, "update") || !(type.n == 0 || str_is(type, "ServiceRequest")))
			hooks_find(run, true, "Epic", where,
				   S("of systemActions only the update of an unsigned ServiceRequest is taken"));
		return;
	}
	if (str_is(kind, "update"))
		hooks_find(run, true, "Epic", where, S("only create and delete are taken"));
	else if (type.n && !may_create_at_epic(type))
		hooks_find(run, true, "Epic", where,
			   S("only Condition, MedicationRequest, ServiceRequest and ProcedureRequest are taken"));
}

static void check_action(const struct sandbox *s, struct hook_run *run, const struct json *j, struct str where,
			 bool system)
{
	struct str kind = text_of(run, j, where, "type", true);
	const struct json *resource = json_get(j, S("resource"));
	struct str type = json_get_str(resource, S("resourceType"));
	check_members(run, j, where, "type description resource resourceId extension");
	text_of(run, j, where, "description", !system);
	if (kind.n && !one_of(kind, "create update delete"))
		wrong(run, below(run, where, "type"), "must be create, update or delete");
	if (one_of(kind, "create update") && !type.n)
		wrong(run, below(run, where, "resource"), "is required: a FHIR resource");
	if (str_is(kind, "delete") && !json_get(j, S("resourceId")) && !resource)
		wrong(run, below(run, where, "resourceId"), "is required to delete something");
	check_action_at_epic(s, run, where, kind, type, system);
}

static void check_suggestion(const struct sandbox *s, struct hook_run *run, const struct json *j, struct str where)
{
	const struct json *actions = list_of(run, j, where, "actions");
	text_of(run, j, where, "label", true);
	struct str uuid = text_of(run, j, where, "uuid", false);
	flag_of(run, j, where, "isRecommended");
	check_members(run, j, where, "label uuid isRecommended actions extension");
	for (size_t i = 0; i < json_size(actions); i++)
		check_action(s, run, json_at(actions, i), item(run, where, "actions", i), false);
	if (s->o.vendor != EHR_EPIC)
		return;
	if (json_size(actions) > 1)
		hooks_find(run, true, "Epic", below(run, where, "actions"),
			   S("one action for each suggestion is taken"));
	if (!uuid.n)
		hooks_find(run, false, "Epic", below(run, where, "uuid"),
			   S("is missing, so feedback cannot name the suggestion"));
}

static void check_suggestions(const struct sandbox *s, struct hook_run *run, const struct json *card, struct str where)
{
	const struct json *suggestions = list_of(run, card, where, "suggestions");
	struct str behavior = text_of(run, card, where, "selectionBehavior", json_size(suggestions) > 0);
	if (behavior.n && !one_of(behavior, "at-most-one any"))
		wrong(run, below(run, where, "selectionBehavior"), "must be at-most-one or any");
	if (s->o.vendor == EHR_EPIC && json_size(suggestions) && behavior.n && !str_is(behavior, "any"))
		hooks_find(run, true, "Epic", below(run, where, "selectionBehavior"), S("only any is taken"));
	for (size_t i = 0; i < json_size(suggestions); i++)
		check_suggestion(s, run, json_at(suggestions, i), item(run, where, "suggestions", i));
}

/* ---- links and the rest of a card -------------------------------------------------------------------------------- */

static void check_links(struct hook_run *run, const struct json *card, struct str where)
{
	const struct json *links = list_of(run, card, where, "links");
	for (size_t i = 0; i < json_size(links); i++) {
		const struct json *j = json_at(links, i);
		struct str at = item(run, where, "links", i), type = text_of(run, j, at, "type", true);
		text_of(run, j, at, "label", true);
		url_of(run, j, at, "url", true);
		flag_of(run, j, at, "autolaunchable");
		check_members(run, j, at, "label url type appContext autolaunchable extension");
		if (type.n && !one_of(type, "absolute smart"))
			wrong(run, below(run, at, "type"), "must be absolute or smart");
		if (text_of(run, j, at, "appContext", false).n && !str_is(type, "smart"))
			wrong(run, below(run, at, "appContext"), "is for links of type smart alone");
	}
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

static void check_source(const struct sandbox *s, struct hook_run *run, const struct json *card, struct str where)
{
	const struct json *source = json_get(card, S("source")), *topic = json_get(source, S("topic"));
	struct str at = below(run, where, "source");
	if (!json_is(source, JSON_OBJECT)) {
		wrong(run, at, "is required: who says this");
		return;
	}
	text_of(run, source, at, "label", true);
	url_of(run, source, at, "url", false);
	url_of(run, source, at, "icon", false);
	check_members(run, source, at, "label url icon topic extension");
	if (topic)
		check_coding(run, topic, below(run, at, "topic"), false);
	struct str code = json_get_str(topic, S("code"));
	if (s->o.vendor == EHR_EPIC && code.n && !is_plain(code))
		hooks_find(run, true, "Epic", below(run, at, "topic.code"),
			   S("must be letters and digits, at most 100"));
	if (s->o.vendor == EHR_EPIC && !code.n)
		hooks_find(run, false, "Epic", below(run, at, "topic.code"),
			   S("is missing: overrides are remembered and feedback is told by it"));
}

static void check_detail(const struct sandbox *s, struct hook_run *run, const struct json *card, struct str where)
{
	static const char key[] = "com.epic.cdshooks.card.detail.content-type";
	static const char *const forms[] = {"text/markdown", "text/markdown; variant=GitHub",
					    "text/markdown; variant=CommonMark", "text/plain", "text/html"};
	struct str form = json_get_str(json_get(card, S("extension")), str_from(key));
	bool known = !form.n;
	text_of(run, card, where, "detail", false);
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		known = known || str_is(form, forms[i]);
	if (s->o.vendor == EHR_EPIC && !known)
		hooks_find(run, true, "Epic", below(run, where, "extension"),
			   arena_printf(run->a, "%s has a value that is not known", key));
}

static void check_overrides(const struct sandbox *s, struct hook_run *run, const struct json *card, struct str where)
{
	const struct json *reasons = list_of(run, card, where, "overrideReasons");
	for (size_t i = 0; i < json_size(reasons); i++) {
		struct str at = item(run, where, "overrideReasons", i);
		check_coding(run, json_at(reasons, i), at, true);
		if (s->o.vendor == EHR_EPIC && !json_get_str(json_at(reasons, i), S("system")).n)
			hooks_find(run, true, "Epic", below(run, at, "system"), S("must not be empty"));
	}
}

static void check_card(const struct sandbox *s, struct hook_run *run, const struct json *card, struct str where)
{
	if (!json_is(card, JSON_OBJECT)) {
		wrong(run, where, "must be an object");
		return;
	}
	struct str summary = text_of(run, card, where, "summary", true),
		   indicator = text_of(run, card, where, "indicator", true);
	text_of(run, card, where, "uuid", false);
	if (summary.n >= SUMMARY_MAX)
		wrong(run, below(run, where, "summary"), "must be shorter than 140 characters");
	if (indicator.n && !one_of(indicator, "info warning critical"))
		wrong(run, below(run, where, "indicator"), "must be info, warning or critical");
	check_members(run, card, where,
		      "uuid summary detail indicator source suggestions selectionBehavior overrideReasons links "
		      "extension");
	check_source(s, run, card, where);
	check_detail(s, run, card, where);
	check_suggestions(s, run, card, where);
	check_overrides(s, run, card, where);
	check_links(run, card, where);
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

static bool check_http(struct hook_run *run)
{
	struct str type = run->content_type, media = str_trim(str_split(&type, ';'));
	if (!run->status) {
		hooks_find(run, true, "HTTP", S("answer"), run->failure);
		return false;
	}
	if (run->status == 412) {
		hooks_find(run, false, SPECIFICATION, S("answer"),
			   S("412: the service could not get what it needs, so the EHR shows nothing"));
		return false;
	}
	if (run->status != 200) {
		hooks_find(run, true, SPECIFICATION, S("answer"),
			   arena_printf(run->a, "status %d: only 200 brings cards", run->status));
		return false;
	}
	if (!str_eq_nocase(media, S("application/json")))
		wrong(run, S("answer"), "the Content-Type must be application/json");
	if (!run->json) {
		wrong(run, S("answer"), "is not JSON");
		return false;
	}
	return true;
}

void hooks_check(const struct sandbox *s, struct hook_run *run)
{
	if (!check_http(run))
		return;
	const struct json *cards = list_of(run, run->json, S(""), "cards"),
			  *actions = list_of(run, run->json, S(""), "systemActions");
	if (!json_get(run->json, S("cards")))
		wrong(run, S("cards"), "is required, an empty list when there is nothing to say");
	check_members(run, run->json, S(""), "cards systemActions extension");
	for (size_t i = 0; i < json_size(cards); i++)
		check_card(s, run, json_at(cards, i), item(run, S(""), "cards", i));
	for (size_t i = 0; i < json_size(actions); i++)
		check_action(s, run, json_at(actions, i), item(run, S(""), "systemActions", i), true);
	if (run->took_ms > TARGET_MS)
		hooks_find(run, false, SPECIFICATION, S("answer"),
			   arena_printf(run->a, "took %lld ms; services should answer within 500",
					(long long)run->took_ms));
}
