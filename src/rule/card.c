/*
 * Reading the rules of a service and their cards. What a card does not say for itself (source, links, override
 * reasons, indicator) it takes from the service.
 */
#include "rule/rule_priv.h"

/* ---- codings, links -----------------------------------------------------------------------------------------------
 */

static bool read_coding(struct compiler *c, const struct json *from, struct hook_coding *ret)
{
	static const char *const known[] = {"system", "code", "display", NULL};
	return compile_members(c, from, known) && compile_str(c, from, "system", false, &ret->system) &&
	       compile_str(c, from, "code", true, &ret->code) && compile_str(c, from, "display", false, &ret->display);
}

bool card_codings(struct compiler *c, const struct json *object, const char *name, struct hook_coding **ret_list,
		  size_t *ret_count)
{
	if (!compile_count(c, object, name, HOOK_SUGGESTIONS_MAX, ret_count) || !*ret_count)
		return !c->err->code;
	struct str before = compile_enter(c, str_from(name));
	*ret_list = ARENA_ARRAY(c->arena, struct hook_coding, *ret_count);
	if (!*ret_list)
		return error_memory(c->err);
	for (size_t i = 0; i < *ret_count; i++) {
		struct str list = compile_enter_index(c, i);
		if (!read_coding(c, json_at(json_get(object, str_from(name)), i), &(*ret_list)[i]))
			return false;
		c->at = list;
	}
	c->at = before;
	return true;
}

static bool read_link(struct compiler *c, const struct json *from, struct rule_link *ret)
{
	static const char *const known[] = {"label", "url", "type", "appContext", "autolaunchable", NULL};
	struct str type;
	if (!compile_members(c, from, known) || !text_member(c, from, "label", true, &ret->label) ||
	    !text_member(c, from, "url", true, &ret->url) || !compile_str(c, from, "type", false, &type) ||
	    !text_member(c, from, "appContext", false, &ret->app_context) ||
	    !compile_bool(c, from, "autolaunchable", &ret->autolaunchable))
		return false;
	ret->smart = str_is(type, "smart");
	if (type.p && !ret->smart && !str_is(type, "absolute"))
		return compile_fail(c, ERR_VALUE, "A link's type is 'absolute' or 'smart'");
	return !ret->app_context.given || ret->smart ||
	       compile_fail(c, ERR_VALUE, "'appContext' belongs to links of type 'smart'");
}

static bool read_links(struct compiler *c, const struct json *from, struct rule_card *card)
{
	size_t count;
	if (!compile_count(c, from, "links", HOOK_SUGGESTIONS_MAX, &count) || !count)
		return !c->err->code;
	struct str before = compile_enter(c, S("links"));
	struct rule_link *links = ARENA_ARRAY(c->arena, struct rule_link, count);
	if (!links)
		return error_memory(c->err);
	for (size_t i = 0; i < count; i++) {
		struct str list = compile_enter_index(c, i);
		if (!read_link(c, json_at(json_get(from, S("links")), i), &links[i]))
			return false;
		c->at = list;
	}
	c->at = before;
	card->links = links;
	card->link_count = count;
	return true;
}

/* ---- actions ------------------------------------------------------------------------------------------------------
 */

static bool read_resource(struct compiler *c, const struct json *from, struct rule_action *ret)
{
	const struct json *resource = json_get(from, S("resource"));
	bool deletes = ret->type == HOOK_DELETE;
	if (deletes != (bool)ret->resource_id.given || deletes == (bool)resource)
		return compile_fail(c, ERR_REQUIRED,
				    "create and update need 'resource', delete needs 'resourceId' (and none of the "
				    "other)");
	if (!resource)
		return true;
	struct str before = compile_enter(c, S("resource"));
	struct str type = json_get_str(resource, S("resourceType"));
	bool whole = str_starts(str_trim(json_str(resource)), S("{{"));
	if (!whole && !definitions_resource(c->library->definitions, type))
		return compile_fail(c, ERR_VALUE, "A resource needs a 'resourceType' of FHIR R4");
	ret->resource = tree_compile(c, resource, 0);
	c->at = before;
	return ret->resource;
}

static bool read_action(struct compiler *c, const struct json *from, struct rule_action *ret)
{
	static const char *const known[] = {"type", "description", "resource", "resourceId", NULL};
	struct str type;
	if (!compile_members(c, from, known) || !compile_str(c, from, "type", true, &type))
		return false;
	if (!hook_action_named(type, &ret->type))
		return compile_fail(c, ERR_VALUE, "An action's type is 'create', 'update' or 'delete'");
	return text_member(c, from, "description", true, &ret->description) &&
	       text_member(c, from, "resourceId", false, &ret->resource_id) && read_resource(c, from, ret);
}

bool actions_compile(struct compiler *c, const struct json *object, const char *name,
		     const struct rule_action **ret_list, size_t *ret_count)
{
	if (!compile_count(c, object, name, HOOK_SUGGESTIONS_MAX, ret_count) || !*ret_count)
		return !c->err->code;
	struct str before = compile_enter(c, str_from(name));
	struct rule_action *list = ARENA_ARRAY(c->arena, struct rule_action, *ret_count);
	if (!list)
		return error_memory(c->err);
	for (size_t i = 0; i < *ret_count; i++) {
		struct str outer = compile_enter_index(c, i);
		if (!read_action(c, json_at(json_get(object, str_from(name)), i), &list[i]))
			return false;
		c->at = outer;
	}
	c->at = before;
	*ret_list = list;
	return true;
}

static bool read_suggestion(struct compiler *c, const struct json *from, struct rule_suggestion *ret)
{
	static const char *const known[] = {"label", "isRecommended", "actions", NULL};
	return compile_members(c, from, known) && text_member(c, from, "label", true, &ret->label) &&
	       compile_bool(c, from, "isRecommended", &ret->recommended) &&
	       actions_compile(c, from, "actions", &ret->actions, &ret->action_count);
}

static bool read_suggestions(struct compiler *c, const struct json *from, struct rule_card *card)
{
	size_t count;
	struct str behavior;
	if (!compile_count(c, from, "suggestions", HOOK_SUGGESTIONS_MAX, &count))
		return false;
	struct rule_suggestion *list = ARENA_ARRAY(c->arena, struct rule_suggestion, count);
	if (!list)
		return error_memory(c->err);
	struct str before = compile_enter(c, S("suggestions"));
	for (size_t i = 0; i < count; i++) {
		struct str outer = compile_enter_index(c, i);
		if (!read_suggestion(c, json_at(json_get(from, S("suggestions")), i), &list[i]))
			return false;
		c->at = outer;
	}
	c->at = before;
	card->suggestions = list;
	card->suggestion_count = count;
	if (!compile_str(c, from, "selectionBehavior", false, &behavior))
		return false;
	card->at_most_one = !behavior.p || str_is(behavior, "at-most-one");
	return card->at_most_one || str_is(behavior, "any") ||
	       compile_fail(c, ERR_VALUE, "'selectionBehavior' is 'at-most-one' or 'any'");
}

/* ---- cards --------------------------------------------------------------------------------------------------------
 */

static bool read_source(struct compiler *c, const struct json *source, struct rule_card *card)
{
	static const char *const known[] = {"label", "url", "icon", NULL};
	struct str before = compile_enter(c, S("source"));
	if (!source)
		return compile_fail(c, ERR_REQUIRED,
				    "'source' is missing: cards must say where their advice comes from");
	if (!compile_members(c, source, known) || !text_member(c, source, "label", true, &card->source_label) ||
	    !text_member(c, source, "url", false, &card->source_url) ||
	    !text_member(c, source, "icon", false, &card->source_icon))
		return false;
	c->at = before;
	return true;
}

/* What overrides are remembered by: of its own, or made of the ids, which stay the same when texts change. */
static bool read_topic(struct compiler *c, const struct json *topic, struct str rule, struct rule_card *card)
{
	if (topic) {
		struct str before = compile_enter(c, S("topic"));
		bool ok = read_coding(c, topic, &card->topic);
		if (ok)
			c->at = before;
		return ok;
	}
	card->topic.code = arena_printf(c->arena, "%.*s.%.*s", STR_ARG(c->service->id), STR_ARG(rule));
	card->topic.display = c->service->title;
	return card->topic.code.p || error_memory(c->err);
}

static bool read_indicator(struct compiler *c, const struct json *from, struct rule_card *card)
{
	enum hook_indicator constant;
	struct str text = json_get_str(from, S("indicator"));
	if (!text_member(c, from, "indicator", true, &card->indicator))
		return false;
	return card->indicator.varies || hook_indicator_named(text, &constant) ||
	       compile_fail(c, ERR_VALUE, "'indicator' is 'info', 'warning' or 'critical'");
}

/* The card's own member, or else the service's, which errors then speak of. */
static const struct json *own_or(struct compiler *c, const struct json *card, const struct json *service,
				 const char *name)
{
	if (json_get(card, str_from(name)))
		return card;
	c->at = S("");
	return service;
}

/* What a card may leave to its service. */
static bool read_shared(struct compiler *c, const struct json *card, const struct json *service, struct rule_card *ret)
{
	struct str at = c->at;
	if (!read_indicator(c, own_or(c, card, service, "indicator"), ret))
		return false;
	c->at = at;
	if (!read_source(c, json_get(own_or(c, card, service, "source"), S("source")), ret))
		return false;
	c->at = at;
	if (!read_links(c, own_or(c, card, service, "links"), ret))
		return false;
	c->at = at;
	if (!card_codings(c, own_or(c, card, service, "overrideReasons"), "overrideReasons", &ret->override_reasons,
			  &ret->override_reason_count))
		return false;
	c->at = at;
	return true;
}

bool card_compile(struct compiler *c, const struct json *card, const struct json *service, struct str rule,
		  struct rule_card *ret)
{
	static const char *const known[] = {"summary", "detail",      "indicator",	   "source",	      "topic",
					    "links",   "suggestions", "selectionBehavior", "overrideReasons", NULL};
	return compile_members(c, card, known) && text_member(c, card, "summary", true, &ret->summary) &&
	       text_member(c, card, "detail", false, &ret->detail) && read_shared(c, card, service, ret) &&
	       read_topic(c, json_get(card, S("topic")), rule, ret) && read_suggestions(c, card, ret);
}

/* ---- rules --------------------------------------------------------------------------------------------------------
 */

static bool read_when(struct compiler *c, const struct json *from, struct rule *ret)
{
	struct str text = STR_NULL;
	const struct json *when = json_get(from, S("when"));
	const struct rule_expression **list = ARENA_ARRAY(c->arena, const struct rule_expression *, 1);
	if (!list)
		return error_memory(c->err);
	if (json_is(when, JSON_BOOL))
		text = json_bool(when) ? S("true") : S("false");
	else if (!compile_str(c, from, "when", false, &text))
		return false;
	if (!text.p)
		return true;
	struct str before = compile_enter(c, S("when"));
	list[0] = expression_condition(c, text);
	if (!list[0])
		return false;
	ret->when = list;
	ret->when_count = 1;
	c->at = before;
	return true;
}

/* The item is what expressions of the card start from, and %item. */
static bool read_each(struct compiler *c, const struct json *from, struct rule *ret)
{
	struct str text;
	if (!compile_str(c, from, "forEach", false, &text))
		return false;
	if (!text.p)
		return true;
	struct str before = compile_enter(c, S("forEach"));
	ret->each = expression_compile(c, text);
	if (!ret->each)
		return false;
	c->at = before;
	c->focus = &ret->each->program->given;
	return true;
}

static bool read_card(struct compiler *c, const struct json *from, const struct json *service, struct rule *ret)
{
	const struct json *card = json_get(from, S("card"));
	struct rule_card *made = ARENA_NEW(c->arena, struct rule_card);
	if (!made)
		return error_memory(c->err);
	if (!card && !ret->system_action_count)
		return compile_fail(c, ERR_REQUIRED, "The rule has no 'card'");
	if (!card)
		return true;
	struct str before = compile_enter(c, S("card"));
	if (!card_compile(c, card, service, ret->id, made))
		return false;
	c->at = before;
	ret->card = made;
	return true;
}

static bool read_rule(struct compiler *c, const struct json *from, const struct json *service, struct rule *ret)
{
	static const char *const known[] = {"id", "when", "forEach", "card", "systemActions", NULL};
	if (!compile_members(c, from, known) || !compile_str(c, from, "id", true, &ret->id) ||
	    !read_when(c, from, ret) || !read_each(c, from, ret))
		return false;
	if (!ret->when_count && !ret->each)
		return compile_fail(c, ERR_REQUIRED,
				    "The rule has neither 'when' nor 'forEach'; write \"when: true\" "
				    "for a card that always comes");
	/* The name of the item is there for the rule only. */
	if (ret->each) {
		ret->item = c->name_count;
		c->names[c->name_count] = (struct rule_name){.kind = NAME_ITEM};
		c->declarations[c->name_count++] =
			(struct path_declaration){.name = S("item"), .given = ret->each->program->given};
	}
	return actions_compile(c, from, "systemActions", &ret->system_actions, &ret->system_action_count) &&
	       read_card(c, from, service, ret);
}

static bool is_repeated(const struct rule *rules, size_t last)
{
	for (size_t i = 0; i < last; i++)
		if (str_eq(rules[i].id, rules[last].id))
			return true;
	return false;
}

bool rules_compile(struct compiler *c, const struct json *service)
{
	size_t count;
	if (!compile_count(c, service, "rules", RULE_RULES_MAX, &count))
		return false;
	if (!count)
		return compile_fail(c, ERR_REQUIRED, "The service has no 'rules'");
	struct rule *rules = ARENA_ARRAY(c->arena, struct rule, count);
	struct str before = compile_enter(c, S("rules"));
	if (!rules)
		return error_memory(c->err);
	size_t names = c->name_count;
	for (size_t i = 0; i < count; i++) {
		struct str list = compile_enter_index(c, i);
		if (!read_rule(c, json_at(json_get(service, S("rules")), i), service, &rules[i]))
			return false;
		if (is_repeated(rules, i))
			return compile_fail(c, ERR_VALUE, "Two rules have the id '%.*s'",
					    STR_ARG(str_slice(rules[i].id, 0, 60)));
		c->name_count = names;
		c->focus = NULL;
		c->at = list;
	}
	c->at = before;
	c->program->rules = rules;
	c->program->rule_count = count;
	return true;
}
