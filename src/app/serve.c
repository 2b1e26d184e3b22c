/* firth serve: the server until someone ends it with SIGINT or SIGTERM. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
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
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "Firth listens at %.*s - Ctrl-C ends it%s\n", STR_ARG(service_base_url(service)),
			config->auth ? "" : " - authorization is off: open to everyone on this machine");
	int signal_number = 0;
	sigwait(&signals, &signal_number);
	log_event(LOG_INFO, "stopping", {"signal", .number = signal_number});
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
		options.store =
			store_open(config->data, &(struct store_options){.definitions = options.definitions}, &err);
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

int command_serve(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct serve_knowledge known = {.app = app};
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {
		CONFIG_OPTIONS(shared, config),
		{"host", OPTION_TEXT, "ADDRESS", "where to listen (default 127.0.0.1: this machine only)",
		 &config.host},
		{"port", OPTION_NUMBER, "PORT", "which port (default 8080; 0 takes any free one and logs it)",
		 &config.port},
		{"base-url", OPTION_TEXT, "URL", "the public address when it differs, without /fhir", &config.base_url},
		{"auth", OPTION_FLAG, NULL, "ask for access tokens (default: on as soon as clients are configured)",
		 &config.auth, &config.auth_given},
		KNOWLEDGE_OPTIONS(known),
	};
	const char *details =
		"FHIR at /fhir, tokens at /auth/token, our public keys at /.well-known/jwks.json, the patient\n"
		"page at /, health at /healthz and /readyz. Logs are JSON lines on standard output and hold\n"
		"no names, ids or queries.";
	if (!app_options(app, &(struct command_line){OPTIONS(options), .details = details}))
		return app->status;
	if (config.port > 65535)
		return app_misuse(app, "--port must be from 0 to 65535");
	if (!config_finish(app, &config, &shared))
		return app->status;
	log_setup(LOG_INFO, STDOUT_FILENO);
	return open_and_serve(app, &config, &known);
}
