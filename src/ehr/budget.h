/*
 * What an EHR may be asked of: requests a second, a day and at once, a pause that it asked for (Retry-After), and a
 * breaker that opens after failures in a row, so that a dead EHR is left alone. Kept where all processes see it: in a
 * file beside a SQLite store, or in facts of a PostgreSQL store. Any thread.
 */
#ifndef FIRTH_EHR_BUDGET_H
#define FIRTH_EHR_BUDGET_H

#include "base/arena.h"
#include "base/error.h"
#include "store/store.h"

enum { EHR_BREAKER_FAILURES = 8, EHR_BREAKER_PAUSE_MS = 30 * 1000 };

struct ehr_budget_limits {
	int64_t per_second, per_day, parallel; /* 0: no limit */
	int64_t failures; /* in a row, until the breaker opens; 0: the usual 8 */
	int64_t pause_ms; /* for how long; 0: the usual 30 s */
	int64_t patience_ms; /* longest pause that the EHR asks for and that is waited for; 0: a minute */
};

/* What is known of an EHR. */
struct ehr_budget_state {
	int64_t next_us; /* when the next request may leave */
	int64_t day, today; /* days since 1970, and requests of that day */
	int64_t quiet_until_ms; /* it asked to be left alone until then */
	int64_t failures; /* in a row */
	int64_t open_until_ms; /* the breaker is open until then, and half open afterwards; 0: it is closed */
	int64_t probe_until_ms; /* somebody is trying whether it is back; nobody else may until then */
	int64_t last_ms; /* of the last request; 0: none yet */
};

struct ehr_budgets_options {
	struct str directory; /* a file each, NAME.calls, in a directory made when absent; or ... */
	struct store *store; /* ... facts; both absent: in memory, for one process and one EHR */
};
struct ehr_budgets;
struct ehr_budgets *ehr_budgets_open(const struct ehr_budgets_options *options, struct error *err) MUST_USE;
void ehr_budgets_close(struct ehr_budgets *b);
bool ehr_budgets_state(struct ehr_budgets *b, struct str ehr, struct ehr_budget_state *ret_state,
		       struct error *err) MUST_USE;

/* One request on its way: a place among those at once. */
struct ehr_budget_pass {
	int fd; /* -1: no place is held */
	struct str slot;
	char name[64], holder[40];
	int64_t until_ms; /* so long the place is held, by the store's clock; 0: as long as the process lives */
	bool probe;
};
/* May a request leave now? *ret_wait_ms: after so long, ask again then; 0: it may, and is counted. Errors:
 * ERR_THROTTLED when the day's requests are used up or the EHR asked for a longer pause than the caller's patience,
 * ERR_BUSY while the breaker is open. now_ms is the wall clock. */
bool ehr_budget_enter(struct ehr_budgets *b, struct str ehr, const struct ehr_budget_limits *limits, int64_t now_ms,
		      struct ehr_budget_pass *ret_pass, int64_t *ret_wait_ms, struct error *err) MUST_USE;

/* It is still on its way: said often, a place among facts, which runs out after three minutes, is held on. */
void ehr_budget_hold(struct ehr_budgets *b, struct ehr_budget_pass *pass);

/* Unknown: nothing that tells how the EHR is, such as trouble of another host or of our own. */
enum ehr_budget_result { EHR_CALL_ANSWERED, EHR_CALL_FAILED, EHR_CALL_THROTTLED, EHR_CALL_UNKNOWN };
/* How it ended. quiet_ms: for how long the EHR asked to be left alone. */
void ehr_budget_leave(struct ehr_budgets *b, struct str ehr, const struct ehr_budget_limits *limits, int64_t now_ms,
		      struct ehr_budget_pass *pass, enum ehr_budget_result result, int64_t quiet_ms);

#endif
