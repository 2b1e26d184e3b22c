/* /sandbox/order-entry: what a person asked for is done, on a thread of its own, and the page is shown again. */
#include "sandbox/orders_priv.h"
#include "sandbox/sheet_priv.h"
#include "sandbox/work_priv.h"

#include <stdlib.h>

#include "base/clock.h"

struct asking {
	struct sandbox *s;
	struct http_exchange *x;
	struct str form; /* STR_NULL: the page is only shown */
};

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

static bool keep(struct order_session *o, struct str *at, struct str text, struct error *err)
{
	*at = text.n ? arena_str(&o->arena, text) : S("");
	return at->p || error_set(err, ERR_LIMIT, "There is no more room; begin again.");
}

/* Another patient has other orders; another service gives other cards. */
static bool open_chart(struct order_session *o, struct arena *a, struct str form, struct error *err)
{
	struct str patient = sheet_value(a, form, "patient"), service = sheet_value(a, form, "service");
	if (!patient.n)
		return error_set(err, ERR_VALUE, "Choose a patient.");
	if (!str_eq(patient, o->patient)) {
		o->draft_count = 0;
		o->told_count = 0;
		arena_reset(&o->arena);
		arena_reset(&o->told_arena);
		o->find = o->dosage = o->said = o->problem = STR_NULL;
	}
	o->ran = false;
	return keep(o, &o->patient, patient, err) && keep(o, &o->service, service, err) &&
	       keep(o, &o->encounter, sheet_value(a, form, "encounter"), err) &&
	       keep(o, &o->client_id, sheet_value(a, form, "client_id"), err) &&
	       keep(o, &o->prefetch, sheet_value(a, form, "prefetch"), err);
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

/* The drafts as a list, in the arena of the call. */
static const struct json *drafts_of(struct order_session *o, struct error *err)
{
	struct buf out;
	buf_init(&out, 32 << 20);
	struct json_writer w = json_writer(&out);
	json_array_begin(&w);
	for (size_t i = 0; i < o->draft_count; i++)
		json_put_raw(&w, o->drafts[i].text);
	json_array_end(&w);
	struct str text = buf_ok(&out) ? arena_str(&o->run_arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	if (!text.p)
		error_memory(err);
	return text.p ? json_parse(&o->run_arena, text, 0, err) : NULL;
}

static const struct json *prefetch_of(struct order_session *o)
{
	struct error ignored = {0};
	struct buf out;
	if (!o->prefetch.n)
		return NULL;
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	hooks_prefetch_lines(&w, o->prefetch);
	struct str text = arena_str(&o->run_arena, buf_str(&out));
	buf_done(&out);
	return text.p ? json_parse(&o->run_arena, text, 0, &ignored) : NULL;
}

static bool call(struct sandbox *s, struct order_session *o, struct arena *a, struct str hook, struct error *err)
{
	bool sign = str_is(hook, "order-sign");
	if (!o->draft_count)
		return error_set(err, ERR_VALUE, "There is no order yet.");
	if (!str_starts(o->service, S("http://")) && !str_starts(o->service, S("https://")))
		return error_set(err, ERR_VALUE, "Say which CDS service is to be called: its URL.");
	o->ran = false;
	arena_reset(&o->run_arena);
	memset(o->cards, 0, sizeof(o->cards));
	struct hook_wish wish = {.hook = sign ? HOOK_ORDER_SIGN : HOOK_ORDER_SELECT,
				 .service = o->service,
				 .patient = o->patient,
				 .encounter = o->encounter.n ? o->encounter : STR_NULL,
				 .client_id = o->client_id.n ? o->client_id : STR_NULL,
				 .prefetch = prefetch_of(o),
				 .ask_discovery = true,
				 .own_ids = true,
				 .orders = drafts_of(o, err)};
	if (!wish.orders || !hooks_run(s, &o->run_arena, &wish, &o->run, err))
		return false;
	o->hook = wish.hook;
	o->ran = true;
	orders_apply_system(s, o, a);
	return true;
}

/* ---- decisions about cards --------------------------------------------------------------------------------------- */

/* Epic tells of a card by its topic, others by its uuid. */
static struct str told_as(const struct sandbox *s, const struct json *card)
{
	struct str topic = json_get_str(json_get(json_get(card, S("source")), S("topic")), S("code"));
	return s->o.vendor == EHR_EPIC && topic.n ? topic : json_get_str(card, S("uuid"));
}

static bool tell(struct sandbox *s, struct order_session *o, const struct hook_outcome *outcome, struct error *err)
{
	struct hook_run *told = ARENA_NEW(&o->told_arena, struct hook_run);
	if (!outcome->card.n || (outcome->accepted_count && !outcome->accepted[0].n)) {
		o->said = arena_printf(&o->arena, "%.*s The service cannot be told: the card has no uuid.",
				       STR_ARG(o->said.p ? o->said : S("")));
		return true;
	}
	if (!told)
		return error_set(err, ERR_LIMIT, "There is no more room; begin again.");
	if (o->told_count == ORDER_TOLD)
		memmove(o->told, o->told + 1, --o->told_count * sizeof(*o->told));
	if (!hooks_tell(s, &o->told_arena, &o->run, outcome, 1, told, err))
		return false;
	o->told[o->told_count++] = told;
	return true;
}

/* "0 1": a card, and a suggestion of it. */
static bool read_places(struct order_session *o, struct str text, uint64_t *ret_card, const struct json **ret_json,
			uint64_t *ret_suggestion, struct error *err)
{
	struct str rest = text, first = str_split(&rest, ' ');
	bool ok = o->ran && str_to_u64(first, ret_card) && *ret_card < ORDER_CARDS;
	*ret_json = ok ? json_at(json_get(o->run.json, S("cards")), (size_t)*ret_card) : NULL;
	if (ok && ret_suggestion)
		ok = rest.p && str_to_u64(rest, ret_suggestion) && *ret_suggestion < ORDER_SUGGESTIONS;
	return (ok && *ret_json) ||
	       error_set(err, ERR_VALUE, "That card is not here any more. Call the service again.");
}

static bool accept(struct sandbox *s, struct order_session *o, struct arena *a, struct str where, struct error *err)
{
	uint64_t n, k;
	const struct json *card;
	if (!read_places(o, where, &n, &card, &k, err))
		return false;
	const struct json *suggestion = json_at(json_get(card, S("suggestions")), (size_t)k);
	struct order_card *state = &o->cards[n];
	if (!suggestion || state->accepted[k] || state->overridden)
		return error_set(err, ERR_VALUE, "That was decided already.");
	if (!orders_takes(s, suggestion))
		return error_set(err, ERR_NOT_SUPPORTED, "This EHR does not take the suggestion.");
	if (!orders_apply(s, o, a, suggestion, err))
		return false;
	struct str uuid = json_get_str(suggestion, S("uuid"));
	state->accepted[k] = true;
	state->said = arena_printf(&o->arena, "Accepted: %.*s", STR_ARG(json_get_str(suggestion, S("label"))));
	return tell(s, o,
		    &(struct hook_outcome){
			    .card = told_as(s, card), .accepted = &uuid, .accepted_count = 1, .at_ms = clock_now_ms()},
		    err);
}

static bool override(struct sandbox *s, struct order_session *o, struct arena *a, struct str where, struct str form,
		     struct error *err)
{
	uint64_t n, reason;
	const struct json *card;
	if (!read_places(o, where, &n, &card, NULL, err))
		return false;
	struct str chosen = sheet_value(a, form, "reason"), comment = sheet_value(a, form, "comment");
	struct hook_outcome outcome = {
		.card = told_as(s, card), .comment = comment.n ? comment : STR_NULL, .at_ms = clock_now_ms()};
	if (o->cards[n].overridden)
		return error_set(err, ERR_VALUE, "That was decided already.");
	if (json_size(json_get(card, S("overrideReasons"))) && !chosen.n)
		return error_set(err, ERR_VALUE, "Choose a reason why the card is overridden.");
	if (chosen.n && str_to_u64(chosen, &reason))
		outcome.reason = json_at(json_get(card, S("overrideReasons")), (size_t)reason);
	struct str words = json_get_str(outcome.reason, S("display"));
	o->cards[n].overridden = true;
	o->cards[n].said = arena_printf(&o->arena, "Overridden%s%.*s%s%.*s", words.n ? ": " : "", STR_ARG(words),
					comment.n ? ": " : "", STR_ARG(comment.n ? comment : S("")));
	return tell(s, o, &outcome, err);
}

/* "0 1": a card, and a link of it. The app gets the patient, the encounter and the card's appContext. */
static bool launch(struct sandbox *s, struct order_session *o, struct arena *a, struct str where, struct error *err)
{
	uint64_t n, k;
	const struct json *card;
	if (!read_places(o, where, &n, &card, &k, err))
		return false;
	const struct json *link = json_at(json_get(card, S("links")), (size_t)k);
	struct str url = json_get_str(link, S("url")), context = json_get_str(link, S("appContext"));
	if (!str_is(json_get_str(link, S("type")), "smart") ||
	    (!str_starts(url, S("https://")) && !str_starts(url, S("http://"))))
		return error_set(err, ERR_VALUE, "That is no link to a SMART app.");
	return launcher_launch(s->launcher, a, url,
			       &(struct smart_launch){.patient = o->patient,
						      .encounter = o->encounter.n ? o->encounter : STR_NULL,
						      .app_context = context.n ? context : STR_NULL},
			       &o->go, err);
}

/* ---- one request ------------------------------------------------------------------------------------------------- */

static bool remove_draft(struct order_session *o, struct str at, struct error *err)
{
	uint64_t n;
	if (!str_to_u64(at, &n) || n >= o->draft_count)
		return error_set(err, ERR_VALUE, "That order is not here any more.");
	memmove(&o->drafts[n], &o->drafts[n + 1], (--o->draft_count - n) * sizeof(*o->drafts));
	return true;
}

static bool act(struct sandbox *s, struct order_session *o, struct arena *a, struct str form, struct error *err)
{
	struct str rest = sheet_value(a, form, "do"), verb = str_split(&rest, ' ');
	struct str what = rest.p ? rest : S("");
	if (str_is(verb, "open"))
		return open_chart(o, a, form, err);
	if (!o->patient.n)
		return error_set(err, ERR_VALUE, "Choose a patient first.");
	if (str_is(verb, "find") || str_is(verb, "add") || str_is(verb, "again")) {
		if (!keep(o, &o->find, sheet_value(a, form, "find"), err) ||
		    !keep(o, &o->dosage, sheet_value(a, form, "dosage"), err))
			return false;
		return str_is(verb, "add")     ? orders_add_drug(s, o, what, err)
		       : str_is(verb, "again") ? orders_add_again(s, o, a, what, err)
					       : true;
	}
	if (str_is(verb, "remove"))
		return remove_draft(o, what, err);
	if (str_is(verb, "check"))
		return call(s, o, a, what, err);
	if (str_is(verb, "accept"))
		return accept(s, o, a, what, err);
	if (str_is(verb, "override"))
		return override(s, o, a, what, form, err);
	if (str_is(verb, "launch"))
		return launch(s, o, a, what, err);
	if (str_is(verb, "sign")) {
		o->ran = false;
		return orders_sign(s, o, a, err);
	}
	return error_set(err, ERR_VALUE, "The form asks for nothing that is known here.");
}

static void work(void *arg)
{
	struct asking *q = arg;
	struct arena *a = http_request(q->x)->arena;
	struct error err = {0};
	struct str key = sheet_value(a, q->form, "session");
	struct order_session *o = orders_enter(q->s, key, &err);
	if (!o) {
		admin_refuse(q->x, err.code == ERR_NOT_FOUND ? 404 : 503, str_from(err.text));
		free(q);
		return;
	}
	o->said = o->problem = o->go = STR_NULL;
	if (q->form.p && !act(q->s, o, a, q->form, &err))
		o->problem = arena_str(&o->arena, str_from(err.text));
	struct str go = o->go;
	if (go.p) {
		orders_leave(q->s, o);
		sheet_respond(q->x, 303, S(""), go, NULL);
		free(q);
		return;
	}
	struct buf page;
	orders_page(q->s, a, o, &page);
	orders_leave(q->s, o); /* before the answer: the next request may come at once */
	sheet_send(q->x, 200, &page);
	free(q);
}

void orders_handle(struct sandbox *s, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	bool post = str_is(r->method, "POST");
	if (!post && !str_is(r->method, "GET")) {
		admin_refuse(x, 405, S("GET shows the page, POST is its forms."));
		return;
	}
	if (post && (!str_starts(http_request_header(x, "Content-Type"), S("application/x-www-form-urlencoded")) ||
		     !sheet_is_ours(x, s->o.base_url))) {
		admin_refuse(x, 403, S("Orders are entered by the forms of this page alone."));
		return;
	}
	struct asking *q = malloc(sizeof(*q));
	if (q)
		*q = (struct asking){s, x, post ? r->body : STR_NULL};
	/* The first page asks the sandbox for nothing, so it needs no thread of its own. */
	if (q && !post) {
		work(q);
		return;
	}
	if (q && work_start(s, work, q))
		return;
	free(q);
	admin_refuse(x, 503, S("Too much is under way."));
}
