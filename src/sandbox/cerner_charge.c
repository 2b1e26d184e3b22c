/*
 * ChargeItem/$create, ChargeItem/ID/$credit and ChargeItem/ID/$modify at Cerner: charges are entered by operations
 * alone. Known are their names and a sentence each: a credit is an offsetting charge for one that is there, a
 * modification makes a new one. What goes in and comes out is not published; here a charge comes as the resource of a
 * Parameters, the answer is that of a create, and the new charge names the old one in partOf (behaviour
 * charge-operations).
 */
#include "sandbox/cerner_priv.h"
#include "sandbox/faults_priv.h"
#include "sandbox/reshape_priv.h"
#include "sandbox/work_priv.h"

#include "base/clock.h"

enum { TEXT_MAX = 16 << 20 };

struct charge {
	struct sandbox *s;
	struct http_exchange *x;
	const char *operation;
	struct str id; /* of the charge that is there; STR_NULL for $create */
};

/* ---- answers ------------------------------------------------------------------------------------------------------
 */

static void refuse(struct http_exchange *x, int status, const char *issue, const char *text)
{
	struct buf body;
	buf_init(&body, 1 << 12);
	buf_add(&body, reshape_form(http_request(x)->arena,
				    "{'resourceType':'OperationOutcome','issue':[{'severity':'error','code':$,"
				    "'details':{'text':$}}]}",
				    str_from(issue), str_from(text)));
	http_respond(x, &(struct http_response){
				.status = status, .content_type = S("application/fhir+json"), .body = &body});
	buf_done(&body);
}

static void created(struct charge *c, struct str id)
{
	struct arena *a = http_request(c->x)->arena;
	struct buf body;
	const struct http_header headers[] = {
		{S("Location"), face_url(c->s, a, S("ChargeItem"), id)},
		{S("ETag"), S("W/\"1\"")},
		{S("Access-Control-Allow-Origin"), S("*")},
	};
	buf_init(&body, 16);
	http_respond(c->x, &(struct http_response){.status = 201,
						   .content_type = S("text/html"),
						   .headers = headers,
						   .header_count = 3,
						   .body = &body});
	buf_done(&body);
}

/* ---- the charges ----------------------------------------------------------------------------------------------------
 */

/* The ChargeItem of a Parameters, or the body itself. */
static const struct json *charge_sent(struct arena *a, struct str text)
{
	struct error ignored = {0};
	const struct json *body = text.n ? json_parse(a, text, 0, &ignored) : NULL;
	struct json_iter it = json_iter(json_get(body, S("parameter")));
	if (str_is(json_get_str(body, S("resourceType")), "ChargeItem"))
		return body;
	while (json_next(&it)) {
		const struct json *resource = json_get(it.value, S("resource"));
		if (str_is(json_get_str(resource, S("resourceType")), "ChargeItem"))
			return resource;
	}
	return NULL;
}

static const struct json *charge_there(struct charge *c)
{
	struct arena *a = http_request(c->x)->arena;
	const struct fhir_type *type = definitions_resource(c->s->o.definitions, S("ChargeItem"));
	struct store_entry entry;
	struct error ignored = {0};
	return fhir_id_valid(c->id) && store_read(c->s->o.store, a, type, c->id, 0, &entry, &ignored)
		       ? json_parse(a, entry.body, 0, &ignored)
		       : NULL;
}

/* Offsetting: the same with the opposite quantity. */
static void put_quantity(struct json_writer *w, struct arena *a, const struct json *quantity)
{
	struct str number = json_number(json_get(quantity, S("value")));
	bool negative = str_starts(number, S("-"));
	json_key(w, S("quantity"));
	json_put_raw(w, reshape_form(a, "{'value':##}", negative ? S("") : S("-"),
				     !number.n ? S("1") : str_slice(number, negative, number.n)));
}

static struct str charge_text(struct charge *c, const struct json *charge, struct str id)
{
	struct arena *a = http_request(c->x)->arena;
	struct json_iter it = json_iter(charge);
	bool credit = strcmp(c->operation, "credit") == 0;
	struct buf out;
	char now[CLOCK_INSTANT_SIZE];
	clock_format_instant(clock_now_ms(), now);
	buf_init(&out, TEXT_MAX);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("resourceType"), S("ChargeItem"));
	json_put_member(&w, S("id"), id);
	while (json_next(&it)) {
		if (face_listed("resourceType id meta text partOf enteredDate", it.key) ||
		    (credit && str_is(it.key, "quantity")))
			continue;
		json_key(&w, it.key);
		json_put_value(&w, it.value);
	}
	if (c->id.n)
		json_key(&w, S("partOf")),
			json_put_raw(&w, reshape_form(a, "[{'reference':$}]",
						      arena_printf(a, "ChargeItem/%.*s", STR_ARG(c->id))));
	if (credit)
		put_quantity(&w, a, json_get(charge, S("quantity")));
	json_put_member(&w, S("enteredDate"), arena_printf(a, "%.19s.000Z", now));
	json_object_end(&w);
	struct str text = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

static void run(void *arg)
{
	struct charge *c = arg;
	const struct http_request *r = http_request(c->x);
	struct error err = {0};
	const struct json *there = c->id.n ? charge_there(c) : NULL, *sent = charge_sent(r->arena, r->body);
	const struct json *charge = strcmp(c->operation, "credit") == 0 ? there : sent;
	if (c->id.n && !there) {
		refuse(c->x, 404, "not-found", "Not Found");
		return;
	}
	if (!charge) {
		refuse(c->x, 422, "required", "a ChargeItem is required");
		return;
	}
	struct str id = adapter_fresh_id(EHR_CERNER, r->arena, S("ChargeItem"), charge);
	struct str text = charge_text(c, charge, id);
	if (text.p && face_store(c->s, r->arena, S("ChargeItem"), id, text, &err))
		created(c, id);
	else
		refuse(c->x, 422, "business-rule", "the ChargeItem is not valid");
}

/* ---- the route ------------------------------------------------------------------------------------------------------
 */

/* "ChargeItem/$create" and the like below the base. */
static bool route(struct sandbox *s, struct http_exchange *x, const char **ret_operation, struct str *ret_id)
{
	static const char *const operations[] = {"create", "credit", "modify"};
	const struct http_request *r = http_request(x);
	struct str below = str_from(s->vendor->base_path);
	if (!str_is(r->method, "POST") || !str_starts(r->path, below))
		return false;
	below = str_slice(r->path, below.n, r->path.n);
	if (!str_starts(below, S("/ChargeItem/")))
		return false;
	below = str_slice(below, sizeof("/ChargeItem/") - 1, below.n);
	size_t dollar = str_find_char(below, '$', 0);
	for (size_t i = 0; dollar != STR_NONE && i < 3; i++) {
		if (!str_is(str_slice(below, dollar + 1, below.n), operations[i]) || (dollar == 0) != (i == 0))
			continue;
		*ret_operation = operations[i];
		*ret_id = i ? str_slice(below, 0, dollar - 1) : STR_NULL;
		return true;
	}
	return false;
}

/* Who may create charges: the operations have no scope of their own. */
static bool may(struct sandbox *s, struct http_exchange *x)
{
	struct grant grant;
	struct error ignored = {0};
	if (!s->smart)
		return true;
	if (!smart_authorize(s->smart, http_request(x)->arena, http_request_header(x, "Authorization"), NULL, &grant,
			     &ignored))
		return false;
	struct str rest = grant.scope_text;
	while (rest.p) {
		struct scope scope;
		if (scope_parse(s->o.definitions, str_split(&rest, ' '), &scope) && (scope.permissions & SCOPE_C) &&
		    (str_is(scope.type, "ChargeItem") || str_is(scope.type, "*")))
			return true;
	}
	return false;
}

bool cerner_charge(struct sandbox *s, struct http_exchange *x, enum face_host host)
{
	const char *operation;
	struct str id;
	if (s->o.vendor != EHR_CERNER || host != HOST_PROVIDER || !behaves(s, BEHAVIOUR_CHARGE_OPERATIONS, "on") ||
	    !route(s, x, &operation, &id) || !may(s, x))
		return false; /* who may not is told by the face */
	struct charge *c = ARENA_NEW(http_request(x)->arena, struct charge);
	if (!c) {
		refuse(x, 500, "exception", "Out of memory");
		return true;
	}
	*c = (struct charge){s, x, operation, id};
	if (!work_start(s, run, c))
		refuse(x, 503, "transient", "Too much is under way");
	return true;
}
