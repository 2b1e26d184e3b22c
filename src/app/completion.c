/*
 * firth completion SHELL: prints what makes a shell complete Firth's commands, options and file names. The script asks
 * the program itself for the words, so it never falls behind it.
 */
#include <stdio.h>
#include <string.h>

#include "app/app.h"

enum { WORDS_MAX = 64 };

static const char bash_script[] =
	"_firth() {\n"
	"\tlocal IFS=$'\\n' words\n"
	"\twords=$(IFS=' '; \"${COMP_WORDS[0]}\" completion --after \"${COMP_WORDS[*]:1:$((COMP_CWORD - 1))}\" "
	"2>/dev/null)\n"
	"\t[[ ${COMP_WORDS[COMP_CWORD]} == -* ]] || words=$(printf '%s\\n' \"$words\" | grep -v '^-')\n"
	"\tCOMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
	"}\n"
	"complete -o default -F _firth firth\n";

static const char zsh_script[] = "autoload -U +X bashcompinit && bashcompinit\n";

static const char fish_script[] =
	"function __firth_next\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -e words[1]\n"
	"\tfirth completion --after=(string join -- ' ' $words | string collect -a) 2>/dev/null\n"
	"end\n"
	"complete -c firth -a '(__firth_next)'\n";

static int print_script(struct app *app, struct str shell)
{
	if (str_is(shell, "bash"))
		fputs(bash_script, stdout);
	else if (str_is(shell, "zsh"))
		printf("%s%s", zsh_script, bash_script);
	else if (str_is(shell, "fish"))
		fputs(fish_script, stdout);
	else
		return app_misuse(app, "'%.*s' is not one of bash, zsh, fish", STR_ARG(shell));
	return APP_OK;
}

/* What may follow the words: parts of names of commands, and the options of the command that they name. */
static int print_next(struct app *app, struct str text)
{
	char *copy = arena_alloc(&app->arena, text.n + 1);
	if (!copy)
		return APP_FAILED;
	char *words[WORDS_MAX];
	int count = 0;
	for (size_t i = 0; i <= text.n; i++) {
		bool ends = i == text.n || text.p[i] == ' ';
		copy[i] = ends ? '\0' : text.p[i];
		if (!ends && (i == 0 || !copy[i - 1]) && count < WORDS_MAX)
			words[count++] = copy + i;
	}
	command_next_words(words, count);
	int named;
	const struct command *command = command_find(words, count, &named);
	if (!command)
		return APP_OK;
	struct app asked = {.command = command, .completing = true};
	arena_init(&asked.arena, ARENA_NO_CAP);
	int status = command->run(&asked);
	arena_done(&asked.arena);
	return status;
}

int command_completion(struct app *app)
{
	struct str after = {0};
	bool asked = false;
	const struct option options[] = {
		{"after", OPTION_TEXT, "WORDS",
		 "the words that may come next, a line each, as the scripts ask for them", &after, &asked},
	};
	static const char details[] =
		"Put it where the shell finds it:\n"
		"  bash   firth completion bash > ~/.local/share/bash-completion/completions/firth\n"
		"  zsh    firth completion zsh >> ~/.zshrc\n"
		"  fish   firth completion fish > ~/.config/fish/completions/firth.fish";
	const struct command_line line = {OPTIONS(options), .arguments = "[bash|zsh|fish]", .max_args = 1,
					  .details = details};
	if (!app_options(app, &line))
		return app->status;
	if (asked)
		return print_next(app, after);
	if (!app->arg_count)
		return app_misuse(app, "for which shell: bash, zsh or fish?");
	return print_script(app, app->args[0]);
}
