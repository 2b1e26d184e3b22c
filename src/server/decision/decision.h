/*
 * Why a request was let in or refused: the checks in their order, what was had and what was needed. Whoever checks
 * notes; the first failed check makes the refusal, whose code, status and texts come from one table (refusals.def).
 *
 * A decision lives in the arena of its request and belongs to the thread that works on it. Noting stores one slot and
 * nothing more, so it may be done for every request. Every function takes NULL for a decision that nobody wants to
 * know, as when a right is only tried. Texts of passed checks are borrowed and must live as long as the arena. No text
 * holds a secret, or anything of anybody's data beyond the ids that the caller sent.
 *
 * A refusal is kept with its audit record, for `firth why` (journal): as many as fit a budget, for thirty days.
 */
#ifndef FIRTH_SERVER_DECISION_DECISION_H
#define FIRTH_SERVER_DECISION_DECISION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "json/json.h"
#include "store/store.h"

enum check {
#define CHECK(name, ...) CHECK_##name,
#include "server/decision/checks.def"
#undef CHECK
	CHECK_COUNT
};

enum refusal {
	REFUSAL_NONE,
#define REFUSAL(name, ...) REFUSAL_##name,
#include "server/decision/refusals.def"
#undef REFUSAL
	REFUSAL_COUNT
};

struct refusal_facts {
	const char *code; /* "scope-missing": stable */
	enum error_code error;
	const char *oauth; /* "insufficient_scope"; NULL: OAuth has no word, as for a request without a token */
	const char *text, *hint; /* what is the case, what to do; for the caller */
};
const struct refusal_facts *refusal_facts(enum refusal refusal);
/* By its code; REFUSAL_NONE for any other text, NULL among them. */
enum refusal refusal_find(const char *code);
/* The refusal that an error is, by error.reason; REFUSAL_NONE for other errors. */
enum refusal refusal_of(const struct error *err);

const char *check_word(enum check check);
const char *check_question(enum check check);

enum { DECISION_MOST = 32, DECISION_PART = 3, DECISION_TEXT = 500 /* bytes of a text that are kept */ };

struct decision {
	struct arena *arena;
	unsigned most, count; /* notes that it has room for, and that it has */
	unsigned left; /* that found no room */
	enum refusal refusal; /* of the first failed check */
	struct str hint; /* STR_NULL: the table's */
	/* Who asked, as far as it is known; all may be STR_NULL. */
	struct str client, user, grant, patient;
	struct str scope; /* that allowed it, as granted */
	/* What the caller is not told: the refusal behind an answer that something does not exist. NULL: none. */
	const struct error *concealed;
	struct decision_note {
		enum check check;
		bool passed;
		struct str had, needed; /* STR_NULL: nothing to say */
	} notes[];
};

/* Empty, in the arena. NULL without memory, which is as good as any decision. */
struct decision *decision_new(struct arena *a);
/* One for a part of the request, such as an entry of a batch: of the same caller, with room for the few checks that a
 * part adds. NULL for NULL. */
struct decision *decision_part(const struct decision *whole, struct arena *a);

/* A check that passed. */
static inline void decision_note(struct decision *d, enum check check, struct str had, struct str needed)
{
	if (!d)
		return;
	if (d->count == d->most) {
		d->left++;
		return;
	}
	struct decision_note *note = &d->notes[d->count++];
	note->check = check;
	note->passed = true;
	note->had = had;
	note->needed = needed;
}

/* The same of the scope that lets the request in. The audit record names the last one. */
static inline void decision_allow(struct decision *d, enum check check, struct str scope)
{
	decision_note(d, check, scope, STR_NULL);
	if (d)
		d->scope = scope;
}

/* A check that failed: notes it and fills err with the refusal's kind, text and reason. had, needed and hint may be
 * STR_NULL and are copied; hint replaces the table's. Always false. When err is set already, or the decision refused
 * before, what was first stays. */
bool decision_refuse(struct decision *d, enum check check, enum refusal refusal, struct str had, struct str needed,
		     struct str hint, struct error *err);

/* Adds to what was had at the check that failed: for the operator alone, the error's text does not get it. */
void decision_explain(struct decision *d, struct str more);

/* "2026-11-24T01:47:03Z, 3 minutes ago", for had and needed. */
enum { DECISION_WHEN = 64 };
struct str decision_when(char text[DECISION_WHEN], int64_t when_ms, int64_t now_ms);

/* Takes back what was noted since: for checks of which one must pass, when it did. */
static inline unsigned decision_mark(const struct decision *d)
{
	return d ? d->count : 0;
}
static inline void decision_rewind(struct decision *d, unsigned mark)
{
	if (d && d->count > mark)
		d->count = mark;
}

/* ---- answers ------------------------------------------------------------------------------------------------------
 */

/* OperationOutcome of an error that may be a refusal: details.coding has the code, details.text the table's sentence,
 * diagnostics the error's text and how to learn more. request_id may be empty. Other errors as outcome_write_error().
 */
void decision_write_outcome(struct buf *out, const struct error *err, struct str request_id);

/* The value of WWW-Authenticate (RFC 6750 section 3; RFC 9728 section 5.1 for resource_metadata, which may be
 * STR_NULL). scope: what was needed, STR_NULL when that does not help. STR_NULL for an error that calls for none, or
 * without memory. */
struct str decision_challenge(struct arena *a, const struct error *err, struct str scope, struct str resource_metadata);
/* The scope that a refused decision needed, as one word of a scope list; STR_NULL: it was not about scopes. */
struct str decision_needed_scope(const struct decision *d);

/* {"error":...,"error_description":...} as RFC 6749 section 5.2 wants it. The error of a refusal is its own; `standard`
 * is that of other errors. Returns the error's word. */
const char *decision_write_oauth(struct buf *out, const struct error *err, const char *standard);
/* Text as quoted strings of headers and error_description may hold it: printable ASCII without quote and backslash. */
struct str decision_plain(struct arena *a, struct str text);

/* What the audit record of an access that was let in says of the decision: "client's grant G by scope S for patient P".
 * STR_NULL when there is nothing to say. */
struct str decision_detail(const struct decision *d, struct arena *a);

/* ---- keeping ------------------------------------------------------------------------------------------------------
 */

#define DECISION_SHELF "decision"
enum {
	DECISION_PER_MINUTE = 120, /* that are kept, of one process and realm */
	DECISION_PER_SOURCE = 30, /* of them for one client or address */
	DECISION_PER_DAY = 5000,
	DECISION_DAYS = 30 /* that they are kept */
};

/* The budget of one realm. Any thread. */
struct decision_journal;
struct decision_journal *decision_journal_new(struct error *err) MUST_USE;
void decision_journal_free(struct decision_journal *j);

/* What the journal needs to know of the request. */
struct decision_request {
	struct str request_id, method, address;
	struct str route; /* ":type/:id", "auth/token": without ids */
	int status; /* of the answer */
	int64_t now_ms;
};
/* Makes the fact of the refusal that err is, in the arena, to be committed with its audit record (store_txn.facts).
 * False: nothing is to be kept, because err is no refusal, or the budget is used up. journal NULL: without budget. */
bool decision_fact(struct decision_journal *journal, struct arena *a, const struct decision *d,
		   const struct decision_request *request, const struct error *err, struct store_fact *ret_fact);

/* The decisions that were kept of a request id, oldest first, at most max, as JSON in a: request_id, at, method, route,
 * address, status, refusal, text, hint, client, user, grant, patient, checks [{check, passed, had, needed}]. */
bool decision_find(struct store *s, struct arena *a, struct str request_id, size_t max, const struct json **ret_kept,
		   size_t *ret_count, struct error *err) MUST_USE;

#endif
