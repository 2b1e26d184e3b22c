/* CodeSystem/$subsumes (http://hl7.org/fhir/R4/codesystem-operation-subsumes.html): does one code include another? */
#include "server/rest/operations/codes.h"

const struct operation_param operation_subsumes_params[] = {{"codeA", IN_TEXT, false, NULL},
							    {"codeB", IN_TEXT, false, NULL},
							    {"system", IN_TEXT, false, NULL},
							    {"version", IN_TEXT, false, NULL},
							    {"codingA", IN_CODING, false, NULL},
							    {"codingB", IN_CODING, false, NULL},
							    {0}};

static bool same_system(const struct coding *a, const struct coding *b, struct str *ret_system, struct error *err)
{
	*ret_system = a->system.n ? a->system : b->system;
	if (a->system.n && b->system.n && !str_eq(a->system, b->system))
		return error_set(err, ERR_VALUE, "codingA and codingB are of different code systems");
	return true;
}

bool operation_subsumes(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	static const struct code_names first = {"codeA", "system", "version", NULL, "codingA", NULL};
	static const struct code_names second = {"codeB", "system", "version", NULL, "codingB", NULL};
	struct coding *a, *b;
	size_t count;
	struct code_source source;
	struct str system;
	if (!codes_read(op, &first, &a, &count, err) || !codes_read(op, &second, &b, &count, err) ||
	    !same_system(a, b, &system, err) || !code_source_open(op, "codeSystem", "url", NULL, &source, err))
		return false;
	struct str version = a->version.n ? a->version : b->version, stored = source.canonical;
	if (stored.p) {
		system = str_split(&stored, '|');
		version = stored;
	}
	bool ok = system.n || error_set(err, ERR_REQUIRED, "$subsumes needs the system of the codes");
	ok = ok &&
	     terminology_subsumes_write(source.terminology, system, version, a->code, b->code, &answer->body, err);
	code_source_close(op, &source);
	return ok;
}
