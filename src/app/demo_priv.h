/*
 * The demo, its inner seams: a world of two sandbox processes and Firth (demo_world.c), the story told in it
 * (demo_story.c), and the command (demo.c). One thread, beside those of Firth's own server.
 */
#ifndef FIRTH_APP_DEMO_PRIV_H
#define FIRTH_APP_DEMO_PRIV_H

#include <sys/types.h>

#include "app/pipeline.h"
#include "app/service.h"

#define DEMO_EHRS      2
#define DEMO_CHECK_MAX 32

struct demo_options {
	bool once, keep;
	bool no_write_access;
	struct option_list allow_write; /* types the sandboxes accept writes of */
	struct str import; /* directory with bundles, STR_NULL: synthetic patients */
	int64_t patients; /* synthetic ones in each EHR */
	int64_t port; /* Firth's, 0 for any */
};

struct demo_sandbox {
	const char *vendor; /* "epic" */
	struct str name; /* "epic-sandbox" */
	struct str client_id;
	struct str data, log, roster, imports; /* paths */
	struct str key_file, jwks; /* jwks: a file, or Firth's URL */
	struct str base_url; /* FHIR base, once it listens */
	_Atomic pid_t pid; /* 0: not running */
};

struct demo_check {
	const char *name; /* "second run leaves every Flag unchanged" */
	bool ok;
};

struct demo {
	struct app *app;
	struct demo_options options;
	struct str directory; /* everything is in here */
	struct config config;
	const struct definitions *definitions;
	struct extractor *extractor;
	struct store *store;
	struct service *service;
	struct demo_sandbox sandboxes[DEMO_EHRS];

	struct population_result first, second;
	struct str conflict_ehr, conflict_flag; /* whose Flag was changed in between */
	size_t conflicts;
	bool conflict_tried, conflict_handled;
	struct str found_name; /* last name that the page was asked for */
	size_t found;
	int64_t audit_rows;
	bool chain_verified;
	double first_seconds, second_seconds;
	struct demo_check checks[DEMO_CHECK_MAX];
	size_t check_count;
};

/* ---- demo_world.c */
/* Directory, keys, configuration, Firth itself, then the sandboxes. */
bool demo_world_open(struct demo *d, struct error *err) MUST_USE;
/* Ends the sandboxes, closes Firth, removes the directory unless it is to be kept. Safe in any state. */
void demo_world_close(struct demo *d);
/* Only what must not stay behind: processes and directory. For the end of the program, from any thread. */
void demo_world_abandon(struct demo *d);
/* False when a sandbox has ended by itself. */
bool demo_world_alive(struct demo *d, struct error *err) MUST_USE;

/* ---- demo_story.c */
bool demo_story(struct demo *d, struct error *err) MUST_USE;
/* Every check that was made held, and none was left out. */
bool demo_held(const struct demo *d);

/* ---- demo.c: telling */
void demo_say(const struct demo *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void demo_check(struct demo *d, const char *name, bool ok);

#endif
