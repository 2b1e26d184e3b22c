/* firth record: an app is pointed at it instead of its EHR, and everything that passes is written as HAR, masked. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/login.h"
#include "base/file.h"
#include "base/log.h"
#include "record/record.h"

#define REPAIR_MAX ((size_t)4 << 30)

struct record_command {
	struct app *app;
	struct str to, out, rewrite, births, repair;
	int64_t port, max_file, max_body;
	bool unmasked, replace, quiet;
	struct record *record;
	struct record_proxy *proxy;
};

/* ---- one file made whole ---------------------------------------------------------------------------------------- */

static int repair(struct record_command *c)
{
	struct error err = {0};
	struct recording recording;
	struct arena a;
	struct str text;
	arena_init(&a, ARENA_NO_CAP);
	bool ok = file_read(&a, c->repair, REPAIR_MAX, &text, &err) && record_read(&a, text, &recording, &err);
	if (ok && recording.repaired)
		ok = file_write(c->repair, recording.whole, 0600, &err);
	if (ok && c->app->json)
		printf("{\"repaired\":%s,\"entries\":%zu}\n", recording.repaired ? "true" : "false",
		       recording.count + recording.skipped);
	else if (ok)
		printf("%.*s %s; it has %zu entries\n", STR_ARG(c->repair),
		       recording.repaired ? "was cut off and is whole again" : "is whole",
		       recording.count + recording.skipped);
	arena_done(&a);
	return ok ? APP_OK : app_fail(c->app, &err);
}

/* ---- the proxy -------------------------------------------------------------------------------------------------- */

/* A path may hold an id, so a terminal shows only what came of a request. */
static void observe(void *ctx, struct str method, struct str path, int status)
{
	struct record_command *c = ctx;
	struct record_counts counts;
	(void)path;
	if (c->quiet)
		return;
	record_count(c->record, &counts);
	fprintf(stderr, "\r%llu recorded, %llu KB; last: %.*s %d   ", (unsigned long long)counts.entries,
		(unsigned long long)(counts.bytes >> 10), STR_ARG(method), status);
}

static void announce(struct record_command *c, struct str target)
{
	struct str base = record_proxy_base(c->proxy);
	log_event(LOG_INFO, "listening", {"base", .text = base}, {"to", .text = target}, {"file", .text = c->out});
	if (c->app->json || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "Point the app at %.*s\n  it reaches %.*s\n  recorded in %.*s, %s\nCtrl-C ends it.\n",
		STR_ARG(base), STR_ARG(target), STR_ARG(c->out),
		c->unmasked ? "UNMASKED: it will hold secrets and patients' data" : "secrets and PHI masked");
}

static int finish(struct record_command *c)
{
	struct record_counts n;
	struct error trouble = {0};
	record_proxy_trouble(c->proxy, &trouble);
	record_count(c->record, &n);
	log_event(LOG_INFO, "recorded", {"entries", .number = (int64_t)n.entries},
		  {"bytes", .number = (int64_t)n.bytes}, {"bodies_left_out", .number = (int64_t)n.bodies_left_out},
		  {"entries_left_out", .number = (int64_t)n.entries_left_out});
	fprintf(stderr, "%s%llu recorded in %.*s", c->quiet ? "" : "\n", (unsigned long long)n.entries,
		STR_ARG(c->out));
	if (n.bodies_left_out)
		fprintf(stderr, "; bodies left out: %llu", (unsigned long long)n.bodies_left_out);
	if (n.entries_left_out)
		fprintf(stderr, "; not recorded since the file was full: %llu", (unsigned long long)n.entries_left_out);
	fputc('\n', stderr);
	return trouble.code == ERR_NONE ? APP_OK : app_fail(c->app, &trouble);
}

static int serve(struct record_command *c, const struct record_options *file, const struct record_proxy_options *how)
{
	struct error err = {0};
	struct record_proxy_options options = *how;
	sigset_t signals;
	int number, status = APP_FAILED;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	c->record = record_open(file, &err);
	options.record = c->record;
	c->proxy = c->record ? record_proxy_start(&options, &err) : NULL;
	if (c->proxy) {
		announce(c, options.base_url);
		sigwait(&signals, &number);
		status = finish(c);
		record_proxy_stop(c->proxy);
	} else {
		status = app_fail(c->app, &err);
	}
	record_close(c->record);
	return status;
}

/* A name of the registry, or an address as it is. */
static bool target_of(struct record_command *c, const struct config *config, struct str *ret_url,
		      struct http_tls *ret_tls)
{
	*ret_url = c->to;
	*ret_tls = (struct http_tls){0};
	if (str_find(c->to, S("://")) != STR_NONE)
		return true;
	const struct ehr_config *ehr = login_ehr_find(config, c->to);
	if (!ehr)
		c->app->status = app_misuse(c->app, "there is no EHR named %.*s", STR_ARG(str_slice(c->to, 0, 80)));
	if (ehr) {
		*ret_url = ehr->base_url;
		*ret_tls = ehr_tls(ehr);
	}
	return ehr != NULL;
}

static bool choose(struct str text, const char *const *names, size_t count, int *ret_choice)
{
	for (size_t i = 0; i < count; i++)
		if (str_is(text, names[i]))
			*ret_choice = (int)i;
	return !text.n || str_is(text, names[*ret_choice]);
}

int command_record(struct app *app)
{
	static const char *const rewrites[] = {"all", "fhir", "none"}, *const births[] = {"year", "mask", "keep"};
	struct record_command c = {.app = app, .quiet = !isatty(STDERR_FILENO)};
	struct config config;
	struct config_options shared = {0};
	int rewrite = 0, birth = 0;
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {
		{"to", OPTION_TEXT, "EHR|URL", "a registered EHR, or the FHIR base of any", &c.to},
		{"out", OPTION_TEXT, "FILE.har", "where to write; made new, readable by its owner only", &c.out},
		{"port", OPTION_NUMBER, "PORT", "where to listen on 127.0.0.1 (default 0: any free port)", &c.port},
		{"rewrite", OPTION_TEXT, "WHAT",
		 "addresses in answers that lead back here: all (default), fhir (not those of OAuth), none",
		 &c.rewrite},
		{"birth-dates", OPTION_TEXT, "HOW", "year (default): 1 January of it; mask: 1900-01-01; keep",
		 &c.births},
		{"unmasked", OPTION_FLAG, NULL, "write secrets and patients' data as they are", &c.unmasked},
		{"replace", OPTION_FLAG, NULL, "write over a file that is there", &c.replace},
		{"max-file", OPTION_BYTES, "SIZE", "what comes after that is not recorded (default 512MB)",
		 &c.max_file},
		{"max-body", OPTION_BYTES, "SIZE", "larger bodies are left out (default 8MB)", &c.max_body},
		{"repair", OPTION_TEXT, "FILE.har", "make a file whole whose recording was killed, and end", &c.repair},
		CONFIG_OPTIONS(shared, config),
	};
	const char *details =
		"Names, addresses, identifiers, narratives, free text, photos and ids are replaced by placeholders, "
		"the\n"
		"same one for the same value; codes, units, clinical dates, numbers and the shape stay. Tokens, "
		"codes,\n"
		"secrets, assertions and cookies are always replaced unless --unmasked. docs/recording.md says all.\n"
		"Standard output gets JSON lines; the one with \"event\":\"listening\" says where it is.";
	if (!app_options(app, &(struct command_line){OPTIONS(options), .details = details}) ||
	    !config_finish(app, &config, &shared))
		return app->status;
	if (c.repair.n)
		return repair(&c);
	if (!c.to.n || !c.out.n)
		return app_misuse(app, "%s is missing", c.to.n ? "--out" : "--to");
	if (c.port > 65535)
		return app_misuse(app, "--port must be from 0 to 65535");
	if (!choose(c.rewrite, rewrites, 3, &rewrite))
		return app_misuse(app, "--rewrite is all, fhir or none");
	if (!choose(c.births, births, 3, &birth))
		return app_misuse(app, "--birth-dates is year, mask or keep");
	struct str url;
	struct http_tls tls;
	if (!target_of(&c, &config, &url, &tls))
		return app->status;
	log_setup(LOG_INFO, STDOUT_FILENO);
	return serve(&c,
		     &(struct record_options){.path = c.out,
					      .replace = c.replace,
					      .unmasked = c.unmasked,
					      .births = (enum record_births)birth,
					      .max_file = (size_t)c.max_file,
					      .max_body = (size_t)c.max_body,
					      .definitions = definitions_builtin()},
		     &(struct record_proxy_options){.base_url = url,
						    .port = (uint16_t)c.port,
						    .tls = tls,
						    .rewrite = (enum record_rewrite)rewrite,
						    .observe = observe,
						    .ctx = &c});
}
