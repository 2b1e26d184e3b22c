/*
 * `firth cds replay`, its inner seams. The main thread reads lines into jobs and hands them to workers
 * (cds_replay_work.c); a worker makes a case of each line (cds_replay_read.c), checks or sends it, and counts into a
 * tally of its own (cds_replay_count.c). In the end the tallies are one, and are reported (cds_replay_report.c). Memory
 * is bounded: by the jobs that go round, and by the caps of a tally.
 */
#ifndef FIRTH_APP_CDS_REPLAY_PRIV_H
#define FIRTH_APP_CDS_REPLAY_PRIV_H

#include "app/cds.h"
#include "app/config.h"
#include "base/map.h"
#include "hooks/orders.h"

enum { REPLAY_LEVELS = 4, REPLAY_RULES_MAX = 20000, REPLAY_CHANGES_MAX = 200, REPLAY_TIMES = 64 };

/* ---- cases ------------------------------------------------------------------------------------------------------- */

/* What a line tells: a request, what was answered then, and what users did; each of which may be missing. */
struct replay_case {
	const struct json *document; /* the request; NULL: none */
	struct hook_request request;
	struct hook_prefetch prefetch;
	const struct json *answer, *feedback;
	int64_t now_ms; /* when it was */
};
/* line: a request, {"request","answer","feedback"}, {"orders","records"}, a Bundle with draft orders, or feedback. */
bool replay_read(struct arena *a, const struct json *line, int64_t now_ms, struct replay_case *ret,
		 struct error *err) MUST_USE;

/* ---- counting ---------------------------------------------------------------------------------------------------- */

struct replay_rule {
	struct str name;
	/* cards by level: now, with the changes, and in the answers that were recorded */
	uint64_t now[REPLAY_LEVELS], changed[REPLAY_LEVELS], recorded[REPLAY_LEVELS];
	uint64_t accepted, overridden;
};
struct replay_outcome {
	struct str card;
	bool accepted;
};
struct replay_tally {
	struct arena arena;
	struct map names, topics, cards; /* to places in rules: by name, topic code, uuid of a card */
	struct replay_rule *rules;
	size_t count, capacity;
	struct replay_outcome *outcomes; /* of cards that were not met yet */
	size_t outcome_count, outcome_capacity;
	uint64_t requests, orders, quiet_now, quiet_changed, recorded, unread;
	uint64_t wrong, refused; /* answers of a service that have mistakes, or that are none */
	uint64_t unknown_outcomes; /* of cards that were never met */
	uint64_t times[REPLAY_TIMES]; /* calls by their time: place n takes those up to 1.25^n ms or so */
	bool full; /* a cap was met: something was not counted by rule */
};
void replay_tally_init(struct replay_tally *t);
void replay_tally_done(struct replay_tally *t);
/* Its place, made when it is new. NULL when there are too many, or no memory. */
struct replay_rule *replay_rule_of(struct replay_tally *t, struct str name);
void replay_count_problems(struct replay_tally *t, const struct hook_problems *problems, bool changed);
/* Cards of an answer, by their topic's rule. */
void replay_count_answer(struct replay_tally *t, const struct knowledge *k, const struct json *answer, bool recorded);
void replay_count_feedback(struct replay_tally *t, const struct json *feedback);
void replay_count_time(struct replay_tally *t, int64_t ms);
/* Milliseconds that this part of the calls did not exceed. */
double replay_time_at(const struct replay_tally *t, double part);
void replay_merge(struct replay_tally *into, const struct replay_tally *from);
/* Once everything is merged: outcomes whose cards came elsewhere. */
void replay_settle_outcomes(struct replay_tally *t);

/* ---- the whole --------------------------------------------------------------------------------------------------- */

struct replay {
	struct app *app;
	const struct knowledge *knowledge;
	struct config config; /* whose policy of alerts is the one now */
	struct policy policy, changed;
	bool has_changes;
	struct str role;
	int64_t now_ms;
	struct str service_url, service; /* STR_NULL: our own checks are asked */
	struct cds_caller_options cds;
	unsigned threads;
	bool quiet;
	struct str changes[REPLAY_CHANGES_MAX]; /* "DD022=off", for the report */
	size_t change_count;
	struct str feedback; /* file */
	uint64_t bytes_total; /* 0: not known */
	uint64_t bad_lines;
	struct replay_tally tally;
};
/* Reads all files and fills the tally. False when it could not be done to the end. */
bool replay_run(struct replay *r, const struct str *paths, size_t count, struct error *err) MUST_USE;
/* True when it could be written. */
bool replay_report(struct replay *r) MUST_USE;

#endif
