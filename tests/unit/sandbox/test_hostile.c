/*
 * The client of this project against sandboxes on bad days: whatever is wrong with the EHR, a search ends with the
 * right answer or with one clear error. Never with a wrong answer, never without an end, and no token ever leaves for
 * another host.
 */
#include "client.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "sandbox/faults_priv.h"

struct hostile {
	struct client_world *c;
	struct ehr_client *ehr;
	struct http_client *http, *small; /* small: takes little */
	char key_file[64];
	bool little;
	unsigned calls, strangers; /* requests, and those to other hosts */
	struct str right; /* ids of the search, sorted as they came */
};

static void no_sleep(unsigned ms)
{
	(void)ms;
}

/* Between the client and its sockets: counts, and notes where requests go. */
static bool call(void *ctx, struct arena *a, const struct http_call *how, struct http_answer *ret_answer,
		 struct error *err)
{
	struct hostile *h = ctx;
	h->calls++;
	h->strangers += !str_starts(how->url, h->c->world->host);
	assert_true(h->calls < 10000);
	return http_call(h->little ? h->small : h->http, a, how, ret_answer, err);
}

static void write_key(struct hostile *h)
{
	struct buf text;
	struct error err = {0};
	buf_init(&text, 1 << 16);
	must(jose_key_write_private(h->c->key, &text, &err), &err);
	snprintf(h->key_file, sizeof(h->key_file), "/tmp/firth-hostile-key-%d", (int)getpid());
	must(file_write(str_from(h->key_file), buf_str(&text), 0600, &err), &err);
	buf_done(&text);
}

static struct hostile *open_hostile(enum ehr_vendor vendor)
{
	static struct hostile hostile;
	static struct ehr_transport transport;
	struct hostile *h = &hostile;
	struct error err = {0};
	*h = (struct hostile){.c = open_client(vendor, "", 3)};
	write_key(h);
	h->http = http_client_new(&(struct http_client_options){.timeout_ms = 1500}, &err);
	must(h->http, &err);
	h->small = http_client_new(&(struct http_client_options){.timeout_ms = 5000, .max_body = 300000}, &err);
	must(h->small, &err);
	transport = (struct ehr_transport){call, h};
	struct ehr_config config = {.name = S("bad-day"),
				    .vendor = vendor,
				    .base_url = h->c->world->base,
				    .client_id = S("client-1"),
				    .scopes = S("system/Observation.rs system/Flag.rs"),
				    .breaker_failures = 1000000, /* each day is to be bad by itself */
				    .key_file = str_from(h->key_file)};
	h->ehr = ehr_open(&config,
			  &(struct ehr_client_options){.definitions = definitions_builtin(),
						       .audit = h->c->world->store,
						       .now_ms = clock_now_ms,
						       .sleep_ms = no_sleep,
						       .transport = &transport},
			  &err);
	must(h->ehr, &err);
	return h;
}

static void close_hostile(struct hostile *h)
{
	ehr_close(h->ehr);
	http_client_free(h->http);
	http_client_free(h->small);
	unlink(h->key_file);
	close_client(h->c);
}

/* The search that everything is tried with: many small pages. */
static bool search(struct hostile *h, struct str *ret_ids, struct ehr_matches *ret_matches, struct ehr_failure *failure)
{
	struct world *w = h->c->world;
	struct str query = arena_printf(&w->arena, "patient=%.*s&category=vital-signs&_count=4", STR_ARG(w->patient));
	*failure = (struct ehr_failure){0};
	h->calls = h->strangers = 0;
	if (!ehr_search(h->ehr, &w->arena, S("Observation"), query, ret_matches, failure))
		return false;
	*ret_ids = S("");
	for (size_t i = 0; i < ret_matches->count; i++)
		*ret_ids = arena_printf(&w->arena, "%.*s %.*s", STR_ARG(*ret_ids), STR_ARG(ret_matches->items[i].id));
	return true;
}

struct row {
	const char *fault;
	enum error_code epic, cerner; /* ERR_NONE: the right answer */
	bool little; /* the client takes 300 KB at most */
};
static const struct row rows[] = {
	{"429=2", ERR_NONE, ERR_NONE, false},
	{"503=3", ERR_NONE, ERR_NONE, false},
	{"504=2", ERR_NONE, ERR_NONE, false},
	{"cut=2", ERR_NONE, ERR_NONE, false},
	{"429", ERR_THROTTLED, ERR_THROTTLED, false},
	{"503", ERR_REMOTE, ERR_REMOTE, false},
	{"500", ERR_REMOTE, ERR_REMOTE, false},
	{"500=1", ERR_REMOTE, ERR_REMOTE, false},
	{"cut", ERR_NETWORK, ERR_NETWORK, false},
	{"slow=3000", ERR_TIMEOUT, ERR_TIMEOUT, false},
	{"slow=20", ERR_NONE, ERR_NONE, false},
	{"html", ERR_REMOTE, ERR_REMOTE, false},
	{"html=1", ERR_REMOTE, ERR_REMOTE, false},
	{"expired-pages=1", ERR_NONE, ERR_REMOTE_REFUSED, false},
	{"expired-pages", ERR_CURSOR, ERR_REMOTE_REFUSED, false},
	{"token-expiry=2", ERR_NONE, ERR_NONE, false},
	{"duplicates", ERR_NONE, ERR_NONE, false},
	{"oversized=1", ERR_NONE, ERR_NONE, false},
	{"oversized=1", ERR_TOO_LARGE, ERR_TOO_LARGE, true},
	{"foreign-links", ERR_REMOTE, ERR_REMOTE, false},
	{"bad-resource", ERR_REMOTE, ERR_REMOTE, false},
};

static bool one_line(const char *text)
{
	return text[0] && !strchr(text, '\n') && strlen(text) > 10;
}

static unsigned try_row(struct hostile *h, const struct row *row, enum error_code expected)
{
	struct sandbox *s = h->c->world->sandbox;
	struct ehr_matches matches;
	struct ehr_failure failure;
	struct error err = {0};
	struct str ids;
	must(fault_set(s, str_from(row->fault), &err), &err);
	h->little = row->little;
	bool ok = search(h, &ids, &matches, &failure);
	h->little = false;
	fault_clear_all(s);
	bool right = ok ? expected == ERR_NONE && str_eq(ids, h->right)
			: failure.error.code == expected && one_line(failure.error.text);
	if (!right)
		print_message("%s: %s %d %s\n", row->fault, ok ? "answered" : "failed", (int)failure.error.code,
			      ok ? "" : failure.error.text);
	if (h->strangers)
		print_message("%s: %u requests to another host\n", row->fault, h->strangers);
	if (ok && str_is(str_from(row->fault), "duplicates"))
		assert_true(matches.duplicates > 0);
	return !right + (h->strangers > 0);
}

static void every_bad_day(enum ehr_vendor vendor)
{
	struct hostile *h = open_hostile(vendor);
	struct ehr_matches matches;
	struct ehr_failure failure;
	struct str ids;
	unsigned wrong = 0;
	must(search(h, &h->right, &matches, &failure), &failure.error);
	assert_true(matches.pages > 2);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		wrong += try_row(h, &rows[i], vendor == EHR_EPIC ? rows[i].epic : rows[i].cerner);
	must(search(h, &ids, &matches, &failure), &failure.error); /* and all is well again */
	assert_true(str_eq(ids, h->right));
	assert_int_equal(wrong, 0);
	close_hostile(h);
}

static void row_20_epic_on_bad_days(void **state)
{
	(void)state;
	every_bad_day(EHR_EPIC);
}

static void row_20_cerner_on_bad_days(void **state)
{
	(void)state;
	every_bad_day(EHR_CERNER);
}

/* A clock that is behind sees assertions from the future; the client says so at its first request. */
static void row_13_a_slow_clock_gets_no_token(void **state)
{
	(void)state;
	for (int v = EHR_EPIC; v <= EHR_CERNER; v++) {
		struct hostile *h = open_hostile(v);
		struct ehr_matches matches;
		struct ehr_failure failure;
		struct error err = {0};
		struct str ids;
		must(fault_set(h->c->world->sandbox, S("clock-skew"), &err), &err);
		assert_false(search(h, &ids, &matches, &failure));
		assert_true(str_is(str_from(failure.vendor_code), "invalid_client"));
		assert_true(one_line(failure.error.text));
		fault_clear_all(h->c->world->sandbox);
		must(search(h, &ids, &matches, &failure), &failure.error);
		close_hostile(h);
	}
}

/* ---- the switchboard -------------------------------------------------------------------------------------------- */

static struct http_answer admin(struct world *w, const char *method, const char *path, const char *body,
				const char *type)
{
	struct str url = arena_printf(&w->arena, "%.*s/sandbox/faults%s", STR_ARG(w->host), path);
	return ask_url(w, url, (struct asked){.method = method, .body = body, .type = type});
}

static void row_20_faults_are_switched_while_it_serves(void **state)
{
	(void)state;
	struct world *w = world_open(&(struct world_options){.vendor = EHR_EPIC, .patients = 1});
	static const char json[] = "application/json";
	assert_int_equal(admin(w, "GET", "", NULL, NULL).status, 200);
	assert_int_equal(admin(w, "POST", "", "{\"fault\":\"503=1\"}", "text/plain").status, 415);
	assert_int_equal(admin(w, "POST", "", "{\"fault\":\"nonsense\"}", json).status, 400);
	assert_int_equal(admin(w, "POST", "", "{\"fault\":\"503=0\"}", json).status, 400);
	assert_int_equal(admin(w, "POST", "", "[", json).status, 400);
	assert_int_equal(admin(w, "POST", "", "{\"name\":\"503\",\"argument\":1}", json).status, 200);
	struct http_answer answer = ask(w, "Patient/$P", JSON);
	assert_int_equal(answer.status, 503);
	assert_true(str_is(http_answer_header(&answer, "Retry-After"), "1"));
	assert_int_equal(ask(w, "Patient/$P", JSON).status, 200); /* it wore off */
	assert_int_equal(admin(w, "POST", "", "{\"fault\":\"html\"}", json).status, 200);
	assert_true(str_find(admin(w, "GET", "", NULL, NULL).body, S("{\"name\":\"html\",\"on\":true")) != STR_NONE);
	assert_int_equal(ask(w, "metadata", JSON).status, 200);
	assert_true(str_find(ask(w, "Patient/$P", JSON).body, S("<html>")) != STR_NONE);
	assert_int_equal(admin(w, "DELETE", "/html", NULL, NULL).status, 200);
	assert_int_equal(admin(w, "POST", "", "{\"fault\":\"conflict=1\"}", json).status, 200);
	const char *allergy = "{\"resourceType\":\"BodyStructure\",\"patient\":{\"display\":\"x\"}}";
	struct asked post = {.method = "POST", .accept = "application/json", .body = allergy};
	assert_int_equal(ask(w, "BodyStructure", post).status, 409);
	assert_int_equal(ask(w, "BodyStructure", post).status, 201);
	assert_int_equal(admin(w, "DELETE", "/nonsense", NULL, NULL).status, 404);
	assert_int_equal(admin(w, "DELETE", "/html", NULL, NULL).status, 200);
	assert_int_equal(ask(w, "Patient/$P", JSON).status, 200);
	assert_int_equal(admin(w, "PUT", "", "{}", json).status, 405);
	world_close(w);
}

static void switches_are_checked_when_it_starts(void **state)
{
	(void)state;
	static const struct {
		const char *behaviour, *fault;
	} bad[] = {{"nonsense=1", NULL},   {"location", NULL},
		   {"location=up", NULL},  {"unknown-parameter=ignore", NULL},
		   {"release=2026", NULL}, {"page-seconds=-1", NULL},
		   {NULL, "nonsense"},	   {NULL, "429=0"},
		   {NULL, "slow=x"}};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error err = {0};
		struct str behaviour = str_from(bad[i].behaviour ? bad[i].behaviour : "");
		struct str fault = str_from(bad[i].fault ? bad[i].fault : "");
		struct sandbox *s = sandbox_open(&(struct sandbox_options){.vendor = EHR_EPIC,
									   .definitions = definitions_builtin(),
									   .base_url = S("http://127.0.0.1:1"),
									   .no_auth = true,
									   .behaviours = &behaviour,
									   .behaviour_count = behaviour.n > 0,
									   .faults = &fault,
									   .fault_count = fault.n > 0},
						 &err);
		assert_null(s);
		assert_int_equal(err.code, ERR_USAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_20_epic_on_bad_days),
		cmocka_unit_test(row_20_cerner_on_bad_days),
		cmocka_unit_test(row_13_a_slow_clock_gets_no_token),
		cmocka_unit_test(row_20_faults_are_switched_while_it_serves),
		cmocka_unit_test(switches_are_checked_when_it_starts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
