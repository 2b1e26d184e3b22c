/*
 * firth demo: a small world on this machine, and the main story of Firth told in it. For a person step by step; with
 * --once --format json as one document whose exit status says whether all of it held.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "app/demo_priv.h"
#include "base/clock.h"
#include "base/log.h"

void demo_say(const struct demo *d, const char *format, ...)
{
	va_list args;
	if (d->app->json)
		return;
	printf("%s", app_style(d->app, STYLE_BOLD));
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("%s\n", app_style(d->app, STYLE_PLAIN));
	fflush(stdout);
}

void demo_check(struct demo *d, const char *name, bool ok)
{
	if (d->check_count < DEMO_CHECK_MAX)
		d->checks[d->check_count++] = (struct demo_check){.name = name, .ok = ok};
	if (d->app->json && ok)
		return;
	fprintf(d->app->json ? stderr : stdout, "  %s%s%s  %s\n", app_style(d->app, ok ? STYLE_GOOD : STYLE_BAD),
		ok ? "ok" : "NOT OK", app_style(d->app, STYLE_PLAIN), name);
	fflush(stdout);
}

/* ---- for programs -------------------------------------------------------------------------------------------------
 */

static void put_count(struct json_writer *w, struct str key, size_t value)
{
	json_key(w, key);
	json_put_i64(w, (int64_t)value);
}

static void put_seconds(struct json_writer *w, struct str key, double seconds)
{
	char number[40];
	json_key(w, key);
	json_put_raw(w, str_make(number, (size_t)snprintf(number, sizeof(number), "%.3f", seconds)));
}

static void put_bool(struct json_writer *w, struct str key, bool value)
{
	json_key(w, key);
	json_put_bool(w, value);
}

static void write_flags(struct json_writer *w, const struct demo *d)
{
	struct pipeline_totals first = pipeline_totals(&d->first), second = pipeline_totals(&d->second);
	json_key(w, S("flags"));
	json_object_begin(w);
	put_count(w, S("written"), first.created + first.updated);
	put_count(w, S("read_back"), first.read_back);
	put_count(w, S("refused"), first.refused);
	put_count(w, S("failed"), first.failed);
	put_count(w, S("unchanged_on_second_run"), second.unchanged);
	put_count(w, S("written_on_second_run"), second.created + second.updated);
	json_object_end(w);
}

static void write_run(struct json_writer *w, struct str key, const struct population_result *result, double seconds)
{
	json_key(w, key);
	json_object_begin(w);
	pipeline_write(w, result, false);
	put_seconds(w, S("seconds"), seconds);
	json_object_end(w);
}

static void write_summary(struct json_writer *w, const struct demo *d, double seconds)
{
	json_object_begin(w);
	put_bool(w, S("ok"), demo_held(d));
	write_run(w, S("first_run"), &d->first, d->first_seconds);
	write_run(w, S("second_run"), &d->second, d->second_seconds);
	write_flags(w, d);
	json_key(w, S("conflict"));
	json_object_begin(w);
	put_bool(w, S("tried"), d->conflict_tried);
	put_bool(w, S("handled"), d->conflict_handled);
	put_count(w, S("conflicts"), d->conflicts);
	json_object_end(w);
	json_key(w, S("page"));
	json_object_begin(w);
	put_count(w, S("found"), d->found);
	json_object_end(w);
	json_key(w, S("audit"));
	json_object_begin(w);
	put_count(w, S("rows"), (size_t)d->audit_rows);
	put_bool(w, S("verified"), d->chain_verified);
	json_object_end(w);
	json_key(w, S("checks"));
	json_array_begin(w);
	for (size_t i = 0; i < d->check_count; i++) {
		json_object_begin(w);
		json_put_member(w, S("name"), str_from(d->checks[i].name));
		put_bool(w, S("ok"), d->checks[i].ok);
		json_object_end(w);
	}
	json_array_end(w);
	put_bool(w, S("write_access"), !d->options.no_write_access);
	put_seconds(w, S("seconds"), seconds);
	json_object_end(w);
}

static bool print_summary(const struct demo *d, double seconds)
{
	struct buf out;
	buf_init(&out, 16 << 20);
	struct json_writer w = json_writer(&out);
	write_summary(&w, d, seconds);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(d->app, buf_str(&out));
	buf_done(&out);
	return ok;
}

/* ---- for people ---------------------------------------------------------------------------------------------------
 */

static void introduce(const struct demo *d)
{
	demo_say(d, "Three processes on this machine:");
	if (d->app->json)
		return;
	printf("  Firth           %.*s/\n", STR_ARG(service_base_url(d->service)));
	printf("  Epic sandbox    %.*s (process %ld, knows Firth's key itself)\n", STR_ARG(d->sandboxes[0].base_url),
	       (long)d->sandboxes[0].pid);
	printf("  Cerner sandbox  %.*s (process %ld, fetches Firth's key from its URL)\n",
	       STR_ARG(d->sandboxes[1].base_url), (long)d->sandboxes[1].pid);
	if (d->options.no_write_access)
		printf("The sandboxes take no Flag from outside, as the real vendors do.\n\n");
	else
		printf("%sIn reality neither vendor accepts a Flag from outside. These two do, because the demo "
		       "started "
		       "them with\n--allow-write Flag, as a hospital could open its own system.%s\n\n",
		       app_style(d->app, STYLE_WARN), app_style(d->app, STYLE_PLAIN));
	fflush(stdout);
}

static void invite(const struct demo *d)
{
	printf("\nAll of it is still running. Try:\n"
	       "  %.*s/                 the patient page (a name to try: %.*s)\n"
	       "  %.*s/fhir/metadata    what the FHIR server can do\n"
	       "  %.*s/fhir/Patient?_count=5\n"
	       "Files, keys and logs are in %.*s.\n"
	       "Ctrl-C ends everything.\n",
	       STR_ARG(service_base_url(d->service)), STR_ARG(d->found_name.p ? d->found_name : S("any")),
	       STR_ARG(service_base_url(d->service)), STR_ARG(service_base_url(d->service)), STR_ARG(d->directory));
	fflush(stdout);
}

/* ---- the command --------------------------------------------------------------------------------------------------
 */

/* Ctrl-C must leave nothing behind, whatever the story is doing at that moment. A thread of its own waits for it: in
 * the middle of the story it clears up and ends the program; afterwards it tells the main thread to. */
struct watch {
	struct demo *demo;
	sigset_t signals;
	pthread_t thread;
	atomic_bool story_over;
};

static void *watch(void *ctx)
{
	struct watch *w = ctx;
	int signal_number;
	sigwait(&w->signals, &signal_number);
	if (w->story_over)
		return NULL;
	demo_world_abandon(w->demo);
	_exit(128 + signal_number);
}

static bool watch_start(struct watch *w)
{
	sigemptyset(&w->signals);
	sigaddset(&w->signals, SIGINT);
	sigaddset(&w->signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &w->signals, NULL);
	return pthread_create(&w->thread, NULL, watch, w) == 0;
}

static int tell(struct demo *d)
{
	struct error err = {0};
	uint64_t start = clock_monotonic_ns();
	demo_say(d, "Starting two EHR sandboxes and Firth ...");
	if (!demo_world_open(d, &err))
		return app_fail(d->app, &err);
	introduce(d);
	if (!demo_story(d, &err))
		return app_fail(d->app, &err);
	double seconds = (double)(clock_monotonic_ns() - start) / 1e9;
	if (d->app->json && !print_summary(d, seconds))
		return APP_FAILED;
	if (!d->app->json)
		demo_say(d, "\n%s, in %.1f seconds.", demo_held(d) ? "All of it held" : "NOT ALL OF IT HELD", seconds);
	return demo_held(d) ? APP_OK : APP_FAILED;
}

static int run(struct demo *d)
{
	struct watch w = {.demo = d};
	if (!watch_start(&w)) {
		fprintf(stderr, "firth demo: cannot start a thread\n");
		return APP_FAILED;
	}
	int status = tell(d);
	w.story_over = true;
	/* A story that broke off leaves nothing to look at. */
	if (d->options.once || !d->audit_rows) {
		pthread_cancel(w.thread);
	} else if (!d->app->json) {
		invite(d);
	}
	pthread_join(w.thread, NULL);
	return status;
}

static const char details[] = "Without --data both EHRs get synthetic patients. With --data the bundles of the "
			      "directory (Synthea, one patient a\n"
			      "file) are dealt out to the two, one by one. Everything lives in a temporary directory "
			      "and is gone afterwards,\n"
			      "unless --keep. The exit status is 0 only if every step of the story held.";

int command_demo(struct app *app)
{
	static struct str flag = S("Flag");
	struct demo d = {.app = app, .options = {.patients = 30, .allow_write = {&flag, 1, 1}}};
	struct demo_options *o = &d.options;
	const struct option options[] = {
		{"once", OPTION_FLAG, NULL, "end when the story is told, instead of staying up", &o->once},
		{"data", OPTION_TEXT, "DIR", "real bundles instead of synthetic patients", &o->import},
		{"patients", OPTION_NUMBER, "N", "synthetic patients in each EHR (default 30)", &o->patients},
		{"port", OPTION_NUMBER, "PORT", "where Firth listens (default: any free port)", &o->port},
		{"allow-write", OPTION_LIST, "TYPE", "what the sandboxes let Firth write (default Flag)",
		 &o->allow_write},
		{"no-write-access", OPTION_FLAG, NULL, "sandboxes that refuse writes, as the real vendors do",
		 &o->no_write_access},
		{"keep", OPTION_FLAG, NULL, "leave the directory with data, keys and logs", &o->keep},
	};
	if (!app_options(app, &(struct command_line){OPTIONS(options), .details = details}))
		return app->status;
	if (o->patients < 1 || o->patients > 100000)
		return app_misuse(app, "--patients must be from 1 to 100000");
	if (o->port > 65535)
		return app_misuse(app, "--port must be from 0 to 65535");
	log_setup(LOG_ERROR, STDERR_FILENO);
	int status = run(&d);
	if (o->keep && d.directory.p)
		fprintf(stderr, "firth demo: everything is kept in %.*s\n", STR_ARG(d.directory));
	demo_world_close(&d);
	return status;
}
