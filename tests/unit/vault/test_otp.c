/* One-time codes against the vectors of RFC 4226 (appendix D) and RFC 6238 (appendix B), and the rules of using them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vault/vault.h"

#define SECRET S("12345678901234567890")

static void codes_of_counters(void **state)
{
	static const uint32_t codes[] = {755224, 287082, 359152, 969429, 338314,
					 254676, 287922, 162583, 399871, 520489};
	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_int_equal(vault_hotp(SECRET, i, 6), codes[i]);
}

static void codes_of_times(void **state)
{
	static const struct {
		uint64_t time;
		uint32_t code;
	} rows[] = {{59, 94287082},	    {1111111109, 7081804},  {1111111111, 14050471},
		    {1234567890, 89005924}, {2000000000, 69279037}, {20000000000, 65353130}};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(vault_hotp(SECRET, rows[i].time / VAULT_OTP_STEP_S, 8), rows[i].code);
}

/* 1234567890 s is in step 41152263, whose code of six digits is 005924. */
static void a_code_is_good_once_and_near_its_time(void **state)
{
	static const struct {
		const char *code;
		int64_t now_s, last;
		bool right;
	} rows[] = {
		{"005924", 1234567890, -1, true},	 {"005924", 1234567890 + 30, -1, true},
		{"005924", 1234567890 - 30, -1, true},	 {"005924", 1234567890 + 61, -1, false},
		{"005924", 1234567890 - 61, -1, false},	 {"005924", 1234567890, 41152262, true},
		{"005924", 1234567890, 41152263, false}, {"005924", 1234567890, 41152264, false},
		{"5924", 1234567890, -1, false},	 {"0005924", 1234567890, -1, false},
		{"+05924", 1234567890, -1, false},	 {"", 1234567890, -1, false},
		{"005925", 1234567890, -1, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t step = -7;
		bool right = vault_otp_check(SECRET, str_from(rows[i].code), rows[i].now_s * 1000, rows[i].last, &step);
		if (right != rows[i].right || step != (right ? 41152263 : -7))
			fail_msg("row %zu: %d, step %ld", i, right, (long)step);
	}
}

static void assert_base32(const char *plain, const char *expected)
{
	struct buf out;
	buf_init(&out, 256);
	vault_base32(&out, str_from(plain));
	buf_char(&out, 0);
	assert_string_equal(out.p, expected);
	buf_done(&out);
}

static void secrets_as_text(void **state)
{
	struct buf out;
	(void)state;
	/* RFC 4648 section 10, without its padding. */
	assert_base32("", "");
	assert_base32("f", "MY");
	assert_base32("fo", "MZXQ");
	assert_base32("foo", "MZXW6");
	assert_base32("foob", "MZXW6YQ");
	assert_base32("fooba", "MZXW6YTB");
	assert_base32("foobar", "MZXW6YTBOI");
	buf_init(&out, 1024);
	vault_otp_uri(&out, S("Firth at St. Mary"), S("anna"), S("foobar"));
	buf_char(&out, 0);
	assert_string_equal(out.p, "otpauth://totp/Firth%20at%20St.%20Mary:anna?secret=MZXW6YTBOI&issuer="
				   "Firth%20at%20St.%20Mary&algorithm=SHA1&digits=6&period=30");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_of_counters),
		cmocka_unit_test(codes_of_times),
		cmocka_unit_test(a_code_is_good_once_and_near_its_time),
		cmocka_unit_test(secrets_as_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
