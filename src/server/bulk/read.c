/*
 * Reading the input of an import: files and directories in a fixed order, plain or gzip. A document is read whole;
 * NDJSON streams through in pieces of whole lines, so its size does not matter.
 */
#include "server/bulk/bulk_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

struct source {
	struct bulk *im;
	struct str name;
	gzFile stream;
	size_t line; /* number of the line that comes next */
	bool lines; /* NDJSON */
};

static void unreadable(struct bulk *im, struct str file, size_t line, const char *text)
{
	im->counts.unreadable++;
	im->counts.rejected++;
	bulk_report(im, file, line, 0, text);
}

/* The file's name without ".gz". */
static struct str plain_name(struct str name)
{
	return str_ends(name, S(".gz")) ? str_slice(name, 0, name.n - 3) : name;
}

static bool named_as_lines(struct str name)
{
	return str_ends(plain_name(name), S(".ndjson")) || str_ends(plain_name(name), S(".jsonl"));
}

static bool wanted(struct str name)
{
	return str_ends(plain_name(name), S(".json")) || named_as_lines(name);
}

/* Does the text begin like NDJSON: a line that is an object of its own, and another after it? */
static bool looks_like_lines(struct str text)
{
	size_t end = str_find_char(text, '\n', 0);
	if (end == STR_NONE)
		return false;
	struct str first = str_trim(str_slice(text, 0, end));
	struct str rest = str_trim(str_slice(text, end, text.n));
	return first.n > 1 && first.p[0] == '{' && first.p[first.n - 1] == '}' && rest.n && rest.p[0] == '{';
}

/* Reads up to `want` bytes onto the job's text. Returns how many, 0 at the end, -1 on failure (reported). */
static long read_more(struct source *s, struct bulk_job *job, size_t want)
{
	char *room = buf_reserve(&job->text, want);
	if (!room) {
		unreadable(s->im, s->name, 0, "not enough memory to read on");
		return -1;
	}
	size_t got = 0;
	while (got < want) {
		int n = gzread(s->stream, room + got, (unsigned)(want - got));
		if (n < 0) {
			int code;
			const char *text = gzerror(s->stream, &code);
			unreadable(s->im, s->name, 0, code == Z_ERRNO ? strerror(errno) : text);
			return -1;
		}
		if (n == 0)
			break;
		got += (size_t)n;
	}
	job->text.n += got;
	z_off_t at = gzoffset(s->stream);
	s->im->bytes_read = at > 0 ? (uint64_t)at : 0;
	bulk_progress(s->im);
	return (long)got;
}

/* A gzip file that ends in the middle is told only here. */
static bool whole(struct source *s)
{
	int code;
	gzerror(s->stream, &code);
	return code != Z_BUF_ERROR;
}

static bool end_part(struct source *s, size_t offset, size_t length, struct error *err)
{
	return bulk_part_add(
		s->im,
		&(struct bulk_part){
			.file = s->name, .offset = offset, .length = length, .line = s->line, .lines = s->lines},
		err);
}

/* The rest of a document of which the first bytes are at offset. */
static bool read_document(struct source *s, struct bulk_job *job, size_t offset, struct error *err)
{
	for (;;) {
		long n = read_more(s, job, BULK_JOB_BYTES);
		if (n < 0 || job->text.n - offset > BULK_MAX_DOCUMENT) {
			if (n >= 0)
				unreadable(s->im, s->name, 0,
					   "the document is larger than 256 MB; split it, or use NDJSON");
			job->text.n = offset;
			return true;
		}
		if (n == 0)
			break;
	}
	if (!whole(s)) {
		unreadable(s->im, s->name, 0, "the compressed file ends in the middle");
		job->text.n = offset;
		return true;
	}
	if (job->text.n == offset) {
		unreadable(s->im, s->name, 0, "the file is empty");
		return true;
	}
	return end_part(s, offset, job->text.n - offset, err);
}

static size_t count_lines(struct str text)
{
	size_t lines = 0;
	for (size_t at = str_find_char(text, '\n', 0); at != STR_NONE; at = str_find_char(text, '\n', at + 1))
		lines++;
	return lines;
}

/* Hands over the whole lines of the job's text from offset, and moves the unfinished one to the next job. */
static bool cut_lines(struct source *s, size_t *offset, bool last, struct error *err)
{
	struct bulk_job *job = s->im->current;
	struct str text = str_slice(buf_str(&job->text), *offset, job->text.n);
	size_t end = last ? text.n : str_rfind_char(text, '\n');
	if (end == STR_NONE)
		return true;
	size_t length = last ? text.n : end + 1;
	if (length == 0)
		return true;
	size_t lines = count_lines(str_slice(text, 0, length));
	struct buf carry;
	buf_init(&carry, BULK_MAX_LINE + 2 * BULK_JOB_BYTES);
	buf_add(&carry, str_slice(text, length, text.n));
	job->text.n = *offset + length;
	bool ok = end_part(s, *offset, length, err);
	s->line += lines;
	job = ok ? bulk_current(s->im) : NULL;
	if (job) {
		*offset = job->text.n;
		buf_add(&job->text, buf_str(&carry));
	}
	ok = ok && (!job || (buf_ok(&carry) && buf_ok(&job->text)) || error_memory(err));
	buf_done(&carry);
	return ok;
}

static bool read_lines(struct source *s, struct bulk_job *job, size_t offset, struct error *err)
{
	for (;;) {
		if (!cut_lines(s, &offset, false, err))
			return false;
		job = bulk_current(s->im);
		if (!job || bulk_stopped(s->im))
			return true;
		if (job->text.n - offset > BULK_MAX_LINE) {
			unreadable(s->im, s->name, s->line,
				   "the line is longer than 64 MB; the rest of the file was not read");
			job->text.n = offset;
			return true;
		}
		long n = read_more(s, job, BULK_JOB_BYTES);
		if (n < 0)
			job->text.n = offset;
		if (n <= 0)
			break;
	}
	if (!whole(s)) {
		unreadable(s->im, s->name, s->line, "the compressed file ends in the middle");
		job->text.n = offset;
		return true;
	}
	return cut_lines(s, &offset, true, err);
}

static bool read_stream(struct source *s, struct error *err)
{
	static const char mark[] = "\xef\xbb\xbf";
	struct bulk_job *job = bulk_current(s->im);
	if (!job)
		return true;
	size_t offset = job->text.n;
	long n = read_more(s, job, BULK_JOB_BYTES);
	if (n < 0) {
		job->text.n = offset;
		return true;
	}
	struct str start = str_slice(buf_str(&job->text), offset, job->text.n);
	if (str_starts(start, S("\xef\xbb\xbf"))) {
		offset += sizeof(mark) - 1;
		start = str_slice(start, sizeof(mark) - 1, start.n);
	}
	s->lines = s->lines || named_as_lines(s->name) || looks_like_lines(start);
	return s->lines ? read_lines(s, job, offset, err) : read_document(s, job, offset, err);
}

static bool read_open(struct source *s, int fd, struct error *err)
{
	struct bulk *im = s->im;
	struct stat info;
	bool ok = fstat(fd, &info) == 0;
	if (ok && S_ISDIR(info.st_mode)) {
		close(fd);
		unreadable(im, s->name, 0, "this is a directory");
		return true;
	}
	s->stream = gzdopen(fd, "rb");
	if (!s->stream) {
		close(fd);
		return error_memory(err);
	}
	gzbuffer(s->stream, 256 * 1024);
	ok = read_stream(s, err);
	gzclose_r(s->stream);
	if (info.st_size > 0)
		im->bytes_before += (uint64_t)info.st_size;
	im->bytes_read = 0;
	return ok;
}

static bool read_file(struct bulk *im, struct str path, struct error *err)
{
	struct source s = {.im = im, .name = path, .line = 1};
	bool standard = str_is(path, "-");
	int fd = standard ? dup(STDIN_FILENO) : open(path.p, O_RDONLY | O_CLOEXEC);
	if (standard)
		s.name = S("(standard input)");
	im->counts.files++;
	im->bytes_read = 0;
	if (fd < 0) {
		unreadable(im, s.name, 0, strerror(errno));
		return true;
	}
	return read_open(&s, fd, err);
}

bool bulk_read_lines(struct bulk *im, int fd, struct str name, struct error *err)
{
	struct stat info;
	struct source s = {.im = im, .name = arena_str(&im->arena, name), .line = 1, .lines = true};
	if (!s.name.p) {
		close(fd);
		return error_memory(err);
	}
	im->counts.files++;
	im->bytes_read = 0;
	if (fstat(fd, &info) == 0)
		im->bytes_total += (uint64_t)info.st_size;
	return read_open(&s, fd, err);
}

/* ---- finding files ------------------------------------------------------------------------------------------------
 */

struct files {
	struct bulk *im;
	struct str *paths;
	size_t count, capacity;
};

static bool files_add(struct files *f, struct str path, uint64_t size, struct error *err)
{
	struct str *paths = arena_grow(&f->im->arena, f->paths, f->count, &f->capacity, f->count + 1, sizeof(*paths));
	if (!paths)
		return error_memory(err);
	f->paths = paths;
	paths[f->count++] = path;
	f->im->bytes_total += size;
	return true;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool walk(struct files *f, struct str path, bool named, unsigned depth, struct error *err);

static bool walk_directory(struct files *f, struct str path, unsigned depth, struct error *err)
{
	struct dirent **entries;
	int n = scandir(path.p, &entries, visible, by_name);
	if (n < 0 || depth == 0) {
		unreadable(f->im, path, 0, n < 0 ? strerror(errno) : "directories are nested too deeply");
		n = n < 0 ? 0 : n;
		if (depth)
			return true;
	}
	bool ok = true;
	for (int i = 0; i < n; i++) {
		if (ok && depth) {
			struct str child = arena_printf(&f->im->arena, "%.*s/%s", STR_ARG(path), entries[i]->d_name);
			ok = child.p ? walk(f, child, false, depth - 1, err) : error_memory(err);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return ok;
}

/* named: given by the user, so it is read whatever its name is. */
static bool walk(struct files *f, struct str path, bool named, unsigned depth, struct error *err)
{
	struct stat info;
	if (named && str_is(path, "-"))
		return files_add(f, path, 0, err);
	if (stat(path.p, &info) != 0) {
		unreadable(f->im, path, 0, strerror(errno));
		return true;
	}
	if (S_ISDIR(info.st_mode))
		return walk_directory(f, path, depth, err);
	if (!named && !(S_ISREG(info.st_mode) && wanted(path)))
		return true;
	return files_add(f, path, (uint64_t)info.st_size, err);
}

bool bulk_read_paths(struct bulk *im, const struct str *paths, size_t count, struct error *err)
{
	struct files files = {.im = im};
	for (size_t i = 0; i < count; i++) {
		struct str path = paths[i];
		while (path.n > 1 && path.p[path.n - 1] == '/')
			path = arena_str(&im->arena, str_slice(path, 0, path.n - 1));
		if (!path.p)
			return error_memory(err);
		if (!walk(&files, path, true, 32, err))
			return false;
	}
	bulk_progress(im);
	for (size_t i = 0; i < files.count && !bulk_stopped(im); i++) {
		if (!read_file(im, files.paths[i], err))
			return false;
	}
	return true;
}
