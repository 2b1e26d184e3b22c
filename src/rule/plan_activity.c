/*
 * ActivityDefinitions as resources (R4 activitydefinition-operation-apply.html): the elements that the resource has of
 * the definition, for the patient, as a draft; then the dynamicValues of the definition and of the action that names
 * it, in FHIRPath, each at its place.
 */
#include <stdio.h>

#include "rule/rule_priv.h"

struct kind {
	const char *name, *subject, *timing; /* where timing[x] goes; NULL: nowhere */
	bool code, quantity, description, dosage, body_site, not_perform;
};
static const struct kind kinds[] = {
	{"ServiceRequest", "subject", "occurrence", .code = true, .body_site = true, .not_perform = true},
	{"MedicationRequest", "subject", NULL, .quantity = true, .dosage = true, .not_perform = true},
	{"Task", "for", NULL, .code = true, .description = true},
	{"CommunicationRequest", "subject", "occurrence", .description = true, .not_perform = true},
};

static const struct kind *find_kind(struct str name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_is(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

/* ---- trees --------------------------------------------------------------------------------------------------------
 */

static struct rule_tree *tree_new(struct compiler *c, struct str name, enum json_type type)
{
	struct rule_tree *t = ARENA_NEW(c->arena, struct rule_tree);
	if (t)
		*t = (struct rule_tree){.name = name, .type = type};
	else
		error_memory(c->err);
	return t;
}

static void append(struct rule_tree *parent, struct rule_tree *child)
{
	const struct rule_tree **link = &parent->first;
	while (*link)
		link = (const struct rule_tree **)(uintptr_t) & (*link)->next;
	*link = child;
}

static struct rule_tree *child_named(const struct rule_tree *parent, struct str name)
{
	for (const struct rule_tree *t = parent->first; t; t = t->next)
		if (str_eq(t->name, name))
			return (struct rule_tree *)(uintptr_t)t;
	return NULL;
}

static struct rule_tree *child_at(struct compiler *c, struct rule_tree *list, size_t index)
{
	const struct rule_tree *t = list->first;
	for (; t && index; index--)
		t = t->next;
	if (t || index)
		return (struct rule_tree *)(uintptr_t)t;
	struct rule_tree *made = tree_new(c, STR_NULL, JSON_OBJECT);
	if (made)
		append(list, made);
	return made;
}

struct step {
	struct str name;
	size_t index;
	const struct fhir_element *element;
	const struct fhir_type *type; /* of the value */
};

/* "dosageInstruction[0].text": the element of a type, and where in it. */
static bool read_step(struct compiler *c, struct str text, const struct fhir_type *owner, struct step *ret)
{
	size_t open = str_find_char(text, '[', 0);
	uint64_t index = 0;
	ret->name = str_slice(text, 0, open == STR_NONE ? text.n : open);
	if (open != STR_NONE && (!str_ends(text, S("]")) || !str_to_u64(str_slice(text, open + 1, text.n - 1), &index)))
		return compile_fail(c, ERR_NOT_SUPPORTED, "The path '%.*s' is not supported",
				    STR_ARG(str_slice(text, 0, 60)));
	ret->index = index;
	ret->element = definitions_element(owner, ret->name, &ret->type);
	return ret->element || compile_fail(c, ERR_VALUE, "%.*s has no element '%.*s'", STR_ARG(owner->name),
					    STR_ARG(str_slice(ret->name, 0, 60)));
}

bool plan_set(struct compiler *c, struct rule_tree *resource, struct str type, struct str path,
	      const struct rule_expression *expression)
{
	const struct fhir_type *owner = definitions_resource(c->library->definitions, type);
	struct rule_tree *at = resource;
	struct str rest = path;
	if (str_starts(rest, type) && rest.n > type.n && rest.p[type.n] == '.')
		rest = str_slice(rest, type.n + 1, rest.n);
	while (rest.p) {
		struct step step = {0};
		struct str part = str_split(&rest, '.');
		if (!read_step(c, part, owner, &step))
			return false;
		bool many = step.element->max > 1, last = !rest.p;
		struct rule_tree *child = child_named(at, step.name);
		if (!child) {
			child = tree_new(c, step.name, many ? JSON_ARRAY : JSON_OBJECT);
			if (!child)
				return false;
			append(at, child);
		}
		if (child->whole && !last)
			return compile_fail(c, ERR_VALUE, "'%.*s' is within an element that is set as a whole already",
					    STR_ARG(str_slice(path, 0, 100)));
		if (child->constant)
			*child = (struct rule_tree){.name = child->name, .type = child->type, .next = child->next};
		at = many ? child_at(c, child, step.index) : child;
		if (!at)
			return c->err->code ? false
					    : compile_fail(c, ERR_VALUE, "The path '%.*s' leaves places empty",
							   STR_ARG(str_slice(path, 0, 100)));
		if (at->whole && !last)
			return compile_fail(c, ERR_VALUE, "'%.*s' is within an element that is set as a whole already",
					    STR_ARG(str_slice(path, 0, 100)));
		owner = step.type;
		if (last)
			*at = (struct rule_tree){.name = at->name, .next = at->next, .whole = expression};
	}
	return true;
}

/* ---- definitions --------------------------------------------------------------------------------------------------
 */

static void copy(struct json_writer *w, const struct json *from, const char *name, const char *as)
{
	const struct json *value = json_get(from, str_from(name));
	if (!value)
		return;
	json_key(w, str_from(as));
	json_put_value(w, value);
}

static void copy_timing(struct json_writer *w, const struct json *from, const char *as)
{
	static const char *const forms[] = {"DateTime", "Period", "Timing", NULL};
	char name[32], target[48];
	for (size_t i = 0; as && forms[i]; i++) {
		snprintf(name, sizeof(name), "timing%s", forms[i]);
		snprintf(target, sizeof(target), "%s%s", as, forms[i]);
		copy(w, from, name, target);
	}
}

static void put_canonical(struct compiler *c, struct json_writer *w, const struct kind *kind, const struct json *from)
{
	struct str url = json_get_str(from, S("url")), version = json_get_str(from, S("version"));
	struct str whole = version.n ? arena_printf(c->arena, "%.*s|%.*s", STR_ARG(url), STR_ARG(version)) : url;
	bool task = str_is(str_from(kind->name), "Task");
	json_key(w, S("instantiatesCanonical"));
	if (!task)
		json_array_begin(w);
	json_put_str(w, whole);
	if (!task)
		json_array_end(w);
}

/* What of the definition the resource has, as JSON. */
static void put_elements(struct compiler *c, struct json_writer *w, const struct kind *kind, const struct json *from)
{
	struct str intent = json_get_str(from, S("intent")), text = json_get_str(from, S("description"));
	bool communication = str_is(str_from(kind->name), "CommunicationRequest");
	json_object_begin(w);
	json_put_member(w, S("resourceType"), str_from(kind->name));
	put_canonical(c, w, kind, from);
	json_put_member(w, S("status"), S("draft"));
	if (!communication)
		json_put_member(w, S("intent"), intent.n ? intent : S("proposal"));
	copy(w, from, "priority", "priority");
	if (kind->not_perform)
		copy(w, from, "doNotPerform", "doNotPerform");
	if (kind->code)
		copy(w, from, "code", "code");
	copy(w, from, "productCodeableConcept", "medicationCodeableConcept");
	copy(w, from, "productReference", "medicationReference");
	if (kind->body_site)
		copy(w, from, "bodySite", "bodySite");
	if (kind->dosage)
		copy(w, from, "dosage", "dosageInstruction");
	copy_timing(w, from, kind->timing);
	if (kind->quantity && json_get(from, S("quantity"))) {
		json_key(w, S("dispenseRequest"));
		json_object_begin(w);
		copy(w, from, "quantity", "quantity");
		json_object_end(w);
	}
	if (communication && text.n) {
		json_key(w, S("payload"));
		json_array_begin(w);
		json_object_begin(w);
		json_put_member(w, S("contentString"), text);
		json_object_end(w);
		json_array_end(w);
	} else if (kind->description && text.n) {
		json_put_member(w, S("description"), text);
	}
	json_object_end(w);
}

/* An element of the definition that the kind of resource has no place for. */
static bool check_elements(struct compiler *c, const struct kind *kind, const struct json *from)
{
	static const char *const never[] = {"location",
					    "participant",
					    "transform",
					    "profile",
					    "specimenRequirement",
					    "observationRequirement",
					    "timingAge",
					    "observationResultRequirement",
					    "timingRange",
					    "timingDuration",
					    "subjectReference",
					    NULL};
	static const char *const timing[] = {"timingDateTime", "timingPeriod", "timingTiming", NULL};
	static const char *const product[] = {"productReference", "productCodeableConcept", "dosage", "quantity", NULL};
	static const char *const code[] = {"code", NULL}, *const site[] = {"bodySite", NULL},
				 *const perform[] = {"doNotPerform", NULL};
	return plan_refuse(c, from, never) && (kind->timing || plan_refuse(c, from, timing)) &&
	       (kind->dosage || plan_refuse(c, from, product)) && (kind->code || plan_refuse(c, from, code)) &&
	       (kind->body_site || plan_refuse(c, from, site)) && (kind->not_perform || plan_refuse(c, from, perform));
}

static struct rule_tree *make(struct compiler *c, const struct kind *kind, const struct json *from)
{
	struct buf out;
	struct error why = {0};
	if (!check_elements(c, kind, from))
		return NULL;
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	put_elements(c, &w, kind, from);
	const struct json *resource = buf_ok(&out) ? json_parse(c->arena, buf_str(&out), 0, &why) : NULL;
	buf_done(&out);
	if (!resource) {
		compile_fail(c, why.code ? why.code : ERR_MEMORY, "The resource cannot be made: %s", why.text);
		return NULL;
	}
	return (struct rule_tree *)(uintptr_t)tree_compile(c, resource, 0);
}

static bool set_text(struct compiler *c, struct rule_tree *tree, const struct kind *kind, const char *path,
		     const char *expression)
{
	const struct rule_expression *e = expression_compile(c, str_from(expression));
	return e && plan_set(c, tree, str_from(kind->name), str_from(path), e);
}

/* own: the dynamicValues are the action's, of which some are its texts. */
static bool set_values(struct compiler *c, struct rule_tree *tree, const struct kind *kind, const struct json *from,
		       bool own)
{
	size_t index = 0;
	struct str before = compile_enter(c, S("dynamicValue"));
	for (struct json_iter it = json_iter(json_get(from, S("dynamicValue"))); json_next(&it); index++) {
		struct str list = compile_enter_index(c, index), path = json_get_str(it.value, S("path"));
		if (own && str_starts(path, S("action."))) {
			c->at = list;
			continue;
		}
		const struct rule_expression *e = plan_expression(c, json_get(it.value, S("expression")), false);
		if (!e || !plan_set(c, tree, str_from(kind->name), path, e))
			return false;
		c->at = list;
	}
	c->at = before;
	return true;
}

/* Where an action makes no resource, only its texts can be set. */
static bool check_values(struct compiler *c, const struct json *action)
{
	static const char *const own[] = {"title", "description", "textEquivalent", NULL};
	size_t index = 0;
	struct str before = compile_enter(c, S("dynamicValue"));
	for (struct json_iter it = json_iter(json_get(action, S("dynamicValue"))); json_next(&it); index++) {
		struct str path = json_get_str(it.value, S("path"));
		struct str name = str_starts(path, S("action.")) ? str_slice(path, 7, path.n) : path;
		bool is = false;
		for (size_t i = 0; own[i]; i++)
			is |= str_is(name, own[i]);
		if (!is) {
			compile_enter_index(c, index);
			return compile_fail(c, ERR_NOT_SUPPORTED, "The path '%.*s' is not supported",
					    STR_ARG(str_slice(path, 0, 60)));
		}
	}
	c->at = before;
	return true;
}

static const struct json *find_definition(struct compiler *c, struct str url)
{
	const struct rule_library *l = c->library;
	struct error why = {0};
	const struct json *found = l->canonical ? l->canonical(l->ctx, S("ActivityDefinition"), url, &why) : NULL;
	if (found)
		return found;
	if (why.code)
		compile_fail(c, why.code, "%s", why.text);
	else if (l->canonical && l->canonical(l->ctx, S("PlanDefinition"), url, &why))
		compile_fail(c, ERR_NOT_SUPPORTED, "A plan as the definition of an action is not supported");
	else
		compile_fail(c, ERR_NOT_FOUND, "The ActivityDefinition %.*s is not at hand",
			     STR_ARG(str_slice(url, 0, 120)));
	return NULL;
}

bool plan_activity(struct compiler *c, const struct json *action, const struct rule_tree **ret_tree)
{
	struct str url = json_get_str(action, S("definitionCanonical")), before = c->at;
	*ret_tree = NULL;
	if (!url.n)
		return check_values(c, action);
	compile_enter(c, S("definitionCanonical"));
	const struct json *definition = find_definition(c, url);
	if (!definition)
		return false;
	struct str name = json_get_str(definition, S("kind"));
	const struct kind *kind = find_kind(name);
	if (!kind)
		return compile_fail(c, ERR_NOT_SUPPORTED, "An ActivityDefinition of kind '%.*s' is not supported",
				    STR_ARG(str_slice(name, 0, 60)));
	struct rule_tree *tree = make(c, kind, definition);
	struct str subject = arena_printf(c->arena, "%s.reference", kind->subject);
	if (!tree || !subject.p || !set_text(c, tree, kind, subject.p, "'Patient/' & %patient.id") ||
	    !set_values(c, tree, kind, definition, false))
		return false;
	c->at = before;
	if (!set_values(c, tree, kind, action, true))
		return false;
	*ret_tree = tree;
	return true;
}
