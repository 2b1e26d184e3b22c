/*
 * Loading many resources: files, NDJSON and bundles are read, checked and stored at the speed of the store, on a few
 * threads, with bounded memory however large the input is. What is counted as stored is durable; everything else is
 * reported. Shared by `firth import` and $import. All functions of one loading belong to one thread.
 */
#ifndef FIRTH_SERVER_BULK_BULK_H
#define FIRTH_SERVER_BULK_BULK_H

#include "server/rest/rest.h"

/* One thing that was not stored. Text is for people and names no value of a patient. */
struct bulk_failure {
	struct str file;
	size_t line, column; /* 0: not known */
	struct str text;
};
struct bulk_progress {
	uint64_t bytes, total; /* read; total 0: not known */
	uint64_t resources; /* stored */
};

enum { BULK_MAX_THREADS = 16 };
struct bulk_options {
	const struct definitions *definitions;
	struct parameters *parameters; /* what rows are made by */
	struct store *store;
	struct knowledge *knowledge; /* rules of writing that resources are held against; NULL: structure alone */
	struct str base; /* own base URL, so that absolute links to ourselves are local; STR_NULL: unknown */
	unsigned threads; /* that parse and prepare; 0 = 1, at most BULK_MAX_THREADS */
	struct str agent, address, request_id; /* for the audit trail: who loads */
	/* On the caller's thread; each may be NULL. */
	void (*report)(void *ctx, const struct bulk_failure *failure);
	void (*progress)(void *ctx, const struct bulk_progress *progress);
	bool (*stopped)(void *ctx); /* true: read no more, keep what was handed in */
	void *ctx;
};
struct bulk;
struct bulk *bulk_open(const struct bulk_options *options, struct error *err) MUST_USE;

/* Files, directories (recursively, in order of names) and "-" for standard input. False when nothing more can be done;
 * what is wrong with a file or a resource is reported instead. */
bool bulk_read_paths(struct bulk *im, const struct str *paths, size_t count, struct error *err) MUST_USE;
/* NDJSON from a descriptor, plain or gzip, which is closed. name is for reports. */
bool bulk_read_lines(struct bulk *im, int fd, struct str name, struct error *err) MUST_USE;

struct bulk_counts {
	uint64_t files, bundles, resources, rejected, skipped, unresolved, unreadable;
	int64_t *by_type; /* of what was stored, by type id; lives as long as the loading */
};
/* Waits until everything read is stored. False when the store failed. */
bool bulk_finish(struct bulk *im, struct bulk_counts *ret_counts, struct error *err) MUST_USE;
void bulk_close(struct bulk *im);

#endif
