/*
 * What a profile adds to the core type that it constrains. Snapshots repeat everything; a walk that already follows the
 * core type needs only the differences, and most subtrees have none.
 */
#include "profile/profile_priv.h"

static bool same_json(const struct json *a, const struct json *b)
{
	struct str x = json_is(a, JSON_NUMBER) ? json_number(a) : json_str(a);
	struct str y = json_is(b, JSON_NUMBER) ? json_number(b) : json_str(b);
	return a == b || (x.p && y.p && str_eq(x, y));
}

static bool has_text(const struct str *list, size_t count, struct str text)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i], text))
			return true;
	return false;
}

static bool same_type(const struct profile_type *a, const struct profile_type *b)
{
	if (a->profile_count != b->profile_count || a->target_count != b->target_count ||
	    a->contained != b->contained || a->referenced != b->referenced || a->bundled != b->bundled ||
	    a->must_version != b->must_version || a->must_not_version != b->must_not_version)
		return false;
	for (size_t i = 0; i < a->profile_count; i++)
		if (!has_text(b->profiles, b->profile_count, a->profiles[i]))
			return false;
	for (size_t i = 0; i < a->target_count; i++)
		if (!has_text(b->targets, b->target_count, a->targets[i]))
			return false;
	return true;
}

static bool types_differ(const struct profile_element *e, const struct profile_element *core)
{
	if (e->type_count != core->type_count)
		return true;
	for (size_t i = 0; i < e->type_count; i++) {
		bool found = false;
		for (size_t k = 0; k < core->type_count && !found; k++)
			found = str_eq(e->types[i].code, core->types[k].code) &&
				same_type(&e->types[i], &core->types[k]);
		if (!found)
			return true;
	}
	return false;
}

static bool values_differ(const struct profile_element *e, const struct profile_element *core)
{
	bool any = e->fixed || e->pattern || e->min_value || e->max_value || e->max_length || e->min_length ||
		   e->regex.p || e->required_value || e->narrative_languages;
	if (!any || !core)
		return any;
	return e->fixed || e->pattern || e->required_value || e->narrative_languages ||
	       !same_json(e->min_value, core->min_value) || !same_json(e->max_value, core->max_value) ||
	       e->max_length != core->max_length || e->min_length != core->min_length || e->regex.p;
}

static bool binding_differs(const struct profile_binding *a, const struct profile_binding *b)
{
	if (!a)
		return false;
	return !b || a->next || a->max_value_set.p || a->strength != b->strength || !str_eq(a->value_set, b->value_set);
}

static bool has_key(const struct profile_element *e, struct str key)
{
	for (size_t i = 0; e && i < e->constraint_count; i++)
		if (str_eq(e->constraints[i]->key, key))
			return true;
	return false;
}

/* Core definitions have already asked: those that the profile repeats by key, or says come from one. */
static bool inherited(const struct profile_constraint *c, const struct profile_element *core,
		      const struct profile_element *type)
{
	if (has_key(core, c->key) || has_key(type, c->key) || c->form == CONSTRAINT_EXTENSION_OR_VALUE)
		return true;
	return false;
}

static void drop_inherited(struct profile_element *e, const struct profile_element *core,
			   const struct profile_element *type)
{
	const struct profile_constraint **list = (const struct profile_constraint **)(uintptr_t)e->constraints;
	size_t kept = 0;
	for (size_t i = 0; i < e->constraint_count; i++)
		if (!inherited(list[i], core, type))
			list[kept++] = list[i];
	e->constraint_count = kept;
}

/* The core definition of what lies below an element: its own children there, or those of its type. */
static const struct profile_element *core_content(struct compilation *c, const struct profile_element *e,
						  const struct profile_element *core)
{
	if (core && core->content)
		core = core->content;
	if (core && core->child_count)
		return core;
	if (e->type_count != 1)
		return NULL;
	const struct profile *type = e->types[0].type ? profiles_fhir_type(c->set, e->types[0].type)
						      : profiles_find(c->set, e->types[0].code, NULL, NULL);
	return type ? type->root : NULL;
}

static const struct profile_element *core_child(const struct profile_element *core, const struct profile_element *e)
{
	return core ? profile_child(core, e->name) : NULL;
}

static void mark_own(struct profile_element *e, const struct profile_element *core, const struct profile_element *type)
{
	bool slice = e->slice.p != NULL;
	drop_inherited(e, core, type);
	if (e->min > (core && !slice ? core->min : 0))
		e->facts |= FACT_MIN;
	if (e->max < (core && !slice ? core->max : UINT32_MAX))
		e->facts |= FACT_MAX;
	if (e->type_count && (!core || types_differ(e, core)))
		e->facts |= FACT_TYPES;
	if (values_differ(e, core))
		e->facts |= FACT_VALUE;
	if (binding_differs(e->binding, core ? core->binding : NULL))
		e->facts |= FACT_BINDING;
	if (e->constraint_count)
		e->facts |= FACT_CONSTRAINTS;
}

/* Extensions are sliced by url in every snapshot; without slices that says nothing. */
static bool slicing_matters(const struct draft *d)
{
	return d->first_slice || (d->e.slicing && d->e.slicing->rules == SLICING_CLOSED && d->e.slicing->count);
}

void element_mark_facts(struct compilation *c, struct draft *d, const struct profile_element *core)
{
	struct profile_element *e = &d->e;
	const struct profile_element *content = d->first_child || e->constraint_count ? core_content(c, e, core) : NULL;
	mark_own(e, core, content);
	if (core) {
		e->element = core->element;
		e->list = core->parent ? core->list : e->list;
		e->content_type = core->content_type;
	}
	for (struct draft *k = d->first_child; k; k = k->next_child) {
		element_mark_facts(c, k, core_child(content, &k->e));
		if (k->e.facts)
			e->facts |= FACT_CHILDREN;
	}
	for (struct draft *k = d->first_slice; k; k = k->next_slice)
		element_mark_facts(c, k, core);
	if (slicing_matters(d))
		e->facts |= FACT_SLICES;
}
