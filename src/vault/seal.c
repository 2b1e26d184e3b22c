/* Sealing of secrets at rest, and the file of keys; see vault.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/random.h"
#include "vault/vault_priv.h"

#define FORM "sealed1."
enum { KEY = crypto_secretbox_KEYBYTES, NONCE = crypto_secretbox_NONCEBYTES, MAX_FILE = 16 * 1024 };

struct vault_key {
	char id[VAULT_KEY_ID_SIZE];
	unsigned char bytes[KEY];
};

struct ring {
	struct vault_key keys[VAULT_MAX_KEYS];
	size_t count;
};

struct vault {
	char path[PATH_MAX];
	pthread_rwlock_t lock; /* over the ring, which reloading replaces */
	struct ring ring;
};

bool vault_ready(struct error *err)
{
	return sodium_init() >= 0 || error_set(err, ERR_INTERNAL, "libsodium cannot be used here");
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static void name_key(struct vault_key *key)
{
	static const char say[] = "firth sealing key id";
	unsigned char digest[16];
	static const char digits[] = "0123456789abcdef";
	crypto_generichash(digest, sizeof(digest), (const unsigned char *)say, sizeof(say) - 1, key->bytes, KEY);
	for (size_t i = 0; i < VAULT_KEY_ID_SIZE; i++)
		key->id[i] = digits[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
}

static bool add_key(struct ring *v, struct str text)
{
	struct buf bytes;
	buf_init(&bytes, 256);
	bool ok = decode_base64url(&bytes, text) && bytes.n == KEY && v->count < VAULT_MAX_KEYS;
	if (ok) {
		memcpy(v->keys[v->count].bytes, bytes.p, KEY);
		name_key(&v->keys[v->count++]);
	}
	if (bytes.p)
		sodium_memzero(bytes.p, bytes.n);
	buf_done(&bytes);
	return ok;
}

static bool parse_keys(struct ring *v, struct str text, struct str path, struct error *err)
{
	size_t line = 0;
	while (text.p) {
		struct str rest = str_split(&text, '\n');
		struct str key = str_trim(str_split(&rest, '#'));
		line++;
		if (key.n && !add_key(v, key))
			return error_set(err, ERR_CONFIG, "Line %zu of %.*s is no key of %d bytes in base64url%s", line,
					 STR_ARG(path), KEY, v->count == VAULT_MAX_KEYS ? ", or one too many" : "");
	}
	return v->count || error_set(err, ERR_CONFIG, "%.*s holds no key", STR_ARG(path));
}

/* Whoever can read the file can read every secret. */
static bool check_mode(const char *path, struct error *err)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return error_set(err, ERR_IO, "cannot look at %s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERR_CONFIG, "%s is no file", path);
	if (status.st_mode & 077)
		return error_set(err, ERR_CONFIG,
				 "%s holds the keys of all secrets, and others than its owner may use it (mode %03o): "
				 "chmod 600 it",
				 path, (unsigned)status.st_mode & 0777);
	return true;
}

static void write_key(struct buf *out)
{
	unsigned char key[KEY];
	random_bytes(key, KEY);
	encode_base64url(out, str_make((const char *)key, KEY));
	buf_char(out, '\n');
	sodium_memzero(key, KEY);
}

/* Beside its place first and then linked there, which fails when another process was faster: then its key is ours. */
static bool make_file(const char *path, struct error *err)
{
	char beside[PATH_MAX];
	struct buf content;
	unsigned number;
	random_bytes(&number, sizeof(number));
	if (snprintf(beside, sizeof(beside), "%s.new%08x", path, number) >= (int)sizeof(beside))
		return error_set(err, ERR_IO, "The name of the file of sealing keys is too long");
	buf_init(&content, MAX_FILE);
	buf_add(&content, S("# Keys that seal secrets in the store. The first seals, all of them open. Without this "
			    "file\n# they cannot be read again: keep a copy, apart from the store's.\n"));
	write_key(&content);
	bool ok = buf_ok(&content) ? file_write(str_from(beside), buf_str(&content), 0600, err) : error_memory(err);
	if (content.p)
		sodium_memzero(content.p, content.n);
	buf_done(&content);
	if (!ok)
		return false;
	ok = link(beside, path) == 0 || errno == EEXIST ||
	     error_set(err, ERR_IO, "cannot make %s: %s", path, strerror(errno));
	unlink(beside);
	return ok;
}

static bool read_keys(struct ring *v, const char *path, struct error *err)
{
	struct arena a;
	struct str text;
	if (!check_mode(path, err))
		return false;
	arena_init(&a, 4 * MAX_FILE);
	bool ok = file_read(&a, str_from(path), MAX_FILE, &text, err);
	ok = ok && parse_keys(v, text, str_from(path), err);
	if (ok)
		sodium_memzero((char *)(uintptr_t)text.p, text.n);
	arena_done(&a);
	return ok;
}

static bool path_text(struct str path, char ret_path[PATH_MAX], struct error *err)
{
	if (!path.n || path.n >= PATH_MAX || memchr(path.p, 0, path.n))
		return error_set(err, ERR_CONFIG, "The file of sealing keys has no usable name");
	memcpy(ret_path, path.p, path.n);
	ret_path[path.n] = 0;
	return true;
}

struct vault *vault_open(struct str path, struct error *err)
{
	char name[PATH_MAX];
	if (!path_text(path, name, err) || !vault_ready(err))
		return NULL;
	if (access(name, F_OK) != 0 && errno == ENOENT && !make_file(name, err))
		return NULL;
	struct vault *v = calloc(1, sizeof(*v));
	if (!v) {
		error_memory(err);
		return NULL;
	}
	snprintf(v->path, sizeof(v->path), "%s", name);
	pthread_rwlock_init(&v->lock, NULL);
	if (read_keys(&v->ring, name, err))
		return v;
	vault_close(v);
	return NULL;
}

void vault_close(struct vault *v)
{
	if (!v)
		return;
	pthread_rwlock_destroy(&v->lock);
	sodium_memzero(v, sizeof(*v));
	free(v);
}

/* Whoever seals and opens does not change the vault; that the file may have changed is no matter of theirs. */
static pthread_rwlock_t *lock_of(const struct vault *v)
{
	return (pthread_rwlock_t *)(uintptr_t)&v->lock;
}

bool vault_reload(const struct vault *v, struct error *err)
{
	struct ring *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return error_memory(err);
	bool ok = read_keys(fresh, v->path, err);
	if (ok) {
		pthread_rwlock_wrlock(lock_of(v));
		*(struct ring *)(uintptr_t)&v->ring = *fresh;
		pthread_rwlock_unlock(lock_of(v));
	}
	sodium_memzero(fresh, sizeof(*fresh));
	free(fresh);
	return ok;
}

static struct vault_key first_key(const struct vault *v)
{
	pthread_rwlock_rdlock(lock_of(v));
	struct vault_key key = v->ring.keys[0];
	pthread_rwlock_unlock(lock_of(v));
	return key;
}

/* Replaces the file by what make() writes over what it holds now. */
static bool rewrite(struct str path, void (*make)(struct buf *out, struct str old), struct error *err)
{
	struct arena a;
	struct buf content;
	struct str old;
	arena_init(&a, 4 * MAX_FILE);
	buf_init(&content, MAX_FILE);
	bool ok = file_read(&a, path, MAX_FILE, &old, err);
	if (ok) {
		make(&content, old);
		ok = buf_ok(&content) ? file_write(path, buf_str(&content), 0600, err)
				      : error_set(err, ERR_TOO_LARGE, "The file of sealing keys is too large");
		sodium_memzero((char *)(uintptr_t)old.p, old.n);
		if (content.p)
			sodium_memzero(content.p, content.n);
	}
	buf_done(&content);
	arena_done(&a);
	return ok;
}

static void add_on_top(struct buf *out, struct str old)
{
	write_key(out);
	buf_add(out, old);
}

static void keep_first(struct buf *out, struct str old)
{
	bool found = false;
	while (old.n) {
		struct str line = str_split(&old, '\n'), rest = line;
		bool is_key = str_trim(str_split(&rest, '#')).n > 0;
		if (is_key && found)
			continue;
		found = found || is_key;
		buf_add(out, line);
		buf_char(out, '\n');
	}
}

bool vault_drop_old(struct str path, size_t *ret_dropped, struct error *err)
{
	struct vault *v = vault_open(path, err);
	if (!v)
		return false;
	size_t old = v->ring.count - 1;
	vault_close(v);
	if (old && !rewrite(path, keep_first, err))
		return false;
	*ret_dropped = old;
	return true;
}

bool vault_rotate(struct str path, char ret_id[VAULT_KEY_ID_SIZE], struct error *err)
{
	struct vault *v = vault_open(path, err), *after = NULL;
	if (!v)
		return false;
	bool ok = v->ring.count < VAULT_MAX_KEYS ||
		  error_set(err, ERR_LIMIT, "There are %d keys already: drop those that nothing is sealed with",
			    VAULT_MAX_KEYS);
	vault_close(v);
	ok = ok && rewrite(path, add_on_top, err);
	after = ok ? vault_open(path, err) : NULL;
	if (after)
		memcpy(ret_id, after->ring.keys[0].id, VAULT_KEY_ID_SIZE);
	vault_close(after);
	return after != NULL;
}

struct vault_id vault_key_id(const struct vault *v)
{
	struct vault_key key = first_key(v);
	struct vault_id id;
	memcpy(id.text, key.id, sizeof(id.text));
	sodium_memzero(&key, sizeof(key));
	return id;
}

size_t vault_key_count(const struct vault *v)
{
	pthread_rwlock_rdlock(lock_of(v));
	size_t count = v->ring.count;
	pthread_rwlock_unlock(lock_of(v));
	return count;
}

/* ---- sealing ----------------------------------------------------------------------------------------------------- */

/* A key of its own for each purpose: BLAKE2b of the purpose under the key. */
static void key_for(const struct vault_key *key, struct str purpose, unsigned char ret_key[KEY])
{
	crypto_generichash(ret_key, KEY, (const unsigned char *)(purpose.p ? purpose.p : ""), purpose.n, key->bytes,
			   KEY);
}

bool vault_seal(const struct vault *v, struct arena *a, struct str purpose, struct str plain, struct str *ret_sealed,
		struct error *err)
{
	unsigned char key[KEY];
	struct buf out;
	if (plain.n > VAULT_SEAL_MAX)
		return error_set(err, ERR_TOO_LARGE, "A secret to be sealed has more than %d bytes", VAULT_SEAL_MAX);
	size_t n = NONCE + crypto_secretbox_MACBYTES + plain.n;
	unsigned char *box = arena_alloc(a, n);
	if (!box)
		return error_memory(err);
	random_bytes(box, NONCE);
	struct vault_key with = first_key(v);
	key_for(&with, purpose, key);
	sodium_memzero(with.bytes, KEY);
	crypto_secretbox_easy(box + NONCE, (const unsigned char *)(plain.p ? plain.p : ""), plain.n, box, key);
	sodium_memzero(key, KEY);
	buf_init(&out, 2 * n + 64);
	buf_add(&out, S(FORM));
	buf_add(&out, str_make(with.id, VAULT_KEY_ID_SIZE));
	buf_char(&out, '.');
	encode_base64url(&out, str_make((const char *)box, n));
	struct str sealed = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	if (!sealed.p)
		return error_memory(err);
	*ret_sealed = sealed;
	return true;
}

bool vault_is_sealed(struct str text)
{
	size_t form = sizeof(FORM) - 1;
	return str_starts(text, S(FORM)) && text.n > form + VAULT_KEY_ID_SIZE + 1 &&
	       text.p[form + VAULT_KEY_ID_SIZE] == '.';
}

static struct str sealed_id(struct str sealed)
{
	return str_slice(sealed, sizeof(FORM) - 1, sizeof(FORM) - 1 + VAULT_KEY_ID_SIZE);
}

bool vault_is_stale(const struct vault *v, struct str sealed)
{
	struct vault_id id = vault_key_id(v);
	return vault_is_sealed(sealed) && !str_eq(sealed_id(sealed), str_make(id.text, sizeof(id.text)));
}

static bool find_known(const struct vault *v, struct str id, struct vault_key *ret_key)
{
	bool found = false;
	pthread_rwlock_rdlock(lock_of(v));
	for (size_t i = 0; i < v->ring.count && !found; i++) {
		found = str_eq(id, str_make(v->ring.keys[i].id, VAULT_KEY_ID_SIZE));
		if (found)
			*ret_key = v->ring.keys[i];
	}
	pthread_rwlock_unlock(lock_of(v));
	return found;
}

/* Another process may have written a newer key meanwhile. */
static bool find_key(const struct vault *v, struct str id, struct vault_key *ret_key)
{
	struct error ignored = {0};
	return find_known(v, id, ret_key) || (vault_reload(v, &ignored) && find_known(v, id, ret_key));
}

static bool open_box(const struct vault_key *from, struct arena *a, struct str purpose, struct str box,
		     struct str *ret_plain, struct error *err)
{
	unsigned char key[KEY];
	if (box.n < NONCE + crypto_secretbox_MACBYTES)
		return error_set(err, ERR_VALUE, "This is no sealed value");
	size_t n = box.n - NONCE - crypto_secretbox_MACBYTES;
	unsigned char *plain = arena_alloc(a, n + 1);
	if (!plain)
		return error_memory(err);
	const unsigned char *p = (const unsigned char *)box.p;
	key_for(from, purpose, key);
	bool ok = crypto_secretbox_open_easy(plain, p + NONCE, box.n - NONCE, p, key) == 0;
	sodium_memzero(key, KEY);
	if (!ok)
		return error_set(err, ERR_SIGNATURE, "A sealed value was changed, or was sealed for something else");
	plain[n] = 0;
	*ret_plain = str_make((const char *)plain, n);
	return true;
}

bool vault_unseal(const struct vault *v, struct arena *a, struct str purpose, struct str sealed, struct str *ret_plain,
		  struct error *err)
{
	struct buf box;
	if (!vault_is_sealed(sealed) || sealed.n > 2 * VAULT_SEAL_MAX)
		return error_set(err, ERR_VALUE, "This is no sealed value");
	struct vault_key key;
	if (!find_key(v, sealed_id(sealed), &key))
		return error_set(err, ERR_KEY, "A secret is sealed with key %.*s, which the file of keys does not hold",
				 STR_ARG(sealed_id(sealed)));
	buf_init(&box, 2 * VAULT_SEAL_MAX);
	bool ok = decode_base64url(&box, str_slice(sealed, sizeof(FORM) + VAULT_KEY_ID_SIZE, sealed.n))
			  ? open_box(&key, a, purpose, buf_str(&box), ret_plain, err)
			  : error_set(err, ERR_VALUE, "This is no sealed value");
	sodium_memzero(key.bytes, KEY);
	buf_done(&box);
	return ok;
}
