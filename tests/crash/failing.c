/*
 * A disk that fails on demand, loaded in front of libc: while the file named by FAILING_DISK exists, writes to a
 * store's files fail with the errno whose name it holds, and syncs fail with EIO when it holds EIO.
 */
/* Both names of pwrite are wanted, whatever the build makes of them. */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int trouble(void)
{
	const char *path = getenv("FAILING_DISK");
	char text[16] = "";
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 && strncmp(text, "ENOSPC", 6) == 0 ? ENOSPC : n > 0 && strncmp(text, "EIO", 3) == 0 ? EIO : 0;
}

static int of_store(int fd)
{
	char link[64], path[4096];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return 0;
	path[n] = 0;
	return strstr(path, "firth.sqlite") && !strstr(path, "-shm");
}

static int fails(int fd, int syncing)
{
	int why = of_store(fd) ? trouble() : 0;
	if (!why || (syncing && why != EIO))
		return 0;
	errno = why;
	return 1;
}

#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at);
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	return fails(fd, 0) ? -1 : NEXT(pwrite)(fd, bytes, n, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
	return fails(fd, 0) ? -1 : NEXT(pwrite64)(fd, bytes, n, at);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
	return fails(fd, 0) ? -1 : NEXT(write)(fd, bytes, n);
}

int fsync(int fd)
{
	return fails(fd, 1) ? -1 : NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
	return fails(fd, 1) ? -1 : NEXT(fdatasync)(fd);
}
