/* Whole files in and out; see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

static bool path_copy(char ret_path[PATH_MAX], struct str path, struct error *err)
{
	if (path.n == 0 || path.n >= PATH_MAX || memchr(path.p, 0, path.n))
		return error_set(err, ERR_IO, "'%.*s' is not a usable file name", (int)(path.n < 80 ? path.n : 80),
				 path.p ? path.p : "");
	memcpy(ret_path, path.p, path.n);
	ret_path[path.n] = 0;
	return true;
}

static bool failed(struct error *err, const char *what, const char *path)
{
	return error_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s %s: %s", what, path, strerror(errno));
}

/* Reads until the end; false with errno set. At most one byte past max, which tells that there is more. */
static bool read_all(int fd, size_t max, struct buf *out)
{
	while (out->n <= max) {
		char *room = buf_reserve(out, 65536);
		if (!room) {
			errno = ENOMEM;
			return false;
		}
		ssize_t n = read(fd, room, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			return true;
		out->n += (size_t)n;
	}
	return true;
}

bool file_read(struct arena *a, struct str path, size_t max, struct str *ret_content, struct error *err)
{
	char name[PATH_MAX];
	if (!path_copy(name, path, err))
		return false;
	/* Programs give their children a socket as standard input, and a socket cannot be opened by name. */
	int fd = strcmp(name, "/dev/stdin") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return failed(err, "cannot open", name);
	struct buf content;
	buf_init(&content, max + 2 * 65536);
	bool ok = read_all(fd, max, &content);
	if (!ok)
		failed(err, "cannot read", name);
	close(fd);
	if (ok && content.n > max)
		ok = error_set(err, ERR_TOO_LARGE, "%s is larger than %zu bytes", name, max);
	struct str copy = ok ? arena_str(a, buf_str(&content)) : STR_NULL;
	buf_done(&content);
	if (!ok)
		return false;
	if (!copy.p)
		return error_memory(err);
	*ret_content = copy;
	return true;
}

static bool write_all(int fd, struct str content)
{
	while (content.n) {
		ssize_t n = write(fd, content.p, content.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		content = str_slice(content, (size_t)n, content.n);
	}
	return fsync(fd) == 0;
}

bool file_write(struct str path, struct str content, unsigned mode, struct error *err)
{
	char name[PATH_MAX], beside[PATH_MAX + 16];
	if (!path_copy(name, path, err))
		return false;
	snprintf(beside, sizeof(beside), "%s.%ld.tmp", name, (long)getpid());
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
	if (fd < 0)
		return failed(err, "cannot create", beside);
	/* The mode is what was asked for, whatever the umask. */
	bool ok = fchmod(fd, (mode_t)mode) == 0 && write_all(fd, content);
	if (!ok)
		failed(err, "cannot write", beside);
	if (close(fd) != 0 && ok)
		ok = failed(err, "cannot write", beside);
	if (ok && rename(beside, name) != 0)
		ok = failed(err, "cannot replace", name);
	if (!ok)
		unlink(beside);
	return ok;
}

int file_nameless(const char *directory)
{
	char name[4096];
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	/* Whose resources are in a database may have nothing else in the directory. */
	if (fd < 0 && errno == ENOENT && mkdir(directory, 0700) == 0)
		fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (size_t)snprintf(name, sizeof(name), "%s/.nameless-XXXXXX", directory) >= sizeof(name))
		return fd;
	fd = mkostemp(name, O_CLOEXEC); /* not every file system can */
	if (fd >= 0)
		unlink(name);
	return fd;
}
