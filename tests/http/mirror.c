/*
 * Two patients with the same data, and tokens of the first: whatever they ask, nothing of the second may show. Two
 * servers hold the data, one of both patients and one of the first alone, and every answer of both must be the same but
 * for names of the day: times, new ids, page links. So not only what is told is compared, but all that could be a lead:
 * statuses, texts, headers, totals, how many pages there are. Every row of the tables of interactions and operations
 * needs a probe.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/client.h"
#include "world.h"

static const struct probe {
	const char *rows, *method, *path, *header, *body;
} probes[] = {
#define PROBE(rows, method, path, header, body) {rows, method, path, header, body},
#include "mirror.def"
#undef PROBE
};
enum { PROBES = sizeof(probes) / sizeof(probes[0]), PAGES = 12 };

static const char *const rows[] = {
#define INTERACTION(name, ...) #name,
#include "server/rest/interactions.def"
#undef INTERACTION
#define OPERATION(id, ...) #id,
#include "server/rest/operations/operations.def"
#undef OPERATION
};

/* ---- asking --------------------------------------------------------------------------------------------------------
 */

struct side {
	struct world world;
	struct http_client *client;
	struct str token;
};
struct mirror {
	struct side both, alone;
	struct arena arena;
};

static struct http_answer ask(struct mirror *m, struct side *s, const struct probe *p, struct str url)
{
	struct error err = {0};
	struct http_answer answer;
	struct http_header headers[3] = {
		{S("Authorization"), arena_printf(&m->arena, "Bearer %.*s", STR_ARG(s->token))},
		{S("Content-Type"), S("application/fhir+json")}};
	size_t count = 2;
	if (p->header) {
		struct str value = str_from(p->header), name = str_split(&value, ':');
		size_t at = str_is(name, "Content-Type") ? 1 : count++;
		headers[at] = (struct http_header){name, str_trim(value)};
	}
	const struct http_call call = {.method = str_from(p->method),
				       .url = url,
				       .headers = headers,
				       .header_count = count,
				       .body = p->body ? str_from(p->body) : STR_NULL};
	if (!http_call(s->client, &m->arena, &call, &answer, &err))
		fail_msg("%s %s: %s", p->method, p->path, err.text);
	return answer;
}

static struct str url_of(struct mirror *m, const struct side *s, const char *path)
{
	const char *joint = path[0] && path[0] != '?' ? "/" : "";
	return arena_printf(&m->arena, "%s%s%s", s->world.base_url, joint, path);
}

/* ---- what may differ
 * ------------------------------------------------------------------------------------------------- */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* The length of a UUID, an instant, an HTTP date, or the id of a job at the start; 0: none of them. */
static size_t volatile_length(struct str s)
{
	static const char *const forms[] = {"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "dddd-dd-ddTdd:dd:dd.dddZ",
					    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
	for (size_t f = 0; f < 3; f++) {
		size_t n = strlen(forms[f]), i = 0;
		for (; i < n && i < s.n; i++) {
			char want = forms[f][i], c = s.p[i];
			if (want == 'x' ? !is_hex(c) : want == 'd' ? c < '0' || c > '9' : c != want)
				break;
		}
		if (i == n)
			return n;
	}
	return 0;
}

static struct str plain(struct mirror *m, const struct side *s, struct str text)
{
	struct buf out;
	struct str base = str_slice(str_from(s->world.base_url), 0, strlen(s->world.base_url) - 5),
		   cursor = S("_cursor=");
	buf_init(&out, (size_t)64 << 20);
	while (text.n) {
		size_t n = volatile_length(text);
		if (n) {
			buf_char(&out, '*');
		} else if (str_starts(text, base)) {
			buf_add(&out, S("BASE")); /* without /fhir */
			n = base.n;
		} else if (str_starts(text, cursor)) {
			buf_add(&out, S("_cursor=*"));
			for (n = cursor.n; n < text.n && text.p[n] != '"' && text.p[n] != '&'; n++)
				;
		} else {
			buf_char(&out, text.p[0]);
			n = 1;
		}
		text = str_slice(text, n, text.n);
	}
	struct str result = buf_ok(&out) ? arena_str(&m->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	assert_non_null(result.p);
	return result;
}

static bool is_compared(struct str name)
{
	static const char *const left_out[] = {"Date", "Last-Modified", "Expires", "Content-Length", "X-Request-Id"};
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (str_eq_nocase(name, str_from(left_out[i])))
			return false;
	return true;
}

/* Status, headers and body as one text. */
static struct str flat(struct mirror *m, const struct side *s, const struct http_answer *answer)
{
	struct buf out;
	buf_init(&out, (size_t)64 << 20);
	buf_printf(&out, "%d\n", answer->status);
	for (size_t i = 0; i < answer->header_count; i++)
		if (is_compared(answer->headers[i].name))
			buf_printf(&out, "%.*s: %.*s\n", STR_ARG(answer->headers[i].name),
				   STR_ARG(answer->headers[i].value));
	buf_add(&out, answer->body);
	struct str text = plain(m, s, buf_str(&out));
	buf_done(&out);
	return text;
}

static struct str next_link(struct mirror *m, const struct http_answer *answer)
{
	struct error err = {0};
	const struct json *bundle = answer->body.n ? json_parse(&m->arena, answer->body, 0, &err) : NULL;
	struct json_iter it = json_iter(json_get(bundle, S("link")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("relation")), "next"))
			return json_get_str(it.value, S("url"));
	return STR_NULL;
}

/* ---- comparing
 * ---------------------------------------------------------------------------------------------------------- */

static void show_difference(const struct probe *p, const char *scopes, struct str both, struct str alone)
{
	size_t at = 0;
	while (at < both.n && at < alone.n && both.p[at] == alone.p[at])
		at++;
	size_t from = at > 300 ? at - 300 : 0;
	fail_msg("%s %s %s\nas %s\nwith both:  ...%.*s\nwith one:   ...%.*s", p->method, p->path,
		 p->body ? p->body : "", scopes, STR_ARG(str_slice(both, from, from + 700)),
		 STR_ARG(str_slice(alone, from, from + 700)));
}

static void compare(struct mirror *m, const struct probe *p, const char *scopes)
{
	struct str here = url_of(m, &m->both, p->path), there = url_of(m, &m->alone, p->path);
	struct probe page = *p;
	for (int i = 0; i < PAGES && here.p; i++) {
		struct http_answer a = ask(m, &m->both, &page, here), b = ask(m, &m->alone, &page, there);
		struct str both = flat(m, &m->both, &a), alone = flat(m, &m->alone, &b);
		if (!str_eq(both, alone))
			show_difference(p, scopes, both, alone);
		/* What is the same in both could still be an echo, but only of what was asked. */
		bool named = strstr(p->path, "BRAVO") || (p->body && strstr(p->body, "BRAVO"));
		if (!named && str_find(both, S("BRAVO")) != STR_NONE)
			fail_msg("%s %s tells of bravo:\n%.*s", p->method, p->path, STR_ARG(str_slice(both, 0, 3000)));
		here = next_link(m, &a);
		there = next_link(m, &b);
		page.method = "GET";
		page.body = NULL;
	}
}

/* ---- the data
 * ------------------------------------------------------------------------------------------------------------ */

/* % stands for the patient, # for the mark that every string of theirs has. */
static const char *const shared[] = {
	"{\"resourceType\":\"Practitioner\",\"id\":\"shared\",\"name\":[{\"family\":\"Shared\"}]}",
	"{\"resourceType\":\"Organization\",\"id\":\"shared\",\"name\":\"Shared\"}",
	"{\"resourceType\":\"Medication\",\"id\":\"shared\",\"code\":{\"text\":\"Shared\"}}",
};
#define NARRATIVE                                                                                                      \
	"\"text\":{\"status\":\"generated\",\"div\":\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">#</div>\"}"
#define SUBJECT "\"subject\":{\"reference\":\"Patient/%\",\"display\":\"#\"}"
static const char *const mirrored[] = {
	"{\"resourceType\":\"Patient\",\"id\":\"%\"," NARRATIVE ",\"identifier\":[{\"system\":\"http://"
	"id\",\"value\":\"%\"}],\"name\":[{\"family\":\"#\",\"given\":[\"Kim\"]}],"
	"\"birthDate\":\"1980-02-03\",\"generalPractitioner\":[{\"reference\":\"Practitioner/"
	"shared\",\"display\":\"#\"}],"
	"\"managingOrganization\":{\"reference\":\"Organization/shared\"}}",
	"{\"resourceType\":\"Encounter\",\"id\":\"enc-%\"," NARRATIVE
	",\"status\":\"finished\",\"class\":{\"code\":\"AMB\"}," SUBJECT
	",\"serviceProvider\":{\"reference\":\"Organization/shared\"}}",
	"{\"resourceType\":\"Observation\",\"id\":\"lab-%\"," NARRATIVE
	",\"status\":\"final\",\"category\":[{\"coding\":[{\"code\":\"laboratory\"}]}],\"code\":{\"coding\":[{"
	"\"system\":"
	"\"http://codes\",\"code\":\"only-%\",\"display\":\"#\"}]}," SUBJECT
	",\"encounter\":{\"reference\":\"Encounter/"
	"enc-%\"},\"effectiveDateTime\":\"2020-05-06\",\"performer\":[{\"reference\":"
	"\"Practitioner/shared\"}],\"valueQuantity\":{\"value\":7,\"unit\":\"#\"},\"note\":[{\"text\":\"#\"}]}",
	"{\"resourceType\":\"Observation\",\"id\":\"vital-%\"," NARRATIVE
	",\"meta\":{\"tag\":[{\"code\":\"tag-%\"}]},\"status\":\"final\",\"category\":[{\"coding\":[{\"code\":\"vital-"
	"signs\"}]}],"
	"\"code\":{\"coding\":[{\"system\":\"http://codes\",\"code\":\"both\"}]}," SUBJECT
	",\"hasMember\":[{\"reference\":\"Observation/"
	"lab-%\"}],\"effectiveDateTime\":\"2020-05-07\",\"valueString\":\"#\"}",
	"{\"resourceType\":\"Condition\",\"id\":\"con-%\"," NARRATIVE ",\"code\":{\"text\":\"#\"}," SUBJECT "}",
	"{\"resourceType\":\"MedicationRequest\",\"id\":\"mr-%\"," NARRATIVE
	",\"status\":\"active\",\"intent\":\"order\",\"medicationReference\":{\"reference\":\"Medication/"
	"shared\"}," SUBJECT "}",
	"{\"resourceType\":\"DocumentReference\",\"id\":\"doc-%\"," NARRATIVE
	",\"status\":\"current\",\"type\":{\"coding\":[{\"code\":\"34133-9\",\"system\":\"http://"
	"loinc.org\"}]}," SUBJECT ",\"content\":[{\"attachment\":{\"url\":\"Binary/bin-%\"}}]}",
	"{\"resourceType\":\"List\",\"id\":\"list-%\",\"status\":\"current\",\"mode\":\"working\",\"title\":\"#"
	"\"," SUBJECT ",\"entry\":[{\"item\":{\"reference\":\"Observation/lab-%\"}}]}",
	"{\"resourceType\":\"Device\",\"id\":\"dev-%\",\"serialNumber\":\"#\",\"patient\":{\"reference\":\"Patient/"
	"%\"}}",
	"{\"resourceType\":\"Task\",\"id\":\"task-%\",\"status\":\"ready\",\"intent\":\"order\",\"description\":\"#\","
	"\"for\":{"
	"\"reference\":\"Patient/%\"}}",
	"{\"resourceType\":\"Provenance\",\"id\":\"prov-%\",\"target\":[{\"reference\":\"Observation/"
	"lab-%\"},{\"reference\":"
	"\"Patient/%\"}],\"recorded\":\"2020-01-01T00:00:00Z\",\"agent\":[{\"who\":{\"display\":\"#\"}}]}",
	"{\"resourceType\":\"RelatedPerson\",\"id\":\"rel-%\",\"patient\":{\"reference\":\"Patient/"
	"%\"},\"name\":[{\"family\":\"#\"}]}",
	"{\"resourceType\":\"Basic\",\"id\":\"basic-%\",\"code\":{\"text\":\"#\"}," SUBJECT "}",
	"{\"resourceType\":\"Binary\",\"id\":\"bin-%\",\"contentType\":\"text/"
	"plain\",\"data\":\"QUJD\",\"securityContext\":{"
	"\"reference\":\"Patient/%\"}}",
	"{\"resourceType\":\"Observation\",\"id\":\"gone-%\",\"status\":\"final\",\"code\":{\"text\":\"#\"}," SUBJECT
	"}",
};
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

static struct str of_patient(struct mirror *m, const char *text, const char *who)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	for (; *text; text++) {
		if (*text == '%')
			buf_add(&out, str_from(who));
		else if (*text == '#')
			buf_add(&out, who[0] == 'a' ? S("ALPHAMARK") : S("BRAVOMARK"));
		else
			buf_char(&out, *text);
	}
	struct str result = arena_str(&m->arena, buf_str(&out));
	buf_done(&out);
	return result;
}

static void send(struct mirror *m, struct side *s, const char *method, struct str body)
{
	struct error err = {0};
	const struct json *tree = json_parse(&m->arena, body, 0, &err);
	struct str path = arena_printf(&m->arena, "%.*s/%.*s", STR_ARG(json_get_str(tree, S("resourceType"))),
				       STR_ARG(json_get_str(tree, S("id"))));
	const struct probe p = {"", method, path.p, NULL, strcmp(method, "PUT") == 0 ? body.p : NULL};
	struct http_answer answer = ask(m, s, &p, url_of(m, s, path.p));
	if (answer.status >= 300)
		fail_msg("%s %s: %d %.*s", method, path.p, answer.status, STR_ARG(answer.body));
}

static void load_patient(struct mirror *m, struct side *s, const char *who)
{
	enum { COUNT = sizeof(mirrored) / sizeof(mirrored[0]) };
	for (size_t i = 0; i < COUNT; i++) {
		struct str body = of_patient(m, mirrored[i], who);
		send(m, s, "PUT", body);
	}
	/* A second version of one, and a deletion. */
	struct str again = of_patient(m, mirrored[2], who);
	struct buf changed;
	buf_init(&changed, 1 << 20);
	size_t at = str_find(again, S("\"final\""));
	buf_add(&changed, str_slice(again, 0, at));
	buf_add(&changed, S("\"amended\""));
	buf_add(&changed, str_slice(again, at + 7, again.n));
	send(m, s, "PUT", arena_str(&m->arena, buf_str(&changed)));
	buf_done(&changed);
	send(m, s, "DELETE", of_patient(m, mirrored[COUNT - 1], who));
}

static void load(struct mirror *m, struct side *s, bool both)
{
	s->token = world_token(&s->world, &m->arena, S("system/*.cruds"));
	assert_non_null(s->token.p);
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		send(m, s, "PUT", str_from(shared[i]));
	if (both)
		load_patient(m, s, "bravo");
	load_patient(m, s, "alpha");
	for (size_t i = 0; i < sizeof(tied) / sizeof(tied[0]); i++)
		send(m, s, "PUT", str_from(tied[i]));
	for (int i = 0; both && i < 30; i++)
		send(m, s, "PUT",
		     arena_printf(
			     &m->arena,
			     "{\"resourceType\":\"Observation\",\"id\":\"bulk-bravo-%d\",\"status\":\"final\",\"code\":"
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
		for (size_t i = 0; i < PROBES; i++)
			compare(m, &probes[i], tokens[t].scopes);
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
		for (size_t k = 0; k < PROBES && !found; k++)
			found = lists(probes[k].rows, rows[i]);
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
		struct http_answer a = ask(m, &m->both, &p, url_of(m, &m->both, p.path));
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
	struct http_answer first = ask(m, &m->both, &get, url_of(m, &m->both, get.path));
	struct str next = next_link(m, &first);
	assert_int_equal(first.status, 200);
	assert_non_null(next.p);
	assert_int_equal(ask(m, &m->both, &get, next).status, 200);
	struct str other = m->both.token;
	m->both.token = world_grant(&m->both.world, &m->arena, "patient/*.rs", &tokens[0].grant);
	struct http_answer refused = ask(m, &m->both, &get, next);
	assert_int_equal(refused.status, 410);
	assert_true(str_find(refused.body, S("bravo")) == STR_NONE);
	m->alone.token = other;
	assert_int_equal(ask(m, &m->alone, &get, url_of(m, &m->alone, "Observation")).status, 401);
}

static struct http_answer when_done(struct mirror *m, struct side *s, struct str url)
{
	const struct probe poll = {"", "GET", "_async", NULL, NULL};
	struct http_answer answer = ask(m, s, &poll, url);
	for (int tries = 0; tries < 500 && answer.status == 202; tries++) {
		usleep(10000);
		answer = ask(m, s, &poll, url);
	}
	return answer;
}

/* Of the one whose token the side has. */
static void check_own_job(struct mirror *m, struct side *s, const char *there, const char *away, struct str *ret_status)
{
	const struct probe later = {"", "GET", "Observation", "Prefer: respond-async", NULL};
	struct http_answer accepted = ask(m, s, &later, url_of(m, s, later.path));
	*ret_status = http_answer_header(&accepted, "Content-Location");
	assert_int_equal(accepted.status, 202);
	struct http_answer done = when_done(m, s, *ret_status);
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
	struct str never = url_of(m, s, "_async/0123456789abcdef0123456789abcdef");
	struct http_answer other = ask(m, s, &poll, status), none = ask(m, s, &poll, never);
	assert_true(str_eq(flat(m, s, &other), flat(m, s, &none)));
	assert_int_equal(other.status, 404);
	assert_int_equal(ask(m, s, &cancel, status).status, 404);
	check_own_job(m, s, "ALPHAMARK", "BRAVOMARK", &own);
}

/* ---- the whole
 * ----------------------------------------------------------------------------------------------------------- */

static void open_side(struct side *s)
{
	struct error err = {0};
	if (!world_open(&s->world, &(struct world_options){.guarded = true, .jobs = true}, &err))
		fail_msg("%s", err.text);
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
