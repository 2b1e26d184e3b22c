/* Documents as texts: which form they have, and where in them a finding is. */
#include "validate/document.h"

#include "fhir/xml.h"
#include "validate/json_form.h"

enum { MAX_STEPS = 128 };

static bool looks_like_xml(struct str text)
{
	if (str_starts(text, S("\xef\xbb\xbf")))
		text = str_slice(text, 3, text.n);
	text = str_trim(text);
	return text.n && text.p[0] == '<';
}

/* The error that ended the reading, as a finding; what was no matter of the text stays an error. */
static bool tell(struct issues *findings, const struct error *why, struct error *err)
{
	if (why->code == ERR_MEMORY || why->code == ERR_NONE)
		return error_memory(err);
	const struct issue *before = findings->last;
	issues_add(findings, ISSUE_FATAL, why->code, why->path[0] ? str_from(why->path) : STR_NULL, "%s", why->text);
	if (findings->last != before) {
		findings->last->line = why->line;
		findings->last->column = why->column;
	}
	return true;
}

static bool read_xml(struct arena *a, const struct definitions *d, struct issues *findings, struct document *document,
		     struct error *err)
{
	struct error why = {0};
	size_t before = findings->errors;
	document->xml = xml_parse(a, document->text, NULL, &why);
	if (!document->xml)
		return tell(findings, &why, err);
	document->tree = xml_read_node(a, d, document->text, document->xml, findings, &why);
	return document->tree || (why.code != ERR_MEMORY && findings->errors > before) || tell(findings, &why, err);
}

bool document_read(struct arena *a, const struct definitions *d, struct str text,
		   const struct document_options *options, struct issues *findings, struct document *ret_document,
		   struct error *err)
{
	struct document document = {.text = text};
	struct json_form_options form = {.allow_comments = options && options->allow_comments};
	struct error why = {0};
	bool ok = true;
	if (looks_like_xml(text)) {
		ok = read_xml(a, d, findings, &document, err);
	} else {
		document.tree = json_form_read(a, text, &form, findings, &why);
		ok = document.tree || why.code == ERR_NONE || error_memory(err);
	}
	if (ok)
		*ret_document = document;
	return ok;
}

static void locate(struct arena *scratch, const struct document *document, struct issue *issue)
{
	struct json_step steps[MAX_STEPS];
	size_t count = 0;
	if (!issue->path.p || !json_path_parse(scratch, issue->path, steps, MAX_STEPS, &count))
		count = 0;
	if (document->xml)
		xml_locate(document->xml, steps, count, &issue->line, &issue->column);
	else if (document->tree)
		json_locate(document->text, steps, count, &issue->line, &issue->column);
}

void document_locate(struct arena *scratch, const struct document *document, struct issues *findings)
{
	for (struct issue *issue = findings->first; issue; issue = issue->next)
		if (!issue->line)
			locate(scratch, document, issue);
}

bool validate_text(struct validator *v, const struct definitions *d, struct arena *a, struct str text,
		   const struct document_options *form, const struct validation_options *options,
		   struct issues *findings, struct error *err)
{
	struct document document;
	if (!document_read(a, d, text, form, findings, &document, err))
		return false;
	if (document.tree && !validate_resource(v, a, document.tree, options, findings, err))
		return false;
	document_locate(a, &document, findings);
	return true;
}
