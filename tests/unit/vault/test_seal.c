/* Sealing: what comes back, what does not, and the file of keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "vault/vault.h"

struct world {
	char directory[64], path[96];
	struct arena a;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	snprintf(w->directory, sizeof(w->directory), "/tmp/firth-seal-XXXXXX");
	if (!mkdtemp(w->directory))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/seal.key", w->directory);
	arena_init(&w->a, 1 << 24);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	unlink(w->path);
	rmdir(w->directory);
	arena_done(&w->a);
	free(w);
	return 0;
}

static struct vault *open_vault(struct world *w)
{
	struct error err = {0};
	struct vault *v = vault_open(str_from(w->path), &err);
	if (!v)
		fail_msg("%s", err.text);
	return v;
}

static struct str seal(struct world *w, const struct vault *v, const char *purpose, const char *plain)
{
	struct str sealed = STR_NULL;
	assert_true(vault_seal(v, &w->a, str_from(purpose), str_from(plain), &sealed, NULL));
	return sealed;
}

static enum error_code unseal(struct world *w, const struct vault *v, const char *purpose, struct str sealed,
			      const char *expected)
{
	struct error err = {0};
	struct str plain = STR_NULL;
	if (!vault_unseal(v, &w->a, str_from(purpose), sealed, &plain, &err))
		return err.code;
	assert_string_equal(plain.p, expected);
	return ERR_NONE;
}

static void a_secret_comes_back(void **state)
{
	struct world *w = *state;
	struct vault *v = open_vault(w);
	struct str one = seal(w, v, "totp/anna", "the secret"), two = seal(w, v, "totp/anna", "the secret");
	assert_true(vault_is_sealed(one));
	assert_false(vault_is_sealed(S("the secret")));
	assert_false(vault_is_sealed(S("sealed1.")));
	assert_false(str_eq(one, two)); /* nobody sees that two secrets are equal */
	assert_true(str_find(one, S("secret")) == STR_NONE);
	assert_int_equal(unseal(w, v, "totp/anna", one, "the secret"), ERR_NONE);
	assert_int_equal(unseal(w, v, "totp/anna", seal(w, v, "totp/anna", ""), ""), ERR_NONE);
	vault_close(v);
	v = open_vault(w); /* the key is on disk */
	assert_int_equal(unseal(w, v, "totp/anna", two, "the secret"), ERR_NONE);
	vault_close(v);
}

static void what_was_touched_does_not_open(void **state)
{
	struct world *w = *state;
	struct vault *v = open_vault(w);
	struct str sealed = seal(w, v, "totp/anna", "the secret");
	assert_int_equal(unseal(w, v, "totp/bert", sealed, ""), ERR_SIGNATURE);
	for (size_t i = 17; i < sealed.n; i += 5) {
		struct str copy = arena_str(&w->a, sealed);
		((char *)(uintptr_t)copy.p)[i] = copy.p[i] == 'A' ? 'B' : 'A';
		assert_int_not_equal(unseal(w, v, "totp/anna", copy, ""), ERR_NONE);
	}
	assert_int_equal(unseal(w, v, "totp/anna", str_slice(sealed, 0, 30), ""), ERR_VALUE);
	assert_int_equal(unseal(w, v, "totp/anna", S("sealed1.0123"), ""), ERR_VALUE);
	assert_int_equal(unseal(w, v, "totp/anna", S("sealed1.00000000.AAAA"), ""), ERR_KEY);
	vault_close(v);
}

static void keys_are_rotated(void **state)
{
	struct world *w = *state;
	struct vault *before = open_vault(w);
	struct str old = seal(w, before, "key", "private half");
	char id[VAULT_KEY_ID_SIZE];
	assert_true(vault_rotate(str_from(w->path), id, NULL));
	struct vault *after = open_vault(w);
	assert_int_equal(vault_key_count(after), 2);
	struct vault_id now = vault_key_id(after), then = vault_key_id(before);
	assert_memory_equal(now.text, id, sizeof(id));
	assert_memory_not_equal(now.text, then.text, sizeof(id));
	assert_int_equal(unseal(w, after, "key", old, "private half"), ERR_NONE);
	assert_true(vault_is_stale(after, old));
	struct str new = seal(w, after, "key", "private half");
	assert_false(vault_is_stale(after, new));
	/* A process that began before reads the file again when it meets the new key, and seals with it from then on.
	 */
	assert_false(vault_is_stale(before, old));
	assert_int_equal(unseal(w, before, "key", new, "private half"), ERR_NONE);
	assert_true(vault_is_stale(before, old));
	vault_close(before);
	vault_close(after);
	size_t dropped;
	assert_true(vault_drop_old(str_from(w->path), &dropped, NULL));
	assert_int_equal(dropped, 1);
	after = open_vault(w);
	assert_int_equal(vault_key_count(after), 1);
	assert_int_equal(unseal(w, after, "key", new, "private half"), ERR_NONE);
	assert_int_equal(unseal(w, after, "key", old, ""), ERR_KEY);
	vault_close(after);
	struct stat status;
	assert_int_equal(stat(w->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void a_file_that_cannot_be_trusted_is_refused(void **state)
{
	static const struct {
		const char *content;
		unsigned mode;
	} rows[] = {{"", 0600},
		    {"# nothing\n", 0600},
		    {"AAAA\n", 0600},
		    {"no key at all!\n", 0600},
		    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0644},
		    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", 0620}};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		assert_true(file_write(str_from(w->path), str_from(rows[i].content), 0600, NULL));
		assert_int_equal(chmod(w->path, rows[i].mode), 0);
		assert_null(vault_open(str_from(w->path), &err));
		assert_int_equal(err.code, ERR_CONFIG);
		assert_null(strstr(err.text, "AAAA")); /* never the key */
	}
	assert_true(
		file_write(str_from(w->path), S(" AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA # mine"), 0400, NULL));
	vault_close(open_vault(w));
}

static void a_directory_that_is_not_there_is_told(void **state)
{
	struct error err = {0};
	(void)state;
	assert_null(vault_open(S("/nonexistent/seal.key"), &err));
	assert_true(err.code != ERR_NONE && strstr(err.text, "/nonexistent"));
	error_clear(&err);
	assert_null(vault_open(S(""), &err));
	assert_int_equal(err.code, ERR_CONFIG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_secret_comes_back),
		TEST(what_was_touched_does_not_open),
		TEST(keys_are_rotated),
		TEST(a_file_that_cannot_be_trusted_is_refused),
		TEST(a_directory_that_is_not_there_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
