/* The pipeline against both vendors' sandboxes, over sockets, with signed assertions and real stores. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ftw.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "population/population.h"
#include "sandbox/sandbox.h"

enum { PATIENTS = 4 };

struct site {
	struct store *store;
	struct sandbox *sandbox;
	struct http_server *http;
	struct http_handler inner;
	struct ehr_client *client;
	char url[64], roster[96], key[96];
};

struct world {
	char dir[64];
	struct arena arena;
	struct extractor *extractor;
	struct store *store; /* ours */
	struct charlson *charlson;
	struct normaliser *normaliser;
	struct site sites[2];
	struct population_result result;
};

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* The server must run before the sandbox knows its address. */
static void handle(void *ctx, struct http_exchange *x)
{
	struct site *site = ctx;
	site->inner.handle(site->inner.ctx, x);
}

static void refuse(void *ctx, struct http_exchange *x, const struct error *err)
{
	struct site *site = ctx;
	site->inner.refuse(site->inner.ctx, x, err);
}

static struct store *open_store(struct world *w, const char *name)
{
	struct error err = {0};
	char path[128];
	snprintf(path, sizeof path, "%s/%s", w->dir, name);
	struct store *s =
		store_open(str_from(path), &(struct store_options){.definitions = definitions_builtin()}, &err);
	if (!s)
		fail_msg("%s", err.text);
	return s;
}

static const struct json *make_key(struct world *w, struct site *site)
{
	struct error err = {0};
	struct buf text;
	buf_init(&text, 1 << 16);
	struct jose_key *key = jose_key_new(JOSE_RS384, &err);
	assert_non_null(key);
	assert_true(jose_key_write_private(key, &text, &err));
	assert_true(file_write(str_from(site->key), buf_str(&text), 0600, &err));
	buf_reset(&text);
	assert_true(jose_key_write_public_set(key, &text, &err));
	const struct json *jwks = json_parse(&w->arena, arena_str(&w->arena, buf_str(&text)), 0, &err);
	buf_done(&text);
	jose_key_free(key);
	return jwks;
}

static void load(struct world *w, struct site *site)
{
	struct error err = {0};
	struct sandbox_loaded loaded;
	struct buf roster;
	(void)w;
	sandbox_loaded_init(&loaded);
	buf_init(&roster, 1 << 16);
	if (!sandbox_load_synthetic(
		    site->sandbox,
		    &(struct synthetic_options){.seed = 7, .patients = PATIENTS, .today_ms = clock_now_ms()}, &loaded,
		    &err))
		fail_msg("%s", err.text);
	assert_int_equal(loaded.patient_count, PATIENTS);
	for (size_t i = 0; i < loaded.patient_count; i++)
		buf_printf(&roster, "%.*s\n", STR_ARG(loaded.patients[i]));
	assert_true(file_write(str_from(site->roster), buf_str(&roster), 0600, &err));
	buf_done(&roster);
	sandbox_loaded_done(&loaded);
}

static void open_site(struct world *w, struct site *site, enum ehr_vendor vendor, bool open_flags)
{
	struct error err = {0};
	const char *name = ehr_vendor_name(vendor);
	snprintf(site->key, sizeof site->key, "%s/%s.key", w->dir, name);
	snprintf(site->roster, sizeof site->roster, "%s/%s.roster", w->dir, name);
	site->store = open_store(w, name);
	site->http = http_server_start(&(struct http_server_options){.threads = 2},
				       &(struct http_handler){.handle = handle, .refuse = refuse, .ctx = site}, &err);
	assert_non_null(site->http);
	snprintf(site->url, sizeof site->url, "http://127.0.0.1:%u", http_server_port(site->http));
	const struct smart_client client = {
		.client_id = S("firth-test"),
		.scope = S("system/Patient.rs system/Condition.rs system/MedicationRequest.rs "
			   "system/AllergyIntolerance.rs "
			   "system/Encounter.rs system/Observation.rs system/Flag.crus"),
		.jwks = make_key(w, site),
	};
	const struct str flag = S("Flag");
	site->sandbox = sandbox_open(&(struct sandbox_options){.vendor = vendor,
							       .definitions = definitions_builtin(),
							       .extractor = w->extractor,
							       .store = site->store,
							       .base_url = str_from(site->url),
							       .clients = &client,
							       .client_count = 1,
							       .allow_write = &flag,
							       .allow_write_count = open_flags},
				     &err);
	if (!site->sandbox)
		fail_msg("%s", err.text);
	site->inner = sandbox_handler(site->sandbox);
	load(w, site);
	const struct ehr_config config = {.name = str_from(name),
					  .vendor = vendor,
					  .base_url = sandbox_fhir_base(site->sandbox),
					  .client_id = S("firth-test"),
					  .key_file = str_from(site->key),
					  .roster = str_from(site->roster)};
	site->client = ehr_open(&config, &(struct ehr_client_options){.audit = w->store, .backoff_ms = 10}, &err);
	if (!site->client)
		fail_msg("%s", err.text);
}

static struct world *start(bool open_flags)
{
	struct error err = {0};
	struct world *w = calloc(1, sizeof *w);
	snprintf(w->dir, sizeof w->dir, "/tmp/firth-test-sandboxes-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	arena_init(&w->arena, 256 << 20);
	w->extractor = extractor_new(definitions_builtin(), &err);
	w->charlson = charlson_builtin(&w->arena, &err);
	w->normaliser = normaliser_new(definitions_builtin(), &err);
	w->store = open_store(w, "ours");
	open_site(w, &w->sites[0], EHR_EPIC, open_flags);
	open_site(w, &w->sites[1], EHR_CERNER, open_flags);
	return w;
}

static void stop(struct world *w)
{
	for (size_t i = 0; i < 2; i++) {
		struct site *site = &w->sites[i];
		ehr_close(site->client);
		http_server_stop(site->http);
		sandbox_close(site->sandbox);
		store_close(site->store);
	}
	store_close(w->store);
	extractor_free(w->extractor);
	normaliser_free(w->normaliser);
	arena_done(&w->arena);
	nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
}

static void run(struct world *w)
{
	struct error err = {0};
	struct ehr_client *clients[] = {w->sites[0].client, w->sites[1].client};
	if (!population_run(&(struct population_options){.definitions = definitions_builtin(),
							 .extractor = w->extractor,
							 .store = w->store,
							 .ehrs = clients,
							 .ehr_count = 2,
							 .charlson = w->charlson,
							 .normaliser = w->normaliser,
							 .pull = true,
							 .score = true,
							 .write = true},
			    &w->arena, &w->result, &err))
		fail_msg("%s", err.text);
	assert_int_equal(w->result.patient_count, 2 * PATIENTS);
	for (size_t i = 0; i < w->result.patient_count; i++) {
		const struct population_patient *p = &w->result.patients[i];
		if (p->problem.p)
			print_message("   %.*s: %.*s\n", STR_ARG(p->local_id), STR_ARG(p->problem));
	}
}

static void flags_are_written_once_and_read_back(void **state)
{
	(void)state;
	struct world *w = start(true);
	int64_t rows;
	struct error err = {0};
	run(w);
	for (size_t i = 0; i < 2; i++) {
		const struct population_ehr *e = &w->result.ehrs[i];
		assert_int_equal(e->patients, PATIENTS);
		assert_int_equal(e->created, PATIENTS);
		assert_int_equal(e->read_back, PATIENTS);
		assert_int_equal(e->findings, 0);
		assert_int_equal(e->rejected, 0);
		assert_true(e->type_count >= 4);
	}
	for (size_t i = 0; i < w->result.patient_count; i++) {
		const struct population_patient *p = &w->result.patients[i];
		assert_null(p->problem.p);
		assert_true(p->mrn.n > 0 && p->name.n > 0 && p->birth_date.n > 0);
		assert_true(p->flag_version.n > 0);
	}
	run(w);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(w->result.ehrs[i].unchanged, PATIENTS);
		assert_int_equal(w->result.ehrs[i].changed, 0);
	}
	assert_true(store_audit_verify(w->store, &rows, &err));
	assert_true(rows > 2 * PATIENTS * 8);
	stop(w);
}

static void closed_sites_refuse_and_the_run_goes_on(void **state)
{
	(void)state;
	struct world *w = start(false);
	run(w);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(w->result.ehrs[i].patients, PATIENTS);
		assert_int_equal(w->result.ehrs[i].refused, PATIENTS);
	}
	for (size_t i = 0; i < w->result.patient_count; i++)
		assert_true(w->result.patients[i].scored && w->result.patients[i].problem.n > 0);
	stop(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_are_written_once_and_read_back),
		cmocka_unit_test(closed_sites_refuse_and_the_run_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
