/*
 * The token endpoint with a real store, real signatures and a key server that rotates: what is granted, and each check
 * that can refuse, by the name it gives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "http/server.h"
#include "server/smart/smart_priv.h"

#define TOKEN_URL "https://ehr.example.org/auth/token"
#define ASSERTION "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static _Atomic int64_t test_now_ms;

static int64_t now(void)
{
	return atomic_load(&test_now_ms);
}

struct fixture {
	char directory[64];
	struct store *store;
	struct smart *smart;
	struct arena arena;
	struct jose_key *keys[3]; /* RS384 by value, ES384 by URL, another ES384 */
	struct http_server *jwks_server;
	char jwks_url[64];
	pthread_mutex_t lock;
	const struct jose_key *published;
	atomic_int fetches;
	int serial; /* for fresh jti values */
	struct buf out;
};

static void serve_jwks(void *ctx, struct http_exchange *x)
{
	struct fixture *f = ctx;
	const struct http_header age = {S("Cache-Control"), S("max-age=120")};
	struct error err = {0};
	struct buf body;
	buf_init(&body, 1 << 16);
	atomic_fetch_add(&f->fetches, 1);
	pthread_mutex_lock(&f->lock);
	assert_true(jose_key_write_public_set(f->published, &body, &err));
	pthread_mutex_unlock(&f->lock);
	http_respond(x, &(struct http_response){.status = 200,
						.content_type = S("application/json"),
						.headers = &age,
						.header_count = 1,
						.body = &body});
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	http_respond(x, &(struct http_response){.status = error_http_status(err->code)});
}

static const struct json *public_set(struct fixture *f, const struct jose_key *key)
{
	struct error err = {0};
	struct buf text;
	buf_init(&text, 1 << 16);
	assert_true(jose_key_write_public_set(key, &text, &err));
	const struct json *j = json_parse(&f->arena, arena_str(&f->arena, buf_str(&text)), 0, &err);
	buf_done(&text);
	assert_non_null(j);
	return j;
}

static void open_smart(struct fixture *f)
{
	struct error err = {0};
	const struct smart_client clients[] = {
		{.client_id = S("by-value"),
		 .scope = S("system/Patient.rs system/Observation.cruds system/Flag.write"),
		 .jwks = public_set(f, f->keys[0])},
		{.client_id = S("by-url"), .scope = S("system/*.read"), .jwks_url = str_from(f->jwks_url)},
		{.client_id = S("secret app"), .scope = S("system/Patient.read")},
	};
	unsigned char digest[32];
	struct buf hex;
	struct smart_client copy[3];
	memcpy(copy, clients, sizeof(copy));
	buf_init(&hex, 64);
	digest_sha256(S("s3cret+"), digest);
	encode_hex(&hex, str_make((const char *)digest, 32));
	copy[2].secret_sha256 = buf_str(&hex);
	f->smart = smart_open(&(struct smart_options){.store = f->store,
						      .definitions = definitions_builtin(),
						      .token_url = S(TOKEN_URL),
						      .clients = copy,
						      .client_count = 3,
						      .now_ms = now},
			      &err);
	if (!f->smart)
		fail_msg("%s", err.text);
	buf_done(&hex);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err = {0};
	snprintf(f->directory, sizeof(f->directory), "/tmp/firth-smart-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	arena_init(&f->arena, 64 << 20);
	buf_init(&f->out, 1 << 20);
	pthread_mutex_init(&f->lock, NULL);
	atomic_store(&test_now_ms, clock_now_ms());
	f->store =
		store_open(str_from(f->directory), &(struct store_options){.definitions = definitions_builtin()}, &err);
	if (!f->store)
		fail_msg("%s", err.text);
	f->keys[0] = jose_key_new(JOSE_RS384, &err);
	f->keys[1] = jose_key_new(JOSE_ES384, &err);
	f->keys[2] = jose_key_new(JOSE_ES384, &err);
	f->published = f->keys[1];
	f->jwks_server =
		http_server_start(&(struct http_server_options){.threads = 1},
				  &(struct http_handler){.handle = serve_jwks, .refuse = refuse, .ctx = f}, &err);
	assert_non_null(f->jwks_server);
	snprintf(f->jwks_url, sizeof(f->jwks_url), "http://127.0.0.1:%u/jwks", http_server_port(f->jwks_server));
	open_smart(f);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *walk)
{
	(void)st, (void)what, (void)walk;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	smart_close(f->smart);
	store_close(f->store);
	http_server_stop(f->jwks_server);
	for (int i = 0; i < 3; i++)
		jose_key_free(f->keys[i]);
	nftw(f->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	pthread_mutex_destroy(&f->lock);
	buf_done(&f->out);
	arena_done(&f->arena);
	free(f);
	return 0;
}

/* ---- asking --------------------------------------------------------------------------------------------------------
 */

/* What an assertion says; NULL members take the value that is right. */
struct claims {
	const char *iss, *sub, *aud, *jti; /* aud is JSON */
	int64_t exp_in; /* seconds from now; 0 = 240 */
	const char *more; /* further members, each with a comma in front */
	bool no_exp, no_jti;
};

static struct str assertion(struct fixture *f, const struct jose_key *key, const struct claims *c)
{
	struct error err = {0};
	struct buf text, token;
	const char *iss = c->iss ? c->iss : "by-value";
	buf_init(&text, 1 << 20);
	buf_init(&token, 1 << 20);
	buf_printf(&text, "{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":%s", iss, c->sub ? c->sub : iss,
		   c->aud ? c->aud : "\"" TOKEN_URL "\"");
	if (!c->no_exp)
		buf_printf(&text, ",\"exp\":%lld", (long long)(now() / 1000 + (c->exp_in ? c->exp_in : 240)));
	if (!c->no_jti && c->jti)
		buf_printf(&text, ",\"jti\":\"%s\"", c->jti);
	else if (!c->no_jti)
		buf_printf(&text, ",\"jti\":\"jti-%d\"", f->serial++);
	buf_printf(&text, "%s}", c->more ? c->more : "");
	assert_true(buf_ok(&text) && jose_sign(key, buf_str(&text), &token, &err));
	struct str kept = arena_str(&f->arena, buf_str(&token));
	buf_done(&text);
	buf_done(&token);
	return kept;
}

static struct str form(struct fixture *f, struct str scope, struct str token)
{
	struct str text = arena_printf(&f->arena,
				       "grant_type=client_credentials&client_assertion_type=" ASSERTION
				       "&scope=%.*s&client_assertion=%.*s",
				       STR_ARG(scope), STR_ARG(token));
	assert_non_null(text.p);
	return text;
}

/* The answer as JSON; *ret_status and the error text for the operator. */
static const struct json *ask(struct fixture *f, struct str text, struct str authorization, int *ret_status,
			      struct error *err)
{
	struct smart_token_answer answer = {0};
	struct error bad = {0};
	buf_reset(&f->out);
	bool granted = smart_token(f->smart, &f->arena, text, authorization, &f->out, &answer, err);
	assert_true(granted == (answer.status == 200) && granted == (answer.error == NULL));
	assert_true(granted == (err->code == ERR_NONE));
	*ret_status = answer.status;
	const struct json *j = json_parse(&f->arena, arena_str(&f->arena, buf_str(&f->out)), 0, &bad);
	if (!j)
		fail_msg("%s: %.*s", bad.text, STR_ARG(buf_str(&f->out)));
	return j;
}

static struct str granted(struct fixture *f, const struct jose_key *key, const struct claims *c, struct str scope)
{
	struct error err = {0};
	int status;
	const struct json *j = ask(f, form(f, scope, assertion(f, key, c)), STR_NULL, &status, &err);
	if (status != 200)
		fail_msg("refused: %s", err.text);
	assert_true(str_eq_nocase(json_get_str(j, S("token_type")), S("bearer")));
	return json_get_str(j, S("access_token"));
}

static void refused(struct fixture *f, struct str text, const char *code, const char *why)
{
	struct error err = {0};
	int status;
	const struct json *j = ask(f, text, STR_NULL, &status, &err);
	if (status == 200)
		fail_msg("granted although: %s", why);
	if (!str_is(json_get_str(j, S("error")), code) || !strstr(err.text, why))
		fail_msg("expected %s \"%s\", got %.*s: %s", code, why, STR_ARG(json_get_str(j, S("error"))), err.text);
	assert_true(json_get_str(j, S("error_description")).n > 0);
}

static void refused_claims(struct fixture *f, const struct claims *c, const char *why)
{
	refused(f, form(f, S("system/Patient.rs"), assertion(f, f->keys[0], c)), "invalid_client", why);
}

static enum error_code authorize(struct fixture *f, struct str token, struct grant *ret_grant)
{
	struct error err = {0};
	struct str header = arena_printf(&f->arena, "Bearer %.*s", STR_ARG(token));
	(void)!smart_authorize(f->smart, &f->arena, header, NULL, ret_grant, &err);
	return err.code;
}

/* ---- granting ------------------------------------------------------------------------------------------------------
 */

static void a_sound_assertion_is_granted(void **state)
{
	struct fixture *f = *state;
	struct grant grant;
	struct str token = granted(f, f->keys[0], &(struct claims){0}, S("system/Patient.read+openid"));
	assert_int_equal(token.n, 43);
	assert_int_equal(authorize(f, token, &grant), ERR_NONE);
	assert_true(str_is(grant.client_id, "by-value"));
	assert_true(str_is(grant.scope_text, "system/Patient.read"));
	assert_int_equal(grant.scope_count, 1);
	assert_int_equal(grant.expires_ms, now() + 300000);
	/* Audience with a slash more, as a list of one, and fractions of seconds are all fine. */
	granted(f, f->keys[0], &(struct claims){.aud = "\"" TOKEN_URL "/\""}, S("system/Patient.rs"));
	granted(f, f->keys[0], &(struct claims){.aud = "[\"" TOKEN_URL "\"]"}, S("system/Patient.rs"));
	granted(f, f->keys[0], &(struct claims){.more = ",\"iat\":1.5,\"nbf\":0"}, S("system/Patient.rs"));
}

static void tokens_survive_a_restart_and_expire(void **state)
{
	struct fixture *f = *state;
	struct grant grant;
	const struct claims once = {.jti = "only-once"};
	struct str token = granted(f, f->keys[0], &once, S("system/Patient.rs system/Observation.c"));
	smart_close(f->smart);
	open_smart(f);
	assert_int_equal(authorize(f, token, &grant), ERR_NONE);
	assert_true(str_is(grant.scope_text, "system/Patient.rs system/Observation.c"));
	assert_int_equal(grant.scope_count, 2);
	refused_claims(f, &once, "used before");
	atomic_fetch_add(&test_now_ms, 299000);
	assert_int_equal(authorize(f, token, &grant), ERR_NONE);
	atomic_fetch_add(&test_now_ms, 1000);
	assert_int_equal(authorize(f, token, &grant), ERR_TOKEN_EXPIRED);
}

static void the_store_never_sees_a_token(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	unsigned char digest[32];
	struct buf hex;
	struct str value, token = granted(f, f->keys[0], &(struct claims){0}, S("system/Patient.rs"));
	buf_init(&hex, 64);
	digest_sha256(token, digest);
	encode_hex(&hex, str_make((const char *)digest, 32));
	assert_true(store_fact_get(f->store, &f->arena, S("token"), token, &value, &err));
	assert_null(value.p);
	assert_true(store_fact_get(f->store, &f->arena, S("token"), buf_str(&hex), &value, &err));
	assert_non_null(value.p);
	assert_true(str_find(value, token) == STR_NONE);
	buf_done(&hex);
}

static void foreign_tokens_are_refused(void **state)
{
	struct fixture *f = *state;
	struct grant grant;
	struct str token = granted(f, f->keys[0], &(struct claims){0}, S("system/Patient.rs"));
	char changed[64];
	memcpy(changed, token.p, token.n);
	changed[5] = changed[5] == 'a' ? 'b' : 'a';
	assert_int_equal(authorize(f, str_make(changed, token.n), &grant), ERR_TOKEN_INVALID);
	assert_int_equal(authorize(f, S(""), &grant), ERR_LOGIN);
	static const char *const headers[] = {"Bearer", "Basic abc", "", "Token x"};
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct error err = {0};
		assert_false(smart_authorize(f->smart, &f->arena, str_from(headers[i]), NULL, &grant, &err));
		assert_int_equal(err.code, ERR_LOGIN);
	}
	struct error err = {0};
	struct str mixed = arena_printf(&f->arena, "bEARER %.*s", STR_ARG(token));
	assert_true(smart_authorize(f->smart, &f->arena, mixed, NULL, &grant, &err));
}

/* ---- assertions that must fail -------------------------------------------------------------------------------------
 */

static void each_claim_is_checked(void **state)
{
	struct fixture *f = *state;
	char jti[200], future[64];
	memset(jti, 'j', 152);
	jti[152] = '\0';
	refused_claims(f, &(struct claims){.exp_in = -1}, "expired");
	refused_claims(f, &(struct claims){.exp_in = 310}, "lives too long");
	refused_claims(f, &(struct claims){.no_exp = true}, "no exp");
	refused_claims(f, &(struct claims){.no_exp = true, .more = ",\"exp\":\"soon\""}, "no exp");
	refused_claims(f, &(struct claims){.no_exp = true, .more = ",\"exp\":1e99"}, "no exp");
	refused_claims(f, &(struct claims){.aud = "\"https://other.example.org/token\""}, "aud");
	refused_claims(f, &(struct claims){.aud = "[]"}, "aud");
	refused_claims(f, &(struct claims){.aud = "\"" TOKEN_URL "//\""}, "aud");
	refused_claims(f, &(struct claims){.sub = "by-url"}, "iss and sub");
	refused_claims(f, &(struct claims){.iss = "nobody"}, "No client is registered");
	refused_claims(f, &(struct claims){.no_jti = true}, "jti");
	refused_claims(f, &(struct claims){.jti = ""}, "jti");
	refused_claims(f, &(struct claims){.jti = jti}, "jti");
	jti[151] = '\0';
	granted(f, f->keys[0], &(struct claims){.jti = jti}, S("system/Patient.rs"));
	snprintf(future, sizeof(future), ",\"iat\":%lld", (long long)(now() / 1000 + 60));
	refused_claims(f, &(struct claims){.more = future}, "not valid yet");
	snprintf(future, sizeof(future), ",\"nbf\":%lld", (long long)(now() / 1000 + 60));
	refused_claims(f, &(struct claims){.more = future}, "not valid yet");
}

static void replays_are_refused(void **state)
{
	struct fixture *f = *state;
	struct str once = form(f, S("system/Patient.rs"), assertion(f, f->keys[0], &(struct claims){0}));
	struct error err = {0};
	int status;
	ask(f, once, STR_NULL, &status, &err);
	assert_int_equal(status, 200);
	refused(f, once, "invalid_client", "used before");
	/* Another client may use the same jti. */
	granted(f, f->keys[0], &(struct claims){.jti = "shared"}, S("system/Patient.rs"));
	granted(f, f->keys[1], &(struct claims){.iss = "by-url", .jti = "shared"}, S("system/Patient.rs"));
}

static void forgeries_are_refused(void **state)
{
	struct fixture *f = *state;
	const struct claims good = {0};
	/* Signed by another key, which no kid of the client names. */
	refused(f, form(f, S("system/Patient.rs"), assertion(f, f->keys[2], &good)), "invalid_client", "kid");
	/* A changed signature, a changed claim, a part missing. */
	struct str token = assertion(f, f->keys[0], &good);
	char *p = (char *)(uintptr_t)token.p;
	p[token.n - 20] = p[token.n - 20] == 'A' ? 'B' : 'A';
	refused(f, form(f, S("system/Patient.rs"), token), "invalid_client", "signature");
	token = assertion(f, f->keys[0], &good);
	refused(f, form(f, S("system/Patient.rs"), str_slice(token, 0, token.n - 4)), "invalid_client", "signature");
	refused(f, form(f, S("system/Patient.rs"), str_slice(token, 0, str_rfind_char(token, '.'))), "invalid_client",
		"three parts");
	/* Header says none, HS384 or RS256. */
	static const char *const headers[] = {"{\"alg\":\"none\"}", "{\"alg\":\"HS384\"}", "{\"alg\":\"RS256\"}"};
	size_t first = str_find_char(token, '.', 0);
	for (size_t i = 0; i < 3; i++) {
		struct buf forged;
		buf_init(&forged, 1 << 16);
		encode_base64url(&forged, str_from(headers[i]));
		buf_add(&forged, str_slice(token, first, token.n));
		refused(f, form(f, S("system/Patient.rs"), buf_str(&forged)), "invalid_client", "RS384 or ES384");
		buf_done(&forged);
	}
	char *huge = malloc(20000);
	memset(huge, 'a', 20000);
	refused(f, form(f, S("system/Patient.rs"), str_make(huge, 20000)), "invalid_client", "longer than");
	free(huge);
}

/* ---- keys by URL ---------------------------------------------------------------------------------------------------
 */

static void publish(struct fixture *f, const struct jose_key *key)
{
	pthread_mutex_lock(&f->lock);
	f->published = key;
	pthread_mutex_unlock(&f->lock);
}

static void rotated_keys_are_fetched_once(void **state)
{
	struct fixture *f = *state;
	const struct claims c = {.iss = "by-url"};
	granted(f, f->keys[1], &c, S("system/Patient.rs"));
	granted(f, f->keys[1], &c, S("system/Patient.rs"));
	assert_int_equal(atomic_load(&f->fetches), 1);
	publish(f, f->keys[2]);
	atomic_fetch_add(&test_now_ms, 2000);
	granted(f, f->keys[2], &c, S("system/Patient.rs"));
	assert_int_equal(atomic_load(&f->fetches), 2);
	/* The old key is gone now, and asking again and again does not help. */
	atomic_fetch_add(&test_now_ms, 2000);
	for (int i = 0; i < 5; i++)
		refused(f, form(f, S("system/Patient.rs"), assertion(f, f->keys[1], &c)), "invalid_client", "kid");
	assert_int_equal(atomic_load(&f->fetches), 3);
	/* max-age=120 */
	atomic_fetch_add(&test_now_ms, 121000);
	granted(f, f->keys[2], &c, S("system/Patient.rs"));
	assert_int_equal(atomic_load(&f->fetches), 4);
}

static void a_key_server_that_is_away_is_named(void **state)
{
	struct fixture *f = *state;
	http_server_stop(f->jwks_server);
	f->jwks_server = NULL;
	refused(f, form(f, S("system/Patient.rs"), assertion(f, f->keys[1], &(struct claims){.iss = "by-url"})),
		"invalid_client", "fetching the client's keys");
}

static void strangers_cannot_make_us_fetch(void **state)
{
	struct fixture *f = *state;
	refused(f,
		form(f, S("system/Patient.rs"),
		     assertion(f, f->keys[2], &(struct claims){.iss = "by-url", .aud = "\"https://x\""})),
		"invalid_client", "aud");
	assert_int_equal(atomic_load(&f->fetches), 0);
}

static void keys_are_kept_within_bounds(void **state)
{
	(void)state;
	assert_int_equal(jwks_age_s(S("max-age=0")), 60);
	assert_int_equal(jwks_age_s(S("public, MAX-AGE=600")), 600);
	assert_int_equal(jwks_age_s(S("max-age=99999999999")), 29 * 3600);
	assert_int_equal(jwks_age_s(S("max-age=600, no-store")), 60);
	assert_int_equal(jwks_age_s(S("s-maxage=5")), 3600);
	assert_int_equal(jwks_age_s(STR_NULL), 3600);
}

/* ---- forms ---------------------------------------------------------------------------------------------------------
 */

static void broken_forms_are_refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *form, *code, *why;
	} cases[] = {
		{"", "invalid_request", "missing: needed grant_type"},
		{"&&&", "invalid_request", "missing: needed grant_type"},
		{"grant_type", "invalid_request", "missing: needed grant_type"},
		{"grant_type=password", "unsupported_grant_type", "client_credentials"},
		{"grant_type=authorization_code", "invalid_client", "did not say who it is"},
		{"grant_type=client_credentials&grant_type=client_credentials", "invalid_request", "repeated"},
		{"grant_type=client_credentials&scope=a&scope=b", "invalid_request", "repeated"},
		{"grant_type=client_credentials", "invalid_client", "client_assertion"},
		{"grant_type=client_credentials&client_assertion=x", "invalid_request", "client_assertion_type"},
		{"grant_type=client_credentials&client_assertion=x&client_assertion_type=" ASSERTION, "invalid_client",
		 "three parts"},
		{"grant_type=client_credentials&client_assertion=..&client_assertion_type=" ASSERTION, "invalid_client",
		 "base64url"},
		{"grant_type=%zz", "invalid_request", "escape"},
		{"grant_type=%00", "invalid_request", "escape"},
		{"grant_type=%ff%fe", "invalid_request", "escape"},
		{"{\"grant_type\":\"client_credentials\"}", "invalid_request", "missing: needed grant_type"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused(f, str_from(cases[i].form), cases[i].code, cases[i].why);
	char *huge = malloc(70000);
	memset(huge, 'a', 70000);
	refused(f, str_make(huge, 70000), "invalid_request", "more than 64 KB");
	free(huge);
}

static void secrets_work_where_registered(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *header; /* base64 of id:secret, both form-encoded */
		int status;
	} cases[] = {
		{"Basic c2VjcmV0K2FwcDpzM2NyZXQlMkI=", 200}, /* secret+app:s3cret%2B */
		{"Basic c2VjcmV0JTIwYXBwOnMzY3JldCUyQg==", 200}, /* secret%20app:s3cret%2B */
		{"Basic c2VjcmV0K2FwcDp3cm9uZw==", 401}, /* secret+app:wrong */
		{"Basic Ynktd2FsdWU6eA==", 401}, /* by-walue:x */
		{"Basic Ynktd", 401},
		{"Basic !!!!", 401},
		{"Basic ", 401},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		int status;
		ask(f, S("grant_type=client_credentials&scope=system/Patient.read"), str_from(cases[i].header), &status,
		    &err);
		if (status != cases[i].status)
			fail_msg("%s: %d %s", cases[i].header, status, err.text);
		assert_null(strstr(err.text, "s3cret"));
	}
}

/* ---- scopes --------------------------------------------------------------------------------------------------------
 */

static void scopes_are_read_by_both_grammars(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned permissions; /* 0: no scope */
		const char *filter;
	} cases[] = {
		{"system/Patient.read", SCOPE_R | SCOPE_S, NULL},
		{"system/Patient.write", SCOPE_C | SCOPE_U | SCOPE_D, NULL},
		{"system/*.*", SCOPE_C | SCOPE_R | SCOPE_U | SCOPE_D | SCOPE_S, NULL},
		{"user/Observation.cruds", SCOPE_C | SCOPE_R | SCOPE_U | SCOPE_D | SCOPE_S, NULL},
		{"patient/Observation.rs?category=laboratory", SCOPE_R | SCOPE_S, "category=laboratory"},
		{"system/Patient.c", SCOPE_C, NULL},
		{"system/Patient.sr", 0, NULL},
		{"system/Patient.rr", 0, NULL},
		{"system/Patient.", 0, NULL},
		{"system/Patient.rs?", 0, NULL},
		{"system/Patient", 0, NULL},
		{"system/.rs", 0, NULL},
		{"system/Nonsense.rs", 0, NULL},
		{"system/Resource.rs", 0, NULL},
		{"system/HumanName.rs", 0, NULL},
		{"system/patient.rs", 0, NULL},
		{"System/Patient.rs", 0, NULL},
		{"/Patient.rs", 0, NULL},
		{"system/Patient.READ", 0, NULL},
		{"openid", 0, NULL},
		{"launch/patient", 0, NULL},
		{"", 0, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scope s = {0};
		bool good = scope_parse(definitions_builtin(), str_from(cases[i].text), &s);
		if (good != (cases[i].permissions != 0) || s.permissions != cases[i].permissions)
			fail_msg("%s: %d %u", cases[i].text, good, s.permissions);
		if (cases[i].filter)
			assert_true(str_is(s.filter, cases[i].filter));
	}
}

static void grants_are_what_was_asked_and_registered(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *asked, *granted; /* NULL: invalid_scope */
	} cases[] = {
		{"system/Patient.rs", "system/Patient.rs"},
		{"system/Patient.cruds", "system/Patient.rs"},
		{"system/Patient.write", NULL},
		{"system/*.rs", "system/Patient.rs system/Observation.rs"},
		{"system/*.c", "system/Observation.c system/Flag.c"},
		{"system/Flag.*", "system/Flag.cud"},
		{"system/Patient.rs system/Patient.read", "system/Patient.rs"},
		{"system/Encounter.rs", NULL},
		{"system/Encounter.rs system/Patient.r", "system/Patient.r"},
		{"user/Patient.rs", NULL},
		{"patient/Patient.rs", NULL},
		{"openid fhirUser", NULL},
		{"", NULL},
		/* A filter must never widen access. */
		{"system/Observation.rs?category=laboratory", NULL},
		{"system/Patient.rs system/Observation.rs?category=laboratory", NULL},
		{"system/Observation.rs system/Observation.rs?category=laboratory", "system/Observation.rs"},
		{"system/Observation.r system/Observation.rs?category=laboratory", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		int status;
		struct buf scope;
		buf_init(&scope, 1 << 12);
		encode_percent(&scope, str_from(cases[i].asked));
		const struct json *j = ask(f, form(f, buf_str(&scope), assertion(f, f->keys[0], &(struct claims){0})),
					   STR_NULL, &status, &err);
		buf_done(&scope);
		if (!cases[i].granted && !str_is(json_get_str(j, S("error")), "invalid_scope"))
			fail_msg("%s: %s", cases[i].asked, err.text);
		if (cases[i].granted && !str_is(json_get_str(j, S("scope")), cases[i].granted))
			fail_msg("%s: %.*s %s", cases[i].asked, STR_ARG(json_get_str(j, S("scope"))), err.text);
	}
}

/* ---- many at once --------------------------------------------------------------------------------------------------
 */

struct asker {
	struct fixture *f;
	struct str token;
	int good;
};

static void *ask_often(void *arg)
{
	struct asker *k = arg;
	struct arena a;
	arena_init(&a, 1 << 20);
	for (int i = 0; i < 2000; i++) {
		struct grant grant;
		struct error err = {0};
		arena_reset(&a);
		k->good += smart_authorize(k->f->smart, &a, k->token, NULL, &grant, &err) && grant.scope_count == 2 &&
			   str_is(grant.scopes[1].type, "Observation");
	}
	arena_done(&a);
	return NULL;
}

static void many_threads_may_authorize(void **state)
{
	struct fixture *f = *state;
	struct asker askers[4];
	pthread_t threads[4];
	for (int i = 0; i < 4; i++) {
		struct str token =
			granted(f, f->keys[0], &(struct claims){0}, S("system/Patient.rs+system/Observation.cud"));
		askers[i] = (struct asker){.f = f, .token = arena_printf(&f->arena, "Bearer %.*s", STR_ARG(token))};
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &askers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(askers[i].good, 2000);
	}
}

int main(void)
{
#define WITH_SMART(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_SMART(a_sound_assertion_is_granted),
		WITH_SMART(tokens_survive_a_restart_and_expire),
		WITH_SMART(the_store_never_sees_a_token),
		WITH_SMART(foreign_tokens_are_refused),
		WITH_SMART(each_claim_is_checked),
		WITH_SMART(replays_are_refused),
		WITH_SMART(forgeries_are_refused),
		WITH_SMART(rotated_keys_are_fetched_once),
		WITH_SMART(a_key_server_that_is_away_is_named),
		WITH_SMART(strangers_cannot_make_us_fetch),
		cmocka_unit_test(keys_are_kept_within_bounds),
		WITH_SMART(broken_forms_are_refused),
		WITH_SMART(secrets_work_where_registered),
		cmocka_unit_test(scopes_are_read_by_both_grammars),
		WITH_SMART(grants_are_what_was_asked_and_registered),
		WITH_SMART(many_threads_may_authorize),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
