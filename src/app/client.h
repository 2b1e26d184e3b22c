/* What the subcommands of `firth client` share. Main thread only. */
#ifndef FIRTH_APP_CLIENT_H
#define FIRTH_APP_CLIENT_H

#include "app/govern.h"

/* Begins a command about a client; without id of none in particular. */
struct json_writer client_begin(struct buf *command, const char *action, struct str id);

/* "2027-01-31" (the beginning of that day, UTC), "90d" from now, or "never" (0). ERR_USAGE. */
bool client_time_parse(struct str text, int64_t now_ms, int64_t *ret_ms, struct error *err) MUST_USE;

/* One client of an answer, with everything that is known of it. */
void client_print(const struct app *app, const struct json *client);
/* A secret, the only time that it is shown. */
void client_print_secret(const struct app *app, struct str secret);

#endif
