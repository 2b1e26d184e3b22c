/*
 * Denials of patients: active Consents of scope patient-privacy (R4 consent.html). What a provision says about period,
 * actor and class of data is followed, and one level of exceptions; what else narrows a denial is not understood and
 * leaves it wide, and an exception with anything of it is none. So nothing is ever shown by a misunderstanding.
 *
 * All of them are read when the newest version of a Consent is another than before, which every process sees by itself.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "fhir/resource.h"
#include "server/access/access_priv.h"

enum { MOST_CONSENTS = 10000, PAGE = 500 };

struct provision {
	bool deny;
	bool unclear; /* there is more to it than is understood */
	bool any_actor, any_class;
	int64_t low, high; /* when it holds */
	const struct str *actors; /* "Practitioner/7" */
	size_t actor_count;
	const struct str *classes; /* resource types */
	size_t class_count;
	bool other_actors, other_classes; /* that are not understood */
	const struct provision *exceptions;
	size_t exception_count;
};
struct consent {
	struct str patient; /* id */
	struct provision provision;
};
struct consents {
	atomic_uint users;
	struct arena arena;
	int64_t vid; /* of the newest version of any */
	const struct consent *list;
	size_t count;
	bool timed; /* some hold for a time only */
	bool too_many; /* then everything is denied */
};

/* ---- reading one
 * ----------------------------------------------------------------------------------------------------- */

static struct str local_reference(const struct access *access, struct str text)
{
	struct str base = access->o.base;
	if (base.n && str_starts(text, base) && text.n > base.n && text.p[base.n] == '/')
		return str_slice(text, base.n + 1, text.n);
	return text;
}

static bool read_actors(struct access *access, struct arena *a, const struct json *list, struct provision *p)
{
	struct json_iter it = json_iter(list);
	struct str *actors = ARENA_ARRAY(a, struct str, it.left + 1);
	if (!actors)
		return false;
	p->any_actor = it.left == 0;
	while (json_next(&it)) {
		struct str text =
			local_reference(access, json_get_str(json_get(it.value, S("reference")), S("reference")));
		if (str_starts(text, S("Practitioner/")) || str_starts(text, S("Patient/")) ||
		    str_starts(text, S("RelatedPerson/")) || str_starts(text, S("PractitionerRole/")))
			actors[p->actor_count++] = text;
		else
			p->other_actors = true;
	}
	p->actors = actors;
	return true;
}

static bool read_classes(struct arena *a, const struct json *list, struct provision *p)
{
	struct json_iter it = json_iter(list);
	struct str *classes = ARENA_ARRAY(a, struct str, it.left + 1);
	if (!classes)
		return false;
	p->any_class = it.left == 0;
	while (json_next(&it)) {
		if (str_is(json_get_str(it.value, S("system")), "http://hl7.org/fhir/resource-types"))
			classes[p->class_count++] = json_get_str(it.value, S("code"));
		else
			p->other_classes = true;
	}
	p->classes = classes;
	return true;
}

static bool read_period(const struct json *period, struct provision *p)
{
	struct str start = json_get_str(period, S("start")), end = json_get_str(period, S("end"));
	int64_t ignored;
	p->low = INT64_MIN;
	p->high = INT64_MAX;
	return (!start.n || date_range(start, &p->low, &ignored)) && (!end.n || date_range(end, &ignored, &p->high));
}

static bool is_understood(struct str member)
{
	static const char *const names[] = {"type", "period", "actor", "class", "provision", "id"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_is(member, names[i]))
			return true;
	return false;
}

static bool read_provision(struct access *access, struct arena *a, const struct json *json, int depth,
			   struct provision *ret_provision)
{
	struct provision p = {.deny = str_is(json_get_str(json, S("type")), "deny")};
	struct json_iter it = json_iter(json), inner = json_iter(json_get(json, S("provision")));
	while (json_next(&it))
		p.unclear = p.unclear || !is_understood(it.key);
	bool period = read_period(json_get(json, S("period")), &p);
	p.unclear = p.unclear || !period || (depth && inner.left);
	if (!read_actors(access, a, json_get(json, S("actor")), &p) || !read_classes(a, json_get(json, S("class")), &p))
		return false;
	struct provision *exceptions = ARENA_ARRAY(a, struct provision, depth ? 1 : inner.left + 1);
	if (!exceptions)
		return false;
	while (!depth && json_next(&inner))
		if (!read_provision(access, a, inner.value, 1, &exceptions[p.exception_count++]))
			return false;
	p.exceptions = exceptions;
	*ret_provision = p;
	return true;
}

static bool is_privacy(const struct json *consent)
{
	struct json_iter it = json_iter(json_get(json_get(consent, S("scope")), S("coding")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("code")), "patient-privacy"))
			return true;
	return false;
}

static bool denies(const struct provision *p)
{
	bool any = p->deny;
	for (size_t i = 0; i < p->exception_count; i++)
		any = any || p->exceptions[i].deny;
	return any;
}

static bool is_timed(const struct provision *p)
{
	bool timed = p->low != INT64_MIN || p->high != INT64_MAX;
	for (size_t i = 0; i < p->exception_count; i++)
		timed = timed || is_timed(&p->exceptions[i]);
	return timed;
}

/* ---- reading all
 * ------------------------------------------------------------------------------------------------------ */

static bool add_consent(struct access *access, struct consents *c, struct consent *list, const struct store_entry *e,
			struct error *err)
{
	const struct json *consent = json_parse(&c->arena, e->body, 0, err);
	struct consent one = {0};
	if (!consent)
		return false;
	struct str patient = local_reference(access, json_get_str(json_get(consent, S("patient")), S("reference")));
	if (!is_privacy(consent) || !str_starts(patient, S("Patient/")))
		return true;
	one.patient = str_slice(patient, 8, patient.n);
	if (!read_provision(access, &c->arena, json_get(consent, S("provision")), 0, &one.provision))
		return error_memory(err);
	if (!denies(&one.provision))
		return true;
	c->too_many = c->count == MOST_CONSENTS;
	if (!c->too_many)
		list[c->count++] = one;
	c->timed = c->timed || is_timed(&one.provision);
	return true;
}

static bool read_all(struct access *access, struct consents *c, struct error *err)
{
	struct search_query query;
	struct store_search_options how = {.position = STR_NULL};
	struct consent *list = ARENA_ARRAY(&c->arena, struct consent, MOST_CONSENTS);
	if (!list)
		return error_memory(err);
	c->list = list;
	if (!search_parse(access->o.definitions, &c->arena, access->consent, S("status=active"), NULL, &query, err))
		return false;
	query.count = PAGE;
	query.total = TOTAL_NONE;
	do {
		struct store_page page = {0};
		if (!store_search(access->o.store, &c->arena, &query, &how, &page, err))
			return false;
		for (size_t i = 0; i < page.count && !c->too_many; i++)
			if (!add_consent(access, c, list, &page.entries[i], err))
				return false;
		how.position = page.next;
	} while (how.position.p && !c->too_many);
	return true;
}

static bool newest(struct access *access, int64_t *ret_vid, struct error *err)
{
	struct arena a;
	struct store_page page = {0};
	const struct store_history_query query = {.type = access->consent, .max = 1};
	arena_init(&a, (size_t)80 << 20);
	bool ok = store_history(access->o.store, &a, &query, &page, err);
	*ret_vid = ok && page.count ? page.entries[0].vid : 0;
	arena_done(&a);
	return ok;
}

void consents_leave(struct consents *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->users, 1, memory_order_acq_rel) != 1)
		return;
	arena_done(&c->arena);
	free(c);
}

static struct consents *consents_new(struct access *access, int64_t vid, struct error *err)
{
	struct consents *c = calloc(1, sizeof(*c));
	if (!c) {
		error_memory(err);
		return NULL;
	}
	atomic_init(&c->users, 1);
	arena_init(&c->arena, (size_t)256 << 20);
	c->vid = vid;
	if (read_all(access, c, err))
		return c;
	consents_leave(c);
	return NULL;
}

struct consents *consents_now(struct access *access, struct error *err)
{
	int64_t vid;
	if (!newest(access, &vid, err))
		return NULL;
	pthread_mutex_lock(&access->consents_lock);
	if (!access->consents || access->consents->vid != vid) {
		struct consents *fresh = consents_new(access, vid, err);
		if (fresh) {
			consents_leave(access->consents);
			access->consents = fresh;
		} else {
			pthread_mutex_unlock(&access->consents_lock);
			return NULL;
		}
	}
	struct consents *now = access->consents;
	atomic_fetch_add_explicit(&now->users, 1, memory_order_relaxed);
	pthread_mutex_unlock(&access->consents_lock);
	return now;
}

void consents_stamp(const struct consents *c, int64_t ret_stamp[2])
{
	ret_stamp[0] = c->vid + 1;
	ret_stamp[1] = c->timed ? clock_now_ms() / 60000 : 0;
}

/* ---- what they deny
 * ---------------------------------------------------------------------------------------------------- */

static bool listed(const struct str *list, size_t count, struct str word)
{
	for (size_t i = 0; i < count; i++)
		if (word.p && str_eq(list[i], word))
			return true;
	return false;
}

/* wide: what is not understood counts as met. */
static bool applies(const struct provision *p, const struct grant *g, const struct fhir_type *type, int64_t now_ms,
		    bool wide)
{
	bool time = p->low <= now_ms && now_ms <= p->high;
	bool actor = p->any_actor || listed(p->actors, p->actor_count, g->fhir_user) || (wide && p->other_actors);
	bool class = p->any_class || listed(p->classes, p->class_count, type->name) || (wide && p->other_classes);
	return time && actor && class && (wide || !p->unclear);
}

static bool is_denied(const struct consent *c, const struct grant *g, const struct fhir_type *type, int64_t now_ms)
{
	const struct provision *root = &c->provision;
	bool denied = root->deny && applies(root, g, type, now_ms, true), excepted = false;
	if (!root->deny && root->low <= now_ms && now_ms <= root->high)
		for (size_t i = 0; i < root->exception_count; i++)
			denied = denied ||
				 (root->exceptions[i].deny && applies(&root->exceptions[i], g, type, now_ms, true));
	for (size_t i = 0; root->deny && i < root->exception_count; i++)
		excepted = excepted ||
			   (!root->exceptions[i].deny && applies(&root->exceptions[i], g, type, now_ms, false));
	return denied && !excepted;
}

/* Consents are about others, not about whom they are of. */
static bool is_own(const struct grant *g, struct str patient)
{
	struct str id = g->fhir_user, kind = id.p ? str_split(&id, '/') : STR_NULL;
	return kind.p && str_is(kind, "Patient") && str_eq(id, patient);
}

static bool concerns(const struct access_pass *pass)
{
	for (size_t i = 0; i < pass->grant.scope_count; i++)
		if (policy_list_has(pass->access->o.consent, pass->grant.scopes[i].context))
			return true;
	return false;
}

const struct criterion *consent_denied(struct access_pass *pass, const struct fhir_type *type, unsigned permission)
{
	const struct consents *c = pass->consents;
	bool reading = permission == SCOPE_R || permission == SCOPE_S;
	if (!c || permission == SCOPE_C || (pass->broken && reading) || !concerns(pass))
		return &access_nothing;
	if (c->too_many)
		return &access_all;
	struct str *ids = ARENA_ARRAY(&pass->arena, struct str, c->count + 1);
	size_t count = 0;
	int64_t now_ms = clock_now_ms();
	for (size_t i = 0; ids && i < c->count; i++)
		if (is_denied(&c->list[i], &pass->grant, type, now_ms) && !is_own(&pass->grant, c->list[i].patient) &&
		    !listed(ids, count, c->list[i].patient))
			ids[count++] = c->list[i].patient;
	return !ids ? NULL : count ? compile_patients(pass, type, ids, count) : &access_nothing;
}
