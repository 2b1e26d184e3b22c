/*
 * `firth fhirpath EXPR [FILE]`: evaluates an expression and prints the results one a line. Without --strict a name that
 * a type does not have gives nothing, as the language says, but a note tells, since it usually is a mistake.
 */
#include "app/fhirpath.h"

#include "base/clock.h"
#include "base/file.h"
#include "fhir/xml.h"

static const struct definitions *definitions_of(const struct fhirpath_command *f)
{
	return f->plain ? NULL : definitions_builtin();
}

const struct json *fhirpath_read(struct arena *a, struct str text, struct error *err)
{
	return input_is_xml(text) ? xml_read_resource(a, definitions_builtin(), text, NULL, err)
				  : json_parse(a, text, 0, err);
}

bool fhirpath_run(struct fhirpath_command *f, struct arena *a, struct str expression, bool strict,
		  const struct json *resource, struct path_items *ret_items, struct error *err)
{
	const struct definitions *d = definitions_of(f);
	struct path_item focus = path_item_resource(d, resource);
	const struct path_options options = {.start = focus.type, .strict = strict};
	const struct path_program *program = path_compile(a, d, expression, &options, err);
	struct path_context context = {.resource = resource,
				       .services = &f->services,
				       .variables = f->variables,
				       .variable_count = f->variable_count,
				       .clock = true,
				       .now_ms = clock_now_ms()};
	f->document = resource;
	return program && path_eval(program, a, &context, resource ? &focus : NULL, ret_items, err);
}

void fhirpath_put_items(struct json_writer *w, struct arena *a, const struct path_items *items)
{
	json_array_begin(w);
	for (size_t i = 0; i < items->count; i++) {
		json_object_begin(w);
		json_put_member(w, S("type"), path_item_type_name(a, &items->items[i]));
		json_key(w, S("value"));
		path_item_write(w, &items->items[i]);
		json_object_end(w);
	}
	json_array_end(w);
}

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/* The line of the expression that is meant, and a caret under the place. */
static void show_place(const struct fhirpath_command *f, const struct error *err)
{
	struct str rest = f->expression, line = S("");
	const struct app *app = f->app;
	if (!err->line || !err->column || !strstr(err->text, "FHIRPath"))
		return;
	for (size_t i = 0; i < err->line && rest.p; i++)
		line = str_split(&rest, '\n');
	fprintf(stderr, "  %.*s\n  ", STR_ARG(str_slice(line, 0, 200)));
	/* Tabs stay tabs and the bytes of one character take one column, so that the caret stands under its place. */
	for (size_t i = 0; i + 1 < err->column && i < line.n && i < 200; i++)
		if (line.p[i] == '\t')
			fputc('\t', stderr);
		else if (((unsigned char)line.p[i] & 0xC0) != 0x80)
			fputc(' ', stderr);
	fprintf(stderr, "%s^%s\n", app_style(app, STYLE_BAD), app_style(app, STYLE_PLAIN));
}

/* Says what would be refused with --strict. */
static void show_note(struct fhirpath_command *f, const struct fhir_type *start)
{
	struct arena a;
	struct error err = {0};
	const struct path_options options = {.start = start, .strict = true};
	if (f->strict || f->plain || !start)
		return;
	arena_init(&a, FHIRPATH_MEMORY);
	if (!path_compile(&a, definitions_builtin(), f->expression, &options, &err) && err.code == ERR_VALUE) {
		fprintf(stderr, "note: %s; --strict makes this an error\n", err.text);
		show_place(f, &err);
	}
	arena_done(&a);
}

static bool fail_document(struct fhirpath_command *f, const struct input *in, const struct error *err)
{
	f->failed++;
	if (!f->many && (f->app->json || str_starts(str_from(err->text), S("FHIRPath, line ")))) {
		app_fail(f->app, err);
		show_place(f, err);
		return true;
	}
	fprintf(stderr, "firth fhirpath: %.*s", STR_ARG(in->file));
	if (in->line)
		fprintf(stderr, ":%zu", in->line);
	fprintf(stderr, ": %s\n", err->text);
	return true;
}

/* ---- results --------------------------------------------------------------------------------------------------- */

static void put_json(struct fhirpath_command *f, const struct input *in, const struct path_items *items)
{
	struct json_writer w = json_writer(&f->out);
	if (f->many) {
		json_object_begin(&w);
		json_put_member(&w, S("file"), in->file);
		if (in->line) {
			json_key(&w, S("line"));
			json_put_i64(&w, (int64_t)in->line);
		}
		json_key(&w, S("result"));
	}
	fhirpath_put_items(&w, &f->arena, items);
	if (f->many)
		json_object_end(&w);
	buf_char(&f->out, '\n');
}

static void put_text(struct fhirpath_command *f, const struct input *in, const struct path_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		if (f->many) {
			buf_add(&f->out, in->file);
			if (in->line)
				buf_printf(&f->out, ":%zu", in->line);
			buf_add(&f->out, S(": "));
		}
		path_item_print(&f->out, &items->items[i]);
		buf_char(&f->out, '\n');
	}
}

static bool print_items(struct fhirpath_command *f, const struct input *in, const struct path_items *items)
{
	buf_reset(&f->out);
	if (f->app->json)
		put_json(f, in, items);
	else
		put_text(f, in, items);
	return buf_ok(&f->out) && app_write(f->app, buf_str(&f->out));
}

static bool take_document(void *ctx, const struct input *in)
{
	struct fhirpath_command *f = ctx;
	struct error err = {0};
	struct path_items items = {0};
	f->many |= in->line > 0 || !str_eq(in->file, f->only);
	arena_reset(&f->arena);
	const struct json *resource = fhirpath_read(&f->arena, in->text, &err);
	if (resource && !f->plain && !json_is(resource, JSON_OBJECT)) {
		error_set(&err, ERR_VALUE, "This is no resource: a JSON object is expected");
		resource = NULL;
	}
	if (!resource || !fhirpath_run(f, &f->arena, f->expression, f->strict, resource, &items, &err))
		return fail_document(f, in, &err);
	if (!f->many && !items.count)
		show_note(f, path_item_resource(definitions_of(f), resource).type);
	return print_items(f, in, &items);
}

static bool take_problem(void *ctx, const struct input *in, const struct error *err)
{
	return fail_document(ctx, in, err);
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

static bool start_type(const struct fhirpath_command *f, const struct fhir_type **ret_type, struct error *err)
{
	*ret_type = f->type.p ? definitions_type(definitions_builtin(), f->type) : NULL;
	return !f->type.p || *ret_type ||
	       error_set(err, ERR_NOT_FOUND, "there is no type \"%.*s\"", STR_ARG(str_slice(f->type, 0, 64)));
}

static int explain(struct fhirpath_command *f)
{
	struct error err = {0};
	struct path_options options = {.strict = f->strict};
	const struct path_program *program = NULL;
	if (start_type(f, &options.start, &err))
		program = path_compile(&f->arena, definitions_of(f), f->expression, &options, &err);
	if (!program) {
		int status = app_fail(f->app, &err);
		show_place(f, &err);
		return status;
	}
	path_explain(&f->out, program);
	return buf_ok(&f->out) && app_write(f->app, buf_str(&f->out)) ? APP_OK : APP_FAILED;
}

static int without_document(struct fhirpath_command *f)
{
	const struct input none = {.file = S("")};
	struct error err = {0};
	struct path_items items = {0};
	if (!fhirpath_run(f, &f->arena, f->expression, f->strict, NULL, &items, &err)) {
		int status = app_fail(f->app, &err);
		show_place(f, &err);
		return status;
	}
	return print_items(f, &none, &items) ? APP_OK : APP_FAILED;
}

static int over_documents(struct fhirpath_command *f, const struct str *paths, size_t count)
{
	const struct input_user user = {.ctx = f, .document = take_document, .problem = take_problem};
	f->many = count > 1;
	f->only = str_is(paths[0], "-") ? S("(standard input)") : paths[0];
	bool done = input_read(&f->app->arena, paths, count, &user);
	return done && !f->failed ? APP_OK : APP_FAILED;
}

/* NAME=TEXT: a string. */
static bool add_variables(struct fhirpath_command *f, const struct option_list *given, struct error *err)
{
	for (size_t i = 0; i < given->count; i++) {
		struct str value = given->items[i], name = str_split(&value, '=');
		struct path_item *item = ARENA_NEW(&f->app->arena, struct path_item);
		if (!item)
			return error_memory(err);
		if (!value.p || !name.n || f->variable_count == FHIRPATH_MAX_VARIABLES)
			return error_set(err, ERR_USAGE, "--variable takes NAME=TEXT, at most %d times",
					 FHIRPATH_MAX_VARIABLES);
		*item = (struct path_item){.kind = PATH_STRING, .text = value};
		f->variables[f->variable_count++] =
			(struct path_variable){.name = name, .items = {.items = item, .count = 1}};
	}
	return true;
}

static int dispatch(struct fhirpath_command *f, bool explained, bool batch)
{
	struct app *app = f->app;
	if (batch)
		return fhirpath_batch(f, app->args, app->arg_count);
	if (app->arg_count == 0)
		return app_misuse(app, "an expression is needed");
	f->expression = app->args[0];
	if (explained)
		return explain(f);
	if (app->arg_count == 1)
		return without_document(f);
	return over_documents(f, app->args + 1, app->arg_count - 1);
}

int command_fhirpath(struct app *app)
{
	struct fhirpath_command f = {.app = app};
	struct option_list variables = {0};
	bool explained = false, batch = false;
	const struct option options[] = {
		{"strict", OPTION_FLAG, NULL, "refuse names that a type does not have, and operands that do not fit",
		 &f.strict, NULL},
		{"plain", OPTION_FLAG, NULL, "without the definitions of FHIR: names are those of the JSON", &f.plain,
		 NULL},
		{"variable", OPTION_LIST, "NAME=TEXT", "gives %NAME; may be repeated", &variables, NULL},
		{"trace", OPTION_FLAG, NULL, "show what trace() sees, on standard error", &f.traces, NULL},
		{"explain", OPTION_FLAG, NULL, "print the compiled expression instead of evaluating it", &explained,
		 NULL},
		{"type", OPTION_TEXT, "TYPE", "with --explain: the type that the expression starts at", &f.type, NULL},
		{"batch", OPTION_FLAG, NULL, "read NDJSON {\"expression\",\"resource\"|\"file\"}, answer NDJSON",
		 &batch, NULL},
		CODE_WORLD_OPTIONS(f.world),
	};
	static const char details[] =
		"Prints the results one a line; with --format json, an array of {\"type\",\"value\"}. FILE is\n"
		"JSON, XML or NDJSON, a directory of such, or - for standard input. Without one the\n"
		"expression has no focus: firth fhirpath '@2024-02-29 + 1 year'.\n"
		"With --batch there is no EXPR; each line gives one, and may have \"strict\" and \"id\" too.";
	const struct command_line line = {OPTIONS(options), .arguments = "EXPR [FILE|DIR|-]...",
					  .max_args = (size_t)1 << 20, .details = details};
	struct error err = {0};
	if (!app_options(app, &line))
		return app->status;
	if (!add_variables(&f, &variables, &err))
		return app_fail(app, &err);
	arena_init(&f.arena, FHIRPATH_MEMORY);
	buf_init(&f.out, (size_t)1 << 30);
	fhirpath_services_open(&f);
	int status = dispatch(&f, explained, batch);
	fhirpath_services_close(&f);
	buf_done(&f.out);
	arena_done(&f.arena);
	return status;
}
