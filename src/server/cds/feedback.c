/*
 * What users did with cards (CDS Hooks 2.0, "Feedback"). A card is named by its uuid, at Epic by its topic code. Each
 * entry is kept, counted by topic, and an override by uuid is remembered for its user and patient. What people wrote in
 * their own words is not kept.
 */
#include "server/cds/cds_priv.h"

#include <stdlib.h>

#include "base/random.h"

enum { ENTRIES_MAX = 200, CARD_MAX = 200, CODE_MAX = 200, LISTED_MAX = 50, KEEP_DAYS = 400, FACTS_EACH = 3 };
#define DAY_MS INT64_C(86400000)

struct taking {
	struct visit *v;
	struct store_fact *facts;
	size_t count;
	struct buf body;
};
/* What an entry is about. */
struct entry {
	struct str card, outcome, reason, reason_system;
	struct str topic, about, level, realm, patient, user; /* STR_NULL: not known */
	const struct json *accepted;
	bool comment;
};

static bool wrong(struct visit *v, size_t i, const char *member, enum error_code code, const char *what,
		  struct error *err)
{
	struct str path = arena_printf(v->a, "feedback[%zu].%s", i, member);
	return error_set_at(err, code, path, "%.*s %s", STR_ARG(path), what);
}

static bool read_entry(struct visit *v, const struct json *j, size_t i, struct entry *e, struct error *err)
{
	const struct json *reason = json_get(j, S("overrideReason"));
	*e = (struct entry){.card = json_get_str(j, S("card")), .outcome = json_get_str(j, S("outcome"))};
	if (!e->card.n || e->card.n > CARD_MAX)
		return wrong(v, i, "card", e->card.n ? ERR_VALUE : ERR_REQUIRED, "must be the uuid of a card", err);
	if (!str_is(e->outcome, "accepted") && !str_is(e->outcome, "overridden"))
		return wrong(v, i, "outcome", e->outcome.n ? ERR_VALUE : ERR_REQUIRED, "must be accepted or overridden",
			     err);
	if (!json_get_str(j, S("outcomeTimestamp")).n)
		return wrong(v, i, "outcomeTimestamp", ERR_REQUIRED, "is required", err);
	/* 2.0 has reason as a coding; some send its code alone. */
	const struct json *coding = json_get(reason, S("reason"));
	e->reason = str_slice(json_is(coding, JSON_STRING) ? json_str(coding) : json_get_str(coding, S("code")), 0,
			      CODE_MAX);
	e->reason_system = str_slice(json_get_str(coding, S("system")), 0, CODE_MAX);
	e->comment = json_get_str(reason, S("userComment")).n > 0;
	e->accepted = json_get(j, S("acceptedSuggestions"));
	return true;
}

/* The card's facts, by the beginning of its uuid and the number at its end. */
static bool find_card(struct visit *v, struct entry *e, struct error *err)
{
	struct str value = STR_NULL;
	struct error ignored = {0};
	char *end;
	if (e->card.n != UUID_SIZE) {
		e->topic = e->card; /* as Epic names it */
		return true;
	}
	if (!cards_find(v->cds, v->a, str_slice(e->card, 0, UUID_SIZE - 4), &value, err))
		return false;
	const struct json *j = value.p ? json_parse(v->a, value, 0, &ignored) : NULL;
	char digits[3] = {e->card.p[UUID_SIZE - 2], e->card.p[UUID_SIZE - 1], 0};
	const struct json *card = json_at(json_get(j, S("cards")), strtoul(digits, &end, 16));
	if (!card || *end || !str_eq(json_get_str(j, S("service")), v->service->id) ||
	    (v->caller && !str_eq(json_get_str(j, S("realm")), v->caller->facts->issuer)))
		return true; /* forgotten, or another's */
	e->topic = json_get_str(card, S("topic"));
	e->about = json_get_str(card, S("about"));
	e->level = json_get_str(card, S("level"));
	e->realm = json_get_str(j, S("realm"));
	e->patient = json_get_str(j, S("patient"));
	e->user = json_get_str(j, S("user"));
	return true;
}

static void put_accepted(struct json_writer *w, const struct json *accepted)
{
	struct json_iter it = json_iter(accepted);
	if (!json_size(accepted))
		return;
	json_key(w, S("accepted"));
	json_array_begin(w);
	for (size_t n = 0; n < LISTED_MAX && json_next(&it); n++)
		json_put_str(w, str_slice(json_get_str(it.value, S("id")), 0, CARD_MAX));
	json_array_end(w);
}

static struct str entry_value(struct taking *t, const struct entry *e)
{
	struct json_writer w = json_writer(&t->body);
	buf_reset(&t->body);
	json_object_begin(&w);
	json_key(&w, S("at"));
	json_put_i64(&w, t->v->now_ms);
	json_put_member(&w, S("service"), t->v->service->id);
	json_put_member(&w, S("card"), e->card);
	json_put_member(&w, S("topic"), e->topic);
	json_put_member(&w, S("level"), e->level);
	json_put_member(&w, S("outcome"), e->outcome);
	json_put_member(&w, S("reason"), e->reason.n ? e->reason : STR_NULL);
	json_put_member(&w, S("reasonSystem"), e->reason_system.n ? e->reason_system : STR_NULL);
	json_put_member(&w, S("patient"), e->patient);
	json_put_member(&w, S("user"), e->user);
	put_accepted(&w, e->accepted);
	if (e->comment) {
		json_key(&w, S("comment"));
		json_put_bool(&w, true);
	}
	json_object_end(&w);
	return buf_ok(&t->body) ? arena_str(t->v->a, buf_str(&t->body)) : STR_NULL;
}

static bool add_fact(struct taking *t, struct store_fact fact, struct error *err)
{
	fact.quiet = true;
	if (!fact.key.p || (!fact.value.p && !fact.count))
		return error_memory(err);
	t->facts[t->count++] = fact;
	return true;
}

static bool add_entry(struct taking *t, const struct entry *e, struct error *err)
{
	struct visit *v = t->v;
	char uuid[UUID_SIZE];
	random_uuid(uuid);
	const struct store_fact kept = {
		.shelf = SHELF_FEEDBACK,
		.key = arena_printf(v->a, "%013lld %.*s", (long long)v->now_ms, UUID_SIZE, uuid),
		.value = entry_value(t, e),
		.expires_ms = v->now_ms + KEEP_DAYS * DAY_MS};
	const struct store_fact counted = {.shelf = SHELF_COUNTS,
					   .key = arena_printf(v->a, "%.*s %.*s %.*s", STR_ARG(v->service->id),
							       STR_ARG(e->topic.n ? e->topic : S("-")),
							       STR_ARG(e->outcome)),
					   .count = true};
	if (!add_fact(t, kept, err) || !add_fact(t, counted, err))
		return false;
	if (!str_is(e->outcome, "overridden") || !e->patient.n || !e->user.n || !e->topic.n || !v->cds->o.remember_ms)
		return true;
	const struct store_fact remembered = {
		.shelf = SHELF_OVERRIDE,
		.key = override_key(v->a, e->realm, e->patient, e->user, e->topic, e->about.p ? e->about : S("")),
		.value = arena_printf(v->a, "%.*s %.*s", STR_ARG(e->level), STR_ARG(e->reason)),
		.expires_ms = v->now_ms + v->cds->o.remember_ms};
	return add_fact(t, remembered, err);
}

static bool take_entries(struct taking *t, const struct json *list, struct error *err)
{
	struct json_iter it = json_iter(list);
	for (size_t i = 0; json_next(&it); i++) {
		struct entry e;
		if (!read_entry(t->v, it.value, i, &e, err) || !find_card(t->v, &e, err) || !add_entry(t, &e, err))
			return false;
	}
	return true;
}

static bool take_all(struct taking *t, struct error *err)
{
	struct visit *v = t->v;
	const struct json *j = json_parse(v->a, http_request(v->x)->body, 0, err);
	const struct json *list = json_get(j, S("feedback"));
	if (!j)
		return false;
	if (!json_size(list) || !json_is(list, JSON_ARRAY))
		return error_set_at(err, list ? ERR_VALUE : ERR_REQUIRED, S("feedback"),
				    "feedback must be a list that is not empty");
	if (json_size(list) > ENTRIES_MAX)
		return error_set_at(err, ERR_LIMIT, S("feedback"), "feedback has at most %d entries", ENTRIES_MAX);
	t->facts = ARENA_ARRAY(v->a, struct store_fact, json_size(list) * FACTS_EACH + 1);
	if (!t->facts)
		return error_memory(err);
	return (!v->caller || (caller_jti_fact(v, &t->facts[t->count++], err))) && take_entries(t, list, err);
}

void feedback_take(struct visit *v)
{
	struct taking t = {.v = v};
	struct error err = {0};
	buf_init(&t.body, 64 * 1024);
	bool ok = take_all(&t, &err);
	buf_done(&t.body);
	if (ok)
		answer_feedback(v, t.facts, t.count);
	else
		answer_refuse(v, &err);
}
