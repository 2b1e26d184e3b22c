/* What the program around the server refuses: strangers, callers of the operator's door, tokens of other servers. */
#include "refusals.h"

#include <stdlib.h>
#include <unistd.h>

#include "app/service.h"
#include "app/token.h"
#include "base/encode.h"

struct whole {
	char directory[64];
	struct config config;
	struct store *store;
	struct service *service;
};

static void open_whole(struct whole *w, const char *host, bool auth)
{
	struct error err = {0};
	*w = (struct whole){.directory = "/tmp/firth-refused-XXXXXX"};
	assert_non_null(mkdtemp(w->directory));
	config_defaults(&w->config);
	w->config.host = str_from(host);
	w->config.port = 0;
	w->config.data = str_from(w->directory);
	w->config.auth = auth;
	w->store = store_open(w->config.data, &(struct store_options){.definitions = definitions_builtin()}, &err);
	assert_non_null(w->store);
	w->service = service_open(&(struct service_options){.config = &w->config,
							    .definitions = definitions_builtin(),
							    .extractor = p->extractor,
							    .store = w->store},
				  &err);
	if (!w->service)
		fail_msg("%s", err.text);
}

static void close_whole(struct whole *w)
{
	service_close(w->service);
	store_close(w->store);
	place_remove(w->directory);
}

static struct place_answer ask(struct whole *w, const char *host, const char *method, const char *path,
			       struct http_header header)
{
	struct place_answer answer = {0};
	struct error err = {0};
	const struct http_call call = {
		.method = str_from(method),
		.url = arena_printf(&p->arena, "http://%s:%u%s", host, service_port(w->service), path),
		.headers = &header,
		.header_count = header.name.p ? 1 : 0,
		.body = strcmp(method, "POST") == 0 ? S("{\"do\":\"grant.list\"}") : STR_NULL};
	if (!http_call(p->client, &p->arena, &call, &answer.http, &err))
		fail_msg("%s %s: %s", method, path, err.text);
	answer.status = answer.http.status;
	answer.json = json_parse(&p->arena, answer.http.body, 0, NULL);
	return answer;
}

static void expect(enum refusal want, struct whole *w, const struct place_answer *answer)
{
	assert_int_equal(answer->status, 403);
	refusal_expect_kept(want, w->store, http_answer_header(&answer->http, "X-Request-Id"));
}

void refusals_of_strangers(void **state)
{
	struct whole w;
	(void)state;
	open_whole(&w, "127.0.0.1", false);
	struct place_answer answer =
		ask(&w, "127.0.0.1", "GET", "/fhir/Patient", (struct http_header){S("Host"), S("evil.example")});
	expect(REFUSAL_FOREIGN_HOST, &w, &answer);
	answer = ask(&w, "127.0.0.1", "GET", "/fhir/Patient",
		     (struct http_header){S("Origin"), S("https://evil.example")});
	expect(REFUSAL_FOREIGN_SITE, &w, &answer);
	close_whole(&w);
}

void refusals_of_the_operators_door(void **state)
{
	struct whole w;
	char outer[INET_ADDRSTRLEN];
	(void)state;
	bool reachable = network_address(outer);
	open_whole(&w, reachable ? "0.0.0.0" : "127.0.0.1", true);
	struct place_answer answer =
		ask(&w, "127.0.0.1", "POST", "/operator", (struct http_header){STR_NULL, STR_NULL});
	expect(REFUSAL_OPERATOR_SECRET, &w, &answer);
	answer = ask(&w, "127.0.0.1", "POST", "/operator", (struct http_header){S("Origin"), S("null")});
	expect(REFUSAL_OPERATOR_BROWSER, &w, &answer);
	if (reachable) {
		answer = ask(&w, outer, "POST", "/operator", (struct http_header){STR_NULL, STR_NULL});
		expect(REFUSAL_OPERATOR_AWAY, &w, &answer);
	} else {
		print_message("[  SKIPPED ] operator-not-here: this machine has no address but its loopback, and lets "
			      "us have no network of our own\n");
		refusal_skip(REFUSAL_OPERATOR_AWAY);
	}
	close_whole(&w);
}

/* ---- firth token explain -------------------------------------------------------------------------------------------
 */

void refusals_of_foreign_tokens(void **state)
{
	static struct token_report r;
	struct error err = {0};
	struct buf token;
	(void)state;
	buf_init(&token, 4096);
	encode_base64url(&token, S("{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}"));
	buf_char(&token, '.');
	encode_base64url(&token,
			 S("{\"iss\":\"https://x\",\"sub\":\"u\",\"aud\":\"https://other/fhir\",\"exp\":9999999999}"));
	buf_add(&token, S(".c2ln"));
	r = (struct token_report){.arena = &p->arena};
	const struct token_question q = {.audience = S("https://here/fhir"), .now_ms = place_now()};
	assert_true(token_explain_jwt(&r, &q, buf_str(&token), &err));
	buf_done(&token);
	bool found = false;
	for (size_t i = 0; i < r.check_count; i++)
		if (!r.checks[i].passed && r.checks[i].refusal) {
			refusal_expect_error(REFUSAL_TOKEN_AUDIENCE,
					     &(struct error){.code = ERR_TOKEN_INVALID, .reason = r.checks[i].refusal});
			found = true;
		}
	assert_true(found);
}
