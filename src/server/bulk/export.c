/* See export.h: the files, the manifest, the job. */
#include "server/bulk/export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum { BUFFER = 1 << 20, PROGRESS_EVERY = 1000, TYPE_NAME = 64, LINGER_US = 10000 };
#define FILE_BYTES ((uint64_t)64 << 20)
#define KEEP_MS	   ((int64_t)24 * 3600 * 1000)
#define MAX_LIST   ((size_t)64 << 20)

/* A file that is finished, for the manifest. */
struct output {
	char type[TYPE_NAME];
	uint64_t count;
	size_t number;
};

enum list { LIST_OUTPUT, LIST_DELETED, LIST_ERROR, LIST_COUNT };

struct export
{
	const struct bulk_export *b;
	struct rest_export *e;
	struct job *job;
	struct arena arena;
	struct bulk_spoiling spoiling;
	struct output *outputs[LIST_COUNT];
	size_t counts[LIST_COUNT], capacities[LIST_COUNT];
	/* the file that is being written */
	int fd; /* -1: none */
	enum list list;
	size_t number; /* of the newest file */
	uint64_t lines, bytes;
	char type[TYPE_NAME];
	struct buf buffer, last;
	uint64_t resources;
	FILE *beside; /* lines that come after everything else; NULL: none are wanted */
};

static void export_free(void *ctx)
{
	struct export *x = ctx;
	if (x->fd >= 0)
		close(x->fd);
	if (x->beside)
		fclose(x->beside);
	for (size_t i = 0; i < LIST_COUNT; i++)
		free(x->outputs[i]);
	buf_done(&x->buffer);
	buf_done(&x->last);
	rest_export_free(x->e);
	arena_done(&x->arena);
	free(x);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static bool write_all(int fd, struct str bytes, struct error *err)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set(err, errno == ENOSPC ? ERR_STORE_FULL : ERR_IO,
					 "An export's file cannot be written: %s", strerror(errno));
		bytes = str_slice(bytes, (size_t)n, bytes.n);
	}
	return true;
}

static bool flush(struct export *x, struct error *err)
{
	bool ok = write_all(x->fd, buf_str(&x->buffer), err);
	buf_reset(&x->buffer);
	return ok;
}

static bool note_output(struct export *x, struct error *err)
{
	size_t *count = &x->counts[x->list], *capacity = &x->capacities[x->list];
	if (*count == *capacity) {
		size_t more = *capacity ? *capacity * 2 : 64;
		struct output *all = realloc(x->outputs[x->list], more * sizeof(*all));
		if (!all)
			return error_memory(err);
		x->outputs[x->list] = all;
		*capacity = more;
	}
	struct output *o = &x->outputs[x->list][(*count)++];
	memcpy(o->type, x->type, TYPE_NAME);
	o->count = x->lines + x->spoiling.miscount;
	o->number = x->number;
	return true;
}

static bool close_file(struct export *x, struct error *err)
{
	if (x->fd < 0)
		return true;
	bool ok = flush(x, err) && (fsync(x->fd) == 0 || error_set(err, ERR_IO, "An export's file cannot be synced")) &&
		  note_output(x, err);
	close(x->fd);
	x->fd = -1;
	if (ok)
		job_file_share(x->job, x->number);
	return ok;
}

static bool open_file(struct export *x, enum list list, struct str type, struct error *err)
{
	x->list = list;
	x->lines = x->bytes = 0;
	memset(x->type, 0, TYPE_NAME);
	memcpy(x->type, type.p, type.n < TYPE_NAME ? type.n : TYPE_NAME - 1);
	x->fd = job_file_make(x->job, x->number + 1, err);
	x->number += x->fd >= 0;
	return x->fd >= 0;
}

static bool add_line(struct export *x, struct str line, struct error *err)
{
	buf_add(&x->buffer, line);
	buf_char(&x->buffer, '\n');
	x->lines++;
	x->bytes += line.n + 1;
	if (!buf_ok(&x->buffer))
		return error_memory(err);
	return x->buffer.n < BUFFER || flush(x, err);
}

static bool is_full(const struct export *x, size_t more)
{
	uint64_t most = x->b->file_bytes ? x->b->file_bytes : FILE_BYTES;
	return x->lines && (x->bytes + more > most || (x->spoiling.most_lines && x->lines >= x->spoiling.most_lines));
}

static bool put(struct export *x, enum list list, struct str type, struct str line, struct error *err)
{
	bool same = x->fd >= 0 && x->list == list && str_is(type, x->type);
	bool full = same && is_full(x, line.n + 1);
	if (job_stopped(x->job))
		return error_set(err, ERR_INTERRUPTED, "The export was stopped");
	if ((!same || full) && (!close_file(x, err) || !open_file(x, list, type, err)))
		return false;
	if (full && x->spoiling.repeat && x->last.n && !add_line(x, buf_str(&x->last), err))
		return false;
	if (x->spoiling.repeat || x->spoiling.truncate) {
		buf_reset(&x->last);
		buf_add(&x->last, line);
	}
	return add_line(x, line, err);
}

/* ---- what the walk gives ---------------------------------------------------------------------------------------- */

static void tell_progress(struct export *x)
{
	struct str own = STR_NULL;
	struct arena a;
	arena_init(&a, 4096);
	if (x->b->progress)
		own = x->b->progress(x->b->ctx, &a, x->resources);
	if (own.p)
		job_progress(x->job, "%.*s", STR_ARG(own));
	else
		job_progress(x->job, "%llu resources", (unsigned long long)x->resources);
	arena_done(&a);
}

static bool keep_beside(struct export *x, const struct fhir_type *type, struct str line, struct error *err)
{
	struct buf more;
	if (!x->beside)
		return true;
	buf_init(&more, 1 << 20);
	x->b->beside(x->b->ctx, type, line, &more);
	bool ok = buf_ok(&more) && fwrite(more.p ? more.p : "", 1, more.n, x->beside) == more.n;
	buf_done(&more);
	return ok || error_set(err, ERR_STORE_FULL, "What is beside the resources cannot be kept");
}

static bool put_beside(struct export *x, struct error *err)
{
	char *text = NULL;
	size_t size = 0;
	bool ok = true;
	if (!x->beside)
		return true;
	rewind(x->beside);
	for (ssize_t n; ok && (n = getline(&text, &size, x->beside)) > 1;)
		ok = put(x, LIST_OUTPUT, S("Provenance"), str_make(text, (size_t)n - 1), err);
	free(text);
	return ok;
}

static bool take_line(void *ctx, const struct fhir_type *type, struct str line, struct error *err)
{
	struct export *x = ctx;
	if (x->resources++ % PROGRESS_EVERY == 0)
		tell_progress(x);
	return keep_beside(x, type, line, err) && put(x, LIST_OUTPUT, type->name, line, err);
}

/* http://hl7.org/fhir/uv/bulkdata/export.html: a transaction Bundle with the deletion. */
static bool take_gone(void *ctx, const struct fhir_type *type, struct str id, struct error *err)
{
	struct export *x = ctx;
	struct buf line;
	buf_init(&line, 4096);
	buf_printf(
		&line,
		"{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{\"request\":{\"method\":\"DELETE\","
		"\"url\":\"%.*s/%.*s\"}}]}",
		STR_ARG(type->name), STR_ARG(id));
	bool ok = buf_ok(&line) ? put(x, LIST_DELETED, S("Bundle"), buf_str(&line), err) : error_memory(err);
	buf_done(&line);
	return ok;
}

static bool put_errors(struct export *x, struct error *err)
{
	struct buf text;
	bool ok = true;
	if (!x->b->errors)
		return true;
	buf_init(&text, (size_t)16 << 20);
	x->b->errors(x->b->ctx, x->e, &text);
	struct str rest = buf_str(&text);
	while (ok && rest.n) {
		struct str line = str_split(&rest, '\n');
		ok = !line.n || put(x, LIST_ERROR, S("OperationOutcome"), line, err);
	}
	buf_done(&text);
	return ok;
}

/* ---- the manifest -------------------------------------------------------------------------------------------------
 */

static struct str url_of(const struct export *x, struct arena *a, size_t number)
{
	struct str job = str_make(job_id(x->job), JOB_ID_SIZE);
	if (x->b->file_url)
		return x->b->file_url(x->b->ctx, a, job, number);
	return arena_printf(a, "%.*s/_async/%.*s/files/%zu", STR_ARG(x->b->base), STR_ARG(job), number);
}

static void put_list(struct export *x, struct json_writer *w, const char *name, enum list list)
{
	struct arena a;
	arena_init(&a, 1 << 16);
	json_key(w, str_from(name));
	json_array_begin(w);
	for (size_t i = 0; i < x->counts[list]; i++) {
		const struct output *o = &x->outputs[list][i];
		json_object_begin(w);
		json_put_member(w, S("type"), str_from(o->type));
		json_put_member(w, S("url"), url_of(x, &a, o->number));
		if (!x->b->no_counts || x->spoiling.miscount) {
			json_key(w, S("count"));
			json_put_i64(w, (int64_t)o->count);
		}
		json_object_end(w);
		arena_reset(&a);
	}
	json_array_end(w);
	arena_done(&a);
}

static void write_manifest(struct export *x, struct buf *out)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("transactionTime"), rest_instant(&x->arena, rest_export_time(x->e)));
	json_put_member(&w, S("request"), rest_export_request(x->e));
	json_key(&w, S("requiresAccessToken"));
	json_put_bool(&w, x->b->guarded);
	put_list(x, &w, "output", LIST_OUTPUT);
	if (!x->b->no_counts || x->counts[LIST_DELETED])
		put_list(x, &w, "deleted", LIST_DELETED);
	put_list(x, &w, "error", LIST_ERROR);
	json_object_end(&w);
}

/* ---- the job ------------------------------------------------------------------------------------------------------
 */

/* The end of the last line goes, as when a disk filled up. */
static bool truncate_last(struct export *x, struct error *err)
{
	if (!x->spoiling.truncate || x->fd < 0)
		return true;
	return flush(x, err) && (ftruncate(x->fd, (off_t)(x->bytes - x->last.n / 2)) == 0 ||
				 error_set(err, ERR_IO, "An export's file cannot be cut"));
}

static bool linger(struct export *x, int64_t started_ms, struct error *err)
{
	while (!job_stopped(x->job) && clock_now_ms() < started_ms + x->b->least_ms)
		usleep(LINGER_US);
	return !job_stopped(x->job) || error_set(err, ERR_INTERRUPTED, "The export was stopped");
}

static bool make_files(struct export *x, struct error *err)
{
	const struct rest_export_sink sink = {take_line, take_gone, x};
	return rest_export_run(x->e, &sink, err) && put_beside(x, err) && truncate_last(x, err) && close_file(x, err) &&
	       put_errors(x, err) && close_file(x, err);
}

static void fail(struct export *x, const struct error *err)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	rest_outcome_write(&out, error_issue_type(err->code), str_from(err->text));
	job_fail(x->job, buf_str(&out));
	buf_done(&out);
}

static void export_run(void *ctx, struct job *job)
{
	struct export *x = ctx;
	struct error err = {0};
	struct buf out;
	int64_t started_ms = clock_now_ms();
	x->job = job;
	if (x->b->spoil)
		x->b->spoil(x->b->ctx, &x->spoiling);
	if (!make_files(x, &err) || !linger(x, started_ms, &err)) {
		fail(x, &err);
		return;
	}
	buf_init(&out, MAX_LIST);
	write_manifest(x, &out);
	if (buf_ok(&out)) {
		job_finish(job, S("application/json"), buf_str(&out));
	} else {
		error_memory(&err);
		fail(x, &err);
	}
	buf_done(&out);
}

bool bulk_export_start(void *ctx, struct rest_call *call, struct rest_export *e, struct rest_answer *answer,
		       struct error *err)
{
	struct export *x = calloc(1, sizeof(*x));
	const struct bulk_export *b = ctx;
	if (!x)
		return error_memory(err);
	x->b = b;
	x->fd = -1;
	arena_init(&x->arena, (size_t)1 << 20);
	buf_init(&x->buffer, ((size_t)64 << 20) + 2 * BUFFER);
	buf_init(&x->last, (size_t)64 << 20);
	bool beside = b->wants_beside && b->wants_beside(b->ctx, call);
	x->beside = beside ? tmpfile() : NULL;
	const struct job_work work = {.run = export_run,
				      .free = export_free,
				      .ctx = x,
				      .owner = call_owner(call),
				      .keep_ms = b->keep_ms ? b->keep_ms : KEEP_MS};
	if (beside && !x->beside)
		error_set(err, ERR_STORE_FULL, "What is beside the resources cannot be kept");
	else if (!b->accepted || b->accepted(b->ctx, call, err)) {
		x->e = e;
		if (rest_accept_job(call, &work, answer, err))
			return true;
	}
	/* The walk stays the caller's. */
	if (x->beside)
		fclose(x->beside);
	buf_done(&x->buffer);
	buf_done(&x->last);
	arena_done(&x->arena);
	free(x);
	return false;
}
