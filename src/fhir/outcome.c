/* Findings as a list, and both findings and errors as OperationOutcome (http://hl7.org/fhir/R4/operationoutcome.html).
 */
#include "fhir/resource.h"

#include <stdarg.h>
#include <stdio.h>

enum { DEFAULT_MAX_FINDINGS = 50 };

void issues_init(struct issues *list, struct arena *a)
{
	*list = (struct issues){.arena = a};
}

const char *issue_severity_name(enum issue_severity severity)
{
	static const char *const names[] = {"fatal", "error", "warning", "information"};
	return names[severity];
}

void issues_add(struct issues *list, enum issue_severity severity, enum error_code code, struct str path,
		const char *format, ...)
{
	list->count++;
	if (severity <= ISSUE_ERROR)
		list->errors++;
	if (list->count > (list->max ? list->max : DEFAULT_MAX_FINDINGS))
		return;
	struct issue *issue = ARENA_NEW(list->arena, struct issue);
	if (!issue)
		return; /* still counted, so nothing passes that should not */
	va_list args;
	va_start(args, format);
	issue->text = arena_vprintf(list->arena, format, args);
	va_end(args);
	issue->severity = severity;
	issue->code = code;
	issue->path = path.p ? arena_str(list->arena, path) : STR_NULL;
	if (list->last)
		list->last->next = issue;
	else
		list->first = issue;
	list->last = issue;
}

static void begin(struct json_writer *w)
{
	json_object_begin(w);
	json_put_member(w, S("resourceType"), S("OperationOutcome"));
	json_key(w, S("issue"));
	json_array_begin(w);
}

static void end(struct json_writer *w)
{
	json_array_end(w);
	json_object_end(w);
}

static void put_extension(struct json_writer *w, const char *name, const char *key, struct str text, size_t number)
{
	json_object_begin(w);
	json_key(w, S("url"));
	json_put_raw(w, S("\"http://hl7.org/fhir/StructureDefinition/operationoutcome-"));
	buf_add(w->out, str_from(name));
	buf_char(w->out, '"');
	json_key(w, str_from(key));
	if (text.p)
		json_put_str(w, text);
	else
		json_put_i64(w, (int64_t)number);
	json_object_end(w);
}

/* Where in the text and by which rule: R4 has no elements for these. */
static void put_extensions(struct json_writer *w, const struct issue *i)
{
	if (!i->line && !i->rule.p)
		return;
	json_key(w, S("extension"));
	json_array_begin(w);
	if (i->line) {
		put_extension(w, "issue-line", "valueInteger", STR_NULL, i->line);
		put_extension(w, "issue-col", "valueInteger", STR_NULL, i->column);
	}
	if (i->rule.p)
		put_extension(w, "message-id", "valueString", i->rule, 0);
	json_array_end(w);
}

static void put_issue(struct json_writer *w, const struct issue *i)
{
	json_object_begin(w);
	put_extensions(w, i);
	json_put_member(w, S("severity"), str_from(issue_severity_name(i->severity)));
	json_put_member(w, S("code"), str_from(error_issue_type(i->code)));
	json_put_member(w, S("diagnostics"), i->text.n ? i->text : str_from(error_default_text(i->code)));
	if (i->path.n) {
		json_key(w, S("expression"));
		json_array_begin(w);
		json_put_str(w, i->path);
		json_array_end(w);
	}
	json_object_end(w);
}

void outcome_write(struct buf *out, const struct issues *findings)
{
	struct json_writer w = json_writer(out);
	begin(&w);
	for (const struct issue *i = findings->first; i; i = i->next)
		put_issue(&w, i);
	if (!findings->first) {
		json_object_begin(&w);
		json_put_member(&w, S("severity"), S("information"));
		json_put_member(&w, S("code"), S("informational"));
		json_put_member(&w, S("diagnostics"), S("All OK"));
		json_object_end(&w);
	}
	end(&w);
}

void outcome_write_error(struct buf *out, const struct error *err)
{
	struct json_writer w = json_writer(out);
	begin(&w);
	put_issue(&w, &(struct issue){.severity = error_http_status(err->code) >= 500 ? ISSUE_FATAL : ISSUE_ERROR,
				      .code = err->code,
				      .text = str_from(err->text),
				      .path = str_from(err->path)});
	end(&w);
}
