/* CodeSystem/$validate-code (http://hl7.org/fhir/R4/codesystem-operation-validate-code.html): is it a code of it? */
#include "server/rest/operations/codes.h"

const struct operation_param operation_validate_system_params[] = {{"url", IN_TEXT, false, NULL},
								   {"codeSystem", IN_RESOURCE, false, "CodeSystem"},
								   {"code", IN_TEXT, false, NULL},
								   {"version", IN_TEXT, false, NULL},
								   {"display", IN_TEXT, false, NULL},
								   {"coding", IN_CODING, false, NULL},
								   {"codeableConcept", IN_CONCEPT, false, NULL},
								   {"abstract", IN_FLAG, false, NULL},
								   {0}};

/* Codes of other systems are no codes of this one; a code alone is one of it. */
static size_t keep_own(struct coding *codes, size_t count, struct str canonical)
{
	struct str version = canonical, url = str_split(&version, '|');
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (codes[i].system.n && !str_eq(codes[i].system, url))
			continue;
		codes[kept] = codes[i];
		codes[kept].system = url;
		if (!codes[kept].version.n)
			codes[kept].version = version;
		kept++;
	}
	return kept;
}

bool operation_validate_system(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	static const struct code_names names = {"code", NULL, "version", "display", "coding", "codeableConcept"};
	struct coding *codes;
	size_t count;
	struct code_source source;
	if (!codes_read(op, &names, &codes, &count, err) ||
	    !code_source_open(op, "codeSystem", "url", NULL, &source, err))
		return false;
	bool ok = true;
	if (source.canonical.p && !(count = keep_own(codes, count, source.canonical)))
		ok = error_set(err, ERR_CODE, "The code is one of another code system than url");
	else if (!source.canonical.p && !codes[0].system.n)
		ok = error_set(err, ERR_REQUIRED,
			       "$validate-code needs url, codeSystem, a stored code system, or a "
			       "coding with a system");
	if (ok)
		codes_judge(op, &source, STR_NULL, codes, count, &answer->body);
	code_source_close(op, &source);
	return ok;
}
