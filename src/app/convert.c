/*
 * `firth convert`: resources from JSON to XML and back, one after another. Nothing is lost or guessed on the way: what
 * has no place in the other form is an error that says where it stands.
 */
#include "app/app.h"
#include "app/input.h"
#include "fhir/xml.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

enum form { FORM_OTHER, FORM_JSON, FORM_XML };
enum { MAX_PATH = 4096 };
#define MAX_MEMORY ((size_t)4 << 30)

struct convert {
	struct app *app;
	enum form to;
	bool pretty, stopped;
	struct str output; /* a directory, or STR_NULL */
	struct arena arena; /* of one resource */
	struct buf out;
	FILE *lines; /* the NDJSON file that is written */
	struct str lines_name;
	size_t converted, failed;
};

static void say(const struct convert *c, const struct input *in, const struct error *err)
{
	fprintf(stderr, "firth convert: %.*s", STR_ARG(in->file));
	if (in->line)
		fprintf(stderr, ":%zu", in->line);
	else if (err->line)
		fprintf(stderr, ":%zu:%zu", err->line, err->column);
	fprintf(stderr, ": %s", err->text[0] ? err->text : error_default_text(err->code));
	if (err->path[0])
		fprintf(stderr, " (at %s)", err->path);
	fputc('\n', stderr);
	(void)c;
}

static bool refuse(void *ctx, const struct input *in, const struct error *err)
{
	struct convert *c = ctx;
	c->failed++;
	say(c, in, err);
	return true;
}

static bool write_form(struct convert *c, enum form form, const struct json *resource, struct error *err)
{
	const struct definitions *d = definitions_builtin();
	if (form == FORM_XML && !(c->pretty ? xml_write_resource_pretty(&c->out, &c->arena, d, resource, err)
					    : xml_write_resource(&c->out, &c->arena, d, resource, err)))
		return false;
	if (form == FORM_JSON && c->pretty) {
		json_pretty(&c->out, resource);
	} else if (form == FORM_JSON) {
		struct json_writer w = json_writer(&c->out);
		json_put_value(&w, resource);
	}
	buf_char(&c->out, '\n');
	return buf_ok(&c->out) || error_memory(err);
}

/* ---- files of --output ------------------------------------------------------------------------------------------ */

/* Makes the directories above a path. */
static bool make_directories(char *path, struct error *err)
{
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
		if (!made)
			error_set(err, ERR_IO, "cannot make the directory %s: %s", path, strerror(errno));
		*p = '/';
		if (!made)
			return false;
	}
	return true;
}

static struct str without_ending(struct str name)
{
	size_t dot = str_rfind_char(name, '.'), slash = str_rfind_char(name, '/');
	return dot == STR_NONE || dot == 0 || (slash != STR_NONE && dot < slash) ? name : str_slice(name, 0, dot);
}

/* "patients.json" becomes "patients.xml", line 7 of "patients.ndjson" "patients-7.xml", but NDJSON stays one file. */
static bool name_output(const struct convert *c, const struct input *in, enum form form, char ret_path[MAX_PATH],
			struct error *err)
{
	struct str stem = str_is(in->file, "(standard input)") ? S("stdin") : without_ending(in->relative);
	int n;
	if (in->line && form == FORM_XML)
		n = snprintf(ret_path, MAX_PATH, "%.*s/%.*s-%zu.xml", STR_ARG(c->output), STR_ARG(stem), in->line);
	else
		n = snprintf(ret_path, MAX_PATH, "%.*s/%.*s%s", STR_ARG(c->output), STR_ARG(stem),
			     form == FORM_XML ? ".xml"
			     : in->line	      ? ".ndjson"
					      : ".json");
	return (n > 0 && n < MAX_PATH) || error_set(err, ERR_IO, "the name of the result would be too long");
}

static bool close_file(FILE *file, bool ok, const char *path, struct error *err)
{
	int code = errno;
	bool closed = fclose(file) == 0;
	return (ok && closed) || error_set(err, ERR_IO, "cannot write %s: %s", path, strerror(ok ? errno : code));
}

static bool end_lines(struct convert *c, struct error *err)
{
	FILE *file = c->lines;
	c->lines = NULL;
	return !file || close_file(file, !ferror(file), "the NDJSON file", err);
}

static bool write_file(struct convert *c, const struct input *in, enum form form, struct error *err)
{
	char path[MAX_PATH];
	struct str text = buf_str(&c->out);
	bool lines = in->line && form == FORM_JSON;
	if (lines && c->lines && str_eq(c->lines_name, in->file))
		return fwrite(text.p, 1, text.n, c->lines) == text.n ||
		       error_set(err, ERR_IO, "writing failed: %s", strerror(errno));
	if (!end_lines(c, err) || !name_output(c, in, form, path, err) || !make_directories(path, err))
		return false;
	FILE *file = fopen(path, "wbe");
	if (!file)
		return error_set(err, ERR_IO, "cannot write %s: %s", path, strerror(errno));
	bool ok = fwrite(text.p, 1, text.n, file) == text.n;
	if (!lines || !ok)
		return close_file(file, ok, path, err);
	c->lines = file;
	c->lines_name = in->file;
	return true;
}

/* ---- documents -------------------------------------------------------------------------------------------------- */

static bool convert(struct convert *c, const struct input *in, struct error *err)
{
	bool xml = input_is_xml(in->text);
	enum form form = c->to != FORM_OTHER ? c->to : xml ? FORM_JSON : FORM_XML;
	const struct json *resource = xml ? xml_read_resource(&c->arena, definitions_builtin(), in->text, NULL, err)
					  : json_parse(&c->arena, in->text, 0, err);
	if (!resource || !resource_type(definitions_builtin(), resource, err) || !write_form(c, form, resource, err))
		return false;
	if (c->output.p)
		return write_file(c, in, form, err);
	if (app_write(c->app, buf_str(&c->out)))
		return true;
	c->stopped = true; /* it said so */
	return error_set(err, ERR_IO, "nothing more can be written");
}

static bool take_document(void *ctx, const struct input *in)
{
	struct convert *c = ctx;
	struct error err = {0};
	buf_reset(&c->out);
	bool ok = convert(c, in, &err);
	arena_reset(&c->arena);
	c->converted += ok;
	return ok || (refuse(c, in, &err) && !c->stopped);
}

static bool sum_up(struct convert *c)
{
	char text[160];
	if (!c->output.p)
		return true;
	int n = snprintf(text, sizeof(text),
			 c->app->json ? "{\"converted\":%zu,\"failed\":%zu}\n" : "%zu converted, %zu failed\n",
			 c->converted, c->failed);
	return app_write(c->app, str_make(text, (size_t)n));
}

static bool parse_form(struct str text, enum form *ret_form)
{
	*ret_form = str_is(text, "json") ? FORM_JSON : str_is(text, "xml") ? FORM_XML : FORM_OTHER;
	return !text.p || *ret_form != FORM_OTHER;
}

int command_convert(struct app *app)
{
	struct convert c = {.app = app};
	struct error err = {0};
	struct str to = STR_NULL;
	const struct option options[] = {
		{"to", OPTION_TEXT, "json|xml", "the form to write (default: the one that the input is not)", &to,
		 NULL},
		{"pretty", OPTION_FLAG, NULL, "indent the result", &c.pretty, NULL},
		{"output", OPTION_TEXT, "DIR", "write files there instead of standard output", &c.output, NULL},
	};
	const struct command_line line = {
		OPTIONS(options),
		.arguments = "PATH...",
		.min_args = 1,
		.max_args = 100000,
		.details = "PATH is a file, a directory or - for standard input; gzip is understood. The form of each\n"
			   "is seen from its text; NDJSON is read line by line. JSON is written as one line per\n"
			   "resource unless --pretty is given. What cannot be converted is named on standard error,\n"
			   "the rest is converted, and the exit status is 1.",
	};
	if (!app_options(app, &line))
		return app->status;
	if (!parse_form(to, &c.to))
		return app_misuse(app, "--to must be json or xml, not '%.*s'", STR_ARG(to));
	arena_init(&c.arena, MAX_MEMORY);
	buf_init(&c.out, (size_t)1 << 30);
	const struct input_user user = {&c, take_document, refuse};
	bool all = input_read(&app->arena, app->args, app->arg_count, &user);
	if (!end_lines(&c, &err))
		app_fail(app, &err);
	bool said = !c.stopped && sum_up(&c);
	buf_done(&c.out);
	arena_done(&c.arena);
	return all && said && !c.failed && !err.code ? APP_OK : APP_FAILED;
}
