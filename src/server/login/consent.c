/*
 * What the person lets the app do: every scope in plain words, each of which may be left out, and where a permission to
 * see observations or conditions may be narrowed to some kinds of them. What was agreed to may be remembered per
 * client (shelf "consent"), except for clients that could be anybody's (RFC 8252 section 8.6).
 */
#include "server/login/login_priv.h"

/* ---- remembering  ----------------------------------------------------------------------------------------------- */

#define SHELF S("consent")
enum { REMEMBERED_MS_DAYS = 365 };

static struct str consent_key(struct arena *a, struct str user, struct str client_id)
{
	struct str client = token_key(a, client_id);
	return client.p ? arena_printf(a, "%.*s/%.*s", STR_ARG(user), STR_ARG(client)) : STR_NULL;
}

/* Only https and a client that proves itself tell that the answer reaches the same app as before. */
static bool may_remember(const struct smart_request *asked)
{
	return smart_client_auth(&asked->client) != AUTH_NONE || str_starts(asked->redirect_uri, S("https://"));
}

/* Of what was agreed to, what the request asks for; narrowed scopes go with the one that they came from. */
static struct str common(struct arena *a, struct str allowed, struct str agreed)
{
	struct buf out;
	buf_init(&out, FORM_MAX);
	while (agreed.p) {
		struct str word = str_split(&agreed, ' '), rest = word;
		if (!str_has_word(allowed, word) && !str_has_word(allowed, str_split(&rest, '?')))
			continue;
		if (out.n)
			buf_char(&out, ' ');
		buf_add(&out, word);
	}
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

bool consent_remembered(struct turn *t, struct str *ret_scopes, struct error *err)
{
	struct str text = STR_NULL, allowed = t->asked.allowed.text, rest = allowed;
	struct str key = consent_key(t->a, t->session.user, t->asked.client.client_id);
	*ret_scopes = STR_NULL;
	if (str_has_word(t->asked.prompt, S("consent")) || !may_remember(&t->asked))
		return true;
	if (!key.p)
		return error_memory(err);
	if (!store_fact_get(t->l->options.store, t->a, SHELF, key, &text, err))
		return false;
	const struct json *j = text.p ? json_parse(t->a, text, 0, err) : NULL;
	if (!j)
		return !text.p;
	struct str patient = json_get_str(j, S("patient")), now = turn_patient(t);
	if (patient.p && !(now.p && str_eq(patient, now)))
		return true;
	while (rest.p)
		if (!str_has_word(json_get_str(j, S("asked")), str_split(&rest, ' ')))
			return true;
	*ret_scopes = common(t->a, allowed, json_get_str(j, S("agreed")));
	if (!ret_scopes->n)
		*ret_scopes = STR_NULL;
	return true;
}

static bool remember(struct turn *t, struct str scopes, struct error *err)
{
	struct buf out;
	buf_init(&out, 2 * FORM_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("client"), t->asked.client.client_id);
	json_put_member(&w, S("asked"), t->asked.allowed.text);
	json_put_member(&w, S("agreed"), scopes);
	json_put_member(&w, S("patient"), patient_is_account(&t->session.facts) ? turn_patient(t) : STR_NULL);
	json_key(&w, S("at"));
	json_put_i64(&w, login_now(t->l));
	json_object_end(&w);
	const struct store_fact fact = {.shelf = SHELF,
					.key = consent_key(t->a, t->session.user, t->asked.client.client_id),
					.value = buf_ok(&out) ? arena_str(t->a, buf_str(&out)) : STR_NULL,
					.expires_ms =
						login_now(t->l) + (int64_t)REMEMBERED_MS_DAYS * 24 * 60 * 60 * 1000};
	buf_done(&out);
	return fact.key.p && fact.value.p ? store_fact_put(t->l->options.store, &fact, err) : error_memory(err);
}

bool consent_forget(struct login *l, struct arena *a, struct str user, struct str client_id, struct error *err)
{
	const struct store_fact fact = {.shelf = SHELF, .key = consent_key(a, user, client_id)};
	return fact.key.p ? store_fact_put(l->options.store, &fact, err) : error_memory(err);
}

bool consent_list(struct login *l, struct arena *a, struct str user, struct str **ret_clients, size_t *ret_count,
		  struct error *err)
{
	enum { MOST = 200 };
	struct store_fact *facts;
	size_t count, kept = 0;
	struct str prefix = arena_printf(a, "%.*s/", STR_ARG(user));
	if (!prefix.p)
		return error_memory(err);
	if (!store_fact_list(l->options.store, a, SHELF, prefix, MOST, &facts, &count, err))
		return false;
	struct str *clients = ARENA_ARRAY(a, struct str, count + 1);
	if (!clients)
		return error_memory(err);
	for (size_t i = 0; i < count && str_starts(facts[i].key, prefix); i++) {
		const struct json *j = json_parse(a, facts[i].value, 0, err);
		if (!j)
			return false;
		clients[kept++] = json_get_str(j, S("client"));
	}
	*ret_clients = clients;
	*ret_count = kept;
	return true;
}

/* One that was chosen here goes to the app only with the scope that asked for it. */
static struct str encounter_of(const struct turn *t, struct str scopes)
{
	if (t->c.launched && t->c.launch.encounter.p)
		return t->c.launch.encounter;
	return t->c.encounter.n && str_has_word(scopes, S("launch/encounter")) ? t->c.encounter : STR_NULL;
}

/* ---- the answer  ------------------------------------------------------------------------------------------------ */

void consent_grant(struct turn *t, struct str scopes)
{
	struct smart *smart = t->l->options.smart;
	struct error err = {0}, why = {0};
	struct str code;
	const struct login_user *user = &t->session.facts;
	struct audit_event event = turn_event(
		t, "authorize", true, t->session.user,
		arena_printf(t->a, "client %.*s may: %.*s", STR_ARG(t->asked.client.client_id), STR_ARG(scopes)));
	struct str patient = turn_patient(t);
	if (patient.p)
		event.patient = arena_printf(t->a, "Patient/%.*s", STR_ARG(patient));
	/* The conversation ends with the record of it, so a form that is sent twice makes one code. */
	struct store_fact over;
	struct store_txn txn = {.facts = &over, .fact_count = t->c.id.p ? 1 : 0, .events = &event, .event_count = 1};
	if (t->c.id.p && !conversation_fact(t->l, t->a, &t->c, true, &over, &err)) {
		turn_fail(t, &err);
		return;
	}
	if (!store_commit(t->l->options.store, &txn, &why)) {
		if (why.code == ERR_CONFLICT)
			error_set(&err, ERR_CONFLICT, "This was answered already. Go back to the app");
		else
			error_set(&err, why.code, "%s", why.text);
		turn_fail(t, &err);
		return;
	}
	t->c.id = STR_NULL;
	const struct smart_consent consent = {.request = &t->asked,
					      .scopes = scopes,
					      .user = user->name,
					      .fhir_user = user->fhir_user,
					      .roles = user->roles,
					      .display = user->display,
					      .session = t->session.key,
					      .authenticated_ms = t->session.authenticated_ms,
					      .patient = patient,
					      .encounter = encounter_of(t, scopes),
					      .launch = t->c.launched ? &t->c.launch : NULL};
	if (smart_code_issue(smart, t->a, &consent, &code, &err))
		turn_go(t, smart_request_answer(smart, t->a, &t->asked, code));
	else
		turn_refuse(t, error_http_status(err.code) < 500 ? "invalid_scope" : "server_error", &err);
}

/* ---- the form  -------------------------------------------------------------------------------------------------- */

/* May this permission be narrowed? */
static bool has_parts(const struct scope *s)
{
	if (s->filter.n || (s->permissions & ~(unsigned)(SCOPE_R | SCOPE_S)))
		return false;
	for (size_t i = 0; i < words_category_count; i++)
		if (str_is(s->type, words_categories[i].type))
			return true;
	return false;
}

static struct str part_text(struct arena *a, const struct scope *s, const struct words_category *c)
{
	return arena_printf(a, "%.*s?category=%s|%s", STR_ARG(s->text), c->system, c->code);
}

static void put_choice(struct buf *out, struct str scope, struct str words, const char *detail, bool strong)
{
	buf_printf(out, "<label class=\"choice%s\"><input type=\"checkbox\" name=\"scope\" checked value=\"",
		   strong ? " strong-right" : "");
	page_text(out, scope);
	buf_add(out, S("\"><span><strong>"));
	page_text(out, words);
	buf_add(out, S("</strong> <span class=\"hint\">"));
	page_text(out, str_from(detail));
	buf_add(out, *detail ? S(" <code>") : S("<code>"));
	page_text(out, scope);
	buf_add(out, S("</code></span></span></label>\n"));
}

static void put_parts(const struct turn *t, struct buf *out, const struct scope *s)
{
	buf_add(out, S("<details class=\"parts\"><summary>Or only some of these</summary>\n<p class=\"hint\">Untick "
		       "the line "
		       "above and tick what you want to share.</p>\n"));
	for (size_t i = 0; i < words_category_count; i++) {
		const struct words_category *c = &words_categories[i];
		if (!str_is(s->type, c->type))
			continue;
		buf_add(out, S("<label class=\"choice\"><input type=\"checkbox\" name=\"scope\" value=\""));
		page_text(out, part_text(t->a, s, c));
		buf_add(out, S("\"><span>"));
		page_text(out, str_from(c->words));
		buf_add(out, S("</span></label>\n"));
	}
	buf_add(out, S("</details>\n"));
}

static void put_scope(const struct turn *t, struct buf *out, const struct scope *s)
{
	struct buf words;
	buf_init(&words, 8192);
	words_scope(&words, t->a, s);
	bool writes = (s->permissions & ~(unsigned)(SCOPE_R | SCOPE_S)) != 0;
	buf_add(out, S("<li>"));
	put_choice(out, s->text, buf_str(&words), "", writes);
	if (has_parts(s))
		put_parts(t, out, s);
	buf_add(out, S("</li>\n"));
	buf_done(&words);
}

/* One group of resource scopes: of a context, those that only see or those that change. */
static void put_group(const struct turn *t, struct buf *out, const char *context, bool writes, struct str heading)
{
	const struct scope_list *list = &t->asked.allowed;
	bool begun = false;
	for (size_t i = 0; i < list->count; i++) {
		const struct scope *s = &list->scopes[i];
		bool scope_writes = (s->permissions & ~(unsigned)(SCOPE_R | SCOPE_S)) != 0;
		if (!str_is(s->context, context) || scope_writes != writes)
			continue;
		if (!begun) {
			buf_add(out, S("<fieldset><legend>"));
			page_text(out, heading);
			buf_add(out, S("</legend>\n<ul class=\"scopes\">\n"));
		}
		begun = true;
		put_scope(t, out, s);
	}
	if (begun)
		buf_add(out, S("</ul></fieldset>\n"));
}

static void put_words(const struct turn *t, struct buf *out, unsigned which, const char *heading)
{
	unsigned words = t->asked.allowed.words & which;
	if (!words)
		return;
	buf_printf(out, "<fieldset><legend>%s</legend>\n<ul class=\"scopes\">\n", heading);
	for (unsigned bit = 1; bit <= SCOPE_OFFLINE_ACCESS; bit <<= 1) {
		const char *detail = "";
		if (!(words & bit))
			continue;
		const char *text = words_word((enum scope_word)bit, &detail);
		buf_add(out, S("<li>"));
		put_choice(out, str_from(scope_word_text((enum scope_word)bit)), str_from(text), detail,
			   bit == SCOPE_OFFLINE_ACCESS);
		buf_add(out, S("</li>\n"));
	}
	buf_add(out, S("</ul></fieldset>\n"));
}

static struct str app_name(const struct turn *t)
{
	return t->asked.client.name.n ? t->asked.client.name : t->asked.client.client_id;
}

/* "https://app.example", which decides who gets the answer. */
static struct str origin_of(struct str url)
{
	size_t scheme = str_find(url, S("://"));
	size_t slash = scheme == STR_NONE ? STR_NONE : str_find_char(url, '/', scheme + 3);
	return slash == STR_NONE ? url : str_slice(url, 0, slash);
}

static void put_link(struct buf *out, const char *words, struct str url)
{
	if (!str_starts(url, S("https://")))
		return;
	buf_printf(out, "<dt>%s</dt><dd><a rel=\"noopener noreferrer\" href=\"", words);
	page_text(out, url);
	buf_add(out, S("\">"));
	page_text(out, url);
	buf_add(out, S("</a></dd>\n"));
}

static void put_app(const struct turn *t, struct buf *out)
{
	const struct smart_client *client = &t->asked.client;
	struct str origin = origin_of(t->asked.redirect_uri);
	struct str rest = str_slice(t->asked.redirect_uri, origin.n, t->asked.redirect_uri.n);
	buf_add(out, S("<dl class=\"facts\">\n<dt>App</dt><dd>"));
	page_text(out, app_name(t));
	buf_add(out, S(" <span class=\"quiet\">("));
	page_text(out, client->client_id);
	buf_add(out, S(")</span></dd>\n<dt>Answer goes to</dt><dd><strong>"));
	page_text(out, origin);
	buf_add(out, S("</strong><span class=\"quiet\">"));
	page_text(out, rest);
	buf_add(out, S("</span></dd>\n"));
	put_link(out, "Web site", client->client_url);
	put_link(out, "Privacy", client->policy_url);
	put_link(out, "Terms", client->terms_url);
	buf_add(out, S("</dl>\n"));
	if (client->self_registered)
		buf_add(out,
			S("<div class=\"note warn\"><p>This app registered itself. Nobody here has looked at it, and "
			  "its name may be anything: go on only if you know it.</p></div>\n"));
}

static struct str heading(struct turn *t, const char *verb, struct str patient)
{
	return patient.p ? arena_printf(t->a, "%s in the record of %.*s", verb, STR_ARG(patient))
			 : arena_printf(t->a, "%s in the record of the patient", verb);
}

static void put_choices(struct turn *t, struct buf *out, struct str patient)
{
	put_group(t, out, "patient", false, heading(t, "See", patient));
	put_group(t, out, "patient", true, heading(t, "Change", patient));
	put_group(t, out, "user", false, S("See in every record that you may use"));
	put_group(t, out, "user", true, S("Change in every record that you may use"));
	put_words(t, out,
		  SCOPE_OPENID | SCOPE_FHIR_USER | SCOPE_PROFILE | SCOPE_LAUNCH | SCOPE_LAUNCH_PATIENT |
			  SCOPE_LAUNCH_ENCOUNTER,
		  "Know you and what is open");
	put_words(t, out, SCOPE_ONLINE_ACCESS | SCOPE_OFFLINE_ACCESS, "Stay connected");
}

static void show(struct turn *t, int status, struct str patient, const struct page_problem *problem)
{
	struct buf out;
	page_begin(
		t, &out,
		&(struct page_look){problem ? "Error: Let this app in?" : "Let this app in?", "wide", "the choices"});
	buf_add(&out, S("<h1>Let "));
	page_text(&out, app_name(t));
	buf_add(&out, patient.p ? S(" use the record of ") : S(" in?"));
	page_text(&out, patient);
	buf_add(&out, patient.p ? S("?</h1>\n") : S("</h1>\n"));
	buf_add(&out,
		S("<p class=\"lead\">It asks for what is listed below. Untick what you do not want to allow.</p>\n"));
	page_problems(&out, problem, problem ? 1 : 0);
	put_app(t, &out);
	page_form(t, &out, "consent", "");
	put_choices(t, &out, patient);
	if (may_remember(&t->asked))
		buf_add(&out,
			S("<fieldset><legend class=\"skip-legend\">Next time</legend><label class=\"choice\"><input "
			  "type=\"checkbox\" name=\"remember\" value=\"1\"><span>Do not ask me again for this app "
			  "<span class=\"hint\">As long as it asks for nothing more. You can take this back under My "
			  "apps.</span></span></label></fieldset>\n"));
	buf_add(&out,
		S("<div class=\"actions\"><button type=\"submit\" name=\"answer\" value=\"allow\">Allow</button>\n"
		  "<button type=\"submit\" class=\"plain\" name=\"answer\" value=\"cancel\">Cancel</button></div>\n"
		  "</form>\n"));
	page_end(t, &out);
	page_send(t, status, &out);
}

/* ---- what was chosen  ------------------------------------------------------------------------------------------- */

static void put_granted(struct buf *out, struct str word)
{
	if (out->n)
		buf_char(out, ' ');
	buf_add(out, word);
}

/* Of the request's scopes those whose box came with the form; of a scope that was left out, the kinds chosen. */
static struct str chosen(struct turn *t)
{
	const struct scope_list *list = &t->asked.allowed;
	struct buf out;
	struct str rest = list->text;
	buf_init(&out, FORM_MAX);
	while (rest.p) {
		struct str word = str_split(&rest, ' ');
		if (word.n && fields_has(&t->form, "scope", word)) {
			put_granted(&out, word);
			continue;
		}
		for (size_t i = 0; i < list->count; i++) {
			const struct scope *s = &list->scopes[i];
			if (!str_eq(s->text, word) || !has_parts(s))
				continue;
			for (size_t k = 0; k < words_category_count; k++) {
				struct str part = part_text(t->a, s, &words_categories[k]);
				if (str_is(s->type, words_categories[k].type) && fields_has(&t->form, "scope", part))
					put_granted(&out, part);
			}
		}
	}
	struct str text = buf_ok(&out) ? arena_str(t->a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

/* The name of the open patient; STR_NULL: there is none. False: the answer was given. */
static bool ready(struct turn *t, struct str *ret_patient)
{
	struct error err = {0};
	*ret_patient = STR_NULL;
	if (!turn_conversation(t))
		return false;
	if (!turn_signed_in(t) || !t->c.user.p || !t->c.parameters.p || pick_is_needed(t) || encounter_is_needed(t)) {
		turn_next(t);
		return false;
	}
	if (!turn_patient(t).p)
		return true;
	if (t->c.launched && t->c.launch.patient.p && !t->c.patient.p) {
		patient_name_of(t, t->c.launch.patient, ret_patient);
		return true;
	}
	if (pick_allows(t, t->c.patient, ret_patient, &err))
		return true;
	if (err.code == ERR_NOT_FOUND && t->c.id.p) { /* not any more: choose another */
		t->c.patient = STR_NULL;
		error_clear(&err);
		if (conversation_keep(t->l, t->a, &t->c, &err)) {
			turn_go_page(t, "pick");
			return false;
		}
	}
	turn_fail(t, &err);
	return false;
}

void consent_page(struct turn *t)
{
	struct str patient;
	if (ready(t, &patient))
		show(t, 200, patient, NULL);
}

void consent_send(struct turn *t)
{
	struct error err = {0};
	struct str patient;
	if (!ready(t, &patient))
		return;
	if (!fields_has(&t->form, "answer", S("allow"))) {
		turn_refuse_as(t, CHECK_AGREEMENT, REFUSAL_USER_DENIED, "Cancel on the page of permissions");
		return;
	}
	struct str scopes = chosen(t);
	if (!scopes.p) {
		error_memory(&err);
		turn_fail(t, &err);
		return;
	}
	if (!scopes.n) {
		const struct page_problem problem = {
			NULL, S("Nothing is ticked. Choose at least one permission, or cancel.")};
		show(t, 400, patient, &problem);
		return;
	}
	if (fields_get(&t->form, "remember").p && may_remember(&t->asked) && !remember(t, scopes, &err)) {
		turn_fail(t, &err);
		return;
	}
	consent_grant(t, scopes);
}
