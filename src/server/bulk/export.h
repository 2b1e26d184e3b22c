/*
 * $export: the job behind it. What the walk gives (server/rest) goes into NDJSON files beside the job's result, each of
 * one type and bounded in size, and the manifest is the result. Nothing lies in memory but one buffer. Any thread.
 */
#ifndef FIRTH_SERVER_BULK_EXPORT_H
#define FIRTH_SERVER_BULK_EXPORT_H

#include "server/rest/rest.h"

/* How a server makes its files wrong on purpose: for sandboxes. All zero: not at all. */
struct bulk_spoiling {
	bool repeat; /* each file but the first of a type begins with the last line of the one before */
	bool miscount; /* each count is one too high */
	bool truncate; /* the last line of the last file is cut in its middle, after it was counted */
	uint64_t most_lines; /* of a file; 0: no limit */
};

struct bulk_export {
	struct str base; /* of the FHIR API */
	bool guarded; /* files need a token */
	uint64_t file_bytes; /* largest file; 0: 64 MB */
	int64_t keep_ms; /* how long files stay; 0: a day */
	int64_t least_ms; /* how long an export takes at least: for sandboxes */
	bool no_counts; /* the manifest has none */
	/* The rest may be NULL. Where a file is: STR_NULL without memory. */
	struct str (*file_url)(void *ctx, struct arena *a, struct str job, size_t number);
	/* Told once a job was accepted. */
	bool (*accepted)(void *ctx, struct rest_call *call, struct error *err);
	/* Something that went wrong in part, as OperationOutcomes, one a line. */
	void (*errors)(void *ctx, struct rest_export *e, struct buf *out);
	struct str (*progress)(void *ctx, struct arena *a, uint64_t resources);
	/* Does the request want what is beside the resources, and what there is beside one: lines of Provenance, which
	 * become files of their own. */
	bool (*wants_beside)(void *ctx, struct rest_call *call);
	void (*beside)(void *ctx, const struct fhir_type *type, struct str line, struct buf *out);
	void (*spoil)(void *ctx, struct bulk_spoiling *ret_spoiling);
	void *ctx;
};
/* The `export` hook of a REST server; ctx is a struct bulk_export. */
bool bulk_export_start(void *ctx, struct rest_call *call, struct rest_export *e, struct rest_answer *answer,
		       struct error *err) MUST_USE;

#endif
