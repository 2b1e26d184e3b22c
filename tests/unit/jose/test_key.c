/* Keys: made, written, read back, from files of other tools, and those that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "jose/jose.h"

/* The example of RFC 7638 section 3.1. */
#define RFC7638_N                                                                                                      \
	"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"                      \
	"BJECPebWKRXjBZCiFV4n3oknj"                                                                                    \
	"hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"                                              \
	"FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"                                                            \
	"vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"         \
	"kEgU8awapJzK"                                                                                                 \
	"nqDKgw"

static struct jose_key_set *parse_set(struct arena *a, const char *text, struct error *err)
{
	const struct json *j = json_parse(a, str_from(text), 0, err);
	assert_non_null(j);
	return jose_key_set_parse(j, err);
}

static void thumbprint_of_rfc_7638(void **state)
{
	(void)state;
	struct arena a;
	struct error err = {0};
	arena_init(&a, 1 << 20);
	struct jose_key_set *set =
		parse_set(&a, "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RFC7638_N "\"}]}", &err);
	if (!set)
		fail_msg("%s", err.text);
	assert_true(jose_key_set_has(set, S("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")));
	assert_false(jose_key_set_has(set, S("")));
	jose_key_set_free(set);
	arena_done(&a);
}

static void check_sign_and_verify(const struct jose_key *key, const struct jose_key *other)
{
	struct arena a;
	struct error err = {0};
	struct buf token, jwks;
	arena_init(&a, 1 << 20);
	buf_init(&token, 1 << 16);
	buf_init(&jwks, 1 << 16);
	assert_true(jose_sign(key, S("{\"iss\":\"me\",\"exp\":1}"), &token, &err));
	assert_true(jose_key_write_public_set(other, &jwks, &err));
	assert_true(str_find(buf_str(&jwks), S("\"d\"")) == STR_NONE);
	buf_char(&jwks, '\0');
	struct jose_key_set *set = parse_set(&a, jwks.p, &err);
	struct jose_token read;
	if (!set || !jose_verify(&a, buf_str(&token), set, &read, &err))
		fail_msg("%s", err.text);
	assert_true(str_is(json_get_str(read.claims, S("iss")), "me"));
	assert_true(str_eq(read.kid, jose_key_id(key)));
	assert_true(str_is(read.type, "JWT"));
	jose_key_set_free(set);
	buf_done(&token);
	buf_done(&jwks);
	arena_done(&a);
}

static void keys_survive_being_written(void **state)
{
	(void)state;
	static const enum jose_algorithm both[] = {JOSE_RS384, JOSE_ES384};
	for (size_t i = 0; i < 2; i++) {
		enum jose_algorithm algorithm = both[i];
		struct error err = {0};
		struct buf text;
		buf_init(&text, 1 << 16);
		struct jose_key *key = jose_key_new(algorithm, &err);
		if (!key)
			fail_msg("%s", err.text);
		assert_int_equal(jose_key_id(key).n, 43);
		assert_true(jose_key_write_private(key, &text, &err));
		struct jose_key *again = jose_key_parse(buf_str(&text), &err);
		if (!again)
			fail_msg("%s", err.text);
		assert_true(jose_key_algorithm(again) == algorithm);
		assert_true(str_eq(jose_key_id(key), jose_key_id(again)));
		check_sign_and_verify(again, key);
		jose_key_free(key);
		jose_key_free(again);
		buf_done(&text);
	}
}

/* Runs the openssl command, which ships with the library that we link. NULL when it is not there. */
static char *pem_of(const char *command, char *text, size_t size)
{
	FILE *p = popen(command, "r");
	if (!p)
		return NULL;
	size_t n = fread(text, 1, size - 1, p);
	text[n] = '\0';
	return pclose(p) == 0 && n ? text : NULL;
}

static void reads_pem_of_other_tools(void **state)
{
	(void)state;
	static const struct {
		const char *command;
		enum jose_algorithm algorithm; /* JOSE_NONE: refused */
	} cases[] = {
		{"openssl genrsa 2048 2>/dev/null", JOSE_RS384}, /* PKCS#8 */
		{"openssl genrsa -traditional 2048 2>/dev/null", JOSE_RS384}, /* PKCS#1 */
		{"openssl ecparam -name secp384r1 -genkey -noout 2>/dev/null", JOSE_ES384}, /* SEC1 */
		{"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 2>/dev/null", JOSE_ES384},
		{"openssl ecparam -name secp384r1 -genkey 2>/dev/null", JOSE_NONE}, /* parameters come first */
		{"openssl genrsa 1024 2>/dev/null", JOSE_NONE},
		{"openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null", JOSE_NONE},
		{"openssl genpkey -algorithm ed25519 2>/dev/null", JOSE_NONE},
		{"openssl genrsa -aes128 -passout pass:secret 2048 2>/dev/null", JOSE_NONE},
		{"openssl genrsa 2048 2>/dev/null | openssl rsa -pubout 2>/dev/null", JOSE_NONE},
		{"openssl genrsa 2048 2>/dev/null | head -n 10", JOSE_NONE},
	};
	char text[8192];
	if (!pem_of("openssl version", text, sizeof(text))) {
		print_message("skipped: no openssl command\n");
		return;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		if (!pem_of(cases[i].command, text, sizeof(text)))
			fail_msg("%s", cases[i].command);
		struct jose_key *key = jose_key_parse(str_from(text), &err);
		if (cases[i].algorithm == JOSE_NONE && i == 4) {
			/* Either reading is fine, as long as it is the right key. */
			jose_key_free(key);
			continue;
		}
		if ((key != NULL) != (cases[i].algorithm != JOSE_NONE))
			fail_msg("%s: %s", cases[i].command, key ? "accepted" : err.text);
		if (key) {
			assert_true(jose_key_algorithm(key) == cases[i].algorithm);
			check_sign_and_verify(key, key);
		} else {
			assert_int_equal(err.code, ERR_KEY);
		}
		jose_key_free(key);
	}
}

static void refuses_unusable_sets(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"[]", "array named keys"},
		{"{\"keys\":{}}", "array named keys"},
		{"{\"keys\":[]}", "no usable key"},
		{"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}]}", "no usable key"},
		{"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "private or secret"},
		{"{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RFC7638_N "\",\"use\":\"enc\"}]}",
		 "no usable key"},
		{"{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RFC7638_N "\",\"alg\":\"RS256\"}]}",
		 "no usable key"},
		{"{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RFC7638_N "\",\"key_ops\":[\"encrypt\"]}]}",
		 "no usable key"},
		{"{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RFC7638_N "\",\"d\":\"AQAB\"}]}",
		 "private or secret"},
		{"{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQ\",\"n\":\"" RFC7638_N "\"}]}", "not sound"},
		{"{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RFC7638_N "==\"}]}", "base64url"},
		{"{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":"
		 "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78L\"}]}",
		 "bits"},
		{"{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\"}]}", "needs n and e"},
		{"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}]}", "48 bytes"},
		/* 48 bytes each, but no point of the curve. */
		{"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":"
		 "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		 "AAAAAAAAAAAB\",\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\"}]}",
		 "not sound"},
		{"{\"keys\":[7]}", "not a JSON object"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct error err = {0};
		arena_init(&a, 1 << 20);
		struct jose_key_set *set = parse_set(&a, cases[i].text, &err);
		if (set || err.code != ERR_KEY || !strstr(err.text, cases[i].why))
			fail_msg("case %zu: %s", i, set ? "accepted" : err.text);
		arena_done(&a);
	}
}

static void refuses_what_is_no_private_key(void **state)
{
	(void)state;
	static const char *const texts[] = {"",
					    "{}",
					    "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RFC7638_N "\"}",
					    "{\"kty\":\"RSA\",\"d\":\"AQAB\"}",
					    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
					    "-----BEGIN NOTHING-----",
					    "hello"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error err = {0};
		struct jose_key *key = jose_key_parse(str_from(texts[i]), &err);
		assert_null(key);
		assert_true(err.code != ERR_NONE && err.text[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thumbprint_of_rfc_7638),	  cmocka_unit_test(keys_survive_being_written),
		cmocka_unit_test(reads_pem_of_other_tools),	  cmocka_unit_test(refuses_unusable_sets),
		cmocka_unit_test(refuses_what_is_no_private_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
