/*
 * Finding and running a subcommand, and how results and failures are printed: plain text for people, JSON for machines,
 * colours only where a terminal wants them.
 */
#include "app/app.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/near.h"
#include "json/json.h"

static const struct command commands[] = {
#define SECTION(title)			 {NULL, NULL, title},
#define COMMAND(function, name, summary) {name, command_##function, summary},
#include "app/commands.def"
#undef COMMAND
#undef SECTION
};
static const struct command *const commands_end = commands + sizeof(commands) / sizeof(commands[0]);

/* How many of the words the name consists of, 0 when they do not start with it. */
static int words_match(const char *name, char **words, int count)
{
	struct str rest = str_from(name);
	int n = 0;
	while (rest.p) {
		struct str part = str_split(&rest, ' ');
		if (n == count || !str_is(part, words[n]))
			return 0;
		n++;
	}
	return n;
}

const struct command *command_find(char **words, int count, int *ret_words)
{
	const struct command *best = NULL;
	int longest = 0;
	for (const struct command *c = commands; c < commands_end; c++) {
		int n = c->name ? words_match(c->name, words, count) : 0;
		if (n > longest) {
			longest = n;
			best = c;
		}
	}
	*ret_words = longest;
	return best;
}

void command_next_words(char **words, int count)
{
	struct str last = {0};
	for (const struct command *c = commands; c < commands_end; c++) {
		struct str rest = str_from(c->name ? c->name : "");
		int n = 0;
		while (n < count && rest.p && str_is(str_split(&rest, ' '), words[n]))
			n++;
		struct str next = n == count && rest.p ? str_split(&rest, ' ') : (struct str){0};
		if (next.n && !str_eq(next, last))
			printf("%.*s\n", STR_ARG(next));
		last = next;
	}
}

const char *near_name(struct str word, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t least = 3;
	for (size_t i = 0; i < count; i++) {
		struct str name = str_from(names[i]);
		size_t distance = str_distance(word, name);
		if (distance < least && distance < name.n) {
			least = distance;
			best = names[i];
		} else if (!best && word.n >= 3 && str_starts(name, word)) {
			best = names[i];
		}
	}
	return best;
}

static int unknown_command(char **words, int count)
{
	enum { MAX = 200 };
	const char *names[MAX];
	size_t n = 0;
	for (const struct command *c = commands; c < commands_end && n < MAX; c++) {
		if (c->name)
			names[n++] = c->name;
	}
	char typed[80];
	const char *near = NULL;
	if (count > 1) {
		snprintf(typed, sizeof(typed), "%s %s", words[0], words[1]);
		near = near_name(str_from(typed), names, n);
	}
	if (!near)
		near = near_name(str_from(words[0]), names, n);
	fprintf(stderr, "firth: there is no command '%s'", words[0]);
	if (near)
		fprintf(stderr, "; did you mean '%s'?\n", near);
	else
		fprintf(stderr, "; firth --help lists all\n");
	return APP_USAGE;
}

enum { NAMES_WIDTH = 18 };

/* Prints the commands whose name starts with a group ("audit "). False when there are none. */
static bool print_group(FILE *out, struct str group)
{
	size_t shown = 0;
	for (const struct command *c = commands; c < commands_end; c++) {
		if (!c->name || !str_starts(str_from(c->name), group))
			continue;
		if (shown++ == 0)
			fprintf(out, "usage: firth %.*sCOMMAND [OPTIONS] [ARGUMENTS]\n\n", STR_ARG(group));
		fprintf(out, "  %-*s  %s\n", NAMES_WIDTH, c->name, c->summary);
	}
	return shown > 0;
}

static int help(FILE *out)
{
	fprintf(out, "Firth connects applications with electronic health record systems over FHIR R4.\n\n"
		     "usage: firth COMMAND [OPTIONS] [ARGUMENTS]\n");
	for (const struct command *c = commands; c < commands_end; c++) {
		if (c->name)
			fprintf(out, "  %-*s  %s\n", NAMES_WIDTH, c->name, c->summary);
		else
			fprintf(out, "\n%s\n", c->summary);
	}
	fprintf(out, "\nfirth COMMAND --help tells more; firth --version prints the version.\n"
		     "Every option can be given as an environment variable too: --data as FIRTH_DATA.\n"
		     "Exit status: 0 done, 1 findings or failure, 2 wrong usage.\n");
	return APP_OK;
}

static bool wants_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* `firth audit` alone, or with --help: the commands of the group. -1 when the word is no group. */
static int group_help(char **words, int count)
{
	char group[80];
	snprintf(group, sizeof(group), "%s ", words[0]);
	bool asked = count > 1 && wants_help(words[1]);
	if (count > 1 && !asked)
		return -1;
	if (!print_group(asked ? stdout : stderr, str_from(group)))
		return -1;
	return asked ? APP_OK : APP_USAGE;
}

static bool wants_colour(int fd)
{
	const char *none = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	return isatty(fd) && !(none && *none) && !(term && strcmp(term, "dumb") == 0);
}

int app_main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		help(stderr);
		return APP_USAGE;
	}
	if (wants_help(argv[1])) {
		if (argc == 2)
			return help(stdout);
		/* `firth help VERB...` is `firth VERB... --help`. */
		static char flag[] = "--help";
		memmove(argv + 1, argv + 2, (size_t)(argc - 2) * sizeof(*argv));
		argv[argc - 1] = flag;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		puts("firth " FIRTH_VERSION);
		return APP_OK;
	}
	int words;
	const struct command *command = command_find(argv + 1, argc - 1, &words);
	if (!command) {
		int status = group_help(argv + 1, argc - 1);
		return status >= 0 ? status : unknown_command(argv + 1, argc - 1);
	}
	struct app app = {.command = command, .argc = argc - 1 - words, .argv = argv + 1 + words};
	app.colour = wants_colour(STDOUT_FILENO);
	arena_init(&app.arena, ARENA_NO_CAP);
	int status = command->run(&app);
	arena_done(&app.arena);
	return status;
}

const char *app_style(const struct app *app, enum style style)
{
	static const char *const escapes[] = {"\033[0m", "\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[33m"};
	return app->colour && !app->json ? escapes[style] : "";
}

static void fail_json(const struct app *app, const struct error *err)
{
	struct buf out;
	buf_init(&out, 64 * 1024);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_key(&w, S("error"));
	json_object_begin(&w);
	json_put_member(&w, S("code"), str_from(error_name(err->code)));
	json_put_member(&w, S("text"), str_from(err->text));
	if (err->line) {
		json_key(&w, S("line"));
		json_put_i64(&w, (int64_t)err->line);
		json_key(&w, S("column"));
		json_put_i64(&w, (int64_t)err->column);
	}
	if (err->path[0])
		json_put_member(&w, S("path"), str_from(err->path));
	json_object_end(&w);
	json_object_end(&w);
	buf_char(&out, '\n');
	if (!app_write(app, buf_str(&out)))
		fputs("firth: the error could not be written as JSON\n", stderr);
	buf_done(&out);
}

int app_fail(const struct app *app, const struct error *err)
{
	fprintf(stderr, "firth %s: %s", app->command->name, err->text[0] ? err->text : error_default_text(err->code));
	if (err->path[0])
		fprintf(stderr, " (at %s)", err->path);
	if (err->line && !strstr(err->text, "line "))
		fprintf(stderr, " (line %zu, column %zu)", err->line, err->column);
	fputc('\n', stderr);
	if (app->json)
		fail_json(app, err);
	return err->code == ERR_USAGE ? APP_USAGE : APP_FAILED;
}

int app_misuse(const struct app *app, const char *format, ...)
{
	va_list args;
	fprintf(stderr, "firth %s: ", app->command->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; see firth %s --help\n", app->command->name);
	return APP_USAGE;
}

bool app_write(const struct app *app, struct str text)
{
	fflush(stdout);
	while (text.n) {
		ssize_t n = write(STDOUT_FILENO, text.p, text.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fprintf(stderr, "firth %s: writing to standard output failed\n", app->command->name);
			return false;
		}
		text = str_slice(text, (size_t)n, text.n);
	}
	return true;
}

bool app_write_list(const struct app *app, struct str name, const void *items, size_t count,
		    void (*item)(struct json_writer *w, const void *items, size_t index))
{
	struct buf out;
	buf_init(&out, (size_t)1 << 30);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_key(&w, name);
	json_array_begin(&w);
	for (size_t i = 0; i < count; i++)
		item(&w, items, i);
	json_array_end(&w);
	json_object_end(&w);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok;
}
