/* What the commands around people's logins at EHRs share: where logins are kept, and one EHR's client over them. */
#ifndef FIRTH_APP_LOGIN_H
#define FIRTH_APP_LOGIN_H

#include "app/config.h"
#include "app/trail.h"
#include "ehr/budget.h"
#include "ehr/login.h"
#include "record/record.h"

struct login_place {
	struct store *store; /* for the audit trail; NULL while another process has a SQLite store open */
	struct trail trail; /* then the server that has it is told; config NULL: there is none */
	struct vault *vault;
	struct ehr_logins *logins;
	struct ehr_budgets *budgets; /* what was asked of each EHR, shared in the same way */
	bool borrowed; /* the store is its opener's */
};
/* Files beside a SQLite store, which a server may have open meanwhile; facts of a PostgreSQL store. */
bool login_place_open(struct login_place *place, struct app *app, const struct config *config,
		      struct error *err) MUST_USE;
/* The same over a store that is open. */
bool login_place_over(struct login_place *place, struct app *app, const struct config *config, struct store *store,
		      struct error *err) MUST_USE;
void login_place_close(struct login_place *place);
/* What was asked of EHRs: beside a SQLite store, or in a PostgreSQL store. */
struct ehr_budgets *login_budgets_open(struct app *app, const struct config *config, struct store *store,
				       struct error *err) MUST_USE;

/* Config, options and the EHR that the first argument names. */
struct login_command {
	struct app *app;
	struct config config;
	struct config_options shared;
	struct login_place place;
	struct str named; /* the EHR's name; STR_NULL: the first argument is */
	const struct ehr_config *ehr; /* NULL: no argument was asked for */
	struct ehr_config by_url; /* when an open server's base URL was given instead of a name */
	struct ehr_client *client; /* of it */
	/* --record: its traffic is written as HAR. */
	struct str record_path;
	bool unmasked;
	struct record *record;
	struct record_transport *transport;
};
/* Its options, for the tables of commands. */
#define LOGIN_RECORD_OPTIONS(c)                                                                                        \
	{"record", OPTION_TEXT, "FILE.har", "write what passes between here and the EHR, masked", &(c).record_path},   \
	{                                                                                                              \
		"unmasked", OPTION_FLAG, NULL, "with --record: secrets and patients' data as they are", &(c).unmasked  \
	}
/* Begins the recording that was asked for, if any; once. */
bool login_record_begin(struct login_command *c, struct error *err) MUST_USE;
/* False with app->status. args: how many arguments, whose names are `arguments`. */
bool login_command_begin(struct login_command *c, struct app *app, const struct option *more, size_t more_count,
			 size_t args, const char *arguments, const char *details) MUST_USE;
/* Closes store, keys and client, and opens them again: a login must not keep the store to itself while a person looks
 * for a password. */
void login_command_pause(struct login_command *c);
bool login_command_open(struct login_command *c, struct error *err) MUST_USE;
void login_command_end(struct login_command *c);
const struct ehr_config *login_ehr_find(const struct config *config, struct str name);
/* The login kept for an EHR, told when there is none. False with app->status. */
bool login_load(struct login_command *c, struct ehr_login *ret_login) MUST_USE;
/* "in 12 minutes", "3 hours ago" */
struct str login_when(struct arena *a, int64_t at_ms, int64_t now_ms);
/* For people, without its secrets; for programs. */
bool login_print(struct login_command *c, const struct ehr_login *login, bool fresh);
void login_write(struct json_writer *w, struct arena *a, const struct ehr_login *login);

#endif
