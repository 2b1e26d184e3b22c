/*
 * `firth normalise`: resources of any EHR in one form, as NDJSON. Bundles are taken apart; a recording that keeps an
 * answer among other things is searched for resources. With --explain a table tells what was changed, by which rule.
 */
#include "app/normalise.h"

#include <errno.h>

#include "fhir/xml.h"

enum { DEPTH_MAX = 4 };
#define MAX_MEMORY ((size_t)4 << 30)

struct work {
	struct app *app;
	struct str vendor, base, output;
	bool explain;
	struct normaliser *normaliser;
	struct normal_book merges;
	struct normal_options options; /* of the document */
	struct arena arena, changes; /* of one document, of one resource */
	struct buf out;
	struct normal_report totals;
	struct explanation explanation;
	FILE *file; /* of --output */
	struct str name; /* of the document's file */
	size_t read, written, failed;
	bool stopped;
};

static bool refuse(void *ctx, const struct input *in, const struct error *err)
{
	struct work *w = ctx;
	w->failed++;
	fprintf(stderr, "firth normalise: %.*s", STR_ARG(in->file));
	if (in->line)
		fprintf(stderr, ":%zu", in->line);
	fprintf(stderr, ": %s\n", err->text[0] ? err->text : error_default_text(err->code));
	return !w->stopped;
}

/* ---- one resource ------------------------------------------------------------------------------------------------ */

static bool write_out(struct work *w, struct error *err)
{
	buf_char(&w->out, '\n');
	if (!buf_ok(&w->out))
		return error_memory(err);
	struct str text = buf_str(&w->out);
	bool ok = w->file ? fwrite(text.p, 1, text.n, w->file) == text.n : !w->explain ? app_write(w->app, text) : true;
	w->stopped = !ok;
	return ok || error_set(err, ERR_IO, "nothing more can be written");
}

static bool take_resource(struct work *w, const struct json *resource, struct str full_url, struct error *err)
{
	struct normal_report report = {.arena = w->explain ? &w->changes : NULL};
	enum normal_fate fate;
	bool http = str_starts(full_url, S("http://")) || str_starts(full_url, S("https://"));
	w->options.source = http ? full_url : STR_NULL;
	w->read++;
	buf_reset(&w->out);
	arena_reset(&w->changes);
	if (!normalise(w->normaliser, resource, &w->options, &w->out, &report, &fate, err))
		return false;
	for (size_t i = 0; i < NORMAL_RULES; i++)
		w->totals.counts[i] += report.counts[i];
	if (w->explain) {
		struct str name =
			arena_printf(&w->changes, "%.*s/%.*s", STR_ARG(json_get_str(resource, S("resourceType"))),
				     STR_ARG(json_get_str(resource, S("id"))));
		w->stopped = !explain_take(&w->explanation, w->app, &report, w->name, name);
		if (w->stopped)
			return error_set(err, ERR_IO, "the explanation cannot be kept or written");
	}
	if (fate == NORMAL_DROPPED)
		return true;
	w->written++;
	return write_out(w, err);
}

/* ---- documents --------------------------------------------------------------------------------------------------- */

/* "http://host/fhir" of "http://host/fhir/Patient/7", when that is what the resource says, too. */
static struct str base_of(const struct json *resource, struct str full_url)
{
	struct str type = json_get_str(resource, S("resourceType")), id = json_get_str(resource, S("id"));
	if (!str_starts(full_url, S("http")) || !type.n || !id.n || full_url.n <= type.n + id.n + 2)
		return STR_NULL;
	size_t at = full_url.n - id.n - type.n - 2;
	struct str tail = str_slice(full_url, at, full_url.n);
	bool own = tail.p[0] == '/' && str_eq(str_slice(tail, 1, 1 + type.n), type) && tail.p[1 + type.n] == '/' &&
		   str_ends(tail, id);
	return own ? str_slice(full_url, 0, at) : STR_NULL;
}

static bool take_bundle(struct work *w, const struct json *bundle, struct error *err)
{
	struct normal_book book;
	struct str base = w->base;
	bool ok = true;
	normal_book_init(&book);
	struct json_iter it = json_iter(json_get(bundle, S("entry")));
	while (ok && json_next(&it)) {
		const struct json *resource = json_get(it.value, S("resource"));
		struct str full_url = json_get_str(it.value, S("fullUrl"));
		ok = normal_book_add(&book, definitions_builtin(), resource, full_url, err);
		if (!base.n)
			base = base_of(resource, full_url);
	}
	w->options.book = &book;
	w->options.base_url = base;
	it = json_iter(json_get(bundle, S("entry")));
	while (ok && json_next(&it)) {
		const struct json *resource = json_get(it.value, S("resource"));
		if (resource)
			ok = take_resource(w, resource, json_get_str(it.value, S("fullUrl")), err);
	}
	w->options.book = NULL;
	normal_book_done(&book);
	return ok;
}

/* Resources in whatever a recording wraps them in. */
static bool take_json(struct work *w, const struct json *j, int depth, bool *ret_found, struct error *err)
{
	struct str type = json_get_str(j, S("resourceType"));
	w->options.base_url = w->base;
	if (type.n) {
		*ret_found = true;
		return str_is(type, "Bundle") && json_get(j, S("entry")) ? take_bundle(w, j, err)
									 : take_resource(w, j, STR_NULL, err);
	}
	struct json_iter it = json_iter(j);
	while (depth < DEPTH_MAX && json_next(&it))
		if (json_type(it.value) >= JSON_ARRAY && !take_json(w, it.value, depth + 1, ret_found, err))
			return false;
	return true;
}

static const struct json *parse(struct work *w, const struct input *in, struct error *err)
{
	return input_is_xml(in->text) ? xml_read_resource(&w->arena, definitions_builtin(), in->text, NULL, err)
				      : json_parse(&w->arena, in->text, 0, err);
}

static bool take_document(void *ctx, const struct input *in)
{
	struct work *w = ctx;
	struct error err = {0};
	bool found = false;
	const struct json *j = parse(w, in, &err);
	w->name = in->file;
	w->options.vendor = str_is(w->vendor, "epic")	   ? NORMAL_EPIC
			    : str_is(w->vendor, "cerner")  ? NORMAL_CERNER
			    : str_is(w->vendor, "generic") ? NORMAL_GENERIC
							   : normal_detect(in->text);
	bool ok = j && take_json(w, j, 0, &found, &err);
	if (ok && !found)
		fprintf(stderr, "firth normalise: %.*s: no resource in it\n", STR_ARG(in->file));
	arena_reset(&w->arena);
	return ok || refuse(w, in, &err);
}

/* The first pass: who was merged into whom, anywhere in the files. */
static bool find_merges(struct work *w, const struct json *j, int depth, struct error *err)
{
	if (str_is(json_get_str(j, S("resourceType")), "Patient"))
		return normal_book_add(&w->merges, definitions_builtin(), j, STR_NULL, err);
	struct json_iter it = json_iter(j);
	while (depth < DEPTH_MAX + 3 && json_next(&it))
		if (json_type(it.value) >= JSON_ARRAY && !find_merges(w, it.value, depth + 1, err))
			return false;
	return true;
}

static bool look_for_merges(void *ctx, const struct input *in)
{
	struct work *w = ctx;
	struct error err = {0};
	if (str_find(in->text, S("replaced-by")) == STR_NONE)
		return true;
	const struct json *j = parse(w, in, &err);
	bool ok = !j || find_merges(w, j, 0, &err);
	arena_reset(&w->arena);
	return ok;
}

static bool pass_over(void *ctx, const struct input *in, const struct error *err)
{
	(void)ctx, (void)in, (void)err; /* the second pass tells */
	return true;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static bool vendor_known(struct str vendor)
{
	return !vendor.n || str_is(vendor, "auto") || str_is(vendor, "epic") || str_is(vendor, "cerner") ||
	       str_is(vendor, "generic");
}

static bool work_open(struct work *w, struct error *err)
{
	arena_init(&w->arena, MAX_MEMORY);
	arena_init(&w->changes, MAX_MEMORY);
	arena_init(&w->explanation.arena, MAX_MEMORY);
	map_init(&w->explanation.groups, 1000000);
	buf_init(&w->out, (size_t)1 << 30);
	normal_book_init(&w->merges);
	w->options.merges = &w->merges;
	w->normaliser = normaliser_new(definitions_builtin(), err);
	if (!w->normaliser)
		return false;
	if (!w->output.p)
		return true;
	w->file = fopen(arena_str(&w->app->arena, w->output).p, "wbe");
	return w->file || error_set(err, ERR_IO, "cannot write %.*s: %s", STR_ARG(w->output), strerror(errno));
}

static bool work_close(struct work *w, struct error *err)
{
	bool closed = !w->file || fclose(w->file) == 0;
	normaliser_free(w->normaliser);
	normal_book_done(&w->merges);
	map_done(&w->explanation.groups);
	arena_done(&w->explanation.arena);
	arena_done(&w->changes);
	arena_done(&w->arena);
	buf_done(&w->out);
	return closed || error_set(err, ERR_IO, "cannot write %.*s: %s", STR_ARG(w->output), strerror(errno));
}

static bool has_standard_input(const struct app *app)
{
	for (size_t i = 0; i < app->arg_count; i++)
		if (str_is(app->args[i], "-"))
			return true;
	return false;
}

int command_normalise(struct app *app)
{
	struct work w = {.app = app};
	struct error err = {0};
	const struct option options[] = {
		{"vendor", OPTION_TEXT, "epic|cerner|generic|auto",
		 "whose resources they are (default: auto, seen from each file)", &w.vendor, NULL},
		{"base-url", OPTION_TEXT, "URL", "of their server (default: by the fullUrl of bundle entries)", &w.base,
		 NULL},
		{"explain", OPTION_FLAG, NULL, "print what was changed and why instead of the resources", &w.explain,
		 NULL},
		{"output", OPTION_TEXT, "FILE", "write the resources there", &w.output, NULL},
	};
	const struct command_line line = {
		OPTIONS(options),
		.arguments = "PATH...",
		.min_args = 1,
		.max_args = 100000,
		.details =
			"PATH is a file, a directory or - for standard input, as for firth convert. Resources come "
			"out\n"
			"as NDJSON. Those entered in error and messages of the server are left out; --explain names\n"
			"them. What is not understood stays as it was and is counted. With --format json each change\n"
			"is one line of JSON with the whole of what stood there. docs/normalisation.md has the rules.",
	};
	if (!app_options(app, &line))
		return app->status;
	if (!vendor_known(w.vendor))
		return app_misuse(app, "--vendor must be epic, cerner, generic or auto, not '%.*s'", STR_ARG(w.vendor));
	if (str_ends(w.base, S("/")))
		w.base.n--;
	const struct input_user first = {&w, look_for_merges, pass_over};
	const struct input_user second = {&w, take_document, refuse};
	bool all = work_open(&w, &err) &&
		   (has_standard_input(app) || input_read(&app->arena, app->args, app->arg_count, &first)) &&
		   input_read(&app->arena, app->args, app->arg_count, &second);
	bool said = !all || !w.explain || explain_print(&w.explanation, app, &w.totals, w.read, w.written);
	bool closed = work_close(&w, &err);
	if (err.code)
		app_fail(app, &err);
	return all && said && closed && !w.failed ? APP_OK : APP_FAILED;
}
