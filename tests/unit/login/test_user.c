/* Users: names, passwords, and records that change only as a whole. */
#include "world.h"

static void names_are_lower_case_and_plain(void **state)
{
	static const struct {
		const char *given, *name;
	} rows[] = {{"anna", "anna"},
		    {" Anna ", "anna"},
		    {"A.Berg@clinic.example", "a.berg@clinic.example"},
		    {"", NULL},
		    {"   ", NULL},
		    {"anna berg", NULL},
		    {"ann\xc3\xa4", NULL},
		    {"anna/7", NULL},
		    {"<anna>", NULL}};
	struct world *w = *state;
	char long_name[LOGIN_LONGEST_NAME + 1];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str name = login_user_name(&w->a, str_from(rows[i].given));
		if (rows[i].name ? !str_is(name, rows[i].name) : name.p != NULL)
			fail_msg("%s became %.*s", rows[i].given, STR_ARG(name));
	}
	memset(long_name, 'a', sizeof(long_name));
	assert_null(login_user_name(&w->a, str_make(long_name, sizeof(long_name))).p);
	assert_non_null(login_user_name(&w->a, str_make(long_name, LOGIN_LONGEST_NAME)).p);
	assert_null(login_user_name(&w->a, S("an\0na")).p);
}

static void passwords_that_are_tried_first_are_refused(void **state)
{
	static const struct {
		const char *password;
		bool good;
	} rows[] = {{"a few plain words", true},
		    {"tenletters", true},
		    {"ninechars", false},
		    {"", false},
		    {"aaaaaaaaaaaaaa", false},
		    {"1234567890", false},
		    {"Password123", false},
		    {"annamaria.berg", false},
		    {"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff", false}};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		if (login_password_check(str_from(rows[i].password), S("annamaria.berg"), &err) != rows[i].good)
			fail_msg("%s: %s", rows[i].password, err.text);
		assert_int_equal(err.code, rows[i].good ? ERR_NONE : ERR_VALUE);
	}
}

static void fields_have_rules(void **state)
{
	struct world *w = *state;
	const struct login_user good = {.name = S("bob"),
					.display = S("Bob"),
					.fhir_user = S("PractitionerRole/1"),
					.patients = S("general-practitioner=Practitioner/7")};
	struct login_user bad[7];
	for (size_t i = 0; i < 7; i++)
		bad[i] = good;
	bad[0].name = S("Bob");
	bad[1].hash = S("secret");
	bad[2].fhir_user = S("Device/1");
	bad[3].fhir_user = S("Patient/");
	bad[4].patients = S("colour=red");
	bad[5].display = S("a\nb");
	bad[6].roles = S("\xff");
	assert_true(login_user_check(definitions_builtin(), &w->a, &good, NULL));
	for (size_t i = 0; i < 7; i++) {
		struct error err = {0};
		if (login_user_check(definitions_builtin(), &w->a, &bad[i], &err))
			fail_msg("row %zu was taken", i);
		assert_true(err.text[0] != 0);
	}
}

static void records_are_kept_whole(void **state)
{
	struct world *w = *state;
	struct login_user user, again, changed, *users;
	struct error err = {0};
	size_t count;
	assert_true(login_user_find(w->login, &w->a, S("anna"), &user, &err));
	assert_string_equal(user.display.p, "Dr. Anna <Berg>");
	assert_string_equal(user.fhir_user.p, "Practitioner/7");
	assert_string_equal(user.roles.p, "physician");
	assert_true(vault_hash_is_valid(user.hash));
	assert_true(user.added_ms > 0 && user.password_ms == user.added_ms && !user.disabled && !user.totp.p);
	assert_true(login_user_find(w->login, &w->a, S("nobody"), &again, &err));
	assert_null(again.name.p);
	assert_false(login_user_add(w->login, &w->a, &user, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	error_clear(&err);
	assert_true(login_user_list(w->login, &w->a, &users, &count, &err));
	assert_int_equal(count, 4);
	assert_string_equal(users[0].name.p, "anna");

	changed = user;
	changed.disabled = true;
	assert_true(login_user_change(w->login, &w->a, &user, &changed, &err));
	/* Somebody else who saw the old record comes too late. */
	again = user;
	again.roles = S("nurse");
	assert_false(login_user_change(w->login, &w->a, &user, &again, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_true(login_user_find(w->login, &w->a, S("anna"), &user, &err));
	assert_true(user.disabled && str_is(user.roles, "physician"));
}

static void users_of_the_configuration_are_fixed(void **state)
{
	struct world *w = *state;
	struct error err = {0};
	struct login_user user, other, *users;
	size_t count;
	assert_true(login_user_find(w->login, &w->a, S("anna"), &user, &err));
	const struct login_user fixed[] = {{.name = S("anna"), .hash = user.hash, .display = S("Of the file")},
					   {.name = S("zoe"), .hash = user.hash}};
	world_open_login(w, &(struct login_options){.users = fixed, .user_count = 2});
	assert_true(login_user_list(w->login, &w->a, &users, &count, &err));
	assert_int_equal(count, 5); /* the file's anna hides the stored one */
	assert_true(users[0].configured && str_is(users[0].display, "Of the file"));
	other = users[0];
	other.disabled = true;
	assert_false(login_user_change(w->login, &w->a, &users[0], &other, &err));
	assert_int_equal(err.code, ERR_FORBIDDEN);
}

static void a_secret_of_codes_is_sealed_for_its_user(void **state)
{
	struct world *w = *state;
	struct login_user user;
	struct str uri, secret;
	struct error err = {0};
	assert_true(login_user_find(w->login, &w->a, S("anna"), &user, &err));
	assert_true(login_user_totp(w->login, &w->a, &user, &uri, &err));
	assert_true(str_starts(uri, S("otpauth://totp/Firth:anna?secret=")));
	assert_true(vault_is_sealed(user.totp));
	assert_true(vault_unseal(w->vault, &w->a, S("totp/anna"), user.totp, &secret, &err));
	assert_int_equal(secret.n, VAULT_OTP_SECRET);
	assert_false(vault_unseal(w->vault, &w->a, S("totp/ed"), user.totp, &secret, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_are_lower_case_and_plain),
		TEST(passwords_that_are_tried_first_are_refused),
		TEST(fields_have_rules),
		TEST(records_are_kept_whole),
		TEST(users_of_the_configuration_are_fixed),
		TEST(a_secret_of_codes_is_sealed_for_its_user),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
