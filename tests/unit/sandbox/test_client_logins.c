/*
 * What a client of both vendors must do with people's logins, over the sandboxes' real HTTP: row_N_ is rule N of the
 * list of rules for tolerant clients. Backend services and everything else are in test_client_rows.c.
 */
#include "site.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "ehr/login.h"
#include "vault/vault.h"

#define LIFE_MS ((int64_t)(v == EHR_EPIC ? 3600 : 570) * 1000)

struct rig {
	struct site site;
	struct ehr_client *ehr;
	struct ehr_logins *logins;
	struct vault *vault;
	struct http_client *http;
	struct arena arena;
	char directory[64];
	unsigned token_requests;
	struct str token_body, token_answer; /* of the last */
};

static int64_t offset_ms; /* the client's clock is so much ahead of the sandbox's */

static int64_t now(void)
{
	return clock_now_ms() + offset_ms;
}

static void no_sleep(unsigned ms)
{
	(void)ms;
}

static bool call(void *ctx, struct arena *a, const struct http_call *how, struct http_answer *ret_answer,
		 struct error *err)
{
	struct rig *r = ctx;
	bool ok = http_call(r->http, a, how, ret_answer, err);
	if (!str_is(how->method, "POST"))
		return ok;
	r->token_requests++;
	r->token_body = arena_str(&r->arena, how->body);
	r->token_answer = ok ? arena_str(&r->arena, ret_answer->body) : STR_NULL;
	return ok;
}

static struct vault *open_vault(const char *directory)
{
	struct error err = {0};
	char path[96];
	snprintf(path, sizeof path, "%s/seal.key", directory);
	struct vault *vault = vault_open(str_from(path), &err);
	must(vault, &err);
	return vault;
}

static struct rig *open_rig(enum ehr_vendor vendor, const char *behaviour)
{
	static struct rig rig;
	static struct ehr_transport transport;
	struct rig *r = &rig;
	struct error err = {0};
	offset_ms = 0;
	*r = (struct rig){.site = open_site(vendor, PEOPLE, behaviour), .directory = "/tmp/firth-people-XXXXXX"};
	assert_non_null(mkdtemp(r->directory));
	arena_init(&r->arena, 64 << 20);
	r->http = http_client_new(&(struct http_client_options){.timeout_ms = 10000}, &err);
	must(r->http, &err);
	r->vault = open_vault(r->directory);
	r->logins = ehr_logins_open(
		&(struct ehr_logins_options){.vault = r->vault,
					     .directory = arena_printf(&r->arena, "%s/logins", r->directory)},
		&err);
	must(r->logins, &err);
	transport = (struct ehr_transport){.call = call, .ctx = r};
	const struct ehr_config config = {.name = S("people"),
					  .vendor = vendor,
					  .base_url = r->site.w->base,
					  .login_client_id = S("confidential"),
					  .login_secret = S(SITE_SECRET)};
	r->ehr = ehr_open(&config,
			  &(struct ehr_client_options){.definitions = definitions_builtin(),
						       .sleep_ms = no_sleep,
						       .now_ms = now,
						       .transport = &transport,
						       .logins = r->logins},
			  &err);
	must(r->ehr, &err);
	return r;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
	(void)info;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void close_rig(struct rig *r)
{
	ehr_close(r->ehr);
	ehr_logins_close(r->logins);
	vault_close(r->vault);
	http_client_free(r->http);
	close_site(&r->site);
	assert_int_equal(nftw(r->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
	arena_done(&r->arena);
}

/* Somebody logs in as in a browser, from within the EHR or not; the login is kept. */
static struct ehr_login log_in(struct rig *r, bool from_ehr)
{
	struct ehr_login_pending pending;
	struct ehr_login login;
	struct ehr_failure f = {0};
	struct error err = {0};
	struct str url;
	const struct ehr_login_ask ask = {
		.redirect_uri = S(PERSON_CALLBACK),
		.launch = from_ehr ? launch_of(&r->site, CONFIDENTIAL) : STR_NULL,
		.scopes =
			from_ehr ? S("openid fhirUser launch online_access offline_access patient/Patient.rs")
				 : S("openid fhirUser launch/patient online_access offline_access patient/Patient.rs")};
	must(ehr_login_begin(r->ehr, &r->arena, &ask, &pending, &url, &f), &f.error);
	struct person p = doctor_of(&r->site);
	struct ended end = person_opens(r->site.w, &p, url);
	size_t query = end.url.p ? str_find_char(end.url, '?', 0) : STR_NONE;
	if (query == STR_NONE)
		fail_msg("no answer: %.*s", STR_ARG(str_slice(end.page, 0, 1000)));
	must(ehr_login_finish(r->ehr, &r->arena, &pending, str_slice(end.url, query + 1, end.url.n), &login, &f),
	     &f.error);
	must(ehr_logins_put(r->logins, &r->arena, S("people"), &login, &err), &err);
	return login;
}

static struct ehr_login kept(struct rig *r)
{
	struct ehr_login login;
	struct error err = {0};
	bool found;
	must(ehr_logins_get(r->logins, &r->arena, S("people"), &login, &found, &err) && found, &err);
	return login;
}

static void read_patient(struct rig *r)
{
	struct ehr_resource got;
	struct ehr_failure f = {0};
	must(ehr_read(r->ehr, &r->arena, S("Patient"), r->site.w->patient, &got, &f), &f.error);
}

#define FOR_BOTH(v) for (enum ehr_vendor v = EHR_EPIC; v <= EHR_CERNER; v++)

/* token_type in any case, need_patient_banner as a word or a boolean, and what no specification names. */
static void row_3_answers_of_logins_are_read_as_they_come(void **state)
{
	(void)state;
	FOR_BOTH(v)
	{
		struct rig *r = open_rig(v, v == EHR_EPIC ? "token-library=on" : NULL);
		struct ehr_login login = log_in(r, true);
		struct error err = {0};
		const struct json *answer = json_parse(&r->arena, r->token_answer, 0, &err);
		must(answer, &err);
		/* What came is what the vendor sends, ... */
		const struct json *banner = json_get(answer, S("need_patient_banner"));
		assert_true(v == EHR_EPIC ? str_is(json_str(banner), "false") : json_is(banner, JSON_BOOL));
		assert_true(str_is(json_get_str(answer, S("token_type")), v == EHR_EPIC ? "bearer" : "Bearer"));
		/* ... and was understood. */
		assert_false(login.need_patient_banner);
		assert_true(str_eq(login.patient, r->site.w->patient));
		assert_true(login.access_token.n && login.refresh_token.n && login.granted.n);
		const struct json *others = json_parse(&r->arena, login.others, 0, &err);
		must(others, &err);
		if (v == EHR_EPIC)
			assert_true(json_get_str(others, S("__epic.dstu2.patient")).n &&
				    json_get_str(others, S("epic.scanning.dmsusername")).n);
		else
			assert_true(json_get_str(others, S("tenant")).n && json_get_str(others, S("user")).n &&
				    str_is(json_get_str(others, S("username")), "clinician"));
		assert_null(json_get(others, S("access_token")));
		struct ehr_login again = kept(r);
		assert_true(str_eq(again.others, login.others)); /* as long as the login */
		read_patient(r);
		close_rig(r);
	}
}

/* At four fifths of its life, and neither before nor after; a refresh token that does not come again stays, one that
 * comes takes its place. */
static void row_4_logins_are_renewed_at_four_fifths(void **state)
{
	(void)state;
	static const struct {
		enum ehr_vendor vendor;
		const char *behaviour;
		bool rolls;
	} sites[] = {{EHR_EPIC, NULL, false}, {EHR_EPIC, "refresh=rolling", true}, {EHR_CERNER, NULL, false}};
	for (size_t i = 0; i < sizeof(sites) / sizeof(*sites); i++) {
		enum ehr_vendor v = sites[i].vendor;
		struct rig *r = open_rig(v, sites[i].behaviour);
		struct ehr_login login = log_in(r, false);
		assert_int_equal(login.expires_ms - login.issued_ms, LIFE_MS);
		assert_int_equal(login.renew_ms - login.issued_ms, LIFE_MS / 5 * 4);
		read_patient(r);
		unsigned before = r->token_requests;
		offset_ms = LIFE_MS / 5 * 4 - 5000;
		read_patient(r);
		assert_int_equal(r->token_requests, before);
		offset_ms = LIFE_MS / 5 * 4 + 1000;
		read_patient(r);
		assert_int_equal(r->token_requests, before + 1);
		assert_true(str_starts(r->token_body, S("grant_type=refresh_token")));
		struct ehr_login now_kept = kept(r);
		assert_false(str_eq(now_kept.access_token, login.access_token));
		assert_int_equal(!str_eq(now_kept.refresh_token, login.refresh_token), sites[i].rolls);
		assert_true(now_kept.refresh_token.n > 0);
		/* Nothing of the context comes with it at Oracle Health, and all of it stays. */
		assert_true(str_eq(now_kept.patient, login.patient));
		assert_true(str_eq(now_kept.others, login.others) || v == EHR_EPIC);
		read_patient(r);
		assert_int_equal(r->token_requests, before + 1); /* once */
		close_rig(r);
	}
}

/* Whoever asks again at once is slowed down; the token that is there is used until it ends. */
static void row_4_a_renewal_that_comes_too_soon_costs_nothing(void **state)
{
	(void)state;
	struct rig *r = open_rig(EHR_CERNER, NULL);
	struct ehr_failure f = {0};
	struct ehr_login login;
	log_in(r, false);
	offset_ms = 460000;
	read_patient(r);
	offset_ms += 460000; /* their clock did not move: 429 */
	must(ehr_login_now(r->ehr, &r->arena, &login, &f), &f.error);
	assert_true(str_find(r->token_answer, S("access_token")) == STR_NONE);
	assert_null(login.ended.p);
	read_patient(r);
	close_rig(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_3_answers_of_logins_are_read_as_they_come),
		cmocka_unit_test(row_4_logins_are_renewed_at_four_fifths),
		cmocka_unit_test(row_4_a_renewal_that_comes_too_soon_costs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
