/* The page of /sandbox/hooks: what is to be sent, what was sent, the cards as an EHR would show them, what is wrong. */
#include "sandbox/hooks_priv.h"
#include "sandbox/sheet_priv.h"

#include "base/encode.h"

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

static struct str prefetch_lines(struct arena *a, const struct json *prefetch)
{
	struct str text = prefetch ? S("") : S("patient=Patient/{{context.patientId}}");
	struct json_iter it = json_iter(prefetch);
	while (json_next(&it)) {
		struct str query = json_str(it.value);
		if (it.key.p && query.p)
			text = arena_printf(a, "%.*s%.*s=%.*s\n", STR_ARG(text), STR_ARG(it.key), STR_ARG(query));
	}
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
	hooks_put_patients(s, a, out, wish->patient);
	sheet_text(out, "encounter", "Encounter (optional)", wish->encounter, 100);
	hooks_put_apps(s, a, out, wish->client_id);
	buf_add(out, S("</div>\n"));
	sheet_area(out, "prefetch", "Prefetch",
		   epic ? "As typed into the EHR's record: a line <code>key=query</code> each, with "
			  "<code>{{context.patientId}}</code> and so on."
			: "A line <code>key=query</code> each; empty: what discovery asks for.",
		   epic || wish->prefetch ? prefetch_lines(a, wish->prefetch) : S(""));
	buf_add(out, S("<div class=\"actions\"><button type=\"submit\">Call the service</button></div>\n</form>\n"));
}

/* ---- what came --------------------------------------------------------------------------------------------------- */

static void put_suggestions(struct buf *out, const struct json *card)
{
	struct json_iter it = json_iter(json_get(card, S("suggestions")));
	while (json_next(&it)) {
		const struct json *actions = json_get(it.value, S("actions"));
		buf_add(out, S("<li>"));
		encode_html(out, json_get_str(it.value, S("label")));
		for (size_t i = 0; i < json_size(actions); i++) {
			hooks_put_labelled(out, ": <code>", json_get_str(json_at(actions, i), S("type")), "</code> ");
			encode_html(out, json_get_str(json_at(actions, i), S("description")));
		}
		buf_add(out, S("</li>\n"));
	}
}

static void put_card(struct buf *out, const struct json *card)
{
	buf_printf(out, "<li class=\"card %s\">", hooks_card_kind(card));
	hooks_put_head(out, card);
	buf_add(out, S("<ul>\n"));
	put_suggestions(out, card);
	hooks_put_links(out, card);
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

static void put_run(struct arena *a, struct buf *out, const struct hook_run *run)
{
	put_cards(out, run);
	hooks_put_findings(out, &run->judged);
	buf_add(out, S("<h2>What went over the wire</h2>\n"));
	hooks_put_exchange(a, out, run);
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
