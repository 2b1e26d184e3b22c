/*
 * `firth fhirpath --batch`: a line of NDJSON asks, a line answers, in the same order. A line that cannot be answered is
 * answered with an error, so the number of lines is always that of the input.
 */
#include "app/fhirpath.h"

#include "base/file.h"

static const struct json *resource_of(struct arena *a, const struct json *line, struct error *err)
{
	const struct json *resource = json_get(line, S("resource"));
	struct str file = json_get_str(line, S("file")), text;
	if (resource && !json_is(resource, JSON_OBJECT))
		error_set(err, ERR_VALUE, "\"resource\" must be an object");
	if (resource || !file.p)
		return err->code ? NULL : resource;
	return file_read(a, file, INPUT_MAX_DOCUMENT, &text, err) ? fhirpath_read(a, text, err) : NULL;
}

static bool evaluate(struct fhirpath_command *f, struct arena *a, const struct json *line, struct path_items *ret_items,
		     struct error *err)
{
	struct str expression = json_get_str(line, S("expression"));
	const struct json *strict = json_get(line, S("strict"));
	if (!expression.p)
		return error_set(err, ERR_VALUE, "a line needs \"expression\"");
	const struct json *resource = resource_of(a, line, err);
	return !err->code &&
	       fhirpath_run(f, a, expression, strict ? json_bool(strict) : f->strict, resource, ret_items, err);
}

static void put_error(struct json_writer *w, const struct error *err)
{
	json_key(w, S("error"));
	json_object_begin(w);
	json_put_member(w, S("code"), str_from(error_name(err->code)));
	json_put_member(w, S("text"), str_from(err->text[0] ? err->text : error_default_text(err->code)));
	if (err->line) {
		json_key(w, S("line"));
		json_put_i64(w, (int64_t)err->line);
		json_key(w, S("column"));
		json_put_i64(w, (int64_t)err->column);
	}
	json_object_end(w);
}

static bool answer(struct fhirpath_command *f, const struct json *line, const struct path_items *items,
		   const struct error *err)
{
	struct json_writer w = json_writer(&f->out);
	const struct json *id = json_get(line, S("id"));
	buf_reset(&f->out);
	json_object_begin(&w);
	if (id) {
		json_key(&w, S("id"));
		json_put_value(&w, id);
	}
	json_put_member(&w, S("expression"), json_get_str(line, S("expression")));
	if (err->code) {
		put_error(&w, err);
	} else {
		json_key(&w, S("result"));
		fhirpath_put_items(&w, &f->arena, items);
	}
	json_object_end(&w);
	buf_char(&f->out, '\n');
	f->failed += err->code != ERR_NONE;
	return buf_ok(&f->out) && app_write(f->app, buf_str(&f->out));
}

static bool take_line(void *ctx, const struct input *in)
{
	struct fhirpath_command *f = ctx;
	struct error err = {0};
	struct path_items items = {0};
	arena_reset(&f->arena);
	const struct json *line = json_parse(&f->arena, in->text, 0, &err);
	if (line)
		(void)evaluate(f, &f->arena, line, &items, &err);
	return answer(f, line, &items, &err);
}

static bool take_problem(void *ctx, const struct input *in, const struct error *err)
{
	struct fhirpath_command *f = ctx;
	const struct path_items none = {0};
	(void)in;
	arena_reset(&f->arena);
	return answer(f, NULL, &none, err);
}

int fhirpath_batch(struct fhirpath_command *f, const struct str *paths, size_t count)
{
	const struct input_user user = {.ctx = f, .document = take_line, .problem = take_problem};
	const struct str standard_input = S("-");
	bool done = input_read(&f->app->arena, count ? paths : &standard_input, count ? count : 1, &user);
	return done && !f->failed ? APP_OK : APP_FAILED;
}
