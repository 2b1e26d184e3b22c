/* People's logins against a scripted authorization server: what goes out, what is refused, sealing, renewal, races. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "authority.h"
#include "base/clock.h"
#include "base/file.h"

#define REDIRECT "http://127.0.0.1:4711/callback"

static struct authority authority;
static struct ehr_transport transport = {authority_call, &authority};
static struct arena arena;
static struct ehr_failure failure;
static struct error err;
static struct vault *vault;
static struct ehr_logins *logins;
static struct store *store;
static char directory[64], path[96], store_path[96];

static int64_t now(void)
{
	return authority.now_ms;
}

static void no_sleep(unsigned ms)
{
	(void)ms;
}

static struct ehr_client *client_with(const struct ehr_config *config)
{
	struct ehr_client *c =
		ehr_open(config,
			 &(struct ehr_client_options){
				 .now_ms = now, .sleep_ms = no_sleep, .transport = &transport, .logins = logins},
			 &err);
	if (!c)
		fail_msg("%s", err.text);
	return c;
}

static const struct ehr_config public_app = {
	.name = {"main", 4}, .base_url = {AUTHORITY_BASE "/", sizeof AUTHORITY_BASE}, .login_client_id = {"app-1", 5}};

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 256 << 20);
	failure = (struct ehr_failure){0};
	error_clear(&err);
	authority_open(&authority);
	snprintf(directory, sizeof directory, "/tmp/firth-test-login-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/seal.key", directory);
	vault = vault_open(str_from(path), &err);
	assert_non_null(vault);
	snprintf(path, sizeof path, "%s/logins", directory);
	logins = ehr_logins_open(&(struct ehr_logins_options){.vault = vault, .directory = str_from(path)}, &err);
	assert_non_null(logins);
	return 0;
}

/* The same with logins as facts of a store. */
static int setup_facts(void **state)
{
	if (setup(state) != 0)
		return -1;
	ehr_logins_close(logins);
	snprintf(store_path, sizeof store_path, "%s/store", directory);
	store = store_open(str_from(store_path), &(struct store_options){.definitions = definitions_builtin()}, &err);
	assert_non_null(store);
	logins = ehr_logins_open(&(struct ehr_logins_options){.vault = vault, .store = store, .shelf = S("ehr-login")},
				 &err);
	assert_non_null(logins);
	return 0;
}

static int remove_one(const char *name, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(name);
}

static int teardown(void **state)
{
	(void)state;
	ehr_logins_close(logins);
	vault_close(vault);
	authority_close(&authority);
	arena_done(&arena);
	if (store)
		store_close(store);
	store = NULL;
	return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct str begin(struct ehr_client *c, struct ehr_login_pending *pending)
{
	struct str url;
	if (!ehr_login_begin(c, &arena, &(struct ehr_login_ask){.redirect_uri = S(REDIRECT)}, pending, &url, &failure))
		fail_msg("%s", failure.error.text);
	return url;
}

static void log_in(struct ehr_client *c, struct ehr_login *login)
{
	struct ehr_login_pending pending;
	struct str url = begin(c, &pending);
	if (!ehr_login_finish(c, &arena, &pending, authority_agree(&authority, &arena, url), login, &failure))
		fail_msg("%s", failure.error.text);
	assert_true(ehr_logins_put(logins, &arena, S("main"), login, &err));
}

static bool read_patient(struct ehr_client *c)
{
	struct ehr_resource r;
	failure = (struct ehr_failure){0};
	return ehr_read(c, &arena, S("Patient"), S("p1"), &r, &failure);
}

/* ---- the login --------------------------------------------------------------------------------------------------- */

static void a_public_app_logs_in_and_reads(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app);
	struct ehr_login login;
	log_in(c, &login);
	assert_true(str_is(login.patient, "p1"));
	assert_true(str_is(login.fhir_user, "Practitioner/7"));
	assert_true(str_is(login.name, "Anna Example"));
	assert_true(login.need_patient_banner);
	assert_true(str_is(authority_parameter(&arena, str_from(authority.form), "client_id"), "app-1"));
	assert_string_equal(authority.authorization, "");
	assert_int_equal(login.renew_ms, authority.now_ms + 800 * 1000);
	assert_true(read_patient(c));
	ehr_close(c);
}

static void each_login_has_secrets_of_its_own(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app);
	struct ehr_login_pending one, two;
	struct str first = begin(c, &one), second = begin(c, &two);
	assert_false(str_eq(one.state, two.state) || str_eq(one.verifier, two.verifier) ||
		     str_eq(one.nonce, two.nonce));
	assert_int_equal(one.verifier.n, 43); /* 256 bits: RFC 7636 section 7.1 */
	assert_true(str_find(first, one.verifier) == STR_NONE && str_find(second, two.verifier) == STR_NONE);
	ehr_close(c);
}

static void a_pending_login_survives_being_written(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app), *later = client_with(&public_app);
	struct ehr_login_pending pending, back;
	struct ehr_login login;
	struct buf text;
	buf_init(&text, 1 << 16);
	struct str query = authority_agree(&authority, &arena, begin(c, &pending));
	assert_true(ehr_login_pending_write(&pending, &text, &err));
	assert_true(ehr_login_pending_read(&arena, buf_str(&text), &back, &err));
	assert_true(ehr_login_finish(later, &arena, &back, query, &login, &failure));
	buf_done(&text);
	ehr_close(c);
	ehr_close(later);
}

static void write_file(const char *name, const char *text, mode_t mode, char *ret_path, size_t size)
{
	snprintf(ret_path, size, "%s/%s", directory, name);
	assert_true(file_write(str_from(ret_path), str_from(text), mode, &err));
}

static void a_secret_goes_into_the_header_or_the_form(void **state)
{
	(void)state;
	char secret[96];
	write_file("secret", "s:cr/t\n", 0600, secret, sizeof secret);
	struct ehr_config config = public_app;
	config.login_secret_file = str_from(secret);
	struct ehr_client *c = client_with(&config);
	struct ehr_login login;
	log_in(c, &login);
	assert_string_equal(authority.authorization, "Basic YXBwLTE6cyUzQWNyJTJGdA=="); /* app-1:s%3Acr%2Ft */
	assert_null(authority_parameter(&arena, str_from(authority.form), "client_id").p);
	ehr_close(c);
	authority.post_only = true;
	c = client_with(&config);
	log_in(c, &login);
	assert_string_equal(authority.authorization, "");
	assert_true(str_is(authority_parameter(&arena, str_from(authority.form), "client_secret"), "s:cr/t"));
	assert_int_equal(chmod(secret, 0644), 0);
	ehr_close(c);
	c = client_with(&config);
	struct ehr_login_pending pending;
	struct str query = authority_agree(&authority, &arena, begin(c, &pending));
	assert_false(ehr_login_finish(c, &arena, &pending, query, &login, &failure));
	assert_non_null(strstr(failure.error.text, "chmod 600"));
	ehr_close(c);
}

static void a_key_signs_assertions(void **state)
{
	(void)state;
	struct jose_token assertion;
	struct buf text;
	char file[96];
	struct jose_key *key = jose_key_new(JOSE_ES384, &err);
	buf_init(&text, 1 << 16);
	assert_true(jose_key_write_private(key, &text, &err));
	buf_char(&text, 0);
	write_file("key", text.p, 0600, file, sizeof file);
	struct ehr_config config = public_app;
	config.login_key_file = str_from(file);
	struct ehr_client *c = client_with(&config);
	struct ehr_login login;
	log_in(c, &login);
	struct str signed_text = authority_parameter(&arena, str_from(authority.form), "client_assertion");
	assert_true(jose_peek(&arena, signed_text, &assertion, &err));
	assert_true(str_is(json_get_str(assertion.claims, S("sub")), "app-1"));
	ehr_close(c);
	buf_done(&text);
	jose_key_free(key);
}

/* ---- answers that are not this login's --------------------------------------------------------------------------- */

static void foreign_answers_are_refused_before_anything_is_sent(void **state)
{
	(void)state;
	static const struct {
		const char *format, *words;
	} cases[] = {
		{"code=x&state=%.*sx&iss=https%%3A%%2F%%2Fauth.example", "(state)"},
		{"code=x&iss=https%%3A%%2F%%2Fauth.example", "(state)"},
		{"code=x&state=%.*s&iss=https%%3A%%2F%%2Fevil.example", "another issuer"},
		{"code=x&state=%.*s", "who gave it"},
		{"code=x&code=y&state=%.*s&iss=https%%3A%%2F%%2Fauth.example", "twice"},
		{"state=%.*s&iss=https%%3A%%2F%%2Fauth.example", "neither a code"},
		{"error=access_denied&error_description=not+today&state=%.*s&iss=https%%3A%%2F%%2Fauth.example",
		 "not today"},
		{"error=access_denied&code=x&state=%.*s&iss=https%%3A%%2F%%2Fauth.example", "did not agree"},
		{"error=access_denied&error_description=a%%1bb&state=%.*s&iss=https%%3A%%2F%%2Fauth.example",
		 "did not agree"},
	};
	struct ehr_client *c = client_with(&public_app);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ehr_login_pending pending;
		struct ehr_login login;
		begin(c, &pending);
		struct str query = strstr(cases[i].format, "%.*s")
					   ? arena_printf(&arena, cases[i].format, STR_ARG(pending.state))
					   : arena_printf(&arena, cases[i].format, 0, "");
		failure = (struct ehr_failure){0};
		assert_false(ehr_login_finish(c, &arena, &pending, query, &login, &failure));
		if (!strstr(failure.error.text, cases[i].words))
			fail_msg("case %zu: %s", i, failure.error.text);
		assert_int_equal(authority.codes, 0);
	}
	ehr_close(c);
}

static void an_id_token_that_is_not_ours_ends_the_login(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app);
	static const char *const words[] = {"another issuer", "aud", "nonce", "expired", "cannot be trusted"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		struct ehr_login_pending pending;
		struct ehr_login login;
		authority.issuer = i == 0 ? "https://evil.example" : NULL;
		authority.audience = i == 1 ? "app-2" : NULL;
		authority.nonce = i == 2 ? "n" : NULL;
		authority.id_expired = i == 3;
		authority.foreign = i == 4 ? "keys" : NULL;
		struct str query = authority_agree(&authority, &arena, begin(c, &pending));
		failure = (struct ehr_failure){0};
		assert_false(ehr_login_finish(c, &arena, &pending, query, &login, &failure));
		if (!strstr(failure.error.text, words[i]))
			fail_msg("case %zu: %s", i, failure.error.text);
	}
	ehr_close(c);
}

static void warns_of_what_was_not_given(void **state)
{
	(void)state;
	struct str warnings[4];
	struct ehr_client *c = client_with(&public_app);
	struct ehr_login login;
	log_in(c, &login);
	assert_int_equal(ehr_login_warnings(&arena, &login, warnings, 4), 0);
	authority.no_refresh = authority.no_id_token = true;
	log_in(c, &login);
	assert_int_equal(ehr_login_warnings(&arena, &login, warnings, 4), 2);
	assert_true(str_find(warnings[0], S("no refresh token")) != STR_NONE);
	assert_true(str_find(warnings[0], S("16 minutes")) != STR_NONE);
	assert_true(str_find(warnings[1], S("no id_token")) != STR_NONE);
	ehr_close(c);
}

/* ---- keeping and renewing ---------------------------------------------------------------------------------------- */

static void nothing_secret_is_on_disk(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app);
	struct ehr_login login, back;
	bool found;
	struct stat st;
	struct str text;
	char file[128];
	log_in(c, &login);
	snprintf(file, sizeof file, "%s/logins/main.login", directory);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(file_read(&arena, str_from(file), 1 << 20, &text, &err));
	assert_true(vault_is_sealed(str_trim(text)));
	assert_true(str_find(text, S("access")) == STR_NONE && str_find(text, S("refresh")) == STR_NONE);
	assert_true(ehr_logins_get(logins, &arena, S("main"), &back, &found, &err) && found);
	assert_true(str_eq(back.refresh_token, login.refresh_token) && back.renew_ms == login.renew_ms);
	/* Under another name it does not open. */
	snprintf(file, sizeof file, "%s/logins/other.login", directory);
	assert_true(file_write(str_from(file), text, 0600, &err));
	assert_false(ehr_logins_get(logins, &arena, S("other"), &back, &found, &err));
	assert_int_equal(err.code, ERR_SIGNATURE);
	ehr_close(c);
}

static void a_token_is_renewed_after_four_fifths_and_rotates(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app), *later;
	struct ehr_login login;
	log_in(c, &login);
	authority.now_ms += 799 * 1000;
	assert_true(read_patient(c));
	assert_int_equal(authority.refreshes, 0);
	for (unsigned n = 1; n <= 3; n++) {
		authority.now_ms += 801 * 1000;
		assert_true(read_patient(c));
		assert_int_equal(authority.refreshes, n);
	}
	later = client_with(&public_app); /* another process, say */
	assert_true(read_patient(later));
	assert_int_equal(authority.refreshes, 3);
	authority.same_refresh = true; /* Epic and Cerner send none on renewal */
	authority.now_ms += 801 * 1000;
	assert_true(read_patient(later));
	authority.now_ms += 801 * 1000;
	assert_true(read_patient(later));
	assert_int_equal(authority.refreshes, 5);
	assert_false(authority.family_ended);
	ehr_close(c);
	ehr_close(later);
}

static void trouble_while_renewing_uses_the_old_token(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app);
	struct ehr_login login;
	log_in(c, &login);
	authority.now_ms += 801 * 1000;
	authority.fail = 1;
	assert_true(read_patient(c));
	assert_int_equal(authority.refreshes, 0);
	authority.now_ms += 31 * 1000;
	assert_true(read_patient(c));
	assert_int_equal(authority.refreshes, 1);
	ehr_close(c);
}

static void a_lost_answer_ends_the_login_with_a_clear_word(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app);
	struct ehr_login login;
	bool found;
	log_in(c, &login);
	authority.now_ms += 801 * 1000;
	authority.lose_answer = 1; /* the token was renewed there, and nobody here has it */
	read_patient(c);
	authority.now_ms += 300 * 1000;
	assert_false(read_patient(c));
	assert_int_equal(failure.error.code, ERR_LOGIN);
	assert_non_null(strstr(failure.error.text, "cut off"));
	assert_non_null(strstr(failure.error.text, "firth login main"));
	assert_true(ehr_logins_get(logins, &arena, S("main"), &login, &found, &err) && found);
	assert_true(login.ended.n > 0);
	unsigned before = authority.refreshes;
	assert_false(read_patient(c));
	assert_int_equal(authority.refreshes, before); /* it is not tried for ever */
	ehr_close(c);
}

static void a_revoked_token_is_renewed_once(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app);
	struct ehr_login login;
	log_in(c, &login);
	assert_true(read_patient(c));
	snprintf(authority.access, sizeof authority.access, "another");
	assert_true(read_patient(c));
	assert_int_equal(authority.refreshes, 1);
	ehr_close(c);
}

static void without_refresh_token_it_ends(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app);
	struct ehr_login login;
	authority.no_refresh = true;
	log_in(c, &login);
	authority.now_ms += 999 * 1000;
	assert_true(read_patient(c));
	authority.now_ms += 2 * 1000;
	assert_false(read_patient(c));
	assert_int_equal(failure.error.code, ERR_LOGIN);
	ehr_close(c);
}

static void a_token_never_goes_to_another_address(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app);
	struct ehr_login login;
	struct ehr_config moved = public_app;
	log_in(c, &login);
	moved.base_url = S("https://evil.example/fhir");
	struct ehr_client *other = client_with(&moved);
	assert_false(read_patient(other));
	assert_int_equal(failure.error.code, ERR_CONFIG);
	ehr_close(other);
	ehr_close(c);
}

static void logging_out_revokes(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app);
	struct ehr_login login;
	bool told, found;
	log_in(c, &login);
	assert_true(ehr_login_revoke(c, &arena, &login, &told, &failure) && told);
	assert_int_equal(authority.revocations, 2);
	assert_true(ehr_logins_remove(logins, S("main"), &err));
	assert_true(ehr_logins_get(logins, &arena, S("main"), &login, &found, &err));
	assert_false(found);
	ehr_close(c);
}

/* ---- races ------------------------------------------------------------------------------------------------------- */

enum { RACERS = 8, ROUNDS = 20 };
static pthread_barrier_t start_line;

static void *race(void *arg)
{
	struct ehr_client *c = arg;
	struct arena a;
	struct ehr_resource r;
	struct ehr_failure f = {0};
	arena_init(&a, 64 << 20);
	pthread_barrier_wait(&start_line);
	bool ok = ehr_read(c, &a, S("Patient"), S("p1"), &r, &f);
	if (!ok)
		print_message("%s\n", f.error.text);
	arena_done(&a);
	return ok ? arg : NULL;
}

static void many_threads_renew_once(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app), *clients[RACERS];
	struct ehr_login login;
	log_in(c, &login);
	for (int i = 0; i < RACERS; i++)
		clients[i] = client_with(&public_app);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		pthread_t threads[RACERS];
		authority.now_ms += 801 * 1000;
		pthread_barrier_init(&start_line, NULL, RACERS);
		for (int i = 0; i < RACERS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, race, clients[i]), 0);
		for (int i = 0; i < RACERS; i++) {
			void *ok;
			pthread_join(threads[i], &ok);
			assert_non_null(ok);
		}
		pthread_barrier_destroy(&start_line);
		assert_int_equal(authority.refreshes, round);
		assert_false(authority.family_ended);
	}
	for (int i = 0; i < RACERS; i++)
		ehr_close(clients[i]);
	ehr_close(c);
}

static void a_session_ends_by_itself(void **state)
{
	(void)state;
	struct ehr_client *c = client_with(&public_app);
	struct ehr_login login;
	bool found;
	log_in(c, &login);
	login.forget_ms = clock_now_ms() - 1; /* the store has a clock of its own */
	assert_true(ehr_logins_put(logins, &arena, S("main"), &login, &err));
	assert_true(ehr_logins_get(logins, &arena, S("main"), &login, &found, &err));
	assert_false(found);
	ehr_close(c);
}

#define T(name)	 cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TF(name) cmocka_unit_test_setup_teardown(name, setup_facts, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_public_app_logs_in_and_reads),
		T(each_login_has_secrets_of_its_own),
		T(a_pending_login_survives_being_written),
		T(a_secret_goes_into_the_header_or_the_form),
		T(a_key_signs_assertions),
		T(foreign_answers_are_refused_before_anything_is_sent),
		T(an_id_token_that_is_not_ours_ends_the_login),
		T(warns_of_what_was_not_given),
		T(nothing_secret_is_on_disk),
		T(a_token_is_renewed_after_four_fifths_and_rotates),
		T(trouble_while_renewing_uses_the_old_token),
		T(a_lost_answer_ends_the_login_with_a_clear_word),
		T(a_revoked_token_is_renewed_once),
		T(without_refresh_token_it_ends),
		T(a_token_never_goes_to_another_address),
		T(logging_out_revokes),
		T(many_threads_renew_once),
		TF(a_public_app_logs_in_and_reads),
		TF(a_token_is_renewed_after_four_fifths_and_rotates),
		TF(a_lost_answer_ends_the_login_with_a_clear_word),
		TF(logging_out_revokes),
		TF(a_session_ends_by_itself),
		TF(many_threads_renew_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
