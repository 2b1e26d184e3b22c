/*
 * Runs cases in the form of fhirpath.js: NDJSON with an expression, its input and its result. Usage: fhirpath_js_suite
 * DIRECTORY | FILE; beside the file (cases.ndjson) are subjects.json and resources/MODEL/. Expressions are compiled in
 * lenient mode, without definitions when a case names no model; every model is answered with the definitions of R4. A
 * line per failing case, then "N passed, N failed". Cases that their authors disabled are not counted. What is answered
 * otherwise on purpose is in known/fhirpath_js.txt.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "fhirpath/fhirpath.h"
#include "known.h"

enum { MAX_VARIABLES = 16 };

struct suite {
	struct str directory;
	const struct json *subjects;
	struct known known;
	size_t passed, failed;
};

/* ---- results --------------------------------------------------------------------------------------------------- */

static bool same_number(struct str a, struct str b)
{
	struct decimal x, y;
	return decimal_parse(a, &x) && decimal_parse(b, &y) && decimal_cmp(&x, &y) == 0;
}

static bool same_json(const struct json *a, const struct json *b)
{
	if (json_type(a) != json_type(b) || json_size(a) != json_size(b))
		return false;
	struct json_iter i = json_iter(a), j = json_iter(b);
	switch (json_type(a)) {
	case JSON_STRING:
		return str_eq(json_str(a), json_str(b));
	case JSON_NUMBER:
		return same_number(json_number(a), json_number(b));
	case JSON_BOOL:
		return json_bool(a) == json_bool(b);
	case JSON_ARRAY:
		while (json_next(&i) && json_next(&j))
			if (!same_json(i.value, j.value))
				return false;
		return true;
	case JSON_OBJECT:
		while (json_next(&i))
			if (!same_json(i.value, json_get(b, i.key)))
				return false;
		return true;
	default:
		return true;
	}
}

/* The same instant in two zones is the same result. */
static bool same_instant(struct arena *a, struct str x, struct str y)
{
	struct path_items items = {0};
	struct path_item focus = {.kind = PATH_ELEMENT};
	struct path_context context = {0};
	struct str text = arena_printf(a, "@%.*s = @%.*s", STR_ARG(x), STR_ARG(y));
	const struct path_program *p = path_compile(a, NULL, text, NULL, NULL);
	return x.n > 19 && p && path_eval(p, a, &context, &focus, &items, NULL) && items.count == 1 &&
	       items.items[0].truth;
}

static const struct json *item_json(struct arena *a, const struct path_item *item)
{
	struct buf text;
	buf_init(&text, 16 << 20);
	struct json_writer w = json_writer(&text);
	json_array_begin(&w);
	path_item_write(&w, item);
	json_array_end(&w);
	struct str own = arena_str(a, buf_str(&text));
	buf_done(&text);
	return json_at(json_parse(a, own, 0, NULL), 0);
}

static bool same_item(struct arena *a, const struct path_item *item, const struct json *wanted)
{
	const struct json *got = item_json(a, item);
	/* 64-bit integers do not fit the numbers of JavaScript. */
	if (item->kind == PATH_LONG && json_is(wanted, JSON_STRING))
		return str_eq(json_number(got), json_str(wanted));
	if (item->kind == PATH_DATETIME && same_instant(a, json_str(got), json_str(wanted)))
		return true;
	return same_json(got, wanted);
}

static bool results_match(struct arena *a, const struct path_items *items, const struct json *wanted)
{
	struct json_iter it = json_iter(wanted);
	for (size_t i = 0; i < items->count; i++) {
		const struct path_item *item = &items->items[i];
		/* Elements without a value are left out of results. */
		if (item->kind == PATH_ELEMENT && !item->value)
			continue;
		if (!json_is(wanted, JSON_ARRAY))
			return items->count == 1 && same_item(a, item, wanted);
		if (!json_next(&it) || !same_item(a, item, it.value))
			return false;
	}
	return json_is(wanted, JSON_ARRAY) && !json_next(&it);
}

/* ---- inputs ---------------------------------------------------------------------------------------------------- */

static const struct json *read_json(struct arena *a, struct str path, struct error *err)
{
	struct str text;
	return file_read(a, path, 64 << 20, &text, err) ? json_parse(a, text, 0, err) : NULL;
}

static const struct json *read_input(struct arena *a, const struct suite *s, const struct json *test, struct error *err)
{
	static const char *const models[] = {"r4", "stu3", "dstu2", "r5"};
	struct str file = json_get_str(test, S("inputfile")), model = json_get_str(test, S("model"));
	if (!file.p)
		return json_get(s->subjects, json_get_str(test, S("file")));
	for (int i = model.p ? -1 : 0; i < 4; i++) {
		struct error absent = {0};
		struct str folder = i < 0 ? model : str_from(models[i]);
		const struct json *found = read_json(a,
						     arena_printf(a, "%.*s/resources/%.*s/%.*s", STR_ARG(s->directory),
								  STR_ARG(folder), STR_ARG(file)),
						     &absent);
		if (found)
			return found;
	}
	error_set(err, ERR_NOT_FOUND, "there is no input %.*s", STR_ARG(file));
	return NULL;
}

static bool add_value(struct arena *a, const struct definitions *d, struct path_items *out, const struct json *value)
{
	if (json_is(value, JSON_NULL))
		return true;
	void *grown = arena_grow(a, out->items, out->count, &out->capacity, out->count + 1, sizeof(*out->items));
	if (!grown)
		return false;
	out->items = grown;
	out->items[out->count++] = path_item_resource(d, value);
	return true;
}

static size_t read_variables(struct arena *a, const struct definitions *d, const struct json *variables,
			     struct path_variable *ret)
{
	size_t n = 0;
	for (struct json_iter it = json_iter(variables); json_next(&it) && n < MAX_VARIABLES; n++) {
		ret[n] = (struct path_variable){.name = it.key};
		if (!json_is(it.value, JSON_ARRAY))
			(void)add_value(a, d, &ret[n].items, it.value);
		for (struct json_iter i = json_iter(json_is(it.value, JSON_ARRAY) ? it.value : NULL); json_next(&i);)
			(void)add_value(a, d, &ret[n].items, i.value);
	}
	return n;
}

/* ---- running --------------------------------------------------------------------------------------------------- */

static bool evaluate(struct arena *a, const struct definitions *d, struct str expression, const struct path_context *c,
		     const struct path_item *focus, struct path_items *items, struct error *err)
{
	const struct path_program *p = path_compile(a, d, expression, NULL, err);
	return p && path_eval(p, a, c, focus, items, err);
}

static bool run(struct arena *a, const struct suite *s, const struct json *test, struct str expression,
		struct error *err)
{
	struct path_variable variables[MAX_VARIABLES];
	struct path_items items = {0};
	const struct definitions *d = json_get_str(test, S("model")).p ? definitions_builtin() : NULL;
	const struct json *resource = read_input(a, s, test, err);
	struct path_context c = {.resource = resource, .variables = variables, .clock = true, .now_ms = clock_now_ms()};
	struct path_item focus = path_item_resource(d, resource);
	struct str context = json_get_str(test, S("context"));
	c.variable_count = read_variables(a, d, json_get(test, S("variables")), variables);
	if (context.p && (!evaluate(a, d, context, &c, &focus, &items, err) || items.count != 1))
		return false;
	if (context.p)
		focus = items.items[0];
	bool ok = !err->code && evaluate(a, d, expression, &c, &focus, &items, err);
	if (json_get(test, S("error")))
		return !ok;
	if (!ok)
		return false;
	if (results_match(a, &items, json_get(test, S("result"))))
		return true;
	struct buf got;
	buf_init(&got, 1 << 16);
	for (size_t i = 0; i < items.count && i < 6; i++) {
		buf_char(&got, ' ');
		path_item_print(&got, &items.items[i]);
	}
	error_set(err, ERR_VALUE, "gave %zu:%.*s", items.count, STR_ARG(str_slice(buf_str(&got), 0, 200)));
	buf_done(&got);
	return false;
}

static void each(struct suite *s, const struct json *test, struct str expression)
{
	struct arena a;
	struct error err = {0};
	arena_init(&a, 256 << 20);
	struct str name = arena_printf(&a, "%.*s: %.*s", STR_ARG(json_get_str(test, S("file"))), STR_ARG(expression));
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '\n')
			((char *)(uintptr_t)name.p)[i] = ' ';
	bool ok = run(&a, s, test, expression, &err);
	bool known = known_has(&s->known, name);
	if (known && ok)
		printf("FAILED %.*s: passes, but is listed as a known failure\n", STR_ARG(name));
	else if (!known && !ok)
		printf("FAILED %.*s: %s\n", STR_ARG(name),
		       json_get(test, S("error")) ? "should have failed" : err.text);
	s->passed += known != ok;
	s->failed += known == ok;
	arena_done(&a);
}

static bool run_cases(struct suite *s, struct str text, struct error *err)
{
	while (text.p) {
		struct arena a;
		struct str line = str_split(&text, '\n');
		if (!str_trim(line).n)
			continue;
		arena_init(&a, 64 << 20);
		const struct json *test = json_parse(&a, line, 0, err);
		const struct json *expression = json_get(test, S("expression"));
		if (json_is(expression, JSON_STRING) && !json_bool(json_get(test, S("disable"))))
			each(s, test, json_str(expression));
		for (struct json_iter it = json_iter(expression); json_next(&it);)
			each(s, test, json_str(it.value));
		arena_done(&a);
		if (!test)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct suite s;
	struct arena a;
	struct error err = {0};
	struct str text;
	if (argc != 2) {
		fprintf(stderr, "usage: fhirpath_js_suite DIRECTORY | FILE\n");
		return 2;
	}
	arena_init(&a, 512 << 20);
	struct str path = str_from(argv[1]);
	if (!str_ends(path, S(".ndjson")))
		path = arena_printf(&a, "%s/cases.ndjson", argv[1]);
	size_t slash = str_rfind_char(path, '/');
	s.directory = slash == STR_NONE ? S(".") : str_slice(path, 0, slash);
	s.subjects = read_json(&a, arena_printf(&a, "%.*s/subjects.json", STR_ARG(s.directory)), &err);
	bool ok = s.subjects && known_read(&s.known, &a, "fhirpath_js", &err) &&
		  file_read(&a, path, 64 << 20, &text, &err) && run_cases(&s, text, &err);
	if (!ok)
		fprintf(stderr, "%s\n", err.text);
	printf("%zu passed, %zu failed\n", s.passed, s.failed);
	arena_done(&a);
	return s.failed || !ok ? 1 : 0;
}
