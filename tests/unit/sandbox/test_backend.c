/*
 * Rows 11, 13 and 14 of what a sandbox of these vendors has to do, as far as backend services are concerned: how a
 * client proves who it is, and what it is granted. Each test says its row and how far it is known (docs/sandbox.md).
 */
#include "world.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"
#include "jose/jose.h"

#define SECRET "s3cret: of the system account"

/* ---- a client's own server, which publishes its keys ------------------------------------------------------------- */

struct publisher {
	struct http_server *server;
	struct str body;
	atomic_int fetches;
	const char *cache_control;
};

static void publish(void *ctx, struct http_exchange *x)
{
	struct publisher *p = ctx;
	struct buf body;
	const struct http_header header = {S("Cache-Control"), str_from(p->cache_control)};
	atomic_fetch_add(&p->fetches, 1);
	buf_init(&body, 1 << 16);
	buf_add(&body, p->body);
	http_respond(x, &(struct http_response){.status = 200,
						.content_type = S("application/json"),
						.headers = &header,
						.header_count = 1,
						.body = &body});
	buf_done(&body);
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	(void)err;
	http_respond(x, &(struct http_response){.status = 400, .content_type = S("")});
}

/* ---- the sandbox and its clients --------------------------------------------------------------------------------- */

struct site {
	struct arena arena;
	struct world *w;
	struct publisher publisher;
	struct smart_client clients[3];
};
enum { BY_VALUE, BY_URL, BY_SECRET };

static struct jose_key *new_key(enum jose_algorithm algorithm)
{
	struct error err = {0};
	struct jose_key *key = jose_key_new(algorithm, &err);
	must(key, &err);
	return key;
}

static struct str public_keys(struct arena *a, const struct jose_key *key)
{
	struct buf out;
	struct error err = {0};
	buf_init(&out, 1 << 16);
	must(jose_key_write_public_set(key, &out, &err), &err);
	struct str text = arena_str(a, buf_str(&out));
	buf_done(&out);
	return text;
}

static struct site *open_site(enum ehr_vendor vendor, const struct jose_key *key, const char *scope,
			      const char *behaviour)
{
	static struct site sites[1];
	struct site *s = sites;
	struct error err = {0};
	struct str one = str_from(behaviour ? behaviour : "");
	*s = (struct site){0};
	arena_init(&s->arena, ARENA_NO_CAP);
	struct http_handler handler = {.handle = publish, .refuse = refuse, .ctx = &s->publisher};
	s->publisher.body = public_keys(&s->arena, key);
	s->publisher.cache_control = "max-age=3600";
	s->publisher.server = http_server_start(&(struct http_server_options){.threads = 1}, &handler, &err);
	must(s->publisher.server, &err);
	struct smart_client client = {.scope = str_from(scope)};
	s->clients[BY_VALUE] = s->clients[BY_URL] = s->clients[BY_SECRET] = client;
	s->clients[BY_VALUE].client_id = S("by-value");
	s->clients[BY_VALUE].jwks = json_parse(&s->arena, s->publisher.body, 0, &err);
	s->clients[BY_URL].client_id = S("by-url");
	s->clients[BY_URL].jwks_url =
		arena_printf(&s->arena, "http://127.0.0.1:%u/keys", http_server_port(s->publisher.server));
	s->clients[BY_SECRET].client_id = S("by-secret");
	s->clients[BY_SECRET].secret_sha256 = digest_hex(&s->arena, S(SECRET));
	s->clients[BY_SECRET].grant_types = S("client_credentials");
	s->w = world_open(&(struct world_options){.vendor = vendor,
						  .patients = 1,
						  .clients = s->clients,
						  .client_count = 3,
						  .behaviours = &one,
						  .behaviour_count = behaviour != NULL});
	return s;
}

static void close_site(struct site *s)
{
	world_close(s->w);
	http_server_stop(s->publisher.server);
	arena_done(&s->arena);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

/* Claims of an assertion; zero and NULL: as they should be. Times are seconds from now; NEVER leaves one out. */
#define NEVER 1000000
struct claims {
	const char *client, *sub, *aud, *jti, *kid;
	int64_t exp, iat, nbf;
	const struct jose_key *key;
};

static struct str signed_by(struct site *s, const struct claims *c)
{
	struct buf text;
	struct error err = {0};
	char jti[UUID_SIZE];
	int64_t now = clock_now_ms() / 1000;
	struct str aud = c->aud ? str_from(c->aud) : sandbox_token_url(s->w->sandbox);
	random_uuid(jti);
	buf_init(&text, 1 << 16);
	buf_printf(&text, "{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"%.*s\",\"jti\":\"%.*s\",\"exp\":%lld", c->client,
		   c->sub ? c->sub : c->client, STR_ARG(aud),
		   STR_ARG(c->jti ? str_from(c->jti) : str_make(jti, UUID_SIZE)),
		   (long long)(now + (c->exp ? c->exp : 200)));
	if (c->iat != NEVER)
		buf_printf(&text, ",\"iat\":%lld", (long long)(now + c->iat));
	if (c->nbf)
		buf_printf(&text, ",\"nbf\":%lld", (long long)(now + c->nbf));
	buf_add(&text, S("}"));
	struct str claims = arena_str(&s->arena, buf_str(&text));
	buf_reset(&text);
	must(jose_sign(c->key, claims, &text, &err), &err);
	struct str token = arena_str(&s->arena, buf_str(&text));
	buf_done(&text);
	return token;
}

static struct http_answer ask_token(struct site *s, struct str form, const char *credentials)
{
	struct asked how = {.method = "POST", .accept = "application/json", .form = true, .body = form.p};
	struct buf text;
	buf_init(&text, 4096);
	if (credentials)
		encode_base64(&text, str_from(credentials));
	how.authorization = credentials ? arena_printf(&s->arena, "Basic %.*s", STR_ARG(buf_str(&text))) : STR_NULL;
	buf_done(&text);
	return ask_url(s->w, sandbox_token_url(s->w->sandbox), how);
}

static struct str assertion_form(struct site *s, struct str assertion, const char *scope)
{
	return arena_printf(
		&s->arena,
		"grant_type=client_credentials&client_assertion_type="
		"urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer&client_assertion=%.*s%s%s",
		STR_ARG(assertion), scope ? "&scope=" : "", scope ? scope : "");
}

static int status_of(struct site *s, const struct claims *c)
{
	return ask_token(s, assertion_form(s, signed_by(s, c), "system/Patient.rs"), NULL).status;
}

/* ---- row 13 at Epic ---------------------------------------------------------------------------------------------- */

static const char too_long_jti[] = "01234567890123456789012345678901234567890123456789012345678901234567890123456789"
				   "012345678901234567890123456789012345678901234567890123456789012345678901";
static const char longest_jti[] = "0123456789012345678901234567890123456789012345678901234567890123456789012345678"
				  "012345678901234567890123456789012345678901234567890123456789012345678901";

static void row_13_epic_checks_each_claim_D(void **state)
{
	(void)state;
	struct jose_key *key = new_key(JOSE_RS384);
	struct site *s = open_site(EHR_EPIC, key, "system/Patient.rs", NULL);
	assert_int_equal(sizeof(longest_jti) - 1, 151);
	assert_int_equal(sizeof(too_long_jti) - 1, 152);
	const struct {
		const char *what;
		struct claims claims;
		int status;
	} cases[] = {
		{"as it should be", {.client = "by-value"}, 200},
		{"without iat", {.client = "by-value", .iat = NEVER}, 200},
		{"exp five minutes ahead", {.client = "by-value", .exp = 299}, 200},
		{"exp too far ahead", {.client = "by-value", .exp = 330, .iat = NEVER}, 400},
		{"exp past", {.client = "by-value", .exp = -10}, 400},
		{"exp more than five minutes after iat", {.client = "by-value", .exp = 200, .iat = -120}, 400},
		{"exp more than five minutes after nbf", {.client = "by-value", .exp = 200, .nbf = -120}, 400},
		{"iat in the future", {.client = "by-value", .iat = 30}, 400},
		{"nbf in the future", {.client = "by-value", .nbf = 30}, 400},
		{"sub of somebody else", {.client = "by-value", .sub = "by-url"}, 400},
		{"another aud", {.client = "by-value", .aud = "https://other.example.org/token"}, 400},
		{"longest jti", {.client = "by-value", .jti = longest_jti}, 200},
		{"the same jti again", {.client = "by-value", .jti = longest_jti}, 400},
		{"a jti that is too long", {.client = "by-value", .jti = too_long_jti}, 400},
		{"an unknown client", {.client = "nobody"}, 400},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct claims c = cases[i].claims;
		c.key = key;
		int status = status_of(s, &c);
		if (status != cases[i].status)
			fail_msg("%s: %d", cases[i].what, status);
	}
	struct jose_key *other = new_key(JOSE_RS384);
	struct http_answer answer = ask_token(
		s, assertion_form(s, signed_by(s, &(struct claims){.client = "by-value", .key = other}), NULL), NULL);
	assert_int_equal(answer.status, 400);
	assert_true(str_is(answer.body, "{\"error\":\"invalid_client\",\"error_description\":null}"));
	jose_key_free(other);
	jose_key_free(key);
	close_site(s);
}

static void row_13_epic_takes_curves_by_url_only_D(void **state)
{
	(void)state;
	static const struct {
		const char *behaviour;
		enum jose_algorithm algorithm;
		int by_value, by_url;
	} cases[] = {
		{NULL, JOSE_RS256, 200, 200},
		{NULL, JOSE_ES384, 400, 200},
		{"key-upload=any", JOSE_ES384, 200, 200},
		{"key-upload=none", JOSE_RS384, 400, 200},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct jose_key *key = new_key(cases[i].algorithm);
		struct site *s = open_site(EHR_EPIC, key, "system/Patient.rs", cases[i].behaviour);
		assert_int_equal(status_of(s, &(struct claims){.client = "by-value", .key = key}), cases[i].by_value);
		assert_int_equal(status_of(s, &(struct claims){.client = "by-url", .key = key}), cases[i].by_url);
		jose_key_free(key);
		close_site(s);
	}
}

/* The key with the name of the other. */
static struct jose_key *named_as(struct site *s, const struct jose_key *key, const struct jose_key *other)
{
	struct buf out;
	struct error err = {0};
	struct str id = jose_key_id(key);
	buf_init(&out, 1 << 16);
	must(jose_key_write_private(key, &out, &err), &err);
	struct str text = buf_str(&out);
	size_t at = str_find(text, id);
	struct jose_key *named =
		jose_key_parse(arena_printf(&s->arena, "%.*s%.*s%.*s", STR_ARG(str_slice(text, 0, at)),
					    STR_ARG(jose_key_id(other)), STR_ARG(str_slice(text, at + id.n, text.n))),
			       &err);
	must(named, &err);
	buf_done(&out);
	return named;
}

static void row_13_epic_keeps_keys_and_asks_once_more_D(void **state)
{
	(void)state;
	struct jose_key *key = new_key(JOSE_RS384), *next = new_key(JOSE_RS384);
	struct site *s = open_site(EHR_EPIC, key, "system/Patient.rs", NULL);
	struct claims c = {.client = "by-url", .key = key};
	for (int i = 0; i < 3; i++)
		assert_int_equal(status_of(s, &c), 200);
	assert_int_equal(atomic_load(&s->publisher.fetches), 1); /* kept */
	/* A kid that is not among them. */
	usleep(1100 * 1000);
	s->publisher.body = public_keys(&s->arena, next);
	c.key = next;
	assert_int_equal(status_of(s, &c), 200);
	assert_int_equal(atomic_load(&s->publisher.fetches), 2);
	/* Another key of the same name: the signature fails, the keys are fetched once more, and it fits. */
	usleep(1100 * 1000);
	struct jose_key *renamed = named_as(s, key, next);
	s->publisher.body = public_keys(&s->arena, renamed);
	c.key = renamed;
	assert_int_equal(status_of(s, &c), 200);
	assert_int_equal(atomic_load(&s->publisher.fetches), 3);
	/* One that never fits costs one fetch and no more. */
	usleep(1100 * 1000);
	c.key = next;
	assert_int_equal(status_of(s, &c), 400);
	assert_int_equal(atomic_load(&s->publisher.fetches), 4);
	jose_key_free(renamed);
	jose_key_free(key);
	jose_key_free(next);
	close_site(s);
}

static void row_13_epic_background_users_are_mapped_D(void **state)
{
	(void)state;
	struct jose_key *key = new_key(JOSE_RS384);
	struct site *s = open_site(EHR_EPIC, key, "system/Patient.rs", "background-user=none");
	struct http_answer answer = ask_token(
		s, assertion_form(s, signed_by(s, &(struct claims){.client = "by-value", .key = key}), NULL), NULL);
	assert_int_equal(answer.status, 400);
	assert_true(str_is(answer.body, "{\"error\":\"unauthorized_client\",\"error_description\":null}"));
	jose_key_free(key);
	close_site(s);
}

static void row_13_epic_secrets_come_one_way_D(void **state)
{
	(void)state;
	struct jose_key *key = new_key(JOSE_RS384);
	struct site *s = open_site(EHR_EPIC, key, "system/Patient.rs", NULL);
	/* id and secret are encoded before they are joined */
	static const char basic[] = "by-secret:s3cret%3A+of+the+system+account";
	struct str form = S("grant_type=client_credentials");
	assert_int_equal(ask_token(s, form, basic).status, 200);
	assert_int_equal(ask_token(s, S("grant_type=client_credentials&client_id=by-secret"), basic).status, 400);
	assert_int_equal(ask_token(s,
				   S("grant_type=client_credentials&client_id=by-secret&client_secret="
				     "s3cret%3A+of+the+system+account"),
				   NULL)
				 .status,
			 200);
	jose_key_free(key);
	close_site(s);
}

/* ---- row 13 at Cerner -------------------------------------------------------------------------------------------- */

static void row_13_cerner_each_client_in_its_own_way_C(void **state)
{
	(void)state;
	struct jose_key *key = new_key(JOSE_ES384);
	struct site *s = open_site(EHR_CERNER, key, "system/Patient.rs", NULL);
	static const char basic[] = "by-secret:s3cret%3A+of+the+system+account";
	struct str form = S("grant_type=client_credentials&scope=system/Patient.rs");
	struct http_answer answer = ask_token(s, form, basic);
	assert_int_equal(answer.status, 200);
	const struct json *j = parsed(s->w, answer);
	assert_true(str_is(json_number(json_get(j, S("expires_in"))), "570"));
	assert_int_equal(ask_token(s, form, "by-secret:wrong").status, 400);
	assert_int_equal(ask_token(s, form, "by-value:anything").status, 400); /* registered with a key */
	/* in the form it does not count */
	answer = ask_token(s,
			   S("grant_type=client_credentials&scope=system/Patient.rs&client_id=by-secret&client_secret="
			     "s3cret%3A+of+the+system+account"),
			   NULL);
	assert_int_equal(answer.status, 400);
	assert_true(str_find(answer.body, S("\"error\":\"invalid_client\"")) != STR_NONE);
	/* a JWT of an account that has a secret (C) */
	answer = ask_token(s,
			   assertion_form(s, signed_by(s, &(struct claims){.client = "by-secret", .key = key}),
					  "system/Patient.rs"),
			   NULL);
	assert_int_equal(answer.status, 400);
	assert_true(str_find(answer.body, S("\"error\":\"invalid_client\"")) != STR_NONE);
	assert_true(str_is(http_answer_header(&answer, "Server"), "cloud_authorization_server1"));
	assert_true(str_is(http_answer_header(&answer, "Cache-Control"), "no-store"));
	/* and those with a key by it */
	assert_int_equal(status_of(s, &(struct claims){.client = "by-value", .key = key}), 200);
	jose_key_free(key);
	key = new_key(JOSE_ES256); /* RS384 and ES384 only */
	assert_int_equal(status_of(s, &(struct claims){.client = "by-value", .key = key}), 400);
	jose_key_free(key);
	close_site(s);
}

/* ---- row 11 ------------------------------------------------------------------------------------------------------ */

static struct http_answer by_secret(struct site *s, const char *scope)
{
	return ask_token(s, arena_printf(&s->arena, "grant_type=client_credentials&scope=%s", scope),
			 "by-secret:s3cret%3A+of+the+system+account");
}

static void row_11_cerner_accounts_speak_one_grammar_C(void **state)
{
	(void)state;
	static const struct {
		const char *behaviour, *scope;
		int status;
	} cases[] = {
		{NULL, "system/Patient.read", 200},
		{NULL, "system/Patient.rs", 200},
		{"scope-version=v2", "system/Patient.read", 400}, /* as recorded */
		{"scope-version=v2", "system/Patient.rs", 200},
		{"scope-version=v1", "system/Patient.rs", 400},
		{"scope-version=v1", "system/Patient.read", 200},
		{NULL, "system/*.rs", 400},
		{NULL, "system/*.read%20system/Condition.read", 400}, /* a wildcard helps nobody */
		{"account=limited", "system/Patient.rs", 400},
	};
	struct jose_key *key = new_key(JOSE_ES384);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct site *s = open_site(EHR_CERNER, key, "system/Patient.rs", cases[i].behaviour);
		struct http_answer answer = by_secret(s, cases[i].scope);
		if (answer.status != cases[i].status)
			fail_msg("%zu: %d %.*s", i, answer.status, STR_ARG(answer.body));
		if (answer.status == 400)
			assert_true(str_find(answer.body, S("token%3Aempty-scopes")) != STR_NONE);
		close_site(s);
	}
	jose_key_free(key);
}

static void row_11_cerner_reading_is_not_searching_C(void **state)
{
	(void)state;
	struct jose_key *key = new_key(JOSE_ES384);
	struct site *s = open_site(EHR_CERNER, key, "system/Patient.rs", NULL);
	const struct json *j = parsed(s->w, by_secret(s, "system/Patient.r"));
	struct asked with = {.accept = "application/json", .token = json_get_str(j, S("access_token"))};
	assert_int_equal(ask(s->w, "Patient/$P", with).status, 200);
	struct http_answer answer = ask(s->w, "Patient?_id=$P", with);
	assert_int_equal(answer.status, 403);
	assert_true(str_find(answer.body, S("insufficient_scope")) != STR_NONE);
	jose_key_free(key);
	close_site(s);
}

static void row_11_cerner_too_many_scopes_are_too_many_D(void **state)
{
	(void)state;
	struct jose_key *key = new_key(JOSE_ES384);
	struct site *s = open_site(EHR_CERNER, key, "system/*.cruds", NULL);
	struct buf scopes;
	buf_init(&scopes, 1 << 16);
	for (const struct face_type *t = s->w->sandbox->vendor->types; t->name; t++)
		buf_printf(&scopes, "system/%s.c%%20system/%s.r%%20system/%s.u%%20system/%s.d%%20system/%s.s%%20",
			   t->name, t->name, t->name, t->name, t->name);
	struct http_answer answer = by_secret(s, arena_str(&s->arena, buf_str(&scopes)).p);
	assert_int_equal(answer.status, 400);
	assert_true(str_find(answer.body, S("\"error\":\"invalid_scope\"")) != STR_NONE);
	assert_true(str_find(answer.body, S("empty-scopes")) == STR_NONE);
	buf_done(&scopes);
	jose_key_free(key);
	close_site(s);
}

static void row_11_epic_categories_are_apis_of_their_own_C(void **state)
{
	(void)state;
	struct jose_key *key = new_key(JOSE_RS384);
	struct site *s = open_site(
		EHR_EPIC, key, "system/Observation.rs?category=vital-signs system/Patient.r system/Patient.s", NULL);
	struct http_answer answer = ask_token(
		s, assertion_form(s, signed_by(s, &(struct claims){.client = "by-value", .key = key}), NULL), NULL);
	if (answer.status != 200)
		fail_msg("%.*s", STR_ARG(answer.body));
	struct asked with = {.accept = "application/fhir+json",
			     .token = json_get_str(parsed(s->w, answer), S("access_token"))};
	answer = ask(s->w, "Observation?patient=$P&category=vital-signs", with);
	assert_int_equal(answer.status, 200);
	assert_true(matches(parsed(s->w, answer)) > 0);
	assert_true(str_find(answer.body, S("Observation - Vital Signs.")) == STR_NONE);
	answer = ask(s->w, "Observation?patient=$P&category=laboratory", with);
	assert_int_equal(answer.status, 200);
	assert_int_equal(matches(parsed(s->w, answer)), 0);
	assert_true(
		str_find(answer.body, S("Client not authorized for Observation - Results. Search results of this type "
					"have not been included.")) != STR_NONE);
	jose_key_free(key);
	close_site(s);
}

/* ---- row 4: refusals of the API ---------------------------------------------------------------------------------- */

static struct str token_for(struct site *s, const struct jose_key *key, const char *scope)
{
	struct http_answer answer = ask_token(
		s, assertion_form(s, signed_by(s, &(struct claims){.client = "by-value", .key = key}), scope), NULL);
	assert_int_equal(answer.status, 200);
	return json_get_str(parsed(s->w, answer), S("access_token"));
}

static void row_4_epic_answers_401_with_two_quotes_C(void **state)
{
	(void)state;
	struct jose_key *key = new_key(JOSE_RS384);
	struct site *s = open_site(EHR_EPIC, key, "system/Patient.r system/Patient.s", NULL);
	static const char invalid[] =
		"Bearer error=\"invalid_token\", error_description=\"The access token provided is not valid\"";
	const struct str tokens[] = {STR_NULL, S("forged")};
	for (size_t i = 0; i < 2; i++) {
		struct http_answer answer =
			ask(s->w, "Patient/$P", (struct asked){.accept = "application/fhir+json", .token = tokens[i]});
		assert_int_equal(answer.status, 401);
		assert_true(str_is(answer.body, "\"\""));
		assert_true(str_starts(answer.content_type, S("application/json")));
		assert_true(str_is(http_answer_header(&answer, "WWW-Authenticate"), invalid));
	}
	struct http_answer answer =
		ask(s->w, "Encounter?patient=$P",
		    (struct asked){.accept = "application/fhir+json", .token = token_for(s, key, NULL)});
	assert_int_equal(answer.status, 403);
	assert_int_equal(answer.body.n, 0);
	assert_true(
		str_is(http_answer_header(&answer, "WWW-Authenticate"),
		       "Bearer error=\"insufficient_scope\", error_description=\"The access token provided is valid, "
		       "but is not authorized for this service\""));
	jose_key_free(key);
	close_site(s);
}

static void row_4_cerner_answers_with_code_and_message_C(void **state)
{
	(void)state;
	struct jose_key *key = new_key(JOSE_ES384);
	struct site *s = open_site(EHR_CERNER, key, "system/Patient.rs", NULL);
	struct http_answer answer = ask(s->w, "Patient/$P", JSON);
	assert_int_equal(answer.status, 401);
	assert_true(str_starts(http_answer_header(&answer, "WWW-Authenticate"), S("Bearer")));
	const struct json *j = parsed(s->w, answer);
	assert_null(json_get(j, S("resourceType")));
	assert_true(str_is(json_number(json_get(j, S("code"))), "401"));
	assert_true(str_is(json_get_str(j, S("message")),
			   "code=\"urn:cerner:error:oauth2:resource-access:token-required\""));
	struct str token = token_for(s, key, "system/Patient.rs");
	answer = ask(s->w, "Observation?patient=$P", (struct asked){.accept = "application/json", .token = token});
	assert_int_equal(answer.status, 403);
	assert_true(
		str_is(answer.body,
		       "{\"code\":403,\"message\":\"code=\\\"urn:cerner:error:oauth2:resource-access:insufficient-"
		       "scopes\\\", error=\\\"insufficient_scope\\\", subcode=\\\"no_scope_for_resource_path\\\"\"}"));
	close_site(s);
	s = open_site(EHR_CERNER, key, "system/Patient.rs", "portal-list=none");
	token = token_for(s, key, "system/Patient.rs");
	answer = ask(s->w, "Patient/$P", (struct asked){.accept = "application/json", .token = token});
	assert_int_equal(answer.status, 403);
	assert_true(str_is(answer.body, "Forbidden resource"));
	jose_key_free(key);
	close_site(s);
}

/* ---- row 19: release levels -------------------------------------------------------------------------------------- */

static void row_19_epic_uploaded_keys_have_an_end_D(void **state)
{
	static const struct {
		const char *release;
		int status;
	} cases[] = {{"release=2026-01", 200}, {"release=2026-02", 400}};
	(void)state;
	struct jose_key *key = new_key(JOSE_RS384);
	for (size_t i = 0; i < 2; i++) {
		const struct str both[] = {S("key-upload=release"), str_from(cases[i].release)};
		struct site *s = open_site(EHR_EPIC, key, "system/Patient.rs", NULL);
		world_close(s->w);
		s->w = world_open(&(struct world_options){.vendor = EHR_EPIC,
							  .patients = 1,
							  .clients = s->clients,
							  .client_count = 3,
							  .behaviours = both,
							  .behaviour_count = 2});
		assert_int_equal(status_of(s, &(struct claims){.client = "by-value", .key = key}), cases[i].status);
		assert_int_equal(status_of(s, &(struct claims){.client = "by-url", .key = key}), 200);
		close_site(s);
	}
	jose_key_free(key);
}

/* ---- the form of tokens, and other ways in --------------------------------------------------------------------------
 */

static struct str cerner_token(struct site *s, int64_t *ret_lifetime)
{
	struct http_answer answer =
		ask_token(s, S("grant_type=client_credentials&scope=system%2FPatient.rs"), "by-secret:" SECRET);
	assert_int_equal(answer.status, 200);
	const struct json *body = parsed(s->w, answer);
	assert_true(str_to_i64(json_number(json_get(body, S("expires_in"))), ret_lifetime));
	return json_get_str(body, S("access_token"));
}

static int patient_with(struct site *s, struct str token)
{
	return ask(s->w, "Patient/$P", (struct asked){.accept = "application/fhir+json", .token = token}).status;
}

/* A JWT for whoever looks, by a key of the set; an encrypted one in newer domains. Each opens what it should. */
static void row_14_cerner_access_tokens_are_jwts_D(void **state)
{
	(void)state;
	static const struct {
		const char *behaviour;
		int dots; /* of the token */
	} forms[] = {{NULL, 2}, {"access-token=encrypted", 4}, {"access-token=opaque", 0}};
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct jose_key *key = new_key(JOSE_RS384);
		struct site *s = open_site(EHR_CERNER, key, "system/Patient.rs", forms[i].behaviour);
		int64_t lifetime;
		struct str token = cerner_token(s, &lifetime), again = cerner_token(s, &lifetime);
		int dots = 0;
		for (size_t at = 0; at < token.n; at++)
			dots += token.p[at] == '.';
		assert_int_equal(dots, forms[i].dots);
		assert_int_equal(lifetime, 570);
		assert_false(str_eq(token, again));
		assert_int_equal(patient_with(s, token), 200);
		/* Everything of it counts. */
		struct str cut = str_slice(token, 0, token.n - 1);
		assert_int_equal(patient_with(s, arena_printf(&s->arena, "%.*s%s", STR_ARG(cut),
							      token.p[token.n - 1] == 'A' ? "B" : "A")),
				 401);
		if (i == 0) {
			struct error err = {0};
			struct jose_token seen;
			struct asked plain = {.accept = "application/json"};
			struct http_answer keys =
				ask_url(s->w, arena_printf(&s->arena, "%.*s/jwk", STR_ARG(s->w->host)), plain);
			struct jose_key_set *set = jose_key_set_parse_identity(parsed(s->w, keys), &err);
			must(set, &err);
			must(jose_verify(&s->arena, token, set, &seen, &err), &err);
			assert_true(str_is(seen.algorithm, "ES256") && str_ends(seen.kid, S(".ec.es256")));
			const struct json *claims =
				json_get(seen.claims, S("urn:cerner:authorization:claims:version:1"));
			assert_true(str_is(json_get_str(claims, S("tenant")), CERNER_TENANT));
			jose_key_set_free(set);
		}
		jose_key_free(key);
		close_site(s);
	}
}

/* Epic's discovery names the grant, and nothing says how it is done. */
static void row_13_epic_token_exchange_is_refused_I(void **state)
{
	(void)state;
	struct jose_key *key = new_key(JOSE_RS384);
	struct site *s = open_site(EHR_EPIC, key, "system/Patient.rs", NULL);
	struct http_answer answer = ask_token(s,
					      S("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&"
						"subject_token=x&subject_token_type="
						"urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"),
					      NULL);
	assert_int_equal(answer.status, 400);
	assert_true(str_is(json_get_str(parsed(s->w, answer), S("error")), "unauthorized_client"));
	jose_key_free(key);
	close_site(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_13_epic_checks_each_claim_D),
		cmocka_unit_test(row_13_epic_takes_curves_by_url_only_D),
		cmocka_unit_test(row_13_epic_keeps_keys_and_asks_once_more_D),
		cmocka_unit_test(row_13_epic_background_users_are_mapped_D),
		cmocka_unit_test(row_13_epic_secrets_come_one_way_D),
		cmocka_unit_test(row_13_cerner_each_client_in_its_own_way_C),
		cmocka_unit_test(row_11_cerner_accounts_speak_one_grammar_C),
		cmocka_unit_test(row_11_cerner_reading_is_not_searching_C),
		cmocka_unit_test(row_11_cerner_too_many_scopes_are_too_many_D),
		cmocka_unit_test(row_11_epic_categories_are_apis_of_their_own_C),
		cmocka_unit_test(row_4_epic_answers_401_with_two_quotes_C),
		cmocka_unit_test(row_4_cerner_answers_with_code_and_message_C),
		cmocka_unit_test(row_19_epic_uploaded_keys_have_an_end_D),
		cmocka_unit_test(row_14_cerner_access_tokens_are_jwts_D),
		cmocka_unit_test(row_13_epic_token_exchange_is_refused_I),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
