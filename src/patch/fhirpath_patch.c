/*
 * FHIRPath Patch. Expressions are evaluated on the immutable document of the moment; the elements that they give are
 * found again by their address in it, and the same steps lead to the place to change in the tree. After each operation
 * the document is written and read anew, so that the next expression sees what the one before has done.
 */
#include "fhir/resource.h"
#include "fhirpath/fhirpath.h"
#include "patch/patch_priv.h"

enum { MAX_OPERATIONS = 1000, MAX_STEPS = JSON_MAX_DEPTH, MAX_PARTS_DEPTH = 16, MAX_SHOWN = 100 };

struct operation {
	struct str type, path, name;
	const struct json *value; /* the part */
	int64_t index, source, destination; /* -1: not given */
};

struct run {
	struct edit edit;
	const struct definitions *definitions;
	const struct json *document;
	struct node *root;
	struct operation operation;
};

/* Where an item stands in the document. */
struct found {
	struct json_step steps[MAX_STEPS];
	size_t count;
	struct spot spot;
};

static bool malformed(struct run *r, const char *text)
{
	return error_set(r->edit.err, ERR_STRUCTURE, "%s", text);
}

static bool impossible(struct run *r, const char *text)
{
	return error_set(r->edit.err, ERR_PATCH, "%s", text);
}

/* ---- finding ---------------------------------------------------------------------------------------------------- */

static bool search_member(struct run *r, const struct json *at, const struct json *wanted, struct found *f);

/* Looks for an address below an object; the steps that lead to it are added. */
static bool search(struct run *r, const struct json *at, const struct json *wanted, struct found *f)
{
	if (f->count == MAX_STEPS || !edit_work(&r->edit, json_size(at)))
		return false;
	for (struct json_iter it = json_iter(at); json_next(&it);) {
		f->steps[f->count++] = (struct json_step){it.key, JSON_NO_INDEX};
		if (it.value == wanted || search_member(r, it.value, wanted, f))
			return true;
		f->count--;
	}
	return false;
}

static bool search_member(struct run *r, const struct json *at, const struct json *wanted, struct found *f)
{
	if (json_is(at, JSON_OBJECT))
		return search(r, at, wanted, f);
	struct json_step *step = &f->steps[f->count - 1];
	step->index = 0;
	for (struct json_iter it = json_iter(json_is(at, JSON_ARRAY) ? at : NULL); json_next(&it); step->index++)
		if (it.value == wanted || (json_is(it.value, JSON_OBJECT) && search(r, it.value, wanted, f)))
			return true;
	step->index = JSON_NO_INDEX;
	return false;
}

/* The opened node at the end of the steps. */
static struct node *node_at(struct run *r, const struct json_step *steps, size_t count)
{
	struct node *node = r->root;
	for (size_t i = 0; i < count; i++) {
		if (!node_open(&r->edit, node))
			return NULL;
		node = node->children[node_find(node, steps[i].name)].node;
		if (steps[i].index == JSON_NO_INDEX)
			continue;
		if (!node_open(&r->edit, node))
			return NULL;
		node = node->children[steps[i].index].node;
	}
	return node_open(&r->edit, node) ? node : NULL;
}

/* The type of the object that the steps lead to: resources say it themselves, everything else follows from them. */
static const struct fhir_type *type_at(struct run *r, const struct json_step *steps, size_t count)
{
	const struct json *at = r->document;
	const struct fhir_type *type = resource_type(r->definitions, at, NULL);
	for (size_t i = 0; i < count && type; i++) {
		struct str name = steps[i].name;
		bool twin = name.n > 1 && name.p[0] == '_';
		at = json_get(at, name);
		at = steps[i].index == JSON_NO_INDEX ? at : json_at(at, steps[i].index);
		const struct fhir_type *next = NULL;
		if (!definitions_element(type, twin ? str_slice(name, 1, name.n) : name, &next))
			return NULL;
		type = twin			     ? definitions_type(r->definitions, S("Element"))
		       : next->kind == TYPE_RESOURCE ? resource_type(r->definitions, at, NULL)
						     : next;
	}
	return type;
}

/* Finds an element in the document, and the place in the tree where it can be changed. The whole has no place: its
 * count of steps is 0. */
static bool find_item(struct run *r, const struct path_item *item, struct found *ret_found)
{
	ret_found->count = 0;
	const struct json *address = item->value ? item->value : item->extra;
	if (item->kind != PATH_ELEMENT || !address)
		return impossible(r, "the path gives a computed value, not an element");
	if (address == r->document)
		return true;
	if (!search(r, r->document, address, ret_found))
		return impossible(r, "the path leads out of the resource");
	const struct json_step *last = &ret_found->steps[ret_found->count - 1];
	bool twin = !item->value && last->name.n > 1;
	ret_found->spot = (struct spot){
		.object = node_at(r, ret_found->steps, ret_found->count - 1),
		.owner = type_at(r, ret_found->steps, ret_found->count - 1),
		.name = twin ? str_slice(last->name, 1, last->name.n) : last->name,
		.index = last->index == JSON_NO_INDEX ? STR_NONE : last->index,
	};
	return ret_found->spot.object != NULL;
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

/* A part that is a value, taken apart. */
struct value {
	const struct json *value, *twin, *resource, *parts;
	struct str suffix; /* "Quantity" of valueQuantity */
};

static bool read_value(struct run *r, const struct json *part, struct value *ret_value)
{
	struct value v = {0};
	size_t count = 0;
	for (struct json_iter it = json_iter(part); json_next(&it);) {
		bool twin = str_starts(it.key, S("_value"));
		struct str suffix = str_slice(it.key, twin ? 6 : 5, it.key.n);
		if (str_is(it.key, "resource")) {
			v.resource = it.value;
			count++;
		} else if (str_is(it.key, "part")) {
			v.parts = it.value;
			count++;
		} else if (twin || (str_starts(it.key, S("value")) && suffix.n)) {
			count += !v.suffix.n || !str_eq(v.suffix, suffix);
			v.suffix = suffix;
			*(twin ? &v.twin : &v.value) = it.value;
		}
	}
	*ret_value = v;
	return count == 1 || malformed(r, "a value must be one value[x], one resource, or parts");
}

static bool fits_primitive(enum fhir_primitive primitive, const struct json *value)
{
	switch (primitive) {
	case PRIMITIVE_BOOLEAN:
		return json_is(value, JSON_BOOL);
	case PRIMITIVE_DECIMAL:
	case PRIMITIVE_INTEGER:
	case PRIMITIVE_POSITIVEINT:
	case PRIMITIVE_UNSIGNEDINT:
		return json_is(value, JSON_NUMBER);
	default:
		return json_is(value, JSON_STRING);
	}
}

static bool add_part(struct run *r, struct node *object, const struct fhir_type *owner, struct str name,
		     const struct json *part, unsigned depth);

/* An element given by its own elements, because there is no value[x] of its type. */
static struct node *build_parts(struct run *r, const struct fhir_type *type, const struct json *parts, unsigned depth)
{
	struct node *object = patch_node_new(&r->edit, JSON_OBJECT);
	if (depth == MAX_PARTS_DEPTH) {
		error_set(r->edit.err, ERR_LIMIT, "parts are nested deeper than %d levels", MAX_PARTS_DEPTH);
		return NULL;
	}
	for (struct json_iter it = json_iter(parts); object && json_next(&it);)
		if (!add_part(r, object, type, json_get_str(it.value, S("name")), it.value, depth + 1))
			return NULL;
	if (object && !object->count) {
		malformed(r, "a value has no content");
		return NULL;
	}
	return object;
}

/* What an element of the type becomes by the value. */
static bool build(struct run *r, const struct fhir_type *type, const struct value *v, unsigned depth,
		  struct content *ret_content)
{
	struct content c = {NULL, NULL};
	bool primitive = type->kind == TYPE_PRIMITIVE, resource = type->kind == TYPE_RESOURCE;
	if (resource ? !v->resource : v->resource != NULL)
		return impossible(r, resource ? "a resource belongs there" : "a resource does not belong there");
	if (primitive && (v->parts || (v->value && !fits_primitive(type->primitive, v->value))))
		return error_set(r->edit.err, ERR_PATCH, "the value is no %.*s", STR_ARG(type->name));
	if (!primitive && !resource && !v->parts && !json_is(v->value, JSON_OBJECT))
		return error_set(r->edit.err, ERR_PATCH, "the value is no %.*s", STR_ARG(type->name));
	if (v->parts)
		c.value = build_parts(r, type, v->parts, depth);
	else if (resource || v->value)
		c.value = node_wrap(&r->edit, resource ? v->resource : v->value);
	if (primitive && v->twin)
		c.twin = node_wrap(&r->edit, v->twin);
	*ret_content = c;
	return r->edit.err->code == ERR_NONE;
}

/* Is any variant of the element there already? */
static bool is_there(const struct node *object, const struct fhir_type *owner, const struct fhir_element *element)
{
	for (size_t i = 0; i < object->count; i++) {
		const struct fhir_type *type;
		struct str key = object->children[i].key;
		if (definitions_element(owner, key.n && key.p[0] == '_' ? str_slice(key, 1, key.n) : key, &type) ==
		    element)
			return true;
	}
	return false;
}

/* Adds an element to an object: at the end of a list, or one that is not there yet. */
static bool add_part(struct run *r, struct node *object, const struct fhir_type *owner, struct str name,
		     const struct json *part, unsigned depth)
{
	struct value v;
	struct content content;
	const struct fhir_type *type;
	struct spot spot = {object, owner, STR_NULL, STR_NONE};
	if (!name.n)
		return malformed(r, "\"name\" is missing");
	if (!read_value(r, part, &v))
		return false;
	const struct fhir_element *element = element_by_name(r->edit.arena, owner, name, v.suffix, &type, &spot.name);
	if (!element)
		return error_set(r->edit.err, ERR_PATCH, "%.*s has no element \"%.*s\" of this type",
				 STR_ARG(owner->name), STR_ARG(str_slice(name, 0, MAX_SHOWN)));
	if (element->max == 1 && is_there(object, owner, element))
		return error_set(r->edit.err, ERR_PATCH, "the element \"%.*s\" is there already",
				 STR_ARG(element->name));
	if (!build(r, type, &v, depth, &content))
		return false;
	return element->max == 1 ? spot_put(&r->edit, &spot, &content) : spot_insert(&r->edit, &spot, &content);
}

/* ---- operations ------------------------------------------------------------------------------------------------- */

static const struct path_program *compile(struct run *r)
{
	struct path_options options = {.start = resource_type(r->definitions, r->document, NULL)};
	return path_compile(r->edit.arena, r->definitions, r->operation.path, &options, r->edit.err);
}

static bool evaluate(struct run *r, const struct path_program *program, const struct path_node *node,
		     struct path_items *ret_items)
{
	struct path_context context = {.resource = r->document};
	struct path_item focus = path_item_resource(r->definitions, r->document);
	return path_eval_node(program, node, r->edit.arena, &context, &focus, ret_items, r->edit.err);
}

static bool select_items(struct run *r, struct path_items *ret_items)
{
	const struct path_program *program = compile(r);
	return program && evaluate(r, program, program->root, ret_items);
}

/* The one element that the path gives. */
static bool select_one(struct run *r, struct path_item *ret_item)
{
	struct path_items items;
	if (!select_items(r, &items))
		return false;
	if (items.count != 1)
		return impossible(r, items.count ? "the path gives several elements" : "the path gives no element");
	*ret_item = items.items[0];
	return true;
}

/* The object that holds the elements of an item: its own, or beside the value of a primitive. */
static bool inside_of(struct run *r, const struct path_item *item, struct node **ret_object,
		      const struct fhir_type **ret_type)
{
	struct found f;
	if (!find_item(r, item, &f))
		return false;
	*ret_object = f.count ? NULL : r->root;
	*ret_type = f.count ? item->type : resource_type(r->definitions, r->document, NULL);
	if (!f.count)
		return node_open(&r->edit, r->root);
	if (json_is(item->value, JSON_OBJECT)) {
		*ret_object = node_at(r, f.steps, f.count);
		*ret_type = type_at(r, f.steps, f.count);
		return *ret_object != NULL;
	}
	struct content content = {NULL, NULL};
	*ret_type = definitions_type(r->definitions, S("Element"));
	content.value = item->value ? node_wrap(&r->edit, item->value) : NULL;
	content.twin = item->extra ? node_wrap(&r->edit, item->extra) : patch_node_new(&r->edit, JSON_OBJECT);
	*ret_object = content.twin;
	return content.twin && (!item->value || content.value) && node_open(&r->edit, content.twin) &&
	       spot_put(&r->edit, &f.spot, &content);
}

static bool add_to(struct run *r, const struct path_item *item, struct str name)
{
	struct node *object;
	const struct fhir_type *type;
	if (!inside_of(r, item, &object, &type))
		return false;
	if (!type)
		return impossible(r, "the type of the element is not known");
	return add_part(r, object, type, name, r->operation.value, 0);
}

static bool do_add(struct run *r)
{
	struct path_item item;
	if (!r->operation.name.n)
		return malformed(r, "\"name\" is missing");
	return select_one(r, &item) && add_to(r, &item, r->operation.name);
}

/* The items of one list, in the order of the path. */
static bool find_list(struct run *r, const struct path_items *items, struct found *ret_found, size_t **ret_indexes)
{
	size_t *indexes = ARENA_ARRAY(r->edit.arena, size_t, items->count);
	struct found f;
	if (!indexes)
		return error_memory(r->edit.err);
	for (size_t i = 0; i < items->count; i++) {
		if (!find_item(r, &items->items[i], &f))
			return false;
		if (!f.count || f.spot.index == STR_NONE)
			return impossible(r, "the path does not give a list");
		if (i && (f.spot.object != ret_found->spot.object || !str_eq(f.spot.name, ret_found->spot.name)))
			return impossible(r, "the path gives items of several lists");
		indexes[i] = f.spot.index;
		*ret_found = f;
	}
	*ret_indexes = indexes;
	return true;
}

/* The first item of a list that is not there yet: an addition to the element that the last step starts from. */
static bool insert_first(struct run *r, const struct path_program *program)
{
	struct path_items parents;
	const struct path_node *last = program->root;
	if (last->op != PATH_OP_MEMBER)
		return impossible(r, "the path gives no list");
	if (!last->left) {
		struct path_item whole = path_item_resource(r->definitions, r->document);
		return add_to(r, &whole, last->name);
	}
	if (!evaluate(r, program, last->left, &parents))
		return false;
	if (parents.count != 1)
		return impossible(r, "the path gives no list");
	return add_to(r, &parents.items[0], last->name);
}

static bool do_insert(struct run *r)
{
	struct value v;
	struct found f;
	struct content content;
	struct path_items items;
	size_t *indexes;
	int64_t index = r->operation.index;
	const struct path_program *program = compile(r);
	if (index < 0)
		return malformed(r, "\"index\" is missing or negative");
	if (!program || !evaluate(r, program, program->root, &items))
		return false;
	if ((uint64_t)index > items.count)
		return impossible(r, "the index is behind the end of the list");
	if (!items.count)
		return insert_first(r, program);
	if (!find_list(r, &items, &f, &indexes) || !read_value(r, r->operation.value, &v))
		return false;
	if (!items.items[0].type)
		return impossible(r, "the type of the element is not known");
	f.spot.index = (size_t)index < items.count ? indexes[index] : indexes[items.count - 1] + 1;
	return build(r, items.items[0].type, &v, 0, &content) && spot_insert(&r->edit, &f.spot, &content);
}

static bool do_delete(struct run *r)
{
	struct found f;
	struct path_items items;
	if (!select_items(r, &items))
		return false;
	if (!items.count)
		return true;
	if (items.count > 1)
		return impossible(r, "the path gives several elements");
	if (!find_item(r, &items.items[0], &f))
		return false;
	if (!f.count)
		return impossible(r, "the resource itself cannot be deleted");
	if (!spot_put(&r->edit, &f.spot, &(struct content){NULL, NULL}))
		return false;
	return prune(&r->edit, r->root, f.steps, f.count - 1);
}

/* A choice may become another type: deceasedBoolean becomes deceasedDateTime. */
static bool do_replace(struct run *r)
{
	struct value v;
	struct found f;
	struct path_item item;
	struct content content;
	if (!select_one(r, &item) || !find_item(r, &item, &f) || !read_value(r, r->operation.value, &v))
		return false;
	if (!f.count)
		return impossible(r, "the resource itself cannot be replaced");
	const struct fhir_type *type = NULL;
	struct spot spot = f.spot;
	const struct fhir_element *element = spot.owner ? definitions_element(spot.owner, spot.name, &type) : NULL;
	if (element && element->choice && v.suffix.n)
		element = element_by_name(r->edit.arena, spot.owner, element->name, v.suffix, &type, &spot.name);
	if (!element)
		return impossible(r, "the element cannot be of the type of the value");
	if (!build(r, type, &v, 0, &content))
		return false;
	return (str_eq(spot.name, f.spot.name) || spot_put(&r->edit, &f.spot, &(struct content){NULL, NULL})) &&
	       spot_put(&r->edit, &spot, &content);
}

static bool do_move(struct run *r)
{
	struct found f;
	struct path_items items;
	size_t *indexes;
	int64_t from = r->operation.source, to = r->operation.destination;
	if (from < 0 || to < 0)
		return malformed(r, "\"source\" or \"destination\" is missing or negative");
	if (!select_items(r, &items))
		return false;
	if ((uint64_t)from >= items.count || (uint64_t)to >= items.count)
		return impossible(r, "the list has no item of this index");
	if (!find_list(r, &items, &f, &indexes))
		return false;
	f.spot.index = indexes[from];
	return spot_move(&r->edit, &f.spot, indexes[to]);
}

/* ---- the patch -------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool value;
	bool (*run)(struct run *r);
} operations[] = {
	{"add", true, do_add},	       {"insert", true, do_insert}, {"delete", false, do_delete},
	{"replace", true, do_replace}, {"move", false, do_move},
};
enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

/* The value[x] of a part, of whatever type. */
static const struct json *any_value(const struct json *part)
{
	for (struct json_iter it = json_iter(part); json_next(&it);)
		if (str_starts(it.key, S("value")))
			return it.value;
	return NULL;
}

static int64_t whole_number(const struct json *value)
{
	uint64_t number;
	return str_to_u64(json_number(value), &number) && number <= INT32_MAX ? (int64_t)number : -1;
}

static bool read_operation(struct run *r, const struct json *parameter, struct operation *o)
{
	*o = (struct operation){.index = -1, .source = -1, .destination = -1};
	if (!str_is(json_get_str(parameter, S("name")), "operation"))
		return malformed(r, "a parameter must have the name \"operation\"");
	for (struct json_iter it = json_iter(json_get(parameter, S("part"))); json_next(&it);) {
		struct str name = json_get_str(it.value, S("name"));
		const struct json *value = any_value(it.value);
		if (str_is(name, "type"))
			o->type = json_str(value);
		else if (str_is(name, "path"))
			o->path = json_str(value);
		else if (str_is(name, "name"))
			o->name = json_str(value);
		else if (str_is(name, "value"))
			o->value = it.value;
		else if (str_is(name, "index"))
			o->index = whole_number(value);
		else if (str_is(name, "source"))
			o->source = whole_number(value);
		else if (str_is(name, "destination"))
			o->destination = whole_number(value);
		else
			return malformed(r, "a part has a name that no operation knows");
	}
	return true;
}

static bool run_operation(struct run *r, const struct operation *o)
{
	size_t kind = 0;
	if (!o->type.p)
		return malformed(r, "\"type\" is missing");
	while (kind < OPERATIONS && !str_is(o->type, operations[kind].name))
		kind++;
	if (kind == OPERATIONS)
		return malformed(r, "\"type\" must be add, insert, delete, replace or move");
	if (!o->path.n)
		return malformed(r, "\"path\" is missing");
	if (operations[kind].value && !o->value)
		return malformed(r, "\"value\" is missing");
	return operations[kind].run(r);
}

/* Paths may quote what they look for; that is left out of errors. */
static void mask_texts(struct str path, char *ret_shown, size_t size)
{
	size_t n = 0;
	bool quoted = false;
	for (size_t i = 0; i < path.n && n + 1 < size; i++) {
		bool quote = path.p[i] == '\'' && (i == 0 || path.p[i - 1] != '\\');
		if (!quoted || quote)
			ret_shown[n++] = path.p[i];
		quoted ^= quote;
	}
	ret_shown[n] = '\0';
}

/* One operation on the document in text; what comes out replaces it. */
static bool run_step(struct run *r, struct buf *text, const struct json *parameter, size_t number)
{
	struct operation *o = &r->operation;
	r->document = json_parse(r->edit.arena, buf_str(text), 0, r->edit.err);
	r->root = r->document ? node_wrap(&r->edit, r->document) : NULL;
	if (!r->root)
		return false;
	if (!read_operation(r, parameter, o) || !run_operation(r, o)) {
		char shown[MAX_SHOWN];
		mask_texts(o->path, shown, sizeof(shown));
		r->edit.err->line = r->edit.err->column = 0; /* of an expression, not of a document */
		return error_context(r->edit.err, "operation %zu (%.*s %s)", number, STR_ARG(str_slice(o->type, 0, 16)),
				     shown);
	}
	buf_reset(text);
	struct json_writer w = json_writer(text);
	node_write(&w, r->root);
	return buf_ok(text) || error_set(r->edit.err, ERR_LIMIT, "The result of the patch is too large");
}

const struct json *patch_fhirpath(struct arena *a, const struct definitions *d, const struct json *resource,
				  const struct json *parameters, struct error *err)
{
	struct error own = {0};
	struct arena scratch;
	struct buf text;
	struct run r = {.edit = {.arena = &scratch, .err = err ? err : &own}, .definitions = d};
	const struct json *list = json_get(parameters, S("parameter"));
	size_t number = 0;
	bool ok = str_is(json_get_str(parameters, S("resourceType")), "Parameters") ||
		  malformed(&r, "a FHIRPath Patch must be a Parameters resource");
	if (ok && json_size(list) > MAX_OPERATIONS)
		ok = error_set(r.edit.err, ERR_LIMIT, "The patch has more than %d operations", MAX_OPERATIONS);
	if (!ok || !resource_type(d, resource, r.edit.err))
		return NULL;
	arena_init(&scratch, a->cap);
	buf_init(&text, PATCH_MAX_BYTES);
	struct json_writer w = json_writer(&text);
	json_put_value(&w, resource);
	for (struct json_iter it = json_iter(list); ok && json_next(&it); arena_reset(&scratch))
		ok = run_step(&r, &text, it.value, ++number);
	const struct json *result = ok ? json_parse(a, buf_str(&text), 0, r.edit.err) : NULL;
	buf_done(&text);
	arena_done(&scratch);
	return result;
}
