/* Passwords: hashes that can be checked, hashes that cannot, and the cost that rises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "vault/vault.h"

static void a_hash_knows_its_password_only(void **state)
{
	char hash[VAULT_HASH_SIZE], again[VAULT_HASH_SIZE];
	struct error err = {0};
	(void)state;
	assert_true(vault_password_hash(S("correct horse battery"), hash, &err));
	assert_true(vault_password_hash(S("correct horse battery"), again, &err));
	assert_true(strncmp(hash, "$argon2id$v=19$m=65536,t=3,p=1$", 31) == 0);
	assert_string_not_equal(hash, again); /* a salt of its own */
	assert_true(vault_hash_is_valid(str_from(hash)));
	assert_int_equal(vault_password_check(S("correct horse battery"), str_from(hash)), VAULT_RIGHT);
	assert_int_equal(vault_password_check(S("correct horse batterz"), str_from(hash)), VAULT_WRONG);
	assert_int_equal(vault_password_check(S("correct horse batter"), str_from(hash)), VAULT_WRONG);
	assert_int_equal(vault_password_check(S(""), str_from(hash)), VAULT_WRONG);
	assert_int_equal(vault_password_check(STR_NULL, str_from(hash)), VAULT_WRONG);
}

static void bytes_after_a_zero_count(void **state)
{
	char hash[VAULT_HASH_SIZE];
	(void)state;
	assert_true(vault_password_hash(S("secret\0one"), hash, NULL));
	assert_int_equal(vault_password_check(S("secret\0two"), str_from(hash)), VAULT_WRONG);
	assert_int_equal(vault_password_check(S("secret\0one"), str_from(hash)), VAULT_RIGHT);
}

static void a_password_has_a_size(void **state)
{
	char hash[VAULT_HASH_SIZE], text[VAULT_PASSWORD_MAX + 1];
	struct error err = {0};
	(void)state;
	memset(text, 'a', sizeof(text));
	assert_false(vault_password_hash(S(""), hash, &err));
	assert_int_equal(err.code, ERR_VALUE);
	error_clear(&err);
	assert_false(vault_password_hash(str_make(text, sizeof(text)), hash, &err));
	assert_int_equal(err.code, ERR_VALUE);
	assert_true(vault_password_hash(str_make(text, VAULT_PASSWORD_MAX), hash, NULL));
	assert_int_equal(vault_password_check(str_make(text, VAULT_PASSWORD_MAX + 1), str_from(hash)), VAULT_WRONG);
}

/* Made by the command line program of the reference implementation's form: 19 MiB, 2 passes. */
static void an_older_cost_is_told(void **state)
{
	static const char old[] = "$argon2id$v=19$m=19456,t=1,p=1$QnUsqqTWe7upcxFs4uMB4Q$"
				  "jJcD46BCuV7EG6Ccz143YdFPgAD16gWgoTIHh+6iPM8";
	(void)state;
	assert_int_equal(vault_password_check(S("correct horse"), str_from(old)), VAULT_RIGHT_OLD);
	assert_int_equal(vault_password_check(S("correct hors"), str_from(old)), VAULT_WRONG);
}

static void what_is_no_hash_is_known(void **state)
{
	static const char *const texts[] = {
		"",
		"secret",
		"$argon2i$v=19$m=65536,t=3,p=1$QnUsqqTWe7upcxFs4uMB4Q$jJcD46BCuV7EG6Ccz143YdFPgAD16gWgoTIHh+6iPM8",
		"$argon2id$v=19$m=65536,t=3,p=1$QnUsqqTWe7upcxFs4uMB4Q",
		"$argon2id$v=19$m=65536,t=3$QnUsqqTWe7upcxFs4uMB4Q$jJcD46BCuV7EG6Ccz143YdFPgAD16gWgoTIHh+6iPM8",
		"$argon2id$v=19$m=4194304,t=3,p=1$QnUsqqTWe7upcxFs4uMB4Q$jJcD46BCuV7EG6Ccz143YdFPgAD16gWgoTIHh+6iPM8",
		"$argon2id$v=19$m=65536,t=999999,p=1$QnUsqqTWe7upcxFs4uMB4Q$jJcD46BCuV7EG6Ccz143YdFPgAD16gWgoTIHh+6iP",
		"$argon2id$v=19$m=1,t=3,p=1$QnUsqqTWe7upcxFs4uMB4Q$jJcD46BCuV7EG6Ccz143YdFPgAD16gWgoTIHh+6iPM8",
		"$argon2id$v=19$",
		"$argon2id$v=19$m=,t=,p=$$",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (vault_hash_is_valid(str_from(texts[i])))
			fail_msg("taken for a hash: %s", texts[i]);
		assert_int_equal(vault_password_check(S("secret"), str_from(texts[i])), VAULT_WRONG);
	}
}

/* Not refused early for its form: the work is done. */
static void nobody_costs_as_much_as_anybody(void **state)
{
	char nobody[VAULT_HASH_SIZE], somebody[VAULT_HASH_SIZE];
	uint64_t took[2];
	(void)state;
	vault_hash_nobody(nobody);
	assert_true(vault_hash_is_valid(str_from(nobody)));
	assert_true(vault_password_hash(S("correct horse battery"), somebody, NULL));
	for (int i = 0; i < 2; i++) {
		uint64_t start = clock_monotonic_ns();
		assert_int_equal(vault_password_check(S("guess"), str_from(i ? somebody : nobody)), VAULT_WRONG);
		took[i] = clock_monotonic_ns() - start;
	}
	assert_true(took[0] > took[1] / 4);
}

static void comparing_and_wiping(void **state)
{
	char text[] = "secret";
	(void)state;
	assert_true(vault_equal(S("abc"), S("abc")));
	assert_true(vault_equal(S(""), STR_NULL));
	assert_false(vault_equal(S("abc"), S("abd")));
	assert_false(vault_equal(S("abc"), S("ab")));
	vault_wipe(text, sizeof(text));
	assert_memory_equal(text, "\0\0\0\0\0\0\0", sizeof(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hash_knows_its_password_only),  cmocka_unit_test(bytes_after_a_zero_count),
		cmocka_unit_test(a_password_has_a_size),	   cmocka_unit_test(an_older_cost_is_told),
		cmocka_unit_test(what_is_no_hash_is_known),	   cmocka_unit_test(comparing_and_wiping),
		cmocka_unit_test(nobody_costs_as_much_as_anybody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
