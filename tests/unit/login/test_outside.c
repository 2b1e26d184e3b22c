/* This server as the outside provider of another: both halves of the conversation, over real HTTP in between. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "http/server.h"

/* The provider: a realm of its own, whose browser is another struct world over it. */
struct outside {
	struct world *w; /* of the server that asks it */
	struct world there; /* store, smart, login; and the browser's cookies there */
	struct http_server *http;
	char base[64], issuer[80];
	struct login_provider provider;
};

static void serve(void *ctx, struct http_exchange *x)
{
	struct outside *o = ctx;
	struct buf body;
	if (str_is(http_request(x)->path, "/fhir/.well-known/openid-configuration")) {
		buf_init(&body, 1 << 20);
		buf_add(&body, smart_configuration(o->there.smart));
		http_respond(x, &(struct http_response){
					.status = 200, .content_type = S("application/json"), .body = &body});
		buf_done(&body);
	} else if (!smart_handle(o->there.smart, x)) {
		http_respond(x, &(struct http_response){.status = 404, .content_type = S("")});
	}
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	http_respond(x, &(struct http_response){.status = error_http_status(err->code), .content_type = S("")});
}

static void open_there(struct outside *o)
{
	struct world *t = &o->there;
	struct error err = {0};
	const struct smart_client client = {
		.client_id = S("firth"),
		.name = S("The other server"),
		.scope = S("openid fhirUser profile"),
		.secret_sha256 = S("2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"),
		.redirect_uris = S(BASE "/auth/callback")};
	snprintf(t->directory, sizeof(t->directory), "/tmp/firth-outside-XXXXXX");
	assert_non_null(mkdtemp(t->directory));
	arena_init(&t->a, (size_t)64 << 20);
	t->store =
		store_open(str_from(t->directory), &(struct store_options){.definitions = definitions_builtin()}, &err);
	assert_non_null(t->store);
	t->smart = smart_open(&(struct smart_options){.store = t->store,
						      .definitions = definitions_builtin(),
						      .token_url = world_text(t, "%s/auth/token", o->base),
						      .base_url = str_from(o->base),
						      .base_path = S(""),
						      .clients = &client,
						      .client_count = 1,
						      .people = true},
			      &err);
	if (!t->smart)
		fail_msg("%s", err.text);
	t->login = login_open(&(struct login_options){.store = t->store,
						      .definitions = definitions_builtin(),
						      .smart = t->smart,
						      .base_url = str_from(o->base),
						      .base_path = S("")},
			      &err);
	assert_non_null(t->login);
	world_user(t, &(struct login_user){.name = S("gina"),
					   .display = S("Gina Ray"),
					   .fhir_user = S("Practitioner/9"),
					   .patients = S("*")});
}

static struct outside *open_outside(struct world *w)
{
	struct outside *o = calloc(1, sizeof(*o));
	struct error err = {0};
	const struct http_handler handler = {.handle = serve, .refuse = refuse, .ctx = o};
	o->w = w;
	o->http = http_server_start(&(struct http_server_options){0}, &handler, &err);
	assert_non_null(o->http);
	snprintf(o->base, sizeof(o->base), "http://127.0.0.1:%u", http_server_port(o->http));
	snprintf(o->issuer, sizeof(o->issuer), "%s/fhir", o->base);
	open_there(o);
	o->provider = (struct login_provider){.issuer = str_from(o->issuer),
					      .client_id = S("firth"),
					      .client_secret = S("secret"),
					      .scopes = S("openid fhirUser profile"),
					      .audience = str_from(o->issuer),
					      .patients = S("*"),
					      .make_users = true};
	world_open_login(w, &(struct login_options){.provider = &o->provider});
	return o;
}

static void close_outside(struct outside *o)
{
	world_open_login(o->w, NULL);
	http_server_stop(o->http);
	login_close(o->there.login);
	smart_close(o->there.smart);
	store_close(o->there.store);
	arena_done(&o->there.a);
	world_remove(o->there.directory);
	free(o);
}

/* The path and query of a URL below a base. */
static struct str below(struct str url, const char *base)
{
	if (!str_starts(url, str_from(base)))
		fail_msg("%.*s does not start with %s", STR_ARG(url), base);
	return str_slice(url, strlen(base), url.n);
}

/* From the button here to the answer of the provider: where it sends the browser. */
static struct answer go_there(struct outside *o, const char *agree)
{
	struct answer page = world_get(o->w, S("/auth/login"));
	size_t at = str_find(page.body, S("/auth/provider?request="));
	assert_true(at != STR_NONE);
	struct answer there = world_get(o->w, str_slice(page.body, at, at + 23 + TOKEN_SIZE));
	if (there.status != 303)
		fail_msg("%.*s", STR_ARG(there.body));
	assert_true(has(there.location, "code_challenge_method=S256") && has(there.location, "nonce="));
	world_new_browser(&o->there);
	struct answer to_login = world_get(&o->there, below(there.location, o->base));
	struct answer to_consent = world_sign_in(&o->there, to_login, "gina", "a+few+plain+words");
	struct str request = world_request(&o->there, to_consent);
	struct answer back = world_post(&o->there, "/auth/consent",
					world_text(&o->there, "request=%.*s&answer=%s", STR_ARG(request), agree));
	assert_int_equal(back.status, 303);
	return back;
}

#define AGREE "allow&scope=openid&scope=fhirUser&scope=profile"

static void people_of_the_other_server_sign_in(void **state)
{
	struct world *w = *state;
	struct outside *o = open_outside(w);
	struct login_user *users;
	size_t count;
	for (int round = 0; round < 2; round++) { /* the second time they are known */
		world_new_browser(w);
		struct answer back = go_there(o, AGREE);
		struct answer in = world_get(w, below(back.location, BASE));
		if (in.status != 303 || !str_is(in.location, "/auth/apps"))
			fail_msg("%d %.*s %.*s", in.status, STR_ARG(in.location), STR_ARG(in.body));
		assert_true(has(world_get(w, S("/auth/apps")).body, "My apps"));
		assert_true(world_recorded(w, "login", 0));
	}
	assert_true(login_user_list(w->login, &w->a, &users, &count, NULL));
	assert_int_equal(count, 5);
	bool found = false;
	for (size_t i = 0; i < count; i++)
		found = found || (str_starts(users[i].subject, str_from(o->issuer)) && !users[i].hash.p &&
				  str_is(users[i].name, "gina") && users[i].display.n);
	assert_true(found);
	close_outside(o);
}

static void an_answer_is_good_for_its_browser_and_once(void **state)
{
	struct world *w = *state;
	struct outside *o = open_outside(w);
	world_new_browser(w);
	struct answer back = go_there(o, AGREE);
	struct str browser = w->browser;
	w->browser = token_new(&w->a);
	assert_int_equal(world_get(w, below(back.location, BASE)).status, 404);
	w->browser = browser;
	assert_int_equal(world_get(w, below(back.location, BASE)).status, 303);
	w->session = S("");
	struct answer again = world_get(w, below(back.location, BASE));
	assert_true(again.status != 303 || has(again.location, "/auth/login"));
	assert_int_equal(w->session.n, 0);
	close_outside(o);
}

static void what_goes_wrong_there_is_told_here(void **state)
{
	struct world *w = *state;
	struct outside *o = open_outside(w);
	world_new_browser(w);
	struct answer back = go_there(o, "cancel");
	struct answer page = world_get(w, below(back.location, BASE));
	assert_int_equal(page.status, 403);
	assert_true(has(page.body, "did not work") && world_recorded(w, "login", 4));
	/* An answer that names another issuer (RFC 9207), and a code that was made up. */
	struct answer login = world_get(w, S("/auth/login"));
	size_t at = str_find(login.body, S("/auth/provider?request="));
	struct str request = str_slice(login.body, at + 23, at + 23 + TOKEN_SIZE);
	assert_int_equal(world_get(w, world_text(w, "/auth/provider?request=%.*s", STR_ARG(request))).status, 303);
	page = world_get(w, world_text(w, "/auth/callback?state=%.*s&code=x&iss=https%%3A%%2F%%2Fevil.example",
				       STR_ARG(request)));
	assert_int_equal(page.status, 403);
	page = world_get(w, world_text(w, "/auth/callback?state=%.*s&code=x", STR_ARG(request)));
	assert_int_equal(page.status, 403);
	assert_int_equal(w->session.n, 0);
	/* A provider that is not there. */
	struct login_provider nobody = o->provider;
	nobody.issuer = S("http://127.0.0.1:1/fhir");
	world_open_login(w, &(struct login_options){.provider = &nobody});
	assert_int_equal(world_get(w, world_text(w, "/auth/provider?request=%.*s", STR_ARG(request))).status, 403);
	nobody.issuer = S("http://id.example.org"); /* secrets do not go over the network like this */
	world_open_login(w, &(struct login_options){.provider = &nobody});
	assert_int_equal(world_get(w, world_text(w, "/auth/provider?request=%.*s", STR_ARG(request))).status, 403);
	close_outside(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(people_of_the_other_server_sign_in),
		TEST(an_answer_is_good_for_its_browser_and_once),
		TEST(what_goes_wrong_there_is_told_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
