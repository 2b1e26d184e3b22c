/*
 * What a server knows of profiles and codes, by the command line and firth.yaml: packages, releases of terminologies,
 * and rules on what resources must conform to. Shared by commands that write through those rules.
 *
 *     struct serve_knowledge known = {.app = app};
 *     const struct option options[] = {KNOWLEDGE_OPTIONS(known), ...};
 *     ... app_options(), config_finish() ...
 *     if (!serve_knowledge_open(&known, &config, &err)) ...
 *     ... known.options into knowledge_open() or struct service_options ...
 *     serve_knowledge_close(&known), after the knowledge is closed
 */
#ifndef FIRTH_APP_SERVE_KNOWLEDGE_H
#define FIRTH_APP_SERVE_KNOWLEDGE_H

#include <pthread.h>

#include "app/config.h"
#include "app/packages.h"
#include "app/releases.h"

struct serve_knowledge {
	struct app *app;
	struct app_packages packages;
	struct str terminology; /* --terminology */
	struct option_list rules; /* --validation */
	struct canonicals *canonicals; /* NULL without packages */
	pthread_mutex_t lock; /* of releases: each tenant makes terminologies of its own */
	struct releases *releases;
	struct knowledge_options options; /* without definitions and store */
};
#define KNOWLEDGE_OPTIONS(k)                                                                                           \
	PACKAGE_OPTIONS((k).packages), TERMINOLOGY_OPTION((k).terminology),                                            \
	{                                                                                                              \
		"validation", OPTION_LIST, "TYPE=RULE",                                                                \
			"what a type must conform to: off, structure, declared or a profile; may be repeated",         \
			&(k).rules, NULL                                                                               \
	}
/* Takes packages of config and options in, and the rules of the options over those of the config. */
bool serve_knowledge_open(struct serve_knowledge *k, struct config *config, struct error *err) MUST_USE;
void serve_knowledge_close(struct serve_knowledge *k);

#endif
