/* CodeSystem/$lookup (http://hl7.org/fhir/R4/codesystem-operation-lookup.html): what is known of a code. */
#include "server/rest/operations/codes.h"

const struct operation_param operation_lookup_params[] = {{"code", IN_TEXT, false, NULL},
							  {"system", IN_TEXT, false, NULL},
							  {"version", IN_TEXT, false, NULL},
							  {"coding", IN_CODING, false, NULL},
							  {"displayLanguage", IN_TEXT, false, NULL},
							  {"property", IN_TEXT, true, NULL},
							  {0}};

bool operation_lookup(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	static const struct code_names names = {"code", "system", "version", NULL, "coding", NULL};
	struct lookup_options options = {.language = operation_text(op, "displayLanguage")};
	struct str *properties = ARENA_ARRAY(op->arena, struct str, op->input_count + 1);
	const struct operation_input *input;
	struct coding *codes;
	size_t count, at = 0;
	if (!properties)
		return error_memory(err);
	while ((input = operation_next(op, "property", &at)))
		properties[options.property_count++] = input->text;
	options.properties = options.property_count ? properties : NULL;
	if (!codes_read(op, &names, &codes, &count, err))
		return false;
	if (!codes[0].system.n)
		return error_set(err, ERR_REQUIRED, "$lookup needs the system of the code");
	const struct knowledge_state *state = operation_enter(op, err);
	if (!state)
		return false;
	bool ok = terminology_lookup(state->terminology, op->arena, &codes[0], &options, &answer->body, err);
	operation_leave(op, state);
	return ok;
}
