/*
 * The page of the order entry: patient and service, the chart, the orders, the cards, and what went over the wire.
 * Plain HTML in the order in which a person works, each part a form of its own that leads back to its part of the page.
 */
#include "sandbox/orders_priv.h"
#include "sandbox/sheet_priv.h"

#include "base/encode.h"

enum { LISTED = 40 };

struct page {
	struct sandbox *s;
	struct arena *a;
	struct order_session *o;
	struct buf out;
};

static void put(struct page *p, const char *html)
{
	buf_add(&p->out, str_from(html));
}

static void put_text(struct page *p, struct str text)
{
	encode_html(&p->out, text);
}

static void begin_form(struct page *p, const char *part)
{
	buf_printf(&p->out,
		   "<form method=\"post\" action=\"" ORDERS_PATH "#%s\">\n<input type=\"hidden\" name=\"session\" "
		   "value=\"%.*s\">\n",
		   part, UUID_SIZE, p->o->key);
}

static void put_button(struct page *p, const char *verb, struct str what, const char *style, struct str text)
{
	buf_printf(&p->out, "<button type=\"submit\" class=\"%s\" name=\"do\" value=\"%s ", style, verb);
	put_text(p, what);
	put(p, "\">");
	put_text(p, text);
	put(p, "</button>\n");
}

/* ---- patient and service ----------------------------------------------------------------------------------------- */

static void put_choice(struct page *p)
{
	struct order_session *o = p->o;
	buf_printf(&p->out, "<details class=\"setup\"%s><summary>Patient and CDS service</summary>\n",
		   o->patient.n ? "" : " open");
	begin_form(p, "orders");
	put(p, "<div class=\"two\">\n");
	hooks_put_patients(p->s, p->a, &p->out, o->patient);
	sheet_text(&p->out, "encounter", "Encounter (optional)", o->encounter, 100);
	put(p, "</div>\n");
	sheet_text(&p->out, "service", "URL of the CDS service, or of its server", o->service, 1000);
	put(p, "<details><summary>More about the service</summary>\n");
	hooks_put_apps(p->s, p->a, &p->out, o->client_id);
	sheet_area(&p->out, "prefetch", "Prefetch",
		   "A line <code>key=query</code> each; empty: what its discovery asks for.", o->prefetch);
	put(p, "</details>\n<div class=\"actions\">");
	put_button(p, "open", S(""), "", S("Open the chart"));
	put(p, "</div>\n</form>\n</details>\n");
}

/* ---- the chart --------------------------------------------------------------------------------------------------- */

static const struct json *fetched(struct page *p, const char *query)
{
	struct error ignored = {0};
	struct str text =
		hooks_fetch(p->s, p->a, STR_NULL, arena_printf(p->a, "%s%.*s", query, STR_ARG(p->o->patient)));
	return text.p ? json_parse(p->a, text, 0, &ignored) : NULL;
}

static const struct json *next_of(struct json_iter *it, const char *type)
{
	while (json_next(it)) {
		const struct json *resource = json_get(it->value, S("resource"));
		if (str_is(json_get_str(resource, S("resourceType")), type))
			return resource;
	}
	return NULL;
}

static void put_allergies(struct page *p)
{
	struct json_iter it = json_iter(json_get(fetched(p, "AllergyIntolerance?patient="), S("entry")));
	const struct json *r;
	size_t n = 0;
	put(p, "<dt>Allergies</dt><dd>");
	while (n < LISTED && (r = next_of(&it, "AllergyIntolerance"))) {
		struct str label = orders_label(r);
		put(p, n++ ? "; " : "");
		put_text(p, label.n ? label : S("a record without a name"));
		if (str_is(json_get_str(r, S("criticality")), "high"))
			put(p, " (high criticality)");
	}
	put(p, n ? "</dd>\n" : "none on record</dd>\n");
}

static void put_banner(struct page *p)
{
	const struct json *patient = fetched(p, "Patient/");
	put(p, "<section class=\"chart\" aria-labelledby=\"who\">\n<h2 id=\"who\">");
	put_text(p, hooks_patient_text(p->a, patient));
	put(p, "</h2>\n<dl class=\"facts\">\n");
	put_allergies(p);
	put(p, "<dt>Service</dt><dd>");
	put_text(p, p->o->service.n ? p->o->service : S("none yet"));
	put(p, "</dd>\n</dl>\n</section>\n");
}

/* ---- orders ------------------------------------------------------------------------------------------------------ */

static void put_ingredients(struct page *p, const struct drug_hit *hit)
{
	const struct knowledge *k = p->s->desk->drugs;
	size_t n = hit->meaning.count < 6 ? hit->meaning.count : 6;
	if (hit->meaning.count == 1 && str_eq(knowledge_ingredient(k, hit->meaning.ingredients[0])->name, hit->name))
		return;
	put(p, " <span class=\"quiet small\">");
	for (size_t i = 0; i < n; i++) {
		put(p, i ? ", " : "");
		put_text(p, knowledge_ingredient(k, hit->meaning.ingredients[i])->name);
	}
	put(p, "</span>");
}

static void put_hits(struct page *p)
{
	struct drug_hit hits[ORDER_HITS];
	const struct knowledge *k = p->s->desk->drugs;
	size_t count = k && p->o->find.n ? drug_search(k, p->a, p->o->find, hits, ORDER_HITS) : 0;
	if (!p->o->find.n)
		return;
	buf_printf(&p->out, "<p role=\"status\" class=\"small\">%zu%s name%s found.</p>\n<ul class=\"hits\">\n", count,
		   count == ORDER_HITS ? " or more" : "", count == 1 ? "" : "s");
	for (size_t i = 0; i < count; i++) {
		put(p, "<li>");
		put_button(p, "add", hits[i].name, "plain slim", hits[i].name);
		put_ingredients(p, &hits[i]);
		put(p, "</li>\n");
	}
	if (!count) {
		put(p, "<li>");
		put_button(p, "add", p->o->find, "plain slim", p->o->find);
		put(p, " <span class=\"quiet small\">in words: the tables have no such name</span></li>\n");
	}
	put(p, "</ul>\n");
}

/* What is on the patient's list, each name once. */
static void put_list(struct page *p)
{
	struct json_iter it = json_iter(json_get(fetched(p, "MedicationRequest?patient="), S("entry")));
	struct str seen[LISTED];
	const struct json *r;
	size_t n = 0;
	put(p, "<details><summary>From the patient's list</summary>\n<ul class=\"hits\">\n");
	while (n < LISTED && (r = next_of(&it, "MedicationRequest"))) {
		struct str label = orders_label(r);
		bool again = !label.n;
		for (size_t i = 0; i < n && !again; i++)
			again = str_eq(seen[i], label);
		if (again)
			continue;
		seen[n++] = label;
		put(p, "<li>");
		put_button(p, "again", arena_printf(p->a, "MedicationRequest/%.*s", STR_ARG(json_get_str(r, S("id")))),
			   "plain slim", label);
		put(p, " <span class=\"quiet small\">");
		put_text(p, json_get_str(r, S("status")));
		put(p, "</span></li>\n");
	}
	put(p, n ? "</ul></details>\n" : "<li>nothing</li></ul></details>\n");
}

static void put_drafts(struct page *p)
{
	struct order_session *o = p->o;
	if (!o->draft_count) {
		put(p, "<p class=\"quiet\">No order yet.</p>\n");
		return;
	}
	begin_form(p, "cards");
	put(p, "<ul class=\"drafts\">\n");
	for (size_t i = 0; i < o->draft_count; i++) {
		struct str label = o->drafts[i].label.n ? o->drafts[i].label : o->drafts[i].type;
		put(p, "<li><span>");
		put_text(p, label);
		hooks_put_labelled(&p->out, "<br><span class=\"quiet small\">", o->drafts[i].dosage, "</span>");
		buf_printf(&p->out,
			   "</span> <button type=\"submit\" class=\"plain slim\" name=\"do\" value=\"remove %zu\" "
			   "formaction=\"" ORDERS_PATH "#orders\">Remove<span class=\"away\"> ",
			   i);
		put_text(p, label);
		put(p, "</span></button></li>\n");
	}
	put(p, "</ul>\n<div class=\"actions\">");
	put_button(p, "check", S("order-select"), "plain", S("Select (order-select)"));
	put_button(p, "check", S("order-sign"), "", S("Sign (order-sign)"));
	put(p, "</div>\n</form>\n");
}

static void put_orders(struct page *p)
{
	put(p, "<section id=\"orders\" tabindex=\"-1\" aria-labelledby=\"orders-title\">\n<h2 "
	       "id=\"orders-title\">Orders</h2>\n");
	begin_form(p, "orders");
	put(p, "<div class=\"find\">\n");
	sheet_text(&p->out, "find", "Drug", p->o->find.p ? p->o->find : S(""), 100);
	sheet_text(&p->out, "dosage", "Dose and instructions (optional)", p->o->dosage.p ? p->o->dosage : S(""), 200);
	put_button(p, "find", S(""), "plain", S("Search"));
	put(p, "</div>\n");
	put_hits(p);
	put_list(p);
	put(p, "</form>\n<h3>To be signed</h3>\n");
	put_drafts(p);
	put(p, "</section>\n");
}

/* ---- cards ------------------------------------------------------------------------------------------------------- */

static void put_actions(struct page *p, const struct json *suggestion)
{
	struct json_iter it = json_iter(json_get(suggestion, S("actions")));
	put(p, "<ul>\n");
	while (json_next(&it)) {
		hooks_put_labelled(&p->out, "<li><code>", json_get_str(it.value, S("type")), "</code> ");
		put_text(p, json_get_str(it.value, S("description")));
		put(p, "</li>\n");
	}
	put(p, "</ul>\n");
}

static void put_suggestions(struct page *p, const struct json *card, size_t n)
{
	struct json_iter it = json_iter(json_get(card, S("suggestions")));
	const struct order_card *state = &p->o->cards[n];
	bool one = str_is(json_get_str(card, S("selectionBehavior")), "at-most-one"), any = false;
	for (size_t k = 0; k < ORDER_SUGGESTIONS; k++)
		any = any || state->accepted[k];
	for (size_t k = 0; k < ORDER_SUGGESTIONS && json_next(&it); k++) {
		struct str label = json_get_str(it.value, S("label"));
		bool open = !state->overridden && !state->accepted[k] && !(one && any);
		begin_form(p, "cards");
		put(p, "<div class=\"suggestion\">\n");
		if (!orders_takes(p->s, it.value)) {
			put_text(p, label);
			put(p, " <span class=\"quiet small\">(this EHR does not take it)</span>\n");
		} else if (open) {
			put_button(p, "accept", arena_printf(p->a, "%zu %zu", n, k), "plain",
				   arena_printf(p->a, "Accept: %.*s", STR_ARG(label)));
		} else {
			put_text(p, label);
			put(p, state->accepted[k] ? " <strong>accepted</strong>\n" : "\n");
		}
		if (json_bool(json_get(it.value, S("isRecommended"))))
			put(p, "<span class=\"quiet small\">recommended</span>\n");
		put_actions(p, it.value);
		put(p, "</div>\n</form>\n");
	}
}

static void put_override(struct page *p, const struct json *card, size_t n)
{
	const struct json *reasons = json_get(card, S("overrideReasons"));
	struct json_iter it = json_iter(reasons);
	if (p->o->cards[n].said.p)
		return;
	buf_printf(&p->out,
		   "<details class=\"override\"><summary>Override<span class=\"away\"> card %zu</span></summary>\n",
		   n + 1);
	begin_form(p, "cards");
	if (json_size(reasons)) {
		buf_printf(&p->out,
			   "<div class=\"field\"><label for=\"reason-%zu\">Reason</label>\n<select id=\"reason-%zu\" "
			   "name=\"reason\">\n<option value=\"\">choose</option>\n",
			   n, n);
		for (size_t i = 0; json_next(&it); i++) {
			buf_printf(&p->out, "<option value=\"%zu\">", i);
			put_text(p, json_get_str(it.value, S("display")));
			put(p, "</option>\n");
		}
		put(p, "</select></div>\n");
	}
	buf_printf(&p->out,
		   "<div class=\"field\"><label for=\"comment-%zu\">Comment (optional)</label>\n<input type=\"text\" "
		   "id=\"comment-%zu\" name=\"comment\" maxlength=\"500\"></div>\n",
		   n, n);
	put_button(p, "override", arena_printf(p->a, "%zu", n), "plain", S("Override this card"));
	put(p, "</form>\n</details>\n");
}

/* A SMART app opens with a launch of its own, in another tab. */
static void put_links(struct page *p, const struct json *card, size_t n)
{
	const struct json *links = json_get(card, S("links"));
	struct json_iter it = json_iter(links);
	bool smart = false;
	while (json_next(&it))
		smart = smart || str_is(json_get_str(it.value, S("type")), "smart");
	if (!json_size(links))
		return;
	put(p, "<ul>\n");
	hooks_put_links(&p->out, card);
	put(p, "</ul>\n");
	if (!smart)
		return;
	buf_printf(&p->out,
		   "<form method=\"post\" action=\"" ORDERS_PATH "\" target=\"_blank\">\n<input type=\"hidden\" "
		   "name=\"session\" value=\"%.*s\">\n",
		   UUID_SIZE, p->o->key);
	put(p, "<div class=\"actions\">");
	it = json_iter(links);
	for (size_t k = 0; k < ORDER_SUGGESTIONS && json_next(&it); k++)
		if (str_is(json_get_str(it.value, S("type")), "smart"))
			put_button(p, "launch", arena_printf(p->a, "%zu %zu", n, k), "plain",
				   arena_printf(p->a, "Launch: %.*s", STR_ARG(json_get_str(it.value, S("label")))));
	put(p, "</div>\n</form>\n");
}

static void put_card(struct page *p, const struct json *card, size_t n)
{
	const struct order_card *state = &p->o->cards[n];
	buf_printf(&p->out, "<li class=\"card %s\">", hooks_card_kind(card));
	hooks_put_head(&p->out, card);
	put_suggestions(p, card, n);
	put_links(p, card, n);
	hooks_put_labelled(&p->out, "<p class=\"decided\"><strong>", state->said, "</strong></p>\n");
	put_override(p, card, n);
	put(p, "</li>\n");
}

static void put_count(struct page *p, const struct json *cards)
{
	size_t critical = 0, all = json_size(cards);
	struct json_iter it = json_iter(cards);
	while (json_next(&it))
		critical += str_is(str_from(hooks_card_kind(it.value)), "critical");
	buf_printf(&p->out, "<p role=\"status\">%s answered ", hook_name(p->o->hook));
	if (!p->o->run.status)
		put(p, "nothing: no answer came");
	else if (p->o->run.status != 200)
		buf_printf(&p->out, "with HTTP %d: no cards", p->o->run.status);
	else if (!all)
		put(p, "with no card: the service has nothing to say");
	else
		buf_printf(&p->out, "with %zu card%s, %zu critical", all, all == 1 ? "" : "s", critical);
	buf_printf(&p->out, ", after %lld ms.</p>\n", (long long)p->o->run.took_ms);
}

static void put_sign(struct page *p)
{
	struct order_session *o = p->o;
	if (o->hook != HOOK_ORDER_SIGN || !o->draft_count)
		return;
	begin_form(p, "orders");
	put(p, "<div class=\"actions\">");
	put_button(p, "sign", S(""), "",
		   arena_printf(p->a, "Sign and store %zu order%s", o->draft_count, o->draft_count == 1 ? "" : "s"));
	put(p, "</div>\n</form>\n");
}

static void put_cards(struct page *p)
{
	const struct json *cards = json_get(p->o->run.json, S("cards"));
	struct json_iter it = json_iter(cards);
	put(p, "<section id=\"cards\" tabindex=\"-1\" aria-labelledby=\"cards-title\">\n<h2 "
	       "id=\"cards-title\">Cards</h2>\n");
	put_count(p, cards);
	put(p, "<ul class=\"cards\">\n");
	for (size_t n = 0; n < ORDER_CARDS && json_next(&it); n++)
		put_card(p, it.value, n);
	put(p, "</ul>\n");
	put_sign(p);
	hooks_put_findings(&p->out, &p->o->run.judged);
	put(p, "</section>\n");
}

/* ---- the wire ---------------------------------------------------------------------------------------------------- */

static void put_wire(struct page *p)
{
	struct order_session *o = p->o;
	if (!o->ran && !o->told_count)
		return;
	put(p, "<section aria-labelledby=\"wire-title\">\n<h2 id=\"wire-title\">What went over the wire</h2>\n");
	if (o->ran)
		hooks_put_exchange(p->a, &p->out, &o->run);
	for (size_t i = o->told_count; i-- > 0;) {
		const struct hook_run *told = o->told[i];
		buf_printf(&p->out, "<h3>Feedback: HTTP %d after %lld ms</h3>\n", told->status,
			   (long long)told->took_ms);
		hooks_put_exchange(p->a, &p->out, told);
		if (told->judged.count)
			hooks_put_findings(&p->out, &told->judged);
	}
	put(p, "</section>\n");
}

static void put_messages(struct page *p)
{
	if (p->o->problem.p) {
		put(p, "<div class=\"problem\" role=\"alert\">");
		put_text(p, p->o->problem);
		put(p, "</div>\n");
	}
	if (p->o->said.n) {
		put(p, "<div class=\"note\" role=\"status\"><p>");
		put_text(p, p->o->said);
		put(p, "</p></div>\n");
	}
}

void orders_page(struct sandbox *s, struct arena *a, struct order_session *o, struct buf *out)
{
	struct page p = {.s = s, .a = a, .o = o};
	sheet_begin(&p.out, &(struct sheet){.title = o->problem.p ? "Problem: order entry" : "Order entry",
					    .brand = s->vendor->people_title,
					    .note = "not the vendor's product",
					    .here = ORDERS_PATH});
	put(&p, "<h1>Order entry</h1>\n");
	if (!o->patient.n)
		put(&p, "<p class=\"lead\">Order drugs for a patient of the sandbox, and see what a CDS service says "
			"and what it is sent.</p>\n");
	if (behaves(s, BEHAVIOUR_CDS_HOOKS, "off"))
		put(&p, "<div class=\"note warn\"><p>This vendor has published no CDS Hooks. The sandbox calls "
			"services with <code>--behaviour cds-hooks=on</code>.</p></div>\n");
	put_messages(&p);
	put_choice(&p);
	if (o->patient.n) {
		put_banner(&p);
		put_orders(&p);
	}
	if (o->ran)
		put_cards(&p);
	put_wire(&p);
	*out = p.out;
}
