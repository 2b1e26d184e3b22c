/*
 * What every subcommand shares: the command table, one options parser, and one way to print for people and machines.
 *
 * A subcommand is a function `int command_NAME(struct app *app)` listed in commands.def. It declares its options as a
 * table that points at its variables, calls app_options() and works. It returns the exit status: 0 done, 1 findings or
 * failure, 2 wrong usage. Everything allocated in app->arena lives until the command ends. Main thread only.
 *
 * Every option is an environment variable as well: --allow-write is FIRTH_ALLOW_WRITE. The command line wins over the
 * environment, which wins over what the variable held before (a default or a configuration file).
 */
#ifndef FIRTH_APP_APP_H
#define FIRTH_APP_APP_H

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"

enum app_status { APP_OK = 0, APP_FAILED = 1, APP_USAGE = 2 };

struct command;
struct app {
	const struct command *command;
	int argc; /* what follows the command's name */
	char **argv;
	struct arena arena;
	bool json; /* --format json: standard output holds one JSON document and nothing else */
	bool colour; /* standard output is a terminal that wants colours */
	bool completing; /* app_options() prints the names of the options and ends there */
	struct str *args; /* positional arguments, filled by app_options() */
	size_t arg_count;
	int status; /* of app_options() when it returns false */
};

struct command {
	const char *name; /* NULL: the title of a section, in summary */
	int (*run)(struct app *app);
	const char *summary;
};

#define SECTION(title)
#define COMMAND(function, name, summary) int command_##function(struct app *app);
#include "app/commands.def"
#undef COMMAND
#undef SECTION

/* Runs the program: finds the command and calls it. */
int app_main(int argc, char **argv);
/* The command that the words start with, longest name first, and how many words its name has. NULL: none. */
const struct command *command_find(char **words, int count, int *ret_words);
/* Prints to standard output each word that makes the words longer towards the name of a command, a line each. */
void command_next_words(char **words, int count);
/* The name nearest to a mistyped word, or NULL when none is near. */
const char *near_name(struct str word, const char *const *names, size_t count);

/* ---- options ---------------------------------------------------------------------------------------------------- */

enum option_kind {
	OPTION_FLAG, /* bool: --name, --name=off */
	OPTION_TEXT, /* struct str */
	OPTION_NUMBER, /* int64_t, not negative */
	OPTION_BYTES, /* int64_t: "64 MB" */
	OPTION_TIME, /* int64_t in milliseconds: "30s" */
	OPTION_LIST, /* struct option_list: may be repeated, each value may be a comma list */
	OPTION_ITEMS /* the same, but each value is one: queries have commas of their own */
};
struct option_list {
	struct str *items;
	size_t count, capacity;
};
struct option {
	const char *name; /* "base-url", without dashes */
	enum option_kind kind;
	const char *placeholder; /* "URL", NULL for flags */
	const char *help; /* one line; say the default here */
	void *into; /* bool *, struct str *, int64_t *, struct option_list * */
	bool *given; /* set when the command line or the environment had it; may be NULL */
};

struct command_line {
	const struct option *options;
	size_t option_count;
	const char *arguments; /* "PATH...", or NULL */
	size_t min_args, max_args;
	const char *details; /* paragraphs after the options, or NULL */
};
#define OPTIONS(table) .options = (table), .option_count = sizeof(table) / sizeof((table)[0])

/* Reads environment and command line. --help and --format text|json are always there. False when the command must
 * return app->status at once: help was printed, or the usage was wrong and said so. */
bool app_options(struct app *app, const struct command_line *line) MUST_USE;
/* The value that a text option will get, before app_options() runs: for --config, which must be read first. STR_NULL
 * when it is not given or help is asked for. */
struct str app_option_early(const struct app *app, const char *name);

/* ---- output ------------------------------------------------------------------------------------------------------ */

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD, STYLE_WARN };
/* The escape sequence of a style, or "" when colours are off. Print STYLE_PLAIN to end it. */
const char *app_style(const struct app *app, enum style style);

/* Says on standard error what failed, with position; in JSON mode also as {"error":{...}} on standard output. Returns
 * the exit status: APP_USAGE for ERR_USAGE, otherwise APP_FAILED. */
int app_fail(const struct app *app, const struct error *err);
/* "firth NAME: text" on standard error and a hint to --help; returns APP_USAGE. */
int app_misuse(const struct app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes all of the text to standard output. False when that fails (and says so). */
bool app_write(const struct app *app, struct str text) MUST_USE;
/* {"NAME":[...]} and a line's end, each item by the callback. False: it was not written. */
bool app_write_list(const struct app *app, struct str name, const void *items, size_t count,
		    void (*item)(struct json_writer *w, const void *items, size_t index)) MUST_USE;

/* Long work on standard error: a bar on a terminal, otherwise a line every few seconds, silent when quiet. Safe to
 * update from one thread. */
struct progress {
	const char *label, *unit; /* "import", "resources" */
	uint64_t total; /* of `at`, 0 when unknown */
	uint64_t started_ns, shown_ns;
	bool terminal, drawn;
};
void progress_start(struct progress *p, const char *label, const char *unit, uint64_t total);
/* at: how far of total (bytes, patients); done: what the rate counts. */
void progress_update(struct progress *p, uint64_t at, uint64_t done);
/* Takes the bar off the screen so that other lines may be printed; the next update draws it again. */
void progress_clear(struct progress *p);
void progress_end(struct progress *p, uint64_t done);

#endif
