/*
 * Two patients with the same data, and tokens of the first: whatever they ask, nothing of the second may show. Two
 * servers hold the data, one of both patients and one of the first alone, and every answer of both must be the same but
 * for names of the day: times, new ids, page links. So not only what is told is compared, but all that could be a lead:
 * statuses, texts, headers, totals, how many pages there are. Every row of the tables of interactions and operations
 * needs a probe.
 */
#include "mirror.h"

static const char *const rows[] = {
#define INTERACTION(name, ...) #name,
#include "server/rest/interactions.def"
#undef INTERACTION
#define OPERATION(id, ...) #id,
#include "server/rest/operations/operations.def"
#undef OPERATION
};

/* ---- the data
 * ------------------------------------------------------------------------------------------------------------ */

/* In both worlds, and alpha's, but they name what only one of them has; and what was given from one to the other. */
static const char *const tied[] = {
	"{\"resourceType\":\"Observation\",\"id\":\"knows-bravo\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"
	"\"subject\":{"
	"\"reference\":\"Patient/alpha\"},\"hasMember\":[{\"reference\":\"Observation/lab-bravo\"}],\"encounter\":{"
	"\"reference\":\"Encounter/enc-bravo\"}}",
	"{\"resourceType\":\"Group\",\"id\":\"both\",\"type\":\"person\",\"actual\":true,\"member\":[{\"entity\":{"
	"\"reference\":"
	"\"Patient/alpha\"}},{\"entity\":{\"reference\":\"Patient/bravo\"}}]}",
};

static void load(struct mirror *m, struct side *s, bool both)
{
	s->token = world_token(&s->world, &m->arena, S("system/*.cruds"));
	assert_non_null(s->token.p);
	mirror_load_shared(m, s);
	if (both)
		mirror_load_patient(m, s, "bravo");
	mirror_load_patient(m, s, "alpha");
	for (size_t i = 0; i < sizeof(tied) / sizeof(tied[0]); i++)
		mirror_send(m, s, "PUT", str_from(tied[i]));
	for (int i = 0; both && i < 30; i++)
		mirror_send(
			m, s, "PUT",
			arena_printf(
				&m->arena,
				"{\"resourceType\":\"Observation\",\"id\":\"bulk-bravo-%d\",\"status\":\"final\","
				"\"code\":"
				"{"
				"\"coding\":[{\"system\":\"http://codes\",\"code\":\"both\"}],\"text\":\"BRAVOMARK\"},"
				"\"subject\":{\"reference\":\"Patient/bravo\"},\"effectiveDateTime\":\"2020-05-07\"}",
				i));
}

/* ---- the tokens
 * ---------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *scopes;
	struct grant grant;
} tokens[] = {
	{"patient/*.rs", {.patient = S("alpha"), .user = S("kim"), .fhir_user = S("Patient/alpha")}},
	{"patient/*.cruds", {.patient = S("alpha"), .user = S("kim"), .fhir_user = S("Patient/alpha")}},
	{"user/*.cruds", {.user = S("kim"), .fhir_user = S("Patient/alpha")}},
	{"patient/Patient.rs patient/Observation.rs?category=laboratory patient/Observation.rs?code=both "
	 "patient/Practitioner.rs",
	 {.patient = S("alpha"), .user = S("doc"), .fhir_user = S("Practitioner/shared")}},
	{"user/Observation.cruds?patient=Patient/alpha user/Patient.rs?_id=alpha user/Practitioner.rs",
	 {.user = S("doc"), .fhir_user = S("Practitioner/shared")}},
	{"patient/Observation.u patient/Observation.d patient/Observation.c",
	 {.patient = S("alpha"), .user = S("kim"), .fhir_user = S("Patient/alpha")}},
	{"patient/*.r", {.patient = S("alpha"), .user = S("kim"), .fhir_user = S("Patient/alpha")}},
	{"patient/*.s", {.patient = S("alpha"), .user = S("kim"), .fhir_user = S("Patient/alpha")}},
	/* A patient of whom there is nothing at all. */
	{"patient/*.cruds", {.patient = S("nobody"), .user = S("kim"), .fhir_user = S("Patient/nobody")}},
};

static void test_probes(void **state)
{
	struct mirror *m = *state;
	for (size_t t = 0; t < sizeof(tokens) / sizeof(tokens[0]); t++) {
		m->both.token = world_grant(&m->both.world, &m->arena, tokens[t].scopes, &tokens[t].grant);
		m->alone.token = world_grant(&m->alone.world, &m->arena, tokens[t].scopes, &tokens[t].grant);
		assert_true(m->both.token.n && m->alone.token.n);
		for (size_t i = 0; i < mirror_probe_count; i++)
			mirror_compare(m, &mirror_probes[i], tokens[t].scopes);
	}
}

static bool lists(const char *words, const char *word)
{
	struct str rest = str_from(words);
	while (rest.p)
		if (str_is(str_split(&rest, ' '), word))
			return true;
	return false;
}

static void test_every_row_has_a_probe(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool found = false;
		for (size_t k = 0; k < mirror_probe_count && !found; k++)
			found = lists(mirror_probes[k].rows, rows[i]);
		if (!found)
			fail_msg("%s has no probe in mirror.def", rows[i]);
	}
}

/* Something is seen at all, or sameness would prove nothing. */
static void test_own_data_is_seen(void **state)
{
	struct mirror *m = *state;
	static const struct {
		const char *path;
		int status;
		const char *text;
	} seen[] = {{"Patient/alpha", 200, "ALPHAMARK"},
		    {"Observation/lab-alpha/_history", 200, "\"total\""},
		    {"Observation?_total=accurate", 200, "vital-alpha"},
		    {"Device", 200, "dev-alpha"},
		    {"Binary/bin-alpha", 200, "QUJD"},
		    {"Practitioner?_has:Observation:performer:patient=Patient/alpha", 200, "Practitioner/shared"},
		    {"Patient/alpha/$everything", 200, "mr-alpha"},
		    {"Observation/gone-alpha", 410, "deleted"},
		    {"Observation/_history", 200, "gone-alpha"},
		    {"Patient/bravo", 404, "There is no Patient with this id"}};
	m->both.token = world_grant(&m->both.world, &m->arena, "patient/*.rs", &tokens[0].grant);
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
		const struct probe p = {"", "GET", seen[i].path, NULL, NULL};
		struct http_answer a = mirror_ask(m, &m->both, &p, mirror_url(m, &m->both, p.path));
		if (a.status != seen[i].status ||
		    (str_find(a.body, str_from(seen[i].text)) == STR_NONE && strcmp(seen[i].text, "\"total\"") != 0))
			fail_msg("%s: %d %.*s", p.path, a.status, STR_ARG(str_slice(a.body, 0, 2000)));
	}
}

/* Page links and jobs of one are nothing to another; and a token is nothing to another tenant. */
static void test_what_others_got(void **state)
{
	struct mirror *m = *state;
	const struct grant bravo = {.patient = S("bravo"), .user = S("lee"), .fhir_user = S("Patient/bravo")};
	const struct probe get = {"", "GET", "Observation?_count=1", NULL, NULL};
	m->both.token = world_grant(&m->both.world, &m->arena, "patient/*.rs", &bravo);
	struct http_answer first = mirror_ask(m, &m->both, &get, mirror_url(m, &m->both, get.path));
	struct str next = mirror_next(m, &first);
	assert_int_equal(first.status, 200);
	assert_non_null(next.p);
	assert_int_equal(mirror_ask(m, &m->both, &get, next).status, 200);
	struct str other = m->both.token;
	m->both.token = world_grant(&m->both.world, &m->arena, "patient/*.rs", &tokens[0].grant);
	struct http_answer refused = mirror_ask(m, &m->both, &get, next);
	assert_int_equal(refused.status, 410);
	assert_true(str_find(refused.body, S("bravo")) == STR_NONE);
	m->alone.token = other;
	assert_int_equal(mirror_ask(m, &m->alone, &get, mirror_url(m, &m->alone, "Observation")).status, 401);
}

/* Of the one whose token the side has. */
static void check_own_job(struct mirror *m, struct side *s, const char *there, const char *away, struct str *ret_status)
{
	const struct probe later = {"", "GET", "Observation", "Prefer: respond-async", NULL};
	struct http_answer accepted = mirror_ask(m, s, &later, mirror_url(m, s, later.path));
	*ret_status = http_answer_header(&accepted, "Content-Location");
	assert_int_equal(accepted.status, 202);
	struct http_answer done = mirror_when_done(m, s, *ret_status);
	assert_int_equal(done.status, 200);
	assert_true(str_find(done.body, str_from(there)) != STR_NONE);
	assert_true(str_find(done.body, str_from(away)) == STR_NONE);
}

static void test_jobs_of_others(void **state)
{
	struct mirror *m = *state;
	struct side *s = &m->both;
	const struct grant bravo = {.patient = S("bravo"), .user = S("lee"), .fhir_user = S("Patient/bravo")};
	const struct probe poll = {"", "GET", "_async", NULL, NULL}, cancel = {"", "DELETE", "_async", NULL, NULL};
	struct str status, own;
	s->token = world_grant(&s->world, &m->arena, "patient/*.rs", &bravo);
	check_own_job(m, s, "BRAVOMARK", "ALPHAMARK", &status);
	/* To the other it is not there, in the words for one that never was. */
	s->token = world_grant(&s->world, &m->arena, "patient/*.rs", &tokens[0].grant);
	struct str never = mirror_url(m, s, "_async/0123456789abcdef0123456789abcdef");
	struct http_answer other = mirror_ask(m, s, &poll, status), none = mirror_ask(m, s, &poll, never);
	assert_true(str_eq(mirror_flat(m, s, &other), mirror_flat(m, s, &none)));
	assert_int_equal(other.status, 404);
	assert_int_equal(mirror_ask(m, s, &cancel, status).status, 404);
	check_own_job(m, s, "ALPHAMARK", "BRAVOMARK", &own);
}

/* ---- the whole
 * ----------------------------------------------------------------------------------------------------------- */

static void open_side(struct side *s)
{
	struct error err = {0};
	if (!world_open(&s->world, &(struct world_options){.guarded = true, .jobs = true}, &err))
		fail_msg("%s", err.text);
	s->base = s->world.base_url;
	s->client = http_client_new(&(struct http_client_options){0}, &err);
	assert_non_null(s->client);
}

static int set_up(void **state)
{
	struct mirror *m = calloc(1, sizeof(*m));
	assert_non_null(m);
	arena_init(&m->arena, (size_t)2 << 30);
	open_side(&m->both);
	open_side(&m->alone);
	load(m, &m->both, true);
	load(m, &m->alone, false);
	*state = m;
	return 0;
}

static int tear_down(void **state)
{
	struct mirror *m = *state;
	http_client_free(m->both.client);
	http_client_free(m->alone.client);
	world_close(&m->both.world);
	world_close(&m->alone.world);
	arena_done(&m->arena);
	free(m);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_has_a_probe),
		cmocka_unit_test(test_own_data_is_seen),
		cmocka_unit_test(test_what_others_got),
		cmocka_unit_test(test_jobs_of_others),
		cmocka_unit_test(test_probes),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
