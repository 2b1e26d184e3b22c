/*
 * The functions of FHIRPath that ask definitions (R4 fhirpath.html#functions): elementDefinition() gives what R4 says
 * of an element, and slice() those items that a profile puts into one of its slices.
 */
#include "validate/validator_priv.h"
#include "validate/walk_priv.h"

/* ---- elementDefinition() --------------------------------------------------------------------------------------------
 */

bool validator_element_definition(struct validator *r, const struct path_item *item, struct path_item *ret_item,
				  struct error *err)
{
	struct str path = item->element ? item->element->path : item->type ? item->type->name : STR_NULL;
	struct str type = str_slice(path, 0, str_find_char(path, '.', 0));
	const struct canonical *found = type.n ? canonicals_find_type(r->canonicals, type) : NULL;
	const struct json *definition = found ? canonical_json(r->canonicals, found, err) : NULL;
	if (found && !definition)
		return false;
	struct json_iter it = json_iter(json_get(json_get(definition, S("snapshot")), S("element")));
	while (json_next(&it))
		if (str_eq(json_get_str(it.value, S("path")), path))
			*ret_item = path_item_element(definitions_type(r->definitions, S("ElementDefinition")), NULL,
						      it.value, NULL, NULL);
	return true;
}

/* ---- slice() --------------------------------------------------------------------------------------------------------
 */

/* The slice of a name among those of elements that are called as the item's is. */
static const struct profile_element *find_slice(const struct profile_element *e, struct str element, struct str name)
{
	const struct profile_element *found = NULL;
	for (size_t i = 0; i < e->slice_count && !found; i++) {
		const struct profile_element *s = e->slices[i];
		bool is = str_eq(s->slice, name) && str_eq(s->name, element);
		found = is ? s : find_slice(s, element, name);
	}
	for (size_t i = 0; i < e->child_count && !found; i++)
		found = find_slice(e->children[i], element, name);
	return found;
}

/* What the core types say of a path, "Observation.code.coding". */
static const struct profile_element *core_element(struct validation *v, const struct profile *p, struct str path)
{
	const struct profile *core = profiles_fhir_type(v->profiles, p->fhir_type);
	const struct profile_element *e = core ? core->root : NULL;
	str_split(&path, '.');
	while (e && path.p) {
		struct str step = str_split(&path, '.');
		if (str_ends(step, S("[x]")))
			step = str_slice(step, 0, step.n - 3);
		const struct profile_element *child = profile_child(e, step);
		if (!child && e->type_count == 1) {
			core = profiles_fhir_type(v->profiles, e->types[0].type);
			child = core ? profile_child(core->root, step) : NULL;
		}
		e = child;
	}
	return e;
}

/* 1 in the slice, 0 not, -1: there is no such profile or slice. */
static int in_slice(struct validation *v, const struct node *around, const struct path_item *item, struct str structure,
		    struct str name)
{
	const struct profile *p = profiles_find(v->profiles, structure, NULL, NULL);
	const struct profile_element *slice =
		p && item->element ? find_slice(p->root, item->element->name, name) : NULL;
	const struct profile_element *core = slice ? core_element(v, p, slice->path) : NULL;
	if (!core || !item->type)
		return -1;
	struct node n = node_child(around, core->name, -1, item->value);
	n.extra = item->extra;
	n.definition = core;
	n.type = item->type;
	if (core->choice)
		n.choice = item->type->name;
	node_describe(v, &n, type_of_node(v, &n, core));
	return slice_takes(v, &n, slice);
}

static bool ask_slice(void *ctx, struct arena *a, const struct path_item *item, struct str structure, struct str name,
		      int *ret_answer, struct error *err)
{
	struct validation *v = ctx;
	const struct node *at = v->evaluating;
	(void)a, (void)err;
	v->nested_evaluations++;
	*ret_answer = in_slice(v, at, item, structure, name);
	v->nested_evaluations--;
	v->evaluating = at;
	return true;
}

static bool ask_definition(void *ctx, struct arena *a, const struct path_item *item, struct path_item *ret_item,
			   struct error *err)
{
	struct validation *v = ctx;
	(void)a;
	return validator_element_definition(v->validator, item, ret_item, err);
}

void definition_services(struct path_services *services)
{
	services->in_slice = ask_slice;
	services->element_definition = ask_definition;
}

bool validator_in_slice(struct validator *r, struct arena *a, const struct path_item *item, struct str structure,
			struct str name, int *ret_answer, struct error *err)
{
	static const struct validation_options none;
	struct issues findings;
	struct error own = {0}, ignored = {0};
	struct validation v;
	issues_init(&findings, a);
	validation_open(&v, r, a, item->container, &none, &findings, &own);
	struct node root = {.index = -1, .value = item->container};
	struct holder holder = {.node = &root,
				.json = item->container,
				.type = item->container ? resource_type(r->definitions, item->container, &ignored)
							: NULL};
	root.holder = &holder;
	root.type = holder.type;
	v.evaluating = &root;
	v.trials = 1;
	*ret_answer = in_slice(&v, &root, item, structure, name);
	validation_close(&v);
	return own.code ? error_set(err, own.code, "%s", own.text) : true;
}
