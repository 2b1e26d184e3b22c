/* The answer of PlanDefinition/$apply: what a plan's cards say and suggest, as a CarePlan with a RequestGroup. */
#include "rule/rule_priv.h"

struct writer {
	struct arena *arena;
	struct str subject;
	struct json_writer w;
	size_t resources; /* that were named so far: "#r1" */
};

static struct str canonical_of(struct arena *a, const struct json *plan)
{
	struct str url = json_get_str(plan, S("url")), version = json_get_str(plan, S("version"));
	return version.n ? arena_printf(a, "%.*s|%.*s", STR_ARG(url), STR_ARG(version)) : url;
}

static const char *priority_of(enum hook_indicator indicator)
{
	static const char *const words[] = {"routine", "urgent", "stat"};
	return words[indicator];
}

static void put_reference(struct writer *o, const char *key, struct str to)
{
	json_key(&o->w, str_from(key));
	json_object_begin(&o->w);
	json_put_member(&o->w, S("reference"), to);
	json_object_end(&o->w);
}

static void put_head(struct writer *o, const char *type, const struct json *plan, const char *intent)
{
	struct str canonical = canonical_of(o->arena, plan);
	json_put_member(&o->w, S("resourceType"), str_from(type));
	if (str_is(str_from(type), "RequestGroup"))
		json_put_member(&o->w, S("id"), S("actions"));
	if (canonical.n) {
		json_key(&o->w, S("instantiatesCanonical"));
		json_array_begin(&o->w);
		json_put_str(&o->w, canonical);
		json_array_end(&o->w);
	}
	json_put_member(&o->w, S("status"), S("draft"));
	json_put_member(&o->w, S("intent"), str_from(intent));
}

/* ---- actions ------------------------------------------------------------------------------------------------------
 */

static void put_made(struct writer *o, const struct hook_action *action)
{
	json_object_begin(&o->w);
	json_put_member(&o->w, S("title"), action->description);
	put_reference(o, "resource", arena_printf(o->arena, "#r%zu", ++o->resources));
	json_object_end(&o->w);
}

static void put_suggestion(struct writer *o, const struct hook_suggestion *s)
{
	json_object_begin(&o->w);
	json_put_member(&o->w, S("title"), s->label);
	if (s->recommended)
		json_put_member(&o->w, S("precheckBehavior"), S("yes"));
	/* An action has a resource or actions, never neither (rqg-1): what only says something is a message. */
	if (s->action_count <= 1)
		put_reference(o, "resource", arena_printf(o->arena, "#r%zu", ++o->resources));
	if (s->action_count > 1) {
		json_key(&o->w, S("action"));
		json_array_begin(&o->w);
		for (size_t i = 0; i < s->action_count; i++)
			put_made(o, &s->actions[i]);
		json_array_end(&o->w);
	}
	json_object_end(&o->w);
}

static void put_links(struct writer *o, const struct hook_card *card)
{
	if (!card->link_count)
		return;
	json_key(&o->w, S("documentation"));
	json_array_begin(&o->w);
	for (size_t i = 0; i < card->link_count; i++) {
		json_object_begin(&o->w);
		json_put_member(&o->w, S("type"), S("documentation"));
		json_put_member(&o->w, S("display"), card->links[i].label);
		json_put_member(&o->w, S("url"), card->links[i].url);
		json_object_end(&o->w);
	}
	json_array_end(&o->w);
}

static void put_card(struct writer *o, const struct hook_card *card)
{
	json_object_begin(&o->w);
	json_put_member(&o->w, S("title"), card->summary);
	json_put_member(&o->w, S("description"), card->detail);
	json_put_member(&o->w, S("priority"), str_from(priority_of(card->indicator)));
	put_links(o, card);
	if (!card->suggestion_count)
		put_reference(o, "resource", arena_printf(o->arena, "#r%zu", ++o->resources));
	if (card->suggestion_count) {
		json_put_member(&o->w, S("selectionBehavior"), card->at_most_one ? S("at-most-one") : S("any"));
		json_key(&o->w, S("action"));
		json_array_begin(&o->w);
		for (size_t i = 0; i < card->suggestion_count; i++)
			put_suggestion(o, &card->suggestions[i]);
		json_array_end(&o->w);
	}
	json_object_end(&o->w);
}

static void put_group(struct writer *o, const struct hook_answer *answer, const struct json *plan, struct str subject)
{
	json_object_begin(&o->w);
	put_head(o, "RequestGroup", plan, "proposal");
	put_reference(o, "subject", subject);
	if (answer->count) {
		json_key(&o->w, S("action"));
		json_array_begin(&o->w);
		for (size_t i = 0; i < answer->count; i++)
			put_card(o, &answer->cards[i]);
		json_array_end(&o->w);
	}
	json_object_end(&o->w);
}

/* ---- resources ----------------------------------------------------------------------------------------------------
 */

/* With the id by which the actions name it; in the order in which they do. */
static void put_resource(struct writer *o, const struct json *resource)
{
	json_object_begin(&o->w);
	for (struct json_iter it = json_iter(resource); json_next(&it);) {
		if (str_is(it.key, "id"))
			continue;
		json_key(&o->w, it.key);
		json_put_value(&o->w, it.value);
		if (str_is(it.key, "resourceType"))
			json_put_member(&o->w, S("id"), arena_printf(o->arena, "r%zu", ++o->resources));
	}
	json_object_end(&o->w);
}

static void put_message(struct writer *o, struct str text, struct str more)
{
	const struct str texts[] = {text, more};
	json_object_begin(&o->w);
	json_put_member(&o->w, S("resourceType"), S("CommunicationRequest"));
	json_put_member(&o->w, S("id"), arena_printf(o->arena, "r%zu", ++o->resources));
	json_put_member(&o->w, S("status"), S("draft"));
	put_reference(o, "subject", o->subject);
	json_key(&o->w, S("payload"));
	json_array_begin(&o->w);
	for (size_t i = 0; i < 2; i++) {
		if (!texts[i].n)
			continue;
		json_object_begin(&o->w);
		json_put_member(&o->w, S("contentString"), texts[i]);
		json_object_end(&o->w);
	}
	json_array_end(&o->w);
	json_object_end(&o->w);
}

static void put_suggested(struct writer *o, const struct hook_suggestion *s)
{
	if (!s->action_count)
		put_message(o, s->label, STR_NULL);
	for (size_t i = 0; i < s->action_count; i++)
		put_resource(o, s->actions[i].resource);
}

static void put_resources(struct writer *o, const struct hook_answer *answer)
{
	o->resources = 0;
	for (size_t i = 0; i < answer->count; i++) {
		const struct hook_card *card = &answer->cards[i];
		if (!card->suggestion_count)
			put_message(o, card->summary, card->detail);
		for (size_t n = 0; n < card->suggestion_count; n++)
			put_suggested(o, &card->suggestions[n]);
	}
}

bool rule_care_plan(struct arena *a, const struct hook_answer *answer, const struct json *plan, struct str subject,
		    struct buf *out, struct error *err)
{
	struct writer o = {.arena = a, .subject = subject, .w = json_writer(out)};
	json_object_begin(&o.w);
	json_put_member(&o.w, S("resourceType"), S("CarePlan"));
	json_key(&o.w, S("contained"));
	json_array_begin(&o.w);
	put_group(&o, answer, plan, subject);
	put_resources(&o, answer);
	json_array_end(&o.w);
	struct str canonical = canonical_of(a, plan);
	if (canonical.n) {
		json_key(&o.w, S("instantiatesCanonical"));
		json_array_begin(&o.w);
		json_put_str(&o.w, canonical);
		json_array_end(&o.w);
	}
	json_put_member(&o.w, S("status"), S("draft"));
	json_put_member(&o.w, S("intent"), S("proposal"));
	json_put_member(&o.w, S("title"), json_get_str(plan, S("title")));
	put_reference(&o, "subject", subject);
	json_key(&o.w, S("activity"));
	json_array_begin(&o.w);
	json_object_begin(&o.w);
	put_reference(&o, "reference", S("#actions"));
	json_object_end(&o.w);
	json_array_end(&o.w);
	json_object_end(&o.w);
	return buf_ok(out) || error_memory(err);
}
