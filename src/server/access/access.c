/* Opening the rules of access, and the passes of grants. */
#include <stdlib.h>

#include "server/access/access_priv.h"

const struct criterion access_all = {.kind = CRITERION_AND}, access_nothing = {.kind = CRITERION_NONE};
const struct criterion access_by_context = {.kind = CRITERION_HAS};

/* ---- the rules ----------------------------------------------------------------------------------------------------
 */

static bool number_types(struct access *access, struct error *err)
{
	const struct definitions *d = access->o.definitions;
	size_t most = 0;
	access->type_count = definitions_resource_count(d);
	for (size_t i = 0; i < access->type_count; i++)
		if (definitions_resource_at(d, i)->id >= most)
			most = definitions_resource_at(d, i)->id + (size_t)1;
	access->places = ARENA_ARRAY(&access->arena, uint16_t, most + 1);
	if (!access->places)
		return error_memory(err);
	for (size_t i = 0; i < access->type_count; i++)
		access->places[definitions_resource_at(d, i)->id] = (uint16_t)i;
	return true;
}

struct access *access_open(const struct access_options *options, struct error *err)
{
	struct access *access = calloc(1, sizeof(*access));
	if (!access) {
		error_memory(err);
		return NULL;
	}
	access->o = *options;
	arena_init(&access->arena, (size_t)64 << 20);
	access->o.base = arena_str(&access->arena, options->base.p ? options->base : S(""));
	pthread_mutex_init(&access->consents_lock, NULL);
	access->consent = definitions_resource(options->definitions, S("Consent"));
	access->patient = definitions_resource(options->definitions, S("Patient"));
	access->cache = pass_cache_new();
	if (!access->o.base.p || !access->cache)
		error_memory(err);
	else if (number_types(access, err) && policy_open(access, err))
		return access;
	access_close(access);
	return NULL;
}

void access_close(struct access *access)
{
	if (!access)
		return;
	pass_cache_free(access->cache);
	consents_leave(access->consents);
	pthread_mutex_destroy(&access->consents_lock);
	arena_done(&access->arena);
	free(access);
}

/* ---- passes -------------------------------------------------------------------------------------------------------
 */

enum { SMALL_KEY = 1024, MOST_KEY = 1 << 20 };

/* Everything that decides what a grant comes to, as one text. Each part with its length, so that no two give the same.
 */
struct key {
	char small[SMALL_KEY], *text;
	size_t n;
};

static void key_add(struct key *k, const void *bytes, size_t n)
{
	if (n)
		memcpy(k->text + k->n, bytes, n);
	k->n += n;
}

/* Every request makes one, so it lies on the stack unless the scopes are very many. */
static bool key_make(struct key *k, const struct grant *g, bool broken, const int64_t stamp[2])
{
	const struct str parts[] = {g->client_id, g->user, g->fhir_user, g->roles, g->patient, g->scope_text};
	enum { PARTS = sizeof(parts) / sizeof(parts[0]) };
	size_t size = PARTS * sizeof(size_t) + 2 * sizeof(*stamp) + 1;
	for (size_t i = 0; i < PARTS; i++)
		size += parts[i].n;
	k->n = 0;
	k->text = size <= SMALL_KEY ? k->small : size <= MOST_KEY ? malloc(size) : NULL;
	if (!k->text)
		return false;
	for (size_t i = 0; i < PARTS; i++) {
		size_t length = parts[i].p ? parts[i].n + 1 : 0;
		key_add(k, &length, sizeof(length));
		key_add(k, parts[i].p, parts[i].n);
	}
	key_add(k, stamp, 2 * sizeof(*stamp));
	key_add(k, broken ? "!" : ".", 1);
	return true;
}

static void key_done(struct key *k)
{
	if (k->text != k->small)
		free(k->text);
}

static struct str keep(struct access_pass *pass, struct str text, bool *ok)
{
	struct str copy = text.p ? arena_str(&pass->arena, text) : STR_NULL;
	*ok = *ok && (copy.p || !text.p);
	return copy;
}

static bool copy_grant(struct access_pass *pass, const struct grant *g)
{
	bool ok = true;
	struct scope *scopes = ARENA_ARRAY(&pass->arena, struct scope, g->scope_count + 1);
	pass->grant = *g;
	pass->grant.client_id = keep(pass, g->client_id, &ok);
	pass->grant.user = keep(pass, g->user, &ok);
	pass->grant.fhir_user = keep(pass, g->fhir_user, &ok);
	pass->grant.roles = keep(pass, g->roles, &ok);
	pass->grant.patient = keep(pass, g->patient, &ok);
	pass->grant.scope_text = keep(pass, g->scope_text, &ok);
	pass->grant.scopes = scopes;
	for (size_t i = 0; scopes && i < g->scope_count; i++) {
		scopes[i] = g->scopes[i];
		scopes[i].text = keep(pass, g->scopes[i].text, &ok);
		scopes[i].context = keep(pass, g->scopes[i].context, &ok);
		scopes[i].type = keep(pass, g->scopes[i].type, &ok);
		scopes[i].filter = keep(pass, g->scopes[i].filter, &ok);
	}
	return ok && scopes;
}

static const struct criterion *seen(void *ctx, const struct fhir_type *type, enum search_sight sight)
{
	return access_criterion(ctx, type, sight == SIGHT_INCLUDED ? 0 : SCOPE_S);
}

static struct access_pass *pass_new(struct access *access, const struct grant *grant, struct str key, bool broken)
{
	struct access_pass *pass = calloc(1, sizeof(*pass));
	if (!pass)
		return NULL;
	arena_init(&pass->arena, (size_t)16 << 20);
	pthread_mutex_init(&pass->lock, NULL);
	atomic_init(&pass->users, 1);
	pass->access = access;
	pass->slots = arena_calloc(&pass->arena, access->type_count * SLOTS, sizeof(*pass->slots));
	pass->key = arena_str(&pass->arena, key);
	pass->search = (struct search_access){access->o.definitions, seen, pass};
	pass->broken = broken;
	if (pass->slots && pass->key.p && copy_grant(pass, grant) && policy_enter(pass))
		return pass;
	access_leave(pass);
	return NULL;
}

bool access_may_break(const struct access *access, const struct grant *grant)
{
	struct str rest = grant->roles;
	while (rest.p)
		if (policy_list_has(access->o.break_glass, str_split(&rest, ' ')))
			return true;
	return false;
}

struct access_pass *access_enter(struct access *access, const struct grant *grant, bool broken, struct error *err)
{
	struct key key;
	struct access_pass *pass = NULL;
	int64_t stamp[2] = {0};
	struct consents *consents = access->o.consent.p ? consents_now(access, err) : NULL;
	if (access->o.consent.p && !consents)
		return NULL;
	if (consents)
		consents_stamp(consents, stamp);
	if (key_make(&key, grant, broken, stamp)) {
		struct str text = str_make(key.text, key.n);
		pass = pass_cache_find(access->cache, text);
		if (!pass && (pass = pass_new(access, grant, text, broken))) {
			pass->consents = consents;
			consents = NULL;
			pass_cache_put(access->cache, pass);
		}
		key_done(&key);
	}
	consents_leave(consents);
	if (!pass)
		error_memory(err);
	return pass;
}

void access_leave(struct access_pass *pass)
{
	if (!pass || atomic_fetch_sub_explicit(&pass->users, 1, memory_order_acq_rel) != 1)
		return;
	consents_leave(pass->consents);
	pthread_mutex_destroy(&pass->lock);
	arena_done(&pass->arena);
	free(pass);
}

/* ---- what they allow ------------------------------------------------------------------------------------------------
 */

static unsigned slot_of(unsigned permission)
{
	for (unsigned slot = 0; slot < PERMISSIONS; slot++)
		if (permission == 1u << slot)
			return slot;
	return SLOT_INCLUDED;
}

const struct criterion *access_criterion(struct access_pass *pass, const struct fhir_type *type, unsigned permission)
{
	unsigned slot = slot_of(permission);
	_Atomic(const struct criterion *) *place = &pass->slots[pass->access->places[type->id] * (size_t)SLOTS + slot];
	const struct criterion *c = atomic_load_explicit(place, memory_order_acquire);
	if (!c) {
		pthread_mutex_lock(&pass->lock);
		c = atomic_load_explicit(place, memory_order_acquire);
		if (!c)
			c = compile_slot(pass, type, slot);
		if (c)
			atomic_store_explicit(place, c, memory_order_release);
		pthread_mutex_unlock(&pass->lock);
	}
	/* Without memory nothing may be seen. */
	return !c ? &access_nothing : c == &access_all ? NULL : c;
}

bool access_is_nothing(const struct criterion *c)
{
	return c && c->kind == CRITERION_NONE;
}

bool access_allows(struct access_pass *pass, const struct fhir_type *type, unsigned permissions)
{
	for (unsigned slot = 0; slot < PERMISSIONS; slot++)
		if ((permissions & (1u << slot)) && access_is_nothing(access_criterion(pass, type, 1u << slot)))
			return false;
	return true;
}

bool access_is_whole(struct access_pass *pass, const struct fhir_type *type, unsigned permissions)
{
	for (unsigned slot = 0; slot < PERMISSIONS; slot++)
		if ((permissions & (1u << slot)) && access_criterion(pass, type, 1u << slot))
			return false;
	return true;
}

const struct search_access *access_search(struct access_pass *pass)
{
	return &pass->search;
}

/* ---- filters --------------------------------------------------------------------------------------------------------
 */

/* Parameters that a server adds come and go while passes stay, so only those of R4 count; terminology is not asked,
 * since its answers change as well. Hierarchies grow: what lies deeper than is followed would be let in, or kept out,
 * without a word. */
bool access_parse(const struct access *access, struct arena *a, const struct fhir_type *type, struct str query,
		  struct search_query *ret_query, struct error *err)
{
	const struct search_options options = {.base = access->o.base};
	if (!search_parse(access->o.definitions, a, type, query, &options, ret_query, err))
		return false;
	if (ret_query->sort_count || ret_query->include_count || ret_query->element_count || ret_query->cursor.p ||
	    ret_query->summary != SUMMARY_FALSE || ret_query->total != TOTAL_DEFAULT || ret_query->explain ||
	    !ret_query->parts->criterion_count)
		return error_set(err, ERR_INVALID_SCOPE,
				 "A filter consists of search parameters that choose resources, and of nothing else");
	if (ret_query->beyond_count)
		return error_set(err, ERR_INVALID_SCOPE,
				 "A filter cannot follow references with :above or :below: hierarchies may grow deeper "
				 "than they are followed");
	return true;
}

bool access_filter_check(void *ctx, struct arena *a, const struct fhir_type *type, struct str filter, struct error *err)
{
	const struct access *access = ctx;
	struct search_query query;
	if (type)
		return access_parse(access, a, type, filter, &query, err);
	for (size_t i = 0; i < access->type_count; i++)
		if (!access_parse(access, a, definitions_resource_at(access->o.definitions, i), filter, &query, err))
			return false;
	return true;
}
