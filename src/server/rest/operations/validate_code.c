/* ValueSet/$validate-code (http://hl7.org/fhir/R4/valueset-operation-validate-code.html): is a code in a value set? */
#include "server/rest/operations/codes.h"

const struct operation_param operation_validate_code_params[] = {{"url", IN_TEXT, false, NULL},
								 {"valueSet", IN_RESOURCE, false, "ValueSet"},
								 {"valueSetVersion", IN_TEXT, false, NULL},
								 {"code", IN_TEXT, false, NULL},
								 {"system", IN_TEXT, false, NULL},
								 {"systemVersion", IN_TEXT, false, NULL},
								 {"display", IN_TEXT, false, NULL},
								 {"coding", IN_CODING, false, NULL},
								 {"codeableConcept", IN_CONCEPT, false, NULL},
								 {"abstract", IN_FLAG, false, NULL},
								 {0}};

bool operation_validate_code(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	static const struct code_names names = {"code",	   "system", "systemVersion",
						"display", "coding", "codeableConcept"};
	struct coding *codes;
	size_t count;
	struct code_source source;
	if (!codes_read(op, &names, &codes, &count, err) ||
	    !code_source_open(op, "valueSet", "url", "valueSetVersion", &source, err))
		return false;
	bool ok = source.canonical.p ||
		  error_set(err, ERR_REQUIRED, "$validate-code needs url, valueSet, or the id of a stored value set");
	if (ok)
		codes_judge(op, &source, source.canonical, codes, count, &answer->body);
	code_source_close(op, &source);
	return ok;
}
