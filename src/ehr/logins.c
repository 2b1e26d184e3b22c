/*
 * Where logins are kept: sealed, as a file each in a directory that processes of this machine share, or as facts of a
 * store that any number of machines share. The lease that lets one renew at a time is a lock of the file system there
 * and a fact that runs out here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "ehr/login_priv.h"

enum { RECORD_MAX = 512 << 10, SEALED_MAX = 1 << 20, POLL_MS = 40, LEASE_MS = 120 * 1000, KEY_MAX = 80 };
#define LEASE_SHELF "ehr-lease"

struct ehr_logins {
	struct arena arena;
	struct ehr_logins_options o;
};

struct ehr_logins *ehr_logins_open(const struct ehr_logins_options *options, struct error *err)
{
	struct ehr_logins *l = calloc(1, sizeof *l);
	if (!l) {
		error_memory(err);
		return NULL;
	}
	arena_init(&l->arena, 64 << 10);
	l->o = *options;
	if (options->directory.p)
		l->o.directory = arena_str(&l->arena, options->directory);
	if (options->shelf.p)
		l->o.shelf = arena_str(&l->arena, options->shelf);
	bool ok = (!options->directory.p || l->o.directory.p) && (!options->shelf.p || l->o.shelf.p);
	if (!ok)
		error_memory(err);
	else if (options->directory.p && mkdir(l->o.directory.p, 0700) != 0 && errno != EEXIST)
		ok = error_set(err, ERR_IO, "The directory of logins cannot be made: %s", strerror(errno));
	if (ok)
		return l;
	ehr_logins_close(l);
	return NULL;
}

void ehr_logins_close(struct ehr_logins *l)
{
	if (!l)
		return;
	arena_done(&l->arena);
	free(l);
}

static bool key_is_sound(struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		char ch = key.p[i];
		if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '-' ||
		      ch == '_'))
			return false;
	}
	return key.n > 0 && key.n <= KEY_MAX;
}

static struct str path_of(const struct ehr_logins *l, struct arena *a, struct str key, const char *end)
{
	return arena_printf(a, "%.*s/%.*s%s", STR_ARG(l->o.directory), STR_ARG(key), end);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool get_sealed(struct ehr_logins *l, struct arena *a, struct str key, struct str *ret_sealed, struct error *err)
{
	if (!l->o.directory.p)
		return store_fact_get(l->o.store, a, l->o.shelf, key, ret_sealed, err);
	struct error why = {0};
	struct str path = path_of(l, a, key, ".login");
	if (!path.p)
		return error_memory(err);
	if (file_read(a, path, SEALED_MAX, ret_sealed, &why))
		return true;
	*ret_sealed = STR_NULL;
	return why.code == ERR_NOT_FOUND || error_set(err, why.code, "%s", why.text);
}

static bool put_sealed(struct ehr_logins *l, struct arena *a, struct str key, struct str sealed, int64_t forget_ms,
		       struct error *err)
{
	if (!l->o.directory.p) {
		const struct store_fact fact = {
			.shelf = l->o.shelf, .key = key, .value = sealed, .expires_ms = forget_ms, .quiet = true};
		return store_fact_put(l->o.store, &fact, err);
	}
	struct str path = path_of(l, a, key, ".login");
	return path.p ? file_write(path, sealed, 0600, err) : error_memory(err);
}

/* What is sealed for one key does not open for another. */
static struct str purpose_of(struct arena *a, struct str key)
{
	return arena_printf(a, "ehr-login/%.*s", STR_ARG(key));
}

bool ehr_logins_get(struct ehr_logins *l, struct arena *a, struct str key, struct ehr_login *ret_login, bool *ret_found,
		    struct error *err)
{
	struct str sealed, plain, purpose = purpose_of(a, key);
	*ret_found = false;
	if (!key_is_sound(key))
		return true;
	if (!purpose.p)
		return error_memory(err);
	if (!get_sealed(l, a, key, &sealed, err))
		return false;
	if (!sealed.p)
		return true;
	if (!vault_unseal(l->o.vault, a, purpose, str_trim(sealed), &plain, err))
		return error_context(err, "the kept login %.*s", STR_ARG(key));
	*ret_found = ehr_login_read(a, plain, ret_login, err);
	return *ret_found;
}

bool ehr_logins_put(struct ehr_logins *l, struct arena *a, struct str key, const struct ehr_login *login,
		    struct error *err)
{
	struct str sealed, purpose = purpose_of(a, key);
	struct buf text;
	if (!key_is_sound(key))
		return error_set(err, ERR_VALUE, "The key of a login is not sound");
	buf_init(&text, RECORD_MAX);
	bool ok = ehr_login_write(login, &text, err) && purpose.p &&
		  vault_seal(l->o.vault, a, purpose, buf_str(&text), &sealed, err) &&
		  put_sealed(l, a, key, sealed, login->forget_ms, err);
	if (text.p)
		vault_wipe(text.p, text.n);
	buf_done(&text);
	return ok;
}

bool ehr_logins_remove(struct ehr_logins *l, struct str key, struct error *err)
{
	if (!key_is_sound(key))
		return true;
	if (!l->o.directory.p)
		return store_fact_put(l->o.store, &(struct store_fact){.shelf = l->o.shelf, .key = key}, err);
	struct arena a;
	arena_init(&a, 64 << 10);
	struct str path = path_of(l, &a, key, ".login");
	bool ok = path.p ? unlink(path.p) == 0 || errno == ENOENT : false;
	if (!ok)
		error_set(err, ERR_IO, "The login could not be removed: %s", strerror(errno));
	arena_done(&a);
	return ok;
}

/* ---- one at a time ----------------------------------------------------------------------------------------------- */

static void pause_ms(unsigned ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	nanosleep(&t, NULL);
}

/* A lock belongs to the open file, so threads exclude each other as processes do; the system frees it at a crash. */
static bool try_file(struct ehr_logins *l, struct str key, struct ehr_lease *lease, bool *ret_taken, struct error *err)
{
	struct arena a;
	arena_init(&a, 64 << 10);
	struct str path = path_of(l, &a, key, ".lock");
	int fd = path.p ? open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	int failure = errno;
	arena_done(&a);
	if (fd < 0)
		return error_set(err, ERR_IO, "The lock of a login cannot be opened: %s", strerror(failure));
	*ret_taken = flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (*ret_taken)
		lease->fd = fd;
	else
		close(fd);
	return true;
}

static bool try_fact(struct ehr_logins *l, struct str key, struct ehr_lease *lease, bool *ret_taken, struct error *err)
{
	struct error why = {0};
	const struct store_fact fact = {.shelf = S(LEASE_SHELF),
					.key = key,
					.value = str_from(lease->holder),
					.expires_ms = clock_now_ms() + LEASE_MS /* the store's own clock */,
					.only_new = true,
					.quiet = true};
	*ret_taken = store_fact_put(l->o.store, &fact, &why);
	return *ret_taken || why.code == ERR_CONFLICT || error_set(err, why.code, "%s", why.text);
}

bool ehr_logins_lease(struct ehr_logins *l, struct str key, unsigned wait_ms, struct ehr_lease *ret_lease,
		      struct error *err)
{
	struct ehr_lease lease = {.fd = -1, .key = key};
	uint64_t until = clock_monotonic_ns() + (uint64_t)wait_ms * 1000000;
	random_uuid(lease.holder);
	for (;;) {
		bool taken;
		if (l->o.directory.p ? !try_file(l, key, &lease, &taken, err) : !try_fact(l, key, &lease, &taken, err))
			return false;
		if (taken)
			break;
		if (clock_monotonic_ns() >= until)
			return error_set(err, ERR_BUSY, "somebody else is renewing this login and does not get done");
		pause_ms(POLL_MS);
	}
	*ret_lease = lease;
	return true;
}

void ehr_logins_release(struct ehr_logins *l, struct ehr_lease *lease)
{
	if (l->o.directory.p) {
		close(lease->fd);
		return;
	}
	/* One that took too long may have lost it to another meanwhile; one that cannot be given back runs out. */
	struct error ignored = {0};
	const struct store_fact fact = {
		.shelf = S(LEASE_SHELF), .key = lease->key, .expected = str_from(lease->holder), .quiet = true};
	if (!store_fact_put(l->o.store, &fact, &ignored))
		error_clear(&ignored);
}
