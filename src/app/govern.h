/*
 * Commands that change who may do what: clients, users, grants, keys. Each is one JSON object {"do": "client.add", ...}
 * and one function that carries it out (govern.def), so that it does not matter where it runs: in the process of the
 * command, when that can open the store, or in the server that holds it, through the operator's door (operator.h).
 * Every action leaves an audit record. Any thread.
 */
#ifndef FIRTH_APP_GOVERN_H
#define FIRTH_APP_GOVERN_H

#include "app/config.h"
#include "app/realm.h"

/* Where an action takes place, and who asked for it. */
struct govern {
	const struct realm *realm; /* with smart */
	struct str address, request_id; /* for the audit record; may be STR_NULL */
};

/* Writes the members of the answer's object. The command's text and the answer's are in arena a. ERR_VALUE for a member
 * of the command that is missing or wrong. */
typedef bool govern_action(const struct govern *g, struct arena *a, const struct json *command, struct json_writer *w,
			   struct error *err);
#define GOVERN(function, ...) govern_action govern_##function;
#include "app/govern.def"
#undef GOVERN

/* Carries a command out, with its audit record. The answer is one JSON object. ERR_VALUE for an action that is none. */
bool govern_run(const struct govern *g, struct arena *a, const struct json *command, struct buf *out,
		struct error *err) MUST_USE;

/* ---- for actions ------------------------------------------------------------------------------------------------- */

/* A text member that must be there; ERR_VALUE names it. */
bool govern_text(const struct json *command, const char *name, struct str *ret_text, struct error *err) MUST_USE;
/* An instant for people and machines: "2026-11-24T01:47:03Z". Nothing for 0. */
void govern_put_time(struct json_writer *w, const char *name, int64_t ms);

/* ---- for commands ------------------------------------------------------------------------------------------------ */

struct govern_command {
	struct config config;
	struct config_options shared;
	struct str tenant; /* STR_NULL: the root */
};
#define GOVERN_OPTIONS(c)                                                                                              \
	CONFIG_OPTIONS((c).shared, (c).config),                                                                        \
	{                                                                                                              \
		"tenant", OPTION_TEXT, "NAME", "of this tenant instead of the root", &(c).tenant                       \
	}
/* config_finish() and what a tenant's name must be. */
bool govern_finish(struct app *app, struct govern_command *c) MUST_USE;
/* Has a command carried out: here when the store can be opened, otherwise by the server that holds it. command is the
 * JSON object without "tenant". The answer lies in app->arena. */
bool govern_ask(struct app *app, const struct govern_command *c, struct str command, const struct json **ret_answer,
		struct error *err) MUST_USE;
/* The same in two steps: {"do":action is the beginning of a command of at most so many bytes, the caller adds its
 * members, and govern_send() finishes it, has it carried out and frees the buffer. The answer, or NULL with
 * app->status. */
struct json_writer govern_begin(struct buf *command, size_t most, const char *action);
const struct json *govern_send(struct app *app, const struct govern_command *c, struct buf *command);
/* For --format json: the answer as it came, and a line's end. */
bool govern_print(const struct app *app, const struct json *answer) MUST_USE;

#endif
