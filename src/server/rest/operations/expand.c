/* ValueSet/$expand (http://hl7.org/fhir/R4/valueset-operation-expand.html): the codes of a value set, or a page. */
#include "base/clock.h"
#include "server/rest/operations/codes.h"

enum { MAX_CODES = 100000 };

const struct operation_param operation_expand_params[] = {{"url", IN_TEXT, false, NULL},
							  {"valueSet", IN_RESOURCE, false, "ValueSet"},
							  {"valueSetVersion", IN_TEXT, false, NULL},
							  {"filter", IN_TEXT, false, NULL},
							  {"offset", IN_COUNT, false, NULL},
							  {"count", IN_COUNT, false, NULL},
							  {"includeDesignations", IN_FLAG, false, NULL},
							  {"includeDefinition", IN_FLAG, false, NULL},
							  {"activeOnly", IN_FLAG, false, NULL},
							  {"excludeNested", IN_FLAG, false, NULL},
							  {"displayLanguage", IN_TEXT, false, NULL},
							  {0}};

static void read_options(const struct operation_call *op, struct expand_options *ret_options)
{
	struct expand_options o = {.filter = operation_text(op, "filter"),
				   .active_only = operation_flag(op, "activeOnly", false),
				   .flat = operation_flag(op, "excludeNested", false),
				   .language = operation_text(op, "displayLanguage"),
				   .limit = MAX_CODES};
	int64_t offset = operation_number(op, "offset", 0), count = operation_number(op, "count", -1);
	o.paged = offset > 0 || count >= 0;
	o.offset = (size_t)offset;
	o.count = count >= 0 ? (size_t)count : MAX_CODES;
	*ret_options = o;
}

bool operation_expand(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	struct expand_options options;
	struct code_source source;
	char now[CLOCK_INSTANT_SIZE];
	clock_format_instant(clock_now_ms(), now);
	const struct expansion_style style = {.timestamp = str_make(now, sizeof(now)),
					      .designations = operation_flag(op, "includeDesignations", false),
					      .definition = operation_flag(op, "includeDefinition", false)};
	read_options(op, &options);
	if (!code_source_open(op, "valueSet", "url", "valueSetVersion", &source, err))
		return false;
	const struct expansion *e = NULL;
	if (!source.canonical.p)
		error_set(err, ERR_REQUIRED, "$expand needs url, valueSet, or the id of a stored value set in the URL");
	else
		e = terminology_expand(source.terminology, op->arena, source.canonical, NULL, &options, err);
	if (e)
		expansion_write(&answer->body, e, &options, &style);
	code_source_close(op, &source);
	return e != NULL;
}
