/* From a request and what came with it to findings: sorts resources by type, resolves Medications, runs the engines. */
#include "hooks/orders.h"

#include <stdlib.h>

#include "base/map.h"
#include "jose/jose.h"

enum { RESOURCES_MAX = 50000, TOPIC_MAX = 100, ABOUT_MAX = 4 << 20 };

/* ---- sorting ----------------------------------------------------------------------------------------------------- */

struct list {
	const struct json **items;
	size_t count, capacity;
};
struct sorted {
	struct arena *a;
	struct list selected, drafts, taken, allergies, labs;
	struct map medications; /* "Medication/12", or a URL -> the resource */
	struct str server; /* that ids are of; STR_NULL: not known */
	size_t seen;
	struct error *err;
};

static bool add(struct sorted *s, struct list *l, const struct json *resource)
{
	const struct json **items = arena_grow(s->a, l->items, l->count, &l->capacity, l->count + 1, sizeof(*l->items));
	if (!items)
		return error_memory(s->err);
	l->items = items;
	items[l->count++] = resource;
	return true;
}

/* The last two parts of a reference, without a version: "Medication/12". */
static struct str reference_tail(struct str text)
{
	size_t version = str_find(text, S("/_history/"));
	struct str whole = str_slice(text, 0, version), rest = whole;
	size_t slash = str_rfind_char(rest, '/');
	if (slash == STR_NONE)
		return whole;
	size_t before = str_rfind_char(str_slice(rest, 0, slash), '/');
	return before == STR_NONE ? whole : str_slice(whole, before + 1, whole.n);
}

static bool remember(struct sorted *s, struct str key, const struct json *resource)
{
	uint64_t *slot = key.p ? map_put(&s->medications, key, NULL) : NULL;
	if (!slot)
		return error_memory(s->err);
	*slot = (uint64_t)(uintptr_t)resource;
	return true;
}

/* By its id, and by the URL that an entry gives it, such as urn:uuid:... */
static bool add_medication(struct sorted *s, const struct json *resource, const struct json *entry)
{
	struct str id = json_get_str(resource, S("id")), url = json_get_str(entry, S("fullUrl"));
	return (!id.n || remember(s, arena_printf(s->a, "Medication/%.*s", STR_ARG(id)), resource)) &&
	       (!url.n || remember(s, url, resource));
}

/* MedicationOrder is that of DSTU2, which order-select and order-sign may send (CDS Hooks 1.0). */
static bool is_order(struct str type)
{
	return str_is(type, "MedicationRequest") || str_is(type, "MedicationOrder");
}

static bool sort_record(struct sorted *s, const struct json *resource, const struct json *entry)
{
	struct str type = json_get_str(resource, S("resourceType"));
	if (++s->seen > RESOURCES_MAX)
		return error_set(s->err, ERR_LIMIT, "There are more than %d resources.", RESOURCES_MAX);
	if (is_order(type) || str_is(type, "MedicationStatement") || str_is(type, "MedicationDispense") ||
	    str_is(type, "MedicationAdministration"))
		return add(s, &s->taken, resource);
	if (str_is(type, "AllergyIntolerance"))
		return add(s, &s->allergies, resource);
	if (str_is(type, "Observation"))
		return add(s, &s->labs, resource);
	return !str_is(type, "Medication") || add_medication(s, resource, entry);
}

static bool sort_orders(struct sorted *s, const struct hook_request *r)
{
	struct hook_resources it = hook_resources(r->orders);
	const struct json *resource;
	while (r->orders && (resource = hook_resources_next(&it))) {
		struct str type = json_get_str(resource, S("resourceType"));
		if (str_is(type, "Medication") && !add_medication(s, resource, it.entries.value))
			return false;
		if (is_order(type) && !add(s, hook_is_selected(r, resource) ? &s->selected : &s->drafts, resource))
			return false;
	}
	return true;
}

static bool sort_all(struct sorted *s, const struct hook_request *r, const struct hook_prefetch *p)
{
	const struct json *resource;
	map_init(&s->medications, 2 * RESOURCES_MAX);
	s->server = r->fhir_server;
	if (!sort_orders(s, r))
		return false;
	for (size_t i = 0; i < p->count; i++) {
		struct hook_resources it = hook_resources(p->items[i].value);
		while (p->items[i].value && (resource = hook_resources_next(&it)))
			if (!sort_record(s, resource, it.entries.value))
				return false;
	}
	return true;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static struct str medication_reference(const struct json *record)
{
	return json_get_str(json_get(record, S("medicationReference")), S("reference"));
}

/* "Medication/12" for a reference to this EHR; what is elsewhere may have the same id and be another. */
static struct str own_reference(const struct sorted *s, struct str reference)
{
	bool absolute = str_find(reference, S("://")) != STR_NONE;
	bool own = !absolute || !s->server.p ||
		   (str_starts(reference, s->server) && reference.n > s->server.n && reference.p[s->server.n] == '/');
	struct str tail = own ? reference_tail(reference) : S("");
	return str_starts(tail, S("Medication/")) ? tail : STR_NULL;
}

static const struct json *medication_of(const struct sorted *s, const struct json *record)
{
	struct str reference = medication_reference(record);
	struct str own = own_reference(s, reference);
	uint64_t *slot = reference.n ? map_get(&s->medications, reference) : NULL;
	if (!slot && own.p)
		slot = map_get(&s->medications, own);
	return slot ? (const struct json *)(uintptr_t)*slot : NULL;
}

static bool read_drugs(const struct hook_orders_options *o, const struct sorted *s, const struct list *list,
		       struct hook_orders *ret, struct error *err)
{
	for (size_t i = 0; i < list->count; i++)
		if (!medication_read(o->knowledge, s->a, list->items[i], medication_of(s, list->items[i]), o->now_ms,
				     &ret->drugs[ret->count++], err))
			return false;
	return true;
}

static bool read_all(const struct hook_orders_options *o, const struct sorted *s, const struct hook_request *r,
		     struct hook_orders *ret, struct error *err)
{
	size_t all = s->selected.count + s->drafts.count + s->taken.count;
	if (all > INTERACTION_DRUGS_MAX)
		return error_set(err, ERR_LIMIT, "There are more than %d medications.", INTERACTION_DRUGS_MAX);
	ret->drugs = ARENA_ARRAY(s->a, struct medication, all ? all : 1);
	if (!ret->drugs)
		return error_memory(err);
	ret->ordered = r->orders != NULL;
	/* Without orders, what is taken is looked at itself. */
	ret->drafts = r->orders ? s->selected.count : s->taken.count;
	if (ret->drafts > INTERACTION_DRAFTS_MAX && !r->orders)
		ret->drafts = INTERACTION_DRAFTS_MAX;
	ret->allergy_records = s->allergies.items;
	lab_values_read(s->labs.items, s->labs.count, o->now_ms, &ret->labs);
	struct str patient = r->patient.n ? arena_printf(s->a, "Patient/%.*s", STR_ARG(r->patient)) : S("");
	return read_drugs(o, s, &s->selected, ret, err) && read_drugs(o, s, &s->drafts, ret, err) &&
	       read_drugs(o, s, &s->taken, ret, err) &&
	       allergies_read(o->knowledge, s->a, s->allergies.items, s->allergies.count, patient, &ret->allergies,
			      err);
}

static bool find_all(const struct hook_orders_options *o, struct arena *a, struct hook_orders *h, struct error *err)
{
	struct findings *f = &h->findings;
	for (size_t i = 0; i < h->drafts; i++)
		if (h->drugs[i].state == MEDICATION_TAKEN && h->drugs[i].count &&
		    !allergies_check(o->knowledge, o->policy, a, &h->allergies, &h->drugs[i], i, f, err))
			return false;
	if (!interactions_check(o->knowledge, o->policy, o->role, a, h->drugs, h->count, h->drafts, &h->labs, o->now_ms,
				f, err))
		return false;
	if (h->drafts &&
	    (!allergies_unread(&h->allergies, a, f, err) || !drafts_unread(h->drugs, h->drafts, a, f, err)))
		return false;
	policy_apply(o->policy, o->knowledge, o->role, f);
	return true;
}

bool hook_orders_check(const struct hook_orders_options *o, struct arena *a, const struct hook_request *r,
		       const struct hook_prefetch *p, struct hook_orders *ret, struct error *err)
{
	struct sorted s = {.a = a, .err = err};
	struct hook_orders h = {0};
	bool ok = sort_all(&s, r, p) && read_all(o, &s, r, &h, err) && find_all(o, a, &h, err);
	map_done(&s.medications);
	if (ok)
		*ret = h;
	return ok;
}

/* ---- what is missing --------------------------------------------------------------------------------------------- */

static bool is_wanted(struct sorted *s, const struct json *record, const struct str *found, size_t count)
{
	struct str reference = medication_reference(record), tail = own_reference(s, reference);
	if (!tail.p || medication_of(s, record))
		return false;
	for (size_t i = 0; i < count; i++)
		if (str_eq(found[i], tail))
			return false;
	return true;
}

size_t hook_orders_missing(struct arena *a, const struct hook_request *r, const struct hook_prefetch *p,
			   struct str *ret_references, size_t max, struct error *err)
{
	struct sorted s = {.a = a, .err = err};
	size_t count = 0;
	if (sort_all(&s, r, p)) {
		const struct list *const lists[] = {&s.selected, &s.drafts, &s.taken};
		for (size_t l = 0; l < 3; l++)
			for (size_t i = 0; i < lists[l]->count && count < max; i++)
				if (is_wanted(&s, lists[l]->items[i], ret_references, count))
					ret_references[count++] =
						reference_tail(medication_reference(lists[l]->items[i]));
	}
	map_done(&s.medications);
	return count;
}

/* ---- problems ---------------------------------------------------------------------------------------------------- */

/* Unread records are told once, whatever they are about. */
static bool same_problem(const struct finding *x, const struct finding *y)
{
	if (x->kind != y->kind)
		return false;
	if (x->kind == FINDING_UNCODED_ALLERGY || x->kind == FINDING_UNREAD_DRUG)
		return str_eq(x->rule, y->rule);
	return x->drug == y->drug && str_eq(x->rule, y->rule);
}

/* Some EHRs take letters and digits alone, a hundred of them. */
static struct str topic_code(struct arena *a, struct str topic)
{
	char *text = arena_alloc(a, topic.n + 1);
	size_t n = 0;
	for (size_t i = 0; text && i < topic.n; i++) {
		char c = topic.p[i];
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			text[n++] = c;
	}
	if (!text || n <= TOPIC_MAX)
		return str_make(text, n);
	struct str digest = digest_hex(a, topic);
	return arena_printf(a, "%.*s%.*s", TOPIC_MAX - 20, text, 20, digest.p ? digest.p : "");
}

/* What a finding is about beside the order: the other drug, the class, or the record that nobody could read. */
static struct str other_of(const struct hook_orders_options *o, struct arena *a, const struct hook_orders *orders,
			   const struct finding *f)
{
	if (f->kind == FINDING_UNCODED_ALLERGY) {
		const struct allergy *g = &orders->allergies.items[f->other];
		return g->id.n ? g->id : g->label;
	}
	if (f->kind == FINDING_UNREAD_DRUG)
		return orders->drugs[f->drug].label;
	return f->other_ingredient == FINDING_NO_INGREDIENT
		       ? f->other_class
		       : arena_printf(a, "%u", knowledge_ingredient(o->knowledge, f->other_ingredient)->rxcui);
}

static int by_text(const void *x, const void *y)
{
	return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/* The same for the same drugs and records in whatever order they come, and another once one more is among them, so that
 * an override never hides what its user has not seen. */
static struct str about(const struct hook_orders_options *o, struct arena *a, const struct hook_orders *orders,
			const struct hook_problem *p)
{
	struct buf text;
	unsigned own = p->finding->ingredient;
	struct str *others = ARENA_ARRAY(a, struct str, p->count);
	if (!others)
		return STR_NULL;
	for (size_t i = 0; i < p->count; i++)
		others[i] = other_of(o, a, orders, p->all[i]);
	qsort(others, p->count, sizeof(*others), by_text);
	buf_init(&text, ABOUT_MAX);
	buf_u64(&text, own == FINDING_NO_INGREDIENT ? 0 : knowledge_ingredient(o->knowledge, own)->rxcui);
	for (size_t i = 0; i < p->count; i++) {
		if (i && str_eq(others[i], others[i - 1]))
			continue;
		buf_char(&text, '\n');
		buf_add(&text, others[i]);
	}
	/* Labels are a patient's, so what is kept is a digest. */
	struct str digest = buf_ok(&text) ? digest_hex(a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return str_slice(digest, 0, 32);
}

static bool add_problem(const struct hook_orders_options *o, struct arena *a, const struct hook_orders *orders,
			size_t first, bool *told, struct hook_problem *ret, struct error *err)
{
	const struct findings *f = &orders->findings;
	const struct finding **all = ARENA_ARRAY(a, const struct finding *, f->count - first);
	*ret = (struct hook_problem){.finding = &f->items[first], .all = all};
	for (size_t i = first; all && i < f->count; i++) {
		if (told[i] || !same_problem(ret->finding, &f->items[i]))
			continue;
		told[i] = true;
		all[ret->count++] = &f->items[i];
	}
	ret->topic = topic_code(a, ret->finding->topic);
	ret->about = all ? about(o, a, orders, ret) : STR_NULL;
	return (all && ret->topic.p && ret->about.p) || error_memory(err);
}

bool hook_orders_problems(const struct hook_orders_options *o, struct arena *a, const struct hook_orders *orders,
			  struct hook_problems *ret, struct error *err)
{
	const struct findings *f = &orders->findings;
	struct hook_problems p = {0};
	bool *told = ARENA_ARRAY(a, bool, f->count + 1);
	p.items = ARENA_ARRAY(a, struct hook_problem, f->count + 1);
	if (!told || !p.items)
		return error_memory(err);
	for (size_t i = 0; i < f->count && p.count < HOOK_CARDS_MAX; i++) {
		if (told[i])
			continue;
		if (!add_problem(o, a, orders, i, told, &p.items[p.count], err))
			return false;
		p.count++;
	}
	*ret = p;
	return true;
}
