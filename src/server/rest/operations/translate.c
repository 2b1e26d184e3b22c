/* ConceptMap/$translate (http://hl7.org/fhir/R4/conceptmap-operation-translate.html): codes in other systems. */
#include "server/rest/operations/codes.h"

const struct operation_param operation_translate_params[] = {{"url", IN_TEXT, false, NULL},
							     {"conceptMap", IN_RESOURCE, false, "ConceptMap"},
							     {"conceptMapVersion", IN_TEXT, false, NULL},
							     {"code", IN_TEXT, false, NULL},
							     {"system", IN_TEXT, false, NULL},
							     {"version", IN_TEXT, false, NULL},
							     {"source", IN_TEXT, false, NULL},
							     {"coding", IN_CODING, false, NULL},
							     {"codeableConcept", IN_CONCEPT, false, NULL},
							     {"target", IN_TEXT, false, NULL},
							     {"targetsystem", IN_TEXT, false, NULL},
							     {"dependency", IN_PARTS, true, NULL},
							     {"reverse", IN_FLAG, false, NULL},
							     {0}};

static struct translate_dependency read_dependency(const struct json *parts)
{
	struct translate_dependency d = {STR_NULL, STR_NULL, STR_NULL};
	struct json_iter it = json_iter(parts);
	while (json_next(&it)) {
		struct str name = json_get_str(it.value, S("name"));
		if (str_is(name, "element"))
			d.property = json_get_str(it.value, S("valueUri"));
		if (!str_is(name, "concept"))
			continue;
		const struct json *concept = json_get(it.value, S("valueCodeableConcept"));
		struct coding c = coding_read(json_at(json_get(concept, S("coding")), 0));
		d.system = c.system;
		d.value = c.code.n ? c.code : json_get_str(concept, S("text"));
	}
	return d;
}

static bool read_options(struct operation_call *op, struct translate_options *o, struct error *err)
{
	size_t at = 0;
	const struct operation_input *input;
	struct translate_dependency *list = ARENA_ARRAY(op->arena, struct translate_dependency, op->input_count + 1);
	if (!list)
		return error_memory(err);
	while ((input = operation_next(op, "dependency", &at))) {
		struct translate_dependency d = read_dependency(input->value);
		if (!d.property.n || !d.value.n)
			return error_set(err, ERR_REQUIRED, "A dependency has the parts element and concept");
		list[o->dependency_count++] = d;
	}
	o->dependencies = list;
	o->source = operation_text(op, "source");
	o->target = operation_text(op, "target");
	o->target_system = operation_text(op, "targetsystem");
	o->reverse = operation_flag(op, "reverse", false);
	return true;
}

/* The first coding that has a translation answers for a concept; without any, the last one says so. */
static bool translate_any(struct operation_call *op, struct terminology *t, const struct coding *codes, size_t count,
			  const struct translate_options *o, struct buf *out, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		buf_reset(out);
		if (!terminology_translate(t, op->arena, &codes[i], o, out, err))
			return false;
		if (str_find(buf_str(out), S("\"name\":\"match\"")) != STR_NONE)
			break;
	}
	return true;
}

bool operation_translate(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	static const struct code_names names = {"code", "system", "version", NULL, "coding", "codeableConcept"};
	struct translate_options options = {0};
	struct coding *codes;
	size_t count;
	struct code_source source;
	if (!codes_read(op, &names, &codes, &count, err) || !read_options(op, &options, err) ||
	    !code_source_open(op, "conceptMap", "url", "conceptMapVersion", &source, err))
		return false;
	options.map = source.canonical;
	bool ok = translate_any(op, source.terminology, codes, count, &options, &answer->body, err);
	code_source_close(op, &source);
	return ok;
}
