/* What is warned about before it ends, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app/expiry.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)
static const int64_t now_ms = 1800000000000;

static void clients_end_by_registration_and_secret(void **state)
{
	(void)state;
	static const struct {
		int64_t registration_days, secret_days;
		bool disabled;
		size_t count;
	} table[] = {{0, 0, false, 0}, {31, 31, false, 0}, {30, 31, false, 1}, {31, 29, false, 1},
		     {1, 1, false, 2}, {-5, 31, false, 1}, {1, 1, true, 0}};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct expiry expiries[2];
		const struct smart_client client = {
			.client_id = S("web"),
			.disabled = table[i].disabled,
			.expires_ms = table[i].registration_days ? now_ms + table[i].registration_days * DAY_MS : 0,
			.secret_expires_ms = table[i].secret_days ? now_ms + table[i].secret_days * DAY_MS : 0};
		assert_int_equal(expiry_of(&client, now_ms, expiries), table[i].count);
	}
}

static void authorizations_end_when_nobody_uses_them(void **state)
{
	(void)state;
	assert_true(expiry_grant_is_near(&(struct smart_grant){.offline = true, .expires_ms = now_ms + 7 * DAY_MS},
					 now_ms));
	assert_false(expiry_grant_is_near(&(struct smart_grant){.offline = true, .expires_ms = now_ms + 8 * DAY_MS},
					  now_ms));
	/* Those of a session end with it. */
	assert_false(expiry_grant_is_near(&(struct smart_grant){.expires_ms = now_ms + DAY_MS}, now_ms));
	assert_false(expiry_grant_is_near(&(struct smart_grant){.offline = true}, now_ms));
}

static void keys_should_be_rotated(void **state)
{
	(void)state;
	const int64_t year = EXPIRY_KEY_DAYS * DAY_MS;
	assert_true(expiry_key_is_old(&(struct smart_key){.signing = true, .made_ms = now_ms - year - 1}, now_ms));
	assert_false(expiry_key_is_old(&(struct smart_key){.signing = true, .made_ms = now_ms - year}, now_ms));
	assert_false(expiry_key_is_old(&(struct smart_key){.made_ms = now_ms - 2 * year}, now_ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(clients_end_by_registration_and_secret),
					   cmocka_unit_test(authorizations_end_when_nobody_uses_them),
					   cmocka_unit_test(keys_should_be_rotated)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
