/* Documents as texts: which form they have, and where in them a finding is. */
#include "validate/document.h"

#include "fhir/xml.h"
#include "validate/json_form.h"

enum { MAX_STEPS = 128, MANY = 4 };

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

/* Instructions to programs before the root element, such as style sheets: FHIR has none. */
static void check_prolog(const struct document *document, struct issues *findings)
{
	struct str prolog = str_slice(document->text, 0, document->xml->from);
	size_t declaration = str_find(prolog, S("<?xml ")), first = str_find_char(prolog, '<', 0);
	size_t at = declaration != STR_NONE && declaration == first ? str_find(prolog, S("?>")) : 0;
	const struct issue *before = findings->last;
	for (; at < prolog.n; at++) {
		struct str rest = str_slice(prolog, at, prolog.n);
		size_t end = str_starts(rest, S("<!--")) ? str_find(rest, S("-->")) : STR_NONE;
		if (end != STR_NONE)
			at += end;
		else if (str_starts(rest, S("<?")))
			break;
	}
	if (at >= prolog.n)
		return;
	issues_add(findings, ISSUE_ERROR, ERR_STRUCTURE, STR_NULL,
		   "A processing instruction is not allowed in resources");
	if (findings->last != before) {
		findings->last->line = 1;
		findings->last->column = 1;
		for (size_t i = 0; i < at; i++) {
			bool fresh = prolog.p[i] == '\n';
			findings->last->line += fresh;
			findings->last->column = fresh ? 1 : findings->last->column + 1;
		}
	}
}

static bool read_xml(struct arena *a, const struct definitions *d, struct issues *findings, struct document *document,
		     struct error *err)
{
	struct error why = {0};
	size_t before = findings->errors;
	document->xml = xml_parse(a, document->text, NULL, &why);
	if (!document->xml)
		return tell(findings, &why, err);
	check_prolog(document, findings);
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

/* ---- places ----------------------------------------------------------------------------------------------------- */

/* Where lines and the entries of a Bundle begin, so that many findings in a large one cost one scan, not one each. */
struct places {
	const struct document *document;
	size_t *lines, line_count, line_capacity;
	size_t *entries, entry_count, entry_capacity;
};

static bool push(struct arena *a, size_t **list, size_t *count, size_t *capacity, size_t value)
{
	size_t *grown = arena_grow(a, *list, *count, capacity, *count + 1, sizeof(*grown));
	if (!grown)
		return false;
	*list = grown;
	grown[(*count)++] = value;
	return true;
}

static bool index_lines(struct arena *a, struct places *p)
{
	struct str text = p->document->text;
	size_t at = 0;
	do {
		if (!push(a, &p->lines, &p->line_count, &p->line_capacity, at))
			return false;
		at = str_find_char(text, '\n', at);
	} while (at++ != STR_NONE);
	return true;
}

/* The offset of a line and column. */
static size_t offset_of(const struct places *p, size_t line, size_t column)
{
	return line && line <= p->line_count ? p->lines[line - 1] + column - 1 : p->document->text.n;
}

/* The items of the array that starts at an offset. */
static bool index_items(struct arena *a, struct places *p, size_t at)
{
	struct str text = p->document->text;
	size_t depth = 0;
	bool fresh = false;
	for (; at < text.n; at++) {
		char c = text.p[at];
		if (fresh && depth == 1 && c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != ']') {
			if (!push(a, &p->entries, &p->entry_count, &p->entry_capacity, at))
				return false;
			fresh = false;
		}
		if (c == '"') {
			for (at++; at < text.n && text.p[at] != '"'; at++)
				at += text.p[at] == '\\';
		} else if (c == '[' || c == '{') {
			fresh = ++depth == 1;
		} else if (c == ']' || c == '}') {
			if (--depth == 0)
				return true;
		} else if (c == ',' && depth == 1) {
			fresh = true;
		}
	}
	return true;
}

static bool index_places(struct arena *a, struct places *p)
{
	const struct json_step entry = {S("entry"), JSON_NO_INDEX};
	size_t line, column;
	if (!index_lines(a, p))
		return false;
	if (!json_is(json_get(p->document->tree, S("entry")), JSON_ARRAY) ||
	    json_locate(p->document->text, &entry, 1, &line, &column) != 1)
		return true;
	return index_items(a, p, offset_of(p, line, column));
}

static size_t line_at(const struct places *p, size_t offset)
{
	size_t low = 0, high = p->line_count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (p->lines[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Looks only into the entry that the steps lead to; false when they lead to none. */
static bool locate_in_entry(const struct places *p, const struct json_step *steps, size_t count, struct issue *issue)
{
	size_t line, column;
	if (!count || !str_is(steps[0].name, "entry") || steps[0].index >= p->entry_count)
		return false;
	size_t from = p->entries[steps[0].index];
	size_t to = steps[0].index + 1 < p->entry_count ? p->entries[steps[0].index + 1] : p->document->text.n;
	json_locate(str_slice(p->document->text, from, to), steps + 1, count - 1, &line, &column);
	size_t first = line_at(p, from);
	issue->line = first + line;
	issue->column = line == 1 ? from - p->lines[first] + column : column;
	return true;
}

static void locate(struct arena *scratch, const struct places *p, struct issue *issue)
{
	const struct document *document = p->document;
	struct json_step steps[MAX_STEPS];
	size_t count = 0;
	if (!issue->path.p || !json_path_parse(scratch, issue->path, steps, MAX_STEPS, &count))
		count = 0;
	if (issue->member.p && count < MAX_STEPS)
		steps[count++] = (struct json_step){issue->member, JSON_NO_INDEX};
	if (document->xml)
		xml_locate(document->xml, steps, count, &issue->line, &issue->column);
	else if (document->tree && !locate_in_entry(p, steps, count, issue))
		json_locate(document->text, steps, count, &issue->line, &issue->column);
}

void document_locate(struct arena *scratch, const struct document *document, struct issues *findings)
{
	struct places p = {.document = document};
	if (document->tree && !document->xml && findings->count > MANY && !index_places(scratch, &p))
		p.entry_count = 0; /* slower, but as good */
	for (struct issue *issue = findings->first; issue; issue = issue->next)
		if (!issue->line)
			locate(scratch, &p, issue);
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
