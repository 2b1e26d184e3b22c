/* What a CDS service said, for a person at a terminal and as JSON. */
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/cds.h"
#include "hooks/card.h"
#include "hooks/markdown.h"

enum { INDENT = 10, WIDTH_MIN = 40, WIDTH_MAX = 110, LINE_MAX_CHARACTERS = 400, OUTPUT_MAX = 64 << 20 };

unsigned cds_terminal_width(void)
{
	struct winsize size;
	unsigned width = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		width = size.ws_col;
	return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
}

void cds_add_text(struct buf *out, struct str text, size_t max)
{
	hook_plain_add(out, text, max);
}

/* ---- findings ---------------------------------------------------------------------------------------------------- */

void cds_print_findings(const struct app *app, const struct judgement *j)
{
	struct buf out;
	buf_init(&out, OUTPUT_MAX);
	for (size_t i = 0; i < j->count; i++) {
		const struct judge_finding *f = &j->findings[i];
		buf_printf(&out, "%s%-8s%s  ", app_style(app, f->error ? STYLE_BAD : STYLE_WARN),
			   f->error ? "wrong" : "mind", app_style(app, STYLE_PLAIN));
		cds_add_text(&out, f->where, LINE_MAX_CHARACTERS);
		buf_char(&out, ' ');
		cds_add_text(&out, f->what, LINE_MAX_CHARACTERS);
		buf_printf(&out, " %s(%s)%s\n", app_style(app, STYLE_DIM), f->by, app_style(app, STYLE_PLAIN));
	}
	if (j->more)
		buf_printf(&out, "          and %zu more\n", j->more);
	printf("%.*s", STR_ARG(buf_str(&out)));
	buf_done(&out);
}

/* ---- exchanges --------------------------------------------------------------------------------------------------- */

void cds_print_reply(const struct app *app, const struct cds_exchange *x)
{
	const struct judge_reply *r = &x->reply;
	printf("%.*s %.*s\n", STR_ARG(x->method), STR_ARG(x->url));
	if (r->status)
		printf("%sHTTP %d%s after %lld ms\n", app_style(app, r->status == 200 ? STYLE_GOOD : STYLE_BAD),
		       r->status, app_style(app, STYLE_PLAIN), (long long)r->took_ms);
	else
		printf("%sno answer%s after %lld ms\n", app_style(app, STYLE_BAD), app_style(app, STYLE_PLAIN),
		       (long long)r->took_ms);
	if (!r->status || r->status == 200 || !x->text.n)
		return;
	/* why, in the other side's words: of an OperationOutcome those for people */
	struct str why = json_get_str(json_at(json_get(r->body, S("issue")), 0), S("diagnostics"));
	struct buf out;
	buf_init(&out, 1 << 14);
	cds_add_text(&out, str_slice(why.n ? why : x->text, 0, LINE_MAX_CHARACTERS), LINE_MAX_CHARACTERS);
	printf("%.*s\n", STR_ARG(buf_str(&out)));
	buf_done(&out);
}

void cds_write_exchange(struct json_writer *w, const struct cds_exchange *x, bool request)
{
	enum { TEXT_SHOWN = 4000 };
	json_put_member(w, S("url"), x->url);
	if (request && x->request.p) {
		json_key(w, S("request"));
		json_put_raw(w, x->request);
	}
	json_key(w, S("status"));
	json_put_i64(w, x->reply.status);
	json_key(w, S("milliseconds"));
	json_put_i64(w, x->reply.took_ms);
	json_put_member(w, S("failure"), x->reply.failure);
	if (x->reply.body) {
		json_key(w, S("answer"));
		json_put_value(w, x->reply.body);
	} else if (x->text.n && str_is_utf8(str_slice(x->text, 0, TEXT_SHOWN))) {
		json_put_member(w, S("text"), str_slice(x->text, 0, TEXT_SHOWN));
	}
}

bool cds_print_request(const struct app *app, const struct cds_exchange *x, struct error *err)
{
	struct buf out;
	const struct json *j = x->request.p ? json_parse(x->judged->a, x->request, 0, NULL) : NULL;
	buf_init(&out, (size_t)2 * CDS_REQUEST_MAX);
	buf_printf(&out, "%.*s %.*s\n", STR_ARG(x->method), STR_ARG(x->url));
	if (j)
		json_pretty(&out, j);
	else
		buf_add(&out, x->request);
	buf_add(&out, S("\n\n"));
	bool ok = buf_ok(&out) ? app_write(app, buf_str(&out)) || error_set(err, ERR_IO, "nothing was written")
			       : error_memory(err);
	buf_done(&out);
	return ok;
}

/* ---- cards ------------------------------------------------------------------------------------------------------- */

static void add_labelled(struct buf *out, const char *before, struct str text, const char *after)
{
	if (!text.n)
		return;
	buf_add(out, str_from(before));
	cds_add_text(out, text, LINE_MAX_CHARACTERS);
	buf_add(out, str_from(after));
}

static void add_actions(struct buf *out, const struct json *actions)
{
	struct json_iter it = json_iter(actions);
	while (json_next(&it)) {
		struct str id = json_get_str(it.value, S("resourceId"));
		if (json_is(json_get(it.value, S("resourceId")), JSON_ARRAY))
			id = json_str(json_at(json_get(it.value, S("resourceId")), 0));
		const struct json *resource = json_get(it.value, S("resource"));
		add_labelled(out, "             ", json_get_str(it.value, S("type")), " ");
		add_labelled(out, "", id.n ? id : json_get_str(resource, S("resourceType")), "");
		add_labelled(out, ": ", json_get_str(it.value, S("description")), "");
		buf_char(out, '\n');
	}
}

static void add_suggestions(const struct app *app, struct buf *out, const struct json *card, size_t number)
{
	struct json_iter it = json_iter(json_get(card, S("suggestions")));
	bool one = str_is(json_get_str(card, S("selectionBehavior")), "at-most-one");
	for (size_t i = 1; json_next(&it); i++) {
		buf_printf(out, "%*s%s%zu.%zu%s ", INDENT, "", app_style(app, STYLE_BOLD), number, i,
			   app_style(app, STYLE_PLAIN));
		cds_add_text(out, json_get_str(it.value, S("label")), LINE_MAX_CHARACTERS);
		if (json_bool(json_get(it.value, S("isRecommended"))))
			buf_add(out, S(" (recommended)"));
		if (i == 1 && one && json_size(json_get(card, S("suggestions"))) > 1)
			buf_add(out, S(" (at most one of these)"));
		buf_char(out, '\n');
		add_actions(out, json_get(it.value, S("actions")));
	}
}

static void add_links(struct buf *out, const struct json *card)
{
	struct json_iter it = json_iter(json_get(card, S("links")));
	while (json_next(&it)) {
		add_labelled(out, "          link ", json_get_str(it.value, S("label")), " ");
		add_labelled(out, "<", json_get_str(it.value, S("url")), ">");
		if (str_is(json_get_str(it.value, S("type")), "smart"))
			buf_add(out, S(" (SMART app)"));
		buf_char(out, '\n');
	}
}

static void add_reasons(struct buf *out, const struct json *card)
{
	struct json_iter it = json_iter(json_get(card, S("overrideReasons")));
	while (json_next(&it)) {
		add_labelled(out, "          override ", json_get_str(it.value, S("code")), "");
		add_labelled(out, ": ", json_get_str(it.value, S("display")), "");
		buf_char(out, '\n');
	}
}

static void add_card(const struct app *app, struct buf *out, const struct json *card, size_t number)
{
	struct str indicator = json_get_str(card, S("indicator")), detail = json_get_str(card, S("detail"));
	const struct json *source = json_get(card, S("source"));
	enum style style = str_is(indicator, "critical")  ? STYLE_BAD
			   : str_is(indicator, "warning") ? STYLE_WARN
							  : STYLE_PLAIN;
	struct buf word;
	buf_init(&word, 1 << 10);
	cds_add_text(&word, indicator, 8);
	buf_printf(out, "\n%s%-8.*s%s  %s%zu. ", app_style(app, style), STR_ARG(buf_str(&word)),
		   app_style(app, STYLE_PLAIN), app_style(app, STYLE_BOLD), number);
	buf_done(&word);
	cds_add_text(out, json_get_str(card, S("summary")), LINE_MAX_CHARACTERS);
	buf_printf(out, "%s\n", app_style(app, STYLE_PLAIN));
	if (detail.n)
		markdown_terminal(out, detail, &(struct markdown_terminal){cds_terminal_width(), INDENT, app->colour});
	add_suggestions(app, out, card, number);
	add_links(out, card);
	add_reasons(out, card);
	add_labelled(out, "          from ", json_get_str(source, S("label")), "");
	add_labelled(out, " <", json_get_str(source, S("url")), ">");
	add_labelled(out, ", topic ", json_get_str(json_get(source, S("topic")), S("code")), "");
	add_labelled(out, ", card ", json_get_str(card, S("uuid")), "");
	buf_char(out, '\n');
}

void cds_print_cards(const struct app *app, const struct json *answer)
{
	struct buf out;
	struct json_iter it = json_iter(json_get(answer, S("cards")));
	size_t number = 0;
	buf_init(&out, OUTPUT_MAX);
	while (json_next(&it))
		add_card(app, &out, it.value, ++number);
	if (!number)
		buf_add(&out, S("No card: the service has nothing to say.\n"));
	if (json_size(json_get(answer, S("systemActions")))) {
		buf_add(&out, S("\nsystem actions, for the EHR to apply\n"));
		add_actions(&out, json_get(answer, S("systemActions")));
	}
	buf_char(&out, '\n');
	printf("%.*s", STR_ARG(buf_str(&out)));
	buf_done(&out);
}
