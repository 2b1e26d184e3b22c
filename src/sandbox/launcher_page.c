/* The launch simulator's pages: choosing, launching, watching. Plain HTML; the watching page loads itself anew. */
#include <stdio.h>

#include "base/clock.h"
#include "base/encode.h"
#include "sandbox/launcher_priv.h"
#include "sandbox/sheet_priv.h"

extern const char data_launcher[], data_launcher_end[]; /* launcher.css */

enum { PATIENTS_SHOWN = 50, ENCOUNTERS_SHOWN = 50, PAIRS_MAX = 32 };

/* What was chosen so far. */
struct choice {
	struct str find, user, patient, encounter, client, intent;
	bool banner;
};

void launcher_style(struct http_exchange *x)
{
	struct buf style;
	buf_init(&style, 64 << 10);
	buf_add(&style, str_make(data_launcher, (size_t)(data_launcher_end - data_launcher)));
	sheet_respond(x, 200, S("text/css; charset=utf-8"), STR_NULL, &style);
	buf_done(&style);
}

static void begin(const struct launcher *l, struct buf *out, const char *title, bool again)
{
	sheet_begin(out, &(struct sheet){.title = title,
					 .brand = "Launch simulator",
					 .note = "for development only",
					 .here = l->o.sandbox ? "/launcher" : NULL,
					 .again = again});
}

static void fail(const struct launcher *l, struct http_exchange *x, const struct error *err)
{
	struct buf out;
	begin(l, &out, "It did not work", false);
	buf_add(&out, S("<h1>It did not work</h1>\n<p class=\"lead\">"));
	encode_html(&out, str_from(err->text));
	buf_add(&out, S("</p>\n<p><a href=\"/launcher\">Choose again</a></p>\n"));
	sheet_send(x, error_http_status(err->code), &out);
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

static struct choice read_choice(struct arena *a, struct str form)
{
	struct launcher_pair pairs[PAIRS_MAX];
	struct choice c = {0};
	const struct {
		const char *name;
		struct str *field;
	} fields[] = {{"find", &c.find},	   {"user", &c.user},	  {"patient", &c.patient},
		      {"encounter", &c.encounter}, {"client", &c.client}, {"intent", &c.intent}};
	size_t count = launcher_pairs(a, form, pairs, PAIRS_MAX);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++)
			if (str_is(pairs[i].name, fields[k].name) && pairs[i].value.n <= 200)
				*fields[k].field = pairs[i].value;
		c.banner = c.banner || str_is(pairs[i].name, "banner");
	}
	return c;
}

static bool search(struct launcher *l, struct arena *a, const char *type, struct str text, struct store_page *ret_page,
		   struct error *err)
{
	struct search_query query;
	const struct definitions *d = l->o.definitions;
	return text.p ? search_parse(
				d, a, definitions_resource(d, str_from(type)), text,
				&(struct search_options){.base = smart_fhir_url(l->o.smart), .now_ms = clock_now_ms()},
				&query, err) &&
				store_search(l->o.store, a, &query, &(struct store_search_options){.timeout_ms = 5000},
					     ret_page, err)
		      : error_memory(err);
}

static struct str patient_text(struct arena *a, const struct store_entry *e)
{
	struct error ignored = {0};
	const struct json *j = json_parse(a, e->body, 0, &ignored), *name = json_at(json_get(j, S("name")), 0);
	struct str family = json_get_str(name, S("family")), given = json_str(json_at(json_get(name, S("given")), 0)),
		   born = json_get_str(j, S("birthDate"));
	return arena_printf(a, "%.*s, %.*s (born %.*s)", STR_ARG(family.p ? family : S("no name")),
			    STR_ARG(given.p ? given : S("-")), STR_ARG(born.p ? born : S("unknown")));
}

static bool put_patients(struct launcher *l, struct arena *a, struct buf *out, const struct choice *c,
			 struct error *err)
{
	struct store_page page;
	struct buf query;
	buf_init(&query, 2048);
	buf_printf(&query, "_count=%d&_sort=family", PATIENTS_SHOWN);
	if (c->find.n) {
		buf_add(&query, S("&name="));
		encode_percent(&query, c->find);
	}
	struct str text = arena_str(a, buf_str(&query));
	buf_done(&query);
	if (!search(l, a, "Patient", text, &page, err))
		return false;
	sheet_select(out, "patient", "Patient");
	sheet_option(out, S(""), c->patient, S("none: the app asks"));
	bool listed = !c->patient.n;
	for (size_t i = 0; i < page.count; i++) {
		sheet_option(out, page.entries[i].id, c->patient, patient_text(a, &page.entries[i]));
		listed = listed || str_eq(page.entries[i].id, c->patient);
	}
	if (!listed)
		sheet_option(out, c->patient, c->patient, c->patient);
	buf_add(out, S("</select>"));
	if (page.next.p)
		buf_printf(out, "<p class=\"hint\">The first %d; find others by name.</p>", PATIENTS_SHOWN);
	buf_add(out, S("</div>\n"));
	return true;
}

static struct str encounter_text(struct arena *a, const struct store_entry *e)
{
	struct error ignored = {0};
	const struct json *j = json_parse(a, e->body, 0, &ignored);
	struct str start = json_get_str(json_get(j, S("period")), S("start")),
		   type = json_get_str(json_at(json_get(j, S("type")), 0), S("text"));
	return arena_printf(a, "%.*s %.*s %.*s", STR_ARG(e->id), STR_ARG(start.p ? str_slice(start, 0, 10) : S("")),
			    STR_ARG(type.p ? type : S("")));
}

static bool put_encounters(struct launcher *l, struct arena *a, struct buf *out, const struct choice *c,
			   struct error *err)
{
	struct store_page page = {0};
	struct buf query;
	buf_init(&query, 2048);
	buf_printf(&query, "_count=%d&patient=", ENCOUNTERS_SHOWN);
	encode_percent(&query, c->patient);
	struct str text = arena_str(a, buf_str(&query));
	buf_done(&query);
	if (c->patient.n && !search(l, a, "Encounter", text, &page, err))
		return false;
	sheet_select(out, "encounter", "Encounter");
	sheet_option(out, S(""), c->encounter, S("none"));
	for (size_t i = 0; i < page.count; i++)
		sheet_option(out, page.entries[i].id, c->encounter, encounter_text(a, &page.entries[i]));
	buf_add(out, c->patient.n ? S("</select></div>\n")
				  : S("</select><p class=\"hint\">Those of a patient come after Show.</p></div>\n"));
	return true;
}

static bool put_people(struct launcher *l, struct arena *a, struct buf *out, const struct choice *c, struct error *err)
{
	struct login_user *users;
	size_t count;
	if (!login_user_list(l->o.login, a, &users, &count, err))
		return false;
	sheet_select(out, "user", "User");
	sheet_option(out, S(""), c->user, S("whoever signs in"));
	for (size_t i = 0; i < count && i < 500; i++)
		if (!users[i].disabled)
			sheet_option(out, users[i].name, c->user,
				     users[i].display.n ? arena_printf(a, "%.*s (%.*s)", STR_ARG(users[i].display),
								       STR_ARG(users[i].name))
							: users[i].name);
	buf_add(out, S("</select>"));
	if (l->o.hint.n) {
		buf_add(out, S("<p class=\"hint\">"));
		encode_html(out, l->o.hint);
		buf_add(out, S("</p>"));
	}
	buf_add(out, S("</div>\n"));
	return true;
}

static bool put_apps(struct launcher *l, struct arena *a, struct buf *out, const struct choice *c, struct error *err)
{
	struct smart_client *clients;
	size_t count, shown = 0;
	if (!smart_client_list(l->o.smart, a, &clients, &count, err))
		return false;
	sheet_select(out, "client", "App");
	for (size_t i = 0; i < count; i++) {
		if (!clients[i].launch_url.n || clients[i].disabled)
			continue;
		sheet_option(out, clients[i].client_id, c->client,
			     clients[i].name.n ? arena_printf(a, "%.*s (%.*s)", STR_ARG(clients[i].name),
							      STR_ARG(clients[i].client_id))
					       : clients[i].client_id);
		shown++;
	}
	buf_add(out, shown ? S("</select></div>\n")
			   : S("</select><p class=\"hint\">No app has a launch_url yet.</p></div>\n"));
	return true;
}

static void put_flows(struct launcher *l, struct buf *out)
{
	bool any = false;
	pthread_mutex_lock(&l->lock);
	for (uint64_t n = l->last; n && n + LAUNCHER_FLOWS > l->last; n--) {
		const struct launcher_flow *flow = launcher_flow_find(l, n);
		if (!flow)
			continue;
		buf_add(out, any ? S("") : S("<h2>Launches</h2>\n<ul>\n"));
		any = true;
		buf_printf(out, "<li><a href=\"/launcher/flow?n=%llu\">", (unsigned long long)n);
		encode_html(out, str_from(flow->client[0] ? flow->client : "an app"));
		buf_printf(out, "</a> <span class=\"quiet\">%zu messages</span></li>\n", flow->count);
	}
	pthread_mutex_unlock(&l->lock);
	buf_add(out, any ? S("</ul>\n") : S(""));
}

void launcher_show_choice(struct launcher *l, struct http_exchange *x, struct str problem)
{
	const struct http_request *r = http_request(x);
	struct error err = {0};
	struct buf out;
	struct choice c = read_choice(r->arena, str_is(r->method, "POST") ? r->body : r->query);
	begin(l, &out, "Launch an app", false);
	buf_add(&out, S("<h1>Launch an app</h1>\n<p class=\"lead\">as an EHR does, and watch what happens.</p>\n"));
	if (problem.p) {
		buf_add(&out, S("<div class=\"problem\" role=\"alert\">"));
		encode_html(&out, problem);
		buf_add(&out, S("</div>\n"));
	}
	buf_add(&out, S("<form method=\"get\" action=\"/launcher\">\n<div class=\"find\">"));
	sheet_text(&out, "find", "Find patients by name", c.find, 200);
	buf_add(&out, S("<button type=\"submit\" class=\"plain\">Show</button></div>\n<div class=\"two\">\n"));
	bool ok = put_patients(l, r->arena, &out, &c, &err) && put_encounters(l, r->arena, &out, &c, &err) &&
		  put_people(l, r->arena, &out, &c, &err) && put_apps(l, r->arena, &out, &c, &err);
	sheet_text(&out, "intent", "Intent (optional)", c.intent, 200);
	buf_printf(
		&out,
		"</div>\n<label class=\"choice\"><input type=\"checkbox\" name=\"banner\" value=\"1\"%s><span>The app "
		"shows the patient's banner</span></label>\n<div class=\"actions\"><button type=\"submit\" "
		"formmethod=\"post\">Launch</button></div>\n</form>\n",
		c.banner ? " checked" : "");
	put_flows(l, &out);
	if (ok) {
		sheet_send(x, problem.p ? 400 : 200, &out);
		return;
	}
	buf_done(&out);
	fail(l, x, &err);
}

/* ---- launching --------------------------------------------------------------------------------------------------- */

static struct str launch_address(struct launcher *l, struct arena *a, struct str launch_url, struct str id)
{
	struct buf url;
	buf_init(&url, 4096);
	buf_add(&url, launch_url);
	buf_add(&url, str_find_char(launch_url, '?', 0) == STR_NONE ? S("?iss=") : S("&iss="));
	encode_percent(&url, smart_fhir_url(l->o.smart));
	buf_add(&url, S("&launch="));
	encode_percent(&url, id);
	struct str text = buf_ok(&url) ? arena_str(a, buf_str(&url)) : STR_NULL;
	buf_done(&url);
	return text;
}

static uint64_t remember(struct launcher *l, const struct choice *c, struct str id, struct str url)
{
	pthread_mutex_lock(&l->lock);
	struct launcher_flow *flow = launcher_flow_new(l, clock_now_ms());
	uint64_t number = flow->number;
	launcher_mark(flow, id);
	snprintf(flow->client, sizeof(flow->client), "%.*s", STR_ARG(c->client));
	snprintf(flow->launch_url, sizeof(flow->launch_url), "%.*s", STR_ARG(url));
	snprintf(flow->what, sizeof(flow->what), "patient %.*s, encounter %.*s, user %.*s",
		 STR_ARG(c->patient.n ? c->patient : S("none")), STR_ARG(c->encounter.n ? c->encounter : S("none")),
		 STR_ARG(c->user.n ? c->user : S("whoever signs in")));
	pthread_mutex_unlock(&l->lock);
	return number;
}

void launcher_start(struct launcher *l, struct http_exchange *x)
{
	const struct http_request *r = http_request(x);
	struct arena *a = r->arena;
	struct choice c = read_choice(a, r->body);
	struct smart_client client = {0};
	struct error err = {0};
	struct str id;
	if (c.client.n && !smart_client_find(l->o.smart, a, c.client, &client, &err)) {
		fail(l, x, &err);
		return;
	}
	if (!client.client_id.n || !client.launch_url.n) {
		launcher_show_choice(l, x, S("Choose an app that has a launch_url."));
		return;
	}
	const struct smart_launch launch = {.client_id = client.client_id,
					    .user = c.user.n ? c.user : STR_NULL,
					    .patient = c.patient.n ? c.patient : STR_NULL,
					    .encounter = c.encounter.n ? c.encounter : STR_NULL,
					    .intent = c.intent.n ? c.intent : STR_NULL,
					    .need_patient_banner = c.banner};
	if (!smart_launch_new(l->o.smart, a, &launch, &id, &err)) {
		fail(l, x, &err);
		return;
	}
	struct str url = launch_address(l, a, client.launch_url, id);
	uint64_t number = url.p ? remember(l, &c, id, url) : 0;
	sheet_respond(x, 303, S(""), arena_printf(a, "/launcher/flow?n=%llu", (unsigned long long)number), NULL);
}

static struct str without_query(struct str url)
{
	return str_slice(url, 0, str_find_char(url, '?', 0));
}

static bool find_app(struct launcher *l, struct arena *a, struct str url, struct str *ret_client, struct error *err)
{
	struct smart_client *clients;
	size_t count;
	if (!smart_client_list(l->o.smart, a, &clients, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (clients[i].launch_url.n && str_eq(without_query(clients[i].launch_url), without_query(url))) {
			*ret_client = clients[i].client_id;
			return true;
		}
	}
	return error_set(err, ERR_NOT_FOUND, "No app is registered here that is launched at %.*s",
			 STR_ARG(str_slice(url, 0, 200)));
}

bool launcher_launch(struct launcher *l, struct arena *a, struct str url, const struct smart_launch *launch,
		     struct str *ret_path, struct error *err)
{
	struct smart_launch of = *launch;
	struct str id;
	if (!l)
		return error_set(err, ERR_NOT_SUPPORTED, "This sandbox launches no apps: it has no authorization");
	if (!find_app(l, a, url, &of.client_id, err) || !smart_launch_new(l->o.smart, a, &of, &id, err))
		return false;
	const struct choice c = {.client = of.client_id,
				 .patient = of.patient.p ? of.patient : S(""),
				 .encounter = of.encounter.p ? of.encounter : S(""),
				 .user = of.user.p ? of.user : S("")};
	struct str address = launch_address(l, a, url, id);
	*ret_path = address.p
			    ? arena_printf(a, "/launcher/flow?n=%llu", (unsigned long long)remember(l, &c, id, address))
			    : STR_NULL;
	return ret_path->p || error_memory(err);
}

/* ---- watching ---------------------------------------------------------------------------------------------------- */

static void put_message(struct buf *out, const struct launcher_message *m, int64_t started_ms)
{
	buf_add(out, S("<li><h2>"));
	encode_html(out, str_from(m->meaning && *m->meaning ? m->meaning : m->asked));
	buf_add(out, S("</h2>\n<p class=\"line\"><code>"));
	encode_html(out, str_from(m->asked));
	buf_printf(out, "</code> <span class=\"%s\">", m->status >= 400 ? "bad" : "quiet");
	if (m->status)
		buf_printf(out, "answer %d, ", m->status);
	buf_printf(out, "after %.1f s</span></p>\n", (double)(m->time_ms - started_ms) / 1000);
	if (m->sent && *m->sent) {
		buf_add(out, S("<pre aria-label=\"Request\">"));
		encode_html(out, str_from(m->sent));
		buf_add(out, S("</pre>\n"));
	}
	if (m->got && *m->got) {
		buf_add(out, S("<pre aria-label=\"Answer\">"));
		encode_html(out, str_from(m->got));
		buf_add(out, S("</pre>\n"));
	}
	buf_add(out, S("</li>\n"));
}

static void put_flow(struct buf *out, const struct launcher_flow *flow)
{
	buf_add(out, S("<h1>"));
	encode_html(out, str_from(flow->client[0] ? flow->client : "An app"));
	buf_add(out, S("</h1>\n<p class=\"lead\">"));
	encode_html(out, str_from(flow->what));
	buf_add(out, S("</p>\n"));
	if (flow->launch_url[0] && !flow->count) {
		buf_add(out, S("<p><a class=\"button\" target=\"_blank\" rel=\"noopener\" href=\""));
		encode_html(out, str_from(flow->launch_url));
		buf_add(out,
			S("\">Open the app</a></p>\n<p class=\"hint\">It opens in another tab with <code>iss</code> "
			  "and "
			  "<code>launch</code>, which is good once and for five minutes. This page then shows what it "
			  "does.</p>\n"));
	}
	buf_add(out, S("<ol class=\"flow\">\n"));
	for (size_t i = 0; i < flow->count; i++)
		put_message(out, &flow->messages[i], flow->started_ms);
	buf_add(out, S("</ol>\n"));
	if (flow->full)
		buf_printf(out, "<p class=\"note warn\">Only the first %d messages are kept.</p>\n", LAUNCHER_MESSAGES);
}

void launcher_show_flow(struct launcher *l, struct http_exchange *x, uint64_t number)
{
	struct buf out;
	begin(l, &out, "A launch", true);
	pthread_mutex_lock(&l->lock);
	const struct launcher_flow *flow = launcher_flow_find(l, number);
	if (flow)
		put_flow(&out, flow);
	pthread_mutex_unlock(&l->lock);
	if (!flow)
		buf_add(&out, S("<h1>This launch is not kept any more</h1>\n"));
	buf_add(&out, S("<p><a href=\"/launcher\">Launch another</a></p>\n"));
	sheet_send(x, flow ? 200 : 404, &out);
}
