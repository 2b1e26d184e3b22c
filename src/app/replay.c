/* firth replay: a server on loopback that answers from a recording, until SIGINT or SIGTERM. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "app/app.h"
#include "base/file.h"
#include "base/log.h"
#include "record/record.h"

#define FILE_MAX_BYTES ((size_t)4 << 30)
enum { NEVER_SHOWN = 20 };

struct replay_command {
	struct app *app;
	struct str path;
	int64_t port;
	bool strict, any_body;
	struct recording recording;
};

/* A target may hold ids and names: it goes to the one who asked, not into a log. */
static void observe(void *ctx, struct str method, struct str target, int status, bool matched)
{
	(void)ctx;
	(void)target;
	log_event(matched ? LOG_INFO : LOG_WARN, matched ? "answered" : "not_recorded", {"method", .text = method},
		  {"status", .number = status});
}

static void announce(struct replay_command *c, struct replay *r)
{
	struct str base = replay_base(r);
	log_event(LOG_INFO, "listening", {"base", .text = base}, {"origin", .text = replay_origin(r)},
		  {"entries", .number = (int64_t)c->recording.count},
		  {"skipped", .number = (int64_t)c->recording.skipped});
	if (c->recording.repaired)
		fprintf(stderr, "The end of %.*s was cut off; its last entry is not there.\n", STR_ARG(c->path));
	if (!c->app->json && isatty(STDERR_FILENO))
		fprintf(stderr, "Point the app at %.*s\n  %zu answers are there. Ctrl-C ends it.\n", STR_ARG(base),
			c->recording.count);
}

static int report(struct replay_command *c, struct replay *r)
{
	struct replay_counts n;
	replay_count(r, &n);
	log_event(LOG_INFO, "replayed", {"matched", .number = (int64_t)n.matched},
		  {"not_recorded", .number = (int64_t)n.unmatched}, {"never_asked", .number = (int64_t)n.never_asked});
	fprintf(stderr, "%llu answered, %llu asked that were not recorded, %zu recorded that nobody asked for\n",
		(unsigned long long)n.matched, (unsigned long long)n.unmatched, n.never_asked);
	size_t entry = 0;
	for (int shown = 0; c->strict && shown < NEVER_SHOWN && replay_never_asked(r, entry, &entry); shown++, entry++)
		fprintf(stderr, "  never asked: %.*s %.*s\n", STR_ARG(c->recording.entries[entry].method),
			STR_ARG(c->recording.entries[entry].url));
	return c->strict && (n.never_asked || n.unmatched) ? APP_FAILED : APP_OK;
}

static int serve(struct replay_command *c)
{
	struct error err = {0};
	sigset_t signals;
	int number;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	struct replay *r = replay_start(&(struct replay_options){.recording = &c->recording,
								 .port = (uint16_t)c->port,
								 .any_body = c->any_body,
								 .observe = observe,
								 .ctx = c},
					&err);
	if (!r)
		return app_fail(c->app, &err);
	announce(c, r);
	sigwait(&signals, &number);
	int status = report(c, r);
	replay_stop(r);
	return status;
}

int command_replay(struct app *app)
{
	struct replay_command c = {.app = app};
	struct error err = {0};
	struct arena a;
	struct str text;
	const struct option options[] = {
		{"port", OPTION_NUMBER, "PORT", "where to listen on 127.0.0.1 (default 0: any free port)", &c.port},
		{"strict", OPTION_FLAG, NULL,
		 "exit status 1 when something recorded was not asked for, or something else was", &c.strict},
		{"any-body", OPTION_FLAG, NULL, "do not compare the bodies of requests", &c.any_body},
	};
	const char *details = "FILE.har is a recording of firth record, of --record, or of a browser's developer "
			      "tools. A request is\n"
			      "answered by what was recorded for the same method, path, query in any order, and body; "
			      "the same again in\n"
			      "the order of the recording, the last one for ever. Anything else gets 404 with the "
			      "nearest that is there.\n"
			      "Standard output gets JSON lines; the one with \"event\":\"listening\" says where it is.";
	if (!app_options(app, &(struct command_line){OPTIONS(options), .arguments = "FILE.har", .min_args = 1,
						     .max_args = 1, .details = details}))
		return app->status;
	if (c.port > 65535)
		return app_misuse(app, "--port must be from 0 to 65535");
	c.path = app->args[0];
	arena_init(&a, ARENA_NO_CAP);
	bool ok = file_read(&a, c.path, FILE_MAX_BYTES, &text, &err) && record_read(&a, text, &c.recording, &err);
	log_setup(LOG_INFO, STDOUT_FILENO);
	int status = ok ? serve(&c) : app_fail(app, &err);
	arena_done(&a);
	return status;
}
