/*
 * firth cds tally: how often the cards of each topic were shown in the last days, and what became of them. Opens the
 * store for reading only, so it works beside a running server.
 */
#include <inttypes.h>
#include <stdio.h>

#include "app/config.h"
#include "base/clock.h"
#include "server/cds/cds.h"

#define DAY_MS INT64_C(86400000)

enum { SHOWN = 100 };

/* Of those whose end is known; -1: of none. */
static int override_percent(const struct cds_tally *t)
{
	uint64_t ends = t->accepted + t->overridden;
	return ends ? (int)((t->overridden * 100 + ends / 2) / ends) : -1;
}

/* Topics and reasons may be whatever a caller sent, so nothing of them acts on a terminal. */
static void put_tally(const struct app *app, struct buf *out, const struct cds_tally *t)
{
	int percent = override_percent(t);
	char share[16] = "";
	if (percent >= 0)
		snprintf(share, sizeof(share), "%d%%", percent);
	buf_printf(out, "%8" PRIu64 " %8" PRIu64 " %10" PRIu64 " %5s  %-24.*s ", t->shown, t->accepted, t->overridden,
		   share, STR_ARG(t->service));
	hook_plain_add(out, t->topic, SHOWN);
	buf_add(out, str_from(app_style(app, STYLE_DIM)));
	for (size_t n = 0; n < t->reason_count; n++) {
		buf_add(out, n ? S(", ") : S("  "));
		hook_plain_add(out, t->reasons[n].code, SHOWN);
		buf_printf(out, " %" PRIu64, t->reasons[n].count);
	}
	buf_printf(out, "%s\n", app_style(app, STYLE_PLAIN));
}

static bool print_text(const struct app *app, const struct cds_tally *tallies, size_t count)
{
	struct buf out;
	buf_init(&out, 64 << 20);
	if (!count)
		buf_add(&out, S("no cards\n"));
	else
		buf_printf(&out, "%s%8s %8s %10s %5s  %-24s topic and reasons%s\n", app_style(app, STYLE_BOLD), "shown",
			   "accepted", "overridden", "", "service", app_style(app, STYLE_PLAIN));
	for (size_t i = 0; i < count; i++)
		put_tally(app, &out, &tallies[i]);
	bool ok = buf_ok(&out) && app_write(app, buf_str(&out));
	buf_done(&out);
	return ok;
}

static void put_count(struct json_writer *w, const char *key, uint64_t value)
{
	json_key(w, str_from(key));
	json_put_i64(w, (int64_t)value);
}

static void write_tally(struct json_writer *w, const void *tallies, size_t index)
{
	const struct cds_tally *t = (const struct cds_tally *)tallies + index;
	json_object_begin(w);
	json_put_member(w, S("service"), t->service);
	json_put_member(w, S("topic"), t->topic);
	put_count(w, "shown", t->shown);
	put_count(w, "accepted", t->accepted);
	put_count(w, "overridden", t->overridden);
	json_key(w, S("reasons"));
	json_object_begin(w);
	for (size_t i = 0; i < t->reason_count; i++) {
		json_key(w, t->reasons[i].code);
		json_put_i64(w, (int64_t)t->reasons[i].count);
	}
	json_object_end(w);
	json_object_end(w);
}

int command_cds_tally(struct app *app)
{
	struct config config;
	struct config_options shared = {0};
	struct error err = {0};
	struct str tenant = STR_NULL;
	struct cds_tally *tallies;
	size_t count;
	int64_t days = CDS_TALLY_DAYS;
	if (!config_open(app, &config))
		return app->status;
	const struct option options[] = {
		CONFIG_OPTIONS(shared, config),
		{"days", OPTION_NUMBER, "N", "of how many days, 7 at most (default 7)", &days},
		{"tenant", OPTION_TEXT, "NAME", "of this tenant", &tenant},
	};
	const struct command_line line = {
		OPTIONS(options),
		.details =
			"Cards by topic, the most shown first: how many were shown, accepted and overridden, the share "
			"of\noverridden ones among those whose end is known, and the reasons that were given. A topic "
			"is "
			"a rule\nas source.topic.code of its cards tells it. Rules that are overridden all the time "
			"are "
			"candidates\nfor cds_policy; firth cds replay shows what a change would do."};
	if (!app_options(app, &line) || !config_finish(app, &config, &shared))
		return app->status;
	if (days < 1 || days > CDS_TALLY_DAYS)
		return app_misuse(app, "--days must be from 1 to %d", CDS_TALLY_DAYS);
	const struct store_options store_options = {
		.definitions = definitions_builtin(), .read_only = true, .tenant = tenant};
	struct store *store = store_open(config_store(&config), &store_options, &err);
	if (!store)
		return app_fail(app, &err);
	bool ok = cds_tally_read(store, &app->arena, clock_now_ms() - days * DAY_MS, &tallies, &count, &err);
	store_close(store);
	if (!ok)
		return app_fail(app, &err);
	ok = app->json ? app_write_list(app, S("topics"), tallies, count, write_tally)
		       : print_text(app, tallies, count);
	return ok ? APP_OK : APP_FAILED;
}
