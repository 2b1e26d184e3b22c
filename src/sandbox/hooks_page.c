/* The page of /sandbox/hooks: what is to be sent, what was sent, the cards as an EHR would show them, what is wrong. */
#include "sandbox/hooks_priv.h"
#include "sandbox/sheet_priv.h"

#include "base/encode.h"
#include "server/smart/clients.h"

enum { PATIENTS_SHOWN = 100, BODY_SHOWN = 200 * 1024 };

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

static void put_hooks(struct buf *out, enum hook chosen)
{
	static const char *const words[HOOK_COUNT] = {"a chart is opened", "orders are chosen", "orders are signed"};
	sheet_select(out, "hook", "Hook");
	for (enum hook i = 0; i < HOOK_COUNT; i++)
		buf_printf(out, "<option value=\"%s\"%s>%s: %s</option>\n", hook_name(i),
			   i == chosen ? " selected" : "", hook_name(i), words[i]);
	buf_add(out, S("</select></div>\n"));
}

static struct str patient_text(struct arena *a, const struct json *j)
{
	const struct json *name = json_at(json_get(j, S("name")), 0);
	struct str family = json_get_str(name, S("family")), given = json_str(json_at(json_get(name, S("given")), 0));
	return arena_printf(a, "%.*s, %.*s (born %.*s)", STR_ARG(family.p ? family : S("no name")),
			    STR_ARG(given.p ? given : S("-")), STR_ARG(json_get_str(j, S("birthDate"))));
}

static void put_patients(struct sandbox *s, struct arena *a, struct buf *out, struct str chosen)
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
				     patient_text(a, json_parse(a, page.entries[i].body, 0, &ignored)));
	}
	buf_add(out, S("</select></div>\n"));
}

static void put_apps(struct sandbox *s, struct arena *a, struct buf *out, struct str chosen)
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

static struct str prefetch_lines(struct arena *a, const struct json *prefetch)
{
	struct str text = prefetch ? S("") : S("patient=Patient/{{context.patientId}}");
	struct json_iter it = json_iter(prefetch);
	while (json_next(&it))
		text = arena_printf(a, "%.*s%.*s=%.*s\n", STR_ARG(text), STR_ARG(it.key), STR_ARG(json_str(it.value)));
	return text;
}

static void put_form(struct sandbox *s, struct arena *a, struct buf *out, const struct hook_wish *wish)
{
	bool epic = s->o.vendor == EHR_EPIC;
	buf_add(out, S("<form method=\"post\" action=\"/sandbox/hooks\">\n"));
	sheet_text(out, "service", epic ? "URL of the service" : "URL of the service's base (its discovery is asked)",
		   wish->service, 1000);
	buf_add(out, S("<div class=\"two\">\n"));
	put_hooks(out, wish->hook);
	put_patients(s, a, out, wish->patient);
	sheet_text(out, "encounter", "Encounter (optional)", wish->encounter, 100);
	put_apps(s, a, out, wish->client_id);
	buf_add(out, S("</div>\n"));
	sheet_area(out, "prefetch", "Prefetch",
		   epic ? "As typed into the EHR's record: a line <code>key=query</code> each, with "
			  "<code>{{context.patientId}}</code> and so on."
			: "A line <code>key=query</code> each; empty: what discovery asks for.",
		   epic || wish->prefetch ? prefetch_lines(a, wish->prefetch) : S(""));
	buf_add(out, S("<div class=\"actions\"><button type=\"submit\">Call the service</button></div>\n</form>\n"));
}

/* ---- what came --------------------------------------------------------------------------------------------------- */

static void put_labelled(struct buf *out, const char *before, struct str text, const char *after)
{
	if (!text.n)
		return;
	buf_add(out, str_from(before));
	encode_html(out, text);
	buf_add(out, str_from(after));
}

static void put_suggestions(struct buf *out, const struct json *card)
{
	struct json_iter it = json_iter(json_get(card, S("suggestions")));
	while (json_next(&it)) {
		const struct json *actions = json_get(it.value, S("actions"));
		buf_add(out, S("<li>"));
		encode_html(out, json_get_str(it.value, S("label")));
		for (size_t i = 0; i < json_size(actions); i++) {
			put_labelled(out, ": <code>", json_get_str(json_at(actions, i), S("type")), "</code> ");
			encode_html(out, json_get_str(json_at(actions, i), S("description")));
		}
		buf_add(out, S("</li>\n"));
	}
}

static void put_links(struct buf *out, const struct json *card)
{
	struct json_iter it = json_iter(json_get(card, S("links")));
	while (json_next(&it)) {
		struct str url = json_get_str(it.value, S("url"));
		bool web = str_starts(url, S("https://")) || str_starts(url, S("http://"));
		buf_add(out, web ? S("<li><a rel=\"noopener noreferrer\" href=\"") : S("<li><span title=\""));
		encode_html(out, url);
		buf_add(out, S("\">"));
		encode_html(out, json_get_str(it.value, S("label")));
		buf_add(out, web ? S("</a>") : S("</span>"));
		put_labelled(out, " <span class=\"quiet\">", json_get_str(it.value, S("type")), "</span>");
		buf_add(out, S("</li>\n"));
	}
}

static void put_card(struct buf *out, const struct json *card)
{
	struct str indicator = json_get_str(card, S("indicator"));
	const char *kind = str_is(indicator, "critical")  ? "critical"
			   : str_is(indicator, "warning") ? "warning"
							  : "info";
	buf_printf(out, "<li class=\"card %s\"><h3>", kind);
	encode_html(out, json_get_str(card, S("summary")));
	buf_printf(out, "</h3>\n<p class=\"quiet small\">%s", kind);
	put_labelled(out, ", from ", json_get_str(json_get(card, S("source")), S("label")), "");
	buf_add(out, S("</p>\n"));
	put_labelled(out, "<p class=\"detail\">", json_get_str(card, S("detail")), "</p>\n");
	buf_add(out, S("<ul>\n"));
	put_suggestions(out, card);
	put_links(out, card);
	buf_add(out, S("</ul></li>\n"));
}

static void put_cards(struct buf *out, const struct hook_run *run)
{
	const struct json *cards = json_get(run->json, S("cards"));
	if (run->status)
		buf_printf(out, "<h2>Cards</h2>\n<p>Status %d after %lld ms, %zu cards.</p>\n<ul class=\"cards\">\n",
			   run->status, (long long)run->took_ms, json_size(cards));
	else
		buf_add(out, S("<h2>No answer</h2>\n<ul class=\"cards\">\n"));
	for (size_t i = 0; i < json_size(cards); i++)
		put_card(out, json_at(cards, i));
	buf_add(out, S("</ul>\n"));
}

static void put_findings(struct buf *out, const struct hook_run *run)
{
	const struct judgement *j = &run->judged;
	buf_printf(out, "<h2>%s</h2>\n",
		   judge_errors(j) ? "What is wrong"
		   : j->count	   ? "Nothing is wrong, but"
				   : "Nothing is wrong");
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

static struct str pretty(struct arena *a, struct str text)
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

static void put_run(struct arena *a, struct buf *out, const struct hook_run *run)
{
	put_cards(out, run);
	put_findings(out, run);
	buf_add(out, S("<h2>What went over the wire</h2>\n"));
	put_body(out, "Request",
		 arena_printf(a, "POST %.*s\n%s%.*s%s\n%.*s", STR_ARG(run->url),
			      run->authorization.p ? "Authorization: " : "", STR_ARG(run->authorization),
			      run->authorization.p ? "\n" : "", STR_ARG(pretty(a, run->body))));
	if (run->discovery.p)
		put_body(out, "Discovery", pretty(a, run->discovery));
	put_body(out, "Answer", pretty(a, run->answer));
}

void hooks_page(struct sandbox *s, struct http_exchange *x, const struct hook_wish *wish, const struct hook_run *run,
		struct str problem)
{
	struct arena *a = http_request(x)->arena;
	struct buf out;
	sheet_begin(&out, &(struct sheet){.title = "CDS Hooks",
					  .brand = s->vendor->people_title,
					  .note = "not the vendor's product",
					  .here = "/sandbox/hooks"});
	buf_add(&out,
		S("<h1>Call a CDS service</h1>\n<p class=\"lead\">as this EHR does, with a patient of the sandbox, "
		  "and see what it thinks of the answer.</p>\n"));
	if (behaves(s, BEHAVIOUR_CDS_HOOKS, "off"))
		buf_add(&out, S("<div class=\"note warn\"><p>This vendor has published no CDS Hooks. The sandbox calls "
				"services with <code>--behaviour cds-hooks=on</code>.</p></div>\n"));
	if (problem.p) {
		buf_add(&out, S("<div class=\"problem\" role=\"alert\">"));
		encode_html(&out, problem);
		buf_add(&out, S("</div>\n"));
	}
	if (run)
		put_run(a, &out, run);
	put_form(s, a, &out, wish);
	sheet_send(x, problem.p ? 400 : 200, &out);
}
