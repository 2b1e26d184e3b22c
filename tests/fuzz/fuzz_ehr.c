/*
 * What EHRs might answer, and what people might ask them. The first line is a status, a media type and a header,
 * between bars; the second a resource type and a query; the rest a body, which is the answer to everything. Beyond not
 * crashing: a failure says what it is in one line and quotes nothing of the body, matches have type and id and come
 * once, no call leaves the host, and a plan either sends something or says why not.
 */
#include <assert.h>

#include "ehr/directory.h"
#include "ehr/plan.h"
#include "fuzz.h"

#define BASE "https://ehr.example/r4"

struct stage {
	int status;
	struct str type, body, header, value;
	unsigned calls;
};

static bool answer(void *ctx, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
		   struct error *err)
{
	struct stage *s = ctx;
	assert(str_starts(call->url, S("https://ehr.example/")));
	if (++s->calls > 40)
		return error_set(err, ERR_NETWORK, "enough");
	struct http_header *header = ARENA_NEW(a, struct http_header);
	if (!header)
		return error_memory(err);
	*header = (struct http_header){s->header, s->value};
	*ret_answer = (struct http_answer){.status = s->status,
					   .content_type = s->type,
					   .body = s->body,
					   .headers = header,
					   .header_count = s->header.n > 0};
	return true;
}

static int64_t no_time(void)
{
	return 1764000000000;
}

static void no_sleep(unsigned ms)
{
	(void)ms;
}

static void check_failure(const struct ehr_failure *f)
{
	assert(f->error.code != ERR_NONE && f->error.text[0] && !strchr(f->error.text, '\n'));
}

static void ask(struct arena *a, struct stage *s, enum ehr_vendor vendor, struct str type, struct str query)
{
	const struct ehr_transport transport = {answer, s};
	const struct ehr_config config = {.name = S("fuzz"), .vendor = vendor, .base_url = S(BASE)};
	const struct ehr_client_options options = {.definitions = definitions_builtin(),
						   .max_attempts = 2,
						   .now_ms = no_time,
						   .sleep_ms = no_sleep,
						   .transport = &transport};
	struct error err = {0};
	struct ehr_failure f = {0};
	struct ehr_resource r;
	struct ehr_matches m;
	struct ehr_site site;
	struct ehr_client *c = ehr_open(&config, &options, &err);
	assert(c);
	if (!ehr_read(c, a, type, S("x"), &r, &f))
		check_failure(&f);
	f = (struct ehr_failure){0};
	if (!ehr_search(c, a, type, query, &m, &f))
		check_failure(&f);
	else
		for (size_t i = 0; i < m.count; i++)
			assert(m.items[i].id.n && str_eq(m.items[i].type, type) && m.items[i].body.n);
	f = (struct ehr_failure){0};
	if (!ehr_site_look(c, a, &site, &f))
		check_failure(&f);
	ehr_close(c);
}

static void plan(struct arena *a, enum ehr_vendor vendor, const struct fhir_type *type, struct str query)
{
	const struct ehr_plan_options options = {.vendor = vendor, .type = type, .query = query};
	struct ehr_plan p;
	struct error err = {0};
	if (!ehr_plan_make(&options, a, &p, &err))
		assert(err.code != ERR_NONE);
	else
		assert((p.count > 0) != (p.refused.p != NULL));
}

static void read_directory(struct arena *a, struct str body)
{
	struct ehr_places places = {0};
	struct ehr_place *found;
	size_t count;
	struct error err = {0};
	const struct json *j = json_parse(a, body, 0, &err);
	if (!j || !ehr_directory_read(a, j, &places, &err))
		return;
	for (size_t i = 0; i < places.count; i++)
		assert(places.items[i].name.n && str_starts(places.items[i].base_url, S("http")));
	if (ehr_directory_find(a, &places, S("st mary hosp"), 5, &found, &count, &err))
		assert(count <= places.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data, size), head = str_split(&rest, '\n'),
		   question = str_split(&rest, '\n'), code = str_split(&head, '|');
	struct stage s = {.type = str_split(&head, '|'), .body = rest.p ? rest : S("")};
	uint64_t status;
	s.header = str_trim(str_split(&head, ':'));
	s.value = head;
	s.status = str_to_u64(code, &status) && status >= 100 && status < 600 ? (int)status : 200;
	struct str name = str_split(&question, '?');
	const struct fhir_type *type = definitions_resource(definitions_builtin(), name);
	struct arena a;
	arena_init(&a, (size_t)256 << 20);
	for (int v = EHR_GENERIC; v <= EHR_CERNER && type; v++) {
		s.calls = 0;
		ask(&a, &s, (enum ehr_vendor)v, type->name, question.p ? question : S(""));
		plan(&a, (enum ehr_vendor)v, type, question.p ? question : S(""));
	}
	read_directory(&a, s.body);
	arena_done(&a);
	return 0;
}
