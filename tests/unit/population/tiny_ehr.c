/* The tiny EHR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "patch/patch.h"
#include "tiny_ehr.h"

static struct str member(struct arena *a, const char *body, const char *key)
{
	struct error err = {0};
	const struct json *j = json_parse(a, str_from(body), 0, &err);
	if (!j)
		fail_msg("%s: %s", err.text, body);
	return json_get_str(j, str_from(key));
}

struct tiny_item *tiny_find(struct tiny_ehr *t, const char *type, const char *id)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->items[i].type, type) == 0 && strcmp(t->items[i].id, id) == 0)
			return &t->items[i];
	return NULL;
}

size_t tiny_count(const struct tiny_ehr *t, const char *type)
{
	size_t n = 0;
	for (size_t i = 0; i < t->count; i++)
		n += strcmp(t->items[i].type, type) == 0;
	return n;
}

struct tiny_item *tiny_flag(struct tiny_ehr *t)
{
	struct tiny_item *found = NULL;
	assert_int_equal(tiny_count(t, "Flag"), 1);
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->items[i].type, "Flag") == 0)
			found = &t->items[i];
	return found;
}

/* Stores a body under an id, without what the server says itself. */
static void put(struct tiny_ehr *t, struct tiny_item *item, struct arena *a, struct str body)
{
	struct error err = {0};
	const struct json *j = json_parse(a, body, 0, &err);
	if (!j)
		fail_msg("%s", err.text);
	struct buf out;
	buf_init(&out, sizeof item->body - 1);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), str_from(item->type));
	json_put_member(&w, S("id"), str_from(item->id));
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		if (str_is(it.key, "resourceType") || str_is(it.key, "id") || str_is(it.key, "meta") ||
		    (str_is(it.key, "identifier") && t->drop_identifier))
			continue;
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	json_object_end(&w);
	assert_true(buf_ok(&out));
	memcpy(item->body, out.p, out.n);
	item->body[out.n] = 0;
	item->version++;
	buf_done(&out);
}

static struct tiny_item *new_item(struct tiny_ehr *t, struct str type, struct str id)
{
	assert_true(t->count < sizeof t->items / sizeof t->items[0]);
	struct tiny_item *item = &t->items[t->count++];
	*item = (struct tiny_item){0};
	snprintf(item->type, sizeof item->type, "%.*s", STR_ARG(type));
	snprintf(item->id, sizeof item->id, "%.*s", STR_ARG(id));
	return item;
}

void tiny_add(struct tiny_ehr *t, const char *body)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	struct str type = member(&a, body, "resourceType"), id = member(&a, body, "id");
	struct tiny_item *item = tiny_find(t, type.p, id.p);
	put(t, item ? item : new_item(t, type, id), &a, str_from(body));
	arena_done(&a);
}

static struct str shown(struct tiny_ehr *t, struct arena *a, const struct tiny_item *item)
{
	if (t->without_versions)
		return arena_str(a, str_from(item->body));
	return arena_printf(a, "{\"meta\":{\"versionId\":\"%u\",\"lastUpdated\":\"2026-01-01T00:00:%02uZ\"},%s",
			    item->version, item->version, item->body + 1);
}

static void header(struct arena *a, struct http_answer *answer, const char *name, struct str value)
{
	if (!answer->headers)
		answer->headers = ARENA_ARRAY(a, struct http_header, 4);
	answer->headers[answer->header_count++] = (struct http_header){str_from(name), value};
}

static bool is_about(struct arena *a, const struct tiny_item *item, struct str patient)
{
	struct str body = str_from(item->body);
	return str_find(body, arena_printf(a, "Patient/%.*s\"", STR_ARG(patient))) != STR_NONE ||
	       str_find(body, arena_printf(a, "Patient/%.*s/_history", STR_ARG(patient))) != STR_NONE;
}

static bool search(struct tiny_ehr *t, struct arena *a, struct str type, struct str query, struct http_answer *answer)
{
	struct buf out;
	t->searches++;
	if (t->broken_type && str_is(type, t->broken_type)) {
		answer->status = 500;
		answer->body = S("{}");
		return true;
	}
	assert_true(str_starts(query, S("patient=")));
	size_t amp = str_find_char(query, '&', 0);
	struct str patient = str_slice(query, 8, amp == STR_NONE ? query.n : amp);
	buf_init(&out, 1 << 20);
	buf_add(&out, S("{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":["));
	bool any = false;
	for (size_t i = 0; i < t->count; i++) {
		const struct tiny_item *item = &t->items[i];
		if (!str_is(type, item->type) || item->gone || !is_about(a, item, patient) ||
		    (t->hide_flags && str_is(type, "Flag")))
			continue;
		buf_printf(&out, "%s{\"resource\":%.*s}", any ? "," : "", STR_ARG(shown(t, a, item)));
		any = true;
	}
	buf_add(&out, S("]}"));
	answer->body = arena_str(a, buf_str(&out));
	buf_done(&out);
	return true;
}

static void created(struct tiny_ehr *t, struct arena *a, struct str type, struct str body, struct http_answer *answer)
{
	struct str id = arena_printf(a, "new%zu", t->count);
	struct tiny_item *item = new_item(t, type, id);
	put(t, item, a, body);
	t->creates++;
	answer->status = 201;
	answer->content_type = S("text/html");
	header(a, answer, "Location", arena_printf(a, TINY_BASE "/%.*s/%.*s", STR_ARG(type), STR_ARG(id)));
	if (!t->without_versions)
		header(a, answer, "ETag", arena_printf(a, "W/\"%u\"", item->version));
}

static void intrude(struct tiny_ehr *t, struct arena *a, struct tiny_item *item, struct str ours)
{
	struct str body = str_from(item->body);
	if (t->intruder_agrees)
		body = ours;
	else if (!strstr(item->body, "Someone"))
		body = arena_printf(a, "{\"author\":{\"display\":\"Someone\"},%s", item->body + 1);
	put(t, item, a, body);
	t->intrusions--;
}

static void updated(struct tiny_ehr *t, struct arena *a, struct tiny_item *item, const struct http_call *call,
		    struct http_answer *answer)
{
	struct str if_match = STR_NULL;
	for (size_t i = 0; i < call->header_count; i++)
		if (str_is(call->headers[i].name, "If-Match"))
			if_match = call->headers[i].value;
	if (t->intrusions)
		intrude(t, a, item, call->body);
	struct str current = arena_printf(a, "W/\"%u\"", item->version);
	if (if_match.p && !t->without_versions && !str_eq(if_match, current)) {
		answer->status = t->conflict_status ? t->conflict_status : 412;
		return;
	}
	t->unguarded += !if_match.p;
	put(t, item, a, call->body);
	t->updates++;
	answer->content_type = STR_NULL;
	if (!t->without_versions)
		header(a, answer, "ETag", arena_printf(a, "W/\"%u\"", item->version));
}

static void patched(struct tiny_ehr *t, struct arena *a, struct tiny_item *item, const struct http_call *call,
		    struct http_answer *answer)
{
	struct error err = {0};
	struct buf out;
	const struct json *patch = json_parse(a, call->body, 0, &err);
	const struct json *result = patch_json(a, json_parse(a, str_from(item->body), 0, &err), patch, &err);
	if (!result)
		fail_msg("%s", err.text);
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	json_put_value(&w, result);
	struct http_call put = *call;
	put.body = arena_str(a, buf_str(&out));
	buf_done(&out);
	updated(t, a, item, &put, answer);
}

static bool about_flag(struct tiny_ehr *t, struct arena *a, const struct http_call *call, struct str type,
		       struct http_answer *answer, struct error *err, bool *ret_done)
{
	bool write = !str_is(call->method, "GET");
	*ret_done = true;
	if (t->refuse_status && (write || !t->refuse_writes_only)) {
		*answer = (struct http_answer){.status = t->refuse_status,
					       .content_type = str_from(t->refuse_type),
					       .body = str_from(t->refuse_body ? t->refuse_body : "")};
		return true;
	}
	if (str_is(call->method, "POST") && (t->lose_create || t->drop_create)) {
		if (t->lose_create)
			created(t, a, type, call->body, answer);
		t->lose_create = t->drop_create = false;
		return error_set(err, ERR_TIMEOUT, "tiny.example did not answer");
	}
	*ret_done = false;
	return true;
}

static bool answer_call(void *ctx, struct arena *a, const struct http_call *call, struct http_answer *ret_answer,
			struct error *err)
{
	struct tiny_ehr *t = ctx;
	assert_true(str_starts(call->url, S(TINY_BASE "/")));
	struct str path = str_slice(call->url, sizeof TINY_BASE, call->url.n), query = path;
	path = str_split(&query, '?');
	struct str id = path, type = str_split(&id, '/');
	struct http_answer answer = {.status = 200, .content_type = S("application/fhir+json")};
	bool done = false;
	if (str_is(type, "Flag") && !about_flag(t, a, call, type, &answer, err, &done))
		return false;
	if (str_is(type, "metadata")) {
		answer = t->statement ? (struct http_answer){.status = 200,
							     .content_type = S("application/fhir+json"),
							     .body = str_from(t->statement)}
				      : (struct http_answer){.status = 404};
	} else if (t->moved_from && str_is(type, "Patient") && str_is(id, t->moved_from)) {
		answer = (struct http_answer){.status = 301};
		header(a, &answer, "Location", arena_printf(a, TINY_BASE "/Patient/%s", t->moved_to));
	} else if (!done && !id.p && str_is(call->method, "POST")) {
		created(t, a, type, call->body, &answer);
	} else if (!done && !id.p) {
		search(t, a, type, query, &answer);
	} else if (!done) {
		struct tiny_item *item = tiny_find(t, arena_str(a, type).p, arena_str(a, id).p);
		if (!item || item->gone)
			answer = (struct http_answer){
				.status = 404, .content_type = S("application/json"), .body = S("{}")};
		else if (str_is(call->method, "PATCH"))
			patched(t, a, item, call, &answer);
		else if (str_is(call->method, "PUT"))
			updated(t, a, item, call, &answer);
		else {
			answer.body = shown(t, a, item);
			if (!t->without_versions)
				header(a, &answer, "ETag", arena_printf(a, "W/\"%u\"", item->version));
		}
	}
	*ret_answer = answer;
	return true;
}

void tiny_start(struct tiny_ehr *t)
{
	*t = (struct tiny_ehr){0};
	t->transport = (struct ehr_transport){answer_call, t};
}
