/*
 * What the files of this room share: one run, its journal, its files, and the sets of ids and references on disk.
 *
 * A run is one thread's; fetching adds a few, which share the token, the sets and the list of files under one lock.
 */
#ifndef FIRTH_EXPORT_EXPORT_PRIV_H
#define FIRTH_EXPORT_EXPORT_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/map.h"
#include "export/export.h"
#include "fhir/definitions.h"

enum { EXPORT_MAX_FILES = 200000, EXPORT_MAX_TYPES = 400, EXPORT_MAX_NAMED = 1000, EXPORT_MAX_PARALLEL = 16 };
#define EXPORT_MAX_MANIFEST ((size_t)64 << 20)
#define EXPORT_MAX_LINE	    ((size_t)64 << 20)

/* ---- files --------------------------------------------------------------------------------------------------------
 */

enum export_list { EXPORT_OUTPUT, EXPORT_DELETED, EXPORT_ERROR, EXPORT_LISTS };

struct export_counts {
	uint64_t bytes, lines;
	uint64_t bad_lines; /* no JSON, no resource, of another type, without id */
	uint64_t first_bad; /* its number, from 1 */
	const char *bad_why;
	char sha256[65];
};
enum export_state { FILE_WANTED, FILE_FETCHED, FILE_FAILED };
struct export_file {
	enum export_list list;
	struct str type, url;
	int64_t promised; /* lines by the manifest, -1: not said */
	uint32_t number; /* of the manifest, all lists together, from 0 */
	uint32_t of_type; /* from 1 */
	enum export_state state;
	bool known; /* the journal has it; looked through again */
	struct export_counts counts;
	char known_sha256[65];
	struct str failure; /* why it could not be had */
};

/* ---- types: what is counted by type -------------------------------------------------------------------------------
 */

struct export_type_count {
	struct str name;
	uint64_t files, promised, lines, unique, references, missing;
	bool counted; /* each file's count is in the manifest */
	bool exported; /* there is a file of it, or it was asked for */
};

/* ---- sets: sorted on disk, with a bounded part in memory ----------------------------------------------------------
 */

struct set_entry {
	uint64_t high, low; /* of "Type/id": 128 bits, so that no two meet by chance */
	uint64_t offset; /* of the text in the file */
	uint32_t file; /* number */
	uint16_t type, length; /* of the text */
};
struct set {
	struct str directory;
	const char *name;
	struct set_entry *entries; /* not sorted yet */
	size_t count;
	unsigned runs, first; /* files NAME.first to NAME.runs-1 */
	bool unique;
};
struct set_reader;

bool set_open(struct set *s, struct str directory, const char *name, struct error *err) MUST_USE;
/* Removes its files. */
void set_close(struct set *s);
bool set_add(struct set *s, const struct set_entry *entries, size_t count, struct error *err) MUST_USE;
/* Then it can be read in order: of entries that are equal but for their places all, beside each other, or the first. */
bool set_finish(struct set *s, bool unique, struct error *err) MUST_USE;
struct set_reader *set_read(const struct set *s, struct error *err) MUST_USE;
/* False at the end, or on failure, which err tells. */
bool set_next(struct set_reader *r, struct set_entry *ret_entry, struct error *err);
void set_read_end(struct set_reader *r);
struct set_entry set_entry_of(struct str type, struct str id);
int set_compare(const struct set_entry *a, const struct set_entry *b);

/* ---- a run --------------------------------------------------------------------------------------------------------
 */

struct run {
	const struct export_options *o;
	struct arena *a; /* of the caller; under the lock while fetching */
	struct str directory, base;
	int journal; /* descriptor */
	struct str request; /* of the kick-off, as it was sent */
	struct str status; /* URL, STR_NULL: none is known */
	bool kicked; /* a kick-off was sent, and no answer to it is known */
	struct str transaction_time;
	bool guarded; /* requiresAccessToken */
	struct str manifest; /* its JSON */
	struct export_file *files;
	size_t file_count, file_capacity;
	struct export_type_count types[EXPORT_MAX_TYPES];
	size_t type_count;
	struct set ids, references;
	struct str duplicate_names, missing_names; /* some of them */
	uint64_t duplicates, missing, deletions, outcomes;
	struct buf outcome_words; /* of error files: what they say, by how often */

	pthread_mutex_t lock;
	size_t next; /* file to be fetched */
	uint64_t files_done, lines_done, refetches;
	unsigned working; /* threads */
	atomic_bool token_at_files; /* see struct export_result */
	atomic_bool failing; /* nothing more is begun */
	struct error failure; /* first of the threads */
};

bool run_stopped(const struct run *r);
void run_say(const struct run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Waits, asking now and then whether to stop. ERR_INTERRUPTED. */
bool run_wait(const struct run *r, int64_t ms, struct error *err) MUST_USE;
/* The same for the EHR client; ctx is the run. */
bool run_turn(void *run, int64_t ms, struct error *err);
/* Milliseconds before another try: first, doubled so often, at most `most`, and never more than the caller's poll_ms.
 */
int64_t run_backoff(const struct run *r, int64_t first_ms, int64_t most_ms, unsigned doublings);
/* What failed, with the words of errno: ERR_STORE_FULL or ERR_IO. Always false. */
bool run_fail(const char *what, struct error *err);
/* What an issue of an OperationOutcome says, for people: its diagnostics, otherwise the text of its details. */
struct str run_issue_words(const struct json *issue);
size_t run_type(struct run *r, struct str name); /* its row; EXPORT_MAX_TYPES: there are too many */
struct str run_path(const struct run *r, struct arena *a, const struct export_file *f, bool part);

/* planner.c: the URL of the kick-off, and what is told of how the vendor differs. */
bool planner_request(struct run *r, struct str *ret_url, struct str *ret_body, struct error *err) MUST_USE;
/* How long to wait before the n-th look at the state when the server does not say, in ms. */
int64_t planner_wait(const struct run *r, unsigned n);

/* journal.c */
bool journal_open(struct run *r, struct error *err) MUST_USE;
bool journal_start(struct run *r, struct error *err) MUST_USE; /* another export: what was known is put aside */
bool journal_kick(struct run *r, struct error *err) MUST_USE;
bool journal_accepted(struct run *r, struct str status, struct error *err) MUST_USE;
bool journal_refused(struct run *r, struct error *err) MUST_USE;
bool journal_manifest(struct run *r, struct error *err) MUST_USE;
bool journal_file(struct run *r, const struct export_file *f, struct error *err) MUST_USE;
bool journal_end(struct run *r, const char *how, struct error *err) MUST_USE;
void journal_close(struct run *r);

/* manifest.c: the files of a manifest; a newer manifest gives new URLs to those that are there. */
bool manifest_take(struct run *r, struct str text, bool renew, struct error *err) MUST_USE;

/* kick.c */
bool kick_off(struct run *r, struct error *err) MUST_USE;
bool kick_wait(struct run *r, bool renew, struct error *err) MUST_USE; /* until the manifest is there */
bool kick_cancel(struct run *r, struct error *err) MUST_USE;

/* fetch.c */
bool export_fetch_all(struct run *r, struct error *err) MUST_USE;

/* look.c: a file that is there, line by line. ids and references go into the sets. */
bool look_through(struct run *r, const struct export_file *f, const char *path, struct export_counts *ret_counts,
		  struct error *err) MUST_USE;
bool look_hash(const char *path, char ret_sha256[65], struct error *err) MUST_USE;
/* A line as JSON with what matters of it; why it is no resource, or NULL. */
struct looked {
	struct str type, id;
};
struct look_reference {
	size_t offset; /* of the text in the line */
	struct str text;
};
const char *look_line(struct str line, struct looked *ret_looked, struct look_reference *references, size_t max,
		      size_t *ret_count);

/* aftermath.c: deletions, duplicates, what is missing. */
bool aftermath_outcomes(struct run *r, struct error *err) MUST_USE;
bool aftermath_deletions(struct run *r, struct error *err) MUST_USE;
bool aftermath_sets(struct run *r, struct error *err) MUST_USE;

/* onto.c: the files of an earlier export as they are now. */
bool onto_apply(struct run *r, struct error *err) MUST_USE;

/* certificate.c */
bool certificate_write(struct run *r, struct export_result *ret_result, struct error *err) MUST_USE;

#endif
