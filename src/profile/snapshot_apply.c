/*
 * The differential's tree laid over the base's: finding the element that each part means, making slices, opening types
 * where the differential goes deeper (http://hl7.org/fhir/R4/profiling.html#slicing).
 */
#include "profile/snapshot_priv.h"

static bool apply_node(const struct snap_job *job, struct snap_node *into, const struct snap_node *d, bool fresh,
		       struct error *err);

static bool fail_at(const struct snap_job *job, const struct snap_node *d, struct error *err, const char *what)
{
	return error_set_at(err, ERR_STRUCTURE, node_id(job->s, d), "%s", what);
}

/* ---- opening types ------------------------------------------------------------------------------------------------
 */

/* Element of a tree by "Observation.referenceRange". */
static const struct snap_node *find_path(const struct snap_node *root, struct str path)
{
	str_split(&path, '.');
	while (root && path.p) {
		struct str name = str_split(&path, '.');
		root = snapshot_node_child(root, name, STR_NULL);
	}
	return root;
}

/* The content of another element, named by "#Questionnaire.item" or a URL in front of the mark. */
static bool open_reference(const struct snap_job *job, struct snap_node *n, struct str reference, struct error *err)
{
	struct str path = reference;
	str_split(&path, '#');
	size_t dot = path.p ? str_find_char(path, '.', 0) : STR_NONE;
	struct str type = dot == STR_NONE ? path : str_slice(path, 0, dot);
	const struct snap_node *root = NULL;
	if (str_eq(type, json_get_str(job->base, S("type"))) && json_get(job->base, S("url")))
		root = tree_of(job->s, job->base, job->from, err);
	else if (type.p)
		root = tree_of_canonical(job->s, type, job->from, err);
	const struct snap_node *target = root ? find_path(root, path) : NULL;
	if (!target)
		return fail_at(job, n, err, "the element that it refers to for its content is not there");
	const struct json *types = node_get(target, S("type"));
	node_unset(n, S("contentReference"));
	return (!types || node_set(job->s, n, S("type"), types, err)) && node_copy_children(job->s, target, n, err);
}

static struct str single_profile(const struct json *type)
{
	const struct json *profiles = json_get(type, S("profile"));
	return json_size(profiles) == 1 ? json_str(json_at(profiles, 0)) : STR_NULL;
}

/* What a type of an element is called: xhtml's and ids' types are system types with the FHIR type beside. */
static struct str type_name(const struct json *type)
{
	return json_get_str(type, S("code"));
}

static bool open_type(const struct snap_job *job, struct snap_node *n, const struct json *types, struct error *err)
{
	const struct json *type = json_at(types, 0);
	struct str profile = single_profile(type), code = type_name(type);
	const struct snap_node *tree = NULL;
	/* With several types only what all have can be opened. */
	if (json_size(types) != 1)
		code = S("Element");
	else if (profile.p && canonicals_find(job->s->set, S("StructureDefinition"), profile, job->from))
		tree = tree_of_canonical(job->s, profile, job->from, err);
	if (!tree && !(err && err->code))
		tree = tree_of_canonical(job->s, code, job->from, err);
	return tree && node_copy_children(job->s, tree, n, err);
}

/* Makes sure that the children of an element are there. */
static bool open_node(const struct snap_job *job, struct snap_node *n, struct error *err)
{
	const struct json *types = node_get(n, S("type"));
	struct str reference = json_str(node_get(n, S("contentReference")));
	if (n->first)
		return true;
	if (reference.p)
		return open_reference(job, n, reference, err);
	if (!json_size(types))
		return job->specialization || fail_at(job, n, err, "an element without type cannot have elements");
	return open_type(job, n, types, err);
}

/* ---- slices -------------------------------------------------------------------------------------------------------
 */

/* The type of a choice that a slice such as valueQuantity means. */
static const struct json *choice_entry(const struct snap_node *n, struct str type)
{
	struct json_iter it = json_iter(node_get(n, S("type")));
	while (type.n && json_next(&it)) {
		struct str code = json_get_str(it.value, S("code"));
		if (code.n == type.n && str_eq(str_slice(code, 1, code.n), str_slice(type, 1, type.n)) &&
		    (code.p[0] & ~0x20) == type.p[0])
			return it.value;
	}
	return NULL;
}

/* [entry] as a list of its own. */
static const struct json *list_of(struct snap *s, const struct json *entry, struct error *err)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	json_array_begin(&w);
	json_put_value(&w, entry);
	json_array_end(&w);
	const struct json *list = buf_ok(&out) ? json_parse(s->a, buf_str(&out), 0, err) : NULL;
	if (!buf_ok(&out))
		error_memory(err);
	buf_done(&out);
	return list;
}

static bool narrow_type(const struct snap_job *job, struct snap_node *n, struct str type, struct error *err)
{
	const struct json *entry = choice_entry(n, type);
	const struct json *list = entry ? list_of(job->s, entry, err) : NULL;
	return !entry || (list && node_set(job->s, n, S("type"), list, err));
}

static bool is_extension(const struct snap_node *n)
{
	return str_is(n->name, "extension") || str_is(n->name, "modifierExtension");
}

/* An element gets the slicing that everybody takes for granted. Others should say theirs; R4's own profiles do not all.
 */
static bool ensure_slicing(const struct snap_job *job, struct snap_node *sliced, struct error *err)
{
	if (node_get(sliced, S("slicing")))
		return true;
	if (is_extension(sliced))
		return node_set(job->s, sliced, S("slicing"), literal(job->s, S("extensionSlicing")), err);
	if (str_ends(sliced->name, S("[x]")))
		return node_set(job->s, sliced, S("slicing"), literal(job->s, S("choiceSlicing")), err);
	problem(job, sliced, "has a slice, but nothing says how it is sliced");
	return true;
}

/* The last sibling that belongs to a slice: the slice itself and what re-slices it. */
static struct snap_node *last_of_slice(struct snap_node *slice)
{
	struct snap_node *last = slice;
	for (struct snap_node *n = slice->next; n; n = n->next)
		if (str_eq(n->name, slice->name) && str_starts(n->slice, slice->slice) &&
		    n->slice.p[slice->slice.n] == '/')
			last = n;
	return last;
}

static struct snap_node *last_slice(struct snap_node *sliced)
{
	struct snap_node *last = sliced;
	for (struct snap_node *n = sliced->next; n; n = n->next)
		if (str_eq(n->name, sliced->name))
			last = n;
	return last;
}

/* Makes the slice from the element, or from the slice that it slices again ("a/b" of "a"). */
static struct snap_node *add_slice(const struct snap_job *job, struct snap_node *sliced, struct str name,
				   struct error *err)
{
	size_t slash = str_rfind_char(name, '/');
	struct snap_node *of =
		slash == STR_NONE ? NULL : snapshot_node_child(sliced->parent, sliced->name, str_slice(name, 0, slash));
	struct snap_node *where = of ? last_of_slice(of) : last_slice(sliced);
	if (!ensure_slicing(job, sliced, err))
		return NULL;
	struct snap_node *slice = node_copy(job->s, of ? of : sliced->pristine ? sliced->pristine : sliced, err);
	if (!slice)
		return NULL;
	slice->slice = name;
	node_insert_after(where, slice);
	node_unset(slice, S("slicing"));
	if (!node_set(job->s, slice, S("min"), literal(job->s, S("zero")), err))
		return NULL;
	/* as many as the whole may have, which the profile may have made fewer */
	const struct json *max = of ? NULL : node_get(sliced, S("max"));
	if (max && !str_is(json_str(max), "0") && !node_set(job->s, slice, S("max"), max, err))
		return NULL;
	return narrow_type(job, slice, choice_type(sliced->name, name), err) ? slice : NULL;
}

/* ---- one element --------------------------------------------------------------------------------------------------
 */

/* The base's child that a name means: the name itself, or the choice that it is a form of. */
static struct snap_node *find_child(const struct snap_node *parent, struct str name, struct str *ret_type)
{
	struct snap_node *n = snapshot_node_child(parent, name, STR_NULL);
	*ret_type = STR_NULL;
	for (struct snap_node *c = parent->first; !n && c; c = c->next) {
		struct str type = choice_type(c->name, name);
		if (!c->slice.p && type.p && (choice_entry(c, type) || !json_size(node_get(c, S("type"))))) {
			*ret_type = type;
			n = c;
		}
	}
	return n;
}

static bool demands_one(const struct json *element)
{
	struct str min = json_number(json_get(element, S("min")));
	return min.n && !str_is(min, "0");
}

/* What a slice named like a type means for the choice: when it must be there, there is nothing else. */
static bool close_choice(const struct snap_job *job, struct snap_node *choice, const struct snap_node *d,
			 struct str type, struct error *err)
{
	if (!demands_one(d->origin))
		return true;
	return node_set(job->s, choice, S("slicing"), literal(job->s, S("closedSlicing")), err) &&
	       node_set(job->s, choice, S("min"), json_get(d->origin, S("min")), err) &&
	       narrow_type(job, choice, type, err);
}

static bool inside_slice(const struct snap_node *n)
{
	while (n && !n->slice.p)
		n = n->parent;
	return n != NULL;
}

/* "valueQuantity" for value[x]: a slice by type. Inside another slice publishers take it for the choice itself, which
 * then has this type only, and so do we. */
static bool apply_shorthand(const struct snap_job *job, struct snap_node *choice, const struct snap_node *d,
			    struct str type, struct error *err)
{
	struct str name = d->slice.p ? d->slice : d->name;
	struct snap_node *slice = snapshot_node_child(choice->parent, choice->name, name);
	bool fresh = !slice;
	if (fresh && inside_slice(choice) && !node_get(choice, S("slicing")))
		return narrow_type(job, choice, type, err) && apply_node(job, choice, d, false, err);
	if (fresh) {
		bool first = !node_get(choice, S("slicing"));
		slice = add_slice(job, choice, name, err);
		if (!slice || (first && !close_choice(job, choice, d, type, err)))
			return false;
	}
	return apply_node(job, slice, d, fresh, err);
}

static bool add_own(const struct snap_job *job, struct snap_node *parent, const struct snap_node *d, struct error *err)
{
	struct snap_node *n = node_new(job->s, d->name, d->slice, err);
	if (!n)
		return false;
	n->own = true;
	node_append(parent, n);
	const struct snap_node *element = tree_of_canonical(job->s, S("Element"), job->from, err);
	for (size_t i = 0; element && i < element->constraint_count; i++)
		if (!add_constraint(job->s, n, element->constraints[i].json, element->constraints[i].source, err))
			return false;
	return element && apply_node(job, n, d, true, err);
}

/* A choice has one value: with one slice required, there are no others. */
static bool slices_exclude(const struct snap_node *sliced, const struct snap_node *slice, bool required)
{
	for (const struct snap_node *n = sliced->parent->first; n; n = n->next)
		if (n != slice && n->slice.p && str_eq(n->name, sliced->name) &&
		    (required || !str_is(json_number(node_get(n, S("min"))), "0")))
			return true;
	return false;
}

static bool apply_child(const struct snap_job *job, struct snap_node *parent, const struct snap_node *d,
			struct error *err)
{
	struct str type;
	struct snap_node *n = find_child(parent, d->name, &type);
	if (!n)
		return job->specialization ? add_own(job, parent, d, err)
					   : fail_at(job, d, err, "the base has no such element");
	if (type.p)
		return apply_shorthand(job, n, d, type, err);
	if (!n->pristine) {
		n->pristine = node_copy(job->s, n, err);
		if (!n->pristine)
			return false;
	}
	if (!d->slice.p)
		return apply_node(job, n, d, false, err);
	struct snap_node *slice = snapshot_node_child(parent, n->name, d->slice);
	bool fresh = !slice;
	type = choice_type(n->name, d->slice);
	if (fresh)
		slice = add_slice(job, n, d->slice, err);
	if (slice && fresh && type.p && slices_exclude(n, slice, demands_one(d->origin)))
		problem(job, slice, "is one of several slices of a choice of which one is required");
	else if (slice && fresh && type.p && !close_choice(job, n, d, type, err))
		return false;
	return slice && apply_node(job, slice, d, fresh, err);
}

/* A type with one profile brings what the profile says of the element as a whole. */
static bool apply_type_profile(const struct snap_job *job, struct snap_node *into, const struct json *element,
			       struct error *err)
{
	const struct json *types = json_get(element, S("type")), *type = json_at(types, 0);
	struct str profile = single_profile(type), code = json_get_str(type, S("code"));
	if (json_size(types) != 1 || !profile.p || str_is(code, "Reference") || str_is(code, "canonical") ||
	    !canonicals_find(job->s->set, S("StructureDefinition"), profile, job->from))
		return true;
	const struct snap_node *root = tree_of_canonical(job->s, profile, job->from, err);
	return root && merge_type_profile(job, into, root, str_is(code, "Extension"), err);
}

static bool apply_node(const struct snap_job *job, struct snap_node *into, const struct snap_node *d, bool fresh,
		       struct error *err)
{
	if (d->origin && into->parent && !apply_type_profile(job, into, d->origin, err))
		return false;
	if (d->origin && !merge_element(job, into, d->origin, fresh, err))
		return false;
	if (d->first && !open_node(job, into, err))
		return false;
	for (const struct snap_node *child = d->first; child; child = child->next)
		if (!apply_child(job, into, child, err))
			return false;
	return true;
}

bool apply_differential(const struct snap_job *job, struct snap_node *root, const struct snap_node *differential,
			struct error *err)
{
	if (!str_eq(root->name, differential->name)) {
		if (!job->specialization)
			return fail_at(job, differential, err, "the profile is not on the type of its base");
		root->name = differential->name;
	}
	return apply_node(job, root, differential, false, err);
}
