/*
 * Asking whether something conforms to a profile without reporting why not: for choices of profiles, for slices told
 * apart by profile, for targets of references. Answers on whole resources are remembered for the validation, and a
 * question that is being answered already is answered with yes, so that circles of references end.
 */
#include "validate/walk_priv.h"

struct conformance {
	const struct json *resource;
	const struct profile *profile;
	int answer;
	struct conformance *next;
};

bool type_derives(const struct validation *v, const struct fhir_type *type, struct str ancestor)
{
	(void)v;
	for (; type; type = type->base)
		if (str_eq(type->name, ancestor))
			return true;
	return false;
}

int conforms_element(struct validation *v, const struct node *n, const struct profile_element *root)
{
	struct node copy = *n;
	struct overlays o = {.at = {root}, .count = 1};
	size_t before = v->trial_errors;
	const struct profile_type own = {.code = node_type_name(n), .type = n->type};
	const struct fhir_type *wanted = root->parent ? NULL : root->profile->fhir_type;
	if (wanted && !(n->type && type_derives(v, n->type, wanted->name)))
		return 0;
	if (!root->profile->constraint)
		return 1;
	v->trials++;
	v->additions++;
	v->trial_errors = 0;
	walk_element(v, &copy, &own, &o);
	bool fine = v->trial_errors == 0;
	v->trial_errors = before;
	v->additions--;
	v->trials--;
	return fine;
}

static int conforms_resource(struct validation *v, const struct holder *home, const struct json *resource,
			     const struct profile *p)
{
	struct node n = {.name = p->type, .index = -1, .value = resource, .holder = home};
	struct error ignored = {0};
	n.type = resource_type(v->definitions, resource, &ignored);
	if (!n.type || !p->fhir_type || !type_derives(v, n.type, p->type))
		return 0;
	return p->constraint ? conforms_element(v, &n, p->root) : 1;
}

static struct conformance *recall(struct validation *v, const struct json *resource, const struct profile *p)
{
	for (struct conformance *c = v->conformances; c; c = c->next)
		if (c->resource == resource && c->profile == p)
			return c;
	return NULL;
}

int conforms_home(struct validation *v, const struct holder *home, const struct json *resource, const struct profile *p)
{
	struct conformance *c = recall(v, resource, p);
	if (c)
		return c->answer;
	c = ARENA_NEW(v->arena, struct conformance);
	if (!c) {
		error_memory(v->err);
		return -1;
	}
	*c = (struct conformance){resource, p, 1, v->conformances};
	v->conformances = c;
	c->answer = conforms_resource(v, home, resource, p);
	return c->answer;
}

const struct holder *target_home(const struct holder *from, const struct target *t)
{
	const struct holder *home = from;
	if (t->place == TARGET_OUTSIDE || t->place == TARGET_NONE)
		return NULL;
	while (home && t->place == TARGET_BUNDLED && home->json != t->bundle)
		home = home->outer;
	while (home && t->place == TARGET_CONTAINED && home->contained)
		home = home->outer;
	return home;
}

int conforms_target(struct validation *v, const struct holder *from, const struct target *t, struct str profile,
		    const struct canonical *seen_from)
{
	const struct profile *p = profiles_find(v->profiles, profile, seen_from, NULL);
	return p && t->resource ? conforms_home(v, target_home(from, t), t->resource, p) : -1;
}

int validation_conforms(struct validation *v, const struct node *at, struct str profile)
{
	const struct profile *p = profiles_find(v->profiles, profile, NULL, NULL);
	if (!p)
		return -1;
	if (at->holder && at->holder->node == at)
		return conforms_home(v, at->holder->outer, at->value, p);
	return conforms_element(v, at, p->root);
}
