/*
 * What remains of a call: its audit record; which card had which topic, so that feedback can name it; and overrides,
 * which silence a card for the same user and patient for a while. Nothing of it holds more of a patient than the id.
 */
#include "server/cds/cds_priv.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "jose/jose.h"

#define DAY_MS INT64_C(86400000)

enum { VALUE_MAX = 64 * 1024, BASE_SIZE = UUID_SIZE - 4 };

/* ---- overrides -----------------------------------------------------------------------------------------------------
 */

struct str override_key(struct arena *a, struct str issuer, struct str patient, struct str user, struct str topic,
			struct str about)
{
	struct str seed = arena_printf(a, "%.*s\n%.*s\n%.*s\n%.*s\n%.*s", STR_ARG(issuer), STR_ARG(patient),
				       STR_ARG(user), STR_ARG(topic), STR_ARG(about));
	return seed.p ? digest_hex(a, seed) : STR_NULL;
}

struct str override_realm(const struct visit *v)
{
	if (v->caller)
		return v->caller->facts->issuer;
	struct str origin = url_origin(v->request.fhir_server.p ? v->request.fhir_server : S(""));
	return origin.p ? origin : S("");
}

/* What is critical is said every time. */
static bool is_silenced(struct visit *v, const struct hook_card *card, bool *ret_silenced, struct error *err)
{
	struct str value = STR_NULL;
	*ret_silenced = false;
	if (card->indicator == HOOK_CRITICAL || !card->source.topic.code.n || !v->request.patient.n ||
	    !v->request.user.n)
		return true;
	struct str key = override_key(v->a, override_realm(v), v->request.patient, v->request.user,
				      card->source.topic.code, card->about.p ? card->about : S(""));
	if (!key.p)
		return error_memory(err);
	if (!store_fact_get(v->cds->o.store, v->a, SHELF_OVERRIDE, key, &value, err))
		return false;
	/* "warning monitored": what has become worse since is said again. */
	enum hook_indicator then;
	*ret_silenced = value.p && hook_indicator_named(str_split(&value, ' '), &then) && card->indicator <= then;
	return true;
}

static bool silence(struct visit *v, struct error *err)
{
	struct hook_answer *answer = &v->answer;
	size_t kept = 0;
	for (size_t i = 0; i < answer->count; i++) {
		bool silenced;
		if (!is_silenced(v, &answer->cards[i], &silenced, err))
			return false;
		if (!silenced)
			answer->cards[kept++] = answer->cards[i];
	}
	v->silenced = answer->count - kept;
	answer->count = kept;
	return true;
}

/* The highest come first, so what is cut off is the least; that it was is said. */
static bool cut(struct visit *v, struct error *err)
{
	size_t most = v->cds->o.max_cards, more = v->answer.count > most ? v->answer.count - most : 0;
	if (!more)
		return true;
	v->answer.count = most;
	struct hook_card *card = hook_answer_card(&v->answer, v->a, err);
	if (!card)
		return false;
	card->summary = arena_printf(v->a, "%zu further warnings of lower rank are not shown", more);
	card->source.label = v->service->title.n ? v->service->title : v->service->id;
	card->source.topic = (struct hook_coding){S(HOOK_TOPIC_SYSTEM), S("moreWarnings"), STR_NULL};
	return card->summary.p || error_memory(err);
}

bool overrides_apply(struct visit *v, struct error *err)
{
	return (!v->cds->o.remember_ms || silence(v, err)) && cut(v, err);
}

/* ---- uuids ---------------------------------------------------------------------------------------------------------
 */

/* All uuids of an answer begin alike; the last four digits number its suggestions and cards. So what feedback names is
 * found by the beginning. */
static struct str numbered(const struct visit *v, size_t suggestion, size_t card)
{
	return arena_printf(v->a, "%.*s%02zx%02zx", STR_ARG(v->base), suggestion & 0xFF, card & 0xFF);
}

void answer_name(struct visit *v)
{
	char uuid[UUID_SIZE];
	if (!v->answer.count)
		return;
	random_uuid(uuid);
	v->base = arena_str(v->a, str_make(uuid, BASE_SIZE));
	for (size_t i = 0; i < v->answer.count; i++) {
		struct hook_card *card = &v->answer.cards[i];
		if (!card->uuid.n)
			card->uuid = numbered(v, 0, i);
		for (size_t n = 0; n < card->suggestion_count; n++)
			if (!card->suggestions[n].uuid.n)
				card->suggestions[n].uuid = numbered(v, n + 1, i);
	}
}

/* ---- records -------------------------------------------------------------------------------------------------------
 */

static struct str cards_value(const struct visit *v)
{
	struct buf out;
	buf_init(&out, VALUE_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("service"), v->service->id);
	json_put_member(&w, S("realm"), override_realm(v));
	json_put_member(&w, S("patient"), v->request.patient);
	json_put_member(&w, S("user"), v->request.user);
	json_key(&w, S("cards"));
	json_array_begin(&w);
	for (size_t i = 0; i < v->answer.count; i++) {
		const struct hook_card *card = &v->answer.cards[i];
		json_object_begin(&w);
		json_put_member(&w, S("uuid"), str_starts(card->uuid, v->base) ? STR_NULL : card->uuid);
		json_put_member(&w, S("topic"), card->source.topic.code);
		json_put_member(&w, S("about"), card->about);
		json_put_member(&w, S("level"), str_from(hook_indicator_name(card->indicator)));
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	struct str value = buf_ok(&out) ? arena_str(v->a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return value;
}

static struct str patient_of(const struct visit *v)
{
	return v->request.patient.n ? arena_printf(v->a, "Patient/%.*s", STR_ARG(v->request.patient)) : STR_NULL;
}

static struct audit_event event_of(const struct visit *v, int status, struct str detail)
{
	const struct http_request *r = http_request(v->x);
	return (struct audit_event){.action = 'E',
				    .interaction = v->feedback ? S("cds-feedback") : S("cds-call"),
				    .outcome = status < 400 ? 0 : 4,
				    .http_status = status,
				    .agent = caller_name(v),
				    .address = r->address,
				    .request_id = r->request_id,
				    .patient = patient_of(v),
				    .detail = detail};
}

/* The fact about the cards; false: there is none to be kept. */
static bool cards_fact(const struct visit *v, struct store_fact *ret_fact)
{
	struct str value = v->answer.count && v->base.p ? cards_value(v) : STR_NULL;
	*ret_fact = (struct store_fact){.shelf = SHELF_CARDS,
					.key = v->base,
					.value = value,
					.expires_ms = v->now_ms + CDS_CARDS_DAYS * DAY_MS,
					.quiet = true};
	return value.p != NULL;
}

/* ---- without waiting ------------------------------------------------------------------------------------------------
 */

/* A record on its own, which outlives its exchange. Until it is durable it is found here: feedback may be quick. */
struct apart {
	struct cds_server *server;
	struct apart *next, **at; /* of those under way */
	struct store_txn txn;
	struct audit_event event;
	struct store_fact fact;
	struct arena arena;
};

static void apart_free(struct apart *r)
{
	arena_done(&r->arena);
	free(r);
}

static void apart_done(void *ctx, struct store_txn *txn)
{
	struct apart *r = ctx;
	(void)txn;
	pthread_mutex_lock(&r->server->lock);
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	if (!r->server->under_way)
		pthread_cond_broadcast(&r->server->settled);
	pthread_mutex_unlock(&r->server->lock);
	apart_free(r);
}

void records_wait(struct cds_server *c)
{
	pthread_mutex_lock(&c->lock);
	while (c->under_way)
		pthread_cond_wait(&c->settled, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

static void apart_begin(struct apart *r)
{
	struct cds_server *c = r->server;
	pthread_mutex_lock(&c->lock);
	r->next = c->under_way;
	r->at = &c->under_way;
	if (r->next)
		r->next->at = &r->next;
	c->under_way = r;
	pthread_mutex_unlock(&c->lock);
}

bool cards_find(struct cds_server *c, struct arena *a, struct str base, struct str *ret_value, struct error *err)
{
	struct str value = STR_NULL;
	pthread_mutex_lock(&c->lock);
	for (const struct apart *r = c->under_way; r && !value.p; r = r->next)
		if (str_eq(r->fact.key, base))
			value = arena_str(a, r->fact.value);
	pthread_mutex_unlock(&c->lock);
	*ret_value = value;
	return value.p || store_fact_get(c->o.store, a, SHELF_CARDS, base, ret_value, err);
}

static bool copy_texts(struct apart *r)
{
	struct str *const texts[] = {&r->event.interaction, &r->event.agent,  &r->event.address, &r->event.request_id,
				     &r->event.patient,	    &r->event.detail, &r->fact.key,	 &r->fact.value};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (!texts[i]->p)
			continue;
		*texts[i] = arena_str(&r->arena, *texts[i]);
		if (!texts[i]->p)
			return false;
	}
	return true;
}

static bool record_apart(const struct visit *v, const struct audit_event *event, const struct store_fact *fact,
			 struct error *err)
{
	struct apart *r = calloc(1, sizeof(*r));
	if (!r)
		return error_memory(err);
	arena_init(&r->arena, 1 << 20);
	r->event = *event;
	r->fact = *fact;
	r->txn = (struct store_txn){.events = &r->event,
				    .event_count = 1,
				    .facts = &r->fact,
				    .fact_count = 1,
				    .done = apart_done,
				    .ctx = r};
	if (!copy_texts(r)) {
		apart_free(r);
		return error_memory(err);
	}
	r->server = v->cds;
	apart_begin(r);
	store_submit(v->cds->o.store, &r->txn);
	return true;
}

/* ---- answering ------------------------------------------------------------------------------------------------------
 */

static void answered(void *ctx, struct store_txn *txn)
{
	struct visit *v = ctx;
	struct error err = {0};
	if (txn->err.code == ERR_NONE) {
		cds_respond(v->cds, v->x, 200, &v->body);
		return;
	}
	buf_done(&v->body);
	if (txn->fact_failed)
		decision_refuse(v->decision, CHECK_REPLAY, REFUSAL_CDS_REPLAYED, STR_NULL, STR_NULL, STR_NULL, &err);
	else
		err = txn->err;
	answer_refuse(v, &err);
}

static bool record_durably(struct visit *v, const struct store_fact *cards, struct error *err)
{
	size_t count = 0;
	if (!caller_jti_fact(v, &v->facts[count++], err))
		return false;
	if (cards)
		v->facts[count++] = *cards;
	v->txn = (struct store_txn){.events = &v->event,
				    .event_count = 1,
				    .facts = v->facts,
				    .fact_count = count,
				    .done = answered,
				    .ctx = v};
	store_submit(v->cds->o.store, &v->txn);
	return true;
}

/* "service firth-order-sign: 2 cards, 1 silenced by overrides, 5 queries to https://ehr.example, without laboratory" */
static struct str what_was_done(const struct visit *v)
{
	struct str text = arena_printf(v->a, "service %.*s: %zu cards", STR_ARG(v->service->id), v->answer.count);
	if (v->silenced && text.p)
		text = arena_printf(v->a, "%.*s, %zu silenced by overrides", STR_ARG(text), v->silenced);
	if (v->fetched && text.p)
		text = arena_printf(v->a, "%.*s, %zu queries to %.*s", STR_ARG(text), v->fetched,
				    STR_ARG(url_origin(v->request.fhir_server)));
	if (v->without.p && text.p)
		text = arena_printf(v->a, "%.*s, without %.*s", STR_ARG(text), STR_ARG(v->without));
	return text;
}

void answer_record(struct visit *v)
{
	struct error err = {0};
	struct store_fact cards;
	bool kept = cards_fact(v, &cards);
	v->event = event_of(v, 200, what_was_done(v));
	if (v->caller) {
		if (record_durably(v, kept ? &cards : NULL, &err))
			return;
	} else if (kept ? record_apart(v, &v->event, &cards, &err) : store_audit(v->cds->o.store, &v->event, 1, &err)) {
		cds_respond(v->cds, v->x, 200, &v->body);
		return;
	}
	buf_done(&v->body);
	cds_respond_error(v->cds, v->x, &err, STR_NULL);
}

void answer_feedback(struct visit *v, struct store_fact *facts, size_t count)
{
	v->event = event_of(v, 200, arena_printf(v->a, "service %.*s", STR_ARG(v->service->id)));
	v->txn = (struct store_txn){
		.events = &v->event, .event_count = 1, .facts = facts, .fact_count = count, .done = answered, .ctx = v};
	buf_init(&v->body, 16);
	buf_add(&v->body, S("{}"));
	store_submit(v->cds->o.store, &v->txn);
}

/* ---- refusing -------------------------------------------------------------------------------------------------------
 */

struct refusing {
	struct visit *v;
	struct error err;
	struct store_txn txn;
	struct audit_event event;
	struct store_fact fact;
	bool kept;
};

static void refused(void *ctx, struct store_txn *txn)
{
	struct refusing *r = ctx;
	const struct error *err = txn->err.code ? &txn->err : &r->err;
	cds_respond_error(r->v->cds, r->v->x, err, r->kept ? http_request(r->v->x)->request_id : STR_NULL);
}

void answer_refuse(struct visit *v, const struct error *err)
{
	const struct http_request *request = http_request(v->x);
	struct refusing *r = ARENA_NEW(v->a, struct refusing);
	int status = error_http_status(err->code);
	if (!r) {
		cds_respond_error(v->cds, v->x, err, STR_NULL);
		return;
	}
	const struct decision_request about = {.request_id = request->request_id,
					       .method = request->method,
					       .address = request->address,
					       .route = v->feedback ? S("cds-services/:id/feedback")
								    : S("cds-services/:id"),
					       .status = status,
					       .now_ms = v->now_ms};
	*r = (struct refusing){.v = v, .err = *err};
	r->event = event_of(v, status, str_from(r->err.text));
	r->kept = decision_fact(v->cds->o.journal, v->a, v->decision, &about, err, &r->fact);
	r->txn = (struct store_txn){.events = &r->event,
				    .event_count = 1,
				    .facts = &r->fact,
				    .fact_count = r->kept ? 1 : 0,
				    .done = refused,
				    .ctx = r};
	store_submit(v->cds->o.store, &r->txn);
}
