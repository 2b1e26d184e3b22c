/* Whole files in and out: configuration, keys, rosters. Streams of any size are read by whoever needs them. Any thread.
 */
#ifndef FIRTH_BASE_FILE_H
#define FIRTH_BASE_FILE_H

#include "base/arena.h"
#include "base/error.h"

/* The content of a regular file or pipe (/dev/stdin: of whatever standard input is), in the arena with a zero after it.
 * ERR_NOT_FOUND, ERR_IO, ERR_TOO_LARGE past max bytes; the text names the path. */
bool file_read(struct arena *a, struct str path, size_t max, struct str *ret_content, struct error *err) MUST_USE;

/* Writes a file as a whole: beside its place first, synced, then renamed over it, so that a reader sees the old content
 * or the new one. mode is that of the new file (0600 for keys). */
bool file_write(struct str path, struct str content, unsigned mode, struct error *err) MUST_USE;

/* A file without a name, to write and read, in a directory that is made (mode 0700) when absent: it goes with its
 * descriptor, whatever happens to the process. -1 with errno. */
int file_nameless(const char *directory);

#endif
