/*
 * The journal of an export: one file of lines, each an event, written as it happens and synced before what follows from
 * it. A line that is cut off by the end of a process is as if it had not been. What it says of a file is believed only
 * after the file was looked through again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export/export_priv.h"

enum { MAX_PATH = 4096 };
#define MAX_JOURNAL ((size_t)512 << 20)

static bool path_of(const struct run *r, const char *name, char path[MAX_PATH])
{
	return (size_t)snprintf(path, MAX_PATH, "%.*s/%s", STR_ARG(r->directory), name) < MAX_PATH;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static bool put(struct run *r, struct buf *line, bool sync, struct error *err)
{
	buf_char(line, '\n');
	struct str bytes = buf_str(line);
	if (!buf_ok(line))
		return error_memory(err);
	while (bytes.n) {
		ssize_t n = write(r->journal, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return run_fail("The journal of the export cannot be written", err);
		bytes = str_slice(bytes, (size_t)n, bytes.n);
	}
	return !sync || fdatasync(r->journal) == 0 || run_fail("The journal of the export cannot be synced", err);
}

static struct json_writer begin(struct buf *line, const char *event)
{
	buf_init(line, EXPORT_MAX_MANIFEST + 4096);
	struct json_writer w = json_writer(line);
	json_object_begin(&w);
	json_put_member(&w, S("event"), str_from(event));
	return w;
}

static bool end(struct run *r, struct json_writer *w, struct buf *line, bool sync, struct error *err)
{
	json_object_end(w);
	bool ok = put(r, line, sync, err);
	buf_done(line);
	return ok;
}

bool journal_kick(struct run *r, struct error *err)
{
	struct buf line;
	struct json_writer w = begin(&line, "kick-off");
	json_put_member(&w, S("request"), r->request);
	r->kicked = true;
	return end(r, &w, &line, true, err);
}

bool journal_accepted(struct run *r, struct str status, struct error *err)
{
	struct buf line;
	struct json_writer w = begin(&line, "accepted");
	json_put_member(&w, S("status"), status);
	r->status = status;
	r->kicked = false;
	return end(r, &w, &line, true, err);
}

/* The server said no, so nothing is under way there. */
bool journal_refused(struct run *r, struct error *err)
{
	struct buf line;
	struct json_writer w = begin(&line, "refused");
	r->kicked = false;
	return end(r, &w, &line, true, err);
}

bool journal_manifest(struct run *r, struct error *err)
{
	struct buf line;
	struct json_writer w = begin(&line, "manifest");
	json_put_member(&w, S("manifest"), r->manifest); /* as text: one line, whatever form it came in */
	return end(r, &w, &line, true, err);
}

bool journal_file(struct run *r, const struct export_file *f, struct error *err)
{
	struct buf line;
	struct json_writer w = begin(&line, "file");
	json_key(&w, S("number"));
	json_put_i64(&w, f->number);
	json_put_member(&w, S("sha256"), str_from(f->counts.sha256));
	return end(r, &w, &line, false, err);
}

bool journal_end(struct run *r, const char *how, struct error *err)
{
	struct buf line;
	struct json_writer w = begin(&line, how);
	r->status = STR_NULL;
	return end(r, &w, &line, true, err);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static void forget(struct run *r)
{
	r->request = r->status = r->manifest = STR_NULL;
	r->kicked = false;
	r->file_count = 0;
}

static bool take_file(struct run *r, const struct json *event)
{
	uint64_t number;
	struct str sum = json_get_str(event, S("sha256"));
	if (!str_to_u64(json_number(json_get(event, S("number"))), &number) || number >= r->file_count || sum.n != 64)
		return true;
	memcpy(r->files[number].known_sha256, sum.p, 64);
	r->files[number].known = true;
	return true;
}

static bool take_event(struct run *r, const struct json *event, struct error *err)
{
	struct str name = json_get_str(event, S("event"));
	if (str_is(name, "kick-off")) {
		forget(r);
		r->request = arena_str(r->a, json_get_str(event, S("request")));
		r->kicked = true;
	} else if (str_is(name, "accepted")) {
		r->status = arena_str(r->a, json_get_str(event, S("status")));
		r->kicked = false;
	} else if (str_is(name, "refused") || str_is(name, "cancelled")) {
		forget(r);
	} else if (str_is(name, "manifest")) {
		return manifest_take(r, arena_str(r->a, json_get_str(event, S("manifest"))), r->file_count > 0, err);
	} else if (str_is(name, "file")) {
		return take_file(r, event);
	}
	return true;
}

static bool read_events(struct run *r, FILE *file, off_t *ret_good, struct error *err)
{
	char *line = NULL;
	size_t room = 0;
	bool ok = true;
	struct arena a;
	arena_init(&a, 4 * EXPORT_MAX_MANIFEST);
	for (ssize_t n; ok && (n = getline(&line, &room, file)) > 0;) {
		struct error why = {0};
		const struct json *event =
			line[n - 1] == '\n' ? json_parse(&a, str_make(line, (size_t)n - 1), 0, &why) : NULL;
		if (!event)
			break; /* cut off */
		*ret_good += n;
		ok = take_event(r, event, err);
		arena_reset(&a);
	}
	arena_done(&a);
	free(line);
	return ok;
}

bool journal_open(struct run *r, struct error *err)
{
	char path[MAX_PATH];
	off_t good = 0;
	if (!path_of(r, "", path) || (mkdir(path, 0700) != 0 && errno != EEXIST))
		return run_fail("The directory of the export cannot be made", err);
	if (!path_of(r, "export.journal", path))
		return error_memory(err);
	r->journal = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (r->journal < 0)
		return run_fail("The journal of the export cannot be opened", err);
	struct flock only = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	/* A lock of the open file: it stays when the copy below is closed. */
	if (fcntl(r->journal, F_OFD_SETLK, &only) != 0)
		return error_set(err, ERR_BUSY, "Another process exports into this directory");
	int copy = dup(r->journal);
	FILE *file = copy >= 0 ? fdopen(copy, "r") : NULL;
	if (!file) {
		if (copy >= 0)
			close(copy);
		return run_fail("The journal of the export cannot be read", err);
	}
	bool ok = read_events(r, file, &good, err);
	if (ok && ftruncate(r->journal, good) != 0)
		ok = run_fail("The journal of the export cannot be mended", err);
	fclose(file);
	return ok;
}

bool journal_start(struct run *r, struct error *err)
{
	char path[MAX_PATH], old[MAX_PATH];
	forget(r);
	if (!path_of(r, "export.journal", path) || !path_of(r, "export.journal.before", old))
		return error_memory(err);
	close(r->journal);
	r->journal = -1;
	if (rename(path, old) != 0 && errno != ENOENT)
		return run_fail("The journal of the export before cannot be put aside", err);
	return journal_open(r, err);
}

void journal_close(struct run *r)
{
	if (r->journal >= 0)
		close(r->journal);
	r->journal = -1;
}
