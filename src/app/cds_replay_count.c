/* What `firth cds replay` counts, by rule. Each worker has a tally; in the end they are merged. */
#include <math.h>

#include "app/cds_replay_priv.h"

enum { CARDS_MAX = 1000000, TOPICS_MAX = 200000, OUTCOMES_MAX = 1000000 };
#define TALLY_MEMORY ((size_t)512 << 20)

void replay_tally_init(struct replay_tally *t)
{
	*t = (struct replay_tally){0};
	arena_init(&t->arena, TALLY_MEMORY);
	map_init(&t->names, REPLAY_RULES_MAX);
	map_init(&t->topics, TOPICS_MAX);
	map_init(&t->cards, CARDS_MAX);
}

void replay_tally_done(struct replay_tally *t)
{
	map_done(&t->names);
	map_done(&t->topics);
	map_done(&t->cards);
	arena_done(&t->arena);
}

struct replay_rule *replay_rule_of(struct replay_tally *t, struct str name)
{
	uint64_t *at = map_get(&t->names, name);
	if (at)
		return &t->rules[*at];
	struct replay_rule *rules =
		arena_grow(&t->arena, t->rules, t->count, &t->capacity, t->count + 1, sizeof(*rules));
	struct str copy = arena_str(&t->arena, name);
	uint64_t *place = rules && copy.p ? map_put(&t->names, copy, NULL) : NULL;
	if (rules)
		t->rules = rules;
	if (!place) {
		t->full = true;
		return NULL;
	}
	*place = t->count;
	rules[t->count] = (struct replay_rule){.name = copy};
	return &rules[t->count++];
}

/* That a topic or card is of a rule. */
static void remember(struct replay_tally *t, struct map *m, struct str key, const struct replay_rule *rule)
{
	if (!key.n || map_get(m, key))
		return;
	struct str copy = arena_str(&t->arena, key);
	uint64_t *at = copy.p ? map_put(m, copy, NULL) : NULL;
	if (at)
		*at = (uint64_t)(rule - t->rules);
	else
		t->full = true;
}

/* ---- cards ------------------------------------------------------------------------------------------------------- */

void replay_count_problems(struct replay_tally *t, const struct hook_problems *problems, bool changed)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct hook_problem *p = &problems->items[i];
		struct replay_rule *rule = replay_rule_of(t, p->finding->rule);
		if (!rule)
			continue;
		(changed ? rule->changed : rule->now)[p->finding->level]++;
		remember(t, &t->topics, p->topic, rule);
	}
}

static enum level level_of(const struct json *card)
{
	struct str indicator = json_get_str(card, S("indicator"));
	return str_is(indicator, "critical")  ? LEVEL_CRITICAL
	       : str_is(indicator, "warning") ? LEVEL_WARNING
					      : LEVEL_INFO;
}

/* Of our own topics, "allergy/AX003/...": the rule, as the engines name it. */
static struct str rule_of_topic(const struct knowledge *k, struct str topic)
{
	struct str rest = topic, kind = str_split(&rest, '/'), name = str_split(&rest, '/');
	if (str_is(kind, "duplicate"))
		return knowledge_class_named(k, name) >= 0 ? S("DUP-CLASS") : S("DUP-INGREDIENT");
	if (str_is(name, "uncoded"))
		return S("UNCODED-ALLERGY");
	if (str_is(name, "unread"))
		return S("UNREAD-DRUG");
	return str_is(name, "partly-read") ? S("PARTLY-READ-DRUG") : name;
}

/* Others have their topic's code, or who says it. */
static struct str rule_name(const struct knowledge *k, const struct json *card)
{
	const struct json *source = json_get(card, S("source")), *topic = json_get(source, S("topic"));
	struct str code = json_get_str(topic, S("code")), label = json_get_str(source, S("label")), rule = STR_NULL;
	if (str_is(json_get_str(topic, S("system")), HOOK_TOPIC_SYSTEM))
		rule = rule_of_topic(k, json_get_str(topic, S("display")));
	if (rule.n)
		return rule;
	return code.n ? code : label.n ? label : S("without a topic");
}

void replay_count_answer(struct replay_tally *t, const struct knowledge *k, const struct json *answer, bool recorded)
{
	enum { NAME_MAX_BYTES = 100 };
	struct json_iter it = json_iter(json_get(answer, S("cards")));
	while (json_next(&it)) {
		struct replay_rule *rule = replay_rule_of(t, str_slice(rule_name(k, it.value), 0, NAME_MAX_BYTES));
		if (!rule)
			continue;
		(recorded ? rule->recorded : rule->now)[level_of(it.value)]++;
		remember(t, &t->cards, json_get_str(it.value, S("uuid")), rule);
		remember(t, &t->topics, json_get_str(json_get(json_get(it.value, S("source")), S("topic")), S("code")),
			 rule);
	}
}

/* ---- outcomes ---------------------------------------------------------------------------------------------------- */

/* Feedback names a card by its uuid; some EHRs by its topic. */
static struct replay_rule *rule_of_card(struct replay_tally *t, struct str card)
{
	uint64_t *at = map_get(&t->cards, card);
	if (!at)
		at = map_get(&t->topics, card);
	return at ? &t->rules[*at] : NULL;
}

static void count_outcome(struct replay_rule *rule, bool accepted)
{
	if (accepted)
		rule->accepted++;
	else
		rule->overridden++;
}

static void keep_outcome(struct replay_tally *t, struct str card, bool accepted)
{
	struct replay_outcome *list = t->outcome_count < OUTCOMES_MAX
					      ? arena_grow(&t->arena, t->outcomes, t->outcome_count,
							   &t->outcome_capacity, t->outcome_count + 1, sizeof(*list))
					      : NULL;
	struct str copy = list ? arena_str(&t->arena, card) : STR_NULL;
	if (list)
		t->outcomes = list;
	if (copy.p)
		list[t->outcome_count++] = (struct replay_outcome){copy, accepted};
	else
		t->full = true;
}

void replay_count_feedback(struct replay_tally *t, const struct json *feedback)
{
	struct json_iter it = json_iter(feedback);
	while (json_next(&it)) {
		struct str card = json_get_str(it.value, S("card")), outcome = json_get_str(it.value, S("outcome"));
		bool accepted = str_is(outcome, "accepted");
		uint64_t *at = map_get(&t->cards, card);
		if (!card.n || !(accepted || str_is(outcome, "overridden")))
			t->unread++;
		else if (at)
			count_outcome(&t->rules[*at], accepted);
		else
			keep_outcome(t, card, accepted);
	}
}

void replay_settle_outcomes(struct replay_tally *t)
{
	for (size_t i = 0; i < t->outcome_count; i++) {
		struct replay_rule *rule = rule_of_card(t, t->outcomes[i].card);
		if (rule)
			count_outcome(rule, t->outcomes[i].accepted);
		else
			t->unknown_outcomes++;
	}
	t->outcome_count = 0;
}

/* ---- times ------------------------------------------------------------------------------------------------------- */

#define TIME_STEP 1.25

void replay_count_time(struct replay_tally *t, int64_t ms)
{
	double place = ms < 1 ? 0 : ceil(log((double)ms) / log(TIME_STEP)) + 1;
	t->times[place < REPLAY_TIMES ? (size_t)place : REPLAY_TIMES - 1]++;
}

double replay_time_at(const struct replay_tally *t, double part)
{
	uint64_t all = 0, so_far = 0;
	for (size_t i = 0; i < REPLAY_TIMES; i++)
		all += t->times[i];
	for (size_t i = 0; i < REPLAY_TIMES; i++) {
		so_far += t->times[i];
		if (all && (double)so_far >= part * (double)all)
			return i ? pow(TIME_STEP, (double)i - 1) : 1;
	}
	return 0;
}

/* ---- together ---------------------------------------------------------------------------------------------------- */

static void merge_map(struct replay_tally *into, struct map *m, const struct replay_tally *from,
		      const struct map *theirs)
{
	for (size_t i = 0; i < theirs->capacity; i++) {
		if (!theirs->slots[i].key.p)
			continue;
		struct replay_rule *rule = replay_rule_of(into, from->rules[theirs->slots[i].value].name);
		if (rule)
			remember(into, m, theirs->slots[i].key, rule);
	}
}

void replay_merge(struct replay_tally *into, const struct replay_tally *from)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct replay_rule *r = &from->rules[i];
		struct replay_rule *rule = replay_rule_of(into, r->name);
		for (size_t k = 0; rule && k < REPLAY_LEVELS; k++) {
			rule->now[k] += r->now[k];
			rule->changed[k] += r->changed[k];
			rule->recorded[k] += r->recorded[k];
		}
		if (rule) {
			rule->accepted += r->accepted;
			rule->overridden += r->overridden;
		}
	}
	merge_map(into, &into->topics, from, &from->topics);
	merge_map(into, &into->cards, from, &from->cards);
	for (size_t i = 0; i < from->outcome_count; i++)
		keep_outcome(into, from->outcomes[i].card, from->outcomes[i].accepted);
	for (size_t i = 0; i < REPLAY_TIMES; i++)
		into->times[i] += from->times[i];
	into->requests += from->requests;
	into->orders += from->orders;
	into->quiet_now += from->quiet_now;
	into->quiet_changed += from->quiet_changed;
	into->recorded += from->recorded;
	into->unread += from->unread;
	into->wrong += from->wrong;
	into->refused += from->refused;
	into->full = into->full || from->full;
}
