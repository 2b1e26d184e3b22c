/* See world.h. */
#include "world.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "fhir/resource.h"

static void must(bool ok, const struct error *err)
{
	if (!ok)
		fail_msg("%s: %s", error_name(err->code), err->text);
}

/* ---- the clock  ------------------------------------------------------------------------------------------------- */

static _Atomic int64_t ahead;

int64_t world_now(void)
{
	return clock_now_ms() + atomic_load(&ahead);
}

void world_sleep(struct world *w, int64_t ms)
{
	struct store_fact *facts;
	size_t count;
	int64_t until;
	struct error err = {0};
	atomic_fetch_add(&ahead, ms);
	must(store_fact_list(w->store, &w->a, S("attempt"), S("wait"), 1000, &facts, &count, &err), &err);
	for (size_t i = 0; i < count; i++) {
		if (!str_starts(facts[i].key, S("wait-")) || !str_to_i64(facts[i].value, &until) || until > world_now())
			continue;
		const struct store_fact over = {.shelf = S("attempt"), .key = facts[i].key};
		must(store_fact_put(w->store, &over, &err), &err);
	}
}

/* ---- opening  --------------------------------------------------------------------------------------------------- */

/* Any filter may be asked for here. */
static bool any_filter(void *ctx, struct arena *a, const struct fhir_type *type, struct str filter, struct error *err)
{
	(void)ctx, (void)a, (void)type, (void)filter, (void)err;
	return true;
}

static void open_smart(struct world *w)
{
	static const char all[] =
		"openid fhirUser launch launch/patient launch/encounter offline_access online_access patient/*.cruds "
		"patient/*.rs user/*.cruds";
	struct error err = {0};
	const struct smart_client clients[] = {
		{.client_id = S("app"),
		 .name = S("Growth <Chart>"),
		 .scope = str_from(all),
		 .redirect_uris = S(CALLBACK)},
		{.client_id = S("tool"),
		 .name = S("Tool"),
		 .scope = str_from(all),
		 .redirect_uris = S("http://127.0.0.1:9999/back")},
		{.client_id = S("web"),
		 .scope = str_from(all),
		 .secret_sha256 = S("2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"),
		 .redirect_uris = S("http://127.0.0.1:9998/back")},
	};
	w->smart = smart_open(&(struct smart_options){.store = w->store,
						      .definitions = definitions_builtin(),
						      .token_url = S(BASE "/auth/token"),
						      .base_url = S(BASE),
						      .base_path = S(""),
						      .clients = clients,
						      .client_count = sizeof(clients) / sizeof(clients[0]),
						      .people = true,
						      .filter = any_filter,
						      .now_ms = world_now},
			      &err);
	must(w->smart != NULL, &err);
}

void world_open_login(struct world *w, const struct login_options *changes)
{
	struct error err = {0};
	struct login_options options = changes ? *changes : (struct login_options){0};
	login_close(w->login);
	options.store = w->store;
	options.definitions = definitions_builtin();
	options.smart = w->smart;
	options.vault = w->vault;
	options.base_url = options.base_url.p ? options.base_url : S(BASE);
	options.base_path = S("");
	options.now_ms = world_now;
	w->login = login_open(&options, &err);
	must(w->login != NULL, &err);
}

void world_add(struct world *w, const char *text)
{
	struct error err = {0};
	struct buf stored;
	struct index_rows rows;
	const struct json *json = json_parse(&w->a, str_from(text), 0, &err);
	must(json != NULL, &err);
	struct store_change c = {.op = STORE_UPDATE,
				 .type = resource_type(definitions_builtin(), json, &err),
				 .id = json_get_str(json, S("id"))};
	buf_init(&stored, 1 << 20);
	resource_write_stored(&stored, json, c.id, NULL, &c.meta_at);
	c.stored = buf_str(&stored);
	must(c.type && extract(w->extractor, &w->a, json, STR_NULL, &rows, &err), &err);
	c.rows = rows.rows;
	c.row_count = rows.count;
	struct store_txn txn = {.changes = &c, .change_count = 1};
	must(store_commit(w->store, &txn, &err), &err);
	buf_done(&stored);
}

void world_user(struct world *w, const struct login_user *user)
{
	static char hash[VAULT_HASH_SIZE]; /* made once: hashing costs */
	struct error err = {0};
	struct login_user added = *user;
	if (!hash[0])
		must(vault_password_hash(S(PASSWORD), hash, &err), &err);
	added.hash = str_from(hash);
	must(login_user_add(w->login, &w->a, &added, &err), &err);
}

static struct store *open_store(struct world *w, struct error *err)
{
	const char *url = getenv("FIRTH_TEST_POSTGRES");
	static int number;
	bool postgres = url && *url;
	return store_open(
		str_from(postgres ? url : w->directory),
		&(struct store_options){.definitions = definitions_builtin(),
					.tenant = postgres ? world_text(w, "login-%d-%d", (int)getpid(), ++number)
							   : STR_NULL},
		err);
}

static void add_people(struct world *w)
{
	world_user(w, &(struct login_user){.name = S("anna"),
					   .display = S("Dr. Anna <Berg>"),
					   .fhir_user = S("Practitioner/7"),
					   .roles = S("physician"),
					   .patients = S("*")});
	world_user(w, &(struct login_user){.name = S("paula"), .fhir_user = S("Patient/p1")});
	world_user(w, &(struct login_user){.name = S("dora"), .patients = S("*"), .disabled = true});
	world_user(w, &(struct login_user){.name = S("ed"), .patients = S("family=Berg")});
	world_add(w,
		  "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"name\":[{\"use\":\"official\",\"family\":\"Berg\","
		  "\"given\":[\"Paula\",\"M.\"]}],\"birthDate\":\"1980-02-03\",\"gender\":\"female\",\"identifier\":[{"
		  "\"type\":{\"coding\":[{\"code\":\"MR\"}]},\"value\":\"MRN-1\"}]}");
	world_add(w,
		  "{\"resourceType\":\"Patient\",\"id\":\"p2\",\"name\":[{\"family\":\"Berg\",\"given\":[\"Peter\"]}],"
		  "\"birthDate\":\"1990-05-06\"}");
	world_add(w,
		  "{\"resourceType\":\"Patient\",\"id\":\"p3\",\"name\":[{\"family\":\"Weiss\",\"given\":[\"<b>Carl</"
		  "b>\"]}],\"birthDate\":\"1970-01-01\"}");
}

int world_set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct error err = {0};
	atomic_store(&ahead, 0);
	arena_init(&w->a, (size_t)64 << 20);
	snprintf(w->directory, sizeof(w->directory), "/tmp/firth-login-XXXXXX");
	assert_non_null(mkdtemp(w->directory));
	snprintf(w->key_path, sizeof(w->key_path), "%s/seal.key", w->directory);
	w->store = open_store(w, &err);
	must(w->store != NULL, &err);
	w->extractor = extractor_new(definitions_builtin(), &err);
	w->vault = vault_open(str_from(w->key_path), &err);
	must(w->extractor && w->vault, &err);
	open_smart(w);
	world_open_login(w, NULL);
	add_people(w);
	*state = w;
	return 0;
}

void world_remove(const char *directory)
{
	char file[600];
	DIR *dir = opendir(directory);
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		snprintf(file, sizeof(file), "%s/%s", directory, e->d_name);
		unlink(file);
	}
	closedir(dir);
	rmdir(directory);
}

int world_tear_down(void **state)
{
	struct world *w = *state;
	login_close(w->login);
	smart_close(w->smart);
	vault_close(w->vault);
	store_close(w->store);
	extractor_free(w->extractor);
	world_remove(w->directory);
	arena_done(&w->a);
	free(w);
	return 0;
}

bool world_recorded(struct world *w, const char *interaction, int outcome)
{
	struct audit_row *rows;
	size_t count;
	struct error err = {0};
	/* Some records join a commit that comes a moment later. */
	for (int tries = 0; tries < 4000; tries++) {
		must(store_audit_list(w->store, &w->a, 0, 5, &rows, &count, &err), &err);
		for (size_t i = 0; i < count; i++)
			if (str_is(rows[i].event.interaction, interaction) && rows[i].event.outcome == outcome)
				return true;
		usleep(5000);
	}
	return false;
}

/* ---- requests  -------------------------------------------------------------------------------------------------- */

struct waiting {
	struct world *w;
	struct answer answer;
	pthread_mutex_t lock;
	pthread_cond_t there;
	bool done;
};

/* On whichever thread answers; the one that asked waits, so the arena is free. */
static void answered(void *ctx, const struct http_response *r)
{
	struct waiting *x = ctx;
	pthread_mutex_lock(&x->lock);
	struct answer *answer = &x->answer;
	answer->status = r->status;
	answer->cookies = S("");
	for (size_t i = 0; i < r->header_count; i++) {
		const struct http_header *h = &r->headers[i];
		if (str_is(h->name, "Location"))
			answer->location = arena_str(&x->w->a, h->value);
		if (str_is(h->name, "Content-Security-Policy"))
			answer->policy = arena_str(&x->w->a, h->value);
		if (str_is(h->name, "Retry-After"))
			(void)str_to_i64(h->value, &answer->retry_after);
		if (str_is(h->name, "Set-Cookie"))
			answer->cookies = world_text(x->w, "%.*s%.*s\n", STR_ARG(answer->cookies), STR_ARG(h->value));
	}
	answer->body = r->body ? arena_str(&x->w->a, buf_str(r->body)) : S("");
	x->done = true;
	pthread_cond_signal(&x->there);
	pthread_mutex_unlock(&x->lock);
}

static void keep_cookies(struct world *w, struct str cookies)
{
	while (cookies.n) {
		struct str value = str_split(&cookies, '\n');
		struct str name = str_split(&value, '=');
		value = str_split(&value, ';');
		if (str_is(name, w->login->session_cookie))
			w->session = value;
		if (str_is(name, w->login->browser_cookie))
			w->browser = value;
	}
}

void world_new_browser(struct world *w)
{
	w->session = w->browser = S("");
}

static struct answer ask(struct world *w, const char *method, struct str url, struct str body)
{
	struct error err = {0};
	struct waiting x = {.w = w, .lock = PTHREAD_MUTEX_INITIALIZER, .there = PTHREAD_COND_INITIALIZER};
	struct str rest = url, path = str_split(&rest, '?');
	struct http_header headers[3] = {{S("Content-Type"), S("application/x-www-form-urlencoded")}};
	size_t count = 1;
	headers[count++] = (struct http_header){S("Cookie"), world_text(w, "%s=%.*s; other=1; %s=%.*s",
									w->login->session_cookie, STR_ARG(w->session),
									w->login->browser_cookie, STR_ARG(w->browser))};
	if (w->more.name.p)
		headers[count++] = w->more;
	const struct http_apart apart = {.request = {.method = str_from(method),
						     .path = path,
						     .query = rest.p ? rest : S(""),
						     .body = body,
						     .file = -1,
						     .address = S("192.0.2.1"),
						     .request_id = S("request-1")},
					 .headers = headers,
					 .header_count = count,
					 .answered = answered,
					 .ctx = &x};
	struct http_exchange *exchange = http_exchange_apart(&apart, &err);
	must(exchange != NULL, &err);
	assert_true(login_handle(w->login, exchange));
	pthread_mutex_lock(&x.lock);
	while (!x.done)
		pthread_cond_wait(&x.there, &x.lock);
	pthread_mutex_unlock(&x.lock);
	keep_cookies(w, x.answer.cookies);
	return x.answer;
}

struct answer world_get(struct world *w, struct str path)
{
	return ask(w, "GET", path, S(""));
}

struct answer world_post(struct world *w, const char *path, struct str form)
{
	return ask(w, "POST", str_from(path), form);
}

struct str world_text(struct world *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct str text = arena_vprintf(&w->a, format, args);
	va_end(args);
	assert_non_null(text.p);
	return text;
}

bool has(struct str text, const char *part)
{
	return str_find(text, str_from(part)) != STR_NONE;
}

struct str world_field(struct world *w, struct str page, const char *name)
{
	struct str mark = world_text(w, "name=\"%s\" value=\"", name);
	size_t at = str_find(page, mark);
	if (at == STR_NONE)
		return S("");
	struct str rest = str_slice(page, at + mark.n, page.n);
	return arena_str(&w->a, str_split(&rest, '"'));
}

struct str world_authorize(struct world *w, const char *client, const char *scopes, const char *more)
{
	struct buf scope;
	const char *back = strcmp(client, "app") == 0	 ? "https%3A%2F%2Fapp.example.org%2Fback"
			   : strcmp(client, "tool") == 0 ? "http%3A%2F%2F127.0.0.1%3A9999%2Fback"
							 : "http%3A%2F%2F127.0.0.1%3A9998%2Fback";
	buf_init(&scope, 4096);
	encode_percent(&scope, str_from(scopes));
	struct str url =
		world_text(w,
			   "/auth/authorize?response_type=code&client_id=%s&redirect_uri=%s&scope=%.*s&state=s-1&"
			   "aud=http%%3A%%2F%%2F127.0.0.1%%3A8080%%2Ffhir&code_challenge=" CHALLENGE
			   "&code_challenge_method=S256%s",
			   client, back, STR_ARG(buf_str(&scope)), more);
	buf_done(&scope);
	return url;
}

struct str world_request(struct world *w, struct answer answer)
{
	size_t at = str_find(answer.location, S("request="));
	if (at == STR_NONE)
		fail_msg("no request in status %d, Location %.*s: %.*s", answer.status, STR_ARG(answer.location),
			 STR_ARG(str_slice(answer.body, 0, 3000)));
	return arena_str(&w->a, str_slice(answer.location, at + 8, answer.location.n));
}

struct answer world_sign_in(struct world *w, struct answer to_login, const char *user, const char *password)
{
	struct str request = world_request(w, to_login);
	return world_post(w, "/auth/login",
			  world_text(w, "request=%.*s&user=%s&password=%s", STR_ARG(request), user, password));
}

/* A parameter of a URL, decoded. */
static struct str parameter(struct world *w, struct str url, const char *name)
{
	struct form form;
	struct str rest = url;
	str_split(&rest, '?');
	assert_true(fields_read(&w->a, rest, &form, NULL));
	return fields_get(&form, name);
}

const struct json *world_redeem(struct world *w, struct answer to_app, const char *client)
{
	struct error err = {0};
	struct smart_token_answer answer;
	struct buf out;
	struct str code = parameter(w, to_app.location, "code");
	assert_non_null(code.p);
	struct str form = world_text(w,
				     "grant_type=authorization_code&code=%.*s&code_verifier=" VERIFIER
				     "&client_id=%s&redirect_uri=https%%3A%%2F%%2Fapp.example.org%%2Fback",
				     STR_ARG(code), client);
	buf_init(&out, 1 << 20);
	bool ok = smart_token(w->smart, &w->a, form, STR_NULL, &out, &answer, &err);
	must(ok, &err);
	const struct json *j = json_parse(&w->a, arena_str(&w->a, buf_str(&out)), 0, &err);
	buf_done(&out);
	assert_non_null(j);
	return j;
}
