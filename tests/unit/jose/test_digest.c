/* Digests against the published vectors of FIPS 180-4 and RFC 4231. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/encode.h"
#include "jose/jose.h"

static void assert_hex(const unsigned char bytes[32], const char *expected)
{
	struct buf hex;
	buf_init(&hex, 128);
	encode_hex(&hex, str_make((const char *)bytes, 32));
	buf_char(&hex, '\0');
	assert_string_equal(hex.p, expected);
	buf_done(&hex);
}

static void sha256_of_known_texts(void **state)
{
	(void)state;
	unsigned char digest[32];
	digest_sha256(S("abc"), digest);
	assert_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_sha256(S(""), digest);
	assert_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_sha256(STR_NULL, digest);
	assert_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void digests_as_text(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1024);
	assert_true(
		str_is(digest_hex(&a, S("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	/* RFC 7636, appendix B. */
	assert_true(str_is(digest_base64url(&a, S("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
			   "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
	a.cap = a.used;
	assert_null(digest_hex(&a, S("abc")).p);
	arena_done(&a);
}

static void hmac_of_rfc_4231(void **state)
{
	(void)state;
	unsigned char mac[32];
	digest_hmac_sha256(S("Jefe"), S("what do ya want for nothing?"), mac);
	assert_hex(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	char key[131];
	memset(key, 0xaa, sizeof(key)); /* longer than a block: hashed first */
	digest_hmac_sha256(str_make(key, sizeof(key)), S("Test Using Larger Than Block-Size Key - Hash Key First"),
			   mac);
	assert_hex(mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void equality_sees_every_byte(void **state)
{
	(void)state;
	unsigned char a[32] = {0}, b[32] = {0};
	assert_true(digest_equal(a, b, 32));
	for (int i = 0; i < 32; i++) {
		b[i] = 1;
		assert_false(digest_equal(a, b, 32));
		b[i] = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_of_known_texts),
		cmocka_unit_test(digests_as_text),
		cmocka_unit_test(hmac_of_rfc_4231),
		cmocka_unit_test(equality_sees_every_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
