/*
 * What `firth validate` prints: lines for people, an OperationOutcome (or a Bundle of them, one per file) for programs,
 * JUnit XML for build servers. Everything is written as it comes, so the output of a large run takes no memory.
 */
#include "app/validate_priv.h"

#include "base/encode.h"

#define EXTENSION "http://hl7.org/fhir/StructureDefinition/operationoutcome-"

enum { FLUSH_AT = 64 << 10 };

static void flush(struct report *r)
{
	if (r->out.n && !r->failed && !app_write(r->app, buf_str(&r->out)))
		r->failed = true;
	if (!buf_ok(&r->out))
		r->failed = true;
	buf_reset(&r->out);
}

/* ---- text ------------------------------------------------------------------------------------------------------- */

static enum style severity_style(enum issue_severity severity)
{
	return severity <= ISSUE_ERROR ? STYLE_BAD : severity == ISSUE_WARNING ? STYLE_WARN : STYLE_DIM;
}

static void text_issue(struct report *r, const struct issue *i)
{
	const struct app *app = r->app;
	buf_printf(&r->out, "%s%.*s%s", app_style(app, STYLE_BOLD), STR_ARG(r->file), app_style(app, STYLE_PLAIN));
	if (i->line)
		buf_printf(&r->out, ":%zu:%zu", i->line, i->column);
	buf_printf(&r->out, " %s%s%s ", app_style(app, severity_style(i->severity)), issue_severity_name(i->severity),
		   app_style(app, STYLE_PLAIN));
	if (i->path.p && i->path.n)
		buf_printf(&r->out, "%.*s: ", STR_ARG(i->path));
	buf_add(&r->out, i->text);
	if (i->rule.p)
		buf_printf(&r->out, " %s[%.*s]%s", app_style(app, STYLE_DIM), STR_ARG(i->rule),
			   app_style(app, STYLE_PLAIN));
	buf_char(&r->out, '\n');
}

static void count_of(struct buf *out, size_t n, const char *what)
{
	buf_printf(out, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

static void text_summary(struct report *r, const struct baseline *baseline)
{
	const struct app *app = r->app;
	size_t errors = r->counts[ISSUE_FATAL] + r->counts[ISSUE_ERROR];
	count_of(&r->out, r->files, "file");
	buf_add(&r->out, S(", "));
	count_of(&r->out, r->resources, "resource");
	buf_printf(&r->out, ": %s", app_style(app, errors ? STYLE_BAD : STYLE_GOOD));
	count_of(&r->out, errors, "error");
	buf_printf(&r->out, "%s, ", app_style(app, STYLE_PLAIN));
	count_of(&r->out, r->counts[ISSUE_WARNING], "warning");
	buf_printf(&r->out, ", %zu information\n", r->counts[ISSUE_INFORMATION]);
	if (r->hidden) {
		count_of(&r->out, r->hidden, "finding");
		buf_add(&r->out, S(" not shown (--level, --max-findings)\n"));
	}
	if (baseline) {
		count_of(&r->out, baseline->accepted, "finding");
		buf_printf(&r->out, " accepted by the baseline; %zu of its entries no longer occur\n",
			   baseline_gone(baseline));
	}
}

/* ---- JSON ------------------------------------------------------------------------------------------------------- */

static void json_extension(struct json_writer *w, const char *url, const char *value_name, struct str text,
			   size_t number)
{
	json_object_begin(w);
	json_put_member(w, S("url"), str_from(url));
	json_key(w, str_from(value_name));
	if (text.p)
		json_put_str(w, text);
	else
		json_put_i64(w, (int64_t)number);
	json_object_end(w);
}

/* An entry of a Bundle needs an identity: the file's name as a URL. */
static void json_full_url(struct report *r)
{
	struct str rest = r->file;
	struct buf url;
	buf_init(&url, 64 << 10);
	buf_add(&url, S("file:"));
	while (rest.p) {
		encode_percent(&url, str_split(&rest, '/'));
		if (rest.p)
			buf_char(&url, '/');
	}
	json_put_member(&r->json, S("fullUrl"), buf_str(&url));
	buf_done(&url);
}

static void json_open_file(struct report *r)
{
	struct json_writer *w = &r->json;
	if (r->many) {
		json_object_begin(w);
		json_full_url(r);
		json_key(w, S("resource"));
	}
	json_object_begin(w);
	json_put_member(w, S("resourceType"), S("OperationOutcome"));
	json_key(w, S("extension"));
	json_array_begin(w);
	json_extension(w, EXTENSION "file", "valueString", r->file, 0);
	json_array_end(w);
	json_key(w, S("issue"));
	json_array_begin(w);
}

static void json_issue(struct report *r, const struct issue *i)
{
	struct json_writer *w = &r->json;
	json_object_begin(w);
	if (i->line || i->rule.p) {
		json_key(w, S("extension"));
		json_array_begin(w);
		if (i->line) {
			json_extension(w, EXTENSION "issue-line", "valueInteger", STR_NULL, i->line);
			json_extension(w, EXTENSION "issue-col", "valueInteger", STR_NULL, i->column);
		}
		if (i->rule.p)
			json_extension(w, EXTENSION "message-id", "valueString", i->rule, 0);
		json_array_end(w);
	}
	json_put_member(w, S("severity"), str_from(issue_severity_name(i->severity)));
	json_put_member(w, S("code"), str_from(error_issue_type(i->code)));
	json_key(w, S("details"));
	json_object_begin(w);
	json_put_member(w, S("text"), i->text);
	json_object_end(w);
	if (i->path.p && i->path.n) {
		json_key(w, S("expression"));
		json_array_begin(w);
		json_put_str(w, i->path);
		json_array_end(w);
	}
	json_object_end(w);
}

/* An OperationOutcome must have an issue. */
static void json_all_fine(struct json_writer *w)
{
	json_object_begin(w);
	json_put_member(w, S("severity"), S("information"));
	json_put_member(w, S("code"), S("informational"));
	json_key(w, S("details"));
	json_object_begin(w);
	json_put_member(w, S("text"), S("No findings"));
	json_object_end(w);
	json_object_end(w);
}

static void json_close_file(struct report *r)
{
	struct json_writer *w = &r->json;
	if (!r->shown)
		json_all_fine(w);
	json_array_end(w);
	json_object_end(w);
	if (r->many)
		json_object_end(w);
}

/* ---- JUnit ------------------------------------------------------------------------------------------------------ */

/* XML has no place for most control characters, even escaped. */
static void xml_text(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c < 0x20 && c != '\n' && c != '\t')
			buf_add(out, S("\xef\xbf\xbd"));
		else
			encode_html(out, str_slice(text, i, i + 1));
	}
}

static void junit_open_file(struct report *r)
{
	buf_add(&r->out, S("  <testcase classname=\"firth.validate\" name=\""));
	xml_text(&r->out, r->file);
	buf_add(&r->out, S("\">\n"));
	r->cases++;
}

static void junit_issue(struct report *r, const struct issue *i)
{
	bool error = i->severity <= ISSUE_ERROR;
	buf_printf(&r->out, "    <%s", error ? "failure" : "system-out");
	if (error) {
		buf_add(&r->out, S(" type=\""));
		xml_text(&r->out, i->rule.p ? i->rule : str_from(error_issue_type(i->code)));
		buf_add(&r->out, S("\" message=\""));
		xml_text(&r->out, i->text);
		buf_char(&r->out, '"');
	}
	buf_char(&r->out, '>');
	xml_text(&r->out, r->file);
	buf_printf(&r->out, ":%zu:%zu %s ", i->line, i->column, issue_severity_name(i->severity));
	xml_text(&r->out, i->path);
	buf_add(&r->out, S(": "));
	xml_text(&r->out, i->text);
	buf_printf(&r->out, "</%s>\n", error ? "failure" : "system-out");
}

/* To the side until the head, which counts the cases, can be written. */
static void junit_set_aside(struct report *r)
{
	if (r->out.n && fwrite(r->out.p, 1, r->out.n, r->body) != r->out.n)
		r->failed = true;
	if (!buf_ok(&r->out))
		r->failed = true;
	buf_reset(&r->out);
}

static void junit_end(struct report *r)
{
	char piece[8192];
	size_t n;
	junit_set_aside(r);
	buf_printf(&r->out,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		   " <testsuite name=\"firth validate\" tests=\"%zu\" failures=\"%zu\" errors=\"0\">\n",
		   r->cases, r->failures);
	rewind(r->body);
	while ((n = fread(piece, 1, sizeof(piece), r->body)) > 0) {
		buf_add(&r->out, str_make(piece, n));
		if (r->out.n > FLUSH_AT)
			flush(r);
	}
	buf_add(&r->out, S(" </testsuite>\n</testsuites>\n"));
	fclose(r->body);
	r->body = NULL;
}

/* ---- all -------------------------------------------------------------------------------------------------------- */

bool report_begin(struct report *r)
{
	buf_init(&r->out, (size_t)1 << 30);
	r->json = json_writer(&r->out);
	if (r->form == REPORT_JUNIT) {
		r->body = tmpfile();
		return r->body != NULL;
	}
	if (r->form == REPORT_JSON && r->many) {
		json_object_begin(&r->json);
		json_put_member(&r->json, S("resourceType"), S("Bundle"));
		json_put_member(&r->json, S("type"), S("collection"));
		json_key(&r->json, S("entry"));
		json_array_begin(&r->json);
	}
	return true;
}

static void open_file(struct report *r, struct str file)
{
	r->file = file;
	r->shown = 0;
	r->files++;
	r->file_errors = 0;
	if (r->form == REPORT_JSON)
		json_open_file(r);
	else if (r->form == REPORT_JUNIT)
		junit_open_file(r);
}

static void close_file(struct report *r)
{
	if (r->form == REPORT_JSON)
		json_close_file(r);
	else if (r->form == REPORT_JUNIT)
		buf_add(&r->out, S("  </testcase>\n"));
	r->failures += r->file_errors > 0;
	r->file = STR_NULL;
}

static void put_issue(struct report *r, const struct issue *i)
{
	r->counts[i->severity]++;
	r->file_errors += i->severity <= ISSUE_ERROR;
	if (i->severity > r->level || r->shown == r->max_per_file) {
		r->hidden++;
		return;
	}
	r->shown++;
	if (r->form == REPORT_JSON)
		json_issue(r, i);
	else if (r->form == REPORT_JUNIT)
		junit_issue(r, i);
	else
		text_issue(r, i);
}

void report_check(struct report *r, const struct check *c)
{
	size_t listed = 0, errors = 0;
	if (!r->file.p)
		open_file(r, c->file);
	r->resources += c->resources;
	for (const struct issue *i = c->findings.first; i; i = i->next) {
		put_issue(r, i);
		listed++;
		errors += i->severity <= ISSUE_ERROR;
	}
	/* What went past the limit of the list was counted there. */
	r->hidden += c->findings.count - listed;
	r->counts[ISSUE_ERROR] += c->findings.errors - errors;
	r->file_errors += c->findings.errors - errors;
	if (c->last)
		close_file(r);
	if (r->form == REPORT_JUNIT)
		junit_set_aside(r);
	else if (r->out.n > FLUSH_AT || r->form == REPORT_TEXT)
		flush(r);
}

void report_end(struct report *r, const struct baseline *baseline)
{
	if (r->form == REPORT_JUNIT) {
		junit_end(r);
	} else if (r->form == REPORT_JSON) {
		if (r->many) {
			json_array_end(&r->json);
			json_object_end(&r->json);
		}
		buf_char(&r->out, '\n');
	} else if (!r->quiet) {
		text_summary(r, baseline);
	}
	flush(r);
	buf_done(&r->out);
}
