/* What the launch simulator shows of messages: names and values, and never a secret that could be used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sandbox/launcher_priv.h"

#define LONG "aVeryLongSecretThatNobodyMayReadInFull0123456"

static void secrets_are_cut_short(void **state)
{
	(void)state;
	static const struct {
		const char *form, *shown;
	} cases[] = {
		{"client_id=app&scope=openid+launch", "client_id: app\nscope: openid launch\n"},
		{"code=" LONG, "code: aVer... (45 characters)\n"},
		{"refresh_token=" LONG "&grant_type=refresh_token",
		 "refresh_token: aVer... (45 characters)\ngrant_type: refresh_token\n"},
		{"password=" LONG, "password: (hidden)\n"},
		{"client_secret=" LONG, "client_secret: (hidden)\n"},
		{"code=123456", "code: (hidden)\n"}, /* of a phone: few characters would tell all */
		{"state=%41b&x", "state: (hidden)\nx: \n"},
		{"", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out;
		buf_init(&out, 10000);
		launcher_show_form(&out, str_from(cases[i].form));
		if (!str_is(buf_str(&out), cases[i].shown))
			fail_msg("%s: %.*s", cases[i].form, STR_ARG(buf_str(&out)));
		buf_done(&out);
	}
}

static void answers_are_masked_too(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 10000);
	launcher_show_json(&out,
			   S("{\"access_token\":\"" LONG "\",\"expires_in\":300,\"patient\":\"p1\",\"id_token\":\"" LONG
			     "\",\"fhirContext\":[{\"reference\":\"X/1\"}]}"));
	launcher_show_json(&out, S("no JSON at all"));
	launcher_show_url(&out, S("https://app.example/cb?code=" LONG "&state=" LONG));
	launcher_show_header(&out, "Authorization", S("Bearer " LONG));
	launcher_show_header(&out, "Authorization", S("Basic YXBwOnNlY3JldA=="));
	struct str text = buf_str(&out);
	assert_int_equal(str_find(text, S(LONG)), STR_NONE);
	assert_int_equal(str_find(text, S("YXBwOnNlY3JldA")), STR_NONE);
	assert_true(str_find(text, S("expires_in: 300\npatient: p1\n")) != STR_NONE);
	assert_true(str_find(text, S("to: https://app.example/cb\ncode: aVer")) != STR_NONE);
	assert_true(str_find(text, S("fhirContext: [{\"reference\":\"X/1\"}]")) != STR_NONE);
	buf_done(&out);
}

static void each_step_has_words(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path, *form, *words;
	} cases[] = {
		{"GET", "/auth/authorize", "", "ask for access"},
		{"GET", "/tenants/x/personas/provider/authorize", "", "ask for access"},
		{"POST", "/auth/token", "grant_type=authorization_code&code=x", "exchanges the code"},
		{"POST", "/auth/token", "grant_type=refresh_token", "renews"},
		{"GET", "/fhir/Patient/1", "", "uses its token"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_non_null(strstr(
			launcher_meaning(str_from(cases[i].method), str_from(cases[i].path), str_from(cases[i].form)),
			cases[i].words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(secrets_are_cut_short),
					   cmocka_unit_test(answers_are_masked_too),
					   cmocka_unit_test(each_step_has_words)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
