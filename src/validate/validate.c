/* A validator: what is shared between validations, and the way into one. */
#include "validate/validator_priv.h"
#include "validate/walk_priv.h"

#include <stdlib.h>

enum { MAX_CONFORMANCES = 10000000, MAX_ELEMENT_IDS = 1000000, MAX_TYPE_NAME = 64 };

static bool find_rules(struct validator *r)
{
	size_t count = definitions_type_count(r->definitions);
	r->has_rules = arena_calloc(&r->arena, count + 1, sizeof(bool));
	for (size_t i = 0; r->has_rules && i < count; i++) {
		size_t at = 0;
		const struct fhir_type *type = definitions_type_at(r->definitions, i);
		if (type->id < count)
			r->has_rules[type->id] = type_rule_next(type->name, &at) != NULL;
	}
	return r->has_rules != NULL;
}

bool validator_has_rules(const struct validator *r, const struct fhir_type *type)
{
	return type->id < definitions_type_count(r->definitions) && r->has_rules[type->id];
}

struct validator *validator_new(const struct definitions *d, const struct canonicals *c, struct terminology *t,
				struct error *err)
{
	struct validator *r = calloc(1, sizeof(*r));
	if (!r) {
		error_memory(err);
		return NULL;
	}
	*r = (struct validator){.definitions = d, .canonicals = c, .terminology = t};
	arena_init(&r->arena, ARENA_NO_CAP);
	pthread_mutex_init(&r->lock, NULL);
	r->profiles = profiles_new(d, c, err);
	if (r->profiles && find_rules(r))
		return r;
	error_memory(err);
	validator_free(r);
	return NULL;
}

void validator_free(struct validator *r)
{
	if (!r)
		return;
	profiles_free(r->profiles);
	arena_done(&r->arena);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- one validation ------------------------------------------------------------------------------------------------
 */

/* A logical model named as a profile says what the document is; otherwise it is a resource. */
static const struct profile *logical_model(struct validation *v)
{
	for (size_t i = 0; i < v->options->profile_count; i++) {
		const struct profile *p = profiles_find(v->profiles, v->options->profiles[i], NULL, NULL);
		while (p && p->constraint && !p->fhir_type)
			p = p->base;
		if (p && (p->logical || !p->fhir_type))
			return p;
	}
	return NULL;
}

static void add_named(struct validation *v, const struct node *n, struct str url, struct overlays *o)
{
	struct error err = {0};
	const struct profile *p = profiles_find(v->profiles, url, NULL, &err);
	if (!p)
		find_error(v, n, ERR_NOT_FOUND, "profile-unknown", "The profile %.*s was not checked: %s", STR_ARG(url),
			   err.code ? err.text : "it is not at hand");
	else if (p->fhir_type && !(n->type && type_derives(v, n->type, p->type)))
		find_error(v, n, ERR_STRUCTURE, "profile-type", "The profile %.*s is for %.*s, not for %.*s",
			   STR_ARG(url), STR_ARG(p->type), STR_ARG(node_type_name(n)));
	else if (p->constraint)
		overlays_add(v, o, p->root);
}

/* The name that an unknown type gives itself, for the location. */
static struct str stated_type(const struct json *document)
{
	struct str name = json_get_str(document, S("resourceType"));
	for (size_t i = 0; i < name.n; i++)
		if (!((name.p[i] | 32) >= 'a' && (name.p[i] | 32) <= 'z'))
			return S("$");
	return name.n && name.n <= MAX_TYPE_NAME ? name : S("$");
}

static void run(struct validation *v, const struct json *document)
{
	struct node root = {.index = -1, .value = document};
	struct holder around = {.json = document};
	struct overlays o = {.count = 0};
	struct error ignored = {0};
	const struct profile *logical = logical_model(v);
	struct profile_type type = {.code = logical ? logical->type : S("Resource")};
	if (cds_hooks_check(v, document))
		return;
	root.holder = &around;
	root.type = resource_type(v->definitions, document, &ignored);
	root.name = logical ? logical->root->path : root.type ? root.type->name : stated_type(document);
	if (!v->options->structure_only)
		for (size_t i = 0; i < v->options->profile_count; i++)
			add_named(v, &root, v->options->profiles[i], &o);
	if (logical) {
		root.definition = logical->root;
		around.node = &root;
		walk_element(v, &root, &type, &o);
		return;
	}
	type.type = definitions_type(v->definitions, type.code);
	root.holder = NULL;
	walk_element(v, &root, &type, &o);
}

void validation_open(struct validation *v, struct validator *r, struct arena *a, const struct json *root,
		     const struct validation_options *options, struct issues *findings, struct error *err)
{
	*v = (struct validation){.validator = r,
				 .definitions = r->definitions,
				 .canonicals = r->canonicals,
				 .terminology = r->terminology,
				 .profiles = r->profiles,
				 .arena = a,
				 .options = options,
				 .findings = findings,
				 .root = root,
				 .err = err};
	arena_init(&v->scratch, ARENA_NO_CAP);
	map_init(&v->conformances, MAX_CONFORMANCES);
	map_init(&v->element_ids, MAX_ELEMENT_IDS);
	validation_path_services(v);
}

void validation_close(struct validation *v)
{
	arena_done(&v->scratch);
	map_done(&v->conformances);
	map_done(&v->element_ids);
	entry_urls_done(v);
}

bool validate_resource(struct validator *r, struct arena *a, const struct json *resource,
		       const struct validation_options *options, struct issues *findings, struct error *err)
{
	static const struct validation_options none;
	struct error own = {0};
	struct validation v;
	validation_open(&v, r, a, resource, options ? options : &none, findings, &own);
	run(&v, resource);
	validation_close(&v);
	return own.code ? error_set(err, own.code, "%s", own.text) : true;
}
