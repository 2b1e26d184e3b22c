/* The conversation from the app's request to the code, and every way off it. */
#include "world.h"

static const char usual[] = "openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs "
			    "patient/Condition.cruds offline_access";

static void must_go(struct answer answer, const char *place)
{
	if (answer.status != 303 || !str_starts(answer.location, str_from(place)))
		fail_msg("status %d, Location %.*s instead of %s\n%.*s", answer.status, STR_ARG(answer.location), place,
			 STR_ARG(str_slice(answer.body, 0, 3000)));
}

/* Up to the page that follows the sign-in. */
static struct answer begin(struct world *w, const char *user, const char *client, const char *scopes, const char *more)
{
	struct answer answer = world_get(w, world_authorize(w, client, scopes, more));
	if (w->session.n)
		return answer;
	must_go(answer, "/auth/login?request=");
	struct answer page = world_get(w, answer.location);
	assert_int_equal(page.status, 200);
	return world_sign_in(w, answer, user, "a+few+plain+words");
}

static struct answer pick(struct world *w, struct answer to_pick, const char *patient)
{
	must_go(to_pick, "/auth/pick?request=");
	return world_post(w, "/auth/pick",
			  world_text(w, "request=%.*s&patient=%s", STR_ARG(world_request(w, to_pick)), patient));
}

/* The boxes are given as fields of the form. */
static struct answer agree(struct world *w, struct answer to_consent, const char *boxes)
{
	must_go(to_consent, "/auth/consent?request=");
	return world_post(w, "/auth/consent",
			  world_text(w, "request=%.*s&answer=allow%s", STR_ARG(world_request(w, to_consent)), boxes));
}

static void an_app_is_let_in(void **state)
{
	struct world *w = *state;
	struct answer to_pick = begin(w, "anna", "app", usual, "");
	struct answer page = world_get(w, to_pick.location);
	assert_int_equal(page.status, 200);
	assert_true(has(page.body, "Choose a patient") && has(page.body, "Growth &lt;Chart&gt;"));
	assert_true(has(page.body, "Paula M. Berg") && has(page.body, "MRN-1") && has(page.body, "1980-02-03"));
	assert_true(has(page.body, "&lt;b&gt;Carl&lt;/b&gt; Weiss") && !has(page.body, "<b>Carl"));
	assert_true(world_recorded(w, "patient-find", 0));

	struct answer to_consent = pick(w, to_pick, "p1");
	page = world_get(w, to_consent.location);
	assert_true(has(page.body, "Let Growth &lt;Chart&gt; use the record of Paula M. Berg?"));
	assert_true(has(page.body, "https://app.example.org</strong><span class=\"quiet\">/back"));
	assert_true(has(page.body, "See lab results, vital signs and other observations"));
	assert_true(has(page.body, "See, add, change and delete diagnoses and health problems"));
	assert_true(has(page.body, "Keep access until you take it back"));
	assert_true(has(page.body, "Dr. Anna &lt;Berg&gt;") && !has(page.body, "<Berg>"));
	assert_true(has(page.policy, "form-action 'self' https://app.example.org;"));

	struct answer done =
		agree(w, to_consent,
		      "&scope=openid&scope=fhirUser&scope=launch%2Fpatient&scope=patient%2FPatient.rs&scope="
		      "patient%2FObservation.rs&scope=patient%2FCondition.cruds&scope=offline_access");
	must_go(done, CALLBACK "?code=");
	assert_true(has(done.location, "&state=s-1") &&
		    has(done.location, "&iss=http%3A%2F%2F127.0.0.1%3A8080%2Ffhir"));
	assert_true(world_recorded(w, "authorize", 0));
	const struct json *token = world_redeem(w, done, "app");
	assert_true(str_is(json_get_str(token, S("patient")), "p1"));
	assert_true(json_get_str(token, S("id_token")).n > 0 && json_get_str(token, S("refresh_token")).n > 0);
	/* Over: the same form makes no second code. */
	assert_int_equal(agree(w, to_consent, "&scope=openid").status, 404);
}

static void what_is_unticked_is_not_granted(void **state)
{
	struct world *w = *state;
	struct answer to_consent = pick(w, begin(w, "anna", "app", usual, ""), "p2");
	/* What was not asked for cannot be ticked. */
	struct answer done =
		agree(w, to_consent, "&scope=patient%2FPatient.rs&scope=launch%2Fpatient&scope=user%2F*.cruds");
	const struct json *token = world_redeem(w, done, "app");
	struct str scope = json_get_str(token, S("scope"));
	assert_true(has(scope, "patient/Patient.rs"));
	assert_false(has(scope, "Observation") || has(scope, "Condition") || has(scope, "offline") ||
		     has(scope, "openid") || has(scope, "user/"));
	assert_null(json_get(token, S("id_token")));
	assert_null(json_get(token, S("refresh_token")));
}

static void a_permission_can_be_narrowed(void **state)
{
	struct world *w = *state;
	struct answer to_consent = pick(w, begin(w, "anna", "app", usual, ""), "p1");
	struct answer page = world_get(w, to_consent.location);
	assert_true(has(page.body, "value=\"patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/"
				   "observation-category|laboratory\""));
	/* Only what sees may be narrowed by kind. */
	assert_false(has(page.body, "patient/Condition.cruds?category"));
	struct answer done =
		agree(w, to_consent,
		      "&scope=launch%2Fpatient&scope=patient%2FObservation.rs%3Fcategory%3Dhttp%3A%2F%2Fterminology"
		      ".hl7.org%2FCodeSystem%2Fobservation-category%7Claboratory&scope=patient%2FObservation.rs%3F"
		      "category%3Devil");
	struct str scope = json_get_str(world_redeem(w, done, "app"), S("scope"));
	assert_true(has(scope, "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/"
			       "observation-category|laboratory"));
	assert_false(has(scope, "evil") || has(scope, "patient/Observation.rs "));
}

static void nothing_ticked_is_asked_again_and_cancel_is_told(void **state)
{
	struct world *w = *state;
	struct answer to_consent = pick(w, begin(w, "anna", "app", usual, ""), "p1");
	struct answer page = agree(w, to_consent, "");
	assert_int_equal(page.status, 400);
	assert_true(has(page.body, "Nothing is ticked"));
	struct answer no = world_post(
		w, "/auth/consent",
		world_text(w, "request=%.*s&answer=cancel&scope=openid", STR_ARG(world_request(w, to_consent))));
	must_go(no, CALLBACK "?error=access_denied");
	assert_true(has(no.location, "&state=s-1") && has(no.location, "&iss="));
	assert_true(world_recorded(w, "authorize", 4));
	struct answer to_pick = begin(w, "anna", "app", usual, "");
	no = world_post(w, "/auth/pick", world_text(w, "request=%.*s&cancel=1", STR_ARG(world_request(w, to_pick))));
	must_go(no, CALLBACK "?error=access_denied");
}

static void people_choose_within_what_they_may(void **state)
{
	struct world *w = *state;
	/* A patient: their own record, without a question. */
	struct answer to_consent = begin(w, "paula", "app", usual, "");
	must_go(to_consent, "/auth/consent?");
	assert_true(has(world_get(w, to_consent.location).body, "use the record of Paula M. Berg?"));
	struct answer other = world_post(
		w, "/auth/pick", world_text(w, "request=%.*s&patient=p2", STR_ARG(world_request(w, to_consent))));
	assert_int_equal(other.status, 404);
	/* By a search. */
	world_new_browser(w);
	struct answer to_pick = begin(w, "ed", "app", usual, "");
	struct answer page = world_get(w, to_pick.location);
	assert_true(has(page.body, "Paula") && has(page.body, "Peter") && !has(page.body, "Weiss"));
	assert_int_equal(pick(w, to_pick, "p3").status, 404);
	assert_int_equal(pick(w, to_pick, "p9").status, 404);
	assert_int_equal(pick(w, to_pick,
			      "p1%2C"
			      "p3")
				 .status,
			 404);
	must_go(pick(w, to_pick, "p2"), "/auth/consent?");
	/* Nobody at all. */
	world_user(w, &(struct login_user){.name = S("fay"), .fhir_user = S("Practitioner/8")});
	world_new_browser(w);
	to_pick = begin(w, "fay", "app", usual, "");
	page = world_get(w, to_pick.location);
	assert_int_equal(page.status, 403);
	assert_true(has(page.body, "may not open the record of any patient"));
	assert_int_equal(pick(w, to_pick, "p1").status, 404);
	/* Without a patient's scopes none is asked for. */
	must_go(begin(w, "fay", "app", "openid user/Observation.rs", ""), "/auth/consent?");
}

static void staff_choose_within_the_sites_policy(void **state)
{
	static const struct access_rule rules[] = {{.name = S("no-weiss"),
						    .effect = S("deny"),
						    .roles = S("physician"),
						    .types = S("Patient"),
						    .where = S("family=Weiss")}};
	struct world *w = *state;
	struct error err = {0};
	struct access *access = access_open(&(struct access_options){.definitions = definitions_builtin(),
								     .store = w->store,
								     .base = S(BASE "/fhir"),
								     .rules = rules,
								     .rule_count = 1},
					    &err);
	assert_non_null(access);
	world_open_login(w, &(struct login_options){.access = access});
	struct answer to_pick = begin(w, "anna", "app", usual, "");
	struct answer page = world_get(w, to_pick.location);
	assert_true(has(page.body, "Paula") && has(page.body, "Peter") && !has(page.body, "Weiss"));
	assert_int_equal(pick(w, to_pick, "p3").status, 404);
	must_go(pick(w, to_pick, "p2"), "/auth/consent?");
	/* A patient's own record stays theirs. */
	world_new_browser(w);
	must_go(begin(w, "paula", "app", usual, ""), "/auth/consent?");
	world_open_login(w, NULL);
	access_close(access);
}

static void patients_are_found_by_name_and_birth_date(void **state)
{
	static const struct {
		const char *form;
		const char *found, *not_found;
	} rows[] = {
		{"name=berg", "Paula", "Weiss"},
		{"name=ber+pet", "Peter", "Paula"},
		{"birthdate=1970-01-01", "Weiss", "Paula"},
		{"name=berg&birthdate=1980-02-03", "Paula", "Peter"},
		{"name=Zzz", "Nobody was found", "<li><button"},
		{"name=%3Cimg+src%3Dx%3E", "value=\"&lt;img src=x&gt;\"", "<img"},
		{"name=berg%2Cweiss", "Nobody was found", "<li><button"},
		{"name=berg%26_id%3Dp3", "Nobody was found", "<li><button"},
		{"birthdate=yesterday", "Enter the date as year-month-day", "<li><button"},
	};
	struct world *w = *state;
	struct answer to_pick = begin(w, "anna", "app", usual, "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer page =
			world_post(w, "/auth/pick",
				   world_text(w, "request=%.*s&%s", STR_ARG(world_request(w, to_pick)), rows[i].form));
		if (!has(page.body, rows[i].found) || has(page.body, rows[i].not_found))
			fail_msg("row %zu, status %d: %.*s", i, page.status, STR_ARG(page.body));
	}
}

/* The value of the last button named "at". */
static struct str next_page(struct world *w, struct str page)
{
	size_t at = str_find(page, S("\">Next page"));
	if (at == STR_NONE)
		return STR_NULL;
	struct str before = str_slice(page, 0, at);
	return arena_str(&w->a, str_slice(before, str_rfind_char(before, '"') + 1, at));
}

static void long_lists_have_pages(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 23; i++)
		world_add(w, world_text(w,
					"{\"resourceType\":\"Patient\",\"id\":\"n%d\",\"name\":[{\"family\":\"Many\","
					"\"given\":[\""
					"Name%02d\"]}]}",
					i, i)
				     .p);
	struct answer to_pick = begin(w, "anna", "app", usual, "");
	struct str request = world_request(w, to_pick), at = S("");
	int seen = 0, pages = 0;
	while (at.p && pages < 9) {
		struct answer page =
			world_post(w, "/auth/pick",
				   world_text(w, "request=%.*s&name=many&at=%.*s", STR_ARG(request), STR_ARG(at)));
		assert_int_equal(page.status, 200);
		for (int i = 0; i < 23; i++)
			seen += has(page.body, world_text(w, "value=\"n%d\"", i).p);
		at = next_page(w, page.body);
		pages++;
	}
	assert_int_equal(pages, 3);
	assert_int_equal(seen, 23);
	/* A position that was not given out, or in another conversation. */
	struct answer first = world_post(w, "/auth/pick", world_text(w, "request=%.*s&name=many", STR_ARG(request)));
	at = next_page(w, first.body);
	struct answer bad = world_post(w, "/auth/pick",
				       world_text(w, "request=%.*s&name=many&at=A%.*s", STR_ARG(request), STR_ARG(at)));
	assert_int_equal(bad.status, 410);
	struct str other = world_request(w, begin(w, "anna", "app", usual, ""));
	bad = world_post(w, "/auth/pick", world_text(w, "request=%.*s&name=many&at=%.*s", STR_ARG(other), STR_ARG(at)));
	assert_int_equal(bad.status, 410);
}

#define ALL                                                                                                            \
	"&scope=openid&scope=fhirUser&scope=launch%2Fpatient&scope=patient%2FPatient.rs&scope=patient%2FObservation."  \
	"rs&scope=patient%2FCondition.cruds&scope=offline_access"

static void consent_is_remembered_when_it_was_wanted(void **state)
{
	struct world *w = *state;
	must_go(agree(w, pick(w, begin(w, "anna", "app", usual, ""), "p1"), ALL), CALLBACK);
	must_go(pick(w, begin(w, "anna", "app", usual, ""), "p1"), "/auth/consent?"); /* not wanted so far */
	must_go(agree(w, pick(w, begin(w, "anna", "app", usual, ""), "p1"),
		      "&remember=1&scope=launch%2Fpatient&scope=patient%2FPatient.rs"),
		CALLBACK);
	/* For the same and for less, with what was left out still left out. */
	struct answer done = pick(w, begin(w, "anna", "app", usual, ""), "p2");
	must_go(done, CALLBACK "?code=");
	struct str scope = json_get_str(world_redeem(w, done, "app"), S("scope"));
	assert_true(has(scope, "patient/Patient.rs") && !has(scope, "Observation"));
	must_go(pick(w, begin(w, "anna", "app", "launch/patient patient/Patient.rs", ""), "p2"), CALLBACK "?code=");
	/* Not for more, not when the app wants to be sure, not for somebody else, not for another app. */
	must_go(pick(w, begin(w, "anna", "app", "launch/patient patient/Patient.rs patient/Encounter.rs", ""), "p2"),
		"/auth/consent?");
	must_go(pick(w, begin(w, "anna", "app", usual, "&prompt=consent"), "p2"), "/auth/consent?");
	must_go(pick(w, begin(w, "anna", "web", usual, ""), "p2"), "/auth/consent?");
	world_new_browser(w);
	must_go(pick(w, begin(w, "ed", "app", usual, ""), "p2"), "/auth/consent?");
}

static void a_client_that_could_be_anybodys_is_always_asked_for(void **state)
{
	struct world *w = *state;
	struct answer to_consent = pick(w, begin(w, "anna", "tool", usual, ""), "p1");
	struct answer page = world_get(w, to_consent.location);
	assert_false(has(page.body, "name=\"remember\""));
	assert_true(has(page.policy, "form-action 'self' http://127.0.0.1:9999;"));
	must_go(agree(w, to_consent, ALL "&remember=1"), "http://127.0.0.1:9999/back?code=");
	must_go(pick(w, begin(w, "anna", "tool", usual, ""), "p1"), "/auth/consent?");
	/* One with a secret may be remembered. */
	must_go(agree(w, pick(w, begin(w, "anna", "web", usual, ""), "p1"), ALL "&remember=1"),
		"http://127.0.0.1:9998/back");
	must_go(pick(w, begin(w, "anna", "web", usual, ""), "p1"), "http://127.0.0.1:9998/back?code=");
}

static void a_patients_consent_is_for_that_patient(void **state)
{
	struct world *w = *state;
	struct login_user user, after;
	must_go(agree(w, begin(w, "paula", "app", usual, ""), ALL "&remember=1"), CALLBACK);
	must_go(begin(w, "paula", "app", usual, ""), CALLBACK "?code=");
	/* Now she may open her child's record as well. */
	assert_true(login_user_find(w->login, &w->a, S("paula"), &user, NULL));
	after = user;
	after.patients = S("_id=p1,p2");
	assert_true(login_user_change(w->login, &w->a, &user, &after, NULL));
	must_go(pick(w, begin(w, "paula", "app", usual, ""), "p2"), "/auth/consent?");
	must_go(pick(w, begin(w, "paula", "app", usual, ""), "p1"), CALLBACK "?code=");
}

static void without_a_page_there_is_an_answer_at_once(void **state)
{
	struct world *w = *state;
	must_go(world_get(w, world_authorize(w, "app", usual, "&prompt=none")), CALLBACK "?error=login_required");
	must_go(begin(w, "anna", "app", usual, ""), "/auth/pick");
	must_go(world_get(w, world_authorize(w, "app", usual, "&prompt=none")), CALLBACK "?error=interaction_required");
	world_new_browser(w);
	must_go(begin(w, "paula", "app", usual, ""), "/auth/consent");
	must_go(world_get(w, world_authorize(w, "app", usual, "&prompt=none")), CALLBACK "?error=consent_required");
	must_go(agree(w, begin(w, "paula", "app", usual, ""), ALL "&remember=1"), CALLBACK "?code=");
	must_go(world_get(w, world_authorize(w, "app", usual, "&prompt=none")), CALLBACK "?code=");
}

static void an_app_may_want_a_fresh_sign_in(void **state)
{
	struct world *w = *state;
	must_go(begin(w, "anna", "app", usual, ""), "/auth/pick");
	struct answer again = world_get(w, world_authorize(w, "app", usual, "&prompt=login"));
	must_go(again, "/auth/login?");
	assert_true(has(world_get(w, again.location).body, "value=\"anna\""));
	struct str first = w->session;
	must_go(world_sign_in(w, again, "anna", "a+few+plain+words"), "/auth/pick?");
	assert_false(str_eq(first, w->session));
	must_go(world_get(w, world_authorize(w, "app", usual, "&max_age=100")), "/auth/pick?");
	world_sleep(w, 101 * 1000);
	again = world_get(w, world_authorize(w, "app", usual, "&max_age=100"));
	must_go(again, "/auth/login?");
	struct answer to_pick = world_sign_in(w, again, "anna", "a+few+plain+words");
	world_sleep(w, 200 * 1000); /* whoever was fresh may take their time */
	must_go(pick(w, to_pick, "p1"), "/auth/consent?");
	again = world_get(w, world_authorize(w, "app", usual, "&max_age=0&login_hint=ed"));
	assert_true(has(world_get(w, again.location).body, "value=\"ed\""));
	must_go(world_sign_in(w, again, "ed", "a+few+plain+words"), "/auth/pick?");
}

static struct str launch(struct world *w, const struct smart_launch *what)
{
	struct str id;
	struct error err = {0};
	if (!smart_launch_new(w->smart, &w->a, what, &id, &err))
		fail_msg("%s", err.text);
	return world_text(w, "&launch=%.*s", STR_ARG(id));
}

static void a_launch_says_what_need_not_be_asked(void **state)
{
	static const char scopes[] = "launch openid patient/Observation.rs";
	struct world *w = *state;
	const struct smart_launch what = {.client_id = S("app"),
					  .user = S("anna"),
					  .patient = S("p2"),
					  .encounter = S("e1"),
					  .intent = S("order")};
	struct str parameter = launch(w, &what);
	struct answer to_login = world_get(w, world_authorize(w, "app", scopes, parameter.p));
	must_go(to_login, "/auth/login?");
	assert_true(has(world_get(w, to_login.location).body, "value=\"anna\""));
	/* Who did not open it cannot go on with it. */
	assert_int_equal(world_sign_in(w, to_login, "ed", "a+few+plain+words").status, 403);
	struct answer to_consent = world_sign_in(w, to_login, "anna", "a+few+plain+words");
	must_go(to_consent, "/auth/consent?");
	assert_true(has(world_get(w, to_consent.location).body, "use the record of Peter Berg?"));
	const struct json *token = world_redeem(
		w, agree(w, to_consent, "&scope=launch&scope=openid&scope=patient%2FObservation.rs"), "app");
	assert_true(str_is(json_get_str(token, S("patient")), "p2"));
	assert_true(str_is(json_get_str(token, S("encounter")), "e1"));
	assert_true(str_is(json_get_str(token, S("intent")), "order"));
	/* Good once, and for its app alone. */
	must_go(world_get(w, world_authorize(w, "app", scopes, parameter.p)), CALLBACK "?error=invalid_request");
	must_go(world_get(w, world_authorize(w, "web", scopes, launch(w, &what).p)),
		"http://127.0.0.1:9998/back?error=invalid_request");
	/* A launch without a patient leaves that to be asked. */
	must_go(world_get(w, world_authorize(w, "app", scopes,
					     launch(w, &(struct smart_launch){.client_id = S("app")}).p)),
		"/auth/pick?");
}

static void mistakes_go_to_the_app_when_it_is_known(void **state)
{
	static const struct {
		const char *more, *error;
	} rows[] = {{"&prompt=none+login", "invalid_request"},
		    {"&state=again", "invalid_request"},
		    {"&max_age=old", "invalid_request"}};
	struct world *w = *state;
	must_go(world_get(w, world_authorize(w, "app", "patient/Nothing.rs", "")), CALLBACK "?error=invalid_scope");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer = world_get(w, world_authorize(w, "app", usual, rows[i].more));
		if (answer.status == 400) /* a repeated parameter: nothing of the request can be believed */
			continue;
		must_go(answer, CALLBACK "?error=");
		assert_true(has(answer.location, rows[i].error) && has(answer.location, "&state=s-1"));
	}
}

static void other_mistakes_are_explained(void **state)
{
	static const struct {
		const char *query, *words;
	} rows[] = {
		{"client_id=nobody&redirect_uri=https%3A%2F%2Fapp.example.org%2Fback&state=xyz",
		 "no client of this id"},
		{"client_id=app&redirect_uri=https%3A%2F%2Fapp.example.org%2Fback%2F&state=xyz",
		 "<code>https://app.example.org/back</code>"},
		{"client_id=app&redirect_uri=https%3A%2F%2Fevil.example%2F%3Cscript%3E&state=xyz",
		 "evil.example/&lt;script&gt;"},
		{"client_id=%3Cscript%3E&client_secret=hush", "&lt;script&gt;"},
		{"", "No parameters at all"},
		{"client_id=app&redirect_uri=%zz", "cannot be read"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer page = world_get(w, world_text(w, "/auth/authorize?%s", rows[i].query));
		if (page.status < 400 || page.status > 401 || !has(page.body, rows[i].words))
			fail_msg("row %zu, status %d: %.*s", i, page.status, STR_ARG(page.body));
		assert_true(has(page.body, "What is wrong:") && has(page.body, "request-1"));
		assert_false(has(page.body, "<script>") || has(page.body, "hush") || has(page.body, "xyz"));
		assert_null(page.location.p);
	}
	struct answer long_one = world_get(w, world_text(w, "/auth/authorize?client_id=app&x=%0*d", 17000, 1));
	assert_int_equal(long_one.status, 413);
}

static void a_form_may_begin_it(void **state)
{
	struct world *w = *state;
	struct str url = world_authorize(w, "app", usual, "");
	str_split(&url, '?');
	w->more = (struct http_header){S("Origin"), S("https://app.example.org")};
	struct answer answer = world_post(w, "/auth/authorize", url);
	w->more = (struct http_header){0};
	must_go(answer, "/auth/login?request=");
	assert_int_equal(w->browser.n, 0); /* cookies did not come, and none are set */
	assert_int_equal(world_get(w, answer.location).status, 200);
	assert_int_equal(w->browser.n, TOKEN_SIZE);
	struct str browser = w->browser;
	w->browser = token_new(&w->a); /* now it is bound */
	assert_int_equal(world_get(w, answer.location).status, 404);
	w->browser = browser;
	must_go(world_sign_in(w, answer, "anna", "a+few+plain+words"), "/auth/pick?");
}

static void the_conversation_is_one_persons(void **state)
{
	struct world *w = *state;
	struct answer to_pick = begin(w, "anna", "app", usual, "");
	must_go(pick(w, to_pick, "p3"), "/auth/consent?");
	struct str anna = w->session;
	/* Somebody else signs in in the same browser: what anna chose is not theirs to agree to. */
	struct answer page = world_get(w, world_authorize(w, "app", usual, "&prompt=login"));
	must_go(world_sign_in(w, page, "ed", "a+few+plain+words"), "/auth/pick?");
	must_go(agree(w,
		      (struct answer){.status = 303,
				      .location = world_text(w, "/auth/consent?request=%.*s",
							     STR_ARG(world_request(w, to_pick)))},
		      ALL),
		"/auth/login?");
	assert_false(str_eq(anna, w->session));
	/* And it ends by itself. */
	to_pick = begin(w, "ed", "app", usual, "");
	assert_int_equal(world_get(w, to_pick.location).status, 200);
}

static struct str authorization(struct world *w, const struct json *token)
{
	return world_text(w, "Bearer %.*s", STR_ARG(json_get_str(token, S("access_token"))));
}

static void apps_are_listed_and_removed_at_once(void **state)
{
	struct world *w = *state;
	struct grant grant;
	struct error err = {0};
	const struct json *token =
		world_redeem(w, agree(w, pick(w, begin(w, "anna", "app", usual, ""), "p1"), ALL "&remember=1"), "app");
	struct str bearer = authorization(w, token);
	assert_true(smart_authorize(w->smart, &w->a, bearer, NULL, &grant, &err));
	struct answer page = world_get(w, S("/auth/apps"));
	assert_true(has(page.body, "Growth &lt;Chart&gt;") && has(page.body, "Paula M. Berg"));
	assert_true(has(page.body, "Remove access") && has(page.body, "Ask me again"));
	assert_true(has(page.body, "See lab results, vital signs and other observations"));
	struct str id = world_field(w, page.body, "grant"), word = world_field(w, page.body, "word");
	/* Without the form's word nothing happens, and nobody else can do it. */
	world_post(w, "/auth/apps", world_text(w, "grant=%.*s&word=guess", STR_ARG(id)));
	assert_true(smart_authorize(w->smart, &w->a, bearer, NULL, &grant, &err));
	struct str anna = w->session;
	w->session = S("");
	begin(w, "ed", "app", usual, "");
	struct str eds = world_field(w, world_get(w, S("/auth/logout")).body, "word");
	world_post(w, "/auth/apps", world_text(w, "grant=%.*s&word=%.*s", STR_ARG(id), STR_ARG(eds)));
	assert_true(smart_authorize(w->smart, &w->a, bearer, NULL, &grant, &err));
	w->session = anna;
	struct answer done =
		world_post(w, "/auth/apps", world_text(w, "grant=%.*s&word=%.*s", STR_ARG(id), STR_ARG(word)));
	must_go(done, "/auth/apps?done=removed");
	assert_false(smart_authorize(w->smart, &w->a, bearer, NULL, &grant, &err));
	page = world_get(w, done.location);
	assert_true(has(page.body, "The access was removed") && has(page.body, "No app has access"));
	/* The remembered consent went with it. */
	assert_false(has(page.body, "Ask me again"));
	must_go(pick(w, begin(w, "anna", "app", usual, ""), "p1"), "/auth/consent?");
}

static void a_remembered_consent_can_be_forgotten(void **state)
{
	struct world *w = *state;
	must_go(agree(w, begin(w, "paula", "app", usual, ""), ALL "&remember=1"), CALLBACK);
	struct answer page = world_get(w, S("/auth/apps"));
	struct str client = world_field(w, page.body, "forget"), word = world_field(w, page.body, "word");
	assert_true(str_is(client, "app"));
	must_go(world_post(w, "/auth/apps", world_text(w, "forget=app&word=%.*s", STR_ARG(word))),
		"/auth/apps?done=forgotten");
	must_go(begin(w, "paula", "app", usual, ""), "/auth/consent?");
}

static void a_restart_loses_nothing(void **state)
{
	struct world *w = *state;
	struct answer to_pick = begin(w, "anna", "app", usual, "");
	world_open_login(w, NULL); /* another process, as well */
	struct answer to_consent = pick(w, to_pick, "p1");
	world_open_login(w, NULL);
	must_go(agree(w, to_consent, ALL), CALLBACK "?code=");
	world_open_login(w, NULL);
	assert_true(has(world_get(w, S("/auth/apps")).body, "My apps"));
}

static void signing_out_ends_what_was_for_the_session(void **state)
{
	static const char scopes[] = "launch/patient patient/Patient.rs online_access";
	struct world *w = *state;
	struct grant grant;
	struct error err = {0};
	const struct json *token =
		world_redeem(w,
			     agree(w, pick(w, begin(w, "anna", "app", scopes, ""), "p1"),
				   "&scope=launch%2Fpatient&scope=patient%2FPatient.rs&scope=online_access"),
			     "app");
	assert_true(smart_authorize(w->smart, &w->a, authorization(w, token), NULL, &grant, &err));
	struct str word = world_field(w, world_get(w, S("/auth/logout")).body, "word");
	must_go(world_post(w, "/auth/logout", world_text(w, "word=%.*s", STR_ARG(word))), "/auth/logout");
	assert_false(smart_authorize(w->smart, &w->a, authorization(w, token), NULL, &grant, &err));
}

/* ---- encounters  ------------------------------------------------------------------------------------------------ */

#define VISIT(id, patient, day)                                                                                        \
	"{\"resourceType\":\"Encounter\",\"id\":\"" id                                                                 \
	"\",\"status\":\"finished\",\"class\":{\"code\":\"AMB\"},\"type\":[{"                                          \
	"\"text\":\"<i>Visit</i> " id "\"}],\"subject\":{\"reference\":\"Patient/" patient                             \
	"\"},\"period\":{\"start\":\"" day "T10:00:00Z\",\"end\":\"" day "T11:00:00Z\"}}"

static struct answer to_encounter(struct world *w, const char *patient, const char *scopes)
{
	world_add(w, VISIT("v1", "p1", "2023-01-02"));
	world_add(w, VISIT("v2", "p1", "2024-03-04"));
	world_add(w, VISIT("v3", "p2", "2024-05-06"));
	return pick(w, begin(w, "anna", "app", scopes, ""), patient);
}

static struct answer choose(struct world *w, struct answer at, const char *what)
{
	must_go(at, "/auth/encounter?request=");
	return world_post(w, "/auth/encounter", world_text(w, "request=%.*s&%s", STR_ARG(world_request(w, at)), what));
}

static void an_encounter_of_the_patient_is_chosen(void **state)
{
	struct world *w = *state;
	struct answer at = to_encounter(w, "p1", "launch/patient launch/encounter patient/Patient.rs");
	must_go(at, "/auth/encounter?request=");
	struct answer page = world_get(w, at.location);
	assert_int_equal(page.status, 200);
	assert_true(has(page.body, "of Paula M. Berg, which") && has(page.body, "2 encounters, the open ones first"));
	assert_true(has(page.body, "&lt;i&gt;Visit&lt;/i&gt; v1") && !has(page.body, "<i>") && !has(page.body, "v3"));
	assert_true(str_find(page.body, S("value=\"v2\"")) < str_find(page.body, S("value=\"v1\"")));
	assert_true(has(page.body, "2024-03-04") && world_recorded(w, "encounter-find", 0));
	/* Another patient's, and one that nobody has. */
	assert_int_equal(choose(w, at, "encounter=v3").status, 404);
	assert_int_equal(choose(w, at, "encounter=%3Cx%3E").status, 404);
	struct answer done = agree(w, choose(w, at, "encounter=v2"),
				   "&scope=launch%2Fpatient&scope=launch%2Fencounter&scope=patient%2FPatient.rs");
	const struct json *token = world_redeem(w, done, "app");
	assert_true(str_is(json_get_str(token, S("encounter")), "v2"));
	assert_true(str_is(json_get_str(token, S("patient")), "p1"));
}

/* launch/encounter alone: an encounter is somebody's, so the patient is asked for as well. */
static void it_may_be_none(void **state)
{
	struct world *w = *state;
	struct answer at = to_encounter(w, "p1", "launch/encounter patient/Patient.rs");
	struct answer done = agree(w, choose(w, at, "none=1"), "&scope=launch%2Fencounter&scope=patient%2FPatient.rs");
	assert_null(json_get(world_redeem(w, done, "app"), S("encounter")));
	/* Unticked, it stays here. */
	world_new_browser(w);
	at = pick(w, begin(w, "anna", "app", "launch/encounter patient/Patient.rs", ""), "p1");
	done = agree(w, choose(w, at, "encounter=v1"), "&scope=patient%2FPatient.rs");
	assert_null(json_get(world_redeem(w, done, "app"), S("encounter")));
	/* Where there is none, nothing is asked. */
	world_new_browser(w);
	at = pick(w, begin(w, "anna", "app", "launch/encounter patient/Patient.rs", ""), "p3");
	must_go(at, "/auth/encounter?request=");
	must_go(world_get(w, at.location), "/auth/consent?request=");
	/* And going back is going back. */
	world_new_browser(w);
	at = pick(w, begin(w, "anna", "app", "launch/encounter patient/Patient.rs", ""), "p1");
	must_go(choose(w, at, "cancel=1"), CALLBACK "?error=access_denied");
}

static void encounters_come_in_pages(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 12; i++)
		world_add(w, world_text(w, VISIT("many%d", "p2", "2022-01-%02d"), i, i, i + 1, i + 1).p);
	struct answer at = pick(w, begin(w, "anna", "app", "launch/encounter patient/Patient.rs", ""), "p2");
	struct answer page = world_get(w, at.location);
	assert_true(has(page.body, "10 encounters on this page") && has(page.body, "Next page"));
	struct str word = world_field(w, page.body, "at");
	page = choose(w, at, world_text(w, "at=%.*s", STR_ARG(word)).p);
	assert_int_equal(page.status, 200);
	assert_true(has(page.body, "2 encounters on this page") && has(page.body, "First page"));
	assert_int_equal(choose(w, at, "at=bm8.bm8").status, 410);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_app_is_let_in),
		TEST(what_is_unticked_is_not_granted),
		TEST(a_permission_can_be_narrowed),
		TEST(nothing_ticked_is_asked_again_and_cancel_is_told),
		TEST(people_choose_within_what_they_may),
		TEST(staff_choose_within_the_sites_policy),
		TEST(patients_are_found_by_name_and_birth_date),
		TEST(long_lists_have_pages),
		TEST(consent_is_remembered_when_it_was_wanted),
		TEST(a_client_that_could_be_anybodys_is_always_asked_for),
		TEST(a_patients_consent_is_for_that_patient),
		TEST(without_a_page_there_is_an_answer_at_once),
		TEST(an_app_may_want_a_fresh_sign_in),
		TEST(a_launch_says_what_need_not_be_asked),
		TEST(mistakes_go_to_the_app_when_it_is_known),
		TEST(other_mistakes_are_explained),
		TEST(a_form_may_begin_it),
		TEST(the_conversation_is_one_persons),
		TEST(apps_are_listed_and_removed_at_once),
		TEST(a_remembered_consent_can_be_forgotten),
		TEST(a_restart_loses_nothing),
		TEST(signing_out_ends_what_was_for_the_session),
		TEST(an_encounter_of_the_patient_is_chosen),
		TEST(it_may_be_none),
		TEST(encounters_come_in_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
