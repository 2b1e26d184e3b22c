/*
 * The inputs of an operation (http://hl7.org/fhir/R4/operations.html#request): simple ones in the query, any in a
 * Parameters resource, or one resource alone as the body. Whatever the operation does not know, or has another type
 * or comes too often, is refused by its name.
 */
#include "base/encode.h"
#include "fhir/xml.h"
#include "server/rest/operations/operations.h"

enum { MAX_INPUTS = 25000 }; /* patients of an export, above all */

static const struct operation_param *find_param(const struct operation_call *op, struct str name)
{
	for (const struct operation_param *p = op->operation->params; p->name; p++)
		if (str_is(name, p->name))
			return p;
	return NULL;
}

static bool fail_unknown(const struct operation_call *op, struct str name, struct error *err)
{
	struct str list = STR_NULL;
	for (const struct operation_param *p = op->operation->params; p->name; p++)
		list = arena_printf(op->arena, "%.*s%s%s", STR_ARG(list), list.n ? ", " : "", p->name);
	return error_set(err, ERR_UNKNOWN_PARAM, "$%s has no parameter %.*s; it has %.*s", op->operation->name,
			 STR_ARG(str_slice(name, 0, 40)), STR_ARG(list));
}

/* What the text of a simple parameter must look like; NULL when it does. */
static const char *text_problem(const struct operation_param *p, struct str text)
{
	int64_t low, high;
	uint64_t number;
	switch (p->kind) {
	case IN_FLAG:
		return str_is(text, "true") || str_is(text, "false") ? NULL : "true or false";
	case IN_COUNT:
		return str_to_u64(text, &number) && number <= INT32_MAX ? NULL : "a whole number from 0";
	case IN_TIME:
		return date_range(text, &low, &high) ? NULL : "a date or an instant";
	default:
		return text.n ? NULL : "a text";
	}
}

static bool add_input(struct operation_call *op, const struct operation_input *input, struct error *err)
{
	size_t at = 0;
	if (!input->param->many && operation_next(op, input->param->name, &at))
		return error_set(err, ERR_VALUE, "The parameter %s of $%s may be given once only", input->param->name,
				 op->operation->name);
	if (op->input_count == MAX_INPUTS)
		return error_set(err, ERR_LIMIT, "An operation takes at most %d parameters", MAX_INPUTS);
	struct operation_input *grown = arena_grow(op->arena, op->inputs, op->input_count, &op->input_capacity,
						   op->input_count + 1, sizeof(*grown));
	if (!grown)
		return error_memory(err);
	op->inputs = grown;
	grown[op->input_count++] = *input;
	return true;
}

static bool add_text(struct operation_call *op, const struct operation_param *p, struct str text, size_t place,
		     struct error *err)
{
	const char *problem = text_problem(p, text);
	if (problem)
		return error_set(err, ERR_VALUE, "The parameter %s of $%s must be %s", p->name, op->operation->name,
				 problem);
	return add_input(op, &(struct operation_input){.param = p, .text = text, .place = place}, err);
}

/* ---- the query -----------------------------------------------------------------------------------------------------
 */

static bool is_general(struct str name)
{
	return str_is(name, "_format") || str_is(name, "_pretty");
}

static bool decode(struct operation_call *op, struct str text, struct str *ret_text, struct error *err)
{
	struct buf out;
	buf_init(&out, (size_t)1 << 20);
	bool ok = decode_percent(&out, text, true);
	*ret_text = ok ? arena_str(op->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	if (!ok)
		return error_set(err, ERR_VALUE, "A parameter is not encoded correctly");
	return ret_text->p || error_memory(err);
}

static bool read_query(struct operation_call *op, struct error *err)
{
	struct str rest = op->call->query;
	while (rest.p) {
		struct str value = str_split(&rest, '&'), name = str_split(&value, '=');
		if (!name.n || is_general(name))
			continue;
		if (!decode(op, name, &name, err) || !decode(op, value.p ? value : S(""), &value, err))
			return false;
		const struct operation_param *p = find_param(op, name);
		if (!p && op->call->lenient)
			continue;
		if (!p)
			return fail_unknown(op, name, err);
		if (p->kind > IN_TIME)
			return error_set(err, ERR_VALUE,
					 "The parameter %s of $%s is not a simple value: POST it in a Parameters "
					 "resource",
					 p->name, op->operation->name);
		if (!add_text(op, p, value, 0, err))
			return false;
	}
	return true;
}

/* ---- Parameters -----------------------------------------------------------------------------------------------------
 */

static struct str primitive_text(const struct json *value)
{
	if (json_is(value, JSON_BOOL))
		return json_bool(value) ? S("true") : S("false");
	return json_is(value, JSON_NUMBER) ? json_number(value) : json_str(value);
}

/* The value[x] of a parameter and the name of its type. */
static const struct json *value_of(const struct json *parameter, struct str *ret_type)
{
	struct json_iter it = json_iter(parameter);
	while (json_next(&it)) {
		if (!str_starts(it.key, S("value")))
			continue;
		*ret_type = str_slice(it.key, 5, it.key.n);
		return it.value;
	}
	return NULL;
}

static bool fail_kind(const struct operation_call *op, const struct operation_param *p, struct error *err)
{
	static const char *const kinds[] = {
		"a simple value",	"valueBoolean", "a number",	  "a date or an instant", "valueCoding",
		"valueCodeableConcept", "valueMeta",	"valueReference", "a resource",		  "parts"};
	return error_set(err, ERR_VALUE, "The parameter %s of $%s must have %s%s%s", p->name, op->operation->name,
			 kinds[p->kind], p->type ? " of type " : "", p->type ? p->type : "");
}

static bool add_parameter(struct operation_call *op, const struct operation_param *p, const struct json *parameter,
			  size_t place, struct error *err)
{
	static const char *const complex[] = {[IN_CODING] = "Coding",
					      [IN_CONCEPT] = "CodeableConcept",
					      [IN_META] = "Meta",
					      [IN_REFERENCE] = "Reference"};
	struct operation_input input = {.param = p, .place = place};
	struct str type = STR_NULL;
	const struct json *value = value_of(parameter, &type);
	if (p->kind <= IN_TIME) {
		struct str text = primitive_text(value);
		return text.p ? add_text(op, p, text, place, err) : fail_kind(op, p, err);
	}
	if (p->kind == IN_RESOURCE) {
		input.value = json_get(parameter, S("resource"));
		if (!json_is(input.value, JSON_OBJECT) ||
		    (p->type && !str_is(json_get_str(input.value, S("resourceType")), p->type)))
			return fail_kind(op, p, err);
	} else if (p->kind == IN_PARTS) {
		input.value = json_get(parameter, S("part"));
		if (!json_is(input.value, JSON_ARRAY))
			return fail_kind(op, p, err);
	} else {
		input.value = value;
		if (!json_is(value, JSON_OBJECT) || !str_is(type, complex[p->kind]))
			return fail_kind(op, p, err);
	}
	return add_input(op, &input, err);
}

static bool read_parameters(struct operation_call *op, const struct json *body, struct error *err)
{
	struct json_iter it = json_iter(json_get(body, S("parameter")));
	for (size_t place = 0; json_next(&it); place++) {
		struct str name = json_get_str(it.value, S("name"));
		const struct operation_param *p = find_param(op, name);
		if (!name.n)
			return error_set(err, ERR_REQUIRED, "Parameters.parameter[%zu] has no name", place);
		if (!p && op->call->lenient)
			continue;
		if (!p)
			return fail_unknown(op, name, err);
		if (!add_parameter(op, p, it.value, place, err))
			return false;
	}
	return true;
}

/* ---- the body
 * -------------------------------------------------------------------------------------------------------- */

static bool read_bare(struct operation_call *op, const struct json *body, struct error *err)
{
	const char *bare = op->operation->bare;
	const struct operation_param *p = bare ? find_param(op, str_from(bare)) : NULL;
	if (!p)
		return error_set(err, ERR_STRUCTURE, "The body of $%s must be a Parameters resource",
				 op->operation->name);
	if (p->type && !str_is(json_get_str(body, S("resourceType")), p->type))
		return error_set(err, ERR_STRUCTURE, "The body of $%s must be a Parameters or %s resource",
				 op->operation->name, p->type);
	op->bare = true;
	return add_input(op, &(struct operation_input){.param = p, .value = body}, err);
}

static bool parse_body(struct operation_call *op, const struct json **ret_body, struct error *err)
{
	struct media media;
	struct str type = http_request_header(op->call->exchange, "Content-Type");
	if (!type.n || !media_choose(type, STR_NULL, &media, NULL))
		return error_set(err, ERR_MEDIA_TYPE,
				 "The body of an operation must be application/fhir+json or application/fhir+xml");
	op->xml = media.xml;
	*ret_body = media.xml ? xml_read_resource(op->arena, op->call->server->o.definitions, op->body, NULL, err)
			      : json_parse(op->arena, op->body, 0, err);
	return *ret_body != NULL;
}

static bool read_tree(struct operation_call *op, const struct json *body, struct error *err)
{
	return str_is(json_get_str(body, S("resourceType")), "Parameters") ? read_parameters(op, body, err)
									   : read_bare(op, body, err);
}

bool operation_read_inputs(struct operation_call *op, struct error *err)
{
	const struct json *body = op->call->operation_body;
	if (!read_query(op, err))
		return false;
	if (body)
		return read_tree(op, body, err);
	if (!op->body.n || (op->operation->bare && strcmp(op->operation->bare, "*") == 0))
		return true;
	/* $validate tells all that is wrong with a body, even when it cannot be read as a whole. */
	if (!parse_body(op, &body, err)) {
		if (strcmp(op->operation->name, "validate") != 0 || err->code == ERR_MEDIA_TYPE)
			return false;
		error_clear(err);
		op->bare = true;
		return true;
	}
	return read_tree(op, body, err);
}

/* ---- looking at them
 * -------------------------------------------------------------------------------------------------- */

const struct operation_input *operation_next(const struct operation_call *op, const char *name, size_t *at)
{
	while (*at < op->input_count) {
		const struct operation_input *input = &op->inputs[(*at)++];
		if (strcmp(input->param->name, name) == 0)
			return input;
	}
	return NULL;
}

struct str operation_text(const struct operation_call *op, const char *name)
{
	size_t at = 0;
	const struct operation_input *input = operation_next(op, name, &at);
	return input ? input->text : STR_NULL;
}

const struct json *operation_value(const struct operation_call *op, const char *name)
{
	size_t at = 0;
	const struct operation_input *input = operation_next(op, name, &at);
	return input ? input->value : NULL;
}

bool operation_flag(const struct operation_call *op, const char *name, bool otherwise)
{
	struct str text = operation_text(op, name);
	return text.p ? str_is(text, "true") : otherwise;
}

int64_t operation_number(const struct operation_call *op, const char *name, int64_t otherwise)
{
	int64_t number;
	struct str text = operation_text(op, name);
	return text.p && str_to_i64(text, &number) ? number : otherwise;
}

bool operation_require(const struct operation_call *op, const char *name, struct error *err)
{
	size_t at = 0;
	if (operation_next(op, name, &at))
		return true;
	return error_set(err, ERR_REQUIRED, "$%s needs the parameter %s", op->operation->name, name);
}
