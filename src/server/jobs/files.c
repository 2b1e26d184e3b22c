/* Jobs on disk, so that a restart neither loses results nor forgets what was under way. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/file.h"
#include "json/json.h"
#include "server/jobs/jobs_priv.h"

enum { MAX_TELL = 4096, MAX_PATH = 4096 };
#define MAX_NOTES  ((size_t)64 << 20)
#define MAX_RESULT ((size_t)2 << 30)

static bool path_of(const struct jobs *jobs, const char *name, const char *end, char ret_path[MAX_PATH])
{
	return (size_t)snprintf(ret_path, MAX_PATH, "%s/%s%s", jobs->directory.p, name, end) < MAX_PATH;
}

bool job_directory_make(const struct jobs *jobs, struct error *err)
{
	char path[MAX_PATH];
	if (!path_of(jobs, "", "", path))
		return error_memory(err);
	bool ok = true;
	for (char *p = path + 1; ok && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		ok = mkdir(path, 0700) == 0 || errno == EEXIST;
		*p = '/';
	}
	return ok ||
	       error_set(err, ERR_IO, "The directory of asynchronous requests cannot be made: %s", strerror(errno));
}

bool job_file_write(const struct jobs *jobs, const struct job *job, struct error *err)
{
	char path[MAX_PATH];
	struct buf text;
	buf_init(&text, MAX_TELL);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	json_put_member(&w, S("owner"), str_from(job->owner));
	json_put_member(&w, S("phase"),
			job->phase == JOB_DONE	   ? S("done")
			: job->phase == JOB_FAILED ? S("failed")
						   : S("running"));
	char expires[24];
	size_t n = (size_t)snprintf(expires, sizeof(expires), "%lld", (long long)job->expires_ms);
	json_put_member(&w, S("expires"), str_make(expires, n));
	json_put_member(&w, S("type"), str_from(job->content_type));
	json_object_end(&w);
	bool ok = buf_ok(&text) && path_of(jobs, job->name, ".job", path);
	ok = ok ? file_write(str_from(path), buf_str(&text), 0600, err) : error_memory(err);
	buf_done(&text);
	return ok;
}

bool job_result_write(const struct jobs *jobs, const struct job *job, struct str result, struct error *err)
{
	char path[MAX_PATH];
	return path_of(jobs, job->name, ".out", path) ? file_write(str_from(path), result, 0600, err)
						      : error_memory(err);
}

bool job_result_read(const struct jobs *jobs, struct arena *a, const struct job *job, struct str *ret_result,
		     struct error *err)
{
	char path[MAX_PATH];
	return path_of(jobs, job->name, ".out", path) ? file_read(a, str_from(path), MAX_RESULT, ret_result, err)
						      : error_memory(err);
}

int job_other_file(const struct jobs *jobs, const struct job *job, size_t number, int flags, struct error *err)
{
	char path[MAX_PATH], end[32];
	snprintf(end, sizeof(end), ".d/%zu", number);
	bool fits = path_of(jobs, job->name, ".d", path);
	if (fits && (flags & O_CREAT) && mkdir(path, 0700) != 0 && errno != EEXIST)
		fits = false;
	int fd = fits && path_of(jobs, job->name, end, path) ? open(path, flags | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		error_set(err, errno == ENOSPC ? ERR_STORE_FULL : ERR_IO, "A file of a job cannot be opened: %s",
			  strerror(errno));
	return fd;
}

static void remove_directory(const char *path)
{
	DIR *directory = opendir(path);
	for (struct dirent *e; directory && (e = readdir(directory));)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(directory), e->d_name, 0);
	if (directory)
		closedir(directory);
	rmdir(path);
}

void job_files_remove(const struct jobs *jobs, const struct job *job)
{
	char path[MAX_PATH];
	if (path_of(jobs, job->name, ".d", path))
		remove_directory(path);
	if (path_of(jobs, job->name, ".job", path))
		unlink(path);
	if (path_of(jobs, job->name, ".out", path))
		unlink(path);
	if (path_of(jobs, job->name, ".err", path))
		unlink(path);
}

bool job_note_write(const struct jobs *jobs, struct job *job, struct str line)
{
	char path[MAX_PATH];
	if (!job->notes && path_of(jobs, job->name, ".err", path)) {
		int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		job->notes = fd > 0 ? fd : 0;
	}
	if (!job->notes || job->notes_size + line.n + 1 > MAX_NOTES)
		return false;
	const struct iovec parts[] = {{(void *)(uintptr_t)line.p, line.n}, {"\n", 1}};
	job->notes_size += line.n + 1;
	return writev(job->notes, parts, 2) == (ssize_t)line.n + 1;
}

bool job_notes_read(const struct jobs *jobs, struct arena *a, const struct job *job, struct str *ret_notes,
		    struct error *err)
{
	char path[MAX_PATH];
	if (!path_of(jobs, job->name, ".err", path) || access(path, F_OK) != 0) {
		*ret_notes = S("");
		return true;
	}
	return file_read(a, str_from(path), MAX_NOTES, ret_notes, err);
}

static bool load_one(struct jobs *jobs, struct arena *a, const char *file, struct error *err)
{
	char path[MAX_PATH];
	struct str text;
	struct job *job = calloc(1, sizeof(*job));
	if (!job)
		return error_memory(err);
	job->jobs = jobs;
	memcpy(job->name, file, JOB_NAME_SIZE - 1);
	const struct json *tell = path_of(jobs, file, "", path) && file_read(a, str_from(path), MAX_TELL, &text, NULL)
					  ? json_parse(a, text, 0, NULL)
					  : NULL;
	struct str owner = json_get_str(tell, S("owner"));
	int64_t expires = 0;
	bool good = owner.p && owner.n < sizeof(job->owner) && str_to_i64(json_get_str(tell, S("expires")), &expires);
	if (!good) { /* half of a file: nobody was told of it as done */
		job_files_remove(jobs, job);
		free(job);
		return true;
	}
	memcpy(job->owner, owner.p, owner.n);
	struct str type = json_get_str(tell, S("type"));
	if (type.n && type.n < sizeof(job->content_type))
		memcpy(job->content_type, type.p, type.n);
	job->expires_ms = expires;
	struct str phase = json_get_str(tell, S("phase"));
	job->phase = str_is(phase, "done") ? JOB_DONE : str_is(phase, "failed") ? JOB_FAILED : JOB_INTERRUPTED;
	if (job->phase == JOB_INTERRUPTED)
		job->expires_ms = jobs->o.now_ms() + jobs->o.keep_ms;
	job->next = jobs->first;
	jobs->first = job;
	jobs->count++;
	return true;
}

bool job_files_load(struct jobs *jobs, struct error *err)
{
	struct arena a;
	bool ok = true;
	DIR *directory = opendir(jobs->directory.p);
	if (!directory)
		return errno == ENOENT ||
		       error_set(err, ERR_IO, "The directory of asynchronous requests: %s", strerror(errno));
	arena_init(&a, 1 << 20);
	for (struct dirent *e; ok && (e = readdir(directory));) {
		struct str name = str_from(e->d_name);
		if (name.n == JOB_NAME_SIZE - 1 + 4 && str_ends(name, S(".job")))
			ok = load_one(jobs, &a, e->d_name, err);
		arena_reset(&a);
	}
	arena_done(&a);
	closedir(directory);
	return ok;
}
