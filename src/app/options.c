/*
 * The options parser: a table of options, read from the environment first and the command line after it, so that what
 * was typed wins. --help is made from the same table and cannot forget an option.
 */
#include "app/app.h"

#include "app/limits.h"

#include <stdio.h>
#include <stdlib.h>

/* "FIRTH_ALLOW_WRITE" of "allow-write". */
static void environment_name(const char *option, char *ret_name, size_t size)
{
	size_t n = (size_t)snprintf(ret_name, size, "FIRTH_%s", option);
	for (size_t i = 0; i < n && i < size; i++) {
		if (ret_name[i] == '-')
			ret_name[i] = '_';
		else if (ret_name[i] >= 'a' && ret_name[i] <= 'z')
			ret_name[i] = (char)(ret_name[i] - 'a' + 'A');
	}
}

static const char *environment(const char *option)
{
	char name[80];
	environment_name(option, name, sizeof(name));
	return getenv(name);
}

static bool parse_switch(struct str value, bool *ret_on)
{
	static const char *const on[] = {"on", "true", "yes", "1"}, *const off[] = {"off", "false", "no", "0"};
	for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); i++) {
		bool yes = str_eq_nocase(value, str_from(on[i]));
		if (yes || str_eq_nocase(value, str_from(off[i]))) {
			*ret_on = yes;
			return true;
		}
	}
	return false;
}

static bool list_add(struct arena *a, struct option_list *list, struct str values, bool whole)
{
	while (values.p) {
		struct str item = str_trim(whole ? values : str_split(&values, ','));
		if (whole)
			values = STR_NULL;
		if (!item.n)
			continue;
		struct str *items =
			arena_grow(a, list->items, list->count, &list->capacity, list->count + 1, sizeof(*list->items));
		if (!items)
			return false;
		list->items = items;
		items[list->count++] = item;
	}
	return true;
}

/* Stores a value; false when it does not fit the kind. Lists start anew where a stronger source speaks first. */
static bool option_set(struct arena *a, const struct option *option, struct str value, bool first)
{
	switch (option->kind) {
	case OPTION_FLAG:
		return parse_switch(value, option->into);
	case OPTION_TEXT:
		*(struct str *)option->into = value;
		return true;
	case OPTION_NUMBER: {
		uint64_t number;
		if (!str_to_u64(value, &number) || number > INT64_MAX)
			return false;
		*(int64_t *)option->into = (int64_t)number;
		return true;
	}
	case OPTION_BYTES:
		return limit_parse(LIMIT_BYTES, value, option->into);
	case OPTION_TIME:
		return limit_parse(LIMIT_TIME, value, option->into);
	case OPTION_LIST:
	case OPTION_ITEMS:
		if (first)
			*(struct option_list *)option->into = (struct option_list){0};
		return list_add(a, option->into, value, option->kind == OPTION_ITEMS);
	}
	return false;
}

static const char *kind_expects(enum option_kind kind)
{
	static const char *const texts[] = {
		"on or off",	      "a text",	      "a whole number", "a size such as 64MB",
		"a time such as 30s", "a comma list", "a text"};
	return texts[kind];
}

static void print_option(const char *name, const char *placeholder, const char *text)
{
	char left[48];
	snprintf(left, sizeof(left), "--%s%s%s", name, placeholder ? " " : "", placeholder ? placeholder : "");
	if (strlen(left) > 24)
		printf("  %s\n  %24s  %s\n", left, "", text);
	else
		printf("  %-24s  %s\n", left, text);
}

static void print_help(const struct app *app, const struct command_line *line)
{
	printf("firth %s: %s\n\nusage: firth %s [OPTIONS]", app->command->name, app->command->summary,
	       app->command->name);
	if (line->arguments)
		printf(" %s", line->arguments);
	puts("\n");
	for (size_t i = 0; i < line->option_count; i++)
		print_option(line->options[i].name, line->options[i].placeholder, line->options[i].help);
	print_option("format", "FORMAT", "text for people (default) or json for programs");
	print_option("help", NULL, "this text");
	if (line->details)
		printf("\n%s\n", line->details);
}

static bool misuse(struct app *app, int status)
{
	app->status = status;
	return false;
}

/* One value from the environment or the command line into its option. */
static bool take(struct app *app, const struct option *option, struct str value, bool first, const char *source)
{
	if (!option_set(&app->arena, option, value, first))
		return misuse(app, app_misuse(app, "%s needs %s", source, kind_expects(option->kind)));
	if (option->given)
		*option->given = true;
	return true;
}

static bool take_format(struct app *app, struct str value)
{
	if (str_is(value, "json"))
		app->json = true;
	else if (str_is(value, "text"))
		app->json = false;
	else
		return misuse(app, app_misuse(app, "--format needs text or json"));
	return true;
}

static bool read_environment(struct app *app, const struct command_line *line)
{
	const char *format = environment("format");
	if (format && *format && !take_format(app, str_from(format)))
		return false;
	for (size_t i = 0; i < line->option_count; i++) {
		const struct option *option = &line->options[i];
		const char *value = environment(option->name);
		char name[80];
		environment_name(option->name, name, sizeof(name));
		if (value && *value && !take(app, option, str_from(value), true, name))
			return false;
	}
	return true;
}

static const struct option *option_find(const struct command_line *line, struct str name, size_t *ret_index)
{
	for (size_t i = 0; i < line->option_count; i++) {
		if (str_is(name, line->options[i].name)) {
			*ret_index = i;
			return &line->options[i];
		}
	}
	return NULL;
}

static bool unknown_option(struct app *app, const struct command_line *line, struct str name)
{
	enum { MAX = 64 };
	const char *names[MAX] = {"help", "format"};
	size_t n = 2;
	for (size_t i = 0; i < line->option_count && n < MAX; i++)
		names[n++] = line->options[i].name;
	const char *near = near_name(name, names, n);
	if (near)
		app_misuse(app, "there is no option --%.*s; did you mean --%s?", STR_ARG(name), near);
	else
		app_misuse(app, "there is no option --%.*s", STR_ARG(name));
	return misuse(app, APP_USAGE);
}

/* Reads one "--name", "--name=value" or "--name value" at argv[*at] and moves on. */
static bool read_option(struct app *app, const struct command_line *line, bool *seen, int *at)
{
	struct str text = str_from(app->argv[(*at)++] + 2);
	size_t equals = str_find_char(text, '=', 0);
	struct str name = equals == STR_NONE ? text : str_slice(text, 0, equals);
	struct str value = equals == STR_NONE ? STR_NULL : str_slice(text, equals + 1, text.n);
	size_t index = 0;
	const struct option *option = option_find(line, name, &index);
	bool format = !option && str_is(name, "format");
	if (!option && !format)
		return unknown_option(app, line, name);
	if (!value.p && option && option->kind == OPTION_FLAG)
		value = S("on");
	if (!value.p) {
		if (*at == app->argc)
			return misuse(app, app_misuse(app, "--%.*s needs a value", STR_ARG(name)));
		value = str_from(app->argv[(*at)++]);
	}
	if (format)
		return take_format(app, value);
	char source[80];
	snprintf(source, sizeof(source), "--%s", option->name);
	bool first = !seen[index];
	seen[index] = true;
	return take(app, option, value, first, source);
}

static bool asks_for_help(const struct app *app)
{
	for (int i = 0; i < app->argc && strcmp(app->argv[i], "--") != 0; i++) {
		if (strcmp(app->argv[i], "--help") == 0 || strcmp(app->argv[i], "-h") == 0)
			return true;
	}
	return false;
}

static bool read_arguments(struct app *app, const struct command_line *line)
{
	bool *seen = ARENA_ARRAY(&app->arena, bool, line->option_count + 1);
	app->args = ARENA_ARRAY(&app->arena, struct str, (size_t)app->argc + 1);
	if (!seen || !app->args)
		return misuse(app, APP_FAILED);
	bool only_arguments = false;
	for (int at = 0; at < app->argc;) {
		const char *word = app->argv[at];
		if (!only_arguments && strcmp(word, "--") == 0) {
			only_arguments = true;
			at++;
		} else if (!only_arguments && word[0] == '-' && word[1] == '-') {
			if (!read_option(app, line, seen, &at))
				return false;
		} else if (!only_arguments && word[0] == '-' && word[1] && !(word[1] >= '0' && word[1] <= '9')) {
			return misuse(app, app_misuse(app, "there is no option %s", word));
		} else {
			app->args[app->arg_count++] = str_from(word);
			at++;
		}
	}
	return true;
}

static void print_names(const struct command_line *line)
{
	for (size_t i = 0; i < line->option_count; i++)
		printf("--%s\n", line->options[i].name);
	puts("--format\n--help");
}

bool app_options(struct app *app, const struct command_line *line)
{
	if (app->completing) {
		print_names(line);
		return misuse(app, APP_OK);
	}
	if (asks_for_help(app)) {
		print_help(app, line);
		return misuse(app, APP_OK);
	}
	if (!read_environment(app, line) || !read_arguments(app, line))
		return false;
	if (app->arg_count < line->min_args)
		return misuse(app, app_misuse(app, "%s is missing", line->arguments));
	if (app->arg_count > line->max_args)
		return misuse(app,
			      app_misuse(app, "'%.*s' is one argument too many", STR_ARG(app->args[line->max_args])));
	return true;
}

struct str app_option_early(const struct app *app, const char *name)
{
	if (asks_for_help(app))
		return STR_NULL;
	const char *value = environment(name);
	struct str found = value && *value ? str_from(value) : STR_NULL;
	for (int i = 0; i < app->argc && strcmp(app->argv[i], "--") != 0; i++) {
		struct str word = str_from(app->argv[i]);
		if (!str_starts(word, S("--")) || !str_starts(str_slice(word, 2, word.n), str_from(name)))
			continue;
		struct str rest = str_slice(word, 2 + strlen(name), word.n);
		if (rest.n && rest.p[0] == '=')
			found = str_slice(rest, 1, rest.n);
		else if (!rest.n && i + 1 < app->argc)
			found = str_from(app->argv[i + 1]);
	}
	return found;
}
