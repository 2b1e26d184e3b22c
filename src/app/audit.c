/*
 * firth audit list and firth audit verify: the record of who touched what, and the proof that nobody edited it. Both
 * open the store for reading only, so they work beside a running server.
 */
#include <inttypes.h>
#include <stdio.h>

#include "app/config.h"
#include "base/clock.h"
#include "base/encode.h"

static struct store *open_to_read(struct app *app, const struct config *config, struct error *err)
{
	(void)app;
	const struct store_options options = {.definitions = definitions_builtin(), .read_only = true};
	return store_open(config_store(config), &options, err);
}

static const char *outcome_text(int outcome)
{
	return outcome == 0 ? "ok" : outcome == 4 ? "refused" : "failed";
}

static void print_row(const struct app *app, const struct audit_row *row)
{
	const struct audit_event *e = &row->event;
	char time[CLOCK_INSTANT_SIZE];
	clock_format_instant(row->time_ms, time);
	printf("%7" PRId64 "  %.19s  %s%-7s%s %c %-12.*s %s %.*s", row->number, time,
	       app_style(app, e->outcome ? STYLE_BAD : STYLE_GOOD), outcome_text(e->outcome),
	       app_style(app, STYLE_PLAIN), e->action, STR_ARG(e->interaction), e->outgoing ? "to" : "by",
	       STR_ARG(e->outgoing ? e->address : e->agent));
	if (e->type.n)
		printf("  %.*s", STR_ARG(e->type));
	if (e->id.n)
		printf("/%.*s", STR_ARG(e->id));
	if (e->version)
		printf(" v%" PRId64, e->version);
	if (e->detail.n)
		printf("  %s%.*s%s", app_style(app, STYLE_DIM), STR_ARG(e->detail), app_style(app, STYLE_PLAIN));
	putchar('\n');
}

static void put_number(struct json_writer *w, struct str key, int64_t value)
{
	json_key(w, key);
	json_put_i64(w, value);
}

/* Texts that are not there are left out. */
static void put_text(struct json_writer *w, struct str key, struct str text)
{
	if (text.n)
		json_put_member(w, key, text);
}

static void write_row(struct json_writer *w, const void *rows, size_t index)
{
	const struct audit_row *row = (const struct audit_row *)rows + index;
	const struct audit_event *e = &row->event;
	char time[CLOCK_INSTANT_SIZE], hash[64];
	struct buf hex;
	clock_format_instant(row->time_ms, time);
	buf_init(&hex, 128);
	encode_hex(&hex, str_make((const char *)row->hash, sizeof(row->hash)));
	json_object_begin(w);
	put_number(w, S("number"), row->number);
	json_put_member(w, S("time"), str_make(time, sizeof(time)));
	json_put_member(w, S("action"), str_make(&e->action, 1));
	put_text(w, S("interaction"), e->interaction);
	json_put_member(w, S("direction"), e->outgoing ? S("out") : S("in"));
	put_number(w, S("outcome"), e->outcome);
	put_number(w, S("http_status"), e->http_status);
	put_text(w, S("agent"), e->agent);
	put_text(w, S("address"), e->address);
	put_text(w, S("request_id"), e->request_id);
	put_text(w, S("type"), e->type);
	put_text(w, S("id"), e->id);
	if (e->version)
		put_number(w, S("version"), e->version);
	put_text(w, S("query"), e->query);
	put_text(w, S("patient"), e->patient);
	put_text(w, S("detail"), e->detail);
	memcpy(hash, hex.n == sizeof(hash) ? hex.p : "", hex.n == sizeof(hash) ? sizeof(hash) : 0);
	json_put_member(w, S("hash"), str_make(hash, hex.n == sizeof(hash) ? sizeof(hash) : 0));
	json_object_end(w);
	buf_done(&hex);
}

int command_audit_list(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct error err = {0};
	int64_t limit = 50, before = 0;
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {
		CONFIG_OPTIONS(shared, config),
		{"limit", OPTION_NUMBER, "N", "how many, newest first (default 50)", &limit},
		{"before", OPTION_NUMBER, "NUMBER", "only rows before this one: the next page", &before},
	};
	if (!app_options(app, &(struct command_line){OPTIONS(options)}) || !config_finish(app, &config, &shared))
		return app->status;
	if (limit < 1 || limit > 1000000)
		return app_misuse(app, "--limit must be from 1 to 1000000");
	struct store *store = open_to_read(app, &config, &err);
	if (!store)
		return app_fail(app, &err);
	struct audit_row *rows;
	size_t count;
	int status = APP_OK;
	if (!store_audit_list(store, &app->arena, before, (size_t)limit, &rows, &count, &err)) {
		status = app_fail(app, &err);
	} else if (app->json) {
		status = app_write_list(app, S("rows"), rows, count, write_row) ? APP_OK : APP_FAILED;
	} else {
		for (size_t i = 0; i < count; i++)
			print_row(app, &rows[i]);
		if (!count)
			puts("no rows");
	}
	store_close(store);
	return status;
}

static bool write_verdict(const struct app *app, bool whole, int64_t rows, const struct error *err)
{
	struct buf out;
	buf_init(&out, 4096);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_key(&w, S("verified"));
	json_put_bool(&w, whole);
	put_number(&w, S("rows"), rows);
	if (!whole)
		json_put_member(&w, S("problem"), str_from(err->text));
	json_object_end(&w);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok;
}

int command_audit_verify(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct error err = {0};
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {CONFIG_OPTIONS(shared, config)};
	if (!app_options(app, &(struct command_line){OPTIONS(options)}) || !config_finish(app, &config, &shared))
		return app->status;
	struct store *store = open_to_read(app, &config, &err);
	if (!store)
		return app_fail(app, &err);
	int64_t rows = 0;
	bool whole = store_audit_verify(store, &rows, &err);
	store_close(store);
	if (!whole && err.code != ERR_CHAIN)
		return app_fail(app, &err);
	if (app->json && !write_verdict(app, whole, rows, &err))
		return APP_FAILED;
	if (!whole)
		fprintf(stderr, "firth audit verify: %s%s%s\n", app_style(app, STYLE_BAD), err.text,
			app_style(app, STYLE_PLAIN));
	else if (!app->json)
		printf("%sthe audit chain is whole%s: %" PRId64 " rows\n", app_style(app, STYLE_GOOD),
		       app_style(app, STYLE_PLAIN), rows);
	return whole ? APP_OK : APP_FAILED;
}
