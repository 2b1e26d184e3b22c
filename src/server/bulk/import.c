/* See import.h: the request, the job, and what it leaves behind. */
#include "server/bulk/import.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/bulk/sources.h"

enum { FETCH_MS = 24 * 3600 * 1000, CONNECT_MS = 20000 };

struct load {
	const struct bulk_import *b;
	struct arena arena;
	int file; /* the upload, -1: none */
	struct bulk_source *sources; /* or from where */
	size_t source_count;
	struct str owner, address, request_id;
	struct job *job;
	uint64_t failures, unnoted;
	int64_t started_ms;
};

static void load_free(void *ctx)
{
	struct load *l = ctx;
	if (l->file >= 0)
		close(l->file);
	arena_done(&l->arena);
	free(l);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static void note(struct load *l, const char *issue_type, struct str text)
{
	struct buf line;
	buf_init(&line, 64 * 1024);
	rest_outcome_write(&line, issue_type, text);
	l->failures++;
	if (!buf_ok(&line) || !job_note(l->job, buf_str(&line)))
		l->unnoted++;
	buf_done(&line);
}

static void report(void *ctx, const struct bulk_failure *f)
{
	char text[700];
	size_t n;
	if (f->line && f->column)
		n = (size_t)snprintf(text, sizeof(text), "%.*s:%zu:%zu: %.*s", STR_ARG(f->file), f->line, f->column,
				     STR_ARG(f->text));
	else if (f->line)
		n = (size_t)snprintf(text, sizeof(text), "%.*s:%zu: %.*s", STR_ARG(f->file), f->line, STR_ARG(f->text));
	else
		n = (size_t)snprintf(text, sizeof(text), "%.*s: %.*s", STR_ARG(f->file), STR_ARG(f->text));
	note(ctx, "processing", str_make(text, n < sizeof(text) ? n : sizeof(text) - 1));
}

static void progress(void *ctx, const struct bulk_progress *p)
{
	struct load *l = ctx;
	if (p->total)
		job_progress(l->job, "%llu resources, %d%% of what is known to come", (unsigned long long)p->resources,
			     (int)(100.0 * (double)p->bytes / (double)p->total));
	else
		job_progress(l->job, "%llu resources", (unsigned long long)p->resources);
}

static bool stopped(void *ctx)
{
	const struct load *l = ctx;
	return job_stopped(l->job);
}

/* The name of a source in reports: which one, not its URL, which may hold a secret. */
static bool read_source(struct load *l, struct bulk *bulk, struct http_client *client, size_t i, struct error *err)
{
	struct arena a;
	struct error failed = {0};
	const struct http_file into = {.stopped = stopped, .ctx = l};
	struct str name = arena_printf(&l->arena, "input %zu", i + 1);
	arena_init(&a, 1 << 20);
	int fd = bulk_source_fetch(l->b, client, &a, &l->sources[i], &into, &failed);
	arena_done(&a);
	if (fd >= 0)
		return bulk_read_lines(bulk, fd, name, err);
	char text[500];
	int n = snprintf(text, sizeof(text), "%.*s could not be fetched: %s", STR_ARG(name), failed.text);
	note(l, error_issue_type(failed.code), str_make(text, (size_t)n));
	return true;
}

static bool read_sources(struct load *l, struct bulk *bulk, struct error *err)
{
	const struct http_client_options options = {.timeout_ms = FETCH_MS, .connect_timeout_ms = CONNECT_MS};
	struct http_client *client = http_client_new(&options, err);
	bool ok = client != NULL;
	for (size_t i = 0; ok && i < l->source_count && !job_stopped(l->job); i++)
		ok = read_source(l, bulk, client, i, err);
	if (client)
		http_client_free(client);
	return ok;
}

static void put_outputs(struct json_writer *w, const struct load *l, const struct bulk_counts *counts)
{
	json_key(w, S("output"));
	json_array_begin(w);
	for (size_t i = 0; counts->by_type && i < definitions_resource_count(l->b->definitions); i++) {
		const struct fhir_type *type = definitions_resource_at(l->b->definitions, i);
		if (!counts->by_type[type->id])
			continue;
		json_object_begin(w);
		json_put_member(w, S("type"), type->name);
		json_key(w, S("count"));
		json_put_i64(w, counts->by_type[type->id]);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_errors(struct json_writer *w, struct load *l)
{
	json_key(w, S("error"));
	json_array_begin(w);
	if (l->failures) {
		json_object_begin(w);
		json_put_member(w, S("type"), S("OperationOutcome"));
		json_key(w, S("count"));
		json_put_i64(w, (int64_t)(l->failures - l->unnoted));
		json_put_member(w, S("url"),
				arena_printf(&l->arena, "%.*s/_async/%.*s/errors", STR_ARG(l->b->base), JOB_ID_SIZE,
					     job_id(l->job)));
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_manifest(struct load *l, const struct bulk_counts *counts, struct buf *out)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("transactionTime"), rest_instant(&l->arena, l->started_ms));
	json_put_member(&w, S("request"), arena_printf(&l->arena, "%.*s/$import", STR_ARG(l->b->base)));
	put_outputs(&w, l, counts);
	put_errors(&w, l);
	json_key(&w, S("imported"));
	json_put_i64(&w, (int64_t)counts->resources);
	json_key(&w, S("rejected"));
	json_put_i64(&w, (int64_t)counts->rejected);
	json_key(&w, S("stopped"));
	json_put_bool(&w, job_stopped(l->job));
	json_object_end(&w);
}

static void load_run(void *ctx, struct job *job)
{
	struct load *l = ctx;
	struct error err = {0};
	struct bulk_counts counts = {0};
	struct buf out;
	const struct bulk_options options = {.definitions = l->b->definitions,
					     .parameters = l->b->parameters,
					     .store = l->b->store,
					     .knowledge = l->b->knowledge,
					     .base = l->b->base,
					     .threads = l->b->threads,
					     .agent = l->owner,
					     .address = l->address,
					     .request_id = l->request_id,
					     .report = report,
					     .progress = progress,
					     .stopped = stopped,
					     .ctx = l};
	l->job = job;
	l->started_ms = clock_now_ms();
	struct bulk *bulk = bulk_open(&options, &err);
	bool ok = bulk != NULL;
	if (ok && l->file >= 0) {
		ok = bulk_read_lines(bulk, l->file, S("upload"), &err);
		l->file = -1;
	} else if (ok) {
		ok = read_sources(l, bulk, &err);
	}
	ok = bulk && bulk_finish(bulk, &counts, &err) && ok;
	if (!ok)
		note(l, error_issue_type(err.code), str_from(err.text));
	buf_init(&out, 1 << 20);
	write_manifest(l, &counts, &out);
	bulk_close(bulk);
	job_finish(job, S("application/json"), buf_str(&out));
	buf_done(&out);
}

/* ---- the request ------------------------------------------------------------------------------------------------- */

/* A body that was small enough, or came to a server that does not spool. */
static int body_as_file(struct str body, struct error *err)
{
	int fd = memfd_create("firth-import", MFD_CLOEXEC);
	while (fd >= 0 && body.n) {
		ssize_t n = write(fd, body.p, body.n);
		if (n <= 0) {
			close(fd);
			fd = -1;
			break;
		}
		body = str_slice(body, (size_t)n, body.n);
	}
	if (fd >= 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	error_memory(err);
	return -1;
}

static bool take_input(struct load *l, struct rest_call *call, struct error *err)
{
	struct str type = http_request_header(call->exchange, "Content-Type"), name = str_trim(str_split(&type, ';'));
	if (rest_is_ndjson(name)) {
		l->file = http_request_take_file(call->exchange);
		if (l->file < 0)
			l->file = body_as_file(call->request->body, err);
		return l->file >= 0;
	}
	if (!str_eq_nocase(name, S("application/fhir+json")) && !str_eq_nocase(name, S("application/json")))
		return error_set(err, ERR_MEDIA_TYPE,
				 "The body of $import is application/fhir+ndjson (the resources themselves) or "
				 "application/fhir+json (where to fetch them)");
	/* The texts of the sources are those of the body, which goes with the request. */
	struct str body = arena_str(&l->arena, call->request->body);
	const struct json *json = body.p ? json_parse(&l->arena, body, 0, err) : NULL;
	return json && bulk_sources_read(l->b, &l->arena, json, &l->sources, &l->source_count, err);
}

static bool keep_texts(struct load *l, const struct rest_call *call, struct error *err)
{
	l->owner = arena_str(&l->arena, call_owner(call));
	l->address = arena_str(&l->arena, call->request->address);
	l->request_id = arena_str(&l->arena, call->request->request_id);
	return (l->owner.p && l->address.p && l->request_id.p) || error_memory(err);
}

bool bulk_import_start(void *ctx, struct rest_call *call, struct rest_answer *answer, struct error *err)
{
	struct load *l = calloc(1, sizeof(*l));
	if (!l)
		return error_memory(err);
	l->b = ctx;
	l->file = -1;
	arena_init(&l->arena, (size_t)16 << 20);
	const struct job_work work = {.run = load_run, .free = load_free, .ctx = l, .owner = call_owner(call)};
	if (take_input(l, call, err) && keep_texts(l, call, err) && rest_accept_job(call, &work, answer, err))
		return true;
	load_free(l);
	return false;
}
