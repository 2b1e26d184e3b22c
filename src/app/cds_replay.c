/*
 * firth cds replay FILE...: past hook requests, or orders with records, through our own checks or a service: how many
 * cards by rule and level, what users did with them, and what another policy would change.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/cds_policy.h"
#include "app/cds_replay_priv.h"
#include "app/knowledge.h"
#include "base/clock.h"
#include "fhir/resource.h"

struct command_options {
	struct option_list silence, raise, lower, set, policy;
	struct str tables, service, now;
	struct config_options shared;
	int64_t threads;
};

/* ---- lines of a policy ------------------------------------------------------------------------------------------- */

static bool is_rule(const struct replay *r, struct str name)
{
	static const char *const made[] = {"DUP-INGREDIENT", "DUP-CLASS", "UNCODED-ALLERGY", "UNREAD-DRUG",
					   "PARTLY-READ-DRUG"};
	struct rule_info info;
	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++)
		if (str_is(name, made[i]))
			return true;
	for (size_t i = 0; i < rule_count(r->knowledge); i++) {
		rule_at(r->knowledge, i, -1, -1, &info);
		if (str_eq(info.id, name))
			return true;
	}
	return false;
}

/* "DD022", "class:penicillin", "kind:interaction", "all". */
static bool read_what(const struct replay *r, struct str what, struct policy_line *l, struct error *err)
{
	struct str rest = what, head = str_split(&rest, ':');
	if (str_is(what, "all"))
		return true;
	if (rest.p && str_is(head, "class")) {
		l->drug_class = rest;
		return knowledge_class_named(r->knowledge, rest) >= 0 ||
		       error_set(err, ERR_USAGE, "the tables know no class %.*s", STR_ARG(str_slice(rest, 0, 80)));
	}
	if (rest.p && str_is(head, "kind")) {
		l->kind = rest;
		for (int k = 0; k <= FINDING_UNREAD_DRUG; k++)
			if (str_is(rest, finding_kind_name((enum finding_kind)k)))
				return true;
		return error_set(err, ERR_USAGE, "there is no kind %.*s: it is allergy, interaction or duplicate",
				 STR_ARG(str_slice(rest, 0, 80)));
	}
	l->rule = what;
	return is_rule(r, what) ||
	       error_set(err, ERR_USAGE,
			 "the tables have no rule %.*s; firth knowledge show DRUG tells which there are",
			 STR_ARG(str_slice(what, 0, 80)));
}

/* Behind the site's own, in the same array. */
struct lines {
	struct policy_line *items;
	size_t count, changes;
};

static bool add_line(struct replay *r, struct lines *lines, struct str what, enum policy_action action, struct str word,
		     bool change, struct error *err)
{
	struct policy_line l = {.action = action};
	if (lines->changes == REPLAY_CHANGES_MAX)
		return error_set(err, ERR_USAGE, "at most %d lines of a policy", REPLAY_CHANGES_MAX);
	lines->changes++;
	if (!read_what(r, what, &l, err))
		return false;
	lines->items[lines->count++] = l;
	if (change)
		r->changes[r->change_count++] = arena_printf(&r->app->arena, "%.*s=%.*s", STR_ARG(what), STR_ARG(word));
	return true;
}

static bool add_all(struct replay *r, struct lines *lines, const struct option_list *list, enum policy_action action,
		    const char *word, struct error *err)
{
	for (size_t i = 0; i < list->count; i++)
		if (!add_line(r, lines, list->items[i], action, str_from(word), true, err))
			return false;
	return true;
}

/* "DD022=info" */
static bool add_settings(struct replay *r, struct lines *lines, const struct option_list *list, bool change,
			 struct error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		struct str word = list->items[i], what = str_split(&word, '=');
		enum policy_action action;
		if (!word.p || !policy_action_named(word, &action))
			return error_set(err, ERR_USAGE,
					 "say RULE=off, info, warning, critical, raise, lower or keep, not %.*s",
					 STR_ARG(str_slice(list->items[i], 0, 80)));
		if (!add_line(r, lines, what, action, word, change, err))
			return false;
	}
	return true;
}

/* The site's policy, and the same with the changes behind its lines. */
static bool read_policies(struct replay *r, const struct command_options *o, struct error *err)
{
	struct lines lines = {0};
	if (!cds_policy_make(&r->app->arena, &r->config, r->knowledge, REPLAY_CHANGES_MAX, &r->policy, err))
		return false;
	lines.items = (struct policy_line *)r->policy.lines;
	lines.count = r->policy.line_count;
	if (!add_settings(r, &lines, &o->policy, false, err))
		return false;
	r->policy.line_count = lines.count;
	if (!add_settings(r, &lines, &o->set, true, err) || !add_all(r, &lines, &o->silence, POLICY_OFF, "off", err) ||
	    !add_all(r, &lines, &o->raise, POLICY_RAISE, "raise", err) ||
	    !add_all(r, &lines, &o->lower, POLICY_LOWER, "lower", err))
		return false;
	r->changed = r->policy;
	r->changed.line_count = lines.count;
	r->has_changes = r->change_count > 0;
	return true;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

/* Of plain files alone: how much there is to read. */
static uint64_t size_of(struct app *app, const struct str *paths, size_t count)
{
	uint64_t total = 0;
	for (size_t i = 0; i < count; i++) {
		struct stat st;
		struct str path = arena_str(&app->arena, paths[i]);
		if (!path.p || str_ends(path, S(".gz")) || stat(path.p, &st) != 0 || !S_ISREG(st.st_mode))
			return 0;
		total += (uint64_t)st.st_size;
	}
	return total;
}

static bool prepare(struct replay *r, const struct command_options *o, struct error *err)
{
	struct hook_address at = hook_address(o->service);
	int64_t high;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	r->threads = (unsigned)(o->threads ? o->threads : cores > 1 ? cores : 1);
	r->now_ms = clock_now_ms();
	if (o->now.n && !date_range(o->now, &r->now_ms, &high))
		return error_set(err, ERR_USAGE, "--now is a FHIR date or dateTime");
	r->knowledge = app_knowledge(&r->app->arena, o->tables.n ? o->tables : r->config.cds.knowledge, err);
	if (!r->knowledge || !o->service.n)
		return r->knowledge && read_policies(r, o, err);
	r->service_url = o->service;
	r->service = at.service;
	if (!at.service.n)
		return error_set(err, ERR_USAGE, "--service is the URL of one service: BASE/cds-services/ID");
	if (o->silence.count + o->raise.count + o->lower.count + o->set.count + o->policy.count)
		return error_set(err, ERR_USAGE, "a service has its own policy; rules are changed offline");
	return true;
}

int command_cds_replay(struct app *app)
{
	struct replay *r = ARENA_NEW(&app->arena, struct replay);
	struct command_options o = {0};
	struct error err = {0};
	if (!r)
		return APP_FAILED;
	r->app = app;
	if (!config_open(app, &r->config))
		return app->status;
	const struct option options[] = {
		{"silence", OPTION_LIST, "RULE", "what if this rule were off", &o.silence, NULL},
		{"raise", OPTION_LIST, "RULE", "what if it were a level higher", &o.raise, NULL},
		{"lower", OPTION_LIST, "RULE", "what if it were a level lower", &o.lower, NULL},
		{"change", OPTION_LIST, "RULE=LEVEL", "what if it were off, info, warning or critical", &o.set, NULL},
		{"policy", OPTION_LIST, "RULE=LEVEL", "a line of the site's policy, behind those of firth.yaml",
		 &o.policy, NULL},
		{"tables", OPTION_TEXT, "DIR", "a site's own tables of drug knowledge, read on top", &o.tables, NULL},
		{"role", OPTION_TEXT, "ROLE", "of all users (default: that of the data, as at the server)", &r->role,
		 NULL},
		{"now", OPTION_TEXT, "DATE", "when orders were that have no date (default: now)", &o.now, NULL},
		{"feedback", OPTION_TEXT, "FILE", "NDJSON of feedback on the cards", &r->feedback, NULL},
		{"service", OPTION_TEXT, "URL", "ask this service instead: BASE/cds-services/ID", &o.service, NULL},
		{"threads", OPTION_NUMBER, "N", "work on so many at once (default: one per core)", &o.threads, NULL},
		{"quiet", OPTION_FLAG, NULL, "no progress", &r->quiet, NULL},
		CDS_OPTIONS(r->cds),
		CONFIG_OPTIONS(o.shared, r->config),
	};
	const struct command_line line = {
		OPTIONS(options),
		.arguments = "FILE...|DIR|-",
		.min_args = 1,
		.max_args = 100000,
		.details =
			"A line of NDJSON is a hook request, or an exchange {\"request\",\"answer\",\"feedback\"}, or\n"
			"{\"orders\":[...],\"records\":[...]}, or a Bundle whose draft MedicationRequests are the "
			"orders.\n"
			"RULE is an id such as DD022, class:NAME, kind:allergy|interaction|duplicate, or all. Ends "
			"with 1\n"
			"when lines could not be read, or a service's answers are wrong.\n\n"
			"  firth cds replay march.ndjson --silence DUP-CLASS --lower kind:interaction",
	};
	if (!app_options(app, &line) || !config_finish(app, &r->config, &o.shared))
		return app->status;
	replay_tally_init(&r->tally);
	bool ok = prepare(r, &o, &err);
	r->bytes_total = size_of(app, app->args, app->arg_count);
	ok = ok && replay_run(r, app->args, app->arg_count, &err) && replay_report(r);
	int status = ok		? r->bad_lines || r->tally.wrong || r->tally.refused ? APP_FAILED : APP_OK
		     : err.code ? app_fail(app, &err)
				: APP_FAILED;
	replay_tally_done(&r->tally);
	knowledge_free((struct knowledge *)r->knowledge);
	return status;
}
