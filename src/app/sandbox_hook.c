/* firth sandbox hook URL: asks a running sandbox to call a CDS service, and prints cards and mistakes. */
#include "app/sandbox_hook.h"

#include <stdio.h>

#include "base/file.h"
#include "http/client.h"
#include "json/json.h"

static bool put_order(struct app *app, struct json_writer *w, struct str order, struct error *err)
{
	struct str text;
	if (!str_ends(order, S(".json"))) {
		json_put_str(w, order);
		return true;
	}
	if (!file_read(&app->arena, order, (size_t)1 << 20, &text, err))
		return false;
	if (!json_parse(&app->arena, text, 0, err))
		return error_context(err, "%.*s", STR_ARG(order));
	json_put_raw(w, text);
	return true;
}

static bool put_wish(struct app *app, const struct sandbox_hook *h, struct buf *out, struct error *err)
{
	const struct {
		const char *name;
		struct str value;
	} members[] = {{"hook", h->hook.n ? h->hook : S("patient-view")},
		       {"service", h->service},
		       {"patient", h->patient},
		       {"encounter", h->encounter},
		       {"user", h->user},
		       {"client_id", h->client_id}};
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		if (members[i].value.n)
			json_put_member(&w, str_from(members[i].name), members[i].value);
	if (h->prefetch->count) {
		json_key(&w, S("prefetch"));
		json_object_begin(&w);
		for (size_t i = 0; i < h->prefetch->count; i++) {
			struct str query = h->prefetch->items[i], key = str_split(&query, '=');
			if (!key.n || !query.n)
				return error_set(err, ERR_USAGE, "--prefetch takes KEY=QUERY");
			json_put_member(&w, key, query);
		}
		json_object_end(&w);
	}
	if (h->orders->count) {
		json_key(&w, S("orders"));
		json_array_begin(&w);
		for (size_t i = 0; i < h->orders->count; i++)
			if (!put_order(app, &w, h->orders->items[i], err))
				return false;
		json_array_end(&w);
	}
	json_object_end(&w);
	return buf_ok(out) || error_memory(err);
}

static void print_cards(const struct json *cards)
{
	struct json_iter it = json_iter(cards);
	while (json_next(&it)) {
		struct str indicator = json_get_str(it.value, S("indicator")),
			   summary = json_get_str(it.value, S("summary")),
			   source = json_get_str(json_get(it.value, S("source")), S("label"));
		printf("%-8.*s  %.*s%s%.*s%s\n", STR_ARG(indicator), STR_ARG(summary), source.n ? "  (" : "",
		       STR_ARG(source), source.n ? ")" : "");
		struct json_iter each = json_iter(json_get(it.value, S("suggestions")));
		while (json_next(&each))
			printf("          suggests %.*s\n", STR_ARG(json_get_str(each.value, S("label"))));
	}
}

/* How many are errors. */
static size_t print_findings(const struct json *findings)
{
	struct json_iter it = json_iter(findings);
	size_t errors = 0;
	while (json_next(&it)) {
		bool error = str_is(json_get_str(it.value, S("severity")), "error");
		errors += error;
		printf("%s  %.*s %.*s (%.*s)\n", error ? "wrong" : "mind ", STR_ARG(json_get_str(it.value, S("where"))),
		       STR_ARG(json_get_str(it.value, S("what"))), STR_ARG(json_get_str(it.value, S("by"))));
	}
	return errors;
}

static int print_run(struct app *app, const struct http_answer *answer, struct error *err)
{
	const struct json *j = json_parse(&app->arena, answer->body, 0, err), *findings = json_get(j, S("findings"));
	if (answer->status != 200) {
		struct str text = json_get_str(j, S("error"));
		error_clear(err);
		error_set(err, ERR_REMOTE_REFUSED, "The sandbox refuses: %.*s (HTTP %d)",
			  STR_ARG(text.p ? text : S("no reason given")), answer->status);
		return app_fail(app, err);
	}
	const struct json *got = json_get(j, S("answer"));
	if (app->json) {
		printf("%.*s\n", STR_ARG(answer->body));
		size_t errors = 0;
		struct json_iter it = json_iter(findings);
		while (json_next(&it))
			errors += str_is(json_get_str(it.value, S("severity")), "error");
		return errors ? APP_FAILED : APP_OK;
	}
	printf("answer    %.*s after %.*s ms, %zu cards\n", STR_ARG(json_number(json_get(got, S("status")))),
	       STR_ARG(json_number(json_get(got, S("milliseconds")))),
	       json_size(json_get(json_get(got, S("body")), S("cards"))));
	print_cards(json_get(json_get(got, S("body")), S("cards")));
	return print_findings(findings) ? APP_FAILED : APP_OK;
}

int sandbox_hook_call(struct app *app, const struct sandbox_hook *h)
{
	struct error err = {0};
	struct buf body;
	struct http_answer answer;
	struct str base = h->url;
	if (!h->service.n || !h->patient.n)
		return app_misuse(app, "--service is the URL of the CDS service, --patient the id of a patient");
	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	struct http_client *client = http_client_new(&(struct http_client_options){.timeout_ms = 30000}, &err);
	buf_init(&body, (size_t)32 << 20);
	const struct http_header headers[] = {{S("Content-Type"), S("application/json")},
					      {S("Accept"), S("application/json")}};
	bool ok = client && put_wish(app, h, &body, &err) &&
		  http_call(client, &app->arena,
			    &(struct http_call){.method = S("POST"),
						.url = arena_printf(&app->arena, "%.*s/sandbox/hooks", STR_ARG(base)),
						.headers = headers,
						.header_count = 2,
						.body = buf_str(&body)},
			    &answer, &err);
	int status = ok ? print_run(app, &answer, &err) : app_fail(app, &err);
	buf_done(&body);
	http_client_free(client);
	return status;
}
