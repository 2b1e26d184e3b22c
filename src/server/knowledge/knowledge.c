/*
 * States of knowledge: made when first needed, shared while they are current, freed by the last who leaves. Whether a
 * state is current is asked of the store, so that it does not matter who wrote: a request, an import, or another
 * process on the same database.
 */
#include "server/knowledge/knowledge.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"

enum { MAX_STORED = 20000, PAGE = 500, FRESH_MS = 1000 };
#define MAX_BYTES ((size_t)1 << 30)

/* The stored types that are knowledge. */
static const char *const stored_types[] = {"StructureDefinition", "CodeSystem", "ValueSet", "ConceptMap"};
enum { STORED_TYPES = sizeof(stored_types) / sizeof(stored_types[0]) };

/* What the store held: the newest version of each type, deletions included; 0: there never was one. */
struct stamp {
	int64_t newest[STORED_TYPES];
};

struct state {
	struct knowledge_state shown; /* first: a state seen from outside is one of these */
	struct stamp stamp;
	unsigned users;
	bool current;
	int64_t snapshot; /* of the store, when it was last found current */
	uint64_t checked_ns;
};

struct knowledge {
	struct knowledge_options o;
	pthread_mutex_t lock;
	struct canonicals *own; /* the base when none was given */
	struct state *state;
};

struct knowledge *knowledge_open(const struct knowledge_options *options, struct error *err)
{
	struct knowledge *k = calloc(1, sizeof(*k));
	if (!k) {
		error_memory(err);
		return NULL;
	}
	k->o = *options;
	pthread_mutex_init(&k->lock, NULL);
	return k;
}

void knowledge_discard(struct knowledge_state *s)
{
	if (!s)
		return;
	validator_free(s->validator);
	terminology_free(s->terminology);
	canonicals_free(s->canonicals);
	free(s);
}

void knowledge_close(struct knowledge *k)
{
	if (!k)
		return;
	if (k->state)
		knowledge_discard(&k->state->shown);
	canonicals_free(k->own);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

/* ---- the store --------------------------------------------------------------------------------------------------- */

static bool ask(struct knowledge *k, struct arena *a, const char *type_name, struct str query, struct str position,
		struct store_page *ret_page, struct error *err)
{
	const struct fhir_type *type = definitions_resource(k->o.definitions, str_from(type_name));
	struct search_query parsed = {0};
	return search_parse(k->o.definitions, a, type, query, &(struct search_options){0}, &parsed, err) &&
	       store_search(k->o.store, a, &parsed, &(struct store_search_options){.position = position}, ret_page,
			    err);
}

/* Where the store is now: as long as nothing at all was written, nothing need be looked at. */
static bool take_snapshot(struct knowledge *k, int64_t *ret_snapshot, struct error *err)
{
	struct arena a;
	struct store_page page = {0};
	*ret_snapshot = 0;
	if (!k->o.store)
		return true;
	arena_init(&a, 1 << 20);
	bool ok = ask(k, &a, stored_types[0], S("_id=-&_count=1&_total=none"), STR_NULL, &page, err);
	*ret_snapshot = page.snapshot;
	arena_done(&a);
	return ok;
}

static bool take_stamp(struct knowledge *k, struct stamp *ret_stamp, struct error *err)
{
	struct arena a;
	bool ok = true;
	*ret_stamp = (struct stamp){0};
	arena_init(&a, MAX_BYTES);
	for (size_t i = 0; ok && k->o.store && i < STORED_TYPES; i++) {
		struct store_page page = {0};
		const struct store_history_query newest = {
			.type = definitions_resource(k->o.definitions, str_from(stored_types[i])), .max = 1};
		ok = store_history(k->o.store, &a, &newest, &page, err);
		ret_stamp->newest[i] = page.count ? page.entries[0].vid : 0;
	}
	arena_done(&a);
	return ok;
}

static bool take_page(struct canonicals *c, const struct store_page *page, struct error *err)
{
	for (size_t i = 0; i < page->count; i++) {
		const struct json *resource = json_parse(canonicals_arena(c), page->entries[i].body, 0, err);
		if (!resource || !canonicals_add(c, NULL, resource, err))
			return false;
	}
	return true;
}

static bool take_type(struct knowledge *k, struct canonicals *c, const char *type, struct error *err)
{
	struct arena a;
	struct str position = STR_NULL;
	size_t count = 0;
	bool ok = true, more = true;
	char kept[1024];
	arena_init(&a, MAX_BYTES);
	while (ok && more) {
		struct store_page page = {0};
		ok = ask(k, &a, type, S("_count=500"), position, &page, err) && take_page(c, &page, err);
		count += page.count;
		more = page.next.p != NULL && page.next.n <= sizeof(kept);
		if (ok && count > MAX_STORED)
			ok = error_set(err, ERR_TOO_COSTLY, "The store holds more than %d resources of type %s",
				       MAX_STORED, type);
		if (more) {
			memcpy(kept, page.next.p, page.next.n);
			position = str_make(kept, page.next.n);
		}
		arena_reset(&a);
	}
	arena_done(&a);
	return ok;
}

/* ---- making states ------------------------------------------------------------------------------------------------
 */

static bool complete(struct knowledge *k, struct knowledge_state *s, struct error *err)
{
	s->terminology = terminology_new(s->canonicals, err);
	if (!s->terminology || (k->o.equip && !k->o.equip(k->o.ctx, s->terminology, err)))
		return false;
	s->validator = validator_new(k->o.definitions, s->canonicals, s->terminology, err);
	return s->validator != NULL;
}

static struct state *make_state(struct knowledge *k, const struct stamp *stamp, struct error *err)
{
	struct state *s = calloc(1, sizeof(*s));
	if (!s) {
		error_memory(err);
		return NULL;
	}
	s->stamp = *stamp;
	s->current = true;
	if (!k->o.canonicals && !k->own)
		k->own = canonicals_new(err);
	const struct canonicals *base = k->o.canonicals ? k->o.canonicals : k->own;
	s->shown.canonicals = base ? canonicals_new_over(base, err) : NULL;
	bool ok = s->shown.canonicals != NULL;
	for (size_t i = 0; ok && i < STORED_TYPES; i++)
		ok = !stamp->newest[i] || take_type(k, s->shown.canonicals, stored_types[i], err);
	if (ok && complete(k, &s->shown, err))
		return s;
	knowledge_discard(&s->shown);
	return NULL;
}

static void retire(struct state *s)
{
	if (!s)
		return;
	s->current = false;
	if (!s->users)
		knowledge_discard(&s->shown);
}

/* The lock is held. */
static const struct knowledge_state *use_state(struct knowledge *k)
{
	k->state->users++;
	return &k->state->shown;
}

/* The lock is held. */
static const struct knowledge_state *renew_state(struct knowledge *k, const struct stamp *stamp, int64_t snapshot,
						 struct error *err)
{
	if (!k->state || memcmp(&k->state->stamp, stamp, sizeof(*stamp)) != 0) {
		struct state *fresh = make_state(k, stamp, err);
		if (!fresh)
			return NULL;
		retire(k->state);
		k->state = fresh;
	}
	k->state->snapshot = snapshot;
	k->state->checked_ns = clock_monotonic_ns();
	return use_state(k);
}

const struct knowledge_state *knowledge_enter(struct knowledge *k, unsigned max_age_ms, struct error *err)
{
	const struct knowledge_state *result = NULL;
	struct stamp stamp;
	int64_t snapshot;
	pthread_mutex_lock(&k->lock);
	if (k->state && clock_monotonic_ns() - k->state->checked_ns < (uint64_t)max_age_ms * 1000000)
		result = use_state(k);
	pthread_mutex_unlock(&k->lock);
	if (result || !take_snapshot(k, &snapshot, err))
		return result;
	pthread_mutex_lock(&k->lock);
	if (k->state && k->state->snapshot == snapshot) {
		k->state->checked_ns = clock_monotonic_ns();
		result = use_state(k);
	}
	pthread_mutex_unlock(&k->lock);
	if (result || !take_stamp(k, &stamp, err))
		return result;
	pthread_mutex_lock(&k->lock);
	result = renew_state(k, &stamp, snapshot, err);
	pthread_mutex_unlock(&k->lock);
	return result;
}

void knowledge_leave(struct knowledge *k, const struct knowledge_state *state)
{
	struct state *s = (struct state *)(uintptr_t)state;
	if (!s)
		return;
	pthread_mutex_lock(&k->lock);
	bool last = --s->users == 0 && !s->current;
	pthread_mutex_unlock(&k->lock);
	if (last)
		knowledge_discard(&s->shown);
}

/* A copy of the resource in the arena of the set, with a url. */
static const struct json *copy_named(struct canonicals *c, const struct json *resource, struct error *err)
{
	struct buf text;
	struct json_iter it = json_iter(resource);
	buf_init(&text, MAX_BYTES);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	while (json_next(&it)) {
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	if (!json_get(resource, S("url"))) {
		char name[UUID_SIZE];
		random_uuid(name);
		json_key(&w, S("url"));
		json_put_raw(&w, S("\"urn:uuid:"));
		buf_add(&text, str_make(name, sizeof(name)));
		buf_char(&text, '"');
	}
	json_object_end(&w);
	const struct json *copy = buf_ok(&text) ? json_parse(canonicals_arena(c), buf_str(&text), 0, err) : NULL;
	if (!buf_ok(&text))
		error_memory(err);
	buf_done(&text);
	return copy;
}

static bool extend(struct knowledge *k, struct knowledge_state *s, const struct json *resource, struct error *err)
{
	const struct json *copy = copy_named(s->canonicals, resource, err);
	if (!copy || !canonicals_add(s->canonicals, NULL, copy, err))
		return false;
	struct str url = json_get_str(copy, S("url")), version = json_get_str(copy, S("version"));
	s->canonical =
		version.n ? arena_printf(canonicals_arena(s->canonicals), "%.*s|%.*s", STR_ARG(url), STR_ARG(version))
			  : url;
	return s->canonical.p ? complete(k, s, err) : error_memory(err);
}

struct knowledge_state *knowledge_extend(struct knowledge *k, const struct knowledge_state *state,
					 const struct json *resource, struct error *err)
{
	struct knowledge_state *s = calloc(1, sizeof(*s));
	if (!s) {
		error_memory(err);
		return NULL;
	}
	s->canonicals = canonicals_new_over(state->canonicals, err);
	if (s->canonicals && extend(k, s, resource, err))
		return s;
	knowledge_discard(s);
	return NULL;
}

/* ---- admission ----------------------------------------------------------------------------------------------------
 */

static const struct admission_rule *rule_of(const struct knowledge *k, struct str type)
{
	const struct admission_rule *any = NULL;
	for (size_t i = 0; i < k->o.rule_count; i++) {
		if (str_eq(k->o.rules[i].type, type))
			return &k->o.rules[i];
		if (str_is(k->o.rules[i].type, "*"))
			any = &k->o.rules[i];
	}
	return any;
}

enum admission_level knowledge_level(const struct knowledge *k, const struct fhir_type *type)
{
	const struct admission_rule *rule = k ? rule_of(k, type->name) : NULL;
	return rule ? rule->level : ADMISSION_STRUCTURE;
}

static bool refuse(const struct issues *findings, struct error *err)
{
	for (const struct issue *i = findings->first; i; i = i->next)
		if (i->severity <= ISSUE_ERROR)
			return error_set_at(err, ERR_NONCONFORMANT, i->path, "%.*s",
					    STR_ARG(str_slice(i->text, 0, 300)));
	return error_set(err, ERR_NONCONFORMANT, "%s", error_default_text(ERR_NONCONFORMANT));
}

bool knowledge_admit(struct knowledge *k, struct arena *a, const struct fhir_type *type, const struct json *resource,
		     struct issues *findings, struct error *err)
{
	const struct admission_rule *rule = rule_of(k, type->name);
	if (!rule || rule->level != ADMISSION_PROFILES)
		return true;
	const struct knowledge_state *state = knowledge_enter(k, FRESH_MS, err);
	if (!state)
		return false;
	const struct validation_options options = {.profiles = rule->profiles,
						   .profile_count = rule->profile_count,
						   .ignore_meta_profiles = !rule->declared,
						   .now_ms = clock_now_ms()};
	bool ok = validate_resource(state->validator, a, resource, &options, findings, err);
	knowledge_leave(k, state);
	return ok && (!findings->errors || refuse(findings, err));
}

bool knowledge_check_rules(struct knowledge *k, struct error *err)
{
	bool ok = true;
	const struct knowledge_state *state = NULL;
	for (size_t i = 0; ok && i < k->o.rule_count; i++) {
		const struct admission_rule *rule = &k->o.rules[i];
		if (!state && rule->profile_count && !(state = knowledge_enter(k, FRESH_MS, err)))
			return false;
		for (size_t p = 0; ok && p < rule->profile_count; p++)
			if (!canonicals_find(state->canonicals, S("StructureDefinition"), rule->profiles[p], NULL))
				ok = error_set(err, ERR_CONFIG,
					       "validation of %.*s: the profile %.*s is not at hand; name its package "
					       "with --package",
					       STR_ARG(rule->type), STR_ARG(rule->profiles[p]));
	}
	knowledge_leave(k, state);
	return ok;
}
