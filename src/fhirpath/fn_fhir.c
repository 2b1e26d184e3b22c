/* The functions that FHIR adds (R4 fhirpath.html#functions). What needs the world outside asks the caller's services.
 */
#include "fhir/resource.h"
#include "fhirpath/fhirpath_priv.h"

static bool is_scalar(const struct json *value)
{
	return json_is(value, JSON_STRING) || json_is(value, JSON_NUMBER) || json_is(value, JSON_BOOL);
}

static bool has_value(const struct path_items *input)
{
	if (input->count != 1)
		return false;
	const struct path_item *item = &input->items[0];
	return item->kind == PATH_ELEMENT ? is_scalar(item->value)
					  : item->kind != PATH_QUANTITY && item->kind != PATH_TYPE_INFO;
}

bool fn_has_value(struct eval *e, const struct call *c, struct path_items *out)
{
	return add_boolean(e, out, has_value(c->input));
}

bool fn_get_value(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item value;
	if (!has_value(c->input) || !item_simple(e, &c->input->items[0], &value))
		return true;
	return eval_add(e, out, &value);
}

bool fn_resolve(struct eval *e, const struct call *c, struct path_items *out)
{
	for (size_t i = 0; i < c->input->count; i++)
		if (!item_resolve(e, c->node, &c->input->items[i], out))
			return false;
	return eval_work(e, c->input->count);
}

static bool unavailable(struct eval *e, const struct call *c, const char *what)
{
	return eval_fail(e, c->node, ERR_NOT_SUPPORTED, "%s() needs %s, which is not at hand here",
			 c->node->function->name, what);
}

/* Takes over what a service says of itself, with the position of the call. */
static bool service_failed(struct eval *e, const struct call *c, const struct error *why)
{
	return eval_fail(e, c->node, why->code ? why->code : ERR_INTERNAL, "%s(): %s", c->node->function->name,
			 why->text);
}

/* ---- terminology ----------------------------------------------------------------------------------------------- */

bool fn_member_of(struct eval *e, const struct call *c, struct path_items *out)
{
	const struct path_services *services = e->context->services;
	struct path_item value;
	struct str url;
	struct error why = {0};
	bool there, has_url;
	int answer = -1;
	if (!one_value(e, c->node, c->input, &value, &there) || !arg_string(e, c, c->node->args, &url, &has_url))
		return false;
	if (!there || !has_url)
		return true;
	if (services && services->member_of) {
		if (!services->member_of(services->ctx, e->arena, &c->input->items[0], url, &answer, &why))
			return service_failed(e, c, &why);
		return answer < 0 || add_boolean(e, out, answer);
	}
	/* Codes of the value sets that the definitions list completely need nobody. */
	if (value.kind == PATH_STRING && e->program->definitions)
		answer = definitions_code_in(e->program->definitions, url, value.text);
	return answer < 0 ? unavailable(e, c, "terminology") : add_boolean(e, out, answer);
}

/* The same code of the same system, without knowing what it means. */
static bool same_concept(const struct json *a, const struct json *b)
{
	if (json_is(a, JSON_STRING) && json_is(b, JSON_STRING))
		return str_eq(json_str(a), json_str(b));
	struct str code = json_get_str(a, S("code")), system = json_get_str(a, S("system"));
	return code.p && system.p && str_eq(code, json_get_str(b, S("code"))) &&
	       str_eq(system, json_get_str(b, S("system")));
}

static bool subsumption(struct eval *e, const struct call *c, bool reverse, struct path_items *out)
{
	SMALL_ITEMS(other);
	const struct path_services *services = e->context->services;
	struct error why = {0};
	int answer = -1;
	if (!eval_items(e, c->node->args, c->scope, &other))
		return false;
	if (c->input->count == 0 || other.count == 0)
		return true;
	if (c->input->count > 1 || other.count > 1)
		return eval_fail(e, c->node, ERR_VALUE, "%s() needs one item on each side", c->node->function->name);
	const struct path_item *general = reverse ? &other.items[0] : &c->input->items[0];
	const struct path_item *special = reverse ? &c->input->items[0] : &other.items[0];
	if (services && services->subsumes) {
		if (!services->subsumes(services->ctx, e->arena, general, special, &answer, &why))
			return service_failed(e, c, &why);
		return answer < 0 || add_boolean(e, out, answer);
	}
	return same_concept(general->value, special->value) ? add_boolean(e, out, true)
							    : unavailable(e, c, "terminology");
}

bool fn_subsumes(struct eval *e, const struct call *c, struct path_items *out)
{
	return subsumption(e, c, false, out);
}

bool fn_subsumed_by(struct eval *e, const struct call *c, struct path_items *out)
{
	return subsumption(e, c, true, out);
}

/* ---- structure ------------------------------------------------------------------------------------------------- */

/* Without a validator, what a type of the definitions alone demands: the type and its structure. */
static bool conforms_to_type(struct eval *e, const struct call *c, const struct path_item *item, struct str profile,
			     struct path_items *out)
{
	static const char prefix[] = "http://hl7.org/fhir/StructureDefinition/";
	struct issues findings;
	const struct fhir_type *type = NULL;
	if (e->program->definitions && str_starts(profile, str_from(prefix)))
		type = definitions_type(e->program->definitions, str_slice(profile, sizeof(prefix) - 1, profile.n));
	if (!type)
		return eval_fail(e, c->node, ERR_VALUE, "the profile \"%.*s\" is not known",
				 STR_ARG(str_slice(profile, 0, 120)));
	bool conforms = path_type_derives(item->type, type);
	issues_init(&findings, e->arena);
	if (conforms && item->type->kind == TYPE_RESOURCE)
		conforms = resource_check(e->program->definitions, item->value, &findings);
	return eval_work(e, 100) && add_boolean(e, out, conforms);
}

bool fn_conforms_to(struct eval *e, const struct call *c, struct path_items *out)
{
	const struct path_services *services = e->context->services;
	struct error why = {0};
	struct str profile;
	int answer = -1;
	bool there;
	if (!arg_string(e, c, c->node->args, &profile, &there))
		return false;
	if (!there || c->input->count == 0)
		return true;
	if (c->input->count > 1)
		return eval_fail(e, c->node, ERR_VALUE, "conformsTo() needs one item and got %zu", c->input->count);
	if (!services || !services->conforms_to)
		return conforms_to_type(e, c, &c->input->items[0], profile, out);
	if (!services->conforms_to(services->ctx, e->arena, &c->input->items[0], profile, &answer, &why))
		return service_failed(e, c, &why);
	return answer < 0 || add_boolean(e, out, answer);
}

/* Whether one narrative is well-formed and of the elements that FHIR allows; a string is taken for what stands inside
 * of its div. Of anything else there is nothing to say. */
bool fn_html_checks(struct eval *e, const struct call *c, struct path_items *out)
{
	struct path_item value;
	if (c->input->count != 1 || !item_simple(e, &c->input->items[0], &value) || value.kind != PATH_STRING)
		return true;
	const struct fhir_type *type = c->input->items[0].type;
	struct str text = value.text;
	if (!type || type->primitive == PRIMITIVE_STRING || type->primitive == PRIMITIVE_CODE ||
	    type->primitive == PRIMITIVE_ID || type->primitive == PRIMITIVE_MARKDOWN)
		text = arena_printf(e->arena, "<div>%.*s</div>", STR_ARG(text));
	else if (type->primitive != PRIMITIVE_XHTML)
		return true;
	if (!text.p)
		return error_memory(e->err);
	return eval_work(e, 1 + text.n / 16) && add_boolean(e, out, fhir_xhtml_valid(text));
}

bool fn_element_definition(struct eval *e, const struct call *c, struct path_items *out)
{
	const struct path_services *services = e->context->services;
	struct error why = {0};
	if (!services || !services->element_definition)
		return unavailable(e, c, "the definition of the element");
	for (size_t i = 0; i < c->input->count; i++) {
		struct path_item found = {.kind = PATH_NO_TYPE};
		if (!services->element_definition(services->ctx, e->arena, &c->input->items[i], &found, &why))
			return service_failed(e, c, &why);
		if (!eval_work(e, 100) || (found.kind != PATH_NO_TYPE && !eval_add(e, out, &found)))
			return false;
	}
	return true;
}

bool fn_slice(struct eval *e, const struct call *c, struct path_items *out)
{
	const struct path_services *services = e->context->services;
	struct error why = {0};
	struct str structure, name;
	bool has_structure, has_name;
	if (!services || !services->in_slice)
		return unavailable(e, c, "the profile");
	if (!arg_string(e, c, c->node->args, &structure, &has_structure) ||
	    !arg_string(e, c, c->node->args->next, &name, &has_name))
		return false;
	for (size_t i = 0; has_structure && has_name && i < c->input->count; i++) {
		const struct path_item *item = &c->input->items[i];
		int answer = -1;
		if (!services->in_slice(services->ctx, e->arena, item, structure, name, &answer, &why))
			return service_failed(e, c, &why);
		if (!eval_work(e, 100) || (answer > 0 && !eval_add(e, out, item)))
			return false;
	}
	return true;
}

struct modifiers {
	struct sink sink;
	const struct call *call;
	bool understood;
};

static enum flow take_modifier(struct eval *e, struct sink *s, const struct path_item *extension)
{
	struct modifiers *m = (struct modifiers *)s;
	struct str url = json_get_str(extension->value, S("url")), known;
	bool there, listed = false;
	for (const struct path_node *arg = m->call->node->args; arg && !listed; arg = arg->next) {
		if (!arg_string(e, m->call, arg, &known, &there))
			return FLOW_FAIL;
		listed = there && str_eq(known, url);
	}
	m->understood &= listed;
	return FLOW_MORE;
}

/* checkModifiers(url...): fails when an element has a modifier extension that is not listed. */
bool fn_check_modifiers(struct eval *e, const struct call *c, struct path_items *out)
{
	struct modifiers m = {.sink = {.take = take_modifier}, .call = c, .understood = true};
	for (size_t i = 0; i < c->input->count; i++)
		if (member_stream(e, NULL, S("modifierExtension"), &c->input->items[i], &m.sink) == FLOW_FAIL)
			return false;
	if (!m.understood)
		return eval_fail(e, c->node, ERR_VALUE, "there is a modifier extension that is not expected");
	return add_all(e, out, c->input);
}
