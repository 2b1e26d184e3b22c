/* Keys and signed tokens: round trips, and everything that must not verify. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/encode.h"
#include "jose/jose.h"

#define CLAIMS "{\"iss\":\"app\",\"n\":1.50}"

struct signer {
	struct arena arena;
	struct jose_key *key;
	struct jose_key_set *set;
	struct buf token;
};

static void signer_open(struct signer *s, enum jose_algorithm algorithm)
{
	struct error err = {0};
	struct buf jwks;
	buf_init(&jwks, 100000);
	buf_init(&s->token, 100000);
	arena_init(&s->arena, ARENA_NO_CAP);
	s->key = jose_key_new(algorithm, &err);
	assert_non_null(s->key);
	assert_true(jose_key_write_public_set(s->key, &jwks, &err));
	assert_int_equal(str_find(buf_str(&jwks), S("\"d\"")), STR_NONE);
	s->set = jose_key_set_parse_for(json_parse(&s->arena, buf_str(&jwks), 0, &err), JOSE_OPENID, &err);
	assert_non_null(s->set);
	assert_true(jose_sign(s->key, S(CLAIMS), &s->token, &err));
	buf_done(&jwks);
}

static void signer_close(struct signer *s)
{
	jose_key_free(s->key);
	jose_key_set_free(s->set);
	buf_done(&s->token);
	arena_done(&s->arena);
}

/* One of each way to sign; the digests only differ in their size. */
static const enum jose_algorithm some[] = {JOSE_RS256, JOSE_RS384, JOSE_PS512, JOSE_ES256, JOSE_ES384, JOSE_ES512};
enum { SOME = sizeof(some) / sizeof(some[0]) };

static void each_algorithm_signs_and_verifies(void **state)
{
	(void)state;
	for (size_t i = 0; i < SOME; i++) {
		enum jose_algorithm alg = some[i];
		struct signer s;
		struct jose_token t;
		struct error err = {0};
		signer_open(&s, alg);
		assert_true(jose_key_set_has(s.set, jose_key_id(s.key)));
		assert_true(jose_verify(&s.arena, buf_str(&s.token), s.set, &t, &err));
		assert_true(str_is(t.algorithm, jose_algorithm_name(alg)));
		assert_true(str_eq(t.kid, jose_key_id(s.key)));
		assert_true(str_is(json_get_str(t.claims, S("iss")), "app"));
		assert_true(str_is(json_number(json_get(t.claims, S("n"))), "1.50"));
		signer_close(&s);
	}
}

static void every_changed_byte_is_noticed(void **state)
{
	(void)state;
	struct signer s;
	signer_open(&s, JOSE_ES384);
	for (size_t i = 0; i < s.token.n; i += 7) {
		struct jose_token t;
		struct error err = {0};
		char kept = s.token.p[i];
		s.token.p[i] = kept == 'A' ? 'B' : 'A';
		assert_false(jose_verify(&s.arena, buf_str(&s.token), s.set, &t, &err));
		s.token.p[i] = kept;
	}
	signer_close(&s);
}

/* RFC 8725 section 3.1: what is accepted is decided before the token is seen, and by the key. */
static void an_algorithm_must_be_allowed_and_the_keys(void **state)
{
	(void)state;
	static const struct {
		enum jose_algorithm algorithm;
		unsigned allowed;
		bool usable;
	} cases[] = {{JOSE_RS256, JOSE_SMART, false},
		     {JOSE_ES256, JOSE_SMART, false},
		     {JOSE_PS256, JOSE_BIT(JOSE_RS256), false},
		     {JOSE_ES384, JOSE_SMART, true}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct signer s;
		struct error err = {0};
		struct jose_token t;
		struct buf jwks;
		signer_open(&s, cases[i].algorithm);
		buf_init(&jwks, 100000);
		assert_true(jose_key_write_public_set(s.key, &jwks, &err));
		const struct json *j = json_parse(&s.arena, buf_str(&jwks), 0, &err);
		struct jose_key_set *set = jose_key_set_parse_for(j, cases[i].allowed, &err);
		assert_true((set != NULL) == cases[i].usable);
		assert_true(!set || jose_verify(&s.arena, buf_str(&s.token), set, &t, &err));
		jose_key_set_free(set);
		buf_done(&jwks);
		signer_close(&s);
	}
}

static void another_key_does_not_verify(void **state)
{
	(void)state;
	struct signer a, b;
	struct jose_token t;
	struct error err = {0};
	signer_open(&a, JOSE_ES384);
	signer_open(&b, JOSE_ES384);
	assert_false(jose_verify(&a.arena, buf_str(&a.token), b.set, &t, &err));
	assert_int_equal(err.code, ERR_KEY);
	signer_close(&a);
	signer_close(&b);
}

static void weak_or_foreign_algorithms_are_refused(void **state)
{
	(void)state;
	static const char *const headers[] = {"{\"alg\":\"none\"}",
					      "{\"alg\":\"HS256\"}",
					      "{\"alg\":\"RS256\"}",
					      "{\"alg\":\"ES384\",\"crit\":[\"exp\"]}",
					      "{}",
					      "[]",
					      "x"};
	struct signer s;
	signer_open(&s, JOSE_RS384);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct buf token;
		struct jose_token t;
		struct error err = {0};
		buf_init(&token, 10000);
		encode_base64url(&token, str_from(headers[i]));
		buf_char(&token, '.');
		encode_base64url(&token, S(CLAIMS));
		buf_add(&token, S(".AAAA"));
		assert_false(jose_verify(&s.arena, buf_str(&token), s.set, &t, &err));
		buf_done(&token);
	}
	signer_close(&s);
}

static void malformed_tokens_are_refused(void **state)
{
	(void)state;
	static const char *const tokens[] = {"",	".", "..", "...", "a.b", "e30.e30", "e30.e30.", "e30.e30.AA.AA",
					     "!.e30.AA"};
	struct signer s;
	signer_open(&s, JOSE_ES384);
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		struct jose_token t;
		struct error err = {0};
		assert_false(jose_verify(&s.arena, str_from(tokens[i]), s.set, &t, &err));
	}
	char *huge = arena_calloc(&s.arena, 1, 20000);
	struct jose_token t;
	struct error err = {0};
	memset(huge, 'A', 20000);
	assert_false(jose_peek(&s.arena, str_make(huge, 20000), &t, &err));
	assert_int_equal(err.code, ERR_VALUE);
	signer_close(&s);
}

static void private_keys_come_back_from_their_jwk(void **state)
{
	(void)state;
	for (size_t i = 0; i < SOME; i++) {
		enum jose_algorithm alg = some[i];
		struct signer s;
		struct error err = {0};
		struct buf text, token;
		struct jose_token t;
		signer_open(&s, alg);
		buf_init(&text, 100000);
		buf_init(&token, 100000);
		assert_true(jose_key_write_private(s.key, &text, &err));
		struct jose_key *again = jose_key_parse_for(buf_str(&text), JOSE_OPENID, &err);
		assert_non_null(again);
		assert_true(str_eq(jose_key_id(again), jose_key_id(s.key)));
		assert_true(jose_sign(again, S(CLAIMS), &token, &err));
		assert_true(jose_verify(&s.arena, buf_str(&token), s.set, &t, &err));
		jose_key_free(again);
		buf_done(&text);
		buf_done(&token);
		signer_close(&s);
	}
}

/* RFC 7638 section 3.1 gives this key (its public half) and thumbprint. */
static void thumbprints_follow_the_rfc(void **state)
{
	(void)state;
	struct arena a;
	struct error err = {0};
	arena_init(&a, ARENA_NO_CAP);
	struct jose_key_set *set = jose_key_set_parse(
		json_parse(&a,
			   S("{\"keys\":[{\"kty\":\"RSA\",\"n\":"
			     "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1"
			     "RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_"
			     "RN5w6Cf0h4QyQ5v-65"
			     "YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
			     "bFTWhAI4vMQFh"
			     "6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\",\"e\":"
			     "\"AQAB\"}]}"),
			   0, &err),
		&err);
	assert_non_null(set);
	assert_true(jose_key_set_has(set, S("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")));
	jose_key_set_free(set);
	arena_done(&a);
}

static void key_sets_refuse_what_is_unsafe(void **state)
{
	(void)state;
	static const char *const sets[] = {
		"{}",
		"{\"keys\":[]}",
		"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}]}",
		"{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"wJY\"}]}",
	};
	struct arena a;
	arena_init(&a, ARENA_NO_CAP);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct error err = {0};
		assert_null(jose_key_set_parse(json_parse(&a, str_from(sets[i]), 0, &err), &err));
		assert_int_equal(err.code, ERR_KEY);
	}
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_algorithm_signs_and_verifies),
		cmocka_unit_test(every_changed_byte_is_noticed),
		cmocka_unit_test(an_algorithm_must_be_allowed_and_the_keys),
		cmocka_unit_test(another_key_does_not_verify),
		cmocka_unit_test(weak_or_foreign_algorithms_are_refused),
		cmocka_unit_test(malformed_tokens_are_refused),
		cmocka_unit_test(private_keys_come_back_from_their_jwk),
		cmocka_unit_test(thumbprints_follow_the_rfc),
		cmocka_unit_test(key_sets_refuse_what_is_unsafe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
