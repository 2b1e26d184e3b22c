/* firth cds services URL: what a CDS server offers, by its discovery, and what is wrong with that document. */
#include <stdio.h>

#include "app/cds.h"

enum { SHOWN = 400 };

static int by_width(struct str text, int least, int most)
{
	return (int)text.n < least ? least : (int)text.n > most ? most : (int)text.n;
}

/* Of the columns: as wide as what stands in them, within bounds. */
struct widths {
	int id, hook;
};

static struct widths measure(const struct json *services)
{
	struct widths w = {2, 4};
	struct json_iter it = json_iter(services);
	while (json_next(&it)) {
		w.id = by_width(json_get_str(it.value, S("id")), w.id, 40);
		w.hook = by_width(json_get_str(it.value, S("hook")), w.hook, 24);
	}
	return w;
}

static void add_padded(struct buf *out, struct str text, int width)
{
	size_t before = out->n;
	cds_add_text(out, text, SHOWN);
	for (size_t n = out->n - before; n < (size_t)width + 2; n++)
		buf_char(out, ' ');
}

static void add_service(const struct app *app, struct buf *out, const struct json *service, struct widths w)
{
	struct json_iter it = json_iter(json_get(service, S("prefetch")));
	struct str title = json_get_str(service, S("title")), description = json_get_str(service, S("description"));
	buf_add(out, str_from(app_style(app, STYLE_BOLD)));
	add_padded(out, json_get_str(service, S("id")), w.id);
	buf_add(out, str_from(app_style(app, STYLE_PLAIN)));
	add_padded(out, json_get_str(service, S("hook")), w.hook);
	cds_add_text(out, title.n ? title : description, SHOWN);
	buf_char(out, '\n');
	while (json_next(&it)) {
		buf_printf(out, "    %s", app_style(app, STYLE_DIM));
		cds_add_text(out, it.key, SHOWN);
		buf_add(out, S("="));
		cds_add_text(out, json_str(it.value), SHOWN);
		buf_printf(out, "%s\n", app_style(app, STYLE_PLAIN));
	}
}

static void print_services(const struct app *app, const struct json *services)
{
	struct buf out;
	struct widths w = measure(services);
	struct json_iter it = json_iter(services);
	buf_init(&out, 64 << 20);
	if (json_size(services)) {
		add_padded(&out, S("ID"), w.id);
		add_padded(&out, S("HOOK"), w.hook);
		buf_add(&out, S("TITLE, and the data it asks for\n"));
	} else {
		buf_add(&out, S("It offers no service.\n"));
	}
	while (json_next(&it))
		add_service(app, &out, it.value, w);
	printf("%.*s", STR_ARG(buf_str(&out)));
	buf_done(&out);
}

static void write_services(const struct cds_exchange *x)
{
	struct buf out;
	buf_init(&out, 64 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	cds_write_exchange(&w, x, false);
	judge_write_findings(&w, x->judged);
	json_object_end(&w);
	printf("%.*s\n", STR_ARG(buf_str(&out)));
	buf_done(&out);
}

int command_cds_services(struct app *app)
{
	struct cds_caller_options o = {0};
	struct cds_caller c;
	struct cds_exchange x;
	struct error err = {0};
	const struct option options[] = {CDS_OPTIONS(o)};
	const struct command_line line = {
		OPTIONS(options),
		.arguments = "URL",
		.min_args = 1,
		.max_args = 1,
		.details = "URL is that of the server, with or without /cds-services. Ends with 1 when there is no\n"
			   "discovery document, or something is wrong with it.\n\n"
			   "  firth cds services http://127.0.0.1:8080",
	};
	if (!app_options(app, &line))
		return app->status;
	bool ok = cds_connect(&c, app, &o, app->args[0], &err) &&
		  cds_exchange(&c, &app->arena, S("GET"),
			       arena_printf(&app->arena, "%.*s/cds-services", STR_ARG(c.at.base)), STR_NULL, &x, &err);
	cds_disconnect(&c);
	if (!ok)
		return app_fail(app, &err);
	judge_discovery(x.judged, &x.reply);
	if (app->json) {
		write_services(&x);
	} else {
		cds_print_reply(app, &x);
		if (x.reply.status == 200)
			print_services(app, json_get(x.reply.body, S("services")));
		cds_print_findings(app, x.judged);
	}
	return judge_errors(x.judged) || x.reply.status != 200 ? APP_FAILED : APP_OK;
}
