/* One request of the conversation: what it brought, where it goes next, and how it fails. */
#include "server/login/login_priv.h"

bool turn_is_post(const struct turn *t)
{
	return str_is(t->request->method, "POST");
}

/* ---- beginning  ------------------------------------------------------------------------------------------------- */

/* A form of another site would come with an Origin that is not ours. The app's own POST to /auth/authorize is one; it
 * changes nothing. */
static bool origin_is_ours(const struct turn *t)
{
	struct str origin = http_request_header(t->x, "Origin"), base = t->l->options.base_url;
	struct str site = http_request_header(t->x, "Sec-Fetch-Site");
	size_t scheme = str_find(base, S("://"));
	size_t slash = scheme == STR_NONE ? STR_NONE : str_find_char(base, '/', scheme + 3);
	if (str_is(site, "cross-site"))
		return false;
	/* Privacy settings make it "null"; the form's secret word still has to be right. The same server may be known
	 * by more names, such as localhost. */
	size_t name = str_find(origin, S("://"));
	struct str host = http_request_header(t->x, "Host");
	return !origin.p || str_is(origin, "null") ||
	       str_eq_nocase(origin, slash == STR_NONE ? base : str_slice(base, 0, slash)) ||
	       (name != STR_NONE && host.n && str_eq_nocase(str_slice(origin, name + 3, origin.n), host));
}

bool turn_begin(struct login *l, struct http_exchange *x, const char *interaction, struct turn *t, struct error *err)
{
	const struct http_request *request = http_request(x);
	struct str cookies = http_request_header(x, "Cookie");
	*t = (struct turn){.l = l, .x = x, .request = request, .a = request->arena, .interaction = interaction};
	bool post = turn_is_post(t);
	struct str type = http_request_header(x, "Content-Type");
	if (post && !str_starts(type, S("application/x-www-form-urlencoded")))
		return error_set(err, ERR_MEDIA_TYPE, "Forms come as application/x-www-form-urlencoded");
	if (post && !str_ends(request->path, S("/auth/authorize")) && !origin_is_ours(t))
		return turn_deny(t, CHECK_FORM, REFUSAL_FORM_FOREIGN, http_request_header(x, "Origin"), err);
	struct str browser = cookie_find(cookies, l->browser_cookie);
	t->browser = browser.n == TOKEN_SIZE ? browser : STR_NULL;
	/* An app's request is read by those who know what it means. */
	bool app = str_ends(request->path, S("/auth/authorize"));
	return (app || fields_read(t->a, post ? request->body : request->query, &t->form, err)) &&
	       session_find(l, t->a, cookies, &t->session, err);
}

void turn_set_cookie(struct turn *t, const char *name, struct str value, bool session_only)
{
	const struct login *l = t->l;
	bool over = !value.n;
	struct str text = arena_printf(t->a, "%s=%.*s; Path=/; HttpOnly; SameSite=Lax%s%s", name, STR_ARG(value),
				       l->secure ? "; Secure" : "",
				       over	      ? "; Max-Age=0"
				       : session_only ? ""
						      : "; Max-Age=31536000");
	if (text.p && t->cookie_count < sizeof(t->cookies) / sizeof(t->cookies[0]))
		t->cookies[t->cookie_count++] = (struct http_header){S("Set-Cookie"), text};
}

/* ---- the conversation  ------------------------------------------------------------------------------------------ */

/* Where the browser may be led after a form: Chromium holds redirects to form-action, too. */
static struct str app_source(struct arena *a, struct str redirect_uri)
{
	size_t scheme = str_find_char(redirect_uri, ':', 0);
	if (scheme == STR_NONE)
		return STR_NULL;
	struct str name = str_slice(redirect_uri, 0, scheme);
	bool web = str_is(name, "https") || str_is(name, "http");
	struct str rest = str_slice(redirect_uri, scheme + 3, redirect_uri.n);
	struct str host = web ? str_split(&rest, '/') : STR_NULL;
	host = web ? str_split(&host, '?') : host;
	for (size_t i = 0; i < name.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.", name.p[i]))
			return STR_NULL;
	bool plain = host.n > 0;
	for (size_t i = 0; i < host.n; i++)
		plain = plain && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:", host.p[i]);
	/* The grammar of sources has no IPv6 addresses: all of the scheme then. */
	return plain ? arena_printf(a, "%.*s://%.*s", STR_ARG(name), STR_ARG(host))
		     : arena_printf(a, "%.*s:", STR_ARG(name));
}

static void lost(struct turn *t)
{
	struct error err = {0};
	turn_deny(t, CHECK_CONVERSATION, REFUSAL_SIGN_IN_OVER, STR_NULL, &err);
	turn_fail(t, &err);
}

bool turn_conversation(struct turn *t)
{
	struct error err = {0};
	if (!conversation_find(t->l, t->a, fields_get(&t->form, "request"), t->browser, &t->c, &err)) {
		turn_fail(t, &err);
		return false;
	}
	if (!t->c.id.p) {
		lost(t);
		return false;
	}
	if (!t->c.browser.p) { /* the first page: it belongs to this browser from now on */
		struct str browser = t->browser.p ? t->browser : token_new(t->a);
		t->c.browser = token_key(t->a, browser);
		if (!t->c.browser.p || !conversation_keep(t->l, t->a, &t->c, &err)) {
			if (err.code == ERR_CONFLICT)
				lost(t);
			else
				turn_fail(t, &err);
			return false;
		}
		if (!t->browser.p)
			turn_set_cookie(t, t->l->browser_cookie, browser, true);
		t->browser = browser;
	}
	if (!t->c.parameters.p)
		return true;
	/* Client and rules may have changed since the first page. */
	if (!smart_request_check(t->l->options.smart, t->a, t->c.parameters, &t->asked, &err)) {
		if (t->asked.error && error_http_status(err.code) < 500)
			turn_refuse(t, t->asked.error, &err);
		else
			explain_page(t, &err, &t->asked, t->c.parameters);
		return false;
	}
	t->form_action = app_source(t->a, t->asked.redirect_uri);
	return true;
}

/* ---- going on  -------------------------------------------------------------------------------------------------- */

void turn_go(struct turn *t, struct str url)
{
	struct http_header headers[7];
	size_t count = 0;
	struct error err = {0};
	if (!url.p) {
		error_memory(&err);
		turn_fail(t, &err);
		return;
	}
	headers[count++] = (struct http_header){S("Location"), url};
	headers[count++] = (struct http_header){S("Cache-Control"), S("no-store")};
	headers[count++] = (struct http_header){S("Referrer-Policy"), S("no-referrer")};
	for (size_t i = 0; i < t->cookie_count; i++)
		headers[count++] = t->cookies[i];
	/* 303: the form must not be sent on (RFC 9700 section 4.12). */
	http_respond(t->x, &(struct http_response){.status = 303, .headers = headers, .header_count = count});
}

void turn_go_page(struct turn *t, const char *page)
{
	struct str path = page_path(t->l, t->a, page);
	turn_go(t, t->c.id.p ? arena_printf(t->a, "%.*s?request=%.*s", STR_ARG(path), STR_ARG(t->c.id)) : path);
}

/* ---- refusing  -------------------------------------------------------------------------------------------------- */

struct decision *turn_decision(struct turn *t)
{
	struct decision *d = t->asked.decision;
	if (!d && !t->decision)
		t->decision = decision_new(t->a);
	d = d ? d : t->decision;
	if (d && !d->user.p)
		d->user = t->session.user;
	return d;
}

bool turn_deny(struct turn *t, enum check check, enum refusal refusal, struct str had, struct error *err)
{
	return decision_refuse(turn_decision(t), check, refusal, had, STR_NULL, STR_NULL, err);
}

bool turn_record_refusal(struct turn *t, const char *interaction, int status, const struct error *refusal,
			 const struct store_fact *more, struct error *err)
{
	struct store_fact facts[2];
	size_t count = 0;
	struct str client = t->asked.client.client_id, name = t->request->path;
	const struct decision *d = turn_decision(t);
	struct audit_event event =
		turn_event(t, interaction, false, d ? d->user : STR_NULL,
			   client.p ? arena_printf(t->a, "client %.*s: %s", STR_ARG(client), refusal->text)
				    : str_from(refusal->text));
	event.http_status = status;
	name = str_slice(name, t->l->options.base_path.n + 1, name.n);
	const struct decision_request about = {.request_id = t->request->request_id,
					       .method = t->request->method,
					       .address = t->request->address,
					       .route = name,
					       .status = status,
					       .now_ms = login_now(t->l)};
	if (more)
		facts[count++] = *more;
	if (d && decision_fact(t->l->options.journal, t->a, d, &about, refusal, &facts[count]))
		count++;
	struct store_txn txn = {.facts = facts, .fact_count = count, .events = &event, .event_count = 1};
	return store_commit(t->l->options.store, &txn, err);
}

bool turn_refused(struct turn *t, int status, const struct error *refusal)
{
	struct error err = {0};
	if (turn_record_refusal(t, t->interaction, status, refusal, NULL, &err)) {
		t->refused = *refusal;
		return true;
	}
	turn_fail(t, &err);
	return false;
}

bool turn_refuse_as_other(struct turn *t, const char *error, const struct error *refusal)
{
	const struct login_options *o = &t->l->options;
	struct str url = STR_NULL, page = STR_NULL;
	struct buf out;
	if (o->refused)
		o->refused(o->refused_ctx, t->a, &t->asked, error, refusal, &url, &page);
	if (page.p) {
		buf_init(&out, 1 << 20);
		buf_add(&out, page);
		page_send(t, 200, &out);
	} else if (url.p) {
		turn_go(t, url);
	}
	return page.p || url.p;
}

void turn_refuse(struct turn *t, const char *error, const struct error *refusal)
{
	struct store_fact over;
	struct error err = {0};
	bool ends = t->c.id.p != NULL;
	if ((ends && !conversation_fact(t->l, t->a, &t->c, true, &over, &err)) ||
	    !turn_record_refusal(t, "authorize", 303, refusal, ends ? &over : NULL, &err))
		turn_fail(t, &err);
	else if (!turn_refuse_as_other(t, error, refusal))
		turn_go(t, smart_request_refuse(t->l->options.smart, t->a, &t->asked, error, str_from(refusal->text)));
}

void turn_refuse_as(struct turn *t, enum check check, enum refusal refusal, const char *had)
{
	struct error err = {0};
	turn_deny(t, check, refusal, str_from(had), &err);
	turn_refuse(t, refusal_facts(refusal)->oauth, &err);
}

/* ---- the next step  --------------------------------------------------------------------------------------------- */

struct str turn_patient(const struct turn *t)
{
	return t->c.patient.p ? t->c.patient : t->c.launched ? t->c.launch.patient : STR_NULL;
}

bool turn_signed_in(const struct turn *t)
{
	const struct session *s = &t->session;
	if (!s->key.p || t->c.must_login)
		return false;
	if (t->c.launched && t->c.launch.user.p && !str_eq(t->c.launch.user, s->user))
		return false;
	/* Whoever was fresh enough when this began may take their time. */
	if (t->c.user.p)
		return str_eq(t->c.user, s->user);
	return !t->c.parameters.p || t->asked.max_age_s < 0 ||
	       login_now(t->l) - s->authenticated_ms <= t->asked.max_age_s * 1000;
}

void turn_next(struct turn *t)
{
	struct error err = {0};
	struct str scopes;
	if (!turn_signed_in(t)) {
		turn_go_page(t, "login");
		return;
	}
	if (!t->c.parameters.p) {
		t->c.id = STR_NULL;
		turn_go_page(t, "apps");
		return;
	}
	if (!t->c.user.p) {
		t->c.user = t->session.user;
		if (!conversation_keep(t->l, t->a, &t->c, &err)) {
			turn_fail(t, &err);
			return;
		}
	}
	if (pick_is_needed(t)) {
		struct str own;
		if (!pick_own(t, &own, &err)) {
			turn_fail(t, &err);
			return;
		}
		if (!own.p) {
			turn_go_page(t, "pick");
			return;
		}
		t->c.patient = own;
		if (!conversation_keep(t->l, t->a, &t->c, &err)) {
			turn_fail(t, &err);
			return;
		}
	}
	if (encounter_is_needed(t)) {
		turn_go_page(t, "encounter");
		return;
	}
	if (!consent_remembered(t, &scopes, &err))
		turn_fail(t, &err);
	else if (scopes.p)
		consent_grant(t, scopes);
	else
		turn_go_page(t, "consent");
}

struct audit_event turn_event(const struct turn *t, const char *interaction, bool granted, struct str user,
			      struct str detail)
{
	return (struct audit_event){.action = 'E',
				    .interaction = str_from(interaction),
				    .outcome = granted ? 0 : 4,
				    .http_status = granted ? 200 : 403,
				    .agent = user.n ? user : S("anonymous"),
				    .address = t->request->address,
				    .request_id = t->request->request_id,
				    .detail = detail};
}
