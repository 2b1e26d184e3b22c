/* "My apps": what the person let in, what it may do, when it last did, and the way back. */
#include <stdlib.h>

#include "server/login/login_priv.h"

enum { MOST_GRANTS = 200 };

static void put_scopes(const struct turn *t, struct buf *out, struct str text)
{
	struct scope_list list;
	struct error ignored = {0};
	buf_add(out, S("<ul>\n"));
	if (scope_list_read(t->a, t->l->options.definitions, text, &list, NULL, &ignored)) {
		for (size_t i = 0; i < list.count; i++) {
			struct buf words;
			buf_init(&words, 8192);
			words_scope(&words, t->a, &list.scopes[i]);
			buf_add(out, S("<li>"));
			page_text(out, buf_str(&words));
			buf_add(out, str_is(list.scopes[i].context, "user")
					     ? S(" (every record that you may use)</li>\n")
					     : S("</li>\n"));
			buf_done(&words);
		}
		for (unsigned bit = 1; bit <= SCOPE_OFFLINE_ACCESS; bit <<= 1) {
			const char *detail;
			if (!(list.words & bit))
				continue;
			buf_add(out, S("<li>"));
			page_text(out, str_from(words_word((enum scope_word)bit, &detail)));
			buf_add(out, S("</li>\n"));
		}
	}
	buf_add(out, S("</ul>\n"));
}

static bool client_name(struct turn *t, struct str client_id, struct str *ret_name, struct error *err)
{
	struct smart_client client;
	if (!smart_client_find(t->l->options.smart, t->a, client_id, &client, err))
		return false;
	*ret_name = client.client_id.p && client.name.n ? client.name : client_id;
	return true;
}

static void put_button(const struct turn *t, struct buf *out, const char *name, struct str value, const char *words,
		       struct str app)
{
	page_form(t, out, "apps", "");
	buf_printf(out, "<button type=\"submit\" class=\"danger\" name=\"%s\" value=\"", name);
	page_text(out, value);
	buf_printf(out, "\" aria-label=\"%s: ", words);
	page_text(out, app);
	buf_printf(out, "\">%s</button>\n</form>\n", words);
}

static bool put_grant(struct turn *t, struct buf *out, const struct smart_grant *g, struct error *err)
{
	struct str name, patient = STR_NULL;
	int64_t now = login_now(t->l);
	if (!client_name(t, g->client_id, &name, err))
		return false;
	if (g->patient.p)
		patient_name_of(t, g->patient, &patient);
	buf_add(out, S("<li><h2>"));
	page_text(out, name);
	buf_add(out, S("</h2>\n<dl class=\"facts\">\n"));
	if (patient.p) {
		buf_add(out, S("<dt>Record of</dt><dd>"));
		page_text(out, patient);
		buf_add(out, S("</dd>\n"));
	}
	buf_add(out, S("<dt>Let in</dt><dd>"));
	page_text(out, page_time(t->a, now, g->issued_ms));
	buf_add(out, S("</dd>\n<dt>Last used</dt><dd>"));
	page_text(out, g->used_ms ? page_time(t->a, now, g->used_ms) : S("not yet"));
	buf_add(out, S("</dd>\n<dt>Lasts</dt><dd>"));
	buf_add(out, g->offline ? S("until you remove it") : S("until you sign out, or it runs out"));
	buf_add(out, S("</dd>\n</dl>\n<details><summary>What it may do</summary>\n"));
	put_scopes(t, out, g->scopes);
	buf_add(out, S("</details>\n<div class=\"actions\">"));
	put_button(t, out, "grant", g->id, "Remove access", name);
	buf_add(out, S("</div></li>\n"));
	return true;
}

static bool put_remembered(struct turn *t, struct buf *out, struct error *err)
{
	struct str *clients, name;
	size_t count;
	if (!consent_list(t->l, t->a, t->session.user, &clients, &count, err))
		return false;
	if (!count)
		return true;
	buf_add(out, S("<h2>Let in without asking</h2>\n<p>You ticked \"Do not ask me again\" for these.</p>\n"
		       "<ul class=\"apps\">\n"));
	for (size_t i = 0; i < count; i++) {
		if (!client_name(t, clients[i], &name, err))
			return false;
		buf_add(out, S("<li><strong>"));
		page_text(out, name);
		buf_add(out, S("</strong><div class=\"actions\">"));
		put_button(t, out, "forget", clients[i], "Ask me again", name);
		buf_add(out, S("</div></li>\n"));
	}
	buf_add(out, S("</ul>\n"));
	return true;
}

/* Newest first. */
static int by_age(const void *a, const void *b)
{
	const struct smart_grant *x = a, *y = b;
	return x->issued_ms < y->issued_ms ? 1 : x->issued_ms > y->issued_ms ? -1 : 0;
}

static bool write_page(struct turn *t, struct buf *out, struct error *err)
{
	struct smart_grant *grants;
	size_t count;
	struct str done = fields_get(&t->form, "done");
	if (!smart_grants_of(t->l->options.smart, t->a, t->session.user, MOST_GRANTS, &grants, &count, err))
		return false;
	if (count)
		qsort(grants, count, sizeof(*grants), by_age);
	buf_add(out, S("<h1>My apps</h1>\n<p class=\"lead\">Apps that you have let in, and what they may do.</p>\n"));
	if (str_is(done, "removed"))
		buf_add(out, S("<div class=\"note\" role=\"status\"><p>The access was removed. It ended at "
			       "once.</p></div>\n"));
	else if (str_is(done, "forgotten"))
		buf_add(out, S("<div class=\"note\" role=\"status\"><p>You will be asked the next time.</p></div>\n"));
	if (!count)
		buf_add(out, S("<p>No app has access at the moment.</p>\n"));
	buf_add(out, count ? S("<ul class=\"apps\">\n") : S(""));
	for (size_t i = 0; i < count; i++)
		if (!put_grant(t, out, &grants[i], err))
			return false;
	buf_add(out, count ? S("</ul>\n") : S(""));
	return put_remembered(t, out, err);
}

void apps_page(struct turn *t)
{
	struct buf out;
	struct error err = {0};
	if (!t->session.key.p) {
		turn_go_page(t, "login");
		return;
	}
	page_begin(t, &out, &(struct page_look){"My apps", "wide", "the apps"});
	if (!write_page(t, &out, &err)) {
		buf_done(&out);
		turn_fail(t, &err);
		return;
	}
	page_end(t, &out);
	page_send(t, 200, &out);
}

/* Removing access takes the remembered consent with it: otherwise the app would be back without a question. */
static bool remove_grant(struct turn *t, struct str id, struct error *err)
{
	struct smart_grant *grants;
	size_t count;
	if (!smart_grants_of(t->l->options.smart, t->a, t->session.user, MOST_GRANTS, &grants, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!str_eq(grants[i].id, id))
			continue;
		struct audit_event event =
			turn_event(t, "revoke", true, t->session.user,
				   arena_printf(t->a, "client %.*s, by the person", STR_ARG(grants[i].client_id)));
		return store_audit(t->l->options.store, &event, 1, err) &&
		       consent_forget(t->l, t->a, t->session.user, grants[i].client_id, err) &&
		       smart_grant_revoke(t->l->options.smart, t->a, id, t->session.user, err);
	}
	return true; /* gone already */
}

void apps_send(struct turn *t)
{
	struct error err = {0};
	struct str grant = fields_get(&t->form, "grant"), client = fields_get(&t->form, "forget");
	if (!t->session.key.p) {
		turn_go_page(t, "login");
		return;
	}
	if (!session_check_word(t, &err)) {
		turn_fail(t, &err);
		return;
	}
	bool ok = grant.p    ? remove_grant(t, grant, &err)
		  : client.p ? consent_forget(t->l, t->a, t->session.user, client, &err)
			     : true;
	if (ok)
		turn_go_page(t, grant.p ? "apps?done=removed" : "apps?done=forgotten");
	else
		turn_fail(t, &err);
}
