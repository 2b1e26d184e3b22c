/*
 * Bindings (http://hl7.org/fhir/R4/terminologies.html): is a coded value in its value set? Required: an error when it
 * is surely not; extensible: a warning; weaker ones say nothing. What terminology cannot decide is never an error. And
 * are codings codes of their systems, whatever they are bound to? Verdicts are remembered per validator.
 */
#include "validate/walk_priv.h"

#include "units/units.h"

enum { SHOWN = 100, MAX_VALUE_SET = 300 };

static struct str shown(struct str s)
{
	return str_slice(s, 0, SHOWN);
}

static struct coding coding_of(const struct json *j)
{
	return (struct coding){json_get_str(j, S("system")), json_get_str(j, S("version")), json_get_str(j, S("code")),
			       json_get_str(j, S("display"))};
}

/* ---- what a coded value says to a value set ------------------------------------------------------------------------
 */

struct coded {
	enum code_answer answer; /* CODE_IN when any of its codings is */
	size_t codings;
	struct coding first;
	struct code_verdict verdict; /* of the first coding that is not in */
};

static void ask_coding(struct validation *v, const struct profile_element *e, struct str value_set,
		       const struct coding *coding, bool bare, struct coded *c)
{
	struct code_verdict verdict = validation_code(v, value_set, e->profile->canonical, coding, bare);
	if (!c->codings++) {
		c->first = *coding;
		c->verdict = verdict;
		c->answer = verdict.answer;
	} else if (verdict.answer == CODE_IN || (verdict.answer == CODE_UNKNOWN && c->answer == CODE_NOT_IN)) {
		c->answer = verdict.answer;
	}
}

static void ask_concept(struct validation *v, const struct node *n, const struct profile_element *e,
			struct str value_set, struct coded *c)
{
	struct json_iter it = json_iter(json_get(n->value, S("coding")));
	while (json_next(&it) && !(c->codings && c->answer == CODE_IN)) {
		struct coding coding = coding_of(it.value);
		coding.display = STR_NULL;
		if (coding.code.p)
			ask_coding(v, e, value_set, &coding, false, c);
	}
}

/* CapabilityStatement.format and its like: "xml", "json" and "ttl" stand for the MIME types of FHIR. */
static bool is_short_format(struct str value_set, struct str code)
{
	return str_starts(value_set, S("http://hl7.org/fhir/ValueSet/mimetypes")) &&
	       (str_is(code, "xml") || str_is(code, "json") || str_is(code, "ttl"));
}

/* False when the value is of a type that has no codes. */
static bool ask(struct validation *v, const struct node *n, const struct profile_element *e, struct str value_set,
		struct coded *c)
{
	struct coding coding = {0};
	if (!n->type || !n->value)
		return false;
	if (n->type->kind == TYPE_PRIMITIVE) {
		coding.code = json_str(n->value);
		if (!coding.code.n || is_short_format(value_set, coding.code))
			return false;
		ask_coding(v, e, value_set, &coding, true, c);
	} else if (str_is(n->type->name, "CodeableConcept")) {
		ask_concept(v, n, e, value_set, c);
	} else if (str_is(n->type->name, "Coding") || type_derives(v, n->type, S("Quantity"))) {
		coding = coding_of(n->value);
		coding.display = STR_NULL;
		if (coding.code.n)
			ask_coding(v, e, value_set, &coding, false, c);
	} else {
		return false;
	}
	return true;
}

bool binding_holds(struct validation *v, const struct node *n, const struct profile_element *e)
{
	struct coded c = {0};
	return ask(v, n, e, e->binding->value_set, &c) && c.codings && c.answer == CODE_IN;
}

/* ---- findings ------------------------------------------------------------------------------------------------------
 */

static void report(struct validation *v, const struct node *n, enum issue_severity severity, const struct coded *c,
		   struct str value_set, const char *what)
{
	const struct coding *k = &c->first;
	if (!c->codings)
		validation_find(v, n, severity, ERR_REQUIRED, S("binding"),
				"There is no code, but one from the value set %.*s %s", STR_ARG(value_set), what);
	else if (c->codings == 1)
		validation_find(v, n, severity, ERR_CODE, S("binding"),
				"The code \"%.*s%s%.*s\" is not in the value set %.*s, but one from it %s",
				STR_ARG(shown(k->system)), k->system.n ? "#" : "", STR_ARG(shown(k->code)),
				STR_ARG(value_set), what);
	else
		validation_find(
			v, n, severity, ERR_CODE, S("binding"),
			"None of the %zu codes (\"%.*s%s%.*s\" ...) is in the value set %.*s, but one from it %s",
			c->codings, STR_ARG(shown(k->system)), k->system.n ? "#" : "", STR_ARG(shown(k->code)),
			STR_ARG(value_set), what);
}

/* Only text in a concept: without a code it cannot be in a set that is required. */
static void check_set(struct validation *v, const struct node *n, const struct profile_element *e, struct str value_set,
		      enum issue_severity severity, const char *what)
{
	struct coded c = {0};
	if (!value_set.n)
		return;
	/* A code that is only said to be absent is not from the set either. */
	if (!n->value && n->extra && severity == ISSUE_ERROR && n->type && n->type->kind == TYPE_PRIMITIVE)
		report(v, n, severity, &c, value_set, what);
	if (!ask(v, n, e, value_set, &c))
		return;
	bool missing = !c.codings && severity == ISSUE_ERROR && !json_get(n->value, S("extension")) &&
		       !str_is(n->type->name, "Quantity");
	if (missing || (c.codings && c.answer == CODE_NOT_IN))
		report(v, n, severity, &c, value_set, what);
}

/* ---- additional bindings -------------------------------------------------------------------------------------------
 */

static bool has_coding(const struct json *concept, struct str system, struct str code)
{
	for (struct json_iter it = json_iter(json_get(concept, S("coding"))); json_next(&it);)
		if (str_eq(json_get_str(it.value, S("system")), system) &&
		    str_eq(json_get_str(it.value, S("code")), code))
			return true;
	return false;
}

/* A code, Coding or CodeableConcept of the instance against the concept of a usage: one coding in common. */
static bool is_meant(const struct json *value, const struct json *concept)
{
	if (json_is(value, JSON_STRING)) {
		for (struct json_iter it = json_iter(json_get(concept, S("coding"))); json_next(&it);)
			if (str_eq(json_get_str(it.value, S("code")), json_str(value)))
				return true;
		return false;
	}
	if (json_get_str(value, S("code")).n)
		return has_coding(concept, json_get_str(value, S("system")), json_get_str(value, S("code")));
	for (struct json_iter it = json_iter(json_get(value, S("coding"))); json_next(&it);)
		if (has_coding(concept, json_get_str(it.value, S("system")), json_get_str(it.value, S("code"))))
			return true;
	return false;
}

/* The nodes of the resource at an element's id, "Observation.component:systolic.code": slices are not told apart. */
static struct nodes nodes_of_id(struct validation *v, const struct node *resource, struct str id)
{
	struct nodes at = {0};
	str_split(&id, '.');
	nodes_add(v, &at, resource);
	while (id.p) {
		struct str step = str_split(&id, '.');
		struct nodes next = {0};
		step = str_slice(step, 0, str_find_char(step, ':', 0));
		if (str_ends(step, S("[x]")))
			step = str_slice(step, 0, step.n - 3);
		for (size_t i = 0; i < at.count; i++)
			node_members(v, &at.at[i], step, &next);
		at = next;
	}
	return at;
}

/* A usage whose code is the id of an element, in the profile as its system, holds when the resource has the usage's
 * concept there. Of any other the instance does not tell whether it holds. */
static bool usage_holds(struct validation *v, const struct node *n, const struct profile *p, const struct json *usage)
{
	const struct json *code = json_get(usage, S("code")), *wanted = json_get(usage, S("valueCodeableConcept"));
	struct str system = json_get_str(code, S("system")), url = str_split(&system, '|');
	if (!wanted || !str_eq(url, p->url) || !n->holder || !n->holder->node)
		return false;
	struct nodes at = nodes_of_id(v, n->holder->node, json_get_str(code, S("code")));
	for (size_t i = 0; i < at.count; i++)
		if (is_meant(at.at[i].value, wanted))
			return true;
	return false;
}

static bool usages_hold(struct validation *v, const struct node *n, const struct profile *p,
			const struct profile_usage *usage)
{
	while (usage && usage_holds(v, n, p, usage->json))
		usage = usage->next;
	return !usage;
}

static void check_additional(struct validation *v, const struct node *n, const struct profile_element *e,
			     const struct profile_binding *b)
{
	if (!usages_hold(v, n, e->profile, b->usage))
		return;
	if (str_is(b->purpose, "required") || str_is(b->purpose, "maximum"))
		check_set(v, n, e, b->value_set, ISSUE_ERROR, "is required (additional binding)");
	else if (str_is(b->purpose, "extensible"))
		check_set(v, n, e, b->value_set, ISSUE_WARNING, "should be used unless none fits (additional binding)");
}

void check_binding(struct validation *v, const struct node *n, const struct profile_element *e)
{
	const struct profile_binding *b = e->binding;
	if (!b || v->options->structure_only)
		return;
	if (b->strength == BINDING_REQUIRED)
		check_set(v, n, e, b->value_set, ISSUE_ERROR, "is required");
	else if (b->strength == BINDING_EXTENSIBLE)
		check_set(v, n, e, b->value_set, ISSUE_WARNING, "should be used unless none fits");
	if (b->max_value_set.p && b->strength != BINDING_REQUIRED)
		check_set(v, n, e, b->max_value_set, ISSUE_ERROR, "is required (maximum value set)");
	for (const struct profile_binding *more = b->next; more; more = more->next)
		check_additional(v, n, e, more);
}

/* ---- codings as such ------------------------------------------------------------------------------------------------
 */

/* Blanks within annotations, "{specific gravity}", are against UCUM but harm nobody. */
static bool harmless(struct str code)
{
	char text[SHOWN];
	size_t n = 0, open = 0;
	struct error ignored = {0};
	for (size_t i = 0; i < code.n && n < sizeof(text); i++) {
		open += code.p[i] == '{';
		if (!(open && code.p[i] == ' '))
			text[n++] = code.p[i];
		open -= open && code.p[i] == '}';
	}
	return n < code.n && unit_check(str_make(text, n), &ignored);
}

static void check_unit(struct validation *v, const struct node *n, struct str code)
{
	struct error err = {0};
	struct node at = node_child(n, S("code"), -1, NULL);
	if (code.n && !unit_check(code, &err))
		validation_find(v, &at, harmless(code) ? ISSUE_WARNING : ISSUE_ERROR, ERR_CODE, S("unit"),
				"\"%.*s\" is no UCUM unit: %s", STR_ARG(shown(code)), err.text);
}

static bool set_names_it(struct validation *v, const struct profile_element *e, const struct coding *c)
{
	if (!e || !e->binding || !e->binding->value_set.n)
		return false;
	struct code_verdict verdict = validation_code(v, e->binding->value_set, e->profile->canonical, c, false);
	return verdict.answer == CODE_IN && verdict.reason != CODE_DISPLAY_WRONG;
}

/* A value set that the coding, or the concept it is in, is bound to may call the code by other names. */
static bool bound_set_names_it(struct validation *v, const struct node *n, const struct coding *c)
{
	bool concept = n->parent && n->parent->type && str_is(n->parent->type->name, "CodeableConcept");
	if (set_names_it(v, n->definition, c))
		return true;
	for (size_t i = 0; n->overlays && i < n->overlays->count; i++)
		if (set_names_it(v, n->overlays->at[i], c))
			return true;
	return concept && bound_set_names_it(v, n->parent, c);
}

static void report_display(struct validation *v, const struct node *n, const struct coding *c,
			   const struct code_verdict *verdict)
{
	if (bound_set_names_it(v, n, c))
		return;
	struct node at = node_child(n, S("display"), -1, NULL);
	validation_find(v, &at, v->options->displays_must_match ? ISSUE_ERROR : ISSUE_WARNING, ERR_VALUE, S("display"),
			"\"%.*s\" is no display of %.*s#%.*s; it is called \"%.*s\"", STR_ARG(shown(c->display)),
			STR_ARG(shown(c->system)), STR_ARG(shown(c->code)), STR_ARG(shown(verdict->display)));
}

static bool is_supplement(const struct validation *v, struct str system)
{
	const struct canonical *c = canonicals_find(v->canonicals, S("CodeSystem"), system, NULL);
	return c && (str_is(c->content, "supplement") || c->base.p);
}

/* Is the system no name that a code system can have: one relative to nowhere, or that of a value set? Reports it. */
static bool is_no_system(struct validation *v, const struct node *at, struct str system)
{
	if (str_find_char(system, ':', 0) == STR_NONE && !str_starts(system, S("#"))) {
		find_error(v, at, ERR_VALUE, "system", "A code system is named by an absolute URI, unlike \"%.*s\"",
			   STR_ARG(shown(system)));
		return true;
	}
	if (canonicals_find(v->canonicals, S("CodeSystem"), system, NULL) ||
	    !canonicals_find(v->canonicals, S("ValueSet"), system, NULL))
		return false;
	find_error(v, at, ERR_VALUE, "system", "%.*s is a value set, and no code system", STR_ARG(shown(system)));
	return true;
}

/* HL7 removed codes from its code systems after R4 was published; instances of R4 may still use them. */
static bool was_in_r4(struct validation *v, const struct coding *coding)
{
	struct coding of_r4 = *coding;
	of_r4.version = S("4.0.1");
	return !coding->version.p && validation_code(v, STR_NULL, NULL, &of_r4, false).answer == CODE_IN;
}

static void check_coding(struct validation *v, const struct node *n)
{
	struct coding c = coding_of(n->value);
	struct node at_code = node_child(n, S("code"), -1, NULL), at_system = node_child(n, S("system"), -1, NULL);
	if (!c.system.n)
		return;
	if (is_supplement(v, c.system)) {
		find_error(v, &at_system, ERR_VALUE, "system",
			   "The code system %.*s is a supplement: it has no codes of its own",
			   STR_ARG(shown(c.system)));
		return;
	}
	if (is_no_system(v, str_is(n->type->name, "Coding") ? &at_system : n, c.system))
		return;
	if (!c.code.n)
		return;
	if (str_is(c.system, "urn:ietf:rfc:3986"))
		return; /* every URI is a code there, relative ones too */
	struct code_verdict verdict = validation_code(v, STR_NULL, NULL, &c, false);
	if (verdict.reason == CODE_INVALID && !was_in_r4(v, &c))
		find_error(v, &at_code, ERR_CODE, "code", "There is no code \"%.*s\" in the code system %.*s",
			   STR_ARG(shown(c.code)), STR_ARG(shown(c.system)));
	else if (verdict.reason == CODE_DISPLAY_WRONG)
		report_display(v, n, &c, &verdict);
	else if (verdict.reason == CODE_INACTIVE)
		find_hint(v, &at_code, ERR_CODE, "code-inactive", "The code \"%.*s\" of %.*s is not active any more",
			  STR_ARG(shown(c.code)), STR_ARG(shown(c.system)));
}

void check_codes(struct validation *v, const struct node *n)
{
	if (!n->type || !json_is(n->value, JSON_OBJECT))
		return;
	bool coding = str_is(n->type->name, "Coding"), quantity = !coding && type_derives(v, n->type, S("Quantity"));
	if (!coding && !quantity)
		return;
	if (str_is(json_get_str(n->value, S("system")), UNIT_SYSTEM))
		check_unit(v, n, json_get_str(n->value, S("code")));
	else
		check_coding(v, n);
}
