/*
 * What the other processes get of a job's result, notes and files: pieces of a megabyte each, which are facts that
 * expire by themselves. A file is there once its size is, which is put last. Reading one makes a file without a name of
 * it, so nothing but one piece lies in memory.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "server/jobs/jobs_priv.h"

#define SHELF S("job-piece")

/* Of a file one at once: whoever else writes meanwhile waits for no more than that. */
enum { PIECES_AT_ONCE = 4, FILE_PIECES_AT_ONCE = 1, MOST_PIECES = 64, DROPPED_AT_ONCE = 200, KIND_SIZE = 32 };
#define ARENA_BYTES ((size_t)PIECES_AT_ONCE * PIECE * 3)

static struct str piece_key(struct arena *a, const char *name, const char *kind, size_t number)
{
	return arena_printf(a, "%s-%s-%03zu", name, kind, number);
}

static struct store_fact piece_fact(struct arena *a, const char *name, const char *kind, size_t number,
				    struct str value, int64_t expires_ms)
{
	return (struct store_fact){.shelf = SHELF,
				   .key = piece_key(a, name, kind, number),
				   .value = value,
				   .expires_ms = expires_ms,
				   .quiet = true};
}

/* ---- texts ----------------------------------------------------------------------------------------------------------
 */

bool pieces_put(struct jobs *jobs, struct arena *a, const char *name, const char *kind, struct str text,
		int64_t expires_ms, int64_t *ret_count, struct error *err)
{
	size_t count = (text.n + PIECE - 1) / PIECE;
	*ret_count = count <= MOST_PIECES ? (int64_t)count : MOST_PIECES + 1;
	for (size_t i = 0; i < count && count <= MOST_PIECES;) {
		struct store_fact facts[PIECES_AT_ONCE];
		struct store_txn txn = {.facts = facts};
		for (; txn.fact_count < PIECES_AT_ONCE && i < count; i++)
			facts[txn.fact_count++] =
				piece_fact(a, name, kind, i, str_slice(text, i * PIECE, (i + 1) * PIECE), expires_ms);
		if (!store_commit(jobs->o.store, &txn, err))
			return false;
	}
	return true;
}

static bool piece_get(struct jobs *jobs, struct arena *a, const char *name, const char *kind, size_t number,
		      struct str *ret_piece, struct error *err)
{
	return store_fact_get(jobs->o.store, a, SHELF, piece_key(a, name, kind, number), ret_piece, err) &&
	       (ret_piece->p || error_set(err, ERR_NOT_FOUND, "The result of this request has expired"));
}

bool pieces_get(struct jobs *jobs, struct arena *a, const char *name, const char *kind, int64_t count,
		struct str *ret_text, struct error *err)
{
	struct buf all;
	bool ok = true;
	if (count > MOST_PIECES)
		return error_set(err, ERR_BUSY,
				 "Another process of this server has done this, and the result is too large for this "
				 "one to give it out; ask again until that process answers");
	buf_init(&all, (size_t)MOST_PIECES * PIECE + 1);
	for (int64_t i = 0; ok && i < count; i++) {
		struct str piece;
		ok = piece_get(jobs, a, name, kind, (size_t)i, &piece, err);
		if (ok)
			buf_add(&all, piece);
	}
	if (ok) {
		*ret_text = buf_ok(&all) ? arena_str(a, buf_str(&all)) : STR_NULL;
		ok = ret_text->p || error_memory(err);
	}
	buf_done(&all);
	return ok;
}

/* ---- files ----------------------------------------------------------------------------------------------------------
 */

static void kind_of(size_t number, char ret_kind[KIND_SIZE])
{
	snprintf(ret_kind, KIND_SIZE, "file%zu", number);
}

/* At most so many bytes of a file from a place on; STR_NULL on failure. */
static struct str read_at(struct arena *a, int fd, uint64_t at, size_t n)
{
	char *bytes = arena_alloc(a, n);
	for (size_t done = 0; bytes && done < n;) {
		ssize_t got = pread(fd, bytes + done, n - done, (off_t)(at + done));
		if (got == 0 || (got < 0 && errno != EINTR))
			return STR_NULL;
		done += got > 0 ? (size_t)got : 0;
	}
	return str_make(bytes, bytes ? n : 0);
}

/* Its next pieces in one commit, with its size behind the last. */
static bool put_some(struct jobs *jobs, struct arena *a, const char *name, const char *kind, int fd, uint64_t size,
		     uint64_t *at, int64_t expires_ms, struct error *err)
{
	struct store_fact facts[FILE_PIECES_AT_ONCE + 1];
	struct store_txn txn = {.facts = facts};
	while (txn.fact_count < FILE_PIECES_AT_ONCE && *at < size) {
		size_t n = size - *at < PIECE ? (size_t)(size - *at) : PIECE;
		struct str bytes = read_at(a, fd, *at, n);
		if (!bytes.p)
			return error_set(err, ERR_IO, "A file of a job cannot be read");
		facts[txn.fact_count++] = piece_fact(a, name, kind, 1 + (size_t)(*at / PIECE), bytes, expires_ms);
		*at += n;
	}
	if (*at == size)
		facts[txn.fact_count++] =
			piece_fact(a, name, kind, 0, arena_printf(a, "%llu", (unsigned long long)size), expires_ms);
	return store_commit(jobs->o.store, &txn, err);
}

bool pieces_put_file(struct jobs *jobs, const char *name, size_t number, int fd, uint64_t size, int64_t expires_ms,
		     struct error *err)
{
	struct arena a;
	char kind[KIND_SIZE];
	uint64_t at = 0;
	bool ok;
	kind_of(number, kind);
	arena_init(&a, ARENA_BYTES);
	do {
		ok = put_some(jobs, &a, name, kind, fd, size, &at, expires_ms, err);
		arena_reset(&a);
	} while (ok && at < size);
	arena_done(&a);
	return ok;
}

static bool size_of_file(struct jobs *jobs, struct arena *a, const char *name, const char *kind, uint64_t *ret_size,
			 struct error *err)
{
	struct str text;
	return piece_get(jobs, a, name, kind, 0, &text, err) &&
	       (str_to_u64(text, ret_size) || error_set(err, ERR_NOT_FOUND, "The result of this request has expired"));
}

static bool append(int fd, struct str bytes, struct error *err)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n <= 0 && errno != EINTR)
			return error_set(err, errno == ENOSPC ? ERR_STORE_FULL : ERR_IO,
					 "A file of another process cannot be kept: %s", strerror(errno));
		bytes = str_slice(bytes, n > 0 ? (size_t)n : 0, bytes.n);
	}
	return true;
}

static bool copy_pieces(struct jobs *jobs, struct arena *a, const char *name, const char *kind, int fd,
			uint64_t *ret_size, struct error *err)
{
	uint64_t size, at = 0;
	if (!size_of_file(jobs, a, name, kind, &size, err))
		return false;
	for (size_t i = 1; at < size; i++) {
		struct str piece;
		arena_reset(a);
		if (!piece_get(jobs, a, name, kind, i, &piece, err) || !append(fd, piece, err))
			return false;
		at += piece.n;
	}
	*ret_size = size;
	return at == size || error_set(err, ERR_IO, "A file of another process is not whole");
}

bool pieces_get_file(struct jobs *jobs, const char *name, size_t number, int *ret_fd, uint64_t *ret_size,
		     struct error *err)
{
	struct arena a;
	char kind[KIND_SIZE];
	if (!job_directory_make(jobs, err))
		return false;
	int fd = file_nameless(jobs->directory.p);
	if (fd < 0)
		return error_set(err, errno == ENOSPC ? ERR_STORE_FULL : ERR_IO,
				 "A file of another process cannot be kept: %s", strerror(errno));
	kind_of(number, kind);
	arena_init(&a, ARENA_BYTES);
	bool ok = copy_pieces(jobs, &a, name, kind, fd, ret_size, err);
	arena_done(&a);
	if (ok)
		*ret_fd = fd;
	else
		close(fd);
	return ok;
}

static bool drop_file(struct jobs *jobs, struct arena *a, const char *name, size_t number, struct error *err)
{
	char kind[KIND_SIZE];
	uint64_t size;
	kind_of(number, kind);
	if (!size_of_file(jobs, a, name, kind, &size, err))
		return err->code == ERR_NOT_FOUND; /* it was not shared, or not wholly */
	size_t count = 1 + (size_t)((size + PIECE - 1) / PIECE);
	for (size_t i = 0; i < count;) {
		struct store_fact facts[DROPPED_AT_ONCE];
		struct store_txn txn = {.facts = facts};
		for (; txn.fact_count < DROPPED_AT_ONCE && i < count; i++)
			facts[txn.fact_count++] = piece_fact(a, name, kind, i, STR_NULL, 0);
		if (!store_commit(jobs->o.store, &txn, err))
			return false;
	}
	return true;
}

void pieces_drop_files(struct jobs *jobs, const char *name, size_t files)
{
	struct arena a;
	struct error ignored = {0};
	bool ok = true;
	arena_init(&a, ARENA_BYTES);
	for (size_t i = 1; ok && i <= files; i++) {
		error_clear(&ignored);
		ok = drop_file(jobs, &a, name, i, &ignored);
		arena_reset(&a);
	}
	arena_done(&a);
}
