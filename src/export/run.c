/* One export from its beginning, or from wherever the run before ended, to its certificate. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "export/export_priv.h"

enum { SLICE_MS = 100, MAX_SAY = 400 };

bool run_stopped(const struct run *r)
{
	return r->o->stopped && r->o->stopped(r->o->ctx);
}

void run_say(const struct run *r, const char *format, ...)
{
	char text[MAX_SAY];
	va_list args;
	if (!r->o->say)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	r->o->say(r->o->ctx, text);
}

int64_t run_backoff(const struct run *r, int64_t first_ms, int64_t most_ms, unsigned doublings)
{
	int64_t wait = first_ms;
	for (unsigned i = 0; i < doublings && wait < most_ms; i++)
		wait *= 2;
	wait = wait < most_ms ? wait : most_ms;
	return r->o->poll_ms && r->o->poll_ms < wait ? r->o->poll_ms : wait;
}

bool run_fail(const char *what, struct error *err)
{
	return error_set(err, errno == ENOSPC ? ERR_STORE_FULL : ERR_IO, "%s: %s", what, strerror(errno));
}

struct str run_issue_words(const struct json *issue)
{
	struct str text = json_get_str(issue, S("diagnostics"));
	return text.n ? text : json_get_str(json_get(issue, S("details")), S("text"));
}

bool run_wait(const struct run *r, int64_t ms, struct error *err)
{
	int64_t until = clock_now_ms() + ms;
	while (!run_stopped(r) && !atomic_load(&r->failing)) {
		int64_t left = until - clock_now_ms();
		if (left <= 0)
			return true;
		left = left < SLICE_MS ? left : SLICE_MS;
		const struct timespec t = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
		nanosleep(&t, NULL);
	}
	return error_set(err, ERR_INTERRUPTED, "The export was stopped; the same command goes on with it");
}

bool run_turn(void *run, int64_t ms, struct error *err)
{
	return run_wait(run, ms, err);
}

size_t run_type(struct run *r, struct str name)
{
	for (size_t i = 0; i < r->type_count; i++)
		if (str_eq(r->types[i].name, name))
			return i;
	if (r->type_count == EXPORT_MAX_TYPES || !definitions_resource(r->o->definitions, name))
		return EXPORT_MAX_TYPES;
	/* The text of the definitions lives as long as the process. */
	r->types[r->type_count].name = definitions_resource(r->o->definitions, name)->name;
	r->types[r->type_count].counted = true;
	return r->type_count++;
}

struct str run_path(const struct run *r, struct arena *a, const struct export_file *f, bool part)
{
	static const char *const prefix[] = {"", "deleted.", "error."};
	return arena_printf(a, "%.*s/%s%.*s.%03u.ndjson%s", STR_ARG(r->directory), prefix[f->list], STR_ARG(f->type),
			    f->of_type, part ? ".part" : "");
}

/* ---- beginning ----------------------------------------------------------------------------------------------------
 */

static bool names_type(struct str list, struct str type)
{
	while (list.p)
		if (str_eq(str_trim(str_split(&list, ',')), type))
			return true;
	return false;
}

/* What is expected of each type, before any file is there. */
static void expect(struct run *r)
{
	for (struct str rest = r->o->types; rest.n;)
		run_type(r, str_trim(str_split(&rest, ',')));
	for (size_t i = 0; i < r->file_count; i++) {
		const struct export_file *f = &r->files[i];
		size_t row = f->list == EXPORT_OUTPUT ? run_type(r, f->type) : EXPORT_MAX_TYPES;
		if (row == EXPORT_MAX_TYPES)
			continue;
		struct export_type_count *t = &r->types[row];
		t->files++;
		t->exported = true;
		t->counted = t->counted && f->promised >= 0;
		t->promised += f->promised > 0 ? (uint64_t)f->promised : 0;
	}
}

/* References to what was not asked for do not miss anything. */
static void settle_types(struct run *r)
{
	for (size_t i = 0; i < r->type_count; i++)
		r->types[i].exported =
			r->types[i].exported || !r->o->types.n || names_type(r->o->types, r->types[i].name);
	for (size_t i = 0; i < r->file_count; i++) {
		const struct export_file *f = &r->files[i];
		size_t row = f->list == EXPORT_OUTPUT ? run_type(r, f->type) : EXPORT_MAX_TYPES;
		if (row < EXPORT_MAX_TYPES)
			r->types[row].lines += f->counts.lines - f->counts.bad_lines;
	}
}

static bool open_run(struct run *r, const struct export_options *o, struct arena *a, struct error *err)
{
	*r = (struct run){.o = o, .a = a, .journal = -1};
	pthread_mutex_init(&r->lock, NULL);
	buf_init(&r->outcome_words, 1 << 20);
	r->directory = arena_str(a, o->directory);
	r->base = ehr_client_config(o->client)->base_url;
	return (r->directory.p || error_memory(err)) && journal_open(r, err);
}

static void close_run(struct run *r)
{
	set_close(&r->ids);
	set_close(&r->references);
	journal_close(r);
	buf_done(&r->outcome_words);
	pthread_mutex_destroy(&r->lock);
}

/* Is what the journal knows what is asked for now? */
static bool check_same(struct run *r, struct error *err)
{
	struct str url, body;
	struct str known = r->request;
	if (!planner_request(r, &url, &body, err))
		return false;
	if (!known.p || str_eq(known, url))
		return true;
	return error_set(
		err, ERR_CONFLICT,
		"The directory holds another export: take another directory, or --again to put that one aside");
}

static bool begin(struct run *r, struct error *err)
{
	if (r->o->again && (r->request.p || r->kicked) && !journal_start(r, err))
		return false;
	if (!check_same(r, err))
		return false;
	if (r->kicked)
		return error_set(
			err, ERR_CONFLICT,
			"A kick-off was sent and its answer is not known, so an export may be under way at the "
			"server; --again sends another");
	if (!r->status.p && !r->manifest.p) {
		if (!kick_off(r, err))
			return false;
		run_say(r, "the server took the export");
	} else if (!r->manifest.p) {
		run_say(r, "going on with the export that is under way");
	}
	return r->manifest.p || kick_wait(r, false, err);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------
 */

static bool run_all(struct run *r, struct export_result *ret_result, struct error *err)
{
	if (!begin(r, err) || !set_open(&r->ids, r->directory, "ids", err) ||
	    !set_open(&r->references, r->directory, "references", err))
		return false;
	expect(r);
	run_say(r, "%zu files to fetch", r->file_count);
	if (!export_fetch_all(r, err))
		return false;
	settle_types(r);
	if (!aftermath_outcomes(r, err) || !aftermath_deletions(r, err) || !aftermath_sets(r, err) ||
	    !certificate_write(r, ret_result, err))
		return false;
	return !r->o->onto.n || !ret_result->complete || onto_apply(r, err);
}

bool export_run(const struct export_options *o, struct arena *a, struct export_result *ret_result, struct error *err)
{
	struct run *r = calloc(1, sizeof(*r)); /* too large for a stack */
	if (!r)
		return error_memory(err);
	bool ok = open_run(r, o, a, err) && run_all(r, ret_result, err);
	close_run(r);
	free(r);
	return ok;
}

bool export_cancel(const struct export_options *o, struct error *err)
{
	struct arena a;
	struct run *r = calloc(1, sizeof(*r));
	if (!r)
		return error_memory(err);
	arena_init(&a, (size_t)256 << 20);
	bool ok = open_run(r, o, &a, err);
	if (ok && !r->status.p)
		ok = error_set(err, ERR_NOT_FOUND,
			       r->kicked ? "The answer to the kick-off is not known, so there is no "
					   "address to cancel it at"
					 : "There is no export in this directory");
	ok = ok && kick_cancel(r, err);
	close_run(r);
	arena_done(&a);
	free(r);
	return ok;
}
