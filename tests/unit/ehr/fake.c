/* The scripted EHR and its client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake.h"

struct fake *fake_current;

static int64_t fake_now(void)
{
	return fake_current->now_ms;
}

static void fake_sleep(unsigned ms)
{
	assert_true(fake_current->wait_count < 16);
	fake_current->waits[fake_current->wait_count++] = ms;
	fake_current->now_ms += ms;
}

static void remember(char *target, size_t size, struct str text)
{
	snprintf(target, size, "%.*s", STR_ARG(text));
}

static bool fake_call(void *ctx, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
		      struct error *err)
{
	struct fake *f = ctx;
	char got[4096];
	snprintf(got, sizeof got, "%.*s %.*s", STR_ARG(call->method), STR_ARG(call->url));
	if (f->at >= f->count)
		fail_msg("call after the end of the script: %s", got);
	const struct fake_step *step = &f->steps[f->at++];
	const char *space = strchr(step->call, ' ');
	char want[4096];
	snprintf(want, sizeof want, "%.*s%s%s", (int)(space + 1 - step->call), step->call,
		 space[1] == '/' ? FAKE_BASE : "", space + 1);
	assert_string_equal(got, want);
	f->authorization[0] = f->if_match[0] = f->accept[0] = f->request_id[0] = f->content_type[0] = 0;
	for (size_t i = 0; i < call->header_count; i++) {
		struct str name = call->headers[i].name, value = call->headers[i].value;
		if (str_is(name, "Authorization"))
			remember(f->authorization, sizeof f->authorization, value);
		else if (str_is(name, "If-Match"))
			remember(f->if_match, sizeof f->if_match, value);
		else if (str_is(name, "Accept"))
			remember(f->accept, sizeof f->accept, value);
		else if (str_is(name, "X-Request-Id"))
			remember(f->request_id, sizeof f->request_id, value);
		else if (str_is(name, "Content-Type"))
			remember(f->content_type, sizeof f->content_type, value);
	}
	remember(f->body, sizeof f->body, call->body);
	if (!step->status)
		return error_set(err, step->error, "ehr.example did not answer");
	*ret_answer = (struct http_answer){
		.status = step->status,
		.content_type = str_from(step->type),
		.body = str_from(step->body ? step->body : ""),
	};
	if (step->header) {
		ret_answer->headers = ARENA_NEW(a, struct http_header);
		ret_answer->headers[0] = (struct http_header){str_from(step->header), str_from(step->value)};
		ret_answer->header_count = 1;
	}
	return true;
}

void fake_start(struct fake *f, const struct fake_step *steps, size_t count)
{
	*f = (struct fake){.steps = steps, .count = count, .now_ms = 1764000000000};
	fake_current = f;
}

static void write_key(char path[])
{
	struct error err = {0};
	struct jose_key *key = jose_key_new(JOSE_ES384, &err);
	struct buf text;
	buf_init(&text, 1 << 16);
	assert_non_null(key);
	assert_true(jose_key_write_private(key, &text, &err));
	int fd = mkstemp(path); /* mode 0600 */
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	close(fd);
	buf_done(&text);
	jose_key_free(key);
}

static struct ehr_client *open_client(struct fake *f, const struct ehr_config *config)
{
	static struct ehr_transport transport;
	transport = (struct ehr_transport){fake_call, f};
	struct error err = {0};
	struct ehr_client *c = ehr_open(config,
					&(struct ehr_client_options){
						.audit = (struct store *)f,
						.now_ms = fake_now,
						.sleep_ms = fake_sleep,
						.transport = &transport,
					},
					&err);
	if (!c)
		fail_msg("%s", err.text);
	return c;
}

struct ehr_client *fake_client_secret(struct fake *f, enum ehr_vendor vendor, const char *secret)
{
	const struct ehr_config config = {.name = S("main"),
					  .vendor = vendor,
					  .base_url = S(FAKE_BASE "/"),
					  .client_id = S("client-1"),
					  .secret = str_from(secret)};
	return open_client(f, &config);
}

struct ehr_client *fake_client(struct fake *f, enum ehr_vendor vendor, bool with_key)
{
	char path[] = "/tmp/firth-test-key-XXXXXX";
	struct ehr_config config = {.name = S("main"), .vendor = vendor, .base_url = S(FAKE_BASE "/")};
	if (with_key) {
		write_key(path);
		config.client_id = S("client-1");
		config.key_file = str_from(path);
	}
	struct ehr_client *c = open_client(f, &config);
	if (with_key)
		unlink(path);
	return c;
}

void fake_end(struct fake *f, struct ehr_client *c)
{
	ehr_close(c);
	assert_int_equal(f->at, f->count);
}
