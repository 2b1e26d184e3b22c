/* What is told about one SearchParameter: whether it may be stored, and where it stands. */
#include "server/parameters/parameters_priv.h"

/* Another resource of the same url would leave it open which of them holds. */
static bool url_is_free(const struct set *s, const struct json *resource, struct str id, struct arena *a,
			struct error *err)
{
	struct str url = json_get_str(resource, S("url")), meaning = known_meaning(a, resource);
	for (size_t i = 0; i < s->known_count; i++) {
		const struct known *k = &s->known[i];
		if (k->standing == PARAMETER_INACTIVE || k->standing == PARAMETER_REFUSED || str_eq(k->id, id) ||
		    !str_eq(k->url, url) || str_eq(k->meaning, meaning))
			continue;
		return error_set_at(err, ERR_BUSINESS_RULE, S("SearchParameter.url"),
				    "SearchParameter/%.*s has the same url and says something else", STR_ARG(k->id));
	}
	return true;
}

bool parameters_check(struct parameters *p, const struct parameter_set *set, struct arena *a,
		      const struct json *resource, struct str id, struct str *ret_note, struct error *err)
{
	const struct set *s = (const struct set *)(const void *)set;
	struct error own = {0};
	size_t types = 0;
	*ret_note = STR_NULL;
	if (!str_is(json_get_str(resource, S("status")), "active")) {
		*ret_note = S("The status is not active, so the parameter cannot be asked for");
		return true;
	}
	if (!search_registry_check(p->o.definitions, s->all, resource, &types, &own))
		return error_set(err, own.code == ERR_MEMORY ? ERR_MEMORY : ERR_BUSINESS_RULE, "%s", own.text);
	if (!types) {
		*ret_note = S("The server has this parameter already, and goes on with its own definition of it");
		return true;
	}
	if (!store_adds_rows(p->o.store))
		return error_set(err, ERR_NOT_SUPPORTED,
				 "This kind of store cannot be given new search parameters while it is served; store "
				 "it with the status draft, or use another store");
	*ret_note = S("The parameter can be asked for once all resources are indexed: see $reindex-status");
	return url_is_free(s, resource, id, a, err);
}

static void describe_indexing(struct parameters *p, struct arena *a, struct parameter_state *state)
{
	progress_of(p, a, &state->done, &state->total);
	pthread_mutex_lock(&p->lock);
	bool waits = p->total < 0 && p->retired;
	struct str trouble = p->trouble[0] ? arena_str(a, str_from(p->trouble)) : STR_NULL;
	pthread_mutex_unlock(&p->lock);
	if (trouble.p)
		state->text = arena_printf(a, "Indexing is stopped and will be tried again: %.*s", STR_ARG(trouble));
	else if (waits && state->total < 0)
		state->text = S("Indexing begins when the requests have ended that began before the change");
	else if (state->total < 0)
		state->text = S("Indexing has not begun yet");
	else
		state->text = arena_printf(a, "%lld of %lld resources are indexed", (long long)state->done,
					   (long long)state->total);
}

static void describe(struct parameters *p, struct arena *a, const struct known *k, struct parameter_state *state)
{
	switch (state->standing) {
	case PARAMETER_UNKNOWN:
		state->text = S("There is no such SearchParameter");
		break;
	case PARAMETER_INACTIVE:
		state->text = S("The status is not active, so the parameter cannot be asked for");
		break;
	case PARAMETER_REPEATS:
		state->text = S("The server has this parameter already, and goes on with its own definition of it");
		break;
	case PARAMETER_REFUSED:
		state->text = arena_str(a, k->why.p ? k->why : S(""));
		break;
	case PARAMETER_INDEXING:
		describe_indexing(p, a, state);
		break;
	case PARAMETER_SERVED:
		state->text = S("All resources are indexed, and the parameter can be asked for");
		break;
	}
}

bool parameters_state(struct parameters *p, struct arena *a, struct str id, struct parameter_state *ret_state,
		      struct error *err)
{
	const struct parameter_set *set = parameters_use(p, err);
	if (!set)
		return false;
	const struct known *k = set_find((const struct set *)(const void *)set, id);
	*ret_state = (struct parameter_state){.standing = k ? k->standing : PARAMETER_UNKNOWN};
	describe(p, a, k, ret_state);
	parameters_done(p, set);
	return ret_state->text.p || error_memory(err);
}
