/* `firth code expand`: the codes of a value set. */
#include "app/code_priv.h"

#include <stdio.h>

#include "base/clock.h"

struct listing {
	struct app *app;
	const struct expansion *e;
	struct buf *out;
	size_t *first, *next; /* children and siblings, place + 1 */
	struct str system; /* of the last line */
};

static void put_codes(struct listing *l, size_t place, unsigned depth)
{
	for (; place; place = l->next[place - 1]) {
		const struct expanded *c = &l->e->codes[place - 1];
		if (!str_eq(c->system, l->system) || !l->system.p) {
			l->system = c->system;
			buf_printf(l->out, "%s", app_style(l->app, STYLE_DIM));
			code_put_line(l->out, c->system);
			if (c->version.n)
				buf_printf(l->out, "|%.*s", STR_ARG(c->version));
			buf_printf(l->out, "%s\n", app_style(l->app, STYLE_PLAIN));
		}
		buf_printf(l->out, "  %*s%s", (int)(2 * depth), "",
			   app_style(l->app, c->abstract ? STYLE_DIM : STYLE_BOLD));
		code_put_line(l->out, c->code);
		buf_printf(l->out, "%s", app_style(l->app, STYLE_PLAIN));
		if (c->display.n) {
			buf_add(l->out, S("  "));
			code_put_line(l->out, c->display);
		}
		buf_printf(l->out, "%s%s\n", c->abstract ? "  (abstract)" : "", c->inactive ? "  (inactive)" : "");
		put_codes(l, l->first[place - 1], depth + 1);
	}
}

static bool print(struct app *app, const struct expansion *e, struct buf *out)
{
	struct listing l = {.app = app,
			    .e = e,
			    .out = out,
			    .first = ARENA_ARRAY(&app->arena, size_t, e->count + 1),
			    .next = ARENA_ARRAY(&app->arena, size_t, e->count + 1)};
	size_t root = 0;
	if (!l.first || !l.next)
		return false;
	for (size_t i = e->count; i > 0; i--) {
		size_t *list = e->codes[i - 1].parent ? &l.first[e->codes[i - 1].parent - 1] : &root;
		l.next[i - 1] = *list;
		*list = i;
	}
	put_codes(&l, root, 0);
	return true;
}

static int answer(struct app *app, const struct expansion *e, const struct expand_options *o,
		  struct expansion_style *style)
{
	struct buf out;
	char now[CLOCK_INSTANT_SIZE];
	clock_format_instant(clock_now_ms(), now);
	style->timestamp = str_make(now, sizeof(now));
	buf_init(&out, (size_t)1 << 30);
	if (app->json) {
		struct buf compact;
		buf_init(&compact, (size_t)1 << 30);
		expansion_write(&compact, e, o, style);
		const struct json *json = json_parse(&app->arena, buf_str(&compact), 0, NULL);
		json_pretty(&out, json);
		buf_char(&out, '\n');
		buf_done(&compact);
	} else if (!print(app, e, &out)) {
		out.failed = true;
	}
	int status = buf_ok(&out) && app_write(app, buf_str(&out)) ? APP_OK : APP_FAILED;
	if (!app->json)
		fprintf(stderr, "%zu of %zu codes%s\n", e->count, e->total,
			e->unclosed ? "; a system is at hand in part only, so there may be more" : "");
	buf_done(&out);
	return status;
}

int command_code_expand(struct app *app)
{
	struct code_world w = {0};
	struct expand_options o = {0};
	struct expansion_style style = {0};
	int64_t offset = 0, count = -1, limit = 0;
	struct str name = STR_NULL;
	struct error err = {0};
	bool counted = false, from = false;
	const struct option options[] = {
		{"filter", OPTION_TEXT, "WORDS", "only codes with these words in a display", &o.filter, NULL},
		{"offset", OPTION_NUMBER, "N", "leave out the first N codes", &offset, &from},
		{"count", OPTION_NUMBER, "N", "at most N codes", &count, &counted},
		{"active-only", OPTION_FLAG, NULL, "leave out inactive codes", &o.active_only, NULL},
		{"flat", OPTION_FLAG, NULL, "a list without levels and headings", &o.flat, NULL},
		{"designations", OPTION_FLAG, NULL, "with --format json: all designations", &style.designations, NULL},
		{"definition", OPTION_FLAG, NULL, "with --format json: the definition too", &style.definition, NULL},
		{"language", OPTION_TEXT, "TAG", "displays in this language, where there are any", &o.language, NULL},
		{"limit", OPTION_NUMBER, "N", "refuse larger ones (default 100000)", &limit, NULL},
		CODE_WORLD_OPTIONS(w)};
	const struct command_line line = {
		OPTIONS(options), .arguments = "URL|FILE", .min_args = 1, .max_args = 1,
		.details = "Status 1 when the value set is not at hand, or needs content that is not."};
	if (!app_options(app, &line))
		return app->status;
	o.paged = counted || from;
	o.offset = (size_t)offset;
	o.count = counted ? (size_t)count : SIZE_MAX;
	o.limit = (size_t)limit;
	const struct expansion *e = NULL;
	if (code_world_open(app, &w, &err) && code_value_set(app, &w, app->args[0], &name, &err))
		e = terminology_expand(w.terminology, &app->arena, name, NULL, &o, &err);
	int status = e ? answer(app, e, &o, &style) : app_fail(app, &err);
	code_world_close(&w);
	return status;
}
