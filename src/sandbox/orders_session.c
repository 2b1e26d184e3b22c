/* What is under way at the order entry: sessions, and the drafts in them. */
#include "sandbox/orders_priv.h"

#include <stdlib.h>

#include "base/random.h"
#include "hooks/client.h"

enum { SESSION_MEMORY = 16 << 20, RUN_MEMORY = 96 << 20, DRUG_MEMORY = 64 << 20, DRAFT_MAX = 1 << 20 };
#define RXNORM "http://www.nlm.nih.gov/research/umls/rxnorm"

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

static void free_session(struct order_session *o)
{
	if (!o)
		return;
	arena_done(&o->arena);
	arena_done(&o->run_arena);
	arena_done(&o->told_arena);
	free(o);
}

static struct order_session *new_session(void)
{
	struct order_session *o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	random_uuid(o->key);
	arena_init(&o->arena, SESSION_MEMORY);
	arena_init(&o->run_arena, RUN_MEMORY);
	arena_init(&o->told_arena, SESSION_MEMORY);
	return o;
}

/* With s->lock. */
static struct order_desk *desk_of(struct sandbox *s)
{
	struct error ignored = {0};
	if (s->desk)
		return s->desk;
	struct order_desk *desk = calloc(1, sizeof(*desk));
	if (!desk)
		return NULL;
	arena_init(&desk->arena, DRUG_MEMORY);
	desk->drugs = knowledge_new(&desk->arena, NULL, 0, &ignored);
	s->desk = desk;
	return desk;
}

/* The place of a new session: a free one, or that of the one unused for longest. */
static struct order_session **place_of(struct order_desk *desk)
{
	struct order_session **oldest = NULL;
	for (size_t i = 0; i < ORDER_SESSIONS; i++) {
		struct order_session **at = &desk->sessions[i];
		if (!*at)
			return at;
		if (!(*at)->busy && (!oldest || (*at)->used < (*oldest)->used))
			oldest = at;
	}
	return oldest;
}

static struct order_session *begin_session(struct order_desk *desk, struct error *err)
{
	struct order_session **place = place_of(desk), *o = place ? new_session() : NULL;
	if (!o) {
		error_set(err, place ? ERR_MEMORY : ERR_BUSY, "%s",
			  place ? "Not enough memory." : "Too much is under way.");
		return NULL;
	}
	free_session(*place);
	*place = o;
	return o;
}

static struct order_session *find_session(struct order_desk *desk, struct str key, struct error *err)
{
	for (size_t i = 0; i < ORDER_SESSIONS; i++) {
		struct order_session *o = desk->sessions[i];
		if (!o || !str_eq(key, str_make(o->key, UUID_SIZE)))
			continue;
		if (!o->busy)
			return o;
		error_set(err, ERR_BUSY, "What was sent before is still under way.");
		return NULL;
	}
	error_set(err, ERR_NOT_FOUND, "These orders were left too long ago. Begin again.");
	return NULL;
}

struct order_session *orders_enter(struct sandbox *s, struct str key, struct error *err)
{
	pthread_mutex_lock(&s->lock);
	struct order_desk *desk = desk_of(s);
	struct order_session *o = !desk ? NULL : key.n ? find_session(desk, key, err) : begin_session(desk, err);
	if (o) {
		o->busy = true;
		o->used = ++desk->count;
	}
	pthread_mutex_unlock(&s->lock);
	if (!desk)
		error_memory(err);
	return o;
}

void orders_leave(struct sandbox *s, struct order_session *o)
{
	pthread_mutex_lock(&s->lock);
	o->busy = false;
	pthread_mutex_unlock(&s->lock);
}

void orders_close(struct sandbox *s)
{
	struct order_desk *desk = s->desk;
	if (!desk)
		return;
	for (size_t i = 0; i < ORDER_SESSIONS; i++)
		free_session(desk->sessions[i]);
	knowledge_free(desk->drugs);
	arena_done(&desk->arena);
	free(desk);
}

/* ---- drafts ------------------------------------------------------------------------------------------------------ */

struct str orders_label(const struct json *resource)
{
	static const char *const names[] = {"medicationCodeableConcept", "code"};
	struct str reference = json_get_str(json_get(resource, S("medicationReference")), S("display"));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct json *concept = json_get(resource, str_from(names[i]));
		struct str text = json_get_str(concept, S("text")),
			   display = json_get_str(json_at(json_get(concept, S("coding")), 0), S("display"));
		if (text.n || display.n)
			return text.n ? text : display;
	}
	return reference.n ? reference : S("");
}

static struct order_draft *find_draft(struct order_session *o, struct str type, struct str id)
{
	for (size_t i = 0; i < o->draft_count; i++)
		if (str_eq(o->drafts[i].type, type) && str_eq(o->drafts[i].id, id))
			return &o->drafts[i];
	return NULL;
}

bool orders_put_draft(struct sandbox *s, struct order_session *o, const struct json *resource, struct error *err)
{
	struct str type = json_get_str(resource, S("resourceType")), id = json_get_str(resource, S("id"));
	struct order_draft *place = id.n ? find_draft(o, type, id) : NULL;
	struct buf out;
	if (!place && o->draft_count == HOOKS_ORDERS)
		return error_set(err, ERR_LIMIT, "There are %d orders at most.", HOOKS_ORDERS);
	if (!place)
		id = hooks_draft_id(s, &o->arena);
	buf_init(&out, DRAFT_MAX);
	struct json_writer w = json_writer(&out);
	hook_draft_copy(&w, resource, id);
	struct order_draft draft = {
		.id = arena_str(&o->arena, id),
		.type = arena_str(&o->arena, type),
		.label = arena_str(&o->arena, orders_label(resource)),
		.dosage = arena_str(&o->arena,
				    json_get_str(json_at(json_get(resource, S("dosageInstruction")), 0), S("text"))),
		.text = buf_ok(&out) ? arena_str(&o->arena, buf_str(&out)) : STR_NULL};
	buf_done(&out);
	if (!draft.id.p || !draft.type.p || !draft.label.p || !draft.text.p)
		return error_set(err, ERR_LIMIT, "There is no room for this order; begin again with a new one.");
	if (!place)
		place = &o->drafts[o->draft_count++];
	*place = draft;
	return true;
}

bool orders_drop_draft(struct order_session *o, struct str reference)
{
	struct str id = reference, type = str_split(&id, '/');
	struct order_draft *draft = find_draft(o, type, id);
	if (!draft)
		return false;
	size_t at = (size_t)(draft - o->drafts);
	memmove(draft, draft + 1, (--o->draft_count - at) * sizeof(*draft));
	return true;
}

static bool put_written(struct sandbox *s, struct order_session *o, const struct hook_draft *draft, struct error *err)
{
	struct buf out;
	buf_init(&out, DRAFT_MAX);
	struct json_writer w = json_writer(&out);
	hook_draft_write(&w, draft);
	struct str text = buf_ok(&out) ? arena_str(&o->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	const struct json *j = text.p ? json_parse(&o->arena, text, 0, err) : NULL;
	return j ? orders_put_draft(s, o, j, err) : error_memory(err);
}

bool orders_add_drug(struct sandbox *s, struct order_session *o, struct str name, struct error *err)
{
	const struct knowledge *k = s->desk->drugs;
	struct drug_hit hits[ORDER_HITS];
	size_t count = k ? drug_search(k, &o->arena, name, hits, ORDER_HITS) : 0;
	struct hook_draft draft = {
		.patient = arena_printf(&o->arena, "Patient/%.*s", STR_ARG(o->patient)),
		.encounter =
			o->encounter.n ? arena_printf(&o->arena, "Encounter/%.*s", STR_ARG(o->encounter)) : STR_NULL,
		.text = name,
		.dosage = o->dosage,
		.status = "draft"};
	/* A name with one ingredient has its code; others go in words. */
	if (count && str_eq(hits[0].name, name) && hits[0].code.p) {
		draft.system = S(RXNORM);
		draft.code = hits[0].code;
		draft.display = knowledge_ingredient(k, hits[0].meaning.ingredients[0])->name;
	}
	return put_written(s, o, &draft, err);
}

bool orders_add_again(struct sandbox *s, struct order_session *o, struct arena *a, struct str reference,
		      struct error *err)
{
	struct error ignored = {0};
	struct str text =
		str_starts(reference, S("MedicationRequest/")) ? hooks_fetch(s, a, STR_NULL, reference) : STR_NULL;
	const struct json *order = text.p ? json_parse(a, text, 0, &ignored) : NULL;
	struct buf out;
	if (!order)
		return error_set(err, ERR_NOT_FOUND, "The patient's list has no such order.");
	/* as a new one: it has no id yet */
	buf_init(&out, DRAFT_MAX);
	struct json_writer w = json_writer(&out);
	hook_draft_copy(&w, order, STR_NULL);
	text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	order = text.p ? json_parse(a, text, 0, err) : NULL;
	return order ? orders_put_draft(s, o, order, err) : error_memory(err);
}
