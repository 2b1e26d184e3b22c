/*
 * Opening and closing: the directory, the lock that keeps a second writer out, and the
 * table of functions behind the store's door.
 */
#include "store/sqlite/sqlite_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/words.h"

static bool make_directory(const char *path, bool read_only, struct error *err)
{
	struct stat info;
	if (!read_only && mkdir(path, 0700) != 0 && errno != EEXIST)
		return error_set(err, ERR_STORE, "The store's directory %s cannot be made: %s", path, strerror(errno));
	if (stat(path, &info) != 0)
		return error_set(err, ERR_NOT_FOUND, "There is no store at %s", path);
	if (!S_ISDIR(info.st_mode))
		return error_set(err, ERR_STORE, "The store's location %s is not a directory", path);
	return true;
}

/* The lock lives as long as the process holds the file, so a killed server leaves none behind. */
bool store_lock(const char *directory, int *ret_fd, struct error *err)
{
	char path[4200];
	snprintf(path, sizeof(path), "%.*s/lock", (int)sizeof(path) - 8, directory);
	int fd = *ret_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, ERR_STORE, "The store's lock %s cannot be opened: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno == EWOULDBLOCK)
		return error_set(err, ERR_BUSY,
				 "The store at %s is open for writing in another process; stop that one first",
				 directory);
	return error_set(err, ERR_STORE, "The store at %s cannot be locked: %s", directory, strerror(errno));
}

/* For its owner alone; SQLite gives its other files the mode of this one. */
static bool make_file(const char *path, struct error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, ERR_STORE, "The store's file %s cannot be opened: %s", path, strerror(errno));
	close(fd);
	return true;
}

static bool open_schema(struct sqlite_store *s, bool read_only, struct error *err)
{
	struct db db;
	if (!db_open(&db, s->path, read_only, err))
		return false;
	bool ok = schema_open(&db, s->path, read_only, err) && bodies_load(s->bodies, &db, err);
	db_close(&db);
	return ok;
}

/* ---- the door -----------------------------------------------------------------------------------------------------
 */

static void sqlite_close(void *b)
{
	struct sqlite_store *s = b;
	keeper_stop(s);
	while (s->idle) {
		struct reader *next = s->idle->next;
		reader_free(s->idle);
		s->idle = next;
	}
	reader_free(s->view);
	if (s->has_writer)
		writer_close(&s->writer);
	extractor_free(atomic_load(&s->extractor));
	bodies_free(s->bodies);
	samples_free(s->samples);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static bool open_parts(struct sqlite_store *s, const char *directory, const struct store_options *options,
		       struct error *err)
{
	snprintf(s->path, sizeof(s->path), "%.*s/firth.sqlite", (int)sizeof(s->path) - 16, directory);
	s->bodies = bodies_new();
	if (!s->bodies)
		return error_memory(err);
	if (!make_directory(directory, options->read_only, err))
		return false;
	if (options->read_only && access(s->path, F_OK) != 0)
		return error_set(err, ERR_NOT_FOUND, "There is no store at %s", directory);
	if (!options->read_only && (!store_lock(directory, &s->lock_fd, err) || !make_file(s->path, err)))
		return false;
	if (!open_schema(s, options->read_only, err))
		return false;
	if (options->read_only)
		return true;
	if (!bodies_knows(s->bodies, BODY_DICTIONARY) && !(s->samples = samples_new()))
		return error_memory(err);
	s->has_writer = writer_open(&s->writer, s->path, options, err);
	s->view = s->has_writer ? reader_view(&s->writer.db, err) : NULL;
	return s->view && (options->keeping || keeper_start(s, err));
}

/* The directory of a store: the location, or of a tenant DIR/tenants/NAME. What lies above it is made, too. */
static bool place_of(struct str location, const struct store_options *options, char *ret_path, size_t size,
		     struct error *err)
{
	const struct str tenant = options->tenant;
	memcpy(ret_path, location.p, location.n);
	ret_path[location.n] = '\0';
	if (!tenant.n)
		return true;
	if (!store_tenant_name_valid(tenant))
		return error_set(err, ERR_VALUE, "A tenant's name is 1 to 40 of a-z, 0-9 and -, not - at either end");
	if (!make_directory(ret_path, options->read_only, err))
		return false;
	snprintf(ret_path, size, "%.*s/tenants", STR_ARG(location));
	if (!make_directory(ret_path, options->read_only, err))
		return false;
	return (size_t)snprintf(ret_path, size, "%.*s/tenants/%.*s", STR_ARG(location), STR_ARG(tenant)) < size ||
	       error_set(err, ERR_STORE, "The store's location is not a usable path");
}

static void *sqlite_open(struct str location, const struct store_options *options, struct queue *queue,
			 struct error *err)
{
	char directory[4000];
	if (!location.n || location.n >= sizeof(directory) || memchr(location.p, '\0', location.n)) {
		error_set(err, ERR_STORE, "The store's location is not a usable path");
		return NULL;
	}
	if (!place_of(location, options, directory, sizeof(directory), err))
		return NULL;
	struct sqlite_store *s = calloc(1, sizeof(*s));
	if (!s) {
		error_memory(err);
		return NULL;
	}
	s->lock_fd = -1;
	s->definitions = options->definitions;
	s->queue = queue;
	s->words_lag = options->words_lag ? options->words_lag : WORDS_LAG;
	pthread_mutex_init(&s->lock, NULL);
	if (open_parts(s, directory, options, err))
		return s;
	sqlite_close(s);
	return NULL;
}

static void sqlite_limit_pages(void *b, int64_t pages)
{
	struct sqlite_store *s = b;
	atomic_store(&s->page_limit, pages ? pages : MOST_PAGES);
}

const struct store_backend store_sqlite = {
	.open = sqlite_open,
	.close = sqlite_close,
	.prepare = group_prepare,
	.commit = group_commit,
	.settle = group_settle,
	.read = sqlite_read,
	.history = sqlite_history,
	.search = sqlite_search,
	.counts = sqlite_counts,
	.audit_list = sqlite_audit_list,
	.audit_verify = sqlite_audit_verify,
	.fact_get = sqlite_fact_get,
	.fact_list = sqlite_fact_list,
	.check = sqlite_check,
	.reindex = sqlite_reindex,
	.vacuum = sqlite_vacuum,
	.words = sqlite_words,
	.adds_rows = true,
	.limit_pages = sqlite_limit_pages,
	.tenant_exists = sqlite_tenant_exists,
	.has_tenant = sqlite_has_tenant,
	.tenant_list = sqlite_tenant_list,
	.tenant_remove = sqlite_tenant_remove,
};
