/* firth serve: the server until someone ends it with SIGINT or SIGTERM. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "app/serve_knowledge.h"
#include "app/service.h"
#include "base/clock.h"
#include "base/log.h"

/* Blocks the signals that end us in all threads started from here on, so that only wait_for_end() sees them. */
static sigset_t block_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return set;
}

static char out_of_time[160]; /* made beforehand: a signal's handler may not format */

/* What is acknowledged is on disk, so ending at once loses nothing but answers. */
static void give_up(int signal_number)
{
	static const char again[] = "{\"level\":\"warn\",\"event\":\"stopped_early\",\"reason\":\"a second signal\"}\n";
	const char *text = signal_number == SIGALRM ? out_of_time : again;
	(void)!write(STDOUT_FILENO, text, strlen(text));
	_exit(APP_FAILED);
}

/* Requests under way are finished, but not for ever, and a second signal means now. */
static void end_in_time(const sigset_t *signals, int64_t milliseconds)
{
	const struct sigaction action = {.sa_handler = give_up};
	const struct itimerval timer = {.it_value = {milliseconds / 1000, milliseconds % 1000 * 1000}};
	snprintf(out_of_time, sizeof(out_of_time),
		 "{\"level\":\"warn\",\"event\":\"stopped_early\",\"reason\":\"requests were still under way after "
		 "%lld ms (limits.stop)\"}\n",
		 (long long)milliseconds);
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	pthread_sigmask(SIG_UNBLOCK, signals, NULL);
}

/* Whoever switches the services on is told what their rules are worth. */
static void tell_cds(const struct config *config, const struct service *service, struct arena *a)
{
	log_event(LOG_WARN, "cds",
		  {"base", .text = arena_printf(a, "%.*s/cds-services", STR_ARG(service_base_url(service)))},
		  {"callers", .text = config->cds_client_count ? S("with a JWT") : S("anybody who reaches it")},
		  {"notice",
		   .text = S("no pharmacist and no physician has reviewed the rules on drugs; this site answers "
			     "for their use")});
}

static int serve(struct app *app, const struct config *config, const struct service_options *options, uint64_t start)
{
	struct error err = {0};
	sigset_t signals = block_signals();
	struct service *service = service_open(options, &err);
	if (!service)
		return app_fail(app, &err);
	log_event(LOG_INFO, "listening", {"host", .text = config->host}, {"port", .number = service_port(service)},
		  {"base", .text = arena_printf(&app->arena, "%.*s/fhir", STR_ARG(service_base_url(service)))},
		  {"auth", .text = config->auth ? S("on") : S("off: open to everyone on this machine")},
		  {"start_ms", .number = (int64_t)((clock_monotonic_ns() - start) / 1000000)});
	if (config->cds.enabled)
		tell_cds(config, service, &app->arena);
	if (isatty(STDERR_FILENO))
		fprintf(stderr,
			"Firth serves FHIR R4 at %.*s/fhir from %.*s\n"
			"  what it can do  %.*s/fhir/metadata\n"
			"  how to use it   docs/rest.md, docs/search.md; limits: firth serve --help\n"
			"  authorization   %s\n"
			"%s"
			"Ctrl-C ends it\n",
			STR_ARG(service_base_url(service)), STR_ARG(config_store_shown(config, &app->arena)),
			STR_ARG(service_base_url(service)),
			config->auth ? "on" : "off: open to everyone on this machine",
			config->cds.enabled
				? "  CDS Hooks       at /cds-services; no pharmacist has reviewed the rules\n"
				: "");
	int signal_number = 0;
	sigwait(&signals, &signal_number);
	log_event(LOG_INFO, "stopping", {"signal", .number = signal_number});
	end_in_time(&signals, config->limits.stop);
	service_close(service);
	log_event(LOG_INFO, "stopped", {"uptime_s", .number = (int64_t)((clock_monotonic_ns() - start) / 1000000000)});
	return APP_OK;
}

static int open_and_serve(struct app *app, struct config *config, struct serve_knowledge *known)
{
	struct error err = {0};
	uint64_t start = clock_monotonic_ns();
	struct service_options options = {.config = config, .definitions = definitions_builtin(), .log = true};
	struct extractor *extractor = extractor_new(options.definitions, &err);
	int status = APP_FAILED;
	options.extractor = extractor;
	bool ok = extractor && serve_knowledge_open(known, config, &err);
	options.knowledge = known->options;
	if (ok)
		options.store = store_open(
			config_store(config),
			&(struct store_options){.definitions = options.definitions, .no_words = !config->text_index},
			&err);
	if (options.store) {
		status = serve(app, config, &options, start);
		store_close(options.store);
	} else {
		status = app_fail(app, &err);
	}
	serve_knowledge_close(known);
	if (extractor)
		extractor_free(extractor);
	return status;
}

/* The limits are the last options; their help ends with their default. */
static void tell_defaults(struct app *app, struct option *options, size_t count)
{
	for (size_t i = 0; i < limit_count; i++) {
		struct option *option = &options[count - limit_count + i];
		struct str standard = limit_text(&app->arena, limit_table[i].kind, limit_table[i].standard);
		struct str help =
			arena_printf(&app->arena, "%s (default %.*s)", limit_table[i].text, STR_ARG(standard));
		option->help = help.p ? help.p : option->help;
	}
}

#define LIMIT_OPTION_COUNT OPTION_NUMBER, "N"
#define LIMIT_OPTION_BYTES OPTION_BYTES, "SIZE"
#define LIMIT_OPTION_TIME  OPTION_TIME, "TIME"

int command_serve(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct serve_knowledge known = {.app = app};
	if (!config_open(app, &config))
		return app->status;
	struct option options[] = {
		CONFIG_OPTIONS(shared, config),
		{"host", OPTION_TEXT, "ADDRESS", "where to listen (default 127.0.0.1: this machine only)",
		 &config.host},
		{"port", OPTION_NUMBER, "PORT", "which port (default 8080; 0 takes any free one and logs it)",
		 &config.port},
		{"base-url", OPTION_TEXT, "URL", "the public address when it differs, without /fhir", &config.base_url},
		{"auth", OPTION_FLAG, NULL, "ask for access tokens (default: on as soon as clients are configured)",
		 &config.auth, &config.auth_given},
		{"cds", OPTION_FLAG, NULL, "CDS Hooks services at /cds-services (docs/cds-hooks.md)",
		 &config.cds.enabled, &config.cds.enabled_given},
		{"launcher", OPTION_FLAG, NULL, "for development: the launch simulator at /launcher", &config.launcher},
		{"text-index", OPTION_FLAG, NULL,
		 "index the words of texts when there is time (default); =off: searches of texts read bodies",
		 &config.text_index},
		{"update-create", OPTION_FLAG, NULL,
		 "PUT of an id that is not there creates it (default); =off: only POST creates", &config.update_create},
		KNOWLEDGE_OPTIONS(known),
		{"import-from", OPTION_TEXT, "URLS", "URL prefixes that $import may fetch from, separated by spaces",
		 &config.import_from},
		{"tenants", OPTION_FLAG, NULL, "serve the tenants made with firth tenant add at /t/NAME/fhir",
		 &config.tenants},
		{"access-log", OPTION_FLAG, NULL, "log a line per request: method, route, status, time, request id",
		 &config.access_log},
#define LIMIT(field, name, kind, standard, least, most, text)                                                          \
	{"limit-" name, LIMIT_OPTION_##kind, text, &config.limits.field},
#include "app/limits.def"
#undef LIMIT
	};
	tell_defaults(app, options, sizeof(options) / sizeof(options[0]));
	const char *details =
		"FHIR at /fhir, tokens at /auth/token, our public keys at /.well-known/jwks.json, the patient\n"
		"page at /, health at /healthz and /readyz. Logs are JSON lines on standard output and hold\n"
		"no names, ids or queries.\n"
		"\n"
		"Each --limit-NAME is limits: NAME: in firth.yaml and FIRTH_LIMIT_NAME in the environment; its default "
		"is\n"
		"in docs/configuration.md, and a request beyond it gets an answer that names it. Sizes: 64MB; times: "
		"30s.";
	if (!app_options(app, &(struct command_line){OPTIONS(options), .details = details}))
		return app->status;
	if (config.port > 65535)
		return app_misuse(app, "--port must be from 0 to 65535");
	if (!config_finish(app, &config, &shared))
		return app->status;
	log_setup(LOG_INFO, STDOUT_FILENO);
	return open_and_serve(app, &config, &known);
}
