/*
 * What references and canonicals may point at (targetProfile, aggregation): the type of the target, and, when the
 * target is at hand, that it conforms to one of the profiles named.
 */
#include "validate/walk_priv.h"

enum { SHOWN = 120 };

static struct str shown(struct str s)
{
	return str_slice(s, 0, SHOWN);
}

/* ---- types ----------------------------------------------------------------------------------------------------------
 */

/* The type that a target profile is for; STR_NULL when it is not at hand. */
static struct str target_type(struct validation *v, const struct profile_element *e, struct str target)
{
	const struct canonical *c =
		canonicals_find(v->canonicals, S("StructureDefinition"), target, e->profile->canonical);
	return c ? c->defines : STR_NULL;
}

static bool allows(struct validation *v, const struct profile_element *e, const struct profile_type *t,
		   const struct fhir_type *type)
{
	for (size_t i = 0; i < t->target_count; i++) {
		struct str name = target_type(v, e, t->targets[i]);
		if (!name.p || type_derives(v, type, name) || !definitions_type(v->definitions, name))
			return true;
	}
	return false;
}

static void write_allowed(struct validation *v, struct buf *out, const struct profile_element *e,
			  const struct profile_type *t)
{
	for (size_t i = 0; i < t->target_count; i++)
		buf_printf(out, "%s%.*s", i ? ", " : "", STR_ARG(target_type(v, e, t->targets[i])));
}

static void report_type(struct validation *v, const struct node *n, const struct profile_element *e,
			const struct profile_type *t, const struct fhir_type *type)
{
	struct buf allowed;
	buf_init(&allowed, 600);
	write_allowed(v, &allowed, e, t);
	find_error(v, n, ERR_STRUCTURE, "target-type", "It refers to a %.*s, but may only refer to %.*s (%.*s)",
		   STR_ARG(type->name), STR_ARG(buf_str(&allowed)), STR_ARG(e->profile->url));
	buf_done(&allowed);
}

/* ---- profiles -------------------------------------------------------------------------------------------------------
 */

/* Does the target conform to one of those that are for its type? What is not at hand is taken for a yes. */
static bool conforms_to_any(struct validation *v, const struct node *n, const struct profile_element *e,
			    const struct profile_type *t, const struct target *target, const struct fhir_type *type)
{
	for (size_t i = 0; i < t->target_count; i++) {
		struct str name = target_type(v, e, t->targets[i]);
		if (name.p && !type_derives(v, type, name))
			continue;
		if (conforms_target(v, n->holder, target, t->targets[i], e->profile->canonical) != 0)
			return true;
	}
	return false;
}

static void check_aggregation(struct validation *v, const struct node *n, const struct profile_type *t,
			      enum target_place place)
{
	bool fine = place == TARGET_CONTAINED ? t->contained
		    : place == TARGET_BUNDLED ? t->bundled || t->referenced
					      : t->referenced || (t->bundled && !n->holder->outer);
	if ((t->contained || t->bundled || t->referenced) && !fine)
		find_error(v, n, ERR_STRUCTURE, "aggregation", "The reference is %s, but it must be%s%s%s",
			   place == TARGET_CONTAINED ? "to a contained resource"
			   : place == TARGET_BUNDLED ? "to an entry of the Bundle"
						     : "to a resource outside",
			   t->contained ? " contained" : "", t->bundled ? " bundled" : "",
			   t->referenced ? " referenced" : "");
}

static const struct fhir_type *known_type(struct validation *v, const struct node *n, const struct target *target,
					  struct str text)
{
	struct error ignored = {0};
	if (target->resource)
		return resource_type(v->definitions, target->resource, &ignored);
	struct str name = text.p ? reference_parse(v->definitions, text).type : STR_NULL;
	if (!name.p)
		name = json_get_str(n->value, S("type"));
	return definitions_resource(v->definitions, name);
}

static void check_reference_targets(struct validation *v, const struct node *n, const struct profile_element *e,
				    const struct profile_type *t)
{
	struct str text = json_get_str(n->value, S("reference"));
	struct target target = {0};
	if (text.n)
		target = validation_resolve(v, n->holder, text);
	const struct fhir_type *type = known_type(v, n, &target, text);
	if (text.n)
		check_aggregation(v, n, t, target.place);
	if (!type || (!target.resource && v->options->unresolved_unchecked))
		return;
	if (!allows(v, e, t, type))
		report_type(v, n, e, t, type);
	else if (target.resource && !conforms_to_any(v, n, e, t, &target, type))
		find_error(v, n, ERR_STRUCTURE, "target-profile",
			   "The target \"%.*s\" conforms to none of the profiles that %.*s allows for a %.*s (%.*s)",
			   STR_ARG(shown(text)), STR_ARG(e->path), STR_ARG(type->name), STR_ARG(e->profile->url));
}

/* ---- canonicals -----------------------------------------------------------------------------------------------------
 */

static void check_canonical_targets(struct validation *v, const struct node *n, const struct profile_element *e,
				    const struct profile_type *t)
{
	struct str text = json_str(n->value);
	if (!text.n || text.p[0] == '#')
		return;
	const struct canonical *c = canonicals_find(v->canonicals, STR_NULL, text, NULL);
	const struct fhir_type *type = c ? definitions_resource(v->definitions, c->type) : NULL;
	if (type && !allows(v, e, t, type))
		report_type(v, n, e, t, type);
}

/* Is it the id of a resource contained in this one or one around it? */
static bool contained_somewhere(const struct holder *h, struct str id)
{
	for (; h; h = h->outer)
		for (struct json_iter it = json_iter(json_get(h->json, S("contained"))); json_next(&it);)
			if (str_eq(json_get_str(it.value, S("id")), id))
				return true;
	return false;
}

void check_canonical(struct validation *v, const struct node *n)
{
	struct str s = json_str(n->value);
	size_t colon = str_find_char(s, ':', 0), slash = str_find_char(s, '/', 0);
	if (s.n > 1 && s.p[0] == '#' && !contained_somewhere(n->holder, str_slice(s, 1, s.n)))
		find_error(v, n, ERR_NOT_FOUND, "canonical", "There is no contained resource \"%.*s\"",
			   STR_ARG(shown(s)));
	else if (s.n && s.p[0] != '#' && (colon == STR_NONE || slash < colon))
		find_error(v, n, ERR_VALUE, "canonical", "The canonical \"%.*s\" is not absolute", STR_ARG(shown(s)));
}

void check_targets(struct validation *v, const struct node *n, const struct profile_element *e,
		   const struct profile_type *t)
{
	if (v->options->structure_only)
		return;
	if (str_is(t->code, "Reference"))
		check_reference_targets(v, n, e, t);
	else if (str_is(t->code, "canonical"))
		check_canonical_targets(v, n, e, t);
}
