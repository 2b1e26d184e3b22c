/*
 * What single requests cannot show: clients that break off, many at once, and pages while others write.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/client.h"
#include "world.h"

enum { THREADS = 8, EACH = 25 };

struct caller {
	struct world *world;
	struct http_client *client;
	struct arena arena;
};

static void caller_init(struct caller *c, struct world *w)
{
	struct error err = {0};
	c->world = w;
	c->client = http_client_new(&(struct http_client_options){0}, &err);
	arena_init(&c->arena, (size_t)256 << 20);
	assert_non_null(c->client);
}

static void caller_done(struct caller *c)
{
	http_client_free(c->client);
	arena_done(&c->arena);
}

/* Status, or -1 when no answer came. Used from threads, where cmocka must not assert. */
static int call(struct caller *c, const char *method, struct str url, struct str if_match, struct str body,
		struct http_answer *ret)
{
	struct error err = {0};
	struct http_header headers[2] = {{S("Content-Type"), S("application/fhir+json")}, {S("If-Match"), if_match}};
	struct http_call request = {.method = str_from(method),
				    .url = url,
				    .headers = headers,
				    .header_count = if_match.p ? 2 : 1,
				    .body = body};
	return http_call(c->client, &c->arena, &request, ret, &err) ? ret->status : -1;
}

static struct str url_of(struct caller *c, const char *below)
{
	return arena_printf(&c->arena, "%s%s", c->world->base_url, below);
}

static int put_basic(struct caller *c, const char *id, const char *code)
{
	struct http_answer answer;
	struct str url = arena_printf(&c->arena, "%s/Basic/%s", c->world->base_url, id);
	struct str body = arena_printf(
		&c->arena, "{\"resourceType\":\"Basic\",\"id\":\"%s\",\"code\":{\"coding\":[{\"code\":\"%s\"}]}}", id,
		code);
	return call(c, "PUT", url, STR_NULL, body, &answer);
}

static void send_raw(const struct world *w, const char *text)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(http_server_port(w->http)),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	close(fd);
}

static void test_truncated_uploads(void **state)
{
	struct caller c;
	struct http_answer answer;
	caller_init(&c, *state);
	for (int i = 0; i < 20; i++)
		send_raw(c.world,
			 "PUT /fhir/Basic/cut HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\n"
			 "Content-Length: 5000\r\n\r\n{\"resourceType\":\"Basic\",\"id\":\"cut\",\"code\":{}}");
	assert_int_equal(call(&c, "GET", url_of(&c, "/Basic/cut"), STR_NULL, STR_NULL, &answer), 404);
	assert_int_equal(put_basic(&c, "cut", "whole"), 201);
	caller_done(&c);
}

/* ---- many at once
 * ---------------------------------------------------------------------------------------------------- */

struct writer {
	pthread_t thread;
	struct world *world;
	int number, created, read_back, won, lost, other;
};

static void *create_and_read(void *ctx)
{
	struct writer *w = ctx;
	struct caller c;
	caller_init(&c, w->world);
	for (int i = 0; i < EACH; i++) {
		struct http_answer answer;
		struct str body = arena_printf(&c.arena, "{\"resourceType\":\"Patient\",\"active\":true}");
		if (call(&c, "POST", url_of(&c, "/Patient"), STR_NULL, body, &answer) != 201)
			continue;
		w->created++;
		struct str location = http_answer_header(&answer, "Location");
		if (call(&c, "GET", location, STR_NULL, STR_NULL, &answer) == 200)
			w->read_back++;
	}
	caller_done(&c);
	return NULL;
}

static void run_writers(struct world *world, struct writer *writers, void *(*work)(void *))
{
	for (int i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){.world = world, .number = i};
		assert_int_equal(pthread_create(&writers[i].thread, NULL, work, &writers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(writers[i].thread, NULL);
}

static void test_concurrent_creates(void **state)
{
	struct writer writers[THREADS];
	int64_t before = 0, after = 0;
	struct world *world = *state;
	struct error err = {0};
	assert_true(store_audit_verify(world->store, &before, &err));
	run_writers(world, writers, create_and_read);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(writers[i].created, EACH);
		assert_int_equal(writers[i].read_back, EACH);
	}
	/* Creates are recorded with their commit, reads at the latest with the next. */
	struct caller c;
	caller_init(&c, world);
	assert_int_equal(put_basic(&c, "last", "x"), 201);
	assert_true(store_audit_verify(world->store, &after, &err));
	assert_int_equal(after - before, 2 * THREADS * EACH + 1);
	caller_done(&c);
}

static void *update_first_version(void *ctx)
{
	struct writer *w = ctx;
	struct caller c;
	struct http_answer answer;
	caller_init(&c, w->world);
	struct str body = arena_printf(
		&c.arena, "{\"resourceType\":\"Basic\",\"id\":\"race\",\"code\":{\"text\":\"%d\"}}", w->number);
	int status = call(&c, "PUT", url_of(&c, "/Basic/race"), S("W/\"1\""), body, &answer);
	w->won = status == 200;
	w->lost = status == 412;
	w->other = status;
	caller_done(&c);
	return NULL;
}

static void test_one_update_wins(void **state)
{
	struct writer writers[THREADS];
	struct caller c;
	int won = 0, lost = 0;
	caller_init(&c, *state);
	assert_int_equal(put_basic(&c, "race", "start"), 201);
	run_writers(*state, writers, update_first_version);
	for (int i = 0; i < THREADS; i++) {
		won += writers[i].won;
		lost += writers[i].lost;
	}
	assert_int_equal(won, 1);
	assert_int_equal(lost, THREADS - 1);
	caller_done(&c);
}

/* ---- conditions under contention
 * -------------------------------------------------------------------------------------------------------- */

static int call_with(struct caller *c, const char *method, struct str url, struct http_header extra,
		     const char *content_type, struct str body)
{
	struct error err = {0};
	struct http_answer answer;
	struct http_header headers[2] = {{S("Content-Type"), str_from(content_type)}, extra};
	struct http_call request = {
		.method = str_from(method), .url = url, .headers = headers, .header_count = 2, .body = body};
	return http_call(c->client, &c->arena, &request, &answer, &err) ? answer.status : -1;
}

static void *create_if_none(void *ctx)
{
	struct writer *w = ctx;
	struct caller c;
	caller_init(&c, w->world);
	for (int i = 0; i < EACH; i++) {
		struct str condition = arena_printf(&c.arena, "identifier=urn:race|%d", i);
		struct str body = arena_printf(&c.arena,
					       "{\"resourceType\":\"Organization\",\"identifier\":[{\"system\":"
					       "\"urn:race\",\"value\":\"%d\"}]}",
					       i);
		int status =
			call_with(&c, "POST", url_of(&c, "/Organization"),
				  (struct http_header){S("If-None-Exist"), condition}, "application/fhir+json", body);
		w->won += status == 201;
		w->lost += status == 200;
	}
	caller_done(&c);
	return NULL;
}

/* However many ask at once, one creates and the others are told what it created. */
static void test_one_conditional_create_wins(void **state)
{
	struct writer writers[THREADS];
	int won = 0, lost = 0;
	run_writers(*state, writers, create_if_none);
	for (int i = 0; i < THREADS; i++) {
		won += writers[i].won;
		lost += writers[i].lost;
	}
	assert_int_equal(won, EACH);
	assert_int_equal(lost, (THREADS - 1) * EACH);
}

/* The same by entries of batches, which are tried again beside each other. */
static void *create_if_none_in_batches(void *ctx)
{
	struct writer *w = ctx;
	struct caller c;
	struct http_answer answer;
	struct buf body;
	caller_init(&c, w->world);
	buf_init(&body, 1 << 20);
	buf_add(&body, S("{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":["));
	for (int i = 0; i < EACH; i++)
		buf_printf(&body,
			   "%s{\"resource\":{\"resourceType\":\"Location\",\"identifier\":[{\"system\":\"urn:b\","
			   "\"value\":"
			   "\"%d\"}]},\"request\":{\"method\":\"POST\",\"url\":\"Location\",\"ifNoneExist\":"
			   "\"identifier=urn:b|%d\"}}",
			   i ? "," : "", i, i);
	buf_add(&body, S("]}"));
	if (call(&c, "POST", url_of(&c, ""), STR_NULL, buf_str(&body), &answer) == 200) {
		const struct json *entries =
			json_get(json_parse(&c.arena, answer.body, 0, &(struct error){0}), S("entry"));
		struct json_iter it = json_iter(entries);
		while (json_next(&it)) {
			struct str status = json_get_str(json_get(it.value, S("response")), S("status"));
			w->won += str_starts(status, S("201"));
			w->lost += str_starts(status, S("200"));
		}
	}
	buf_done(&body);
	caller_done(&c);
	return NULL;
}

static void test_one_conditional_entry_wins(void **state)
{
	struct writer writers[THREADS];
	int won = 0, lost = 0;
	run_writers(*state, writers, create_if_none_in_batches);
	for (int i = 0; i < THREADS; i++) {
		won += writers[i].won;
		lost += writers[i].lost;
	}
	assert_int_equal(won, EACH);
	assert_int_equal(lost, (THREADS - 1) * EACH);
}

static void *add_identifiers(void *ctx)
{
	struct writer *w = ctx;
	struct caller c;
	caller_init(&c, w->world);
	for (int i = 0; i < EACH; i++) {
		struct str patch = arena_printf(
			&c.arena, "[{\"op\":\"add\",\"path\":\"/identifier/-\",\"value\":{\"value\":\"%d-%d\"}}]",
			w->number, i);
		int status;
		do
			status = call_with(&c, "PATCH", url_of(&c, "/Basic/patched"),
					   (struct http_header){S("Accept"), S("application/fhir+json")},
					   "application/json-patch+json", patch);
		while (status == 409 || status == 412);
		w->won += status == 200;
	}
	caller_done(&c);
	return NULL;
}

/* A patch without If-Match is applied to whatever is current when it commits, so none is lost. */
static void test_no_patch_is_lost(void **state)
{
	struct writer writers[THREADS];
	struct caller c;
	struct http_answer answer;
	struct error err = {0};
	caller_init(&c, *state);
	struct str body = S("{\"resourceType\":\"Basic\",\"id\":\"patched\",\"identifier\":[{\"value\":\"first\"}],"
			    "\"code\":{\"text\":\"x\"}}");
	assert_int_equal(call(&c, "PUT", url_of(&c, "/Basic/patched"), STR_NULL, body, &answer), 201);
	run_writers(*state, writers, add_identifiers);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(writers[i].won, EACH);
	assert_int_equal(call(&c, "GET", url_of(&c, "/Basic/patched"), STR_NULL, STR_NULL, &answer), 200);
	const struct json *basic = json_parse(&c.arena, answer.body, 0, &err);
	assert_int_equal(json_size(json_get(basic, S("identifier"))), THREADS * EACH + 1);
	caller_done(&c);
}

/* ---- limits and switches
 * -------------------------------------------------------------------------------------------------------- */

enum { DELETES = 100 };

static int delete_many(struct caller *c, struct http_answer *answer)
{
	return call(c, "DELETE", url_of(c, "/Basic?code=many"), STR_NULL, STR_NULL, answer);
}

/* One more than may be deleted at once: nothing is, and the answer names the number. */
static void test_deletes_are_capped(void **state)
{
	struct caller c;
	struct http_answer answer;
	char id[32];
	caller_init(&c, *state);
	for (int i = 0; i <= DELETES; i++) {
		snprintf(id, sizeof(id), "many-%d", i);
		assert_int_equal(put_basic(&c, id, "many"), 201);
	}
	assert_int_equal(delete_many(&c, &answer), 412);
	assert_true(str_find(answer.body, S("more than 100")) != STR_NONE);
	assert_int_equal(call(&c, "GET", url_of(&c, "/Basic/many-0"), STR_NULL, STR_NULL, &answer), 200);
	assert_int_equal(call(&c, "DELETE", url_of(&c, "/Basic/many-0"), STR_NULL, STR_NULL, &answer), 204);
	assert_int_equal(delete_many(&c, &answer), 204);
	assert_int_equal(call(&c, "GET", url_of(&c, "/Basic/many-100"), STR_NULL, STR_NULL, &answer), 410);
	caller_done(&c);
}

/* A server may keep the choice of ids to itself. */
static void test_no_update_create(void **state)
{
	struct world world;
	struct caller c;
	struct http_answer answer;
	struct error err = {0};
	struct str body = S("{\"resourceType\":\"Patient\",\"id\":\"mine\"}");
	(void)state;
	assert_true(world_open(&world, &(struct world_options){.no_update_create = true}, &err));
	caller_init(&c, &world);
	assert_int_equal(call(&c, "PUT", url_of(&c, "/Patient/mine"), STR_NULL, body, &answer), 405);
	assert_int_equal(call(&c, "PUT", url_of(&c, "/Patient?_id=mine"), STR_NULL, body, &answer), 422);
	body = S("{\"resourceType\":\"Patient\"}");
	assert_int_equal(call(&c, "PUT", url_of(&c, "/Patient?_id=mine"), STR_NULL, body, &answer), 201);
	assert_int_equal(call(&c, "GET", url_of(&c, "/metadata"), STR_NULL, STR_NULL, &answer), 200);
	assert_true(str_find(answer.body, S("\"updateCreate\":false")) != STR_NONE);
	caller_done(&c);
	world_close(&world);
}

/* ---- pages while others write
 * ------------------------------------------------------------------------------------------ */

static struct str next_link(const struct json *bundle)
{
	struct json_iter it = json_iter(json_get(bundle, S("link")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("relation")), "next"))
			return json_get_str(it.value, S("url"));
	return STR_NULL;
}

enum { PAGED = 40, PAGE = 7 };

static void count_page(const struct json *bundle, int *seen)
{
	struct json_iter it = json_iter(json_get(bundle, S("entry")));
	while (json_next(&it)) {
		struct str id = json_get_str(json_get(it.value, S("resource")), S("id"));
		uint64_t number = 0;
		assert_true(str_starts(id, S("page-")));
		assert_true(str_to_u64(str_slice(id, 5, id.n), &number));
		assert_true(number < PAGED);
		seen[number]++;
	}
}

static void test_pages_walk_one_snapshot(void **state)
{
	struct caller c;
	int seen[PAGED] = {0}, pages = 0;
	char id[32];
	caller_init(&c, *state);
	for (int i = 0; i < PAGED; i++) {
		snprintf(id, sizeof(id), "page-%d", i);
		assert_int_equal(put_basic(&c, id, "paged"), 201);
	}
	struct str url = arena_printf(&c.arena, "%s/Basic?code=paged&_count=%d", c.world->base_url, PAGE);
	while (url.p) {
		struct http_answer answer;
		struct error err = {0};
		assert_int_equal(call(&c, "GET", url, STR_NULL, STR_NULL, &answer), 200);
		const struct json *bundle = json_parse(&c.arena, answer.body, 0, &err);
		assert_non_null(bundle);
		count_page(bundle, seen);
		url = next_link(bundle);
		/* Between pages one more appears, one is changed so that it matches no more, and one is deleted. */
		snprintf(id, sizeof(id), "new-%d", pages);
		assert_int_equal(put_basic(&c, id, "paged"), 201);
		snprintf(id, sizeof(id), "page-%d", 5 * pages);
		assert_int_equal(put_basic(&c, id, "other"), 200);
		struct str doomed = arena_printf(&c.arena, "%s/Basic/page-%d", c.world->base_url, 5 * pages + 1);
		assert_int_equal(call(&c, "DELETE", doomed, STR_NULL, STR_NULL, &answer), 204);
		pages++;
	}
	assert_int_equal(pages, (PAGED + PAGE - 1) / PAGE);
	for (int i = 0; i < PAGED; i++)
		assert_int_equal(seen[i], 1);
	caller_done(&c);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct error err = {0};
	*state = w;
	if (world_open(w, &(struct world_options){0}, &err))
		return 0;
	print_error("%s\n", err.text);
	return -1;
}

static int tear_down(void **state)
{
	world_close(*state);
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated_uploads),
		cmocka_unit_test(test_concurrent_creates),
		cmocka_unit_test(test_one_update_wins),
		cmocka_unit_test(test_one_conditional_create_wins),
		cmocka_unit_test(test_one_conditional_entry_wins),
		cmocka_unit_test(test_no_patch_is_lost),
		cmocka_unit_test(test_deletes_are_capped),
		cmocka_unit_test(test_no_update_create),
		cmocka_unit_test(test_pages_walk_one_snapshot),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
