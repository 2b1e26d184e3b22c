/* firth user hash: a password's hash for users: of firth.yaml. Needs no store. */
#include <stdio.h>

#include "app/secret_prompt.h"

int command_user_hash(struct app *app)
{
	struct str hash;
	const struct command_line line = {
		.details = "The password is asked for, or is the first line of standard input; the hash is for\n"
			   "password_hash of users: in firth.yaml."};
	if (!app_options(app, &line) || !secret_prompt_hash(app, S(""), &hash))
		return app->status;
	if (app->json)
		printf("{\"hash\":\"%.*s\"}\n", STR_ARG(hash));
	else
		printf("%.*s\n", STR_ARG(hash));
	return APP_OK;
}
