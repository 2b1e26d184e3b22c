/*
 * `firth validate`, its inner seams. The main thread reads input into checks (validate_input.c), worker threads
 * validate them (validate_work.c), and the main thread takes them back in the order of the input, sets findings of a
 * baseline aside (validate_baseline.c) and prints the rest (validate_report.c). A fixed number of checks goes round, so
 * memory stays bounded however large the input is.
 */
#ifndef FIRTH_APP_VALIDATE_PRIV_H
#define FIRTH_APP_VALIDATE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <zlib.h>

#include "app/app.h"
#include "base/buf.h"
#include "base/map.h"
#include "validate/document.h"

#define VALIDATE_MAX_DOCUMENT (256u << 20)
#define VALIDATE_MAX_LINE     (64u << 20)
#define VALIDATE_PIECE	      (512u << 10) /* of NDJSON for one worker */
#define VALIDATE_MAX_MEMORY   ((size_t)4 << 30) /* of one check */

/* One document, or some lines of NDJSON: what a worker gets. */
struct check {
	/* input */
	struct str file; /* as given or found; "(standard input)" */
	struct buf text;
	size_t line; /* number of the first line */
	bool lines; /* NDJSON */
	bool last; /* of its file */
	struct str unreadable; /* why the file could not be read, else STR_NULL */
	/* output, in the arena */
	struct arena arena;
	struct issues findings;
	size_t resources;
	struct error err; /* the validation itself failed */
	/* pipeline */
	enum { CHECK_FREE, CHECK_READY, CHECK_DONE } state;
};

/* ---- input (validate_input.c) */

struct input {
	struct app *app;
	struct str *paths;
	size_t count, capacity, at;
	struct buf ahead; /* read but not yet handed out */
	gzFile stream;
	struct str name;
	size_t line;
	bool lines, started;
	uint64_t bytes_total, bytes_before, bytes_read;
};

void input_init(struct input *in, struct app *app);
void input_done(struct input *in);
/* Finds the files below a path given by the user; "-" is standard input. */
bool input_add(struct input *in, struct str path, struct error *err) MUST_USE;
/* Fills the input part of a check. False at the end. Files that cannot be read come as checks that say so. */
bool input_next(struct input *in, struct check *ret_check);

/* Back to the first file. */
void input_rewind(struct input *in);

/* ---- references between the files (validate_links.c) */

struct validate;
struct links {
	bool open;
	struct validate *validate;
	struct map names; /* "Type/id" or fullUrl -> struct links_resource; not changed any more once it is open */
	size_t kept; /* bytes of text */
	pthread_mutex_t lock; /* over the arena and what is parsed into it */
	struct arena arena;
};
/* Reads all input, and rewinds it. */
bool links_open(struct validate *v, struct error *err) MUST_USE;
void links_close(struct links *l);
/* For struct validation_options; any thread. ctx: the links. */
const struct json *links_resolve(void *ctx, struct str reference);

/* ---- baseline (validate_baseline.c) */

/*
 * Findings that somebody accepted. A finding is known by its rule, its path without indexes, and a hash of the values
 * that its text quotes: not by file, line or wording, so that moved files and better texts do not make it new. No value
 * of any resource is written down.
 */
struct baseline {
	struct arena arena;
	struct map entries; /* identity -> 1 + how often met in this run, 1: not at all */
	struct baseline_entry *first, **end;
	size_t accepted;
};
struct baseline_entry {
	struct str identity; /* "rule path value" */
	struct str rule, path, value;
	bool error;
	struct baseline_entry *next;
};
void baseline_init(struct baseline *b);
void baseline_done(struct baseline *b);
bool baseline_read(struct baseline *b, struct str file, struct error *err) MUST_USE;
/* Whether the finding is in it; counts. */
bool baseline_accepts(struct baseline *b, const struct issue *issue);
bool baseline_add(struct baseline *b, const struct issue *issue, struct error *err) MUST_USE;
bool baseline_write(const struct baseline *b, struct str file, struct error *err) MUST_USE;
/* How many entries were not met. */
size_t baseline_gone(const struct baseline *b);
/* The identity as it stands in the file: rule, path without indexes, hash of the quoted values in hexadecimal. */
bool baseline_identity(struct arena *a, const struct issue *issue, struct baseline_entry *ret_entry) MUST_USE;

/* ---- report (validate_report.c) */

enum report_form { REPORT_TEXT, REPORT_JSON, REPORT_JUNIT };
struct report {
	struct app *app;
	enum report_form form;
	enum issue_severity level; /* what is less severe is only counted */
	size_t max_per_file; /* findings shown */
	bool quiet;
	bool many; /* JSON: more than one file, so a Bundle */
	/* state */
	struct buf out;
	FILE *body; /* JUnit: cases, until their number is known */
	struct str file; /* the one at hand; STR_NULL between files */
	size_t shown, file_errors; /* of the file at hand */
	size_t files, resources, counts[ISSUE_INFORMATION + 1], hidden;
	size_t cases, failures;
	bool failed; /* to write */
	struct json_writer json;
};
bool report_begin(struct report *r) MUST_USE;
/* One check that is done; findings in `accepted` state were taken out before. */
void report_check(struct report *r, const struct check *c);
void report_end(struct report *r, const struct baseline *baseline);

/* ---- work (validate_work.c) */

struct validate {
	struct app *app;
	struct validator *validator;
	const struct definitions *definitions;
	struct validation_options options;
	struct document_options form;
	struct input input;
	struct links links;
	struct report report;
	struct baseline baseline;
	bool has_baseline, write_baseline;
	unsigned threads;
	struct progress progress;
};
/* Runs everything through. False when it could not be done to the end. */
bool validate_run(struct validate *v, struct error *err) MUST_USE;

#endif
