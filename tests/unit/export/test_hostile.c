/*
 * Exports from servers on bad days. Row 12 of what a tolerant client does, and the hostile EHR: whatever the server
 * does, an export ends with a right certificate or with one clear error; never with a wrong certificate, never without
 * an end, and no token ever leaves for another host.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../sandbox/client.h"
#include "base/clock.h"
#include "base/file.h"
#include "ehr/budget.h"
#include "export/export.h"
#include "sandbox/faults_priv.h"

#define PATIENTS 6
enum { LINES = 500 };

struct trial {
	struct client_world *c;
	struct ehr_client *ehr;
	struct arena arena;
	char directory[64];
	struct buf key;
	struct export_options o;
	struct ehr_budgets *budgets; /* NULL: the client's own */
	int64_t per_day, parallel;
};

static void no_sleep(unsigned ms)
{
	(void)ms;
}

static void quiet(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

/* Records of files, and those among them of failures; the client takes one at a time. */
static size_t file_records, file_failures;

static bool take_record(void *ctx, const struct audit_event *event, struct error *err)
{
	(void)ctx, (void)err;
	bool file = str_is(event->interaction, "bulk-file");
	assert_true(!file || (event->outgoing && event->type.n && event->address.n));
	file_records += file;
	file_failures += file && event->outcome != 0;
	return true;
}

static void open_ehr(struct trial *t, enum ehr_vendor vendor, struct str base, struct str token_url)
{
	struct error err = {0};
	buf_init(&t->key, 1 << 16);
	must(jose_key_write_private(t->c->key, &t->key, &err), &err);
	const struct ehr_config config = {.name = S("bad-day"),
					  .vendor = vendor,
					  .base_url = base,
					  .client_id = S("client-1"),
					  .key_text = buf_str(&t->key),
					  .token_url = token_url,
					  .requests_per_day = t->per_day,
					  .parallel = t->parallel,
					  .scopes = S("system/Patient.rs system/Observation.rs system/Group.rs")};
	t->ehr = ehr_open(&config,
			  &(struct ehr_client_options){.definitions = definitions_builtin(),
						       .sleep_ms = no_sleep,
						       .budgets = t->budgets,
						       .record = take_record},
			  &err);
	must(t->ehr, &err);
}

static void open_trial(struct trial *t, enum ehr_vendor vendor, const char *behaviour)
{
	*t = (struct trial){.c = open_client_behaving(vendor, "", PATIENTS, behaviour)};
	arena_init(&t->arena, (size_t)1 << 30);
	memcpy(t->directory, "/tmp/firth-export-XXXXXX", 25);
	assert_non_null(mkdtemp(t->directory));
	open_ehr(t, vendor, t->c->world->base, STR_NULL);
	t->o = (struct export_options){.client = t->ehr,
				       .definitions = definitions_builtin(),
				       .directory = str_from(t->directory),
				       .scope = EXPORT_OF_GROUP,
				       .group = t->c->world->group,
				       .types = S("Patient,Observation"),
				       .poll_ms = 20,
				       .say = quiet};
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
	(void)info;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void close_trial(struct trial *t)
{
	ehr_close(t->ehr);
	buf_done(&t->key);
	arena_done(&t->arena);
	assert_int_equal(nftw(t->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
	close_client(t->c);
}

static const struct json *certificate(struct trial *t)
{
	struct error err = {0};
	struct str text;
	must(file_read(&t->arena, arena_printf(&t->arena, "%s/certificate.json", t->directory), 16 << 20, &text, &err),
	     &err);
	const struct json *json = json_parse(&t->arena, text, 0, &err);
	must(json, &err);
	return json;
}

static int64_t number(const struct json *object, const char *key)
{
	int64_t value = -1;
	return str_to_i64(json_number(json_get(object, str_from(key))), &value) ? value : -1;
}

static int64_t patients(const struct json *certificate)
{
	for (struct json_iter it = json_iter(json_get(certificate, S("types"))); json_next(&it);)
		if (str_is(json_get_str(it.value, S("type")), "Patient"))
			return number(it.value, "unique");
	return -1;
}

static bool run(struct trial *t, struct export_result *result, struct error *err)
{
	error_clear(err);
	t->o.again = true; /* what failed before is no matter */
	return export_run(&t->o, &t->arena, result, err);
}

/* ---- faults of the sandboxes ----------------------------------------------------------------------------------------
 */

struct bad_day {
	const char *fault;
	bool complete; /* or not; error: it ends with one instead */
	enum error_code error;
	const char *key; /* of the certificate, which is not 0 then */
};

static const struct bad_day bad_days[] = {
	{"429=3", true, ERR_NONE, NULL},
	{"503=3", true, ERR_NONE, NULL},
	{"504=1", false, ERR_REMOTE, NULL},
	{"500=1", false, ERR_REMOTE, NULL},
	{"html=1", false, ERR_REMOTE, NULL},
	{"token-expiry=1", true, ERR_NONE, NULL},
	{"slow=20", true, ERR_NONE, NULL},
	{"bulk-lines=3", true, ERR_NONE, NULL},
	{"bulk-counts=1", false, ERR_NONE, "miscountedFiles"},
	{"bulk-truncated=1", false, ERR_NONE, "badLines"},
	{"bulk-links=1", true, ERR_NONE, NULL},
	{"bulk-links", false, ERR_NONE, "failedFiles"},
	{"foreign-links", false, ERR_NONE, "failedFiles"},
};

static void on_bad_days(enum ehr_vendor vendor, const char *behaviour)
{
	struct trial t;
	open_trial(&t, vendor, behaviour);
	for (size_t i = 0; i < sizeof(bad_days) / sizeof(bad_days[0]); i++) {
		const struct bad_day *d = &bad_days[i];
		struct export_result result = {0};
		struct error err = {0};
		must(fault_set(t.c->world->sandbox, str_from(d->fault), &err), &err);
		int64_t since = clock_now_ms();
		bool ok = run(&t, &result, &err);
		if (clock_now_ms() - since > 60000)
			fail_msg("%s took too long", d->fault);
		if (ok != (d->error == ERR_NONE))
			fail_msg("%s: %s", d->fault, ok ? "went through" : err.text);
		if (!ok)
			assert_true(err.text[0]);
		if (ok && result.complete != d->complete)
			fail_msg("%s: %.*s", d->fault, STR_ARG(result.summary));
		if (ok && d->complete)
			assert_int_equal(patients(certificate(&t)), PATIENTS);
		if (ok && d->key && number(certificate(&t), d->key) < 1)
			fail_msg("%s: %s is not told", d->fault, d->key);
		fault_clear_all(t.c->world->sandbox);
		/* And what was there is no worse for it. */
		t.o.again = false;
		error_clear(&err);
	}
	close_trial(&t);
}

static void row_12_epic_on_bad_days(void **state)
{
	(void)state;
	on_bad_days(EHR_EPIC, "bulk-window=0");
}

static void row_12_cerner_on_bad_days(void **state)
{
	(void)state;
	on_bad_days(EHR_CERNER, "bulk-retry-after=1");
}

/* Twice the same in another file: every resource is counted once, and the others are told. */
static void row_12_duplicates_are_told(void **state)
{
	struct trial t;
	struct export_result result = {0};
	struct error err = {0};
	(void)state;
	open_trial(&t, EHR_EPIC, "bulk-window=0");
	must(fault_set(t.c->world->sandbox, S("bulk-lines=3"), &err), &err);
	must(fault_set(t.c->world->sandbox, S("bulk-duplicates=1"), &err), &err);
	t.o.types = S("Patient");
	must(run(&t, &result, &err), &err);
	assert_int_equal(patients(certificate(&t)), PATIENTS);
	assert_true(number(certificate(&t), "duplicates") > 0);
	close_trial(&t);
}

/* Ids have any length: what refers to them finds them. */
static void row_12_ids_are_longer_than_fhir_allows(void **state)
{
	struct trial t;
	struct export_result result = {0};
	struct error err = {0};
	(void)state;
	open_trial(&t, EHR_EPIC, "bulk-window=0");
	t.o.types = S("Medication,MedicationRequest");
	must(run(&t, &result, &err), &err);
	assert_true(result.complete && result.lines > 0);
	assert_int_equal(number(certificate(&t), "missingReferences"), 0);
	close_trial(&t);
}

/* A Group within the day: one error that says why, and nothing is thought to be under way. */
static void row_12_epic_window_is_explained(void **state)
{
	struct trial t;
	struct export_result result = {0};
	struct error err = {0};
	(void)state;
	open_trial(&t, EHR_EPIC, NULL);
	must(run(&t, &result, &err), &err);
	assert_true(result.complete);
	assert_false(run(&t, &result, &err));
	assert_int_equal(err.code, ERR_BUSY);
	assert_non_null(strstr(err.text, "24 hours"));
	/* What a vendor does not have is refused before a kick-off is spent. */
	t.o.since = S("2020-01-01T00:00:00Z");
	assert_false(run(&t, &result, &err));
	assert_int_equal(err.code, ERR_USAGE);
	close_trial(&t);
}

/* ---- a server that leads to others ----------------------------------------------------------------------------------
 */

struct liar {
	struct http_server *here, *there;
	struct str host, elsewhere; /* "http://127.0.0.1:1" */
	struct arena arena;
	const char *manifest; /* %1 stands for here, %2 for elsewhere */
	bool token_seen_elsewhere, packing_seen_elsewhere;
	unsigned foreign_calls, home_calls;
	unsigned busy; /* answers of /busy that are 503 */
};

static void respond(struct http_exchange *x, int status, struct str type, const char *header, struct str value,
		    struct str text)
{
	struct buf body;
	const struct http_header h = {str_from(header), value};
	buf_init(&body, 1 << 20);
	buf_add(&body, text);
	http_respond(x, &(struct http_response){.status = status,
						.content_type = type,
						.headers = &h,
						.header_count = header != NULL,
						.body = &body});
	buf_done(&body);
}

static const char line[] = "{\"resourceType\":\"Patient\",\"id\":\"1\"}\n";

static void foreign(void *ctx, struct http_exchange *x)
{
	struct liar *l = ctx;
	l->foreign_calls++;
	l->token_seen_elsewhere = l->token_seen_elsewhere || http_request_header(x, "Authorization").p;
	l->packing_seen_elsewhere = str_find(http_request_header(x, "Accept-Encoding"), S("gzip")) != STR_NONE;
	struct buf lines; /* enough to be packed */
	buf_init(&lines, 1 << 20);
	for (unsigned i = 0; i < LINES; i++)
		buf_printf(&lines, "{\"resourceType\":\"Patient\",\"id\":\"%u\"}\n", i);
	respond(x, 200, S("application/fhir+ndjson"), NULL, STR_NULL, buf_str(&lines));
	buf_done(&lines);
}

static struct str filled(struct liar *l, const char *text)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	for (; *text; text++) {
		if (*text == '%')
			buf_add(&out, *++text == '1' ? l->host : l->elsewhere);
		else
			buf_char(&out, *text);
	}
	struct str copy = arena_str(&l->arena, buf_str(&out));
	buf_done(&out);
	return copy;
}

static void home(void *ctx, struct http_exchange *x)
{
	struct liar *l = ctx;
	struct str path = http_request(x)->path;
	l->home_calls++;
	if (str_is(path, "/busy") && l->busy && l->busy--)
		respond(x, 503, S("text/plain"), "Retry-After", S("1"), S("busy"));
	else if (str_starts(path, S("/s3")) &&
		 (http_request_header(x, "Authorization").p || str_is(path, "/s3-behind")))
		respond(x, 400, S("application/xml"), NULL, STR_NULL,
			S("<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed; only the "
			  "X-Amz-Algorithm "
			  "query parameter, Signature query string parameter or the Authorization header should be "
			  "specified"
			  "</Message></Error>"));
	else if (str_is(path, "/token"))
		respond(x, 200, S("application/json"), NULL, STR_NULL,
			S("{\"access_token\":\"secret\",\"token_type\":\"bearer\",\"expires_in\":300}"));
	else if (str_is(path, "/fhir/$export"))
		respond(x, 202, S(""), "Content-Location", filled(l, "%1/state"), S(""));
	else if (str_is(path, "/state"))
		respond(x, 200, S("application/json"), NULL, STR_NULL, filled(l, l->manifest));
	else if (str_is(path, "/moved"))
		respond(x, 302, S(""), "Location", filled(l, "%2/file"), S(""));
	else if (str_is(path, "/circle"))
		respond(x, 302, S(""), "Location", S("/circle"), S(""));
	else if (str_is(path, "/guarded") && !http_request_header(x, "Authorization").p)
		respond(x, 401, S(""), NULL, STR_NULL, S(""));
	else if (str_is(path, "/page"))
		respond(x, 200, S("text/html"), NULL, STR_NULL, S("<html>sign in</html>"));
	else
		respond(x, 200, S("application/fhir+ndjson"), NULL, STR_NULL, str_from(line));
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	(void)ctx;
	(void)err;
	http_respond(x, &(struct http_response){.status = 400});
}

static struct http_server *listen_with(struct liar *l, const char *name, void (*handle)(void *, struct http_exchange *),
				       struct str *host)
{
	struct error err = {0};
	struct http_server *server =
		http_server_start(&(struct http_server_options){.threads = 1},
				  &(struct http_handler){.handle = handle, .refuse = refuse, .ctx = l}, &err);
	must(server, &err);
	*host = arena_printf(&l->arena, "http://%s:%u", name, http_server_port(server));
	return server;
}

#define MANIFEST(guarded, outputs)                                                                                     \
	"{\"transactionTime\":\"2026-01-01T00:00:00Z\",\"request\":\"x\",\"requiresAccessToken\":" guarded             \
	",\"output\":[" outputs "],\"error\":[]}"
#define FILE_AT(url)	   "{\"type\":\"Patient\",\"url\":\"" url "\"}"
#define COUNTED_AT(url, n) "{\"type\":\"Patient\",\"url\":\"" url "\",\"count\":" n "}"

static const struct {
	const char *name, *manifest;
	bool through, complete;
	unsigned foreign_calls;
} lies[] = {
	{"at home with a token", MANIFEST("true", FILE_AT("%1/guarded")), true, true, 0},
	{"relative", MANIFEST("true", FILE_AT("/guarded")), true, true, 0},
	{"elsewhere", MANIFEST("true", FILE_AT("%2/file")), true, true, 1},
	{"packed elsewhere", MANIFEST("true", COUNTED_AT("%2/file", "500")), true, true, 1},
	{"redirected elsewhere", MANIFEST("true", FILE_AT("%1/moved")), true, true, 1},
	{"busy for a while", MANIFEST("true", FILE_AT("%1/busy")), true, true, 0},
	{"a store behind the same address", MANIFEST("true", FILE_AT("%1/s3")), true, true, 0},
	{"a proxy that adds the token", MANIFEST("true", FILE_AT("%1/s3-behind")), true, false, 0},
	{"in a circle", MANIFEST("true", FILE_AT("%1/circle")), true, false, 0},
	{"a token that the manifest denies", MANIFEST("false", FILE_AT("%1/guarded")), true, false, 0},
	{"a web page", MANIFEST("true", FILE_AT("%1/page")), true, false, 0},
	{"another scheme", MANIFEST("true", FILE_AT("file:///etc/passwd")), true, false, 0},
	{"another type", MANIFEST("true", "{\"type\":\"Group\",\"url\":\"%1/file\"}"), true, false, 0},
	{"a type that is a path", MANIFEST("true", "{\"type\":\"../x\",\"url\":\"%1/file\"}"), false, false, 0},
	{"no url", MANIFEST("true", "{\"type\":\"Patient\"}"), false, false, 0},
	{"a count that holds", MANIFEST("true", COUNTED_AT("%1/file", "1")), true, true, 0},
	{"a count that does not", MANIFEST("true", COUNTED_AT("%1/file", "0")), true, false, 0},
	{"nothing", MANIFEST("true", ""), true, true, 0},
	{"no list", "{\"transactionTime\":\"2026-01-01T00:00:00Z\"}", false, false, 0},
	{"no JSON", "<html>", false, false, 0},
	{"a list that goes on", "{\"output\":[],\"link\":[{\"relation\":\"next\",\"url\":\"%1/more\"}]}", false, false,
	 0},
};

static void open_liar(struct liar *l, struct trial *t)
{
	*l = (struct liar){0};
	open_trial(t, EHR_EPIC, NULL);
	arena_init(&l->arena, 16 << 20);
	l->here = listen_with(l, "127.0.0.1", home, &l->host);
	/* libcurl finds all below localhost here, but for us it is a name like any other. */
	l->there = listen_with(l, "files.localhost", foreign, &l->elsewhere);
	t->o.scope = EXPORT_OF_SYSTEM;
	t->o.types = STR_NULL;
}

static void ask_liar(struct liar *l, struct trial *t)
{
	ehr_close(t->ehr);
	buf_done(&t->key);
	open_ehr(t, EHR_GENERIC, arena_printf(&l->arena, "%.*s/fhir", STR_ARG(l->host)),
		 arena_printf(&l->arena, "%.*s/token", STR_ARG(l->host)));
	t->o.client = t->ehr;
}

static void close_liar(struct liar *l, struct trial *t)
{
	http_server_stop(l->here);
	http_server_stop(l->there);
	close_trial(t);
	arena_done(&l->arena);
}

static void no_token_leaves_for_another_host(void **state)
{
	struct liar l;
	struct trial t;
	(void)state;
	open_liar(&l, &t);
	ask_liar(&l, &t);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct export_result result = {0};
		struct error err = {0};
		l.manifest = lies[i].manifest;
		l.foreign_calls = 0;
		l.busy = 1;
		bool ok = run(&t, &result, &err);
		if (ok != lies[i].through || (ok && result.complete != lies[i].complete))
			fail_msg("%s: %s%.*s", lies[i].name, ok ? "" : err.text, STR_ARG(result.summary));
		if (ok && result.token_at_files != (strcmp(lies[i].name, "a proxy that adds the token") == 0))
			fail_msg("%s: a token too many: %d", lies[i].name, result.token_at_files);
		if (l.foreign_calls != lies[i].foreign_calls)
			fail_msg("%s: %u calls elsewhere", lies[i].name, l.foreign_calls);
		assert_false(l.token_seen_elsewhere);
		assert_true(!l.foreign_calls || l.packing_seen_elsewhere);
	}
	close_liar(&l, &t);
}

static struct ehr_budget_state asked(struct trial *t)
{
	struct ehr_budget_state s;
	struct error err = {0};
	must(ehr_budgets_state(t->budgets, S("bad-day"), &s, &err), &err);
	return s;
}

/* Each request to the EHR counts, a file once however it is redirected; what others are told holds here, too, and the
 * trouble of a file host is not the EHR's. */
static void exports_keep_to_the_budget(void **state)
{
	struct liar l;
	struct trial t;
	struct export_result result = {0};
	struct error err = {0};
	(void)state;
	open_liar(&l, &t);
	t.budgets = ehr_budgets_open(&(struct ehr_budgets_options){.directory = str_from(t.directory)}, &err);
	must(t.budgets, &err);
	ask_liar(&l, &t);
	l.manifest = MANIFEST("true", FILE_AT("%1/guarded") "," FILE_AT("%1/moved") "," FILE_AT("%1/file"));
	must(run(&t, &result, &err), &err);
	assert_true(result.files == 3 && l.foreign_calls == 1);
	/* Token, kick-off, state, three files. */
	assert_int_equal(asked(&t).today, 6);
	assert_int_equal(l.home_calls, 6);

	/* Retry-After of a file holds for everybody, and for its own time only. */
	l.manifest = MANIFEST("true", FILE_AT("%1/busy"));
	l.busy = 1;
	int64_t since = clock_now_ms();
	must(run(&t, &result, &err), &err);
	assert_true(result.complete && clock_now_ms() - since >= 900);
	assert_true(asked(&t).quiet_until_ms >= since + 900 && asked(&t).failures == 0);

	/* A host of files that is not there. */
	l.manifest = MANIFEST("false", FILE_AT("http://127.0.0.1:1/file"));
	must(run(&t, &result, &err), &err);
	assert_true(!result.complete && asked(&t).failures == 0);

	/* The day's requests: what is left is fetched when there are more. */
	t.per_day = asked(&t).today + 3;
	ask_liar(&l, &t);
	l.manifest = MANIFEST("false", FILE_AT("%1/a") "," FILE_AT("%1/b"));
	assert_false(run(&t, &result, &err));
	assert_int_equal(err.code, ERR_THROTTLED);
	assert_non_null(strstr(err.text, "requests_per_day"));
	t.per_day = 0;
	ask_liar(&l, &t);
	unsigned before = l.home_calls;
	error_clear(&err);
	t.o.again = false;
	must(export_run(&t.o, &t.arena, &result, &err), &err);
	assert_true(result.complete && result.files == 2 && l.home_calls <= before + 3);
	ehr_budgets_close(t.budgets);
	t.budgets = NULL;
	close_liar(&l, &t);
}

static void each_file_leaves_its_record(void **state)
{
	struct trial t;
	struct export_result result;
	struct error err = {0};
	(void)state;
	open_trial(&t, EHR_CERNER, "bulk-retry-after=0");
	file_records = file_failures = 0;
	must(run(&t, &result, &err), &err);
	assert_true(result.complete);
	assert_int_equal(file_records, result.files);
	assert_int_equal(file_failures, 0);
	must(fault_set(t.c->world->sandbox, S("bulk-links=1"), &err), &err);
	file_records = 0;
	must(run(&t, &result, &err), &err);
	assert_true(file_records > result.files && file_failures > 0);
	close_trial(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_12_epic_on_bad_days),
		cmocka_unit_test(row_12_cerner_on_bad_days),
		cmocka_unit_test(row_12_duplicates_are_told),
		cmocka_unit_test(row_12_epic_window_is_explained),
		cmocka_unit_test(row_12_ids_are_longer_than_fhir_allows),
		cmocka_unit_test(no_token_leaves_for_another_host),
		cmocka_unit_test(exports_keep_to_the_budget),
		cmocka_unit_test(each_file_leaves_its_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
