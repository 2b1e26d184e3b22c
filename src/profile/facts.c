/*
 * What one ElementDefinition says (http://hl7.org/fhir/R4/elementdefinition.html): types, cardinality, fixed values and
 * patterns, limits, bindings, constraints.
 */
#include "profile/profile_priv.h"

#define EXTENSION "http://hl7.org/fhir/StructureDefinition/"

static const struct json *extension_of(const struct json *j, const char *url)
{
	struct json_iter it = json_iter(json_get(j, S("extension")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("url")), url))
			return it.value;
	return NULL;
}

/* The member whose name starts so and goes on with a type: "fixedUri". The type is given as the definitions write it.
 */
static const struct json *typed_member(struct compilation *c, const struct json *j, const char *start, struct str *type)
{
	struct str prefix = str_from(start);
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		if (!str_starts(it.key, prefix) || it.key.n == prefix.n || it.key.p[prefix.n] < 'A' ||
		    it.key.p[prefix.n] > 'Z')
			continue;
		struct str name = str_slice(it.key, prefix.n, it.key.n);
		const struct fhir_type *known = definitions_type(c->set->definitions, name);
		if (!known) {
			char lower[64];
			size_t n = name.n < sizeof(lower) ? name.n : 0;
			memcpy(lower, name.p, n);
			lower[0] = (char)(lower[0] | 32);
			known = definitions_type(c->set->definitions, str_make(lower, n));
		}
		*type = known ? known->name : name;
		return it.value;
	}
	return NULL;
}

static const struct str *read_texts(struct compilation *c, const struct json *list, size_t *ret_count)
{
	struct json_iter it = json_iter(list);
	struct str *texts = ARENA_ARRAY(c->a, struct str, it.left + 1);
	size_t count = 0;
	while (texts && json_next(&it))
		if (json_str(it.value).p)
			texts[count++] = json_str(it.value);
	*ret_count = texts ? count : 0;
	return texts;
}

static void read_aggregation(const struct json *j, struct profile_type *t)
{
	struct json_iter it = json_iter(json_get(j, S("aggregation")));
	while (json_next(&it)) {
		struct str mode = json_str(it.value);
		t->contained |= str_is(mode, "contained");
		t->referenced |= str_is(mode, "referenced");
		t->bundled |= str_is(mode, "bundled");
	}
	struct str versioning = json_get_str(j, S("versioning"));
	t->must_version = str_is(versioning, "specific");
	t->must_not_version = str_is(versioning, "independent");
}

static struct str read_type_code(const struct json *j)
{
	struct str code = json_get_str(j, S("code")), system = S("http://hl7.org/fhirpath/System.");
	const struct json *fhir = extension_of(j, EXTENSION "structuredefinition-fhir-type");
	if (str_starts(code, system)) {
		struct str name = json_get_str(fhir, S("valueUrl"));
		if (!name.p)
			name = json_get_str(fhir, S("valueUri"));
		if (name.p) /* later publishers call the ids of resources ids, R4 calls them strings */
			return str_is(name, "id") ? S("string") : name;
		code = str_slice(code, system.n, code.n);
		return str_is(code, "String") ? S("string") : str_is(code, "Boolean") ? S("boolean") : code;
	}
	return code;
}

/* A type's profile may stand for one element of it: the id in an extension. NULL when none does. */
static const struct str *read_parts(struct compilation *c, const struct json *siblings, size_t count)
{
	struct json_iter it = json_iter(siblings);
	struct str *parts = it.left ? ARENA_ARRAY(c->a, struct str, count + 1) : NULL;
	bool any = false;
	for (size_t i = 0; parts && i < count && json_next(&it); i++) {
		parts[i] = json_get_str(extension_of(it.value, EXTENSION "elementdefinition-profile-element"),
					S("valueString"));
		any |= parts[i].p != NULL;
	}
	return any ? parts : NULL;
}

/* alone: the only type, whose regular expression is that of the element. */
static void read_type(struct compilation *c, const struct json *j, struct draft *into, bool alone,
		      struct profile_type *t)
{
	static const struct str core = {EXTENSION, sizeof(EXTENSION) - 1};
	t->code = read_type_code(j);
	if (str_starts(t->code, core) && definitions_type(c->set->definitions, str_slice(t->code, core.n, t->code.n)))
		t->code = str_slice(t->code, core.n, t->code.n);
	t->type = definitions_type(c->set->definitions, t->code);
	t->profiles = read_texts(c, json_get(j, S("profile")), &t->profile_count);
	t->parts = read_parts(c, json_get(j, S("_profile")), t->profile_count);
	t->targets = read_texts(c, json_get(j, S("targetProfile")), &t->target_count);
	read_aggregation(j, t);
	struct str regex = json_get_str(extension_of(j, EXTENSION "regex"), S("valueString"));
	if (regex.p && c->profile->constraint && alone)
		into->e.regex = regex;
}

static bool read_types(struct compilation *c, const struct json *list, struct draft *into)
{
	struct json_iter it = json_iter(list);
	struct profile_type *types = ARENA_ARRAY(c->a, struct profile_type, it.left + 1);
	size_t count = 0;
	bool alone = it.left == 1;
	if (!types)
		return out_of_memory(c);
	while (json_next(&it))
		read_type(c, it.value, into, alone, &types[count++]);
	into->e.types = types;
	into->e.type_count = count;
	return true;
}

/* ---- bindings ---------------------------------------------------------------------------------------------------- */

static enum binding_strength read_strength(struct str s)
{
	return str_is(s, "required")	 ? BINDING_REQUIRED
	       : str_is(s, "extensible") ? BINDING_EXTENSIBLE
	       : str_is(s, "preferred")	 ? BINDING_PREFERRED
	       : str_is(s, "example")	 ? BINDING_EXAMPLE
					 : BINDING_NONE;
}

static struct str canonical_value(const struct json *extension)
{
	struct str s = json_get_str(extension, S("valueCanonical"));
	return s.p ? s : json_get_str(extension, S("valueUri"));
}

static const struct profile_usage *add_usage(struct compilation *c, const struct json *context,
					     const struct profile_usage *next)
{
	struct profile_usage *u = ARENA_NEW(c->a, struct profile_usage);
	if (!u || !json_is(context, JSON_OBJECT))
		return next;
	*u = (struct profile_usage){context, next};
	return u;
}

/* As the extension of R4 has it: parts named purpose, valueSet, usage, any. */
static void read_additional_parts(struct compilation *c, const struct json *extension, struct profile_binding *b)
{
	struct json_iter it = json_iter(json_get(extension, S("extension")));
	while (json_next(&it)) {
		struct str url = json_get_str(it.value, S("url"));
		if (str_is(url, "purpose"))
			b->purpose = json_get_str(it.value, S("valueCode"));
		else if (str_is(url, "valueSet"))
			b->value_set = canonical_value(it.value);
		else if (str_is(url, "usage"))
			b->usage = add_usage(c, json_get(it.value, S("valueUsageContext")), b->usage);
		else if (str_is(url, "any") || str_is(url, "scope"))
			b->any = json_bool(json_get(it.value, S("valueBoolean")));
	}
}

/* A value set in the profile itself is named as those outside name it: "url#id". */
static struct str value_set_name(struct compilation *c, struct str name)
{
	struct str url = c->profile->url;
	return str_starts(name, S("#")) && url.n ? arena_printf(c->a, "%.*s%.*s", STR_ARG(url), STR_ARG(name)) : name;
}

static struct profile_binding *additional_binding(struct compilation *c, const struct json *j, bool extension)
{
	struct profile_binding *b = ARENA_NEW(c->a, struct profile_binding);
	if (!b)
		return NULL;
	if (extension) {
		read_additional_parts(c, j, b);
	} else {
		b->purpose = json_get_str(j, S("purpose"));
		b->value_set = json_get_str(j, S("valueSet"));
		b->any = json_bool(json_get(j, S("any")));
		struct json_iter it = json_iter(json_get(j, S("usage")));
		while (json_next(&it))
			b->usage = add_usage(c, it.value, b->usage);
	}
	b->value_set = value_set_name(c, b->value_set);
	return b->value_set.p ? b : NULL;
}

/* The extension of R4, and the one that stands for the element of R5. */
static bool is_additional(struct str url)
{
	return str_is(url, "http://hl7.org/fhir/tools/StructureDefinition/additional-binding") ||
	       str_is(url,
		      "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition.binding.additional");
}

static void read_additional(struct compilation *c, const struct json *j, struct profile_binding *main)
{
	struct profile_binding **end = &main->next;
	struct json_iter it = json_iter(json_get(j, S("additional")));
	while (json_next(&it))
		if ((*end = additional_binding(c, it.value, false)))
			end = &(*end)->next;
	it = json_iter(json_get(j, S("extension")));
	while (json_next(&it))
		if (is_additional(json_get_str(it.value, S("url"))) && (*end = additional_binding(c, it.value, true)))
			end = &(*end)->next;
}

/* R4 requires units from a short list for the values of components of vital signs, but what else may be a component, an
 * oxygen flow rate for one, has other units. Other validators of R4 take it for extensible, and so do we. */
static bool is_too_strict(const struct compilation *c, const struct draft *e, const struct profile_binding *b)
{
	return str_is(canonical_package_name(c->profile->canonical->package), "hl7.fhir.r4.core") &&
	       str_is(e->e.path, "Observation.component.value[x]") &&
	       str_starts(b->value_set, S("http://hl7.org/fhir/ValueSet/ucum-vitals-common"));
}

static bool read_binding(struct compilation *c, const struct json *j, struct draft *into)
{
	if (!j)
		return true;
	struct profile_binding *b = ARENA_NEW(c->a, struct profile_binding);
	if (!b)
		return out_of_memory(c);
	b->strength = read_strength(json_get_str(j, S("strength")));
	b->value_set = value_set_name(c, json_get_str(j, S("valueSet")));
	b->max_value_set = canonical_value(extension_of(j, EXTENSION "elementdefinition-maxValueSet"));
	b->min_value_set = canonical_value(extension_of(j, EXTENSION "elementdefinition-minValueSet"));
	if (is_too_strict(c, into, b))
		b->strength = BINDING_EXTENSIBLE;
	read_additional(c, j, b);
	into->e.binding = b;
	return true;
}

/* ---- constraints ------------------------------------------------------------------------------------------------- */

static enum constraint_form form_of(struct str key, struct str expression)
{
	static const struct {
		const char *key, *start;
		enum constraint_form form;
	} forms[] = {
		{"ele-1", "hasValue() or (children().count() > id.count())", CONSTRAINT_HAS_CONTENT},
		{"ext-1", "extension.exists() != value.exists()", CONSTRAINT_EXTENSION_OR_VALUE},
		{"dom-2", "contained.contained.empty()", CONSTRAINT_CONTAINED_FLAT},
		{"dom-3", "contained.where(", CONSTRAINT_CONTAINED_USED},
		{"dom-4", "contained.meta.versionId.empty() and contained.meta.lastUpdated.empty()",
		 CONSTRAINT_CONTAINED_UNVERSIONED},
		{"dom-5", "contained.meta.security.empty()", CONSTRAINT_CONTAINED_UNSECURED},
		{"dom-6", "text.`div`.exists()", CONSTRAINT_HAS_NARRATIVE},
		{"dom-6", "text.div.exists()", CONSTRAINT_HAS_NARRATIVE},
		{"ref-1", "reference.startsWith('#').not()", CONSTRAINT_LOCAL_REFERENCE},
		{"txt-1", "htmlChecks()", CONSTRAINT_NARRATIVE},
		{"txt-2", "htmlChecks()", CONSTRAINT_NARRATIVE},
	};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (str_is(key, forms[i].key) && str_starts(expression, str_from(forms[i].start)))
			return forms[i].form;
	return CONSTRAINT_GENERAL;
}

/* Expressions of 4.0.1 that do not say what their sentence says; as HL7 corrected them later. */
static struct str corrected(struct str expression)
{
	static const struct {
		const char *wrong, *right;
	} errata[] = {
		{"operator = 'exists' implies (answer is Boolean)", "operator = 'exists' implies (answer is boolean)"},
		{"enableWhen.count() > 2 implies enableBehavior.exists()",
		 "enableWhen.count() > 1 implies enableBehavior.exists()"},
		{"probability is decimal implies (probability as decimal) <= 100",
		 "probability.empty() or ((probability is decimal) implies ((probability as decimal) <= 100))"},
	};
	for (size_t i = 0; i < sizeof(errata) / sizeof(errata[0]); i++)
		if (str_is(expression, errata[i].wrong))
			return str_from(errata[i].right);
	return expression;
}

static struct profile_constraint *read_constraint(struct compilation *c, const struct json *j)
{
	struct str key = json_get_str(j, S("key")), expression = json_get_str(j, S("expression"));
	struct str severity = json_get_str(j, S("severity"));
	struct str id = arena_printf(c->a, "%.*s %.*s %.*s", STR_ARG(key), STR_ARG(severity), STR_ARG(expression));
	bool fresh;
	uint64_t *slot = id.p ? map_put(&c->set->constraints, id, &fresh) : NULL;
	if (!slot)
		return NULL;
	if (!fresh)
		return (struct profile_constraint *)(uintptr_t)*slot;
	struct profile_constraint *made = ARENA_NEW(c->a, struct profile_constraint);
	if (!made)
		return NULL;
	*slot = (uintptr_t)made;
	made->key = key;
	made->human = json_get_str(j, S("human"));
	made->expression = corrected(expression);
	made->source = json_get_str(j, S("source"));
	made->severity = str_is(severity, "error") ? CONSTRAINT_ERROR : CONSTRAINT_WARNING;
	const struct json *best = extension_of(j, EXTENSION "elementdefinition-bestpractice");
	made->best_practice =
		json_bool(json_get(best, S("valueBoolean"))) || form_of(key, expression) == CONSTRAINT_HAS_NARRATIVE;
	made->form = form_of(key, expression);
	return made;
}

/* Those that the structure of every element decides anyway are left out. */
static bool read_constraints(struct compilation *c, const struct json *list, struct draft *into)
{
	struct json_iter it = json_iter(list);
	const struct profile_constraint **all = ARENA_ARRAY(c->a, const struct profile_constraint *, it.left + 1);
	size_t count = 0;
	if (!all)
		return out_of_memory(c);
	while (json_next(&it)) {
		struct profile_constraint *one = read_constraint(c, it.value);
		if (!one)
			return out_of_memory(c);
		if (one->expression.n && one->form != CONSTRAINT_HAS_CONTENT)
			all[count++] = one;
	}
	into->e.constraints = all;
	into->e.constraint_count = count;
	return true;
}

/* ---- the element ------------------------------------------------------------------------------------------------- */

static uint32_t read_number(const struct json *j)
{
	uint64_t n;
	struct str text = json_number(j);
	return text.p && str_to_u64(text, &n) && n < UINT32_MAX ? (uint32_t)n : 0;
}

static uint32_t read_max(struct str s, uint32_t otherwise)
{
	uint64_t n;
	if (str_is(s, "*"))
		return UINT32_MAX;
	return s.p && str_to_u64(s, &n) && n < UINT32_MAX ? (uint32_t)n : otherwise;
}

static void read_value_facts(struct compilation *c, const struct json *j, struct profile_element *e)
{
	e->fixed = typed_member(c, j, "fixed", &e->fixed_type);
	e->pattern = typed_member(c, j, "pattern", &e->pattern_type);
	e->min_value = typed_member(c, j, "minValue", &e->min_type);
	e->max_value = typed_member(c, j, "maxValue", &e->max_type);
	e->max_length = read_number(json_get(j, S("maxLength")));
	e->min_length = read_number(json_get(extension_of(j, EXTENSION "minLength"), S("valueInteger")));
	const struct json *must = extension_of(
		j, "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition.mustHaveValue");
	e->required_value = json_bool(json_get(j, S("mustHaveValue"))) || json_bool(json_get(must, S("valueBoolean")));
	struct str regex = json_get_str(extension_of(j, EXTENSION "regex"), S("valueString"));
	if (regex.p && c->profile->constraint)
		e->regex = regex;
	e->json_key = json_get_str(extension_of(j, "http://hl7.org/fhir/tools/StructureDefinition/json-property-key"),
				   S("valueCode"));
	e->narrative_languages = extension_of(j, EXTENSION "narrative-language-control") ? j : NULL;
}

bool element_read_facts(struct compilation *c, const struct json *j, struct draft *into)
{
	struct profile_element *e = &into->e;
	struct str base_max = json_get_str(json_get(j, S("base")), S("max"));
	e->profile = c->profile;
	e->path = json_get_str(j, S("path"));
	e->id = json_get_str(j, S("id"));
	e->slice = json_get_str(j, S("sliceName"));
	e->min = read_number(json_get(j, S("min")));
	e->max = read_max(json_get_str(j, S("max")), UINT32_MAX);
	e->list = read_max(base_max.p ? base_max : json_get_str(j, S("max")), 1) > 1;
	e->modifier = json_bool(json_get(j, S("isModifier")));
	into->content_reference = json_get_str(j, S("contentReference"));
	into->json = j;
	read_value_facts(c, j, e);
	if (!read_types(c, json_get(j, S("type")), into) || !read_binding(c, json_get(j, S("binding")), into) ||
	    !read_constraints(c, json_get(j, S("constraint")), into))
		return false;
	const struct json *slicing = json_get(j, S("slicing"));
	e->slicing = slicing ? slicing_read(c, slicing) : NULL;
	return !slicing || e->slicing || out_of_memory(c);
}
