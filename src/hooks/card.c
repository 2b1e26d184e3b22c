/* Cards and their JSON (CDS Hooks 2.0, "CDS Service Response"). What has no value is left out, as the specification
 * wants it: an empty list of suggestions is none. */
#include "hooks/card.h"

static const char *const indicators[] = {"info", "warning", "critical"};
static const char *const actions[] = {"create", "update", "delete"};

const char *hook_indicator_name(enum hook_indicator indicator)
{
	return indicators[indicator];
}

bool hook_indicator_named(struct str name, enum hook_indicator *ret)
{
	for (int i = 0; i <= HOOK_CRITICAL; i++) {
		if (str_is(name, indicators[i])) {
			*ret = (enum hook_indicator)i;
			return true;
		}
	}
	return false;
}

const char *hook_action_name(enum hook_action_type type)
{
	return actions[type];
}

bool hook_action_named(struct str name, enum hook_action_type *ret)
{
	for (int i = 0; i <= HOOK_DELETE; i++) {
		if (str_is(name, actions[i])) {
			*ret = (enum hook_action_type)i;
			return true;
		}
	}
	return false;
}

/* ---- growing ----------------------------------------------------------------------------------------------------- */

struct hook_card *hook_answer_card(struct hook_answer *answer, struct arena *a, struct error *err)
{
	if (answer->count >= HOOK_CARDS_MAX) {
		error_set(err, ERR_LIMIT, "An answer has at most %d cards", HOOK_CARDS_MAX);
		return NULL;
	}
	struct hook_card *cards =
		arena_grow(a, answer->cards, answer->count, &answer->capacity, answer->count + 1, sizeof(*cards));
	if (!cards) {
		error_memory(err);
		return NULL;
	}
	answer->cards = cards;
	cards[answer->count] = (struct hook_card){0};
	return &cards[answer->count++];
}

struct hook_action *hook_answer_system_action(struct hook_answer *answer, struct arena *a, struct error *err)
{
	size_t count = answer->system_action_count;
	if (count >= HOOK_CARDS_MAX) {
		error_set(err, ERR_LIMIT, "An answer has at most %d system actions", HOOK_CARDS_MAX);
		return NULL;
	}
	struct hook_action *list =
		arena_grow(a, answer->system_actions, count, &answer->system_action_capacity, count + 1, sizeof(*list));
	if (!list) {
		error_memory(err);
		return NULL;
	}
	answer->system_actions = list;
	list[count] = (struct hook_action){0};
	return &list[answer->system_action_count++];
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void put_coding(struct json_writer *w, const struct hook_coding *c)
{
	json_object_begin(w);
	json_put_member(w, S("system"), c->system);
	json_put_member(w, S("code"), c->code);
	json_put_member(w, S("display"), c->display);
	json_object_end(w);
}

static void put_source(struct json_writer *w, const struct hook_card *card)
{
	json_key(w, S("source"));
	json_object_begin(w);
	json_put_member(w, S("label"), card->source.label.p ? card->source.label : S(""));
	json_put_member(w, S("url"), card->source.url);
	json_put_member(w, S("icon"), card->source.icon);
	if (card->source.topic.code.p) {
		json_key(w, S("topic"));
		put_coding(w, &card->source.topic);
	}
	json_object_end(w);
}

static void put_action(struct json_writer *w, const struct hook_action *action)
{
	json_object_begin(w);
	json_put_member(w, S("type"), str_from(hook_action_name(action->type)));
	json_put_member(w, S("description"), action->description);
	if (action->resource || action->resource_text.p)
		json_key(w, S("resource"));
	if (action->resource)
		json_put_value(w, action->resource);
	else if (action->resource_text.p)
		json_put_raw(w, action->resource_text);
	json_put_member(w, S("resourceId"), action->resource_id);
	json_object_end(w);
}

static void put_actions(struct json_writer *w, struct str key, const struct hook_action *list, size_t count)
{
	if (!count)
		return;
	json_key(w, key);
	json_array_begin(w);
	for (size_t i = 0; i < count; i++)
		put_action(w, &list[i]);
	json_array_end(w);
}

static void put_suggestions(struct json_writer *w, const struct hook_card *card)
{
	if (!card->suggestion_count)
		return;
	json_key(w, S("suggestions"));
	json_array_begin(w);
	for (size_t i = 0; i < card->suggestion_count; i++) {
		const struct hook_suggestion *s = &card->suggestions[i];
		json_object_begin(w);
		json_put_member(w, S("label"), s->label.p ? s->label : S(""));
		json_put_member(w, S("uuid"), s->uuid);
		json_key(w, S("isRecommended"));
		json_put_bool(w, s->recommended);
		put_actions(w, S("actions"), s->actions, s->action_count);
		json_object_end(w);
	}
	json_array_end(w);
	json_put_member(w, S("selectionBehavior"), card->at_most_one ? S("at-most-one") : S("any"));
}

static void put_reasons(struct json_writer *w, const struct hook_card *card)
{
	if (!card->override_reason_count)
		return;
	json_key(w, S("overrideReasons"));
	json_array_begin(w);
	for (size_t i = 0; i < card->override_reason_count; i++)
		put_coding(w, &card->override_reasons[i]);
	json_array_end(w);
}

static void put_links(struct json_writer *w, const struct hook_card *card)
{
	if (!card->link_count)
		return;
	json_key(w, S("links"));
	json_array_begin(w);
	for (size_t i = 0; i < card->link_count; i++) {
		const struct hook_link *l = &card->links[i];
		json_object_begin(w);
		json_put_member(w, S("label"), l->label.p ? l->label : S(""));
		json_put_member(w, S("url"), l->url);
		json_put_member(w, S("type"), l->smart ? S("smart") : S("absolute"));
		if (l->smart)
			json_put_member(w, S("appContext"), l->app_context);
		if (l->autolaunchable) {
			json_key(w, S("autolaunchable"));
			json_put_bool(w, true);
		}
		json_object_end(w);
	}
	json_array_end(w);
}

/* A summary that is too long is cut here, so no answer ever breaks the limit. */
static void put_summary(struct json_writer *w, struct str summary)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	struct str cut = hook_text_cut(&a, summary, HOOK_SUMMARY_MAX);
	json_put_member(w, S("summary"), cut.p ? cut : S(""));
	arena_done(&a);
}

void hook_card_write(const struct hook_card *card, struct json_writer *w)
{
	json_object_begin(w);
	json_put_member(w, S("uuid"), card->uuid);
	put_summary(w, card->summary);
	json_put_member(w, S("detail"), card->detail);
	json_put_member(w, S("indicator"), str_from(hook_indicator_name(card->indicator)));
	put_source(w, card);
	put_suggestions(w, card);
	put_reasons(w, card);
	put_links(w, card);
	json_object_end(w);
}

bool hook_answer_write(const struct hook_answer *answer, struct buf *out, struct error *err)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_key(&w, S("cards"));
	json_array_begin(&w);
	for (size_t i = 0; i < answer->count; i++)
		hook_card_write(&answer->cards[i], &w);
	json_array_end(&w);
	put_actions(&w, S("systemActions"), answer->system_actions, answer->system_action_count);
	json_object_end(&w);
	return buf_ok(out) || error_memory(err);
}
