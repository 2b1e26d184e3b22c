/* firth cds feedback URL, and the feedback that `firth cds call` sends on the cards it got. */
#include <stdio.h>

#include "app/cds_outcome.h"
#include "base/clock.h"

enum { SHOWN = 80, FEEDBACK_MAX = 1 << 20 };

/* ---- by numbers -------------------------------------------------------------------------------------------------- */

static const struct json *nth(const struct json *list, struct str number)
{
	uint64_t n;
	return str_to_u64(number, &n) && n > 0 ? json_at(list, (size_t)n - 1) : NULL;
}

static bool card_of(const struct json *answer, struct str number, const struct json **ret_card, struct error *err)
{
	const struct json *card = nth(json_get(answer, S("cards")), number);
	if (!card)
		return error_set(err, ERR_USAGE, "the answer has no card %.*s", STR_ARG(str_slice(number, 0, SHOWN)));
	if (!json_get_str(card, S("uuid")).n)
		return error_set(err, ERR_USAGE, "card %.*s has no uuid, so feedback cannot name it", STR_ARG(number));
	*ret_card = card;
	return true;
}

/* The outcome of a card, begun when it is the first of it. */
static struct hook_outcome *outcome_of(struct hook_outcome *list, size_t *count, const struct json *card)
{
	struct str uuid = json_get_str(card, S("uuid"));
	for (size_t i = 0; i < *count; i++)
		if (str_eq(list[i].card, uuid))
			return &list[i];
	list[*count] = (struct hook_outcome){.card = uuid, .comment = STR_NULL, .at_ms = clock_now_ms()};
	return &list[(*count)++];
}

static bool accept_one(struct arena *a, struct str which, const struct json *answer, struct hook_outcome *list,
		       size_t *count, struct error *err)
{
	struct str number = which, card_number = str_split(&number, '.');
	const struct json *card, *suggestion;
	size_t capacity;
	if (!card_of(answer, card_number, &card, err))
		return false;
	suggestion = nth(json_get(card, S("suggestions")), number.p ? number : S("1"));
	struct str uuid = json_get_str(suggestion, S("uuid"));
	if (!suggestion || !uuid.n)
		return error_set(err, ERR_USAGE, "card %.*s has no suggestion %.*s%s", STR_ARG(card_number),
				 STR_ARG(number.p ? number : S("1")), suggestion ? " with a uuid" : "");
	struct hook_outcome *o = outcome_of(list, count, card);
	capacity = o->accepted_count;
	struct str *ids =
		arena_grow(a, (void *)o->accepted, o->accepted_count, &capacity, o->accepted_count + 1, sizeof(*ids));
	if (!ids)
		return error_memory(err);
	ids[o->accepted_count++] = uuid;
	o->accepted = ids;
	return true;
}

/* The reason by its code among those that the card offers, or as it is when the card offers none. */
static bool reason_of(struct arena *a, const struct json *card, struct str code, const struct json **ret_reason,
		      struct error *err)
{
	const struct json *offered = json_get(card, S("overrideReasons"));
	struct json_iter it = json_iter(offered);
	while (json_next(&it)) {
		if (str_eq(json_get_str(it.value, S("code")), code)) {
			*ret_reason = it.value;
			return true;
		}
	}
	if (json_size(offered))
		return error_set(err, ERR_USAGE, "the card offers no reason %.*s", STR_ARG(str_slice(code, 0, SHOWN)));
	struct buf text;
	buf_init(&text, 1 << 12);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	json_put_member(&w, S("code"), code);
	json_object_end(&w);
	struct str copy = arena_str(a, buf_str(&text));
	buf_done(&text);
	*ret_reason = copy.p ? json_parse(a, copy, 0, err) : NULL;
	return *ret_reason || error_memory(err);
}

static bool override_one(struct arena *a, struct str which, struct str comment, const struct json *answer,
			 struct hook_outcome *list, size_t *count, struct error *err)
{
	struct str code = which, number = str_split(&code, '=');
	const struct json *card;
	if (!card_of(answer, number, &card, err))
		return false;
	struct hook_outcome *o = outcome_of(list, count, card);
	if (o->accepted_count)
		return error_set(err, ERR_USAGE, "card %.*s cannot be accepted and overridden", STR_ARG(number));
	o->comment = comment.n ? comment : STR_NULL;
	return !code.n || reason_of(a, card, code, &o->reason, err);
}

bool cds_outcomes_read(struct arena *a, const struct cds_outcome_options *o, const struct json *answer,
		       struct hook_outcome **ret_outcomes, size_t *ret_count, struct error *err)
{
	struct hook_outcome *list = ARENA_ARRAY(a, struct hook_outcome, o->accept.count + o->override.count + 1);
	size_t count = 0;
	if (!list)
		return error_memory(err);
	for (size_t i = 0; i < o->accept.count; i++)
		if (!accept_one(a, o->accept.items[i], answer, list, &count, err))
			return false;
	for (size_t i = 0; i < o->override.count; i++)
		if (!override_one(a, o->override.items[i], o->comment, answer, list, &count, err))
			return false;
	*ret_outcomes = list;
	*ret_count = count;
	return true;
}

bool cds_outcomes_send(struct cds_caller *c, struct arena *a, struct str service, const struct hook_outcome *outcomes,
		       size_t count, struct cds_exchange *ret_exchange, struct error *err)
{
	struct buf body;
	buf_init(&body, FEEDBACK_MAX);
	hook_feedback_write(&body, outcomes, count);
	struct str text = buf_ok(&body) ? arena_str(a, buf_str(&body)) : STR_NULL;
	buf_done(&body);
	if (!text.p)
		return error_memory(err);
	if (!cds_exchange(c, a, S("POST"), cds_service_url(a, c, service, true), text, ret_exchange, err))
		return false;
	judge_feedback(ret_exchange->judged, json_parse(a, text, 0, NULL));
	judge_feedback_reply(ret_exchange->judged, &ret_exchange->reply);
	return true;
}

/* ---- by uuids ---------------------------------------------------------------------------------------------------- */

struct feedback {
	struct str service, card, system, code, comment;
	struct option_list accept;
	bool override;
};

static bool make_outcome(struct app *app, const struct feedback *f, struct hook_outcome *ret, struct error *err)
{
	*ret = (struct hook_outcome){.card = f->card,
				     .accepted = f->accept.items,
				     .accepted_count = f->accept.count,
				     .comment = f->comment.n ? f->comment : STR_NULL,
				     .at_ms = clock_now_ms()};
	if (!f->card.n)
		return error_set(err, ERR_USAGE, "--card is the uuid of the card");
	if ((f->accept.count > 0) == (f->override || f->code.n))
		return error_set(err, ERR_USAGE, "say one of --accept UUID and --override or --reason");
	if (!f->code.n)
		return true;
	struct buf text;
	buf_init(&text, 1 << 14);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	json_put_member(&w, S("code"), f->code);
	json_put_member(&w, S("system"), f->system.n ? f->system : STR_NULL);
	json_object_end(&w);
	struct str copy = arena_str(&app->arena, buf_str(&text));
	buf_done(&text);
	ret->reason = copy.p ? json_parse(&app->arena, copy, 0, err) : NULL;
	return ret->reason || error_memory(err);
}

static int report(const struct app *app, const struct cds_exchange *x)
{
	struct buf out;
	if (!app->json) {
		cds_print_reply(app, x);
		cds_print_findings(app, x->judged);
		return judge_errors(x->judged) ? APP_FAILED : APP_OK;
	}
	buf_init(&out, 64 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	cds_write_exchange(&w, x, true);
	judge_write_findings(&w, x->judged);
	json_object_end(&w);
	printf("%.*s\n", STR_ARG(buf_str(&out)));
	buf_done(&out);
	return judge_errors(x->judged) ? APP_FAILED : APP_OK;
}

int command_cds_feedback(struct app *app)
{
	struct feedback f = {0};
	struct cds_caller_options o = {0};
	struct cds_caller c;
	struct cds_exchange x;
	struct hook_outcome outcome;
	struct error err = {0};
	const struct option options[] = {
		{"service", OPTION_TEXT, "ID", "the service that the card came from", &f.service, NULL},
		{"card", OPTION_TEXT, "UUID", "the card", &f.card, NULL},
		{"accept", OPTION_LIST, "UUID", "a suggestion of it was accepted", &f.accept, NULL},
		{"override", OPTION_FLAG, NULL, "the card was overridden", &f.override, NULL},
		{"reason", OPTION_TEXT, "CODE", "why: one of the card's override reasons", &f.code, NULL},
		{"reason-system", OPTION_TEXT, "URL", "the code's system", &f.system, NULL},
		{"comment", OPTION_TEXT, "TEXT", "why, in the user's words", &f.comment, NULL},
		CDS_OPTIONS(o),
	};
	const struct command_line line = {
		OPTIONS(options),
		.arguments = "URL",
		.min_args = 1,
		.max_args = 1,
		.details =
			"Tells a service what became of a card. URL is that of the server or of the service.\n"
			"firth cds call --accept and --override send it together with the call.\n\n"
			"  firth cds feedback http://127.0.0.1:8080/cds-services/allergies --card UUID --reason CODE",
	};
	if (!app_options(app, &line))
		return app->status;
	if (!make_outcome(app, &f, &outcome, &err))
		return app_fail(app, &err);
	bool ok = cds_connect(&c, app, &o, app->args[0], &err);
	struct str service = f.service.n ? f.service : c.at.service;
	if (ok && !service.n)
		ok = error_set(&err, ERR_USAGE, "--service is the id of the service, or the URL names it");
	ok = ok && cds_outcomes_send(&c, &app->arena, service, &outcome, 1, &x, &err);
	cds_disconnect(&c);
	return ok ? report(app, &x) : app_fail(app, &err);
}
