/*
 * From method and path to an interaction, by interactions.def and nothing else, so that routes, CapabilityStatement and
 * needed scopes cannot disagree.
 */
#include <stdio.h>

#include "server/rest/rest_priv.h"

static const struct interaction interactions[REST_INTERACTION_COUNT] = {
#define INTERACTION(name, method, path, code, permissions, action)                                                     \
	[REST_##name] = {#name, method, path, code, permissions, action},
#include "server/rest/interactions.def"
#undef INTERACTION
};

const struct interaction *rest_interaction(enum rest_interaction i)
{
	return &interactions[i];
}

const char *rest_interaction_code(enum rest_interaction i)
{
	return interactions[i].code ? interactions[i].code : "unknown";
}

/* Ids start with none of these: they belong to operations, history, search and all types of a compartment. */
static bool is_id_segment(struct str s)
{
	return s.n && s.p[0] != '_' && s.p[0] != '$' && s.p[0] != '*';
}

static bool match_segment(struct str pattern, struct str segment, struct route *r)
{
	if (pattern.n == 0 || pattern.p[0] != ':')
		return str_eq(pattern, segment);
	if (str_is(pattern, ":type") || str_is(pattern, ":within")) {
		*(pattern.p[1] == 't' ? &r->type_name : &r->within) = segment;
		return segment.n && segment.p[0] >= 'A' && segment.p[0] <= 'Z';
	}
	*(str_is(pattern, ":id") ? &r->id : str_is(pattern, ":in") ? &r->within_id : &r->version) = segment;
	return is_id_segment(segment);
}

static bool match_path(const char *pattern_text, struct str path, struct route *r)
{
	struct str pattern = str_from(pattern_text);
	while (pattern.p && path.p)
		if (!match_segment(str_split(&pattern, '/'), str_split(&path, '/'), r))
			return false;
	return !pattern.p && !path.p;
}

/* "GET, HEAD, POST": the methods of all interactions that have this path. */
static struct str allowed_methods(struct arena *a, struct str path)
{
	static const char *const order[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
	struct str list = S("");
	for (size_t m = 0; m < sizeof(order) / sizeof(order[0]); m++) {
		bool found = false;
		struct route ignored;
		for (size_t i = REST_UNKNOWN + 1; i < REST_INTERACTION_COUNT && !found; i++)
			found = strcmp(interactions[i].method, order[m]) == 0 &&
				match_path(interactions[i].path, path, &ignored);
		if (found)
			list = arena_printf(a, "%.*s%s%s", STR_ARG(list), list.n ? ", " : "",
					    m == 0 ? "GET, HEAD" : order[m]);
	}
	return list;
}

const char *rest_pattern(struct str method, struct str path)
{
	struct route ignored;
	for (size_t i = REST_UNKNOWN + 1; i < REST_INTERACTION_COUNT; i++)
		if (str_is(method, interactions[i].method) && match_path(interactions[i].path, path, &ignored))
			return interactions[i].path;
	return NULL;
}

static bool fail_unknown(struct str path, struct error *err)
{
	size_t dollar = str_find_char(path, '$', 0);
	if (dollar != STR_NONE && (dollar == 0 || path.p[dollar - 1] == '/'))
		return error_set(err, ERR_NOT_FOUND, "This server has no operations, or not this one");
	return error_set(err, ERR_NOT_FOUND,
			 "There is nothing at this path; see [base]/metadata for what this server offers");
}

bool route_find(struct arena *a, struct str method, struct str path, struct route *ret_route, struct error *err)
{
	struct str wanted = str_is(method, "HEAD") ? S("GET") : method;
	bool known_path = false;
	/* A slash at the end of a path means nothing in FHIR, but people type it. */
	if (path.n && path.p[path.n - 1] == '/')
		path.n--;
	if (operation_is_path(path) && !str_is(path, "$import"))
		return operation_route(a, wanted, path, ret_route, err);
	for (size_t i = REST_UNKNOWN + 1; i < REST_INTERACTION_COUNT; i++) {
		struct route r = {.interaction = (enum rest_interaction)i};
		if (!match_path(interactions[i].path, path, &r))
			continue;
		if (str_is(wanted, interactions[i].method)) {
			*ret_route = r;
			return true;
		}
		known_path = true;
	}
	*ret_route = (struct route){.interaction = REST_UNKNOWN};
	if (!known_path)
		return fail_unknown(path, err);
	ret_route->allow = allowed_methods(a, path);
	return error_set(err, ERR_METHOD, "%.*s is not possible here; allowed are: %.*s",
			 STR_ARG(str_slice(method, 0, 16)), STR_ARG(ret_route->allow));
}
