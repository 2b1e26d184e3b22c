/*
 * The page on which apps are registered, as at the vendors' developer sites: who uses it, where it lives, its keys, and
 * which APIs it wants, one by one. What was registered is shown once with its secret.
 */
#include "sandbox/apps_priv.h"
#include "sandbox/sheet_priv.h"

#include "base/encode.h"

enum { APIS_MAX = 1000 };

/* ---- the form as metadata of RFC 7591 ---------------------------------------------------------------------------- */

static struct str form_text(struct arena *a, struct str sent)
{
	return sent.n ? str_trim(face_decoded(a, sent)) : STR_NULL;
}

static void put_list_of(struct json_writer *w, const char *member, struct str lines)
{
	json_key(w, str_from(member));
	json_array_begin(w);
	while (lines.p) {
		struct str one = str_trim(str_split(&lines, '\n'));
		if (one.n)
			json_put_str(w, one);
	}
	json_array_end(w);
}

/* "Patient.rs" of each ticked box, in the context of who uses the app. */
static struct str scopes_of(struct arena *a, struct str form, struct str who)
{
	bool backend = str_is(who, "system");
	struct str text =
		backend ? S("") : S("openid fhirUser profile launch launch/patient online_access offline_access");
	struct face_param p;
	size_t count = 0;
	while (text.p && count < APIS_MAX && face_param_next(&form, &p)) {
		struct str api = str_is(p.name, "api") ? form_text(a, p.value) : STR_NULL;
		if (!api.n)
			continue;
		text = arena_printf(a, "%.*s%s%.*s/%.*s", STR_ARG(text), text.n ? " " : "", STR_ARG(who), STR_ARG(api));
		count++;
	}
	return count ? text : STR_NULL;
}

const struct json *apps_form_metadata(struct sandbox *s, struct arena *a, struct str form, struct error *err)
{
	struct str who = sheet_value(a, form, "who"), keys = sheet_value(a, form, "jwks"), scopes;
	struct str redirects = sheet_value(a, form, "redirect_uris"), launch = sheet_value(a, form, "launch_url"),
		   keys_url = sheet_value(a, form, "jwks_uri");
	bool secret = str_is(sheet_value(a, form, "proof"), "secret");
	struct buf out;
	(void)s;
	who = face_listed("system user patient", who) && who.n ? who : S("system");
	scopes = scopes_of(a, form, who);
	if (keys.n && !json_parse(a, keys, 0, err)) {
		error_context(err, "keys");
		return NULL;
	}
	buf_init(&out, 1 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("client_name"), sheet_value(a, form, "client_name"));
	if (redirects.n)
		put_list_of(&w, "redirect_uris", redirects);
	if (launch.n)
		json_put_member(&w, S("launch_url"), launch);
	if (keys_url.n)
		json_put_member(&w, S("jwks_uri"), keys_url);
	if (keys.n) {
		json_key(&w, S("jwks"));
		json_put_raw(&w, keys);
	}
	if (secret)
		json_put_member(&w, S("token_endpoint_auth_method"), S("client_secret_basic"));
	if (secret && str_is(who, "system"))
		put_list_of(&w, "grant_types", S("client_credentials"));
	if (scopes.n)
		json_put_member(&w, S("scope"), scopes);
	json_object_end(&w);
	const struct json *j = json_parse(a, arena_str(a, buf_str(&out)), 0, err);
	buf_done(&out);
	return j;
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static void put_fact(struct buf *out, const char *name, struct str value, bool code)
{
	if (!value.n)
		return;
	buf_printf(out, "<dt>%s</dt><dd>%s", name, code ? "<code>" : "");
	encode_html(out, value);
	buf_add(out, code ? S("</code></dd>\n") : S("</dd>\n"));
}

static void put_uris(struct buf *out, struct str uris)
{
	if (!uris.n)
		return;
	buf_add(out, S("<dt>Redirect URIs</dt><dd>"));
	while (uris.n) {
		buf_add(out, S("<code>"));
		encode_html(out, str_split(&uris, ' '));
		buf_add(out, uris.n ? S("</code><br>") : S("</code>"));
	}
	buf_add(out, S("</dd>\n"));
}

static const char *proof_of(const struct smart_client *c)
{
	switch (smart_client_auth(c)) {
	case AUTH_PRIVATE_KEY:
		return c->jwks_url.n ? "a key, asked for by URL" : "a key, uploaded";
	case AUTH_SECRET_BASIC:
	case AUTH_SECRET_POST:
		return "a secret";
	default:
		return "nothing: a public app";
	}
}

static size_t words_in(struct str text)
{
	size_t n = text.n > 0;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == ' ';
	return n;
}

static void put_app(struct sandbox *s, struct arena *a, struct buf *out, const struct smart_client *c)
{
	struct str from = STR_NULL;
	bool active = apps_active(s, a, c, &from);
	buf_add(out, S("<li class=\"app\"><h3>"));
	encode_html(out, c->name.n ? c->name : c->client_id);
	buf_printf(out, "</h3>\n<p class=\"%s small\">%s</p>\n<dl class=\"facts\">\n", active ? "quiet" : "bad",
		   active ? "active" : "waits for its activation");
	put_fact(out, "Client id, non-production", c->client_id, true);
	put_fact(out, "Client id, production", c->software_id, true);
	put_fact(out, "Active from", from, false);
	put_uris(out, c->redirect_uris);
	put_fact(out, "Launch URL", c->launch_url, true);
	put_fact(out, "Proves itself by", str_from(proof_of(c)), false);
	put_fact(out, "JWKS URL", c->jwks_url, true);
	buf_add(out, S("</dl>\n"));
	buf_printf(out, "<details><summary>%zu scopes</summary><p class=\"scopes\">", words_in(c->scope));
	encode_html(out, c->scope);
	buf_add(out, S("</p></details></li>\n"));
}

static void put_box(struct buf *out, struct str type, const char *letters, const char *words)
{
	buf_printf(out,
		   "<label class=\"tick\"><input type=\"checkbox\" name=\"api\" value=\"%.*s.%s\"> "
		   "<span>%s<span class=\"away\"> %.*s</span></span></label>",
		   STR_ARG(type), letters, words, STR_ARG(type));
}

/* Each API as the site offers it: reading, searching, and what may be written. */
static void put_apis(const struct sandbox *s, struct buf *out)
{
	static const struct {
		char letter;
		const char *letters, *words;
	} apis[] = {{'r', "r", "read"},	  {'s', "s", "search"}, {'c', "c", "create"},
		    {'u', "u", "update"}, {'p', "u", "patch"},	{'d', "d", "delete"}};
	buf_add(out, S("<details class=\"apis\"><summary>APIs (none ticked: all of them)</summary>\n<div "
		       "class=\"list\">\n"));
	for (const struct face_type *t = s->vendor->types; t->name; t++) {
		struct str name = str_from(t->name);
		buf_printf(out, "<fieldset><legend>%s</legend>", t->name);
		for (size_t i = 0; i < sizeof(apis) / sizeof(*apis); i++)
			if (face_may(s, name, apis[i].letter) && !(apis[i].letter == 'p' && face_may(s, name, 'u')))
				put_box(out, name, apis[i].letters, apis[i].words);
		buf_add(out, S("</fieldset>\n"));
	}
	buf_add(out, S("</div></details>\n"));
}

static void put_form(const struct sandbox *s, struct buf *out)
{
	buf_add(out,
		S("<h2>Register an app</h2>\n<form method=\"post\" action=\"/sandbox/apps\">\n<div class=\"two\">\n"));
	sheet_text(out, "client_name", "Name", STR_NULL, 200);
	sheet_select(out, "who", "Who uses it");
	sheet_option(out, S("system"), S("system"), S("backend systems"));
	sheet_option(out, S("user"), S("system"), S("clinicians or administrative users"));
	sheet_option(out, S("patient"), S("system"), S("patients"));
	buf_add(out, S("</select></div>\n"));
	sheet_area(out, "redirect_uris", "Redirect URIs", "One a line, for apps of people.", STR_NULL);
	sheet_text(out, "launch_url", "Launch URL (optional)", STR_NULL, 1000);
	sheet_select(out, "proof", "Proves itself by");
	sheet_option(out, S("key"), S("key"), S("its keys, or nothing without any"));
	sheet_option(out, S("secret"), S("key"), S("a secret, which is shown once"));
	buf_add(out, S("</select></div>\n"));
	sheet_text(out, "jwks_uri", "JWKS URL", STR_NULL, 1000);
	sheet_area(out, "jwks", "or its keys",
		   s->o.vendor == EHR_EPIC ? "A JWKS as JSON. Keys of elliptic curves are taken by URL only."
					   : "A JWKS as JSON: RS384 or ES384.",
		   STR_NULL);
	buf_add(out, S("</div>\n"));
	put_apis(s, out);
	buf_add(out, S("<div class=\"actions\"><button type=\"submit\">Register</button></div>\n</form>\n"));
}

void apps_sheet(struct sandbox *s, struct http_exchange *x, const struct apps_shown *shown)
{
	struct arena *a = http_request(x)->arena;
	struct buf out;
	sheet_begin(&out, &(struct sheet){.title = "Apps",
					  .brand = s->vendor->people_title,
					  .note = "not the vendor's product",
					  .here = "/sandbox/apps"});
	buf_add(&out, S("<h1>Apps</h1>\n<p class=\"lead\">Each has two client ids. That of production belongs to an "
			"environment that is not here, so using it is the mistake that it is out there.</p>\n"));
	if (shown->problem.p) {
		buf_add(&out, S("<div class=\"problem\" role=\"alert\">"));
		encode_html(&out, shown->problem);
		buf_add(&out, S("</div>\n"));
	}
	if (shown->secret.n) {
		buf_add(&out, S("<div class=\"note\" role=\"status\"><p><strong>The client secret, shown once: "
				"</strong><code>"));
		encode_html(&out, shown->secret);
		buf_add(&out, S("</code></p></div>\n"));
	}
	if (!shown->count)
		buf_add(&out, S("<p>No app is registered yet.</p>\n"));
	buf_add(&out, S("<ul class=\"apps\">\n"));
	for (size_t i = 0; i < shown->count; i++)
		put_app(s, a, &out, &shown->apps[i]);
	buf_add(&out, S("</ul>\n"));
	put_form(s, &out);
	sheet_send(x, shown->problem.p ? 400 : 200, &out);
}
