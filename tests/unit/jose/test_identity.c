/* id_tokens of other providers: RS256 and ES256 verify with keys for identity, and with no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jose/jose.h"

/* Made with another library, from keys that were thrown away. */
#define RSA_N                                                                                                          \
	"qI21sFYjSrLJ-J39MFDVRC3hjw6TWj6CJoekJr71w_Ini1HS7CiV4SyofXwr3D1MXO0xTprDNmXU1KjbU-c1FDd5TT"                   \
	"afYqBA-s-IlqQJ9AkdffXT0DeuT0JM-rhtjC3q753sdIcIfiYqweVQbRioGs4zulTSnXzy2rz982G5-FkHjxyOIf-n"                   \
	"k-DXHG3ufhmjNllHtdYRdAUEPuKFpZaXGAuh_oGWncWuP-zbZQW-QHsghXFLXt-jnmS6FKF1yws1F9vFHU44zCPpKw"                   \
	"Vd_eFZ0BDMdz95rYjiu8L_qzeWVf8azfieP34ocKBzQhIObNvdU98jS4nHBOxHSVHxNyhWTw"
#define EC_X "8UVh-I3_j0lrENRApQoGI8rKy9u7SRtg7PHToLqHUg0"
#define EC_Y "tPCdVhfLYNuBoUCbaNL4ysNjA7UHnb4Zhh1h0iGXU-c"
#define TOKEN_RS256                                                                                                    \
	"eyJhbGciOiJSUzI1NiIsImtpZCI6IlJTIn0.eyJzdWIiOiJhbm5hIn0.lP0lw7ekrP60-gemHnbJKiG3Zd-3Rk3mi7"                   \
	"Uoj_hR3LzZeHYgJFsDMugA2VaK6hthu2qcqx2jlGZsNKtV-5WowGm597gKdKBs7e4hV38h1e-NJ1YnmqkOFmbRkEYY"                   \
	"RA2q4hfLGyYPGv_87VOcUa1XMhXQOK4TyH3_so37ttDNKZJP-Z2RQIwyJvFGO2evMAi58uAoj87plRhhw1qbEk_uck"                   \
	"XLbMYpcVljri9lkiv8gjNzhOJ4H49Nez7Kz_R3Zv4oYHjzVU0CQsr4iaUrO8BSDP2ljvvRBuVBXMqHqIsaoh4-5qoh"                   \
	"3cNP2hMeBFumBZafPP1La1QEthycgPy2LNwvUg"
#define TOKEN_RS384                                                                                                    \
	"eyJhbGciOiJSUzM4NCIsImtpZCI6IlJTIn0.eyJzdWIiOiJhbm5hIn0.fZqxZQclBBGXV68epARuj2po2nJYRE6EWD"                   \
	"0sZfsWoHl_YbO4bqTsrKfkBI1wzl8PowEp0ci-UejDvdimXu9xSdzRhOKt3WpbJ4bxJcURjEKlvgz_lEV59rOl87PB"                   \
	"-gU-HB-mvfEqWs7J9KxrtbcXsAYghsgwac1coZ8box08T6jcqHjUxlAbKpvcJRdB-fwNGILT_86G75LqY9N4oXymb5"                   \
	"uZWqDfSmyQ_HY3P2O_JrOrJFyLslaSgPfU6MdsANHFuqyVJ3dIdsDHlBjbiQ6m_SncME_zeVy1nkXXXemoY-sajWfs"                   \
	"JM45r7VXDZEwtNzoxlWgQwivg2caYfOPD5yn-g"
#define TOKEN_ES256                                                                                                    \
	"eyJhbGciOiJFUzI1NiIsImtpZCI6IkVTIn0.eyJzdWIiOiJhbm5hIn0.UD5rL2Bwpdu-E9t2GeqspR4zRlz9Us1-Tt"                   \
	"5oxhYX2O8F9mQNKjjFmATKOtW_QlU9cH-glb5lwJ3wHM0I8bS4pA"
#define RSA(more) "{\"kty\":\"RSA\",\"kid\":\"RS\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"" more "}"
#define EC	  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"ES\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}"
#define SET(keys) "{\"keys\":[" keys "]}"

static bool verifies(const char *keys, const char *token, bool identity)
{
	struct arena a;
	struct error err = {0};
	struct jose_token t;
	arena_init(&a, 1 << 20);
	const struct json *jwks = json_parse(&a, str_from(keys), 0, &err);
	struct jose_key_set *set = identity ? jose_key_set_parse_identity(jwks, &err) : jose_key_set_parse(jwks, &err);
	bool ok = set && jose_verify(&a, str_from(token), set, &t, &err) &&
		  str_is(json_get_str(t.claims, S("sub")), "anna");
	jose_key_set_free(set);
	arena_done(&a);
	return ok;
}

static void the_key_decides(void **state)
{
	(void)state;
	static const struct {
		const char *keys, *token;
		bool identity, ok;
	} cases[] = {
		{SET(RSA("")), TOKEN_RS256, true, true},
		{SET(RSA("")), TOKEN_RS384, true, true},
		{SET(RSA(",\"alg\":\"RS256\"")), TOKEN_RS256, true, true},
		{SET(RSA(",\"alg\":\"RS256\"")), TOKEN_RS384, true, false},
		{SET(RSA(",\"alg\":\"RS384\"")), TOKEN_RS256, true, false},
		{SET(RSA(",\"use\":\"enc\"")), TOKEN_RS256, true, false},
		{SET(EC), TOKEN_ES256, true, true},
		{SET(RSA("") "," EC), TOKEN_ES256, true, true},
		{SET(RSA("") "," EC), TOKEN_RS256, true, true},
		{SET(EC), TOKEN_RS256, true, false},
		{SET(RSA("")), TOKEN_RS256, false, false}, /* a client's assertion: SMART knows RS384 and ES384 */
		{SET(RSA("")), TOKEN_RS384, false, true},
		{SET(EC), TOKEN_ES256, false, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (verifies(cases[i].keys, cases[i].token, cases[i].identity) != cases[i].ok)
			fail_msg("case %zu", i);
}

static void a_changed_token_does_not_verify(void **state)
{
	(void)state;
	static const char *const tokens[] = {TOKEN_RS256, TOKEN_ES256};
	for (size_t i = 0; i < 2; i++) {
		char text[2000];
		size_t n = strlen(tokens[i]);
		memcpy(text, tokens[i], n + 1);
		text[n - 20] = text[n - 20] == 'A' ? 'B' : 'A';
		assert_false(verifies(SET(RSA("") "," EC), text, true));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_key_decides),
					   cmocka_unit_test(a_changed_token_does_not_verify)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
