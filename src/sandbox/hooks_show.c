/* What the pages around CDS Hooks share: whom to choose, how a card begins, what is wrong, and what went over the wire.
 */
#include "sandbox/hooks_priv.h"
#include "sandbox/sheet_priv.h"

#include "base/encode.h"
#include "hooks/markdown.h"
#include "server/smart/clients.h"

enum { PATIENTS_SHOWN = 100, BODY_SHOWN = 200 * 1024 };

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

struct str hooks_patient_text(struct arena *a, const struct json *j)
{
	const struct json *name = json_at(json_get(j, S("name")), 0);
	struct str family = json_get_str(name, S("family")), given = json_str(json_at(json_get(name, S("given")), 0));
	return arena_printf(a, "%.*s, %.*s (born %.*s)", STR_ARG(family.p ? family : S("no name")),
			    STR_ARG(given.p ? given : S("-")), STR_ARG(json_get_str(j, S("birthDate"))));
}

void hooks_put_patients(struct sandbox *s, struct arena *a, struct buf *out, struct str chosen)
{
	struct search_query query;
	struct store_page page = {0};
	struct error ignored = {0};
	const struct definitions *d = s->o.definitions;
	sheet_select(out, "patient", "Patient");
	if (search_parse(d, a, definitions_resource(d, S("Patient")),
			 arena_printf(a, "_count=%d&_sort=family", PATIENTS_SHOWN),
			 &(struct search_options){.base = s->fhir_base, .now_ms = 0}, &query, &ignored) &&
	    store_search(s->o.store, a, &query, &(struct store_search_options){.timeout_ms = 5000}, &page, &ignored)) {
		for (size_t i = 0; i < page.count; i++)
			sheet_option(out, page.entries[i].id, chosen,
				     hooks_patient_text(a, json_parse(a, page.entries[i].body, 0, &ignored)));
	}
	buf_add(out, S("</select></div>\n"));
}

void hooks_put_apps(struct sandbox *s, struct arena *a, struct buf *out, struct str chosen)
{
	struct smart_client *clients = NULL;
	struct error ignored = {0};
	size_t count = 0;
	sheet_select(out, "client_id", "App that the service belongs to");
	sheet_option(out, S(""), chosen, S("none: no token goes along"));
	if (s->smart && smart_client_list(s->smart, a, &clients, &count, &ignored))
		for (size_t i = 0; i < count; i++)
			sheet_option(out, clients[i].client_id, chosen,
				     clients[i].name.n ? clients[i].name : clients[i].client_id);
	buf_add(out, S("</select></div>\n"));
}

/* ---- cards ------------------------------------------------------------------------------------------------------- */

void hooks_put_labelled(struct buf *out, const char *before, struct str text, const char *after)
{
	if (!text.n)
		return;
	buf_add(out, str_from(before));
	encode_html(out, text);
	buf_add(out, str_from(after));
}

void hooks_put_links(struct buf *out, const struct json *card)
{
	struct json_iter it = json_iter(json_get(card, S("links")));
	while (json_next(&it)) {
		struct str url = json_get_str(it.value, S("url"));
		/* An app without launch parameters would open for nobody: the order entry launches it. */
		bool web = (str_starts(url, S("https://")) || str_starts(url, S("http://"))) &&
			   !str_is(json_get_str(it.value, S("type")), "smart");
		buf_add(out, web ? S("<li><a rel=\"noopener noreferrer\" href=\"") : S("<li><span title=\""));
		encode_html(out, url);
		buf_add(out, S("\">"));
		encode_html(out, json_get_str(it.value, S("label")));
		buf_add(out, web ? S("</a>") : S("</span>"));
		hooks_put_labelled(out, " <span class=\"quiet\">", json_get_str(it.value, S("type")), "</span>");
		buf_add(out, S("</li>\n"));
	}
}

const char *hooks_card_kind(const struct json *card)
{
	struct str indicator = json_get_str(card, S("indicator"));
	return str_is(indicator, "critical") ? "critical" : str_is(indicator, "warning") ? "warning" : "info";
}

/* Summary, who says it, and the detail. */
void hooks_put_head(struct buf *out, const struct json *card)
{
	const struct json *source = json_get(card, S("source"));
	struct str url = json_get_str(source, S("url")), detail = json_get_str(card, S("detail"));
	bool web = str_starts(url, S("https://")) || str_starts(url, S("http://"));
	buf_printf(out, "<h3><span class=\"level\">%s</span> ", hooks_card_kind(card));
	encode_html(out, json_get_str(card, S("summary")));
	buf_add(out, S("</h3>\n<p class=\"quiet small\">from "));
	if (web)
		hooks_put_labelled(out, "<a rel=\"noopener noreferrer\" href=\"", url, "\">");
	encode_html(out, json_get_str(source, S("label")));
	buf_add(out, web ? S("</a></p>\n") : S("</p>\n"));
	if (!detail.n)
		return;
	buf_add(out, S("<div class=\"detail\">\n"));
	markdown_html(out, detail);
	buf_add(out, S("</div>\n"));
}

/* ---- what came of a call ----------------------------------------------------------------------------------------- */

void hooks_put_findings(struct buf *out, const struct judgement *j)
{
	buf_printf(out, "<h2>%s</h2>\n",
		   judge_errors(j) ? "What is wrong with the answer"
		   : j->count	   ? "The answer is well formed, but"
				   : "The answer is well formed");
	buf_add(out, S("<ul class=\"findings\">\n"));
	for (size_t i = 0; i < j->count; i++) {
		const struct judge_finding *f = &j->findings[i];
		buf_printf(out, "<li class=\"%s\"><code>", f->error ? "bad" : "mind");
		encode_html(out, f->where);
		buf_add(out, S("</code> "));
		encode_html(out, f->what);
		buf_printf(out, " <span class=\"quiet small\">%s</span></li>\n", f->by);
	}
	buf_add(out, S("</ul>\n"));
}

static void put_body(struct buf *out, const char *title, struct str text)
{
	buf_printf(out, "<details><summary>%s</summary><pre tabindex=\"0\">", title);
	encode_html(out, str_slice(text, 0, BODY_SHOWN));
	buf_add(out, text.n > BODY_SHOWN ? S("\n...</pre></details>\n") : S("</pre></details>\n"));
}

struct str hooks_pretty(struct arena *a, struct str text)
{
	struct error ignored = {0};
	struct buf out;
	const struct json *j = text.n ? json_parse(a, text, 0, &ignored) : NULL;
	if (!j)
		return text;
	buf_init(&out, 128 << 20);
	json_pretty(&out, j);
	struct str copy = buf_ok(&out) ? arena_str(a, buf_str(&out)) : text;
	buf_done(&out);
	return copy;
}

void hooks_put_exchange(struct arena *a, struct buf *out, const struct hook_run *run)
{
	put_body(out, "Request",
		 arena_printf(a, "POST %.*s\n%s%.*s%s\n%.*s", STR_ARG(run->url),
			      run->authorization.p ? "Authorization: " : "", STR_ARG(run->authorization),
			      run->authorization.p ? "\n" : "", STR_ARG(hooks_pretty(a, run->body))));
	if (run->discovery.p)
		put_body(out, "Discovery", hooks_pretty(a, run->discovery));
	put_body(out, "Answer", hooks_pretty(a, run->answer));
}
