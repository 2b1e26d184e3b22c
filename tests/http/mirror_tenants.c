/*
 * The same walk at /t/NAME/fhir: a server whose neighbouring tenant holds a patient's data in the very same form, and
 * one whose neighbour is empty, must answer alike to a token that may do everything in its own tenant. So no route
 * leads from one tenant into another, by whatever id, page link, job or total. On SQLite, or on two databases of
 * PostgreSQL (FIRTH_TEST_POSTGRES, FIRTH_TEST_OTHER_POSTGRES).
 */
#include "mirror.h"

#include <ftw.h>

#include "app/service.h"

struct house {
	char directory[64], base[96], neighbour[96];
	struct config config;
	struct config_client client;
	struct extractor *extractor;
	struct store *store;
	struct service *service;
	const char *database; /* NULL: a directory */
};
struct street {
	struct mirror mirror;
	struct house houses[2]; /* of the side with both, and of the other */
	struct side neighbour; /* of the first house */
};

static const char scopes[] = "system/*.cruds";

static void open_house(struct mirror *m, struct house *h)
{
	struct error err = {0};
	snprintf(h->directory, sizeof(h->directory), "/tmp/firth-street-XXXXXX");
	assert_non_null(mkdtemp(h->directory));
	config_defaults(&h->config);
	h->client.client = (struct smart_client){.client_id = S("all"),
						 .scope = str_from(scopes),
						 .secret_sha256 = digest_hex(&m->arena, S("secret")),
						 .grant_types = S("client_credentials")};
	h->config.port = 0;
	h->config.data = str_from(h->directory);
	h->config.auth = h->config.tenants = true;
	h->config.clients = &h->client;
	h->config.client_count = 1;
	h->extractor = extractor_new(definitions_builtin(), &err);
	if (h->database)
		h->config.db = str_from(h->database);
	struct str place = h->database ? h->config.db : h->config.data;
	h->store = store_open(place, &(struct store_options){.definitions = definitions_builtin()}, &err);
	assert_true(h->extractor && h->store);
	for (int i = 0; i < 2; i++) { /* opening its store makes a tenant */
		struct store *made = store_open(place,
						&(struct store_options){.definitions = definitions_builtin(),
									.tenant = i ? S("beta") : S("alpha")},
						&err);
		assert_non_null(made);
		store_close(made);
	}
	h->service = service_open(&(struct service_options){.config = &h->config,
							    .definitions = definitions_builtin(),
							    .extractor = h->extractor,
							    .store = h->store},
				  &err);
	if (!h->service)
		fail_msg("%s", err.text);
	unsigned port = service_port(h->service);
	snprintf(h->base, sizeof(h->base), "http://127.0.0.1:%u/t/alpha/fhir", port);
	snprintf(h->neighbour, sizeof(h->neighbour), "http://127.0.0.1:%u/t/beta/fhir", port);
}

static struct str token_at(struct mirror *m, struct side *s)
{
	struct error err = {0};
	struct http_answer answer;
	const struct http_header headers[] = {{S("Authorization"), S("Basic YWxsOnNlY3JldA==")},
					      {S("Content-Type"), S("application/x-www-form-urlencoded")}};
	struct str base = str_slice(str_from(s->base), 0, strlen(s->base) - 5);
	const struct http_call call = {.method = S("POST"),
				       .url = arena_printf(&m->arena, "%.*s/auth/token", STR_ARG(base)),
				       .headers = headers,
				       .header_count = 2,
				       .body = S("grant_type=client_credentials&scope=system/*.cruds")};
	if (!http_call(s->client, &m->arena, &call, &answer, &err) || answer.status != 200)
		fail_msg("no token: %s %.*s", err.text, STR_ARG(answer.body));
	return json_get_str(json_parse(&m->arena, answer.body, 0, &err), S("access_token"));
}

static void open_side(struct mirror *m, struct side *s, const char *base)
{
	struct error err = {0};
	s->base = base;
	s->client = http_client_new(&(struct http_client_options){0}, &err);
	assert_non_null(s->client);
	s->token = token_at(m, s);
}

static int set_up(void **state)
{
	struct street *t = calloc(1, sizeof(*t));
	struct mirror *m = &t->mirror;
	arena_init(&m->arena, (size_t)2 << 30);
	t->houses[0].database = getenv("FIRTH_TEST_POSTGRES");
	t->houses[1].database = getenv("FIRTH_TEST_OTHER_POSTGRES");
	open_house(m, &t->houses[0]);
	open_house(m, &t->houses[1]);
	open_side(m, &m->both, t->houses[0].base);
	open_side(m, &m->alone, t->houses[1].base);
	open_side(m, &t->neighbour, t->houses[0].neighbour);
	mirror_load_shared(m, &t->neighbour);
	mirror_load_patient(m, &t->neighbour, "bravo");
	for (int i = 0; i < 2; i++) {
		struct side *s = i ? &m->alone : &m->both;
		mirror_load_shared(m, s);
		mirror_load_patient(m, s, "alpha");
	}
	*state = t;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *walk)
{
	(void)st, (void)what, (void)walk;
	return remove(path);
}

static int tear_down(void **state)
{
	struct street *t = *state;
	for (int i = 0; i < 2; i++) {
		struct house *h = &t->houses[i];
		service_close(h->service);
		store_close(h->store);
		extractor_free(h->extractor);
		nftw(h->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	}
	http_client_free(t->mirror.both.client);
	http_client_free(t->mirror.alone.client);
	http_client_free(t->neighbour.client);
	arena_done(&t->mirror.arena);
	free(t);
	return 0;
}

/* The neighbour is there, and knows bravo: sameness would prove nothing otherwise. */
static void the_neighbour_is_there(void **state)
{
	struct street *t = *state;
	struct mirror *m = &t->mirror;
	const struct probe read = {"", "GET", "Patient/bravo", NULL, NULL};
	assert_int_equal(mirror_ask(m, &t->neighbour, &read, mirror_url(m, &t->neighbour, read.path)).status, 200);
	assert_int_equal(mirror_ask(m, &m->both, &read, mirror_url(m, &m->both, read.path)).status, 404);
}

static void no_route_leads_to_the_neighbour(void **state)
{
	struct street *t = *state;
	for (size_t i = 0; i < mirror_probe_count; i++)
		/* The trail of the tenant's own requests has no order that could be compared. */
		if (strncmp(mirror_probes[i].path, "AuditEvent", 10) != 0)
			mirror_compare(&t->mirror, &mirror_probes[i], scopes);
}

static struct str job_of(struct mirror *m, struct side *s)
{
	const struct probe later = {"", "GET", "Observation", "Prefer: respond-async", NULL};
	struct http_answer accepted = mirror_ask(m, s, &later, mirror_url(m, s, later.path));
	assert_int_equal(accepted.status, 202);
	return http_answer_header(&accepted, "Content-Location");
}

/* What one tenant gave out - a token, a page link, the address of a job - is worth nothing at the other. */
static void what_one_gave_out_is_nothing_to_the_other(void **state)
{
	struct street *t = *state;
	struct mirror *m = &t->mirror;
	struct side *one = &m->both, *two = &t->neighbour, stolen = *one;
	const struct probe get = {"", "GET", "Observation?_count=1", NULL, NULL};
	stolen.token = two->token;
	assert_int_equal(mirror_ask(m, &stolen, &get, mirror_url(m, one, get.path)).status, 401);
	struct http_answer page = mirror_ask(m, two, &get, mirror_url(m, two, get.path));
	struct str next = mirror_next(m, &page), job = job_of(m, two);
	assert_true(next.n && job.n);
	for (int i = 0; i < 2; i++) {
		struct str theirs = i ? job : next;
		size_t at = str_find(theirs, S("/t/beta/"));
		assert_true(at != STR_NONE);
		struct str here = arena_printf(&m->arena, "%.*s/t/alpha/%.*s", (int)at, theirs.p,
					       STR_ARG(str_slice(theirs, at + 8, theirs.n)));
		struct http_answer answer = mirror_ask(m, one, &get, here);
		assert_true(answer.status == 404 || answer.status == 410);
		assert_true(str_find(answer.body, S("BRAVO")) == STR_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_neighbour_is_there),
		cmocka_unit_test(no_route_leads_to_the_neighbour),
		cmocka_unit_test(what_one_gave_out_is_nothing_to_the_other),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
