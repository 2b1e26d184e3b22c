/* Putting authorization servers together for tests, and speaking with them. */
#include "place.h"

#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"

static _Atomic int64_t moved_ms;

int64_t place_now(void)
{
	return clock_now_ms() + atomic_load(&moved_ms);
}

void place_wait(int64_t ms)
{
	atomic_fetch_add(&moved_ms, ms);
}

/* ---- opening -------------------------------------------------------------------------------------------------------
 */

static void handle(void *ctx, struct http_exchange *x)
{
	struct place_server *s = ctx;
	if (!smart_handle(s->smart, x) && !(s->login && login_handle(s->login, x)) && !rest_handle(s->rest, x))
		http_respond(x, &(struct http_response){.status = 404, .content_type = S("")});
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	http_respond(x, &(struct http_response){.status = error_http_status(err->code), .content_type = S("")});
}

static bool make_keys(struct place *p, struct error *err)
{
	for (int i = 0; i < 2; i++) {
		struct buf text;
		buf_init(&text, 1 << 16);
		p->keys[i] = jose_key_new(i ? JOSE_ES384 : JOSE_RS384, err);
		bool ok = p->keys[i] && jose_key_write_public_set(p->keys[i], &text, err);
		p->jwks[i] = ok ? json_parse(&p->arena, arena_str(&p->arena, buf_str(&text)), 0, err) : NULL;
		buf_done(&text);
		if (!p->jwks[i])
			return false;
	}
	return true;
}

#define PERSON_SCOPES                                                                                                  \
	"openid fhirUser profile launch launch/patient launch/encounter online_access offline_access patient/*.cruds " \
	"user/*.rs system/*.rs"

static bool open_smart(struct place *p, struct place_server *s, struct error *err)
{
	struct str digest = digest_hex(&p->arena, S(PLACE_SECRET));
	const struct smart_client clients[] = {
		{.client_id = S("public"),
		 .name = S("Public app"),
		 .scope = S(PERSON_SCOPES),
		 .redirect_uris = S(PLACE_REDIRECT " http://127.0.0.1/native"),
		 .launch_url = S("https://app.example.org/launch")},
		{.client_id = S("other"), .scope = S(PERSON_SCOPES), .redirect_uris = S(PLACE_REDIRECT)},
		{.client_id = S("secret"),
		 .scope = S(PERSON_SCOPES),
		 .redirect_uris = S(PLACE_REDIRECT),
		 .secret_sha256 = digest},
		{.client_id = S("signed"),
		 .scope = S(PERSON_SCOPES),
		 .redirect_uris = S(PLACE_REDIRECT),
		 .jwks = p->jwks[0]},
		{.client_id = S("backend"), .scope = S("system/*.rs"), .jwks = p->jwks[1]},
		{.client_id = S("relying"),
		 .scope = S("openid"),
		 .redirect_uris = arena_printf(&p->arena, "%s/auth/callback", s->base)},
	};
	s->smart = smart_open(&(struct smart_options){.store = s->store,
						      .definitions = definitions_builtin(),
						      .token_url = arena_printf(&p->arena, "%s/auth/token", s->base),
						      .base_url = str_from(s->base),
						      .base_path = S(""),
						      .clients = clients,
						      .client_count = sizeof(clients) / sizeof(clients[0]),
						      .people = true,
						      .registration = p->options.registration,
						      .lifetimes = {.access_s = p->options.token_lifetime_s,
								    .backend_s = p->options.token_lifetime_s},
						      .filter = s->access ? access_filter_check : NULL,
						      .filter_ctx = s->access,
						      .now_ms = place_now},
			      err);
	return s->smart != NULL;
}

static bool open_access(struct place *p, struct place_server *s, struct error *err)
{
	static const struct access_rule rules[] = {
		{.name = S("no secrets"), .effect = S("deny"), .types = S("Observation"), .where = S("_tag=secret")}};
	const struct access_options options = {.definitions = definitions_builtin(),
					       .store = s->store,
					       .base = arena_printf(&p->arena, "%s/fhir", s->base),
					       .rules = rules,
					       .rule_count = 1,
					       .break_glass = S("nurse"),
					       .consent = S("user patient system")};
	s->access = p->options.people ? access_open(&options, err) : NULL;
	return s->access || !p->options.people;
}

static bool open_login(struct place *p, struct place_server *s, struct error *err)
{
	const struct login_user users[] = {
		{.name = S("anna"), .hash = str_from(p->hash), .fhir_user = S("Practitioner/7"), .patients = S("*")},
		{.name = S("ed"), .hash = str_from(p->hash)}};
	struct login_provider *provider = ARENA_NEW(&p->arena, struct login_provider);
	if (!p->options.people)
		return true;
	if (!provider)
		return error_memory(err);
	*provider = (struct login_provider){.issuer = smart_issuer(s->smart),
					    .client_id = S("relying"),
					    .scopes = S("openid"),
					    .audience = smart_issuer(s->smart)};
	s->login = login_open(&(struct login_options){.store = s->store,
						      .definitions = definitions_builtin(),
						      .smart = s->smart,
						      .access = s->access,
						      .vault = p->vault,
						      .base_url = str_from(s->base),
						      .base_path = S(""),
						      .users = users,
						      .user_count = 2,
						      .provider = provider,
						      .now_ms = place_now},
			      err);
	return s->login != NULL;
}

static bool open_rest(struct place *p, struct place_server *s, struct error *err)
{
	s->rest = rest_open(&(struct rest_options){.definitions = definitions_builtin(),
						   .store = s->store,
						   .smart = s->smart,
						   .access = s->access,
						   .journal = p->journal,
						   .base_path = S("/fhir"),
						   .base_url = arena_printf(&p->arena, "%s/fhir", s->base),
						   .token_url = arena_printf(&p->arena, "%s/auth/token", s->base),
						   .extractor = p->extractor},
			    err);
	return s->rest != NULL;
}

static bool open_server(struct place *p, int i, struct error *err)
{
	struct place_server *s = &p->servers[i];
	const char *url = getenv("FIRTH_TEST_POSTGRES");
	bool postgres = url && *url;
	struct http_handler handler = {.handle = handle, .refuse = refuse, .ctx = s};
	s->place = p;
	s->store = i && !postgres
			   ? p->servers[0].store
			   : store_open(str_from(postgres ? url : p->directory),
					&(struct store_options){.definitions = definitions_builtin(),
								.tenant = postgres ? str_from(p->tenant) : STR_NULL},
					err);
	if (!s->store)
		return false;
	if (!s->base[0]) {
		s->http = http_server_start(&(struct http_server_options){.threads = 2}, &handler, err);
		if (!s->http)
			return false;
		/* Both are one server to the outside, as behind a balancer. */
		snprintf(s->base, sizeof(s->base), "http://127.0.0.1:%u",
			 http_server_port(i ? p->servers[0].http : s->http));
	}
	return open_access(p, s, err) && open_smart(p, s, err) && open_login(p, s, err) && open_rest(p, s, err);
}

bool place_open(struct place *p, const struct place_options *options, struct error *err)
{
	static int number;
	*p = (struct place){.directory = "/tmp/firth-auth-XXXXXX", .options = *options};
	arena_init(&p->arena, (size_t)256 << 20);
	snprintf(p->tenant, sizeof(p->tenant), "a%d-%d", (int)getpid(), ++number);
	if (!mkdtemp(p->directory))
		return error_set(err, ERR_IO, "No temporary directory");
	p->extractor = extractor_new(definitions_builtin(), err);
	p->client = http_client_new(&(struct http_client_options){.timeout_ms = 20000}, err);
	p->vault = vault_open(arena_printf(&p->arena, "%s/seal.key", p->directory), err);
	if (options->people && !vault_password_hash(S(PLACE_PASSWORD), p->hash, err))
		return false;
	p->journal = decision_journal_new(err);
	return p->journal && p->vault && p->extractor && p->client && make_keys(p, err) && open_server(p, 0, err) &&
	       open_server(p, 1, err);
}

static void close_server(struct place *p, int i)
{
	struct place_server *s = &p->servers[i];
	rest_close(s->rest);
	login_close(s->login);
	access_close(s->access);
	smart_close(s->smart);
	if (s->store && (i == 0 || s->store != p->servers[0].store))
		store_close(s->store);
	s->rest = NULL;
	s->smart = NULL;
	s->login = NULL;
	s->access = NULL;
}

bool place_restart(struct place *p, struct error *err)
{
	close_server(p, 1);
	close_server(p, 0);
	return open_server(p, 0, err) && open_server(p, 1, err);
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *walk)
{
	(void)st, (void)what, (void)walk;
	return remove(path);
}

void place_remove(const char *directory)
{
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void place_close(struct place *p)
{
	for (int i = 1; i >= 0; i--)
		if (p->servers[i].http)
			http_server_stop(p->servers[i].http);
	close_server(p, 1);
	close_server(p, 0);
	for (int i = 0; i < 2; i++)
		jose_key_free(p->keys[i]);
	http_client_free(p->client);
	vault_close(p->vault);
	decision_journal_free(p->journal);
	extractor_free(p->extractor);
	arena_done(&p->arena);
	place_remove(p->directory);
}

int place_set_up_as(void **state, const struct place_options *options)
{
	static const struct place_options usual;
	struct place *p = calloc(1, sizeof(*p));
	struct error err = {0};
	if (!p || !place_open(p, options ? options : &usual, &err)) {
		printf("no place: %s\n", err.text);
		return 1;
	}
	*state = p;
	return 0;
}

int place_set_up(void **state)
{
	return place_set_up_as(state, NULL);
}

int place_tear_down(void **state)
{
	place_close(*state);
	free(*state);
	return 0;
}

/* ---- asking --------------------------------------------------------------------------------------------------------
 */

struct place_answer place_send(struct place *p, int server, const char *method, const char *path, struct str body,
			       const struct http_header *headers, size_t header_count)
{
	struct place_answer answer = {0};
	struct error err = {0};
	const struct http_call call = {.method = str_from(method),
				       .url = arena_printf(&p->arena, "http://127.0.0.1:%u%s",
							   http_server_port(p->servers[server].http), path),
				       .headers = headers,
				       .header_count = header_count,
				       .body = body};
	if (!http_call(p->client, &p->arena, &call, &answer.http, &err)) {
		printf("%s %s: %s\n", method, path, err.text);
		return answer;
	}
	answer.status = answer.http.status;
	answer.json = answer.http.body.n ? json_parse(&p->arena, answer.http.body, 0, NULL) : NULL;
	return answer;
}

struct place_answer place_post(struct place *p, int server, const char *path, struct str form, struct str authorization)
{
	const struct http_header headers[] = {{S("Content-Type"), S("application/x-www-form-urlencoded")},
					      {S("Authorization"), authorization}};
	return place_send(p, server, "POST", path, form, headers, authorization.p ? 2 : 1);
}

struct place_answer place_fetch(struct place *p, int server, const char *path, struct str bearer)
{
	const struct http_header header = {S("Authorization"), arena_printf(&p->arena, "Bearer %.*s", STR_ARG(bearer))};
	return place_send(p, server, "GET", path, STR_NULL, &header, bearer.p ? 1 : 0);
}

int place_read_status(struct place *p, int server, struct str token)
{
	/* Allowed or not is all that matters: there is no such patient. */
	int status = place_fetch(p, server, "/fhir/Patient/p1", token).status;
	return status == 404 ? 200 : status;
}

/* ---- what a person does ---------------------------------------------------------------------------------------------
 */

struct str place_code(struct place *p, const struct place_login *login)
{
	struct smart *s = p->servers[0].smart;
	struct smart_request request;
	struct error err = {0};
	struct str code = STR_NULL, issuer = smart_issuer(s);
	struct buf text;
	buf_init(&text, 1 << 16);
	buf_printf(&text, "response_type=code&client_id=%s&redirect_uri=", login->client ? login->client : "public");
	encode_percent(&text, S(PLACE_REDIRECT));
	buf_add(&text, S("&scope="));
	encode_percent(&text, str_from(login->scope ? login->scope
						    : "openid fhirUser launch/patient offline_access patient/*.rs"));
	buf_add(&text, S("&aud="));
	encode_percent(&text, issuer);
	buf_add(&text,
		S("&state=xyz&nonce=n-1&code_challenge_method=S256&code_challenge=" PLACE_CHALLENGE "&launch=some"));
	bool ok = smart_request_check(s, &p->arena, buf_str(&text), &request, &err);
	struct smart_consent consent = {.request = &request,
					.scopes = login->left ? str_from(login->left) : request.allowed.text,
					.user = str_from(login->user ? login->user : "anna"),
					.fhir_user = S("Practitioner/7"),
					.roles = S("physician"),
					.display = S("Dr. Anna Berg"),
					.session = login->session ? str_from(login->session) : STR_NULL,
					.authenticated_ms = place_now() - 1000,
					.patient = str_from(login->patient ? login->patient : "p1"),
					.launch = login->launch};
	if (login->launch) {
		consent.patient = login->launch->patient;
		consent.encounter = login->launch->encounter;
	}
	if (!ok || !smart_code_issue(s, &p->arena, &consent, &code, &err))
		printf("no code: %s\n", err.text);
	buf_done(&text);
	return code;
}

struct str place_code_form(struct place *p, const char *client, struct str code)
{
	return arena_printf(
		&p->arena,
		"grant_type=authorization_code&code=%.*s&redirect_uri=https%%3A%%2F%%2Fapp.example.org%%2Fcb&"
		"code_verifier=" PLACE_VERIFIER "%s%s",
		STR_ARG(code), client ? "&client_id=" : "", client ? client : "");
}

const struct json *place_tokens(struct place *p, const struct place_login *login)
{
	const char *client = login->client ? login->client : "public";
	struct place_answer answer =
		place_post(p, 0, "/auth/token", place_code_form(p, client, place_code(p, login)), STR_NULL);
	if (answer.status != 200)
		printf("no tokens: %d %.*s\n", answer.status, STR_ARG(answer.http.body));
	return answer.status == 200 ? answer.json : NULL;
}

struct str place_basic(struct place *p, const char *id, const char *secret)
{
	struct buf pair, text;
	buf_init(&pair, 4096);
	buf_init(&text, 4096);
	encode_percent(&pair, str_from(id));
	buf_char(&pair, ':');
	encode_percent(&pair, str_from(secret));
	encode_base64(&text, buf_str(&pair));
	struct str header = arena_printf(&p->arena, "Basic %.*s", STR_ARG(buf_str(&text)));
	buf_done(&pair);
	buf_done(&text);
	return header;
}

struct str place_assertion(struct place *p, const char *client, int key)
{
	char jti[UUID_SIZE];
	struct error err = {0};
	struct buf claims, token;
	random_uuid(jti);
	buf_init(&claims, 4096);
	buf_init(&token, 1 << 16);
	buf_printf(&claims, "{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"%s/auth/token\",\"exp\":%lld,\"jti\":\"%.*s\"}",
		   client, client, p->servers[0].base, (long long)(place_now() / 1000 + 200), UUID_SIZE, jti);
	(void)!jose_sign(p->keys[key], buf_str(&claims), &token, &err);
	struct str text =
		arena_printf(&p->arena,
			     "&client_assertion_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3A"
			     "jwt-bearer&client_assertion=%.*s",
			     STR_ARG(buf_str(&token)));
	buf_done(&claims);
	buf_done(&token);
	return text;
}
