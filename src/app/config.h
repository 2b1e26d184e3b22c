/*
 * Configuration: firth.yaml, strictly. An unknown key, a wrong type or a value that cannot work is an error with line,
 * column and a hint, never ignored. Keys of `server:` are options and environment variables too; those of an EHR can be
 * overridden with FIRTH_EHR_NAME_KEY or --set ehrs.NAME.KEY=VALUE, so that secrets' places can come from outside.
 * docs/configuration.md shows every key. Everything lives in the arena given.
 */
#ifndef FIRTH_APP_CONFIG_H
#define FIRTH_APP_CONFIG_H

#include "app/app.h"
#include "app/config_cds.h"
#include "app/limits.h"
#include "ehr/ehr.h"
#include "server/access/access.h"
#include "server/knowledge/knowledge.h"
#include "server/login/login.h"
#include "server/smart/smart.h"

#define CONFIG_FILE	    "firth.yaml"
#define CONFIG_DEFAULT_DATA "firth-data"
#define CONFIG_DEFAULT_PORT 8080

struct config_client {
	struct smart_client client; /* with jwks loaded from jwks_file */
	struct str jwks_file;
};

/* How people sign in. */
struct config_login {
	struct str title; /* who runs it, on the pages; STR_NULL: Firth */
	int64_t idle, end; /* of a session, in ms */
	int64_t user_attempts, address_attempts; /* 0: the usual */
};

struct config {
	struct str file; /* what was read, STR_NULL when there is none */
	struct str directory; /* paths in the file are relative to it; STR_NULL: to the working directory */
	struct str db; /* URL of a PostgreSQL database; STR_NULL: SQLite in the directory data */
	struct str launch_frames; /* origins whose pages may show launched ones in a frame, separated by spaces */
	struct str host, data, base_url; /* base_url STR_NULL: made from host and port */
	int64_t port;
	bool auth, auth_given;
	bool launcher; /* the launch simulator, for development */
	bool registration; /* apps may register themselves (RFC 7591) */
	bool text_index; /* words are indexed for :text, _text and _content */
	bool update_create; /* PUT of an id that is not there creates it */
	struct str import_from; /* URL prefixes that $import may fetch from, separated by spaces */
	bool tenants; /* serve /t/NAME/fhir */
	bool access_log; /* a line per request */
	struct limits limits;
	struct lifetimes tokens;
	struct config_client *clients;
	size_t client_count;
	struct str seal_key_file; /* keys that secrets are sealed with; STR_NULL: seal.key in the directory data */
	struct config_login login;
	struct login_user *users;
	size_t user_count;
	struct login_provider provider; /* without an issuer there is none */
	struct str provider_secret_file;
	struct ehr_config *ehrs; /* of firth.yaml, then those of the registry (registry.h) */
	size_t ehr_count, ehr_capacity, ehr_listed; /* listed: how many are firth.yaml's */
	bool ehrs_apart; /* config_finish() leaves the registry alone */
	struct str time_zone; /* an IANA name; STR_NULL: UTC */
	struct zone *zone; /* of it; NULL: UTC */
	struct str packages; /* names or files of FHIR packages, separated by spaces; STR_NULL: none */
	struct str match; /* weights of Patient/$match over the product's own; STR_NULL: none */
	struct access_rule *policy; /* who may do what, beside scopes */
	size_t policy_count;
	struct str break_glass; /* roles that may break the glass; STR_NULL: none */
	struct str consent; /* contexts of scopes to which Consents apply; STR_NULL: none */
	struct config_cds cds;
	struct config_cds_client *cds_clients;
	size_t cds_client_count;
	struct config_cds_policy *cds_policy;
	size_t cds_policy_count;
	struct admission_rule *rules; /* validation: what resources must conform to */
	size_t rule_count, rule_capacity;
};

/* What holds when nothing is said: loopback, port 8080, ./firth-data, no clients, no EHRs. */
void config_defaults(struct config *c);

/* Reads a file over the defaults. path STR_NULL: firth.yaml here when there is one. */
bool config_load(struct config *c, struct arena *a, struct str path, struct error *err) MUST_USE;
/* The same for text, which file names in messages. */
bool config_parse(struct config *c, struct arena *a, struct str text, struct str file, struct error *err) MUST_USE;

/* "ehrs.epic-main.base_url=https://..." over what was loaded. Relative paths count from the working directory. */
bool config_set(struct config *c, struct arena *a, struct str assignment, struct error *err) MUST_USE;
/* FIRTH_LIMIT_BODY and so on, and FIRTH_EHR_EPIC_MAIN_BASE_URL and so on for every configured EHR. */
bool config_environment(struct config *c, struct arena *a, struct error *err) MUST_USE;

/* Rules across keys, after flags were applied: no door but loopback without authorization. Decides auth when it was
 * not given: on as soon as there are clients. */
bool config_settle(struct config *c, struct error *err) MUST_USE;
/* Where the store is: db, or the directory data. It may hold a password, so it is never printed. */
struct str config_store(const struct config *c);
/* The same as it may be printed: a URL without password and without parameters that may be secret. */
struct str config_store_shown(const struct config *c, struct arena *a);
bool config_is_database(struct str location); /* postgresql://... */
bool config_url_has_password(struct str url);

/* A rule of `validation:`, for "Patient" or "*"; it replaces one of the same type. */
bool config_rule(struct config *c, struct arena *a, struct str type, struct str text, struct error *err) MUST_USE;

/* What opening commands share: --config and --set are read, the file loaded, the environment applied. False with
 * app->status set after saying why; true and defaults when help is asked for. */
bool config_open(struct app *app, struct config *ret_config) MUST_USE;
/* The same of this file (STR_NULL: the default one), for commands whose --config may be another's. */
bool config_open_file(struct app *app, struct str path, struct config *ret_config) MUST_USE;
/* Options that go with it, for the tables of commands: `struct config_options o; ... CONFIG_OPTIONS(o, config)`. */
struct config_options {
	struct str file;
	struct option_list set;
};
#define CONFIG_OPTIONS(o, config)                                                                                      \
	{"config", OPTION_TEXT, "FILE", "configuration (default ./" CONFIG_FILE " when it is there)", &(o).file},      \
		{"set", OPTION_LIST, "KEY=VALUE", "override a key, such as ehrs.epic-main.base_url=URL", &(o).set},    \
		{"data", OPTION_TEXT, "DIR", "where the store is (default " CONFIG_DEFAULT_DATA ")", &(config).data},  \
	{                                                                                                              \
		"db", OPTION_TEXT, "URL", "keep the store in PostgreSQL: postgresql://user@host/database",             \
			&(config).db                                                                                   \
	}
/* Applies --set, reads the registry of EHRs, and settles, after app_options(). */
bool config_finish(struct app *app, struct config *c, const struct config_options *o) MUST_USE;

#endif
