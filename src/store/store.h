/*
 * The store: resources with all their versions, index rows, and the audit chain, behind one door for every backend.
 *
 * Writers hand a transaction to the committing thread and are told when it is durable; everything that waits goes into
 * one fsync (group commit), each transaction whole or not at all, its audit rows with it. Readers never wait for
 * writers. Any thread may call any function; a store keeps its own connections per thread.
 *
 * Every version of every resource gets the next number of one sequence, its `vid`. A snapshot is such a number: it sees
 * the versions with vid <= snapshot that were not replaced at or before it. Index rows belong to versions and never
 * change, so a search at an old snapshot gives the same answer as long as the versions are kept.
 */
#ifndef FIRTH_STORE_STORE_H
#define FIRTH_STORE_STORE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "search/search.h"

struct store;

struct store_options {
	const struct definitions *definitions;
	bool read_only;
	bool bulk; /* loading: larger commits, the same durability */
	bool keeping; /* for store_reindex() and store_vacuum() alone: nothing else is written */
	bool no_words; /* texts are not indexed by this process */
	int64_t words_lag; /* versions that may wait for that; 0 = 1000 */
	size_t cache_bytes; /* SQLite: page cache of the writer; 0 = 16 MB */
	struct str tenant; /* whose store: DIR/tenants/NAME, or the schema t_NAME; empty: the default one */
};

/* location: a directory ("./firth-data": SQLite inside, made when absent, mode 0700), or a URL of PostgreSQL
 * ("postgresql://user@host/database", see libpq's connection URIs): any number of processes may share it. Refuses a
 * store of another schema version and one that another process has open for writing. */
struct store *store_open(struct str location, const struct store_options *options, struct error *err) MUST_USE;
/* Finishes what was handed in, then closes. */
void store_close(struct store *s);

/* How far long work has come, in bytes or rows. tell returns false to stop it; total may be 0 (not known), and both -1
 * when only time passes. */
struct store_progress {
	bool (*tell)(void *ctx, int64_t at, int64_t total);
	void *ctx;
};

/* ---- tenants ---------------------------------------------------------------------------------------------------- */

/* Tenants share nothing but the location: each has a store of its own. Names are 1 to 40 of a-z, 0-9 and -, not - at
 * either end. A tenant is made by opening its store for writing. */
bool store_tenant_name_valid(struct str name);
bool store_tenant_exists(struct str location, struct str name, bool *ret_exists, struct error *err) MUST_USE;
/* The same for the location of a store that is open, without a connection of its own. */
bool store_has_tenant(struct store *s, struct str name, bool *ret_exists, struct error *err) MUST_USE;
/* Sorted by name. */
bool store_tenant_list(struct str location, struct arena *a, struct str **ret_names, size_t *ret_count,
		       struct error *err) MUST_USE;
/* For good. Refused while a process has it open for writing. */
bool store_tenant_remove(struct str location, struct str name, const struct store_options *options,
			 struct error *err) MUST_USE;

/* ---- audit ---------------------------------------------------------------------------------------------------- */

/* One access, as FHIR AuditEvent describes it (R4 auditevent.html). Text may hold PHI (a search's parameters are what
 * was asked), so it stays in the store. */
struct audit_event {
	char action; /* C R U D E: http://hl7.org/fhir/audit-event-action */
	struct str interaction; /* "read", "search-type", "transaction", "token", ...: restful-interaction or ours */
	bool outgoing; /* we called an EHR; otherwise we were called */
	int outcome; /* 0 success, 4 minor, 8 serious failure: audit-event-outcome */
	int http_status;
	struct str agent; /* client_id, or "anonymous", or "cli" */
	struct str address; /* network address of the agent, or base URL of the EHR called */
	struct str request_id;
	struct str type, id; /* what was touched; the store fills id and version of its own writes */
	int64_t version;
	struct str query; /* searches: the parameters as used */
	struct str patient; /* "Patient/123" when known */
	struct str detail; /* purpose or refusal, one line without secrets */
};

/* Hands in audit events that go with no write, such as reads. Returns at once; they join the next group commit. When
 * too many wait, it waits for room: no access is ever served without its record being taken. Records that find a full
 * disk are kept and tried again; when too many are kept it is false with that error, and the access must be refused. */
bool store_audit(struct store *s, const struct audit_event *events, size_t count, struct error *err) MUST_USE;

struct audit_row {
	int64_t number; /* 1, 2, 3, ... without gaps */
	int64_t time_ms;
	struct audit_event event;
	unsigned char hash[32]; /* SHA-256 over the hash before and the row's own bytes */
};
/* Newest first from below `before` (0 = the end); at most max rows into a. */
bool store_audit_list(struct store *s, struct arena *a, int64_t before, size_t max, struct audit_row **ret_rows,
		      size_t *ret_count, struct error *err) MUST_USE;
/* Walks the chain. False with ERR_CHAIN naming the first bad row when one was changed, removed or inserted. The head
 * (count and last hash) is kept apart, so cutting the end off shows as well. */
bool store_audit_verify(struct store *s, int64_t *ret_rows, struct error *err) MUST_USE;

/* ---- writing -------------------------------------------------------------------------------------------------- */

enum store_op { STORE_CREATE, STORE_UPDATE, STORE_DELETE };

/* One change. The caller has checked the resource, given it an id, written its stored form and extracted its rows;
 * the store decides version and time. */
struct store_change {
	enum store_op op;
	const struct fhir_type *type;
	struct str id;
	int64_t if_match; /* STORE_UPDATE, STORE_DELETE: required current version; 0 = any, and create when absent */
	bool must_exist; /* STORE_UPDATE: ERR_NOT_FOUND instead of creating */
	bool same; /* STORE_UPDATE: make no new version when the stored form is that of the current one */
	bool purge; /* STORE_DELETE: the content of all versions is removed as well, never to be read again. Also of
		     * what is deleted already. What stays are the numbers, times and deletions of its history */
	struct str stored; /* resource_write_stored(); empty for STORE_DELETE */
	size_t meta_at;
	const struct index_row *rows;
	size_t row_count;
	/* Filled when the transaction is done: */
	int64_t version; /* the new one, the current one when unchanged or when a condition failed; 0: there is none */
	int64_t updated_ms;
	bool created; /* there was no current version before */
	bool unchanged; /* no new version: delete of something absent or deleted, or an update that was the same */
};

/* No version newer than the snapshot may meet the query (its criteria; pages, order and includes do not matter) when
 * the transaction commits, otherwise ERR_CONFLICT_RETRY: search again and decide anew. So a search followed by a commit
 * with a guard, and with if_match of what was found, is one step that nobody gets in between. A snapshot some
 * thousands of versions old is refused as well. */
struct store_guard {
	const struct search_query *query;
	int64_t snapshot; /* of the search: struct store_page */
};

/* A transaction. Lives at the caller until done is called; done runs on the committing thread and must be short. */
struct store_txn {
	struct store_change *changes;
	size_t change_count;
	struct audit_event *events; /* an event without id that has a type gets those of the change at its position */
	size_t event_count;
	void (*done)(void *ctx, struct store_txn *txn);
	void *ctx;
	const struct store_guard *guards;
	size_t guard_count;
	struct store_fact *facts; /* in their order, each seeing what those before it did; see small facts below */
	size_t fact_count;
	struct arena *found; /* what facts found goes here; NULL: it is not asked for */
	/* The revision of the SearchParameters that the changes' rows were made by, see below; STR_NULL: it does not
	 * matter. When it is no longer the current one, rows may be missing: ERR_CONFLICT_RETRY and stale. */
	struct str revision;
	/* Result: err.code == ERR_NONE when durable. Otherwise nothing of it was kept and failed names the change;
	 * ERR_PRECONDITION and ERR_CONFLICT tell the version asked for and the current one, which is in the change. Of
	 * ERR_CONFLICT_RETRY failed names the guard, and with fact_failed it names the fact. */
	struct error err;
	size_t failed;
	bool fact_failed;
	bool stale;
	struct store_txn *next; /* private to the store */
};

/* Hands a transaction in. done is called exactly once, from another thread, and may itself submit. Waits for room when
 * too much is queued, except in a done callback. */
void store_submit(struct store *s, struct store_txn *txn);
/* The same, waiting. False with txn->err copied to err. */
bool store_commit(struct store *s, struct store_txn *txn, struct error *err) MUST_USE;

/* Every commit that changes a SearchParameter counts up a fact, its revision, so whoever watches facts hears of it, and
 * rows made by older ones are told. The value in a; "0" when there never was one. */
#define STORE_REVISION S("revision") /* the shelf */
bool store_revision(struct store *s, struct arena *a, struct str *ret_revision, struct error *err) MUST_USE;
/* May other processes write to it as well? */
bool store_is_shared(const struct store *s);

/* Gives current versions the rows of parameters that were added after they were written. What they have of these
 * parameters is replaced; nothing else of them changes, and versions that are no longer current are left alone. So a
 * search must not ask for a parameter before all that is current has its rows. One commit, durable when true.
 * ERR_NOT_SUPPORTED: this kind of store does not do that. */
struct store_rows {
	int64_t vid; /* of a version: struct store_entry */
	const struct index_row *rows; /* those of the parameters */
	size_t row_count;
};
struct store_adding {
	const struct fhir_type *type; /* of all versions */
	const struct search_param *const *params; /* of that type */
	size_t param_count;
	const struct store_rows *versions;
	size_t version_count;
	int64_t given; /* filled in: versions that were given rows or lost some */
};
bool store_add_rows(struct store *s, struct store_adding *adding, struct error *err) MUST_USE;
bool store_adds_rows(const struct store *s);

/* ---- reading -------------------------------------------------------------------------------------------------- */

struct store_entry {
	const struct fhir_type *type;
	struct str id;
	struct str body; /* as served, with versionId and lastUpdated; STR_NULL for a deletion */
	int64_t version, vid, updated_ms;
	enum store_op op;
	bool included; /* came by _include or _revinclude */
};

/* The current version (version 0) or a given one. ERR_NOT_FOUND, ERR_GONE (ret_entry then has the version). Text goes
 * into arena a. */
bool store_read(struct store *s, struct arena *a, const struct fhir_type *type, struct str id, int64_t version,
		struct store_entry *ret_entry, struct error *err) MUST_USE;

/* How a search was made, for _explain. */
struct store_plan {
	struct store_plan_part {
		const struct fhir_type *type;
		struct str way; /* the criterion that candidates came from, as its parameter's name; STR_NULL: all of
				 * the type */
		size_t ranges; /* of index tables */
		bool ordered; /* followed in the order of versions, as far as the page needs; else collected first */
	} * parts;
	size_t part_count;
	const char *order; /* "version", "index" (of the first sort parameter) or "matches" (all of them sorted) */
	uint64_t rows; /* index rows counted or collected */
	uint64_t looked; /* versions looked at, inner searches among them */
	uint64_t took_us;
};

struct store_page {
	struct store_entry *entries;
	size_t count;
	size_t match_count; /* entries that are no includes */
	int64_t total; /* -1 when not asked for */
	int64_t snapshot;
	struct str next; /* where the next page starts: opaque bytes for the same query, STR_NULL at the end */
	struct store_plan *plan; /* NULL unless asked for */
};

/* The versions of one resource, of all of a type, or of all (http://hl7.org/fhir/R4/http.html#history), newest first.
 */
struct store_history_query {
	const struct fhir_type *type; /* NULL: of all types */
	struct str id; /* STR_NULL: all of the type */
	int64_t since_ms; /* made at or after; 0 = any */
	int64_t until_ms; /* made at or before; 0 = any */
	/* Current at some moment from at_low_ms to at_high_ms; both 0 = any. Deletions only of that time itself. */
	int64_t at_low_ms, at_high_ms;
	size_t max; /* entries, 10,000 at most */
	struct str position; /* STR_NULL for the first page, later the next of the page before */
};
/* One page; all pages are of one snapshot. total: of one resource without bounds its versions, otherwise -1.
 * ERR_NOT_FOUND for a resource that never was, ERR_CURSOR for a position that is none. */
bool store_history(struct store *s, struct arena *a, const struct store_history_query *query,
		   struct store_page *ret_page, struct error *err) MUST_USE;

/* One page. position: STR_NULL for the first, later the next of the page before (it carries the snapshot and holds no
 * PHI). ERR_TIMEOUT and ERR_TOO_COSTLY past the limits, ERR_CURSOR for a position that is none, ERR_LIMIT past 10,000
 * includes. */
struct store_search_options {
	struct str position;
	int64_t snapshot; /* of a first page: as of this one instead of now; 0 = now */
	unsigned timeout_ms; /* 0 = 30 s */
	uint64_t most_looked; /* versions that one search may look at; 0 = 20,000,000 */
	/* Inner searches of chains and reverse chains with more candidates are not made first but followed from the
	 * outer side; 0 = 50,000. */
	int64_t most_linked;
	/* A page is tried in order of versions, for two fifths as many looks, before criteria with so many index rows
	 * or more are counted further; 0 = 5,000. */
	int64_t wide;
	unsigned most_includes; /* resources that includes add to a page; 0 = 10,000 */
	bool explain; /* fill in the page's plan */
};
bool store_search(struct store *s, struct arena *a, const struct search_query *query,
		  const struct store_search_options *options, struct store_page *ret_page, struct error *err) MUST_USE;

/* Current resources per type, for capability and statistics. */
struct store_count {
	const struct fhir_type *type;
	int64_t count;
};
bool store_counts(struct store *s, struct arena *a, struct store_count **ret_counts, size_t *ret_count,
		  struct error *err) MUST_USE;

/* ---- keeping --------------------------------------------------------------------------------------------------- */

/* Something that is not as it should be, and where: "Patient/1/_history/2", "audit", "token". */
struct store_finding {
	struct str where, what;
};

struct store_keeping {
	const struct extractor *extractor; /* check, reindex */
	struct str base; /* own base URL: which absolute references are to ourselves */
	int64_t keep_ms; /* vacuum: page links made within this time go on working */
	struct store_progress progress;
	void (*finding)(void *ctx, const struct store_finding *finding); /* check */
	void *ctx;
};

/* What was looked at or done. */
struct store_kept {
	int64_t resources, versions, rows, audit_rows, facts; /* vacuum: rows dropped */
	int64_t findings; /* check */
	int64_t changed; /* reindex: versions whose index rows are not what they were */
	int64_t bytes_before, bytes_after; /* vacuum: of the store on disk */
};

/* Compares everything that is kept twice: bodies with their hashes, index rows and terms with the bodies by extraction,
 * versions with their neighbours and with what is current, counts, facts, the audit chain. One snapshot; works on a
 * store opened for reading while another process writes. False only when it could not go on. */
bool store_check(struct store *s, const struct store_keeping *k, struct store_kept *ret_kept,
		 struct error *err) MUST_USE;
/* Makes terms and index rows again from the bodies. Stopped, it goes on from there the next time; searches stay right
 * meanwhile. Needs `keeping`. */
bool store_reindex(struct store *s, const struct store_keeping *k, struct store_kept *ret_kept,
		   struct error *err) MUST_USE;
/* Drops index rows that only snapshots older than keep_ms need, then gives free pages back. Needs `keeping`. */
bool store_vacuum(struct store *s, const struct store_keeping *k, struct store_kept *ret_kept,
		  struct error *err) MUST_USE;

/* SQLite only. A copy of the store at location, which may be in use, as one file, proved whole before it gets its name;
 * beside it PATH.sha256. */
bool store_backup(struct str location, const char *path, const struct store_progress *progress,
		  struct error *err) MUST_USE;
/* The other way, after proving the copy. ERR_CONFLICT when there is a store already and force is not set; with it the
 * one that is there is kept beside as firth-replaced-TIME.sqlite. */
bool store_restore(struct str location, const char *path, bool force, const struct store_progress *progress,
		   struct error *err) MUST_USE;

/* ---- small facts ------------------------------------------------------------------------------------------------ */

/* Durable shelves of keys and values for what is not a resource: keys of the server, codes, tokens, seen jti values,
 * counters of attempts. A transaction changes any number of facts together with resources and audit events, in one
 * commit. A condition that does not hold is ERR_CONFLICT and nothing of the transaction is kept: so of many who take
 * the same fact at once (must_exist or expected, and STR_NULL as value) exactly one gets it, with any number of
 * processes. From expires_ms on a fact is absent for reading, listing and every condition. Shelf and key together
 * have at most 2,000 bytes, a value 16 MB: ERR_LIMIT. */
struct store_fact {
	struct str shelf, key;
	struct str value; /* STR_NULL removes it */
	int64_t expires_ms; /* 0 = never */
	bool only_new; /* there must be none */
	bool must_exist; /* there must be one */
	struct str expected; /* there must be one with this very value; STR_NULL: no such condition */
	/* value is not looked at: it becomes one more than the number that is there, in decimal, "1" at first.
	 * expires_ms is taken at first only, so it ends a window that began with the first count. */
	bool count;
	bool only_look; /* conditions and found alone: it stays as it is */
	bool quiet; /* watchers are not told: for what nobody keeps a copy of */
	/* Filled in when the transaction has an arena for it, also when the condition failed: the value that was there
	 * (STR_NULL: none), of a counter the new number. */
	struct str found;
	int64_t found_expires_ms;
};
/* A transaction of this fact alone. */
bool store_fact_put(struct store *s, const struct store_fact *fact, struct error *err) MUST_USE;
/* STR_NULL value when there is none; false only on failure. */
bool store_fact_get(struct store *s, struct arena *a, struct str shelf, struct str key, struct str *ret_value,
		    struct error *err) MUST_USE;
/* The facts of a shelf behind after_key (STR_NULL: from the first) in the order of their keys' bytes, at most max of
 * them and at most 10,000: shelf, key, value and expires_ms are filled in. */
bool store_fact_list(struct store *s, struct arena *a, struct str shelf, struct str after_key, size_t max,
		     struct store_fact **ret_facts, size_t *ret_count, struct error *err) MUST_USE;

/* Has fn called after facts of a shelf were changed and are durable: by this process before the done of the
 * transaction, by another one on the same PostgreSQL some milliseconds later. While another's changes cannot be heard
 * of, fn is called with STR_NULL, "anything may have changed", about once a second and once more when they can again.
 * So whoever keeps copies of facts drops them when told. fn runs on threads of the store, must be short, and may
 * neither watch nor commit, nor wait for a lock that somebody holds while committing. At most 16 watchers. Facts that
 * expire tell nobody. */
bool store_watch_facts(struct store *s, void (*fn)(void *ctx, struct str shelf), void *ctx, struct error *err) MUST_USE;
/* Afterwards fn of that ctx is neither running nor called again. Not under a lock that fn takes. */
void store_unwatch_facts(struct store *s, void (*fn)(void *ctx, struct str shelf), void *ctx);

#endif
