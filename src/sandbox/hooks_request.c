/*
 * The request of a hook as each EHR writes it: context, draft orders, what was configured to be sent along, and at Epic
 * its extensions. Draft orders are synthetic: orders that the patient has already, as drafts.
 */
#include "sandbox/hooks_priv.h"
#include "sandbox/inside_priv.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"

enum { TOKEN_S = 300, DRAFT_ID_SIZE = 200, BODY_MAX = 64 << 20, DRAWN = 2 };

const char *hook_name(enum hook hook)
{
	static const char *const names[HOOK_COUNT] = {"patient-view", "order-select", "order-sign"};
	return names[hook];
}

/* ---- who calls --------------------------------------------------------------------------------------------------- */

/* What the app may read, as scopes of a system. */
static struct str read_scopes(struct sandbox *s, struct arena *a, struct str registered)
{
	struct str text = S("");
	for (struct str rest = registered; rest.p && text.p;) {
		struct scope scope;
		if (!scope_parse(s->o.definitions, str_split(&rest, ' '), &scope) ||
		    !(scope.permissions & (SCOPE_R | SCOPE_S)))
			continue;
		text = arena_printf(a, "%.*s%ssystem/%.*s.%s%s%s%.*s", STR_ARG(text), text.n ? " " : "",
				    STR_ARG(scope.type), scope.permissions & SCOPE_R ? "r" : "",
				    scope.permissions & SCOPE_S ? "s" : "", scope.filter.p ? "?" : "",
				    STR_ARG(scope.filter));
	}
	return text;
}

static bool make_token(struct sandbox *s, struct arena *a, const struct smart_client *client, struct str *ret_token,
		       struct str *ret_scope, struct error *err)
{
	struct scope_list list;
	struct str scopes = read_scopes(s, a, client->scope);
	int64_t now = clock_now_ms();
	if (!scopes.p || !scope_list_read(a, s->o.definitions, scopes, &list, NULL, err))
		return error_memory(err);
	const struct grant grant = {.client_id = client->client_id,
				    .scope_text = list.text,
				    .scopes = list.scopes,
				    .scope_count = list.count,
				    .issued_ms = now,
				    .expires_ms = now + TOKEN_S * 1000};
	*ret_scope = list.text;
	return smart_token_make(s->smart, a, &grant, ret_token, err);
}

/* Epic names its APIs there, the specification scopes. */
static struct str api_names(struct sandbox *s, struct arena *a, struct str scopes)
{
	struct str text = S("");
	for (struct str rest = scopes; rest.p && text.p;) {
		struct scope scope;
		if (!scope_parse(s->o.definitions, str_split(&rest, ' '), &scope))
			continue;
		const char *between = text.n ? " " : "";
		text = arena_printf(a, "%.*s%s%.*s.Read %.*s.Search", STR_ARG(text), between, STR_ARG(scope.type),
				    STR_ARG(scope.type));
	}
	return text;
}

static void put_authorization(struct sandbox *s, struct hook_run *run, struct json_writer *w, struct str token,
			      struct str scope, struct str client_id)
{
	json_key(w, S("fhirAuthorization"));
	json_object_begin(w);
	json_put_member(w, S("access_token"), token);
	json_put_member(w, S("token_type"), S("Bearer"));
	json_key(w, S("expires_in"));
	json_put_i64(w, TOKEN_S);
	json_put_member(w, S("scope"), s->o.vendor == EHR_EPIC ? api_names(s, run->a, scope) : scope);
	json_put_member(w, S("subject"), client_id);
	json_object_end(w);
}

/* ---- the sandbox's own resources --------------------------------------------------------------------------------- */

struct fetching {
	struct sandbox *s;
	bool inside; /* past the vendor's face, as the EHR itself */
};

static void serve(void *ctx, struct http_exchange *x)
{
	const struct fetching *f = ctx;
	if (!rest_handle(f->inside ? f->s->inside : f->s->rest[HOST_PROVIDER], x))
		http_respond(x, &(struct http_response){.status = 404, .content_type = S("")});
}

struct str hooks_fetch(struct sandbox *s, struct arena *a, struct str token, struct str query)
{
	struct inside_answer got;
	struct str rest = query, path = str_split(&rest, '?');
	const struct http_header headers[] = {{S("Accept"), S("application/fhir+json")},
					      {S("Authorization"), arena_printf(a, "Bearer %.*s", STR_ARG(token))}};
	struct http_apart apart = {.request = {.method = S("GET"),
					       .path = arena_printf(a, "%s/%.*s", s->vendor->base_path, STR_ARG(path)),
					       .query = rest.p ? rest : S(""),
					       .body = S(""),
					       .file = -1,
					       .address = S("127.0.0.1"),
					       .request_id = S("hook")},
				   .headers = headers,
				   .header_count = token.p ? 2 : 1};
	struct fetching f = {s, !token.p};
	if (!apart.request.path.p || !inside_ask(&apart, a, serve, &f, &got) || got.status != 200)
		return STR_NULL;
	return got.body;
}

static const struct json *fetch_json(struct sandbox *s, struct arena *a, struct str token, struct str query)
{
	struct error ignored = {0};
	struct str text = hooks_fetch(s, a, token, query);
	return text.p ? json_parse(a, text, 0, &ignored) : NULL;
}

/* ---- draft orders ------------------------------------------------------------------------------------------------ */

struct drafts {
	struct hook_run *run;
	struct json_writer *w;
	struct str references[HOOKS_ORDERS];
	size_t count;
};

/* Epic's ids of drafts are some 200 characters long, longer than FHIR allows. */
struct str hooks_draft_id(struct sandbox *s, struct arena *a)
{
	struct str id = adapter_fresh_id(s->o.vendor, a, S("MedicationRequest"), NULL);
	while (s->o.vendor == EHR_EPIC && id.p && id.n < DRAFT_ID_SIZE)
		id = arena_printf(a, "%.*s%.*s", STR_ARG(id),
				  STR_ARG(adapter_fresh_id(s->o.vendor, a, S("MedicationRequest"), NULL)));
	return str_slice(id, 0, DRAFT_ID_SIZE);
}

static void put_entry(struct drafts *d, const struct json *resource)
{
	json_object_begin(d->w);
	json_key(d->w, S("resource"));
	json_put_value(d->w, resource);
	json_object_end(d->w);
}

static void put_draft(struct sandbox *s, struct drafts *d, const struct json *order)
{
	struct str own = json_get_str(order, S("id")), type = json_get_str(order, S("resourceType"));
	struct str id = d->run->wish->own_ids && own.n ? own : hooks_draft_id(s, d->run->a);
	if (d->count == HOOKS_ORDERS || !id.p)
		return;
	d->references[d->count++] = arena_printf(d->run->a, "%.*s/%.*s", STR_ARG(type), STR_ARG(id));
	json_object_begin(d->w);
	json_key(d->w, S("resource"));
	hook_draft_copy(d->w, order, id);
	json_object_end(d->w);
}

/* Since February 2024 what a draft leads to comes along. */
static void put_medication(struct sandbox *s, struct drafts *d, struct str token, const struct json *order)
{
	struct str reference = json_get_str(json_get(order, S("medicationReference")), S("reference"));
	const struct json *medication = reference.n && s->o.vendor == EHR_EPIC && released(s, "2024-02")
						? fetch_json(s, d->run->a, token, reference)
						: NULL;
	if (medication)
		put_entry(d, medication);
}

/* Given ones as they are, or by reference; otherwise the patient's newest. */
static bool put_given(struct sandbox *s, struct drafts *d, struct str token, struct error *err)
{
	struct json_iter it = json_iter(d->run->wish->orders);
	while (json_next(&it)) {
		struct str reference = json_str(it.value);
		const struct json *order = reference.n ? fetch_json(s, d->run->a, token, reference) : it.value;
		if (!json_get_str(order, S("resourceType")).n)
			return error_set(err, ERR_VALUE, "orders: %.*s is no resource that the app may read",
					 STR_ARG(str_slice(reference.n ? reference : S("an entry"), 0, 100)));
		put_draft(s, d, order);
		put_medication(s, d, token, order);
	}
	return true;
}

static void put_drawn(struct sandbox *s, struct drafts *d, struct str token, const char *type)
{
	const struct json *bundle = fetch_json(
		s, d->run->a, token, arena_printf(d->run->a, "%s?patient=%.*s", type, STR_ARG(d->run->wish->patient)));
	struct json_iter it = json_iter(json_get(bundle, S("entry")));
	for (size_t n = 0; n < DRAWN && json_next(&it);) {
		const struct json *order = json_get(it.value, S("resource"));
		if (!str_is(json_get_str(order, S("resourceType")), type))
			continue;
		put_draft(s, d, order);
		put_medication(s, d, token, order);
		n++;
	}
}

static bool put_orders(struct sandbox *s, struct hook_run *run, struct json_writer *w, struct str token,
		       struct error *err)
{
	struct drafts d = {.run = run, .w = w};
	json_key(w, S("draftOrders"));
	json_object_begin(w);
	json_put_member(w, S("resourceType"), S("Bundle"));
	json_put_member(w, S("type"), S("collection"));
	json_key(w, S("entry"));
	json_array_begin(w);
	bool ok = !run->wish->orders || put_given(s, &d, token, err);
	if (!run->wish->orders) {
		put_drawn(s, &d, token, "MedicationRequest");
		put_drawn(s, &d, token, "ServiceRequest");
	}
	json_array_end(w);
	json_object_end(w);
	if (run->wish->hook == HOOK_ORDER_SELECT) {
		json_key(w, S("selections"));
		json_array_begin(w);
		for (size_t i = 0; i < d.count; i++)
			json_put_str(w, d.references[i]);
		json_array_end(w);
	}
	return ok && (d.count || error_set(err, ERR_VALUE,
					   "The patient has no order that could be a draft, or the app may not read "
					   "MedicationRequest; give orders"));
}

static bool put_context(struct sandbox *s, struct hook_run *run, struct json_writer *w, struct str token,
			struct error *err)
{
	json_key(w, S("context"));
	json_object_begin(w);
	json_put_member(w, S("userId"), run->wish->user);
	json_put_member(w, S("patientId"), run->wish->patient);
	json_put_member(w, S("encounterId"), run->wish->encounter);
	bool ok = run->wish->hook == HOOK_PATIENT_VIEW || put_orders(s, run, w, token, err);
	json_object_end(w);
	return ok;
}

/* ---- prefetch ---------------------------------------------------------------------------------------------------- */

static struct str value_of(const struct hook_wish *wish, struct str token)
{
	struct str user = wish->user, type = str_split(&user, '/');
	const struct {
		const char *name;
		struct str value;
	} values[] = {{"context.patientId", wish->patient},
		      {"context.encounterId", wish->encounter},
		      {"context.userId", wish->user},
		      {"userPractitionerId", str_is(type, "Practitioner") ? user : STR_NULL},
		      {"userPractitionerRoleId", str_is(type, "PractitionerRole") ? user : STR_NULL}};
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (str_is(token, values[i].name))
			return values[i].value;
	return STR_NULL;
}

/* A template with its tokens filled in; STR_NULL when one of them is not known, so the key is left out. */
static struct str filled(struct arena *a, const struct hook_wish *wish, struct str text)
{
	struct str out = S("");
	for (;;) {
		size_t at = str_find(text, S("{{")), end = str_find(text, S("}}"));
		if (at == STR_NONE || end == STR_NONE || end < at)
			break;
		struct str value = value_of(wish, str_trim(str_slice(text, at + 2, end)));
		if (!value.p)
			return STR_NULL;
		out = arena_printf(a, "%.*s%.*s%.*s", STR_ARG(out), STR_ARG(str_slice(text, 0, at)), STR_ARG(value));
		text = str_slice(text, end + 2, text.n);
	}
	return arena_printf(a, "%.*s%.*s", STR_ARG(out), STR_ARG(text));
}

static void put_prefetch(struct sandbox *s, struct hook_run *run, struct json_writer *w, struct str token,
			 const struct json *prefetch)
{
	struct json_iter it = json_iter(prefetch);
	if (!json_size(prefetch))
		return;
	json_key(w, S("prefetch"));
	json_object_begin(w);
	for (size_t n = 0; n < HOOKS_PREFETCH && json_next(&it); n++) {
		struct str query = filled(run->a, run->wish, json_str(it.value));
		struct str text = query.n ? hooks_fetch(s, run->a, token, query) : STR_NULL;
		if (!text.p && s->o.vendor == EHR_EPIC)
			continue; /* what the app may not read is not there */
		json_key(w, it.key);
		json_put_raw(w, text.p ? text : S("null"));
	}
	json_object_end(w);
}

/* ---- Epic's extensions ------------------------------------------------------------------------------------------- */

static void put_extension(const struct sandbox *s, struct hook_run *run, struct json_writer *w)
{
	/* what was done in the EHR: a chart opened, an order entered, orders signed */
	static const char *const triggers[HOOK_COUNT] = {"60", "18", "23"};
	struct str user = run->wish->user;
	str_split(&user, '/');
#define PREFIX "com.epic.cdshooks.request."
	json_key(w, S("extension"));
	json_object_begin(w);
	json_put_member(w, S(PREFIX "bpa-trigger-action"), str_from(triggers[run->wish->hook]));
	json_put_member(w, S(PREFIX "criteria-id"), S("firth-sandbox"));
	json_put_member(w, S(PREFIX "epic-version"), s->behaviours[BEHAVIOUR_RELEASE]);
	json_put_member(w, S(PREFIX "fhir-version"), S("R4"));
	json_put_member(w, S(PREFIX "cds-hooks-specification-version"), S("2.0"));
	json_put_member(w, S(PREFIX "cds-hooks-implementation-version"), S("firth-sandbox"));
	json_put_member(w, S(PREFIX "cds-hooks-su-version"), S("firth-sandbox"));
	json_put_member(w, S("internal.epic.cdshooks.request.epic-emp-id"), user);
	json_object_end(w);
#undef PREFIX
}

/* The app must know the URL, or nothing about anybody is sent there. */
static bool knows_url(const struct smart_client *client, struct str url)
{
	return url.n && str_has_word(client->redirect_uris, url);
}

bool hooks_request(struct sandbox *s, struct hook_run *run, const struct json *prefetch, struct buf *out,
		   struct error *err)
{
	struct smart_client client = {0};
	struct str token = STR_NULL, scope = STR_NULL, id = run->wish->client_id;
	char uuid[UUID_SIZE];
	if (id.n && s->smart && (!smart_client_find(s->smart, run->a, id, &client, err) || !client.client_id.n))
		return error_set(err, ERR_VALUE, "There is no app %.*s", STR_ARG(str_slice(id, 0, 80)));
	if (client.client_id.n && !make_token(s, run->a, &client, &token, &scope, err))
		return false;
	bool stripped = s->o.vendor == EHR_EPIC && client.client_id.n && !knows_url(&client, run->url);
	if (stripped)
		judge_note(&run->judged, false, "Epic", S("request"),
			   S("the service's URL is none of the app's registered URIs: context, prefetch and token are "
			     "left out"));
	random_uuid(uuid);
	struct json_writer w = json_writer(out);
	json_object_begin(&w);
	json_put_member(&w, S("hookInstance"), str_make(uuid, UUID_SIZE));
	json_put_member(&w, S("hook"), str_from(hook_name(run->wish->hook)));
	json_put_member(&w, S("fhirServer"), s->fhir_base);
	if (token.p && !stripped)
		put_authorization(s, run, &w, token, scope, client.client_id);
	if (stripped)
		json_put_raw((json_key(&w, S("context")), &w), S("{}"));
	else if (!put_context(s, run, &w, token, err))
		return false;
	if (!stripped)
		put_prefetch(s, run, &w, token, prefetch);
	if (s->o.vendor == EHR_EPIC)
		put_extension(s, run, &w);
	json_object_end(&w);
	return buf_ok(out) || error_memory(err);
}
