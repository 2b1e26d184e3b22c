/*
 * The page for a request that cannot be answered to the app, because it is not certain whose it is (RFC 6749 section
 * 4.1.2.1). The person is told what to do; the app's developer what was wrong, what was sent and what is registered.
 */
#include "server/login/login_priv.h"

enum { SHOWN_MAX = 300 };

/* Values that nobody else should see, or that mean nothing to a reader. */
static bool is_secret(struct str name)
{
	static const char *const secret[] = {"state",	      "nonce",	       "launch",	   "code_challenge",
					     "client_secret", "id_token_hint", "client_assertion", "code",
					     "code_verifier", "request",       "password",	   "access_token",
					     "refresh_token", "login_hint"};
	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
		if (str_eq_nocase(name, str_from(secret[i])))
			return true;
	return false;
}

static void put_value(struct buf *out, struct str name, struct str value)
{
	if (!value.n) {
		buf_add(out, S("<span class=\"quiet\">empty</span>"));
	} else if (is_secret(name)) {
		buf_printf(out, "<span class=\"quiet\">given, %zu characters, not shown</span>", value.n);
	} else {
		buf_add(out, S("<code>"));
		page_text(out, str_slice(value, 0, SHOWN_MAX));
		buf_add(out, value.n > SHOWN_MAX ? S("...</code>") : S("</code>"));
	}
}

static void put_sent(struct turn *t, struct buf *out, struct str parameters)
{
	enum { MOST = 30 };
	struct form form;
	struct error err = {0};
	buf_add(out, S("<h2>What was sent</h2>\n"));
	if (!fields_read(t->a, parameters, &form, &err)) {
		buf_add(out, S("<p>Parameters that cannot be read: "));
		page_text(out, str_from(err.text));
		buf_add(out, S("</p>\n"));
		return;
	}
	if (!form.count) {
		buf_add(out, S("<p>No parameters at all.</p>\n"));
		return;
	}
	buf_add(out, S("<dl class=\"facts\">\n"));
	for (size_t i = 0; i < form.count && i < MOST; i++) {
		buf_add(out, S("<dt>"));
		page_text(out, str_slice(form.fields[i].name, 0, 60));
		buf_add(out, S("</dt><dd>"));
		put_value(out, form.fields[i].name, form.fields[i].value);
		buf_add(out, S("</dd>\n"));
	}
	buf_add(out, S("</dl>\n"));
}

static void put_registered(struct turn *t, struct buf *out, struct str client_id)
{
	struct smart_client client = {0};
	struct error ignored = {0};
	if (!client_id.n || !smart_client_find(t->l->options.smart, t->a, client_id, &client, &ignored))
		return;
	buf_add(out, S("<h2>What is registered</h2>\n"));
	if (!client.client_id.p) {
		buf_add(out, S("<p>There is no client of this id on this server.</p>\n"));
		return;
	}
	struct str rest = client.redirect_uris;
	buf_add(out, S("<dl class=\"facts\">\n<dt>client_id</dt><dd><code>"));
	page_text(out, client.client_id);
	buf_add(out, S("</code></dd>\n<dt>redirect_uri</dt><dd>"));
	if (!rest.n)
		buf_add(out, S("<span class=\"quiet\">none: this client cannot be used in a browser</span>"));
	while (rest.n) {
		buf_add(out, S("<code>"));
		page_text(out, str_split(&rest, ' '));
		buf_add(out, rest.n ? S("</code><br>") : S("</code>"));
	}
	buf_add(out, S("</dd>\n<dt>state</dt><dd>"));
	buf_add(out, client.disabled ? S("disabled by the operator") : S("enabled"));
	buf_add(out, S("</dd>\n</dl>\n"));
}

void explain_page(struct turn *t, const struct error *err, const struct smart_request *asked, struct str parameters)
{
	struct buf out;
	struct form form = {0};
	struct error ignored = {0};
	int status = error_http_status(err->code);
	if (status >= 500) {
		turn_fail(t, err);
		return;
	}
	if (!turn_refused(t, status, err) || turn_refuse_as_other(t, NULL, err))
		return;
	struct str client_id = asked->client.client_id;
	if (!client_id.p && fields_read(t->a, parameters, &form, &ignored))
		client_id = fields_get(&form, "client_id");
	page_begin(t, &out, &(struct page_look){"This app's request is not right", "wide", "the explanation"});
	buf_add(&out,
		S("<h1>This app's request is not right</h1>\n<p class=\"lead\">An app sent you here with a request "
		  "that this server cannot accept. Nothing was shared. Go back to the app; if it happens again, tell "
		  "the "
		  "people who made it what this page says.</p>\n<div class=\"note warn\"><p><strong>What is wrong: "
		  "</strong>"));
	page_text(&out, str_from(err->text));
	buf_add(&out, S(".</p></div>\n<p class=\"small\">The answer is shown here and not sent to the app, because the "
			"client or its redirect_uri could not be trusted (RFC 6749 section 4.1.2.1).</p>\n"));
	put_sent(t, &out, parameters);
	put_registered(t, &out, client_id);
	page_end(t, &out);
	page_send(t, status, &out);
}
