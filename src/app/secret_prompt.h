/* Passwords from a person at a terminal, without echo, or from standard input; never from the command line. */
#ifndef FIRTH_APP_SECRET_PROMPT_H
#define FIRTH_APP_SECRET_PROMPT_H

#include "app/app.h"

/* At a terminal asks "label: " there, twice when `twice`; otherwise reads the first line of standard input. The text is
 * in app->arena; wipe it when it was used. ERR_VALUE when nothing came or the two differ. */
bool secret_prompt(struct app *app, const char *label, bool twice, struct str *ret_secret, struct error *err) MUST_USE;
/* A new password, asked for and hashed: nothing else of it leaves this function. False with app->status after saying
 * why. name: of the user it is for. */
bool secret_prompt_hash(struct app *app, struct str name, struct str *ret_hash) MUST_USE;

#endif
