/*
 * Bulk export from another server to a directory (Bulk Data Access 2.0, and what vendors make of it): plans the
 * kick-off by the vendor's rules, waits, fetches the files in parallel, checks every line, and says at the end in a
 * certificate whether everything that was promised is there. Whatever happened is in one journal in the directory, so
 * that a run that ended at any moment, by kill -9 too, goes on without a second export. Memory does not depend on the
 * size.
 */
#ifndef FIRTH_EXPORT_EXPORT_H
#define FIRTH_EXPORT_EXPORT_H

#include "ehr/ehr.h"

enum export_scope { EXPORT_OF_GROUP, EXPORT_OF_PATIENTS, EXPORT_OF_SYSTEM };

struct export_options {
	struct ehr_client *client;
	const struct definitions *definitions;
	struct str directory; /* made when absent */
	enum export_scope scope;
	struct str group; /* id, EXPORT_OF_GROUP */
	const struct str *patients; /* ids: EXPORT_OF_PATIENTS, and Groups of which only these are wanted */
	size_t patient_count;
	struct str types; /* comma list; STR_NULL: all */
	struct str since; /* STR_NULL: everything */
	struct str elements;
	struct str associated; /* includeAssociatedData */
	const struct str *filters; /* _typeFilter */
	size_t filter_count;
	struct str onto; /* directory of an earlier export that a complete one is applied to; STR_NULL: none */
	bool lenient; /* Prefer: handling=lenient */
	bool again; /* start another export although one may be under way, or the directory's was of something else */
	unsigned parallel; /* files at once; 0 = 4, at most 16 */
	int64_t poll_ms; /* longest wait where the server does not say how long; 0: by the vendor */
	/* Each may be NULL; on the caller's thread but for stopped. */
	void (*say)(void *ctx, const char *line);
	void (*progress)(void *ctx, uint64_t files, uint64_t total, uint64_t lines);
	bool (*stopped)(void *ctx);
	void *ctx;
};

/* What a run came to. The certificate is in the directory: certificate.json and certificate.txt. */
struct export_result {
	bool complete; /* everything that was promised is there and whole */
	uint64_t files, lines, bytes;
	bool token_at_files; /* a host of files refused some because of a token beside its signed link */
	struct str summary; /* the certificate for people */
};
/* False when it could not be carried to its end: what is there stays, and the same call goes on from it. ERR_USAGE for
 * what the vendor does not have, ERR_INTERRUPTED, ERR_BUSY (a kick-off that came too soon), ERR_CONFLICT (a kick-off
 * whose answer was lost, or another export in the directory). */
bool export_run(const struct export_options *o, struct arena *a, struct export_result *ret_result,
		struct error *err) MUST_USE;
/* Tells the server that the export of the directory is not wanted any more, and forgets it. ERR_NOT_FOUND: there is
 * none. What was fetched stays. */
bool export_cancel(const struct export_options *o, struct error *err) MUST_USE;

/* ---- configuration of the npm bulk-data-client --------------------------------------------------------------------
 */

/* Its file, JSON or a module of JavaScript with one object of constants. What it says that is not followed is named in
 * ignored, with commas. Text in a. */
struct export_config {
	struct ehr_config ehr;
	struct export_options options; /* without client and callbacks */
	struct str ignored;
};
bool export_config_read(struct arena *a, struct str text, struct export_config *ret_config, struct error *err) MUST_USE;

#endif
