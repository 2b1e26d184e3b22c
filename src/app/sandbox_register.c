/* firth sandbox register URL: registers an app at a running sandbox, as a developer site would. */
#include <stdio.h>

#include "app/app.h"
#include "app/sandbox_register.h"
#include "base/file.h"
#include "http/client.h"
#include "json/json.h"

static bool write_metadata(struct app *app, const struct sandbox_registration *r, struct buf *out, struct error *err)
{
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("client_name"), r->name);
	if (r->scope.n)
		json_put_member(&w, S("scope"), r->scope);
	if (r->launch_url.n)
		json_put_member(&w, S("launch_url"), r->launch_url);
	if (r->secret)
		json_put_member(&w, S("token_endpoint_auth_method"), S("client_secret_basic"));
	if (r->secret && !r->redirect_uris->count) {
		json_key(&w, S("grant_types"));
		json_put_raw(&w, S("[\"client_credentials\"]"));
	}
	if (r->redirect_uris->count) {
		json_key(&w, S("redirect_uris"));
		json_array_begin(&w);
		for (size_t i = 0; i < r->redirect_uris->count; i++)
			json_put_str(&w, r->redirect_uris->items[i]);
		json_array_end(&w);
	}
	if (str_starts(r->jwks, S("http://")) || str_starts(r->jwks, S("https://"))) {
		json_put_member(&w, S("jwks_uri"), r->jwks);
	} else if (r->jwks.n) {
		struct str text;
		if (!file_read(&app->arena, r->jwks, (size_t)1 << 20, &text, err))
			return false;
		if (!json_parse(&app->arena, text, 0, err))
			return error_context(err, "%.*s", STR_ARG(r->jwks));
		json_key(&w, S("jwks"));
		json_put_raw(&w, text);
	}
	json_object_end(&w);
	return buf_ok(out) ? true : error_memory(err);
}

static int print_answer(struct app *app, const struct http_answer *answer, struct error *err)
{
	const struct json *j = json_parse(&app->arena, answer->body, 0, err), *it = json_get(j, S("app"));
	if (answer->status != 201) {
		struct str text = json_get_str(j, S("error"));
		error_set(err, ERR_REMOTE_REFUSED, "The sandbox refuses: %.*s (HTTP %d)",
			  STR_ARG(text.p ? text : S("no reason given")), answer->status);
		return app_fail(app, err);
	}
	if (app->json) {
		printf("%.*s\n", STR_ARG(answer->body));
		return APP_OK;
	}
	printf("client id, non-production  %.*s\nclient id, production      %.*s\nactive from                %.*s\n",
	       STR_ARG(json_get_str(it, S("client_id"))), STR_ARG(json_get_str(it, S("production_client_id"))),
	       STR_ARG(json_get_str(it, S("active_from"))));
	if (json_get_str(j, S("client_secret")).n)
		printf("client secret              %.*s\n", STR_ARG(json_get_str(j, S("client_secret"))));
	return APP_OK;
}

int sandbox_register(struct app *app, const struct sandbox_registration *r)
{
	struct error err = {0};
	struct buf body;
	struct http_answer answer;
	struct str base = r->url;
	if (!r->name.n)
		return app_misuse(app, "--name is what the app is called");
	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	struct http_client *client = http_client_new(&(struct http_client_options){.timeout_ms = 20000}, &err);
	buf_init(&body, (size_t)4 << 20);
	const struct http_header headers[] = {{S("Content-Type"), S("application/json")}};
	bool ok = client && write_metadata(app, r, &body, &err) &&
		  http_call(client, &app->arena,
			    &(struct http_call){.method = S("POST"),
						.url = arena_printf(&app->arena, "%.*s/sandbox/apps", STR_ARG(base)),
						.headers = headers,
						.header_count = 1,
						.body = buf_str(&body)},
			    &answer, &err);
	int status = ok ? print_answer(app, &answer, &err) : app_fail(app, &err);
	buf_done(&body);
	if (client)
		http_client_free(client);
	return status;
}
