/*
 * Backups as users have them: one file and its SHA-256 beside it, and the way back. A store is only ever replaced as a
 * whole, by renaming, after the copy was proved; what was there is kept beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "jose/jose.h"
#include "store/sqlite/sqlite_priv.h"

static bool path_of(struct str location, const char *name, char ret_path[4200], struct error *err)
{
	if (!location.n || location.n > 4000 || memchr(location.p, 0, location.n))
		return error_set(err, ERR_STORE, "The store's location is not a usable path");
	snprintf(ret_path, 4200, "%.*s/%s", STR_ARG(location), name);
	return true;
}

/* ---- checksums ------------------------------------------------------------------------------------------------------
 */

static bool file_sha256(const char *path, unsigned char ret_hash[32], struct error *err)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && fstat(fd, &info) == 0 && info.st_size > 0;
	void *map = ok ? mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	ok = map != MAP_FAILED;
	if (ok) {
		digest_sha256(str_make(map, (size_t)info.st_size), ret_hash);
		munmap(map, (size_t)info.st_size);
	}
	if (fd >= 0)
		close(fd);
	return ok || error_set(err, ERR_IO, "The copy %s cannot be read", path);
}

static bool write_checksum(const char *path, const unsigned char hash[32], struct error *err)
{
	char beside[4300];
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct buf line;
	buf_init(&line, 8192);
	encode_hex(&line, str_make((const char *)hash, 32));
	buf_printf(&line, "  %s\n", name);
	snprintf(beside, sizeof(beside), "%s.sha256", path);
	FILE *f = fopen(beside, "w");
	bool ok = f && buf_ok(&line) && fwrite(line.p, 1, line.n, f) == line.n;
	ok = (f ? fclose(f) == 0 : false) && ok;
	buf_done(&line);
	return ok || error_set(err, ERR_IO, "The checksum %s cannot be written", beside);
}

/* True also when there is no checksum beside the copy. */
static bool checksum_fits(const char *path, const unsigned char hash[32], struct error *err)
{
	char beside[4300], kept[65] = {0};
	struct buf hex;
	snprintf(beside, sizeof(beside), "%s.sha256", path);
	FILE *f = fopen(beside, "r");
	if (!f)
		return true;
	size_t n = fread(kept, 1, 64, f);
	fclose(f);
	buf_init(&hex, 128);
	encode_hex(&hex, str_make((const char *)hash, 32));
	bool same = n == 64 && str_eq(buf_str(&hex), str_make(kept, 64));
	buf_done(&hex);
	return same || error_set(err, ERR_STORE, "The copy %s is not the one that %s was made for", path, beside);
}

/* ---- backup ---------------------------------------------------------------------------------------------------------
 */

bool store_backup(struct str location, const char *path, const struct store_progress *progress, struct error *err)
{
	char source[4200];
	unsigned char hash[32];
	struct db db;
	if (!path_of(location, "firth.sqlite", source, err))
		return false;
	if (access(source, F_OK) != 0)
		return error_set(err, ERR_NOT_FOUND, "There is no store at %.*s", STR_ARG(location));
	if (access(path, F_OK) == 0)
		return error_set(err, ERR_CONFLICT, "%s is there already", path);
	if (!db_open(&db, source, true, err))
		return false;
	bool ok = schema_known(&db, err) && backup_file(&db, path, progress, err);
	db_close(&db);
	ok = ok && backup_whole(path, progress, err) && file_sha256(path, hash, err) && write_checksum(path, hash, err);
	if (!ok && err->code != ERR_CONFLICT)
		unlink(path);
	return ok;
}

/* ---- restore --------------------------------------------------------------------------------------------------------
 */

/* What is there moves aside. Opening and closing it puts its log into the file first. */
static bool move_aside(const char *path, struct error *err)
{
	char aside[4300], instant[CLOCK_INSTANT_SIZE];
	struct db db;
	if (db_open(&db, path, false, err)) {
		sqlite3_wal_checkpoint_v2(db.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
		db_close(&db);
	}
	clock_format_instant(clock_now_ms(), instant);
	snprintf(aside, sizeof(aside), "%.*s-replaced-%.4s%.2s%.2sT%.2s%.2s%.2sZ.sqlite",
		 (int)(strlen(path) - strlen(".sqlite")), path, instant, instant + 5, instant + 8, instant + 11,
		 instant + 14, instant + 17);
	if (rename(path, aside) != 0)
		return error_set(err, ERR_IO, "%s cannot be moved aside: %s", path, strerror(errno));
	const char *const logs[] = {"-wal", "-shm"};
	for (size_t i = 0; i < 2; i++) {
		char log[4300];
		snprintf(log, sizeof(log), "%s%s", path, logs[i]);
		unlink(log);
	}
	return true;
}

static bool copy_in(const char *from, const char *to, const struct store_progress *progress, struct error *err)
{
	struct db db;
	if (!db_open(&db, from, true, err))
		return false;
	bool ok = backup_file(&db, to, progress, err);
	db_close(&db);
	return ok;
}

/* The copy comes in under another name; only then does what is there move. */
static bool replace(const char *path, const char *target, bool force, const struct store_progress *progress,
		    struct error *err)
{
	char fresh[4300];
	bool taken = access(target, F_OK) == 0;
	if (taken && !force)
		return error_set(err, ERR_CONFLICT, "There is a store at %s already; --force puts it aside", target);
	snprintf(fresh, sizeof(fresh), "%s.restored", target);
	if (!copy_in(path, fresh, progress, err) || (taken && !move_aside(target, err)))
		return false;
	if (rename(fresh, target) != 0)
		return error_set(err, ERR_IO, "%s cannot be put in its place: %s", target, strerror(errno));
	struct db db;
	bool ok = db_open(&db, target, false, err) && db_script(&db, "PRAGMA journal_mode = WAL;", err);
	db_close(&db);
	return ok;
}

bool store_restore(struct str location, const char *path, bool force, const struct store_progress *progress,
		   struct error *err)
{
	char target[4200], directory[4200];
	unsigned char hash[32];
	int lock = -1;
	if (!path_of(location, "firth.sqlite", target, err) || !path_of(location, "", directory, err))
		return false;
	if (access(path, R_OK) != 0)
		return error_set(err, ERR_NOT_FOUND, "There is no copy at %s", path);
	if (!file_sha256(path, hash, err) || !checksum_fits(path, hash, err) || !backup_whole(path, progress, err))
		return false;
	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return error_set(err, ERR_STORE, "The store's directory %s cannot be made: %s", directory,
				 strerror(errno));
	bool ok = store_lock(directory, &lock, err) && replace(path, target, force, progress, err);
	if (lock >= 0)
		close(lock);
	return ok;
}
